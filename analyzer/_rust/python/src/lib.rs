//! The door between `sip-core` and Python: takes arguments, releases the GIL, returns Arrow tables, maps errors.

mod table;
mod tree;

use std::fs::File;
use std::io::BufWriter;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sip_core::error::CaptureError;
use sip_core::layer::Layer;
use sip_core::limits::Limits;
use sip_core::net::{self, link_type_number};
use sip_core::observation::Clock;
use sip_core::pipeline::{self, Media, Options, Place, Progress, Scan, ScanError, Source};
use sip_core::sip::headers::Asked;
use sip_core::sip::name::VOCABULARY;
use sip_core::sip::{Carrier, Message, Name};
use sip_core::tables::{Wanted, catalogue};

use table::Table;

type SourceArgument = (String, PathBuf, Option<String>, Option<u64>);

fn sources(given: Vec<SourceArgument>) -> Vec<Source> {
    given.into_iter().map(|(name, path, point, bytes)| Source { name, path, point, bytes }).collect()
}

fn clocks(given: Vec<(u16, i64, i64, i64)>) -> Vec<Clock> {
    given.into_iter().map(|(point, offset, drift, since)| Clock { point, offset, drift, since }).collect()
}

fn options(threads: usize, limits: Option<&Bound<'_, PyDict>>, link_types: &[(String, String)]) -> PyResult<Options> {
    let mut options = Options { threads, ..Options::default() };
    let number = |text: &String| {
        let known = link_type_number(text);
        known
            .ok_or_else(|| PyValueError::new_err(format!("no link type is called {text:?}: USER0, ETHERNET, RAW, 147")))
    };
    for (given, read_as) in link_types {
        options.link_types.push((number(given)?, number(read_as)?));
    }
    for (name, value) in limits.into_iter().flatten() {
        let name: String = name.extract()?;
        if !options.limits.set(&name, value.extract()?) {
            return Err(PyValueError::new_err(format!(
                "no limit is called {name:?}; there are {}",
                Limits::NAMES.join(", ")
            )));
        }
    }
    Ok(options)
}

fn raise(py: Python<'_>, error: ScanError) -> PyErr {
    match error {
        ScanError::Capture(CaptureError { path, offset, reason }) => {
            let class = py.import("analyzer.errors").and_then(|module| module.getattr("CaptureError"));
            match class.and_then(|class| class.call1((path, offset, reason))) {
                Ok(instance) => PyErr::from_value(instance),
                Err(error) => error,
            }
        }
        ScanError::Output(error) => error.into(),
        other => PyRuntimeError::new_err(other.to_string()),
    }
}

/// A scan running on threads of its own.
#[pyclass(module = "analyzer._core", name = "Scan")]
struct RunningScan {
    thread: Option<JoinHandle<Result<Scan, ScanError>>>,
    progress: Arc<Progress>,
}

#[pymethods]
impl RunningScan {
    /// Bytes read (before decompression) and messages found so far.
    fn progress(&self) -> (u64, u64) {
        (self.progress.bytes_done.load(Relaxed), self.progress.messages.load(Relaxed))
    }

    /// Waits at most so many seconds; true when the result is there.
    fn wait(&self, py: Python<'_>, seconds: f64) -> bool {
        const STEP: Duration = Duration::from_millis(1);
        let Some(thread) = &self.thread else { return true };
        py.detach(|| {
            let mut left = Duration::try_from_secs_f64(seconds.clamp(0.0, 3600.0)).unwrap_or_default();
            while !thread.is_finished() && !left.is_zero() {
                thread::sleep(STEP);
                left = left.saturating_sub(STEP);
            }
            thread.is_finished()
        })
    }

    /// The tables by name: messages descriptions ims_headers parts evidence via_tails headers files problems account failures
    /// tls_connections. Once only.
    fn result<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Some(thread) = self.thread.take() else {
            return Err(PyRuntimeError::new_err("the result of this scan was taken already"));
        };
        let scan = py
            .detach(|| thread.join())
            .map_err(|_| PyRuntimeError::new_err("the core panicked: please report this capture"))?
            .map_err(|error| raise(py, error))?;
        let tables = PyDict::new(py);
        for (name, batch) in [
            ("messages", Some(scan.messages)),
            ("descriptions", Some(scan.descriptions)),
            ("ims_headers", Some(scan.ims_headers)),
            ("parts", Some(scan.parts)),
            ("evidence", Some(scan.evidence)),
            ("via_tails", scan.via_tails),
            ("headers", Some(scan.headers)),
            ("files", Some(scan.files)),
            ("problems", Some(scan.problems)),
            ("account", Some(scan.account)),
            ("failures", Some(scan.failures)),
            ("tls_connections", Some(scan.tls_connections)),
        ] {
            if let Some(table) = Table::new(Vec::from_iter(batch)) {
                tables.set_item(name, table)?;
            }
        }
        Ok(tables)
    }

    /// Has the scan stop soon; its result is then of no use.
    fn cancel(&self) {
        self.progress.cancel.store(true, Relaxed);
    }
}

