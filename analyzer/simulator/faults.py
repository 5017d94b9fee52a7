"""One fault each, for the calibration of the rules of diagnosis; they are in no mix unless they are asked for."""

from __future__ import annotations

from analyzer.simulator.script import ANSWERED, BYE_A, CHALLENGED, SET_UP, VOLTE, Scenario, call, refused, registration

_ONCE_ANSWERED = SET_UP + ANSWERED

# A guess takes a challenge and an answer.
_GUESSES = (
    "A > S1  REGISTER  initial plain\nS1 > A  401 REGISTER  challenge plain\n"
    + "A > S1  REGISTER  response plain  after radio\nS1 > A  401 REGISTER  challenge plain\n" * 12
)

_PREFIXES = ("00", "000", "900", "011", "9011", "8000", "1", "")

FAULTS = (
    refused("fault_media", "B", 488, "", "negotiation_failed", rule="media_refused"),
    refused("fault_precondition", "B", 580, "", "negotiation_failed", rule="precondition_refused"),
    refused("fault_extension", "AS2", 420, "", "client_error", rule="extension_refused"),
    refused("fault_identity", "AS2", 428, "", "client_error", rule="identity_refused"),
    refused("fault_bad_request", "S2", 400, "", "client_error", rule="request_refused"),
    refused("fault_hops", "S2", 483, "", "client_error", rule="too_many_hops"),
    refused("fault_loop", "S2", 482, "", "client_error", rule="loop_or_merged"),
    refused("fault_absent", "S2", 480, "", "unreachable", rule="subscriber_absent"),
    refused("fault_timeout_behind", "S2", 504, "", "server_failure", rule="request_timeout"),
    call(
        "fault_no_ack",
        VOLTE,
        SET_UP + "B > A  200 INVITE  again  after ringing\nB > A  BYE  after giving-up\nA > B  200 BYE",
        "answered",
        200,
        rule="ack_missing",
    ),
    call(
        "fault_no_prack",
        VOLTE,
        "A > B  INVITE  offer\nB > A  183 INVITE  answer reliable again  after alerting\n"
        "B > A  504 INVITE  after giving-up",
        "server_failure",
        504,
        rule="prack_missing",
    ),
    call(
        "fault_stall",
        VOLTE,
        "A > B  INVITE  offer\nB > A  183 INVITE  answer reliable  after alerting\nA > B  PRACK  after thinking\n"
        "B > A  200 PRACK\nA > B  CANCEL  hung-up  after no-reply\nB > A  487 INVITE",
        "cancelled",
        487,
        rule="precondition_stall",
    ),
    call(
        "fault_bye_refused",
        VOLTE,
        _ONCE_ANSWERED + "A > B  BYE  clearing  after talking\nB > A  481 BYE",
        "answered",
        200,
        rule="bye_failed",
    ),
    call(
        "fault_radio",
        VOLTE,
        _ONCE_ANSWERED + "B > A  BYE  radio-lost  after talking\nA > B  200 BYE",
        "answered",
        200,
        rule="call_dropped",
    ),
    call(
        "fault_cleared",
        VOLTE,
        _ONCE_ANSWERED + "B > A  BYE  out-of-order  after talking\nA > B  200 BYE",
        "answered",
        200,
        rule="cleared_by_network",
    ),
    call(
        "fault_session_timer",
        VOLTE,
        _ONCE_ANSWERED + "B > A  BYE  not-refreshed  after session-expiry\nA > B  200 BYE",
        "answered",
        200,
        rule="session_timer_expired",
    ),
    call(
        "fault_dialog_gone",
        VOLTE,
        _ONCE_ANSWERED + "A > B  UPDATE  offer2  after talking\nB > A  481 UPDATE\nA > B  BYE  after thinking\n"
        "B > A  481 BYE",
        "answered",
        200,
        rule="dialog_unknown",
    ),
    registration(
        "fault_password",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\nA > S1  REGISTER  response  after radio\n"
        "S1 > A  403 REGISTER",
        "failed",
        403,
        rule="credentials_rejected",
    ),
    registration(
        "fault_loop_of_challenges",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\n"
        + "A > S1  REGISTER  response  after radio\nS1 > A  401 REGISTER  challenge\n" * 3,
        "failed",
        401,
        rule="authentication_loop",
    ),
    registration("fault_core", "A > I  REGISTER  initial\nI > A  504 REGISTER", "failed", 504, rule="core_failure"),
    registration(
        "fault_interval", "A > S1  REGISTER  initial\nS1 > A  423 REGISTER", "failed", 423, rule="interval_too_brief"
    ),
    registration(
        "fault_sec_agree",
        "A > P1  REGISTER  initial\nP1 > A  494 REGISTER",
        "failed",
        494,
        rule="security_agreement_failed",
    ),
    registration(
        "fault_third_party",
        CHALLENGED + "S1 > AS1  REGISTER  third-party\nAS1 > S1  500 REGISTER",
        "registered",
        200,
        rule="third_party_register_failed",
    ),
    registration(
        "fault_sync_twice",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\n"
        + "A > S1  REGISTER  auts  after radio\nS1 > A  401 REGISTER  challenge\n" * 2,
        "failed",
        401,
        rule="aka_sync_failure",
    ),
    registration(
        "fault_reg_event",
        CHALLENGED,
        "registered",
        200,
        ("A P1 S1", "A > S1  SUBSCRIBE  reg  after radio\nS1 > A  403 SUBSCRIBE"),
        rule="reg_event_trouble",
    ),
    Scenario(
        "fault_sms",
        "message",
        (("A P1 S1 SMS", "A > SMS  MESSAGE  rp-data\nSMS > A  403 MESSAGE"),),
        "refused",
        403,
        rule="sms_failed",
    ),
    # -- what is sent again, and what nobody answers
    call(
        "fault_first_fragments",
        VOLTE,
        "A > B  INVITE  offer silent first-fragment\nP2 > A  408 INVITE",
        "server_failure",
        408,
        rule="fragments_missing",
    ),
    Scenario(
        "fault_too_big",
        "call",
        (
            ("A P1", "A > P1  OPTIONS  plain\nP1 > A  200 OPTIONS"),
            ("A P1", "A > P1  INVITE  offer silent"),
        ),
        "timeout",
        None,
        rule="udp_request_too_big",
    ),
    call(
        "fault_refused",
        VOLTE,
        "A > B  INVITE  offer refused\nP2 > A  503 INVITE",
        "unreachable",
        503,
        rule="transport_broken",
    ),
    call(
        "fault_no_final",
        VOLTE,
        "A > S2  INVITE  offer\nI > A  408 INVITE  after timer-c",
        "server_failure",
        408,
        rule="no_final_response",
    ),
    call("fault_unseen", VOLTE, "A > P1  INVITE  offer once", "timeout", None, rule="nothing_seen"),
    call(
        "fault_overrun",
        VOLTE,
        SET_UP.replace("offer\n", "offer overrun\n", 1) + ANSWERED + BYE_A,
        "answered",
        200,
        rule="retransmission_storm",
    ),
    call(
        "fault_sluggish",
        VOLTE,
        SET_UP.replace("A > B  INVITE      offer\n", "A > AS1  INVITE  offer sluggish\nAS1 > B  INVITE  offer\n")
        + ANSWERED
        + BYE_A,
        "answered",
        200,
        rule="retransmissions",
        pattern=True,
    ),
    call(
        "fault_failure_unacknowledged",
        VOLTE,
        "A > B  INVITE  offer-plain\nB > A  486 INVITE  user-busy again  after alerting",
        "busy",
        486,
        rule="failure_not_acknowledged",
    ),
    call(
        "fault_failover",
        "A P1 S1 AS1 | S1 I S2\n+I S9 P2 B",
        "A > S2  INVITE  offer-plain\nS2 > I  503 INVITE\nI > B  INVITE  offer-plain\n"
        "B > A  180 INVITE  ring  after alerting\n"
        "B > A  200 INVITE  answer-plain  after ringing\nA > B  ACK\n" + BYE_A,
        "answered",
        200,
        rule="failover",
    ),
    call(
        "fault_long_ringing",
        VOLTE,
        SET_UP + "A > B  CANCEL  hung-up  after timer-c\nB > A  487 INVITE",
        "cancelled",
        487,
        rule="long_ringing",
    ),
    # -- what messages say wrongly
    call(
        "fault_malformed",
        VOLTE,
        SET_UP + ANSWERED.replace("200 INVITE", "200 INVITE  no-colon") + BYE_A,
        "answered",
        200,
        rule="message_malformed",
    ),
    call(
        "fault_content_length",
        VOLTE,
        "A > P1  INVITE  offer length-wrong\nP1 > A  400 INVITE",
        "client_error",
        400,
        rule="content_length_wrong",
    ),
    call(
        "fault_private_contact",
        VOLTE,
        SET_UP + "B > A  200 INVITE  again  after ringing\nA > P2  ACK\nB > A  BYE  after giving-up\nA > B  200 BYE",
        "answered",
        200,
        rule="private_contact",
        behind_nat="B",
    ),
    call(
        "fault_ack_misaddressed",
        VOLTE,
        SET_UP + "B > A  200 INVITE  again  after ringing\nA > P2  ACK  to-the-dialled\n"
        "B > A  BYE  after giving-up\nA > B  200 BYE",
        "answered",
        200,
        rule="ack_misaddressed",
    ),
    call(
        "fault_no_contact",
        VOLTE,
        SET_UP + "B > A  200 INVITE  again no-contact  after ringing\nB > A  BYE  after giving-up\nA > B  200 BYE",
        "answered",
        200,
        rule="contact_missing",
    ),
    call(
        "fault_answer",
        VOLTE,
        "A > B  INVITE  offer-plain\nB > A  180 INVITE  ring  after alerting\n"
        "B > A  200 INVITE  answer-alien  after ringing\nA > B  ACK\n" + BYE_A,
        "answered",
        200,
        rule="offer_answer_illegal",
    ),
    # -- within a dialog
    call(
        "fault_prack_refused",
        VOLTE,
        "A > B  INVITE  offer\nB > A  183 INVITE  answer reliable again  after alerting\nA > B  PRACK  after thinking\n"
        "B > A  481 PRACK\nB > A  504 INVITE  after giving-up",
        "server_failure",
        504,
        rule="prack_refused",
    ),
    call(
        "fault_cseq",
        VOLTE,
        _ONCE_ANSWERED + "A > B  UPDATE  offer2 old-cseq  after talking\nB > A  500 UPDATE\n" + BYE_A,
        "answered",
        200,
        rule="cseq_disorder",
    ),
    call(
        "fault_glare",
        VOLTE,
        _ONCE_ANSWERED + "A > B  UPDATE  offer2  after talking\nB > A  491 UPDATE\n"
        "A > B  UPDATE  offer2  after alerting\nB > A  200 UPDATE  answer2\n" + BYE_A,
        "answered",
        200,
        rule="glare",
    ),
    call(
        "fault_info",
        VOLTE,
        _ONCE_ANSWERED + "A > B  INFO  dtmf  after talking\nB > A  415 INFO\n" + BYE_A,
        "answered",
        200,
        rule="info_refused",
    ),
    call(
        "fault_interval_of_session",
        VOLTE,
        "A > AS1  INVITE  offer\nAS1 > A  422 INVITE  min-se\n" * 4,
        "client_error",
        422,
        rule="session_interval_loop",
    ),
    call(
        "fault_transfer",
        VOLTE,
        _ONCE_ANSWERED + "B > A  REFER  transfer  after talking\nA > B  202 REFER\n"
        "A > B  NOTIFY  referring so-far-trying\n"
        "B > A  200 NOTIFY\nA > B  NOTIFY  referred so-far-failed  after alerting\nB > A  200 NOTIFY\n" + BYE_A,
        "answered",
        200,
        rule="transfer_failed",
    ),
    call(
        "fault_cancel",
        VOLTE,
        SET_UP + "A > P1  CANCEL  hung-up other-branch  after impatience\nAS2 > B  CANCEL  gone  after no-reply\n"
        "B > AS2  487 INVITE\nAS2 > A  480 INVITE  no-reply",
        "no_answer",
        480,
        rule="cancel_unmatched",
    ),
    call(
        "fault_after_a_minute",
        VOLTE,
        _ONCE_ANSWERED + BYE_A.replace("talking", "a-minute"),
        "answered",
        200,
        rule="fixed_time_drops",
        pattern=True,
    ),
    # -- calls that need more than a number
    call(
        "fault_not_authenticated",
        VOLTE,
        "A > S1  INVITE  offer\nS1 > A  407 INVITE  proxy-challenge",
        "auth_failed",
        407,
        rule="challenge_not_answered",
    ),
    call(
        "fault_emergency_as_any",
        VOLTE,
        "A > P1  INVITE  offer\nP1 > A  380 INVITE  sos",
        "redirected",
        380,
        rule="emergency_redirected",
        dialled=("sip:112@{home};user=phone",),
    ),
    call(
        "fault_emergency",
        VOLTE,
        "A > P1  INVITE  offer\nP1 > A  503 INVITE",
        "server_failure",
        503,
        rule="emergency_call_failed",
        dialled=("urn:service:sos",),
    ),
    # -- registrations
    registration(
        "fault_register_silent", "A > P1  REGISTER  initial silent", "pending", None, rule="register_unanswered"
    ),
    registration(
        "fault_nat",
        "A > P1  REGISTER  initial from-nat\nP1 > A  401 REGISTER  challenge no-rport unheard",
        "challenged",
        401,
        rule="response_to_wrong_port",
        behind_nat="A",
    ),
    registration(
        "fault_stale",
        "A > S1  REGISTER  initial plain\nS1 > A  401 REGISTER  challenge plain\n"
        + "A > S1  REGISTER  response plain  after radio\nS1 > A  401 REGISTER  challenge plain stale\n" * 2
        + "A > S1  REGISTER  response plain  after radio\nS1 > A  200 REGISTER  bound",
        "registered",
        200,
        rule="nonce_stale",
        pattern=True,
    ),
    registration(
        "fault_mac",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge\n"
        "A > S1  REGISTER  mac-failure  after radio\nS1 > A  403 REGISTER",
        "failed",
        403,
        rule="aka_mac_failure",
    ),
    registration(
        "fault_lapsed",
        CHALLENGED.replace("bound", "bound brief").replace("initial", "initial brief"),
        "registered",
        200,
        ("MGCF S1", "MGCF > S1  INVITE  offer-plain  after timer-c\nS1 > MGCF  480 INVITE"),
        rule="registration_lapsed",
    ),
    registration(
        "fault_unreachable",
        CHALLENGED,
        "registered",
        200,
        ("MGCF S1 P1 A", "MGCF > P1  INVITE  offer-plain  after ringing\nP1 > MGCF  480 INVITE"),
        rule="subscriber_unreachable",
    ),
    registration(
        "fault_mute",
        "A > S1  REGISTER  initial\nS1 > A  401 REGISTER  challenge mute",
        "challenged",
        401,
        rule="challenge_empty",
    ),
    registration(
        "fault_register_storm",
        CHALLENGED + "A > S1  REGISTER  refresh  after ringing\nS1 > A  200 REGISTER  bound\n" * 12,
        "registered",
        200,
        rule="registration_storm",
    ),
    registration(
        "fault_service_route",
        CHALLENGED.replace("bound", "bound no-service-route"),
        "registered",
        200,
        rule="service_route_missing",
    ),
    registration(
        "fault_register_extension",
        "A > P1  REGISTER  initial\nP1 > A  420 REGISTER  no-extension",
        "failed",
        420,
        rule="register_extension_refused",
    ),
    registration(
        "fault_register_wrong",
        "A > S1  REGISTER  initial\nS1 > A  400 REGISTER",
        "failed",
        400,
        rule="register_refused",
    ),
    registration(
        "fault_outside_association",
        CHALLENGED,
        "registered",
        200,
        ("A P1", "A > P1  OPTIONS  to-protected  after ringing\nP1 > A  200 OPTIONS"),
        rule="outside_security_association",
    ),
    # -- attacks, from one source each
    call(
        "fault_scanner",
        "A P1",
        "A > P1  OPTIONS  plain scanner\nP1 > A  200 OPTIONS",
        "",
        200,
        rule="scanner",
        dialled=("sip:100@{home}",),
    ),
    registration(
        "fault_guessing",
        _GUESSES,
        "failed",
        401,
        rule="password_guessing",
    ),
    registration(
        "fault_guessed",
        _GUESSES + "A > S1  REGISTER  response plain  after radio\nS1 > A  200 REGISTER  bound",
        "registered",
        200,
        rule="password_guessed",
    ),
    Scenario(
        "fault_enumeration",
        "call",
        (("A P1", "A > P1  OPTIONS  plain  after thinking\nP1 > A  404 OPTIONS"),) * 24,
        "",
        404,
        rule="user_enumeration",
        dialled=tuple(f"sip:{100 + user}@{{home}}" for user in range(24)),
    ),
    Scenario(
        "fault_toll_fraud",
        "call",
        (("A P1", "A > P1  INVITE  offer plain  after alerting\nP1 > A  404 INVITE"),) * 8,
        "unreachable",
        404,
        rule="toll_fraud",
        dialled=tuple(f"sip:{prefix}4420794601{{digits}}@{{home}}" for prefix in _PREFIXES),
    ),
)
