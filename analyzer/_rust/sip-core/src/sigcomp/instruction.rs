//! What each instruction does (RFC 3320 §9). First its operands are read, then it is paid for, then it acts.

use sha1::{Digest, Sha1};

use super::failure::Reason;
use super::machine::{Ended, INPUT_BIT_ORDER, Machine, Pending, Step};

/// How many bytes of an identifier name a state item (RFC 3320 §9.4.5).
const IDENTIFIER: std::ops::RangeInclusive<u16> = 6..=20;
/// That of state which an endpoint has of its own accord.
const LOCAL: u16 = u16::MAX;

/// Executes the instruction whose opcode was read; what the message leaves if it was the last.
pub(super) fn execute(it: &mut Machine<'_>) -> Step<Option<Ended>> {
    match it.opcode {
        0 => {
            it.pay(1)?;
            return Err(Reason::UserRequested);
        }
        1 => with(it, |a, b| Ok(a & b))?,
        2 => with(it, |a, b| Ok(a | b))?,
        3 => {
            let at = it.reference()?;
            it.pay(1)?;
            it.set_word(at, !it.word(at)?)?;
        }
        4 => with(it, |a, b| Ok(a.checked_shl(b.into()).unwrap_or(0)))?,
        5 => with(it, |a, b| Ok(a.checked_shr(b.into()).unwrap_or(0)))?,
        6 => with(it, |a, b| Ok(a.wrapping_add(b)))?,
        7 => with(it, |a, b| Ok(a.wrapping_sub(b)))?,
        8 => with(it, |a, b| Ok(a.wrapping_mul(b)))?,
        9 => with(it, |a, b| a.checked_div(b).ok_or(Reason::DivByZero))?,
        10 => with(it, |a, b| a.checked_rem(b).ok_or(Reason::DivByZero))?,
        11 => sort(it, false)?,
        12 => sort(it, true)?,
        13 => {
            let (position, length, destination) = (it.multitype()?, it.multitype()?, it.multitype()?);
            it.pay(1 + u64::from(length))?;
            let mut hash = Sha1::new();
            it.each(position, length, |bytes| hash.update(bytes))?;
            it.write(destination, &hash.finalize())?;
        }
        14 => {
            let (address, value) = (it.multitype()?, it.multitype()?);
            it.pay(1)?;
            it.set_word(address, value)?;
        }
        15 => multiload(it)?,
        16 => {
            let value = it.multitype()?;
            it.pay(1)?;
            it.push(value)?;
        }
        17 => {
            let address = it.multitype()?;
            it.pay(1)?;
            let value = it.pop()?;
            it.set_word(address, value)?;
        }
        18 => {
            let (position, length, destination) = (it.multitype()?, it.multitype()?, it.multitype()?);
            it.pay(1 + u64::from(length))?;
            it.copy(position, length, destination)?;
        }
        19 => {
            let (position, length, destination) = (it.multitype()?, it.multitype()?, it.reference()?);
            copy_literal(it, position, length, destination)?;
        }
        20 => {
            let (offset, length, destination) = (it.multitype()?, it.multitype()?, it.reference()?);
            let position = it.ring()?.back(it.word(destination)?, offset);
            copy_literal(it, position, length, destination)?;
        }
        21 => {
            let (address, length) = (it.multitype()?, it.multitype()?);
            let (start, offset) = (it.multitype()?, it.multitype()?);
            it.pay(1 + u64::from(length))?;
            let values = (0..length).map(|n| start.wrapping_add(n.wrapping_mul(offset)) as u8);
            it.write(address, &values.collect::<Vec<u8>>())?;
        }
        22 => {
            let address = it.address()?;
            it.pay(1)?;
            it.jump(address)?;
        }
        23 => {
            let (first, second) = (it.multitype()?, it.multitype()?);
            let (less, equal, greater) = (it.address()?, it.address()?, it.address()?);
            it.pay(1)?;
            it.jump(match first.cmp(&second) {
                std::cmp::Ordering::Less => less,
                std::cmp::Ordering::Equal => equal,
                std::cmp::Ordering::Greater => greater,
            })?;
        }
        24 => {
            let address = it.address()?;
            it.pay(1)?;
            it.push(it.pc)?;
            it.jump(address)?;
        }
        25 => {
            it.pay(1)?;
            let address = it.pop()?;
            it.jump(address)?;
        }
        26 => switch(it)?,
        27 => {
            let (value, position, length) = (it.multitype()?, it.multitype()?, it.multitype()?);
            let otherwise = it.address()?;
            it.pay(1 + u64::from(length))?;
            let mut crc = 0xFFFF;
            it.each(position, length, |bytes| crc = bytes.iter().fold(crc, |crc, &byte| fcs(crc, byte)))?;
            if crc != value {
                it.jump(otherwise)?;
            }
        }
        28 => {
            let (length, destination, otherwise) = (it.multitype()?, it.multitype()?, it.address()?);
            it.pay(1 + u64::from(length))?;
            match it.input.bytes(length.into()) {
                None => it.jump(otherwise)?,
                Some(bytes) => {
                    it.write(destination, bytes)?;
                    it.earn(u64::from(length) * 8);
                }
            }
        }
        29 => {
            let (length, destination, otherwise) = (it.multitype()?, it.multitype()?, it.address()?);
            it.pay(1)?;
            let order = bit_order(it)?;
            if length > 16 {
                return Err(Reason::TooManyBitsRequested);
            }
            match it.input.bits(length.into(), order & 4 != 0) {
                None => it.jump(otherwise)?,
                Some(value) => {
                    it.set_word(destination, value)?;
                    it.earn(length.into());
                }
            }
        }
        30 => input_huffman(it)?,
        31 => state_access(it)?,
        32 => {
            let creation = creation(it)?;
            let Pending::Create { length, minimum, priority, .. } = creation else { return Err(Reason::InternalError) };
            it.pay(1 + u64::from(length))?;
            if !IDENTIFIER.contains(&minimum) {
                return Err(Reason::InvalidStateIdLength);
            }
            if priority == LOCAL {
                return Err(Reason::InvalidStatePriority);
            }
            it.request(creation)?;
        }
        33 => {
            let (start, length) = (it.multitype()?, it.multitype()?);
            it.pay(1)?;
            if !IDENTIFIER.contains(&length) {
                return Err(Reason::InvalidStateIdLength);
            }
            it.request(Pending::Free { start, length })?;
        }
        34 => {
            let (start, length) = (it.multitype()?, it.multitype()?);
            it.pay(1 + u64::from(length))?;
            it.put_out(start, length)?;
        }
        35 => return end_message(it).map(Some),
        _ => return Err(Reason::InvalidOpcode),
    }
    Ok(None)
}

