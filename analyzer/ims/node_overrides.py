"""What the user knows better: roles, names and networks of nodes, from a TOML file or a mapping.

::

    "10.4.128.21:6060" = "S-CSCF"                # one port of an address, with all others of the same node
    "10.4.128.21" = "P-CSCF+ATCF"                # every port of it
    "10.45.0.0/16" = "UE"                        # a network
    "sbc1.example.com" = {role = "IBCF", name = "sbc1", domain = "example.com"}

Keys are addresses, ports of addresses, networks or host names; the narrowest decides. What is not given is estimated.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from analyzer.columns.address import sockets
from analyzer.errors import AnalyzerError
from analyzer.ims import roles

#: What :func:`analyzer.read` takes as ``endpoints``: the path of a TOML file, or what would stand in it.
Given = str | os.PathLike[str] | Mapping[str, Any]

_KNOWN = (*roles.IMS, *roles.PLAIN, roles.UA, roles.UNKNOWN)
_FIELDS = ("role", "name", "domain")


@dataclass(frozen=True, slots=True)
class Entry:
    """What was said of a key: ``role`` with several joined by ``+``, in full; None for what was not said."""

    key: str
    role: str | None
    name: str | None
    domain: str | None


def read(given: Given | None) -> tuple[Entry, ...]:
    """The entries of a file or mapping; raises AnalyzerError for what cannot be understood."""
    if given is None:
        return ()
    said: Mapping[str, Any]
    if isinstance(given, Mapping):
        where, said = "endpoints", given
    else:
        where = os.fspath(given)
        try:
            said = tomllib.loads(Path(where).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise AnalyzerError(f"{where}: cannot be read as TOML: {error}") from error
    return tuple(_entry(where, key, value) for key, value in said.items())


def _entry(where: str, key: str, value: Any) -> Entry:
    fields = {"role": value} if isinstance(value, str) else value
    if not isinstance(fields, Mapping) or not all(
        name in _FIELDS and isinstance(text, str) and text for name, text in fields.items()
    ):
        raise AnalyzerError(
            f'{where}: {key!r} is given as a role, or as {{role = "S-CSCF", name = "s1", domain = "..."}}'
        )
    role = fields.get("role")
    if role is not None:
        parts = roles.split(role)
        unknown = [part for part in parts if part not in _KNOWN]
        if unknown:
            raise AnalyzerError(f"{where}: {key!r}: no role {unknown[0]!r}; there are {', '.join(_KNOWN)}")
        role = "+".join(part for part in _KNOWN if part in parts)
    return Entry(key.strip().lower(), role, fields.get("name"), fields.get("domain"))


def of_nodes(entries: tuple[Entry, ...], found: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """What is given of each node: ``node_id given_role given_name given_domain``; ``found`` are the ends."""
    kinds = {"node_id": pl.Int64, "rank": pl.Int64, **{f"given_{field}": pl.String for field in _FIELDS}}
    if not entries:
        return pl.DataFrame(schema=kinds).drop("rank")
    known = found.join(names, on="node_id", how="left").select("node_id", "ip", "name", address=sockets("ip", "port"))
    rows = []
    for entry in entries:
        hits, rank = _hits(entry.key, known)
        rows += [(node_id, rank, entry.role, entry.name, entry.domain) for node_id in hits]
    table = pl.DataFrame(rows, schema=kinds, orient="row").sort("rank", descending=True)
    said = [pl.col(f"given_{field}").drop_nulls().first() for field in _FIELDS]
    return table.group_by("node_id", maintain_order=True).agg(said)


def _hits(key: str, known: pl.DataFrame) -> tuple[list[int], int]:
    """The nodes that a key speaks of, and how narrow it is."""
    if re.fullmatch(r"[0-9a-f.:\[\]/]+", key):
        hits = known.filter(pl.col("address") == key)["node_id"].to_list()
        if hits:
            return hits, 1000
        try:
            network = ipaddress.ip_network(key.strip("[]"), strict=False)
        except ValueError:
            return [], 0
        inside = [ip for ip in known["ip"].unique() if _inside(ip, network)]
        return known.filter(pl.col("ip").is_in(inside))["node_id"].unique().to_list(), network.prefixlen
    return known.filter(pl.col("name").str.to_lowercase() == key)["node_id"].unique().to_list(), 500


def _inside(ip: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(ip) in network
    except ValueError:
        return False
