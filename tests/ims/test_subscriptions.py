"""Subscriptions (RFC 6665, RFC 3515) and publications (RFC 3903)."""

from __future__ import annotations

from typing import Any

import pytest
from ims_wire import joined_rows, read

WATCH = "UE -> AS  SUBSCRIBE header=Event:presence header=Expires:600  @0.000\n"
GRANT = "AS -> UE  200 SUBSCRIBE to_tag=y header=Expires:300  @0.020\n"


def notify(
    state: str, *, cseq: int = 1, tag: str = "y", event: str = "presence", at: float = 0.1, more: str = ""
) -> str:
    said = f"header=Event:{event} 'header=Subscription-State:{state}'"
    return f"AS -> UE  NOTIFY tag={tag} to_tag=x1 cseq={cseq} {said} {more}  @{at:.3f}\n"


def again(expires: int, *, at: float, status: int = 200, cseq: int = 2) -> str:
    said = f"SUBSCRIBE to_tag=y cseq={cseq} header=Event:presence header=Expires:{expires}"
    return f"UE -> AS  {said}  @{at}\nAS -> UE  {status} {said}  @{at + 0.02}\n"


def later(at: float) -> str:
    return f"UE -> AS  OPTIONS call=end  @{at}\n"


def rows(dialogue: str) -> list[dict[str, Any]]:
    return read(dialogue).table("subscriptions").to_dicts()


def only(dialogue: str) -> dict[str, Any]:
    (row,) = rows(dialogue)
    return row


def test_what_is_asked_and_what_is_granted() -> None:
    """RFC 6665 §4.2.1.1: the notifier may shorten it."""
    row = only(WATCH + GRANT + notify("active;expires=300"))
    assert (row["asked_s"], row["granted_s"], row["notify_delay_s"]) == (600, 300, 0.1)
    assert (row["state"], row["end_reason"]) == ("active", "open")


@pytest.mark.parametrize(
    "reason", ["deactivated", "probation", "rejected", "timeout", "giveup", "noresource", "invariant"]
)
def test_the_reason_of_the_last_notify_ends_it(reason: str) -> None:
    """RFC 6665 §4.1.3."""
    row = only(WATCH + GRANT + notify("active") + notify(f"terminated;reason={reason}", cseq=2, at=5))
    assert (row["end_reason"], row["ended_by"], row["states"]) == (reason, "notifier", "active terminated")


def test_who_unsubscribes_ends_it_though_the_notifier_says_so() -> None:
    """RFC 6665 §4.1.2.3."""
    row = only(WATCH + GRANT + notify("active") + again(0, at=5) + notify("terminated;reason=timeout", cseq=2, at=5.1))
    assert (row["end_reason"], row["ended_by"]) == ("unsubscribed", "subscriber")


def test_an_expiry_of_0_at_once_fetches() -> None:
    """RFC 6665 §4.4.3."""
    row = only(WATCH.replace("600", "0") + GRANT.replace("300", "0") + notify("terminated;reason=timeout"))
    assert (row["end_reason"], row["ended_by"]) == ("fetched", "subscriber")


def test_without_a_refresh_it_expires() -> None:
    row = only(WATCH + GRANT + notify("active;expires=300") + later(301))
    assert (row["end_reason"], row["state"]) == ("expired", "terminated")


def test_a_refresh_prolongs_it() -> None:
    row = only(WATCH + GRANT + notify("active;expires=300") + again(300, at=200) + later(400))
    assert (row["end_reason"], row["refreshes"]) == ("open", 1)


def test_a_481_to_a_refresh_ends_it() -> None:
    """RFC 6665 §4.1.2.2."""
    row = only(WATCH + GRANT + notify("active") + again(300, at=200, status=481))
    assert (row["end_reason"], row["ended_by"]) == ("refresh_refused", "notifier")


def notified(cseq: int, status: int, at: float) -> str:
    asked = notify("active;expires=300", cseq=cseq, at=at)
    return asked + f"UE -> AS  {status} NOTIFY tag=y to_tag=x1 cseq={cseq} header=Event:presence  @{at + 0.02}\n"


@pytest.mark.parametrize(
    "dialogue",
    [
        notified(1, 481, 0.1) + notified(2, 200, 50),
        notified(1, 481, 0.1) + again(300, at=200),
        notified(1, 200, 0.1) + again(300, at=200, status=481) + notified(2, 200, 250),
    ],
)
def test_a_refusal_that_a_later_success_refutes_was_no_end(dialogue: str) -> None:
    """RFC 5057 §5.1 says what the sender of the request should do; what followed shows that nobody did."""
    assert only(WATCH + GRANT + dialogue + later(255))["end_reason"] == "open"


def test_a_notify_that_is_refused_after_the_last_success_ends_it() -> None:
    row = only(WATCH + GRANT + notified(1, 200, 0.1) + notified(2, 481, 50) + later(255))
    assert (row["end_reason"], row["ended_by"]) == ("notify_refused", "subscriber")


