//! Is this datagram SIP? By content, on any port; what is not SIP is named where its bytes tell.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::flaw::{Flaw, Flaws};
use super::start::{self, At};
use super::text::{is_blank, is_token, split};

/// What a datagram (or one SCTP user message) is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detected {
    /// A message starts at `offset`; `flaws` says if something other than CR and LF stands before it.
    Sip { offset: usize, flaws: Flaws },
    /// CR and LF alone (RFC 5626 §3.5.1), or the up to four NULs some devices send instead.
    KeepAlive,
    /// Not SIP: `rtp`, `rtcp`, `stun`, `dns`, `tls`, `dtls`, `http`, `rtsp`, `ssdp`, `mgcp`, `msrp`, `sigcomp`, `hep`,
    /// `syslog`, `diameter`, `gtp_u`, `tpkt`, `ssh`; `empty`; or `unknown`.
    Other(&'static str),
}

/// How far into a datagram a start line is looked for behind junk. Junk is what a sender's text slipped into; bytes that no
/// text has, NUL first of all, are the headers of a tunnel, and the message in it has other addresses than this datagram.
const MAX_JUNK: usize = 512;

/// Tells what a datagram is (RFC 3261 §7, §7.5).
///
/// A start line of SIP/2.0 is proof. An odd one (another version, surplus blanks, no version) needs headers of SIP behind
/// it, and so does one that is found behind junk.
pub fn detect(bytes: &[u8]) -> Detected {
    // No start line, line end, NUL or text before one begins so; media, of which there are most, do.
    if let [0x80..=0xFF, ..] = bytes {
        return Detected::Other(name_of(bytes));
    }
    let offset = bytes.iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
    let (_, rest) = split(bytes, offset);
    if rest.is_empty() {
        return if bytes.is_empty() { Detected::Other("empty") } else { Detected::KeepAlive };
    }
    if start::at(rest, true) == At::Start {
        return Detected::Sip { offset, flaws: Flaws::NONE };
    }
    if rest.len() <= 4 && rest.iter().all(|&b| b == 0) {
        return Detected::KeepAlive;
    }
    let name = name_of(rest);
    if matches!(name, "unknown" | "rtp" | "sigcomp") {
        // No candidate lies behind the first byte that no text has, and media begin with one.
        let text = rest.iter().take(MAX_JUNK).take_while(|&&b| b != 0 && b < 0x80).count();
        let (window, _) = split(rest, rest.len().min(text + start::MAX_START_LINE));
        if text > 0
            && let Find::At(at) = find_start(window, 0, true, text)
        {
            return Detected::Sip { offset: offset + at, flaws: Flaws::of(Flaw::JunkBeforeStartLine) };
        }
    }
    Detected::Other(name)
}

/// Where a search for a start line has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Find {
    /// A message begins here.
    At(usize),
    /// None yet; a search in a longer view goes on from here.
    From(usize),
}

static VERSION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"SIP/2.0"));

/// The first start line in `view` at or after `from` that headers of SIP follow. Candidates later than `latest` are not
/// looked at.
///
/// It may begin in the middle of a line: behind a body that ends without CRLF, or behind bytes that are not SIP. What is
/// found, if `ended` is not said, is the same however many shorter views were searched before this one.
pub(super) fn find_start(view: &[u8], from: usize, ended: bool, latest: usize) -> Find {
    let (_, body) = split(view, from);
    // No request line begins before this.
    let mut floor = from;
    for hit in VERSION.find_iter(body) {
        let hit = from + hit;
        let (_, after) = split(view, hit + VERSION_BYTES);
        let line = line_begin(view, floor, hit);
        floor = hit + VERSION_BYTES;
        let short = |candidate: &usize| view.len() - candidate < start::MAX_START_LINE;
        let request = || request_before(view, line, hit);
        let candidate = match behind_version(after, ended) {
            Behind::Nothing => request(),
            Behind::Status => Some(hit),
            Behind::Open => match request().filter(short).or(Some(hit).filter(short)) {
                Some(candidate) => return Find::From(candidate),
                None => None,
            },
            Behind::Other => None,
        };
        let Some(candidate) = candidate else { continue };
        if candidate > latest {
            break;
        }
        let (_, from_candidate) = split(view, candidate);
        let Some((_, with_end)) = start::line_at(from_candidate) else {
            if !ended && short(&candidate) {
                return Find::From(candidate);
            }
            continue;
        };
        match start::evidence(from_candidate.get(with_end..).unwrap_or_default(), ended) {
            At::Start => return Find::At(candidate),
            At::More => return Find::From(candidate),
            At::Other => {}
        }
    }
    Find::From(may_begin(view, line_begin(view, floor, view.len())))
}

