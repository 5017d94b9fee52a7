//! The tables of what was said beside SIP: one row for each message of Diameter, one for each of DNS.

use std::borrow::Cow;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use super::columns::{Named, Wanted, columns, record_batch};
use super::messages::{Clock, route};
use super::small::FileRow;
use crate::diameter::{self, Header, dictionary};
use crate::dns;
use crate::hash;
use crate::net::{Flow, Protocol};
use crate::road::{Batch, Entry, Kind, PointNames, Seen, Sighted, Sighting, sweep, time_order};

columns! {
    /// What is known when all was read.
    struct Sweep {
        key: Int = "key", original: Int = "original", exchange: Int = "exchange",
        duplicate: Bool = "duplicate", retransmission: Bool = "retransmission", file: Text = "file",
        point: Text = "point",
    }
}

columns! {
    struct Place {
        frame: Int = "frame", offset: Int = "offset", length: Int = "length", time: Time = "time",
        first_byte_at: Time = "first_byte_at", src_ip: Text = "src_ip", src_port: Int = "src_port",
        dst_ip: Text = "dst_ip", dst_port: Int = "dst_port", transport: Text = "transport",
    }
}

columns! {
    struct Diameter {
        application_id: Int = "application_id", application: Text = "application",
        command_code: Int = "command_code", command: Text = "command", request: Bool = "request",
        proxiable: Bool = "proxiable", error: Bool = "error", resent: Bool = "resent",
        hop_by_hop: Int = "hop_by_hop", end_to_end: Int = "end_to_end", session_id: Text = "session_id",
        origin_host: Text = "origin_host", origin_realm: Text = "origin_realm",
        destination_host: Text = "destination_host", destination_realm: Text = "destination_realm",
        user_name: Text = "user_name", public_identity: Text = "public_identity", msisdn: Text = "msisdn",
        visited_network: Text = "visited_network", server_name: Text = "server_name",
        result_code: Int = "result_code", result: Text = "result",
        experimental_vendor: Int = "experimental_vendor", experimental_result_code: Int = "experimental_result_code",
        experimental_result: Text = "experimental_result", error_message: Text = "error_message",
        said: Text = "said", authentication_scheme: Text = "authentication_scheme", framed_ip: Text = "framed_ip",
        called_station: Text = "called_station", media: Text = "media", icid: Text = "icid", keys: Bool = "keys",
        avps: Text = "avps", flaw: Text = "flaw",
    }
}

columns! {
    struct Dns {
        id: Int = "id", response: Bool = "response", name: Text = "name", kind: Text = "type", rcode: Text = "rcode",
        answers: Text = "answers", addresses: Text = "addresses", targets: Text = "targets", number: Text = "number",
        truncated: Bool = "truncated",
        flaw: Text = "flaw",
    }
}

/// Rows of a table in the order in which they were read, without what the sweep adds.
pub struct Chunk {
    columns: Named,
    rows: Vec<Sighting>,
    files: Vec<u32>,
}

/// Reads a batch of Diameter messages; each is known to begin with a header.
pub fn diameter(batch: &Batch, clocks: &[Clock]) -> Result<Chunk, ArrowError> {
    let count = batch.messages().len();
    let (mut place, mut columns) = (Place::new(count, &Wanted::All), Diameter::new(count, &Wanted::All));
    let (mut rows, mut files) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (row, Entry { seen, bytes, .. }) in batch.messages().enumerate() {
        let time = push_place(&mut place, row, seen, bytes.len(), clocks);
        let Some(header) = Header::read(bytes) else { continue };
        let message = diameter::Message::read(&header, bytes);
        push_diameter(&mut columns, row, &header, &message);
        let ids = (u64::from(header.hop_by_hop) << 32) | u64::from(header.end_to_end);
        let command = (u64::from(header.application) << 32) | u64::from(header.command);
        let session = message.session_id.map_or(0, hash::bytes);
        let exchange = hash::pair(hash::pair(ids, command), session);
        rows.push(sighting(seen, time, bytes, exchange, header.is_request()));
        files.push(seen.last.file);
    }
    let mut all = place.finish(&Wanted::All)?;
    all.extend(columns.finish(&Wanted::All)?);
    Ok(Chunk { columns: all, rows, files })
}

