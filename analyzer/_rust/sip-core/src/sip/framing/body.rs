//! Where the body of a message in a stream ends.

use super::head::Length;
use crate::sip::detect::{self, Find};
use crate::sip::text::split;

#[derive(Debug, Clone, Copy)]
pub struct Body {
    pub header_len: usize,
    pub length: Length,
    pub may_quote: bool,
    /// From where in the message a start line is looked for next.
    pub searched: usize,
}

pub enum BodyEnd {
    At { end: usize, complete: bool },
    TooLong,
    More(usize),
}

impl Body {
    /// Where in `message`, which begins with the header section, the body ends.
    pub fn end(&self, message: &[u8], max: usize) -> BodyEnd {
        match self.length {
            Length::Exactly(0) => BodyEnd::At { end: self.header_len, complete: true },
            Length::Exactly(n) => {
                let end = self.header_len.saturating_add(n);
                if end > max {
                    return BodyEnd::TooLong;
                }
                let (body, _) = split(message, end);
                // No session description holds a start line: if there is one, Content-Length reached into the next message.
                let found =
                    if self.may_quote { Find::From(end) } else { detect::find_start(body, self.searched, false, end) };
                match found {
                    Find::At(start) => BodyEnd::At { end: start, complete: false },
                    _ if message.len() >= end => BodyEnd::At { end, complete: true },
                    Find::From(searched) => BodyEnd::More(searched),
                }
            }
            Length::UntilStart => match detect::find_start(split(message, max).0, self.searched, false, usize::MAX) {
                Find::At(start) => {
                    BodyEnd::At { end: body_end(split(message, start).0, self.header_len), complete: true }
                }
                Find::From(_) if message.len() > max => BodyEnd::TooLong,
                Find::From(searched) => BodyEnd::More(searched),
            },
        }
    }
}

/// Without the keep-alive line ends that may stand between a body of unknown length and the next message.
pub fn body_end(message: &[u8], header_len: usize) -> usize {
    let (_, body) = split(message, header_len);
    let text = body.len() - body.iter().rev().take_while(|&&b| b == b'\r' || b == b'\n').count();
    let (_, line_ends) = split(body, text);
    let one = if line_ends.starts_with(b"\r\n") { 2 } else { line_ends.len().min(1) };
    header_len + if text == 0 { 0 } else { text + one }
}
