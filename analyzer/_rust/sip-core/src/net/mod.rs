//! From a packet to payloads: link layer, tunnels, IPsec in clear, IP, fragments, UDP, TCP, SCTP, ICMP.
//!
//! One [`Decoder`] holds the flow and fragment state of one capture point. It does no I/O: packets go in, calls on a
//! [`Sink`] come out, in the order of the packets.

mod address;
mod aged_map;
pub mod compose;
mod cursor;
mod decoder;
mod disposition;
mod encapsulation;
mod esp;
mod exported_pdu;
mod flow;
mod fragment;
mod hep;
mod icmp;
mod ip;
mod link;
mod link_types;
mod media;
mod names;
mod next_header;
mod origin;
mod payload_guess;
mod ports;
mod sctp;
mod sink;
mod tcp;
mod tunnel;
mod udp;
mod wlan;

pub use decoder::Decoder;
pub use disposition::{Correction, Disposition, Reason, StreamClass};
pub use encapsulation::Encapsulation;
pub use flow::{Flow, Protocol};
pub use link_types::{link_type_name, link_type_number};
pub use ports::service;
pub use sink::{Agent, Datagram, Failure, HepReport, Segment, Sink, StreamEnd, StreamId};
pub use tunnel::protocols;
