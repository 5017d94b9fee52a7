//! Signaling Compression (RFC 3320 with the corrections of RFC 4896): SIP that was compressed on the radio.
//!
//! Each message brings or names the bytecode that decompresses it, and may have its receiver keep what later messages refer
//! to. So an observer has to run that bytecode, within bounds, and to keep what either end keeps.
//!
//! ```text
//! record      messages in a stream, by their delimiters            RFC 3320 §4.2.2
//! message     the header; NACKs                                    RFC 3320 §7, RFC 4077
//! machine     memory, operands, byte copying, cycles               RFC 3320 §8
//! instruction what each of the 36 instructions does                RFC 3320 §9
//! run         a message through the machine
//! input       bits in four orders                                  RFC 3320 §8.2
//! state       state items by identifier and compartment            RFC 3320 §6
//! dictionary  the state that every endpoint has                    RFC 3485, RFC 5112
//! observer    what somebody knows who sees both ends               RFC 3321, RFC 5049
//! ```

mod dictionary;
mod failure;
mod input;
mod instruction;
mod machine;
mod message;
mod observer;
mod record;
mod run;
mod state;

pub use failure::{Failure, Reason};
pub use machine::{Ended, Parameters, Returned};
pub use message::{Header, Kind, Nack, Start};
pub use observer::{Observer, Read, Transport};
pub use record::{Marking, unmarked};
pub use run::run;
pub use state::{Request, State, States};

/// The five bits that a message begins with; no byte of UTF-8 does (RFC 3320 §7).
pub fn begins(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|&first| first >= 0xF8)
}
