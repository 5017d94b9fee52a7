//! The header of a message (RFC 3320 §7), and NACKs (RFC 4077).

use super::failure::{Reason, hex};

/// How decompression starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// From a state item, by the first 6, 9 or 12 bytes of its identifier.
    State(&'a [u8]),
    /// With bytecode that the message brings, at this address of the memory.
    Bytecode { code: &'a [u8], address: u16 },
}

/// What stands in front of the compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// What the sender of the message had been asked to return.
    pub feedback: Option<&'a [u8]>,
    pub start: Start<'a>,
    /// The compressed data.
    pub rest: &'a [u8],
    /// Bytes in front of them.
    pub length: usize,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    Compressed(Header<'a>),
    Nack(Nack<'a>),
}

/// A message that says that another one could not be decompressed (RFC 4077 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nack<'a> {
    pub reason: u8,
    /// Of the instruction that failed.
    pub opcode: u8,
    pub address: u16,
    /// SHA-1 of the message that failed.
    pub message: &'a [u8; 20],
    pub details: &'a [u8],
}

impl Nack<'_> {
    /// In words: its reason, and where.
    pub fn text(&self) -> String {
        let reason = Reason::of(self.reason);
        let mut text = reason.map_or_else(|| format!("reason {}", self.reason), |reason| reason.name().to_owned());
        match reason {
            Some(Reason::StateNotFound | Reason::IdNotUnique | Reason::StateTooShort) if !self.details.is_empty() => {
                text += &format!(" (state {})", hex(self.details));
            }
            Some(Reason::CyclesExhausted) => {
                if let [cycles, ..] = self.details {
                    text += &format!(" ({cycles} cycles per bit)");
                }
            }
            _ => {}
        }
        text
    }
}

impl<'a> Kind<'a> {
    /// Reads the beginning of a message.
    pub fn read(message: &'a [u8]) -> Result<Self, Reason> {
        const SHORT: Reason = Reason::MessageTooShort;
        let (&first, rest) = message.split_first().ok_or(SHORT)?;
        let (feedback, rest) = if first & 0x04 == 0 {
            (None, rest)
        } else {
            let (&field, behind) = rest.split_first().ok_or(SHORT)?;
            // One byte holds seven bits of it, or says how many bytes follow.
            let split = if field & 0x80 == 0 { Some((&rest[..1], behind)) } else { cut(behind, field & 0x7F) };
            let (feedback, rest) = split.ok_or(SHORT)?;
            (Some(feedback), rest)
        };
        let length = match first & 0x03 {
            0 => 0,
            encoded => 3 + 3 * encoded,
        };
        let of = |start, rest: &'a [u8]| {
            Kind::Compressed(Header { feedback, start, rest, length: message.len() - rest.len() })
        };
        if length > 0 {
            let (identifier, rest) = cut(rest, length).ok_or(SHORT)?;
            return Ok(of(Start::State(identifier), rest));
        }
        let (&[high, low], rest) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
        let (size, destination) = (usize::from(high) << 4 | usize::from(low >> 4), low & 0x0F);
        // A version of RFC 4077 stands where the destination would.
        if size == 0 && destination == 1 {
            return nack(rest).map(Kind::Nack).ok_or(SHORT);
        }
        if destination == 0 {
            return Err(Reason::InvalidCodeLocation);
        }
        let (code, rest) = rest.split_at_checked(size).ok_or(SHORT)?;
        let address = (u16::from(destination) + 1) * 64;
        Ok(of(Start::Bytecode { code, address }, rest))
    }
}

fn cut(bytes: &[u8], length: u8) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(usize::from(length))
}

fn nack(rest: &[u8]) -> Option<Nack<'_>> {
    let (&[reason, opcode, high, low], rest) = rest.split_first_chunk::<4>()?;
    let (message, details) = rest.split_first_chunk::<20>()?;
    Some(Nack { reason, opcode, address: u16::from_be_bytes([high, low]), message, details })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(message: &[u8]) -> Header<'_> {
        match Kind::read(message) {
            Ok(Kind::Compressed(header)) => header,
            other => panic!("{other:?}"),
        }
    }

    /// RFC 3320 §7.1: seven bits, or a length.
    #[test]
    fn a_returned_feedback_item_is_of_either_length() {
        let identifier = [1, 2, 3, 4, 5, 6];
        let short = [&[0xFD, 0x7F][..], &identifier, b"x"].concat();
        let found = header(&short);
        assert_eq!(
            (found.feedback, found.start, found.rest),
            (Some(&[0x7F][..]), Start::State(&identifier), &b"x"[..])
        );
        let long = [&[0xFD, 0x83, 7, 8, 9][..], &identifier].concat();
        let found = header(&long);
        assert_eq!((found.feedback, found.length), (Some(&[7, 8, 9][..]), long.len()));
    }

    /// RFC 4077 §3.1.
    #[test]
    fn a_nack_is_no_bytecode() {
        let details = [9; 6];
        let bytes = [&[0xF8, 0, 1, 1, 31, 0x12, 0x34][..], &[5; 20], &details].concat();
        let Ok(Kind::Nack(nack)) = Kind::read(&bytes) else { panic!() };
        assert_eq!((nack.opcode, nack.address, nack.message), (31, 0x1234, &[5; 20]));
        assert_eq!(nack.text(), "STATE_NOT_FOUND (state 090909090909)");
        assert_eq!(Kind::read(&bytes[..20]), Err(Reason::MessageTooShort));
    }
}