impl Drop for RunningScan {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Starts to read captures: (name, path, capture point or None, bytes to read of it or None) each. threads = 0: one parser for each processor.
/// columns: those of `messages` and `descriptions` that are wanted, None for all. link_types: (of the file, read as) by name
/// or number. clocks: (number of the capture point, ns ahead, ns more each second, since) to be taken off the times.
/// headers: names of header fields that have rows in `headers`. keys: paths of TLS key logs and private keys.
#[pyfunction]
#[pyo3(signature = (sources, threads = 0, limits = None, columns = None, link_types = Vec::new(), clocks = Vec::new(),
    headers = Vec::new(), keys = Vec::new()))]
#[expect(clippy::too_many_arguments, reason = "they are those of the Python function")]
fn scan(
    sources: Vec<SourceArgument>,
    threads: usize,
    limits: Option<&Bound<'_, PyDict>>,
    columns: Option<Vec<String>>,
    link_types: Vec<(String, String)>,
    clocks: Vec<(u16, i64, i64, i64)>,
    headers: Vec<String>,
    keys: Vec<PathBuf>,
) -> PyResult<RunningScan> {
    let wanted = columns.map_or(Wanted::All, Wanted::These);
    let headers = Asked::new(headers.iter().map(String::as_str));
    let options =
        Options { wanted, clocks: self::clocks(clocks), headers, keys, ..options(threads, limits, &link_types)? };
    let sources = self::sources(sources);
    let progress = Arc::new(Progress::default());
    let shared = Arc::clone(&progress);
    let read = move || pipeline::scan(&sources, &options, &shared);
    let thread = thread::Builder::new().name("sip-read".to_owned()).spawn(read)?;
    Ok(RunningScan { thread: Some(thread), progress })
}

/// What was said beside SIP, in another reading: the tables diameter and dns, a row for each message.
#[pyfunction]
#[pyo3(signature = (sources, limits = None, link_types = Vec::new(), clocks = Vec::new()))]
fn companion<'py>(
    py: Python<'py>,
    sources: Vec<SourceArgument>,
    limits: Option<&Bound<'py, PyDict>>,
    link_types: Vec<(String, String)>,
    clocks: Vec<(u16, i64, i64, i64)>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = Options { clocks: self::clocks(clocks), ..options(1, limits, &link_types)? };
    let sources = self::sources(sources);
    let found = py.detach(|| pipeline::companion::read(&sources, &options)).map_err(|error| raise(py, error))?;
    let tables = PyDict::new(py);
    for (name, batches) in [("diameter", found.diameter), ("dns", found.dns)] {
        if let Some(table) = Table::new(batches) {
            tables.set_item(name, table)?;
        }
    }
    Ok(tables)
}

/// The streams of RTP, their intervals, telephone events and what RTCP reports, by name, in a second reading; and how many
/// packets were not looked at, since there were more streams than `max_streams`.
#[pyfunction]
#[pyo3(signature = (sources, limits = None, link_types = Vec::new(), clocks = Vec::new()))]
fn media<'py>(
    py: Python<'py>,
    sources: Vec<SourceArgument>,
    limits: Option<&Bound<'py, PyDict>>,
    link_types: Vec<(String, String)>,
    clocks: Vec<(u16, i64, i64, i64)>,
) -> PyResult<(Bound<'py, PyDict>, u64)> {
    let options = Options { clocks: self::clocks(clocks), ..options(1, limits, &link_types)? };
    let sources = self::sources(sources);
    let found = py.detach(|| pipeline::media::read(&sources, &options)).map_err(|error| raise(py, error))?;
    let tables = PyDict::new(py);
    for (name, batch) in [
        ("rtp_streams", found.streams),
        ("rtp_intervals", found.intervals),
        ("rtp_events", found.events),
        ("rtcp_reports", found.reports),
    ] {
        if let Some(table) = Table::new(vec![batch]) {
            tables.set_item(name, table)?;
        }
    }
    Ok((tables, found.refused))
}

