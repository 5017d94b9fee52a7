#!/bin/bash
# SIPp 3.6.1: the keyword [next_url] takes the display name of a Contact into the Request-URI.
#
# A 200 whose Contact is `Bob <sip:bob@127.0.0.1:PORT>` is valid (RFC 3261 §20.10, §25.1: contact-param is name-addr or
# addr-spec), and the remote target is its URI (§12.1.2). Of such a Contact [next_url] is the whole, name and angle
# brackets too: `ACK Bob <sip:bob@...> SIP/2.0` is no Request-Line, so the answered call never gets its ACK. Without a
# display name, as a control, the URI alone is sent. Met where calls went through a back-to-back user agent that writes
# such Contacts; a scenario for it takes the URI with `ereg`. Reported to SIPp as issue 586, mended there (594) after 3.6.1.
#
# Installs the pinned package of Debian 12 and what it needs into a temporary folder; traffic on 127.0.0.1 alone.
# Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
version="1:3.6.1-1+b2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
site=$(apt-get indextargets --format '$(SITE) $(CREATED_BY) $(ORIGIN)' | awk '$2 == "Packages" && $3 == "Debian" {print $1; exit}')
mkdir -p "$work"/apt/{state/lists/partial,cache/archives/partial,etc/{sources.list.d,preferences.d,apt.conf.d,trusted.gpg.d}} "$work/root"
touch "$work/apt/state/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site bookworm main" > "$work/apt/etc/sources.list"
cat > "$work/apt.conf" <<CONF
Dir::State "$work/apt/state"; Dir::State::status "$work/apt/state/status"; Dir::Cache "$work/apt/cache";
Dir::Etc "$work/apt/etc"; Acquire::Languages "none"; APT::Install-Recommends "false"; APT::Sandbox::User "root";
CONF
export APT_CONFIG="$work/apt.conf"
apt-get -qq update
apt-get -qq --yes --download-only install "sip-tester=$version" > /dev/null
unset APT_CONFIG
for package in "$work"/apt/cache/archives/*.deb; do dpkg-deb -x "$package" "$work/root"; done

cat > "$work/caller.xml" <<'XML'
<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="caller">
<send><![CDATA[
INVITE sip:bob@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:alice@[local_ip]:[local_port]>;tag=1
To: <sip:bob@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:alice@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:alice@[local_ip]:[local_port]>;tag=1
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
</scenario>
XML
cat > "$work/callee.py" <<'PY'
"""Answers one INVITE with the Contact given ("PORT" is its port) and prints the first line of the ACK, port left out."""

import re
import socket
import subprocess
import sys

contact, *command = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
    end.bind(("127.0.0.1", 0))
    end.settimeout(10)
    port = str(end.getsockname()[1])
    with subprocess.Popen([*command, f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as caller:
        invite, peer = end.recvfrom(65535)
        kept = re.findall(r"^(?:Via|From|Call-ID|CSeq):.*$", invite.decode().replace("\r", ""), re.M)
        to = re.search(r"^To:.*$", invite.decode().replace("\r", ""), re.M)[0]
        lines = ["SIP/2.0 200 OK", *kept, f"{to};tag=2", f"Contact: {contact.replace('PORT', port)}", "Content-Length: 0"]
        end.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), peer)
        print(end.recv(65535).decode().partition("\r\n")[0].replace(port, "PORT"))
        caller.wait(10)
PY
libraries="$work/root/lib/x86_64-linux-gnu:$work/root/usr/lib/x86_64-linux-gnu"
sipp=("$work/root/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" "$work/root/usr/bin/sipp")
"${sipp[@]}" -v 2>&1 | grep -m1 SIPp || true
told() {
  (cd "$work" && timeout 30 python3 callee.py "$1" "${sipp[@]}" -sf caller.xml -i 127.0.0.1 -m 1 -nostdin -timeout 8s)
}
status=0
expect() {
  local line; line=$(told "$1")
  echo "Contact: $1"
  echo "   sent: $line"
  [[ $line == "$2" ]] || { echo "   changed; it was: $2"; status=1; }
}
expect '<sip:bob@127.0.0.1:PORT>' 'ACK sip:bob@127.0.0.1:PORT SIP/2.0'
expect 'Bob <sip:bob@127.0.0.1:PORT>' 'ACK Bob <sip:bob@127.0.0.1:PORT> SIP/2.0'
expect '"Bob" <sip:bob@127.0.0.1:PORT>' 'ACK "Bob" <sip:bob@127.0.0.1:PORT> SIP/2.0'
exit $status
