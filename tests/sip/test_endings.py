"""An end is what followed, not one sign: acknowledgement, signs of life, timers, forks and broken tags."""

from __future__ import annotations

from typing import Any

import pytest
from places import shared

import analyzer
from tests.sip import wire
from tests.sip.dialogues import (
    ACK,
    ANSWERED,
    ENDING,
    LATER,
    OK,
    RINGING,
    bye_of_the_callee,
    bye_of_the_caller,
    ending,
    endings,
    of_dialogue,
)


def of_case(name: str) -> list[dict[str, Any]]:
    """The rows of ``calls`` of a capture that is kept beside the project."""
    return analyzer.read(shared("cases", f"{name}.pcap")).table("calls").to_dicts()


def dialog(dialogue: str) -> tuple[Any, ...]:
    """``state``, ``end_reason`` and ``ended_by`` of the one dialog in it."""
    row = wire.read(dialogue).table("dialogs").row(0, named=True)
    return row["state"], row["end_reason"], row["ended_by"]


# -- acknowledgement ---------------------------------------------------------------------------------------------------


def copies(since: float, *, t1: float = 0.5, t2: float = 4.0, until: float = 1e9) -> list[float]:
    """When a 2xx first sent at ``since`` is sent again, for 64*T1 (RFC 3261 §13.3.1.4)."""
    found, at, step = [], since + t1, t1
    while at < min(since + 64 * t1, until):
        found.append(at)
        step = min(2 * step, t2)
        at += step
    return found


def sent_again(times: list[float], *, acked: bool) -> str:
    """Copies of the 200 at these times, and the caller's ACK to each."""
    lines = [f"UAS -> UAC 200 INVITE to_tag=y @{at}\n" for at in times]
    if acked:
        lines = [line + f"UAC -> UAS ACK to_tag=y @{at + 0.02}\n" for line, at in zip(lines, times, strict=True)]
    return "".join(lines)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ack_not_delivered", ("answered", "no_ack", "callee", 32.0)),
        ("ack_not_delivered_control", ("answered", "normal", "callee", 32.0)),
        ("no_ack_32s", ("answered", "no_ack", "callee", 32.003)),
    ],
)
def test_the_drop_after_32_seconds_in_captures_of_the_case(name: str, expected: tuple[Any, ...]) -> None:
    assert endings(of_case(name)) == [expected]


@pytest.mark.parametrize(("t1", "t2"), [(0.5, 4.0), (2.0, 16.0), (0.1, 4.0)])
@pytest.mark.parametrize("acked", [True, False])
def test_a_2xx_that_goes_on_to_the_end_was_not_acknowledged(t1: float, t2: float, acked: bool) -> None:
    over = 2 + 64 * t1 + 0.4
    call = ANSWERED if acked else RINGING + OK
    call += sent_again(copies(2, t1=t1, t2=t2), acked=acked) + bye_of_the_callee(over)
    assert ending(call)[:3] == ("answered", "no_ack", "callee")


def test_a_proxy_that_sends_the_ack_to_a_wrong_host() -> None:
    call = """
        UAC -> P    INVITE branch=a                     @0
        P   -> UAS  INVITE branch=b,a                   @0.01
        UAS -> P    200 INVITE branch=b,a to_tag=y      @2
        P   -> UAC  200 INVITE branch=a to_tag=y        @2.01
    """
    for n, at in enumerate([2, *copies(2)]):
        call += (
            f"UAS -> P 200 INVITE branch=b,a to_tag=y @{at}\nP -> UAC 200 INVITE branch=a to_tag=y @{at + 0.01}\n"
            * (n > 0)
        )
        call += f"UAC -> P ACK branch=k to_tag=y @{at + 0.02}\nP -> Z ACK branch=l,k to_tag=y @{at + 0.03}\n"
    call += """
        UAS -> P    BYE branch=m cseq=7 from_tag=y to_tag=x     @34.02
        P   -> UAC  BYE branch=n,m cseq=7 from_tag=y to_tag=x   @34.03
    """
    assert ending(call)[:3] == ("answered", "no_ack", "callee")


def test_who_hangs_up_while_the_2xx_goes_on_does_not_matter() -> None:
    call = ANSWERED + sent_again(copies(2, until=20), acked=True) + bye_of_the_caller(20)
    assert ending(call)[:3] == ("answered", "no_ack", "caller")


