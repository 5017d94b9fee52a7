//! Whatever the bytes: what a registration says of IPsec, what an HSS answers, and what keys make of a packet.
//!
//! - A packet that is opened is no longer than it was.
//! - One that is not under these keys stays closed, whatever its length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip_core::diameter::keys;
use sip_core::ipsec::Transform;
use sip_core::sip::security;

/// Encryption and integrity, and the lengths of their keys.
const TRANSFORMS: [(&str, usize, &str, usize); 9] = [
    ("null", 0, "null", 0),
    ("null", 0, "any-96", 0),
    ("aes-cbc", 16, "null", 0),
    ("aes-cbc", 32, "any-128", 0),
    ("des-ede3-cbc", 24, "null", 0),
    ("aes-cbc", 16, "hmac-sha-1-96", 20),
    ("null", 0, "hmac-sha-512-256", 64),
    ("null", 0, "aes-gmac", 20),
    ("aes-gcm", 36, "any-96", 0),
];

fuzz_target!(|data: &[u8]| {
    if let Some(said) = security::read(data) {
        assert!(said.nonce.len() <= data.len());
        let _ = security::challenge(&said.nonce);
    }
    let _ = security::challenge(data);
    keys::vectors(data, |_, _, _| {});
    let mut out = Vec::new();
    for (ealg, cipher, alg, integrity) in TRANSFORMS {
        let transform = Transform::new(ealg, &vec![1; cipher], alg, &vec![2; integrity]).expect("keys of their length");
        if let Some(opened) = transform.open(data, &mut out) {
            assert!(out.len() + opened.before < data.len());
            // Nobody guesses a check.
            assert!(!opened.proven);
        }
    }
});
