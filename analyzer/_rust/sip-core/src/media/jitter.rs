//! Interarrival jitter (RFC 3550 §6.4.1, A.8), in nanoseconds.

use serde::{Deserialize, Serialize};

use super::clock;

/// Packets that are kept until the stream shows its clock.
const WAITING: usize = 32;
/// Steps of the histogram: sixteen to an octave, of 64 µs to 8 s, so that a percentile is known to within 4 %.
const TO_AN_OCTAVE: usize = 16;
const STEPS: usize = 1 + 17 * TO_AN_OCTAVE;
const FIRST_STEP: f64 = 64e3;
/// Packets that come so much later (ns) than the fastest are late.
const LATE: f64 = 100e6;
/// A difference of so much (ns) is no jitter: a clock was set, or a sender's timestamps stood still while it was silent.
const STEP: f64 = 10e9;
/// So much more time (ns) on the way may be such a shift, and is one when it lasts so long (ns) without a change.
const SHIFT: f64 = 250e6;
const LASTS: i64 = 500_000_000;
/// How far clocks of two ends are apart at most: RFC 3550 has no figure, oscillators are within 100 millionths.
const DRIFT: f64 = 1e-4;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Jitter {
    /// Of the payload type that comes now.
    clock: Option<u32>,
    /// How long a unit of it is (ns).
    unit: f64,
    kind: u8,
    /// Of others, as the stream showed them.
    known: Vec<(u8, u32)>,
    /// Times (ns) and timestamps, while the clock is not known.
    waiting: Vec<(i64, u32)>,
    before: Option<(i64, u32)>,
    value: f64,
    sum: f64,
    count: u64,
    max: f64,
    /// Allocated with the second packet, for many are no stream.
    steps: Vec<u32>,
    /// How much longer than the first packets took (ns), the least of that lately, and packets far above it.
    transit: f64,
    least: f64,
    late: u64,
    shifted: Option<Shift>,
}

/// A packet that took much longer than the one before: it was kept, or a clock was set.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Shift {
    transit: f64,
    time: i64,
    /// Late ones before it.
    late: u64,
}

impl Default for Jitter {
    fn default() -> Self {
        Self {
            clock: None,
            unit: 0.0,
            kind: 0,
            known: Vec::new(),
            waiting: Vec::new(),
            before: None,
            value: 0.0,
            sum: 0.0,
            count: 0,
            max: 0.0,
            steps: Vec::new(),
            transit: 0.0,
            least: 0.0,
            late: 0,
            shifted: None,
        }
    }
}

impl Jitter {
    /// From now on packets are of this payload type.
    pub fn turn_to(&mut self, kind: u8) {
        self.finish();
        if let Some(clock) = self.clock
            && clock::of_type(self.kind).is_none()
            && !self.known.iter().any(|known| known.0 == self.kind)
        {
            self.known.push((self.kind, clock));
        }
        self.kind = kind;
        self.set(clock::of_type(kind).or_else(|| self.clock_known(kind)));
        self.skip();
    }

    fn set(&mut self, clock: Option<u32>) {
        self.clock = clock;
        self.unit = clock.map_or(0.0, |clock| 1e9 / f64::from(clock));
    }

    fn clock_known(&self, kind: u8) -> Option<u32> {
        self.known.iter().find(|known| known.0 == kind).map(|known| known.1)
    }

    /// Units a second of the payload type that comes now.
    pub fn clock(&self) -> Option<u32> {
        self.clock
    }

    /// Units a second of a payload type that came.
    pub fn clock_of(&self, kind: u8) -> Option<u32> {
        if kind == self.kind { self.clock } else { clock::of_type(kind).or_else(|| self.clock_known(kind)) }
    }

    /// Takes a packet that came at this time (ns), and gives the jitter behind it, where it is known yet.
    #[inline]
    pub fn take(&mut self, time: i64, timestamp: u32) -> Option<f64> {
        if self.clock.is_none() {
            self.waiting.push((time, timestamp));
            if self.waiting.len() == WAITING {
                self.settle();
            }
            return None;
        }
        Some(self.step(time, timestamp))
    }

    #[inline]
    fn step(&mut self, time: i64, timestamp: u32) -> f64 {
        if let Some((time_before, timestamp_before)) = self.before.replace((time, timestamp)) {
            let units = timestamp.wrapping_sub(timestamp_before) as i32;
            let sent = f64::from(units) * self.unit;
            let passed = time.wrapping_sub(time_before) as f64;
            let further = passed - sent;
            let difference = further.abs();
            self.transit += further;
            // Clocks of two ends drift apart.
            self.least = self.transit.min(self.least + passed.max(0.0) * DRIFT);
            if self.transit - self.least > LATE {
                self.is_late(time, further);
            } else if self.shifted.is_some() {
                self.shifted = None;
            }
            if difference >= STEP {
                return self.value;
            }
            self.value += (difference - self.value) / 16.0;
            self.max = self.max.max(self.value);
            self.sum += self.value;
            self.count += 1;
            let number = step_of(self.value);
            match self.steps.get_mut(number) {
                Some(step) => *step = step.saturating_add(1),
                None => self.first_step(number),
            }
        }
        self.value
    }

    #[cold]
    fn first_step(&mut self, number: usize) {
        self.steps = vec![0; STEPS];
        if let Some(step) = self.steps.get_mut(number) {
            *step = 1;
        }
    }

