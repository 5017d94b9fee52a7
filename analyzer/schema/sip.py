"""Calls, dialogs and messages of SIP."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import Header, words
from analyzer.schema.column import MaskClass as M
from analyzer.schema.table import Table
from analyzer.schema.values import DIRECTIONS, REGISTRATION_KINDS, REGISTRATION_OUTCOMES, RESOURCES, TRANSPORTS

CALLS = Table(
    "calls",
    "One call attempt, over all its hops, legs, forks and retries.",
    (
        C("call", "key", "Key: message of its earliest message."),
        C("no", "int", "1..n by start within this view, for display; join on keys instead."),
        C(
            "reference",
            "key",
            "Transaction of the INVITE at the reference hop, where every figure of the row was measured.",
        ),
        C("caller", "text", "Calling subscriber.", "RFC 3325; else From", mask=M.SUBSCRIBER),
        C(
            "callee",
            "text",
            "Called subscriber: the first Request-URI, normalised.",
            "RFC 3261 §19.1.6, RFC 3966",
            mask=M.SUBSCRIBER,
        ),
        C("request_uri", "text", "First Request-URI as sent.", mask=M.URI),
        C("started_at", "time", "First byte of the first INVITE."),
        C("ringing_at", "time", "First 180."),
        C(
            "early_media_at",
            "time",
            "First 18x with SDP that authorises media and has a stream on which the callee may send.",
            "RFC 5009, RFC 3312, RFC 3264",
        ),
        C("answered_at", "time", "First 2xx to the INVITE."),
        C("ended_at", "time", "BYE, or the final response of an unanswered call."),
        C(
            "outcome",
            "text",
            "Outcome of the attempt.",
            values=words(
                "answered answered_elsewhere redirected cancelled busy no_answer rejected unreachable "
                "negotiation_failed auth_failed server_failure client_error timeout unfinished joined"
            ),
            mask=M.OPEN,
        ),
        C(
            "outcome_detail",
            "text",
            "Subtype of the outcome; null if the outcome has none.",
            values=words(
                "normal active no_ack timer_expiry expired dropped cancel_race final_unseen emergency "
                "before_ringing while_ringing network_timer declined unwanted screened anonymity_disallowed "
                "forbidden not_registered not_found gone bad_number bad_gateway no_route transport_error "
                "not_retried credentials_rejected no_response no_final challenged cancelling ringing progressing "
                "waiting rejected"
            ),
            mask=M.OPEN,
        ),
        C("status", "int", "Final status of the attempt."),
        C("reason_phrase", "text", "Reason phrase of that status.", mask=M.PHRASE),
        C("reason_header", "text", "Reason of the message that ended the call.", "RFC 3326", mask=Header.REASON),
        C("pdd_s", "duration", "Post-dial delay: INVITE to the earliest of 180, authorised early media, 200."),
        C("srd_s", "duration", "Session request delay: INVITE to the first 101-199 or 200.", "RFC 6076 §4.3"),
        C("alert_s", "duration", "INVITE to 180."),
        C("setup_s", "duration", "INVITE to 200; null unless answered."),
        C("ring_s", "duration", "180 to 200."),
        C("talk_s", "duration", "200 to BYE on the confirmed branch.", "RFC 6076 §4.5"),
        C(
            "hold_s",
            "duration",
            (
                "Time during which at least one stream was on hold; null unless answered, or if a hold "
                "outlasts the capture."
            ),
            "RFC 3264 §8.4",
        ),
        C(
            "codecs",
            "text",
            (
                "Codecs of all streams as last negotiated on the confirmed branch, in the answerer's order of "
                "preference."
            ),
            "RFC 3264 §6.1",
            mask=M.FREE_TEXT,
        ),
        C(
            "released_by",
            "text",
            "Party that ended the call, by BYE, CANCEL or final response; null while the call is active.",
            values=words("caller callee network unknown"),
            mask=M.OPEN,
        ),
        C("legs", "int", "Number of legs (Call-ID and From tag)."),
        C("hops", "int", "Number of hops on which the first INVITE was captured."),
        C("call_ids", "texts", "Call-IDs of the call.", mask=M.IDENTIFIER),
        C("icid", "text", "icid-value of the first INVITE that carries one.", "RFC 7315 §5.6", mask=M.IDENTIFIER),
        C("retransmissions", "int", "Number of retransmitted messages, on all hops."),
        C("emergency", "bool", "The call is addressed to urn:service:sos.", "RFC 5031"),
    ),
    made_by="analyzer.sip.calls:attempts",
    shown=words(
        "no started_at caller callee outcome outcome_detail status reason_phrase pdd_s setup_s talk_s "
        "released_by legs hops retransmissions"
    ),
    note=(
        "Times and status are measured at the reference hop. Pass the number in the first column to call and ladder."
    ),
    example="pdd_s > 2 and outcome = 'busy'",
)

DIALOGS = Table(
    "dialogs",
    "One dialog: a Call-ID and a pair of tags, over all its hops.",
    (
        C("dialog", "key", "Key: message of its earliest message."),
        C("usage", "text", "Usage of the dialog.", "RFC 5057", values=words("invite subscribe refer"), mask=M.OPEN),
        C("call_id", "text", "Call-ID.", mask=M.IDENTIFIER),
        C("local_tag", "text", "Tag of the side that created the dialog.", "RFC 3261 §12", mask=M.IDENTIFIER),
        C("remote_tag", "text", "Tag of the other side.", mask=M.IDENTIFIER),
        C("local_uri", "text", "URI of the side that created the dialog.", mask=M.URI),
        C("remote_uri", "text", "URI of the other side.", mask=M.URI),
        C(
            "state",
            "text",
            "Last state in the capture.",
            "RFC 3261 §12",
            values=words("early confirmed terminated"),
            mask=M.OPEN,
        ),
        C("early_at", "time", "First 101-199 with this To tag."),
        C("confirmed_at", "time", "First 2xx (invite), 2xx or NOTIFY (subscribe), NOTIFY (refer)."),
        C("ended_at", "time", "Time when the dialog ended."),
        C(
            "ended_by",
            "text",
            "Side that ended the dialog; null while it is active.",
            values=words("local remote network unknown"),
            mask=M.OPEN,
        ),
        C(
            "end_reason",
            "text",
            "Reason why the dialog ended.",
            values=words("bye rejected cancelled forked_away expired timeout notify_terminated open joined"),
            mask=M.OPEN,
        ),
        C("call", "key", "Call; null outside calls."),
    ),
    made_by="analyzer.sip.dialogs:with_hops",
    belongs_to=("call",),
    shown=words(
        "usage local_uri local_tag remote_uri remote_tag state early_at confirmed_at ended_at ended_by "
        "end_reason call_id"
    ),
    note="Dialogs of calls, subscriptions and referrals (RFC 3261 §12, RFC 6665, RFC 3515).",
    example="ended_by = 'network'",
)

TRANSACTIONS = Table(
    "transactions",
    "One transaction on one hop.",
    (
        C("transaction", "key", "Key: message of its earliest message."),
        C("call_id", "text", "Call-ID.", mask=M.IDENTIFIER),
        C("method", "text", "Method of the request; from CSeq if only responses were captured.", mask=M.FREE_TEXT),
        C("cseq", "int", "CSeq number."),
        C("branch", "text", "branch of the top Via on this hop.", "RFC 3261 §17.1.3, §17.2.3", mask=M.IDENTIFIER),
        C("client_ip", "text", "Sender of the request.", mask=M.ADDRESS),
        C("client_port", "int", "Port of the sender."),
        C("server_ip", "text", "Receiver of the request.", mask=M.ADDRESS),
        C("server_port", "int", "Port of the receiver."),
        C("transport", "text", "Transport protocol.", values=TRANSPORTS, mask=M.OPEN),
        C("via_count", "int", "Number of Via entries of the request on this hop; 1 at the user agent."),
        C("request_uri", "text", "Request-URI on this hop.", mask=M.URI),
        C("started_at", "time", "First byte of the first request; null if only responses were captured."),
        C("first_provisional_at", "time", "First 1xx."),
        C("final_at", "time", "First final response."),
        C("status", "int", "Status of the first final response."),
        C("reason_phrase", "text", "Reason phrase of that status.", mask=M.PHRASE),
        C(
            "outcome",
            "text",
            "Outcome of the transaction.",
            "RFC 3261 §17",
            values=words("completed cancelled provisional_only timeout pending orphan transport_error"),
            mask=M.OPEN,
        ),
        C("provisional_delay_s", "duration", "started_at to first_provisional_at."),
        C("final_delay_s", "duration", "started_at to final_at. For INVITE, this includes human reaction time."),
        C("request_copies", "int", "Number of times the request was sent; 1: never retransmitted, 0: not captured."),
        C(
            "response_copies",
            "int",
            "Number of times the final response was sent; 1: never retransmitted, 0: not captured.",
        ),
        C("call", "key", "Call; null outside calls."),
    ),
    made_by="analyzer.sip.transactions:transactions",
    belongs_to=("call",),
    shown=words(
        "started_at client server transport method cseq status reason_phrase outcome provisional_delay_s "
        "final_delay_s request_copies response_copies call_id"
    ),
    note=("A request and its responses on one hop (RFC 3261 §17). --status, --method and --outcome select rows here."),
    example="final_delay_s > 2 and method <> 'INVITE'",
)

MESSAGES = Table(
    "messages",
    "One observation of a SIP message.",
    (
        C("message", "key", "Key: hash of time, addresses, bytes, and the ordinal among equals."),
        C("file", "text", "File of the packet that completed the message.", mask=M.FILE),
        C("frame", "int", "Number of that packet in the file, from 1, as in Wireshark."),
        C("byte_offset", "int", "Position in the (decompressed) file of the message's first byte.", unit="bytes"),
        C("length", "int", "Captured length of the message in bytes.", unit="bytes"),
        C("time", "time", "Capture time of the packet that completed the message; null without a time stamp."),
        C("first_byte_at", "time", "Capture time of the earliest packet that contains a part of the message."),
        C(
            "point",
            "text",
            "Capture point. For a report of a HEP agent, the agent's name, otherwise hep: and its capture "
            "id or address.",
            mask=M.FILE,
        ),
        C(
            "interface",
            "text",
            (
                "Capture interface: its name in a pcapng file; its index if all interfaces were captured "
                "together (SLL2)."
            ),
            mask=M.FILE,
        ),
        C("src_ip", "text", "Innermost source address; null if the capture has no IP header.", mask=M.ADDRESS),
        C("src_port", "int", "Source port."),
        C("dst_ip", "text", "Innermost destination address.", mask=M.ADDRESS),
        C("dst_port", "int", "Destination port."),
        C("transport", "text", "Transport protocol.", values=TRANSPORTS, mask=M.OPEN),
        C(
            "tunnel",
            "text",
            (
                "Encapsulation of the innermost packet, outermost first, joined by /, each by its name in "
                "docs/encapsulation.md; null without encapsulation."
            ),
            mask=M.OPEN,
        ),
        C(
            "outer_src_ip",
            "text",
            "Source address of the outermost IP header, if the innermost is encapsulated in another.",
            mask=M.ADDRESS,
        ),
        C("outer_dst_ip", "text", "Destination address of the outermost IP header.", mask=M.ADDRESS),
        C("vlan", "text", "VLAN identifiers, outermost first, joined by /.", "IEEE 802.1Q", mask=M.OPEN),
        C("teid", "int", "Tunnel endpoint identifier of the innermost GTP-U header.", "TS 29.281 §5.1"),
        C("spi", "int", "Security parameters index of the innermost AH or ESP header.", "RFC 4302, RFC 4303"),
        C(
            "correlation_id",
            "text",
            "Correlation id assigned by the HEP agent that reported the message.",
            "HEP 0x11",
            mask=M.IDENTIFIER,
        ),
        C(
            "arrived_at",
            "time",
            "Capture time of the agent's report; time holds the agent's own time stamp. Null without an agent.",
        ),
        C("method", "text", "Method; for a response, the method in its CSeq.", "RFC 3261 §8.1.1.5", mask=M.FREE_TEXT),
        C("status", "int", "Status code; null for a request.", "RFC 3261 §7.2"),
        C("reason_phrase", "text", "Free text after the status code.", "RFC 3261 §7.2", mask=M.PHRASE),
        C("request_uri", "text", "Request-URI as sent.", "RFC 3261 §8.1.1.1", mask=M.URI),
        C("call_id", "text", "Call-ID.", "RFC 3261 §20.8", mask=M.IDENTIFIER),
        C("from_uri", "text", "addr-spec of From as sent.", "RFC 3261 §20.20", mask=M.URI),
        C("from_tag", "text", "tag of From.", "RFC 3261 §19.3", mask=M.IDENTIFIER),
        C("to_uri", "text", "addr-spec of To as sent.", "RFC 3261 §20.39", mask=M.URI),
        C("to_tag", "text", "tag of To.", "RFC 3261 §19.3", mask=M.IDENTIFIER),
        C("cseq", "int", "CSeq number.", "RFC 3261 §20.16"),
        C("via_branch", "text", "branch of the top Via.", "RFC 3261 §20.42", mask=M.IDENTIFIER),
        C("via_sent_by", "text", "sent-by of the top Via, host in lower case.", "RFC 3261 §20.42", mask=M.HOST),
        C("via_count", "int", "Number of Via entries; each proxy adds one.", "RFC 3261 §16.6"),
        C("max_forwards", "int", "Max-Forwards.", "RFC 3261 §20.22"),
        C("contact_uri", "text", "addr-spec of the first Contact, or *.", "RFC 3261 §20.10", mask=M.URI),
        C("contact_expires", "int", "expires parameter of the first Contact, seconds.", "RFC 3261 §10.2.1.1", unit="s"),
        C("expires", "int", "Expires header, seconds.", "RFC 3261 §20.19", unit="s"),
        C("asserted_identity", "text", "First addr-spec of P-Asserted-Identity.", "RFC 3325 §9.1", mask=M.URI),
        C("preferred_identity", "text", "First addr-spec of P-Preferred-Identity.", "RFC 3325 §9.2", mask=M.URI),
        C("private_id", "text", "username of Authorization or Proxy-Authorization.", "RFC 3261 §22.4", mask=M.USER),
        C("challenge", "bool", "The message carries WWW-Authenticate or Proxy-Authenticate.", "RFC 3261 §22"),
        C("credentials", "bool", "The message answers a challenge with a non-empty response.", "RFC 3261 §22"),
        C("stale", "bool", "The challenge has stale=true: only the nonce was too old.", "RFC 7616 §3.3"),
        C("require", "text", "Require as sent.", "RFC 3261 §20.32", mask=Header.REQUIRE),
        C("supported", "text", "Supported as sent.", "RFC 3261 §20.37", mask=Header.SUPPORTED),
        C("event", "text", "Event package.", "RFC 6665 §8.2.1", mask=Header.EVENT),
        C(
            "subscription_state",
            "text",
            "Subscription-State as sent.",
            "RFC 6665 §8.2.3",
            mask=Header.SUBSCRIPTION_STATE,
        ),
        C("rseq", "int", "RSeq of a reliable provisional response.", "RFC 3262 §7.1"),
        C("rack", "text", "RAck of a PRACK: RSeq, CSeq number, method.", "RFC 3262 §7.2", mask=Header.RACK),
        C("session_expires", "int", "Session-Expires, seconds.", "RFC 4028 §4", unit="s"),
        C("p_early_media", "text", "P-Early-Media as sent.", "RFC 5009 §8", mask=Header.EARLY_MEDIA),
        C("refer_to", "text", "Refer-To as sent.", "RFC 3515 §2.1", mask=Header.REFER_TO),
        C("replaces", "text", "Replaces as sent.", "RFC 3891 §6.1", mask=Header.REPLACES),
        C("warning", "text", "First Warning.", "RFC 3261 §20.43", mask=Header.WARNING),
        C("reason_header", "text", "First Reason header as sent.", "RFC 3326", mask=Header.REASON),
        C("icid", "text", "icid-value of P-Charging-Vector.", "RFC 7315 §5.6", mask=M.IDENTIFIER),
        C(
            "user_agent",
            "text",
            "User-Agent, or Server in a response.",
            "RFC 3261 §20.41, §20.35",
            mask=Header.USER_AGENT,
        ),
        C("content_type", "text", "Media type of the body in lower case.", "RFC 3261 §20.15", mask=Header.CONTENT_TYPE),
        C("body_length", "int", "Captured length of the body in bytes.", unit="bytes"),
        C("has_sdp", "bool", "The body is SDP or contains an SDP part.", "RFC 8866"),
        C("qos_pending", "bool", "The SDP has a mandatory precondition that is not met yet.", "RFC 3312 §5"),
        C("retransmission", "bool", "The sender sent the same message again on the same hop.", "RFC 3261 §17"),
        C(
            "duplicate",
            "bool",
            "The same packet was captured again (other interface, mirror, tap); no other table counts it.",
        ),
        C("original", "key", "For a duplicate, the message of the first observation."),
        C("complete", "bool", "All bytes of the message were captured."),
        C("transaction", "key", "Transaction; null for an ACK to a 2xx.", "RFC 3261 §17"),
        C("dialog", "key", "Dialog; null outside one, for an initial INVITE and for CANCEL.", "RFC 3261 §12"),
        C("call", "key", "Call; null outside calls."),
    ),
    made_by="analyzer.reading.native:Reading.tables",
    belongs_to=("transaction", "dialog", "call"),
    shown=words("time frame src dst transport method status reason_phrase from_uri to_uri call_id note message"),
    note=(
        "A message observed on two hops has two rows; a packet that was captured twice is marked as "
        "duplicate. --status and --method select rows here."
    ),
    example="via_count > 3 and has_sdp",
)

SDP = Table(
    "sdp",
    "One m= line of a session description in a message.",
    (
        C("message", "key", "Message that carries the session description, also within a multipart body."),
        C("index", "int", "Number of the m= line in the message, from 0.", "RFC 3264 §5"),
        C("media", "text", "audio video image application message text.", "RFC 8866 §5.14", mask=M.FREE_TEXT),
        C("port", "int", "Transport port; 0 if the stream is rejected or disabled.", "RFC 3264 §6"),
        C("port_count", "int", "Number of port pairs, if given.", "RFC 8866 §5.14"),
        C(
            "proto",
            "text",
            "Transport protocol: RTP/AVP, UDP/TLS/RTP/SAVPF, udptl ...",
            "RFC 8866 §5.14",
            mask=M.FREE_TEXT,
        ),
        C(
            "formats",
            "text",
            "Payload types or format names, in order of preference.",
            "RFC 8866 §5.14",
            mask=M.FREE_TEXT,
        ),
        C(
            "codecs",
            "text",
            (
                "Codec of each format, in the same order: from rtpmap, otherwise from the static payload "
                "type; ? if neither gives it."
            ),
            "RFC 8866 §6.6, RFC 3551 §6",
            mask=M.FREE_TEXT,
        ),
        C("fmtp", "text", "Format parameters as sent, joined by ' | '.", "RFC 8866 §6.15", mask=M.FREE_TEXT),
        C(
            "connection",
            "text",
            "Address in c= of the stream, otherwise of the session.",
            "RFC 8866 §5.7",
            mask=M.ADDRESS,
        ),
        C(
            "direction",
            "text",
            "Direction of the media from the sender's point of view.",
            "RFC 3264 §5.1",
            values=DIRECTIONS,
            mask=M.OPEN,
        ),
        C("bandwidth_kbps", "int", "b=AS, with IP and UDP headers, kbit/s.", "RFC 8866 §5.8", unit="kbit/s"),
        C("tias_bps", "int", "b=TIAS, without these headers, bit/s.", "RFC 3890", unit="bit/s"),
        C("rs_bps", "int", "b=RS: RTCP of senders, bit/s; 0 here and in rr_bps = no RTCP.", "RFC 3556", unit="bit/s"),
        C("rr_bps", "int", "b=RR: RTCP of receivers, bit/s.", "RFC 3556", unit="bit/s"),
        C("preconditions", "text", "curr, des and conf as sent, joined by '; '.", "RFC 3312 §4", mask=M.FREE_TEXT),
        C(
            "qos_local",
            "text",
            "Resources reserved on the sender's side.",
            "RFC 3312 §4",
            values=RESOURCES,
            mask=M.OPEN,
        ),
        C(
            "qos_remote",
            "text",
            "Resources reserved on the other side, as known to the sender.",
            "RFC 3312 §4",
            values=RESOURCES,
            mask=M.OPEN,
        ),
        C("qos_pending", "bool", "A mandatory precondition of the stream is not met yet.", "RFC 3312 §5"),
        C("ptime", "int", "Milliseconds of media in a packet.", "RFC 8866 §6.4", unit="ms"),
        C("maxptime", "int", "Maximum milliseconds of media in a packet.", "RFC 8866 §6.5", unit="ms"),
        C("rtcp_port", "int", "RTCP port, if given.", "RFC 3605"),
        C("rtcp_mux", "bool", "RTP and RTCP share one port.", "RFC 5761"),
        C("mid", "text", "Identification of the stream.", "RFC 5888", mask=M.FREE_TEXT),
        C("ice", "bool", "ICE is offered.", "RFC 8839"),
        C("candidates", "int", "ICE candidates.", "RFC 8839 §5.1"),
        C(
            "setup",
            "text",
            "actpass active passive holdconn: the side that opens the connection.",
            "RFC 4145, RFC 5763",
            mask=M.FREE_TEXT,
        ),
        C("crypto", "text", "Suites of SDES, without their keys.", "RFC 4568", mask=M.FREE_TEXT),
        C("origin_username", "text", "Username of o=.", "RFC 8866 §5.2", mask=M.USER),
        C("session_id", "text", "sess-id of o=.", "RFC 8866 §5.2", mask=M.IDENTIFIER),
        C("session_version", "int", "sess-version of o=; increases with every change.", "RFC 3264 §8"),
        C("origin_address", "text", "Address of o=.", "RFC 8866 §5.2", mask=M.ADDRESS),
        C("early_session", "bool", "The body has the disposition early-session.", "RFC 3959"),
        C(
            "role",
            "text",
            "Role of the description in its offer/answer exchange.",
            "RFC 3264, RFC 6337 §2",
            values=words("offer answer unknown"),
            mask=M.OPEN,
        ),
        C(
            "preview",
            "bool",
            "An unreliable 18x carries a copy of the answer to come; it is not the answer itself.",
            "RFC 3261 §13.2.1, RFC 6337 §2.3",
        ),
    ),
    made_by="analyzer.sip.offer_answer:sdp",
    belongs_to=("message",),
    shown=words(
        "message index role preview media connection port proto codecs direction bandwidth_kbps ptime "
        "qos_local qos_remote"
    ),
    note=("In message order, without duplicates but with retransmissions. SRTP keys are never shown."),
    example="role = 'answer' and direction <> 'sendrecv'",
)

OFFERS = Table(
    "offers",
    "One m= line of an offer/answer exchange.",
    (
        C("offer", "key", "Message with the offer.", "RFC 3264 §5"),
        C("answer", "key", "Message with the answer; null if there is none.", "RFC 3264 §6"),
        C("index", "int", "Number of the m= line, from 0.", "RFC 3264 §5"),
        C("media", "text", "audio video image application message text.", mask=M.FREE_TEXT),
        C(
            "pattern",
            "int",
            "1 INVITE/2xx, 2 2xx/ACK, 3 INVITE/reliable 1xx, 4 reliable 1xx/PRACK, 5 PRACK/2xx, 6 UPDATE/2xx.",
            "RFC 6337 table 1",
        ),
        C(
            "offered_by",
            "text",
            "Side of the dialog that made the offer; the local side created the dialog.",
            values=words("local remote"),
            mask=M.OPEN,
        ),
        C("offered_at", "time", "First byte of a request, last byte of a response."),
        C("answered_at", "time", "The same for the answer."),
        C(
            "state",
            "text",
            "Outcome of the exchange for this line.",
            "RFC 3264 §6, §8.2",
            values=(
                "agreed",
                ("rejected", "by port 0, or by a final response of 300-699"),
                ("removed", "by port 0 in the offer"),
                "unanswered",
                "pending",
            ),
            mask=M.OPEN,
        ),
        C("status", "int", "Final status of the request whose transaction carries the offer.", "RFC 6337 §2"),
        C("offered_codecs", "text", "Codecs of the offer, in its order of preference.", mask=M.FREE_TEXT),
        C(
            "codecs",
            "text",
            "Codecs of the answer, in its order of preference, if accepted.",
            "RFC 3264 §6.1",
            mask=M.FREE_TEXT,
        ),
        C(
            "direction",
            "text",
            "Direction of the negotiated media from the local side's point of view.",
            values=DIRECTIONS,
            mask=M.OPEN,
        ),
        C("local_connection", "text", "Address on which the local side receives.", mask=M.ADDRESS),
        C("local_port", "int", "Port of the local side."),
        C("remote_connection", "text", "Address on which the remote side receives.", mask=M.ADDRESS),
        C("remote_port", "int", "Port of the remote side."),
        C(
            "qos_local",
            "text",
            "Resources reserved by the local side after the exchange.",
            "RFC 3312 §4",
            values=RESOURCES,
            mask=M.OPEN,
        ),
        C(
            "qos_remote",
            "text",
            "Resources reserved by the remote side after the exchange.",
            "RFC 3312 §4",
            values=RESOURCES,
            mask=M.OPEN,
        ),
        C("qos_pending", "bool", "A mandatory precondition was not met after the exchange.", "RFC 3312 §5"),
        C("dialog", "key", "Dialog; null for an INVITE that created none."),
        C("call", "key", "Call; null outside calls."),
    ),
    made_by="analyzer.sip.offer_answer:offers",
    belongs_to=("dialog", "call"),
    shown=words(
        "offered_at answered_at pattern offered_by index media state status codecs direction local_connection "
        "local_port remote_connection remote_port qos_pending offer"
    ),
    note=(
        "Measured at the reference hop of the dialog, ordered by the time of the offer. The local "
        "side is the one that created the dialog."
    ),
    example="state = 'rejected' and media = 'video'",
)

HOLDS = Table(
    "holds",
    "One hold interval of a media stream.",
    (
        C("call", "key", "Call; null outside calls."),
        C("dialog", "key", "Dialog."),
        C("index", "int", "Number of the m= line, from 0."),
        C("media", "text", "audio video ...", mask=M.FREE_TEXT),
        C(
            "held_by",
            "text",
            "Side that asked the other not to send, once the dialog was confirmed.",
            "RFC 3264 §8.4",
            values=(
                "caller",
                "callee",
                "both",
                ("unknown", "the dialog is older than the capture"),
            ),
            mask=M.OPEN,
        ),
        C("started_at", "time", "Answer to the offer that put it on hold."),
        C(
            "ended_at",
            "time",
            "Answer to the offer that ended the hold, or the end of the dialog; null while the hold lasts.",
        ),
        C("duration_s", "duration", "started_at to ended_at."),
    ),
    made_by="analyzer.sip.holds:holds",
    belongs_to=("dialog", "call"),
    shown=words("started_at ended_at duration_s held_by index media call"),
    note="Measured at the reference hop of the dialog; times are those of the answers.",
    example="held_by = 'callee' and duration_s > 60",
)

OFFER_ANSWER_VIOLATIONS = Table(
    "offer_answer_violations",
    "One breach of the offer/answer rules.",
    (
        C("message", "key", "Message that violates the rule."),
        C(
            "code",
            "text",
            "Rule that was violated.",
            values=words(
                "answer_missing offer_missing answer_not_asked answer_changed media_count_differs "
                "media_type_differs protocol_differs direction_not_allowed no_common_format offer_before_answer "
                "version_not_raised media_lines_dropped"
            ),
            mask=M.OPEN,
        ),
        C("detail", "text", "Value found, and value expected.", mask=M.SENTENCE),
        C("standard", "text", "Clause of the rule.", mask=M.OPEN),
        C("index", "int", "Number of the m= line, from 0; null if the violation concerns the whole description."),
        C("dialog", "key", "Dialog; null outside one."),
        C("call", "key", "Call; null outside calls."),
    ),
    made_by="analyzer.diagnose.offer_answer_violations:offer_answer_violations",
    belongs_to=("dialog", "call"),
    shown=words("message code index detail standard call"),
    note="Checked at the reference hop of each dialog; in message order.",
    example="code = 'answer_missing'",
)

REGISTRATIONS = Table(
    "registrations",
    "One registration attempt: the REGISTERs of one binding until a 2xx or a final response that is not a challenge.",
    (
        C("registration", "key", "Key: message of its earliest message."),
        C("aor", "text", "Address of record: addr-spec of To.", "RFC 3261 §10", mask=M.URI),
        C("contact", "text", "addr-spec of Contact.", mask=M.URI),
        C("private_id", "text", "Private identity: username of the credentials.", mask=M.USER),
        C("started_at", "time", "First byte of the first REGISTER."),
        C("ended_at", "time", "Last final response of the attempt."),
        C("outcome", "text", "Outcome of the attempt.", values=REGISTRATION_OUTCOMES, mask=M.OPEN),
        C("kind", "text", "Kind of registration.", values=REGISTRATION_KINDS, mask=M.OPEN),
        C("challenges", "int", "Number of 401 and 407 responses in the attempt."),
        C("status", "int", "Last final status."),
        C(
            "expires_s",
            "int",
            "Expiry granted by the registrar, seconds; null if none was granted.",
            "RFC 3261 §10.3",
            unit="s",
        ),
        C("delay_s", "duration", "First REGISTER to the 200: registration request delay.", "RFC 6076 §4.1"),
        C("registrar", "text", "ip:port that answered at the reference hop.", mask=M.HOST),
        C("call_id", "text", "Call-ID of the first REGISTER.", mask=M.IDENTIFIER),
    ),
    made_by="analyzer.sip.registrations:with_requests",
    shown=words("started_at aor contact kind outcome status challenges expires_s delay_s registrar"),
    note="--outcome and --status refer to the attempt.",
    example="challenges > 1 or delay_s > 5",
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    "One subscription: an event package between a subscriber and a notifier.",
    (
        C(
            "subscription",
            "key",
            (
                "Key: the earliest request, as the message of its earliest observation; for a further fork, "
                "its first NOTIFY, otherwise the 2xx that created it."
            ),
        ),
        C(
            "kind",
            "text",
            "Request that created the subscription.",
            "RFC 6665, RFC 3515",
            values=words("subscribe refer"),
            mask=M.OPEN,
        ),
        C("package", "text", "Event package, in lower case.", "RFC 6665 §4", mask=M.FREE_TEXT),
        C("event_id", "text", "id of Event.", "RFC 6665 §4.5.2", mask=M.FREE_TEXT),
        C(
            "subscriber",
            "text",
            "Subscriber that sent the request: the asserted identity, otherwise From.",
            mask=M.SUBSCRIBER,
        ),
        C("resource", "text", "Resource whose state is subscribed to: To of the request.", mask=M.SUBSCRIBER),
        C("refer_to", "text", "Refer-To of a REFER.", "RFC 3515 §2.1", mask=Header.REFER_TO),
        C("started_at", "time", "First byte of the first request; null if the subscription began before the capture."),
        C("status", "int", "Final status of the request; if it was repeated (401, 407, 423 ...), of the last one."),
        C("asked_s", "int", "Requested expiry, seconds.", "RFC 6665 §3.1.1", unit="s"),
        C(
            "granted_s",
            "int",
            "Granted expiry, seconds; the requested one if the 2xx gives none.",
            "RFC 6665 §4.2.1.1",
            unit="s",
        ),
        C("refreshes", "int", "Number of SUBSCRIBEs that extended the subscription."),
        C("notifies", "int", "Number of NOTIFYs, each counted once over all hops, without retransmissions."),
        C("first_notify_at", "time", "Time of the first NOTIFY."),
        C("notify_delay_s", "duration", "started_at to first_notify_at."),
        C(
            "state",
            "text",
            "pending active terminated: from the last NOTIFY, or implied by the end of the subscription.",
            "RFC 6665 §4.1.3",
            mask=M.FREE_TEXT,
        ),
        C("states", "text", "States in the NOTIFYs, in order, separated by spaces.", mask=M.FREE_TEXT),
        C(
            "result",
            "int",
            "For a REFER, the last status of the referred request, from message/sipfrag.",
            "RFC 3515 §2.4.5",
        ),
        C("ended_at", "time", "Time when the subscription ended, if known."),
        C(
            "ended_by",
            "text",
            "Side that ended the subscription; null while it is active.",
            values=words("subscriber notifier unknown"),
            mask=M.OPEN,
        ),
        C(
            "end_reason",
            "text",
            (
                "Reason in the last NOTIFY: deactivated probation rejected timeout giveup noresource "
                "invariant, or terminated if it gives no reason. Otherwise unsubscribed, fetched (requested "
                "once, with Expires 0), refused (by a final response), unanswered, refresh_refused, "
                "notify_refused, expired, no_notify (accepted, then no NOTIFY for 64 T1), open, joined (began "
                "before the capture)."
            ),
            "RFC 6665 §4.1.3, §4.4.1",
            mask=M.FREE_TEXT,
        ),
        C("dialog", "key", "Dialog; null if none was created."),
        C("call", "key", "Call, for a subscription within a call's dialog; otherwise null."),
    ),
    made_by="analyzer.sip.subscriptions:subscriptions",
    belongs_to=(("subscription", "message"),),
    shown=words(
        "started_at kind package subscriber resource status granted_s refreshes notifies state result "
        "ended_at ended_by end_reason"
    ),
    note="RFC 6665. A REFER creates a subscription too. A subscription is never a call.",
    example="package = 'reg' and end_reason <> 'open'",
)

PUBLICATIONS = Table(
    "publications",
    "One PUBLISH, once over all its hops.",
    (
        C("publish", "key", "The PUBLISH: message of its earliest observation."),
        C("publication", "key", "First captured PUBLISH of the chain, as in publish."),
        C("published_at", "time", "First byte of the PUBLISH."),
        C(
            "action",
            "text",
            "Purpose of the PUBLISH.",
            "RFC 3903 §4",
            values=words("publish refresh modify remove"),
            mask=M.OPEN,
        ),
        C("package", "text", "Event package.", "RFC 3903 §5", mask=M.FREE_TEXT),
        C(
            "publisher",
            "text",
            "Subscriber that sent the PUBLISH: the asserted identity, otherwise From.",
            mask=M.SUBSCRIBER,
        ),
        C("resource", "text", "Resource whose state is published: To.", mask=M.SUBSCRIBER),
        C("status", "int", "Final status; 412: the compositor does not know the entity-tag.", "RFC 3903 §11.2.1"),
        C("delay_s", "duration", "published_at to the final response."),
        C("asked_s", "int", "Requested expiry, seconds.", unit="s"),
        C("granted_s", "int", "Granted expiry, seconds.", "RFC 3903 §6", unit="s"),
        C(
            "if_match",
            "text",
            "SIP-If-Match: the state that the PUBLISH refers to.",
            "RFC 3903 §11.3.2",
            mask=M.IDENTIFIER,
        ),
        C("etag", "text", "SIP-ETag of the 2xx.", "RFC 3903 §11.3.1", mask=M.IDENTIFIER),
        C(
            "end_reason",
            "text",
            "End of the published state; null if no state was stored.",
            values=(
                ("replaced", "by a PUBLISH that names its SIP-ETag"),
                "expired",
                "open",
            ),
            mask=M.OPEN,
        ),
    ),
    made_by="analyzer.sip.subscriptions:publications",
    belongs_to=(("publish", "message"),),
    shown=words("published_at action package publisher status granted_s if_match etag end_reason"),
    note="PUBLISHes of one event state form a chain by their entity-tags (RFC 3903).",
    example="status = 412",
)

FIELDS = Table(
    "headers",
    "One header field with one of the given names, in any message.",
    (
        C("message", "key", "Message that carries the header field."),
        C("time", "time", "Time of the observation."),
        C("src_ip", "text", "Sender of the message.", mask=M.ADDRESS),
        C("src_port", "int", "Port of the sender."),
        C("dst_ip", "text", "Receiver.", mask=M.ADDRESS),
        C("dst_port", "int", "Port of the receiver."),
        C("method", "text", "Method of a request; for a response, the method in its CSeq.", mask=M.FREE_TEXT),
        C("status", "int", "Status code; null for a request."),
        C("call_id", "text", "Call-ID.", mask=M.IDENTIFIER),
        C("call", "key", "The call that the message belongs to; null outside calls."),
        C(
            "name",
            "text",
            "Registered long form, whichever form was sent; an unregistered name as you gave it.",
            "RFC 3261 §7.3.3",
            mask=M.OPEN,
        ),
        C("ordinal", "int", "Number of the field among fields of this name in the message, from 1."),
        C(
            "value",
            "text",
            (
                "Field value after the colon, on one line, not split at commas; null if empty. Digest "
                "responses and keys are (hidden)."
            ),
            "RFC 3261 §7.3.1",
            mask=M.NAMED_HEADER,
        ),
    ),
    made_by="analyzer.sip.headers:headers",
    belongs_to=("message",),
    asked=True,
    shown=words("time src dst method status name ordinal value"),
    note=(
        "In message order, duplicates left out. Compact and long forms are one name; values are whole, "
        "digest responses and keys hidden."
    ),
    example="status >= 400",
)
