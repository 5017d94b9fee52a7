//! What is kept of one stream: one sender's packets from one end to another, numbered without a break.

use serde::{Deserialize, Serialize};

use super::amr;
use super::burst::Bursts;
use super::came::{Came, Carriage};
use super::event::Event;
use super::evs;
use super::interval::Interval;
use super::jitter::Jitter;
use super::pace::{BEYOND, Pace};
use super::rtp::Packet;
use super::sequence::{Arrived, SURE, Sequence};
use super::turn::Relayed;
use crate::packet::{NO_TIME, Stamp};

/// So many packets make a stream whose numbers are close to the one before; other bytes than a number are seldom.
const ENOUGH: u8 = 3;
const CLOSE: u16 = 16;
/// Of fax, which nothing but its structure marks.
const CLOSE_FAX: u16 = 1;
/// Payload types that are counted; what a stream has beyond them is rare, and counted as packets alone.
const TYPES: usize = 8;
/// Packets this far apart without a loss between them are a pause (ns): no codec's packets are as long.
const PAUSE: i64 = 250_000_000;
/// A capture whose time goes back by more (ns) has the same packets once more, one copy behind the other.
const BACK: i64 = 1_000_000_000;
/// What was sent so long (ns) before the first packet is of a stream that was over, of the same ends.
const LONG_BEFORE: i64 = 600_000_000_000;
/// The first payload type that a session description gives its meaning (RFC 3551 §6), and the longest payload with one frame
/// of speech (AMR-WB, octet-aligned).
const FIRST_DYNAMIC: u8 = 96;
const MAX_SPEECH: u32 = 62;
/// Events that are kept of one stream: nobody presses as many.
const MAX_EVENTS: usize = 65_536;
/// Comfort noise (RFC 3389).
const COMFORT_NOISE: u8 = 13;
/// So often in a row another payload type goes on to be media.
const TURNS: u8 = 2;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stream {
    pub carriage: Carriage,
    /// Between whom a relay carries it.
    pub relayed: Option<Relayed>,
    /// That of the first packet, and how often another one followed.
    pub dscp: Option<u8>,
    newest_dscp: Option<u8>,
    pub dscp_changes: u64,
    /// Packets of comfort noise (RFC 3389).
    pub comfort_noise: u64,
    pub framing: amr::Framing,
    pub evs: evs::Framing,
    /// Of fax: earlier packets that were said again.
    pub again: u64,
    pub first: Stamp,
    pub last: Stamp,
    /// The sender began anew: there is a stream before it that has its ends and its source.
    pub restarted: bool,
    pub sequence: Sequence,
    pub jitter: Jitter,
    /// All that were captured.
    pub packets: u64,
    pub doubled: u64,
    pub reordered: u64,
    pub stray: u64,
    /// Payload, on the wire, each packet once.
    pub bytes: u64,
    pub markers: u64,
    /// Packets of which the capture lacks a part.
    pub sliced: u64,
    pub pauses: u64,
    /// The longest time without a packet (ns), and when it began.
    pub silence: i64,
    pub silent_from: i64,
    /// Payload types and how many packets have them.
    types: [(u8, u64); TYPES],
    newest: (u16, u32, u8),
    /// Timestamp of the first packet.
    begin: u32,
    /// The payload type that the jitter is of, where there was media yet.
    timed: Option<u8>,
    /// Another one: its newest timestamp, and how often that went on.
    other: (u8, u32, u8),
    /// Packets close to the one before, up to [`ENOUGH`].
    close: u8,
    /// Units between packets that follow each other, and by how many packets it is ahead of other distances.
    step: (u32, u64),
    interval: Interval,
    pub intervals: Vec<Interval>,
    event: Option<Event>,
    pub events: Vec<Event>,
    /// Of streams that are equal in ends, source and beginning, as two capture points see one, which this is; once it is one.
    pub ordinal: Option<u32>,
}

