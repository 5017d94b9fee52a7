//! The machine that runs a message's bytecode (RFC 3320 §8): memory, operands, byte copying, cycles.

use super::failure::Reason;
use super::input::Input;
use super::state::{Request, State};

/// The memory that the machine has at most (RFC 3320 §7).
pub(super) const MOST: usize = 65_536;
/// All that a message may become (RFC 3320 §9.4.8).
const MAX_OUTPUT: usize = 65_536;
/// Requests of each kind that a message may make (RFC 3320 §6.2).
const MAX_REQUESTS: usize = 4;

/// Registers (RFC 3320 §8.1).
const BYTE_COPY_LEFT: u16 = 64;
const BYTE_COPY_RIGHT: u16 = 66;
pub(super) const INPUT_BIT_ORDER: u16 = 68;
const STACK_LOCATION: u16 = 70;

/// What the receiver of a message has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Bytes of memory for the machine.
    pub memory: usize,
    pub cycles_per_bit: u16,
    pub version: u8,
    /// More cycles than the message may take are not spent, however many it has.
    pub max_cycles: u64,
}

/// What a message does when it ends (RFC 3320 §9.4.9).
#[derive(Debug, Default)]
pub struct Ended {
    pub requests: Vec<Request>,
    /// What the receiver is to return with its next message.
    pub requested_feedback: Option<Vec<u8>>,
    pub returned: Option<Returned>,
    pub cycles: u64,
    /// There was an OUTPUT, maybe of nothing.
    pub has_output: bool,
}

/// What the sender says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// cycles_per_bit, decompression_memory_size and state_memory_size as they are encoded; 0 = not said.
    pub parameters: u8,
    /// 0 = not said.
    pub version: u8,
    /// Partial identifiers of state that it has.
    pub states: Vec<Vec<u8>>,
}

impl Returned {
    /// Bytes for a message and its machine.
    pub fn memory(&self) -> Option<usize> {
        match self.parameters >> 3 & 7 {
            0 => None,
            encoded => Some(1_024 << encoded),
        }
    }

    pub fn cycles_per_bit(&self) -> u16 {
        16 << (self.parameters >> 6)
    }
}

/// Looks state up by a partial identifier.
pub(super) type Find<'a> = &'a dyn Fn(&[u8]) -> Result<std::sync::Arc<State>, Reason>;

/// A request as an instruction makes it: what it names is read when the message ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pending {
    Create { length: u16, address: u16, instruction: u16, minimum: u16, priority: u16 },
    Free { start: u16, length: u16 },
}

pub(super) struct Machine<'a> {
    pub memory: &'a mut [u8],
    /// Of the next byte of bytecode.
    pub pc: u16,
    pub opcode: u8,
    /// Where the instruction at hand begins.
    pub begun: u16,
    pub cycles: u64,
    pub spent: u64,
    pub parameters: Parameters,
    pub input: Input<'a>,
    pub output: &'a mut Vec<u8>,
    /// Length of the output before this message.
    pub base: usize,
    pub has_output: bool,
    pub creations: usize,
    pub requests: Vec<Pending>,
    pub find: Find<'a>,
    /// The partial identifier of state that could not be had.
    pub missing: Vec<u8>,
    /// Operands of INPUT-HUFFMAN.
    pub sets: Vec<[u16; 4]>,
}

pub(super) type Step<T> = Result<T, Reason>;

