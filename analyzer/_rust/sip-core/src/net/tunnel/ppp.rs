//! PPP (RFC 1661, RFC 1662): what PPPoE, L2TP, GRE and serial links carry.

use super::entry::{Key, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::{Cursor, be16};
use crate::net::disposition::{Disposition, Reason};
use crate::net::next_header::NextHeader;

pub(super) const PPP: Tunnel = Tunnel {
    layer: Layer::new(&"ppp"),
    about: "PPP (RFC 1661), also with HDLC framing.",
    keys: &[Key::Within("what carries PPP")],
};

/// Address and control field may be left out (RFC 1661 §6.6), and so may the high byte of the protocol (§6.5), where the
/// low one is odd.
pub(in crate::net) fn ppp(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    let cursor = match cursor.header::<2>() {
        Some((&[0xFF, 0x03], rest)) => rest,
        _ => cursor,
    };
    let (protocol, rest) = match cursor.header::<1>() {
        Some((&[low], rest)) if low & 1 == 1 => (u16::from(low), rest),
        _ => match cursor.header::<2>() {
            Some((&[high, low], rest)) => (be16(high, low), rest),
            None => return Err(cursor.short(PPP.layer)),
        },
    };
    match protocol {
        0x0021 => Ok(NextHeader::Ipv4(rest)),
        0x0057 => Ok(NextHeader::Ipv6(rest)),
        0x0281 => Ok(NextHeader::Ethertype(0x8847, rest)),
        0x0283 => Ok(NextHeader::Ethertype(0x8848, rest)),
        other => Err(Disposition::new(PPP.layer, Reason::PppProtocol(other))),
    }
}
