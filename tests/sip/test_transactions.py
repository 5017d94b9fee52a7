"""Transactions: RFC 3261 §17 as an observer sees it, worked by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from analyzer import schema
from analyzer.sip import acknowledgement, states
from analyzer.sip.transactions import transactions
from tests.sip import frames


def table(dialogue: str, *, end: float = 1000.0, failed: str = "", **options: Any) -> pl.DataFrame:
    return transactions(frames.messages(dialogue), frames.failures(failed), end=frames.at(end), **options)


def rows(dialogue: str, **options: Any) -> list[dict[str, Any]]:
    return table(dialogue, **options).to_dicts()


def only(dialogue: str, **options: Any) -> dict[str, Any]:
    (row,) = rows(dialogue, **options)
    return row


def outcomes(dialogue: str, **options: Any) -> list[str]:
    return [row["outcome"] for row in rows(dialogue, **options)]


def seconds(time: Any) -> float:
    return (time.timestamp() * 1_000_000_000 - frames.START_NS) / 1_000_000_000


def test_columns_and_types_are_those_of_the_schema() -> None:
    expected = {name: kind for name, kind in schema.TRANSACTIONS.polars().items() if name != "call"}
    assert dict(table("UAC -> P OPTIONS @0").schema) == expected
    assert list(table("").schema) == list(expected)


def test_a_call_is_one_invite_and_one_bye_per_hop() -> None:
    found = table("""
        UAC -> P    INVITE branch=a                              @0
        P   -> UAC  100 INVITE branch=a                          @0.01
        P   -> UAS  INVITE branch=b,a                            @0.02
        UAS -> P    180 INVITE branch=b,a to_tag=y               @1
        P   -> UAC  180 INVITE branch=a to_tag=y                 @1.01
        UAS -> P    200 INVITE branch=b,a to_tag=y               @5
        P   -> UAC  200 INVITE branch=a to_tag=y                 @5.01
        UAC -> UAS  ACK branch=c to_tag=y                        @5.1
        UAC -> UAS  BYE cseq=2 branch=d to_tag=y                 @9
        UAS -> UAC  200 BYE cseq=2 branch=d to_tag=y             @9.5
    """)
    assert found.select("transaction", "method", "via_count", "status", "outcome").rows() == [
        (1, "INVITE", 1, 200, "completed"),
        (3, "INVITE", 2, 200, "completed"),
        (9, "BYE", 1, 200, "completed"),
    ]


def test_delays_run_from_the_first_byte_of_the_request_to_the_end_of_the_response() -> None:
    row = only("""
        UAC -> P  INVITE            @0.1..0.3
        P -> UAC  100 INVITE        @0.4..0.6
        P -> UAC  180 INVITE        @0.7
        P -> UAC  200 INVITE        @1.1..2.1
    """)
    assert (row["provisional_delay_s"], row["final_delay_s"]) == (0.5, 2.0)


def test_times_are_of_the_first_request_the_first_1xx_and_the_first_final() -> None:
    row = only("""
        UAC -> P  INVITE            @0
        UAC -> P  INVITE            @0.5
        P -> UAC  100 INVITE        @1
        P -> UAC  180 INVITE        @2
        P -> UAC  486 INVITE        @3
        P -> UAC  486 INVITE        @3.5
    """)
    names = ("started_at", "first_provisional_at", "final_at")
    assert [seconds(row[name]) for name in names] == [0, 1, 3]


def test_request_and_final_are_counted_with_their_copies_and_the_ack_in_none() -> None:
    row = only("""
        UAC -> P  INVITE            @0
        UAC -> P  INVITE            @0.5
        UAC -> P  INVITE            @1.5
        P -> UAC  486 INVITE        @2
        P -> UAC  486 INVITE        @2.5
        UAC -> P  ACK               @2.6
    """)
    assert (row["request_copies"], row["response_copies"]) == (3, 2)


def test_a_final_of_another_branch_is_no_copy() -> None:
    row = only("""
        UAC -> P  INVITE            @0
        P -> UAC  200 INVITE to_tag=y    @1
        P -> UAC  200 INVITE to_tag=z    @1.2
        P -> UAC  200 INVITE to_tag=y    @1.5
    """)
    assert row["response_copies"] == 2


def test_a_final_without_a_to_tag_is_counted_with_its_copies() -> None:
    row = only("""
        UAC -> P  OPTIONS           @0
        P -> UAC  404 OPTIONS       @1
        P -> UAC  404 OPTIONS       @1.5
    """)
    assert row["response_copies"] == 2


def test_the_first_final_gives_status_and_reason() -> None:
    row = only("""
        UAC -> P  OPTIONS                             @0
        P -> UAC  503 OPTIONS reason_phrase=Busy      @1
        P -> UAC  200 OPTIONS                         @2
    """)
    assert (row["status"], row["reason_phrase"]) == (503, "Busy")


def test_duplicates_count_in_no_figure() -> None:
    row = only("""
        UAC -> P  OPTIONS              @0
        UAC -> P  OPTIONS original=1   @0
        P -> UAC  200 OPTIONS          @1
        P -> UAC  200 OPTIONS original=3  @1
    """)
    assert (row["request_copies"], row["response_copies"]) == (1, 1)


def test_a_request_alone_has_no_response_to_count() -> None:
    assert only("UAC -> P OPTIONS @0")["response_copies"] == 0


@pytest.mark.parametrize(("end", "outcome"), [(31.9, "pending"), (32.0, "timeout")])
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_without_any_response_64_t1_decide(method: str, end: float, outcome: str) -> None:
    assert outcomes(f"UAC -> P {method} @0", end=end) == [outcome]


def test_timeout_counts_from_the_first_copy_of_the_request() -> None:
    assert outcomes("UAC -> P OPTIONS @0\nUAC -> P OPTIONS @31.5", end=32) == ["timeout"]


def test_towards_a_ue_t1_is_two_seconds() -> None:
    assert outcomes("UAC -> P OPTIONS @0", end=127, timers=states.IMS_GM) == ["pending"]


@pytest.mark.parametrize(("end", "outcome"), [(36.9, "pending"), (37.0, "provisional_only")])
def test_a_request_with_a_1xx_alone_waits_64_t1_after_it(end: float, outcome: str) -> None:
    assert outcomes("UAC -> P OPTIONS @0\nP -> UAC 100 OPTIONS @5", end=end) == [outcome]


@pytest.mark.parametrize(("end", "outcome"), [(250, "pending"), (250.1, "provisional_only")])
def test_an_invite_with_a_1xx_waits_for_timer_c_after_the_last(end: float, outcome: str) -> None:
    dialogue = """
        UAC -> P  INVITE            @0
        P -> UAC  180 INVITE        @10
        P -> UAC  180 INVITE        @70
    """
    assert outcomes(dialogue, end=end) == [outcome]


def test_responses_alone_are_an_orphan_of_the_client_that_got_them() -> None:
    row = only("""
        P -> UAC  100 INVITE   @0
        P -> UAC  486 INVITE   @1
    """)
    client = (row["client_ip"], row["server_ip"])
    assert (row["outcome"], row["status"], row["request_copies"], client) == ("orphan", 486, 0, ("UAC", "P"))


def test_an_orphan_has_no_start_and_no_delay() -> None:
    row = only("P -> UAC 200 OPTIONS @1")
    assert (row["started_at"], row["final_delay_s"]) == (None, None)


def test_487_means_cancelled() -> None:
    dialogue = """
        UAC -> P  INVITE         @0
        P -> UAC  180 INVITE     @1
        UAC -> P  CANCEL         @2
        P -> UAC  200 CANCEL     @2.1
        P -> UAC  487 INVITE     @2.2
        UAC -> P  ACK            @2.3
    """
    assert [(row["method"], row["outcome"]) for row in rows(dialogue)] == [
        ("INVITE", "cancelled"),
        ("CANCEL", "completed"),
    ]


def test_an_accepted_cancel_cancels_an_invite_without_a_final() -> None:
    dialogue = """
        UAC -> P  INVITE         @0
        P -> UAC  180 INVITE     @1
        UAC -> P  CANCEL         @2
        P -> UAC  200 CANCEL     @2.1
    """
    assert outcomes(dialogue) == ["cancelled", "completed"]


def test_a_refused_cancel_cancels_nothing() -> None:
    dialogue = """
        UAC -> P  INVITE         @0
        P -> UAC  180 INVITE     @1
        UAC -> P  CANCEL         @2
        P -> UAC  481 CANCEL     @2.1
    """
    assert outcomes(dialogue) == ["provisional_only", "completed"]


def test_a_cancel_that_crosses_the_answer_leaves_it_completed() -> None:
    dialogue = """
        UAC -> P  INVITE         @0
        UAC -> P  CANCEL         @2
        P -> UAC  200 INVITE     @2.05
        P -> UAC  200 CANCEL     @2.1
    """
    assert outcomes(dialogue) == ["completed", "completed"]


def test_487_to_another_method_is_just_its_final() -> None:
    assert outcomes("UAC -> P REFER @0\nP -> UAC 487 REFER @1") == ["completed"]


def test_an_ack_without_its_invite_is_no_transaction() -> None:
    assert rows("UAC -> P ACK @0") == []


def test_icmp_about_the_request_is_a_transport_error() -> None:
    assert outcomes("UAC -> P INVITE @0", failed="UAC -> P icmp_unreachable @0.01") == ["transport_error"]


def test_icmp_about_one_copy_is_none_where_another_is_answered() -> None:
    dialogue = """
        UAC -> P  INVITE         @0
        UAC -> P  INVITE         @0.5
        P -> UAC  180 INVITE     @0.6
    """
    assert outcomes(dialogue, failed="UAC -> P icmp_unreachable @0.01", end=100) == ["pending"]


def test_icmp_before_the_request_is_not_about_it() -> None:
    assert outcomes("UAC -> P INVITE @1", failed="UAC -> P icmp_unreachable @0.9") == ["timeout"]


@pytest.mark.parametrize(("at", "outcome"), [(33.5, "transport_error"), (33.6, "timeout")])
def test_icmp_counts_for_32_s_after_the_last_copy(at: float, outcome: str) -> None:
    dialogue = "UAC -> P INVITE @0\nUAC -> P INVITE @0.5\nUAC -> P INVITE @1.5"
    assert outcomes(dialogue, failed=f"UAC -> P icmp_unreachable @{at}") == [outcome]


def test_icmp_about_another_flow_is_not_about_it() -> None:
    assert outcomes("UAC:5062 -> P INVITE @0", failed="UAC -> P icmp_unreachable @0.01") == ["timeout"]


@pytest.mark.parametrize("way", ["UAC -> P", "P -> UAC"])
@pytest.mark.parametrize(("transport", "kind"), [("tcp", "tcp_reset"), ("tls", "tcp_reset"), ("sctp", "sctp_abort")])
def test_a_torn_connection_is_a_transport_error_from_either_side(way: str, transport: str, kind: str) -> None:
    carrier = "sctp" if transport == "sctp" else "tcp"
    failed = f"{way} {kind} transport={carrier} @5"
    assert outcomes(f"UAC -> P INVITE transport={transport} @0", failed=failed) == ["transport_error"]


def test_a_connection_torn_while_it_rings_is_a_transport_error() -> None:
    dialogue = "UAC -> P INVITE transport=tcp @0\nP -> UAC 180 INVITE transport=tcp @1"
    assert outcomes(dialogue, failed="P -> UAC tcp_reset transport=tcp @60") == ["transport_error"]


def test_a_connection_torn_after_the_timeout_changes_nothing() -> None:
    failed = "P -> UAC tcp_reset transport=tcp @60"
    assert outcomes("UAC -> P INVITE transport=tcp @0", failed=failed) == ["timeout"]


def test_a_connection_torn_after_the_final_changes_nothing() -> None:
    dialogue = "UAC -> P OPTIONS transport=tcp @0\nP -> UAC 200 OPTIONS transport=tcp @1"
    assert outcomes(dialogue, failed="P -> UAC tcp_reset transport=tcp @2") == ["completed"]


def test_a_response_captured_before_its_request_leaves_no_delay() -> None:
    row = only("P -> UAC 200 OPTIONS @1\nUAC -> P OPTIONS @1.1")
    assert (row["outcome"], row["client_ip"], row["final_delay_s"]) == ("completed", "UAC", None)


def test_messages_without_a_time_are_in_no_delay() -> None:
    row = only("UAC -> P OPTIONS @-\nP -> UAC 200 OPTIONS @1")
    assert (row["outcome"], row["started_at"], row["final_delay_s"]) == ("completed", None, None)


def test_a_capture_without_times_knows_no_timeout() -> None:
    found = transactions(frames.messages("UAC -> P OPTIONS @-"), frames.failures(), end=None)
    assert found["outcome"].to_list() == ["pending"]


def test_a_1xx_without_a_time_is_a_1xx() -> None:
    assert outcomes("UAC -> P INVITE @0\nP -> UAC 180 INVITE @-", end=40) == ["pending"]


def test_rows_stand_in_the_order_of_their_earliest_messages() -> None:
    found = table("""
        UAC -> P  OPTIONS cseq=5      @0
        UAC -> P  MESSAGE cseq=2      @1
        P -> UAC  200 MESSAGE cseq=2  @2
        P -> UAC  200 OPTIONS cseq=5  @3
    """)
    assert found["transaction"].to_list() == [1, 2]


@pytest.mark.parametrize("machine", [states.INVITE_CLIENT, states.NON_INVITE_CLIENT])
def test_a_client_that_waits_has_one_timer(machine: states.Machine) -> None:
    assert all(sum(event in states.RFC_3261 for event in events) == 1 for events in machine.values())


def test_what_follows_a_final_moves_nothing() -> None:
    assert states.outcome(states.INVITE_CLIENT, ["2xx", "300-699", "B"]) == "completed"


@pytest.mark.parametrize("ack", ["branch=a", "branch=b"])
def test_an_invite_that_its_client_acknowledged_did_not_time_out(ack: str) -> None:
    """One direction was captured: an ACK of the INVITE's branch acknowledges a refusal, of another branch a 2xx."""
    (invite, *_) = outcomes(f"UAC -> P INVITE branch=a @0\nUAC -> P ACK {ack} to_tag=y @1\nX -> Y OPTIONS @100")
    assert invite == "completed"