/// Replaces the word at a reference by what comes of it and the second operand.
#[inline]
fn with(it: &mut Machine<'_>, of: impl Fn(u16, u16) -> Step<u16>) -> Step<()> {
    let at = it.reference()?;
    let first = it.word(at)?;
    let second = it.multitype()?;
    it.pay(1)?;
    it.set_word(at, of(first, second)?)
}

/// RFC 3320 §9.1.3: `n` lists of `k` words, all permuted as the first one is when it is sorted.
fn sort(it: &mut Machine<'_>, descending: bool) -> Step<()> {
    let (start, n, k) = (it.multitype()?, it.multitype()?, it.multitype()?);
    let steps = u64::from(u32::from(k).next_power_of_two().trailing_zeros());
    it.pay(1 + u64::from(k) * (steps + u64::from(n)))?;
    let words = usize::from(n) * usize::from(k);
    let bytes = it.slice(start, words * 2)?;
    let list = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect::<Vec<u16>>();
    let mut order: Vec<usize> = (0..usize::from(k).min(words)).collect();
    // Both keep the order of what is equal.
    order.sort_by(|&a, &b| if descending { list[b].cmp(&list[a]) } else { list[a].cmp(&list[b]) });
    let sorted = list.chunks_exact(usize::from(k).max(1)).flat_map(|list| order.iter().map(|&place| list[place]));
    for (place, word) in bytes.chunks_exact_mut(2).zip(sorted) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    Ok(())
}

/// Step by step, and never over itself (RFC 3320 §9.2.2, RFC 4896 §3.2).
fn multiload(it: &mut Machine<'_>) -> Step<()> {
    let (address, n) = (it.multitype()?, it.literal()?);
    it.pay(1 + u64::from(n))?;
    let first = it.pc;
    // Where it ends is known when its last operand is read: what is written before may not lie behind its opcode.
    let end = behind(it, n)?;
    it.pc = first;
    let (begun, end) = (u32::from(it.begun), u32::from(end));
    let (from, to) = (u32::from(address), u32::from(address) + 2 * u32::from(n));
    if n > 0 && from < end && begun < to {
        return Err(Reason::MultiloadOverwritten);
    }
    for place in 0..n {
        let value = it.multitype()?;
        it.set_word(address.wrapping_add(place.wrapping_mul(2)), value)?;
    }
    Ok(())
}

/// Where the instruction ends that has so many more multitype operands.
fn behind(it: &mut Machine<'_>, operands: u16) -> Step<u16> {
    for _ in 0..operands {
        let more = match it.byte(it.pc)? {
            0x00..=0x7F | 0x86..=0x8F | 0xE0..=0xFF => 1,
            0x90..=0xDF => 2,
            0x80 | 0x81 => 3,
            0x82..=0x85 => return Err(Reason::InvalidOperand),
        };
        it.pc = it.pc.wrapping_add(more);
    }
    Ok(it.pc)
}

