//! Writes pcapng (draft-ietf-opsawg-pcapng): packets as they were captured, times in nanoseconds.

use std::io::{self, Write};

use crate::packet::Packet;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const SHB_HARDWARE: u16 = 2;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const ISB_ENDTIME: u16 = 3;

/// Tells our own files.
pub(super) const APPLICATION: &[u8] = b"sip-analyzer export";

/// What tells one interface description from another.
#[derive(PartialEq, Eq)]
struct Interface {
    name: String,
    link: u16,
    snap_len: u32,
}

/// A pcapng file being written, little-endian. There is no file before there is a section.
pub struct Writer<W> {
    out: W,
    ended: Option<u64>,
    host: Option<String>,
    interfaces: Vec<Interface>,
    packets: u64,
    block: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// `ended` is when the capture that is copied from ended (ns since 1970): what came of a message that nobody
    /// answered is told from the silence behind it.
    pub fn new(out: W, ended: Option<i64>) -> Self {
        let ended = ended.and_then(|time| u64::try_from(time).ok());
        Self { out, ended, host: None, interfaces: Vec::new(), packets: 0, block: Vec::new() }
    }

    /// Goes on in a section of this capturing host ("" = nothing is said of it).
    ///
    /// # Errors
    /// When the output cannot be written; so for the others.
    pub fn section(&mut self, host: &str) -> io::Result<()> {
        if self.host.as_deref() == Some(host) { Ok(()) } else { self.begin_section(host) }
    }

    fn begin_section(&mut self, host: &str) -> io::Result<()> {
        self.end_section()?;
        self.host = Some(host.to_owned());
        self.interfaces.clear();
        self.begin(SECTION_HEADER);
        self.u32(0x1A2B_3C4D);
        self.u16(1);
        self.u16(0);
        self.block.extend_from_slice(&[0xFF; 8]); // length not stated
        if !host.is_empty() {
            self.option(SHB_HARDWARE, host.as_bytes());
        }
        self.option(SHB_USERAPPL, APPLICATION);
        self.option(0, &[]);
        self.end()
    }

    fn end_section(&mut self) -> io::Result<()> {
        let Some(ended) = self.ended.filter(|_| !self.interfaces.is_empty()) else { return Ok(()) };
        self.begin(INTERFACE_STATISTICS);
        self.u32(0);
        self.time(ended);
        self.u16(ISB_ENDTIME);
        self.u16(8);
        self.time(ended);
        self.option(0, &[]);
        self.end()
    }

    /// Writes a packet; `interface` is the name of its interface ("" = it has none).
    pub fn packet(&mut self, packet: &Packet<'_>, interface: &str) -> io::Result<()> {
        if self.host.is_none() {
            self.begin_section("")?;
        }
        // Time stamps are unsigned.
        match packet.time.and_then(|time| u64::try_from(time).ok()) {
            Some(time) => {
                let wanted = Interface { name: interface.to_owned(), link: packet.link, snap_len: 0 };
                let number = self.interface(wanted)?;
                self.begin(ENHANCED_PACKET);
                self.u32(number);
                self.time(time);
                self.u32(packet.data.len() as u32);
            }
            None => {
                // A packet without a time stamp belongs to the first interface, whose snap length says how it was cut.
                let cut = (packet.data.len() as u64) < u64::from(packet.orig_len);
                let snap_len = if cut { packet.data.len() as u32 } else { 0 };
                let wanted = Interface { name: interface.to_owned(), link: packet.link, snap_len };
                if self.interfaces.first().is_some_and(|first| *first != wanted) {
                    let host = self.host.take().unwrap_or_default();
                    self.begin_section(&host)?;
                }
                self.interface(wanted)?;
                self.begin(SIMPLE_PACKET);
            }
        }
        self.u32(packet.orig_len);
        self.padded(packet.data);
        self.packets += 1;
        self.end()
    }

    /// Ends the file, and returns the number of packets.
    pub fn finish(mut self) -> io::Result<u64> {
        if self.host.is_none() {
            self.begin_section("")?;
        }
        self.end_section()?;
        self.out.flush()?;
        Ok(self.packets)
    }

    /// The number of an interface in this section; describes it where it is new.
    fn interface(&mut self, wanted: Interface) -> io::Result<u32> {
        if let Some(number) = self.interfaces.iter().position(|known| *known == wanted) {
            return Ok(number as u32);
        }
        self.begin(INTERFACE);
        self.u16(wanted.link);
        self.u16(0);
        self.u32(wanted.snap_len);
        if !wanted.name.is_empty() {
            self.option(IF_NAME, wanted.name.as_bytes());
        }
        self.option(IF_TSRESOL, &[9]);
        self.option(0, &[]);
        self.interfaces.push(wanted);
        self.end()?;
        Ok(self.interfaces.len() as u32 - 1)
    }

    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.u32(kind);
        self.u32(0); // the length, known at the end
    }

    fn end(&mut self) -> io::Result<()> {
        let length = self.block.len() as u32 + 4;
        self.u32(length);
        if let Some(place) = self.block.get_mut(4..8) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self.out.write_all(&self.block)
    }

    fn u16(&mut self, value: u16) {
        self.block.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.block.extend_from_slice(&value.to_le_bytes());
    }

    /// The upper half first, whatever the byte order.
    fn time(&mut self, ns: u64) {
        self.u32((ns >> 32) as u32);
        self.u32(ns as u32);
    }

    /// Names of interfaces and hosts are short: the reader keeps 255 bytes of them.
    fn option(&mut self, code: u16, value: &[u8]) {
        self.u16(code);
        self.u16(value.len() as u16);
        self.padded(value);
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }
}
