//! DNS (RFC 1035) beside SIP: who asked for which name, and what was answered.
//!
//! SRV: RFC 2782; NAPTR: RFC 3403; ENUM: RFC 6116; AAAA: RFC 3596. Names are in the presentation format of RFC 1035 §5.1,
//! so that no byte of a label is taken for a dot.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::framing::{Grammar, Start};

pub const PORT: u16 = 53;
const HEADER: usize = 12;
/// Longest name (RFC 1035 §2.3.4).
const MAX_NAME: usize = 255;
/// Records of one answer that are told.
const MAX_RECORDS: usize = 32;

/// Header flags (RFC 1035 §4.1.1).
const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const TRUNCATED: u16 = 0x0200;

mod kind {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const PTR: u16 = 12;
    pub const MX: u16 = 15;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const NAPTR: u16 = 35;
    pub const DNAME: u16 = 39;
    pub const OPT: u16 = 41;
}

/// The name of a record type, as IANA's registry has it; `TYPE257` where it is none that we know (RFC 3597 §5).
pub fn kind_name(kind: u16) -> String {
    let name = match kind {
        kind::A => "A",
        kind::NS => "NS",
        kind::CNAME => "CNAME",
        kind::SOA => "SOA",
        kind::PTR => "PTR",
        kind::MX => "MX",
        16 => "TXT",
        kind::AAAA => "AAAA",
        kind::SRV => "SRV",
        kind::NAPTR => "NAPTR",
        kind::DNAME => "DNAME",
        kind::OPT => "OPT",
        43 => "DS",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        257 => "CAA",
        _ => return format!("TYPE{kind}"),
    };
    name.to_owned()
}

/// The name of a response code (RFC 1035 §4.1.1, RFC 2136 §2.2).
pub fn rcode_name(rcode: u8) -> String {
    const NAMES: [&str; 11] = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
        "NOTZONE",
    ];
    NAMES.get(usize::from(rcode)).map_or_else(|| format!("RCODE{rcode}"), |&name| name.to_owned())
}

/// DNS in a TCP stream (RFC 1035 §4.2.2): two bytes of length before each message.
#[derive(Debug, Clone, Copy)]
pub struct Stream;

impl Stream {
    /// Bytes in front of a message.
    pub const LENGTH: usize = 2;
}

impl Grammar for Stream {
    fn start(&self, bytes: &[u8], _expected: bool) -> Start {
        let Some((&[l1, l0], message)) = bytes.split_first_chunk::<2>() else { return Start::Open };
        let Some(header) = message.first_chunk::<HEADER>() else { return Start::Open };
        let length = usize::from(u16::from_be_bytes([l1, l0]));
        if length > HEADER && is_question(header) { Start::Message(Self::LENGTH + length) } else { Start::Other }
    }

    fn candidate(&self, bytes: &[u8]) -> Option<usize> {
        (!bytes.is_empty()).then_some(0)
    }
}

/// A standard query, or its answer, with one question.
fn is_question(&[_, _, f1, f0, q1, q0, ..]: &[u8; HEADER]) -> bool {
    u16::from_be_bytes([f1, f0]) & OPCODE == 0 && u16::from_be_bytes([q1, q0]) == 1
}

/// A query, or a response to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: u16,
    pub is_response: bool,
    pub is_truncated: bool,
    pub rcode: u8,
    /// The name asked for, without the dot of the root at its end, and the type.
    pub name: String,
    pub kind: u16,
    /// The records of the answer, each as `SRV 10 20 5060 a.example`.
    pub answers: Vec<String>,
    /// Records that are not told.
    pub more: usize,
    /// Addresses in the answer and in the additional records.
    pub addresses: Vec<String>,
    /// Names in the answer that are to be asked for next: of SRV and CNAME, replacements of NAPTR.
    pub targets: Vec<String>,
    /// A record, or the end of the message, could not be read.
    pub is_broken: bool,
}

impl Message {
    /// Reads a message with one question; `None` where there is none that can be read.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>().filter(|header| is_question(header))?;
        let &[i1, i0, f1, f0, _, _, a1, a0, n1, n0, d1, d0] = header;
        let flags = u16::from_be_bytes([f1, f0]);
        let (name, at) = name(bytes, HEADER)?;
        let (kind, at) = number(bytes, at)?;
        let (_class, at) = number(bytes, at)?;
        let mut message = Self {
            id: u16::from_be_bytes([i1, i0]),
            is_response: flags & RESPONSE != 0,
            is_truncated: flags & TRUNCATED != 0,
            rcode: f0 & 0x0f,
            name,
            kind,
            answers: Vec::new(),
            more: 0,
            addresses: Vec::new(),
            targets: Vec::new(),
            is_broken: false,
        };
        let [answers, authorities, additional] =
            [[a1, a0], [n1, n0], [d1, d0]].map(|count| usize::from(u16::from_be_bytes(count)));
        message.is_broken = message.records(bytes, at, answers, authorities, additional).is_none();
        Some(message)
    }

    /// The records behind the question; `None` at the first that cannot be read.
    fn records(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        answers: usize,
        authorities: usize,
        additional: usize,
    ) -> Option<()> {
        for record in 0..answers + authorities + additional {
            let (kind, data, next) = self::record(bytes, at)?;
            at = next;
            let is_answer = record < answers;
            if !is_answer && record < answers + authorities {
                continue;
            }
            if is_answer && self.answers.len() >= MAX_RECORDS {
                self.more += 1;
                continue;
            }
            let end = next;
            let start = end - data.len();
            let said = words(bytes, start, data, kind).unwrap_or_default();
            if matches!(kind, kind::A | kind::AAAA) && self.addresses.len() < MAX_RECORDS && !said.is_empty() {
                self.addresses.push(said.clone());
            }
            if matches!(kind, kind::CNAME | kind::DNAME | kind::SRV | kind::NAPTR)
                && let Some(target) = said.rsplit(' ').next().filter(|target| !target.is_empty() && *target != ".")
            {
                self.targets.push(target.to_owned());
            }
            if is_answer {
                let blank = if said.is_empty() { "" } else { " " };
                self.answers.push(format!("{}{blank}{said}", kind_name(kind)));
            }
        }
        Some(())
    }
}

