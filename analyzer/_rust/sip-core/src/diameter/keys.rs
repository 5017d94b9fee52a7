//! The keys that an HSS sends to an S-CSCF (TS 29.228 §6.3, TS 29.229 §6.3.13): they are those of the phone's IPsec (TS
//! 33.203 §7.1). They are read for the reader alone, and only where packets that they may open have been seen.

use super::dictionary::TGPP;
use super::{Avps, HEADER, Header};

const MULTIMEDIA_AUTH: u32 = 303;
const AUTH_DATA_ITEM: u32 = 612;
const AUTHENTICATE: u32 = 609;
const CONFIDENTIALITY_KEY: u32 = 625;
const INTEGRITY_KEY: u32 = 626;

/// Tells the authentication vectors of a Multimedia-Auth-Answer: challenge (RAND), cipher key, integrity key.
pub fn vectors(message: &[u8], mut tell: impl FnMut([u8; 16], [u8; 16], [u8; 16])) {
    let Some(header) = Header::read(message).filter(|header| header.command == MULTIMEDIA_AUTH && !header.is_request())
    else {
        return;
    };
    let avps = message.get(HEADER..message.len().min(header.length)).unwrap_or_default();
    for item in Avps::new(avps).filter(|avp| (avp.vendor, avp.code) == (TGPP, AUTH_DATA_ITEM)) {
        let of = |code| {
            let found = Avps::new(item.data).find(|avp| (avp.vendor, avp.code) == (TGPP, code))?;
            found.data.first_chunk::<16>().copied()
        };
        if let (Some(challenge), Some(cipher), Some(integrity)) =
            (of(AUTHENTICATE), of(CONFIDENTIALITY_KEY), of(INTEGRITY_KEY))
        {
            tell(challenge, cipher, integrity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn avp(code: u32, data: &[u8]) -> Vec<u8> {
        let length = 12 + data.len() as u32;
        let mut out =
            [&code.to_be_bytes()[..], &(0xC000_0000 | length).to_be_bytes(), &10_415u32.to_be_bytes(), data].concat();
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    #[test]
    fn each_vector_is_told() {
        let item = |n: u8| {
            avp(
                AUTH_DATA_ITEM,
                &[
                    avp(AUTHENTICATE, &[n; 32]),
                    avp(CONFIDENTIALITY_KEY, &[n + 1; 16]),
                    avp(INTEGRITY_KEY, &[n + 2; 16]),
                ]
                .concat(),
            )
        };
        let avps = [item(1), item(5), avp(AUTH_DATA_ITEM, &avp(AUTHENTICATE, &[9; 32]))].concat();
        let length = (HEADER + avps.len()) as u32;
        let head =
            [0x0100_0000 | length, 0x4000_0000 | MULTIMEDIA_AUTH, 16_777_216, 1, 2].map(u32::to_be_bytes).concat();
        let mut found = Vec::new();
        vectors(&[head, avps].concat(), |challenge, cipher, integrity| {
            found.push((challenge[0], cipher[0], integrity[0]))
        });
        assert_eq!(found, [(1, 2, 3), (5, 6, 7)]);
    }
}
