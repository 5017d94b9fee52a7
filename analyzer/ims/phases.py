"""The set-up of a call in phases, at its reference hop (TS 24.229 §5.1.3, §6.1; RFC 3261, 3262, 3312).

*Milestones* are messages in the order in which a set-up passes them; each is looked for between those before and behind
it, so that copies, forks, further 183s and messages that were not captured leave one or none of each:

=========  ==========================================================================================================
milestone  message
=========  ==========================================================================================================
invite     the first INVITE of the attempt
again      the INVITE whose final response decided, where another came before it (challenge, redirection, failover)
trying     the first 100 to it
progress   the first 101-199 to it that is no 180, before any 180
prack      the caller's first PRACK behind that
update     the caller's first UPDATE with SDP behind that, before the 180
ringing    the first 180
cancel     the CANCEL, where it was not answered
final      the first 2xx, else the final response that decided
ack        the first ACK to the 2xx
=========  ==========================================================================================================

A *phase* lasts from one milestone to the next, so phases add up to the set-up time to the nanosecond. `PHASES` names
them by what is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns.durations import seconds
from analyzer.columns.nothing import once_of_nothing
from analyzer.columns.rules import first_of
from analyzer.columns.times import sent_at
from analyzer.columns.typed import typed
from analyzer.sip import reference_hop

MILESTONES = ("invite", "again", "trying", "progress", "prack", "update", "ringing", "cancel", "final", "ack")

#: Each phase, what is waited for in it, and what is told of a call that went no further.
PHASES = {
    "retry": (
        "the caller sends the INVITE again: challenge, redirection, failover",
        "INVITE sent again, no further progress",
    ),
    "trying": ("the next hop accepts the INVITE: 100", "no response to the INVITE"),
    "routing": ("the network finds and wakes the callee: 18x", "no 18x arrived"),
    "prack": ("the caller acknowledges the 18x: PRACK", "no PRACK acknowledged the 18x"),
    "caller_bearer": (
        "the caller's resources: UPDATE",
        "no UPDATE after the PRACK: waiting for the caller's resources",
    ),
    "callee_bearer": ("the callee's resources: 180", "no 180 arrived: waiting for the callee's resources"),
    "alerting": ("the callee is alerted: 180", "an 18x but no 180 arrived: no ringing captured"),
    "ringing": ("the callee answers: 200", "it rang"),
    "cancelling": ("the INVITE ends after CANCEL: 487", "no final response after the CANCEL"),
    "ack": ("the caller confirms the answer: ACK", "no ACK"),
}

_IN_DIALOG = ["PRACK", "UPDATE", "ACK"]
_ORDER = pl.Enum(MILESTONES)
_FARTHEST = 2**32 - 1  # no row is further
# What a direction says of resources, as bits (RFC 3312 §4).
_RESOURCES = {"none": 0, "send": 1, "recv": 2, "sendrecv": 3}
# The columns of `setups` for milestones.
_TIMES = {
    "invite": "started_at", "again": "again_at", "trying": "trying_at", "progress": "progress_at", "prack": "prack_at",
    "update": "update_at", "ringing": "ringing_at", "cancel": "cancelled_at", "final": "final_at", "ack": "ack_at",
}  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class SetUps:
    """The tables ``setups`` and ``phases``, and what they were made of.

    ``milestones`` in order: ``call``, ``milestone``, ``row`` (of the messages), ``at`` (ns). ``trips`` of the set-ups
    that came to an end, in order: ``call``, ``request`` and ``response``, rows of a message of the caller and of what
    it waited for.
    """

    setups: pl.DataFrame
    phases: pl.DataFrame
    milestones: pl.DataFrame
    trips: pl.DataFrame


@once_of_nothing
def set_ups(
    messages: pl.DataFrame,
    call_of: pl.Series,
    calls: pl.DataFrame,
    opened: pl.DataFrame,
    descriptions: pl.DataFrame,
    confirmed_branch: pl.DataFrame,
    borrowed: pl.DataFrame,
) -> SetUps:
    """The set-up of every call whose INVITE was captured with a time, in the order of ``calls``.

    ``messages`` and ``descriptions`` as the core gives them, ``call_of`` the call of each message; ``opened`` the
    INVITEs at the reference hops, ``confirmed_branch`` the dialog that each call is and ``borrowed`` responses of other
    hops that tell of them, as :class:`analyzer.sip.calls.CallAttempts` has them.
    """
    rows = _at_reference_hop(messages, call_of, opened, borrowed)
    found = _milestones(rows, opened, confirmed_branch)
    facts = _facts(rows, found, descriptions)
    order = calls.select("call", "outcome").join(facts, on="call", maintain_order="left")
    milestones = order.select("call").join(_in_order(found, messages), on="call", maintain_order="left_right")
    steps = _steps(milestones, facts, messages)
    return SetUps(
        _setups(order, milestones, steps, messages),
        _phase_table(steps, messages),
        milestones,
        _trips(rows, found, facts, opened, milestones),
    )


# -- what was said at the reference hop --------------------------------------------------------------------------------


def _at_reference_hop(
    messages: pl.DataFrame, call_of: pl.Series, opened: pl.DataFrame, borrowed: pl.DataFrame
) -> pl.DataFrame:
    """The messages of each set-up at its reference hop, with ``from_caller``: the request is one of the caller's.

    A request of the caller within the dialog has its fewest Vias there, one of the callee its most.
    """
    first = opened.unique("call", keep="first", maintain_order=True)
    ends = messages.select(near=pl.col("src_ip").gather(first["row"]), far=pl.col("dst_ip").gather(first["row"]))
    first = pl.concat([first.select("call"), ends], how="horizontal")
    legs = opened.select("call", "_leg", from_caller=pl.lit(value=True)).unique()
    rows = (
        messages.lazy()
        .select(
            "method", "status", "transaction", "cseq", "via_branch", "_leg", "_dialog", "_sdp", "_qos",
            "rseq", "rack", "src_ip", "dst_ip", "duplicate", "retransmission",
            call_of.alias("call"), via=pl.col("via_count").fill_null(0),
        )
        .with_row_index("row")
        .filter(
            ~pl.col("duplicate"),
            ~pl.col("retransmission"),
            pl.col("call").is_not_null(),
            pl.col("method").is_in(["INVITE", "CANCEL", *_IN_DIALOG]),
        )
        .drop("duplicate", "retransmission")
        .join(legs.lazy(), on=["call", "_leg"], how="left", maintain_order="left")
        .with_columns(pl.col("from_caller").fill_null(value=False))
        .join(borrowed.lazy().select("row", lent_to="transaction"), on="row", how="left", maintain_order="left")
        .with_columns(transaction=pl.coalesce("lent_to", "transaction"))
        .drop("lent_to")
        .collect()
    )  # fmt: skip
    of_invites = rows.filter(pl.col("transaction").is_in(opened["transaction"].implode()))
    branches = of_invites.filter(pl.col("status").is_null(), pl.col("method") == "INVITE")
    cancels = rows.filter(pl.col("method") == "CANCEL", pl.col("status").is_null()).join(
        branches.select("call", "_leg", "via_branch").unique(),
        on=["call", "_leg", "via_branch"], how="semi", nulls_equal=True, maintain_order="left",
    )  # fmt: skip
    inside = rows.filter(pl.col("method").is_in(_IN_DIALOG)).join(first, on="call", maintain_order="left")
    requests = inside.filter(pl.col("status").is_null()).filter(
        (pl.col("method") != "ACK") | pl.col("transaction").is_null(),
        pl.when("from_caller")
        .then(pl.col("src_ip").eq_missing(pl.col("near")) | pl.col("dst_ip").eq_missing(pl.col("far")))
        .otherwise(pl.col("src_ip").eq_missing(pl.col("far")) & pl.col("dst_ip").eq_missing(pl.col("near"))),
    )
    rank = reference_hop.depth(pl.col("from_caller"), pl.col("via"), pl.lit(value=True))
    requests = requests.filter(rank == rank.min().over("call", "_leg", "method", "cseq"))
    answers = inside.filter(
        pl.col("status").is_not_null(), pl.col("transaction").is_in(requests["transaction"].drop_nulls().implode())
    )
    parts = [part.select(rows.columns) for part in (of_invites, cancels, requests, answers)]
    return pl.concat(parts).sort("row")


# -- milestones --------------------------------------------------------------------------------------------------------


def _milestones(rows: pl.DataFrame, opened: pl.DataFrame, confirmed_branch: pl.DataFrame) -> pl.DataFrame:
    """One row per call: the row of each milestone, null where there is none; ``transaction`` is that which decided.

    Of several 2xx that is the answer which confirmed the branch that became the call (RFC 3261 §13.2.2.4).
    """
    row, status = pl.col("row"), pl.col("status")
    invites = rows.filter(pl.col("method") == "INVITE")
    tries = opened.group_by("call", maintain_order=True).agg(invite=row.first(), last=row.last())
    success = status.is_between(200, 299)
    of_the_call = pl.col("_dialog").is_in(confirmed_branch["_dialog"].drop_nulls().implode())
    # Looked up before they are grouped: in a group it would be done anew for each.
    ends = invites.select(
        "call",
        confirming=pl.when(success & of_the_call).then(row),
        ok=pl.when(success).then(row),
        refused=pl.when(status >= 300).then(row),
    )
    finals = ends.group_by("call").agg(
        ok=pl.coalesce(pl.col("confirming").min(), pl.col("ok").min()), refused=pl.col("refused").max()
    )
    found = tries.join(finals, on="call", how="left", maintain_order="left")
    # A final of an earlier try is not the attempt's while a later one is open.
    found = found.with_columns(final=pl.coalesce("ok", pl.when(pl.col("refused") > pl.col("last")).then("refused")))
    deciding = invites.select(final="row", decided="transaction")
    found = found.join(deciding, on="final", how="left", maintain_order="left")
    found = found.join(opened.select(last="row", latest="transaction"), on="last", maintain_order="left")
    found = found.with_columns(transaction=pl.coalesce("decided", "latest"))
    found = found.join(opened.select("transaction", again="row"), on="transaction", maintain_order="left")
    found = found.with_columns(again=pl.when(pl.col("again") != pl.col("invite")).then("again"))

    of_try = invites.join(found.select("transaction"), on="transaction", how="semi", maintain_order="left")
    provisional = of_try.group_by("call").agg(
        trying=pl.when(status == 100).then(row).min(),
        progress=pl.when(status.is_between(101, 199), status != 180).then(row).min(),
        ringing=pl.when(status == 180).then(row).min(),
    )
    cancels = rows.filter(pl.col("method") == "CANCEL").group_by("call").agg(cancel=row.min())
    found = found.join(provisional, on="call", how="left", maintain_order="left")
    found = found.join(cancels, on="call", how="left", maintain_order="left")
    # One that crossed the 2xx ended nothing (RFC 3261 §9.1).
    found = found.with_columns(cancel=pl.when(pl.col("ok").is_null()).then(_before("cancel", "final")))
    found = found.with_columns(ringing=_before("ringing", "cancel", "final"))
    found = found.with_columns(progress=_before("progress", "ringing", "cancel", "final"))
    found = found.with_columns(trying=_before("trying", "progress", "ringing", "cancel", "final"))

    until = pl.min_horizontal("ringing", "cancel", "final")
    asked = rows.filter("from_caller", status.is_null()).join(
        found.select("call", "progress", "ok", until=until), on="call", maintain_order="left"
    )
    early = asked.filter(row > pl.col("progress"), ~(row > pl.col("until")).fill_null(value=False))
    pracks = early.filter(pl.col("method") == "PRACK").group_by("call").agg(prack=row.min())
    early = early.join(pracks, on="call", how="left", maintain_order="left")
    updates = early.filter(pl.col("method") == "UPDATE", pl.col("_sdp").is_not_null())
    updates = updates.filter(row > pl.coalesce("prack", "progress")).group_by("call").agg(update=row.min())
    # It has the CSeq number of the INVITE it acknowledges (RFC 3261 §13.2.2.4).
    answered = rows.select(ok="row", ok_cseq="cseq")
    acks = asked.filter(pl.col("method") == "ACK", row > pl.col("ok")).join(answered, on="ok")
    acks = acks.filter(pl.col("cseq").eq_missing(pl.col("ok_cseq"))).group_by("call").agg(ack=row.min())
    for more in (pracks, updates, acks):
        found = found.join(more, on="call", how="left", maintain_order="left")
    return found.select("call", "transaction", *MILESTONES)


def _before(name: str, *others: str) -> pl.Expr:
    """The milestone, unless one of those behind it came first."""
    after = pl.min_horizontal(*others)
    return pl.when(after.is_null() | (pl.col(name) < after)).then(name)


def _in_order(found: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """The milestones one by one: ``call``, ``milestone``, ``row``, ``at`` (ns)."""
    rows = found.unpivot(MILESTONES, index="call", variable_name="milestone", value_name="row").drop_nulls("row")
    rows = rows.with_columns(sent_at(messages, rows["row"]).alias("at"), pl.col("milestone").cast(_ORDER))
    rows = rows.drop_nulls("at").sort("call", "milestone")
    # Without the time of its first INVITE a call has no set-up. The first byte of a request in several segments may lie
    # before the response that it follows.
    begun = pl.col("milestone").first().over("call") == "invite"
    return rows.filter(begun, pl.col("at") == pl.col("at").cum_max().over("call"))


# -- what is told of each ----------------------------------------------------------------------------------------------


def _facts(rows: pl.DataFrame, found: pl.DataFrame, descriptions: pl.DataFrame) -> pl.DataFrame:
    """One row per call: who was ready when, what answered PRACK and UPDATE, how 100rel went, what asked again."""
    facts = found.select("call")
    # What follows the answer is no set-up any more.
    until = found.select("call", "again", pl.col("final").fill_null(_FARTHEST), prack_row="prack", update_row="update")
    rows = rows.join(until, on="call", maintain_order="left")
    for more in (_readiness(rows, descriptions), _reliability(rows), _answers(rows)):
        facts = facts.join(more, on="call", how="left", maintain_order="left")
    return facts.with_columns(
        pl.col("preconditions").fill_null(value=False), pl.col("reliable", "unacknowledged", "rseq_gaps").fill_null(0)
    )


def _readiness(rows: pl.DataFrame, descriptions: pl.DataFrame) -> pl.DataFrame:
    """The row of the first SDP that says that the resources of the caller (callee) are there (RFC 3312 §5)."""
    speaking = rows.filter("_qos", pl.col("row") <= pl.col("final"))
    ready = _ready(descriptions.filter(pl.col("_sdp").is_in(speaking["_sdp"].unique().implode())))
    speaking = speaking.join(ready, on="_sdp", how="left", maintain_order="left")
    # "local" is the side that wrote it: the caller in its requests and in its responses to the callee's.
    by_caller = pl.col("from_caller") == pl.col("status").is_null()
    caller = pl.when(by_caller).then("local_ready").otherwise("remote_ready")
    callee = pl.when(by_caller).then("remote_ready").otherwise("local_ready")
    return speaking.group_by("call").agg(
        preconditions=pl.lit(value=True),
        caller_ready=pl.when(caller).then("row").min(),
        callee_ready=pl.when(callee).then("row").min(),
    )


def _ready(descriptions: pl.DataFrame) -> pl.DataFrame:
    """Of each session description whether every stream has what it desires, on its writer's side and on the other."""
    streams = descriptions.filter(~pl.col("early_session"), pl.col("port") > 0, pl.col("preconditions").is_not_null())

    def has(side: str) -> pl.Expr:
        desired = pl.col("preconditions").str.extract(rf"des:qos\s+\S+\s+(?:{side}|e2e)\s+(\w+)")
        need = _as_bits(desired).fill_null(_RESOURCES["sendrecv"])
        return (_as_bits(pl.col(f"qos_{side}")) & need) == need

    ready = {f"{side}_ready": has(side).fill_null(value=False) for side in ("local", "remote")}
    return streams.select("_sdp", **ready).group_by("_sdp").agg(pl.col(*ready).all())


