//! Link layers: from the bytes of a frame to the ethertype or IP header inside.

use super::carriage::Carriage;
use super::decoder::Step;
use super::fate::{Fate, Reason};
use super::ip::Ip;
use super::part::{Part, be16, be32};
use super::{mpls, wlan};
use crate::problem::Layer;

/// LINKTYPE_ numbers as in files (https://www.tcpdump.org/linktypes.html), and their names there.
macro_rules! link_types {
    ($($name:ident = $number:literal),+ $(,)?) => {
        pub(super) mod linktype {
            $(pub const $name: u16 = $number;)+
        }

        /// The name of a link type, without LINKTYPE_; that of 147 to 162 is USER0 to USER15.
        pub fn link_type_name(number: u16) -> Option<std::borrow::Cow<'static, str>> {
            Some(match number {
                $($number => stringify!($name).into(),)+
                // On disk RAW should be 101; these are the DLT_RAW of some platforms, written by old tools.
                12 | 14 => "RAW".into(),
                147..=162 => format!("USER{}", number - 147).into(),
                _ => return None,
            })
        }

        /// The number of a link type, by number or name.
        pub fn link_type_number(text: &str) -> Option<u16> {
            let user = || Some(147 + text.strip_prefix("USER")?.parse::<u16>().ok().filter(|&user| user < 16)?);
            match text {
                $(stringify!($name) => Some($number),)+
                _ => text.parse().ok().or_else(user),
            }
        }
    };
}

link_types! {
    NULL = 0, ETHERNET = 1, PPP = 9, PPP_HDLC = 50, PPP_ETHER = 51, ATM_RFC1483 = 100, RAW = 101, C_HDLC = 104,
    IEEE802_11 = 105, FRELAY = 107, LOOP = 108, ENC = 109, LINUX_SLL = 113, IEEE802_11_PRISM = 119,
    IEEE802_11_RADIOTAP = 127, IEEE802_11_AVS = 163, PPI = 192, ERF = 197, PPP_WITH_DIR = 204, MPLS = 219, IPNET = 226,
    IPV4 = 228, IPV6 = 229, NFLOG = 239, SCTP = 248, WIRESHARK_UPPER_PDU = 252, PKTAP = 258, LINUX_SLL2 = 276,
}

/// Reads the header of a link type.
pub(super) fn link<'a>(link: u16, part: Part<'a>, carriage: &mut Carriage) -> Result<Step<'a>, Fate> {
    match link {
        linktype::ETHERNET => ethernet(part),
        linktype::LINUX_SLL => linux_sll(part),
        linktype::LINUX_SLL2 => linux_sll2(part, carriage),
        linktype::RAW | 12 | 14 => raw(part),
        linktype::IPV4 => Ok(Step::Ipv4(part)),
        linktype::IPV6 => Ok(Step::Ipv6(part)),
        linktype::NULL | linktype::LOOP => loopback(part),
        linktype::PPP | linktype::PPP_HDLC => Ok(Step::Ppp(part)),
        linktype::PPP_WITH_DIR => behind(1, part).map(Step::Ppp),
        linktype::PPP_ETHER => Ok(Step::Ethertype(0x8864, part)),
        linktype::C_HDLC => c_hdlc(part),
        linktype::FRELAY => frame_relay(part),
        linktype::ATM_RFC1483 => Ok(Step::Llc(part)),
        linktype::MPLS => Ok(Step::Ethertype(0x8847, part)),
        linktype::IEEE802_11 => wlan::data_frame(part, false),
        linktype::IEEE802_11_RADIOTAP => wlan::radiotap(part),
        linktype::IEEE802_11_PRISM | linktype::IEEE802_11_AVS => wlan::length_at_4(part),
        linktype::PPI => ppi(part),
        linktype::PKTAP => pktap(part),
        // Address family, SPI, flags of OpenBSD's IPsec; Solaris's version, family, type, length, interfaces, zones.
        linktype::ENC => behind(12, part).and_then(raw),
        linktype::IPNET => behind(24, part).and_then(raw),
        linktype::ERF => erf(part),
        linktype::NFLOG => nflog(part),
        linktype::SCTP => Ok(Step::Protocol(132, Ip::UNKNOWN, part)),
        linktype::WIRESHARK_UPPER_PDU => Ok(Step::ExportedPdu(part)),
        other => Err(Fate::new(Layer::Link, Reason::LinkType(other))),
    }
}

/// What a user can do about a link type that is not decoded.
pub(super) fn what_to_do(link: u16) -> String {
    let name = link_type_name(link).unwrap_or_default();
    match link {
        147..=162 => format!(
            "what {name} ({link}) holds is not said in the file: name it with --link-type {name}=ETHERNET, or =RAW for IP"
        ),
        _ => format!(
            "LINKTYPE_ {link} is not decoded, its packets are counted; Wireshark may know it: \
             tshark -r FILE -U 'OSI layer 7' -Y sip -w sip.pcapng makes a file to read instead"
        ),
    }
}

