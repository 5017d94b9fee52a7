//! Wireshark's exported PDUs (LINKTYPE_WIRESHARK_UPPER_PDU): one message that was put together already, behind tags that
//! say where it came from (epan/exported_pdu.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cursor::{Cursor, be16, be32};
use super::disposition::Disposition;
use super::flow::{Flow, Protocol};
use crate::layer::Layer;

/// A PDU that was exported.
pub(super) struct Exported<'a> {
    /// An address that the tags do not give is unspecified, a port 0.
    pub flow: Flow,
    /// The port by which Wireshark knew what it is: of a tunnel in UDP, the addresses and ports are those of the packet inside.
    pub known_by: Option<u16>,
    pub tcp: Option<Place>,
    pub payload: Cursor<'a>,
}

/// Where bytes of a TCP connection lie in it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Sequence number of the first, as Wireshark shows it; acknowledgement number, if there is one.
    At(u32, Option<u32>),
    /// Wireshark took them for data: a segment, which follows the one that was exported before it.
    Next,
}

/// Reads the tags.
pub(super) fn exported_pdu(cursor: Cursor<'_>) -> Result<Exported<'_>, Disposition> {
    let (mut known_by, mut place, mut is_data) = (None, None, false);
    let mut flow = Flow {
        protocol: Protocol::Udp,
        src: Ipv4Addr::UNSPECIFIED.into(),
        dst: Ipv4Addr::UNSPECIFIED.into(),
        src_port: 0,
        dst_port: 0,
    };
    let mut rest = cursor;
    loop {
        let short = rest.short(Layer::EXPORTED_PDU);
        let (&[k1, k0, l1, l0], value) = rest.header::<4>().ok_or(short)?;
        let length = usize::from(be16(l1, l0));
        let (kind, data) = (be16(k1, k0), value.bytes.get(..length).unwrap_or_default());
        if kind == 0 {
            let place = place.or(is_data.then_some(Place::Next)).filter(|_| flow.protocol == Protocol::Tcp);
            return Ok(Exported { flow, known_by, tcp: place, payload: value.skip(length).ok_or(short)? });
        }
        let number = data.first_chunk::<4>().map(|bytes| be32(*bytes));
        match kind {
            12 => is_data = data.split(|&byte| byte == 0).next() == Some(b"data"),
            20 | 22 => flow.src = address(data).unwrap_or(flow.src),
            21 | 23 => flow.dst = address(data).unwrap_or(flow.dst),
            24 => {
                flow.protocol = match number {
                    Some(1) => Protocol::Sctp,
                    Some(2) => Protocol::Tcp,
                    _ => Protocol::Udp,
                }
            }
            25 => flow.src_port = number.unwrap_or(0) as u16,
            26 => flow.dst_port = number.unwrap_or(0) as u16,
            34 => place = tcp_place(data).or(place),
            32 => known_by = number.and_then(|port| u16::try_from(port).ok()),
            _ => {}
        }
        rest = value.skip(length).ok_or(short)?;
    }
}

/// What tag 34 tells: version (16 bits), number of the first byte, of the one behind the segment, that acknowledged (32 each),
/// whether it was put together (8), flags (16).
fn tcp_place(data: &[u8]) -> Option<Place> {
    const ACK: u8 = 0x10;
    let &[0, 1, s3, s2, s1, s0, _, _, _, _, a3, a2, a1, a0, _, _, flags, ..] = data else { return None };
    let acknowledged = (flags & ACK != 0).then_some(be32([a3, a2, a1, a0]));
    Some(Place::At(be32([s3, s2, s1, s0]), acknowledged))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => bytes.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).into()),
        16 => bytes.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes).into()),
        _ => None,
    }
}