def _as_bits(resources: pl.Expr) -> pl.Expr:
    return resources.replace_strict(_RESOURCES, default=None, return_dtype=pl.Int64)


def _reliability(rows: pl.DataFrame) -> pl.DataFrame:
    """How many reliable provisional responses came, how many got no PRACK, and where RSeq did not rise by one.

    RFC 3262 §3, §4: RSeq is one more with each; RAck of the PRACK quotes RSeq and CSeq. Each early dialog counts its
    own.
    """
    early = rows.filter(pl.col("rseq").is_not_null(), pl.col("status").is_between(101, 199))
    early = early.unique(["call", "_dialog", "cseq", "rseq"], keep="first", maintain_order=True)
    numbers = pl.col("rack").str.extract_groups(r"^\s*(?<rseq>\d{1,10})\s+(?<cseq>\d{1,10})\s")
    pracks = rows.filter(pl.col("method") == "PRACK", pl.col("status").is_null(), "from_caller").select(
        "call", "_dialog", numbers.struct.unnest().cast(pl.Int64)
    )
    pracks = pracks.unique().with_columns(acknowledged=pl.lit(value=True))
    same = ["call", "_dialog", "rseq", "cseq"]
    early = early.join(pracks, on=same, how="left", nulls_equal=True, maintain_order="left")
    step = pl.col("rseq") - pl.col("rseq").shift().over("call", "_dialog", "cseq")
    return early.group_by("call").agg(
        reliable=pl.len(), unacknowledged=pl.col("acknowledged").null_count(), rseq_gaps=(step != 1).sum()
    )


