"""One registration attempt: its row in ``registrations`` and everything that belongs to it."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from analyzer.api.message import messages_of
from analyzer.errors import NotFound
from analyzer.language import spoken

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from analyzer.api.ladder import Ladder
    from analyzer.api.source import Source
    from analyzer.show.story import Story


class Registration:
    """A registration of a :class:`~analyzer.Capture`; ``row`` is its row in ``registrations`` as a dict, ``no`` its
    number there, from 1."""

    def __init__(self, source: Source, row: dict[str, Any], no: int) -> None:
        self._source = source
        self.row = row
        self.no = no

    @cached_property
    def _messages(self) -> pl.DataFrame:
        """Its REGISTERs and their responses on all hops, duplicates too."""
        import polars as pl

        from analyzer.show.report.stories import of_registrations

        found = of_registrations(self._source.table("messages"), self._source.table("registrations"))
        return found.filter(pl.col("registration") == self.row["registration"]).drop("registration")

    def table(self, name: str) -> pl.DataFrame:
        """Its rows of a table, as a ``polars.DataFrame``; none of tables that know nothing of registrations."""
        import polars as pl

        if name == "messages":
            return self._messages.drop("at", strict=False)
        frame = self._source.table(name)
        if "registration" in frame.columns:
            return frame.filter(pl.col("registration") == self.row["registration"])
        if name == "bindings":
            own = (pl.col("aor") == self.row["aor"]) & pl.col("contact").eq_missing(self.row["contact"])
            started = self.row["started_at"]
            lives = pl.col("ended_at").is_null() | (pl.col("ended_at") >= started)
            begins = pl.col("started_at") <= (self.row["ended_at"] or started)
            return frame.filter(own & lives & begins) if started is not None else frame.filter(own)
        if name == "findings":
            cases = self.table("finding_cases")
            return frame.filter(pl.col("finding").is_in(cases["finding"].implode()))
        for key in ("message", "transaction"):
            if key in frame.columns:
                return frame.filter(pl.col(key).is_in(self._messages[key].drop_nulls().implode()))
        return frame.clear()

    def story(self, *, columns: int = 100, ascii_only: bool = False, language: str = "en", tz: str = "UTC") -> Story:
        """Its story on a page: what went wrong, who, the way with roles, with whom, until when, security.

        >>> import analyzer
        >>> story = analyzer.read("sample_pcaps/registration_failed.pcap").registration(1).story()
        >>> [section.name for section in story.sections][:2]
        ['what went wrong', 'who']
        """
        from analyzer.show.registration_story import story

        how: dict[str, Any] = {"columns": columns, "ascii_only": ascii_only, "language": language, "tz": tz}
        with spoken(language):
            return story(self.title, self.table, self._source.table("endpoints"), **how)

    def ladder(self, *, sip_only: bool = False) -> Ladder:
        """Its sequence chart, as that of a call."""
        from analyzer.api.ladder import Ladder, timeline_of

        model = timeline_of(self._source, self.table("messages"), self._told, reference=None, sip_only=sip_only)
        return Ladder(
            model,
            title=self.title,
            messages_of=partial(messages_of, self._source),
            wrong=lambda language: self._what_went_wrong(language),
        )

    def _told(self, name: str) -> pl.DataFrame:
        frame = self._source.table(name)
        return self.table(name) if name in ("transactions", "related_transactions") else frame.clear()

    def _what_went_wrong(self, language: str) -> tuple[str, ...]:
        told = self.story(columns=10_000, language=language)
        return next((section.lines for section in told.sections if section.name == told.wrong), ())

    def save(self, path: str | Path, *, language: str = "en", tz: str = "UTC", sip_only: bool = False) -> Path:
        """Writes it as a file to share, in the format that the suffix names, as :meth:`Call.save` does."""
        from analyzer.api.call_file import form_of, save

        form_of(path)
        return save(path, self.story(language=language, tz=tz), self.ladder(sip_only=sip_only), language=language)

    @property
    def title(self) -> str:
        """Whose it is, and what came of it."""
        row = self.row
        status = f" ({row['status']})" if row["status"] is not None else ""
        return f"Registration {self.no}: {row['aor'] or '?'}, {row['kind']}, {row['outcome']}{status}"

    def __repr__(self) -> str:
        return f"<Registration {self.no}: {self.row['aor']!r}, {self.row['outcome']}>"


def find(source: Source, which: int | str) -> Registration:
    """The registration with that number (the first is 1), address of record or Call-ID; of several the first.

    Raises :class:`~analyzer.errors.NotFound`.
    """
    import polars as pl

    rows = source.table("registrations").with_row_index("_no", 1)
    if isinstance(which, int):
        found = rows.filter((pl.col("_no") == which) | (pl.col("registration") == which))
    else:
        found = rows.filter((pl.col("call_id") == source.shown_call_id(which)) | (pl.col("aor") == which))
    if found.is_empty():
        raise NotFound(f"no registration {which!r} among {rows.height}: registrations lists them, the first is 1")
    row = found.row(0, named=True)
    return Registration(source, row, row.pop("_no"))
