//! Via (RFC 3261 §20.42): one value, and the normal form in which stacks of several hops are compared.

use super::flaw::{Flaw, Flaws};
use super::text::{is_blank, is_token, params, split, split_once, starts_with, trim, trim_start};

/// The magic cookie of RFC 3261 §8.1.1.7.
const COOKIE: &[u8] = b"z9hG4bK";

/// `via-parm = sent-protocol LWS sent-by *( SEMI via-params )`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via<'a> {
    /// `SIP/2.0`, as sent; white space may stand around the slash.
    pub protocol: &'a [u8],
    pub transport: &'a [u8],
    /// Host and port as sent; white space may stand around the colon.
    pub sent_by: &'a [u8],
    /// From the first semicolon on.
    pub params: &'a [u8],
    pub flaws: Flaws,
}

fn token(v: &[u8]) -> (&[u8], &[u8]) {
    let v = trim_start(v);
    split(v, v.iter().position(|&b| !is_token(b)).unwrap_or(v.len()))
}

fn after_slash(v: &[u8]) -> Option<&[u8]> {
    trim_start(v).strip_prefix(b"/")
}

/// Reads one value; white space around the slashes and the colon is legal (RFC 4475 §3.1.1.1).
pub fn parse(value: &[u8]) -> Option<Via<'_>> {
    let value = trim(value);
    let (protocol, rest) = if starts_with(value, b"SIP/2.0/") {
        split(value, 7)
    } else {
        let (_, rest) = token(value);
        let (_, rest) = token(after_slash(rest)?);
        split(value, value.len() - rest.len())
    };
    let (transport, rest) = token(after_slash(rest)?);
    if transport.is_empty() || !rest.first().copied().is_some_and(super::text::is_space) {
        return None;
    }
    let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
    let (sent_by, params) = split(rest, end);
    let sent_by = trim(sent_by);
    let mut flaws = Flaws::NONE;
    flaws.add_if(protocol != b"SIP/2.0" && !is_sip_2_0(protocol), Flaw::Via);
    // RFC 4475 §3.1.2.1: `;;,;,,`.
    flaws.add_if(params.last() == Some(&b';'), Flaw::Via);
    (!sent_by.is_empty()).then_some(Via { protocol, transport, sent_by, params, flaws })
}

/// `SIP/2.0` in any case, with white space around the slash.
fn is_sip_2_0(protocol: &[u8]) -> bool {
    let Some((name, version)) = split_once(protocol, b'/') else { return false };
    trim(name).eq_ignore_ascii_case(b"SIP") && trim(version) == b"2.0"
}

/// Appends `v` in lower case.
fn push_lower(out: &mut Vec<u8>, v: &[u8]) {
    let from = out.len();
    out.extend_from_slice(v);
    if let Some(new) = out.get_mut(from..) {
        new.make_ascii_lowercase();
    }
}

/// Host (brackets of an IPv6 reference kept) and port of a `sent-by` or URI `hostport`.
pub fn host_and_port(v: &[u8]) -> (&[u8], Option<&[u8]>) {
    let after_bracket = memchr::memrchr(b']', v).map_or(0, |at| at + 1);
    match v.get(after_bracket..).and_then(|tail| memchr::memchr(b':', tail)) {
        Some(colon) => {
            let (host, tail) = split(v, after_bracket + colon);
            (trim(host), Some(trim(tail.get(1..).unwrap_or_default())))
        }
        None => (v, None),
    }
}

/// Magic cookie and something behind it: the branch alone names the transaction (RFC 3261 §17.2.3; RFC 4475 §3.2.1).
pub fn is_unique_branch(branch: &[u8]) -> bool {
    branch.len() > COOKIE.len() && starts_with(branch, COOKIE)
}

/// Exactly the magic cookie.
pub fn is_cookie_only(branch: &[u8]) -> bool {
    branch.eq_ignore_ascii_case(COOKIE)
}

/// Like `received` and `rport` (RFC 3261 §18.2.1, RFC 3581 §4), what a hop writes into a Via that it got, so that a
/// response brings it back changed: keep (RFC 6223 §4.4), oc and its kin (RFC 7339 §4). Left out of comparisons.
fn is_rewritten(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 5] = [b"keep", b"oc", b"oc-algo", b"oc-validity", b"oc-seq"];
    NAMES.iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// Where the parts of the normal form stand in the buffer it was written to, and the parameters of interest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Normal<'a> {
    pub sent_by: (usize, usize),
    pub branch: Option<&'a [u8]>,
    pub received: Option<&'a [u8]>,
    pub rport: Option<&'a [u8]>,
    pub flaws: Flaws,
}

