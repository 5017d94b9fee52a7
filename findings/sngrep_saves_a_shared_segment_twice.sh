#!/bin/bash
# sngrep 1.6.0: a TCP segment with the end of one message and the beginning of the next is saved twice.
#
# `sngrep -N -I in.pcap -O out.pcap` writes the packets of the messages that it read. It keeps packets by message, and where a segment
# has parts of two messages, it writes the segment once for each: the file has a packet that was never sent, at the same time and with the same sequence
# number. Who reads the saved file sees a retransmission (tshark marks it as one) and counts a loss that there was not. A
# segment with two whole messages is saved once. Met where saved files were compared with their source.
#
# Installs the pinned package of Debian 12 and what it needs into a temporary folder. Exit 0: as described. Exit 1: changed.
set -euo pipefail
version="1.6.0-1"
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
apt-get -qq --yes --download-only install "sngrep=$version" > /dev/null
unset APT_CONFIG
for package in "$work"/apt/cache/archives/*.deb; do dpkg-deb -x "$package" "$work/root"; done
libraries="$work/root/lib/x86_64-linux-gnu:$work/root/usr/lib/x86_64-linux-gnu"
sngrep=("$work/root/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" "$work/root/usr/bin/sngrep")
export HOME="$work"
"${sngrep[@]}" -V | head -n 1

python3 - "$work" <<'PY'
import struct
import sys

CALLER, CALLEE = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def message(start, more=""):
    return (
        f"{start}\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>{more}\r\n"
        "Max-Forwards: 70\r\nCall-ID: call\r\nContact: <sip:192.0.2.9>\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    ).encode()


invite, ringing, answer = message("INVITE sip:b@example.com SIP/2.0"), message("SIP/2.0 180 Ringing", ";tag=2"), message("SIP/2.0 200 OK", ";tag=2")
for name, answers in {
    "apart": [ringing, answer],
    "together": [ringing + answer],
    "shared": [ringing + answer[:100], answer[100:]],
}.items():
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    sent = {CALLER: 1, CALLEE: 1}
    for number, (source, data) in enumerate([(CALLER, invite), *((CALLEE, data) for data in answers)]):
        target = CALLEE if source == CALLER else CALLER
        tcp = struct.pack(">HHIIBBHHH", 5060, 5060, sent[source], sent[target], 0x50, 0x18, 65535, 0, 0) + data
        sent[source] += len(data)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), number, 0, 64, 6, 0) + source + target
        whole = bytes(12) + b"\x08\x00" + ip + tcp
        file += struct.pack("<IIII", 1_700_000_000 + number, 0, len(whole), len(whole)) + whole
    open(f"{sys.argv[1]}/{name}.pcap", "wb").write(file)
PY
packets() {
  python3 - "$1" <<'PY'
import struct
import sys

data, at, times = open(sys.argv[1], "rb").read(), 24, []
while at < len(data):
    second, _, length, _ = struct.unpack_from("<IIII", data, at)
    times.append(str(second - 1_700_000_000))
    at += 16 + length
print(*times)
PY
}
status=0
expect() {
  local before after
  timeout 30 "${sngrep[@]}" -N -q -I "$work/$1.pcap" -O "$work/$1.out.pcap" < /dev/null > /dev/null 2>&1
  before=$(packets "$work/$1.pcap") after=$(packets "$work/$1.out.pcap")
  echo "$1: packets at second $before; saved: $after"
  [ "$after" = "$2" ] || { echo "   changed; it was $2"; status=1; }
}
expect apart "0 1 2"
expect together "0 1"
expect shared "0 1 1 2"
exit $status
