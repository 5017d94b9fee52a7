"""The ladder of a call: lanes, arrows, and what is folded."""

from __future__ import annotations

import polars as pl
import pytest
from flow import messages

from analyzer.show.ladder.text import text
from analyzer.show.text import width
from analyzer.show.timeline import timeline


def ladder(rows: pl.DataFrame, *, width: int = 100, ascii_only: bool = False) -> str:
    return text(timeline(rows), width=width, ascii_only=ascii_only)


FLOW = """
    0     10.0.0.1 -> 10.0.0.9 INVITE | has_sdp transaction=7
    0.5   10.0.0.1 -> 10.0.0.9 INVITE | has_sdp transaction=7 retransmission
    0.501 10.0.0.9 -> 10.0.0.1 100 Trying
    0.502 10.0.0.9 -> 10.0.0.2 INVITE | has_sdp via_branch=b2
    0.502 10.0.0.9 -> 10.0.0.2 INVITE | has_sdp via_branch=b2 duplicate original=4
    1.5   10.0.0.2 -> 10.0.0.9 180 Ringing | to_tag=t via_branch=b2
    1.5   10.0.0.9 -> 10.0.0.1 180 Ringing | to_tag=t
    9     10.0.0.1 -> 10.0.0.9 BYE | to_tag=t via_branch=b4 reason_header=Q.850;cause=16
    9.25  10.0.0.9 -> 10.0.0.1 481 No Call | method=BYE to_tag=t via_branch=b4
"""


def test_a_call_over_a_proxy() -> None:
    assert ladder(messages(FLOW), width=98).splitlines() == [
        "2024-05-01 10:00:00.000000000Z",
        "  seconds    delta frame  10.0.0.1                       10.0.0.9                       10.0.0.2",
        "    0.000              1      │────── INVITE SDP (x2) ──────>│                              │",
        "    0.501   +0.501     3      │<──────── 100 Trying ─────────│                              │",
        "    0.502   +0.001     4      │                              │───────── INVITE SDP ────────>│",
        "    1.500   +0.998     6      │                              │<──────── 180 Ringing ────────│",
        "    1.500   +0.000     7      │<──────── 180 Ringing ────────│                              │",
        "    9.000   +7.500     8      │───── BYE Q.850;cause=16 ────>│                              │",
        "    9.250   +0.250     9      │<───── 481 No Call (BYE) ─────│                              │",
        "8 messages; 1 of them sent again, (xN): sent N times; not drawn: 1 seen twice by the capture",
    ]


def test_many_lanes_have_their_text_behind_them() -> None:
    flow = "\n".join(f"{hop} 10.0.0.{hop} -> 10.0.0.{hop + 1} INVITE | via_branch=b{hop}" for hop in range(1, 10))
    lines = ladder(messages(flow), width=100).splitlines()
    assert lines[-2].endswith("│───>│  INVITE")


def test_where_lanes_do_not_fit_there_is_a_list() -> None:
    flow = "\n".join(f"{hop} 10.0.0.{hop} -> 10.0.0.{hop + 1} INVITE | via_branch=b{hop}" for hop in range(1, 40))
    assert ladder(messages(flow), width=80).splitlines()[2].endswith("10.0.0.1 > 10.0.0.2  INVITE")


@pytest.mark.parametrize("columns", [60, 80, 100, 132, 200])
@pytest.mark.parametrize("hosts", [2, 3, 5, 9, 40])
@pytest.mark.parametrize("reason", ["OK", "Überlast 日本語" * 9])
def test_no_message_is_wider_than_asked(columns: int, hosts: int, reason: str) -> None:
    flow = "\n".join(f"{n} 10.0.0.{n % hosts} -> 10.0.0.{(n + 1) % hosts} 200 {reason}" for n in range(60))
    lines = ladder(messages(flow), width=columns).splitlines()[2:-1]
    assert max(width(line) for line in lines if "200" in line) <= columns


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_ascii_only(columns: int) -> None:
    assert ladder(messages("0 10.0.0.1 -> 10.0.0.2 200 日本"), width=columns, ascii_only=True).isascii()


