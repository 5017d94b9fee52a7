"""Who said no: for each call that failed the node that the failing response came from first, and on whose behalf.

The one answer: other tables and texts that name who refused a call take it from here.

From the final response that decided, at the reference hop, the way goes back from each to the one it was made from
(`hops`), over proxies and legs, to the one that was made from none. Where a node answers with another status than it
got, that one is followed: the last failure that came back to it of the INVITEs it made from the one it answers. A 487
is followed to the CANCEL behind it, and no further than to the node that sent that.

What the node is, is an estimate (`endpoints`), so what is told here is one, too. `RULES` say on whose behalf it speaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns import causes
from analyzer.columns.address import socket_of
from analyzer.columns.nothing import once_of_nothing
from analyzer.columns.rules import first_of
from analyzer.columns.typed import typed
from analyzer.ims import roles, waited_for
from analyzer.sip import cancels, next_hops, release
from analyzer.sip.outcomes import NETWORK_NO_REPLY, has_failed, of_the_callee

_OF_A_TIMER = [408, 504]
_ENDS = [roles.UE, roles.UA]
_GATEWAY = "MGCF|BGCF|IBCF"
_EXCHANGE = "B2BUA|registrar"
_PROXY = "CSCF|proxy"  # they say no for reasons of their own, but not that somebody is busy


def _rules() -> list[tuple[str, pl.Expr, str]]:
    """On whose behalf a node speaks, whether that holds, and why; the first that holds decides.

    Columns read: outcome, released_by, status, method (of what the origin sent; null: nothing), protocol and cause of
    its Reason, no_user (it has a value that no user gives), next_hop (to which no connection could be opened), end (a
    UE or user agent), gateway, proxy, serves (any role but the first), forwards (it sends INVITEs on), sent_on (this
    one), may_have_sent_on (a call that no other leg explains left it meanwhile), exchange (it makes calls of its own),
    inside (the INVITE it cancels came from another), gave_up (it cancelled what it had sent on), rang_long.
    """
    status, method, cause = pl.col("status"), pl.col("method"), pl.col("cause")
    said, cancelled = method == "INVITE", method == "CANCEL"
    # Neither a final response nor a CANCEL, and given up all the same.
    unanswered_bye = method.is_null() & (pl.col("outcome") == "cancelled")
    q850, of_release = pl.col("protocol") == "Q.850", pl.col("protocol") == "RELEASE_CAUSE"
    of_a_timer = pl.any_horizontal(
        (pl.col("protocol") == protocol) & cause.is_in(numbers) for protocol, numbers in causes.OF_A_TIMER.items()
    )
    sip = pl.col("protocol") == "SIP"
    # 487 is of a user who gave up on another leg (`release.network_reason_of_cancel`).
    by_itself = sip & cause.is_between(300, 699) & (cause != 487)
    gave_up_late = sip & cause.is_in(_OF_A_TIMER) | pl.col("rang_long")
    end, gateway = pl.col("end"), pl.col("gateway")
    # A node behind it may have said so: it was never seen to send an INVITE on, or it sent this one on.
    alone = pl.col("forwards") & ~pl.col("sent_on") & ~pl.col("may_have_sent_on")
    behind = ~end & ~alone
    called = behind | pl.col("proxy")
    of_a_user = causes.of_a_user(cause, answered=False)
    # An exchange makes a Q.850 cause of any SIP status (RFC 3398 §7.2.6.1): no sign of a telephone network.
    of_the_network = behind & ~pl.col("exchange") & ~of_a_user
    of_an_exchange = q850 & (pl.col("exchange") | end) & ~alone & ~of_a_user
    return [
        ("network", pl.col("next_hop").is_not_null(), next_hops.NOT_REACHED),
        ("network", pl.col("outcome_detail") == "transport_error", "the transport failed: ICMP, RST or ABORT"),
        ("timer", method.is_null() & (pl.col("outcome") == "timeout"), "no final response to the INVITE"),
        ("unknown", method.is_null() & (pl.col("outcome") == "rejected"), "the refusal was not captured"),
        ("user", unanswered_bye & (pl.col("released_by") == "caller"), "the caller's BYE on the early dialog"),
        ("timer", of_a_timer, "the Reason is that of a timer"),
        ("timer", cancelled & end & sip & cause.is_in(_OF_A_TIMER), "CANCEL: a timer of the caller's device expired"),
        ("node", cancelled & end & by_itself, "CANCEL of the caller's device, not its user"),
        ("network", cancelled & end & pl.col("no_user"), "CANCEL with a Reason that no user gives"),
        ("user", cancelled & (end | (of_release & (cause == 1))), "the caller's CANCEL"),
        ("network", cancelled & ((pl.col("protocol") == "FAILURE_CAUSE") | of_release), "CANCEL: the bearer was lost"),
        ("timer", cancelled & pl.col("inside") & gave_up_late, "CANCEL from a node whose timer expired"),
        ("node", cancelled & pl.col("inside"), "CANCEL from a node that received none"),
        ("user", cancelled, "a CANCEL from the caller's side"),
        ("user", said & (status == 487) & (pl.col("released_by") == "caller"), "the caller's BYE on the early dialog"),
        ("user", said & (status == 487) & (pl.col("released_by") == "callee"), "the callee's BYE on the early dialog"),
        ("network", said & (status == 487) & (pl.col("released_by") == "network"), "BYE with a Reason no user gives"),
        ("unknown", said & (status == 487), "a 487 without a captured CANCEL"),
        ("timer", said & status.is_in(_OF_A_TIMER), "the status indicates a timeout"),
        ("timer", said & pl.col("gave_up"), "the node cancelled a request that it had forwarded, by itself"),
        ("user", said & end & of_the_callee(status, reached=True), "a user agent rejected the call for its user"),
        ("user", said & q850 & gateway & of_a_user, "the cause of a user behind a gateway"),
        ("network", said & q850 & (gateway | of_the_network), "a Q.850 cause of the network behind the node"),
        ("unknown", said & of_an_exchange, "an exchange may have made the Q.850 cause of a status"),
        ("user", said & called & of_the_callee(status, reached=False), "only the called side sends this status"),
        ("node", said & end, "the user agent itself, not its user"),
        ("unknown", said & behind & pl.col("may_have_sent_on"), "a call that may be this one left the node meanwhile"),
        ("unknown", said & behind & (status == 480), "a 480 is ambiguous, and the far side was not captured"),
        ("node", said & alone, "the node forwards other INVITEs, but not this one"),
        ("node", said & pl.col("serves"), "a node with this role does not answer for a user"),
        ("user", said & of_the_callee(status, reached=False), "only the called side sends this status"),
    ]  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class CallFailures:
    """The tables ``call_failures`` and ``failure_path``."""

    call_failures: pl.DataFrame
    steps: pl.DataFrame


@dataclass(frozen=True, eq=False, slots=True)
class Ways:
    """The way back of each failure, without the roles of the nodes on it: ``failed`` are the calls, ``steps`` the
    messages on the way of each, ``signs`` what else its first INVITE tells of a call."""

    failed: pl.DataFrame
    steps: pl.DataFrame
    signs: pl.DataFrame


@once_of_nothing
def ways(
    messages: pl.DataFrame,
    calls: pl.DataFrame,
    milestones: pl.DataFrame,
    hops: pl.DataFrame,
    transactions: pl.DataFrame,
    unreached: pl.DataFrame,
) -> Ways:
    """The way back of each call that failed, in the order of ``calls``.

    ``messages`` as the core gives them, ``milestones`` as :mod:`analyzer.ims.phases` has them, ``unreached`` as
    :mod:`analyzer.sip.next_hops`, the others the tables of these names.
    """
    failed = calls.filter(has_failed()).select(
        "call", "outcome", "outcome_detail", "released_by", final_status="status", final_phrase="reason_phrase"
    )
    rows = _rows(hops, failed)
    invites = rows.filter(pl.col("method") == "INVITE")
    made = waited_for.made(invites.filter(pl.col("status").is_null()))
    waited = waited_for.waited_for(invites, made, one_clock=messages["_point"].n_unique() < 2)
    steps = _followed(_starts(failed, milestones, messages, rows), rows, waited)
    steps = steps.with_columns(address=_address(steps, rows))
    origins = failed.join(steps.filter(pl.col("step") == 1), on="call", how="left", maintain_order="left")
    return Ways(failed, steps, _signs(origins, rows, made, waited, milestones, transactions, unreached))


def failing_nodes(found: Ways) -> pl.DataFrame:
    """The node that failed each call (``call``, ``failing_node``), which needs no roles."""
    return found.signs.select("call", "failing_node")


def call_failures(
    messages: pl.DataFrame, found: Ways, endpoints: pl.DataFrame, forwarding: pl.DataFrame, begun: pl.DataFrame
) -> CallFailures:
    """Who ended each of these calls; ``messages`` as the core gives them, ``forwarding`` and ``begun`` as the functions
    of these names do, ``endpoints`` the table."""
    known = endpoints.select("address", "node", "role", "name")
    origins = found.signs.join(known, on="address", how="left", maintain_order="left")
    origins = origins.with_columns(**_of_role(forwarding), may_have_sent_on=_may_have_sent_on(origins, begun))
    said = messages.filter(pl.col("message").is_in(origins["message"].drop_nulls().implode())).select(
        "message", "reason_phrase", "reason_header", "warning", no_user=release.network_reason_of_cancel()
    )
    origins = origins.join(said, on="message", how="left", maintain_order="left")
    steps = found.steps.join(known, on="address", how="left", maintain_order="left")
    return CallFailures(_table(origins), _step_table(steps, found.failed))


# -- the way back ------------------------------------------------------------------------------------------------------


def _rows(hops: pl.DataFrame, failed: pl.DataFrame) -> pl.DataFrame:
    """INVITEs and CANCELs of these calls, and final responses to the INVITEs, with their ``order``."""
    return (
        hops.lazy()
        .with_row_index("order")
        .filter(
            pl.col("call").is_in(failed["call"].implode()),
            pl.col("method").is_in(["INVITE", "CANCEL"]),
            pl.col("status").is_null() | ((pl.col("status") >= 200) & (pl.col("method") == "INVITE")),
        )
        .select("order", "call", "message", "previous", "transaction", "method", "status", "time", "sender", "receiver")
        .collect()
    )


def _starts(failed: pl.DataFrame, milestones: pl.DataFrame, messages: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The message to begin with: the final response at the reference hop, or the CANCEL that a 487 answers."""

    def of(milestone: str) -> pl.DataFrame:
        found = milestones.filter(pl.col("milestone") == milestone, pl.col("call").is_in(failed["call"].implode()))
        return found.select("call", messages["message"].gather(found["row"]).alias(milestone))

    cancelled = rows.filter(pl.col("method") == "CANCEL").group_by("call").agg(anywhere=pl.col("message").first())
    # A call that was joined has no milestones: the last of its responses is that which came nearest to its caller.
    finals = rows.filter(pl.col("status").is_not_null()).select("call", "message", final_status="status")
    finals = finals.group_by("call", "final_status").agg(unasked=pl.col("message").last())
    # What a node made of a BYE on the early dialog is not where it began.
    by_bye = (pl.col("outcome") == "cancelled") & pl.col("released_by").is_in(["caller", "callee"])
    found = failed.select("call", "final_status", by_bye=by_bye)
    for more in (of("final"), of("cancel"), cancelled):
        found = found.join(more, on="call", how="left", maintain_order="left")
    found = found.join(finals, on=["call", "final_status"], how="left", maintain_order="left")
    refused = pl.col("final_status") != 487
    final = pl.coalesce("final", "unasked")
    refused |= pl.col("by_bye") & pl.col("cancel").is_null()
    start = pl.when(refused).then(final).otherwise(pl.coalesce("cancel", "anywhere", final))
    return found.select("call", message=start).drop_nulls()


