"""The help of each command and the words around KPIs have twins in Chinese: none lacks one, none is left over."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from analyzer.cli import command, group
from analyzer.cli.main import BY_HAND, _groups
from analyzer.explain.entries import data
from analyzer.kpi.catalogue import KPIS
from analyzer.schema.catalogue import FAMILIES

CONTEXT = click.Context(group, info_name="sip-analyzer")


def helps() -> Iterator[str]:
    """The texts of all options."""
    for name in group.list_commands(CONTEXT):
        found = group.get_command(CONTEXT, name)
        assert found is not None
        for parameter in found.params:
            if isinstance(parameter, click.Option) and parameter.help:
                yield re.sub(
                    r"^Condition over the columns of .*$",
                    "Condition over the columns of {table}: {example}.",
                    parameter.help,
                    flags=re.DOTALL,
                )
    yield from (parameter.help for parameter in group.params if isinstance(parameter, click.Option) and parameter.help)


def test_each_option_has_its_twin_and_none_is_left_over() -> None:
    known = {*data("help_zh")["options"]} - {"Show this message and exit.", "Show the version and exit."}
    told = {*helps()} - {"Show the version and exit."}
    assert (sorted(told - known), sorted(known - told)) == ([], [])


def test_each_command_has_its_sentence() -> None:
    assert sorted(BY_HAND) == sorted(data("help_zh")["commands"])
    assert [name for name in group.list_commands(CONTEXT) if not command.in_chinese(name)] == []


def test_each_heading_has_its_twin() -> None:
    headings = {*_groups(), "Options", "Filters", "Masking", "Reading"}
    assert headings - {*FAMILIES} <= {*data("help_zh")["headings"]}


def test_each_reason_why_a_value_of_a_kpi_does_not_count_has_its_twin() -> None:
    reasons = {reason.why for kpi in KPIS.values() for reason in kpi.excluded}
    reasons |= {kpi.missing for kpi in KPIS.values() if kpi.kind == "duration"}
    assert reasons == {*data("help_zh")["kpi_reasons"]}


@pytest.mark.parametrize("words", [["--help"], ["calls", "--help"], ["call", "--help"]])
def test_help_is_in_the_language_of_the_locale(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    english = CliRunner().invoke(group, words).stdout
    assert english.isascii() or "…" in english
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    chinese = CliRunner().invoke(group, words).stdout
    assert re.search("[\u4e00-\u9fff]", chinese)


def test_examples_stay_as_they_are_typed() -> None:
    """What is typed is the same in each language: options, columns, values."""
    for english, chinese in data("help_zh")["options"].items():
        words = {word.rstrip(":;.,") for word in re.findall(r"(?<![\w-])--[a-z-]+|`[a-z_]+`|-o FILE", english)}
        assert [word for word in words if word not in chinese] == [], english
