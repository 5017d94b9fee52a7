//! The suites of SRTP and what a master key makes of a packet (RFC 3711 §4, RFC 6188, RFC 7714).

use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::{AeadInOut, Nonce, Tag};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use hmac::{Hmac, Mac};
use sha1::Sha1;

const BLOCK: usize = 16;
/// The salt of AES in counter mode; that of GCM is shorter and filled up with zeros to derive keys (RFC 7714 §11).
const SALT: usize = 14;
const AUTHENTICATION_KEY: usize = 20;
/// Of reports, whatever that of packets is (RFC 4568 §6.2).
const REPORT_TAG: usize = 10;
const GCM_TAG: usize = 16;
/// The header of a report that stays in clear, and the word behind its content: encrypted or not, and its number (§3.4).
const REPORT_HEADER: usize = 8;
const REPORT_WORD: usize = 4;

/// What a crypto attribute names.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    pub name: &'static str,
    /// Bytes of the master key and of its salt.
    pub key: usize,
    pub salt: usize,
    /// Bytes of the authentication tag of a packet; of GCM it is part of what is encrypted.
    tag: usize,
    gcm: bool,
}

const fn counter(name: &'static str, key: usize, tag: usize) -> Suite {
    Suite { name, key, salt: SALT, tag, gcm: false }
}

const fn gcm(name: &'static str, key: usize) -> Suite {
    Suite { name, key, salt: 12, tag: GCM_TAG, gcm: true }
}

/// RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.2. F8 is not read.
pub const SUITES: [Suite; 8] = [
    counter("AES_CM_128_HMAC_SHA1_80", 16, 10),
    counter("AES_CM_128_HMAC_SHA1_32", 16, 4),
    counter("AES_192_CM_HMAC_SHA1_80", 24, 10),
    counter("AES_192_CM_HMAC_SHA1_32", 24, 4),
    counter("AES_256_CM_HMAC_SHA1_80", 32, 10),
    counter("AES_256_CM_HMAC_SHA1_32", 32, 4),
    gcm("AEAD_AES_128_GCM", 16),
    gcm("AEAD_AES_256_GCM", 32),
];

/// What one end encrypts with, as it announced it.
#[derive(PartialEq, Eq)]
pub struct Master {
    pub suite: &'static Suite,
    pub key: Vec<u8>,
    pub salt: Vec<u8>,
    /// Stands in each packet, where it was announced.
    pub identifier: Vec<u8>,
    /// Packets are encrypted, reports are.
    pub encrypted: [bool; 2],
}

enum Block {
    Of128(Aes128),
    Of192(Aes192),
    Of256(Aes256),
}

impl Block {
    fn new(key: &[u8]) -> Option<Self> {
        Some(match key.len() {
            16 => Self::Of128(Aes128::new_from_slice(key).ok()?),
            24 => Self::Of192(Aes192::new_from_slice(key).ok()?),
            _ => Self::Of256(Aes256::new_from_slice(key).ok()?),
        })
    }

    /// Counter mode over `bytes`; the last two bytes of the counter count blocks (§4.1.1).
    fn apply(&self, mut counter: [u8; BLOCK], bytes: &mut [u8]) {
        for (number, part) in bytes.chunks_mut(BLOCK).enumerate() {
            let [.., high, low] = &mut counter;
            [*high, *low] = (number as u16).to_be_bytes();
            let mut stream = Array::from(counter);
            match self {
                Self::Of128(aes) => aes.encrypt_block(&mut stream),
                Self::Of192(aes) => aes.encrypt_block(&mut stream),
                Self::Of256(aes) => aes.encrypt_block(&mut stream),
            }
            part.iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
        }
    }
}

enum Cipher {
    Counter(Box<Block>),
    Gcm128(Box<Aes128Gcm>),
    Gcm256(Box<Aes256Gcm>),
}

/// The keys of packets, or those of reports.
struct Derived {
    cipher: Cipher,
    authentication: [u8; AUTHENTICATION_KEY],
    salt: [u8; SALT],
}

