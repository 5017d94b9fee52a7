//! Captures to tables in windows: one reading, whose state goes on from window to window and from file to file, and whose
//! memory does not grow with the captures.
//!
//! What leaves with a window is before everything that is still to come, as far as files keep their order in time: the first
//! packets of files say when they begin, and a file that is open has come to the time of its latest packet.

use std::sync::atomic::AtomicUsize;
use std::thread;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use crossbeam_channel::{bounded, unbounded};

use super::collector::Also;
use super::options::{Options, Progress, ScanError};
use super::points::{self, KnownPoint};
use super::reader::{OpenFile, Reader};
use super::scan::{Parsing, one};
use super::secrets;
use super::source::Source;
use crate::error::CaptureError;
use crate::layer::Layer;
use crate::media::{Found, Streams};
use crate::observation::{Batch, Copies, PointNames};
use crate::packet::NO_TIME;
use crate::problem::{Code, Problem, Problems};
use crate::tables::evidence::{Evidence, Tails};
use crate::tables::media;
use crate::tables::messages::{self, Assembled, Chunk, Waiting};
use crate::tables::sdp;
use crate::tables::small::{self, FileRow, ProblemLog};
use crate::tables::tls;

/// Packets of a window for each message that it may have: media are held until it ends.
const PACKETS: usize = 100;

/// What another reading goes on with.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub points: Vec<KnownPoint>,
    pub agents: Vec<String>,
    /// What left is before this time (ns).
    pub until: Option<i64>,
    /// As [`Copies::to_bytes`] gives it.
    pub copies: Vec<u8>,
    /// As [`Streams::to_bytes`] gives it.
    pub media: Vec<u8>,
}

/// The tables of a window; those of a scan (see [`super::Scan`]), and where it ends.
#[derive(Debug)]
pub struct Window {
    pub messages: RecordBatch,
    pub descriptions: RecordBatch,
    pub ims_headers: RecordBatch,
    pub parts: RecordBatch,
    pub evidence: RecordBatch,
    pub via_tails: RecordBatch,
    pub headers: RecordBatch,
    /// The bytes of messages, where they are kept.
    pub texts: RecordBatch,
    /// What tells the messages from their copies ([`messages::observations`]), where that is wanted.
    pub observed: RecordBatch,
    /// Those that were read to their end in it.
    pub files: RecordBatch,
    /// Of each of these the point of each host, for [`Source::read_before`].
    pub hosts: Vec<Vec<(u32, usize)>>,
    pub problems: RecordBatch,
    /// How many problems there were of each code, listed or not.
    pub problem_counts: RecordBatch,
    /// What is more or less than after the window before.
    pub account: RecordBatch,
    pub failures: RecordBatch,
    /// Media that are over.
    pub media: media::Tables,
    /// Media that go on: where all was read as if they ended here, else who sends to whom.
    pub open_media: media::Tables,
    /// Connections that ended.
    pub tls_connections: RecordBatch,
    /// All messages before it have left (ns); `None` if all have that were read.
    pub until: Option<i64>,
    /// The latest time of a message that was read, whether it left or waits.
    pub latest: Option<i64>,
    /// Where a file ended and the next was not begun, what another reading goes on with.
    pub state: Option<State>,
    /// What was held back is given up, for nothing comes any more; another reading takes no account of it.
    pub last: bool,
}

/// A reading in windows.
pub struct Windows<'a> {
    options: &'a Options,
    progress: &'a Progress,
    /// With the time of the first packet, and in its order.
    sources: Vec<(i64, Source)>,
    next: usize,
    open: Option<OpenFile>,
    reader: Reader<'a>,
    waiting: Waiting,
    files: Vec<FileRow>,
    /// Files that were told.
    told: usize,
    hosts: Vec<Vec<(u32, usize)>>,
    refused: Option<CaptureError>,
    any: bool,
    size: usize,
    until: i64,
    left: i64,
    ended: bool,
}

impl<'a> Windows<'a> {
    /// Windows of about `size` messages, or of half as many where a file ends.
    ///
    /// # Errors
    /// When a file with keys cannot be read.
    pub fn new(
        sources: &[Source],
        options: &'a Options,
        progress: &'a Progress,
        size: usize,
        state: State,
    ) -> Result<Self, ScanError> {
        let (secrets, _) = secrets::given(sources, options)?;
        let sources = points::dated(sources, &options.limits);
        let mut streams = Streams::new(&options.limits);
        streams.restore(&state.media);
        let also = Also { media: Some(streams), ..Also::default() };
        let mut reader = Reader::new(options, progress, secrets, also, bounded(0).0, unbounded().1);
        reader.points.restore(state.points);
        reader.out.agents.restore(state.agents);
        let copies = Copies::from_bytes(&state.copies).unwrap_or_default();
        let left = state.until.unwrap_or(NO_TIME);
        Ok(Self {
            options,
            progress,
            sources,
            next: 0,
            open: None,
            reader,
            waiting: Waiting::after(copies),
            files: Vec::new(),
            told: 0,
            hosts: Vec::new(),
            refused: None,
            any: false,
            size: size.max(1),
            until: left,
            left,
            ended: false,
        })
    }

