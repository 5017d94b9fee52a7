//! What a container hands to the network layers.

use serde::{Deserialize, Serialize};

/// One captured packet, borrowed from the reader's buffer.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// 1-based within its file, as Wireshark counts.
    pub frame: u64,
    /// Position of `data[0]` in the file (after decompression).
    pub offset: u64,
    /// Nanoseconds since 1970-01-01T00:00Z; `None` for a packet without a time stamp (pcapng simple packet).
    pub time: Option<i64>,
    /// Interface within the file, counted over all its sections; 0 in pcap.
    pub interface: u32,
    /// Capturing host within the file (pcapng sections that say another hardware or OS are other hosts); 0 in pcap.
    pub host: u32,
    /// LINKTYPE_ number, FCS bits masked off.
    pub link: u16,
    /// Length on the wire; more than `data.len()` means the capture sliced the packet.
    pub orig_len: u32,
    /// Captured bytes, without a trailing FCS where the file says there is one.
    pub data: &'a [u8],
}

/// Where and when a byte was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Nanoseconds since 1970, or [`NO_TIME`].
    pub time: i64,
    /// Index of the file in the scan.
    pub file: u32,
    pub frame: u64,
    /// Position in the file of the first byte this stamp speaks of.
    pub offset: u64,
}

/// A packet without a time stamp.
pub const NO_TIME: i64 = i64::MIN;
