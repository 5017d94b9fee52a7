"""Responses, links and failures over dialogues whose numbers are worked out by hand."""

from __future__ import annotations

import captures
import merged
import polars as pl
import pytest
from measure.dialogue import capture
from places import SAMPLES

import analyzer
from analyzer import schema
from analyzer.errors import FilterError, NotFound

# Two calls through a proxy, on two hops each: one answered, one refused by the phone; an OPTIONS that nobody answers.
THROUGH_A_PROXY = """
    A -> P  INVITE branch=a                              @0.000
    P -> A  100 INVITE branch=a                          @0.010
    P -> B  INVITE branch=b,a                            @0.020
    B -> P  180 INVITE branch=b,a to_tag=y               @0.200
    P -> A  180 INVITE branch=a to_tag=y                 @0.210
    B -> P  180 INVITE branch=b,a to_tag=y               @1.200
    P -> A  180 INVITE branch=a to_tag=y                 @1.210
    B -> P  200 INVITE branch=b,a to_tag=y               @3.000
    P -> A  200 INVITE branch=a to_tag=y                 @3.010
    P -> A  200 INVITE branch=a to_tag=y                 @3.510
    A -> P  INVITE call_id=2 from_tag=z branch=c         @10.000
    P -> A  100 INVITE call_id=2 from_tag=z branch=c     @10.010
    P -> B  INVITE call_id=2 from_tag=z branch=d,c       @10.020
    B -> P  486 INVITE call_id=2 from_tag=z branch=d,c to_tag=v reason_header=Q.850;cause=17  @10.100
    P -> A  486 INVITE call_id=2 from_tag=z branch=c to_tag=v  @10.110
    A -> P  OPTIONS call_id=3 branch=e                   @20.000
    A -> P  OPTIONS call_id=3 branch=e                   @20.500
    A -> P  OPTIONS call_id=3 branch=e                   @21.500
"""


