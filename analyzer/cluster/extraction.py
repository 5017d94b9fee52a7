"""A capture to messages in chunks, as a worker does it: what the core gives, cut small enough to be exchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from analyzer.cluster import places
from analyzer.cluster.places import Folder
from analyzer.errors import CaptureError
from analyzer.reading.windows import Source, State, Window, Windows
from analyzer.store.layout import MEDIA
from analyzer.store.media import claims_of, without_repeats

if TYPE_CHECKING:
    import polars as pl

#: Tables whose rows follow messages, by which column of theirs and which of `messages`.
FOLLOWING = {
    "headers": ("message", "message"), "ims_headers": ("message", "message"), "parts": ("message", "message"),
    "texts": ("message", "message"), "descriptions": ("_sdp", "_sdp"), "evidence": ("_leg", "_leg"),
    "via_tails": ("_message", "message"),
}  # fmt: skip
#: Those that the core may hand out before their messages.
_EARLY = ("descriptions", "evidence", "via_tails")
#: Tables that tell of files and not of messages.
TOLD = ("files", "problems", "problem_counts", "account", "failures", "tls_connections")
#: Evidence that names a Call-ID of another call.
NAMING = ("replaces", "join", "target_dialog", "in_reply_to")
#: What is read of packets without any memory of those before them: by layer, and by what of it, if not all.
_SINGLE = {("sip", None), ("hep", "hep_type_log"), ("hep", "hep_type_rtcp"), ("udp", "not_sip_dns"), ("arp", None)}
#: Tunnels that do not keep a memory either.
_SINGLE_TUNNELS = {
    *("4in6", "6in4", "ah", "arista_time", "capwap", "cisco_metadata", "etag", "fabricpath", "geneve", "gre"),
    *("gre/erspan", "gtpu", "hep", "ip_in_udp", "ipip", "isl", "lisp", "mpls", "nsh", "pppoe", "vntag", "vxlan"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class How:
    """How captures are read, the same for all."""

    size: int
    limits: Mapping[str, int]
    link_types: list[tuple[str, str]]
    headers: list[str]
    keep_text: bool
    keys: list[str] = field(default_factory=list)
    esp_keys: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    """Captures that are read by one task, one after the other; the ``path`` of each may be an address.

    ``state``: the name of what the reading goes on with (:func:`write_state`), None where it begins anew.
    """

    name: str
    files: list[Source]
    state: str | None = None


def write_state(exchange: Folder, name: str, state: State) -> None:
    """Writes what a reading goes on with."""
    points, agents, until, _, media = state
    exchange.write(f"{name}.media", media)
    exchange.write(f"{name}.json", json.dumps([points, agents, until]).encode())


def read_state(exchange: Folder, name: str) -> State:
    """What :func:`write_state` wrote."""
    points, agents, until = json.loads(exchange.read(f"{name}.json"))
    return [tuple(point) for point in points], agents, until, b"", exchange.read(f"{name}.media")


def extract(group: Group, how: How, exchange: str) -> None:
    """Reads captures into the exchange: chunks, and last what is told of all of them (``GROUP/told.json``)."""
    folder = Folder(exchange)
    if folder.has(f"{group.name}/told.json"):
        return
    state = None if group.state is None else read_state(folder, group.state)
    writer = _Writer(folder, group, 0 if state is None else len(state[0]))
    with ExitStack() as copies:
        paths = [copies.enter_context(places.local(file.path)) for file in group.files]
        sources = [replace(file, path=path) for file, path in zip(group.files, paths, strict=True)]
        windows = Windows(
            sources, how.size, threads=1, limits=how.limits, link_types=how.link_types, headers=how.headers,
            texts=how.keep_text, keys=how.keys, esp_keys=how.esp_keys, observed=True,
            state=state,
        )  # fmt: skip
        try:
            for window in windows.through():
                writer.take(window)
        except CaptureError:
            # The run reads them together with others: then it is a row in `problems`.
            folder.write(f"{group.name}/told.json", json.dumps({"refused": True}).encode())
            return
    writer.done({path: file.path for path, file in zip(paths, group.files, strict=True)})


class _Writer:
    def __init__(self, folder: Folder, group: Group, known: int) -> None:
        """``known`` is how many points there were before."""
        self._folder, self._group, self._known = folder, group, known
        self._chunks: list[dict[str, Any]] = []
        #: What came before its messages, and until when (ns) these may come.
        self._early: list[tuple[int, dict[str, pl.DataFrame]]] = []
        self._nodes: list[pl.DataFrame] = []
        self._naming: list[pl.DataFrame] = []
        self._told: dict[str, list[pl.DataFrame]] = {name: [] for name in TOLD}
        self._given_up: dict[str, pl.DataFrame] = {}
        self._hosts: list[tuple[str, list[tuple[int, int]]]] = []
        self._state: Any = None
        self._latest: int | None = None
        #: Messages of each file so far, and those that came only when nothing was waited for any more.
        self._rows = {file.name: 0 for file in group.files}
        self._given_up_rows = 0
        #: Chunks of media that are over; those that go on; where messages announce that they take some.
        self._media: list[str] = []
        self._going: dict[str, pl.DataFrame] = {}
        self._claims: list[pl.DataFrame] = []
        self._bytes = 0
        self._single = True

    def take(self, window: Window) -> None:
        import polars as pl

        core = window.core
        self._latest = max((at for at in (self._latest, window.latest) if at is not None), default=None)
        self._early.append((window.latest or 0, {name: core[name] for name in _EARLY}))
        messages = core["messages"].with_columns(core["observed"]["observed"].alias("_observed"))
        if messages.height:
            self._write(messages, core, given_up=window.last)
        self._take_media(core, last=window.last)
        until = window.until
        self._early = [(latest, tables) for latest, tables in self._early if until is not None and latest >= until]
        if window.last:
            self._given_up = {name: core[name] for name in TOLD}
        else:
            for name in TOLD:
                self._told[name].append(core[name])
            self._hosts += zip(core["files"]["file"], window.hosts, strict=True)
        if window.state is not None:
            self._state = window.state
        self._single = self._single and _is_single(core)
        self._naming.append(
            core["evidence"].filter(pl.col("kind").is_in(NAMING)).select("_leg", "value").unique(maintain_order=True)
        )

    def _take_media(self, core: Mapping[str, pl.DataFrame], *, last: bool) -> None:
        if not last:
            self._going = {name: core[f"open_{name}"] for name in MEDIA}
        self._write_media(str(len(self._media)), {name: core[name] for name in MEDIA})

    def _write_media(self, chunk: str, tables: Mapping[str, pl.DataFrame]) -> None:
        if any(rows.height for rows in tables.values()):
            for name, rows in tables.items():
                self._bytes += self._folder.write_table(f"{self._group.name}/media/{chunk}/{name}", rows)
            self._media.append(chunk)

    def _write(self, messages: pl.DataFrame, core: Mapping[str, pl.DataFrame], *, given_up: bool) -> None:
        import polars as pl

        number = len(self._chunks)
        at = pl.col("time").cast(pl.Int64).forward_fill().fill_null(0)
        messages = messages.with_columns(
            _node=pl.coalesce("_call", pl.col("_observed").bin.slice(16, 8).bin.reinterpret(dtype=pl.Int64)),
            _at=at, _given_up=pl.lit(given_up), _order=pl.lit(None, pl.Int64),
            _row=pl.int_range(pl.len(), dtype=pl.Int64).over("file")
            + pl.col("file").replace_strict(self._rows, default=0, return_dtype=pl.Int64),
        )  # fmt: skip
        for file, rows in messages.group_by("file").len().iter_rows():
            self._rows[file] += rows
        self._given_up_rows += messages.height if given_up else 0
        written = {"messages": messages}
        for name, (own, theirs) in FOLLOWING.items():
            if name in _EARLY:
                tables = [early[name] for _, early in self._early]
                rows = pl.concat(tables).unique(maintain_order=True)
            elif name in core:
                rows = core[name]
            else:
                continue
            written[name] = rows.filter(pl.col(own).is_in(messages[theirs].unique().drop_nulls().implode()))
        said = messages.select("_sdp", "_at", node="_node")
        self._claims.append(without_repeats(claims_of(said, written["descriptions"])))
        for name, rows in written.items():
            self._bytes += self._folder.write_table(f"{self._group.name}/{number}/{name}", rows)
        self._nodes.append(nodes_of(messages).with_columns(chunk=pl.lit(number, pl.Int64)))
        self._chunks.append({"tables": sorted(written), "rows": messages.height})

    def done(self, shown: Mapping[str, str]) -> None:
        import polars as pl

        folder, name = self._folder, self._group.name
        with_rows = []
        for table in TOLD:
            for suffix, tables in (("", self._told[table]), (".last", [self._given_up[table]])):
                rows = pl.concat(tables) if tables else self._given_up[table].clear()
                if table == "files":
                    rows = rows.with_columns(pl.col("path").replace(dict(shown)))
                if rows.height:
                    with_rows.append(f"{table}{suffix}")
                    folder.write_table(f"{name}/told/{table}{suffix}", rows)
        if self._nodes:
            nodes = pl.concat(self._nodes)
            folder.write_table(f"{name}/nodes", nodes.drop("legs"))
            naming = pl.concat(self._naming).join(
                nodes.select("_node", _leg="legs").explode("_leg").drop_nulls(), on="_leg"
            )
            if naming.height:
                with_rows.append("naming")
                folder.write_table(f"{name}/told/naming", naming.select("_node", near="value").unique())
        if self._claims and (claims := without_repeats(pl.concat(self._claims))).height:
            with_rows.append("claims")
            folder.write_table(f"{name}/told/claims", claims)
        points, agents, _, _, media = self._state
        # A source of two packets is no stream yet, and may be one when the next capture has more of it.
        single = self._single and not self._media and not any(media)
        if any(media):
            folder.write(f"{name}/media/memory", media)
        self._write_media("going", self._going)
        held = any(self._given_up[table].height for table in ("account", "failures", "problems"))
        told = {
            "chunks": self._chunks, "points": points, "agents": agents, "hosts": self._hosts, "latest": self._latest,
            "held": held or self._given_up_rows > 0, "single": single, "bytes": self._bytes, "rows": self._rows,
            "given_up": self._given_up_rows, "tables": with_rows, "media": self._media, "remembers": any(media),
            "known": self._known,
        }  # fmt: skip
        folder.write(f"{name}/told.json", json.dumps(told).encode())


def nodes_of(messages: pl.DataFrame) -> pl.DataFrame:
    """What messages have of each Call-ID: ``_node first last rows invite cut legs``."""
    import polars as pl

    return messages.group_by("_node").agg(
        first=pl.col("_at").min(), last=pl.col("_at").max(), rows=pl.len().cast(pl.Int64),
        invite=(pl.col("method") == "INVITE").any(),
        cut=(~pl.col("complete") | pl.col("_call").is_null()).any(),
        legs=pl.col("_leg").unique(),
    )  # fmt: skip


def _is_single(core: Mapping[str, pl.DataFrame]) -> bool:
    """Whether all that was read in a window is SIP in datagrams, each read for itself."""
    for layer, reason in core["account"].select("layer", "reason").iter_rows():
        if (layer, None) not in _SINGLE and (layer, reason) not in _SINGLE:
            return False
    found = core["messages"].select("transport", "tunnel").unique()
    return all(
        transport == "udp" and (tunnel is None or tunnel in _SINGLE_TUNNELS) for transport, tunnel in found.iter_rows()
    )
