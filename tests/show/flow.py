"""Messages tables from call flows as people write them down."""

from __future__ import annotations

import re

import polars as pl

from analyzer import schema

START = 1_714_557_600_000_000_000  # 2024-05-01T10:00:00Z


def messages(text: str, **columns: str | bool) -> pl.DataFrame:
    """One row a line: ``0.020 10.0.0.1 -> 10.0.0.2 180 Ringing | has_sdp retransmission branch=b2``.

    Behind the bar: columns to set true, or ``column=value``. A port may follow the address (``10.0.0.1:5070``).
    """
    rows = []
    for number, line in enumerate(text.strip().splitlines(), 1):
        front, _, marks = line.partition("|")
        seconds, source, target, what = re.fullmatch(r"\s*(\S+) +(\S+) +-> +(\S+) +(.+?)\s*", front).groups()
        status, _, reason = what.partition(" ") if what[0].isdigit() else (None, "", what)
        row = {
            "message": number,
            "file": "a.pcap",
            "frame": number,
            "time": START + round(float(seconds) * 1e9) if seconds != "-" else None,
            "transport": "udp",
            "method": "INVITE" if status else reason,
            "status": int(status) if status else None,
            "reason_phrase": reason if status else None,
            "call_id": "c1",
            "from_tag": "f",
            "cseq": 1,
            "via_branch": "b1",
            "complete": True,
            "call": 1,
            **columns,
        }
        for side, end in (("src", source), ("dst", target)):
            address, _, port = end.rpartition(":") if re.search(r"[\d\]]:\d+$", end) else (end, "", "5060")
            row |= {f"{side}_ip": address.strip("[]"), f"{side}_port": int(port)}
        for mark in marks.split():
            name, _, value = mark.partition("=")
            row[name] = (int(value) if value.isdigit() else value.replace("_", " ")) if value else True
        rows.append(row)
    return frame("messages", rows)


def frame(table: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    """A table with these cells; booleans are false and all else missing where not given."""
    columns = schema.TABLES[table].columns
    unknown = {name for row in rows for name in row} - set(schema.TABLES[table].names)
    assert not unknown, unknown
    kinds = schema.TABLES[table].polars()
    return pl.DataFrame(
        [
            pl.Series(
                column.name,
                [row.get(column.name, False if column.type == "bool" else None) for row in rows],
                dtype=pl.Int64 if column.type == "time" else kinds[column.name],
            ).cast(kinds[column.name])
            for column in columns
        ]
    )
