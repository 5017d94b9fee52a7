//! State items, which messages save for those that follow, and the compartments that they are saved in (RFC 3320 §6).
//!
//! An item is found by a hash over all that it is. So it does not matter to an observer which end keeps it: what either
//! end could find by an identifier is the same item.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;
use sha1::{Digest, Sha1};

use super::dictionary::WORDS;
use super::failure::Reason;

/// What an item costs beside its bytes (RFC 3320 §6.2).
const COST: usize = 64;
/// The bytes of an identifier that have to be given at least (RFC 3320 §9.4.5).
pub(super) const SHORTEST: usize = 6;

/// The state that is there before the first message.
static DICTIONARIES: LazyLock<[Arc<State>; 2]> =
    LazyLock::new(|| WORDS.map(|words| Arc::new(State::new(words.to_vec(), 0, 0, SHORTEST as u16))));

/// An item of state.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    pub identifier: [u8; 20],
    pub value: Vec<u8>,
    /// Where its value goes in the memory, and where execution goes on.
    pub address: u16,
    pub instruction: u16,
    /// So many bytes of the identifier have to be given.
    pub minimum: u16,
}

impl State {
    /// The identifier is the hash of RFC 3320 §9.4.9.
    pub fn new(value: Vec<u8>, address: u16, instruction: u16, minimum: u16) -> Self {
        let mut hash = Sha1::new();
        for word in [value.len() as u16, address, instruction, minimum] {
            hash.update(word.to_be_bytes());
        }
        hash.update(&value);
        State { identifier: hash.finalize().into(), value, address, instruction, minimum }
    }

    fn cost(&self) -> usize {
        self.value.len() + COST
    }
}

/// What a message asks of its receiver (RFC 3320 §9.4.6, §9.4.7), in the order in which it does.
#[derive(Debug)]
pub enum Request {
    Create {
        state: State,
        priority: u16,
    },
    /// By a part of the identifier.
    Free(Vec<u8>),
}

impl Request {
    /// The item that is to be kept.
    pub fn creates(&self) -> Option<&State> {
        match self {
            Request::Create { state, .. } => Some(state),
            Request::Free(_) => None,
        }
    }
}

/// The items of several compartments.
pub struct States<K> {
    /// By the first bytes of their identifiers.
    items: HashMap<[u8; SHORTEST], Vec<Item>>,
    compartments: HashMap<K, Compartment>,
    /// Compartments by their last use.
    used: BTreeMap<u64, K>,
    clock: u64,
    memory: usize,
    /// Cost of all compartments, and what it may be.
    total: usize,
    max: usize,
    keeps_freed: bool,
}

struct Item {
    state: Arc<State>,
    /// Compartments that have it; of a dictionary nobody counts them.
    holders: usize,
}

#[derive(Default)]
struct Compartment {
    held: Vec<Held>,
    cost: usize,
    last: u64,
}

struct Held {
    state: Arc<State>,
    priority: u16,
    /// When it was created, or created again (RFC 4896 §6).
    since: u64,
}

impl<K: Copy + Eq + Hash> States<K> {
    /// `memory`: the state_memory_size of each compartment; `max`: what all of them may cost.
    pub fn new(memory: usize, max: usize) -> Self {
        let mut states = Self {
            items: HashMap::new(),
            compartments: HashMap::new(),
            used: BTreeMap::new(),
            clock: 0,
            memory,
            total: 0,
            max,
            keeps_freed: false,
        };
        for state in DICTIONARIES.iter() {
            states.item(state.clone(), 1);
        }
        states
    }

    /// What is freed stays until there is no room: a message that was captured twice, or sent twice, may name it once more.
    #[must_use]
    pub fn keeping_freed(mut self) -> Self {
        self.keeps_freed = true;
        self
    }

