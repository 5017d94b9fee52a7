//! Transport, addresses and ports of a payload.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Innermost transport protocol of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    Udp,
    Tcp,
    Sctp,
    /// On TCP, whose ports it has (RFC 6455).
    WebSocket,
    /// On TCP.
    Tls,
    /// WebSocket in TLS.
    SecureWebSocket,
    /// TLS, or WebSocket with or without it: HEP agents have one number for these.
    Secure,
}

impl Protocol {
    /// As the tables say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
            Protocol::Sctp => "sctp",
            Protocol::WebSocket => "ws",
            Protocol::Tls | Protocol::Secure => "tls",
            Protocol::SecureWebSocket => "wss",
        }
    }

    /// What carries it, as far as the packets show it.
    pub fn carrier(self) -> Self {
        match self {
            Protocol::WebSocket | Protocol::Tls | Protocol::SecureWebSocket => Protocol::Tcp,
            other => other,
        }
    }
}

/// Sender and receiver of a payload, innermost addresses, in the direction of travel. An IPv4-mapped IPv6 address stays IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flow {
    pub protocol: Protocol,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub src_port: u16,
    pub dst_port: u16,
}

impl Flow {
    /// The direction of what is sent back.
    pub fn back(self) -> Self {
        let Flow { protocol, src, dst, src_port, dst_port } = self;
        Flow { protocol, src: dst, dst: src, src_port: dst_port, dst_port: src_port }
    }
}
