//! TCP (RFC 9293) as a passive observer sees it: every byte of a direction once, in order.
//!
//! - A direction begins at its SYN, or in the middle at the first segment seen. Segments from before that are counted
//!   (`before_start`), not delivered: their place in the order is gone.
//! - Segments out of order wait. A hole is given up when the peer acknowledges past it (then the capture lost it), when
//!   it has been waited for too long without progress, or when too much waits behind it.
//! - A connection that ended is remembered, and so are those that used the same addresses and ports before it: a second
//!   copy of the capture, appended or interleaved, delivers nothing twice.
//! - Bytes that are out of reach of everything known begin another connection, whose SYN was not captured.

mod direction;
mod turn;

use std::collections::BTreeMap;
use std::net::IpAddr;

use self::direction::{Direction, Place};
use self::turn::{FAR, Shared, Turn, Way};
use super::address::Ip;
use super::aged_map::AgedMap;
use super::cursor::{Cursor, be16, be32};
use super::disposition::{Corrections, Disposition, Reason};
use super::exported_pdu::{Exported, Place as ExportedPlace};
use super::flow::{Flow, Protocol};
use super::origin::Origin;
use super::sink::{Failure, Sink, StreamEnd};
use crate::layer::Layer;
use crate::limits::Limits;
use crate::packet::{NO_TIME, Stamp};
use crate::problem::{Code, Problem};

/// Ended connections remembered for one pair of addresses and ports, beside the current one.
const MAX_PAST: usize = 64;

const NO_PAYLOAD: Disposition = Disposition::new(Layer::TCP, Reason::NoPayload);
const REPEATED: Disposition = Disposition::new(Layer::TCP, Reason::Repeated);

/// A SYN that was sent again after so long, or that nothing followed for [`NO_ANSWER`], had no answer: the first timeout
/// is one second (RFC 6298 §2.1).
const SENT_AGAIN: i64 = 900_000_000;
const NO_ANSWER: i64 = 3_000_000_000;

/// The fields that matter of a TCP header.
struct Header {
    src_port: u16,
    dst_port: u16,
    seq: u32,
    ack: u32,
    flags: u8,
}

impl Header {
    const FIN: u8 = 0x01;
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Is this RST the answer to such a SYN (RFC 9293 §3.10.7.3)? One without ACK is taken for it: nobody else answered.
    fn refuses(&self, attempt: &Attempt) -> bool {
        !self.has(Header::ACK) || self.ack == attempt.isn.wrapping_add(1)
    }
}

fn header(cursor: Cursor<'_>) -> Result<(Header, Cursor<'_>), Disposition> {
    let Some((header, _)) = cursor.header::<20>() else { return Err(cursor.short(Layer::TCP)) };
    let &[s1, s0, d1, d0, q3, q2, q1, q0, a3, a2, a1, a0, length, flags, ..] = header;
    let malformed = Disposition::new(Layer::TCP, Reason::Malformed);
    let header_len = usize::from(length >> 4) * 4;
    if header_len < 20 {
        return Err(malformed);
    }
    let data = cursor.skip(header_len).ok_or(malformed)?;
    let (seq, ack) = (be32([q3, q2, q1, q0]), be32([a3, a2, a1, a0]));
    Ok((Header { src_port: be16(s1, s0), dst_port: be16(d1, d0), seq, ack, flags }, data))
}

/// Both directions of a connection have one key: the lower end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    low: (u128, u16),
    high: (u128, u16),
    v6: bool,
}

impl Key {
    /// The key, and the side that sends: 0 for the lower end.
    fn new(flow: &Flow) -> (Self, u8) {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        let (src, dst) = ((bits(flow.src), flow.src_port), (bits(flow.dst), flow.dst_port));
        let v6 = flow.src.is_ipv6();
        if src <= dst { (Key { low: src, high: dst, v6 }, 0) } else { (Key { low: dst, high: src, v6 }, 1) }
    }

    /// The flow of what the side sends.
    fn flow(&self, side: u8) -> Flow {
        let address = |bits: u128| {
            if self.v6 { IpAddr::V6(bits.into()) } else { IpAddr::V4((bits as u32).into()) }
        };
        let (src, dst) = if side == 0 { (self.low, self.high) } else { (self.high, self.low) };
        Flow { protocol: Protocol::Tcp, src: address(src.0), dst: address(dst.0), src_port: src.1, dst_port: dst.1 }
    }
}

