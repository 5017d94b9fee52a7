//! Bytes on their way up the layers, with what is known about the bytes that were not captured.

use super::carriage::Carriage;
use super::fate::{Fate, Reason};
use crate::packet::Stamp;
use crate::problem::Layer;

/// The part of a packet (or of a datagram put together from fragments) that no layer has read yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub bytes: &'a [u8],
    /// Position of `bytes[0]` in the file; for a datagram put together, as if its first fragment went on.
    pub offset: u64,
    /// Bytes that followed on the wire and are not here (snap length, a fragment that never came).
    pub missing: u32,
    /// More than `missing` may have followed: the last fragment of the datagram never came.
    pub open: bool,
}

impl<'a> Part<'a> {
    /// Splits off a header of fixed size; `None` where fewer bytes were captured.
    pub fn header<const N: usize>(self) -> Option<(&'a [u8; N], Part<'a>)> {
        let (header, bytes) = self.bytes.split_first_chunk::<N>()?;
        Some((header, Part { bytes, offset: self.offset + N as u64, ..self }))
    }

    /// What follows the next `n` bytes of the wire; `None` where the wire had fewer.
    pub fn skip(self, n: usize) -> Option<Part<'a>> {
        let offset = self.offset + n as u64;
        if let Some(bytes) = self.bytes.get(n..) {
            return Some(Part { bytes, offset, ..self });
        }
        let beyond = u32::try_from(n - self.bytes.len()).ok()?;
        Some(Part { bytes: &[], offset, missing: self.missing.checked_sub(beyond)?, open: self.open })
    }

    /// Cuts to the length that a header states: padding goes, what was not captured becomes `missing`.
    /// The flag says that the header claims more than the wire had.
    pub fn limit(self, length: u32) -> (Part<'a>, bool) {
        let bytes = self.bytes.get(..length as usize).unwrap_or(self.bytes);
        let missing = length - bytes.len() as u32;
        let exceeds = !self.open && u64::from(length) > self.wire_len();
        (Part { bytes, offset: self.offset, missing, open: false }, exceeds)
    }

    /// Length on the wire.
    pub fn wire_len(self) -> u64 {
        self.bytes.len() as u64 + u64::from(self.missing)
    }

    /// The fate of a packet whose header does not fit in here: the capture cut it, or it was never whole.
    pub fn short(self, layer: Layer) -> Fate {
        Fate::new(layer, if self.missing > 0 { Reason::Cut } else { Reason::Malformed })
    }
}

/// The packets that bytes came in: one, or those of the fragments of a datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub first: Stamp,
    pub last: Stamp,
    /// Do the first bytes of the datagram lie in the packet `first`, in the packet `last`?
    pub head_in_first: bool,
    pub head_in_last: bool,
    /// How many packets the ledger counts for it.
    pub packets: u64,
    /// What of their headers was read so far.
    pub carriage: Carriage,
}

impl Origin {
    pub fn packet(at: Stamp) -> Self {
        let carriage = Carriage::PLAIN;
        Origin { first: at, last: at, head_in_first: true, head_in_last: true, packets: 1, carriage }
    }

    /// The first and last stamp of a payload that begins at `offset`.
    pub fn stamps(&self, offset: u64) -> (Stamp, Stamp) {
        let (mut first, mut last) = (self.first, self.last);
        if self.head_in_first {
            first.offset = offset;
        }
        if self.head_in_last {
            last.offset = offset;
        }
        (first, last)
    }
}

/// Network-order integers inside a header whose size is known to the compiler.
pub(super) const fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

pub(super) const fn be32(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes)
}