    /// The next window; `None` after the last.
    ///
    /// # Errors
    /// When not one of the sources can be read. A single unreadable one among others is a row in `problems`.
    pub fn next_window(&mut self) -> Result<Option<Window>, ScanError> {
        if self.ended {
            return Ok(None);
        }
        let last = self.open.is_none() && self.next >= self.sources.len();
        let limits = &self.options.limits;
        let descriptions = sdp::Descriptions::new(limits.max_sdp_media);
        let begun = AtomicUsize::new(0);
        let threads = self.options.threads();
        let (send, receive) = bounded::<(usize, Batch)>(threads);
        let (give_back, recycled) = unbounded::<Batch>();
        self.reader.out.connect(send, recycled);
        let (options, progress) = (self.options, self.progress);
        let consumers = thread::scope(|scope| {
            let consumers: Vec<_> = (0..threads)
                .map(|_| {
                    let (receive, give_back) = (receive.clone(), give_back.clone());
                    let Options { limits, wanted, clocks, headers, .. } = options;
                    let parser = messages::Parser::new(limits, wanted, clocks, headers, &descriptions, &begun)
                        .for_window(options.texts);
                    let mut parsing = Parsing { parser, chunks: Vec::new(), progress };
                    let parse = move || {
                        for (number, mut batch) in receive {
                            super::reader::Consumer::take(&mut parsing, number, &batch);
                            batch.clear();
                            give_back.send(batch).ok();
                        }
                        parsing
                    };
                    thread::Builder::new().name("sip-parse".to_owned()).spawn_scoped(scope, parse)
                })
                .collect::<Result<_, _>>()
                .map_err(ScanError::Thread)?;
            drop((receive, give_back));
            let read = if last { self.give_up() } else { self.read() };
            self.reader.out.flush();
            self.reader.out.connect(bounded(0).0, unbounded().1);
            read?;
            let consumers = consumers.into_iter();
            let joined = consumers.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            Ok::<Vec<Parsing<'_>>, ScanError>(joined.collect())
        })?;
        if last {
            self.ended = true;
        }
        let (mut chunks, mut parsed) = (Vec::new(), Vec::new());
        for Parsing { parser, chunks: theirs, .. } in consumers {
            parsed.extend(parser.into_parts());
            chunks.extend(theirs);
        }
        chunks.sort_unstable_by_key(|&(number, _)| number);
        let chunks = chunks.into_iter().map(|(_, chunk)| chunk).collect::<Result<Vec<Chunk>, ArrowError>>()?;
        Ok(Some(self.window(chunks, parsed, last)?))
    }

