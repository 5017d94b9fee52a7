//! The keys of Gm that lie in the capture itself: what UE and P-CSCF agreed on, and what the HSS sent for it.
//!
//! ```text
//! REGISTER on Gm         Security-Client: SPIs of the UE                      by Call-ID
//! 401 on Gm              Security-Server: SPIs of the P-CSCF, nonce           by Call-ID
//! 401 on Mw, or Cx MAA   cipher and integrity key                             by nonce
//! ```
//!
//! Of the algorithms that both sides named one was chosen; which one, the integrity check of a packet tells.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::hash;
use crate::ipsec::{Keyring, Transform};
use crate::sip::security::{self, Mechanism};

/// Registrations that are remembered; then all are forgotten.
const MAX: usize = 65_536;

/// Registrations on their way to keys.
pub struct Agreements {
    pub keyring: Keyring,
    /// What phones offered, by Call-ID.
    offers: HashMap<u64, Vec<Mechanism>>,
    /// What their proxies answered, by challenge: Call-ID and mechanisms.
    answers: HashMap<[u8; 16], (u64, Vec<Mechanism>)>,
    /// Cipher key and integrity key, by challenge.
    keys: HashMap<[u8; 16], ([u8; 16], [u8; 16])>,
    /// SPIs that were agreed on.
    agreed: HashSet<u32>,
}

impl Agreements {
    pub fn new(keyring: Keyring) -> Self {
        Self { keyring, offers: HashMap::new(), answers: HashMap::new(), keys: HashMap::new(), agreed: HashSet::new() }
    }

    /// Reads a message of SIP if it concerns them.
    #[inline]
    pub fn message(&mut self, message: &[u8]) {
        if matches!(message.first(), Some(b'R' | b'S'))
            && let Some(said) = security::read(message)
        {
            self.said(said);
        }
    }

    #[cold]
    fn said(&mut self, said: security::Said) {
        let call_id = hash::bytes(&said.call_id);
        if said.nonce.is_empty() {
            bounded(&mut self.offers).insert(call_id, said.mechanisms);
            return;
        }
        // What is no nonce of AKA is a nonce all the same.
        let challenge = security::challenge(&said.nonce).unwrap_or_else(|| {
            let hash = hash::bytes(&said.nonce).to_be_bytes();
            std::array::from_fn(|place| hash[place % 8])
        });
        if let Some((cipher, integrity)) = said.keys {
            self.vector(challenge, cipher, integrity);
        }
        if !said.mechanisms.is_empty() {
            bounded(&mut self.answers).insert(challenge, (call_id, said.mechanisms));
            self.conclude(challenge);
        }
    }

    /// Keys for a challenge.
    pub fn vector(&mut self, challenge: [u8; 16], cipher: [u8; 16], integrity: [u8; 16]) {
        bounded(&mut self.keys).insert(challenge, (cipher, integrity));
        self.conclude(challenge);
    }

    /// Is one of these SPIs agreed on, and without keys so far?
    pub fn wants(&self, mut spis: impl Iterator<Item = u32>) -> bool {
        spis.any(|spi| self.agreed.contains(&spi) && !self.keyring.has(spi))
    }

    /// Makes keys where offer, answer and vector are known.
    fn conclude(&mut self, challenge: [u8; 16]) {
        let Some((call_id, server)) = self.answers.get(&challenge) else { return };
        let client = self.offers.get(call_id).map(Vec::as_slice).unwrap_or_default();
        let chosen = server.iter().filter_map(|theirs| {
            let ours = client.iter().find(|ours| (&ours.alg, &ours.ealg) == (&theirs.alg, &theirs.ealg));
            // What the phone offered may not be in the capture: then one direction can be read.
            (ours.is_some() || client.is_empty()).then_some((theirs, ours))
        });
        for (theirs, ours) in chosen {
            let spis = theirs.spis.into_iter().chain(ours.into_iter().flat_map(|ours| ours.spis));
            if self.agreed.len() >= MAX {
                self.agreed.clear();
            }
            self.agreed.extend(spis.clone());
            let Some((cipher, integrity)) = self.keys.get(&challenge) else { continue };
            let Some(transform) = transform(theirs, cipher, integrity).map(Arc::new) else { continue };
            for spi in spis {
                self.keyring.find(spi, transform.clone());
            }
        }
    }
}

fn bounded<K, V>(map: &mut HashMap<K, V>) -> &mut HashMap<K, V> {
    if map.len() >= MAX {
        map.clear();
    }
    map
}

/// The keys of ESP from those of AKA (TS 33.203 Annex I).
fn transform(mechanism: &Mechanism, cipher: &[u8; 16], integrity: &[u8; 16]) -> Option<Transform> {
    let (first, _) = cipher.split_at(8);
    let cipher = match mechanism.ealg.as_str() {
        // Two keys make the three: the third is the first.
        "des-ede3-cbc" => [&cipher[..], first].concat(),
        "null" => Vec::new(),
        _ => cipher.to_vec(),
    };
    let integrity = match mechanism.alg.as_str() {
        // 160 bits: zeros fill them.
        "hmac-sha-1-96" => [&integrity[..], &[0; 4]].concat(),
        _ => integrity.to_vec(),
    };
    Transform::new(&mechanism.ealg, &cipher, &mechanism.alg, &integrity)
}