impl Stream {
    pub fn new(packet: &Packet<'_>, at: Stamp, restarted: bool, carriage: Carriage) -> Self {
        let mut stream = Self {
            carriage,
            relayed: None,
            dscp: None,
            newest_dscp: None,
            dscp_changes: 0,
            comfort_noise: 0,
            framing: amr::Framing::default(),
            evs: evs::Framing::default(),
            again: 0,
            first: at,
            last: at,
            restarted,
            sequence: Sequence::new(packet.number),
            jitter: Jitter::default(),
            packets: 0,
            doubled: 0,
            reordered: 0,
            stray: 0,
            bytes: 0,
            markers: 0,
            sliced: 0,
            pauses: 0,
            silence: 0,
            silent_from: NO_TIME,
            types: [(0, 0); TYPES],
            newest: (packet.number, packet.timestamp, packet.payload_type),
            begin: packet.timestamp,
            timed: None,
            other: (packet.payload_type, packet.timestamp, 0),
            close: 1,
            step: (0, 0),
            interval: Interval::at(at.time),
            intervals: Vec::new(),
            event: None,
            events: Vec::new(),
            ordinal: None,
        };
        stream.count(packet, at);
        stream.new_packet(packet);
        stream.timed(packet, at);
        stream
    }

    /// Takes a packet of its source; `Restarted` says that it begins another stream.
    #[inline]
    pub fn take(&mut self, packet: &Packet<'_>, at: Stamp) -> Arrived {
        if at.time < self.last.time.saturating_sub(BACK) && self.may_be_a_copy(at.time) && !self.goes_on(packet) {
            self.packets += 1;
            self.doubled += 1;
            self.interval.packets += 1;
            self.interval.doubled += 1;
            return Arrived::Doubled;
        }
        let newest = self.newest;
        let arrived = self.sequence.take(packet.number, |distance, expected| {
            let pace = Pace {
                first: self.first.time,
                last: self.last.time,
                begin: self.begin,
                newest: self.newest.1,
                step: self.step.0,
                expected,
                clock: self.jitter.clock(),
                // Where packets are of one length, as those of speech are.
                regular: self.step.1 * 2 > expected,
                events_alone: self.timed.is_none(),
            };
            pace.fits(distance, packet.timestamp, at.time)
        });
        if arrived == Arrived::Restarted {
            return arrived;
        }
        if self.interval.is_over(at.time) {
            self.next_interval(at.time);
        }
        match arrived {
            Arrived::InOrder => {
                let follows = packet.number == newest.0.wrapping_add(1);
                self.near(packet.number.wrapping_sub(newest.0));
                self.interval.lost += u64::from(packet.number.wrapping_sub(newest.0).wrapping_sub(1));
                self.follow(packet, at, follows);
                self.newest = (packet.number, packet.timestamp, packet.payload_type);
                self.new_packet(packet);
                self.timed(packet, at);
            }
            Arrived::Reordered => {
                self.near(newest.0.wrapping_sub(packet.number));
                self.reordered += 1;
                self.interval.reordered += 1;
                self.interval.lost = self.interval.lost.saturating_sub(1);
                self.new_packet(packet);
                self.timed(packet, at);
            }
            Arrived::Doubled => {
                self.doubled += 1;
                self.interval.doubled += 1;
            }
            Arrived::Stray | Arrived::Restarted => self.stray += 1,
        }
        self.count(packet, at);
        arrived
    }

    /// What every packet that was captured adds.
    #[inline]
    fn count(&mut self, packet: &Packet<'_>, at: Stamp) {
        self.packets += 1;
        self.interval.packets += 1;
        self.sliced += u64::from(packet.sliced);
        self.last = at;
    }

