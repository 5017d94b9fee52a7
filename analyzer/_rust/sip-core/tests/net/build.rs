//! Packets, written after the RFCs and not with the code under test.

pub const A: [u8; 4] = [192, 0, 2, 1];
pub const B: [u8; 4] = [192, 0, 2, 2];
/// LINKTYPE_RAW.
pub const RAW: u16 = 101;
pub const ETHERNET: u16 = 1;

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const ACK: u8 = 0x10;

/// An IPv4 packet from A to B, or back.
pub fn ipv4(protocol: u8, ident: u16, payload: &[u8]) -> Vec<u8> {
    ipv4_between(A, B, protocol, ident, 0, payload)
}

/// With the header checksum of RFC 791 §3.1, on an IPv4 packet without options.
pub fn checksummed(mut packet: Vec<u8>) -> Vec<u8> {
    let mut sum: u32 = packet[..20].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    packet[10..12].copy_from_slice(&(!sum as u16).to_be_bytes());
    packet
}

/// `fragment` is the field of flags and offset.
pub fn ipv4_between(src: [u8; 4], dst: [u8; 4], protocol: u8, ident: u16, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend(ident.to_be_bytes());
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend(src);
    packet.extend(dst);
    packet.extend(payload);
    packet
}

/// One fragment of a datagram from A to B; `offset` in bytes.
pub fn fragment(ident: u16, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    assert_eq!(offset % 8, 0);
    ipv4_between(A, B, 17, ident, (offset / 8) as u16 | u16::from(more) << 13, payload)
}

pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, 64]);
    packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend(payload);
    packet
}

/// IPv6 fragment header and what follows (RFC 8200 §4.5).
pub fn fragment6(next: u8, ident: u32, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut part = vec![next, 0];
    part.extend((offset as u16 | u16::from(more)).to_be_bytes());
    part.extend(ident.to_be_bytes());
    part.extend(payload);
    ipv6(44, &part)
}

pub fn udp(payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(5060u16.to_be_bytes());
    datagram.extend(5070u16.to_be_bytes());
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

/// A datagram of A to B with these ports.
pub fn udp_between(src_port: u16, dst_port: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = udp(payload);
    datagram[..2].copy_from_slice(&src_port.to_be_bytes());
    datagram[2..4].copy_from_slice(&dst_port.to_be_bytes());
    ipv4(17, 0, &datagram)
}

/// A G-PDU of tunnel 0x01020304 with these flags; what they announce is in the payload.
pub fn gtpu(flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![flags, 255];
    message.extend((payload.len() as u16).to_be_bytes());
    message.extend([1, 2, 3, 4]);
    message.extend(payload);
    udp_between(2152, 2152, &message)
}

/// An ESP packet that is not encrypted, from its header to the end of its integrity check value (RFC 4303 §2).
pub fn esp(spi: u32, next_header: u8, payload: &[u8], icv: usize) -> Vec<u8> {
    let mut packet = spi.to_be_bytes().to_vec();
    packet.extend([0, 0, 0, 1]);
    packet.extend(payload);
    let padding = (4 - (payload.len() + 2) % 4) % 4;
    packet.extend(1..=padding as u8);
    packet.extend([padding as u8, next_header]);
    // As random as a hash.
    packet.extend((0..icv).map(|byte| (byte as u8).wrapping_mul(151).wrapping_add(0x9d)));
    packet
}

pub fn tcp(ports: (u16, u16), seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(ports.0.to_be_bytes());
    segment.extend(ports.1.to_be_bytes());
    segment.extend(seq.to_be_bytes());
    segment.extend(ack.to_be_bytes());
    segment.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    segment.extend(payload);
    segment
}

/// A segment of the client A to the server B.
pub fn client(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_between(A, B, 6, 0, 0, &tcp((40000, 5060), seq, 0, flags, payload))
}

/// A segment of the server B to the client A, which acknowledges `ack`.
pub fn server(seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_between(B, A, 6, 0, 0, &tcp((5060, 40000), seq, ack, flags | ACK, payload))
}

pub fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An SCTP packet with these chunks, each padded to 4 bytes.
pub fn sctp(tag: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.extend(5060u16.to_be_bytes());
    packet.extend(5070u16.to_be_bytes());
    packet.extend(tag.to_be_bytes());
    packet.extend([0; 4]);
    for chunk in chunks {
        packet.extend(chunk);
        packet.resize(packet.len().next_multiple_of(4), 0);
    }
    ipv4(132, 0, &packet)
}

pub fn chunk(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
    let mut chunk = vec![kind, flags];
    chunk.extend((4 + value.len() as u16).to_be_bytes());
    chunk.extend(value);
    chunk
}

pub const END: u8 = 1;
pub const BEGIN: u8 = 2;
pub const UNORDERED: u8 = 4;

/// DATA, payload protocol 0.
pub fn data(tsn: u32, stream: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend(stream.to_be_bytes());
    value.extend([0, 0, 0, 0, 0, 0]);
    value.extend(payload);
    chunk(0, flags, &value)
}

/// I-DATA; `number` is the fragment number, or the payload protocol in a first fragment.
pub fn i_data(tsn: u32, stream: u16, message: u32, number: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut value = tsn.to_be_bytes().to_vec();
    value.extend(stream.to_be_bytes());
    value.extend([0, 0]);
    value.extend(message.to_be_bytes());
    value.extend(number.to_be_bytes());
    value.extend(payload);
    chunk(64, flags, &value)
}
