//! Streams by their ends and their source.

mod going_on;
mod received;

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

pub use going_on::EARLIER;
pub use received::Received;

use super::burst::Bursts;
use super::came::Came;
use super::kept::{Kept, Payload};
use super::key::Key;
use super::msrp::{Session, Sessions};
use super::rtcp::{Reported, Reports};
use super::rtp::Packet;
use super::seen::Seen;
use super::sequence::Arrived;
use super::srtp::{Keys, Protection, Srtp};
use super::stream::Stream;
use super::turn::Relays;
use crate::limits::Limits;
use crate::net::Flow;
use crate::packet::Stamp;

/// For so long a stream may have too few packets to be one (ns).
const PROBATION: i64 = 10_000_000_000;

/// So many sources of one or two packets are remembered.
const MAX_SEEN: usize = 65_536;

/// What is known of a source.
enum Slot {
    Seen(Box<Seen>),
    Known(Box<Stream>),
}

/// A stream that is over.
#[derive(Debug)]
pub struct Ended {
    pub key: Key,
    pub stream: Box<Stream>,
    pub bursts: Bursts,
    pub protection: Protection,
}

/// What was found of media.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order in which they began.
    pub streams: Vec<Ended>,
    pub reports: Vec<Reported>,
    /// Capture point and flow of each.
    pub sessions: Vec<(u16, Flow, Session)>,
    /// Of the streams whose payloads are kept.
    pub payloads: Vec<Vec<Payload>>,
}

/// Flow, source, and when it began: what the key of a stream is made of.
type Identity = (Flow, u32, i64);

/// All streams of a reading.
pub struct Streams {
    open: HashMap<Key, Slot, RandomState>,
    /// How many of them are no stream yet.
    seen: usize,
    /// How many there are of each.
    ordinals: HashMap<Identity, u32, RandomState>,
    /// The files that were read another time.
    earlier: Vec<String>,
    /// What comes now was taken another time.
    pub skips: bool,
    idle: i64,
    longest: i64,
    ended: Vec<Ended>,
    reports: Reports,
    relays: Relays,
    sessions: Sessions,
    kept: Option<Kept>,
    srtp: Option<Box<Srtp>>,
    max_streams: usize,
    /// Packets that were not looked at, since there were more streams than that, and the first of them.
    pub refused: Option<(u64, Stamp)>,
}

impl Streams {
    pub fn new(limits: &Limits) -> Self {
        let &Limits { max_streams, max_stream_idle_ns: idle, max_stream_ns: longest, .. } = limits;
        Self {
            open: HashMap::default(),
            seen: 0,
            ordinals: HashMap::default(),
            earlier: Vec::new(),
            skips: false,
            idle,
            longest,
            ended: Vec::new(),
            reports: Reports::new(idle),
            relays: Relays::default(),
            sessions: Sessions::default(),
            kept: None,
            srtp: None,
            max_streams,
            refused: None,
        }
    }

    /// Streams by flow and source have their payloads kept.
    pub fn keeping(limits: &Limits, wanted: &[(Flow, u32)]) -> Self {
        Self { kept: Some(Kept::of(wanted)), ..Self::new(limits) }
    }

    /// What these keys open is read in clear.
    #[must_use]
    pub fn with_keys(self, keys: Arc<Keys>) -> Self {
        Self { srtp: (!keys.is_empty()).then(|| Box::new(Srtp::new(keys))), ..self }
    }

