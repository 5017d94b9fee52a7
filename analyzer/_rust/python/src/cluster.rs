//! What many readings of a file each are put together with: the points of their files, and the copies among their messages.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sip_core::media::Streams;
use sip_core::observation::{Copies, ObservationKey};
use sip_core::pipeline::{Assigned, KnownHost, KnownPoint, ReadBefore, Source, assigned};

use crate::table::Table;

/// Messages that are classified at a time.
const AT_A_TIME: usize = 1 << 16;

/// (name, capture point or None, its hosts, as `State` has them: number, times of the first and the last packet; of one that was
/// read another time the points of its hosts).
type FileArgument = (String, Option<String>, Vec<KnownHost>, Option<Vec<(u32, usize)>>);

/// The capture points of files that were each read by itself, in the order in which they begin: of every file the point of each
/// host, the names of all points, and the points as a window's state has them. `known` are those of files before.
#[pyfunction]
#[pyo3(signature = (files, known = Vec::new()))]
#[expect(clippy::type_complexity, reason = "it is what Python gets")]
pub fn assigned_points(
    files: Vec<FileArgument>,
    known: Vec<KnownPoint>,
) -> (Vec<Vec<(u32, usize)>>, Vec<String>, Vec<KnownPoint>) {
    let files = files.into_iter().map(|(name, point, hosts, read_before)| {
        let path = PathBuf::from(&name);
        let read_before = read_before.map(|hosts| ReadBefore { hosts, frames: 0 });
        (Source { name, path, point, read_before, ..Source::default() }, hosts)
    });
    let Assigned { hosts, names, known } = assigned(&files.collect::<Vec<_>>(), known);
    (hosts, names, known)
}

/// What windows' states have of media, each with the capture points that count and their numbers in the whole, as one.
#[pyfunction]
pub fn merged_media(py: Python<'_>, parts: Vec<(Vec<u8>, HashMap<u16, u16>)>) -> Bound<'_, PyBytes> {
    let parts: Vec<_> = parts.into_iter().map(|(bytes, points)| (bytes, points.into_iter().collect())).collect();
    PyBytes::new(py, &Streams::merged(&parts))
}

/// The memories of :func:`classified`, of messages that have nothing to do with each other, as one of all at `latest` (ns).
#[pyfunction]
pub fn merged_memory<'py>(
    py: Python<'py>,
    memories: Vec<Vec<u8>>,
    latest: i64,
    idle: i64,
) -> PyResult<Bound<'py, PyBytes>> {
    let all: Option<Vec<Copies>> = memories.iter().map(|bytes| Copies::from_bytes(bytes)).collect();
    let all = all.ok_or_else(|| PyValueError::new_err("this is no memory"))?;
    Ok(PyBytes::new(py, &Copies::merged(all, latest, idle).to_bytes()))
}

/// Keys, transactions and copies of messages in time order: `observed` is what windows gave of each, one after the other,
/// `points` the number of the point of each. What comes later of these messages needs the second value: the memory of a
/// window's state; transactions that were silent for `idle` (ns) are not in it. `memory` is that of messages before.
#[pyfunction]
#[pyo3(signature = (observed, points, idle, memory = None))]
pub fn classified<'py>(
    py: Python<'py>,
    observed: &[u8],
    points: Vec<u16>,
    idle: i64,
    memory: Option<&[u8]>,
) -> PyResult<(Table, Bound<'py, PyBytes>)> {
    let rows_of =
        |bytes| ObservationKey::all_of(bytes).ok_or_else(|| PyValueError::new_err("these are no observations"));
    let mut copies = match memory.map(Copies::from_bytes) {
        None => Copies::default(),
        Some(Some(before)) => before.concerning(&rows_of(observed)?),
        Some(None) => return Err(PyValueError::new_err("this is no memory")),
    };
    let mut found = Vec::with_capacity(points.len());
    // What is past is forgotten as they go by.
    for (bytes, points) in observed.chunks(AT_A_TIME * ObservationKey::BYTES).zip(points.chunks(AT_A_TIME)) {
        let mut rows = rows_of(bytes)?;
        rows.iter_mut().zip(points).for_each(|(row, &point)| row.point = point);
        found.extend(copies.classify(&rows, idle));
    }
    let key: Int64Array = found.iter().map(|seen| Some(seen.key)).collect();
    let transaction: Int64Array = found.iter().map(|seen| seen.transaction).collect();
    let original: Int64Array = found.iter().map(|seen| seen.original).collect();
    let retransmission: BooleanArray = found.iter().map(|seen| Some(seen.retransmission)).collect();
    let duplicate: BooleanArray = found.iter().map(|seen| Some(seen.original.is_some())).collect();
    let columns: [(&str, ArrayRef); 5] = [
        ("message", Arc::new(key)),
        ("transaction", Arc::new(transaction)),
        ("original", Arc::new(original)),
        ("retransmission", Arc::new(retransmission)),
        ("duplicate", Arc::new(duplicate)),
    ];
    let batch = RecordBatch::try_from_iter(columns).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let table = Table::new(vec![batch]).ok_or_else(|| PyValueError::new_err("no table"))?;
    Ok((table, PyBytes::new(py, &copies.to_bytes())))
}
