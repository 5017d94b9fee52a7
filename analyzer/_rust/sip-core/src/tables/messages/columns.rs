//! The columns of `messages`. One more from a header is a line here (and its words in the schema): [`Message::header`]
//! reads any header that the message has. What most messages need is read with them, in `sip::fields`.

use std::borrow::Cow;
use std::net::IpAddr;

use super::keys::Keys;
use crate::net::{Encapsulation, Protocol};
use crate::observation::{KeptReport, Observed, Seen};
use crate::packet::NO_TIME;
use crate::sip::fields::{Line, Told};
use crate::sip::{Fields, Name, headers, unescaped};
use crate::tables::columns::{columns, key};
use crate::tables::sdp::Known;
use crate::tables::small::FileRow;

columns! {
    /// What one message says by itself.
    pub struct Columns of |it: &Message<'_>| {
        frame: Int = "frame" => Some(it.seen.last.frame as i64),
        byte_offset: Int = "byte_offset" => Some(it.seen.first.offset as i64),
        length: Int = "length" => Some(it.message.len() as i64),
        time: Time = "time" => it.times.1,
        first_byte_at: Time = "first_byte_at" => it.times.0,
        src_ip: Address = "src_ip" => Some(it.seen.flow.src),
        src_port: Small = "src_port" => port(it.seen.flow.src, it.seen.flow.src_port),
        dst_ip: Address = "dst_ip" => Some(it.seen.flow.dst),
        dst_port: Small = "dst_port" => port(it.seen.flow.dst, it.seen.flow.dst_port),
        transport: Text = "transport" => Some(transport(it.seen.flow.protocol, it.fields.via.transport)),
        tunnel: Text = "tunnel" => it.encapsulation.map(tunnels),
        outer_src_ip: Address = "outer_src_ip" => it.outer().map(|(src, _)| src),
        outer_dst_ip: Address = "outer_dst_ip" => it.outer().map(|(_, dst)| dst),
        vlan: Text = "vlan" => it.encapsulation.map(vlans),
        teid: Small = "teid" => it.encapsulation.and_then(|around| around.teid),
        spi: Small = "spi" => it.encapsulation.and_then(|around| around.spi),
        correlation_id: Text = "correlation_id" => it.report.and_then(|report| report.correlation_id),
        arrived_at: Time = "arrived_at" => it.report.map_or(NO_TIME, |report| report.arrived),
        method: LineText = "method" => it.method(),
        status: Small = "status" => it.fields.status,
        reason_phrase: LineText = "reason_phrase" => (it.fields.reason_phrase, it.told(Told::Start, 0)),
        request_uri: LineText = "request_uri" => (it.fields.request_uri, it.told(Told::Start, 0)),
        call_id: LineText = "call_id" => (it.fields.call_id, it.told(Told::CallId, 0)),
        from_uri: LineText = "from_uri" => (it.fields.from.uri, it.told(Told::From, 0)),
        from_name: Text = "from_name" => it.fields.from.display.and_then(display_name),
        from_tag: LineText = "from_tag" => (it.fields.from.tag, it.told(Told::From, 1)),
        to_uri: LineText = "to_uri" => (it.fields.to.uri, it.told(Told::To, 0)),
        to_name: Text = "to_name" => it.fields.to.display.and_then(display_name),
        to_tag: LineText = "to_tag" => (it.fields.to.tag, it.told(Told::To, 1)),
        cseq: Small = "cseq" => it.fields.cseq,
        via_branch: LineText = "via_branch" => (it.fields.via.branch, it.told(Told::Via, 0)),
        via_sent_by: LineText = "via_sent_by" => (it.fields.via.sent_by, it.told(Told::Via, 1)),
        via_count: Small = "via_count" => Some(it.fields.via.count),
        max_forwards: Small = "max_forwards" => it.fields.max_forwards,
        contact_uri: LineText = "contact_uri" => it.contact(),
        contact_expires: Small = "contact_expires" => it.fields.contact.expires,
        expires: Small = "expires" => it.fields.expires,
        asserted_identity: LineText = "asserted_identity" => (it.fields.asserted[0], it.told(Told::Asserted, 0)),
        preferred_identity: Text = "preferred_identity" => it.fields.preferred,
        private_id: Text = "private_id" => it.fields.auth.username,
        challenge: Bool = "challenge" => it.fields.auth.challenge,
        credentials: Bool = "credentials" => it.fields.auth.credentials,
        stale: Bool = "stale" => it.fields.auth.stale,
        require: Text = "require" => it.fields.require,
        supported: Text = "supported" => it.fields.supported,
        event: Text = "event" => it.fields.event,
        subscription_state: Text = "subscription_state" => it.fields.subscription_state,
        rseq: Small = "rseq" => it.fields.rseq,
        rack: Text = "rack" => it.fields.rack,
        session_expires: Small = "session_expires" => it.fields.session_expires,
        p_early_media: Text = "p_early_media" => it.fields.p_early_media,
        refer_to: Text = "refer_to" => it.fields.refer_to,
        replaces: Text = "replaces" => it.header(Name::Replaces),
        warning: Text = "warning" => it.fields.warning,
        reason_header: Text = "reason_header" => it.reason(),
        icid: LineText = "icid" => (it.fields.icid, it.told(Told::Icid, 0)),
        user_agent: Text = "user_agent" => it.fields.user_agent,
        content_type: LineText = "content_type" => (it.fields.content_type, it.told(Told::ContentType, 0)),
        body_length: Int = "body_length" => Some(it.fields.body.len() as i64),
        has_sdp: Bool = "has_sdp" => it.description.is_some(),
        qos_pending: Bool = "qos_pending" => it.description.is_some_and(|known| known.qos_pending),
        complete: Bool = "complete" => it.complete,
        call_hash: Int = "_call" => it.keys.call.map(key),
        dialog_hash: Int = "_dialog" => it.keys.dialog.map(key),
        leg_hash: Int = "_leg" => it.keys.leg.map(key),
        via_hash: Int = "_via" => it.keys.via.map(|via| key(via.0)),
        via_rest_hash: Int = "_via_rest" => it.keys.via.map(|via| key(via.1)),
        nonce_hash: Int = "_nonce" => it.keys.nonce.map(key),
        sdp_hash: Int = "_sdp" => it.description.map(|known| key(known.key)),
        qos: Bool = "_qos" => it.description.is_some_and(|known| known.has_preconditions),
        sends: Bool = "_sends" => it.description.is_some_and(|known| known.sends),
        q850: Small = "_q850" => it.fields.reason_q850,
        sip_cause: Small = "_sip_cause" => it.fields.reason_sip,
        release_cause: Small = "_release_cause" => it.fields.reason_release,
        failure_cause: Small = "_failure_cause" => it.fields.reason_failure,
        refresher: Small = "_refresher" => it.fields.refresher.and_then(refresher),
        point_number: Small = "_point" => Some(it.seen.point),
        headers: Int = "_headers" => it.headers,
    }
}

