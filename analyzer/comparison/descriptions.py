"""The session descriptions of two messages compared, m= line by m= line (RFC 3264 §5, §6: their order counts)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from analyzer.comparison.header_fields import FieldDifference

Line = dict[str, Any]


def _codecs(line: Line) -> tuple[str, ...]:
    return tuple((line["codecs"] or "").split())


def _preconditions(line: Line) -> tuple[str, ...]:
    return tuple(part.strip() for part in (line["preconditions"] or "").split(";") if part.strip())


def _parameters(line: Line) -> tuple[str, ...]:
    """The format parameters, each under the name of its codec: payload types are drawn (RFC 3551 §6)."""
    names = dict(zip((line["formats"] or "").split(), (line["codecs"] or "").split(), strict=False))
    told = []
    for part in (line["fmtp"] or "").split(" | "):
        number, _, rest = part.partition(" ")
        told.append(f"{names.get(number, number)} {rest}" if rest else part)
    return tuple(filter(None, told))


def _words(column: str) -> Callable[[Line], tuple[str, ...]]:
    return lambda line: tuple(str(line[column]).split()) if line[column] is not None else ()


#: What is compared of an m= line: its name, and the items it consists of. Addresses, ports, payload types and the
#: session's own numbers differ in any two calls; keys are secret.
_COMPARED: dict[str, Callable[[Line], tuple[str, ...]]] = {
    "media": _words("media"),
    "protocol": _words("proto"),
    "stream": lambda line: ("rejected or removed",) if line["port"] == 0 else ("in use",),
    "codecs": _codecs,
    "format parameters": _parameters,
    "direction": _words("direction"),
    "preconditions": _preconditions,
    "crypto suites": _words("crypto"),
    "bandwidth (kbit/s)": _words("bandwidth_kbps"),
    "ptime (ms)": _words("ptime"),
    "maxptime (ms)": _words("maxptime"),
    "rtcp-mux": lambda line: ("yes",) if line["rtcp_mux"] else (),
    "ICE": lambda line: ("yes",) if line["ice"] else (),
    "setup (DTLS)": _words("setup"),
}


def differences(a: list[Line], b: list[Line]) -> Iterator[FieldDifference]:
    """The properties of the m= lines of one message (rows of ``sdp``) that differ in its like of the other call."""
    for number in range(max(len(a), len(b))):
        one, other = (lines[number] if number < len(lines) else None for lines in (a, b))
        media = (one or other or {})["media"] or "?"
        if one is None or other is None:
            there = _summary(one or other or {})
            name = f"m={media}"
            if one is not None:
                yield FieldDifference(name, there, None, (there,), (), matters=True)
            else:
                yield FieldDifference(name, None, there, (), (there,), matters=True)
            continue
        for name, items_of in _COMPARED.items():
            items_a, items_b = items_of(one), items_of(other)
            if items_a != items_b:
                # The order of codecs is that of preference (RFC 3264 §5.1).
                yield FieldDifference(
                    f"m={media} {name}",
                    _joined(name, items_a),
                    _joined(name, items_b),
                    tuple(item for item in items_a if item not in items_b),
                    tuple(item for item in items_b if item not in items_a),
                    matters=True,
                )


def _joined(name: str, items: tuple[str, ...]) -> str | None:
    return ("; " if name in ("preconditions", "format parameters") else " ").join(items) or None


def _summary(line: Line) -> str:
    return " ".join(filter(None, (line["media"], line["codecs"], line["direction"])))
