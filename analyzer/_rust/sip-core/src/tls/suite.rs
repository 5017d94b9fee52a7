//! Cipher suites that can be opened (the IANA registry of TLS cipher suites), and the names of some that cannot.

use super::digest::{Hash, Prf};

/// How records are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// No encryption: content and MAC.
    Null(Hash),
    /// Bytes of the key.
    Cbc(usize, Hash),
    Gcm(usize),
    /// Bytes of the key, and of the tag.
    Ccm(usize, usize),
    ChaCha20Poly1305,
    /// None of these.
    Unknown,
}

/// What the bytes of a suite mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    pub number: u16,
    pub cipher: Cipher,
    /// Of the PRF of TLS 1.2, and of HKDF.
    pub hash: Hash,
    /// The premaster secret is encrypted with the key of the server's certificate.
    pub rsa: bool,
}

const fn suite(number: u16, cipher: Cipher, hash: Hash) -> Suite {
    Suite { number, cipher, hash, rsa: false }
}

use Cipher::{Cbc, Ccm, ChaCha20Poly1305, Gcm, Null};
use Hash::{Md5, Sha1, Sha256, Sha384};

/// Number, name without `TLS_`, cipher, hash.
const SUITES: &[(Suite, &str)] = &[
    (suite(0x0001, Null(Md5), Sha256), "RSA_WITH_NULL_MD5"),
    (suite(0x0002, Null(Sha1), Sha256), "RSA_WITH_NULL_SHA"),
    (suite(0x002F, Cbc(16, Sha1), Sha256), "RSA_WITH_AES_128_CBC_SHA"),
    (suite(0x0032, Cbc(16, Sha1), Sha256), "DHE_DSS_WITH_AES_128_CBC_SHA"),
    (suite(0x0033, Cbc(16, Sha1), Sha256), "DHE_RSA_WITH_AES_128_CBC_SHA"),
    (suite(0x0034, Cbc(16, Sha1), Sha256), "DH_anon_WITH_AES_128_CBC_SHA"),
    (suite(0x0035, Cbc(32, Sha1), Sha256), "RSA_WITH_AES_256_CBC_SHA"),
    (suite(0x0038, Cbc(32, Sha1), Sha256), "DHE_DSS_WITH_AES_256_CBC_SHA"),
    (suite(0x0039, Cbc(32, Sha1), Sha256), "DHE_RSA_WITH_AES_256_CBC_SHA"),
    (suite(0x003A, Cbc(32, Sha1), Sha256), "DH_anon_WITH_AES_256_CBC_SHA"),
    (suite(0x003B, Null(Sha256), Sha256), "RSA_WITH_NULL_SHA256"),
    (suite(0x003C, Cbc(16, Sha256), Sha256), "RSA_WITH_AES_128_CBC_SHA256"),
    (suite(0x003D, Cbc(32, Sha256), Sha256), "RSA_WITH_AES_256_CBC_SHA256"),
    (suite(0x0040, Cbc(16, Sha256), Sha256), "DHE_DSS_WITH_AES_128_CBC_SHA256"),
    (suite(0x0067, Cbc(16, Sha256), Sha256), "DHE_RSA_WITH_AES_128_CBC_SHA256"),
    (suite(0x006A, Cbc(32, Sha256), Sha256), "DHE_DSS_WITH_AES_256_CBC_SHA256"),
    (suite(0x006B, Cbc(32, Sha256), Sha256), "DHE_RSA_WITH_AES_256_CBC_SHA256"),
    (suite(0x006C, Cbc(16, Sha256), Sha256), "DH_anon_WITH_AES_128_CBC_SHA256"),
    (suite(0x006D, Cbc(32, Sha256), Sha256), "DH_anon_WITH_AES_256_CBC_SHA256"),
    (suite(0x008C, Cbc(16, Sha1), Sha256), "PSK_WITH_AES_128_CBC_SHA"),
    (suite(0x008D, Cbc(32, Sha1), Sha256), "PSK_WITH_AES_256_CBC_SHA"),
    (suite(0x0090, Cbc(16, Sha1), Sha256), "DHE_PSK_WITH_AES_128_CBC_SHA"),
    (suite(0x0091, Cbc(32, Sha1), Sha256), "DHE_PSK_WITH_AES_256_CBC_SHA"),
    (suite(0x0094, Cbc(16, Sha1), Sha256), "RSA_PSK_WITH_AES_128_CBC_SHA"),
    (suite(0x0095, Cbc(32, Sha1), Sha256), "RSA_PSK_WITH_AES_256_CBC_SHA"),
    (suite(0x009C, Gcm(16), Sha256), "RSA_WITH_AES_128_GCM_SHA256"),
    (suite(0x009D, Gcm(32), Sha384), "RSA_WITH_AES_256_GCM_SHA384"),
    (suite(0x009E, Gcm(16), Sha256), "DHE_RSA_WITH_AES_128_GCM_SHA256"),
    (suite(0x009F, Gcm(32), Sha384), "DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (suite(0x00A2, Gcm(16), Sha256), "DHE_DSS_WITH_AES_128_GCM_SHA256"),
    (suite(0x00A3, Gcm(32), Sha384), "DHE_DSS_WITH_AES_256_GCM_SHA384"),
    (suite(0x00A6, Gcm(16), Sha256), "DH_anon_WITH_AES_128_GCM_SHA256"),
    (suite(0x00A7, Gcm(32), Sha384), "DH_anon_WITH_AES_256_GCM_SHA384"),
    (suite(0x00A8, Gcm(16), Sha256), "PSK_WITH_AES_128_GCM_SHA256"),
    (suite(0x00A9, Gcm(32), Sha384), "PSK_WITH_AES_256_GCM_SHA384"),
    (suite(0x00AA, Gcm(16), Sha256), "DHE_PSK_WITH_AES_128_GCM_SHA256"),
    (suite(0x00AB, Gcm(32), Sha384), "DHE_PSK_WITH_AES_256_GCM_SHA384"),
    (suite(0x00AC, Gcm(16), Sha256), "RSA_PSK_WITH_AES_128_GCM_SHA256"),
    (suite(0x00AD, Gcm(32), Sha384), "RSA_PSK_WITH_AES_256_GCM_SHA384"),
    (suite(0x00AE, Cbc(16, Sha256), Sha256), "PSK_WITH_AES_128_CBC_SHA256"),
    (suite(0x00AF, Cbc(32, Sha384), Sha384), "PSK_WITH_AES_256_CBC_SHA384"),
    (suite(0x00B2, Cbc(16, Sha256), Sha256), "DHE_PSK_WITH_AES_128_CBC_SHA256"),
    (suite(0x00B3, Cbc(32, Sha384), Sha384), "DHE_PSK_WITH_AES_256_CBC_SHA384"),
    (suite(0x00B6, Cbc(16, Sha256), Sha256), "RSA_PSK_WITH_AES_128_CBC_SHA256"),
    (suite(0x00B7, Cbc(32, Sha384), Sha384), "RSA_PSK_WITH_AES_256_CBC_SHA384"),
    (suite(0x1301, Gcm(16), Sha256), "AES_128_GCM_SHA256"),
    (suite(0x1302, Gcm(32), Sha384), "AES_256_GCM_SHA384"),
    (suite(0x1303, ChaCha20Poly1305, Sha256), "CHACHA20_POLY1305_SHA256"),
    (suite(0x1304, Ccm(16, 16), Sha256), "AES_128_CCM_SHA256"),
    (suite(0x1305, Ccm(16, 8), Sha256), "AES_128_CCM_8_SHA256"),
    (suite(0xC006, Null(Sha1), Sha256), "ECDHE_ECDSA_WITH_NULL_SHA"),
    (suite(0xC009, Cbc(16, Sha1), Sha256), "ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (suite(0xC00A, Cbc(32, Sha1), Sha256), "ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (suite(0xC010, Null(Sha1), Sha256), "ECDHE_RSA_WITH_NULL_SHA"),
    (suite(0xC013, Cbc(16, Sha1), Sha256), "ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (suite(0xC014, Cbc(32, Sha1), Sha256), "ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (suite(0xC018, Cbc(16, Sha1), Sha256), "ECDH_anon_WITH_AES_128_CBC_SHA"),
    (suite(0xC019, Cbc(32, Sha1), Sha256), "ECDH_anon_WITH_AES_256_CBC_SHA"),
    (suite(0xC023, Cbc(16, Sha256), Sha256), "ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (suite(0xC024, Cbc(32, Sha384), Sha384), "ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    (suite(0xC027, Cbc(16, Sha256), Sha256), "ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (suite(0xC028, Cbc(32, Sha384), Sha384), "ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (suite(0xC02B, Gcm(16), Sha256), "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (suite(0xC02C, Gcm(32), Sha384), "ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (suite(0xC02F, Gcm(16), Sha256), "ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (suite(0xC030, Gcm(32), Sha384), "ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (suite(0xC035, Cbc(16, Sha1), Sha256), "ECDHE_PSK_WITH_AES_128_CBC_SHA"),
    (suite(0xC036, Cbc(32, Sha1), Sha256), "ECDHE_PSK_WITH_AES_256_CBC_SHA"),
    (suite(0xC037, Cbc(16, Sha256), Sha256), "ECDHE_PSK_WITH_AES_128_CBC_SHA256"),
    (suite(0xC038, Cbc(32, Sha384), Sha384), "ECDHE_PSK_WITH_AES_256_CBC_SHA384"),
    (suite(0xC09C, Ccm(16, 16), Sha256), "RSA_WITH_AES_128_CCM"),
    (suite(0xC09D, Ccm(32, 16), Sha256), "RSA_WITH_AES_256_CCM"),
    (suite(0xC09E, Ccm(16, 16), Sha256), "DHE_RSA_WITH_AES_128_CCM"),
    (suite(0xC09F, Ccm(32, 16), Sha256), "DHE_RSA_WITH_AES_256_CCM"),
    (suite(0xC0A0, Ccm(16, 8), Sha256), "RSA_WITH_AES_128_CCM_8"),
    (suite(0xC0A1, Ccm(32, 8), Sha256), "RSA_WITH_AES_256_CCM_8"),
    (suite(0xC0A2, Ccm(16, 8), Sha256), "DHE_RSA_WITH_AES_128_CCM_8"),
    (suite(0xC0A3, Ccm(32, 8), Sha256), "DHE_RSA_WITH_AES_256_CCM_8"),
    (suite(0xC0A4, Ccm(16, 16), Sha256), "PSK_WITH_AES_128_CCM"),
    (suite(0xC0A5, Ccm(32, 16), Sha256), "PSK_WITH_AES_256_CCM"),
    (suite(0xC0A6, Ccm(16, 16), Sha256), "DHE_PSK_WITH_AES_128_CCM"),
    (suite(0xC0A7, Ccm(32, 16), Sha256), "DHE_PSK_WITH_AES_256_CCM"),
    (suite(0xC0A8, Ccm(16, 8), Sha256), "PSK_WITH_AES_128_CCM_8"),
    (suite(0xC0A9, Ccm(32, 8), Sha256), "PSK_WITH_AES_256_CCM_8"),
    (suite(0xC0AC, Ccm(16, 16), Sha256), "ECDHE_ECDSA_WITH_AES_128_CCM"),
    (suite(0xC0AD, Ccm(32, 16), Sha256), "ECDHE_ECDSA_WITH_AES_256_CCM"),
    (suite(0xC0AE, Ccm(16, 8), Sha256), "ECDHE_ECDSA_WITH_AES_128_CCM_8"),
    (suite(0xC0AF, Ccm(32, 8), Sha256), "ECDHE_ECDSA_WITH_AES_256_CCM_8"),
    (suite(0xCCA8, ChaCha20Poly1305, Sha256), "ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (suite(0xCCA9, ChaCha20Poly1305, Sha256), "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (suite(0xCCAA, ChaCha20Poly1305, Sha256), "DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (suite(0xCCAB, ChaCha20Poly1305, Sha256), "PSK_WITH_CHACHA20_POLY1305_SHA256"),
    (suite(0xCCAC, ChaCha20Poly1305, Sha256), "ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"),
    (suite(0xCCAD, ChaCha20Poly1305, Sha256), "DHE_PSK_WITH_CHACHA20_POLY1305_SHA256"),
    // Those below are named only.
    (suite(0x0004, Cipher::Unknown, Sha256), "RSA_WITH_RC4_128_MD5"),
    (suite(0x0005, Cipher::Unknown, Sha256), "RSA_WITH_RC4_128_SHA"),
    (suite(0x000A, Cipher::Unknown, Sha256), "RSA_WITH_3DES_EDE_CBC_SHA"),
    (suite(0x0016, Cipher::Unknown, Sha256), "DHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (suite(0x0041, Cipher::Unknown, Sha256), "RSA_WITH_CAMELLIA_128_CBC_SHA"),
    (suite(0x0084, Cipher::Unknown, Sha256), "RSA_WITH_CAMELLIA_256_CBC_SHA"),
    (suite(0xC007, Cipher::Unknown, Sha256), "ECDHE_ECDSA_WITH_RC4_128_SHA"),
    (suite(0xC008, Cipher::Unknown, Sha256), "ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"),
    (suite(0xC011, Cipher::Unknown, Sha256), "ECDHE_RSA_WITH_RC4_128_SHA"),
    (suite(0xC012, Cipher::Unknown, Sha256), "ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
];

impl Suite {
    /// That of a number.
    pub fn of(number: u16) -> Self {
        let known = SUITES.iter().find(|(suite, _)| suite.number == number);
        let mut found = known.map_or(suite(number, Cipher::Unknown, Sha256), |(suite, _)| *suite);
        found.rsa = known.is_some_and(|(_, name)| name.starts_with("RSA_WITH"));
        found
    }

    /// As the registry has it; of a number that is not known here its digits.
    pub fn name(number: u16) -> String {
        let known = SUITES.iter().find(|(suite, _)| suite.number == number);
        known.map_or_else(|| format!("0x{number:04X}"), |(_, name)| format!("TLS_{name}"))
    }

    /// The PRF of a version up to 1.2 (RFC 5246 §5: of its own hash since 1.2).
    pub fn prf(self, version: u16) -> Prf {
        if version >= 0x0303 { Prf::Of(self.hash) } else { Prf::Md5Sha1 }
    }
}
