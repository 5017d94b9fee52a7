"""``analyzer.compare``: two calls or two captures side by side."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from analyzer.api.call import Call
from analyzer.api.capture import Capture
from analyzer.api.message import messages_of
from analyzer.api.pandas_export import to_pandas
from analyzer.errors import AnalyzerError
from analyzer.reading.written import replaced

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from analyzer.comparison.calls import ComparedCalls
    from analyzer.comparison.captures import ComparedCaptures
    from analyzer.comparison.sides import Side


class CallComparison:
    """Two calls side by side: prints as text, and goes into files."""

    def __init__(self, a: Call, b: Call, labels: tuple[str, str] | None = None) -> None:
        self._calls = (a, b)
        self._labels = labels or (a.title, b.title)

    @cached_property
    def data(self) -> ComparedCalls:
        """The rows of both ladders, their differences and times, as objects (``analyzer.comparison.calls``)."""
        from analyzer.comparison.calls import ComparedCalls

        return ComparedCalls(*(_side(call, label) for call, label in zip(self._calls, self._labels, strict=True)))

    @property
    def verdict(self) -> tuple[str, ...]:
        """The first difference and what it means, where the calls part, and where the most time was lost."""
        from analyzer.show.comparison.sentences import sentences

        return sentences(self.data, str)

    @property
    def first(self) -> str:
        """The first difference that matters, in a sentence; empty where there is none."""
        from analyzer.show.comparison.sentences import sentence

        return sentence(self.data, self.data.first, str) if self.data.first is not None else ""

    def text(self, width: int = 100, *, all_rows: bool = False, ascii_only: bool = False, language: str = "en") -> str:
        """Lines of at most so many columns: the first difference, the ladders, header fields, session descriptions and
        times. The ladder has the rows that differ and two around them; ``all_rows``: every one."""
        from analyzer.show.comparison.call_text import text

        return text(self.data, width=width, all_rows=all_rows, ascii_only=ascii_only, language=language)

    def html(self, *, language: str = "en") -> str:
        """One HTML page that needs no network."""
        from analyzer.show.comparison.call_page import call_page

        return call_page(self.data, language=language)

    def to_dict(self, *, language: str = "en") -> dict[str, Any]:
        """Everything as ``dict`` and ``list``, as it is written as JSON; keys of messages are text."""
        from analyzer.show.comparison.written import of_calls

        return of_calls(self.data, language=language)

    def json(self, *, language: str = "en") -> str:
        """:meth:`to_dict` as JSON."""
        from analyzer.show.comparison.written import as_json

        return as_json(self.to_dict(language=language))

    def save(self, path: str | Path, *, language: str = "en") -> Path:
        """Writes it in the format that the suffix names: .txt .html .json. Returns the path.

        Raises :class:`~analyzer.errors.AnalyzerError` for any other suffix.
        """
        return _saved(self, path, language)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _preformatted(self.text())


class CaptureComparison:
    """Two captures side by side: prints as text, and goes into files."""

    def __init__(self, a: Capture, b: Capture, labels: tuple[str, str] | None = None) -> None:
        self._captures = (a, b)
        self._labels = labels or (str(a.source), str(b.source))

    @cached_property
    def data(self) -> ComparedCaptures:
        """The tables of this comparison as ``polars.DataFrame`` (``analyzer.comparison.captures``)."""
        from analyzer.api.measured import looked_at
        from analyzer.comparison.captures import CaptureSide, ComparedCaptures
        from analyzer.comparison.comparability import LOOKED_AT

        sides = (
            CaptureSide(label, looked_at(capture.source, LOOKED_AT), capture.measure)
            for capture, label in zip(self._captures, self._labels, strict=True)
        )
        return ComparedCaptures(*sides)

    @property
    def kpis(self) -> pd.DataFrame:
        """Each KPI of both with its change, a 95 % interval and a verdict; of a delay its median and p95."""
        return to_pandas(self.data.kpis)

    @property
    def failures(self) -> pd.DataFrame:
        """Requests that failed, by method and status, as shares of those of the method."""
        return to_pandas(self.data.failures)

    @property
    def failing_nodes(self) -> pd.DataFrame:
        """Calls that a node failed first, as a share of all; the changes add up to that of all failed calls."""
        return to_pandas(self.data.failing_nodes)

    @property
    def parts(self) -> pd.DataFrame:
        """What each node, link and end took of the set-up of answered calls, in the mean; the changes add up."""
        return to_pandas(self.data.parts)

    @property
    def verdict(self) -> tuple[str, ...]:
        """What is worse, better, new or gone, and where it comes from, in sentences."""
        from analyzer.show.comparison.verdicts import sentences

        return sentences(self.data, str)

    def plot(self, *, delay: str = "pdd", ax: Axes | None = None) -> Figure:
        """The distributions of a delay of calls (pdd, alert, srd, setup, ring, talk) in both captures, overlaid."""
        from analyzer.show.comparison.plots import overlaid

        return overlaid(self.data, delay=delay, ax=ax)

    def text(self, width: int = 100, *, ascii_only: bool = False, language: str = "en") -> str:
        """Lines of about so many columns: the verdict, KPIs, failures, nodes and links."""
        from analyzer.show.comparison.capture_text import text

        return text(self.data, columns=width, ascii_only=ascii_only, language=language)

    def html(self, *, language: str = "en") -> str:
        """One HTML page that needs no network, with the distributions overlaid."""
        from analyzer.show.comparison.capture_page import capture_page

        return capture_page(self.data, language=language)

    def to_dict(self, *, language: str = "en") -> dict[str, Any]:
        """Everything as ``dict`` and ``list``, as it is written as JSON."""
        from analyzer.show.comparison.written import of_captures

        return of_captures(self.data, language=language)

    def json(self, *, language: str = "en") -> str:
        """:meth:`to_dict` as JSON."""
        from analyzer.show.comparison.written import as_json

        return as_json(self.to_dict(language=language))

    def save(self, path: str | Path, *, language: str = "en") -> Path:
        """Writes it in the format that the suffix names: .txt .html .json. Returns the path.

        Raises :class:`~analyzer.errors.AnalyzerError` for any other suffix.
        """
        return _saved(self, path, language)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _preformatted(self.text())


@overload
def compare(a: Call, b: Call) -> CallComparison: ...
@overload
def compare(a: Capture, b: Capture) -> CaptureComparison: ...
def compare(a: Call | Capture, b: Call | Capture) -> CallComparison | CaptureComparison:
    """Two calls, a good one and a bad one as a rule, or two captures, before and after, side by side.

    Of calls the messages are aligned by what they are: method or status, hop, direction; what differs in any two calls
    (tags, branches, Call-IDs, addresses, times) is left out. Of captures each KPI has its change with a 95 % interval.

    Raises :class:`~analyzer.errors.AnalyzerError` for a call and a capture.

    >>> import analyzer
    >>> good = analyzer.read("sample_pcaps/basic_call.pcap")
    >>> bad = analyzer.read("sample_pcaps/busy.pcap")
    >>> analyzer.compare(good.call(1), bad.call(1)).first
    'UA 192.0.2.20 answers the INVITE of UA 192.0.2.10 with 486 Busy Here in B, with 200 OK in A.'
    >>> analyzer.compare(good, bad).verdict[-1]
    'No KPI has 30 cases in both captures: no verdict.'
    """
    if isinstance(a, Call) and isinstance(b, Call):
        return CallComparison(a, b)
    if isinstance(a, Capture) and isinstance(b, Capture):
        return CaptureComparison(a, b)
    raise AnalyzerError("two calls or two captures can be compared, not one with the other")


def _side(call: Call, label: str) -> Side:
    from analyzer.comparison.sides import MOST_MESSAGES, side_of

    source = call._source
    keys = call.table("messages").sort("time", nulls_last=True, maintain_order=True)["message"]
    texts: dict[int, bytes] = {}
    missing = ""
    try:
        found = messages_of(source, keys.head(MOST_MESSAGES).to_list())
        texts = {message.row["message"]: message.without_secrets for message in found}
    except AnalyzerError as error:
        missing = str(error)
    return side_of(label, call.row, call.table, call.endpoints, texts, missing)


FORMATS = {".txt": "text", ".html": "html", ".htm": "html", ".json": "json"}
"""The formats, by the suffixes of file names."""


def _saved(comparison: CallComparison | CaptureComparison, path: str | Path, language: str) -> Path:
    path = Path(path)
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise AnalyzerError(f"{path}: a comparison is saved as {', '.join(FORMATS)}")
    written: str = getattr(comparison, form)(language=language)
    with replaced(path) as part:
        Path(part).write_text(written, encoding="utf-8", newline="\n")
    return path


def _preformatted(text: str) -> str:
    from analyzer.show.text import markup

    lines = (markup(line) for line in text.split("\n"))
    return f"<pre>{chr(10).join(lines)}</pre>"
