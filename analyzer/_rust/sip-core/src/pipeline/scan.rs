//! Captures to tables.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;

use super::announced;
use super::collector::Also;
use super::options::{Options, Progress, ScanError};
use super::reader::{Consumer, Finished, read};
use super::secrets;
use super::source::Source;
use crate::media::Streams;
use crate::observation::Batch;
use crate::problem::Problems;
use crate::tables::evidence::{Evidence, Tails};
use crate::tables::messages::{self, Assembled, Chunk};
use crate::tables::{media, sdp, small, tls};

/// The tables of a scan.
#[derive(Debug)]
pub struct Scan {
    /// In time order.
    pub messages: RecordBatch,
    /// Each distinct session description once, in no order.
    pub descriptions: RecordBatch,
    /// What few messages say: roles of nodes and registrations rest on it.
    pub ims_headers: RecordBatch,
    /// Bodies and their parts that are no session descriptions.
    pub parts: RecordBatch,
    /// What opening requests say that other legs of their calls may say too.
    pub evidence: RecordBatch,
    /// The tails of Via stacks, where asked for.
    pub via_tails: Option<RecordBatch>,
    /// Header fields of the names asked for, each whole.
    pub headers: RecordBatch,
    /// Streams of RTP, where asked for.
    pub media: Option<media::Tables>,
    pub files: RecordBatch,
    pub problems: RecordBatch,
    pub account: RecordBatch,
    pub failures: RecordBatch,
    /// In the order in which they began.
    pub tls_connections: RecordBatch,
}

/// What one thread reads.
pub(super) struct Parsing<'a> {
    pub parser: messages::Parser<'a>,
    pub chunks: Vec<(usize, Result<Chunk, ArrowError>)>,
    pub progress: &'a Progress,
}

impl Consumer for Parsing<'_> {
    fn take(&mut self, number: usize, batch: &Batch) {
        self.chunks.push((number, self.parser.parse(batch)));
        self.progress.messages.fetch_add(batch.messages().len() as u64, Relaxed);
    }
}

/// Reads all sources on one time line.
///
/// # Errors
/// When not one of them can be read. A single unreadable one among others is a row in `problems`.
pub fn scan(sources: &[Source], options: &Options, progress: &Progress) -> Result<Scan, ScanError> {
    let (secrets, unusable) = secrets::given(sources, options)?;
    let wants_media = options.wanted.has("rtp_streams");
    let srtp = (wants_media && options.srtp_keys).then(|| announced::keys(sources, options)).transpose()?;
    let (finished, (mut chunks, parsed)) = secrets::until_opened(sources, options, secrets, |secrets| {
        for done in [&progress.bytes_done, &progress.messages] {
            done.store(0, Relaxed);
        }
        let descriptions = sdp::Descriptions::new(options.limits.max_sdp_media);
        let begun = AtomicUsize::new(0);
        let streams = wants_media.then(|| Streams::new(&options.limits));
        let streams = match &srtp {
            Some(keys) => streams.map(|it| it.with_keys(Arc::clone(keys))),
            None => streams,
        };
        let also = Also { media: streams, ..Also::default() };
        let (finished, consumers) = read(sources, options, progress, secrets, also, || {
            let Options { limits, wanted, clocks, headers, .. } = options;
            let parser = messages::Parser::new(limits, wanted, clocks, headers, &descriptions, &begun);
            Parsing { parser, chunks: Vec::new(), progress }
        })?;
        let (mut chunks, mut parsed) = (Vec::new(), Vec::new());
        for Parsing { parser, chunks: theirs, .. } in consumers {
            parsed.extend(parser.into_parts());
            chunks.extend(theirs);
        }
        Ok((finished, (chunks, parsed)))
    })?;
    chunks.sort_unstable_by_key(|&(number, _)| number);
    let mut chunks = chunks.into_iter().map(|(_, chunk)| chunk).collect::<Result<Vec<Chunk>, ArrowError>>()?;
    let Finished { files, mut problems, ledger, failures, points, secured, also, .. } = finished;
    for problem in unusable {
        problems.report(problem);
    }
    // One without rows tells the columns where there is no description.
    let mut descriptions = vec![sdp::Builder::new(&options.wanted).table()?];
    let mut evidence = vec![Evidence::none(&options.wanted)?];
    let mut via_tails = Vec::new();
    for chunk in &mut chunks {
        problems.append(chunk.take_problems(&options.limits));
        descriptions.extend(chunk.take_descriptions());
        evidence.extend(chunk.take_evidence());
        via_tails.extend(chunk.take_via_tails());
    }
    let via_tails = if options.wanted.has("_tail") {
        via_tails.push(Tails::default().take(&options.wanted)?);
        Some(one(&via_tails)?)
    } else {
        None
    };
    let Assembled { messages, ims_headers, parts, headers } =
        messages::assemble(chunks, parsed, &files, &points, &options.wanted, options.threads())?;
    let media = also.media.map(|streams| media::tables(streams, &mut problems, &files, &points)).transpose()?;
    Ok(Scan {
        messages,
        descriptions: one(&descriptions)?,
        ims_headers: one(&ims_headers)?,
        parts: one(&parts)?,
        evidence: one(&evidence)?,
        via_tails,
        headers: one(&headers)?,
        media,
        problems: problems.finish(&files)?,
        account: small::account(&ledger)?,
        failures: small::failures(&failures)?,
        tls_connections: tls::table(secured, &options.clocks, &files, &points)?,
        files: small::files(&files)?,
    })
}

/// The rows of all, which are at least one.
pub(super) fn one(batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    concat_batches(&batches[0].schema(), batches)
}
