"""A node of the graph: a function that names what it rests on by its parameters, and is run once.

A parameter is the name of another node, or of an input: what the core read and what the user said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from analyzer.schema import Scope

if TYPE_CHECKING:
    import polars as pl

#: The inputs that are tables of the core, and their names there.
CORE = {
    "core_messages": "messages",
    "core_files": "files",
    "core_problems": "problems",
    "core_account": "account",
    "core_tls_connections": "tls_connections",
    "descriptions": "descriptions",
    "evidence": "evidence",
    "header_fields": "headers",
    "ims_headers": "ims_headers",
    "parts": "parts",
    "transport_failures": "failures",
    "via_tails": "via_tails",
    "core_streams": "rtp_streams",
    "core_stream_intervals": "rtp_intervals",
    "core_events": "rtp_events",
    "core_reports": "rtcp_reports",
    "core_msrp": "msrp_sessions",
}
#: The others: what the user says of nodes, whether clocks were set right and digits may be shown, what reads Diameter
#: and DNS, and the limit of the problems that are listed.
INPUTS = frozenset(
    {
        *CORE,
        *("node_overrides", "clocks_aligned", "digits_shown", "read_companions"),
        "max_problems_per_code",
    }
)
#: The inputs of which a reading can leave columns out.
WIDE = frozenset({"core_messages", "descriptions", "evidence", "ims_headers", "parts", "via_tails"})
#: The columns of these that every reading makes: what calls, transactions, dialogs and registrations rest on. What else
#: nodes look at, they declare (``columns``).
ALWAYS_READ = frozenset(
    {
        *("message", "time", "first_byte_at", "src_ip", "src_port", "dst_ip", "dst_port", "transport"),
        *("method", "status", "reason_phrase", "request_uri", "call_id", "from_uri", "from_tag", "to_uri", "to_tag"),
        *("from_name", "to_name"),
        *("cseq", "via_branch", "via_sent_by", "via_count", "contact_uri", "contact_expires", "expires"),
        *("asserted_identity", "preferred_identity", "private_id", "challenge", "credentials", "stale", "event"),
        *("subscription_state", "rseq", "rack", "session_expires", "p_early_media", "reason_header", "icid"),
        *("content_type", "has_sdp", "complete", "retransmission", "duplicate", "transaction"),
        *("_call", "_dialog", "_leg", "_nonce", "_sdp", "_qos", "_sends", "_q850", "_sip_cause", "_release_cause"),
        *("_failure_cause", "_refresher", "_point"),
        *("index", "media", "port", "codecs", "direction", "early_session", "_receives"),
        *("kind", "value", "text"),
    }
)


#: Columns of these that are made after the reading (``analyzer.sip.identities``): no reading leaves them out.
MADE_LATER = frozenset({"_mended", "_via_count"})


class Subgraph(Protocol):
    """The graph over some messages of the whole."""

    @property
    def rows(self) -> pl.Series:
        """The row of each of its messages in the whole."""

    def __getitem__(self, name: str) -> Any:
        """The value of a node or input."""


#: Makes the value for a part; the first argument asks the whole for its value.
Cut = Callable[[Callable[[], Any], Subgraph], Any]


@dataclass(frozen=True, slots=True)
class Node:
    """A function, the nodes and inputs it names, and what must have been read for it.

    ``columns`` of the core that it looks at beyond those that are always read, ``None`` for all that there are;
    ``headers`` are the header fields; ``cut`` makes the value of one call from that of the whole, where it is not made
    of fewer messages. ``carried``: the protocols (``diameter|dns$``) without whose packets the value is ``None``.
    ``asks``: the function takes one argument, which gives it what it needs by name when it needs it.
    """

    function: Callable[..., Any]
    scope: Scope
    needs: tuple[str, ...]
    columns: tuple[str, ...] | None
    headers: tuple[str, ...] = ()
    cut: Cut | None = None
    carried: str = ""
    asks: bool = False


REGISTERED: dict[str, Node] = {}
_Function = TypeVar("_Function", bound=Callable[..., Any])


def node(
    scope: Scope,
    *,
    columns: tuple[str, ...] | None = None,
    headers: tuple[str, ...] = (),
    cut: Cut | None = None,
    carried: str = "",
    asks: tuple[str, ...] = (),
) -> Callable[[_Function], _Function]:
    """Registers a function as the node of its name; ``asks`` are the names that it may ask for, where it does."""

    def register(function: _Function) -> _Function:
        name = function.__name__
        if name in REGISTERED or name in INPUTS:
            raise TypeError(f"two nodes are called {name!r}: rename one of them")
        REGISTERED[name] = made_of(function, scope, columns, headers, cut, carried, asks)
        return function

    return register


def made_of(
    function: Callable[..., Any],
    scope: Scope,
    columns: tuple[str, ...] | None = None,
    headers: tuple[str, ...] = (),
    cut: Cut | None = None,
    carried: str = "",
    asks: tuple[str, ...] = (),
) -> Node:
    needs = asks or function.__code__.co_varnames[: function.__code__.co_argcount]
    if columns is None and not WIDE.intersection(needs):
        columns = ()
    return Node(function, scope, needs, columns, headers, cut, carried, asks=bool(asks))


def whole(ask: Callable[[], Any], _part: Subgraph) -> Any:
    """The value of the whole as it is."""
    return ask()


def rows_of(column: str, key: str = "message") -> Cut:
    """The rows of which ``column`` is what a message of the part has in the column ``key``."""

    def cut(ask: Callable[[], Any], part: Subgraph) -> pl.DataFrame:
        import polars as pl

        found: pl.DataFrame = ask().filter(pl.col(column).is_in(part["core_messages"][key].unique().implode()))
        return found

    return cut


def carries(account: pl.DataFrame, protocols: str) -> bool:
    """Whether the table ``account`` has packets of a protocol, or of one of several: ``diameter|dns$``."""
    return bool(account["reason"].str.contains(protocols).any())
