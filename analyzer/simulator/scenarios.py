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

SECOND = 1_000_000_000

# What is waited for: least and spread in seconds.
WAITS = {
    "alerting": (0.25, 0.3),  # paging and waking the far UE
    "bearer": (0.12, 0.15),  # the dedicated bearer: Rx, Gx and the radio
    "ringing": (1.5, 6.0),
    "impatience": (2.0, 8.0),
    "no-reply": (20.0, 5.0),
    "talking": (3.0, 25.0),
    "thinking": (0.05, 0.1),
    "radio": (0.03, 0.05),
    "a-while": (40.0, 10.0),
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


def _call(name: str, route: str, script: str, outcome: str, status: int | None, **truth: str) -> Scenario:
    return Scenario(name, "call", ((route, script),), outcome, status, **truth)


def _refused(
    name: str, at: str, status: int, words: str, outcome: str, cause: str = "node", route: str = VOLTE
) -> Scenario:
    script = f"A > {at}  INVITE  offer\n{at} > A  {status} INVITE  {words}"
    return _call(name, route, script, outcome, status, refused_by=at, cause=cause, released_by="network")


CALLS = (
    _call("answered", VOLTE, SET_UP + ANSWERED + BYE_A, "answered", 200, answered_by="B", released_by="caller"),
    _call(
        "answered_callee_ends", VOLTE, SET_UP + ANSWERED + BYE_B, "answered", 200, answered_by="B", released_by="callee"
    ),
    _call(
        "interconnect", INTERCONNECT, SET_UP + ANSWERED + BYE_A, "answered", 200, answered_by="B", released_by="caller"
    ),
    _call(
        "breakout",
        BREAKOUT,
        """
A > MGCF  INVITE      offer
MGCF > A  183 INVITE  answer reliable early  after alerting
A > MGCF  PRACK                              after thinking
MGCF > A  200 PRACK
A > MGCF  UPDATE      offer2                 after bearer
MGCF > A  200 UPDATE  answer2
MGCF > A  180 INVITE  ring                   after bearer
MGCF > A  200 INVITE                         after ringing
A > MGCF  ACK
A > MGCF  BYE         clearing               after talking
MGCF > A  200 BYE
""",
        "answered",
        200,
        answered_by="MGCF",
        released_by="caller",
    ),
    _call(
        "forked",
        FORKED,
        """
A > B    INVITE      offer-plain
S2 > B2  INVITE      offer-plain
B > A    180 INVITE  ring                after alerting
B2 > A   180 INVITE  ring                after radio
B > A    200 INVITE  answer-plain              after ringing
S2 > B2  CANCEL      elsewhere
B2 > S2  487 INVITE
A > B    ACK
A > B    BYE         clearing            after talking
B > A    200 BYE
""",
        "answered",
        200,
        answered_by="B",
        released_by="caller",
    ),
    _call(
        "forwarded_no_reply",
        FORWARDED,
        """
A > B    INVITE      offer-plain
B > A    180 INVITE  ring                after alerting
AS2 > B  CANCEL      gone                after no-reply
B > AS2  487 INVITE
AS2 > A  181 INVITE
AS2 > C  INVITE      offer-plain history
C > A    180 INVITE  ring                after alerting
C > A    200 INVITE  answer-plain              after ringing
A > C    ACK
A > C    BYE         clearing            after talking
C > A    200 BYE
""",
        "answered",
        200,
        answered_by="C",
        released_by="caller",
    ),
    _call(
        "forwarded_busy",
        FORWARDED,
        """
A > B    INVITE      offer-plain
B > AS2  486 INVITE  user-busy           after alerting
AS2 > A  181 INVITE
AS2 > C  INVITE      offer-plain history
C > A    180 INVITE  ring                after alerting
C > A    200 INVITE  answer-plain              after ringing
A > C    ACK
C > A    BYE         clearing            after talking
A > C    200 BYE
""",
        "answered",
        200,
        answered_by="C",
        released_by="callee",
    ),
    _call(
        "busy",
        VOLTE,
        "A > B  INVITE  offer-plain\nB > A  486 INVITE  user-busy  after alerting",
        "busy",
        486,
        refused_by="B",
        cause="user",
        released_by="callee",
    ),
    _call(
        "declined",
        VOLTE,
        SET_UP + "B > A  603 INVITE  declined  after ringing",
        "rejected",
        603,
        refused_by="B",
        cause="user",
        released_by="callee",
    ),
    _call(
        "no_answer",
        VOLTE,
        SET_UP + "AS2 > B  CANCEL  gone  after no-reply\nB > AS2  487 INVITE\nAS2 > A  480 INVITE  no-reply",
        "no_answer",
        480,
        refused_by="AS2",
        cause="timer",
        released_by="network",
    ),
    _call(
        "cancelled",
        VOLTE,
        SET_UP + "A > B  CANCEL  hung-up  after impatience\nB > A  487 INVITE",
        "cancelled",
        487,
        refused_by="A",
        cause="user",
        released_by="caller",
    ),
    _refused("forbidden", "S1", 403, "barred", "rejected"),
    _refused("as_error", "AS1", 500, "broken", "server_failure"),
    _refused("as_overload", "AS2", 503, "overload", "server_failure"),
    _refused("unknown_user", "I", 404, "", "unreachable"),
    _refused("no_resources", "P2", 503, "no-bearer", "server_failure"),
    _refused("unallocated", "MGCF", 404, "unallocated", "unreachable", "network", BREAKOUT),
    _call(
        "silent",
        VOLTE,
        "A > B  INVITE  offer silent\nP2 > A  408 INVITE",
        "server_failure",
        408,
        refused_by="P2",
        cause="timer",
        released_by="network",
    ),
)

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


def _registration(
    name: str, script: str, outcome: str, status: int | None, *more: tuple[str, str], **truth: str
) -> Scenario:
    return Scenario(name, "registration", ((REGISTER, script), *more), outcome, status, **truth)


REGISTRATIONS = (
    _registration("initial", CHALLENGED + THIRD_PARTY, "registered", 200, REG_EVENT),
    # The binding of one subscriber from its beginning to its end; the REGISTERs share a Call-ID.
    _registration(
        "whole_life",
        CHALLENGED
        + THIRD_PARTY
        + "A > S1  REGISTER  refresh  after a-while\nS1 > A  200 REGISTER  bound\n"
        + "A > S1  REGISTER  deregister  after a-while\nS1 > A  200 REGISTER  unbound\n"
        + "S1 > AS1  REGISTER  third-party unbound\nAS1 > S1  200 REGISTER  third-party unbound",
        "deregistered",
        200,
    ),
    _registration(
        "sync_failure",
        """
A > S1  REGISTER      initial
S1 > A  401 REGISTER  challenge
A > S1  REGISTER      auts               after radio
S1 > A  401 REGISTER  challenge
A > S1  REGISTER      response           after radio
S1 > A  200 REGISTER  bound
"""
        + THIRD_PARTY,
        "registered",
        200,
    ),
    _registration(
        "silence",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge",
        "challenged",
        401,
        refused_by="A",
        cause="timer",
    ),
    _registration(
        "roaming_not_allowed",
        "A > I  REGISTER  initial\nI > A  403 REGISTER  not-here",
        "failed",
        403,
        refused_by="I",
        cause="node",
    ),
)

MESSAGES = (
    Scenario(
        "sms",
        "message",
        (
            ("A P1 S1 SMS", "A > SMS  MESSAGE  rp-data\nSMS > A  202 MESSAGE"),
            ("SMS S1 P1 A", "SMS > A  MESSAGE  rp-ack  after thinking\nA > SMS  200 MESSAGE"),
        ),
        "delivered",
        202,
    ),
)

#: Shares of each scenario: four calls of five are answered.
MIX = {
    "answered": 30, "answered_callee_ends": 20, "interconnect": 8, "breakout": 10, "forked": 4, "forwarded_no_reply": 4,
    "forwarded_busy": 4, "busy": 4, "declined": 1, "no_answer": 3, "cancelled": 4, "forbidden": 1, "as_error": 1,
    "as_overload": 1, "unknown_user": 1.5, "no_resources": 1, "unallocated": 1, "silent": 0.5,
    # beside the calls
    "initial": 12, "whole_life": 5, "sync_failure": 1, "silence": 1, "roaming_not_allowed": 1, "sms": 5,
}  # fmt: skip

_ONCE_ANSWERED = SET_UP + ANSWERED

#: One fault each, for the calibration of the rules of diagnosis; they are in no mix unless they are asked for.
FAULTS = (
    _refused("fault_media", "B", 488, "", "negotiation_failed"),
    _refused("fault_precondition", "B", 580, "", "negotiation_failed"),
    _refused("fault_extension", "AS2", 420, "", "client_error"),
    _refused("fault_identity", "AS2", 428, "", "client_error"),
    _refused("fault_bad_request", "S2", 400, "", "client_error"),
    _refused("fault_hops", "S2", 483, "", "client_error"),
    _refused("fault_loop", "S2", 482, "", "client_error"),
    _refused("fault_absent", "S2", 480, "", "unreachable"),
    _refused("fault_timeout_behind", "S2", 504, "", "server_failure"),
    _call(
        "fault_no_ack", VOLTE,
        SET_UP + "B > A  200 INVITE  again  after ringing\nB > A  BYE  after giving-up\nA > B  200 BYE",
        "answered", 200,
    ),
    _call(
        "fault_no_prack", VOLTE,
        "A > B  INVITE  offer\nB > A  183 INVITE  answer reliable again  after alerting\n"
        "B > A  504 INVITE  after giving-up",
        "server_failure", 504,
    ),
    _call(
        "fault_stall", VOLTE,
        "A > B  INVITE  offer\nB > A  183 INVITE  answer reliable  after alerting\nA > B  PRACK  after thinking\n"
        "B > A  200 PRACK\nA > B  CANCEL  hung-up  after no-reply\nB > A  487 INVITE",
        "cancelled", 487,
    ),
    _call(
        "fault_bye_refused", VOLTE, _ONCE_ANSWERED + "A > B  BYE  clearing  after talking\nB > A  481 BYE",
        "answered", 200,
    ),
    _call(
        "fault_radio", VOLTE, _ONCE_ANSWERED + "B > A  BYE  radio-lost  after talking\nA > B  200 BYE",
        "answered", 200,
    ),
    _call(
        "fault_cleared", VOLTE, _ONCE_ANSWERED + "B > A  BYE  out-of-order  after talking\nA > B  200 BYE",
        "answered", 200,
    ),
    _call(
        "fault_session_timer", VOLTE,
        _ONCE_ANSWERED + "B > A  BYE  not-refreshed  after session-expiry\nA > B  200 BYE",
        "answered", 200,
    ),
    _call(
        "fault_dialog_gone", VOLTE,
        _ONCE_ANSWERED + "A > B  UPDATE  offer2  after talking\nB > A  481 UPDATE\nA > B  BYE  after thinking\n"
        "B > A  481 BYE",
        "answered", 200,
    ),
    _registration(
        "fault_password",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\nA > S1  REGISTER  response  after radio\n"
        "S1 > A  403 REGISTER",
        "failed", 403,
    ),
    _registration(
        "fault_loop_of_challenges",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\n"
        + "A > S1  REGISTER  response  after radio\nS1 > A  401 REGISTER  challenge\n" * 3,
        "failed", 401,
    ),
    _registration("fault_core", "A > I  REGISTER  initial\nI > A  504 REGISTER", "failed", 504),
    _registration("fault_interval", "A > S1  REGISTER  initial\nS1 > A  423 REGISTER", "failed", 423),
    _registration("fault_sec_agree", "A > P1  REGISTER  initial\nP1 > A  494 REGISTER", "failed", 494),
    _registration(
        "fault_third_party",
        CHALLENGED + "S1 > AS1  REGISTER  third-party\nAS1 > S1  500 REGISTER",
        "registered", 200,
    ),
    _registration(
        "fault_sync_twice",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\n"
        + "A > S1  REGISTER  auts  after radio\nS1 > A  401 REGISTER  challenge\n" * 2,
        "failed", 401,
    ),
    _registration(
        "fault_reg_event", CHALLENGED, "registered", 200,
        ("A P1 S1", "A > S1  SUBSCRIBE  reg  after radio\nS1 > A  403 SUBSCRIBE"),
    ),
    Scenario(
        "fault_sms", "message", (("A P1 S1 SMS", "A > SMS  MESSAGE  rp-data\nSMS > A  403 MESSAGE"),), "refused", 403
    ),
)  # fmt: skip

SCENARIOS = {scenario.name: scenario for scenario in (*CALLS, *REGISTRATIONS, *MESSAGES, *FAULTS)}


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
