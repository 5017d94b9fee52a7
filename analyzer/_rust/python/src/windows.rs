//! A reading in windows, running on threads of its own.

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sip_core::pipeline::windows::{State, Window, Windows};
use sip_core::pipeline::{Options, Progress, ReadBefore, ScanError, Source};
use sip_core::sip::headers::Asked;

use crate::table::Table;
use crate::{EspKeyArgument, esp_keys as esp_keys_of, options, raise};

/// (name, path, capture point or None, bytes to read of it or None, of one read another time the points of its hosts and its packets)
type SourceArgument = (String, PathBuf, Option<String>, Option<u64>, Option<(Vec<(u32, usize)>, u64)>);
/// (points, agents, until, copies, media): what an earlier window gave as `state`.
type StateArgument = (Vec<(Option<String>, String, i64, i64)>, Vec<String>, Option<i64>, Vec<u8>, Vec<u8>);

/// Windows that are read as they are asked for.
#[pyclass(module = "analyzer._core", name = "Windows")]
pub struct RunningWindows {
    receive: Mutex<Receiver<Result<Window, ScanError>>>,
    progress: Arc<Progress>,
    found: Option<Result<Window, ScanError>>,
}

#[pymethods]
impl RunningWindows {
    /// Bytes read (before decompression) and messages found so far.
    fn progress(&self) -> (u64, u64) {
        (self.progress.bytes_done.load(Relaxed), self.progress.messages.load(Relaxed))
    }

    /// Waits at most so many seconds for the next window; true when it is there, or there is none.
    fn wait(&mut self, py: Python<'_>, seconds: f64) -> bool {
        if self.found.is_some() {
            return true;
        }
        let patience = Duration::try_from_secs_f64(seconds.clamp(0.0, 3600.0)).unwrap_or_default();
        let receive = &self.receive;
        match py.detach(|| receive.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(patience)) {
            Ok(found) => {
                self.found = Some(found);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        }
    }

    /// The window that :meth:`wait` found, by name: the tables of a scan, problem_counts, and hosts, until, latest, state
    /// and last; None after the last.
    fn take<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(found) = self.found.take() else { return Ok(None) };
        let window = found.map_err(|error| raise(py, error))?;
        let tables = PyDict::new(py);
        for (name, batch) in [
            ("messages", window.messages),
            ("descriptions", window.descriptions),
            ("ims_headers", window.ims_headers),
            ("parts", window.parts),
            ("evidence", window.evidence),
            ("via_tails", window.via_tails),
            ("headers", window.headers),
            ("texts", window.texts),
            ("observed", window.observed),
            ("files", window.files),
            ("problems", window.problems),
            ("problem_counts", window.problem_counts),
            ("account", window.account),
            ("failures", window.failures),
            ("tls_connections", window.tls_connections),
            ("rtp_streams", window.media.streams),
            ("rtp_intervals", window.media.intervals),
            ("rtp_events", window.media.events),
            ("rtcp_reports", window.media.reports),
            ("msrp_sessions", window.media.sessions),
            ("open_rtp_streams", window.open_media.streams),
            ("open_rtp_intervals", window.open_media.intervals),
            ("open_rtp_events", window.open_media.events),
            ("open_rtcp_reports", window.open_media.reports),
            ("open_msrp_sessions", window.open_media.sessions),
        ] {
            if let Some(table) = Table::new(vec![batch]) {
                tables.set_item(name, table)?;
            }
        }
        tables.set_item("hosts", window.hosts)?;
        tables.set_item("until", window.until)?;
        tables.set_item("latest", window.latest)?;
        let state = window.state.map(|State { points, agents, until, copies, media }| {
            (points, agents, until, PyBytes::new(py, &copies), PyBytes::new(py, &media))
        });
        tables.set_item("state", state)?;
        tables.set_item("last", window.last)?;
        Ok(Some(tables))
    }

    /// Has the reading stop soon.
    fn cancel(&self) {
        self.progress.cancel.store(true, Relaxed);
    }
}

impl Drop for RunningWindows {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Starts to read captures in windows, all columns of each. `how`: about so many messages in a window, whether their bytes are
/// kept, and whether what tells them from their copies is given out.
#[pyfunction]
#[pyo3(signature = (sources, how, threads = 0, limits = None, link_types = Vec::new(), headers = Vec::new(), state = None,
    keys = Vec::new(), esp_keys = Vec::new()))]
#[expect(clippy::too_many_arguments, reason = "they are those of the Python function")]
pub fn windows(
    sources: Vec<SourceArgument>,
    how: (usize, bool, bool),
    threads: usize,
    limits: Option<&Bound<'_, PyDict>>,
    link_types: Vec<(String, String)>,
    headers: Vec<String>,
    state: Option<StateArgument>,
    keys: Vec<PathBuf>,
    esp_keys: Vec<EspKeyArgument>,
) -> PyResult<RunningWindows> {
    let (size, texts, observed) = how;
    let headers = Asked::new(headers.iter().map(String::as_str));
    let esp_keys = esp_keys_of(esp_keys)?;
    let options = Options { headers, texts, observed, keys, esp_keys, ..options(threads, limits, &link_types)? };
    let sources: Vec<Source> = sources
        .into_iter()
        .map(|(name, path, point, bytes, known)| {
            let read_before = known.map(|(hosts, frames)| ReadBefore { hosts, frames });
            Source { name, path, point, bytes, read_before }
        })
        .collect();
    let state = state.map(|(points, agents, until, copies, media)| State { points, agents, until, copies, media });
    let progress = Arc::new(Progress::default());
    let shared = Arc::clone(&progress);
    // One window waits while the one before it is worked on.
    let (send, receive) = sync_channel(0);
    let read = move || {
        let mut windows = match Windows::new(&sources, &options, &shared, size, state.unwrap_or_default()) {
            Ok(windows) => windows,
            Err(error) => {
                send.send(Err(error)).ok();
                return;
            }
        };
        loop {
            match windows.next_window() {
                Ok(Some(window)) => {
                    if send.send(Ok(window)).is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    send.send(Err(error)).ok();
                    return;
                }
            }
        }
    };
    thread::Builder::new()
        .name("sip-read".to_owned())
        .spawn(read)
        .map_err(|error| PyRuntimeError::new_err(format!("the system gives no thread to read with: {error}")))?;
    Ok(RunningWindows { receive: Mutex::new(receive), progress, found: None })
}
