"""Short dialogues as :mod:`tests.sip.wire` reads them, and how their calls ended."""

from __future__ import annotations

from typing import Any

from tests.sip import wire

ENDING = ("outcome", "outcome_detail", "released_by", "talk_s")
LATER = "X -> Y OPTIONS call_id=other from_tag=o @{}\n"
RINGING = """
    UAC -> UAS  INVITE                  @0
    UAS -> UAC  180 INVITE to_tag=y     @0.5
"""
OK = "    UAS -> UAC  200 INVITE to_tag=y     @2\n"
ACK = "    UAC -> UAS  ACK to_tag=y            @2.02\n"
ANSWERED = RINGING + OK + ACK


def bye_of_the_callee(at: float) -> str:
    return (
        f"UAS -> UAC BYE cseq=7 from_tag=y to_tag=x @{at}\nUAC -> UAS 200 BYE cseq=7 from_tag=y to_tag=x @{at + 0.1}\n"
    )


def bye_of_the_caller(at: float, cseq: int = 9) -> str:
    return f"UAC -> UAS BYE cseq={cseq} to_tag=y @{at}\nUAS -> UAC 200 BYE cseq={cseq} to_tag=y @{at + 0.1}\n"


def endings(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in ENDING) for row in rows]


def of_dialogue(dialogue: str) -> list[dict[str, Any]]:
    return wire.read(dialogue).table("calls").to_dicts()


def ending(dialogue: str) -> tuple[Any, ...]:
    (only,) = endings(of_dialogue(dialogue))
    return only
