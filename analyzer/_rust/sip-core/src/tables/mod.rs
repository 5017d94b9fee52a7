//! The tables that leave the core, as Arrow record batches.

pub mod beside;
mod columns;
pub mod evidence;
pub mod messages;
mod rare;
pub mod sdp;
pub mod small;

pub use columns::Wanted;
