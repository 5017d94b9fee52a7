"""One message: its row, its bytes as captured, and its headers in order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from analyzer.errors import NotFound
from analyzer.reading.parsing import Parsed, parse

if TYPE_CHECKING:
    from analyzer.api.source import Source

_HIDDEN = "(hidden)"  # what the core puts in the place of a secret
_AUTHENTICATION = frozenset(
    {
        *("Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate"),
        *("Authentication-Info", "Proxy-Authentication-Info"),
    }
)
# In the name of each of these, and of nothing that most messages have: those are not taken apart.
_OF_AUTHENTICATION = re.compile(rb"auth", re.IGNORECASE)
_SDP_KEYS = re.compile(rb"^(?:a=crypto|k=)[^\r\n]*", re.MULTILINE | re.IGNORECASE)
_SDP_KEY = re.compile(rb"(inline:|^k=[a-z0-9]+:)[^|;\s]+", re.IGNORECASE)


class Message:
    """One observation of a message: ``row`` is its row in ``messages`` as a dict, ``text`` its bytes as captured."""

    def __init__(self, row: dict[str, Any], text: bytes) -> None:
        self.row = row
        self.text = text

    @property
    def parsed(self) -> Parsed:
        """The message taken apart."""
        return parse(self.text)

    @property
    def without_secrets(self) -> bytes:
        """Its bytes as captured, but digest responses and keys of AKA (3GPP TS 33.203 §6.1) replaced by ``(hidden)``,
        and SDES keys (RFC 4568 §9.1) and ``k=`` lines (RFC 4566 §5.12) of SDP too."""
        text = bytearray(self.text)
        for header in reversed(self.parsed.headers if _OF_AUTHENTICATION.search(text) else []):
            if header.canonical in _AUTHENTICATION and _HIDDEN in header.value:
                place = slice(header.offset, header.offset + header.length)
                end = text[place][len(text[place].rstrip(b"\r\n")) :]
                text[place] = f"{header.name}: {header.value}".encode() + end
        return _SDP_KEYS.sub(lambda line: _SDP_KEY.sub(rb"\1" + _HIDDEN.encode(), line.group()), bytes(text))

    @property
    def tree(self) -> list[tuple[str, object]]:
        """Names and values for showing."""
        return self.parsed.tree()

    def __repr__(self) -> str:
        row = self.row
        return f"<Message {row['message']}: {row['status'] or row['method']} {row['src_ip']} -> {row['dst_ip']}>"

    def _repr_html_(self) -> str:
        import polars as pl

        from analyzer import schema
        from analyzer.show.cards import message_card

        kinds = schema.MESSAGES.polars()
        row = pl.DataFrame([self.row], schema={name: kinds[name] for name in self.row})
        what = self.row["method"] if self.row["status"] is None else f"{self.row['status']} {self.row['reason_phrase']}"
        return message_card(f"Message {self.row['message']}: {what}", row, self.without_secrets, self.tree)


# As far as a key of 63 bits moves where a program holds it in a floating-point number of 53.
_ROUNDED = 512


def messages_of(source: Source, keys: list[int]) -> list[Message]:
    """Several messages by their keys, in the order asked, in one reading of the captures.

    Raises :class:`~analyzer.errors.NotFound`, and :class:`~analyzer.errors.AnalyzerError` where the captures have
    changed or are not at hand.
    """
    import polars as pl

    rows = source.table("messages").filter(pl.col("message").is_in(keys))
    by_key = {row["message"]: row for row in rows.iter_rows(named=True)}
    for key in keys:
        if key not in by_key:
            near = source.table("messages").filter((pl.col("message") - key).abs() <= _ROUNDED)["message"]
            hint = f": it was rounded; {near[0]} is a message" if len(near) == 1 and float(near[0]) == key else ""
            raise NotFound(f"no message has the key {key}{hint}")
    return [Message(by_key[key], text) for key, text in zip(keys, source.texts(keys), strict=True)]
