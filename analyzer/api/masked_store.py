"""A store of pseudonyms: every table as :meth:`Capture.mask <analyzer.Capture.mask>` shows it, and nothing else."""

from __future__ import annotations

from pathlib import Path

from analyzer import schema
from analyzer.api.open_store import open_store
from analyzer.store.kept import Kept
from analyzer.store.layout import BESIDE, DERIVED, Manifest, write_manifest
from analyzer.store.settling import Settled
from analyzer.store.writing import Commit


def write_masked(unmasked: Path, folder: Path, key: bytes, *, domains: bool = False) -> None:
    """Writes what is in one store into another through a mask. All tables are made at once, in memory."""
    import polars as pl

    kept = Kept.at(unmasked)
    capture = open_store(unmasked).mask(key, domains=domains)
    options = {**kept.manifest.options, "masked": True, "link_types": []}
    start = Manifest(options=options)
    write_manifest(folder, start)
    commit = Commit(folder, start)
    empty = {name: pl.DataFrame({"message": []}, schema={"message": pl.Int64}) for name in BESIDE}
    for part in kept.parts:
        of_part = Kept(unmasked, kept.manifest, [part])
        tables = dict(empty)
        for name in ("messages", *DERIVED):
            own = schema.TABLES[name].names[0]
            places = of_part.rows(name, [own])
            tables[name] = places.join(capture.table(name), on=own, how="left", maintain_order="left")
        if kept.manifest.options.get("keep_text"):
            keys = tables["messages"]["message"].to_list()
            texts = [message.text for message in capture.messages_of(keys)]
            tables["texts"] = pl.DataFrame(
                {"message": keys, "text": texts}, schema={"message": pl.Int64, "text": pl.Binary}
            )
        commit.add(Settled(part.hour, tables))
    for name, table in schema.TABLES.items():
        if name not in ("messages", *DERIVED) and not table.asked:
            commit.put(name, capture.table(name))
    commit.put("inputs", kept.whole("inputs").clear())
    commit.put_memory(b"")
    commit.done(messages=kept.manifest.messages, end=kept.manifest.end, state={})
