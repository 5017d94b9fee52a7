"""A run over captures that are to be in a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.graph.graph import headers_below
from analyzer.reading import native
from analyzer.store.layout import WHOLE, Manifest, is_store, manifest_of, write_manifest
from analyzer.store.settling import Settling
from analyzer.store.writing import Commit, recover

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Options:
    """How a store is written; what the first run says holds for all that follow."""

    capture_points: tuple[str, ...] = ()
    link_types: tuple[str, ...] = ()
    limits: Mapping[str, int] | None = None
    max_idle_s: float = 86_400.0
    threads: int = 0


def run(origins: Iterable[str], folder: str | Path, options: Options = Options()) -> Manifest:
    """Reads captures into the store in ``folder``, which is made where there is none."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    recover(path)
    sources = native.sources(list(origins), options.capture_points, options.link_types)
    headers = native.header_names(headers_below(schema.TABLES))
    if not is_store(path):
        kept: dict[str, Any] = {"max_idle_s": options.max_idle_s, "link_types": sources.link_types}
        write_manifest(path, Manifest(options=kept | {"limits": dict(options.limits or {})}, headers=headers))
    manifest = manifest_of(path)
    reading = native.Reading(sources, options.threads, options.limits, None, headers=headers)
    core = reading.tables()
    settling = Settling(options.max_idle_s)
    settling.begin(manifest.messages, manifest.end)
    settling.take(core, _end(core["files"]))
    commit = Commit(path, manifest)
    for settled in settling.settled(all_of_it=True):
        commit.add(settled)
    for name in WHOLE:
        commit.put(name, core[name])
    commit.put("inputs", _inputs(sources))
    return commit.done(messages=manifest.messages + core["messages"].height, end=settling.end)


def _end(files: pl.DataFrame) -> int | None:
    import polars as pl

    found: int | None = files.select(pl.max_horizontal("last_at", "ended_at").cast(pl.Int64)).to_series().max()  # type: ignore[assignment]
    return found


def _inputs(sources: native.Sources) -> pl.DataFrame:
    import polars as pl

    rows = [{"file": name, "path": path, "point": point} for name, path, point in sources.files]
    return pl.DataFrame(rows, schema={"file": pl.String, "path": pl.String, "point": pl.String})
