"""The story of a call: phases, marks, holds, and what is left out of a long one."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from flow import START, frame, messages

from analyzer.show.timeline import MOST_LANES, Event, Mark, Phase, Timeline, bounded, timeline

SECOND = 1_000_000_000

CALL = """
    0     a -> b INVITE | transaction=1
    1     b -> a 180 Ringing | to_tag=t transaction=1
    4     b -> a 200 OK | to_tag=t transaction=1
    4.1   a -> b ACK | to_tag=t
    64    a -> b BYE | to_tag=t cseq=2 via_branch=b2 transaction=5
    64.02 b -> a 200 OK | to_tag=t cseq=2 via_branch=b2 method=BYE transaction=5
"""


def at(seconds: float) -> int:
    return START + round(seconds * SECOND)


def call(outcome: str = "answered", **times: float) -> pl.DataFrame:
    return frame(
        "calls", [{"call": 1, "no": 1, "outcome": outcome, **{name: at(time) for name, time in times.items()}}]
    )


def transactions(**outcomes: str) -> pl.DataFrame:
    return frame("transactions", [{"transaction": int(key[1:]), "outcome": value} for key, value in outcomes.items()])


def intervals(**columns: list[Any]) -> pl.DataFrame:
    """A frame whose columns that end in ``_at`` are seconds after the start."""
    times = {name for name in columns if name.endswith("_at")}
    return pl.DataFrame(
        {
            name: pl.Series([None if v is None else at(v) for v in values], dtype=pl.Int64).cast(
                pl.Datetime("ns", "UTC")
            )
            if name in times
            else values
            for name, values in columns.items()
        }
    )


def marks(model: Timeline, *kinds: str) -> list[str]:
    return [mark.text for mark in model.marks if mark.kind in kinds or not kinds]


# ---- phases ----------------------------------------------------------------------------------------------------------


def test_phases_of_an_answered_call() -> None:
    row = call(started_at=0, ringing_at=1, answered_at=4, ended_at=64)
    assert timeline(messages(CALL), call=row).phases == (
        Phase("setup", at(0), at(1)),
        Phase("ringing", at(1), at(4)),
        Phase("talk", at(4), at(64)),
        Phase("release", at(64), at(64.02)),
    )


def test_each_event_is_in_the_phase_that_it_begins_or_falls_into() -> None:
    row = call(started_at=0, ringing_at=1, answered_at=4, ended_at=64)
    assert [event.phase for event in timeline(messages(CALL), call=row).events] == [0, 1, 2, 2, 3, 3]


def test_a_call_answered_at_once_has_no_ringing() -> None:
    phases = timeline(messages(CALL), call=call(started_at=0, ringing_at=4, answered_at=4)).phases
    assert [phase.name for phase in phases] == ["setup", "talk"]


def test_a_phase_that_goes_on_has_no_end() -> None:
    phases = timeline(messages(CALL), call=call(started_at=0, answered_at=4)).phases
    assert (phases[-1], phases[-1].lasted) == (Phase("talk", at(4), None), "")


def test_a_call_that_was_running_already_talks_from_before_the_capture_on() -> None:
    assert timeline(messages(CALL), call=call("joined", ended_at=64)).phases == (
        Phase("talk", None, at(64)),
        Phase("release", at(64), at(64.02)),
    )


def test_a_rejected_call_is_released_with_its_final_response() -> None:
    flow = "0 a -> b INVITE\n1 b -> a 486 Busy | to_tag=t\n1.01 a -> b ACK | to_tag=t"
    model = timeline(messages(flow), call=call("busy", started_at=0, ended_at=1))
    assert [phase.name for phase in model.phases] == ["setup", "release"]


def test_a_call_without_times_has_no_phases() -> None:
    assert timeline(messages("- a -> b INVITE"), call=call()).phases == ()


def test_a_subscription_has_its_own_phase() -> None:
    dialog = {"dialog": 1, "usage": "subscribe", "confirmed_at": at(1), "ended_at": at(3)}
    model = timeline(messages("0 a -> b SUBSCRIBE\n1 b -> a 200 OK"), dialogs=frame("dialogs", [dialog]))
    assert model.phases == (Phase("subscription", at(1), at(3)),)


# ---- what no single message says -------------------------------------------------------------------------------------


def test_silence_is_told_where_it_is() -> None:
    rows = timeline(messages(CALL)).rows
    silent = next(number for number, row in enumerate(rows) if isinstance(row, Mark))
    before, after = rows[silent - 1], rows[silent + 1]
    assert isinstance(before, Event)
    assert isinstance(after, Event)
    assert (before.what, rows[silent], after.what) == ("ACK", Mark("silence", at(4.1), "59.900 s of silence"), "BYE")


def test_minutes_of_silence() -> None:
    flow = "0 a -> b INVITE\n723 b -> a 200 OK | to_tag=t"
    assert marks(timeline(messages(flow))) == ["12 min 3 s of silence"]


def test_what_is_sent_again_breaks_the_silence() -> None:
    flow = "0 a -> b INVITE\n8 a -> b INVITE | retransmission\n16 b -> a 200 OK | to_tag=t"
    assert marks(timeline(messages(flow))) == []


@pytest.mark.parametrize(
    ("outcome", "kind", "text"),
    [
        ("timeout", "no_response", "INVITE to b: no response seen, sent 3 times in 1.500 s"),
        ("provisional_only", "no_response", "INVITE to b: no final response seen, sent 3 times in 1.500 s"),
        ("pending", "pending", "INVITE to b: no response before the capture ended, sent 3 times in 1.500 s"),
    ],
)
def test_a_request_without_an_answer(outcome: str, kind: str, text: str) -> None:
    flow = "\n".join(f"{t} a -> b INVITE | transaction=1{again}" for t, again in _timer_a(3))
    model = timeline(messages(flow), transactions=transactions(t1=outcome))
    assert model.marks == (Mark(kind, at(1.5), text),)


def _timer_a(copies: int) -> list[tuple[float, str]]:
    """When a request is sent over UDP, with T1 = 500 ms (RFC 3261 §17.1.1.2)."""
    return [((2**number - 1) / 2, " retransmission" if number else "") for number in range(copies)]


def test_a_transport_that_fails() -> None:
    model = timeline(messages("0 a -> b INVITE | transaction=1"), transactions=transactions(t1="transport_error"))
    assert model.marks[0].failed
    assert marks(model, "transport_error")[0].startswith("INVITE to b: refused by the network")


def test_a_burst_that_was_answered_in_the_end() -> None:
    flow = "\n".join(f"{t} a -> b INVITE | transaction=1{again}" for t, again in _timer_a(4))
    model = timeline(
        messages(f"{flow}\n3.6 b -> a 100 Trying | transaction=1"), transactions=transactions(t1="completed")
    )
    assert marks(model) == ["INVITE to b: sent 4 times in 3.500 s"]


def test_the_missing_answer_to_what_is_not_shown_is_not_told() -> None:
    flow = "0 a -> b INVITE | transaction=1\n1 b -> c INVITE | via_branch=b2 transaction=2"
    model = timeline(messages(flow), reference=1, transactions=transactions(t1="completed", t2="timeout"))
    assert marks(model) == []


def test_a_hold_is_marked_where_it_begins_and_ends() -> None:
    held = intervals(dialog=[1], media=["audio"], held_by=["callee"], started_at=[10.0], ended_at=[30.0])
    model = timeline(messages(CALL), holds=held)
    assert [(mark.kind, mark.at, mark.text) for mark in model.marks if mark.kind != "silence"] == [
        ("hold", at(10), "audio on hold by callee"),
        ("resume", at(30), "audio resumed after 20.000 s"),
    ]


@pytest.mark.parametrize("ended", [None, 64.0])
def test_a_call_that_ends_on_hold_is_not_resumed(ended: float | None) -> None:
    held = intervals(dialog=[1], media=["audio"], held_by=["callee"], started_at=[10.0], ended_at=[ended])
    model = timeline(messages(CALL), holds=held, call=call(started_at=0, answered_at=4, ended_at=64))
    assert marks(model, "hold", "resume") == ["audio on hold by callee"]


def offers(*rows: tuple[float, float | None, int, str, str | None, str | None, str, int]) -> pl.DataFrame:
    names = ("offered_at", "answered_at", "index", "media", "codecs", "direction", "state", "status")
    columns: dict[str, list[Any]] = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    return intervals(dialog=[1] * len(rows), **columns)


def test_what_was_agreed_and_what_changed() -> None:
    table = offers(
        (0, 4, 0, "audio", "PCMA/8000", "sendrecv", "agreed", 200),
        (10, 11, 0, "audio", "PCMU/8000", "sendrecv", "agreed", 200),
        (20, 21, 0, "audio", "PCMU/8000", "sendrecv", "agreed", 200),
        (20, 21, 1, "video", None, None, "rejected", 200),
        (30, 31, 1, "video", "H264/90000", "sendonly", "agreed", 200),
        (40, 41, 1, "video", None, None, "removed", 200),
        (50, None, 0, "audio", None, None, "unanswered", 200),
    )
    assert marks(timeline(messages(CALL), offers=table), "media") == [
        "audio agreed: PCMA/8000 sendrecv",
        "audio now PCMU/8000 (was PCMA/8000)",
        "video rejected",
        "video agreed: H264/90000 sendonly",
        "video removed",
        "audio: this offer has no answer",
    ]


def test_an_offer_that_a_response_refused_is_told_by_the_response() -> None:
    table = offers(
        (0, None, 0, "audio", None, None, "unanswered", 486),
        (10, None, 0, "audio", None, None, "rejected", 488),
        (20, None, 0, "audio", None, None, "pending", 200),
    )
    assert marks(timeline(messages(CALL), offers=table), "media") == []


def test_a_direction_that_a_hold_explains_is_told_once() -> None:
    table = offers(
        (0, 4, 0, "audio", "PCMA", "sendrecv", "agreed", 200), (10, 10.1, 0, "audio", "PCMA", "recvonly", "agreed", 200)
    )
    held = intervals(dialog=[1], media=["audio"], held_by=["callee"], started_at=[10.1], ended_at=[None])
    model = timeline(messages(CALL), offers=table, holds=held)
    assert marks(model, "media", "hold") == ["audio agreed: PCMA sendrecv", "audio on hold by callee"]


def test_a_transfer_and_how_far_it_came() -> None:
    flow = """
        0   b -> a REFER | refer_to=<sip:carol@x>
        0.1 a -> b NOTIFY | cseq=7
        0.2 a -> b INVITE | replaces=c9;to-tag=1;from-tag=2 call_id=c2
    """
    model = timeline(messages(flow), fragments={2: "SIP/2.0 180 Ringing"})
    assert marks(model) == [
        "transfer to sip:carol@x asked for by b",
        "transfer: 180 Ringing",
        "takes the place of call c9",
    ]


def test_a_refer_with_replaces_is_an_attended_transfer() -> None:
    # RFC 5589 §7.1
    flow = "0 b -> a REFER | refer_to=<sip:carol@x?Replaces=c9%3Bto-tag%3D1%3Bfrom-tag%3D2>"
    assert marks(timeline(messages(flow))) == ["attended transfer to sip:carol@x asked for by b"]


def test_a_refer_that_passes_a_proxy_is_one_transfer() -> None:
    flow = "0 b -> p REFER | refer_to=<sip:c@x>\n0.1 p -> a REFER | refer_to=<sip:c@x> via_branch=b2"
    assert len(marks(timeline(messages(flow)))) == 1


def test_a_fork_that_lost() -> None:
    lost = {"dialog": 1, "usage": "invite", "remote_tag": "t1", "end_reason": "forked_away", "ended_at": at(4)}
    won = {"dialog": 2, "usage": "invite", "remote_tag": "t2", "end_reason": "bye", "ended_at": at(64)}
    assert marks(timeline(messages(CALL), dialogs=frame("dialogs", [lost, won])), "fork") == ["branch tag=t1 given up"]


def test_the_product_stands_where_a_request_with_one_via_was_made() -> None:
    # RFC 3261 §8.1.1.7, §16.6: a proxy adds a Via and passes User-Agent on.
    flow = (
        "0 a -> p INVITE | via_count=1 user_agent=Phone\n1 p -> b INVITE | via_count=2 via_branch=b2 user_agent=Phone"
    )
    assert timeline(messages(flow)).captions == ("Phone", "", "")


# ---- long ones -------------------------------------------------------------------------------------------------------


def ping(count: int) -> pl.DataFrame:
    return messages("\n".join(f"{n} a -> b OPTIONS | cseq={n} via_branch=b{n}" for n in range(count)))


def test_of_a_long_call_the_middle_is_left_out_and_counted() -> None:
    model = bounded(timeline(ping(100)), 40)
    assert [event.frame for event in model.events] == [*range(1, 31), *range(91, 101)]
    assert (model.hidden, marks(model)) == (60, ["60 messages are not shown here"])


def test_a_call_that_fits_is_left_whole() -> None:
    model = timeline(ping(40))
    assert bounded(model, 40) == bounded(model, None) == model


def test_one_message_may_be_all() -> None:
    assert [event.frame for event in bounded(timeline(ping(5)), 1).events] == [1]


def test_hosts_beyond_the_lanes_there_are_share_one() -> None:
    flow = "\n".join(f"{n} scanner -> h{n} OPTIONS | cseq={n}" for n in range(100))
    model = bounded(timeline(messages(flow)), None)
    assert (len(model.lanes), model.lanes[-1]) == (MOST_LANES, "62 other hosts")
    assert (model.events[-1].target, model.events[-1].info) == (MOST_LANES - 1, "scanner > h99")


def test_lanes_that_nothing_shown_needs_are_left_out() -> None:
    flow = "0 a -> b OPTIONS\n1 a -> c OPTIONS | cseq=2\n2 a -> b OPTIONS | cseq=3"
    assert bounded(timeline(messages(flow)), 1).lanes == ("a", "b")


def test_no_messages() -> None:
    model = timeline(messages("0 a -> b INVITE").clear())
    assert (model.rows, model.lanes, model.started_at) == ((), (), None)
