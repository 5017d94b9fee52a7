//! Opening one record (RFC 5246 §6.2.3, RFC 8446 §5.2).

use aes::cipher::array::Array;
use aes::cipher::consts::{U8, U12, U16};
use aes::cipher::inout::InOutBuf;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use aes::{Aes128, Aes256};
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ccm::Ccm;
use chacha20poly1305::ChaCha20Poly1305;

use super::digest::{Hash, Prf, expand_label};
use super::suite::{Cipher, Suite};

pub const TLS_1_1: u16 = 0x0302;
pub const TLS_1_3: u16 = 0x0304;

const BLOCK: usize = 16;

enum Aead {
    Gcm128(Box<Aes128Gcm>),
    Gcm256(Box<Aes256Gcm>),
    Ccm128(Ccm<Aes128, U16, U12>),
    Ccm256(Ccm<Aes256, U16, U12>),
    Ccm8With128(Ccm<Aes128, U8, U12>),
    Ccm8With256(Ccm<Aes256, U8, U12>),
    ChaCha(Box<ChaCha20Poly1305>),
}

impl Aead {
    fn new(cipher: Cipher, key: &[u8]) -> Option<Self> {
        Some(match cipher {
            Cipher::Gcm(16) => Aead::Gcm128(Box::new(Aes128Gcm::new_from_slice(key).ok()?)),
            Cipher::Gcm(32) => Aead::Gcm256(Box::new(Aes256Gcm::new_from_slice(key).ok()?)),
            Cipher::Ccm(16, 16) => Aead::Ccm128(Ccm::new_from_slice(key).ok()?),
            Cipher::Ccm(32, 16) => Aead::Ccm256(Ccm::new_from_slice(key).ok()?),
            Cipher::Ccm(16, 8) => Aead::Ccm8With128(Ccm::new_from_slice(key).ok()?),
            Cipher::Ccm(32, 8) => Aead::Ccm8With256(Ccm::new_from_slice(key).ok()?),
            Cipher::ChaCha20Poly1305 => Aead::ChaCha(Box::new(ChaCha20Poly1305::new_from_slice(key).ok()?)),
            _ => return None,
        })
    }

    const fn tag(&self) -> usize {
        match self {
            Aead::Ccm8With128(_) | Aead::Ccm8With256(_) => 8,
            _ => 16,
        }
    }

    /// Content and tag to content; `out` is of no use if this fails.
    fn open(&self, nonce: &[u8; 12], aad: &[u8], sealed: &[u8], out: &mut Vec<u8>) -> bool {
        fn with<A: AeadInOut>(
            aead: &A,
            nonce: &[u8; 12],
            aad: &[u8],
            parts: (&[u8], &[u8]),
            out: &mut Vec<u8>,
        ) -> bool {
            let (content, tag) = parts;
            let (Ok(nonce), Ok(tag)) = (<&Nonce<A>>::try_from(&nonce[..]), <&Tag<A>>::try_from(tag)) else {
                return false;
            };
            out.clear();
            out.resize(content.len(), 0);
            let Ok(buffer) = InOutBuf::new(content, out) else { return false };
            aead.decrypt_inout_detached(nonce, aad, buffer, tag).is_ok()
        }
        let Some(length) = sealed.len().checked_sub(self.tag()) else { return false };
        let parts = sealed.split_at(length);
        match self {
            Aead::Gcm128(aead) => with(aead.as_ref(), nonce, aad, parts, out),
            Aead::Gcm256(aead) => with(aead.as_ref(), nonce, aad, parts, out),
            Aead::Ccm128(aead) => with(aead, nonce, aad, parts, out),
            Aead::Ccm256(aead) => with(aead, nonce, aad, parts, out),
            Aead::Ccm8With128(aead) => with(aead, nonce, aad, parts, out),
            Aead::Ccm8With256(aead) => with(aead, nonce, aad, parts, out),
            Aead::ChaCha(aead) => with(aead.as_ref(), nonce, aad, parts, out),
        }
    }
}

