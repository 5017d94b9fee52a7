//! IP packets as they are in UDP: how scat sends what it reads out of a phone's baseband, and Teredo.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16};
use crate::net::encapsulation::Encapsulation;
use crate::net::payload_guess;

pub(in crate::net) const IP_IN_UDP: Tunnel = Tunnel {
    layer: Layer::new(&"ip_in_udp"),
    about: "IP packets without a header of their own, as scat sends those of a phone's baseband log; Teredo (RFC 4380).",
    keys: &[
        Key::UdpTo(47290, packet),
        Key::UdpPort(3544, teredo),
        Key::Within("UDP on any port by its length, header checksum and next header"),
    ],
};

/// The port is nobody's: the length has to be that of the payload, and the header sum of IPv4 right, if there is one: who
/// writes a packet anew may leave it out.
fn packet<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let fits = match *cursor.bytes {
        [0x45..=0x4F, _, _, _, _, _, _, _, _, _, 0, 0, ..] => is_whole(cursor),
        [0x45..=0x4F, ..] => is_whole(cursor) && is_summed(cursor),
        _ => is_whole(cursor),
    };
    fits.then(|| enter(cursor, ip, encapsulation)).flatten()
}

/// Nothing but the bytes say it, so more of them have to: the header sum of IPv4, a next header and its length in IPv6.
#[inline]
pub(in crate::net) fn bare_ip<'a>(
    cursor: Cursor<'a>,
    ip: &Ip,
    encapsulation: &mut Encapsulation,
) -> Option<Opened<'a>> {
    let fits = match *cursor.bytes {
        [0x45..=0x4F, ..] => is_whole(cursor) && is_summed(cursor),
        [0x60..=0x6F, _, _, _, l1, l0, next, ..] => {
            let inside = cursor.bytes.get(40..)?;
            is_whole(cursor)
                && match (next, inside) {
                    (17, &[_, _, _, _, u1, u0, ..]) => [u1, u0] == [l1, l0],
                    (6, &[_, _, _, _, _, _, _, _, _, _, _, _, offset, ..]) => offset >> 4 >= 5,
                    (50, &[_, _, _, _, _, _, _, _, ..]) => true,
                    _ => false,
                }
        }
        _ => false,
    };
    fits.then(|| enter(cursor, ip, encapsulation)).flatten()
}

fn enter<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let step = payload_guess::ip(cursor)?;
    encapsulation.enter_over(ip, IP_IN_UDP.layer);
    Some(Ok(step.into()))
}

/// Is the stated length that of the payload?
fn is_whole(cursor: Cursor<'_>) -> bool {
    match *cursor.bytes {
        [0x45..=0x4F, _, l1, l0, ..] => u64::from(be16(l1, l0)) == cursor.wire_len(),
        [0x60..=0x6F, _, _, _, l1, l0, ..] => u64::from(be16(l1, l0)) + 40 == cursor.wire_len(),
        _ => false,
    }
}

/// Is the checksum of the IPv4 header right?
fn is_summed(cursor: Cursor<'_>) -> bool {
    let length = cursor.bytes.first().map_or(0, |first| usize::from(first & 0x0F) * 4);
    cursor.bytes.get(..length).is_some_and(|header| sum(header) == 0xFFFF)
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
