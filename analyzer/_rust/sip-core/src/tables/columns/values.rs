//! Values of rows, and which of them are there.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use arrow_buffer::{ArrowNativeType, BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, ScalarBuffer};

use super::Run;

/// One bit for each row; nothing is allocated before the first is set.
pub struct Bits {
    words: Vec<u64>,
    pub rows: usize,
}

impl Bits {
    pub fn new() -> Self {
        Self { words: Vec::new(), rows: 0 }
    }

    #[inline]
    pub fn set(&mut self, row: usize) {
        match self.words.get_mut(row / 64) {
            Some(word) => *word |= 1 << (row % 64),
            None => self.set_first(row),
        }
    }

    #[cold]
    fn set_first(&mut self, row: usize) {
        // The first value, or the first since there are more rows.
        self.words.resize(self.rows.div_ceil(64), 0);
        if let Some(word) = self.words.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    pub fn finish(parts: &[&Self], runs: &[Run]) -> BooleanBuffer {
        let mut all = BooleanBufferBuilder::new(runs.iter().map(|run| run.rows.len()).sum());
        let bytes: Vec<Vec<u8>> =
            parts.iter().map(|part| part.words.iter().flat_map(|word| word.to_le_bytes()).collect()).collect();
        for Run { part, rows } in runs {
            // What lies behind the last bit that was set is not there.
            let bytes = bytes.get(*part).map_or(&[][..], Vec::as_slice);
            let there = rows.end.min(bytes.len() * 8).max(rows.start);
            if there > rows.start {
                all.append_packed_range(rows.start..there, bytes);
            }
            all.append_n(rows.end - there, false);
        }
        all.finish()
    }
}

/// Values and which of them are there; nothing is allocated before the first.
pub struct Values<T> {
    pub values: Vec<T>,
    pub valid: Bits,
}

impl<T: Copy + Default> Values<T> {
    pub fn new() -> Self {
        Self { values: Vec::new(), valid: Bits::new() }
    }

    #[inline]
    pub fn set(&mut self, row: usize, value: T) {
        match self.values.get_mut(row) {
            Some(slot) => {
                *slot = value;
                self.valid.set(row);
            }
            None if row < self.valid.rows => self.set_first(row, value),
            // Nobody wants the column.
            None => {}
        }
    }

    #[cold]
    fn set_first(&mut self, row: usize, value: T) {
        self.values.resize(self.valid.rows, T::default());
        if let Some(slot) = self.values.get_mut(row) {
            *slot = value;
            self.valid.set(row);
        }
    }

    /// Which values are there; `None` if all are.
    pub fn nulls(parts: &[Self], runs: &[Run]) -> Option<NullBuffer> {
        let valid = Bits::finish(&parts.iter().map(|part| &part.valid).collect::<Vec<_>>(), runs);
        Some(NullBuffer::new(valid)).filter(|nulls| nulls.null_count() > 0)
    }

    /// All values and which of them are there; `None` if all are.
    pub fn finish(mut parts: Vec<Self>, runs: &[Run]) -> (ScalarBuffer<T>, Option<NullBuffer>)
    where
        T: ArrowNativeType,
    {
        let (nulls, count) = (Self::nulls(&parts, runs), count(runs));
        if parts.iter().all(|part| part.values.is_empty()) {
            return (zeros(count), nulls);
        }
        if let ([part], [Run { rows: Range { start: 0, .. }, .. }]) = (parts.as_mut_slice(), runs) {
            let mut values = std::mem::take(&mut part.values);
            values.resize(count, T::default());
            return (values.into(), nulls);
        }
        (Self::gathered(&parts, runs).into(), nulls)
    }

    /// The values of these rows, as they are or wider.
    pub fn gathered<U: From<T> + Clone + Default>(parts: &[Self], runs: &[Run]) -> Vec<U> {
        let mut values = Vec::with_capacity(count(runs));
        for Run { part, rows } in runs {
            let before = values.len();
            let known = parts.get(*part).map_or(&[][..], |part| part.values.as_slice());
            let known = known.get(rows.start..rows.end.min(known.len())).unwrap_or_default();
            values.extend(known.iter().map(|&value| U::from(value)));
            values.resize(before + rows.len(), U::default());
        }
        values
    }
}

/// The rows of all these runs.
pub fn count(runs: &[Run]) -> usize {
    runs.iter().map(|run| run.rows.len()).sum()
}

/// So many values of nothing, which the columns share of which no row has a value; they are many.
pub fn zeros<T: ArrowNativeType>(count: usize) -> ScalarBuffer<T> {
    ScalarBuffer::new(zero_bytes(count * size_of::<T>()), 0, count)
}

fn zero_bytes(bytes: usize) -> Buffer {
    static ZEROS: Mutex<Option<Buffer>> = Mutex::new(None);
    let mut known = ZEROS.lock().unwrap_or_else(PoisonError::into_inner);
    match &*known {
        Some(zeros) if bytes <= zeros.len() => zeros.clone(),
        // Aligned for any type, and never written to: the system lends such pages for nothing.
        _ => known.insert(Buffer::from_vec(vec![0_u128; bytes.div_ceil(size_of::<u128>())])).clone(),
    }
}
