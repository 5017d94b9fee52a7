//! The table `tls_connections`: who spoke TLS with whom, and whether it was read.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::net::Flow;
use crate::observation::{Clock, PointNames};
use crate::packet::{NO_TIME, Stamp};
use crate::tables::columns::{Wanted, columns, record_batch};
use crate::tables::small::FileRow;
use crate::tls::{Facts, Suite, Trouble, alert_name};

/// A connection that ended, or the capture with it.
#[derive(Debug)]
pub struct Row {
    pub point: u16,
    /// From client to server.
    pub flow: Flow,
    pub first: Stamp,
    pub last: Stamp,
    pub facts: Facts,
    /// Who sent the alert: the client, or the server.
    pub alert_from_client: bool,
    pub messages: u64,
    pub trouble: Option<Trouble>,
}

/// A row with what the whole scan says of it.
pub struct Known<'a> {
    number: i64,
    row: &'a Row,
    file: Option<&'a str>,
    point: Option<&'a str>,
    times: (i64, i64),
}

columns! {
    pub struct Columns of |it: &Known<'_>| {
        connection: Int = "connection" => Some(it.number),
        point: Text = "point" => it.point,
        file: Text = "file" => it.file,
        frame: Int = "frame" => Some(it.row.first.frame as i64),
        first_at: Time = "first_at" => it.times.0,
        last_at: Time = "last_at" => it.times.1,
        src_ip: Text = "src_ip" => Some(it.row.flow.src.to_string()),
        src_port: Int = "src_port" => Some(it.row.flow.src_port),
        dst_ip: Text = "dst_ip" => Some(it.row.flow.dst.to_string()),
        dst_port: Int = "dst_port" => Some(it.row.flow.dst_port),
        version: Text = "version" => it.row.facts.version.map(version),
        cipher_suite: Text = "cipher_suite" => it.row.facts.suite.map(Suite::name),
        server_name: Text = "server_name" => it.row.facts.server_name.as_ref(),
        alpn: Text = "alpn" => it.row.facts.protocol.as_ref().or(it.row.facts.protocols.as_ref()),
        certificate_subject: Text = "certificate_subject" => it.certificate().and_then(|it| it.subject.as_ref()),
        certificate_names: Text = "certificate_names" => it.certificate().and_then(|it| it.names.as_ref()),
        certificate_issuer: Text = "certificate_issuer" => it.certificate().and_then(|it| it.issuer.as_ref()),
        certificate_begins_at: Time = "certificate_begins_at" => it.certificate().and_then(|it| it.valid_from).unwrap_or(NO_TIME),
        certificate_expires_at: Time = "certificate_expires_at" => it.certificate().and_then(|it| it.valid_until).unwrap_or(NO_TIME),
        handshake: Text = "handshake" => Some(it.handshake()),
        alert: Text = "alert" => it.row.facts.alert.map(|(number, _)| alert_name(number)),
        alert_from: Text = "alert_from" => it.row.facts.alert.map(|_| if it.row.alert_from_client { "client" } else { "server" }),
        decrypted: Text = "decrypted" => Some(it.decrypted()),
        keys: Text = "keys" => it.row.facts.keys.map(|keys| keys.as_str()),
        records: Int = "records" => Some((it.row.facts.opened + it.row.facts.closed) as i64),
        records_decrypted: Int = "records_decrypted" => Some(it.row.facts.opened as i64),
        messages: Int = "messages" => Some(it.row.messages as i64),
    }
}

impl Known<'_> {
    fn certificate(&self) -> Option<&crate::tls::Certificate> {
        self.row.facts.certificate.as_ref()
    }

    fn handshake(&self) -> &'static str {
        let facts = &self.row.facts;
        match (facts.handshake || facts.opened > 0, facts.suite) {
            (true, _) if facts.resumed => "resumed",
            (true, _) => "full",
            (false, None) if facts.version.is_none() || facts.closed > 0 => "not_captured",
            (false, _) if facts.alert.is_some() => "failed",
            (false, _) => "incomplete",
        }
    }

    fn decrypted(&self) -> &'static str {
        match self.row.facts {
            Facts { opened: 0, keys: Some(_), closed: 0, .. } => "nothing",
            Facts { opened: 0, .. } => "no",
            Facts { closed: 0, .. } => "yes",
            _ => "in_part",
        }
    }
}

fn version(number: u16) -> String {
    match number {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301..=0x0304 => format!("TLS 1.{}", number - 0x0301),
        _ => format!("0x{number:04X}"),
    }
}

/// One row for each connection, in the order in which they began.
pub fn table(
    mut rows: Vec<Row>,
    clocks: &[Clock],
    files: &[FileRow],
    points: &PointNames,
) -> Result<RecordBatch, ArrowError> {
    let place = |row: &Row| (row.first.time, row.first.file, row.first.frame, row.first.offset);
    rows.sort_by_key(place);
    let mut columns = Columns::new(rows.len(), &Wanted::All);
    for (number, row) in rows.iter().enumerate() {
        let time = |at: &Stamp| Clock::corrected_at(clocks, row.point, at.time);
        let known = Known {
            number: number as i64 + 1,
            row,
            file: files.get(row.first.file as usize).map(|file| file.name.as_str()),
            point: points.get(row.point),
            times: (time(&row.first), time(&row.last)),
        };
        columns.set(number, &known);
    }
    record_batch(columns.finish(&Wanted::All)?)
}
