"""Which calls have to do with which: a span of time at a time, for legs that are linked begin near each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.cluster.exchange import Catalogue, rows_of
from analyzer.cluster.places import Folder
from analyzer.graph.graph import Graph, columns_below, inputs_of
from analyzer.store import units
from analyzer.store.core_tables import columns_of, no_media
from analyzer.store.settling import OWN

if TYPE_CHECKING:
    import polars as pl

#: What goes on so long before and behind a span decides on links in it (ns): a leg is pending for `units.LINKED`, and
#: so are those that come in question beside it.
MARGIN = 2 * units.LINKED
#: The tables that links rest on, beside messages.
_TABLES = ("descriptions", "evidence", "ims_headers")


def link(
    exchange: str, catalogue: str, failures: str, name: str, begin: int | None, until: int | None, end: int
) -> None:
    """Finds the links to legs that begin between two times (ns; None for no bound).

    ``NAME/links`` has them as calls want them, with the ``_node`` of each leg; ``NAME/units`` has Call-IDs (``_node``)
    and a number that is the same for those that belong together.

    The calls to look at are in ``NAME/nodes``, with the chunks that have them in ``NAME/chunks``.
    """
    import polars as pl

    folder = Folder(exchange)
    if folder.has(f"{name}/links"):
        return
    known = Catalogue.read(folder, catalogue)
    chunks = [(group, chunk) for group, chunk in folder.table(f"{name}/chunks").iter_rows()]
    nodes = folder.table(f"{name}/nodes")["_node"]
    columns = columns_below(["calls"])
    found = rows_of(folder, known, chunks, nodes, None if columns is None else set(columns), _TABLES)
    own = found.messages["_node"]
    raw = found.messages.drop("_node", *OWN)
    graph = graph_of(raw, found.following, folder.table(failures), end)
    unit = units.of_messages(raw, graph)
    # An identity that is used again has another hash from then on: the leg is still among the messages of its own.
    places = found.messages.select("_at", "_node", _leg=graph["core_messages"]["_leg"])
    begun = places.drop_nulls().group_by("_leg", maintain_order=True).agg(pl.col("_at").min(), pl.col("_node").first())
    links = graph["leg_correlation"].join(begun, on="_leg", maintain_order="left")
    if begin is not None:
        links = links.filter(pl.col("_at") >= begin)
    if until is not None:
        links = links.filter(pl.col("_at") < until)
    folder.write_table(f"{name}/units", pl.DataFrame({"_node": own, "_unit": unit}).unique())
    folder.write_table(f"{name}/links", links.drop("_at"))


def graph_of(raw: pl.DataFrame, following: dict[str, pl.DataFrame], failures: pl.DataFrame, end: int) -> Graph:
    """The graph over some messages of a capture that ends at ``end``."""
    import polars as pl

    at = pl.Series([end], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))
    core: dict[str, Any] = {name: pl.DataFrame(schema=columns_of(name)) for name in ("headers", "parts", "via_tails")}
    core |= following
    core |= {"messages": raw, "files": pl.DataFrame({"last_at": at, "ended_at": at})}
    core["account"] = pl.DataFrame(schema=schema.ACCOUNT.polars())
    given: dict[str, Any] = {"node_overrides": (), "clocks_aligned": False, "digits_shown": False}
    given |= {"read_companions": None, "transport_failures": failures} | no_media()
    return Graph(inputs_of(core) | given)
