//! Cisco FabricPath: an Ethernet frame whole behind the switches' own addresses.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::Cursor;
use crate::net::encapsulation::Encapsulation;
use crate::net::link_types::linktype;
use crate::net::next_header::NextHeader;

pub(super) const FABRICPATH: Tunnel =
    Tunnel { layer: Layer::new(&"fabricpath"), about: "Cisco FabricPath.", keys: &[Key::Ethertype(0x8903, frame)] };

/// Forwarding tag (10 bits) and time to live (6 bits), then the frame.
fn frame<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let (_, rest) = cursor.header::<2>().ok_or(cursor.short(FABRICPATH.layer))?;
    encapsulation.enter(FABRICPATH.layer);
    Ok(NextHeader::Link(linktype::ETHERNET, rest).into())
}
