//! What a decoder finds, and who receives it.

use std::net::IpAddr;

use super::disposition::StreamClass;
use super::encapsulation::Encapsulation;
use super::flow::Flow;
use crate::ipsec::Keyring;
use crate::packet::Stamp;
use crate::problem::Problems;

/// A payload that came as one unit: a UDP datagram, an SCTP user message, a message that was exported.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    pub flow: Flow,
    pub bytes: &'a [u8],
    /// The earliest packet that carried a part of it; `offset` is that of the payload's first byte when it lies in this packet.
    pub first: Stamp,
    /// The packet that completed it (equal to `first` if one packet carried it all); offset as above.
    pub last: Stamp,
    /// What tells this packet from a second sending of the same bytes: IPv4 identification (0 = none), that of the IPv6
    /// fragment header (0 without one), TSN of the first SCTP chunk.
    pub ident: u32,
    /// Differentiated services code point (RFC 2474 §3), where the capture has it.
    pub dscp: Option<u8>,
    /// Bytes the sender sent that are not here (snap length, a missing fragment); 0 = whole.
    pub missing: u32,
    pub encapsulation: &'a Encapsulation,
    /// Where it was not captured, but reported by an agent: then the times of the stamps are those that the agent states.
    pub report: Option<HepReport<'a>>,
}

/// What a HEP packet says of a payload beside its addresses and time.
#[derive(Debug, Clone, Copy)]
pub struct HepReport<'a> {
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
    pub encapsulation: Option<&'a Encapsulation>,
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

/// Evidence of a transport that failed: kept for the transactions that were open at the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// ICMP error (type, code) that quotes a packet of `flow`, which was not delivered: destination unreachable, time
    /// exceeded, parameter problem; ICMPv6 (the addresses are IPv6) also packet too big.
    IcmpUnreachable(u8, u8),
    /// TCP RST sent by `flow.dst` or `flow.src`.
    TcpReset,
    /// The SYN of `flow` was answered by RST (RFC 9293 §3.5.2), or by nothing, however often it was sent.
    TcpRefused,
    TcpUnanswered {
        syns: u32,
        /// From the first to the last of them (ns).
        lasted: i64,
    },
    /// A fatal alert in clear, sent by `flow.src` before the keys were agreed (RFC 8446 §6.2), by its number.
    TlsAlert(u8),
    /// SCTP ABORT.
    SctpAbort,
}

/// Receives what a decoder finds, in packet order.
pub trait Sink: Problems {
    /// A datagram or SCTP user message.
    fn datagram(&mut self, datagram: Datagram<'_>) -> StreamClass;
    /// The next bytes of a TCP direction.
    fn segment(&mut self, segment: Segment<'_>) -> StreamClass;
    /// `missing` bytes of this direction will never come; the next `segment` starts after them. `at` is the packet behind
    /// the gap. Only for streams that had a `segment`; before that `Segment::start` stays false.
    fn gap(&mut self, stream: StreamId, missing: u64, at: Stamp);
    /// No more bytes of this direction. Called once for every stream that had a `segment`.
    fn stream_end(&mut self, stream: StreamId, end: StreamEnd, at: Stamp);
    /// `flow` is in the direction of the packet that failed (ICMP: of the quoted packet; a SYN: of the SYN; RST, ABORT and
    /// alert: of the packet itself).
    fn failure(&mut self, flow: Flow, failure: Failure, at: Stamp);
    /// The packet `part` holds a fragment of what the packet `whole` completed: an IP datagram or an SCTP message. Said of
    /// each fragment, before what it is a part of is delivered.
    fn joined(&mut self, _whole: Stamp, _part: Stamp) {}
    /// A packet without payload that tells where the streams of a TCP connection begin, end, or have lost something.
    fn connection(&mut self, _flow: &Flow, _at: Stamp) {}
    /// Keys for what is encrypted.
    fn keyring(&self) -> Option<&Keyring> {
        None
    }
}