enum Kind {
    /// TLS 1.2 with a part of the nonce in the record (RFC 5288 §3, RFC 6655 §3).
    Explicit(Aead, [u8; 4]),
    /// TLS 1.2, the nonce made of the number of the record (RFC 7905 §2).
    Implicit(Aead, [u8; 12]),
    /// TLS 1.3.
    Inner(Aead, [u8; 12]),
    Cbc {
        key: Vec<u8>,
        mac: (Hash, Vec<u8>),
        /// TLS 1.0: the last block of the record before. Later versions have it in the record.
        chained: Option<[u8; BLOCK]>,
        /// RFC 7366.
        encrypt_then_mac: bool,
    },
    Null(Hash, Vec<u8>),
}

/// Keys of one direction, and how many records were sealed with them.
pub struct Opener {
    kind: Kind,
    pub seq: u64,
    /// A record was opened with them.
    pub proved: bool,
    /// TLS 1.3: what the next keys are made of (RFC 8446 §7.2).
    next: Option<(Suite, Vec<u8>)>,
}

/// Both directions of a version up to 1.2 have their keys from one block.
pub struct KeyBlock<'a> {
    pub suite: Suite,
    pub version: u16,
    pub master: &'a [u8],
    pub client_random: &'a [u8],
    pub server_random: &'a [u8],
    pub encrypt_then_mac: bool,
}

impl KeyBlock<'_> {
    /// The keys of client and server (RFC 5246 §6.3).
    pub fn openers(&self) -> Option<[Opener; 2]> {
        let &Self { suite, version, .. } = self;
        let (mac, key, iv) = match suite.cipher {
            Cipher::Null(hash) => (hash.len(), 0, 0),
            Cipher::Cbc(key, hash) => (hash.len(), key, if version < TLS_1_1 { BLOCK } else { 0 }),
            Cipher::Gcm(key) | Cipher::Ccm(key, _) => (0, key, 4),
            Cipher::ChaCha20Poly1305 => (0, 32, 12),
            Cipher::Unknown => return None,
        };
        let seed = [self.server_random, self.client_random].concat();
        let prf: Prf = suite.prf(version);
        let block = prf.expand(self.master, b"key expansion", &seed, 2 * (mac + key + iv));
        let (macs, rest) = block.split_at_checked(2 * mac)?;
        let (keys, ivs) = rest.split_at_checked(2 * key)?;
        let of = |side: usize| -> Option<Opener> {
            let part = |all: &'_ [u8], length: usize| all.get(side * length..(side + 1) * length).map(<[u8]>::to_vec);
            let (mac, key, iv) = (part(macs, mac)?, part(keys, key)?, part(ivs, iv)?);
            let kind = match suite.cipher {
                Cipher::Null(hash) => Kind::Null(hash, mac),
                Cipher::Cbc(_, hash) => Kind::Cbc {
                    key,
                    mac: (hash, mac),
                    chained: iv.first_chunk().copied(),
                    encrypt_then_mac: self.encrypt_then_mac,
                },
                Cipher::ChaCha20Poly1305 => Kind::Implicit(Aead::new(suite.cipher, &key)?, *iv.first_chunk()?),
                _ => Kind::Explicit(Aead::new(suite.cipher, &key)?, *iv.first_chunk()?),
            };
            Some(Opener { kind, seq: 0, proved: false, next: None })
        };
        Some([of(0)?, of(1)?])
    }
}

/// A record that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Type of the content.
    pub content: u8,
    /// So many bytes of the body stand before the content.
    pub before: usize,
}

impl Opener {
    /// The keys that a traffic secret of TLS 1.3 makes (RFC 8446 §7.3).
    pub fn of_secret(suite: Suite, secret: &[u8]) -> Option<Self> {
        let length = match suite.cipher {
            Cipher::Gcm(key) | Cipher::Ccm(key, _) => key,
            Cipher::ChaCha20Poly1305 => 32,
            _ => return None,
        };
        if secret.len() != suite.hash.len() {
            return None;
        }
        let key = expand_label(suite.hash, secret, "key", length);
        let iv = expand_label(suite.hash, secret, "iv", 12);
        let kind = Kind::Inner(Aead::new(suite.cipher, &key)?, *iv.first_chunk()?);
        Some(Self { kind, seq: 0, proved: false, next: Some((suite, secret.to_vec())) })
    }