const VERSION_BYTES: usize = 7;
/// Longest method that is looked for in the middle of a line.
const MAX_METHOD: usize = 64;

/// What stands behind `SIP/2.0`.
enum Behind {
    /// The end of the line: a request line.
    Nothing,
    /// A status code.
    Status,
    /// Not to be said yet.
    Open,
    Other,
}

fn behind_version(after: &[u8], ended: bool) -> Behind {
    let open = if ended { Behind::Other } else { Behind::Open };
    match after.iter().find(|&&b| !is_blank(b)) {
        None => return open,
        Some(b'\r' | b'\n') => return Behind::Nothing,
        Some(_) => {}
    }
    let Some(code) = after.strip_prefix(b" ") else { return Behind::Other };
    let digits = code.iter().take_while(|b| b.is_ascii_digit()).count();
    match (digits, code.get(digits)) {
        (3, Some(b' ' | b'\t' | b'\r' | b'\n')) => Behind::Status,
        (..=3, None) => open,
        _ => Behind::Other,
    }
}

/// Where the line goes back to in which `to` stands, but not before `floor`.
fn line_begin(view: &[u8], floor: usize, to: usize) -> usize {
    let before = view.get(floor..to).unwrap_or_default();
    memchr::memrchr2(b'\r', b'\n', before).map_or(floor, |end| floor + end + 1)
}

/// Where the request line begins whose version stands at `version`, in the line that begins at `line`.
fn request_before(view: &[u8], line: usize, version: usize) -> Option<usize> {
    let text = view.get(line..version)?;
    let target_ends = text.last().copied().is_some_and(is_blank);
    target_ends.then(|| request(super::text::trim_end(text), false)).flatten().map(|at| line + at)
}

/// Where the last `token SP scheme:` begins. `open`: the scheme may still be coming.
fn request(text: &[u8], open: bool) -> Option<usize> {
    memchr::memrchr2_iter(b' ', b'\t', text).find_map(|blank| {
        let (before, target) = split(text, blank);
        let target = target.get(1..).unwrap_or_default();
        let target = target.strip_prefix(b"<").unwrap_or(target);
        let fits = start::has_scheme(target) || (open && target.iter().all(|&b| start::is_scheme_char(b)));
        let before = if fits { super::text::trim_end(before) } else { &[] };
        let method = trailing_token(before);
        (method > 0).then_some(before.len() - method)
    })
}

/// Length of the token that `v` ends with, as far as methods go.
fn trailing_token(v: &[u8]) -> usize {
    v.iter().rev().take(MAX_METHOD).take_while(|&&b| is_token(b)).count()
}

/// The earliest place in a line without an end, which begins at `line`, where a start line may begin once more has come.
fn may_begin(view: &[u8], line: usize) -> usize {
    let (_, text) = split(view, line);
    let short = |at: &usize| text.len() - at < start::MAX_START_LINE;
    let version = (1..VERSION_BYTES).rev().find(|&n| text.ends_with(b"SIP/2.0".get(..n).unwrap_or_default()));
    let word = text.len() - trailing_token(text).max(version.unwrap_or(0));
    let earliest = request(text, false).filter(short).or_else(|| request(text, true)).unwrap_or(word).min(word);
    line + if short(&earliest) { earliest } else { text.len() }
}

/// What bytes that are not SIP are, by their own marks.
pub fn name_of(v: &[u8]) -> &'static str {
    let Some(&first) = v.first() else { return "empty" };
    match first {
        b'A'..=b'Z' => text_protocol(v),
        b'<' if v.get(1).is_some_and(u8::is_ascii_digit) => "syslog",
        0x14..=0x17 if matches!(v, [_, 3, 0..=4, hi, _, ..] if *hi <= 0x48) => "tls",
        0x14..=0x19 if matches!(v, [_, 0xfe, 0xfd | 0xff, ..]) => "dtls",
        0x00..=0x3f if is_stun(v) || is_classic_stun(v) => "stun",
        1 if is_diameter(v) => "diameter",
        0x30..=0x3f if is_gtp_u(v) => "gtp_u",
        3 if matches!(v, [3, 0, hi, lo, ..] if usize::from(u16::from_be_bytes([*hi, *lo])) >= 7) => "tpkt",
        // Its first two bytes are any: looked at before what is known by fewer marks.
        0x80..=0xff if is_dns(v) => "dns",
        0x80..=0xbf if is_rtcp(v) => "rtcp",
        0x80..=0xbf if is_rtp(v) => "rtp",
        0xf8..=0xff if is_sigcomp(v) => "sigcomp",
        _ if is_dns(v) => "dns",
        _ => "unknown",
    }
}