/// What is remembered of a direction of an earlier connection: the sequence numbers it used.
#[derive(Clone, Copy)]
struct Used {
    syn: bool,
    base: u64,
    next: u64,
}

impl Used {
    fn contains(&self, seq: u32, len: u64) -> bool {
        u64::from(seq.wrapping_sub(self.base as u32)) + len <= self.next - self.base
    }

    fn began_with(&self, isn: u32) -> bool {
        self.syn && (self.base as u32).wrapping_sub(1) == isn
    }
}

/// The connection that uses a pair of addresses and ports now, and those that did before.
#[derive(Default)]
struct Connection {
    sides: [Direction; 2],
    reset: bool,
    /// What this connection is so far, if it is not more: SYNs of one side.
    attempt: Option<Attempt>,
    past: Vec<[Option<Used>; 2]>,
}

/// SYNs of one side, and nothing else.
#[derive(Clone, Copy)]
struct Attempt {
    way: Way,
    isn: u32,
    first: Stamp,
    last: i64,
    syns: u32,
}

/// The TCP connections of a capture point.
pub(super) struct Tcp {
    table: AgedMap<Key, Connection>,
    shared: Shared,
    packets: u64,
    max_total: usize,
    timeout: i64,
}

impl Tcp {
    pub fn new(limits: &Limits) -> Self {
        Self {
            table: AgedMap::new(limits.max_flows),
            shared: Shared {
                holes: BTreeMap::new(),
                serial: 0,
                held: 0,
                streams: 0,
                max_buffer: limits.max_tcp_buffer_bytes,
            },
            packets: 0,
            max_total: limits.max_tcp_total_bytes,
            timeout: limits.tcp_gap_timeout_ns,
        }
    }

    /// Works on one TCP packet.
    pub fn packet<S: Sink>(
        &mut self,
        ip: Ip,
        cursor: Cursor<'_>,
        origin: &Origin,
        now: i64,
        corrections: &mut Corrections,
        sink: &mut S,
    ) -> Disposition {
        let (header, data) = match header(cursor) {
            Ok(read) => read,
            Err(disposition) => return disposition,
        };
        let flow = Flow {
            protocol: Protocol::Tcp,
            src: ip.src,
            dst: ip.dst,
            src_port: header.src_port,
            dst_port: header.dst_port,
        };
        self.segment((flow, &header), data, origin, now, corrections, sink)
    }

    /// Works on bytes that somebody else took out of a connection.
    pub fn exported<S: Sink>(
        &mut self,
        pdu: &Exported<'_>,
        place: ExportedPlace,
        origin: &Origin,
        now: i64,
        corrections: &mut Corrections,
        sink: &mut S,
    ) -> Disposition {
        let flow = pdu.flow;
        let (seq, ack) = match place {
            ExportedPlace::At(seq, ack) => (seq, ack),
            ExportedPlace::Next => (self.next(&flow), None),
        };
        let flags = ack.map_or(0, |_| Header::ACK);
        let header =
            Header { src_port: flow.src_port, dst_port: flow.dst_port, seq, ack: ack.unwrap_or_default(), flags };
        self.segment((flow, &header), pdu.payload, origin, now, corrections, sink)
    }

    /// The sequence number that is wanted next in this direction.
    fn next(&mut self, flow: &Flow) -> u32 {
        let (key, side) = Key::new(flow);
        let found = self.table.find(&key).and_then(|slot| self.table.get_mut(slot));
        found.map_or(0, |(_, connection)| connection.side(side).next as u32)
    }