columns! {
    /// What the whole scan says of a message.
    pub struct ScanColumns of |it: &Scanned<'_>| {
        message: Int = "message" => Some(it.observed.key),
        file: Text = "file" => it.file.map(|file| &file.name),
        point: Text = "point" => it.point,
        interface: Text = "interface" => it.interface(),
        retransmission: Bool = "retransmission" => it.observed.retransmission,
        duplicate: Bool = "duplicate" => it.observed.original.is_some(),
        original: Int = "original" => it.observed.original,
        transaction: Int = "transaction" => it.observed.transaction,
    }
}

/// A message and what was found out about it.
pub struct Message<'a> {
    pub seen: &'a Seen,
    pub message: &'a [u8],
    pub fields: &'a Fields<'a>,
    pub keys: &'a Keys,
    /// Of its first and last packet, by a clock that was set right.
    pub times: (i64, i64),
    pub complete: bool,
    pub encapsulation: Option<&'a Encapsulation>,
    pub report: Option<KeptReport<'a>>,
    pub description: Option<&'a Known>,
    /// Which headers of the vocabulary it has, where somebody wants to know.
    pub headers: Option<i64>,
}

impl Message<'_> {
    fn outer(&self) -> Option<(IpAddr, IpAddr)> {
        self.encapsulation.and_then(|around| around.outer)
    }

    /// The line that told something, and the place in it of the column that has it.
    fn told(&self, line: Told, place: usize) -> Option<(&Line, usize)> {
        self.fields.told(line).map(|line| (line, place))
    }

    /// Of a response that of CSeq.
    fn method(&self) -> (Option<&[u8]>, Option<(&Line, usize)>) {
        let told = if self.fields.status.is_some() { self.told(Told::Cseq, 0) } else { self.told(Told::Start, 1) };
        (self.fields.method, told)
    }

    fn contact(&self) -> (Option<&[u8]>, Option<(&Line, usize)>) {
        let contact = &self.fields.contact;
        if contact.star { (Some(b"*"), None) } else { (contact.uri, self.told(Told::Contact, 0)) }
    }

    /// The value of the first header field of this name, on one line. Messages that have none cost nothing.
    fn header(&self, name: Name) -> Option<Vec<u8>> {
        if self.fields.has(name) { headers::first(self.message, name) } else { None }
    }

    /// Reason with the values of all its lines: one for each protocol (RFC 3326 §2).
    fn reason(&self) -> Option<Cow<'_, [u8]>> {
        match self.fields.reasons {
            ..2 => self.fields.reason.map(Cow::Borrowed),
            _ => headers::all(self.message, Name::Reason).map(Cow::Owned),
        }
    }
}

