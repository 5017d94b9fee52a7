"""The report of a capture, in whichever form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.api.measured import measured
from analyzer.api.message import messages_of
from analyzer.errors import AnalyzerError, CaptureChanged
from analyzer.language import spoken

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.source import Source
    from analyzer.kpi.thresholds import Given, Group
    from analyzer.show.report.written import Facts

FORMS = ("html", "md", "json", "openmetrics")

#: What the KPIs alone are made of.
_OF_KPIS = ("calls", "transactions", "registrations", "files")


def text_of(
    source: Source,
    *,
    form: str = "html",
    tz: str = "UTC",
    title: str = "",
    texts: bool | None = None,
    language: str = "en",
    thresholds: Given | None = None,
    before: Source | None = None,
) -> str:
    """The report as text, as :meth:`Capture.report <analyzer.Capture.report>` writes it."""
    if form not in FORMS:
        raise AnalyzerError(f"form {form!r}: wanted is one of {', '.join(FORMS)}")
    from analyzer.comparison.comparability import doubts
    from analyzer.kpi.thresholds import read
    from analyzer.timezones import zone

    zone(tz)
    groups = () if thresholds is None else read(thresholds)
    crossings = _crossings(source, groups, tz)
    then = None if before is None else measured(before, "kpis", tz=tz)
    doubted = () if before is None else tuple(doubts(before.table, source.table))
    if form == "openmetrics":
        from analyzer.show.report.openmetrics import openmetrics

        tables = {name: source.table(name) for name in _OF_KPIS} | {"messages": source.lean_messages()}
        return openmetrics(tables, measured(source, "kpis", tz=tz), crossings)
    from analyzer.show.report import sections
    from analyzer.show.report.written import Facts, as_json, markdown

    with spoken(language):
        tables = {name: source.table(name) for name in sections.TABLES}
    facts = Facts(tables, tz, title, language, crossings, then, doubted)
    if form == "html":
        return _page(source, facts, texts)
    return markdown(facts) if form == "md" else as_json(facts)


def _crossings(source: Source, groups: tuple[Group, ...], tz: str) -> pl.DataFrame | None:
    from analyzer.api.measured import crossings

    return crossings(source, groups, tz) if groups else None


def _page(source: Source, facts: Facts, texts: bool | None) -> str:
    import polars as pl

    from analyzer.api.ladder import fragments
    from analyzer.show.report import report, texts_of

    tables = facts.tables
    keys = texts_of(tables, wanted=texts)
    found = _texts(source, keys, needed=texts is True)
    told = fragments(source, tables["messages"].filter(pl.col("message").is_in(list(found)))) if found else {}
    return report(
        tables,
        tz=facts.tz,
        title=facts.title,
        texts=None if texts is False or (keys and not found) else found,
        fragments=told,
        language=facts.language,
        crossings=facts.crossings,
        before=facts.before,
        doubts=facts.doubts,
    )


def _texts(source: Source, keys: list[int], *, needed: bool) -> dict[int, bytes]:
    """Messages by their keys, nothing secret in them; none where the captures are not at hand and not needed."""
    try:
        return (
            {message.row["message"]: message.without_secrets for message in messages_of(source, keys)} if keys else {}
        )
    except CaptureChanged:
        raise
    except AnalyzerError:
        if needed:
            raise
        return {}
