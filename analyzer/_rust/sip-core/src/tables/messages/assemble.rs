//! The batches of a scan put together: in time order, with keys, duplicates, retransmissions and transactions.

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::ArrowError;

use super::chunk::{Chunk, Part};
use super::columns::{Columns, ScanColumns, Scanned};
use crate::observation::{Observed, PointNames, classify_copies, time_order};
use crate::tables::columns::{Run, Wanted, finished, record_batch};
use crate::tables::small::FileRow;
use crate::tables::{headers, ims_headers, keyed, parts};

/// The tables that rest on all messages.
pub struct Assembled {
    pub messages: RecordBatch,
    pub ims_headers: Vec<RecordBatch>,
    pub parts: Vec<RecordBatch>,
    pub headers: Vec<RecordBatch>,
}

/// Puts the chunks of a scan together: in time order, with keys, duplicates, retransmissions and transactions.
pub fn assemble(
    mut chunks: Vec<Chunk>,
    mut parsed: Vec<Part>,
    files: &[FileRow],
    points: &PointNames,
    wanted: &Wanted,
    threads: usize,
) -> Result<Assembled, ArrowError> {
    let times: Vec<i64> = chunks.iter().flat_map(|chunk| &chunk.rows).map(|row| row.time).collect();
    let (mut ims_headers, mut parts, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    let mut start = 0;
    for chunk in &mut chunks {
        ims_headers.extend(chunk.ims_headers.take().map(|part| (start, part)));
        parts.extend(chunk.parts.take().map(|part| (start, part)));
        headers.extend(chunk.headers.take().map(|part| (start, part)));
        start += chunk.rows.len();
    }
    let order = time_order(&times);
    drop(times);
    parsed.sort_unstable_by_key(|part| part.number);
    let mut columns: Vec<Columns> = parsed.into_iter().map(|part| part.columns).collect();
    let runs: Vec<Run> = chunks
        .iter()
        .map(|chunk| Run { part: chunk.part, rows: chunk.start..chunk.start + chunk.rows.len() })
        .collect();
    let (mut rows, mut places): (Vec<_>, Vec<_>) = chunks.into_iter().map(|chunk| (chunk.rows, chunk.places)).unzip();
    if let Some(order) = &order {
        rows = vec![in_order(rows, order)];
        if places.iter().any(|places| !places.is_empty()) {
            places = vec![in_order(places, order)];
        }
    }
    let observed = classify_copies(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), threads);
    let keyless = ims_headers.is_empty() && parts.is_empty() && headers.is_empty();
    let keys = if keyless { Vec::new() } else { keys_as_read(&observed, order.as_deref()) };
    let ims_headers = keyed::table(ims_headers, &keys, ims_headers::none()?)?;
    let parts = keyed::table(parts, &keys, parts::none()?)?;
    let headers = keyed::table(headers, &keys, headers::none()?)?;
    let mut scan_columns = ScanColumns::new(observed.len(), wanted);
    let mut places_of_all = places.iter().flatten();
    for (row, (observation, seen)) in rows.iter().flatten().zip(&observed).enumerate() {
        let place = places_of_all.next();
        let (file, point) = (place.and_then(|place| files.get(place.file as usize)), points.get(observation.point));
        scan_columns.set(row, &Scanned { observed: seen, file, point, interface: place.map(|place| place.interface) });
    }
    let mut all = scan_columns.finish(wanted)?;
    drop((rows, places, observed));
    let order = order.map(UInt32Array::from);
    all.extend(finished(Columns::joined(&mut columns, &runs, wanted), order.as_ref(), threads)?);
    Ok(Assembled { messages: record_batch(all)?, ims_headers, parts, headers })
}

fn in_order<T: Copy>(chunks: Vec<Vec<T>>, order: &[u32]) -> Vec<T> {
    let all = chunks.concat();
    order.iter().map(|&row| all[row as usize]).collect()
}

/// The keys of messages in the order in which they were read.
fn keys_as_read(observed: &[Observed], order: Option<&[u32]>) -> Vec<i64> {
    let in_time = observed.iter().map(|seen| seen.key);
    let Some(order) = order else { return in_time.collect() };
    let mut keys = vec![0; observed.len()];
    for (&row, key) in order.iter().zip(in_time) {
        if let Some(place) = keys.get_mut(row as usize) {
            *place = key;
        }
    }
    keys
}
