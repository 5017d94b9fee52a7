//! From messages to rows: one parser for each thread.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use arrow_array::ArrayRef;
use arrow_array::builder::BinaryBuilder;
use arrow_schema::ArrowError;

use super::chunk::{Chunk, Part, Place};
use super::columns::{Columns, Interface, Message};
use super::keys::{Keys, observation};
use crate::layer::Layer;
use crate::limits::Limits;
use crate::observation::{Batch, Clock, Entry, ObservationKey, Seen};
use crate::problem::{Problem, Problems};
use crate::sip::fields::{Fields, Scratch, read};
use crate::sip::headers::Asked;
use crate::sip::{Flaw, Flaws, mime};
use crate::tables::columns::Wanted;
use crate::tables::evidence::{Evidence, Tails};
use crate::tables::keyed::KeyedRows;
use crate::tables::sdp::{self, Descriptions, Known};
use crate::tables::small::ProblemLog;
use crate::tables::{headers, ims_headers, parts};

/// A part holds no more bytes of messages: its columns say with 32 bits where a string lies.
const MAX_PART: usize = 1 << 30;

/// Turns batches into chunks; one for each parser thread.
pub struct Parser<'a> {
    /// How many parts all parsers have begun.
    begun: &'a AtomicUsize,
    parts: Vec<Part>,
    /// Messages in the last part, and bytes of these.
    rows: usize,
    bytes: usize,
    limits: &'a Limits,
    wanted: &'a Wanted,
    clocks: &'a [Clock],
    scratch: Scratch,
    descriptions: &'a Descriptions,
    evidence: Evidence,
    /// `None` where nobody asks for them.
    via_tails: Option<Tails>,
    headers: headers::Builder<'a>,
    /// Somebody asks where messages were seen.
    places: bool,
    /// The bytes of messages are kept.
    texts: bool,
}

impl<'a> Parser<'a> {
    pub fn new(
        limits: &'a Limits,
        wanted: &'a Wanted,
        clocks: &'a [Clock],
        asked: &'a Asked,
        descriptions: &'a Descriptions,
        begun: &'a AtomicUsize,
    ) -> Self {
        Self {
            begun,
            parts: Vec::new(),
            rows: 0,
            bytes: MAX_PART,
            limits,
            wanted,
            clocks,
            scratch: Scratch::default(),
            descriptions,
            evidence: Evidence::default(),
            via_tails: wanted.has("_tail").then(Tails::default),
            headers: headers::Builder::new(asked),
            places: Place::COLUMNS.iter().any(|column| wanted.has(column)),
            texts: false,
        }
    }

    /// The same for a window, which waits for places; it keeps the bytes of messages where `texts` are wanted.
    pub fn for_window(self, texts: bool) -> Self {
        Self { places: true, texts, ..self }
    }

