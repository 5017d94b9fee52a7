"""Whole messages and whole tables masked with one key."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.errors import AnalyzerError
from analyzer.masking import vocabulary
from analyzer.masking.bodies import Bodies
from analyzer.masking.pseudonyms import Pseudonyms
from analyzer.masking.values import Values, filled
from analyzer.reading.parsing import parse
from analyzer.schema import Header, MaskClass

if TYPE_CHECKING:
    import polars as pl

#: Bytes that a key has at least: what is shorter can be tried out.
SHORTEST_KEY = 16

# Bytes that are no UTF-8 are shown as one sign in tables; in messages they are made one too.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_START_LINE = re.compile(
    r"(?P<version>\s*SIP\s*/\s*[0-9.]+\s+)(?P<status>[0-9]+)(?P<phrase>[^\r\n]*)"
    r"|(?P<method>\s*[^\s:]+\s+)(?P<uri>\S.*?)(?P<ending>(?<!\s)\s++SIP\s*/\s*[0-9.]+\s*)",
    re.IGNORECASE | re.ASCII,
)
# Columns that name subscribers and hosts: what is found there is masked in product names and file names too.
_NAMES = ("from_uri", "to_uri", "contact_uri", "request_uri", "asserted_identity", "preferred_identity", "private_id")
_SHORTEST_NAME = 4


class Mask:
    """Replaces who, where and what was said by keyed pseudonyms of the same length and form.

    ``key``: text or bytes, at least 16 of them; the same key gives the same pseudonyms each time, and whoever has it
    can undo them. Without a key a new one is drawn and forgotten. ``known``: words that are masked even where names of
    products and files are shown. ``domains``: domains and cells do not name their operator either (TS 23.003 §13.2).

    >>> from analyzer.masking.mask import Mask
    >>> from analyzer.schema import MaskClass
    >>> mask = Mask("an example, not a secret")
    >>> mask.value(MaskClass.URI, "tel:+49-30-901820") != "tel:+49-30-901820"
    True
    >>> len(mask.message(b"OPTIONS sip:bob@example.com SIP/2.0\\r\\n\\r\\n"))
    39
    """

    def __init__(self, key: str | bytes | None = None, known: Iterable[str] = (), *, domains: bool = False) -> None:
        secret = os.urandom(32) if key is None else key.encode() if isinstance(key, str) else bytes(key)
        if len(secret) < SHORTEST_KEY:
            raise AnalyzerError(f"a key for masking has at least {SHORTEST_KEY} bytes, this one {len(secret)}")
        self._use(Pseudonyms(secret), frozenset(known), domains=domains)

    def _use(self, pseudonyms: Pseudonyms, known: frozenset[str], *, domains: bool) -> None:
        self._pseudonyms = pseudonyms
        self._domains = domains
        self._values = Values(pseudonyms, known, domains=domains)
        #: The last step of every text: what names operators in it.
        self._operators: Callable[[str], str] = self._values.operators if domains else str
        self._bodies = Bodies(self._values, self._message)
        values = self._values
        self._masked: dict[MaskClass, Callable[[str], str]] = {
            MaskClass.OPEN: str,
            MaskClass.ADDRESS: values.hostport,
            MaskClass.HOST: values.hostport,
            MaskClass.URI: values.uri,
            MaskClass.USER: values.user_at_host,
            MaskClass.SUBSCRIBER: values.subscriber,
            MaskClass.NAME: values.name,
            MaskClass.IDENTIFIER: values.identifier,
            MaskClass.PHRASE: values.phrase,
            MaskClass.FREE_TEXT: values.gentle,
            MaskClass.TOKENS: values.tokens,
            MaskClass.SENTENCE: values.sentence,
            MaskClass.CELL: values.cell,
            MaskClass.NETWORK: values.network if domains else str,
            MaskClass.FILE: values.file,
        }

    # ---- messages ---------------------------------------------------------------------------------------------------

    def message(self, data: bytes) -> bytes:
        """A SIP message (or a part of one, as in ``message/sipfrag``) as long as it was, field by field."""
        return self._text(self._message(data, 0), self._operators)

    def _message(self, data: bytes, depth: int) -> bytes:
        found = parse(data)
        out: list[bytes] = []
        behind = 0
        for header in found.headers:
            out.append(self._text(data[behind : header.offset], self._start))
            behind = header.offset + header.length
            field = data[header.offset : behind]
            out.append(self._text(field, partial(self._field, header.canonical or header.name)))
        body_ends = len(data) - found.trailing
        body_at = body_ends - len(found.body)
        out.append(self._text(data[behind:body_at], self._start))
        content_type, encoding = (
            next((header.value for header in found.header(name)), None) for name in ("Content-Type", "Content-Encoding")
        )
        out.append(self._bodies.body(found.body, content_type, encoding, depth))
        out.append(self._text(data[body_ends:], filled))
        return b"".join(out)

    @staticmethod
    def _text(data: bytes, mask: Callable[[str], str]) -> bytes:
        text = mask(data.decode("utf-8", "surrogateescape"))
        return text.encode("utf-8", "surrogateescape")

    def _start(self, text: str) -> str:
        """Start line, empty lines, and lines that are none of SIP."""
        return re.sub(r"[^\r\n]+", lambda found: _hidden(self._start_line(found.group())), text)

    def _start_line(self, line: str) -> str:
        found = _START_LINE.fullmatch(line)
        if not found:
            return self._values.free(line)
        if found["status"]:
            return found["version"] + found["status"] + self._values.phrase(found["phrase"])
        return self._values.gentle(found["method"]) + self._values.uri(found["uri"]) + found["ending"]

    def _field(self, name: str, text: str) -> str:
        written, colon, value = text.partition(":")
        if not (name and colon):
            return _hidden(self._values.free(text))
        return self._values.gentle(written) + colon + _hidden(self._values.header(name, value))

    # ---- tables -----------------------------------------------------------------------------------------------------

    def value(self, mask: MaskClass | Header, text: str) -> str:
        """A value of a column that is masked so (``schema.Column.mask``)."""
        return self._masker(mask)(text)

    def _masker(self, mask: MaskClass | Header) -> Callable[[str], str]:
        masked = partial(self._values.header, mask.value) if isinstance(mask, Header) else self._masked[mask]
        return (lambda text: self._operators(masked(text))) if self._domains else masked

    def table(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """A table of the schema, or a part of one, with every text masked as its column says."""
        import polars as pl

        masked = []
        columns: dict[MaskClass | Header, list[pl.Series]] = {}
        for column in schema.find(name).columns:
            if column.name not in frame.columns or column.mask in (None, MaskClass.OPEN):
                continue
            if column.mask is MaskClass.NAMED_HEADER:
                masked.append(self._named(frame["name"], frame[column.name]))
            elif column.mask:
                columns.setdefault(column.mask, []).append(frame[column.name])
        # Columns of one kind have mostly the same values: each is masked once.
        for mask, alike in columns.items():
            texts = [column.explode() if column.dtype == pl.List(pl.String) else column for column in alike]
            originals = pl.concat([text.rename("text") for text in texts]).drop_nulls().unique()
            if originals.len():
                pseudonyms = list(map(self._masker(mask), originals.to_list()))
                masked += [_replaced(column, originals, pseudonyms) for column in alike]
        return frame.with_columns(masked)

    def _named(self, names: pl.Series, values: pl.Series) -> pl.Series:
        """Values of header fields, each by the name of its own."""
        import polars as pl

        known = pl.DataFrame({"name": names, "value": values})
        distinct = known.drop_nulls().unique()
        masked = distinct.with_columns(
            pl.Series(
                "masked", [self._operators(self._values.header(*row)) for row in distinct.rows()], dtype=pl.String
            )
        )
        return known.join(masked, on=["name", "value"], how="left", maintain_order="left")["masked"].alias(values.name)

    def knowing(self, messages: pl.DataFrame) -> Mask:
        """The same pseudonyms, with the users, numbers and addresses in these rows of ``messages`` known."""
        import polars as pl

        uris = pl.concat([messages[name].drop_nulls() for name in _NAMES if name in messages.columns]).unique()
        users = uris.to_frame("uri").select(
            pl.coalesce(
                pl.col("uri").str.extract(r"^(?:[A-Za-z]+:)?([^@:;]*)@"), pl.col("uri").str.extract("^tel:([^;]*)")
            )
        )
        words = users.to_series().drop_nulls().unique().str.to_lowercase().str.extract_all(r"[0-9a-z\x80-\x{10ffff}]+")
        words = words.explode().drop_nulls()
        names = set(words.filter(words.str.len_chars() >= _SHORTEST_NAME).to_list())
        hosts = set(pl.concat([messages["src_ip"], messages["dst_ip"]]).drop_nulls().unique().to_list())
        mask = object.__new__(Mask)
        known = frozenset((names - vocabulary.VALUES - vocabulary.PHRASE) | hosts)
        mask._use(self._pseudonyms, known, domains=self._domains)
        return mask


def _replaced(column: pl.Series, originals: pl.Series, pseudonyms: list[str]) -> pl.Series:
    import polars as pl

    if column.dtype == pl.List(pl.String):
        return column.list.eval(pl.element().replace(originals, pseudonyms))
    return column.replace(originals, pseudonyms)


def _hidden(text: str) -> str:
    return _NOT_UTF8.sub("\udcff", text)
