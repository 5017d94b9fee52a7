//! What a table row needs of a message, in one pass over its header lines. Nothing is allocated for a message: values
//! are borrowed from it, or from a scratch that is used again (unfolded headers, the normal form of the Via stack).

use std::ops::Range;

use super::encoding::Encoded;
use super::flaw::{Flaw, Flaws};
use super::mime;
use super::name::Name;
use super::presence;
use super::start::{self, Line};
use super::text::{
    comma_params, is_blank, is_space, leading_number, list, name_addr, number, param, params, split, split_once, trim,
    trim_end, trim_start, unquote,
};
use super::via;
use crate::hash;

/// How the message came: decides what its length means (RFC 3261 §18.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A datagram, SCTP message or WebSocket frame of which the capture lacks `missing` bytes.
    Datagram { missing: u32 },
    /// Cut out of a stream by [`super::framing::StreamFramer`].
    Stream,
}

/// Buffers that [`read`] uses again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    unfolded: Vec<u8>,
    work: Work,
}

#[derive(Debug, Default)]
struct Work {
    /// The topmost Via in normal form.
    via: Vec<u8>,
    /// Where it has its sent-by.
    sent_by: (usize, usize),
    /// Hashes of the Via values in normal form, top first.
    vias: Vec<u64>,
    known: via::Known,
    content_type: Vec<u8>,
    require: Vec<u8>,
    supported: Vec<u8>,
}

impl Work {
    fn clear(&mut self) {
        self.via.clear();
        self.sent_by = (0, 0);
        self.vias.clear();
        self.content_type.clear();
        self.require.clear();
        self.supported.clear();
    }
}

/// From or To: `( name-addr / addr-spec ) *( SEMI from-param )`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// The addr-spec as sent.
    pub uri: Option<&'a [u8]>,
    pub tag: Option<&'a [u8]>,
}

/// The Via stack. Stacks are compared in normal form: hosts and parameter names in lower case, branches byte by byte,
/// without what receivers write (`received`, `rport`, `keep`, `oc`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ViaStack<'a> {
    /// Values, however many rows they stand in.
    pub count: u32,
    /// Of the top value, as sent.
    pub branch: Option<&'a [u8]>,
    /// Of the top value: host in lower case, port if given.
    pub sent_by: Option<&'a [u8]>,
    /// Of the top value, as sent.
    pub transport: Option<&'a [u8]>,
    pub received: Option<&'a [u8]>,
    pub rport: Option<&'a [u8]>,
    /// The branch is the magic cookie and something after it: it names the transaction by itself (RFC 3261 §17.2.3).
    pub unique_branch: bool,
    /// Hash of the top value: RFC 2543 matching compares the whole of it.
    pub top_hash: u64,
    /// Hash of the whole stack.
    pub hash: u64,
    /// Hash of the stack without its top: equals `hash` of the message one hop nearer to the client.
    pub rest_hash: u64,
    /// Hash of each value, top first.
    pub values: &'a [u64],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contact<'a> {
    /// The first addr-spec; `None` for `*`.
    pub uri: Option<&'a [u8]>,
    /// Its `expires` parameter (s).
    pub expires: Option<u32>,
    /// `Contact: *`
    pub star: bool,
    pub count: u32,
}

/// What a message says about authentication. Nonces are kept as hashes only; responses and keys not at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Authorization or Proxy-Authorization with a response that is not empty (the first REGISTER of IMS has an empty one).
    pub credentials: bool,
    pub username: Option<&'a [u8]>,
    pub realm: Option<&'a [u8]>,
    /// XXH3 of the nonce that the credentials answer.
    pub credentials_nonce: Option<u64>,
    /// WWW-Authenticate or Proxy-Authenticate.
    pub challenge: bool,
    /// XXH3 of the nonce of the first challenge that has one.
    pub challenge_nonce: Option<u64>,
    /// `stale=true`: the credentials were right, the nonce too old.
    pub stale: bool,
}

