"""Whole captures masked: nothing mask survives, and nothing else changes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import captures
import merged
import originals
import polars as pl
import pytest
from captures import KEY
from click.testing import CliRunner, Result
from places import SAMPLES
from report_data import everything_in

import analyzer
from analyzer import AnalyzerError, Capture, schema
from analyzer.api.filters import Filter
from analyzer.cli import group
from analyzer.diagnose import rules
from analyzer.schema import MaskClass

pytestmark = pytest.mark.slow

# With numbers, names, addresses, SDP, XML, credentials, cells, transfers, TCP and IPv6. They are asked together: some
# hundred commands over one capture cost as much as over another, and an original that survives is of one of them.
TELLING = ("volte_call.pcap", "registration.pcap", "outside_calls.pcap", "blind_transfer.pcap", "ipv6_fragments.pcap")
FILES = [str(SAMPLES / name) for name in TELLING]


def decoded(data: bytes) -> str:
    """One character a byte, so that places in two texts can be compared."""
    return data.decode("latin-1")


@cache
def both(of: str | Path) -> tuple[Capture, Capture]:
    """The captures of an origin merged, those of TELLING together, or a capture, as it is and masked."""
    if isinstance(of, Path):
        return captures.read(of), captures.masked(of)
    whole = analyzer.read(FILES) if of == "telling" else merged.capture(of)
    return whole, whole.mask(KEY)


@cache
def texts(of: str | Path) -> list[tuple[bytes, bytes]]:
    """Each message and what it is masked."""
    original, masked = both(of)
    keys = original.table("messages")["message"].to_list()
    pairs = zip(original.messages_of(keys), masked.messages_of(keys), strict=True)
    return [(one.text, other.text) for one, other in pairs]


everywhere = pytest.mark.parametrize("origin", merged.ORIGINS)


# ---- messages ------------------------------------------------------------------------------------------------------


@everywhere
def test_nothing_private_stays_where_it_was_in_a_message(origin: str) -> None:
    for one, other in texts(origin):
        assert len(one) == len(other)
        before, after = decoded(one), decoded(other)
        survived = [
            before[start:end] for start, end in originals.spans(before) if before[start:end] == after[start:end]
        ]
        assert survived == []


@everywhere
def test_a_masked_message_has_the_structure_of_the_original(origin: str) -> None:
    for one, other in texts(origin):
        before, after = analyzer.parse(one), analyzer.parse(other)
        assert [(h.canonical, h.offset, h.length) for h in before.headers] == [
            (h.canonical, h.offset, h.length) for h in after.headers
        ]
        assert (before.method, before.status, len(before.body)) == (after.method, after.status, len(after.body))
        assert [code for code, _ in before.deviations] == [code for code, _ in after.deviations]
        assert [h.value for h in before.header("Content-Length")] == [h.value for h in after.header("Content-Length")]


@everywhere
def test_tables_and_messages_name_the_same_pseudonyms(origin: str) -> None:
    """What is read out of the masked text is what the masked table says."""
    original, masked = both(origin)
    for message in masked.messages_of(original.table("messages")["message"].to_list()):
        parsed, row = message.parsed, message.row
        if not row["complete"]:
            continue
        for header, column in (("From", "from_uri"), ("To", "to_uri"), ("P-Asserted-Identity", "asserted_identity")):
            found = parsed.header(header)
            if found and found[0].values and found[0].values[0].get("uri"):
                assert row[column] == found[0].values[0]["uri"]["text"]
        if parsed.uri:
            assert row["request_uri"] == parsed.uri["text"]
        for header, column in (("Call-ID", "call_id"), ("User-Agent", "user_agent"), ("Reason", "reason_header")):
            found = parsed.header(header)
            if len(found) == 1 and row[column] is not None and "\ufffd" not in row[column]:
                assert row[column] == found[0].value
        tags = dict(parsed.header("From")[0].values[0].get("params", [])) if parsed.header("From") else {}
        assert row["from_tag"] == tags.get("tag") or row["from_tag"] is None


# ---- tables --------------------------------------------------------------------------------------------------------


SAME_LENGTH = {
    *(MaskClass.ADDRESS, MaskClass.URI, MaskClass.HOST, MaskClass.SUBSCRIBER, MaskClass.IDENTIFIER, MaskClass.USER)
}


@everywhere
def test_only_texts_change_in_a_table(origin: str) -> None:
    """Outcomes, delays, keys, frames and the number of rows are those of the original."""
    for name, table in schema.TABLES.items():
        before, after = (capture.table(name) for capture in both(origin))
        assert before.schema == after.schema
        for column in table.columns:
            if column.type not in ("text", "texts"):
                assert before[column.name].equals(after[column.name]), (name, column.name)
                continue
            assert before[column.name].null_count() == after[column.name].null_count()
            if column.mask in SAME_LENGTH:
                pairs = zip(before[column.name].drop_nulls(), after[column.name].drop_nulls(), strict=True)
                for one, other in pairs:
                    cells = zip(one, other, strict=True) if column.type == "texts" else [(one, other)]
                    for cell, shown in cells:
                        assert len(cell) == len(shown)
                        assert not [x for x in originals.addresses(cell) if shown[x.start() : x.end()] == x.group()]


@everywhere
def test_nobody_who_called_is_named(origin: str) -> None:
    calls = both(origin)[1].table("calls")
    shown = pl.concat([calls["caller"], calls["callee"]]).drop_nulls()
    assert survivors(origin, "\n".join(shown)) == set()


def test_every_text_column_says_what_it_is() -> None:
    """So that no new column goes out unmasked because nobody thought of it."""
    mask = captures.masked(SAMPLES / "busy.pcap")
    for table in schema.TABLES.values():
        for column in table.columns:
            if column.type in ("text", "texts"):
                assert column.mask, f"{table.name}.{column.name}: see schema.MaskClass"
                if column.mask is not MaskClass.NAMED_HEADER:
                    mask.source._mask.value(column.mask, "text")  # type: ignore[attr-defined]
            else:
                assert not column.mask


@pytest.mark.xdist_group(captures.TOGETHER)
def test_open_columns_hold_words_of_ours() -> None:
    """A column that is shown as it is must not hold anything from the wire."""
    texts = [rule.text("en") for rule in rules.ALL]
    of_rules = [words for text in texts for words in (text.title, text.remedy, "; ".join(text.causes))]
    for name, table in schema.TABLES.items():
        for column in table.columns:
            if column.mask is MaskClass.OPEN:
                words = captures.together().table(name)[column.name].drop_nulls().unique()
                plain = words.str.contains(r"^([A-Za-z0-9_.,;'()/§ -]|: |[a-z]\+[a-z]| \+[0-9])+$")
                assert (plain | words.is_in(of_rules)).all(), (name, column.name)


def test_one_number_is_one_pseudonym_in_every_table() -> None:
    tables = captures.masked(SAMPLES / "volte_call.pcap")
    call = tables.table("calls").row(0, named=True)
    uris = tables.table("messages")
    for column in ("from_uri", "asserted_identity", "preferred_identity"):
        numbers = uris[column].drop_nulls().str.extract(r"(\d{12})").unique().drop_nulls().to_list()
        assert set(numbers) <= {call["caller"], call["callee"]}, column
    assert tables.table("dialogs")["call_id"].is_in(call["call_ids"]).all()
    assert tables.table("transactions")["call_id"].is_in(call["call_ids"]).all()


def test_what_is_measured_is_that_of_the_original() -> None:
    before, after = captures.read(SAMPLES / "outcomes.pcap"), captures.masked(SAMPLES / "outcomes.pcap")
    for name in schema.MEASURES:
        numbers = [column.name for column in schema.MEASURES[name].columns if column.type in ("int", "duration")]
        one, other = (cap.measure(name).select(numbers) for cap in (before, after))
        assert one.sort(numbers).equals(other.sort(numbers)), name


# ---- the capture ---------------------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_pseudonyms_and_another_one_others() -> None:
    cap = captures.read(SAMPLES / "basic_call.pcap")
    callers = [cap.mask(key).table("calls")["caller"][0] for key in (KEY, KEY, KEY + "!", None, None)]
    assert callers[0] == callers[1]
    assert len(set(callers)) == 4


def test_a_key_that_can_be_tried_out_is_refused() -> None:
    with pytest.raises(AnalyzerError, match="at least 16 bytes"):
        captures.read(SAMPLES / "basic_call.pcap").mask("1234")


def test_a_filter_looks_at_the_original() -> None:
    cap = captures.read(SAMPLES / "volte_call.pcap").mask(KEY)
    assert cap.filter(Filter(number="+491707654321")).table("calls").height == 1
    assert cap.filter(Filter(number=cap.table("calls")["callee"][0])).table("calls").height == 0


@pytest.mark.parametrize("named", ["original", "pseudonym"])
def test_a_call_is_found_by_its_call_id(named: str) -> None:
    source = {"original": captures.read, "pseudonym": captures.masked}[named](SAMPLES / "busy.pcap")
    call_id = source.table("calls")["call_ids"][0][0]
    assert captures.masked(SAMPLES / "busy.pcap").call(call_id).row["no"] == 1


def test_a_masked_capture_of_a_reading_for_calls_alone_is_the_same() -> None:
    path = SAMPLES / "outcomes.pcap"
    lean = analyzer.read(path, tables=["calls"]).mask(KEY)
    assert lean.table("calls").equals(captures.masked(path).table("calls"))
    assert lean.table("messages").equals(captures.masked(path).table("messages"))


def test_what_is_damaged_is_still_said_to_be() -> None:
    assert captures.masked(SAMPLES / "format_cut.pcap").damaged
    assert "masked" in repr(captures.masked(SAMPLES / "format_cut.pcap"))


# ---- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("key") / "mask.key"
    path.write_text(f"{KEY}\n")
    return str(path)


def run(*words: str) -> Result:
    result = CliRunner().invoke(group, list(words), prog_name="sip-analyzer", catch_exceptions=False)
    assert result.exit_code in (0, 1), result.output
    return result


def survivors(of: str | Path, output: str) -> set[str]:
    """Originals in an output; one that is the pseudonym of another is no longer an original there."""
    found = {text for text in originals.telling([decoded(one) for one, _ in texts(of)]) if text in output}
    shown = originals.telling([decoded(other) for _, other in texts(of)])
    return found - shown


# Headers of every kind of value: identities, hosts, places, credentials, identifiers, products, and none of a standard.
HEADERS = (
    *("From", "To", "Contact", "Via", "Route", "Record-Route", "Call-ID", "P-Asserted-Identity", "P-Called-Party-ID"),
    *("P-Access-Network-Info", "P-Charging-Vector", "Authorization", "WWW-Authenticate", "User-Agent", "Refer-To"),
    *("Replaces", "Reason", "Warning", "Subject", "X-Custom"),
)
# `explain` reads no capture.
COMMANDS = [name.replace("-", "_") for name in group.list_commands(None) if name != "explain"]  # type: ignore[arg-type]
# Commands that want to know which call, message or figure, or where to write.
ONE_THING = ("audio", "call", "ladder", "message", "plot", "registration", "report")
#: Those that write packets (test_masked_packets.py) or a store (tests/store), those that go on until they are ended
#: (tests/serve, tests/assistants), and one that follows packets and has no mask.
ELSEWHERE = ("batch", "export", "live", "mcp", "serve")


def forms(name: str) -> list[tuple[str, ...]]:
    """Every way in which a command can print."""
    command = group.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    choices = [parameter.type for parameter in command.params if parameter.name == "form"]
    return [("--format", form) for choice in choices for form in choice.choices] or [()]  # type: ignore[attr-defined]


@pytest.mark.xdist_group("telling")
def test_no_original_survives_in_any_output_of_any_command(key_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # They are read and masked, and each table made, once.
    capture, masked = both("telling")
    monkeypatch.setattr("analyzer.api.read.read", lambda *_, **__: capture)
    monkeypatch.setattr(type(capture), "mask", lambda _, key, **__: {KEY.encode(): masked}[key])
    path = FILES[0]
    outputs = []
    for command in sorted({*COMMANDS} - {*ONE_THING, *ELSEWHERE}):
        ways = [form for form in forms(command) if "parquet" not in form]
        ways += [("--columns", "all")] if command in schema.TABLES else []
        if command == "headers":
            ways = [(*way, *(word for header in HEADERS for word in ("--name", header))) for way in ways]
        of = [path, path] if command == "compare" else [path]
        outputs += [run(command, *of, "--mask-key", key_file, *way).output for way in ways]
    calls = capture.table("calls")["no"].to_list()
    messages = capture.table("messages")
    shapes = [(command, form) for command in ("ladder", "call") for form in forms(command)]
    for which in [*map(str, calls), *messages["call_id"].drop_nulls().unique()]:
        for command, form in shapes:
            outputs.append(run(command, which, path, "--mask-key", key_file, *form).output)
    for number in range(1, capture.table("registrations").height + 1):
        outputs.append(run("registration", str(number), path, "--mask-key", key_file).output)
    for key in messages.group_by("file", maintain_order=True).head(12)["message"]:
        outputs.append(run("message", str(key), path, "--mask-key", key_file).output)
        outputs.append(run("message", str(key), path, "--mask-key", key_file, "--raw").output)
    assert survivors("telling", "\n".join(outputs)) == set()


@pytest.mark.xdist_group("telling")
def test_no_original_survives_in_a_report(key_file: str, tmp_path: Path) -> None:
    run("report", *FILES, "--mask-key", key_file, "-o", str(tmp_path / "report.html"), "--texts")
    assert survivors("telling", everything_in((tmp_path / "report.html").read_text())) == set()


def test_without_a_mask_originals_are_in_a_report(tmp_path: Path) -> None:
    path = SAMPLES / "volte_call.pcap"
    run("report", str(path), "-o", str(tmp_path / "report.html"))
    assert len(survivors(path, everything_in((tmp_path / "report.html").read_text()))) > 4


def test_without_a_mask_originals_are_shown() -> None:
    """Else the test above would prove nothing."""
    path = SAMPLES / "volte_call.pcap"
    assert len(survivors(path, run("messages", str(path), "--format", "csv").output)) > 4


def test_every_command_that_reads_a_capture_can_mask() -> None:
    for name in group.list_commands(None):  # type: ignore[arg-type]
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        options = {option for parameter in command.params for option in parameter.opts}
        if "captures" in {parameter.name for parameter in command.params}:
            assert {"--mask", "--mask-key"} <= options, name


def test_the_key_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch, key_file: str) -> None:
    path = str(SAMPLES / "busy.pcap")
    by_file = run("calls", path, "--mask-key", key_file, "--format", "jsonl").output
    monkeypatch.setenv("SIP_ANALYZER_MASK_KEY", KEY)
    assert run("calls", path, "--mask", "--format", "jsonl").output == by_file
    assert json.loads(run("calls", path, "--format", "jsonl").output)["caller"] == "alice@example.com"


def test_a_mask_without_a_key_is_another_one_each_time() -> None:
    path = str(SAMPLES / "busy.pcap")
    outputs = {run("calls", path, "--mask", "--format", "jsonl").output for _ in range(2)}
    assert len(outputs) == 2