/// A master key, ready to open packets and reports.
pub struct Session {
    pub suite: &'static Suite,
    identifier: Vec<u8>,
    encrypted: [bool; 2],
    keys: [Derived; 2],
}

impl Session {
    pub fn new(master: &Master) -> Option<Self> {
        let block = Block::new(&master.key)?;
        let mut salt = [0; SALT];
        salt.get_mut(..master.salt.len())?.copy_from_slice(&master.salt);
        // §4.3.1 with a derivation rate of zero: the label stands over the seventh byte.
        let derive = |label: u8, out: &mut [u8]| {
            let mut start = [0; BLOCK];
            start[..SALT].copy_from_slice(&salt);
            start[7] ^= label;
            block.apply(start, out);
        };
        let keys = |first: u8| {
            let (mut key, mut authentication, mut salt) = ([0; 32], [0; AUTHENTICATION_KEY], [0; SALT]);
            let key = key.get_mut(..master.suite.key)?;
            derive(first, key);
            derive(first + 1, &mut authentication);
            derive(first + 2, &mut salt[..master.suite.salt]);
            let cipher = match (master.suite.gcm, master.suite.key) {
                (false, _) => Cipher::Counter(Box::new(Block::new(key)?)),
                (true, 16) => Cipher::Gcm128(Box::new(Aes128Gcm::new_from_slice(key).ok()?)),
                (true, _) => Cipher::Gcm256(Box::new(Aes256Gcm::new_from_slice(key).ok()?)),
            };
            Some(Derived { cipher, authentication, salt })
        };
        let keys = [keys(0)?, keys(3)?];
        Some(Self { suite: master.suite, identifier: master.identifier.clone(), encrypted: master.encrypted, keys })
    }

    /// Header and content of a packet in clear, if it is authentic under this roll-over counter; `header`: its bytes that are
    /// not encrypted. `out` is of no use if it is not.
    pub fn packet(&self, bytes: &[u8], header: usize, rollovers: u32, out: &mut Vec<u8>) -> bool {
        self.packet_in(bytes, header, rollovers, out).is_some()
    }

    fn packet_in(&self, bytes: &[u8], header: usize, rollovers: u32, out: &mut Vec<u8>) -> Option<()> {
        let (source, number) = (bytes.get(8..12)?, bytes.get(2..4)?);
        let [keys, _] = &self.keys;
        let index = [&rollovers.to_be_bytes()[..], number].concat();
        if self.suite.gcm {
            let sealed = self.identified(bytes)?;
            // RFC 7714 §8.1: two zeros, source, index.
            let nonce = nonce(&keys.salt, &[&[0, 0], source, &index].concat());
            let (text, tag) = sealed.split_at_checked(sealed.len().checked_sub(GCM_TAG)?)?;
            let head = text.get(..header)?;
            out.clear();
            out.extend_from_slice(text);
            let cut = if self.encrypted[0] { header } else { text.len() };
            return keys.opened(&nonce, if cut == header { head } else { text }, out.get_mut(cut..)?, tag);
        }
        let (rest, tag) = bytes.split_at_checked(bytes.len().checked_sub(self.suite.tag)?)?;
        let text = self.identified(rest)?;
        keys.is_authentic(&[text, &rollovers.to_be_bytes()], tag)?;
        out.clear();
        out.extend_from_slice(text);
        let content = out.get_mut(header..)?;
        if self.encrypted[0] {
            keys.counter(source, &index, content)?;
        }
        Some(())
    }

    /// A report in clear, if it is authentic.
    pub fn report(&self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        self.report_in(bytes, out).is_some()
    }

