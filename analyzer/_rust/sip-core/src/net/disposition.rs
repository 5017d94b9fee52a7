//! Where each packet went: exactly one [`Disposition`] for each, so that a ledger of dispositions adds up to the packets read.

use std::borrow::Cow;

use hashbrown::HashMap;

use super::names;
use crate::layer::Layer;

/// How a packet was handled: the layer that decided, and the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Disposition {
    pub layer: Layer,
    pub reason: Reason,
}

/// Why a packet ended where it did. The text of [`Reason::name`] is part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Bytes of SIP messages.
    Message,
    /// A keep-alive of a SIP flow (RFC 5626 §3.5).
    KeepAlive,
    /// A payload that is not SIP, with the name of its protocol if its content identifies it.
    NotSip(&'static str),
    /// No application data: SYN, ACK, a TCP keep-alive, SCTP control chunks, an empty datagram.
    NoPayload,
    /// Bytes that were already delivered: a retransmission, or the same packet captured twice.
    Repeated,
    /// TCP bytes waiting for earlier ones. Reclassified when they are delivered.
    HeldOutOfOrder,
    /// TCP bytes that arrived after the gap they belong to had been given up as lost.
    LateAfterGap,
    /// TCP bytes that precede the first captured byte of a connection already running.
    BeforeStart,
    /// A part of an SCTP user message, or of a HEP packet in a stream.
    MessagePart,
    /// An IP fragment waiting for others. Reclassified when the datagram is complete or given up.
    FragmentHeld,
    /// A fragment of a datagram that was never completed.
    FragmentIncomplete,
    /// A fragment that was already captured.
    FragmentRepeated,
    /// Overlapping IPv6 fragments: the datagram is discarded (RFC 5722).
    FragmentOverlap,
    /// An invalid fragment: its length is not a multiple of 8 bytes, or it lies beyond the end of its datagram.
    FragmentInvalid,
    /// An ICMP error; the packet that it quotes is evidence, not traffic.
    Error,
    /// ICMP that is not an error (echo, neighbour discovery; RFC 4443 §2.1).
    Informational,
    /// Control messages of the tunnel or radio: echo, control, beacons.
    Signalling,
    /// Neither an IP packet nor an Ethernet frame in a tunnel.
    NotIp,
    /// An encrypted payload; for ESP with its SPI, as long as the number of SPIs is small.
    Encrypted(Option<u32>),
    /// ESP captured before its SPI was known to be unencrypted.
    NotVerified,
    /// An agent's report that is not SIP, by HEP protocol type.
    HepType(u8),
    /// No decoder for this PPP protocol.
    PppProtocol(u16),
    /// A header truncated by the capture.
    Cut,
    /// The header violates its specification (length, version or reserved value).
    Malformed,
    /// More nested headers than `max_layers` allows.
    TooDeep,
    /// IPv6 next header 59.
    NoNextHeader,
    /// 802.2 LLC other than SNAP: spanning tree, IS-IS.
    Llc,
    /// LINUX_SLL of a netlink socket.
    Netlink,
    /// BSD loopback of another address family.
    AddressFamily(u32),
    /// No decoder for this LINKTYPE_ number.
    LinkType(u16),
    /// No decoder for this ethertype.
    Ethertype(u16),
    /// No decoder for this IP protocol.
    Protocol(u8),
}

impl Reason {
    /// The stable snake_case name.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Reason::Message => "message",
            Reason::KeepAlive => "keep_alive",
            Reason::NotSip("") => "not_sip",
            Reason::NotSip(name) => return Cow::Owned(format!("not_sip_{name}")),
            Reason::NoPayload => "no_payload",
            Reason::Repeated => "repeated",
            Reason::HeldOutOfOrder => "held_out_of_order",
            Reason::LateAfterGap => "late_after_gap",
            Reason::BeforeStart => "before_start",
            Reason::MessagePart => "message_part",
            Reason::FragmentHeld => "fragment_held",
            Reason::FragmentIncomplete => "fragment_incomplete",
            Reason::FragmentRepeated => "fragment_repeated",
            Reason::FragmentOverlap => "fragment_overlap",
            Reason::FragmentInvalid => "fragment_invalid",
            Reason::Error => "error",
            Reason::Informational => "informational",
            Reason::Signalling => "signalling",
            Reason::NotIp => "not_ip",
            Reason::Encrypted(None) => "encrypted",
            Reason::Encrypted(Some(spi)) => return Cow::Owned(format!("encrypted_spi_0x{spi:08x}")),
            Reason::NotVerified => "not_verified",
            Reason::HepType(kind) => match names::hep_type(kind) {
                Some(name) => return Cow::Owned(format!("hep_type_{name}")),
                None => return Cow::Owned(format!("hep_type_{kind}")),
            },
            Reason::PppProtocol(protocol) => match names::ppp_protocol(protocol) {
                Some(name) => return Cow::Owned(format!("ppp_protocol_{name}")),
                None => return Cow::Owned(format!("ppp_protocol_0x{protocol:04x}")),
            },
            Reason::Cut => "cut",
            Reason::Malformed => "malformed",
            Reason::TooDeep => "too_deep",
            Reason::NoNextHeader => "no_next_header",
            Reason::Llc => "llc",
            Reason::Netlink => "netlink",
            Reason::AddressFamily(family) => return Cow::Owned(format!("address_family_{family}")),
            Reason::LinkType(link) => return Cow::Owned(format!("unknown_link_type_{link}")),
            Reason::Ethertype(ethertype) => match names::ethertype(ethertype) {
                Some(name) => return Cow::Owned(format!("ethertype_{name}")),
                None => return Cow::Owned(format!("ethertype_0x{ethertype:04x}")),
            },
            Reason::Protocol(protocol) => match names::ip_protocol(protocol) {
                Some(name) => return Cow::Owned(format!("protocol_{protocol}_{name}")),
                None => return Cow::Owned(format!("protocol_{protocol}")),
            },
        })
    }
}

