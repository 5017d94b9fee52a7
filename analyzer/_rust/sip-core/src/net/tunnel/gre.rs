//! GRE (RFC 2784, RFC 2890, RFC 1701), its version 1 for PPTP (RFC 2637), and ERSPAN (draft-foschiano-erspan).

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16};
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::link_types::linktype;
use crate::net::next_header::NextHeader;

pub(super) const GRE: Tunnel = Tunnel {
    layer: Layer::new(&"gre"),
    about: "GRE (RFC 2784, RFC 2890), PPTP's (RFC 2637) too.",
    keys: &[Key::IpProtocol(47, gre)],
};

pub(super) const ERSPAN: Tunnel = Tunnel {
    layer: Layer::new(&"erspan"),
    about: "Ports mirrored over GRE: ERSPAN types I, II, III.",
    keys: &[Key::Within("GRE")],
};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// Version 1 only.
const ACKNOWLEDGEMENT: u16 = 0x0080;

const PPP: u16 = 0x880B;
const ERSPAN_II: u16 = 0x88BE;
const ERSPAN_III: u16 = 0x22EB;

fn gre<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let short = |cursor: Cursor<'_>| cursor.short(GRE.layer);
    let Some((&[f1, f0, p1, p0], mut rest)) = cursor.header::<4>() else { return Err(short(cursor)) };
    let (flags, protocol) = (be16(f1, f0), be16(p1, p0));
    encapsulation.enter_over(ip, GRE.layer);
    match flags & 0x0007 {
        0 => {
            // The checksum comes with two bytes that are an offset where there is routing.
            let words = [CHECKSUM | ROUTING, KEY, SEQUENCE].iter().filter(|&&flag| flags & flag != 0).count();
            rest = rest.skip(words * 4).ok_or(short(rest))?;
            if flags & ROUTING != 0 {
                rest = routing(rest)?;
            }
        }
        1 if protocol == PPP => {
            let words = 1 + [SEQUENCE, ACKNOWLEDGEMENT].iter().filter(|&&flag| flags & flag != 0).count();
            rest = rest.skip(words * 4).ok_or(short(rest))?;
        }
        _ => return Err(Disposition::new(GRE.layer, Reason::Malformed)),
    }
    if rest.wire_len() == 0 {
        return Err(Disposition::new(GRE.layer, Reason::NoPayload));
    }
    match protocol {
        PPP => Ok(NextHeader::Ppp(rest).into()),
        ERSPAN_II => erspan(if flags & SEQUENCE == 0 { 0 } else { 8 }, rest, encapsulation),
        ERSPAN_III => erspan(12, rest, encapsulation),
        ethertype => Ok(NextHeader::Ethertype(ethertype, rest).into()),
    }
}

/// Source route entries (RFC 1701): family, offset, length of each; a null entry ends them.
fn routing(mut cursor: Cursor<'_>) -> Result<Cursor<'_>, Disposition> {
    loop {
        let Some((&[a1, a0, _, length], rest)) = cursor.header::<4>() else { return Err(cursor.short(GRE.layer)) };
        if (a1, a0, length) == (0, 0, 0) {
            return Ok(rest);
        }
        cursor = rest.skip(usize::from(length)).ok_or(rest.short(GRE.layer))?;
    }
}

/// The mirrored frame behind an ERSPAN header of this length: none in type I, 8 bytes in II, 12 in III, where a bit says
/// that 8 bytes of the platform follow. Types II and III have the VLAN of the mirrored port in the header.
fn erspan<'a>(length: usize, cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let short = cursor.short(ERSPAN.layer);
    encapsulation.enter(ERSPAN.layer);
    let mut header = length;
    if length > 0 {
        let (&[v1, v0], _) = cursor.header::<2>().ok_or(short)?;
        encapsulation.tagged(be16(v1, v0));
    }
    if length == 12 {
        let (&[.., last], _) = cursor.header::<12>().ok_or(short)?;
        header += if last & 1 == 1 { 8 } else { 0 };
    }
    Ok(NextHeader::Link(linktype::ETHERNET, cursor.skip(header).ok_or(short)?).into())
}