    fn segment<S: Sink>(
        &mut self,
        (flow, header): (Flow, &Header),
        data: Cursor<'_>,
        origin: &Origin,
        now: i64,
        corrections: &mut Corrections,
        sink: &mut S,
    ) -> Disposition {
        let (key, side) = Key::new(&flow);
        let way = Way { flow, side };
        self.packets += 1;
        let at = origin.stamps(data.offset).1;
        let mut turn = Turn {
            sink,
            shared: &mut self.shared,
            corrections,
            slot: 0,
            now,
            at,
            packet: self.packets,
            packets: origin.packets,
            encapsulation: Some(&origin.encapsulation),
        };
        turn.slot = match self.table.find(&key) {
            Some(slot) => slot,
            // An ACK alone tells nothing worth remembering.
            None if data.wire_len() == 0 && !header.has(Header::SYN | Header::RST) => return NO_PAYLOAD,
            None => {
                let (slot, evicted) = self.table.insert(key, Connection::default());
                if let Some((key, mut old)) = evicted {
                    if old.sides.iter().any(Direction::is_open) {
                        let detail = format!("{} connections: one still open was forgotten", self.table.len());
                        turn.report(Code::FlowLimit, at, detail);
                    }
                    old.close(&key, StreamEnd::Replaced, &mut turn);
                }
                slot
            }
        };
        let Some((_, connection)) = self.table.get_mut(turn.slot) else { return NO_PAYLOAD };
        let disposition = connection.packet(way, header, data, &mut turn);
        while self.shared.held > self.max_total && self.skip_oldest(at, now, corrections, sink) {
            let detail = format!("more than {} bytes held behind holes", self.max_total);
            let Stamp { file, frame, offset, .. } = at;
            sink.report(Problem { code: Code::TcpBufferLimit, layer: Layer::TCP, file, frame, offset, detail });
        }
        disposition
    }

    /// Gives up the holes that were waited for too long. Time may run backwards, where one capture follows another.
    pub fn expire<S: Sink>(&mut self, at: Stamp, now: i64, corrections: &mut Corrections, sink: &mut S) {
        while let Some((_, hole)) = self.shared.holes.first_key_value()
            && now.abs_diff(hole.since) > self.timeout.unsigned_abs()
        {
            self.skip_oldest(at, now, corrections, sink);
        }
    }

    fn skip_oldest<S: Sink>(&mut self, at: Stamp, now: i64, corrections: &mut Corrections, sink: &mut S) -> bool {
        let Some((_, hole)) = self.shared.holes.pop_first() else { return false };
        let shared = &mut self.shared;
        let mut turn =
            Turn { sink, shared, corrections, slot: hole.slot, now, at, packet: 0, packets: 0, encapsulation: None };
        if let Some((key, connection)) = self.table.get_mut(hole.slot) {
            let way = Way { flow: key.flow(hole.side), side: hole.side };
            connection.side(hole.side).skip(way, &mut turn);
        }
        true
    }

    /// The capture ended: delivers what is held, over its holes, and ends every stream.
    pub fn finish<S: Sink>(&mut self, at: Stamp, now: i64, corrections: &mut Corrections, sink: &mut S) {
        for slot in 0..self.table.len() as u32 {
            let shared = &mut self.shared;
            let mut turn =
                Turn { sink, shared, corrections, slot, now, at, packet: 0, packets: 0, encapsulation: None };
            if let Some((&key, connection)) = self.table.get_mut(slot) {
                connection.close(&key, StreamEnd::Capture, &mut turn);
            }
        }
    }
}

impl Connection {
    fn side(&mut self, side: u8) -> &mut Direction {
        let [low, high] = &mut self.sides;
        if side == 0 { low } else { high }
    }

    fn packet<S: Sink>(&mut self, way: Way, header: &Header, data: Cursor<'_>, turn: &mut Turn<'_, S>) -> Disposition {
        let bare = data.wire_len() == 0;
        // Beside the three flags, whatever follows a SYN that is alone so far: it shows that the connection was made.
        if bare && (header.has(Header::SYN | Header::FIN | Header::RST) || self.attempt.is_some()) {
            turn.sink.connection(&way.flow, turn.at);
        }
        if let Some(attempt) = &self.attempt {
            let answer = way.side != attempt.way.side;
            if answer && header.has(Header::RST) {
                if !header.refuses(attempt) {
                    return NO_PAYLOAD;
                }
                let flow = attempt.way.flow;
                (self.attempt, self.reset) = (None, true);
                turn.sink.failure(flow, Failure::TcpRefused, turn.at);
                self.end_both(way, StreamEnd::Reset, turn);
                return NO_PAYLOAD;
            }
            // Without SYN the handshake goes on, whose answer was not captured.
            if answer || !header.has(Header::SYN | Header::RST) {
                self.attempt = None;
            }
        }
        if header.has(Header::RST) {
            self.reset(way, header.seq, turn);
            return NO_PAYLOAD;
        }
        let mut seq = header.seq;
        if header.has(Header::SYN) {
            if !self.syn(way, header, turn) {
                return if bare { NO_PAYLOAD } else { REPEATED };
            }
            seq = seq.wrapping_add(1);
        }
        if header.has(Header::ACK) {
            let back = way.back();
            if self.side(back.side).acknowledged(back, header.ack, turn) && bare {
                turn.sink.connection(&way.flow, turn.at);
            }
        }
        let fin = header.has(Header::FIN);
        let sender = self.side(way.side);
        if bare {
            if fin && sender.known {
                let end = sender.unwrap(seq);
                if !self.is_past(way.side, seq, 0) {
                    self.side(way.side).finished_at(way, end, turn);
                }
            }
            return NO_PAYLOAD;
        }
        if !fin && sender.is_plain(seq) {
            return deliver(sender, way, data, turn);
        }
        self.payload(way, seq, data, fin, turn)
    }

