"""What the core says of itself: its tables, the vocabulary of header bits, the protocols that it reads."""

from __future__ import annotations

import pytest

from analyzer import schema
from analyzer.reading.native import core
from analyzer.schema.table import Table

TYPES = {"key": "int", "int": "int", "text": "text", "time": "time", "bool": "bool"}


@pytest.mark.parametrize(
    "table",
    [
        *(schema.DESCRIPTIONS, schema.IMS_HEADERS, schema.PARTS, schema.EVIDENCE, schema.VIA_TAILS, schema.FAILURES),
        *schema.CORE_MEDIA,
    ],
)
def test_the_schema_of_a_table_of_the_core_is_what_the_core_makes(table: Table) -> None:
    made = dict(core().tables())
    assert sorted(made[table.name]) == sorted((column.name, TYPES[column.type]) for column in table.columns)


def test_the_schema_of_messages_has_every_column_that_the_core_makes() -> None:
    told = {
        column.name: TYPES[column.type] for table in (schema.MESSAGES, schema.CORE_ONLY) for column in table.columns
    }
    assert dict(dict(core().tables())["messages"]).items() <= told.items()


def test_the_bits_of_headers_are_in_the_order_of_the_vocabulary() -> None:
    assert tuple(core().header_vocabulary()) == schema.HEADERS


def test_each_protocol_is_named_once_and_a_tunnel_says_what_announces_it() -> None:
    told = {name: recognised for name, _, recognised in core().protocols()}
    assert len(told) == len(core().protocols())
    assert told["vxlan"] == "UDP to port 4789, UDP to port 8472, UDP to port 4790"
    assert told["mpls"] == "ethertype 0x8847, ethertype 0x8848, IP protocol 137, UDP to port 6635"
    assert told["udp"] is None
