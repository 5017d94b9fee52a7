"""Builds a ``messages`` frame, as the core hands it to the stages, from a dialogue that can be read::

    UAC -> P    INVITE cseq=1 branch=a from_tag=x             @0.000
    P   -> UAC  100 INVITE branch=a                           @0.010
    P   -> UAS  INVITE branch=b,a                             @0.020
    UAS -> P    180 INVITE branch=b,a to_tag=y                @0.500
    P   -> UAC  180 INVITE branch=a to_tag=y                  @0.510

- A line is one message; the key of a message is its number, from 1. Blank lines and lines that start with ``#`` do
  not count.
- Nodes are addresses: ``UAC`` has the address ``UAC`` and port 5060, ``UAC:5062`` says another port.
- A request is ``METHOD``, a response ``STATUS METHOD``; then ``name=value`` for any column of ``messages`` or of the
  core's own (``reason_header='SIP;cause=200'``), or the bare name of a boolean column (``challenge``).
- ``branch=b,a`` is the Via stack, the topmost first; it gives via_branch, via_count, _via and _via_rest. Default:
  ``z<cseq>``.
- ``@1.5`` is the time in seconds after the capture's start, ``@1.2..1.5`` a message whose packets came from 1.2 to
  1.5, ``@-`` a message without a time. Rows keep the order of the lines.
- ``sdp=KEY`` gives it the session description of that key (see ``descriptions``); ``has_sdp`` alone says that media may
  flow both ways, and no more.
- Defaults: call_id=call, cseq=1, from_tag=x, no To tag, transport=udp. ``from_tag=-`` means missing, as for every
  column.
- transaction, retransmission and the hashes are filled as the core fills them; ``original=3`` makes a message a
  duplicate of 3.
"""

from __future__ import annotations

import hashlib
import shlex
from typing import Any

import polars as pl

from analyzer import schema

START_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z

COLUMNS: dict[str, Any] = {
    name: kind
    for name, kind in (schema.MESSAGES.polars() | schema.CORE_ONLY.polars()).items()
    if name not in ("dialog", "call")
}
_REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    302: "Moved Temporarily",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}
# What a packet's own circumstances say; all else must be equal for a message to be one sent again (RFC 3261 §17).
_OF_THE_PACKET = ("message", "frame", "time", "first_byte_at", "retransmission", "duplicate", "original", "transaction")


def at(seconds: float) -> int:
    """The time ``seconds`` after the capture's start, in ns since 1970."""
    return START_NS + round(seconds * 1_000_000_000)


