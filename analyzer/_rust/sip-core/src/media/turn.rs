//! Media on their way through a relay: ChannelData, and Send and Data indications of TURN (RFC 8656 §11, §12.4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::rtp;
use crate::net::Flow;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const CHANNEL_BIND: u16 = 0x0009;
const ALLOCATED: u16 = 0x0103;
const SEND: u16 = 0x0016;
const DATA: u16 = 0x0017;
const CHANNEL_NUMBER: u16 = 0x000C;
const PEER_ADDRESS: u16 = 0x0012;
const DATA_ATTRIBUTE: u16 = 0x0013;
const RELAYED_ADDRESS: u16 = 0x0016;
/// Channels and allocations that are remembered; then all are forgotten.
const MAX_KNOWN: usize = 65_536;

/// An address and port.
pub type Place = (IpAddr, u16);

/// Where a relay takes media from and to, as far as it was seen: what session descriptions announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relayed {
    pub src: Option<Place>,
    pub dst: Option<Place>,
}

/// What is known of relays: the peers of channels, and the addresses that clients were given.
#[derive(Debug, Default)]
pub struct Relays {
    /// By client, server and number of the channel.
    peers: HashMap<(Place, Place, u16), Place>,
    /// By client and server.
    given: HashMap<(Place, Place), Place>,
}

/// Does it begin like a message of STUN (RFC 8489 §5)?
pub fn is_stun(bytes: &[u8]) -> bool {
    matches!(bytes, [0..=0x3F, _, _, _, cookie @ ..] if cookie.starts_with(&COOKIE))
}

/// What another reading goes on with.
pub type State = (Vec<((Place, Place, u16), Place)>, Vec<((Place, Place), Place)>);

impl Relays {
    pub fn state(&self) -> State {
        let peers = self.peers.iter().map(|(&channel, &peer)| (channel, peer)).collect();
        (peers, self.given.iter().map(|(&ends, &given)| (ends, given)).collect())
    }

    pub fn restore(&mut self, (peers, given): State) {
        self.peers = peers.into_iter().collect();
        self.given = given.into_iter().collect();
    }

    /// What the message carries, how much of it is missing, and between whom; learns from messages that set up a relay.
    pub fn open<'a>(&mut self, flow: &Flow, bytes: &'a [u8], missing: u32) -> Option<(&'a [u8], u32, Relayed)> {
        let (source, target) = ((flow.src, flow.src_port), (flow.dst, flow.dst_port));
        if let &[0x40..=0x4F, n0, l1, l0, ref rest @ ..] = bytes {
            let channel = u16::from_be_bytes([bytes.first().copied().unwrap_or_default(), n0]);
            let length = usize::from(u16::from_be_bytes([l1, l0]));
            // Up to three bytes of padding (§12.5).
            let data = rest.get(..length.min(rest.len()))?;
            let cut = (length - data.len()) as u32;
            if cut != missing || rest.len() > length + 3 || !rtp::begins(data) {
                return None;
            }
            let to_server = self.peers.get(&(source, target, channel));
            let relayed = match to_server {
                Some(&peer) => Relayed { src: self.given.get(&(source, target)).copied(), dst: Some(peer) },
                None => Relayed {
                    src: self.peers.get(&(target, source, channel)).copied(),
                    dst: self.given.get(&(target, source)).copied(),
                },
            };
            return Some((data, cut, relayed));
        }
        if !is_stun(bytes) {
            return None;
        }
        let (kind, transaction) = (word(bytes, 0)?, bytes.get(4..20)?);
        let peer = || attribute(bytes, PEER_ADDRESS).and_then(|value| address(value, transaction));
        match kind {
            CHANNEL_BIND => {
                let channel = attribute(bytes, CHANNEL_NUMBER).and_then(|value| word(value, 0))?;
                remember(&mut self.peers, (source, target, channel), peer()?);
                None
            }
            ALLOCATED => {
                let given = address(attribute(bytes, RELAYED_ADDRESS)?, transaction)?;
                remember(&mut self.given, (target, source), given);
                None
            }
            SEND | DATA => {
                let data = attribute(bytes, DATA_ATTRIBUTE).filter(|data| rtp::begins(data))?;
                let (client, server) = if kind == SEND { (source, target) } else { (target, source) };
                let given = self.given.get(&(client, server)).copied();
                let (src, dst) = if kind == SEND { (given, peer()) } else { (peer(), given) };
                Some((data, 0, Relayed { src, dst }))
            }
            _ => None,
        }
    }
}

fn remember<K: std::hash::Hash + Eq>(known: &mut HashMap<K, Place>, key: K, place: Place) {
    if known.len() >= MAX_KNOWN {
        known.clear();
    }
    known.insert(key, place);
}

