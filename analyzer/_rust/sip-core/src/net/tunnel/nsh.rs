//! The network service header of service function chains (RFC 8300).

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::Cursor;
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::link_types::linktype;
use crate::net::next_header::NextHeader;

pub(super) const NSH: Tunnel = Tunnel {
    layer: Layer::new(&"nsh"),
    about: "Network service header (RFC 8300).",
    keys: &[Key::Ethertype(0x894F, header)],
};

/// §2.2: version, time to live and length (in units of 4 bytes, the 4 of this header counted), metadata type, protocol.
fn header<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let short = cursor.short(NSH.layer);
    let (&[version, length, _, next], _) = cursor.header::<4>().ok_or(short)?;
    let length = usize::from(length & 0x3F) * 4;
    if version >> 6 != 0 || length < 8 {
        return Err(Disposition::new(NSH.layer, Reason::Malformed));
    }
    let rest = cursor.skip(length).ok_or(short)?;
    let step = match next {
        1 => NextHeader::Ipv4(rest),
        2 => NextHeader::Ipv6(rest),
        3 => NextHeader::Link(linktype::ETHERNET, rest),
        5 => NextHeader::Ethertype(0x8847, rest),
        _ => return Err(Disposition::new(Layer::LINK, Reason::Ethertype(0x894F))),
    };
    encapsulation.enter(NSH.layer);
    Ok(step.into())
}
