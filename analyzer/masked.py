"""Masked: a capture of which everything that is shown is a pseudonym."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.capture import Capture
from analyzer.errors import AnalyzerError
from analyzer.schema import MaskClass
from analyzer.stages import Stages

if TYPE_CHECKING:
    import polars as pl

    from analyzer.filters import Filter
    from analyzer.masking.mask import Mask
    from analyzer.message import Message
    from analyzer.reading.native import Output


class Masked(Capture):
    """A capture seen through a mask: it has the original, and hands out nothing of it that is not masked."""

    def __init__(self, original: Capture, mask: Mask) -> None:
        # No tables of the core: what would go past the mask fails.
        super().__init__(Stages({}))
        self._original = original
        self._mask = mask

    def table(self, name: str) -> pl.DataFrame:
        """The table with every text masked, as :meth:`Capture.table` gives it."""
        if name not in self._tables:
            self._tables[name] = self._mask.table(name, self._original.table(name))
        return self._tables[name]

    def table_around(self, call: int, name: str) -> pl.DataFrame:
        """The table, or as much as tells of one call, masked."""
        if name in self._tables:
            return self._tables[name]
        return self._mask.table(name, self._original.table_around(call, name))

    def headers_of(self, *names: str) -> pl.DataFrame:
        """Header fields by name, their values masked, as :meth:`Capture.headers_of` gives them."""
        return self._mask.table("headers", self._original.headers_of(*names))

    def _any_table(self, name: str) -> pl.DataFrame:
        return self.table(name)

    @property
    def _tells_nodes(self) -> bool:
        return self._original._tells_nodes

    @property
    def damaged(self) -> bool:
        """A container was cut, corrupt or unreadable in part."""
        return self._original.damaged

    def messages_of(self, keys: list[int]) -> list[Message]:
        """Several messages by their keys, masked: rows, and bytes of the same length."""
        import polars as pl

        from analyzer.message import Message

        originals = self._original.messages_of(keys)
        rows = self.table("messages").filter(pl.col("message").is_in(keys))
        by_key = {row["message"]: row for row in rows.iter_rows(named=True)}
        return [
            Message(by_key[key], self._mask.message(found.text)) for key, found in zip(keys, originals, strict=True)
        ]

    def export_of(self, messages: pl.DataFrame, output: Output, *, media: bool = False) -> int:
        """Refused: packets hold what the mask hides, in more places than it can reach."""
        raise AnalyzerError(
            "packets cannot be masked: they hold the original. Leave the mask out, or give away a masked ladder, report"
            " or table instead"
        )

    def wireshark_filter_of(self, messages: pl.DataFrame) -> str:
        """Refused: a filter made of pseudonyms finds nothing, one made of Call-IDs tells them."""
        raise AnalyzerError("a display filter cannot be masked: it finds packets by their original Call-ID")

    def shown_call_id(self, call_id: str) -> str:
        """The pseudonym of a Call-ID of the original; any other as it is, for it may be a pseudonym."""
        known = (self._original.table("messages")["call_id"] == call_id).any()
        return self._mask.value(MaskClass.IDENTIFIER, call_id) if known else call_id

    def filter(self, chosen: Filter) -> Capture:
        """What a filter picks; it looks at the originals, for who asks knows whom they are looking for."""
        return Masked(self._original.filter(chosen), self._mask)

    def mask(self, key: str | bytes | None = None) -> Capture:
        """The original masked with another key."""
        return self._original.mask(key)

    def __repr__(self) -> str:
        return f"{repr(self._original)[:-1]}, masked>"
