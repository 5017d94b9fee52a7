//! SCTP (RFC 9260; SIP over it: RFC 4168; I-DATA: RFC 8260) as a passive observer sees it: every user message once.
//!
//! An association direction is known by its ports and verification tag, not by addresses (multi-homing). Its messages
//! are delivered as they become complete, in whatever order: RFC 4168 lets SIP use any stream, ordered or not. A TSN
//! that was seen is not looked at again. Parts of a message are joined by consecutive TSN (DATA) or by message and
//! fragment number (I-DATA).

use std::collections::{BTreeMap, VecDeque};

use super::address::Ip;
use super::aged_map::AgedMap;
use super::cursor::{Cursor, be16, be32};
use super::disposition::{Disposition, Reason, StreamClass};
use super::encapsulation::Encapsulation;
use super::flow::{Flow, Protocol};
use super::origin::Origin;
use super::sink::{Datagram, Failure, Sink};
use crate::layer::Layer;
use crate::limits::Limits;
use crate::packet::Stamp;
use crate::problem::{Code, Problem};

/// TSNs behind the highest one that may still be new; those before are taken as seen.
const WINDOW: u64 = 1024;
/// First unwrapped TSNs lie here, so that nothing before them is negative.
const ORIGIN: u64 = 1 << 32;
/// What a part of a message costs beside its bytes.
const PIECE_COST: usize = 64;

mod chunk {
    pub const DATA: u8 = 0;
    pub const ABORT: u8 = 6;
    pub const I_DATA: u8 = 64;
    pub const FORWARD_TSN: u8 = 192;
    pub const I_FORWARD_TSN: u8 = 194;

    /// Flags of DATA and I-DATA: last part, first part, unordered.
    pub const END: u8 = 0x01;
    pub const BEGIN: u8 = 0x02;
    pub const UNORDERED: u8 = 0x04;
}

/// One direction of an association. Two with the same ports and the same 32 random bits are taken as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    src_port: u16,
    dst_port: u16,
    tag: u32,
}

/// Which TSNs were seen: a bit for each of the last [`WINDOW`], a ring.
struct Association {
    highest: Option<u64>,
    seen: [u64; WINDOW as usize / 64],
    aborted: bool,
}

impl Association {
    fn new() -> Self {
        Self { highest: None, seen: [0; WINDOW as usize / 64], aborted: false }
    }

    /// The 64-bit number nearest to the highest one.
    fn unwrap(&self, tsn: u32) -> u64 {
        match self.highest {
            None => ORIGIN + u64::from(tsn),
            Some(highest) => highest.wrapping_add_signed(i64::from(tsn.wrapping_sub(highest as u32) as i32)),
        }
    }

    /// Marks a TSN as seen; `false` if it was.
    fn is_new(&mut self, tsn: u64) -> bool {
        let highest = self.highest.unwrap_or(tsn);
        if highest.saturating_sub(tsn) >= WINDOW {
            return false;
        }
        // The places between the old highest and the new one belong to TSNs that were not seen yet.
        for unseen in (highest + 1..=tsn).take(WINDOW as usize) {
            let (word, bit) = Self::place(unseen);
            self.seen.get_mut(word).into_iter().for_each(|word| *word &= !bit);
        }
        self.highest = Some(highest.max(tsn));
        let (word, bit) = Self::place(tsn);
        let Some(word) = self.seen.get_mut(word) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    fn place(tsn: u64) -> (usize, u64) {
        ((tsn % WINDOW / 64) as usize, 1 << (tsn % 64))
    }
}

/// What parts of one message have in common, within an association. DATA has no message number: 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    slot: u32,
    kind: u8,
    stream: u16,
    unordered: bool,
    message: u32,
}

/// A DATA or I-DATA chunk.
#[derive(Clone, Copy)]
struct Data<'a> {
    group: Group,
    /// Place among the parts: unwrapped TSN, or fragment number.
    index: u64,
    tsn: u32,
    begin: bool,
    end: bool,
    payload: Cursor<'a>,
}

