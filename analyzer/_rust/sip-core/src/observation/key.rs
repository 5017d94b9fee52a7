//! What tells one observation of a message from another: the few numbers that copies and transactions are found by.

use std::net::IpAddr;

use crate::hash;
use crate::net::Flow;

/// What the message is, as far as transactions are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    Ack,
    Response(u16),
}

/// The numbers of one message that [`super::classify_copies`] needs.
#[derive(Debug, Clone, Copy)]
pub struct ObservationKey {
    /// Capture time of the packet that completed it (ns), or [`NO_TIME`]; by the clock of the first capture point where the
    /// clocks of the others were corrected.
    pub time: i64,
    /// The same as stamped: a key does not depend on what is known of clocks.
    pub stamp: i64,
    /// Hash of the message's bytes.
    pub content: u64,
    /// Hash of transport, addresses and ports, in the direction of travel.
    pub route: u64,
    /// Hash of what makes a transaction on a hop (an ACK takes that of its INVITE).
    pub transaction: u64,
    /// IPv4 identification, SCTP TSN, TCP sequence number; 0 = the packet has none.
    pub ident: u32,
    pub point: u16,
    pub kind: Kind,
    /// A stream delivers each byte once per capture point: the same bytes again were sent again.
    pub stream: bool,
    pub ipv6: bool,
    /// An agent reported it (HEP): it has no identification, and the agent's own clock.
    pub reported: bool,
}

impl ObservationKey {
    /// The key of the first of the messages that are equal in all that a key is made of.
    pub fn first_key(&self) -> i64 {
        key(self.identity(), 0)
    }

    pub(super) fn identity(&self) -> u64 {
        hash::pair(hash::pair(self.content, self.route), self.stamp as u64)
    }
}

impl ObservationKey {
    /// Bytes of one, and how many they are: [`ObservationKey::taken`] reads them.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::BYTES);
        self.put(&mut out, [false; 3]);
        out
    }

    /// Bytes of [`ObservationKey::to_bytes`].
    pub const BYTES: usize = 49;

    /// What [`ObservationKey::to_bytes`] gave, one after the other; `None` for anything else.
    pub fn all_of(bytes: &[u8]) -> Option<Vec<Self>> {
        let mut at = bytes;
        let mut found = Vec::with_capacity(bytes.len() / Self::BYTES);
        while !at.is_empty() {
            found.push(Self::take(&mut at)?.0);
        }
        Some(found)
    }

    /// Three more bits have room behind its own.
    pub(super) fn put(&self, out: &mut Vec<u8>, more: [bool; 3]) {
        out.extend(self.time.to_le_bytes());
        out.extend(self.stamp.to_le_bytes());
        out.extend(self.content.to_le_bytes());
        out.extend(self.route.to_le_bytes());
        out.extend(self.transaction.to_le_bytes());
        out.extend(self.ident.to_le_bytes());
        out.extend(self.point.to_le_bytes());
        let kind = match self.kind {
            Kind::Request => 0,
            Kind::Ack => 1,
            Kind::Response(status) => status.max(2),
        };
        out.extend(kind.to_le_bytes());
        let flags = [self.stream, self.ipv6, self.reported];
        let bits = flags.iter().chain(&more).enumerate().map(|(bit, &set)| u8::from(set) << bit);
        out.push(bits.fold(0, |all, bit| all | bit));
    }

    /// The next of these, and the bits behind it, its own among them.
    pub(super) fn take(at: &mut &[u8]) -> Option<(Self, u8)> {
        let [time, stamp] = [(); 2].map(|()| taken(at).map(i64::from_le_bytes));
        let [content, route, transaction] = [(); 3].map(|()| taken(at).map(u64::from_le_bytes));
        let ident = u32::from_le_bytes(taken(at)?);
        let point = u16::from_le_bytes(taken(at)?);
        let kind = match u16::from_le_bytes(taken(at)?) {
            0 => Kind::Request,
            1 => Kind::Ack,
            status => Kind::Response(status),
        };
        let [bits] = taken::<1>(at)?;
        let set = |bit: u8| bits >> bit & 1 == 1;
        let row = Self {
            time: time?,
            stamp: stamp?,
            content: content?,
            route: route?,
            transaction: transaction?,
            ident,
            point,
            kind,
            stream: set(0),
            ipv6: set(1),
            reported: set(2),
        };
        Some((row, bits))
    }
}

/// 63 bits of an identity and the ordinal among equals.
pub(super) fn key(identity: u64, ordinal: u64) -> i64 {
    (hash::pair(identity, ordinal) >> 1) as i64
}

/// Hash of transport, addresses and ports, in the direction of travel.
pub fn route(flow: &Flow) -> u64 {
    let address = |ip: IpAddr, port: u16| {
        let hashed = match ip {
            IpAddr::V4(ip) => hash::bytes(&ip.octets()),
            IpAddr::V6(ip) => hash::bytes(&ip.octets()),
        };
        hash::pair(hashed, u64::from(port))
    };
    let ends = hash::pair(address(flow.src, flow.src_port), address(flow.dst, flow.dst_port));
    hash::pair(ends, flow.protocol as u64)
}

/// The next bytes.
pub(super) fn taken<const N: usize>(at: &mut &[u8]) -> Option<[u8; N]> {
    let (&found, rest) = at.split_first_chunk::<N>()?;
    *at = rest;
    Some(found)
}
