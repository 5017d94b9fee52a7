//! What streams are told apart by.

use crate::net::Flow;

/// A source between two ends, as one capture point sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub point: u16,
    pub flow: Flow,
    pub source: u32,
}
