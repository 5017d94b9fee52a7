"""Alice's phone registers, is challenged, refreshes, and goes; Mallory tries with a wrong password."""

from hashlib import md5
from typing import Any

from lab import Capture
from sip_messages import ALICE, Headers, Node, Request, Session, digest

REALM, PASSWORD = "example.com", "correct horse"
REGISTRAR = Node("registrar", "198.51.100.5", agent="Labproxy 5.7")


def credentials(node: Node, nonce: str, count: int, password: str = PASSWORD) -> Headers:
    """The answer to a digest challenge with qop=auth (RFC 2617 §3.2.2)."""
    user, uri, cnonce, nc = node.name, f"sip:{REALM}", "0a4f113b", f"{count:08x}"
    secret = md5(f"{user}:{REALM}:{password}".encode()).hexdigest()
    request = md5(f"REGISTER:{uri}".encode()).hexdigest()
    response = md5(f"{secret}:{nonce}:{nc}:{cnonce}:auth:{request}".encode()).hexdigest()
    value = (
        f'Digest username="{user}", realm="{REALM}", nonce="{nonce}", uri="{uri}", response="{response}", '
        f'algorithm=MD5, cnonce="{cnonce}", qop=auth, nc={nc}'
    )
    return [("Authorization", value)]


def challenge(nonce: str) -> Headers:
    return [("WWW-Authenticate", f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"')]


def register(session: Session, phone: Node, expires: int, add: Headers = ()) -> Request:
    binding = [("Contact", phone.contact), ("Expires", str(expires))]
    return session.request("REGISTER", phone, REGISTRAR, uri=f"sip:{REALM}", peer=phone, add=[*binding, *add])


def success() -> Capture:
    lab = Capture(
        "registration",
        "Alice registers (401, then 200 for 600 s), refreshes after five minutes unchallenged, and de-registers.",
    )
    session = lab.session("registration", ALICE, REGISTRAR)
    nonce = digest("nonce", lab.name)

    first = register(session, ALICE, 600)
    started = lab.send(0, ALICE, REGISTRAR, first)
    lab.send(21, REGISTRAR, ALICE, first.reply(401, add=challenge(nonce)))
    second = register(session, ALICE, 600, credentials(ALICE, nonce, 1))
    lab.send(48, ALICE, REGISTRAR, second)
    bound = [("Contact", f"{ALICE.contact};expires=600")]
    registered = lab.send(95, REGISTRAR, ALICE, second.reply(200, add=bound))

    refresh = register(session, ALICE, 600, credentials(ALICE, nonce, 2))
    refreshing = lab.send(300_095, ALICE, REGISTRAR, refresh)
    refreshed = lab.send(300_131, REGISTRAR, ALICE, refresh.reply(200, add=bound))

    leave = register(session, ALICE, 0, credentials(ALICE, nonce, 3))
    leaving = lab.send(420_000, ALICE, REGISTRAR, leave)
    left = lab.send(420_029, REGISTRAR, ALICE, leave.reply(200))

    same: dict[str, Any] = {"aor": ALICE.uri, "contact": ALICE.contact_uri, "status": 200}
    lab.registration(
        **same, outcome="registered", kind="initial", first=started, final=registered, challenges=1, expires=600
    )
    lab.registration(
        **same, outcome="registered", kind="refresh", first=refreshing, final=refreshed, challenges=0, expires=600
    )
    lab.registration(
        **same, outcome="deregistered", kind="deregister", first=leaving, final=left, challenges=0, expires=0
    )
    lab.note("delay_s of the initial registration includes the round of the 401 (RFC 6076 §4.1).")
    lab.note("ended_at is the final response of the attempt, not the lapse of the binding.")
    lab.note("expires_s of the de-registration is the 0 that the request asked for: its 200 lists no binding.")
    return lab


def failure() -> Capture:
    lab = Capture(
        "registration_failed",
        "Mallory's password is wrong: challenged twice, then 403; her next try is unanswered as the capture ends.",
    )
    mallory = Node("mallory", "203.0.113.66", "sip:mallory@example.com")
    session = lab.session("registration", mallory, REGISTRAR)
    nonces = [digest("nonce", lab.name, n) for n in (1, 2)]

    first = register(session, mallory, 3600)
    started = lab.send(0, mallory, REGISTRAR, first)
    lab.send(20, REGISTRAR, mallory, first.reply(401, add=challenge(nonces[0])))
    second = register(session, mallory, 3600, credentials(mallory, nonces[0], 1, "wrong"))
    lab.send(50, mallory, REGISTRAR, second)
    lab.send(72, REGISTRAR, mallory, second.reply(401, add=challenge(nonces[1])))
    third = register(session, mallory, 3600, credentials(mallory, nonces[1], 1, "wrong"))
    lab.send(101, mallory, REGISTRAR, third)
    refused = lab.send(133, REGISTRAR, mallory, third.reply(403))

    again = lab.session("second try", mallory, REGISTRAR)
    last = register(again, mallory, 3600)
    trying = lab.send(60_000, mallory, REGISTRAR, last)
    last.outcome = "pending"

    same: dict[str, Any] = {"aor": mallory.uri, "contact": mallory.contact_uri, "kind": "initial", "expires": None}
    lab.registration(**same, outcome="failed", first=started, final=refused, challenges=2, status=403)
    lab.registration(**same, outcome="pending", first=trying, final=None, challenges=0, status=None)
    lab.note("A failed attempt has no delay_s: RFC 6076 §4.1 measures successful registrations only.")
    lab.note("expires_s is what the registrar granted: null where it granted nothing.")
    return lab


def build() -> list[Capture]:
    return [success(), failure()]