def test_one_ack_that_was_lost_is_sent_again() -> None:
    call = ANSWERED + sent_again(copies(2, until=6), acked=True) + bye_of_the_callee(34.02)
    assert ending(call)[:3] == ("answered", "normal", "callee")


def test_a_session_that_lived_on_was_ended_by_its_user() -> None:
    call = ANSWERED + sent_again(copies(2), acked=True) + bye_of_the_caller(300)
    assert ending(call)[:3] == ("answered", "normal", "caller")


@pytest.mark.parametrize(("over", "detail"), [(33.99, "no_ack"), (34.5, "no_ack"), (36.5, "no_ack"), (60, "normal")])
def test_the_called_side_gives_up_at_its_timer_or_a_little_later(over: float, detail: str) -> None:
    assert ending(RINGING + OK + bye_of_the_callee(over))[:2] == ("answered", detail)


@pytest.mark.parametrize(("until", "detail"), [(34, "no_ack"), (20, "active")])
def test_a_capture_that_ends_with_the_last_copies_of_the_2xx(until: float, detail: str) -> None:
    call = RINGING + OK + sent_again(copies(2, until=until), acked=False)
    assert ending(call)[:2] == ("answered", detail)


def test_an_ack_that_no_copy_of_the_2xx_asks_for_came_where_nobody_looked() -> None:
    info = "UAC -> UAS INFO cseq=2 to_tag=y @5\nUAS -> UAC 200 INFO cseq=2 to_tag=y @5.1\n"
    assert ending(RINGING + OK + info + bye_of_the_caller(20))[:2] == ("answered", "normal")


@pytest.mark.parametrize("side", [bye_of_the_caller, bye_of_the_callee])
def test_a_2xx_that_is_not_sent_again_has_its_ack(side: Any) -> None:
    """Its server would send it again after T1 (RFC 3261 §13.3.1.4): the ACK came, and was not captured."""
    assert ending(RINGING + OK + side(20))[:2] == ("answered", "normal")


def test_a_2xx_that_goes_on_until_somebody_hangs_up_has_none() -> None:
    again = "".join(f"UAS -> UAC 200 INVITE to_tag=y @{at}\n" for at in (2.5, 3.5))
    assert ending(RINGING + OK + again + bye_of_the_callee(5))[1] == "no_ack"
    assert ending(RINGING + OK + again + bye_of_the_callee(12))[1] == "normal"


# -- signs of life -----------------------------------------------------------------------------------------------------


def test_dialogs_of_the_case_live_on() -> None:
    capture = analyzer.read(shared("cases", "dialog_outlives_481.pcap"))
    assert endings(capture.table("calls").to_dicts()) == [("answered", "active", None, None)] * 2
    names = ("state", "end_reason", "ended_at")
    assert capture.table("dialogs").select(names).rows() == [("confirmed", "open", None)] * 2


def refused(method: str, status: int, at: float, cseq: int = 2) -> str:
    request = f"UAC -> UAS {method} cseq={cseq} to_tag=y @{at}\n"
    return request + f"UAS -> UAC {status} {method} cseq={cseq} to_tag=y @{at + 0.1}\n"


@pytest.mark.parametrize("status", [404, 408, 480, 481])
@pytest.mark.parametrize("method", ["INVITE", "INFO", "UPDATE"])
def test_what_a_later_success_refutes_was_no_end(method: str, status: int) -> None:
    call = ANSWERED + refused(method, status, 10) + refused("UPDATE", 200, 60, 3)
    assert (ending(call), dialog(call)) == (("answered", "active", None, None), ("confirmed", "open", None))


def test_a_success_before_it_refutes_no_end() -> None:
    call = ANSWERED + refused("UPDATE", 200, 10) + refused("INFO", 481, 60, 3)
    assert (ending(call)[:3], dialog(call)[1]) == (("answered", "dropped", "unknown"), "timeout")


def test_of_two_failures_the_one_behind_the_last_success_is_the_end() -> None:
    call = ANSWERED + refused("INFO", 480, 10) + refused("UPDATE", 200, 60, 3) + refused("INFO", 481, 90, 4)
    (row,) = of_dialogue(call)
    assert (row["outcome_detail"], (row["ended_at"] - row["started_at"]).total_seconds()) == ("dropped", 90.1)


