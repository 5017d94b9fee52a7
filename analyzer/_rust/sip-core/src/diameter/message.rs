//! What one message says, as far as the tables tell it.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::dictionary::{self, Kind, TGPP};
use super::{Avp, Avps, HEADER, Header};

/// Deepest nesting of grouped AVPs that is read; those of 3GPP nest four deep.
const MAX_DEPTH: u8 = 6;
/// Longest list of AVP names told (bytes).
const MAX_NAMES: usize = 2_000;
/// Media components told.
const MAX_MEDIA: usize = 16;

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Some of its bytes were not captured.
    Cut,
    /// The length of an AVP is not that of anything in it.
    AvpLength,
}

impl Flaw {
    pub const fn name(self) -> &'static str {
        match self {
            Flaw::Cut => "cut",
            Flaw::AvpLength => "avp_length",
        }
    }
}

/// A message, read. Of an AVP that occurs several times the first counts.
#[derive(Debug, Default)]
pub struct Message<'a> {
    pub session_id: Option<&'a [u8]>,
    pub origin_host: Option<&'a [u8]>,
    pub origin_realm: Option<&'a [u8]>,
    pub destination_host: Option<&'a [u8]>,
    pub destination_realm: Option<&'a [u8]>,
    pub user_name: Option<&'a [u8]>,
    pub public_identity: Option<&'a [u8]>,
    /// Digits, without a plus.
    pub msisdn: Option<Cow<'a, [u8]>>,
    pub visited_network: Option<&'a [u8]>,
    pub server_name: Option<&'a [u8]>,
    pub result: Option<u32>,
    pub experimental_vendor: Option<u32>,
    pub experimental_result: Option<u32>,
    pub error_message: Option<&'a [u8]>,
    pub framed_ip: Option<Framed>,
    pub called_station: Option<&'a [u8]>,
    pub icid: Option<&'a [u8]>,
    pub authentication_scheme: Option<&'a [u8]>,
    /// The words of its enumerated AVPs: `Server-Assignment-Type=REGISTRATION`.
    pub said: String,
    /// Rx: one for each media component, `1 audio ENABLED 41000/41000 bit/s`.
    pub media: String,
    /// The names of its AVPs, those in a group in braces behind its name.
    pub names: String,
    /// It has keys, or an authentication vector.
    pub secrets: bool,
    pub flaw: Option<Flaw>,
    media_count: usize,
}

/// Framed-IP-Address, or Framed-IPv6-Prefix (RFC 3162 §2.3) with its length in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed {
    V4(Ipv4Addr),
    V6(Ipv6Addr, u8),
}

impl std::fmt::Display for Framed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Framed::V4(address) => write!(f, "{address}"),
            Framed::V6(prefix, bits) => write!(f, "{prefix}/{bits}"),
        }
    }
}

impl<'a> Message<'a> {
    /// Reads the AVPs behind the header; `bytes` may end before the length it claims.
    pub fn read(header: &Header, bytes: &'a [u8]) -> Self {
        let mut message = Message::default();
        let avps = bytes.get(HEADER..bytes.len().min(header.length)).unwrap_or_default();
        message.walk(avps, 0);
        if bytes.len() < header.length {
            message.flaw = Some(Flaw::Cut);
        }
        message
    }

    fn walk(&mut self, bytes: &'a [u8], depth: u8) {
        let mut avps = Avps::new(bytes);
        let mut first = true;
        for avp in &mut avps {
            let known = dictionary::attribute(avp.vendor, avp.code);
            let before = self.names.len();
            self.name(&avp, known.map(|known| known.name), first);
            first = false;
            match known.map(|known| (known.kind, known.name)) {
                Some((Kind::Secret, _)) => self.secrets = true,
                Some((Kind::Grouped, _)) if depth < MAX_DEPTH => {
                    let told = self.names.len() > before;
                    if told {
                        self.names.push('{');
                    }
                    self.walk(avp.data, depth + 1);
                    if told {
                        self.names.push('}');
                    }
                    self.group(&avp);
                }
                Some((Kind::Enumerated(values), name)) => self.say(name, values, avp.data),
                _ => self.take(&avp, depth),
            }
        }
        if avps.broken {
            self.flaw = Some(Flaw::AvpLength);
        }
    }

    fn name(&mut self, avp: &Avp<'_>, known: Option<&str>, first: bool) {
        if self.names.len() > MAX_NAMES {
            return;
        }
        if !first {
            self.names.push(' ');
        }
        // Writing to a String cannot fail.
        let _ = match (known, avp.vendor) {
            (Some(name), _) => self.names.write_str(name),
            (None, 0) => write!(self.names, "{}", avp.code),
            (None, vendor) => write!(self.names, "{vendor}:{}", avp.code),
        };
    }

