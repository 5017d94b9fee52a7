//! Media as they were seen on the wire: RTP (RFC 3550) by streams, telephone events (RFC 4733), what RTCP reports, fax (T.38)
//! and messages (MSRP); SRTP in clear, where its keys are asked for.
//!
//! A stream decides that something is RTP, not a packet: three packets in a row with numbers close together. What is kept of a
//! stream does not grow with its length, but for its intervals and events.

mod amr;
mod burst;
mod came;
mod clock;
mod event;
mod evs;
mod interval;
mod jitter;
mod kept;
mod key;
mod msrp;
mod pace;
mod rtcp;
mod rtp;
mod seen;
mod sequence;
pub mod srtp;
mod stream;
mod streams;
mod tcp;
mod turn;
mod udptl;

pub use amr::Form;
pub use burst::Bursts;
pub use came::Carriage;
pub use event::Event;
pub use evs::Form as EvsForm;
pub use interval::Interval;
pub use kept::Payload;
pub use msrp::Session;
pub use rtcp::Reported;
pub use stream::Stream;
pub use streams::{EARLIER, Ended, Found, Received, Streams};
pub use tcp::Framing;
pub use turn::{Place, Relayed};
