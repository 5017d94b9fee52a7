"""What happens in the laboratory when nothing is wrong with it, and how often (`script.py` has the notation)."""

from __future__ import annotations

from analyzer.simulator.faults import FAULTS
from analyzer.simulator.script import (
    ANSWERED,
    BREAKOUT,
    BYE_A,
    BYE_B,
    CHALLENGED,
    FORKED,
    FORWARDED,
    INTERCONNECT,
    REG_EVENT,
    SET_UP,
    THIRD_PARTY,
    VOLTE,
    Scenario,
    call,
    refused,
    registration,
)
from analyzer.simulator.talks import FAULTS as FAULTS_OF_MEDIA
from analyzer.simulator.talks import HEALTHY as TALKS

CALLS = (
    call("answered", VOLTE, SET_UP + ANSWERED + BYE_A, "answered", 200, answered_by="B", released_by="caller"),
    call(
        "answered_callee_ends", VOLTE, SET_UP + ANSWERED + BYE_B, "answered", 200, answered_by="B", released_by="callee"
    ),
    call(
        "interconnect", INTERCONNECT, SET_UP + ANSWERED + BYE_A, "answered", 200, answered_by="B", released_by="caller"
    ),
    call(
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
    call(
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
    call(
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
    call(
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
    call(
        "busy",
        VOLTE,
        "A > B  INVITE  offer-plain\nB > A  486 INVITE  user-busy  after alerting",
        "busy",
        486,
        refused_by="B",
        cause="user",
        released_by="callee",
    ),
    call(
        "declined",
        VOLTE,
        SET_UP + "B > A  603 INVITE  declined  after ringing",
        "rejected",
        603,
        refused_by="B",
        cause="user",
        released_by="callee",
    ),
    call(
        "no_answer",
        VOLTE,
        SET_UP + "AS2 > B  CANCEL  gone  after no-reply\nB > AS2  487 INVITE\nAS2 > A  480 INVITE  no-reply",
        "no_answer",
        480,
        refused_by="AS2",
        cause="timer",
        released_by="network",
    ),
    call(
        "cancelled",
        VOLTE,
        SET_UP + "A > B  CANCEL  hung-up  after impatience\nB > A  487 INVITE",
        "cancelled",
        487,
        refused_by="A",
        cause="user",
        released_by="caller",
    ),
    refused("forbidden", "S1", 403, "barred", "rejected", rule="forbidden"),
    refused("as_error", "AS1", 500, "broken", "server_failure", rule="server_error"),
    refused("as_overload", "AS2", 503, "overload", "server_failure", rule="overload"),
    refused("unknown_user", "I", 404, "", "unreachable", rule="no_route_to_number"),
    refused("no_resources", "P2", 503, "no-bearer", "server_failure", rule="resources_refused"),
    refused("unallocated", "MGCF", 404, "unallocated", "unreachable", "network", BREAKOUT, rule="no_route_to_number"),
    call(
        "silent",
        VOLTE,
        "A > B  INVITE  offer silent\nP2 > A  408 INVITE",
        "server_failure",
        408,
        refused_by="P2",
        cause="timer",
        released_by="network",
        rule="next_hop_silent",
    ),
)

REGISTRATIONS = (
    registration("initial", CHALLENGED + THIRD_PARTY, "registered", 200, REG_EVENT),
    # The binding of one subscriber from its beginning to its end; the REGISTERs share a Call-ID.
    registration(
        "whole_life",
        CHALLENGED
        + THIRD_PARTY
        + "A > S1  REGISTER  refresh  after a-while\nS1 > A  200 REGISTER  bound\n"
        + "A > S1  REGISTER  deregister  after a-while\nS1 > A  200 REGISTER  unbound\n"
        + "S1 > AS1  REGISTER  third-party unbound\nAS1 > S1  200 REGISTER  third-party unbound",
        "deregistered",
        200,
    ),
    registration(
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
        rule="aka_sync_failure",
    ),
    registration(
        "silence",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge",
        "challenged",
        401,
        refused_by="A",
        cause="timer",
        rule="challenge_unanswered",
    ),
    registration(
        "roaming_not_allowed",
        "A > I  REGISTER  initial\nI > A  403 REGISTER  not-here",
        "failed",
        403,
        refused_by="I",
        cause="node",
        rule="registration_forbidden",
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

SCENARIOS = {
    scenario.name: scenario for scenario in (*CALLS, *REGISTRATIONS, *MESSAGES, *FAULTS, *TALKS, *FAULTS_OF_MEDIA)
}
