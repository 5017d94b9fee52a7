//! Streams by their ends and their source.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::burst::Bursts;
use super::came::{Came, Carriage};
use super::kept::{Kept, Payload};
use super::key::Key;
use super::msrp::{Session, Sessions};
use super::rtcp::{self, Reported, Reports};
use super::rtp::{self, Packet};
use super::seen::Seen;
use super::sequence::Arrived;
use super::srtp::{Keys, Opened, Protection, Srtp};
use super::stream::Stream;
use super::turn::{self, Relayed, Relays};
use super::udptl;
use crate::limits::Limits;
use crate::net::{Flow, Protocol};
use crate::packet::Stamp;

/// For so long a stream may have too few packets to be one (ns).
const PROBATION: i64 = 10_000_000_000;

/// The number of the first file that was read another time: a stream that goes on began in it.
pub const EARLIER: u32 = 1 << 31;

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

/// A payload as it came.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    pub point: u16,
    pub flow: Flow,
    pub at: Stamp,
    pub bytes: &'a [u8],
    /// Bytes at its end that were not captured.
    pub missing: u32,
    /// Class of service (RFC 2474).
    pub dscp: Option<u8>,
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

/// What another reading goes on with; of each stream the file that it began in.
type State = (
    (Vec<(Key, Stream, String)>, Vec<(Key, Seen, String)>),
    Vec<(Identity, u32)>,
    rtcp::State,
    turn::State,
    Vec<(u16, Flow, Session)>,
);
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

    /// Takes a datagram, whatever it is, or a packet that was cut out of a stream.
    #[inline]
    pub fn datagram(&mut self, it: &Received<'_>) {
        if self.skips {
            return;
        }
        let carriage = if it.flow.protocol == Protocol::Tcp { Carriage::Tcp } else { Carriage::Udp };
        match it.bytes {
            [0x80..=0xBF, ..] => self.media(it, carriage, None),
            [0x40..=0x4F, _, _, _, 0x80..=0xBF, ..] | [0..=0x3F, _, _, _, 0x21, 0x12, 0xA4, 0x42, ..] => {
                if let Some((bytes, missing, relayed)) = self.relays.open(&it.flow, it.bytes, it.missing) {
                    self.media(&Received { bytes, missing, ..*it }, Carriage::Relay, Some(relayed));
                }
            }
            _ if carriage == Carriage::Udp && it.missing == 0 => {
                if let Some(fax) = udptl::Packet::read(it.bytes) {
                    self.fax(it, &fax);
                }
            }
            _ => {}
        }
    }

    /// Bytes of a TCP connection.
    #[inline]
    pub fn segment(&mut self, point: u16, flow: Flow, bytes: &[u8], at: Stamp) {
        if !self.skips {
            self.sessions.segment(point, flow, bytes, at);
        }
    }

    #[inline]
    fn media(&mut self, it: &Received<'_>, carriage: Carriage, relayed: Option<Relayed>) {
        match self.srtp.take() {
            None => self.clear(it, carriage, relayed, true),
            Some(mut srtp) => {
                self.sealed(&mut srtp, it, carriage, relayed);
                self.srtp = Some(srtp);
            }
        }
    }

    /// A packet that is perhaps encrypted.
    #[cold]
    fn sealed(&mut self, srtp: &mut Srtp, it: &Received<'_>, carriage: Carriage, relayed: Option<Relayed>) {
        let (src, dst) = relayed.map_or((None, None), |it| (it.src, it.dst));
        let ends = (src.unwrap_or((it.flow.src, it.flow.src_port)), dst.unwrap_or((it.flow.dst, it.flow.dst_port)));
        let mut out = Vec::new();
        let opened = match (it.missing, it.bytes.get(8..12)) {
            (0, _) if rtp::is_rtcp(it.bytes) => srtp.report(ends, it.at.time, it.bytes, &mut out),
            (0, Some(&[s3, s2, s1, s0])) => {
                let source = u32::from_be_bytes([s3, s2, s1, s0]);
                let key = Key { point: it.point, flow: it.flow, source };
                let opened = srtp.packet(key, ends, it.at.time, it.bytes, &mut out);
                // What was never encrypted under these keys is what it seems.
                if opened == Opened::Sealed && srtp.told(&key).authentic == 0 { Opened::Not } else { opened }
            }
            _ => Opened::Not,
        };
        match opened {
            Opened::Clear => self.clear(&Received { bytes: &out, ..*it }, carriage, relayed, true),
            Opened::Not | Opened::Sealed => self.clear(it, carriage, relayed, opened == Opened::Not),
        }
    }

    /// `legible`: the payload is what it seems.
    #[inline]
    fn clear(&mut self, it: &Received<'_>, carriage: Carriage, relayed: Option<Relayed>, legible: bool) {
        if rtp::is_rtcp(it.bytes) {
            self.reports.take(it.point, it.flow, it.at.time, it.bytes, it.missing);
        } else if let Some(packet) = Packet::read(it.bytes, it.missing) {
            if let Some(kept) = self.kept.as_mut().filter(|_| legible) {
                kept.take(it.flow, it.at.time, &packet);
            }
            let key = Key { point: it.point, flow: it.flow, source: packet.source };
            self.packet(key, &packet, Came { at: it.at, dscp: it.dscp, carriage, relayed, again: 0 });
        }
    }

    /// Fax has numbers as RTP has, and neither source nor timestamps.
    #[cold]
    fn fax(&mut self, it: &Received<'_>, fax: &udptl::Packet) {
        let key = Key { point: it.point, flow: it.flow, source: 0 };
        let &udptl::Packet { number, length, again } = fax;
        let (marker, payload_type, timestamp, source, sliced) = (false, 0, 0, 0, false);
        let packet = Packet { marker, payload_type, number, timestamp, source, payload: it.bytes, length, sliced };
        self.packet(key, &packet, Came { at: it.at, dscp: it.dscp, carriage: Carriage::Fax, relayed: None, again });
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

    /// The name of a file that was read another time.
    pub fn earlier(&self, file: u32) -> Option<&str> {
        self.earlier.get(file.checked_sub(EARLIER)? as usize).map(String::as_str)
    }

    /// What goes on, as bytes for [`Streams::restore`]; `name` gives that of a file.
    pub fn to_bytes<'a>(&'a self, name: impl Fn(u32) -> Option<&'a str>) -> Vec<u8> {
        let name = |file| self.earlier(file).or_else(|| name(file)).unwrap_or_default();
        let (mut streams, mut seen) = (Vec::new(), Vec::new());
        for (key, slot) in &self.open {
            match slot {
                Slot::Known(stream) => streams.push((key, &**stream, name(stream.first.file))),
                Slot::Seen(it) => seen.push((key, &**it, name(it.file()))),
            }
        }
        let ordinals: Vec<_> = self.ordinals.iter().collect();
        let state = ((streams, seen), ordinals, self.reports.state(), self.relays.state(), self.sessions.open());
        postcard::to_allocvec(&state).unwrap_or_default()
    }

    /// Goes on from what [`Streams::to_bytes`] gave; from nothing for other bytes.
    pub fn restore(&mut self, bytes: &[u8]) {
        let Ok(((streams, seen), ordinals, reports, relays, sessions)) = postcard::from_bytes::<State>(bytes) else {
            return;
        };
        let mut numbers = HashMap::<String, u32>::new();
        let mut number = |file| {
            let next = EARLIER + numbers.len() as u32;
            *numbers.entry(file).or_insert(next)
        };
        for (key, mut stream, file) in streams {
            stream.first.file = number(file);
            self.open.insert(key, Slot::Known(Box::new(stream)));
        }
        self.seen = seen.len();
        for (key, mut it, file) in seen {
            it.is_of(number(file));
            self.open.insert(key, Slot::Seen(Box::new(it)));
        }
        self.earlier = vec![String::new(); numbers.len()];
        for (file, number) in numbers {
            if let Some(place) = self.earlier.get_mut((number - EARLIER) as usize) {
                *place = file;
            }
        }
        self.ordinals = ordinals.into_iter().collect();
        self.reports.restore(reports);
        self.relays.restore(relays);
        self.sessions.restore(sessions);
    }

    /// What several gave with [`Streams::to_bytes`], each of capture points of its own, as one that read all would give it:
    /// of each the points that count, and their numbers in the whole. Bytes that are none add nothing.
    pub fn merged(parts: &[(Vec<u8>, HashMap<u16, u16>)]) -> Vec<u8> {
        let (mut streams, mut seen, mut ordinals, mut sessions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut found, mut sent, mut peers, mut given) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (bytes, points) in parts {
            let Ok(((of_streams, of_seen), of_ordinals, reports, relays, of_sessions)) =
                postcard::from_bytes::<State>(bytes)
            else {
                continue;
            };
            let moved = |key: Key| points.get(&key.point).map(|&point| Key { point, ..key });
            let of_streams = of_streams.into_iter();
            streams.extend(of_streams.filter_map(|(key, it, file)| Some((moved(key)?, it, file))));
            seen.extend(of_seen.into_iter().filter_map(|(key, it, file)| Some((moved(key)?, it, file))));
            ordinals.extend(of_ordinals);
            found.extend(reports.0.into_iter().filter_map(|(key, reporter, mut it)| {
                let key = moved(key)?;
                it.point = key.point;
                Some((key, reporter, it))
            }));
            let of_sent = reports.1.into_iter();
            sent.extend(of_sent.filter_map(|((point, source), times)| Some(((*points.get(&point)?, source), times))));
            peers.extend(relays.0);
            given.extend(relays.1);
            let of_sessions = of_sessions.into_iter();
            sessions.extend(of_sessions.filter_map(|(point, flow, it)| Some((*points.get(&point)?, flow, it))));
        }
        let state: State = ((streams, seen), ordinals, (found, sent), (peers, given), sessions);
        postcard::to_allocvec(&state).unwrap_or_default()
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
        let (expected, relays) = (whole.finish().streams, turn::Relays::default());
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