    #[inline]
    fn packet(&mut self, key: Key, packet: &Packet<'_>, came: Came) {
        let at = came.at;
        match self.open.get_mut(&key) {
            Some(Slot::Known(stream)) => {
                if stream.is_over(at.time, self.idle, self.longest) {
                    let anew = Box::new(Stream::new(packet, at, false, came.carriage));
                    end(&mut self.ended, key, std::mem::replace(stream, anew));
                } else if stream.take(packet, at) == Arrived::Restarted {
                    let anew = Box::new(Stream::new(packet, at, true, came.carriage));
                    end(&mut self.ended, key, std::mem::replace(stream, anew));
                } else if stream.ordinal.is_none() && stream.is_one() {
                    number(&mut self.ordinals, key, stream);
                }
                stream.came(&came);
            }
            Some(slot) => {
                let Slot::Seen(seen) = slot else { return };
                if seen.is_over(at.time, self.idle) {
                    **seen = Seen::new(packet, came);
                } else if let Some(mut stream) = seen.take(packet, came) {
                    if stream.is_one() {
                        number(&mut self.ordinals, key, &mut stream);
                    }
                    *slot = Slot::Known(stream);
                    self.seen -= 1;
                }
            }
            None => self.begin(key, packet, came),
        }
    }

    #[cold]
    fn begin(&mut self, key: Key, packet: &Packet<'_>, came: Came) {
        if self.has_place(came.at) {
            self.open.insert(key, Slot::Seen(Box::new(Seen::new(packet, came))));
            self.seen += 1;
        }
    }

    fn has_place(&mut self, at: Stamp) -> bool {
        let is_full = |streams: &Self| streams.open.len() + streams.ended.len() >= streams.max_streams;
        if self.seen >= MAX_SEEN || is_full(self) {
            // What became none in time was something else.
            self.open.retain(|_, slot| slot.may_be_one(at.time));
            self.seen = self.open.values().filter(|slot| matches!(slot, Slot::Seen(_))).count();
            if self.seen >= MAX_SEEN {
                self.open.retain(|_, slot| matches!(slot, Slot::Known(_)));
                self.seen = 0;
            }
            if is_full(self) {
                self.refused.get_or_insert((0, at)).0 += 1;
                return false;
            }
        }
        true
    }

    /// All packets before that time have come: what is over is given away and forgotten.
    pub fn settle(&mut self, time: i64) -> Found {
        let (idle, longest) = (self.idle, self.longest);
        for (key, slot) in self.open.extract_if(|_, slot| slot.is_over(time, idle, longest)) {
            match slot {
                Slot::Known(stream) => end(&mut self.ended, key, stream),
                Slot::Seen(_) => self.seen -= 1,
            }
        }
        self.ordinals.retain(|&(_, _, begun), _| time.saturating_sub(begun) < idle.max(PROBATION));
        self.reports.settle(time, idle);
        let ended = std::mem::take(&mut self.ended);
        Found {
            streams: self.told(ended),
            reports: self.reports.take_ended(),
            sessions: self.sessions.take_ended(time, longest),
            payloads: Vec::new(),
        }
    }

    /// What goes on. `whole`: as if it ended here; else who sends to whom, since when.
    pub fn going_on(&self, whole: bool) -> Found {
        let open = self.open.iter().filter_map(|(key, slot)| match slot {
            Slot::Known(stream) if stream.is_one() => Some((key, stream)),
            _ => None,
        });
        let streams = open.map(|(&key, stream)| {
            let mut stream = if whole { stream.clone() } else { Box::new(stream.bare()) };
            let bursts = if whole { stream.finish() } else { Bursts::default() };
            Ended { key, stream, bursts, protection: Protection::default() }
        });
        Found {
            streams: self.told(streams.collect()),
            reports: self.reports.open(),
            sessions: self.sessions.open(),
            payloads: Vec::new(),
        }
    }

    /// In the order of their first packets, with what is known of their protection.
    fn told(&self, mut streams: Vec<Ended>) -> Vec<Ended> {
        if let Some(srtp) = &self.srtp {
            streams.iter_mut().for_each(|it| it.protection = srtp.told(&it.key));
        }
        in_order(streams)
    }

    pub fn finish(mut self) -> Found {
        for (key, slot) in std::mem::take(&mut self.open) {
            if let Slot::Known(stream) = slot {
                end(&mut self.ended, key, stream);
            }
        }
        let ended = std::mem::take(&mut self.ended);
        Found {
            streams: self.told(ended),
            reports: self.reports.finish(),
            sessions: self.sessions.finish(),
            payloads: self.kept.map(Kept::finish).unwrap_or_default(),
        }
    }
}

