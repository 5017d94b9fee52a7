//! The door between `sip-core` and Python: takes arguments, releases the GIL, returns Arrow tables, maps errors.

mod cluster;
mod table;
mod tree;
mod windows;

use std::collections::{BTreeSet, HashMap};
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
use sip_core::cycle;
use sip_core::error::CaptureError;
use sip_core::ipsec::{Given, Transform};
use sip_core::layer::Layer;
use sip_core::limits::Limits;
use sip_core::media::Payload;
use sip_core::net::{self, Flow, Protocol, link_type_number};
use sip_core::observation::Clock;
use sip_core::pipeline::media_heads::{self, MediaPacket};
use sip_core::pipeline::{self, Media, Options, Place, Progress, Scan, ScanError, Source};
use sip_core::sip::headers::Asked;
use sip_core::sip::name::VOCABULARY;
use sip_core::sip::{Carrier, Message, Name};
use sip_core::tables::small::failure as failure_of;
use sip_core::tables::{Wanted, catalogue};

use table::Table;

type MediaArgument = (IpAddr, u16, i64, i64);
/// Of an association of ESP: source, destination and SPI, None for any; ealg and its key, alg and its key.
type EspKeyArgument = (Option<IpAddr>, Option<IpAddr>, Option<u32>, String, Vec<u8>, String, Vec<u8>);
type PayloadRow<'py> = (i64, u16, u32, u8, Bound<'py, PyBytes>);
type SourceArgument = (String, PathBuf, Option<String>, Option<u64>);

fn sources(given: Vec<SourceArgument>) -> Vec<Source> {
    given.into_iter().map(|(name, path, point, bytes)| Source { name, path, point, bytes, read_before: None }).collect()
}

fn places(given: Vec<MediaArgument>) -> Vec<Media> {
    given.into_iter().map(|(address, port, since, until)| Media { address, port, since, until }).collect()
}

fn clocks(given: Vec<(u16, i64, i64, i64)>) -> Vec<Clock> {
    given.into_iter().map(|(point, offset, drift, since)| Clock { point, offset, drift, since }).collect()
}

/// The message of an error never quotes a key.
fn esp_keys(given: Vec<EspKeyArgument>) -> PyResult<Vec<Given>> {
    let keys = given.into_iter().map(|(src, dst, spi, ealg, cipher, alg, integrity)| {
        let transform = Transform::new(&ealg, &cipher, &alg, &integrity).map(Arc::new);
        let transform = transform.ok_or_else(|| PyValueError::new_err(format!("no keys of {ealg} with {alg}")))?;
        Ok(Given { src, dst, spi, transform })
    });
    keys.collect()
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
        let media = scan
            .media
            .map(|it| [it.streams, it.intervals, it.events, it.reports, it.sessions].map(Some))
            .unwrap_or_default();
        let [streams, intervals, events, reports, sessions] = media;
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
            ("rtp_streams", streams),
            ("rtp_intervals", intervals),
            ("rtp_events", events),
            ("rtcp_reports", reports),
            ("msrp_sessions", sessions),
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
/// headers: names of header fields that have rows in `headers`. keys: paths of TLS key logs and private keys. esp_keys: those
/// of IPsec, which are shown nowhere. srtp_keys: open SRTP with the keys that session descriptions announce.
#[pyfunction]
#[pyo3(signature = (sources, threads = 0, limits = None, columns = None, link_types = Vec::new(), clocks = Vec::new(),
    headers = Vec::new(), keys = Vec::new(), esp_keys = Vec::new(), srtp_keys = false))]
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
    esp_keys: Vec<EspKeyArgument>,
    srtp_keys: bool,
) -> PyResult<RunningScan> {
    let wanted = columns.map_or(Wanted::All, Wanted::These);
    let headers = Asked::new(headers.iter().map(String::as_str));
    let (clocks, esp_keys) = (self::clocks(clocks), self::esp_keys(esp_keys)?);
    let options =
        Options { wanted, clocks, headers, keys, esp_keys, srtp_keys, ..options(threads, limits, &link_types)? };
    let sources = self::sources(sources);
    let progress = Arc::new(Progress::default());
    let shared = Arc::clone(&progress);
    let read = move || pipeline::scan(&sources, &options, &shared);
    let thread = thread::Builder::new().name("sip-read".to_owned()).spawn(read)?;
    Ok(RunningScan { thread: Some(thread), progress })
}

