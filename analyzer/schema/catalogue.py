"""All entries: found in the families, checked, and asked for by name or family."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping

from analyzer.schema import capture, companion, diagnosis, ims, measured, media, services, setups, sip
from analyzer.schema.column import Header, MaskClass, Type, words
from analyzer.schema.table import KEYS, Measure, Table

#: The families, in the order of help and documentation; the docstring of each is its heading.
_MODULES = (diagnosis, sip, setups, ims, services, media, companion, measured, capture)

FAMILIES: dict[str, tuple[Table, ...]] = {
    str(module.__doc__).rstrip("."): tuple(entry for entry in vars(module).values() if isinstance(entry, Table))
    for module in _MODULES
}
"""The tables of each family, by its heading, as they stand in its module."""

_ENTRIES = [table for family in FAMILIES.values() for table in family]

TABLES: dict[str, Table] = {t.name: t for t in _ENTRIES if not t.asked and not isinstance(t, Measure)}
"""The tables of a capture: ``Capture.table``."""
ASKED: dict[str, Table] = {t.name: t for t in _ENTRIES if t.asked}
"""Tables made of names that the user gives: ``Capture.headers``."""
MEASURES: dict[str, Measure] = {t.name: t for t in _ENTRIES if isinstance(t, Measure)}
"""The measured tables: ``Capture.measure``."""


def find(name: str) -> Table:
    """The entry of that name, of whichever kind."""
    return TABLES.get(name) or ASKED.get(name) or MEASURES[name]


def keys(name: str) -> set[str]:
    """The columns of the table that hold keys; a measured one can have those of the tables it is made of."""
    entry = find(name)
    made_of = (TABLES[of] for of in entry.of) if isinstance(entry, Measure) else ()
    return {key for table in (entry, *made_of) for key in table.of_type("key")}


# ---- checks ----------------------------------------------------------------------------------------------------------

#: Words of SQL:2016 that begin or structure a clause: engines refuse them as a bare name, or read them as a function
#: (``user``), so that a condition over such a column fails unless it is quoted. Names of types and functions (``time``,
#: ``count``) are reserved on paper too, and every engine takes them as columns.
RESERVED = frozenset(
    words(
        "all alter analyze and any array as asc asymmetric authorization begin between both by case cast check "
        "collate column commit constraint create cross current current_catalog current_date current_role "
        "current_schema current_time current_timestamp current_user cursor deallocate declare default delete desc "
        "describe distinct do drop else end escape except execute exists explain false fetch filter for foreign "
        "freeze from full function grant group grouping having ilike in initially inner insert intersect into is "
        "isnull join lateral leading left like limit localtime localtimestamp merge natural not notnull null nulls "
        "of offset on only or order outer over overlaps partition placing prepare primary qualify range references "
        "returning revoke right rollback row rows select session_user set similar some symmetric system_user table "
        "tablesample then to top trailing trigger true truncate union unique unnest update user using values "
        "variadic verbose view when where window with within without"
    )
)

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TEXTS = ("text", "texts")
#: Cells that views make of several columns (``show.views``).
_MADE = {"note": ("duplicate", "retransmission", "complete")} | {
    end: (f"{end}_ip", f"{end}_port") for end in words("src dst client server")
}


class WrongEntry(ValueError):
    """An entry of the catalogue that contradicts itself or the rest; each fault is a sentence on what to write."""


def check(entries: Iterable[Table] = _ENTRIES) -> None:
    """Raises :class:`WrongEntry` with a sentence for each fault of these entries."""
    entries = list(entries)
    found = [*_named_twice(entries), *_same_place(entries)]
    for entry in entries:
        found += [f"{entry.name}: {fault}" for fault in _faults(entry, {e.name: e for e in entries})]
    if found:
        raise WrongEntry("\n".join(found))


def _named_twice(entries: list[Table]) -> list[str]:
    names = [entry.name for entry in entries]
    return [f"{name}: two tables have this name; rename one" for name in dict.fromkeys(names) if names.count(name) > 1]


def _same_place(entries: list[Table]) -> Iterable[str]:
    at: dict[int, str] = {}
    for entry in entries:
        if entry.section and (other := at.setdefault(entry.section.place, entry.name)) != entry.name:
            yield f"{entry.name}: its section has the place of that of {other}; give it another"


def _faults(entry: Table, known: Mapping[str, Table]) -> list[str]:
    return [*_names(entry), *_columns(entry), *_maker(entry), *_links(entry, known), *_shown(entry), *_example(entry)]


def _names(entry: Table) -> Iterable[str]:
    for what, name in (("table", entry.name), *(("column", name) for name in entry.names)):
        if name in RESERVED:
            yield f"the {what} name {name!r} is a word of SQL and would have to be quoted; choose another"
        elif not _NAME.fullmatch(name):
            yield f"the {what} name {name!r} is not snake_case; write it like first_byte_at"
    for name in dict.fromkeys(entry.names):
        if entry.names.count(name) > 1:
            yield f"two columns are called {name!r}; rename one"
    if not entry.row.endswith(".") or ". " in entry.row:
        yield f"row={entry.row!r} is to be one sentence that ends with a full stop; the rest goes into note"


def _columns(entry: Table) -> Iterable[str]:
    types = Type.__args__  # type: ignore[attr-defined]
    for column in entry.columns:
        if column.type not in types:
            yield f"{column.name} has the type {column.type!r}; write one of {', '.join(types)}"
        if column.type in _TEXTS and not isinstance(column.mask, MaskClass | Header):
            yield f"{column.name} is text without a mask; add mask=MaskClass.OPEN for words of ours, else another"
        if column.type not in _TEXTS and (column.mask or column.values):
            yield f"{column.name} is no text; leave out its mask and values"
        if column.values and column.mask is not MaskClass.OPEN:
            yield f"{column.name} lists its values, so they are words of ours; write mask=MaskClass.OPEN"
        if len(set(column.allowed)) < len(column.allowed):
            yield f"{column.name} lists a value twice; leave one out"
        if column.type == "time" and not column.name.endswith("at") and column.name != "time":
            yield f"{column.name} is a time; end its name in _at"
        if column.type == "duration" and not column.name.endswith("_s"):
            yield f"{column.name} is a duration; end its name in _s"


def _maker(entry: Table) -> Iterable[str]:
    module, colon, function = entry.made_by.partition(":")
    if not colon or not module.startswith("analyzer."):
        yield f"made_by={entry.made_by!r} names no maker; write it like 'analyzer.sip.holds:holds'"
        return
    try:
        maker: object = importlib.import_module(module)
        for name in function.split("."):
            maker = getattr(maker, name)
    except (ImportError, AttributeError) as error:
        yield f"made_by={entry.made_by!r} is not there ({error}); name a function that is"


def _links(entry: Table, known: Mapping[str, Table]) -> Iterable[str]:
    for link in entry.belongs_to:
        column, key = (link, link) if isinstance(link, str) else link
        if key not in KEYS:
            yield f"belongs_to names {key!r}; write one of {', '.join(KEYS)}, or a pair of column and one of these"
        elif column not in entry.names:
            yield f"belongs_to names {column!r}, which is no column; write a pair (column, {key!r})"
    for name in entry.of if isinstance(entry, Measure) else ():
        if name not in known:
            yield f"of names {name!r}, which is no table; there are {', '.join(known)}"


def _shown(entry: Table) -> Iterable[str]:
    for name in entry.shown:
        if not {name} & {*entry.names} and not {*_MADE.get(name, (name,))} <= {*entry.names}:
            yield f"shown names {name!r}, which is no column; there are {', '.join(entry.names)}"


def _example(entry: Table) -> Iterable[str]:
    if isinstance(entry, Measure):
        if not re.fullmatch(r"[a-z_]+(,[a-z_]+)*", entry.example):
            yield f"example={entry.example!r} is to be columns for --by, with commas between: 'peer,status'"
        return
    import polars as pl

    if any(column.type not in Type.__args__ for column in entry.columns):  # type: ignore[attr-defined]
        return
    try:
        pl.DataFrame(schema=entry.polars()).filter(pl.sql_expr(entry.example))
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().split("\n")[0]
        yield f'example={entry.example!r} is no condition over its columns ({reason}); write one like "status >= 400"'
