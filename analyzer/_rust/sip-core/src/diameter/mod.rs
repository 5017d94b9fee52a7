//! Diameter (RFC 6733) beside SIP: the header and AVP grammar, and what an IMS says in it on Cx, Sh and Rx.
//!
//! Whatever the bytes, reading ends, and nothing outside them is read. Keys and authentication vectors go into no
//! table; [`keys`] alone reads them.

pub mod dictionary;
pub mod keys;
mod message;

pub use message::{Flaw, Framed, Message};

use crate::framing::{Grammar, Start};

pub const HEADER: usize = 20;
const AVP_HEADER: usize = 8;

/// Command flags (RFC 6733 §3).
mod flag {
    pub const REQUEST: u8 = 0x80;
    pub const PROXIABLE: u8 = 0x40;
    pub const ERROR: u8 = 0x20;
    pub const RESENT: u8 = 0x10;
    pub const RESERVED: u8 = 0x0f;
}

/// The header of a message (RFC 6733 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Of the whole message, as it claims.
    pub length: usize,
    pub command: u32,
    pub application: u32,
    pub hop_by_hop: u32,
    pub end_to_end: u32,
    flags: u8,
}

impl Header {
    /// The header that these bytes begin with; `None` if they are too few, or begin no message.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let &[version, l2, l1, l0, flags, c2, c1, c0, a3, a2, a1, a0, h3, h2, h1, h0, e3, e2, e1, e0] =
            bytes.first_chunk::<HEADER>()?;
        let length = u32::from_be_bytes([0, l2, l1, l0]) as usize;
        let header = Self {
            length,
            command: u32::from_be_bytes([0, c2, c1, c0]),
            application: u32::from_be_bytes([a3, a2, a1, a0]),
            hop_by_hop: u32::from_be_bytes([h3, h2, h1, h0]),
            end_to_end: u32::from_be_bytes([e3, e2, e1, e0]),
            flags,
        };
        // Only an answer tells of an error.
        let flags_agree =
            flags & flag::RESERVED == 0 && flags & (flag::REQUEST | flag::ERROR) != flag::REQUEST | flag::ERROR;
        (version == 1 && length >= HEADER && length.is_multiple_of(4) && flags_agree).then_some(header)
    }

    pub fn is_request(&self) -> bool {
        self.flags & flag::REQUEST != 0
    }

    pub fn is_proxiable(&self) -> bool {
        self.flags & flag::PROXIABLE != 0
    }

    pub fn is_error(&self) -> bool {
        self.flags & flag::ERROR != 0
    }

    /// Its sender may have sent it before (the T flag).
    pub fn is_resent(&self) -> bool {
        self.flags & flag::RESENT != 0
    }

    /// Its application or its command is one that is known.
    pub fn is_known(&self) -> bool {
        dictionary::is_command(self.command) || dictionary::application(self.application).is_some()
    }
}

/// Diameter in a TCP stream.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// Longest message believed.
    pub max_bytes: usize,
}

impl Grammar for Stream {
    /// Where one is to begin, the header is enough; elsewhere its first AVP must be one that is known, too.
    fn start(&self, bytes: &[u8], expected: bool) -> Start {
        if bytes.first() != Some(&1) {
            return Start::Other;
        }
        if bytes.len() < HEADER {
            return Start::Open;
        }
        let Some(header) = Header::read(bytes).filter(|header| header.length <= self.max_bytes && header.is_known())
        else {
            return Start::Other;
        };
        if expected {
            return Start::Message(header.length);
        }
        let Some(first) = bytes.get(HEADER..HEADER + AVP_HEADER) else {
            return if header.length > HEADER { Start::Open } else { Start::Other };
        };
        let &[c3, c2, c1, c0, flags, l2, l1, l0] = first else { return Start::Other };
        let known = dictionary::attribute(0, u32::from_be_bytes([c3, c2, c1, c0])).is_some() && flags & 0x80 == 0;
        let length = u32::from_be_bytes([0, l2, l1, l0]) as usize;
        if known && dictionary::is_command(header.command) && (AVP_HEADER..=header.length - HEADER).contains(&length) {
            Start::Message(header.length)
        } else {
            Start::Other
        }
    }

    fn candidate(&self, bytes: &[u8]) -> Option<usize> {
        memchr::memchr(1, bytes)
    }
}

/// An attribute-value pair (RFC 6733 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Avp<'a> {
    pub code: u32,
    /// 0 = the IETF's.
    pub vendor: u32,
    pub data: &'a [u8],
}

/// The AVPs that bytes hold one behind the other. It ends at the first that cannot be, of which it says so.
#[derive(Debug, Clone)]
pub struct Avps<'a> {
    rest: &'a [u8],
    /// What is left claims more than there is, or less than its header.
    pub broken: bool,
}

impl<'a> Avps<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, broken: false }
    }

    fn read(&mut self) -> Option<Avp<'a>> {
        const VENDOR: u8 = 0x80;
        let (&[c3, c2, c1, c0, flags, l2, l1, l0], _) = self.rest.split_first_chunk::<AVP_HEADER>()?;
        let length = u32::from_be_bytes([0, l2, l1, l0]) as usize;
        let avp = self.rest.get(..length)?;
        let (vendor, data) = if flags & VENDOR == 0 {
            (0, avp.get(AVP_HEADER..)?)
        } else {
            let (vendor, data) = avp.get(AVP_HEADER..)?.split_first_chunk::<4>()?;
            (u32::from_be_bytes(*vendor), data)
        };
        // The padding of the last may be left out.
        self.rest = self.rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Avp { code: u32::from_be_bytes([c3, c2, c1, c0]), vendor, data })
    }
}

impl<'a> Iterator for Avps<'a> {
    type Item = Avp<'a>;

    fn next(&mut self) -> Option<Avp<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let found = self.read();
        if found.is_none() {
            self.broken = true;
            self.rest = &[];
        }
        found
    }
}