struct Piece {
    bytes: Box<[u8]>,
    missing: u32,
    tsn: u32,
    at: Stamp,
}

/// Consecutive parts of a message.
struct Run {
    group: Group,
    start: u64,
    pieces: VecDeque<Piece>,
    /// The first part is there, the last part is there.
    begun: bool,
    ended: bool,
    first: Stamp,
    since: i64,
    bytes: usize,
}

/// What a part of a message led to.
enum Joined {
    Whole(Run),
    /// Waits under this serial.
    Held(u64),
}

/// The SCTP associations of a capture point.
pub(super) struct Sctp {
    table: AgedMap<Key, Association>,
    /// By age.
    runs: BTreeMap<u64, Run>,
    /// By place: a run begins there.
    starts: BTreeMap<(Group, u64), u64>,
    serial: u64,
    cost: usize,
    max_cost: usize,
    max_message: usize,
    timeout: i64,
}

/// The disposition of a packet with several chunks is the best of theirs.
fn rank(disposition: Disposition) -> u8 {
    match disposition.reason {
        Reason::Message => 6,
        Reason::KeepAlive => 5,
        Reason::NotSip(_) => 4,
        Reason::MessagePart => 3,
        Reason::Repeated => 2,
        Reason::NoPayload => 0,
        _ => 1,
    }
}

fn report(sink: &mut impl Sink, code: Code, at: Stamp, detail: String) {
    sink.report(Problem { code, layer: Layer::SCTP, file: at.file, frame: at.frame, offset: at.offset, detail });
}

impl Sctp {
    pub fn new(limits: &Limits) -> Self {
        Self {
            table: AgedMap::new(limits.max_flows),
            runs: BTreeMap::new(),
            starts: BTreeMap::new(),
            serial: 0,
            cost: 0,
            max_cost: limits.max_sctp_bytes,
            max_message: limits.max_message_bytes,
            timeout: limits.fragment_timeout_ns,
        }
    }

    /// Works on one SCTP packet: all its chunks.
    pub fn packet<S: Sink>(
        &mut self,
        ip: Ip,
        cursor: Cursor<'_>,
        origin: &Origin,
        now: i64,
        sink: &mut S,
    ) -> Disposition {
        let Some((&[s1, s0, d1, d0, t3, t2, t1, t0, ..], mut rest)) = cursor.header::<12>() else {
            return cursor.short(Layer::SCTP);
        };
        let (src_port, dst_port) = (be16(s1, s0), be16(d1, d0));
        let flow = Flow { protocol: Protocol::Sctp, src: ip.src, dst: ip.dst, src_port, dst_port };
        let key = Key { src_port, dst_port, tag: be32([t3, t2, t1, t0]) };
        let mut disposition = Disposition::new(Layer::SCTP, Reason::NoPayload);
        while rest.wire_len() > 0 {
            let Some((&[kind, flags, l1, l0], _)) = rest.header::<4>() else {
                return best(disposition, rest.short(Layer::SCTP));
            };
            let length = u32::from(be16(l1, l0));
            if length < 4 {
                let (_, at) = origin.stamps(rest.offset);
                report(sink, Code::SctpChunkMalformed, at, format!("chunk type {kind} claims {length} bytes, needs 4"));
                return best(disposition, Disposition::new(Layer::SCTP, Reason::Malformed));
            }
            let (chunk, exceeds) = rest.limit(length);
            if exceeds {
                let (_, at) = origin.stamps(rest.offset);
                let detail = format!("chunk type {kind} claims {length} bytes, the packet has {}", rest.wire_len());
                report(sink, Code::SctpChunkMalformed, at, detail);
            }
            let found = self.chunk(kind, flags, chunk, key, flow, origin, now, sink);
            disposition = best(disposition, found);
            // The padding of the last chunk may be left out.
            let Some(next) = rest.skip(length as usize + (4 - length as usize % 4) % 4) else { break };
            rest = next;
        }
        disposition
    }

