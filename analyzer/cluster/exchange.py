"""The messages of some calls out of the exchange, as a reading of all captures has them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from analyzer.cluster.extraction import FOLLOWING
from analyzer.cluster.places import Folder
from analyzer.reading import native

if TYPE_CHECKING:
    import polars as pl

#: Columns that nothing is told by but which rows are which.
_OWN = ("_observed", "_node", "_row")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What there is in the exchange, for all tasks: ``groups`` with the numbers of their points as all have them (local
    number, number, name), and how many messages there are before each file, in the order of the whole: ``before``."""

    groups: dict[str, list[tuple[int, int, str]]]
    before: dict[str, int]
    idle: int

    def write(self, exchange: Folder, name: str) -> None:
        exchange.write(name, json.dumps(asdict(self)).encode())

    @classmethod
    def read(cls, exchange: Folder, name: str) -> Catalogue:
        return cls(**json.loads(exchange.read(name)))


@dataclass(frozen=True, slots=True)
class Rows:
    """Messages in the order of the whole, with ``_at``, ``_order``, ``_given_up`` and ``_node``; what follows them; and
    what the core has to remember of them."""

    messages: pl.DataFrame
    following: dict[str, pl.DataFrame]
    memory: bytes


def rows_of(
    exchange: Folder,
    catalogue: Catalogue,
    chunks: list[tuple[str, int]],
    nodes: pl.Series,
    columns: set[str] | None = None,
    tables: tuple[str, ...] = tuple(FOLLOWING),
) -> Rows:
    """The messages of these Call-IDs (``_node``) in these chunks, all that there are; of ``columns`` those alone."""
    import polars as pl

    found: list[pl.DataFrame] = []
    following: dict[str, list[pl.DataFrame]] = {name: [] for name in tables}
    for number, (group, chunk) in enumerate(chunks):
        messages = exchange.table(f"{group}/{chunk}/messages", None if columns is None else _asked(columns))
        own = messages.select(pl.col("_node").is_in(nodes.implode())).to_series()
        messages = messages if own.all() else messages.filter(own)
        if messages.is_empty() and found:
            continue
        points = catalogue.groups[group]
        numbers = {local: of_all for local, of_all, _ in points}
        names = {local: name for local, _, name in points}
        if columns is None:
            messages = messages.with_columns(point=pl.col("_point").replace_strict(names, return_dtype=pl.String))
        messages = messages.with_columns(
            pl.col("_point").replace_strict(numbers, return_dtype=pl.Int64), _chunk=pl.lit(number, pl.Int64)
        )
        for name in tables:
            path = f"{group}/{chunk}/{name}"
            if name == "texts" and not exchange.has(path):
                continue
            key, theirs = FOLLOWING[name]
            rows = exchange.table(path)
            if not own.all():
                rows = rows.filter(pl.col(key).is_in(messages[theirs].unique().drop_nulls().implode()))
            following[name].append(rows.with_columns(_chunk=pl.lit(number, pl.Int64)))
        found.append(messages)
    order = pl.col("file").replace_strict(catalogue.before, return_dtype=pl.Int64) + pl.col("_row")
    messages = pl.concat(found).with_columns(_order=order)
    if not messages.select(pl.struct("_at", "_order").is_sorted()).item():
        messages = messages.sort("_at", "_order")
    messages, keys, memory = _classified(messages, catalogue.idle)
    tables_found = {}
    for name, parts in following.items():
        if not parts:
            continue
        rows = pl.concat(parts)
        if FOLLOWING[name][0] == "message":
            rows = rows.join(keys, left_on=["_chunk", "message"], right_on=["_chunk", "_own"], maintain_order="left")
            rows = rows.with_columns(message="_key").drop("_key")
        rows = rows.drop("_chunk")
        tables_found[name] = rows if FOLLOWING[name][0] == "message" else rows.unique(maintain_order=True)
    kept = messages.drop(*(name for name in _OWN if name != "_node"), "_chunk")
    return Rows(kept, tables_found, memory)


def _asked(columns: set[str]) -> list[str]:
    wanted = columns | {*_OWN, "_at", "_given_up", "message", "file", "_point", "transaction", "original", "duplicate"}
    wanted |= {"retransmission", "time", "_call"}
    core = [column for column, _ in dict(native.core().tables())["messages"]]
    return [column for column in (*core, *_OWN, "_at", "_given_up") if column in wanted]


def _classified(messages: pl.DataFrame, idle: int) -> tuple[pl.DataFrame, pl.DataFrame, bytes]:
    """The messages with keys, transactions and copies among all of them, and the keys that they had and have."""
    import polars as pl

    observed = b"".join(messages["_observed"].to_list())
    table, memory = native.core().classified(observed, messages["_point"].to_list(), idle)
    new: pl.DataFrame = pl.DataFrame(table)
    keys = messages.select("_chunk", _own="message", _key=new["message"])
    return messages.with_columns(new.select(pl.all()).get_columns()), keys, memory
