//! E-Tag (IEEE 802.1BR §7.5): between a port extender and its bridge.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::{Cursor, be16};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;

pub(super) const ETAG: Tunnel = Tunnel {
    layer: Layer::new(&"etag"),
    about: "E-Tag of port extenders (IEEE 802.1BR).",
    keys: &[Key::Ethertype(0x893F, tag)],
};

/// Priority and ingress channel (16 bits), group and channel (16 bits), their extensions (8 bits each), ethertype.
fn tag<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let (&[_, _, _, _, _, _, high, low], rest) = cursor.header::<8>().ok_or(cursor.short(ETAG.layer))?;
    encapsulation.enter(ETAG.layer);
    Ok(NextHeader::type_or_length(be16(high, low), rest).into())
}