fn copy_literal(it: &mut Machine<'_>, position: u16, length: u16, destination: u16) -> Step<()> {
    it.pay(1 + u64::from(length))?;
    let to = it.word(destination)?;
    let next = it.copy(position, length, to)?;
    if length > 0 { it.set_word(destination, next) } else { Ok(()) }
}

fn switch(it: &mut Machine<'_>) -> Step<()> {
    let (n, j) = (it.literal()?, it.multitype()?);
    it.pay(1 + u64::from(n))?;
    if j >= n {
        return Err(Reason::SwitchValueTooHigh);
    }
    behind(it, j)?;
    let address = it.address()?;
    it.jump(address)
}

/// A byte more of the 16-bit FCS of PPP (RFC 1662 §C.2), whose complement is what PPP sends; RFC 4465 A.1.9 has it as it is.
fn fcs(crc: u16, byte: u8) -> u16 {
    (0..8).fold(crc ^ u16::from(byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0x8408 })
}

/// The register, and what of it concerns the input (RFC 3320 §8.2).
#[inline]
fn bit_order(it: &mut Machine<'_>) -> Step<u16> {
    let order = it.word(INPUT_BIT_ORDER)?;
    if order > 7 {
        return Err(Reason::BadInputBitorder);
    }
    it.input.order(order & 1 != 0);
    Ok(order)
}

fn input_huffman(it: &mut Machine<'_>) -> Step<()> {
    let (destination, otherwise, n) = (it.multitype()?, it.address()?, it.literal()?);
    it.pay(1 + u64::from(n))?;
    if n == 0 {
        return Ok(());
    }
    let mut sets = std::mem::take(&mut it.sets);
    sets.clear();
    let mut total = 0;
    for _ in 0..n {
        let set = [it.multitype()?, it.multitype()?, it.multitype()?, it.multitype()?];
        total += u64::from(set[0]);
        sets.push(set);
    }
    let order = bit_order(it)?;
    if total > 16 {
        return Err(Reason::TooManyBitsRequested);
    }
    let (mut code, mut taken) = (0u16, 0);
    for &[bits, lower, upper, uncompressed] in &sets {
        let Some(more) = it.input.bits(bits.into(), order & 2 != 0) else {
            it.jump(otherwise)?;
            it.sets = sets;
            return Ok(());
        };
        taken += u64::from(bits);
        code = code.checked_shl(bits.into()).unwrap_or(0) | more;
        if (lower..=upper).contains(&code) {
            it.set_word(destination, code.wrapping_add(uncompressed).wrapping_sub(lower))?;
            it.earn(taken);
            it.sets = sets;
            return Ok(());
        }
    }
    Err(Reason::HuffmanNoMatch)
}

fn state_access(it: &mut Machine<'_>) -> Step<()> {
    let (start, partial) = (it.multitype()?, it.multitype()?);
    let (begin, length) = (it.multitype()?, it.multitype()?);
    let (address, instruction) = (it.multitype()?, it.multitype()?);
    // What the item costs is known when it is found.
    it.pay(1)?;
    if !IDENTIFIER.contains(&partial) {
        return Err(Reason::InvalidStateIdLength);
    }
    let identifier = it.read(start, partial)?;
    let state = it.state(&identifier)?;
    if length == 0 && begin != 0 {
        return Err(Reason::InvalidStateProbe);
    }
    let or = |given: u16, own: u16| if given == 0 { own } else { given };
    let length = or(length, state.value.len() as u16);
    it.pay(length.into())?;
    let value = state.value.get(usize::from(begin)..).and_then(|rest| rest.get(..usize::from(length)));
    it.write(or(address, state.address), value.ok_or(Reason::StateTooShort)?)?;
    match or(instruction, state.instruction) {
        0 => Ok(()),
        next => it.jump(next),
    }
}

/// The operands by which state is created.
fn creation(it: &mut Machine<'_>) -> Step<Pending> {
    let (length, address, instruction) = (it.multitype()?, it.multitype()?, it.multitype()?);
    Ok(Pending::Create { length, address, instruction, minimum: it.multitype()?, priority: it.multitype()? })
}

fn end_message(it: &mut Machine<'_>) -> Step<Ended> {
    let (requested, returned) = (it.multitype()?, it.multitype()?);
    let creation = creation(it)?;
    let Pending::Create { length, minimum, priority, .. } = creation else { return Err(Reason::InternalError) };
    it.pay(1 + u64::from(length))?;
    // Otherwise it has no request of its own, and that is no failure.
    if IDENTIFIER.contains(&minimum) && priority != LOCAL {
        it.request(creation)?;
    }
    Ok(Ended {
        requests: it.requests()?,
        requested_feedback: it.requested_feedback(requested)?,
        returned: it.returned(returned)?,
        ..Ended::default()
    })
}
