//! Which packets bytes came in, and what was around them.

use super::encapsulation::Encapsulation;
use super::esp::ESP;
use crate::layer::Layer;
use crate::packet::Stamp;

/// The packets that bytes came in: one, or those of the fragments of a datagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub first: Stamp,
    pub last: Stamp,
    /// Do the first bytes of the datagram lie in the packet `first`, in the packet `last`?
    pub head_in_first: bool,
    pub head_in_last: bool,
    /// How many packets the ledger counts for it.
    pub packets: u64,
    /// Wireshark exported it: a datagram or segment inside was exported itself, with its own addresses.
    pub exported: bool,
    /// What of their headers was read so far.
    pub encapsulation: Encapsulation,
}

impl Origin {
    pub fn packet(at: Stamp) -> Self {
        let encapsulation = Encapsulation::PLAIN;
        Origin {
            first: at,
            last: at,
            head_in_first: true,
            head_in_last: true,
            packets: 1,
            exported: false,
            encapsulation,
        }
    }

    /// The tunnel whose packet Wireshark exported beside it: it did unless it could not look into ESP.
    pub fn exported_too(&self) -> Option<Layer> {
        let tunnels = self.encapsulation.tunnels();
        tunnels.last().copied().filter(|_| self.exported && !tunnels.contains(&ESP.layer))
    }

    /// The first and last stamp of a payload that begins at `offset`.
    pub fn stamps(&self, offset: u64) -> (Stamp, Stamp) {
        let (mut first, mut last) = (self.first, self.last);
        if self.head_in_first {
            first.offset = offset;
        }
        if self.head_in_last {
            last.offset = offset;
        }
        (first, last)
    }
}
