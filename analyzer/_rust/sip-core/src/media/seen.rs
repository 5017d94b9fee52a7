//! The first packets of what may become a stream: most bytes that only begin like RTP never have a third one.

use serde::{Deserialize, Serialize};

use super::came::Came;
use super::rtp::Packet;
use super::stream::Stream;
use crate::packet::NO_TIME;

/// As much of a payload as a stream looks at: an event (RFC 4733 §2.3), the beginning of a frame of speech.
const HEAD: usize = 4;

/// One packet, without the rest of its payload.
#[derive(Debug, Serialize, Deserialize)]
struct Held {
    marker: bool,
    payload_type: u8,
    number: u16,
    timestamp: u32,
    source: u32,
    length: u32,
    sliced: bool,
    head: [u8; HEAD],
    captured: usize,
    came: Came,
}

/// One or two packets of a source.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seen {
    first: Held,
    second: Option<Held>,
}

impl Held {
    fn new(packet: &Packet<'_>, came: Came) -> Self {
        let mut head = [0; HEAD];
        head.iter_mut().zip(packet.payload).for_each(|(to, from)| *to = *from);
        let captured = packet.payload.len().min(HEAD);
        let &Packet { marker, payload_type, number, timestamp, source, length, sliced, .. } = packet;
        Self { marker, payload_type, number, timestamp, source, length, sliced, head, captured, came }
    }

    fn packet(&self) -> Packet<'_> {
        let &Self { marker, payload_type, number, timestamp, source, length, sliced, .. } = self;
        let payload = self.head.get(..self.captured).unwrap_or_default();
        Packet { marker, payload_type, number, timestamp, source, payload, length, sliced }
    }
}

impl Seen {
    pub fn new(packet: &Packet<'_>, came: Came) -> Self {
        Self { first: Held::new(packet, came), second: None }
    }

    /// When the last one came (ns).
    pub fn last(&self) -> i64 {
        self.second.as_ref().unwrap_or(&self.first).came.at.time
    }

    /// Is it too long ago that the last one came?
    pub fn is_over(&self, time: i64, idle: i64) -> bool {
        time != NO_TIME && self.last() != NO_TIME && time.saturating_sub(self.last()) >= idle
    }

    /// The file of the first one.
    pub fn file(&self) -> u32 {
        self.first.came.at.file
    }

    /// It was read from that file.
    pub fn is_of(&mut self, file: u32) {
        self.first.came.at.file = file;
    }

    /// Takes a packet: the third one makes a stream of them.
    pub fn take(&mut self, packet: &Packet<'_>, came: Came) -> Option<Box<Stream>> {
        let Some(second) = &self.second else {
            self.second = Some(Held::new(packet, came));
            return None;
        };
        let mut stream = Box::new(Stream::new(&self.first.packet(), self.first.came.at, false, came.carriage));
        stream.came(&self.first.came);
        for (packet, came) in [(&second.packet(), second.came), (packet, came)] {
            stream.take(packet, came.at);
            stream.came(&came);
        }
        Some(stream)
    }
}