    #[expect(clippy::too_many_arguments, reason = "what one chunk is made of and where it came from")]
    fn chunk<S: Sink>(
        &mut self,
        kind: u8,
        flags: u8,
        chunk: Cursor<'_>,
        key: Key,
        flow: Flow,
        origin: &Origin,
        now: i64,
        sink: &mut S,
    ) -> Disposition {
        let nothing = Disposition::new(Layer::SCTP, Reason::NoPayload);
        match kind {
            chunk::DATA | chunk::I_DATA => {
                let slot = self.slot(key, origin.last, sink);
                match self.data(kind, flags, slot, chunk) {
                    Ok(Some(data)) => self.deliver(data, flow, origin, now, sink),
                    Ok(None) => Disposition::new(Layer::SCTP, Reason::Repeated),
                    Err(disposition) => disposition,
                }
            }
            chunk::ABORT => {
                let slot = self.slot(key, origin.last, sink);
                let first = self.table.get_mut(slot).is_some_and(|(_, it)| !std::mem::replace(&mut it.aborted, true));
                if first {
                    sink.failure(flow, Failure::SctpAbort, origin.stamps(chunk.offset).1);
                }
                nothing
            }
            chunk::FORWARD_TSN | chunk::I_FORWARD_TSN => {
                if let Some(slot) = self.table.find(&key) {
                    self.abandon(kind, slot, chunk, sink);
                }
                nothing
            }
            _ => nothing,
        }
    }

    fn slot(&mut self, key: Key, at: Stamp, sink: &mut impl Sink) -> u32 {
        if let Some(slot) = self.table.find(&key) {
            return slot;
        }
        let (slot, evicted) = self.table.insert(key, Association::new());
        if evicted.is_some() {
            report(sink, Code::FlowLimit, at, format!("{} associations: one was forgotten", self.table.len()));
            self.drop_runs(|group, _| group.slot == slot, slot, sink);
        }
        slot
    }

