//! Clocks of capture points that are known to be wrong.

use super::batch::Seen;
use crate::packet::NO_TIME;

/// What is known of the clock of a capture point: how far it is ahead (ns) at a time of its own, and how much more with
/// each second (ns).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    pub point: u16,
    pub offset: i64,
    pub drift: i64,
    pub since: i64,
}

impl Clock {
    /// Times of the first and last packet of a message, its point's clock set right.
    pub fn corrected(clocks: &[Clock], seen: &Seen) -> (i64, i64) {
        let correct = |time| Self::corrected_at(clocks, seen.point, time);
        (correct(seen.first.time), correct(seen.last.time))
    }

    /// A time that a capture point stamped, its clock set right.
    pub fn corrected_at(clocks: &[Clock], point: u16, time: i64) -> i64 {
        let clock = clocks.iter().find(|clock| clock.point == point);
        clock.map_or(time, |clock| clock.set_right(time))
    }

    fn set_right(&self, time: i64) -> i64 {
        const SECOND: i128 = 1_000_000_000;
        if time == NO_TIME {
            return time;
        }
        let since = i128::from(time) - i128::from(self.since);
        let drifted = since * i128::from(self.drift) / SECOND;
        let right = i128::from(time) - i128::from(self.offset) - drifted;
        i64::try_from(right).unwrap_or(time).max(NO_TIME + 1)
    }
}