def test_a_bye_that_was_refused_and_a_session_that_went_on() -> None:
    call = ANSWERED + refused("BYE", 403, 10) + refused("UPDATE", 200, 60, 3)
    assert (ending(call), dialog(call)) == (("answered", "active", None, None), ("confirmed", "open", None))


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "INFO"])
@pytest.mark.parametrize("status", [481, 408])
def test_a_bye_that_clears_away_what_was_gone_is_nobodys_wish(method: str, status: int) -> None:
    call = ANSWERED + refused(method, status, 20) + bye_of_the_caller(20.5)
    assert ending(call)[:3] == ("answered", "dropped", "caller")
    assert dialog(call) == ("terminated", "bye", "local")


def unanswered(method: str, at: float, t1: float = 0.5, copies: int = 7) -> str:
    """A request that is sent again after T1, 2*T1, ... (RFC 3261 §17.1.1.2; T2 is left out)."""
    sent = (at + t1 * (2**number - 1) for number in range(copies))
    return "".join(f"UAC -> UAS {method} cseq=2 to_tag=y @{time}\n" for time in sent)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "OPTIONS"])
@pytest.mark.parametrize("t1", [0.5, 2])
def test_a_bye_behind_a_request_that_nobody_answered_for_64_t1_is_nobodys_wish(method: str, t1: float) -> None:
    """RFC 3261 §12.2.1.2: no response at all is as good as 408."""
    call = ANSWERED + unanswered(method, 20, t1) + bye_of_the_caller(20 + 64 * t1 + 0.1)
    assert ending(call)[:3] == ("answered", "dropped", "caller")


@pytest.mark.parametrize(
    "bye",
    [
        unanswered("INVITE", 20) + bye_of_the_caller(45),
        unanswered("INVITE", 20) + bye_of_the_callee(52.1),
        unanswered("INVITE", 20, copies=1) + bye_of_the_caller(52.1),
        unanswered("INVITE", 20) + "UAS -> UAC 100 INVITE cseq=2 to_tag=y @52\n" + bye_of_the_caller(52.1),
    ],
)
def test_a_bye_before_its_sender_gave_up_may_be_its_users(bye: str) -> None:
    assert ending(ANSWERED + bye)[1] == "normal"


@pytest.mark.parametrize(
    "bye",
    [
        refused("INVITE", 488, 20) + bye_of_the_caller(20.5),
        refused("INVITE", 481, 20) + bye_of_the_caller(40),
        refused("INVITE", 481, 20) + bye_of_the_callee(20.5),
        refused("INVITE", 481, 20) + refused("UPDATE", 200, 20.3, cseq=3) + bye_of_the_caller(20.6),
    ],
)
def test_a_bye_behind_a_failed_request_that_a_user_may_have_wished(bye: str) -> None:
    assert ending(ANSWERED + bye)[1] == "normal"


def test_a_request_that_crosses_a_bye_does_not_revive_the_dialog() -> None:
    call = (
        ANSWERED
        + """
        UAC -> UAS  BYE cseq=2 to_tag=y                         @10
        UAS -> UAC  UPDATE cseq=5 from_tag=y to_tag=x           @10.01
        UAC -> UAS  200 UPDATE cseq=5 from_tag=y to_tag=x       @10.02
        UAS -> UAC  200 BYE cseq=2 to_tag=y                     @10.05
    """
    )
    assert (ending(call), dialog(call)[1:]) == (("answered", "normal", "caller", 8.0), ("bye", "local"))


def test_an_answer_that_crosses_a_bye_on_the_early_dialog() -> None:
    call = RINGING + "UAC -> UAS BYE cseq=2 to_tag=y @1.99\n" + OK + ACK + "UAS -> UAC 200 BYE cseq=2 to_tag=y @2.03\n"
    (row,) = of_dialogue(call)
    assert (row["ended_at"], row["talk_s"], row["released_by"]) == (row["answered_at"], 0.0, "caller")


# -- the session timer -------------------------------------------------------------------------------------------------


def test_session_timers_of_the_case() -> None:
    assert [row["outcome_detail"] for row in of_case("session_timer_off")] == [
        "normal",
        "normal",
        "timer_expiry",
        "normal",
    ]