fn number(bytes: &[u8], at: usize) -> Option<(u16, usize)> {
    let pair = bytes.get(at..)?.first_chunk::<2>()?;
    Some((u16::from_be_bytes(*pair), at + 2))
}

/// A resource record (RFC 1035 §4.1.3): its type, its data, and where the next one begins.
fn record(bytes: &[u8], at: usize) -> Option<(u16, &[u8], usize)> {
    let at = past_name(bytes, at)?;
    let &[k1, k0, _, _, _, _, _, _, l1, l0] = bytes.get(at..)?.first_chunk::<10>()?;
    let start = at + 10;
    let end = start + usize::from(u16::from_be_bytes([l1, l0]));
    Some((u16::from_be_bytes([k1, k0]), bytes.get(start..end)?, end))
}

/// The data of a record in words; empty for types that we do not read. `None` if they cannot be read.
fn words(bytes: &[u8], at: usize, data: &[u8], kind: u16) -> Option<String> {
    let numbers = |count: usize| -> Option<String> {
        let (pairs, _) = data.get(..2 * count)?.as_chunks::<2>();
        Some(pairs.iter().fold(String::new(), |said, &pair| format!("{said}{} ", u16::from_be_bytes(pair))))
    };
    Some(match kind {
        kind::A => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).to_string(),
        kind::AAAA => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_string(),
        kind::NS | kind::CNAME | kind::PTR | kind::DNAME | kind::SOA => dotted(name(bytes, at)?.0),
        kind::MX => numbers(1)? + &dotted(name(bytes, at + 2)?.0),
        kind::SRV => numbers(3)? + &dotted(name(bytes, at + 6)?.0),
        kind::NAPTR => {
            let mut said = numbers(2)?;
            let mut rest = data.get(4..)?;
            for _ in 0..3 {
                let (&length, behind) = rest.split_first()?;
                let (text, behind) = behind.split_at_checked(usize::from(length))?;
                said.push('"');
                escape(text, b'"', &mut said);
                said.push_str("\" ");
                rest = behind;
            }
            said + &dotted(name(bytes, at + data.len() - rest.len())?.0)
        }
        _ => String::new(),
    })
}

/// The root is a dot alone.
fn dotted(name: String) -> String {
    if name.is_empty() { ".".to_owned() } else { name }
}

/// Where what follows a name begins.
fn past_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return bytes.get(at + 1).map(|_| at + 2),
            length @ ..64 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

/// A name, and where what follows it begins. Each pointer must go back before all that was read of the name (RFC 1035
/// §4.1.4), so that it cannot go round in circles.
fn name(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let mut said = String::new();
    let (mut at, mut earliest, mut length) = (start, start, 0);
    loop {
        match *bytes.get(at)? {
            0 => break,
            high @ 0xc0.. => {
                let low = *bytes.get(at + 1)?;
                let target = usize::from(u16::from_be_bytes([high & 0x3f, low]));
                if target >= earliest {
                    return None;
                }
                (at, earliest) = (target, target);
            }
            label @ ..64 => {
                let label = usize::from(label);
                length += label + 1;
                if length > MAX_NAME {
                    return None;
                }
                if !said.is_empty() {
                    said.push('.');
                }
                escape(bytes.get(at + 1..at + 1 + label)?, b'.', &mut said);
                at += label + 1;
            }
            _ => return None,
        }
    }
    Some((said, past_name(bytes, start)?))
}

/// Bytes as the presentation format has them: `\.` and `\007` (RFC 1035 §5.1), UTF-8 as it is.
fn escape(text: &[u8], special: u8, said: &mut String) {
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' => said.push_str("\\\\"),
                letter if letter == char::from(special) => {
                    said.push('\\');
                    said.push(letter);
                }
                letter if letter.is_control() => byte(letter as u32, said),
                letter => said.push(letter),
            }
        }
        chunk.invalid().iter().for_each(|&invalid| byte(invalid.into(), said));
    }
}

fn byte(value: u32, said: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(said, "\\{value:03}");
}

/// The number that an ENUM domain stands for (RFC 6116 §3.2): its digits in reverse under `e164.arpa`, or another tree
/// whose first label names E.164, such as `e164enum.net` (GSMA IR.67).
pub fn enum_number(name: &str) -> Option<String> {
    let mut digits = Vec::new();
    let mut labels = name.split('.');
    let suffix = loop {
        match labels.next()?.as_bytes() {
            &[digit] if digit.is_ascii_digit() => digits.push(digit),
            label => break label,
        }
    };
    let in_tree = suffix.get(..4).is_some_and(|label| label.eq_ignore_ascii_case(b"e164"));
    let number: String = digits.iter().rev().map(|&digit| char::from(digit)).collect();
    (in_tree && !number.is_empty()).then(|| format!("+{number}"))
}
