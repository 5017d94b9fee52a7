//! Columns of integers, times and truth.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, TimestampNanosecondArray};
use arrow_schema::ArrowError;

use super::values::{Bits, Values, count, zeros};
use super::{Column, Run};
use crate::packet::NO_TIME;

/// Nullable 64-bit integer.
pub struct Int(Values<i64>);

/// Nullable integer of no more than 32 bits, which takes half the memory until it is finished.
pub struct Small(Values<u32>);

/// Nanoseconds since 1970, UTC.
pub struct Time(Values<i64>);

/// Never null; false where nothing was set.
pub struct Bool(Bits);

impl Int {
    #[inline]
    pub fn set(&mut self, row: usize, value: Option<impl Into<i64>>) {
        if let Some(value) = value {
            self.0.set(row, value.into());
        }
    }
}

impl Column for Int {
    const TYPE: &str = "int";

    fn new() -> Self {
        Self(Values::new())
    }

    fn rows(&self) -> usize {
        self.0.valid.rows
    }

    fn grow(&mut self, rows: usize) {
        self.0.valid.rows += rows;
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let (values, nulls) = Values::finish(parts.into_iter().map(|part| part.0).collect(), runs);
        Ok(Arc::new(Int64Array::try_new(values, nulls)?))
    }
}

impl Small {
    #[inline]
    pub fn set(&mut self, row: usize, value: Option<impl Into<u32>>) {
        if let Some(value) = value {
            self.0.set(row, value.into());
        }
    }
}

impl Column for Small {
    const TYPE: &str = Int::TYPE;

    fn new() -> Self {
        Self(Values::new())
    }

    fn rows(&self) -> usize {
        self.0.valid.rows
    }

    fn grow(&mut self, rows: usize) {
        self.0.valid.rows += rows;
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let parts: Vec<Values<u32>> = parts.into_iter().map(|part| part.0).collect();
        let nulls = Values::nulls(&parts, runs);
        let values = match parts.iter().all(|part| part.values.is_empty()) {
            true => zeros(count(runs)),
            false => Values::gathered(&parts, runs).into(),
        };
        Ok(Arc::new(Int64Array::try_new(values, nulls)?))
    }
}

impl Time {
    #[inline]
    pub fn set(&mut self, row: usize, time: i64) {
        if time != NO_TIME {
            self.0.set(row, time);
        }
    }
}

impl Column for Time {
    const TYPE: &str = "time";

    fn new() -> Self {
        Self(Values::new())
    }

    fn rows(&self) -> usize {
        self.0.valid.rows
    }

    fn grow(&mut self, rows: usize) {
        self.0.valid.rows += rows;
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let (values, nulls) = Values::finish(parts.into_iter().map(|part| part.0).collect(), runs);
        Ok(Arc::new(TimestampNanosecondArray::try_new(values, nulls)?.with_timezone("UTC")))
    }
}

impl Bool {
    #[inline]
    pub fn set(&mut self, row: usize, value: bool) {
        if value {
            self.0.set(row);
        }
    }
}

impl Column for Bool {
    const TYPE: &str = "bool";

    fn new() -> Self {
        Self(Bits::new())
    }

    fn rows(&self) -> usize {
        self.0.rows
    }

    fn grow(&mut self, rows: usize) {
        self.0.rows += rows;
    }

    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError> {
        let parts: Vec<&Bits> = parts.iter().map(|part| &part.0).collect();
        Ok(Arc::new(BooleanArray::new(Bits::finish(&parts, runs), None)))
    }
}
