//! TLS (RFC 8446, RFC 5246; also 1.0 and 1.1) as a passive observer with keys reads it.
//!
//! ```text
//! record      a TCP direction, cut into records
//! handshake   messages of the handshake; `certificate` whom a certificate names
//! keys        key logs, private keys
//! cipher      one record opened; `suite` what a cipher suite means, `digest` PRF and HKDF
//! session     what was agreed and what is known, to keys
//! sealed      which key opens the next record of a direction
//! connection  both directions: handshake to keys, records to content
//! ```
//!
//! Content and alerts go to whoever feeds the connection. Keys and secrets never do.

mod alert;
mod bytes;
mod certificate;
mod cipher;
mod connection;
mod digest;
mod handshake;
mod keys;
mod record;
mod sealed;
mod session;
mod suite;

pub use alert::alert_name;
pub use certificate::Certificate;
pub use connection::{Connection, Facts, Found, Turn, begins};
pub use handshake::{ClientHello, Random, client_hello};
pub use keys::{Keys, Origin};
pub use session::Trouble;
pub use suite::Suite;
