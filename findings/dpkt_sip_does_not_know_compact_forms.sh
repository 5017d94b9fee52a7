#!/bin/bash
# dpkt 1.9.8: a SIP message whose Content-Length is written `l` has no body, or the next message of the stream in its body.
#
# "Implementations MUST accept both the long and short forms of each header name" (RFC 3261 §7.3.3); `l` is
# Content-Length, `c` Content-Type (§20.14, §20.15), and over a stream Content-Length alone ends a message (§18.3).
# dpkt.sip reads bodies as dpkt.http does, by long names: with `l` and `c` the body is empty, and the session
# description lies in what is left over; with `l` and a long Content-Type all that follows is the body, the next message
# too. Nothing is raised. With long names, as a control, the body is the body and the next message is left over. Met
# where session descriptions were looked for in captures of phones that write compact forms to stay within a datagram.
#
# Installs the pinned package of PyPI into a temporary folder. Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check dpkt==1.9.8
"$work/venv/bin/pip" list --disable-pip-version-check 2> /dev/null | grep '^dpkt '
"$work/venv/bin/python" - <<'PY'
import sys

import dpkt

BODY = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
INVITE = (
    "INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n"
    "From: <sip:a@example.com>;tag={number}\r\nTo: <sip:b@example.com>\r\nCall-ID: {number}\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:a@192.0.2.1>\r\n{kind}: application/sdp\r\n{length}: {size}\r\n\r\n{body}"
)
# Names of Content-Type and Content-Length, and what the body of the first of two messages in a stream is.
KNOWN = [
    ("Content-Type", "Content-Length", "its own"),
    ("c", "Content-Length", "its own"),
    ("c", "l", "empty"),
    ("Content-Type", "l", "its own and the next message"),
]
changed = False
for kind, length, known in KNOWN:
    first, second = (
        INVITE.format(number=number, kind=kind, length=length, size=len(BODY), body=BODY) for number in (1, 2)
    )
    body = dpkt.sip.Request((first + second).encode()).body.decode()
    told = {"": "empty", BODY: "its own", BODY + second: "its own and the next message"}.get(body, repr(body))
    print(f"{kind}, {length}: the body is {told}", "" if told == known else f"   changed; it was {known}")
    changed |= told != known
sys.exit(changed)
PY
