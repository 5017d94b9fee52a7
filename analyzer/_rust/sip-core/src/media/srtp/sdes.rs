//! Keys in session descriptions (RFC 4568): lines `a=crypto` of each m= line, and where it wants its media.

use std::net::IpAddr;

use super::super::turn::Place;
use super::suite::{Master, SUITES};
use crate::hash;

/// Keys of one line; what has more is no key.
const MAX_KEYS: usize = 8;
const MAX_IDENTIFIER: usize = 128;

/// What one message announces.
pub struct Announced {
    /// Of its Call-ID.
    pub call: u64,
    pub keys: Vec<(Place, Master)>,
}

/// The keys that a message of SIP announces, if any.
pub fn announced(message: &[u8]) -> Option<Announced> {
    memchr::memmem::find(message, b"a=crypto:")?;
    let (mut call, mut keys) = (0, Vec::new());
    let (mut session, mut media, mut port): (Option<IpAddr>, Option<IpAddr>, u16) = (None, None, 0);
    let mut lines_of_media: Vec<&str> = Vec::new();
    let mut close = |address: Option<IpAddr>, port: u16, lines: &mut Vec<&str>| {
        if let (Some(address), 1..) = (address, port) {
            keys.extend(lines.iter().flat_map(|line| masters(line)).map(|master| ((address, port), master)));
        }
        lines.clear();
    };
    for line in message.split(|&byte| byte == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let line = line.trim_end_matches('\r');
        match line.split_once(['=', ':']) {
            Some((name, value)) if name.eq_ignore_ascii_case("Call-ID") || name == "i" && line.starts_with("i:") => {
                call = hash::bytes(value.trim().as_bytes());
            }
            Some(("v", _)) => {
                close(media.or(session), port, &mut lines_of_media);
                (session, media, port) = (None, None, 0);
            }
            // c=IN IP4 192.0.2.1, perhaps with /TTL.
            Some(("c", value)) => {
                let found = value.split(' ').nth(2).and_then(|it| it.split('/').next()).and_then(|it| it.parse().ok());
                if port == 0 { session = found } else { media = found }
            }
            // m=audio 4000 RTP/SAVP 0, perhaps with /COUNT.
            Some(("m", value)) => {
                close(media.or(session), port, &mut lines_of_media);
                let stated = value.split(' ').nth(1).and_then(|it| it.split('/').next());
                (media, port) = (None, stated.and_then(|it| it.parse().ok()).unwrap_or(0));
            }
            Some(("a", value)) if port > 0 => lines_of_media.extend(value.strip_prefix("crypto:")),
            _ => {}
        }
    }
    close(media.or(session), port, &mut lines_of_media);
    (!keys.is_empty()).then_some(Announced { call, keys })
}

/// The keys of one line: `TAG SUITE inline:KEY|LIFETIME|MKI:LENGTH;inline:... SESSION-PARAMETERS` (§9.1, §6.1).
fn masters(line: &str) -> Vec<Master> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let Some(suite) = words.next().and_then(|name| SUITES.iter().find(|it| it.name.eq_ignore_ascii_case(name))) else {
        return Vec::new();
    };
    let (Some(keys), mut encrypted) = (words.next(), [true, true]) else { return Vec::new() };
    for parameter in words {
        match parameter {
            "UNENCRYPTED_SRTP" => encrypted[0] = false,
            "UNENCRYPTED_SRTCP" => encrypted[1] = false,
            // Without authentication nothing tells whether a key is right; a derivation rate is not read (§6.3).
            "UNAUTHENTICATED_SRTP" => return Vec::new(),
            _ if parameter.strip_prefix("KDR=").is_some_and(|rate| rate != "0") => return Vec::new(),
            _ => {}
        }
    }
    let of = |text: &str| {
        let mut parts = text.strip_prefix("inline:")?.split('|');
        let whole = base64(parts.next()?)?;
        let (key, salt) = whole.split_at_checked(suite.key).filter(|(_, salt)| salt.len() == suite.salt)?;
        // The lifetime may be missing: the identifier has a colon.
        let identifier = parts.find_map(|part| part.split_once(':')).map(|it| identifier(it.0, it.1));
        let identifier = identifier.unwrap_or_else(|| Some(Vec::new()))?;
        Some(Master { suite, key: key.to_vec(), salt: salt.to_vec(), identifier, encrypted })
    };
    keys.split(';').take(MAX_KEYS).filter_map(of).collect()
}

