//! HEP over TCP: packets cut out of a stream by the length in their headers (domain of version 3; 1 and 2 have none).
//!
//! ```text
//! Undecided  the first bytes of a stream: HEP, or what goes on to the sink as it is
//! Framing    a packet begins here, or has begun
//! Seek       one did not: look for the next header (a stream from its middle, a hole, damage)
//! ```

use hashbrown::HashMap;

use super::packet::{Around, CHUNK, HEADER, MAGICS, PORT, hep};
use crate::hash::Keyed;
use crate::ipsec::Keyring;
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16};
use crate::net::disposition::{Disposition, Reason, StreamClass};
use crate::net::encapsulation::Encapsulation;
use crate::net::flow::Flow;
use crate::net::origin::Origin;
use crate::net::sink::{Datagram, Failure, Segment, Sink, StreamEnd, StreamId};
use crate::packet::Stamp;
use crate::problem::{Code, Problem, Problems};

/// After so many bytes without a header a stream is not HEP.
const MAX_SEARCHED: usize = 128 << 10;
/// Magic, length, and the header of the first chunk: what tells a packet from text that has the magic in it.
const SURE: usize = HEADER + CHUNK;

const PART: Disposition = Disposition::new(Layer::HEP, Reason::MessagePart);

/// The streams of a capture point that are HEP, or may be.
#[derive(Default)]
pub(in crate::net) struct Streams {
    open: HashMap<StreamId, Stream, Keyed>,
    /// Identifiers grow: a greater one is that of a stream not seen before.
    newest: StreamId,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Undecided {
        searched: usize,
    },
    Framing,
    Seek,
    /// Not HEP.
    Other,
}

struct Stream {
    flow: Flow,
    state: State,
    /// The sink knows this stream.
    passed: bool,
    /// The beginning of a packet.
    held: Vec<u8>,
    pieces: Vec<Piece>,
    /// Of the latest segment.
    encapsulation: Encapsulation,
}

/// A run of bytes that one segment brought.
#[derive(Clone, Copy)]
struct Piece {
    /// Position in what is held.
    from: usize,
    seq: u32,
    at: Stamp,
    /// Of the connection, as of a [`Segment`].
    start: bool,
    missing: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Header,
    /// More bytes are needed to tell.
    Open,
    Other,
}

/// Does a packet begin here?
fn start(bytes: &[u8]) -> Start {
    let magic = |magic: &&[u8; 4]| magic.iter().zip(bytes).all(|(a, b)| a == b);
    if !MAGICS.iter().any(magic) {
        return Start::Other;
    }
    let Some(&[_, _, _, _, t1, t0, v1, _, k1, _, l1, l0]) = bytes.first_chunk::<SURE>() else { return Start::Open };
    let (total, length) = (usize::from(be16(t1, t0)), usize::from(be16(l1, l0)));
    // Vendors and types are small numbers; letters are not.
    if v1 == 0 && k1 == 0 && length >= CHUNK && HEADER + length <= total { Start::Header } else { Start::Other }
}

/// The first place at or after `from` where a packet begins, or may.
fn find(bytes: &[u8], from: usize) -> (usize, Start) {
    let mut at = from;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        // Both magics end alike.
        let Some(end) = memchr::memmem::find(rest, b"EP3") else { break };
        let candidate = at + end.saturating_sub(1);
        match bytes.get(candidate..).map_or(Start::Other, start) {
            Start::Other => at += end + 1,
            found => return (candidate, found),
        }
    }
    // The last bytes may be the beginning of one.
    let tail = (1..4).rev().find(|&n| {
        let magic = |magic: &&[u8; 4]| magic.get(..n).is_some_and(|prefix| bytes.ends_with(prefix));
        bytes.len() >= from + n && MAGICS.iter().any(magic)
    });
    (bytes.len() - tail.unwrap_or(0), if tail.is_some() { Start::Open } else { Start::Other })
}

/// A sink that takes HEP out of TCP streams, and hands on everything else.
pub(in crate::net) struct Unwrapped<'s, S> {
    pub sink: &'s mut S,
    pub streams: &'s mut Streams,
    pub max_inflated: usize,
}

