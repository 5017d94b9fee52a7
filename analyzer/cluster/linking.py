"""Which calls have to do with which: a span of time at a time, for legs that are linked begin near each other."""

from __future__ import annotations

from analyzer.cluster.exchange import Catalogue, rows_of
from analyzer.cluster.places import Folder
from analyzer.graph.graph import Graph, inputs_of
from analyzer.store import units
from analyzer.store.settling import NARROW, OWN, brief
from analyzer.store.shelf import node

#: What goes on so long before and behind a span decides on links in it (ns): a leg is pending for `units.LINKED`, and
#: so are those that come in question beside it.
MARGIN = 2 * units.LINKED


def link(exchange: str, catalogue: str, name: str, begin: int | None, until: int | None) -> None:
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
    found = rows_of(folder, known, chunks, nodes, NARROW, brief())
    # Those without a Call-ID are known to the run by what they hold.
    own = found.messages.select("_node", "_at", node=node())
    raw = found.messages.drop("_node")
    graph = Graph(inputs_of(found.following | {"messages": raw.drop(OWN)}))
    mended, links = graph["core_messages"], graph["leg_correlation"]
    spans = own.select("node", unit="node").unique()
    none = pl.DataFrame(schema={"node": pl.Int64, "near": pl.Int64})
    joined = units.may_belong_together(raw, mended, found.following["evidence"], links, spans, none)
    # An identity that is used again has another hash from then on: the leg is still among the messages of its own.
    places = own.select("_at", "_node", _leg=mended["_leg"])
    begun = places.drop_nulls().group_by("_leg", maintain_order=True).agg(pl.col("_at").min(), pl.col("_node").first())
    links = links.join(begun, on="_leg", maintain_order="left")
    if begin is not None:
        links = links.filter(pl.col("_at") >= begin)
    if until is not None:
        links = links.filter(pl.col("_at") < until)
    of_units = own.select("_node", "node").unique().join(joined, on="node").select("_node", _unit="unit")
    folder.write_table(f"{name}/units", of_units.unique())
    folder.write_table(f"{name}/links", links.drop("_at"))
