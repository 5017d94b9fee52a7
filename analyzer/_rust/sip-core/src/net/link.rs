//! Link layers: from the bytes of a frame to the ethertype or IP header inside.

use super::address::Ip;
use super::cursor::{Cursor, be16, be32};
use super::disposition::{Disposition, Reason};
use super::encapsulation::Encapsulation;
use super::link_types::linktype;
use super::next_header::NextHeader;
use super::{tunnel, wlan};
use crate::layer::Layer;

/// Reads the header of a link type.
pub(super) fn link<'a>(
    link: u16,
    cursor: Cursor<'a>,
    encapsulation: &mut Encapsulation,
) -> Result<NextHeader<'a>, Disposition> {
    match link {
        linktype::ETHERNET => tunnel::isl(cursor, encapsulation).map_or_else(|| ethernet(cursor), Ok),
        linktype::LINUX_SLL => linux_sll(cursor),
        linktype::LINUX_SLL2 => linux_sll2(cursor, encapsulation),
        linktype::RAW | 12 | 14 => raw(cursor),
        linktype::IPV4 => Ok(NextHeader::Ipv4(cursor)),
        linktype::IPV6 => Ok(NextHeader::Ipv6(cursor)),
        linktype::NULL | linktype::LOOP => loopback(cursor),
        linktype::PPP | linktype::PPP_HDLC => Ok(NextHeader::Ppp(cursor)),
        linktype::PPP_WITH_DIR => behind(1, cursor).map(NextHeader::Ppp),
        linktype::PPP_ETHER => Ok(NextHeader::Ethertype(0x8864, cursor)),
        linktype::C_HDLC => c_hdlc(cursor),
        linktype::FRELAY => frame_relay(cursor),
        linktype::ATM_RFC1483 => Ok(NextHeader::Llc(cursor)),
        linktype::MPLS => Ok(NextHeader::Ethertype(0x8847, cursor)),
        linktype::IEEE802_11 => wlan::data_frame(cursor, false),
        linktype::IEEE802_11_RADIOTAP => wlan::radiotap(cursor),
        linktype::IEEE802_11_PRISM | linktype::IEEE802_11_AVS => wlan::length_at_4(cursor),
        linktype::PPI => ppi(cursor),
        linktype::PKTAP => pktap(cursor),
        // Address family, SPI, flags of OpenBSD's IPsec; Solaris's version, family, type, length, interfaces, zones.
        linktype::ENC => behind(12, cursor).and_then(raw),
        linktype::IPNET => behind(24, cursor).and_then(raw),
        linktype::ERF => erf(cursor),
        linktype::NFLOG => nflog(cursor),
        linktype::SCTP => Ok(NextHeader::Protocol(132, Ip::UNKNOWN, cursor)),
        linktype::WIRESHARK_UPPER_PDU => Ok(NextHeader::ExportedPdu(cursor)),
        other => Err(Disposition::new(Layer::LINK, Reason::LinkType(other))),
    }
}

/// Reads what an ethertype announces, unless it is a tunnel's.
pub(super) fn ethertype<'a>(
    ethertype: u16,
    cursor: Cursor<'a>,
    encapsulation: &mut Encapsulation,
) -> Option<Result<NextHeader<'a>, Disposition>> {
    Some(match ethertype {
        0x0800 => Ok(NextHeader::Ipv4(cursor)),
        0x86DD => Ok(NextHeader::Ipv6(cursor)),
        // 802.1Q and 802.1ad tags, and the two numbers QinQ used before it was a standard: any stack of them.
        0x8100 | 0x88A8 | 0x9100 | 0x9200 => vlan(cursor, encapsulation),
        // Transparent Ethernet bridging, in GRE and GENEVE; a provider backbone bridge's I-TAG (IEEE 802.1ah).
        0x6558 => Ok(NextHeader::Link(linktype::ETHERNET, cursor)),
        0x88E7 => behind(4, cursor).map(|frame| NextHeader::Link(linktype::ETHERNET, frame)),
        _ => return None,
    })
}

