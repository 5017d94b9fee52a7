//! The container layer: files built byte by byte, with the truth worked by hand from the pcap and pcapng drafts.

mod build;
mod compression;
mod foreign;
mod hostile;
mod pcap;
mod pcapng;
mod real;
