//! Who sent an IP packet to whom.

use std::net::{IpAddr, Ipv4Addr};

/// What the layers above need to know of an IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ip {
    pub src: IpAddr,
    pub dst: IpAddr,
    /// IPv4 identification, or that of the IPv6 fragment header; 0 = none.
    pub ident: u32,
    /// Differentiated services code point (RFC 2474 §3); `None` where there is no IP header.
    pub dscp: Option<u8>,
}

impl Ip {
    /// For a capture that holds no IP header: both addresses are unspecified.
    pub const UNKNOWN: Ip =
        Ip { src: IpAddr::V4(Ipv4Addr::UNSPECIFIED), dst: IpAddr::V4(Ipv4Addr::UNSPECIFIED), ident: 0, dscp: None };
}
