//! The tables that have few rows: files, problems, account, failures.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::container::FileInfo;
use crate::net::{Failure, Flow, link_type_name};
use crate::packet::{NO_TIME, Stamp};
use crate::problem::{Code, Problem, Problems};
use crate::tables::columns::{Wanted, columns, record_batch};

columns! {
    pub struct FileColumns of |it: &FileRow| {
        file: Text = "file" => Some(&it.name),
        path: Text = "path" => Some(&it.path),
        point: Text = "point" => Some(&it.point),
        format: Text = "format" => it.format(),
        link_types: Text = "link_types" => Some(it.link_types()),
        packets: Int = "packets" => Some(it.info.packets as i64),
        first_at: Time = "first_at" => it.info.first_time.unwrap_or(NO_TIME),
        last_at: Time = "last_at" => it.info.last_time.unwrap_or(NO_TIME),
        dropped: Int = "dropped" => it.info.dropped.map(|dropped| dropped as i64),
        sliced: Int = "sliced" => Some(it.sliced as i64),
        backward_steps: Int = "backward_steps" => Some(it.info.backward_steps as i64),
        cut: Bool = "cut" => it.info.cut,
        ended_at: Time = "ended_at" => it.info.ended.unwrap_or(NO_TIME),
    }
}

columns! {
    pub struct ProblemColumns of |it: &ProblemRow<'_>| {
        problem: Int = "problem" => Some(it.number),
        code: Text = "code" => Some(it.code.as_str()),
        layer: Text = "layer" => it.layer,
        file: Text = "file" => it.file,
        frame: Int = "frame" => (it.frame > 0).then_some(it.frame as i64),
        byte_offset: Int = "byte_offset" => it.offset.map(|offset| offset as i64),
        detail: Text = "detail" => Some(it.detail),
    }
}

columns! {
    pub struct AccountColumns of |it: &AccountRow<'_>| {
        layer: Text = "layer" => Some(it.layer),
        reason: Text = "reason" => Some(it.reason),
        packets: Int = "packets" => Some(it.packets as i64),
    }
}

columns! {
    pub struct FailureColumns of |it: &(Flow, Failure, Stamp)| {
        time: Time = "time" => it.2.time,
        kind: Text = "kind" => Some(kind(it.1)),
        src_ip: Text = "src_ip" => Some(it.0.src.to_string()),
        src_port: Int = "src_port" => Some(it.0.src_port),
        dst_ip: Text = "dst_ip" => Some(it.0.dst.to_string()),
        dst_port: Int = "dst_port" => Some(it.0.dst_port),
        transport: Text = "transport" => Some(it.0.protocol.as_str()),
        detail: Text = "detail" => detail(it.1),
    }
}

columns! {
    pub struct CountColumns of |it: &(&str, u64)| {
        code: Text = "code" => Some(it.0),
        count: Int = "count" => Some(it.1 as i64),
    }
}

pub struct ProblemRow<'a> {
    number: i64,
    code: Code,
    layer: Option<&'a str>,
    file: Option<&'a str>,
    /// 0 where no packet is concerned.
    frame: u64,
    offset: Option<u64>,
    detail: &'a str,
}

pub struct AccountRow<'a> {
    layer: &'a str,
    reason: &'a str,
    packets: u64,
}

/// One file as it was read.
#[derive(Debug, Clone, Default)]
pub struct FileRow {
    pub name: String,
    pub path: String,
    /// Names of the capture points it belongs to, separated by spaces.
    pub point: String,
    pub info: FileInfo,
    /// Packets of which the file holds only the beginning.
    pub sliced: u64,
}

impl FileRow {
    fn format(&self) -> Option<String> {
        match (self.info.format, self.info.compression) {
            ("", _) => None,
            (format, None) => Some(format.to_owned()),
            (format, Some(compression)) => Some(format!("{format} in {compression}")),
        }
    }

    fn link_types(&self) -> String {
        let links: Vec<String> = self.info.link_types.iter().map(|&link| link_type(link)).collect();
        links.join(" ")
    }
}

pub fn files(rows: &[FileRow]) -> Result<RecordBatch, ArrowError> {
    let mut columns = FileColumns::new(rows.len(), &Wanted::All);
    for (number, row) in rows.iter().enumerate() {
        columns.set(number, row);
    }
    record_batch(columns.finish(&Wanted::All)?)
}

/// LINKTYPE_ name and number, as the registry of link types spells them.
fn link_type(number: u16) -> String {
    format!("{}({number})", link_type_name(number).unwrap_or("LINKTYPE".into()))
}

/// Problems as they come, at most so many rows of one code; the rest are counted.
#[derive(Debug)]
pub struct ProblemLog {
    rows: Vec<Problem>,
    seen: BTreeMap<Code, u64>,
    max_per_code: u64,
}

impl ProblemLog {
    pub fn new(max_per_code: u64) -> Self {
        Self { rows: Vec::new(), seen: BTreeMap::new(), max_per_code }
    }

    /// Takes in another log, whose rows come later.
    pub fn append(&mut self, other: ProblemLog) {
        let mut kept: BTreeMap<Code, u64> = BTreeMap::new();
        for problem in other.rows {
            *kept.entry(problem.code).or_default() += 1;
            self.report(problem);
        }
        for (code, seen) in other.seen {
            *self.seen.entry(code).or_default() += seen - kept.get(&code).copied().unwrap_or(0);
        }
    }