/// What follows a header of this length.
fn behind(length: usize, cursor: Cursor<'_>) -> Result<Cursor<'_>, Disposition> {
    cursor.skip(length).ok_or(cursor.short(Layer::LINK))
}

fn ethernet(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    let Some((&[.., high, low], rest)) = cursor.header::<14>() else { return Err(cursor.short(Layer::LINK)) };
    Ok(NextHeader::type_or_length(be16(high, low), rest))
}

fn vlan<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Result<NextHeader<'a>, Disposition> {
    let Some((&[c1, c0, high, low], rest)) = cursor.header::<4>() else { return Err(cursor.short(Layer::LINK)) };
    encapsulation.tagged(be16(c1, c0));
    Ok(NextHeader::type_or_length(be16(high, low), rest))
}

/// LLC with SNAP (RFC 1042; OUI 00-00-F8 is 802.1H bridge encapsulation).
pub(super) fn llc(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    match cursor.header::<8>() {
        Some((&[0xAA, 0xAA, 0x03, 0x00, 0x00, 0x00 | 0xF8, high, low], rest)) => {
            Ok(NextHeader::Ethertype(be16(high, low), rest))
        }
        Some(_) => Err(Disposition::new(Layer::LINK, Reason::Llc)),
        None if cursor.wire_len() >= 3 => Err(Disposition::new(Layer::LINK, Reason::Llc)),
        None => Err(cursor.short(Layer::LINK)),
    }
}

fn linux_sll(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    let Some((&[_, _, hw_high, hw_low, .., high, low], rest)) = cursor.header::<16>() else {
        return Err(cursor.short(Layer::LINK));
    };
    cooked(be16(hw_high, hw_low), be16(high, low), rest)
}

fn linux_sll2<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Result<NextHeader<'a>, Disposition> {
    let Some((&[high, low, _, _, i3, i2, i1, i0, hw_high, hw_low, ..], rest)) = cursor.header::<20>() else {
        return Err(cursor.short(Layer::LINK));
    };
    encapsulation.interface_index = Some(be32([i3, i2, i1, i0]));
    cooked(be16(hw_high, hw_low), be16(high, low), rest)
}

/// The protocol field of both cooked headers: an ethertype, 4 for an LLC frame; for ARPHRD_NETLINK a netlink family.
fn cooked(hardware: u16, protocol: u16, rest: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    const ARPHRD_NETLINK: u16 = 824;
    match (hardware, protocol) {
        (ARPHRD_NETLINK, _) => Err(Disposition::new(Layer::LINK, Reason::Netlink)),
        (_, 0x0004) => Ok(NextHeader::Llc(rest)),
        (_, ethertype) => Ok(NextHeader::Ethertype(ethertype, rest)),
    }
}

/// BSD loopback. NULL has the address family in the order of the capturing host, LOOP in network order; files carried
/// between hosts have either, and no family is valid in both orders.
fn loopback(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    let Some((&family, rest)) = cursor.header::<4>() else { return Err(cursor.short(Layer::LINK)) };
    let (big, little) = (u32::from_be_bytes(family), u32::from_le_bytes(family));
    match big.min(little) {
        2 => Ok(NextHeader::Ipv4(rest)),
        // AF_INET6 of Linux, NetBSD/OpenBSD, FreeBSD, macOS.
        10 | 24 | 28 | 30 => Ok(NextHeader::Ipv6(rest)),
        other => Err(Disposition::new(Layer::LINK, Reason::AddressFamily(other))),
    }
}

/// An IP packet whose first nibble says which.
fn raw(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    match cursor.bytes.first().map(|byte| byte >> 4) {
        Some(4) => Ok(NextHeader::Ipv4(cursor)),
        Some(6) => Ok(NextHeader::Ipv6(cursor)),
        Some(_) => Err(Disposition::new(Layer::IP, Reason::Malformed)),
        None => Err(cursor.short(Layer::IP)),
    }
}

/// Cisco HDLC: address, control, ethertype.
fn c_hdlc(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    let Some((&[_, _, high, low], rest)) = cursor.header::<4>() else { return Err(cursor.short(Layer::LINK)) };
    Ok(NextHeader::Ethertype(be16(high, low), rest))
}

