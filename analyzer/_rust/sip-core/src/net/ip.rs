//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::Ip;
use super::cursor::{Cursor, be16, be32};
use super::disposition::{Disposition, Reason};
use crate::layer::Layer;

/// Place of a fragment in its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fragment {
    /// In bytes.
    pub offset: u32,
    /// Not the last one.
    pub more: bool,
}

impl Fragment {
    /// Reads the 13 bits of the offset (in units of 8 bytes) and the flag.
    fn new(offset: u16, more: bool) -> Option<Self> {
        (offset > 0 || more).then_some(Fragment { offset: u32::from(offset) * 8, more })
    }
}

/// An IP header that was read, and what it carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a> {
    pub ip: Ip,
    pub protocol: u8,
    pub fragment: Option<Fragment>,
    pub payload: Cursor<'a>,
    /// The header states this length of its payload, more than the wire had.
    pub exceeds: Option<u32>,
}

/// Lengths are trusted over the end of the frame (Ethernet pads to 60 bytes); a length of 0 is segmentation offload,
/// where the capture saw the packet before the interface filled it in.
pub(super) fn ipv4(cursor: Cursor<'_>) -> Result<Header<'_>, Disposition> {
    let malformed = Disposition::new(Layer::IP, Reason::Malformed);
    let Some((header, _)) = cursor.header::<20>() else { return Err(cursor.short(Layer::IP)) };
    let &[first, class, l1, l0, i1, i0, f1, f0, _, protocol, _, _, s3, s2, s1, s0, d3, d2, d1, d0] = header;
    let header_len = usize::from(first & 0x0F) * 4;
    if first >> 4 != 4 || header_len < 20 {
        return Err(malformed);
    }
    let rest = cursor.skip(header_len).ok_or(malformed)?;
    let (payload, exceeds) = match usize::from(be16(l1, l0)) {
        0 => (rest, None),
        total => {
            let length = total.checked_sub(header_len).ok_or(malformed)? as u32;
            let (payload, exceeds) = rest.limit(length);
            (payload, exceeds.then_some(length))
        }
    };
    let flags = be16(f1, f0);
    Ok(Header {
        ip: Ip {
            src: IpAddr::V4(Ipv4Addr::new(s3, s2, s1, s0)),
            dst: IpAddr::V4(Ipv4Addr::new(d3, d2, d1, d0)),
            ident: u32::from(be16(i1, i0)),
            dscp: Some(class >> 2),
        },
        protocol,
        fragment: Fragment::new(flags & 0x1FFF, flags & 0x2000 != 0),
        payload,
        exceeds,
    })
}

/// The fixed header; extension headers are protocols of their own in the walk. A payload length of 0 is a jumbogram
/// (RFC 2675) or segmentation offload: what was captured counts.
pub(super) fn ipv6(cursor: Cursor<'_>) -> Result<Header<'_>, Disposition> {
    let Some((header, rest)) = cursor.header::<40>() else { return Err(cursor.short(Layer::IP)) };
    let &[first, second, _, _, l1, l0, protocol, _, ref addresses @ ..] = header;
    if first >> 4 != 6 {
        return Err(Disposition::new(Layer::IP, Reason::Malformed));
    }
    let (payload, exceeds) = match u32::from(be16(l1, l0)) {
        0 => (rest, None),
        length => {
            let (payload, exceeds) = rest.limit(length);
            (payload, exceeds.then_some(length))
        }
    };
    let (src, dst) = addresses.split_at(16);
    let address = |bytes: &[u8]| bytes.first_chunk::<16>().map_or(Ipv6Addr::UNSPECIFIED, |b| Ipv6Addr::from(*b));
    // The traffic class lies across the first two bytes (RFC 8200 §3).
    let dscp = Some((first & 0x0F) << 2 | second >> 6);
    let ip = Ip { src: IpAddr::V6(address(src)), dst: IpAddr::V6(address(dst)), ident: 0, dscp };
    Ok(Header { ip, protocol, fragment: None, payload, exceeds })
}

/// An IPv6 extension header of the common form, skipped (RFC 6564 §4): next header, length in units of 8 bytes after
/// the first 8.
pub(super) fn extension(cursor: Cursor<'_>) -> Result<(u8, Cursor<'_>), Disposition> {
    let Some((&[next, length], _)) = cursor.header::<2>() else { return Err(cursor.short(Layer::IP)) };
    let rest = cursor.skip((usize::from(length) + 1) * 8).ok_or_else(|| cursor.short(Layer::IP))?;
    Ok((next, rest))
}

/// An authentication header: the payload behind it is in clear.
pub(super) struct Authentication<'a> {
    pub next: u8,
    pub spi: u32,
    pub payload: Cursor<'a>,
}

/// RFC 4302 §2.2: length in units of 4 bytes, minus 2, whatever the length of the integrity check value.
pub(super) fn authentication(cursor: Cursor<'_>) -> Option<Authentication<'_>> {
    let (&[next, length, _, _, s3, s2, s1, s0], _) = cursor.header::<8>()?;
    // Twelve bytes without a value: less cannot be.
    let header = (usize::from(length) + 2) * 4;
    let payload = cursor.skip(header).filter(|_| header >= 12)?;
    Some(Authentication { next, spi: be32([s3, s2, s1, s0]), payload })
}

/// What an IPv6 fragment header says (RFC 8200 §4.5).
pub(super) struct FragmentHeader<'a> {
    pub next: u8,
    pub ident: u32,
    /// `None` for an atomic fragment, which is a whole datagram (RFC 6946).
    pub fragment: Option<Fragment>,
    pub payload: Cursor<'a>,
}

pub(super) fn fragment_header(cursor: Cursor<'_>) -> Result<FragmentHeader<'_>, Disposition> {
    let Some((&[next, _, o1, o0, i3, i2, i1, i0], payload)) = cursor.header::<8>() else {
        return Err(cursor.short(Layer::IP));
    };
    let field = be16(o1, o0);
    let fragment = Fragment::new(field >> 3, field & 1 != 0);
    Ok(FragmentHeader { next, ident: be32([i3, i2, i1, i0]), fragment, payload })
}