impl<S: Sink> Problems for Unwrapped<'_, S> {
    fn report(&mut self, problem: Problem) {
        self.sink.report(problem);
    }
}

impl<S: Sink> Sink for Unwrapped<'_, S> {
    fn datagram(&mut self, datagram: Datagram<'_>) -> StreamClass {
        self.sink.datagram(datagram)
    }

    fn segment(&mut self, segment: Segment<'_>) -> StreamClass {
        if segment.stream > self.streams.newest {
            self.streams.newest = segment.stream;
            self.streams.open.insert(segment.stream, Stream::new(segment.flow));
        }
        let Some(stream) = self.streams.open.get_mut(&segment.stream) else { return self.sink.segment(segment) };
        if let Some(encapsulation) = segment.encapsulation {
            stream.encapsulation = *encapsulation;
        }
        let class = match stream.state {
            State::Undecided { searched } => stream.decide(&segment, searched, self.sink, self.max_inflated),
            _ => stream.segment(&segment, self.sink, self.max_inflated),
        };
        if stream.state == State::Other {
            self.streams.open.remove(&segment.stream);
        }
        class
    }

    fn connection(&mut self, flow: &Flow, at: Stamp) {
        self.sink.connection(flow, at);
    }

    fn gap(&mut self, id: StreamId, missing: u64, at: Stamp) {
        let Some(stream) = self.streams.open.get_mut(&id) else { return self.sink.gap(id, missing, at) };
        if let State::Undecided { .. } = stream.state {
            stream.give_back(id, self.sink);
            if stream.passed {
                self.sink.gap(id, missing, at);
            }
            return;
        }
        let Stamp { file, frame, offset, .. } = at;
        let detail = format!("{missing} bytes of a HEP stream were not captured before this packet");
        self.sink.report(Problem { code: Code::TcpBytesMissing, layer: Layer::TCP, file, frame, offset, detail });
        stream.cut(self.sink, self.max_inflated);
    }

    fn stream_end(&mut self, id: StreamId, end: StreamEnd, at: Stamp) {
        let Some(mut stream) = self.streams.open.remove(&id) else { return self.sink.stream_end(id, end, at) };
        match stream.state {
            State::Undecided { .. } => stream.give_back(id, self.sink),
            _ => stream.cut(self.sink, self.max_inflated),
        }
        if stream.passed {
            self.sink.stream_end(id, end, at);
        }
    }

    fn failure(&mut self, flow: Flow, failure: Failure, at: Stamp) {
        self.sink.failure(flow, failure, at);
    }

    fn joined(&mut self, whole: Stamp, cursor: Stamp) {
        self.sink.joined(whole, cursor);
    }

    fn keyring(&self) -> Option<&Keyring> {
        self.sink.keyring()
    }
}

impl Stream {
    fn new(flow: Flow) -> Self {
        let state = State::Undecided { searched: 0 };
        Stream { flow, state, passed: false, held: Vec::new(), pieces: Vec::new(), encapsulation: Encapsulation::PLAIN }
    }

    /// The first bytes of a stream, or those behind bytes that nobody knew.
    fn decide(
        &mut self,
        segment: &Segment<'_>,
        searched: usize,
        sink: &mut impl Sink,
        max_inflated: usize,
    ) -> StreamClass {
        let bytes = segment.bytes;
        if !self.passed {
            // Few bytes are held: less than a header.
            let begin = [&self.held, bytes.get(..bytes.len().min(SURE)).unwrap_or_default()].concat();
            match start(&begin) {
                Start::Open => {
                    self.hold(segment, 0);
                    return StreamClass::Decided(PART);
                }
                Start::Header => {
                    self.state = State::Framing;
                    return self.segment(segment, sink, max_inflated);
                }
                Start::Other => self.give_back(segment.stream, sink),
            }
        }
        // From the middle of a stream: behind the end of a packet, or in the header of one.
        if find(bytes, 0).1 == Start::Header || (self.is_on_port() && searched == 0 && is_binary(bytes)) {
            if self.passed {
                sink.stream_end(segment.stream, StreamEnd::Replaced, segment.at);
                self.passed = false;
            }
            self.state = State::Seek;
            return self.segment(segment, sink, max_inflated);
        }
        self.passed = true;
        let class = sink.segment(*segment);
        let searched = searched + bytes.len();
        let over = class == StreamClass::Sip || searched > MAX_SEARCHED;
        self.state = if over { State::Other } else { State::Undecided { searched } };
        class
    }

