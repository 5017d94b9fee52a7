//! Messages in a stream (RFC 3320 §4.2.2): 0xFF quotes, and two of them end a message.

use std::borrow::Cow;

use crate::framing::{Grammar, Start};

/// No message is longer: the largest that can be announced is what decompresses it (RFC 3320 §3.3.1); every byte of it may
/// need a second one.
const MAX_MARKED: usize = 2 * 131_072;

/// A stream of messages.
#[derive(Debug, Clone, Copy)]
pub struct Marking;

impl Grammar for Marking {
    fn start(&self, bytes: &[u8], expected: bool) -> Start {
        match bytes {
            // A delimiter alone.
            [0xFF, 0xFF, ..] => Start::Message(2),
            [0xFF] => Start::Open,
            // Where it is not known where one begins, the next begins behind a delimiter.
            _ if expected && super::begins(bytes) => match end(bytes) {
                End::At(length) if length <= MAX_MARKED => Start::Message(length),
                End::Open if bytes.len() < MAX_MARKED => Start::Open,
                _ => Start::Other,
            },
            _ => Start::Other,
        }
    }

    fn candidate(&self, bytes: &[u8]) -> Option<usize> {
        memchr::memchr(0xFF, bytes)
    }
}

enum End {
    /// Behind the delimiter.
    At(usize),
    Open,
    /// What is reserved (0xFF80 to 0xFFFE).
    Broken,
}

fn end(bytes: &[u8]) -> End {
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(0xFF, rest)) {
        match bytes.get(at + found + 1) {
            None => return End::Open,
            Some(0xFF) => return End::At(at + found + 2),
            Some(&quoted @ 0..=0x7F) => at += found + 2 + usize::from(quoted),
            Some(_) => return End::Broken,
        }
    }
    End::Open
}

/// A message without its marks; `None` if what it has for one is reserved.
pub fn unmarked(record: &[u8]) -> Option<Cow<'_, [u8]>> {
    let body = record.strip_suffix(&[0xFF, 0xFF]).unwrap_or(record);
    if memchr::memchr(0xFF, body).is_none() {
        return Some(Cow::Borrowed(body));
    }
    let (mut out, mut rest) = (Vec::with_capacity(body.len()), record);
    while let Some(found) = memchr::memchr(0xFF, rest) {
        out.extend_from_slice(rest.get(..found)?);
        let &mark = rest.get(found + 1)?;
        let behind = rest.get(found + 2..)?;
        match mark {
            0xFF => return Some(Cow::Owned(out)),
            0..=0x7F => {
                out.push(0xFF);
                let (quoted, next) = behind.split_at_checked(usize::from(mark))?;
                out.extend_from_slice(quoted);
                rest = next;
            }
            _ => return None,
        }
    }
    out.extend_from_slice(rest);
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of RFC 3320 §4.2.2.
    #[test]
    fn quotes_are_taken_out() {
        let cases: [(&[u8], &[u8]); 5] = [
            (&[0xF8, 1, 2, 0xFF, 0xFF], &[0xF8, 1, 2]),
            (&[0xF8, 0xFF, 0, 2, 0xFF, 0xFF], &[0xF8, 0xFF, 2]),
            (&[0xF8, 0xFF, 1, 0xFF, 3, 0xFF, 0xFF], &[0xF8, 0xFF, 0xFF, 3]),
            (&[0xF8, 0xFF, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], &[0xF8, 0xFF, 0xFF, 0xFF, 0xFF]),
            (&[0xFF, 0xFF], &[]),
        ];
        for (record, message) in cases {
            assert_eq!(unmarked(record).as_deref(), Some(message), "{record:x?}");
            let length = if message.is_empty() { 2 } else { record.len() };
            assert_eq!(Marking.start(&[record, b"next"].concat(), true), Start::Message(length), "{record:x?}");
            for cut in 1..record.len() {
                assert_eq!(Marking.start(&record[..cut], true), Start::Open, "{record:x?} {cut}");
            }
        }
    }

    #[test]
    fn what_is_reserved_is_no_message() {
        for mark in 0x80..=0xFE {
            let record = [0xF8, 1, 0xFF, mark, 2, 0xFF, 0xFF];
            assert_eq!(Marking.start(&record, true), Start::Other);
            assert_eq!(unmarked(&record), None);
        }
    }
}