fn in_order(mut streams: Vec<Ended>) -> Vec<Ended> {
    streams.sort_by_key(|it| {
        let Stamp { time, file, frame, .. } = it.stream.first;
        (time, file, frame, it.key.source, it.key.flow.src_port)
    });
    streams
}

impl Slot {
    /// Is it a stream, or too young to be none?
    fn may_be_one(&self, now: i64) -> bool {
        let last = match self {
            Self::Known(stream) if stream.is_one() => return true,
            Self::Known(stream) => stream.last.time,
            Self::Seen(seen) => seen.last(),
        };
        now.saturating_sub(last) < PROBATION
    }

    fn is_over(&self, time: i64, idle: i64, longest: i64) -> bool {
        match self {
            Self::Known(stream) => stream.is_over(time, idle, longest),
            Self::Seen(seen) => seen.is_over(time, idle),
        }
    }
}

/// Gives a stream its number among those of the same ends, source and beginning.
fn number(ordinals: &mut HashMap<Identity, u32, RandomState>, key: Key, stream: &mut Stream) {
    let known = ordinals.entry((key.flow, key.source, stream.first.time)).or_insert(0);
    stream.ordinal = Some(*known);
    *known += 1;
}

fn end(ended: &mut Vec<Ended>, key: Key, mut stream: Box<Stream>) {
    if stream.is_one() {
        let bursts = stream.finish();
        ended.push(Ended { key, stream, bursts, protection: Protection::default() });
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::net::Protocol;

    fn flow() -> Flow {
        let address = |host| IpAddr::V4(Ipv4Addr::new(192, 0, 2, host));
        Flow { protocol: Protocol::Udp, src: address(1), dst: address(2), src_port: 40_000, dst_port: 40_002 }
    }

    fn send(streams: &mut Streams, source: u32, numbers: impl IntoIterator<Item = u16>) {
        for n in numbers {
            let mut bytes = vec![0x80, 8];
            bytes.extend(n.to_be_bytes());
            bytes.extend((u32::from(n) * 160).to_be_bytes());
            bytes.extend(source.to_be_bytes());
            bytes.extend([0; 160]);
            let at = Stamp { time: i64::from(n) * 20_000_000, file: 0, frame: u64::from(n), offset: 0 };
            streams.datagram(&Received { point: 0, flow: flow(), at, bytes: &bytes, missing: 0, dscp: None });
        }
    }

    #[test]
    fn sources_are_streams_of_their_own() {
        let mut streams = Streams::new(&Limits { max_streams: 10, ..Limits::default() });
        send(&mut streams, 1, 0..5);
        send(&mut streams, 2, 100..110);
        let found = streams.finish().streams;
        assert_eq!(found.iter().map(|it| (it.key.source, it.stream.packets)).collect::<Vec<_>>(), [(1, 5), (2, 10)]);
    }

    /// RFC 3550 A.1: the same source begins anew at another number.
    #[test]
    fn a_sender_that_begins_anew_is_another_stream() {
        // In the times of these packets 40,000 numbers are more than ten minutes.
        let mut streams = Streams::new(&Limits { max_stream_idle_ns: i64::MAX, ..Limits::default() });
        send(&mut streams, 1, (0..5).chain(40_000..40_010));
        let found = streams.finish().streams;
        let told: Vec<_> = found.iter().map(|it| (it.stream.restarted, it.stream.sequence.expected())).collect();
        assert_eq!(told, [(false, 5), (true, 9)]);
    }

    /// Bytes that only begin like RTP make no stream, and do not take the place of one.
    #[test]
    fn look_alikes_are_no_streams() {
        let mut streams = Streams::new(&Limits { max_streams: 10, ..Limits::default() });
        (0..10).for_each(|source| send(&mut streams, source, [1, 900, 17]));
        send(&mut streams, 1_000, 2_000..2_005);
        let refused = streams.refused;
        let found = streams.finish().streams;
        assert_eq!((found.len(), refused), (1, None));
    }

    fn told(found: &[Ended]) -> Vec<String> {
        found.iter().map(|it| format!("{it:?}")).collect()
    }

    /// Wherever a reading ends and another one goes on, the stream is the same, but for the number of the file.
    #[test]
    fn what_goes_on_in_another_reading_is_as_in_one() {
        let numbers: Vec<u16> = (65_000..65_535).chain(0..900).filter(|n| n % 11 != 3).collect();
        let mut whole = Streams::new(&Limits::default());
        send(&mut whole, 1, numbers.iter().copied());
        let (expected, relays) = (whole.finish().streams, Relays::default());
        for cut in [1, 2, 3, 100, 600] {
            let mut before = Streams::new(&Limits::default());
            send(&mut before, 1, numbers[..cut].iter().copied());
            let bytes = before.to_bytes(|_| Some("first.pcap"));
            let mut after = Streams::new(&Limits::default());
            after.restore(&bytes);
            assert_eq!(after.relays.state(), relays.state());
            send(&mut after, 1, numbers[cut..].iter().copied());
            assert_eq!(after.earlier(EARLIER), Some("first.pcap"));
            let mut found = after.finish().streams;
            found.iter_mut().for_each(|it| it.stream.first.file = 0);
            assert_eq!(told(&found), told(&expected), "{cut}");
        }
        let mut nothing = Streams::new(&Limits::default());
        nothing.restore(&[7; 40]);
        assert!(nothing.finish().streams.is_empty());
    }

    /// Ten minutes of silence, or a day of sound: whoever looks meanwhile, what comes later is another stream.
    #[test]
    fn silence_and_length_end_a_stream() {
        let limits = Limits { max_stream_idle_ns: 1_000_000_000, max_stream_ns: 10_000_000_000, ..Limits::default() };
        for looks in [false, true] {
            let mut streams = Streams::new(&limits);
            send(&mut streams, 1, 0..20);
            let mut found = Vec::new();
            if looks {
                assert_eq!(streams.going_on(false).streams.len(), 1);
                found.extend(streams.settle(2_000_000_000).streams);
                assert!(streams.going_on(true).streams.is_empty());
            }
            send(&mut streams, 1, 100..700);
            found.extend(streams.finish().streams);
            let packets: Vec<_> = found.iter().map(|it| (it.stream.packets, it.stream.restarted)).collect();
            assert_eq!(packets, [(20, false), (500, false), (100, false)]);
        }
    }

    /// What another reading took is not taken again.
    #[test]
    fn packets_that_were_taken_are_skipped() {
        let mut streams = Streams::new(&Limits::default());
        streams.skips = true;
        send(&mut streams, 1, 0..20);
        assert!(streams.finish().streams.is_empty());
    }

    /// Random bytes with marks of RTP have a source of their own each: they are forgotten again, and streams are not.
    #[test]
    fn what_is_seen_once_takes_no_memory() {
        let mut streams = Streams::new(&Limits { max_streams: 1_000_000, ..Limits::default() });
        send(&mut streams, 1, 0..5);
        (2..200_000).for_each(|source| send(&mut streams, source, [7]));
        assert!(streams.open.len() <= MAX_SEEN + 1);
        assert_eq!(streams.finish().streams.len(), 1);
    }

    #[test]
    fn there_are_so_many_streams_and_no_more() {
        let mut streams = Streams::new(&Limits { max_streams: 3, ..Limits::default() });
        (0..5).for_each(|source| send(&mut streams, source, 0..4));
        assert_eq!(streams.refused.map(|(packets, first)| (packets, first.frame)), Some((8, 0)));
        assert_eq!(streams.finish().streams.len(), 3);
    }
}