    /// The keys after a KeyUpdate.
    pub fn updated(&self) -> Option<Self> {
        let (suite, secret) = self.next.as_ref()?;
        let next = expand_label(suite.hash, secret, "traffic upd", suite.hash.len());
        Self::of_secret(*suite, &next)
    }

    /// Opens a record with the next number; a record that cannot be opened counts, too.
    pub fn open(&mut self, header: [u8; 5], body: &[u8], out: &mut Vec<u8>) -> Option<Opened> {
        let opened = self.open_at(self.seq, header, body, out);
        self.seq += 1;
        if let Kind::Cbc { chained: Some(iv), encrypt_then_mac, mac, .. } = &mut self.kind {
            let sealed = if *encrypt_then_mac { body.len().saturating_sub(mac.0.len()) } else { body.len() };
            if let Some(last) = body.get(..sealed).and_then(|sealed| sealed.last_chunk()) {
                *iv = *last;
            }
        }
        self.proved |= opened.is_some();
        opened
    }

    /// Opens a record as one of this number.
    pub fn open_at(&self, seq: u64, header: [u8; 5], body: &[u8], out: &mut Vec<u8>) -> Option<Opened> {
        let [content, major, minor, ..] = header;
        let seq = seq.to_be_bytes();
        let numbered = |iv: &[u8; 12]| {
            let mut nonce = *iv;
            nonce.iter_mut().skip(4).zip(seq).for_each(|(byte, seq)| *byte ^= seq);
            nonce
        };
        // RFC 5246 §6.2.3.3.
        let aad = |length: usize| {
            let [high, low] = (length as u16).to_be_bytes();
            let [a, b, c, d, e, f, g, h] = seq;
            [a, b, c, d, e, f, g, h, content, major, minor, high, low]
        };
        match &self.kind {
            Kind::Inner(aead, iv) => {
                if !aead.open(&numbered(iv), &header, body, out) {
                    return None;
                }
                // Zeros pad it; before them stands the type (RFC 8446 §5.4).
                let end = out.iter().rposition(|&byte| byte != 0)?;
                let content = *out.get(end)?;
                out.truncate(end);
                Some(Opened { content, before: 0 })
            }
            Kind::Implicit(aead, iv) => {
                let length = body.len().checked_sub(aead.tag())?;
                let opened = aead.open(&numbered(iv), &aad(length), body, out);
                opened.then_some(Opened { content, before: 0 })
            }
            Kind::Explicit(aead, [a, b, c, d]) => {
                let (&[e, f, g, h, i, j, k, l], sealed) = body.split_first_chunk::<8>()?;
                let length = sealed.len().checked_sub(aead.tag())?;
                let nonce = [*a, *b, *c, *d, e, f, g, h, i, j, k, l];
                aead.open(&nonce, &aad(length), sealed, out).then_some(Opened { content, before: 8 })
            }
            Kind::Cbc { key, mac: (hash, secret), chained, encrypt_then_mac } => {
                let sealed = if *encrypt_then_mac {
                    let (sealed, mac) = body.split_at_checked(body.len().checked_sub(hash.len())?)?;
                    if hash.hmac(secret, &[&aad(sealed.len()), sealed]) != mac {
                        return None;
                    }
                    sealed
                } else {
                    body
                };
                let (iv, sealed) = match chained {
                    Some(iv) => (iv, sealed),
                    None => sealed.split_first_chunk::<BLOCK>()?,
                };
                without_padding(key, iv, sealed, out)?;
                if !encrypt_then_mac {
                    let content = out.len().checked_sub(hash.len())?;
                    let (text, mac) = out.split_at_checked(content)?;
                    if hash.hmac(secret, &[&aad(content), text]) != mac {
                        return None;
                    }
                    out.truncate(content);
                }
                Some(Opened { content, before: if chained.is_some() { 0 } else { BLOCK } })
            }
            Kind::Null(hash, secret) => {
                let (text, mac) = body.split_at_checked(body.len().checked_sub(hash.len())?)?;
                if hash.hmac(secret, &[&aad(text.len()), text]) != mac {
                    return None;
                }
                out.clear();
                out.extend_from_slice(text);
                Some(Opened { content, before: 0 })
            }
        }
    }
}

