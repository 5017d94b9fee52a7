//! The network layers: packets built byte by byte after the standards, and what must come out of them.

mod build;
mod captures;
mod esp;
mod fragments;
mod hep;
mod hostile;
mod layers;
mod sctp;
mod tcp;
mod tunnels;
mod witness;
