#!/bin/bash
# TShark 4.0.17: a packet with the marker bit is left out of the jitter that `-z rtp,streams` prints.
#
# RFC 3550 §6.4.1 and A.8 update the interarrival jitter with every packet. TShark does so but for packets with the marker bit: the
# difference between such a packet and the one before it never counts. Of audio that is the first packet after a pause, whose
# delay is what a listener hears; of H.263 video, which marks the last packet of each frame (RFC 4629), it is one packet in every
# frame. So "Mean Jitter" and "Max Jitter" of one and the same arrival of packets depend on their marks. Here four packets of 20 ms,
# the third 16 ms late: the jitter is 0, 1 and 0.9375 ms, its mean 0.646 and its maximum 1, and so it is printed; with a mark on the late
# packet 0.312 and 0.938 are printed. Met where TShark's figures of calls with pauses and of video were compared with RFC 3550 by hand.
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

LATE = (0, 0, 16_000, 16_000)  # microseconds
for name, marked in (("unmarked", -1), ("marked", 2)):
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for number, late in enumerate(LATE):
        mark = 0x80 if number == marked else 0
        rtp = struct.pack(">BBHII", 0x80, 8 | mark, number + 1, number * 160, 7) + bytes(160)
        udp = struct.pack(">HHHH", 4000, 4000, 8 + len(rtp), 0) + rtp
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0)
        packet = head + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + udp
        file += struct.pack("<IIII", 1_700_000_000, number * 20_000 + late, len(packet), len(packet)) + packet
    open(f"{sys.argv[1]}/{name}.pcap", "wb").write(file)
PY
status=0
expect() {
  local said
  said=$("${tshark[@]}" -r "$work/$1.pcap" -q --enable-heuristic rtp_udp -z rtp,streams 2> /dev/null | awk '/0x00000007/ { print $(NF-1), $NF }')
  echo "$1: mean and maximum jitter (ms) $said"
  [ "$said" = "$2" ] || { echo "   changed; it was $2"; status=1; }
}
expect unmarked "0.646 1.000"
expect marked "0.312 0.938"
exit $status
