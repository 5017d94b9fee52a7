//! ESP (RFC 4303) with keys: what opens its packets, and where the keys of an association are looked up.
//!
//! Keys come from the user or lie in the capture (`sip::security`, `diameter::keys`). They go in here and never out:
//! nothing shows them, and what is tried against a packet either fits its integrity check or leaves no trace.

mod keyring;
mod transform;

pub use keyring::{Given, Keyring};
pub use transform::{Opened, Transform};
