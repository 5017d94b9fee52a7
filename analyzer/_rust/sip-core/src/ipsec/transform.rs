//! Encryption and integrity of one security association.

use std::fmt;

use aes::cipher::consts::{U12, U16};
use aes::cipher::{Array, Block, BlockModeDecrypt, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::{AeadInOut, Nonce, Tag};
use aes_gcm::{AesGcm, TagSize};
use des::TdesEde3;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

/// SPI and sequence number, which are authenticated and not encrypted (RFC 4303 §2).
const HEADER: usize = 8;
/// Pad length and next header.
const TRAILER: usize = 2;
/// The salt of AES-GCM and AES-GMAC, which follows their key (RFC 4106 §8.1, RFC 4543 §5.4).
const SALT: usize = 4;
const GCM_IV: usize = 8;

/// How the packets of an association are protected. What it holds are keys: it cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Transform {
    cipher: Cipher,
    integrity: Integrity,
}

#[derive(Clone, PartialEq, Eq)]
enum Cipher {
    Null,
    /// RFC 3602.
    AesCbc(Vec<u8>),
    /// RFC 2451.
    TripleDes(Vec<u8>),
    /// RFC 4106: integrity comes with it.
    AesGcm(Vec<u8>, [u8; SALT]),
}

#[derive(Clone, PartialEq, Eq)]
enum Integrity {
    /// None that can be checked: so many bytes stand behind the packet.
    Unchecked(usize),
    Hmac(Hash, Vec<u8>),
    /// RFC 4543.
    AesGmac(Vec<u8>, [u8; SALT]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transform { .. }")
    }
}

/// A packet that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    pub next: u8,
    /// Bytes of the packet before the payload.
    pub before: usize,
    /// The integrity check fits: these are the keys.
    pub proven: bool,
}

impl Transform {
    /// By the names of TS 33.203 Annex H, and those of RFC 4868 and RFC 4106 in the same manner; `None` for an algorithm
    /// that is not known, or a key that is not of it.
    pub fn new(ealg: &str, cipher_key: &[u8], alg: &str, integrity_key: &[u8]) -> Option<Self> {
        let cipher = match (ealg, cipher_key.len()) {
            ("null", _) => Cipher::Null,
            ("aes-cbc", 16 | 24 | 32) => Cipher::AesCbc(cipher_key.to_vec()),
            ("des-ede3-cbc", 24) => Cipher::TripleDes(cipher_key.to_vec()),
            ("aes-gcm", 20 | 28 | 36) => {
                let (key, salt) = cipher_key.split_last_chunk::<SALT>()?;
                Cipher::AesGcm(key.to_vec(), *salt)
            }
            _ => return None,
        };
        let hash = match alg {
            "hmac-md5-96" => Some(Hash::Md5),
            "hmac-sha-1-96" => Some(Hash::Sha1),
            "hmac-sha-256-128" => Some(Hash::Sha256),
            "hmac-sha-384-192" => Some(Hash::Sha384),
            "hmac-sha-512-256" => Some(Hash::Sha512),
            _ => None,
        };
        let integrity = match (alg, hash, integrity_key.len()) {
            (_, Some(hash), 1..) => Integrity::Hmac(hash, integrity_key.to_vec()),
            ("aes-gmac", _, 20 | 28 | 36) => {
                let (key, salt) = integrity_key.split_last_chunk::<SALT>()?;
                Integrity::AesGmac(key.to_vec(), *salt)
            }
            ("null", ..) => Integrity::Unchecked(0),
            // So many bits of a check that nobody can make.
            (unchecked, ..) => Integrity::Unchecked(unchecked.strip_prefix("any-")?.parse::<usize>().ok()? / 8),
        };
        Some(Transform { cipher, integrity })
    }