def with_timer(value: str) -> str:
    """A call answered at 2 s with this Session-Expires."""
    return RINGING + f"UAS -> UAC 200 INVITE to_tag=y 'header=Session-Expires: {value}' @2\n" + ACK


def test_a_refresh_without_the_header_turns_the_timer_off() -> None:
    off = "UAS -> UAC UPDATE cseq=5 from_tag=y to_tag=x @50\nUAC -> UAS 200 UPDATE cseq=5 from_tag=y to_tag=x @50.1\n"
    assert ending(with_timer("120") + off + bye_of_the_caller(121))[1] == "normal"


def test_a_refresh_that_failed_changes_no_agreement() -> None:
    assert ending(with_timer("120") + refused("UPDATE", 488, 50) + bye_of_the_caller(121))[1] == "timer_expiry"


@pytest.mark.parametrize(
    ("refresher", "bye", "at", "detail"),
    [
        ("uac", bye_of_the_caller, 71, "normal"),
        ("uac", bye_of_the_callee, 71, "timer_expiry"),
        ("UAS", bye_of_the_caller, 71, "timer_expiry"),
        ("uas", bye_of_the_callee, 71, "normal"),
        ("uas", bye_of_the_callee, 92, "timer_expiry"),
        ("uac", bye_of_the_callee, 300, "normal"),
    ],
)
def test_the_side_that_does_not_refresh_ends_the_session(refresher: str, bye: Any, at: float, detail: str) -> None:
    assert ending(with_timer(f"90;refresher={refresher}") + bye(at))[1] == detail


# -- forks -------------------------------------------------------------------------------------------------------------

FORKED = """
    UAC -> P  INVITE                    @0
    P -> UAC  180 INVITE to_tag=y       @0.3
    P -> UAC  180 INVITE to_tag=z       @0.4
"""


def test_the_branch_of_the_case_that_was_acknowledged_is_the_call() -> None:
    (row,) = of_case("fork_second_answer_ignored")
    assert tuple(row[name] for name in ENDING) == ("answered", "normal", "caller", 20.0)
    assert row["codecs"].startswith("PCMU/8000")


@pytest.mark.parametrize("first", ["y", "z"])
@pytest.mark.parametrize("gives_up", [True, False])
def test_an_answer_that_the_caller_ignored_is_not_the_call(first: str, gives_up: bool) -> None:
    at = {"y": 5.0, "z": 5.1} if first == "y" else {"y": 5.1, "z": 5.0}
    answers = {tag: [at[tag]] if tag == "y" else [at[tag], *copies(at[tag])] for tag in "yz"}
    lines = sorted((time, f"P -> UAC 200 INVITE to_tag={tag} @{time}\n") for tag in "yz" for time in answers[tag])
    lines += [(at["y"] + 0.02, f"UAC -> P ACK to_tag=y @{at['y'] + 0.02}\n")]
    lines += [(25, "UAC -> P BYE cseq=2 to_tag=y @25\n"), (25.1, "P -> UAC 200 BYE cseq=2 to_tag=y @25.1\n")]
    lines += [(37.2, "P -> UAC BYE cseq=4 from_tag=z to_tag=x @37.2\n")] * gives_up
    found = ending(FORKED + "".join(line for _, line in sorted(lines)))
    assert found == ("answered", "normal", "caller", pytest.approx(25 - at["y"]))


@pytest.mark.parametrize("ack", ["UAC -> P ACK to_tag=z @5.11\n", ""])
def test_of_two_answers_the_one_with_a_conversation_is_the_call(ack: str) -> None:
    """A branch that the caller does not want gets its BYE at once (RFC 3261 §13.2.2.4), not after 20 s."""
    answers = "P -> UAC 200 INVITE to_tag=y @5\nUAC -> P ACK to_tag=y @5.01\nP -> UAC 200 INVITE to_tag=z @5.1\n"
    bye = "UAC -> P BYE cseq=2 to_tag=y @25\nP -> UAC 200 BYE cseq=2 to_tag=y @25.1\n"
    assert ending(FORKED + answers + ack + bye) == ("answered", "normal", "caller", 20.0)


