//! The layer two tunnelling protocol, with PPP.

use super::entry::{Key, Opened, Tunnel};
use super::l2tpv3;
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16};
use crate::net::disposition::{Disposition, Reason};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::{Inner, NextHeader};

pub(super) const L2TP: Tunnel = Tunnel {
    layer: Layer::new(&"l2tp"),
    about: "L2TP version 2 (RFC 2661) with PPP.",
    keys: &[Key::UdpPort(1701, l2tp)],
};

/// Version 2 (RFC 2661 §3.1); `None` where the datagram is something else on L2TP's port.
fn l2tp<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    const CONTROL: u16 = 0x8000;
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    let (&[f1, f0], rest) = cursor.header::<2>()?;
    let flags = be16(f1, f0);
    if flags & 0x000F == 3 {
        return l2tpv3::over_udp(cursor, ip, encapsulation);
    }
    // The bits that must be zero, and the version.
    if flags & 0x34FF != 0x0002 {
        return None;
    }
    if flags & CONTROL != 0 {
        return Some(Err(Disposition::new(L2TP.layer, Reason::Signalling)));
    }
    let (mut rest, mut exceeds) = (rest, None);
    if flags & LENGTH != 0 {
        let (&[l1, l0], after) = rest.header::<2>()?;
        // The length counts from the flags on.
        let length = u32::from(be16(l1, l0)).checked_sub(4)?;
        let (limited, lies) = after.limit(length);
        (rest, exceeds) = (limited, lies.then_some(length));
    }
    // Tunnel and session; Ns and Nr.
    rest = rest.skip(if flags & SEQUENCE != 0 { 8 } else { 4 })?;
    if flags & OFFSET != 0 {
        let (&[o1, o0], after) = rest.header::<2>()?;
        rest = after.skip(usize::from(be16(o1, o0)))?;
    }
    if rest.wire_len() == 0 {
        return Some(Err(Disposition::new(L2TP.layer, Reason::NoPayload)));
    }
    encapsulation.enter_over(ip, L2TP.layer);
    Some(Ok(Inner { next: NextHeader::Ppp(rest), exceeds }))
}
