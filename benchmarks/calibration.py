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
import struct
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

import analyzer
from analyzer.diagnose import rules
from analyzer.simulator import make, talks
from analyzer.simulator.scenarios import CALLS, MIX, SCENARIOS
from analyzer.simulator.script import Scenario

DOCS = Path(__file__).resolve().parents[1] / "docs" / "findings.md"
#: Seeds 1 to 3 were looked at while rules were written and their thresholds set; those from here on were not.
FIRST_SEED = 11
BEGIN, END = "<!-- calibration -->", "<!-- /calibration -->"

#: Scenarios of the simulator in which nothing is wrong, people saying no included.
HEALTHY = (
    *("answered", "answered_callee_ends", "interconnect", "breakout", "forked", "forwarded_no_reply", "forwarded_busy"),
    *("busy", "declined", "no_answer", "cancelled", "initial", "whole_life", "sms"),
)
_CALLS = {scenario.name for scenario in CALLS}
#: The faults that one script plays.
FAULTS = {scenario.name: scenario for scenario in SCENARIOS.values() if scenario.rule}
#: Calls whose media look odd and are right, beside those of every day.
MEDIA: dict[str, object] = {
    "media": True,
    "calls": 80,
    "mix": {scenario.name: 2.0 for scenario in talks.HEALTHY} | {name: 1.0 for name in HEALTHY if name in _CALLS},
}
#: Settings of the simulator, and which of the packets are kept: by their number, how many there are, and their bytes.
HEALTHY_SETTINGS: dict[str, dict[str, object]] = {
    "healthy": {},
    "healthy, several taps with clocks apart": {"points": ("access", "core"), "skew_s": 1.0},
    "healthy, mirrored twice": {"mirrored": True},
    "healthy, of 100 packets the capture missed one": {"capture_loss": 0.01},
    "healthy, one tap in the core": {"points": ("core",)},
    "healthy, over TCP": {"transport": "mixed"},
    "healthy, with media": MEDIA,
    "healthy, with media over relays": MEDIA | {"sdp_anchored": 1.0},
    "healthy, with media mirrored twice": MEDIA | {"mirrored": True},
    "healthy, with media of which the capture missed one of 1000": MEDIA | {"capture_loss": 0.001},
    "healthy, with media joined in the middle": MEDIA,
    "healthy, with media up to the middle": MEDIA,
    "healthy, with media of one direction": MEDIA,
}
HALVES: dict[str, Callable[[int, int, bytes], bool]] = {
    "healthy, joined in the middle": lambda number, of, _packet: number > of // 2,
    "healthy, ends in the middle": lambda number, of, _packet: number < of // 2,
    "healthy, one direction of each link": lambda _number, _of, packet: _source(packet) < _target(packet),
    "healthy, with media joined in the middle": lambda number, of, _packet: number > of // 2,
    "healthy, with media up to the middle": lambda number, of, _packet: number < of // 2,
    "healthy, with media of one direction": lambda _number, _of, packet: _source(packet) < _target(packet),
}


@dataclass(frozen=True)
class OfCapture:
    """A fault of the capture, or of a whole link: healthy traffic with these settings, its packets changed."""

    rule: str
    settings: Mapping[str, object] = field(default_factory=dict)
    change: Callable[[list[Record]], list[Record]] | None = None


#: Pairs of faults: either is the heavier one in turn. Those of the first line are at one node each, those of the second
#: at many, those of the third are registrations beside calls, those of the last a warning beside an error.
PAIRS = (
    *(("as_overload", "unknown_user"), ("silent", "forbidden"), ("fault_no_ack", "fault_media")),
    *(("fault_radio", "as_error"), ("fault_core", "fault_password"), ("fault_refused", "no_resources")),
    *(("fault_private_contact", "fault_hops"), ("fault_core", "unknown_user"), ("fault_mac", "fault_dialog_gone")),
    *(("fault_prack_refused", "fault_emergency"), ("fault_no_final", "fault_nat"), ("fault_sms", "fault_bad_request")),
)

Record = tuple[int, int, bytes, bytes]
"""Second and nanosecond of a packet, the lengths of its record, its bytes."""


