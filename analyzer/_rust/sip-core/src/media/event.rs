//! Telephone events (RFC 4733 §2.3): digits that were pressed.

use serde::{Deserialize, Serialize};

use super::rtp::Packet;
use crate::packet::Stamp;

/// Digits, `*`, `#`, A to D, and a hook flash (RFC 4733 §3.2).
const LAST_EVENT: u8 = 16;

/// One event, which several packets repeat under one timestamp.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Event {
    pub first: Stamp,
    pub last: i64,
    pub payload_type: u8,
    pub timestamp: u32,
    pub event: u8,
    /// dBm0 below zero.
    pub volume: u8,
    /// In units of the clock, the longest that was stated.
    pub duration: u16,
    /// A packet with the end bit came.
    pub ended: bool,
    pub packets: u64,
}

impl Event {
    /// Reads a payload that may be one: four bytes, a reserved bit of zero.
    pub fn read(packet: &Packet<'_>, at: Stamp) -> Option<Self> {
        let &[event, flags, d1, d0] = packet.payload else { return None };
        (packet.length == 4 && event <= LAST_EVENT && flags & 0x40 == 0).then(|| Self {
            first: at,
            last: at.time,
            payload_type: packet.payload_type,
            timestamp: packet.timestamp,
            event,
            volume: flags & 0x3F,
            duration: u16::from_be_bytes([d1, d0]),
            ended: flags & 0x80 != 0,
            packets: 1,
        })
    }

    /// Is it the same event, said again?
    pub fn is_again(&self, other: &Self) -> bool {
        (self.timestamp, self.event, self.payload_type) == (other.timestamp, other.event, other.payload_type)
    }

    pub fn again(&mut self, other: &Self) {
        self.last = other.last;
        self.duration = self.duration.max(other.duration);
        self.ended |= other.ended;
        self.packets += 1;
    }
}
