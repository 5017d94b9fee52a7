//! What hops and legs are joined by: evidence of opening requests, and the tails of Via stacks.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use hashbrown::HashSet;

use crate::hash::{self, Keyed};
use crate::sip::Fields;
use crate::sip::evidence::{self, Kind};
use crate::tables::columns::{Wanted, columns, key, record_batch};

columns! {
    pub struct EvidenceColumns of |it: &Row| {
        leg: Int = "_leg" => Some(key(it.leg)),
        call: Int = "_call" => Some(key(it.call)),
        kind: Text = "kind" => Some(it.kind.as_str()),
        value: Int = "value" => Some(key(it.value)),
        text: Text = "text" => it.text.as_deref(),
    }
}

columns! {
    pub struct TailColumns of |it: &Tail| {
        message: Int = "_message" => Some(it.message),
        depth: Int = "depth" => Some(it.depth as i64),
        tail: Int = "_tail" => Some(key(it.hash)),
    }
}

/// Tails of one Via stack that have a row: as many as a request passes nodes (RFC 3261 §8.1.1.6).
const MAX_TAILS: usize = 70;

pub struct Row {
    leg: u64,
    call: u64,
    kind: Kind,
    value: u64,
    text: Option<Box<[u8]>>,
}

/// The evidence of one batch: the same of a leg once, on however many hops it was seen.
#[derive(Default)]
pub struct Evidence {
    rows: Vec<Row>,
    known: HashSet<u64, Keyed>,
    unfolded: Vec<u8>,
}

impl Evidence {
    pub fn add(&mut self, message: &[u8], fields: &Fields<'_>, leg: Option<u64>, call: Option<u64>) {
        let (Some(leg), Some(call)) = (leg, call) else { return };
        if !evidence::concerns(fields) {
            return;
        }
        let Self { rows, known, unfolded } = self;
        evidence::items(message, fields, unfolded, |item| {
            if known.insert(hash::pair(leg, hash::pair(item.kind as u64, item.value))) {
                rows.push(Row { leg, call, kind: item.kind, value: item.value, text: item.text.map(Box::from) });
            }
        });
    }

    /// The table of what was added since the last time; `None` if that is nothing.
    pub fn take(&mut self, wanted: &Wanted) -> Result<Option<RecordBatch>, ArrowError> {
        self.known.clear();
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() { Ok(None) } else { table(&rows, wanted).map(Some) }
    }

    /// The table without rows: it tells the columns where there is no evidence.
    pub fn none(wanted: &Wanted) -> Result<RecordBatch, ArrowError> {
        table(&[], wanted)
    }
}

fn table(rows: &[Row], wanted: &Wanted) -> Result<RecordBatch, ArrowError> {
    let mut columns = EvidenceColumns::new(rows.len(), wanted);
    for (number, row) in rows.iter().enumerate() {
        columns.set(number, row);
    }
    record_batch(columns.finish(wanted)?)
}

/// The tails of Via stacks that are shorter than the whole by two entries or more.
#[derive(Default)]
pub struct Tails(Vec<Tail>);

pub struct Tail {
    /// The key of the message that has the stack.
    message: i64,
    /// How many entries it is shorter by.
    depth: usize,
    hash: u64,
}

impl Tails {
    /// `values` are the hashes of the stack's, top first; `message` is the key of the message that has it.
    pub fn add(&mut self, values: &[u64], message: impl FnOnce() -> i64) {
        let Some(below) = values.get(2..).filter(|below| !below.is_empty()) else { return };
        let message = message();
        let mut tail = 0;
        for (above, &value) in below.iter().enumerate().rev() {
            // As the hash of a whole stack is made.
            tail = hash::pair(value, tail);
            if above < MAX_TAILS {
                self.0.push(Tail { message, depth: above + 2, hash: tail });
            }
        }
    }

    pub fn take(&mut self, wanted: &Wanted) -> Result<RecordBatch, ArrowError> {
        let rows = std::mem::take(&mut self.0);
        let mut columns = TailColumns::new(rows.len(), wanted);
        for (number, row) in rows.iter().enumerate() {
            columns.set(number, row);
        }
        record_batch(columns.finish(wanted)?)
    }
}