/// One message as a row needs it. Bytes are as sent (a folded value is on one line); a name that is `None` is absent.
#[derive(Debug, Clone, Default)]
pub struct Fields<'a> {
    /// Of a request its own, of a response that of CSeq.
    pub method: Option<&'a [u8]>,
    /// `None` for a request; 65535 where it does not fit.
    pub status: Option<u16>,
    pub reason_phrase: Option<&'a [u8]>,
    pub request_uri: Option<&'a [u8]>,
    pub call_id: Option<&'a [u8]>,
    pub from: Party<'a>,
    pub to: Party<'a>,
    /// CSeq number.
    pub cseq: Option<u32>,
    pub cseq_method: Option<&'a [u8]>,
    pub via: ViaStack<'a>,
    pub contact: Contact<'a>,
    /// P-Asserted-Identity: the first two addr-specs (RFC 3325: at most one sip and one tel).
    pub asserted: [Option<&'a [u8]>; 2],
    pub preferred: Option<&'a [u8]>,
    pub called_party: Option<&'a [u8]>,
    pub served_user: Option<&'a [u8]>,
    pub icid: Option<&'a [u8]>,
    /// Value of the first Reason header, whole.
    pub reason: Option<&'a [u8]>,
    /// How many rows of Reason there are.
    pub reasons: u32,
    /// Cause of the first Reason value of protocol Q.850, of whichever row.
    pub reason_q850: Option<u16>,
    /// The same of protocol SIP.
    pub reason_sip: Option<u16>,
    /// The same of protocol RELEASE_CAUSE (3GPP TS 24.229 §7.2A.18.11).
    pub reason_release: Option<u16>,
    /// The same of protocol FAILURE_CAUSE (3GPP TS 24.229 §7.2A.18.12).
    pub reason_failure: Option<u16>,
    pub warning: Option<&'a [u8]>,
    /// User-Agent, else Server.
    pub user_agent: Option<&'a [u8]>,
    /// Media type in lower case, without parameters.
    pub content_type: Option<&'a [u8]>,
    /// The value of Content-Type, with its parameters.
    pub content_type_value: Option<&'a [u8]>,
    /// The number in Content-Length, whether true or not.
    pub content_length: Option<u64>,
    pub max_forwards: Option<u32>,
    pub expires: Option<u32>,
    pub min_expires: Option<u32>,
    pub min_se: Option<u32>,
    pub session_expires: Option<u32>,
    pub refresher: Option<&'a [u8]>,
    pub retry_after: Option<u32>,
    /// Option tags of all rows.
    pub require: Option<&'a [u8]>,
    pub supported: Option<&'a [u8]>,
    pub event: Option<&'a [u8]>,
    pub subscription_state: Option<&'a [u8]>,
    pub rseq: Option<u32>,
    pub rack: Option<&'a [u8]>,
    pub refer_to: Option<&'a [u8]>,
    pub referred_by: Option<&'a [u8]>,
    pub replaces: Option<&'a [u8]>,
    pub target_dialog: Option<&'a [u8]>,
    pub in_reply_to: Option<&'a [u8]>,
    pub p_early_media: Option<&'a [u8]>,
    pub session_id: Option<&'a [u8]>,
    pub privacy: Option<&'a [u8]>,
    pub access_network_info: Option<&'a [u8]>,
    pub auth: Auth<'a>,
    pub diversion: bool,
    pub history_info: bool,
    pub record_routes: u32,
    pub routes: u32,
    pub paths: u32,
    /// Value of Content-Encoding.
    pub codings: Option<&'a [u8]>,
    /// Where the body lies in the message; its end is the end of the message.
    pub body: Range<usize>,
    /// Bytes after the message that are no part of it.
    pub trailing: usize,
    /// Bytes at the end of the message that are a header line without its end: what it says is not known.
    pub cut_line: usize,
    /// The body is encoded: what it holds is known once it is decoded.
    pub encoded: Option<Encoded<'a>>,
    /// The session description within the message, also out of a multipart body.
    pub sdp: Option<Range<usize>>,
    /// The one of the disposition `early-session`, beside it or alone (RFC 3959).
    pub early_sdp: Option<Range<usize>>,
    pub flaws: Flaws,
    /// The header that was the first to be repeated.
    repeated: Option<Name>,
    seen: u128,
    /// A header that its method or status makes mandatory is absent ([`presence`]).
    conditional: bool,
    /// The body has more than blanks.
    has_body: bool,
    /// Lines of the header section that ended, the empty one included.
    lines: usize,
    /// The empty line is there.
    header_ended: bool,
}

/// The header section has lines that begin with white space.
struct Folded;

/// Reads a message that begins at `message[0]` (as [`super::detect`] or the framer give it).
///
/// Every deviation that RFC 4475 shows is forgiven and flagged; what can be read is read.
pub fn read<'a>(message: &'a [u8], carrier: Carrier, scratch: &'a mut Scratch) -> Fields<'a> {
    let whole = whole_lines(message, carrier);
    if whole < message.len() {
        let (lines, cut_line) = split(message, whole);
        let end = message.len();
        let mut fields = Fields { cut_line: cut_line.len(), body: end..end, ..read_lines(lines, carrier, scratch) };
        // The header may stand in the line that is cut, or in one that was lost.
        fields.flaws.remove(Flaw::HeaderMissing);
        return fields;
    }
    let mut fields = read_lines(message, carrier, scratch);
    if !fields.header_ended && may_be_cut(carrier) {
        fields.flaws.remove(Flaw::HeaderMissing);
        if fields.lines == 0 {
            // The start line is all there is, and where it ends is not known.
            (fields.request_uri, fields.reason_phrase) = (None, None);
        }
    }
    fields
}

