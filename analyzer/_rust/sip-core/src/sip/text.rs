//! Lexical pieces of SIP headers: tokens, white space, quoted strings, parameters, lists, name-addr, numbers
//! (RFC 3261 §25.1), each as tolerant as a reader of captures must be.

use std::borrow::Cow;

use super::flaw::{Flaw, Flaws};

/// `token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")`
pub fn is_token(b: u8) -> bool {
    static TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut i = 0;
        while i < 256 {
            let b = i as u8;
            table[i] = b.is_ascii_alphanumeric()
                || matches!(b, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
            i += 1;
        }
        table
    };
    TOKEN.get(usize::from(b)).copied().unwrap_or(false)
}

pub fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// White space as it may stand around a value: blanks and, in a folded one, line ends.
pub fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

pub fn trim_start(mut v: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = v {
        if !is_space(*first) {
            break;
        }
        v = rest;
    }
    v
}

pub fn trim_end(mut v: &[u8]) -> &[u8] {
    while let [rest @ .., last] = v {
        if !is_space(*last) {
            break;
        }
        v = rest;
    }
    v
}

pub fn trim(v: &[u8]) -> &[u8] {
    trim_end(trim_start(v))
}

/// Without one line end, CRLF, LF or CR. What is empty then is the empty line; a line of blanks is none.
pub fn strip_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `v[..at]` and `v[at..]`, whatever `at` is.
pub fn split(v: &[u8], at: usize) -> (&[u8], &[u8]) {
    v.split_at_checked(at).unwrap_or((v, &[]))
}

/// The parts before and after the first `by`.
pub fn split_once(v: &[u8], by: u8) -> Option<(&[u8], &[u8])> {
    let at = v.iter().position(|&b| b == by)?;
    Some((v.get(..at)?, v.get(at + 1..)?))
}

/// Where a byte is that stands near the beginning, as the colon behind a name does: faster there than memchr, which is made
/// for long ways. Eight bytes at a time; of a word, the lowest bit that is left stands where it has the byte first.
pub fn soon(line: &[u8], byte: u8) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let (words, rest) = line.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        let equal = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        if equal != 0 {
            return Some(number * 8 + equal.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|&b| b == byte)?;
    Some(words.len() * 8 + at)
}

/// Does `v` begin with `prefix`, whatever the case?
pub fn starts_with(v: &[u8], prefix: &[u8]) -> bool {
    v.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

/// Position after the closing quote of the quoted string that opens at `v[0]`; `None` if it never closes.
pub fn quoted_end(v: &[u8]) -> Option<usize> {
    let mut i = 1;
    loop {
        match v.get(i)? {
            b'"' => return Some(i + 1),
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
}

/// Cuts a value at a separator that stands outside quoted strings and `<>`. An unclosed quote or bracket is taken for an
/// ordinary character: better a split too many than a header swallowed.
struct Pieces<'a> {
    rest: &'a [u8],
    by: u8,
    /// Cleared once no closing quote (bracket) was found, or hostile input would have each one searched to the end.
    quotes_close: bool,
    brackets_close: bool,
}

impl<'a> Pieces<'a> {
    fn new(rest: &'a [u8], by: u8) -> Self {
        Self { rest, by, quotes_close: true, brackets_close: true }
    }

    fn next_separator(&mut self) -> usize {
        let mut i = 0;
        while let Some(next) = self.rest.get(i..).and_then(|rest| memchr::memchr3(self.by, b'"', b'<', rest)) {
            i += next;
            match self.rest.get(i) {
                Some(&b) if b != self.by => i += self.closed(i, b),
                _ => return i,
            }
        }
        self.rest.len()
    }

    /// Length of the quoted string or bracket that opens at `i`; 1 if it never closes.
    fn closed(&mut self, i: usize, open: u8) -> usize {
        let rest = self.rest.get(i..).unwrap_or_default();
        let (may_close, len) = if open == b'"' {
            (&mut self.quotes_close, quoted_end as fn(&[u8]) -> Option<usize>)
        } else {
            (&mut self.brackets_close, bracket_end as fn(&[u8]) -> Option<usize>)
        };
        let len = if *may_close { len(rest) } else { None };
        *may_close = len.is_some();
        len.unwrap_or(1)
    }
}

fn bracket_end(v: &[u8]) -> Option<usize> {
    memchr::memchr(b'>', v).map(|at| at + 1)
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    /// The next piece, trimmed; empty ones are left out (`#rule` of RFC 2616 §2.1, stray semicolons).
    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let at = self.next_separator();
            let (piece, tail) = split(self.rest, at);
            self.rest = tail.get(1..).unwrap_or_default();
            let piece = trim(piece);
            if !piece.is_empty() {
                return Some(piece);
            }
        }
        None
    }
}

