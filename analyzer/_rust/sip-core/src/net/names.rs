//! Names of protocols that are not decoded, for the account of a capture.

/// IEEE ethertypes worth a name in the account of a capture.
pub(super) const fn ethertype(ethertype: u16) -> Option<&'static str> {
    Some(match ethertype {
        0x0806 => "arp",
        0x8035 => "rarp",
        0x8137 => "ipx",
        0x8808 => "flow_control",
        0x8809 => "slow_protocols",
        0x8863 => "pppoe_discovery",
        0x888E => "eapol",
        0x8892 => "profinet",
        0x88CC => "lldp",
        0x88E5 => "macsec",
        0x88F7 => "ptp",
        0x8902 => "cfm",
        0x894F => "nsh",
        0x9000 => "loopback",
        _ => return None,
    })
}

/// IANA protocol numbers worth a name in the account of a capture.
pub(super) const fn ip_protocol(protocol: u8) -> Option<&'static str> {
    Some(match protocol {
        2 => "igmp",
        46 => "rsvp",
        88 => "eigrp",
        89 => "ospf",
        103 => "pim",
        108 => "ipcomp",
        112 => "vrrp",
        115 => "l2tp",
        136 => "udplite",
        _ => return None,
    })
}

/// IANA PPP protocol numbers worth a name in the account of a capture.
pub(super) const fn ppp_protocol(protocol: u16) -> Option<&'static str> {
    Some(match protocol {
        0x002D | 0x002F => "vj_compressed",
        0x003D => "multilink",
        0x0053 => "encrypted",
        0x00FD => "compressed",
        0x8021 => "ipcp",
        0x8053 => "ecp",
        0x8057 => "ipv6cp",
        0x80FD => "ccp",
        0xC021 => "lcp",
        0xC023 => "pap",
        0xC025 => "lqr",
        0xC223 => "chap",
        _ => return None,
    })
}

/// The protocol types of Homer that have a name.
pub(super) const fn hep_type(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0x02 => "xmpp",
        0x03 => "sdp",
        0x04 => "rtp",
        0x05 => "rtcp",
        0x06 => "mgcp",
        0x07 => "megaco",
        0x08 => "m2ua",
        0x09 => "m3ua",
        0x0A => "iax",
        0x0B => "h322",
        0x0C => "h321",
        0x0D => "m2pa",
        0x22 => "mos_full_report",
        0x23 => "mos_short_report",
        0x32 => "sip_json",
        0x35 => "dns",
        0x36 => "isup",
        0x37 => "rtsp",
        0x38 => "diameter",
        0x39 => "gsm_map",
        0x3C => "cdr",
        0x64 => "log",
        _ => return None,
    })
}
