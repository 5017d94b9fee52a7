//! What a stream was like in five seconds.

use serde::{Deserialize, Serialize};

use crate::packet::NO_TIME;

/// Intervals begin at multiples of it (ns), so that those of all streams are the same.
pub const LENGTH: i64 = 5_000_000_000;

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Interval {
    /// When it begins (ns since 1970).
    pub begin: i64,
    pub packets: u64,
    pub received: u64,
    pub lost: u64,
    pub doubled: u64,
    pub reordered: u64,
    pub bytes: u64,
    jitter_sum: f64,
    jitters: u64,
    pub jitter_max: f64,
}

impl Interval {
    pub fn at(time: i64) -> Self {
        let begin = if time == NO_TIME { NO_TIME } else { time.div_euclid(LENGTH) * LENGTH };
        Self { begin, ..Self::default() }
    }

    #[inline]
    pub fn is_over(&self, time: i64) -> bool {
        time != NO_TIME && time.wrapping_sub(self.begin) >= LENGTH
    }

    #[inline]
    pub fn jitter(&mut self, value: f64) {
        self.jitter_sum += value;
        self.jitters += 1;
        self.jitter_max = self.jitter_max.max(value);
    }

    pub fn jitter_mean(&self) -> Option<f64> {
        (self.jitters > 0).then(|| self.jitter_sum / self.jitters as f64)
    }
}
