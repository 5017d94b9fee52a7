//! How a packet of media came.

use serde::{Deserialize, Serialize};

use super::turn::Relayed;
use crate::packet::Stamp;

/// What carries a stream, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Carriage {
    /// RTP over UDP.
    Udp,
    /// RTP in TCP, with a length before each packet.
    Tcp,
    /// RTP through a relay.
    Relay,
    /// Fax: UDPTL.
    Fax,
}

/// How a packet came.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Came {
    pub at: Stamp,
    pub dscp: Option<u8>,
    pub carriage: Carriage,
    pub relayed: Option<Relayed>,
    /// Of fax: earlier packets that it says again.
    pub again: u32,
}
