//! What decompresses SIP in SigComp, and the streams of it.

use std::collections::VecDeque;

use sha1::{Digest, Sha1};

use crate::framing;
use crate::net::Segment;
use crate::packet::Stamp;
use crate::sigcomp::{self, Marking, Observer};

/// A segment of fewer bytes may be the beginning of a message and nothing more.
const SHORT: usize = 8;
/// Messages whose failure may still be reported by their receiver.
const RECENT: usize = 256;

/// The decompressor of a scan, and the messages that went through it last.
#[derive(Default)]
pub struct Compressed {
    pub observer: Option<Box<Observer>>,
    /// Their hashes (RFC 4077 §3.1) and packets.
    recent: VecDeque<([u8; 20], Stamp)>,
}

impl Compressed {
    pub fn keep(&mut self, message: &[u8], at: Stamp) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((Sha1::digest(message).into(), at));
    }

    /// The packet of the last message with this hash.
    pub fn packet(&self, hash: &[u8; 20]) -> Option<Stamp> {
        self.recent.iter().rev().find(|(its, _)| its == hash).map(|&(_, at)| at)
    }
}

/// A stream of compressed messages.
pub struct Records {
    pub framer: framing::Framer,
    /// The packets of what is held.
    pub packets: Vec<Stamp>,
    /// A message in it made sense.
    pub proven: bool,
}

impl Records {
    /// The first byte of a connection says that it is compressed (RFC 5049 §5). One whose beginning was not captured has to
    /// show a delimiter, too, or next to nothing.
    pub fn begin(segment: &Segment<'_>) -> Option<Self> {
        if !sigcomp::begins(segment.bytes) {
            return None;
        }
        let whole = segment.start && segment.missing == 0;
        let delimiter = || memchr::memmem::find(segment.bytes, &[0xFF, 0xFF]).is_some();
        (whole || segment.bytes.len() < SHORT || delimiter()).then(|| Records {
            framer: framing::Framer::new(true),
            packets: Vec::new(),
            proven: false,
        })
    }

    pub fn is_sip(&self) -> bool {
        self.proven
    }

    /// What has begun is lost.
    pub fn gap(&mut self) {
        self.framer.gap(&Marking, &mut |_| {});
    }
}