impl Machine<'_> {
    /// Pays for an instruction, before it does anything.
    #[inline]
    pub fn pay(&mut self, cost: u64) -> Step<()> {
        if cost > self.cycles || self.spent + cost > self.parameters.max_cycles {
            return Err(Reason::CyclesExhausted);
        }
        self.cycles -= cost;
        self.spent += cost;
        Ok(())
    }

    /// Bits that were asked for bring cycles (RFC 3320 §8.6).
    #[inline]
    pub fn earn(&mut self, bits: u64) {
        self.cycles += bits * u64::from(self.parameters.cycles_per_bit);
    }

    #[inline]
    pub fn byte(&self, address: u16) -> Step<u8> {
        self.memory.get(usize::from(address)).copied().ok_or(Reason::Segfault)
    }

    #[inline]
    pub fn word(&self, address: u16) -> Step<u16> {
        Ok(u16::from_be_bytes([self.byte(address)?, self.byte(address.wrapping_add(1))?]))
    }

    #[inline]
    pub fn set_byte(&mut self, address: u16, value: u8) -> Step<()> {
        *self.memory.get_mut(usize::from(address)).ok_or(Reason::Segfault)? = value;
        Ok(())
    }

    #[inline]
    pub fn set_word(&mut self, address: u16, value: u16) -> Step<()> {
        let [high, low] = value.to_be_bytes();
        // Neither is written if one cannot be.
        self.byte(address.wrapping_add(1))?;
        self.set_byte(address, high)?;
        self.set_byte(address.wrapping_add(1), low)
    }

    /// The bytes from an address on, without regard to the registers.
    pub fn slice(&mut self, from: u16, length: usize) -> Step<&mut [u8]> {
        self.memory.get_mut(usize::from(from)..).and_then(|rest| rest.get_mut(..length)).ok_or(Reason::Segfault)
    }

    #[inline]
    pub fn next(&mut self) -> Step<u8> {
        let byte = self.byte(self.pc)?;
        self.pc = self.pc.wrapping_add(1);
        Ok(byte)
    }

    #[inline]
    fn next_word(&mut self, high: u8) -> Step<u16> {
        Ok(u16::from_be_bytes([high, self.next()?]))
    }

    /// A literal operand (RFC 3320 figure 8).
    #[inline]
    pub fn literal(&mut self) -> Step<u16> {
        let first = self.next()?;
        match first {
            0x00..=0x7F => Ok(u16::from(first)),
            0x80..=0xBF => self.next_word(first & 0x3F),
            0xC0 => {
                let high = self.next()?;
                self.next_word(high)
            }
            _ => Err(Reason::InvalidOperand),
        }
    }

    /// The address in a reference operand (figure 9).
    #[inline]
    pub fn reference(&mut self) -> Step<u16> {
        let first = self.next()?;
        match first {
            0x00..=0x7F => Ok(u16::from(first) * 2),
            0x80..=0xBF => Ok(self.next_word(first & 0x3F)?.wrapping_mul(2)),
            0xC0 => {
                let high = self.next()?;
                self.next_word(high)
            }
            _ => Err(Reason::InvalidOperand),
        }
    }

    /// The value of a multitype operand (figure 10).
    #[inline]
    pub fn multitype(&mut self) -> Step<u16> {
        let first = self.next()?;
        match first {
            0x00..=0x3F => Ok(u16::from(first)),
            0x40..=0x7F => self.word(u16::from(first & 0x3F) * 2),
            0x86 | 0x87 => Ok(1 << (6 + (first & 1))),
            0x88..=0x8F => Ok(1 << (8 + (first & 7))),
            0xE0..=0xFF => Ok(u16::from(first & 0x1F) + 65_504),
            0x90..=0x9F => Ok(self.next_word(first & 0x0F)? + 61_440),
            0xA0..=0xBF => self.next_word(first & 0x1F),
            0xC0..=0xDF => {
                let address = self.next_word(first & 0x1F)?;
                self.word(address)
            }
            0x80 => {
                let high = self.next()?;
                self.next_word(high)
            }
            0x81 => {
                let high = self.next()?;
                let address = self.next_word(high)?;
                self.word(address)
            }
            0x82..=0x85 => Err(Reason::InvalidOperand),
        }
    }

    /// The value of an address operand: from the instruction on.
    #[inline]
    pub fn address(&mut self) -> Step<u16> {
        Ok(self.multitype()?.wrapping_add(self.begun))
    }

    /// Goes on elsewhere.
    #[inline]
    pub fn jump(&mut self, address: u16) -> Step<()> {
        if usize::from(address) >= self.memory.len() {
            return Err(Reason::Segfault);
        }
        self.pc = address;
        Ok(())
    }

    /// The bounds of byte copying as they are now.
    #[inline]
    pub fn ring(&self) -> Step<Ring> {
        Ok(Ring { left: self.word(BYTE_COPY_LEFT)?, right: self.word(BYTE_COPY_RIGHT)? })
    }

    /// The stretches that byte copying of so many bytes goes through; the address behind them.
    #[inline]
    fn stretches(&self, from: u16, length: u16, mut each: impl FnMut(&[u8])) -> Step<u16> {
        let ring = self.ring()?;
        let (mut at, mut left) = (from, usize::from(length));
        while left > 0 {
            let run = ring.run(at).min(left);
            let start = usize::from(at);
            each(self.memory.get(start..start + run).ok_or(Reason::Segfault)?);
            at = ring.after(at, run);
            left -= run;
        }
        Ok(at)
    }

    /// Reads by the rules of byte copying (RFC 3320 §8.4).
    pub fn read(&self, from: u16, length: u16) -> Step<Vec<u8>> {
        let mut out = Vec::with_capacity(usize::from(length));
        self.stretches(from, length, |bytes| out.extend_from_slice(bytes))?;
        Ok(out)
    }

    /// Hands over by the rules of byte copying.
    pub fn each(&self, from: u16, length: u16, each: impl FnMut(&[u8])) -> Step<()> {
        self.stretches(from, length, each).map(drop)
    }

    /// Writes by the rules of byte copying; the address behind.
    pub fn write(&mut self, to: u16, bytes: &[u8]) -> Step<u16> {
        let ring = self.ring()?;
        let (mut at, mut rest) = (to, bytes);
        while !rest.is_empty() {
            let run = ring.run(at).min(rest.len());
            let (now, later) = rest.split_at(run);
            self.slice(at, run)?.copy_from_slice(now);
            at = ring.after(at, run);
            rest = later;
        }
        Ok(at)
    }

    /// Copies within the memory byte by byte, so that what was just written may be read; the address behind.
    pub fn copy(&mut self, from: u16, length: u16, to: u16) -> Step<u16> {
        let ring = self.ring()?;
        let (mut source, mut target, mut left) = (from, to, usize::from(length));
        while left > 0 {
            let run = ring.run(source).min(ring.run(target)).min(left);
            let (start, end) = (usize::from(source), usize::from(target));
            if start.max(end) + run > self.memory.len() {
                return Err(Reason::Segfault);
            }
            if start < end && end < start + run {
                // It reads what it writes.
                for step in 0..run {
                    self.memory[end + step] = self.memory[start + step];
                }
            } else {
                self.memory.copy_within(start..start + run, end);
            }
            (source, target) = (ring.after(source, run), ring.after(target, run));
            left -= run;
        }
        Ok(target)
    }

    /// RFC 3320 §8.3; that the fill wraps is RFC 4896 §3.4.
    pub fn push(&mut self, value: u16) -> Step<()> {
        let stack = self.word(STACK_LOCATION)?;
        let fill = self.word(stack)?;
        self.set_word(stack.wrapping_add(fill.wrapping_mul(2)).wrapping_add(2), value)?;
        self.set_word(stack, fill.wrapping_add(1))
    }

    pub fn pop(&mut self) -> Step<u16> {
        let stack = self.word(STACK_LOCATION)?;
        let fill = self.word(stack)?.checked_sub(1).ok_or(Reason::StackUnderflow)?;
        self.set_word(stack, fill)?;
        self.word(stack.wrapping_add(fill.wrapping_mul(2)).wrapping_add(2))
    }

    pub fn put_out(&mut self, from: u16, length: u16) -> Step<()> {
        self.has_output = true;
        if self.output.len() - self.base + usize::from(length) > MAX_OUTPUT {
            return Err(Reason::OutputOverflow);
        }
        let mut output = std::mem::take(self.output);
        let done = self.each(from, length, |bytes| output.extend_from_slice(bytes));
        *self.output = output;
        done
    }

    /// The state of this partial identifier.
    pub fn state(&mut self, partial: &[u8]) -> Step<std::sync::Arc<State>> {
        (self.find)(partial).inspect_err(|_| self.missing = partial.to_vec())
    }

    pub fn request(&mut self, request: Pending) -> Step<()> {
        let of_kind = match request {
            Pending::Create { .. } => self.creations,
            Pending::Free { .. } => self.requests.len() - self.creations,
        };
        if of_kind >= MAX_REQUESTS {
            return Err(Reason::TooManyStateRequests);
        }
        self.creations += usize::from(matches!(request, Pending::Create { .. }));
        self.requests.push(request);
        Ok(())
    }

    /// What is asked for, as the memory is now (RFC 4896 §4.1).
    pub fn requests(&mut self) -> Step<Vec<Request>> {
        let pending = std::mem::take(&mut self.requests);
        let read = |request| {
            Ok(match request {
                Pending::Create { length, address, instruction, minimum, priority } => {
                    let state = State::new(self.read(address, length)?, address, instruction, minimum);
                    Request::Create { state, priority }
                }
                Pending::Free { start, length } => Request::Free(self.read(start, length)?),
            })
        };
        pending.into_iter().map(read).collect()
    }

    /// Figure 12: a byte of flags, and where they say so an item of either length.
    pub fn requested_feedback(&self, location: u16) -> Step<Option<Vec<u8>>> {
        if location == 0 || self.byte(location)? & 4 == 0 {
            return Ok(None);
        }
        let at = location.wrapping_add(1);
        let first = self.byte(at)?;
        let more = if first & 0x80 == 0 { 0 } else { u16::from(first & 0x7F) };
        (0..=more).map(|place| self.byte(at.wrapping_add(place))).collect::<Step<Vec<u8>>>().map(Some)
    }

    /// Figure 13.
    pub fn returned(&self, location: u16) -> Step<Option<Returned>> {
        if location == 0 {
            return Ok(None);
        }
        let mut at = location;
        let mut next = || {
            let byte = self.byte(at);
            at = at.wrapping_add(1);
            byte
        };
        let (parameters, version) = (next()?, next()?);
        let mut states = Vec::new();
        // No more of them than any memory has room for; whatever is no length ends them.
        while let Ok(length @ 6..=20) = next()
            && states.len() < MOST / 7
        {
            states.push((0..length).map(|_| next()).collect::<Step<Vec<u8>>>()?);
        }
        Ok(Some(Returned { parameters, version, states }))
    }
}

