//! Does a number belong to a stream? Its timestamp and its time have to be where the stream would have them; another sender that
//! takes over the source has timestamps of its own.

/// A number further ahead is a loss only where the timestamp and the time went on with it (RFC 3550 A.1: MAX_DROPOUT).
const MAX_DROPOUT: i32 = 3_000;
/// More than half of all timestamps ahead is behind.
pub const BEYOND: u32 = 1 << 31;

/// How a stream went so far.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Times of the first and the last packet (ns).
    pub first: i64,
    pub last: i64,
    /// Timestamps of the first packet and of the one with the highest number.
    pub begin: u32,
    pub newest: u32,
    /// Units between packets.
    pub step: u32,
    pub expected: u64,
    pub clock: Option<u32>,
    /// Most packets are one step apart.
    pub regular: bool,
    pub events_alone: bool,
}

impl Pace {
    /// May a packet with this timestamp, which came at this time, be so many numbers ahead, or behind?
    pub fn fits(&self, distance: i32, timestamp: u32, time: i64) -> bool {
        let went = timestamp.wrapping_sub(self.newest);
        let should = distance.unsigned_abs().saturating_mul(self.step);
        if distance < 0 {
            return !self.regular || self.is_behind(went, should);
        }
        // As many as that take their time, at the pace so far.
        let waited = i128::from(time.saturating_sub(self.last)) * i128::from(self.expected);
        let lasted = i128::from(self.last.saturating_sub(self.first)) * i128::from(distance);
        if distance >= MAX_DROPOUT {
            return self.step > 0 && went.abs_diff(should) <= should / 4 && waited * 2 >= lasted;
        }
        if self.events_alone {
            // Their timestamps have no pace.
            return waited * 4 >= lasted;
        }
        !self.regular || (should / 4..self.most(time, should)).contains(&went)
    }

    /// Not ahead but for a frame or two, and not from before the stream.
    fn is_behind(&self, went: u32, should: u32) -> bool {
        let length = self.newest.wrapping_sub(self.begin);
        if went < BEYOND {
            went <= self.step.saturating_mul(2)
        } else {
            went.wrapping_neg() <= length.saturating_add(should)
        }
    }

    /// How far timestamps may have gone on in that time, with a second and as much again to spare.
    fn most(&self, time: i64, should: u32) -> u32 {
        let Some(clock) = self.clock else { return BEYOND };
        let passed = i128::from(time.saturating_sub(self.last).max(0)) * i128::from(clock) / 1_000_000_000;
        let passed = u32::try_from(passed).unwrap_or(BEYOND);
        passed.saturating_add(should).saturating_mul(2).saturating_add(clock).min(BEYOND)
    }
}
