//! What streams are told apart by.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::net::Flow;

/// A source between two ends, as one capture point sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub point: u16,
    pub flow: Flow,
    pub source: u32,
}

impl Hash for Key {
    /// In as few words as there are, for every packet of media is looked up.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Flow { src, dst, src_port, dst_port, .. } = self.flow;
        state.write_u64(u64::from(src_port) << 48 | u64::from(dst_port) << 32 | u64::from(self.source));
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                state.write_u64(u64::from(src.to_bits()) << 32 | u64::from(dst.to_bits()))
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                state.write_u128(src.to_bits());
                state.write_u128(dst.to_bits());
            }
            _ => {}
        }
    }
}
