//! ESP (RFC 4303): what is not encrypted, for IMS phones on Gm often agree on integrity alone (TS 33.203, RFC 2410), and what
//! there are keys for.
//!
//! Nothing in a packet says whether it is encrypted, nor how long its integrity check value (ICV) is. Both are found as
//! RFC 5879 does: for each length that an algorithm has, the trailer in front of it must be one (padding 1, 2, 3 ..., its
//! length, next header), and what it ends must be a packet: a UDP length that fits to the byte, a TCP or IPv4 checksum.
//! That holds by chance once in 10^9 packets. What was found counts for the security association (destination, SPI), and
//! is held against each of its packets.

use std::net::IpAddr;
use std::sync::Arc;

use super::address::Ip;
use super::aged_map::AgedMap;
use super::cursor::{Cursor, be16, be32};
use super::disposition::{Corrections, Disposition, Reason};
use super::tunnel::entry::{Key, Tunnel};
use crate::ipsec::{Keyring, Transform};
use crate::layer::Layer;
use crate::limits::Limits;
use crate::packet::Stamp;

pub(super) const ESP: Tunnel = Tunnel {
    layer: Layer::new(&"esp"),
    about: "ESP (RFC 4303), also in UDP (RFC 3948): with NULL encryption (RFC 2410) without any option; encrypted with the keys \
            given (--esp-keys), or those of a registration (TS 33.203) that lie in the capture.",
    keys: &[Key::Within("IP protocol 50"), Key::Within("UDP port 4500")],
};

/// UDP-encapsulated ESP, and IKE (RFC 3948 §2).
pub(super) const NAT_PORT: u16 = 4500;

/// Bytes in front of the payload and of the ICV behind it, the usual first: HMAC-MD5-96 and HMAC-SHA-1-96 (RFC 2403,
/// 2404); HMAC-SHA-256-128, -384-192, -512-256 (RFC 4868); no integrity; AES-GMAC (RFC 4543), which has an IV.
const METHODS: [Method; 6] = [
    Method { iv: 0, icv: 12 },
    Method { iv: 0, icv: 16 },
    Method { iv: 0, icv: 24 },
    Method { iv: 0, icv: 32 },
    Method { iv: 0, icv: 0 },
    Method { iv: 8, icv: 16 },
];

/// Where checksums are no help (a NAT changed the addresses, RFC 3948 §3.1.2), so many packets with the same ports.
const LIKELY_ENOUGH: u8 = 3;
/// SPIs that the account of a capture names.
const MAX_NAMED: u32 = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Method {
    iv: usize,
    icv: usize,
}

/// More padding than to the end of a block nobody needs (RFC 4303 §2.4).
const BLOCK: u64 = 16;

/// The bytes of SPI and sequence number.
const HEADER: usize = 8;
/// Those of pad length and next header.
const TRAILER: usize = 2;

/// One direction of a security association.
#[derive(Debug, Default)]
struct Association {
    method: Option<Method>,
    /// Next header of the last packet that was read.
    next: u8,
    /// What packets without proof had in common: the method, the ports; and how many.
    likely: Option<(Method, [u8; 4], u8)>,
    /// Packets that the ledger has as encrypted.
    unread: u64,
    named: bool,
    /// What opens its packets.
    keys: Option<Arc<Transform>>,
    /// The keyring as it was when it was asked last, and packets that none of its keys fitted since.
    asked: (u64, u8),
    /// The first packet that keys of this SPI did not fit.
    refused: Option<Stamp>,
}

/// Packets of an association that keys are tried on: one of them may be damaged.
const TRIED: u8 = 16;

/// What became of an ESP packet.
#[derive(Debug)]
pub(super) enum Opened<'a> {
    /// In clear: the next header, and what it begins.
    Clear(u8, Cursor<'a>),
    /// Decrypted: the next header, how many bytes stand before the payload, and how many of it were not captured.
    Decrypted(u8, usize, u32),
    /// Not to be read; [`Esp::encrypted`] counts it.
    Closed,
    Failed(Disposition),
}

