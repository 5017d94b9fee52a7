//! The start line (RFC 3261 §7.1, §7.2) and where one may begin.

use super::flaw::{Flaw, Flaws};
use super::name::Name;
use super::text::{is_blank, is_token, number, split, starts_with, trim_end, trim_start};

/// Longest start line believed; a Request-URI of several thousand characters has been seen, none of this length.
pub const MAX_START_LINE: usize = 16 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    Request {
        method: &'a [u8],
        uri: &'a [u8],
    },
    Status {
        /// Saturates at 65535 where more digits were sent (RFC 4475 §3.1.2.19).
        status: u16,
        reason: &'a [u8],
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartLine<'a> {
    pub line: Line<'a>,
    /// Empty if the line has none.
    pub version: &'a [u8],
    pub flaws: Flaws,
}

fn word(v: &[u8]) -> (&[u8], &[u8]) {
    split(v, v.iter().position(|&b| is_blank(b)).unwrap_or(v.len()))
}

/// Reads a line (without its end) as a start line, tolerant of white space (RFC 4475 §3.1.2.8-10) and of any version
/// (§3.1.2.16); `None` if it can be neither a request line nor a status line.
///
/// The Request-URI is the text between the first and the last white space (§3.1.2.7, .8).
pub fn parse(line: &[u8]) -> Option<StartLine<'_>> {
    let trimmed = trim_end(line);
    if starts_with(trimmed, b"SIP/") { parse_status(line) } else { parse_request(line, trimmed) }
}

fn version_flaw(version: &[u8]) -> Flaws {
    if version.eq_ignore_ascii_case(b"SIP/2.0") { Flaws::NONE } else { Flaws::of(Flaw::Version) }
}

fn parse_status(line: &[u8]) -> Option<StartLine<'_>> {
    let (version, rest) = word(line);
    let mut flaws = version_flaw(version);
    let code_and_reason = trim_start(rest);
    flaws.add_if(rest.len() != code_and_reason.len() + 1, Flaw::StartLine);
    let (code, reason) = word(trim_end(code_and_reason));
    if code.is_empty() || !code.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status = number(code).and_then(|n| u16::try_from(n).ok()).unwrap_or(u16::MAX);
    flaws.add_if(code.len() != 3 || !(100..700).contains(&status), Flaw::Status);
    Some(StartLine { line: Line::Status { status, reason: trim_start(reason) }, version, flaws })
}

fn parse_request<'a>(line: &'a [u8], trimmed: &'a [u8]) -> Option<StartLine<'a>> {
    let method_len = trimmed.iter().position(|&b| !is_token(b))?;
    let (method, rest) = split(trimmed, method_len);
    if method.is_empty() || !rest.first().copied().is_some_and(is_blank) {
        return None;
    }
    let target = trim_start(rest);
    let mut flaws = Flaws::NONE;
    flaws.add_if(rest.len() != target.len() + 1 || line.last().copied().is_some_and(is_blank), Flaw::StartLine);
    let last_blank = target.iter().rposition(|&b| is_blank(b));
    let (uri, version) = match last_blank.map(|at| split(target, at)) {
        Some((uri, tail)) if starts_with(trim_start(tail), b"SIP/") => {
            let stripped = trim_end(uri);
            flaws.add_if(stripped.len() != uri.len(), Flaw::StartLine);
            (stripped, trim_start(tail))
        }
        // RFC 4475 has a message whose request line stops after the URI.
        _ if starts_with(target, b"SIP/") => return None,
        _ => {
            flaws.add(Flaw::StartLine);
            (target, &[][..])
        }
    };
    flaws.merge(version_flaw(version));
    let bare = memchr::memchr3(b'<', b'>', b' ', uri).is_none() && memchr::memchr(b'\t', uri).is_none();
    flaws.add_if(!bare || has_uri_headers(uri), Flaw::RequestUri);
    Some(StartLine { line: Line::Request { method, uri }, version, flaws })
}

/// Does a SIP URI carry `?headers` (RFC 4475 §3.1.2.11)? A `?` may also stand in the user part.
fn has_uri_headers(uri: &[u8]) -> bool {
    let Some(last) = memchr::memrchr(b'?', uri) else { return false };
    let host = memchr::memrchr(b'@', uri).unwrap_or(0);
    last >= host && (starts_with(uri, b"sip:") || starts_with(uri, b"sips:"))
}

