//! The batches of a window put together: what is in time before everything that is still to come leaves as rows, the rest
//! waits for the next window.

use std::sync::Arc;

use arrow_array::builder::BinaryBuilder;
use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;

use super::assemble::Assembled;
use super::chunk::{Chunk, Part, Place};
use super::columns::{Columns, ScanColumns, Scanned};
use crate::observation::{Copies, ObservationKey, PointNames};
use crate::packet::NO_TIME;
use crate::tables::columns::{Named, Run, Wanted, compact, finished, record_batch};
use crate::tables::keyed::{self, KeyedRows};
use crate::tables::small::FileRow;
use crate::tables::{headers, ims_headers, parts};

/// Rows that belong to messages, with the number of each one's message among those held.
type Following = Option<(Vec<u32>, RecordBatch)>;

/// Messages that wait, in the order in which they were read, and what is known of those that left.
#[derive(Default)]
pub struct Waiting {
    rows: Vec<ObservationKey>,
    places: Vec<Place>,
    columns: Option<RecordBatch>,
    following: [Following; 4],
    pub copies: Copies,
    /// What tells the messages that left last from their copies, where that is wanted.
    pub observed: Vec<ObservationKey>,
    /// The time of the last message read that had one (ns).
    last: Option<i64>,
}

/// The window that is put together.
pub struct Window<'a> {
    pub files: &'a [FileRow],
    pub points: &'a PointNames,
    pub wanted: &'a Wanted,
    pub threads: usize,
    /// Messages before this time (ns) leave.
    pub until: i64,
    /// Of packets that were read another time, those before it left then.
    pub left: i64,
    pub read_before: &'a dyn Fn(u32, u64) -> bool,
    /// A transaction that was silent for so long is forgotten (ns).
    pub idle: i64,
    /// Whether the observations of messages are wanted.
    pub observed: bool,
}

impl Waiting {
    /// Nothing waits; `copies` is what is known of those that left.
    pub fn after(copies: Copies) -> Self {
        Self { copies, ..Self::default() }
    }

    /// Takes in what was read and gives what may leave, in time order, and its bytes where they are kept.
    pub fn assemble(
        &mut self,
        mut chunks: Vec<Chunk>,
        mut parsed: Vec<Part>,
        window: &Window<'_>,
    ) -> Result<(Assembled, Vec<RecordBatch>), ArrowError> {
        let before = self.rows.len();
        let mut start = before;
        let mut following: [Vec<(usize, KeyedRows)>; 4] = Default::default();
        for chunk in &mut chunks {
            let tables = [chunk.ims_headers.take(), chunk.parts.take(), chunk.headers.take(), chunk.texts.take()];
            for (all, table) in following.iter_mut().zip(tables) {
                all.extend(table.map(|table| (start, table)));
            }
            start += chunk.rows.len();
        }
        parsed.sort_unstable_by_key(|part| part.number);
        let mut columns: Vec<Columns> = parsed.into_iter().map(|part| part.columns).collect();
        let runs: Vec<Run> = chunks
            .iter()
            .map(|chunk| Run { part: chunk.part, rows: chunk.start..chunk.start + chunk.rows.len() })
            .collect();
        let new = record_batch(finished(Columns::joined(&mut columns, &runs, window.wanted), None, window.threads)?)?;
        let held = self.columns.take();
        let columns = joined(held, new)?;
        for chunk in chunks {
            self.rows.extend(chunk.rows);
            self.places.extend(chunk.places);
        }
        let (leaving, staying) = self.sorted_out(before, window);

        let rows: Vec<ObservationKey> = gathered(&self.rows, &leaving);
        let observed = self.copies.classify(&rows, window.idle);
        let mut scan_columns = ScanColumns::new(observed.len(), window.wanted);
        for (row, (&number, seen)) in leaving.iter().zip(&observed).enumerate() {
            let (Some(place), Some(of)) = (self.places.get(number as usize), self.rows.get(number as usize)) else {
                continue;
            };
            let (file, point) = (window.files.get(place.file as usize), window.points.get(of.point));
            scan_columns.set(row, &Scanned { observed: seen, file, point, interface: Some(place.interface) });
        }
        let mut all = scan_columns.finish(window.wanted)?;
        let left = take_record_batch(&columns, &UInt32Array::from(leaving.clone()))?;
        let names = Columns::COLUMNS.iter().map(|(name, _)| *name).filter(|name| window.wanted.has(name));
        all.extend(names.zip(left.columns().iter().cloned()));

        if window.observed {
            self.observed = rows;
        }

        let mut keys = vec![None; self.rows.len()];
        for (&number, seen) in leaving.iter().zip(&observed) {
            if let Some(key) = keys.get_mut(number as usize) {
                *key = Some(seen.key);
            }
        }
        let mut numbers = vec![None; self.rows.len()];
        for (number, &row) in (0_u32..).zip(&staying) {
            if let Some(place) = numbers.get_mut(row as usize) {
                *place = Some(number);
            }
        }
        let no_text: ArrayRef = Arc::new(BinaryBuilder::new().finish());
        let none: [Named; 4] = [ims_headers::none()?, parts::none()?, headers::none()?, vec![("text", no_text)]];
        let mut tables: [Vec<RecordBatch>; 4] = Default::default();
        for (place, (new, none)) in following.into_iter().zip(none).enumerate() {
            let held = self.following.get_mut(place).and_then(Option::take);
            let (with_key, waits) = followed(held, new, none, &keys, &numbers)?;
            if let Some(slot) = self.following.get_mut(place) {
                *slot = waits;
            }
            if let Some(slot) = tables.get_mut(place) {
                *slot = with_key;
            }
        }
        let [ims_headers, parts, headers, texts] = tables;

        self.rows = gathered(&self.rows, &staying);
        self.places = gathered(&self.places, &staying);
        self.columns = Some(compact(&take_record_batch(&columns, &UInt32Array::from(staying))?)?);
        Ok((Assembled { messages: record_batch(all)?, ims_headers, parts, headers }, texts))
    }

