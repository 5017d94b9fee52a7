"""Capture: the object people hold. It asks a source for its tables; how each is made is said in ``analyzer.graph``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.api.graph_source import opened
from analyzer.api.tables import Tables
from analyzer.errors import AnalyzerError, FilterError
from analyzer.language import spoken
from analyzer.reading import engines
from analyzer.reading.native import Output

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import polars as pl
    from scapy.packet import Packet

    from analyzer.api.call import Call
    from analyzer.api.filters import Filter
    from analyzer.api.message import Message
    from analyzer.api.plot import Plot
    from analyzer.api.registration import Registration
    from analyzer.kpi.thresholds import Given

# Messages above which a query is worked on in parts, with less memory.
_MANY = 1_000_000
# Messages up to which the summary tells of nodes; of more the command of that name does, which takes its time.
_NODES_TOLD = 100_000


class Capture(Tables):
    """The tables of one or many captures, each a ``pandas.DataFrame`` by attribute and a ``polars.DataFrame`` by
    :meth:`table`; columns, types and units: ``docs/tables.md``."""

    @classmethod
    def from_packets(cls, packets: Iterable[Packet], *, limits: Mapping[str, int] | None = None) -> Capture:
        """The same tables of ``scapy`` packets in memory: a ``PacketList``, or any others, dissected or crafted.

        They are written to a capture in a temporary file, each with its link type, length on the wire and time, and
        read from there. Packets without a link layer must begin with IP. ``frame`` counts from 1 in their order.

        >>> import analyzer
        >>> from scapy.all import rdpcap
        >>> analyzer.Capture.from_packets(rdpcap("sample_pcaps/busy.pcap")).calls.outcome.tolist()
        ['busy']
        """
        return cls(opened(engines.of_packets(packets), limits=limits))

    def headers(self, *names: str) -> pd.DataFrame:
        """Header fields by name, in whichever form they were sent, of vendors too: one row each, the value whole.

        In the order of messages, then of ``names``. The captures are read again for names that were not read yet.
        Columns: ``docs/tables.md``. Raises :class:`~analyzer.errors.AnalyzerError` for what can be no name.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/volte_call.pcap")
        >>> cap.headers("P-Early-Media").value.unique().tolist()
        ['supported']
        """
        from analyzer.api.pandas_export import to_pandas

        return to_pandas(self.headers_of(*names))

    def headers_of(self, *names: str) -> pl.DataFrame:
        """The same as a ``polars.DataFrame``."""
        if not names:
            raise AnalyzerError("name the header fields that you want, such as Warning")
        return self.source.headers_of(*names)

    def account(self) -> pd.DataFrame:
        """Where every packet went: rows of layer, reason and packets, that add up to the packets read."""
        return self._pandas("account")

    def blind_spots(self) -> list[str]:
        """Why this capture may show no SIP, or half of it: a sentence for each reason, weightiest first.

        >>> import analyzer
        >>> analyzer.read("sample_pcaps/ipsec_encrypted.pcap").blind_spots()[0].partition(": ")[2]
        'SIP inside cannot be read without keys: bring them with --esp-keys FILE'
        """
        from analyzer.diagnose.blind_spots import blind_spots

        tables = self._tables_of("files", "account", "problems")
        if tables["account"]["reason"].str.contains("_spi_").any() and tables["messages"].height:
            # Whose security associations they are is in the registrations.
            tables["ims_registrations"] = self.table("ims_registrations")
        return [spot.sentence for spot in blind_spots(tables)]

    @property
    def plot(self) -> Plot:
        """Its figures: ``cap.plot.setup_latency()`` and others."""
        from analyzer.api.plot import Plot

        return Plot(self.source)

    @property
    def damaged(self) -> bool:
        """A container, or a file of a store, was cut, corrupt or unreadable in part."""
        return bool(self.table("files")["cut"].any()) or bool(getattr(self.source.whole, "damaged", False))

    # ---- looking closer ----------------------------------------------------------------------------------------

    def call(self, which: int | str) -> Call:
        """One call, by its number (``calls.no``) or by Call-ID.

        Raises :class:`~analyzer.errors.NotFound`, or :class:`~analyzer.errors.AmbiguousCall` that lists the matches.
        """
        from analyzer.api.call import find

        return find(self.source, which)

    def registration(self, which: int | str) -> Registration:
        """One registration, by its number in ``registrations`` (the first is 1), address of record or Call-ID.

        Raises :class:`~analyzer.errors.NotFound`.
        """
        from analyzer.api.registration import find

        return find(self.source, which)

    def message(self, key: int) -> Message:
        """One message by its key: its row, its bytes as captured, its headers in order.

        Raises :class:`~analyzer.errors.NotFound`.
        """
        return self.messages_of([key])[0]

    def messages_of(self, keys: list[int]) -> list[Message]:
        """Several messages by their keys, in the order asked, in one reading of the captures."""
        from analyzer.api.message import messages_of

        return messages_of(self.source, keys)

    def report(
        self,
        path: str | Path,
        *,
        tz: str = "UTC",
        title: str = "",
        texts: bool | None = None,
        language: str = "en",
        form: str = "html",
        thresholds: Given | None = None,
        before: Capture | None = None,
    ) -> Path:
        """Writes one self-contained HTML page: verdict, numbers, plots, every table, the ladder of every call.

        Times are told in the zone ``tz``. ``texts``: with the text of each message, digest responses and keys hidden;
        without a word that of at most 3,000, of calls and registrations that failed first. What has no room is said on
        the page, with the command that shows it. The folder is made where there is none. ``language``: en or zh.
        ``form``: html, md (verdict, KPIs, failures, nodes and links as Markdown), json (the same as data) or
        openmetrics (the KPIs for monitoring). ``thresholds`` (a TOML file, or what would stand in it) mark what crosses
        them, and ``before`` is a capture whose KPIs stand beside those of this one. Returns the path.

        >>> import analyzer, tempfile
        >>> cap = analyzer.read("sample_pcaps/basic_call.pcap")
        >>> cap.report(tempfile.mkdtemp() + "/basic_call.html").name
        'basic_call.html'
        """
        from pathlib import Path

        from analyzer.api.reports import text_of
        from analyzer.reading.written import replaced

        text = text_of(
            self.source,
            form=form,
            tz=tz,
            title=title,
            texts=texts,
            language=language,
            thresholds=thresholds,
            before=None if before is None else before.source,
        )
        written = Path(path)
        written.parent.mkdir(parents=True, exist_ok=True)
        with replaced(written) as part:
            Path(part).write_text(text, encoding="utf-8", newline="\n")
        return written

    def export(self, output: Output, *, media: bool = False) -> int:
        """Writes the packets of these messages to a pcapng file (or binary file object); returns how many.

        Whole packets with their own link layer and times (ns): every fragment, segment and chunk of the messages and of
        their duplicates, SYN and FIN of their connections, and the ICMP errors, resets and aborts that met them.
        ``media`` adds what was sent to and from the addresses and ports of the session descriptions while the call
        lasted, and its streams. Wireshark opens it. What several capture points saw goes into a section each, one after
        the other.

        Of a masked capture the packets are made anew: IP and transport with the masked message in them, so that nothing
        of the original is left; of media the headers alone. What carried them (link layer, tunnels) is not in it, and
        what came in TLS or WebSocket with TLS is an exported PDU of Wireshark.

        >>> import analyzer, io
        >>> cap = analyzer.read("sample_pcaps/basic_call.pcap")
        >>> packets = cap.export(copy := io.BytesIO())
        >>> analyzer.read(io.BytesIO(copy.getvalue())).calls.outcome.tolist()
        ['answered']
        """
        return self.source.export(self.table("messages"), output, media=media)

    def wireshark_filter(self) -> str:
        """Wireshark's display filter for the Call-IDs of these messages.

        >>> import analyzer
        >>> analyzer.read("sample_pcaps/busy.pcap").wireshark_filter()
        'sip.Call-ID == "787e5c887e45131f@192.0.2.10"'
        """
        return self.source.wireshark_filter(self.table("messages"))

    def filter(self, chosen: Filter | None = None, **criteria: Any) -> Capture:
        """The whole calls (and transactions and registrations outside calls) that a filter picks, values unchanged.

        The criteria are those of :class:`~analyzer.Filter`, as names or as one object. Raises
        :class:`~analyzer.errors.FilterError` for one that cannot be understood.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/outcomes.pcap")
        >>> cap.filter(status="5xx").calls.no.tolist(), cap.filter(call="1-3").calls.no.tolist()
        ([4], [1, 2, 3])
        """
        from analyzer.api.filters import Filter, of_criteria

        if chosen is not None and criteria:
            raise FilterError(f"give a Filter or criteria, not both: {', '.join(criteria)}")
        return Capture(self.source.filtered(chosen if isinstance(chosen, Filter) else of_criteria(criteria)))

    def mask(self, key: str | bytes | None = None, *, domains: bool = False) -> Capture:
        """The same capture with pseudonyms in place of numbers, names, addresses, places and what was said.

        Every table, and the text of every message, from which ladders, reports and files are made. Masked is what is
        shown; what happened was found out before, so outcomes, delays, keys and frames are those of the original.
        ``key`` (16 bytes or more) gives the same pseudonyms each time; without one they are drawn anew. ``domains``
        masks the operator in domains such as ``ims.mnc001.mcc262.3gppnetwork.org`` and in cells, too. What is replaced,
        what stays, and what this cannot promise: ``docs/masking.md``.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/basic_call.pcap").mask("an example, not a secret")
        >>> cap.calls.outcome.tolist(), "alice@example.com" in cap.calls.caller.tolist()
        (['answered'], False)
        """
        from analyzer.masking.source import MaskedSource

        return Capture(MaskedSource.around(self.source, key, domains=domains))

    def sql(self, query: str) -> pd.DataFrame:
        """A SQL query (Polars dialect) over the tables by name.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/busy.pcap")
        >>> cap.sql("select outcome, count(*) as n from calls group by outcome").values.tolist()
        [['busy', 1]]
        >>> cap.sql("select count(*), max(status) from calls").columns.tolist()
        ['count(*)', 'max(status)']
        """
        import re

        import polars as pl

        from analyzer.api.measured import in_spite_of_damage
        from analyzer.api.pandas_export import to_pandas
        from analyzer.api.queries import with_aliases

        names = [name for name in schema.TABLES if re.search(rf"\b{name}\b", query)]
        # The sum of many floats is not the same each time where it is made in parts.
        engine: Any = "streaming" if self.source.messages_read > _MANY else "auto"

        def made() -> pl.DataFrame:
            context = pl.SQLContext({name: self.source.scan(name) for name in names})
            return context.execute(with_aliases(query), eager=False).collect(engine=engine)

        try:
            return to_pandas(in_spite_of_damage(self.source, made))
        except pl.exceptions.PolarsError as error:
            raise AnalyzerError(f"the query cannot be run: {error}") from error

    def summary(self, *, tz: str = "UTC", width: int = 100, language: str = "en") -> str:
        """What happened here, on one screen of text ``width`` columns wide, times as in the zone ``tz``, in the
        ``language`` en or zh.

        >>> import analyzer
        >>> print(analyzer.read("sample_pcaps/busy.pcap").summary().splitlines()[5])
        calls                  1  busy 1
        """
        from analyzer.show.summary import TABLES, summary

        few = self.source.messages_read <= _NODES_TOLD
        with spoken(language):
            tables = self._tables_of(*(name for name in TABLES if few or name != "nodes"))
            tables["failures"] = self.measure("failures", by="method,status,node", tz=tz)
        return summary(tables, tz=tz, width=width, language=language)

    def _tables_of(self, *names: str) -> dict[str, pl.DataFrame]:
        """These tables and what a summary looks at of ``messages``."""
        from analyzer.api.measured import looked_at
        from analyzer.show.summary import OF_MESSAGES, OF_TRANSACTIONS

        table = looked_at(self.source, {"transactions": OF_TRANSACTIONS})
        return {name: table(name) for name in names} | {"messages": self.source.lean_messages(OF_MESSAGES)}

    def _repr_html_(self) -> str:
        from analyzer.show.cards import capture_card

        return capture_card(repr(self), self.summary())

    def __repr__(self) -> str:
        return f"<Capture: {self.source}>"