/// `scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":"` (RFC 3986 §3.1).
pub fn has_scheme(uri: &[u8]) -> bool {
    let Some(colon) = uri.iter().position(|&b| !is_scheme_char(b)) else {
        return false;
    };
    uri.get(colon) == Some(&b':') && uri.first().is_some_and(u8::is_ascii_alphabetic)
}

pub fn is_scheme_char(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')
}

/// The methods of the IANA registry.
pub fn is_known_method(method: &[u8]) -> bool {
    const METHODS: [&[u8]; 14] = [
        b"INVITE",
        b"ACK",
        b"BYE",
        b"CANCEL",
        b"OPTIONS",
        b"REGISTER",
        b"PRACK",
        b"UPDATE",
        b"SUBSCRIBE",
        b"NOTIFY",
        b"REFER",
        b"INFO",
        b"MESSAGE",
        b"PUBLISH",
    ];
    METHODS.contains(&method)
}

impl StartLine<'_> {
    /// Enough by itself: SIP/2.0 in its place beside a URI or a three-digit code. No other protocol has that.
    pub fn is_sure(&self) -> bool {
        starts_with(self.version, b"SIP/2.0")
            && match self.line {
                Line::Request { uri, .. } => has_scheme(uri),
                Line::Status { .. } => !self.flaws.has(Flaw::Status) && !self.flaws.has(Flaw::StartLine),
            }
    }

    /// May be SIP if headers of SIP follow. Another protocol's version at the end says it is not.
    pub fn is_possible(&self) -> bool {
        !self.version.is_empty()
            || matches!(self.line, Line::Request { method, uri } if is_known_method(method)
                && [&b"sip:"[..], b"sips:", b"tel:", b"urn:"].iter().any(|s| starts_with(uri, s))
                && memchr::memmem::find(uri, b" HTTP/").is_none() && memchr::memmem::find(uri, b" RTSP/").is_none())
    }
}

/// What the bytes at a place where a message may begin are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A start line; a message begins here.
    Start,
    /// It may become one when more bytes have come.
    More,
    Other,
}

/// Length of the line at the head of `v` without its end, and with it; `None` if no line end is there. CR alone ends a
/// start line too (a flaw, but then the sender does it throughout).
pub fn line_at(v: &[u8]) -> Option<(usize, usize)> {
    let end = memchr::memchr2(b'\r', b'\n', v.get(..v.len().min(MAX_START_LINE)).unwrap_or(v))?;
    let (_, tail) = split(v, end);
    Some((end, end + if tail.starts_with(b"\r\n") { 2 } else { 1 }))
}

/// Is there a start line at `v[0]`? `ended`: no more bytes will come.
pub fn at(v: &[u8], ended: bool) -> At {
    let Some(&first) = v.first() else { return if ended { At::Other } else { At::More } };
    if !is_token(first) {
        return At::Other;
    }
    let Some((len, with_end)) = line_at(v) else {
        return if v.len() >= MAX_START_LINE {
            At::Other
        } else if !ended {
            if may_become_start(v) { At::More } else { At::Other }
        } else {
            // Cut within the start line: a method of SIP before a URI of SIP is still evidence enough.
            match parse(v) {
                Some(start) if start.is_sure() || (start.version.is_empty() && start.is_possible()) => At::Start,
                _ => At::Other,
            }
        };
    };
    let (line, _) = split(v, len);
    if is_plainly_sure(line) {
        return At::Start;
    }
    match parse(line) {
        Some(start) if start.is_sure() => At::Start,
        Some(start) if start.is_possible() => evidence(v.get(with_end..).unwrap_or_default(), ended),
        _ => At::Other,
    }
}

/// Is this a start line as nearly all are, in one look? [`StartLine::is_sure`] says so of it too, after a long one.
fn is_plainly_sure(line: &[u8]) -> bool {
    if let Some(code) = line.strip_prefix(b"SIP/2.0 ") {
        return matches!(
            code,
            [b'1'..=b'6', b'0'..=b'9', b'0'..=b'9'] | [b'1'..=b'6', b'0'..=b'9', b'0'..=b'9', b' ', ..]
        );
    }
    let Some(request) = line.strip_suffix(b" SIP/2.0") else { return false };
    let method = request.iter().take_while(|&&b| is_token(b)).count();
    method > 0 && request.get(method) == Some(&b' ') && has_scheme(request.get(method + 1..).unwrap_or_default())
}

