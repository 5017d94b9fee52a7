"""Diameter and DNS next to SIP."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import MaskClass as M
from analyzer.schema.column import words
from analyzer.schema.table import Table
from analyzer.schema.values import PEERS

RELATED_TRANSACTIONS = Table(
    "related_transactions",
    "One exchange of Diameter or DNS that belongs to a call or registration.",
    (
        C("exchange", "key", "As in diameter_transactions or dns."),
        C("call", "key", "Call that the exchange belongs to; null for a registration."),
        C("registration", "key", "Registration that the exchange belongs to; null for a call."),
        C(
            "message",
            "key",
            "SIP message that the querying node held; null if the exchange was assigned by icid or session.",
        ),
        C("file", "text", "File of the request.", mask=M.FILE),
        C("frame", "int", "Packet of the request."),
        C("answer_frame", "int", "Packet of the answer."),
        C("protocol", "text", "Protocol.", values=words("diameter dns"), mask=M.OPEN),
        C("application", "text", "Cx Sh Rx Rf Ro ..., ENUM or DNS.", mask=M.OPEN),
        C(
            "peer",
            "text",
            "Peer that answers the query, or sends one itself.",
            "TS 23.228 §4",
            values=PEERS,
            mask=M.OPEN,
        ),
        C("peer_ip", "text", "Address of the peer.", mask=M.ADDRESS),
        C("client_ip", "text", "Sender of the query.", mask=M.ADDRESS),
        C("server_ip", "text", "Receiver of the query.", mask=M.ADDRESS),
        C("what", "text", "Command, or queried record type: UAR; SRV.", mask=M.OPEN),
        C("name", "text", "Queried name; null for Diameter.", mask=M.HOST),
        C("result", "text", "Diameter result or DNS response code; otherwise unanswered or pending.", mask=M.OPEN),
        C(
            "detail",
            "text",
            "Media and enumerated AVPs of a Diameter request; records of a DNS answer.",
            mask=M.SENTENCE,
        ),
        C("failed", "bool", "The exchange failed or was not answered: no Diameter 2xxx, no DNS NOERROR."),
        C("started_at", "time", "First byte of the request."),
        C("answered_at", "time", "Time of the answer."),
        C("delay_s", "duration", "started_at to answered_at."),
        C(
            "score",
            "int",
            "Points of the evidence; joined with at least 60, and 20 more than for any other call or registration.",
        ),
        C("evidence", "text", "Evidence with its points; docs/diameter_and_dns.md.", mask=M.FREE_TEXT),
    ),
    made_by="analyzer.companion.related_transactions:related_transactions",
    belongs_to=("registration", "call"),
    shown=words(
        "started_at delay_s application what name result peer client_ip server_ip score evidence call registration"
    ),
    note=(
        "Ordered by start. Score and evidence explain the assignment (docs/diameter_and_dns.md); an "
        "exchange that fits two calls equally well stays unassigned and has no row."
    ),
    example="failed and protocol = 'diameter'",
)

PEER_DELAYS = Table(
    "peer_delays",
    "The time that one call or registration waited for one peer: HSS, PCRF, CDF, OCS or DNS.",
    (
        C("call", "key", "Call; null for a registration."),
        C("registration", "key", "Registration; null for a call."),
        C("started_at", "time", "Start of the call or registration."),
        C("protocol", "text", "Protocol.", values=words("diameter dns"), mask=M.OPEN),
        C("peer", "text", "Peer.", values=PEERS, mask=M.OPEN),
        C("peer_ip", "text", "Address of the peer.", mask=M.ADDRESS),
        C("exchanges", "int", "Number of exchanges with the peer in that time."),
        C("failed", "int", "Number of failed exchanges."),
        C(
            "waited_s",
            "duration",
            "Time during which at least one exchange was open; overlapping exchanges count once.",
        ),
        C("slowest_s", "duration", "Longest delay of an exchange."),
        C(
            "of_s",
            "duration",
            (
                "Delay that contains the wait: of a call to its first 180, otherwise to its 200 or final "
                "response; of a registration to its last final response."
            ),
            "RFC 6076",
        ),
        C("share", "share", "waited_s / of_s."),
    ),
    made_by="analyzer.companion.related_transactions:peer_delays",
    belongs_to=("registration", "call"),
    shown=words("started_at peer peer_ip exchanges failed waited_s slowest_s of_s share call registration"),
    note="The time in which an exchange was open, as a part of the time to ring or to register.",
    example="share > 0.5",
)

DIAMETER = Table(
    "diameter",
    "One Diameter message, in time order, duplicates included.",
    (
        C("diameter_message", "key", "Key: hash of time, addresses, bytes, and the ordinal among equals."),
        C("exchange", "key", "The request and its answer: diameter_message of the earlier one.", "RFC 6733 §6.2"),
        C("file", "text", "File of the packet that completed the message.", mask=M.FILE),
        C("frame", "int", "That packet's number in the file, from 1."),
        C("byte_offset", "int", "Position in the (decompressed) file of the first byte of the message.", unit="bytes"),
        C("length", "int", "Bytes of it as captured.", unit="bytes"),
        C("time", "time", "Capture time of the packet that completed the message."),
        C("first_byte_at", "time", "Capture time of the earliest packet that contains a part of the message."),
        C("point", "text", "Capture point.", mask=M.FILE),
        C("src_ip", "text", "Innermost source address.", mask=M.ADDRESS),
        C("src_port", "int", "Source port."),
        C("dst_ip", "text", "Innermost destination address.", mask=M.ADDRESS),
        C("dst_port", "int", "Destination port."),
        C("transport", "text", "Transport protocol.", "RFC 6733 §2.1", values=words("tcp sctp"), mask=M.OPEN),
        C("application_id", "int", "Application-Id."),
        C("application", "text", "Name of the application: Cx Sh Rx Rf Ro base ...; null if unknown.", mask=M.OPEN),
        C("command_code", "int", "Command code."),
        C("command", "text", "Abbreviation of the command: UAR, UAA ...; null if unknown.", mask=M.OPEN),
        C("request", "bool", "The message is a request (flag R).", "RFC 6733 §3"),
        C("proxiable", "bool", "The message may be proxied (flag P)."),
        C("error", "bool", "The answer reports a protocol error (flag E)."),
        C("resent", "bool", "The sender may have sent the message before (flag T)."),
        C("hop_by_hop", "int", "Hop-by-Hop identifier."),
        C("end_to_end", "int", "End-to-End identifier."),
        C("session_id", "text", "Session-Id.", "RFC 6733 §8.8", mask=M.IDENTIFIER),
        C("origin_host", "text", "Origin-Host.", mask=M.HOST),
        C("origin_realm", "text", "Origin-Realm.", mask=M.HOST),
        C("destination_host", "text", "Destination-Host.", mask=M.HOST),
        C("destination_realm", "text", "Destination-Realm.", mask=M.HOST),
        C(
            "user_name",
            "text",
            "User-Name: the private identity on Cx; otherwise a Subscription-Id that is an IMSI or NAI.",
            "TS 29.228 §6",
            mask=M.USER,
        ),
        C("public_identity", "text", "First Public-Identity, or Subscription-Id with a SIP URI.", mask=M.URI),
        C(
            "msisdn",
            "text",
            "MSISDN in digits, or Subscription-Id with an E.164 number as sent.",
            "TS 29.329 §6.3.2",
            mask=M.SUBSCRIBER,
        ),
        C("visited_network", "text", "Visited-Network-Identifier.", "TS 29.229 §6.3.1", mask=M.HOST),
        C("server_name", "text", "Server-Name: URI of the S-CSCF or AS.", "TS 29.229 §6.3.3", mask=M.URI),
        C("result_code", "int", "Result-Code.", "RFC 6733 §7.1"),
        C("result", "text", "Name of the result, without DIAMETER_: SUCCESS, UNABLE_TO_DELIVER ...", mask=M.OPEN),
        C("experimental_vendor", "int", "Vendor-Id of Experimental-Result; 10415 = 3GPP.", "RFC 6733 §7.6"),
        C("experimental_result_code", "int", "Experimental-Result-Code."),
        C(
            "experimental_result",
            "text",
            "Name of the experimental result, without DIAMETER_: FIRST_REGISTRATION, ERROR_USER_UNKNOWN ...",
            "TS 29.229 §6.2, TS 29.329 §6.2, TS 29.214 §5.5",
            mask=M.OPEN,
        ),
        C("error_message", "text", "Error-Message.", "RFC 6733 §7.3", mask=M.SENTENCE),
        C("said", "text", "Enumerated AVPs: Server-Assignment-Type=REGISTRATION ...", mask=M.FREE_TEXT),
        C("authentication_scheme", "text", "SIP-Authentication-Scheme.", "TS 29.229 §6.3.9", mask=M.FREE_TEXT),
        C(
            "framed_ip",
            "text",
            "Framed-IP-Address of the UE, or Framed-IPv6-Prefix with its length.",
            "TS 29.214 §5.4",
            mask=M.ADDRESS,
        ),
        C("called_station", "text", "Called-Station-Id: the access point name.", mask=M.HOST),
        C(
            "media",
            "text",
            "Media components: number, type, flow status, bandwidth up/down.",
            "TS 29.214 §5.3.16",
            mask=M.FREE_TEXT,
        ),
        C("icid", "text", "AF-Charging-Identifier or IMS-Charging-Identifier.", "TS 29.214 §5.3.5", mask=M.IDENTIFIER),
        C("keys", "bool", "The message contains keys or an authentication vector.", "TS 29.229 §6.3.13"),
        C("avps", "text", "Names of the AVPs, those of a group in braces; numbers if unknown.", mask=M.FREE_TEXT),
        C(
            "flaw",
            "text",
            "Defect of the message.",
            values=(
                "cut",
                ("avp_length", "an AVP whose length cannot be"),
            ),
            mask=M.OPEN,
        ),
        C("retransmission", "bool", "The same request was sent again."),
        C("duplicate", "bool", "The same packet was captured again."),
    ),
    made_by="analyzer.companion.diameter:diameter",
    belongs_to=("exchange",),
    shown=words(
        "time src dst application command said result experimental_result public_identity user_name "
        "origin_host session_id"
    ),
    note=(
        "Cx, Sh and Rx with their attributes; Rf, Ro and others by application, command and result. Keys "
        "and authentication vectors are in no column."
    ),
    example="application = 'Cx' and not request",
)

DIAMETER_TRANSACTIONS = Table(
    "diameter_transactions",
    "One Diameter request on one hop and its answer.",
    (
        C("exchange", "key", "Key: diameter_message of the earlier of the two messages."),
        C("file", "text", "File of the request, otherwise of the answer.", mask=M.FILE),
        C("frame", "int", "Packet that completed the request; null if it was not captured."),
        C("answer_frame", "int", "Packet that completed the answer."),
        C("application", "text", "Cx Sh Rx Rf Ro base ...; null where not known.", mask=M.OPEN),
        C("command", "text", "Abbreviation of the request: UAR; null if unknown.", mask=M.OPEN),
        C("application_id", "int", "Application-Id."),
        C("command_code", "int", "Command code."),
        C("client_ip", "text", "Sender of the request.", mask=M.ADDRESS),
        C("client_port", "int", "Port of the sender."),
        C("server_ip", "text", "Receiver of the request.", mask=M.ADDRESS),
        C("server_port", "int", "Port of the receiver."),
        C("transport", "text", "Transport protocol.", values=words("tcp sctp"), mask=M.OPEN),
        C("session_id", "text", "Session-Id.", mask=M.IDENTIFIER),
        C("client_host", "text", "Origin-Host of the request.", mask=M.HOST),
        C("server_host", "text", "Origin-Host of the answer, otherwise Destination-Host.", mask=M.HOST),
        C("user_name", "text", "Private identity, from request or answer.", mask=M.USER),
        C("public_identity", "text", "Public identity, from request or answer.", mask=M.URI),
        C("msisdn", "text", "MSISDN, from request or answer.", mask=M.SUBSCRIBER),
        C("server_name", "text", "Server-Name of the answer, otherwise of the request.", mask=M.URI),
        C("framed_ip", "text", "Framed address of the request.", mask=M.ADDRESS),
        C("icid", "text", "Charging identifier, from request or answer.", mask=M.IDENTIFIER),
        C("said", "text", "Enumerated AVPs of the request.", mask=M.FREE_TEXT),
        C("media", "text", "Media components of the request.", mask=M.FREE_TEXT),
        C("started_at", "time", "First byte of the first request; null if only an answer was captured."),
        C("answered_at", "time", "Time of the answer."),
        C("delay_s", "duration", "started_at to answered_at."),
        C("request_copies", "int", "Number of times the request was sent; 1: never retransmitted, 0: not captured."),
        C(
            "outcome",
            "text",
            "Outcome of the transaction.",
            values=(
                "answered",
                "unanswered",
                ("pending", "the capture ended within 10 s"),
                ("orphan", "only the answer was seen"),
            ),
            mask=M.OPEN,
        ),
        C("result_code", "int", "Result-Code, otherwise Experimental-Result-Code."),
        C("result", "text", "Name of the result; null if unknown.", mask=M.OPEN),
        C("experimental_vendor", "int", "Vendor-Id, if result_code is experimental."),
    ),
    made_by="analyzer.companion.diameter:diameter_transactions",
    belongs_to=("exchange",),
    shown=words(
        "started_at delay_s application command result outcome client_host server_host public_identity user_name said"
    ),
    note="By start. The result is Result-Code or Experimental-Result-Code, by name.",
    example="delay_s > 0.1 or outcome = 'unanswered'",
)

DNS = Table(
    "dns",
    "One DNS query and its response, over UDP or TCP, port 53.",
    (
        C("exchange", "key", "Key: hash of the earlier of the two messages."),
        C("file", "text", "File of the first query, or of the response if no query was captured.", mask=M.FILE),
        C("frame", "int", "Packet of the query, from 1; null if it was not captured."),
        C("answer_frame", "int", "Packet that completed the response."),
        C("point", "text", "Capture point.", mask=M.FILE),
        C("client_ip", "text", "Sender of the query.", mask=M.ADDRESS),
        C("client_port", "int", "Port of the sender."),
        C("server_ip", "text", "Receiver of the query.", mask=M.ADDRESS),
        C("transport", "text", "Transport protocol.", values=words("udp tcp"), mask=M.OPEN),
        C("name", "text", "Queried name, without the final dot.", "RFC 1035 §4.1.2", mask=M.HOST),
        C("type", "text", "A AAAA NAPTR SRV CNAME ...; TYPE257 if unknown.", "RFC 1035, RFC 3597", mask=M.OPEN),
        C("number", "text", "Telephone number that an ENUM domain represents.", "RFC 6116 §3.2", mask=M.SUBSCRIBER),
        C("started_at", "time", "First byte of the first query; null if only the response was captured."),
        C("answered_at", "time", "Time of the response."),
        C("delay_s", "duration", "started_at to answered_at."),
        C("query_copies", "int", "Number of times the query was sent; 1: never retransmitted, 0: not captured."),
        C(
            "outcome",
            "text",
            "Outcome of the transaction.",
            values=(
                "answered",
                "unanswered",
                ("pending", "the capture ended within 5 s"),
                ("orphan", "only the response was seen"),
            ),
            mask=M.OPEN,
        ),
        C("rcode", "text", "NOERROR NXDOMAIN SERVFAIL REFUSED ...", "RFC 1035 §4.1.1", mask=M.OPEN),
        C(
            "answers",
            "text",
            (
                "Records of the answer, joined by '; ': SRV 10 20 5060 a.example; records of other types are "
                "listed without data."
            ),
            "RFC 2782, RFC 3403",
            mask=M.SENTENCE,
        ),
        C("addresses", "text", "Addresses in the answer and the additional records.", mask=M.ADDRESS),
        C("truncated", "bool", "The response was truncated (flag TC).", "RFC 2181 §9"),
        C(
            "flaw",
            "text",
            "Defect of the response.",
            values=(("record_unreadable", "a record, or what follows it, could not be read"),),
            mask=M.OPEN,
        ),
    ),
    made_by="analyzer.companion.dns:dns",
    belongs_to=("exchange",),
    shown=words("started_at delay_s client_ip server_ip type name number rcode outcome answers"),
    note="By start: NAPTR, SRV, A, AAAA and others; number holds the telephone number of an ENUM domain.",
    example="rcode <> 'NOERROR'",
)
