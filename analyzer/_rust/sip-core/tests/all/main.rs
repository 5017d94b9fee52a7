//! The tests of what the crate shows, in one binary: each that is linked costs seconds. Those of packets are in `net`.

mod companion_any_bytes;
mod container;
mod directions;
mod sigcomp_torture;
mod sip_any_bytes;
mod sip_row_and_tree;
mod sip_vectors;
mod sip_websocket;
mod tls;
