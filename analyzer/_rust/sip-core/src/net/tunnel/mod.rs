//! The registry of tunnels. A new one is a file here that reads its header, and its line in [`TUNNELS`].

mod ah;
mod arista_time;
mod capwap;
mod cisco_metadata;
pub(super) mod entry;
mod etag;
mod etherip;
mod fabricpath;
mod geneve;
mod gre;
mod gtpu;
mod ip_in_ip;
mod ip_in_udp;
pub(super) mod ipcomp;
mod isl;
mod l2tp;
mod l2tpv3;
mod lisp;
mod macsec;
mod mpls;
mod nsh;
mod ppp;
mod pppoe;
mod sctp_in_udp;
mod tzsp;
mod vntag;
mod vxlan;

pub(super) use ip_in_udp::{IP_IN_UDP, bare_ip};
pub(super) use isl::isl;
pub(super) use ppp::ppp;

use self::entry::{Announced, Key, OverIp, OverUdp, Tunnel};
use super::esp;
use crate::layer::Layer;

/// Every tunnel that is read.
pub(super) const TUNNELS: &[Tunnel] = &[
    ppp::PPP,
    pppoe::PPPOE,
    mpls::MPLS,
    l2tp::L2TP,
    l2tpv3::L2TPV3,
    gre::GRE,
    gre::ERSPAN,
    etherip::ETHERIP,
    vxlan::VXLAN,
    geneve::GENEVE,
    tzsp::TZSP,
    gtpu::GTPU,
    ip_in_ip::IPIP,
    ip_in_ip::SIX_IN_FOUR,
    ip_in_ip::FOUR_IN_SIX,
    ip_in_ip::SIX_IN_SIX,
    IP_IN_UDP,
    lisp::LISP,
    sctp_in_udp::SCTP_IN_UDP,
    capwap::CAPWAP,
    isl::ISL,
    vntag::VNTAG,
    etag::ETAG,
    fabricpath::FABRICPATH,
    arista_time::ARISTA_TIME,
    cisco_metadata::CISCO_METADATA,
    macsec::MACSEC,
    nsh::NSH,
    ipcomp::IPCOMP,
    ah::AH,
    esp::ESP,
];

// Two tunnels announced by one number: only one of them would ever be read.
const _: () = {
    let mut seen = [(u8::MAX, 0); 64];
    let (mut filled, mut tunnel) = (0, 0);
    while tunnel < TUNNELS.len() {
        let keys = TUNNELS[tunnel].keys;
        let mut key = 0;
        while key < keys.len() {
            if let Some((kind, number)) = keys[key].number() {
                let mut before = 0;
                while before < filled {
                    assert!(
                        seen[before].0 != kind || seen[before].1 != number,
                        "two tunnels are announced by one number"
                    );
                    before += 1;
                }
                seen[filled] = (kind, number);
                filled += 1;
            }
            key += 1;
        }
        tunnel += 1;
    }
};

/// The tunnels by name: what of each is read, and what announces it.
pub fn protocols() -> Vec<(&'static str, &'static str, String)> {
    TUNNELS.iter().map(|tunnel| (tunnel.layer.as_str(), tunnel.about, tunnel.recognised())).collect()
}

/// The tunnels by what announces them.
pub(super) struct Registry {
    by_ethertype: Vec<(u16, Layer, Announced)>,
    by_ip_protocol: Vec<(u8, Layer, OverIp)>,
    by_port: Vec<Port>,
    /// A bit for each port that is one of these: it is asked of every datagram.
    ports: Vec<u64>,
}

struct Port {
    number: u16,
    of_receiver_only: bool,
    layer: Layer,
    open: OverUdp,
}

impl Registry {
    pub fn new() -> Self {
        let ports = vec![0; usize::from(u16::MAX) / 64 + 1];
        let mut registry = Self { by_ethertype: Vec::new(), by_ip_protocol: Vec::new(), by_port: Vec::new(), ports };
        for &Tunnel { layer, keys, .. } in TUNNELS {
            for key in keys {
                match *key {
                    Key::Ethertype(number, open) => registry.by_ethertype.push((number, layer, open)),
                    Key::IpProtocol(number, open) => registry.by_ip_protocol.push((number, layer, open)),
                    Key::UdpPort(number, open) => {
                        registry.by_port.push(Port { number, of_receiver_only: false, layer, open });
                    }
                    Key::UdpTo(number, open) => {
                        registry.by_port.push(Port { number, of_receiver_only: true, layer, open });
                    }
                    Key::Within(_) => {}
                }
            }
        }
        for port in &registry.by_port {
            if let Some(word) = registry.ports.get_mut(usize::from(port.number / 64)) {
                *word |= 1 << (port.number % 64);
            }
        }
        registry
    }

    pub fn ethertype(&self, ethertype: u16) -> Option<(Layer, Announced)> {
        let found = self.by_ethertype.iter().find(|(number, ..)| *number == ethertype);
        found.map(|&(_, layer, open)| (layer, open))
    }

    pub fn ip_protocol(&self, protocol: u8) -> Option<(Layer, OverIp)> {
        let found = self.by_ip_protocol.iter().find(|(number, ..)| *number == protocol);
        found.map(|&(_, layer, open)| (layer, open))
    }

    /// Does a tunnel run on one of these ports?
    #[inline]
    pub fn is_on(&self, src: u16, dst: u16) -> bool {
        let bit = |port: u16| self.ports.get(usize::from(port / 64)).map_or(0, |word| word >> (port % 64) & 1);
        bit(src) | bit(dst) != 0
    }

    /// By the ports of sender and receiver.
    pub fn udp(&self, src: u16, dst: u16) -> Option<(Layer, OverUdp)> {
        let hint = |port: &&Port| dst == port.number || (src == port.number && !port.of_receiver_only);
        self.by_port.iter().find(hint).map(|port| (port.layer, port.open))
    }
}
