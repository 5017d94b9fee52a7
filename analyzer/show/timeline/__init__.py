"""The story of one call: what every ladder draws, whatever it is drawn with.

::

    messages ----------------> events    one message on one hop; what its sender sent again is folded into it
    row of calls, dialogs ---> phases    setup, ringing, talk, release
    holds -------------------> holds     who held which media, from when to when
    streams -----------------> streams   whose media were captured, from when to when, and how they came
    transactions, offers, ---> marks     what no single message says: silence, no response, a broken transport,
    REFER, NOTIFY, Replaces              a hold, a change of the media, a transfer

A lane is a host; a host that talks to itself (several nodes on one machine) has a lane for each of its ports. A
duplicate of the capture is counted, never drawn. Times are nanoseconds since 1970. The same tables always give the
same timeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from analyzer.show.timeline.beside import asked_beside
from analyzer.show.timeline.marks import heard_of, holds_of, silences, tables_tell, transfers, unanswered
from analyzer.show.timeline.messages import COLUMNS, captions_of, draw, known_nodes, of_lanes, on_hop
from analyzer.show.timeline.model import (
    MOST_LANES,
    NO_ADDRESS,
    Event,
    Heard,
    Hold,
    Mark,
    Phase,
    Timeline,
    Tone,
    bounded,
)

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "MOST_LANES",
    "NO_ADDRESS",
    "Event",
    "Heard",
    "Hold",
    "Mark",
    "Phase",
    "Timeline",
    "Tone",
    "bounded",
    "heard_of",
    "holds_of",
    "tables_tell",
    "timeline",
    "transfers",
]


def timeline(
    messages: pl.DataFrame,
    *,
    reference: int | None = None,
    call: pl.DataFrame | None = None,
    transactions: pl.DataFrame | None = None,
    dialogs: pl.DataFrame | None = None,
    holds: pl.DataFrame | None = None,
    offers: pl.DataFrame | None = None,
    streams: pl.DataFrame | None = None,
    endpoints: pl.DataFrame | None = None,
    related_transactions: pl.DataFrame | None = None,
    fragments: Mapping[int, str] | None = None,
) -> Timeline:
    """The story these messages (rows of the table ``messages``, duplicates too) tell.

    With ``reference``, the key of a transaction, only what passed between the two hosts of that transaction. ``call``
    and the other frames are the call's rows of ``calls`` and those tables; each that is given tells more.
    ``endpoints`` may have rows of others; ``related_transactions`` are exchanges of Diameter and DNS, which get lanes
    of their own.
    ``fragments`` are the start lines in message/sipfrag bodies by the key of their NOTIFY (RFC 3515 §2.4.5).
    """
    import polars as pl

    ordered = messages.sort("time", nulls_last=True, maintain_order=True)
    rows = ordered.select(*COLUMNS, at=pl.col("time").cast(pl.Int64)).to_dicts()
    if reference is not None:
        rows = on_hop(rows, reference)
    observations = [row for row in rows if not row["duplicate"]]
    known = known_nodes(endpoints)
    branches = _records(dialogs)
    phases = phases_of(_records(call), branches, observations)
    latest = [(number, phase.started_at) for number, phase in enumerate(phases)][::-1]

    def phase_of(at: int | None) -> int | None:
        return None if at is None else next((number for number, begun in latest if begun is None or begun <= at), None)

    drawn = draw(observations, known, phase_of)
    held, heard = holds_of(_records(holds)), heard_of(_records(streams))
    over_at = next((phase.started_at for phase in phases if phase.name == "release"), None)
    marks = [
        *unanswered(observations, drawn, _records(transactions)),
        *transfers(observations, drawn.lane_of, fragments or {}),
        *tables_tell(branches, held, _records(offers), over_at, heard),
        *silences(drawn.events, observations),
    ]
    captions = captions_of(observations, drawn, known)
    roles = of_lanes(drawn, known, "role")
    asked = asked_beside(_records(related_transactions), observations, drawn)
    return Timeline(
        lanes=tuple(drawn.lanes | asked.lanes),
        rows=_in_order(
            *drawn.events,
            *(replace(event, phase=phase_of(event.at)) for event in asked.events),
            *(replace(mark, phase=phase_of(mark.at)) for mark in marks),
        ),
        retransmissions=sum(row["retransmission"] for row in observations),
        duplicates=len(rows) - len(observations),
        phases=phases,
        holds=held,
        streams=heard,
        captions=(*captions, *asked.peers),
        roles=(*roles, *asked.peers),
        call_ids=tuple(dict.fromkeys(event.call_id for event in drawn.events)),
    )


def _records(frame: pl.DataFrame | None) -> list[dict[str, Any]]:
    """The rows of a table, times as nanoseconds."""
    import polars as pl
    import polars.selectors as cs

    return [] if frame is None else frame.with_columns(cs.temporal().cast(pl.Int64)).to_dicts()


_JOINED = (("talk", None), ("release", "ended_at"))
_BEGUN = (("setup", "started_at"), ("ringing", "ringing_at"), ("talk", "answered_at"), ("release", "ended_at"))


def phases_of(
    calls: list[dict[str, Any]], dialogs: list[dict[str, Any]], observations: list[dict[str, Any]]
) -> tuple[Phase, ...]:
    """From the times of the call; outside calls from those of the one dialog there is."""
    if not calls:
        if len(dialogs) != 1 or dialogs[0]["confirmed_at"] is None:
            return ()
        (one,) = dialogs
        return (Phase("dialog" if one["usage"] == "invite" else "subscription", one["confirmed_at"], one["ended_at"]),)
    call = calls[0]
    # A call that was running when the capture began talks from before it on.
    bounds = _JOINED if call["outcome"] == "joined" else _BEGUN
    begun = [(name, call[column] if column else None) for name, column in bounds]
    begun = [(name, at) for name, at in begun if at is not None or name == bounds[0][0]]
    if begun[0] == ("setup", None):
        return ()
    # Of two that begin at once the earlier one never was: answered without ringing.
    begun = [(name, at) for (name, at), (_, after) in pairwise([*begun, ("", None)]) if at is None or at != after]
    times = [row["at"] for row in observations if row["at"] is not None]
    end = max(times) if times and begun[-1][0] == "release" else None
    ends = [*(at for _, at in begun[1:]), end]
    return tuple(Phase(name, at, until) for (name, at), until in zip(begun, ends, strict=True))


def _in_order(*rows: Event | Mark) -> tuple[Event | Mark, ...]:
    """Events, and behind those of the same time the marks, silence last; what has no time comes at the end."""

    def place(row: Event | Mark) -> tuple[bool, int, int]:
        rank = 0 if isinstance(row, Event) else 2 if row.kind == "silence" else 1
        return (row.at is None, row.at or 0, rank)

    return tuple(sorted(rows, key=place))
