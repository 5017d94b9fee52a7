"""A filter picks whole calls; outside calls registrations and transactions; and changes no value."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from world import tables

from analyzer.api.filters import Filter
from analyzer.api.picking import apply
from analyzer.errors import FilterError


def picked(table: str = "calls", of: str | None = None, **criteria: object) -> list[object]:
    """First column of table ``of`` after the filter."""
    frame = apply(Filter(**criteria, table=table), tables())[of or table]
    return frame.to_series(0).to_list()


def test_no_criterion_picks_everything() -> None:
    world = tables()
    assert all(apply(Filter(), world)[name] is world[name] for name in world)


@pytest.mark.parametrize(
    "criteria",
    [
        {"call_id": "a2"},
        {"call_id": "a*"},
        {"from_": "+49301234567"},
        {"from_": "1234567@HOME"},
        {"to": "alice"},
        {"to": "*alice@home"},
        {"number": "+49 30 1234567"},
        {"number": "0049301234567"},
        {"number": "0301234567"},
        {"ip": "10.0.0.2"},
        {"ip": "10.0.0.2:5060"},
        {"ip": "10.0.0.0/30", "outcome": "answered"},
        {"status": 200},
        {"status": "2xx", "outcome": "answered,busy"},
        {"until": "2024-05-01T10:00:00.000000001Z"},
        {"until": datetime(2024, 5, 1, 10, 30, tzinfo=UTC)},
        {"since": "2024-05-01 10:00", "until": "2024-05-01T12:30:00+02:00"},
        {"where": "setup_s > 0.5"},
        {"where": "outcome = 'answered' and status between 200 and 299"},
        {"method": "ack,prack"},
    ],
)
def test_a_criterion_picks_the_call_it_speaks_of(criteria: dict[str, object]) -> None:
    assert picked(**criteria) == [10]


@pytest.mark.parametrize(
    "criteria",
    [
        {"ip": "10.0.0.2:5061"},
        {"number": "234"},  # fewer than seven digits are a whole number
        {"call_id": "a"},
        {"since": "2024-05-01T11:00:00.000000001Z"},  # nanoseconds count
        {"from_": "alice"},  # the callee of that call
    ],
)
def test_a_criterion_does_not_pick_what_is_only_near(criteria: dict[str, object]) -> None:
    assert picked(**criteria) == []


def test_all_criteria_must_hold() -> None:
    assert picked(ip="10.0.0.9", status="4xx") == [20]


def test_a_call_comes_with_all_its_messages_on_all_hops_and_duplicates() -> None:
    assert picked(call_id="a2", of="messages") == [10, 12, 11, 13, 14, 15]


def test_a_call_comes_with_its_transactions_and_dialogs() -> None:
    chosen = apply(Filter(call_id="a2"), tables())
    assert (chosen["transactions"]["transaction"].to_list(), chosen["dialogs"]["dialog"].to_list()) == ([10, 11], [10])


def test_values_stay_as_they_were() -> None:
    world = tables()
    assert apply(Filter(outcome="busy"), world)["calls"].equals(world["calls"].filter(world["calls"]["no"] == 2))


def test_a_registration_comes_with_the_challenge_before_it() -> None:
    assert picked("registrations", of="messages", status="200") == [10, 12, 11, 13, 14, 15, 30, 31, 32, 33]


def test_a_registration_is_picked_by_its_address_of_record() -> None:
    assert picked("registrations", from_="carol", of="transactions") == [30, 32]


def test_a_transaction_outside_calls_is_picked_by_its_own_status() -> None:
    assert picked(status="404", of="messages") == [40, 41]


def test_a_stray_message_is_picked_alone() -> None:
    assert picked(ip="10.0.0.8", of="messages") == [70]


def test_a_subscription_is_picked_through_its_messages() -> None:
    assert picked("dialogs", from_="dave") == [60]


def test_status_means_rows_in_messages() -> None:
    assert picked("messages", status="4xx") == [21, 31, 41]


def test_status_means_rows_in_transactions() -> None:
    assert picked("transactions", status="4xx") == [20, 30, 40]


def test_method_means_rows_in_messages() -> None:
    assert picked("messages", method="ACK") == [15, 70]


def test_rows_picked_in_one_table_pick_their_calls_in_the_others() -> None:
    assert picked("messages", method="ACK", of="calls") == [10]


def test_outcome_is_that_of_the_table_which_has_one() -> None:
    assert picked("transactions", outcome="timeout") == [60]


def test_outcome_is_that_of_the_call_elsewhere() -> None:
    assert picked("messages", outcome="busy") == [20, 21]


def test_where_means_rows_of_the_table_looked_at() -> None:
    assert picked("messages", where="has_sdp") == [10]


def test_where_on_dialogs_picks_the_messages_of_their_calls() -> None:
    assert picked("dialogs", where="usage = 'subscribe'", of="messages") == [60]


def test_problems_are_those_of_the_packets_picked() -> None:
    assert picked("problems", outcome="busy") == [1]


def test_files_are_those_with_a_message_picked() -> None:
    assert picked("files", outcome="busy") == ["a.pcap"]


def test_where_on_a_table_about_the_capture_narrows_that_table_only() -> None:
    chosen = apply(Filter(where="layer = 'tcp'", table="problems"), tables())
    assert (chosen["problems"].height, chosen["calls"].height) == (1, 2)


def test_account_stays_whole() -> None:
    assert picked("account", outcome="busy", of="account") == ["sip", "udp"]


@pytest.mark.parametrize(
    ("criteria", "says"),
    [
        ({"status": "4x"}, "4xx,503"),
        ({"status": "４００"}, "4xx,503"),
        ({"status": ""}, "4xx,503"),
        ({"outcome": "busy,bussy"}, "the outcomes of calls are answered"),
        ({"outcome": "busy", "table": "registrations"}, "the outcomes of registrations are registered"),
        ({"ip": "10.0.0"}, "address"),
        ({"ip": "10.0.0.1:"}, "address"),
        ({"number": "alice"}, "digits"),
        ({"since": "noon"}, "RFC 3339"),
        ({"since": "2024-13-01"}, "RFC 3339"),
        ({"since": "2024-05-01", "tz": "Mars/Base"}, "Europe/Berlin"),
        ({"method": "INVITE BYE"}, "INVITE,BYE"),
        ({"where": "nonsense > 1"}, "Columns: call, no"),
        ({"where": "pdd_s >"}, "SQL condition"),
        ({"where": "pdd_s"}, "SQL condition"),
        ({"where": "no = 1; drop table calls"}, "SQL condition"),
        ({"where": "read_csv('/etc/passwd')"}, "SQL condition"),
        ({"where": "started_at > '2024-05-01'"}, "since and until"),
        ({"table": "kpis", "ip": "10.0.0.1"}, "there are findings"),
    ],
)
def test_what_cannot_be_understood_says_what_is_wanted(criteria: dict[str, object], says: str) -> None:
    with pytest.raises(FilterError) as error:
        Filter(**criteria)
    assert says in str(error.value)


def test_a_time_without_an_offset_is_local() -> None:
    # Berlin is two hours ahead of UTC in May.
    assert picked(until="2024-05-01T12:30", tz="Europe/Berlin") == [10]
