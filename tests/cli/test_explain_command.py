"""``sip-analyzer explain``."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from analyzer.cli import group
from analyzer.language import chosen


def explain(*words: str, **environment: str) -> Result:
    locale = {"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""} | environment
    return CliRunner().invoke(group, ["explain", *words], prog_name="sip-analyzer", env=locale)


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["580"], "580 Precondition Failure: SIP status (RFC 3312 §8)"),
        (["P-Charging-Vector"], "P-Charging-Vector: SIP header field (RFC 7315 §5.6)"),
        (["ring_s"], "ring_s: column of calls"),
        (["Mw"], "Mw between CSCFs: reference point (TS 23.228 §4.4, TS 24.229)"),
        (["Timer B"], "Timer B: timer (RFC 3261 §17.1.1.2)"),
        (["Q.850 16"], "Q.850 16 normal call clearing: cause in Reason (ITU-T Q.850)"),
        (["16"], "Q.850 16 normal call clearing: cause in Reason (ITU-T Q.850)"),
        (["no_answer"], "no_answer: outcome"),
        (["losses"], "losses: table"),
        (["sip_via_changed"], "sip_via_changed: code of `problems`"),
        (["PRACK"], "PRACK: SIP method (RFC 3262)"),
        (["a=curr"], "a=curr: line of SDP (RFC 3312 §4)"),
    ],
)
def test_a_word_with_its_kind_and_standard(words: list[str], first: str) -> None:
    told = explain(*words)
    assert told.exit_code == 0
    assert told.stdout.splitlines()[0] == first


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("p-charging-vector", "P-Charging-Vector"),
        ("timer_b", "Timer B"),
        ("busy here", "486 Busy Here"),
        ("m", "Contact (m)"),
        ("q850 17", "Q.850 17 user busy"),
        ("cause 17", "Q.850 17 user busy"),
        ("sip 486", "486 Busy Here"),
        ("MR′", "Mr' AS and MRFC"),
        ("calls.status", "status"),
    ],
)
def test_a_word_is_found_however_it_is_typed(typed: str, meant: str) -> None:
    """Case, what joins words, the phrase, the compact form (RFC 3261 §7.3.3), and what kind it is before it."""
    told = explain(typed)
    assert told.exit_code == 0
    assert told.stdout.startswith(f"{meant}:")


def test_words_of_one_argument_need_no_quotes() -> None:
    assert explain("Timer", "B").stdout == explain("Timer B").stdout


def test_a_word_that_is_several_things_lists_them() -> None:
    """380 is a status (RFC 3261 §21.3.5) and a warning code (RFC 5630)."""
    told = explain("380").stdout
    assert "380 Alternative Service: SIP status" in told
    assert "380 SIPS Not Allowed: SIP warning code (RFC 5630)" in told
    assert explain("warning 380").stdout.startswith("380 SIPS Not Allowed: SIP warning code (RFC 5630)")
    assert "status" not in explain("warning 380").stdout


@pytest.mark.parametrize(
    ("typed", "near"),
    [("pdd_", "pdd_s"), ("P-Charging-Vectr", "P-Charging-Vector"), ("499", "4xx"), ("Timmer B", "Timer B")],
)
def test_close_words_for_one_that_is_unknown(typed: str, near: str) -> None:
    """Of a status that nobody registered its class: it is treated as x00 (RFC 3261 §8.1.3.2)."""
    told = explain(typed)
    assert (told.exit_code, told.stdout) == (2, "")
    assert f"sip-analyzer: no explanation of {typed!r}. Did you mean {near}" in told.stderr


def test_nothing_close() -> None:
    told = explain("\x1b[2Jqqqqzzzz")
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr == "sip-analyzer: no explanation of '\\x1b[2Jqqqqzzzz'.\n"


def test_a_word_without_end_is_answered_in_a_line() -> None:
    told = explain("P-" * 100_000)
    assert (told.exit_code, told.stdout) == (2, "")
    assert len(told.stderr) < 400


def test_in_chinese() -> None:
    told = explain("486", "--lang", "zh").stdout
    assert told.splitlines()[0] == "486 Busy Here 用户忙：SIP 状态码（RFC 3261 §21.4.24）"
    assert "被叫" in told
    assert explain("486", LANG="zh_CN.UTF-8").stdout == told
    assert explain("486", "--lang", "en", LANG="zh_CN.UTF-8").stdout == explain("486").stdout
    unknown = explain("P-Charging-Vectr", "--lang", "zh")
    assert unknown.exit_code == 2
    assert "P-Charging-Vector" in unknown.stderr
    assert "Did you mean" not in unknown.stderr


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "zh_TW@modifier"}, "zh"),
        # POSIX.1-2017, base definitions §8.2: LC_ALL, then LC_MESSAGES, then LANG; one that is empty does not count.
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8", "LC_MESSAGES": "de_DE"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zha_CN"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_language_of_the_locale(environment: dict[str, str], language: str) -> None:
    assert chosen(None, environment) == language


def test_no_line_is_wider_than_asked_for() -> None:
    from analyzer.show.text import width

    for language in ("en", "zh"):
        lines = explain("status", "--lang", language, "-w", "60").stdout.splitlines()
        assert max(width(line) for line in lines) <= 62  # a mark that ends something may hang over
