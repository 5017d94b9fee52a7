//! All keys that the session descriptions of a capture announce, by where they want media.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::super::turn::Place;
use super::sdes;
use super::suite::{Master, Session};

/// Keys that are remembered; later ones are not.
const MAX: usize = 1 << 18;
/// Keys that are tried for a stream, the newest first.
const MAX_TRIED: usize = 16;
/// Media may be faster than the message that announces their keys.
const BEFORE: i64 = 2_000_000_000;

struct Announced {
    at: i64,
    place: Place,
    call: u64,
    master: Master,
}

struct Known {
    at: i64,
    session: Arc<Session>,
}

/// Keys on their way to streams. Nothing shows them.
#[derive(Default)]
pub struct Keys {
    announced: Vec<Announced>,
    /// In the order of time, each once a place and call.
    known: Vec<Known>,
    by_place: HashMap<Place, Vec<usize>>,
    by_call: HashMap<u64, Vec<usize>>,
    calls_of: HashMap<Place, Vec<u64>>,
}

impl Keys {
    /// Takes the keys of a message, seen at this time (ns).
    pub fn message(&mut self, message: &[u8], at: i64) {
        let Some(said) = sdes::announced(message) else { return };
        for (place, master) in said.keys {
            if self.announced.len() < MAX {
                self.announced.push(Announced { at, place, call: said.call, master });
            }
        }
    }

    /// Takes those of another part of the capture.
    pub fn append(&mut self, other: Self) {
        self.announced.extend(other.announced);
    }

    /// All have come.
    #[must_use]
    pub fn finish(mut self) -> Self {
        let mut announced = std::mem::take(&mut self.announced);
        announced.sort_by(|one, other| {
            let of = |it: &Announced| (it.at, it.place, it.call);
            of(one).cmp(&of(other)).then_with(|| one.master.key.cmp(&other.master.key))
        });
        announced.truncate(MAX);
        let mut seen = HashSet::new();
        for Announced { at, place, call, master } in &announced {
            // Each hop and each repetition says it again.
            if !seen.insert((place, call, &master.key, &master.salt, &master.identifier)) {
                continue;
            }
            let Some(session) = Session::new(master) else { continue };
            let number = self.known.len();
            self.known.push(Known { at: *at, session: Arc::new(session) });
            self.by_place.entry(*place).or_default().push(number);
            self.by_call.entry(*call).or_default().push(number);
            let calls = self.calls_of.entry(*place).or_default();
            if !calls.contains(call) {
                calls.push(*call);
            }
        }
        self
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The keys that may be those of a packet, the likeliest first: of the sender's address, then of all descriptions in the
    /// calls of either address.
    pub fn of(&self, src: Place, dst: Place, time: i64) -> Vec<Arc<Session>> {
        let at = |place: Place| self.by_place.get(&place).into_iter().flatten();
        let of_calls = |place: Place| {
            let calls = self.calls_of.get(&place).into_iter().flatten().rev();
            calls.filter_map(|call| self.by_call.get(call)).flat_map(|numbers| numbers.iter().rev())
        };
        let mut tried: Vec<usize> = Vec::new();
        for number in at(src).rev().chain(of_calls(dst)).chain(of_calls(src)) {
            let said = self.known.get(*number).is_some_and(|it| it.at <= time.saturating_add(BEFORE));
            if said && !tried.contains(number) {
                tried.push(*number);
            }
            if tried.len() == MAX_TRIED {
                break;
            }
        }
        tried.iter().filter_map(|number| self.known.get(*number)).map(|it| Arc::clone(&it.session)).collect()
    }

    /// Does a description with keys say that media come from here, or go there?
    #[inline]
    pub fn concern(&self, src: Place, dst: Place) -> bool {
        self.calls_of.contains_key(&dst) || self.calls_of.contains_key(&src)
    }
}