def rows(frame: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return frame.select(columns).rows()


# ---- responses -------------------------------------------------------------------------------------------------------


def test_each_hop_counts_and_a_response_sent_again_does_not() -> None:
    """Four INVITE transactions: two calls on two hops. 180 came twice in each of the first two; 100 on one hop each."""
    found = capture(THROUGH_A_PROXY).measure("responses")
    assert rows(found, "method", "status", "transactions", "total", "resent") == [
        ("INVITE", 100, 2, 4, 0),
        ("INVITE", 180, 2, 4, 2),
        ("INVITE", 200, 2, 4, 1),
        ("INVITE", 486, 2, 4, 0),
        ("OPTIONS", None, 1, 1, 0),
    ]


def test_by_class_a_transaction_with_several_provisionals_counts_once() -> None:
    """A got 100 and 180 in the first call, 100 in the second; P got 180 in the first."""
    found = capture(THROUGH_A_PROXY).measure("responses", by="class")
    assert rows(found, "class", "transactions", "share") == [
        ("1xx", 3, 0.6),
        ("2xx", 2, 0.4),
        ("4xx", 2, 0.4),
        (None, 1, 0.2),
    ]


def test_a_peer_is_told_apart_by_the_direction_of_the_requests() -> None:
    """P receives requests on the hop from A (three transactions), and sends those on the hop to B (two)."""
    found = capture(THROUGH_A_PROXY).measure("responses", by="peer,class").filter(peer="P", **{"class": "4xx"})
    assert rows(found, "direction", "transactions", "total") == [("from_peer", 1, 2), ("to_peer", 1, 3)]


def test_intervals_begin_on_the_full_unit() -> None:
    found = capture(THROUGH_A_PROXY).measure("responses", by=["class"], every="10s")
    finals = found.filter(pl.col("class") != "1xx").with_columns(pl.col("interval_at").dt.second())
    assert rows(finals, "interval_at", "class", "transactions", "total") == [(0, "2xx", 2, 2), (10, "4xx", 2, 2)]


def test_a_day_is_that_of_the_time_zone() -> None:
    """2026-01-01T00:00:00Z is still 2025 in New York."""
    found = capture(THROUGH_A_PROXY).measure("responses", by="class", every="1d", tz="America/New_York")
    assert found["interval_at"].unique().dt.to_string("%Y-%m-%dT%H:%M").to_list() == ["2025-12-31T05:00"]


@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_finals_add_up_to_the_transactions_and_shares_to_one(origin: str) -> None:
    cap = merged.capture(origin)
    found = cap.measure("responses").filter((pl.col("status") >= 200) | pl.col("status").is_null())
    assert found["transactions"].sum() == cap.table("transactions").height
    sums = found.group_by("method").agg(pl.col("share").sum())["share"]
    assert sums.to_list() == pytest.approx([1.0] * len(sums))


# ---- links -----------------------------------------------------------------------------------------------------------


def test_a_link_counts_copies_and_timeouts() -> None:
    """A > P: INVITE, INVITE, and OPTIONS sent three times; 200 sent twice, 486 once: 2+1 copies of 5+3 sent."""
    found = capture(THROUGH_A_PROXY).measure("links")
    columns = ("client_ip", "server_ip", "transactions", "timeouts", "requests", "resent_requests", "responses")
    assert rows(found, *columns, "resent_responses", "resent_share") == [
        ("A", "P", 3, 1, 5, 2, 3, 1, 3 / 8),
        ("P", "B", 2, 0, 2, 0, 2, 0, 0.0),
    ]


def test_the_share_of_timeouts_leaves_out_what_has_no_known_end() -> None:
    """One request timed out, one was answered, one is still waited for, of one only the response was seen."""
    found = capture(
        """
        A -> B  OPTIONS call_id=1 branch=a       @0
        A -> B  OPTIONS call_id=2 branch=b       @50
        B -> A  200 OPTIONS call_id=2 branch=b   @50.1
        A -> B  OPTIONS call_id=3 branch=c       @90
        B -> A  200 OPTIONS call_id=4 branch=d   @95
        """,
        ends=100,
    ).measure("links")
    assert rows(found, "transactions", "timeouts", "pending", "orphans", "timeout_share") == [(4, 1, 1, 1, 0.5)]


def test_a_share_of_nothing_is_undefined() -> None:
    """RFC 6076 §4."""
    found = capture("A -> B OPTIONS @90", ends=91).measure("links")
    assert found["timeout_share"].to_list() == [None]


def test_the_time_to_the_first_response_is_to_any_response() -> None:
    """A > P: 100 after 10 ms twice; the OPTIONS has none. P > B: 180 after 180 ms, 486 after 80 ms."""
    found = capture(THROUGH_A_PROXY).measure("links")
    assert rows(found, "response_median_s", "response_p95_s") == [(0.01, 0.01), (0.08, 0.18)]


def test_links_can_be_told_apart_by_more() -> None:
    found = capture(THROUGH_A_PROXY).measure("links", by="server_ip,method")
    assert rows(found, "server_ip", "method", "transactions") == [
        ("B", "INVITE", 2),
        ("P", "INVITE", 2),
        ("P", "OPTIONS", 1),
    ]


def test_a_transport_error_is_no_timeout() -> None:
    found = capture("A -> B OPTIONS @0", failures="A -> B icmp_unreachable @0.01").measure("links")
    assert rows(found, "timeouts", "transport_errors", "timeout_share") == [(0, 1, 0.0)]


# ---- failures --------------------------------------------------------------------------------------------------------


def test_a_failure_counts_once_over_its_hops_and_comes_from_where_it_was_seen_first() -> None:
    found = capture(THROUGH_A_PROXY).measure("failures")
    assert rows(found, "method", "status", "requests", "share", "calls", "node", "reason_header", "no") == [
        ("INVITE", 486, 1, 0.5, 1, "B:5060", "Q.850;cause=17", 2),
        ("OPTIONS", None, 1, 0.5, 0, "P:5060", None, None),
    ]


def test_a_timer_of_the_proxy_is_followed_to_who_was_silent() -> None:
    """B is silent, the proxy gives up waiting for it with 408 (RFC 3261 §16.8)."""
    found = capture(
        """
        A -> P  INVITE branch=a               @0
        P -> B  INVITE branch=b,a             @0.1
        P -> A  408 INVITE branch=a to_tag=p  @32
        """
    ).measure("failures")
    assert rows(found, "status", "requests", "node") == [(408, 1, "B:5060")]


def test_without_a_response_the_node_is_the_farthest_that_was_asked() -> None:
    found = capture("A -> P INVITE branch=a @0\nP -> B INVITE branch=b,a @0.1").measure("failures")
    assert rows(found, "status", "node") == [(None, "B:5060")]


def test_a_fork_that_failed_is_no_failure_of_the_call_that_another_answered() -> None:
    found = capture(
        """
        A -> P  INVITE branch=a                   @0
        P -> B  INVITE branch=b,a                 @0.1
        P -> C  INVITE branch=c,a                 @0.1
        B -> P  486 INVITE branch=b,a to_tag=b    @0.2
        C -> P  200 INVITE branch=c,a to_tag=c    @0.3
        P -> A  200 INVITE branch=a to_tag=c      @0.4
        """
    ).measure("failures")
    assert found.is_empty()


CHALLENGED = """
    A -> P  REGISTER branch=a cseq=1                         @0
    P -> A  401 REGISTER branch=a cseq=1 challenge to_tag=p  @0.1
"""


def test_a_challenge_that_is_taken_up_is_no_failure() -> None:
    taken_up = """
    A -> P  REGISTER branch=b cseq=2 credentials             @0.2
    P -> A  200 REGISTER branch=b cseq=2 to_tag=p            @0.3
    """
    assert capture(CHALLENGED + taken_up).measure("failures").is_empty()


def test_a_challenge_that_is_not_taken_up_is_one() -> None:
    assert rows(capture(CHALLENGED).measure("failures"), "method", "status", "requests") == [("REGISTER", 401, 1)]


def test_credentials_that_are_refused_fail_once() -> None:
    refused = """
    A -> P  REGISTER branch=b cseq=2 credentials             @0.2
    P -> A  401 REGISTER branch=b cseq=2 challenge to_tag=p  @0.3
    """
    assert capture(CHALLENGED + refused).measure("failures")["requests"].to_list() == [1]


def test_an_invite_that_was_cancelled_did_not_fail() -> None:
    assert captures.read(SAMPLES / "cancel.pcap").measure("failures").is_empty()


def test_failures_of_a_sample() -> None:
    """Each call of the sample ends in another way; the seventh is cancelled (answered elsewhere)."""
    found = captures.read(SAMPLES / "outcomes.pcap").measure("failures")
    assert sorted(found["status"]) == [404, 407, 420, 488, 500, 603]
    assert found["node"].unique().to_list() == ["192.0.2.20:5060"]


@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_shares_of_failures_add_up_to_one(origin: str) -> None:
    found = merged.capture(origin).measure("failures", by="node")
    assert found["share"].sum() == pytest.approx(1.0)


# ---- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", schema.MEASURES)
@pytest.mark.parametrize("every", [None, "1m"])
def test_columns_and_types_are_as_the_schema_says(name: str, every: str | None) -> None:
    for path in ("volte_call.pcap", "outside_calls.pcap", "format_cut.pcap"):
        found = captures.read(SAMPLES / path).measure(name, every=every)
        described = schema.MEASURES[name].polars()
        assert {column: found.schema[column] for column in described} == described


@pytest.mark.parametrize("name", schema.MEASURES)
def test_a_capture_without_sip_gives_tables_all_the_same(name: str) -> None:
    found = capture("").measure(name)
    assert [column for column in found.columns if column in schema.MEASURES[name].names] == [
        column for column in schema.MEASURES[name].names if column in found.columns
    ]


@pytest.mark.parametrize("name", schema.MEASURES)
def test_pandas_has_the_same_columns(name: str) -> None:
    cap = capture(THROUGH_A_PROXY)
    assert list(getattr(cap, name)().columns) == cap.measure(name).columns


def test_measured_over_what_a_filter_picks() -> None:
    cap = capture(THROUGH_A_PROXY).filter(analyzer.Filter(call_id="2"))
    assert rows(cap.measure("responses", by="class"), "class", "transactions") == [("1xx", 1), ("4xx", 2)]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"by": "colour"}, "'colour'"),
        ({"every": "1 fortnight"}, "30s, 1m, 1h, 1d"),
        ({"every": "0s"}, "30s, 1m, 1h, 1d"),
        ({"every": "1h", "tz": "Mars"}, "'Mars'"),
    ],
)
def test_what_cannot_be_understood_is_told(how: dict[str, str], says: str) -> None:
    with pytest.raises(FilterError, match=says):
        capture(THROUGH_A_PROXY).measure("links", **how)


def test_a_measure_that_is_none_is_told() -> None:
    with pytest.raises(NotFound, match="responses, failures"):
        capture("").measure("weather")
