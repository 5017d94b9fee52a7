#!/bin/bash
# sip-doctor 0.8.0: of a TCP connection whose first segment does not begin with a whole start of a message, no message is read.
#
# TCP has no borders: the first captured segment may hold a few bytes of the request, or the line ends of a keep-alive before it
# (RFC 5626 §3.5.1; RFC 3261 §7.5 has them ignored). sip-doctor decides by that segment, it seems, whether a connection is SIP: if the
# first five bytes of an OPTIONS come alone, or CRLFCRLF stands before it in the same segment, it reports "0 SIP messages" and "No
# SIP found" for the whole connection, on port 5060, whatever follows. If the first segment has 100 bytes of the request,
# or CRLFCRLF is a segment of its own, all are read. Met where the messages of a capture with small segments were counted.
#
# Installs the pinned package of PyPI into a temporary folder. Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check sip-doctor==0.8.0
"$work/venv/bin/sip-doctor" --version
python3 - "$work" <<'PY'
import struct
import sys


def message(call_id):
    return (
        f"OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK{call_id}\r\nFrom: <sip:a@example.com>;tag=1\r\n"
        f"To: <sip:b@example.com>\r\nMax-Forwards: 70\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def capture(*segments):
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    sequence = 1
    for number, data in enumerate(segments):
        tcp = struct.pack(">HHIIBBHHH", 5060, 5060, sequence, 1, 0x50, 0x18, 65535, 0, 0) + data
        sequence += len(data)
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), number, 0, 64, 6, 0)
        whole = head + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + tcp
        file += struct.pack("<IIII", 1_700_000_000 + number, 0, len(whole), len(whole)) + whole
    return file


one, two = message("one"), message("two")
for name, segments in {
    "whole": [one, two],
    "hundred_bytes": [one[:100], one[100:], two],
    "ping_apart": [b"\r\n\r\n", one, two],
    "five_bytes": [one[:5], one[5:], two],
    "ping_before": [b"\r\n\r\n" + one, two],
}.items():
    with open(f"{sys.argv[1]}/{name}.pcap", "wb") as file:
        file.write(capture(*segments))
PY
status=0
expect() {
  local said
  said=$("$work/venv/bin/sip-doctor" read --no-color "$work/$1.pcap" | grep -o '[0-9]* SIP messages')
  echo "$1: $said"
  [ "$said" = "$2 SIP messages" ] || { echo "   changed; it was $2"; status=1; }
}
expect whole 2
expect hundred_bytes 2
expect ping_apart 2
expect five_bytes 0
expect ping_before 0
exit $status
