"""The messages of some calls out of the exchange, as a reading of all captures has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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
    number, number, name) and the ``names`` that they give to points, as all have them; and how many messages there are
    before each file, in the order of the whole: ``before``. Transactions that were silent for ``idle`` (ns) are
    forgotten; ``memory`` is the file with what the core remembers of the store's, up to ``memory_until`` (ns)."""

    groups: dict[str, list[tuple[int, int, str]]]
    names: dict[str, dict[str, str]]
    before: dict[str, int]
    idle: int
    memory: str | None = None
    memory_until: int = 0

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
    columns: Mapping[str, list[str]] | None = None,
    brief: Sequence[pl.Expr] = (),
) -> Rows:
    """The messages of these Call-IDs (``_node``) in these chunks, all that there are; of some tables and ``columns``
    alone, those of messages ``brief`` in the place of what they replace."""
    import polars as pl

    found: list[pl.DataFrame] = []
    tables = [name for name in FOLLOWING if columns is None or name in columns]
    following: dict[str, list[pl.DataFrame]] = {name: [] for name in tables}
    for number, (group, chunk) in enumerate(chunks):
        asked = None if columns is None else _asked(columns["messages"])
        messages = exchange.table(f"{group}/{chunk}/messages", asked).with_columns(brief)
        own = messages.select(pl.col("_node").is_in(nodes.implode())).to_series()
        messages = messages if own.all() else messages.filter(own)
        if messages.is_empty() and found:
            continue
        before = catalogue.before
        order = pl.col("file").replace_strict(before, default=None, return_dtype=pl.Int64) + pl.col("_row")
        messages = messages.with_columns(_chunk=pl.lit(number, pl.Int64), _order=pl.coalesce("_order", order))
        messages = messages.drop("_row" if columns is None or "file" in columns["messages"] else ["_row", "file"])
        # What is taken back out of the store has the points of all.
        if (points := catalogue.groups.get(group)) is not None:
            numbers = {local: of_all for local, of_all, _ in points}
            names = {local: name for local, _, name in points}
            if columns is None:
                messages = messages.with_columns(point=pl.col("_point").replace_strict(names, return_dtype=pl.String))
            messages = messages.with_columns(pl.col("_point").replace_strict(numbers, return_dtype=pl.Int64))
        for name in tables:
            path = f"{group}/{chunk}/{name}"
            if name == "texts" and not exchange.has(path):
                continue
            key, theirs = FOLLOWING[name]
            rows = exchange.table(path, None if columns is None else columns[name])
            if not own.all():
                rows = rows.filter(pl.col(key).is_in(messages[theirs].unique().drop_nulls().implode()))
            following[name].append(rows.with_columns(_chunk=pl.lit(number, pl.Int64)))
        found.append(messages.select(found[0].columns) if found else messages)
    messages, keys, memory = _classified(found, catalogue, exchange)
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
    return Rows(messages.drop("_chunk"), tables_found, memory)


def _in_order(messages: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    ordered = messages.select(pl.struct("_at", "_order").is_sorted()).item()
    return messages if ordered else messages.sort("_at", "_order")


#: What the classification needs, and changes.
_OF_ALL = (
    *("message", "file", "_point", "transaction", "original", "duplicate", "retransmission", "time", "_call"),
    *(*_OWN, "_at", "_given_up", "_order"),
)


def _asked(columns: Iterable[str]) -> list[str]:
    wanted = {*columns, *_OF_ALL}
    core = [column for column, _ in dict(native.core().tables())["messages"]]
    return [column for column in dict.fromkeys([*core, *_OF_ALL]) if column in wanted]


#: Messages whose observations are Python's at a time.
_AT_A_TIME = 50_000


def _classified(
    found: list[pl.DataFrame], catalogue: Catalogue, exchange: Folder
) -> tuple[pl.DataFrame, pl.DataFrame, bytes]:
    """The messages of all chunks in order, which are taken out of the list, with keys, transactions and copies among
    all of them; and the keys that they had and have. Those of the store have theirs."""
    import polars as pl

    messages = _in_order(pl.concat(found))
    found.clear()
    told = messages["_observed"]
    messages = messages.drop("_observed")
    fresh = told.is_not_null()
    rows = messages if fresh.all() else messages.filter(fresh)
    memory = None
    if catalogue.memory is not None and rows.select((pl.col("_at") <= catalogue.memory_until).any()).item():
        memory = exchange.read(catalogue.memory)
    told = told.drop_nulls()
    places = range(0, told.len(), _AT_A_TIME)
    observed = b"".join(b"".join(told.slice(place, _AT_A_TIME).to_list()) for place in places)
    del told
    table, known = native.core().classified(observed, rows["_point"].to_list(), catalogue.idle, memory)
    new: pl.DataFrame = pl.DataFrame(table)
    keys = rows.select("_chunk", _own="message", _key=new["message"])
    rows = rows.with_columns(new.get_columns())
    if rows.height < messages.height:
        of_store = messages.filter(~fresh)
        keys = pl.concat([keys, of_store.select("_chunk", _own="message", _key="message")])
        rows = _in_order(pl.concat([rows, of_store.cast(rows.schema)]))
    return rows, keys, known
