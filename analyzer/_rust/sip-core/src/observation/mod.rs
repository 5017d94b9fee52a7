//! Messages as they were observed: who saw them when, in which packets, and which of them are copies of one another.
//!
//! A message that several capture points saw, or that was sent again, is observed more than once; [`classify_copies`]
//! tells the copies apart.

mod batch;
mod clock;
mod copies;
mod points;

pub use batch::{Batch, Entry, KeptReport, Seen};
pub use clock::Clock;
pub use copies::{Copies, Kind, ObservationKey, Observed, classify_copies, route, time_order};
pub use points::{Agents, PointNames};
