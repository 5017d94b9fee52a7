"""Every table: column, type, unit, meaning, standard.

This file is the single source. The reference page ``docs/tables.md`` is made from it, the core's output and every
stage are compared with it in the tests, and the command line takes its table commands from it.

A column has one of these types; what a user of pandas and of Polars receives for each:

========  =========================  ====================  =====================================================
type      pandas                     Polars                meaning
========  =========================  ====================  =====================================================
key       Int64                      Int64                 63-bit hash, stable over files, order, threads, windows
int       Int64                      Int64                 null where missing, never 0 in its place
time      datetime64[ns, UTC]        Datetime(ns, UTC)     capture time
duration  float64 (NaN = missing)    Float64               seconds
share     float64 (NaN = undefined)  Float64               0 to 1
bool      bool                       Boolean               never null
text      str                        String                as sent; bad UTF-8 is U+FFFD
texts     object (list of str)       List(String)          joined by a space in CSV
========  =========================  ====================  =====================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

Type = Literal["key", "int", "time", "duration", "share", "bool", "text", "texts"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type, meaning, and the standard the meaning rests on.

    ``private``, for texts: what kind of value it is for masking (``analyzer.masking``): ``open`` (words of ours or of a
    registry, shown as they are), ``address`` ``host`` ``uri`` ``user`` ``subscriber`` ``identifier`` ``phrase``
    ``words`` ``sentence`` ``cell`` ``file``, the name of the header field whose value it is, or ``named``: the column
    ``name`` holds that name.
    """

    name: str
    type: Type
    meaning: str
    standard: str = ""
    private: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, one sentence of what a row is, and its columns in order."""

    name: str
    row: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The column names, in order."""
        return [column.name for column in self.columns]

    def of_type(self, *types: Type) -> list[str]:
        """The names of the columns that have one of these types."""
        return [column.name for column in self.columns if column.type in types]

    def polars(self) -> dict[str, pl.DataType]:
        """The Polars schema, in order."""
        return {column.name: _polars_type(column.type) for column in self.columns}


def _polars_type(kind: Type) -> pl.DataType:
    import polars as pl

    kinds: dict[Type, pl.DataType] = {
        "key": pl.Int64(),
        "int": pl.Int64(),
        "time": pl.Datetime("ns", "UTC"),
        "duration": pl.Float64(),
        "share": pl.Float64(),
        "bool": pl.Boolean(),
        "text": pl.String(),
        "texts": pl.List(pl.String()),
    }
    return kinds[kind]


C = Column

FILES = Table(
    "files",
    "One capture file that was read.",
    (
        C("file", "text", "Path as given (standard input: -).", private="file"),
        C("path", "text", "Absolute path; null for standard input.", private="file"),
        C("point", "text", "Capture point the file belongs to.", private="file"),
        C("format", "text", "pcap or pcapng, with the compression: pcap.gz, pcapng.zst ...", private="open"),
        C(
            "link_types",
            "text",
            "Link types in it, by LINKTYPE_ name and number, separated by spaces.",
            "tcpdump.org linktypes",
            private="open",
        ),
        C("packets", "int", "Packets in it."),
        C("first_at", "time", "Earliest time stamp."),
        C("last_at", "time", "Latest time stamp."),
        C(
            "dropped",
            "int",
            "Packets the capture itself reports as lost; null where it says nothing.",
            "pcapng ISB, EPB",
        ),
        C("sliced", "int", "Packets of which it holds only the beginning (snap length: tcpdump -s 0 keeps all)."),
        C("backward_steps", "int", "How often a packet's time lies before that of the packet ahead of it."),
        C("cut", "bool", "Ended before its stated length, or was corrupt in part."),
    ),
)

