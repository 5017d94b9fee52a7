//! VN-Tag (IEEE 802.1Qbh, never published; Cisco's adapters and SPAN ports): between the addresses and the ethertype.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::{Cursor, be16};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;

pub(super) const VNTAG: Tunnel = Tunnel {
    layer: Layer::new(&"vntag"),
    about: "VN-Tag of Cisco's fabric extenders and adapters.",
    keys: &[Key::Ethertype(0x8926, tag)],
};

/// Direction, pointer and destination interface (16 bits), looped, version and source interface (16 bits), ethertype.
fn tag<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let (&[_, _, _, _, high, low], rest) = cursor.header::<6>().ok_or(cursor.short(VNTAG.layer))?;
    encapsulation.enter(VNTAG.layer);
    Ok(NextHeader::type_or_length(be16(high, low), rest).into())
}
