"""The figures draw what the tables say: looked at through their artists, not their pixels."""

from __future__ import annotations

import inspect
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import captures
import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib import dates
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from places import SAMPLES

from analyzer import schema
from analyzer.api.plot import Plot
from analyzer.cli.plot import NAMES
from analyzer.errors import AnalyzerError
from analyzer.language import spoken
from analyzer.show import plots, style

pytestmark = pytest.mark.slow

START = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
SECOND = 1_000_000_000
HOSTILE = ("$x^2$", "\x1b[2J\u202e", "new\nline", r"$\frac{", "日本語", "\U00013000", "<svg onload=x>&", "c" * 500)


def times(*seconds: float | None) -> pl.Series:
    ns = [None if second is None else START + round(second * SECOND) for second in seconds]
    return pl.Series(ns, dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))


def calls(*setup_s: float | None, outcome: str = "answered", every: float = 1) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "started_at": times(*(place * every for place in range(len(setup_s)))),
            "setup_s": pl.Series(setup_s, dtype=pl.Float64),
            "outcome": [outcome] * len(setup_s),
        }
    )


def empty(table: str) -> pl.DataFrame:
    tables = schema.TABLES | schema.MEASURES
    groups = {"links": {"client_ip": pl.String, "server_ip": pl.String}, "failures": {"method": pl.String}}
    return pl.DataFrame(schema={**groups.get(table, {}), **tables[table].polars()})


def links(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    """Client, server, copies of requests and of responses beyond the first; 100 of either were sent."""
    numbers = dict.fromkeys(schema.MEASURES["links"].names, 0) | {"requests": 100, "responses": 100}
    made = [
        {"client_ip": client, "server_ip": server, **numbers, "resent_requests": asked, "resent_responses": said}
        for client, server, asked, said in rows
    ]
    return pl.DataFrame(made)


def layers(figure: Figure) -> dict[str, list[float]]:
    """How high each layer is in each interval, by the first words of its label."""
    found = {}
    for patch in figure.axes[0].patches:
        if isinstance(patch, StepPatch):
            top, _edges, bottom = patch.get_data()
            found[str(patch.get_label()).rpartition(" (")[0]] = [float(n) for n in top - np.asarray(bottom)]
    return found


def lines(figure: Figure) -> dict[str, Any]:
    return {str(line.get_label()).partition(" (")[0]: line for line in figure.axes[0].lines}


def texts(figure: Figure) -> list[str]:
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text)]


# ---- what is drawn ---------------------------------------------------------------------------------------------------


def histogram(figure: Figure) -> tuple[list[float], list[float]]:
    patch = next(patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch))
    counts, edges, _ = patch.get_data()
    return [float(n) for n in counts], [float(edge) for edge in edges]


def test_the_histogram_counts_every_call_once() -> None:
    """1, 1, 2 and 5 s in bins of half a second; a call without a set-up delay is told in the title."""
    figure = plots.setup_latency(calls(1.0, 1.0, 2.0, 5.0, None))
    counts, edges = histogram(figure)
    assert {edge: n for edge, n in zip(edges, counts, strict=False) if n} == {1.0: 2, 2.0: 1, 5.0: 1}
    assert "4 of 5 calls have it" in texts(figure)


@pytest.mark.parametrize(
    "values", [(0.1, 0.2, 0.3, 0.7), (1e-6, 3.0, 3.0, 900.0), (0.0, 0.0), (7.3,), (0.07, 0.0700001)]
)
def test_no_delay_falls_out_of_the_histogram(values: tuple[float, ...]) -> None:
    assert sum(histogram(plots.setup_latency(calls(*values)))[0]) == len(values)


def test_the_lines_of_the_histogram_stand_at_the_percentiles() -> None:
    """Of 1 ... 100 s: nearest rank 50, 95 and 99."""
    figure = plots.setup_latency(calls(*(float(second) for second in range(1, 101))))
    found = {label.split()[0]: line.get_xdata()[0] for label, line in lines(figure).items()}
    assert found == {"median": 50.0, "p95": 95.0, "p99": 99.0}


