//! TZSP: packet streaming of MikroTik and others, over UDP.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16};
use crate::net::encapsulation::Encapsulation;
use crate::net::link_types::linktype;
use crate::net::next_header::NextHeader;

pub(super) const TZSP: Tunnel = Tunnel {
    layer: Layer::new(&"tzsp"),
    about: "TaZmen sniffer protocol, as MikroTik streams packets.",
    keys: &[Key::UdpTo(37008, tzsp)],
};

/// Version 1, type, encapsulation, then tags: 0 is padding, 1 the end, others have a length.
fn tzsp<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let (&[version, kind, p1, p0], mut rest) = cursor.header::<4>()?;
    let link = match be16(p1, p0) {
        1 => linktype::ETHERNET,
        18 => linktype::IEEE802_11,
        _ => return None,
    };
    if version != 1 || kind > 1 {
        return None;
    }
    encapsulation.enter_over(ip, TZSP.layer);
    loop {
        let Some((&[tag], after)) = rest.header::<1>() else { return Some(Err(rest.short(TZSP.layer))) };
        rest = match tag {
            0 => after,
            1 => return Some(Ok(NextHeader::Link(link, after).into())),
            _ => {
                let Some((&[length], value)) = after.header::<1>() else { return Some(Err(after.short(TZSP.layer))) };
                let Some(next) = value.skip(usize::from(length)) else { return Some(Err(value.short(TZSP.layer))) };
                next
            }
        };
    }
}
