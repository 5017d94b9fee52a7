//! A sink that checks each call a decoder makes.

use std::collections::HashMap;

use sip_core::net::{Failure, Flow, Segment, Sink, StreamEnd, StreamId, Unit, Verdict};
use sip_core::packet::Stamp;
use sip_core::problem::{Problem, Problems};

#[derive(Debug, Default)]
struct Stream {
    flow: Option<Flow>,
    /// TCP sequence number that comes next.
    next: Option<u32>,
    ended: bool,
}

#[derive(Debug, Default)]
pub struct Witness {
    streams: HashMap<StreamId, Stream>,
    /// Bytes of all units and segments.
    pub delivered: u64,
    /// The packet that the decoder has in hand.
    pub frame: u64,
}

impl Witness {
    fn deliver(&mut self, bytes: &[u8]) -> Verdict {
        self.delivered += bytes.len() as u64;
        match bytes.first() {
            Some(b'A'..=b'Z') => Verdict::Sip,
            Some(b'\r') => Verdict::KeepAlive,
            _ => Verdict::Other(""),
        }
    }

    /// All packets are through.
    pub fn finish(&self) {
        assert!(self.streams.values().all(|stream| stream.ended), "every stream ends");
    }
}

impl Problems for Witness {
    fn report(&mut self, problem: Problem) {
        assert!(problem.frame <= self.frame, "a problem of a packet to come");
    }
}

impl Sink for Witness {
    fn unit(&mut self, unit: Unit<'_>) -> Verdict {
        assert!(unit.first.frame <= self.frame && unit.last.frame <= self.frame);
        self.deliver(unit.bytes)
    }

    fn segment(&mut self, segment: Segment<'_>) -> Verdict {
        assert!(segment.stream > 0 && !segment.bytes.is_empty());
        assert!(segment.at.frame <= self.frame);
        let stream = self.streams.entry(segment.stream).or_default();
        assert!(!stream.ended, "bytes after the end");
        assert!(!segment.start || stream.next.is_none(), "a start in the middle");
        assert_eq!(segment.seq, stream.next.unwrap_or(segment.seq), "bytes out of their place");
        assert_eq!(*stream.flow.get_or_insert(segment.flow), segment.flow);
        stream.next = Some(segment.seq.wrapping_add(segment.bytes.len() as u32));
        self.deliver(segment.bytes)
    }

    fn gap(&mut self, stream: StreamId, missing: u64, _: Stamp) {
        let stream = self.streams.get_mut(&stream).expect("a gap in a stream that had bytes");
        assert!(!stream.ended && missing > 0);
        stream.next = stream.next.map(|next| next.wrapping_add(missing as u32));
    }

    fn stream_end(&mut self, stream: StreamId, _: StreamEnd, _: Stamp) {
        let stream = self.streams.get_mut(&stream).expect("the end of a stream that had bytes");
        assert!(!std::mem::replace(&mut stream.ended, true), "ended twice");
    }

    fn failure(&mut self, _: Flow, _: Failure, at: Stamp) {
        assert!(at.frame <= self.frame);
    }
}
