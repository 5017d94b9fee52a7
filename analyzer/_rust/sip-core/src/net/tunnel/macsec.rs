//! MACsec (IEEE 802.1AE) that signs and does not encrypt.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::{Cursor, be16};
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;

const ETHERTYPE: u16 = 0x88E5;

pub(super) const MACSEC: Tunnel = Tunnel {
    layer: Layer::new(&"macsec"),
    about: "MACsec (IEEE 802.1AE) that protects integrity alone: its payload is in clear.",
    keys: &[Key::Ethertype(ETHERTYPE, tag)],
};

/// §9.3: control information and association number, short length, packet number, secure channel identifier if one is
/// there; the user data begin with an ethertype, the integrity check value (16 bytes) ends them (§9.11).
fn tag<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    const VERSION: u8 = 0x80;
    const CHANNEL: u8 = 0x20;
    const ENCRYPTED: u8 = 0x08;
    const CHANGED: u8 = 0x04;
    const ICV: u64 = 16;
    let short = cursor.short(MACSEC.layer);
    let (&[control, short_length, p3, p2, p1, p0], rest) = cursor.header::<6>().ok_or(short)?;
    // Packets are numbered from 1 on (§10.6.1).
    if control & (VERSION | ENCRYPTED | CHANGED) != 0 || [p3, p2, p1, p0] == [0; 4] {
        return Err(Disposition::new(Layer::LINK, Reason::Ethertype(ETHERTYPE)));
    }
    let rest = if control & CHANNEL != 0 { rest.skip(8).ok_or(short)? } else { rest };
    let stated = match short_length & 0x3F {
        0 => rest.wire_len().saturating_sub(ICV),
        length => u64::from(length).min(rest.wire_len()),
    };
    let (data, _) = rest.limit(u32::try_from(stated).unwrap_or(u32::MAX));
    let (&[high, low], rest) = data.header::<2>().ok_or(short)?;
    encapsulation.enter(MACSEC.layer);
    Ok(NextHeader::type_or_length(be16(high, low), rest).into())
}