/// What a datagram or segment turned out to be; the decoder counts it in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamClass {
    Sip,
    /// CRLF or STUN keep-alive of a SIP flow.
    KeepAlive,
    /// Something else, by snake_case name where it can be told from its bytes, else "".
    Other(&'static str),
    /// What was found in it on the way has a disposition already.
    Decided(Disposition),
}

impl Disposition {
    pub(super) const fn new(layer: Layer, reason: Reason) -> Self {
        Disposition { layer, reason }
    }

    /// The disposition of a packet whose payload was handed to the sink, which said what it is.
    pub(super) const fn of(class: StreamClass, transport: Layer) -> Self {
        match class {
            StreamClass::Sip => Disposition::new(Layer::SIP, Reason::Message),
            StreamClass::KeepAlive => Disposition::new(Layer::SIP, Reason::KeepAlive),
            StreamClass::Other(name) => Disposition::new(transport, Reason::NotSip(name)),
            StreamClass::Decided(disposition) => disposition,
        }
    }

    /// Was the packet not decoded to its end, because a header is of a protocol that is not known, or cannot be read?
    pub(super) fn is_undecoded(self) -> bool {
        match self.reason {
            Reason::NotSip("unknown" | "scat" | "gsmtap") => self.layer == Layer::UDP,
            Reason::Ethertype(_)
            | Reason::Protocol(_)
            | Reason::PppProtocol(_)
            | Reason::LinkType(_)
            | Reason::AddressFamily(_)
            | Reason::Llc
            | Reason::NotIp
            | Reason::Malformed => true,
            _ => false,
        }
    }

    /// What such a packet is of, in words.
    pub(super) fn undecoded(self) -> String {
        match self.reason {
            Reason::Ethertype(ethertype) => format!("ethertype 0x{ethertype:04x}"),
            Reason::Protocol(protocol) => format!("IP protocol {protocol}"),
            Reason::PppProtocol(protocol) => format!("PPP protocol 0x{protocol:04x}"),
            Reason::LinkType(link) => format!("link type {link}"),
            Reason::AddressFamily(family) => format!("address family {family}"),
            Reason::Llc => "LLC without SNAP".to_owned(),
            Reason::NotSip(_) => "an unknown protocol over UDP".to_owned(),
            _ => format!("a damaged header ({})", self.layer.as_str()),
        }
    }

    /// The stable names of the layer and of the reason.
    pub fn names(self) -> (&'static str, Cow<'static, str>) {
        (self.layer.as_str(), self.reason.name())
    }
}

/// Packets that turned out to have another disposition than [`Decoder::packet`](super::Decoder::packet) said when they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    pub from: Disposition,
    pub to: Disposition,
    pub packets: u64,
}

/// The corrections so far, summed up: their number is bounded by the number of dispositions, not of packets.
#[derive(Debug, Default)]
pub(super) struct Corrections(HashMap<(Disposition, Disposition), u64>);

impl Corrections {
    pub fn add(&mut self, from: Disposition, to: Disposition, packets: u64) {
        if from != to && packets > 0 {
            *self.0.entry((from, to)).or_default() += packets;
        }
    }

    /// In an order in which no disposition is corrected below zero.
    pub fn take(&mut self) -> Vec<Correction> {
        let corrections = self.0.drain().map(|((from, to), packets)| Correction { from, to, packets });
        let mut corrections: Vec<Correction> = corrections.collect();
        // What leads to a disposition comes before what leads on from it: fragments, then the segments in them, then the rest.
        corrections.sort_by_key(|correction| match correction.from.reason {
            Reason::FragmentHeld => 0,
            Reason::HeldOutOfOrder => 1,
            _ => 2,
        });
        corrections
    }
}