    /// What a packet adds that did not come before.
    #[inline]
    fn new_packet(&mut self, packet: &Packet<'_>) {
        self.bytes += u64::from(packet.length);
        self.interval.bytes += u64::from(packet.length);
        self.interval.received += 1;
        self.markers += u64::from(packet.marker);
        if packet.payload_type >= FIRST_DYNAMIC && packet.length <= evs::MAX_BYTES {
            if packet.length <= MAX_SPEECH {
                self.framing.take(packet.payload, packet.length);
            }
            self.evs.take(packet.payload, packet.length);
        }
        for (kind, count) in &mut self.types {
            if *count == 0 || *kind == packet.payload_type {
                (*kind, *count) = (packet.payload_type, *count + 1);
                break;
            }
        }
    }

    /// A packet that is new, so far from the highest number before it.
    #[inline]
    fn near(&mut self, distance: u16) {
        if self.close < ENOUGH {
            let close = if self.carriage == Carriage::Fax { CLOSE_FAX } else { CLOSE };
            self.close = if distance <= close { self.close + 1 } else { 1 };
        }
    }

    /// A packet that came in order, and whether right behind the one before.
    #[inline]
    fn follow(&mut self, packet: &Packet<'_>, at: Stamp, follows: bool) {
        let went = packet.timestamp.wrapping_sub(self.newest.1);
        if follows && went > 0 && packet.payload_type == self.newest.2 {
            self.step = match self.step {
                (step, ahead) if step == went => (step, ahead + 1),
                (_, 0) => (went, 1),
                (step, ahead) => (step, ahead - 1),
            };
        }
        if at.time != NO_TIME && self.last.time != NO_TIME {
            let silent = at.time.wrapping_sub(self.last.time);
            if silent > self.silence {
                (self.silence, self.silent_from) = (silent, self.last.time);
            }
            self.pauses += u64::from(follows && silent >= PAUSE);
        }
    }

    /// Jitter is that of the media: events repeat a timestamp, and comfort noise comes when it likes (RFC 4733 §2.5.1.2).
    #[inline]
    fn timed(&mut self, packet: &Packet<'_>, at: Stamp) {
        if self.timed != Some(packet.payload_type) && !self.turns_to(packet, at) {
            return;
        }
        if at.time != NO_TIME
            && self.carriage != Carriage::Fax
            && let Some(jitter) = self.jitter.take(at.time, packet.timestamp)
        {
            self.interval.jitter(jitter);
        }
    }

    /// Is a packet media, whose payload type is not the one before? An event may be encrypted, and repeats its timestamp.
    #[cold]
    fn turns_to(&mut self, packet: &Packet<'_>, at: Stamp) -> bool {
        let kind = packet.payload_type;
        if (self.timed.is_some() || kind >= FIRST_DYNAMIC)
            && let Some(event) = Event::read(packet, at)
        {
            self.event(event);
            self.jitter.skip();
            return false;
        }
        if kind == COMFORT_NOISE {
            self.comfort_noise += 1;
            self.jitter.skip();
            return false;
        }
        if self.timed.is_some() {
            self.jitter.skip();
            let (before, timestamp, turns) = self.other;
            let goes_on = kind == before && timestamp != packet.timestamp;
            self.other = (kind, packet.timestamp, if goes_on { turns + 1 } else { 0 });
            if self.other.2 < TURNS {
                return false;
            }
        }
        self.timed = Some(kind);
        self.jitter.turn_to(kind);
        true
    }

    #[cold]
    fn event(&mut self, event: Event) {
        match &mut self.event {
            Some(known) if known.is_again(&event) => known.again(&event),
            known => {
                let before = known.replace(event);
                if self.events.len() < MAX_EVENTS {
                    self.events.extend(before);
                }
            }
        }
    }

    #[cold]
    fn next_interval(&mut self, time: i64) {
        self.intervals.push(std::mem::replace(&mut self.interval, Interval::at(time)));
    }