/// The elements of a comma list.
pub fn list(v: &[u8]) -> impl Iterator<Item = &[u8]> {
    Pieces::new(v, b',')
}

/// How many values a list has; the count of commas unless quotes or brackets may hide some.
pub fn count(value: &[u8]) -> u32 {
    if memchr::memchr(b',', value).is_none() {
        return u32::from(!value.is_empty());
    }
    u32::try_from(list(value).count()).unwrap_or(u32::MAX)
}

/// Parameters `*(SEMI name [EQUAL value])`; values keep their quotes.
pub fn params(v: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    Pieces::new(v, b';').map(name_and_value)
}

/// As [`params`], but with commas between: the parameters of a challenge or of credentials.
pub fn comma_params(v: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    Pieces::new(v, b',').map(name_and_value)
}

#[inline]
fn name_and_value(piece: &[u8]) -> (&[u8], Option<&[u8]>) {
    match split_once(piece, b'=') {
        Some((name, value)) => (trim_end(name), Some(trim_start(value))),
        None => (piece, None),
    }
}

/// The value of parameter `name`, unquoted.
pub fn param<'a>(v: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    params(v).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| unquote(value.unwrap_or_default()))
}

/// Without the quotes around; quoted-pairs stay as they are.
pub fn unquote(v: &[u8]) -> &[u8] {
    match v {
        [b'"', inner @ .., b'"'] => inner,
        _ => v,
    }
}

/// A quoted string without quotes and backslashes (RFC 3261 §25.1); any other text as it is.
pub fn unescaped(v: &[u8]) -> Cow<'_, [u8]> {
    let inner = unquote(v);
    if inner.len() == v.len() || memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&b) = bytes.next() {
        match b {
            b'\\' => out.extend(bytes.next()),
            b => out.push(b),
        }
    }
    Cow::Owned(out)
}

