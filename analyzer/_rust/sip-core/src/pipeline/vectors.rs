//! A second reading for the keys that an HSS sent: only where packets are encrypted, and what their two ends agreed on is known.

use hashbrown::HashMap;

use super::agreements::Agreements;
use super::options::{Options, ScanError};
use super::second;
use super::source::Source;
use crate::diameter::{self, keys};
use crate::framing::{Cut, Framer};
use crate::ipsec::Keyring;
use crate::net::{Datagram, Failure, Flow, Protocol, Segment, Sink, StreamClass, StreamEnd, StreamId};
use crate::packet::Stamp;
use crate::problem::{Problem, Problems};

/// Looks for the keys of what was agreed on.
///
/// # Errors
/// When not one of the sources can be read.
pub fn read(sources: &[Source], options: &Options, agreements: &mut Agreements) -> Result<(), ScanError> {
    let grammar = diameter::Stream { max_bytes: options.limits.max_message_bytes };
    let max_held = options.limits.max_tcp_total_bytes;
    let mut reader = Reader { agreements, grammar, streams: HashMap::new(), held: 0, max_held };
    second::read(sources, options, &mut reader).map(drop)
}

struct Reader<'a> {
    agreements: &'a mut Agreements,
    grammar: diameter::Stream,
    streams: HashMap<(u16, StreamId), Framer>,
    held: usize,
    max_held: usize,
}

impl Problems for Reader<'_> {
    /// The reading for SIP has told it.
    fn report(&mut self, _: Problem) {}
}

impl<'scan> second::Reader for Reader<'scan> {
    type Sink<'a>
        = PointSink<'a, 'scan>
    where
        Self: 'a;

    fn at(&mut self, point: u16) -> PointSink<'_, 'scan> {
        PointSink { point, reader: self }
    }
}

struct PointSink<'a, 'scan> {
    point: u16,
    reader: &'a mut Reader<'scan>,
}

impl Problems for PointSink<'_, '_> {
    fn report(&mut self, _: Problem) {}
}

const NOTHING: StreamClass = StreamClass::Other("");

impl PointSink<'_, '_> {
    fn vectors(&mut self, message: &[u8]) {
        let agreements = &mut *self.reader.agreements;
        keys::vectors(message, |challenge, cipher, integrity| agreements.vector(challenge, cipher, integrity));
    }
}

impl Sink for PointSink<'_, '_> {
    fn datagram(&mut self, datagram: Datagram<'_>) -> StreamClass {
        if datagram.flow.protocol == Protocol::Sctp {
            self.vectors(datagram.bytes);
        }
        NOTHING
    }

    fn segment(&mut self, segment: Segment<'_>) -> StreamClass {
        let key = (self.point, segment.stream);
        let whole = segment.start && segment.missing == 0;
        let mut framer = self.reader.streams.remove(&key).unwrap_or_else(|| Framer::new(whole));
        let (before, grammar) = (framer.held(), self.reader.grammar);
        framer.segment(&grammar, (segment.bytes, segment.seq, segment.at), &mut |cut: Cut<'_>| self.vectors(cut.bytes));
        if self.reader.held + framer.held() > self.reader.max_held {
            framer.gap(&grammar, &mut |_| {});
        }
        self.reader.held = (self.reader.held + framer.held()).saturating_sub(before);
        self.reader.streams.insert(key, framer);
        NOTHING
    }

    fn gap(&mut self, stream: StreamId, _missing: u64, _at: Stamp) {
        let grammar = self.reader.grammar;
        if let Some(framer) = self.reader.streams.get_mut(&(self.point, stream)) {
            self.reader.held = self.reader.held.saturating_sub(framer.held());
            framer.gap(&grammar, &mut |_| {});
        }
    }

    fn stream_end(&mut self, stream: StreamId, _end: StreamEnd, _at: Stamp) {
        if let Some(framer) = self.reader.streams.remove(&(self.point, stream)) {
            self.reader.held = self.reader.held.saturating_sub(framer.held());
        }
    }

    fn failure(&mut self, _flow: Flow, _failure: Failure, _at: Stamp) {}

    fn keyring(&self) -> Option<&Keyring> {
        Some(&self.reader.agreements.keyring)
    }
}