    /// Whether a packet at that time is of another stream: this one was silent for `idle` ns, or went on for `longest`.
    #[inline]
    pub fn is_over(&self, time: i64, idle: i64, longest: i64) -> bool {
        time != NO_TIME
            && self.last.time != NO_TIME
            && (time.saturating_sub(self.last.time) >= idle || time.saturating_sub(self.first.time) >= longest)
    }

    /// The same without what it had in five seconds and without its events.
    pub fn bare(&self) -> Self {
        let Self { jitter, sequence, .. } = self;
        Self { intervals: Vec::new(), events: Vec::new(), jitter: jitter.clone(), sequence: sequence.clone(), ..*self }
    }

    /// Is it one, by its numbers?
    pub fn is_one(&self) -> bool {
        self.close >= ENOUGH
    }

    /// How a packet came.
    #[inline]
    pub fn came(&mut self, came: &Came) {
        self.class(came.dscp);
        self.again += u64::from(came.again);
        if came.relayed.is_some() {
            self.relayed = came.relayed;
        }
    }

    /// The class of service of a packet (RFC 2474).
    #[inline]
    fn class(&mut self, dscp: Option<u8>) {
        if dscp != self.newest_dscp {
            self.dscp_changes += u64::from(self.newest_dscp.is_some() && dscp.is_some());
            self.newest_dscp = dscp.or(self.newest_dscp);
            self.dscp = self.dscp.or(dscp);
        }
    }

    /// Is it of a time in which this stream lasted, or one before it? Not the beginning of it, which came later.
    #[inline]
    fn may_be_a_copy(&self, time: i64) -> bool {
        time >= self.first.time || time < self.first.time.saturating_sub(LONG_BEFORE)
    }

    /// A copy of a capture behind itself goes back in number too; where the clock alone does, the next packet is the next.
    fn goes_on(&self, packet: &Packet<'_>) -> bool {
        let (ahead, went) = (packet.number.wrapping_sub(self.newest.0), packet.timestamp.wrapping_sub(self.newest.1));
        (1..SURE).contains(&ahead) && (1..BEYOND).contains(&went)
    }

    /// No more packets come; gives how they were lost.
    pub fn finish(&mut self) -> Bursts {
        self.intervals.push(self.interval);
        self.events.extend(self.event.take());
        self.jitter.finish();
        self.sequence.finish()
    }

    /// Payload types and how many packets have them, that of most first.
    pub fn types(&self) -> Vec<(u8, u64)> {
        let mut types: Vec<(u8, u64)> = self.types.iter().copied().filter(|(_, count)| *count > 0).collect();
        types.sort_by_key(|&(kind, count)| (std::cmp::Reverse(count), kind));
        types
    }

    /// Clock of the payload type that most packets have.
    pub fn clock(&self) -> Option<u32> {
        self.jitter.clock_of(self.types().first()?.0)
    }

    /// Units between packets, where most have the same.
    pub fn step(&self) -> Option<u32> {
        (self.step.1 > 0).then_some(self.step.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u16, timestamp: u32, payload_type: u8, payload: &[u8]) -> Packet<'_> {
        let length = payload.len() as u32;
        Packet { marker: false, payload_type, number, timestamp, source: 7, payload, length, sliced: false }
    }

    fn at(ms: i64) -> Stamp {
        Stamp { time: ms * 1_000_000, file: 0, frame: 1, offset: 0 }
    }

    fn stream(numbers: &[u16]) -> Stream {
        let sent = |n: u16| packet(n, u32::from(n) * 160, 8, &[0; 160]);
        let mut stream = Stream::new(&sent(numbers[0]), at(0), false, Carriage::Udp);
        for n in &numbers[1..] {
            stream.take(&sent(*n), at(i64::from(*n - numbers[0]) * 20));
        }
        stream
    }

