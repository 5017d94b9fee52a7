//! SIP itself (RFC 3261): is it SIP, where does a message end, what does it say.
//!
//! ```text
//! detect   a datagram: SIP (and where it starts), a keep-alive, or something else by name
//! framing  a TCP direction: cut into messages, resynchronised after holes and garbage
//! websocket  a TCP direction that is WebSocket: what its frames hold, for `framing`
//! fields   one pass over a message: what a table row needs, borrowed, nothing allocated
//! rp       a short message in a body: relay and transfer layer
//! ims_headers  a second one over few messages: routes, registration, what roles of nodes rest on
//! headers  the same of all messages, for the header fields that somebody asks for by name
//! tree     one message completely: every header in order and its parts, owned
//! sdp      a session description: one value for each media line, borrowed
//! evidence what an opening request carries that another leg of its call may carry too
//! ```
//!
//! A datagram goes `detect` -> `fields`, which also finds where the message ends; a stream goes `framing` -> `fields`.
//! Whatever is odd is a [`flaw::Flaw`]; nothing is refused that can still be read (RFC 4475, domain of a tolerant reader).

pub mod detect;
mod encoding;
pub mod evidence;
pub mod fields;
pub mod flaw;
mod folding;
mod framing;
pub mod headers;
pub mod ims_headers;
pub(crate) mod mime;
pub mod name;
mod preconditions;
mod presence;
pub mod pressed;
pub mod rp;
pub mod sdp;
pub mod security;
pub(crate) mod start;
mod text;
pub mod tree;
pub mod uri;
mod via;
pub mod websocket;

pub use detect::{Detected, detect};
pub use encoding::Encoded;
pub use fields::{Carrier, Fields, Scratch};
pub use flaw::{Flaw, Flaws};
pub use framing::{Framed, StreamFramer};
pub use name::Name;
pub(crate) use text::unescaped;
pub use tree::Message;
pub use websocket::Websocket;