    /// The latest time that was read, of messages that wait or left.
    pub fn latest(&self) -> Option<i64> {
        self.last
    }

    /// The numbers of those that leave, in time order, and of those that stay, as they were read.
    fn sorted_out(&mut self, before: usize, window: &Window<'_>) -> (Vec<u32>, Vec<u32>) {
        // A row without time stays behind the row it follows in the capture.
        let mut latest = NO_TIME;
        let times: Vec<i64> = self
            .rows
            .iter()
            .map(|row| {
                latest = if row.time == NO_TIME { latest } else { row.time };
                latest
            })
            .collect();
        self.last = times.iter().copied().filter(|&time| time != NO_TIME).chain(self.last).max();
        let (mut leaving, mut staying) = (Vec::new(), Vec::new());
        for (number, (time, place)) in (0_u32..).zip(times.iter().zip(&self.places)) {
            let new = number as usize >= before;
            if new && *time < window.left && (window.read_before)(place.file, place.frame) {
                continue;
            }
            if *time < window.until { leaving.push(number) } else { staying.push(number) }
        }
        leaving.sort_by_key(|&number| times.get(number as usize).copied());
        (leaving, staying)
    }
}

/// The observations of messages, a row of bytes each ([`ObservationKey::to_bytes`]).
pub fn observations(rows: &[ObservationKey]) -> Result<RecordBatch, ArrowError> {
    let mut found = BinaryBuilder::with_capacity(rows.len(), rows.len() * ObservationKey::BYTES);
    rows.iter().for_each(|row| found.append_value(row.to_bytes()));
    record_batch(vec![("observed", Arc::new(found.finish()) as ArrayRef)])
}

fn gathered<T: Copy>(all: &[T], numbers: &[u32]) -> Vec<T> {
    numbers.iter().filter_map(|&number| all.get(number as usize).copied()).collect()
}

/// What was held before what is new.
fn joined(held: Option<RecordBatch>, new: RecordBatch) -> Result<RecordBatch, ArrowError> {
    match held {
        Some(held) if held.num_rows() > 0 => concat_batches(&new.schema(), [&held, &new]),
        _ => Ok(new),
    }
}

/// The rows of messages that left, with their keys, and those of messages that stay, with their numbers.
fn followed(
    held: Following,
    new: Vec<(usize, KeyedRows)>,
    none: Named,
    keys: &[Option<i64>],
    numbers: &[Option<u32>],
) -> Result<(Vec<RecordBatch>, Following), ArrowError> {
    let empty = record_batch(none)?;
    let (mut of, mut batches) = (Vec::new(), vec![empty.clone()]);
    if let Some((rows, batch)) = held {
        of.extend(rows);
        batches.push(batch);
    }
    for (start, KeyedRows { columns, rows }) in new {
        of.extend(rows.iter().map(|&row| start as u32 + row));
        batches.push(record_batch(columns)?);
    }
    let all = concat_batches(&empty.schema(), &batches)?;
    let (mut leaving, mut staying, mut known, mut waiting) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (row, &message) in (0_u32..).zip(&of) {
        if let Some(key) = keys.get(message as usize).copied().flatten() {
            leaving.push(row);
            known.push(key);
        } else if let Some(number) = numbers.get(message as usize).copied().flatten() {
            staying.push(row);
            waiting.push(number);
        }
    }
    let left = take_record_batch(&all, &UInt32Array::from(leaving))?;
    let kept = compact(&take_record_batch(&all, &UInt32Array::from(staying))?)?;
    Ok((vec![keyed::with_keys(&known, &left)?], Some((waiting, kept))))
}