    /// Opens a packet, from its SPI to its check: its payload goes to `out`. `None` if it is not of these keys.
    pub fn open(&self, packet: &[u8], out: &mut Vec<u8>) -> Option<Opened> {
        let before = HEADER + self.iv();
        let (sealed, check) = packet.split_at_checked(packet.len().checked_sub(self.icv())?)?;
        let body = sealed.get(before..)?;
        let proven = match &self.cipher {
            Cipher::AesGcm(key, salt) => {
                let iv = sealed.get(HEADER..before)?.first_chunk()?;
                if !gcm(key, *salt, iv, sealed.get(..HEADER)?, body, check, out)? {
                    return None;
                }
                true
            }
            _ => {
                let proven = self.integrity.fits(sealed, check)?;
                out.clear();
                out.extend_from_slice(body);
                self.decrypt(sealed.get(HEADER..before)?, out)?;
                proven
            }
        };
        let (rest, &[pad, next]) = out.split_last_chunk::<TRAILER>()?;
        let length = rest.len().checked_sub(usize::from(pad))?;
        // 1, 2, 3 ... (RFC 4303 §2.4); where nothing else tells, this has to.
        let counted = rest.get(length..)?.iter().zip(1u8..).all(|(&byte, count)| byte == count);
        if !proven && !counted {
            return None;
        }
        out.truncate(length);
        Some(Opened { next, before, proven })
    }

    /// What the capture has of a packet whose end it lacks, block by block: bytes before the payload, and of the check.
    /// Nothing proves that it is of these keys.
    pub fn open_cut(&self, packet: &[u8], out: &mut Vec<u8>) -> Option<(usize, usize)> {
        let before = HEADER + self.iv();
        let block = match self.cipher {
            Cipher::Null => 1,
            Cipher::AesCbc(_) => 16,
            Cipher::TripleDes(_) => 8,
            Cipher::AesGcm(..) => return None,
        };
        let body = packet.get(before..)?;
        out.clear();
        out.extend_from_slice(body.get(..body.len() / block * block)?);
        self.decrypt(packet.get(HEADER..before)?, out)?;
        Some((before, self.icv()))
    }

    /// Whole blocks, in place; AES-GCM goes another way.
    fn decrypt(&self, iv: &[u8], bytes: &mut [u8]) -> Option<()> {
        match &self.cipher {
            Cipher::AesCbc(key) => match key.len() {
                16 => decrypt::<cbc::Decryptor<Aes128>>(key, iv, bytes),
                24 => decrypt::<cbc::Decryptor<Aes192>>(key, iv, bytes),
                _ => decrypt::<cbc::Decryptor<Aes256>>(key, iv, bytes),
            },
            Cipher::TripleDes(key) => decrypt::<cbc::Decryptor<TdesEde3>>(key, iv, bytes),
            Cipher::Null | Cipher::AesGcm(..) => Some(()),
        }
    }

    /// Bytes of the initialization vector.
    fn iv(&self) -> usize {
        match (&self.cipher, &self.integrity) {
            (Cipher::AesCbc(_), _) => 16,
            (Cipher::TripleDes(_) | Cipher::AesGcm(..), _) | (Cipher::Null, Integrity::AesGmac(..)) => GCM_IV,
            (Cipher::Null, _) => 0,
        }
    }

    /// Bytes of the integrity check value.
    fn icv(&self) -> usize {
        match (&self.cipher, &self.integrity) {
            (Cipher::AesGcm(..), Integrity::Unchecked(length)) if *length > 0 => *length,
            (Cipher::AesGcm(..), _) => 16,
            (_, Integrity::Unchecked(length)) => *length,
            (_, Integrity::Hmac(hash, _)) => hash.check(),
            (_, Integrity::AesGmac(..)) => 16,
        }
    }
}

impl Hash {
    /// Bytes of it that are sent (RFC 2403, RFC 2404, RFC 4868 §2.1.1).
    const fn check(self) -> usize {
        match self {
            Hash::Md5 | Hash::Sha1 => 12,
            Hash::Sha256 => 16,
            Hash::Sha384 => 24,
            Hash::Sha512 => 32,
        }
    }