    fn give_up(&mut self) -> Result<(), ScanError> {
        self.reader.give_up();
        match self.refused.take() {
            Some(error) if !self.any => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Reads until there are messages enough.
    fn read(&mut self) -> Result<(), ScanError> {
        let begun = self.reader.out.messages;
        let packets = self.size.saturating_mul(PACKETS);
        let mut left = packets;
        loop {
            let mut file = match self.open.take() {
                Some(file) => file,
                None => {
                    let found = self.reader.out.messages - begun;
                    if self.next >= self.sources.len() || found >= self.size.div_ceil(2) || left < packets / 2 {
                        return Ok(());
                    }
                    match self.begin()? {
                        Some(file) => file,
                        None => continue,
                    }
                }
            };
            if self.reader.read_on(&mut file, begun + self.size, &mut left)? {
                self.open = Some(file);
                return Ok(());
            }
            self.hosts.push(self.reader.points.hosts());
            self.files.push(self.reader.close(file));
        }
    }

    /// Opens the next file; `None` for one that cannot be read.
    fn begin(&mut self) -> Result<Option<OpenFile>, ScanError> {
        let number = self.next;
        self.next += 1;
        let Some((_, source)) = self.sources.get(number) else { return Ok(None) };
        match self.reader.open(number as u32, source) {
            Ok(file) => {
                self.any = true;
                Ok(Some(file))
            }
            Err(ScanError::Capture(error)) => {
                let mut row = FileRow { name: source.name.clone(), ..FileRow::default() };
                row.path = source.path.display().to_string();
                row.info.cut = true;
                self.files.push(row);
                self.hosts.push(Vec::new());
                self.reader.out.problems.report(Problem {
                    code: Code::FileUnreadable,
                    layer: Layer::CONTAINER,
                    file: number as u32,
                    frame: 0,
                    offset: error.offset,
                    detail: error.reason.clone(),
                });
                self.refused.get_or_insert(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn window(&mut self, mut chunks: Vec<Chunk>, parsed: Vec<messages::Part>, last: bool) -> Result<Window, ScanError> {
        let wanted = &self.options.wanted;
        let mut descriptions = vec![sdp::Builder::new(wanted).table()?];
        let mut evidence = vec![Evidence::none(wanted)?];
        let mut via_tails = vec![Tails::default().take(wanted)?];
        let max = self.options.limits.max_problems_per_code;
        let mut problems = std::mem::replace(&mut self.reader.out.problems, ProblemLog::new(max));
        for chunk in &mut chunks {
            problems.append(chunk.take_problems(&self.options.limits));
            descriptions.extend(chunk.take_descriptions());
            evidence.extend(chunk.take_evidence());
            via_tails.extend(chunk.take_via_tails());
        }
        let sources = &self.sources;
        let frames_before = |file: u32| {
            let source = sources.get(file as usize).map(|(_, source)| source);
            source.and_then(|source| source.read_before.as_ref()).map_or(0, |known| known.frames)
        };
        let is_known = |file: u32| sources.get(file as usize).is_some_and(|(_, source)| source.read_before.is_some());
        let read_before = |file: u32, frame: u64| is_known(file) && frame <= frames_before(file);
        let mut problems = problems.without(read_before);
        let mut failures = std::mem::take(&mut self.reader.out.failures);
        failures.retain(|(_, _, stamp)| !read_before(stamp.file, stamp.frame));

        let open = self.open.as_ref();
        let next = sources.get(self.next).map_or(i64::MAX, |&(time, _)| time);
        let come = open.map_or(i64::MAX, |file| file.latest).min(next);
        let until = match come {
            i64::MAX => i64::MAX,
            come => come.saturating_sub(self.options.limits.max_disorder_ns),
        };
        self.until = self.until.max(until);
        let mut files = self.files.clone();
        files.extend(open.map(OpenFile::row));
        let points = PointNames { files: self.reader.points.names(), agents: self.reader.out.agents.names().to_vec() };
        let (Assembled { messages, ims_headers, parts, headers }, texts) = self.waiting.assemble(
            chunks,
            parsed,
            &messages::Window {
                files: &files,
                points: &points,
                wanted,
                threads: self.options.threads(),
                until: self.until,
                left: self.left,
                read_before: &read_before,
                idle: self.options.limits.max_transaction_idle_ns,
                observed: self.options.observed,
            },
        )?;
        let told = self.told..self.files.len();
        self.told = self.files.len();
        // One of which more was read is told anew.
        let new = |number: &usize| {
            let packets = self.files.get(*number).map_or(0, |row| row.info.packets);
            !is_known(*number as u32) || packets > frames_before(*number as u32)
        };
        let ended: Vec<FileRow> =
            told.clone().filter(new).filter_map(|number| self.files.get(number).cloned()).collect();
        let hosts = told.filter(new).filter_map(|number| self.hosts.get(number).cloned()).collect();
        let all_left = self.until == i64::MAX;
        let name = |file: u32| files.get(file as usize).map(|file| file.name.as_str());
        let mut streams = self.reader.out.also.media.take().unwrap_or_else(|| Streams::new(&self.options.limits));
        media::refused(streams.refused.take(), &mut problems);
        let over = if last { Found::default() } else { streams.settle(if all_left { NO_TIME } else { self.until }) };
        let goes_on = if last { Found::default() } else { streams.going_on(all_left) };
        let of_media = |found| media::tables_of(found, |file| streams.earlier(file).or_else(|| name(file)), &points);
        let (over, goes_on) = (of_media(over)?, of_media(goes_on)?);
        let mut secured = std::mem::take(&mut self.reader.out.secured);
        secured.retain(|row| !read_before(row.last.file, row.last.frame));
        let state = (self.open.is_none() && !last).then(|| State {
            media: streams.to_bytes(name),
            points: self.reader.points.known(),
            agents: self.reader.out.agents.names().to_vec(),
            until: if all_left { self.waiting.latest().map(|latest| latest + 1) } else { Some(self.until) },
            copies: self.waiting.copies.to_bytes(),
        });
        self.reader.out.also.media = Some(streams);
        Ok(Window {
            media: over,
            open_media: goes_on,
            tls_connections: tls::table(secured, &[], &files, &points)?,
            messages,
            descriptions: one(&descriptions)?,
            ims_headers: one(&ims_headers)?,
            parts: one(&parts)?,
            evidence: one(&evidence)?,
            via_tails: one(&via_tails)?,
            headers: one(&headers)?,
            texts: one(&texts)?,
            observed: messages::observations(&std::mem::take(&mut self.waiting.observed))?,
            problem_counts: problems.counts()?,
            problems: problems.finish(&files)?,
            account: small::account_changes(&self.reader.changes())?,
            failures: small::failures(&failures)?,
            files: small::files(&ended)?,
            hosts,
            until: (!all_left).then_some(self.until),
            latest: self.waiting.latest(),
            state,
            last,
        })
    }
}
