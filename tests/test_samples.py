"""Every sample capture against the truth that its script worked out: all rows, every value, every delay exact."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import captures
import polars as pl
import pytest
from places import SAMPLES

from analyzer import Capture

TRUTHS = sorted((SAMPLES / "truth").glob("*.json"))
Row = dict[str, Any]

# What a truth row calls by one name and the table by two.
_PAIRS = {
    "src": ("src_ip", "src_port"),
    "dst": ("dst_ip", "dst_port"),
    "client": ("client_ip", "client_port"),
    "server": ("server_ip", "server_port"),
}
# Rows of a table come in its own order; truth rows in that of the script. Sorted by these they compare.
_ORDER = {
    "messages": ("frame",),
    "transactions": ("call_id", "method", "cseq", "branch"),
    "dialogs": ("call_id", "local_tag", "remote_tag"),
    "calls": ("call_ids",),
    "registrations": ("started_at", "aor"),
    "offers": ("offered_at",),
    "holds": ("started_at",),
    "call_failures": ("address",),
    "sms": ("submitted_at",),
    "subscriptions": ("started_at", "package"),
    "publications": ("published_at",),
    "services": ("started_at", "service", "detail"),
    "diameter_transactions": ("frame",),
    "dns": ("frame",),
    "streams": ("sent_by",),
    "dtmf": ("started_at",),
    "call_media": ("media",),
    "rtcp_reports": ("first_at",),
}


def capture_of(truth: Path) -> Path:
    return next(path for path in captures.SAMPLE_FILES if path.stem == truth.stem)


@cache
def told(truth: Path) -> Row:
    return json.loads(truth.read_text())


def read(truth: Path) -> Capture:
    return captures.read(capture_of(truth))


def rows_of(truth: Path, table: str, names: list[str]) -> list[Row]:
    """The rows of our table in the columns and spelling of the truth."""
    frame = read(truth).table(table)
    frame = frame.with_columns(
        pl.concat_str(_host(pl.col(ip)), pl.col(port).cast(pl.String), separator=":").alias(name)
        for name, (ip, port) in _PAIRS.items()
        if {ip, port} <= set(frame.columns)
    )
    times = [name for name in names if frame.schema[name] == pl.Datetime("ns", "UTC")]
    spelled = pl.col(times).dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ")
    return frame.with_columns(spelled).select(names).to_dicts() if times else frame.select(names).to_dicts()


def _host(ip: pl.Expr) -> pl.Expr:
    """As in a URI: IPv6 in brackets (RFC 3986 §3.2.2)."""
    return pl.when(ip.str.contains(":", literal=True)).then(pl.format("[{}]", ip)).otherwise(ip)


def sorted_rows(table: str, rows: list[Row]) -> list[Row]:
    def place(row: Row) -> list[Any]:
        return [row[name] if name == "frame" else str(row.get(name)) for name in _ORDER[table]]

    return sorted(rows, key=place)


TOLD = [(truth, table) for truth in TRUTHS for table in _ORDER if table in told(truth)]


@pytest.mark.parametrize(("truth", "table"), TOLD, ids=[f"{truth.stem}-{table}" for truth, table in TOLD])
def test_a_sample_reads_as_it_was_made(truth: Path, table: str) -> None:
    rows = told(truth)[table]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        assert read(truth).table(table).is_empty()
        return
    ours = sorted_rows(table, rows_of(truth, table, names))
    theirs = sorted_rows(table, rows)
    assert len(ours) == len(theirs)
    for mine, true in zip(ours, theirs, strict=True):
        differing = {name: (mine[name], true[name]) for name in true if mine[name] != true[name]}
        assert differing == {}, {name: true[name] for name in _ORDER[table]}


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda path: path.stem)
def test_every_packet_is_accounted_for(truth: Path) -> None:
    capture = read(truth)
    in_account, in_files = (capture.table(name)["packets"].sum() for name in ("account", "files"))
    assert in_account == in_files == told(truth)["packets"]
