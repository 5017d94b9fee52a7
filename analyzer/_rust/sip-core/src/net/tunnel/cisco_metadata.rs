//! Cisco metadata: the security group tag of TrustSec.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::cursor::{Cursor, be16};
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;

pub(super) const CISCO_METADATA: Tunnel = Tunnel {
    layer: Layer::new(&"cisco_metadata"),
    about: "Cisco metadata: security group tags (SGT) of TrustSec.",
    keys: &[Key::Ethertype(0x8909, tag)],
};

/// Version 1, length of the options in units of 4 bytes, options, ethertype.
fn tag<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let short = cursor.short(CISCO_METADATA.layer);
    let (&[version, length], rest) = cursor.header::<2>().ok_or(short)?;
    if version != 1 || length == 0 {
        return Err(Disposition::new(CISCO_METADATA.layer, Reason::Malformed));
    }
    let (&[high, low], rest) = rest.skip(usize::from(length) * 4).ok_or(short)?.header::<2>().ok_or(short)?;
    encapsulation.enter(CISCO_METADATA.layer);
    Ok(NextHeader::type_or_length(be16(high, low), rest).into())
}