    #[test]
    fn a_stream_is_three_packets_with_numbers_close_together() {
        assert!(!stream(&[5, 6]).is_one());
        assert!(!stream(&[5, 6, 40, 90, 91]).is_one());
        // Whatever is lost and late between them.
        assert!(stream(&[5, 7, 9]).is_one());
        assert!(stream(&[5, 8, 6]).is_one());
        // Once it is one, loss does not matter.
        assert!(stream(&[5, 6, 7, 60, 200]).is_one());
    }

    #[test]
    fn what_is_regular_is_known() {
        let found = stream(&[1, 2, 3, 4, 6, 5]);
        assert_eq!((found.step(), found.types(), found.bytes), (Some(160), vec![(8, 6)], 6 * 160));
        assert_eq!((found.reordered, found.silence), (1, 40_000_000));
    }

    /// Silence that the sender chose: the next number, and a timestamp that went on.
    #[test]
    fn a_pause_is_no_loss() {
        let mut found = stream(&[1, 2, 3]);
        found.take(&packet(4, 3 * 160 + 8_000, 8, &[0; 160]), at(1_040));
        assert_eq!((found.pauses, found.sequence.expected(), found.jitter.max()), (1, 4, Some(0.0)));
        assert_eq!(found.silence, 1_000_000_000);
    }

    /// A capture behind itself, as `mergecap -a` makes it: nothing is lost, late or new.
    #[test]
    fn a_capture_that_begins_again_has_the_same_packets() {
        let mut found = stream(&[1, 2, 3]);
        for n in 4..2_000 {
            found.take(&packet(n, u32::from(n) * 160, 8, &[0; 160]), at(i64::from(n - 1) * 20));
        }
        for n in 1..2_000 {
            let again = found.take(&packet(n, u32::from(n) * 160, 8, &[0; 160]), at(i64::from(n - 1) * 20));
            assert_eq!(again, Arrived::Doubled);
        }
        assert_eq!((found.doubled, found.reordered, found.sequence.received()), (1_999, 0, 1_999));
    }

    /// The clock of the capture was set back: the packets that follow are new.
    #[test]
    fn a_clock_that_was_set_back_doubles_nothing() {
        let mut found = stream(&(0..300).collect::<Vec<u16>>());
        for n in 300..600 {
            found.take(&packet(n, u32::from(n) * 160, 8, &[0; 160]), at(i64::from(n) * 20 - 2_000));
        }
        assert_eq!((found.doubled, found.sequence.expected(), found.sequence.received()), (0, 600, 600));
        assert_eq!(found.jitter.late(), 0);
    }

    /// The same call twice, a day apart, and both once more behind: the copy of the first comes behind the second.
    #[test]
    fn a_copy_of_an_earlier_stream_is_doubled() {
        let numbers: Vec<u16> = (0..300).collect();
        let mut found = stream(&numbers);
        let day = 86_400_000;
        for (n, ms) in
            numbers.iter().map(|&n| (n, i64::from(n) * 20 - day)).chain(numbers.iter().map(|&n| (n, i64::from(n) * 20)))
        {
            found.take(&packet(n, u32::from(n) * 160, 8, &[0; 160]), at(ms));
        }
        assert_eq!((found.packets, found.doubled, found.last.time), (900, 600, at(299 * 20).time));
    }

    /// Another sender takes the source over, with numbers of its own and timestamps of its own: nothing was lost or doubled.
    #[test]
    fn numbers_that_fit_and_timestamps_that_do_not_are_another_sender() {
        for number in [100, 1_500] {
            let mut found = stream(&(0..300).collect::<Vec<u16>>());
            let other = |n: u16| packet(number + n, 3_000_000_000 + u32::from(n) * 160, 8, &[0; 160]);
            let arrived = [found.take(&other(0), at(6_000)), found.take(&other(1), at(6_020))];
            assert_eq!(arrived, [Arrived::Stray, Arrived::Restarted], "{number}");
            assert_eq!((found.sequence.expected(), found.doubled), (300, 0));
        }
    }

