"""What really happened, as plain values."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class MessageRow(NamedTuple):
    """One message sent once on one hop. Times are ns since 1970 by the true clock."""

    number: int
    play: int  # calls[].play, registrations[].play or messages' own: one script played once
    call_id: str
    sender: str  # node name
    receiver: str
    reference_point: str
    method: str
    status: int | None
    cseq: int
    branch: str  # of the top Via
    sent_at: int
    received_at: int | None  # null: lost on the way
    copy: int  # 0 the first; n the n-th time sent again
    previous: int | None  # number of the message that this one was made from on the hop before, also across a B2BUA


class Observation(NamedTuple):
    """One message in one capture file."""

    number: int  # MessageRow.number
    point: str
    frame: int  # 1-based, of the packet that completed it
    time: int  # the stamp in the file, ns
    duplicate: bool  # the point saw this packet before
    complete: bool  # no packet of it was lost by the capture


@dataclass
class Truth:
    """Everything the laboratory knows.

    `calls`, `registrations`, `subscriptions`... are lists of dicts in the order of their start; `messages` and
    `observations` have a row for each message and each time it was captured (empty unless asked for). `exchanges`, of
    Diameter and DNS, are there where nodes ask beside SIP; a request has the (negative) `number`, its answer one less.
    `streams`, of media, are there where calls have some.
    """

    settings: dict[str, Any]
    nodes: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    registrations: list[dict[str, Any]] = field(default_factory=list)
    short_messages: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    streams: list[dict[str, Any]] = field(default_factory=list)
    messages: list[MessageRow] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)

    def write(self, directory: Path) -> None:
        """``truth.json``, and beside it ``messages.csv`` and ``observations.csv`` where these were kept."""
        small = {
            name: value
            for name, value in vars(self).items()
            if name not in ("messages", "observations") and (value or name not in ("exchanges", "streams"))
        }  # the long tables would make a JSON file nobody opens
        lines = [f'"{name}": {_json(value)}' for name, value in small.items()]
        (directory / "truth.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
        if self.messages:
            _write_csv(directory / "messages.csv", MessageRow._fields, self.messages)
            _write_csv(directory / "observations.csv", Observation._fields, self.observations)


def _json(value: Any) -> str:
    """JSON with one row of a list a line."""
    if isinstance(value, list) and value:
        return "[\n " + ",\n ".join(map(json.dumps, value)) + "\n]"
    return json.dumps(value)


def _write_csv(path: Path, fields: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(fields)
        writer.writerows(rows)
