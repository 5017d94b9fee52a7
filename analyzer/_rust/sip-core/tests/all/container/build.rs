//! Captures built byte by byte, and a reading of them as owned values.

use std::io::{Cursor, Read};

use sip_core::container::{FileInfo, open};
use sip_core::error::CaptureError;
use sip_core::limits::Limits;
use sip_core::problem::{Code, Problem};

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Endian {
    Big,
    Little,
}
pub use Endian::{Big, Little};

/// Bytes in one byte order.
#[derive(Debug, Clone)]
pub struct Bytes {
    pub endian: Endian,
    pub bytes: Vec<u8>,
}

impl Bytes {
    pub fn new(endian: Endian) -> Self {
        Self { endian, bytes: Vec::new() }
    }

    pub fn u16(mut self, value: u16) -> Self {
        self.bytes.extend(if self.endian == Big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    pub fn u32(mut self, value: u32) -> Self {
        self.bytes.extend(if self.endian == Big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    pub fn u64(mut self, value: u64) -> Self {
        self.bytes.extend(if self.endian == Big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    pub fn padded(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// A pcapng option.
    pub fn option(self, code: u16, value: &[u8]) -> Self {
        self.u16(code).u16(value.len() as u16).padded(value)
    }

    pub fn pcap_header(self, magic: u32, major: u16, minor: u16, link: u32) -> Self {
        self.u32(magic).u16(major).u16(minor).u32(0).u32(0).u32(65_535).u32(link)
    }

    pub fn pcap_record(self, seconds: u32, fraction: u32, captured: u32, original: u32, data: &[u8]) -> Self {
        self.u32(seconds).u32(fraction).u32(captured).u32(original).raw(data)
    }

    pub fn block(self, kind: u32, body: impl FnOnce(Bytes) -> Bytes) -> Self {
        let body = body(Bytes::new(self.endian)).bytes;
        let len = body.len().next_multiple_of(4) as u32 + 12;
        self.u32(kind).u32(len).padded(&body).u32(len)
    }

    pub fn section(self) -> Self {
        self.section_of(&[], &[])
    }

    /// A section header of a host.
    pub fn section_of(self, hardware: &[u8], os: &[u8]) -> Self {
        self.block(0x0A0D_0D0A, |body| {
            let body = body.u32(0x1A2B_3C4D).u16(1).u16(0).u64(u64::MAX);
            if hardware.is_empty() && os.is_empty() { body } else { body.option(2, hardware).option(3, os).u32(0) }
        })
    }

    pub fn interface(self, link: u16, options: impl FnOnce(Bytes) -> Bytes) -> Self {
        self.block(1, |body| options(body.u16(link).u16(0).u32(0)))
    }

    pub fn enhanced(self, interface: u32, stamp: u64, original: u32, data: &[u8]) -> Self {
        self.enhanced_with(interface, stamp, original, data, |options| options)
    }

    pub fn enhanced_with(
        self,
        interface: u32,
        stamp: u64,
        original: u32,
        data: &[u8],
        options: impl FnOnce(Bytes) -> Bytes,
    ) -> Self {
        self.block(6, |body| {
            let body = body.u32(interface).u32((stamp >> 32) as u32).u32(stamp as u32);
            options(body.u32(data.len() as u32).u32(original).padded(data))
        })
    }
}

/// A packet, owned.
#[derive(Debug, Clone, PartialEq)]
pub struct Got {
    pub frame: u64,
    pub offset: u64,
    pub time: Option<i64>,
    pub interface: u32,
    pub host: u32,
    pub link: u16,
    pub orig_len: u32,
    pub data: Vec<u8>,
}

/// A whole reading.
#[derive(Debug)]
pub struct Reading {
    pub packets: Vec<Got>,
    pub problems: Vec<Problem>,
    pub info: FileInfo,
    pub bytes_read: u64,
}

impl Reading {
    pub fn codes(&self) -> Vec<Code> {
        self.problems.iter().map(|problem| problem.code).collect()
    }

    pub fn times(&self) -> Vec<Option<i64>> {
        self.packets.iter().map(|packet| packet.time).collect()
    }

    pub fn data(&self) -> Vec<&[u8]> {
        self.packets.iter().map(|packet| packet.data.as_slice()).collect()
    }
}

pub fn try_read_from(source: Box<dyn Read + Send>, limits: &Limits) -> Result<Reading, CaptureError> {
    let mut capture = open(source, "test.pcap", 7, limits)?;
    let (mut packets, mut problems) = (Vec::new(), Vec::new());
    while let Some(packet) = capture.next(&mut problems) {
        packets.push(Got {
            frame: packet.frame,
            offset: packet.offset,
            time: packet.time,
            interface: packet.interface,
            host: packet.host,
            link: packet.link,
            orig_len: packet.orig_len,
            data: packet.data.to_vec(),
        });
    }
    assert!(capture.next(&mut problems).is_none(), "the end is final");
    Ok(Reading { packets, problems, info: capture.info().clone(), bytes_read: capture.bytes_read() })
}

pub fn try_read(bytes: &[u8]) -> Result<Reading, CaptureError> {
    try_read_from(Box::new(Cursor::new(bytes.to_vec())), &Limits::default())
}

#[track_caller]
pub fn read(bytes: &[u8]) -> Reading {
    try_read(bytes).expect("a readable capture")
}

/// Why a capture is refused.
#[track_caller]
pub fn refusal(bytes: &[u8]) -> String {
    match try_read(bytes) {
        Ok(reading) => panic!("read, with {} packets", reading.packets.len()),
        Err(error) => error.reason,
    }
}

/// Three packets in a plain little-endian pcap of microseconds, and where its records begin (and the last one ends).
pub fn small_pcap() -> (Vec<u8>, Vec<usize>) {
    let mut file = Bytes::new(Little).pcap_header(0xA1B2_C3D4, 2, 4, 1);
    let mut edges = vec![file.bytes.len()];
    for (number, data) in [&b"first packet"[..], b"the second", b"third, and the last one"].into_iter().enumerate() {
        let len = data.len() as u32;
        file = file.pcap_record(1_700_000_000 + number as u32, 250_000, len, len, data);
        edges.push(file.bytes.len());
    }
    (file.bytes, edges)
}

/// Three packets in a pcapng, and where its blocks behind the first begin (and the last one ends).
pub fn small_pcapng() -> (Vec<u8>, Vec<usize>) {
    let mut file = Bytes::new(Big).section();
    let mut edges = vec![file.bytes.len()];
    file = file.interface(101, |options| options.option(2, b"eth0"));
    edges.push(file.bytes.len());
    for (number, data) in [&b"first packet"[..], b"the second", b"third, and the last one"].into_iter().enumerate() {
        file = file.enhanced(0, 1_700_000_000_250_000 + number as u64, data.len() as u32, data);
        edges.push(file.bytes.len());
    }
    (file.bytes, edges)
}
