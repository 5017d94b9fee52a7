//! One message completely: start line, every header in order with its parts, body and its parts, deviations.
//!
//! For people and for `parse`, not for tables: what it gives is owned, and no byte of the message is left out: the
//! start line, the headers, the empty line, the body and what trails follow each other without a gap.

use std::ops::Range;

use super::detect::{Detected, detect};
use super::fields::{self, Carrier, Scratch};
use super::flaw::Flaw;
use super::folding;
use super::mime;
use super::name::Name;
use super::start::{self, Line};
use super::text::{
    comma_params, is_blank, is_space, list, name_addr, number, split, split_once, strip_line_end, trim, trim_end,
    unquote,
};
use super::uri::{self, Param, Uri, read_params, string, unescape};
use super::via;
use crate::limits::Limits;
use crate::problem::Code;

/// A message with all its parts. Positions count from the first of the bytes given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub start: Start,
    /// The start line with its end; what stands before is line ends or junk.
    pub start_line: Range<usize>,
    /// In the order sent.
    pub headers: Vec<Header>,
    /// The empty line.
    pub empty_line: Range<usize>,
    pub body: Range<usize>,
    /// The body without its Content-Encoding, where it has one that is known.
    pub decoded: Option<Vec<u8>>,
    /// Parts of a multipart body; of one that was decoded, positions count in `decoded`.
    pub parts: Vec<Part>,
    /// Bytes after the message.
    pub trailing: Range<usize>,
    pub deviations: Vec<Deviation>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one in a message, and it is mostly a request")]
pub enum Start {
    Request {
        method: String,
        uri: Uri,
        version: String,
    },
    Response {
        version: String,
        /// 65535 where it does not fit.
        status: u16,
        reason: String,
    },
    /// Neither; the text of the line.
    Unreadable(String),
}

/// A header field as sent, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// As sent; empty for a line that is no header field.
    pub name: String,
    /// The long form as registered; `None` for a name we do not know.
    pub canonical: Option<&'static str>,
    /// Everything after the colon on one line (RFC 3261 §7.3.1), trimmed; digest responses and keys are blotted out.
    pub value: String,
    /// Name, value, continuation lines, line ends.
    pub place: Range<usize>,
    /// One, or several where commas join values (RFC 3261 §7.3.1).
    pub values: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub text: String,
    pub parsed: Parsed,
}

/// The parts of a value, by the grammar of its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// No grammar is applied.
    Text,
    /// `Contact: *`
    Star,
    Address {
        /// Unescaped.
        display: Option<String>,
        uri: Uri,
        params: Vec<Param>,
    },
    Via {
        protocol: String,
        transport: String,
        host: String,
        port: Option<String>,
        params: Vec<Param>,
    },
    /// CSeq; RAck with the response number before.
    Sequence {
        response: Option<u64>,
        number: Option<u64>,
        method: String,
    },
    /// Challenge or credentials; the value of `response` and of keys is left out.
    Auth {
        scheme: String,
        params: Vec<Param>,
    },
    Media {
        kind: String,
        subtype: String,
        params: Vec<Param>,
    },
    /// A word with parameters.
    Token {
        word: String,
        params: Vec<Param>,
    },
    Number(u64),
}

/// A part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub headers: Vec<(String, String)>,
    /// Where its content lies.
    pub content: Range<usize>,
    /// The parts of a part that is multipart itself.
    pub parts: Vec<Part>,
}

/// Something that is not as the standards want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    pub code: Code,
    pub detail: String,
}

