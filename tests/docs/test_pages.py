"""The pages hold against the program: each command, option, attribute and link in them exists, and is accepted."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import analyzer
import analyzer.api.read
import analyzer.store.lock
from analyzer.cli import group

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("sample_pcaps/*/*.md"))
)
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
TEST = re.compile(r"`([a-z_/]+\.py)::(test_\w+)`")
#: Pages for users of the command, and the options in their text that belong to other programs.
MANUAL = [page for page in PAGES if page.parent == ROOT / "docs" or page == ROOT / "README.md"]
OTHERS = {"--beside", "--help", "--no-keep-messages", "--portmap"}
FILTERS = {
    "--call": "call", "--call-id": "call_id", "--point": "point",
    "--from": "from_", "--to": "to", "--number": "number", "--ip": "ip", "--method": "method",
    "--status": "status", "--outcome": "outcome", "--since": "since", "--until": "until", "--where": "where",
}  # fmt: skip
#: The history of changes keeps its words; the reference of tables is written in the schema.
OF_ANOTHER_HAND = ("CHANGELOG.md", "tables.md")
CONTEXT = click.Context(group, info_name="sip-analyzer")
COMMANDS = {name: group.get_command(CONTEXT, name) for name in group.list_commands(CONTEXT)}


def each(pages: list[Path]) -> pytest.MarkDecorator:
    """A test for each page, named by its path."""
    return pytest.mark.parametrize("page", pages, ids=[page.relative_to(ROOT).as_posix() for page in pages])


class Reading(Exception):
    """The command took its arguments and begins to read."""


def prose(page: Path) -> str:
    """The page without code blocks."""
    return re.sub(r"^(?: {4}|\t).*$", "", FENCE.sub("", page.read_text(encoding="utf-8")), flags=re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """The arguments of each ``sip-analyzer`` line in a code block, up to a pipe."""
    text = page.read_text(encoding="utf-8")
    blocks = [found["text"] for found in FENCE.finditer(text)] + re.findall(
        r"^ {4}(sip-analyzer .*)$", text, re.MULTILINE
    )
    lines = re.findall(r"^(?:\$ )?sip-analyzer (.*)$", "\n".join(blocks), re.MULTILINE)
    return [words(line) for line in lines if line.split()[0] != "COMMAND"]


def words(line: str) -> list[str]:
    """The words of a shell command, up to a comment or a pipe."""
    # A comment begins at a word; CAPTURE#CALL is one word.
    lexer = shlex.shlex(re.sub(r"(?:^|\s)#.*", "", line), posix=True, punctuation_chars="|;>")
    lexer.commenters = ""
    lexer.whitespace_split = True
    found = list(lexer)
    ends = [found.index(word) for word in ("|", ";", ">") if word in found]
    return ["1" if word == "KEY" else word for word in found[: min(ends, default=None)]]


@each([page for page in PAGES if commands(page)])
def test_every_command_line_is_accepted(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options, formats, columns and filters are checked before a capture is opened; there the test ends the command."""

    def read(*_: object, **__: object) -> None:
        raise Reading

    monkeypatch.setattr(analyzer.api.read, "read", read)
    monkeypatch.setattr(analyzer.store.lock, "locked", read)
    monkeypatch.chdir(tmp_path)
    for name, text in (("mask.key", ""), ("nodes.toml", ""), ("limits.toml", 'thresholds = ["asr < 0.6"]')):
        (tmp_path / name).write_text(text)
    for arguments in commands(page):
        if arguments[0] in ("mcp", "live"):  # they would wait for an assistant, and for packets
            (tmp_path / "captures").mkdir(exist_ok=True)
            command = COMMANDS[arguments[0]]
            assert command is not None
            command.make_context(arguments[0], arguments[1:])
            continue
        result = CliRunner().invoke(group, arguments, prog_name="sip-analyzer")
        if arguments[0] == "explain":  # reads no capture
            assert result.exit_code == 0, result.output
            continue
        assert isinstance(result.exception, Reading), f"sip-analyzer {shlex.join(arguments)}: {result.output}"


@each(MANUAL)
def test_every_command_and_option_in_running_text_exists(page: Path) -> None:
    every = [option for command in COMMANDS.values() if command for option in command.params]
    options = {name for option in every for name in (*option.opts, *option.secondary_opts)}
    for code in INLINE.findall(prose(page)):
        first, *rest = code.split() or [""]
        if first == "sip-analyzer" and rest and rest[0] != "COMMAND" and not rest[0].startswith("-"):
            command = COMMANDS.get(rest[0])
            assert command is not None, code
            own = {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {"--help"}
            assert {word for word in rest if word.startswith("--")} <= own, code
        elif re.fullmatch(r"--[a-z-]+", first) and first not in OTHERS:
            assert first in options, code
            value = " ".join(rest).partition(" --")[0].strip('"')
            if value and (field := FILTERS.get(first)):
                analyzer.Filter(**{field: value})  # raises FilterError if it refuses the value


@each(PAGES)
def test_every_name_in_python_exists(page: Path) -> None:
    """``analyzer.NAME`` is public; ``cap.NAME`` and ``call.NAME`` are attributes."""
    kinds = {"cap": analyzer.Capture, "call": analyzer.Call}
    blocks = [
        found["text"] for found in FENCE.finditer(page.read_text(encoding="utf-8")) if found["language"] == "python"
    ]
    inline = re.findall(
        r"\b(cap|call)\.([a-z_]+)\b(?!\.(?:py|csv|html|svg|mmd|puml))", " ".join(INLINE.findall(prose(page)))
    )
    used = {
        (name, attribute) for name, attribute in inline if attribute not in ("svg", "html", "mmd", "puml", "pcapng")
    }
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used.add((node.value.id, node.attr))
    for name, attribute in used:
        if name == "analyzer":
            assert attribute in analyzer.__all__, f"analyzer.{attribute}"
        elif name in kinds:
            assert hasattr(kinds[name], attribute), f"{name}.{attribute}"


@each([page for page in PAGES if LINK.search(prose(page))])
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        assert (page.parent / target).exists(), target


@each([page for page in PAGES if TEST.search(page.read_text(encoding="utf-8"))])
def test_every_test_that_is_named_exists(page: Path) -> None:
    for path, function in TEST.findall(page.read_text(encoding="utf-8")):
        assert function in functions_of(path), path


@cache
def functions_of(path: str) -> set[str]:
    """The functions of a module of the tests."""
    source = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in source.body if isinstance(node, ast.FunctionDef)}


@each([page for page in PAGES if page.name not in OF_ANOTHER_HAND])
def test_no_sentence_begins_with_a_relative_clause(page: Path) -> None:
    """Not "What is lost ...", which is a question or stiff, but "Lost packets ..." (CONTRIBUTING.md)."""
    for paragraph in re.split(r"\n\s*\n|\n(?=[-#|*])", prose(page)):
        text = " ".join(paragraph.split())
        for sentence in re.split(r"(?<=[.;:?!])\s+|\s*\|\s*", text):
            assert sentence.endswith("?") or not re.match(r"(?:- )?(?:\*\*)?(?:What|Who|Whoever) ", sentence), sentence
