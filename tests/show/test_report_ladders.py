"""The ladders of a report are those of the timeline, made with whole tables."""

from __future__ import annotations

from base64 import b64decode

import captures
import merged
import polars as pl
import pytest
from flow import frame, messages
from places import SAMPLES
from report_data import Event, Ladder, ladders_of

import analyzer
from analyzer import schema
from analyzer.api.ladder import fragments as told_fragments
from analyzer.show.report import ladders, sections, stories
from analyzer.show.text import safe
from analyzer.show.timeline import Timeline, timeline

everywhere = pytest.mark.parametrize("origin", merged.ORIGINS)


def read(name: str) -> analyzer.Capture:
    return captures.read(SAMPLES / name)


def packed(capture: analyzer.Capture) -> dict[int, Ladder]:
    tables = (capture.table(name) for name in ("messages", "transactions", "calls"))
    return {number: one for chunk in ladders.chunks(*tables) for number, one in ladders_of(chunk.data).items()}


def told(capture: analyzer.Capture, kind: str, fragments: dict[int, str] | None = None) -> dict[int, Ladder]:
    """The ladders of ``calls`` or ``registrations`` with all that a report tells in them."""
    tables = {table: capture.table(table) for table in schema.TABLES}
    made = stories.packed(sections.numbered(tables), {}, fragments or {}, most=10**9, most_rows=10**6).chunks
    return {number: one for chunk in made[kind] for number, one in ladders_of(b64decode(chunk["data"])).items()}


def of_flow(text: str) -> Ladder:
    """The ladder of the one call that a flow is."""
    return only(messages(text))


def only(rows: pl.DataFrame) -> Ladder:
    calls = frame("calls", [{"call": 1, "no": 1, "call_ids": ["c1"]}])
    (chunk,) = ladders.chunks(rows, frame("transactions", []), calls)
    return ladders_of(chunk.data)[1]


def expected(model: Timeline) -> list[Event]:
    """The events of a timeline in the words of a report."""
    return [
        Event(
            at=event.at,
            file=safe(event.file),
            frame=event.frame or 0,
            source=safe(model.lanes[event.source]),
            target=safe(model.lanes[event.target]),
            leg=model.call_ids.index(event.call_id),
            what=safe(event.what),
            tone=0 if event.status is None else event.status // 100,
            sdp=event.sdp,
            info=safe(event.info),
            copies=event.copies,
            last_at=event.last_at,
            text=None,
        )
        for event in model.events
    ]


@everywhere
def test_events_are_those_of_the_timeline(origin: str) -> None:
    capture = merged.capture(origin)
    found = packed(capture)
    numbers = capture.table("calls")["no"].to_list()
    assert {number: found[number].events for number in numbers} == {
        number: expected(timeline(capture.call(number).table("messages"))) for number in numbers
    }


@everywhere
def test_lanes_are_those_of_the_timeline(origin: str) -> None:
    capture = merged.capture(origin)
    found = packed(capture)
    for number in capture.table("calls")["no"]:
        model = timeline(capture.call(number).table("messages"))
        assert found[number].lanes == [safe(lane) for lane in model.lanes]
        assert found[number].products == [safe(product) for product in model.captions]


@pytest.mark.parametrize("name", ["timeout.pcap", "transport_error.pcap", "lost_and_resent.pcap"])
def test_what_got_no_answer_is_told_where_the_timeline_tells_it(name: str) -> None:
    capture = read(name)
    found = packed(capture)
    kinds = {"timeout": "no_response", "provisional_only": "no_response"}
    for number in capture.table("calls")["no"]:
        call = capture.call(number)
        model = timeline(call.table("messages"), transactions=call.table("transactions"))
        silent = [mark for mark in model.marks if mark.kind in ("no_response", "pending", "transport_error")]
        assert sorted((kinds.get(kind, kind), at) for kind, at in found[number].silent.values()) == sorted(
            (mark.kind, mark.at) for mark in silent
        )


@pytest.mark.slow
@everywhere
def test_forks_transfers_holds_and_media_are_told_as_by_the_timeline(origin: str) -> None:
    capture = merged.capture(origin)
    fragments = told_fragments(capture.source, capture.table("messages"))
    found = told(capture, "calls", fragments)
    for number in capture.table("calls")["no"]:
        call = capture.call(number)
        others = {table: call.table(table) for table in ("dialogs", "holds", "offers", "streams")}
        model = timeline(call.table("messages"), call=call.table("calls"), fragments=fragments, **others)
        kinds = ("fork", "transfer", "hold", "resume", "media", "stream")
        expected_marks = [(mark.kind, mark.at, safe(mark.text)) for mark in model.marks if mark.kind in kinds]
        assert sorted(mark for mark in found[number].marks if mark[0] in kinds) == sorted(expected_marks)


