//! The table `messages`: one row for each message of a batch, and what the sweep over all of them adds.

use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use hashbrown::HashMap;

use crate::hash;
use crate::limits::Limits;
use crate::net::{Carriage, Flow, Protocol};
use crate::packet::NO_TIME;
use crate::problem::{Layer, Problem, Problems};
use crate::road::{Batch, Entry, Kind, PointNames, Seen, Sighted, Sighting, sweep, time_order};
use crate::sip::fields::{Fields, Scratch, read};
use crate::sip::headers::Asked;
use crate::sip::{Flaw, Flaws, mime};
use crate::tables::columns::{Named, Wanted, columns, record_batch};
use crate::tables::evidence::{Evidence, Tails};
use crate::tables::keyed::{self, Part};
use crate::tables::sdp::{self, Descriptions, Known};
use crate::tables::small::{FileRow, ProblemLog};
use crate::tables::{headers, parts, rare};

columns! {
    /// What one message says by itself.
    struct Columns {
        frame: Int = "frame", offset: Int = "offset", length: Int = "length", time: Time = "time",
        first_byte_at: Time = "first_byte_at", src_ip: Text = "src_ip", src_port: Int = "src_port", dst_ip: Text = "dst_ip",
        dst_port: Int = "dst_port", transport: Text = "transport", tunnel: Text = "tunnel",
        outer_src_ip: Text = "outer_src_ip", outer_dst_ip: Text = "outer_dst_ip", vlan: Text = "vlan", teid: Int = "teid",
        spi: Int = "spi", correlation_id: Text = "correlation_id", arrived_at: Time = "arrived_at", method: Text = "method", status: Int = "status",
        reason_phrase: Text = "reason_phrase", request_uri: Text = "request_uri", call_id: Text = "call_id",
        from_uri: Text = "from_uri", from_tag: Text = "from_tag", to_uri: Text = "to_uri", to_tag: Text = "to_tag",
        cseq: Int = "cseq", via_branch: Text = "via_branch", via_sent_by: Text = "via_sent_by", via_count: Int = "via_count",
        max_forwards: Int = "max_forwards", contact_uri: Text = "contact_uri", contact_expires: Int = "contact_expires",
        expires: Int = "expires", asserted_identity: Text = "asserted_identity",
        preferred_identity: Text = "preferred_identity", private_id: Text = "private_id", challenge: Bool = "challenge",
        credentials: Bool = "credentials", stale: Bool = "stale", require: Text = "require", supported: Text = "supported",
        event: Text = "event", subscription_state: Text = "subscription_state", rseq: Int = "rseq", rack: Text = "rack",
        session_expires: Int = "session_expires", p_early_media: Text = "p_early_media", refer_to: Text = "refer_to",
        replaces: Text = "replaces", warning: Text = "warning", reason_header: Text = "reason_header", icid: Text = "icid",
        user_agent: Text = "user_agent", content_type: Text = "content_type", body_length: Int = "body_length",
        has_sdp: Bool = "has_sdp", qos_pending: Bool = "qos_pending", complete: Bool = "complete",
        call_hash: Int = "_call", dialog_hash: Int = "_dialog", leg_hash: Int = "_leg", via_hash: Int = "_via",
        via_rest_hash: Int = "_via_rest", nonce_hash: Int = "_nonce", sdp_hash: Int = "_sdp", qos: Bool = "_qos",
        sends: Bool = "_sends", q850: Int = "_q850", sip_cause: Int = "_sip_cause",
        release_cause: Int = "_release_cause", failure_cause: Int = "_failure_cause", point_number: Int = "_point",
        headers: Int = "_headers",
    }
}

columns! {
    /// What the whole scan says of a message.
    struct ScanColumns {
        message: Int = "message", file: Text = "file", point: Text = "point", interface: Text = "interface",
        retransmission: Bool = "retransmission",
        duplicate: Bool = "duplicate", original: Int = "original", transaction: Int = "transaction",
    }
}

/// Where a message was seen.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Index in the scan.
    file: u32,
    interface: Interface,
}

