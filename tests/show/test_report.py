"""The report as a file: what it says, where its numbers lead, and that nothing in it reaches out."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import captures
import polars as pl
import pytest
from flow import frame
from places import SAMPLES, shared
from report_data import data_of, ladders_of, table_of

import analyzer
from analyzer import schema
from analyzer.measure.measures import measure
from analyzer.show.report import ladders, numbers, report, room, sections, stories, texts_of
from analyzer.show.report.columns import offsets

# Each has something on its page that no other has; the rest of the samples have the calls of one of these.
CAPTURES = [
    "blind_transfer.pcap",
    "early_media.pcap",
    "forked_two_answers.pcap",
    "hold_resume.pcap",
    "hostile.pcap",
    "media.pcap",
    "mid_call.pcap",
    "outcomes.pcap",
    "outside_calls.pcap",
    "registration_failed.pcap",
    "services.pcap",
    "sms.pcap",
    "transport_error.pcap",
    "volte_failures.pcap",
]


#: All of them in one reading.
TOGETHER = "all of them"
#: Pages that are looked at as pages: of all, without calls, with failed registrations alone, of an attacker.
PAGES = [
    pytest.param(TOGETHER, marks=pytest.mark.xdist_group("report of all of them")),
    *("outside_calls.pcap", "registration_failed.pcap", "hostile.pcap"),
]


@cache
def tables(name: str) -> dict[str, pl.DataFrame]:
    whole = name == TOGETHER
    capture = analyzer.read([SAMPLES / one for one in CAPTURES]) if whole else captures.read(SAMPLES / name)
    return {table: capture.table(table) for table in schema.TABLES}


@cache
def page(name: str) -> str:
    return report(tables(name))


def empty() -> dict[str, pl.DataFrame]:
    return {name: table.clear() for name, table in tables("basic_call.pcap").items()}


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


# ---- nothing reaches out ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_loaded_and_no_element_has_code_or_style_of_its_own(name: str) -> None:
    for tag, attributes in Elements(page(name)).tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "form", "base")
        assert not {key for key in attributes if key.startswith("on") or key in ("style", "src", "srcset")}
        assert (attributes.get("href") or "#").startswith("#")


def test_there_is_one_script_and_its_hash_is_in_the_policy() -> None:
    elements = Elements(page("hostile.pcap"))
    scripts = [attributes.get("type") for tag, attributes in elements.tags if tag == "script"]
    policy = next(attributes["content"] for tag, attributes in elements.tags if "http-equiv" in attributes)
    assert scripts == ["application/json", None]
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]{44}'; style-src 'sha256-[\w+/=]{44}'; base-uri 'none';"
        r" form-action 'none'",
        policy or "",
    )


def test_hostile_text_is_shown_as_what_it_is() -> None:
    text = page("hostile.pcap")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>alert" not in text


def test_a_title_is_text() -> None:
    text = report(tables("busy.pcap"), title="</title><script>x</script>\u202e")
    assert "<title>&lt;/title&gt;&lt;script&gt;x&lt;/script&gt;\\u202e</title>" in text


def test_data_ends_no_script_element() -> None:
    text = page("hostile.pcap")
    embedded = text[text.index('id="data">') : text.rindex("<script>")]
    assert embedded.count("<") == 1


# ---- the same each time ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_capture_gives_the_same_bytes() -> None:
    capture = analyzer.read(SAMPLES / "outcomes.pcap", threads=1)
    assert report({name: capture.table(name) for name in schema.TABLES}) == page("outcomes.pcap")


# ---- numbers lead to their rows --------------------------------------------------------------------------------------


def rows_behind(link: str, found: dict[str, pl.DataFrame]) -> int:
    """How many rows the page shows for a link, by the rules of its script."""
    name, _, query = link.partition("?")
    known = sections.numbered(found)
    table = known[name] if name in known else measure(name, lambda wanted: known[wanted])
    for pair in filter(None, query.split("&")):
        column, _, values = pair.partition("=")
        if column == "has":
            table = table.drop_nulls(values.split(","))
        elif column != "sort":
            wanted = [unquote(one) for one in values.split(",")]
            text = pl.col(column).replace_strict([True, False], ["yes", "no"], return_dtype=pl.String)
            cells = text if table.schema[column] == pl.Boolean else pl.col(column).cast(pl.String)
            table = table.filter(cells.fill_null("").is_in(wanted))
    return table.height


@pytest.mark.parametrize("name", CAPTURES)
def test_every_number_leads_to_as_many_rows(name: str) -> None:
    """As in "404 Not Found (4)", "124 answered (83.8 %)", "unreachable 4"."""
    found = tables(name)
    parts = [part for sentence in numbers.verdict(found) for part in sentence.parts]
    parts += [part for tile in numbers.tiles(found) for part in tile.below]
    for part in parts:
        forms = (r"\(([\d,]+)\)$", r"^([\d,]+) ", r"([\d,]+)$")
        counted = next(filter(None, (re.search(form, part.text) for form in forms)), None)
        if part.link and counted and not part.link.startswith("call/") and "has=" not in part.link:
            assert rows_behind(part.link, found) == int(counted[1].replace(",", "")), part


@pytest.mark.parametrize("name", CAPTURES)
def test_every_outcome_leads_to_its_calls(name: str) -> None:
    for bar in numbers.outcomes(tables(name)["calls"]):
        assert rows_behind(bar.link, tables(name)) == bar.calls


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_link_names_what_is_there(name: str) -> None:
    elements = Elements(page(name))
    places = {attributes["id"] for _, attributes in elements.tags if attributes.get("id")}
    calls = tables(name)["calls"]["no"].to_list()
    for tag, attributes in elements.tags:
        if tag == "a":
            where = (attributes["href"] or "")[1:].partition("?")[0]
            assert where in places or (where.startswith("call/") and int(where[5:]) in calls), where


def test_every_outcome_of_the_schema_has_an_end() -> None:
    known = schema.CALLS.column("outcome").allowed
    assert {outcome for outcomes in numbers.ENDS.values() for outcome in outcomes} == set(known)


# ---- what it says ----------------------------------------------------------------------------------------------------


def test_the_verdict_on_a_call_that_was_busy() -> None:
    told = [sentence.text for sentence in numbers.verdict(tables("busy.pcap"))]
    assert told[0] == "1 call: 1 ended by people (100.0 %)."


def test_failures_are_named_with_status_and_first_call() -> None:
    """Of seven calls five fail, each with another status; the first of them is the first call."""
    told = [sentence.text for sentence in numbers.verdict(tables("outcomes.pcap"))]
    assert [text for text in told if text.startswith(("7 calls", "Failed with"))] == [
        "7 calls: 1 answered elsewhere (14.3 %), 1 ended by people (14.3 %), 5 failed (71.4 %).",
        "Failed with 404 Not Found (1), 488 Not Acceptable Here (1), 500 Server Internal Error (1),"
        " 420 Bad Extension (1), 407 Proxy Authentication Required (1); the first one is call 1.",
    ]


@pytest.mark.slow
def test_the_answered_share_leaves_out_what_was_not_seen_whole() -> None:
    """Three calls, none of which the capture holds from begin to end but one that is still up: answered."""
    (tile,) = (tile for tile in numbers.tiles(tables("mid_call.pcap")) if tile.name == "Answered")
    told = "".join(part.text for part in tile.below)
    assert (tile.value, told) == ("100.0 %", "1 of 1; 2 whose begin or end was not seen left out")


@pytest.mark.slow
def test_retransmissions_are_told() -> None:
    """Twelve messages passed the tap, five of them copies (the sample's own sentence)."""
    told = [sentence.text for sentence in numbers.verdict(tables("lost_and_resent.pcap"))]
    assert "41.7 % of the messages were sent again: 5 of 12." in told


@pytest.mark.slow
def test_duplicates_count_nowhere() -> None:
    (tile,) = (tile for tile in numbers.tiles(tables("doubled.pcap")) if tile.name == "Sent again")
    found = tables("doubled.pcap")["messages"]
    assert tile.below[0].text == f"1 of {found.filter(~pl.col('duplicate')).height} messages"


def test_the_verdict_of_each_failed_call_is_in_the_table() -> None:
    calls = table_of(page("busy.pcap"), "calls")
    assert calls["verdict"] == ["the called user was busy: UA 192.0.2.20:5060 answered 486 Busy Here after 0.061 s"]
    assert calls["evidence"][0].startswith("486 Busy Here first seen from ")


def test_a_call_that_was_answered_has_no_verdict() -> None:
    assert table_of(page("basic_call.pcap"), "calls")["verdict"] == [None]


@pytest.mark.slow
def test_an_answered_call_that_broke_is_a_fault_and_says_why() -> None:
    """The caller never sent ACK: its callee gave up (RFC 3261 §13.3.1.4)."""
    capture = analyzer.read(shared("cases") / "lab_ack_never.pcap")
    found = {name: capture.table(name) for name in schema.TABLES}
    told = {sentence.text: sentence.tone for sentence in numbers.verdict(found)}
    assert told["1 call: 1 answered (100.0 %)."] == "bad"
    assert told["1 answered call broke: no_ack (1); the first one is call 1."] == "bad"
    (answered,) = (tile for tile in numbers.tiles(found) if tile.name == "Answered")
    assert answered.tone == "warn"
    calls = table_of(report(found), "calls")
    assert calls["verdict"][0].startswith("the call was answered, but no ACK came, and it ended")
    assert calls["evidence"][0].endswith("10.77.0.11:5060 received it and sent none")


def test_without_sip_the_page_says_so() -> None:
    nothing = {**empty(), "files": tables("basic_call.pcap")["files"]}
    packets = int(nothing["files"]["packets"].sum())
    assert f"No SIP message in {packets} packets" in Elements(report(nothing)).text


def test_a_capture_of_nothing_has_a_page() -> None:
    elements = Elements(report(empty()))
    missing = elements.text
    for said in ("No calls in this capture.", "No registrations in this capture.", "No files.", "No request failed."):
        assert said in missing


def test_without_calls_the_methods_are_named() -> None:
    (first, *_) = numbers.verdict(tables("link_raw.pcap"))
    assert first.text == "No call among 2 SIP messages: OPTIONS 2."


def test_a_cut_file_is_told() -> None:
    told = [sentence.text for sentence in numbers.verdict(tables("format_cut.pcap"))]
    assert "1 file cut or corrupt in part." in told


def test_times_are_told_in_the_zone_asked_for() -> None:
    found = tables("basic_call.pcap")
    started = found["calls"]["started_at"].dt.convert_time_zone("Asia/Tokyo").dt.to_string("%Y-%m-%d %H:%M:%S%.3f")[0]
    text = Elements(report(found, tz="Asia/Tokyo")).text
    assert started in text
    assert "(Asia/Tokyo)" in text


def test_offsets_follow_the_clocks() -> None:
    """Central Europe went to summer time on 2024-03-31 at 01:00 UTC."""
    begin, change = 1_711_800_000, 1_711_846_800
    assert offsets(begin * 10**9, (change + 60) * 10**9, "Europe/Berlin") == [(begin, 3600), (change, 7200)]


def test_without_javascript_the_first_rows_are_there() -> None:
    calls = tables("outcomes.pcap")["calls"]
    text = Elements(page("outcomes.pcap")).text
    assert all(caller in text for caller in calls["caller"])


# ---- what is inside --------------------------------------------------------------------------------------------------


def test_tables_are_whole() -> None:
    found = tables("outcomes.pcap")["calls"]
    calls = table_of(page("outcomes.pcap"), "calls")
    for column in schema.CALLS.columns:
        if column.type == "time":
            assert calls[column.name] == found[column.name].cast(pl.Int64).to_list()
        elif column.type == "bool":
            assert calls[column.name] == found[column.name].cast(pl.Int8).to_list()
        elif column.type != "key":
            assert calls[column.name] == found[column.name].to_list()


def numbers_of(chunks: list[dict[str, list[list[int]]]]) -> list[int]:
    """The calls of chunks, which tell the first and how many of those that follow each other."""
    return [first + more for chunk in chunks for first, count in chunk["calls"] for more in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_call_and_registration_has_a_ladder(name: str) -> None:
    held = data_of(page(name))["ladders"]
    assert numbers_of(held["calls"]) == tables(name)["calls"]["no"].to_list()
    assert numbers_of(held["registrations"]) == list(range(1, tables(name)["registrations"].height + 1))


@pytest.mark.slow
def test_a_registration_has_its_own_messages_alone() -> None:
    """One Call-ID: registered after a challenge, refreshed, de-registered."""
    (chunk,) = data_of(page("registration.pcap"))["ladders"]["registrations"]
    ladders = ladders_of(b64decode(chunk["data"]))
    assert [[event.what for event in ladders[number].events] for number in (1, 2, 3)] == [
        ["REGISTER", "401 Unauthorized (REGISTER)", "REGISTER", "200 OK (REGISTER)"],
        ["REGISTER", "200 OK (REGISTER)"],
        ["REGISTER", "200 OK (REGISTER)"],
    ]


def test_where_there_is_no_room_for_ladders_the_page_says_so() -> None:
    text = report(tables("outcomes.pcap"), ladder_bytes=0)
    assert data_of(text)["ladders"] == {"calls": [], "registrations": []}
    told = Elements(text).text
    assert "The ladders of 7 calls and registrations are not in this report, which has room for 0 bytes" in told
    assert "sip-analyzer ladder 1 FILE draws that of call 1" in told


def test_calls_that_failed_come_first_where_there_is_not_room_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five of seven calls failed: room for all but one chunk is room for these."""
    monkeypatch.setattr("analyzer.show.report.ladders.CHUNK", 1)
    found = sections.numbered(tables("outcomes.pcap"))
    whole = stories.packed(found, {}, {}, most=10**9, most_rows=10)
    sizes = {first: len(chunk["data"]) for chunk in whole.chunks["calls"] for first, _ in chunk["calls"]}
    made = stories.packed(found, {}, {}, most=sum(sizes.values()) - 1, most_rows=10)
    failed = found["calls"].filter(pl.col("outcome").is_in(numbers.ENDS["failed"]))["no"].to_list()
    others = [number for number in sizes if number not in failed]
    assert numbers_of(made.chunks["calls"]) == [*failed, others[0]]
    assert made.without == {"calls": [others[1]], "registrations": []}


@pytest.mark.slow
def test_registrations_that_failed_have_a_ladder_where_there_is_not_room_for_all_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The subscriber of registration_failed.pcap was refused; there is room for a fraction of all ladders."""
    monkeypatch.setattr(ladders, "CHUNK", 1)
    names = ("registration_failed.pcap", "registration.pcap", "outcomes.pcap")
    capture = analyzer.read([SAMPLES / name for name in names])
    found = sections.numbered({table: capture.table(table) for table in sections.TABLES})
    failed = found["registrations"].filter(outcome="failed")["no"].to_list()
    assert failed
    whole = stories.packed(found, {}, {}, most=10**9, most_rows=1000).chunks
    of_calls = sum(len(chunk["data"]) for chunk in whole["calls"])
    for most in (of_calls - 1, of_calls + 1):
        made = stories.packed(found, {}, {}, most=most, most_rows=1000)
        assert made.without["calls"]
        assert numbers_of(made.chunks["registrations"])[: len(failed)] == failed


def test_rows_left_out_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "MOST_ROWS", 3)
    text = report(tables("outcomes.pcap"))
    calls = table_of(text, "calls")
    assert calls["no"] == [1, 3, 4]
    told = Elements(text).text
    assert "4 rows are not in this report, which has room for 3: those that failed" in told
    assert "sip-analyzer calls FILE gives them all" in told


def test_nodes_of_the_network_come_before_subscribers_where_there_is_not_room_for_all() -> None:
    nodes = frame("nodes", [{"node": f"n{n}", "role": role} for n, role in enumerate(["UE", "UE", "S-CSCF", "UE"])])
    assert room.first_rows(nodes, "nodes", {}, 2)["node"].to_list() == ["n0", "n2"]


def test_a_ladder_that_is_not_whole_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladders, "LONGEST", 4)
    found = tables("basic_call.pcap")
    assert found["messages"].height > 4
    told = Elements(report(found)).text
    assert "1 call has more than 4 messages: the ladder omits those in the middle." in told
    assert "sip-analyzer ladder 1 FILE draws all of call 1" in told