def _source(packet: bytes) -> bytes:
    """Source address of an Ethernet frame with IPv4."""
    return packet[26:30]


def _target(packet: bytes) -> bytes:
    return packet[30:34]


def _rewrite(path: Path, change: Callable[[list[Record]], list[Record]]) -> None:
    """Changes the packets of a pcap file."""
    data = path.read_bytes()
    records: list[Record] = []
    at = 24
    while at < len(data):
        second, fraction, length = struct.unpack_from("<III", data, at)
        records.append((second, fraction, data[at + 8 : at + 16], data[at + 16 : at + 16 + length]))
        at += 16 + length
    packed = (struct.pack("<II", *record[:2]) + record[2] + record[3] for record in change(records))
    path.write_bytes(data[:24] + b"".join(packed))


def _halved(path: Path, keep: Callable[[int, int, bytes], bool]) -> None:
    """Leaves of a pcap file the packets that are to be kept."""

    def kept(records: list[Record]) -> list[Record]:
        return [one for number, one in enumerate(records) if keep(number, len(records), one[3])]

    _rewrite(path, kept)


def _sliced(records: list[Record]) -> list[Record]:
    """As a capture with a snap length of 400 bytes has them."""
    return [
        (second, fraction, struct.pack("<I", min(len(packet), 400)) + lengths[4:], packet[:400])
        for second, fraction, lengths, packet in records
    ]


def _one_port_late(records: list[Record]) -> list[Record]:
    """Two ports of a capture card, one for each direction, with clocks 0.3 s apart; in the order of time."""

    def stamped(record: Record) -> Record:
        ns = record[0] * 10**9 + record[1] + (300_000_000 if _source(record[3]) < _target(record[3]) else 0)
        return (*divmod(ns, 10**9), *record[2:])

    return sorted(map(stamped, records), key=lambda record: record[:2])


def _one_way(records: list[Record]) -> list[Record]:
    return [record for record in records if _source(record[3]) < _target(record[3])]


#: What no script plays.
OF_CAPTURES = {
    "packets lost, over TCP": OfCapture("capture_loss", {"transport": "tcp", "capture_loss": 0.02}),
    "mirrored twice": OfCapture("capture_doubled", {"mirrored": True}),
    "one direction of each link": OfCapture("capture_one_way", change=_one_way),
    "a snap length of 400 bytes": OfCapture("packets_sliced", change=_sliced),
    "two clocks": OfCapture("response_before_request", change=_one_port_late),
}


def _read(directory: str, **settings: object) -> analyzer.Capture:
    make(directory, keep_messages=False, **settings)
    return analyzer.read(sorted(str(path) for path in Path(directory).glob("*.pcap*")))


def _errors(capture: analyzer.Capture) -> tuple[int, int, int, list[str]]:
    """Calls, errors and warnings of calls and cases, and their rules."""
    found = capture.table("findings")
    told = {}
    for severity in ("error", "warning"):
        rows = found.filter(severity=severity)
        told[severity] = int(rows["calls"].sum()) or rows.height
        told[severity] = told[severity] if rows.height else 0
    names = [
        f"{row['rule']} {row['severity']} {max(row['calls'], 1)}"
        for row in found.filter(pl.col("severity") != "info").iter_rows(named=True)
    ]
    return capture.table("calls").height, told["error"], told["warning"], names


def healthy(seeds: int, calls: int) -> list[str]:
    lines = ["| healthy traffic | calls | calls with errors | calls with warnings | rules |", "|---|---|---|---|---|"]
    mix = {name: MIX[name] for name in HEALTHY}
    for name in HEALTHY_SETTINGS | HALVES:
        total, errors, warnings, rules_told = 0, 0, 0, []
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            with tempfile.TemporaryDirectory() as directory:
                usual = {"keep_messages": False, "calls": 5 * calls, "seed": seed, "mix": mix}
                make(directory, **usual | HEALTHY_SETTINGS.get(name, {}))
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
    for name, fault in (FAULTS | OF_CAPTURES).items():
        cases = found = first = 0
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            with tempfile.TemporaryDirectory() as directory:
                run = (Path(directory), calls, seed)
                of_seed, told, codes = (
                    _of_capture(fault, *run) if isinstance(fault, OfCapture) else _of_script(fault, *run)
                )
            cases, found = cases + of_seed, found + told
            first += codes[:1] == [fault.rule]
        all_cases, all_found, runs, firsts = all_cases + cases, all_found + found, runs + seeds, firsts + first
        share = f"{100 * found / cases:.1f} %" if cases else "none"
        lines.append(f"| {name} | {by_code[fault.rule].id} {fault.rule} | {cases} | {share} | {first} of {seeds} |")
        print(lines[-1], flush=True)
    return lines, all_found / all_cases, firsts / runs


