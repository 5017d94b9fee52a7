//! Payloads of some streams, kept to be played.

use hashbrown::HashMap;

use super::rtp::Packet;
use crate::net::Flow;

/// Bytes that are kept; eight hours of a telephone call.
const MAX_BYTES: usize = 1 << 28;

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// When it was captured (ns since 1970).
    pub time: i64,
    pub number: u16,
    pub timestamp: u32,
    pub payload_type: u8,
    pub bytes: Box<[u8]>,
}

/// The streams whose payloads are kept, and these.
#[derive(Debug, Default)]
pub struct Kept {
    wanted: HashMap<(Flow, u32), usize>,
    found: Vec<Vec<Payload>>,
    bytes: usize,
}

impl Kept {
    /// Streams by flow and source, whichever capture point sees them.
    pub fn of(streams: &[(Flow, u32)]) -> Self {
        let wanted = streams.iter().enumerate().map(|(number, key)| (*key, number)).collect();
        Self { wanted, found: vec![Vec::new(); streams.len()], bytes: 0 }
    }

    pub fn take(&mut self, flow: Flow, time: i64, packet: &Packet<'_>) {
        let Some(found) = self.wanted.get(&(flow, packet.source)).and_then(|number| self.found.get_mut(*number)) else {
            return;
        };
        self.bytes += packet.payload.len();
        if self.bytes <= MAX_BYTES {
            let &Packet { number, timestamp, payload_type, payload, .. } = packet;
            found.push(Payload { time, number, timestamp, payload_type, bytes: Box::from(payload) });
        }
    }

    /// Of each stream its packets, in the order in which they came.
    pub fn finish(self) -> Vec<Vec<Payload>> {
        self.found
    }
}
