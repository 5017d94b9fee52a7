"""The compiled core: bytes to tables. Names with an underscore are types alone, and not there when it runs."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypedDict, final

__all__ = [
    "Cycle",
    "MediaHeads",
    "Scan",
    "Windows",
    "assigned_points",
    "classified",
    "companion",
    "compose",
    "export",
    "fetch",
    "header_name",
    "header_vocabulary",
    "link_type",
    "media_heads",
    "merged_media",
    "merged_memory",
    "parse",
    "payloads",
    "protocols",
    "scan",
    "tables",
    "windows",
]

class _Table(Protocol):
    """An Arrow table, as Polars and others take it."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class _Tables(TypedDict):
    """What a scan makes; the columns of each are told by :func:`tables`."""

    messages: _Table
    descriptions: _Table
    ims_headers: _Table
    parts: _Table
    evidence: _Table
    #: Only where its columns were asked for.
    via_tails: _Table
    headers: _Table
    files: _Table
    problems: _Table
    #: Where packets went: by layer and reason, so that the numbers add up to the packets read.
    account: _Table
    failures: _Table
    #: One row for each TLS connection.
    tls_connections: _Table
    #: Only where ``rtp_streams`` was asked for.
    rtp_streams: _Table
    rtp_intervals: _Table
    rtp_events: _Table
    rtcp_reports: _Table

class _CompanionTables(TypedDict):
    diameter: _Table
    dns: _Table

#: An association of ESP: source, destination and SPI, None for any; encryption and its key, integrity and its key.
_EspKeys: TypeAlias = Sequence[tuple[str | None, str | None, int | None, str, bytes, str, bytes]]

#: Name and value; None where there is no ``=``.
_Params: TypeAlias = list[tuple[str, str | None]]

class _Uri(TypedDict):
    text: str
    scheme: str
    user: str | None
    password: str | None
    host: str | None
    port: str | None
    opaque: str | None
    params: _Params
    headers: _Params
    number: str | None

class _Value(TypedDict, total=False):
    """One value of a header field: ``text`` always, the rest as far as its grammar has it."""

    text: str
    #: ``Contact: *``
    star: bool
    display: str | None
    uri: _Uri
    params: _Params
    protocol: str
    transport: str
    host: str
    port: str | None
    #: Of CSeq and RAck.
    response: int | None
    number: int | None
    method: str
    scheme: str
    #: A media type.
    type: str
    word: str

class _Header(TypedDict):
    name: str
    canonical: str | None
    value: str
    offset: int
    length: int
    values: list[_Value]

class _Part(TypedDict):
    headers: list[tuple[str, str]]
    content: tuple[int, int]
    parts: list[_Part]

class _Start(TypedDict, total=False):
    """Of a request ``method uri version``, of a response ``version status reason``, else ``unreadable``."""

    method: str
    uri: _Uri
    version: str
    status: int
    reason: str
    unreadable: str

class _Message(TypedDict):
    start: _Start
    headers: list[_Header]
    body: tuple[int, int]
    decoded: bytes | None
    parts: list[_Part]
    trailing: int
    deviations: list[tuple[str, str]]

@final
class Scan:
    def progress(self) -> tuple[int, int]: ...
    def wait(self, seconds: float) -> bool: ...
    def result(self) -> _Tables: ...
    def cancel(self) -> None: ...

#: points, agents, until, copies
_State: TypeAlias = tuple[list[tuple[str | None, str, int, int]], list[str], int | None, bytes, bytes]

@final
class Windows:
    def progress(self) -> tuple[int, int]: ...
    def wait(self, seconds: float) -> bool: ...
    def take(self) -> dict[str, Any] | None: ...
    def cancel(self) -> None: ...

