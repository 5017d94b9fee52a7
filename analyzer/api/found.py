"""What has a ladder: a call, or the messages of a Call-ID outside calls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from analyzer.api.call import Call
from analyzer.api.message import messages_of
from analyzer.errors import NotFound

if TYPE_CHECKING:
    import polars as pl

    from analyzer.api.ladder import Ladder
    from analyzer.api.source import Source
    from analyzer.reading.native import Output


@dataclass(frozen=True, slots=True)
class Found:
    """A call, or the messages of a Call-ID outside calls: a registration, a subscription, an OPTIONS."""

    source: Source
    asked: str
    row: dict[str, Any] | None
    messages: pl.DataFrame
    reference: int | None

    @property
    def title(self) -> str:
        """Who called whom, and what came of it; of what is no call, its Call-ID."""
        return f"Call-ID {self.asked}" if self.row is None else Call(self.source, self.row).title

    def audio(self, output: Output) -> float:
        """Writes what was said to a wave file; returns its length in seconds."""
        if self.row is None:
            raise NotFound(f"{self.asked} is no call, and has no audio")
        return Call(self.source, self.row).audio(output)

    def table(self, name: str) -> pl.DataFrame:
        """Its rows of a table."""
        import polars as pl

        if self.row is not None:
            return Call(self.source, self.row).table(name)
        frame = self.source.table(name)
        if "registration" in frame.columns and "call_id" not in frame.columns:
            return frame.filter(pl.col("registration").is_in(self.table("registrations")["registration"].implode()))
        # ``calls`` has no Call-ID of its own: this one is in none of them.
        known = pl.col("call_id").is_in(self.messages["call_id"].unique().implode())
        return frame.filter(known) if "call_id" in frame.columns else frame.clear()

    def ladder(self, hop: str, leg: str | None = None, *, sip_only: bool = False) -> Ladder:
        """Its ladder, over all hops or the ``reference`` one, over all legs or one."""
        from analyzer.api.ladder import Ladder, of_leg, timeline_of

        number = int(leg) if leg and re.fullmatch(r"[0-9]{1,6}", leg) else leg
        if self.row is not None:
            return Call(self.source, self.row).ladder(hop=hop, leg=number, sip_only=sip_only)
        messages = self.messages
        if number is not None:
            messages = of_leg(messages, number if isinstance(number, int) else self.source.shown_call_id(number))
        reference = self.reference if hop == "reference" else None
        model = timeline_of(self.source, messages, self.table, reference=reference, sip_only=sip_only)
        return Ladder(model, title=self.title, messages_of=partial(messages_of, self.source))


def of_call(source: Source, row: dict[str, Any]) -> Found:
    """The call of that row of ``calls``."""
    return Found(source, str(row["no"]), row, Call(source, row).observations(), row["reference"])


def of_call_id(source: Source, call_id: str) -> Found | None:
    """What has that Call-ID outside calls, in the name that tables show of it: masked, where they are. None without
    any."""
    import polars as pl

    asked = source.shown_call_id(call_id)
    messages = source.table("messages").filter(pl.col("call_id") == asked)
    if messages.is_empty():
        return None
    first = messages["transaction"].drop_nulls()
    return Found(source, asked, None, messages, first[0] if len(first) else None)