/// Reads what an ethertype announces.
pub(super) fn ethertype<'a>(ethertype: u16, part: Part<'a>, carriage: &mut Carriage) -> Result<Step<'a>, Fate> {
    match ethertype {
        0x0800 => Ok(Step::Ipv4(part)),
        0x86DD => Ok(Step::Ipv6(part)),
        // 802.1Q and 802.1ad tags, and the two numbers QinQ used before it was a standard: any stack of them.
        0x8100 | 0x88A8 | 0x9100 | 0x9200 => vlan(part, carriage),
        0x8847 | 0x8848 => mpls::labels(part, carriage),
        // Transparent Ethernet bridging, in GRE and GENEVE; a provider backbone bridge's I-TAG (IEEE 802.1ah).
        0x6558 => Ok(Step::Link(linktype::ETHERNET, part)),
        0x88E7 => behind(4, part).map(|frame| Step::Link(linktype::ETHERNET, frame)),
        other => Err(Fate::new(Layer::Link, Reason::Ethertype(other))),
    }
}

/// What follows a header of this length.
fn behind(length: usize, part: Part<'_>) -> Result<Part<'_>, Fate> {
    part.skip(length).ok_or(part.short(Layer::Link))
}

/// An ethertype, or below 0x0600 the length of an IEEE 802.3 frame, which begins with LLC (IEEE 802.3 §3.2.6).
fn type_or_length(value: u16, part: Part<'_>) -> Step<'_> {
    if value < 0x0600 { Step::Llc(part) } else { Step::Ethertype(value, part) }
}

fn ethernet(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let Some((&[.., high, low], rest)) = part.header::<14>() else { return Err(part.short(Layer::Link)) };
    Ok(type_or_length(be16(high, low), rest))
}

fn vlan<'a>(part: Part<'a>, carriage: &mut Carriage) -> Result<Step<'a>, Fate> {
    let Some((&[c1, c0, high, low], rest)) = part.header::<4>() else { return Err(part.short(Layer::Link)) };
    carriage.tagged(be16(c1, c0));
    Ok(type_or_length(be16(high, low), rest))
}

/// LLC with SNAP (RFC 1042; OUI 00-00-F8 is 802.1H bridge encapsulation).
pub(super) fn llc(part: Part<'_>) -> Result<Step<'_>, Fate> {
    match part.header::<8>() {
        Some((&[0xAA, 0xAA, 0x03, 0x00, 0x00, 0x00 | 0xF8, high, low], rest)) => {
            Ok(Step::Ethertype(be16(high, low), rest))
        }
        Some(_) => Err(Fate::new(Layer::Link, Reason::Llc)),
        None if part.wire_len() >= 3 => Err(Fate::new(Layer::Link, Reason::Llc)),
        None => Err(part.short(Layer::Link)),
    }
}

fn linux_sll(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let Some((&[_, _, hw_high, hw_low, .., high, low], rest)) = part.header::<16>() else {
        return Err(part.short(Layer::Link));
    };
    cooked(be16(hw_high, hw_low), be16(high, low), rest)
}

fn linux_sll2<'a>(part: Part<'a>, carriage: &mut Carriage) -> Result<Step<'a>, Fate> {
    let Some((&[high, low, _, _, i3, i2, i1, i0, hw_high, hw_low, ..], rest)) = part.header::<20>() else {
        return Err(part.short(Layer::Link));
    };
    carriage.interface_index = Some(be32([i3, i2, i1, i0]));
    cooked(be16(hw_high, hw_low), be16(high, low), rest)
}

