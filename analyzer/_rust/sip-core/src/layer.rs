//! The layers of a packet: what the ledger, the problems and the encapsulation of a message call them.

/// A layer by its stable snake_case name. Those of tunnels stand beside their decoders (`net::tunnel`), the others here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layer(
    /// Twice a reference, for it is copied with every packet and half as large so.
    &'static &'static str,
);

impl Layer {
    pub const fn new(name: &'static &'static str) -> Self {
        Layer(name)
    }

    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

macro_rules! layers {
    ($($(#[doc = $about:literal])* $name:ident = $text:literal),+ $(,)?) => {
        impl Layer {
            $($(#[doc = $about])* pub const $name: Layer = Layer(&$text);)+
            /// Each layer that is no tunnel, and what is read of it.
            pub const ALL: &[(Layer, &str)] = &[$((Layer::$name, concat!($($about),*))),+];
        }
    };
}

layers! {
    /// Files: pcap, pcapng, compression.
    CONTAINER = "container",
    /// The link header of a packet, with 802.1Q, 802.1ad and QinQ tags, LLC and SNAP, provider backbone bridges (802.1ah).
    LINK = "link",
    /// IEEE 802.11 data frames that are not protected, A-MSDUs, behind radiotap, Prism or AVS headers.
    WLAN = "wlan",
    /// Messages that Wireshark exported, already put together.
    EXPORTED_PDU = "exported_pdu",
    /// Reports of HEP agents, versions 1, 2 and 3, over UDP and TCP, compressed too.
    HEP = "hep",
    /// IPv4 (RFC 791) and IPv6 (RFC 8200) with extension headers and fragments.
    IP = "ip",
    /// UDP (RFC 768).
    UDP = "udp",
    /// TCP (RFC 9293): out of order, repeated, overlapping, with holes, joined midway.
    TCP = "tcp",
    /// TLS 1.0 to 1.3 (RFC 8446, RFC 5246) on any port, where its keys are given or lie in the capture; else who it is.
    TLS = "tls",
    /// WebSocket (RFC 6455) with SIP (RFC 7118), masked or not, also joined midway.
    WEBSOCKET = "websocket",
    /// SCTP (RFC 9260): fragmented, bundled, unordered, interleaved (RFC 8260).
    SCTP = "sctp",
    /// ICMP and ICMPv6: what they quote tells which transport failed.
    ICMP = "icmp",
    /// SigComp (RFC 3320, RFC 4896) over UDP, TCP and SCTP: messages are decompressed by the bytecode that they bring, with the
    /// state that messages before them left at either end, and the dictionaries of RFC 3485 and RFC 5112.
    SIGCOMP = "sigcomp",
    /// SIP (RFC 3261), found by its content on any port.
    SIP = "sip",
    /// SDP (RFC 8866), also in multipart and compressed bodies.
    SDP = "sdp",
}
