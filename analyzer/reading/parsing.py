"""One SIP message taken apart, every header in order: what the compiled core makes of its bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from analyzer.reading.native import core


@dataclass(frozen=True, slots=True)
class Header:
    """One header field.

    ``name`` as sent (``f``, ``FROM``), ``canonical`` its registered long form (None for one we do not know), ``value``
    on one line, ``offset`` and ``length`` its place in the message in bytes, ``values`` the values that commas join,
    each a dict of its parts: ``text`` always; ``uri`` ``display`` ``params`` of an address; ``transport`` ``host``
    ``port`` of a Via; ``scheme`` of a challenge or of credentials ...
    """

    name: str
    canonical: str | None
    value: str
    offset: int
    length: int
    values: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Parsed:
    """One SIP message taken apart (RFC 3261 §7, §20, §25); what deviates is in ``deviations`` as (code, detail).

    A request has ``method`` and ``uri`` (a dict: ``text`` ``scheme`` ``user`` ``host`` ``port`` ``params`` ``headers``
    ``number``), a response ``status`` and ``reason``; what is neither has none of them. ``body`` is as sent,
    ``decoded`` what it is without its Content-Encoding (gzip, deflate; RFC 3261 §20.12), None where it has none that is
    known. ``parts`` are those of a multipart body, ``trailing`` counts bytes behind the message.
    """

    headers: list[Header]
    body: bytes
    parts: list[dict[str, Any]]
    trailing: int
    deviations: list[tuple[str, str]]
    method: str | None = None
    uri: dict[str, Any] | None = None
    status: int | None = None
    reason: str | None = None
    version: str | None = None
    unreadable: str | None = field(default=None)
    decoded: bytes | None = None

    def header(self, name: str) -> list[Header]:
        """Every header of this name, compact and long forms alike, in order."""
        asked = name.lower()
        return [header for header in self.headers if asked in (header.name.lower(), (header.canonical or "").lower())]

    def tree(self) -> list[tuple[str, object]]:
        """Names and values for showing: the start line, each header with its parts, the body's size, the deviations."""
        start = {
            "method": self.method,
            "uri": self.uri and self.uri["text"],
            "status": self.status,
            "reason": self.reason,
        }
        parts: list[tuple[str, object]] = [
            ("start line", {name: value for name, value in start.items() if value is not None})
        ]
        parts += [(header.canonical or header.name, _shown(header)) for header in self.headers]
        decoded = "" if self.decoded is None else f", {len(self.decoded)} decoded"
        parts.append(("body", f"{len(self.body)} bytes{decoded}"))
        if self.deviations:
            parts.append(("deviations", [f"{code}: {detail}" for code, detail in self.deviations]))
        return parts


def _shown(header: Header) -> object:
    """A header's values with those parts that say more than the text does."""
    shown = [
        {name: part for name, part in value.items() if part not in (None, []) and name != "uri"}
        for value in header.values
    ]
    if all(value.keys() <= {"text"} for value in shown):
        return header.value
    return shown[0] if len(shown) == 1 else shown


def parse(text: bytes) -> Parsed:
    """Takes one SIP message apart, every header in order; nothing is refused that can still be read.

    >>> import analyzer
    >>> message = analyzer.parse(b"OPTIONS sip:a@b SIP/2.0\\r\\nf: <sip:x@y>;tag=1\\r\\n\\r\\n")
    >>> message.method, message.headers[0].canonical, message.headers[0].values[0]["uri"]["user"]
    ('OPTIONS', 'From', 'x')
    """
    found = core().parse(text)
    begin, end = found["body"]
    return Parsed(
        headers=[Header(**header) for header in found["headers"]],
        body=text[begin:end],
        parts=found["parts"],
        trailing=found["trailing"],
        deviations=found["deviations"],
        decoded=found["decoded"],
        **found["start"],
    )