impl Message {
    /// Reads one message, whatever the bytes; a start line is looked for behind junk as in a datagram.
    pub fn read(bytes: &[u8], carrier: Carrier) -> Message {
        let (from, junk) = match detect(bytes) {
            Detected::Sip { offset, flaws } => (offset, flaws.has(Flaw::JunkBeforeStartLine)),
            _ => (bytes.iter().take_while(|&&b| b == b'\r' || b == b'\n').count(), false),
        };
        let (_, message) = split(bytes, from);
        let mut scratch = Scratch::default();
        let fields = fields::read(message, carrier, &mut scratch);
        let mut flaws = fields.flaws;
        flaws.add_if(junk, Flaw::JunkBeforeStartLine);

        let mut lines = Lines::new(message);
        let start_line = lines.next().unwrap_or_default();
        let text = message.get(start_line.clone()).unwrap_or_default();
        let cr_ends_lines = lines.cr_ends_lines;
        let start = read_start(strip_line_end(text), cr_ends_lines);
        let mut headers = Vec::new();
        let mut empty_line = fields.body.start..fields.body.start;
        for place in lines {
            let text = message.get(place.clone()).unwrap_or_default();
            if strip_line_end(text).is_empty() {
                empty_line = place;
                break;
            }
            headers.push(read_header(text, cr_ends_lines, place));
        }
        let content_type = headers.iter().find(|h| h.canonical == Some("Content-Type")).map(|h| h.value.clone());
        let body = message.get(fields.body.clone()).unwrap_or_default();
        let mut decoded = None;
        if let Some(encoded) = fields.encoded {
            let complete = !flaws.has(Flaw::Cut) && !flaws.has(Flaw::ContentLengthExceedsDatagram);
            let (body, flaw) = encoded.decode(body, Limits::default().max_inflated_bytes, complete);
            decoded = (flaw != Some(Flaw::ContentEncodingUnknown)).then_some(body);
            flaw.into_iter().for_each(|flaw| flaws.add(flaw));
        }
        let mut closed = true;
        let plain = decoded.as_deref().unwrap_or(body);
        let readable = fields.encoded.is_none() || decoded.is_some();
        let content_type = content_type.filter(|_| readable);
        let mut parts = content_type.map_or_else(Vec::new, |t| read_parts(t.as_bytes(), plain, 0, &mut closed));
        flaws.add_if(!closed, Flaw::Multipart);
        let date = headers.iter().find(|h| h.canonical == Some("Date"));
        flaws.add_if(date.is_some_and(|h| !h.value.ends_with("GMT")), Flaw::Date);
        let deviations =
            flaws.iter().map(|flaw| Deviation { code: flaw.code(), detail: fields.detail(flaw) }).collect::<Vec<_>>();

        let shift = |range: Range<usize>| range.start + from..range.end + from;
        headers.iter_mut().for_each(|h| h.place = shift(h.place.clone()));
        if decoded.is_none() {
            shift_parts(&mut parts, from + fields.body.start);
        }
        Message {
            start,
            start_line: shift(start_line),
            headers,
            empty_line: shift(empty_line),
            body: shift(fields.body.clone()),
            decoded,
            parts,
            trailing: from + fields.end()..bytes.len(),
            deviations,
        }
    }

    /// The headers of this name, in order.
    pub fn headers_named(&self, name: &str) -> impl Iterator<Item = &Header> {
        let wanted = Name::of(name.as_bytes()).canonical();
        self.headers.iter().filter(move |h| match wanted {
            Some(_) => h.canonical == wanted,
            None => h.name.eq_ignore_ascii_case(name),
        })
    }
}

/// The start line, then each header with its continuation lines, then the empty line, as places in the message.
struct Lines<'a> {
    message: &'a [u8],
    at: usize,
    cr_ends_lines: bool,
}

impl<'a> Lines<'a> {
    fn new(message: &'a [u8]) -> Self {
        Self { message, at: 0, cr_ends_lines: folding::cr_ends_lines(message) }
    }

    fn line_end(&self, from: usize) -> usize {
        let (_, rest) = split(self.message, from);
        let end = match self.cr_ends_lines {
            true => memchr::memchr2(b'\r', b'\n', rest),
            false => memchr::memchr(b'\n', rest),
        };
        end.map_or(self.message.len(), |n| from + n + 1)
    }
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let from = self.at;
        if from >= self.message.len() {
            return None;
        }
        let mut end = self.line_end(from);
        let empty = strip_line_end(self.message.get(from..end).unwrap_or_default()).is_empty();
        while (!empty || from == 0) && self.message.get(end).copied().is_some_and(is_blank) {
            end = self.line_end(end);
        }
        self.at = end;
        Some(from..end)
    }
}

fn read_start(line: &[u8], cr_ends_lines: bool) -> Start {
    let unfolded = unfold(line, cr_ends_lines);
    match start::parse(&unfolded).map(|s| (s.line, string(s.version))) {
        Some((Line::Request { method, uri }, version)) => {
            Start::Request { method: string(method), uri: uri::parse(uri), version }
        }
        Some((Line::Status { status, reason }, version)) => Start::Response { version, status, reason: string(reason) },
        None => Start::Unreadable(string(line)),
    }
}

