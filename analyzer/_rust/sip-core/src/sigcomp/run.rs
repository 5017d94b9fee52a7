//! One message through the machine.

use std::hash::Hash;

use super::failure::{Failure, Reason};
use super::input::Input;
use super::instruction;
use super::machine::{Ended, MOST, Machine, Parameters, Step};
use super::message::{Header, Start};
use super::state::States;

/// Cycles for a message beside those for its bits (RFC 3320 §8.6).
const EXTRA_BITS: u64 = 1_000;

/// Decompresses a message: what it becomes is appended to `output`.
///
/// # Errors
/// What RFC 3320 calls decompression failure; what was put out by then is of no use.
pub fn run<K: Copy + Eq + Hash>(
    header: &Header<'_>,
    parameters: &Parameters,
    states: &States<K>,
    memory: &mut Vec<u8>,
    output: &mut Vec<u8>,
) -> Result<Ended, Failure> {
    let size = parameters.memory.min(MOST);
    memory.clear();
    memory.resize(size, 0);
    let find = |partial: &[u8]| states.get(partial).cloned();
    let mut machine = Machine {
        memory,
        pc: 0,
        opcode: 0,
        begun: 0,
        cycles: (header.length as u64 * 8 + EXTRA_BITS) * u64::from(parameters.cycles_per_bit),
        spent: 0,
        parameters: *parameters,
        input: Input::new(header.rest),
        base: output.len(),
        output,
        has_output: false,
        creations: 0,
        requests: Vec::new(),
        find: &find,
        missing: Vec::new(),
        sets: Vec::new(),
    };
    let mut running = false;
    let ended = start(&mut machine, header).and_then(|()| {
        running = true;
        go(&mut machine)
    });
    match ended {
        Ok(mut ended) => {
            ended.cycles = machine.spent;
            ended.has_output = machine.has_output;
            Ok(ended)
        }
        Err(reason) => {
            let at = running.then_some((machine.opcode, machine.begun));
            Err(Failure { reason, at, state: machine.missing, cycles: machine.spent })
        }
    }
}

/// Loads bytecode or state, and the words that bytecode may look at (RFC 3320 §7.2, §7.3).
fn start(machine: &mut Machine<'_>, header: &Header<'_>) -> Step<()> {
    let (mut partial, mut length) = (0, 0);
    match header.start {
        Start::Bytecode { code, address } => {
            let room = machine.memory.get_mut(usize::from(address)..).and_then(|rest| rest.get_mut(..code.len()));
            room.ok_or(Reason::BytecodesTooLarge)?.copy_from_slice(code);
            machine.pc = address;
        }
        Start::State(identifier) => {
            let state = machine.state(identifier)?;
            let from = usize::from(state.address);
            let room = machine.memory.get_mut(from..).and_then(|rest| rest.get_mut(..state.value.len()));
            room.ok_or(Reason::Segfault)?.copy_from_slice(&state.value);
            (partial, length) = (identifier.len() as u16, state.value.len() as u16);
            machine.pc = state.instruction;
        }
    }
    let Parameters { cycles_per_bit, version, .. } = machine.parameters;
    let useful = [machine.memory.len() as u16, cycles_per_bit, u16::from(version), partial, length];
    let reserved = machine.memory.get_mut(..32).ok_or(Reason::Segfault)?;
    reserved.fill(0);
    for (place, word) in reserved.chunks_exact_mut(2).zip(useful) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    Ok(())
}

/// Instruction by instruction, to the end of the message.
fn go(machine: &mut Machine<'_>) -> Step<Ended> {
    loop {
        machine.begun = machine.pc;
        machine.opcode = machine.next()?;
        if let Some(ended) = instruction::execute(machine)? {
            return Ok(ended);
        }
    }
}
