"""What is inside a report, read back as the browser reads it."""

from __future__ import annotations

import base64
import html
import json
import re
import struct
import zlib
from dataclasses import dataclass
from typing import Any


def data_of(page: str) -> dict[str, Any]:
    """The JSON of the page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def unpacked(data: str) -> bytes:
    return zlib.decompress(base64.b64decode(data))


def everything_in(page: str) -> str:
    """All text of a page, also what is packed."""
    data = data_of(page)
    packed = [*data["tables"].values(), *(chunk["data"] for chunks in data["ladders"].values() for chunk in chunks)]
    return html.unescape(page) + "".join(unpacked(one).decode("utf-8", "replace") for one in packed)


def table_of(page: str, name: str) -> dict[str, list[Any]]:
    """The columns of a table as lists; times as nanoseconds since 1970."""
    table = json.loads(unpacked(data_of(page)["tables"][name]))
    return {column["name"]: _values(column) for column in table["columns"]}


def _values(column: dict[str, Any]) -> list[Any]:
    if column["type"] == "time":
        second, values = 0, []
        for step, nanoseconds in zip(column["s"], column["n"], strict=True):
            second += step or 0
            values.append(None if step is None else second * 1_000_000_000 + nanoseconds)
        return values
    if "c" in column:
        return [None if code is None else column["d"][code] for code in column["c"]]
    return list(column["v"])


@dataclass(frozen=True)
class Event:
    """One event as the page has it; times in nanoseconds."""

    at: int | None
    file: str
    frame: int
    source: str
    target: str
    leg: int
    what: str
    tone: int
    sdp: bool
    info: str
    copies: int
    last_at: int | None
    text: str | None


@dataclass(frozen=True)
class Ladder:
    """The ladder of one call; ``marks`` are kind, time and text, without a text how a transaction ended."""

    lanes: list[str]
    products: list[str]
    legs: list[str] | None
    events: list[Event]
    total: int
    silent: dict[int, tuple[str, int | None]]
    marks: list[tuple[str, int | None, str]]


def ladders_of(chunk: bytes) -> dict[int, Ladder]:
    """The ladders of a packed chunk by the numbers of their calls."""
    whole = zlib.decompress(chunk)
    (length,) = struct.unpack_from("<I", whole)
    head = json.loads(whole[4 : 4 + length])
    columns = _columns(whole[4 + length :], head)
    again = {event: (copies, later) for event, copies, later in head["again"]}
    silent = {event: (outcome, later) for event, outcome, later in head["silent"]}
    frames = _frames(head, columns)
    ladders: dict[int, Ladder] = {}
    first = 0
    for place, (number, count) in enumerate(zip(head["calls"], head["events"], strict=True)):
        began = head["began"][place]
        at = began[0] * 1_000_000_000 + began[1] if began is not None else 0
        events, unanswered = [], {}
        for row in range(first, first + count):
            at += columns["seconds"][row] * 1_000_000_000 + columns["nanoseconds"][row] * head["unit"]
            time = None if columns["flags"][row] & 2 else at
            copies, later = again.get(row, (1, 0))
            if row in silent:
                outcome, late = silent[row]
                unanswered[row - first] = (outcome, None if late is None or time is None else time + late)
            events.append(
                Event(
                    at=time,
                    file=head["files"][columns["file"][row]],
                    frame=frames[row],
                    source=head["lanes"][place][columns["source"][row]],
                    target=head["lanes"][place][columns["target"][row]],
                    leg=columns["leg"][row],
                    what=head["labels"][columns["label"][row]],
                    tone=head["tones"][columns["label"][row]],
                    sdp=bool(columns["flags"][row] & 1),
                    info=head["infos"][columns["info"][row]],
                    copies=copies,
                    last_at=None if time is None or later is None else time + later,
                    text=head["texts"][row] if head["texts"] else None,
                )
            )
        start = began[0] * 1_000_000_000 + began[1] if began is not None else 0
        marks = [(kind, start + at, text) for of, at, kind, text in head["marks"] if of == place]
        ladders[number] = Ladder(
            head["lanes"][place],
            head["products"][place],
            head["legs"][place],
            events,
            head["total"][place],
            unanswered,
            marks,
        )
        first += count
    return ladders


def _frames(head: dict[str, Any], columns: dict[str, list[int]]) -> list[int]:
    """Steps from one event to the next one in time of its file."""
    times: list[float] = []
    for began, count in zip(head["began"], head["events"], strict=True):
        at = began[0] * 1_000_000_000 + began[1] if began is not None else 0
        for row in range(len(times), len(times) + count):
            at += columns["seconds"][row] * 1_000_000_000 + columns["nanoseconds"][row] * head["unit"]
            times.append(float("inf") if columns["flags"][row] & 2 else at)
    frame, frames = 0, [0] * len(times)
    for row in sorted(range(len(times)), key=lambda row: (columns["file"][row], times[row], row)):
        step = columns["frame"][row]
        frame += -(step + 1) // 2 if step & 1 else step // 2
        frames[row] = frame
    return frames


def _columns(planes: bytes, head: dict[str, Any]) -> dict[str, list[int]]:
    total = sum(head["events"])
    columns: dict[str, list[int]] = {}
    for name, width in head["planes"]:
        parts = [planes[plane * total : (plane + 1) * total] for plane in range(width)]
        planes = planes[width * total :]
        columns[name] = [sum(byte << 8 * place for place, byte in enumerate(row)) for row in zip(*parts, strict=True)]
    assert not planes
    return columns