@pytest.mark.parametrize("at_once", [5.15, 8.0])
def test_a_branch_that_was_released_at_once_is_not_the_call(at_once: float) -> None:
    answers = "P -> UAC 200 INVITE to_tag=y @5\nUAC -> P ACK to_tag=y @5.01\nP -> UAC 200 INVITE to_tag=z @5.1\n"
    bye = f"UAC -> P ACK to_tag=z @5.11\nUAC -> P BYE cseq=2 to_tag=y @{at_once}\n"
    assert ending(FORKED + answers + bye)[:2] == ("answered", "active")


def test_the_call_was_answered_when_the_branch_that_it_became_was() -> None:
    answers = "P -> UAC 200 INVITE to_tag=z @5\nP -> UAC 200 INVITE to_tag=y @9\nUAC -> P ACK to_tag=y @9.1\n"
    capture = wire.read(FORKED + answers + "UAC -> P BYE cseq=2 to_tag=y @25\nP -> UAC 200 BYE cseq=2 to_tag=y @25.1\n")
    row = capture.table("calls").row(0, named=True)
    assert (row["setup_s"], row["ring_s"], row["talk_s"], row["pdd_s"]) == (9.0, pytest.approx(8.7), 16.0, 0.3)
    assert capture.table("setups")["final_at"].to_list() == [row["answered_at"]]
    assert capture.table("cdrs")["service_delivery_start_at"].to_list() == [row["answered_at"]]


def test_a_bye_on_one_early_dialog_ends_that_branch_alone() -> None:
    call = (
        FORKED
        + """
        UAC -> P  BYE cseq=2 to_tag=y           @1
        P -> UAC  200 BYE cseq=2 to_tag=y       @1.1
        P -> UAC  200 INVITE to_tag=z           @5
        UAC -> P  ACK to_tag=z                  @5.1
    """
    )
    assert ending(call) == ("answered", "active", None, None)


# -- broken tags -------------------------------------------------------------------------------------------------------


def test_requests_of_the_case_without_a_to_tag() -> None:
    assert endings(of_case("ack_without_tag")) == [("answered", "normal", "caller", 10.0)]


@pytest.mark.parametrize("tags", ["", "to_tag=wrong"])
def test_the_ack_and_the_bye_of_the_one_dialog(tags: str) -> None:
    broken = f"""
        UAC -> UAS  ACK {tags}                  @2.02
        UAC -> UAS  BYE cseq=2 {tags}           @12
        UAS -> UAC  200 BYE cseq=2 {tags}       @12.01
    """
    assert ending(RINGING + OK + broken) == ("answered", "normal", "caller", 10.0)
    assert dialog(RINGING + OK + broken) == ("terminated", "bye", "local")


def test_an_ack_of_two_dialogs_is_of_none() -> None:
    two = "P -> UAC 200 INVITE to_tag=y @5\nP -> UAC 200 INVITE to_tag=z @5.1\nUAC -> P ACK @5.2\n"
    assert ending(FORKED + two + LATER.format(60))[1] == "no_ack"


@pytest.mark.parametrize(("repeats", "detail"), [(copies(2, until=12), "no_ack"), ([], "normal")])
def test_an_ack_with_another_cseq_acknowledges_what_its_server_takes(repeats: list[float], detail: str) -> None:
    """A server that takes it for another sends its 2xx again (RFC 3261 §13.3.1.4)."""
    again = "".join(f"UAS -> UAC 200 INVITE to_tag=y @{at}\n" for at in repeats)
    assert ending(RINGING + OK + "UAC -> UAS ACK cseq=5 @2.02\n" + again + bye_of_the_caller(12))[1] == detail


def test_a_bye_to_a_stranger_ends_nothing() -> None:
    stranger = "UAC -> UAS BYE cseq=2 to_tag=wrong @12\nUAS -> UAC 481 BYE cseq=2 to_tag=wrong @12.01\n"
    assert dialog(ANSWERED + stranger) == ("confirmed", "open", None)


def asked_again(tags: str, answered: str, status: int = 200, *, by: str = "UAC", cseq: int = 2) -> str:
    """A request for another description in the answered call, with the tags that its sender gave and its peer."""
    way, back = ("UAC -> UAS", "UAS -> UAC") if by == "UAC" else ("UAS -> UAC", "UAC -> UAS")
    return (
        f"{way} INVITE cseq={cseq} branch=re {tags} @6\n{back} {status} INVITE cseq={cseq} branch=re {answered} @6.1\n"
        f"{way} ACK cseq={cseq} branch={'k' if status < 300 else 're'} {answered} @6.2\n"
    )


