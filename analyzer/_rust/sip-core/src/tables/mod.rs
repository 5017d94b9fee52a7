//! The tables that leave the core, as Arrow record batches.

mod catalogue;
mod columns;
pub mod companion;
pub mod evidence;
pub mod headers;
mod ims_headers;
mod keyed;
pub mod media;
pub mod messages;
mod parts;
pub mod sdp;
pub mod small;
pub mod tls;

pub use catalogue::catalogue;
pub use columns::Wanted;
