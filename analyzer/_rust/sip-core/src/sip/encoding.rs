//! Bodies behind a Content-Encoding (RFC 3261 §20.12), whose names HTTP has registered (RFC 9110 §8.4.1).

use super::flaw::Flaw;
use super::text::trim;
use crate::inflate::{Trouble, inflate};

/// What the headers say of a body that is not as its type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded<'a> {
    /// Value of Content-Encoding.
    pub codings: &'a [u8],
    /// Value of Content-Type, with its parameters; `None` if there is none.
    pub content_type: Option<&'a [u8]>,
}

impl<'a> Encoded<'a> {
    /// `None` where the value names no coding.
    pub(super) fn new(codings: &'a [u8], content_type: Option<&'a [u8]>) -> Option<Self> {
        let codings = trim(codings);
        (!codings.is_empty() && !codings.eq_ignore_ascii_case(b"identity")).then_some(Self { codings, content_type })
    }

    /// The body as its type says, at most `limit` bytes, and what is wrong with it. Of a body that the capture cut
    /// (`!complete`) the end is missing, which is nobody's fault.
    pub fn decode(&self, body: &[u8], limit: usize, complete: bool) -> (Vec<u8>, Option<Flaw>) {
        // Nobody compresses twice: of several codings none is known.
        if ![&b"gzip"[..], b"x-gzip", b"deflate"].iter().any(|known| self.codings.eq_ignore_ascii_case(known)) {
            return (Vec::new(), Some(Flaw::ContentEncodingUnknown));
        }
        let (decoded, trouble) = inflate(body, limit);
        let flaw = match trouble {
            None => None,
            Some(Trouble::Limit) => Some(Flaw::BodyLimit),
            Some(Trouble::Corrupt) => complete.then_some(Flaw::BodyCorrupt),
        };
        (decoded, flaw)
    }
}