/// Decrypts CBC and takes the padding off (RFC 5246 §6.2.3.2).
fn without_padding(key: &[u8], iv: &[u8; BLOCK], sealed: &[u8], out: &mut Vec<u8>) -> Option<()> {
    fn with<C: BlockModeDecrypt<BlockSize = U16> + KeyIvInit>(key: &[u8], iv: &[u8], out: &mut [u8]) -> Option<()> {
        let mut mode = C::new_from_slices(key, iv).ok()?;
        let (blocks, rest) = Array::slice_as_chunks_mut(out);
        mode.decrypt_blocks(blocks);
        rest.is_empty().then_some(())
    }
    if sealed.is_empty() || !sealed.len().is_multiple_of(BLOCK) {
        return None;
    }
    out.clear();
    out.extend_from_slice(sealed);
    match key.len() {
        16 => with::<cbc::Decryptor<Aes128>>(key, iv, out)?,
        _ => with::<cbc::Decryptor<Aes256>>(key, iv, out)?,
    }
    let padding = *out.last()?;
    let length = out.len().checked_sub(usize::from(padding) + 1)?;
    out.get(length..)?.iter().all(|&byte| byte == padding).then_some(())?;
    out.truncate(length);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().filter_map(|letter| letter.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// RFC 8448 §3: a record of the client under its application traffic secret.
    #[test]
    fn a_record_of_the_trace_of_tls_1_3_is_opened() {
        let secret = hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
        let record =
            hex("1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b\
             62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
        let (header, body) = record.split_first_chunk::<5>().unwrap();
        let mut opener = Opener::of_secret(Suite::of(0x1301), &secret).unwrap();
        let mut out = Vec::new();
        assert_eq!(opener.open(*header, body, &mut out), Some(Opened { content: 23, before: 0 }));
        assert_eq!(out, (0..50).collect::<Vec<u8>>());
        // Its alert, the next record.
        let alert = hex("c9872760655666b74d7ff1153efd6db6d0b0e3");
        assert_eq!(opener.open([0x17, 3, 3, 0, 0x13], &alert, &mut out), Some(Opened { content: 21, before: 0 }));
        assert_eq!(out, [1, 0]);
        assert_eq!(opener.open([0x17, 3, 3, 0, 0x13], &alert, &mut out), None, "the number counts");
    }

    /// RFC 8448 §3: keys of the server's handshake traffic secret.
    #[test]
    fn keys_of_a_traffic_secret_are_those_of_the_trace() {
        let secret = hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        assert_eq!(expand_label(Hash::Sha256, &secret, "key", 16), hex("3fce516009c21727d0f2e4e86ee403bc"));
        assert_eq!(expand_label(Hash::Sha256, &secret, "iv", 12), hex("5d313eb2671276ee13000b30"));
    }

    /// The vector for P_SHA256 that implementers of TLS 1.2 share (IETF TLS list, 2008).
    #[test]
    fn the_prf_of_tls_1_2_is_that_of_others() {
        let (key, seed) = (hex("9bbe436ba940f017b17652849a71db35"), hex("a0ba9f936cda311827a6f796ffd5198c"));
        let made = Prf::Of(Hash::Sha256).expand(&key, b"test label", &seed, 100);
        assert_eq!(made[..32], hex("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"));
        assert_eq!(made.len(), 100);
    }

    /// Any bytes are no record.
    #[test]
    fn what_is_too_short_is_not_opened() {
        let random = [7; 32];
        for number in [0x0002, 0x002F, 0x003D, 0x009C, 0xC0A0, 0xCCA8] {
            for version in [0x0301, 0x0302, 0x0303] {
                let block = KeyBlock {
                    suite: Suite::of(number),
                    version,
                    master: &[1; 48],
                    client_random: &random,
                    server_random: &random,
                    encrypt_then_mac: version == 0x0302,
                };
                let [mut client, mut server] = block.openers().unwrap();
                for length in 0..80u8 {
                    let body = vec![length; length.into()];
                    assert_eq!(client.open([23, 3, 3, 0, length], &body, &mut Vec::new()), None);
                    assert_eq!(server.open([23, 3, 3, 0, length], &body, &mut Vec::new()), None);
                }
            }
        }
    }
}