/// A message among all that were read.
pub struct Scanned<'a> {
    pub observed: &'a Observed,
    pub file: Option<&'a FileRow>,
    pub point: Option<&'a str>,
    pub interface: Option<Interface>,
}

impl Scanned<'_> {
    fn interface(&self) -> Option<Cow<'_, [u8]>> {
        match self.interface? {
            Interface::OfHost(index) => Some(index.to_string().into_bytes().into()),
            Interface::OfFile(number) => {
                let name = self.file?.info.interfaces.get(number as usize)?;
                name.as_deref().map(|name| name.as_bytes().into())
            }
        }
    }
}

/// Where a packet was captured.
#[derive(Debug, Clone, Copy)]
pub enum Interface {
    /// By its number in the file.
    OfFile(u32),
    /// By its number in the capturing host.
    OfHost(u32),
}

/// A display name without quotes and escapes; none where nothing is left.
fn display_name(sent: &[u8]) -> Option<Cow<'_, [u8]>> {
    let name = unescaped(sent);
    (!name.trim_ascii().is_empty()).then_some(name)
}

/// A capture without IP headers says nothing of ports, and exported PDUs may not.
fn port(ip: IpAddr, port: u16) -> Option<u16> {
    (port > 0 || !ip.is_unspecified()).then_some(port)
}

/// Of WebSocket and TLS, which a report does not tell apart, the top Via says which (RFC 7118 §5.2.1): that of a request
/// is its sender's, and a response brings it back.
fn transport(protocol: Protocol, via: Option<&[u8]>) -> &'static str {
    match (protocol, via) {
        (Protocol::Secure, Some(via)) if via.eq_ignore_ascii_case(b"WS") => "ws",
        (Protocol::Secure, Some(via)) if via.eq_ignore_ascii_case(b"WSS") => "wss",
        _ => protocol.as_str(),
    }
}

/// Who refreshes the session, of the transaction it is agreed in: 0 its client (`uac`), 1 its server (RFC 4028 §4).
fn refresher(value: &[u8]) -> Option<u8> {
    [&b"uac"[..], b"uas"].iter().position(|role| value.eq_ignore_ascii_case(role)).map(|role| role as u8)
}

fn tunnels(around: &Encapsulation) -> String {
    let names: Vec<&str> = around.tunnels().iter().map(|tunnel| tunnel.as_str()).collect();
    names.join("/")
}

fn vlans(around: &Encapsulation) -> String {
    let numbers: Vec<String> = around.vlans().iter().map(u16::to_string).collect();
    numbers.join("/")
}
