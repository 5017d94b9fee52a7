//! The same bytes in other pieces.

use std::hash::BuildHasher;
use std::io::Read;

/// Numbers that depend on the input alone (SplitMix64), so that what was found is found again.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    pub fn from(data: &[u8]) -> Self {
        Draw(foldhash::fast::FixedState::with_seed(0).hash_one(data))
    }

    /// 0 to `bound` - 1.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    /// A length: mostly short, seldom long, never 0.
    pub fn length(&mut self) -> usize {
        let bits = self.below(12);
        1 + self.below(1 << bits)
    }
}

/// A source that gives its bytes in pieces, as pipes and decompressors do.
pub struct Pieces {
    rest: std::io::Cursor<Vec<u8>>,
    draw: Draw,
}

impl Pieces {
    pub fn of(data: &[u8]) -> Self {
        Pieces { rest: std::io::Cursor::new(data.to_vec()), draw: Draw::from(data) }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let wanted = self.draw.length().min(buffer.len());
        self.rest.read(&mut buffer[..wanted])
    }
}
