#!/usr/bin/env python3
"""How often the rules of diagnosis are right: the table of docs/findings.md.

    python benchmarks/calibration.py [--seeds 3] [--calls 40] [--captures DIRECTORY] [--write]

Three questions, over captures of the simulator whose truth is known:

- healthy traffic: how many errors and warnings, of which rules;
- one fault at a time: how many of its calls (registrations, messages) are found by the rule that the fault is about,
  and how often this rule stands first;
- two faults in one capture: whether the one with more calls stands first.

``--captures`` adds the answered calls of captures of other people to the healthy ones. ``--write`` puts the table into
docs/findings.md. The same seeds give the same table.
"""

from __future__ import annotations

import argparse
import itertools
import json
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

import analyzer
from analyzer.diagnose import rules
from analyzer.simulator import make
from analyzer.simulator.scenarios import MIX

DOCS = Path(__file__).resolve().parents[1] / "docs" / "findings.md"
#: Seeds 1 to 3 were looked at while rules were written and their thresholds set; those from here on were not.
FIRST_SEED = 11
BEGIN, END = "<!-- calibration -->", "<!-- /calibration -->"

#: Scenarios of the simulator in which nothing is wrong, people saying no included.
HEALTHY = (
    *("answered", "answered_callee_ends", "interconnect", "breakout", "forked", "forwarded_no_reply", "forwarded_busy"),
    *("busy", "declined", "no_answer", "cancelled", "initial", "whole_life", "sms"),
)
#: The rule that each fault of the simulator is about.
FAULTS = {
    "forbidden": "forbidden",
    "as_error": "server_error",
    "as_overload": "overload",
    "unknown_user": "no_route_to_number",
    "no_resources": "resources_refused",
    "unallocated": "no_route_to_number",
    "silent": "next_hop_silent",
    "sync_failure": "aka_sync_failure",
    "silence": "challenge_unanswered",
    "roaming_not_allowed": "registration_forbidden",
    "fault_media": "media_refused",
    "fault_precondition": "precondition_refused",
    "fault_extension": "extension_refused",
    "fault_identity": "identity_refused",
    "fault_bad_request": "request_refused",
    "fault_hops": "too_many_hops",
    "fault_loop": "loop_or_merged",
    "fault_absent": "subscriber_absent",
    "fault_timeout_behind": "request_timeout",
    "fault_no_ack": "ack_missing",
    "fault_no_prack": "prack_missing",
    "fault_stall": "precondition_stall",
    "fault_bye_refused": "bye_failed",
    "fault_radio": "call_dropped",
    "fault_cleared": "cleared_by_network",
    "fault_session_timer": "session_timer_expired",
    "fault_dialog_gone": "dialog_unknown",
    "fault_password": "credentials_rejected",
    "fault_loop_of_challenges": "authentication_loop",
    "fault_core": "core_failure",
    "fault_interval": "interval_too_brief",
    "fault_sec_agree": "security_agreement_failed",
    "fault_third_party": "third_party_register_failed",
    "fault_sync_twice": "aka_sync_failure",
    "fault_reg_event": "reg_event_trouble",
    "fault_sms": "sms_failed",
}
#: Settings of the simulator, and which of the packets are kept: by their number, how many there are, and their bytes.
SCENARIOS: dict[str, dict[str, object]] = {
    "healthy": {},
    "healthy, several taps with clocks apart": {"points": ("access", "core"), "skew_s": 1.0},
    "healthy, mirrored twice": {"mirrored": True},
    "healthy, of 100 packets the capture missed one": {"capture_loss": 0.01},
    "healthy, one tap in the core": {"points": ("core",)},
    "healthy, over TCP": {"transport": "mixed"},
}
HALVES: dict[str, Callable[[int, int, bytes], bool]] = {
    "healthy, joined in the middle": lambda number, of, _packet: number > of // 2,
    "healthy, ends in the middle": lambda number, of, _packet: number < of // 2,
    "healthy, one direction of each link": lambda _number, _of, packet: _source(packet) < _target(packet),
}
PAIRS = (
    ("as_overload", "unknown_user"),
    ("silent", "forbidden"),
    ("fault_no_ack", "fault_media"),
    ("fault_radio", "as_error"),
    ("fault_core", "fault_password"),
)


def _source(packet: bytes) -> bytes:
    """Source address of an Ethernet frame with IPv4."""
    return packet[26:30]


def _target(packet: bytes) -> bytes:
    return packet[30:34]


def _halved(path: Path, keep: Callable[[int, int, bytes], bool]) -> None:
    """Leaves of a pcap file the packets that are to be kept."""
    data = path.read_bytes()
    records, at = [], 24
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        records.append(data[at : at + 16 + length])
        at += 16 + length
    kept = (one for number, one in enumerate(records) if keep(number, len(records), one[16:]))
    path.write_bytes(data[:24] + b"".join(kept))


def _read(directory: str, **settings: object) -> analyzer.Capture:
    make(directory, keep_messages=False, **settings)
    return analyzer.read(sorted(str(path) for path in Path(directory).glob("*.pcap*")))


def _errors(capture: analyzer.Capture) -> tuple[int, int, int, list[str]]:
    """Calls, errors and warnings of calls and cases, and their rules."""
    found = capture.table("findings")
    told = {}
    for severity in ("error", "warning"):
        rows = found.filter(severity=severity)
        told[severity] = rows["calls"].sum() or rows.height
        told[severity] = told[severity] if rows.height else 0
    names = [
        f"{row['rule']} {row['severity']} {max(row['calls'], 1)}"
        for row in found.filter(pl.col("severity") != "info").iter_rows(named=True)
    ]
    return capture.table("calls").height, told["error"], told["warning"], names