/// Q.922 address (the last byte of it is odd), control, and an NLPID (RFC 2427) or SNAP behind a pad; or Cisco's
/// encapsulation, an ethertype behind the address.
fn frame_relay(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    let short = cursor.short(Layer::LINK);
    let address = cursor.bytes.iter().take(4).position(|byte| byte & 1 == 1).ok_or(short)? + 1;
    let rest = behind(address, cursor)?;
    match rest.header::<2>().ok_or(short)? {
        (&[0x03, 0xCC], packet) => Ok(NextHeader::Ipv4(packet)),
        (&[0x03, 0x8E], packet) => Ok(NextHeader::Ipv6(packet)),
        (&[0x03, 0x00], snap) => match snap.header::<6>().ok_or(short)? {
            (&[0x80, 0, 0, 0, high, low], packet) => Ok(NextHeader::Ethertype(be16(high, low), packet)),
            _ => Err(Disposition::new(Layer::LINK, Reason::Llc)),
        },
        (&[0x03, _], _) => Err(Disposition::new(Layer::LINK, Reason::Llc)),
        (&[high, low], packet) => Ok(NextHeader::Ethertype(be16(high, low), packet)),
    }
}

/// Per-packet information: version, flags, length, link type behind it, little-endian.
fn ppi(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    let Some((&[_, _, n0, n1, l0, l1, _, _], _)) = cursor.header::<8>() else { return Err(cursor.short(Layer::LINK)) };
    Ok(NextHeader::Link(be16(l1, l0), behind(usize::from(be16(n1, n0)), cursor)?))
}

/// macOS: length, type of the next header, link type behind it, little-endian.
fn pktap(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    let Some((&[n0, n1, _, _, _, _, _, _, l0, l1, _, _], _)) = cursor.header::<12>() else {
        return Err(cursor.short(Layer::LINK));
    };
    Ok(NextHeader::Link(be16(l1, l0), behind(usize::from(be16(n1, n0)), cursor)?))
}

/// Endace's extensible record format: 16 bytes, extension headers of 8 while the first bit of the type is set; an Ethernet
/// record begins with two bytes of padding.
fn erf(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    const EXTENDED: u8 = 0x80;
    let Some((header, mut rest)) = cursor.header::<16>() else { return Err(cursor.short(Layer::LINK)) };
    let kind = header[8];
    let mut extended = kind & EXTENDED != 0;
    while extended {
        let Some((&[first, ..], next)) = rest.header::<8>() else { return Err(rest.short(Layer::LINK)) };
        (extended, rest) = (first & EXTENDED != 0, next);
    }
    match kind & !EXTENDED {
        2 | 11 | 16 | 20 => behind(2, rest).map(|frame| NextHeader::Link(linktype::ETHERNET, frame)),
        22 => Ok(NextHeader::Ipv4(rest)),
        23 => Ok(NextHeader::Ipv6(rest)),
        _ => Err(Disposition::new(Layer::LINK, Reason::LinkType(linktype::ERF))),
    }
}

/// Linux netfilter log: family, version, resource, then values with length and type in the order of the capturing host,
/// padded to 4 bytes; type 9 is the packet.
fn nflog(cursor: Cursor<'_>) -> Result<NextHeader<'_>, Disposition> {
    const PAYLOAD: u16 = 9;
    let short = cursor.short(Layer::LINK);
    let (_, mut rest) = cursor.header::<4>().ok_or(short)?;
    loop {
        let (&[l0, l1, k0, k1], _) = rest.header::<4>().ok_or(short)?;
        // Types are small numbers: the order in which this one is.
        let little = be16(k1, k0) <= be16(k0, k1);
        let (length, kind) = if little { (be16(l1, l0), be16(k1, k0)) } else { (be16(l0, l1), be16(k0, k1)) };
        if length < 4 {
            return Err(Disposition::new(Layer::LINK, Reason::Malformed));
        }
        if kind == PAYLOAD {
            return behind(4, rest.limit(u32::from(length)).0).and_then(raw);
        }
        rest = behind(usize::from(length).next_multiple_of(4), rest)?;
    }
}