/// The security associations of a capture point.
pub(super) struct Esp {
    table: AgedMap<(IpAddr, u32), Association>,
    named: u32,
    forgot: bool,
}

impl Esp {
    pub fn new(limits: &Limits) -> Self {
        Self { table: AgedMap::new(limits.max_security_associations), named: 0, forgot: false }
    }

    /// Reads a packet if it is in clear, or there are keys for it: then its payload goes to `plain`.
    pub fn open<'a>(
        &mut self,
        ip: &Ip,
        spi: u32,
        (cursor, at): (Cursor<'a>, Stamp),
        (keyring, plain): (Option<&Keyring>, &mut Vec<u8>),
        corrections: &mut Corrections,
    ) -> Opened<'a> {
        let Some(payload) = cursor.skip(HEADER) else { return Opened::Failed(cursor.short(ESP.layer)) };
        let Some(association) = self.association(ip, spi) else { return Opened::Closed };
        if payload.missing > 0 || payload.open {
            if let Some((next, cursor)) = association.method.and_then(|method| cut(method, association.next, payload)) {
                return Opened::Clear(next, cursor);
            }
            return association.cut(cursor, plain).unwrap_or(Opened::Failed(Disposition::new(ESP.layer, Reason::Cut)));
        }
        if let Some((next, body)) = association.method.and_then(|method| trailer(method, payload)) {
            association.next = next;
            return Opened::Clear(next, body);
        }
        if let Some(keys) = &association.keys
            && let Some(opened) = keys.open(cursor.bytes, plain)
        {
            association.next = opened.next;
            return Opened::Decrypted(opened.next, opened.before, 0);
        }
        for method in METHODS {
            let Some((next, body)) = trailer(method, payload) else { continue };
            let proven = match evidence(next, body.bytes, ip) {
                Evidence::None => continue,
                Evidence::Proof => true,
                Evidence::Likely(ports) => association.likely_enough(method, ports),
            };
            if !proven {
                break;
            }
            let before = Disposition::new(ESP.layer, association.reason(spi));
            corrections.add(
                before,
                Disposition::new(ESP.layer, Reason::NotVerified),
                std::mem::take(&mut association.unread),
            );
            (association.method, association.next, association.likely) = (Some(method), next, None);
            return Opened::Clear(next, body);
        }
        if let Some(keyring) = keyring
            && let Some((next, before)) = association.try_keys(ip, spi, (cursor.bytes, at), keyring, plain)
        {
            return Opened::Decrypted(next, before, 0);
        }
        Opened::Closed
    }

    /// Associations with packets that were not read, and whether keys were tried on them in vain.
    pub fn closed(&self) -> impl Iterator<Item = (u32, bool)> {
        let closed = self.table.iter().filter(|(_, association)| association.unread > 0);
        closed.map(|((_, spi), association)| (*spi, association.is_refused()))
    }

    /// Those that have keys which do not fit: receiver, SPI, and the first packet.
    pub fn refused(&self) -> impl Iterator<Item = (IpAddr, u32, Stamp)> {
        let refused = self.table.iter().filter(|(_, association)| association.is_refused());
        refused.filter_map(|(&(dst, spi), association)| Some((dst, spi, association.refused?)))
    }

    /// Counts a packet that could not be read.
    pub fn encrypted(&mut self, ip: &Ip, spi: u32, packets: u64) -> Disposition {
        let Some(association) = self.association(ip, spi) else {
            return Disposition::new(ESP.layer, Reason::Encrypted(None));
        };
        association.unread += packets.min(1);
        Disposition::new(ESP.layer, association.reason(spi))
    }

    /// How many associations there are, if one had to give way since the last call.
    pub fn take_forgotten(&mut self) -> Option<usize> {
        std::mem::take(&mut self.forgot).then(|| self.table.len())
    }

    fn association(&mut self, ip: &Ip, spi: u32) -> Option<&mut Association> {
        let key = (ip.dst, spi);
        let slot = self.table.find(&key).unwrap_or_else(|| {
            let named = self.named < MAX_NAMED;
            self.named += u32::from(named);
            let (slot, evicted) = self.table.insert(key, Association { named, ..Association::default() });
            self.forgot |= evicted.is_some();
            slot
        });
        self.table.get_mut(slot).map(|(_, association)| association)
    }
}

