//! A second reading, for what was asked beside SIP: Diameter over TCP and SCTP, DNS over UDP and TCP.
//!
//! The pipeline of SIP does not pass here, so that it costs nothing until somebody looks at these tables. Diameter is known
//! by its bytes, on any port; DNS by its port and its bytes.

use arrow_array::RecordBatch;
use hashbrown::HashMap;

use super::options::{Options, ScanError};
use super::second;
use super::source::Source;
use crate::diameter::{self, Header};
use crate::dns;
use crate::framing::{Cut, Framer, Grammar};
use crate::ipsec::Keyring;
use crate::net::{Datagram, Encapsulation, Failure, Flow, Protocol, Segment, Sink, StreamClass, StreamEnd, StreamId};
use crate::observation::{Batch, Clock, Seen};
use crate::packet::Stamp;
use crate::problem::{Problem, Problems};
use crate::sip::{Carrier, Flaws};
use crate::tables::companion::{self as tables, Chunk};

/// What is read beside SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Companion {
    Diameter,
    Dns,
}

/// What was found beside SIP.
#[derive(Debug)]
pub struct Tables {
    /// One row for each message of Diameter, in the order in which they were read.
    pub diameter: Vec<RecordBatch>,
    /// One row for each message of DNS.
    pub dns: Vec<RecordBatch>,
}

/// Reads all sources once more.
///
/// # Errors
/// When not one of them can be read.
pub fn read(sources: &[Source], options: &Options) -> Result<Tables, ScanError> {
    let mut found = Found::new(options);
    let (files, points) = second::read(sources, options, &mut found)?;
    let (diameter, dns) = found.finish()?;
    Ok(Tables {
        diameter: tables::assemble(diameter, &files, &points, tables::diameter(&Batch::default(), &[])?)?,
        dns: tables::assemble(dns, &files, &points, tables::dns(&Batch::default(), &[])?)?,
    })
}

/// Messages on their way into tables.
struct Found<'a> {
    keyring: Keyring,
    clocks: &'a [Clock],
    diameter: Batch,
    dns: Batch,
    chunks: (Vec<Chunk>, Vec<Chunk>),
    grammar: diameter::Stream,
    streams: HashMap<(u16, StreamId), Stream>,
    /// Bytes held for messages that are not whole, over all streams.
    held: usize,
    max_held: usize,
}

/// One direction of a TCP connection.
struct Stream {
    flow: Flow,
    protocol: Companion,
    framer: Framer,
}

impl Problems for Found<'_> {
    /// The reading for SIP has told it.
    fn report(&mut self, _: Problem) {}
}

impl<'scan> second::Reader for Found<'scan> {
    type Sink<'a>
        = PointSink<'a, 'scan>
    where
        Self: 'a;

    fn at(&mut self, point: u16) -> PointSink<'_, 'scan> {
        PointSink { point, found: self }
    }

    /// Makes rows of batches that are full.
    fn keep_up(&mut self) -> Result<(), ScanError> {
        if self.diameter.is_full(0) {
            self.chunks.0.push(tables::diameter(&self.diameter, self.clocks)?);
            self.diameter.clear();
        }
        if self.dns.is_full(0) {
            self.chunks.1.push(tables::dns(&self.dns, self.clocks)?);
            self.dns.clear();
        }
        Ok(())
    }
}

impl<'a> Found<'a> {
    fn new(options: &'a Options) -> Self {
        Self {
            keyring: options.keyring(),
            clocks: &options.clocks,
            diameter: Batch::default(),
            dns: Batch::default(),
            chunks: (Vec::new(), Vec::new()),
            grammar: diameter::Stream { max_bytes: options.limits.max_message_bytes },
            streams: HashMap::new(),
            held: 0,
            max_held: options.limits.max_tcp_total_bytes,
        }
    }

    fn finish(mut self) -> Result<(Vec<Chunk>, Vec<Chunk>), ScanError> {
        self.chunks.0.push(tables::diameter(&self.diameter, self.clocks)?);
        self.chunks.1.push(tables::dns(&self.dns, self.clocks)?);
        Ok(self.chunks)
    }

