#!/bin/bash
# TShark 4.0.17: a WebSocket message that is compressed and comes in several frames is not decompressed, and not shown as SIP.
#
# RFC 7692 §6.1 compresses a message, not a frame: the compressed bytes may be cut into fragments anywhere (RFC 6455 §5.4), and only the
# first frame bears RSV1. TShark shows a fragmented message as SIP if it is not compressed, and a compressed one if it has one frame; one
# that is both it leaves as frames of WebSocket without a complaint. What is worse, with context takeover (the default of RFC 7692
# §7.1.1) its decompressor then lacks the bytes of that message, and the next message of the same sender is lost, too. A sender may
# fragment any message (RFC 6455 §5.4), as libraries do with those longer than their buffer. Met where the messages of WebSocket
# connections were counted beside those of TShark.
#
# Installs the pinned package of Debian 12 and what it needs into a temporary folder. Exit 0: as described. Exit 1: changed.
set -euo pipefail
version="4.0.17-0+deb12u3"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source /etc/os-release
[ "${VERSION_CODENAME:-}" = bookworm ] || echo "made for Debian 12, this is ${PRETTY_NAME:-another system}"
mkdir -p "$work"/apt/{state/lists/partial,cache/archives/partial,etc/{sources.list.d,preferences.d,apt.conf.d,trusted.gpg.d}} "$work/root"
touch "$work/apt/state/status"
apt-get indextargets --format '$(SITE) $(RELEASE) $(CREATED_BY) $(ORIGIN)' | awk '$3 == "Packages" && $4 ~ /^Debian/ {
  print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $1, $2, "main"}' | sort -u > "$work/apt/etc/sources.list"
cat > "$work/apt.conf" <<CONF
Dir::State "$work/apt/state"; Dir::State::status "$work/apt/state/status"; Dir::Cache "$work/apt/cache";
Dir::Etc "$work/apt/etc"; Acquire::Languages "none"; APT::Install-Recommends "false"; APT::Sandbox::User "root";
CONF
export APT_CONFIG="$work/apt.conf"
apt-get -qq update
apt-get -qq --yes --download-only install "tshark=$version" > /dev/null
unset APT_CONFIG
for package in "$work"/apt/cache/archives/*.deb; do dpkg-deb -x "$package" "$work/root"; done
libraries="$work/root/lib/x86_64-linux-gnu:$work/root/usr/lib/x86_64-linux-gnu"
tshark=("$work/root/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" "$work/root/usr/bin/tshark")
export HOME="$work"
"${tshark[@]}" --version 2> /dev/null | head -n 1

python3 - "$work" <<'PY'
import struct
import sys
import zlib

CLIENT, SERVER = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
SIP = (
    "OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/WS h.invalid;branch=z9hG4bK%d\r\nFrom: <sip:a@example.com>;tag=1\r\n"
    "To: <sip:b@example.com>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)
ASK = (
    "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n"
)
ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n"
)


def frames(data, pieces, compressed):
    step = -(-len(data) // pieces)
    parts = [data[at : at + step] for at in range(0, len(data), step)]
    for number, part in enumerate(parts):
        first = (1 if number == 0 else 0) | (0x40 if compressed and number == 0 else 0)
        first |= 0x80 if number == len(parts) - 1 else 0
        size = bytes([len(part)]) if len(part) < 126 else b"\x7e" + struct.pack(">H", len(part))
        yield bytes([first]) + size + part


def write(name, extension, messages):
    """Two messages of the server; each in so many frames."""
    deflate, sent = zlib.compressobj(wbits=-15), []
    for number, pieces in enumerate(messages):
        text = (SIP % (number, number)).encode()
        if extension:
            text = (deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
            if "no_context_takeover" in extension:
                deflate = zlib.compressobj(wbits=-15)
        sent.append(b"".join(frames(text, pieces, bool(extension))))
    line = f"Sec-WebSocket-Extensions: {extension}\r\n" if extension else ""
    packets, numbers = [], [100, 200]

    def segment(side, flags, data=b""):
        ports = (40000, 80) if side == 0 else (80, 40000)
        ends = CLIENT + SERVER if side == 0 else SERVER + CLIENT
        tcp = struct.pack(">HHIIBBHHH", *ports, numbers[side], numbers[1 - side], 0x50, flags, 65535, 0, 0) + data
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), len(packets) + 1, 0, 64, 6, 0)
        packets.append(head + ends + tcp)
        numbers[side] += len(data) + (1 if flags & 2 else 0)

    segment(0, 2)
    segment(1, 18)
    segment(0, 16)
    segment(0, 24, (ASK + line + "\r\n").encode())
    segment(1, 24, (ANSWER + line + "\r\n").encode())
    for data in sent:
        segment(1, 24, data)
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for number, packet in enumerate(packets):
        file += struct.pack("<IIII", 1_700_000_000, number * 1000, len(packet), len(packet)) + packet
    open(f"{sys.argv[1]}/{name}.pcap", "wb").write(file)


RESET = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
write("plain_whole", "", (1, 1))
write("plain_fragmented", "", (3, 1))
write("compressed_whole", "permessage-deflate", (1, 1))
write("compressed_fragmented", RESET, (3, 1))
write("takeover_fragmented", "permessage-deflate", (3, 1))
PY
status=0
expect() {
  local said
  said=$("${tshark[@]}" -r "$work/$1.pcap" -Y sip -T fields -e sip.Call-ID 2> /dev/null | tr '\n' ' ')
  echo "$1: Call-IDs of the messages shown as SIP, of 0 and 1: ${said:-none}"
  [ "$said" = "$2" ] || { echo "   changed; it was ${2:-none}"; status=1; }
}
expect plain_whole "0 1 "
expect plain_fragmented "0 1 "
expect compressed_whole "0 1 "
expect compressed_fragmented "1 "
expect takeover_fragmented ""
exit $status
