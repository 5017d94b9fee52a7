//! What carried a payload below its innermost IP packet.

use std::net::IpAddr;

use super::address::Ip;
use crate::layer::Layer;

/// Tunnels remembered by name, and VLAN tags: more than anybody stacks.
const MAX_TUNNELS: usize = 16;
const MAX_VLANS: usize = 4;

/// The layers between the link and the innermost IP packet, and what of them tells where the packet was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encapsulation {
    tunnels: [Layer; MAX_TUNNELS],
    tunnel_count: u8,
    vlans: [u16; MAX_VLANS],
    vlan_count: u8,
    /// Addresses of the outermost IP header, where there is one around the innermost.
    pub outer: Option<(IpAddr, IpAddr)>,
    /// Tunnel endpoint identifier of the innermost GTP-U header.
    pub teid: Option<u32>,
    /// Security parameters index of the innermost ESP or AH header.
    pub spi: Option<u32>,
    /// Linux interface index of a cooked capture (SLL2).
    pub interface_index: Option<u32>,
}

impl Encapsulation {
    /// Nothing but a link header around the IP packet.
    pub const PLAIN: Encapsulation = Encapsulation {
        tunnels: [Layer::IP; MAX_TUNNELS],
        tunnel_count: 0,
        vlans: [0; MAX_VLANS],
        vlan_count: 0,
        outer: None,
        teid: None,
        spi: None,
        interface_index: None,
    };

    pub fn is_plain(&self) -> bool {
        self.tunnel_count == 0 && self.vlan_count == 0 && self.interface_index.is_none()
    }

    /// Outermost first.
    pub fn tunnels(&self) -> &[Layer] {
        self.tunnels.get(..usize::from(self.tunnel_count)).unwrap_or_default()
    }

    /// VLAN identifiers, outermost first; of the priority tag, whose identifier 0 names no VLAN, nothing.
    pub fn vlans(&self) -> &[u16] {
        self.vlans.get(..usize::from(self.vlan_count)).unwrap_or_default()
    }

    /// With a layer more inside.
    #[must_use]
    pub fn within(mut self, layer: Layer) -> Self {
        self.enter(layer);
        self
    }

    pub(super) fn enter(&mut self, tunnel: Layer) {
        if let Some(slot) = self.tunnels.get_mut(usize::from(self.tunnel_count)) {
            *slot = tunnel;
            self.tunnel_count += 1;
        }
    }

    /// Takes the addresses of an IP packet that has another one inside.
    pub(super) fn leave(&mut self, ip: &Ip) {
        self.outer.get_or_insert((ip.src, ip.dst));
    }

    /// A tunnel inside an IP packet with these addresses.
    pub(super) fn enter_over(&mut self, ip: &Ip, tunnel: Layer) {
        self.leave(ip);
        self.enter(tunnel);
    }

    /// Takes the tag control information of a VLAN tag (IEEE 802.1Q §9.6).
    pub(super) fn tagged(&mut self, control: u16) {
        let id = control & 0x0FFF;
        if id > 0
            && let Some(slot) = self.vlans.get_mut(usize::from(self.vlan_count))
        {
            *slot = id;
            self.vlan_count += 1;
        }
    }
}