impl Association {
    fn reason(&self, spi: u32) -> Reason {
        Reason::Encrypted(self.named.then_some(spi))
    }

    /// The beginning of a packet that the capture cut, with keys that others have proven.
    fn cut<'a>(&self, packet: Cursor<'_>, plain: &mut Vec<u8>) -> Option<Opened<'a>> {
        let (before, check) = self.keys.as_ref()?.open_cut(packet.bytes, plain)?;
        // What is encrypted, whole: payload, padding and trailer.
        let sealed = packet.wire_len().checked_sub((before + check) as u64)?;
        let missing = u32::try_from(sealed.checked_sub(plain.len() as u64)?).ok()?;
        let cursor = Cursor { bytes: plain, offset: 0, missing, open: packet.open };
        let (next, cursor) = cut(Method { iv: 0, icv: 0 }, self.next, cursor)?;
        let (length, missing) = (cursor.bytes.len(), cursor.missing);
        plain.truncate(length);
        Some(Opened::Decrypted(next, before, missing))
    }

    fn is_refused(&self) -> bool {
        self.refused.is_some() && self.keys.is_none() && self.method.is_none()
    }

    /// Tries the keys that this association may have; those that fit are its own from now on.
    fn try_keys(
        &mut self,
        ip: &Ip,
        spi: u32,
        (packet, at): (&[u8], Stamp),
        keyring: &Keyring,
        plain: &mut Vec<u8>,
    ) -> Option<(u8, usize)> {
        let (version, tries) = &mut self.asked;
        if *version != keyring.version() {
            self.asked = (keyring.version(), 0);
        } else if *tries >= TRIED {
            return None;
        } else {
            *tries += 1;
        }
        for keys in keyring.of(ip.src, ip.dst, spi) {
            let Some(opened) = keys.open(packet, plain) else { continue };
            // Where no check is there to fit, what comes out has to be a packet.
            let fits = opened.proven
                || match evidence(opened.next, plain, ip) {
                    Evidence::None => false,
                    Evidence::Proof => true,
                    Evidence::Likely(ports) => self.likely_enough(Method { iv: opened.before, icv: 0 }, ports),
                };
            if fits {
                self.keys = Some(keys.clone());
                self.next = opened.next;
                return Some((opened.next, opened.before));
            }
        }
        if keyring.has(spi) {
            self.refused.get_or_insert(at);
        }
        None
    }

    fn likely_enough(&mut self, method: Method, ports: [u8; 4]) -> bool {
        let before = match self.likely {
            Some((known, same, count)) if (known, same) == (method, ports) => count,
            _ => 0,
        };
        self.likely = Some((method, ports, before + 1));
        before + 1 >= LIKELY_ENOUGH
    }
}

/// What the trailer in front of an ICV of this length ends: next header and payload.
fn trailer(method: Method, cursor: Cursor<'_>) -> Option<(u8, Cursor<'_>)> {
    let body = cursor.bytes.get(method.iv..cursor.bytes.len().checked_sub(method.icv)?)?;
    let (rest, &[pad, next]) = body.split_last_chunk::<TRAILER>()?;
    // The trailer ends at a multiple of 4 bytes (RFC 4303 §2.4).
    if !cursor.bytes.len().is_multiple_of(4) || !carries(next) {
        return None;
    }
    let (payload, padding) = rest.split_at_checked(rest.len().checked_sub(usize::from(pad))?)?;
    // 1, 2, 3 ... unless the algorithm says otherwise (§2.4); some stacks leave zeros.
    let counted = padding.iter().zip(1u8..).all(|(&byte, count)| byte == count);
    if !counted && padding.iter().any(|&byte| byte != 0) {
        return None;
    }
    Some((next, Cursor { bytes: payload, offset: cursor.offset + method.iv as u64, missing: 0, open: false }))
}

