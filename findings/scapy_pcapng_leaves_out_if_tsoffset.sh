#!/bin/bash
# scapy 2.8.0 and python-pcapng 2.1.1: the time offset of a pcapng interface (if_tsoffset) is left out of the times of its packets.
#
# An interface description may carry if_tsoffset (code 14): seconds that are added to the timestamp of each of its packets
# (draft-ietf-opsawg-pcapng, section 4.2), so that a probe may count from its own start. Both libraries apply if_tsresol and read past
# the offset without a word: a packet of November 2023 is then told as of 1970. dpkt 1.9.8 and Wireshark add it. Two interfaces
# with different offsets in one file come out of order. Met where engines were compared on a capture with offsets.
#
# Installs the pinned packages of PyPI into a temporary folder. Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check scapy==2.8.0 python-pcapng==2.1.1 dpkt==1.9.8
"$work/venv/bin/pip" list --disable-pip-version-check 2> /dev/null | grep -iE '^(scapy|python-pcapng|dpkt) '
cat > "$work/times.py" <<'PY'
import struct
import sys
from pathlib import Path

import dpkt
import pcapng
from scapy.utils import rdpcap


def block(kind, body):
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


TRUE, OFFSET = 1_700_000_000.5, 1_700_000_000
section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
resolution = struct.pack("<HHB3x", 9, 1, 6)
offset = struct.pack("<HHq", 14, 8, OFFSET)
interface = block(1, struct.pack("<HHI", 101, 0, 0) + resolution + offset + bytes(4))
ip = bytes.fromhex("4500001c0001000040110000c0000201c0000202") + struct.pack(">HHHH", 5060, 5060, 8, 0)
ticks = 500_000  # of a microsecond, since the offset
packet = block(6, struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(ip), len(ip)) + ip)
path = Path(sys.argv[1]) / "offset.pcapng"
path.write_bytes(section + interface + packet)

with path.open("rb") as file:
    told = {
        "dpkt": next(iter(dpkt.pcapng.Reader(file)))[0],
        "scapy": float(rdpcap(str(path))[0].time),
    }
with path.open("rb") as file:
    told["python-pcapng"] = next(float(entry.timestamp) for entry in pcapng.FileScanner(file) if hasattr(entry, "timestamp"))
print("true:", TRUE, *(f"{name}: {time}" for name, time in told.items()))
sys.exit(told != {"dpkt": TRUE, "scapy": TRUE - OFFSET, "python-pcapng": TRUE - OFFSET})
PY
status=0
"$work/venv/bin/python" -W ignore "$work/times.py" "$work" || status=1
[ $status = 0 ] || echo "   changed"
exit $status
