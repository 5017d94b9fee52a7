//! MPLS, with IP or an Ethernet pseudowire (RFC 4448) below the labels.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::Cursor;
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;
use crate::net::payload_guess;

pub(super) const MPLS: Tunnel = Tunnel {
    layer: Layer::new(&"mpls"),
    about: "MPLS labels (RFC 3032), pseudowires with and without control word (RFC 4448), MPLS in IP (RFC 4023) and UDP (RFC 7510).",
    keys: &[
        Key::Ethertype(0x8847, labels),
        Key::Ethertype(0x8848, labels),
        Key::IpProtocol(137, in_ip),
        Key::UdpTo(6635, in_udp),
    ],
};

fn in_ip<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Opened<'a> {
    encapsulation.leave(ip);
    Ok(NextHeader::Ethertype(0x8847, cursor).into())
}

/// RFC 7510 §3. The bottom of the stack is near, and an IP packet below it.
fn in_udp<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let (labels, _) = cursor.bytes.as_chunks::<4>();
    let bottom = labels.iter().take(8).position(|label| label[2] & 1 == 1)?;
    payload_guess::ip(cursor.skip(4 * (bottom + 1))?)?;
    encapsulation.leave(ip);
    Some(Ok(NextHeader::Ethertype(0x8847, cursor).into()))
}

/// Nothing in the labels says what they carry: the bytes behind them do. A pseudowire may have a control word, whose first
/// nibble is 0; that of its associated channel (RFC 5085) is 1.
fn labels<'a>(cursor: Cursor<'a>, encapsulation: &mut Encapsulation) -> Opened<'a> {
    let mut rest = cursor;
    loop {
        let Some((&[_, _, low, _], next)) = rest.header::<4>() else { return Err(rest.short(MPLS.layer)) };
        rest = next;
        let bottom_of_stack = low & 1 == 1;
        if bottom_of_stack {
            break;
        }
    }
    encapsulation.enter(MPLS.layer);
    if let Some(step) = payload_guess::ip(rest) {
        return Ok(step.into());
    }
    let word = rest.header::<4>().filter(|(word, _)| word[0] >> 4 == 0);
    if let Some(step) =
        word.and_then(|(_, frame)| payload_guess::ethernet(frame)).or_else(|| payload_guess::ethernet(rest))
    {
        return Ok(step.into());
    }
    match rest.bytes.first().map(|first| first >> 4) {
        None => Err(rest.short(MPLS.layer)),
        // The lengths of an IP header lie; it will say so.
        Some(4) => Ok(NextHeader::Ipv4(rest).into()),
        Some(6) => Ok(NextHeader::Ipv6(rest).into()),
        Some(1) => Err(Disposition::new(MPLS.layer, Reason::Signalling)),
        Some(_) => Err(Disposition::new(MPLS.layer, Reason::NotIp)),
    }
}