ONE_CALL = (("answered", "normal", "caller", 18.0), 1)


def of_one_dialog(dialogue: str) -> tuple[tuple[Any, ...], int]:
    """The ending of the only call, and the number of its dialogs."""
    return ending(dialogue), wire.read(dialogue).table("dialogs").height


@pytest.mark.parametrize(
    "again",
    [
        asked_again("", "to_tag=y"),
        asked_again("", "to_tag=new", 481),
        asked_again("", "", 488),
        asked_again("from_tag=y", "from_tag=y to_tag=x", by="UAS", cseq=1),
        asked_again("from_tag=x", "from_tag=x to_tag=y", by="UAS", cseq=1),
        asked_again("to_tag=wrong", "to_tag=wrong"),
        asked_again("from_tag=wrong to_tag=y", "from_tag=wrong to_tag=y"),
        asked_again("from_tag=y to_tag=x", "from_tag=y to_tag=x"),
    ],
)
def test_a_reinvite_with_broken_tags_is_no_second_call(again: str) -> None:
    assert of_one_dialog(ANSWERED + again + bye_of_the_caller(20)) == ONE_CALL


def test_the_messages_table_has_the_tags_that_were_sent() -> None:
    capture = wire.read(ANSWERED + asked_again("", "to_tag=y"))
    assert capture.table("messages")["to_tag"].to_list() == [None, "y", "y", "y", None, "y", "y"]
    assert capture.table("problems").filter(code="sip_to_tag_missing")["frame"].to_list() == [5]


def test_an_invite_that_made_a_dialog_of_its_own_is_another_call() -> None:
    assert len(of_dialogue(ANSWERED + asked_again("", "to_tag=new") + bye_of_the_caller(20))) == 2


def test_the_invite_of_the_call_that_is_sent_again_late_is_no_reinvite() -> None:
    copy = asked_again("", "to_tag=y", cseq=1).replace("branch=re", "branch=zINVITE1x")
    capture = wire.read(ANSWERED + copy + bye_of_the_caller(20))
    assert (capture.table("calls").height, capture.table("problems").filter(code="sip_to_tag_missing").height) == (1, 0)


def test_an_invite_without_a_to_tag_behind_the_bye_is_another_call() -> None:
    late = asked_again("", "to_tag=y").replace("@6", "@26")
    assert len(of_dialogue(ANSWERED + bye_of_the_caller(20) + late)) == 2


def test_of_two_dialogs_that_stand_a_refused_invite_is_of_none() -> None:
    two = "".join(
        f"P -> UAC 200 INVITE to_tag={tag} @5\nUAC -> P ACK branch=k{tag} to_tag={tag} @5.1\n" for tag in "yz"
    )
    assert len(of_dialogue(FORKED + two + asked_again("", "", 488).replace("UAS", "P"))) == 2


@pytest.mark.parametrize(
    ("way", "tags", "side"),
    [
        ("UAC -> UAS", "from_tag=y to_tag=x", "caller"),
        ("UAC -> UAS", "from_tag=x to_tag=y", "caller"),
        ("UAS -> UAC", "from_tag=x to_tag=y", "callee"),
        ("UAS -> UAC", "from_tag=y to_tag=x", "callee"),
        ("UAS -> UAC", "from_tag=x", "callee"),
    ],
)
def test_who_hung_up_is_told_by_where_the_bye_came_from(way: str, tags: str, side: str) -> None:
    call = ANSWERED + f"{way} BYE cseq=5 {tags} @12\n"
    assert ending(call)[:3] == ("answered", "normal", side)
    assert dialog(call) == ("terminated", "bye", "local" if side == "caller" else "remote")


def test_a_bye_between_nodes_that_the_invite_passed_both_ways_is_of_its_from_tag() -> None:
    call = """
        A -> P  INVITE branch=a                     @0
        P -> A  INVITE branch=b,a                   @0.1
        A -> P  200 INVITE branch=b,a to_tag=y      @1
        P -> A  200 INVITE branch=a to_tag=y        @1.1
        A -> P  ACK branch=k to_tag=y               @1.2
        P -> A  ACK branch=l,k to_tag=y             @1.3
        A -> P  BYE cseq=2 branch=m to_tag=y        @9
        P -> A  BYE cseq=2 branch=n,m to_tag=y      @9.1
    """
    assert ending(call)[:3] == ("answered", "normal", "caller")


