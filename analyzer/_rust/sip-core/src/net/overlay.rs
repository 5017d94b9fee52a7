//! Ethernet over UDP: VXLAN (RFC 7348; draft-ietf-nvo3-vxlan-gpe), GENEVE (RFC 8926), TZSP (packet streaming of MikroTik and others). Told by their
//! destination port, and by headers whose reserved bits are zero.

use super::carriage::Carriage;
use super::decoder::Step;
use super::fate::{Fate, Reason};
use super::ip::Ip;
use super::link::linktype;
use super::part::{Part, be16};
use crate::problem::Layer;

pub(super) const VXLAN_PORT: u16 = 4789;
/// What Linux used before the registration, and still uses unless told otherwise.
pub(super) const VXLAN_OLD_PORT: u16 = 8472;
pub(super) const VXLAN_GPE_PORT: u16 = 4790;
pub(super) const GENEVE_PORT: u16 = 6081;
pub(super) const TZSP_PORT: u16 = 37008;

/// The flag I must be set and the last byte zero; with the flag P a byte says what is inside, other bits belong to
/// extensions (group policy).
pub(super) fn vxlan<'a>(part: Part<'a>, ip: &Ip, carriage: &mut Carriage) -> Option<Result<Step<'a>, Fate>> {
    const INSTANCE: u8 = 0x08;
    const PROTOCOL: u8 = 0x04;
    let (&[flags, _, _, next, _, _, _, reserved], rest) = part.header::<8>()?;
    if flags & INSTANCE == 0 || reserved != 0 {
        return None;
    }
    let step = match (flags & PROTOCOL, next) {
        (0, _) | (_, 3) => Step::Link(linktype::ETHERNET, rest),
        (_, 1) => Step::Ipv4(rest),
        (_, 2) => Step::Ipv6(rest),
        (_, 5) => Step::Ethertype(0x8847, rest),
        _ => return None,
    };
    carriage.enter_over(ip, Layer::Vxlan);
    Some(Ok(step))
}

pub(super) fn geneve<'a>(part: Part<'a>, ip: &Ip, carriage: &mut Carriage) -> Option<Result<Step<'a>, Fate>> {
    let (&[version, flags, p1, p0, _, _, _, reserved], rest) = part.header::<8>()?;
    if version >> 6 != 0 || flags & 0x3F != 0 || reserved != 0 {
        return None;
    }
    let options = usize::from(version & 0x3F) * 4;
    carriage.enter_over(ip, Layer::Geneve);
    let payload = rest.skip(options).ok_or(rest.short(Layer::Geneve));
    Some(payload.map(|payload| Step::Ethertype(be16(p1, p0), payload)))
}

/// Version 1, type, encapsulation, then tags: 0 is padding, 1 the end, others have a length.
pub(super) fn tzsp<'a>(part: Part<'a>, ip: &Ip, carriage: &mut Carriage) -> Option<Result<Step<'a>, Fate>> {
    let (&[version, kind, p1, p0], mut rest) = part.header::<4>()?;
    let link = match be16(p1, p0) {
        1 => linktype::ETHERNET,
        18 => linktype::IEEE802_11,
        _ => return None,
    };
    if version != 1 || kind > 1 {
        return None;
    }
    carriage.enter_over(ip, Layer::Tzsp);
    loop {
        let Some((&[tag], after)) = rest.header::<1>() else { return Some(Err(rest.short(Layer::Tzsp))) };
        rest = match tag {
            0 => after,
            1 => return Some(Ok(Step::Link(link, after))),
            _ => {
                let Some((&[length], value)) = after.header::<1>() else { return Some(Err(after.short(Layer::Tzsp))) };
                let Some(next) = value.skip(usize::from(length)) else { return Some(Err(value.short(Layer::Tzsp))) };
                next
            }
        };
    }
}

/// EtherIP (RFC 3378): version 3, reserved bits zero.
pub(super) fn etherip<'a>(part: Part<'a>, ip: &Ip, carriage: &mut Carriage) -> Result<Step<'a>, Fate> {
    let Some((&header, rest)) = part.header::<2>() else { return Err(part.short(Layer::Etherip)) };
    if header != [0x30, 0] {
        return Err(Fate::new(Layer::Etherip, Reason::Malformed));
    }
    carriage.enter_over(ip, Layer::Etherip);
    Ok(Step::Link(linktype::ETHERNET, rest))
}