    fn report_in(&self, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let source = bytes.get(4..8)?;
        let [_, keys] = &self.keys;
        out.clear();
        if self.suite.gcm {
            let rest = self.identified(bytes)?;
            let (sealed, word) = rest.split_at_checked(rest.len().checked_sub(REPORT_WORD)?)?;
            let number = number(word)?;
            // RFC 7714 §9.1: two zeros, source, two zeros, the number without its first bit.
            let nonce = nonce(&keys.salt, &[&[0, 0], source, &[0, 0], &number].concat());
            let (text, tag) = sealed.split_at_checked(sealed.len().checked_sub(GCM_TAG)?)?;
            let cut = if is_encrypted(word) { REPORT_HEADER } else { text.len() };
            out.extend_from_slice(text);
            let known = [text.get(..cut)?, word].concat();
            return keys.opened(&nonce, &known, out.get_mut(cut..)?, tag);
        }
        let (rest, tag) = bytes.split_at_checked(bytes.len().checked_sub(REPORT_TAG)?)?;
        let whole = self.identified(rest)?;
        keys.is_authentic(&[whole], tag)?;
        let (text, word) = whole.split_at_checked(whole.len().checked_sub(REPORT_WORD)?)?;
        out.extend_from_slice(text);
        if is_encrypted(word) {
            let index = [&[0, 0][..], &number(word)?].concat();
            keys.counter(source, &index, out.get_mut(REPORT_HEADER..)?)?;
        }
        Some(())
    }

    /// What stands before the identifier of the master key, if it is that of this one.
    fn identified<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.strip_suffix(self.identifier.as_slice())
    }
}

impl Derived {
    fn is_authentic(&self, parts: &[&[u8]], tag: &[u8]) -> Option<()> {
        let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&self.authentication).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().starts_with(tag).then_some(())
    }

    /// §4.1.1: the salt, over it source and index, then a counter of blocks.
    fn counter(&self, source: &[u8], index: &[u8], content: &mut [u8]) -> Option<()> {
        let Cipher::Counter(block) = &self.cipher else { return None };
        let mut counter = [0; BLOCK];
        counter[..SALT].copy_from_slice(&self.salt);
        counter.iter_mut().skip(4).zip(source.iter().chain(index)).for_each(|(byte, with)| *byte ^= with);
        block.apply(counter, content);
        Some(())
    }

    fn opened(&self, nonce: &[u8; 12], known: &[u8], content: &mut [u8], tag: &[u8]) -> Option<()> {
        fn with<A: AeadInOut>(aead: &A, nonce: &[u8; 12], known: &[u8], content: &mut [u8], tag: &[u8]) -> Option<()> {
            let nonce = <&Nonce<A>>::try_from(&nonce[..]).ok()?;
            let tag = <&Tag<A>>::try_from(tag).ok()?;
            aead.decrypt_inout_detached(nonce, known, content.into(), tag).ok()
        }
        match &self.cipher {
            Cipher::Gcm128(aead) => with(&**aead, nonce, known, content, tag),
            Cipher::Gcm256(aead) => with(&**aead, nonce, known, content, tag),
            Cipher::Counter(_) => None,
        }
    }
}

fn is_encrypted(word: &[u8]) -> bool {
    word.first().is_some_and(|first| first & 0x80 != 0)
}

fn number(word: &[u8]) -> Option<[u8; 4]> {
    let &[first, second, third, fourth] = word else { return None };
    Some([first & 0x7F, second, third, fourth])
}

