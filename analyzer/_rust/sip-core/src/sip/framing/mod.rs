//! One direction of a TCP connection, cut into SIP messages (RFC 3261 §7.5, §18.3; keep-alives of RFC 5626 §3.5.1).
//!
//! ```text
//! Boundary  a message should begin here         line ends are passed over
//! Seek      it did not: look for a start line    not SIP (yet), garbage, the hole of a lost segment
//! Header    up to the empty line
//! Body      Content-Length octets, or, where that is missing or untrue, up to the next start line
//! ```
//!
//! Where messages are cut does not depend on how the bytes were segmented. Nothing waits for ever: a length that is
//! not met is given up when a new message begins in its place, at a hole, at the limit, or at the end.
//!
//! [`states`] has a function for each state, [`run`] the bytes that they work on, [`head`] what header lines say of the end,
//! [`body`] where a body ends.

mod body;
mod head;
mod run;
mod states;

pub use run::Framed;
pub use states::StreamFramer;