def test_below_a_second_delays_are_in_milliseconds() -> None:
    figure = plots.setup_latency(calls(0.1, 0.2))
    assert figure.axes[0].get_xlabel() == "setup, ms"
    assert lines(figure)["median 100 ms"].get_xdata()[0] == pytest.approx(100)


def test_the_ecdf_rises_by_one_nth_at_each_value() -> None:
    line = plots.latency_ecdf(calls(3.0, 1.0, 2.0, 4.0)).axes[0].lines[0]
    assert list(zip(line.get_xdata(), line.get_ydata(), strict=True)) == [
        (1.0, 0.0),
        (1.0, 0.25),
        (2.0, 0.5),
        (3.0, 0.75),
        (4.0, 1.0),
    ]


def test_the_ecdf_has_a_curve_for_each_of_the_six_most_frequent_values_and_one_for_the_others() -> None:
    names = [name for place, name in enumerate("abcdefgh") for _ in range(9 - place)]
    table = calls(*[1.0] * len(names)).with_columns(caller=pl.Series(names))
    assert list(lines(plots.latency_ecdf(table, by="caller"))) == ["a", "b", "c", "d", "e", "f", "2 others"]


def test_percentiles_over_time_break_where_nothing_was_measured() -> None:
    """Calls of 1 s and 3 s in the first minute, of 2 s in the third."""
    table = pl.DataFrame({"started_at": times(1, 2, 125), "setup_s": [1.0, 3.0, 2.0]})
    line = lines(plots.latency_over_time(table, every="1m"))["median"]
    assert np.array_equal(line.get_ydata(), [1.0, np.nan, 2.0], equal_nan=True)
    middle = [dates.num2date(day).replace(microsecond=0) for day in line.get_xdata()]
    assert middle[0] == datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)


def test_responses_are_stacked_by_class() -> None:
    table = (
        empty("transactions")
        .clear(4)
        .with_columns(started_at=times(1, 2, 3, 65), status=pl.Series([200, 486, None, 200], dtype=pl.Int64))
    )
    assert layers(plots.responses(table, every="1m")) == {
        "2xx success": [1, 1],
        "4xx client error": [1, 0],
        "no final response": [1, 0],
    }


def test_a_transaction_without_a_time_is_told() -> None:
    table = empty("transactions").clear(2).with_columns(started_at=times(1, None), status=pl.lit(200))
    assert "1 transaction on their hops; 1 without a time left out" in texts(plots.responses(table))


def test_outcomes_lie_in_order_of_their_number() -> None:
    table = pl.DataFrame({"outcome": ["answered"] * 3 + ["busy"] * 2 + ["timeout"] * 5})
    axes = plots.outcomes(table).axes[0]
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["timeout", "answered", "busy"]
    assert [sum(of) for of in zip(*widths, strict=True)] == [5, 3, 2]
    assert "5  (50.0 %)" in [text.get_text() for text in axes.texts]


def test_every_outcome_of_the_schema_has_its_place() -> None:
    """Failed is what is none of the others: answered, ended by people, begin or end not seen."""
    named = schema.CALLS.column("outcome").allowed
    assert set(plots._END_OF) < set(named)
    assert set(named) - set(plots._END_OF) == {
        *("unreachable", "negotiation_failed", "auth_failed", "server_failure", "client_error", "timeout")
    }


def test_call_volume_counts_calls_by_their_start() -> None:
    table = pl.concat([calls(None, None, None), calls(None, outcome="busy")])
    assert layers(plots.call_volume(table, every="1s")) == {"answered (2xx)": [1, 1, 1], "ended by people": [1, 0, 0]}


