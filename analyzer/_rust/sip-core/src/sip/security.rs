//! What a registration says of the security associations of Gm: the mechanisms that UE and P-CSCF offer (RFC 3329, TS 33.203
//! Annex H), and the keys of the challenge where the capture has them (TS 24.229 §5.4.1.2.1: on Mw, from S-CSCF to P-CSCF).

use super::folding::unfold;
use super::name::Name;
use super::text::{split_once, trim, trim_end};

/// Of a mechanism what its associations are known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mechanism {
    pub alg: String,
    pub ealg: String,
    /// SPIs of its sender's client and server port.
    pub spis: [u32; 2],
}

/// What a REGISTER or its 401 says.
#[derive(Default, PartialEq, Eq)]
pub struct Said {
    pub call_id: Vec<u8>,
    /// Security-Client of a request, Security-Server of a response.
    pub mechanisms: Vec<Mechanism>,
    pub nonce: Vec<u8>,
    /// Cipher key and integrity key.
    pub keys: Option<([u8; 16], [u8; 16])>,
}

/// Reads a message that says something of them; `None` for all others, soon.
pub fn read(message: &[u8]) -> Option<Said> {
    let request = message.starts_with(b"REGISTER ");
    let has = |word: &[u8]| memchr::memmem::find(message, word).is_some();
    if !(request || message.starts_with(b"SIP/2.0 401")) || !(has(b"ipsec-3gpp") || (!request && has(b"ck="))) {
        return None;
    }
    let mut said = Said::default();
    let mut unfolded = Vec::new();
    unfold(message, &mut unfolded);
    for line in unfolded.split(|&b| b == b'\n').skip(1) {
        let Some((name, value)) = split_once(line, b':') else { continue };
        let value = trim(value);
        match Name::of(trim_end(name)) {
            Name::CallId => said.call_id = value.to_vec(),
            Name::SecurityClient if request => said.mechanisms.extend(mechanisms(value)),
            Name::SecurityServer if !request => said.mechanisms.extend(mechanisms(value)),
            Name::WwwAuthenticate if !request => {
                said.nonce = parameter(value, b',', b"nonce").unwrap_or_default().to_vec();
                let key = |name| parameter(value, b',', name).and_then(hex);
                said.keys = key(b"ck").zip(key(b"ik"));
            }
            _ => {}
        }
    }
    (!said.mechanisms.is_empty() || said.keys.is_some()).then_some(said)
}

/// The 16 bytes that a nonce of AKA begins with, which are the challenge that the HSS chose (RFC 3310 §3.2).
pub fn challenge(nonce: &[u8]) -> Option<[u8; 16]> {
    let (mut out, mut bits, mut count) = (Vec::with_capacity(16), 0u32, 0);
    for &letter in nonce {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
        if let Ok(found) = <[u8; 16]>::try_from(&out[..]) {
            return Some(found);
        }
    }
    None
}

fn mechanisms(value: &[u8]) -> impl Iterator<Item = Mechanism> {
    value.split(|&b| b == b',').filter_map(|mechanism| {
        let text = |name: &[u8]| {
            let value = parameter(mechanism, b';', name)?;
            Some(String::from_utf8_lossy(value).to_ascii_lowercase())
        };
        let spi = |name: &[u8]| text(name)?.parse::<u32>().ok();
        let name = trim(mechanism.split(|&b| b == b';').next()?);
        if !name.eq_ignore_ascii_case(b"ipsec-3gpp") {
            return None;
        }
        // What is not said is not encrypted (TS 33.203 Annex H).
        let ealg = text(b"ealg").unwrap_or_else(|| "null".to_owned());
        Some(Mechanism { alg: text(b"alg")?, ealg, spis: [spi(b"spi-c")?, spi(b"spi-s")?] })
    })
}

/// The value of a parameter, without its quotes.
fn parameter<'a>(value: &'a [u8], separator: u8, name: &[u8]) -> Option<&'a [u8]> {
    let mut quoted = false;
    let mut parts = value.split(|&b| {
        quoted ^= b == b'"';
        b == separator && !quoted
    });
    parts.find_map(|part| {
        let (before, value) = split_once(part, b'=')?;
        // The first one of a challenge stands behind its scheme.
        let found = trim(before).rsplit(|b| b.is_ascii_whitespace()).next()?;
        let value = trim(value);
        let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        found.eq_ignore_ascii_case(name).then_some(bare)
    })
}

fn hex(text: &[u8]) -> Option<[u8; 16]> {
    let mut out = [0; 16];
    if text.len() != 32 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_and_its_challenges_are_read() {
        let register = b"REGISTER sip:ims.example SIP/2.0\r\nCall-ID: 1@ue\r\n\
            Security-Client: ipsec-3gpp; alg=hmac-md5-96; ealg=aes-cbc; spi-c=1; spi-s=4294967295; port-c=5062; port-s=5063,\r\n \
            ipsec-3gpp;prot=esp;mod=trans;spi-c=1;spi-s=2;alg=HMAC-SHA-1-96, tls\r\n\r\n";
        let said = read(register).unwrap();
        let of = |alg: &str, ealg: &str, spis| Mechanism { alg: alg.to_owned(), ealg: ealg.to_owned(), spis };
        let expected = [of("hmac-md5-96", "aes-cbc", [1, u32::MAX]), of("hmac-sha-1-96", "null", [1, 2])];
        assert_eq!((said.call_id, said.mechanisms), (b"1@ue".to_vec(), expected.to_vec()));

        let challenge = b"SIP/2.0 401 Unauthorized\r\ni: 1@ue\r\nWWW-Authenticate: Digest realm=\"a,b\", \
            nonce=\"n=\", algorithm=AKAv1-MD5, ik=\"000102030405060708090a0b0c0d0e0f\", ck=\"0F0102030405060708090A0B0C0D0E00\"\r\n\r\n";
        let said = read(challenge).unwrap();
        let (ck, ik) = said.keys.unwrap();
        assert_eq!((said.nonce, ck[0], ik[15]), (b"n=".to_vec(), 15, 15));
        assert!(read(b"REGISTER sip:ims.example SIP/2.0\r\nCall-ID: 1@ue\r\n\r\n").is_none());
    }

    /// RFC 4648 §10, and what is no base64.
    #[test]
    fn the_challenge_is_what_a_nonce_begins_with() {
        assert_eq!(super::challenge(b"Zm9vYmFyZm9vYmFyZm9vYmFy"), Some(*b"foobarfoobarfoob"));
        assert_eq!(super::challenge(b"Zm9vYmFy"), None);
        assert_eq!(super::challenge(b"Zm9v*mFyZm9vYmFyZm9vYmFy"), None);
    }
}
