#!/bin/bash
# TShark 4.0.17: of a FabricPath frame the last four bytes are taken for a check sequence, though the capture has none.
#
# Captures of Ethernet hold no frame check sequence unless their driver or file says so (LINKTYPE_ETHERNET; bits 26 to 31 of
# a pcap file's last header word). Of plain Ethernet TShark finds out by the lengths inside, and `-o eth.fcs:FALSE` settles
# it. Behind a FabricPath header (ethertype 0x8903) neither counts: the frame inside always loses four bytes. A SIP message in
# it ends in "\r\n\r\n", which TShark calls a check sequence 0x0d0a0d0a; UDP's length is "bogus", the message "Malformed", a
# body four bytes short. The same frame without the 16 bytes of FabricPath is whole, as a control. Met where TShark's reading
# of SPAN captures of a FabricPath switch was compared with another's.
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

sip = "\r\n".join([
    "OPTIONS sip:b@192.0.2.2 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "From: <sip:a@192.0.2.1>;tag=1",
    "To: <sip:b@192.0.2.2>", "Call-ID: 1", "CSeq: 1 OPTIONS", "Max-Forwards: 70", "Content-Length: 0", "", "",
]).encode()
udp = struct.pack(">HHHH", 5060, 5060, 8 + len(sip), 0) + sip
ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0x4000, 64, 17, 0) + bytes([192, 0, 2, 1, 192, 0, 2, 2])
inner = bytes.fromhex("0200000000020200000000010800") + ip + udp
outer = bytes.fromhex("02010000000202010000000189030040")  # to and from switches, ethertype 0x8903, FTag and TTL
for name, frame in (("plain", inner), ("fabricpath", outer + inner)):
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    record = struct.pack("<IIII", 1_700_000_000, 0, len(frame), len(frame))
    open(f"{sys.argv[1]}/{name}.pcap", "wb").write(header + record + frame)
PY
status=0
expect() {
  local said
  said=$("${tshark[@]}" -o eth.fcs:FALSE -r "$work/$1.pcap" -V 2> /dev/null | grep -cE 'Frame check sequence: 0x0d0a0d0a|bogus|Malformed Packet: SIP' || true)
  echo "$1: $said of the three lines that say so"
  [ "$said" = "$2" ] || { echo "   changed; it was $2"; status=1; }
}
expect plain 0
expect fabricpath 3
exit $status
