//! Messages on their way from the reader to a parser: one arena of bytes and a slot for each message.

use std::ops::Range;

use crate::net::{Encapsulation, Flow, HepReport};
use crate::packet::Stamp;
use crate::sip::{Carrier, Flaws};

/// What the reader knows of one message.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub flow: Flow,
    /// The earliest packet that holds a part of it; `offset` is that of the message's first byte. The time of both stamps is
    /// the agent's, where one reported it.
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
    /// Of the packet that completed it, or of the one read when it was given up: number within the file.
    pub interface: u32,
}

/// Some thousand messages, in the order in which they were completed.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    /// What carried messages, where it was more than a link; equal neighbours once.
    encapsulations: Vec<Encapsulation>,
    reports: Vec<Reported>,
}

/// What an agent said of a message beside its addresses and time.
#[derive(Debug)]
struct Reported {
    /// Where the correlation id lies in the arena.
    correlation_id: Option<Range<usize>>,
    arrived: i64,
}

#[derive(Debug)]
struct Slot {
    /// Where the message lies in the arena.
    place: Range<usize>,
    seen: Seen,
    /// Index + 1 of what carried it; 0 = a link alone.
    encapsulation: u32,
    /// Index + 1 of what an agent said of it; 0 = it was captured.
    report: u32,
}

/// A message of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub seen: &'a Seen,
    pub bytes: &'a [u8],
    /// `None` if nothing but a link header was around its IP packet.
    pub encapsulation: Option<&'a Encapsulation>,
    /// `None` if it was captured and not reported.
    pub report: Option<KeptReport<'a>>,
}

/// What is kept of the report of a HEP agent.
#[derive(Debug, Clone, Copy)]
pub struct KeptReport<'a> {
    pub correlation_id: Option<&'a [u8]>,
    /// When the report itself was captured.
    pub arrived: i64,
}

impl Batch {
    /// So many messages are most in a batch: smaller ones were no faster, and left more behind in memory.
    const MESSAGES: usize = 16_384;
    const BYTES: usize = 16 << 20;
    /// The first ones are smaller by so much, so that every thread has something to do in a small capture, and stays near
    /// the cache.
    const FIRST: usize = 16;
    const SMALLER: usize = 4;

    /// `number`: how many there were before it.
    pub fn is_full(&self, number: usize) -> bool {
        let part = if number < Self::FIRST { Self::SMALLER } else { 1 };
        self.slots.len() >= Self::MESSAGES / part || self.bytes.len() >= Self::BYTES / part
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes of its messages.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
        self.encapsulations.clear();
        self.reports.clear();
    }

    /// Copies a message in.
    pub fn push(&mut self, bytes: &[u8], seen: Seen, encapsulation: &Encapsulation, report: Option<HepReport<'_>>) {
        let place = self.keep(bytes);
        let encapsulation = if encapsulation.is_plain() {
            0
        } else {
            if self.encapsulations.last() != Some(encapsulation) {
                self.encapsulations.push(*encapsulation);
            }
            self.encapsulations.len() as u32
        };
        let report = match report {
            None => 0,
            Some(HepReport { correlation_id, arrived, .. }) => {
                let correlation_id = correlation_id.map(|id| self.keep(id));
                self.reports.push(Reported { correlation_id, arrived });
                self.reports.len() as u32
            }
        };
        self.slots.push(Slot { place, seen, encapsulation, report });
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    pub fn messages(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.slots.iter().map(|Slot { place, seen, encapsulation, report }| Entry {
            seen,
            bytes: self.bytes.get(place.clone()).unwrap_or_default(),
            encapsulation: encapsulation.checked_sub(1).and_then(|index| self.encapsulations.get(index as usize)),
            report: report.checked_sub(1).and_then(|index| self.reports.get(index as usize)).map(|report| KeptReport {
                correlation_id: report.correlation_id.clone().and_then(|place| self.bytes.get(place)),
                arrived: report.arrived,
            }),
        })
    }
}
