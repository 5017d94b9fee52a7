//! Files to batches: one thread reads and decodes, and hands batches to as many consumers as there are threads.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use hashbrown::HashMap;

use super::collector::{Collector, PointSink};
use super::options::{Options, Progress, ScanError};
use super::points::{self, Points};
use super::source::{Source, open};
use super::trace::Trace;
use crate::container;
use crate::layer::Layer;
use crate::limits::Limits;
use crate::net::{Correction, Disposition, Failure, Flow};
use crate::observation::{Batch, PointNames};
use crate::packet::Stamp;
use crate::problem::{Code, Problem, Problems};
use crate::tables::small::{FileRow, ProblemLog};
use crate::tables::tls::Row;
use crate::tls::Keys;

/// Takes batches, with their numbers.
pub trait Consumer: Send {
    fn take(&mut self, number: usize, batch: &Batch);
}

impl<F: FnMut(usize, &Batch) + Send> Consumer for F {
    fn take(&mut self, number: usize, batch: &Batch) {
        self(number, batch);
    }
}

/// Reads all sources; each thread has a consumer of its own, given back when all is read.
pub fn read<C: Consumer>(
    sources: &[Source],
    options: &Options,
    progress: &Progress,
    trace: Option<Trace>,
    keys: Keys,
    mut consumer: impl FnMut() -> C,
) -> Result<(Finished, Vec<C>), ScanError> {
    let threads = options.threads();
    let sources = points::in_time_order(sources, &options.limits);
    let (send, receive) = bounded::<(usize, Batch)>(threads);
    let (give_back, recycled) = unbounded::<Batch>();
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..threads)
            .map(|_| {
                let (receive, give_back) = (receive.clone(), give_back.clone());
                let mut consumer = consumer();
                let parse = move || {
                    for (number, mut batch) in receive {
                        consumer.take(number, &batch);
                        batch.clear();
                        // The reader may have ended already; then nobody needs the arena.
                        give_back.send(batch).ok();
                    }
                    consumer
                };
                thread::Builder::new().name("sip-parse".to_owned()).spawn_scoped(scope, parse)
            })
            .collect::<Result<_, _>>()
            .map_err(ScanError::Thread)?;
        drop((receive, give_back));
        let mut reader = Reader::new(options, progress, trace, keys, send, recycled);
        let files = reader.read_all(&sources)?;
        let finished = reader.finish(files);
        let consumers = consumers.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        Ok((finished, consumers.collect()))
    })
}

type Ledger = BTreeMap<(&'static str, String), u64>;

/// What a reading leaves beside the batches.
pub struct Finished {
    pub files: Vec<FileRow>,
    pub problems: ProblemLog,
    pub ledger: Ledger,
    pub failures: Vec<(Flow, Failure, Stamp)>,
    pub points: PointNames,
    pub trace: Option<Trace>,
    pub secured: Vec<Row>,
    /// All keys, if some of them came after what they open: then a second reading shows more.
    pub late: Option<Keys>,
}

/// Files to batches: what runs once per packet.
struct Reader<'a> {
    limits: &'a Limits,
    progress: &'a Progress,
    points: Points,
    dispositions: HashMap<Disposition, u64, foldhash::fast::FixedState>,
    /// That of the last packets, and how many they are that are not counted yet: packets of a kind come in a row.
    run: Option<(Disposition, u64)>,
    out: Collector<'a>,
}

impl<'a> Reader<'a> {
    fn new(
        options: &'a Options,
        progress: &'a Progress,
        trace: Option<Trace>,
        keys: Keys,
        send: Sender<(usize, Batch)>,
        recycled: Receiver<Batch>,
    ) -> Self {
        let limits = &options.limits;
        let out = Collector::new(limits, trace, keys, send, recycled);
        let points = Points::new(limits, &options.link_types);
        Self { limits, progress, points, dispositions: HashMap::default(), run: None, out }
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
                        layer: Layer::CONTAINER,
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
        loop {
            if capture.has_key_logs() {
                self.out.take_key_logs(capture.take_key_logs());
            }
            let Some(packet) = capture.next(&mut self.out.problems) else { break };
            if host != Some(packet.host) {
                host = Some(packet.host);
                point = self.points.of_host(packet.host, packet.time);
            }
            let (decoder, framers) = self.points.at(point);
            let interface = packet.interface;
            let mut sink = PointSink { point: point as u16, interface, framers, out: &mut self.out };
            let disposition = decoder.packet(number, &packet, &mut sink);
            self.count(disposition);
            if let Some(correction) = self.out.ground.counted(disposition) {
                self.correct(correction);
            }
            self.points.saw(point, packet.time);
            sliced += u64::from(packet.orig_len as usize > packet.data.len());
            if packet.frame % 4_096 == 0 {
                if self.progress.cancel.load(Relaxed) {
                    return Err(ScanError::Cancelled);
                }
                self.progress.bytes_done.store(before + capture.bytes_read(), Relaxed);
            }
        }
        self.out.take_key_logs(capture.take_key_logs());
        self.progress.bytes_done.store(before + capture.bytes_read(), Relaxed);
        row.info = capture.info().clone();
        row.sliced = sliced;
        row.point = self.points.close_file();
        Ok(())
    }

    #[inline]
    fn count(&mut self, disposition: Disposition) {
        match &mut self.run {
            Some((same, packets)) if *same == disposition => *packets += 1,
            _ => {
                self.count_run();
                self.run = Some((disposition, 1));
            }
        }
    }

    fn count_run(&mut self) {
        if let Some((disposition, packets)) = self.run.take() {
            *self.dispositions.entry(disposition).or_default() += packets;
        }
    }

    fn correct(&mut self, Correction { from, to, packets }: Correction) {
        self.count_run();
        *self.dispositions.entry(from).or_default() -= packets;
        *self.dispositions.entry(to).or_default() += packets;
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
            self.correct(correction);
        }
        self.count_run();
        self.out.flush();
        let mut ledger = Ledger::new();
        for (disposition, packets) in self.dispositions {
            let (layer, reason) = disposition.names();
            *ledger.entry((layer, reason.to_string())).or_default() += packets;
        }
        let keys = self.out.keys;
        let late = self.out.unopened.iter().any(|random| keys.of(random).is_some()).then_some(keys);
        Finished {
            files,
            problems: self.out.problems,
            ledger,
            failures: self.out.failures,
            points: PointNames { files: self.points.names(), agents: self.out.agents.into_names() },
            trace: self.out.trace,
            secured: self.out.secured,
            late,
        }
    }
}
