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
        C("no", "int", "1..n by start in this view; for people, never for joins."),
        C("reference", "key", "transaction of the INVITE at the hop where every figure of the row was taken."),
        C("caller", "text", "Subscriber that calls.", "RFC 3325; else From", mask=M.SUBSCRIBER),
        C(
            "callee",
            "text",
            "Subscriber that is called: the first Request-URI, normalised.",
            "RFC 3261 §19.1.6, RFC 3966",
            mask=M.SUBSCRIBER,
        ),
        C("request_uri", "text", "First Request-URI as sent.", mask=M.URI),
        C("started_at", "time", "First byte of the first INVITE."),
        C("ringing_at", "time", "First 180."),
        C(
            "early_media_at",
            "time",
            "First 18x with SDP that authorises media, and with a stream that the callee may send on.",
            "RFC 5009, RFC 3312, RFC 3264",
        ),
        C("answered_at", "time", "First 2xx to the INVITE."),
        C("ended_at", "time", "BYE, or the final response of a call that was not answered."),
        C(
            "outcome",
            "text",
            "How the attempt ended.",
            values=words(
                "answered answered_elsewhere redirected cancelled busy no_answer rejected unreachable "
                "negotiation_failed auth_failed server_failure client_error timeout unfinished joined"
            ),
            mask=M.OPEN,
        ),
        C(
            "outcome_detail",
            "text",
            "Kind of that outcome; null where the outcome tells all.",
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
        C("reason_phrase", "text", "Its reason phrase.", mask=M.PHRASE),
        C("reason_header", "text", "Reason of the message that ended the call.", "RFC 3326", mask=Header.REASON),
        C("pdd_s", "duration", "Post-dial delay: INVITE to the earliest of 180, authorised early media, 200."),
        C("srd_s", "duration", "Session request delay: INVITE to the first 101-199 or 200.", "RFC 6076 §4.3"),
        C("alert_s", "duration", "INVITE to 180."),
        C("setup_s", "duration", "INVITE to 200; null unless answered."),
        C("ring_s", "duration", "180 to 200."),
        C("talk_s", "duration", "200 to BYE on the branch that lived.", "RFC 6076 §4.5"),
        C(
            "hold_s",
            "duration",
            (
                "Time of it in which some stream was on hold; null unless answered, and where a hold outlasts the "
                "capture."
            ),
            "RFC 3264 §8.4",
        ),
        C(
            "codecs",
            "text",
            ("Codecs of all streams as last agreed on the branch that lived, in the answerer's order of preference."),
            "RFC 3264 §6.1",
            mask=M.FREE_TEXT,
        ),
        C(
            "released_by",
            "text",
            "Party that ended it, by BYE, CANCEL or final response; null while it lives.",
            values=words("caller callee network unknown"),
            mask=M.OPEN,
        ),
        C("legs", "int", "Legs (Call-ID and From tag) in it."),
        C("hops", "int", "Hops its first INVITE was seen on."),
        C("call_ids", "texts", "Call-IDs in it.", mask=M.IDENTIFIER),
        C("icid", "text", "icid-value of the first INVITE that has one.", "RFC 7315 §5.6", mask=M.IDENTIFIER),
        C("retransmissions", "int", "Messages of it that were sent again, on all hops."),
        C("emergency", "bool", "urn:service:sos.", "RFC 5031"),
    ),
    made_by="analyzer.sip.attempts:attempts",
    shown=words(
        "no started_at caller callee outcome outcome_detail status reason_phrase pdd_s setup_s talk_s "
        "released_by legs hops retransmissions"
    ),
    note=("Times and status are those of its reference hop. The number in front is the one that call and ladder take."),
    example="pdd_s > 2 and outcome = 'busy'",
)

