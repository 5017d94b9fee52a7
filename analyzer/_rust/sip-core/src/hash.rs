//! Hashes that are the same on every machine and in every version: keys are stored and joined on.
//!
//! XXH3 (64 bit) of bytes; pairs are mixed by a folded 128-bit product. None of them withstands an attacker who
//! looks for collisions, and none needs to: a collision joins two rows of that attacker's own capture.

use std::hash::{BuildHasher, Hasher};

use twox_hash::XxHash3_64;

/// XXH3-64 of bytes.
#[inline]
pub fn bytes(data: &[u8]) -> u64 {
    XxHash3_64::oneshot(data)
}

/// Mixes two hashes; not symmetric.
#[inline]
pub fn pair(a: u64, b: u64) -> u64 {
    let wide = u128::from(a ^ 0xa076_1d64_78bd_642f) * u128::from(b ^ 0xe703_7ed1_a0b4_28db);
    let folded = (wide as u64) ^ ((wide >> 64) as u64);
    (folded ^ (folded >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// For maps whose `u64` keys are hashes already.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keyed;

#[derive(Debug, Clone, Copy, Default)]
pub struct KeyedHasher(u64);

impl BuildHasher for Keyed {
    type Hasher = KeyedHasher;
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher(0)
    }
}

impl Hasher for KeyedHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, data: &[u8]) {
        self.0 = pair(self.0, bytes(data));
    }
    fn write_u64(&mut self, value: u64) {
        self.0 ^= value;
    }
    /// The number of a row, which is no hash yet.
    fn write_u32(&mut self, value: u32) {
        self.0 = pair(self.0, u64::from(value));
    }
}