/// The identifier as it stands in packets: a number in so many bytes.
fn identifier(value: &str, length: &str) -> Option<Vec<u8>> {
    let (value, length): (u128, usize) = (value.parse().ok()?, length.parse().ok()?);
    let bytes = value.to_be_bytes();
    let zeros = length.checked_sub(bytes.len());
    match zeros {
        _ if !(1..=MAX_IDENTIFIER).contains(&length) => None,
        Some(zeros) => Some([vec![0; zeros], bytes.to_vec()].concat()),
        None => bytes.get(bytes.len() - length..).map(<[u8]>::to_vec),
    }
}

/// RFC 4648 §4, with its padding or without.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes().map(|digit| match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    let bytes = digits.chunks(4).flat_map(|part| {
        let word = part.iter().fold(0_u32, |word, digit| word << 6 | u32::from(*digit)) << (6 * (4 - part.len()));
        let [_, bytes @ ..] = word.to_be_bytes();
        bytes.into_iter().take(part.len().saturating_sub(1))
    });
    Some(bytes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(lines: &[&str]) -> Vec<u8> {
        let head = "INVITE sip:b@example.com SIP/2.0\r\ni: 7@example.com\r\nContent-Type: application/sdp\r\n\r\n";
        [head, "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n", &lines.join("\r\n")]
            .concat()
            .into_bytes()
    }

    /// RFC 4568 §9.1 and its example in §6.1: lifetime, then identifier and its length.
    #[test]
    fn a_line_of_the_standard_is_read() {
        let found = announced(&message(&[
            "m=audio 49170 RTP/SAVP 0",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32",
            "m=video 49180 RTP/SAVP 96",
            "c=IN IP6 2001:db8::7",
            "a=crypto:1 AEAD_AES_128_GCM inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJQ== UNENCRYPTED_SRTCP",
        ]))
        .unwrap();
        assert_eq!(found.call, hash::bytes(b"7@example.com"));
        let [(audio, first), (video, second)] = &found.keys[..] else { panic!("two keys") };
        assert_eq!(*audio, ("192.0.2.1".parse().unwrap(), 49_170));
        assert_eq!(*video, ("2001:db8::7".parse().unwrap(), 49_180));
        assert_eq!((&first.key[..], &first.salt[..]), (&b"wDfvg&T+)xG7@fb5"[..], &b"jU,RaA}\\|p0%*#"[..]));
        assert_eq!((first.identifier.len(), first.identifier.last()), (32, Some(&1)));
        assert_eq!((second.suite.name, second.encrypted), ("AEAD_AES_128_GCM", [true, false]));
    }

    /// Two keys in one line, and what has no length, no suite or no authentication.
    #[test]
    fn what_is_no_key_is_left_out() {
        let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
        let found = |line: &str| masters(line).len();
        assert_eq!(found(&format!("1 AES_CM_128_HMAC_SHA1_32 inline:{key}|1:1;inline:{key}|2^31|2:1")), 2);
        assert_eq!(found(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key} KDR=0 FEC_ORDER=FEC_SRTP WSH=60")), 1);
        for line in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{}", &key[4..]),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}*"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}|1:0"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key} UNAUTHENTICATED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key} KDR=4"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{key}"),
            String::from("1 AES_CM_128_HMAC_SHA1_80"),
            String::new(),
        ] {
            assert_eq!(found(&line), 0, "{line}");
        }
        assert!(announced(&message(&["m=audio 0 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"])).is_none());
    }
}
