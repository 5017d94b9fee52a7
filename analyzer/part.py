"""The tables around one call: made of the messages of its Call-IDs alone, with the same rows for it as the whole has.

Most stages are local: what they tell of a call depends on its own messages. What rests on the whole capture (which call
a message belongs to, which legs are one call, what nodes are, who was registered, what was asked beside SIP) is that of
the whole. So one call can be told of without the tables of all.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.stages import Stages

if TYPE_CHECKING:
    import polars as pl

    from analyzer.ims.nodes import Nodes
    from analyzer.sip.attempts import Attempts

#: The tables that are made of fewer messages here; of any other the whole is asked.
LOCAL = frozenset(
    {
        *("messages", "sdp", "transactions", "dialogs", "offers", "holds"),
        *("setups", "phases", "waterfall", "refusals", "refusal_steps"),
        *("hops", "services", "access_networks", "cdrs"),
    }
)

#: The header fields that they rest on: who looks at a call looks at several of them.
FIELDS = tuple(name for table in sorted(LOCAL) for name in schema.FIELDS_OF.get(table, ()))


class Part(Stages):
    """The tables of ``whole`` as far as they tell of one call, and of others that share Call-IDs with it."""

    def __init__(self, whole: Stages, call: int) -> None:
        import polars as pl

        messages = whole.core["messages"].with_row_index("_whole_row")
        messages = messages.filter(pl.col("_call").is_in(_call_ids(whole, call).implode()))
        super().__init__(whole.core | {"messages": messages.drop("_whole_row")}, aligned=whole._aligned)
        self._whole, self._read, self._call = whole, whole.core, call
        self._rows = messages["_whole_row"]

    def is_of(self, whole: Stages, call: int) -> bool:
        """It was made for this call, of what is read of the whole by now."""
        return self._whole is whole and self._read is whole.core and self._call == call

    def _of_ours(self, frame: pl.DataFrame, column: str, ours: str) -> pl.DataFrame:
        """The rows of a frame of the whole in which ``column`` is one of what messages have in ``ours``."""
        import polars as pl

        return frame.filter(pl.col(column).is_in(self._messages[ours].unique().implode()))

    # ---- what the whole knows --------------------------------------------------------------------------------------

    @cached_property
    def _call_of(self) -> pl.Series:
        return self._whole._call_of.gather(self._rows)

    @cached_property
    def _attempts(self) -> Attempts:
        import polars as pl

        found = self._whole._attempts
        numbers = pl.DataFrame({"row": self._rows}).with_row_index("own")
        opened = found.opened.join(numbers, on="row", maintain_order="left")
        opened = opened.with_columns(row="own").drop("own")
        return replace(found, messages=self._messages, opened=opened)

    @cached_property
    def calls(self) -> pl.DataFrame:
        import polars as pl

        return self._whole.calls.filter(pl.col("call").is_in(self._call_of.unique().implode()))

    @cached_property
    def legs(self) -> pl.DataFrame:
        return self._of_ours(self._whole.legs, "leg", "message")

    @property
    def _links(self) -> pl.DataFrame:
        return self._whole._links

    @cached_property
    def _bare_transactions(self) -> pl.DataFrame:
        return self._of_ours(self._whole._bare_transactions, "transaction", "transaction")

    @cached_property
    def _dialogs_and_hops(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        dialogs, hops = self._whole._dialogs_and_hops
        return self._of_ours(dialogs, "dialog", "message"), self._of_ours(hops, "_dialog", "_dialog")

    @cached_property
    def _bare_holds(self) -> pl.DataFrame:
        return self._of_ours(self._whole._bare_holds, "dialog", "message")

    @property
    def _registrations_and_requests(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        return self._whole._registrations_and_requests

    @property
    def ims_registrations(self) -> pl.DataFrame:
        return self._whole.ims_registrations

    @property
    def _found_nodes(self) -> Nodes:
        return self._whole._found_nodes

    @property
    def _forwarding(self) -> pl.DataFrame:
        import polars as pl

        from analyzer.diagnose.call_failures import NOT_REFUSED

        # Nobody asks where none of the calls failed.
        failed = (~self.calls["outcome"].is_in(NOT_REFUSED)).any()
        return self._whole._forwarding if failed else pl.DataFrame(schema={"address": pl.String})

    # ---- what is cut down before it is looked at -------------------------------------------------------------------

    @property
    def _fields(self) -> pl.DataFrame:
        # Not kept: more fields may be read later.
        return self._of_ours(self._whole._fields, "message", "message")


def _call_ids(whole: Stages, call: int) -> pl.Series:
    """The hashes of the Call-IDs of a call, and of all that B2BUAs linked to them, whichever call those are of."""
    import polars as pl

    links = whole._links.select("_call", "_call_from")
    known = whole._attempts.spans.filter(pl.col("call") == call)["_call"].unique()
    while True:
        near = links.filter(pl.any_horizontal(pl.col("_call", "_call_from").is_in(known.implode())))
        further = pl.concat([known, near["_call"], near["_call_from"]]).unique()
        if further.len() == known.len():
            return known
        known = further
