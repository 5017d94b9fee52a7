//! What RTCP reports of streams (RFC 3550 §6.4, RFC 3611 §4.7).

use std::collections::VecDeque;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::net::Flow;
use crate::packet::NO_TIME;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const EXTENDED_REPORT: u8 = 207;
const VOIP_METRICS: u8 = 7;
/// Not known (RFC 3611 §4.7.5).
const UNKNOWN: u8 = 127;
/// Sender reports that a receiver may still answer.
const SENDER_REPORTS: usize = 8;
/// Two of its units (ns).
const ROUNDED: i64 = 2 * 1_000_000_000 / 65_536;
/// Reporters and senders that are remembered.
const MAX_REPORTERS: usize = 65_536;

/// What one end reported of a stream that it received.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Reported {
    /// Of the reports: from the receiver of the stream to its sender.
    pub flow: Flow,
    pub point: u16,
    pub reporter: u32,
    pub source: u32,
    pub first: i64,
    pub last: i64,
    pub reports: u64,
    /// In 256ths.
    pub fraction_sum: u64,
    pub fraction_max: u8,
    /// As last stated; negative where packets came twice.
    pub cumulative: i32,
    /// In units of the clock.
    pub jitter_sum: u64,
    pub jitter_max: u32,
    /// From the place of the capture to the receiver and back (ns).
    pub round_trip_sum: i64,
    pub round_trips: u64,
    pub extended: Option<VoipMetrics>,
}

/// The newest VoIP metrics block.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct VoipMetrics {
    pub r_factor: Option<u8>,
    /// In tenths.
    pub mos_lq: Option<u8>,
    pub mos_cq: Option<u8>,
    /// ms
    pub end_system_delay: u16,
    /// In 256ths.
    pub discard_rate: u8,
}

/// What another reading goes on with.
pub type State = (Vec<(Key, u32, Reported)>, Vec<((u16, u32), VecDeque<(u32, i64)>)>);

fn is_over(it: &Reported, time: i64, idle: i64) -> bool {
    time != NO_TIME && it.last != NO_TIME && time.saturating_sub(it.last) >= idle
}

fn in_order(mut found: Vec<Reported>) -> Vec<Reported> {
    found.sort_by_key(|it| (it.first, it.source, it.reporter, it.flow.src_port, it.flow.dst_port, it.flow.src));
    found
}

/// Do the lengths of its packets add up (§A.2)? Those of SRTCP do not: what follows the first eight bytes is encrypted, and
/// an index and a tag are behind it (RFC 3711 §3.4).
fn is_whole(mut bytes: &[u8], missing: u32) -> bool {
    while let Some((&[first, kind, l1, l0], _)) = bytes.split_first_chunk::<4>() {
        let length = 4 + usize::from(u16::from_be_bytes([l1, l0])) * 4;
        if first >> 6 != 2 || !(192..=223).contains(&kind) || length > bytes.len() + missing as usize {
            return false;
        }
        bytes = bytes.get(length..).unwrap_or_default();
    }
    bytes.is_empty() || missing > 0
}

/// Reports by who sends them of whom.
#[derive(Debug)]
pub struct Reports {
    /// After so long without one (ns) others begin.
    idle: i64,
    found: HashMap<(Key, u32), Reported>,
    /// Those after which nothing was heard for long.
    ended: Vec<Reported>,
    /// The middle of the NTP time of sender reports, and when they passed (ns), newest last.
    sent: HashMap<(u16, u32), VecDeque<(u32, i64)>>,
}

impl Reports {
    pub fn new(idle: i64) -> Self {
        Self { idle, found: HashMap::new(), ended: Vec::new(), sent: HashMap::new() }
    }

