"""Capture: the object people hold. Tables on demand, each computed once; how each is made is said in `stages`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.errors import AmbiguousCall, AnalyzerError, NotFound
from analyzer.reading import engines, native
from analyzer.reading.native import Origin, Output, Progress
from analyzer.stages import Stages

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import polars as pl
    from scapy.packet import Packet

    from analyzer.call import Call
    from analyzer.filters import Filter
    from analyzer.ims.given import Entry, Given
    from analyzer.measure.grouping import By
    from analyzer.message import Message
    from analyzer.part import Part
    from analyzer.plot import Plot


# Tables that show columns which no other rests on.
_NEED_ALL = frozenset(
    {
        *("messages", "sdp", "offers", "violations", "hops", "clocks", "losses", "cdrs", "beside", "waits"),
        *("services", "subscriptions", "publications"),
        *("setups", "phases", "waterfall", "refusals", "refusal_steps"),
    }
)
# Tables that rest on what calls do not: who stands on the way of each message, what a registration says.
_NEED_IMS = frozenset(
    {
        *("nodes", "node_evidence", "reference_points"),
        *("ims_registrations", "challenges", "bindings", "reg_events"),
        *("capabilities", "sms"),
    }
)
# To look at one call alone takes about as long as to make the tables of so many messages.
_WORTH_OF_A_CALL = 2_000
# Messages up to which summary and report tell of nodes; of more the command of that name does, which takes its time.
_NODES_TOLD = 100_000


def read(
    origins: Origin | Iterable[Origin],
    *,
    capture_points: Iterable[str] = (),
    link_types: Iterable[str] = (),
    threads: int = 0,
    limits: Mapping[str, int] | None = None,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
    headers: Iterable[str] = (),
    engine: str = "native",
    tshark_options: Iterable[str] = (),
    nodes: Given | None = None,
    align_clocks: bool = False,
) -> Capture:
    """Reads captures and returns them as one :class:`Capture` on one time line.

    ``origins`` is a path, a glob, a directory, ``-`` (standard input), a binary file object, or a list of these; pcap
    or pcapng, also compressed (gzip, zstd, lz4, xz, bzip2). ``capture_points`` are ``NAME=GLOB`` words that say which
    files were taken where; ``link_types`` are words that say what the user-defined link types of a file hold
    (``USER0=ETHERNET``). ``threads`` = 0 uses every processor; the tables do not depend on it. ``limits`` overrides
    limits by name (docs/limits.md). ``progress`` is called with (bytes read, bytes in all, messages). ``tables`` names
    the tables you are going to look at, where you know: what only others need is read when it is asked for;
    ``headers`` are header fields that you will ask :meth:`Capture.headers` for. ``engine`` says who opens the captures
    (docs/engines.md): ``native``, ``scapy``, or ``pyshark``, for which ``tshark_options`` are preferences
    ``NAME:VALUE`` of Wireshark, such as ``tls.keylog_file:keys.txt``. ``nodes`` says what nodes are, where you know:
    the path of a TOML file, or a mapping such as ``{"10.0.0.1:5060": "P-CSCF"}`` (docs/nodes.md). ``align_clocks``
    reads a second time with what the table ``clocks`` says taken off the times of each capture point but the first.

    Raises :class:`~analyzer.errors.CaptureError` when nothing of it can be read. What can be read in part is returned,
    with rows in ``problems``.

    >>> import analyzer
    >>> cap = analyzer.read("sample_pcaps/basic_call.pcap")
    >>> cap.calls[["caller", "callee", "outcome", "status"]].values.tolist()
    [['alice@example.com', 'bob@example.com', 'answered', 200]]
    """
    known = _given(nodes)
    found = engines.through(engine, native.sources(origins, capture_points, link_types), tshark_options)
    if align_clocks:
        return _capture_of(found, threads, limits, progress, given=known)._aligned()
    return _capture_of(found, threads, limits, progress, tables, headers, known)


def _given(nodes: Given | None) -> tuple[Entry, ...]:
    if nodes is None:
        return ()
    from analyzer.ims.given import read

    return read(nodes)


def _capture_of(
    found: native.Sources,
    threads: int = 0,
    limits: Mapping[str, int] | None = None,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
    headers: Iterable[str] = (),
    given: tuple[Entry, ...] = (),
) -> Capture:
    lean = tables is not None and not _NEED_ALL.intersection(tables)
    made = (schema.MESSAGES, schema.CORE_ONLY, schema.DESCRIPTIONS, schema.IMS_HEADERS, schema.PARTS, schema.EVIDENCE)
    known = dict.fromkeys(name for table in made for name in table.names)
    spared = schema.FOR_SHOW - (schema.FOR_IMS if tables and _NEED_IMS.intersection(tables) else frozenset())
    columns = [name for name in known if name not in spared] if lean else None
    rest_on = (name for table in tables or () for name in schema.FIELDS_OF.get(table, ()))
    reading = native.Reading(found, threads, limits, columns, headers=native.header_names([*headers, *rest_on]))
    return Capture(Stages(reading.tables(progress), given, beside=reading.beside), reading)


class Capture:
    """The tables of one or many captures, each a ``pandas.DataFrame`` by attribute and a ``polars.DataFrame`` by
    :meth:`table`; columns, types and units: ``docs/tables.md``."""

    def __init__(self, stages: Stages, reading: native.Reading | None = None) -> None:
        self._stages = stages
        self._reading = reading
        self._tables: dict[str, pl.DataFrame] = {}
        #: Where this one is a filtered view: the capture that it is a part of.
        self._whole: Capture | None = None
        #: The calls that were looked at, and the part around the last of them.
        self._looked_at: set[int] = set()
        self._part: Part | None = None

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
        return _capture_of(engines.of_packets(packets), limits=limits)

    def _aligned(self) -> Capture:
        """The same capture, read again with the clocks of its capture points set right."""
        import polars as pl

        from analyzer.ims import clocks

        assert self._reading is not None
        told = self.table("clocks")
        corrections = clocks.corrections(told, self._core["messages"])
        if not corrections:
            return self
        reading = self._reading.again(corrections)
        aligned = Capture(self._stages.again(reading.tables(), aligned=True, beside=reading.beside), reading)
        aligned._tables["clocks"] = told.with_columns(applied=pl.col("offset_s").is_not_null())
        return aligned

    # ---- tables ------------------------------------------------------------------------------------------------

    def table(self, name: str) -> pl.DataFrame:
        """One table as a ``polars.DataFrame``, in the columns and order of ``docs/tables.md``.

        Raises :class:`~analyzer.errors.NotFound` for a name that is no table.
        """
        if name not in schema.TABLES:
            raise NotFound(f"no table is called {name!r}; there are {', '.join(schema.TABLES)}")
        if name not in self._tables:
            self._tables[name] = self._made(name)
        return self._tables[name]

    def _made(self, name: str) -> pl.DataFrame:
        if self._whole is not None:
            from analyzer import filters

            # What is told of nodes goes with them, and exchanges with what they were made for.
            known = self._known_by(name)
            kept = self._tables | {known: self.table(known)} if known else self._tables
            return filters.of_kept(name, self._whole.table(name), kept)
        self._read_for(name)
        return self._stages.table(name)

    def _read_for(self, name: str) -> None:
        """Sees to it that the core's tables have what this table rests on."""
        if self._reading is not None and not self._reading.whole and self._is_lacking(name):
            self._reading = self._reading.again()
            self._stages.core = self._reading.tables()
        self._read_headers(schema.FIELDS_OF.get(name, ()))

    def table_around(self, call: int, name: str) -> pl.DataFrame:
        """The same table, or of a local one as much as tells of this call: its rows, maybe some of others."""
        from analyzer.part import FIELDS, LOCAL, Part

        self._looked_at.add(call)
        dear = self._core["messages"].height > _WORTH_OF_A_CALL * len(self._looked_at)
        if name in self._tables or name not in LOCAL or self._whole is not None or not dear:
            return self.table(name)
        if name in schema.FIELDS_OF:
            self._read_headers(native.header_names(FIELDS))
        self._read_for(name)
        if self._part is None or not self._part.is_of(self._stages, call):
            self._part = Part(self._stages, call)
        return self._part.table(name)

    def _is_lacking(self, name: str) -> bool:
        """A reading for some tables alone left out what this one rests on."""
        from analyzer.ims.beside import may_be, may_be_diameter

        if name in ("beside", "waits"):
            return may_be(self._core["account"])
        if name in _NEED_ALL:
            return True
        if name not in _NEED_IMS:
            return False
        # What nodes asked an HSS tells their roles.
        return "_headers" not in self._core["messages"].columns or may_be_diameter(self._core["account"])

    @staticmethod
    def _known_by(name: str) -> str | None:
        """The table that tells which rows of this one are those of a view."""
        from analyzer import filters

        if name in ("node_evidence", "reference_points"):
            return "nodes"
        return "beside" if name in filters.EXCHANGES else None

    @property
    def _core(self) -> dict[str, pl.DataFrame]:
        """The tables of the core, as far as they were read."""
        return self._stages.core

    def _pandas(self, name: str) -> pd.DataFrame:
        from analyzer.frames import to_pandas

        return to_pandas(self.table(name))

    @property
    def files(self) -> pd.DataFrame:
        """One row per capture file."""
        return self._pandas("files")

    @property
    def messages(self) -> pd.DataFrame:
        """One row per sighting of a SIP message, in time order."""
        return self._pandas("messages")

    @property
    def sdp(self) -> pd.DataFrame:
        """One row per message and m= line of its session description, in message order."""
        return self._pandas("sdp")

    @property
    def transactions(self) -> pd.DataFrame:
        """One row per transaction and hop."""
        return self._pandas("transactions")

    @property
    def dialogs(self) -> pd.DataFrame:
        """One row per Call-ID and pair of tags, over all hops."""
        return self._pandas("dialogs")

    @property
    def offers(self) -> pd.DataFrame:
        """One row per offer/answer exchange of a dialog and m= line: what was agreed, and when."""
        return self._pandas("offers")

    @property
    def holds(self) -> pd.DataFrame:
        """One row per time that a stream was on hold by the same side."""
        return self._pandas("holds")

    @property
    def violations(self) -> pd.DataFrame:
        """One row per breach of the rules of offer and answer."""
        return self._pandas("violations")

    @property
    def calls(self) -> pd.DataFrame:
        """One row per call attempt, over all hops, legs, forks and retries."""
        return self._pandas("calls")

    @property
    def hops(self) -> pd.DataFrame:
        """One row per message on its way between two nodes, with the message it was made from and how long that
        took."""
        return self._pandas("hops")

    @property
    def legs(self) -> pd.DataFrame:
        """One row per leg of a call, with the leg that a B2BUA made it from and the evidence for that."""
        return self._pandas("legs")

    @property
    def setups(self) -> pd.DataFrame:
        """One row per call: when its set-up passed which message, and where it stalled."""
        return self._pandas("setups")

    @property
    def phases(self) -> pd.DataFrame:
        """One row per phase of the set-up of a call, in order: what was waited for, and how long."""
        return self._pandas("phases")

    @property
    def waterfall(self) -> pd.DataFrame:
        """One row per part of the way that a set-up waited on: which node, link or end took how long."""
        return self._pandas("waterfall")

    @property
    def refusals(self) -> pd.DataFrame:
        """One row per call that was not answered: who said no, on whose behalf, and why."""
        return self._pandas("refusals")

    @property
    def refusal_steps(self) -> pd.DataFrame:
        """One row per node that said it or passed it on."""
        return self._pandas("refusal_steps")

    @property
    def clocks(self) -> pd.DataFrame:
        """One row per capture point but the first: how far its clock is off, and how it drifts."""
        return self._pandas("clocks")

    @property
    def losses(self) -> pd.DataFrame:
        """One row per message that one capture point saw and another on the same way did not."""
        return self._pandas("losses")

    @property
    def registrations(self) -> pd.DataFrame:
        """One row per registration attempt."""
        return self._pandas("registrations")

    @property
    def ims_registrations(self) -> pd.DataFrame:
        """One row per registration attempt: what an IMS says in it, over all its hops."""
        return self._pandas("ims_registrations")

    @property
    def challenges(self) -> pd.DataFrame:
        """One row per challenge to a REGISTER, AKA taken apart, and what came of it."""
        return self._pandas("challenges")

    @property
    def bindings(self) -> pd.DataFrame:
        """One row per time without a gap in which a contact was bound to an address of record."""
        return self._pandas("bindings")

    @property
    def reg_events(self) -> pd.DataFrame:
        """One row per contact in a NOTIFY of the event package reg."""
        return self._pandas("reg_events")

    @property
    def cdrs(self) -> pd.DataFrame:
        """One row per leg of a call, as a charging data record (docs/charging.md)."""
        return self._pandas("cdrs")

    @property
    def access_networks(self) -> pd.DataFrame:
        """One row per access network that a party of a call or registration was in, taken apart."""
        return self._pandas("access_networks")

    @property
    def capabilities(self) -> pd.DataFrame:
        """One row per thing that a user agent, or the network towards it, says it can do."""
        return self._pandas("capabilities")

    @property
    def services(self) -> pd.DataFrame:
        """One row per service of a dialog, or of a request outside dialogs, with what says so."""
        return self._pandas("services")

    @property
    def subscriptions(self) -> pd.DataFrame:
        """One row per subscription, also of those that a REFER makes."""
        return self._pandas("subscriptions")

    @property
    def publications(self) -> pd.DataFrame:
        """One row per PUBLISH, with the entity-tags that make chains of them."""
        return self._pandas("publications")

    @property
    def sms(self) -> pd.DataFrame:
        """One row per short message over IP: how it went by the report of its relay layer, not by the 202."""
        return self._pandas("sms")

    @property
    def nodes(self) -> pd.DataFrame:
        """One row per address and port that spoke SIP, with its role: an estimate over the whole capture."""
        return self._pandas("nodes")

    @property
    def node_evidence(self) -> pd.DataFrame:
        """One row per node and rule that speaks for a role of it."""
        return self._pandas("node_evidence")

    @property
    def reference_points(self) -> pd.DataFrame:
        """One row per two nodes that sent each other requests, with the reference point between them."""
        return self._pandas("reference_points")

    @property
    def diameter(self) -> pd.DataFrame:
        """One row per message of Diameter, in time order."""
        return self._pandas("diameter")

    @property
    def diameter_transactions(self) -> pd.DataFrame:
        """One row per Diameter request and its answer."""
        return self._pandas("diameter_transactions")

    @property
    def dns(self) -> pd.DataFrame:
        """One row per DNS query and its response."""
        return self._pandas("dns")

    @property
    def beside(self) -> pd.DataFrame:
        """One row per exchange of Diameter or DNS that belongs to a call or a registration, with the evidence."""
        return self._pandas("beside")

    @property
    def waits(self) -> pd.DataFrame:
        """One row per call or registration and peer that it waited for: HSS, PCRF, DNS."""
        return self._pandas("waits")

    @property
    def problems(self) -> pd.DataFrame:
        """One row per thing that is wrong with a capture or a message."""
        return self._pandas("problems")

    def headers(self, *names: str) -> pd.DataFrame:
        """Header fields by name, in whichever form they were sent, of vendors too: one row each, the value whole.

        In the order of messages, then of ``names``. The captures are read again for names that were not read yet.
        Columns: ``docs/tables.md``. Raises :class:`~analyzer.errors.AnalyzerError` for what can be no name.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/volte_call.pcap")
        >>> cap.headers("P-Early-Media").value.unique().tolist()
        ['supported']
        """
        from analyzer.frames import to_pandas

        return to_pandas(self.headers_of(*names))

    def headers_of(self, *names: str) -> pl.DataFrame:
        """The same as a ``polars.DataFrame``."""
        import polars as pl

        if not names:
            raise AnalyzerError("name the header fields that you want, such as Warning")
        if self._whole is not None:
            kept = self.table("messages")["message"]
            return self._whole.headers_of(*names).filter(pl.col("message").is_in(kept.implode()))
        asked = native.header_names(names)
        self._read_headers(asked)
        return self._stages.headers(asked)

    def _read_headers(self, names: Iterable[str]) -> None:
        """Sees to it that the core's table ``headers`` has the fields of these names."""
        import polars as pl

        known = {name.lower() for name in self._reading.headers} if self._reading is not None else set()
        unread = [name for name in names if name.lower() not in known]
        if unread:
            if self._reading is None:
                raise AnalyzerError("the captures behind these tables are not at hand")
            self._core["headers"] = pl.concat([self._core["headers"], self._reading.more_headers(unread)])

    def account(self) -> pd.DataFrame:
        """Where every packet went: rows of layer, reason and packets, that add up to the packets read."""
        return self._pandas("account")

    def blind_spots(self) -> list[str]:
        """Why this capture may show no SIP, or half of it: a sentence for each reason, weightiest first.

        >>> import analyzer
        >>> analyzer.read("sample_pcaps/ipsec_encrypted.pcap").blind_spots()[0]
        '7 packets of IPsec (ESP) of 2 security associations: SIP inside cannot be read without keys'
        """
        from analyzer.show.blind_spots import blind_spots

        return [spot.sentence for spot in blind_spots(self._tables_of("files", "account"))]

    # ---- measured ----------------------------------------------------------------------------------------------

    def measure(self, name: str, *, by: By = None, every: str | None = None, tz: str | None = None) -> pl.DataFrame:
        """A measured table as a ``polars.DataFrame``.

        ``responses failures links processing phase_times setup_shares latency outliers``.

        ``by`` names columns to group by (a text with commas, or a list), ``every`` (``30s``, ``1m``, ``1h``, ``1d``)
        makes intervals that begin on the full minute, hour or day of ``tz``; without them each has its own way.

        Raises :class:`~analyzer.errors.NotFound` for a name that is no measured table, and
        :class:`~analyzer.errors.FilterError` for a column or interval that cannot be understood.
        """
        if name not in schema.MEASURES:
            raise NotFound(f"nothing measured is called {name!r}; there are {', '.join(schema.MEASURES)}")
        from analyzer.measure.measures import measure

        return measure(name, self._any_table, by=by, every=every, tz=tz)

    def _any_table(self, name: str) -> pl.DataFrame:
        """A table; of messages what was read so far: nothing that is measured needs what a lean reading leaves out."""
        return self._core[name] if name == "messages" and name not in self._tables else self.table(name)

    def _measured(self, name: str, **how: By) -> pd.DataFrame:
        from analyzer.frames import to_pandas

        return to_pandas(self.measure(name, **how))  # type: ignore[arg-type]

    def responses(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """How many transactions, each on its hop, got which response: by method and status, or as ``by`` says.

        ``by`` takes ``class``, ``peer`` and every column of ``transactions``.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/busy.pcap")
        >>> cap.responses(by="class")[["class", "transactions", "of"]].values.tolist()
        [['1xx', 1, 1], ['4xx', 1, 1]]
        """
        return self._measured("responses", by=by, every=every, tz=tz)

    def links(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """What each link loses: copies sent again, timeouts, time to the first response. A link is one way from the
        address that sends requests to the one that answers; ``by`` takes ``peer`` and every column of ``transactions``.
        """
        return self._measured("links", by=by, every=every, tz=tz)

    def failures(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """The requests that failed, each once over all its hops, most frequent first, with the node that said so first:
        by method and status, or as ``by`` (``node``, ``reason_header`` ...) says."""
        return self._measured("failures", by=by, every=every, tz=tz)

    def latency(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """n, minimum, mean, percentiles (nearest rank) and maximum of the delays of calls, in seconds (RFC 6076).

        ``by`` takes ``peer``, the addresses of the reference hop and every column of ``calls``.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/basic_call.pcap")
        >>> cap.latency()[["delay", "n", "median_s"]].values.tolist()[0]
        ['pdd', 1, 0.18]
        """
        return self._measured("latency", by=by, every=every, tz=tz)

    def processing(self, by: By = None, every: str | None = None, *, tz: str = "UTC") -> pd.DataFrame:
        """How long messages were on their way through each node, slowest first: by node and method, or as ``by`` (any
        column of ``hops``) says.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/volte_call.pcap")
        >>> list(cap.processing(by="method").columns[:3])
        ['method', 'messages', 'min_s']
        """
        return self._measured("processing", by=by, every=every, tz=tz)

    def phase_times(self, by: By = None, every: str | None = None, *, tz: str = "UTC") -> pd.DataFrame:
        """How long the phases of a set-up take, over calls: by phase, or as ``by`` (columns of ``phases``, some of
        ``calls``) says.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/volte_call.pcap")
        >>> cap.phase_times()[["phase", "calls", "median_s"]].values.tolist()[3]
        ['caller_bearer', 1, 0.45]
        """
        return self._measured("phase_times", by=by, every=every, tz=tz)

    def setup_shares(self, by: By = None, every: str | None = None, *, tz: str = "UTC") -> pd.DataFrame:
        """What nodes, links and ends take of the set-up of a call, largest share first: by kind, role and node, or as
        ``by`` (columns of ``waterfall`` and ``nodes``, some of ``calls``) says.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/volte_call.pcap")
        >>> cap.setup_shares(by="kind")[["kind", "median_s"]].values.tolist()[0]
        ['far_end', 0.6]
        """
        return self._measured("setup_shares", by=by, every=every, tz=tz)

    def outliers(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """The calls with a delay far outside those of their group (Tukey's fence, as in a box plot), worst first."""
        return self._measured("outliers", by=by, every=every, tz=tz)

    @property
    def plot(self) -> Plot:
        """Its figures: ``cap.plot.setup_latency()`` and others."""
        from analyzer.plot import Plot

        return Plot(self)

    @property
    def damaged(self) -> bool:
        """A container was cut, corrupt or unreadable in part."""
        return bool(self._core["files"]["cut"].any())

    # ---- looking closer ----------------------------------------------------------------------------------------

    def call(self, which: int | str) -> Call:
        """One call, by its number (``calls.no``) or by Call-ID.

        Raises :class:`~analyzer.errors.NotFound`, or :class:`~analyzer.errors.AmbiguousCall` that lists the matches.
        """
        import polars as pl

        calls = self.table("calls")
        if isinstance(which, int):
            rows = calls.filter(pl.col("no") == which)
        else:
            rows = calls.filter(pl.col("call_ids").list.contains(self.shown_call_id(which)))
        if rows.is_empty():
            raise NotFound(f"no call {which!r} among {calls.height}: calls lists them by number and Call-ID")
        if rows.height > 1:
            raise AmbiguousCall(str(which), rows["no"].to_list())
        from analyzer.call import Call

        return Call(self, rows.row(0, named=True))

    def shown_call_id(self, call_id: str) -> str:
        """A Call-ID as these tables show it."""
        return call_id

    def message(self, key: int) -> Message:
        """One message by its key: its row, its bytes as captured, its headers in order.

        Raises :class:`~analyzer.errors.NotFound`.
        """
        return self.messages_of([key])[0]

    def messages_of(self, keys: list[int]) -> list[Message]:
        """Several messages by their keys, in the order asked, in one reading of the captures."""
        import polars as pl

        from analyzer.message import Message

        if self._reading is None:
            raise AnalyzerError("the captures behind these tables are not at hand")
        rows = self.table("messages").filter(pl.col("message").is_in(keys))
        by_key = {row["message"]: row for row in rows.iter_rows(named=True)}
        missing = [key for key in keys if key not in by_key]
        if missing:
            raise NotFound(f"no message has the key {missing[0]}")
        places = [tuple(by_key[key][name] for name in ("file", "frame", "byte_offset", "length")) for key in keys]
        found = self._reading.fetch(places)
        lost = [place for place, text in zip(places, found, strict=True) if text is None]
        if lost:
            raise AnalyzerError(f"{lost[0][0]} has changed since it was read")
        return [Message(by_key[key], text or b"") for key, text in zip(keys, found, strict=True)]

    def report(self, path: str | Path, *, tz: str = "UTC", title: str = "", texts: bool | None = None) -> Path:
        """Writes one self-contained HTML page: verdict, numbers, plots, every table, the ladder of every call.

        Times are told in the zone ``tz``. ``texts``: with the text of each message, digest responses and keys hidden;
        without a word only where there are few. The folder is made where there is none. Returns the path.

        >>> import analyzer, tempfile
        >>> cap = analyzer.read("sample_pcaps/basic_call.pcap")
        >>> cap.report(tempfile.mkdtemp() + "/basic_call.html").name
        'basic_call.html'
        """
        from pathlib import Path

        from analyzer.ladder import fragments
        from analyzer.show.report import report, sections, texts_of
        from analyzer.zones import zone

        zone(tz)
        left_out = () if self._tells_nodes else sections.DEAR
        tables = {name: self.table(name) for name in sections.TABLES if name not in left_out}
        found = self._texts(texts_of(tables["messages"], wanted=texts), needed=texts is True)
        told = fragments(self, tables["messages"]) if found else {}
        page = report(tables, tz=tz, title=title, texts=found, fragments=told)
        written = Path(path)
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(page, encoding="utf-8", newline="\n")
        return written

    def _texts(self, keys: list[int], *, needed: bool) -> dict[int, bytes]:
        """Messages by their keys, nothing secret in them; none where the captures are not at hand and not needed."""
        try:
            return (
                {message.row["message"]: message.without_secrets for message in self.messages_of(keys)} if keys else {}
            )
        except AnalyzerError:
            if needed:
                raise
            return {}

    def export(self, output: Output, *, media: bool = False) -> int:
        """Writes the packets of these messages to a pcapng file (or binary file object); returns how many.

        Whole packets with their own link layer and times (ns): every fragment, segment and chunk of the messages and of
        their duplicates, and the ICMP errors, resets and aborts that met them. ``media`` adds what was sent to and from
        the addresses and ports of the session descriptions while the call lasted. Wireshark opens it. What several
        capture points saw goes into a section each, one after the other.

        >>> import analyzer, io
        >>> cap = analyzer.read("sample_pcaps/basic_call.pcap")
        >>> packets = cap.export(copy := io.BytesIO())
        >>> analyzer.read(io.BytesIO(copy.getvalue())).calls.outcome.tolist()
        ['answered']
        """
        return self.export_of(self.table("messages"), output, media=media)

    def export_of(self, messages: pl.DataFrame, output: Output, *, media: bool = False) -> int:
        """The same for some rows of ``messages``."""
        from analyzer.export import media_flows

        if self._reading is None:
            raise AnalyzerError("the captures behind these tables are not at hand")
        places = messages.select("file", "frame", "byte_offset", "length").rows()
        return self._reading.export(places, media_flows(messages, self.table("sdp")) if media else [], output)

    def wireshark_filter(self) -> str:
        """Wireshark's display filter for the Call-IDs of these messages.

        >>> import analyzer
        >>> analyzer.read("sample_pcaps/busy.pcap").wireshark_filter()
        'sip.Call-ID == "787e5c887e45131f@192.0.2.10"'
        """
        return self.wireshark_filter_of(self.table("messages"))

    def wireshark_filter_of(self, messages: pl.DataFrame) -> str:
        """The same for some rows of ``messages``."""
        from analyzer.export import wireshark_filter

        return wireshark_filter(messages)

    def filter(self, chosen: Filter) -> Capture:
        """The whole calls (and transactions and registrations outside calls) that a filter picks, values unchanged."""
        from analyzer import filters

        needed = [name for name in schema.TABLES if name not in filters.DEPENDENT or name == chosen.table]
        if known := self._known_by(chosen.table):
            needed.append(known)
        view = Capture(self._stages, self._reading)
        view._whole = self
        view._tables = filters.apply(chosen, {name: self.table(name) for name in needed})
        return view

    def mask(self, key: str | bytes | None = None) -> Capture:
        """The same capture with pseudonyms in place of numbers, names, addresses, places and what was said.

        Every table, and the text of every message, from which ladders, reports and files are made. Masked is what is
        shown; what happened was found out before, so outcomes, delays, keys and frames are those of the original.
        ``key`` (16 bytes or more) gives the same pseudonyms each time; without one they are drawn anew. What is
        replaced, what stays, and what this cannot promise: ``docs/masking.md``.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/basic_call.pcap").mask("an example, not a secret")
        >>> cap.calls.outcome.tolist(), "alice@example.com" in cap.calls.caller.tolist()
        (['answered'], False)
        """
        from analyzer.masked import Masked
        from analyzer.masking.mask import Mask

        return Masked(self, Mask(key).knowing(self._core["messages"]))

    def sql(self, query: str) -> pd.DataFrame:
        """A SQL query (Polars dialect) over the tables by name.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/busy.pcap")
        >>> cap.sql("select outcome, count(*) as n from calls group by outcome").values.tolist()
        [['busy', 1]]
        """
        import re

        import polars as pl

        from analyzer.frames import to_pandas

        names = [name for name in schema.TABLES if re.search(rf"\b{name}\b", query)]
        context = pl.SQLContext({name: self.table(name) for name in names})
        try:
            return to_pandas(context.execute(query, eager=True))
        except pl.exceptions.PolarsError as error:
            raise AnalyzerError(f"the query cannot be run: {error}") from error

    def summary(self, *, tz: str = "UTC", width: int = 100) -> str:
        """What happened here, on one screen of text ``width`` columns wide, times as in the zone ``tz``.

        >>> import analyzer
        >>> print(analyzer.read("sample_pcaps/busy.pcap").summary().splitlines()[5])
        calls                  1  busy 1
        """
        from analyzer.show.summary import TABLES, summary

        few = self._tells_nodes
        return summary(self._tables_of(*(name for name in TABLES if few or name != "nodes")), tz=tz, width=width)

    @property
    def _tells_nodes(self) -> bool:
        return self._core["messages"].height <= _NODES_TOLD

    def _tables_of(self, *names: str) -> dict[str, pl.DataFrame]:
        """These tables and ``messages``, which may lack what calls and dialogs are joined to it for."""
        made = "messages" in self._tables or "messages" not in self._core
        messages = self.table("messages") if made else self._core["messages"]
        return {name: self.table(name) for name in names} | {"messages": messages}

    def _repr_html_(self) -> str:
        from analyzer.show.cards import capture_card

        return capture_card(repr(self), self.summary())

    def __repr__(self) -> str:
        counts = {"files": self._core["files"].height, "messages": self._core["messages"].height}
        return f"<Capture: {', '.join(f'{count} {name}' for name, count in counts.items())}>"
