//! A keyed cycle through the numbers below a size: what pseudonyms are drawn from (`analyzer/masking/pseudonyms.py`).
//!
//! The numbers are enciphered by a Feistel network over mixed radices (the method of FF1, NIST SP 800-38G) with keyed
//! BLAKE2b (RFC 7693) as round function. The successor of a number is the decipherment of its cipher and one: all numbers
//! are on one cycle, so none is its own successor.

use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{FixedOutput, Update};

/// The cycle of one key and one form.
#[derive(Clone)]
pub struct Cycle {
    left: u64,
    right: u64,
    /// The round functions without what each is asked, in pairs: that of the right half first.
    rounds: Vec<(Blake2bMac<U32>, Blake2bMac<U32>)>,
}

impl Cycle {
    /// The cycle through the numbers below `left * right`, the sizes of both halves, in twice as many rounds as there are
    /// pairs of labels; `None` for a size of 0, of more than 2^64, or a key that BLAKE2b does not take (1 to 64 bytes).
    pub fn new(key: &[u8], labels: &[(String, String)], left: u64, right: u64) -> Option<Self> {
        let size = u128::from(left) * u128::from(right);
        // The crate takes keys that RFC 7693 §2.1 does not know.
        if size == 0 || size > 1 << 64 || !(1..=64).contains(&key.len()) {
            return None;
        }
        let keyed = |label: &str| {
            let mut function = Blake2bMac::new_with_salt_and_personal(Some(key), &[], &[]).ok()?;
            function.update(label.as_bytes());
            function.update(&[0]);
            Some(function)
        };
        let rounds = labels.iter().map(|(of_right, of_left)| Some((keyed(of_right)?, keyed(of_left)?)));
        Some(Self { left, right, rounds: rounds.collect::<Option<_>>()? })
    }

    /// The number that follows; of a number that is not below the size, that of its remainder.
    pub fn next(&self, number: u64) -> u64 {
        let size = u128::from(self.left) * u128::from(self.right);
        let place = u128::from(self.enciphered((u128::from(number) % size) as u64));
        self.deciphered(((place + 1) % size) as u64)
    }

    fn enciphered(&self, number: u64) -> u64 {
        let (mut left, mut right) = (number / self.right, number % self.right);
        for (of_right, of_left) in &self.rounds {
            left = added(left, drawn(of_right, right, self.left), self.left);
            right = added(right, drawn(of_left, left, self.right), self.right);
        }
        left * self.right + right
    }

    fn deciphered(&self, number: u64) -> u64 {
        let (mut left, mut right) = (number / self.right, number % self.right);
        for (of_right, of_left) in self.rounds.iter().rev() {
            right = added(right, self.right - drawn(of_left, left, self.right), self.right);
            left = added(left, self.left - drawn(of_right, right, self.left), self.left);
        }
        left * self.right + right
    }
}

fn added(one: u64, other: u64, size: u64) -> u64 {
    ((u128::from(one) + u128::from(other)) % u128::from(size)) as u64
}

/// What a round function draws for a half, as the remainder of its 256 bits.
fn drawn(function: &Blake2bMac<U32>, half: u64, size: u64) -> u64 {
    let mut function = function.clone();
    function.update(&u128::from(half).to_be_bytes());
    let mut rest = 0;
    for word in function.finalize_fixed().chunks_exact(8) {
        let word = word.iter().fold(0, |word, &byte| (word << 8) | u64::from(byte));
        rest = (((u128::from(rest) << 64) | u128::from(word)) % u128::from(size)) as u64;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(rounds: usize) -> Vec<(String, String)> {
        (0..rounds).map(|round| (format!("round {}", 2 * round), format!("round {}", 2 * round + 1))).collect()
    }

    #[test]
    fn every_number_is_on_one_cycle() {
        let cycle = Cycle::new(b"a key", &labels(5), 10, 7).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        let mut number = 0;
        while seen.insert(number) {
            number = cycle.next(number);
        }
        assert_eq!((number, seen.len(), seen.last()), (0, 70, Some(&69)));
    }

    #[test]
    fn the_largest_size_is_that_of_64_bits() {
        let cycle = Cycle::new(b"a key", &labels(5), 1 << 32, 1 << 32).unwrap();
        assert_ne!(cycle.next(u64::MAX), u64::MAX);
        assert!(Cycle::new(b"a key", &labels(5), 1 << 33, 1 << 32).is_none());
        assert!(Cycle::new(b"a key", &labels(5), 0, 9).is_none());
        assert!(Cycle::new(&[0; 65], &labels(5), 9, 9).is_none());
    }
}
