//! Whatever the packets of a capture: each has one disposition.
//!
//! - The ledger of dispositions, corrected by what `finish` says, adds up to the packets.
//! - A stream's bytes come in order and once, between its first segment and its end; every stream ends.
//! - Nothing is delivered that was not captured: all payloads together are no longer than all packets.
//! - Diameter and DNS are read out of every payload to an end, and say no more than it holds.
//! - No stamp speaks of a packet to come, and the bytes are in the file where their stamp says.
//!
//! With limits as users have them, and with limits so tight that they are reached. What is compressed (HEP, IPComp) is of any
//! length and lies nowhere: where it is read, the last two are not asked for.
#![no_main]

use std::collections::HashMap;
use std::io::Cursor;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use sip_core::container;
use sip_core::limits::Limits;
use sip_core::net::{Decoder, Disposition, Reason};
use sip_core::problem::Problem;
use sip_core_fuzz::packets;
use sip_core_fuzz::witness::Witness;

fuzz_target!(|data: &[u8]| {
    let tight = Limits {
        max_layers: 8,
        max_fragment_groups: 3,
        max_fragment_bytes: 2_000,
        max_flows: 2,
        max_tcp_buffer_bytes: 600,
        max_tcp_total_bytes: 1_000,
        max_sctp_bytes: 600,
        max_inflated_bytes: 0,
        ..Limits::default()
    };
    decode(data, &Limits { max_inflated_bytes: 0, ..Limits::default() });
    decode(data, &tight);
    decode(data, &Limits { max_inflated_bytes: 3_000, ..Limits::default() });
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    match packets::mutate(&data[..size], max_size, seed, fuzzer_mutate) {
        Some(file) => {
            data[..file.len()].copy_from_slice(&file);
            file.len()
        }
        None => fuzzer_mutate(data, size, max_size),
    }
});

fn decode(data: &[u8], limits: &Limits) {
    let Ok(mut capture) = container::open(Box::new(Cursor::new(data.to_vec())), "fuzz", 0, limits) else { return };
    let mut problems: Vec<Problem> = Vec::new();
    if capture.info().compression.is_some() {
        return;
    }
    let (mut decoder, mut witness) = (Decoder::new(limits), Witness::of(data));
    let exact = limits.max_inflated_bytes == 0;
    witness.fragments = !exact;
    let mut ledger: HashMap<Disposition, u64> = HashMap::new();
    let (mut packets, mut captured) = (0, 0);
    while let Some(packet) = capture.next(&mut problems) {
        packets += 1;
        captured += packet.data.len() as u64;
        witness.frame = packet.frame;
        let disposition = decoder.packet(0, &packet, &mut witness);
        witness.fragments |= disposition.reason == Reason::FragmentHeld;
        *ledger.entry(disposition).or_default() += 1;
        assert!(!exact || witness.delivered <= captured, "bytes delivered that were not captured");
    }
    let corrections = decoder.finish(&mut witness);
    for correction in corrections {
        let from = ledger.get_mut(&correction.from).expect("a correction of a disposition that was given");
        *from = from.checked_sub(correction.packets).expect("no more than were counted");
        *ledger.entry(correction.to).or_default() += correction.packets;
    }
    assert_eq!(ledger.values().sum::<u64>(), packets, "every packet has one disposition");
    assert!(!exact || witness.delivered <= captured, "bytes delivered that were not captured");
    witness.finish();
}
