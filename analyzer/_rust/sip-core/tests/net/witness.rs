//! A sink that writes down all it is told, and a capture that feeds a decoder.

use std::collections::BTreeMap;

use sip_core::limits::Limits;
use sip_core::net::{
    Agent, Datagram, Decoder, Disposition, Encapsulation, Failure, Flow, HepReport, Segment, Sink, StreamClass,
    StreamEnd, StreamId,
};
use sip_core::packet::{Packet, Stamp};
use sip_core::problem::{Problem, Problems};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenDatagram {
    pub flow: Flow,
    pub bytes: Vec<u8>,
    pub first: Stamp,
    pub last: Stamp,
    pub ident: u32,
    pub missing: u32,
    pub encapsulation: Encapsulation,
    pub report: Option<SeenReport>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenReport {
    /// As text.
    pub agent: String,
    pub correlation_id: Option<Vec<u8>>,
    pub arrived: i64,
    pub inflated: bool,
}

impl SeenReport {
    fn of(report: HepReport<'_>) -> Self {
        let HepReport { agent, correlation_id, arrived, inflated } = report;
        let agent = match agent {
            Agent::Name(name) => format!("Name({})", String::from_utf8_lossy(name)),
            Agent::Id(id) => format!("Id({id})"),
            Agent::Address(address) => format!("Address({address})"),
        };
        SeenReport { agent, correlation_id: correlation_id.map(<[u8]>::to_vec), arrived, inflated }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stream {
    pub flow: Option<Flow>,
    pub bytes: Vec<u8>,
    pub segments: usize,
    /// Packets that carried its bytes.
    pub frames: Vec<u64>,
    /// Where in the file each segment begins.
    pub offsets: Vec<u64>,
    pub start: bool,
    /// (bytes delivered before, bytes missing)
    pub gaps: Vec<(usize, u64)>,
    pub end: Option<StreamEnd>,
    /// Where the next segment must begin.
    next: Option<u32>,
}

/// Says SIP to everything that begins with a letter.
#[derive(Default)]
pub struct Witness {
    pub datagrams: Vec<SeenDatagram>,
    pub streams: BTreeMap<StreamId, Stream>,
    pub failures: Vec<(Flow, Failure)>,
    pub problems: Vec<Problem>,
    /// Packets by the name of their disposition.
    pub ledger: BTreeMap<String, u64>,
}

fn class(bytes: &[u8]) -> StreamClass {
    match bytes.first() {
        Some(first) if first.is_ascii_alphabetic() => StreamClass::Sip,
        Some(b'\r') => StreamClass::KeepAlive,
        _ => StreamClass::Other("rtp"),
    }
}

impl Problems for Witness {
    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

impl Sink for Witness {
    fn datagram(&mut self, datagram: Datagram<'_>) -> StreamClass {
        let Datagram { flow, bytes, first, last, ident, missing, encapsulation: &encapsulation, report, .. } = datagram;
        let report = report.map(SeenReport::of);
        self.datagrams.push(SeenDatagram {
            flow,
            bytes: bytes.to_vec(),
            first,
            last,
            ident,
            missing,
            encapsulation,
            report,
        });
        class(bytes)
    }

    fn segment(&mut self, segment: Segment<'_>) -> StreamClass {
        assert!(segment.stream > 0 && !segment.bytes.is_empty());
        let stream = self.streams.entry(segment.stream).or_default();
        assert_eq!(stream.end, None, "bytes after the end");
        assert_eq!(segment.seq, stream.next.unwrap_or(segment.seq), "bytes out of their place");
        assert_eq!(stream.flow.unwrap_or(segment.flow), segment.flow);
        stream.start |= segment.start;
        assert!(!segment.start || stream.segments == 0);
        stream.flow = Some(segment.flow);
        stream.segments += 1;
        stream.frames.push(segment.at.frame);
        stream.offsets.push(segment.at.offset);
        stream.bytes.extend(segment.bytes);
        stream.next = Some(segment.seq.wrapping_add(segment.bytes.len() as u32));
        class(segment.bytes)
    }

    fn gap(&mut self, stream: StreamId, missing: u64, _: Stamp) {
        let stream = self.streams.get_mut(&stream).expect("a gap in a stream that had bytes");
        stream.gaps.push((stream.bytes.len(), missing));
        stream.next = stream.next.map(|next| next.wrapping_add(missing as u32));
    }

    fn stream_end(&mut self, stream: StreamId, end: StreamEnd, _: Stamp) {
        let stream = self.streams.get_mut(&stream).expect("the end of a stream that had bytes");
        assert_eq!(stream.end.replace(end), None, "ended twice");
    }

    fn failure(&mut self, flow: Flow, failure: Failure, _: Stamp) {
        self.failures.push((flow, failure));
    }
}

/// Packets on their way into a decoder; a millisecond apart.
pub struct Capture {
    decoder: Decoder,
    pub seen: Witness,
    pub link: u16,
    pub frame: u64,
    pub time: i64,
}

pub fn name(disposition: Disposition) -> String {
    let (layer, reason) = disposition.names();
    format!("{layer}/{reason}")
}

pub const SECOND: i64 = 1_000_000_000;

impl Capture {
    pub fn new(link: u16) -> Self {
        Self::with(link, &Limits::default())
    }

    pub fn with(link: u16, limits: &Limits) -> Self {
        let (decoder, seen) = (Decoder::new(limits), Witness::default());
        Capture { decoder, seen, link, frame: 0, time: 0 }
    }

    /// Has packets of one link type read as if they were of another.
    pub fn reading(self, link: u16, read_as: u16) -> Self {
        Capture { decoder: self.decoder.with_link_types(&[(link, read_as)]), ..self }
    }

    /// Feeds a packet of which only the first `captured` bytes are in the file; returns the name of its disposition.
    pub fn sliced(&mut self, data: &[u8], captured: usize) -> String {
        self.frame += 1;
        self.time += 1_000_000;
        let packet = Packet {
            frame: self.frame,
            offset: self.frame * 100_000,
            time: Some(self.time),
            interface: 0,
            host: 0,
            link: self.link,
            orig_len: data.len() as u32,
            data: &data[..captured.min(data.len())],
        };
        let disposition = name(self.decoder.packet(0, &packet, &mut self.seen));
        *self.seen.ledger.entry(disposition.clone()).or_default() += 1;
        disposition
    }

    pub fn packet(&mut self, data: &[u8]) -> String {
        self.sliced(data, usize::MAX)
    }

    pub fn packets<'a>(&mut self, packets: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<String> {
        packets.into_iter().map(|packet| self.packet(packet)).collect()
    }

    /// Ends the capture, applies the corrections, and checks that the ledger adds up to the packets.
    pub fn finish(&mut self) {
        for correction in self.decoder.finish(&mut self.seen) {
            let from =
                self.seen.ledger.get_mut(&name(correction.from)).expect("a correction of a disposition that was given");
            *from = from.checked_sub(correction.packets).expect("no more than were counted");
            *self.seen.ledger.entry(name(correction.to)).or_default() += correction.packets;
        }
        self.seen.ledger.retain(|_, packets| *packets > 0);
        assert_eq!(self.seen.ledger.values().sum::<u64>(), self.frame, "every packet has one disposition");
        assert!(self.seen.streams.values().all(|stream| stream.end.is_some()), "every stream ends");
    }

    pub fn codes(&self) -> Vec<&'static str> {
        self.seen.problems.iter().map(|problem| problem.code.as_str()).collect()
    }

    pub fn bytes(&self) -> Vec<Vec<u8>> {
        self.seen.datagrams.iter().map(|datagram| datagram.bytes.clone()).collect()
    }

    pub fn streams(&self) -> Vec<&Stream> {
        self.seen.streams.values().collect()
    }
}
