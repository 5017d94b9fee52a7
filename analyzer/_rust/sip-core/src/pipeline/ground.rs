//! Names that the marks of one payload do not bear. RTP is two bits and SigComp five, which random bytes have soon; what they
//! name is known by a flow: several packets, their numbers, both directions.

use std::net::IpAddr;

use hashbrown::HashMap;

use crate::hash::{self, Keyed};
use crate::net::{Correction, Disposition, Flow, Protocol, service};

/// Flows that are remembered; then all are forgotten.
const MAX_FLOWS: usize = 65_536;
/// Packets with consecutive numbers that make a source of RTP (RFC 3550 A.1 takes two; the marks of other protocols may count
/// so once).
const CONSECUTIVE: u8 = 3;
/// Datagrams in a row, from both ends, that make a flow of SigComp.
const IN_A_ROW: u8 = 3;

/// What is known of flows whose payloads have marks.
#[derive(Default)]
pub struct Ground {
    /// By a hash of SSRC and ports.
    sources: HashMap<u64, Source, Keyed>,
    compressed: HashMap<[(IpAddr, u16); 2], Compressed, Keyed>,
    noted: Option<Noted>,
}

/// A source of RTP, perhaps.
#[derive(Default)]
struct Source {
    number: u16,
    consecutive: u8,
    waiting: Waiting,
}

/// SigComp between two ends, perhaps.
#[derive(Default)]
struct Compressed {
    in_a_row: u8,
    /// Of the first and of the second end.
    from: [bool; 2],
    other: bool,
    waiting: Waiting,
}

/// Packets that were counted under another name, so far.
#[derive(Default)]
struct Waiting(Option<(Disposition, u64)>);

enum Noted {
    Source(u64),
    Compressed([(IpAddr, u16); 2]),
}

impl Ground {
    /// The name of a datagram that has the marks of RTP.
    pub fn rtp(&mut self, bytes: &[u8], flow: &Flow) -> &'static str {
        let &[_, _, n1, n0, _, _, _, _, s3, s2, s1, s0, ..] = bytes else { return otherwise(flow) };
        let number = u16::from_be_bytes([n1, n0]);
        let ports = u64::from(flow.src_port) << 16 | u64::from(flow.dst_port);
        let key = hash::pair(u64::from(u32::from_be_bytes([s3, s2, s1, s0])), ports);
        if self.sources.len() >= MAX_FLOWS {
            self.sources.clear();
        }
        let source = self.sources.entry(key).or_default();
        let step = number.wrapping_sub(source.number);
        source.number = number;
        if source.consecutive >= CONSECUTIVE {
            return "rtp";
        }
        source.consecutive = match (source.consecutive, step) {
            (0, _) => 1,
            // The same packet, captured twice.
            (so_far, 0) => so_far,
            (so_far, 1) => so_far + 1,
            _ => 1,
        };
        self.noted = Some(Noted::Source(key));
        if source.consecutive >= CONSECUTIVE { "rtp" } else { otherwise(flow) }
    }

    /// The name of a payload that has the marks of SigComp; of a stream those of its beginning alone count (RFC 3320 §4.2.2).
    pub fn sigcomp(&mut self, flow: &Flow, begins: bool) -> &'static str {
        match service(flow) {
            // SIP's own port, where SigComp is expected (RFC 5049 §3).
            Some("port_5060") if begins => return "sigcomp",
            Some(name) => return name,
            None => {}
        }
        let (key, end) = ends(flow);
        if self.compressed.len() >= MAX_FLOWS {
            self.compressed.clear();
        }
        let known = self.compressed.get(&key).is_some_and(Compressed::is_known);
        if known || !begins {
            return if known { "sigcomp" } else { otherwise(flow) };
        }
        let stream = flow.protocol == Protocol::Tcp;
        let found = self.compressed.entry(key).or_default();
        found.in_a_row = found.in_a_row.saturating_add(if stream { IN_A_ROW } else { 1 });
        if let Some(from) = found.from.get_mut(end) {
            *from = true;
        }
        let known = found.is_known();
        self.noted = Some(Noted::Compressed(key));
        if known { "sigcomp" } else { otherwise(flow) }
    }

    /// A payload that has no name by its bytes: a flow of SigComp has none.
    pub fn unknown(&mut self, flow: &Flow) {
        if !self.compressed.is_empty()
            && let Some(found) = self.compressed.get_mut(&ends(flow).0)
            && !found.is_known()
        {
            found.other = true;
        }
    }

    /// The packet at hand was counted so: those of its flow that came before it may have another name now.
    #[inline]
    pub fn counted(&mut self, disposition: Disposition) -> Option<Correction> {
        let noted = self.noted.take()?;
        self.settle(&noted, disposition)
    }

    fn settle(&mut self, noted: &Noted, disposition: Disposition) -> Option<Correction> {
        let (known, waiting) = match noted {
            Noted::Source(key) => {
                let source = self.sources.get_mut(key)?;
                (source.consecutive >= CONSECUTIVE, &mut source.waiting)
            }
            Noted::Compressed(key) => {
                let found = self.compressed.get_mut(key)?;
                (found.is_known(), &mut found.waiting)
            }
        };
        if known {
            let (from, packets) = waiting.0.take()?;
            let same_layer = from.layer == disposition.layer && from != disposition;
            return same_layer.then_some(Correction { from, to: disposition, packets });
        }
        waiting.0 = match waiting.0 {
            Some((before, packets)) if before == disposition => Some((before, packets + 1)),
            _ => Some((disposition, 1)),
        };
        None
    }
}

impl Compressed {
    fn is_known(&self) -> bool {
        !self.other && self.in_a_row >= IN_A_ROW && self.from == [true, true]
    }
}

/// The two ends in an order that is that of both directions, and which of them sent.
fn ends(flow: &Flow) -> ([(IpAddr, u16); 2], usize) {
    let (source, target) = ((flow.src, flow.src_port), (flow.dst, flow.dst_port));
    if source <= target { ([source, target], 0) } else { ([target, source], 1) }
}

/// What a port says.
fn otherwise(flow: &Flow) -> &'static str {
    service(flow).unwrap_or("unknown")
}
