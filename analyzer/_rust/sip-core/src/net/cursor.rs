//! Bytes on their way up the layers, with what is known about the bytes that were not captured.

use super::disposition::{Disposition, Reason};
use crate::layer::Layer;

/// The part of a packet (or of a datagram put together from fragments) that no layer has read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub bytes: &'a [u8],
    /// Position of `bytes[0]` in the file; for a datagram put together, as if its first fragment went on.
    pub offset: u64,
    /// Bytes that followed on the wire and are not here (snap length, a fragment that never came).
    pub missing: u32,
    /// More than `missing` may have followed: the last fragment of the datagram never came.
    pub open: bool,
}

impl<'a> Cursor<'a> {
    /// Splits off a header of fixed size; `None` where fewer bytes were captured.
    pub fn header<const N: usize>(self) -> Option<(&'a [u8; N], Cursor<'a>)> {
        let (header, bytes) = self.bytes.split_first_chunk::<N>()?;
        Some((header, Cursor { bytes, offset: self.offset + N as u64, ..self }))
    }

    /// What follows the next `n` bytes of the wire; `None` where the wire had fewer.
    pub fn skip(self, n: usize) -> Option<Cursor<'a>> {
        let offset = self.offset + n as u64;
        if let Some(bytes) = self.bytes.get(n..) {
            return Some(Cursor { bytes, offset, ..self });
        }
        let beyond = u32::try_from(n - self.bytes.len()).ok()?;
        Some(Cursor { bytes: &[], offset, missing: self.missing.checked_sub(beyond)?, open: self.open })
    }

    /// Cuts to the length that a header states: padding goes, what was not captured becomes `missing`.
    /// The flag says that the header claims more than the wire had.
    pub fn limit(self, length: u32) -> (Cursor<'a>, bool) {
        let bytes = self.bytes.get(..length as usize).unwrap_or(self.bytes);
        let missing = length - bytes.len() as u32;
        let exceeds = !self.open && u64::from(length) > self.wire_len();
        (Cursor { bytes, offset: self.offset, missing, open: false }, exceeds)
    }

    /// Length on the wire.
    pub fn wire_len(self) -> u64 {
        self.bytes.len() as u64 + u64::from(self.missing)
    }

    /// The disposition of a packet whose header does not fit in here: the capture cut it, or it was never whole.
    pub fn short(self, layer: Layer) -> Disposition {
        Disposition::new(layer, if self.missing > 0 { Reason::Cut } else { Reason::Malformed })
    }
}

/// Network-order integers inside a header whose size is known to the compiler.
pub(super) const fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

pub(super) const fn be32(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes)
}