    fn say(&mut self, name: &str, values: &[(u32, &'static str)], data: &[u8]) {
        let Some(number) = unsigned(data) else { return };
        if self.said.len() > MAX_NAMES {
            return;
        }
        let blank = if self.said.is_empty() { "" } else { " " };
        let _ = match dictionary::value(values, number) {
            Some(word) => write!(self.said, "{blank}{name}={word}"),
            None => write!(self.said, "{blank}{name}={number}"),
        };
    }

    /// An AVP that holds no others. Those inside a group count where no other has the name outside.
    fn take(&mut self, &Avp { code, vendor, data }: &Avp<'a>, depth: u8) {
        let text = |slot: &mut Option<&'a [u8]>| {
            if slot.is_none() && !data.is_empty() {
                *slot = Some(data);
            }
        };
        match (vendor, code) {
            (0, 263) => text(&mut self.session_id),
            (0, 264) if depth == 0 => text(&mut self.origin_host),
            (0, 296) if depth == 0 => text(&mut self.origin_realm),
            (0, 293) if depth == 0 => text(&mut self.destination_host),
            (0, 283) if depth == 0 => text(&mut self.destination_realm),
            (0, 1) => text(&mut self.user_name),
            (0, 30) => text(&mut self.called_station),
            (0, 281) => text(&mut self.error_message),
            (0, 268) if depth == 0 => self.result = self.result.or_else(|| unsigned(data)),
            (0, 298) => self.experimental_result = self.experimental_result.or_else(|| unsigned(data)),
            (0, 8) => {
                let address = data.first_chunk::<4>().filter(|_| data.len() == 4);
                self.framed_ip = self.framed_ip.or(address.map(|&bytes| Framed::V4(Ipv4Addr::from(bytes))));
            }
            (0, 97) => self.framed_ip = self.framed_ip.or_else(|| prefix(data)),
            (TGPP, 505 | 841) => text(&mut self.icid),
            (TGPP, 600) => text(&mut self.visited_network),
            (TGPP, 601) => text(&mut self.public_identity),
            (TGPP, 602) => text(&mut self.server_name),
            (TGPP, 608) => text(&mut self.authentication_scheme),
            (TGPP, 701) if self.msisdn.is_none() => self.msisdn = digits(data).map(Cow::Owned),
            _ => {}
        }
    }

    /// What a group says as a whole; its members were read.
    fn group(&mut self, avp: &Avp<'a>) {
        let member = |vendor: u32, code: u32| {
            Avps::new(avp.data).find(|member| (member.vendor, member.code) == (vendor, code)).map(|member| member.data)
        };
        let number = |vendor: u32, code: u32| member(vendor, code).and_then(unsigned);
        match (avp.vendor, avp.code) {
            (0, 297) => self.experimental_vendor = self.experimental_vendor.or_else(|| number(0, 266)),
            // RFC 8506 §8.47: END_USER_E164, _IMSI, _SIP_URI, _NAI, _PRIVATE.
            (0, 443) => {
                let Some(data) = member(0, 444).filter(|data| !data.is_empty()) else { return };
                match number(0, 450) {
                    Some(0) if self.msisdn.is_none() => self.msisdn = Some(Cow::Borrowed(data)),
                    Some(2) => self.public_identity = self.public_identity.or(Some(data)),
                    Some(1 | 3 | 4) => self.user_name = self.user_name.or(Some(data)),
                    _ => {}
                }
            }
            (TGPP, 517) => {
                self.media_count += 1;
                if self.media_count <= MAX_MEDIA {
                    self.component([518, 520, 511, 516, 515].map(|code| number(TGPP, code)));
                } else if self.media_count == MAX_MEDIA + 1 {
                    self.media.push_str("; ...");
                }
            }
            _ => {}
        }
    }

    /// A media component by its number, media type, flow status and bandwidths, up and down (TS 29.214 §5.3.16).
    fn component(&mut self, [number, media, status, up, down]: [Option<u32>; 5]) {
        let mut words = Vec::new();
        words.extend(number.map(|number| number.to_string()));
        let word = |values, number: u32| dictionary::value(values, number).map_or(number.to_string(), str::to_owned);
        words.extend(media.map(|media| word(dictionary::MEDIA_TYPE, media)));
        words.extend(status.map(|status| word(dictionary::FLOW_STATUS, status)));
        if up.is_some() || down.is_some() {
            let rate = |rate: Option<u32>| rate.map_or("-".to_owned(), |rate| rate.to_string());
            words.push(format!("{}/{} bit/s", rate(up), rate(down)));
        }
        if !self.media.is_empty() {
            self.media.push_str("; ");
        }
        self.media.push_str(&words.join(" "));
    }
}

fn unsigned(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_be_bytes)
}

/// Framed-IPv6-Prefix: a reserved byte, the length in bits, as many bytes of the prefix as it takes.
fn prefix(data: &[u8]) -> Option<Framed> {
    let (&[_, bits], bytes) = data.split_first_chunk::<2>()?;
    let mut address = [0; 16];
    address.get_mut(..bytes.len())?.copy_from_slice(bytes);
    (bits <= 128).then_some(Framed::V6(address.into(), bits))
}

/// MSISDN (TS 29.329 §6.3.2, TS 23.003 §3.3): digits of four bits, the lower half first, filled up with ones.
fn digits(data: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = data.iter().take(16).flat_map(|byte| [byte & 0x0f, byte >> 4]).collect();
    let filled = digits.strip_suffix(&[0x0f]).unwrap_or(&digits);
    let valid = !filled.is_empty() && filled.iter().all(|&digit| digit < 10);
    valid.then(|| filled.iter().map(|digit| b'0' + digit).collect())
}
