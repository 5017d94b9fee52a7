//! The tables that have few rows: files, problems, account, failures.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::container::FileInfo;
use crate::net::{Failure, Flow, Protocol, link_type_name};
use crate::packet::{NO_TIME, Stamp};
use crate::problem::{Code, Problem, Problems};
use crate::tables::columns::{Wanted, columns, record_batch};

columns! {
    struct FileColumns {
        file: Text = "file", path: Text = "path", point: Text = "point", format: Text = "format",
        link_types: Text = "link_types", packets: Int = "packets", first_at: Time = "first_at", last_at: Time = "last_at",
        dropped: Int = "dropped", sliced: Int = "sliced", backward_steps: Int = "backward_steps", cut: Bool = "cut",
        ended_at: Time = "ended_at",
    }
}

columns! {
    struct ProblemColumns {
        problem: Int = "problem", code: Text = "code", layer: Text = "layer", file: Text = "file", frame: Int = "frame",
        offset: Int = "offset", detail: Text = "detail",
    }
}

columns! {
    struct AccountColumns { layer: Text = "layer", reason: Text = "reason", packets: Int = "packets" }
}

columns! {
    struct FailureColumns {
        time: Time = "time", kind: Text = "kind", src_ip: Text = "src_ip", src_port: Int = "src_port",
        dst_ip: Text = "dst_ip", dst_port: Int = "dst_port", transport: Text = "transport", detail: Text = "detail",
    }
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

pub fn files(rows: &[FileRow]) -> Result<RecordBatch, ArrowError> {
    let mut columns = FileColumns::new(rows.len(), &Wanted::All);
    for (row, FileRow { name, path, point, info, sliced }) in rows.iter().enumerate() {
        columns.file.set(row, Some(name));
        columns.path.set(row, Some(path));
        columns.point.set(row, Some(point).filter(|point| !point.is_empty()).map(String::as_str));
        let format = match (info.format, info.compression) {
            ("", _) => None,
            (format, None) => Some(format.to_owned()),
            (format, Some(compression)) => Some(format!("{format} in {compression}")),
        };
        columns.format.set(row, format.as_deref());
        let links: Vec<String> = info.link_types.iter().map(|&link| link_type(link)).collect();
        columns.link_types.set(row, Some(links.join(" ")).filter(|links| !links.is_empty()).as_deref());
        columns.packets.set(row, Some(info.packets as i64));
        columns.first_at.set(row, info.first_time.unwrap_or(NO_TIME));
        columns.last_at.set(row, info.last_time.unwrap_or(NO_TIME));
        columns.ended_at.set(row, info.ended.unwrap_or(NO_TIME));
        columns.dropped.set(row, info.dropped.map(|dropped| dropped as i64));
        columns.sliced.set(row, Some(*sliced as i64));
        columns.backward_steps.set(row, Some(info.backward_steps as i64));
        columns.cut.set(row, info.cut);
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

    /// One row per problem kept, in order of file and frame, and one row per code that had more.
    pub fn finish(mut self, files: &[FileRow]) -> Result<RecordBatch, ArrowError> {
        self.rows.sort_by_key(|problem| (problem.file, problem.frame, problem.offset, problem.code));
        let more = self.seen.values().filter(|&&seen| seen > self.max_per_code).count();
        let count = self.rows.len() + more;
        let mut columns = ProblemColumns::new(count, &Wanted::All);
        let mut row = 0;
        let mut push =
            |code: &str, layer: Option<&str>, file: Option<&str>, frame: u64, offset: Option<u64>, detail: &str| {
                columns.problem.set(row, Some(row as i64 + 1));
                columns.code.set(row, Some(code));
                columns.layer.set(row, layer);
                columns.file.set(row, file);
                columns.frame.set(row, (frame > 0).then_some(frame as i64));
                columns.offset.set(row, offset.map(|offset| offset as i64));
                columns.detail.set(row, Some(detail).filter(|detail| !detail.is_empty()));
                row += 1;
            };
        for it in &self.rows {
            let file = files.get(it.file as usize).map(|file| file.name.as_str());
            push(it.code.as_str(), Some(it.layer.as_str()), file, it.frame, Some(it.offset), &it.detail);
        }
        for (code, seen) in self.seen {
            if seen > self.max_per_code {
                let more =
                    format!("{} more of this code are not listed (max_problems_per_code)", seen - self.max_per_code);
                push(code.as_str(), None, None, 0, None, &more);
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
    for (row, &((layer, reason), &packets)) in used.iter().enumerate() {
        columns.layer.set(row, Some(layer));
        columns.reason.set(row, Some(reason));
        columns.packets.set(row, Some(packets as i64));
    }
    record_batch(columns.finish(&Wanted::All)?)
}

/// Evidence of broken transports.
pub fn failures(rows: &[(Flow, Failure, Stamp)]) -> Result<RecordBatch, ArrowError> {
    let mut columns = FailureColumns::new(rows.len(), &Wanted::All);
    for (row, (flow, failure, at)) in rows.iter().enumerate() {
        columns.time.set(row, at.time);
        let (kind, detail) = match failure {
            Failure::IcmpUnreachable(kind, code) => ("icmp_unreachable", Some(format!("type {kind} code {code}"))),
            Failure::TcpReset => ("tcp_reset", None),
            Failure::SctpAbort => ("sctp_abort", None),
        };
        columns.kind.set(row, Some(kind));
        columns.src_ip.set(row, Some(&flow.src.to_string()));
        columns.src_port.set(row, Some(flow.src_port.into()));
        columns.dst_ip.set(row, Some(&flow.dst.to_string()));
        columns.dst_port.set(row, Some(flow.dst_port.into()));
        columns.transport.set(
            row,
            Some(match flow.protocol {
                Protocol::Udp => "udp",
                Protocol::Tcp => "tcp",
                Protocol::Sctp => "sctp",
                Protocol::WebSocket => "ws",
                Protocol::Secure => "tls",
            }),
        );
        columns.detail.set(row, detail.as_deref());
    }
    record_batch(columns.finish(&Wanted::All)?)
}