def test_a_report_of_more_messages_than_it_shows_the_text_of_has_that_of_what_failed() -> None:
    found = tables("outcomes.pcap")
    (first, *_) = found["calls"].filter(pl.col("outcome").is_in(numbers.ENDS["failed"]))["call"]
    own = found["messages"].filter(~pl.col("duplicate"), call=first)["message"].to_list()
    assert texts_of(found, most=len(own)) == own
    page = report(found, texts=dict.fromkeys(own, b"a text"), most_texts=len(own))
    told = Elements(page).text
    of_calls = found["messages"].filter(~pl.col("duplicate"), pl.col("call").is_not_null()).height
    assert f"The text of {of_calls - len(own)} messages of calls and registrations is not in this report" in told
    assert f"has room for that of {len(own)}:" in told
    chunks = [ladders_of(b64decode(chunk["data"])) for chunk in data_of(page)["ladders"]["calls"]]
    shown = {number: ladder for chunk in chunks for number, ladder in chunk.items()}
    texts = {number: {event.text for event in ladder.events} for number, ladder in shown.items()}
    (number,) = found["calls"].filter(call=first)["no"]
    assert texts == {other: {"a text"} if other == number else {None} for other in found["calls"]["no"]}


def test_all_texts_or_none_are_in_a_report_on_demand() -> None:
    found = tables("outcomes.pcap")
    of_calls = found["messages"].filter(~pl.col("duplicate"), pl.col("call").is_not_null()).height
    assert len(texts_of(found, wanted=True, most=1)) == len(texts_of(found)) == of_calls
    assert texts_of(found, wanted=False) == []
    assert "The text of" not in Elements(report(found, texts=None)).text