/// The bytes of messages, by (file, frame, byte_offset, length) of their rows, in the order asked; None where none is found.
#[pyfunction]
#[pyo3(signature = (sources, wanted, limits = None, link_types = Vec::new(), keys = Vec::new()))]
fn fetch<'py>(
    py: Python<'py>,
    sources: Vec<SourceArgument>,
    wanted: Vec<Place>,
    limits: Option<&Bound<'py, PyDict>>,
    link_types: Vec<(String, String)>,
    keys: Vec<PathBuf>,
) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
    let options = Options { keys, ..options(1, limits, &link_types)? };
    let sources = self::sources(sources);
    let found = py.detach(|| pipeline::fetch(&sources, &options, &wanted)).map_err(|error| raise(py, error))?;
    Ok(found.into_iter().map(|bytes| bytes.map(|bytes| PyBytes::new(py, &bytes))).collect())
}

/// Writes the packets of messages, by (file, frame, byte_offset, length) of their rows, to a pcapng file, and those of media:
/// (address, port, since, until), times in ns. Returns how many packets.
#[pyfunction]
#[pyo3(signature = (sources, wanted, media_flows, path, limits = None, link_types = Vec::new(), keys = Vec::new()))]
#[expect(clippy::too_many_arguments, reason = "they are those of the Python function")]
fn export(
    py: Python<'_>,
    sources: Vec<SourceArgument>,
    wanted: Vec<Place>,
    media_flows: Vec<(IpAddr, u16, i64, i64)>,
    path: PathBuf,
    limits: Option<&Bound<'_, PyDict>>,
    link_types: Vec<(String, String)>,
    keys: Vec<PathBuf>,
) -> PyResult<u64> {
    let options = Options { keys, ..options(1, limits, &link_types)? };
    let sources = self::sources(sources);
    let media_flows = media_flows.into_iter();
    let media: Vec<Media> =
        media_flows.map(|(address, port, since, until)| Media { address, port, since, until }).collect();
    py.detach(|| {
        let output = BufWriter::new(File::create(&path)?);
        pipeline::export(&sources, &options, &wanted, &media, output)
    })
    .map_err(|error| raise(py, error))
}

/// One message taken apart, whatever the bytes.
#[pyfunction]
fn parse<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    tree::message(py, &Message::read(text, Carrier::Datagram { missing: 0 }))
}

/// The long form of a header field's name, if it is one that we know.
#[pyfunction]
fn header_name(text: &str) -> Option<&'static str> {
    Name::of(text.as_bytes()).canonical()
}

/// The tables that the core makes, each with its columns in order: (name, type), where a type is text, int, time (ns since
/// 1970, UTC) or bool.
#[pyfunction]
fn tables() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    catalogue()
}

/// What is read of a packet: (layer, what of it, what announces it), the last for tunnels alone.
#[pyfunction]
fn protocols() -> Vec<(&'static str, &'static str, Option<String>)> {
    let layers = Layer::ALL.iter().map(|(layer, about)| (layer.as_str(), about.trim(), None));
    let tunnels = net::protocols().into_iter().map(|(layer, about, recognised)| (layer, about, Some(recognised)));
    layers.chain(tunnels).collect()
}

/// The header names whose bits `messages._headers` has, in the order of the bits.
#[pyfunction]
fn header_vocabulary() -> Vec<&'static str> {
    VOCABULARY.iter().filter_map(|name| name.canonical()).collect()
}

/// The number of a link type, by name (without LINKTYPE_) or number.
#[pyfunction]
fn link_type(text: &str) -> Option<u16> {
    link_type_number(text)
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RunningScan>()?;
    module.add_function(wrap_pyfunction!(scan, module)?)?;
    module.add_function(wrap_pyfunction!(companion, module)?)?;
    module.add_function(wrap_pyfunction!(media, module)?)?;
    module.add_function(wrap_pyfunction!(fetch, module)?)?;
    module.add_function(wrap_pyfunction!(export, module)?)?;
    module.add_function(wrap_pyfunction!(parse, module)?)?;
    module.add_function(wrap_pyfunction!(tables, module)?)?;
    module.add_function(wrap_pyfunction!(protocols, module)?)?;
    module.add_function(wrap_pyfunction!(header_vocabulary, module)?)?;
    module.add_function(wrap_pyfunction!(link_type, module)?)?;
    module.add_function(wrap_pyfunction!(header_name, module)?)?;
    Ok(())
}