def test_concurrency_goes_up_with_a_call_and_down_with_its_end() -> None:
    """0-10 s, 5-8 s, and one from 8 s on whose end was not seen: one ends as another begins, so never three."""
    table = pl.DataFrame(
        {"started_at": times(0, 5, 8), "answered_at": times(2, None, None), "ended_at": times(10, 8, None)}
    )
    figure = plots.concurrency(table)
    alive, answered = (lines(figure)[name] for name in ("in progress", "answered"))
    seconds = [round((day - dates.date2num(datetime(2026, 1, 1))) * 86400) for day in alive.get_xdata()]
    assert list(zip(seconds, alive.get_ydata(), strict=True)) == [(0, 1), (5, 2), (8, 2), (10, 1)]
    assert list(answered.get_ydata()) == [1, 0]
    assert "3 calls; at most 2 at once, at 2026-01-01 00:00:05 (UTC)" in texts(figure)


def test_retransmissions_are_stacked_by_link() -> None:
    axes = plots.retransmissions(links(("A", "B", 3, 1), ("B", "A", 0, 9), ("C", "A", 0, 0))).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["B > A", "A > B"]
    assert [[bar.get_width() for bar in bars] for bars in axes.containers] == [[0, 3], [9, 1]]
    assert [text.get_text() for text in axes.texts][-2:] == ["9  (4.5 % of 200)", "4  (2.0 % of 200)"]


def test_failures_tell_where_they_came_from() -> None:
    figure = captures.read(SAMPLES / "busy.pcap").plot.failures()
    assert "INVITE 486 Busy Here" in texts(figure)
    assert any(text.startswith("1  (100.0 %), from ") for text in texts(figure))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_time_axes_are_in_the_zone_asked_for(zone: str) -> None:
    axes = plots.call_volume(calls(None, None, every=3600), tz=zone).axes[0]
    axes.figure.draw_without_rendering()
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert axes.get_xlabel() == f"2026-01-01, {zone}"
    assert all(label.endswith(":00" if zone == "UTC" else ":30") or len(labels) > 3 for label in labels)


def test_no_call_is_lost_where_the_clocks_change() -> None:
    """Berlin, 2024-10-27: the hours of that day are 25."""
    begin = 1_729_976_400  # 2024-10-26T21:00:00Z
    ns = [(begin + hour * 3600) * SECOND for hour in range(30)]
    table = pl.DataFrame({"started_at": pl.Series(ns).cast(pl.Datetime("ns", "UTC")), "outcome": ["answered"] * 30})
    for every in ("1h", "6h", "1d"):
        assert sum(layers(plots.call_volume(table, every=every, tz="Europe/Berlin"))["answered (2xx)"]) == 30


# ---- whatever the table ----------------------------------------------------------------------------------------------

TABLE_OF = {name: name for name in ("failures", "waterfall")} | {
    "responses": "transactions",
    "retransmissions": "links",
    "kpi_over_time": "kpis",
    "kpi_heat_map": "kpis",
    "setup_phases": "phases",
    "media_over_time": "stream_intervals",
}


def draw(name: str, frame: Any, **how: Any) -> Figure:
    return getattr(plots, name)(frame, **how)


@pytest.mark.parametrize("name", NAMES)
def test_without_rows_a_figure_says_what_is_missing(name: str) -> None:
    figure = draw(name, empty(TABLE_OF.get(name, "calls")))
    assert [text for text in texts(figure) if text.startswith("no ")] != []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sample", ["basic_call.pcap", "lost_and_resent.pcap", "hostile.pcap", "mid_call.pcap"])
