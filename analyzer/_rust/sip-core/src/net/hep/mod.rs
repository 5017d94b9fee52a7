//! HEP, the Homer encapsulation protocol: in a datagram ([`packet`]), or cut out of a TCP stream ([`stream`]).

mod packet;
mod stream;

pub(super) use packet::{Around, PORT, hep};
pub(super) use stream::{Streams, Unwrapped};
