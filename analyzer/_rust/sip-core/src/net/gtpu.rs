//! GTP-U version 1 (TS 29.281): the user plane of 4G and 5G between radio, serving and packet gateways.

use super::carriage::Carriage;
use super::decoder::Step;
use super::fate::{Fate, Reason};
use super::inner::{self, Inner};
use super::ip::Ip;
use super::part::{Part, be16, be32};
use crate::problem::Layer;

pub(super) const PORT: u16 = 2152;

/// Message types (TS 29.281 Table 6.1-1): echo, error indication, extension headers, tunnel status, end marker.
const SIGNALLING: [u8; 6] = [1, 2, 26, 31, 253, 254];
const G_PDU: u8 = 255;

/// Reads a GTP-U header; `None` where the datagram is something else on GTP-U's port.
pub(super) fn gtpu<'a>(part: Part<'a>, ip: &Ip, carriage: &mut Carriage) -> Option<Result<Inner<'a>, Fate>> {
    let (&[flags, kind, l1, l0, t3, t2, t1, t0], rest) = part.header::<8>()?;
    // Version 1 and protocol type GTP, not GTP' (§5.1).
    if flags & 0xF0 != 0x30 || (kind != G_PDU && !SIGNALLING.contains(&kind)) {
        return None;
    }
    let length = u32::from(be16(l1, l0));
    let (rest, exceeds) = rest.limit(length);
    let exceeds = exceeds.then_some(length);
    if kind != G_PDU {
        return Some(Err(Fate::new(Layer::Gtpu, Reason::Signalling)));
    }
    carriage.enter_over(ip, Layer::Gtpu);
    carriage.teid = Some(be32([t3, t2, t1, t0]));
    Some(optional(flags, rest).and_then(packet).map(|step| Inner { step, exceeds }))
}

/// Skips the four optional bytes, which are there as soon as one of the flags E, S, PN is set, and the extension
/// headers (§5.2.1: length in units of 4 bytes with itself and the type of the next, which is the last byte).
fn optional(flags: u8, part: Part<'_>) -> Result<Part<'_>, Fate> {
    const EXTENSION: u8 = 0x04;
    if flags & 0x07 == 0 {
        return Ok(part);
    }
    let (&[_, _, _, mut next], mut rest) = part.header::<4>().ok_or(part.short(Layer::Gtpu))?;
    while flags & EXTENSION != 0 && next != 0 {
        let length = rest.bytes.first().map_or(0, |&units| usize::from(units) * 4);
        let last = length.checked_sub(1).and_then(|last| rest.bytes.get(last));
        next = *last.ok_or(rest.short(Layer::Gtpu))?;
        rest = rest.skip(length).ok_or(rest.short(Layer::Gtpu))?;
    }
    Ok(rest)
}

/// An IP packet; a PDP context or session may also carry PPP (RFC 1662 address and control), or Ethernet.
fn packet(part: Part<'_>) -> Result<Step<'_>, Fate> {
    match *part.bytes {
        [] if part.missing == 0 => Err(Fate::new(Layer::Gtpu, Reason::NoPayload)),
        [] => Err(Fate::new(Layer::Gtpu, Reason::Cut)),
        [0xFF, 0x03, ..] => Ok(Step::Ppp(part)),
        // A length that lies, or that the capture cut, is the business of the IP header.
        [0x45..=0x4F, ..] => Ok(Step::Ipv4(part)),
        [0x60..=0x6F, ..] => Ok(Step::Ipv6(part)),
        _ => inner::ethernet(part).ok_or(Fate::new(Layer::Gtpu, Reason::NotIp)),
    }
}
