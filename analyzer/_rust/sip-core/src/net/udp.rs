//! UDP (RFC 768).

use super::fate::{Fate, Reason};
use super::part::{Part, be16};
use crate::problem::Layer;

/// A datagram whose header was read. The checksum is not verified: offload leaves it wrong in honest captures.
pub(super) struct Datagram<'a> {
    pub src_port: u16,
    pub dst_port: u16,
    pub payload: Part<'a>,
    /// The length field claims this many bytes of payload, more than the packet had.
    pub exceeds: Option<u32>,
}

/// A length of 0 is a jumbogram (RFC 2675 §4) or offload: the datagram ends with the packet.
pub(super) fn datagram(part: Part<'_>) -> Result<Datagram<'_>, Fate> {
    let Some((&[s1, s0, d1, d0, l1, l0, _, _], rest)) = part.header::<8>() else { return Err(part.short(Layer::Udp)) };
    let (payload, exceeds) = match u32::from(be16(l1, l0)) {
        0 => (rest, None),
        length => {
            let length = length.checked_sub(8).ok_or(Fate::new(Layer::Udp, Reason::Malformed))?;
            let (payload, exceeds) = rest.limit(length);
            (payload, exceeds.then_some(length))
        }
    };
    Ok(Datagram { src_port: be16(s1, s0), dst_port: be16(d1, d0), payload, exceeds })
}
