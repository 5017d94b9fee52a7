"""One side of a comparison: the messages of a call, hop by hop, and the nodes that they pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from analyzer.columns.address import socket

if TYPE_CHECKING:
    import polars as pl

#: Gives the rows of the call in a table by its name.
Tables = Callable[[str], "pl.DataFrame"]

MOST_MESSAGES = 2_000
"""Messages of a call that are compared; one that runs wild has more."""

# What a message and its retransmission share (RFC 3261 §17, RFC 3262).
_SAME_MESSAGE = (
    *("src_ip", "src_port", "dst_ip", "dst_port", "call_id", "from_tag", "to_tag"),
    *("method", "status", "cseq", "via_branch", "rseq", "rack"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One message on one hop; ``copies`` counts it and its retransmissions.

    ``at``: ns since the first message of the call; ``leg`` is its Call-ID; ``sender`` and ``receiver`` are nodes.
    """

    message: int
    at: int | None
    leg: str
    sender: str
    receiver: str
    method: str
    status: int | None
    reason_phrase: str
    in_dialog: bool
    transaction: int | None
    copies: int
    has_sdp: bool
    #: The message that its sender made it from.
    previous: int | None = None

    @property
    def begins(self) -> bool:
        """An initial INVITE."""
        return self.method == "INVITE" and self.status is None and not self.in_dialog

    @property
    def ends(self) -> tuple[str, str]:
        """Client and server of its transaction."""
        return (self.sender, self.receiver) if self.status is None else (self.receiver, self.sender)

    @property
    def what(self) -> str:
        """``INVITE``, ``re-INVITE``, ``180 Ringing``, ``200 OK (PRACK)``."""
        if self.status is None:
            # An INVITE with a To tag is one inside a dialog: re-INVITE (RFC 3261 §14).
            return "re-INVITE" if self.method == "INVITE" and self.in_dialog else self.method
        response = f"{self.status} {self.reason_phrase}".rstrip()
        return response if self.method == "INVITE" else f"{response} ({self.method})"

    @property
    def final(self) -> bool:
        return self.status is not None and self.status >= 200


def short(node: str) -> str:
    """The address of a node; the port only where it is not that of SIP."""
    return node.removesuffix(":5060")


@dataclass(frozen=True, slots=True)
class Node:
    """A node that a call passes, as ``endpoints`` tell of it."""

    node: str
    role: str
    name: str | None

    @property
    def label(self) -> str:
        """Role and address, or as much of it as is known."""
        return short(self.node) if self.role == "unknown" else f"{self.role} {short(self.node)}"


@dataclass(frozen=True)
class Side:
    """A call as it is compared: its row of ``calls``, its messages in order of time, its nodes in order of appearance.

    ``texts`` are the bytes of messages without secrets; where there are none, ``missing`` says why.
    """

    label: str
    row: dict[str, Any]
    sent: tuple[Sent, ...]
    nodes: dict[str, Node]
    #: Addresses of the call, each with its node.
    hosts: dict[str, str]
    #: User parts of the identities of caller and callee.
    users: dict[str, str]
    sdp: pl.DataFrame
    phases: pl.DataFrame
    waterfall: pl.DataFrame
    texts: Mapping[int, bytes]
    missing: str
    #: All nodes that the capture shows, in whatever call.
    captured: frozenset[str]
    #: Messages beyond the first :data:`MOST_MESSAGES`, which are not compared.
    left_out: int

    @property
    def caller(self) -> str | None:
        """The node that the call came from, as far as the capture shows."""
        return next((one.sender for one in self.sent if one.status is None), None)


