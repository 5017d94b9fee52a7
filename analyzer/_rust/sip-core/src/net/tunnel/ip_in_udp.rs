//! IP packets as they are in UDP: how scat sends what it reads out of a phone's baseband, and Teredo.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16};
use crate::net::encapsulation::Encapsulation;
use crate::net::payload_guess;

pub(super) const IP_IN_UDP: Tunnel = Tunnel {
    layer: Layer::new(&"ip_in_udp"),
    about: "IP packets without a header of their own, as scat sends those of a phone's baseband log; Teredo (RFC 4380).",
    keys: &[Key::UdpTo(47290, packet), Key::UdpPort(3544, teredo)],
};

/// The port is nobody's: the length has to be that of the payload, and the header sum of IPv4 right.
fn packet<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let fits = match *cursor.bytes {
        [first @ 0x45..=0x4F, _, l1, l0, ..] => {
            let header = cursor.bytes.get(..usize::from(first & 0x0F) * 4)?;
            u64::from(be16(l1, l0)) == cursor.wire_len() && sum(header) == 0xFFFF
        }
        [0x60..=0x6F, _, _, _, l1, l0, ..] => u64::from(be16(l1, l0)) + 40 == cursor.wire_len(),
        _ => false,
    };
    let step = payload_guess::ip(cursor).filter(|_| fits)?;
    encapsulation.enter_over(ip, IP_IN_UDP.layer);
    Some(Ok(step.into()))
}

/// The ones' complement sum (RFC 1071): all bits set for a header whose checksum is right.
fn sum(header: &[u8]) -> u32 {
    let (words, _) = header.as_chunks::<2>();
    let sum: u32 = words.iter().map(|&[high, low]| u32::from(be16(high, low))).sum();
    (sum & 0xFFFF) + (sum >> 16)
}

/// RFC 4380 §5.1.1: authentication (its lengths are those of identifier and value) and origin indication may stand before
/// the packet, which is IPv6.
fn teredo<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let mut rest = cursor;
    if let [0, 1, id, value, ..] = *rest.bytes {
        // Nonce and confirmation follow the value.
        rest = rest.skip(4 + usize::from(id) + usize::from(value) + 9)?;
    }
    if let [0, 0, ..] = *rest.bytes {
        rest = rest.skip(8)?;
    }
    match *rest.bytes {
        [0x60..=0x6F, ..] => packet(rest, ip, encapsulation),
        _ => None,
    }
}