def healthy(seeds: int, calls: int) -> list[str]:
    lines = ["| healthy traffic | calls | calls with errors | calls with warnings | rules |", "|---|---|---|---|---|"]
    mix = {name: MIX[name] for name in HEALTHY}
    for name in (*SCENARIOS, *HALVES):
        total, errors, warnings, rules_told = 0, 0, 0, []
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            with tempfile.TemporaryDirectory() as directory:
                make(directory, keep_messages=False, calls=5 * calls, seed=seed, mix=mix, **SCENARIOS.get(name, {}))
                paths = sorted(Path(directory).glob("*.pcap*"))
                for path in paths if name in HALVES else []:
                    _halved(path, HALVES[name])
                n, e, w, told = _errors(analyzer.read([str(path) for path in paths]))
            total, errors, warnings = total + n, errors + e, warnings + w
            rules_told += told
        lines.append(f"| {name} | {total} | {errors} | {warnings} | {', '.join(sorted(set(rules_told)))} |")
        print(lines[-1], flush=True)
    return lines


def captured(directory: Path) -> list[str]:
    """The answered calls of captures of other people: which of them an error or a warning names."""
    total, told = 0, {"error": 0, "warning": 0}
    names: dict[str, int] = {}
    for path in sorted(directory.glob("*.pcap*")):
        try:
            capture = analyzer.read(str(path))
            calls = capture.table("calls").filter(outcome="answered")
        except analyzer.AnalyzerError:
            continue
        total += calls.height
        cases = capture.table("finding_cases").join(
            capture.table("findings").select("finding", "severity"), on="finding"
        )
        cases = cases.join(calls, on="call", how="semi").filter(pl.col("severity") != "info")
        for severity in told:
            told[severity] += cases.filter(severity=severity)["call"].n_unique()
        for row in cases.iter_rows(named=True):
            names[row["rule"]] = names.get(row["rule"], 0) + 1
    named = ", ".join(f"{rule} {count}" for rule, count in sorted(names.items()))
    return [f"| answered calls of captures of other people | {total} | {told['error']} | {told['warning']} | {named} |"]


def faults(seeds: int, calls: int) -> tuple[list[str], float, float]:
    lines = ["| fault | rule | cases | found | first |", "|---|---|---|---|---|"]
    by_code = {rule.code: rule for rule in rules.ALL}
    all_cases = all_found = runs = firsts = 0
    for fault, code in FAULTS.items():
        cases = found = first = 0
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            with tempfile.TemporaryDirectory() as directory:
                # Among healthy calls, as in life.
                mix = {"answered": 2.0, "breakout": 1.0, fault: 3.0}
                make(directory, keep_messages=False, calls=calls, seed=seed, mix=mix)
                truth = json.loads((Path(directory) / "truth.json").read_text())
                capture = analyzer.read(sorted(str(path) for path in Path(directory).glob("*.pcap*")))
                told = capture.table("finding_cases").filter(code=code).height
                leading = capture.table("findings")
            kinds = ("calls", "registrations", "short_messages")
            played = len({row["play"] for kind in kinds for row in truth[kind] if row.get("scenario") == fault})
            cases, found = cases + played, found + min(told, played)
            first += leading.height > 0 and leading["code"][0] == code
        all_cases, all_found, runs, firsts = all_cases + cases, all_found + found, runs + seeds, firsts + first
        share = f"{100 * found / cases:.1f} %" if cases else "none"
        lines.append(f"| {fault} | {by_code[code].id} {code} | {cases} | {share} | {first} of {seeds} |")
        print(lines[-1], flush=True)
    return lines, all_found / all_cases, firsts / runs


def pairs(calls: int) -> list[str]:
    lines = ["| two faults, the heavier first | first | second |", "|---|---|---|"]
    for heavy, light in itertools.chain(PAIRS, ((light, heavy) for heavy, light in PAIRS)):
        with tempfile.TemporaryDirectory() as directory:
            mix = {"answered": 2.0, heavy: 4.0, light: 1.0}
            found = _read(directory, calls=2 * calls, seed=FIRST_SEED, mix=mix).table("findings")
        rows = found.filter(pl.col("severity") == "error").unique("code", keep="first", maintain_order=True)
        codes = [f"{code} {max(calls, cases)}" for code, calls, cases in rows.select("code", "calls", "cases").rows()]
        lines.append(f"| {heavy} 4, {light} 1 | {codes[0] if codes else '-'} | {codes[1] if codes[1:] else '-'} |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--captures", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    lines = healthy(given.seeds, given.calls)
    if given.captures:
        lines += captured(given.captures)
        print(lines[-1], flush=True)
    table, recall, first = faults(given.seeds, given.calls)
    told = f"Recall {recall:.3f}; the right rule first in {first:.3f} of the captures."
    print(told, flush=True)
    text = "\n".join([*lines, "", *table, "", told, "", *pairs(given.calls)])
    if given.write:
        page = DOCS.read_text()
        before, after = page.index(BEGIN) + len(BEGIN), page.index(END)
        DOCS.write_text(f"{page[:before]}\n{text}\n{page[after:]}")


if __name__ == "__main__":
    main()
