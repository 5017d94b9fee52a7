//! PPP (RFC 1661, RFC 1662), and what carries it: PPPoE (RFC 2516), L2TP (RFC 2661).

use super::carriage::Carriage;
use super::decoder::Step;
use super::fate::{Fate, Reason};
use super::inner::Inner;
use super::ip::Ip;
use super::part::{Part, be16};
use crate::problem::Layer;

pub(super) const L2TP_PORT: u16 = 1701;

/// Address and control field may be left out (RFC 1661 §6.6), and so may the high byte of the protocol (§6.5), where the
/// low one is odd.
pub(super) fn ppp(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let part = match part.header::<2>() {
        Some((&[0xFF, 0x03], rest)) => rest,
        _ => part,
    };
    let (protocol, rest) = match part.header::<1>() {
        Some((&[low], rest)) if low & 1 == 1 => (u16::from(low), rest),
        _ => match part.header::<2>() {
            Some((&[high, low], rest)) => (be16(high, low), rest),
            None => return Err(part.short(Layer::Ppp)),
        },
    };
    match protocol {
        0x0021 => Ok(Step::Ipv4(rest)),
        0x0057 => Ok(Step::Ipv6(rest)),
        0x0281 => Ok(Step::Ethertype(0x8847, rest)),
        0x0283 => Ok(Step::Ethertype(0x8848, rest)),
        other => Err(Fate::new(Layer::Ppp, Reason::PppProtocol(other))),
    }
}

/// The session stage (RFC 2516 §4): version and type 1, code 0, session, length.
pub(super) fn pppoe<'a>(part: Part<'a>, carriage: &mut Carriage) -> Result<Inner<'a>, Fate> {
    let Some((&[version, code, _, _, l1, l0], rest)) = part.header::<6>() else { return Err(part.short(Layer::Pppoe)) };
    if (version, code) != (0x11, 0) {
        return Err(Fate::new(Layer::Pppoe, Reason::Malformed));
    }
    let length = u32::from(be16(l1, l0));
    let (payload, exceeds) = rest.limit(length);
    carriage.enter(Layer::Pppoe);
    Ok(Inner { step: Step::Ppp(payload), exceeds: exceeds.then_some(length) })
}

/// Version 2 (RFC 2661 §3.1); `None` where the datagram is something else on L2TP's port.
pub(super) fn l2tp<'a>(part: Part<'a>, ip: &Ip, carriage: &mut Carriage) -> Option<Result<Inner<'a>, Fate>> {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    let (&[f1, f0], rest) = part.header::<2>()?;
    let flags = be16(f1, f0);
    // The bits that must be zero, and the version.
    if flags & 0x34FF != 0x0002 {
        return None;
    }
    if flags & CONTROL != 0 {
        return Some(Err(Fate::new(Layer::L2tp, Reason::Signalling)));
    }
    let (mut rest, mut exceeds) = (rest, None);
    if flags & LENGTH != 0 {
        let (&[l1, l0], after) = rest.header::<2>()?;
        // The length counts from the flags on.
        let length = u32::from(be16(l1, l0)).checked_sub(4)?;
        let (limited, lies) = after.limit(length);
        (rest, exceeds) = (limited, lies.then_some(length));
    }
    // Tunnel and session; Ns and Nr.
    rest = rest.skip(if flags & SEQUENCE != 0 { 8 } else { 4 })?;
    if flags & OFFSET != 0 {
        let (&[o1, o0], after) = rest.header::<2>()?;
        rest = after.skip(usize::from(be16(o1, o0)))?;
    }
    if rest.wire_len() == 0 {
        return Some(Err(Fate::new(Layer::L2tp, Reason::NoPayload)));
    }
    carriage.enter_over(ip, Layer::L2tp);
    Some(Ok(Inner { step: Step::Ppp(rest), exceeds }))
}