/// Can bytes have followed that the capture has not?
fn may_be_cut(carrier: Carrier) -> bool {
    carrier != Carrier::Datagram { missing: 0 }
}

/// Where the last line ends whose end is there, of a header section that was cut; of any other message its length. A line
/// goes on with a continuation line (RFC 3261 §7.3.1).
fn whole_lines(message: &[u8], carrier: Carrier) -> usize {
    let ends =
        || memchr::memmem::find(message, b"\n\r\n").is_some() || memchr::memmem::find(message, b"\n\n").is_some();
    if !may_be_cut(carrier) || cr_ends_lines(message) || ends() {
        return message.len();
    }
    let mut end = message.len();
    // A line that ends in CR is whole: LF is all that it lacks.
    if let [.., b'\r' | b'\n'] = message {
        return end;
    }
    while let Some(line_feed) = memchr::memrchr(b'\n', split(message, end).0) {
        if message.get(line_feed + 1).is_none_or(|&next| !is_blank(next)) {
            return line_feed + 1;
        }
        end = line_feed;
    }
    message.len()
}

fn read_lines<'a>(message: &'a [u8], carrier: Carrier, scratch: &'a mut Scratch) -> Fields<'a> {
    let Scratch { unfolded, work } = scratch;
    unfolded.clear();
    work.clear();
    let mut fields = Fields::default();
    let header_len = match fields.section(message, true, work) {
        Ok(header_len) => header_len,
        Err(Folded) => {
            let header_len = unfold(message, unfolded);
            let unfolded: &'a [u8] = unfolded;
            work.clear();
            let flaws = fields.flaws;
            fields = Fields::default();
            // Line ends were judged as sent; the copy has none but CRLF.
            fields.flaws.add_if(flaws.has(Flaw::LineEnd), Flaw::LineEnd);
            // The copy has no fold left, so this cannot fail again.
            let _ = fields.section(unfolded, false, work);
            fields.lines = memchr::memchr_iter(b'\n', split(message, header_len).0).count();
            header_len
        }
    };
    let work: &'a Work = work;
    fields.finish_header(split(message, header_len).0, work);
    fields.finish_body(message, header_len, carrier);
    fields.content_type_value = fields.content_type;
    fields.content_type = match work.content_type.is_empty() {
        true => fields.content_type.map(mime::media_type).filter(|media| !media.is_empty()),
        false => Some(&work.content_type),
    };
    fields
}

/// Copies the header section with every continuation line joined to its header by one space (RFC 3261 §7.3.1); bare CR
/// as line end becomes CRLF. Returns the length of the section as sent, empty line included.
pub(super) fn unfold(message: &[u8], out: &mut Vec<u8>) -> usize {
    let mut at = 0;
    let mut first = true;
    // Where the header begins that a continuation line belongs to: one of blanks alone is no part of the header before.
    let mut header = 0;
    let cr_ends_lines = cr_ends_lines(message);
    loop {
        let (_, rest) = split(message, at);
        let nl = if cr_ends_lines { memchr::memchr2(b'\r', b'\n', rest) } else { memchr::memchr(b'\n', rest) };
        let (line, next) = match nl {
            Some(nl) => (split(rest, nl).0, at + nl + 1),
            None => (rest, message.len()),
        };
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        at = next;
        match text.first() {
            Some(&b) if is_blank(b) && !first => {
                while out.len() > header && out.last().is_some_and(|&b| is_space(b)) {
                    out.pop();
                }
                out.push(b' ');
                out.extend_from_slice(trim(text));
            }
            _ => {
                header = out.len();
                out.extend_from_slice(text);
            }
        }
        if nl.is_none() {
            return at;
        }
        out.extend_from_slice(b"\r\n");
        if text.is_empty() {
            return at;
        }
        first = false;
    }
}

/// Does the start line end in CR without LF? Then the sender ends all lines so.
pub(super) fn cr_ends_lines(message: &[u8]) -> bool {
    start::line_at(message).is_some_and(|(len, with_end)| {
        with_end == len + 1 && message.get(len) == Some(&b'\r') && message.get(with_end).is_some()
    })
}

