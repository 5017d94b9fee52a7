//! SRTP (RFC 3711) with the keys that session descriptions announce (SDES, RFC 4568).
//!
//! Which key is that of a stream its authentication decides, and nothing else: a packet that no key authenticates stays as it
//! was. Keys are shown nowhere.

mod context;
mod keys;
mod sdes;
mod suite;

pub use context::{Opened, Protection, Srtp};
pub use keys::Keys;
