//! Streams by their ends and their source.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::burst::Bursts;
use super::kept::{Kept, Payload};
use super::key::Key;
use super::msrp::{Session, Sessions};
use super::rtcp::{Reported, Reports};
use super::rtp::{self, Packet};
use super::seen::{Came, Seen};
use super::sequence::Arrived;
use super::stream::{Carriage, Stream};
use super::turn::{Relayed, Relays};
use super::udptl;
use crate::net::{Flow, Protocol};
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
#[derive(Debug)]
pub struct Found {
    /// In the order in which they began.
    pub streams: Vec<Ended>,
    pub reports: Vec<Reported>,
    /// Capture point and flow of each.
    pub sessions: Vec<(u16, Flow, Session)>,
    /// Of the streams whose payloads are kept.
    pub payloads: Vec<Vec<Payload>>,
}

/// All streams of a reading.
pub struct Streams {
    open: HashMap<Key, Slot, RandomState>,
    /// How many of them are no stream yet.
    seen: usize,
    ended: Vec<Ended>,
    reports: Reports,
    relays: Relays,
    sessions: Sessions,
    kept: Option<Kept>,
    max_streams: usize,
    /// Packets that were not looked at, since there were more streams than that, and the first of them.
    pub refused: Option<(u64, Stamp)>,
}

impl Streams {
    pub fn new(max_streams: usize) -> Self {
        Self {
            open: HashMap::default(),
            seen: 0,
            ended: Vec::new(),
            reports: Reports::default(),
            relays: Relays::default(),
            sessions: Sessions::default(),
            kept: None,
            max_streams,
            refused: None,
        }
    }

    /// Streams by flow and source have their payloads kept.
    pub fn keeping(max_streams: usize, wanted: &[(Flow, u32)]) -> Self {
        Self { kept: Some(Kept::of(wanted)), ..Self::new(max_streams) }
    }

    /// Takes a datagram, whatever it is, or a packet that was cut out of a stream.
    #[inline]
    pub fn datagram(&mut self, it: &Received<'_>) {
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
        self.sessions.segment(point, flow, bytes, at);
    }

    #[inline]
    fn media(&mut self, it: &Received<'_>, carriage: Carriage, relayed: Option<Relayed>) {
        if rtp::is_rtcp(it.bytes) {
            self.reports.take(it.point, it.flow, it.at.time, it.bytes, it.missing);
        } else if let Some(packet) = Packet::read(it.bytes, it.missing) {
            if let Some(kept) = &mut self.kept {
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
        match self.open.get_mut(&key) {
            Some(Slot::Known(stream)) => {
                if stream.take(packet, came.at) == Arrived::Restarted {
                    let anew = Box::new(Stream::new(packet, came.at, true, came.carriage));
                    end(&mut self.ended, key, std::mem::replace(stream, anew));
                }
                stream.came(&came);
            }
            Some(slot) => {
                if let Slot::Seen(seen) = slot
                    && let Some(stream) = seen.take(packet, came)
                {
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

    pub fn finish(mut self) -> Found {
        for (key, slot) in std::mem::take(&mut self.open) {
            if let Slot::Known(stream) = slot {
                end(&mut self.ended, key, stream);
            }
        }
        self.ended.sort_by_key(|it| {
            let Stamp { time, file, frame, .. } = it.stream.first;
            (time, file, frame, it.key.source, it.key.flow.src_port)
        });
        Found {
            streams: self.ended,
            reports: self.reports.finish(),
            sessions: self.sessions.finish(),
            payloads: self.kept.map(Kept::finish).unwrap_or_default(),
        }
    }
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
}

fn end(ended: &mut Vec<Ended>, key: Key, mut stream: Box<Stream>) {
    if stream.is_one() {
        let bursts = stream.finish();
        ended.push(Ended { key, stream, bursts });
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
        let mut streams = Streams::new(10);
        send(&mut streams, 1, 0..5);
        send(&mut streams, 2, 100..110);
        let found = streams.finish().streams;
        assert_eq!(found.iter().map(|it| (it.key.source, it.stream.packets)).collect::<Vec<_>>(), [(1, 5), (2, 10)]);
    }

    /// RFC 3550 A.1: the same source begins anew at another number.
    #[test]
    fn a_sender_that_begins_anew_is_another_stream() {
        let mut streams = Streams::new(10);
        send(&mut streams, 1, (0..5).chain(40_000..40_010));
        let found = streams.finish().streams;
        let told: Vec<_> = found.iter().map(|it| (it.stream.restarted, it.stream.sequence.expected())).collect();
        assert_eq!(told, [(false, 5), (true, 9)]);
    }

    /// Bytes that only begin like RTP make no stream, and do not take the place of one.
    #[test]
    fn look_alikes_are_no_streams() {
        let mut streams = Streams::new(10);
        (0..10).for_each(|source| send(&mut streams, source, [1, 900, 17]));
        send(&mut streams, 1_000, 2_000..2_005);
        let refused = streams.refused;
        let found = streams.finish().streams;
        assert_eq!((found.len(), refused), (1, None));
    }

    /// Random bytes with marks of RTP have a source of their own each: they are forgotten again, and streams are not.
    #[test]
    fn what_is_seen_once_takes_no_memory() {
        let mut streams = Streams::new(1_000_000);
        send(&mut streams, 1, 0..5);
        (2..200_000).for_each(|source| send(&mut streams, source, [7]));
        assert!(streams.open.len() <= MAX_SEEN + 1);
        assert_eq!(streams.finish().streams.len(), 1);
    }

    #[test]
    fn there_are_so_many_streams_and_no_more() {
        let mut streams = Streams::new(3);
        (0..5).for_each(|source| send(&mut streams, source, 0..4));
        assert_eq!(streams.refused.map(|(packets, first)| (packets, first.frame)), Some((8, 0)));
        assert_eq!(streams.finish().streams.len(), 3);
    }
}
