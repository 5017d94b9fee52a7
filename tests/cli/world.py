"""A small capture as tables, and a Capture over it.

Two calls, a registration, an OPTIONS, a subscription and a stray ACK::

    call 1 (key 10)   +49301234567 -> alice, two legs (a1, a2) over 10.0.0.9, answered; message 12 is a duplicate of 10
    call 2 (key 20)   bob -> +49309999999, busy
    registration 30   carol: REGISTER 401, REGISTER 200 (transactions 30, 32)
    transaction 40    OPTIONS from 10.0.0.7, 404
    dialog 60         SUBSCRIBE of dave
    message 70        an ACK to a 2xx of nobody's call
"""

from __future__ import annotations

from typing import Any

import polars as pl

from analyzer import schema
from analyzer.api import filters
from analyzer.diagnose.blind_spots import blind_spots
from analyzer.errors import AmbiguousCall, NotFound
from analyzer.measure.measures import measure
from analyzer.show.summary import summary

START = 1_714_557_600_000_000_000  # 2024-05-01T10:00:00Z
HOUR = 3_600_000_000_000


def frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """A table with these cells; booleans are false and all else missing where not given. Times: ns after START."""
    kinds = schema.TABLES[table].polars()
    columns = []
    for column in schema.TABLES[table].columns:
        cells = [row.get(column.name, False if column.type == "bool" else None) for row in rows]
        if column.type == "time":
            cells = [None if cell is None else START + cell for cell in cells]
            columns.append(pl.Series(column.name, cells, dtype=pl.Int64).cast(kinds[column.name]))
        else:
            columns.append(pl.Series(column.name, cells, dtype=kinds[column.name]))
    return pl.DataFrame(columns)


def message(key: int, at: int, source: str, target: str, what: str, call_id: str, **cells: Any) -> dict[str, Any]:
    """One row of ``messages``; ``what`` is a method, or a status and the method it answers."""
    status, _, method = what.rpartition(" ")
    return {
        "message": key,
        "file": "a.pcap",
        "frame": key,
        "time": at,
        "first_byte_at": at,
        "src_ip": source,
        "src_port": 5060,
        "dst_ip": target,
        "dst_port": 5060,
        "transport": "udp",
        "method": method,
        "status": int(status) if status else None,
        "call_id": call_id,
        "complete": True,
        **cells,
    }


def transaction(key: int, at: int, method: str, status: int | None, call_id: str, **cells: Any) -> dict[str, Any]:
    """One row of ``transactions``."""
    return {
        "transaction": key,
        "started_at": at,
        "method": method,
        "status": status,
        "call_id": call_id,
        "outcome": "completed" if status else "timeout",
        **cells,
    }