/// Headers that may stand once (RFC 3261 §20 and their own RFCs).
fn is_single(name: Name) -> bool {
    matches!(
        name,
        Name::CallId
            | Name::CSeq
            | Name::From
            | Name::To
            | Name::MaxForwards
            | Name::ContentLength
            | Name::ContentType
            | Name::Date
            | Name::Event
            | Name::Expires
            | Name::MinExpires
            | Name::MinSe
            | Name::Organization
            | Name::PCalledPartyId
            | Name::PChargingVector
            | Name::RAck
            | Name::ReferTo
            | Name::Replaces
            | Name::RetryAfter
            | Name::RSeq
            | Name::Server
            | Name::SessionExpires
            | Name::SubscriptionState
            | Name::Subject
            | Name::TargetDialog
            | Name::Timestamp
            | Name::UserAgent
    )
}

impl<'a> Fields<'a> {
    /// Reads start line and header lines up to the empty line; returns the length of all that. `as_sent`: not unfolded yet.
    fn section(&mut self, text: &'a [u8], as_sent: bool, work: &mut Work) -> Result<usize, Folded> {
        let mut at = 0;
        let mut first = true;
        let mut line_feeds = 0u32;
        for nl in memchr::memchr_iter(b'\n', text) {
            self.lines += 1;
            let line = text.get(at..nl).unwrap_or_default();
            let line = match line {
                [head @ .., b'\r'] => head,
                _ => {
                    line_feeds += 1;
                    line
                }
            };
            at = nl + 1;
            if line.is_empty() && !first {
                self.flaws.add_if(line_feeds > 0, Flaw::LineEnd);
                self.header_ended = true;
                return Ok(at);
            }
            if as_sent && text.get(at).copied().is_some_and(is_blank) {
                return Err(self.folded(line_feeds));
            }
            if as_sent && first && memchr::memchr(b'\r', line).is_some() {
                return Err(self.folded(1));
            }
            self.line(line, first, work);
            first = false;
        }
        // No empty line: the message is cut, or its sender forgot.
        let (_, rest) = split(text, at);
        if as_sent && first && cr_ends_lines(text) {
            return Err(self.folded(1));
        }
        if !rest.is_empty() {
            self.line(trim_end(rest), first, work);
        }
        self.flaws.add_if(line_feeds > 0, Flaw::LineEnd);
        self.flaws.add(Flaw::Cut);
        Ok(text.len())
    }

    fn folded(&mut self, line_feeds: u32) -> Folded {
        self.flaws.add_if(line_feeds > 0, Flaw::LineEnd);
        Folded
    }

