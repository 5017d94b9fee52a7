//! The table of header fields by name: one row for each field of the names asked for, in the order sent.

use std::ops::Range;

use arrow_schema::ArrowError;

use crate::sip::Fields;
use crate::sip::headers::{Asked, read};
use crate::tables::columns::{Named, Wanted, columns};
use crate::tables::keyed::KeyedRows;

columns! {
    pub struct Columns of |it: &Field<'_>| {
        name: Text = "name" => it.name,
        ordinal: Int = "ordinal" => Some(it.ordinal),
        value: Text = "value" => it.value,
    }
}

/// A row, ready.
pub struct Field<'a> {
    name: Option<&'a str>,
    ordinal: i64,
    value: Option<&'a [u8]>,
}

pub struct Row {
    message: u32,
    /// Index of the name among those asked for.
    name: usize,
    ordinal: i64,
    /// Where its value lies in the buffer.
    value: Range<usize>,
}

/// The rows of one batch under construction.
pub struct Builder<'a> {
    asked: &'a Asked,
    rows: Vec<Row>,
    values: Vec<u8>,
    /// How many fields of each name the message has had so far.
    counts: Vec<i64>,
    unfolded: Vec<u8>,
}

impl<'a> Builder<'a> {
    pub fn new(asked: &'a Asked) -> Self {
        Self { asked, rows: Vec::new(), values: Vec::new(), counts: Vec::new(), unfolded: Vec::new() }
    }

    /// Takes the fields of message number `message` of the batch.
    pub fn add(&mut self, message: usize, bytes: &[u8], fields: &Fields<'_>) {
        if !self.asked.concerns(fields) {
            return;
        }
        let Self { asked, rows, values, counts, unfolded } = self;
        counts.clear();
        counts.resize(asked.count(), 0);
        let message = u32::try_from(message).unwrap_or(u32::MAX);
        read(bytes, asked, unfolded, |name, value| {
            let Some(ordinal) = counts.get_mut(name) else { return };
            *ordinal += 1;
            let start = values.len();
            values.extend_from_slice(value);
            rows.push(Row { message, name, ordinal: *ordinal, value: start..values.len() });
        });
    }

    /// What was added since the last time; `None` if that is nothing.
    pub fn take(&mut self) -> Result<Option<KeyedRows>, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(None);
        }
        let mut columns = Columns::new(rows.len(), &Wanted::All);
        for (number, row) in rows.iter().enumerate() {
            let (name, value) = (self.asked.name(row.name), self.values.get(row.value.clone()));
            columns.set(number, &Field { name, ordinal: row.ordinal, value });
        }
        self.values.clear();
        let columns = columns.finish(&Wanted::All)?;
        Ok(Some(KeyedRows { columns, rows: rows.into_iter().map(|row| row.message).collect() }))
    }
}

/// The columns without rows.
pub fn none() -> Result<Named, ArrowError> {
    Columns::new(0, &Wanted::All).finish(&Wanted::All)
}