def _of_script(fault: Scenario, directory: Path, calls: int, seed: int) -> tuple[int, int, list[str]]:
    """How often it was played, how often its rule found it, and the rules that found anything, in their order."""
    # Among healthy calls, as in life.
    mix = {"answered": 2.0, "breakout": 1.0, fault.name: 3.0}
    truth = make(directory, calls=calls, seed=seed, mix=mix, media=fault.sound is not None)
    capture = analyzer.read(sorted(str(path) for path in directory.glob("*.pcap*")))
    codes = capture.table("findings")["code"].to_list()
    rows = [row for row in (*truth.calls, *truth.registrations, *truth.short_messages) if row["scenario"] == fault.name]
    if fault.pattern:
        return 1, int(fault.rule in codes), codes
    # A source that comes twice is one case.
    played = {row["play"]: row.get("caller") or row.get("aor") for row in rows}
    plays = {row.call_id: row.play for row in truth.messages}
    ids = capture.table("messages").select("message", "call_id")
    told = capture.table("finding_cases").filter(code=fault.rule).join(ids, on="message")["call_id"]
    found = {played.get(plays[call_id]) for call_id in told}
    return len(played), sum(who in found for who in played.values()), codes


def _of_capture(fault: OfCapture, directory: Path, calls: int, seed: int) -> tuple[int, int, list[str]]:
    mix = {name: MIX[name] for name in HEALTHY}
    make(directory, keep_messages=False, calls=4 * calls, seed=seed, mix=mix, **fault.settings)
    paths = sorted(directory.glob("*.pcap*"))
    if fault.change:
        for path in paths:
            _rewrite(path, fault.change)
    codes = analyzer.read([str(path) for path in paths]).table("findings")["code"].to_list()
    return 1, int(fault.rule in codes), codes


def pairs(calls: int) -> tuple[list[str], float]:
    lines = ["| two faults, the heavier first | first | second |", "|---|---|---|"]
    right = 0
    both = [*PAIRS, *((light, heavy) for heavy, light in PAIRS)]
    for heavy, light in both:
        with tempfile.TemporaryDirectory() as directory:
            mix = {"answered": 2.0, heavy: 4.0, light: 1.0}
            found = _read(directory, calls=2 * calls, seed=FIRST_SEED, mix=mix).table("findings")
        codes = found["code"].to_list()
        right += codes[:1] == [FAULTS[heavy].rule]
        hurt = found.group_by("code", maintain_order=True).agg(pl.max_horizontal("calls", "cases").sum())
        told = [f"{code} {number}" for code, number in hurt.rows()] + ["-", "-"]
        lines.append(f"| {heavy} 4, {light} 1 | {told[0]} | {told[1]} |")
        print(lines[-1], flush=True)
    return lines, right / len(both)


def without_fault() -> list[str]:
    """The rules that no fault here is about."""
    known = {fault.rule for fault in (FAULTS | OF_CAPTURES).values()}
    return [f"{rule.id} {rule.code}" for rule in rules.ALL if rule.code not in known]


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
    of_two, heavier = pairs(given.calls)
    of_pairs = f"The heavier of two first in {heavier:.3f} of the captures."
    lacking = f"Rules without a fault: {', '.join(without_fault()) or 'none'}."
    print(of_pairs, lacking, sep="\n", flush=True)
    text = "\n".join([*lines, "", *table, "", told, lacking, "", *of_two, "", of_pairs])
    if given.write:
        page = DOCS.read_text()
        before, after = page.index(BEGIN) + len(BEGIN), page.index(END)
        DOCS.write_text(f"{page[:before]}\n{text}\n{page[after:]}")


if __name__ == "__main__":
    main()
