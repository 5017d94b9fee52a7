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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::layer::Layer;
    use crate::net::Reason;

    fn flow(protocol: Protocol, source: (u8, u16), target: (u8, u16)) -> Flow {
        let address = |host| Ipv4Addr::new(192, 0, 2, host).into();
        Flow { protocol, src: address(source.0), dst: address(target.0), src_port: source.1, dst_port: target.1 }
    }

    fn media() -> Flow {
        flow(Protocol::Udp, (1, 40_000), (2, 40_002))
    }

    fn rtp(number: u16, source: u8) -> [u8; 12] {
        let [n1, n0] = number.to_be_bytes();
        [0x80, 0, n1, n0, 0, 0, 0, 160, 0, 0, 0, source]
    }

    fn names(numbers: impl IntoIterator<Item = u16>) -> Vec<&'static str> {
        let mut ground = Ground::default();
        numbers.into_iter().map(|number| ground.rtp(&rtp(number, 7), &media())).collect()
    }

    /// RFC 3550 A.1: a source is valid when packets with consecutive numbers were seen.
    #[test]
    fn a_source_of_rtp_is_three_consecutive_numbers() {
        assert_eq!(names([9, 10, 11, 12]), ["unknown", "unknown", "rtp", "rtp"]);
        // Round the end of the numbers; the same packet twice is one.
        assert_eq!(names([65_535, 0, 0, 1]), ["unknown", "unknown", "unknown", "rtp"]);
        // Once a source, lost and late packets do not matter.
        assert_eq!(names([1, 2, 3, 99, 4]), ["unknown", "unknown", "rtp", "rtp", "rtp"]);
        // What only looks like RTP has numbers that jump.
        assert_eq!(names([5, 900, 17, 18, 4]), ["unknown"; 5]);
    }

    #[test]
    fn sources_are_told_apart_by_ssrc_and_ports() {
        let mut ground = Ground::default();
        let other_way = flow(Protocol::Udp, (2, 40_002), (1, 40_000));
        for (number, source, flow) in [(1, 1, media()), (2, 2, media()), (3, 1, other_way), (2, 1, media())] {
            assert_eq!(ground.rtp(&rtp(number, source), &flow), "unknown");
        }
        assert_eq!(ground.rtp(&rtp(3, 1), &media()), "rtp");
        // Too short for an SSRC.
        assert_eq!(ground.rtp(&[0x80; 11], &media()), "unknown");
    }

    /// Until it is known, a port says better what it is.
    #[test]
    fn a_port_goes_before_the_marks_of_one_packet() {
        let mut ground = Ground::default();
        assert_eq!(ground.rtp(&rtp(1, 7), &flow(Protocol::Udp, (1, 40_000), (2, 500))), "ike");
        assert_eq!(ground.rtp(&rtp(1, 8), &flow(Protocol::Udp, (1, 40_000), (2, 47_808))), "bacnet");
        assert_eq!(ground.sigcomp(&flow(Protocol::Tcp, (1, 443), (2, 50_000)), true), "https");
    }

    /// The packets that came before are counted anew when their flow is known, those of other flows are not.
    #[test]
    fn packets_before_are_counted_with_those_that_name_them() {
        let mut ground = Ground::default();
        let disposition = |name| Disposition { layer: Layer::UDP, reason: Reason::NotSip(name) };
        let mut corrections = Vec::new();
        for (number, source) in [(1, 1), (1, 2), (2, 1), (3, 1), (4, 1)] {
            let name = ground.rtp(&rtp(number, source), &media());
            corrections.extend(ground.counted(disposition(name)));
        }
        let expected = Correction { from: disposition("unknown"), to: disposition("rtp"), packets: 2 };
        assert_eq!(corrections, [expected]);
        assert_eq!(ground.counted(disposition("unknown")), None);
    }

    fn ends(port: u16) -> (Flow, Flow) {
        let (here, there) = ((1, 40_000), (2, port));
        (flow(Protocol::Udp, here, there), flow(Protocol::Udp, there, here))
    }

    /// RFC 5049 §3: SigComp runs on the ports of SIP.
    #[test]
    fn sigcomp_is_expected_on_the_port_of_sip() {
        assert_eq!(Ground::default().sigcomp(&ends(5060).0, true), "sigcomp");
        assert_eq!(Ground::default().sigcomp(&ends(53).0, true), "dns");
    }

    #[test]
    fn sigcomp_elsewhere_is_datagrams_of_both_ends_and_nothing_else() {
        let (there, back) = ends(40_002);
        let mut ground = Ground::default();
        let told: Vec<_> = [there, back, there, back].iter().map(|flow| ground.sigcomp(flow, true)).collect();
        assert_eq!(told, ["unknown", "unknown", "sigcomp", "sigcomp"]);
        // One end alone.
        let mut ground = Ground::default();
        assert!((0..9).all(|_| ground.sigcomp(&there, true) == "unknown"));
        // Something else between them.
        let mut ground = Ground::default();
        ground.sigcomp(&there, true);
        ground.unknown(&back);
        assert!([back, there, back].iter().all(|flow| ground.sigcomp(flow, true) == "unknown"));
    }

    /// RFC 3320 §4.2.2: a stream of SigComp begins with it.
    #[test]
    fn a_stream_of_sigcomp_begins_with_it() {
        let there = flow(Protocol::Tcp, (1, 40_000), (2, 40_002));
        let back = flow(Protocol::Tcp, (2, 40_002), (1, 40_000));
        let mut ground = Ground::default();
        assert_eq!(ground.sigcomp(&there, false), "unknown");
        assert_eq!(ground.sigcomp(&back, false), "unknown");
        assert_eq!(ground.sigcomp(&there, true), "unknown");
        assert_eq!(ground.sigcomp(&back, true), "sigcomp");
        assert_eq!(ground.sigcomp(&there, false), "sigcomp");
    }

    /// However many flows there are, the memory is bounded.
    #[test]
    fn flows_are_forgotten() {
        let mut ground = Ground::default();
        for number in 0..=MAX_FLOWS as u32 {
            let bytes = [&[0x80, 0, 0, 1, 0, 0, 0, 0][..], &number.to_be_bytes()].concat();
            ground.rtp(&bytes, &media());
        }
        assert!(ground.sources.len() <= MAX_FLOWS);
    }
}
