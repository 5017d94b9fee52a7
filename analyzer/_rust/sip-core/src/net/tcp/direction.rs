//! One direction of a TCP connection: its bytes in order, once.
//!
//! Sequence numbers are 64 bits wide here: the 32 bits of the wire are unwrapped to the nearest number (serial
//! arithmetic, RFC 1982) around the one that is wanted next.

use std::collections::BTreeMap;

use super::turn::{FAR, Turn, Way};
use crate::layer::Layer;
use crate::net::cursor::Cursor;
use crate::net::disposition::{Disposition, Reason, StreamClass};
use crate::net::sink::{Segment, Sink, StreamEnd, StreamId};
use crate::packet::Stamp;
use crate::problem::Code;

/// First unwrapped numbers lie here, so that nothing before them is negative.
const ORIGIN: u64 = 1 << 32;
/// What a held chunk costs beside its bytes; counted, so that many tiny segments run into the limit too.
const CHUNK_COST: usize = 128;

/// A connection already running may show segments from before the first one seen, by up to a window of usual size.
pub(super) const EARLIER: u64 = 1 << 20;

const HELD: Disposition = Disposition::new(Layer::TCP, Reason::HeldOutOfOrder);

/// A segment that waits for earlier bytes, or what was new in it.
struct Chunk {
    bytes: Box<[u8]>,
    /// Sliced off by the capture, after `bytes`.
    missing: u32,
    at: Stamp,
    /// Number of the packet within the decoder.
    packet: u64,
    /// How many packets the ledger counts as held for it.
    counted: u64,
}

impl Chunk {
    fn wire_len(&self) -> u64 {
        self.bytes.len() as u64 + u64::from(self.missing)
    }

    fn cost(&self) -> usize {
        self.bytes.len() + CHUNK_COST
    }
}

/// State of a direction.
#[derive(Default)]
pub(super) struct Direction {
    /// 0 until its first bytes are delivered.
    stream: StreamId,
    /// First sequence number: that after the SYN, or of the first segment seen.
    pub base: u64,
    /// Wanted next: everything before was delivered or given up.
    pub next: u64,
    /// Sequence number of the FIN.
    fin: Option<u64>,
    /// The hole given up last.
    gap: (u64, u64),
    held: BTreeMap<u64, Chunk>,
    held_cost: usize,
    /// Serial of the hole in front of what is held; 0 = there is none.
    hole: u64,
    /// `base` and `next` mean something.
    pub known: bool,
    /// The SYN was seen.
    pub syn: bool,
    /// Nothing more is delivered.
    pub ended: bool,
}

/// Where a segment lies, seen from a direction.
pub(super) enum Place {
    InOrder,
    /// Partly or wholly new, after a hole or overlapping what was delivered.
    Ahead,
    /// Nothing new in it.
    Seen(Reason),
    /// Not of this connection: too far away, or after its end.
    Elsewhere,
}

impl Direction {
    /// The 64-bit number nearest to the wanted one.
    pub fn unwrap(&self, seq: u32) -> u64 {
        let distance = seq.wrapping_sub(self.next as u32) as i32;
        self.next.wrapping_add_signed(i64::from(distance))
    }

    pub fn start_at(&mut self, seq: u32, syn: bool) {
        self.base = ORIGIN + u64::from(seq);
        self.next = self.base;
        self.known = true;
        self.syn = syn;
    }

    pub fn is_open(&self) -> bool {
        self.stream != 0 && !self.ended
    }

    pub fn nothing_delivered(&self) -> bool {
        self.stream == 0 && self.next == self.base && self.held.is_empty() && self.fin.is_none()
    }

    /// Is `seq` the wanted one, with nothing waiting? The common case, without any copy.
    pub fn is_plain(&self, seq: u32) -> bool {
        self.known && !self.ended && seq == self.next as u32 && self.hole == 0
    }

    pub fn place(&self, from: u64, len: u64) -> Place {
        let end = from + len;
        if from + 1 == self.next && len <= 1 {
            // A keep-alive repeats the last byte, or a byte of no meaning in its place (RFC 9293 §3.8.4).
            Place::Seen(Reason::NoPayload)
        } else if end > self.base && end <= self.next {
            let late = from >= self.gap.0 && end <= self.gap.1 && len > 0;
            Place::Seen(if late { Reason::LateAfterGap } else { Reason::Repeated })
        } else if end <= self.base {
            let before = !self.syn && self.base - from <= EARLIER;
            if before { Place::Seen(Reason::BeforeStart) } else { Place::Elsewhere }
        } else if self.ended || from > self.next + FAR {
            Place::Elsewhere
        } else if from == self.next && self.hole == 0 {
            Place::InOrder
        } else {
            Place::Ahead
        }
    }

