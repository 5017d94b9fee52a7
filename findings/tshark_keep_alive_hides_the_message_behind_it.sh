#!/bin/bash
# TShark 4.0.17: a SIP message that follows a keep-alive in one segment of TCP is not shown and not counted.
#
# RFC 5626 §3.5.1 keeps a TCP connection alive by CRLFCRLF between messages, and RFC 3261 §7.5 has line ends before a start line ignored.
# TCP keeps no borders of what was written: a ping and the request after it may share a segment. TShark takes all of such a
# segment for the keep-alive: no field of the message, no line in `-z sip,stat`, no complaint. One CRLF (a pong) before a message does
# the same. A BYE lost so makes a call that was never released. Met where messages of TCP connections were counted beside TShark's.
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


def message(call_id):
    return (
        f"OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK{call_id}\r\nFrom: <sip:a@example.com>;tag=1\r\n"
        f"To: <sip:b@example.com>\r\nMax-Forwards: 70\r\nCSeq: 1 OPTIONS\r\nCall-ID: {call_id}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def packet(protocol, transport):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(transport), 1, 0, 64, protocol, 0)
    return head + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + transport


def capture(*segments):
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    sequence = 1
    for number, data in enumerate(segments):
        tcp = struct.pack(">HHIIBBHHH", 5060, 5060, sequence, 1, 0x50, 0x18, 65535, 0, 0) + data
        sequence += len(data)
        whole = packet(6, tcp)
        file += struct.pack("<IIII", 1_700_000_000 + number, 0, len(whole), len(whole)) + whole
    return file


for name, before in (("apart", None), ("ping", b"\r\n\r\n"), ("pong", b"\r\n")):
    segments = [message("first"), b"\r\n\r\n", message("second")] if before is None else [message("first"), before + message("second")]
    open(f"{sys.argv[1]}/{name}.pcap", "wb").write(capture(*segments))
PY
status=0
expect() {
  local shown counted
  shown=$("${tshark[@]}" -r "$work/$1.pcap" -Y sip.Call-ID -T fields -e sip.Call-ID 2> /dev/null | xargs)
  counted=$("${tshark[@]}" -r "$work/$1.pcap" -q -z sip,stat 2> /dev/null | sed -n 's/^Number of SIP messages: //p')
  echo "$1: shown: $shown; counted: $counted"
  [ "$shown; $counted" = "$2" ] || { echo "   changed; it was $2"; status=1; }
}
expect apart "first second; 2"
expect ping "first; 1"
expect pong "first; 1"
exit $status