def _followed(starts: pl.DataFrame, rows: pl.DataFrame, waited: waited_for.WaitedFor) -> pl.DataFrame:
    """Every message on the way, ``step`` 1 the first that was sent."""
    # What has another status than the node got, or was not captured there, has no origin among the hops.
    rows = rows.join(waited.causes, on="message", how="left", maintain_order="left")
    rows = rows.with_columns(previous=pl.coalesce("previous", "cause")).drop("cause")
    at = starts.join(rows, on=["call", "message"], maintain_order="left")
    ways = [at.with_columns(back=pl.lit(0))]
    for back in range(1, waited_for.LONGEST_WAY):
        before = at.select("call", message="previous").drop_nulls()
        at = before.join(rows, on=["call", "message"], maintain_order="left")
        if at.is_empty():
            break
        ways.append(at.with_columns(back=pl.lit(back)))
    way = pl.concat(ways).sort("call", "back", descending=[False, True], maintain_order=True)
    return way.with_columns(step=pl.int_range(1, pl.len() + 1).over("call"))


def _address(steps: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """Where others reach the node that sent it: a response may leave from another port than the request came to."""
    requests = rows.filter(pl.col("method") == "INVITE", pl.col("status").is_null())
    asked = requests.unique("transaction", keep="first", maintain_order=True).select("transaction", asked="receiver")
    found = steps.join(asked, on="transaction", how="left", maintain_order="left")
    response = pl.col("status").is_not_null()
    return found.select(pl.coalesce(pl.when(response).then("asked"), "sender")).to_series()


# -- what the node is --------------------------------------------------------------------------------------------------


def forwarding(hops: pl.DataFrame, endpoints: pl.DataFrame) -> pl.DataFrame:
    """The addresses of nodes that sent INVITEs on, in any call: ``address``."""
    sent_on = hops.filter(pl.col("method") == "INVITE", pl.col("status").is_null(), pl.col("node").is_not_null())
    addresses = sent_on.select(address="node").unique()
    boxes = endpoints.join(addresses, on="address", how="semi").select("node").unique()
    return pl.concat([addresses, endpoints.join(boxes, on="node", how="semi").select("address")]).unique()


def begun(calls: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """From which host each call was seen to begin, and when (ns): ``begun ip at``.

    That of a call which an exchange made of another is the exchange itself, where nothing joined the two.
    """
    first = calls.select(transaction="reference", begun="call", at=pl.col("started_at").cast(pl.Int64)).drop_nulls()
    return first.join(transactions.select("transaction", ip="client_ip"), on="transaction").select("begun", "ip", "at")


def _may_have_sent_on(origins: pl.DataFrame, begun: pl.DataFrame) -> pl.Series:
    """Whether a call left the host of the node while it had the INVITE that it refused."""
    held = origins.select("call", "asked_at", ip=pl.col("address").str.replace(r":\d+$", ""), until="time")
    held = held.with_columns(pl.col("asked_at", "until").cast(pl.Int64), ip=pl.col("ip").str.strip_chars("[]"))
    held = held.with_row_index("place").sort("until", nulls_last=True, maintain_order=True)
    asked = held.drop_nulls(["until", "ip"])
    last = asked.join_asof(
        begun.sort("at", "begun"), left_on="until", right_on="at", by="ip", strategy="backward", check_sortedness=False
    )
    left = last.filter(pl.col("at") >= pl.col("asked_at"), pl.col("begun") != pl.col("call"))
    return held.sort("place").select(pl.col("place").is_in(left["place"].implode())).to_series()


def _signs(
    origins: pl.DataFrame,
    rows: pl.DataFrame,
    made: pl.DataFrame,
    waited: waited_for.WaitedFor,
    milestones: pl.DataFrame,
    transactions: pl.DataFrame,
    unreached: pl.DataFrame,
) -> pl.DataFrame:
    """What `_rules` look at, but the Reason and what rests on roles; and the ``failing_node``."""
    opened = made.filter(pl.col("far") == 1)
    opened = opened.join(transactions.select("outcome", child="transaction"), on="child")
    asked = rows.filter(pl.col("method") == "INVITE", pl.col("status").is_null())
    asked = asked.unique("transaction", keep="first", maintain_order=True)
    below = opened.group_by("transaction").agg(
        gave_up=(pl.col("outcome") == "cancelled").any(), sent_on=pl.lit(value=True)
    )
    open_ended = waited.kept_waiting.join(
        transactions.select("first_provisional_at", "final_at", "request_copies", waited="transaction"), on="waited"
    ).filter(pl.col("final_at").is_null())
    open_ended = open_ended.join(asked.select("receiver", waited="transaction"), on="waited").select(
        "transaction", unfinished="receiver",
        # Copies that nothing ever answered: the server is silent, not the capture (RFC 3261 §17.1.1.2).
        no_word=pl.col("first_provisional_at").is_null() & (pl.col("request_copies") > 1),
    )  # fmt: skip
    # Of a call that nobody ended: who was asked last.
    last = asked.group_by("call").agg(last_asked=pl.col("receiver").last())
    inside = _inside(rows, transactions)
    rang = milestones.group_by("call").agg(rang_long=(_at_of("cancel") - _at_of("ringing") >= NETWORK_NO_REPLY))
    came = asked.select("transaction", asked_at="time")
    for more in (below, came):
        origins = origins.join(more, on="transaction", how="left", maintain_order="left")
    origins = origins.join(open_ended, on="transaction", how="left", maintain_order="left")
    stopped = (
        asked.join(unreached, on="transaction", maintain_order="left").group_by("call").agg(pl.col("next_hop").first())
    )
    for more in (last, inside, rang, stopped):
        origins = origins.join(more, on="call", how="left", maintain_order="left")
    nobody_ended = pl.col("method").is_null() & (pl.col("outcome_detail") != "final_unseen").fill_null(value=True)
    next_hop = pl.when(pl.col("outcome_detail") == "transport_error").then("next_hop")
    silent = pl.when(nobody_ended).then("last_asked").otherwise("unfinished")
    origins = origins.with_columns(
        pl.col("gave_up", "sent_on", "inside", "rang_long", "no_word").fill_null(value=False),
        next_hop=next_hop,
        unresponsive_node=pl.coalesce(next_hop, silent),
    )
    # Who gave up for a timer only passes on that another was silent.
    silent = nobody_ended | pl.col("status").is_in(_OF_A_TIMER) | pl.col("no_word")
    # A response whose INVITE was not captured is on no hop: who sent it is all that is known.
    refused = transactions.filter(pl.col("method") == "INVITE", pl.col("status") >= 300)
    refused = refused.sort("final_at", maintain_order=True)
    refused = refused.unique(["call", "status"], keep="first", maintain_order=True)
    servers = refused.select("call", final_status="status", server=socket_of("server"))
    origins = origins.join(servers, on=["call", "final_status"], how="left", maintain_order="left")
    failing = pl.coalesce(pl.when(silent).then("unresponsive_node"), "address", "server")
    return origins.with_columns(failing_node=failing).drop("server")


def _of_role(forwarding: pl.DataFrame) -> dict[str, pl.Expr]:
    """What `_rules` look at of the node's role."""
    role = pl.col("role").fill_null(roles.UNKNOWN)
    return {
        "end": role.is_in(_ENDS),
        "gateway": role.str.contains(_GATEWAY),
        "exchange": role.str.contains(_EXCHANGE),
        "proxy": role.str.contains(_PROXY),
        "serves": ~role.is_in([*_ENDS, roles.UNKNOWN]),
        "forwards": pl.col("address").is_in(forwarding["address"].implode()).fill_null(value=False),
    }


def _at_of(milestone: str) -> pl.Expr:
    return pl.col("at").filter(pl.col("milestone") == milestone).first()


def _inside(rows: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """Per call whether the first CANCEL is of an INVITE that came to its sender from another (RFC 3261 §9.1)."""
    first = rows.filter(pl.col("method") == "CANCEL", pl.col("previous").is_null())
    first = first.unique("call", keep="first", maintain_order=True).select("call", "transaction")
    asked = rows.filter(pl.col("method") == "INVITE", pl.col("status").is_null())
    asked = asked.select("call", "previous", invite="transaction")
    same = first.join(cancels.of_transactions(transactions), on="transaction").join(asked, on=["call", "invite"])
    return same.group_by("call").agg(inside=pl.col("previous").is_not_null().any())


# -- the tables --------------------------------------------------------------------------------------------------------


def _table(origins: pl.DataFrame) -> pl.DataFrame:
    response = pl.col("status").is_not_null()
    decided = pl.when(response).then(causes.q850_first("reason_header")).otherwise("reason_header")
    origins = origins.with_columns(reason_header=decided).with_columns(**causes.reason("reason_header"))
    origins = origins.rename({"words": "reason", "text": "reason_text"}).with_columns(
        **{f"warning_{name}": value for name, value in causes.warning("warning").items()}
    )
    rules = _rules()
    origins = origins.with_columns(
        on_behalf_of=first_of([(condition, name) for name, condition, _ in rules], "unknown"),
        rule=first_of([(condition, words) for _, condition, words in rules], "the role of the node is unknown"),
    )
    # What ends SIP has no node behind it (TS 23.228 §4.4).
    last = pl.col("end") | pl.col("role").str.contains("MGCF|MRFC").fill_null(value=False)
    alone = (
        pl.col("forwards")
        & ((~pl.col("sent_on") & ~pl.col("may_have_sent_on")) | (pl.col("on_behalf_of") == "timer"))
        & (pl.col("on_behalf_of") != "user")
    )
    partial = pl.col("address").is_not_null() & ~last & ~alone & pl.col("next_hop").is_null()
    table = origins.with_columns(
        status="final_status", first_status="status", seen_at="time",
        reason_phrase=pl.coalesce("reason_phrase", "final_phrase"), reason_protocol="protocol", reason_cause="cause",
        partial=partial,
    )  # fmt: skip
    return typed(table, schema.CALL_FAILURES)


def _step_table(steps: pl.DataFrame, failed: pl.DataFrame) -> pl.DataFrame:
    before = pl.col("status").shift().over("call")
    table = failed.select("call").join(steps, on="call", maintain_order="left_right")
    table = table.with_columns(changed=(pl.col("status") != before).fill_null(value=False))
    return typed(table, schema.FAILURE_PATH)
