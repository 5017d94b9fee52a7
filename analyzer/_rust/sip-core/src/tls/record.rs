//! The record layer of one direction (RFC 8446 §5.1): bytes in any segmentation to records.

use crate::packet::Stamp;

pub const CHANGE_CIPHER_SPEC: u8 = 20;
pub const ALERT: u8 = 21;
pub const HANDSHAKE: u8 = 22;
pub const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

pub const HEADER: usize = 5;
/// Of TLS 1.2, whose records may grow by more than those of 1.3 (RFC 5246 §6.2.3).
const LONGEST: usize = (1 << 14) + 2_048;

pub type Header = [u8; HEADER];

/// The length of a record that begins with these bytes, with its header; `None` if they cannot begin one.
pub fn length(header: Header) -> Option<usize> {
    let [kind, major, minor, high, low] = header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let known = matches!(kind, CHANGE_CIPHER_SPEC..=HEARTBEAT) && major == 3 && minor <= 4 && length <= LONGEST;
    known.then_some(HEADER + length)
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub header: Header,
    pub body: &'a [u8],
    /// TCP sequence number of the body.
    pub seq: u32,
    /// The packet that completed it, and the place in the file where its body begins.
    pub at: Stamp,
}

/// One direction, cut into records.
#[derive(Debug, Default)]
pub struct Records {
    /// The beginning of a record.
    held: Vec<u8>,
    /// Sequence number and place of its first byte.
    begun: (u32, u64),
    /// Behind a hole or damage: nobody knows where the next record begins.
    lost: bool,
}

impl Records {
    /// A record has begun that is not whole.
    pub fn is_open(&self) -> bool {
        !self.held.is_empty()
    }

    /// Takes the next bytes and hands on the records that they complete; false where a header cannot be one.
    pub fn segment(&mut self, bytes: &[u8], seq: u32, at: Stamp, mut take: impl FnMut(Record<'_>)) -> bool {
        if self.lost && bytes.first_chunk().and_then(|header| length(*header)).is_none() {
            return true;
        }
        self.lost = false;
        let mut rest = bytes;
        while !self.held.is_empty() {
            let need = match self.held.first_chunk() {
                None => HEADER,
                Some(header) => match length(*header) {
                    Some(length) => length,
                    None => return self.damaged(),
                },
            };
            let missing = need.saturating_sub(self.held.len());
            let Some((part, behind)) = rest.split_at_checked(missing) else {
                self.held.extend_from_slice(rest);
                return true;
            };
            self.held.extend_from_slice(part);
            rest = behind;
            // Of a header alone nothing but the length was wanted.
            if let Some((header, body)) =
                self.held.split_first_chunk().filter(|(header, _)| length(**header) == Some(self.held.len()))
            {
                let at = Stamp { offset: self.begun.1 + HEADER as u64, ..at };
                take(Record { header: *header, body, seq: self.begun.0.wrapping_add(HEADER as u32), at });
                self.held.clear();
                // Thousands of idle connections must not each keep the room of their longest record.
                self.held.shrink_to(512);
            }
        }
        loop {
            let place = bytes.len() - rest.len();
            let (seq, offset) = (seq.wrapping_add(place as u32), at.offset + place as u64);
            let Some((header, behind)) = rest.split_first_chunk::<HEADER>() else {
                self.hold(rest, seq, offset);
                return true;
            };
            let Some(length) = length(*header) else { return self.damaged() };
            let Some((body, behind)) = behind.split_at_checked(length - HEADER) else {
                self.hold(rest, seq, offset);
                return true;
            };
            let at = Stamp { offset: offset + HEADER as u64, ..at };
            take(Record { header: *header, body, seq: seq.wrapping_add(HEADER as u32), at });
            rest = behind;
        }
    }

    /// Bytes are lost here: the next record is looked for where a segment begins with one.
    pub fn gap(&mut self) {
        self.held.clear();
        self.lost = true;
    }

    fn hold(&mut self, rest: &[u8], seq: u32, offset: u64) {
        if !rest.is_empty() {
            self.held.extend_from_slice(rest);
            self.begun = (seq, offset);
        }
    }

    fn damaged(&mut self) -> bool {
        self.gap();
        false
    }
}