def test_of_two_branches_of_a_fork_it_is_not_known_which_an_ack_acknowledges() -> None:
    forks = "P -> B INVITE branch=b,a @0\nP -> B INVITE branch=c,a @0.1\n"
    assert outcomes(forks + "P -> B ACK branch=q,a to_tag=y @3\nX -> Y OPTIONS @100")[:2] == ["timeout", "timeout"]


@pytest.mark.parametrize(
    ("dialogue", "heard"),
    [
        ("UAC -> P INVITE branch=a @0\nUAC -> P ACK branch=b to_tag=y @1", True),
        ("UAC -> P INVITE branch=a @0\nUAC -> P CANCEL branch=a @1\nUAC -> P ACK branch=a to_tag=y @2", True),
        (
            "P -> B INVITE branch=b,a @0\nP -> B INVITE branch=c,a @0.1\nP -> B ACK branch=q,a to_tag=y @3",
            False,
        ),
    ],
)
def test_that_a_final_came_that_was_not_captured_is_one_answer_everywhere(dialogue: str, heard: bool) -> None:
    messages = frames.messages(dialogue)
    found = transactions(messages, frames.failures(""), end=frames.at(1000))
    completed = found.filter(pl.col("method") == "INVITE", pl.col("outcome") == "completed")["transaction"].to_list()
    assert acknowledgement.unheard(messages, found)["transaction"].to_list() == completed
    assert bool(completed) == heard
