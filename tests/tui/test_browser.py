"""The browser of a terminal: what its keys show, and what never reaches the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import unicodedata
from pathlib import Path

import captures
import polars as pl
import pytest
from looking import Screen, look
from places import SAMPLES

import analyzer
from analyzer import schema
from analyzer.api.filters import Filter
from analyzer.graph.graph import headers_below
from analyzer.reading import native
from analyzer.tui.lines import Content
from analyzer.tui.tables import Rows

FAILURES = SAMPLES / "volte_failures.pcap"
CALLERS = ["15552000574", "15552000588", "15552000455"]


def numbers(screen: Screen) -> list[int]:
    """The calls on the screen."""
    found = (re.match(r" *(\d+)  \S", line) for line in screen.lines[2:-2])
    return [int(one[1]) for one in found if one]


def test_enter_leads_from_the_list_to_the_ladder_to_the_message_and_escape_back() -> None:
    capture = captures.read(FAILURES)

    async def acts(screen: Screen) -> None:
        assert all(caller in screen.text for caller in CALLERS)
        await screen.press("down", "enter")
        assert "P-CSCF 10.1.0.1:5060 refused the call after 0.118 s: 503 Service Unavailable" in screen.text
        await screen.press("enter")
        first = capture.call(2).table("messages")["message"][0]
        start = capture.message(first).text.split(b"\r\n")[0].decode()
        assert any(line.startswith(start) for line in screen.lines)
        # The start line is explained, then the header at the cursor.
        assert "INVITE: SIP method" in screen.text
        await screen.press("down")
        assert "Via" in screen.text
        assert "RFC 3261 §20.42" in screen.text
        await screen.press("escape", "escape")
        assert screen.app.lines.cursor == 1

    look(capture, acts)


def test_the_cursor_stays_on_its_message_when_the_terminal_changes() -> None:
    async def acts(screen: Screen) -> None:
        await screen.press("down", "enter", "down", "down")
        before = screen.app.lines.content.event(screen.app.lines.cursor)
        await screen.resize(60, 20)
        assert screen.app.lines.content.event(screen.app.lines.cursor) is before is not None

    look(captures.read(FAILURES), acts)


def test_a_filter_picks_what_the_same_words_of_a_command_pick() -> None:
    capture = captures.read(FAILURES)
    words = {
        "status=503": Filter(status="503"),
        "from=15552000588": Filter(from_="15552000588"),
        "pdd_s>1 outcome=answered": Filter(where="pdd_s > 1", outcome="answered"),
        "ip=10.100.0.86": Filter(ip="10.100.0.86"),
    }

    async def acts(screen: Screen) -> None:
        for line, chosen in words.items():
            await screen.press("slash")
            await screen.type(line)
            assert numbers(screen) == capture.filter(chosen).table("calls")["no"].to_list() != [1, 2, 3]
            await screen.press("escape")
            assert numbers(screen) == [1, 2, 3]

    look(capture, acts)


def test_escape_leaves_the_line_that_is_typed_and_nothing_else() -> None:
    async def acts(screen: Screen) -> None:
        await screen.press("slash")
        await screen.type("status=503")
        await screen.press("slash", "q", "f", "escape")
        assert numbers(screen) == [2, 3]
        await screen.press("enter", "s", "escape")
        assert "503 Service Unavailable" in screen.lines[0]
        await screen.press("escape")
        assert numbers(screen) == [2, 3]

    look(captures.read(FAILURES), acts)


def test_a_word_that_is_no_filter_is_looked_for_in_what_is_shown() -> None:
    async def acts(screen: Screen) -> None:
        await screen.press("slash")
        await screen.type("2000455")
        assert numbers(screen) == [3]

    look(captures.read(FAILURES), acts)


def test_a_filter_that_cannot_be_understood_says_so_and_leaves_the_rows() -> None:
    async def acts(screen: Screen) -> None:
        await screen.press("slash")
        await screen.type("nonsense>3")
        assert "nonsense is neither a filter" in screen.text
        assert numbers(screen) == [1, 2, 3]

    look(captures.read(FAILURES), acts)


def test_f_leaves_the_calls_that_failed() -> None:
    async def acts(screen: Screen) -> None:
        await screen.press("f")
        assert numbers(screen) == [2, 3]
        await screen.press("f")
        assert numbers(screen) == [1, 2, 3]

    look(captures.read(FAILURES), acts)


def test_o_orders_by_the_next_column_and_turns() -> None:
    async def acts(screen: Screen) -> None:
        await screen.press("o", "O")
        assert numbers(screen) == [3, 2, 1]

    look(captures.read(FAILURES), acts)


def test_registrations_lead_to_their_messages_and_nodes_to_their_calls() -> None:
    capture = captures.read(FAILURES)

    async def acts(screen: Screen) -> None:
        await screen.press("r")
        assert "2 registrations" in screen.lines[0]
        await screen.press("enter")
        assert "REGISTER" in screen.text
        await screen.press("n")
        node = capture.table("nodes")["node"][2]
        await screen.press("home", "down", "down", "enter")
        assert numbers(screen) == capture.filter(Filter(ip=node)).table("calls")["no"].to_list()

    look(capture, acts)


def test_s_saves_the_ladder_and_the_packets_of_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def acts(screen: Screen) -> None:
        await screen.press("down", "s")
        await screen.type("")
        await screen.press("s")
        screen.app.query_one("Input").value = "two.pcapng"
        await screen.press("enter")
        assert "packets written to two.pcapng" in screen.text

    look(captures.read(FAILURES), acts)
    assert "15552000588" in Path("call-2.html").read_text(encoding="utf-8")
    assert analyzer.read("two.pcapng").table("calls")["caller"].to_list() == ["15552000588"]


def test_a_masked_save_has_none_of_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def acts(screen: Screen) -> None:
        await screen.press("S")
        await screen.type("")

    look(captures.read(FAILURES), acts)
    page = Path("call-1.html").read_text(encoding="utf-8")
    assert "INVITE" in page
    assert not re.search("1555200", page)


def test_a_name_without_a_form_is_told_the_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def acts(screen: Screen) -> None:
        await screen.press("s")
        await screen.type(".exe")
        assert ".html" in screen.text
        assert not list(tmp_path.iterdir())

    look(captures.read(FAILURES), acts)


def test_nothing_that_moves_or_hides_reaches_the_screen() -> None:
    async def acts(screen: Screen) -> None:
        for key in ("home", "enter", "enter", "end", "r", "n", "end"):
            await screen.press(key)
            odd = {one for one in screen.text if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp")}
            assert odd <= {"\n"}

    look(captures.read(SAMPLES / "hostile.pcap"), acts)


def test_twenty_columns_without_utf_8_are_enough() -> None:
    async def acts(screen: Screen) -> None:
        for key in ("home", "enter", "enter", "question_mark", "slash"):
            await screen.press(key)
            assert screen.text.isascii()
            assert max(map(len, screen.lines)) <= 20
            assert "? keys" in screen.lines[-1]

    look(captures.read(FAILURES), acts, (20, 10), ascii_only=True)


class Counted:
    """Rows that count how many lines are made."""

    def __init__(self, rows: Content) -> None:
        self._rows, self.made = rows, 0
        self.size, self.heading, self.fitted = rows.size, rows.heading, rows.fitted

    def line(self, number: int, columns: int) -> tuple[str, str]:
        """One more."""
        self.made += 1
        return self._rows.line(number, columns)


def test_of_a_hundred_thousand_calls_only_lines_on_the_screen_are_made() -> None:
    capture = captures.read(FAILURES)
    calls = capture.table("calls")
    many = pl.concat([calls] * (100_000 // calls.height + 1)).head(100_000).with_columns(no=pl.int_range(1, 100_001))

    async def acts(screen: Screen) -> None:
        rows = Counted(Rows(many, ("no", "caller", "started_at"), tz="UTC"))
        screen.app.view.content = rows
        screen.app.show(screen.app.view)
        await screen.press("end")
        assert "100000  15552000574" in screen.text
        assert rows.made < 20 * 30

    look(capture, acts)


def test_everything_is_shown_of_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    monkeypatch.setattr(
        native.Reading, "tables", lambda self, *_, made=native.Reading.tables: begun.append(self) or made(self)
    )
    # As the command reads it.
    capture = analyzer.read(FAILURES, headers=headers_below(schema.TABLES))

    async def acts(screen: Screen) -> None:
        await screen.press("enter", "enter", "escape", "escape", "f", "r", "n", "c")

    look(capture, acts)
    assert len(begun) == 1


def test_without_sip_the_reason_is_told() -> None:
    async def acts(screen: Screen) -> None:
        assert "IPsec (ESP)" in screen.text

    look(captures.read(SAMPLES / "ipsec_encrypted.pcap"), acts)


def at_a_terminal() -> tuple[subprocess.Popen[bytes], int, bytes]:
    """A browser at a terminal of its own, our end of that, and what stands on it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "analyzer", str(SAMPLES / "busy.pcap")]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    while b"? keys" not in seen:
        seen += os.read(ours, 65536)
    return process, ours, seen


@pytest.mark.slow  # a process of its own
def test_a_terminal_is_left_as_it_was() -> None:
    process, ours, seen = at_a_terminal()
    os.write(ours, b"q")
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:  # it has gone
        pass
    assert process.wait(60) == 0
    os.close(ours)
    # The other screen was entered and left; no colour was asked for.
    assert seen.count(b"\x1b[?1049h") == seen.count(b"\x1b[?1049l") == 1
    assert not re.search(rb"\x1b\[[0-9;]*3[1-7][;m]", seen)


@pytest.mark.slow  # a process of its own
def test_nothing_runs_on_when_its_terminal_has_gone() -> None:
    process, ours, _ = at_a_terminal()
    os.close(ours)
    try:
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_in_chinese_keys_titles_and_verdicts_are_chinese() -> None:
    async def acts(screen: Screen) -> None:
        assert "3 次呼叫" in screen.lines[0]
        assert "拒绝呼叫" in screen.text
        assert "Enter 信令流程" in screen.lines[-1]
        await screen.press("question_mark")
        assert "保存呼叫" in screen.text

    look(captures.read(FAILURES), acts, language="zh")