def side_of(
    label: str, row: dict[str, Any], tables: Tables, endpoints: pl.DataFrame, texts: Mapping[int, bytes], missing: str
) -> Side:
    """The side that a row of ``calls`` is: ``tables`` gives the call's rows of a table, ``endpoints`` is whole."""
    import polars as pl

    ordered = tables("messages").sort("time", nulls_last=True, maintain_order=True)
    messages = ordered.with_columns(at=(pl.col("time") - pl.col("time").min()).cast(pl.Int64)).to_dicts()
    previous = dict(tables("hops").select("message", "previous").rows())
    known = {(one["ip"], one["port"]): one for one in endpoints.iter_rows(named=True)}
    nodes: dict[str, Node] = {}
    hosts: dict[str, str] = {}
    sent: list[Sent] = []
    first_of: dict[tuple[object, ...], int] = {}
    folded: dict[int, int] = {}
    for one in messages:
        same = tuple(one[name] for name in _SAME_MESSAGE)
        if one["retransmission"] and same in first_of:
            place = first_of[same]
            sent[place] = replace(sent[place], copies=sent[place].copies + 1)
            folded[one["message"]] = sent[place].message
            continue
        first_of[same] = len(sent)
        sender, receiver = (_node(one[f"{end}_ip"], one[f"{end}_port"], known, nodes, hosts) for end in ("src", "dst"))
        sent.append(
            Sent(
                message=one["message"],
                at=one["at"],
                leg=one["call_id"] or "",
                sender=sender,
                receiver=receiver,
                method=one["method"] or "?",
                status=one["status"],
                reason_phrase=one["reason_phrase"] or "",
                in_dialog=one["to_tag"] is not None,
                transaction=one["transaction"],
                copies=1,
                has_sdp=one["has_sdp"],
                previous=previous.get(one["message"]),
            )
        )
    # What was made from a copy was made from the message.
    sent = [one if one.previous not in folded else replace(one, previous=folded[one.previous]) for one in sent]
    captured = frozenset(endpoints["node"])
    left_out = max(len(sent) - MOST_MESSAGES, 0)
    others: dict[str, Any] = {name: tables(name) for name in ("sdp", "phases", "waterfall")}
    rest: dict[str, Any] = {"texts": texts, "missing": missing, "captured": captured, "left_out": left_out}
    return Side(label, row, tuple(sent[:MOST_MESSAGES]), nodes, hosts, _users(row, messages), **others, **rest)


def _node(
    ip: str | None,
    port: int | None,
    known: Mapping[tuple[Any, Any], dict[str, Any]],
    nodes: dict[str, Node],
    hosts: dict[str, str],
) -> str:
    one = known.get((ip, port)) or {"node": socket(ip, port), "role": "unknown", "name": None}
    node = str(one["node"])
    nodes.setdefault(node, Node(node, one["role"] or "unknown", one["name"]))
    if ip is not None:
        hosts.setdefault(ip, node)
    return node


_USER = re.compile(r"^(?:<?(?:sips?|tel):)?([^@;>]+)", re.IGNORECASE)
_SHORTEST_USER = 2


def _users(row: dict[str, Any], messages: list[dict[str, Any]]) -> dict[str, str]:
    """The user parts that stand for the caller and the callee, each with the word that takes its place.

    Identities that hide who it is stay (RFC 3323 §4.1.1.3): that one call hides it and the other does not, matters.
    """
    import polars as pl

    from analyzer.columns.identity import is_anonymous, subscribers

    invites = [one for one in messages if one["method"] == "INVITE" and one["status"] is None and not one["to_tag"]]
    said = {
        "<caller>": ("caller", ("from_uri", "asserted_identity", "preferred_identity", "contact_uri")),
        "<callee>": ("callee", ("to_uri", "request_uri")),
    }
    users: dict[str, str] = {}
    for word, (column, columns) in said.items():
        uris = pl.Series([one[name] for one in invites for name in columns], dtype=pl.String).unique(
            maintain_order=True
        )
        told = pl.DataFrame({"text": uris, "key": subscribers(uris)}).filter(~is_anonymous("key"))
        for text in filter(None, (row[column], *told["text"])):
            found = _USER.match(text)
            if found and len(found[1]) >= _SHORTEST_USER:
                users.setdefault(found[1], word)
                users.setdefault(found[1].removeprefix("+"), word)
    return users
