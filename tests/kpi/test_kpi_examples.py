"""Each KPI gives what its example says, worked by hand, and has all that the page, explain and people need of it."""

from __future__ import annotations

import pytest
from kpi import rows

from analyzer.kpi.catalogue import FAMILIES, KPIS


@pytest.mark.parametrize("name", KPIS)
def test_the_worked_example(name: str) -> None:
    kpi = KPIS[name]
    example = kpi.example
    found = rows.one(kpi, example.rows, covered=rows.files((0, example.lasts)))
    wanted = (example.numerator, example.denominator, example.value, example.excluded)
    assert tuple(found[column] for column in ("numerator", "denominator", "value", "excluded")) == pytest.approx(wanted)


@pytest.mark.parametrize("name", KPIS)
def test_nothing_is_no_data_or_none_at_all(name: str) -> None:
    """RFC 6076 §4: a ratio over nothing is undefined, not 0 and not 1; a rate of nothing is 0."""
    found = rows.one(KPIS[name], [])
    over_time = KPIS[name].kind in ("rate", "load", "peak_rate", "peak_load")
    assert (found["value"], found["note"]) in ([(0.0, None), (None, "no_data")] if over_time else [(None, "no_data")])


def test_every_kpi_has_its_texts_in_both_languages_and_its_place() -> None:
    assert sum(map(len, FAMILIES.values())) == len(KPIS)
    lacking = [
        kpi.name
        for kpi in KPIS.values()
        if not all(kpi.titles.get(language) and kpi.texts.get(language) for language in ("en", "zh"))
        or not (kpi.standard and all(kpi.formula) and kpi.chosen)
        or (kpi.kind == "duration") != bool(kpi.missing)
        or kpi.name.endswith("_s") != (kpi.kind == "duration")
    ]
    assert lacking == []
