"""One call: its row in ``calls`` and everything that belongs to it."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.api.message import messages_of
from analyzer.api.pandas_export import to_pandas
from analyzer.api.source import CallSource
from analyzer.errors import AmbiguousCall, CaptureChanged, NotFound
from analyzer.language import spoken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd
    import polars as pl
    from scapy.plist import PacketList

    from analyzer.api.ladder import Ladder
    from analyzer.api.source import Source
    from analyzer.reading.native import Output
    from analyzer.show.story import Story
    from analyzer.show.timeline import Timeline


class Call:
    """A call of a :class:`~analyzer.Capture`; ``row`` is its row in ``calls`` as a dict."""

    def __init__(self, source: Source, row: dict[str, Any]) -> None:
        self._source = source
        self._own = CallSource(source, row["call"])
        self.row = row

    def table(self, name: str) -> pl.DataFrame:
        """Its rows of a table that speaks of messages, dialogs or calls, as a ``polars.DataFrame``."""
        return self._own.table(name)

    @property
    def endpoints(self) -> pl.DataFrame:
        """What is known of nodes around it, as the table ``endpoints``."""
        return self._source.table_around((self.row["call"],), "endpoints")

    @property
    def messages(self) -> pd.DataFrame:
        """Every observation of its messages, on all hops, in time order."""
        return to_pandas(self.table("messages"))

    @property
    def transactions(self) -> pd.DataFrame:
        """Its transactions, one row per hop."""
        return to_pandas(self.table("transactions"))

    @property
    def dialogs(self) -> pd.DataFrame:
        """Its dialogs."""
        return to_pandas(self.table("dialogs"))

    @property
    def sdp(self) -> pd.DataFrame:
        """Every m= line of the session descriptions in its messages, on all hops, in time order."""
        return to_pandas(self.table("sdp"))

    @property
    def offers(self) -> pd.DataFrame:
        """Its offer/answer exchanges, line by line: what was agreed, and when."""
        return to_pandas(self.table("offers"))

    @property
    def phases(self) -> pd.DataFrame:
        """The phases of its set-up, in order."""
        return to_pandas(self.table("phases"))

    @property
    def related_transactions(self) -> pd.DataFrame:
        """What was asked of HSS, PCRF and DNS for it."""
        return to_pandas(self.table("related_transactions"))

    def waterfall(self, *, columns: int = 100, ascii_only: bool = False) -> str:
        """Where its set-up time went, as lines of text: a line for each node, link and end.

        >>> import analyzer
        >>> call = analyzer.read("sample_pcaps/volte_call.pcap").call(1)
        >>> print(call.waterfall(columns=60).splitlines()[0][:43])
        node     P-CSCF 10.46.0.1:5060  0.015 s
        """
        from analyzer.show.waterfall import text

        return text(self.table("waterfall"), self.endpoints, columns=columns, ascii_only=ascii_only)

    @property
    def holds(self) -> pd.DataFrame:
        """When a stream of it was on hold, and by whom."""
        return to_pandas(self.table("holds"))

    @property
    def streams(self) -> pd.DataFrame:
        """Its streams of media, as they were captured on all legs."""
        return to_pandas(self.table("streams"))

    def audio(self, output: Output) -> float:
        """Writes what was said to a wave file; returns its length in seconds.

        The caller is on the left, the callee on the right; lost packets and pauses are silence. Of several legs the one
        of which most was captured. Raises :class:`~analyzer.errors.NotFound` where the capture has no audio of the
        call, :class:`~analyzer.errors.AnalyzerError` where it is no G.711, or encrypted.

        >>> import analyzer, io
        >>> analyzer.read("sample_pcaps/media.pcap").call(1).audio(io.BytesIO()) > 5
        True
        """
        import polars as pl
        import polars.selectors as cs

        from analyzer.media import audio
        from analyzer.reading.written import replaced

        announced = self.table("sdp").select("message", "media", "proto").unique(["message", "media"], keep="first")
        streams = self.table("streams").join(
            announced, left_on=["announced_by", "media"], right_on=["message", "media"], how="left"
        )
        rows = audio.playable(streams.with_columns(cs.temporal().cast(pl.Int64)).to_dicts())
        chosen = pl.DataFrame({"stream": [row["stream"] for row in rows]}).join(
            streams, on="stream", how="left", maintain_order="left"
        )
        packets = self._source.payloads(chosen)
        sound = audio.wave_of(audio.track(*pair) for pair in zip(rows, packets, strict=True))
        if isinstance(output, (str, os.PathLike)):
            with replaced(output) as part:
                Path(part).write_bytes(sound)
        else:
            output.write(sound)
        return (len(sound) - 44) / 4 / audio.RATE

    def observations(self) -> pl.DataFrame:
        """Its messages and their duplicates of the capture, which belong to no call, in the order of ``messages``."""
        return self._own.observations()

    def export(self, output: Output, *, media: bool = False) -> int:
        """Writes its packets to a pcapng file, as :meth:`Capture.export <analyzer.Capture.export>` does."""
        return self._source.export(self.observations(), output, media=media)

    def packets(self, *, media: bool = False) -> PacketList:
        """Its packets as a ``scapy`` ``PacketList``: fragments and segments as they were captured, in their order.

        >>> import analyzer
        >>> packets = analyzer.read("sample_pcaps/busy.pcap").call(1).packets()
        >>> packets[0].haslayer("UDP")
        True
        """
        from analyzer.reading.scapy_engine import packets

        with tempfile.NamedTemporaryFile(prefix="sip-analyzer-", suffix=".pcapng") as copy:
            self.export(copy.name, media=media)
            return packets(copy.name)

    def wireshark_filter(self) -> str:
        """Wireshark's display filter for its Call-IDs, on all legs."""
        return self._source.wireshark_filter(self.table("messages"))

    def timeline(self, *, hop: str = "all", leg: int | str | None = None, sip_only: bool = False) -> Timeline:
        """Its story: messages on each hop, phases, holds, transfers, media changes, silence, missing answers; and what
        was asked of HSS, PCRF and DNS for it, unless ``sip_only``.

        ``hop="reference"``: only the hop where the figures of the call were taken, which is SIP alone. ``leg``: only
        that leg, by its Call-ID or its number in the ladder of all, where 1 is the leg that was seen first.

        Raises :class:`~analyzer.errors.NotFound` for a leg that there is not.
        """
        from analyzer.api.ladder import of_leg, timeline_of

        reference = self.row["reference"] if hop == "reference" else None
        messages = self.observations()
        if leg is not None:
            messages = of_leg(messages, leg if isinstance(leg, int) else self._source.shown_call_id(leg))
        how: dict[str, Any] = {"reference": reference, "sip_only": sip_only, "endpoints": self.endpoints}
        return timeline_of(self._source, messages, self.table, **how)

    def ladder(self, *, hop: str = "all", leg: int | str | None = None, sip_only: bool = False) -> Ladder:
        """Its sequence chart: prints as text, is a picture in a notebook, and goes into files; what it shows as in
        :meth:`timeline`.

        >>> import analyzer
        >>> ladder = analyzer.read("sample_pcaps/busy.pcap").call(1).ladder()
        >>> print(ladder.text(width=80).splitlines()[2].rstrip())
          setup 0.012 s               │                          │
        >>> ladder.svg()[:5], ladder.plantuml()[:9]
        ('<svg ', '@startuml')
        """
        from analyzer.api.ladder import Ladder

        told = self.timeline(hop=hop, leg=leg, sip_only=sip_only)
        return Ladder(
            told,
            title=self.title,
            messages_of=partial(messages_of, self._source),
            wrong=lambda language: self._what_went_wrong(language=language),
        )

    def why(self, *, language: str = "en", tz: str = "UTC") -> str:
        """What went wrong, at which node, since when, and what to check, in one to three lines; empty if nothing did.

        >>> import analyzer
        >>> print(analyzer.read("sample_pcaps/busy.pcap").call(1).why())
        the called user was busy: UA 192.0.2.20:5060 answered 486 Busy Here after 0.061 s
        """
        return "\n".join(self._what_went_wrong(language=language, tz=tz))

    def story(self, *, columns: int = 100, ascii_only: bool = False, language: str = "en", tz: str = "UTC") -> Story:
        """Its story on a page: what went wrong and where, who called whom, the way over all hops and legs, phases,
        where the time went, charging. Prints as text of so many columns, and is a card in a notebook.

        >>> import analyzer
        >>> print(analyzer.read("sample_pcaps/busy.pcap").call(1).story().sections[0].lines[0])
        the called user was busy: UA 192.0.2.20:5060 answered 486 Busy Here after 0.061 s
        """
        from analyzer.show.story import story

        how: dict[str, Any] = {"columns": columns, "ascii_only": ascii_only, "language": language, "tz": tz}
        with spoken(language):
            return story(self.titled(language), self.table, self.endpoints, **how)

    def save(self, path: str | Path, *, language: str = "en", tz: str = "UTC", sip_only: bool = False) -> Path:
        """Writes the call as a file to share: verdict, way with roles, phases, bars, media, ladder, messages.

        The suffix names the format: .html (one page, no network), .pdf and .png (no browser is needed), .md, .txt, and
        .svg (the ladder alone). Digest responses and keys are hidden; of a masked capture all is masked. Returns the
        path. Raises :class:`~analyzer.errors.AnalyzerError` for any other suffix.

        >>> import analyzer, tempfile
        >>> call = analyzer.read("sample_pcaps/busy.pcap").call(1)
        >>> call.save(tempfile.mkdtemp() + "/call.md").read_text().splitlines()[4]
        '- the called user was busy: UA 192.0.2.20:5060 answered 486 Busy Here after 0.061 s'
        """
        from analyzer.api.call_file import form_of, save

        form_of(path)
        return save(path, self.story(language=language, tz=tz), self.ladder(sip_only=sip_only), language=language)

    @property
    def title(self) -> str:
        """Who called whom, and what came of it."""
        return self.titled("en")

    def titled(self, language: str) -> str:
        """The title in a language of :data:`analyzer.language.LANGUAGES`."""
        from analyzer.explain.phrases import phrases

        say, row = phrases(language), self.row
        outcome = str(row["outcome"])
        if language != "en":
            from analyzer.show.tooltips import called

            outcome = called(outcome, outcome, language)
        answer = " ".join(str(row[name]) for name in ("status", "reason_phrase") if row[name] is not None)
        ends = f"{row['caller'] or '?'} → {row['callee'] or '?'}"
        told = say("Call {no}: {ends}, {outcome}").format(no=row["no"], ends=ends, outcome=outcome)
        return told + (say(" ({many})").format(many=answer) if answer else "") + self._related(say)

    def _related(self, say: Callable[[str], str]) -> str:
        """Which call took its place and which it goes on from, by their numbers in this view."""
        row = self.row
        words = {
            "picked_up": say(", picked up by call {no}"),
            "replaced": say(", replaced by call {no}"),
            "transferred": say(", transferred to call {no}"),
        }
        signs = (
            ("continued_by", words.get(row["outcome_detail"], say(", goes on in call {no}"))),
            ("continues", say(", goes on from call {no}")),
        )
        told = [(row[name], word) for name, word in signs if row.get(name) is not None]
        if not told:
            return ""
        numbers = dict(self._source.scan("calls").select("call", "no").collect().rows())
        return "".join(word.format(no=numbers[other]) for other, word in told if other in numbers)

    def __repr__(self) -> str:
        row = self.row
        return f"<Call {row['no']}: {row['caller']!r} -> {row['callee']!r}, {row['outcome']}>"

    def _repr_html_(self) -> str:
        from analyzer.show.cards import call_card

        return call_card(self.title, self.table("calls"), self._what_went_wrong(), self.ladder()._repr_html_())

    def _what_went_wrong(self, *, language: str = "en", tz: str = "UTC") -> tuple[str, ...]:
        from analyzer.show.story import what_went_wrong

        endpoints = self.endpoints
        with spoken(language):
            try:
                return what_went_wrong(self.table, endpoints, language=language, tz=tz)
            except CaptureChanged:  # findings look into the capture again; who failed the call is known without them
                return what_went_wrong(self._without_findings, endpoints, language=language, tz=tz)

    def _without_findings(self, name: str) -> pl.DataFrame:
        import polars as pl

        known = {"findings": schema.FINDINGS, "finding_cases": schema.FINDING_CASES}
        return pl.DataFrame(schema=known[name].polars()) if name in known else self.table(name)


def find(source: Source, which: int | str) -> Call:
    """The call with that number (``calls.no``) or Call-ID.

    Raises :class:`~analyzer.errors.NotFound`, or :class:`~analyzer.errors.AmbiguousCall` that lists the matches.
    """
    import polars as pl

    calls = source.scan("calls")
    if isinstance(which, int):
        # A key is as long as no number of a call, and what tables for programs know a call by.
        known = calls.select("call", "no").filter((pl.col("no") == which) | (pl.col("call") == which))
    else:
        known = calls.select("call", "call_ids").filter(pl.col("call_ids").list.contains(source.shown_call_id(which)))
    keys = known.collect()["call"]
    rows = calls.filter(pl.col("call").is_in(keys.implode())).collect()
    if rows.is_empty():
        count = calls.select(pl.len()).collect().item()
        raise NotFound(f"no call {which!r} among {count}: calls lists them by number and Call-ID")
    if rows.height > 1:
        raise AmbiguousCall(str(which), rows["no"].to_list())
    return Call(source, rows.row(0, named=True))