    /// Hands bytes to the sink; those the capture sliced off leave a gap.
    pub fn deliver<S: Sink>(
        &mut self,
        way: Way,
        bytes: &[u8],
        missing: u32,
        at: Stamp,
        turn: &mut Turn<'_, S>,
    ) -> Option<StreamClass> {
        let mut class = None;
        if !bytes.is_empty() {
            let first = self.stream == 0 && self.syn;
            let (start, missing) = (first && self.next == self.base, if first { self.next - self.base } else { 0 });
            if self.stream == 0 {
                turn.shared.streams += 1;
                self.stream = turn.shared.streams;
            }
            let seq = self.next as u32;
            let Turn { encapsulation, .. } = *turn;
            let segment =
                Segment { stream: self.stream, flow: way.flow, seq, bytes, at, start, missing, encapsulation };
            class = Some(turn.sink.segment(segment));
            self.next += bytes.len() as u64;
        }
        if missing > 0 {
            self.give_up_to(self.next + u64::from(missing), at, turn);
        }
        class
    }

    /// Delivers a segment that has something new, or holds it. Returns the disposition of its packet.
    pub fn accept<S: Sink>(
        &mut self,
        way: Way,
        from: u64,
        data: Cursor<'_>,
        at: Stamp,
        turn: &mut Turn<'_, S>,
    ) -> Disposition {
        if !self.hold(from, data, at, turn) {
            return Disposition::new(Layer::TCP, Reason::Repeated);
        }
        let before = self.next;
        let mut mine = self.drain(way, turn);
        self.settle(way, before, turn);
        while self.held_cost > turn.shared.max_buffer && self.hole != 0 {
            turn.report(Code::TcpBufferLimit, at, format!("{} bytes held behind a hole", self.held_cost));
            mine = mine.or(self.skip(way, turn));
        }
        mine.unwrap_or(HELD)
    }

    /// Puts the bytes that nothing held covers into chunks of their own; says whether there were any.
    fn hold<S: Sink>(&mut self, from: u64, data: Cursor<'_>, at: Stamp, turn: &mut Turn<'_, S>) -> bool {
        let end = (from + data.wire_len()).min(self.fin.unwrap_or(u64::MAX));
        let mut cursor = from.max(self.next);
        let (mut counted, mut conflict) = (turn.packets, false);
        let slice = |a: u64, b: u64| {
            let clamp = |n: u64| usize::try_from(n - from).unwrap_or(usize::MAX).min(data.bytes.len());
            data.bytes.get(clamp(a)..clamp(b)).unwrap_or_default()
        };
        let mut added = false;
        while cursor < end {
            // The chunk that covers the cursor, or else the next one.
            let covering =
                self.held.range(..=cursor).next_back().filter(|(start, chunk)| *start + chunk.wire_len() > cursor);
            if let Some((start, chunk)) = covering {
                let until = (start + chunk.wire_len()).min(end);
                let known = chunk.bytes.get((cursor - start) as usize..).unwrap_or_default();
                let new = slice(cursor, until);
                let common = known.len().min(new.len());
                conflict |= known.get(..common) != new.get(..common);
                cursor = until;
                continue;
            }
            let until = self.held.range(cursor..end).next().map_or(end, |(start, _)| *start);
            let bytes: Box<[u8]> = slice(cursor, until).into();
            // Fits: a segment has no more than 2^32 bytes on the wire.
            let missing = (until - cursor - bytes.len() as u64) as u32;
            let at = Stamp { offset: at.offset + (cursor - from), ..at };
            let chunk = Chunk { bytes, missing, at, packet: turn.packet, counted: std::mem::take(&mut counted) };
            self.held_cost += chunk.cost();
            turn.shared.held += chunk.cost();
            self.held.insert(cursor, chunk);
            (cursor, added) = (until, true);
        }
        if conflict {
            let detail = format!("other bytes than an earlier copy at sequence number {}", from as u32);
            turn.report(Code::TcpOverlapConflict, at, detail);
        }
        added
    }

