#!/bin/bash
# TShark 4.0.17: of a SIP message that the snap length cut, no header is shown, though all of them are in the capture.
#
# Captures of busy networks are often taken with a snap length (`tcpdump -s 256`). Of a datagram that was cut TShark shows the start line
# and the note "Packet size limited during capture", but no header field at all: filters on sip.Call-ID, sip.CSeq or sip.Via do not match,
# `-T fields` prints nothing, and `-z sip,stat` leaves the message out. Here only the last line end is missing; Call-ID and CSeq are there,
# whole. A call in such a capture cannot be followed by its Call-ID, and nothing says so. Met with a capture of snap length 400.
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
        f"OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{call_id}\r\nFrom: <sip:a@example.com>;tag=1\r\n"
        f"To: <sip:b@example.com>\r\nMax-Forwards: 70\r\nCSeq: 1 OPTIONS\r\nCall-ID: {call_id}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def packet(protocol, transport):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(transport), 1, 0, 64, protocol, 0)
    return head + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + transport


for name, cut in (("whole", 0), ("cut", 2)):
    data = message("known")
    whole = packet(17, struct.pack(">HHHH", 5060, 5060, 8 + len(data), 0) + data)
    kept = whole[: len(whole) - cut]
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, len(kept), 101)
    file += struct.pack("<IIII", 1_700_000_000, 0, len(kept), len(whole)) + kept
    open(f"{sys.argv[1]}/{name}.pcap", "wb").write(file)
PY
status=0
expect() {
  local said counted
  said=$("${tshark[@]}" -r "$work/$1.pcap" -T fields -E separator='|' -e sip.Method -e sip.Call-ID -e sip.CSeq 2> /dev/null)
  counted=$("${tshark[@]}" -r "$work/$1.pcap" -q -z sip,stat 2> /dev/null | sed -n 's/^Number of SIP messages: //p')
  echo "$1: method|Call-ID|CSeq: $said; counted: $counted"
  [ "$said; $counted" = "$2" ] || { echo "   changed; it was $2"; status=1; }
}
expect whole "OPTIONS|known|1 OPTIONS; 1"
expect cut "OPTIONS||; 0"
exit $status