def test_a_refusal_after_a_challenge_is_the_end_of_one_subscription() -> None:
    challenged = "AS -> UE  401 SUBSCRIBE to_tag=a  @0.020\n"
    second = WATCH.replace("SUBSCRIBE", "SUBSCRIBE cseq=2").replace("0.000", "0.100")
    row = only(WATCH + challenged + second + "AS -> UE  489 SUBSCRIBE cseq=2 to_tag=b  @0.120\n")
    assert (row["status"], row["end_reason"], row["ended_by"], row["dialog"]) == (489, "refused", "notifier", None)


def test_a_notify_may_come_before_the_response() -> None:
    """RFC 6665 §4.1.2.4."""
    row = only(WATCH + notify("pending", at=0.01) + GRANT + notify("active", cseq=2, at=1))
    assert (row["states"], row["notifies"], row["status"]) == ("pending active", 2, 200)


def test_a_forked_subscribe_makes_a_subscription_with_each_notifier() -> None:
    """RFC 6665 §4.4.1."""
    found = rows(WATCH + GRANT + notify("active") + notify("active", tag="z", at=0.2, more="via=z"))
    assert [row["notifies"] for row in found] == [1, 1]
    assert found[0]["subscription"] != found[1]["subscription"]


def asked(cseq: int, expires: int, *, at: float, status: int = 200, tag: str = "", granted: int | None = None) -> str:
    """A SUBSCRIBE without To tag and its final response."""
    tag, granted = tag or f"y{cseq}", expires if granted is None else granted
    said = f"SUBSCRIBE cseq={cseq} header=Event:presence"
    return (
        f"UE -> AS  {said} header=Expires:{expires}  @{at:.3f}\n"
        f"AS -> UE  {status} {said} to_tag={tag} header=Expires:{granted}  @{at + 0.02:.3f}\n"
    )


def test_who_asks_anew_makes_another_subscription_each_time() -> None:
    """Without a To tag a SUBSCRIBE is outside a dialog (RFC 6665 §4.5.1): each that is accepted has its own."""
    found = rows(asked(1, 600, at=0) + asked(2, 60, at=5, granted=30) + asked(3, 6, at=9))
    assert [(row["asked_s"], row["granted_s"]) for row in found] == [(600, 600), (60, 30), (6, 6)]
    begun = [(row["started_at"] - found[0]["started_at"]).total_seconds() for row in found]
    assert (begun, len({row["subscription"] for row in found})) == ([0, 5, 9], 3)


def test_a_notify_of_a_branch_that_was_not_answered_is_of_the_latest_attempt_before_it() -> None:
    """RFC 6665 §4.4.1: the first NOTIFY of another branch of the fork."""
    found = rows(asked(1, 600, at=0) + asked(2, 60, at=5) + notify("active", tag="z", at=5.5))
    assert [(row["asked_s"], row["notifies"]) for row in found] == [(600, 0), (60, 0), (60, 1)]


def test_of_a_fork_each_branch_that_accepts_has_its_own_row_though_none_notifies() -> None:
    """The forking proxy passes one 2xx on; that of the other was captured next to its notifier."""
    said = "SUBSCRIBE header=Event:presence"
    found = rows(
        f"""
        UE -> P   {said} via=a header=Expires:600                 @0.00
        P -> A    {said} via=p,a header=Expires:600               @0.01
        P -> B    {said} via=q,a header=Expires:600               @0.02
        A -> P    200 {said} via=p,a to_tag=y header=Expires:300  @0.05
        P -> UE   200 {said} via=a to_tag=y header=Expires:300    @0.06
        B -> P    200 {said} via=q,a to_tag=z header=Expires:200  @0.07
        """
    )
    assert {(row["asked_s"], row["granted_s"]) for row in found} == {(600, 300), (600, 200)}
    assert found[0]["subscription"] != found[1]["subscription"]


def test_a_longer_interval_that_was_asked_for_is_the_same_attempt() -> None:
    """RFC 6665 §4.1.2.1: 423, then again with what Min-Expires says."""
    row = only(asked(1, 5, at=0, status=423) + asked(2, 60, at=0.1))
    assert (row["asked_s"], row["granted_s"], row["status"], row["end_reason"]) == (5, 60, 200, "open")


def test_what_was_refused_and_what_was_asked_for_later_are_two() -> None:
    found = rows(asked(1, 60, at=0, status=403) + asked(2, 60, at=9))
    assert [(row["status"], row["end_reason"]) for row in found] == [(403, "refused"), (200, "open")]


def test_the_same_notifier_tag_is_the_same_subscription() -> None:
    """A dialog is its Call-ID and two tags (RFC 3261 §12), whatever the subscriber forgot."""
    row = only(asked(1, 60, at=0, tag="y") + asked(2, 60, at=30, tag="y") + notify("active", at=0.1) + later(80))
    assert (row["refreshes"], row["end_reason"]) == (1, "open")


