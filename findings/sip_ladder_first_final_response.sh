#!/bin/bash
# sip-ladder 2026.5.25.6: the response of a call in `--list` is that of its first INVITE, also where a later INVITE was answered.
#
# A caller that is asked for credentials (401, 407; RFC 3261 §22) or redirected (302; §8.1.3.4) sends the INVITE again under the same
# Call-ID with a higher CSeq. The call here is refused with 407, tried again and answered with 200; the list says 407 for it, as for
# one that never got further. Who reads failed calls off that column counts every call behind a proxy that authenticates. Met
# where outcomes of calls were compared.
#
# Installs the pinned package of PyPI into a temporary folder. Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check sip-ladder==2026.5.25.6
"$work/venv/bin/sip-ladder" --version
python3 - "$work" <<'PY'
import struct
import sys

CALLER, CALLEE = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def message(start, cseq, method, tag=""):
    return (
        f"{start}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{cseq}\r\nFrom: <sip:a@example.com>;tag=1\r\n"
        f"To: <sip:b@example.com>{tag}\r\nMax-Forwards: 70\r\nCall-ID: call\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


invite, ack = "INVITE sip:b@example.com SIP/2.0", "ACK sip:b@example.com SIP/2.0"
dialog = [
    (CALLER, CALLEE, message(invite, 1, "INVITE")),
    (CALLEE, CALLER, message("SIP/2.0 407 Proxy Authentication Required", 1, "INVITE", ";tag=2")),
    (CALLER, CALLEE, message(ack, 1, "ACK", ";tag=2")),
    (CALLER, CALLEE, message(invite, 2, "INVITE")),
    (CALLEE, CALLER, message("SIP/2.0 200 OK", 2, "INVITE", ";tag=3")),
    (CALLER, CALLEE, message(ack, 2, "ACK", ";tag=3")),
]
with open(f"{sys.argv[1]}/call.pcap", "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for number, (source, target, data) in enumerate(dialog):
        udp = struct.pack(">HHHH", 5060, 5060, 8 + len(data), 0) + data
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0)
        whole = bytes(12) + b"\x08\x00" + head + source + target + udp
        file.write(struct.pack("<IIII", 1_700_000_000 + number, 0, len(whole), len(whole)) + whole)
PY
said=$("$work/venv/bin/sip-ladder" --list "$work/call.pcap")
echo "$said"
[ "$(awk '$1 == "call" { print $2, $3 }' <<< "$said")" = "INVITE 407" ] || { echo "   changed"; exit 1; }