MESSAGES = Table(
    "messages",
    "One sighting of a SIP message.",
    (
        C("message", "key", "Key: hash of time, addresses, bytes, and the ordinal among equals."),
        C("file", "text", "File of the packet that completed the message.", private="file"),
        C("frame", "int", "That packet's number in the file, from 1, as Wireshark counts."),
        C("offset", "int", "Position in the (decompressed) file of the message's first byte."),
        C("length", "int", "Bytes of the message as captured."),
        C("time", "time", "When the packet that completed the message was captured; null without a time stamp."),
        C("first_byte_at", "time", "When the earliest packet that holds a part of it was captured."),
        C(
            "point",
            "text",
            "Capture point; of what a HEP agent reported its name, else hep: and its capture id or address.",
            private="file",
        ),
        C(
            "interface",
            "text",
            "Interface it was captured on: its name in a pcapng; its index where all were captured at once (SLL2).",
            private="file",
        ),
        C(
            "src_ip",
            "text",
            "Innermost source address; null where the capture has no IP header.",
            private="address",
        ),
        C("src_port", "int", "Source port."),
        C("dst_ip", "text", "Innermost destination address.", private="address"),
        C("dst_port", "int", "Destination port."),
        C("transport", "text", "udp tcp sctp tls ws wss.", private="open"),
        C(
            "tunnel",
            "text",
            "What carried the innermost packet, outermost first, joined by /: mpls pppoe l2tp gre erspan etherip vxlan "
            "geneve tzsp gtpu ipip 6in4 4in6 6in6 ah esp hep; null where nothing did.",
            private="open",
        ),
        C(
            "outer_src_ip",
            "text",
            "Source address of the outermost IP header, where there is one around the innermost.",
            private="address",
        ),
        C("outer_dst_ip", "text", "Its destination address.", private="address"),
        C("vlan", "text", "VLAN identifiers, outermost first, joined by /.", "IEEE 802.1Q", private="open"),
        C("teid", "int", "Tunnel endpoint identifier of the innermost GTP-U header.", "TS 29.281 §5.1"),
        C("spi", "int", "Security parameters index of the innermost AH or ESP header.", "RFC 4302, RFC 4303"),
        C(
            "correlation_id",
            "text",
            "What the agent that reported it correlates it by.",
            "HEP 0x11",
            private="identifier",
        ),
        C(
            "arrived_at",
            "time",
            "When the agent's report was captured; its own time is in time. Null without an agent.",
        ),
        C("method", "text", "Method; a response has that of its CSeq.", "RFC 3261 §8.1.1.5", private="words"),
        C("status", "int", "Status code; null marks a request.", "RFC 3261 §7.2"),
        C("reason_phrase", "text", "Free text after the status code.", "RFC 3261 §7.2", private="phrase"),
        C("request_uri", "text", "Request-URI as sent.", "RFC 3261 §8.1.1.1", private="uri"),
        C("call_id", "text", "Call-ID.", "RFC 3261 §20.8", private="identifier"),
        C("from_uri", "text", "addr-spec of From as sent.", "RFC 3261 §20.20", private="uri"),
        C("from_tag", "text", "tag of From.", "RFC 3261 §19.3", private="identifier"),
        C("to_uri", "text", "addr-spec of To as sent.", "RFC 3261 §20.39", private="uri"),
        C("to_tag", "text", "tag of To.", "RFC 3261 §19.3", private="identifier"),
        C("cseq", "int", "CSeq number.", "RFC 3261 §20.16"),
        C("via_branch", "text", "branch of the top Via.", "RFC 3261 §20.42", private="identifier"),
        C("via_sent_by", "text", "sent-by of the top Via, host in lower case.", "RFC 3261 §20.42", private="host"),
        C("via_count", "int", "Via entries; one more for each proxy passed.", "RFC 3261 §16.6"),
        C("max_forwards", "int", "Max-Forwards.", "RFC 3261 §20.22"),
        C("contact_uri", "text", "addr-spec of the first Contact, or *.", "RFC 3261 §20.10", private="uri"),
        C("contact_expires", "int", "expires parameter of the first Contact, seconds.", "RFC 3261 §10.2.1.1"),
        C("expires", "int", "Expires header, seconds.", "RFC 3261 §20.19"),
        C("asserted_identity", "text", "First addr-spec of P-Asserted-Identity.", "RFC 3325 §9.1", private="uri"),
        C("preferred_identity", "text", "First addr-spec of P-Preferred-Identity.", "RFC 3325 §9.2", private="uri"),
        C("private_id", "text", "username of Authorization or Proxy-Authorization.", "RFC 3261 §22.4", private="user"),
        C("challenge", "bool", "Carries WWW-Authenticate or Proxy-Authenticate.", "RFC 3261 §22"),
        C("credentials", "bool", "Carries an answer to a challenge (a response that is not empty).", "RFC 3261 §22"),
        C("stale", "bool", "The challenge says stale=true: only the nonce was too old.", "RFC 7616 §3.3"),
        C("require", "text", "Require as sent.", "RFC 3261 §20.32", private="Require"),
        C("supported", "text", "Supported as sent.", "RFC 3261 §20.37", private="Supported"),
        C("event", "text", "Event package.", "RFC 6665 §8.2.1", private="Event"),
        C("subscription_state", "text", "Subscription-State as sent.", "RFC 6665 §8.2.3", private="Subscription-State"),
        C("rseq", "int", "RSeq of a reliable provisional response.", "RFC 3262 §7.1"),
        C("rack", "text", "RAck of a PRACK: RSeq, CSeq number, method.", "RFC 3262 §7.2", private="RAck"),
        C("session_expires", "int", "Session-Expires, seconds.", "RFC 4028 §4"),
        C("p_early_media", "text", "P-Early-Media as sent.", "RFC 5009 §8", private="P-Early-Media"),
        C("refer_to", "text", "Refer-To as sent.", "RFC 3515 §2.1", private="Refer-To"),
        C("replaces", "text", "Replaces as sent.", "RFC 3891 §6.1", private="Replaces"),
        C("warning", "text", "First Warning.", "RFC 3261 §20.43", private="Warning"),
        C("reason_header", "text", "First Reason header as sent.", "RFC 3326", private="Reason"),
        C("icid", "text", "icid-value of P-Charging-Vector.", "RFC 7315 §5.6", private="identifier"),
        C(
            "user_agent",
            "text",
            "User-Agent, or Server in a response.",
            "RFC 3261 §20.41, §20.35",
            private="User-Agent",
        ),
        C("content_type", "text", "Media type of the body in lower case.", "RFC 3261 §20.15", private="Content-Type"),
        C("body_length", "int", "Bytes of the body as captured."),
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
)

# What the core gives the stages beside the columns above; never handed to users.
CORE_ONLY = Table(
    "core",
    "Ready hashes and numbers per message that stages group and join on.",
    (
        C("_call", "int", "Hash of the Call-ID."),
        C(
            "_dialog",
            "int",
            "Hash of Call-ID and the unordered pair of tags; null unless both tags are there.",
            "RFC 3261 §12",
        ),
        C("_leg", "int", "Hash of Call-ID and From tag."),
        C("_via", "int", "Hash of the Via stack without received and rport."),
        C("_via_rest", "int", "The same without the topmost Via."),
        C("_nonce", "int", "Hash of the nonce, of a challenge or of credentials."),
        C("_sdp", "int", "Hash of its session description, the key of descriptions."),
        C("_qos", "bool", "Its SDP speaks of preconditions at all.", "RFC 3312 §4"),
        C("_sends", "bool", "Its SDP has a stream that its sender may send on.", "RFC 3264 §5.1"),
        C("_q850", "int", "cause of Reason: Q.850.", "RFC 3326"),
        C("_sip_cause", "int", "cause of Reason: SIP.", "RFC 3326"),
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
RARE = Table(
    "rare",
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
        C("malformed", "bool", "It ends before its own lengths say."),
    ),
)

# What legs are joined by: what opening requests, and responses to them, say that another leg may say too.
EVIDENCE = Table(
    "evidence",
    "One item of evidence of one leg; on however many hops it was seen, one row in a batch of messages.",
    (
        C("_leg", "int", "Hash of Call-ID and From tag."),
        C("_call", "int", "Hash of the Call-ID."),
        C(
            "kind",
            "text",
            "icid icid_at related_icid session session_pair route replaces join target_dialog in_reply_to vendor"
            " call_id_stem origin history called_party sdp_origin sdp_media ice_ufrag user_to_user from_tag.",
            private="open",
        ),
        C("value", "int", "Hash of what it says."),
        C("text", "text", "origin history called_party: what it says.", private="uri"),
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

# Columns of messages and descriptions that calls do not rest on: a reading for calls alone does not make them.
FOR_SHOW = frozenset(
    {
        *("port_count", "proto", "formats", "fmtp", "bandwidth_kbps", "tias_bps", "rs_bps", "rr_bps", "preconditions"),
        *("qos_local", "qos_remote", "ptime", "maxptime", "rtcp_port", "rtcp_mux", "mid", "ice", "candidates", "setup"),
        *("crypto", "origin_username", "session_id", "session_version", "origin_address", "connection"),
        *("file", "frame", "offset", "length", "point", "max_forwards", "require", "supported"),
        *("interface", "tunnel", "outer_src_ip", "outer_dst_ip", "vlan", "teid", "spi", "correlation_id"),
        *("arrived_at",),
        *("refer_to", "replaces", "warning", "user_agent", "body_length", "original", "complete", "qos_pending"),
        *("_via", "_via_rest", "_tail"),
        "_media_type",
        *("_headers", *(column.name for column in RARE.columns if column.name != "message")),
    }
)

# Those of them that roles of nodes and registrations in an IMS rest on.
FOR_IMS = frozenset({"_via", "_via_rest", "_headers", "user_agent", "require", "_media_type", *RARE.names})

SDP = Table(
    "sdp",
    "One m= line of a session description in a message; in message order, duplicates left out.",
    (
        C("message", "key", "Message that carries it, also within a multipart body."),
        C("index", "int", "Number of the m= line in the message, from 0.", "RFC 3264 §5"),
        C("media", "text", "audio video image application message text.", "RFC 8866 §5.14", private="words"),
        C("port", "int", "Transport port; 0 = rejected or taken out of use.", "RFC 3264 §6"),
        C("port_count", "int", "Number of port pairs, where stated.", "RFC 8866 §5.14"),
        C(
            "proto",
            "text",
            "Transport protocol: RTP/AVP, UDP/TLS/RTP/SAVPF, udptl ...",
            "RFC 8866 §5.14",
            private="words",
        ),
        C(
            "formats",
            "text",
            "Payload types or format names, in order of preference.",
            "RFC 8866 §5.14",
            private="words",
        ),
        C(
            "codecs",
            "text",
            "Codec of each format, in the same order: rtpmap, else the static payload type; ? where neither tells.",
            "RFC 8866 §6.6, RFC 3551 §6",
            private="words",
        ),
        C("fmtp", "text", "Format parameters as sent, joined by ' | '.", "RFC 8866 §6.15", private="words"),
        C(
            "connection",
            "text",
            "Address of c=, of the stream, else of the session.",
            "RFC 8866 §5.7",
            private="address",
        ),
        C(
            "direction",
            "text",
            "sendrecv sendonly recvonly inactive, as its sender sees it.",
            "RFC 3264 §5.1",
            private="open",
        ),
        C("bandwidth_kbps", "int", "b=AS, with IP and UDP headers, kbit/s.", "RFC 8866 §5.8"),
        C("tias_bps", "int", "b=TIAS, without these headers, bit/s.", "RFC 3890"),
        C("rs_bps", "int", "b=RS: RTCP of senders, bit/s; 0 here and in rr_bps = no RTCP.", "RFC 3556"),
        C("rr_bps", "int", "b=RR: RTCP of receivers, bit/s.", "RFC 3556"),
        C("preconditions", "text", "curr, des and conf as sent, joined by '; '.", "RFC 3312 §4", private="words"),
        C(
            "qos_local",
            "text",
            "Resources on its sender's side: none send recv sendrecv.",
            "RFC 3312 §4",
            private="open",
        ),
        C("qos_remote", "text", "Resources on the other side, as its sender knows.", "RFC 3312 §4", private="open"),
        C("qos_pending", "bool", "A mandatory precondition of it is not met yet.", "RFC 3312 §5"),
        C("ptime", "int", "Milliseconds of media in a packet.", "RFC 8866 §6.4"),
        C("maxptime", "int", "Most milliseconds of media in a packet.", "RFC 8866 §6.5"),
        C("rtcp_port", "int", "Port of RTCP, where stated.", "RFC 3605"),
        C("rtcp_mux", "bool", "RTP and RTCP on one port.", "RFC 5761"),
        C("mid", "text", "Identification of the stream.", "RFC 5888", private="words"),
        C("ice", "bool", "ICE is offered.", "RFC 8839"),
        C("candidates", "int", "ICE candidates.", "RFC 8839 §5.1"),
        C(
            "setup",
            "text",
            "actpass active passive holdconn: who opens the connection.",
            "RFC 4145, RFC 5763",
            private="words",
        ),
        C("crypto", "text", "Suites of SDES, without their keys.", "RFC 4568", private="words"),
        C("origin_username", "text", "Username of o=.", "RFC 8866 §5.2", private="user"),
        C("session_id", "text", "sess-id of o=.", "RFC 8866 §5.2", private="identifier"),
        C("session_version", "int", "sess-version of o=; one more with every change.", "RFC 3264 §8"),
        C("origin_address", "text", "Address of o=.", "RFC 8866 §5.2", private="address"),
        C("early_session", "bool", "Of a body with the disposition early-session.", "RFC 3959"),
        C("role", "text", "offer answer unknown.", "RFC 3264, RFC 6337 §2", private="open"),
        C(
            "preview",
            "bool",
            "An unreliable 18x's copy of the answer that is to come: not the answer itself.",
            "RFC 3261 §13.2.1, RFC 6337 §2.3",
        ),
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

OFFERS = Table(
    "offers",
    "One m= line of an offer/answer exchange, at the reference hop of its dialog; by the time of the offer.",
    (
        C("offer", "key", "Message with the offer.", "RFC 3264 §5"),
        C("answer", "key", "Message with the answer; null where there is none.", "RFC 3264 §6"),
        C("index", "int", "Number of the m= line, from 0.", "RFC 3264 §5"),
        C("media", "text", "audio video image application message text.", private="words"),
        C(
            "pattern",
            "int",
            "1 INVITE/2xx, 2 2xx/ACK, 3 INVITE/reliable 1xx, 4 reliable 1xx/PRACK, 5 PRACK/2xx, 6 UPDATE/2xx.",
            "RFC 6337 table 1",
        ),
        C("offered_by", "text", "local remote: the side of the dialog ('local' created it).", private="open"),
        C("offered_at", "time", "First byte of a request, last byte of a response."),
        C("answered_at", "time", "The same of the answer."),
        C(
            "state",
            "text",
            "agreed rejected removed unanswered pending: rejected by port 0 or by a final response of 300-699, removed"
            " by port 0 in the offer.",
            "RFC 3264 §6, §8.2",
            private="open",
        ),
        C("status", "int", "Final status of the request whose transaction carries the offer.", "RFC 6337 §2"),
        C("offered_codecs", "text", "Codecs of the offer, in its order of preference.", private="words"),
        C(
            "codecs",
            "text",
            "Codecs of the answer, in its order of preference, where agreed.",
            "RFC 3264 §6.1",
            private="words",
        ),
        C(
            "direction",
            "text",
            "sendrecv sendonly recvonly inactive as the local side sees it, where agreed.",
            private="open",
        ),
        C("local_connection", "text", "Address on which the local side receives.", private="address"),
        C("local_port", "int", "Its port."),
        C("remote_connection", "text", "Address on which the remote side receives.", private="address"),
        C("remote_port", "int", "Its port."),
        C(
            "qos_local",
            "text",
            "Resources of the local side after it: none send recv sendrecv.",
            "RFC 3312 §4",
            private="open",
        ),
        C("qos_remote", "text", "Resources of the remote side after it.", "RFC 3312 §4", private="open"),
        C("qos_pending", "bool", "A mandatory precondition was not met after it.", "RFC 3312 §5"),
        C("dialog", "key", "Dialog; null for an INVITE that made none."),
        C("call", "key", "Call; null outside calls."),
    ),
)

HOLDS = Table(
    "holds",
    "One time that a stream was on hold by the same side, at the reference hop of its dialog.",
    (
        C("call", "key", "Call; null outside calls."),
        C("dialog", "key", "Dialog."),
        C("index", "int", "Number of the m= line, from 0."),
        C("media", "text", "audio video ...", private="words"),
        C(
            "held_by",
            "text",
            "caller callee both, and unknown where the dialog is older than the capture: who asked the other not to"
            " send, after the dialog was confirmed.",
            "RFC 3264 §8.4",
            private="open",
        ),
        C("started_at", "time", "Answer to the offer that put it on hold."),
        C("ended_at", "time", "Answer to the offer that changed that, or the end of the dialog; null while it lasts."),
        C("duration_s", "duration", "started_at to ended_at."),
    ),
)

VIOLATIONS = Table(
    "violations",
    "One breach of the rules of offer and answer, at the reference hop of its dialog; in message order.",
    (
        C("message", "key", "Message that breaks the rule."),
        C(
            "code",
            "text",
            "answer_missing offer_missing answer_not_asked answer_changed media_count_differs media_type_differs"
            " protocol_differs direction_not_allowed no_common_format offer_before_answer version_not_raised"
            " media_lines_dropped.",
            private="open",
        ),
        C("detail", "text", "What there is, and instead of what.", private="sentence"),
        C("standard", "text", "The rule.", private="open"),
        C("index", "int", "Number of the m= line, from 0; null where the whole is concerned."),
        C("dialog", "key", "Dialog; null outside one."),
        C("call", "key", "Call; null outside calls."),
    ),
)

TRANSACTIONS = Table(
    "transactions",
    "One transaction on one hop.",
    (
        C("transaction", "key", "Key: message of its earliest message."),
        C("call_id", "text", "Call-ID.", private="identifier"),
        C("method", "text", "Method of the request; from CSeq where only responses were seen.", private="words"),
        C("cseq", "int", "CSeq number."),
        C("branch", "text", "branch of the top Via on this hop.", "RFC 3261 §17.1.3, §17.2.3", private="identifier"),
        C("client_ip", "text", "Sender of the request.", private="address"),
        C("client_port", "int", "Its port."),
        C("server_ip", "text", "Receiver of the request.", private="address"),
        C("server_port", "int", "Its port."),
        C("transport", "text", "udp tcp sctp tls ws wss.", private="open"),
        C("via_count", "int", "Via entries of the request on this hop; 1 at the user agent."),
        C("request_uri", "text", "Request-URI on this hop.", private="uri"),
        C("started_at", "time", "First byte of the first request; null where only responses were seen."),
        C("first_provisional_at", "time", "First 1xx."),
        C("final_at", "time", "First final response."),
        C("status", "int", "Status of the first final response."),
        C("reason_phrase", "text", "Its reason phrase.", private="phrase"),
        C(
            "outcome",
            "text",
            "completed cancelled provisional_only timeout pending orphan transport_error.",
            "RFC 3261 §17",
            private="open",
        ),
        C("provisional_delay_s", "duration", "started_at to first_provisional_at."),
        C("final_delay_s", "duration", "started_at to final_at. For INVITE this holds human time."),
        C("request_copies", "int", "Times the request was sent; 1 = never resent, 0 = not seen."),
        C("response_copies", "int", "Times the final was sent; 1 = never resent, 0 = none seen."),
        C("call", "key", "Call; null outside calls."),
    ),
)

DIALOGS = Table(
    "dialogs",
    "One dialog: a Call-ID and a pair of tags, over all its hops.",
    (
        C("dialog", "key", "Key: message of its earliest message."),
        C("usage", "text", "invite subscribe refer.", "RFC 5057", private="open"),
        C("call_id", "text", "Call-ID.", private="identifier"),
        C("local_tag", "text", "Tag of the side that created it.", "RFC 3261 §12", private="identifier"),
        C("remote_tag", "text", "Tag of the other side.", private="identifier"),
        C("local_uri", "text", "URI of the side that created it.", private="uri"),
        C("remote_uri", "text", "URI of the other side.", private="uri"),
        C("state", "text", "early confirmed terminated: as last seen.", "RFC 3261 §12", private="open"),
        C("early_at", "time", "First 101-199 with this To tag."),
        C("confirmed_at", "time", "First 2xx (invite), 2xx or NOTIFY (subscribe), NOTIFY (refer)."),
        C("ended_at", "time", "When it ended."),
        C("ended_by", "text", "local remote network unknown; null while it lives.", private="open"),
        C(
            "end_reason",
            "text",
            "bye rejected cancelled forked_away expired timeout notify_terminated open joined.",
            private="open",
        ),
        C("call", "key", "Call; null outside calls."),
    ),
)

CALLS = Table(
    "calls",
    "One call attempt, over all its hops, legs, forks and retries.",
    (
        C("call", "key", "Key: message of its earliest message."),
        C("no", "int", "1..n by start in this view; for people, never for joins."),
        C("reference", "key", "transaction of the INVITE at the hop where every figure of the row was taken."),
        C("caller", "text", "Subscriber that calls.", "RFC 3325; else From", private="subscriber"),
        C(
            "callee",
            "text",
            "Subscriber that is called: the first Request-URI, normalised.",
            "RFC 3261 §19.1.6, RFC 3966",
            private="subscriber",
        ),
        C("request_uri", "text", "First Request-URI as sent.", private="uri"),
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
            "answered answered_elsewhere redirected cancelled busy no_answer rejected unreachable negotiation_failed"
            " auth_failed server_failure client_error timeout unfinished joined.",
            private="open",
        ),
        C("outcome_detail", "text", "What kind of that outcome: active, no_ack, before_ringing ...", private="open"),
        C("status", "int", "Final status of the attempt."),
        C("reason_phrase", "text", "Its reason phrase.", private="phrase"),
        C("reason_header", "text", "Reason of the message that ended the call.", "RFC 3326", private="Reason"),
        C("pdd_s", "duration", "Post-dial delay: INVITE to the earliest of 180, authorised early media, 200."),
        C("srd_s", "duration", "Session request delay: INVITE to the first 101-199 or 200.", "RFC 6076 §4.3"),
        C("alert_s", "duration", "INVITE to 180."),
        C("setup_s", "duration", "INVITE to 200; null unless answered."),
        C("ring_s", "duration", "180 to 200."),
        C("talk_s", "duration", "200 to BYE on the branch that lived.", "RFC 6076 §4.5"),
        C(
            "hold_s",
            "duration",
            "Time of it in which some stream was on hold; null unless answered, and where a hold outlasts the capture.",
            "RFC 3264 §8.4",
        ),
        C(
            "codecs",
            "text",
            "Codecs of all streams as last agreed on the branch that lived, in the answerer's order of preference.",
            "RFC 3264 §6.1",
            private="words",
        ),
        C(
            "released_by",
            "text",
            "caller callee network unknown: who ended it, by BYE, CANCEL or final response; null while it lives.",
            private="open",
        ),
        C("legs", "int", "Legs (Call-ID and From tag) in it."),
        C("hops", "int", "Hops its first INVITE was seen on."),
        C("call_ids", "texts", "Call-IDs in it.", private="identifier"),
        C("icid", "text", "icid-value of the first INVITE that has one.", "RFC 7315 §5.6", private="identifier"),
        C("retransmissions", "int", "Messages of it that were sent again, on all hops."),
        C("emergency", "bool", "urn:service:sos.", "RFC 5031"),
    ),
)

REGISTRATIONS = Table(
    "registrations",
    "One registration attempt: REGISTERs of one binding until a 2xx or a final that is no challenge.",
    (
        C("registration", "key", "Key: message of its earliest message."),
        C("aor", "text", "Address of record: addr-spec of To.", "RFC 3261 §10", private="uri"),
        C("contact", "text", "addr-spec of Contact.", private="uri"),
        C("private_id", "text", "Private identity: username of the credentials.", private="user"),
        C("started_at", "time", "First byte of the first REGISTER."),
        C("ended_at", "time", "Its last final response."),
        C("outcome", "text", "registered deregistered failed challenged pending.", private="open"),
        C("kind", "text", "initial refresh deregister third_party emergency.", private="open"),
        C("challenges", "int", "401 and 407 in the attempt."),
        C("status", "int", "Last final status."),
        C("expires_s", "int", "Expiry the registrar granted, seconds; null where none was granted.", "RFC 3261 §10.3"),
        C("delay_s", "duration", "First REGISTER to the 200: registration request delay.", "RFC 6076 §4.1"),
        C("registrar", "text", "ip:port that answered at the reference hop.", private="host"),
        C("call_id", "text", "Call-ID of the first REGISTER.", private="identifier"),
    ),
)

IMS_REGISTRATIONS = Table(
    "ims_registrations",
    "What an IMS says in a registration attempt, over all its hops: the same rows as registrations.",
    (
        C("registration", "key", "Registration."),
        C("started_at", "time", "First byte of the first REGISTER."),
        C("aor", "text", "Address of record.", private="uri"),
        C("kind", "text", "initial refresh deregister third_party emergency.", private="open"),
        C("outcome", "text", "registered deregistered failed challenged pending.", private="open"),
        C(
            "outcome_detail",
            "text",
            "What is likely behind it. Of an unanswered challenge: ue_silent (it came to the hop next to the UE: the "
            "USIM refuses AUTN, or the radio), ue_silent_or_ipsec (the answer goes through the IPsec that it set up, "
            "which may have failed, or is not read), challenge_lost (it was seen further inside only), ue_not_seen (no "
            "hop next to a UE was captured). Else sync_failure mac_failure wrong_response stale_nonce security_refused "
            "interval_too_brief.",
            "TS 33.102 §6.3, TS 24.229 §5.1.1.5",
            private="open",
        ),
        C(
            "algorithm",
            "text",
            "How the UE proves who it is: AKAv1-MD5, MD5 ...",
            "RFC 3310, RFC 7616",
            private="words",
        ),
        C("protected", "text", "integrity-protected, as the P-CSCF says.", "TS 24.229 §7.2A.2", private="words"),
        C("security", "text", "Mechanism and algorithms that the P-CSCF offers first.", "RFC 3329", private="words"),
        C(
            "security_check",
            "text",
            "verified (Security-Verify is Security-Server), mismatch, not_verified (no Security-Verify came); null "
            "where nothing was offered.",
            "RFC 3329 §2.3.1",
            private="open",
        ),
        C("instance", "text", "+sip.instance of Contact.", "RFC 5626 §4.1", private="identifier"),
        C("contacts", "int", "Contacts in the 200: devices of the subscriber.", "RFC 3261 §10.3"),
        C("access_network", "text", "P-Access-Network-Info.", "RFC 7315 §4.4", private="P-Access-Network-Info"),
        C("visited_network", "text", "P-Visited-Network-ID.", "RFC 7315 §4.3", private="host"),
        C("path", "text", "Path.", "RFC 3327", private="Path"),
        C("service_route", "text", "Service-Route of the 200.", "RFC 3608", private="Service-Route"),
        C(
            "public_ids",
            "text",
            "P-Associated-URI of the 200: the implicitly registered identities, the default first.",
            "RFC 7315 §4.1",
            private="P-Associated-URI",
        ),
        C("public_gruu", "text", "Public GRUU of the 200.", "RFC 5628", private="uri"),
        C("temporary_gruu", "text", "Temporary GRUU of the 200.", "RFC 5628", private="uri"),
    ),
)

CHALLENGES = Table(
    "challenges",
    "One challenge to a REGISTER and what came of it, at the reference hop of the attempt.",
    (
        C("registration", "key", "Registration."),
        C("challenge", "key", "Message with the challenge: 401 or 407."),
        C("answer", "key", "Message of the next REGISTER of the attempt; null where none came."),
        C("challenged_at", "time", "When it came."),
        C("answered_at", "time", "First byte of the next REGISTER."),
        C(
            "outcome",
            "text",
            "accepted, sync_failure (AUTS), mac_failure (the USIM refuses AUTN: no response, no AUTS), wrong_response "
            "(challenged again), stale_nonce, rejected, begun_anew (the next REGISTER does not answer it), pending, "
            "unanswered.",
            "RFC 3310 §3, TS 33.102 §6.3",
            private="open",
        ),
        C("status", "int", "Final status of the answer."),
        C("algorithm", "text", "AKAv1-MD5, MD5 ...", "RFC 3310, RFC 7616", private="words"),
        C("realm", "text", "realm.", private="host"),
        C("rand", "text", "RAND of AKA, in hexadecimal.", "RFC 3310 §3.2", private="identifier"),
        C("autn", "text", "AUTN of AKA: SQN xor AK, AMF, MAC.", "TS 33.102 §6.3.1", private="identifier"),
        C("amf", "text", "Its authentication management field.", "TS 33.102 annex F", private="open"),
        C(
            "auts",
            "text",
            "AUTS of the answer: SQN of the USIM xor AK*, MAC-S.",
            "TS 33.102 §6.3.3",
            private="identifier",
        ),
        C("rand_seen", "bool", "The same RAND came in an earlier challenge: a replay, or the HSS stands still."),
    ),
)

BINDINGS = Table(
    "bindings",
    "One time without a gap in which a contact was bound to an address of record.",
    (
        C("binding", "key", "Registration that began it."),
        C("aor", "text", "Address of record.", "RFC 3261 §10", private="uri"),
        C("contact", "text", "addr-spec of Contact.", private="uri"),
        C("private_id", "text", "Private identity.", private="user"),
        C("started_at", "time", "200 that began it."),
        C("expires_at", "time", "When it expires, as last granted."),
        C("ended_at", "time", "When it ended; null while it lasts at the end of the capture."),
        C("end", "text", "open deregistered expired network (a NOTIFY of the package reg said so).", private="open"),
        C(
            "event",
            "text",
            "Why the network ended it: deactivated rejected probation ...",
            "RFC 3680 §5.2",
            private="words",
        ),
        C("refreshes", "int", "Refreshes in it."),
        C("lapse_s", "duration", "From its expiry to the next registration of the contact: nobody could call it."),
    ),
)

REG_EVENTS = Table(
    "reg_events",
    "One contact, or one address of record without any, in a NOTIFY of the event package reg.",
    (
        C("message", "key", "NOTIFY, once however many hops it was seen on."),
        C("time", "time", "When it was seen first."),
        C("version", "int", "version of the document; one more each time.", "RFC 3680 §5.2"),
        C("document", "text", "full partial.", "RFC 3680 §5.2", private="words"),
        C("aor", "text", "Address of record.", private="uri"),
        C("state", "text", "Of the address of record: init active terminated.", "RFC 3680 §4.1", private="words"),
        C("contact", "text", "URI of the contact.", private="uri"),
        C("contact_state", "text", "active terminated.", "RFC 3680 §4.2", private="words"),
        C(
            "event",
            "text",
            "registered created refreshed shortened expired deactivated probation unregistered rejected.",
            "RFC 3680 §4.2",
            private="words",
        ),
        C("expires_s", "int", "Seconds that it still has, where said."),
    ),
)

NODES = Table(
    "nodes",
    "One address and port that spoke SIP, and what box it belongs to. An estimate over the whole capture.",
    (
        C("address", "text", "ip:port.", private="host"),
        C("ip", "text", "Address.", private="address"),
        C("port", "int", "Port."),
        C(
            "node",
            "text",
            "The box: ip:port of its main port. Ports of one address are one box where a message that came in on one "
            "went on from the other, or was answered from it.",
            "RFC 3261 §18, §16.6",
            private="host",
        ),
        C(
            "role",
            "text",
            "What it is: UE P-CSCF I-CSCF S-CSCF E-CSCF AS (where it shows what for: TAS, SCC AS, conference AS, "
            "presence server, IP-SM-GW) BGCF MGCF IBCF MRFC ATCF LRF EATF MSC server, outside IMS UA proxy B2BUA "
            "registrar redirect server; several in one box I/S-CSCF, P-CSCF+ATCF, proxy+registrar; or unknown.",
            "TS 23.228 §4, RFC 3261 §6",
            private="open",
        ),
        C("confidence", "share", "How sure that is: points of the evidence, at most 100, and what speaks for others."),
        C("points", "int", "Points of the evidence for the role; of the weakest where there are several."),
        C("half", "text", "originating terminating both: on which side of calls it stands.", private="open"),
        C("name", "text", "Host name that others route to it by, or that it writes into Via.", private="host"),
        C("domain", "text", "Network that it belongs to, where something says so.", private="host"),
        C("product", "text", "User-Agent or Server of what it made itself.", private="User-Agent"),
        C("source", "text", "evidence, or given: the user said so.", private="open"),
        C("sent", "int", "Messages it sent, duplicates of the capture left out."),
        C("received", "int", "Messages it received."),
        C("first_at", "time", "First of them."),
        C("last_at", "time", "Last of them."),
    ),
)

NODE_EVIDENCE = Table(
    "node_evidence",
    "One rule that speaks for a role of a node; docs/nodes.md has the rules.",
    (
        C("node", "text", "Box, as in nodes.", private="host"),
        C("role", "text", "Role that it speaks for.", private="open"),
        C("rule", "text", "Name of the rule.", private="open"),
        C("points", "int", "Its points, once however often it was met; below 0 where it speaks against the role."),
        C(
            "count",
            "int",
            "How often it was met; of requests within dialogs only some are looked at where there are many.",
        ),
        C("message", "key", "A message that shows it: the first."),
    ),
)

REFERENCE_POINTS = Table(
    "reference_points",
    "Two nodes that sent each other requests, and the reference point between them.",
    (
        C("node", "text", "Box that sent the first request, as in nodes.", private="host"),
        C("role", "text", "Its role.", private="open"),
        C("peer", "text", "Box that it was sent to.", private="host"),
        C("peer_role", "text", "Its role.", private="open"),
        C(
            "reference_point",
            "text",
            "Gm Mw ISC Ma Mi Mj Mg Mk Mr Mr' Ml Mx Ici I2 I4 I5; null where a role is not known, or between them there"
            " is none.",
            "TS 23.228 §4.4",
            private="open",
        ),
        C("requests", "int", "Requests from node to peer, copies left out; no ACK and CANCEL."),
        C("peer_requests", "int", "Requests from peer to node."),
        C("first_at", "time", "First of them."),
        C("last_at", "time", "Last of them."),
    ),
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    "One subscription: an event package between a subscriber and a notifier. A REFER makes one, too.",
    (
        C(
            "subscription",
            "key",
            "Key: its earliest request, message of its earliest sighting; of another of a fork its first NOTIFY.",
        ),
        C("kind", "text", "subscribe refer.", "RFC 6665, RFC 3515", private="open"),
        C("package", "text", "Event package, in lower case.", "RFC 6665 §4", private="words"),
        C("event_id", "text", "id of Event.", "RFC 6665 §4.5.2", private="words"),
        C("subscriber", "text", "Subscriber that asks: asserted, else From.", private="subscriber"),
        C("resource", "text", "Whose state it is: To of the request.", private="subscriber"),
        C("refer_to", "text", "Refer-To of a REFER.", "RFC 3515 §2.1", private="Refer-To"),
        C("started_at", "time", "First byte of the first request; null where it is older than the capture."),
        C("status", "int", "Final status of it; a challenge only where nothing followed."),
        C("asked_s", "int", "Expires asked for, seconds.", "RFC 6665 §3.1.1"),
        C("granted_s", "int", "Expires granted; what was asked where the 2xx does not say.", "RFC 6665 §4.2.1.1"),
        C("refreshes", "int", "SUBSCRIBEs that prolonged it."),
        C("notifies", "int", "NOTIFYs of it, each once over all hops; none resent."),
        C("first_notify_at", "time", "When the first of them came."),
        C("notify_delay_s", "duration", "started_at to that."),
        C(
            "state",
            "text",
            "pending active terminated: as last told, or as its end says.",
            "RFC 6665 §4.1.3",
            private="words",
        ),
        C("states", "text", "The states told, in order, separated by spaces.", private="words"),
        C(
            "result",
            "int",
            "Of a REFER: last status that message/sipfrag told of what was referred to.",
            "RFC 3515 §2.4.5",
        ),
        C("ended_at", "time", "When it ended, where that is known."),
        C("ended_by", "text", "subscriber notifier unknown; null while it lives.", private="open"),
        C(
            "end_reason",
            "text",
            "What the last NOTIFY says: deactivated probation rejected timeout giveup noresource invariant, terminated"
            " where it gives no reason. Else unsubscribed, fetched (asked once, with Expires 0), refused (by a final"
            " response), unanswered, refresh_refused, notify_refused, expired, no_notify (accepted, and nothing for 64"
            " T1), open, joined (older than the capture).",
            "RFC 6665 §4.1.3, §4.4.1",
            private="words",
        ),
        C("dialog", "key", "Dialog; null where none was made."),
        C("call", "key", "Call, of one within a call's dialog; else null."),
    ),
)

PUBLICATIONS = Table(
    "publications",
    "One PUBLISH, once over all its hops; those of one event state form a chain by their entity-tags.",
    (
        C("publish", "key", "The PUBLISH: message of its earliest sighting."),
        C("publication", "key", "First PUBLISH of the chain that was captured, as publish."),
        C("published_at", "time", "First byte of it."),
        C("action", "text", "publish refresh modify remove.", "RFC 3903 §4", private="open"),
        C("package", "text", "Event package.", "RFC 3903 §5", private="words"),
        C("publisher", "text", "Subscriber that sends it: asserted, else From.", private="subscriber"),
        C("resource", "text", "Whose state it is: To.", private="subscriber"),
        C("status", "int", "Final status; 412: the compositor does not know the entity-tag.", "RFC 3903 §11.2.1"),
        C("delay_s", "duration", "published_at to it."),
        C("asked_s", "int", "Expires asked for, seconds."),
        C("granted_s", "int", "Expires granted.", "RFC 3903 §6"),
        C("if_match", "text", "SIP-If-Match: the state that it speaks of.", "RFC 3903 §11.3.2", private="identifier"),
        C("etag", "text", "SIP-ETag of the 2xx.", "RFC 3903 §11.3.1", private="identifier"),
        C(
            "end",
            "text",
            "What became of it: replaced (by a PUBLISH that names its SIP-ETag), expired, open; null where nothing was"
            " stored.",
            private="open",
        ),
    ),
)

CAPABILITIES = Table(
    "capabilities",
    "One thing that a user agent, or the network towards it, says it can do; by when it was said first.",
    (
        C(
            "registration",
            "key",
            "Registration that says so; of another message the last of its contact before, if any.",
        ),
        C("user", "text", "Subscriber whose user agent it is.", private="subscriber"),
        C("contact", "text", "Contact that speaks, or is spoken to by the network.", "RFC 3261 §20.10", private="uri"),
        C(
            "said_by",
            "text",
            "agent (whose contact it is), network (a registrar's 200, and Feature-Caps).",
            private="open",
        ),
        C(
            "said_in",
            "text",
            "REGISTER, OPTIONS, INVITE, or what was answered: 200 to REGISTER, 1xx to INVITE ...",
            private="words",
        ),
        C("header", "text", "Header field.", private="open"),
        C(
            "kind",
            "text",
            "method (Allow), option (Supported), required (Require), event_package (Allow-Events), info_package"
            " (Recv-Info), feature_tag instance icsi iari (Contact), feature_cap (Feature-Caps).",
            "RFC 3261 §20, RFC 3840, TS 24.229 §7.9, RFC 6809",
            private="open",
        ),
        C("name", "text", "Method, option tag, feature tag, or identifier with its escapes undone.", private="words"),
        C(
            "value",
            "text",
            "Value of a feature tag, without quotes; null for a tag that is true by being there.",
            "RFC 3840 §9",
            private="words",
        ),
        C("meaning", "text", "What that is, in words, where it is known.", private="open"),
        C("first_at", "time", "When it was said first."),
        C("message", "key", "Message that said so first."),
    ),
)

SERVICES = Table(
    "services",
    "One service of a dialog, or of a request outside dialogs: each has a row, by its start.",
    (
        C("unit", "key", "The dialog, or of a request outside dialogs its earliest sighting."),
        C("dialog", "key", "Dialog, with the requests that opened it; null for a request outside one."),
        C(
            "transaction",
            "key",
            "Of a request outside dialogs its transaction at the hop with the fewest Vias; else null.",
        ),
        C("call", "key", "Call; null outside calls."),
        C("method", "text", "Method of that request, or that opened the dialog.", private="words"),
        C("started_at", "time", "First byte of its first message."),
        C(
            "service",
            "text",
            "voice video real_time_text fax mmtel emergency ecall sms instant_message presence registration reg_event"
            " options conference hold call_waiting call_forwarding communication_transfer refer call_completion"
            " message_waiting oip oir tip tir acr cat crs closed_user_group advice_of_charge mcid ussi srvcc dtmf"
            " user_to_user priority rcs_chat file_transfer location_push chatbot call_composer content_share"
            " delivery_notification mission_critical push_to_talk dialog_event configuration quality_report sip_i"
            " subscription; unknown where nothing says.",
            private="open",
        ),
        C("detail", "text", "Which kind of it: why a call was forwarded, event package, who holds.", private="words"),
        C("evidence", "text", "What says so.", private="sentence"),
        C("standard", "text", "Where that is written.", private="open"),
        C("message", "key", "First message that says so; null where several do together."),
    ),
)

SMS = Table(
    "sms",
    "One short message over IP and leg, and how it went, at the hop with the fewest Vias.",
    (
        C("sms", "key", "MESSAGE that carries it; of report_only the MESSAGE with the report."),
        C("submitted_at", "time", "First byte of that MESSAGE; null where only the report was captured."),
        C(
            "direction",
            "text",
            "originated (from the UE to the service centre) terminated (to the UE).",
            "TS 24.341 §5.3",
            private="open",
        ),
        C(
            "outcome",
            "text",
            "delivered (RP-ACK: the service centre, or the UE, has it), rejected (RP-ERROR), refused (SIP did not carry"
            " it), unanswered (no report within 45 s), pending (the capture ends before), report_only (it is older than"
            " the capture).",
            "TS 24.011 §6, §10",
            private="open",
        ),
        C("sender", "text", "Subscriber whose MESSAGE it is.", "RFC 3325; else From", private="subscriber"),
        C("receiver", "text", "Subscriber that the MESSAGE goes to.", private="subscriber"),
        C("service_centre", "text", "Its number: RP-Destination or RP-Originator Address.", private="subscriber"),
        C("rp_type", "text", "RP-DATA, or RP-SMMA: the UE has memory again.", "TS 24.011 §7.3", private="open"),
        C("rp_reference", "int", "RP message reference.", "TS 24.011 §8.2.3"),
        C(
            "tp_type",
            "text",
            "SMS-SUBMIT SMS-COMMAND SMS-DELIVER SMS-STATUS-REPORT.",
            "TS 23.040 §9.2.2",
            private="open",
        ),
        C("tp_reference", "int", "TP-MR: a status report repeats it.", "TS 23.040 §9.2.3.6"),
        C(
            "tp_address",
            "text",
            "Other party: TP-DA of what is submitted, TP-OA of what is delivered, TP-RA of a status report.",
            "TS 23.040 §9.1.2.5",
            private="subscriber",
        ),
        C("tp_status", "int", "TP-ST of a status report.", "TS 23.040 §9.2.3.15"),
        C("tp_status_text", "text", "The same in words.", private="open"),
        C("status", "int", "Final SIP status of the MESSAGE: 200 and 202 say only that SIP carried it.", "RFC 3428 §7"),
        C("status_delay_s", "duration", "submitted_at to that response."),
        C("report", "key", "MESSAGE with the report of the relay layer."),
        C("report_type", "text", "RP-ACK RP-ERROR.", "TS 24.011 §7.3.3, §7.3.4", private="open"),
        C("report_at", "time", "When it came back to where submitted_at was taken."),
        C("report_delay_s", "duration", "submitted_at to report_at."),
        C("rp_cause", "int", "RP-Cause of an RP-ERROR.", "TS 24.011 table 8.4"),
        C("rp_cause_text", "text", "The same in words.", private="open"),
        C("tp_failure", "int", "TP-FCS of an RP-ERROR.", "TS 23.040 §9.2.3.22"),
        C("tp_failure_text", "text", "The same in words.", private="open"),
        C(
            "matched_by",
            "text",
            "in_reply_to, or rp_reference: with the same UE, within 120 s.",
            "TS 24.341 §5.3.1.3",
            private="open",
        ),
        C("call_id", "text", "Call-ID of the MESSAGE.", private="identifier"),
        C("malformed", "bool", "One of the two ends before its own lengths say."),
    ),
)

HOPS = Table(
    "hops",
    "One message on its way from one node to the next, and the message it was made from; in message order.",
    (
        C("message", "key", "Message; duplicates left out."),
        C("call", "key", "Call; null outside calls."),
        C("transaction", "key", "Its transaction; null for an ACK to a 2xx."),
        C("time", "time", "When it was captured."),
        C("method", "text", "Method; a response has that of its CSeq.", private="words"),
        C("status", "int", "Status code; null marks a request."),
        C("sender", "text", "ip:port it was sent from.", private="host"),
        C("receiver", "text", "ip:port it was sent to.", private="host"),
        C(
            "previous",
            "key",
            "Message that the sender made it from; null where the sender began it or nobody saw it come in.",
            "RFC 3261 §16.6, §16.7",
        ),
        C("node", "text", "ip:port of the sender as others reach it, where previous is known.", private="host"),
        C("delay_s", "duration", "previous in to this out, at one capture point that saw both; else null."),
        C("point", "text", "That capture point; without a delay the message's own.", private="file"),
        C(
            "unseen",
            "int",
            "Nodes between previous and this that no capture point saw; null without previous, or if unknown.",
        ),
        C(
            "linked_by",
            "text",
            "via (Via stacks), cancel (the CANCEL of an INVITE made from another), order (came in before at the same"
            " node: Vias hidden or taken off), leg (a B2BUA between two legs of the call).",
            private="open",
        ),
        C(
            "reference_point",
            "text",
            "Interface that it crossed, by the roles of nodes at both ends: Gm Mw ISC ..., an estimate as they are;"
            " null where a role is not known, or the standards name none.",
            "TS 23.228 §4.4",
            private="open",
        ),
    ),
)

LEGS = Table(
    "legs",
    "One leg and the leg that a B2BUA made it from; a leg with several possible origins has a row for each.",
    (
        C("leg", "key", "Leg: message of its first INVITE."),
        C("call", "key", "Call it is in."),
        C("call_id", "text", "Its Call-ID.", private="identifier"),
        C("started_at", "time", "First byte of its first INVITE."),
        C("first_node", "text", "Address that it begins at.", private="host"),
        C("last_node", "text", "Address that it ends at; of a forked one the first.", private="host"),
        C("hops", "int", "Hops its INVITE was seen on."),
        C("parent", "key", "Leg it was made from, as leg; null where none is known."),
        C("parent_call_id", "text", "Call-ID of that leg.", private="identifier"),
        C(
            "relation",
            "text",
            "leg (of one call), or what it says of the other: replaces join target_dialog in_reply_to.",
            "RFC 3891, RFC 3911, RFC 4538, RFC 3261 §20.21",
            private="open",
        ),
        C(
            "strength",
            "text",
            "strong (a fact: legs of one call are one row of calls) or possible (shown, not acted on).",
            private="open",
        ),
        C("score", "int", "Points of the evidence: strong from 100, possible from 60."),
        C("evidence", "text", "What there is of it, with its points; docs/hops_and_legs.md.", private="open"),
        C("node", "text", "Address where the one ends and the other begins.", private="address"),
        C("delay_s", "duration", "INVITE of the parent in to INVITE of the leg out, at one capture point."),
    ),
)

CDRS = Table(
    "cdrs",
    "One leg of a call as a charging data record: what a node on it would have written.",
    (
        C("leg", "key", "Leg: message of its first INVITE."),
        C("call", "key", "Call it is in."),
        C("no", "int", "calls.no."),
        C("session_id", "text", "Its Call-ID.", "TS 32.298 Session-Id", private="identifier"),
        C(
            "position",
            "text",
            "Where in the call, as far as it was captured and as B2BUAs are told: only first middle last.",
            private="open",
        ),
        C("parent", "key", "Leg that a B2BUA made it from, where that is a fact."),
        C("first_node", "text", "Address that it begins at.", "TS 32.298 Node Address", private="host"),
        C("last_node", "text", "Address that it ends at.", private="host"),
        C("caller", "text", "calls.caller.", private="subscriber"),
        C("callee", "text", "calls.callee.", private="subscriber"),
        C(
            "calling_party_address",
            "text",
            "Identities of the caller that the network asserts, on all hops, with commas between.",
            "TS 32.298 List of Calling Party Address; RFC 3325",
            private="P-Asserted-Identity",
        ),
        C(
            "called_party_address",
            "text",
            "P-Called-Party-ID, else the last Request-URI that is not at an address, else the last.",
            "TS 32.298 Called Party Address; RFC 7315 §5.2",
            private="uri",
        ),
        C(
            "requested_party_address",
            "text",
            "First Request-URI of the leg.",
            "TS 32.298 Requested Party Address",
            private="uri",
        ),
        C(
            "called_asserted_identity",
            "text",
            "Identities of the callee that the network asserts, with commas between.",
            "TS 32.298 List of Called Asserted Identity",
            private="P-Asserted-Identity",
        ),
        C("service_request_at", "time", "First byte of its INVITE.", "TS 32.298 Service Request Timestamp"),
        C("service_delivery_start_at", "time", "First 2xx.", "TS 32.298 Service Delivery Start Timestamp"),
        C(
            "service_delivery_end_at",
            "time",
            "BYE, or what else ended it; of a leg that was not answered null.",
            "TS 32.298 Service Delivery End Timestamp",
        ),
        C("duration_s", "duration", "From start to end of delivery."),
        C(
            "cause_for_record_closing",
            "text",
            "service_delivery_end_successfully (answered, then BYE) or unsuccessful_service_delivery; null while it is"
            " not known.",
            "TS 32.298 Cause for Record Closing",
            private="open",
        ),
        C("service_reason_return_code", "int", "Final status.", "TS 32.298 Service Reason Return Code"),
        C("reason_header", "text", "First Reason of what ended it.", "RFC 3326", private="Reason"),
        C("icid", "text", "IMS charging identifier: icid-value.", "RFC 7315 §5.6", private="identifier"),
        C("icid_node", "text", "Host that made it: icid-generated-at.", "RFC 7315 §5.6", private="host"),
        C("related_icid", "text", "Of the leg that it was made from.", "RFC 7315 §5.6", private="identifier"),
        C(
            "orig_ioi",
            "text",
            "Inter-operator identifiers of the senders' networks, on all hops, with commas between.",
            "RFC 7315 §5.6",
            private="P-Charging-Vector",
        ),
        C("term_ioi", "text", "The same of the receivers' networks.", "RFC 7315 §5.6", private="P-Charging-Vector"),
        C(
            "transit_iois",
            "text",
            "Networks between the two, as last told; void for one that hides itself.",
            "RFC 7315 §5.6",
            private="P-Charging-Vector",
        ),
        C(
            "charging_gap",
            "text",
            "What records of it would lack: 2xx without term-ioi (to an INVITE with orig-ioi), icid changes.",
            "RFC 7315 §4.6",
            private="open",
        ),
        C(
            "service_id",
            "text",
            "Communication service (ICSI): P-Asserted-Service, else P-Preferred-Service, else Accept-Contact.",
            "TS 24.229 §7.2A.8",
            private="P-Asserted-Service",
        ),
        C(
            "sdp_media",
            "text",
            "Media as last agreed, where not answered as last offered: kind, codecs, direction; with ; between.",
            "TS 32.298 List of SDP Media Components",
            private="words",
        ),
        C(
            "calling_home_network",
            "text",
            "Domain of the identity that the network asserts of the caller, else of its From.",
            "RFC 3325 §9.1",
            private="host",
        ),
        C(
            "calling_visited_network",
            "text",
            "P-Visited-Network-ID of the leg, else of the latest registration of the caller.",
            "RFC 7315 §5.3",
            private="P-Visited-Network-ID",
        ),
        C(
            "calling_access_network_info",
            "text",
            "P-Access-Network-Info of the caller as the call began, the network's own before the UE's.",
            "TS 24.229 §7.2A.4",
            private="P-Access-Network-Info",
        ),
        C("calling_rat", "text", "What it says: access_networks.rat.", private="open"),
        C("calling_plmn", "text", "MCC and MNC of its cell.", "TS 23.003 §12.1", private="open"),
        C(
            "calling_roaming",
            "text",
            "What speaks for the caller being away from home, in words, with commas between; null where nothing does.",
            private="open",
        ),
        C(
            "called_home_network",
            "text",
            "Domain of the identity that the network asserts of the callee.",
            "RFC 3325 §9.1",
            private="host",
        ),
        C(
            "called_visited_network",
            "text",
            "P-Visited-Network-ID of the latest registration of the callee.",
            "RFC 7315 §5.3",
            private="P-Visited-Network-ID",
        ),
        C(
            "called_access_network_info",
            "text",
            "P-Access-Network-Info of the callee as the call began, the network's own before the UE's.",
            "TS 24.229 §7.2A.4",
            private="P-Access-Network-Info",
        ),
        C("called_rat", "text", "What it says: access_networks.rat.", private="open"),
        C("called_plmn", "text", "MCC and MNC of its cell.", "TS 23.003 §12.1", private="open"),
        C(
            "called_roaming",
            "text",
            "What speaks for the callee being away from home, in words, with commas between; null where nothing does.",
            private="open",
        ),
    ),
)

ACCESS_NETWORKS = Table(
    "access_networks",
    "One access network that a party of a call or registration was in, as often as it says the same.",
    (
        C("message", "key", "First message that says so."),
        C("call", "key", "Call; null outside calls."),
        C("registration", "key", "Registration; null outside registrations."),
        C(
            "party",
            "text",
            "caller or callee of a call (null where its beginning was not seen), user of a registration, else client or"
            " server of a request.",
            private="open",
        ),
        C("user", "text", "Subscriber that the party is.", private="subscriber"),
        C("first_at", "time", "When it was said first."),
        C("last_at", "time", "When it was said last."),
        C("messages", "int", "Messages that say so, on all hops."),
        C(
            "header",
            "text",
            "P-Access-Network-Info, or Cellular-Network-Info: the last cell before the WLAN.",
            private="open",
        ),
        C("value", "text", "Value as sent, one of the list.", "RFC 7315 §5.4", private="P-Access-Network-Info"),
        C("network_provided", "bool", "Inserted by the network, not by the UE.", "RFC 7315 §5.4"),
        C("access_type", "text", "3GPP-E-UTRAN-FDD, IEEE-802.11 ...", "TS 24.229 §7.2A.4", private="words"),
        C(
            "rat",
            "text",
            "NR E-UTRAN UTRAN GERAN GAN CDMA2000 WLAN non-3GPP Ethernet DSL cable fibre GSTN satellite.",
            private="open",
        ),
        C("mcc", "text", "Mobile country code.", "TS 23.003 §2.2", private="open"),
        C("mnc", "text", "Mobile network code, two or three digits.", "TS 23.003 §2.2", private="open"),
        C("tac", "text", "Tracking area code, hexadecimal as sent.", "TS 23.003 §19.4.2.3", private="cell"),
        C("lac", "text", "Location area code, hexadecimal as sent.", "TS 23.003 §4.1", private="cell"),
        C(
            "cell_id",
            "text",
            "Cell identity (ECI, NCI, CI or SAC), hexadecimal as sent.",
            "TS 23.003 §4.3, §19.6",
            private="cell",
        ),
        C(
            "enodeb",
            "text",
            "eNodeB, if it is a macro one: the upper 20 bits of the ECI.",
            "TS 36.413 §9.2.1.37",
            private="cell",
        ),
        C("enodeb_cell", "text", "Cell of the eNodeB: the lower 8 bits.", "TS 36.413 §9.2.1.38", private="cell"),
        C("bssid", "text", "Access point of the WLAN: its MAC address.", "TS 24.229 §7.2A.4", private="cell"),
        C("time_zone", "text", "local-time-zone: that of the UE's place.", "TS 24.229 §7.2A.4", private="words"),
        C("age_s", "int", "Age of the information, seconds, of Cellular-Network-Info.", "TS 24.229 §7.2.15"),
        C(
            "home_network",
            "text",
            "Domain of the party's asserted identity, else of the caller's From or of the address of record.",
            private="host",
        ),
        C(
            "roaming",
            "text",
            "cell of another country, cell of another network: than home_network, where that tells MCC and MNC.",
            "TS 23.003 §13.2",
            private="open",
        ),
    ),
)

# ---- the set-up of calls, and who said no ----------------------------------------------------------------------------

SETUPS = Table(
    "setups",
    "The set-up of one call at its reference hop: when it passed which message.",
    (
        C("call", "key", "Call; one whose INVITE was captured with its time."),
        C("started_at", "time", "First byte of the first INVITE."),
        C("again_at", "time", "INVITE that decided, where another came before it: challenge, redirection, failover."),
        C("trying_at", "time", "First 100 to it.", "RFC 3261 §21.1.1"),
        C("progress_at", "time", "First 101-199 that is no 180, before any 180.", "TS 24.229 §5.1.3"),
        C("progress_status", "int", "Its status: 183, 181 ..."),
        C("prack_at", "time", "The caller's first PRACK behind it.", "RFC 3262"),
        C("prack_answered_at", "time", "2xx to that PRACK."),
        C("update_at", "time", "The caller's first UPDATE with SDP behind that, before the 180.", "RFC 3311"),
        C("update_answered_at", "time", "2xx to that UPDATE."),
        C(
            "caller_ready_at",
            "time",
            "First SDP that says that the caller's resources are what is desired for every stream.",
            "RFC 3312 §5",
        ),
        C("callee_ready_at", "time", "The same of the callee's; null where no SDP told before the answer."),
        C("ringing_at", "time", "First 180."),
        C("cancelled_at", "time", "CANCEL of a call that was not answered."),
        C("final_at", "time", "First 2xx, else the final response that decided."),
        C("status", "int", "Its status."),
        C("ack_at", "time", "First ACK to the 2xx."),
        C("preconditions", "bool", "SDP before the answer speaks of preconditions.", "RFC 3312"),
        C("reliable", "int", "Reliable provisional responses, without copies.", "RFC 3262 §3"),
        C("unacknowledged", "int", "Those of them that no PRACK acknowledged (RAck).", "RFC 3262 §4"),
        C("rseq_gaps", "int", "Those whose RSeq is not one more than the last of the early dialog.", "RFC 3262 §3"),
        C(
            "stalled",
            "text",
            "Phase in which a call ended that was not answered: trying routing prack caller_bearer callee_bearer "
            "alerting ringing.",
            private="open",
        ),
        C("stalled_detail", "text", "The same in words, and what ended it.", private="open"),
    ),
)

PHASES = Table(
    "phases",
    "One phase of the set-up of a call at its reference hop, in order; phases up to the answer add up to setup_s.",
    (
        C("call", "key", "Call."),
        C(
            "phase",
            "text",
            "retry trying routing prack caller_bearer callee_bearer alerting ringing cancelling ack: what is waited"
            " for; docs/phases.md.",
            "TS 24.229 §5.1.3",
            private="open",
        ),
        C("begins", "text", "Method or status of the message that it begins with.", private="words"),
        C("ends", "text", "Of that which ends it; null where the set-up went no further.", private="words"),
        C("from_at", "time", "When it begins: first byte of a request, last of a response."),
        C("to_at", "time", "When it ends."),
        C("duration_s", "duration", "from_at to to_at."),
        C("from_message", "key", "Message that it begins with."),
        C("to_message", "key", "Message that ends it."),
        C("note", "text", "What else there is to say.", private="open"),
    ),
)

WATERFALL = Table(
    "waterfall",
    "One part of the way that a set-up waited on, in order; the parts add up to INVITE to final response.",
    (
        C("call", "key", "Call; one that got a final response."),
        C("part", "int", "1..n on its way."),
        C(
            "kind",
            "text",
            "node (a message through a node), link (on the wire between two capture points, there and back, or in "
            "several packets), resend (until it was sent again: lost, or its receiver was slow), elsewhere (the node "
            "had sent the INVITE elsewhere before, and was refused), far_end (until who answered answered, or rang), "
            "ringing (180 to final response there), caller (before its next request), unseen (no message tells which "
            "of them).",
            private="open",
        ),
        C("way", "text", "request response; null for what is neither, or both.", private="open"),
        C("address", "text", "ip:port of the node; of a link its nearer end.", private="host"),
        C("peer", "text", "ip:port of the other end of a link.", private="host"),
        C("method", "text", "Method of the message that ends the part.", private="words"),
        C("status", "int", "Its status; null marks a request."),
        C("offset_s", "duration", "Parts before it."),
        C("duration_s", "duration", "How long it is."),
        C("from_message", "key", "Message that it begins with."),
        C("to_message", "key", "Message that ends it."),
    ),
)

REFUSALS = Table(
    "refusals",
    "Who ended one call that was not answered. What nodes are is an estimate, and so is this.",
    (
        C("call", "key", "Call: any that ended without an answer, but for those answered elsewhere."),
        C("status", "int", "Final status at the reference hop; null where there was none."),
        C("said_by", "text", "user node network timer unknown: on whose behalf; docs/phases.md.", private="open"),
        C("because", "text", "The rule that says so.", private="open"),
        C(
            "address",
            "text",
            "ip:port of the node that the refusal came from first, over all hops and legs; of a cancelled call that"
            " sent the first CANCEL. Null where nobody said anything.",
            private="host",
        ),
        C("role", "text", "Its role, as in nodes.", private="open"),
        C("name", "text", "Its host name, as in nodes.", private="host"),
        C("node", "text", "The box, as in nodes.", private="host"),
        C(
            "partial",
            "bool",
            "A node behind it may have said so: it is no user agent, and was never seen to send an INVITE on; or it "
            "sent this one on, and what came back was not captured.",
        ),
        C("first_status", "int", "Status as it was first said; null for a CANCEL."),
        C("reason_phrase", "text", "Reason phrase as it was first said.", private="phrase"),
        C("message", "key", "The response, or CANCEL, where it was first seen."),
        C("seen_at", "time", "When that was."),
        C("silent", "text", "ip:port of a node that had been asked and did not answer.", private="host"),
        C(
            "reason_protocol",
            "text",
            "Protocol of the first Reason, in capitals: Q.850 SIP RELEASE_CAUSE ...",
            "RFC 3326, TS 24.229 §7.2A.18",
            private="words",
        ),
        C("reason_cause", "int", "Its cause."),
        C("reason", "text", "What that cause means.", "ITU-T Q.850, RFC 4411", private="open"),
        C("reason_text", "text", "Its text.", private="phrase"),
        C("warning_code", "int", "Code of the first Warning.", "RFC 3261 §20.43"),
        C("warning_agent", "text", "Who added it.", private="host"),
        C("warning_text", "text", "Its text.", private="phrase"),
    ),
)

REFUSAL_STEPS = Table(
    "refusal_steps",
    "One step of a refusal on its way back: a node said it or passed it on.",
    (
        C("call", "key", "Call."),
        C("step", "int", "1: who said it first."),
        C("address", "text", "ip:port of the node.", private="host"),
        C("role", "text", "Its role, as in nodes.", private="open"),
        C("method", "text", "INVITE, to which it is a response, or CANCEL.", private="words"),
        C("status", "int", "Status that it sent; null for a CANCEL."),
        C("changed", "bool", "It got another status than it sent."),
        C("receiver", "text", "ip:port that it was sent to.", private="host"),
        C("time", "time", "When it was captured."),
        C("message", "key", "Message."),
    ),
)

CLOCKS = Table(
    "clocks",
    "One capture point's clock against that of the first; no row for a single capture point.",
    (
        C("point", "text", "Capture point.", private="file"),
        C("reference", "text", "The first capture point.", private="file"),
        C("at", "time", "When it is off by offset_s, by its own clock: the middle of what both saw."),
        C("offset_s", "duration", "How much its clock is ahead of the reference; null where nothing ties the two."),
        C("offset_min_s", "duration", "The least that agrees with every message."),
        C("offset_max_s", "duration", "The most."),
        C("drift_ppb", "int", "How much faster it runs: nanoseconds a second."),
        C("drift_min_ppb", "int", "The least that agrees with every message."),
        C("drift_max_ppb", "int", "The most."),
        C("bounds", "int", "Bounds that this rests on: packets seen twice, and messages forwarded between the points."),
        C("applied", "bool", "Taken off the times of this reading."),
    ),
)

LOSSES = Table(
    "losses",
    "One message that one capture point saw and another, which watches the same way, did not.",
    (
        C("message", "key", "Message."),
        C("call", "key", "Call; null outside calls."),
        C("time", "time", "When it was captured."),
        C("method", "text", "Method; a response has that of its CSeq.", private="words"),
        C("status", "int", "Status code; null marks a request."),
        C("sender", "text", "ip:port it was sent from.", private="host"),
        C("receiver", "text", "ip:port it was sent to.", private="host"),
        C("seen_at", "text", "Capture point that saw it.", private="file"),
        C("missed_at", "text", "Capture point that did not.", private="file"),
        C("sent_again", "bool", "A further copy followed."),
        C(
            "verdict",
            "text",
            "not_captured (the receiver acted on it) lost (it did not, and a copy followed) unknown.",
            private="open",
        ),
    ),
)

# ---- beside SIP: Diameter and DNS ------------------------------------------------------------------------------------

DIAMETER = Table(
    "diameter",
    "One message of Diameter, in order of time; duplicates too. Keys and authentication vectors are in no column.",
    (
        C("diameter_message", "key", "Key: hash of time, addresses, bytes, and the ordinal among equals."),
        C("exchange", "key", "The request and its answer: diameter_message of the earlier.", "RFC 6733 §6.2"),
        C("file", "text", "File of the packet that completed it.", private="file"),
        C("frame", "int", "That packet's number in the file, from 1."),
        C("offset", "int", "Position in the (decompressed) file of its first byte."),
        C("length", "int", "Bytes of it as captured."),
        C("time", "time", "When the packet that completed it was captured."),
        C("first_byte_at", "time", "When the earliest packet that holds a part of it was captured."),
        C("point", "text", "Capture point.", private="file"),
        C("src_ip", "text", "Innermost source address.", private="address"),
        C("src_port", "int", "Source port."),
        C("dst_ip", "text", "Innermost destination address.", private="address"),
        C("dst_port", "int", "Destination port."),
        C("transport", "text", "tcp sctp.", "RFC 6733 §2.1", private="open"),
        C("application_id", "int", "Application-Id."),
        C("application", "text", "Its name: Cx Sh Rx Rf Ro base ...; null where not known.", private="open"),
        C("command_code", "int", "Command code."),
        C("command", "text", "Its abbreviation: UAR, UAA ...; null where not known.", private="open"),
        C("request", "bool", "A request (flag R).", "RFC 6733 §3"),
        C("proxiable", "bool", "May be proxied (flag P)."),
        C("error", "bool", "The answer tells of a protocol error (flag E)."),
        C("resent", "bool", "Its sender may have sent it before (flag T)."),
        C("hop_by_hop", "int", "Hop-by-Hop identifier."),
        C("end_to_end", "int", "End-to-End identifier."),
        C("session_id", "text", "Session-Id.", "RFC 6733 §8.8", private="identifier"),
        C("origin_host", "text", "Origin-Host.", private="host"),
        C("origin_realm", "text", "Origin-Realm.", private="host"),
        C("destination_host", "text", "Destination-Host.", private="host"),
        C("destination_realm", "text", "Destination-Realm.", private="host"),
        C(
            "user_name",
            "text",
            "User-Name: on Cx the private identity; else a Subscription-Id that is an IMSI or NAI.",
            "TS 29.228 §6",
            private="user",
        ),
        C("public_identity", "text", "First Public-Identity, or Subscription-Id with a SIP URI.", private="uri"),
        C(
            "msisdn",
            "text",
            "MSISDN in digits, or Subscription-Id with an E.164 number as sent.",
            "TS 29.329 §6.3.2",
            private="subscriber",
        ),
        C("visited_network", "text", "Visited-Network-Identifier.", "TS 29.229 §6.3.1", private="host"),
        C("server_name", "text", "Server-Name: URI of the S-CSCF or AS.", "TS 29.229 §6.3.3", private="uri"),
        C("result_code", "int", "Result-Code.", "RFC 6733 §7.1"),
        C("result", "text", "Its name without DIAMETER_: SUCCESS, UNABLE_TO_DELIVER ...", private="open"),
        C("experimental_vendor", "int", "Vendor-Id of Experimental-Result; 10415 = 3GPP.", "RFC 6733 §7.6"),
        C("experimental_result_code", "int", "Experimental-Result-Code."),
        C(
            "experimental_result",
            "text",
            "Its name without DIAMETER_: FIRST_REGISTRATION, ERROR_USER_UNKNOWN ...",
            "TS 29.229 §6.2, TS 29.329 §6.2, TS 29.214 §5.5",
            private="open",
        ),
        C("error_message", "text", "Error-Message.", "RFC 6733 §7.3", private="sentence"),
        C("said", "text", "Its enumerated AVPs: Server-Assignment-Type=REGISTRATION ...", private="words"),
        C("authentication_scheme", "text", "SIP-Authentication-Scheme.", "TS 29.229 §6.3.9", private="words"),
        C(
            "framed_ip",
            "text",
            "Framed-IP-Address of the UE, or Framed-IPv6-Prefix with its length.",
            "TS 29.214 §5.4",
            private="address",
        ),
        C("called_station", "text", "Called-Station-Id: the access point name.", private="host"),
        C(
            "media",
            "text",
            "Media components: number, type, flow status, bandwidth up/down.",
            "TS 29.214 §5.3.16",
            private="words",
        ),
        C(
            "icid",
            "text",
            "AF-Charging-Identifier or IMS-Charging-Identifier.",
            "TS 29.214 §5.3.5",
            private="identifier",
        ),
        C("keys", "bool", "It holds keys or an authentication vector.", "TS 29.229 §6.3.13"),
        C("avps", "text", "Names of its AVPs, those of a group in braces; numbers where not known.", private="words"),
        C("flaw", "text", "cut, or avp_length (an AVP whose length cannot be).", private="open"),
        C("retransmission", "bool", "The same request sent again."),
        C("duplicate", "bool", "The same packet seen again."),
    ),
)

DIAMETER_TRANSACTIONS = Table(
    "diameter_transactions",
    "One Diameter request on one hop and its answer, by start.",
    (
        C("exchange", "key", "Key: diameter_message of the earlier of the two."),
        C("file", "text", "File of the request, else of the answer.", private="file"),
        C("frame", "int", "Packet that completed the request; null where it was not seen."),
        C("answer_frame", "int", "Packet that completed the answer."),
        C("application", "text", "Cx Sh Rx Rf Ro base ...; null where not known.", private="open"),
        C("command", "text", "Abbreviation of the request: UAR; null where not known.", private="open"),
        C("application_id", "int", "Application-Id."),
        C("command_code", "int", "Command code."),
        C("client_ip", "text", "Sender of the request.", private="address"),
        C("client_port", "int", "Its port."),
        C("server_ip", "text", "Receiver of the request.", private="address"),
        C("server_port", "int", "Its port."),
        C("transport", "text", "tcp sctp.", private="open"),
        C("session_id", "text", "Session-Id.", private="identifier"),
        C("client_host", "text", "Origin-Host of the request.", private="host"),
        C("server_host", "text", "Origin-Host of the answer, else Destination-Host.", private="host"),
        C("user_name", "text", "Private identity, of either.", private="user"),
        C("public_identity", "text", "Public identity, of either.", private="uri"),
        C("msisdn", "text", "MSISDN, of either.", private="subscriber"),
        C("server_name", "text", "Server-Name, of the answer before that of the request.", private="uri"),
        C("framed_ip", "text", "Framed address of the request.", private="address"),
        C("icid", "text", "Charging identifier, of either.", private="identifier"),
        C("said", "text", "Enumerated AVPs of the request.", private="words"),
        C("media", "text", "Media components of the request.", private="words"),
        C("started_at", "time", "First byte of the first request; null where only an answer was seen."),
        C("answered_at", "time", "The answer."),
        C("delay_s", "duration", "started_at to answered_at."),
        C("request_copies", "int", "Times the request was sent; 1 = never resent, 0 = not seen."),
        C(
            "outcome",
            "text",
            "answered unanswered pending (the capture ended within 10 s) orphan (only the answer was seen).",
            private="open",
        ),
        C("result_code", "int", "Result-Code, else Experimental-Result-Code."),
        C("result", "text", "Its name; null where not known.", private="open"),
        C("experimental_vendor", "int", "Vendor-Id, where result_code is experimental."),
    ),
)

DNS = Table(
    "dns",
    "One DNS query and its response, by start: UDP and TCP, port 53.",
    (
        C("exchange", "key", "Key: hash of the earlier of the two messages."),
        C("file", "text", "File of the first query, or of the response where no query was seen.", private="file"),
        C("frame", "int", "Packet of the query, from 1; null where it was not seen."),
        C("answer_frame", "int", "Packet that completed the response."),
        C("point", "text", "Capture point.", private="file"),
        C("client_ip", "text", "Who asked.", private="address"),
        C("client_port", "int", "Its port."),
        C("server_ip", "text", "Who was asked.", private="address"),
        C("transport", "text", "udp tcp.", private="open"),
        C("name", "text", "Name asked for, without the last dot.", "RFC 1035 §4.1.2", private="host"),
        C("type", "text", "A AAAA NAPTR SRV CNAME ...; TYPE257 where not known.", "RFC 1035, RFC 3597", private="open"),
        C("number", "text", "The number that an ENUM domain stands for.", "RFC 6116 §3.2", private="subscriber"),
        C("started_at", "time", "First byte of the first query; null where only the response was seen."),
        C("answered_at", "time", "The response."),
        C("delay_s", "duration", "started_at to answered_at."),
        C("query_copies", "int", "Times the query was sent; 1 = never resent, 0 = not seen."),
        C(
            "outcome",
            "text",
            "answered unanswered pending (the capture ended within 5 s) orphan (only the response was seen).",
            private="open",
        ),
        C("rcode", "text", "NOERROR NXDOMAIN SERVFAIL REFUSED ...", "RFC 1035 §4.1.1", private="open"),
        C(
            "answers",
            "text",
            "Records of the answer, joined by '; ': SRV 10 20 5060 a.example; data of types not listed are left out.",
            "RFC 2782, RFC 3403",
            private="sentence",
        ),
        C("addresses", "text", "Addresses in the answer and the additional records.", private="address"),
        C("truncated", "bool", "The response was truncated (flag TC).", "RFC 2181 §9"),
        C("flaw", "text", "record_unreadable: a record, or what follows it, could not be read.", private="open"),
    ),
)

BESIDE = Table(
    "beside",
    "One exchange of Diameter or DNS that belongs to a call or a registration, by start. An exchange that fits two"
    " equally well has no row.",
    (
        C("exchange", "key", "As in diameter_transactions or dns."),
        C("call", "key", "Call it was made for; null for a registration."),
        C("registration", "key", "Registration it was made for; null for a call."),
        C("message", "key", "SIP message that the asking node had in hand; null where it is known by icid or session."),
        C("file", "text", "File of the request.", private="file"),
        C("frame", "int", "Its packet."),
        C("answer_frame", "int", "Packet of the answer."),
        C("protocol", "text", "diameter dns.", private="open"),
        C("application", "text", "Cx Sh Rx Rf Ro ..., ENUM or DNS.", private="open"),
        C("peer", "text", "What answers, or asks on its own: HSS PCRF CDF OCS DNS.", "TS 23.228 §4", private="open"),
        C("peer_ip", "text", "Its address.", private="address"),
        C("client_ip", "text", "Who asked.", private="address"),
        C("server_ip", "text", "Who was asked.", private="address"),
        C("what", "text", "Command, or type of record asked for: UAR; SRV.", private="open"),
        C("name", "text", "Name asked for; null for Diameter.", private="host"),
        C("result", "text", "Result of Diameter, response code of DNS; else unanswered or pending.", private="open"),
        C(
            "detail",
            "text",
            "Media and enumerated AVPs of a request of Diameter; records of an answer of DNS.",
            private="sentence",
        ),
        C("failed", "bool", "It says no, or nothing came: no 2xxx of Diameter, no NOERROR of DNS."),
        C("started_at", "time", "First byte of the request."),
        C("answered_at", "time", "The answer."),
        C("delay_s", "duration", "started_at to answered_at."),
        C("score", "int", "Points of the evidence; joined from 60, 20 ahead of any other call or registration."),
        C("evidence", "text", "What there is of it, with its points; docs/diameter_and_dns.md.", private="words"),
    ),
)

WAITS = Table(
    "waits",
    "How long one call or registration waited for one peer: the time in which an exchange with it was open.",
    (
        C("call", "key", "Call; null for a registration."),
        C("registration", "key", "Registration; null for a call."),
        C("started_at", "time", "Of the call or registration."),
        C("protocol", "text", "diameter dns.", private="open"),
        C("peer", "text", "HSS PCRF CDF OCS DNS.", private="open"),
        C("peer_ip", "text", "Its address.", private="address"),
        C("exchanges", "int", "Exchanges with it in that time."),
        C("failed", "int", "Those that failed."),
        C("waited_s", "duration", "Time in which one of them or more was open; those that overlap count once."),
        C("slowest_s", "duration", "Longest delay of one."),
        C(
            "of_s",
            "duration",
            "Delay that it was a part of: of a call to its first 180, else to its 200 or final response; of a"
            " registration to its last final response.",
            "RFC 6076",
        ),
        C("share", "share", "waited_s / of_s."),
    ),
)

# What the core gives of each message of DNS.
DNS_MESSAGES = Table(
    "dns_messages",
    "One message of DNS with one question.",
    (
        C("key", "key", "Key."),
        C("exchange", "key", "Key of the earlier of query and response."),
        *(column for column in DIAMETER.columns if column.name in ("file", "frame", "offset", "length", "time")),
        *(column for column in DIAMETER.columns if column.name in ("first_byte_at", "point", "src_ip", "src_port")),
        *(column for column in DIAMETER.columns if column.name in ("dst_ip", "dst_port", "transport")),
        C("id", "int", "Identifier."),
        C("response", "bool", "A response."),
        *(column for column in DNS.columns if column.name in ("name", "type", "number", "rcode", "answers")),
        *(column for column in DNS.columns if column.name in ("addresses", "truncated", "flaw")),
        C("targets", "text", "Names in the answer that are to be asked for next.", private="host"),
        C("retransmission", "bool", "The same query sent again."),
        C("duplicate", "bool", "The same packet seen again."),
    ),
)

PROBLEMS = Table(
    "problems",
    "One thing that is wrong with a capture or a message.",
    (
        C("problem", "int", "1..n in order of file and frame."),
        C("code", "text", "Stable snake_case code.", private="open"),
        C("layer", "text", "container link ip udp tcp sctp icmp sip sdp.", private="open"),
        C("file", "text", "File.", private="file"),
        C("frame", "int", "Packet number; null where no packet is concerned."),
        C("offset", "int", "Byte position in the (decompressed) file."),
        C("detail", "text", "Which field claimed what; needed and available.", private="sentence"),
    ),
)

ACCOUNT = Table(
    "account",
    "Where packets went: the packets of all rows add up to the packets read.",
    (
        C("layer", "text", "Layer that decided: link ip udp tcp sctp icmp sip.", private="open"),
        C("reason", "text", "message, keep_alive, not_sip_rtp, repeated, fragment_held ...", private="open"),
        C("packets", "int", "Packets."),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *(FILES, MESSAGES, SDP, TRANSACTIONS, DIALOGS, OFFERS, HOLDS, VIOLATIONS, CALLS, HOPS, LEGS, REGISTRATIONS),
        *(SETUPS, PHASES, WATERFALL, REFUSALS, REFUSAL_STEPS),
        *(IMS_REGISTRATIONS, CHALLENGES, BINDINGS, REG_EVENTS),
        *(CDRS, ACCESS_NETWORKS),
        *(CAPABILITIES, SERVICES, SUBSCRIPTIONS, PUBLICATIONS, SMS),
        *(NODES, NODE_EVIDENCE, REFERENCE_POINTS, DIAMETER, DIAMETER_TRANSACTIONS, DNS, BESIDE, WAITS),
        *(CLOCKS, LOSSES, PROBLEMS, ACCOUNT),
    )
}

_BY = "Before these stand the columns of --by, and interval_at (begin of the interval) with --every."

_OVER_CALLS = (
    C("mean_s", "duration", "Mean, rounded down to the nanosecond."),
    C("median_s", "duration", "50th percentile, nearest rank."),
    C("p90_s", "duration", "90th percentile."),
    C("p95_s", "duration", "95th percentile."),
    C("p99_s", "duration", "99th percentile; null for n < 100."),
    C("max_s", "duration", "Longest."),
    C("share", "share", "Of all these times together (in the interval); ringing, elsewhere and ack have none."),
)

# Tables that sum up others; what their rows are is said by `by` and `every`.
MEASURES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "responses",
            f"How many transactions, each on its hop, got a response; by method and status. {_BY}",
            (
                C("transactions", "int", "Transactions that got it; a null status: no final response was seen."),
                C("of", "int", "Transactions in all: those that are alike in all that the response does not say."),
                C("share", "share", "transactions / of. 1 over the finals and the null status together."),
                C("resent", "int", "Copies of these responses beyond the first."),
            ),
        ),
        Table(
            "links",
            f"One way between two nodes, from the sender of requests to their receiver. {_BY}",
            (
                C("transactions", "int", "Transactions on it."),
                C("timeouts", "int", "Those that nobody answered.", "RFC 3261 §17.1: timers B, F"),
                C("timeout_share", "share", "timeouts / (transactions - pending - orphans)."),
                C("provisional_only", "int", "Those with a 1xx and no final response.", "RFC 3261 §16.6: timer C"),
                C("transport_errors", "int", "Those that ICMP, a TCP RST or an SCTP ABORT ended."),
                C("pending", "int", "Those still open when the capture ended: left out of timeout_share."),
                C("orphans", "int", "Those of which only responses were seen: left out of timeout_share."),
                C("requests", "int", "Requests sent, with every copy."),
                C("resent_requests", "int", "Copies among them."),
                C("responses", "int", "Final responses sent, with every copy."),
                C("resent_responses", "int", "Copies among them."),
                C("resent_share", "share", "Copies / all sent, of requests and final responses together."),
                C("response_median_s", "duration", "Request to the first response of any kind: median."),
                C("response_p95_s", "duration", "The same: 95th percentile."),
            ),
        ),
        Table(
            "failures",
            f"Requests that failed, each once over all its hops; by method and status. {_BY}",
            (
                C("requests", "int", "Requests that failed so."),
                C("share", "share", "requests / all that failed (in the interval)."),
                C("calls", "int", "Calls they belong to; 0 outside calls."),
                C("nodes", "int", "Nodes that sent it first."),
                C("node", "text", "ip:port of the one it came from most often."),
                C("node_share", "share", "That node's share of the requests."),
                C("reason_phrase", "text", "The most frequent reason phrase."),
                C("reason_header", "text", "The most frequent Reason header of these responses.", "RFC 3326"),
                C("first_at", "time", "Start of the first of these requests."),
                C("last_at", "time", "Start of the last."),
                C("no", "int", "calls.no of the first of them that is in a call: one to look at."),
            ),
        ),
        Table(
            "processing",
            f"How long a node has messages before it sends them on; by node and method. {_BY}",
            (
                C("messages", "int", "Messages with a known delay: hops.delay_s."),
                C("min_s", "duration", "Shortest."),
                C("mean_s", "duration", "Mean, rounded down to the nanosecond."),
                C("median_s", "duration", "50th percentile, nearest rank."),
                C("p90_s", "duration", "90th percentile."),
                C("p95_s", "duration", "95th percentile."),
                C("p99_s", "duration", "99th percentile; null for n < 100."),
                C("max_s", "duration", "Longest."),
            ),
        ),
        Table(
            "phase_times",
            f"How long a phase of the set-up took, over calls. {_BY}",
            (C("calls", "int", "Calls in which it ended."), *_OVER_CALLS),
        ),
        Table(
            "setup_shares",
            f"What a node, link or end took of the set-up, over calls: each counts what it took together. {_BY}",
            (C("calls", "int", "Calls that it is in."), *_OVER_CALLS),
        ),
        Table(
            "latency",
            f"One delay of calls. {_BY}",
            (
                C("delay", "text", "pdd alert srd setup ring talk: the column of calls, without _s."),
                C("calls", "int", "Calls in the group."),
                C("n", "int", "Calls that have the delay: over these all figures are taken."),
                C("min_s", "duration", "Shortest."),
                C("mean_s", "duration", "Mean, rounded down to the nanosecond."),
                C("median_s", "duration", "50th percentile, nearest rank."),
                C("p90_s", "duration", "90th percentile."),
                C("p95_s", "duration", "95th percentile."),
                C("p99_s", "duration", "99th percentile; null for n < 100."),
                C("max_s", "duration", "Longest."),
            ),
        ),
        Table(
            "outliers",
            "One call with a delay far outside those of its group. Before these stand the columns of --by.",
            (
                C("delay", "text", "pdd alert srd setup ring talk."),
                C("value_s", "duration", "What it is for this call."),
                C("median_s", "duration", "Median of the group."),
                C("fence_s", "duration", "Upper quartile + 1.5 (upper - lower quartile): what is longer is here."),
                C("n", "int", "Calls of the group that have the delay."),
                C("no", "int", "calls.no."),
                C("call", "key", "Call."),
                C("started_at", "time", "First byte of its first INVITE."),
                C("caller", "text", "Subscriber that calls."),
                C("callee", "text", "Subscriber that is called."),
                C("outcome", "text", "Its outcome."),
            ),
        ),
    )
}


def find(name: str) -> Table:
    """The table of that name, measured or asked for."""
    return TABLES.get(name) or ASKED.get(name) or MEASURES[name]


def keys(name: str) -> set[str]:
    """The columns of the table that hold keys; a measured one can have those of the tables it is made of."""
    made_of = (CALLS, TRANSACTIONS) if name in MEASURES else ()
    return {key for table in (find(name), *made_of) for key in table.of_type("key")}


#: Tables of what is asked for by name: ``cap.headers("Warning")``.
ASKED: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "headers",
            "One header field of a message, of the names asked for; in message order, duplicates left out.",
            (
                C("message", "key", "Message that has it."),
                C("time", "time", "When the message was seen."),
                C("src_ip", "text", "Sender of the message.", private="address"),
                C("src_port", "int", "Its port."),
                C("dst_ip", "text", "Receiver.", private="address"),
                C("dst_port", "int", "Its port."),
                C("method", "text", "Method of a request; of a response that of its CSeq.", private="words"),
                C("status", "int", "Status code; null for a request."),
                C("call_id", "text", "Call-ID.", private="identifier"),
                C("call", "key", "The call that the message belongs to; null outside calls."),
                C(
                    "name",
                    "text",
                    "Long form as registered, whichever form was sent; a name that is not registered as asked for.",
                    "RFC 3261 §7.3.3",
                    private="open",
                ),
                C("ordinal", "int", "Number of the field among those of this name in the message, from 1."),
                C(
                    "value",
                    "text",
                    "Everything behind the colon, on one line, never split at commas; null where nothing is."
                    " Digest responses and keys are (hidden).",
                    "RFC 3261 §7.3.1",
                    private="named",
                ),
            ),
        ),
    )
}
FIELDS = ASKED["headers"]

