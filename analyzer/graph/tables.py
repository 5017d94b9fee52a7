"""The nodes of the public tables: each has the name of its table.

A table whose function names nodes by its own parameters needs none here: its entry says ``made_by``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.graph.node import Subgraph, node, rows_of, whole
from analyzer.schema.table import ESTIMATE, LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from polars import DataFrame as DF
    from polars import Series

    from analyzer.diagnose.call_failures import CallFailures
    from analyzer.diagnose.findings import Diagnosis
    from analyzer.ims.charging import Records
    from analyzer.ims.legs import Legs
    from analyzer.ims.nodes import Nodes
    from analyzer.ims.phases import SetUps
    from analyzer.sip.calls import CallAttempts


def _of_these_calls(ask: Callable[[], DF], part: Subgraph) -> DF:
    import polars as pl

    return ask().filter(pl.col("call").is_in(part["call_of"].unique().implode()))


# ---- what was read ---------------------------------------------------------------------------------------------------

# What registrations rest on of the headers of an IMS; where `_route` is wanted, the core makes rows of all requests.
_OF_REGISTERS = tuple(name for name in schema.IMS_HEADERS.names if name != "_route")

# What has the core look at media; all its tables of them come with it.
_OF_MEDIA = ("rtp_streams",)


@node(LOCAL, cut=whole)
def files(core_files: DF) -> DF:
    return core_files.select(schema.FILES.names)


@node(LOCAL, columns=("file", "frame", "byte_offset"), cut=whole)
def problems(core_problems: DF, core_messages: DF, odd_messages: DF, max_problems_per_code: int) -> DF:
    from analyzer.sip import problems

    found = core_problems.select(schema.PROBLEMS.names)
    return problems.problems(found, core_messages, odd_messages, max_problems_per_code)


@node(LOCAL, cut=whole)
def account(core_account: DF) -> DF:
    return core_account.select(schema.ACCOUNT.names)


@node(LOCAL, cut=whole)
def tls_connections(core_tls_connections: DF) -> DF:
    return core_tls_connections.select(schema.TLS_CONNECTIONS.names)


# ---- SIP -------------------------------------------------------------------------------------------------------------


@node(LOCAL)
def messages(core_messages: DF, bare_dialogs: DF, call_of: Series) -> DF:
    from analyzer.sip import dialogs, identities

    dialog = dialogs.of_messages(core_messages, bare_dialogs).alias("dialog")
    return (
        identities.as_captured(core_messages).with_columns(dialog, call_of.alias("call")).select(schema.MESSAGES.names)
    )


@node(LOCAL)
def sdp(core_messages: DF, bare_transactions: DF, descriptions: DF) -> DF:
    from analyzer.sip.offer_answer import sdp

    return sdp(core_messages, bare_transactions, descriptions)


@node(LOCAL)
def transactions(attempts: CallAttempts, bare_transactions: DF) -> DF:
    return attempts.of_transactions(bare_transactions)


@node(LOCAL)
def dialogs(attempts: CallAttempts, bare_dialogs: DF) -> DF:
    return attempts.of_dialogs(bare_dialogs)


@node(LOCAL, columns=("connection", "qos_local", "qos_pending", "qos_remote"))
def offers(
    core_messages: DF,
    bare_transactions: DF,
    bare_dialogs: DF,
    reference_hops: DF,
    exchanges: DF,
    descriptions: DF,
    attempts: CallAttempts,
) -> DF:
    from analyzer.sip.offer_answer import offers

    bare = offers(core_messages, bare_transactions, bare_dialogs, reference_hops, exchanges, descriptions)
    return attempts.of_rows(bare, "offer")


@node(LOCAL)
def holds(attempts: CallAttempts, bare_holds: DF) -> DF:
    return attempts.of_rows(bare_holds, "dialog").select(schema.HOLDS.names)


@node(LOCAL, columns=("complete", "origin_address", "origin_username", "proto", "session_id", "session_version"))
def offer_answer_violations(
    core_messages: DF,
    bare_transactions: DF,
    reference_hops: DF,
    spoken_descriptions: DF,
    exchanges: DF,
    descriptions: DF,
    attempts: CallAttempts,
) -> DF:
    from analyzer.columns.nothing import no_rows
    from analyzer.diagnose.offer_answer_violations import offer_answer_violations

    if reference_hops.is_empty() and spoken_descriptions.is_empty() and exchanges.is_empty():
        core_messages, bare_transactions, descriptions = no_rows(core_messages, bare_transactions, descriptions)
    bare = offer_answer_violations(
        core_messages, bare_transactions, reference_hops, spoken_descriptions, exchanges, descriptions
    )
    return attempts.of_rows(bare, "message")


@node(LOCAL, columns=(), cut=_of_these_calls)
def bare_calls(
    attempts: CallAttempts,
    exchanges: DF,
    bare_transactions: DF,
    descriptions: DF,
    reference_hops: DF,
    bare_holds: DF,
) -> DF:
    """``calls`` without what was heard of them."""
    from analyzer.sip import holds, offer_answer

    codecs = offer_answer.agreed_codecs(attempts.confirmed_branch, exchanges, bare_transactions, descriptions)
    held = holds.hold_seconds(attempts.confirmed_branch, reference_hops, bare_holds, exchanges, descriptions)
    return attempts.with_media(codecs, held)


@node(LOCAL, columns=_OF_MEDIA, cut=_of_these_calls, asks=("bare_calls", "core_streams", "streams", "announced_media"))
def calls(ask: Callable[[str], Any]) -> DF:
    from analyzer.media.calls import heard

    found: DF = ask("bare_calls")
    if ask("core_streams").is_empty():
        return found.select(schema.CALLS.names)
    return heard(found, ask("streams"), ask("announced_media"))


@node(LOCAL, columns=("refer_to", *schema.PARTS.names))
def subscriptions(
    core_messages: DF, bare_transactions: DF, reference_hops: DF, parts: DF, end: int | None, attempts: CallAttempts
) -> DF:
    from analyzer.sip.subscriptions import subscriptions

    bare = subscriptions(core_messages, bare_transactions, reference_hops, parts, end=end)
    return attempts.of_rows(bare, "subscription").select(schema.SUBSCRIPTIONS.names)


@node(LOCAL, columns=("body_length",), headers=("SIP-ETag", "SIP-If-Match"))
def publications(core_messages: DF, bare_transactions: DF, header_fields: DF, end: int | None) -> DF:
    from analyzer.sip.subscriptions import publications

    return publications(core_messages, bare_transactions, header_fields, end=end)


@node(LOCAL)
def registrations(registrations_and_requests: tuple[DF, DF]) -> DF:
    return registrations_and_requests[0]


# ---- IMS -------------------------------------------------------------------------------------------------------------


@node(ESTIMATE, columns=(), cut=rows_of("leg"))
def legs(found_legs: Legs, core_messages: DF, attempts: CallAttempts) -> DF:
    from analyzer.ims import legs

    found = legs.links(found_legs, core_messages, possible=True)
    return attempts.of_rows(legs.table(found_legs, found, core_messages), "leg").select(schema.LEGS.names)


@node(LOCAL)
def setups(call_set_ups: SetUps) -> DF:
    return call_set_ups.setups


@node(LOCAL)
def phases(call_set_ups: SetUps) -> DF:
    return call_set_ups.phases


@node(LOCAL, columns=("original",))
def waterfall(core_messages: DF, call_set_ups: SetUps, bare_hops: DF, calls: DF) -> DF:
    from analyzer.ims.waterfall import waterfall

    return waterfall(core_messages, call_set_ups.trips, bare_hops, calls)


@node(ESTIMATE)
def call_failures(explained_failures: CallFailures) -> DF:
    return explained_failures.call_failures


@node(ESTIMATE)
def failure_path(explained_failures: CallFailures) -> DF:
    return explained_failures.steps


@node(ESTIMATE, cut=whole)
def findings(diagnosis: Diagnosis) -> DF:
    return diagnosis.findings


@node(ESTIMATE, cut=whole)
def finding_cases(diagnosis: Diagnosis) -> DF:
    return diagnosis.cases


@node(ESTIMATE)
def hops(bare_hops: DF, endpoints: DF) -> DF:
    from analyzer.ims.reference_points import of_hops

    return of_hops(bare_hops, endpoints)


@node(ESTIMATE, columns=("original", "point"), cut=whole)
def clocks(core_messages: DF, bare_hops: DF) -> DF:
    from analyzer.ims.clocks import clocks

    return clocks(core_messages, bare_hops)


@node(ESTIMATE, columns=("original", "point"), cut=whole)
def losses(core_messages: DF, bare_hops: DF) -> DF:
    from analyzer.ims.losses import losses

    return losses(core_messages, bare_hops)


@node(LOCAL, columns=("_headers", *_OF_REGISTERS), cut=whole)
def challenges(registers: DF, core_messages: DF, ims_headers: DF) -> DF:
    from analyzer.ims.registration import challenges

    return challenges(registers, core_messages, ims_headers)


@node(LOCAL, columns=("spi", *_OF_REGISTERS), cut=whole)
def ims_registrations(registrations: DF, registers: DF, challenges: DF, core_messages: DF, ims_headers: DF) -> DF:
    from analyzer.ims.registration import ims_registrations

    return ims_registrations(registrations, registers, challenges, core_messages, ims_headers)


@node(LOCAL, columns=_OF_REGISTERS, cut=whole)
def reg_events(core_messages: DF, ims_headers: DF) -> DF:
    from analyzer.ims.registration import reg_events

    return reg_events(core_messages, ims_headers)


@node(LOCAL, cut=whole)
def bindings(registrations: DF, registers: DF, reg_events: DF, end: int | None) -> DF:
    from analyzer.ims.registration import bindings

    return bindings(registrations, registers, reg_events, end=end)


@node(LOCAL, headers=("P-Access-Network-Info", "Cellular-Network-Info", "P-Asserted-Identity"))
def access_networks(senders: DF, home_networks: DF, header_fields: DF, calls: DF) -> DF:
    from analyzer.ims import access

    return access.access_networks(senders, home_networks, header_fields, calls)


@node(ESTIMATE)
def cdrs(charged_legs: Records, endpoints: DF) -> DF:
    from analyzer.ims.charging import cdrs

    return cdrs(charged_legs, endpoints)


@node(
    LOCAL,
    columns=(),
    headers=("Allow", "Allow-Events", "Contact", "Feature-Caps", "Recv-Info", "Require", "Supported"),
    cut=whole,
)
def capabilities(core_messages: DF, registrations: DF, registers: DF, header_fields: DF) -> DF:
    from analyzer.ims.capabilities import capabilities

    return capabilities(core_messages, registrations, registers, header_fields)


@node(
    LOCAL,
    columns=("_headers", "formats", "refer_to", "replaces", *schema.PARTS.names),
    headers=(
        *("Accept-Contact", "Alert-Info", "Call-Info", "Contact", "Diversion", "History-Info", "Info-Package"),
        *("P-Asserted-Service", "P-Preferred-Service", "Privacy", "Reason", "Recv-Info", "Referred-By"),
        *("Resource-Priority", "Target-Dialog", "User-to-User"),
    ),
)
def services(
    core_messages: DF,
    bare_dialogs: DF,
    reference_hops: DF,
    bare_holds: DF,
    descriptions: DF,
    parts: DF,
    header_fields: DF,
    attempts: CallAttempts,
) -> DF:
    from analyzer.ims.services import services, with_pickups

    bare = services(core_messages, bare_dialogs, reference_hops, bare_holds, descriptions, parts, header_fields)
    return with_pickups(attempts.of_rows(bare, "subject"), attempts.calls).select(schema.SERVICES.names)


@node(LOCAL, columns=tuple(schema.PARTS.names), cut=whole)
def sms(core_messages: DF, bare_transactions: DF, parts: DF, end: int | None) -> DF:
    from analyzer.ims.sms import sms

    return sms(core_messages, bare_transactions, parts, end=end)


@node(ESTIMATE, cut=whole)
def endpoints(found_nodes: Nodes) -> DF:
    return found_nodes.endpoints


@node(ESTIMATE, cut=whole)
def node_evidence(found_nodes: Nodes) -> DF:
    return found_nodes.evidence


@node(ESTIMATE, cut=whole)
def reference_points(found_nodes: Nodes) -> DF:
    return found_nodes.reference_points


# ---- beside SIP ------------------------------------------------------------------------------------------------------


@node(LOCAL, cut=whole)
def diameter(companion_messages: dict[str, DF]) -> DF:
    from analyzer.companion.diameter import diameter

    return diameter(companion_messages["diameter"])


@node(LOCAL, cut=whole)
def diameter_transactions(diameter: DF, end: int | None) -> DF:
    from analyzer.companion.diameter import diameter_transactions

    return diameter_transactions(diameter, end=end)


@node(LOCAL, cut=whole)
def dns(companion_messages: dict[str, DF], end: int | None) -> DF:
    from analyzer.companion.dns import dns

    return dns(companion_messages["dns"], end=end)


@node(ESTIMATE, cut=whole)
def related_transactions(found_companions: DF | None) -> DF:
    import polars as pl

    return pl.DataFrame(schema=schema.RELATED_TRANSACTIONS.polars()) if found_companions is None else found_companions


@node(ESTIMATE, cut=whole)
def peer_delays(related_transactions: DF, calls: DF, registrations: DF) -> DF:
    from analyzer.companion.related_transactions import peer_delays

    return peer_delays(related_transactions, calls, registrations)


# ---- media -----------------------------------------------------------------------------------------------------------


_OF_STREAMS = ("core_streams", "core_reports", "announced_media", "bare_calls")


@node(LOCAL, columns=_OF_MEDIA, cut=_of_these_calls, asks=_OF_STREAMS)
def streams(ask: Callable[[str], Any]) -> DF:
    import polars as pl

    if ask("core_streams").is_empty():
        return pl.DataFrame(schema=schema.STREAMS.polars())
    from analyzer.media.streams import streams

    return streams(*(ask(name) for name in _OF_STREAMS))


@node(LOCAL, columns=_OF_MEDIA, cut=_of_these_calls)
def stream_intervals(core_stream_intervals: DF, streams: DF) -> DF:
    from analyzer.media.streams import stream_intervals

    return stream_intervals(core_stream_intervals, streams)


@node(LOCAL, columns=(*_OF_MEDIA, "_media_type", "_keys", "_keys_ms", "frame"), cut=_of_these_calls)
def dtmf(
    core_events: DF,
    streams: DF,
    announced_media: DF,
    parts: DF,
    core_messages: DF,
    call_of: Series,
    digits_shown: bool,
) -> DF:
    from analyzer.media.dtmf import dtmf

    return dtmf(core_events, streams, announced_media, parts, core_messages, call_of, shown=digits_shown)


@node(LOCAL, columns=_OF_MEDIA, cut=_of_these_calls)
def msrp(core_msrp: DF, announced_media: DF) -> DF:
    from analyzer.media.sessions import msrp

    return msrp(core_msrp, announced_media)


@node(LOCAL, columns=_OF_MEDIA, cut=_of_these_calls)
def rtcp_reports(core_reports: DF, streams: DF) -> DF:
    from analyzer.media.streams import rtcp_reports

    return rtcp_reports(core_reports, streams)


@node(ESTIMATE, columns=(), cut=_of_these_calls)
def call_media(streams: DF, announced_media: DF, calls: DF, sip_ways: DF) -> DF:
    from analyzer.media.calls import call_media

    return call_media(streams, announced_media, calls, sip_ways)
