"""What people write first in Python: completion, filters by name, names of calculated columns, why a call failed."""

from __future__ import annotations

import captures
import pytest
from places import SAMPLES

import analyzer
from analyzer.api.queries import with_aliases
from analyzer.errors import FilterError


def test_a_prompt_completes_the_public_names() -> None:
    assert {"read", "parse", "Capture", "Call", "Filter", "compare"} <= {*dir(analyzer)}
    assert {"TYPE_CHECKING", "annotations", "Any"} & {*dir(analyzer)} == set()


def test_criteria_by_their_names() -> None:
    capture = captures.read(SAMPLES / "outcomes.pcap")
    by_name = capture.filter(status="5xx")
    by_object = capture.filter(analyzer.Filter(status="5xx"))
    assert by_name.table("calls").equals(by_object.table("calls"))
    assert set(by_name.table("calls")["status"]) == {500}


@pytest.mark.parametrize(("criteria", "says"), [({"statuss": "5xx"}, "Did you mean status?"), ({"status": "9"}, "4xx")])
def test_a_criterion_that_there_is_not(criteria: dict[str, str], says: str) -> None:
    with pytest.raises(FilterError, match=says.replace("?", r"\?")):
        captures.read(SAMPLES / "outcomes.pcap").filter(**criteria)


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("select avg(status), count(*) from calls", ["avg(status)", "count(*)"]),
        ("select outcome, count(*) as n from calls group by outcome", ["outcome", "n"]),
        ("select outcome, count(*) n from calls group by outcome", ["outcome", "n"]),
        ("SELECT max(status) FROM calls WHERE outcome = 'a, b from (c)'", ["max(status)"]),
        (
            "select sum(case when status > 400 then 1 else 0 end) from calls",
            ["sum(case when status > 400 then 1 else 0 end)"],
        ),
        ("select count(distinct caller) from calls", ["count(distinct caller)"]),
    ],
)
def test_a_calculated_column_is_called_what_was_written(query: str, columns: list[str]) -> None:
    """As SQLite and DuckDB call it."""
    assert captures.read(SAMPLES / "outcomes.pcap").sql(query).columns.tolist() == columns


@pytest.mark.parametrize(
    "query",
    [
        "select * from calls",
        "select no, status + 1 from calls",
        "with x as (select max(no) from calls) select * from x",
        "",
        "select 'max(no)' from calls",
        "select max(no) + min(no) from calls",
    ],
)
def test_other_queries_stay_as_they_are(query: str) -> None:
    assert with_aliases(query) == query
