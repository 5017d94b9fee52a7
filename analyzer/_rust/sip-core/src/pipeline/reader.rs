//! Files to batches: one thread reads and decodes, and hands batches to as many consumers as there are threads.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use hashbrown::HashMap;

use super::agreements::Agreements;
use super::collector::{Also, Collector, PointSink};
use super::options::{Options, Progress, ScanError, Secrets};
use super::points::{self, Points};
use super::source::{Source, open};
use super::vectors;
use crate::container::{self, Capture};
use crate::layer::Layer;
use crate::limits::Limits;
use crate::net::{Correction, Disposition, Failure, Flow};
use crate::observation::{Batch, PointNames};
use crate::packet::{NO_TIME, Stamp};
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
    secrets: Secrets,
    also: Also,
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
        let mut reader = Reader::new(options, progress, secrets, also, send, recycled);
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
    pub also: Also,
    /// TLS connections.
    pub secured: Vec<Row>,
    /// What is known of keys at the end, where a reading that knows it from the beginning may read more.
    late: Option<Late>,
}

/// Keys, and what they may open.
struct Late {
    tls: Keys,
    /// Some of them came after what they open.
    opens_tls: bool,
    agreements: Agreements,
    /// Where packets remained encrypted for which there may be keys: their SPIs.
    spis: Vec<u32>,
}

impl Finished {
    /// The secrets with which another reading reads more than this one did: they stood behind the packets that they open, in a
    /// file that is read later, or in what an HSS said.
    ///
    /// # Errors
    /// When the sources cannot be read any more.
    pub fn more_secrets(&mut self, sources: &[Source], options: &Options) -> Result<Option<Secrets>, ScanError> {
        let Some(Late { tls, opens_tls, mut agreements, spis }) = self.late.take() else { return Ok(None) };
        if agreements.wants(spis.iter().copied()) {
            vectors::read(sources, options, &mut agreements)?;
        }
        let opens_esp = spis.iter().any(|&spi| agreements.keyring.has(spi));
        Ok((opens_tls || opens_esp).then_some(Secrets { tls, ipsec: agreements.keyring }))
    }
}

/// A file that is being read.
pub(super) struct OpenFile {
    pub number: u32,
    capture: Capture,
    row: FileRow,
    /// Of the packet read last.
    host: Option<u32>,
    point: usize,
    /// Bytes of all files before it.
    before: u64,
    /// Time of its latest packet so far.
    pub latest: i64,
}

impl OpenFile {
    /// Its row as far as it was read.
    pub fn row(&self) -> FileRow {
        FileRow { info: self.capture.info().clone(), ..self.row.clone() }
    }
}

/// Files to batches: what runs once per packet.
pub(super) struct Reader<'a> {
    limits: &'a Limits,
    progress: &'a Progress,
    pub points: Points,
    /// So many packets of the file at hand were counted another time, and whether the one at hand is of them.
    frames_before: u64,
    counted_before: bool,
    dispositions: HashMap<Disposition, u64, foldhash::fast::FixedState>,
    /// That of the last packets, and how many they are that are not counted yet: packets of a kind come in a row.
    run: Option<(Disposition, u64)>,
    pub out: Collector<'a>,
}

impl<'a> Reader<'a> {
    pub fn new(
        options: &'a Options,
        progress: &'a Progress,
        secrets: Secrets,
        also: Also,
        send: Sender<(usize, Batch)>,
        recycled: Receiver<Batch>,
    ) -> Self {
        let limits = &options.limits;
        let out = Collector::new((limits, &options.clocks), secrets, also, send, recycled);
        let points = Points::new(limits, &options.link_types);
        let dispositions = HashMap::default();
        Self { limits, progress, points, frames_before: 0, counted_before: false, dispositions, run: None, out }
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
        let mut file = self.open(number, source)?;
        self.read_on(&mut file, usize::MAX, &mut { usize::MAX })?;
        *row = self.close(file);
        Ok(())
    }

    pub fn open(&mut self, number: u32, source: &Source) -> Result<OpenFile, ScanError> {
        let capture = container::open(open(source)?, &source.name, number, self.limits)?;
        let before = self.progress.bytes_done.load(Relaxed);
        self.points.open_file(source);
        self.frames_before = source.read_before.as_ref().map_or(0, |known| known.frames);
        let path = source.path.display().to_string();
        let row = FileRow { name: source.name.clone(), path, ..FileRow::default() };
        Ok(OpenFile { number, capture, row, host: None, point: 0, before, latest: NO_TIME })
    }

