"""The tables of the whole as a store grows: files, problems, the account of packets, and what was read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzer.columns.times import SECOND
from analyzer.reading.windows import Source
from analyzer.store.layout import kept_path, path_from

if TYPE_CHECKING:
    import polars as pl

    from analyzer.reading import native
    from analyzer.reading.windows import Window
    from analyzer.store.kept import Kept

#: So many bytes at both ends tell a capture from others: times to the microsecond are in them.
ENDS = 1 << 16
#: What files end so shortly before what comes is read again, for flows that go on (ns): fragments wait for 60 s
#: (RFC 8200 §4.5), gaps in a TCP stream less.
_CONTEXT = 90 * SECOND


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: its size, and hashes of the first and the last bytes of it."""

    size: int
    head: str
    tail: str

    @classmethod
    def of(cls, path: str, size: int | None = None) -> Content:
        """That of a file, or of its first ``size`` bytes. Raises OSError."""
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size if size is None else size
            head = file.read(min(size, ENDS))
            file.seek(max(0, size - ENDS))
            tail = file.read(min(size, ENDS))
        return cls(size, *(hashlib.blake2b(part, digest_size=16).hexdigest() for part in (head, tail)))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is going to read: sources, and of each that is new its content; what was read as another name."""

    sources: list[Source]
    contents: dict[str, Content]
    copies: list[tuple[str, str]]

    @property
    def new(self) -> list[Source]:
        """Those of which there is something new."""
        return [source for source in self.sources if source.name in self.contents]


def plan(
    sources: native.Sources,
    inputs: pl.DataFrame,
    until: int | None,
    content_of: Callable[..., Content] = Content.of,
    cut: Container[str] = (),
) -> Plan:
    """Files are known by what they hold, wherever they lie. One that grew goes on; ``until`` as in a window's state.

    ``cut``: names of those that ended within a packet. A program that copies files may give them their names at last.
    """
    known = {Content(row["size"], row["head"], row["tail"]): row for row in inputs.iter_rows(named=True)}
    by_head: dict[str, list[dict[str, Any]]] = {}
    # The head of one that was shorter than it is another now.
    small: dict[str, list[dict[str, Any]]] = {}
    copied: list[dict[str, Any]] = []
    for row in inputs.iter_rows(named=True):
        by_head.setdefault(row["head"], []).append(row)
        if ENDS > row["size"] > 0:
            small.setdefault(path_from(row["path"]), []).append(row)
            if row["file"] in cut and not os.path.exists(path_from(row["path"])):
                copied.append(row)
    taken: set[str] = set(inputs["file"])
    found = Plan([], {}, [])
    told: dict[Content, str] = {}
    grown: set[str] = set()
    for name, path, point in sources.files:
        try:
            content = content_of(path)
        except OSError:
            content = Content(-1, path, "")
        if content in known or content in told:
            before = known[content]["file"] if content in known else told[content]
            if before != name:
                found.copies.append((name, before))
            continue
        told[content] = name
        shorter = [row for row in by_head.get(content.head, []) if 0 <= row["size"] < content.size]
        shorter += small.get(path, []) + [row for row in copied if row["size"] < content.size]
        goes_on = next((row for row in shorter if _goes_on(path, row, content_of)), None)
        if goes_on is not None:
            hosts, packets = json.loads(goes_on["hosts"]), goes_on["packets"]
            grown.add(goes_on["file"])
            source = Source(
                goes_on["file"], path, goes_on["point"], content.size, [tuple(pair) for pair in hosts], packets
            )
        else:
            # Of one that could not be looked into nothing is read, for it would not be known another time.
            source = Source(_own(name, taken), path, point, max(content.size, 0))
        taken.add(source.name)
        found.sources.append(source)
        found.contents[source.name] = content
    if found.sources:
        found.sources.extend(_context(inputs, grown, until, content_of))
    return found


def _goes_on(path: str, row: dict[str, Any], content_of: Callable[..., Content]) -> bool:
    try:
        return content_of(path, row["size"]) == Content(row["size"], row["head"], row["tail"])
    except OSError:
        return False


def _is_gone(path: str) -> bool:
    """Whether a file that could not be read is not there any more, or its address could not be reached."""
    return "://" in path or not os.path.exists(path)


def _own(name: str, taken: set[str]) -> str:
    """A name that no other file of the store has."""
    shown, number = name, 2
    while shown in taken:
        shown, number = f"{name} ({number})", number + 1
    return shown


def _context(
    inputs: pl.DataFrame, grown: set[str], until: int | None, content_of: Callable[..., Content]
) -> list[Source]:
    """Files that are read again: the last of each point, and all that end shortly before what is to come."""
    import polars as pl

    if inputs.is_empty() or until is None:
        return []
    # What a wrong clock dates later than now is behind where a reading goes on.
    inputs = inputs.filter(pl.col("last_at") <= time.time_ns())
    last = inputs.sort("last_at", nulls_last=False).unique("points", keep="last", maintain_order=True)["file"]
    near = inputs.filter(pl.col("last_at") >= until - _CONTEXT)["file"]
    wanted = {*last, *near} - grown
    found = []
    for row in inputs.filter(pl.col("file").is_in(list(wanted))).iter_rows(named=True):
        path = path_from(row["path"])
        if row["size"] >= 0 and _goes_on(path, row, content_of):
            hosts = [tuple(pair) for pair in json.loads(row["hosts"])]
            found.append(Source(row["file"], path, row["point"], row["size"], hosts, row["packets"]))
    return found


#: Problems of a file behind which nothing of it could be read.
_ENDS_READING = ["file_cut", "file_corrupt", "file_unreadable"]

#: The table of the captures that were read.
INPUTS = {
    "file": "String", "path": "String", "point": "String", "points": "String", "size": "Int64", "head": "String",
    "tail": "String", "hosts": "String", "packets": "Int64", "first_at": "Int64", "last_at": "Int64",
}  # fmt: skip


class Whole:
    """These tables, to which each window adds."""

    def __init__(self, kept: Kept, max_per_code: int) -> None:
        import polars as pl

        from analyzer.store.core_tables import columns_of

        self._max = max_per_code
        first = not kept.manifest.commit
        self.files = pl.DataFrame(schema=columns_of("files")) if first else kept.whole("files")
        self.inputs = pl.DataFrame(schema={name: getattr(pl, kind) for name, kind in INPUTS.items()})
        self.problems = pl.DataFrame(schema={**columns_of("problems"), "_given_up": pl.Boolean})
        self.account = pl.DataFrame(schema={**columns_of("account"), "_given_up": pl.Int64})
        if not first:
            self.inputs = kept.whole("inputs")
            # What was given up when the last run ended is read again.
            self.problems = kept.whole("problems").filter(~pl.col("_given_up"), pl.col("layer").is_not_null())
            account = kept.whole("account")
            self.account = account.with_columns(pl.col("packets") - pl.col("_given_up"), _given_up=pl.lit(0, pl.Int64))
        self.counts: dict[str, int] = dict(kept.manifest.state.get("problem_counts", {}))
        self._given_up_counts: dict[str, int] = {}
        self._told: set[str] = set()

    def goes_on(self, files: list[str]) -> None:
        """Takes back where the reading of these files ended the last time: they are read on, or again."""
        import polars as pl

        back = pl.col("code").is_in(_ENDS_READING) & pl.col("file").is_in(files)
        for code, count in self.problems.filter(back)["code"].value_counts().iter_rows():
            self.counts[code] = max(0, self.counts.get(code, 0) - count)
        self.problems = self.problems.filter(~back.fill_null(value=False))

    def grew(self, plan: Plan) -> None:
        """Files that grew by no packet, of which no window tells, are known as they are now."""
        import polars as pl

        grown = {source.name for source in plan.new if source.name not in self._told} & set(self.inputs["file"])
        if not grown:
            return
        for column in ("size", "head", "tail"):
            now = {name: getattr(plan.contents[name], column) for name in grown}
            is_now = pl.col("file").replace_strict(now, default=pl.col(column), return_dtype=self.inputs.schema[column])
            self.inputs = self.inputs.with_columns(is_now.alias(column))
        cut = self.problems.filter(pl.col("code").is_in(_ENDS_READING))["file"].drop_nulls()
        whole = pl.col("file").is_in(list(grown)) & ~pl.col("file").is_in(cut.implode())
        self.files = self.files.with_columns(cut=pl.col("cut") & ~whole)

    def take(self, window: Window, plan: Plan) -> None:
        """Adds what a window tells."""
        import polars as pl

        core = window.core
        if not any(core[name].height for name in ("files", "problems", "problem_counts", "account")):
            return
        self.files = pl.concat(
            [self.files.filter(~pl.col("file").is_in(core["files"]["file"].implode())), core["files"]]
        )
        rows = []
        self._told.update(core["files"]["file"])
        given = {source.name: source for source in plan.sources}
        # What could not be opened, or was gone when it was to be read, may be read another time.
        refused = set(core["problems"].filter(pl.col("code") == "file_unreadable")["file"])
        opened = pl.Series(
            [
                plan.contents[name].size >= 0 and not (name in refused and _is_gone(given[name].path))
                for name in core["files"]["file"]
            ],
            dtype=pl.Boolean,
        )
        files, of_hosts = (
            core["files"].filter(opened),
            [hosts for hosts, is_open in zip(window.hosts, opened, strict=True) if is_open],
        )
        for row, hosts in zip(files.iter_rows(named=True), of_hosts, strict=True):
            content = plan.contents[row["file"]]
            rows.append(
                {
                    **{name: row[name] for name in ("file", "packets")},
                    "path": kept_path(given[row["file"]].path),
                    "point": given[row["file"]].point, "points": row["point"],
                    "size": content.size, "head": content.head, "tail": content.tail, "hosts": json.dumps(hosts),
                }
            )  # fmt: skip
        times = files.select(pl.col("first_at", "last_at").cast(pl.Int64))
        new = pl.DataFrame(
            rows, schema={name: self.inputs.schema[name] for name in INPUTS if name not in times.columns}
        )
        new = pl.concat([new, times], how="horizontal").select(self.inputs.columns)
        self.inputs = pl.concat([self.inputs.filter(~pl.col("file").is_in(new["file"].implode())), new])
        counts = self._given_up_counts if window.last else self.counts
        for code, count in core["problem_counts"].iter_rows():
            counts[code] = counts.get(code, 0) + count
        listed = core["problems"].filter(pl.col("layer").is_not_null()).with_columns(_given_up=pl.lit(window.last))
        self.problems = pl.concat([self.problems, listed])
        self.problems = self.problems.filter(pl.int_range(pl.len()).over("code") < self._max)
        changes = core["account"].with_columns(_given_up=pl.col("packets") if window.last else pl.lit(0, pl.Int64))
        self.account = (
            pl.concat([self.account, changes])
            .group_by("layer", "reason", maintain_order=True)
            .agg(pl.col("packets", "_given_up").sum())
        )

    def tables(self) -> dict[str, pl.DataFrame]:
        """These tables as they are written: files in the order in which they begin."""
        import polars as pl

        begins = self.files["first_at"].cast(pl.Int64).to_list()
        names = [natural(name) for name in self.files["file"]]
        order = sorted(range(self.files.height), key=lambda row: (begins[row] is None, begins[row] or 0, names[row]))
        files = self.files[order]
        places = files.select("file", _place=pl.int_range(pl.len()))
        problems = self.problems.join(places, on="file", how="left", maintain_order="left")
        problems = problems.sort("_place", "frame", "byte_offset", nulls_last=False, maintain_order=True).drop("_place")
        more = []
        counts = {
            code: self.counts.get(code, 0) + self._given_up_counts.get(code, 0)
            for code in (*self.counts, *self._given_up_counts)
        }
        for code, count in counts.items():
            if count > self._max:
                detail = f"{count - self._max} more of this code are not listed (max_problems_per_code)"
                more.append({"code": code, "detail": detail, "_given_up": False})
        problems = pl.concat([problems, pl.DataFrame(more, schema=problems.schema)])
        problems = problems.with_columns(problem=pl.int_range(1, pl.len() + 1))
        account = self.account.filter(pl.col("packets") > 0).sort("layer", "reason")
        return {"files": files, "problems": problems, "account": account, "inputs": self.inputs}

    def damaged(self, names: list[str]) -> list[tuple[str, str]]:
        """Those of these files that are cut or corrupt, with what is known of it."""
        import polars as pl

        cut = self.files.filter(pl.col("cut"), pl.col("file").is_in(names))["file"]
        of_containers = self.problems.filter(pl.col("layer") == "container").unique("file", keep="first")
        reasons = dict(of_containers.select("file", "detail").iter_rows())
        return [(name, reasons.get(name) or "is cut or corrupt") for name in cut]


def natural(name: str) -> list[tuple[str, int]]:
    """A key by which names with numbers in them stand as people expect: ``part2`` before ``part10``."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", name) if text or digits]
