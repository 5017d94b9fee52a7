"""Some calls to the tables of a store: what a partition of the exchange is rebuilt to."""

from __future__ import annotations

import io
import json
from typing import Any

from analyzer.cluster.exchange import Catalogue, rows_of
from analyzer.cluster.places import Folder
from analyzer.store.settling import Settling
from analyzer.store.writing import ROWS


def rebuild(exchange: str, catalogue: str, failures: str, name: str, end: int, max_idle_s: float) -> None:
    """Makes the parts of the store of the calls in ``NAME/nodes``, whose messages are in ``NAME/chunks`` and whose
    links are in ``NAME/links``: a Parquet file of each table, and last what is told of them (``NAME/parts.json``)."""
    folder = Folder(exchange)
    if folder.has(f"{name}/parts.json"):
        return
    known = Catalogue.read(folder, catalogue)
    chunks = [(group, chunk) for group, chunk in folder.table(f"{name}/chunks").iter_rows()]
    found = rows_of(folder, known, chunks, folder.table(f"{name}/nodes")["_node"])
    messages = found.messages.drop("_node")
    settling = Settling(max_idle_s, 0, end)
    settling.take_whole({**found.following, "messages": messages}, folder.table(f"{name}/links"))
    settling.restore_failures(folder.table(failures))
    parts: list[dict[str, Any]] = []
    for number, settled in enumerate(settling.settled(all_of_it=True)):
        for table, rows in settled.tables.items():
            buffer = io.BytesIO()
            rows.write_parquet(buffer, compression="zstd", statistics=True, row_group_size=ROWS)
            folder.write(f"{name}/{number}/{table}", buffer.getvalue())
        of_part = settled.tables["messages"]
        parts.append(
            {
                "hour": settled.hour, "messages": of_part.height, "begin": of_part["_at"].min(),
                "last": of_part["_at"].max(), "open": settled.open, "tables": sorted(settled.tables),
            }
        )  # fmt: skip
    folder.write(f"{name}/memory", found.memory)
    folder.write(f"{name}/parts.json", json.dumps(parts).encode())