    /// What it read: the chunks say which rows are whose.
    pub fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    pub fn parse(&mut self, batch: &Batch) -> Result<Chunk, ArrowError> {
        let count = batch.messages().len();
        if self.bytes + batch.bytes() > MAX_PART {
            let number = self.begun.fetch_add(1, Relaxed);
            self.parts.push(Part { number, columns: Columns::new(0, self.wanted) });
            self.scratch.begin_columns();
            (self.rows, self.bytes) = (0, 0);
        }
        let start = self.rows;
        self.rows += count;
        self.bytes += batch.bytes();
        let Some(Part { number, columns }) = self.parts.last_mut() else { unreachable!("one was begun") };
        columns.grow(count, self.wanted);
        let mut rows = Vec::with_capacity(count);
        let mut places = Vec::with_capacity(if self.places { count } else { 0 });
        let mut problems = ProblemLog::new(self.limits.max_problems_per_code);
        let mut fresh = sdp::Builder::new(self.wanted);
        let mut ims_headers = ims_headers::Builder::new(self.wanted);
        let mut parts = parts::Builder::new(self.wanted);
        let wants_headers = self.wanted.has("_headers");
        let mut texts = self.texts.then(|| BinaryBuilder::with_capacity(count, batch.bytes()));
        for (row, Entry { seen, bytes, encapsulation, report: said }) in batch.messages().enumerate() {
            let mut fields = read(bytes, seen.carrier, &mut self.scratch);
            let message = bytes.get(..bytes.len() - fields.trailing.min(bytes.len())).unwrap_or(bytes);
            let keys = Keys::of(&fields);
            let times = Clock::corrected(self.clocks, seen);
            let complete = is_complete(seen, &fields);
            let body = bytes.get(fields.body.clone()).unwrap_or_default();
            let description = match fields.encoded {
                None => {
                    parts.push(row, &fields, fields.content_type_value, body);
                    self.descriptions.of(bytes, [&fields.sdp, &fields.early_sdp], complete, &mut fresh)
                }
                Some(encoded) => {
                    let (body, flaw) = encoded.decode(body, self.limits.max_inflated_bytes, complete);
                    flaw.into_iter().for_each(|flaw| fields.flaws.add(flaw));
                    parts.push(row, &fields, encoded.content_type, &body);
                    let whole = complete && flaw.is_none();
                    let found = mime::find_sdp(encoded.content_type.unwrap_or_default(), &body);
                    self.descriptions.of(&body, [&found.session, &found.early], whole, &mut fresh)
                }
            };
            columns.set(
                start + row,
                &Message {
                    seen,
                    message,
                    fields: &fields,
                    keys: &keys,
                    times,
                    complete,
                    encapsulation,
                    report: said,
                    description: description.as_deref(),
                    headers: wants_headers.then(|| fields.headers().cast_signed()),
                },
            );
            // Whoever reads the header lines again gets those alone whose end is there.
            let lines = message.get(..message.len() - fields.cut_line.min(message.len())).unwrap_or(message);
            ims_headers.push(row, lines, &fields);
            self.headers.add(row, lines, &fields);
            report(&mut problems, seen, &fields);
            if let Some(description) = &description {
                report_description(&mut problems, seen, description);
            }
            let observation =
                ObservationKey { reported: said.is_some(), ..observation(seen, times.1, &fields, message, &keys) };
            if let Some(texts) = &mut texts {
                texts.append_value(message);
            }
            self.evidence.add(lines, &fields, keys.leg, keys.call);
            if let Some(tails) = &mut self.via_tails {
                tails.add(fields.via.values, || observation.first_key());
            }
            rows.push(observation);
            if self.places {
                let of_host = encapsulation.and_then(|around| around.interface_index);
                let interface = of_host.map_or(Interface::OfFile(seen.interface), Interface::OfHost);
                places.push(Place { file: seen.last.file, frame: seen.last.frame, interface });
            }
        }
        Ok(Chunk {
            part: *number,
            start,
            rows,
            places,
            descriptions: fresh.finish()?,
            ims_headers: ims_headers.finish()?,
            parts: parts.finish()?,
            headers: self.headers.take()?,
            texts: texts.map(|mut texts| KeyedRows {
                columns: vec![("text", Arc::new(texts.finish()) as ArrayRef)],
                rows: (0..count as u32).collect(),
            }),
            evidence: self.evidence.take(self.wanted)?,
            via_tails: self.via_tails.as_mut().map(|tails| tails.take(self.wanted)).transpose()?,
            problems: Some(problems),
        })
    }
}

/// All bytes are there.
fn is_complete(seen: &Seen, fields: &Fields<'_>) -> bool {
    seen.complete && !fields.flaws.has(Flaw::Cut) && !fields.flaws.has(Flaw::ContentLengthExceedsDatagram)
}

fn report_description(problems: &mut ProblemLog, seen: &Seen, known: &Known) {
    for (code, detail) in &known.oddities {
        problems.report(Problem {
            code: *code,
            layer: Layer::SDP,
            file: seen.last.file,
            frame: seen.last.frame,
            offset: seen.first.offset,
            detail: detail.clone(),
        });
    }
}

fn report(problems: &mut ProblemLog, seen: &Seen, fields: &Fields<'_>) {
    let mut flaws: Flaws = fields.flaws;
    flaws.merge(seen.flaws);
    for flaw in flaws.iter() {
        problems.report(Problem {
            code: flaw.code(),
            layer: Layer::SIP,
            file: seen.last.file,
            frame: seen.last.frame,
            offset: seen.first.offset,
            detail: fields.detail(flaw),
        });
    }
}