/// The value of the first attribute of that type (RFC 8489 §14): type, length, value, padded to four bytes.
fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = bytes.get(20..)?;
    loop {
        let (kind, length) = (word(rest, 0)?, usize::from(word(rest, 2)?));
        if kind == wanted {
            return rest.get(4..4 + length);
        }
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
}

/// XOR-MAPPED-ADDRESS and its like (RFC 8489 §14.2); `mask`: magic cookie and transaction.
fn address(value: &[u8], mask: &[u8]) -> Option<Place> {
    let port = word(value, 2)? ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let plain: Vec<u8> = value.get(4..)?.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let ip = match value.get(1)? {
        1 => IpAddr::V4(Ipv4Addr::from(*plain.first_chunk::<4>()?)),
        2 => IpAddr::V6(Ipv6Addr::from(*plain.first_chunk::<16>()?)),
        _ => return None,
    };
    Some((ip, port))
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|word| u16::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Protocol;

    const RTP: [u8; 12] = [0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7];

    fn flow(to_server: bool) -> Flow {
        let (client, server) = ((Ipv4Addr::new(10, 0, 0, 1).into(), 5000), (Ipv4Addr::new(10, 0, 0, 9).into(), 3478));
        let ((src, src_port), (dst, dst_port)) = if to_server { (client, server) } else { (server, client) };
        Flow { protocol: Protocol::Udp, src, dst, src_port, dst_port }
    }

    fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in attributes {
            body.extend(name.to_be_bytes());
            body.extend((value.len() as u16).to_be_bytes());
            body.extend(*value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut bytes = [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), &COOKIE, &[7; 12]].concat();
        bytes.extend(body);
        bytes
    }

    /// RFC 8489 §14.2: the port and the address are those of the wire, exclusive-or the magic cookie.
    fn xored(last: u8, port: u16) -> [u8; 8] {
        let [p1, p0] = (port ^ 0x2112).to_be_bytes();
        [0, 1, p1, p0, 192 ^ 0x21, 0x12, 2 ^ 0xA4, last ^ 0x42]
    }

    fn place(last: u8, port: u16) -> Place {
        (Ipv4Addr::new(192, 0, 2, last).into(), port)
    }

    fn channel(data: &[u8]) -> Vec<u8> {
        [&[0x40, 1, 0, data.len() as u8][..], data].concat()
    }

    #[test]
    fn a_channel_is_between_the_relayed_address_and_its_peer() {
        let mut relays = Relays::default();
        relays.open(&flow(false), &message(ALLOCATED, &[(RELAYED_ADDRESS, &xored(5, 49_152))]), 0);
        let bind = message(CHANNEL_BIND, &[(CHANNEL_NUMBER, &[0x40, 1, 0, 0]), (PEER_ADDRESS, &xored(6, 4_000))]);
        relays.open(&flow(true), &bind, 0);
        let bytes = channel(&RTP);
        let (given, peer) = (Some(place(5, 49_152)), Some(place(6, 4_000)));
        let there = Relayed { src: given, dst: peer };
        assert_eq!(relays.open(&flow(true), &bytes, 0), Some((&RTP[..], 0, there)));
        let back = Relayed { src: peer, dst: given };
        assert_eq!(relays.open(&flow(false), &bytes, 0), Some((&RTP[..], 0, back)));
    }

    #[test]
    fn indications_say_whose_they_are() {
        let mut relays = Relays::default();
        let bytes = message(DATA, &[(PEER_ADDRESS, &xored(6, 4_000)), (DATA_ATTRIBUTE, &RTP)]);
        let relayed = Relayed { src: Some(place(6, 4_000)), dst: None };
        assert_eq!(relays.open(&flow(false), &bytes, 0), Some((&RTP[..], 0, relayed)));
    }

    #[test]
    fn other_bytes_are_no_channel() {
        let mut relays = Relays::default();
        // A length that lies, more than padding behind it, no media in it, text.
        for bytes in [&[0x40, 1, 0, 99, 0x80, 8][..], &channel(&[7; 12]), b"INVITE sip:a@b SIP/2.0", &[0x40]] {
            assert_eq!(relays.open(&flow(true), bytes, 0), None);
        }
        let long = [channel(&RTP), vec![0; 4]].concat();
        assert_eq!(relays.open(&flow(true), &long, 0), None);
        // Attributes that lie.
        for length in 0..60 {
            let bytes = message(DATA, &[(DATA_ATTRIBUTE, &RTP)]);
            relays.open(&flow(true), bytes.get(..length).unwrap_or(&bytes), 0);
        }
    }
}