/// May a line that has not ended yet become a start line: `token SP ...`, or the head of `SIP/2.0 200`?
fn may_become_start(v: &[u8]) -> bool {
    if starts_with(b"SIP/", v.get(..v.len().min(4)).unwrap_or(v)) {
        return true;
    }
    let end = v.iter().position(|&b| !is_token(b));
    end.is_none_or(|end| end > 0 && v.get(end).copied().is_some_and(is_blank))
}

/// How far header lines are looked at for evidence: enough for any real message, too little to be a burden.
const EVIDENCE_BYTES: usize = 2048;
const EVIDENCE_LINES: usize = 32;

/// Do header lines follow that only SIP has together (two of Via, Call-ID, CSeq, From, To)? `v` begins after the start line.
pub fn evidence(v: &[u8], ended: bool) -> At {
    let window = v.get(..v.len().min(EVIDENCE_BYTES)).unwrap_or(v);
    let mut rest = window;
    let mut found = 0u8;
    let mut lines = 0;
    while let Some((len, with_end)) = line_at(rest) {
        lines += 1;
        if lines > EVIDENCE_LINES {
            return At::Other;
        }
        let (line, _) = split(rest, len);
        rest = rest.get(with_end..).unwrap_or_default();
        found |= match line.first() {
            None => return At::Other,
            Some(&b) if is_blank(b) && lines > 1 => 0,
            _ => match header_name(line) {
                None => return At::Other,
                Some(name) => header_bit(name),
            },
        };
        if found.count_ones() >= 2 {
            return At::Start;
        }
    }
    let cut = ended || window.len() < v.len();
    match cut {
        // The last line has no end: its name may still be whole.
        true => {
            let last = header_name(rest).map_or(0, header_bit);
            if (found | last).count_ones() >= 2 { At::Start } else { At::Other }
        }
        false => At::More,
    }
}

fn header_bit(name: &[u8]) -> u8 {
    match Name::of(name) {
        Name::Via => 1,
        Name::CallId => 2,
        Name::CSeq => 4,
        Name::From => 8,
        Name::To => 16,
        _ => 0,
    }
}

/// The name before the colon, if the line has the form of a header field.
fn header_name(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|&b| !is_token(b))?;
    let (name, rest) = split(line, end);
    (!name.is_empty() && trim_start(rest).first() == Some(&b':')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> (String, String, String) {
        let start = parse(line.as_bytes()).unwrap();
        let s = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let Line::Request { method, uri } = start.line else { panic!("a status line") };
        (s(method), s(uri), s(start.version))
    }

    #[test]
    fn request_uri_lies_between_first_and_last_blank() {
        let expected = ("INVITE".into(), "sip:user@example.com; lr".into(), "SIP/2.0".into());
        assert_eq!(request("INVITE sip:user@example.com; lr SIP/2.0"), expected);
    }

    #[test]
    fn surplus_blanks_are_squeezed_and_flagged() {
        let start = parse(b"INVITE  sip:user@example.com \tSIP/2.0  ").unwrap();
        assert!(start.flaws.has(Flaw::StartLine));
        assert_eq!(start.line, Line::Request { method: b"INVITE", uri: b"sip:user@example.com" });
    }

    #[test]
    fn a_status_that_does_not_fit_saturates() {
        let start = parse(b"SIP/2.0 4294967301 better not break the receiver").unwrap();
        assert_eq!(start.line, Line::Status { status: u16::MAX, reason: b"better not break the receiver" });
        assert!(start.flaws.has(Flaw::Status));
    }

    #[test]
    fn reason_phrase_may_be_empty_or_absent() {
        for line in [&b"SIP/2.0 100 "[..], b"SIP/2.0 100"] {
            assert_eq!(parse(line).unwrap().line, Line::Status { status: 100, reason: b"" });
        }
    }

    #[test]
    fn other_protocols_start_lines_are_not_possible() {
        for line in [
            "GET / HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "DESCRIBE rtsp://h/s RTSP/1.0",
            "RQNT 1201 aaln/1@rgw.example.net MGCP 1.0",
            "NOTIFY * HTTP/1.1",
            "hello world",
            "HTTP/1.1 200 OK",
        ] {
            let possible = parse(line.as_bytes()).is_some_and(|s| s.is_sure() || s.is_possible());
            assert!(!possible, "{line}");
        }
    }
}
