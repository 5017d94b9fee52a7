"""How each table comes from those of the core: every stage function bound to what it rests on, and run once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from analyzer import schema

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from analyzer.ims.given import Entry
    from analyzer.ims.legs import Legs
    from analyzer.ims.nodes import Nodes
    from analyzer.ims.phases import SetUps
    from analyzer.ims.refusals import Refusals
    from analyzer.sip.attempts import Attempts


class Stages:
    """The tables of one reading. An attribute without an underscore is the table of that name in ``docs/tables.md``.

    ``core`` are the tables of the core, which a later reading may give more columns, ``given`` what the user says of
    nodes; ``aligned``: the clocks of its capture points were set right; ``beside`` reads what was said beside SIP.
    """

    def __init__(
        self,
        core: dict[str, pl.DataFrame],
        given: tuple[Entry, ...] = (),
        *,
        aligned: bool = False,
        beside: Callable[[], dict[str, pl.DataFrame]] | None = None,
    ) -> None:
        self.core = core
        self._given = given
        self._aligned = aligned
        self._read_beside = beside

    def table(self, name: str) -> pl.DataFrame:
        """The table of ``schema.TABLES`` with this name."""
        made: pl.DataFrame = getattr(self, name)
        return made

    def again(
        self, core: dict[str, pl.DataFrame], *, aligned: bool, beside: Callable[[], dict[str, pl.DataFrame]]
    ) -> Stages:
        """The same of another reading."""
        return Stages(core, self._given, aligned=aligned, beside=beside)

    @property
    def _messages(self) -> pl.DataFrame:
        return self.core["messages"]

    @property
    def _descriptions(self) -> pl.DataFrame:
        return self.core["descriptions"]

    @cached_property
    def _end(self) -> int | None:
        """Time of the last packet (ns), in an export that of the original: what tells "no answer" from "it ended"."""
        import polars as pl

        ends = self.core["files"].select(pl.max_horizontal("last_at", "ended_at").cast(pl.Int64))
        return ends.to_series().max()  # type: ignore[return-value]

    # ---- what was read -----------------------------------------------------------------------------------------

    @cached_property
    def files(self) -> pl.DataFrame:
        return self.core["files"].select(schema.FILES.names)

    @cached_property
    def problems(self) -> pl.DataFrame:
        return self.core["problems"].select(schema.PROBLEMS.names)

    @cached_property
    def account(self) -> pl.DataFrame:
        return self.core["account"].select(schema.ACCOUNT.names)

    # ---- SIP ---------------------------------------------------------------------------------------------------
    # A bare table lacks the call that its rows belong to: calls rest on it.

    @cached_property
    def _bare_transactions(self) -> pl.DataFrame:
        from analyzer.sip.transactions import transactions

        return transactions(self._messages, self.core["failures"], end=self._end)

    @cached_property
    def _dialogs_and_hops(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        from analyzer.sip.dialogs import with_hops

        return with_hops(self._messages, self._bare_transactions, end=self._end)

    @property
    def _bare_dialogs(self) -> pl.DataFrame:
        return self._dialogs_and_hops[0]

    @property
    def _dialog_hops(self) -> pl.DataFrame:
        """Where each dialog was read."""
        return self._dialogs_and_hops[1]

    @cached_property
    def _exchanges(self) -> pl.DataFrame:
        from analyzer.sip.offer_answer import exchanges

        return exchanges(self._messages, self._bare_transactions, self._dialog_hops)

    @cached_property
    def _bare_holds(self) -> pl.DataFrame:
        from analyzer.sip.holds import holds

        return holds(self._messages, self._bare_dialogs, self._dialog_hops, self._exchanges, self._descriptions)

    @cached_property
    def _attempts(self) -> Attempts:
        from analyzer.sip.attempts import attempts

        return attempts(self._messages, self._bare_transactions, self._bare_dialogs, end=self._end, links=self._links)

    @cached_property
    def calls(self) -> pl.DataFrame:
        from analyzer.sip import holds, offer_answer

        found = self._attempts
        codecs = offer_answer.agreed_codecs(found.lived, self._exchanges, self._descriptions)
        held = holds.hold_seconds(found.lived, self._dialog_hops, self._bare_holds)
        return found.with_media(codecs, held)

    @cached_property
    def messages(self) -> pl.DataFrame:
        from analyzer.sip import dialogs

        found = self._messages.with_columns(
            dialogs.of_messages(self._messages, self._bare_dialogs).alias("dialog"),
            self._call_of.alias("call"),
        )
        return found.select(schema.MESSAGES.names)

    @property
    def _fields(self) -> pl.DataFrame:
        """The header fields that were read by name."""
        return self.core["headers"]

    def headers(self, names: list[str]) -> pl.DataFrame:
        """The table ``headers`` with the fields of these names, which were read."""
        from analyzer.sip.headers import headers

        return headers(self._messages, self._call_of, self._fields, names)

    @cached_property
    def transactions(self) -> pl.DataFrame:
        return self._attempts.of_transactions(self._bare_transactions)

    @cached_property
    def dialogs(self) -> pl.DataFrame:
        return self._attempts.of_dialogs(self._bare_dialogs)

    @cached_property
    def sdp(self) -> pl.DataFrame:
        from analyzer.sip.offer_answer import sdp

        return sdp(self._messages, self._bare_transactions, self._descriptions)

    @cached_property
    def offers(self) -> pl.DataFrame:
        from analyzer.sip.offer_answer import offers

        bare = offers(
            self._messages,
            self._bare_transactions,
            self._bare_dialogs,
            self._dialog_hops,
            self._exchanges,
            self._descriptions,
        )
        return self._attempts.of_rows(bare, "offer")

    @cached_property
    def holds(self) -> pl.DataFrame:
        return self._attempts.of_rows(self._bare_holds, "dialog").select(schema.HOLDS.names)

    @cached_property
    def violations(self) -> pl.DataFrame:
        from analyzer.sip.violations import violations

        bare = violations(
            self._messages, self._bare_transactions, self._dialog_hops, self._exchanges, self._descriptions
        )
        return self._attempts.of_rows(bare, "message")

    @cached_property
    def subscriptions(self) -> pl.DataFrame:
        from analyzer.sip.subscriptions import subscriptions

        bare = subscriptions(
            self._messages, self._bare_transactions, self._dialog_hops, self.core["parts"], end=self._end
        )
        return self._attempts.of_rows(bare, "subscription").select(schema.SUBSCRIPTIONS.names)

    @cached_property
    def publications(self) -> pl.DataFrame:
        from analyzer.sip.subscriptions import publications

        return publications(self._messages, self._bare_transactions, self._fields, end=self._end)

    @cached_property
    def _registrations_and_requests(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        from analyzer.sip.registrations import with_requests

        return with_requests(self._messages, self._bare_transactions)

    @property
    def registrations(self) -> pl.DataFrame:
        return self._registrations_and_requests[0]

    @property
    def _registers(self) -> pl.DataFrame:
        """What registrations were read from."""
        return self._registrations_and_requests[1]

    # ---- IMS ---------------------------------------------------------------------------------------------------

    @cached_property
    def _found_legs(self) -> Legs:
        from analyzer.ims import legs

        return legs.find(self._messages, self.core["evidence"])

    @cached_property
    def _links(self) -> pl.DataFrame:
        """Which leg a B2BUA made from which, as far as that is a fact."""
        from analyzer.ims import legs

        return legs.joined(self._found_legs, legs.links(self._found_legs, self._messages))

    @cached_property
    def legs(self) -> pl.DataFrame:
        from analyzer.ims import legs

        found = legs.links(self._found_legs, self._messages, possible=True)
        bare = legs.table(self._found_legs, found, self._messages)
        return self._attempts.of_rows(bare, "leg").select(schema.LEGS.names)

    @cached_property
    def bare_hops(self) -> pl.DataFrame:
        """The hops without what only roles of nodes tell: all that measures, clocks and losses rest on."""
        return self._linked(self._messages, self._call_of)

    def _linked(self, messages: pl.DataFrame, call_of: pl.Series) -> pl.DataFrame:
        from analyzer.ims.hops import hops

        return hops(messages, self.core["via_tails"], self._links, call_of, aligned=self._aligned)

    @cached_property
    def _call_of(self) -> pl.Series:
        """The call of each message of the core."""
        return self._attempts.of_messages(self._messages)

    @cached_property
    def _set_ups(self) -> SetUps:
        from analyzer.ims.phases import set_ups

        return set_ups(self._messages, self._call_of, self.calls, self._attempts.opened, self._descriptions)

    @property
    def setups(self) -> pl.DataFrame:
        return self._set_ups.setups

    @property
    def phases(self) -> pl.DataFrame:
        return self._set_ups.phases

    @cached_property
    def waterfall(self) -> pl.DataFrame:
        from analyzer.ims.waterfall import waterfall

        return waterfall(self._messages, self._set_ups.trips, self.bare_hops, self.calls)

    @cached_property
    def _forwarding(self) -> pl.DataFrame:
        """The nodes that sent INVITEs on, in any call."""
        from analyzer.ims.refusals import forwarding

        return forwarding(self._hops_of_invites, self.nodes)

    @cached_property
    def _hops_of_invites(self) -> pl.DataFrame:
        """``bare_hops`` of the INVITEs: what they were made from are INVITEs."""
        import polars as pl

        asked = self._messages.select((pl.col("method") == "INVITE") & pl.col("status").is_null()).to_series()
        return self._linked(self._messages.filter(asked), self._call_of.filter(asked))

    @cached_property
    def _refusals(self) -> Refusals:
        from analyzer.ims.refusals import refusals

        found = self._set_ups.milestones
        return refusals(
            self._messages, self.calls, found, self.bare_hops, self.transactions, self.nodes, self._forwarding
        )

    @property
    def refusals(self) -> pl.DataFrame:
        return self._refusals.refusals

    @property
    def refusal_steps(self) -> pl.DataFrame:
        return self._refusals.steps

    @cached_property
    def hops(self) -> pl.DataFrame:
        from analyzer.ims.reference_points import of_hops

        return of_hops(self.bare_hops, self.nodes)

    @cached_property
    def clocks(self) -> pl.DataFrame:
        from analyzer.ims.clocks import clocks

        return clocks(self._messages, self.bare_hops)

    @cached_property
    def losses(self) -> pl.DataFrame:
        from analyzer.ims.losses import losses

        return losses(self._messages, self.bare_hops)

    @cached_property
    def challenges(self) -> pl.DataFrame:
        from analyzer.ims.registration import challenges

        return challenges(self._registers, self._messages, self.core["ims_headers"])

    @cached_property
    def ims_registrations(self) -> pl.DataFrame:
        from analyzer.ims.registration import ims_registrations

        return ims_registrations(
            self.registrations, self._registers, self.challenges, self._messages, self.core["ims_headers"]
        )

    @cached_property
    def reg_events(self) -> pl.DataFrame:
        from analyzer.ims.registration import reg_events

        return reg_events(self._messages, self.core["ims_headers"])

    @cached_property
    def bindings(self) -> pl.DataFrame:
        from analyzer.ims.registration import bindings

        return bindings(self.registrations, self.reg_events, end=self._end)

    @cached_property
    def _senders(self) -> pl.DataFrame:
        """Which party of which call or registration sent each message."""
        from analyzer.ims import access

        return access.sent(self._messages, self._found_legs.table, self._registers, self._call_of)

    @cached_property
    def access_networks(self) -> pl.DataFrame:
        from analyzer.ims import access

        return access.access_networks(self._senders, self._homes, self._fields, self.calls)

    @cached_property
    def _homes(self) -> pl.DataFrame:
        """The home network of each party."""
        from analyzer.ims import access

        return access.home_networks(self._senders, self._fields)

    @cached_property
    def cdrs(self) -> pl.DataFrame:
        from analyzer.ims import charging

        return charging.cdrs(
            self._messages,
            self._fields,
            self._found_legs.openings,
            self.legs,
            self.calls,
            self.dialogs,
            self.offers,
            self.ims_registrations,
            self.access_networks,
            self._homes,
            self.nodes,
        )

    @cached_property
    def capabilities(self) -> pl.DataFrame:
        from analyzer.ims.capabilities import capabilities

        return capabilities(self._messages, self.registrations, self._registers, self._fields)

    @cached_property
    def services(self) -> pl.DataFrame:
        from analyzer.ims.services import services

        bare = services(
            self._messages,
            self._bare_dialogs,
            self._dialog_hops,
            self._bare_holds,
            self._descriptions,
            self.core["parts"],
            self._fields,
        )
        return self._attempts.of_rows(bare, "unit").select(schema.SERVICES.names)

    @cached_property
    def sms(self) -> pl.DataFrame:
        from analyzer.ims.sms import sms

        return sms(self._messages, self._bare_transactions, self.core["parts"], end=self._end)

    @cached_property
    def _found_nodes(self) -> Nodes:
        from analyzer.ims.beside import may_be_diameter
        from analyzer.ims.nodes import nodes

        beside = self.beside if may_be_diameter(self.core["account"]) else None
        return nodes(self._messages, self.core["ims_headers"], self._given, beside)

    @property
    def nodes(self) -> pl.DataFrame:
        return self._found_nodes.nodes

    @property
    def node_evidence(self) -> pl.DataFrame:
        return self._found_nodes.evidence

    @property
    def reference_points(self) -> pl.DataFrame:
        return self._found_nodes.reference_points

    # ---- beside SIP --------------------------------------------------------------------------------------------

    @cached_property
    def _beside_core(self) -> dict[str, pl.DataFrame]:
        """The captures are read for it once more, unless the account says that there is none."""
        import polars as pl

        from analyzer.ims import beside

        if self._read_beside is None or not beside.may_be(self.core["account"]):
            tables = {"diameter": schema.DIAMETER, "dns": schema.DNS_MESSAGES}
            none = {name: pl.DataFrame(schema=table.polars()) for name, table in tables.items()}
            return none | {"diameter": none["diameter"].rename({"diameter_message": "key"})}
        return self._read_beside()

    @cached_property
    def diameter(self) -> pl.DataFrame:
        from analyzer.ims.diameter import diameter

        return diameter(self._beside_core["diameter"])

    @cached_property
    def diameter_transactions(self) -> pl.DataFrame:
        from analyzer.ims.diameter import diameter_transactions

        return diameter_transactions(self.diameter, end=self._end)

    @cached_property
    def dns(self) -> pl.DataFrame:
        from analyzer.ims.dns import dns

        return dns(self._beside_core["dns"], end=self._end)

    @cached_property
    def beside(self) -> pl.DataFrame:
        from analyzer.ims.beside import beside

        registers = self._registers.select("_leg", "cseq", "registration").unique(["_leg", "cseq"], keep="first")
        return beside(
            self._messages,
            self.core["ims_headers"],
            self._descriptions,
            self.calls,
            self._call_of,
            registers,
            self.diameter_transactions,
            self.dns,
            self._beside_core["dns"],
        )

    @cached_property
    def waits(self) -> pl.DataFrame:
        from analyzer.ims.beside import waits

        return waits(self.beside, self.calls, self.registrations)
