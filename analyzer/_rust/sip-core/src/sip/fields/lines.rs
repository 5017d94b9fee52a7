//! The lines of a header section, each with a hash, in one pass over their bytes.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = ONES << 7;
const LINE_FEEDS: u64 = ONES * b'\n' as u64;

/// Of sixteen bytes the first so many, as two words.
static FIRST: [[u64; 2]; 16] = {
    let mut first = [[0; 2]; 16];
    let mut bytes = 1;
    while bytes < 16 {
        first[bytes] = split((1 << (bytes * 8)) - 1);
        bytes += 1;
    }
    first
};

/// Finds line ends and hashes what stands before them. The hash is another in each process, so that nobody can prepare two
/// lines that have the same one.
#[derive(Debug, Clone, Copy)]
pub struct LineHasher {
    keys: [u64; 3],
}

impl Default for LineHasher {
    fn default() -> Self {
        let random = RandomState::default();
        Self { keys: [0_u64, 1, 2].map(|number| random.hash_one(number)) }
    }
}

impl LineHasher {
    /// Where the next LF is at or behind `from`, and the hash of what stands before it; `None` if there is none.
    ///
    /// Where lines end nobody can foresee: what can be done without a branch is.
    #[inline(never)]
    pub fn next(self, text: &[u8], from: usize) -> Option<(usize, u64)> {
        let [mut hash, key, _] = self.keys;
        let (words, rest) = text.get(from..)?.as_chunks::<16>();
        let mut at = from;
        for word in words {
            let word @ [low, high] = halves(word);
            if may_have_line_feed(low) | may_have_line_feed(high)
                && let Some((end, hash)) = self.end(word, hash)
            {
                return Some((at + end, hash));
            }
            hash = folded(low ^ hash, high ^ key);
            at += 16;
        }
        let mut word = [0; 16];
        word.get_mut(..rest.len())?.copy_from_slice(rest);
        let (end, hash) = self.end(halves(&word), hash)?;
        Some((at + end, hash))
    }

    /// Where the first LF is in these 16 bytes, and the hash of the line that it ends.
    #[inline]
    fn end(self, [low, high]: [u64; 2], hash: u64) -> Option<(usize, u64)> {
        let [_, key, last] = self.keys;
        let feeds = whole(line_feeds(low), line_feeds(high));
        if feeds == 0 {
            return None;
        }
        let end = feeds.trailing_zeros() as usize / 8;
        // Only bytes of the line count, and how many they are.
        let [first_low, first_high] = FIRST[end % 16];
        let line = folded((low & first_low) ^ hash, (high & first_high) ^ key);
        Some((end, folded(line ^ end as u64, last)))
    }
}

fn whole(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

const fn split(whole: u128) -> [u64; 2] {
    [whole as u64, (whole >> 64) as u64]
}

fn halves(word: &[u8; 16]) -> [u64; 2] {
    split(u128::from_le_bytes(*word))
}

/// False where none of these bytes is LF; it may also be true of bytes that are no ASCII.
#[inline]
fn may_have_line_feed(word: u64) -> bool {
    (word ^ LINE_FEEDS).wrapping_sub(ONES) & HIGH != 0
}

/// The lowest bit that is set stands in the first byte that is LF.
#[inline]
fn line_feeds(word: u64) -> u64 {
    let differs = word ^ LINE_FEEDS;
    differs.wrapping_sub(ONES) & !differs & HIGH
}

#[inline]
fn folded(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    wide as u64 ^ (wide >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_their_line_feeds_are_wherever_they_stand() {
        let hasher = LineHasher::default();
        for length in 0..70 {
            for before in 0..3 {
                let text = [&b"\n"[..], &vec![b'\x0b'; length], b"\nx\n\n", &[b'y'; 40]].concat();
                let text = [&vec![b'z'; before], &text[..]].concat();
                let mut ends = Vec::new();
                let mut at = 0;
                while let Some((end, _)) = hasher.next(&text, at) {
                    ends.push(end);
                    at = end + 1;
                }
                let expected: Vec<usize> = (0..text.len()).filter(|&at| text[at] == b'\n').collect();
                assert_eq!(ends, expected);
            }
        }
    }

    #[test]
    fn a_line_has_its_hash_wherever_it_stands_and_no_other_line_has_it() {
        let hasher = LineHasher::default();
        let hash = |line: &[u8], before: &[u8], after: &[u8]| {
            hasher.next(&[before, line, b"\n", after].concat(), before.len()).expect("a line").1
        };
        let mut seen = std::collections::HashSet::new();
        for length in 0..60 {
            for byte in [0, b' ', b'a', 0xff] {
                let line = vec![byte; length];
                let alone = hash(&line, b"", b"");
                assert_eq!(alone, hash(&line, b"Via: x\n", b"To: y\n\nand a body of some length"));
                assert!(seen.insert(alone) || length == 0, "{length} times {byte}");
            }
        }
    }
}
