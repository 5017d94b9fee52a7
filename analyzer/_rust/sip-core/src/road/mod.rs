//! The road: files in order of time, packets to payloads to messages, and the tables at its end.
//!
//! One thread reads and decodes; it hands [`Batch`]es of messages to parser threads, which give back columns. What is cut
//! into a batch depends on the capture alone, and the results are put back in its order, so the tables are the same
//! whatever the number of threads.

mod agents;
mod batch;
pub mod beside;
mod export;
mod outlet;
mod points;
mod sightings;
mod stream;
mod trace;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use hashbrown::HashMap;

use crate::container;
use crate::error::CaptureError;
use crate::limits::Limits;
use crate::net::{Failure, Fate, Flow};
use crate::packet::Stamp;
use crate::problem::{Code, Layer, Problem, Problems};
use crate::sip::headers::Asked;
use crate::tables::Wanted;
use crate::tables::evidence::{Evidence, Tails};
use crate::tables::messages::{self, Assembled, Chunk, Clock};
use crate::tables::sdp;
use crate::tables::small::{self, FileRow, ProblemLog};
pub use agents::PointNames;
pub use batch::{Batch, Entry, Seen, Spoken};
pub use export::export;
use outlet::{Framers, Outlet, PointSink};
use points::Points;
pub use sightings::{Kind, Sighted, Sighting, sweep, time_order};
pub use trace::Media;
use trace::Trace;

/// One capture to read.
#[derive(Debug, Clone)]
pub struct Source {
    /// As the user named it; what `messages.file` says.
    pub name: String,
    pub path: PathBuf,
    /// The capture point the user assigned, if any.
    pub point: Option<String>,
}

/// How to read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub limits: Limits,
    /// Parser threads; 0 = one for each processor.
    pub threads: usize,
    /// Columns of `messages` and of `descriptions` that are made; what is not asked for costs neither time nor memory.
    pub wanted: Wanted,
    /// Link types to be read as others: what a file calls USER0 (147) is what the user says it is.
    pub link_types: Vec<(u16, u16)>,
    /// What the clocks of capture points are off by, to be taken off the times of messages.
    pub clocks: Vec<Clock>,
    /// Names of header fields that have rows of their own.
    pub headers: Asked,
}

