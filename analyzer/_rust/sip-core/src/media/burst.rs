//! Loss in bursts and in the gaps between them: the transitions of the four-state model of RFC 3611 §4.7.2, counted as its
//! appendix A.2 does.

use serde::{Deserialize, Serialize};

/// So many packets in a row without a loss end a burst (the Gmin that RFC 3611 recommends).
const GMIN: u64 = 16;

/// Numbers of transitions, from which densities and lengths follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bursts {
    pub c11: u64,
    pub c13: u64,
    pub c14: u64,
    pub c22: u64,
    pub c23: u64,
    pub c33: u64,
    /// Losses in a row.
    pub longest: u64,
    run: u64,
    /// Packets since the last loss, and losses of the burst.
    since: u64,
    in_burst: u64,
}

impl Bursts {
    #[inline]
    pub fn received(&mut self) {
        self.since += 1;
        self.run = 0;
    }

    pub fn lost(&mut self) {
        self.run += 1;
        self.longest = self.longest.max(self.run);
        if self.since >= GMIN {
            if self.in_burst == 1 {
                self.c14 += 1;
            } else {
                self.c13 += 1;
            }
            self.in_burst = 1;
            self.c11 += self.since;
        } else {
            self.in_burst += 1;
            if self.since == 0 {
                self.c33 += 1;
            } else {
                self.c23 += 1;
                self.c22 += self.since - 1;
            }
        }
        self.since = 0;
    }

    /// Every loss is the end of one transition.
    #[cfg(test)]
    pub fn losses(&self) -> u64 {
        self.c13 + self.c14 + self.c23 + self.c33
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bursts(pattern: &[(u64, u64)]) -> Bursts {
        let mut bursts = Bursts::default();
        for &(received, lost) in pattern {
            (0..received).for_each(|_| bursts.received());
            (0..lost).for_each(|_| bursts.lost());
        }
        bursts
    }

    /// RFC 3611 §4.7.2: a loss with 16 packets on both sides lies in a gap.
    #[test]
    fn single_losses_far_apart_are_no_burst() {
        let found = bursts(&[(20, 1), (20, 1), (20, 1), (20, 0)]);
        assert_eq!((found.c14, found.c13, found.c33, found.c23), (2, 1, 0, 0));
    }

    #[test]
    fn losses_close_together_are_a_burst() {
        let found = bursts(&[(20, 2), (3, 1), (20, 1)]);
        assert_eq!((found.c33, found.c23, found.c22, found.longest), (1, 1, 2, 2));
        assert_eq!(found.losses(), 4);
    }
}
