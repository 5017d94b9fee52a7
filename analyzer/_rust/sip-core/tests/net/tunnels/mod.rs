//! Tunnels and unusual links: what is inside comes out, and what was outside is remembered.

mod exported;
mod links;
mod nested;
mod over_ip;
mod over_udp;

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use sip_core::layer::Layer;

use crate::build::*;
use crate::witness::Capture;

fn sip() -> Vec<u8> {
    ipv4(17, 7, &udp(b"OPTIONS"))
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The datagram comes out of this frame, which was in these tunnels.
fn carries(link: u16, frame: &[u8], tunnels: &[Layer]) -> Capture {
    let mut capture = Capture::new(link);
    assert_eq!(capture.packet(frame), "sip/message", "link type {link}: {frame:02x?}");
    assert_eq!(capture.bytes(), [b"OPTIONS"]);
    assert_eq!(capture.seen.datagrams[0].encapsulation.tunnels(), tunnels);
    assert!(capture.codes().is_empty(), "{:?}", capture.codes());
    capture
}

fn disposition(link: u16, frame: &[u8]) -> (String, Vec<&'static str>) {
    let mut capture = Capture::new(link);
    let disposition = capture.packet(frame);
    capture.finish();
    (disposition, capture.codes())
}

/// RFC 3173 §3.3, RFC 2394.
fn ipcomp(next: u8, index: u16, payload: &[u8]) -> Vec<u8> {
    let mut squeezed = DeflateEncoder::new(Vec::new(), Compression::best());
    squeezed.write_all(payload).unwrap();
    joined(&[&[next, 0], &index.to_be_bytes(), &squeezed.finish().unwrap()])
}