    fn is_on_port(&self) -> bool {
        self.flow.src_port == PORT || self.flow.dst_port == PORT
    }

    /// What was held for the rest of a header begins no packet, and goes on as it came.
    fn give_back(&mut self, stream: StreamId, sink: &mut impl Sink) {
        let (held, pieces) = (std::mem::take(&mut self.held), std::mem::take(&mut self.pieces));
        let ends = pieces.iter().skip(1).map(|piece| piece.from).chain([held.len()]);
        let (flow, encapsulation) = (self.flow, self.encapsulation);
        for (piece, end) in pieces.iter().zip(ends) {
            let bytes = held.get(piece.from..end).unwrap_or_default();
            let Piece { seq, at, start, missing, .. } = *piece;
            sink.segment(Segment { stream, flow, seq, bytes, at, start, missing, encapsulation: Some(&encapsulation) });
            self.passed = true;
        }
    }

    fn hold(&mut self, segment: &Segment<'_>, used: usize) {
        let Some(rest) = segment.bytes.get(used..).filter(|rest| !rest.is_empty()) else { return };
        let at = Stamp { offset: segment.at.offset + used as u64, ..segment.at };
        let seq = segment.seq.wrapping_add(used as u32);
        let (start, missing) = (segment.start, segment.missing);
        self.pieces.push(Piece { from: self.held.len(), seq, at, start, missing });
        self.held.extend_from_slice(rest);
    }