def test_samples_draw_without_a_warning(name: str, sample: str, caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert getattr(captures.read(SAMPLES / sample).plot, name)()._repr_png_()[0].startswith(b"\x89PNG")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("name", NAMES)
def test_pandas_and_polars_draw_the_same(name: str, tmp_path: Path) -> None:
    cap = captures.read(SAMPLES / "outcomes.pcap")
    table = TABLE_OF.get(name, "calls")
    made = table in schema.TABLES
    frames = (getattr(cap, table), cap.table(table)) if made else (getattr(cap, table)(), cap.measure(table))
    for frame, file in zip(frames, ("pandas.svg", "polars.svg"), strict=True):
        draw(name, frame).savefig(tmp_path / file)
    assert (tmp_path / "pandas.svg").read_bytes() == (tmp_path / "polars.svg").read_bytes()


def test_a_part_of_a_pandas_table_can_be_drawn() -> None:
    table = captures.read(SAMPLES / "outcomes.pcap").calls
    assert isinstance(table, pd.DataFrame)
    assert "1 call" in texts(plots.outcomes(table[table.outcome == "rejected"]))


def test_a_million_calls_are_a_few_artists() -> None:
    n = 1_000_000
    ns = pl.int_range(START, START + n * 10_000_000, 10_000_000, eager=True)
    table = pl.DataFrame(
        {
            "started_at": ns.cast(pl.Datetime("ns", "UTC")),
            "answered_at": (ns + SECOND).cast(pl.Datetime("ns", "UTC")),
            "ended_at": (ns + 60 * SECOND).cast(pl.Datetime("ns", "UTC")),
            "setup_s": (pl.int_range(n, eager=True) % 1000 + 1) / 100,
            "outcome": pl.select(pl.repeat("answered", n)).to_series(),
        }
    )
    for name in ("setup_latency", "latency_ecdf", "latency_over_time", "outcomes", "call_volume", "concurrency"):
        axes = draw(name, table).axes[0]
        points = sum(len(line.get_xdata()) for line in axes.lines)
        assert len(axes.lines) + len(axes.patches) < 10
        assert points < 2500


def test_a_clock_that_was_wrong_makes_long_intervals_not_many() -> None:
    """One call in 1970, one in 2026."""
    table = pl.DataFrame(
        {"started_at": pl.Series([0, START]).cast(pl.Datetime("ns", "UTC")), "outcome": ["answered"] * 2}
    )
    drawn = layers(plots.call_volume(table))["answered (2xx)"]
    assert (sum(drawn), len(drawn) <= 61) == (2, True)


def test_intervals_that_would_be_too_many_are_refused() -> None:
    with pytest.raises(AnalyzerError, match="take longer ones"):
        plots.call_volume(calls(None, None, every=1e7), every="1s")


def test_a_table_that_has_not_the_columns_is_told() -> None:
    with pytest.raises(AnalyzerError, match="no setup_s"):
        plots.setup_latency(pl.DataFrame({"a": [1]}))


def test_a_delay_that_is_none_is_told() -> None:
    with pytest.raises(AnalyzerError, match="pdd, alert, srd, setup, ring, talk"):
        plots.setup_latency(calls(1.0), delay="lunch")


@pytest.mark.parametrize(
    ("known", "title"),
    [(range(0x110000), "建立时延：INVITE 到 200"), (range(0x80), "Set-up delay: INVITE to 200")],
    ids=["a font has it", "no font has it"],
)
def test_a_figure_speaks_chinese_where_a_font_has_its_characters(
    known: range, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "_drawable", lambda: known)
    with spoken("zh"):
        assert plots.setup_latency(calls(1.0)).axes[0].get_title("left") == title


# ---- hostile labels --------------------------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["every font", "no CJK font"])
def fonts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """With the fonts of this machine, and as on one that has matplotlib's own only."""
    if not request.param:
        monkeypatch.setattr(style, "_CJK_FONTS", ())
    caches = (style.fonts, style._drawable)
    for cache in caches:
        cache.cache_clear()
    yield bool(request.param)
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("fonts")
def test_hostile_labels_draw_without_a_warning_and_without_a_formula(tmp_path: Path) -> None:
    table = links(*((name, "B", 9 - place, 0) for place, name in enumerate(HOSTILE)))
    curves = calls(*[1.0] * len(HOSTILE)).with_columns(caller=pl.Series(HOSTILE))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in (plots.retransmissions(table), plots.latency_ecdf(curves, by="caller")):
            for suffix in ("svg", "png", "pdf"):
                figure.savefig(tmp_path / f"x.{suffix}")
    shown = texts(plots.retransmissions(table))
    assert "$x^2$ > B" in shown
    assert r"\x1b[2J\u202e > B" in shown
    assert all(text.isprintable() for text in "".join(shown).split("\n"))


def test_without_a_cjk_font_a_character_is_shown_as_its_code(fonts: bool) -> None:
    if not fonts:
        assert style.label("日") == r"\u65e5"


def test_hostile_labels_are_text_in_the_svg(tmp_path: Path) -> None:
    plots.retransmissions(links(("<svg onload=x>", "]]>&", 1, 0))).savefig(tmp_path / "x.svg")
    assert "<svg onload" not in (tmp_path / "x.svg").read_text()


def test_labels_in_given_axes_are_no_formulas_either() -> None:
    axes = Figure().add_subplot()
    figure = plots.retransmissions(links((r"$\frac{$", "B", 1, 0)), ax=axes)
    assert figure is axes.figure
    assert r"$\frac{$ > B" in texts(figure)


# ---- files and surroundings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_the_same_table_gives_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    """So it is in SVG, of every figure: what pandas and Polars draw is compared byte by byte."""
    cap = captures.read(SAMPLES / "outcomes.pcap")
    for file in ("a", "b"):
        cap.plot.outcomes().savefig(tmp_path / f"{file}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_settings_of_the_user_change_nothing_and_are_left_as_they_were(tmp_path: Path) -> None:
    plots.setup_latency(calls(1.0, 2.0)).savefig(tmp_path / "a.svg")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        before = dict(mpl.rcParams)
        plots.setup_latency(calls(1.0, 2.0)).savefig(tmp_path / "b.svg")
        assert dict(mpl.rcParams) == before
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_figures_can_be_made_in_threads(tmp_path: Path) -> None:
    def make(number: int) -> None:
        plots.setup_latency(calls(1.0, 2.0, 3.0)).savefig(tmp_path / f"{number}.svg")

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(tmp_path / f"{number}.svg").read_bytes() for number in range(4)}) == 1


