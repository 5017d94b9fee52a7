"""What faulty nodes do to their messages, by the words of a script: edits of the text, and odd ways on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable

from analyzer.simulator.wire import Carriage

#: What is replaced in the start line and the header fields, on every hop.
EDITS = {
    word: tuple((re.compile(pattern, re.MULTILINE), text) for pattern, text in edits)
    for word, edits in {
        # A phone without IMS: no AKA, no security agreement, nothing of 3GPP.
        "plain": (
            (r"^Authorization: [^\r]*nonce=\"\",[^\r]*\r\n", ""),
            (r"^(?:Security-\w+|P-[\w-]+|Proxy-Require|Require: sec-agree|Accept-Contact)[^\r]*\r\n", ""),
            ("AKAv1-MD5", "MD5"),
        ),
        "scanner": ((r"^User-Agent: [^\r]*", "User-Agent: friendly-scanner"),),
        "mute": ((r"^WWW-Authenticate: [^\r]*\r\n", ""),),
        "stale": ((r"^(WWW-Authenticate: [^\r]*)", r"\1,stale=TRUE"),),
        "no-contact": ((r"^Contact: [^\r]*\r\n", ""),),
        "no-service-route": ((r"^Service-Route: [^\r]*\r\n", ""),),
        "no-rport": ((r";rport=\d+", ""),),
        "brief": ((r"^Expires: \d+", "Expires: 60"), (r";expires=\d+", ";expires=60")),
        # The ACK of old RFC 2543 clients: to the address that was dialled, not to the Contact.
        "to-the-dialled": ((r"^ACK sip:[^ ]*", "ACK sip:+15550001234@ims.example.net"),),
        # A node that counts a body before it removes lines from it.
        "length-wrong": ((r"^Content-Length: \d+", "Content-Length: 4000"),),
        "no-colon": ((r"^Content-Length: ", "X-Vendor-Build 7.1.2\r\nContent-Length: "),),
        "other-branch": ((r"^(Via: [^\r]*;branch=z9hG4bK)", r"\1x"),),
    }.items()
}  # fmt: skip

#: How the last hop carries a request.
CARRIAGES = {
    "from-nat": Carriage(from_port=40_001),  # a NAT gave the packets another port than Via names
    "to-protected": Carriage(to_port=5062),  # in clear to the port of the security association
    "first-fragment": Carriage(fragments=1),  # a firewall drops what has no UDP header
    "refused": Carriage(refused=True),  # nobody listens there
}


def edited(text: str, words: Iterable[str]) -> str:
    """The head of a message as the nodes that these words mean write it."""
    for word in words:
        for pattern, replacement in EDITS.get(word, ()):
            text = pattern.sub(replacement, text)
    return text


def carriage(words: Iterable[str]) -> Carriage | None:
    """The odd way that these words mean, if any."""
    return next((CARRIAGES[word] for word in words if word in CARRIAGES), None)
