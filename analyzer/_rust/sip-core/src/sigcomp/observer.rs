//! What somebody knows who sees the messages of both ends, and none of their memories.
//!
//! A receiver decompresses with the memory that it has, and how much that is the bytecode may look at. An observer knows it
//! when the receiver says so (RFC 3320 §9.4.9), or when a message makes sense with one size and with no other.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::failure::{Failure, Reason};
use super::machine::{Ended, Parameters, Returned};
use super::message::{Header, Kind, Nack};
use super::run::run;
use super::state::{Request, State, States};

/// Sizes of memory that a receiver may have (RFC 3320 §3.3.1), the likely ones first: SIP demands 8,192 (RFC 5049 §4.1).
const SIZES: [usize; 7] = [8_192, 65_536, 16_384, 32_768, 131_072, 4_096, 2_048];
/// As much state as can be announced for a compartment (RFC 3320 §3.3.1).
const STATE: usize = 131_072;
/// Cycles per bit that everybody has, and the most that anybody may have (RFC 3320 §3.3.1).
const CYCLES: u16 = 16;
const MOST_CYCLES: u16 = 128;
/// The version that has NACKs, which SIP demands (RFC 5049 §4.4).
const VERSION: u8 = 2;
/// Pairs of ends that are remembered; then all are forgotten.
const MAX_PAIRS: usize = 65_536;
/// The last messages of a pair, in case they were read with the wrong memory, and how often that is looked into in vain.
const RECENT: usize = 8;
const RECENT_BYTES: usize = 16_384;
const MAX_SEARCHES: u8 = 4;

/// What a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A whole message at once.
    Datagram,
    Stream,
}

