//! Every limit that hostile or merely huge input can run into. Each has a sane default, is an option by this name, and
//! leaves a row in `problems` when reached.

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $default:expr),+ $(,)?) => {
        /// Limits of reading, all named options.
        #[derive(Debug, Clone)]
        pub struct Limits { $($(#[$doc])* pub $name: $kind),+ }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default),+ }
            }
        }

        impl Limits {
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// Sets a limit by its name; false if there is none of that name. A value too large for it becomes its largest.
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name {
                    $(stringify!($name) => self.$name = <$kind>::try_from(value).unwrap_or(<$kind>::MAX),)+
                    _ => return false,
                }
                true
            }
        }
    };
}

limits! {
    /// Largest captured packet believed (bytes); a longer record length means a corrupt file. libpcap's MAXIMUM_SNAPLEN.
    max_packet_bytes: u32 = 262_144,
    /// Largest pcapng block believed (bytes).
    max_block_bytes: u32 = 16 << 20,
    /// Most bytes a compressed file may expand to.
    max_decompressed_bytes: u64 = 256 << 30,
    /// Memory a decompressor may take for its window or dictionary (bytes).
    max_decoder_bytes: u64 = 256 << 20,
    /// Interfaces, and capturing hosts, believed in one pcapng file.
    max_interfaces: u32 = 65_536,
    /// Deepest nesting of link and network headers in one packet.
    max_layers: u8 = 32,
    /// IP datagrams being put together at one time, per capture point.
    max_fragment_groups: usize = 16_384,
    /// Bytes held for fragments, per capture point.
    max_fragment_bytes: usize = 256 << 20,
    /// A fragment group older than this in capture time is given up (ns). RFC 8200 §4.5: 60 s.
    fragment_timeout_ns: i64 = 60_000_000_000,
    /// TCP and SCTP flows remembered at one time, per capture point.
    max_flows: usize = 1_000_000,
    /// IPsec security associations remembered at one time, per capture point.
    max_security_associations: usize = 65_536,
    /// Out-of-order bytes held for one direction of a TCP connection.
    max_tcp_buffer_bytes: usize = 1 << 20,
    /// Out-of-order bytes held for all TCP connections of a capture point.
    max_tcp_total_bytes: usize = 256 << 20,
    /// How long a hole in a TCP stream is waited for, in capture time (ns).
    tcp_gap_timeout_ns: i64 = 10_000_000_000,
    /// Bytes held for unfinished SCTP user messages, per capture point.
    max_sctp_bytes: usize = 64 << 20,
    /// Most bytes that compressed bytes in a packet may expand to: a HEP payload, the body of a message.
    max_inflated_bytes: usize = 1 << 20,
    /// HEP agents told apart as capture points.
    max_agents: u16 = 4_096,
    /// Largest SIP message believed on a stream (bytes).
    max_message_bytes: usize = 1 << 20,
    /// `m=` lines read of one session description.
    max_sdp_media: usize = 256,
    /// Rows of one code kept in `problems`; further ones are only counted.
    max_problems_per_code: u64 = 1_000,
}
