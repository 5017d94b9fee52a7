//! Tables whose rows belong to messages, which have no keys before all of them are read: until then a row has the place
//! of its message in its batch.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema};

use crate::tables::columns::{Named, Wanted, columns, record_batch};

columns! {
    pub struct KeyColumn of |message: Option<i64>| { message: Int = "message" => message }
}

/// The rows of one batch; each knows the number of its message in it.
pub struct KeyedRows {
    pub columns: Named,
    pub rows: Vec<u32>,
}

/// The table: parts with the number of their first message, and the key of each message. `none` are the columns without
/// rows, which tell the table's columns where nobody has one.
pub fn table(parts: Vec<(usize, KeyedRows)>, keys: &[i64], none: Named) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut batches = vec![batch(KeyColumn::new(0, &Wanted::All), none)?];
    for (start, KeyedRows { columns, rows }) in parts {
        let mut key = KeyColumn::new(rows.len(), &Wanted::All);
        for (row, &message) in rows.iter().enumerate() {
            key.set(row, keys.get(start + message as usize).copied());
        }
        batches.push(batch(key, columns)?);
    }
    Ok(batches)
}

/// A table whose rows belong to the messages with these keys.
pub fn with_keys(keys: &[i64], rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut key = KeyColumn::new(keys.len(), &Wanted::All);
    keys.iter().enumerate().for_each(|(row, &message)| key.set(row, Some(message)));
    let mut fields = vec![Field::new("message", DataType::Int64, true)];
    fields.extend(rows.schema().fields().iter().map(|field| field.as_ref().clone()));
    let key = key.finish(&Wanted::All)?.into_iter().map(|(_, column)| column);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), key.chain(rows.columns().iter().cloned()).collect())
}

fn batch(key: KeyColumn, columns: Named) -> Result<RecordBatch, ArrowError> {
    let mut all = key.finish(&Wanted::All)?;
    all.extend(columns);
    record_batch(all)
}
