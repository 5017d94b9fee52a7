"""``cap.plot``: the figures of one capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.api.measured import measured

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analyzer.api.source import Source
    from analyzer.measure.grouping import By


class Plot:
    """The figures of a :class:`~analyzer.Capture`, each a ``matplotlib.figure.Figure``.

    They draw on ``ax`` where one is given; without pyplot, so also without a display and in threads. Of a part of the
    capture: ``cap.filter(...).plot``, or the functions of ``analyzer.show.plots`` with any frame.

    >>> import analyzer
    >>> cap = analyzer.read("sample_pcaps/basic_call.pcap")
    >>> cap.plot.setup_latency().axes[0].get_title("left")
    'Set-up delay: INVITE to 200'
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    def setup_latency(self, delay: str = "setup", *, ax: Axes | None = None) -> Figure:
        """How many calls took how long: a histogram of pdd, alert, srd, setup, ring or talk, with its percentiles."""
        from analyzer.show import plots

        return plots.setup_latency(self._source.table("calls"), delay=delay, ax=ax)

    def latency_ecdf(self, delay: str = "setup", *, by: str | None = None, ax: Axes | None = None) -> Figure:
        """What share of the calls took at most how long; a curve for each value of a column of ``calls``."""
        from analyzer.show import plots

        return plots.latency_ecdf(self._source.table("calls"), delay=delay, by=by, ax=ax)

    def latency_over_time(
        self, delay: str = "setup", *, every: str | None = None, tz: str = "UTC", ax: Axes | None = None
    ) -> Figure:
        """Median, p90, p95 and p99 of each interval."""
        from analyzer.show import plots

        return plots.latency_over_time(self._source.table("calls"), delay=delay, every=every, tz=tz, ax=ax)

    def responses(self, *, every: str | None = None, tz: str = "UTC", ax: Axes | None = None) -> Figure:
        """Final responses by class over time."""
        from analyzer.show import plots

        return plots.responses(self._source.table("transactions"), every=every, tz=tz, ax=ax)

    def outcomes(self, *, ax: Axes | None = None) -> Figure:
        """How many calls ended how."""
        from analyzer.show import plots

        return plots.outcomes(self._source.table("calls"), ax=ax)

    def call_volume(self, *, every: str | None = None, tz: str = "UTC", ax: Axes | None = None) -> Figure:
        """Call attempts over time, by how they ended."""
        from analyzer.show import plots

        return plots.call_volume(self._source.table("calls"), every=every, tz=tz, ax=ax)

    def concurrency(self, *, tz: str = "UTC", ax: Axes | None = None) -> Figure:
        """Calls at the same time."""
        from analyzer.show import plots

        return plots.concurrency(self._source.table("calls"), tz=tz, ax=ax)

    def setup_phases(self, *, every: str | None = None, tz: str = "UTC", ax: Axes | None = None) -> Figure:
        """The mean time that each phase takes of a set-up, stacked, over time; without ringing."""
        from analyzer.show import plots

        return plots.setup_phases(self._source.table("phases"), every=every, tz=tz, ax=ax)

    def media_over_time(
        self,
        figure: str = "loss",
        *,
        by: str | None = None,
        every: str | None = None,
        tz: str = "UTC",
        ax: Axes | None = None,
    ) -> Figure:
        """Loss, jitter or MOS of audio in each interval; ``by`` codec, src_ip ...: a curve for each."""
        from analyzer.show import plots

        intervals = self._source.table("stream_intervals")
        return plots.media_over_time(intervals, figure=figure, by=by, every=every, tz=tz, ax=ax)

    def waterfall(self, call: int | str = 1, *, ax: Axes | None = None) -> Figure:
        """Where the set-up time of one call went: which node, link or end had it when. ``call`` as for ``cap.call``."""
        from analyzer.api.call import find
        from analyzer.show import plots

        found = find(self._source, call)
        return plots.waterfall(found.table("waterfall"), endpoints=found.endpoints, title=found.title, ax=ax)

    def failures(self, *, by: By = None, ax: Axes | None = None) -> Figure:
        """The failures that hurt most, and where they came from."""
        from analyzer.show import plots

        return plots.failures(measured(self._source, "failures", by=by), ax=ax)

    def kpi_over_time(
        self, kpi: str = "ser", *, by: By = None, every: str | None = None, tz: str = "UTC", ax: Axes | None = None
    ) -> Figure:
        """One KPI of each interval with its 95 % interval; a curve for each group of ``by``."""
        from analyzer.show import plots

        return plots.kpi_over_time(self._kpis(kpi, by, every, tz), kpi=kpi, tz=tz, ax=ax)

    def kpi_heat_map(
        self, kpi: str = "ser", *, by: By = "node", every: str | None = None, tz: str = "UTC", ax: Axes | None = None
    ) -> Figure:
        """One KPI by group and interval."""
        from analyzer.show import plots

        return plots.kpi_heat_map(self._kpis(kpi, by, every, tz), kpi=kpi, tz=tz, ax=ax)

    def _kpis(self, kpi: str, by: By, every: str | None, tz: str) -> pl.DataFrame:
        """The table ``kpis`` of one KPI; without ``every`` in at most twenty-four intervals."""
        from analyzer.show import scales

        files = self._source.table("files")
        length = scales.length(files["first_at"].append(files["last_at"]), every, at_most=24)
        return measured(self._source, "kpis", by=by, every=length, tz=tz, only=kpi)

    def retransmissions(self, *, by: By = None, ax: Axes | None = None) -> Figure:
        """What was sent again on each link."""
        from analyzer.show import plots

        return plots.retransmissions(measured(self._source, "links", by=by), ax=ax)
