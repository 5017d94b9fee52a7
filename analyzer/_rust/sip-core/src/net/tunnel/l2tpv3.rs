//! The layer two tunnelling protocol in its third version, whose ends agree on what stands before the frame.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be32};
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;
use crate::net::payload_guess;

pub(super) const L2TPV3: Tunnel = Tunnel {
    layer: Layer::new(&"l2tpv3"),
    about: "L2TP version 3 (RFC 3931) with Ethernet or IP, over IP and UDP: cookie and sublayer are found by what follows them.",
    keys: &[Key::IpProtocol(115, over_ip)],
};

/// Cookie of no, 4 or 8 bytes (RFC 3931 §4.1), and the default sublayer of 4 (§4.6) or none.
const BEFORE: [usize; 4] = [0, 4, 8, 12];

/// RFC 3931 §4.1.1.1: a session of 0 is control.
fn over_ip<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let (session, rest) = cursor.header::<4>().ok_or(cursor.short(L2TPV3.layer))?;
    if be32(*session) == 0 {
        return Err(Disposition::new(L2TPV3.layer, Reason::Signalling));
    }
    let next = payload(rest).ok_or(Disposition::new(Layer::IP, Reason::Protocol(115)))?;
    encapsulation.enter_over(ip, L2TPV3.layer);
    Ok(next.into())
}

/// §4.1.2.1: over UDP the version stands in front, where that of L2TPv2 does.
pub(super) fn over_udp<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let (&[flags, version, reserved @ ..], rest) = cursor.header::<4>()?;
    // A control message has a length and numbers (§3.2.1), where one of data has nothing.
    if (flags, version) == (0xC8, 3) {
        return Some(Err(Disposition::new(L2TPV3.layer, Reason::Signalling)));
    }
    if (flags, version, reserved) != (0, 3, [0, 0]) {
        return None;
    }
    let (_, rest) = rest.header::<4>()?;
    let next = payload(rest)?;
    encapsulation.enter_over(ip, L2TPV3.layer);
    Some(Ok(next.into()))
}

/// A frame or a packet, behind what nobody but the two ends knows the length of. A frame has to hold an IP packet whose
/// lengths are right: an ethertype alone is soon found anywhere.
fn payload(cursor: Cursor<'_>) -> Option<NextHeader<'_>> {
    let places = || BEFORE.iter().filter_map(|&before| cursor.skip(before));
    let frame = places().find_map(|place| {
        let frame = payload_guess::ethernet(place)?;
        let tagged = place.bytes.get(12..14).is_some_and(|kind| matches!(kind, [0x81, 0x00] | [0x88, 0xA8]));
        payload_guess::ip(place.skip(if tagged { 18 } else { 14 })?)?;
        Some(frame)
    });
    frame.or_else(|| places().find_map(payload_guess::ip))
}