/// Continuation lines joined by one space, as [`folding::unfold`] does it.
fn unfold(text: &[u8], cr_ends_lines: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (number, line) in text.split(|&b| b == b'\n' || (cr_ends_lines && b == b'\r')).enumerate() {
        if number == 0 {
            out.extend_from_slice(strip_line_end(line));
        } else {
            out.truncate(trim_end(&out).len());
            out.push(b' ');
            out.extend_from_slice(trim(line));
        }
    }
    out
}

fn read_header(text: &[u8], cr_ends_lines: bool, place: Range<usize>) -> Header {
    let unfolded = unfold(trim_end(text), cr_ends_lines);
    let Some((name, value)) = split_once(&unfolded, b':') else {
        let value = string(trim(&unfolded));
        let values = vec![Value { text: value.clone(), parsed: Parsed::Text }];
        return Header { name: String::new(), canonical: None, value, place, values };
    };
    let name = trim_end(name);
    let known = Name::of(name);
    let shown = if is_auth(known) { without_secrets(trim(value)) } else { trim(value).to_vec() };
    let value = shown.as_slice();
    let mut values: Vec<Value> = Vec::new();
    if known.is_list() {
        values.extend(list(value).map(|item| Value { text: string(item), parsed: read_value(known, item) }));
    } else {
        values.push(Value { text: string(value), parsed: read_value(known, value) });
    }
    Header { name: string(name), canonical: known.canonical(), value: string(value), place, values }
}

/// Does a header field of this name hold a challenge, credentials or what answers them?
pub(super) fn is_auth(name: Name) -> bool {
    matches!(
        name,
        Name::Authorization
            | Name::ProxyAuthorization
            | Name::WwwAuthenticate
            | Name::ProxyAuthenticate
            | Name::AuthenticationInfo
            | Name::ProxyAuthenticationInfo
    )
}

/// Is the value of this header `name-addr / addr-spec`?
fn is_address(name: Name) -> bool {
    matches!(
        name,
        Name::From
            | Name::To
            | Name::Contact
            | Name::Route
            | Name::RecordRoute
            | Name::Path
            | Name::ServiceRoute
            | Name::ReferTo
            | Name::ReferredBy
            | Name::ReplyTo
            | Name::HistoryInfo
            | Name::Diversion
            | Name::AlertInfo
            | Name::CallInfo
            | Name::ErrorInfo
            | Name::Geolocation
            | Name::IdentityInfo
            | Name::PAssertedIdentity
            | Name::PPreferredIdentity
            | Name::PAssociatedUri
            | Name::PCalledPartyId
            | Name::PServedUser
            | Name::PChargeInfo
            | Name::PProfileKey
            | Name::PUserDatabase
            | Name::PermissionMissing
            | Name::TriggerConsent
    )
}

fn read_value(name: Name, v: &[u8]) -> Parsed {
    match name {
        Name::Contact if v == b"*" => Parsed::Star,
        name if is_address(name) => address(v),
        Name::Via => via_value(v),
        Name::CSeq => sequence(v, false),
        Name::RAck => sequence(v, true),
        Name::AuthenticationInfo | Name::ProxyAuthenticationInfo => {
            Parsed::Auth { scheme: String::new(), params: auth_params(v) }
        }
        name if is_auth(name) => {
            let (scheme, rest) = split(v, v.iter().position(|&b| is_space(b)).unwrap_or(v.len()));
            Parsed::Auth { scheme: string(scheme), params: auth_params(rest) }
        }
        Name::ContentType | Name::Accept => {
            let (media, params) = split(v, memchr::memchr(b';', v).unwrap_or(v.len()));
            match split_once(media, b'/') {
                Some((kind, subtype)) => Parsed::Media {
                    kind: string(trim(kind)).to_ascii_lowercase(),
                    subtype: string(trim(subtype)).to_ascii_lowercase(),
                    params: read_params(params),
                },
                None => Parsed::Text,
            }
        }
        Name::ContentLength | Name::MaxForwards | Name::Expires | Name::MinExpires | Name::RSeq | Name::FlowTimer => {
            number(v).map_or(Parsed::Text, Parsed::Number)
        }
        // Parameters only, without a word before them.
        Name::PChargingVector | Name::PChargingFunctionAddresses => {
            Parsed::Token { word: String::new(), params: read_params(v) }
        }
        Name::Other
        | Name::CallId
        | Name::Date
        | Name::Organization
        | Name::Server
        | Name::Subject
        | Name::Timestamp
        | Name::UserAgent
        | Name::Warning
        | Name::Identity
        | Name::MimeVersion
        | Name::CellularNetworkInfo => Parsed::Text,
        _ => {
            let (word, params) = split(v, memchr::memchr(b';', v).unwrap_or(v.len()));
            Parsed::Token { word: unescape(trim(word)), params: read_params(params) }
        }
    }
}

