//! Of a certificate (RFC 5280) whom it names and when it is valid.

use super::bytes::Reader;

/// A certificate, as far as people ask for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Common name of the subject, else its organisation.
    pub subject: Option<String>,
    pub issuer: Option<String>,
    /// DNS names, URIs and addresses of the subject (RFC 5280 §4.2.1.6), separated by spaces.
    pub names: Option<String>,
    /// ns since 1970.
    pub valid_from: Option<i64>,
    pub valid_until: Option<i64>,
}

/// No more names are kept (bytes).
const MOST_NAMES: usize = 1_000;
const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANISATION: &[u8] = &[0x55, 4, 10];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 29, 17];

impl Certificate {
    /// `None` for what is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut to_be_signed = Reader(Reader(Reader(der).expect(SEQUENCE)?).expect(SEQUENCE)?);
        let mut ahead = to_be_signed;
        if ahead.element()?.0 == 0xA0 {
            to_be_signed = ahead; // the version
        }
        to_be_signed.expect(0x02)?;
        to_be_signed.expect(SEQUENCE)?;
        let issuer = name(to_be_signed.expect(SEQUENCE)?);
        let mut validity = Reader(to_be_signed.expect(SEQUENCE)?);
        let valid_from = validity.element().and_then(|(tag, text)| time(tag, text));
        let valid_until = validity.element().and_then(|(tag, text)| time(tag, text));
        let subject = name(to_be_signed.expect(SEQUENCE)?);
        let mut names = None;
        while let Some((tag, content)) = to_be_signed.element() {
            if tag == 0xA3 {
                names = Reader(content).expect(SEQUENCE).and_then(alternative_names);
            }
        }
        Some(Self { subject, issuer, names, valid_from, valid_until })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..256).unwrap_or(bytes)).into_owned()
}

/// The common name of a distinguished name, else its organisation.
fn name(content: &[u8]) -> Option<String> {
    let (mut sets, mut organisation) = (Reader(content), None);
    while let Some(set) = sets.expect(0x31) {
        let mut attributes = Reader(set);
        while let Some(attribute) = attributes.expect(SEQUENCE) {
            let mut attribute = Reader(attribute);
            match (attribute.expect(OID)?, attribute.element()?.1) {
                (COMMON_NAME, value) => return Some(text(value)),
                (ORGANISATION, value) => organisation = organisation.or_else(|| Some(text(value))),
                _ => {}
            }
        }
    }
    organisation
}

fn alternative_names(extensions: &[u8]) -> Option<String> {
    let mut extensions = Reader(extensions);
    while let Some(extension) = extensions.expect(SEQUENCE) {
        let mut extension = Reader(extension);
        if extension.expect(OID)? != SUBJECT_ALT_NAME {
            continue;
        }
        let value = match extension.element()? {
            (0x01, _) => extension.expect(0x04)?, // critical
            (_, value) => value,
        };
        let (mut names, mut found) = (Reader(Reader(value).expect(SEQUENCE)?), Vec::new());
        while let Some((tag, value)) = names.element() {
            match (tag, value) {
                (0x82 | 0x86, value) => found.push(text(value)),
                (0x87, &[a, b, c, d]) => found.push(format!("{a}.{b}.{c}.{d}")),
                (0x87, value) => {
                    found.extend(<[u8; 16]>::try_from(value).map(|it| std::net::Ipv6Addr::from(it).to_string()))
                }
                _ => {}
            }
            if found.iter().map(String::len).sum::<usize>() > MOST_NAMES {
                break;
            }
        }
        return (!found.is_empty()).then(|| found.join(" "));
    }
    None
}

/// UTCTime or GeneralizedTime in the forms of RFC 5280 §4.1.2.5, as ns since 1970.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let (year, rest) = match tag {
        0x17 => {
            let (year, rest) = text.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        0x18 => {
            let (year, rest) = text.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let &[m1, m0, d1, d0, h1, h0, n1, n0, s1, s0, b'Z'] = rest else { return None };
    let two = |high: u8, low: u8| number(&[high, low]);
    let (month, day) = (two(m1, m0)?, two(d1, d0)?);
    let (hour, minute, second) = (two(h1, h0)?, two(n1, n0)?, two(s1, s0)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1970 in the Gregorian calendar, of years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    (((days * 24 + hour) * 60 + minute) * 60 + second).checked_mul(1_000_000_000)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(time(0x17, b"700101000000Z"), Some(0));
        assert_eq!(time(0x18, b"20240229120000Z"), Some(1_709_208_000_000_000_000));
        assert_eq!(time(0x17, b"491231235959Z"), Some(2_524_607_999_000_000_000));
        // No date (RFC 5280 §4.1.2.5) fits into ns.
        assert_eq!(time(0x18, b"99991231235959Z"), None);
        assert_eq!(time(0x17, b"701301000000Z"), None);
    }
}
