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
    /// Maximum accepted capture length (bytes); anything larger is treated as corruption. libpcap's MAXIMUM_SNAPLEN.
    max_packet_bytes: u32 = 262_144,
    /// Maximum accepted size of a pcapng block (bytes).
    max_block_bytes: u32 = 16 << 20,
    /// Maximum size to which a compressed file may expand (bytes).
    max_decompressed_bytes: u64 = 256 << 30,
    /// Maximum memory for the window or dictionary of a decompressor (bytes).
    max_decoder_bytes: u64 = 256 << 20,
    /// Maximum number of interfaces, and of capturing hosts, in one pcapng file.
    max_interfaces: u32 = 65_536,
    /// Maximum nesting depth of link and network headers in one packet.
    max_layers: u8 = 32,
    /// Maximum number of IP datagrams under reassembly at one time, per capture point.
    max_fragment_groups: usize = 16_384,
    /// Maximum memory for fragments, per capture point (bytes).
    max_fragment_bytes: usize = 256 << 20,
    /// Reassembly timeout for fragments, in capture time (ns). RFC 8200 §4.5: 60 s.
    fragment_timeout_ns: i64 = 60_000_000_000,
    /// Maximum number of TCP and SCTP flows tracked at one time, per capture point.
    max_flows: usize = 1_000_000,
    /// Maximum number of IPsec security associations tracked at one time, per capture point.
    max_security_associations: usize = 65_536,
    /// Maximum out-of-order data buffered for one direction of a TCP connection (bytes).
    max_tcp_buffer_bytes: usize = 1 << 20,
    /// Maximum out-of-order data buffered for all TCP connections of a capture point (bytes).
    max_tcp_total_bytes: usize = 256 << 20,
    /// Maximum wait for missing bytes of a TCP stream, in capture time (ns).
    tcp_gap_timeout_ns: i64 = 10_000_000_000,
    /// Maximum memory for incomplete SCTP user messages, per capture point (bytes).
    max_sctp_bytes: usize = 64 << 20,
    /// Maximum size to which compressed data in a packet may expand: a HEP payload, IPComp, the body of a message (bytes).
    max_inflated_bytes: usize = 1 << 20,
    /// Maximum memory for the state that SigComp messages leave to later ones (bytes).
    max_sigcomp_bytes: usize = 64 << 20,
    /// Maximum number of HEP agents distinguished as capture points.
    max_agents: u16 = 4_096,
    /// Maximum accepted size of a SIP message on a stream (bytes).
    max_message_bytes: usize = 1 << 20,
    /// Maximum number of `m=` lines read from one session description.
    max_sdp_media: usize = 256,
    /// Maximum number of media streams that are told apart. Packets of more are not looked at: `stream_limit`.
    max_streams: usize = 1_000_000,
    /// Maximum time for which a media stream may be silent (ns): what comes later is another stream.
    max_stream_idle_ns: i64 = 600_000_000_000,
    /// Maximum length of a media stream (ns): what goes on for longer has another row.
    max_stream_ns: i64 = 86_400_000_000_000,
    /// Maximum time by which packets of one file may be out of order, where captures are read in windows (ns): what is
    /// later than that is taken up in a later window.
    max_disorder_ns: i64 = 15_000_000_000,
    /// Maximum time for which a transaction without a final response may be silent, where captures are read in windows (ns):
    /// what comes later is another transaction.
    max_transaction_idle_ns: i64 = 3_600_000_000_000,
    /// Maximum number of rows per code in `problems`; further occurrences are only counted.
    max_problems_per_code: u64 = 1_000,
}
