//! What a parser makes of one batch of messages.

use arrow_array::RecordBatch;

use super::columns::{Columns, Interface};
use crate::limits::Limits;
use crate::observation::ObservationKey;
use crate::tables::keyed::KeyedRows;
use crate::tables::small::ProblemLog;

/// Where a message was seen.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Index in the scan.
    pub file: u32,
    /// Number of the packet that completed it.
    pub frame: u64,
    pub interface: Interface,
}

impl Place {
    /// The columns that are made of it.
    pub const COLUMNS: [&str; 2] = ["file", "interface"];
}

/// What a parser made of batches, one after the other: the rows of their messages.
pub struct Part {
    /// No other part has it.
    pub number: usize,
    pub columns: Columns,
}

/// The messages of one batch.
pub struct Chunk {
    /// Where their rows are: the number of the part, and the first row of them.
    pub part: usize,
    pub start: usize,
    /// Per message: what [`crate::observation::classify_copies`] needs.
    pub rows: Vec<ObservationKey>,
    /// And where it was seen, if that is asked for.
    pub places: Vec<Place>,
    /// The session descriptions that were new in this batch.
    pub descriptions: Option<RecordBatch>,
    pub ims_headers: Option<KeyedRows>,
    pub headers: Option<KeyedRows>,
    pub parts: Option<KeyedRows>,
    /// The bytes of its messages, where they are wanted.
    pub texts: Option<KeyedRows>,
    /// What its messages say of the legs that they belong to.
    pub evidence: Option<RecordBatch>,
    pub via_tails: Option<RecordBatch>,
    pub problems: Option<ProblemLog>,
}

impl Chunk {
    /// The session descriptions it brought, once.
    pub fn take_descriptions(&mut self) -> Option<RecordBatch> {
        self.descriptions.take()
    }

    /// The evidence of its messages, once.
    pub fn take_evidence(&mut self) -> Option<RecordBatch> {
        self.evidence.take()
    }

    /// The tails of their Via stacks, once.
    pub fn take_via_tails(&mut self) -> Option<RecordBatch> {
        self.via_tails.take()
    }

    /// The problems of its messages, once.
    pub fn take_problems(&mut self, limits: &Limits) -> ProblemLog {
        self.problems.take().unwrap_or_else(|| ProblemLog::new(limits.max_problems_per_code))
    }
}
