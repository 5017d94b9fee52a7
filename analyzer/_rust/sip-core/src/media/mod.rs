//! Media as they were seen on the wire: RTP (RFC 3550) by streams, telephone events (RFC 4733), and what RTCP reports.
//!
//! A stream decides that something is RTP, not a packet: three packets in a row with numbers close together. What is kept of a
//! stream does not grow with its length, but for its intervals and events.

mod burst;
mod clock;
mod event;
mod interval;
mod jitter;
mod key;
mod rtcp;
mod rtp;
mod sequence;
mod stream;
mod streams;

pub use burst::Bursts;
pub use event::Event;
pub use interval::Interval;
pub use rtcp::Reported;
pub use stream::Stream;
pub use streams::{Ended, Streams};