    /// Reads the header of DATA (RFC 9260 §3.3.1) or I-DATA (RFC 8260 §2.1); `None` if its TSN was seen.
    fn data<'a>(&mut self, kind: u8, flags: u8, slot: u32, chunk: Cursor<'a>) -> Result<Option<Data<'a>>, Disposition> {
        let short = chunk.short(Layer::SCTP);
        let (&[_, _, _, _, t3, t2, t1, t0, s1, s0, ..], rest) = chunk.header::<16>().ok_or(short)?;
        let tsn = be32([t3, t2, t1, t0]);
        let (_, association) = self.table.get_mut(slot).ok_or(short)?;
        let wide = association.unwrap(tsn);
        let (begin, end) = (flags & chunk::BEGIN != 0, flags & chunk::END != 0);
        let mut group =
            Group { slot, kind, stream: be16(s1, s0), unordered: flags & chunk::UNORDERED != 0, message: 0 };
        let (mut index, mut payload) = (wide, rest);
        if kind == chunk::I_DATA {
            let (&[_, _, _, _, _, _, _, _, _, _, _, _, m3, m2, m1, m0, f3, f2, f1, f0], rest) =
                chunk.header::<20>().ok_or(short)?;
            group.message = be32([m3, m2, m1, m0]);
            // The first part has the payload protocol in the place of its number, which is 0.
            index = if begin { 0 } else { u64::from(be32([f3, f2, f1, f0])) };
            payload = rest;
        }
        Ok(association.is_new(wide).then_some(Data { group, index, tsn, begin, end, payload }))
    }

    fn deliver<S: Sink>(&mut self, data: Data<'_>, flow: Flow, origin: &Origin, now: i64, sink: &mut S) -> Disposition {
        let (first, last) = origin.stamps(data.payload.offset);
        if data.begin && data.end {
            let Cursor { bytes, missing, .. } = data.payload;
            if bytes.is_empty() {
                return Disposition::new(Layer::SCTP, if missing > 0 { Reason::Cut } else { Reason::NoPayload });
            }
            let encapsulation = &origin.encapsulation;
            let datagram = Datagram {
                flow,
                bytes,
                first,
                last,
                ident: data.tsn,
                dscp: None,
                missing,
                encapsulation,
                report: None,
            };
            return Disposition::of(sink.datagram(datagram), Layer::SCTP);
        }
        match self.join(data, (first, last), now) {
            Joined::Whole(run) => deliver_run(run, flow, last, &origin.encapsulation, sink),
            Joined::Held(serial) => {
                self.keep_limits(serial, sink);
                Disposition::new(Layer::SCTP, Reason::MessagePart)
            }
        }
    }

    /// Puts a part beside its neighbours; returns the message if that made it whole. The shorter of two runs moves, so
    /// that parts in any order cost little.
    fn join(&mut self, data: Data<'_>, (first, at): (Stamp, Stamp), now: i64) -> Joined {
        let Data { group, index, tsn, begin, end, payload } = data;
        let piece = Piece { bytes: payload.bytes.into(), missing: payload.missing, tsn, at };
        let bytes = piece.bytes.len();
        self.cost += bytes + PIECE_COST;
        let mut run = Run {
            group,
            start: index,
            pieces: VecDeque::from([piece]),
            begun: begin,
            ended: end,
            first,
            since: now,
            bytes,
        };
        self.serial += 1;
        let mut serial = self.serial;
        let left = self.starts.range((group, 0)..(group, index)).next_back().map(|(_, &serial)| serial);
        let ends_before = |left: &Run| left.start + left.pieces.len() as u64 == index && !left.ended;
        if let Some((older, left)) = left.filter(|_| !begin).and_then(|left| self.take_if(left, ends_before)) {
            (serial, run) = (older, left.followed_by(run));
        }
        let right = self.starts.get(&(group, index + 1)).copied();
        if let Some((older, right)) = right.filter(|_| !end).and_then(|right| self.take_if(right, |run| !run.begun)) {
            (serial, run) = (serial.min(older), run.followed_by(right));
        }
        if run.begun && run.ended {
            self.cost -= run.cost();
            return Joined::Whole(run);
        }
        self.starts.insert((group, run.start), serial);
        self.runs.insert(serial, run);
        Joined::Held(serial)
    }

    fn take_if(&mut self, serial: u64, wanted: impl Fn(&Run) -> bool) -> Option<(u64, Run)> {
        if self.runs.get(&serial).is_some_and(wanted) { self.take(serial) } else { None }
    }

    fn take(&mut self, serial: u64) -> Option<(u64, Run)> {
        let run = self.runs.remove(&serial)?;
        self.starts.remove(&(run.group, run.start));
        Some((serial, run))
    }

    /// Gives up messages whose other parts are too long in coming. Time may run backwards.
    pub fn expire(&mut self, now: i64, sink: &mut impl Sink) {
        while let Some((&serial, run)) = self.runs.first_key_value()
            && now.abs_diff(run.since) > self.timeout.unsigned_abs()
        {
            self.give_up(serial, Code::SctpMessageIncomplete, sink);
        }
    }

    /// The capture ended.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        while let Some((&serial, _)) = self.runs.first_key_value() {
            self.give_up(serial, Code::SctpMessageIncomplete, sink);
        }
    }

    /// `serial` is the run that grew.
    fn keep_limits(&mut self, serial: u64, sink: &mut impl Sink) {
        if self.runs.get(&serial).is_some_and(|run| run.bytes > self.max_message) {
            self.give_up(serial, Code::SctpBufferLimit, sink);
        }
        while self.cost > self.max_cost
            && let Some((&serial, _)) = self.runs.first_key_value()
        {
            self.give_up(serial, Code::SctpBufferLimit, sink);
        }
    }

    fn give_up(&mut self, serial: u64, code: Code, sink: &mut impl Sink) {
        let Some((_, run)) = self.take(serial) else { return };
        self.cost -= run.cost();
        let detail = format!("{} parts with {} bytes of a message given up", run.pieces.len(), run.bytes);
        report(sink, code, run.first, detail);
    }

    /// The sender abandons messages (RFC 3758 §3.2, RFC 8260 §2.3.1).
    fn abandon(&mut self, kind: u8, slot: u32, chunk: Cursor<'_>, sink: &mut impl Sink) {
        let Some((&[_, _, _, _, t3, t2, t1, t0], list)) = chunk.header::<8>() else { return };
        if kind == chunk::FORWARD_TSN {
            let Some((_, association)) = self.table.get_mut(slot) else { return };
            let until = association.unwrap(be32([t3, t2, t1, t0]));
            self.drop_runs(|group, start| group.kind == chunk::DATA && start <= until, slot, sink);
            return;
        }
        let (entries, _) = list.bytes.as_chunks::<8>();
        for &[s1, s0, _, flags, m3, m2, m1, m0] in entries {
            let (stream, unordered, message) = (be16(s1, s0), flags & 1 != 0, be32([m3, m2, m1, m0]));
            let abandoned = |group: &Group, _| {
                let behind = (group.message.wrapping_sub(message) as i32) <= 0;
                group.kind == chunk::I_DATA && (group.stream, group.unordered) == (stream, unordered) && behind
            };
            self.drop_runs(abandoned, slot, sink);
        }
    }

    fn drop_runs(&mut self, which: impl Fn(&Group, u64) -> bool, slot: u32, sink: &mut impl Sink) {
        let group = |slot| Group { slot, kind: 0, stream: 0, unordered: false, message: 0 };
        let range = (group(slot), 0)..(group(slot.saturating_add(1)), 0);
        let dropped: Vec<u64> = self
            .starts
            .range(range)
            .filter(|((group, start), _)| which(group, *start))
            .map(|(_, &serial)| serial)
            .collect();
        for serial in dropped {
            self.give_up(serial, Code::SctpMessageIncomplete, sink);
        }
    }
}

