//! How one layer names the next: each header read says which one follows.

use super::address::Ip;
use super::cursor::Cursor;

/// The next header of a packet, and the bytes it begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum NextHeader<'a> {
    /// Of a LINKTYPE_ number.
    Link(u16, Cursor<'a>),
    Llc(Cursor<'a>),
    Ethertype(u16, Cursor<'a>),
    Ipv4(Cursor<'a>),
    Ipv6(Cursor<'a>),
    /// Of an IP protocol number, which in IPv6 may be that of an extension header.
    Protocol(u8, Ip, Cursor<'a>),
    Ppp(Cursor<'a>),
    /// The frames of an 802.11 A-MSDU.
    Aggregate(Cursor<'a>),
    ExportedPdu(Cursor<'a>),
}

impl<'a> NextHeader<'a> {
    /// An ethertype, or below 0x0600 the length of an IEEE 802.3 frame, which begins with LLC (IEEE 802.3 §3.2.6).
    pub fn type_or_length(value: u16, cursor: Cursor<'a>) -> Self {
        if value < 0x0600 { NextHeader::Llc(cursor) } else { NextHeader::Ethertype(value, cursor) }
    }
}

/// The header behind that of a tunnel, and the length that the tunnel's stated where that is more than the packet had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inner<'a> {
    pub next: NextHeader<'a>,
    pub exceeds: Option<u32>,
}

impl<'a> From<NextHeader<'a>> for Inner<'a> {
    fn from(next: NextHeader<'a>) -> Self {
        Inner { next, exceeds: None }
    }
}
