#!/bin/bash
# dpkt 1.9.8: in a pcapng file every packet has the resolution of times and the link type of the first interface.
#
# A pcapng section may have several Interface Description Blocks; an Enhanced Packet Block names its own, whose
# if_tsresol is the unit of its time (draft-ietf-opsawg-pcapng §4.2, §4.3). Such files come from `mergecap`, and from a
# capture on two interfaces. dpkt.pcapng.Reader reads the first block and passes over the others: a packet of an
# interface in nanoseconds behind one in microseconds lies some 53,800 years ahead, the other way round a packet of 2023
# lies in January 1970, and `datalink()` sends raw IP through a parser of Ethernet. Nothing is raised. With the
# interfaces in files of their own, as a control, times and link types are right, as python-pcapng 2.1.1 has them in
# either case. Met where times of merged captures were compared. Known to dpkt as issue 681, open.
#
# Installs the pinned packages of PyPI into a temporary folder. Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check dpkt==1.9.8 python-pcapng==2.1.1
"$work/venv/bin/pip" list --disable-pip-version-check 2> /dev/null | grep -E '^(dpkt|python-pcapng) '
"$work/venv/bin/python" - <<'PY'
import io
import struct
import sys

import dpkt
import pcapng

ETHERNET, RAW_IP = 1, 101
SECOND = 1_700_000_000  # 2023-11-14T22:13:20Z
IP = bytes.fromhex("4500001c000100004011f6ce c0000201c0000202 13c413c40008 0000")


def block(kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def interface(link, digits):
    """Times in units of 10^-digits s."""
    options = struct.pack("<HHB3xHH", 9, 1, digits, 0, 0)
    return block(1, struct.pack("<HHI", link, 0, 65535) + options)


def packet(number, digits, second, link):
    data = (bytes(12) + b"\x08\x00" if link == ETHERNET else b"") + IP
    time = second * 10**digits
    return block(6, struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, len(data), len(data)) + data)


HEAD = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
MICRO, NANO = (ETHERNET, 6), (RAW_IP, 9)


def file(*interfaces):
    """One packet of each interface, a second apart."""
    packets = (packet(n, digits, SECOND + n, link) for n, (link, digits) in enumerate(interfaces))
    return HEAD + b"".join(interface(*one) for one in interfaces) + b"".join(packets)


def by_dpkt(data):
    reader = dpkt.pcapng.Reader(io.BytesIO(data))
    return [(reader.datalink(), round(time - SECOND, 3)) for time, _ in reader]


def by_python_pcapng(data):
    blocks = pcapng.FileScanner(io.BytesIO(data))
    found = [one for one in blocks if isinstance(one, pcapng.blocks.EnhancedPacket)]
    return [(one.interface.link_type, round(one.timestamp - SECOND, 3)) for one in found]


KNOWN = [
    ("microseconds alone", (MICRO,), [(ETHERNET, 0.0)]),
    ("nanoseconds alone", (NANO,), [(RAW_IP, 0.0)]),
    ("both, microseconds first", (MICRO, NANO), [(ETHERNET, 0.0), (ETHERNET, float((SECOND + 1) * 1000 - SECOND))]),
    ("both, nanoseconds first", (NANO, MICRO), [(RAW_IP, 0.0), (RAW_IP, round((SECOND + 1) / 1000 - SECOND, 3))]),
]
changed = False
for name, interfaces, known in KNOWN:
    data = file(*interfaces)
    told, right = by_dpkt(data), by_python_pcapng(data)
    print(f"{name}: (link type, seconds since the first packet) dpkt {told}; python-pcapng {right}")
    if told != known or right != [(link, float(n)) for n, (link, _) in enumerate(interfaces)]:
        print(f"   changed; dpkt had {known}")
        changed = True
sys.exit(changed)
PY
