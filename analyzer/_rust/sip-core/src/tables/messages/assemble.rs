//! The batches of a scan put together: in time order, with keys, duplicates, retransmissions and transactions.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use super::chunk::Chunk;
use super::columns::{Columns, ScanColumns, Scanned};
use crate::observation::{ObservationKey, Observed, PointNames, classify_copies, time_order};
use crate::tables::columns::{Named, Wanted, record_batch};
use crate::tables::small::FileRow;
use crate::tables::{headers, ims_headers, keyed, parts};

/// The tables that rest on all messages.
pub struct Assembled {
    pub messages: Vec<RecordBatch>,
    pub ims_headers: Vec<RecordBatch>,
    pub parts: Vec<RecordBatch>,
    pub headers: Vec<RecordBatch>,
}

/// Puts the chunks of a scan together: in time order, with keys, duplicates, retransmissions and transactions.
pub fn assemble(
    mut chunks: Vec<Chunk>,
    files: &[FileRow],
    points: &PointNames,
    wanted: &Wanted,
    threads: usize,
) -> Result<Assembled, ArrowError> {
    if chunks.is_empty() {
        let columns = Columns::new(0, wanted).finish(wanted)?;
        chunks.push(Chunk::of(columns, Vec::new(), Vec::new()));
    }
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
    if let Some(order) = &order {
        chunks = vec![reordered(chunks, order)?];
    }
    drop(times);
    let rows: Vec<&[ObservationKey]> = chunks.iter().map(|chunk| chunk.rows.as_slice()).collect();
    let observed = classify_copies(&rows, threads);
    let keyless = ims_headers.is_empty() && parts.is_empty() && headers.is_empty();
    let keys = if keyless { Vec::new() } else { keys_as_read(&observed, order.as_deref()) };
    let ims_headers = keyed::table(ims_headers, &keys, ims_headers::none()?)?;
    let parts = keyed::table(parts, &keys, parts::none()?)?;
    let headers = keyed::table(headers, &keys, headers::none()?)?;
    let mut observed = observed.into_iter();
    let messages = chunks
        .into_iter()
        .map(|chunk| {
            let mut columns = ScanColumns::new(chunk.rows.len(), wanted);
            for (row, ((observation, place), seen)) in
                chunk.rows.iter().zip(&chunk.places).zip(&mut observed).enumerate()
            {
                let (file, point) = (files.get(place.file as usize), points.get(observation.point));
                columns.set(row, &Scanned { observed: &seen, file, point, interface: place.interface });
            }
            let mut all = columns.finish(wanted)?;
            all.extend(chunk.columns);
            record_batch(all)
        })
        .collect::<Result<_, ArrowError>>()?;
    Ok(Assembled { messages, ims_headers, parts, headers })
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

/// One chunk with the rows of all, in the order given; a column at a time, so that only one is in memory twice.
fn reordered(mut chunks: Vec<Chunk>, order: &[u32]) -> Result<Chunk, ArrowError> {
    let mut starts = Vec::with_capacity(chunks.len());
    let mut total = 0;
    for chunk in &chunks {
        starts.push(total);
        total += chunk.rows.len();
    }
    let places: Vec<(usize, usize)> = order
        .iter()
        .map(|&row| {
            let chunk = starts.partition_point(|&start| start <= row as usize) - 1;
            (chunk, row as usize - starts[chunk])
        })
        .collect();
    let rows = places.iter().map(|&(chunk, row)| chunks[chunk].rows[row]).collect();
    let seen_at = places.iter().map(|&(chunk, row)| chunks[chunk].places[row]).collect();
    let width = chunks.first().map_or(0, |chunk| chunk.columns.len());
    let mut columns = Vec::with_capacity(width);
    for _ in 0..width {
        let parts: Named = chunks.iter_mut().map(|chunk| chunk.columns.remove(0)).collect();
        let arrays: Vec<&dyn arrow_array::Array> = parts.iter().map(|(_, array)| Arc::as_ref(array)).collect();
        let name = parts.first().map_or("", |&(name, _)| name);
        columns.push((name, arrow_select::interleave::interleave(&arrays, &places)?));
    }
    Ok(Chunk::of(columns, rows, seen_at))
}