def test_what_the_2xx_grants_ends_though_nothing_was_asked_for() -> None:
    """Without Expires the event package has a default (RFC 6665 §4.2.1.1); the 2xx tells it."""
    row = only(WATCH.replace("header=Expires:600", "") + GRANT + later(301))
    assert (row["asked_s"], row["granted_s"], row["end_reason"]) == (None, 300, "expired")


def test_a_challenged_refer_is_one_with_the_one_that_has_credentials() -> None:
    refer = "REFER cseq={0} to_tag=y header=Refer-To:<sip:c@e>"
    row = only(
        f"UE -> AS  {refer.format(2)}  @2\nAS -> UE  407 {refer.format(2)}  @2.1\n"
        f"UE -> AS  {refer.format(3)}  @3\nAS -> UE  202 {refer.format(3)}  @3.1\n"
        + notify("active;expires=60", event="refer;id=3", at=4)
    )
    assert (row["status"], row["notifies"], row["end_reason"]) == (202, 1, "open")


@pytest.mark.slow
def test_as_many_rows_are_looked_at_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 SUBSCRIBEs of one Call-ID and From tag: none meets all the others."""
    capture = read("".join(asked(number, number, at=number / 10) for number in range(1, 20_001)))
    capture.table("transactions")
    heights = joined_rows(monkeypatch)
    found = capture.table("subscriptions")
    assert found["asked_s"].to_list() == list(range(1, 20_001))
    assert max(heights) <= 40_000


def test_one_older_than_the_capture_is_known_by_its_notify() -> None:
    row = only(notify("active;expires=300"))
    assert (row["started_at"], row["end_reason"], row["subscriber"]) == (None, "joined", "b@e")


def test_accepted_and_never_told() -> None:
    """RFC 6665 §4.1.2.4: timer N is 64 T1, 32 s."""
    assert only(WATCH + GRANT + later(31.9))["end_reason"] == "open"
    assert only(WATCH + GRANT + later(32.1))["end_reason"] == "no_notify"


def test_refers_of_one_dialog_are_told_apart_by_their_ids() -> None:
    """RFC 3515 §2.4.6: the id is the CSeq of the REFER; the first needs none."""
    call = "UE -> AS  INVITE  @0.0\nAS -> UE  200 INVITE to_tag=y  @0.1\nUE -> AS  ACK to_tag=y via=a  @0.2\n"
    refer = (
        "UE -> AS  REFER cseq={0} to_tag=y header=Refer-To:<sip:{0}@e>  @{0}\n"
        "AS -> UE  202 REFER cseq={0} to_tag=y  @{0}.1\n"
    )
    fragment = "type=message/sipfrag 'body=SIP/2.0 {0} Said'"
    found = rows(
        call
        + refer.format(2)
        + refer.format(3)
        + notify("terminated;reason=noresource", event="refer;id=3", at=4, cseq=2, more=fragment.format(486))
        + notify("terminated;reason=noresource", event="refer;id=2", at=5, cseq=3, more=fragment.format(200))
    )
    assert [(row["refer_to"], row["result"]) for row in found] == [("<sip:2@e>", 200), ("<sip:3@e>", 486)]
    assert {row["call"] for row in found} != {None}


def publish(cseq: int, status: int, *, etag: str = "", if_match: str = "", expires: int = 60) -> str:
    asked = f"header=Event:presence header=Expires:{expires}" + (f" header=SIP-If-Match:{if_match}" if if_match else "")
    told = f"header=Expires:{expires}" + (f" header=SIP-ETag:{etag}" if etag else "")
    return f"UE -> AS  PUBLISH cseq={cseq} {asked}  @{cseq}\nAS -> UE  {status} PUBLISH cseq={cseq} {told}  @{cseq}.1\n"


def test_publications_form_chains_by_their_entity_tags() -> None:
    """RFC 3903 §4.1: each 2xx has a new SIP-ETag, which the next PUBLISH names."""
    found = read(
        publish(1, 200, etag="a")
        + publish(2, 200, etag="b", if_match="a")
        + publish(3, 412, if_match="a")
        + publish(4, 200, etag="c", if_match="b", expires=0)
    ).table("publications")
    assert found["action"].to_list() == ["publish", "refresh", "refresh", "remove"]
    assert found["publication"].n_unique() == 1
    assert found["end_reason"].to_list() == ["replaced", "replaced", None, None]


def test_what_is_not_refreshed_expires() -> None:
    """RFC 3903 §4.1."""
    assert read(publish(1, 200, etag="a") + later(61.05)).table("publications")["end_reason"].to_list() == ["open"]
    assert read(publish(1, 200, etag="a") + later(61.15)).table("publications")["end_reason"].to_list() == ["expired"]