    /// A SYN. Returns `false` if it is that of an earlier connection, come again.
    fn syn<S: Sink>(&mut self, way: Way, header: &Header, turn: &mut Turn<'_, S>) -> bool {
        let isn = header.seq;
        let first = isn.wrapping_add(1);
        let answer = header.has(Header::ACK);
        let reset = self.reset;
        let peer = self.side(way.back().side);
        // A first SYN where the peer is in the middle of a stream: a new connection on the same ports.
        let peer_is_older = !answer && peer.known && !peer.syn && !peer.nothing_delivered();
        let sender = self.side(way.side);
        if sender.known {
            let base = sender.base as u32;
            if base == first {
                // The same SYN again, or one that comes after the first bytes.
                sender.syn = true;
                if let Some(attempt) = &mut self.attempt {
                    (attempt.last, attempt.syns) = (turn.now, attempt.syns.saturating_add(1));
                }
                return true;
            }
            // A SYN that comes late, in a direction whose first bytes were lost or are late too.
            if !sender.syn && base.wrapping_sub(first) < direction::EARLIER as u32 {
                return true;
            }
            // The answer to a SYN sent again may choose anew, as long as nothing was sent.
            if answer && sender.nothing_delivered() && !reset {
                sender.start_at(first, true);
                return true;
            }
        } else if !reset && !peer_is_older {
            sender.start_at(first, true);
            self.attempts(way, header, turn);
            return true;
        }
        if self.past(way.side).any(|used| used.began_with(isn)) {
            return false;
        }
        self.begin_anew(way, turn);
        self.side(way.side).start_at(first, true);
        self.attempts(way, header, turn);
        true
    }

    /// A first SYN: a connection is tried. (An ACK with it answers one that was not captured.)
    fn attempts<S: Sink>(&mut self, way: Way, header: &Header, turn: &Turn<'_, S>) {
        let alone = !header.has(Header::ACK) && !self.side(way.back().side).known;
        let attempt = Attempt { way, isn: header.seq, first: turn.at, last: turn.now, syns: 1 };
        self.attempt = alone.then_some(attempt);
    }

    /// The connection is given up, or the capture ends: was the SYN left without an answer?
    fn unanswered<S: Sink>(&mut self, turn: &mut Turn<'_, S>) {
        let Some(Attempt { way, first, last, syns, .. }) = self.attempt.take() else { return };
        if first.time == NO_TIME {
            return;
        }
        let lasted = last.saturating_sub(first.time);
        if lasted >= SENT_AGAIN || turn.now.saturating_sub(first.time) >= NO_ANSWER {
            turn.sink.failure(way.flow, Failure::TcpUnanswered { syns, lasted }, first);
        }
    }

