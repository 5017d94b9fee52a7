//! Session descriptions (RFC 8866): one row for each `m=` line, and what the message row asks of the whole.
//!
//! Everything is borrowed from the body. Forgiven, with a row in `problems`: fields that are missing or out of order,
//! types of lines that nobody registered, values that cannot be read; without one: LF or CR as line end, blanks at the
//! end of a line, an empty `s=`. Keys are never taken over: of `a=crypto` (RFC 4568) the suite alone, of ICE (RFC 8839)
//! that it is offered, of `k=` nothing.

mod codecs;
mod description;
mod reader;

pub use super::preconditions::{Direction, Preconditions};
pub use description::{Description, Level, Media, Origin};
