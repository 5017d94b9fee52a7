//! VXLAN (RFC 7348; draft-ietf-nvo3-vxlan-gpe): Ethernet over UDP.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::Cursor;
use crate::net::encapsulation::Encapsulation;
use crate::net::link_types::linktype;
use crate::net::next_header::NextHeader;

pub(super) const VXLAN: Tunnel = Tunnel {
    layer: Layer::new(&"vxlan"),
    about: "VXLAN (RFC 7348), VXLAN-GPE.",
    keys: &[
        Key::UdpTo(4789, vxlan),
        // What Linux used before the registration, and still uses unless told otherwise.
        Key::UdpTo(8472, vxlan),
        Key::UdpTo(4790, vxlan),
    ],
};

/// The flag I must be set and the last byte zero; with the flag P a byte says what is inside, other bits belong to
/// extensions (group policy).
fn vxlan<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    const INSTANCE: u8 = 0x08;
    const PROTOCOL: u8 = 0x04;
    let (&[flags, _, _, next, _, _, _, reserved], rest) = cursor.header::<8>()?;
    if flags & INSTANCE == 0 || reserved != 0 {
        return None;
    }
    let step = match (flags & PROTOCOL, next) {
        (0, _) | (_, 3) => NextHeader::Link(linktype::ETHERNET, rest),
        (_, 1) => NextHeader::Ipv4(rest),
        (_, 2) => NextHeader::Ipv6(rest),
        (_, 4) => NextHeader::Ethertype(0x894F, rest),
        (_, 5) => NextHeader::Ethertype(0x8847, rest),
        _ => return None,
    };
    encapsulation.enter_over(ip, VXLAN.layer);
    Some(Ok(step.into()))
}