fn address(v: &[u8]) -> Parsed {
    let addr = name_addr(v);
    let display = (!addr.display.is_empty()).then(|| unescape(addr.display));
    Parsed::Address { display, uri: uri::parse(addr.uri), params: read_params(addr.params) }
}

fn via_value(v: &[u8]) -> Parsed {
    let Some(via) = via::parse(v) else { return Parsed::Text };
    let (host, port) = via::host_and_port(via.sent_by);
    Parsed::Via {
        protocol: string(via.protocol).split_whitespace().collect(),
        transport: string(via.transport),
        host: string(host),
        port: port.map(string),
        params: read_params(via.params),
    }
}

fn sequence(v: &[u8], with_response: bool) -> Parsed {
    let mut words = v.split(|&b| is_space(b)).filter(|w| !w.is_empty());
    let response = if with_response { words.next().and_then(number) } else { None };
    Parsed::Sequence {
        response,
        number: words.next().and_then(number),
        method: words.next().map(string).unwrap_or_default(),
    }
}

/// The digest response and the keys of AKA (3GPP TS 33.203 §6.1) must not be shown or stored.
fn is_secret(name: &[u8]) -> bool {
    const SECRET: [&[u8]; 5] = [b"response", b"rspauth", b"ik", b"ck", b"auts"];
    SECRET.iter().any(|s| s.eq_ignore_ascii_case(name))
}

const HIDDEN: &str = "(hidden)";

fn auth_params(v: &[u8]) -> Vec<Param> {
    let read = |(name, value): (&[u8], Option<&[u8]>)| {
        let hide = |v: &[u8]| is_secret(name) && !unquote(v).is_empty();
        let value = value.map(|v| if hide(v) { HIDDEN.to_owned() } else { unescape(v) });
        Param { name: string(name), value }
    };
    comma_params(v).map(read).collect()
}

/// The value of an authentication header with its secrets blotted out.
pub(super) fn without_secrets(v: &[u8]) -> Vec<u8> {
    let scheme = v.iter().position(|&b| is_space(b)).unwrap_or(0);
    let (_, params) = split(v, scheme);
    let mut out = v.to_vec();
    let secrets: Vec<_> = comma_params(params)
        .filter(|(name, _)| is_secret(name))
        .filter_map(|(_, value)| value.map(unquote).filter(|v| !v.is_empty()))
        .map(|secret| (secret.as_ptr().addr() - v.as_ptr().addr(), secret.len()))
        .collect();
    for (at, len) in secrets.into_iter().rev() {
        out.splice(at..at + len, HIDDEN.bytes());
    }
    out
}

/// `closed` is cleared if a boundary is missing or never closed.
fn read_parts(content_type: &[u8], body: &[u8], depth: usize, closed: &mut bool) -> Vec<Part> {
    if depth >= mime::MAX_DEPTH || !super::text::starts_with(content_type, b"multipart/") {
        return Vec::new();
    }
    let Some(boundary) = mime::boundary(content_type) else {
        *closed = false;
        return Vec::new();
    };
    let mut places = mime::Parts::new(body, boundary);
    let mut parts = Vec::new();
    for place in places.by_ref() {
        let part = body.get(place.clone()).unwrap_or_default();
        let (headers, content) = mime::part_headers(part);
        let headers: Vec<_> = headers.map(|(name, value)| (string(name), string(value))).collect();
        let part_type = headers.iter().find(|(name, _)| Name::of(name.as_bytes()) == Name::ContentType);
        let (_, inside) = split(part, content);
        let mut nested = part_type.map_or_else(Vec::new, |(_, t)| read_parts(t.as_bytes(), inside, depth + 1, closed));
        shift_parts(&mut nested, place.start + content);
        parts.push(Part { headers, content: place.start + content..place.end, parts: nested });
    }
    *closed &= places.closed;
    parts
}

