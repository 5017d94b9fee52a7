"""What no single message says: silence, no response, holds, forks, transfers, a change of the media."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from analyzer.show.text import SHORT_TAG, duration, fit, safe
from analyzer.show.timeline.messages import Drawn
from analyzer.show.timeline.model import Event, Heard, Hold, Mark

SILENCE_NS = 10_000_000_000
"""Nothing on any hop for so long is told as silence: longer than the retransmissions of Timer A and E are apart until
their last steps (RFC 3261 §17.1.1.2, §17.1.2.2)."""

_UNANSWERED = {
    "timeout": ("no_response", "no response seen"),
    "provisional_only": ("no_response", "no final response seen"),
    "pending": ("pending", "no response before the capture ended"),
    "transport_error": ("transport_error", "refused by the network or the host (ICMP, TCP reset or SCTP abort)"),
}
_BURST = 4  # copies: with T1 = 500 ms a request is sent a fourth time after 3.5 s (RFC 3261 §17.1.1.2)


def unanswered(observations: list[dict[str, Any]], drawn: Drawn, transactions: list[dict[str, Any]]) -> list[Mark]:
    """Requests without an answer, and what had to be sent again and again before one came."""
    lanes = list(drawn.lanes)
    outcomes = {row["transaction"]: row["outcome"] for row in transactions if row["outcome"] in _UNANSWERED}
    last = {row["transaction"]: row["at"] for row in observations}
    said: dict[int, tuple[int, str]] = {}
    for row in observations:
        key = row["transaction"]
        if key in outcomes and row["status"] is None and row["method"] != "ACK":
            said.setdefault(drawn.event_of[row["message"]], (key, outcomes.pop(key)))
    marks = []
    for number, event in enumerate(drawn.events):
        if number not in said and event.copies < _BURST:
            continue
        sent = ""
        if event.copies > 1:
            within = duration(event.last_at - event.at) if event.at is not None and event.last_at is not None else ""
            sent = f"sent {event.copies} times{f' in {within}' if within else ''}"
        key, outcome = said.get(number, (None, ""))
        kind, sentence = _UNANSWERED.get(outcome, ("resent", ""))
        at = event.last_at if key is None else last[key]
        told = ", ".join(part for part in (sentence, sent) if part)
        marks.append(Mark(kind, at, f"{event.what} to {lanes[event.target]}: {told}"))
    return marks


def tables_tell(
    dialogs: list[dict[str, Any]],
    holds: tuple[Hold, ...],
    offers: list[dict[str, Any]],
    over_at: int | None,
    streams: tuple[Heard, ...] = (),
) -> list[Mark]:
    """What the tables beside the messages tell of a call that was over at some time: forks, holds, media."""
    return [*_forks_over(dialogs), *_held(holds, over_at), *_media(offers, holds), *_began_and_ended(streams)]


def _forks_over(dialogs: list[dict[str, Any]]) -> list[Mark]:
    """How those branches ended that did not become the call."""
    invites = [row for row in dialogs if row["usage"] == "invite"]
    lost = [row for row in invites if row["end_reason"] in ("forked_away", "cancelled") and row["ended_at"] is not None]
    return [
        Mark("fork", row["ended_at"], f"branch tag={fit(safe(row['remote_tag'] or '?'), SHORT_TAG)} given up")
        for row in lost
        if len(invites) > 1
    ]


#: The lane of a row of ``messages``, by ``src`` or ``dst``.
LaneOf = Callable[[dict[str, Any], str], str]


def transfers(observations: list[dict[str, Any]], lane_of: LaneOf, fragments: Mapping[int, str]) -> list[Mark]:
    """What REFER asks for (RFC 3515), what NOTIFY tells of it, and whose place an INVITE takes (RFC 3891)."""
    marks = []
    told = set()
    for row in observations:
        if row["status"] is not None or row["method"] not in ("REFER", "NOTIFY", "INVITE"):
            continue
        hop = (row["method"], row["call_id"], row["from_tag"], row["cseq"])
        if hop in told:
            continue
        text = ""
        if row["method"] == "REFER" and row["refer_to"]:
            # Refer-To with a Replaces inside: the two calls exist already (RFC 5589 §7).
            kind = "attended transfer" if "replaces=" in unquote(row["refer_to"]).lower() else "transfer"
            target = row["refer_to"].partition("<")[2].partition(">")[0] or row["refer_to"]
            text = f"{kind} to {target.partition('?')[0]} asked for by {lane_of(row, 'src')}"
        elif row["method"] == "NOTIFY" and row["message"] in fragments:
            text = f"transfer: {fragments[row['message']].removeprefix('SIP/2.0 ')}"
        elif row["method"] == "INVITE" and row["replaces"]:
            text = f"takes the place of call {row['replaces'].partition(';')[0]}"
        if text:
            told.add(hop)
            marks.append(Mark("transfer", row["at"], text))
    return marks


def holds_of(rows: list[dict[str, Any]]) -> tuple[Hold, ...]:
    """Rows of ``holds``, times in nanoseconds, in order of time."""
    held = [
        Hold(row["media"] or "media", row["held_by"] or "", row["started_at"], row["ended_at"])
        for row in rows
        if row["started_at"] is not None
    ]
    return tuple(sorted(held, key=lambda hold: (hold.started_at, hold.media, hold.held_by)))


_MOST_STREAMS = 4
"""Streams of a call that are drawn: both ways on two legs."""


def heard_of(rows: list[dict[str, Any]]) -> tuple[Heard, ...]:
    """Rows of ``streams``, times in nanoseconds: those of most packets, in order of time."""
    timed = [row for row in rows if row["first_at"] is not None and row["last_at"] is not None]
    most = sorted(timed, key=lambda row: (-row["packets"], row["first_at"], row["stream"]))[:_MOST_STREAMS]
    heard = []
    for row in sorted(most, key=lambda row: (row["first_at"], row["stream"])):
        what = " ".join(word for word in (row["media"] or "media", row["codec"]) if word)
        by = f" of the {row['sent_by']}" if row["sent_by"] else ""
        came = [f"{row['packets']:,} packets", f"{row['loss']:.1%} lost"]
        came += [f"MOS {row['mos']:.1f}"] if row["mos"] is not None else []
        heard.append(Heard(row["sent_by"] or "", f"{what}{by}", ", ".join(came), row["first_at"], row["last_at"]))
    return tuple(heard)


def _began_and_ended(streams: tuple[Heard, ...]) -> list[Mark]:
    marks = []
    for stream in streams:
        marks.append(Mark("stream", stream.started_at, f"{stream.what} begins"))
        lasted = duration(stream.ended_at - stream.started_at)
        marks.append(Mark("stream", stream.ended_at, f"{stream.what} ends after {lasted}: {stream.came}"))
    return marks


def _held(holds: tuple[Hold, ...], over_at: int | None) -> list[Mark]:
    """A hold that lasts until the call is over was never resumed."""
    marks = []
    for hold in holds:
        by = "" if hold.held_by == "unknown" else f" by {'both sides' if hold.held_by == 'both' else hold.held_by}"
        marks.append(Mark("hold", hold.started_at, f"{hold.media} on hold{by}"))
        if hold.ended_at is not None and (over_at is None or hold.ended_at < over_at):
            marks.append(
                Mark("resume", hold.ended_at, f"{hold.media} resumed after {duration(hold.ended_at - hold.started_at)}")
            )
    return marks


def _media(offers: list[dict[str, Any]], holds: tuple[Hold, ...]) -> list[Mark]:
    """What was agreed first, and what changed with each answer; a direction that a hold explains is not told again.

    An offer that a final response refused, or that went down with a call that failed, is told by that response.
    """
    turned = {(hold.media, at) for hold in holds for at in (hold.started_at, hold.ended_at)}
    agreed: dict[tuple[object, ...], tuple[str, str]] = {}
    marks = []
    for row in sorted(offers, key=lambda row: (row["answered_at"] or row["offered_at"] or 0, row["dialog"] or 0)):
        media, at, state = row["media"] or "media", row["answered_at"], row["state"]
        if state == "unanswered" and 200 <= (row["status"] or 0) < 300:
            marks.append(Mark("media", row["offered_at"], f"{media}: this offer has no answer"))
        if at is None or state not in ("agreed", "rejected", "removed"):
            continue
        line = (row["dialog"], row["index"])
        now = (row["codecs"] or "", row["direction"] or "") if state == "agreed" else ("", state)
        before = agreed.get(line)
        agreed[line] = now
        if now == before or (before is not None and now[0] == before[0] and (media, at) in turned):
            continue
        if state != "agreed":
            marks.append(Mark("media", at, f"{media} {state}"))
        elif before is None or not before[0]:
            marks.append(Mark("media", at, f"{media} agreed: {' '.join(now).strip()}"))
        else:
            pairs = zip(now, before, strict=True)
            changes = ", ".join(f"{new or 'none'} (was {old or 'none'})" for new, old in pairs if new != old)
            marks.append(Mark("media", at, f"{media} now {changes}"))
    return marks


def silences(events: list[Event], observations: list[dict[str, Any]]) -> list[Mark]:
    """Between one event and all that was captured before it, also what is folded."""
    times = sorted(row["at"] for row in observations if row["at"] is not None)
    silent = {at: before for before, at in pairwise(times) if at - before >= SILENCE_NS}
    return [
        Mark("silence", silent[event.at], f"{duration(event.at - silent[event.at])} of silence")
        for event in events
        if event.at in silent
    ]
