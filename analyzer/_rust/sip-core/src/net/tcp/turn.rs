//! What is at hand while a packet is worked on: the direction it travels, and what all connections share.

use std::collections::BTreeMap;

use crate::layer::Layer;
use crate::net::disposition::Corrections;
use crate::net::encapsulation::Encapsulation;
use crate::net::flow::Flow;
use crate::net::sink::{Sink, StreamId};
use crate::packet::Stamp;
use crate::problem::{Code, Problem};

/// No sender may be further ahead than the largest window (RFC 7323 §2.3: 2^30 bytes).
pub(super) const FAR: u64 = 1 << 30;

/// One direction of travel: the flow, and the side of the key that sends.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub flow: Flow,
    pub side: u8,
}

impl Way {
    pub fn back(self) -> Self {
        Way { flow: self.flow.back(), side: 1 - self.side }
    }
}

/// What all connections share.
pub(super) struct Shared {
    /// Holes that are being waited for, by age.
    pub holes: BTreeMap<u64, Hole>,
    pub serial: u64,
    /// Cost of all that is held.
    pub held: usize,
    pub streams: StreamId,
    pub max_buffer: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Hole {
    pub slot: u32,
    pub side: u8,
    pub since: i64,
}

impl Shared {
    pub fn open_hole(&mut self, slot: u32, side: u8, since: i64) -> u64 {
        self.serial += 1;
        self.holes.insert(self.serial, Hole { slot, side, since });
        self.serial
    }

    pub fn close_hole(&mut self, serial: u64) {
        if serial != 0 {
            self.holes.remove(&serial);
        }
    }
}

/// What is at hand while one packet (or one timeout) is worked on.
pub(super) struct Turn<'t, S: Sink> {
    pub sink: &'t mut S,
    pub shared: &'t mut Shared,
    pub corrections: &'t mut Corrections,
    pub slot: u32,
    pub now: i64,
    /// The packet; what ends a stream.
    pub at: Stamp,
    /// Its number, and how many packets the ledger counts for it.
    pub packet: u64,
    pub packets: u64,
    pub encapsulation: Option<&'t Encapsulation>,
}

impl<S: Sink> Turn<'_, S> {
    pub fn report(&mut self, code: Code, at: Stamp, detail: String) {
        self.sink.report(Problem {
            code,
            layer: Layer::TCP,
            file: at.file,
            frame: at.frame,
            offset: at.offset,
            detail,
        });
    }
}
