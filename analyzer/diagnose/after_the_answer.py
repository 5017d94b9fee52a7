"""What went wrong between a 2xx and the session it opens, in sentences with the frames to look at.

A 2xx that goes on being sent was not acknowledged, whoever had an ACK (RFC 3261 §13.3.1.4): where the ACKs went says
how far they came. Besides: a second 2xx that the caller left alone (§13.2.2.4), requests within the dialog without
their tags (§12.2.1.1), and a reliable 1xx that went on after its PRACK (RFC 3262 §3).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any

from analyzer.columns.address import socket

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]
Say = Callable[[str], str]

#: Of ``messages``, what these sentences are told from.
COLUMNS = (
    *(
        "frame",
        "time",
        "src_ip",
        "src_port",
        "dst_ip",
        "dst_port",
        "call_id",
        "from_tag",
        "to_tag",
        "cseq",
        "via_count",
    ),
    *("method", "status", "rseq", "rack", "transaction"),
)
_WITHIN_DIALOG = ("ACK", "BYE", "INFO", "UPDATE", "PRACK")
#: The methods of the messages that these sentences are about.
METHODS = ("INVITE", *_WITHIN_DIALOG)
# So many copies after the request that should have stopped them are no matter of a request that was lost.
_COPIES = 3


def sentences(call: dict[str, Any], messages: pl.DataFrame, *, say: Say = str) -> list[str]:
    """For a row of ``calls`` that was answered and its rows of ``messages``, in time order; none for any other.

    ``say`` is the lookup of the language.
    """
    import polars as pl

    known = messages.filter(~pl.col("duplicate"), pl.col("method").is_in(METHODS))
    rows = known.sort("time", nulls_last=True, maintain_order=True).select(*COLUMNS).to_dicts()
    return sentences_of_rows(call, rows, say=say)


def sentences_of_rows(call: Row, rows: list[Row], *, say: Say = str) -> list[str]:
    """The same from rows with :data:`COLUMNS`, without duplicates, in time order."""
    rows = [row for row in rows if row["method"] in METHODS]
    found = _reliable(rows, say)
    if call["outcome"] not in ("answered", "joined"):
        return found
    by_branch: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["method"] == "INVITE" and 200 <= (row["status"] or 0) < 300:
            by_branch[row["call_id"], row["from_tag"], row["to_tag"], row["cseq"]].append(row)
    asked = {row["cseq"] for row in rows if row["method"] == "INVITE" and row["status"] is None}
    released = {row[tag] for row in rows if row["method"] == "BYE" for tag in ("to_tag", "from_tag")}
    of_legs = Counter(branch[:2] for branch in by_branch)
    of_invites = Counter((call_id, from_tag, cseq) for call_id, from_tag, _, cseq in by_branch)
    by_leg = _acks_by_leg(rows)
    for branch, answers in by_branch.items():
        call_id, from_tag, _, cseq = branch
        of_leg = by_leg[branch[:2]]
        acks = of_leg.to(branch)
        odd = [] if acks or of_legs[branch[:2]] > 1 else _odd_acks(of_leg.all, branch, asked, answers[0], say)
        rivals = of_invites[call_id, from_tag, cseq] - 1
        ended = answers[0]["to_tag"] in released
        found += _of_branch(answers, acks, call, rivals=rivals, released=ended, misfit=bool(odd), say=say)
        found += odd
    return found + _without_tags(rows, say)


class _Acks:
    """The ACKs to 2xx of one Call-ID and From tag, which are in no transaction, in time order."""

    def __init__(self) -> None:
        self.all: list[Row] = []
        self._places: dict[tuple[Any, Any], list[int]] = defaultdict(list)

    def add(self, row: Row) -> None:
        self._places[row["cseq"], row["to_tag"]].append(len(self.all))
        self.all.append(row)

    def to(self, branch: tuple[Any, ...]) -> list[Row]:
        """Those to the 2xx of one branch; a To tag may be missing."""
        _, _, to_tag, cseq = branch
        places = (self._places.get((cseq, tag), []) for tag in {to_tag, None})
        return [self.all[place] for place in sorted(chain.from_iterable(places))]


def _acks_by_leg(rows: list[Row]) -> dict[tuple[Any, ...], _Acks]:
    found: dict[tuple[Any, ...], _Acks] = defaultdict(_Acks)
    for row in rows:
        if row["method"] == "ACK" and row["transaction"] is None:
            found[row["call_id"], row["from_tag"]].add(row)
    return found


def _odd_acks(acks: list[Row], branch: tuple[Any, ...], asked: set[Any], answer: Row, say: Say) -> list[str]:
    """About the first ACK of the caller's that has not the To tag or the CSeq number of the one 2xx in question, and
    belongs to no other INVITE (``asked``: their CSeq numbers)."""
    _, _, to_tag, cseq = branch
    for row in acks:
        if not row["to_tag"] or (row["cseq"] != cseq and row["cseq"] in asked):
            continue
        by_tag = row["to_tag"] != to_tag
        text = say(
            "the ACK (frame {frame}) has the To tag {other}, {answer} {own} (RFC 3261 §13.2.2.4)"
            if by_tag
            else "the ACK (frame {frame}) has CSeq {other}, {answer} {own} (RFC 3261 §13.2.2.4)"
        )
        other, own = (row["to_tag"], to_tag) if by_tag else (row["cseq"], cseq)
        return [text.format(frame=row["frame"], other=other, answer=_the(answer, say), own=own)]
    return []


def _the(message: Row, say: Say) -> str:
    return say("the {what} (frame {frame})").format(what=message["status"] or message["method"], frame=message["frame"])


def _of_branch(
    answers: list[Row],
    acks: list[Row],
    call: dict[str, Any],
    *,
    rivals: int,
    released: bool,
    misfit: bool,
    say: Say,
) -> list[str]:
    """About the 2xx of one branch, and the ACKs to it; so many other branches answered the same INVITE.

    ``misfit``: there is an ACK, but not to this 2xx.
    """
    far = max(answers, key=lambda row: row["via_count"] or 0)
    callee = socket(far["src_ip"], far["src_port"])
    copies = [row for row in answers if row["transaction"] == far["transaction"]]
    answer = _the(answers[0], say)
    often = ""
    if len(copies) > 1 and None not in (copies[0]["time"], copies[-1]["time"]):
        took = (copies[-1]["time"] - copies[0]["time"]).total_seconds()
        often = say("sent {n} times in {seconds:.1f} s").format(n=len(copies), seconds=took)
    if rivals and not acks:
        left = say("never acknowledged") if released else say("neither acknowledged nor released")
        left = say("{often} and {left}").format(often=often, left=left) if often else left
        return [say("a second answer, {answer}, was {left}").format(answer=answer, left=left)]
    if call.get("outcome_detail") != "no_ack":
        return []
    if not acks:
        near = min(answers, key=lambda row: row["via_count"] or 0)
        # The caller's own hop is there: it was given the 2xx again and again and left it alone (§13.2.2.4).
        alone = ""
        if often and near["via_count"] == 1:
            caller = socket(near["dst_ip"], near["dst_port"])
            alone = say("; {node} received it and sent none").format(node=caller)
        none = say("no ACK that fits was seen to {answer}" if misfit else "no ACK was seen to {answer}")
        return [say(", ").join(filter(None, (none.format(answer=answer), often))) + alone]
    after = sum(row["time"] is not None and row["time"] > acks[0]["time"] for row in copies)
    if after < _COPIES:
        return []
    where = _how_far(acks, far, callee, say)
    text = say("{answer} was {often}, {after} of them after an ACK (frame {frame}): {where}")
    return [text.format(answer=answer, often=often, after=after, frame=acks[0]["frame"], where=where)]


def _how_far(acks: list[Row], far: Row, callee: str, say: Say) -> str:
    """Where the ACKs got to on their way to the node that waits for one."""
    last = max(acks, key=lambda row: row["via_count"] or 0)
    came_to = socket(last["dst_ip"], last["dst_port"])
    if last["dst_ip"] == far["src_ip"]:
        return say("{node} took none of them for its own").format(node=callee)
    # The node that the INVITE went through to the callee should have sent the ACK there, too.
    gateway = (far["dst_ip"], far["dst_port"])
    if last["dst_ip"] == gateway[0]:
        return say("{node} had it and did not send it on to {callee}").format(node=came_to, callee=callee)
    if last["src_ip"] == gateway[0]:
        sender = socket(last["src_ip"], last["src_port"])
        return say("{sender} sent it to {node}, not to {callee}").format(sender=sender, node=came_to, callee=callee)
    return say("none was seen on its way to {callee}, the last went to {node}").format(callee=callee, node=came_to)


def _without_tags(rows: list[Row], say: Say) -> list[str]:
    """Requests within the dialog without a tag, once each method."""
    tagged = any(row["to_tag"] for row in rows if row["method"] == "INVITE" and 200 <= (row["status"] or 0) < 300)
    seen: dict[str, str] = {}
    for row in rows if tagged else []:
        if row["status"] is not None or row["method"] not in _WITHIN_DIALOG:
            continue
        if row["method"] == "ACK" and row["transaction"] is not None:
            continue
        lacks = [name for name, tag in (("From", row["from_tag"]), ("To", row["to_tag"])) if not tag]
        if lacks:
            text = say("{request} has no {tags} tag (RFC 3261 §12.2.1.1)")
            tags = say(" and no ").join(lacks)
            seen.setdefault(row["method"], text.format(request=_the(row, say), tags=tags))
    return list(seen.values())


def _reliable(rows: list[Row], say: Say) -> list[str]:
    """Reliable 1xx that went on being sent after a PRACK for them (RFC 3262 §3)."""
    copies: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    pracks: dict[tuple[Any, ...], Row] = {}
    found = []
    for row in rows:
        if row["method"] == "INVITE" and row["rseq"] is not None and 100 < (row["status"] or 0) < 200:
            key = (row["call_id"], row["from_tag"], row["to_tag"], row["rseq"])
            if key in pracks:
                copies[key, row["transaction"]].append(row)
        elif row["method"] == "PRACK" and row["status"] is None and (row["rack"] or "").split()[:1]:
            number = row["rack"].split()[0]
            if number.isdigit():
                pracks.setdefault((row["call_id"], row["from_tag"], row["to_tag"], int(number)), row)
    told = set()
    for (key, _), again in copies.items():
        if len(again) >= _COPIES and key not in told:
            told.add(key)
            text = say(
                "the {status} with RSeq {rseq} was sent {n} times more after its PRACK (frame {frame}): "
                "no PRACK reached its sender"
            )
            frame = pracks[key]["frame"]
            found.append(text.format(status=again[0]["status"], rseq=key[3], n=len(again), frame=frame))
    return found