    fn fits(self, key: &[u8], parts: [&[u8]; 2], check: &[u8]) -> bool {
        fn with<M: Mac + KeyInit>(key: &[u8], parts: [&[u8]; 2], check: &[u8]) -> bool {
            // HMAC takes a key of any length.
            let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return false };
            for part in parts {
                mac.update(part);
            }
            mac.verify_truncated_left(check).is_ok()
        }
        match self {
            Hash::Md5 => with::<Hmac<Md5>>(key, parts, check),
            Hash::Sha1 => with::<Hmac<Sha1>>(key, parts, check),
            Hash::Sha256 => with::<Hmac<Sha256>>(key, parts, check),
            Hash::Sha384 => with::<Hmac<Sha384>>(key, parts, check),
            Hash::Sha512 => with::<Hmac<Sha512>>(key, parts, check),
        }
    }
}

impl Integrity {
    /// Does the check fit? `None` if it does not, false if that cannot be told.
    fn fits(&self, sealed: &[u8], check: &[u8]) -> Option<bool> {
        let fits = match self {
            Integrity::Unchecked(_) => return Some(false),
            // The upper half of an extended sequence number, which is not sent (RFC 4303 §2.2.1), is 0 for long.
            Integrity::Hmac(hash, key) => {
                hash.fits(key, [sealed, &[]], check) || hash.fits(key, [sealed, &[0; 4]], check)
            }
            Integrity::AesGmac(key, salt) => {
                let iv = sealed.get(HEADER..)?.first_chunk()?;
                gcm(key, *salt, iv, sealed, &[], check, &mut Vec::new())?
            }
        };
        fits.then_some(true)
    }
}

/// Decrypts whole blocks in place.
fn decrypt<C: KeyIvInit + BlockModeDecrypt>(key: &[u8], iv: &[u8], bytes: &mut [u8]) -> Option<()> {
    let mut cipher = C::new_from_slices(key, iv).ok()?;
    let (blocks, rest): (&mut [Block<C>], _) = Array::slice_as_chunks_mut(bytes);
    if !rest.is_empty() || blocks.is_empty() {
        return None;
    }
    cipher.decrypt_blocks(blocks);
    Some(())
}

/// AES-GCM over what is encrypted and what is not.
fn gcm(
    key: &[u8],
    salt: [u8; SALT],
    iv: &[u8; GCM_IV],
    clear: &[u8],
    sealed: &[u8],
    check: &[u8],
    out: &mut Vec<u8>,
) -> Option<bool> {
    fn with<A: AeadInOut + aes_gcm::aead::KeyInit>(
        (key, nonce): (&[u8], &[u8]),
        clear: &[u8],
        check: &[u8],
        out: &mut [u8],
    ) -> Option<bool> {
        let aead = A::new_from_slice(key).ok()?;
        let nonce = <&Nonce<A>>::try_from(nonce).ok()?;
        let tag = <&Tag<A>>::try_from(check).ok()?;
        Some(aead.decrypt_inout_detached(nonce, clear, out.into(), tag).is_ok())
    }
    fn of<T: TagSize>(key: &[u8], nonce: &[u8], clear: &[u8], check: &[u8], out: &mut [u8]) -> Option<bool> {
        match key.len() {
            16 => with::<AesGcm<Aes128, U12, T>>((key, nonce), clear, check, out),
            24 => with::<AesGcm<Aes192, U12, T>>((key, nonce), clear, check, out),
            _ => with::<AesGcm<Aes256, U12, T>>((key, nonce), clear, check, out),
        }
    }
    let nonce = [&salt[..], iv].concat();
    out.clear();
    out.extend_from_slice(sealed);
    match check.len() {
        12 => of::<U12>(key, &nonce, clear, check, out),
        16 => of::<U16>(key, &nonce, clear, check, out),
        _ => None,
    }
}
