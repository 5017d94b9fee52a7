"""The page of one call: what it says is so in the sample's truth, and nothing in it can harm a terminal or a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import captures
import pytest
from places import SAMPLES

from analyzer.show.story import Story


def page(name: str, no: int = 1, **how: Any) -> Story:
    return captures.read(SAMPLES / name).call(no).story(**how)


def lines(name: str, no: int, section: str) -> tuple[str, ...]:
    return next((found.lines for found in page(name, no).sections if found.name == section), ())


def truth() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((SAMPLES / "truth" / "volte_failures.json").read_text())
    return told


@pytest.mark.slow
@pytest.mark.parametrize("no", [2, 3])
def test_what_went_wrong_begins_with_the_node_that_said_no(no: int) -> None:
    refusal = truth()["call_failures"][no - 2]
    verdict = lines("volte_failures.pcap", no, "what went wrong")[0]
    assert (f" {refusal['address']} " in verdict, f": {refusal['status']} " in verdict) == (True, True)
    first, second, *_ = lines("volte_failures.pcap", no, "evidence")
    assert f" {refusal['address']}: {refusal['status']} " in first
    assert second.startswith(f"on behalf of the {refusal['on_behalf_of']}: ")


def test_a_reason_is_told_in_the_words_of_its_standard() -> None:
    # TS 24.229 §7.2A.18.3: FAILURE_CAUSE 3.
    told = lines("volte_failures.pcap", 2, "evidence")
    assert any(line.startswith("Reason FAILURE_CAUSE 3: indication of failed resources allocation") for line in told)


def test_nothing_went_wrong_where_a_call_was_answered() -> None:
    assert lines("volte_failures.pcap", 1, "what went wrong") == ()


@pytest.mark.parametrize("no", [1, 2, 3])
def test_the_way_of_each_leg_is_that_of_its_invite(no: int) -> None:
    told = truth()
    ways = {way["call_id"]: [node.removesuffix(":5060") for node in way["nodes"]] for way in told["ways"]}
    drawn = " ".join(lines("volte_failures.pcap", no, "way"))
    legs = [re.findall(r"\d+\.\d+\.\d+\.\d+", leg) for leg in re.split(r"(?:^| )\d  ", drawn)[1:]]
    call_ids = told["calls"][no - 1]["call_ids"]
    # A leg that was refused may end before the node it was on its way to.
    assert [leg == ways[call_id][: len(leg)] for leg, call_id in zip(legs, call_ids, strict=True)] == [True] * len(legs)


def test_the_way_that_credentials_went_again_is_told_once() -> None:
    assert len(lines("proxy_auth.pcap", 1, "way")) == 1


def test_reference_points_stand_on_the_way() -> None:
    # UE to P-CSCF, P-CSCF to S-CSCF, S-CSCF to AS (TS 23.228 §4).
    assert re.findall(r"─(\w+)→", lines("volte_failures.pcap", 1, "way")[0]) == ["Gm", "Mw", "ISC"]


def test_phases_of_a_set_up_with_preconditions() -> None:
    told = [line.split("  ")[0] for line in lines("volte_call.pcap", 1, "set-up")]
    assert told == ["trying", "routing", "prack", "caller_bearer", "callee_bearer", "ringing", "ack"]


def test_what_was_asked_beside_sip_is_told() -> None:
    told = " ".join(lines("ims_core.pcap", 1, "what it waited for"))
    assert all(f"{peer} " in told for peer in ("DNS", "HSS", "PCRF"))


def test_ascii_where_the_terminal_has_nothing_else() -> None:
    assert page("volte_failures.pcap", 1, ascii_only=True).text().replace("→", "->").isascii()


@pytest.mark.parametrize("path", captures.FLOWS, ids=captures.name_of)
def test_every_call_of_the_samples_has_a_page_without_control_characters(path: Path) -> None:
    capture = captures.read(path)
    for number in capture.table("calls")["no"]:
        story = capture.call(number).story()
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", story.text())
        assert "<script" not in story._repr_html_()


def test_what_was_agreed_and_who_held_whom() -> None:
    """The truth of the sample: held by the callee, 20.003 s from 10.030 s on."""
    assert lines("hold_resume.pcap", 1, "media") == (
        "agreed: PCMA/8000 PCMU/8000 telephone-event/8000",
        "audio held by callee, 10.030 s after the INVITE, for 20.003 s",
    )


def test_who_has_the_names_that_the_caller_gave() -> None:
    calling, called = lines("hold_resume.pcap", 1, "who")
    assert "alice@example.com “Alice”" in calling
    assert "bob@example.com “Bob”" in called
