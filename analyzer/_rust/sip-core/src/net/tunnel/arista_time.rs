//! The time stamp that an Arista switch writes into the frames of a TAP port.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::{Cursor, be16};
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;

pub(super) const ARISTA_TIME: Tunnel = Tunnel {
    layer: Layer::new(&"arista_time"),
    about: "Time stamps of Arista's TAP ports, of 48 and 64 bits; the time of the packet stays that of the capture.",
    keys: &[Key::Ethertype(0xD28B, stamp)],
};

/// Subtype 1 is a time stamp; its version is the clock (TAI, UTC) and the size: 64 bits (4 bytes of seconds) or 48 (2 bytes),
/// with 4 bytes of nanoseconds each. The ethertype of the packet follows.
fn stamp<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    const TIME: u16 = 1;
    let short = cursor.short(ARISTA_TIME.layer);
    let (&[k1, k0, _, size], rest) = cursor.header::<4>().ok_or(short)?;
    let length = match (be16(k1, k0), size) {
        (TIME, 0x10) => 8,
        (TIME, 0x20) => 6,
        _ => return Err(Disposition::new(Layer::LINK, Reason::Ethertype(0xD28B))),
    };
    let (&[high, low], rest) = rest.skip(length).ok_or(short)?.header::<2>().ok_or(short)?;
    encapsulation.enter(ARISTA_TIME.layer);
    Ok(NextHeader::type_or_length(be16(high, low), rest).into())
}