DIALOGS = Table(
    "dialogs",
    "One dialog: a Call-ID and a pair of tags, over all its hops.",
    (
        C("dialog", "key", "Key: message of its earliest message."),
        C("usage", "text", "Usage of the dialog.", "RFC 5057", values=words("invite subscribe refer"), mask=M.OPEN),
        C("call_id", "text", "Call-ID.", mask=M.IDENTIFIER),
        C("local_tag", "text", "Tag of the side that created it.", "RFC 3261 §12", mask=M.IDENTIFIER),
        C("remote_tag", "text", "Tag of the other side.", mask=M.IDENTIFIER),
        C("local_uri", "text", "URI of the side that created it.", mask=M.URI),
        C("remote_uri", "text", "URI of the other side.", mask=M.URI),
        C(
            "state",
            "text",
            "State as last seen.",
            "RFC 3261 §12",
            values=words("early confirmed terminated"),
            mask=M.OPEN,
        ),
        C("early_at", "time", "First 101-199 with this To tag."),
        C("confirmed_at", "time", "First 2xx (invite), 2xx or NOTIFY (subscribe), NOTIFY (refer)."),
        C("ended_at", "time", "When it ended."),
        C(
            "ended_by",
            "text",
            "Side that ended it; null while it lives.",
            values=words("local remote network unknown"),
            mask=M.OPEN,
        ),
        C(
            "end_reason",
            "text",
            "Why it ended.",
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
        C("method", "text", "Method of the request; from CSeq where only responses were seen.", mask=M.FREE_TEXT),
        C("cseq", "int", "CSeq number."),
        C("branch", "text", "branch of the top Via on this hop.", "RFC 3261 §17.1.3, §17.2.3", mask=M.IDENTIFIER),
        C("client_ip", "text", "Sender of the request.", mask=M.ADDRESS),
        C("client_port", "int", "Its port."),
        C("server_ip", "text", "Receiver of the request.", mask=M.ADDRESS),
        C("server_port", "int", "Its port."),
        C("transport", "text", "Transport protocol.", values=TRANSPORTS, mask=M.OPEN),
        C("via_count", "int", "Via entries of the request on this hop; 1 at the user agent."),
        C("request_uri", "text", "Request-URI on this hop.", mask=M.URI),
        C("started_at", "time", "First byte of the first request; null where only responses were seen."),
        C("first_provisional_at", "time", "First 1xx."),
        C("final_at", "time", "First final response."),
        C("status", "int", "Status of the first final response."),
        C("reason_phrase", "text", "Its reason phrase.", mask=M.PHRASE),
        C(
            "outcome",
            "text",
            "How it ended.",
            "RFC 3261 §17",
            values=words("completed cancelled provisional_only timeout pending orphan transport_error"),
            mask=M.OPEN,
        ),
        C("provisional_delay_s", "duration", "started_at to first_provisional_at."),
        C("final_delay_s", "duration", "started_at to final_at. For INVITE this holds human time."),
        C("request_copies", "int", "Times the request was sent; 1 = never resent, 0 = not seen."),
        C("response_copies", "int", "Times the final was sent; 1 = never resent, 0 = none seen."),
        C("call", "key", "Call; null outside calls."),
    ),
    made_by="analyzer.sip.transactions:transactions",
    belongs_to=("call",),
    shown=words(
        "started_at client server transport method cseq status reason_phrase outcome provisional_delay_s "
        "final_delay_s request_copies response_copies call_id"
    ),
    note=("A request and its responses on one hop (RFC 3261 §17). --status, --method and --outcome pick rows here."),
    example="final_delay_s > 2 and method <> 'INVITE'",
)

MESSAGES = Table(
    "messages",
    "One sighting of a SIP message.",
    (
        C("message", "key", "Key: hash of time, addresses, bytes, and the ordinal among equals."),
        C("file", "text", "File of the packet that completed the message.", mask=M.FILE),
        C("frame", "int", "That packet's number in the file, from 1, as Wireshark counts."),
        C("offset", "int", "Position in the (decompressed) file of the message's first byte.", unit="bytes"),
        C("length", "int", "Bytes of the message as captured.", unit="bytes"),
        C("time", "time", "When the packet that completed the message was captured; null without a time stamp."),
        C("first_byte_at", "time", "When the earliest packet that holds a part of it was captured."),
        C(
            "point",
            "text",
            "Capture point; of what a HEP agent reported its name, else hep: and its capture id or address.",
            mask=M.FILE,
        ),
        C(
            "interface",
            "text",
            ("Interface it was captured on: its name in a pcapng; its index where all were captured at once (SLL2)."),
            mask=M.FILE,
        ),
        C("src_ip", "text", "Innermost source address; null where the capture has no IP header.", mask=M.ADDRESS),
        C("src_port", "int", "Source port."),
        C("dst_ip", "text", "Innermost destination address.", mask=M.ADDRESS),
        C("dst_port", "int", "Destination port."),
        C("transport", "text", "Transport protocol.", values=TRANSPORTS, mask=M.OPEN),
        C(
            "tunnel",
            "text",
            (
                "What carried the innermost packet, outermost first, joined by /: mpls pppoe l2tp gre erspan "
                "etherip vxlan geneve tzsp gtpu ipip 6in4 4in6 6in6 ah esp hep; null where nothing did."
            ),
            mask=M.OPEN,
        ),
        C(
            "outer_src_ip",
            "text",
            "Source address of the outermost IP header, where there is one around the innermost.",
            mask=M.ADDRESS,
        ),
        C("outer_dst_ip", "text", "Its destination address.", mask=M.ADDRESS),
        C("vlan", "text", "VLAN identifiers, outermost first, joined by /.", "IEEE 802.1Q", mask=M.OPEN),
        C("teid", "int", "Tunnel endpoint identifier of the innermost GTP-U header.", "TS 29.281 §5.1"),
        C("spi", "int", "Security parameters index of the innermost AH or ESP header.", "RFC 4302, RFC 4303"),
        C("correlation_id", "text", "What the agent that reported it correlates it by.", "HEP 0x11", mask=M.IDENTIFIER),
        C(
            "arrived_at",
            "time",
            "When the agent's report was captured; its own time is in time. Null without an agent.",
        ),
        C("method", "text", "Method; a response has that of its CSeq.", "RFC 3261 §8.1.1.5", mask=M.FREE_TEXT),
        C("status", "int", "Status code; null marks a request.", "RFC 3261 §7.2"),
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
        C("via_count", "int", "Via entries; one more for each proxy passed.", "RFC 3261 §16.6"),
        C("max_forwards", "int", "Max-Forwards.", "RFC 3261 §20.22"),
        C("contact_uri", "text", "addr-spec of the first Contact, or *.", "RFC 3261 §20.10", mask=M.URI),
        C("contact_expires", "int", "expires parameter of the first Contact, seconds.", "RFC 3261 §10.2.1.1", unit="s"),
        C("expires", "int", "Expires header, seconds.", "RFC 3261 §20.19", unit="s"),
        C("asserted_identity", "text", "First addr-spec of P-Asserted-Identity.", "RFC 3325 §9.1", mask=M.URI),
        C("preferred_identity", "text", "First addr-spec of P-Preferred-Identity.", "RFC 3325 §9.2", mask=M.URI),
        C("private_id", "text", "username of Authorization or Proxy-Authorization.", "RFC 3261 §22.4", mask=M.USER),
        C("challenge", "bool", "Carries WWW-Authenticate or Proxy-Authenticate.", "RFC 3261 §22"),
        C("credentials", "bool", "Carries an answer to a challenge (a response that is not empty).", "RFC 3261 §22"),
        C("stale", "bool", "The challenge says stale=true: only the nonce was too old.", "RFC 7616 §3.3"),
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
        C("body_length", "int", "Bytes of the body as captured.", unit="bytes"),
        C("has_sdp", "bool", "The body is SDP or holds an SDP part.", "RFC 8866"),
        C("qos_pending", "bool", "Its SDP has a mandatory precondition that is not met yet.", "RFC 3312 §5"),
        C("retransmission", "bool", "The same message sent again on the same hop by its sender.", "RFC 3261 §17"),
        C("duplicate", "bool", "The same packet seen again (other interface, mirror, tap); counts in no other table."),
        C("original", "key", "message of the first sighting, where duplicate."),
        C("complete", "bool", "All its bytes were captured."),
        C("transaction", "key", "Transaction; null for an ACK to a 2xx.", "RFC 3261 §17"),
        C("dialog", "key", "Dialog; null outside one, for an initial INVITE and for CANCEL.", "RFC 3261 §12"),
        C("call", "key", "Call; null outside calls."),
    ),
    made_by="analyzer.reading.native:Reading.tables",
    belongs_to=("transaction", "dialog", "call"),
    shown=words("time frame src dst transport method status reason_phrase from_uri to_uri call_id note message"),
    note=(
        "The same message on two hops is two rows; a packet that was captured twice is marked as "
        "duplicate. --status and --method pick rows here."
    ),
    example="via_count > 3 and has_sdp",
)

SDP = Table(
    "sdp",
    "One m= line of a session description in a message.",
    (
        C("message", "key", "Message that carries it, also within a multipart body."),
        C("index", "int", "Number of the m= line in the message, from 0.", "RFC 3264 §5"),
        C("media", "text", "audio video image application message text.", "RFC 8866 §5.14", mask=M.FREE_TEXT),
        C("port", "int", "Transport port; 0 = rejected or taken out of use.", "RFC 3264 §6"),
        C("port_count", "int", "Number of port pairs, where stated.", "RFC 8866 §5.14"),
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
            ("Codec of each format, in the same order: rtpmap, else the static payload type; ? where neither tells."),
            "RFC 8866 §6.6, RFC 3551 §6",
            mask=M.FREE_TEXT,
        ),
        C("fmtp", "text", "Format parameters as sent, joined by ' | '.", "RFC 8866 §6.15", mask=M.FREE_TEXT),
        C("connection", "text", "Address of c=, of the stream, else of the session.", "RFC 8866 §5.7", mask=M.ADDRESS),
        C(
            "direction",
            "text",
            "Direction of the media, as its sender sees it.",
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
            "Resources reserved on its sender's side.",
            "RFC 3312 §4",
            values=RESOURCES,
            mask=M.OPEN,
        ),
        C(
            "qos_remote",
            "text",
            "Resources reserved on the other side, as far as its sender knows.",
            "RFC 3312 §4",
            values=RESOURCES,
            mask=M.OPEN,
        ),
        C("qos_pending", "bool", "A mandatory precondition of it is not met yet.", "RFC 3312 §5"),
        C("ptime", "int", "Milliseconds of media in a packet.", "RFC 8866 §6.4", unit="ms"),
        C("maxptime", "int", "Most milliseconds of media in a packet.", "RFC 8866 §6.5", unit="ms"),
        C("rtcp_port", "int", "Port of RTCP, where stated.", "RFC 3605"),
        C("rtcp_mux", "bool", "RTP and RTCP on one port.", "RFC 5761"),
        C("mid", "text", "Identification of the stream.", "RFC 5888", mask=M.FREE_TEXT),
        C("ice", "bool", "ICE is offered.", "RFC 8839"),
        C("candidates", "int", "ICE candidates.", "RFC 8839 §5.1"),
        C(
            "setup",
            "text",
            "actpass active passive holdconn: who opens the connection.",
            "RFC 4145, RFC 5763",
            mask=M.FREE_TEXT,
        ),
        C("crypto", "text", "Suites of SDES, without their keys.", "RFC 4568", mask=M.FREE_TEXT),
        C("origin_username", "text", "Username of o=.", "RFC 8866 §5.2", mask=M.USER),
        C("session_id", "text", "sess-id of o=.", "RFC 8866 §5.2", mask=M.IDENTIFIER),
        C("session_version", "int", "sess-version of o=; one more with every change.", "RFC 3264 §8"),
        C("origin_address", "text", "Address of o=.", "RFC 8866 §5.2", mask=M.ADDRESS),
        C("early_session", "bool", "Of a body with the disposition early-session.", "RFC 3959"),
        C(
            "role",
            "text",
            "Role of the description in its exchange.",
            "RFC 3264, RFC 6337 §2",
            values=words("offer answer unknown"),
            mask=M.OPEN,
        ),
        C(
            "preview",
            "bool",
            "An unreliable 18x's copy of the answer that is to come: not the answer itself.",
            "RFC 3261 §13.2.1, RFC 6337 §2.3",
        ),
    ),
    made_by="analyzer.sip.offer_answer:sdp",
    belongs_to=("message",),
    shown=words(
        "message index role preview media connection port proto codecs direction bandwidth_kbps ptime "
        "qos_local qos_remote"
    ),
    note=(
        "In message order. Duplicates of the capture are left out, retransmissions are not. Keys of SRTP "
        "are never shown."
    ),
    example="role = 'answer' and direction <> 'sendrecv'",
)

