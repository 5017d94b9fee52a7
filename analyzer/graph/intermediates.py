"""The nodes that are no public table: what several tables rest on.

A ``bare_`` table lacks what is joined to it from elsewhere: the call that its rows belong to, for calls rest on it; or
the roles of nodes, which are an estimate over the whole capture.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.graph.node import Subgraph, carries, node, rows_of, whole
from analyzer.schema.table import ESTIMATE, LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from polars import DataFrame as DF
    from polars import Series

    from analyzer.diagnose.call_failures import CallFailures, Ways
    from analyzer.ims.charging import Records
    from analyzer.ims.legs import Legs
    from analyzer.ims.node_overrides import Entry
    from analyzer.ims.nodes import Nodes
    from analyzer.ims.phases import SetUps
    from analyzer.sip.calls import CallAttempts


@node(LOCAL, cut=whole)
def end(core_files: DF) -> int | None:
    """Time of the last packet (ns), in an export that of the original: what tells "no answer" from "it ended"."""
    import polars as pl

    ends = core_files.select(pl.max_horizontal("last_at", "ended_at").cast(pl.Int64))
    return ends.to_series().max()  # type: ignore[return-value]


# ---- SIP -------------------------------------------------------------------------------------------------------------


@node(LOCAL, columns=(), cut=rows_of("transaction", "transaction"))
def bare_transactions(core_messages: DF, transport_failures: DF, end: int | None) -> DF:
    from analyzer.sip.transactions import transactions

    return transactions(core_messages, transport_failures, end=end)


@node(LOCAL, columns=(), cut=rows_of("transaction", "transaction"))
def unreached_next_hops(core_messages: DF, bare_transactions: DF, transport_failures: DF) -> DF:
    """The transactions that stopped at a node which could not open a connection."""
    from analyzer.sip.next_hops import unreached

    return unreached(core_messages, bare_transactions, transport_failures)


@node(LOCAL, columns=())
def dialogs_and_hops(core_messages: DF, bare_transactions: DF, end: int | None) -> tuple[DF, DF]:
    from analyzer.sip.dialogs import with_reference_hops

    return with_reference_hops(core_messages, bare_transactions, end=end)


@node(LOCAL, cut=rows_of("dialog"))
def bare_dialogs(dialogs_and_hops: tuple[DF, DF]) -> DF:
    return dialogs_and_hops[0]


@node(LOCAL, cut=rows_of("_dialog", "_dialog"))
def reference_hops(dialogs_and_hops: tuple[DF, DF]) -> DF:
    """Where each dialog was read."""
    return dialogs_and_hops[1]


@node(LOCAL, columns=())
def spoken_descriptions(core_messages: DF, bare_transactions: DF, reference_hops: DF) -> DF:
    """Which session description is an offer and which an answer, where each dialog was read."""
    from analyzer.sip.offer_answer import spoken

    return spoken(core_messages, bare_transactions, reference_hops)


@node(LOCAL, columns=())
def exchanges(spoken_descriptions: DF, core_messages: DF, bare_transactions: DF) -> DF:
    """Offers and their answers."""
    from analyzer.sip.offer_answer import exchanges

    return exchanges(spoken_descriptions, core_messages, bare_transactions)


@node(LOCAL, columns=(), cut=rows_of("dialog"))
def bare_holds(core_messages: DF, bare_dialogs: DF, reference_hops: DF, exchanges: DF, descriptions: DF) -> DF:
    from analyzer.sip.holds import holds

    return holds(core_messages, bare_dialogs, reference_hops, exchanges, descriptions)


def _renumbered(ask: Callable[[], Any], part: Subgraph) -> CallAttempts:
    import polars as pl

    found: CallAttempts = ask()
    numbers = pl.DataFrame({"row": part.rows}).with_row_index("own")
    opened, borrowed = (
        rows.join(numbers, on="row", maintain_order="left").with_columns(row="own").drop("own")
        for rows in (found.opened, found.borrowed)
    )
    return replace(found, messages=part["core_messages"], opened=opened, borrowed=borrowed)


@node(LOCAL, columns=("refer_to",), cut=_renumbered)
def attempts(
    core_messages: DF,
    bare_transactions: DF,
    bare_dialogs: DF,
    end: int | None,
    leg_correlation: DF,
    evidence: DF,
    unreached_next_hops: DF,
) -> CallAttempts:
    from analyzer.sip.calls import attempts

    return attempts(
        core_messages,
        bare_transactions,
        bare_dialogs,
        end=end,
        links=leg_correlation,
        evidence=evidence,
        unreached=unreached_next_hops,
    )


@node(LOCAL, columns=(), cut=lambda ask, part: ask().gather(part.rows))
def call_of(attempts: CallAttempts, core_messages: DF) -> Series:
    """The call of each message of the core."""
    return attempts.of_messages(core_messages)


@node(LOCAL, columns=("spi", "_security_client", "_security_server"), cut=whole)
def odd_messages(core_messages: DF, ims_headers: DF) -> DF:
    """The messages that are odd beside others, which the core does not see: ``row code detail``."""
    import polars as pl

    from analyzer.ims import security_associations
    from analyzer.sip import identities

    outside = security_associations.odd_messages(core_messages, ims_headers)
    return pl.concat([identities.odd_messages(core_messages), outside])


@node(LOCAL, cut=whole)
def problem_count(core_problems: DF, odd_messages: DF, max_problems_per_code: int) -> int:
    """How many rows the table ``problems`` has."""
    from analyzer.sip import problems

    return problems.count(core_problems, odd_messages, max_problems_per_code)


@node(LOCAL, columns=("_auts", "_contact"), cut=whole)
def registrations_and_requests(core_messages: DF, bare_transactions: DF, ims_headers: DF) -> tuple[DF, DF]:
    from analyzer.sip.registrations import with_requests

    return with_requests(core_messages, bare_transactions, ims_headers)


@node(LOCAL)
def registers(registrations_and_requests: tuple[DF, DF]) -> DF:
    """The REGISTERs and responses that registrations were read from."""
    return registrations_and_requests[1]


# ---- legs and hops ---------------------------------------------------------------------------------------------------


@node(LOCAL, columns=())
def found_legs(core_messages: DF, evidence: DF) -> Legs:
    from analyzer.ims import legs

    return legs.find(core_messages, evidence)


@node(LOCAL, columns=(), cut=whole)
def strong_links(found_legs: Legs, core_messages: DF) -> DF:
    """Which leg a B2BUA made from which, as far as that is a fact."""
    from analyzer.ims import legs

    return legs.links(found_legs, core_messages)


@node(LOCAL, cut=whole)
def leg_correlation(found_legs: Legs, strong_links: DF) -> DF:
    """The same as calls and hops want it."""
    from analyzer.ims import legs

    return legs.joined(found_legs, strong_links)


@node(LOCAL, columns=(), cut=rows_of("leg"))
def strong_legs(found_legs: Legs, strong_links: DF, core_messages: DF, attempts: CallAttempts) -> DF:
    """The table ``legs`` without links that are only possible."""
    from analyzer.ims import legs

    return attempts.of_rows(legs.table(found_legs, strong_links, core_messages), "leg")


_OF_HOPS = ("_message", "_tail", "_via", "_via_rest", "depth", "max_forwards", "original", "point")


@node(LOCAL, columns=_OF_HOPS)
def bare_hops(core_messages: DF, via_tails: DF, leg_correlation: DF, call_of: Series, clocks_aligned: bool) -> DF:
    """The hops without ``reference_point``: all that measures, clocks and losses rest on."""
    from analyzer.ims.hops import hops

    return hops(core_messages, via_tails, leg_correlation, call_of, aligned=clocks_aligned)


@node(LOCAL, columns=_OF_HOPS)
def hops_of_invites(core_messages: DF, via_tails: DF, leg_correlation: DF, call_of: Series, clocks_aligned: bool) -> DF:
    """The same of the INVITEs alone: what they were made from are INVITEs."""
    import polars as pl

    from analyzer.ims.hops import hops

    invites = core_messages.select((pl.col("method") == "INVITE") & pl.col("status").is_null()).to_series()
    return hops(
        core_messages.filter(invites), via_tails, leg_correlation, call_of.filter(invites), aligned=clocks_aligned
    )


# ---- set-up and failure ----------------------------------------------------------------------------------------------


@node(LOCAL, columns=("preconditions", "qos_local", "qos_remote"))
def call_set_ups(core_messages: DF, call_of: Series, calls: DF, attempts: CallAttempts, descriptions: DF) -> SetUps:
    from analyzer.ims.phases import set_ups

    return set_ups(
        core_messages,
        call_of,
        calls,
        attempts.opened,
        descriptions,
        attempts.confirmed_branch,
        attempts.borrowed,
    )


@node(LOCAL)
def calls_that_failed(calls: DF) -> DF:
    """The rows of ``calls`` that ``call_failures`` has, too."""
    from analyzer.sip.outcomes import has_failed

    return calls.filter(has_failed())


@node(LOCAL, columns=("preconditions", "qos_local", "qos_remote"))
def failed_set_ups(
    core_messages: DF, call_of: Series, calls_that_failed: DF, attempts: CallAttempts, descriptions: DF
) -> tuple[SetUps, DF, Series]:
    """The set-ups of calls that failed, and their messages, which the rows of those are numbers of, with their call."""
    import polars as pl

    from analyzer.ims.phases import set_ups

    failed = calls_that_failed
    own = call_of.is_in(failed["call"].implode()).fill_null(value=False)
    if attempts.borrowed.height:
        rows = pl.int_range(own.len(), eager=True)
        own = own | rows.is_in(attempts.borrowed["row"].cast(pl.Int64).implode())
    messages = core_messages.filter(own)
    numbers = pl.DataFrame({"row": own.arg_true().cast(attempts.opened.schema["row"])}).with_row_index("own")
    opened, lent = (
        rows.join(numbers, on="row", maintain_order="left").with_columns(row="own").drop("own")
        for rows in (attempts.opened.join(failed, on="call", how="semi", maintain_order="left"), attempts.borrowed)
    )
    lent = lent.drop_nulls("row")
    known = descriptions.filter(pl.col("_sdp").is_in(messages["_sdp"].unique().implode()))
    branches = attempts.confirmed_branch.join(failed, on="call", how="semi", maintain_order="left")
    call_of = call_of.filter(own)
    return set_ups(messages, call_of, failed, opened, known, branches, lent), messages, call_of


@node(LOCAL, columns=_OF_HOPS)
def hops_of_failed_calls(
    failed_set_ups: tuple[SetUps, DF, Series],
    via_tails: DF,
    leg_correlation: DF,
    calls_that_failed: DF,
    clocks_aligned: bool,
) -> DF:
    """The hops of the INVITEs and CANCELs of calls that failed."""
    from analyzer.ims.hops import hops

    _, messages, call_of = failed_set_ups
    own = messages["method"].is_in(["INVITE", "CANCEL"]) & call_of.is_in(calls_that_failed["call"].implode())
    own = own.fill_null(value=False)
    return hops(messages.filter(own), via_tails, leg_correlation, call_of.filter(own), aligned=clocks_aligned)


@node(LOCAL, columns=())
def bare_failures(
    calls_that_failed: DF,
    failed_set_ups: tuple[SetUps, DF, Series],
    hops_of_failed_calls: DF,
    transactions: DF,
    unreached_next_hops: DF,
) -> Ways:
    """The way that each failure came, without the roles of the nodes on it."""
    from analyzer.diagnose.call_failures import ways

    set_ups, messages, _ = failed_set_ups
    milestones = set_ups.milestones
    return ways(messages, calls_that_failed, milestones, hops_of_failed_calls, transactions, unreached_next_hops)


@node(LOCAL, columns=("warning",))
def failed_calls(bare_failures: Ways, calls: DF, core_messages: DF) -> DF:
    """The calls that failed, with the signs that rules of diagnosis look at."""
    from analyzer.diagnose.evidence import failed_calls

    return failed_calls(bare_failures, calls, core_messages)


@node(LOCAL, asks=("calls_that_failed", "bare_failures"))
def failing_nodes(ask: Callable[[str], Any]) -> DF:
    """The node that failed each call that failed, however many it passed through."""
    import polars as pl

    if ask("calls_that_failed").is_empty():
        return pl.DataFrame(schema={"call": pl.Int64, "failing_node": pl.String})
    from analyzer.diagnose.call_failures import failing_nodes

    return failing_nodes(ask("bare_failures"))


@node(ESTIMATE, cut=whole)
def forwarding_nodes(hops_of_invites: DF, endpoints: DF) -> DF:
    """The nodes that sent INVITEs on, in any call."""
    from analyzer.diagnose.call_failures import forwarding

    return forwarding(hops_of_invites, endpoints)


@node(ESTIMATE, cut=whole)
def begun_calls(calls: DF, bare_transactions: DF) -> DF:
    """From which host each call began: of two calls one may be made of the other, though nothing joined them."""
    from analyzer.diagnose.call_failures import begun

    return begun(calls, bare_transactions)


_OF_FAILURES = ("core_messages", "bare_failures", "endpoints", "forwarding_nodes", "begun_calls")


@node(ESTIMATE, columns=("warning",), asks=("calls_that_failed", *_OF_FAILURES))
def explained_failures(ask: Callable[[str], Any]) -> CallFailures:
    """Who failed each call; nothing else is made where none failed."""
    import polars as pl

    from analyzer.diagnose.call_failures import CallFailures, call_failures

    if ask("calls_that_failed").is_empty():
        none = (pl.DataFrame(schema=table.polars()) for table in (schema.CALL_FAILURES, schema.FAILURE_PATH))
        return CallFailures(*none)
    return call_failures(*(ask(name) for name in _OF_FAILURES))


# ---- access and charging ---------------------------------------------------------------------------------------------


@node(LOCAL, columns=())
def senders(core_messages: DF, found_legs: Legs, registers: DF, call_of: Series) -> DF:
    """Which party of which call or registration sent each message."""
    from analyzer.ims import access

    return access.sent(core_messages, found_legs.table, registers, call_of)


@node(LOCAL)
def home_networks(senders: DF, header_fields: DF) -> DF:
    """The home network of each party."""
    from analyzer.ims import access

    return access.home_networks(senders, header_fields)


@node(
    LOCAL,
    columns=(),
    headers=(
        *("P-Asserted-Identity", "P-Charging-Vector", "P-Called-Party-ID", "P-Visited-Network-ID"),
        *("P-Asserted-Service", "P-Preferred-Service", "Accept-Contact"),
    ),
)
def charged_legs(
    core_messages: DF,
    header_fields: DF,
    found_legs: Legs,
    strong_legs: DF,
    calls: DF,
    dialogs: DF,
    offers: DF,
    ims_registrations: DF,
    access_networks: DF,
    home_networks: DF,
) -> Records:
    """The charging data records without the node that writes them."""
    from analyzer.ims import charging

    return charging.records(
        core_messages,
        header_fields,
        found_legs.openings,
        strong_legs,
        calls,
        dialogs,
        offers,
        ims_registrations,
        access_networks,
        home_networks,
    )


# ---- nodes, and what is spoken beside SIP ----------------------------------------------------------------------------


@node(
    ESTIMATE, columns=("_headers", "_via", "_via_rest", "require", "user_agent", *schema.IMS_HEADERS.names), cut=whole
)
def found_nodes(
    core_messages: DF, ims_headers: DF, node_overrides: tuple[Entry, ...], diameter_of_calls: DF | None
) -> Nodes:
    from analyzer.ims.nodes import find

    return find(core_messages, ims_headers, node_overrides, diameter_of_calls)


@node(ESTIMATE, carried="diameter", cut=whole)
def diameter_of_calls(found_companions: DF | None) -> DF | None:
    """The exchanges of calls and registrations, where the capture has Diameter: they tell roles of nodes."""
    return found_companions


@node(LOCAL, cut=whole)
def companion_messages(core_account: DF, read_companions: Callable[[], dict[str, DF]] | None) -> dict[str, DF]:
    """Diameter and DNS. The captures are read for it once more, unless the account says that there is none."""
    import polars as pl

    if read_companions is None or not carries(core_account, "diameter|dns$"):
        tables = {"diameter": schema.DIAMETER, "dns": schema.DNS_MESSAGES}
        none = {name: pl.DataFrame(schema=table.polars()) for name, table in tables.items()}
        return none | {"diameter": none["diameter"].rename({"diameter_message": "key"})}
    return read_companions()


@node(ESTIMATE, carried="diameter|dns$", cut=whole)
def found_companions(
    core_messages: DF,
    ims_headers: DF,
    descriptions: DF,
    calls: DF,
    call_of: Series,
    registers: DF,
    diameter_transactions: DF,
    dns: DF,
    companion_messages: dict[str, DF],
) -> DF:
    """The exchanges of Diameter and DNS that belong to a call or a registration."""
    from analyzer.companion.related_transactions import related_transactions

    registration_of = registers.select("_leg", "cseq", "registration").unique(["_leg", "cseq"], keep="first")
    return related_transactions(
        core_messages,
        ims_headers,
        descriptions,
        calls,
        call_of,
        registration_of,
        diameter_transactions,
        dns,
        companion_messages["dns"],
    )


@node(ESTIMATE, columns=(), cut=whole)
def sip_ways(core_messages: DF) -> DF:
    """Between which addresses SIP goes, each way: ``src_ip dst_ip``."""
    return core_messages.select("src_ip", "dst_ip").unique().sort("src_ip", "dst_ip")


@node(ESTIMATE, columns=(), cut=whole)
def last_message_at(core_messages: DF) -> int | None:
    """Time of the last message (ns)."""
    return core_messages["time"].to_physical().max()  # type: ignore[return-value]


@node(LOCAL, columns=("formats", "connection", "fmtp", "proto", "ptime", "crypto"))
def announced_media(core_messages: DF, descriptions: DF, call_of: Series) -> DF:
    """The addresses that session descriptions of calls announced."""
    from analyzer.media.announced import announced_media

    return announced_media(core_messages, descriptions, call_of)
