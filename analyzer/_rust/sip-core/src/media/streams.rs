//! Streams by their ends and their source.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::burst::Bursts;
use super::key::Key;
use super::rtcp::{Reported, Reports};
use super::rtp::{self, Packet};
use super::sequence::Arrived;
use super::stream::Stream;
use crate::net::Flow;
use crate::packet::Stamp;

/// For so long a stream may have too few packets to be one (ns).
const PROBATION: i64 = 10_000_000_000;

/// A stream that is over.
#[derive(Debug)]
pub struct Ended {
    pub key: Key,
    pub stream: Stream,
    pub bursts: Bursts,
}

/// All streams of a reading.
pub struct Streams {
    open: HashMap<Key, Box<Stream>, RandomState>,
    ended: Vec<Ended>,
    reports: Reports,
    max_streams: usize,
    /// Packets that were not looked at, since there were more streams than that, and the first of them.
    pub refused: Option<(u64, Stamp)>,
}

impl Streams {
    pub fn new(max_streams: usize) -> Self {
        let (open, ended, reports) = (HashMap::default(), Vec::new(), Reports::default());
        Self { open, ended, reports, max_streams, refused: None }
    }

    /// Takes a datagram, whatever it is.
    #[inline]
    pub fn datagram(&mut self, point: u16, flow: Flow, at: Stamp, (bytes, missing): (&[u8], u32)) {
        if !matches!(bytes, [0x80..=0xBF, ..]) {
            return;
        }
        if rtp::is_rtcp(bytes) {
            self.reports.take(point, flow, at.time, bytes);
        } else if let Some(packet) = Packet::read(bytes, missing) {
            self.packet(Key { point, flow, source: packet.source }, &packet, at);
        }
    }

    #[inline]
    fn packet(&mut self, key: Key, packet: &Packet<'_>, at: Stamp) {
        match self.open.get_mut(&key) {
            Some(stream) => {
                if stream.take(packet, at) == Arrived::Restarted {
                    let before = std::mem::replace(&mut **stream, Stream::new(packet, at, true));
                    self.end(key, before);
                }
            }
            None => self.begin(key, packet, at),
        }
    }

    #[cold]
    fn begin(&mut self, key: Key, packet: &Packet<'_>, at: Stamp) {
        if self.open.len() + self.ended.len() >= self.max_streams {
            // What became none in time was something else.
            self.open.retain(|_, stream| stream.is_one() || at.time.saturating_sub(stream.last.time) < PROBATION);
            if self.open.len() + self.ended.len() >= self.max_streams {
                self.refused.get_or_insert((0, at)).0 += 1;
                return;
            }
        }
        self.open.insert(key, Box::new(Stream::new(packet, at, false)));
    }

    fn end(&mut self, key: Key, mut stream: Stream) {
        if stream.is_one() {
            let bursts = stream.finish();
            self.ended.push(Ended { key, stream, bursts });
        }
    }

    /// Streams in the order in which they began, and what was reported of them.
    pub fn finish(mut self) -> (Vec<Ended>, Vec<Reported>) {
        for (key, stream) in std::mem::take(&mut self.open) {
            self.end(key, *stream);
        }
        self.ended.sort_by_key(|it| {
            let Stamp { time, file, frame, .. } = it.stream.first;
            (time, file, frame, it.key.source, it.key.flow.src_port)
        });
        (self.ended, self.reports.finish())
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
            streams.datagram(0, flow(), at, (&bytes, 0));
        }
    }

    #[test]
    fn sources_are_streams_of_their_own() {
        let mut streams = Streams::new(10);
        send(&mut streams, 1, 0..5);
        send(&mut streams, 2, 100..110);
        let found = streams.finish().0;
        assert_eq!(found.iter().map(|it| (it.key.source, it.stream.packets)).collect::<Vec<_>>(), [(1, 5), (2, 10)]);
    }

    /// RFC 3550 A.1: the same source begins anew at another number.
    #[test]
    fn a_sender_that_begins_anew_is_another_stream() {
        let mut streams = Streams::new(10);
        send(&mut streams, 1, (0..5).chain(40_000..40_010));
        let found = streams.finish().0;
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
        let found = streams.finish().0;
        assert_eq!((found.len(), refused), (1, None));
    }

    #[test]
    fn there_are_so_many_streams_and_no_more() {
        let mut streams = Streams::new(3);
        (0..5).for_each(|source| send(&mut streams, source, 0..4));
        assert_eq!(streams.refused.map(|(packets, first)| (packets, first.frame)), Some((8, 0)));
        assert_eq!(streams.finish().0.len(), 3);
    }
}
