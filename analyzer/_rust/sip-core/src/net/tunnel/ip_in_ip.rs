//! IP in IP, of either version.

use super::entry::{Key, Opened, Tunnel};
use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::Cursor;
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::NextHeader;

pub(super) const IPIP: Tunnel =
    Tunnel { layer: Layer::new(&"ipip"), about: "IPv4 in IPv4 (RFC 2003).", keys: &[Key::IpProtocol(4, ipv4)] };

pub(super) const SIX_IN_FOUR: Tunnel =
    Tunnel { layer: Layer::new(&"6in4"), about: "IPv6 in IPv4 (RFC 4213).", keys: &[Key::IpProtocol(41, ipv6)] };

pub(super) const FOUR_IN_SIX: Tunnel = Tunnel {
    layer: Layer::new(&"4in6"),
    about: "IPv4 in IPv6 (RFC 2473).",
    keys: &[Key::Within("IP protocol 4 in IPv6")],
};

pub(super) const SIX_IN_SIX: Tunnel = Tunnel {
    layer: Layer::new(&"6in6"),
    about: "IPv6 in IPv6 (RFC 2473).",
    keys: &[Key::Within("IP protocol 41 in IPv6")],
};

fn ipv4<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Opened<'a> {
    encapsulation.enter_over(ip, if ip.src.is_ipv6() { FOUR_IN_SIX.layer } else { IPIP.layer });
    Ok(NextHeader::Ipv4(cursor).into())
}

fn ipv6<'a>(cursor: Cursor<'a>, ip: &Ip, encapsulation: &mut Encapsulation) -> Opened<'a> {
    encapsulation.enter_over(ip, if ip.src.is_ipv6() { SIX_IN_SIX.layer } else { SIX_IN_FOUR.layer });
    Ok(NextHeader::Ipv6(cursor).into())
}
