//! ICMP errors (RFC 792, RFC 4443): evidence that a packet did not arrive. The packet they quote is never traffic.

use super::address::Ip;
use super::cursor::{Cursor, be16};
use super::flow::{Flow, Protocol};
use super::ip;

/// An ICMP message that was read.
pub(super) enum Message {
    /// Of this type and code, with the flow of the packet it quotes, if that can be read.
    Error(u8, u8, Option<Flow>),
    Informational,
}

/// Errors of ICMP: unreachable, source quench, redirect, time exceeded, parameter problem. All but quench and redirect
/// mean that the quoted packet was not delivered.
pub(super) fn v4(cursor: Cursor<'_>) -> Option<Message> {
    let (&[kind, code, ..], quoted) = cursor.header::<8>()?;
    Some(match kind {
        3 | 11 | 12 => Message::Error(kind, code, quoted_v4(quoted)),
        4 | 5 => Message::Error(kind, code, None),
        _ => Message::Informational,
    })
}

/// Errors of ICMPv6 have types below 128 (RFC 4443 §2.1); 1 to 4 quote a packet that was not delivered.
pub(super) fn v6(cursor: Cursor<'_>) -> Option<Message> {
    let (&[kind, code, ..], quoted) = cursor.header::<8>()?;
    Some(match kind {
        1..=4 => Message::Error(kind, code, quoted_v6(quoted)),
        0..=127 => Message::Error(kind, code, None),
        _ => Message::Informational,
    })
}

fn quoted_v4(cursor: Cursor<'_>) -> Option<Flow> {
    let header = ip::ipv4(cursor).ok()?;
    // Ports are in the first fragment only.
    if header.fragment.is_some_and(|fragment| fragment.offset > 0) {
        return None;
    }
    flow(header.ip, header.protocol, header.payload)
}

fn quoted_v6(cursor: Cursor<'_>) -> Option<Flow> {
    let header = ip::ipv6(cursor).ok()?;
    let (mut protocol, mut cursor) = (header.protocol, header.payload);
    loop {
        (protocol, cursor) = match protocol {
            0 | 43 | 60 | 135 | 139 | 140 => ip::extension(cursor).ok()?,
            51 => ip::authentication(cursor).map(|header| (header.next, header.payload))?,
            44 => {
                let header = ip::fragment_header(cursor).ok()?;
                if header.fragment.is_some_and(|fragment| fragment.offset > 0) {
                    return None;
                }
                (header.next, header.payload)
            }
            _ => return flow(header.ip, protocol, cursor),
        }
    }
}

fn flow(ip: Ip, protocol: u8, cursor: Cursor<'_>) -> Option<Flow> {
    let protocol = match protocol {
        6 => Protocol::Tcp,
        17 => Protocol::Udp,
        132 => Protocol::Sctp,
        _ => return None,
    };
    let (&[s1, s0, d1, d0], _) = cursor.header::<4>()?;
    Some(Flow { protocol, src: ip.src, dst: ip.dst, src_port: be16(s1, s0), dst_port: be16(d1, d0) })
}