    /// The item of this partial identifier, if it is the only one, whatever the compartment.
    ///
    /// # Errors
    /// Those of RFC 4077 §3.2 for state that cannot be accessed.
    pub fn get(&self, partial: &[u8]) -> Result<&Arc<State>, Reason> {
        let start = partial.first_chunk::<SHORTEST>().ok_or(Reason::InvalidStateIdLength)?;
        let mut found =
            self.items.get(start).into_iter().flatten().filter(|item| item.state.identifier.starts_with(partial));
        let item = found.next().ok_or(Reason::StateNotFound)?;
        if found.next().is_some() {
            return Err(Reason::IdNotUnique);
        }
        if partial.len() < usize::from(item.state.minimum) {
            return Err(Reason::StateNotFound);
        }
        Ok(&item.state)
    }

    /// Does as a message asked whose receiver has it in this compartment.
    pub fn apply(&mut self, key: K, requests: Vec<Request>) {
        if requests.is_empty() || self.memory <= COST {
            return;
        }
        self.clock += 1;
        let mut compartment = self.compartments.remove(&key).unwrap_or_default();
        self.used.remove(&compartment.last);
        compartment.last = self.clock;
        self.used.insert(self.clock, key);
        for request in requests {
            match request {
                Request::Create { state, priority } => self.create(&mut compartment, state, priority),
                Request::Free(partial) => self.free(&mut compartment, &partial),
            }
        }
        self.compartments.insert(key, compartment);
        self.forget();
    }

    /// Keeps a whole message as the state that its sender shares with its receiver (RFC 3321 §5.2).
    pub fn share(&mut self, key: K, state: State) {
        self.apply(key, vec![Request::Create { state, priority: u16::MAX }]);
    }

    /// What it costs to keep all of them.
    pub fn cost(&self) -> usize {
        self.total
    }

    fn create(&mut self, compartment: &mut Compartment, state: State, priority: u16) {
        // RFC 3320 §6.2, step 2.
        let state = if state.cost() > self.memory {
            let State { mut value, address, instruction, minimum, .. } = state;
            value.truncate(self.memory - COST);
            State::new(value, address, instruction, minimum)
        } else {
            state
        };
        self.clock += 1;
        if let Some(held) = compartment.held.iter_mut().find(|held| held.state.identifier == state.identifier) {
            (held.priority, held.since) = (priority, self.clock);
            return;
        }
        while compartment.cost + state.cost() > self.memory {
            // 65535 comes before 0 (RFC 4896 §5.1); then the oldest.
            let order = |held: &Held| (held.priority.wrapping_add(1), held.since);
            let Some(first) = (0..compartment.held.len()).min_by_key(|&place| order(&compartment.held[place])) else {
                return;
            };
            self.drop_held(compartment, first);
        }
        let state = Arc::new(state);
        self.item(state.clone(), 1);
        compartment.cost += state.cost();
        self.total += state.cost();
        compartment.held.push(Held { state, priority, since: self.clock });
    }

    fn free(&mut self, compartment: &mut Compartment, partial: &[u8]) {
        let mut fits = (0..compartment.held.len()).filter(|&place| {
            compartment.held.get(place).is_some_and(|held| held.state.identifier.starts_with(partial))
        });
        let (Some(place), None) = (fits.next(), fits.next()) else { return };
        if self.keeps_freed {
            if let Some(held) = compartment.held.get_mut(place) {
                held.priority = u16::MAX;
            }
        } else {
            self.drop_held(compartment, place);
        }
    }

    fn drop_held(&mut self, compartment: &mut Compartment, place: usize) {
        let held = compartment.held.remove(place);
        compartment.cost -= held.state.cost();
        self.total -= held.state.cost();
        self.release(&held.state);
    }

    fn item(&mut self, state: Arc<State>, holders: usize) {
        let Some(&start) = state.identifier.first_chunk::<SHORTEST>() else { return };
        let items = self.items.entry(start).or_default();
        match items.iter_mut().find(|item| item.state.identifier == state.identifier) {
            Some(item) => item.holders += holders,
            None => items.push(Item { state, holders }),
        }
    }

