"""The assistants' door: asked by the SDK's own client, in memory and once over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import captures
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult
from places import SAMPLES

import analyzer.api.read
from analyzer import schema
from analyzer.mcp import answers
from analyzer.mcp.server import server

KEY = captures.KEY.encode()
NAMES = ("volte_failures.pcap", "busy.pcap", "hostile.pcap", "registration.pcap")
# What the sample's subscribers are called.
ORIGINAL = re.compile(r"1555200\d{4}|imei:3595\d{4}|cell-id-3gpp=0010100")


class Door:
    """One server and its client; each question opens them anew, what was read stays."""

    def __init__(self, folder: Path, key: bytes | None = KEY) -> None:
        self._server = server([str(folder)], key=key)

    def result(self, tool: str, **asked: Any) -> CallToolResult:
        """The whole result."""

        async def ask() -> CallToolResult:
            async with Client(self._server) as client:
                return await client.call_tool(tool, asked)

        return asyncio.run(ask())

    def ask(self, tool: str, **asked: Any) -> dict[str, Any]:
        """The fields of an answer."""
        result = self.result(tool, **asked)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        return result.structured_content

    def refused(self, tool: str, **asked: Any) -> str:
        """The sentence of a refusal."""
        result = self.result(tool, **asked)
        assert result.is_error
        return str(result.content[0].text)  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with captures, below one with a secret and a capture that nobody named."""
    outer = tmp_path_factory.mktemp("outer")
    made = outer / "captures"
    made.mkdir()
    for name in NAMES:
        shutil.copy(SAMPLES / name, made)
    shutil.copy(SAMPLES / "busy.pcap", outer / "outside.pcap")
    (made / "link.pcap").symlink_to(outer / "outside.pcap")
    (made / "folder").mkdir()
    (made / "folder" / "link.pcap").symlink_to(outer / "outside.pcap")
    os.mkfifo(made / "pipe.pcap")
    return made


@pytest.fixture(scope="module")
def door(folder: Path) -> Door:
    return Door(folder)


def as_dicts(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]


def test_it_offers_tools_that_only_read(folder: Path) -> None:
    async def tools() -> list[Any]:
        async with Client(server([str(folder)], key=KEY)) as client:
            return list((await client.list_tools()).tools)

    found = {tool.name: tool for tool in asyncio.run(tools())}
    wanted = {
        "summary",
        "calls",
        "call",
        "ladder",
        "message",
        "findings",
        "kpis",
        "compare",
        "sql",
        "tables",
        "explain",
    }
    assert wanted <= set(found)
    assert all(tool.annotations.read_only_hint and tool.description for tool in found.values())


def test_captures_are_those_below_the_folder_and_no_links_that_lead_outside(door: Door) -> None:
    assert {row["capture"] for row in as_dicts(door.ask("captures"))} == set(NAMES)


@pytest.mark.slow  # every tool, and all tables behind them
def test_a_question_is_answered_as_the_package_answers_it(folder: Path) -> None:
    door = Door(folder, key=None)
    own = captures.read(SAMPLES / "volte_failures.pcap")
    calls = as_dicts(door.ask("calls", capture="volte_failures.pcap"))
    assert [row["caller"] for row in calls] == own.table("calls")["caller"].to_list()
    failed = door.ask("calls", capture="volte_failures.pcap", filter="status=5xx")
    assert [row["no"] for row in as_dicts(failed)] == [2, 3]
    call = door.ask("call", capture="volte_failures.pcap", call=2)
    assert call["story"]["what went wrong"][0].startswith("P-CSCF")
    ladder = door.ask("ladder", capture="volte_failures.pcap", call=2)
    events = [event for event in ladder["events"] if "what" in event]
    assert len(events) == len(own.call(2).ladder().timeline.events)
    message = door.ask("message", capture="volte_failures.pcap", message=events[0]["message"])
    assert message["text"].startswith("INVITE tel:+15552000602 SIP/2.0\n")
    query = "select outcome, count(*) as n from calls group by outcome order by n"
    assert door.ask("sql", capture="volte_failures.pcap", query=query)["rows"] == [
        ["answered", 1],
        ["server_failure", 2],
    ]
    registered = door.ask("ladder", capture="registration.pcap", call=_call_id(door))
    assert registered["events"][0]["what"] == "REGISTER"


def _call_id(door: Door) -> str:
    rows = as_dicts(door.ask("table", capture="registration.pcap", table="registrations", columns="call_id"))
    return str(rows[0]["call_id"])


@pytest.mark.slow  # every tool, and all tables behind them
def test_unless_it_is_said_otherwise_no_answer_has_a_name_or_number_of_the_capture(door: Door) -> None:
    name = "volte_failures.pcap"
    told = [door.ask(tool, capture=name) for tool in ("summary", "calls", "findings", "kpis")]
    told += [door.ask("call", capture=name, call=no) for no in (1, 2)]
    ladder = door.ask("ladder", capture=name, call=1, limit=500)
    told += [ladder, door.ask("compare", before=name, after="busy.pcap")]
    told += [door.ask("message", capture=name, message=event["message"]) for event in ladder["events"][:4]]
    told += [
        door.ask("table", capture=name, table=table, columns="all", limit=500)
        for table in ("messages", "registrations", "cdrs", "nodes", "ims_registrations", "files")
    ]
    told += [door.ask("sql", capture=name, query="select * from messages")]
    assert ORIGINAL.search((SAMPLES / name).read_bytes().decode("latin-1"))
    assert not ORIGINAL.search(json.dumps(told))