def _answers(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of the 2xx to the PRACK and UPDATE among the milestones; the status that made the caller ask again."""
    status, row = pl.col("status"), pl.col("row")
    asked = rows.filter((row == pl.col("prack_row")) | (row == pl.col("update_row"))).select("transaction", "method")
    answers = rows.filter(status.is_between(200, 299)).join(asked, on=["transaction", "method"], how="semi")
    answered = answers.group_by("call").agg(
        prack_answer=pl.when(pl.col("method") == "PRACK").then(row).min(),
        update_answer=pl.when(pl.col("method") == "UPDATE").then(row).min(),
    )
    before = rows.filter(pl.col("method") == "INVITE", status >= 300, row < pl.col("again"))
    return answered.join(
        before.group_by("call").agg(refused_before=status.last()), on="call", how="full", coalesce=True
    )


def _trips(
    rows: pl.DataFrame, found: pl.DataFrame, facts: pl.DataFrame, opened: pl.DataFrame, milestones: pl.DataFrame
) -> pl.DataFrame:
    """The requests that the caller sent on the way to the final response, each with what it waited for.

    A refused INVITE and its refusal; the INVITE and the 18x that the caller acts on; the PRACK, and its 2xx if an
    UPDATE follows that; the UPDATE. What ends the last is the final response.
    """
    ended = milestones.filter(pl.col("milestone") == "final")
    found = found.join(ended.select("call"), on="call", how="semi").join(facts, on="call", maintain_order="left")
    acts = pl.col("prack").is_not_null() | pl.col("update").is_not_null()
    acknowledged = pl.col("update").is_null() | (pl.col("prack_answer") < pl.col("update"))
    trips = [
        found.select(
            "call", request=pl.coalesce("again", "invite"), response=pl.when(acts).then("progress").otherwise("final")
        ),
        found.filter(pl.col("prack").is_not_null(), acknowledged).select(
            "call",
            request="prack",
            response=pl.when(pl.col("update").is_null()).then("final").otherwise("prack_answer"),
        ),
        found.filter(pl.col("update").is_not_null()).select("call", request="update", response="final"),
    ]
    again = found.filter(pl.col("again").is_not_null()).select("call", "again", decided="transaction")
    refused = rows.filter(pl.col("method") == "INVITE", pl.col("status") >= 300).group_by("transaction")
    tries = opened.join(again, on="call").join(refused.agg(response=pl.col("row").min()), on="transaction")
    tries = tries.filter(pl.col("transaction") != pl.col("decided"), pl.col("response") < pl.col("again"))
    trips.append(tries.select("call", "response", request="row").select("call", "request", "response"))
    return pl.concat(trips).sort("call", "request")


# -- the tables --------------------------------------------------------------------------------------------------------


def _steps(milestones: pl.DataFrame, facts: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """From each milestone to the next (null where the set-up went no further), with its ``phase``."""
    following = {"ends": "milestone", "to_row": "row", "to_ns": "at"}
    steps = milestones.select(
        *("call", "row", "at"),
        *(pl.col(column).shift(-1).over("call").alias(name) for name, column in following.items()),
        begins="milestone",
    )
    said = messages.select(
        status=pl.col("status").gather(steps["row"]),
        to_status=pl.col("status").gather(steps["to_row"]),
        reliable=pl.col("rseq").gather(steps["row"]).is_not_null(),
    )
    steps = pl.concat([steps, said], how="horizontal")
    refused = (pl.col("begins") == "final") & (pl.col("status") >= 300)
    steps = steps.filter(~refused, pl.col("begins") != "ack")
    steps = steps.join(facts, on="call", maintain_order="left")
    return steps.with_columns(phase=_phase())


def _phase() -> pl.Expr:
    begins, ends = pl.col("begins"), pl.col("ends")
    stopped = ends.is_null() | (ends == "cancel") | (pl.col("to_status") >= 300)
    caller_waits = pl.col("preconditions") & (pl.col("caller_ready") > pl.col("row")).fill_null(value=True)
    rules = [
        (ends == "again", "retry"),
        (begins.is_in(["invite", "again"]) & (ends.is_null() | ends.is_in(["trying", "cancel"])), "trying"),
        (begins.is_in(["invite", "again", "trying"]), "routing"),
        ((begins == "progress") & ((ends == "prack") | (pl.col("reliable") & stopped)), "prack"),
        (ends == "update", "caller_bearer"),
        ((begins == "prack") & stopped & caller_waits, "caller_bearer"),
        (begins.is_in(["prack", "update"]) & pl.col("preconditions"), "callee_bearer"),
        (begins.is_in(["progress", "prack", "update"]), "alerting"),
        (begins == "ringing", "ringing"),
        (begins == "cancel", "cancelling"),
    ]
    return first_of(rules, "ack")


def _phase_table(steps: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    what = pl.coalesce(pl.col("status").cast(pl.String), "method")
    said = {
        f"{side}_{name}": messages.select(expr.gather(steps[row])).to_series()
        for side, row in (("from", "row"), ("to", "to_row"))
        for name, expr in (("message", pl.col("message")), ("what", what))
    }
    steps = steps.with_columns(**said)
    note = (
        pl.when(pl.col("phase") == "retry")
        .then(pl.format("asked again after {}", pl.col("refused_before")))
        .when((pl.col("begins") == "progress") & pl.col("reliable") & (pl.col("phase") != "prack"))
        .then(pl.lit("reliable, and no PRACK was seen"))
    )
    steps = steps.with_columns(
        from_at="at", to_at="to_ns", duration_s=seconds(pl.col("to_ns") - pl.col("at")),
        begins="from_what", ends="to_what", note=note,
    )  # fmt: skip
    return typed(steps, schema.PHASES)


def _setups(calls: pl.DataFrame, milestones: pl.DataFrame, steps: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    def of(milestone: str, column: str) -> pl.Expr:
        return pl.col(column).filter(pl.col("milestone") == milestone).first()

    wide = milestones.group_by("call").agg(
        *(of(milestone, "at").alias(name) for milestone, name in _TIMES.items()),
        *(of(milestone, "row").alias(f"{milestone}_row") for milestone in ("progress", "final")),
    )
    last = steps.filter(pl.col("phase") != "cancelling").group_by("call").agg(stalled=pl.col("phase").last())
    table = calls.join(wide, on="call", maintain_order="left").join(last, on="call", how="left", maintain_order="left")
    times = {
        **{f"{side}_ready_at": f"{side}_ready" for side in ("caller", "callee")},
        **{f"{request}_answered_at": f"{request}_answer" for request in ("prack", "update")},
    }
    table = table.with_columns(
        messages["status"].gather(table["progress_row"]).alias("progress_status"),
        messages["status"].gather(table["final_row"]).alias("status"),
        *(sent_at(messages, table[row]).alias(name) for name, row in times.items()),
    )
    answered = (pl.col("status") < 300).fill_null(value=False) | (pl.col("outcome") == "answered")
    ending = (
        pl.when(pl.col("cancelled_at").is_not_null())
        .then(pl.lit("ended by CANCEL"))
        .when(pl.col("status").is_not_null())
        .then(pl.format("ended by {}", pl.col("status")))
        .when(pl.col("outcome") == "timeout")
        .then(pl.lit("ended by a timer"))
        .otherwise(pl.lit("nothing more was captured"))
    )
    words = pl.col("stalled").replace_strict({phase: sentence for phase, (_, sentence) in PHASES.items()})
    table = table.with_columns(
        stalled=pl.when(~answered).then("stalled"),
        stalled_detail=pl.when(~answered).then(pl.format("{}; {}", words, ending)),
    )
    return typed(table, schema.SETUPS)
