//! The clocks of interfaces (if_tsresol, if_tsoffset).

use std::fmt;

/// How an interface's time stamps become nanoseconds since 1970, in integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    unit: Unit,
    /// if_tsoffset: whole seconds to add.
    offset_s: i64,
}

impl fmt::Display for Clock {
    /// The unit of its time stamps in words, and the offset where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Nanoseconds(ns) => write!(f, "{ns} ns")?,
            Unit::PerNanosecond(units) => write!(f, "1/{units} ns")?,
            Unit::Binary(exponent) => write!(f, "2^-{exponent} s")?,
        }
        if self.offset_s == 0 { Ok(()) } else { write!(f, ", offset {} s,", self.offset_s) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    /// That many nanoseconds: 10^-n s, n up to 9.
    Nanoseconds(u64),
    /// That many of them are a nanosecond: 10^-n s, n above 9.
    PerNanosecond(u64),
    /// 2^-n s.
    Binary(u8),
}

impl Clock {
    const NS_PER_S: i64 = 1_000_000_000;

    /// if_tsresol; microseconds where it is absent.
    pub fn new(resolution: u8, offset_s: i64) -> Clock {
        let exponent = u32::from(resolution & 0x7F);
        let unit = if resolution & 0x80 != 0 {
            Unit::Binary(resolution & 0x7F)
        } else if exponent <= 9 {
            Unit::Nanoseconds(10u64.pow(9 - exponent))
        } else {
            // Of a unit too small for u64, no time stamp makes a nanosecond; nor of 2^-127 s.
            10u64.checked_pow(exponent - 9).map_or(Unit::Binary(127), Unit::PerNanosecond)
        };
        Clock { unit, offset_s }
    }

    /// `None` when the time does not fit (before 1677, after 2262).
    #[inline]
    pub fn time(self, stamp: u64) -> Option<i64> {
        let ns = match self.unit {
            Unit::Nanoseconds(ns) => stamp.checked_mul(ns),
            Unit::PerNanosecond(units) => Some(stamp / units),
            Unit::Binary(exponent) => {
                let scaled = u128::from(stamp) * u128::from(Self::NS_PER_S.unsigned_abs());
                u64::try_from(scaled >> exponent).ok()
            }
        };
        let ns = i64::try_from(ns?).ok()?;
        if self.offset_s == 0 { Some(ns) } else { self.offset_s.checked_mul(Self::NS_PER_S)?.checked_add(ns) }
    }
}
