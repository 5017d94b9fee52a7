"""The client transactions of RFC 3261 §17.1 and RFC 6026 §7 as dictionaries, and their timers.

The rules, for an observer who only watches:

- A machine is ``state -> event -> next state``; its first state is the one in which a request was sent. An event is the
  class of a response, a timer by its letter, or ``failure``: the transport reported that the way is broken.
- A pair that is not listed (a 1xx after the final, a second final) moves nothing: it may be told as a finding, and is
  no error.
- In a state that waits runs one timer, counted from the request, or from the latest 1xx where there was one.
- A final response ends the waiting whatever comes later. How long a client then absorbs copies (timers D and K) changes
  nothing that is reported, so those timers are not here. Nor are the server's machines: an observer who sees both
  directions learns nothing from them that the client's do not tell.
- ``OUTCOMES`` names the outcome of a transaction: by the state it rests in, or by the state and the event that ended
  it.
"""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.columns.times import SECOND

Machine = dict[str, dict[str, str]]

INVITE_CLIENT: Machine = {
    "calling": {
        "1xx": "proceeding",
        "2xx": "accepted",  # RFC 6026 §7.2: other 2xx may follow, from other branches
        "300-699": "completed",
        "B": "terminated",
        "failure": "terminated",
    },
    "proceeding": {
        "1xx": "proceeding",
        "2xx": "accepted",
        "300-699": "completed",
        "C": "terminated",  # a proxy's; the client itself has no limit here (§17.1.1.2)
        "failure": "terminated",
    },
}

NON_INVITE_CLIENT: Machine = {
    "trying": {
        "1xx": "proceeding",
        "2xx": "completed",
        "300-699": "completed",
        "F": "terminated",
        "failure": "terminated",
    },
    "proceeding": {
        "1xx": "proceeding",
        "2xx": "completed",
        "300-699": "completed",
        "F": "terminated",
        "failure": "terminated",
    },
}

OUTCOMES: dict[str | tuple[str, str], str] = {
    "calling": "pending",
    "trying": "pending",
    "proceeding": "pending",
    "accepted": "completed",
    "completed": "completed",
    ("calling", "B"): "timeout",
    ("trying", "F"): "timeout",
    ("proceeding", "C"): "provisional_only",
    ("proceeding", "F"): "provisional_only",
    ("calling", "failure"): "transport_error",
    ("trying", "failure"): "transport_error",
    ("proceeding", "failure"): "transport_error",
}


def _timers(t1: int) -> dict[str, int]:
    return {
        "B": 64 * t1,  # INVITE without any response (§17.1.1.2)
        "C": 180 * SECOND + 1,  # INVITE after a 1xx: "larger than 3 minutes" (§16.6 item 11)
        "F": 64 * t1,  # any other request without a final response (§17.1.2.2)
        "M": 64 * t1,  # how long a 2xx of another branch may follow the first (RFC 6026 §8.4, RFC 3261 §13.2.2.4)
    }


RFC_3261 = _timers(t1=SECOND // 2)
"""The timers with the default T1 of 500 ms (RFC 3261 table 4)."""

IMS_GM = _timers(t1=2 * SECOND)
"""The timers between a UE and its P-CSCF, where T1 is 2 s (3GPP TS 24.229 §7.7)."""


def timer(machine: Machine, provisional: bool) -> str:
    """The letter of the timer that runs while ``machine`` waits for a response, before or after a first 1xx."""
    state = next(iter(machine)) if not provisional else "proceeding"
    return next(event for event in machine[state] if event in RFC_3261)


def outcome(machine: Machine, events: Iterable[str]) -> str:
    """What a transaction is called after ``events``, in their order.

    >>> outcome(INVITE_CLIENT, ["1xx", "2xx"])
    'completed'
    >>> outcome(INVITE_CLIENT, ["B"])
    'timeout'
    """
    state = next(iter(machine))
    for event in events:
        following = machine.get(state, {}).get(event, state)
        if following == "terminated":
            return OUTCOMES[state, event]
        state = following
    return OUTCOMES[state]