/// What was said beside SIP, in another reading: the tables diameter and dns, a row for each message.
#[pyfunction]
#[pyo3(signature = (sources, limits = None, link_types = Vec::new(), clocks = Vec::new(), esp_keys = Vec::new()))]
fn companion<'py>(
    py: Python<'py>,
    sources: Vec<SourceArgument>,
    limits: Option<&Bound<'py, PyDict>>,
    link_types: Vec<(String, String)>,
    clocks: Vec<(u16, i64, i64, i64)>,
    esp_keys: Vec<EspKeyArgument>,
) -> PyResult<Bound<'py, PyDict>> {
    let esp_keys = self::esp_keys(esp_keys)?;
    let options = Options { clocks: self::clocks(clocks), esp_keys, ..options(1, limits, &link_types)? };
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

/// The bytes of messages, by (file, frame, byte_offset, length) of their rows, in the order asked; None where none is found.
#[pyfunction]
#[pyo3(signature = (sources, wanted, limits = None, link_types = Vec::new(), keys = Vec::new(), esp_keys = Vec::new()))]
fn fetch<'py>(
    py: Python<'py>,
    sources: Vec<SourceArgument>,
    wanted: Vec<Place>,
    limits: Option<&Bound<'py, PyDict>>,
    link_types: Vec<(String, String)>,
    keys: Vec<PathBuf>,
    esp_keys: Vec<EspKeyArgument>,
) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
    let options = Options { keys, esp_keys: self::esp_keys(esp_keys)?, ..options(1, limits, &link_types)? };
    let sources = self::sources(sources);
    let found = py.detach(|| pipeline::fetch(&sources, &options, &wanted)).map_err(|error| raise(py, error))?;
    Ok(found.into_iter().map(|bytes| bytes.map(|bytes| PyBytes::new(py, &bytes))).collect())
}

/// The packets of streams of RTP, by (source, its port, receiver, its port, SSRC, over TCP): of each stream a list of (time,
/// number, timestamp, payload type, payload), in the order in which they came.
#[pyfunction]
#[pyo3(signature = (sources, wanted, limits = None, link_types = Vec::new(), keys = Vec::new(), esp_keys = Vec::new(),
    srtp_keys = false))]
#[expect(clippy::too_many_arguments, reason = "they are those of the Python function")]
fn payloads<'py>(
    py: Python<'py>,
    sources: Vec<SourceArgument>,
    wanted: Vec<(IpAddr, u16, IpAddr, u16, u32, bool)>,
    limits: Option<&Bound<'py, PyDict>>,
    link_types: Vec<(String, String)>,
    keys: Vec<PathBuf>,
    esp_keys: Vec<EspKeyArgument>,
    srtp_keys: bool,
) -> PyResult<Vec<Vec<PayloadRow<'py>>>> {
    let esp_keys = self::esp_keys(esp_keys)?;
    let options = Options { keys, esp_keys, srtp_keys, ..options(1, limits, &link_types)? };
    let sources = self::sources(sources);
    let flow = |(src, src_port, dst, dst_port, source, tcp)| {
        let protocol = if tcp { Protocol::Tcp } else { Protocol::Udp };
        (Flow { protocol, src, dst, src_port, dst_port }, source)
    };
    let wanted: Vec<(Flow, u32)> = wanted.into_iter().map(flow).collect();
    let found = py.detach(|| pipeline::payloads(&sources, &options, &wanted)).map_err(|error| raise(py, error))?;
    let row = |it: Payload| (it.time, it.number, it.timestamp, it.payload_type, PyBytes::new(py, &it.bytes));
    Ok(found.into_iter().map(|stream| stream.into_iter().map(row).collect()).collect())
}