/// Reads a batch of DNS messages; each is known to have a question.
pub fn dns(batch: &Batch, clocks: &[Clock]) -> Result<Chunk, ArrowError> {
    let count = batch.messages().len();
    let (mut place, mut columns) = (Place::new(count, &Wanted::All), Dns::new(count, &Wanted::All));
    let (mut rows, mut files) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (row, Entry { seen, bytes, .. }) in batch.messages().enumerate() {
        let time = push_place(&mut place, row, seen, bytes.len(), clocks);
        let Some(message) = dns::Message::read(bytes) else { continue };
        push_dns(&mut columns, row, &message);
        // Some ask in letters of changing case (0x20), and are answered in the same.
        let name = hash::bytes(message.name.to_ascii_lowercase().as_bytes());
        let exchange = hash::pair(name, (u64::from(message.id) << 16) | u64::from(message.kind));
        rows.push(sighting(seen, time, bytes, exchange, !message.is_response));
        files.push(seen.last.file);
    }
    let mut all = place.finish(&Wanted::All)?;
    all.extend(columns.finish(&Wanted::All)?);
    Ok(Chunk { columns: all, rows, files })
}

/// What the sweep needs. Two sightings of a message are the same packet only on the same way: who asks several servers sends
/// each the same bytes.
fn sighting(seen: &Seen, time: i64, bytes: &[u8], exchange: u64, request: bool) -> Sighting {
    let flow = seen.flow;
    let Flow { protocol, src, dst, src_port, dst_port } = flow;
    let asked =
        if request { flow } else { Flow { protocol, src: dst, dst: src, src_port: dst_port, dst_port: src_port } };
    // An SCTP association may answer from another of its addresses (RFC 9260 §6.4).
    let ends = match protocol {
        Protocol::Sctp => (u64::from(asked.src_port) << 16) | u64::from(asked.dst_port),
        _ => route(&asked),
    };
    let way = route(&flow);
    Sighting {
        time,
        stamp: seen.last.time,
        content: hash::pair(hash::bytes(bytes), way),
        route: way,
        transaction: hash::pair(exchange, ends),
        ident: seen.ident,
        point: seen.point,
        kind: if request { Kind::Request } else { Kind::Response(200) },
        stream: protocol == Protocol::Tcp,
        ipv6: src.is_ipv6(),
        reported: false,
    }
}

/// Returns the time of the message, by a clock that was set right.
fn push_place(columns: &mut Place, row: usize, seen: &Seen, length: usize, clocks: &[Clock]) -> i64 {
    let (first, last) = Clock::corrected(clocks, seen);
    let Flow { protocol, src, dst, src_port, dst_port } = seen.flow;
    columns.frame.set(row, Some(seen.last.frame as i64));
    columns.offset.set(row, Some(seen.first.offset as i64));
    columns.length.set(row, Some(length as i64));
    columns.time.set(row, last);
    columns.first_byte_at.set(row, first);
    columns.src_ip.set(row, Some(&src.to_string()));
    columns.src_port.set(row, Some(src_port.into()));
    columns.dst_ip.set(row, Some(&dst.to_string()));
    columns.dst_port.set(row, Some(dst_port.into()));
    columns.transport.set(
        row,
        Some(match protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
            Protocol::Sctp => "sctp",
            Protocol::WebSocket => "ws",
            Protocol::Secure => "tls",
        }),
    );
    last
}

fn push_diameter(columns: &mut Diameter, row: usize, header: &Header, message: &diameter::Message<'_>) {
    let number = |value: Option<u32>| value.map(i64::from);
    columns.application_id.set(row, Some(header.application.into()));
    columns.application.set(row, dictionary::application(header.application));
    columns.command_code.set(row, Some(header.command.into()));
    let command = dictionary::command(header.application, header.command, header.is_request());
    columns.command.set(row, command.as_deref());
    columns.request.set(row, header.is_request());
    columns.proxiable.set(row, header.is_proxiable());
    columns.error.set(row, header.is_error());
    columns.resent.set(row, header.is_resent());
    columns.hop_by_hop.set(row, Some(header.hop_by_hop.into()));
    columns.end_to_end.set(row, Some(header.end_to_end.into()));
    columns.session_id.set_bytes(row, message.session_id);
    columns.origin_host.set_bytes(row, message.origin_host);
    columns.origin_realm.set_bytes(row, message.origin_realm);
    columns.destination_host.set_bytes(row, message.destination_host);
    columns.destination_realm.set_bytes(row, message.destination_realm);
    columns.user_name.set_bytes(row, message.user_name);
    columns.public_identity.set_bytes(row, message.public_identity);
    columns.msisdn.set_bytes(row, message.msisdn.as_deref());
    columns.visited_network.set_bytes(row, message.visited_network);
    columns.server_name.set_bytes(row, message.server_name);
    columns.result_code.set(row, number(message.result));
    columns.result.set(row, message.result.and_then(dictionary::result));
    let vendor = message.experimental_vendor.unwrap_or_default();
    columns.experimental_vendor.set(row, number(message.experimental_vendor));
    columns.experimental_result_code.set(row, number(message.experimental_result));
    let experimental = message.experimental_result.and_then(|code| dictionary::experimental_result(vendor, code));
    columns.experimental_result.set(row, experimental);
    columns.error_message.set_bytes(row, message.error_message);
    columns.said.set(row, Some(&message.said).filter(|said| !said.is_empty()).map(String::as_str));
    columns.authentication_scheme.set_bytes(row, message.authentication_scheme);
    columns.framed_ip.set(row, message.framed_ip.map(|framed| framed.to_string()).as_deref());
    columns.called_station.set_bytes(row, message.called_station);
    columns.media.set(row, Some(&*message.media).filter(|media| !media.is_empty()));
    columns.icid.set_bytes(row, message.icid);
    columns.keys.set(row, message.secrets);
    columns.avps.set(row, Some(&*message.names).filter(|names| !names.is_empty()));
    columns.flaw.set(row, message.flaw.map(diameter::Flaw::name));
}