/// Next headers that a phone's packets have: IPv4, TCP, UDP, IPv6, SCTP; with them ICMP and dummy packets (RFC 4303 §2.6).
fn carries(next: u8) -> bool {
    matches!(next, 1 | 4 | 6 | 17 | 41 | 58 | 59 | 132)
}

enum Evidence {
    None,
    /// The ports of what looks like a header.
    Likely([u8; 4]),
    Proof,
}

fn evidence(next: u8, body: &[u8], ip: &Ip) -> Evidence {
    let when = |holds: bool| if holds { Evidence::Proof } else { Evidence::None };
    match (next, body) {
        (17, &[_, _, _, _, high, low, _, _, ..]) => when(usize::from(be16(high, low)) == body.len()),
        (4, &[first, _, high, low, ..]) => {
            let header = body.get(..usize::from(first & 0x0F) * 4).filter(|header| header.len() >= 20);
            let whole = first >> 4 == 4 && usize::from(be16(high, low)) == body.len();
            when(whole && header.is_some_and(|header| sum(0, header) == 0xFFFF))
        }
        (41, &[first, _, _, _, high, low, ..]) => {
            when(first >> 4 == 6 && usize::from(be16(high, low)) + 40 == body.len())
        }
        (6, &[s1, s0, d1, d0, _, _, _, _, _, _, _, _, length, ..]) => {
            // Three bits that are reserved (RFC 9293 §3.1).
            let header = usize::from(length >> 4) * 4;
            if header < 20 || header > body.len() || length & 0x0E != 0 {
                Evidence::None
            } else if sum(pseudo_header(ip, next, body.len()), body) == 0xFFFF {
                Evidence::Proof
            } else {
                Evidence::Likely([s1, s0, d1, d0])
            }
        }
        (132, &[s1, s0, d1, d0, ..]) if body.len() >= 16 => Evidence::Likely([s1, s0, d1, d0]),
        _ => Evidence::None,
    }
}

/// Folds 16-bit words into a one's complement sum (RFC 1071); 0xFFFF over a header with its checksum.
fn sum(start: u32, bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|word| match *word {
        [high, low] => u32::from(be16(high, low)),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    // A packet has at most 2^15 words of 2^16: no overflow before the folding.
    let total: u32 = start + words.sum::<u32>();
    let folded = (total & 0xFFFF) + (total >> 16);
    (folded & 0xFFFF) + (folded >> 16)
}

/// RFC 9293 §3.1, RFC 8200 §8.1.
fn pseudo_header(ip: &Ip, next: u8, length: usize) -> u32 {
    let address = |address: IpAddr| match address {
        IpAddr::V4(address) => sum(0, &address.octets()),
        IpAddr::V6(address) => sum(0, &address.octets()),
    };
    address(ip.src) + address(ip.dst) + u32::from(next) + length as u32
}

/// A packet whose end the capture sliced off, of an association that is known: its trailer is not there to be read. A UDP
/// length that leaves just room for it tells UDP; else it is what the packets before were.
fn cut(method: Method, next: u8, cursor: Cursor<'_>) -> Option<(u8, Cursor<'_>)> {
    let payload = cursor.skip(method.iv)?;
    let room = payload.wire_len().checked_sub((method.icv + TRAILER) as u64)?;
    if let &[_, _, _, _, high, low, _, _, ..] = payload.bytes {
        let length = be16(high, low);
        let padding = room.checked_sub(u64::from(length));
        if length >= 8 && !payload.open && padding.is_some_and(|padding| padding < BLOCK) {
            return Some((17, payload.limit(u32::from(length)).0));
        }
    }
    // Up to three bytes of padding count as bytes that are missing.
    (next != 17).then(|| u32::try_from(room).ok()).flatten().map(|room| (next, payload.limit(room).0))
}

/// The SPI of an ESP packet.
pub(super) fn spi(cursor: Cursor<'_>) -> Option<u32> {
    cursor.header::<4>().map(|(spi, _)| be32(*spi))
}
