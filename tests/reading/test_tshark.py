"""`messages` beside what tshark sees in 64 captures of other people; each difference that is allowed says why."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import captures
import pytest
from places import SHARED, shared


def expected(path: Path) -> list[dict[str, str]]:
    with (SHARED / "captures" / "expected" / f"{path.name}.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def identity(frame: int, src: str, dst: str, what: str, call_id: str, cseq: str, branch: str) -> tuple[str, ...]:
    return (str(frame), src, dst, what, call_id, cseq, branch)


def of_tshark(row: dict[str, str]) -> tuple[str, ...]:
    return identity(
        int(row["frame"]),
        f"{row['src']}:{row['sport']}",
        f"{row['dst']}:{row['dport']}",
        row["status"] or row["method"],
        row["call_id"],
        row["cseq_num"],
        row["via_branch"],
    )


def of_ours(row: dict[str, object]) -> tuple[str, ...]:
    def text(name: str) -> str:
        return "" if row[name] is None else str(row[name])

    return identity(
        int(text("frame")),
        f"{text('src_ip')}:{text('src_port')}",
        f"{text('dst_ip')}:{text('dst_port')}",
        text("status") or text("method"),
        text("call_id"),
        text("cseq"),
        text("via_branch"),
    )


@pytest.mark.shared
def test_the_captures_are_there() -> None:
    assert len(list(shared("captures", "expected").glob("*.tsv"))) == len(captures.REAL_FILES)


@pytest.mark.parametrize("path", captures.REAL_FILES, ids=captures.name_of)
def test_messages_are_those_of_tshark(path: Path) -> None:
    rows = expected(path)
    ours = Counter(of_ours(row) for row in captures.read(path).table("messages").iter_rows(named=True))
    # SIP quoted inside an ICMP error is evidence of a failure, not traffic.
    theirs = Counter(of_tshark(row) for row in rows if ":icmp:" not in row["frame_protocols"])
    assert sorted((theirs - ours).elements()) == []
    assert sorted((ours - theirs).elements()) == []