/// `1*DIGIT` within 64 bits, white space around forgiven.
pub fn number(v: &[u8]) -> Option<u64> {
    let v = trim(v);
    if v.is_empty() {
        return None;
    }
    v.iter().try_fold(0u64, |sum, b| {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The digits a value starts with, as a number, and what follows them.
pub fn leading_number(v: &[u8]) -> Option<(u64, &[u8])> {
    let digits = v.iter().take_while(|b| b.is_ascii_digit()).count();
    let (head, tail) = split(v, digits);
    Some((number(head)?, tail))
}

/// `name-addr / addr-spec *( SEMI param)`: From, To, Contact, Route, P-Asserted-Identity ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NameAddr<'a> {
    /// As sent, quotes included.
    pub display: &'a [u8],
    /// The addr-spec, without `<>`.
    pub uri: &'a [u8],
    /// Header parameters, from their first semicolon on.
    pub params: &'a [u8],
    pub flaws: Flaws,
}

/// Reads one name-addr or addr-spec (RFC 3261 §20.10, §25.1).
///
/// Forgiven: no white space before `<` (RFC 4475 §3.1.1.6), blanks inside `<>` (§3.1.2.14), display names of characters
/// that are not tokens (§3.1.2.15), a quote that never closes (§3.1.2.6: the last `<...>` is taken). Without `<>`
/// everything after the first semicolon is a parameter of the header, not of the URI (§3.3.12).
pub fn name_addr(value: &[u8]) -> NameAddr<'_> {
    let v = trim(value);
    let mut flaws = Flaws::NONE;
    let mut after_display = 0;
    if v.first() == Some(&b'"') {
        match quoted_end(v) {
            Some(end) => after_display = end,
            None => {
                flaws.add(Flaw::QuoteUnbalanced);
                after_display = memchr::memrchr(b'<', v).unwrap_or(v.len());
            }
        }
    }
    let (_, rest) = split(v, after_display);
    let stop = rest.iter().position(|&b| b == b'<' || b == b';');
    let open = match stop {
        Some(at) if rest.get(at) == Some(&b'<') => Some(after_display + at),
        _ => None,
    };
    let Some(open) = open else {
        let (uri, params) = split(rest, stop.unwrap_or(rest.len()));
        let uri = trim(uri);
        // §20.10: a URI with these must stand in brackets.
        flaws.add_if(
            uri.is_empty() || after_display > 0 || uri.iter().any(|b| matches!(b, b'?' | b',' | b' ')),
            Flaw::Address,
        );
        let (display, _) = split(v, after_display);
        return NameAddr { display, uri, params, flaws };
    };
    let (display, tail) = split(v, open);
    let display = trim_end(display);
    let tail = tail.get(1..).unwrap_or_default();
    let (inside, params) = match memchr::memchr(b'>', tail) {
        Some(close) => (split(tail, close).0, tail.get(close + 1..).unwrap_or_default()),
        None => {
            flaws.add(Flaw::Address);
            split(tail, memchr::memchr(b';', tail).unwrap_or(tail.len()))
        }
    };
    let uri = trim(inside);
    flaws.add_if(uri.len() != inside.len() || uri.is_empty(), Flaw::Address);
    if display.first() != Some(&b'"') {
        flaws.add_if(display.iter().any(|&b| !is_token(b) && !is_space(b)), Flaw::Address);
    }
    NameAddr { display, uri, params: trim_start(params), flaws }
}

/// Words between blanks.
pub fn words(v: &[u8]) -> impl Iterator<Item = &[u8]> {
    v.split(|&b| is_blank(b)).filter(|w| !w.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(v: &str) -> (String, String, String, bool) {
        let a = name_addr(v.as_bytes());
        let s = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        (s(a.display), s(a.uri), s(a.params), a.flaws.is_empty())
    }

    fn parts(display: &str, uri: &str, params: &str, clean: bool) -> (String, String, String, bool) {
        (display.into(), uri.into(), params.into(), clean)
    }

    #[test]
    fn quoted_display_name() {
        assert_eq!(addr("\"A, <B>\" <sip:a@b;lr>;tag=1"), parts("\"A, <B>\"", "sip:a@b;lr", ";tag=1", true));
    }

    #[test]
    fn without_brackets_parameters_are_the_headers() {
        assert_eq!(addr("sip:a@b;tag=1"), parts("", "sip:a@b", ";tag=1", true));
    }

    #[test]
    fn display_name_without_space_before_the_bracket() {
        assert_eq!(addr("caller<sip:a@b>;tag=323"), parts("caller", "sip:a@b", ";tag=323", true));
    }

    #[test]
    fn blanks_inside_the_brackets_are_dropped() {
        assert_eq!(addr("\"W\" < sip:a@b >"), parts("\"W\"", "sip:a@b", "", false));
    }

    #[test]
    fn unclosed_quote_leaves_the_bracketed_uri() {
        assert_eq!(addr("\"Mr. J. User <sip:j@e.com>"), parts("\"Mr. J. User", "sip:j@e.com", "", false));
    }

    #[test]
    fn escaped_quote_does_not_end_the_display_name() {
        assert_eq!(addr(r#""a \" <x>" <sip:a@b>"#), parts(r#""a \" <x>""#, "sip:a@b", "", true));
    }

    #[test]
    fn commas_split_outside_quotes_and_brackets_only() {
        let items: Vec<_> = list(b"\"a,b\" <sip:x,y@z>, <sip:c>,, d").collect();
        assert_eq!(items, [&b"\"a,b\" <sip:x,y@z>"[..], b"<sip:c>", b"d"]);
    }

    #[test]
    fn parameters_survive_stray_semicolons_and_spaces() {
        let all: Vec<_> = params(b";; tag = 98 ;lr;x=\"a;b\";").collect();
        assert_eq!(all, [(&b"tag"[..], Some(&b"98"[..])), (b"lr", None), (b"x", Some(b"\"a;b\""))]);
    }

    #[test]
    fn numbers_beyond_64_bits_are_none() {
        assert_eq!(number(b" 0068 "), Some(68));
        assert_eq!(number(b"36893488147419103232"), None);
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b""), None);
    }
}