    /// Runs one step of a stream's framer, and keeps what it cuts out. What is held for all streams stays within its limit.
    fn step(
        &mut self,
        point: u16,
        stream: &mut Stream,
        step: impl FnOnce(&mut Framer, &dyn Grammar, &mut dyn FnMut(Cut<'_>)),
    ) {
        let Stream { flow, protocol, framer } = stream;
        let before = framer.held();
        let grammar: &dyn Grammar = if *protocol == Companion::Dns { &dns::Stream } else { &self.grammar };
        let (diameter, dns) = (&mut self.diameter, &mut self.dns);
        step(framer, grammar, &mut |Cut { bytes, first, last, seq }| {
            let seen = seen(*flow, (first, last), seq, point);
            match protocol {
                Companion::Diameter => diameter.push(bytes, seen, &Encapsulation::PLAIN, None),
                Companion::Dns => push_dns(dns, bytes.get(dns::Stream::LENGTH..).unwrap_or_default(), seen),
            }
        });
        self.held = (self.held + framer.held()).saturating_sub(before);
    }
}

fn seen(flow: Flow, (first, last): (Stamp, Stamp), ident: u32, point: u16) -> Seen {
    let carrier = Carrier::Stream;
    Seen { flow, first, last, ident, point, carrier, complete: true, flaws: Flaws::NONE, interface: 0 }
}

/// Keeps a message if it has a question.
fn push_dns(batch: &mut Batch, bytes: &[u8], seen: Seen) {
    if dns::Message::read(bytes).is_some() {
        batch.push(bytes, seen, &Encapsulation::PLAIN, None);
    }
}

fn is_dns(flow: &Flow) -> bool {
    flow.src_port == dns::PORT || flow.dst_port == dns::PORT
}

/// The sink of one capture point's decoder.
struct PointSink<'a, 'scan> {
    point: u16,
    found: &'a mut Found<'scan>,
}

impl Problems for PointSink<'_, '_> {
    fn report(&mut self, problem: Problem) {
        self.found.report(problem);
    }
}

const NOTHING: StreamClass = StreamClass::Other("");

impl Sink for PointSink<'_, '_> {
    fn datagram(&mut self, Datagram { flow, bytes, first, last, ident, .. }: Datagram<'_>) -> StreamClass {
        let seen = seen(flow, (first, last), ident, self.point);
        match flow.protocol {
            Protocol::Udp if is_dns(&flow) => push_dns(&mut self.found.dns, bytes, seen),
            // One message to a user message (RFC 6733 §2.1.1 has SCTP keep their bounds).
            Protocol::Sctp if Header::read(bytes).is_some_and(|header| header.is_known()) => {
                self.found.diameter.push(bytes, seen, &Encapsulation::PLAIN, None);
            }
            _ => {}
        }
        NOTHING
    }

    fn segment(&mut self, segment: Segment<'_>) -> StreamClass {
        let Segment { stream: id, flow, seq, bytes, at, start, missing, .. } = segment;
        let mut stream = self.found.streams.remove(&(self.point, id)).unwrap_or_else(|| Stream {
            flow,
            protocol: if is_dns(&flow) { Companion::Dns } else { Companion::Diameter },
            framer: Framer::new(start && missing == 0),
        });
        self.found.step(self.point, &mut stream, |framer, grammar, emit| {
            framer.segment(grammar, (bytes, seq, at), emit);
        });
        if self.found.held > self.found.max_held {
            self.found.step(self.point, &mut stream, |framer, grammar, emit| framer.gap(grammar, emit));
        }
        self.found.streams.insert((self.point, id), stream);
        NOTHING
    }

    fn gap(&mut self, id: StreamId, _missing: u64, _at: Stamp) {
        if let Some(mut stream) = self.found.streams.remove(&(self.point, id)) {
            self.found.step(self.point, &mut stream, |framer, grammar, emit| framer.gap(grammar, emit));
            self.found.streams.insert((self.point, id), stream);
        }
    }

    fn stream_end(&mut self, id: StreamId, _end: StreamEnd, _at: Stamp) {
        if let Some(mut stream) = self.found.streams.remove(&(self.point, id)) {
            self.found.step(self.point, &mut stream, |framer, grammar, emit| framer.gap(grammar, emit));
        }
    }

    fn failure(&mut self, _flow: Flow, _failure: Failure, _at: Stamp) {}

    fn keyring(&self) -> Option<&Keyring> {
        Some(&self.found.keyring)
    }
}