# -- before the answer -------------------------------------------------------------------------------------------------


def test_the_bye_of_the_case_is_the_callers() -> None:
    assert endings(of_case("bye_on_early_dialog")) == [("cancelled", "while_ringing", "caller", None)]


TERMINATED = "UAS -> UAC 487 INVITE to_tag=y @4.2\nUAC -> UAS ACK branch=zINVITE1x to_tag=y @4.3\n"


def test_a_caller_gives_up_with_a_bye_on_the_early_dialog() -> None:
    bye = "UAC -> UAS BYE cseq=2 to_tag=y 'header=Reason: Q.850;cause=16' @4\nUAS -> UAC 200 BYE cseq=2 to_tag=y @4.1\n"
    (row,) = of_dialogue(RINGING + bye + TERMINATED)
    assert (row["outcome"], row["released_by"], row["reason_header"]) == ("cancelled", "caller", "Q.850;cause=16")


def test_a_bye_on_the_early_dialog_whose_487_is_not_in_the_capture() -> None:
    bye = "UAC -> UAS BYE cseq=2 to_tag=y @4\nUAS -> UAC 200 BYE cseq=2 to_tag=y @4.1\n"
    assert ending(RINGING + bye + LATER.format(60))[:3] == ("cancelled", "while_ringing", "caller")


@pytest.mark.parametrize(("answer", "at"), [("200", 6.1), ("481", 6.1), (None, 6.0)])
def test_a_cancelled_call_whose_487_is_not_in_the_capture_has_its_end(answer: str | None, at: float) -> None:
    cancel = "UAC -> UAS CANCEL branch=zINVITE1x @6\n"
    cancel += f"UAS -> UAC {answer} CANCEL branch=zINVITE1x to_tag=y @6.1\n" if answer else ""
    capture = wire.read(RINGING + cancel + LATER.format(60))
    (call,), (dialog,) = capture.table("calls").to_dicts(), capture.table("dialogs").to_dicts()
    assert (call["outcome"], (call["ended_at"] - call["started_at"]).total_seconds()) == ("cancelled", at)
    assert (dialog["end_reason"], dialog["ended_at"]) == ("cancelled", call["ended_at"])


def test_a_487_that_nobody_asked_for_is_nobodys() -> None:
    assert ending(RINGING + TERMINATED)[2] == "unknown"


def test_a_bye_on_one_of_two_early_dialogs_leaves_the_other_ringing() -> None:
    bye = "UAC -> P BYE cseq=2 to_tag=y @1\nP -> UAC 200 BYE cseq=2 to_tag=y @1.1\n"
    assert ending(FORKED + bye + LATER.format(60))[:2] == ("unfinished", "ringing")


def test_an_early_dialog_ends_with_its_invite() -> None:
    early = "UAS -> UAC UPDATE cseq=5 from_tag=y to_tag=x @1\nUAC -> UAS 481 UPDATE cseq=5 from_tag=y to_tag=x @1.1\n"
    assert dialog(RINGING + early) == ("early", "open", None)
    assert dialog(RINGING + early + "UAS -> UAC 486 INVITE to_tag=y @5\n") == ("terminated", "rejected", "remote")


# -- tables that answer one question -----------------------------------------------------------------------------------


def who(dialogue: str) -> tuple[str | None, ...]:
    """``released_by``, ``ended_by`` of the first dialog, ``on_behalf_of`` and ``rule`` of the one call in it."""
    capture = wire.read(dialogue)
    (call,), failure = capture.table("calls").to_dicts(), capture.table("call_failures").row(0, named=True)
    dialogs = capture.table("dialogs")["ended_by"].to_list()
    return call["released_by"], dialogs[0] if dialogs else None, failure["on_behalf_of"], failure["rule"]