def test_digest_responses_are_not_in_a_report(tmp_path: Path) -> None:
    """The sample's credentials (their truth is in its script): no response of 32 hexadecimal digits is shown."""
    capture = captures.read(SAMPLES / "registration.pcap")
    written = capture.report(tmp_path / "folder" / "r.html").read_text()
    texts = "".join(
        event.text or ""
        for chunk in data_of(written)["ladders"]["registrations"]
        for ladder in ladders_of(b64decode(chunk["data"])).values()
        for event in ladder.events
    )
    assert "Authorization: Digest" in texts
    assert not re.search(r'response="?[0-9a-f]{32}', texts)


def test_a_zone_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(analyzer.AnalyzerError, match="Mars/Olympus"):
        captures.read(SAMPLES / "busy.pcap").report(tmp_path / "x.html", tz="Mars/Olympus")


def repeated(found: dict[str, pl.DataFrame], copies: int) -> dict[str, pl.DataFrame]:
    """The one call of a capture so many times, a second apart."""
    keys = ("call", "transaction", "message", "reference")
    times = {
        name: [at for at, kind in table.schema.items() if isinstance(kind, pl.Datetime)]
        for name, table in found.items()
    }
    return {
        name: pl.concat(
            table.with_columns(
                *(pl.col(key) + copy * 1_000_003 for key in keys if table.schema.get(key) == pl.Int64),
                *(pl.col(at) + pl.duration(milliseconds=copy * 977) for at in times[name]),
                *([pl.lit(copy + 1, pl.Int64).alias("no")] if name == "calls" else []),
            )
            for copy in range(copies)
        )
        for name, table in found.items()
    }


@pytest.mark.slow
def test_ten_thousand_calls_fit_in_five_megabytes() -> None:
    """By what each of forty more calls, with their ladders, adds to the data of the page."""
    found = tables("volte_call.pcap")
    few, many = (len(json.dumps(data_of(report(repeated(found, copies))))) for copies in (20, 60))
    assert (many - few) / 40 * 10_000 < 4_500_000


def test_without_calls_there_is_nothing_that_calls_alone_have() -> None:
    told = page("registration_failed.pcap")
    assert {"Answered", "Failed", "Post-dial delay", "Set-up"}.isdisjoint(re.findall(r"<h3>([^<]*)</h3>", told))
    assert 'id="latency"' not in told
    assert 'id="latency"' in page("outcomes.pcap")


def test_a_finding_names_the_role_of_its_node() -> None:
    # The sample's truth: the P-CSCF refused the second call, an AS the third.
    told = page("volte_failures.pcap")
    assert ", P-CSCF 10.1.0.1:5060)" in told
    assert ", AS 10.1.0.6:5060)" in told