fn shift_parts(parts: &mut [Part], by: usize) {
    for part in parts {
        part.content = part.content.start + by..part.content.end + by;
        shift_parts(&mut part.parts, by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATAGRAM: Carrier = Carrier::Datagram { missing: 0 };

    fn read(text: &str) -> Message {
        Message::read(text.as_bytes(), DATAGRAM)
    }

    fn first(text: &str, name: &str) -> Parsed {
        read(text).headers_named(name).next().unwrap().values[0].parsed.clone()
    }

    #[test]
    fn compact_and_long_names_are_one_header() {
        let message = read("BYE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h1, SIP/2.0/UDP h2\r\nVIA: SIP/2.0/UDP h3\r\n\r\n");
        let rows: Vec<_> = message.headers_named("Via").map(|h| (h.name.as_str(), h.values.len())).collect();
        assert_eq!(rows, [("v", 2), ("VIA", 1)]);
    }

    #[test]
    fn challenges_are_never_split_at_their_commas() {
        let parsed = first(
            "SIP/2.0 401 U\r\nWWW-Authenticate: Digest realm=\"a,b\", nonce=\"c\", stale=FALSE\r\n\r\n",
            "WWW-Authenticate",
        );
        let Parsed::Auth { scheme, params } = parsed else { panic!("not an auth value") };
        assert_eq!((scheme.as_str(), params.len(), params[0].value.as_deref()), ("Digest", 3, Some("a,b")));
    }

    #[test]
    fn digest_responses_and_keys_are_not_shown() {
        let text =
            "REGISTER sip:b SIP/2.0\r\nAuthorization: Digest username=\"u\", response=\"0123\", ik=\"4567\"\r\n\r\n";
        let shown = format!("{:?}", read(text));
        assert!(!shown.contains("0123") && !shown.contains("4567"), "{shown}");
        assert!(shown.contains("username"));
    }

    #[test]
    fn display_names_are_unescaped() {
        let parsed = first("BYE sip:a@b SIP/2.0\r\nf: \"J \\\\\\\"\" <sip:j@h>;tag=1\r\n\r\n", "From");
        let Parsed::Address { display, uri, params } = parsed else { panic!("not an address") };
        assert_eq!(display.as_deref(), Some("J \\\""));
        assert_eq!((uri.host.as_deref(), params[0].value.as_deref()), (Some("h"), Some("1")));
    }

    #[test]
    fn a_folded_header_is_one_header_in_its_place() {
        let text = "BYE sip:a@b SIP/2.0\r\nSubject: one\r\n\t two\r\nTo: <sip:a@b>\r\n\r\n";
        let message = read(text);
        assert_eq!(message.headers[0].value, "one two");
        assert_eq!(&text[message.headers[0].place.clone()], "Subject: one\r\n\t two\r\n");
    }

    #[test]
    fn parts_of_parts_are_found() {
        let body = "--o\r\nContent-Type: multipart/mixed;boundary=i\r\n\r\n--i\r\nContent-Type: text/plain\r\n\r\nhi\r\n--i--\r\n\r\n--o--\r\n";
        let text =
            format!("MESSAGE sip:a@b SIP/2.0\r\nc: multipart/mixed; boundary=\"o\"\r\nl: {}\r\n\r\n{body}", body.len());
        let message = read(&text);
        assert_eq!(&text[message.parts[0].parts[0].content.clone()], "hi");
        assert!(message.deviations.iter().all(|d| d.code != Code::SipMultipartMalformed));
    }

    #[test]
    fn lines_that_are_no_headers_are_kept() {
        let message = read("BYE sip:a@b SIP/2.0\r\nFoobar roobar\r\n\r\n");
        assert_eq!((message.headers[0].name.as_str(), message.headers[0].value.as_str()), ("", "Foobar roobar"));
    }
}
