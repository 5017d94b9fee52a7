//! Multipart bodies (RFC 2046 §5.1, RFC 5621): where their parts lie.

use std::ops::Range;

use super::name::Name;
use super::text::{is_space, param, split, split_once, starts_with, trim};

/// Deepest nesting of multipart bodies.
pub const MAX_DEPTH: usize = 4;

const SDP: &[u8] = b"application/sdp";

/// The media type of a Content-Type value, without its parameters, as sent.
pub fn media_type(content_type: &[u8]) -> &[u8] {
    trim(split(content_type, memchr::memchr(b';', content_type).unwrap_or(content_type.len())).0)
}

/// The boundary, if this is a multipart type that has one.
pub fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    if !starts_with(content_type, b"multipart/") {
        return None;
    }
    let (_, params) = split_once(content_type, b';')?;
    param(params, b"boundary").filter(|b| !b.is_empty())
}

/// The parts of a multipart body: ranges that hold headers, empty line and content, in order.
/// `closed` says whether the closing delimiter was met.
pub struct Parts<'a> {
    body: &'a [u8],
    delimiter: Vec<u8>,
    /// Start of the part being read; `None` before the first delimiter and after the last.
    open: Option<usize>,
    at: usize,
    pub closed: bool,
}

impl<'a> Parts<'a> {
    pub fn new(body: &'a [u8], boundary: &[u8]) -> Self {
        Self { body, delimiter: [b"--", boundary].concat(), open: None, at: 0, closed: false }
    }

    /// The next delimiter at a line start: where its line begins, where the next begins, is it the closing one?
    fn delimiter(&self) -> Option<(usize, usize, bool)> {
        let (_, rest) = split(self.body, self.at);
        for hit in memchr::memmem::find_iter(rest, &self.delimiter) {
            let start = self.at + hit;
            let line_start = start == 0 || self.body.get(start - 1) == Some(&b'\n');
            let (_, tail) = split(self.body, start + self.delimiter.len());
            let closing = tail.starts_with(b"--");
            if line_start && (closing || tail.first().copied().is_none_or(is_space)) {
                let next =
                    memchr::memchr(b'\n', tail).map_or(self.body.len(), |nl| self.body.len() - tail.len() + nl + 1);
                return Some((start, next, closing));
            }
        }
        None
    }
}

impl Iterator for Parts<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        while !self.closed && self.at < self.body.len() {
            let found = self.delimiter();
            let opened = self.open.take();
            let end = match found {
                Some((start, next, closing)) => {
                    self.at = next;
                    self.closed = closing;
                    self.open = (!closing).then_some(next);
                    // The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
                    let (before, _) = split(self.body, start);
                    let before = before.strip_suffix(b"\n").unwrap_or(before);
                    before.strip_suffix(b"\r").unwrap_or(before).len()
                }
                None => {
                    self.at = self.body.len();
                    self.body.len()
                }
            };
            if let Some(from) = opened {
                return Some(from..end.max(from));
            }
        }
        None
    }
}

/// Headers and content of a part: its header lines, and where in the part the content begins.
pub fn part_headers(part: &[u8]) -> (impl Iterator<Item = (&[u8], &[u8])>, usize) {
    let mut content = part.len();
    let mut at = 0;
    for nl in memchr::memchr_iter(b'\n', part) {
        if trim(part.get(at..nl).unwrap_or_default()).is_empty() {
            content = nl + 1;
            break;
        }
        at = nl + 1;
    }
    let (headers, _) = split(part, content);
    let lines = headers.split(|&b| b == b'\n').filter_map(|line| split_once(line, b':'));
    (lines.map(|(name, value)| (trim(name), trim(value))), content)
}

/// Where session descriptions lie in a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sdp {
    /// That of the session itself: the body, or the first such part of a multipart.
    pub session: Option<Range<usize>>,
    /// The first with `Content-Disposition: early-session` (RFC 3959).
    pub early: Option<Range<usize>>,
}

