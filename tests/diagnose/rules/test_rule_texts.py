"""What rules say: in two languages that name the same things, short enough to be read, with commands that exist."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex

import pytest
from captures import SAMPLES
from click.testing import CliRunner

from analyzer import schema
from analyzer.cli import group
from analyzer.diagnose import rules
from analyzer.diagnose.rule import EXAMPLES, Rule, names_in
from analyzer.language import LANGUAGES

EACH = pytest.mark.parametrize("rule", rules.ALL, ids=lambda rule: rule.id)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@EACH
def test_no_text_lacks_its_twin(rule: Rule) -> None:
    assert tuple(rule.texts) == LANGUAGES
    english, chinese = rule.texts["en"], rule.texts["zh"]
    assert len(english.causes) == len(chinese.causes)
    assert set(names_in(english.observed)) == set(names_in(chinese.observed))
    assert english.confirm == chinese.confirm
    for words in (chinese.title, chinese.explanation, *chinese.causes, chinese.remedy, chinese.observed):
        assert _CHINESE.search(words) or not re.search(r"[A-Za-z]{4,}", re.sub(r"\{\w+\}", "", words)), words
        assert not re.search(r"[\u4e00-\u9fff}]:|:[\u4e00-\u9fff{]", words), "Chinese has a full-width colon"
    for words in (english.title, english.explanation, *english.causes, english.remedy, english.observed):
        assert words
        assert not _CHINESE.search(words)


@EACH
def test_an_explanation_has_at_most_three_lines(rule: Rule) -> None:
    """Three lines of a hundred columns and some, with a dozen for each word of the case at hand."""
    text = rule.texts["en"]
    observed = re.sub(r"\{\w+\}", "x" * 12, text.observed)
    assert len(f"{observed} {text.explanation}") <= 330


@EACH
def test_a_command_that_confirms_exists(rule: Rule) -> None:
    commands = re.findall(r"sip-analyzer ([a-z-]+)", rule.texts["en"].confirm)
    others = {"call", "ladder", "headers", "summary", "message"}
    known = {name.replace("_", "-") for name in (*schema.TABLES, *schema.MEASURES)} | others
    assert set(commands) <= known
    assert commands or rule.texts["en"].confirm.startswith("Wireshark: ")


COMMANDS = sorted(
    {part for rule in rules.ALL for part in rule.texts["en"].confirm.split("; ") if "sip-analyzer" in part}
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_confirms_runs(command: str) -> None:
    case = {"no": 1, "node": "192.0.2.20:5060", "ip": "192.0.2.20", "status": 404, "code": "sip_nul"}
    _, *words = shlex.split(command.format_map(case).replace("CAPTURE", str(SAMPLES / "basic_call.pcap")))
    ran = CliRunner().invoke(group, words)
    assert ran.exit_code == 0, ran.output


@EACH
def test_what_a_rule_explains_is_a_rule(rule: Rule) -> None:
    assert set(rule.explains) <= {other.code for other in rules.ALL} - {rule.code}


def test_numbers_and_names_of_rules_are_their_own() -> None:
    assert len({rule.id for rule in rules.ALL}) == len({rule.code for rule in rules.ALL}) == len(rules.ALL)


def test_a_rule_is_defined_once() -> None:
    """Two objects of one id would hide each other."""
    modules = (
        importlib.import_module(f"{rules.__name__}.{found.name}") for found in pkgutil.iter_modules(rules.__path__)
    )
    defined = {id(rule): rule.id for module in modules for rule in vars(module).values() if isinstance(rule, Rule)}
    assert sorted(defined.values()) == sorted(rule.id for rule in rules.ALL)


def test_a_name_that_every_text_may_use_is_filled_in() -> None:
    """Of those in `confirm`, which is filled in without a look at the case, too."""
    for rule in rules.ALL:
        own = set(names_in(rule.texts["en"].observed)) | {"code", "status"}
        assert set(names_in(rule.texts["en"].confirm)) <= {*EXAMPLES, *own}, rule.id