def scan(
    sources: Sequence[tuple[str, str, str | None, int | None]],
    threads: int = 0,
    limits: dict[str, int] | None = None,
    columns: Sequence[str] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
    clocks: Sequence[tuple[int, int, int, int]] = ...,
    headers: Sequence[str] = ...,
    keys: Sequence[str] = ...,
    esp_keys: _EspKeys = ...,
    srtp_keys: bool = False,
) -> Scan: ...
def companion(
    sources: Sequence[tuple[str, str, str | None, int | None]],
    limits: dict[str, int] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
    clocks: Sequence[tuple[int, int, int, int]] = ...,
    esp_keys: _EspKeys = ...,
) -> _CompanionTables: ...
def fetch(
    sources: Sequence[tuple[str, str, str | None, int | None]],
    wanted: Sequence[tuple[str, int, int, int]],
    limits: dict[str, int] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
    keys: Sequence[str] = ...,
    esp_keys: _EspKeys = ...,
) -> list[bytes | None]: ...

@final
class Cycle:
    """A keyed cycle through the numbers below the product of two sizes."""

    def __new__(cls, key: bytes, labels: Sequence[tuple[str, str]], left: int, right: int) -> Cycle: ...
    def next(self, number: int) -> int:
        """The number that follows."""

@final
class MediaHeads:
    """The headers of media packets."""

    def addresses(self) -> set[str]:
        """The addresses between which they went."""

def media_heads(
    sources: Sequence[tuple[str, str, str | None, int | None]],
    media_flows: Sequence[tuple[str, int, int, int]],
    points: Sequence[str],
    limits: dict[str, int] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
    esp_keys: _EspKeys = ...,
) -> MediaHeads: ...
def compose(
    points: list[str],
    messages: list[tuple[int, int | None, int | None, str, str | None, int, str | None, int, int, bytes, bool]],
    failures: list[tuple[int | None, str, str, str, int, str, int, str]],
    ended: int | None,
    path: str,
    heads: MediaHeads | None = None,
    addresses: dict[str, str] = ...,
) -> int: ...
def payloads(
    sources: Sequence[tuple[str, str, str | None, int | None]],
    wanted: Sequence[tuple[str, int, str, int, int, bool]],
    limits: dict[str, int] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
    keys: Sequence[str] = ...,
    esp_keys: _EspKeys = ...,
    srtp_keys: bool = False,
) -> list[list[tuple[int, int, int, int, bytes]]]: ...
def export(
    sources: Sequence[tuple[str, str, str | None, int | None]],
    wanted: Sequence[tuple[str, int, int, int]],
    flows: Sequence[tuple[str, str, int, str, int]],
    media_flows: Sequence[tuple[str, int, int, int]],
    path: str,
    limits: dict[str, int] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
    keys: Sequence[str] = ...,
    esp_keys: _EspKeys = ...,
) -> int: ...
def parse(text: bytes) -> _Message: ...
def header_name(text: str) -> str | None: ...
def header_vocabulary() -> list[str]: ...
def link_type(text: str) -> int | None: ...
def protocols() -> list[tuple[str, str, str | None]]: ...
def tables() -> list[tuple[str, list[tuple[str, str]]]]: ...
def assigned_points(
    files: Sequence[tuple[str, str | None, list[tuple[int, int, int]], list[tuple[int, int]] | None]],
    known: list[tuple[str | None, str, int, int]] = ...,
) -> tuple[list[list[tuple[int, int]]], list[str], list[tuple[str | None, str, int, int]]]: ...
def classified(
    observed: bytes, points: Sequence[int], idle: int, memory: bytes | None = ...
) -> tuple[_Table, bytes]: ...
def merged_media(parts: Sequence[tuple[bytes, Mapping[int, int]]]) -> bytes: ...
def merged_memory(memories: Sequence[bytes], latest: int, idle: int) -> bytes: ...
def windows(
    sources: Sequence[tuple[str, str, str | None, int | None, tuple[list[tuple[int, int]], int] | None]],
    how: tuple[int, bool, bool],
    threads: int = 0,
    limits: dict[str, int] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
    headers: Sequence[str] = ...,
    state: _State | None = None,
    keys: Sequence[str] = ...,
    esp_keys: _EspKeys = ...,
) -> Windows: ...