    /// Reads on until so many messages were found in all, or no packets are left to be read; whether that was before the
    /// file's end.
    pub fn read_on(&mut self, file: &mut OpenFile, messages: usize, left: &mut usize) -> Result<bool, ScanError> {
        let OpenFile { number, capture, row, host, point, before, latest } = file;
        let number = *number;
        while self.out.messages < messages && *left > 0 {
            *left -= 1;
            if capture.has_key_logs() {
                self.out.take_key_logs(capture.take_key_logs());
            }
            let Some(packet) = capture.next(&mut self.out.problems) else {
                self.out.take_key_logs(capture.take_key_logs());
                self.progress.bytes_done.store(*before + capture.bytes_read(), Relaxed);
                return Ok(false);
            };
            if *host != Some(packet.host) {
                *host = Some(packet.host);
                *point = self.points.of_host(packet.host, packet.time);
            }
            let point = *point;
            let counted_before = packet.frame <= self.frames_before;
            if self.counted_before && !counted_before {
                Self::settle(&mut self.points, |_| {});
            }
            if self.counted_before != counted_before {
                self.known(counted_before);
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
            *latest = packet.time.map_or(*latest, |time| time.max(*latest));
            row.sliced += u64::from(packet.orig_len as usize > packet.data.len());
            if packet.frame % 4_096 == 0 {
                if self.progress.cancel.load(Relaxed) {
                    return Err(ScanError::Cancelled);
                }
                self.progress.bytes_done.store(*before + capture.bytes_read(), Relaxed);
            }
        }
        Ok(true)
    }

    pub fn close(&mut self, file: OpenFile) -> FileRow {
        if self.counted_before {
            Self::settle(&mut self.points, |_| {});
        }
        self.known(false);
        FileRow { point: self.points.close_file(), ..file.row() }
    }

    /// Whether the packets at hand were counted another time.
    fn known(&mut self, counted_before: bool) {
        self.counted_before = counted_before;
        if let Some(media) = &mut self.out.also.media {
            media.skips = counted_before;
        }
    }

    /// What became of packets that were held back, so far.
    fn settle(points: &mut Points, mut correct: impl FnMut(Correction)) {
        for point in 0..points.len() {
            points.at(point).0.corrections().into_iter().for_each(&mut correct);
        }
    }

    /// What became of the ledger since this was asked last.
    pub fn changes(&mut self) -> BTreeMap<(&'static str, String), i64> {
        let mut corrections = Vec::new();
        Self::settle(&mut self.points, |correction| corrections.push(correction));
        corrections.into_iter().for_each(|correction| self.correct(correction));
        self.count_run();
        let mut changes = BTreeMap::new();
        for (disposition, packets) in self.dispositions.drain() {
            let (layer, reason) = disposition.names();
            *changes.entry((layer, reason.to_string())).or_default() += packets.cast_signed();
        }
        changes.retain(|_, packets| *packets != 0);
        changes
    }

    #[inline]
    fn count(&mut self, disposition: Disposition) {
        match &mut self.run {
            _ if self.counted_before => {}
            Some((same, packets)) if *same == disposition => *packets += 1,
            _ => {
                self.count_run();
                self.run = Some((disposition, 1));
            }
        }
    }

    fn count_run(&mut self) {
        if let Some((disposition, packets)) = self.run.take() {
            let count = self.dispositions.entry(disposition).or_default();
            *count = count.wrapping_add(packets);
        }
    }

    /// What is counted since [`Reader::changes`] may become less than nothing.
    fn correct(&mut self, Correction { from, to, packets }: Correction) {
        if self.counted_before {
            return;
        }
        self.count_run();
        for (disposition, change) in [(from, packets.wrapping_neg()), (to, packets)] {
            let count = self.dispositions.entry(disposition).or_default();
            *count = count.wrapping_add(change);
        }
    }

    /// Gives up what is held back.
    pub fn give_up(&mut self) {
        let mut corrections = Vec::new();
        for point in 0..self.points.len() {
            let (decoder, framers) = self.points.at(point);
            let mut sink = PointSink { point: point as u16, interface: u32::MAX, framers, out: &mut self.out };
            corrections.extend(decoder.finish(&mut sink));
        }
        for correction in corrections {
            self.correct(correction);
        }
    }

    /// Gives up what is held back, and hands over everything that is not a message.
    fn finish(mut self, files: Vec<FileRow>) -> Finished {
        self.give_up();
        let mut spis = Vec::new();
        for point in 0..self.points.len() {
            let (decoder, _) = self.points.at(point);
            spis.extend(decoder.closed().filter(|(_, refused)| !refused).map(|(spi, _)| spi));
        }
        self.count_run();
        self.out.flush();
        let mut ledger = Ledger::new();
        for (disposition, packets) in self.dispositions {
            let (layer, reason) = disposition.names();
            *ledger.entry((layer, reason.to_string())).or_default() += packets;
        }
        let tls = self.out.keys;
        let opens_tls = self.out.unopened.iter().any(|random| tls.of(random).is_some());
        Finished {
            files,
            problems: self.out.problems,
            ledger,
            failures: self.out.failures,
            points: PointNames { files: self.points.names(), agents: self.out.agents.into_names() },
            also: self.out.also,
            secured: self.out.secured,
            late: (opens_tls || !spis.is_empty()).then_some(Late {
                tls,
                opens_tls,
                agreements: self.out.agreements,
                spis,
            }),
        }
    }
}
