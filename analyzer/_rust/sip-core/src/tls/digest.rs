//! The hashes of TLS and what is built on them: HMAC (RFC 2104), PRF (RFC 2246 §5, RFC 5246 §5), HKDF-Expand-Label
//! (RFC 8446 §7.1).

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384};

/// A hash that a cipher suite names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
}

fn keyed<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes a key of any length.
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

impl Hash {
    /// Bytes of its output.
    pub const fn len(self) -> usize {
        match self {
            Hash::Md5 => 16,
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
        }
    }

    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Hash::Md5 => Md5::digest(bytes).to_vec(),
            Hash::Sha1 => Sha1::digest(bytes).to_vec(),
            Hash::Sha256 => Sha256::digest(bytes).to_vec(),
            Hash::Sha384 => Sha384::digest(bytes).to_vec(),
        }
    }

    pub fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Hash::Md5 => keyed::<Hmac<Md5>>(key, parts),
            Hash::Sha1 => keyed::<Hmac<Sha1>>(key, parts),
            Hash::Sha256 => keyed::<Hmac<Sha256>>(key, parts),
            Hash::Sha384 => keyed::<Hmac<Sha384>>(key, parts),
        }
    }

    /// P_hash of RFC 5246 §5.
    fn expanded(self, secret: &[u8], label: &[u8], seed: &[u8], length: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(length + self.len());
        let mut a = self.hmac(secret, &[label, seed]);
        while out.len() < length {
            out.extend(self.hmac(secret, &[&a, label, seed]));
            a = self.hmac(secret, &[&a]);
        }
        out.truncate(length);
        out
    }
}

/// The pseudorandom function of a version up to 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prf {
    /// Of TLS 1.0 and 1.1: MD5 with one half of the secret, SHA-1 with the other (RFC 2246 §5).
    Md5Sha1,
    Of(Hash),
}

impl Prf {
    pub fn expand(self, secret: &[u8], label: &[u8], seed: &[u8], length: usize) -> Vec<u8> {
        match self {
            Prf::Of(hash) => hash.expanded(secret, label, seed, length),
            Prf::Md5Sha1 => {
                let half = secret.len().div_ceil(2);
                let first = secret.get(..half).unwrap_or_default();
                let second = secret.get(secret.len() - half..).unwrap_or_default();
                let sha = Hash::Sha1.expanded(second, label, seed, length);
                Hash::Md5.expanded(first, label, seed, length).iter().zip(sha).map(|(md5, sha)| md5 ^ sha).collect()
            }
        }
    }

    /// The hash of handshake messages that the extended master secret is made of (RFC 7627 §3).
    pub fn session_hash(self, messages: &[u8]) -> Vec<u8> {
        match self {
            Prf::Of(hash) => hash.of(messages),
            Prf::Md5Sha1 => [Hash::Md5.of(messages), Hash::Sha1.of(messages)].concat(),
        }
    }
}

/// HKDF-Expand-Label with an empty context, of no more bytes than the hash has.
pub fn expand_label(hash: Hash, secret: &[u8], label: &str, length: usize) -> Vec<u8> {
    let name = [b"tls13 ", label.as_bytes()].concat();
    let info = [&(length as u16).to_be_bytes()[..], &[name.len() as u8], &name, &[0]].concat();
    let mut out = hash.hmac(secret, &[&info, &[1]]);
    out.truncate(length);
    out
}