#[derive(Debug, Clone, Copy)]
enum Interface {
    /// By its number in the file.
    OfFile(u32),
    /// By its number in the capturing host.
    OfHost(u32),
}

/// The messages of one batch.
pub struct Chunk {
    columns: Named,
    /// Per message: what the sweep needs.
    rows: Vec<Sighting>,
    /// And where it was seen.
    places: Vec<Place>,
    /// The session descriptions that were new in this batch.
    descriptions: Vec<RecordBatch>,
    rare: Option<Part>,
    headers: Option<Part>,
    parts: Option<Part>,
    /// What its messages say of the legs that they belong to.
    evidence: Option<RecordBatch>,
    via_tails: Option<RecordBatch>,
    problems: Option<ProblemLog>,
}

impl Chunk {
    /// One that has messages and nothing else.
    fn of(columns: Named, rows: Vec<Sighting>, places: Vec<Place>) -> Self {
        Self {
            columns,
            rows,
            places,
            descriptions: Vec::new(),
            rare: None,
            parts: None,
            headers: None,
            evidence: None,
            via_tails: None,
            problems: None,
        }
    }

    /// The session descriptions it brought, once.
    pub fn take_descriptions(&mut self) -> Vec<RecordBatch> {
        std::mem::take(&mut self.descriptions)
    }

    /// The evidence of its messages, once.
    pub fn take_evidence(&mut self) -> Option<RecordBatch> {
        self.evidence.take()
    }

    /// The tails of their Via stacks, once.
    pub fn take_via_tails(&mut self) -> Option<RecordBatch> {
        self.via_tails.take()
    }

    /// The problems of its messages, once.
    pub fn take_problems(&mut self, limits: &Limits) -> ProblemLog {
        self.problems.take().unwrap_or_else(|| ProblemLog::new(limits.max_problems_per_code))
    }
}

/// What is known of the clock of a capture point: how far it is ahead (ns) at a time of its own, and how much more with
/// each second (ns).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    pub point: u16,
    pub offset: i64,
    pub drift: i64,
    pub since: i64,
}

impl Clock {
    /// Times of the first and last packet of a message, its point's clock set right.
    pub(super) fn corrected(clocks: &[Clock], seen: &Seen) -> (i64, i64) {
        let clock = clocks.iter().find(|clock| clock.point == seen.point);
        let correct = |time: i64| clock.map_or(time, |clock| clock.set_right(time));
        (correct(seen.first.time), correct(seen.last.time))
    }

    fn set_right(&self, time: i64) -> i64 {
        const SECOND: i128 = 1_000_000_000;
        if time == NO_TIME {
            return time;
        }
        let since = i128::from(time) - i128::from(self.since);
        let drifted = since * i128::from(self.drift) / SECOND;
        let right = i128::from(time) - i128::from(self.offset) - drifted;
        i64::try_from(right).unwrap_or(time).max(NO_TIME + 1)
    }
}

/// Turns batches into chunks; one for each parser thread.
pub struct Parser<'a> {
    limits: &'a Limits,
    wanted: &'a Wanted,
    clocks: &'a [Clock],
    scratch: Scratch,
    addresses: Addresses,
    descriptions: &'a Descriptions,
    evidence: Evidence,
    /// `None` where nobody asks for them.
    via_tails: Option<Tails>,
    headers: headers::Builder<'a>,
}

/// Addresses whose text is remembered; a flood of forged ones starts the memory over.
const MAX_ADDRESSES: usize = 65_536;

/// Addresses as text.
#[derive(Default)]
struct Addresses(HashMap<IpAddr, Box<str>, foldhash::fast::FixedState>);

impl Addresses {
    /// `None` for the unspecified address, which stands for one that the capture does not say.
    fn text(&mut self, ip: IpAddr) -> Option<&str> {
        if self.0.len() > MAX_ADDRESSES {
            self.0.clear();
        }
        (!ip.is_unspecified()).then(|| &**self.0.entry(ip).or_insert_with(|| ip.to_string().into()))
    }
}

