"""SQL as people write it: a column that is calculated is called what was written, as SQLite and DuckDB call it.

Polars names it after the column inside: ``avg(pdd_s)`` would be ``pdd_s``, and ``count(*)`` ``len``.
"""

from __future__ import annotations

import re

# Strings and quoted names in which nothing counts; brackets; words and signs.
_PIECES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]|,|\w+|\s+|.", re.DOTALL)
_ENDS = ("from", "union", "intersect", "except")


def with_aliases(query: str) -> str:
    """The query with ``AS "..."`` behind each calculated column of its outermost SELECT that has no name.

    >>> with_aliases("select outcome, avg(pdd_s), count(*) n from calls")
    'select outcome, avg(pdd_s) AS "avg(pdd_s)", count(*) n from calls'
    """
    pieces = _PIECES.findall(query)
    start = next((at for at, piece in enumerate(pieces) if not piece.isspace()), 0)
    if not pieces or pieces[start].lower() != "select":
        return query  # WITH ... and the like have names of their own
    made, depth = pieces[: start + 1], 0
    item: list[str] = []
    for at in range(start + 1, len(pieces)):
        piece = pieces[at]
        depth += (piece == "(") - (piece == ")")
        if depth == 0 and (piece == "," or piece.lower() in _ENDS):
            made += [_named(item), piece]
            if piece != ",":
                return "".join(made + pieces[at + 1 :])
            item = []
        else:
            item.append(piece)
    return "".join([*made, _named(item)])


def _named(item: list[str]) -> str:
    """One column of a SELECT; a call of a function that ends with its bracket has no name yet."""
    text = "".join(item)
    bare = text.strip()
    body = re.sub(r"(?i)^(distinct|all)\s+", "", bare)
    if not re.match(r"\w+\s*\(", body) or not body.endswith(")"):
        return text
    if _closes(body) != len(body) - 1 or re.match(r"(?i)(in|exists|values)\b", body):
        return text
    name = " ".join(body.split()).replace('"', '""')
    blank = text[len(text.rstrip()) :]
    return f'{text.rstrip()} AS "{name}"{blank}'


def _closes(text: str) -> int:
    """Where the first bracket is closed; -1 if it is not."""
    depth = place = 0
    for piece in _PIECES.findall(text):
        depth += (piece == "(") - (piece == ")")
        if piece == ")" and depth == 0:
            return place
        place += len(piece)
    return -1
