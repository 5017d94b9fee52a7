//! Whatever the messages between two hosts: each is decompressed or told why not, within its cycles and its memory.
//!
//! - An input is a row of messages, each behind two bytes with its length and its direction; and, as it is, a stream.
//! - Marks of a stream do not depend on how it was cut into segments.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use sip_core::framing::{Cut, Framer};
use sip_core::packet::Stamp;
use sip_core::sigcomp::{Marking, Observer, Read, Transport, unmarked};
use sip_core_fuzz::cuts::Draw;

/// As little as lets state give way.
const STATE: usize = 200_000;

fuzz_target!(|data: &[u8]| {
    let mut observer = Observer::new(STATE);
    let (mut rest, mut number) = (data, 0u64);
    while let Some((&[control, low], behind)) = rest.split_first_chunk::<2>() {
        let length = (usize::from(control & 0x0F) << 8 | usize::from(low)).min(behind.len());
        let (message, next) = behind.split_at(length);
        let transport = if control & 0x40 == 0 { Transport::Datagram } else { Transport::Stream };
        let host = |last| (IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), 5060);
        let ends = if control & 0x80 == 0 { (host(1), host(2)) } else { (host(2), host(1)) };
        // What makes sense is anything, half of the time.
        let any = control & 0x20 == 0;
        let fits = |bytes: &[u8]| any || bytes.starts_with(b"SIP");
        check(&observer.read(ends, message, transport, fits));
        (rest, number) = (next, number + 1);
        if number == 64 {
            break;
        }
    }
    let mut draw = Draw::from(data);
    assert_eq!(records(data, || draw.length()), records(data, || usize::MAX));
});

fn check(read: &Read<'_>) {
    match read {
        Read::Message(bytes) => assert!(bytes.len() <= 65_536),
        Read::Nack(nack) => drop(nack.text()),
        Read::Failed(failure) => drop(failure.text()),
    }
}

fn records(data: &[u8], mut length: impl FnMut() -> usize) -> Vec<Vec<u8>> {
    let (mut framer, mut found, mut at) = (Framer::new(true), Vec::new(), 0usize);
    while at < data.len() {
        let end = at.saturating_add(length()).min(data.len());
        let stamp = Stamp { time: 0, file: 0, frame: end as u64, offset: at as u64 };
        let mut emit = |cut: Cut<'_>| {
            if let Some(message) = unmarked(cut.bytes) {
                found.push(message.into_owned());
            }
        };
        framer.segment(&Marking, (&data[at..end], at as u32, stamp), &mut emit);
        at = end;
    }
    found
}
