//! GRE (RFC 2784, RFC 2890, RFC 1701), its version 1 for PPTP (RFC 2637), and ERSPAN (draft-foschiano-erspan).

use super::carriage::Carriage;
use super::decoder::Step;
use super::fate::{Fate, Reason};
use super::ip::Ip;
use super::link::linktype;
use super::part::{Part, be16};
use crate::problem::Layer;

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
/// Version 1 only.
const ACKNOWLEDGEMENT: u16 = 0x0080;

const PPP: u16 = 0x880B;
const ERSPAN_II: u16 = 0x88BE;
const ERSPAN_III: u16 = 0x22EB;

pub(super) fn gre<'a>(part: Part<'a>, ip: &Ip, carriage: &mut Carriage) -> Result<Step<'a>, Fate> {
    let short = |part: Part<'_>| part.short(Layer::Gre);
    let Some((&[f1, f0, p1, p0], mut rest)) = part.header::<4>() else { return Err(short(part)) };
    let (flags, protocol) = (be16(f1, f0), be16(p1, p0));
    carriage.enter_over(ip, Layer::Gre);
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
        _ => return Err(Fate::new(Layer::Gre, Reason::Malformed)),
    }
    if rest.wire_len() == 0 {
        return Err(Fate::new(Layer::Gre, Reason::NoPayload));
    }
    match protocol {
        PPP => Ok(Step::Ppp(rest)),
        ERSPAN_II => erspan(if flags & SEQUENCE == 0 { 0 } else { 8 }, rest, carriage),
        ERSPAN_III => erspan(12, rest, carriage),
        ethertype => Ok(Step::Ethertype(ethertype, rest)),
    }
}

/// Source route entries (RFC 1701): family, offset, length of each; a null entry ends them.
fn routing(mut part: Part<'_>) -> Result<Part<'_>, Fate> {
    loop {
        let Some((&[a1, a0, _, length], rest)) = part.header::<4>() else { return Err(part.short(Layer::Gre)) };
        if (a1, a0, length) == (0, 0, 0) {
            return Ok(rest);
        }
        part = rest.skip(usize::from(length)).ok_or(rest.short(Layer::Gre))?;
    }
}

/// The mirrored frame behind an ERSPAN header of this length: none in type I, 8 bytes in II, 12 in III, where a bit says
/// that 8 bytes of the platform follow. Types II and III have the VLAN of the mirrored port in the header.
fn erspan<'a>(length: usize, part: Part<'a>, carriage: &mut Carriage) -> Result<Step<'a>, Fate> {
    let short = part.short(Layer::Erspan);
    carriage.enter(Layer::Erspan);
    let mut header = length;
    if length > 0 {
        let (&[v1, v0], _) = part.header::<2>().ok_or(short)?;
        carriage.tagged(be16(v1, v0));
    }
    if length == 12 {
        let (&[.., last], _) = part.header::<12>().ok_or(short)?;
        header += if last & 1 == 1 { 8 } else { 0 };
    }
    Ok(Step::Link(linktype::ETHERNET, part.skip(header).ok_or(short)?))
}