fn parameter<'a>(name: &'a [u8], value: Option<&'a [u8]>, normal: &mut Normal<'a>, out: &mut Vec<u8>) {
    match name {
        b"branch" => normal.branch = value,
        b"rport" => return normal.rport = value,
        b"received" => return normal.received = value,
        _ if name.eq_ignore_ascii_case(b"branch") => normal.branch = value,
        _ if name.eq_ignore_ascii_case(b"rport") => return normal.rport = value,
        _ if name.eq_ignore_ascii_case(b"received") => return normal.received = value,
        _ if is_rewritten(name) => return,
        _ => {}
    }
    out.push(b';');
    push_lower(out, name);
    if let Some(value) = value {
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// Appends the normal form: transport and sent-by in lower case without white space, then the parameters with their
/// names in lower case, values byte by byte (the branch is opaque), without what receivers write.
pub fn normalise<'a>(via: &Via<'a>, out: &mut Vec<u8>) -> Normal<'a> {
    let mut normal = Normal::default();
    push_lower(out, via.transport);
    out.push(b' ');
    let from = out.len();
    match memchr::memchr2(b' ', b'\t', via.sent_by) {
        None => push_lower(out, via.sent_by),
        Some(_) => via.sent_by.split(|&b| is_blank(b)).for_each(|word| push_lower(out, word)),
    }
    normal.sent_by = (from, out.len());
    if memchr::memchr(b'"', via.params).is_some() {
        params(via.params).for_each(|(name, value)| parameter(name, value, &mut normal, out));
    } else {
        // Without quotes, as nearly all are, there is nothing to look out for.
        let mut rest = via.params.get(1..).unwrap_or_default();
        while !rest.is_empty() {
            let (item, tail) = split(rest, memchr::memchr(b';', rest).unwrap_or(rest.len()));
            rest = tail.get(1..).unwrap_or_default();
            match split_once(item, b'=') {
                Some((name, value)) => parameter(trim(name), Some(trim(value)), &mut normal, out),
                None if trim(item).is_empty() => normal.flaws.add(Flaw::Via),
                None => parameter(trim(item), None, &mut normal, out),
            }
        }
    }
    out.push(b'\n');
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(v: &str) -> String {
        let mut out = Vec::new();
        normalise(&parse(v.as_bytes()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn white_space_around_slashes_and_colon_is_legal() {
        let via = parse(b"SIP  / 2.0  / TCP     spindle.example.com : 5060 ; branch = z9hG4bK9ikj8").unwrap();
        assert_eq!((via.transport, via.sent_by), (&b"TCP"[..], &b"spindle.example.com : 5060"[..]));
        assert_eq!(normal("SIP / 2.0 / TCP h : 5060 ; branch = z9"), "tcp h:5060;branch=z9\n");
    }

    #[test]
    fn what_the_receiver_writes_is_left_out() {
        let sent = normal("SIP/2.0/UDP Host.Example.com:5060;branch=z9hG4bKaB;rport");
        let seen = normal("SIP/2.0/UDP host.example.COM:5060;received=192.0.2.1;branch=z9hG4bKaB;rport=5062");
        assert_eq!(sent, seen);
    }

    #[test]
    fn branches_are_compared_byte_by_byte() {
        assert_ne!(normal("SIP/2.0/UDP h;branch=z9hG4bKaB"), normal("SIP/2.0/UDP h;branch=z9hG4bKab"));
    }

    #[test]
    fn ipv6_references_keep_their_colons() {
        assert_eq!(host_and_port(b"[2001:db8::9:1]:6050"), (&b"[2001:db8::9:1]"[..], Some(&b"6050"[..])));
        assert_eq!(host_and_port(b"[2001:db8::9:1]"), (&b"[2001:db8::9:1]"[..], None));
    }

    #[test]
    fn values_without_sent_by_are_refused() {
        for v in ["", ";", "SIP/2.0/UDP", "SIP/2.0/UDP ;branch=1", "SIP/2.0 h"] {
            assert_eq!(parse(v.as_bytes()), None, "{v}");
        }
    }
}