def messages(dialogue: str) -> pl.DataFrame:
    """The ``messages`` frame of a dialogue: all columns of the core, without ``dialog`` and ``call``."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(_lines(dialogue), start=1):
        rows.append(_message(line, number))
    _mark_retransmissions(rows)
    _assign_transactions(rows)
    return pl.DataFrame(rows, schema=COLUMNS)


def failures(text: str = "") -> pl.DataFrame:
    """The ``failures`` frame of lines ``SRC -> DST icmp_unreachable transport=udp @1.0``.

    The way is that of the packet that failed; for a TCP reset or an SCTP ABORT that of the reset itself.
    """
    rows = []
    for line in _lines(text):
        src, dst, (kind, *words), time = _split(line)
        row: dict[str, Any] = dict.fromkeys(schema.FAILURES.names)
        row |= _flow(src, dst) | {"kind": kind, "transport": "udp", "time": _times(time)[1]}
        row |= dict(word.split("=", 1) for word in words)
        rows.append(row)
    return pl.DataFrame(rows, schema=schema.FAILURES.polars())


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def _split(line: str) -> tuple[str, str, list[str], str]:
    src, arrow, dst, *words = shlex.split(line)
    if arrow != "->" or not words or not words[-1].startswith("@"):
        raise ValueError(f"not 'SRC -> DST ... @time': {line}")
    return src, dst, words[:-1], words[-1][1:]


def _message(line: str, number: int) -> dict[str, Any]:
    src, dst, words, time = _split(line)
    status = int(words.pop(0)) if words[0].isdigit() else None
    row: dict[str, Any] = {name: (False if kind == pl.Boolean else None) for name, kind in COLUMNS.items()}
    row |= _flow(src, dst) | {
        "message": number,
        "file": "dialogue",
        "frame": number,
        "byte_offset": 0,
        "length": 500,
        "point": "dialogue",
        "transport": "udp",
        "method": words.pop(0),
        "status": status,
        "reason_phrase": _REASONS.get(status) if status else None,
        "request_uri": None if status else "sip:b@example.com",
        "call_id": "call",
        "from_uri": "sip:a@example.com",
        "from_tag": "x",
        "to_uri": "sip:b@example.com",
        "cseq": 1,
        "via_sent_by": (dst if status else src).lower(),
        "max_forwards": None if status else 70,
        "body_length": 0,
        "complete": True,
    }
    row["first_byte_at"], row["time"] = _times(time)
    given = dict(word.split("=", 1) if "=" in word else (word, "") for word in words)
    vias = given.pop("branch", f"z{given.get('cseq', 1)}").split(",")
    row |= {"via_branch": vias[0], "via_count": len(vias)}
    sdp = given.pop("sdp", None)
    row |= {name: _value(name, value) for name, value in given.items()}
    row |= {"has_sdp": row["has_sdp"] or sdp is not None, "_sdp": _hash("sdp", sdp) if sdp else None}
    row["_sends"] = row["has_sdp"] if "_sends" not in given else given["_sends"] != "-"
    row["duplicate"] = row["original"] is not None
    call, tags = row["call_id"], (row["from_tag"], row["to_tag"])
    hashes = {
        "_call": _hash(call),
        "_leg": _hash(call, tags[0]),
        "_dialog": _hash(call, *sorted(tags)) if None not in tags else None,
        "_via": _hash("via", *vias),
        "_via_rest": _hash("via", *vias[1:]),
    }
    return row | {name: value for name, value in hashes.items() if name not in given}


def _flow(src: str, dst: str) -> dict[str, Any]:
    (src_ip, _, src_port), (dst_ip, _, dst_port) = src.partition(":"), dst.partition(":")
    ports = {"src_port": int(src_port or 5060), "dst_port": int(dst_port or 5060)}
    return {"src_ip": src_ip, "dst_ip": dst_ip} | ports


def _times(text: str) -> tuple[int | None, int | None]:
    if text == "-":
        return None, None
    first, _, last = text.partition("..")
    return at(float(first)), at(float(last or first))


def _value(name: str, value: str) -> Any:
    if name not in COLUMNS:
        raise ValueError(f"no column {name!r} in messages")
    if value == "-":
        return None
    if COLUMNS[name] == pl.Boolean:
        return True
    return int(value) if COLUMNS[name] == pl.Int64 else value


def _hash(*parts: str | None) -> int:
    digest = hashlib.blake2b("\0".join(part or "" for part in parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def _mark_retransmissions(rows: list[dict[str, Any]]) -> None:
    seen: set[tuple[Any, ...]] = set()
    for row in rows:
        content = tuple(value for name, value in row.items() if name not in _OF_THE_PACKET)
        row["retransmission"] = row["retransmission"] or (content in seen and not row["duplicate"])
        seen.add(content)


def _assign_transactions(rows: list[dict[str, Any]]) -> None:
    first: dict[tuple[Any, ...], int] = {}
    refused: set[tuple[Any, ...]] = set()
    for row in rows:
        is_ack = row["method"] == "ACK"
        method = "INVITE" if is_ack else row["method"]
        key = (row["via_branch"], row["via_sent_by"], method, row["call_id"], row["cseq"])
        if is_ack and key not in refused:
            continue  # to a 2xx: of no transaction (RFC 3261 §13.2.2.4)
        if (row["status"] or 0) >= 300:
            refused.add(key)
        row["transaction"] = first.setdefault(key, row["message"])
