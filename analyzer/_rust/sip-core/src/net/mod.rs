//! From a packet to payloads: link layer, tunnels, IPsec in clear, IP, fragments, UDP, TCP, SCTP, ICMP.
//!
//! One [`Decoder`] holds the flow and fragment state of one capture point. It does no I/O: packets go in, calls on a
//! [`Sink`] come out, in the order of the packets.

mod carriage;
mod decoder;
mod esp;
mod exported_pdu;
mod fate;
mod fragment;
mod gre;
mod gtpu;
mod hep;
mod icmp;
mod inner;
mod ip;
mod link;
mod mpls;
mod overlay;
mod part;
mod ports;
mod ppp;
mod sctp;
mod table;
mod tcp;
mod udp;
mod wlan;

pub use carriage::Carriage;
pub use decoder::Decoder;
pub use fate::{Correction, Fate, Reason};
pub use link::{link_type_name, link_type_number};
pub use ports::service;

use std::net::IpAddr;

use crate::packet::Stamp;
use crate::problem::Problems;

/// Innermost transport protocol of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    Udp,
    Tcp,
    Sctp,
    /// On TCP, whose ports it has (RFC 6455).
    WebSocket,
    /// TLS, or WebSocket with or without it: HEP agents have one number for these.
    Secure,
}

impl Protocol {
    /// What carries it, as far as the packets show it.
    pub fn carrier(self) -> Self {
        if self == Protocol::WebSocket { Protocol::Tcp } else { self }
    }
}

/// Sender and receiver of a payload, innermost addresses, in the direction of travel. An IPv4-mapped IPv6 address stays IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    pub protocol: Protocol,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub src_port: u16,
    pub dst_port: u16,
}

/// A payload that came as one unit: a UDP datagram, an SCTP user message, a message that was exported.
#[derive(Debug, Clone, Copy)]
pub struct Unit<'a> {
    pub flow: Flow,
    pub bytes: &'a [u8],
    /// The earliest packet that carried a part of it; `offset` is that of the payload's first byte when it lies in this packet.
    pub first: Stamp,
    /// The packet that completed it (equal to `first` if one packet carried it all); offset as above.
    pub last: Stamp,
    /// What tells this packet from a second sending of the same bytes: IPv4 identification (0 = none), that of the IPv6
    /// fragment header (0 without one), TSN of the first SCTP chunk.
    pub ident: u32,
    /// Bytes the sender sent that are not here (snap length, a missing fragment); 0 = whole.
    pub missing: u32,
    pub carriage: &'a Carriage,
    /// Where it was not captured, but reported by an agent: then the times of the stamps are those that the agent states.
    pub report: Option<Report<'a>>,
}

/// What a HEP packet says of a payload beside its addresses and time.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub agent: Agent<'a>,
    pub correlation_id: Option<&'a [u8]>,
    /// When the packet that holds the report was captured itself.
    pub arrived: i64,
    /// The payload was compressed: its bytes do not lie in the file.
    pub inflated: bool,
}

/// Who reported: a capture point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent<'a> {
    Name(&'a [u8]),
    /// Capture id.
    Id(u32),
    /// Where it reported from, if it does not say who it is (version 1).
    Address(IpAddr),
}

/// One direction of a TCP connection, unique within a decoder for its life; never reused for another connection.
pub type StreamId = u64;

/// Consecutive bytes of one direction of a TCP connection: never repeated, never out of order.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    pub stream: StreamId,
    pub flow: Flow,
    /// TCP sequence number of `bytes[0]` as on the wire.
    pub seq: u32,
    pub bytes: &'a [u8],
    /// The packet that carried them; `offset` is that of `bytes[0]` in the file.
    pub at: Stamp,
    /// First bytes of a connection whose SYN was seen: they start a message if the stream is SIP.
    pub start: bool,
    /// Of the first bytes of a connection whose SYN was seen: so many before them were not captured.
    pub missing: u64,
    /// That of the packet at hand, which may deliver what others left waiting; `None` where none is at hand.
    pub carriage: Option<&'a Carriage>,
}

/// How a stream direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    Fin,
    Reset,
    /// Another connection took its place, or it was dropped to stay within a limit.
    Replaced,
    /// The capture ended.
    Capture,
}

/// What a unit or segment turned out to be; the decoder counts it in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Sip,
    /// CRLF or STUN keep-alive of a SIP flow.
    KeepAlive,
    /// Something else, by snake_case name where it can be told from its bytes, else "".
    Other(&'static str),
    /// What was found in it on the way has a fate already.
    Decided(Fate),
}

/// Evidence of a transport that failed: kept for the transactions that were open at the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// ICMP error (type, code) that quotes a packet of `flow`, which was not delivered: destination unreachable, time
    /// exceeded, parameter problem; ICMPv6 (the addresses are IPv6) also packet too big.
    IcmpUnreachable(u8, u8),
    /// TCP RST sent by `flow.dst` or `flow.src`.
    TcpReset,
    /// SCTP ABORT.
    SctpAbort,
}

/// Receives what a decoder finds, in packet order.
pub trait Sink: Problems {
    /// A datagram or SCTP user message.
    fn unit(&mut self, unit: Unit<'_>) -> Verdict;
    /// The next bytes of a TCP direction.
    fn segment(&mut self, segment: Segment<'_>) -> Verdict;
    /// `missing` bytes of this direction will never come; the next `segment` starts after them. `at` is the packet behind
    /// the gap. Only for streams that had a `segment`; before that `Segment::start` stays false.
    fn gap(&mut self, stream: StreamId, missing: u64, at: Stamp);
    /// No more bytes of this direction. Called once for every stream that had a `segment`.
    fn stream_end(&mut self, stream: StreamId, end: StreamEnd, at: Stamp);
    /// `flow` is in the direction of the packet that failed (ICMP: of the quoted packet; RST, ABORT: of the packet itself).
    fn failure(&mut self, flow: Flow, failure: Failure, at: Stamp);
    /// The packet `part` holds a fragment of what the packet `whole` completed: an IP datagram or an SCTP message. Said of
    /// each fragment, before what it is a part of is delivered.
    fn joined(&mut self, _whole: Stamp, _part: Stamp) {}
}