fn push_dns(columns: &mut Dns, row: usize, message: &dns::Message) {
    columns.id.set(row, Some(message.id.into()));
    columns.response.set(row, message.is_response);
    columns.name.set(row, Some(if message.name.is_empty() { "." } else { &message.name }));
    columns.kind.set(row, Some(&dns::kind_name(message.kind)));
    if message.is_response {
        columns.rcode.set(row, Some(&dns::rcode_name(message.rcode)));
    }
    let mut answers: Vec<Cow<'_, str>> = message.answers.iter().map(Cow::from).collect();
    if message.more > 0 {
        answers.push(format!("and {} more", message.more).into());
    }
    columns.answers.set(row, Some(&*answers.join("; ")).filter(|answers| !answers.is_empty()));
    columns.addresses.set(row, Some(&*message.addresses.join(" ")).filter(|addresses| !addresses.is_empty()));
    columns.targets.set(row, Some(&*message.targets.join(" ")).filter(|targets| !targets.is_empty()));
    columns.number.set(row, dns::enum_number(&message.name).as_deref());
    columns.truncated.set(row, message.is_truncated);
    columns.flaw.set(row, message.is_broken.then_some("record_unreadable"));
}

/// Puts the chunks of a table together, in the order in which they were read, with keys, duplicates and transactions.
pub fn assemble(
    chunks: Vec<Chunk>,
    files: &[FileRow],
    points: &PointNames,
    none: Chunk,
) -> Result<Vec<RecordBatch>, ArrowError> {
    let rows: Vec<Sighting> = chunks.iter().flat_map(|chunk| &chunk.rows).copied().collect();
    let times: Vec<i64> = rows.iter().map(|row| row.time).collect();
    let order = time_order(&times).unwrap_or_else(|| (0..rows.len() as u32).collect());
    let in_time: Vec<Sighting> = order.iter().filter_map(|&row| rows.get(row as usize)).copied().collect();
    let mut sighted: Vec<Option<Sighted>> = vec![None; rows.len()];
    // Few beside the messages of SIP: one thread is enough.
    for (&row, seen) in order.iter().zip(sweep(&[&in_time], 1)) {
        if let Some(place) = sighted.get_mut(row as usize) {
            *place = Some(seen);
        }
    }
    let mut sighted = sighted.into_iter();
    let mut batches = Vec::with_capacity(chunks.len() + 1);
    // One without rows tells the columns.
    for chunk in std::iter::once(none).chain(chunks) {
        let count = chunk.rows.len();
        let mut columns = Sweep::new(count, &Wanted::All);
        for (row, (sighting, file)) in chunk.rows.iter().zip(&chunk.files).enumerate() {
            let Some(Some(seen)) = sighted.next() else { continue };
            columns.key.set(row, Some(seen.key));
            columns.original.set(row, seen.original);
            columns.exchange.set(row, seen.transaction);
            columns.duplicate.set(row, seen.original.is_some());
            columns.retransmission.set(row, seen.retransmission);
            columns.file.set(row, files.get(*file as usize).map(|file| file.name.as_str()));
            columns.point.set(row, points.get(sighting.point));
        }
        let mut all = columns.finish(&Wanted::All)?;
        all.extend(chunk.columns);
        batches.push(record_batch(all)?);
    }
    Ok(batches)
}
