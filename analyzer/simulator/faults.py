"""One fault each, for the calibration of the rules of diagnosis; they are in no mix unless they are asked for."""

from __future__ import annotations

from analyzer.simulator.script import ANSWERED, CHALLENGED, SET_UP, VOLTE, Scenario, call, refused, registration

_ONCE_ANSWERED = SET_UP + ANSWERED

FAULTS = (
    refused("fault_media", "B", 488, "", "negotiation_failed"),
    refused("fault_precondition", "B", 580, "", "negotiation_failed"),
    refused("fault_extension", "AS2", 420, "", "client_error"),
    refused("fault_identity", "AS2", 428, "", "client_error"),
    refused("fault_bad_request", "S2", 400, "", "client_error"),
    refused("fault_hops", "S2", 483, "", "client_error"),
    refused("fault_loop", "S2", 482, "", "client_error"),
    refused("fault_absent", "S2", 480, "", "unreachable"),
    refused("fault_timeout_behind", "S2", 504, "", "server_failure"),
    call(
        "fault_no_ack", VOLTE,
        SET_UP + "B > A  200 INVITE  again  after ringing\nB > A  BYE  after giving-up\nA > B  200 BYE",
        "answered", 200,
    ),
    call(
        "fault_no_prack", VOLTE,
        "A > B  INVITE  offer\nB > A  183 INVITE  answer reliable again  after alerting\n"
        "B > A  504 INVITE  after giving-up",
        "server_failure", 504,
    ),
    call(
        "fault_stall", VOLTE,
        "A > B  INVITE  offer\nB > A  183 INVITE  answer reliable  after alerting\nA > B  PRACK  after thinking\n"
        "B > A  200 PRACK\nA > B  CANCEL  hung-up  after no-reply\nB > A  487 INVITE",
        "cancelled", 487,
    ),
    call(
        "fault_bye_refused", VOLTE, _ONCE_ANSWERED + "A > B  BYE  clearing  after talking\nB > A  481 BYE",
        "answered", 200,
    ),
    call(
        "fault_radio", VOLTE, _ONCE_ANSWERED + "B > A  BYE  radio-lost  after talking\nA > B  200 BYE",
        "answered", 200,
    ),
    call(
        "fault_cleared", VOLTE, _ONCE_ANSWERED + "B > A  BYE  out-of-order  after talking\nA > B  200 BYE",
        "answered", 200,
    ),
    call(
        "fault_session_timer", VOLTE,
        _ONCE_ANSWERED + "B > A  BYE  not-refreshed  after session-expiry\nA > B  200 BYE",
        "answered", 200,
    ),
    call(
        "fault_dialog_gone", VOLTE,
        _ONCE_ANSWERED + "A > B  UPDATE  offer2  after talking\nB > A  481 UPDATE\nA > B  BYE  after thinking\n"
        "B > A  481 BYE",
        "answered", 200,
    ),
    registration(
        "fault_password",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\nA > S1  REGISTER  response  after radio\n"
        "S1 > A  403 REGISTER",
        "failed", 403,
    ),
    registration(
        "fault_loop_of_challenges",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\n"
        + "A > S1  REGISTER  response  after radio\nS1 > A  401 REGISTER  challenge\n" * 3,
        "failed", 401,
    ),
    registration("fault_core", "A > I  REGISTER  initial\nI > A  504 REGISTER", "failed", 504),
    registration("fault_interval", "A > S1  REGISTER  initial\nS1 > A  423 REGISTER", "failed", 423),
    registration("fault_sec_agree", "A > P1  REGISTER  initial\nP1 > A  494 REGISTER", "failed", 494),
    registration(
        "fault_third_party",
        CHALLENGED + "S1 > AS1  REGISTER  third-party\nAS1 > S1  500 REGISTER",
        "registered", 200,
    ),
    registration(
        "fault_sync_twice",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\n"
        + "A > S1  REGISTER  auts  after radio\nS1 > A  401 REGISTER  challenge\n" * 2,
        "failed", 401,
    ),
    registration(
        "fault_reg_event", CHALLENGED, "registered", 200,
        ("A P1 S1", "A > S1  SUBSCRIBE  reg  after radio\nS1 > A  403 SUBSCRIBE"),
    ),
    Scenario(
        "fault_sms", "message", (("A P1 S1 SMS", "A > SMS  MESSAGE  rp-data\nSMS > A  403 MESSAGE"),), "refused", 403
    ),
)  # fmt: skip