/// Writes the packets of messages, by (file, frame, byte_offset, length) of their rows, to a pcapng file, with the beginnings
/// and ends of their TCP connections, by (transport, source, its port, receiver, its port), and those of media: (address,
/// port, since, until), times in ns. Returns how many packets.
#[pyfunction]
#[pyo3(signature = (sources, wanted, flows, media_flows, path, limits = None, link_types = Vec::new(), keys = Vec::new(),
    esp_keys = Vec::new()))]
#[expect(clippy::too_many_arguments, reason = "they are those of the Python function")]
fn export(
    py: Python<'_>,
    sources: Vec<SourceArgument>,
    wanted: Vec<Place>,
    flows: Vec<FlowArgument>,
    media_flows: Vec<MediaArgument>,
    path: PathBuf,
    limits: Option<&Bound<'_, PyDict>>,
    link_types: Vec<(String, String)>,
    keys: Vec<PathBuf>,
    esp_keys: Vec<EspKeyArgument>,
) -> PyResult<u64> {
    let options = Options { keys, esp_keys: self::esp_keys(esp_keys)?, ..options(1, limits, &link_types)? };
    let (sources, media) = (self::sources(sources), places(media_flows));
    let flows: Vec<Flow> = flows
        .into_iter()
        .map(|(transport, src, from, dst, to)| flow(&transport, Some(src), from, Some(dst), to))
        .collect();
    py.detach(|| {
        let output = BufWriter::new(File::create(&path)?);
        pipeline::export(&sources, &options, &wanted, &flows, &media, output)
    })
    .map_err(|error| raise(py, error))
}

type MessageArgument =
    (usize, Option<i64>, Option<i64>, String, Option<IpAddr>, u16, Option<IpAddr>, u16, u16, Vec<u8>, bool);
/// Transport, source, its port, receiver, its port.
type FlowArgument = (String, IpAddr, u16, IpAddr, u16);
type FailureArgument = (Option<i64>, String, String, IpAddr, u16, IpAddr, u16, String);

fn flow(transport: &str, src: Option<IpAddr>, src_port: u16, dst: Option<IpAddr>, dst_port: u16) -> Flow {
    let protocol = match transport {
        "udp" => Protocol::Udp,
        "tcp" => Protocol::Tcp,
        "sctp" => Protocol::Sctp,
        "ws" => Protocol::WebSocket,
        _ => Protocol::Secure,
    };
    let unknown = IpAddr::from([0, 0, 0, 0]);
    Flow { protocol, src: src.unwrap_or(unknown), dst: dst.unwrap_or(unknown), src_port, dst_port }
}

/// The headers of media packets.
#[pyclass(module = "analyzer._core", frozen)]
struct MediaHeads {
    packets: Vec<MediaPacket>,
}

#[pymethods]
impl MediaHeads {
    /// The addresses between which they went.
    fn addresses(&self) -> BTreeSet<String> {
        let ends: BTreeSet<IpAddr> =
            self.packets.iter().flat_map(|packet| [packet.flow.src, packet.flow.dst]).collect();
        ends.iter().map(IpAddr::to_string).collect()
    }
}

/// The headers of media packets to and from these places, (address, port, since, until) with times in ns, of these capture
/// points.
#[pyfunction]
#[pyo3(signature = (sources, media_flows, points, limits = None, link_types = Vec::new(), esp_keys = Vec::new()))]
#[pyo3(name = "media_heads")]
fn heads_of_media(
    py: Python<'_>,
    sources: Vec<SourceArgument>,
    media_flows: Vec<MediaArgument>,
    points: Vec<String>,
    limits: Option<&Bound<'_, PyDict>>,
    link_types: Vec<(String, String)>,
    esp_keys: Vec<EspKeyArgument>,
) -> PyResult<MediaHeads> {
    let options = Options { esp_keys: self::esp_keys(esp_keys)?, ..options(1, limits, &link_types)? };
    let (sources, media) = (self::sources(sources), places(media_flows));
    let packets =
        py.detach(|| media_heads::read(&sources, &options, &media, &points)).map_err(|error| raise(py, error))?;
    Ok(MediaHeads { packets })
}

