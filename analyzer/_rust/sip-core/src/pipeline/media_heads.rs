//! The headers of media packets, without what was said: RTP headers, and the reports of RTCP.

use super::options::{Options, ScanError};
use super::second;
use super::source::Source;
use super::trace::{Media, Places};
use crate::ipsec::Keyring;
use crate::net::{Datagram, Failure, Flow, Protocol, Segment, Sink, StreamClass, StreamEnd, StreamId};
use crate::packet::{NO_TIME, Stamp};
use crate::problem::{Problem, Problems};

/// The header of RTP without contributing sources (RFC 3550 §5.1).
const RTP_HEADER: usize = 12;
/// Sender and receiver reports of RTCP: numbers alone (RFC 3550 §6.4).
const REPORTS: std::ops::RangeInclusive<u8> = 200..=201;
/// What RTCP has in place of a payload type and its marker.
const RTCP: std::ops::RangeInclusive<u8> = 192..=223;

/// A packet of media, of which the header alone is kept.
#[derive(Debug)]
pub struct MediaPacket {
    /// The capture point, by its number.
    pub point: usize,
    pub time: Option<i64>,
    pub flow: Flow,
    pub ident: u16,
    head: Vec<u8>,
    length: usize,
}

impl MediaPacket {
    /// The header, and nothing in the place of what follows it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        bytes.resize(self.length, 0);
        bytes
    }
}

/// The packets to and from these places, as far as their capture point is one of `points`; they are numbered as these are.
///
/// # Errors
/// When no source can be read.
pub fn read(
    sources: &[Source],
    options: &Options,
    media: &[Media],
    points: &[String],
) -> Result<Vec<MediaPacket>, ScanError> {
    let mut found = Found { keyring: options.keyring(), places: Places::new(media), packets: Vec::new() };
    let (_, names) = second::read(sources, options, &mut found)?;
    let number = |point: usize| points.iter().position(|name| names.files.get(point) == Some(name));
    let kept = |packet: MediaPacket| Some(MediaPacket { point: number(packet.point)?, ..packet });
    Ok(found.packets.into_iter().filter_map(kept).collect())
}

struct Found {
    keyring: Keyring,
    places: Places,
    packets: Vec<MediaPacket>,
}

impl Problems for Found {
    /// The reading for SIP has told it.
    fn report(&mut self, _: Problem) {}
}

impl second::Reader for Found {
    type Sink<'a> = PointSink<'a>;

    fn at(&mut self, point: u16) -> PointSink<'_> {
        PointSink { point, found: self }
    }
}

struct PointSink<'a> {
    point: u16,
    found: &'a mut Found,
}

impl Problems for PointSink<'_> {
    fn report(&mut self, _: Problem) {}
}

/// What is kept of a packet: its header, and how long it is with what followed.
fn head(bytes: &[u8], missing: u32) -> Option<(&[u8], usize)> {
    let &[first, second, l1, l0, ..] = bytes else { return None };
    if first >> 6 != 2 {
        return None;
    }
    if RTCP.contains(&second) {
        // Of a compound packet the reports; the rest names who speaks.
        let length = (usize::from(u16::from_be_bytes([l1, l0])) + 1) * 4;
        let report = bytes.get(..length)?;
        return REPORTS.contains(&second).then_some((report, length));
    }
    let sources = usize::from(first & 0x0F) * 4;
    // Of an extension (§5.3.1) its kind and length stay, so that the payload begins where it did.
    let extension = if first & 0x10 == 0 { 0 } else { 4 };
    let head = bytes.get(..RTP_HEADER + sources + extension)?;
    Some((head, bytes.len() + missing as usize))
}

impl Sink for PointSink<'_> {
    fn datagram(&mut self, it: Datagram<'_>) -> StreamClass {
        let time = it.last.time;
        if it.flow.protocol == Protocol::Udp
            && it.report.is_none()
            && self.found.places.have(&it.flow, time)
            && let Some((head, length)) = head(it.bytes, it.missing)
        {
            self.found.packets.push(MediaPacket {
                point: usize::from(self.point),
                time: Some(time).filter(|&time| time != NO_TIME),
                flow: it.flow,
                ident: it.ident as u16,
                head: head.to_vec(),
                length,
            });
        }
        StreamClass::Other("")
    }

    fn segment(&mut self, _: Segment<'_>) -> StreamClass {
        StreamClass::Other("")
    }

    fn gap(&mut self, _: StreamId, _: u64, _: Stamp) {}

    fn stream_end(&mut self, _: StreamId, _: StreamEnd, _: Stamp) {}

    fn failure(&mut self, _: Flow, _: Failure, _: Stamp) {}

    fn keyring(&self) -> Option<&Keyring> {
        Some(&self.found.keyring)
    }
}
