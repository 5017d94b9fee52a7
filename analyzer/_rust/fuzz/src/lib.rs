//! What the targets share. A target takes nothing but its input, so that an input found is a file that other programs
//! read too: a capture, a stream, a message. How it is cut up is drawn from a hash of it.

pub mod cuts;
pub mod packets;
pub mod witness;
