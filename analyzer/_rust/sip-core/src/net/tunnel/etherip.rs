//! Ethernet in IP.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::Cursor;
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::link_types::linktype;
use crate::net::next_header::NextHeader;

pub(super) const ETHERIP: Tunnel = Tunnel {
    layer: Layer::new(&"etherip"),
    about: "Ethernet in IP (RFC 3378).",
    keys: &[Key::IpProtocol(97, etherip)],
};

/// EtherIP (RFC 3378): version 3, reserved bits zero.
fn etherip<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let Some((&header, rest)) = cursor.header::<2>() else { return Err(cursor.short(ETHERIP.layer)) };
    if header != [0x30, 0] {
        return Err(Disposition::new(ETHERIP.layer, Reason::Malformed));
    }
    encapsulation.enter_over(ip, ETHERIP.layer);
    Ok(NextHeader::Link(linktype::ETHERNET, rest).into())
}