    fn payload<S: Sink>(
        &mut self,
        way: Way,
        seq: u32,
        data: Cursor<'_>,
        fin: bool,
        turn: &mut Turn<'_, S>,
    ) -> Disposition {
        let len = data.wire_len();
        let past = self.is_past(way.side, seq, len);
        let sender = self.side(way.side);
        let from = if sender.known { sender.unwrap(seq) } else { 0 };
        let place = match (sender.known, sender.ended) {
            (false, _) if past => return REPEATED,
            (false, true) => Place::Elsewhere,
            (false, false) => {
                sender.start_at(seq, false);
                Place::InOrder
            }
            (true, _) => sender.place(from, len),
        };
        match place {
            Place::Seen(reason) => {
                if fin {
                    sender.finished_at(way, from + len, turn);
                }
                Disposition::new(Layer::TCP, reason)
            }
            // What an earlier connection sent, come again late or in a second copy.
            Place::Ahead | Place::Elsewhere if past => REPEATED,
            Place::InOrder => {
                let end = sender.unwrap(seq) + len;
                let disposition = deliver(sender, way, data, turn);
                if fin {
                    sender.finished_at(way, end, turn);
                }
                disposition
            }
            Place::Ahead => {
                if fin {
                    sender.finished_at(way, from + len, turn);
                }
                sender.accept(way, from, data, turn.at, turn)
            }
            Place::Elsewhere => {
                // Bytes after the end may overlap those delivered before it.
                let seen = if sender.known && from < sender.next { sender.next.saturating_sub(from) } else { 0 };
                let seen = if seen < len && from >= sender.base { seen } else { 0 };
                let (seq, Some(data)) = (seq.wrapping_add(seen as u32), data.skip(seen as usize)) else {
                    return REPEATED;
                };
                self.begin_anew(way, turn);
                let sender = self.side(way.side);
                sender.start_at(seq, false);
                turn.at.offset += seen;
                let disposition = deliver(sender, way, data, turn);
                if fin {
                    sender.finished_at(way, sender.next, turn);
                }
                disposition
            }
        }
    }

    /// A reset by the sender of this packet: what is held is delivered, and both directions end.
    fn reset<S: Sink>(&mut self, way: Way, seq: u32, turn: &mut Turn<'_, S>) {
        let over = self.reset || self.sides.iter().all(|side| side.ended);
        let sender = self.side(way.side);
        // In answer to a SYN or to a stranger the number is 0 (RFC 9293 §3.5.2); elsewhere it must be of this connection.
        let from = sender.unwrap(seq);
        let believable = !sender.known || seq == 0 || (from >= sender.base && from <= sender.next + FAR);
        if over || !believable || self.is_past(way.side, seq, 0) {
            return;
        }
        self.reset = true;
        turn.sink.failure(way.flow, Failure::TcpReset, turn.at);
        self.end_both(way, StreamEnd::Reset, turn);
    }

    fn end_both<S: Sink>(&mut self, way: Way, end: StreamEnd, turn: &mut Turn<'_, S>) {
        for way in [way, way.back()] {
            let direction = self.side(way.side);
            direction.flush(way, turn);
            direction.end(end, turn);
        }
    }

    fn close<S: Sink>(&mut self, key: &Key, end: StreamEnd, turn: &mut Turn<'_, S>) {
        self.unanswered(turn);
        self.end_both(Way { flow: key.flow(0), side: 0 }, end, turn);
    }

    /// Another connection on the same addresses and ports: the one before ends and is remembered.
    fn begin_anew<S: Sink>(&mut self, way: Way, turn: &mut Turn<'_, S>) {
        self.unanswered(turn);
        self.end_both(way, StreamEnd::Replaced, turn);
        if self.past.len() == MAX_PAST {
            self.past.remove(0);
        }
        self.past.push(
            std::mem::take(&mut self.sides)
                .map(|side| side.known.then_some(Used { syn: side.syn, base: side.base, next: side.next })),
        );
        self.reset = false;
    }

    fn past(&self, side: u8) -> impl Iterator<Item = &Used> {
        self.past.iter().filter_map(move |[low, high]| if side == 0 { low.as_ref() } else { high.as_ref() })
    }

    /// Did an earlier connection use these sequence numbers?
    fn is_past(&self, side: u8, seq: u32, len: u64) -> bool {
        self.past(side).any(|used| used.contains(seq, len))
    }
}

/// In order, and nothing waits: straight to the sink.
fn deliver<S: Sink>(sender: &mut Direction, way: Way, data: Cursor<'_>, turn: &mut Turn<'_, S>) -> Disposition {
    let class = sender.deliver(way, data.bytes, data.missing, turn.at, turn);
    class.map_or(Disposition::new(Layer::TCP, Reason::Cut), |class| Disposition::of(class, Layer::TCP))
}