/// A G-PDU of GTPv1-U (TS 29.281 §5.1): version 1, protocol type 1, and a length that is true.
fn is_gtp_u(v: &[u8]) -> bool {
    matches!(v, [_, 0xff, hi, lo, _, _, _, _, rest @ ..] if usize::from(u16::from_be_bytes([*hi, *lo])) == rest.len())
}

fn text_protocol(v: &[u8]) -> &'static str {
    if v.starts_with(b"HTTP/1.") {
        return "http";
    }
    if v.starts_with(b"RTSP/") {
        return "rtsp";
    }
    if v.starts_with(b"HEP3") {
        return "hep";
    }
    if v.starts_with(b"MSRP ") {
        return "msrp";
    }
    if v.starts_with(b"SSH-") {
        return "ssh";
    }
    let Some((len, _)) = start::line_at(v) else { return "unknown" };
    let (line, _) = split(v, len);
    if memchr::memmem::find(line, b" HTTP/").is_some() {
        // UPnP's NOTIFY and M-SEARCH speak of no path but `*`.
        return if memchr::memmem::find(line, b" * HTTP/").is_some() && !line.starts_with(b"OPTIONS") {
            "ssdp"
        } else {
            "http"
        };
    }
    if memchr::memmem::find(line, b" RTSP/").is_some() {
        return "rtsp";
    }
    if memchr::memmem::find(line, b" MGCP ").is_some() {
        return "mgcp";
    }
    "unknown"
}

fn be16(v: &[u8], at: usize) -> Option<usize> {
    let pair = v.get(at..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_be_bytes(*pair)))
}

/// RFC 8489 §5: two zero bits, a length in words of four, the magic cookie.
fn is_stun(v: &[u8]) -> bool {
    v.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42]) && be16(v, 2).is_some_and(|n| n % 4 == 0 && n + 20 <= v.len())
}

/// RFC 3489 §11.1: no cookie, but few types (binding and shared secret: request, response, error), and a length that is all.
fn is_classic_stun(v: &[u8]) -> bool {
    matches!(v, [0 | 1, 1 | 2, ..] | [1, 0x11 | 0x12, ..])
        && be16(v, 2).is_some_and(|n| n % 4 == 0 && n + 20 == v.len())
}

/// RFC 6733 §3: version 1, a length in words of four, no reserved flag set. Nobody sends more than 64 KiB at once, and what
/// seems to is a DHCP request.
fn is_diameter(v: &[u8]) -> bool {
    matches!(v, [1, 0, b, c, flags, ..] if flags & 0x0f == 0 && c % 4 == 0 && (*b, *c) > (0, 16))
}

/// RFC 3550 §6.1, RFC 5761 §4: version 2, packet type 192-223, a length that fits.
fn is_rtcp(v: &[u8]) -> bool {
    matches!(v.get(1), Some(192..=223)) && be16(v, 2).is_some_and(|words| (words + 1) * 4 <= v.len())
}

/// RFC 3550 §5.1: version 2, and room for the CSRC list and the extension it claims.
fn is_rtp(v: &[u8]) -> bool {
    let Some(&first) = v.first() else { return false };
    let fixed = 12 + 4 * usize::from(first & 0x0f);
    let extension = if first & 0x10 == 0 { Some(0) } else { be16(v, fixed + 2).map(|words| 4 + 4 * words) };
    extension.is_some_and(|n| fixed + n <= v.len())
}

/// RFC 3320 §7: `11111`, then either a state identifier of 6, 9 or 12 bytes or bytecode whose length fits.
fn is_sigcomp(v: &[u8]) -> bool {
    let Some(&first) = v.first() else { return false };
    let feedback = match v.get(1) {
        _ if first & 4 == 0 => 0,
        Some(&item) if item & 0x80 != 0 => 1 + usize::from(item & 0x7f),
        _ => 1,
    };
    let at = 1 + feedback;
    match first & 3 {
        0 => be16(v, at).is_some_and(|n| n & 0x0f != 0 && n >> 4 != 0 && at + 2 + (n >> 4) <= v.len()),
        state => v.len() > at + 3 + 3 * usize::from(state) && !v.starts_with(&[0xff; 4]),
    }
}

