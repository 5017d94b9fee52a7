//! The tables that leave the core, as Arrow record batches.

pub mod beside;
mod columns;
pub mod evidence;
pub mod headers;
mod keyed;
pub mod messages;
mod parts;
mod rare;
pub mod sdp;
pub mod small;

pub use columns::Wanted;
