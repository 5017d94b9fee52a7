//! URIs as SIP has them: sip, sips (RFC 3261 §19.1.1), tel (RFC 3966), and any other by its scheme.

use super::text::{is_blank, params, split, split_once, trim, unescaped};
use super::via::host_and_port;

/// A name and a value, decoded for people: quotes off, quoted-pairs resolved, bad UTF-8 as U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    pub name: String,
    /// `None` where the parameter is a flag.
    pub value: Option<String>,
}

/// The parts of a URI, as sent: percent-escapes stay, for `%40` in a user is no `@`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uri {
    pub text: String,
    /// In lower case; empty if the text has none.
    pub scheme: String,
    pub user: Option<String>,
    pub password: Option<String>,
    pub host: Option<String>,
    pub port: Option<String>,
    /// What follows the scheme of a URI that is neither sip, sips nor tel.
    pub opaque: Option<String>,
    pub params: Vec<Param>,
    pub headers: Vec<Param>,
    /// The telephone number without visual separators, of tel and of a sip user that is one (RFC 3261 §19.1.6).
    pub number: Option<String>,
}

pub(super) fn string(v: &[u8]) -> String {
    String::from_utf8_lossy(v).into_owned()
}

/// The same of a quoted string, without quotes and backslashes.
pub(super) fn unescape(v: &[u8]) -> String {
    string(&unescaped(v))
}

pub(super) fn read_params(v: &[u8]) -> Vec<Param> {
    params(v).map(|(name, value)| Param { name: string(name), value: value.map(unescape) }).collect()
}

/// Reads a URI; whatever the text, nothing of it is lost, for [`Uri::text`] holds it all.
///
/// User and host part at the last `@` (RFC 4475 §3.1.1.9: a user may contain `;` and `?`).
pub fn parse(text: &[u8]) -> Uri {
    let mut uri = Uri { text: string(text), ..Uri::default() };
    let Some((scheme, rest)) = split_once(text, b':').filter(|_| super::start::has_scheme(text)) else {
        return uri;
    };
    uri.scheme = string(scheme).to_ascii_lowercase();
    match uri.scheme.as_str() {
        "sip" | "sips" => sip(&mut uri, rest),
        "tel" => {
            let (number, params) = split(rest, memchr::memchr(b';', rest).unwrap_or(rest.len()));
            uri.user = Some(string(number));
            uri.params = read_params(params);
            uri.number = Some(without_separators(number));
        }
        _ => uri.opaque = Some(string(rest)),
    }
    uri
}

fn sip(uri: &mut Uri, rest: &[u8]) {
    let (user_info, host_part) = match memchr::memrchr(b'@', rest) {
        Some(at) => (Some(split(rest, at).0), rest.get(at + 1..).unwrap_or_default()),
        None => (None, rest),
    };
    let (host_and_params, headers) = split_once(host_part, b'?').unwrap_or((host_part, &[]));
    let end = memchr::memchr(b';', host_and_params).unwrap_or(host_and_params.len());
    let (host_port, params) = split(host_and_params, end);
    let (host, port) = host_and_port(trim(host_port));
    uri.host = Some(string(host));
    uri.port = port.map(string);
    uri.params = read_params(params);
    for header in headers.split(|&b| b == b'&').filter(|h| !h.is_empty()) {
        let (name, value) = match split_once(header, b'=') {
            Some((name, value)) => (name, Some(string(value))),
            None => (header, None),
        };
        uri.headers.push(Param { name: string(name), value });
    }
    let Some(user_info) = user_info else { return };
    let (user, password) = match split_once(user_info, b':') {
        Some((user, password)) => (user, Some(string(password))),
        None => (user_info, None),
    };
    uri.user = Some(string(user));
    uri.password = password;
    let (subscriber, _) = split(user, memchr::memchr(b';', user).unwrap_or(user.len()));
    let is_phone = uri.params.iter().any(|p| {
        p.name.eq_ignore_ascii_case("user") && p.value.as_deref().is_some_and(|v| v.eq_ignore_ascii_case("phone"))
    });
    if is_phone || looks_like_number(subscriber) {
        uri.number = Some(without_separators(subscriber));
    }
}

/// `+` or not, then at least three digits and visual separators.
fn looks_like_number(v: &[u8]) -> bool {
    let digits = v.strip_prefix(b"+").unwrap_or(v);
    digits.len() >= 3
        && digits.iter().all(|&b| b.is_ascii_digit() || is_separator(b))
        && digits.iter().any(u8::is_ascii_digit)
}

/// `visual-separator = "-" / "." / "(" / ")"` (RFC 3966 §3); blanks are met as well.
fn is_separator(b: u8) -> bool {
    matches!(b, b'-' | b'.' | b'(' | b')') || is_blank(b)
}

fn without_separators(v: &[u8]) -> String {
    string(&v.iter().copied().filter(|&b| !is_separator(b)).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_host(text: &str) -> (Option<String>, Option<String>, Option<String>) {
        let uri = parse(text.as_bytes());
        (uri.user, uri.host, uri.port)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_user_may_hold_semicolons_and_question_marks() {
        assert_eq!(
            user_host("sip:user;par=u%40example.net@example.com"),
            (some("user;par=u%40example.net"), some("example.com"), None)
        );
    }

    #[test]
    fn ipv6_references_keep_brackets_and_swallow_ports_written_inside() {
        assert_eq!(user_host("sip:[2001:db8::10:5070]"), (None, some("[2001:db8::10:5070]"), None));
        assert_eq!(user_host("sip:a@[2001:db8::10]:5070;lr"), (some("a"), some("[2001:db8::10]"), some("5070")));
    }

    #[test]
    fn telephone_numbers_lose_their_separators() {
        assert_eq!(parse(b"tel:+49-30-(123).456;phone-context=x").number, some("+4930123456"));
        assert_eq!(parse(b"sip:+4930123;npdi@h;user=phone").number, some("+4930123"));
        assert_eq!(parse(b"sip:alice@h").number, None);
    }

    #[test]
    fn headers_of_a_uri_are_kept_escaped() {
        let uri = parse(b"sip:b@h;transport=tcp?Replaces=1%40h%3Bto-tag%3D2&X");
        assert_eq!(uri.headers.len(), 2);
        assert_eq!(uri.headers[0].value.as_deref(), Some("1%40h%3Bto-tag%3D2"));
        assert_eq!(uri.params[0].name, "transport");
    }

    #[test]
    fn other_schemes_are_opaque() {
        let uri = parse(b"urn:service:sos.police");
        assert_eq!((uri.scheme.as_str(), uri.opaque.as_deref()), ("urn", Some("service:sos.police")));
        assert_eq!(parse(b"no scheme").scheme, "");
    }
}
