"""Library, command and documentation share one word for each table of the catalogue."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner
from places import ROOT, SAMPLES

import analyzer
from analyzer import schema
from analyzer.cli import group
from analyzer.cli.main import BY_HAND

CONTEXT = click.Context(group)
TABLES = {**schema.TABLES, **schema.MEASURES}


def typed(name: str) -> str:
    return name.replace("_", "-")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_every_table_is_a_command_and_no_other() -> None:
    assert sorted(group.list_commands(CONTEXT)) == sorted({*map(typed, TABLES), *BY_HAND})


def test_a_command_says_what_its_entry_says() -> None:
    wrong = []
    for name, table in TABLES.items():
        told = squeezed(CliRunner().invoke(group, [typed(name), "-h"], prog_name="sip-analyzer").output)
        parts = (table.row, squeezed(table.note), f"Example: sip-analyzer {typed(name)} trace.pcap", table.example)
        # Click breaks lines at hyphens and between words.
        wrong += [(name, part) for part in parts if part.replace(" ", "") not in told.replace(" ", "")]
    assert wrong == []


def test_a_command_that_is_no_table_has_its_line_and_an_example() -> None:
    for name, line in BY_HAND.items():
        told = squeezed(CliRunner().invoke(group, [name, "--help"], prog_name="sip-analyzer").output)
        assert line in told
        assert f"Example: sip-analyzer {name}" in told


def test_help_lists_the_tables_of_each_family_in_a_group() -> None:
    told = CliRunner().invoke(group, ["--help"], prog_name="sip-analyzer").output
    sections = re.split(r"\n\n(?=\S)", told)
    groups = [re.findall(r"^  ([a-z-]+)  ", section, re.MULTILINE) for section in sections]
    first = groups[next(number for number, section in enumerate(sections) if section.startswith("Start here"))]
    for tables in schema.catalogue.FAMILIES.values():
        wanted = {typed(table.name) for table in tables if not table.asked} - {*first}
        (names,) = [names for names in groups if wanted & {*names}]
        assert wanted <= {*names}


def test_every_table_is_an_attribute_or_method_of_a_capture() -> None:
    assert [name for name in {**TABLES, **schema.ASKED} if not hasattr(analyzer.Capture, name)] == []


@pytest.mark.parametrize("name", schema.MEASURES)
def test_the_example_of_a_measured_table_groups_by_its_columns(name: str) -> None:
    by = schema.MEASURES[name].example
    found = getattr(analyzer.read(SAMPLES / "busy.pcap"), name)(by=by)
    assert {*by.split(","), *schema.MEASURES[name].names} <= {*found.columns}


@pytest.mark.parametrize("page", ["docs/tables.md", "README.md"])
def test_every_table_is_documented(page: str) -> None:
    told = (ROOT / page).read_text(encoding="utf-8")
    form = "\n## {}\n" if page.startswith("docs") else "`{}`"
    assert [name for name in {**TABLES, **schema.ASKED} if form.format(name) not in told] == []
