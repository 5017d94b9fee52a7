//! Header lines as sent: those that go on in the next line, and those that end in CR alone.

use super::start;
use super::text::{is_blank, is_space, split, trim};

/// Copies the header section with every continuation line joined to its header by one space (RFC 3261 §7.3.1); bare CR
/// as line end becomes CRLF. Returns the length of the section as sent, empty line included.
pub fn unfold(message: &[u8], out: &mut Vec<u8>) -> usize {
    let mut at = 0;
    let mut first = true;
    // Where the header begins that a continuation line belongs to: one of blanks alone is no part of the header before.
    let mut header = 0;
    let cr_ends_lines = cr_ends_lines(message);
    loop {
        let (_, rest) = split(message, at);
        let nl = if cr_ends_lines { memchr::memchr2(b'\r', b'\n', rest) } else { memchr::memchr(b'\n', rest) };
        let (line, next) = match nl {
            Some(nl) => (split(rest, nl).0, at + nl + 1),
            None => (rest, message.len()),
        };
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        at = next;
        match text.first() {
            Some(&b) if is_blank(b) && !first => {
                while out.len() > header && out.last().is_some_and(|&b| is_space(b)) {
                    out.pop();
                }
                out.push(b' ');
                out.extend_from_slice(trim(text));
            }
            _ => {
                header = out.len();
                out.extend_from_slice(text);
            }
        }
        if nl.is_none() {
            return at;
        }
        out.extend_from_slice(b"\r\n");
        if text.is_empty() {
            return at;
        }
        first = false;
    }
}

/// Does the start line end in CR without LF? Then the sender ends all lines so.
pub fn cr_ends_lines(message: &[u8]) -> bool {
    start::line_at(message).is_some_and(|(len, with_end)| {
        with_end == len + 1 && message.get(len) == Some(&b'\r') && message.get(with_end).is_some()
    })
}
