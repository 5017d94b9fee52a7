//! What a tunnel holds where its header does not say.

use super::cursor::{Cursor, be16};
use super::link_types::linktype;
use super::next_header::NextHeader;

/// An IP packet by its version and lengths: the first nibble alone may be that of a hardware address (RFC 4928 §3).
pub(super) fn ip(cursor: Cursor<'_>) -> Option<NextHeader<'_>> {
    match *cursor.bytes {
        [first @ 0x45..=0x4F, _, high, low, ..] => {
            let (total, header) = (u64::from(be16(high, low)), u64::from(first & 0x0F) * 4);
            (header..=cursor.wire_len()).contains(&total).then_some(NextHeader::Ipv4(cursor))
        }
        [0x60..=0x6F, _, _, _, high, low, ..] => {
            (u64::from(be16(high, low)) + 40 <= cursor.wire_len()).then_some(NextHeader::Ipv6(cursor))
        }
        _ => None,
    }
}

/// An Ethernet frame by an ethertype that fits what it announces.
pub(super) fn ethernet(cursor: Cursor<'_>) -> Option<NextHeader<'_>> {
    let &[high, low, first, ..] = cursor.bytes.get(12..)? else { return None };
    let known = match (be16(high, low), first >> 4) {
        (0x0800, version) => version == 4,
        (0x86DD, version) => version == 6,
        (0x8100 | 0x88A8 | 0x9100 | 0x9200 | 0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x0806 | 0x88CC, _) => true,
        // An IEEE 802.3 length, and LLC with SNAP behind it.
        (length, _) => length < 0x0600 && first == 0xAA,
    };
    known.then_some(NextHeader::Link(linktype::ETHERNET, cursor))
}