#: Header fields that tables rest on, in their long forms: read with the rest where such a table is going to be looked
#: at, else when it is.
_OF_ACCESS = ("P-Access-Network-Info", "Cellular-Network-Info", "P-Asserted-Identity")
FIELDS_OF: dict[str, tuple[str, ...]] = {
    "access_networks": _OF_ACCESS,
    "cdrs": (
        *_OF_ACCESS,
        *("P-Charging-Vector", "P-Called-Party-ID", "P-Visited-Network-ID"),
        *("P-Asserted-Service", "P-Preferred-Service", "Accept-Contact"),
    ),
    "capabilities": ("Allow", "Allow-Events", "Contact", "Feature-Caps", "Recv-Info", "Require", "Supported"),
    "publications": ("SIP-ETag", "SIP-If-Match"),
    "services": (
        *("Accept-Contact", "Alert-Info", "Call-Info", "Contact", "Diversion", "History-Info", "Info-Package"),
        *("P-Asserted-Service", "P-Preferred-Service", "Privacy", "Reason", "Recv-Info", "Referred-By"),
        *("Resource-Priority", "Target-Dialog", "User-to-User"),
    ),
}

# Broken transports as the core reports them (ICMP unreachable, TCP RST, SCTP ABORT): evidence for transactions, not a
# table for users.
FAILURES = Table(
    "failures",
    "One packet that says a flow is broken.",
    (
        C("time", "time", "When."),
        C("kind", "text", "icmp_unreachable tcp_reset sctp_abort.", private="open"),
        C("src_ip", "text", "Source of the packet that failed (ICMP: the quoted one).", private="address"),
        C("src_port", "int", "Its port."),
        C("dst_ip", "text", "Its destination.", private="address"),
        C("dst_port", "int", "Its port."),
        C("transport", "text", "udp tcp sctp.", private="open"),
        C("detail", "text", "ICMP type and code.", private="sentence"),
    ),
)
