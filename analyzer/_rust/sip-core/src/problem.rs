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
    /// A record or block has impossible lengths; reading stopped or resynchronised here.
    FileCorrupt = "file_corrupt",
    /// The source could not be read to its end (an I/O error).
    FileUnreadable = "file_unreadable",
    /// A compressed file expands beyond `max_decompressed_bytes`; the rest is not read.
    DecompressedLimit = "decompressed_limit",
    /// A pcapng packet or statistics block names an interface that its section has not declared; it is skipped.
    InterfaceUndeclared = "interface_undeclared",
    /// One file has more than `max_interfaces` interfaces or capturing hosts.
    InterfaceLimit = "interface_limit",
    /// A packet's time does not fit into nanoseconds since 1970; it is read as a packet without a time.
    TimeOutOfRange = "time_out_of_range",
    /// The sub-second part of a packet's time is a second or more: it was carried, or, where most packets of a pcap file have such times, read as nanoseconds.
    TimeFractionInvalid = "time_fraction_invalid",
    /// The engine that was chosen found no SIP in this file; what the native reader sees in it is shown.
    EngineFoundNothing = "engine_found_nothing",
    // ---- net: link, IP, transport ------------------------------------------------------------------------------
    /// There is no decoder for this link type; its packets are counted.
    LinkTypeUnknown = "link_type_unknown",
    /// A packet has more nested headers than `max_layers` allows; it was not decoded.
    LayerLimit = "layer_limit",
    /// Packets with SIP text in them are of a protocol that is not decoded; tshark may know it (`--engine pyshark`).
    SipTextUndecoded = "sip_text_undecoded",
    /// The header of a tunnel, or of IPsec, violates its specification.
    TunnelHeaderMalformed = "tunnel_header_malformed",
    /// The length in the header of a tunnel exceeds the length of the packet on the wire.
    TunnelLengthExceedsPacket = "tunnel_length_exceeds_packet",
    /// The length in an IP header exceeds the length of the packet on the wire.
    IpLengthExceedsPacket = "ip_length_exceeds_packet",
    /// Fragments of a datagram are missing; the part before the gap was decoded.
    IpFragmentIncomplete = "ip_fragment_incomplete",
    /// Fragments overlap with different bytes (IPv4: the first copy is used) or at all (IPv6: the datagram is discarded).
    IpFragmentOverlap = "ip_fragment_overlap",
    /// A fragment has an impossible position in its datagram.
    IpFragmentInvalid = "ip_fragment_invalid",
    /// A datagram was discarded to stay within the limit of buffered fragments.
    IpFragmentLimit = "ip_fragment_limit",
    /// The length in a UDP header exceeds the length of the packet on the wire.
    UdpLengthExceedsPacket = "udp_length_exceeds_packet",
    /// TCP segments overlap with different bytes; the first ones are used.
    TcpOverlapConflict = "tcp_overlap_conflict",
    /// Missing bytes of a TCP stream were no longer waited for, to stay within the limit of buffered bytes.
    TcpBufferLimit = "tcp_buffer_limit",
    /// The capture lost bytes of a SIP stream; the messages in them are missing.
    TcpBytesMissing = "tcp_bytes_missing",
    /// A TCP connection, SCTP association or IPsec security association was dropped to stay within the limit of flows.
    FlowLimit = "flow_limit",
    /// An SCTP chunk has an impossible length.
    SctpChunkMalformed = "sctp_chunk_malformed",
    /// Parts of an SCTP user message are missing, or the sender abandoned it.
    SctpMessageIncomplete = "sctp_message_incomplete",
    /// An SCTP user message was discarded to stay within the limit of buffered bytes.
    SctpBufferLimit = "sctp_buffer_limit",
    /// The keys for an IPsec security association do not fit its packets, which remain encrypted.
    EspKeyWrong = "esp_key_wrong",
    /// Bytes of a HEP stream do not begin a packet; reading resumed at the next packet.
    HepStreamResynchronised = "hep_stream_resynchronised",
    /// There are more HEP agents than `max_agents`; the messages of the remaining ones share one capture point.
    HepAgentLimit = "hep_agent_limit",
    /// There are more media streams than `max_streams`; packets of the remaining ones were not looked at.
    StreamLimit = "stream_limit",
    /// No key of a session description authenticates the packets of this stream: they are not encrypted, or keys were changed.
    SrtpNotAuthenticated = "srtp_not_authenticated",
    /// A compressed HEP payload, or the encoded body of a message, cannot be decompressed; the part before the fault was read.
    CompressedCorrupt = "compressed_corrupt",
    /// A compressed HEP payload, or the encoded body of a message, expands beyond `max_inflated_bytes`; the rest is not read.
    InflatedLimit = "inflated_limit",
    /// The header of a WebSocket frame is invalid; reading resumed at the next segment that begins with SIP in a frame.
    WebsocketFrameMalformed = "websocket_frame_malformed",
    /// A compressed message (SigComp) refers to state that no captured message has left: those before it are missing from the capture.
    SigcompStateMissing = "sigcomp_state_missing",
    /// A compressed message (SigComp) cannot be decompressed: its header or its bytecode is faulty, or takes more cycles or memory than it may.
    SigcompFailed = "sigcomp_failed",
    /// The receiver of a compressed message reports that it could not decompress it (SigComp NACK, RFC 4077).
    SigcompNack = "sigcomp_nack",
    /// No keys were given for a TLS connection: what it carries is not read.
    TlsKeysMissing = "tls_keys_missing",
    /// The keys that were given for a TLS connection do not open its records.
    TlsKeysWrong = "tls_keys_wrong",
    /// Records of a TLS connection cannot be decrypted, among others that can: they are damaged, or the capture lost some before them.
    TlsRecordDamaged = "tls_record_damaged",
    /// The handshake of a TLS connection was not captured: no key can be told to belong to it.
    TlsHandshakeMissing = "tls_handshake_missing",
    /// A TLS connection uses a cipher suite that is not read.
    TlsCipherUnsupported = "tls_cipher_unsupported",
    /// A file that was given for keys has none, or has lines that are not those of a key log; the others were used.
    TlsKeyLogUnusable = "tls_key_log_unusable",
    // ---- sip ---------------------------------------------------------------------------------------------------
    /// Content-Length exceeds the length of the datagram.
    SipContentLengthExceedsDatagram = "sip_content_length_exceeds_datagram",
    /// The message is shorter than its headers or Content-Length require: snap length, lost TCP bytes, or the end of the capture.
    SipMessageCut = "sip_message_cut",
    /// Bytes follow the body whose length Content-Length gives; in a datagram, RFC 3261 §18.3 requires them to be discarded.
    SipTrailingBytes = "sip_trailing_bytes",
    /// Content-Length is not a number of octets.
    SipContentLengthInvalid = "sip_content_length_invalid",
    /// Several Content-Length headers differ; the first was used in a datagram, none on a stream.
    SipContentLengthConflict = "sip_content_length_conflict",
    /// A message on a stream has no Content-Length, which RFC 3261 §18.3 requires.
    SipContentLengthMissing = "sip_content_length_missing",
    /// A message on a stream is longer than `max_message_bytes`.
    SipMessageTooLong = "sip_message_too_long",
    /// Bytes between two messages of a stream are not SIP; reading resumed at the next start line.
    SipStreamResynchronised = "sip_stream_resynchronised",
    /// Bytes before the start line are not SIP.
    SipJunkBeforeStartLine = "sip_junk_before_start_line",
    /// The start line contains superfluous white space, or does not follow RFC 3261 §7.
    SipStartLineMalformed = "sip_start_line_malformed",
    /// The SIP version is not SIP/2.0.
    SipVersionUnknown = "sip_version_unknown",
    /// The Request-URI is in angle brackets, contains white space, or has headers (RFC 3261 §19.1.1 forbids all three).
    SipRequestUriMalformed = "sip_request_uri_malformed",
    /// The status code is outside 100-699.
    SipStatusInvalid = "sip_status_invalid",
    /// A mandatory header is missing: one of RFC 3261 §8.1.1, or one for this method or status (§20 and extensions).
    SipHeaderMissing = "sip_header_missing",
    /// A header that must occur only once is repeated; the first was used.
    SipHeaderRepeated = "sip_header_repeated",
    /// A line of the header section is not a header field.
    SipHeaderLineMalformed = "sip_header_line_malformed",
    /// CSeq is not a number up to 2^32-1 and a method.
    SipCseqInvalid = "sip_cseq_invalid",
    /// The method of the start line and that of CSeq differ.
    SipCseqMethodMismatch = "sip_cseq_method_mismatch",
    /// A number is out of the range that its header allows (Max-Forwards above 255, Expires above 2^32-1, four-digit warn-code).
    SipNumberOutOfRange = "sip_number_out_of_range",
    /// A Via value cannot be parsed, or contains stray separators.
    SipViaMalformed = "sip_via_malformed",
    /// The branch of the top Via is only the magic cookie; the transaction is matched as in RFC 2543.
    SipBranchCookieOnly = "sip_branch_cookie_only",
    /// A name-addr or addr-spec violates RFC 3261 §20.10 or §25.1; the readable part was used.
    SipAddressMalformed = "sip_address_malformed",
    /// A quoted string does not end within its header field.
    SipQuoteUnbalanced = "sip_quote_unbalanced",
    /// The header section is not valid UTF-8; invalid bytes are shown as U+FFFD.
    SipUtf8Invalid = "sip_utf8_invalid",
    /// Lines end in LF alone, or in CR alone.
    SipLineEndNotCrlf = "sip_line_end_not_crlf",
    /// A line of the header section contains CR.
    SipBareCr = "sip_bare_cr",
    /// The header section contains NUL.
    SipNul = "sip_nul",
    /// The capture lacks the CSeq of a response: it is read as that to the request of its branch, on the way back from
    /// where that went (RFC 3261 §17.1.3).
    SipResponseCut = "sip_response_cut",
    /// A response has another top Via than the request that it answers: it was changed on the way (RFC 3261 §17.1.3).
    SipViaChanged = "sip_via_changed",
    /// A CANCEL has another branch than the INVITE that its client sent to the same server (RFC 3261 §9.1).
    SipCancelBranchDiffers = "sip_cancel_branch_differs",
    /// A CANCEL has the branch of an INVITE, and another CSeq number or tag (RFC 3261 §9.1).
    SipCancelDiffers = "sip_cancel_differs",
    /// A request within a dialog lacks the To tag (RFC 3261 §12.2.1.1).
    SipToTagMissing = "sip_to_tag_missing",
    /// A request within a dialog has a tag that is not the dialog's, or the From tag of the side that did not send it (RFC
    /// 3261 §12.2.1.1).
    SipDialogTagWrong = "sip_dialog_tag_wrong",
    /// An INVITE without a To tag has the Call-ID, From tag and CSeq of a call that is over, or that its caller had
    /// acknowledged and whose end was not captured; it is read as another call.
    SipCallIdentityReused = "sip_call_identity_reused",
    /// A request was sent outside the security association that UE and P-CSCF had agreed on (TS 33.203 §7.1, RFC 3329).
    SipOutsideSecurityAssociation = "sip_outside_security_association",
    /// A date is not in GMT (RFC 3261 §20.17).
    SipDateInvalid = "sip_date_invalid",
    /// The boundary of a multipart body is missing or never closed.
    SipMultipartMalformed = "sip_multipart_malformed",
    /// A body has an unknown Content-Encoding; it was not read.
    SipContentEncodingUnknown = "sip_content_encoding_unknown",
    // ---- sdp ---------------------------------------------------------------------------------------------------
    /// A body whose type is SDP contains no line of SDP.
    SdpUnreadable = "sdp_unreadable",
    /// A line of a session description cannot be parsed, or its type is not in RFC 8866; the others were read.
    SdpLineMalformed = "sdp_line_malformed",
    /// The lines of a session description are not in the order of RFC 8866 §5.
    SdpLineOrder = "sdp_line_order",
    /// A session description lacks a line that RFC 8866 §5 makes mandatory: v, o, s, t, or c for a stream in use.
    SdpFieldMissing = "sdp_field_missing",
    /// One stream has conflicting directions (sendrecv, sendonly ...); the last was used.
    SdpDirectionConflict = "sdp_direction_conflict",
    /// A session description has more than `max_sdp_media` `m=` lines; the rest was not read.
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
