//! Well-known ports: what a payload probably is that its bytes do not tell.

use super::flow::{Flow, Protocol};

/// A name for the account of a capture; the receiver's port goes before the sender's.
pub fn service(flow: &Flow) -> Option<&'static str> {
    let name = if flow.protocol == Protocol::Sctp { over_sctp } else { over_udp_and_tcp };
    // TLS does not run over UDP (RFC 8446 §1); over DTLS the port would be the same, and the bytes say so.
    let of = |port| name(port).filter(|&name| name != "sips" || flow.protocol != Protocol::Udp);
    of(flow.dst_port).or_else(|| of(flow.src_port))
}

/// IANA's registry of ports, as far as networks that carry SIP show it.
const fn over_udp_and_tcp(port: u16) -> Option<&'static str> {
    Some(match port {
        20 | 21 => "ftp",
        22 => "ssh",
        23 => "telnet",
        25 | 465 | 587 => "smtp",
        49 => "tacacs",
        53 => "dns",
        67 | 68 => "dhcp",
        69 => "tftp",
        80 | 8080 => "http",
        88 => "kerberos",
        110 | 995 => "pop3",
        123 => "ntp",
        137..=139 => "netbios",
        143 | 993 => "imap",
        161 | 162 => "snmp",
        179 => "bgp",
        389 | 636 => "ldap",
        443 => "https",
        445 => "smb",
        500 | 4500 => "ike",
        514 | 6514 => "syslog",
        520 => "rip",
        546 | 547 => "dhcpv6",
        1433 => "mssql",
        1719 | 1720 => "h323",
        1521 => "oracle",
        1645 | 1646 | 1812 | 1813 => "radius",
        1900 => "ssdp",
        2000 => "sccp",
        2049 => "nfs",
        2055 | 9995 | 9996 => "netflow",
        2123 => "gtp_c",
        2427 | 2727 => "mgcp",
        2944 | 2945 => "h248",
        3306 => "mysql",
        3389 => "rdp",
        3478 | 5349 => "stun",
        3868 | 5868 => "diameter",
        4712 | 4713 => "synchrophasor",
        4729 => "gsmtap",
        4739 => "ipfix",
        5060 => "port_5060",
        5061 => "sips",
        5222 | 5269 => "xmpp",
        5353 => "mdns",
        5355 => "llmnr",
        5432 => "postgresql",
        6343 => "sflow",
        6379 => "redis",
        8805 => "pfcp",
        9042 => "cassandra",
        9060 => "hep",
        9092 => "kafka",
        47290 => "scat",
        47808 => "bacnet",
        _ => return None,
    })
}

const fn over_sctp(port: u16) -> Option<&'static str> {
    Some(match port {
        2904 => "m2ua",
        2905 => "m3ua",
        2944 | 2945 => "h248",
        3565 => "m2pa",
        3868 | 5868 => "diameter",
        9900 => "iua",
        14001 => "sua",
        29118 => "sgsap",
        36412 => "s1ap",
        36422 => "x2ap",
        38412 => "ngap",
        38422 => "xnap",
        38472 => "f1ap",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_receivers_port_goes_first_and_sctp_has_names_of_its_own() {
        let address = Ipv4Addr::LOCALHOST.into();
        let of =
            |protocol, src_port, dst_port| service(&Flow { protocol, src: address, dst: address, src_port, dst_port });
        assert_eq!(of(Protocol::Udp, 53, 123), Some("ntp"));
        assert_eq!(of(Protocol::Tcp, 179, 50_000), Some("bgp"));
        assert_eq!(of(Protocol::Sctp, 36412, 1), Some("s1ap"));
        assert_eq!(of(Protocol::Sctp, 53, 80), None);
    }
}
