//! Captures made by other people, against tshark's list of their SIP messages: the payload that tshark found in a frame
//! comes out of this frame.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sip_core::container;
use sip_core::limits::Limits;
use sip_core::net::Decoder;

use crate::witness::{Witness, name};

/// A SIP message quoted by ICMP is not traffic.
const NOT_HERE: [&str; 1] = [":icmp:"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/captures")
}

fn decode(path: &Path) -> Witness {
    let file = File::open(path).expect("the capture opens");
    let mut problems = Vec::new();
    let mut capture = container::open(Box::new(file), "test", 0, &Limits::default()).expect("a capture");
    let (mut decoder, mut seen) = (Decoder::new(&Limits::default()), Witness::default());
    while let Some(packet) = capture.next(&mut problems) {
        let disposition = decoder.packet(0, &packet, &mut seen);
        *seen.ledger.entry(name(disposition)).or_default() += 1;
    }
    decoder.finish(&mut seen);
    assert_eq!(seen.ledger.values().sum::<u64>(), capture.info().packets, "{}", path.display());
    seen
}

/// Is there a payload with this Call-ID that this frame completed?
fn has(seen: &Witness, tcp: bool, frame: u64, call_id: &[u8]) -> bool {
    let holds = |bytes: &[u8]| memchr::memmem::find(bytes, call_id).is_some();
    if tcp {
        seen.streams.values().any(|stream| stream.frames.contains(&frame) && holds(&stream.bytes))
    } else {
        seen.datagrams.iter().any(|datagram| datagram.last.frame == frame && holds(&datagram.bytes))
    }
}

#[test]
fn every_message_of_tshark_comes_out_of_its_frame() {
    let Ok(entries) = fs::read_dir(folder().join("expected")) else {
        println!("skipped: no ../shared/captures");
        return;
    };
    let (mut checked, mut missing) = (0, Vec::new());
    for entry in entries.flatten() {
        let file_name = entry.file_name().into_string().expect("UTF-8");
        let Some(capture) = file_name.strip_suffix(".tsv") else { continue };
        let seen = decode(&folder().join(capture));
        let rows = fs::read_to_string(entry.path()).expect("a table");
        for row in rows.lines().skip(1) {
            let columns: Vec<&str> = row.split('\t').collect();
            let (frame, protocols, call_id) = (columns[0], columns[20], columns[10]);
            if NOT_HERE.iter().any(|layer| protocols.contains(layer)) {
                continue;
            }
            checked += 1;
            if !has(&seen, protocols.contains(":tcp:"), frame.parse().expect("a number"), call_id.as_bytes()) {
                missing.push(format!("{capture} frame {frame} {protocols} {call_id}"));
            }
        }
    }
    assert!(checked > 6000, "{checked} messages checked");
    assert!(missing.is_empty(), "{} of {checked} missing:\n{}", missing.len(), missing.join("\n"));
}