impl Options {
    fn threads(&self) -> usize {
        match self.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// Shared with whoever waits for the scan.
#[derive(Debug, Default)]
pub struct Progress {
    pub bytes_done: AtomicU64,
    pub messages: AtomicU64,
    /// Set to have the scan stop; its result is then of no use.
    pub cancel: AtomicBool,
}

/// The tables of a scan.
#[derive(Debug)]
pub struct Scan {
    /// In time order over all chunks.
    pub messages: Vec<RecordBatch>,
    /// Each distinct session description once, in no order.
    pub descriptions: Vec<RecordBatch>,
    /// What few messages say: roles of nodes and registrations rest on it.
    pub rare: Vec<RecordBatch>,
    /// Bodies and their parts that are no session descriptions.
    pub parts: Vec<RecordBatch>,
    /// What opening requests say that other legs of their calls may say too.
    pub evidence: Vec<RecordBatch>,
    /// The tails of Via stacks, where asked for.
    pub via_tails: Vec<RecordBatch>,
    /// Header fields of the names asked for, each whole.
    pub headers: Vec<RecordBatch>,
    pub files: RecordBatch,
    pub problems: RecordBatch,
    pub account: RecordBatch,
    pub failures: RecordBatch,
}

/// Why there are no tables.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    Capture(#[from] CaptureError),
    #[error("the core made a table that Arrow refuses: {0}")]
    Arrow(#[from] ArrowError),
    #[error("cancelled")]
    Cancelled,
    /// An export could not be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Reads all sources on one time line.
///
/// # Errors
/// When not one of them can be read. A single unreadable one among others is a row in `problems`.
pub fn scan(sources: &[Source], options: &Options, progress: &Progress) -> Result<Scan, ScanError> {
    let chunks: Mutex<Vec<(usize, Result<Chunk, ArrowError>)>> = Mutex::new(Vec::new());
    let descriptions = sdp::Descriptions::new(options.limits.max_sdp_media);
    let finished = read(sources, options, progress, None, || {
        let Options { limits, wanted, clocks, headers, .. } = options;
        let mut parser = messages::Parser::new(limits, wanted, clocks, headers, &descriptions);
        let chunks = &chunks;
        move |number: usize, batch: &Batch| {
            let chunk = parser.parse(batch);
            progress.messages.fetch_add(batch.messages().len() as u64, Relaxed);
            chunks.lock().unwrap_or_else(PoisonError::into_inner).push((number, chunk));
        }
    })?;

    let mut chunks = chunks.into_inner().unwrap_or_else(PoisonError::into_inner);
    chunks.sort_unstable_by_key(|&(number, _)| number);
    let mut chunks = chunks.into_iter().map(|(_, chunk)| chunk).collect::<Result<Vec<Chunk>, ArrowError>>()?;
    let Finished { files, mut problems, ledger, failures, points, .. } = finished;
    // One without rows tells the columns where there is no description.
    let mut descriptions = vec![sdp::table(&[], &options.wanted)?];
    let mut evidence = vec![Evidence::none(&options.wanted)?];
    let mut via_tails = Vec::new();
    if options.wanted.has("_tail") {
        via_tails.push(Tails::default().take(&options.wanted)?);
    }
    for chunk in &mut chunks {
        problems.append(chunk.take_problems(&options.limits));
        descriptions.extend(chunk.take_descriptions());
        evidence.extend(chunk.take_evidence());
        via_tails.extend(chunk.take_via_tails());
    }
    let Assembled { messages, rare, parts, headers } =
        messages::assemble(chunks, &files, &points, &options.wanted, options.threads())?;
    Ok(Scan {
        messages,
        descriptions,
        rare,
        parts,
        evidence,
        via_tails,
        headers,
        problems: problems.finish(&files)?,
        account: small::account(&ledger)?,
        failures: small::failures(&failures)?,
        files: small::files(&files)?,
    })
}

/// Where a message lies, as its row says: file, frame, offset, length.
pub type Place = (String, u64, u64, u64);

/// The verbatim bytes of messages, in the order asked; `None` for a place where no message is. Reads the sources again,
/// for a message may lie in many packets of several files.
pub fn fetch(sources: &[Source], options: &Options, wanted: &[Place]) -> Result<Vec<Option<Vec<u8>>>, ScanError> {
    let order = points::in_time_order(sources, &options.limits);
    let file = |name: &str| order.iter().position(|source| source.name == name).unwrap_or(usize::MAX) as u32;
    let mut places: HashMap<(u32, u64, u64), Vec<(usize, u64)>> = HashMap::new();
    for (index, (name, frame, offset, length)) in wanted.iter().enumerate() {
        places.entry((file(name), *frame, *offset)).or_default().push((index, *length));
    }
    let found: Mutex<Vec<Option<Vec<u8>>>> = Mutex::new(vec![None; wanted.len()]);
    read(sources, options, &Progress::default(), None, || {
        |_: usize, batch: &Batch| {
            for Entry { seen, bytes, .. } in batch.messages() {
                let Some(asked) = places.get(&(seen.last.file, seen.last.frame, seen.first.offset)) else { continue };
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                for &(index, length) in asked {
                    // Bytes behind the message, which its row does not count, came along.
                    if let Some(message) = bytes.get(..length as usize) {
                        found[index] = Some(message.to_vec());
                    }
                }
            }
        }
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Reads all sources; each thread makes a consumer of its own, which gets batches with their numbers.
fn read<C: FnMut(usize, &Batch) + Send>(
    sources: &[Source],
    options: &Options,
    progress: &Progress,
    trace: Option<Trace>,
    mut consumer: impl FnMut() -> C,
) -> Result<Finished, ScanError> {
    let threads = options.threads();
    let sources = points::in_time_order(sources, &options.limits);
    let (send, receive) = bounded::<(usize, Batch)>(threads);
    let (give_back, recycled) = unbounded::<Batch>();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (receive, give_back) = (receive.clone(), give_back.clone());
            let mut consume = consumer();
            scope.spawn(move || {
                for (number, mut batch) in receive {
                    consume(number, &batch);
                    batch.clear();
                    // The reader may have ended already; then nobody needs the arena.
                    give_back.send(batch).ok();
                }
            });
        }
        drop((receive, give_back));
        let mut reader = Reader::new(options, progress, trace, send, recycled);
        let files = reader.read_all(&sources)?;
        Ok(reader.finish(files))
    })
}

type Ledger = BTreeMap<(&'static str, String), u64>;

/// What a reading leaves beside the batches.
struct Finished {
    files: Vec<FileRow>,
    problems: ProblemLog,
    ledger: Ledger,
    failures: Vec<(Flow, Failure, Stamp)>,
    points: PointNames,
    trace: Option<Trace>,
}

/// Files to batches: what runs once per packet.
struct Reader<'a> {
    limits: &'a Limits,
    progress: &'a Progress,
    points: Points,
    fates: HashMap<Fate, u64, foldhash::fast::FixedState>,
    out: Outlet<'a>,
}

impl<'a> Reader<'a> {
    fn new(
        options: &'a Options,
        progress: &'a Progress,
        trace: Option<Trace>,
        send: Sender<(usize, Batch)>,
        recycled: Receiver<Batch>,
    ) -> Self {
        let limits = &options.limits;
        let out = Outlet::new(limits, trace, send, recycled);
        let points = Points::new(limits, &options.link_types);
        Self { limits, progress, points, fates: HashMap::default(), out }
    }

    fn read_all(&mut self, sources: &[Source]) -> Result<Vec<FileRow>, ScanError> {
        let mut files = Vec::with_capacity(sources.len());
        let mut refused = None;
        let mut any = false;
        for (number, source) in sources.iter().enumerate() {
            let number = number as u32;
            let mut row = FileRow { name: source.name.clone(), ..FileRow::default() };
            row.path = source.path.display().to_string();
            match self.read_file(number, source, &mut row) {
                Ok(()) => any = true,
                Err(ScanError::Capture(error)) => {
                    row.info.cut = true;
                    self.out.problems.report(Problem {
                        code: Code::FileUnreadable,
                        layer: Layer::Container,
                        file: number,
                        frame: 0,
                        offset: error.offset,
                        detail: error.reason.clone(),
                    });
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
            files.push(row);
        }
        match refused {
            Some(error) if !any => Err(error.into()),
            _ => Ok(files),
        }
    }

    fn read_file(&mut self, number: u32, source: &Source, row: &mut FileRow) -> Result<(), ScanError> {
        let mut capture = container::open(open(source)?, &source.name, number, self.limits)?;
        let before = self.progress.bytes_done.load(Relaxed);
        self.points.open_file(source);
        let mut host = None;
        let (mut point, mut sliced) = (0, 0);
        while let Some(packet) = capture.next(&mut self.out.problems) {
            if host != Some(packet.host) {
                host = Some(packet.host);
                point = self.points.of_host(packet.host, packet.time);
            }
            let (decoder, framers) = self.points.at(point);
            let interface = packet.interface;
            let mut sink = PointSink { point: point as u16, interface, framers, out: &mut self.out };
            let fate = decoder.packet(number, &packet, &mut sink);
            *self.fates.entry(fate).or_default() += 1;
            self.points.saw(point, packet.time);
            sliced += u64::from(packet.orig_len as usize > packet.data.len());
            if packet.frame % 4_096 == 0 {
                if self.progress.cancel.load(Relaxed) {
                    return Err(ScanError::Cancelled);
                }
                self.progress.bytes_done.store(before + capture.bytes_read(), Relaxed);
            }
        }
        self.progress.bytes_done.store(before + capture.bytes_read(), Relaxed);
        row.info = capture.info().clone();
        row.sliced = sliced;
        row.point = self.points.close_file();
        Ok(())
    }

    /// Gives up what is held back, and hands over everything that is not a message.
    fn finish(mut self, files: Vec<FileRow>) -> Finished {
        let mut corrections = Vec::new();
        for point in 0..self.points.len() {
            let (decoder, framers) = self.points.at(point);
            let mut sink = PointSink { point: point as u16, interface: u32::MAX, framers, out: &mut self.out };
            corrections.extend(decoder.finish(&mut sink));
        }
        for correction in corrections {
            *self.fates.entry(correction.from).or_default() -= correction.packets;
            *self.fates.entry(correction.to).or_default() += correction.packets;
        }
        self.out.flush();
        let mut ledger = Ledger::new();
        for (fate, packets) in self.fates {
            let (layer, reason) = fate.names();
            *ledger.entry((layer, reason.to_string())).or_default() += packets;
        }
        Finished {
            files,
            problems: self.out.problems,
            ledger,
            failures: self.out.failures,
            points: PointNames { files: self.points.names(), agents: self.out.agents.into_names() },
            trace: self.out.trace,
        }
    }
}

fn open(source: &Source) -> Result<Box<dyn Read + Send>, CaptureError> {
    let refuse = |reason: String| CaptureError { path: source.name.clone(), offset: 0, reason };
    let file = File::open(&source.path).map_err(|error| refuse(error.to_string()))?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err(refuse("is a directory, not a capture".to_owned()));
    }
    Ok(Box::new(file))
}