    /// What is far behind the fastest is late, unless all that follows takes as long.
    #[cold]
    fn is_late(&mut self, time: i64, further: f64) {
        if further > SHIFT {
            self.shifted = Some(Shift { transit: self.transit, time, late: self.late });
        }
        self.late += 1;
        let Some(shift) = self.shifted else { return };
        if (self.transit - shift.transit).abs() > LATE {
            self.shifted = None;
        } else if time.saturating_sub(shift.time) > LASTS {
            (self.late, self.least, self.shifted) = (shift.late, self.transit, None);
        }
    }

    #[cold]
    fn settle(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let (Some(first), Some(last)) = (waiting.first(), waiting.last()) else { return };
        // Telephony, where it does not show.
        let clock = clock::of_pace(last.1.wrapping_sub(first.1), last.0.wrapping_sub(first.0)).unwrap_or(8_000);
        self.set(Some(clock));
        for (time, timestamp) in waiting {
            self.step(time, timestamp);
        }
    }

    /// A pause in which the sender's timestamps went on otherwise says nothing of the network.
    pub fn skip(&mut self) {
        (self.before, self.shifted) = (None, None);
        (self.transit, self.least) = (0.0, 0.0);
    }

    /// Packets so far behind the fastest that a jitter buffer of that length gives them up.
    pub fn late(&self) -> u64 {
        self.late
    }

    pub fn finish(&mut self) {
        if self.clock.is_none() {
            self.settle();
        }
    }

    /// Over all packets but the first (ns).
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// Of 100 packets 95 had no more (ns).
    pub fn p95(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let mut left = (self.count * 95).div_ceil(100);
        for (number, &count) in self.steps.iter().enumerate() {
            left = left.saturating_sub(u64::from(count));
            if left == 0 {
                return Some(middle_of(number).min(self.max));
            }
        }
        Some(self.max)
    }
}

#[inline]
fn step_of(value: f64) -> usize {
    if value < FIRST_STEP {
        return 0;
    }
    // The exponent, and the first bits of the fraction: a logarithm would cost more than all the rest.
    let bits = (value / FIRST_STEP).to_bits();
    let (octave, part) = ((bits >> 52) as usize - 1023, (bits >> 48) as usize % TO_AN_OCTAVE);
    (1 + octave * TO_AN_OCTAVE + part).min(STEPS - 1)
}

/// The value in the middle of a step.
fn middle_of(step: usize) -> f64 {
    let Some(above) = step.checked_sub(1) else { return FIRST_STEP / 2.0 };
    let (octave, part) = ((above / TO_AN_OCTAVE) as i32, (above % TO_AN_OCTAVE) as f64);
    FIRST_STEP * 2_f64.powi(octave) * (1.0 + (part + 0.5) / TO_AN_OCTAVE as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telephony() -> Jitter {
        let mut jitter = Jitter::default();
        jitter.turn_to(8);
        jitter
    }

    /// By hand: at 8000 a second 160 units are 20 ms; the third packet is 16 ms late, and 1 ms of jitter is left of it.
    #[test]
    fn jitter_is_that_of_rfc_3550() {
        let mut jitter = telephony();
        let found: Vec<Option<f64>> =
            [(0, 0), (20, 160), (56, 320)].iter().map(|&(ms, units)| jitter.take(ms * 1_000_000, units)).collect();
        assert_eq!(found, [Some(0.0), Some(0.0), Some(1e6)]);
        assert_eq!(jitter.max(), Some(1e6));
        assert_eq!(jitter.mean(), Some(1e6 / 2.0));
    }

    #[test]
    fn a_clock_that_is_not_known_is_found() {
        let mut jitter = Jitter::default();
        for n in 0..40_u32 {
            jitter.take(i64::from(n) * 20_000_000, n * 960);
        }
        assert_eq!((jitter.clock_of(0), jitter.max()), (Some(48_000), Some(0.0)));
    }

    #[test]
    fn percentiles_are_known_to_within_a_step() {
        let mut jitter = telephony();
        for n in 0..2_000_u32 {
            // 95 % of the time 10 ms of difference between any two packets, then 40 ms.
            let late = if n % 2 == 0 {
                0
            } else if n < 1_900 {
                10
            } else {
                40
            };
            jitter.take(i64::from(n) * 20_000_000 + late * 1_000_000, n * 160);
        }
        let p95 = jitter.p95().expect("enough packets");
        assert!((p95 / 9.9e6 - 1.0).abs() < 0.05, "{p95}");
    }

    /// Timestamps that stood still while the sender was silent: nothing is late after it.
    #[test]
    fn a_shift_is_neither_late_nor_jitter() {
        let mut jitter = telephony();
        for n in 0..200_u32 {
            let silent = if n < 100 { 0 } else { 30_000 };
            jitter.take((i64::from(n) * 20 + silent) * 1_000_000, n * 160);
        }
        assert_eq!((jitter.late(), jitter.max()), (0, Some(0.0)));
    }

    /// The line kept ten packets for 400 ms, and gave them all at once.
    #[test]
    fn what_was_kept_is_late() {
        let mut jitter = telephony();
        for n in 0..200_u32 {
            let at = if (100..110).contains(&n) { 2_400 } else { i64::from(n) * 20 };
            jitter.take(at * 1_000_000, n * 160);
        }
        assert_eq!(jitter.late(), 10);
    }

    #[test]
    fn timestamps_wrap_round() {
        let mut jitter = telephony();
        jitter.take(0, u32::MAX - 79);
        assert_eq!(jitter.take(20_000_000, 80), Some(0.0));
    }
}
