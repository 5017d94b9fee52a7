#!/bin/bash
# TShark 4.0.17: delays of SIP are told for UDP alone; over TCP a set-up takes "0 ms".
#
# Over UDP each response has sip.response-time and sip.response-request, and `-z sip,stat` prints the time from INVITE to ACK. The same
# six messages over TCP, a segment each, have none of these fields, and the statistic prints "Average setup time 0 ms", as if it had
# been measured. RFC 3261 §17 matches responses to requests by branch and method for any transport, and much SIP in an IMS is over TCP
# (3GPP TS 24.229 §4.2A). A filter such as `sip.response-time > 1000` finds no slow call there. Met where delays were compared.
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


def message(start, cseq, method, tag, transport):
    return (
        f"{start}\r\nVia: SIP/2.0/{transport} 192.0.2.1;branch=z9hG4bK{cseq}{method}\r\nFrom: <sip:a@example.com>;tag=1\r\n"
        f"To: <sip:b@example.com>{tag}\r\nMax-Forwards: 70\r\nCall-ID: call\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


CALL = [  # milliseconds, sender, start line, CSeq, tag
    (0, CALLER, "INVITE sip:b@example.com SIP/2.0", 1, "INVITE", ""),
    (200, CALLEE, "SIP/2.0 180 Ringing", 1, "INVITE", ";tag=2"),
    (4000, CALLEE, "SIP/2.0 200 OK", 1, "INVITE", ";tag=2"),
    (4020, CALLER, "ACK sip:b@example.com SIP/2.0", 1, "ACK", ";tag=2"),
    (9000, CALLER, "BYE sip:b@example.com SIP/2.0", 2, "BYE", ";tag=2"),
    (9015, CALLEE, "SIP/2.0 200 OK", 2, "BYE", ";tag=2"),
]
for transport in ("UDP", "TCP"):
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    sent = {CALLER: 1, CALLEE: 1}
    for at, source, start, cseq, method, tag in CALL:
        data = message(start, cseq, method, tag, transport)
        target = CALLEE if source == CALLER else CALLER
        if transport == "UDP":
            protocol, head = 17, struct.pack(">HHHH", 5060, 5060, 8 + len(data), 0)
        else:
            protocol, head = 6, struct.pack(">HHIIBBHHH", 5060, 5060, sent[source], sent[target], 0x50, 0x18, 65535, 0, 0)
            sent[source] += len(data)
        whole = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(head + data), 1, 0, 64, protocol, 0) + source + target + head + data
        file += struct.pack("<IIII", 1_700_000_000 + at // 1000, at % 1000 * 1000, len(whole), len(whole)) + whole
    open(f"{sys.argv[1]}/{transport}.pcap", "wb").write(file)
PY
status=0
expect() {
  local delays setup
  delays=$("${tshark[@]}" -r "$work/$1.pcap" -Y sip.Status-Code -T fields -e sip.response-time 2> /dev/null | xargs)
  setup=$("${tshark[@]}" -r "$work/$1.pcap" -q -z sip,stat 2> /dev/null | grep -oE 'Average setup time [0-9]+ ms')
  echo "$1: response times: ${delays:-none}; $setup"
  [ "${delays:-none}; $setup" = "$2" ] || { echo "   changed; it was $2"; status=1; }
}
expect UDP "200 4000 15; Average setup time 4020 ms"
expect TCP "none; Average setup time 0 ms"
exit $status
