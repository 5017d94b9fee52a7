//! The numbers of a stream's packets: which came, which came twice, which never (RFC 3550 A.1, A.3).

use serde::{Deserialize, Serialize};

use super::burst::Bursts;

/// Packets that may still come late are told from those that came already.
const WINDOW: u32 = 1024;
const WORDS: usize = WINDOW as usize / 64;
/// A number this far ahead is a loss; further ahead it is one only where the timestamp went on with it.
pub const SURE: u16 = 100;
/// More than half of all numbers ahead is behind.
const HALF: u16 = 0x8000;

/// What a number says of its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrived {
    /// The next one, or one ahead.
    InOrder,
    /// Behind one that came already, and not seen before.
    Reordered,
    /// Seen before.
    Doubled,
    /// So far from the others that it is no packet of this sequence, unless others follow it.
    Stray,
    /// The second in a row that does not belong: the sender begins anew.
    Restarted,
}

/// One sequence of numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sequence {
    first: u32,
    /// The highest number, with the rounds in its upper half (A.1: cycles).
    highest: u32,
    /// Of the newest 1024 numbers which came, each at its place in the round of 1024.
    came: [u64; WORDS],
    received: u64,
    /// What would follow the last stray packet.
    next_of_stray: Option<u16>,
    bursts: Bursts,
}

impl Sequence {
    pub fn new(number: u16) -> Self {
        // One round ahead, so that packets before the first have numbers.
        let first = 0x1_0000 + u32::from(number);
        let bursts = Bursts::default();
        let mut new = Self { first, highest: first, came: [0; WORDS], received: 1, next_of_stray: None, bursts };
        new.put(first, true);
        new
    }

    /// Takes the number of a packet. `fits`: is its timestamp where so many packets ahead, or behind, would
    /// have it, after so many that were expected?
    #[inline]
    pub fn take(&mut self, number: u16, fits: impl Fn(i32, u64) -> bool) -> Arrived {
        let ahead = number.wrapping_sub(self.highest as u16);
        if ahead != 0 && ahead < HALF && (ahead < SURE || fits(i32::from(ahead), self.expected())) {
            self.advance(u32::from(ahead));
            self.received += 1;
            self.next_of_stray = None;
            return Arrived::InOrder;
        }
        let behind = u32::from(0_u16.wrapping_sub(ahead));
        if behind < WINDOW && (behind == 0 || fits(-(behind as i32), self.expected())) {
            if self.put(self.highest - behind, true) {
                return Arrived::Doubled;
            }
            self.received += 1;
            self.first = self.first.min(self.highest - behind);
            return Arrived::Reordered;
        }
        if self.next_of_stray.replace(number.wrapping_add(1)) == Some(number) {
            return Arrived::Restarted;
        }
        Arrived::Stray
    }

    /// Says of a number of the window whether it came; gives what was known of its place before.
    #[inline]
    fn put(&mut self, number: u32, came: bool) -> bool {
        let (word, bit) = ((number % WINDOW / 64) as usize, 1_u64 << (number % 64));
        let Some(word) = self.came.get_mut(word) else { return false };
        let before = *word & bit != 0;
        *word = if came { *word | bit } else { *word & !bit };
        before
    }

    /// The window moves on: what leaves it is decided.
    #[inline]
    fn advance(&mut self, ahead: u32) {
        for number in 1..ahead.min(WINDOW + 1) {
            self.enter(self.highest.wrapping_add(number), false);
        }
        // Those that were never in the window are lost.
        (WINDOW + 1..ahead).for_each(|_| self.bursts.lost());
        self.highest = self.highest.wrapping_add(ahead);
        self.enter(self.highest, true);
    }

    /// A number takes the place of the one that is a window behind it, which is decided.
    #[inline]
    fn enter(&mut self, number: u32, came: bool) {
        let before = self.put(number, came);
        if number.wrapping_sub(WINDOW) >= self.first {
            self.decided(before);
        }
    }

    #[inline]
    fn decided(&mut self, came: bool) {
        if came { self.bursts.received() } else { self.bursts.lost() }
    }

