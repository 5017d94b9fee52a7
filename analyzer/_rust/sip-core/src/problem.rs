//! Bad data as rows: one stable snake_case code for each thing that can be wrong with a capture or a message.

use crate::layer::Layer;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What is wrong. The text of a code is part of the contract and never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name),+ }
        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name),+];
            /// The stable snake_case name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text),+ }
            }
        }
    };
}

codes! {
    // ---- container: files and records -------------------------------------------------------------------------
    /// The last record, block or compressed member ends before its stated length.
    FileCut = "file_cut",
    /// A record or block whose lengths cannot be true; reading stopped or resynchronised here.
    FileCorrupt = "file_corrupt",
    /// The source could not be read to its end (an I/O error).
    FileUnreadable = "file_unreadable",
    /// A compressed file expands beyond `max_decompressed_bytes`; the rest is not read.
    DecompressedLimit = "decompressed_limit",
    /// A pcapng packet or statistics block names an interface that its section has not declared; it is skipped.
    InterfaceUndeclared = "interface_undeclared",
    /// More than `max_interfaces` interfaces or capturing hosts in one file.
    InterfaceLimit = "interface_limit",
    /// A packet's time does not fit into nanoseconds since 1970; it is read as a packet without a time.
    TimeOutOfRange = "time_out_of_range",
    // ---- net: link, IP, transport ------------------------------------------------------------------------------
    /// No decoder for this link type; its packets are counted.
    LinkTypeUnknown = "link_type_unknown",
    /// More nested headers in a packet than the limit: it was not decoded.
    LayerLimit = "layer_limit",
    /// The header of a tunnel, or of IPsec, cannot be.
    TunnelHeaderMalformed = "tunnel_header_malformed",
    /// The length in the header of a tunnel claims more than the packet had on the wire.
    TunnelLengthExceedsPacket = "tunnel_length_exceeds_packet",
    /// The length in an IP header claims more than the packet had on the wire.
    IpLengthExceedsPacket = "ip_length_exceeds_packet",
    /// Fragments of a datagram never came; what lies in front of the hole was decoded.
    IpFragmentIncomplete = "ip_fragment_incomplete",
    /// Fragments overlap with different bytes (IPv4: the first copy counts) or at all (IPv6: the datagram is void).
    IpFragmentOverlap = "ip_fragment_overlap",
    /// A fragment whose place in its datagram cannot be.
    IpFragmentInvalid = "ip_fragment_invalid",
    /// A datagram was given up to stay within the limit of fragments held.
    IpFragmentLimit = "ip_fragment_limit",
    /// The length in a UDP header claims more than the packet had on the wire.
    UdpLengthExceedsPacket = "udp_length_exceeds_packet",
    /// TCP segments overlap with different bytes; those that came first count.
    TcpOverlapConflict = "tcp_overlap_conflict",
    /// A hole in a TCP stream was given up to stay within the limit of bytes held.
    TcpBufferLimit = "tcp_buffer_limit",
    /// Bytes of a SIP stream that the capture lost; messages in them are missing.
    TcpBytesMissing = "tcp_bytes_missing",
    /// A TCP connection, SCTP association or IPsec security association was forgotten to stay within the limit of flows.
    FlowLimit = "flow_limit",
    /// An SCTP chunk whose length cannot be.
    SctpChunkMalformed = "sctp_chunk_malformed",
    /// Parts of an SCTP user message never came, or the sender abandoned it.
    SctpMessageIncomplete = "sctp_message_incomplete",
    /// An SCTP user message was given up to stay within the limit of bytes held.
    SctpBufferLimit = "sctp_buffer_limit",
    /// Bytes of a HEP stream that begin no packet; reading went on at the next one.
    HepStreamResynchronised = "hep_stream_resynchronised",
    /// More HEP agents than `max_agents`: the messages of further ones have one capture point.
    HepAgentLimit = "hep_agent_limit",
    /// A compressed HEP payload, or the encoded body of a message, that cannot be decompressed; what came before the fault was read.
    CompressedCorrupt = "compressed_corrupt",
    /// A compressed HEP payload, or the encoded body of a message, expands beyond `max_inflated_bytes`; the rest is not read.
    InflatedLimit = "inflated_limit",
    /// A WebSocket frame whose header cannot be; reading went on at the next segment that begins with SIP in a frame.
    WebsocketFrameMalformed = "websocket_frame_malformed",
    // ---- sip ---------------------------------------------------------------------------------------------------
    /// Content-Length says more than the datagram holds.
    SipContentLengthExceedsDatagram = "sip_content_length_exceeds_datagram",
    /// The message ends before its headers or Content-Length say: snap length, lost TCP bytes, or the end of the capture.
    SipMessageCut = "sip_message_cut",
    /// Bytes after the body that Content-Length states; RFC 3261 §18.3 has a datagram's surplus discarded.
    SipTrailingBytes = "sip_trailing_bytes",
    /// Content-Length is not a number of octets.
    SipContentLengthInvalid = "sip_content_length_invalid",
    /// Several Content-Length headers that differ; the first was used in a datagram, none on a stream.
    SipContentLengthConflict = "sip_content_length_conflict",
    /// A message on a stream without Content-Length, which RFC 3261 §18.3 demands there.
    SipContentLengthMissing = "sip_content_length_missing",
    /// A message on a stream longer than the limit `max_message_bytes`.
    SipMessageTooLong = "sip_message_too_long",
    /// Bytes between two messages of a stream that are not SIP; reading went on at the next start line.
    SipStreamResynchronised = "sip_stream_resynchronised",
    /// Bytes before the start line that are not SIP.
    SipJunkBeforeStartLine = "sip_junk_before_start_line",
    /// Start line with superfluous white space, or not of the form RFC 3261 §7 gives.
    SipStartLineMalformed = "sip_start_line_malformed",
    /// Not SIP/2.0.
    SipVersionUnknown = "sip_version_unknown",
    /// Request-URI in angle brackets, with white space inside, or with headers (RFC 3261 §19.1.1 forbids all three).
    SipRequestUriMalformed = "sip_request_uri_malformed",
    /// Status code outside 100-699.
    SipStatusInvalid = "sip_status_invalid",
    /// A header that RFC 3261 §8.1.1 makes mandatory is missing.
    SipHeaderMissing = "sip_header_missing",
    /// A header that may occur once occurs again; the first was used.
    SipHeaderRepeated = "sip_header_repeated",
    /// A line of the header section that is no header field.
    SipHeaderLineMalformed = "sip_header_line_malformed",
    /// CSeq is not a number up to 2^32-1 and a method.
    SipCseqInvalid = "sip_cseq_invalid",
    /// The method of the start line and that of CSeq differ.
    SipCseqMethodMismatch = "sip_cseq_method_mismatch",
    /// A number that its header does not allow (Max-Forwards above 255, Expires above 2^32-1, four-digit warn-code).
    SipNumberOutOfRange = "sip_number_out_of_range",
    /// A Via value that cannot be read, or stray separators in it.
    SipViaMalformed = "sip_via_malformed",
    /// The top Via's branch is the magic cookie and nothing else; matched as RFC 2543 has it.
    SipBranchCookieOnly = "sip_branch_cookie_only",
    /// A name-addr or addr-spec that breaks RFC 3261 §20.10 or §25.1; what could be read was.
    SipAddressMalformed = "sip_address_malformed",
    /// A quoted string that does not end within its header field.
    SipQuoteUnbalanced = "sip_quote_unbalanced",
    /// The header section is not UTF-8; bad bytes are shown as U+FFFD.
    SipUtf8Invalid = "sip_utf8_invalid",
    /// Lines that end in LF alone, or in CR alone.
    SipLineEndNotCrlf = "sip_line_end_not_crlf",
    /// CR inside a line of the header section.
    SipBareCr = "sip_bare_cr",
    /// NUL in the header section.
    SipNul = "sip_nul",
    /// A date that is not in GMT (RFC 3261 §20.17).
    SipDateInvalid = "sip_date_invalid",
    /// A multipart body whose boundary is missing or never closed.
    SipMultipartMalformed = "sip_multipart_malformed",
    /// A body with a Content-Encoding that is not known; it was not read.
    SipContentEncodingUnknown = "sip_content_encoding_unknown",
    // ---- sdp ---------------------------------------------------------------------------------------------------
    /// A body that its type calls SDP, and that has not one line of it.
    SdpUnreadable = "sdp_unreadable",
    /// A line of a session description that cannot be read, or whose type RFC 8866 does not know; the others were read.
    SdpLineMalformed = "sdp_line_malformed",
    /// Lines of a session description in another order than RFC 8866 §5 gives.
    SdpLineOrder = "sdp_line_order",
    /// A session description lacks a line that RFC 8866 §5 makes mandatory: v, o, s, t, or c for a stream in use.
    SdpFieldMissing = "sdp_field_missing",
    /// Directions that differ (sendrecv, sendonly ...) for one stream; the last was used.
    SdpDirectionConflict = "sdp_direction_conflict",
    /// More `m=` lines in a session description than `max_sdp_media`; the rest was not read.
    SdpMediaLimit = "sdp_media_limit",
}

/// One row of the table `problems`.
#[derive(Debug, Clone)]
pub struct Problem {
    pub code: Code,
    pub layer: Layer,
    /// Index of the file in the scan.
    pub file: u32,
    /// 0 where no packet is concerned.
    pub frame: u64,
    /// Byte position in the file.
    pub offset: u64,
    /// For people: which field claimed what, needed and available.
    pub detail: String,
}

/// Where problems are reported; the scan's own sink caps the rows kept per code.
pub trait Problems {
    fn report(&mut self, problem: Problem);
}

impl Problems for Vec<Problem> {
    fn report(&mut self, problem: Problem) {
        self.push(problem);
    }
}
