//! HEP, the Homer encapsulation protocol, versions 1, 2 and 3: an agent at a node sends on what it saw there, also what
//! no wire ever showed in clear. The addresses, ports, transport and time that it states are the message's.
//!
//! Version 3 is told by its magic, on any port. Versions 1 and 2 have none: every field that can be checked is, and where
//! the port says nothing, SIP must follow.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::inflate::{Trouble, inflate};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16, be32};
use crate::net::disposition::{Disposition, Reason};
use crate::net::flow::{Flow, Protocol};
use crate::net::origin::Origin;
use crate::net::sink::{Agent, Datagram, HepReport, Sink};
use crate::packet::{NO_TIME, Stamp};
use crate::problem::{Code, Problem};

/// What Kamailio, OpenSIPS and Homer use.
pub(in crate::net) const PORT: u16 = 9060;

/// `EEP3`: the extensible encapsulation protocol, the same under another name.
pub(super) const MAGICS: [&[u8; 4]; 2] = [b"HEP3", b"EEP3"];
/// Magic and total length; vendor, type and length of a chunk.
pub(super) const HEADER: usize = 6;
pub(super) const CHUNK: usize = 6;
const PROTOCOL_SIP: u8 = 1;

/// What a HEP packet says.
struct Reported<'a> {
    flow: Flow,
    /// ns since 1970.
    time: Option<i64>,
    /// What the payload is, by number; `None` where that is not said.
    kind: Option<u8>,
    name: Option<&'a [u8]>,
    id: Option<u32>,
    correlation_id: Option<&'a [u8]>,
    vlan: Option<u16>,
    payload: Payload<'a>,
    /// The length of the packet is more than there was.
    exceeds: Option<u32>,
    /// Why reading stopped before the end.
    damage: Option<String>,
}

#[derive(Clone, Copy)]
enum Payload<'a> {
    None,
    Plain(Cursor<'a>),
    Compressed(Cursor<'a>),
}

impl Reported<'_> {
    const NOTHING: Self = Reported {
        flow: Flow {
            protocol: Protocol::Udp,
            src: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            dst: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            src_port: 0,
            dst_port: 0,
        },
        time: None,
        kind: None,
        name: None,
        id: None,
        correlation_id: None,
        vlan: None,
        payload: Payload::None,
        exceeds: None,
        damage: None,
    };
}

/// What carried a HEP packet.
pub(in crate::net) struct Around<'a> {
    pub origin: &'a Origin,
    /// Most bytes of a compressed payload.
    pub max_inflated: usize,
    /// Where a port is HEP's.
    pub on_port: bool,
}

/// Reads a datagram, or a packet cut out of a stream, and hands its payload to the sink; `None` if it is not HEP.
pub(in crate::net) fn hep(
    cursor: Cursor<'_>,
    ip: &Ip,
    around: &Around<'_>,
    sink: &mut impl Sink,
) -> Option<Disposition> {
    let reported = match *cursor.bytes.first()? {
        b'H' | b'E' if MAGICS.iter().any(|magic| cursor.bytes.starts_with(*magic)) => version_3(cursor),
        1 | 2 => version_1_or_2(cursor, around)?,
        _ => return None,
    };
    Some(deliver(reported, cursor, ip, around, sink))
}