def cancelled(*reasons: str, cseq: int = 1, from_tag: str = "x") -> str:
    fields = " ".join(f"'header=Reason: {reason}'" for reason in reasons)
    return RINGING + (
        f"UAC -> UAS CANCEL branch=zINVITE1x cseq={cseq} from_tag={from_tag} {fields} @6\n"
        f"UAS -> UAC 200 CANCEL branch=zINVITE1x cseq={cseq} from_tag={from_tag} to_tag=y @6.1\n"
        "UAS -> UAC 487 INVITE to_tag=y @6.2\nUAC -> UAS ACK branch=zINVITE1x to_tag=y @6.3\n"
    )


@pytest.mark.parametrize(
    ("reasons", "side"),
    [
        (("Q.850;cause=41",), "network"),
        (("Q.850;cause=16", "SIP;cause=408"), "network"),
        (("Q.850;cause=102",), "timer"),
        (("SIP;cause=503",), "node"),
    ],
)
def test_a_cancel_that_no_user_sent_is_so_in_every_table(reasons: tuple[str, ...], side: str) -> None:
    assert who(cancelled(*reasons))[:3] == ("network", "network", side)


@pytest.mark.parametrize(
    "reasons",
    [(), ("Q.850;cause=16",), ("RELEASE_CAUSE;cause=1",), ("Q.850;cause=19",), ("SIP;cause=487",), ("Q.850;cause=0",)],
)
def test_a_cancel_of_the_user_is_so_in_every_table(reasons: tuple[str, ...]) -> None:
    assert who(cancelled(*reasons))[:3] == ("caller", "local", "user")


@pytest.mark.parametrize(("cseq", "from_tag"), [(2, "x"), (1, "z")])
def test_a_cancel_with_another_cseq_or_tag_on_the_callers_hop_is_the_callers(cseq: int, from_tag: str) -> None:
    assert who(cancelled(cseq=cseq, from_tag=from_tag))[:3] == ("caller", "local", "user")


def early_bye(final: int, header: str = "") -> str:
    return f"UAC -> UAS BYE cseq=2 to_tag=y {header} @4\nUAS -> UAC {final} BYE cseq=2 to_tag=y @4.1\n"


def test_a_bye_on_the_early_dialog_with_a_reason_that_no_user_gives() -> None:
    call = RINGING + early_bye(200, "'header=Reason: SIP;cause=503'") + "UAS -> UAC 487 INVITE to_tag=y @4.2\n"
    assert who(call)[:3] == ("network", "network", "network")


def test_a_bye_on_the_early_dialog_that_no_487_follows() -> None:
    assert who(RINGING + early_bye(200) + LATER.format(60))[:3] == ("caller", "local", "user")


def test_a_bye_on_the_early_dialog_that_was_refused_ended_nothing() -> None:
    call = RINGING + early_bye(481) + "UAS -> UAC 200 INVITE to_tag=y @5\nUAC -> UAS ACK to_tag=y @5.1\n"
    call += bye_of_the_caller(20)
    assert ending(call) == ("answered", "normal", "caller", 15.0)
    assert wire.read(call).table("dialogs")["ended_at"].equals(wire.read(call).table("calls")["ended_at"])


def test_a_bye_that_is_sent_again_with_credentials_is_the_first() -> None:
    challenged = "UAC -> UAS BYE cseq=2 to_tag=y @12\nUAS -> UAC 407 BYE cseq=2 to_tag=y @12.1\n"
    assert ending(ANSWERED + challenged + bye_of_the_caller(12.2, cseq=3))[3] == 10.0


REFUSED_UNSEEN = "UAS -> UAC {} INVITE to_tag=y @5\nUAC -> UAS ACK branch=zINVITE1x to_tag=y @5.1\n"


@pytest.mark.parametrize(("status", "side", "behalf"), [(486, "callee", "user"), (503, "unknown", "unknown")])
def test_a_refusal_whose_invite_was_not_captured_names_its_node(status: int, side: str, behalf: str) -> None:
    capture = wire.read(REFUSED_UNSEEN.format(status))
    row = capture.table("call_failures").row(0, named=True)
    assert capture.table("calls")["released_by"].item() == side
    assert (row["on_behalf_of"], row["first_status"], row["failing_node"]) == (behalf, status, "10.0.0.1:5060")
    assert capture.table("failure_path").height == 1


def test_a_cancel_whose_invite_was_not_captured_is_the_callers() -> None:
    call = cancelled().split("UAC -> UAS  INVITE                  @0\n")[1]
    assert who(call)[:3] == ("caller", "local", "user")