fn nonce(salt: &[u8; SALT], over: &[u8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&salt[..12]);
    nonce.iter_mut().zip(over).for_each(|(byte, with)| *byte ^= with);
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().filter_map(|letter| letter.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn master(name: &str, key: &str, salt: &str) -> Master {
        let suite = SUITES.iter().find(|suite| suite.name == name).unwrap();
        Master { suite, key: hex(key), salt: hex(salt), identifier: Vec::new(), encrypted: [true, true] }
    }

    /// RFC 3711 B.2: the keystream of AES in counter mode.
    #[test]
    fn the_keystream_is_that_of_the_standard() {
        let block = Block::new(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        let start: [u8; 16] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        let mut stream = vec![0; 0xFF02 * 16];
        block.apply(start, &mut stream);
        assert_eq!(stream[..32], hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"));
        assert_eq!(stream[0xFEFF * 16..0xFF00 * 16], hex("EC8CDF7398607CB0F2D21675EA9EA1E4"));
        assert_eq!(stream[0xFF01 * 16..], hex("6A2CC3787889374FBEB4C81B17BA6C44"));
    }

    const KEY: &str = "E1F97A0D3E018BE0D64FA32C06DE4139";
    const SALT_OF: &str = "0EC675AD498AFEEBB6960B3AABE6";

    /// RFC 3711 B.3: what is derived of a master key.
    #[test]
    fn session_keys_are_those_of_the_standard() {
        let session = Session::new(&master("AES_CM_128_HMAC_SHA1_80", KEY, SALT_OF)).unwrap();
        let [packets, _] = &session.keys;
        assert_eq!(packets.salt.to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(packets.authentication.to_vec(), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
        // The cipher key C61E7A93744F39EE10734AFE3FF7A087, by what it makes of zeros.
        let known = Block::new(&hex("C61E7A93744F39EE10734AFE3FF7A087")).unwrap();
        let (mut by_known, mut by_derived) = ([0; 16], [0; 16]);
        known.apply([0; 16], &mut by_known);
        let Cipher::Counter(block) = &packets.cipher else { panic!("AES in counter mode") };
        block.apply([0; 16], &mut by_derived);
        assert_eq!(by_known, by_derived);
    }

    /// The packet of libsrtp's own test (test/srtp_driver.c), whole and with the short tag.
    #[test]
    fn a_packet_of_another_implementation_is_opened() {
        let header = hex("800F1234DECAFBADCAFEBABE");
        let sealed = hex("4E55DC4CE79978D88CA4D215949D2402B78D6ACC99EA179B8DBB");
        for (name, tag) in [("AES_CM_128_HMAC_SHA1_80", 10), ("AES_CM_128_HMAC_SHA1_32", 4)] {
            let session = Session::new(&master(name, KEY, SALT_OF)).unwrap();
            let mut packet = [&header[..], &sealed[..16 + tag]].concat();
            let mut out = Vec::new();
            assert!(session.packet(&packet, 12, 0, &mut out));
            assert_eq!(out, [&header[..], &[0xAB; 16]].concat());
            assert!(!session.packet(&packet, 12, 1, &mut out), "the roll-over counter counts");
            packet[3] ^= 1;
            assert!(!session.packet(&packet, 12, 0, &mut out), "and every bit of the header");
        }
    }

    /// RFC 7714 §16.1.1 and §17.1: a packet and a report under AEAD_AES_128_GCM; keys of the session, not of a master.
    #[test]
    fn gcm_is_that_of_the_standard() {
        let key = hex("000102030405060708090A0B0C0D0E0F");
        let derived = || {
            let mut salt = [0; SALT];
            salt[..12].copy_from_slice(&hex("517569642070726F2071756F"));
            let cipher = Cipher::Gcm128(Box::new(Aes128Gcm::new_from_slice(&key).unwrap()));
            Derived { cipher, authentication: [0; AUTHENTICATION_KEY], salt }
        };
        let suite = &SUITES[6];
        let keys = [derived(), derived()];
        let session = Session { suite, identifier: Vec::new(), encrypted: [true, true], keys };
        let packet =
            hex("8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
             899d7f27beb16a9152cf765ee4390cce");
        let mut out = Vec::new();
        assert!(session.packet(&packet, 12, 0, &mut out));
        assert_eq!(out[12..], *b"Gallia est omnis divisa in partes tres");
        let report =
            hex("81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded\
             0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4");
        assert!(session.report(&report, &mut out));
        let plain = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeef\
             deadbeef";
        assert_eq!(out, hex(plain));
    }

    /// Whatever it is given: no key opens it, and nothing panics.
    #[test]
    fn short_packets_are_not_opened() {
        for suite in &SUITES {
            let mut of = Master {
                suite,
                key: vec![1; suite.key],
                salt: vec![2; suite.salt],
                identifier: vec![],
                encrypted: [true, true],
            };
            for identifier in [vec![], vec![0; 4]] {
                of.identifier = identifier;
                let session = Session::new(&of).unwrap();
                for length in 0..64 {
                    let (bytes, mut out) = (vec![0x80; length], Vec::new());
                    assert!(!session.packet(&bytes, 12, 0, &mut out) && !session.report(&bytes, &mut out));
                }
            }
        }
    }
}