impl<'a> Parser<'a> {
    pub fn new(
        limits: &'a Limits,
        wanted: &'a Wanted,
        clocks: &'a [Clock],
        asked: &'a Asked,
        descriptions: &'a Descriptions,
    ) -> Self {
        Self {
            limits,
            wanted,
            clocks,
            scratch: Scratch::default(),
            addresses: Addresses::default(),
            descriptions,
            evidence: Evidence::default(),
            via_tails: wanted.has("_tail").then(Tails::default),
            headers: headers::Builder::new(asked),
        }
    }

    pub fn parse(&mut self, batch: &Batch) -> Result<Chunk, ArrowError> {
        let mut columns = Columns::new(batch.messages().len(), self.wanted);
        let mut rows = Vec::with_capacity(batch.messages().len());
        let mut places = Vec::with_capacity(batch.messages().len());
        let mut problems = ProblemLog::new(self.limits.max_problems_per_code);
        let (mut fresh, mut descriptions) = (Vec::new(), Vec::new());
        let mut rare = rare::Builder::new(batch.messages().len(), self.wanted);
        let mut parts = parts::Builder::new(self.wanted);
        for (row, Entry { seen, bytes, carriage, report: said }) in batch.messages().enumerate() {
            let mut fields = read(bytes, seen.carrier, &mut self.scratch);
            let message = bytes.get(..bytes.len() - fields.trailing.min(bytes.len())).unwrap_or(bytes);
            let keys = Keys::of(&fields);
            let times = Clock::corrected(self.clocks, seen);
            let complete = is_complete(seen, &fields);
            push_addresses(&mut columns, row, seen, fields.via.transport, &mut self.addresses);
            let mut interface = Interface::OfFile(seen.interface);
            if let Some(carriage) = carriage {
                push_carriage(&mut columns, row, carriage, &mut self.addresses);
                interface = carriage.interface_index.map_or(interface, Interface::OfHost);
            }
            columns.correlation_id.set_bytes(row, said.and_then(|said| said.correlation_id));
            columns.arrived_at.set(row, said.map_or(NO_TIME, |said| said.arrived));
            push_fields(&mut columns, row, seen, times, &fields, message.len());
            push_keys(&mut columns, row, &keys);
            columns.complete.set(row, complete);
            let known = match fields.encoded {
                None => {
                    let body = bytes.get(fields.body.clone()).unwrap_or_default();
                    parts.push(row, &fields, fields.content_type_value, body);
                    self.descriptions.of(bytes, [&fields.sdp, &fields.early_sdp], complete, &mut fresh)
                }
                Some(encoded) => {
                    let body = bytes.get(fields.body.clone()).unwrap_or_default();
                    let (body, flaw) = encoded.decode(body, self.limits.max_inflated_bytes, complete);
                    flaw.into_iter().for_each(|flaw| fields.flaws.add(flaw));
                    let found = mime::find_sdp(encoded.content_type.unwrap_or_default(), &body);
                    parts.push(row, &fields, encoded.content_type, &body);
                    // They borrow from a body that is gone with this message.
                    let mut own = Vec::new();
                    let whole = complete && flaw.is_none();
                    let known = self.descriptions.of(&body, [&found.session, &found.early], whole, &mut own);
                    if !own.is_empty() {
                        descriptions.push(sdp::table(&own, self.wanted)?);
                    }
                    known
                }
            };
            if columns.headers.is_wanted() {
                columns.headers.set(row, Some(fields.headers() as i64));
            }
            rare.push(row, message, &fields);
            self.headers.add(row, message, &fields);
            report(&mut problems, seen, &fields);
            if let Some(known) = known {
                push_description(&mut columns, row, &known);
                report_description(&mut problems, seen, &known);
            }
            let sighting = sighting(seen, times.1, &fields, message, &keys);
            let sighting = Sighting { reported: said.is_some(), ..sighting };
            self.evidence.add(message, &fields, keys.leg, keys.call);
            if let Some(tails) = &mut self.via_tails {
                tails.add(fields.via.values, || sighting.first_key());
            }
            rows.push(sighting);
            places.push(Place { file: seen.last.file, interface });
        }
        if !fresh.is_empty() {
            descriptions.push(sdp::table(&fresh, self.wanted)?);
        }
        Ok(Chunk {
            columns: columns.finish(self.wanted)?,
            rows,
            places,
            descriptions,
            rare: rare.finish()?,
            parts: parts.finish()?,
            headers: self.headers.take()?,
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

/// Hashes that the stages group and join on.
struct Keys {
    call: Option<u64>,
    dialog: Option<u64>,
    leg: Option<u64>,
    transaction: Option<u64>,
    via: Option<(u64, u64)>,
    nonce: Option<u64>,
}

impl Keys {
    fn of(fields: &Fields<'_>) -> Self {
        let call = fields.call_id.map(hash::bytes);
        let tags = (fields.from.tag.map(hash::bytes), fields.to.tag.map(hash::bytes));
        let dialog = match (call, tags) {
            // RFC 3261 §12: Call-ID and both tags; whoever sends, it is the same dialog.
            (Some(call), (Some(from), Some(to))) => Some(hash::pair(call, hash::pair(from.min(to), from.max(to)))),
            _ => None,
        };
        Self {
            call,
            dialog,
            leg: call.map(|call| hash::pair(call, tags.0.unwrap_or(0))),
            transaction: transaction(fields, call, tags.0),
            via: (fields.via.count > 0).then_some((fields.via.hash, fields.via.rest_hash)),
            nonce: fields.auth.challenge_nonce.or(fields.auth.credentials_nonce),
        }
    }
}

/// What makes a transaction on a hop (RFC 3261 §17.1.3, §17.2.3): branch, sent-by and method, where an ACK takes the
/// INVITE's. Call-ID and CSeq guard against senders that use a branch again.
fn transaction(fields: &Fields<'_>, call: Option<u64>, from_tag: Option<u64>) -> Option<u64> {
    let method = match fields.method? {
        b"ACK" => b"INVITE",
        method => method,
    };
    let request = hash::pair(hash::pair(call?, u64::from(fields.cseq?)), hash::bytes(method));
    let via = &fields.via;
    Some(match (via.unique_branch, via.branch, via.sent_by) {
        (true, Some(branch), Some(sent_by)) => {
            hash::pair(request, hash::pair(hash::bytes(branch), hash::bytes(sent_by)))
        }
        // RFC 2543: the branch alone says nothing; From tag and the whole top Via do.
        _ => hash::pair(request, hash::pair(from_tag.unwrap_or(0), via.top_hash)),
    })
}

/// Hash of transport, addresses and ports, in the direction of travel.
pub(super) fn route(flow: &Flow) -> u64 {
    let address = |ip: IpAddr, port: u16| {
        let hashed = match ip {
            IpAddr::V4(ip) => hash::bytes(&ip.octets()),
            IpAddr::V6(ip) => hash::bytes(&ip.octets()),
        };
        hash::pair(hashed, u64::from(port))
    };
    let ends = hash::pair(address(flow.src, flow.src_port), address(flow.dst, flow.dst_port));
    hash::pair(ends, flow.protocol as u64)
}

fn sighting(seen: &Seen, time: i64, fields: &Fields<'_>, message: &[u8], keys: &Keys) -> Sighting {
    let flow = &seen.flow;
    let content = hash::bytes(message);
    Sighting {
        time,
        stamp: seen.last.time,
        content,
        route: route(flow),
        // A message without Call-ID, CSeq or method has only itself.
        transaction: keys.transaction.unwrap_or(content),
        ident: seen.ident,
        point: seen.point,
        kind: match (fields.status, fields.method) {
            (Some(status), _) => Kind::Response(status),
            (None, Some(b"ACK")) => Kind::Ack,
            (None, _) => Kind::Request,
        },
        stream: flow.protocol.carrier() == Protocol::Tcp,
        ipv6: flow.src.is_ipv6(),
        reported: false,
    }
}

fn push_addresses(
    columns: &mut Columns,
    row: usize,
    seen: &Seen,
    via_transport: Option<&[u8]>,
    addresses: &mut Addresses,
) {
    let Flow { src, dst, src_port, dst_port, protocol } = seen.flow;
    // A capture without IP headers says nothing of them, and exported PDUs may not.
    let port = |ip: IpAddr, port: u16| (port > 0 || !ip.is_unspecified()).then_some(i64::from(port));
    columns.src_ip.set(row, addresses.text(src));
    columns.src_port.set(row, port(src, src_port));
    columns.dst_ip.set(row, addresses.text(dst));
    columns.dst_port.set(row, port(dst, dst_port));
    columns.transport.set(
        row,
        Some(match protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
            Protocol::Sctp => "sctp",
            Protocol::WebSocket => "ws",
            // The top Via says which (RFC 7118 §5.2.1): that of a request is its sender's, and a response brings it back.
            Protocol::Secure => match via_transport {
                Some(via) if via.eq_ignore_ascii_case(b"WS") => "ws",
                Some(via) if via.eq_ignore_ascii_case(b"WSS") => "wss",
                _ => "tls",
            },
        }),
    );
}

fn push_carriage(columns: &mut Columns, row: usize, carriage: &Carriage, addresses: &mut Addresses) {
    let tunnels: Vec<&str> = carriage.tunnels().iter().map(|tunnel| tunnel.as_str()).collect();
    columns.tunnel.set(row, Some(&*tunnels.join("/")).filter(|text| !text.is_empty()));
    if let Some((src, dst)) = carriage.outer {
        columns.outer_src_ip.set(row, addresses.text(src));
        columns.outer_dst_ip.set(row, addresses.text(dst));
    }
    let vlans: Vec<String> = carriage.vlans().iter().map(u16::to_string).collect();
    columns.vlan.set(row, Some(&*vlans.join("/")).filter(|text| !text.is_empty()));
    columns.teid.set(row, carriage.teid.map(i64::from));
    columns.spi.set(row, carriage.spi.map(i64::from));
}

fn push_fields(
    columns: &mut Columns,
    row: usize,
    seen: &Seen,
    (first, last): (i64, i64),
    fields: &Fields<'_>,
    length: usize,
) {
    let number = |value: Option<u32>| value.map(i64::from);
    columns.point_number.set(row, Some(seen.point.into()));
    columns.frame.set(row, Some(seen.last.frame as i64));
    columns.offset.set(row, Some(seen.first.offset as i64));
    columns.length.set(row, Some(length as i64));
    columns.time.set(row, last);
    columns.first_byte_at.set(row, first);
    columns.method.set_bytes(row, fields.method);
    columns.status.set(row, fields.status.map(i64::from));
    columns.reason_phrase.set_bytes(row, fields.reason_phrase);
    columns.request_uri.set_bytes(row, fields.request_uri);
    columns.call_id.set_bytes(row, fields.call_id);
    columns.from_uri.set_bytes(row, fields.from.uri);
    columns.from_tag.set_bytes(row, fields.from.tag);
    columns.to_uri.set_bytes(row, fields.to.uri);
    columns.to_tag.set_bytes(row, fields.to.tag);
    columns.cseq.set(row, number(fields.cseq));
    columns.via_branch.set_bytes(row, fields.via.branch);
    columns.via_sent_by.set_bytes(row, fields.via.sent_by);
    columns.via_count.set(row, Some(fields.via.count.into()));
    columns.max_forwards.set(row, number(fields.max_forwards));
    columns.contact_uri.set_bytes(row, if fields.contact.star { Some(b"*") } else { fields.contact.uri });
    columns.contact_expires.set(row, number(fields.contact.expires));
    columns.expires.set(row, number(fields.expires));
    columns.asserted_identity.set_bytes(row, fields.asserted[0]);
    columns.preferred_identity.set_bytes(row, fields.preferred);
    columns.private_id.set_bytes(row, fields.auth.username);
    columns.challenge.set(row, fields.auth.challenge);
    columns.credentials.set(row, fields.auth.credentials);
    columns.stale.set(row, fields.auth.stale);
    columns.require.set_bytes(row, fields.require);
    columns.supported.set_bytes(row, fields.supported);
    columns.event.set_bytes(row, fields.event);
    columns.subscription_state.set_bytes(row, fields.subscription_state);
    columns.rseq.set(row, number(fields.rseq));
    columns.rack.set_bytes(row, fields.rack);
    columns.session_expires.set(row, number(fields.session_expires));
    columns.p_early_media.set_bytes(row, fields.p_early_media);
    columns.refer_to.set_bytes(row, fields.refer_to);
    columns.replaces.set_bytes(row, fields.replaces);
    columns.warning.set_bytes(row, fields.warning);
    columns.reason_header.set_bytes(row, fields.reason);
    columns.icid.set_bytes(row, fields.icid);
    columns.user_agent.set_bytes(row, fields.user_agent);
    columns.content_type.set_bytes(row, fields.content_type);
    columns.body_length.set(row, Some(fields.body.len() as i64));
    columns.q850.set(row, fields.reason_q850.map(i64::from));
    columns.sip_cause.set(row, fields.reason_sip.map(i64::from));
    columns.release_cause.set(row, fields.reason_release.map(i64::from));
    columns.failure_cause.set(row, fields.reason_failure.map(i64::from));
}

/// Hashes leave the core in the 63 bits of a key column.
fn push_keys(columns: &mut Columns, row: usize, keys: &Keys) {
    let key = |hash: Option<u64>| hash.map(|hash| (hash >> 1) as i64);
    columns.call_hash.set(row, key(keys.call));
    columns.dialog_hash.set(row, key(keys.dialog));
    columns.leg_hash.set(row, key(keys.leg));
    columns.via_hash.set(row, key(keys.via.map(|via| via.0)));
    columns.via_rest_hash.set(row, key(keys.via.map(|via| via.1)));
    columns.nonce_hash.set(row, key(keys.nonce));
}

fn push_description(columns: &mut Columns, row: usize, known: &Known) {
    columns.has_sdp.set(row, true);
    columns.sdp_hash.set(row, Some((known.key >> 1) as i64));
    columns.qos.set(row, known.has_preconditions);
    columns.qos_pending.set(row, known.qos_pending);
    columns.sends.set(row, known.sends);
}

fn report_description(problems: &mut ProblemLog, seen: &Seen, known: &Known) {
    for (code, detail) in &known.oddities {
        problems.report(Problem {
            code: *code,
            layer: Layer::Sdp,
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
            layer: Layer::Sip,
            file: seen.last.file,
            frame: seen.last.frame,
            offset: seen.first.offset,
            detail: fields.detail(flaw),
        });
    }
}

/// The tables that rest on all messages.
pub struct Assembled {
    pub messages: Vec<RecordBatch>,
    pub rare: Vec<RecordBatch>,
    pub parts: Vec<RecordBatch>,
    pub headers: Vec<RecordBatch>,
}

/// Puts the chunks of a scan together: in time order, with keys, duplicates, retransmissions and transactions.
pub fn assemble(
    mut chunks: Vec<Chunk>,
    files: &[FileRow],
    points: &PointNames,
    wanted: &Wanted,
    threads: usize,
) -> Result<Assembled, ArrowError> {
    if chunks.is_empty() {
        let columns = Columns::new(0, wanted).finish(wanted)?;
        chunks.push(Chunk::of(columns, Vec::new(), Vec::new()));
    }
    let times: Vec<i64> = chunks.iter().flat_map(|chunk| &chunk.rows).map(|row| row.time).collect();
    let (mut rare, mut parts, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    let mut start = 0;
    for chunk in &mut chunks {
        rare.extend(chunk.rare.take().map(|part| (start, part)));
        parts.extend(chunk.parts.take().map(|part| (start, part)));
        headers.extend(chunk.headers.take().map(|part| (start, part)));
        start += chunk.rows.len();
    }
    let order = time_order(&times);
    if let Some(order) = &order {
        chunks = vec![reordered(chunks, order)?];
    }
    drop(times);
    let rows: Vec<&[Sighting]> = chunks.iter().map(|chunk| chunk.rows.as_slice()).collect();
    let sighted = sweep(&rows, threads);
    let keyless = rare.is_empty() && parts.is_empty() && headers.is_empty();
    let keys = if keyless { Vec::new() } else { keys_as_read(&sighted, order.as_deref()) };
    let rare = keyed::table(rare, &keys, rare::none()?)?;
    let parts = keyed::table(parts, &keys, parts::none()?)?;
    let headers = keyed::table(headers, &keys, headers::none()?)?;
    let mut sighted = sighted.into_iter();
    let messages = chunks
        .into_iter()
        .map(|chunk| {
            let mut columns = ScanColumns::new(chunk.rows.len(), wanted);
            for (row, ((sighting, place), seen)) in chunk.rows.iter().zip(&chunk.places).zip(&mut sighted).enumerate() {
                let Sighted { key, transaction, original, retransmission } = seen;
                columns.message.set(row, Some(key));
                let file = files.get(place.file as usize);
                columns.file.set(row, file.map(|file| file.name.as_str()));
                match place.interface {
                    Interface::OfHost(index) => columns.interface.set(row, Some(&index.to_string())),
                    Interface::OfFile(number) => {
                        let name = file.and_then(|file| file.info.interfaces.get(number as usize));
                        columns.interface.set(row, name.and_then(Option::as_deref));
                    }
                }
                columns.point.set(row, points.get(sighting.point));
                columns.retransmission.set(row, retransmission);
                columns.duplicate.set(row, original.is_some());
                columns.original.set(row, original);
                columns.transaction.set(row, transaction);
            }
            let mut all = columns.finish(wanted)?;
            all.extend(chunk.columns);
            record_batch(all)
        })
        .collect::<Result<_, ArrowError>>()?;
    Ok(Assembled { messages, rare, parts, headers })
}

/// The keys of messages in the order in which they were read.
fn keys_as_read(sighted: &[Sighted], order: Option<&[u32]>) -> Vec<i64> {
    let in_time = sighted.iter().map(|seen| seen.key);
    let Some(order) = order else { return in_time.collect() };
    let mut keys = vec![0; sighted.len()];
    for (&row, key) in order.iter().zip(in_time) {
        if let Some(place) = keys.get_mut(row as usize) {
            *place = key;
        }
    }
    keys
}

/// One chunk with the rows of all, in the order given; a column at a time, so that only one is in memory twice.
fn reordered(mut chunks: Vec<Chunk>, order: &[u32]) -> Result<Chunk, ArrowError> {
    let mut starts = Vec::with_capacity(chunks.len());
    let mut total = 0;
    for chunk in &chunks {
        starts.push(total);
        total += chunk.rows.len();
    }
    let places: Vec<(usize, usize)> = order
        .iter()
        .map(|&row| {
            let chunk = starts.partition_point(|&start| start <= row as usize) - 1;
            (chunk, row as usize - starts[chunk])
        })
        .collect();
    let rows = places.iter().map(|&(chunk, row)| chunks[chunk].rows[row]).collect();
    let seen_at = places.iter().map(|&(chunk, row)| chunks[chunk].places[row]).collect();
    let width = chunks.first().map_or(0, |chunk| chunk.columns.len());
    let mut columns = Vec::with_capacity(width);
    for _ in 0..width {
        let parts: Named = chunks.iter_mut().map(|chunk| chunk.columns.remove(0)).collect();
        let arrays: Vec<&dyn arrow_array::Array> = parts.iter().map(|(_, array)| Arc::as_ref(array)).collect();
        let name = parts.first().map_or("", |&(name, _)| name);
        columns.push((name, arrow_select::interleave::interleave(&arrays, &places)?));
    }
    Ok(Chunk::of(columns, rows, seen_at))
}