    /// A loss of so many takes its time, and the timestamps go on.
    #[test]
    fn a_loss_of_seconds_is_one() {
        let numbers: Vec<u16> = (0..300).chain(1_500..1_600).collect();
        let found = stream(&numbers);
        assert_eq!((found.sequence.expected(), found.sequence.received(), found.stray), (1_600, 400, 0));
    }

    /// Events with a source of their own, whose sender gives each digit other numbers.
    #[test]
    fn events_alone_lose_nothing_where_their_numbers_jump() {
        let event = |n: u16, timestamp| packet(n, timestamp, 101, &[5, 10, 0, 160]);
        let mut found = Stream::new(&event(10, 0), at(0), false, Carriage::Udp);
        for n in 11..17 {
            found.take(&event(n, 0), at(i64::from(n - 10) * 20));
        }
        let arrived = [found.take(&event(500, 9), at(1_000)), found.take(&event(501, 9), at(1_020))];
        assert_eq!(arrived, [Arrived::Stray, Arrived::Restarted]);
        found.finish();
        assert_eq!((found.events.len(), found.jitter.max(), found.clock()), (1, None, None));
    }

    /// SRTP hides that a packet is an event; its timestamp stands still all the same.
    #[test]
    fn an_encrypted_event_is_no_jitter() {
        let mut found = stream(&(0..50).collect::<Vec<u16>>());
        for n in 50..62 {
            found.take(&packet(n, 50 * 160, 101, &[7; 14]), at(i64::from(n) * 20));
        }
        for n in 62..80 {
            found.take(&packet(n, u32::from(n) * 160, 8, &[0; 160]), at(i64::from(n) * 20));
        }
        assert_eq!((found.jitter.max(), found.jitter.late(), found.clock()), (Some(0.0), 0, Some(8_000)));
    }

    /// A re-INVITE changes G.711 to L16 of 16 kHz: timestamps go on twice as fast.
    #[test]
    fn a_codec_that_changes_has_a_clock_of_its_own() {
        let mut found = stream(&(0..50).collect::<Vec<u16>>());
        for n in 50..250_u16 {
            found.take(&packet(n, 8_000 + u32::from(n - 50) * 320, 97, &[0; 160]), at(i64::from(n) * 20));
        }
        found.finish();
        assert_eq!(
            (found.jitter.max(), found.clock(), found.types()),
            (Some(0.0), Some(16_000), vec![(97, 200), (8, 50)])
        );
    }

    /// RFC 4733 §2.5.1: one digit in five packets with one timestamp, the last with the end bit.
    #[test]
    fn an_event_is_one_however_often_it_is_sent() {
        let mut found = stream(&[1, 2, 3]);
        for (n, duration) in [(4, 160_u16), (5, 320), (6, 480), (7, 640), (8, 640)] {
            let [d1, d0] = duration.to_be_bytes();
            let payload = [5, if n > 6 { 0x8A } else { 0x0A }, d1, d0];
            found.take(&packet(n, 640, 101, &payload), at(i64::from(n) * 20));
        }
        found.finish();
        let events: Vec<_> = found.events.iter().map(|it| (it.event, it.duration, it.ended, it.packets)).collect();
        assert_eq!(events, [(5, 640, true, 5)]);
        assert_eq!(found.jitter.max(), Some(0.0));
    }

    /// Intervals add up to the stream.
    #[test]
    fn intervals_are_parts_of_the_whole() {
        let numbers: Vec<u16> = (0..900).filter(|n| n % 7 != 3).collect();
        let mut found = stream(&numbers);
        found.finish();
        assert_eq!(found.intervals.len(), 4);
        let sum = |of: fn(&Interval) -> u64| found.intervals.iter().map(of).sum::<u64>();
        assert_eq!(sum(|it| it.received), found.sequence.received());
        assert_eq!(sum(|it| it.lost), found.sequence.expected() - found.sequence.received());
        assert_eq!(sum(|it| it.bytes), found.bytes);
    }
}