    /// The next bytes of a stream that is HEP.
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut impl Sink, max_inflated: usize) -> StreamClass {
        if self.held.is_empty() {
            // The common case: whole packets, read where they lie.
            let Segment { seq, at, start, missing, .. } = *segment;
            let piece = Piece { from: 0, seq, at, start, missing };
            let (used, class) = self.run(segment.bytes, &[piece], sink, max_inflated);
            self.hold(segment, used);
            return class;
        }
        self.hold(segment, 0);
        let (view, pieces) = (std::mem::take(&mut self.held), std::mem::take(&mut self.pieces));
        let (used, class) = self.run(&view, &pieces, sink, max_inflated);
        self.keep(view, pieces, used);
        class
    }

    /// Holds what was not used.
    fn keep(&mut self, mut view: Vec<u8>, pieces: Vec<Piece>, used: usize) {
        if used == 0 {
            return (self.held, self.pieces) = (view, pieces);
        }
        view.drain(..used.min(view.len()));
        if view.is_empty() {
            // Thousands of idle connections must not each keep the room of their longest packet.
            view.shrink_to(4096);
            return self.held = view;
        }
        let first = pieces.partition_point(|piece| piece.from <= used).saturating_sub(1);
        let kept = pieces.get(first..).unwrap_or_default();
        self.pieces.extend(kept.iter().map(|piece| match used.checked_sub(piece.from) {
            Some(inside) => Piece { from: 0, ..advanced(*piece, inside) },
            None => Piece { from: piece.from - used, ..*piece },
        }));
        self.held = view;
    }

    /// Reads packets as far as they are whole; returns how many bytes are done with, and what the last segment was.
    fn run(
        &mut self,
        view: &[u8],
        pieces: &[Piece],
        sink: &mut impl Sink,
        max_inflated: usize,
    ) -> (usize, StreamClass) {
        let (mut at, mut found) = (0, None);
        while let Some(rest) = view.get(at..).filter(|rest| !rest.is_empty()) {
            match start(rest) {
                Start::Open => break,
                Start::Header => {
                    self.state = State::Framing;
                    let total = rest.get(4..).and_then(|rest| rest.first_chunk()).map_or(HEADER, length);
                    let Some(packet) = rest.get(..total) else { break };
                    let disposition = self.packet(packet, at, 0, pieces, sink, max_inflated);
                    if found.is_none() || disposition.layer == Layer::SIP {
                        found = Some(disposition);
                    }
                    at += total;
                }
                Start::Other => {
                    let (next, _) = find(view, at + 1);
                    if self.state == State::Framing {
                        let Stamp { file, frame, offset, .. } = stamp_at(pieces, at);
                        let detail = format!("{} bytes between two packets", next - at);
                        let code = Code::HepStreamResynchronised;
                        sink.report(Problem { code, layer: Layer::HEP, file, frame, offset, detail });
                    }
                    self.state = State::Seek;
                    at = next;
                    found = found.or(Some(Disposition::new(Layer::HEP, Reason::NotSip(""))));
                }
            }
        }
        (at, StreamClass::Decided(found.unwrap_or(PART)))
    }

    /// A packet that begins at `from` in the view; `missing` bytes of it never came.
    fn packet(
        &self,
        bytes: &[u8],
        from: usize,
        missing: u32,
        pieces: &[Piece],
        sink: &mut impl Sink,
        max_inflated: usize,
    ) -> Disposition {
        let begin = pieces.partition_point(|piece| piece.from <= from).saturating_sub(1);
        let end = pieces.partition_point(|piece| piece.from < from + bytes.len());
        let pieces = pieces.get(begin..end).unwrap_or_default();
        let begun = stamp_at(pieces, from);
        let (mut first, mut last) = (begun, begun);
        // A late segment completes a packet whose tail came first.
        for piece in pieces {
            if place(&piece.at) < place(&first) {
                first = piece.at;
            }
            if place(&piece.at) > place(&last) {
                last = piece.at;
            }
        }
        for piece in pieces.iter().filter(|piece| place(&piece.at) != place(&last)) {
            sink.joined(last, piece.at);
        }
        let head_in_last = place(&last) == place(&begun);
        let encapsulation = self.encapsulation;
        let origin =
            Origin { first, last, head_in_first: true, head_in_last, packets: 1, exported: false, encapsulation };
        let cursor = Cursor { bytes, offset: begun.offset, missing, open: false };
        let ip = Ip { src: self.flow.src, dst: self.flow.dst, ident: 0, dscp: None };
        let around = Around { origin: &origin, max_inflated, on_port: false };
        hep(cursor, &ip, &around, sink).unwrap_or(PART)
    }

    /// The rest of the packet that has begun will never come: what is here of it is read.
    fn cut(&mut self, sink: &mut impl Sink, max_inflated: usize) {
        let (view, pieces) = (std::mem::take(&mut self.held), std::mem::take(&mut self.pieces));
        if start(&view) == Start::Header && self.state == State::Framing {
            let total = view.get(4..).and_then(|rest| rest.first_chunk()).map_or(HEADER, length);
            let missing = total.saturating_sub(view.len()) as u32;
            self.packet(&view, 0, missing, &pieces, sink, max_inflated);
        }
        self.state = State::Seek;
    }
}

fn length(bytes: &[u8; 2]) -> usize {
    usize::from(u16::from_be_bytes(*bytes))
}

/// Neither text nor TLS (RFC 8446 §5.1).
fn is_binary(bytes: &[u8]) -> bool {
    let text = bytes.iter().take(16).all(|&byte| byte == b'\r' || byte == b'\n' || (b' '..0x7F).contains(&byte));
    !text && !matches!(bytes, [0x14..=0x17, 3, 0..=4, ..])
}

fn place(at: &Stamp) -> (u32, u64) {
    (at.file, at.frame)
}

/// The same run of bytes without its first `n`.
fn advanced(piece: Piece, n: usize) -> Piece {
    let at = Stamp { offset: piece.at.offset + n as u64, ..piece.at };
    Piece { from: piece.from + n, seq: piece.seq.wrapping_add(n as u32), at, ..piece }
}

/// The packet that brought the byte at this position, and where that byte is.
fn stamp_at(pieces: &[Piece], position: usize) -> Stamp {
    let index = pieces.partition_point(|piece| piece.from <= position).saturating_sub(1);
    let nothing = Stamp { time: crate::packet::NO_TIME, file: 0, frame: 0, offset: 0 };
    pieces.get(index).map_or(nothing, |piece| advanced(*piece, position.saturating_sub(piece.from)).at)
}