/// Vendor, type and length, then the value, whose length counts these six bytes.
fn version_3(cursor: Cursor<'_>) -> Reported<'_> {
    let mut found = Reported::NOTHING;
    let Some((&[_, _, _, _, l1, l0], rest)) = cursor.header::<HEADER>() else {
        return Reported { damage: (cursor.missing == 0).then(|| "no length".to_owned()), ..found };
    };
    let total = u32::from(be16(l1, l0));
    let Some(length) = total.checked_sub(HEADER as u32) else {
        return Reported { damage: Some(format!("a total length of {total}")), ..found };
    };
    let (mut rest, exceeds) = rest.limit(length);
    found.exceeds = exceeds.then_some(total);
    let (mut seconds, mut microseconds) = (0, 0);
    while rest.wire_len() > 0 {
        let Some((&[v1, v0, k1, k0, l1, l0], value)) = rest.header::<CHUNK>() else {
            found.damage = (rest.missing == 0).then(|| "bytes behind the last chunk".to_owned());
            break;
        };
        let (vendor, kind, length) = (be16(v1, v0), be16(k1, k0), usize::from(be16(l1, l0)));
        let Some(inside) = length.checked_sub(CHUNK) else {
            found.damage = Some(format!("chunk {kind} states a length of {length}"));
            break;
        };
        let (value, exceeds) = value.limit(inside as u32);
        // Chunks of vendors are their own.
        if vendor == 0 {
            chunk(kind, value, &mut found, (&mut seconds, &mut microseconds));
        }
        if exceeds {
            found.damage = Some(format!("chunk {kind} states a length of {length}, {} are left", rest.wire_len()));
            break;
        }
        let Some(next) = rest.skip(length) else { break };
        rest = next;
    }
    found.time = time(seconds, microseconds);
    found
}

fn chunk<'a>(kind: u16, value: Cursor<'a>, found: &mut Reported<'a>, (seconds, microseconds): (&mut u32, &mut u32)) {
    let bytes = value.bytes;
    let byte = bytes.first().copied();
    let short = bytes.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes));
    let word = bytes.first_chunk::<4>().map(|bytes| be32(*bytes));
    let text = || Some(trimmed(bytes)).filter(|text| !text.is_empty());
    match kind {
        0x02 => found.flow.protocol = byte.map_or(Protocol::Udp, protocol),
        0x03 => found.flow.src = word.map_or(found.flow.src, |word| Ipv4Addr::from(word).into()),
        0x04 => found.flow.dst = word.map_or(found.flow.dst, |word| Ipv4Addr::from(word).into()),
        0x05 => found.flow.src = ipv6(bytes).unwrap_or(found.flow.src),
        0x06 => found.flow.dst = ipv6(bytes).unwrap_or(found.flow.dst),
        0x07 => found.flow.src_port = short.unwrap_or(0),
        0x08 => found.flow.dst_port = short.unwrap_or(0),
        0x09 => *seconds = word.unwrap_or(0),
        0x0A => *microseconds = word.unwrap_or(0),
        0x0B => found.kind = byte,
        0x0C => found.id = word,
        0x0F => found.payload = Payload::Plain(value),
        0x10 => found.payload = Payload::Compressed(value),
        0x11 => found.correlation_id = text(),
        0x12 => found.vlan = short,
        0x13 => found.name = text(),
        _ => {}
    }
}

/// Version, length of the header with the addresses, address family, IP protocol, ports, addresses. Version 2 puts
/// behind them what is not in the length: seconds, microseconds and capture id, a C structure of 12 bytes in the order
/// of the machine that wrote it.
fn version_1_or_2<'a>(cursor: Cursor<'a>, around: &Around<'_>) -> Option<Reported<'a>> {
    let (&[version, length, family, protocol_number, s1, s0, d1, d0], rest) = cursor.header::<8>()?;
    if !matches!(protocol_number, 6 | 17 | 22 | 132) {
        return None;
    }
    let (src, dst, mut rest): (IpAddr, IpAddr, _) = match (family, length) {
        (2, 16) => {
            let (&[s3, s2, s1, s0, d3, d2, d1, d0], rest) = rest.header::<8>()?;
            (Ipv4Addr::new(s3, s2, s1, s0).into(), Ipv4Addr::new(d3, d2, d1, d0).into(), rest)
        }
        // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS.
        (10 | 24 | 28 | 30, 40) => {
            let (addresses, rest) = rest.header::<32>()?;
            let (src, dst) = addresses.split_at(16);
            (ipv6(src)?, ipv6(dst)?, rest)
        }
        _ => return None,
    };
    let mut found = Reported::NOTHING;
    if version == 2 {
        let (&[s3, s2, s1, s0, u3, u2, u1, u0, c1, c0, _, _], behind) = rest.header::<12>()?;
        let (seconds, micros, id) = ([s3, s2, s1, s0], [u3, u2, u1, u0], [c1, c0]);
        let arrived = around.origin.last.time;
        let little = time(u32::from_le_bytes(seconds), u32::from_le_bytes(micros));
        let big = time(be32(seconds), be32(micros));
        // Of the two orders that which was nearer to the arrival; without one, that of most machines.
        let distance = |time: Option<i64>| time.map_or(u64::MAX, |time| time.abs_diff(arrived));
        let is_big = arrived != NO_TIME && distance(big) < distance(little);
        found.time = if is_big { big } else { little };
        found.id = Some(u32::from(if is_big { u16::from_be_bytes(id) } else { u16::from_le_bytes(id) }));
        rest = behind;
    }
    let protocol = protocol(protocol_number);
    found.flow = Flow { protocol, src, dst, src_port: be16(s1, s0), dst_port: be16(d1, d0) };
    found.payload = Payload::Plain(rest);
    (around.on_port || is_sip(rest.bytes)).then_some(found)
}

/// A start line of SIP (RFC 3261 §7), beyond doubt.
fn is_sip(bytes: &[u8]) -> bool {
    const LONGEST_METHOD: usize = 32;
    let line = memchr::memchr(b'\n', bytes).and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    let method = line.iter().take(LONGEST_METHOD).take_while(|byte| byte.is_ascii_uppercase()).count();
    line.starts_with(b"SIP/2.0 ")
        || (method > 0 && line.get(method) == Some(&b' ') && memchr::memmem::find(line, b" SIP/2.0").is_some())
}