    fn line(&mut self, line: &'a [u8], first: bool, work: &mut Work) {
        if first {
            self.start_line(line);
            return;
        }
        // Names are short: looking at each byte is faster than memchr.
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            self.flaws.add(Flaw::HeaderLine);
            return;
        };
        let (name, value) = split(line, colon);
        let name = match name {
            [.., last] if is_space(*last) => trim_end(name),
            _ => name,
        };
        let value = trim(value.get(1..).unwrap_or_default());
        match Name::of(name) {
            Name::Other => self.flaws.add_if(name.is_empty() || name.iter().any(|&b| is_blank(b)), Flaw::HeaderLine),
            name => self.header(name, value, work),
        }
    }

    fn start_line(&mut self, line: &'a [u8]) {
        let Some(start) = start::parse(line) else {
            self.flaws.add(Flaw::StartLine);
            return;
        };
        self.flaws.merge(start.flaws);
        match start.line {
            Line::Request { method, uri } => {
                self.method = Some(method);
                self.request_uri = Some(uri);
            }
            Line::Status { status, reason } => {
                self.status = Some(status);
                self.reason_phrase = Some(reason);
            }
        }
    }

    fn header(&mut self, name: Name, value: &'a [u8], work: &mut Work) {
        let bit = 1u128 << (name as u8 & 127);
        if self.seen & bit != 0 && is_single(name) {
            if name == Name::ContentLength {
                self.repeated_length(value);
            } else {
                self.flaws.add(Flaw::HeaderRepeated);
            }
            self.repeated.get_or_insert(name);
            return;
        }
        self.seen |= bit;
        match name {
            Name::Via => self.via_row(value, work),
            Name::From => self.from = self.party(value),
            Name::To => self.to = self.party(value),
            Name::CallId => self.call_id = Some(value),
            Name::CSeq => self.cseq_header(value),
            Name::MaxForwards => self.max_forwards = self.small(value, 255),
            Name::Contact => self.contact_row(value),
            Name::ContentLength => {
                self.content_length = number(value);
                self.flaws.add_if(self.content_length.is_none(), Flaw::ContentLengthInvalid);
            }
            Name::ContentEncoding => self.codings = self.codings.or(Some(value)),
            Name::ContentType => {
                self.content_type = Some(value);
                let media = mime::media_type(value);
                if media.iter().any(|b| b.is_ascii_uppercase() || is_blank(*b)) {
                    work.content_type.extend(media.iter().filter(|b| !is_blank(**b)).map(u8::to_ascii_lowercase));
                }
            }
            Name::UserAgent => self.user_agent = Some(value),
            Name::Server => self.user_agent = self.user_agent.or(Some(value)),
            Name::Require => append_row(&mut self.require, &mut work.require, value),
            Name::Supported => append_row(&mut self.supported, &mut work.supported, value),
            Name::Expires => self.expires = self.seconds(value),
            Name::MinExpires => self.min_expires = self.seconds(value),
            Name::MinSe => self.min_se = self.seconds(value),
            Name::RetryAfter => self.retry_after = self.seconds(value),
            Name::RSeq => self.rseq = self.seconds(value),
            Name::SessionExpires => {
                self.session_expires = self.seconds(value);
                self.refresher = param(value, b"refresher");
            }
            Name::Authorization | Name::ProxyAuthorization => self.credentials(value),
            Name::WwwAuthenticate | Name::ProxyAuthenticate => self.challenge(value),
            Name::PAssertedIdentity => {
                for item in list(value) {
                    let Some(free) = self.asserted.iter_mut().find(|slot| slot.is_none()) else { break };
                    *free = Some(name_addr(item).uri);
                }
            }
            Name::PPreferredIdentity => self.preferred = self.preferred.or_else(|| first_uri(value)),
            Name::PCalledPartyId => self.called_party = first_uri(value),
            Name::PServedUser => self.served_user = first_uri(value),
            Name::PChargingVector => self.icid = param(value, b"icid-value"),
            Name::Reason => self.reason_row(value),
            Name::Warning => {
                self.warning = self.warning.or(Some(value));
                // `warn-code = 3DIGIT`
                let code = value.iter().take_while(|b| b.is_ascii_digit()).count();
                self.flaws.add_if(code != 3, Flaw::NumberOutOfRange);
            }
            Name::Event => self.event = Some(value),
            Name::SubscriptionState => self.subscription_state = Some(value),
            Name::RAck => self.rack = Some(value),
            Name::ReferTo => self.refer_to = Some(value),
            Name::ReferredBy => self.referred_by = Some(value),
            Name::Replaces => self.replaces = Some(value),
            Name::TargetDialog => self.target_dialog = Some(value),
            Name::InReplyTo => self.in_reply_to = self.in_reply_to.or(Some(value)),
            Name::PEarlyMedia => self.p_early_media = self.p_early_media.or(Some(value)),
            Name::SessionId => self.session_id = self.session_id.or(Some(value)),
            Name::Privacy => self.privacy = self.privacy.or(Some(value)),
            Name::PAccessNetworkInfo => self.access_network_info = self.access_network_info.or(Some(value)),
            Name::Diversion => self.diversion = true,
            Name::HistoryInfo => self.history_info = true,
            Name::RecordRoute => self.record_routes += count(value),
            Name::Route => self.routes += count(value),
            Name::Path => self.paths += count(value),
            _ => {}
        }
    }

    /// RFC 4475 §3.3.9: equal values may be forgiven, different ones may not.
    fn repeated_length(&mut self, value: &[u8]) {
        let same = number(value).is_some() && number(value) == self.content_length;
        self.flaws.add(if same { Flaw::HeaderRepeated } else { Flaw::ContentLengthConflict });
    }

    /// `delta-seconds`, or another number up to 2^32-1; what follows the digits (comment, parameters) is left.
    fn seconds(&mut self, value: &[u8]) -> Option<u32> {
        let read = leading_number(value).and_then(|(n, _)| u32::try_from(n).ok());
        self.flaws.add_if(read.is_none(), Flaw::NumberOutOfRange);
        read
    }

    fn small(&mut self, value: &[u8], max: u32) -> Option<u32> {
        let read = number(value).and_then(|n| u32::try_from(n).ok());
        self.flaws.add_if(read.is_none_or(|n| n > max), Flaw::NumberOutOfRange);
        read
    }

    fn party(&mut self, value: &'a [u8]) -> Party<'a> {
        let addr = name_addr(value);
        self.flaws.merge(addr.flaws);
        let tag = params(addr.params).find(|(name, _)| name.eq_ignore_ascii_case(b"tag")).and_then(|(_, tag)| tag);
        Party { uri: (!addr.uri.is_empty()).then_some(addr.uri), tag: tag.filter(|t| !t.is_empty()) }
    }

    /// `CSeq = 1*DIGIT LWS Method`
    fn cseq_header(&mut self, value: &'a [u8]) {
        let (number_part, method) = split(value, value.iter().position(|&b| is_space(b)).unwrap_or(value.len()));
        self.cseq = number(number_part).and_then(|n| u32::try_from(n).ok());
        let method = trim(method);
        self.cseq_method = (!method.is_empty()).then_some(method);
        self.flaws.add_if(self.cseq.is_none() || method.is_empty(), Flaw::Cseq);
    }

    fn via_row(&mut self, value: &'a [u8], work: &mut Work) {
        if memchr::memchr(b',', value).is_none() {
            self.via_value(value, work);
        } else {
            list(value).for_each(|item| self.via_value(item, work));
        }
    }

    fn via_value(&mut self, value: &'a [u8], work: &mut Work) {
        let below = self.via.count > 0;
        if below && let Some((hash, flaws)) = work.known.get(value) {
            self.flaws.merge(flaws);
            work.vias.push(hash);
            self.via.count = self.via.count.saturating_add(1);
            return;
        }
        let Some(via) = via::parse(value) else {
            self.flaws.add(Flaw::Via);
            return;
        };
        let from = work.via.len();
        let mut normal = via::normalise(&via, &mut work.via);
        normal.flaws.merge(via.flaws);
        self.flaws.merge(normal.flaws);
        let hash = hash::bytes(work.via.get(from..).unwrap_or_default());
        work.vias.push(hash);
        if below {
            work.via.truncate(from);
            work.known.put(value, hash, normal.flaws);
        } else {
            let branch = normal.branch.filter(|b| !b.is_empty());
            self.via.branch = branch;
            self.via.unique_branch = branch.is_some_and(via::is_unique_branch);
            self.flaws.add_if(branch.is_some_and(via::is_cookie_only), Flaw::BranchCookieOnly);
            self.via.transport = Some(via.transport);
            self.via.received = normal.received;
            self.via.rport = normal.rport;
            work.sent_by = normal.sent_by;
        }
        self.via.count = self.via.count.saturating_add(1);
    }

    fn contact_row(&mut self, value: &'a [u8]) {
        if value == b"*" {
            self.contact.star = true;
            return;
        }
        if memchr::memchr(b',', value).is_none() {
            self.contact_value(value);
        } else {
            list(value).for_each(|item| self.contact_value(item));
        }
    }

    fn contact_value(&mut self, value: &'a [u8]) {
        self.contact.count = self.contact.count.saturating_add(1);
        if self.contact.count > 1 || value.is_empty() {
            return;
        }
        let addr = name_addr(value);
        self.flaws.merge(addr.flaws);
        self.contact.uri = (!addr.uri.is_empty()).then_some(addr.uri);
        if let Some(expires) = param(addr.params, b"expires") {
            self.contact.expires = self.seconds(expires);
        }
    }

    /// `Reason = reason-value *(COMMA reason-value)`, `reason-value = protocol *(SEMI reason-params)` (RFC 3326 §2).
    fn reason_row(&mut self, value: &'a [u8]) {
        self.reason = self.reason.or(Some(value));
        self.reasons = self.reasons.saturating_add(1);
        for item in list(value) {
            let Some((protocol, params)) = split_once(item, b';') else { continue };
            let is = |name: &[u8]| trim(protocol).eq_ignore_ascii_case(name);
            let slot = if is(b"Q.850") {
                &mut self.reason_q850
            } else if is(b"SIP") {
                &mut self.reason_sip
            } else if is(b"RELEASE_CAUSE") {
                &mut self.reason_release
            } else if is(b"FAILURE_CAUSE") {
                &mut self.reason_failure
            } else {
                continue;
            };
            let cause = || param(params, b"cause").and_then(number).and_then(|n| u16::try_from(n).ok());
            *slot = slot.or_else(cause);
        }
    }

    /// `credentials = ("Digest" LWS digest-response) / other-response` (RFC 3261 §20.7)
    fn credentials(&mut self, value: &'a [u8]) {
        for (name, value) in auth_params(value) {
            if name.eq_ignore_ascii_case(b"username") {
                self.auth.username = self.auth.username.or(Some(value));
            } else if name.eq_ignore_ascii_case(b"realm") {
                self.auth.realm = self.auth.realm.or(Some(value));
            } else if name.eq_ignore_ascii_case(b"nonce") && !value.is_empty() {
                self.auth.credentials_nonce.get_or_insert_with(|| hash::bytes(value));
            } else if name.eq_ignore_ascii_case(b"response") {
                self.auth.credentials |= !value.is_empty();
            }
        }
    }

    /// `challenge = ("Digest" LWS digest-cln *(COMMA digest-cln)) / other-challenge` (RFC 3261 §20.44)
    fn challenge(&mut self, value: &'a [u8]) {
        self.auth.challenge = true;
        for (name, value) in auth_params(value) {
            if name.eq_ignore_ascii_case(b"nonce") && !value.is_empty() {
                self.auth.challenge_nonce.get_or_insert_with(|| hash::bytes(value));
            } else if name.eq_ignore_ascii_case(b"stale") {
                self.auth.stale |= value.eq_ignore_ascii_case(b"true");
            } else if name.eq_ignore_ascii_case(b"realm") {
                self.auth.realm = self.auth.realm.or(Some(value));
            }
        }
    }

    /// What can be said once all header lines are read.
    fn finish_header(&mut self, header: &[u8], work: &'a Work) {
        if let Some((&top, below)) = work.vias.split_first() {
            self.via.sent_by = work.via.get(work.sent_by.0..work.sent_by.1);
            self.via.top_hash = top;
            self.via.rest_hash = below.iter().rev().fold(0, |rest, &value| hash::pair(value, rest));
            self.via.hash = hash::pair(top, self.via.rest_hash);
            self.via.values = &work.vias;
        }
        if !work.require.is_empty() {
            self.require = Some(&work.require);
        }
        if !work.supported.is_empty() {
            self.supported = Some(&work.supported);
        }
        if self.status.is_some() {
            self.method = self.cseq_method;
        } else {
            self.flaws.add_if(self.cseq_method.is_some() && self.cseq_method != self.method, Flaw::CseqMethodMismatch);
        }
        let incomplete = self.missing().next().is_some();
        self.flaws.add_if(incomplete, Flaw::HeaderMissing);
        self.flaws.add_if(!header.is_ascii() && std::str::from_utf8(header).is_err(), Flaw::Utf8);
        self.flaws.add_if(memchr::memchr(0, header).is_some(), Flaw::Nul);
        if !self.flaws.has(Flaw::LineEnd) {
            // Every LF has its CR before it; is there a CR without LF after it?
            let bare = memchr::memchr_iter(b'\r', header).count() != self.lines;
            self.flaws.add_if(bare, Flaw::BareCr);
        }
    }

    fn finish_body(&mut self, message: &[u8], header_len: usize, carrier: Carrier) {
        let header_cut = self.flaws.has(Flaw::Cut);
        let available = message.len().saturating_sub(header_len);
        let stated = self.content_length.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let untrue = self.flaws.has(Flaw::ContentLengthConflict) && carrier == Carrier::Stream;
        let length = match stated {
            Some(n) if n > available => {
                // Not there: the capture lacks it, or the sender lied (RFC 4475 §3.1.2.2).
                self.flaws.add(match carrier {
                    Carrier::Datagram { missing: 0 } => Flaw::ContentLengthExceedsDatagram,
                    _ => Flaw::Cut,
                });
                available
            }
            Some(n) if !untrue => n,
            // RFC 3261 §18.3: without it the body ends with the datagram; on a stream the framer has found an end.
            _ => available,
        };
        self.flaws.add_if(
            carrier == Carrier::Stream && self.seen & bit(Name::ContentLength) == 0,
            Flaw::ContentLengthMissing,
        );
        if let Carrier::Datagram { missing } = carrier {
            self.flaws.add_if(missing > 0 && stated.is_none_or(|n| n > available), Flaw::Cut);
        }
        self.body = header_len..header_len + length;
        self.trailing = available - length;
        self.flaws.add_if(self.trailing > 0, Flaw::TrailingBytes);
        self.has_body = message.get(self.body.clone()).unwrap_or_default().iter().any(|&b| !is_space(b));
        // What a cut section lacks may have been in it; and whoever sends no cookie follows RFC 2543.
        self.conditional = !header_cut
            && self.via.unique_branch
            && presence::missing(&self.traits(), |name| self.has(name)).next().is_some();
        self.flaws.add_if(self.conditional, Flaw::HeaderMissing);
        if length > 0 {
            self.encoded = self.codings.and_then(|codings| Encoded::new(codings, self.content_type));
        }
        let Some(content_type) = self.content_type else { return };
        if length > 0 && self.encoded.is_none() {
            let body = message.get(self.body.clone()).unwrap_or_default();
            let within = |range: Range<usize>| header_len + range.start..header_len + range.end;
            let found = mime::find_sdp(content_type, body);
            (self.sdp, self.early_sdp) = (found.session.map(within), found.early.map(within));
        }
    }

    /// The headers of RFC 3261 §8.1.1 that are absent. (Max-Forwards is not asked for: RFC 2543 had none.)
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        const MANDATORY: [(Name, &str); 5] = [
            (Name::Via, "Via"),
            (Name::From, "From"),
            (Name::To, "To"),
            (Name::CallId, "Call-ID"),
            (Name::CSeq, "CSeq"),
        ];
        let seen = self.seen;
        MANDATORY.into_iter().filter(move |(name, _)| seen & bit(*name) == 0).map(|(_, text)| text)
    }

    /// Does Require have the option tag 100rel (RFC 3262 §3)?
    pub fn asks_for_prack(&self) -> bool {
        self.require.is_some_and(|tags| list(tags).any(|tag| tag.eq_ignore_ascii_case(b"100rel")))
    }

    fn traits(&self) -> presence::Traits<'a> {
        presence::Traits {
            // Of a response that of CSeq.
            method: self.method.unwrap_or_default(),
            status: self.status.unwrap_or(0),
            body: self.has_body,
            asks_for_prack: self.asks_for_prack(),
        }
    }

    /// What is missing, for people: names, of those that method or status make mandatory with message and clause.
    fn missing_text(&self) -> String {
        let mut found: Vec<String> = self.missing().map(str::to_owned).collect();
        if self.conditional {
            let method = String::from_utf8_lossy(self.method.unwrap_or_default());
            let place = match self.status {
                Some(status) => format!("{status} to {method}"),
                None => method.into_owned(),
            };
            let traits = self.traits();
            let rules = presence::missing(&traits, |name| self.has(name));
            found.extend(rules.map(|missing| format!("{} ({place}, {})", missing.name, missing.standard)));
        }
        found.join(", ")
    }

    /// Is there a header of this name? Of names that we do not know nothing is told.
    pub fn has(&self, name: Name) -> bool {
        self.seen & bit(name) != 0
    }

    /// Which headers of [`super::name::VOCABULARY`] are there.
    pub fn headers(&self) -> u64 {
        super::name::in_vocabulary(self.seen)
    }

    /// Length of the message: bytes after it are [`Fields::trailing`].
    pub fn end(&self) -> usize {
        self.body.end
    }

    /// For `problems.detail`: which field claimed what.
    pub fn detail(&self, flaw: Flaw) -> String {
        let text = |v: Option<&[u8]>| String::from_utf8_lossy(v.unwrap_or_default()).into_owned();
        match flaw {
            Flaw::ContentLengthExceedsDatagram | Flaw::Cut => match self.content_length {
                Some(n) => format!("Content-Length {n}, {} bytes of body are here", self.body.len()),
                None => "no Content-Length, and the message ends early".to_owned(),
            },
            Flaw::TrailingBytes => format!("{} bytes after the message", self.trailing),
            Flaw::HeaderMissing => self.missing_text(),
            Flaw::HeaderRepeated => self.repeated.and_then(Name::canonical).unwrap_or_default().to_owned(),
            Flaw::CseqMethodMismatch => format!("{} with CSeq {}", text(self.method), text(self.cseq_method)),
            Flaw::ContentEncodingUnknown | Flaw::BodyCorrupt | Flaw::BodyLimit => {
                format!("Content-Encoding: {}", text(self.codings))
            }
            Flaw::Status => format!("status {}", self.status.unwrap_or_default()),
            Flaw::RequestUri | Flaw::StartLine => text(self.request_uri),
            _ => String::new(),
        }
    }
}

fn bit(name: Name) -> u128 {
    1u128 << (name as u8 & 127)
}

/// How many values a list has; the count of commas unless quotes or brackets may hide some.
fn count(value: &[u8]) -> u32 {
    if memchr::memchr(b',', value).is_none() {
        return u32::from(!value.is_empty());
    }
    u32::try_from(list(value).count()).unwrap_or(u32::MAX)
}

fn first_uri(value: &[u8]) -> Option<&[u8]> {
    list(value).next().map(|item| name_addr(item).uri).filter(|uri| !uri.is_empty())
}

/// The first row is borrowed; a further one makes a copy of both.
fn append_row<'a>(first: &mut Option<&'a [u8]>, joined: &mut Vec<u8>, value: &'a [u8]) {
    match first {
        None => *first = Some(value),
        Some(first) => {
            if joined.is_empty() {
                joined.extend_from_slice(first);
            }
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(value);
        }
    }
}

/// The parameters after the scheme, unquoted.
fn auth_params(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let (_, params) = split(value, value.iter().position(|&b| is_space(b)).unwrap_or(value.len()));
    comma_params(trim_start(params)).map(|(name, value)| (name, unquote(value.unwrap_or_default())))
}
