"""The values that columns have are those that the catalogue lists."""

from __future__ import annotations

import captures
import pytest

from analyzer import schema

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group(captures.TOGETHER)]


def test_columns_have_no_other_values_than_are_listed() -> None:
    unlisted = {}
    for name, table in schema.TABLES.items():
        for column in table.columns:
            if column.values:
                found = set(captures.together().table(name)[column.name].drop_nulls().unique())
                if found - set(column.allowed):
                    unlisted[f"{name}.{column.name}"] = found - set(column.allowed)
    assert unlisted == {}


def test_measured_tables_too() -> None:
    unlisted = {}
    for name, table in schema.MEASURES.items():
        frame = captures.together().measure(name)
        for column in table.columns:
            if column.values:
                found = set(frame[column.name].drop_nulls().unique())
                if found - set(column.allowed):
                    unlisted[f"{name}.{column.name}"] = found - set(column.allowed)
    assert unlisted == {}


def test_the_samples_show_most_of_them() -> None:
    """Else the tests above would prove little."""
    of_calls = {name: schema.CALLS.column(name).allowed for name in ("outcome", "released_by")}
    shown = {name: set(captures.together().table("calls")[name].drop_nulls()) for name in of_calls}
    assert all(len(shown[name]) * 4 >= len(allowed) * 3 for name, allowed in of_calls.items())