OFFERS = Table(
    "offers",
    "One m= line of an offer/answer exchange.",
    (
        C("offer", "key", "Message with the offer.", "RFC 3264 §5"),
        C("answer", "key", "Message with the answer; null where there is none.", "RFC 3264 §6"),
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
            "Side of the dialog that made the offer; local created the dialog.",
            values=words("local remote"),
            mask=M.OPEN,
        ),
        C("offered_at", "time", "First byte of a request, last byte of a response."),
        C("answered_at", "time", "The same of the answer."),
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
            "Codecs of the answer, in its order of preference, where agreed.",
            "RFC 3264 §6.1",
            mask=M.FREE_TEXT,
        ),
        C(
            "direction",
            "text",
            "Direction of the media as the local side sees it, where agreed.",
            values=DIRECTIONS,
            mask=M.OPEN,
        ),
        C("local_connection", "text", "Address on which the local side receives.", mask=M.ADDRESS),
        C("local_port", "int", "Its port."),
        C("remote_connection", "text", "Address on which the remote side receives.", mask=M.ADDRESS),
        C("remote_port", "int", "Its port."),
        C(
            "qos_local",
            "text",
            "Resources reserved by the local side after it.",
            "RFC 3312 §4",
            values=RESOURCES,
            mask=M.OPEN,
        ),
        C(
            "qos_remote",
            "text",
            "Resources reserved by the remote side after it.",
            "RFC 3312 §4",
            values=RESOURCES,
            mask=M.OPEN,
        ),
        C("qos_pending", "bool", "A mandatory precondition was not met after it.", "RFC 3312 §5"),
        C("dialog", "key", "Dialog; null for an INVITE that made none."),
        C("call", "key", "Call; null outside calls."),
    ),
    made_by="analyzer.sip.offer_answer:offers",
    belongs_to=("dialog", "call"),
    shown=words(
        "offered_at answered_at pattern offered_by index media state status codecs direction local_connection "
        "local_port remote_connection remote_port qos_pending offer"
    ),
    note=(
        "Read at the reference hop of its dialog, by the time of the offer. The local side is the one "
        "that created the dialog."
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
            "Side that asked the other not to send, after the dialog was confirmed.",
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
        C("ended_at", "time", "Answer to the offer that changed that, or the end of the dialog; null while it lasts."),
        C("duration_s", "duration", "started_at to ended_at."),
    ),
    made_by="analyzer.sip.holds:holds",
    belongs_to=("dialog", "call"),
    shown=words("started_at ended_at duration_s held_by index media call"),
    note="Read at the reference hop of its dialog; times are those of the answers.",
    example="held_by = 'callee' and duration_s > 60",
)

