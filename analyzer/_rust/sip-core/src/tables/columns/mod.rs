//! Column builders under the types of the contract, and the macro that names each column once.
//!
//! A value is set at its row; rows that are passed over are null (false), so that the many columns a message says nothing
//! of cost nothing. A column that nobody wants has no rows and takes no values. What several threads built in parts leaves
//! as one array: whoever gathers rows from an array in pieces has to put them together first, each time.

use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_schema::ArrowError;

mod numbers;
mod table;
mod text;
mod values;

pub use numbers::{Bool, Int, Small, Time};
pub(crate) use table::columns;
pub use table::{Named, Unfinished, finished, record_batch};
pub use text::{Address, LineText, Text, compact};

/// A column under construction.
pub trait Column: Sized {
    /// The type of the contract: text, int, time (ns since 1970, UTC), bool.
    const TYPE: &str;
    /// A column without rows.
    fn new() -> Self;
    fn rows(&self) -> usize;
    /// So many rows more, all null (false).
    fn grow(&mut self, rows: usize);
    /// The rows of these parts, in the order of the runs.
    fn finish(parts: Vec<Self>, runs: &[Run]) -> Result<ArrayRef, ArrowError>;
}

/// Rows that stand together in a part, by its place among the parts.
#[derive(Debug, Clone)]
pub struct Run {
    pub part: usize,
    pub rows: Range<usize>,
}

/// Which columns are wanted.
#[derive(Debug, Clone, Default)]
pub enum Wanted {
    #[default]
    All,
    These(Vec<String>),
}

impl Wanted {
    pub fn has(&self, name: &str) -> bool {
        match self {
            Wanted::All => true,
            Wanted::These(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

/// Hashes leave the core in the 63 bits of a key column.
#[inline]
pub fn key(hash: u64) -> i64 {
    (hash >> 1) as i64
}
