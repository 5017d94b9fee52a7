#!/bin/bash
# sipmessage 0.7.1: an INVITE to urn:service:sos is no message, a Refer-To with Replaces no address, a folded header line neither.
#
# The Request-URI of an emergency call is a URN (RFC 5031 §4.2, 3GPP TS 24.229 §5.1.6); RFC 3261 §25.1 allows any absolute URI there. The library
# raises "URI is not valid" for the whole message. A URI may have header fields (§19.1.1); each attended transfer has one, the Replaces in
# its Refer-To (RFC 5589 §7.3): the same error. A header field may go on in a line that begins with a space (§7.3.1): the
# message is refused with an error about unpacking. Semicolons within a user part, as number portability has them (RFC 4694), are read.
# Met where parsers were compared on the messages of RFC 4475 and of IMS networks.
#
# Installs the pinned package of PyPI into a temporary folder. Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check sipmessage==0.7.1
"$work/venv/bin/pip" list --disable-pip-version-check 2> /dev/null | grep '^sipmessage'
"$work/venv/bin/python" - <<'PY'
import sys

from sipmessage import Address, Message

PLAIN = (
    "INVITE {} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n"
    "Max-Forwards: 70\r\nCall-ID: call\r\nCSeq: 1 INVITE\r\n{}Content-Length: 0\r\n\r\n"
)
READ, URI, FOLD = "read", "ValueError: URI is not valid", "ValueError: not enough values to unpack (expected 2, got 1)"
KNOWN = [
    ("plain", Message.parse, PLAIN.format("sip:b@example.com", "").encode(), READ),
    ("ported number", Message.parse, PLAIN.format("sip:+14085551212;npdi;rn=+14085551000@example.com", "").encode(), READ),
    ("emergency", Message.parse, PLAIN.format("urn:service:sos", "").encode(), URI),
    ("folded line", Message.parse, PLAIN.format("sip:b@example.com", "Subject: two\r\n lines\r\n").encode(), FOLD),
    ("Refer-To", Address.parse, "<sip:c@example.com>", READ),
    ("Refer-To with Replaces", Address.parse, "<sip:c@example.com?Replaces=call%3Bto-tag%3D1%3Bfrom-tag%3D2>", URI),
]
changed = False
for name, parse, text, known in KNOWN:
    try:
        parse(text)
        told = READ
    except ValueError as error:
        told = f"ValueError: {error}"
    print(f"{name}: {told}", "" if told == known else f"   changed; it was {known}")
    changed |= told != known
sys.exit(changed)
PY