VIOLATIONS = Table(
    "violations",
    "One breach of the rules of offer and answer.",
    (
        C("message", "key", "Message that breaks the rule."),
        C(
            "code",
            "text",
            "Rule that was broken.",
            values=words(
                "answer_missing offer_missing answer_not_asked answer_changed media_count_differs "
                "media_type_differs protocol_differs direction_not_allowed no_common_format offer_before_answer "
                "version_not_raised media_lines_dropped"
            ),
            mask=M.OPEN,
        ),
        C("detail", "text", "What there is, and instead of what.", mask=M.SENTENCE),
        C("standard", "text", "The rule.", mask=M.OPEN),
        C("index", "int", "Number of the m= line, from 0; null where the whole is concerned."),
        C("dialog", "key", "Dialog; null outside one."),
        C("call", "key", "Call; null outside calls."),
    ),
    made_by="analyzer.diagnose.offer_answer_violations:violations",
    belongs_to=("dialog", "call"),
    shown=words("message code index detail standard call"),
    note="Looked for at the reference hop of each dialog; in message order.",
    example="code = 'answer_missing'",
)

REGISTRATIONS = Table(
    "registrations",
    "One registration attempt: REGISTERs of one binding until a 2xx or a final that is no challenge.",
    (
        C("registration", "key", "Key: message of its earliest message."),
        C("aor", "text", "Address of record: addr-spec of To.", "RFC 3261 §10", mask=M.URI),
        C("contact", "text", "addr-spec of Contact.", mask=M.URI),
        C("private_id", "text", "Private identity: username of the credentials.", mask=M.USER),
        C("started_at", "time", "First byte of the first REGISTER."),
        C("ended_at", "time", "Its last final response."),
        C("outcome", "text", "How the attempt ended.", values=REGISTRATION_OUTCOMES, mask=M.OPEN),
        C("kind", "text", "Kind of registration.", values=REGISTRATION_KINDS, mask=M.OPEN),
        C("challenges", "int", "401 and 407 in the attempt."),
        C("status", "int", "Last final status."),
        C(
            "expires_s",
            "int",
            "Expiry the registrar granted, seconds; null where none was granted.",
            "RFC 3261 §10.3",
            unit="s",
        ),
        C("delay_s", "duration", "First REGISTER to the 200: registration request delay.", "RFC 6076 §4.1"),
        C("registrar", "text", "ip:port that answered at the reference hop.", mask=M.HOST),
        C("call_id", "text", "Call-ID of the first REGISTER.", mask=M.IDENTIFIER),
    ),
    made_by="analyzer.sip.registrations:with_requests",
    shown=words("started_at aor contact kind outcome status challenges expires_s delay_s registrar"),
    note="--outcome and --status are those of the attempt.",
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
                "Key: its earliest request, message of its earliest sighting; of another of a fork its first "
                "NOTIFY, else the 2xx that made it."
            ),
        ),
        C("kind", "text", "Request that makes it.", "RFC 6665, RFC 3515", values=words("subscribe refer"), mask=M.OPEN),
        C("package", "text", "Event package, in lower case.", "RFC 6665 §4", mask=M.FREE_TEXT),
        C("event_id", "text", "id of Event.", "RFC 6665 §4.5.2", mask=M.FREE_TEXT),
        C("subscriber", "text", "Subscriber that asks: asserted, else From.", mask=M.SUBSCRIBER),
        C("resource", "text", "Whose state it is: To of the request.", mask=M.SUBSCRIBER),
        C("refer_to", "text", "Refer-To of a REFER.", "RFC 3515 §2.1", mask=Header.REFER_TO),
        C("started_at", "time", "First byte of the first request; null where it is older than the capture."),
        C("status", "int", "Final status of it, of the last where it was asked again (401, 407, 423 ...)."),
        C("asked_s", "int", "Expires asked for, seconds.", "RFC 6665 §3.1.1", unit="s"),
        C(
            "granted_s",
            "int",
            "Expires granted; what was asked where the 2xx does not say.",
            "RFC 6665 §4.2.1.1",
            unit="s",
        ),
        C("refreshes", "int", "SUBSCRIBEs that prolonged it."),
        C("notifies", "int", "NOTIFYs of it, each once over all hops; none resent."),
        C("first_notify_at", "time", "When the first of them came."),
        C("notify_delay_s", "duration", "started_at to that."),
        C(
            "state",
            "text",
            "pending active terminated: as last told, or as its end says.",
            "RFC 6665 §4.1.3",
            mask=M.FREE_TEXT,
        ),
        C("states", "text", "The states told, in order, separated by spaces.", mask=M.FREE_TEXT),
        C(
            "result",
            "int",
            "Of a REFER: last status that message/sipfrag told of what was referred to.",
            "RFC 3515 §2.4.5",
        ),
        C("ended_at", "time", "When it ended, where that is known."),
        C(
            "ended_by",
            "text",
            "Side that ended it; null while it lives.",
            values=words("subscriber notifier unknown"),
            mask=M.OPEN,
        ),
        C(
            "end_reason",
            "text",
            (
                "What the last NOTIFY says: deactivated probation rejected timeout giveup noresource invariant, "
                "terminated where it gives no reason. Else unsubscribed, fetched (asked once, with Expires 0), "
                "refused (by a final response), unanswered, refresh_refused, notify_refused, expired, no_notify "
                "(accepted, and nothing for 64 T1), open, joined (older than the capture)."
            ),
            "RFC 6665 §4.1.3, §4.4.1",
            mask=M.FREE_TEXT,
        ),
        C("dialog", "key", "Dialog; null where none was made."),
        C("call", "key", "Call, of one within a call's dialog; else null."),
    ),
    made_by="analyzer.sip.subscriptions:subscriptions",
    belongs_to=(("subscription", "message"),),
    shown=words(
        "started_at kind package subscriber resource status granted_s refreshes notifies state result "
        "ended_at ended_by end_reason"
    ),
    note="RFC 6665. A REFER makes one, too; none of them is a call.",
    example="package = 'reg' and end_reason <> 'open'",
)

