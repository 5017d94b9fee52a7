"""The tables of a capture: a property for each of ``analyzer.schema``, a method for each measured one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from analyzer.api.source import Source
    from analyzer.kpi.thresholds import Given
    from analyzer.measure.grouping import By


class Tables:
    """The tables that a source has, each a ``pandas.DataFrame`` by attribute and a ``polars.DataFrame`` by
    :meth:`table`; columns, types and units: ``docs/tables.md``."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def table(self, name: str) -> pl.DataFrame:
        """One table as a ``polars.DataFrame``, in the columns and order of ``docs/tables.md``.

        Raises :class:`~analyzer.errors.NotFound` for a name that is no table.
        """
        return self.source.table(name)

    def _pandas(self, name: str) -> pd.DataFrame:
        from analyzer.api.pandas_export import to_pandas

        return to_pandas(self.table(name))

    # Made by docs/make_properties.py from analyzer.schema.

    @property
    def findings(self) -> pd.DataFrame:
        """One cause of trouble, with all the calls that it hurt."""
        return self._pandas("findings")

    @property
    def finding_cases(self) -> pd.DataFrame:
        """One call, registration, request or node that a finding is about."""
        return self._pandas("finding_cases")

    @property
    def calls(self) -> pd.DataFrame:
        """One call attempt, over all its hops, legs, forks and retries."""
        return self._pandas("calls")

    @property
    def dialogs(self) -> pd.DataFrame:
        """One dialog: a Call-ID and a pair of tags, over all its hops."""
        return self._pandas("dialogs")

    @property
    def transactions(self) -> pd.DataFrame:
        """One transaction on one hop."""
        return self._pandas("transactions")

    @property
    def messages(self) -> pd.DataFrame:
        """One observation of a SIP message."""
        return self._pandas("messages")

    @property
    def sdp(self) -> pd.DataFrame:
        """One m= line of a session description in a message."""
        return self._pandas("sdp")

    @property
    def offers(self) -> pd.DataFrame:
        """One m= line of an offer/answer exchange."""
        return self._pandas("offers")

    @property
    def holds(self) -> pd.DataFrame:
        """One hold interval of a media stream."""
        return self._pandas("holds")

    @property
    def offer_answer_violations(self) -> pd.DataFrame:
        """One breach of the offer/answer rules."""
        return self._pandas("offer_answer_violations")

    @property
    def registrations(self) -> pd.DataFrame:
        """One registration attempt: the REGISTERs of one binding until a 2xx or a final response that is not a
        challenge."""
        return self._pandas("registrations")

    @property
    def subscriptions(self) -> pd.DataFrame:
        """One subscription: an event package between a subscriber and a notifier."""
        return self._pandas("subscriptions")

    @property
    def publications(self) -> pd.DataFrame:
        """One PUBLISH, once over all its hops."""
        return self._pandas("publications")

    @property
    def setups(self) -> pd.DataFrame:
        """The set-up of one call: the time of each milestone, and the phase in which it stalled."""
        return self._pandas("setups")

    @property
    def phases(self) -> pd.DataFrame:
        """One phase of the set-up of a call, in order, with its duration."""
        return self._pandas("phases")

    @property
    def waterfall(self) -> pd.DataFrame:
        """One interval on the path of a set-up, in order."""
        return self._pandas("waterfall")

    @property
    def call_failures(self) -> pd.DataFrame:
        """One call that was not answered: which node ended it, on whose behalf, and why."""
        return self._pandas("call_failures")

    @property
    def failure_path(self) -> pd.DataFrame:
        """One step of a failure on its way back: a node that sent it first, or passed it on."""
        return self._pandas("failure_path")

    @property
    def legs(self) -> pd.DataFrame:
        """One leg of a call, and the leg that it continues across a B2BUA."""
        return self._pandas("legs")

    @property
    def hops(self) -> pd.DataFrame:
        """One message on its way from one node to the next, and the message that preceded it at the node."""
        return self._pandas("hops")

    @property
    def endpoints(self) -> pd.DataFrame:
        """One address and port that sent or received SIP, and the node that it belongs to."""
        return self._pandas("endpoints")

    @property
    def nodes(self) -> pd.DataFrame:
        """One node that sent or received SIP: a UE, a CSCF, an AS, a PBX, with its role."""
        return self._pandas("nodes")

    @property
    def node_evidence(self) -> pd.DataFrame:
        """One rule that supports a role of a node."""
        return self._pandas("node_evidence")

    @property
    def reference_points(self) -> pd.DataFrame:
        """Two nodes that sent each other requests, and the reference point between them."""
        return self._pandas("reference_points")

    @property
    def ims_registrations(self) -> pd.DataFrame:
        """The IMS details of a registration attempt, over all its hops."""
        return self._pandas("ims_registrations")

    @property
    def challenges(self) -> pd.DataFrame:
        """One challenge to a REGISTER, with AKA decoded, and its outcome."""
        return self._pandas("challenges")

    @property
    def bindings(self) -> pd.DataFrame:
        """One uninterrupted period in which a contact was registered."""
        return self._pandas("bindings")

    @property
    def reg_events(self) -> pd.DataFrame:
        """One contact, or one address of record without any, in a NOTIFY of the event package reg."""
        return self._pandas("reg_events")

    @property
    def services(self) -> pd.DataFrame:
        """One service of a dialog, or of a request outside dialogs."""
        return self._pandas("services")

    @property
    def capabilities(self) -> pd.DataFrame:
        """One capability that a user agent, or the network towards it, announces."""
        return self._pandas("capabilities")

    @property
    def sms(self) -> pd.DataFrame:
        """One short message over IP, and whether it was delivered."""
        return self._pandas("sms")

    @property
    def cdrs(self) -> pd.DataFrame:
        """One leg of a call as a charging data record: the record that its node would have written."""
        return self._pandas("cdrs")

    @property
    def access_networks(self) -> pd.DataFrame:
        """One access network of a party of a call or registration, decoded."""
        return self._pandas("access_networks")

    @property
    def streams(self) -> pd.DataFrame:
        """One stream of RTP or fax: the packets of one source from one end to another, numbered without a break."""
        return self._pandas("streams")

    @property
    def stream_intervals(self) -> pd.DataFrame:
        """Five seconds of a stream."""
        return self._pandas("stream_intervals")

    @property
    def dtmf(self) -> pd.DataFrame:
        """One telephone event, such as a digit that was pressed, however many packets or hops repeat it."""
        return self._pandas("dtmf")

    @property
    def rtcp_reports(self) -> pd.DataFrame:
        """What one receiver of a stream reported of it by RTCP."""
        return self._pandas("rtcp_reports")

    @property
    def msrp(self) -> pd.DataFrame:
        """One direction of a connection with messages of MSRP."""
        return self._pandas("msrp")

    @property
    def call_media(self) -> pd.DataFrame:
        """The audio of one answered call."""
        return self._pandas("call_media")

    @property
    def related_transactions(self) -> pd.DataFrame:
        """One exchange of Diameter or DNS that belongs to a call or registration."""
        return self._pandas("related_transactions")

    @property
    def peer_delays(self) -> pd.DataFrame:
        """The time that one call or registration waited for one peer: HSS, PCRF, CDF, OCS or DNS."""
        return self._pandas("peer_delays")

    @property
    def diameter(self) -> pd.DataFrame:
        """One Diameter message, in time order, duplicates included."""
        return self._pandas("diameter")

    @property
    def diameter_transactions(self) -> pd.DataFrame:
        """One Diameter request on one hop and its answer."""
        return self._pandas("diameter_transactions")

    @property
    def dns(self) -> pd.DataFrame:
        """One DNS query and its response, over UDP or TCP, port 53."""
        return self._pandas("dns")

    @property
    def files(self) -> pd.DataFrame:
        """One capture file that was read."""
        return self._pandas("files")

    @property
    def problems(self) -> pd.DataFrame:
        """One defect of a capture file or a message."""
        return self._pandas("problems")

    @property
    def tls_connections(self) -> pd.DataFrame:
        """One TLS connection: who they are, how it was agreed, and whether its content was read."""
        return self._pandas("tls_connections")

    @property
    def clocks(self) -> pd.DataFrame:
        """The offset of the clock of one capture point from that of the first, and its drift."""
        return self._pandas("clocks")

    @property
    def losses(self) -> pd.DataFrame:
        """One message that one capture point observed and another, on the same path, did not."""
        return self._pandas("losses")

    def responses(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """The number of transactions, each on its hop, by response.

        Grouped by method and status without ``by``, which takes class, peer (with direction) and the columns of
        transactions. share is that of all transactions of the method (or peer, interval ...); a null status counts
        those without a final response.

        Example: ``cap.responses(by="peer,class")``.
        """
        return self._measured("responses", by=by, every=every, tz=tz)

    def failures(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """The requests that failed, most frequent first, and the node that failed them first.

        A request counts once over all its hops, the INVITE of a call once over all its legs. Grouped by method and
        status without ``by``, which takes class, node, outcome, reason_phrase, reason_header, transport and call_id.
        node: failing_node of call_failures; of other requests the first one that sent the response, as far as the
        capture shows; no: a call to look at. Answered challenges and cancelled INVITEs are not failures.

        Example: ``cap.failures(by="status,node")``.
        """
        return self._measured("failures", by=by, every=every, tz=tz)

    def links(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """The losses of each link: retransmissions, timeouts, time to the first response.

        A link is one way, from the address that sends requests to the one that answers; busiest first. ``by`` takes
        peer (with direction) and the columns of transactions. timeout_share leaves out pending and orphans.

        Example: ``cap.links(by="client_ip,server_ip,transport")``.
        """
        return self._measured("links", by=by, every=every, tz=tz)

    def node_delays(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """The time that nodes take to forward messages: median, percentiles, extremes.

        From an incoming message to the message made from it, by one capture point's clock; slowest first. ``by`` takes
        the columns of hops.

        Example: ``cap.node_delays(by="node,method,status")``.
        """
        return self._measured("node_delays", by=by, every=every, tz=tz)

    def phase_times(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """The duration of the phases of a set-up: median, percentiles, extremes, share.

        At the reference hop of each call. ``by`` takes the columns of phases, and of calls (caller callee outcome
        status codecs emergency).

        Example: ``cap.phase_times(by="phase,outcome")``.
        """
        return self._measured("phase_times", by=by, every=every, tz=tz)

    def setup_shares(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """The share of nodes, links and endpoints in the set-up time: median, percentiles, share.

        The waterfall of each call, over all calls; each node counts once with all it took. ``by`` takes the columns of
        waterfall, of endpoints (role node name session_case domain) and of calls (caller callee outcome status codecs
        emergency).

        Example: ``cap.setup_shares(by="kind,role")``.
        """
        return self._measured("setup_shares", by=by, every=every, tz=tz)

    def latency(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """Set-up latency: median, percentiles and extremes of the delays of calls.

        pdd, alert, srd, setup, ring and talk as in calls, in seconds; n of the calls have that delay. Percentiles are
        nearest-rank, p99 from 100 calls on. ``by`` takes peer (with direction), the addresses of the reference hop and
        the columns of calls.

        Example: ``cap.latency(by="peer")``.
        """
        return self._measured("latency", by=by, every=every, tz=tz)

    def outliers(self, by: By = None, every: str | None = None, *, tz: str | None = None) -> pd.DataFrame:
        """The calls with a delay far outside those of their group.

        Beyond the fence of a box plot: the upper quartile and 1.5 times the distance of the quartiles, in a group of
        ten or more. Worst first of each delay. ``by`` and ``every``, as in latency, choose the group that a call is
        compared with.

        Example: ``cap.outliers(by="peer")``.
        """
        return self._measured("outliers", by=by, every=every, tz=tz)

    # End of what docs/make_properties.py made.

    def kpis(self, by: By = None, every: str | None = None, *, tz: str | None = None, only: By = None) -> pd.DataFrame:
        """The key performance indicators by the book: RFC 6076, ITU-T, 3GPP TS 32.409 and TS 32.454, signalling load.

        A row for each KPI, group and interval, and for each KPI one over all (``total``). ``by`` takes what
        ``docs/kpis.md`` lists for each KPI: node, reference_point, service, rat, peer, method, columns of calls ...;
        a KPI that cannot be grouped so has no row. ``only`` names the KPIs wanted. Shares are 0 to 1, durations
        seconds; a ratio over nothing is null.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/busy.pcap")
        >>> cap.kpis(only="ser,seer")[["kpi", "value", "n", "note"]].values.tolist()
        [['ser', 0.0, 1, 'low_n'], ['seer', 1.0, 1, 'low_n']]
        """
        return self._measured("kpis", by=by, every=every, tz=tz, only=only)

    def crossings(self, thresholds: Given, *, tz: str = "UTC") -> pd.DataFrame:
        """What crosses a threshold for a KPI, and what would if it rested on more (``state`` is crossed or low_n).

        ``thresholds`` is the path of a TOML file, or what would stand in it: ``docs/kpis.md``. Raises
        :class:`~analyzer.errors.AnalyzerError` that says where, what, and what to write.

        >>> import analyzer
        >>> cap = analyzer.read("sample_pcaps/busy.pcap")
        >>> cap.crossings({"thresholds": ["ser < 0.5"]})[["threshold", "value", "n", "state"]].values.tolist()
        [['ser < 0.5', 0.0, 1, 'low_n']]
        """
        from analyzer.api.measured import crossings
        from analyzer.api.pandas_export import to_pandas
        from analyzer.kpi.thresholds import read

        return to_pandas(crossings(self.source, read(thresholds), tz))

    def measure(
        self, name: str, *, by: By = None, every: str | None = None, tz: str | None = None, **more: Any
    ) -> pl.DataFrame:
        """A measured table as a ``polars.DataFrame``: one of those at the end of ``docs/tables.md``.

        ``by`` names columns to group by (a text with commas, or a list), ``every`` (``30s``, ``1m``, ``1h``, ``1d``)
        makes intervals that begin on the full minute, hour or day of ``tz``; without them each has its own way. What a
        table takes besides is in ``more``: ``only`` of ``kpis``.

        Raises :class:`~analyzer.errors.NotFound` for a name that is no measured table, and
        :class:`~analyzer.errors.FilterError` for a column or interval that cannot be understood.
        """
        if name not in schema.MEASURES:
            raise NotFound(f"nothing measured is called {name!r}; there are {', '.join(schema.MEASURES)}")
        from analyzer.api.measured import measured

        return measured(self.source, name, by=by, every=every, tz=tz, **more)

    def _measured(self, name: str, **how: By) -> pd.DataFrame:
        from analyzer.api.pandas_export import to_pandas

        return to_pandas(self.measure(name, **how))  # type: ignore[arg-type]