/// The protocol field of both cooked headers: an ethertype, 4 for an LLC frame; for ARPHRD_NETLINK a netlink family.
fn cooked(hardware: u16, protocol: u16, rest: Part<'_>) -> Result<Step<'_>, Fate> {
    const ARPHRD_NETLINK: u16 = 824;
    match (hardware, protocol) {
        (ARPHRD_NETLINK, _) => Err(Fate::new(Layer::Link, Reason::Netlink)),
        (_, 0x0004) => Ok(Step::Llc(rest)),
        (_, ethertype) => Ok(Step::Ethertype(ethertype, rest)),
    }
}

/// BSD loopback. NULL has the address family in the order of the capturing host, LOOP in network order; files carried
/// between hosts have either, and no family is valid in both orders.
fn loopback(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let Some((&family, rest)) = part.header::<4>() else { return Err(part.short(Layer::Link)) };
    let (big, little) = (u32::from_be_bytes(family), u32::from_le_bytes(family));
    match big.min(little) {
        2 => Ok(Step::Ipv4(rest)),
        // AF_INET6 of Linux, NetBSD/OpenBSD, FreeBSD, macOS.
        10 | 24 | 28 | 30 => Ok(Step::Ipv6(rest)),
        other => Err(Fate::new(Layer::Link, Reason::AddressFamily(other))),
    }
}

/// An IP packet whose first nibble says which.
fn raw(part: Part<'_>) -> Result<Step<'_>, Fate> {
    match part.bytes.first().map(|byte| byte >> 4) {
        Some(4) => Ok(Step::Ipv4(part)),
        Some(6) => Ok(Step::Ipv6(part)),
        Some(_) => Err(Fate::new(Layer::Ip, Reason::Malformed)),
        None => Err(part.short(Layer::Ip)),
    }
}

/// Cisco HDLC: address, control, ethertype.
fn c_hdlc(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let Some((&[_, _, high, low], rest)) = part.header::<4>() else { return Err(part.short(Layer::Link)) };
    Ok(Step::Ethertype(be16(high, low), rest))
}

/// Q.922 address (the last byte of it is odd), control, and an NLPID (RFC 2427) or SNAP behind a pad; or Cisco's
/// encapsulation, an ethertype behind the address.
fn frame_relay(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let short = part.short(Layer::Link);
    let address = part.bytes.iter().take(4).position(|byte| byte & 1 == 1).ok_or(short)? + 1;
    let rest = behind(address, part)?;
    match rest.header::<2>().ok_or(short)? {
        (&[0x03, 0xCC], packet) => Ok(Step::Ipv4(packet)),
        (&[0x03, 0x8E], packet) => Ok(Step::Ipv6(packet)),
        (&[0x03, 0x00], snap) => match snap.header::<6>().ok_or(short)? {
            (&[0x80, 0, 0, 0, high, low], packet) => Ok(Step::Ethertype(be16(high, low), packet)),
            _ => Err(Fate::new(Layer::Link, Reason::Llc)),
        },
        (&[0x03, _], _) => Err(Fate::new(Layer::Link, Reason::Llc)),
        (&[high, low], packet) => Ok(Step::Ethertype(be16(high, low), packet)),
    }
}

/// Per-packet information: version, flags, length, link type behind it, little-endian.
fn ppi(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let Some((&[_, _, n0, n1, l0, l1, _, _], _)) = part.header::<8>() else { return Err(part.short(Layer::Link)) };
    Ok(Step::Link(be16(l1, l0), behind(usize::from(be16(n1, n0)), part)?))
}

/// macOS: length, type of the next header, link type behind it, little-endian.
fn pktap(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let Some((&[n0, n1, _, _, _, _, _, _, l0, l1, _, _], _)) = part.header::<12>() else {
        return Err(part.short(Layer::Link));
    };
    Ok(Step::Link(be16(l1, l0), behind(usize::from(be16(n1, n0)), part)?))
}

/// Endace's extensible record format: 16 bytes, extension headers of 8 while the first bit of the type is set; an Ethernet
/// record begins with two bytes of padding.
fn erf(part: Part<'_>) -> Result<Step<'_>, Fate> {
    const EXTENDED: u8 = 0x80;
    let Some((header, mut rest)) = part.header::<16>() else { return Err(part.short(Layer::Link)) };
    let kind = header[8];
    let mut extended = kind & EXTENDED != 0;
    while extended {
        let Some((&[first, ..], next)) = rest.header::<8>() else { return Err(rest.short(Layer::Link)) };
        (extended, rest) = (first & EXTENDED != 0, next);
    }
    match kind & !EXTENDED {
        2 | 11 | 16 | 20 => behind(2, rest).map(|frame| Step::Link(linktype::ETHERNET, frame)),
        22 => Ok(Step::Ipv4(rest)),
        23 => Ok(Step::Ipv6(rest)),
        _ => Err(Fate::new(Layer::Link, Reason::LinkType(linktype::ERF))),
    }
}

/// Linux netfilter log: family, version, resource, then values with length and type in the order of the capturing host,
/// padded to 4 bytes; type 9 is the packet.
fn nflog(part: Part<'_>) -> Result<Step<'_>, Fate> {
    const PAYLOAD: u16 = 9;
    let short = part.short(Layer::Link);
    let (_, mut rest) = part.header::<4>().ok_or(short)?;
    loop {
        let (&[l0, l1, k0, k1], _) = rest.header::<4>().ok_or(short)?;
        // Types are small numbers: the order in which this one is.
        let little = be16(k1, k0) <= be16(k0, k1);
        let (length, kind) = if little { (be16(l1, l0), be16(k1, k0)) } else { (be16(l0, l1), be16(k0, k1)) };
        if length < 4 {
            return Err(Fate::new(Layer::Link, Reason::Malformed));
        }
        if kind == PAYLOAD {
            return behind(4, rest.limit(u32::from(length)).0).and_then(raw);
        }
        rest = behind(usize::from(length).next_multiple_of(4), rest)?;
    }
}