impl Run {
    fn cost(&self) -> usize {
        self.bytes + self.pieces.len() * PIECE_COST
    }

    fn followed_by(mut self, mut right: Run) -> Run {
        if self.pieces.len() >= right.pieces.len() {
            self.pieces.append(&mut right.pieces);
        } else {
            while let Some(piece) = self.pieces.pop_back() {
                right.pieces.push_front(piece);
            }
            self.pieces = right.pieces;
        }
        self.ended = right.ended;
        self.bytes += right.bytes;
        if right.since < self.since {
            (self.since, self.first) = (right.since, right.first);
        }
        self
    }
}

/// Joins the bytes in front of the first one that the capture sliced off.
fn deliver_run<S: Sink>(run: Run, flow: Flow, last: Stamp, encapsulation: &Encapsulation, sink: &mut S) -> Disposition {
    let wire: u64 = run.pieces.iter().map(|piece| piece.bytes.len() as u64 + u64::from(piece.missing)).sum();
    let mut bytes = Vec::with_capacity(run.bytes);
    for piece in &run.pieces {
        sink.joined(last, piece.at);
        bytes.extend_from_slice(&piece.bytes);
        if piece.missing > 0 {
            break;
        }
    }
    let missing = u32::try_from(wire - bytes.len() as u64).unwrap_or(u32::MAX);
    let Some(head) = run.pieces.front() else { return Disposition::new(Layer::SCTP, Reason::NoPayload) };
    if bytes.is_empty() {
        return Disposition::new(Layer::SCTP, if missing > 0 { Reason::Cut } else { Reason::NoPayload });
    }
    let (first, ident) = (run.first, head.tsn);
    let class: StreamClass = sink.datagram(Datagram {
        flow,
        bytes: &bytes,
        first,
        last,
        ident,
        dscp: None,
        missing,
        encapsulation,
        report: None,
    });
    Disposition::of(class, Layer::SCTP)
}

fn best(one: Disposition, other: Disposition) -> Disposition {
    if rank(other) > rank(one) { other } else { one }
}