    /// Takes a compound packet of which `missing` bytes at the end were not captured.
    pub fn take(&mut self, point: u16, flow: Flow, time: i64, mut bytes: &[u8], missing: u32) {
        if !is_whole(bytes, missing) {
            return;
        }
        while let Some((&[first, kind, l1, l0], _)) = bytes.split_first_chunk::<4>() {
            let length = 4 + usize::from(u16::from_be_bytes([l1, l0])) * 4;
            let (packet, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
            let count = usize::from(first & 0x1F);
            match kind {
                SENDER_REPORT => {
                    self.sender(point, time, packet);
                    self.blocks((point, flow, time), packet, 28, count);
                }
                RECEIVER_REPORT => self.blocks((point, flow, time), packet, 8, count),
                EXTENDED_REPORT => self.extended((point, flow, time), packet),
                _ => {}
            }
            bytes = rest;
        }
    }

    fn sender(&mut self, point: u16, time: i64, packet: &[u8]) {
        let (Some(source), Some(middle)) = (word(packet, 4), word(packet, 10)) else { return };
        if self.sent.len() >= MAX_REPORTERS {
            self.sent.clear();
        }
        let sent = self.sent.entry((point, source)).or_default();
        if sent.len() == SENDER_REPORTS {
            sent.pop_front();
        }
        sent.push_back((middle, time));
    }

    fn blocks(&mut self, at: (u16, Flow, i64), packet: &[u8], from: usize, count: usize) {
        let Some(reporter) = word(packet, 4) else { return };
        for number in 0..count {
            let Some(block) = packet.get(from + number * 24..from + (number + 1) * 24) else { return };
            let (Some(source), Some(loss), Some(jitter)) = (word(block, 0), word(block, 4), word(block, 12)) else {
                return;
            };
            let round_trip = self.round_trip(at.0, at.2, source, block);
            let Some(found) = self.reported(at, reporter, source) else { return };
            found.reports += 1;
            found.fraction_sum += u64::from(loss >> 24);
            found.fraction_max = found.fraction_max.max((loss >> 24) as u8);
            // 24 bits with a sign (§6.4.1).
            found.cumulative = ((loss << 8) as i32) >> 8;
            found.jitter_sum += u64::from(jitter);
            found.jitter_max = found.jitter_max.max(jitter);
            if let Some(round_trip) = round_trip {
                found.round_trip_sum += round_trip;
                found.round_trips += 1;
            }
        }
    }

    /// Since the sender report passed here that the receiver names, without the time that it kept it (LSR, DLSR).
    fn round_trip(&self, point: u16, time: i64, source: u32, block: &[u8]) -> Option<i64> {
        let (middle, kept) = (word(block, 16)?, word(block, 20)?);
        let sent = self.sent.get(&(point, source))?;
        let &(_, passed) = sent.iter().rev().find(|(stated, _)| *stated == middle && middle != 0)?;
        let kept = i64::from(kept) * 1_000_000_000 / 65_536;
        let found = time.checked_sub(passed)?.checked_sub(kept)?;
        // Neither against time nor longer than anybody waits; where the receiver is, its units of 1/65536 s round.
        (-ROUNDED..60_000_000_000).contains(&found).then_some(found.max(0))
    }

    fn extended(&mut self, at: (u16, Flow, i64), packet: &[u8]) {
        let (Some(reporter), Some(mut blocks)) = (word(packet, 4), packet.get(8..)) else { return };
        while let Some((&[kind, _, l1, l0], _)) = blocks.split_first_chunk::<4>() {
            let length = 4 + usize::from(u16::from_be_bytes([l1, l0])) * 4;
            let (block, rest) = blocks.split_at_checked(length).unwrap_or((blocks, &[]));
            if kind == VOIP_METRICS
                && let (Some(source), Some(metrics)) = (word(block, 4), VoipMetrics::read(block))
                && let Some(found) = self.reported(at, reporter, source)
            {
                found.extended = Some(metrics);
            }
            blocks = rest;
        }
    }

    fn reported(&mut self, (point, flow, time): (u16, Flow, i64), reporter: u32, source: u32) -> Option<&mut Reported> {
        let key = (Key { point, flow, source }, reporter);
        if self.found.len() >= MAX_REPORTERS && !self.found.contains_key(&key) {
            return None;
        }
        if let Entry::Occupied(known) = self.found.entry(key) {
            let first = known.get().first;
            if time != NO_TIME && time < first.saturating_sub(self.idle) {
                // A copy of what was reported of a stream before this one.
                return None;
            }
            if is_over(known.get(), time, self.idle) {
                self.ended.push(known.remove());
            }
        }
        let found = self.found.entry(key).or_insert(Reported {
            flow,
            point,
            reporter,
            source,
            first: time,
            last: time,
            reports: 0,
            fraction_sum: 0,
            fraction_max: 0,
            cumulative: 0,
            jitter_sum: 0,
            jitter_max: 0,
            round_trip_sum: 0,
            round_trips: 0,
            extended: None,
        });
        found.last = time;
        Some(found)
    }

    /// What was silent for `idle` ns at that time is over.
    pub fn settle(&mut self, time: i64, idle: i64) {
        self.ended.extend(self.found.extract_if(|_, it| is_over(it, time, idle)).map(|(_, it)| it));
        self.sent.retain(|_, sent| sent.back().is_some_and(|&(_, passed)| time.saturating_sub(passed) < idle));
    }

    /// Those that are over, which are forgotten.
    pub fn take_ended(&mut self) -> Vec<Reported> {
        in_order(std::mem::take(&mut self.ended))
    }

    /// Those that go on.
    pub fn open(&self) -> Vec<Reported> {
        in_order(self.found.values().copied().collect())
    }

    pub fn finish(mut self) -> Vec<Reported> {
        self.ended.extend(self.found.into_values());
        in_order(self.ended)
    }

    pub fn state(&self) -> State {
        let found = self.found.iter().map(|(&(key, reporter), &it)| (key, reporter, it)).collect();
        (found, self.sent.iter().map(|(&who, sent)| (who, sent.clone())).collect())
    }

    pub fn restore(&mut self, (found, sent): State) {
        self.found = found.into_iter().map(|(key, reporter, it)| ((key, reporter), it)).collect();
        self.sent = sent.into_iter().collect();
    }
}

impl VoipMetrics {
    fn read(block: &[u8]) -> Option<Self> {
        // Behind type, length and source: loss, discards, burst, gap, times, levels, then the ratings.
        let &[discard_rate] = block.get(9..10)?.first_chunk()?;
        let &[e1, e0] = block.get(18..20)?.first_chunk()?;
        let &[r_factor, _, mos_lq, mos_cq] = block.get(24..28)?.first_chunk()?;
        let known = |value: u8| (value != UNKNOWN).then_some(value);
        Some(Self {
            r_factor: known(r_factor),
            mos_lq: known(mos_lq),
            mos_cq: known(mos_cq),
            end_system_delay: u16::from_be_bytes([e1, e0]),
            discard_rate,
        })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|word| u32::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::net::Protocol;

    fn flow() -> Flow {
        let address = |host| IpAddr::V4(Ipv4Addr::new(192, 0, 2, host));
        Flow { protocol: Protocol::Udp, src: address(2), dst: address(1), src_port: 40_003, dst_port: 40_001 }
    }

    fn report_block(source: u32, loss: u32, jitter: u32, last: u32, kept: u32) -> Vec<u8> {
        [source, loss, 77, jitter, last, kept].iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn receiver_report(block: &[u8]) -> Vec<u8> {
        [&[0x81, RECEIVER_REPORT, 0, 7, 0, 0, 0, 9][..], block].concat()
    }

    /// RFC 3550 §6.4.1: a quarter lost since the last report, -1 in all since a packet came twice.
    #[test]
    fn a_receiver_report_is_read() {
        let mut reports = Reports::new(i64::MAX);
        let block = report_block(7, 0x40FF_FFFF, 80, 0, 0);
        reports.take(0, flow(), 5, &receiver_report(&block), 0);
        let found = reports.finish();
        assert_eq!(found.len(), 1);
        let it = found[0];
        assert_eq!((it.source, it.reporter, it.fraction_max, it.cumulative, it.jitter_max), (7, 9, 64, -1, 80));
        assert_eq!(it.round_trips, 0);
    }

    /// §6.4.1, by hand: the report passed at 1 s, was kept for half a second and answered at 1.7 s: 200 ms.
    #[test]
    fn a_round_trip_is_what_is_left_of_the_wait() {
        let mut reports = Reports::new(i64::MAX);
        let mut sender = vec![0x80, SENDER_REPORT, 0, 6, 0, 0, 0, 7];
        sender.extend([0, 0, 0xAB, 0xCD, 0x12, 0x34, 0, 0]);
        sender.extend([0; 12]);
        reports.take(0, flow(), 1_000_000_000, &sender, 0);
        let block = report_block(7, 0, 0, 0xABCD_1234, 65_536 / 2);
        reports.take(0, flow(), 1_700_000_000, &receiver_report(&block), 0);
        let found = reports.finish();
        assert_eq!(found.iter().map(|it| (it.round_trips, it.round_trip_sum)).collect::<Vec<_>>(), [(1, 200_000_000)]);
    }

    /// RFC 3711 §3.4: of SRTCP eight bytes are clear, and an index and a tag of ten bytes follow.
    #[test]
    fn an_encrypted_report_is_not_read() {
        let mut reports = Reports::new(i64::MAX);
        let mut packet = receiver_report(&report_block(7, 0x40FF_FFFF, 80, 0, 0));
        packet.extend([0x80, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
        reports.take(0, flow(), 5, &packet, 0);
        assert!(reports.finish().is_empty());
    }

    /// What a snap length leaves of a compound packet is read.
    #[test]
    fn a_cut_report_is_read() {
        let mut reports = Reports::new(i64::MAX);
        reports.take(0, flow(), 5, &receiver_report(&report_block(7, 0x40FF_FFFF, 80, 0, 0)), 40);
        assert_eq!(reports.finish().len(), 1);
    }

    /// RFC 3611 §4.7: R 90, MOS-LQ 4.2, no MOS-CQ.
    #[test]
    fn voip_metrics_are_read() {
        let mut block = vec![VOIP_METRICS, 0, 0, 8, 0, 0, 0, 7];
        block.extend([0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 16]);
        block.extend([90, 127, 42, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut packet = vec![0x80, EXTENDED_REPORT, 0, 10, 0, 0, 0, 9];
        packet.extend(&block);
        let mut reports = Reports::new(i64::MAX);
        reports.take(0, flow(), 5, &packet, 0);
        let metrics = reports.finish()[0].extended.expect("metrics");
        assert_eq!((metrics.r_factor, metrics.mos_lq, metrics.mos_cq), (Some(90), Some(42), None));
        assert_eq!((metrics.discard_rate, metrics.end_system_delay), (3, 40));
    }

    /// Lengths that lie, reports of more blocks than there are.
    #[test]
    fn hostile_packets_end() {
        let mut reports = Reports::new(i64::MAX);
        for packet in [
            &[0x9F, RECEIVER_REPORT, 0xFF, 0xFF, 0, 0, 0, 9][..],
            &[0x80; 64],
            &[0x9F, 207, 0, 2, 0, 0, 0, 1, 7, 0, 0, 0],
        ] {
            reports.take(0, flow(), 5, packet, 0);
        }
        assert!(reports.finish().is_empty());
    }
}
