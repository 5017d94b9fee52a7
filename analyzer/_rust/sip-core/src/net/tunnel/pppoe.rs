//! PPP over Ethernet.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::{Cursor, be16};
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::{Inner, NextHeader};

pub(super) const PPPOE: Tunnel = Tunnel {
    layer: Layer::new(&"pppoe"),
    about: "PPP over Ethernet (RFC 2516).",
    keys: &[Key::Ethertype(0x8864, pppoe)],
};

/// The session stage (RFC 2516 §4): version and type 1, code 0, session, length.
fn pppoe<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let Some((&[version, code, _, _, l1, l0], rest)) = cursor.header::<6>() else {
        return Err(cursor.short(PPPOE.layer));
    };
    if (version, code) != (0x11, 0) {
        return Err(Disposition::new(PPPOE.layer, Reason::Malformed));
    }
    let length = u32::from(be16(l1, l0));
    let (payload, exceeds) = rest.limit(length);
    encapsulation.enter(PPPOE.layer);
    Ok(Inner { next: NextHeader::Ppp(payload), exceeds: exceeds.then_some(length) })
}