def tables() -> dict[str, pl.DataFrame]:
    """All tables of the capture; those that nothing here looks into are empty."""
    ms = 1_000_000
    a1 = {
        "call": 10,
        "from_uri": "sip:+49-30-1234567@home",
        "to_uri": "sip:alice@home",
        "request_uri": "sip:alice@home",
    }
    b1 = {"call": 20, "from_uri": "sip:bob@home", "to_uri": "tel:+49309999999", "request_uri": "tel:+49309999999"}
    carol = {"from_uri": "sip:carol@home", "to_uri": "sip:carol@home"}
    messages = [
        message(10, 0, "10.0.0.1", "10.0.0.9", "INVITE", "a1", transaction=10, has_sdp=True, **a1),
        message(12, 0, "10.0.0.1", "10.0.0.9", "INVITE", "a1", duplicate=True, original=10),
        message(11, 2 * ms, "10.0.0.9", "10.0.0.2", "INVITE", "a2", transaction=11, **a1),
        message(13, 900 * ms, "10.0.0.2", "10.0.0.9", "200 INVITE", "a2", transaction=11, **a1),
        message(14, 901 * ms, "10.0.0.9", "10.0.0.1", "200 INVITE", "a1", transaction=10, reason_phrase="OK", **a1),
        message(15, 950 * ms, "10.0.0.1", "10.0.0.9", "ACK", "a1", dialog=10, **a1),
        message(20, HOUR, "10.0.0.3", "10.0.0.9", "INVITE", "b1", transaction=20, **b1),
        message(
            21,
            HOUR + 5 * ms,
            "10.0.0.9",
            "10.0.0.3",
            "486 INVITE",
            "b1",
            transaction=20,
            reason_phrase="Busy Here",
            **b1,
        ),
        message(30, 2 * HOUR, "10.0.0.5", "10.0.0.9", "REGISTER", "r1", transaction=30, **carol),
        message(31, 2 * HOUR + ms, "10.0.0.9", "10.0.0.5", "401 REGISTER", "r1", transaction=30, **carol),
        message(32, 2 * HOUR + 2 * ms, "10.0.0.5", "10.0.0.9", "REGISTER", "r1", transaction=32, **carol),
        message(33, 2 * HOUR + 3 * ms, "10.0.0.9", "10.0.0.5", "200 REGISTER", "r1", transaction=32, **carol),
        message(40, 3 * HOUR, "10.0.0.7", "10.0.0.9", "OPTIONS", "o1", transaction=40, from_uri="sip:probe@x"),
        message(41, 3 * HOUR + ms, "10.0.0.9", "10.0.0.7", "404 OPTIONS", "o1", transaction=40, from_uri="sip:probe@x"),
        message(
            60, 4 * HOUR, "10.0.0.6", "10.0.0.9", "SUBSCRIBE", "s1", transaction=60, dialog=60, from_uri="sip:dave@x"
        ),
        message(70, 5 * HOUR, "10.0.0.8", "10.0.0.9", "ACK", "z1", from_uri="sip:erin@x"),
    ]
    transactions = [
        transaction(10, 0, "INVITE", 200, "a1", call=10, client_ip="10.0.0.1", client_port=5060),
        transaction(11, 2 * ms, "INVITE", 200, "a2", call=10),
        transaction(20, HOUR, "INVITE", 486, "b1", call=20),
        transaction(30, 2 * HOUR, "REGISTER", 401, "r1"),
        transaction(32, 2 * HOUR + 2 * ms, "REGISTER", 200, "r1"),
        transaction(40, 3 * HOUR, "OPTIONS", 404, "o1"),
        transaction(60, 4 * HOUR, "SUBSCRIBE", None, "s1"),
    ]
    calls = [
        {
            "call": 10,
            "no": 1,
            "reference": 10,
            "caller": "+49301234567",
            "callee": "alice@home",
            "started_at": 0,
            "outcome": "answered",
            "status": 200,
            "reason_phrase": "OK",
            "pdd_s": 0.9,
            "setup_s": 0.901,
            "answered_at": 901 * ms,
            "call_ids": ["a1", "a2"],
            "hops": 2,
            "legs": 2,
            "retransmissions": 0,
        },
        {
            "call": 20,
            "no": 2,
            "reference": 20,
            "caller": "bob@home",
            "callee": "+49309999999",
            "started_at": HOUR,
            "outcome": "busy",
            "status": 486,
            "reason_phrase": "Busy Here",
            "call_ids": ["b1"],
            "hops": 1,
            "legs": 1,
        },
    ]
    registration = {
        "registration": 30,
        "aor": "sip:carol@home",
        "started_at": 2 * HOUR,
        "outcome": "registered",
        "status": 200,
        "challenges": 1,
        "call_id": "r1",
        "kind": "initial",
        "delay_s": 0.003,
    }
    rows: dict[str, list[dict[str, Any]]] = {
        "files": [
            {"file": "a.pcap", "point": "core", "packets": 20, "first_at": 0, "last_at": 5 * HOUR},
            {"file": "b.pcap", "point": "core", "packets": 3},
        ],
        "messages": messages,
        "transactions": transactions,
        "dialogs": [
            {"dialog": 10, "usage": "invite", "call_id": "a1", "state": "confirmed", "call": 10},
            {"dialog": 60, "usage": "subscribe", "call_id": "s1", "state": "early"},
        ],
        "calls": calls,
        "registrations": [registration],
        "call_failures": [{"call": 20, "on_behalf_of": "user", "status": 486, "message": 20}],
        "problems": [
            {"problem": 1, "code": "sip_utf8_invalid", "layer": "sip", "file": "a.pcap", "frame": 20, "detail": "From"},
            {"problem": 2, "code": "tcp_bytes_missing", "layer": "tcp", "file": "b.pcap", "frame": 1, "detail": "3"},
        ],
        "account": [
            {"layer": "sip", "reason": "message", "packets": 16},
            {"layer": "udp", "reason": "not_sip_rtp", "packets": 7},
        ],
    }
    return {name: frame(name, rows.get(name, [])) for name in schema.TABLES}


class Found:
    """What ``Capture.call`` and ``Capture.message`` return, as far as the command looks."""

    def __init__(self, row: dict[str, Any], text: bytes = b"", tree: object = None) -> None:
        self.row = row
        self.text = self.without_secrets = text
        self.tree = tree


class Capture:
    """The API of ``analyzer.api.capture.Capture`` over given tables."""

    def __init__(
        self, held: dict[str, pl.DataFrame], *, damaged: bool = False, texts: dict[int, bytes] | None = None
    ) -> None:
        self.held = held
        self.damaged = damaged
        self.known = texts or {}

    @property
    def source(self) -> Capture:
        """It is its own source of tables."""
        return self

    @property
    def messages_read(self) -> int:
        return self.held["messages"].height

    def table(self, name: str) -> pl.DataFrame:
        return self.held[name]

    def table_around(self, call: int, name: str) -> pl.DataFrame:
        return self.held[name]

    def problem_count(self) -> int:
        return self.held["problems"].height

    def measure(self, name: str, **how: str | None) -> pl.DataFrame:
        return measure(name, self.held.get, **how)

    def summary(self, *, tz: str, width: int, language: str) -> str:
        return summary(self.held, tz=tz, width=width, language=language)

    def blind_spots(self) -> list[str]:
        return [spot.sentence for spot in blind_spots(self.held)]

    def filter(self, chosen: filters.Filter) -> Capture:
        return Capture(filters.apply(chosen, self.held), damaged=self.damaged, texts=self.known)

    def call(self, which: int | str) -> Found:
        calls = self.held["calls"]
        same = pl.col("no") == which if isinstance(which, int) else pl.col("call_ids").list.contains(which)
        rows = calls.filter(same).to_dicts()
        if not rows:
            raise NotFound(f"no call {which!r}")
        if len(rows) > 1:
            raise AmbiguousCall(str(which), [row["no"] for row in rows])
        return Found(rows[0])

    def shown_call_id(self, call_id: str) -> str:
        return call_id

    def message(self, key: int) -> Found:
        if key not in self.known:
            raise NotFound(f"no message {key}")
        return Found({}, self.known[key], {"headers": [("Via", "SIP/2.0/UDP x"), ("From", "<sip:a@b>;tag=1")]})

    def texts(self, keys: list[int]) -> list[bytes]:
        if unknown := [key for key in keys if key not in self.known]:
            raise NotFound(f"no message {unknown[0]}")
        return [self.known[key] for key in keys]
