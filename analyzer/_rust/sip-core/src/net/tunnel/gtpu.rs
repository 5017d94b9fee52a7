//! GTP-U: the user plane of 4G and 5G between radio, serving and packet gateways.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16, be32};
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::{Inner, NextHeader};
use crate::net::payload_guess;

pub(super) const GTPU: Tunnel = Tunnel {
    layer: Layer::new(&"gtpu"),
    about: "GTP-U version 1 (TS 29.281) with extension headers, as on S1-U, N3, S5.",
    keys: &[Key::UdpPort(2152, gtpu)],
};

/// Message types (TS 29.281 table 6.1-1): echo, error indication, extension headers, tunnel status, end marker.
const SIGNALLING: [u8; 6] = [1, 2, 26, 31, 253, 254];
const G_PDU: u8 = 255;

/// Reads a GTP-U header; `None` where the datagram is something else on GTP-U's port.
fn gtpu<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let (&[flags, kind, l1, l0, t3, t2, t1, t0], rest) = cursor.header::<8>()?;
    // Version 1 and protocol type GTP, not GTP' (§5.1).
    if flags & 0xF0 != 0x30 || (kind != G_PDU && !SIGNALLING.contains(&kind)) {
        return None;
    }
    let length = u32::from(be16(l1, l0));
    let (rest, exceeds) = rest.limit(length);
    let exceeds = exceeds.then_some(length);
    if kind != G_PDU {
        return Some(Err(Disposition::new(GTPU.layer, Reason::Signalling)));
    }
    encapsulation.enter_over(ip, GTPU.layer);
    encapsulation.teid = Some(be32([t3, t2, t1, t0]));
    Some(optional(flags, rest).and_then(packet).map(|next| Inner { next, exceeds }))
}

/// Skips the four optional bytes, which are there as soon as one of the flags E, S, PN is set, and the extension
/// headers (§5.2.1: length in units of 4 bytes with itself and the type of the next, which is the last byte).
fn optional(flags: u8, cursor: Cursor<'_>) -> Result<Cursor<'_>, Disposition> {
    const EXTENSION: u8 = 0x04;
    if flags & 0x07 == 0 {
        return Ok(cursor);
    }
    let (&[_, _, _, mut next], mut rest) = cursor.header::<4>().ok_or(cursor.short(GTPU.layer))?;
    while flags & EXTENSION != 0 && next != 0 {
        let length = rest.bytes.first().map_or(0, |&units| usize::from(units) * 4);
        let last = length.checked_sub(1).and_then(|last| rest.bytes.get(last));
        next = *last.ok_or(rest.short(GTPU.layer))?;
        rest = rest.skip(length).ok_or(rest.short(GTPU.layer))?;
    }
    Ok(rest)
}

/// An IP packet; a PDP context or session may also carry PPP (RFC 1662 address and control), or Ethernet.
fn packet(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    match *cursor.bytes {
        [] if cursor.missing == 0 => Err(Disposition::new(GTPU.layer, Reason::NoPayload)),
        [] => Err(Disposition::new(GTPU.layer, Reason::Cut)),
        [0xFF, 0x03, ..] => Ok(NextHeader::Ppp(cursor)),
        // A length that lies, or that the capture cut, is the business of the IP header.
        [0x45..=0x4F, ..] => Ok(NextHeader::Ipv4(cursor)),
        [0x60..=0x6F, ..] => Ok(NextHeader::Ipv6(cursor)),
        _ => payload_guess::ethernet(cursor).ok_or(Disposition::new(GTPU.layer, Reason::NotIp)),
    }
}
