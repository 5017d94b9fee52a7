//! The tables of what was said beside SIP: one row for each message of Diameter, one for each of DNS.

use std::borrow::Cow;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use super::columns::{Named, Wanted, columns, record_batch};
use super::small::FileRow;
use crate::diameter::{self, Header, dictionary};
use crate::dns;
use crate::hash;
use crate::net::{Flow, Protocol};
use crate::observation::{
    Batch, Clock, Entry, Kind, ObservationKey, Observed, PointNames, Seen, classify_copies, route, time_order,
};

columns! {
    /// What is known when all was read.
    struct ScanColumns of |it: &Assembled<'_>| {
        key: Int = "key" => Some(it.observed.key),
        original: Int = "original" => it.observed.original,
        exchange: Int = "exchange" => it.observed.transaction,
        duplicate: Bool = "duplicate" => it.observed.original.is_some(),
        retransmission: Bool = "retransmission" => it.observed.retransmission,
        file: Text = "file" => it.file,
        point: Text = "point" => it.point,
    }
}

columns! {
    struct PlaceColumns of |it: &Place<'_>| {
        frame: Int = "frame" => Some(it.seen.last.frame as i64),
        byte_offset: Int = "byte_offset" => Some(it.seen.first.offset as i64),
        length: Int = "length" => Some(it.length as i64),
        time: Time = "time" => it.times.1,
        first_byte_at: Time = "first_byte_at" => it.times.0,
        src_ip: Text = "src_ip" => Some(it.seen.flow.src.to_string()),
        src_port: Int = "src_port" => Some(it.seen.flow.src_port),
        dst_ip: Text = "dst_ip" => Some(it.seen.flow.dst.to_string()),
        dst_port: Int = "dst_port" => Some(it.seen.flow.dst_port),
        transport: Text = "transport" => Some(it.seen.flow.protocol.as_str()),
    }
}

columns! {
    struct DiameterColumns of |it: &Diameter<'_>| {
        application_id: Int = "application_id" => Some(it.header.application),
        application: Text = "application" => dictionary::application(it.header.application),
        command_code: Int = "command_code" => Some(it.header.command),
        command: Text = "command" => it.command(),
        request: Bool = "request" => it.header.is_request(),
        proxiable: Bool = "proxiable" => it.header.is_proxiable(),
        error: Bool = "error" => it.header.is_error(),
        resent: Bool = "resent" => it.header.is_resent(),
        hop_by_hop: Int = "hop_by_hop" => Some(it.header.hop_by_hop),
        end_to_end: Int = "end_to_end" => Some(it.header.end_to_end),
        session_id: Text = "session_id" => it.message.session_id,
        origin_host: Text = "origin_host" => it.message.origin_host,
        origin_realm: Text = "origin_realm" => it.message.origin_realm,
        destination_host: Text = "destination_host" => it.message.destination_host,
        destination_realm: Text = "destination_realm" => it.message.destination_realm,
        user_name: Text = "user_name" => it.message.user_name,
        public_identity: Text = "public_identity" => it.message.public_identity,
        msisdn: Text = "msisdn" => it.message.msisdn.as_deref(),
        visited_network: Text = "visited_network" => it.message.visited_network,
        server_name: Text = "server_name" => it.message.server_name,
        result_code: Int = "result_code" => it.message.result,
        result: Text = "result" => it.message.result.and_then(dictionary::result),
        experimental_vendor: Int = "experimental_vendor" => it.message.experimental_vendor,
        experimental_result_code: Int = "experimental_result_code" => it.message.experimental_result,
        experimental_result: Text = "experimental_result" => it.experimental_result(),
        error_message: Text = "error_message" => it.message.error_message,
        said: Text = "said" => Some(&it.message.said),
        authentication_scheme: Text = "authentication_scheme" => it.message.authentication_scheme,
        framed_ip: Text = "framed_ip" => it.message.framed_ip.map(|framed| framed.to_string()),
        called_station: Text = "called_station" => it.message.called_station,
        media: Text = "media" => Some(&it.message.media),
        icid: Text = "icid" => it.message.icid,
        keys: Bool = "keys" => it.message.secrets,
        avps: Text = "avps" => Some(&it.message.names),
        flaw: Text = "flaw" => it.message.flaw.map(diameter::Flaw::name),
    }
}

columns! {
    struct DnsColumns of |it: &dns::Message| {
        id: Int = "id" => Some(it.id),
        response: Bool = "response" => it.is_response,
        name: Text = "name" => Some(if it.name.is_empty() { "." } else { &it.name }),
        kind: Text = "type" => Some(dns::kind_name(it.kind)),
        rcode: Text = "rcode" => it.is_response.then(|| dns::rcode_name(it.rcode)),
        answers: Text = "answers" => Some(answers(it)),
        addresses: Text = "addresses" => Some(it.addresses.join(" ")),
        targets: Text = "targets" => Some(it.targets.join(" ")),
        number: Text = "number" => dns::enum_number(&it.name),
        truncated: Bool = "truncated" => it.is_truncated,
        flaw: Text = "flaw" => it.is_broken.then_some("record_unreadable"),
    }
}

struct Assembled<'a> {
    observed: &'a Observed,
    file: Option<&'a str>,
    point: Option<&'a str>,
}

struct Place<'a> {
    seen: &'a Seen,
    /// Of its first and last packet, by a clock that was set right.
    times: (i64, i64),
    length: usize,
}

struct Diameter<'a> {
    header: Header,
    message: diameter::Message<'a>,
}

impl Diameter<'_> {
    fn command(&self) -> Option<String> {
        let Header { application, command, .. } = self.header;
        dictionary::command(application, command, self.header.is_request())
    }

    fn experimental_result(&self) -> Option<&'static str> {
        let vendor = self.message.experimental_vendor.unwrap_or_default();
        dictionary::experimental_result(vendor, self.message.experimental_result?)
    }
}

