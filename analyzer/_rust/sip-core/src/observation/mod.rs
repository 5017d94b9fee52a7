//! Messages as they were observed: who saw them when, in which packets, and which of them are copies of one another.
//!
//! A message that several capture points saw, or that was sent again, is observed more than once; [`classify_copies`]
//! tells the copies apart.

mod batch;
mod clock;
mod copies;
mod key;
mod order;
mod points;
mod repeated;
mod transactions;
mod windows;

pub use batch::{Batch, Entry, KeptReport, Seen};
pub use clock::Clock;
pub use copies::{Observed, classify_copies};
pub use key::{Kind, ObservationKey, route};
pub use order::time_order;
pub use points::{Agents, PointNames};
pub use windows::Copies;
