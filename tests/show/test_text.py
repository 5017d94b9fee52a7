"""Safe text and aligned tables."""

from __future__ import annotations

import sys
import time
import unicodedata

import polars as pl
import pytest
from flow import frame

from analyzer import schema
from analyzer.show import text, views


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain äöü 日本", "plain äöü 日本"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_safe(raw: str, shown: str) -> None:
    assert text.safe(raw) == shown


def test_no_control_or_format_character_is_shown() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = text.safe(every)
    # Unicode 15.1 and later add none outside the ranges; a newer one that Python knows would fail here.
    assert {c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")} == set()


def test_columns_are_made_safe_as_single_texts_are() -> None:
    cells = [chr(code) for code in range(0x3200) if not 0xD800 <= code < 0xE000] + [None, "", "plain"]
    column = pl.Series("c", cells)
    assert text.safe_column(column).to_list() == [None if cell is None else text.safe(cell) for cell in cells]


@pytest.mark.parametrize(("raw", "columns"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("", 0)])
def test_width(raw: str, columns: int) -> None:
    assert text.width(raw) == columns


@pytest.mark.parametrize(
    ("columns", "cut"), [(9, "日本語"), (6, "日本語"), (5, "日本…"), (4, "日…"), (1, "…"), (0, "")]
)
def test_fit_counts_columns(columns: int, cut: str) -> None:
    assert text.fit("日本語", columns) == cut


def test_lines_of_bytes() -> None:
    assert text.safe_lines(b"a\r\nb\xff\x1b\nc\r") == "a\nb\\xff\\x1b\nc"


def test_cells_line_up_beside_wide_characters() -> None:
    table = text.table(pl.DataFrame({"name": ["日本", "ab", None], "next": ["x", "x", "x"]}))
    assert table == "name  next\n日本  x\nab    x\n-     x\n"


def test_cells() -> None:
    table = pl.DataFrame(
        {
            "talk_s": [1.5, None, -0.0627],
            "status": [200, None, 7],
            "cut": [True, False, False],
            "ids": [["a", "b"], [], None],
        }
    )
    assert text.table(table).splitlines() == [
        "talk_s  status  cut  ids",
        " 1.500     200  yes  a b",
        "     -       -  no",
        "-0.063       7  no   -",
    ]


@pytest.mark.parametrize(
    ("cells", "shown"),
    [([1.5, 0.0], ["1.500", "0.000"]), ([1.5, 0.000385], ["1.500000", "0.000385"]), ([5e-8], ["0.000000050"])],
)
def test_a_column_has_as_many_decimals_as_its_shortest_duration_needs(cells: list[float], shown: list[str]) -> None:
    assert [row.strip() for row in text.table(pl.DataFrame({"pdd_s": cells})).splitlines()[1:]] == shown


def test_times_of_one_day_have_it_in_the_heading() -> None:
    moments = pl.Series("started_at", [1_714_557_600_123_456_789, None]).cast(pl.Datetime("ns", "UTC"))
    assert text.table(moments.to_frame()) == "started 2024-05-01\n10:00:00.123Z\n-\n"


def test_times_of_several_days_have_it_in_the_cells() -> None:
    moments = pl.Series("at", [1_714_557_600_000_000_000, 1_714_657_600_000_000_000]).cast(pl.Datetime("ns", "UTC"))
    assert text.table(moments.to_frame()).splitlines()[1] == "2024-05-01 10:00:00.000Z"


def test_one_day_is_one_in_the_zone_that_is_shown() -> None:
    # 10:00 and 23:00 UTC are two days in Berlin.
    moments = pl.Series("at", [1_714_557_600_000_000_000, 1_714_604_400_000_000_000]).cast(pl.Datetime("ns", "UTC"))
    assert "2024-05-02 01:00:00.000+02:00" in text.table(moments.to_frame(), tz="Europe/Berlin")


def test_colour_does_not_move_cells() -> None:
    table = pl.DataFrame({"outcome": ["answered", "busy", "timeout"], "status": [200, 486, None]})
    painted = text.table(table, colour=True)
    for code in ("\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[0m"):
        painted = painted.replace(code, "")
    assert painted == text.table(table)


@pytest.mark.parametrize("table", schema.TABLES)
def test_an_empty_table_has_its_headings(table: str) -> None:
    assert text.table(views.default(table, frame(table, []))).count("\n") == 1


def test_ipv6_endpoints_are_in_brackets() -> None:
    rows = frame(
        "messages", [{"src_ip": "::1", "src_port": 5060, "dst_ip": "10.0.0.1", "dst_port": None, "complete": True}]
    )
    assert views.default("messages", rows).select("src", "dst").row(0) == ("[::1]:5060", "10.0.0.1")


def test_fifteen_thousand_rows_are_printed_at_once() -> None:
    rows = 15_000
    calls = frame(
        "calls", [{"no": 1, "caller": "+49301234567", "callee": "alice@home", "outcome": "busy", "pdd_s": 1.2}]
    )
    many = pl.concat([calls] * rows, rechunk=True)
    text.table(views.default("calls", many), cut=44)
    begin = time.process_time()
    text.table(views.default("calls", many), cut=44)
    # Well under 0.1 s on an idle machine; the bound is for processors that others use too.
    assert time.process_time() - begin < 0.5


def test_tree() -> None:
    shown = text.tree({"headers": [("Via", "x\x1b"), ("To", None)], "body": b"v=0\r\ns=-"})
    assert shown == "headers:\n  Via: x\\x1b\n  To: -\nbody:\n  v=0\n  s=-\n"


def test_two_texts_in_a_list_are_no_name_and_value() -> None:
    assert text.tree([("deviations", ["one", "two"])]) == "deviations:\n  one\n  two\n"


def test_a_record_has_whole_times_and_leaves_out_what_is_missing() -> None:
    moment = pl.Series("time", [1_714_557_600_123_456_789]).cast(pl.Datetime("ns", "UTC"))
    row = moment.to_frame().with_columns(method=pl.lit("INVITE\x1b"), status=pl.lit(None, dtype=pl.Int64))
    assert text.record(row) == "time    2024-05-01 10:00:00.123456789Z\nmethod  INVITE\\x1b\n"