PUBLICATIONS = Table(
    "publications",
    "One PUBLISH, once over all its hops.",
    (
        C("publish", "key", "The PUBLISH: message of its earliest sighting."),
        C("publication", "key", "First PUBLISH of the chain that was captured, as publish."),
        C("published_at", "time", "First byte of it."),
        C(
            "action",
            "text",
            "Purpose of the PUBLISH.",
            "RFC 3903 §4",
            values=words("publish refresh modify remove"),
            mask=M.OPEN,
        ),
        C("package", "text", "Event package.", "RFC 3903 §5", mask=M.FREE_TEXT),
        C("publisher", "text", "Subscriber that sends it: asserted, else From.", mask=M.SUBSCRIBER),
        C("resource", "text", "Whose state it is: To.", mask=M.SUBSCRIBER),
        C("status", "int", "Final status; 412: the compositor does not know the entity-tag.", "RFC 3903 §11.2.1"),
        C("delay_s", "duration", "published_at to it."),
        C("asked_s", "int", "Expires asked for, seconds.", unit="s"),
        C("granted_s", "int", "Expires granted.", "RFC 3903 §6", unit="s"),
        C("if_match", "text", "SIP-If-Match: the state that it speaks of.", "RFC 3903 §11.3.2", mask=M.IDENTIFIER),
        C("etag", "text", "SIP-ETag of the 2xx.", "RFC 3903 §11.3.1", mask=M.IDENTIFIER),
        C(
            "end_reason",
            "text",
            "What became of the state; null where nothing was stored.",
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
    "One header field of the names asked for, in any message.",
    (
        C("message", "key", "Message that has it."),
        C("time", "time", "When the message was seen."),
        C("src_ip", "text", "Sender of the message.", mask=M.ADDRESS),
        C("src_port", "int", "Its port."),
        C("dst_ip", "text", "Receiver.", mask=M.ADDRESS),
        C("dst_port", "int", "Its port."),
        C("method", "text", "Method of a request; of a response that of its CSeq.", mask=M.FREE_TEXT),
        C("status", "int", "Status code; null for a request."),
        C("call_id", "text", "Call-ID.", mask=M.IDENTIFIER),
        C("call", "key", "The call that the message belongs to; null outside calls."),
        C(
            "name",
            "text",
            "Long form as registered, whichever form was sent; a name that is not registered as asked for.",
            "RFC 3261 §7.3.3",
            mask=M.OPEN,
        ),
        C("ordinal", "int", "Number of the field among those of this name in the message, from 1."),
        C(
            "value",
            "text",
            (
                "Everything behind the colon, on one line, never split at commas; null where nothing is. Digest "
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
