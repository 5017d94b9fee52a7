"""Tables that the core gives the stages and nobody else."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import MaskClass as M
from analyzer.schema.column import words
from analyzer.schema.companion import DIAMETER, DNS
from analyzer.schema.media import MSRP, STREAM_INTERVALS, STREAMS
from analyzer.schema.sip import SDP
from analyzer.schema.table import Table

# A column is a row of a table, and is laid out as one.
# fmt: off

# What the core gives the stages beside the columns above; never handed to users.
CORE_ONLY = Table(
    "core",
    "Ready hashes and numbers per message that stages group and join on.",
    (
        C("_call", "int", "Hash of the Call-ID."),
        C("_dialog", "int", "Hash of Call-ID and the unordered pair of tags; null unless both tags are there.",
          "RFC 3261 §12"),
        C("_leg", "int", "Hash of Call-ID and From tag."),
        C("_via", "int", "Hash of the Via stack without received and rport."),
        C("_via_rest", "int", "The same without the topmost Via."),
        C("_nonce", "int", "Hash of the nonce, of a challenge or of credentials."),
        C("_sdp", "int", "Hash of its session description, the key of descriptions."),
        C("_qos", "bool", "Its SDP speaks of preconditions at all.", "RFC 3312 §4"),
        C("_sends", "bool", "Its SDP has a stream that its sender may send on.", "RFC 3264 §5.1"),
        C("_q850", "int", "cause of Reason: Q.850.", "RFC 3326"),
        C("_sip_cause", "int", "cause of Reason: SIP.", "RFC 3326"),
        C("_release_cause", "int", "cause of Reason: RELEASE_CAUSE.", "TS 24.229 §7.2A.18.11"),
        C("_failure_cause", "int", "cause of Reason: FAILURE_CAUSE.", "TS 24.229 §7.2A.18.12"),
        C("_refresher", "int", "refresher of Session-Expires: 0 the transaction's client (uac), 1 its server (uas).",
          "RFC 4028 §4"),
        C("_headers", "int", "Which headers of HEADERS are there: bit n for the n-th."),
        C("_point", "int", "Number of the capture point, in the order of files.point."),
    ),
)

# The vocabulary of `_headers`, in the order of its bits: `VOCABULARY` of the core's name.rs.
HEADERS = (
    *("Path", "Service-Route", "Route", "Record-Route", "P-Associated-URI", "P-Visited-Network-ID"),
    *("P-Charging-Vector", "P-Charging-Function-Addresses", "P-Access-Network-Info", "P-Preferred-Identity"),
    *("P-Asserted-Identity", "P-Preferred-Service", "P-Asserted-Service", "P-Called-Party-ID", "P-Served-User"),
    *("P-Profile-Key", "P-User-Database", "P-Early-Media", "P-Media-Authorization", "Security-Client"),
    *("Security-Server", "Security-Verify", "Authorization", "WWW-Authenticate", "Proxy-Authorization"),
    *("Proxy-Authenticate", "Feature-Caps", "Accept-Contact", "History-Info", "Diversion", "Alert-Info", "Call-Info"),
    *("Reason", "Warning", "Retry-After", "Contact", "Geolocation", "Replaces", "Target-Dialog", "Session-ID"),
    *("Privacy", "Max-Forwards", "Server", "User-Agent", "Event"),
)

# What few messages say (REGISTERs, requests that begin something, NOTIFYs of the package reg), one row for each that
# says some of it; never handed to users. Values of a header in several rows are joined by commas.
IMS_HEADERS = Table(
    "ims_headers",
    "What one message says of routes, registration, AKA and security agreement.",
    (
        C("message", "key", "Message."),
        C("_route", "text", "addr-spec of the topmost Route.", "RFC 3261 §20.34"),
        C("_route_next", "text", "addr-spec of the Route under it."),
        C("_record_route", "text", "addr-spec of the topmost Record-Route.", "RFC 3261 §20.30"),
        C("_path", "text", "Path.", "RFC 3327"),
        C("_service_route", "text", "Service-Route.", "RFC 3608"),
        C("_contact", "text", "Contact of a REGISTER or of a response to one.", "RFC 3261 §20.10"),
        C("_associated_uris", "text", "P-Associated-URI.", "RFC 7315 §4.1"),
        C("_visited_network", "text", "First P-Visited-Network-ID.", "RFC 7315 §4.3"),
        C("_served_user", "text", "P-Served-User.", "RFC 5502"),
        C("_access_network", "text", "P-Access-Network-Info.", "RFC 7315 §4.4"),
        C("_feature_caps", "text", "Feature-Caps.", "RFC 6809"),
        C("_security_client", "text", "Security-Client.", "RFC 3329"),
        C("_security_server", "text", "Security-Server.", "RFC 3329"),
        C("_security_verify", "text", "Security-Verify.", "RFC 3329"),
        C("_algorithm", "text", "algorithm of a challenge or of credentials.", "RFC 7616 §3.3"),
        C("_realm", "text", "Their realm."),
        C("_aka_nonce", "text", "nonce of AKA: RAND and AUTN in base64.", "RFC 3310 §3.2"),
        C("_auts", "text", "auts: the UE's sequence number is ahead.", "RFC 3310 §3.4"),
        C("_protected", "text", "integrity-protected, as a P-CSCF writes it.", "TS 24.229 §7.2A.2"),
        C("_keys", "bool", "The challenge holds ik or ck.", "TS 24.229 §7.2A.1"),
        C("_tokenized", "bool", "Via, Route or Record-Route hides a topology.", "TS 24.229 §5.10.4"),
        C("_features", "bool", "Contact has feature tags of 3GPP.", "TS 24.229 §7.9"),
        C("_reginfo", "text", "Registration information.", "RFC 3680"),
    ),
)

# Bodies and the parts of multipart bodies that are no session descriptions; never handed to users.
PARTS = Table(
    "parts",
    "One body, or part of one: its media type, and what a short message or a fragment of SIP in it says.",
    (
        C("message", "key", "Message."),
        C("index", "int", "Number of the part in the message, from 0."),
        C("_media_type", "text", "Media type in lower case.", "RFC 2045 §5"),
        C("in_reply_to", "text", "In-Reply-To of a message with a short message.", "RFC 3261 §20.21"),
        C("fragment_status", "int", "Status code that message/sipfrag tells.", "RFC 3420"),
        C("rp_type", "text", "RP-DATA RP-ACK RP-ERROR RP-SMMA.", "TS 24.011 §8.2.2"),
        C("to_network", "bool", "The mobile station sent it."),
        C("rp_reference", "int", "RP message reference.", "TS 24.011 §8.2.3"),
        C("rp_originator", "text", "RP-Originator Address.", "TS 24.011 §8.2.5.1"),
        C("rp_destination", "text", "RP-Destination Address.", "TS 24.011 §8.2.5.2"),
        C("rp_cause", "int", "RP-Cause.", "TS 24.011 table 8.4"),
        C("tp_type", "text", "SMS-SUBMIT SMS-DELIVER ...", "TS 23.040 §9.2.3.1"),
        C("tp_reference", "int", "TP-MR.", "TS 23.040 §9.2.3.6"),
        C("tp_address", "text", "TP-DA, TP-OA or TP-RA.", "TS 23.040 §9.1.2.5"),
        C("tp_failure", "int", "TP-FCS.", "TS 23.040 §9.2.3.22"),
        C("tp_status", "int", "TP-ST.", "TS 23.040 §9.2.3.15"),
        C("_keys", "text", "Keys that it says were pressed: of INFO or KPML.", "RFC 4730 §6.2"),
        C("_keys_ms", "int", "How long, as it says.", unit="ms"),
        C("malformed", "bool", "It ends before its own lengths say, or lacks what is mandatory."),
        C("_body", "int", "Hash of a short message's octets: relay and transfer layer."),
    ),
)

# What legs are joined by: what opening requests, and responses to them, say that another leg may say too.
EVIDENCE = Table(
    "evidence",
    "One item of evidence of one leg; on however many hops it was seen, one row in a batch of messages.",
    (
        C("_leg", "int", "Hash of Call-ID and From tag."),
        C("_call", "int", "Hash of the Call-ID."),
        C("kind", "text",
          "icid icid_at related_icid session session_pair route replaces join target_dialog in_reply_to vendor "
          "call_id_stem origin history called_party remote_party sdp_origin sdp_media ice_ufrag user_to_user from_tag.",
          mask=M.OPEN),
        C("value", "int", "Hash of what it says."),
        C("text", "text", "origin history called_party remote_party: what it says.", mask=M.URI),
    ),
)

# What copies of a message on far hops are joined by.
VIA_TAILS = Table(
    "via_tails",
    "One tail of a Via stack, two entries or more shorter than the whole.",
    (
        C("_message", "int", "messages.message."),
        C("depth", "int", "How many entries it is shorter by."),
        C("_tail", "int", "Hash of the tail without received and rport: _via of a message further back."),
    ),
)

# What the core gives of each distinct description, once however many messages carry it.
DESCRIPTIONS = Table(
    "descriptions",
    "One m= line of a distinct session description.",
    (
        C("_sdp", "int", "Hash of the description; messages have it too."),
        *(column for column in SDP.columns if column.name not in ("message", "role", "preview")),
        C("_receives", "bool", "Its writer takes media: by its direction, and the address is one.", "RFC 3264 §8.4"),
    ),
)

# What the core gives of each message of DNS.
DNS_MESSAGES = Table(
    "dns_messages",
    "One message of DNS with one question.",
    (
        C("key", "key", "Key."),
        C("exchange", "key", "Key of the earlier of query and response."),
        *(column for column in DIAMETER.columns if column.name in ("file", "frame", "byte_offset", "length", "time")),
        *(column for column in DIAMETER.columns if column.name in ("first_byte_at", "point", "src_ip", "src_port")),
        *(column for column in DIAMETER.columns if column.name in ("dst_ip", "dst_port", "transport")),
        C("id", "int", "Identifier."),
        C("response", "bool", "A response."),
        *(column for column in DNS.columns if column.name in ("name", "type", "number", "rcode", "answers")),
        *(column for column in DNS.columns if column.name in ("addresses", "truncated", "flaw")),
        C("targets", "text", "Names in the answer that are to be asked for next.", mask=M.HOST),
        C("retransmission", "bool", "The same query sent again."),
        C("duplicate", "bool", "The same packet seen again."),
    ),
)

# Broken transports as the core reports them (ICMP unreachable, a SYN that was refused or not answered, TCP RST, TLS
# alert, SCTP ABORT): evidence for transactions, not a
# table for users.
FAILURES = Table(
    "failures",
    "One packet that says a flow is broken.",
    (
        C("time", "time", "When."),
        C("kind", "text", "icmp_unreachable tcp_reset tcp_refused tcp_unanswered tls_alert sctp_abort.", mask=M.OPEN),
        C("src_ip", "text", "Source of the packet that failed (ICMP: the quoted one).", mask=M.ADDRESS),
        C("src_port", "int", "Its port."),
        C("dst_ip", "text", "Its destination.", mask=M.ADDRESS),
        C("dst_port", "int", "Its port."),
        C("transport", "text", "udp tcp sctp.", mask=M.OPEN),
        C("detail", "text", "ICMP type and code, alert number, or how many SYN in how long.", mask=M.SENTENCE),
    ),
)

_OF_STREAMS = {column.name: column for column in STREAMS.columns}

# What the core gives of each stream of RTP.
RTP_STREAMS = Table(
    "rtp_streams",
    "One stream of RTP, joined to nothing.",
    (
        *(_OF_STREAMS[name] for name in words("stream point file frame src_ip src_port dst_ip dst_port carried_by")),
        C("relayed_src_ip", "text", "Of what a relay carries: the address that it has for its peers, or the peer's.",
          "RFC 8656 §2"),
        C("relayed_src_port", "int", "Its port."),
        C("relayed_dst_ip", "text", "The other of the two.", "RFC 8656 §2"),
        C("relayed_dst_port", "int", "Its port."),
        *(_OF_STREAMS[name] for name in words("dscp dscp_changes ssrc payload_type payload_types")),
        C("type_counts", "text", "How many packets have each of them.", mask=M.OPEN),
        C("clock", "int", "Units a second of its timestamps.", unit="Hz"),
        *(_OF_STREAMS[name] for name in words("first_at last_at restarted packets expected")),
        C("received", "int", "Packets, each once."),
        *(_OF_STREAMS[name] for name in words("doubled reordered late comfort_noise")),
        C("said_again", "int", "Of fax: earlier packets that were said again.", "T.38 §9"),
        *(_OF_STREAMS[name] for name in words("stray sliced bytes")),
        C("markers", "int", "Packets with the marker bit.", "RFC 3550 §5.1"),
        C("step", "int", "Units between packets that follow each other, as most have it."),
        C("jitter_ns", "int", "Mean jitter.", unit="ns"),
        C("jitter_p95_ns", "int", "95 of 100 packets had no more.", unit="ns"),
        C("jitter_max_ns", "int", "Maximum jitter.", unit="ns"),
        _OF_STREAMS["pauses"],
        C("silence_ns", "int", "Longest time without a packet.", unit="ns"),
        _OF_STREAMS["silence_at"],
        _OF_STREAMS["longest_loss"],
        *(C(name, "int", "Transitions in the model of bursts.", "RFC 3611 A.2")
          for name in words("c11 c13 c14 c22 c23 c33")),
        *(column for codec in ("amr", "amr_wb") for column in (
            C(f"{codec}_form", "text", "The form of payload that fits most of its packets, if it is of that codec.",
              "RFC 4867 §4.3, §4.4"),
            C(f"{codec}_fits", "int", "Packets that it fits."),
            C(f"{codec}_modes", "int", "Modes that were sent, a bit each.", "RFC 4867 §3.6"),
            C(f"{codec}_requests", "int", "Modes that were asked for, a bit each.", "RFC 4867 §3.3"),
            C(f"{codec}_changes", "int", "Changes of the mode."),
            C(f"{codec}_silence", "int", "Frames of comfort noise.", "RFC 4867 §3.1"),
        )),
        *(column for form in ("compact", "header_full") for column in (
            C(f"evs_{form}_fits", "int", "Packets that this form of EVS fits.", "TS 26.445 §A.2"),
            C(f"evs_{form}_modes", "int", "Bit rates that were sent, a bit each.", "TS 26.445 §A.2"),
            C(f"evs_{form}_requests", "int", "Bit rates that were asked for, a bit each.", "TS 26.445 §A.2.2.1.1"),
            C(f"evs_{form}_changes", "int", "Changes of the bit rate."),
            C(f"evs_{form}_silence", "int", "Frames of comfort noise.", "TS 26.445 §A.2"),
        )),
        _OF_STREAMS["srtp"],
        C("authentic", "int", "Packets that the keys of the session descriptions authenticate.", "RFC 3711 §4.2"),
        C("refused", "int", "Packets that they do not.", "RFC 3711 §3.3"),
    ),
)

# What the core gives of five seconds of a stream.
RTP_INTERVALS = Table(
    "rtp_intervals",
    "Five seconds of a stream.",
    (
        C("stream", "key", "Stream."),
        C("begin", "time", "Beginning of the interval."),
        *(column for column in STREAM_INTERVALS.columns if column.name in words("packets received lost doubled")),
        *(column for column in STREAM_INTERVALS.columns if column.name in words("reordered bytes")),
        C("jitter_ns", "int", "Mean jitter.", unit="ns"),
        C("jitter_max_ns", "int", "Maximum jitter.", unit="ns"),
    ),
)

# What the core gives of payloads that may be telephone events.
RTP_EVENTS = Table(
    "rtp_events",
    "One telephone event of a stream, by the form of its payload.",
    (
        C("stream", "key", "Stream."),
        C("time", "time", "First packet."),
        C("last_at", "time", "Last packet."),
        C("frame", "int", "First packet."),
        C("payload_type", "int", "Payload type."),
        C("event", "int", "Number of the event.", "RFC 4733 §3.2"),
        C("volume", "int", "dBm0 below zero.", "RFC 4733 §2.3.4"),
        C("duration", "int", "Units of the clock, the longest that was stated.", "RFC 4733 §2.3.5"),
        C("ended", "bool", "A packet with the end bit came."),
        C("packets", "int", "Packets of it."),
    ),
)

# What the core gives of reports of RTCP.
RTCP_BLOCKS = Table(
    "rtcp_reports",
    "What one reporter said of one source.",
    (
        C("point", "text", "Capture point.", mask=M.FILE),
        C("src_ip", "text", "Where the reports come from.", mask=M.ADDRESS),
        C("src_port", "int", "Its port."),
        C("dst_ip", "text", "Where they go.", mask=M.ADDRESS),
        C("dst_port", "int", "Its port."),
        C("reporter", "int", "Source that reports."),
        C("ssrc", "int", "Source that is reported of."),
        C("first_at", "time", "First report."),
        C("last_at", "time", "Last report."),
        C("reports", "int", "Number of reports."),
        C("fraction_sum", "int", "Fractions lost, in 256ths, summed."),
        C("fraction_max", "int", "The largest of them."),
        C("cumulative", "int", "Packets lost, as last reported."),
        C("jitter_sum", "int", "Jitter in units of the clock, summed."),
        C("jitter_max", "int", "The largest of them."),
        C("round_trip_sum_ns", "int", "Round trips, summed.", unit="ns"),
        C("round_trips", "int", "How many could be measured."),
        C("r_factor", "int", "R factor that it states.", "RFC 3611 §4.7.5"),
        C("mos_lq_tenths", "int", "MOS-LQ, in tenths.", "RFC 3611 §4.7.5"),
        C("mos_cq_tenths", "int", "MOS-CQ, in tenths.", "RFC 3611 §4.7.5"),
        C("discard_rate", "int", "Packets that it discarded, in 256ths.", "RFC 3611 §4.7.1"),
        C("end_system_delay_ms", "int", "Its own delay.", "RFC 3611 §4.7.3", unit="ms"),
    ),
)

# What the core counts of MSRP.
MSRP_SESSIONS = Table(
    "msrp_sessions",
    "One direction of a connection with MSRP, joined to nothing.",
    tuple(column for column in MSRP.columns if column.name not in ("call", "sent_by", "announced_by", "duration_s")),
)

#: The tables of media.
CORE_MEDIA = (RTP_STREAMS, RTP_INTERVALS, RTP_EVENTS, RTCP_BLOCKS, MSRP_SESSIONS)
