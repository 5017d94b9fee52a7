"""What happens in the laboratory: routes and scripts, one line a message.

A *route* names who stands on the way; after ``|`` a B2BUA begins a new Call-ID. A further line begins at the B2BUA that
is its first name. A line that begins with ``+`` is a fork: the same Call-ID up to its first name, then another way.

A *script* line is ``sender > receiver  METHOD`` or ``sender > receiver  STATUS METHOD``, then words: bodies and headers
that the message carries (`headers.py` knows them) and ``after NAME``, what the sender waits for. A message travels over
all nodes between the two; routing headers, 100s, ACKs to failures, answers to a CANCEL and resends are the engine's.

A, B, C, B2 are UEs; P1 S1 AS1 serve A; I, S2, P2, AS2 serve B; S3, P3 serve C; X1, X2 are the IBCFs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analyzer.simulator.sound import Sound

SECOND = 1_000_000_000

# What is waited for: least and spread in seconds.
WAITS = {
    "alerting": (0.25, 0.3),  # paging and waking the far UE
    "bearer": (0.12, 0.15),  # the dedicated bearer: Rx, Gx and the radio
    "ringing": (1.5, 6.0),
    "impatience": (2.0, 8.0),
    "no-reply": (20.0, 5.0),
    "talking": (3.0, 25.0),
    "speaking": (8.0, 4.0),
    "held": (14.0, 4.0),
    "thinking": (0.05, 0.1),
    "radio": (0.03, 0.05),
    "a-while": (40.0, 10.0),
    "a-minute": (60.0, 0.05),
    "timer-c": (185.0, 5.0),  # RFC 3261 §16.6 item 11
    "giving-up": (32.2, 0.1),  # 64*T1
    "session-expiry": (1768.0, 0.2),  # RFC 4028 §10 with the interval of 1800 s
}

VOLTE = "A P1 S1 AS1 | S1 I S2 AS2 | S2 P2 B"
BREAKOUT = "A P1 S1 AS1 | S1 BGCF MGCF"
INTERCONNECT = "A P1 S1 AS1 | S1 X1 X2 I S2 AS2 | S2 P2 B"
FORKED = VOLTE + "\n+S2 P2 B2"
FORWARDED = VOLTE + "\nAS2 S2 I3 S3 P3 C"

SET_UP = """
A > B  INVITE      offer
B > A  183 INVITE  answer reliable      after alerting
A > B  PRACK                            after thinking
B > A  200 PRACK
A > B  UPDATE      offer2               after bearer
B > A  200 UPDATE  answer2
B > A  180 INVITE  ring                 after bearer
"""
ANSWERED = """
B > A  200 INVITE                       after ringing
A > B  ACK
"""
BYE_A = """
A > B  BYE         clearing             after talking
B > A  200 BYE
"""
BYE_B = """
B > A  BYE         clearing             after talking
A > B  200 BYE
"""


REGISTER = "A P1 I S1\nS1 AS1"
CHALLENGED = """
A > S1  REGISTER      initial
S1 > A  401 REGISTER  challenge
A > S1  REGISTER      response           after radio
S1 > A  200 REGISTER  bound
"""
THIRD_PARTY = "S1 > AS1  REGISTER  third-party\nAS1 > S1  200 REGISTER  third-party\n"
REG_EVENT = (
    "A P1 S1",
    """
A > S1  SUBSCRIBE      reg               after radio
S1 > A  200 SUBSCRIBE  reg
S1 > A  NOTIFY         reginfo
A > S1  200 NOTIFY
""",
)


@dataclass(frozen=True)
class Scenario:
    """A flow with the truth that its script implies.

    `refused_by` is the name in the route of who first said no, `cause` whether that was a user, a node or a timer.
    `parts` are (route, script) one after the other, each with Call-IDs of its own.
    """

    name: str
    kind: str  # call, registration or message
    parts: tuple[tuple[str, str], ...]
    outcome: str
    status: int | None
    refused_by: str = ""
    cause: str = ""
    answered_by: str = ""
    released_by: str = ""
    dialled: tuple[str, ...] = ()  # instead of B, in one part after the other; {home} and {digits} are the caller's
    behind_nat: str = ""  # the UE whose packets come from a public address that it does not know
    rule: str = ""  # the rule of diagnosis that this fault is about
    pattern: bool = False  # which many such plays show, not one
    sound: Sound | None = None  # what its media do; without it there are some where the settings ask for media


def call(name: str, route: str, script: str, outcome: str, status: int | None, **truth: Any) -> Scenario:
    return Scenario(name, "call", ((route, script),), outcome, status, **truth)


def refused(
    name: str, at: str, status: int, words: str, outcome: str, cause: str = "node", route: str = VOLTE, **more: Any
) -> Scenario:
    script = f"A > {at}  INVITE  offer\n{at} > A  {status} INVITE  {words}"
    return call(name, route, script, outcome, status, refused_by=at, cause=cause, released_by="network", **more)


def registration(
    name: str, script: str, outcome: str, status: int | None, *more: tuple[str, str], **truth: Any
) -> Scenario:
    return Scenario(name, "registration", ((REGISTER, script), *more), outcome, status, **truth)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a script."""

    sender: str
    receiver: str
    method: str
    status: int  # 0: a request
    words: tuple[str, ...]
    wait: tuple[int, int]  # least and spread in ns


def steps(script: str) -> list[Step]:
    """The lines of a script, read."""
    read = []
    for line in filter(str.strip, script.splitlines()):
        sender, _, receiver, *rest = line.split()
        status = int(rest.pop(0)) if rest[0].isdigit() else 0
        method, *words = rest
        wait = (0.0, 0.0)
        if "after" in words:
            at = words.index("after")
            wait, words = WAITS[words[at + 1]], words[:at]
        read.append(
            Step(sender, receiver, method, status, tuple(words), (int(wait[0] * SECOND), int(wait[1] * SECOND)))
        )
    return read
