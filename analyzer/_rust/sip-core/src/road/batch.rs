//! Messages on their way from the reader to a parser: one arena of bytes and a slot for each message.

use crate::net::Flow;
use crate::packet::Stamp;
use crate::sip::{Carrier, Flaws};

/// Where one message lies in the arena, and what the reader knows of it.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    pub start: u32,
    pub length: u32,
    pub flow: Flow,
    pub first: Stamp,
    pub last: Stamp,
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
    slots: Vec<Slot>,
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

    /// Copies a message in; `slot.start` and `slot.length` are set here.
    pub fn push(&mut self, bytes: &[u8], slot: Slot) {
        // A batch is closed long before its arena reaches 4 GiB, and one message is at most a datagram or `max_message_bytes`.
        let (start, length) = (self.bytes.len() as u32, bytes.len() as u32);
        self.bytes.extend_from_slice(bytes);
        self.slots.push(Slot { start, length, ..slot });
    }

    pub fn messages(&self) -> impl ExactSizeIterator<Item = (&Slot, &[u8])> {
        self.slots.iter().map(|slot| {
            let bytes = self.bytes.get(slot.start as usize..(slot.start + slot.length) as usize);
            (slot, bytes.unwrap_or_default())
        })
    }
}
