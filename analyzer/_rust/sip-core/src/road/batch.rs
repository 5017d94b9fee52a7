//! Messages on their way from the reader to a parser: one arena of bytes and a slot for each message.

use std::ops::Range;

use crate::net::Flow;
use crate::packet::Stamp;
use crate::sip::{Carrier, Flaws};

/// What the reader knows of one message.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub flow: Flow,
    /// The earliest packet that holds a part of it; `offset` is that of the message's first byte.
    pub first: Stamp,
    /// The packet that completed it.
    pub last: Stamp,
    /// What tells its packet from a second sending of the same bytes; 0 = nothing does.
    pub ident: u32,
    pub point: u16,
    /// How it came, and what of it the capture lacks.
    pub carrier: Carrier,
    /// The reader knows of nothing that is missing.
    pub complete: bool,
    /// What the reader found odd already.
    pub flaws: Flaws,
}

/// Some thousand messages, in the order in which they were completed.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each message lies in `bytes`.
    slots: Vec<(Range<usize>, Seen)>,
}

impl Batch {
    /// Large enough that the columns of a batch are worth a parallel step, small enough to stay near the cache.
    const MESSAGES: usize = 8_192;
    const BYTES: usize = 8 << 20;

    pub fn is_full(&self) -> bool {
        self.slots.len() >= Self::MESSAGES || self.bytes.len() >= Self::BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
    }

    /// Copies a message in.
    pub fn push(&mut self, bytes: &[u8], seen: Seen) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.slots.push((start..self.bytes.len(), seen));
    }

    pub fn messages(&self) -> impl ExactSizeIterator<Item = (&Seen, &[u8])> {
        self.slots.iter().map(|(place, seen)| (seen, self.bytes.get(place.clone()).unwrap_or_default()))
    }
}
