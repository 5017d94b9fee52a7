//! Link layers: from the bytes of a frame to the ethertype or IP header inside.

use super::decoder::Step;
use super::fate::{Fate, Reason};
use super::part::{Part, be16};
use crate::problem::Layer;

/// LINKTYPE_ numbers as in files (https://www.tcpdump.org/linktypes.html).
mod linktype {
    pub const NULL: u16 = 0;
    pub const ETHERNET: u16 = 1;
    /// On disk RAW should be 101; 12 and 14 are the DLT_RAW of some platforms, written by old tools.
    pub const RAW_12: u16 = 12;
    pub const RAW_14: u16 = 14;
    pub const RAW: u16 = 101;
    pub const LOOP: u16 = 108;
    pub const LINUX_SLL: u16 = 113;
    pub const IPV4: u16 = 228;
    pub const IPV6: u16 = 229;
    pub const LINUX_SLL2: u16 = 276;
}

/// Reads the header of a link type.
pub(super) fn link(link: u16, part: Part<'_>) -> Result<Step<'_>, Fate> {
    match link {
        linktype::ETHERNET => ethernet(part),
        linktype::LINUX_SLL => linux_sll(part),
        linktype::LINUX_SLL2 => linux_sll2(part),
        linktype::RAW | linktype::RAW_12 | linktype::RAW_14 => raw(part),
        linktype::IPV4 => Ok(Step::Ipv4(part)),
        linktype::IPV6 => Ok(Step::Ipv6(part)),
        linktype::NULL | linktype::LOOP => loopback(part),
        other => Err(Fate::new(Layer::Link, Reason::LinkType(other))),
    }
}

/// Reads what an ethertype announces.
pub(super) fn ethertype(ethertype: u16, part: Part<'_>) -> Result<Step<'_>, Fate> {
    match ethertype {
        0x0800 => Ok(Step::Ipv4(part)),
        0x86DD => Ok(Step::Ipv6(part)),
        // 802.1Q and 802.1ad tags, and the two numbers QinQ used before it was a standard: any stack of them.
        0x8100 | 0x88A8 | 0x9100 | 0x9200 => vlan(part),
        other => Err(Fate::new(Layer::Link, Reason::Ethertype(other))),
    }
}

/// An ethertype, or below 0x0600 the length of an IEEE 802.3 frame, which begins with LLC (IEEE 802.3 §3.2.6).
fn type_or_length(value: u16, part: Part<'_>) -> Step<'_> {
    if value < 0x0600 { Step::Llc(part) } else { Step::Ethertype(value, part) }
}

fn ethernet(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let Some((&[.., high, low], rest)) = part.header::<14>() else { return Err(part.short(Layer::Link)) };
    Ok(type_or_length(be16(high, low), rest))
}

fn vlan(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let Some((&[_, _, high, low], rest)) = part.header::<4>() else { return Err(part.short(Layer::Link)) };
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

fn linux_sll2(part: Part<'_>) -> Result<Step<'_>, Fate> {
    let Some((&[high, low, _, _, _, _, _, _, hw_high, hw_low, ..], rest)) = part.header::<20>() else {
        return Err(part.short(Layer::Link));
    };
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
