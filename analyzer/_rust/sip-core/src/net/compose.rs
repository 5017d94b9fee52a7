//! Packets made for messages whose own must not be shown: IP and transport alone, with nothing in them but the message.
//!
//! Segments and fragments follow one another as the reader takes them: no segment is lost, nothing is sent twice. What
//! no layer of ours carries, a message from TLS or one without addresses, becomes an exported PDU of Wireshark.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use super::flow::{Flow, Protocol};
use super::sink::Failure;

/// LINKTYPE_RAW: an IPv4 or IPv6 packet.
const RAW: u16 = 101;
/// LINKTYPE_WIRESHARK_UPPER_PDU.
const EXPORTED_PDU: u16 = 252;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// Bytes that an IP packet holds beside its headers, rounded down.
const MOST: usize = 60_000;

/// No host sends more for one connection.
const MOST_SYNS: u32 = 64;

/// The example of RFC 6455 §1.3, whose key has the right answer beside it.
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: server.invalid\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n";
const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
/// A client masks what it sends (RFC 6455 §5.3); the key of the example in §5.7.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A message, and how it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Of its first packet and of that which completed it.
    pub times: (Option<i64>, Option<i64>),
    /// An address that is not known is unspecified.
    pub flow: Flow,
    /// IPv4 identification: the same in two sightings of one packet, and in no other packet.
    pub ident: u16,
    pub bytes: &'a [u8],
    /// The capture lacks its end. How much of it, nobody knows; a byte is enough to say so.
    pub cut: bool,
}

/// A packet that was made.
#[derive(Debug)]
pub struct Made {
    pub time: Option<i64>,
    pub link: u16,
    pub data: Vec<u8>,
    /// Bytes of it that were not captured.
    pub missing: u32,
}

/// Makes the packets of one capture point, in order of time.
#[derive(Debug, Default)]
pub struct Composer {
    /// The number of the next byte (TCP) or chunk (SCTP) in a direction.
    next: HashMap<Flow, u32>,
    /// WebSocket connections, by the direction from client to server.
    upgraded: HashSet<Flow>,
}

fn back(flow: Flow) -> Flow {
    Flow { src: flow.dst, dst: flow.src, src_port: flow.dst_port, dst_port: flow.src_port, ..flow }
}

impl Composer {
    /// The packets of a message.
    pub fn message(&mut self, sent: &Sent<'_>) -> Vec<Made> {
        let flow = sent.flow;
        let known =
            !flow.src.is_unspecified() && !flow.dst.is_unspecified() && flow.src.is_ipv4() == flow.dst.is_ipv4();
        match flow.protocol {
            Protocol::Udp if known && sent.bytes.len() <= MOST => datagram(sent),
            Protocol::Tcp if known => {
                let all = self.segments(sent.times, flow, sent.bytes);
                if sent.cut {
                    // A hole, behind which the next message begins.
                    self.next.entry(flow).and_modify(|next| *next = next.wrapping_add(1));
                }
                all
            }
            Protocol::WebSocket if known => self.frame(sent),
            Protocol::Sctp if known => self.chunks(sent),
            _ => vec![exported_pdu(sent)],
        }
    }

    /// The packets that say what became of others. Of a connection that failed, `flow` is the direction it was to have.
    pub fn failure(&mut self, time: Option<i64>, flow: Flow, failure: Failure) -> Vec<Made> {
        let made = |data: Vec<u8>| Made { time, link: RAW, data, missing: 0 };
        match failure {
            Failure::IcmpUnreachable(kind, code) => vec![made(unreachable(flow, kind, code))],
            Failure::TcpReset => vec![made(self.segment(flow, RST | ACK, &[]))],
            Failure::TcpRefused => {
                vec![made(self.segment(flow, SYN, &[])), made(self.segment(back(flow), RST | ACK, &[]))]
            }
            Failure::TcpUnanswered { syns, lasted } => {
                let syn = self.segment(flow, SYN, &[]);
                let last = i64::from(syns.clamp(2, MOST_SYNS)) - 1;
                let sent = |number: i64| Some(time? + lasted / last * number);
                (0..=last).map(|number| Made { time: sent(number), link: RAW, data: syn.clone(), missing: 0 }).collect()
            }
            // Level fatal (RFC 8446 §6).
            Failure::TlsAlert(number) => self.segments((time, time), flow, &[21, 3, 3, 0, 2, 2, number]),
            Failure::SctpAbort => vec![made(association(flow, &[6, 0, 0, 4]))],
        }
    }

