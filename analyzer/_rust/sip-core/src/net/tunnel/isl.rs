//! Cisco's Inter-Switch Link: an Ethernet frame whole behind a header of its own, that looks like one of IEEE 802.3.

use super::entry::{Key, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::{Cursor, be16};
use crate::net::encapsulation::Encapsulation;
use crate::net::link_types::linktype;
use crate::net::next_header::NextHeader;

pub(super) const ISL: Tunnel = Tunnel {
    layer: Layer::new(&"isl"),
    about: "Cisco's Inter-Switch Link (ISL).",
    keys: &[Key::Within("Ethernet to 01:00:0c:00:00 or 03:00:0c:00:00")],
};

/// Destination (40 bits), type (4) and user (4), source (48), length (16), SNAP AA AA 03, upper half of the source (24), VLAN
/// (15) and BPDU, index (16), reserved (16); then the frame. Type 0 is Ethernet.
pub(in crate::net) fn isl<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Option<NextHeader<'a>> {
    let (&[0x01 | 0x03, 0x00, 0x0C, 0x00, 0x00, kind, .., s0, s1, s2, _, _, _, v1, v0, _, _, _, _], rest) =
        cursor.header::<26>()?
    else {
        return None;
    };
    if kind >> 4 != 0 || [s0, s1, s2] != [0xAA, 0xAA, 0x03] {
        return None;
    }
    encapsulation.enter(ISL.layer);
    encapsulation.tagged(be16(v1, v0) >> 1);
    Some(NextHeader::Link(linktype::ETHERNET, rest))
}