/// RFC 1035 §4.1: one question whose name, type and class can be read.
fn is_dns(v: &[u8]) -> bool {
    let (Some(flags), Some(1), Some(answers)) = (be16(v, 2), be16(v, 4), be16(v, 6)) else { return false };
    if flags & 0x0040 != 0 || (flags & 0x8000 == 0 && answers != 0) {
        return false;
    }
    let mut at = 12;
    for _ in 0..128 {
        match v.get(at) {
            Some(0) => {
                let class = be16(v, at + 3).map(|c| c & 0x7fff);
                return be16(v, at + 1).is_some_and(|kind| kind != 0) && matches!(class, Some(1 | 3 | 255));
            }
            Some(&n @ 1..=63) => at += 1 + usize::from(n),
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";

    fn sip(offset: usize) -> Detected {
        Detected::Sip { offset, flaws: Flaws::NONE }
    }

    fn junk(offset: usize) -> Detected {
        Detected::Sip { offset, flaws: Flaws::of(Flaw::JunkBeforeStartLine) }
    }

    #[test]
    fn a_start_line_of_sip_2_0_is_proof() {
        assert_eq!(detect(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"), sip(0));
        assert_eq!(detect(b"SIP/2.0 200 OK\r\n\r\n"), sip(0));
        assert_eq!(detect(b"FOO!%x tel:+49 SIP/2.0\n\n"), sip(0));
    }

    #[test]
    fn line_ends_before_the_start_line_are_passed_over() {
        assert_eq!(detect(b"\r\n\r\nSIP/2.0 200 OK\r\n\r\n"), sip(4));
    }

    #[test]
    fn another_version_needs_headers_of_sip() {
        assert_eq!(detect(format!("OPTIONS sip:a@b SIP/7.0\r\n{HEADERS}").as_bytes()), sip(0));
        assert_eq!(detect(b"OPTIONS sip:a@b SIP/7.0\r\n\r\n"), Detected::Other("unknown"));
    }

    #[test]
    fn a_message_behind_junk_is_found_and_flagged() {
        assert_eq!(detect(format!("\x01\x02junk\r\nINVITE sip:a@b SIP/2.0\r\n{HEADERS}").as_bytes()), junk(8));
        assert_eq!(detect(format!("\x01\x02\x01INVITE sip:a@b SIP/2.0\r\n{HEADERS}").as_bytes()), junk(3));
        assert_eq!(detect(format!("\x01junk\r\nSIP/2.0 200 OK\r\n{HEADERS}").as_bytes()), junk(7));
    }

    #[test]
    fn a_start_line_cut_by_the_snap_length_is_sip() {
        assert_eq!(detect(b"INVITE sip:alice@exam"), sip(0));
    }

    #[test]
    fn neighbours_on_the_wire_are_named() {
        let rtp = [&[0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4][..], &[0xd5; 160]].concat();
        let rtcp = [0x80, 200, 0, 6].iter().copied().chain([0; 24]).collect::<Vec<u8>>();
        let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let dns = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03sip\x07example\x03org\x00\x00\x01\x00\x01";
        let dns_of_any_id = [&[0xfc, 0xb1], dns.get(2..).unwrap()].concat();
        let cases: [(&[u8], &str); 14] = [
            (&rtp, "rtp"),
            (&rtcp, "rtcp"),
            (&stun, "stun"),
            (dns, "dns"),
            (&dns_of_any_id, "dns"),
            (b"\x16\x03\x01\x02\x00\x01", "tls"),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http"),
            (b"HTTP/1.1 200 OK\r\n\r\n", "http"),
            (b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n", "ssdp"),
            (b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n", "ssdp"),
            (b"OPTIONS rtsp://h/s RTSP/1.0\r\nCSeq: 1\r\nVia: x\r\nFrom: y\r\n\r\n", "rtsp"),
            (b"RQNT 1201 aaln/1@rgw.example.net MGCP 1.0\r\nN: ca@ca1\r\n", "mgcp"),
            (b"\xff\xff\xff\xffgetstatus\n", "unknown"),
            (b"hello, world", "unknown"),
        ];
        for (bytes, name) in cases {
            assert_eq!(detect(bytes), Detected::Other(name), "{name}");
        }
    }

    #[test]
    fn keep_alives_are_not_malformed_sip() {
        for bytes in [&b"\r\n"[..], b"\r\n\r\n", b"\0\0\0\0", b"\0"] {
            assert_eq!(detect(bytes), Detected::KeepAlive);
        }
        assert_eq!(detect(b""), Detected::Other("empty"));
    }

    #[test]
    fn sip_quoted_in_http_is_http() {
        let text = format!("POST /log HTTP/1.1\r\n\r\nINVITE sip:a@b SIP/2.0\r\n{HEADERS}");
        assert_eq!(detect(text.as_bytes()), Detected::Other("http"));
    }
}
