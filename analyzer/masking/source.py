"""A source of which everything that is shown is a pseudonym: the outermost of the sources around sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer.errors import AnalyzerError
from analyzer.masking.mask import Mask
from analyzer.schema import MESSAGES, MaskClass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    import polars as pl

    from analyzer.api.filters import Filter
    from analyzer.api.source import Source
    from analyzer.reading.export import MediaFlow
    from analyzer.reading.native import Output


class MaskedSource:
    """Another source through a mask; nothing of it is handed out that is not masked."""

    def __init__(self, original: Source, mask: Mask) -> None:
        self._original = original
        self._mask = mask
        self._made: dict[str, pl.DataFrame] = {}

    @classmethod
    def around(cls, source: Source, key: str | bytes | None, *, domains: bool = False) -> MaskedSource:
        """A source masked with a key, or with one drawn anew; of a masked one its original."""
        original = source._original if isinstance(source, MaskedSource) else source
        # What a filter left out may be spoken of in what it kept.
        return cls(original, Mask(key, domains=domains).knowing(original.whole.lean_messages()))

    @property
    def messages_read(self) -> int:
        return self._original.messages_read

    @property
    def captured_until(self) -> int | None:
        return self._original.captured_until

    @property
    def whole(self) -> Source:
        return MaskedSource(self._original.whole, self._mask)

    @property
    def damaged(self) -> bool:
        """A file of the store behind it could not be read."""
        return bool(getattr(self._original, "damaged", False))

    def table(self, name: str) -> pl.DataFrame:
        if name not in self._made:
            self._made[name] = self._mask.table(name, self._original.table(name))
        return self._made[name]

    def masked(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows or columns of a table of the original, masked as its others are."""
        return self._mask.table(name, frame)

    def table_around(self, calls: Collection[int], name: str) -> pl.DataFrame:
        if name in self._made:
            return self._made[name]
        return self._mask.table(name, self._original.table_around(calls, name))

    def lean_messages(self, columns: Sequence[str] = ()) -> pl.DataFrame:
        # To mask a column takes longer than to read it. Those of the core alone have no mask.
        lean = self._original.lean_messages(columns)
        return self._mask.table("messages", lean.select(name for name in lean.columns if name in MESSAGES.names))

    def scan(self, name: str) -> pl.LazyFrame:
        return self.table(name).lazy()

    def pieces(self) -> Iterable[Callable[[str], pl.LazyFrame]]:
        # To mask rows apart would take their pseudonyms from fewer.
        return [lambda name: (self.lean_messages() if name == "messages" else self.table(name)).lazy()]

    def failing_nodes(self) -> pl.DataFrame:
        return self._mask.table("call_failures", self._original.failing_nodes())

    def problem_count(self) -> int:
        return self._original.problem_count()

    def headers_of(self, *names: str) -> pl.DataFrame:
        return self._mask.table("headers", self._original.headers_of(*names))

    def texts(self, keys: Sequence[int]) -> list[bytes]:
        return [self._mask.message(text) for text in self._original.texts(keys)]

    def export(self, messages: pl.DataFrame, output: Output, *, media: bool = False) -> int:
        """Writes packets made of the masked texts, between pseudonymous addresses: those of the capture hold the
        original in more places than a mask can reach. Of media they hold the headers alone."""
        from analyzer.reading import export

        original = self._original
        bare = original.table("messages").join(messages, on="message", how="semi")
        heads, addresses = None, {}
        if media:
            flows = export.media_flows(bare, original.table("sdp"), original.table("streams"))
            heads = original.media_heads(flows, bare["point"].unique(maintain_order=True).to_list())
            addresses = {address: self._mask.value(MaskClass.ADDRESS, address) for address in heads.addresses()}
        return export.compose(
            messages,
            self.texts(messages["message"].to_list()),
            self._mask.table("messages", export.failures_around(bare, original.transport_failures())),
            original.captured_until,
            original.whole.table("files")["path"].drop_nulls(),
            output,
            heads,
            addresses,
        )

    def media_heads(self, flows: list[MediaFlow], points: list[str]) -> Any:
        return self._original.media_heads(flows, points)

    def transport_failures(self) -> pl.DataFrame:
        return self._mask.table("messages", self._original.transport_failures())

    def payloads(self, streams: pl.DataFrame) -> list[list[tuple[int, int, int, int, bytes]]]:
        """Refused: a voice is known by its sound, and says what it likes."""
        raise AnalyzerError("audio cannot be masked: it is what people said, in their voices. Leave the mask out")

    def wireshark_filter(self, messages: pl.DataFrame) -> str:
        """Refused: a filter made of pseudonyms finds nothing, one made of Call-IDs tells them."""
        raise AnalyzerError("a display filter cannot be masked: it finds packets by their original Call-ID")

    def shown_call_id(self, call_id: str) -> str:
        """The pseudonym of a Call-ID of the original; any other as it is, for it may be a pseudonym."""
        known = (self._original.table("messages")["call_id"] == call_id).any()
        return self._mask.value(MaskClass.IDENTIFIER, call_id) if known else call_id

    def filtered(self, chosen: Filter) -> Source:
        """The mask around what the filter picks of the original: who asks knows whom they are looking for."""
        return MaskedSource(self._original.filtered(chosen), self._mask)

    def __str__(self) -> str:
        return f"{self._original}, masked"