fn answers(message: &dns::Message) -> String {
    let mut answers: Vec<Cow<'_, str>> = message.answers.iter().map(Cow::from).collect();
    if message.more > 0 {
        answers.push(format!("and {} more", message.more).into());
    }
    answers.join("; ")
}

/// The columns of `diameter` and of `dns`: names and types.
pub fn columns() -> [Vec<(&'static str, &'static str)>; 2] {
    [
        [ScanColumns::COLUMNS, PlaceColumns::COLUMNS, DiameterColumns::COLUMNS].concat(),
        [ScanColumns::COLUMNS, PlaceColumns::COLUMNS, DnsColumns::COLUMNS].concat(),
    ]
}

/// Rows of a table in the order in which they were read, without what [`classify_copies`] adds.
pub struct Chunk {
    columns: Named,
    rows: Vec<ObservationKey>,
    files: Vec<u32>,
}

/// Reads a batch of Diameter messages; each is known to begin with a header.
pub fn diameter(batch: &Batch, clocks: &[Clock]) -> Result<Chunk, ArrowError> {
    let count = batch.messages().len();
    let (mut place, mut columns) = (PlaceColumns::new(count, &Wanted::All), DiameterColumns::new(count, &Wanted::All));
    let (mut rows, mut files) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (row, Entry { seen, bytes, .. }) in batch.messages().enumerate() {
        let times = Clock::corrected(clocks, seen);
        place.set(row, &Place { seen, times, length: bytes.len() });
        let Some(header) = Header::read(bytes) else { continue };
        let it = Diameter { header, message: diameter::Message::read(&header, bytes) };
        columns.set(row, &it);
        let ids = (u64::from(header.hop_by_hop) << 32) | u64::from(header.end_to_end);
        let command = (u64::from(header.application) << 32) | u64::from(header.command);
        let session = it.message.session_id.map_or(0, hash::bytes);
        let exchange = hash::pair(hash::pair(ids, command), session);
        rows.push(observation(seen, times.1, bytes, exchange, header.is_request()));
        files.push(seen.last.file);
    }
    let mut all = place.finish(&Wanted::All)?;
    all.extend(columns.finish(&Wanted::All)?);
    Ok(Chunk { columns: all, rows, files })
}

/// Reads a batch of DNS messages; each is known to have a question.
pub fn dns(batch: &Batch, clocks: &[Clock]) -> Result<Chunk, ArrowError> {
    let count = batch.messages().len();
    let (mut place, mut columns) = (PlaceColumns::new(count, &Wanted::All), DnsColumns::new(count, &Wanted::All));
    let (mut rows, mut files) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for (row, Entry { seen, bytes, .. }) in batch.messages().enumerate() {
        let times = Clock::corrected(clocks, seen);
        place.set(row, &Place { seen, times, length: bytes.len() });
        let Some(message) = dns::Message::read(bytes) else { continue };
        columns.set(row, &message);
        // Some ask in letters of changing case (0x20), and are answered in the same.
        let name = hash::bytes(message.name.to_ascii_lowercase().as_bytes());
        let exchange = hash::pair(name, (u64::from(message.id) << 16) | u64::from(message.kind));
        rows.push(observation(seen, times.1, bytes, exchange, !message.is_response));
        files.push(seen.last.file);
    }
    let mut all = place.finish(&Wanted::All)?;
    all.extend(columns.finish(&Wanted::All)?);
    Ok(Chunk { columns: all, rows, files })
}

/// What [`classify_copies`] needs. Two observations of a message are the same packet only on the same way: who asks several servers sends
/// each the same bytes.
fn observation(seen: &Seen, time: i64, bytes: &[u8], exchange: u64, request: bool) -> ObservationKey {
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
    ObservationKey {
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

/// Puts the chunks of a table together, in the order in which they were read, with keys, duplicates and transactions.
pub fn assemble(
    chunks: Vec<Chunk>,
    files: &[FileRow],
    points: &PointNames,
    none: Chunk,
) -> Result<Vec<RecordBatch>, ArrowError> {
    let rows: Vec<ObservationKey> = chunks.iter().flat_map(|chunk| &chunk.rows).copied().collect();
    let times: Vec<i64> = rows.iter().map(|row| row.time).collect();
    let order = time_order(&times).unwrap_or_else(|| (0..rows.len() as u32).collect());
    let in_time: Vec<ObservationKey> = order.iter().filter_map(|&row| rows.get(row as usize)).copied().collect();
    let mut observed: Vec<Option<Observed>> = vec![None; rows.len()];
    // Few beside the messages of SIP: one thread is enough.
    for (&row, seen) in order.iter().zip(classify_copies(&[&in_time], 1)) {
        if let Some(place) = observed.get_mut(row as usize) {
            *place = Some(seen);
        }
    }
    let mut observed = observed.into_iter();
    let mut batches = Vec::with_capacity(chunks.len() + 1);
    // One without rows tells the columns.
    for chunk in std::iter::once(none).chain(chunks) {
        let count = chunk.rows.len();
        let mut columns = ScanColumns::new(count, &Wanted::All);
        for (row, (observation, file)) in chunk.rows.iter().zip(&chunk.files).enumerate() {
            let Some(Some(observed)) = &observed.next() else { continue };
            let file = files.get(*file as usize).map(|file| file.name.as_str());
            columns.set(row, &Assembled { observed, file, point: points.get(observation.point) });
        }
        let mut all = columns.finish(&Wanted::All)?;
        all.extend(chunk.columns);
        batches.push(record_batch(all)?);
    }
    Ok(batches)
}
