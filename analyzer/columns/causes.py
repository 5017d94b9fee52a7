"""Why, in the words of standards: Reason (RFC 3326) and Warning (RFC 3261 §20.43) taken apart.

Of several Reason values the first is told. Protocols: ITU-T Q.850 with the causes of its table 1; SIP; preemption
(RFC 4411); RELEASE_CAUSE and FAILURE_CAUSE (TS 24.229 §7.2A.18.11, §7.2A.18.12). Of others protocol and cause are told.
"""

from __future__ import annotations

import polars as pl

Q850 = {
    1: "unallocated (unassigned) number",
    2: "no route to specified transit network",
    3: "no route to destination",
    4: "send special information tone",
    5: "misdialled trunk prefix",
    6: "channel unacceptable",
    7: "call awarded, being delivered in an established channel",
    8: "preemption",
    9: "preemption, circuit reserved for reuse",
    14: "query on release, ported number",
    16: "normal call clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer from user (user alerted)",
    20: "subscriber absent",
    21: "call rejected",
    22: "number changed",
    23: "redirection to new destination",
    24: "call rejected due to feature at the destination",
    25: "exchange routing error",
    26: "non-selected user clearing",
    27: "destination out of order",
    28: "invalid number format (address incomplete)",
    29: "facility rejected",
    30: "response to STATUS ENQUIRY",
    31: "normal, unspecified",
    34: "no circuit or channel available",
    38: "network out of order",
    39: "permanent frame mode connection out of service",
    40: "permanent frame mode connection operational",
    41: "temporary failure",
    42: "switching equipment congestion",
    43: "access information discarded",
    44: "requested circuit or channel not available",
    46: "precedence call blocked",
    47: "resource unavailable, unspecified",
    49: "quality of service not available",
    50: "requested facility not subscribed",
    53: "outgoing calls barred within closed user group",
    55: "incoming calls barred within closed user group",
    57: "bearer capability not authorized",
    58: "bearer capability not presently available",
    62: "inconsistency in outgoing access information and subscriber class",
    63: "service or option not available, unspecified",
    65: "bearer capability not implemented",
    66: "channel type not implemented",
    69: "requested facility not implemented",
    70: "only restricted digital information bearer capability is available",
    79: "service or option not implemented, unspecified",
    81: "invalid call reference value",
    82: "identified channel does not exist",
    83: "a suspended call exists, but this call identity does not",
    84: "call identity in use",
    85: "no call suspended",
    86: "call having the requested call identity has been cleared",
    87: "user not member of closed user group",
    88: "incompatible destination",
    90: "non-existing closed user group",
    91: "invalid transit network selection",
    95: "invalid message, unspecified",
    96: "mandatory information element is missing",
    97: "message type non-existent or not implemented",
    98: "message not compatible with call state, or message type non-existent or not implemented",
    99: "information element or parameter non-existent or not implemented",
    100: "invalid information element contents",
    101: "message not compatible with call state",
    102: "recovery on timer expiry",
    103: "parameter non-existent or not implemented, passed on",
    110: "message with unrecognized parameter, discarded",
    111: "protocol error, unspecified",
    127: "interworking, unspecified",
}
PREEMPTION = {
    1: "UA preemption",
    2: "reserved resources preempted",
    3: "generic preemption",
    4: "non-IP preemption",
    5: "network preemption",
}
RELEASE_CAUSE = {
    1: "user ends call",
    2: "RTP/RTCP time-out",
    3: "media bearer loss",
    4: "SIP timeout, no ACK",
    5: "SIP response time-out",
    6: "call set-up time-out",
}
FAILURE_CAUSE = {
    1: "media bearer or QoS lost",
    2: "release of signalling bearer",
    3: "indication of failed resources allocation",
}

# Causes of Q.850 that users bring about. 16 "one of the users has requested that the call be cleared": at any time.
# 17 to 19 and 21 say what the called user did with a call that was offered to it. 31 is all that a gateway says of a
# normal end: of an answered call a user ended it, of any other it names nobody (RFC 3398 §8.2.6.1 makes it 480).
_CLEARED = (16, 31)
_NOT_TAKEN = (16, 17, 18, 19, 21)
#: Causes that a timer brought about.
OF_A_TIMER = {"Q.850": (102,), "RELEASE_CAUSE": (4, 5, 6)}

_WORDS = {
    f"{protocol} {cause}": words
    for protocol, causes in (
        ("Q.850", Q850),
        ("PREEMPTION", PREEMPTION),
        ("RELEASE_CAUSE", RELEASE_CAUSE),
        ("FAILURE_CAUSE", FAILURE_CAUSE),
    )
    for cause, words in causes.items()
}
# reason-value of RFC 3326 §2: no comma outside quoted-strings; a quoted-pair may be a quote (RFC 3261 §25.1).
_FIRST = r'^\s*((?:[^",]|"(?:[^"\\]|\\.)*")*)'
_Q850 = r'(?i)^(?:(?:[^",]|"(?:[^"\\]|\\.)*")*,)*\s*(Q\.850\s*;(?:[^",]|"(?:[^"\\]|\\.)*")*)'
_TEXT = r'(?i);\s*text\s*=\s*"((?:[^"\\]|\\.)*)"'


def of_a_user(q850: pl.Expr, *, answered: bool) -> pl.Expr:
    """Whether a cause of Q.850 is that of a user and not of the network, which ended a call that was ``answered``.

    Null without a cause. An answered call is not called any more: a cause that tells of a called user then comes from a
    network that had connected the caller to an announcement.
    """
    return q850.is_in(_CLEARED if answered else _NOT_TAKEN)


def q850_first(header: str) -> pl.Expr:
    """The Q.850 value of a Reason with several, which a SIP value beside it only repeats in its status; else all of it.

    Of a response: its SIP cause is a status like its own (RFC 3326 §2), the other says what was behind that.
    """
    return pl.coalesce(pl.col(header).str.extract(_Q850), header)


def reason(header: str) -> dict[str, pl.Expr]:
    """A column with Reason as sent, taken apart: ``protocol`` (in capitals), ``cause``, ``words`` and ``text``.

    ``words`` are those of the standard, null where it has none, ``text`` those of the sender. Null where there is no
    Reason.
    """
    first = pl.col(header).str.extract(_FIRST)
    protocol = first.str.extract(r"^([A-Za-z0-9.!%*_+`'~-]+)").str.to_uppercase()
    cause = first.str.replace(_TEXT, "").str.extract(r'(?i);\s*cause\s*=\s*"?(\d{1,9})\b').cast(pl.Int64)
    words = pl.format("{} {}", protocol, cause).replace_strict(_WORDS, default=None, return_dtype=pl.String)
    return {"protocol": protocol, "cause": cause, "words": words, "text": _said(first.str.extract(_TEXT))}


def warning(header: str) -> dict[str, pl.Expr]:
    """A column with the first Warning, taken apart: ``code``, ``agent`` and ``text``."""
    value = pl.col(header)
    return {
        "code": value.str.extract(r"^\s*(\d{3})\b").cast(pl.Int64),
        "agent": value.str.extract(r"^\s*\d{3}\s+([^\s\"]+)"),
        "text": _said(value.str.extract(r'^\s*\d{3}\s+\S+\s+"((?:[^"\\]|\\.)*)"')),
    }


def _said(quoted: pl.Expr) -> pl.Expr:
    """What stands in quotes, its quoted-pairs undone; nothing is null."""
    text = quoted.str.replace_all(r"\\(.)", "$1")
    return pl.when(text != "").then(text)