/// The bounds that byte copying goes round in.
#[derive(Clone, Copy)]
pub(super) struct Ring {
    left: u16,
    right: u16,
}

impl Ring {
    /// So many bytes follow each other from here on, before a bound or the end of all addresses.
    #[inline]
    fn run(self, at: u16) -> usize {
        let bound = if at < self.right { usize::from(self.right) } else { MOST };
        bound - usize::from(at)
    }

    /// Where it goes on behind a run from `at`.
    #[inline]
    fn after(self, at: u16, run: usize) -> u16 {
        let next = (usize::from(at) + run) as u16;
        if run > 0 && next == self.right { self.left } else { next }
    }

    /// So many addresses back: below the left bound comes the right one (RFC 4896 §4).
    pub fn back(self, from: u16, count: u16) -> u16 {
        let to_left = from.wrapping_sub(self.left);
        let Some(beyond) = count.checked_sub(to_left).and_then(|beyond| beyond.checked_sub(1)) else {
            return from.wrapping_sub(count);
        };
        let last = self.right.wrapping_sub(1);
        let turn = u32::from(last.wrapping_sub(self.left)) + 1;
        last.wrapping_sub((u32::from(beyond) % turn) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Step by step, as RFC 4896 §4 has it.
    #[test]
    fn so_many_steps_back_are_one_after_the_other() {
        for (left, right) in [(72, 82), (0, 0), (100, 50), (5, 6), (65_530, 3)] {
            let ring = Ring { left, right };
            for from in [0, 5, 71, 72, 80, 82, 99, 100, 65_535] {
                let mut at: u16 = from;
                for count in 0..300 {
                    assert_eq!(ring.back(from, count), at, "{left} {right} {from} {count}");
                    at = if at == left { right.wrapping_sub(1) } else { at.wrapping_sub(1) };
                }
            }
        }
    }
}
