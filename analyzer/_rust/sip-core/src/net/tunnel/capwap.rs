//! CAPWAP data packets (RFC 5415): the frames of a WLAN between access point and controller.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::Cursor;
use crate::net::encapsulation::Encapsulation;
use crate::net::link_types::linktype;
use crate::net::next_header::NextHeader;
use crate::net::{payload_guess, wlan};

pub(super) const CAPWAP: Tunnel = Tunnel {
    layer: Layer::new(&"capwap"),
    about: "CAPWAP data (RFC 5415) with Ethernet or IEEE 802.11 frames, neither encrypted (DTLS) nor in fragments.",
    keys: &[Key::UdpPort(5247, data)],
};

/// §4.3: version and type (1: DTLS), length of the header in units of 4 bytes (5 bits), radio (5), binding (5), flags T (the
/// frame is as the binding has it), F (fragment), L, W, M, K (keep-alive), 3 reserved bits; fragment fields.
fn data<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    const NATIVE: u8 = 0x01;
    const FRAGMENT: u8 = 0x80;
    const KEEP_ALIVE: u8 = 0x08;
    const IEEE_802_11: u8 = 1;
    let (&[0, length, binding, flags, ..], _) = cursor.header::<8>()? else { return None };
    let (length, native) = (usize::from(length >> 3) * 4, binding & NATIVE != 0);
    if length < 8 || flags & (FRAGMENT | KEEP_ALIVE) != 0 {
        return None;
    }
    let rest = cursor.skip(length)?;
    let step = match (native, binding >> 1 & 0x1F) {
        (false, _) => Ok(payload_guess::ethernet(rest)?),
        (true, IEEE_802_11) => {
            wlan::swapped(rest).map_or(Ok(NextHeader::Link(linktype::IEEE802_11, rest)), |step| step)
        }
        _ => return None,
    };
    encapsulation.enter_over(ip, CAPWAP.layer);
    Some(step.map(Into::into))
}