/// Writes a pcapng file made of messages: (number of the point, ns of the first and of the last packet, transport, source,
/// its port, destination, its port, IPv4 identification, text, whether all of it), in order of time; of failed transports: (ns, kind,
/// transport, source, its port, destination, its port, detail); and of the headers of media, between the addresses that
/// stand for theirs. `ended` is when the capture ended. Returns how many packets.
#[pyfunction]
#[pyo3(signature = (points, messages, failures, ended, path, heads = None, addresses = HashMap::new()))]
#[expect(clippy::too_many_arguments, reason = "each is a part of the file")]
fn compose(
    py: Python<'_>,
    points: Vec<String>,
    messages: Vec<MessageArgument>,
    failures: Vec<FailureArgument>,
    ended: Option<i64>,
    path: PathBuf,
    heads: Option<&Bound<'_, MediaHeads>>,
    addresses: HashMap<IpAddr, IpAddr>,
) -> PyResult<u64> {
    let messages = messages.into_iter().map(
        |(point, first, last, transport, src, src_port, dst, dst_port, ident, bytes, complete)| {
            let flow = flow(&transport, src, src_port, dst, dst_port);
            pipeline::Message { point, times: (first, last), flow, ident, bytes, cut: !complete }
        },
    );
    let failed = failures.into_iter().filter_map(|(time, kind, transport, src, src_port, dst, dst_port, detail)| {
        let flow = flow(&transport, Some(src), src_port, Some(dst), dst_port);
        Some(pipeline::Failed { time, flow, failure: failure_of(&kind, &detail)? })
    });
    let parts = pipeline::Parts {
        points,
        messages: messages.collect(),
        failed: failed.collect(),
        media: heads.map(|heads| heads.get().packets.as_slice()).unwrap_or_default(),
        addresses,
        ended,
    };
    py.detach(|| pipeline::compose(&parts, BufWriter::new(File::create(&path)?))).map_err(|error| raise(py, error))
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

/// A keyed cycle through the numbers below the product of two sizes, and the function that goes one on.
#[pyclass(frozen)]
struct Cycle(cycle::Cycle);

#[pymethods]
impl Cycle {
    #[new]
    fn new(key: &[u8], labels: Vec<(String, String)>, left: u64, right: u64) -> PyResult<Self> {
        let made = cycle::Cycle::new(key, &labels, left, right);
        made.map(Self).ok_or_else(|| PyValueError::new_err("no size from 1 to 2^64, or no key of 1 to 64 bytes"))
    }

    fn next(&self, number: u64) -> u64 {
        self.0.next(number)
    }
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RunningScan>()?;
    module.add_class::<windows::RunningWindows>()?;
    module.add_function(wrap_pyfunction!(windows::windows, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::assigned_points, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::classified, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::merged_media, module)?)?;
    module.add_function(wrap_pyfunction!(cluster::merged_memory, module)?)?;
    module.add_function(wrap_pyfunction!(scan, module)?)?;
    module.add_function(wrap_pyfunction!(companion, module)?)?;
    module.add_function(wrap_pyfunction!(fetch, module)?)?;
    module.add_function(wrap_pyfunction!(payloads, module)?)?;
    module.add_function(wrap_pyfunction!(export, module)?)?;
    module.add_class::<MediaHeads>()?;
    module.add_class::<Cycle>()?;
    module.add_function(wrap_pyfunction!(heads_of_media, module)?)?;
    module.add_function(wrap_pyfunction!(compose, module)?)?;
    module.add_function(wrap_pyfunction!(parse, module)?)?;
    module.add_function(wrap_pyfunction!(tables, module)?)?;
    module.add_function(wrap_pyfunction!(protocols, module)?)?;
    module.add_function(wrap_pyfunction!(header_vocabulary, module)?)?;
    module.add_function(wrap_pyfunction!(link_type, module)?)?;
    module.add_function(wrap_pyfunction!(header_name, module)?)?;
    Ok(())
}