def test_what_was_asked_beside_sip_is_told_where_the_timeline_draws_it() -> None:
    capture = read("ims_core.pcap")
    marks = [mark for mark in told(capture, "calls")[1].marks if mark[0] in ("related_transactions", "refused")]
    drawn = [event for event in capture.call(1).timeline().events if event.protocol and not event.answer]
    assert sorted(at for _, at, _ in marks) == sorted(event.at for event in drawn)
    assert "Cx LIR to HSS 10.46.0.10: SUCCESS after 0.018 s" in [text for _, _, text in marks]


def test_what_was_asked_for_a_registration_is_told_there() -> None:
    asked = [text.split(" ")[1] for _, _, text in told(read("ims_core.pcap"), "registrations")[1].marks]
    # TS 29.228 annex A.4.1: UAR and MAR before the challenge, UAR and SAR after it.
    assert asked == ["SRV", "UAR", "MAR", "UAR", "SAR"]


def test_copies_of_an_old_message_belong_to_the_one_they_repeat() -> None:
    flow = """
        0   10.0.0.1 -> 10.0.0.2 INVITE
        0.5 10.0.0.1 -> 10.0.0.2 INVITE | retransmission
        1   10.0.0.1 -> 10.0.0.2 INVITE
        1.5 10.0.0.1 -> 10.0.0.2 INVITE | retransmission
        3.5 10.0.0.1 -> 10.0.0.2 INVITE | retransmission
    """
    assert [event.copies for event in of_flow(flow).events] == [2, 3]


def test_a_host_that_talks_to_itself_has_a_lane_for_each_port() -> None:
    flow = "0 10.0.0.1:5060 -> 10.0.0.1:5070 INVITE\n1 10.0.0.1:5070 -> 10.0.0.2 INVITE | via_branch=b2"
    assert of_flow(flow).lanes == ["10.0.0.1:5060", "10.0.0.1:5070", "10.0.0.2"]


def test_times_of_nanoseconds_are_kept() -> None:
    flow = "0 10.0.0.1 -> 10.0.0.2 INVITE\n0.000000001 10.0.0.2 -> 10.0.0.1 100 Trying"
    first, second = of_flow(flow).events
    assert second.at - first.at == 1  # type: ignore[operator]


def test_frames_of_several_files_may_go_back() -> None:
    rows = messages("0 10.0.0.1 -> 10.0.0.2 INVITE\n1 10.0.0.2 -> 10.0.0.1 100 Trying")
    rows = rows.with_columns(frame=pl.Series([900, 3]), file=pl.Series(["a", "b"]))
    assert [(event.file, event.frame) for event in only(rows).events] == [("a", 900), ("b", 3)]


def test_a_message_without_a_time_comes_last() -> None:
    flow = "- 10.0.0.1 -> 10.0.0.2 BYE\n0 10.0.0.1 -> 10.0.0.2 INVITE"
    assert [(event.what, event.at is None) for event in of_flow(flow).events] == [("INVITE", False), ("BYE", True)]


def test_a_call_without_any_time_has_a_ladder() -> None:
    assert [event.at for event in of_flow("- 10.0.0.1 -> 10.0.0.2 INVITE").events] == [None]


def test_of_a_call_that_runs_wild_begin_and_end_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladders, "LONGEST", 8)
    flow = "\n".join(f"{n} 10.0.0.1 -> 10.0.0.2 OPTIONS | cseq={n} via_branch=b{n}" for n in range(20))
    ladder = of_flow(flow)
    assert ([event.frame for event in ladder.events], ladder.total) == ([1, 2, 3, 4, 5, 6, 19, 20], 20)


def test_calls_are_spread_over_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladders, "CHUNK", 10)
    capture = read("outcomes.pcap")
    tables = [capture.table(name) for name in ("messages", "transactions", "calls")]
    chunks = list(ladders.chunks(*tables))
    assert len(chunks) > 1
    assert [number for chunk in chunks for number in chunk.calls] == tables[2]["no"].to_list()
    assert packed(capture).keys() == set(tables[2]["no"])


def test_text_from_the_wire_is_safe() -> None:
    flow = "0 10.0.0.1 -> 10.0.0.2 200 \x1b[2J\u202e | method=INVITE"
    rows = messages(flow).with_columns(call_id=pl.lit("a\x07b"))
    calls = frame("calls", [{"call": 1, "no": 1, "call_ids": ["c1", "a\x07b"]}])
    (chunk,) = ladders.chunks(rows, frame("transactions", []), calls)
    ladder = ladders_of(chunk.data)[1]
    assert (ladder.events[0].what, ladder.legs) == ("200 \\x1b[2J\\u202e", ["a\\x07b"])


def test_text_of_messages_stands_at_their_events() -> None:
    rows = messages("0 10.0.0.1 -> 10.0.0.2 INVITE\n1 10.0.0.2 -> 10.0.0.1 100 Trying")
    calls = frame("calls", [{"call": 1, "no": 1, "call_ids": ["c1"]}])
    (chunk,) = ladders.chunks(rows, frame("transactions", []), calls, {2: b"SIP/2.0 100 Trying\r\n\x1b\r\n"})
    assert [event.text for event in ladders_of(chunk.data)[1].events] == [None, "SIP/2.0 100 Trying\n\\x1b\n"]
