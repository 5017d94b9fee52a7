//! SCTP in UDP (RFC 6951): through middleboxes that know no SCTP.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::{Cursor, be16};
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;

pub(super) const SCTP_IN_UDP: Tunnel =
    Tunnel { layer: Layer::new(&"sctp_in_udp"), about: "SCTP in UDP (RFC 6951).", keys: &[Key::UdpPort(9899, packet)] };

/// The common header and a chunk whose length fits (RFC 9260 §3): the port alone says little.
fn packet<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Option<Opened<'a>> {
    let (&[s1, s0, d1, d0, .., length_1, length_0], _) = cursor.header::<16>()?;
    let length = be16(length_1, length_0);
    if be16(s1, s0) == 0 || be16(d1, d0) == 0 || length < 4 || u64::from(length) + 12 > cursor.wire_len() {
        return None;
    }
    encapsulation.enter(SCTP_IN_UDP.layer);
    Some(Ok(NextHeader::Protocol(132, *ip, cursor).into()))
}
