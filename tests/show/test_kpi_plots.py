"""The figures of KPIs draw what the table says, and where it says little."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from kpi import rows
from matplotlib.figure import Figure
from matplotlib.text import Text

from analyzer.errors import AnalyzerError
from analyzer.show import plots

#: Two minutes: 40 of 50 answered, then 1 of 4; nothing in the third, one in the fourth.
CALLS = [
    (40, {"outcome": "answered", "started_at": 5, "caller": "A", "setup_s": 2.0}),
    (10, {"outcome": "busy", "status": 486, "started_at": 5, "caller": "B"}),
    (1, {"outcome": "answered", "started_at": 65, "caller": "B", "setup_s": 9.0}),
    (3, {"outcome": "busy", "status": 486, "started_at": 65, "caller": "B"}),
    (1, {"outcome": "answered", "started_at": 185, "caller": "A", "setup_s": 1.0}),
]


def table(**how: str) -> pl.DataFrame:
    return rows.measured("calls", rows.frame("calls", CALLS), rows.files((0, 240)), **how)


def texts(figure: Figure) -> list[str]:
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text)]


def test_a_share_over_time_breaks_where_there_is_no_data() -> None:
    figure = plots.kpi_over_time(table(every="1m", only="ser"), kpi="ser")
    line = next(line for line in figure.axes[0].lines if line.get_label() == "ser")
    assert np.array_equal(line.get_ydata(), [0.8, 0.25, np.nan, 1.0], equal_nan=True)
    hollow = next(line for line in figure.axes[0].lines if line.get_markerfacecolor() == "none")
    assert list(hollow.get_ydata()) == [0.25, 1.0]
    assert "n 55; bands: 95 % intervals; hollow: n < 30" in texts(figure)


def test_the_band_is_the_interval_of_the_table() -> None:
    of = table(every="1m", only="ser").filter(~pl.col("total"))
    band = plots.kpi_over_time(table(every="1m", only="ser"), kpi="ser").axes[0].collections[0]
    drawn = {round(float(y), 6) for path in band.get_paths() for _, y in path.vertices}
    assert {round(of[end][0], 6) for end in ("low", "high")} <= drawn


def test_a_duration_has_its_median_and_its_95th_percentile() -> None:
    figure = plots.kpi_over_time(table(every="1m", only="setup_s"), kpi="setup_s")
    lines = {str(line.get_label()): line for line in figure.axes[0].lines}
    assert np.array_equal(lines["median"].get_ydata(), [2.0, 9.0, np.nan, 1.0], equal_nan=True)
    assert "p95" in lines


def test_each_group_has_a_curve() -> None:
    figure = plots.kpi_over_time(table(every="1m", only="ser", by="caller"), kpi="ser")
    assert [str(line.get_label()) for line in figure.axes[0].lines if not str(line.get_label()).startswith("_")] == [
        "A",
        "B",
    ]


def test_a_heat_map_has_a_row_per_group_and_hatches_what_is_few() -> None:
    axes = plots.kpi_heat_map(table(every="1m", only="ser", by="caller"), kpi="ser").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B"]
    cells = axes.collections[0].get_array().filled(np.nan)
    assert np.array_equal(cells, [[1.0, np.nan, np.nan, 1.0], [0.0, 0.25, np.nan, np.nan]], equal_nan=True)
    # A has 40 in the first minute and 1 in the fourth; B 10 and 4.
    assert sorted(patch.get_y() for patch in axes.patches) == [-0.5, 0.5, 0.5]


@pytest.mark.parametrize("draw", [plots.kpi_over_time, plots.kpi_heat_map])
@pytest.mark.parametrize("how", [{}, {"every": "1m"}])
def test_no_data_is_said_in_its_place(draw: object, how: dict[str, str]) -> None:
    figure = draw(table(only="reg_initial", **how), kpi="reg_initial")  # type: ignore[operator]
    assert "no reg_initial over time" in texts(figure)


def test_a_kpi_that_is_none_is_told() -> None:
    with pytest.raises(AnalyzerError, match="'mos': wanted is one of"):
        plots.kpi_over_time(table(every="1m"), kpi="mos")