    /// Without the problems of packets (file, frame) that are `known`.
    pub fn without(mut self, known: impl Fn(u32, u64) -> bool) -> Self {
        let Self { rows, seen, .. } = &mut self;
        rows.retain(|problem| {
            let kept = !known(problem.file, problem.frame);
            if !kept && let Some(seen) = seen.get_mut(&problem.code) {
                *seen -= 1;
            }
            kept
        });
        self
    }

    /// How many there were of each code.
    pub fn counts(&self) -> Result<RecordBatch, ArrowError> {
        let mut columns = CountColumns::new(self.seen.len(), &Wanted::All);
        for (number, (code, seen)) in self.seen.iter().enumerate() {
            columns.set(number, &(code.as_str(), *seen));
        }
        record_batch(columns.finish(&Wanted::All)?)
    }

    /// One row per problem kept, in order of file and frame, and one row per code that had more.
    pub fn finish(mut self, files: &[FileRow]) -> Result<RecordBatch, ArrowError> {
        self.rows.sort_by_key(|problem| (problem.file, problem.frame, problem.offset, problem.code));
        let more = self.seen.values().filter(|&&seen| seen > self.max_per_code).count();
        let count = self.rows.len() + more;
        let mut columns = ProblemColumns::new(count, &Wanted::All);
        let mut number = 0;
        let mut push = |row: ProblemRow<'_>| {
            columns.set(number, &ProblemRow { number: number as i64 + 1, ..row });
            number += 1;
        };
        for Problem { code, layer, file, frame, offset, detail } in &self.rows {
            let file = files.get(*file as usize).map(|file| file.name.as_str());
            let (layer, offset) = (Some(layer.as_str()), Some(*offset));
            push(ProblemRow { number: 0, code: *code, layer, file, frame: *frame, offset, detail });
        }
        for (code, seen) in self.seen {
            if seen > self.max_per_code {
                let more = seen - self.max_per_code;
                let detail = &format!("{more} more of this code are not listed (max_problems_per_code)");
                push(ProblemRow { number: 0, code, layer: None, file: None, frame: 0, offset: None, detail });
            }
        }
        record_batch(columns.finish(&Wanted::All)?)
    }
}

impl Problems for ProblemLog {
    fn report(&mut self, problem: Problem) {
        let seen = self.seen.entry(problem.code).or_default();
        *seen += 1;
        if *seen <= self.max_per_code {
            self.rows.push(problem);
        }
    }
}

/// The ledger: rows by layer and reason, largest first within a layer.
pub fn account(ledger: &BTreeMap<(&'static str, String), u64>) -> Result<RecordBatch, ArrowError> {
    let used: Vec<_> = ledger.iter().filter(|&(_, &packets)| packets > 0).collect();
    let mut columns = AccountColumns::new(used.len(), &Wanted::All);
    for (number, &((layer, reason), &packets)) in used.iter().enumerate() {
        columns.set(number, &AccountRow { layer, reason, packets });
    }
    record_batch(columns.finish(&Wanted::All)?)
}

/// What became of the ledger since it was told last: packets more or, where they turned out to be something else, less.
pub fn account_changes(changes: &BTreeMap<(&'static str, String), i64>) -> Result<RecordBatch, ArrowError> {
    let mut columns = AccountColumns::new(changes.len(), &Wanted::All);
    for (number, ((layer, reason), packets)) in changes.iter().enumerate() {
        columns.set(number, &AccountRow { layer, reason, packets: packets.cast_unsigned() });
    }
    record_batch(columns.finish(&Wanted::All)?)
}

/// Evidence of broken transports.
pub fn failures(rows: &[(Flow, Failure, Stamp)]) -> Result<RecordBatch, ArrowError> {
    let mut columns = FailureColumns::new(rows.len(), &Wanted::All);
    for (number, row) in rows.iter().enumerate() {
        columns.set(number, row);
    }
    record_batch(columns.finish(&Wanted::All)?)
}

fn kind(failure: Failure) -> &'static str {
    match failure {
        Failure::IcmpUnreachable(..) => "icmp_unreachable",
        Failure::TcpReset => "tcp_reset",
        Failure::TcpRefused => "tcp_refused",
        Failure::TcpUnanswered { .. } => "tcp_unanswered",
        Failure::TlsAlert(_) => "tls_alert",
        Failure::SctpAbort => "sctp_abort",
    }
}

/// What a row of `failures` says, read back.
pub fn failure(kind: &str, detail: &str) -> Option<Failure> {
    let mut numbers = detail.split(' ').filter_map(|word| word.parse::<u32>().ok());
    let mut byte = || numbers.next().and_then(|number| u8::try_from(number).ok());
    Some(match kind {
        "icmp_unreachable" => Failure::IcmpUnreachable(byte()?, byte()?),
        "tcp_reset" => Failure::TcpReset,
        "tcp_refused" => Failure::TcpRefused,
        "tcp_unanswered" => {
            Failure::TcpUnanswered { syns: numbers.next()?, lasted: i64::from(numbers.next()?) * 1_000_000 }
        }
        "tls_alert" => Failure::TlsAlert(byte()?),
        "sctp_abort" => Failure::SctpAbort,
        _ => return None,
    })
}

fn detail(failure: Failure) -> Option<String> {
    match failure {
        Failure::IcmpUnreachable(kind, code) => Some(format!("type {kind} code {code}")),
        Failure::TcpUnanswered { syns, lasted } => Some(format!("{syns} SYN in {} ms", lasted / 1_000_000)),
        Failure::TlsAlert(number) => Some(format!("alert {number}")),
        Failure::TcpReset | Failure::TcpRefused | Failure::SctpAbort => None,
    }
}