    fn release(&mut self, state: &State) {
        let Some(start) = state.identifier.first_chunk::<SHORTEST>() else { return };
        let Some(items) = self.items.get_mut(start) else { return };
        if let Some(place) = items.iter().position(|item| item.state.identifier == state.identifier)
            && let Some(item) = items.get_mut(place)
        {
            item.holders -= 1;
            if item.holders == 0 {
                items.swap_remove(place);
            }
        }
        if items.is_empty() {
            self.items.remove(start);
        }
    }

    /// Gives up the compartments that were not used for longest, until the rest fits.
    fn forget(&mut self) {
        while self.total > self.max {
            let Some((_, key)) = self.used.pop_first() else { return };
            let Some(compartment) = self.compartments.remove(&key) else { continue };
            self.total -= compartment.cost;
            for held in &compartment.held {
                self.release(&held.state);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(letter: u8, length: usize) -> State {
        State::new(vec![letter; length], 0, 0, 6)
    }

    /// The identifier is a hash over every byte: RFC 3485 §3.3, RFC 5112 §3.3.
    #[test]
    fn the_dictionaries_have_the_identifiers_of_their_standards() {
        let hex = |state: &Arc<State>| state.identifier.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let expected = ["fbe507dfe5e6aa5af2abb914ceaa05f99ce61ba5", "d942297d0bb38fc01d6741d6b3b48157ac8e1be0"];
        assert_eq!(DICTIONARIES.each_ref().map(hex), expected);
    }

    fn create(letter: u8, length: usize, priority: u16) -> Vec<Request> {
        vec![Request::Create { state: item(letter, length), priority }]
    }

    fn has(states: &States<u8>, letter: u8, length: usize) -> bool {
        states.get(&item(letter, length).identifier).is_ok()
    }

    /// RFC 3320 §6.2: least priority first, and 65535 before all.
    #[test]
    fn items_give_way_by_their_priority() {
        let mut states = States::new(3 * 164, usize::MAX);
        for (letter, priority) in [(b'a', 3), (b'b', u16::MAX), (b'c', 0), (b'd', 9)] {
            states.apply(0, create(letter, 100, priority));
        }
        assert_eq!([b'a', b'b', b'c', b'd'].map(|letter| has(&states, letter, 100)), [true, false, true, true]);
        states.apply(0, create(b'e', 100, 0));
        assert_eq!([b'a', b'c', b'd', b'e'].map(|letter| has(&states, letter, 100)), [true, false, true, true]);
    }

    /// RFC 4896 §6.
    #[test]
    fn an_item_that_is_created_again_is_as_new() {
        let mut states = States::new(2 * 164, usize::MAX);
        for letter in [b'a', b'b', b'a', b'c'] {
            states.apply(0, create(letter, 100, 0));
        }
        assert_eq!([b'a', b'b', b'c'].map(|letter| has(&states, letter, 100)), [true, false, true]);
    }

    /// Memory is bounded over all compartments; the dictionaries stay.
    #[test]
    fn the_compartment_unused_for_longest_gives_way() {
        let mut states = States::new(10_000, 2 * 1_064);
        for (key, letter) in [(0, b'a'), (1, b'b'), (0, b'a'), (2, b'c')] {
            states.apply(key, create(letter, 1_000, 0));
        }
        assert_eq!([b'a', b'b', b'c'].map(|letter| has(&states, letter, 1_000)), [true, false, true]);
        assert!(states.cost() <= 2 * 1_064);
        assert!(states.get(&[0xFB, 0xE5, 0x07, 0xDF, 0xE5, 0xE6]).is_ok());
    }

    #[test]
    fn an_observer_keeps_what_is_freed_as_long_as_there_is_room() {
        let mut states = States::new(2 * 164, usize::MAX).keeping_freed();
        states.apply(0, create(b'a', 100, 7));
        states.apply(0, vec![Request::Free(item(b'a', 100).identifier.to_vec())]);
        assert!(has(&states, b'a', 100));
        states.apply(0, create(b'b', 100, 0));
        states.apply(0, create(b'c', 100, 0));
        assert!(!has(&states, b'a', 100) && has(&states, b'b', 100));
    }
}
