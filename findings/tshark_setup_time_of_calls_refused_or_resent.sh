#!/bin/bash
# TShark 4.0.17: the "setup time" of `-z sip,stat` counts refused calls, and an ACK that is sent again as a call of its own.
#
# The statistic measures to the ACK, whatever it acknowledges. A 486 has an ACK too (RFC 3261 §17.1.1.3), so a busy call has a "setup
# time" of 60 ms, and a call that a proxy challenged with 407 counts twice, once with a few milliseconds. Where a 200 is repeated because its ACK was
# late or lost, each 200 is acknowledged again (§13.2.2.4), and the second ACK counts as a set-up of its own, 500 ms after the first.
# "Average" and "Min" are then smaller than any delay that a caller met: here a call is answered after 4 s and acknowledged at 4.02 s;
# with a repeated 200 its average is 2260 ms. Met where set-up times were compared.
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

CALLER, CALLEE = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def message(start, method, tag):
    return (
        f"{start}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>{tag}\r\n"
        f"Max-Forwards: 70\r\nCall-ID: call\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


INVITE = (CALLER, message("INVITE sip:b@example.com SIP/2.0", "INVITE", ""))
ACK = (CALLER, message("ACK sip:b@example.com SIP/2.0", "ACK", ";tag=2"))
OK = (CALLEE, message("SIP/2.0 200 OK", "INVITE", ";tag=2"))
BUSY = (CALLEE, message("SIP/2.0 486 Busy Here", "INVITE", ";tag=2"))
CALLS = {  # (milliseconds, sender and message)
    "answered": [(0, INVITE), (4000, OK), (4020, ACK)],
    "resent": [(0, INVITE), (4000, OK), (4020, ACK), (4500, OK), (4520, ACK)],
    "busy": [(0, INVITE), (50, BUSY), (60, ACK)],
}
for name, packets in CALLS.items():
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for at, (source, data) in packets:
        udp = struct.pack(">HHHH", 5060, 5060, 8 + len(data), 0) + data
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
        whole = head + source + (CALLEE if source == CALLER else CALLER) + udp
        file += struct.pack("<IIII", 1_700_000_000 + at // 1000, at % 1000 * 1000, len(whole), len(whole)) + whole
    open(f"{sys.argv[1]}/{name}.pcap", "wb").write(file)
PY
status=0
expect() {
  local said
  said=$("${tshark[@]}" -r "$work/$1.pcap" -q -z sip,stat 2> /dev/null | grep -oE '(Average setup time|Min|Max) [0-9]+ ms' | xargs)
  echo "$1: $said"
  [ "$said" = "$2" ] || { echo "   changed; it was $2"; status=1; }
}
expect answered "Average setup time 4020 ms Min 4020 ms Max 4020 ms"
expect resent "Average setup time 2260 ms Min 500 ms Max 4020 ms"
expect busy "Average setup time 60 ms Min 60 ms Max 60 ms"
exit $status
