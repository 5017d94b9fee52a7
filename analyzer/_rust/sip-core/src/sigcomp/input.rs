//! The compressed data of a message, taken by bits or bytes (RFC 3320 §8.2).

/// What is not asked for yet.
#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bits of the byte at hand that are taken.
    bit: u32,
    /// The P-bit of the last request.
    lsb_first: bool,
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, bit: 0, lsb_first: false }
    }

    /// Whole bytes; what is left of one that was begun is discarded, also where there are too few (RFC 4896 §3.1).
    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        self.discard();
        let taken = self.bytes.get(self.at..)?.get(..length)?;
        self.at += length;
        Some(taken)
    }

    /// Before bits are asked for: with another P-bit than before, what is left of a byte is discarded.
    pub fn order(&mut self, lsb_first: bool) {
        if self.lsb_first != lsb_first {
            self.discard();
            self.lsb_first = lsb_first;
        }
    }

    /// Up to 16 bits as an integer, the first of them its highest, or its lowest if `reversed`. `None` if there are fewer:
    /// then none is taken.
    #[inline]
    pub fn bits(&mut self, count: u32, reversed: bool) -> Option<u16> {
        if count == 0 {
            return Some(0);
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if (rest.len() as u64) * 8 < u64::from(self.bit + count) {
            return None;
        }
        let byte = |place: usize| u32::from(rest.get(place).copied().unwrap_or(0));
        let mask = (1 << count) - 1;
        // 16 bits lie in three bytes.
        let value = if self.lsb_first {
            let window = byte(0) | byte(1) << 8 | byte(2) << 16;
            let value = (window >> self.bit) & mask;
            if reversed { value } else { reverse(value, count) }
        } else {
            let window = byte(0) << 16 | byte(1) << 8 | byte(2);
            let value = (window >> (24 - self.bit - count)) & mask;
            if reversed { reverse(value, count) } else { value }
        };
        self.at += ((self.bit + count) / 8) as usize;
        self.bit = (self.bit + count) % 8;
        Some(value as u16)
    }

    fn discard(&mut self) {
        if self.bit > 0 {
            self.bit = 0;
            self.at += 1;
        }
    }
}

fn reverse(value: u32, count: u32) -> u32 {
    value.reverse_bits() >> (32 - count)
}