def test_lanes_stay_in_line_beside_wide_characters() -> None:
    lines = ladder(messages("0 10.0.0.1 -> 10.0.0.2 200 日本\n1 10.0.0.2 -> 10.0.0.3 ACK"), width=110).splitlines()
    assert width(lines[2]) == width(lines[3])


def test_the_client_stands_left_of_the_server_where_a_response_is_seen_first() -> None:
    assert timeline(messages("0 10.0.0.2 -> 10.0.0.1 180 Ringing")).lanes == ("10.0.0.1", "10.0.0.2")


def test_responses_of_several_forks_show_their_tags() -> None:
    flow = """
        0 a -> b INVITE
        1 b -> a 180 Ringing | to_tag=t1
        2 b -> a 180 Ringing | to_tag=a-very-long-tag
        3 b -> a 200 OK | to_tag=t1
        4 b -> a 200 OK | to_tag=t1 method=BYE
    """
    infos = [event.info for event in timeline(messages(flow)).events]
    assert infos == ["", "tag=t1", "tag=a-very-lo…", "tag=t1", "tag=t1"]


def test_a_retry_after_a_challenge_is_no_fork() -> None:
    flow = "0 b -> a 407 Auth | to_tag=t1\n1 b -> a 200 OK | to_tag=t2 cseq=2"
    assert [event.info for event in timeline(messages(flow)).events] == ["", ""]


def test_what_is_too_short_for_three_decimals_has_its_unit() -> None:
    line = ladder(messages("0 a -> b INVITE\n0.000385 b -> a 100 Trying")).splitlines()[3]
    assert line.split()[:2] == ["385us", "+385us"]


def test_ports_of_a_host_are_one_lane() -> None:
    flow = "0 10.0.0.1:5060 -> 10.0.0.2 INVITE\n1 10.0.0.2 -> 10.0.0.1:40000 BYE"
    assert timeline(messages(flow)).lanes == ("10.0.0.1", "10.0.0.2")


def test_a_host_that_talks_to_itself_has_a_lane_for_each_port() -> None:
    flow = "0 [::1]:5060 -> [::1]:5070 INVITE\n1 [::1]:5070 -> 10.0.0.2:5060 INVITE"
    assert timeline(messages(flow)).lanes == ("[::1]:5060", "[::1]:5070", "10.0.0.2")


def test_only_the_reference_hop() -> None:
    assert [event.frame for event in timeline(messages(FLOW), reference=7).events] == [1, 3, 7, 8, 9]


def test_a_retransmission_whose_first_copy_is_missing_is_drawn() -> None:
    model = timeline(messages("0 10.0.0.1 -> 10.0.0.2 INVITE | retransmission"))
    assert [event.copies for event in model.events] == [1]


def test_copies_are_counted_per_hop() -> None:
    flow = "0 a -> b INVITE\n1 b -> c INVITE | via_branch=b2\n2 b -> c INVITE | via_branch=b2 retransmission"
    assert [event.copies for event in timeline(messages(flow)).events] == [1, 2]


def test_an_invite_inside_a_dialog_is_a_reinvite() -> None:
    # RFC 3261 §14
    assert timeline(messages("0 a -> b INVITE | to_tag=t")).events[0].what == "re-INVITE"


def test_messages_without_a_time_come_last() -> None:
    assert [event.frame for event in timeline(messages("- a -> b INVITE\n0 b -> a 100 Trying")).events] == [2, 1]


def test_legs_are_numbered() -> None:
    assert "   2  Call-ID c2" in ladder(messages("0 a -> b INVITE\n1 b -> c INVITE | call_id=c2")).splitlines()


def test_a_message_to_itself() -> None:
    assert "* " in ladder(messages("0 a:1 -> a:1 INVITE\n1 a:1 -> b:1 ACK"))


def test_what_was_captured_without_addresses_is_said_to_be_so() -> None:
    # LINKTYPE_SCTP: packets without IP. Nobody sent anything to itself.
    flow = messages("0 a -> b INVITE").with_columns(src_ip=None, dst_ip=None)
    assert next(line for line in ladder(flow).splitlines() if "INVITE" in line).endswith("INVITE (no addresses)")


def test_no_messages() -> None:
    assert ladder(messages("0 a -> b INVITE").clear()) == "no messages\n"
