//! Every limit that hostile or merely huge input can run into. Each has a sane default, is an option by this name, and
//! leaves a row in `problems` when reached.

/// Limits of reading, all named options.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest captured packet believed (bytes); a longer record length means a corrupt file. libpcap's MAXIMUM_SNAPLEN.
    pub max_packet_bytes: u32,
    /// Largest pcapng block believed (bytes).
    pub max_block_bytes: u32,
    /// Most bytes a compressed file may expand to.
    pub max_decompressed_bytes: u64,
    /// Deepest nesting of link and network headers in one packet.
    pub max_layers: u8,
    /// IP datagrams being put together at one time, per capture point.
    pub max_fragment_groups: usize,
    /// Bytes held for fragments, per capture point.
    pub max_fragment_bytes: usize,
    /// A fragment group older than this in capture time is given up (ns). RFC 8200 §4.5: 60 s.
    pub fragment_timeout_ns: i64,
    /// TCP and SCTP flows remembered at one time, per capture point.
    pub max_flows: usize,
    /// Out-of-order bytes held for one direction of a TCP connection.
    pub max_tcp_buffer_bytes: usize,
    /// Out-of-order bytes held for all TCP connections of a capture point.
    pub max_tcp_total_bytes: usize,
    /// How long a hole in a TCP stream is waited for, in capture time (ns).
    pub tcp_gap_timeout_ns: i64,
    /// Bytes held for unfinished SCTP user messages, per capture point.
    pub max_sctp_bytes: usize,
    /// Largest SIP message believed on a stream (bytes).
    pub max_message_bytes: usize,
    /// Rows of one code kept in `problems`; further ones are only counted.
    pub max_problems_per_code: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_packet_bytes: 262_144,
            max_block_bytes: 16 << 20,
            max_decompressed_bytes: 256 << 30,
            max_layers: 16,
            max_fragment_groups: 16_384,
            max_fragment_bytes: 256 << 20,
            fragment_timeout_ns: 60_000_000_000,
            max_flows: 1_000_000,
            max_tcp_buffer_bytes: 1 << 20,
            max_tcp_total_bytes: 256 << 20,
            tcp_gap_timeout_ns: 10_000_000_000,
            max_sctp_bytes: 64 << 20,
            max_message_bytes: 1 << 20,
            max_problems_per_code: 1_000,
        }
    }
}
