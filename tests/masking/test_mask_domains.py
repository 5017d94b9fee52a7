"""Operators masked: no output has the MCC and MNC of a domain or cell, one operator stays one, and the form is kept."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import captures
import polars as pl
import pytest
from captures import KEY
from click.testing import CliRunner
from places import SAMPLES
from report_data import everything_in

from analyzer import schema
from analyzer.api.capture import Capture
from analyzer.cli import group
from analyzer.masking.mask import Mask
from analyzer.masking.pseudonyms import Pseudonyms
from analyzer.schema import Header, MaskClass

_DOMAIN = re.compile(r"mnc(\d{2,3})\.mcc(\d{3})", re.IGNORECASE)
VOLTE = SAMPLES / "volte_call.pcap"
#: Samples with domains of operators: of subscribers, of nodes, of Diameter, of DNS.
WITH_DOMAINS = ("volte_call.pcap", "volte_failures.pcap", "ims_core.pcap", "sms.pcap")


def domains(text: str) -> set[str]:
    return {found.group().lower() for found in _DOMAIN.finditer(text)}


@cache
def masked(path: Path) -> Capture:
    return captures.read(path).mask(KEY, domains=True)


# ---- whole captures --------------------------------------------------------------------------------------------------


@cache
def telling(path: Path) -> list[str]:
    """The tables that name operators in domains."""
    return [name for name in schema.TABLES if domains(captures.read(path).table(name).write_json())]


def words(path: Path, capture: Capture) -> str:
    """Every text of these tables, and every message."""
    keys = capture.table("messages")["message"].to_list()
    messages = [message.text.decode("latin-1") for message in capture.messages_of(keys)]
    return "\n".join([*(capture.table(name).write_json() for name in telling(path)), *messages])


def check(path: Path) -> None:
    before, after = domains(words(path, captures.read(path))), domains(words(path, masked(path)))
    assert after.isdisjoint(before)
    assert len(after) == len(before)


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_DOMAINS)
def test_no_domain_of_an_operator_remains(name: str) -> None:
    assert telling(SAMPLES / name)
    check(SAMPLES / name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [path for path in captures.REAL_FILES if re.search(rb"(?i)mnc\d{2,3}\.mcc", path.read_bytes())],
    ids=captures.name_of,
)
def test_no_domain_remains_of_captures_of_other_people(path: Path) -> None:
    check(path)


@pytest.mark.slow
def test_no_command_shows_an_operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    capture, hidden = captures.read(VOLTE), masked(VOLTE)
    (original,), (pseudonym,) = domains(words(VOLTE, capture)), domains(words(VOLTE, hidden))
    monkeypatch.setattr("analyzer.api.read.read", lambda *_, **__: capture)
    monkeypatch.setattr(Capture, "mask", lambda _, _key, *, domains: {True: hidden}[domains])
    (key, *_) = capture.table("messages")["message"].to_list()
    tables = [(name, "--format", form) for name in schema.TABLES if name != "headers" for form in ("csv", "json")]
    asked = [*tables, *((name,) for name in schema.MEASURES), ("summary",), ("message", str(key))]
    asked += [("headers", "--name", "P-Access-Network-Info", "--name", "From")]
    asked += [("ladder", "1", "--format", form) for form in ("text", "svg", "html", "mermaid", "plantuml")]
    asked += [("call", "1"), ("report", "-o", str(tmp_path / "page.html"), "--texts")]
    output = ""
    for command, *options in asked:
        done = CliRunner().invoke(group, [command, *options, str(VOLTE), "--mask-domains"])
        assert done.exit_code == 0, (command, options, done.output)
        output += done.output
    output += everything_in((tmp_path / "page.html").read_text())
    assert domains(output) == {pseudonym}
    assert original not in output.lower()
    # MCC and MNC of the cell, before its area and identity.
    assert "26201" not in {found[:5] for found in re.findall(r"cell-id-3gpp=(\d{5})", output)}


@pytest.mark.slow
def test_tables_change_in_their_texts_alone() -> None:
    for name, table in schema.TABLES.items():
        before, after = captures.read(VOLTE).table(name), masked(VOLTE).table(name)
        others = [column.name for column in table.columns if column.type not in ("text", "texts")]
        assert before.select(others).equals(after.select(others)), name


@pytest.mark.slow
def test_without_the_switch_the_operator_is_shown() -> None:
    before, after = (domains(words(VOLTE, capture)) for capture in (captures.read(VOLTE), captures.masked(VOLTE)))
    assert before == after == {"mnc001.mcc262"}
    networks = captures.masked(VOLTE).table("access_networks").select("mcc", "mnc").unique().rows()
    assert networks == [("262", "01")]


def test_cells_and_domains_of_one_network_have_one_pseudonym() -> None:
    """The cell is of network 262 01, the domain of its subscriber of mnc001.mcc262 (TS 23.003 §13.2)."""
    hidden = masked(VOLTE)
    ((mcc, mnc, home),) = hidden.table("access_networks").select("mcc", "mnc", "home_network").unique().rows()
    assert home == f"ims.mnc{mnc.zfill(3)}.mcc{mcc}.3gppnetwork.org"
    assert hidden.table("cdrs")["calling_plmn"].drop_nulls().unique().to_list() == [mcc + mnc]
    values = hidden.headers_of("P-Access-Network-Info")["value"]
    assert values.str.contains(f"utran-cell-id-3gpp={mcc}{mnc}").all()
    assert hidden.table("access_networks")["roaming"].null_count() == hidden.table("access_networks").height


# ---- values ----------------------------------------------------------------------------------------------------------

MASK = Mask(KEY, domains=True)
CODES = Pseudonyms(KEY.encode())


def expected(mnc: str, mcc: str) -> str:
    return f"mnc{CODES.network_code(mnc)}.mcc{CODES.network_code(mcc)}"


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (MaskClass.HOST, "ims.{}.3gppnetwork.org", "ims.{}.3gppnetwork.org"),
        (MaskClass.URI, "sip:pcscf1.ims.{}.3gppnetwork.org:5060;lr", "sip:pcscf1.ims.{}.3gppnetwork.org:5060;lr"),
        (MaskClass.SENTENCE, "asked epc.{}.3gppnetwork.org", "asked epc.{}.3gppnetwork.org"),
        (MaskClass.FREE_TEXT, "Box (node.{}.3gppnetwork.org)", "Box (node.{}.3gppnetwork.org)"),
        (Header.VISITED_NETWORK, '"ims.{}.3gppnetwork.org"', '"ims.{}.3gppnetwork.org"'),
        (Header.CHARGING_VECTOR, "orig-ioi=ims.{}.3gppnetwork.org", "orig-ioi=ims.{}.3gppnetwork.org"),
    ],
)
def test_every_kind_of_value_keeps_its_form(kind: MaskClass | Header, before: str, after: str) -> None:
    assert MASK.value(kind, before.format("mnc001.mcc262")) == after.format(expected("001", "262"))
    assert MASK.value(kind, before.format("MNC001.MCC262")).lower() == after.format(expected("001", "262")).lower()


def test_a_message_is_as_long_as_before() -> None:
    text = b'OPTIONS sip:ims.mnc001.mcc262.3gppnetwork.org SIP/2.0\r\nWarning: 399 s.mnc01.mcc262.org "x"\r\n\r\n'
    masked_text = MASK.message(text)
    assert len(masked_text) == len(text)
    assert expected("001", "262").encode() in masked_text
    assert expected("01", "262").encode() in masked_text
    assert b"mcc262" not in masked_text


def test_networks_that_differ_have_pseudonyms_that_differ() -> None:
    codes = [f"{code:03}" for code in range(1000)]
    others = [CODES.network_code(code) for code in codes]
    assert sorted(others) == codes
    assert all(one != other for one, other in zip(codes, others, strict=True))


def test_a_code_of_two_digits_is_that_of_three_with_a_zero() -> None:
    for code in range(100):
        assert "0" + CODES.network_code(f"{code:02}") == CODES.network_code(f"{code:03}")


@pytest.mark.parametrize(
    ("cell", "codes"),
    [
        ("2620100010000001", ("262", "01")),  # E-UTRAN, an MNC of two digits (TS 24.229 §7.2A.4)
        ("31041000010000001", ("310", "410")),  # of three
        ("262010001000000001", None),  # no cell of any access
    ],
)
def test_the_network_of_a_cell_is_masked_as_that_of_a_domain(cell: str, codes: tuple[str, str] | None) -> None:
    other = MASK.value(MaskClass.CELL, cell)
    assert len(other) == len(cell)
    assert other[:5] != cell[:5]
    if codes:
        assert other.startswith("".join(map(CODES.network_code, codes)))
        assert MASK.value(MaskClass.NETWORK, "".join(codes)) == "".join(map(CODES.network_code, codes))


def test_the_option_masks_by_itself() -> None:
    done = CliRunner().invoke(group, ["calls", str(VOLTE), "--mask-domains", "--format", "csv"])
    original = captures.read(VOLTE).table("calls")
    assert done.exit_code == 0
    assert pl.concat([original["caller"], original["callee"]]).drop_nulls()[0] not in done.output
