//! GENEVE (RFC 8926): any ethertype over UDP.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;

pub(super) const GENEVE: Tunnel = Tunnel {
    layer: Layer::new(&"geneve"),
    about: "GENEVE (RFC 8926) with options.",
    keys: &[Key::UdpTo(6081, geneve)],
};

fn geneve<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let (&[version, flags, p1, p0, _, _, _, reserved], rest) = cursor.header::<8>()?;
    if version >> 6 != 0 || flags & 0x3F != 0 || reserved != 0 {
        return None;
    }
    let options = usize::from(version & 0x3F) * 4;
    encapsulation.enter_over(ip, GENEVE.layer);
    let payload = rest.skip(options).ok_or(rest.short(GENEVE.layer));
    Some(payload.map(|payload| NextHeader::Ethertype(be16(p1, p0), payload).into()))
}