    /// No more packets come: bursts are whole.
    pub fn finish(&mut self) -> Bursts {
        for behind in (0..WINDOW).rev() {
            let number = self.highest.wrapping_sub(behind);
            let came = self.put(number, false);
            if number >= self.first {
                self.decided(came);
            }
        }
        std::mem::take(&mut self.bursts)
    }

    /// Packets that the numbers say were sent (A.3).
    pub fn expected(&self) -> u64 {
        u64::from(self.highest.wrapping_sub(self.first)) + 1
    }

    /// Packets that came, each once.
    pub fn received(&self) -> u64 {
        self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(numbers: &[u16]) -> (Sequence, Vec<Arrived>) {
        let mut sequence = Sequence::new(numbers[0]);
        let arrived =
            numbers[1..].iter().map(|number| sequence.take(*number, |distance, _| distance < 3_000)).collect();
        (sequence, arrived)
    }

    #[test]
    fn numbers_wrap_round() {
        let (sequence, arrived) = arrived(&[65_534, 65_535, 0, 1]);
        assert_eq!(arrived, [Arrived::InOrder; 3]);
        assert_eq!((sequence.expected(), sequence.received()), (4, 4));
    }

    #[test]
    fn lost_late_and_doubled_packets_are_told_apart() {
        let (mut sequence, arrived) = arrived(&[10, 11, 13, 12, 13, 15, 10]);
        let expected = [
            Arrived::InOrder,
            Arrived::InOrder,
            Arrived::Reordered,
            Arrived::Doubled,
            Arrived::InOrder,
            Arrived::Doubled,
        ];
        assert_eq!(arrived, expected);
        assert_eq!((sequence.expected(), sequence.received()), (6, 5));
        assert_eq!(sequence.finish().longest, 1);
    }

    /// The first packet to come need not be the first that was sent.
    #[test]
    fn a_packet_before_the_first_counts() {
        let (sequence, arrived) = arrived(&[0, 65_535, 1]);
        assert_eq!(arrived, [Arrived::Reordered, Arrived::InOrder]);
        assert_eq!((sequence.expected(), sequence.received()), (3, 3));
    }

    /// RFC 3550 A.1: after a jump two packets in a row are a sender that begins anew, one is nothing.
    #[test]
    fn a_jump_is_a_new_beginning_when_another_packet_follows_it() {
        let (sequence, arrived) = arrived(&[1, 30_000, 2, 40_000, 40_001]);
        assert_eq!(arrived, [Arrived::Stray, Arrived::InOrder, Arrived::Stray, Arrived::Restarted]);
        assert_eq!((sequence.expected(), sequence.received()), (2, 2));
    }

    /// The line was down for minutes, and the sender went on.
    #[test]
    fn a_long_loss_is_one_where_the_timestamp_went_on() {
        let mut sequence = Sequence::new(7);
        assert_eq!(sequence.take(10_007, |ahead, _| ahead == 10_000), Arrived::InOrder);
        assert_eq!((sequence.expected(), sequence.received()), (10_001, 2));
        assert_eq!(sequence.finish().longest, 9_999);
    }

    /// Against the sets of numbers: whatever is lost, doubled and shuffled within the window.
    #[test]
    fn counts_are_those_of_the_set_of_numbers() {
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..50 {
            let start = random(65_536);
            let mut sent: Vec<u64> = (0..3000).filter(|n| *n == 0 || random(10) > 0).collect();
            for at in 0..sent.len() {
                let other = (at + random(20) as usize).min(sent.len() - 1);
                if at > 0 {
                    sent.swap(at, other);
                }
                if random(30) == 0 {
                    sent.push(sent[at]);
                }
            }
            let near: Vec<u64> = sent[..2600].to_vec();
            let numbers: Vec<u16> = near.iter().map(|n| (start + n) as u16).collect();
            let (mut sequence, arrived) = arrived(&numbers);
            let set: std::collections::BTreeSet<u64> = near.iter().copied().collect();
            let span = set.last().expect("one") - set.first().expect("one") + 1;
            assert_eq!((sequence.expected(), sequence.received()), (span, set.len() as u64));
            let doubled = arrived.iter().filter(|it| **it == Arrived::Doubled).count();
            assert_eq!(doubled, near.len() - set.len());
            let bursts = sequence.finish();
            assert_eq!(bursts.losses(), span - set.len() as u64);
        }
    }
}