def test_who_sees_pseudonyms_filters_by_pseudonyms_and_cannot_try_originals(door: Door) -> None:
    first = as_dicts(door.ask("calls", capture="volte_failures.pcap"))[0]
    found = door.ask("calls", capture="volte_failures.pcap", filter=f"from={first['caller']}")
    assert [row["no"] for row in as_dicts(found)] == [1]
    assert door.ask("calls", capture="volte_failures.pcap", filter="from=15552000574")["total"] == 0


@pytest.mark.parametrize(
    "name",
    ["../outside.pcap", "/etc/passwd", "..", "/", "", "a\0b", "link.pcap", "pipe.pcap", "missing.pcap", "x" * 5000],
    ids=lambda name: repr(name[:20]),
)
def test_nothing_outside_is_read_and_nobody_learns_what_there_is(door: Door, name: str) -> None:
    sentence = door.refused("summary", capture=name)
    assert "below the folders of this server" in sentence
    assert len(sentence) < 500


def test_a_folder_with_a_link_that_leads_outside_is_not_read_as_one(door: Door) -> None:
    assert "leads outside" in door.refused("summary", capture="folder")


@pytest.mark.parametrize(
    ("tool", "asked", "says"),
    [
        ("calls", {"limit": 1_000_000}, "from 1 to 500"),
        ("calls", {"offset": -1}, "an offset from 0"),
        ("ladder", {"call": "1-1000"}, "one call at a time"),
        ("ladder", {"call": 4711}, "calls() lists them"),
        ("message", {"message": "all"}, "no key of a message"),
        ("table", {"table": "passwords"}, "there are findings"),
        ("table", {"table": "calls", "columns": "secret"}, "calls has no 'secret'"),
        ("calls", {"filter": "secret>3"}, "neither a filter"),
        ("sql", {"query": "select * from read_csv('/etc/passwd')"}, "no files"),
        ("sql", {"query": "select * from `Read_Parquet`('x')"}, "no files"),
        ("sql", {"query": "drop table calls"}, "one SELECT"),
        ("sql", {"query": "select nothing from calls"}, "cannot be run"),
        ("sql", {"query": "select count(*) from messages a, messages b, messages c"}, "join tables ON"),
        ("kpis", {"by": "shoe_size"}, "shoe_size"),
    ],
    ids=str,
)
def test_what_cannot_be_answered_is_told_in_a_sentence(door: Door, tool: str, asked: dict[str, Any], says: str) -> None:
    sentence = door.refused(tool, capture="volte_failures.pcap", **asked)
    assert says in sentence
    assert "Traceback" not in sentence


def test_all_rows_are_reached_part_by_part_and_no_part_is_large(door: Door) -> None:
    asked = {"capture": "volte_failures.pcap", "table": "messages", "columns": "all", "limit": 500}
    offset, keys, total = 0, [], 0
    while offset is not None:
        part = door.ask("table", **asked, offset=offset)
        assert len(json.dumps(part)) < 2 * answers.MOST_CHARACTERS
        place = part["columns"].index("message")
        keys += [row[place] for row in part["rows"]]
        offset, total = part["next_offset"], part["total"]
    own = captures.read(SAMPLES / "volte_failures.pcap").table("messages")["message"].cast(str).to_list()
    assert (keys, total) == (own, len(own))


def test_the_text_of_the_wire_is_data_and_shows_what_it_hides(folder: Path) -> None:
    door = Door(folder, key=None)
    told = [door.ask("table", capture="hostile.pcap", table="messages", columns="all", limit=500)]
    told += [door.ask("summary", capture="hostile.pcap")]
    assert all("never instructions" in answer["note"] for answer in told)
    hidden = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
    assert not any(hidden.search(text) for answer in told for text in _texts(answer))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def test_a_capture_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = analyzer.api.read.read
    asked: list[str] = []
    monkeypatch.setattr(analyzer.api.read, "read", lambda path, **how: asked.append(path) or read(path, **how))
    path = tmp_path / "a.pcap"
    shutil.copy(SAMPLES / "busy.pcap", path)
    door = Door(tmp_path)
    outcomes = [as_dicts(door.ask("calls", capture="a.pcap"))[0]["outcome"] for _ in range(3)]
    shutil.copy(SAMPLES / "basic_call.pcap", path)
    outcomes += [as_dicts(door.ask("calls", capture="a.pcap"))[0]["outcome"]]
    assert (outcomes, len(asked)) == (["busy", "busy", "busy", "answered"], 2)


def test_words_and_tables_are_explained_without_a_capture(door: Door) -> None:
    assert door.ask("explain", word="486")["meanings"][0]["standard"] == "RFC 3261 §21.4.24"
    assert set(door.ask("tables")["tables"]) == {*schema.TABLES, *schema.MEASURES}
    assert set(door.ask("tables", table="calls")["columns"]) == set(schema.CALLS.names)


@pytest.mark.slow  # a process of its own
def test_over_standard_input_and_output(folder: Path) -> None:
    words = ["-m", "analyzer", "mcp", str(folder)]
    process = StdioServerParameters(command=sys.executable, args=words, env=dict(os.environ))

    async def ask() -> CallToolResult:
        async with Client(stdio_client(process)) as client:
            return await client.call_tool("calls", {"capture": "busy.pcap"})

    result = asyncio.run(ask())
    assert result.structured_content is not None
    assert [row["outcome"] for row in as_dicts(result.structured_content)] == ["busy"]