    fn segments(&mut self, (first, last): (Option<i64>, Option<i64>), flow: Flow, bytes: &[u8]) -> Vec<Made> {
        let flow = Flow { protocol: Protocol::Tcp, ..flow };
        let made = |time: Option<i64>, data: Vec<u8>| Made { time, link: RAW, data, missing: 0 };
        let (head, tail) = if first == last { bytes.split_at(0) } else { bytes.split_at(bytes.len() / 2) };
        let mut all: Vec<Made> =
            head.chunks(MOST).map(|piece| made(first, self.segment(flow, PSH | ACK, piece))).collect();
        all.extend(tail.chunks(MOST).map(|piece| made(last, self.segment(flow, PSH | ACK, piece))));
        all
    }

    fn segment(&mut self, flow: Flow, flags: u8, bytes: &[u8]) -> Vec<u8> {
        let number = *self.next.entry(flow).or_insert(1);
        let acknowledged = if flags & ACK == 0 { 0 } else { *self.next.entry(back(flow)).or_insert(1) };
        let taken = bytes.len() as u32 + u32::from(flags & SYN != 0);
        self.next.insert(flow, number.wrapping_add(taken));
        let mut segment = ports(flow);
        segment.extend_from_slice(&number.to_be_bytes());
        segment.extend_from_slice(&acknowledged.to_be_bytes());
        segment.extend_from_slice(&[0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        segment.extend_from_slice(bytes);
        let sum = checksum(flow, TCP, &segment);
        put(&mut segment, 16, sum);
        // Segments need no identification: a stream has numbers of its own.
        packet(flow, TCP, number as u16, None, &segment, 0)
    }

    /// A message of WebSocket (RFC 6455), behind the handshake of its connection where that was not made yet.
    fn frame(&mut self, sent: &Sent<'_>) -> Vec<Made> {
        let flow = Flow { protocol: Protocol::Tcp, ..sent.flow };
        let mut all = Vec::new();
        if !self.upgraded.contains(&flow) && !self.upgraded.contains(&back(flow)) {
            // Who speaks first is the client, unless the ports say otherwise: servers have the lower ones.
            let client = if flow.src_port < flow.dst_port { back(flow) } else { flow };
            let time = sent.times.0;
            all.extend(self.segments((time, time), client, UPGRADE));
            all.extend(self.segments((time, time), back(client), UPGRADED));
            self.upgraded.insert(client);
        }
        let masks = self.upgraded.contains(&flow);
        let mask_bit = if masks { 0x80 } else { 0 };
        let mut frame = vec![0x81];
        match sent.bytes.len() {
            length @ ..126 => frame.push(mask_bit | length as u8),
            length @ 126..=0xFFFF => {
                frame.push(mask_bit | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frame.push(mask_bit | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        if masks {
            frame.extend_from_slice(&MASK);
            frame.extend(sent.bytes.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        } else {
            frame.extend_from_slice(sent.bytes);
        }
        all.extend(self.segments(sent.times, flow, &frame));
        all
    }

    /// DATA chunks, each in a packet of its own (RFC 9260 §3.3.1), unordered, with no protocol identifier.
    fn chunks(&mut self, sent: &Sent<'_>) -> Vec<Made> {
        let (first, last) = sent.times;
        let (head, tail) = sent.bytes.split_at(if first == last { 0 } else { sent.bytes.len() / 2 });
        let pieces = head.chunks(MOST).map(|piece| (first, piece)).chain(tail.chunks(MOST).map(|piece| (last, piece)));
        let pieces: Vec<_> = pieces.collect();
        let count = pieces.len();
        let number = self.next.entry(sent.flow).or_insert(1);
        let made = |(place, (time, piece)): (usize, (Option<i64>, &[u8]))| {
            let mut flags = 4;
            flags |= if place == 0 { 2 } else { 0 };
            flags |= if place + 1 == count { 1 } else { 0 };
            let mut chunk = vec![0, flags];
            chunk.extend_from_slice(&(piece.len() as u16 + 16).to_be_bytes());
            chunk.extend_from_slice(&number.to_be_bytes());
            chunk.extend_from_slice(&[0; 8]);
            chunk.extend_from_slice(piece);
            chunk.resize(chunk.len().next_multiple_of(4), 0);
            *number = number.wrapping_add(1);
            Made { time, link: RAW, data: association(sent.flow, &chunk), missing: 0 }
        };
        pieces.into_iter().enumerate().map(made).collect()
    }
}

fn ports(flow: Flow) -> Vec<u8> {
    [flow.src_port.to_be_bytes(), flow.dst_port.to_be_bytes()].concat()
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
}

/// A datagram; in two fragments where it came in several packets.
fn datagram(sent: &Sent<'_>) -> Vec<Made> {
    let flow = sent.flow;
    let missing = u16::from(sent.cut);
    let mut datagram = ports(flow);
    datagram.extend_from_slice(&(sent.bytes.len() as u16 + 8 + missing).to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(sent.bytes);
    // Zero means that there is none (RFC 768).
    let sum = match checksum(flow, UDP, &datagram) {
        0 => 0xFFFF,
        sum => sum,
    };
    put(&mut datagram, 6, sum);
    let (first, last) = sent.times;
    if first == last || sent.cut || datagram.len() < 16 {
        let data = packet(flow, UDP, sent.ident, None, &datagram, missing);
        return vec![Made { time: last, link: RAW, data, missing: missing.into() }];
    }
    let made = |time: Option<i64>, fragment: (u16, bool), part: &[u8]| Made {
        time,
        link: RAW,
        data: packet(flow, UDP, sent.ident, Some(fragment), part, 0),
        missing: 0,
    };
    let cut = (datagram.len() / 2).next_multiple_of(8).min(datagram.len() - 1) / 8 * 8;
    let (head, tail) = datagram.split_at(cut);
    vec![made(first, (0, true), head), made(last, (cut as u16, false), tail)]
}

/// An IP packet; of a fragment the offset (bytes), and whether more follow. So many bytes of it are `missing` at the end.
fn packet(
    flow: Flow,
    protocol: u8,
    ident: u16,
    fragment: Option<(u16, bool)>,
    payload: &[u8],
    missing: u16,
) -> Vec<u8> {
    let mut packet = Vec::with_capacity(payload.len() + 48);
    let length = payload.len() as u16 + missing;
    let (offset, more) = fragment.unwrap_or_default();
    match (flow.src, flow.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            packet.extend_from_slice(&[0x45, 0]);
            packet.extend_from_slice(&(length + 20).to_be_bytes());
            packet.extend_from_slice(&ident.to_be_bytes());
            packet.extend_from_slice(&((u16::from(more) << 13) | (offset / 8)).to_be_bytes());
            packet.extend_from_slice(&[64, protocol, 0, 0]);
            packet.extend_from_slice(&src.octets());
            packet.extend_from_slice(&dst.octets());
            let sum = fold(sum(0, &packet));
            put(&mut packet, 10, sum);
        }
        (src, dst) => {
            let header = if fragment.is_some() { 8 } else { 0 };
            packet.extend_from_slice(&[0x60, 0, 0, 0]);
            packet.extend_from_slice(&(length + header).to_be_bytes());
            packet.extend_from_slice(&[if header > 0 { 44 } else { protocol }, 64]);
            packet.extend_from_slice(&octets(src));
            packet.extend_from_slice(&octets(dst));
            if header > 0 {
                packet.extend_from_slice(&[protocol, 0]);
                packet.extend_from_slice(&(offset | u16::from(more)).to_be_bytes());
                packet.extend_from_slice(&u32::from(ident).to_be_bytes());
            }
        }
    }
    packet.extend_from_slice(payload);
    packet
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The sum of 16-bit words (RFC 1071).
fn sum(start: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let whole: u64 = words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum();
    start + whole + rest.first().map_or(0, |&byte| u64::from(byte) << 8)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

/// With the pseudo header of IPv4 (RFC 793 §3.1) or IPv6 (RFC 8200 §8.1).
fn checksum(flow: Flow, protocol: u8, bytes: &[u8]) -> u16 {
    let addresses = sum(sum(0, &octets(flow.src)), &octets(flow.dst));
    fold(sum(addresses + u64::from(protocol) + bytes.len() as u64, bytes))
}

/// An error of ICMP or ICMPv6, sent by the receiver, that quotes the beginning of a packet.
fn unreachable(flow: Flow, kind: u8, code: u8) -> Vec<u8> {
    let protocol = match flow.protocol {
        Protocol::Udp => UDP,
        Protocol::Sctp => SCTP,
        _ => TCP,
    };
    let mut quoted = ports(flow);
    quoted.extend_from_slice(&if protocol == UDP { [0, 8, 0, 0] } else { [0, 0, 0, 1] });
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(&packet(flow, protocol, 0, None, &quoted, 0));
    let reported = back(flow);
    let (protocol, sum) = match flow.src {
        IpAddr::V4(_) => (ICMP, fold(sum(0, &message))),
        IpAddr::V6(_) => (ICMPV6, checksum(reported, ICMPV6, &message)),
    };
    put(&mut message, 2, sum);
    packet(reported, protocol, 0, None, &message, 0)
}

/// A packet of SCTP with these chunks. Each direction of an association has a verification tag of its own.
fn association(flow: Flow, chunks: &[u8]) -> Vec<u8> {
    let mut packet_of_sctp = ports(flow);
    let ends = [octets(flow.src), octets(flow.dst), packet_of_sctp.clone()].concat();
    let tag = crc32c(&ends) | 1;
    packet_of_sctp.extend_from_slice(&tag.to_be_bytes());
    packet_of_sctp.extend_from_slice(&[0; 4]);
    packet_of_sctp.extend_from_slice(chunks);
    let sum = crc32c(&packet_of_sctp).to_le_bytes();
    if let Some(place) = packet_of_sctp.get_mut(8..12) {
        place.copy_from_slice(&sum);
    }
    packet(flow, SCTP, 0, None, &packet_of_sctp, 0)
}

/// CRC32c (RFC 9260 appendix A), bit by bit: SCTP is rare.
fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 })
    })
}

/// A message as Wireshark exports it: tags for what it is and where it came from (epan/exported_pdu.h).
fn exported_pdu(sent: &Sent<'_>) -> Made {
    let flow = sent.flow;
    let mut data = Vec::with_capacity(sent.bytes.len() + 64);
    let mut tag = |kind: u16, value: &[u8]| {
        data.extend_from_slice(&kind.to_be_bytes());
        data.extend_from_slice(&(value.len() as u16).to_be_bytes());
        data.extend_from_slice(value);
    };
    tag(12, b"sip\0");
    for (address, v4, v6) in [(flow.src, 20, 22), (flow.dst, 21, 23)] {
        if !address.is_unspecified() {
            tag(if address.is_ipv4() { v4 } else { v6 }, &octets(address));
        }
    }
    let kind: u32 = match flow.protocol {
        Protocol::Udp => 3,
        Protocol::Sctp => 1,
        _ => 2,
    };
    tag(24, &kind.to_be_bytes());
    if flow.src_port > 0 || flow.dst_port > 0 {
        tag(25, &u32::from(flow.src_port).to_be_bytes());
        tag(26, &u32::from(flow.dst_port).to_be_bytes());
    }
    tag(0, &[]);
    data.extend_from_slice(sent.bytes);
    Made { time: sent.times.1, link: EXPORTED_PDU, data, missing: u32::from(sent.cut) }
}
