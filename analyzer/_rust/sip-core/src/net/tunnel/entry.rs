//! What the registry knows of a tunnel.

use std::fmt::Write;

use crate::layer::Layer;
use crate::net::address::Ip;
use crate::net::cursor::Cursor;
use crate::net::disposition::Disposition;
use crate::net::encapsulation::Encapsulation;
use crate::net::next_header::Inner;

/// What a tunnel's header led to, or why it leads nowhere.
pub(in crate::net) type Opened<'a> = Result<Inner<'a>, Disposition>;

pub(in crate::net) type Announced = for<'a> fn(Cursor<'a>, &mut Encapsulation) -> Opened<'a>;
pub(in crate::net) type OverIp = for<'a> fn(Cursor<'a>, &Ip, &mut Encapsulation) -> Opened<'a>;
/// A port is only a hint: `None` for a datagram that is something else.
pub(in crate::net) type OverUdp = for<'a> fn(Cursor<'a>, &Ip, &mut Encapsulation) -> Option<Opened<'a>>;

/// What announces a tunnel, and what reads its header then: it notes in the encapsulation what it was, and answers with
/// the next header.
#[derive(Clone, Copy)]
pub(in crate::net) enum Key {
    /// Of Ethernet, SNAP, a cooked capture, GRE, GENEVE.
    Ethertype(u16, Announced),
    /// Or next header of IPv6.
    IpProtocol(u8, OverIp),
    /// Of either end.
    UdpPort(u16, OverUdp),
    /// Of the receiver: the other end chooses any.
    UdpTo(u16, OverUdp),
    /// Another decoder leads to it, in words.
    Within(&'static str),
}

/// A protocol between the link and the innermost IP packet: the registry has one of each.
#[derive(Clone, Copy)]
pub(in crate::net) struct Tunnel {
    pub layer: Layer,
    /// What of it is read, with the standard, in a sentence for the manual.
    pub about: &'static str,
    pub keys: &'static [Key],
}

impl Tunnel {
    /// What announces it, in words for the manual.
    pub fn recognised(&self) -> String {
        let mut words = String::new();
        for (number, key) in self.keys.iter().enumerate() {
            if number > 0 {
                words.push_str(", ");
            }
            // Writing to a string cannot fail.
            let _ = match key {
                Key::Ethertype(ethertype, _) => write!(words, "ethertype 0x{ethertype:04x}"),
                Key::IpProtocol(protocol, _) => write!(words, "IP protocol {protocol}"),
                Key::UdpPort(port, _) => write!(words, "UDP port {port}"),
                Key::UdpTo(port, _) => write!(words, "UDP to port {port}"),
                Key::Within(carrier) => write!(words, "{carrier}"),
            };
        }
        words
    }
}

impl Key {
    /// Kind and number: no two tunnels may have the same.
    pub const fn number(&self) -> Option<(u8, u16)> {
        match *self {
            Key::Ethertype(number, _) => Some((0, number)),
            Key::IpProtocol(number, _) => Some((1, number as u16)),
            Key::UdpPort(number, _) | Key::UdpTo(number, _) => Some((2, number)),
            Key::Within(_) => None,
        }
    }
}
