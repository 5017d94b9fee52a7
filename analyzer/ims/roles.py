"""What speaks for a role of a node: a table of rules, each with its points (docs/nodes.md is made from it).

A rule looks at one request on one hop: what it says, what the copy said that its sender received (``p_``), and what it
was answered (``a_``). It speaks for the role of the sender or of the receiver. Points count once however often a rule
is met, so a role needs several kinds of evidence, or one that hardly any other node can leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from analyzer import schema

UE, P_CSCF, I_CSCF, S_CSCF, E_CSCF = "UE", "P-CSCF", "I-CSCF", "S-CSCF", "E-CSCF"
AS, TAS, SCC_AS, CONFERENCE_AS, PRESENCE = "AS", "TAS", "SCC AS", "conference AS", "presence server"
IP_SM_GW, BGCF, MGCF, IBCF = "IP-SM-GW", "BGCF", "MGCF", "IBCF"
MRFC, ATCF, LRF, EATF, MSC = "MRFC", "ATCF", "LRF", "EATF", "MSC server"
UA, PROXY, B2BUA, REGISTRAR, REDIRECT = "UA", "proxy", "B2BUA", "registrar", "redirect server"
UNKNOWN = "unknown"

KINDS_OF_AS = (TAS, SCC_AS, CONFERENCE_AS, PRESENCE, IP_SM_GW)
"""What an application server may be for; of one that may be for several, all are told."""
IMS = (UE, P_CSCF, I_CSCF, S_CSCF, E_CSCF, AS, *KINDS_OF_AS, BGCF, MGCF, IBCF, MRFC, ATCF, LRF, EATF, MSC)
#: Outside IMS; one that serves others is told rather than that it is also a user agent.
PLAIN = (PROXY, B2BUA, REGISTRAR, REDIRECT)

ENOUGH = 60
"""Points that a role needs."""
MARGIN = 20
"""Points that it must have more than any other that a node does not have beside it."""
WEAK = 5
"""A role with fewer than the best one's points divided by this is not told beside it: one rule that a neighbour's
traffic met by chance, against many."""

#: Roles that one node may have together; any other two are a contradiction.
_COMBINED = (
    frozenset({P_CSCF, I_CSCF, S_CSCF, E_CSCF, BGCF}),
    frozenset({P_CSCF, ATCF}),
    frozenset({BGCF, MGCF}),
    frozenset({BGCF, IBCF}),
)


@dataclass(frozen=True, slots=True)
class Rule:
    """Evidence: where ``when`` holds of a request on a hop, its sender or receiver has the role, by so many points."""

    role: str
    name: str
    points: int
    of: Literal["sender", "receiver"]
    when: pl.Expr
    says: str
    standard: str


def has(*headers: str) -> pl.Expr:
    """The request has one of these headers."""
    return _any_of("headers", headers)


def had(*headers: str) -> pl.Expr:
    """The copy that its sender received had one; null where none was seen."""
    return _any_of("p_headers", headers)


def answer_has(*headers: str) -> pl.Expr:
    """Its final answer on this hop has one; null without an answer."""
    return _any_of("a_headers", headers)


def _any_of(column: str, headers: tuple[str, ...]) -> pl.Expr:
    return (pl.col(column) & sum(1 << schema.HEADERS.index(name) for name in headers)) != 0


def adds(*headers: str) -> pl.Expr:
    """The sender received it without any of these headers, and sends it with one."""
    return has(*headers) & ~had(*headers)


def method(*names: str) -> pl.Expr:
    """The method is one of these."""
    return pl.col("method").is_in(names)


register = method("REGISTER") & ~pl.col("third_party")
invite = method("INVITE") & pl.col("initial")
#: One Via: whoever sends it made it.
made = pl.col("via_count") == 1
#: One Via under the sender's: it comes from the neighbour of whoever made it.
second = pl.col("via_count") == 2
#: The sender was seen to receive it.
linked = pl.col("p_headers").is_not_null()
#: The receiver gave the final answer itself, as far as the capture shows.
ended = ~pl.col("forwarded") & pl.col("a_status").is_not_null()
accepted = pl.col("a_status").is_between(200, 299)
records = pl.col("records")
own_route_next = pl.col("route_next_node_id") == pl.col("src_node_id")
#: The sender says whom it serves (RFC 5502); an S-CSCF may leave what it says to a server in what it sends on.
tells_served_user = has("P-Served-User") & pl.col("served_user").ne_missing(pl.col("p_served_user"))
access = has("P-Access-Network-Info") & ~pl.col("access").str.contains("network-provided").fill_null(value=False)
requires_path = pl.col("require").str.contains(r"(?i)\bpath\b")
to_number = pl.col("request_uri").str.contains(r"(?i)^tel:|;user=phone")
#: An MSC server enhanced for IMS centralized services, which registers for its users (TS 24.292 Annex B).
ics_server = register & pl.col("contact").str.contains(r'(?i)g\.3gpp\.ics="server"')
sos = pl.col("request_uri").str.contains(r"(?i)^urn:service:sos")

short_message = method("MESSAGE") & (pl.col("content_type") == "application/vnd.3gpp.sms")
#: Without what every device says.
of_server = ~has("P-Access-Network-Info", "P-Preferred-Identity", "Security-Verify")
#: What an SCC AS tells an ATCF: the number to call, and where to (TS 24.237 §6A.4.3).
transfer_information = method("MESSAGE") & (pl.col("content_type") == "application/vnd.3gpp.srvcc-info+xml") & made

# What a node is called, in its host name or as a product, by its maker: (role, pattern).
_NAMED = (
    (P_CSCF, r"p-?cscf|proxy-cscf"), (I_CSCF, r"i-?cscf|interrogating-cscf"), (S_CSCF, r"s-?cscf|serving-cscf"),
    (E_CSCF, r"e-?cscf"), (BGCF, "bgcf"), (MGCF, "mgcf"), (IBCF, "ibcf"), (IP_SM_GW, r"ip-?sm-?gw"),
)  # fmt: skip


def _says(column: str, pattern: str) -> pl.Expr:
    return pl.col(column).str.contains(rf"(?i)(?:^|[^a-z])(?:{pattern})(?:[^a-z]|$)")


_BY_NAME = tuple(
    rule
    for role, pattern in _NAMED
    for rule in (
        Rule(role, "names_itself", 30, "sender", _says("own_host", pattern),
             f"puts a host name with {role} into Via or Record-Route", "TS 23.003 §13"),
        Rule(role, "is_named", 20, "receiver", _says("route_host", pattern),
             f"is the topmost Route, with {role} in its host name", "TS 23.003 §13"),
        Rule(role, "product", 10, "receiver", ended & _says("a_agent", pattern),
             f"answers with {role} in Server or User-Agent", "RFC 3261 §20.35"),
    )
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    # ---- UE ----------------------------------------------------------------------------------------------------------
    Rule(UE, "asks_for_security", 60, "sender", made & has("Security-Client", "Security-Verify"),
         "originates requests with Security-Client or Security-Verify", "TS 33.203 §7.2"),
    Rule(UE, "tells_access", 40, "sender", made & access,
         "originates requests with a P-Access-Network-Info that no network inserted", "TS 24.229 §5.1.2A"),
    Rule(UE, "prefers_identity", 30, "sender", made & has("P-Preferred-Identity"),
         "originates requests with P-Preferred-Identity", "RFC 3325 §9.2"),
    Rule(UE, "feature_tags", 20, "sender", made & pl.col("features"),
         "originates requests with 3GPP feature tags in Contact", "TS 24.229 §7.9"),
    Rule(UE, "registers", 30, "sender", made & register & ~has("Path"),
         "registers directly (on its own, this fits any user agent)", "TS 24.229 §5.1.1"),
    Rule(UE, "answers_with_access", 40, "receiver", ended & answer_has("P-Access-Network-Info"),
         "answers requests with P-Access-Network-Info and does not forward them", "TS 24.229 §5.1.2A"),
    Rule(UE, "answers_with_preferred_identity", 30, "receiver", ended & answer_has("P-Preferred-Identity"),
         "answers requests with P-Preferred-Identity", "TS 24.229 §5.1.2A.2"),
    Rule(UE, "is_server", -100, "sender", made & ics_server,
         "registers users of a circuit-switched network, as no device does", "TS 24.292 §6.3"),
    Rule(UE, "called_party", 40, "receiver",
         ~pl.col("forwarded") & has("P-Called-Party-ID") & ~has("Route") & pl.col("uri_is_receiver"),
         "is the Request-URI of a request that names the called party in P-Called-Party-ID", "RFC 7315 §4.2"),
    # ---- P-CSCF ------------------------------------------------------------------------------------------------------
    Rule(P_CSCF, "adds_path", 50, "sender", register & adds("Path") & (pl.col("p_via_count") == 1),
         "receives a REGISTER from its originator and forwards it with Path (as any edge proxy does)", "RFC 3327"),
    Rule(P_CSCF, "requires_path", 30, "sender", register & adds("Path") & (pl.col("p_via_count") == 1) & requires_path,
         "requires the option tag path in such a REGISTER", "TS 24.229 §5.2.2"),
    Rule(P_CSCF, "first_path", 60, "sender",
         register & ~linked & second & has("Path") & pl.col("one_path") & has("P-Visited-Network-ID", "Route"),
         "sends REGISTERs with two Vias and one Path (their arrival was not captured)", "TS 24.229 §5.2.2"),
    Rule(P_CSCF, "adds_visited_network", 60, "sender", adds("P-Visited-Network-ID"),
         "adds P-Visited-Network-ID", "TS 24.229 §5.2.2"),
    Rule(P_CSCF, "first_visited_network", 30, "sender", ~linked & second & has("P-Visited-Network-ID"),
         "sends requests with two Vias and P-Visited-Network-ID", "TS 24.229 §5.2.2"),
    Rule(P_CSCF, "tells_protection", 60, "sender",
         pl.col("protected").is_not_null() & pl.col("p_protected").is_null() & second,
         "states in a REGISTER with two Vias whether it came protected (integrity-protected)", "TS 24.229 §7.2A.2"),
    Rule(P_CSCF, "asserts_identity", 50, "sender",
         had("P-Preferred-Identity") & ~has("P-Preferred-Identity") & has("P-Asserted-Identity") & second,
         "replaces P-Preferred-Identity with P-Asserted-Identity", "TS 24.229 §5.2.6.3"),
    Rule(P_CSCF, "first_charging_vector", 30, "sender",
         adds("P-Charging-Vector") & second & had("P-Access-Network-Info"),
         "adds the first P-Charging-Vector to a request that names an access network", "TS 24.229 §5.2.6.3"),
    Rule(P_CSCF, "uses_service_route", 40, "sender", second & pl.col("to_service_route"),
         "sends requests with two Vias along a Service-Route", "TS 24.229 §5.2.6.3"),
    Rule(P_CSCF, "keeps_charging_vector", 40, "sender",
         had("P-Charging-Vector") & ~has("P-Charging-Vector") & has("P-Called-Party-ID"),
         "removes P-Charging-Vector from requests that name the called party", "TS 24.229 §5.2.6.4"),
    Rule(P_CSCF, "offers_security", 80, "receiver", made & answer_has("Security-Server"),
         "answers the originator of a request with Security-Server", "TS 33.203 §7.2"),
    Rule(P_CSCF, "is_asked_for_security", 60, "receiver", made & has("Security-Client", "Security-Verify"),
         "receives Security-Client or Security-Verify from the originator of the request", "TS 33.203 §7.2"),
    Rule(P_CSCF, "first_of_access", 40, "receiver", made & register & ~has("Path") & access,
         "receives REGISTERs with P-Access-Network-Info from their originator", "TS 24.229 §5.1.1"),
    Rule(P_CSCF, "is_told_preference", 30, "receiver", made & has("P-Preferred-Identity") & has("Route"),
         "receives requests with Route and P-Preferred-Identity from their originator", "TS 24.229 §5.1.2A"),
    Rule(P_CSCF, "is_path", 70, "receiver", pl.col("to_path") & ~register,
         "is the topmost Route of requests, and was named in a Path", "TS 24.229 §5.4.3.3"),
    Rule(P_CSCF, "asks_for_bearer", 60, "receiver", pl.col("asked").str.contains("Rx AAR"),
         "asks the PCRF for the resources of the media while it holds a request (AAR)", "TS 29.214 §4.4.1"),
    Rule(P_CSCF, "asks_for_bearer_of_answer", 60, "sender", pl.col("asked_back").str.contains("Rx AAR"),
         "asks the PCRF while it holds the response to a request it sent (AAR)", "TS 29.214 §4.4.1"),
    # ---- I-CSCF ------------------------------------------------------------------------------------------------------
    Rule(I_CSCF, "forwards_registration", 40, "sender",
         register & had("Path") & (pl.col("path") == pl.col("p_path")),
         "forwards a REGISTER that carries Path without adding its own", "TS 24.229 §5.3.1"),
    Rule(I_CSCF, "forwards_visited_network", 30, "sender",
         register & had("Path") & (pl.col("path") == pl.col("p_path"))
         & had("P-Visited-Network-ID", "P-Charging-Vector"),
         "forwards a REGISTER that carries P-Visited-Network-ID or P-Charging-Vector", "TS 24.229 §5.3.1"),
    Rule(I_CSCF, "adds_user_database", 60, "sender", adds("P-User-Database"),
         "adds P-User-Database", "TS 24.229 §5.3.1"),
    Rule(I_CSCF, "asks_who_serves", 90, "receiver", pl.col("asked").str.contains("Cx (?:UAR|LIR)"),
         "asks the HSS which S-CSCF serves the subscriber while it holds a request (UAR, LIR)", "TS 29.228 §6.1"),
    Rule(I_CSCF, "first_in_home_network", 40, "receiver", register & second & has("Path"),
         "receives REGISTERs with Path and two Vias", "TS 24.229 §5.2.2"),
    Rule(I_CSCF, "another_serves", 30, "receiver",
         register & has("Path") & accepted & (pl.col("service_route_node_id") != pl.col("dst_node_id")),
         "answers REGISTERs with the Service-Route of another node", "TS 24.229 §5.3.1"),
    Rule(I_CSCF, "serves_itself", 30, "receiver",
         register & second & has("Path") & ~pl.col("forwarded") & accepted
         & (pl.col("service_route_node_id") == pl.col("dst_node_id")),
         "receives REGISTERs with two Vias and is itself their Service-Route", "TS 24.229 §5.3.1"),
    # ---- S-CSCF ------------------------------------------------------------------------------------------------------
    Rule(S_CSCF, "asks_for_subscriber", 90, "receiver", pl.col("asked").str.contains("Cx (?:MAR|SAR)"),
         "asks the HSS for a vector or the subscription while it holds a request (MAR, SAR)", "TS 29.228 §6.1, §6.3"),
    Rule(S_CSCF, "gives_service_route", 90, "receiver",
         register & has("Path") & ~pl.col("forwarded") & (pl.col("service_route_node_id") == pl.col("dst_node_id")),
         "answers REGISTERs with its own Service-Route", "TS 24.229 §5.4.1.2"),
    Rule(S_CSCF, "last_of_registration", 40, "receiver",
         register & (pl.col("via_count") > 2) & has("Path") & ~pl.col("forwarded") & answer_has("Service-Route"),
         "adds Service-Route to its answer to a REGISTER with three or more Vias", "TS 24.229 §5.4.1.2"),
    Rule(S_CSCF, "hands_out_keys", 30, "receiver",
         register & (pl.col("via_count") > 2) & ~pl.col("forwarded") & pl.col("a_keys"),
         "adds the AKA keys to its answer to a REGISTER with three or more Vias", "TS 24.229 §5.4.1.2.1"),
    Rule(S_CSCF, "is_service_route", 80, "receiver", pl.col("to_service_route") & ~register,
         "is the topmost Route of requests, and was named in a Service-Route", "TS 24.229 §5.2.6.3"),
    Rule(S_CSCF, "third_party_register", 90, "sender", made & pl.col("third_party"),
         "registers users with application servers (third-party REGISTER)", "TS 24.229 §5.4.1.7"),
    Rule(S_CSCF, "serves_user", 70, "sender", adds("P-Served-User"),
         "adds P-Served-User", "RFC 5502"),
    Rule(S_CSCF, "calls_service", 70, "sender",
         own_route_next & (has("P-Served-User") | has("P-Charging-Vector")) & ~sos,
         "inserts itself as second Route, below that of the receiver", "TS 24.229 §5.4.3.2"),
    Rule(S_CSCF, "adds_called_party", 60, "sender", adds("P-Called-Party-ID"),
         "adds P-Called-Party-ID", "TS 24.229 §5.4.3.3"),
    # A UE, too, sends what it makes to the P-CSCF that named itself in Path.
    Rule(S_CSCF, "uses_path", 50, "sender", pl.col("to_path") & ~register & ~made,
         "forwards requests along a Path", "TS 24.229 §5.4.3.3"),
    # Alone it makes no S-CSCF: any registrar may notify of its registrations.
    Rule(S_CSCF, "notifies_registration", 50, "sender", made & method("NOTIFY") & (pl.col("event") == "reg"),
         "originates NOTIFYs of the event package reg", "RFC 3680"),
    Rule(S_CSCF, "is_asked_as_origin", 30, "receiver", pl.col("orig_route") & ~made & ~has("P-Served-User"),
         "receives requests whose topmost Route has the parameter orig", "TS 24.229 §5.4.3.2"),
    # ---- application servers -----------------------------------------------------------------------------------------
    Rule(AS, "third_party_registrar", 90, "receiver", made & pl.col("third_party") & ~pl.col("forwarded"),
         "receives third-party REGISTERs", "TS 24.229 §5.7.1.1"),
    Rule(AS, "is_called", 80, "receiver", own_route_next & (has("P-Served-User") | has("P-Charging-Vector")) & ~sos,
         "receives requests whose second Route is their sender", "TS 24.229 §5.4.3.2"),
    Rule(AS, "is_told_served_user", 70, "receiver", tells_served_user & ~pl.col("to_service_route"),
         "receives requests to which the sender added P-Served-User", "RFC 5502"),
    Rule(AS, "asks_for_user_data", 60, "receiver", pl.col("asked").str.contains("Sh (?:UDR|PUR|SNR)"),
         "asks the HSS for user data while it holds a request (UDR, PUR, SNR of Sh)", "TS 29.328 §6.1"),
    Rule(AS, "sends_short_messages", 60, "sender", short_message & made & of_server,
         "originates MESSAGEs that carry short messages, and is not a UE", "TS 24.341 §5.3.3"),
    Rule(TAS, "diverts", 60, "sender", invite & adds("History-Info", "Diversion"),
         "adds diversion information to a call (History-Info, Diversion)", "TS 24.604 §4.5.2.6"),
    Rule(TAS, "begins_diverted", 60, "sender", made & invite & has("History-Info", "Diversion"),
         "originates calls that were diverted", "TS 24.604 §4.5.2.6"),
    Rule(TAS, "refuses_anonymous", 60, "receiver", invite & ended & (pl.col("a_status") == 433),
         "rejects anonymous calls with 433", "TS 24.611 §4.5.2.6"),
    Rule(SCC_AS, "informs_of_transfer", 60, "sender", transfer_information,
         "sends an ATCF the call transfer information in a MESSAGE", "TS 24.237 §6A.4.3"),
    Rule(CONFERENCE_AS, "is_factory", 60, "receiver",
         invite & ended & pl.col("request_uri").str.contains(r"(?i)^sip:[^@]*@conf-factory\."),
         "answers calls to a conference factory", "TS 23.003 §13.10"),
    Rule(CONFERENCE_AS, "notifies_conference", 60, "sender",
         made & method("NOTIFY") & (pl.col("event") == "conference"),
         "originates NOTIFYs of the event package conference", "TS 24.147 §5.3.3"),
    Rule(PRESENCE, "accepts_presence", 60, "receiver",
         method("PUBLISH") & (pl.col("event") == "presence") & ended & accepted,
         "accepts PUBLISH requests of the event package presence", "TS 24.141 §5.3.2"),
    Rule(PRESENCE, "notifies_presence", 60, "sender", made & method("NOTIFY") & (pl.col("event") == "presence"),
         "originates NOTIFYs of the event package presence", "TS 24.141 §5.3.1"),
    Rule(IP_SM_GW, "takes_short_messages", 60, "receiver",
         short_message & ~pl.col("forwarded") & (own_route_next | has("P-Served-User")),
         "is invoked as application server for MESSAGEs that carry short messages", "TS 24.341 §5.3.3"),
    Rule(IP_SM_GW, "sends_short_messages", 60, "sender", short_message & made & of_server,
         "originates MESSAGEs that carry short messages, and is not a UE", "TS 24.341 §5.3.3"),
    Rule(MRFC, "media_service", 60, "receiver",
         invite & ~pl.col("forwarded")
         & pl.col("request_uri").str.contains(r"(?i)^sip:(?:annc|dialog|msml|conf=[^@]*)@"),
         "receives requests for announcements, dialogs or conferences", "RFC 4240, RFC 5707"),
    # ---- towards other networks --------------------------------------------------------------------------------------
    Rule(MGCF, "ends_calls_to_numbers", 30, "receiver",
         invite & to_number & ~made & ended & accepted & pl.col("a_contact_is_receiver")
         & ~answer_has("P-Access-Network-Info") & ~tells_served_user,
         "answers calls to telephone numbers as their endpoint", "TS 24.229 §5.5.3"),
    Rule(MGCF, "charges_as_end", 40, "receiver",
         invite & to_number & ~made & ended & accepted & answer_has("P-Charging-Vector") & ~tells_served_user
         & pl.col("a_contact_is_receiver"),
         "answers such calls with P-Charging-Vector, which a UE must not send", "TS 24.229 §5.5.3"),
    Rule(MGCF, "refuses_with_q850", 40, "receiver",
         invite & to_number & ~made & ended & (pl.col("a_status") >= 400) & pl.col("a_q850").is_not_null()
         & ~answer_has("P-Access-Network-Info") & ~tells_served_user,
         "rejects calls to telephone numbers with an ISUP cause", "RFC 6432"),
    Rule(MGCF, "speaks_isup", 60, "sender", pl.col("content_type") == "application/isup",
         "sends ISUP", "RFC 3204"),
    Rule(MGCF, "is_told_isup", 60, "receiver", (pl.col("content_type") == "application/isup") & ~pl.col("forwarded"),
         "receives ISUP", "RFC 3204"),
    Rule(MGCF, "forwards", -100, "sender", linked & ~made,
         "forwards requests, which a gateway does not do", "TS 24.229 §5.5"),
    Rule(IBCF, "hides_topology", 80, "sender", pl.col("tokenized") & ~pl.col("p_tokenized").fill_null(~second),
         "writes tokens in place of Via or Record-Route", "TS 24.229 §5.10.4"),
    # ---- emergency, SRVCC --------------------------------------------------------------------------------------------
    Rule(E_CSCF, "routes_emergency", 80, "sender",
         invite & pl.col("p_request_uri").str.contains(r"(?i)^urn:service:sos") & ~sos,
         "forwards calls to urn:service:sos to an address", "TS 24.229 §5.11.2"),
    Rule(E_CSCF, "gets_emergency", 60, "receiver", invite & sos & second & has("P-Charging-Vector", "Route"),
         "receives calls to urn:service:sos with two Vias", "TS 24.229 §5.2.10"),
    Rule(LRF, "redirects_emergency", 80, "receiver", invite & sos & ended & pl.col("a_status").is_between(300, 399),
         "redirects calls to urn:service:sos", "TS 24.229 §5.12"),
    Rule(ATCF, "adds_transfer_number", 90, "sender",
         register & pl.col("feature_caps").str.contains("+g.3gpp.atcf", literal=True)
         & ~pl.col("p_feature_caps").str.contains("+g.3gpp.atcf", literal=True).fill_null(value=False) & linked,
         "adds g.3gpp.atcf to a REGISTER", "TS 24.237 §6A.3.1"),
    Rule(ATCF, "is_told_of_transfer", 60, "receiver", method("MESSAGE") & ~pl.col("forwarded")
         & (pl.col("content_type") == "application/vnd.3gpp.srvcc-info+xml"),
         "receives the call transfer information in a MESSAGE", "TS 24.237 §6A.4.3"),
    Rule(EATF, "anchors_emergency", 80, "receiver", invite & sos & own_route_next,
         "receives calls to urn:service:sos whose second Route is their sender", "TS 24.237 §8.3"),
    Rule(MSC, "registers_users", 90, "sender", made & ics_server,
         'registers with g.3gpp.ics="server" in Contact', "TS 24.292 §6.3"),
    # ---- outside IMS -------------------------------------------------------------------------------------------------
    Rule(PROXY, "forwards", 100, "sender", linked & ~made,
         "forwards a request that it received, with one more Via", "RFC 3261 §16.6"),
    Rule(PROXY, "sends_of_others", 60, "sender", ~linked & ~made,
         "sends requests that have other Vias below its own", "RFC 3261 §16.6"),
    Rule(PROXY, "answers_with_record_route", 60, "receiver",
         ~pl.col("forwarded") & answer_has("Record-Route") & ~has("Record-Route"),
         "answers with a Record-Route that the request did not have", "RFC 3261 §16.6"),
    Rule(REGISTRAR, "answers_registration", 60, "receiver", register & ended & ~has("Path"),
         "answers REGISTERs itself", "RFC 3261 §10.3"),
    Rule(REGISTRAR, "lists_contacts", 20, "receiver", register & ended & accepted & answer_has("Contact"),
         "accepts REGISTERs and lists the bindings", "RFC 3261 §10.3"),
    Rule(REDIRECT, "redirects", 60, "receiver", invite & ended & pl.col("a_status").is_between(300, 399),
         "answers calls with a redirection to other addresses", "RFC 3261 §8.3"),
    Rule(B2BUA, "begins_another", 70, "receiver", pl.col("begins_another"),
         "within one second of an incoming call it originates another to or from the same subscriber", "RFC 3261 §6"),
    Rule(UA, "makes_requests", 60, "sender", made,
         "originates requests", "RFC 3261 §8.1"),
    Rule(UA, "answers_requests", 60, "receiver",
         ended & ~register
         & (pl.col("a_contact_is_receiver") | (pl.col("a_contact_node_id").is_null() & ~has("P-Charging-Vector"))),
         "answers requests itself, and the Contact of the answer is no other node", "RFC 3261 §8.2"),
    *_BY_NAME,
)  # fmt: skip


def _is(side: str, *roles: str) -> pl.Expr:
    """The node at one side has one of these roles."""
    among = (pl.col(f"{side}_role").str.contains(rf"(?:^|\+){role}(?:\+|$)") for role in roles)
    return pl.any_horizontal(among).fill_null(value=False)


_unknown_next = pl.col("receiver_role").is_in([UNKNOWN, IBCF, PROXY])
_unknown_before = pl.col("before_role").is_null() | pl.col("before_role").is_in([UNKNOWN, IBCF, PROXY])

_registers = pl.col("registers")

RELATED: tuple[Rule, ...] = (
    Rule(UE, "registers_at_proxy", 40, "sender", _registers & _is("receiver", P_CSCF),
         "registers through a P-CSCF", "TS 24.229 §5.1.1.2"),
    Rule(UE, "called_by_its_proxy", 60, "receiver",
         ~_registers & _is("sender", P_CSCF) & pl.col("uri_is_receiver") & ~pl.col("forwarded") & ~pl.col("to_number")
         & (pl.col("called_party") | ~_is("sender", S_CSCF)),
         "is the Request-URI, other than a telephone number, of requests that a P-CSCF sends", "TS 24.229 §5.2.6.4"),
    Rule(P_CSCF, "serves_ue", 50, "sender", pl.col("linked") & _is("receiver", UE),
         "forwards requests to a UE", "TS 24.229 §5.2.6.4"),
    Rule(P_CSCF, "between_server_and_ue", 30, "sender", pl.col("linked") & _is("receiver", UE) & _is("before", S_CSCF),
         "forwards requests from an S-CSCF to a UE", "TS 24.229 §5.2.6.4"),
    Rule(P_CSCF, "is_used_by_ue", 30, "receiver", ~_registers & _is("sender", UE) & pl.col("forwarded"),
         "forwards requests that it received from a UE", "TS 24.229 §5.2.6.3"),
    Rule(I_CSCF, "finds_server", 60, "sender",
         pl.col("invite") & pl.col("linked") & ~pl.col("records") & _is("receiver", S_CSCF)
         & (_is("before", S_CSCF, IBCF, AS, *KINDS_OF_AS, MGCF) | _unknown_before),
         "forwards calls to an S-CSCF without Record-Route", "TS 24.229 §5.3.2"),
    Rule(BGCF, "breaks_out", 70, "sender",
         pl.col("invite") & pl.col("linked") & ~pl.col("records") & _is("before", S_CSCF, BGCF)
         & _is("receiver", MGCF, IBCF),
         "forwards calls from an S-CSCF to a gateway or border without Record-Route", "TS 24.229 §5.6.2"),
    Rule(S_CSCF, "calls_ue_through_proxy", 60, "sender",
         pl.col("called_party") & _is("receiver", P_CSCF) & ~_is("before", P_CSCF),
         "sends requests with P-Called-Party-ID to a P-CSCF", "TS 24.229 §5.4.3.3"),
    Rule(P_CSCF, "is_told_called_party", 60, "receiver",
         pl.col("called_party") & _is("sender", S_CSCF) & ~pl.col("uri_is_receiver"),
         "receives requests with P-Called-Party-ID from an S-CSCF", "TS 24.229 §5.4.3.3"),
    Rule(IBCF, "lets_out", 60, "sender",
         pl.col("invite") & pl.col("linked") & pl.col("records") & _is("before", S_CSCF, BGCF) & _unknown_next,
         "forwards calls from an S-CSCF, with Record-Route, to a node outside this network", "TS 24.229 §5.10.2"),
    Rule(IBCF, "lets_in", 60, "sender",
         pl.col("invite") & pl.col("linked") & pl.col("records") & _is("receiver", I_CSCF) & _unknown_before,
         "forwards calls from a node outside this network to an I-CSCF, with Record-Route",
         "TS 24.229 §5.10.3"),
)  # fmt: skip
"""Rules that need roles of neighbours: of who sent and who received a request, and of who was ``before`` the sender."""


def chosen(points: Mapping[str, int]) -> tuple[list[str], int, float]:
    """The roles of a node that has these points for each, their points (the fewest) and how sure they are (0 to 1).

    The roles of an IMS come first: who is a P-CSCF is a proxy as well. Several roles need each what one needs, and a
    share of what the best has (`WEAK`). Where two that exclude each other are too close, none is told.

    >>> chosen({"S-CSCF": 160, "proxy": 100})
    (['S-CSCF'], 160, 1.0)
    >>> chosen({"I-CSCF": 70, "S-CSCF": 90, "UA": 60})[0]
    ['I-CSCF', 'S-CSCF']
    >>> chosen({"AS": 160, "TAS": 60})[0], chosen({"TAS": 60, "B2BUA": 70})[0]
    (['TAS'], ['B2BUA'])
    >>> chosen({"P-CSCF": 60, "UE": 60})[0], chosen({"P-CSCF": 590, "S-CSCF": 60})[0]
    (['unknown'], ['P-CSCF'])
    """
    of_ims = (role for role in IMS if role not in KINDS_OF_AS)
    ims = _among({role: points[role] for role in of_ims if points.get(role, 0) > 0})
    if ims is not None:
        # What a server is for says not that it is one: PBXs divert calls, and devices tell of their presence.
        kinds = [role for role in KINDS_OF_AS if points.get(role, 0) >= ENOUGH]
        found, number, sure = ims
        return [role for one in found for role in (kinds if one == AS and kinds else [one])], number, sure
    plain = {role: points[role] for role in PLAIN if points.get(role, 0) > 0}
    return _among(plain, plain=True) or _among({UA: points.get(UA, 0)}) or ([UNKNOWN], 0, 0.0)


def _among(points: Mapping[str, int], *, plain: bool = False) -> tuple[list[str], int, float] | None:
    """None where no role has enough."""
    enough = [role for role, has in points.items() if has >= ENOUGH]
    if not enough:
        return None
    best = max(enough, key=lambda role: points[role])
    strong = [role for role in enough if points[role] * WEAK >= points[best]]
    beside = [role for role in strong if role != best and (_together(best, role) or (plain and _serves(best, role)))]
    roles = [role for role in points if role == best or role in beside]
    rivals = [has for role, has in points.items() if role not in roles]
    rival = max(rivals, default=0)
    if points[best] - rival < MARGIN:
        return [UNKNOWN], points[best], 0.0
    fewest = min(points[role] for role in roles)
    return roles, fewest, min(fewest, 100) / 100 * points[best] / (points[best] + rival)


def _together(one: str, other: str) -> bool:
    return any(one in group and other in group for group in _COMBINED)


def _serves(one: str, other: str) -> bool:
    """A registrar often is a proxy or B2BUA as well; a proxy and a B2BUA are two things."""
    return {one, other} != {PROXY, B2BUA}


def shown(roles: list[str]) -> str:
    """Several roles as one name.

    >>> shown(["I-CSCF", "S-CSCF"]), shown(["P-CSCF", "ATCF"]), shown(["proxy", "registrar"])
    ('I/S-CSCF', 'P-CSCF+ATCF', 'proxy+registrar')
    """
    cscfs = [role.removesuffix("-CSCF") for role in roles if role.endswith("-CSCF")]
    others = [role for role in roles if not role.endswith("-CSCF")]
    return "+".join(([f"{'/'.join(cscfs)}-CSCF"] if cscfs else []) + others)


def split(role: str) -> list[str]:
    """The roles of such a name.

    >>> split("I/S-CSCF+BGCF")
    ['I-CSCF', 'S-CSCF', 'BGCF']
    """
    parts = role.split("+")
    return [
        one
        for part in parts
        for one in ([f"{name}-CSCF" for name in part.removesuffix("-CSCF").split("/")] if "-CSCF" in part else [part])
    ]
