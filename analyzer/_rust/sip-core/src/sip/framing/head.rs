//! What header lines say about the end of a message.

use crate::sip::name::Name;
use crate::sip::start;
use crate::sip::text::{is_blank, number, split, split_once, starts_with, strip_line_end, trim, trim_end};

/// What the headers say about the end of the body.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head {
    /// How far the header lines have been read; the length of the header section once it is whole.
    pub at: usize,
    /// How far the end of the line that begins there was looked for.
    searched: usize,
    length: Option<usize>,
    /// Content-Length is no number, or two of them differ.
    untrue: bool,
    /// Content-Length stands alone; its value follows on a continuation line.
    value_follows: bool,
    has_type: bool,
    /// The body may well hold start lines (message/sip, message/sipfrag, text): none is taken for the next message.
    pub may_quote: bool,
}

pub(super) enum HeadEnd {
    More,
    /// The empty line was read.
    Whole,
    /// A start line in the middle: the rest of this message was lost, or its sender forgot the empty line.
    Interrupted,
}

impl Head {
    /// Reads on, complete lines only.
    pub fn read(&mut self, message: &[u8]) -> HeadEnd {
        let mut at = self.at;
        let (searched, rest) = split(message, self.searched);
        for nl in memchr::memchr_iter(b'\n', rest) {
            let next = searched.len() + nl + 1;
            let line = strip_line_end(message.get(at..next).unwrap_or_default());
            if line.is_empty() && at > 0 {
                self.at = next;
                return HeadEnd::Whole;
            }
            if at > 0 && !line.first().copied().is_some_and(is_blank) && is_start_line(line) {
                self.at = at;
                return HeadEnd::Interrupted;
            }
            self.line(line);
            at = next;
        }
        self.at = at;
        self.searched = message.len();
        HeadEnd::More
    }

    fn line(&mut self, line: &[u8]) {
        if std::mem::take(&mut self.value_follows) && line.first().copied().is_some_and(is_blank) {
            self.content_length(trim(line));
        }
        if !matches!(line.first(), Some(b'C' | b'c' | b'L' | b'l')) {
            return;
        }
        let Some((name, value)) = split_once(line, b':') else { return };
        let value = trim(value);
        match Name::of(trim_end(name)) {
            Name::ContentLength if value.is_empty() => self.value_follows = true,
            Name::ContentLength => self.content_length(value),
            Name::ContentType => {
                self.has_type = true;
                self.may_quote = !starts_with(value, b"application/sdp");
            }
            _ => {}
        }
    }

    fn content_length(&mut self, value: &[u8]) {
        match number(value) {
            Some(n) => {
                let n = usize::try_from(n).unwrap_or(usize::MAX);
                self.untrue |= self.length.is_some_and(|before| before != n);
                self.length.get_or_insert(n);
            }
            None => self.untrue = true,
        }
    }

    pub fn body(&self) -> Length {
        match self.length {
            _ if self.untrue => Length::UntilStart,
            Some(n) => Length::Exactly(n),
            // RFC 3261 §18.3 demands Content-Length on streams; without it, and with a type, there is a body all the same.
            None if self.has_type => Length::UntilStart,
            None => Length::Exactly(0),
        }
    }
}

/// A start line beyond doubt, in a place where a header line should be.
fn is_start_line(line: &[u8]) -> bool {
    let may = line.starts_with(b"SIP/2.0 ") || line.ends_with(b" SIP/2.0");
    may && start::parse(line).is_some_and(|start| start.is_sure())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Exactly(usize),
    UntilStart,
}