def test_pyplot_is_not_touched() -> None:
    import subprocess

    program = (
        "import sys, analyzer; "
        f"analyzer.read({str(SAMPLES / 'basic_call.pcap')!r}).plot.outcomes()._repr_png_(); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_notebook_is_given_a_sharp_picture() -> None:
    """IPython takes (bytes, metadata) from _repr_png_: 1600 pixels shown 800 wide."""
    data, size = plots.setup_latency(calls(1.0))._repr_png_()  # type: ignore[attr-defined]
    assert int.from_bytes(data[16:20]) == 2 * size["width"] == 1600


@pytest.mark.parametrize("name", NAMES)
def test_a_method_takes_what_its_figure_takes(name: str) -> None:
    """Method, command and function share one word and their options, but for the table and ``by`` that makes it."""
    measured = {"every"} if TABLE_OF.get(name) == "kpis" else set()
    method, function = (set(inspect.signature(of).parameters) for of in (getattr(Plot, name), getattr(plots, name)))
    # A waterfall is of one call; which one says the method, its parts get the function.
    made_of = {TABLE_OF.get(name, "calls"), "links", "by", "parts", "endpoints", "title"}
    assert method - {"self", "by", "call"} - measured == function - made_of


def test_phases_add_up_to_the_mean_set_up() -> None:
    """By hand: two calls in a minute take 1 + 3 s and 1 s of routing and alerting; ringing does not count."""
    at = pl.Series([60, 61, 64, 70]) * SECOND
    table = pl.DataFrame(
        {
            "call": [1, 1, 1, 2],
            "phase": ["routing", "alerting", "ringing", "routing"],
            "from_at": at.cast(pl.Datetime("ns", "UTC")),
            "duration_s": [1.0, 3.0, 9.0, 1.0],
        }
    )
    axes = plots.setup_phases(table, every="1m").axes[0]
    assert {patch.get_label(): patch.get_data().values.tolist() for patch in axes.patches} == {
        "routing (1.000 s)": [1.0],
        "alerting (1.500 s)": [2.5],
    }