    /// Delivers what is held and wanted now. Returns the disposition of the packet of this turn, if it was among it.
    fn drain<S: Sink>(&mut self, way: Way, turn: &mut Turn<'_, S>) -> Option<Disposition> {
        let mut mine = None;
        while let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() <= self.next) {
            let chunk = entry.remove();
            self.held_cost -= chunk.cost();
            turn.shared.held -= chunk.cost();
            let class = self.deliver(way, &chunk.bytes, chunk.missing, chunk.at, turn);
            let disposition =
                class.map_or(Disposition::new(Layer::TCP, Reason::Cut), |class| Disposition::of(class, Layer::TCP));
            if chunk.packet == turn.packet {
                mine = mine.or(Some(disposition));
            } else {
                turn.corrections.add(HELD, disposition, chunk.counted);
            }
        }
        mine
    }

    /// Ends at the FIN; after any progress since `before`, starts the clock of the hole that is in front now.
    fn settle<S: Sink>(&mut self, way: Way, before: u64, turn: &mut Turn<'_, S>) {
        if self.hole != 0 && self.next == before {
            return;
        }
        turn.shared.close_hole(self.hole);
        self.hole = 0;
        if self.fin.is_some_and(|fin| fin <= self.next) {
            self.end(StreamEnd::Fin, turn);
        } else if !self.ended && (!self.held.is_empty() || self.fin.is_some()) {
            self.hole = turn.shared.open_hole(turn.slot, way.side, turn.now);
        }
    }

    /// The sender has no more: the stream ends once everything before `fin` is here.
    pub fn finished_at<S: Sink>(&mut self, way: Way, fin: u64, turn: &mut Turn<'_, S>) {
        let beyond_held = self.held.last_key_value().is_none_or(|(start, chunk)| start + chunk.wire_len() <= fin);
        if self.ended || self.fin.is_some() || fin < self.next || fin > self.next + FAR || !beyond_held {
            return;
        }
        self.fin = Some(fin);
        self.settle(way, self.next, turn);
    }

    /// The peer acknowledged everything before `ack`. A hole in front of it is a loss of the capture, not of the
    /// network: what is missing will not come again. Says whether there was one.
    pub fn acknowledged<S: Sink>(&mut self, way: Way, ack: u32, turn: &mut Turn<'_, S>) -> bool {
        let (ack, mut lost) = (self.unwrap(ack), false);
        while self.hole != 0 && self.behind_hole().is_some_and(|target| target <= ack) {
            self.skip(way, turn);
            lost = true;
        }
        lost
    }

    /// Where the bytes behind the hole begin.
    fn behind_hole(&self) -> Option<u64> {
        self.held.first_key_value().map(|(start, _)| *start).or(self.fin)
    }

    /// Gives up the hole in front, and goes on behind it.
    /// Returns the disposition of the packet of this turn, if that was held behind it.
    pub fn skip<S: Sink>(&mut self, way: Way, turn: &mut Turn<'_, S>) -> Option<Disposition> {
        let (before, target) = (self.next, self.behind_hole()?);
        let at = self.held.first_key_value().map_or(turn.at, |(_, chunk)| chunk.at);
        self.give_up_to(target, at, turn);
        let mine = self.drain(way, turn);
        self.settle(way, before, turn);
        mine
    }

    /// The sink learns of a gap only in a stream it knows; else `Segment::start` stays false.
    fn give_up_to<S: Sink>(&mut self, target: u64, at: Stamp, turn: &mut Turn<'_, S>) {
        if target <= self.next {
            return;
        }
        if self.stream != 0 {
            turn.sink.gap(self.stream, target - self.next, at);
        }
        self.gap = (self.next, target);
        self.next = target;
    }

    /// Delivers all that is held, over its holes.
    pub fn flush<S: Sink>(&mut self, way: Way, turn: &mut Turn<'_, S>) {
        while self.hole != 0 {
            self.skip(way, turn);
        }
    }

    pub fn end<S: Sink>(&mut self, end: StreamEnd, turn: &mut Turn<'_, S>) {
        if self.is_open() {
            turn.sink.stream_end(self.stream, end, turn.at);
        }
        self.ended = true;
    }
}
