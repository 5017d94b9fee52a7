//! From capture bytes to tables of SIP messages.
//!
//! ```text
//! container     files, compression, pcap and pcapng records        -> Packet
//! net           link, IP, fragments, UDP, TCP, SCTP, ICMP           -> net::Sink
//! tls           handshakes, and records opened with keys            -> tls::Found
//! sip           is it SIP, where does it end, what does it say      -> sip::Fields
//! observation   messages as capture points saw them, and their copies
//! tables        rows and columns (Arrow)
//! pipeline      the way through all of it, on several threads
//!
//! diameter, dns   what was asked beside SIP, read when somebody wants it (pipeline::companion)
//! media           RTP and RTCP by streams, read when somebody wants it (pipeline::media)
//! cycle           what pseudonyms are drawn from
//! ```
//!
//! Everything below the pipeline works on borrowed bytes and does no I/O of its own; captures are hostile, so nothing
//! here may panic, loop for ever or grow without a limit named in [`limits`]. `tests/all/directions.rs` holds which module
//! may use which.

pub mod container;
pub mod cycle;
pub mod diameter;
pub mod dns;
pub mod error;
pub mod framing;
pub mod hash;
mod inflate;
pub mod ipsec;
pub mod layer;
pub mod limits;
pub mod media;
pub mod net;
pub mod observation;
pub mod packet;
pub mod pipeline;
pub mod problem;
pub mod sigcomp;
pub mod sip;
pub mod tables;
pub mod tls;