/// What became of a message.
#[derive(Debug)]
pub enum Read<'a> {
    Message(&'a [u8]),
    Nack(Nack<'a>),
    Failed(Failure),
}

/// The two ends of a message: addresses and ports.
pub type Ends = ((IpAddr, u16), (IpAddr, u16));

/// A compartment: what two hosts keep for each other, whatever the ports. On Gm they have four (TS 33.203 §7.1).
type Pair = [IpAddr; 2];

/// The messages of a capture.
pub struct Observer {
    states: States<Pair>,
    pairs: HashMap<Pair, Known>,
    memory: Vec<u8>,
    output: Vec<u8>,
}

/// What is known of two hosts.
#[derive(Default)]
struct Known {
    sides: [Side; 2],
    /// Messages between them made sense: one that takes long may take longer.
    trusted: bool,
    recent: VecDeque<Kept>,
    searches: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Side {
    /// decompression_memory_size: as it was announced, or as it has to be.
    memory: Option<usize>,
    /// What made sense of the last message to it.
    worked: Option<usize>,
    cycles: Option<u16>,
    version: Option<u8>,
}

impl Side {
    /// Those that it may have.
    fn sizes(self) -> impl Iterator<Item = usize> {
        let guesses = self.worked.into_iter().chain(SIZES.into_iter().filter(move |&size| Some(size) != self.worked));
        self.memory.into_iter().chain(guesses.filter(move |_| self.memory.is_none()))
    }
}

/// What the memory and the cycles of a message depend on.
#[derive(Debug, Clone, Copy)]
struct How {
    transport: Transport,
    length: usize,
}

impl How {
    /// Of the memory for both (RFC 3320 §7).
    fn memory(self, size: usize) -> usize {
        match self.transport {
            Transport::Datagram => size.saturating_sub(self.length),
            Transport::Stream => size / 2,
        }
    }

    /// RFC 3320 §8.6.
    fn cycles(self, per_bit: u16) -> u64 {
        (self.length as u64 * 8 + 1_000) * u64::from(per_bit)
    }
}

/// A message whose receiver's memory was a guess.
struct Kept {
    message: Vec<u8>,
    transport: Transport,
    /// The receiver.
    side: usize,
    size: usize,
}

impl Observer {
    /// `max_bytes`: for the state of all.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            states: States::new(STATE, max_bytes).keeping_freed(),
            pairs: HashMap::new(),
            memory: Vec::new(),
            output: Vec::new(),
        }
    }

    /// Decompresses the next message between these ends, which comes from the first. `fits` says whether bytes are a message
    /// of the application.
    pub fn read<'a>(
        &'a mut self,
        ends: Ends,
        message: &'a [u8],
        transport: Transport,
        fits: impl Fn(&[u8]) -> bool,
    ) -> Read<'a> {
        let header = match Kind::read(message) {
            Ok(Kind::Compressed(header)) => header,
            Ok(Kind::Nack(nack)) => return Read::Nack(nack),
            Err(reason) => return Read::Failed(Failure::before(reason)),
        };
        if self.pairs.len() >= MAX_PAIRS {
            self.pairs.clear();
        }
        let (pair, receiver) = pair(ends);
        let mut known = self.pairs.remove(&pair).unwrap_or_default();
        let how = How { transport, length: message.len() };
        let mut done = self.attempt(&header, how, (&known, receiver), &fits);
        if let Err(failure) = &done
            && failure.reason == Reason::StateNotFound
            && self.search(pair, &mut known, &failure.state)
        {
            done = self.attempt(&header, how, (&known, receiver), &fits);
        }
        let read = match done {
            Ok((size, ended)) => {
                let mut guessed = None;
                known.sides[receiver].worked = Some(size);
                if known.sides[receiver].memory.is_none() {
                    let creates = ended.requests.iter().any(|request| request.creates().is_some());
                    guessed = creates.then(|| Kept { message: message.to_vec(), transport, side: receiver, size });
                }
                known.trusted = true;
                self.learn(pair, &mut known, 1 - receiver, ended);
                known.keep(guessed);
                Ok(())
            }
            Err(failure) => {
                known.trusted &= failure.reason != Reason::CyclesExhausted;
                Err(failure)
            }
        };
        // Of hosts between which nothing made sense there is nothing to know.
        if known.trusted || known.sides.iter().any(|side| side.memory.is_some()) {
            self.pairs.insert(pair, known);
        }
        match read {
            Ok(()) => Read::Message(&self.output),
            Err(failure) => Read::Failed(failure),
        }
    }

    /// Has a message between these hosts made sense?
    pub fn knows(&self, ends: Ends) -> bool {
        self.pairs.get(&pair(ends).0).is_some_and(|known| known.trusted)
    }

    /// Runs it with the memory that its receiver has, or with those that it may have until it makes sense; then with the
    /// first that made anything of it. All attempts together may spend what one of them may.
    fn attempt(
        &mut self,
        header: &Header<'_>,
        how: How,
        (known, receiver): (&Known, usize),
        fits: &impl Fn(&[u8]) -> bool,
    ) -> Result<(usize, Ended), Failure> {
        let side = known.sides[receiver];
        let mut cycles_per_bit = side.cycles.unwrap_or(CYCLES);
        let most = if known.trusted { MOST_CYCLES } else { cycles_per_bit };
        let mut left = how.cycles(most);
        let (mut senseless, mut failed) = (None, None);
        for size in side.sizes() {
            let mut done = self.run(header, how, (size, cycles_per_bit, side.version, left));
            if cycles_per_bit < most && done.as_ref().is_err_and(|failure| failure.reason == Reason::CyclesExhausted) {
                // More than was announced, by somebody who is trusted.
                cycles_per_bit = most;
                done = self.run(header, how, (size, cycles_per_bit, side.version, left));
            }
            left = left.saturating_sub(done.as_ref().map_or_else(|failure| failure.cycles, |ended| ended.cycles));
            match done {
                Ok(ended) if fits(&self.output) => return Ok((size, ended)),
                Ok(_) => senseless = senseless.or(Some(size)),
                Err(failure) => {
                    use Reason::{CyclesExhausted, IdNotUnique, StateNotFound};
                    let any_memory = matches!(failure.reason, StateNotFound | IdNotUnique | CyclesExhausted);
                    failed.get_or_insert(failure);
                    if any_memory {
                        break;
                    }
                }
            }
        }
        let Some(size) = senseless else {
            return Err(failed.unwrap_or(Failure::before(Reason::BytecodesTooLarge)));
        };
        let ended = self.run(header, how, (size, cycles_per_bit, side.version, how.cycles(most)))?;
        Ok((size, ended))
    }

    fn run(
        &mut self,
        header: &Header<'_>,
        how: How,
        (size, cycles_per_bit, version, max_cycles): (usize, u16, Option<u8>, u64),
    ) -> Result<Ended, Failure> {
        let parameters =
            Parameters { memory: how.memory(size), cycles_per_bit, version: version.unwrap_or(VERSION), max_cycles };
        self.output.clear();
        run(header, &parameters, &self.states, &mut self.memory, &mut self.output)
    }

    /// Takes what a message leaves to its receiver, and what it says of its sender.
    fn learn(&mut self, pair: Pair, known: &mut Known, sender: usize, ended: Ended) {
        self.states.apply(pair, ended.requests);
        let Some(returned) = ended.returned else { return };
        let side = &mut known.sides[sender];
        if returned.parameters != 0 {
            side.memory = returned.memory().or(side.memory);
            side.cycles = Some(returned.cycles_per_bit());
        }
        if returned.version != 0 {
            side.version = Some(returned.version);
        }
        self.share(pair, &returned);
    }

    /// State that the sender offers may be the message itself (RFC 3321 §5.2). Its identifier tells: it is a hash.
    fn share(&mut self, pair: Pair, returned: &Returned) {
        let unknown = returned.states.iter().filter(|partial| self.states.get(partial).is_err());
        let unknown: Vec<&Vec<u8>> = unknown.collect();
        if unknown.is_empty() || self.output.is_empty() || self.output.len() > usize::from(u16::MAX) {
            return;
        }
        let candidates = (6..=20).map(|minimum| State::new(self.output.clone(), 0, 0, minimum));
        let offered = |state: &State| unknown.iter().any(|partial| state.identifier.starts_with(partial));
        if let Some(state) = candidates.into_iter().find(offered) {
            self.states.share(pair, state);
        }
    }

    /// Looks for state that a message before would have saved, had its receiver another memory than was thought.
    fn search(&mut self, pair: Pair, known: &mut Known, partial: &[u8]) -> bool {
        if known.searches >= MAX_SEARCHES || partial.len() < 6 {
            return false;
        }
        let recent = std::mem::take(&mut known.recent);
        let mut found = None;
        for Kept { message, transport, side, size } in recent.iter().rev() {
            let Ok(Kind::Compressed(header)) = Kind::read(message) else { continue };
            let Side { cycles, version, .. } = known.sides[*side];
            let how = How { transport: *transport, length: message.len() };
            for other in SIZES.into_iter().filter(|other| other != size) {
                let cycles = cycles.unwrap_or(MOST_CYCLES);
                let Ok(ended) = self.run(&header, how, (other, cycles, version, how.cycles(cycles))) else { continue };
                let creates =
                    |request: &Request| request.creates().is_some_and(|it| it.identifier.starts_with(partial));
                if ended.requests.iter().any(creates) {
                    self.states.apply(pair, ended.requests);
                    found = Some((*side, other));
                    break;
                }
            }
            if found.is_some() {
                break;
            }
        }
        match found {
            Some((side, size)) => known.sides[side].memory = Some(size),
            None => known.searches += 1,
        }
        known.recent = recent;
        found.is_some()
    }
}

impl Known {
    fn keep(&mut self, message: Option<Kept>) {
        let Some(message) = message.filter(|kept| kept.message.len() <= RECENT_BYTES) else { return };
        self.recent.push_back(message);
        while self.recent.len() > RECENT
            || self.recent.iter().map(|kept| kept.message.len()).sum::<usize>() > RECENT_BYTES
        {
            self.recent.pop_front();
        }
    }
}

/// The hosts in an order that is that of both directions, and which of them receives.
fn pair((source, target): Ends) -> (Pair, usize) {
    let receiver = usize::from(source <= target);
    (if receiver == 1 { [source.0, target.0] } else { [target.0, source.0] }, receiver)
}
