"""Entries of the catalogue: those there are hold together, and a wrong one is told what to write."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from analyzer import schema
from analyzer.schema import Column as C
from analyzer.schema import MaskClass, Measure, Table, catalogue
from analyzer.schema.table import Section

RIGHT = Table(
    "toys",
    "One toy of a call.",
    (
        C("call", "key", "Call."),
        C("started_at", "time", "Its start."),
        C("kind", "text", "Kind.", values=("car", ("doll", "of rags")), mask=MaskClass.OPEN),
    ),
    made_by="analyzer.sip.holds:holds",
    belongs_to=("call",),
    shown=("started_at", "kind"),
    example="kind = 'car'",
)
MEASURED = Measure(
    "toy_counts",
    "How many toys there are.",
    (C("toys", "int", "Toys."),),
    made_by="analyzer.measure.latency:latency",
    example="kind",
    of=("toys",),
)


def test_every_entry_holds_together() -> None:
    catalogue.check()


def test_a_right_entry_is_accepted() -> None:
    catalogue.check([RIGHT, MEASURED])


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (replace(RIGHT, name="user"), "the table name 'user' is a word of SQL and would have to be quoted"),
        (replace(RIGHT, columns=(*RIGHT.columns, C("end", "int", "End."))), "the column name 'end' is a word of SQL"),
        (replace(RIGHT, columns=(*RIGHT.columns, C("endOf", "int", "End."))), "is not snake_case; write it like"),
        (replace(RIGHT, columns=(*RIGHT.columns, C("call", "key", "Call."))), "two columns are called 'call'"),
        (replace(RIGHT, row="One toy. Or two."), "is to be one sentence that ends with a full stop"),
        (replace(RIGHT, columns=(*RIGHT.columns, C("n", "float", "N."))), "has the type 'float'; write one of key,"),  # type: ignore[arg-type]
        (
            replace(RIGHT, columns=(*RIGHT.columns, C("name", "text", "Name."))),
            "name is text without a mask; add mask=",
        ),
        (
            replace(RIGHT, columns=(*RIGHT.columns, C("n", "int", "N.", mask=MaskClass.OPEN))),
            "n is no text; leave out its mask and values",
        ),
        (
            replace(RIGHT, columns=(*RIGHT.columns, C("size", "text", "Size.", values=("xl",), mask=MaskClass.HOST))),
            "lists its values, so they are words of ours; write mask=MaskClass.OPEN",
        ),
        (
            replace(RIGHT, columns=(*RIGHT.columns, C("s", "text", "S.", values=("a", "a"), mask=MaskClass.OPEN))),
            "s lists a value twice",
        ),
        (
            replace(RIGHT, columns=(*RIGHT.columns, C("start", "time", "Start."))),
            "start is a time; end its name in _at",
        ),
        (replace(RIGHT, columns=(*RIGHT.columns, C("delay", "duration", "D."))), "delay is a duration; end its name"),
        (replace(RIGHT, made_by=""), "names no maker; write it like 'analyzer.sip.holds:holds'"),
        (
            replace(RIGHT, made_by="analyzer.sip.holds:toys"),
            "is not there (module 'analyzer.sip.holds' has no attribute",
        ),
        (replace(RIGHT, made_by="analyzer.toys:toys"), "is not there (No module named 'analyzer.toys')"),
        (replace(RIGHT, belongs_to=("owner",)), "belongs_to names 'owner'; write one of message, transaction"),
        (replace(RIGHT, belongs_to=("dialog",)), "belongs_to names 'dialog', which is no column"),
        (
            replace(RIGHT, shown=("colour",)),
            "shown names 'colour', which is no column; there are call, started_at, kind",
        ),
        (replace(RIGHT, shown=("src",)), "shown names 'src', which is no column"),
        (replace(RIGHT, example="kind ="), "example='kind =' is no condition over its columns"),
        (replace(RIGHT, example="colour = 'red'"), "is no condition over its columns"),
        (replace(MEASURED, example="by kind"), "is to be columns for --by, with commas between"),
        (replace(MEASURED, of=("dolls",)), "of names 'dolls', which is no table"),
    ],
)
def test_a_wrong_entry_is_told_what_to_write(entry: Table, says: str) -> None:
    with pytest.raises(catalogue.WrongEntry) as error:
        catalogue.check([RIGHT, entry] if isinstance(entry, Measure) else [entry])
    assert f"{entry.name}: " in str(error.value)
    assert says in str(error.value)


def test_two_tables_of_one_name() -> None:
    with pytest.raises(catalogue.WrongEntry, match="toys: two tables have this name; rename one"):
        catalogue.check([RIGHT, RIGHT])


def test_two_sections_of_one_place() -> None:
    shown = replace(RIGHT, section=Section(1, "Toys"))
    with pytest.raises(catalogue.WrongEntry, match="dolls: its section has the place of that of toys; give it another"):
        catalogue.check([shown, replace(shown, name="dolls")])


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(catalogue.WrongEntry) as error:
        catalogue.check([replace(RIGHT, row="toy", made_by="", example="")])
    assert len(str(error.value).splitlines()) == 3


def test_no_name_has_to_be_quoted_in_sql() -> None:
    """By the engine of ``--where`` and ``Capture.sql`` itself, apart from the list of reserved words."""
    quoted = []
    for table in [entry for family in catalogue.FAMILIES.values() for entry in family]:
        frame = pl.DataFrame(schema=table.polars())
        for name in table.names:
            try:
                frame.filter(pl.sql_expr(f"{name} is not null"))
                found = pl.SQLContext({table.name: frame}).execute(
                    f"select {name} from {table.name} where {name} is not null", eager=True
                )
            except pl.exceptions.PolarsError:
                quoted.append(f"{table.name}.{name}")
            else:
                assert found.columns == [name]
    assert quoted == []


def test_names_of_types_and_functions_are_no_reserved_words() -> None:
    """Every engine takes them as columns, and the contract has them."""
    assert not {"time", "call", "no", "method", "value", "position", "count", "result"} & catalogue.RESERVED


def test_a_constant_means_one_table() -> None:
    """``schema.HOLDS`` is found in several modules: one must not hide that of another."""
    modules = [vars(module) for module in (schema.sip, schema.setups, schema.ims, schema.services, schema.companion)]
    modules += [vars(module) for module in (schema.capture, schema.core)]
    tables = {id(value): name for names in modules for name, value in names.items() if isinstance(value, Table)}
    assert [name for key, name in tables.items() if id(getattr(schema, name)) != key] == []


def test_a_family_has_its_tables() -> None:
    (sip,) = (tables for heading, tables in catalogue.FAMILIES.items() if "messages of SIP" in heading)
    assert {"calls", "dialogs", "messages"} <= {table.name for table in sip}


def test_what_rows_belong_to() -> None:
    owners = {name: catalogue.TABLES[name].owners for name in ("holds", "bindings")}
    assert owners == {
        "holds": [("dialog", "dialogs", "dialog"), ("call", "calls", "call")],
        "bindings": [("binding", "registrations", "registration")],
    }


def test_every_key_of_an_owner_is_there() -> None:
    """What ``belongs_to`` may name is a column of the table that knows it."""
    from analyzer.schema import KEYS

    assert [key for key, (table, column) in KEYS.items() if column not in catalogue.TABLES[table].names] == []
