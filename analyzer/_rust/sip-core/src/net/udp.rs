//! UDP (RFC 768) and UDP-Lite (RFC 3828).

use super::cursor::{Cursor, be16};
use super::disposition::{Disposition, Reason};
use crate::layer::Layer;

/// A datagram whose header was read. The checksum is not verified: offload leaves it wrong in honest captures.
pub(super) struct Header<'a> {
    pub src_port: u16,
    pub dst_port: u16,
    pub payload: Cursor<'a>,
    /// The length field claims this many bytes of payload, more than the packet had.
    pub exceeds: Option<u32>,
}

/// A length of 0 is a jumbogram (RFC 2675 §4) or offload: the datagram ends with the packet.
pub(super) fn header(cursor: Cursor<'_>) -> Result<Header<'_>, Disposition> {
    let Some((&[s1, s0, d1, d0, l1, l0, _, _], rest)) = cursor.header::<8>() else {
        return Err(cursor.short(Layer::UDP));
    };
    let (payload, exceeds) = match u32::from(be16(l1, l0)) {
        0 => (rest, None),
        length => {
            let length = length.checked_sub(8).ok_or(Disposition::new(Layer::UDP, Reason::Malformed))?;
            let (payload, exceeds) = rest.limit(length);
            (payload, exceeds.then_some(length))
        }
    };
    Ok(Header { src_port: be16(s1, s0), dst_port: be16(d1, d0), payload, exceeds })
}

/// UDP-Lite: how much the checksum covers stands where UDP has its length (RFC 3828 §3.1); the payload ends with the packet.
pub(super) fn lite(cursor: Cursor<'_>) -> Result<Header<'_>, Disposition> {
    let Some((&[s1, s0, d1, d0, ..], payload)) = cursor.header::<8>() else {
        return Err(cursor.short(Layer::UDP));
    };
    Ok(Header { src_port: be16(s1, s0), dst_port: be16(d1, d0), payload, exceeds: None })
}
