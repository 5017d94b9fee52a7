"""Some calls to the tables of a store: what a partition of the exchange is rebuilt to."""

from __future__ import annotations

import io
import json
from typing import Any

from analyzer.cluster.exchange import Catalogue, rows_of
from analyzer.cluster.media import media_of
from analyzer.cluster.places import Folder
from analyzer.store.settling import Settling
from analyzer.store.writing import ROWS


def rebuild(exchange: str, catalogue: str, failures: str, name: str, end: int, max_idle_s: float) -> None:
    """Makes the parts of the store of the calls in ``NAME/nodes``: a Parquet file of each table, and last what is told
    of them (``NAME/parts.json``). Their messages are in ``NAME/chunks``, their links in ``NAME/links``, and their media
    are those of ``NAME/media``."""
    folder = Folder(exchange)
    if folder.has(f"{name}/parts.json"):
        return
    known = Catalogue.read(folder, catalogue)
    media = media_of(folder, known, folder.table(f"{name}/media"))
    chunks = [(group, chunk) for group, chunk in folder.table(f"{name}/chunks").iter_rows()]
    settling = Settling(max_idle_s, 0, end)
    if chunks:
        found = rows_of(folder, known, chunks, folder.table(f"{name}/nodes")["_node"])
        folder.write(f"{name}/memory", found.memory)
        tables = {**found.following, "messages": found.messages.drop("_node")}
        settling.take_whole(tables, folder.table(f"{name}/links"), media)
    else:
        settling.take_media(media)
    settling.restore_failures(folder.table(failures))
    parts: list[dict[str, Any]] = []
    for number, settled in enumerate(settling.settled(all_of_it=True)):
        for table, rows in settled.tables.items():
            buffer = io.BytesIO()
            rows.write_parquet(buffer, compression="zstd", statistics=True, row_group_size=ROWS)
            folder.write(f"{name}/{number}/{table}", buffer.getvalue())
        begin, last = settled.span
        parts.append(
            {
                "hour": settled.hour, "messages": settled.tables["messages"].height, "begin": begin, "last": last,
                "open": settled.open, "media": settled.tables["streams"].height > 0, "tables": sorted(settled.tables),
            }
        )  # fmt: skip
    folder.write(f"{name}/parts.json", json.dumps(parts).encode())