/// The session descriptions in a body of this type.
pub fn find_sdp(content_type: &[u8], body: &[u8]) -> Sdp {
    let mut found = Sdp::default();
    each_part(content_type, body, &mut |part| {
        if part.is_sdp() {
            let of = if part.early_session { &mut found.early } else { &mut found.session };
            of.get_or_insert(part.place);
        }
    });
    found
}

/// A body, or a part of one, that has no parts itself.
pub struct Part<'a> {
    content_type: &'a [u8],
    /// `Content-Disposition: early-session` (RFC 3959).
    early_session: bool,
    /// Where its content lies in the body.
    pub place: Range<usize>,
}

impl<'a> Part<'a> {
    /// Without its parameters, as sent.
    pub fn media_type(&self) -> &'a [u8] {
        media_type(self.content_type)
    }

    pub fn is_sdp(&self) -> bool {
        self.media_type().eq_ignore_ascii_case(SDP)
    }
}

/// Shows each part of a body, in order, those of nested multiparts in their places.
pub fn each_part<'a>(content_type: &'a [u8], body: &'a [u8], show: &mut dyn FnMut(Part<'a>)) {
    let whole = Part { content_type, early_session: false, place: 0..body.len() };
    each_part_of(whole, body, 0, show);
}

fn each_part_of<'a>(whole: Part<'a>, body: &'a [u8], depth: usize, show: &mut dyn FnMut(Part<'a>)) {
    let Some(boundary) = boundary(whole.content_type).filter(|_| depth < MAX_DEPTH) else { return show(whole) };
    let base = whole.place.start;
    for range in Parts::new(body.get(whole.place).unwrap_or_default(), boundary) {
        let range = base + range.start..base + range.end;
        let part = body.get(range.clone()).unwrap_or_default();
        let (headers, start) = part_headers(part);
        let (mut kind, mut early_session) = (None, false);
        for (name, value) in headers {
            match Name::of(name) {
                Name::ContentType => kind = kind.or(Some(value)),
                Name::ContentDisposition => early_session = starts_with(value, b"early-session"),
                _ => {}
            }
        }
        let Some(content_type) = kind else { continue };
        let place = (range.start + start).min(range.end)..range.end;
        each_part_of(Part { content_type, early_session, place }, body, depth + 1, show);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"preamble\r\n--b1\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b1\r\nc: application/sdp\r\n\r\nv=0\r\ns=-\r\n\r\n--b1--\r\n";

    #[test]
    fn the_session_description_is_found_among_the_parts() {
        let range = find_sdp(b"multipart/mixed;boundary=b1", BODY).session.unwrap();
        assert_eq!(&BODY[range], b"v=0\r\ns=-\r\n");
    }

    #[test]
    fn the_description_of_an_early_session_stands_beside_that_of_the_session() {
        let body = b"--b\r\nContent-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\nv=1\r\n\
            --b\r\nContent-Type: application/sdp\r\n\r\nv=2\r\n--b--\r\n";
        let found = find_sdp(b"multipart/mixed;boundary=b", body);
        assert_eq!((&body[found.early.unwrap()], &body[found.session.unwrap()]), (&b"v=1"[..], &b"v=2"[..]));
    }

    #[test]
    fn parts_end_before_the_line_end_of_the_delimiter() {
        let mut parts = Parts::new(BODY, b"b1");
        assert_eq!(&BODY[parts.next().unwrap()], b"Content-Type: text/plain\r\n\r\nHello");
        assert_eq!(parts.by_ref().count(), 1);
        assert!(parts.closed);
    }

    #[test]
    fn a_multipart_that_never_closes_keeps_its_last_part() {
        let body = b"--b1\r\n\r\nHello";
        let mut parts = Parts::new(body, b"b1");
        assert_eq!(&body[parts.next().unwrap()], b"\r\nHello");
        assert!(!parts.closed);
    }

    #[test]
    fn a_quoted_boundary_is_unquoted() {
        assert_eq!(boundary(b"multipart/related; type=x; boundary=\"a b\""), Some(&b"a b"[..]));
        assert_eq!(boundary(b"text/plain;boundary=x"), None);
    }
}
