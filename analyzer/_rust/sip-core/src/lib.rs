//! From capture bytes to tables of SIP messages.
//!
//! ```text
//! container   files, compression, pcap and pcapng records      -> Packet
//! net         link, IP, fragments, UDP, TCP, SCTP, ICMP         -> net::Sink
//! sip         is it SIP, where does it end, what does it say    -> sip::Fields
//! road        the way through the three, on several threads     -> tables (Arrow)
//!
//! diameter, dns   what was asked beside SIP, read when somebody wants it (road::beside)
//! ```
//!
//! Everything below the road works on borrowed bytes and does no I/O of its own; captures are hostile, so nothing here
//! may panic, loop for ever or grow without a limit named in [`limits`].

pub mod container;
pub mod diameter;
pub mod dns;
pub mod error;
pub mod framing;
pub mod hash;
mod inflate;
pub mod limits;
pub mod net;
pub mod packet;
pub mod problem;
pub mod road;
pub mod sip;
pub mod tables;