fn protocol(number: u8) -> Protocol {
    match number {
        6 => Protocol::Tcp,
        // What Kamailio writes for TLS and for WebSockets, with and without TLS.
        22 => Protocol::Secure,
        132 => Protocol::Sctp,
        _ => Protocol::Udp,
    }
}

/// `None` where an agent has no time to tell.
fn time(seconds: u32, microseconds: u32) -> Option<i64> {
    (seconds > 0).then(|| i64::from(seconds) * 1_000_000_000 + i64::from(microseconds) * 1_000)
}

fn ipv6(bytes: &[u8]) -> Option<IpAddr> {
    bytes.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes).into())
}

/// Without the NULs that some agents count.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

/// What a payload holds: its bytes, and how many of them are not here.
struct Contents<'a> {
    bytes: Cow<'a, [u8]>,
    missing: u32,
    inflated: bool,
}

impl<'a> Payload<'a> {
    /// Decompressed, at most `max` bytes; what is wrong with them is reported.
    fn contents(self, max: usize, report: &mut impl FnMut(Code, String)) -> Option<(Cursor<'a>, Contents<'a>)> {
        let cursor = match self {
            Payload::None => return None,
            Payload::Plain(cursor) => {
                let (bytes, missing) = (Cow::Borrowed(cursor.bytes), cursor.missing);
                return Some((cursor, Contents { bytes, missing, inflated: false }));
            }
            Payload::Compressed(cursor) => cursor,
        };
        let (bytes, trouble) = inflate(cursor.bytes, max);
        match trouble {
            // What was cut cannot be whole.
            Some(Trouble::Corrupt) if cursor.missing > 0 => {}
            Some(Trouble::Corrupt) => report(Code::CompressedCorrupt, "the compressed payload".to_owned()),
            Some(Trouble::Limit) => {
                report(Code::InflatedLimit, format!("the compressed payload expands to more than {max} bytes"));
            }
            None => {}
        }
        // How much more it would have been, nobody knows.
        let missing = u32::from(trouble.is_some());
        Some((cursor, Contents { bytes: Cow::Owned(bytes), missing, inflated: true }))
    }
}

/// Who reported: by name, else by number, else by address.
fn agent<'a>(reported: &Reported<'a>, ip: &Ip) -> Agent<'a> {
    match (reported.name, reported.id) {
        (Some(name), _) => Agent::Name(name),
        (None, Some(id)) => Agent::Id(id),
        (None, None) => Agent::Address(ip.src),
    }
}

fn deliver(
    reported: Reported<'_>,
    cursor: Cursor<'_>,
    ip: &Ip,
    around: &Around<'_>,
    sink: &mut impl Sink,
) -> Disposition {
    let origin = around.origin;
    let Reported { flow, kind, payload, exceeds, ref damage, .. } = reported;
    let mut report = |code, detail| {
        let Stamp { file, frame, offset, .. } = origin.stamps(cursor.offset).1;
        sink.report(Problem { code, layer: Layer::HEP, file, frame, offset, detail });
    };
    if let Some(length) = exceeds {
        let detail = format!("the header claims {length} bytes, the packet has {}", cursor.wire_len());
        report(Code::TunnelLengthExceedsPacket, detail);
    }
    if let Some(detail) = damage {
        report(Code::TunnelHeaderMalformed, detail.clone());
    }
    let ended = |reason| Disposition::new(Layer::HEP, reason);
    match (payload, kind) {
        (Payload::None, _) if damage.is_some() => return ended(Reason::Malformed),
        (Payload::None, _) => return ended(if cursor.missing > 0 { Reason::Cut } else { Reason::NoPayload }),
        (_, Some(kind)) if kind != PROTOCOL_SIP => return ended(Reason::HepType(kind)),
        _ => {}
    }
    let Some((payload, Contents { bytes, missing, inflated })) = payload.contents(around.max_inflated, &mut report)
    else {
        return ended(Reason::NoPayload);
    };
    if bytes.is_empty() {
        return ended(if missing.max(payload.missing) > 0 { Reason::Cut } else { Reason::NoPayload });
    }
    let (mut first, mut last) = origin.stamps(payload.offset);
    let arrived = last.time;
    if let Some(time) = reported.time {
        (first.time, last.time) = (time, time);
    }
    let mut encapsulation = origin.encapsulation;
    encapsulation.enter_over(ip, Layer::HEP);
    if let Some(vlan) = reported.vlan {
        encapsulation.tagged(vlan);
    }
    let correlation_id = reported.correlation_id;
    let report = HepReport { agent: agent(&reported, ip), correlation_id, arrived, inflated };
    let (bytes, encapsulation, report) = (&*bytes, &encapsulation, Some(report));
    let class =
        sink.datagram(Datagram { flow, bytes, first, last, ident: 0, dscp: None, missing, encapsulation, report });
    Disposition::of(class, Layer::HEP)
}
