#!/bin/bash
# sippy 2.5.0: its B2BUA sends the INVITE with credentials before the ACK to the 407 that asked for them.
#
# A next hop challenges (RFC 3261 §22.3). The client transaction has to acknowledge the 407 (§17.1.1.2, §17.1.1.3), and the
# user agent makes a new INVITE with a higher CSeq (§22.2). Nothing says which leaves first; the usual is the
# ACK; here INVITE 2 comes in before ACK 1, every time. An end that waits for the ACK before it takes another INVITE of that
# Call-ID never answers, and a reader of captures must not take the order of ACK and retry for granted.
#
# Installs the pinned package of PyPI into a temporary folder; traffic on 127.0.0.1 alone.
# Exit 0: as described. Exit 1: the behaviour changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check sippy==2.5.0
"$work/venv/bin/pip" list --disable-pip-version-check 2> /dev/null | grep -i '^sippy'
cat > "$work/ends.py" <<'PY'
"""The caller and the challenging next hop of one call through the B2BUA; prints what the next hop gets, in order."""

import re
import socket
import subprocess
import sys
import time

python, work = sys.argv[1:]


def udp():
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind(("127.0.0.1", 0))
    end.settimeout(5)
    return end, end.getsockname()[1]


def lines(message, *names):
    return [line for line in message.split("\r\n") if line.partition(":")[0].strip() in names]


near, near_port = udp()
far, far_port = udp()
probe, port = udp()
probe.close()
command = [python, "-m", "sippy.b2bua", "-f", "-u", "-A", "0", "-l", "127.0.0.1", "-p", str(port), "-P", f"{work}/pid",
           "-L", f"{work}/log", "-c", f"{work}/socket", "-s", f"127.0.0.1:{far_port};auth=user:secret"]
with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=work) as node:
    try:
        time.sleep(4)
        body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n"
        invite = (
            f"INVITE sip:100@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{near_port};branch=z9hG4bK-1\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:200@127.0.0.1>;tag=1\r\nTo: <sip:100@127.0.0.1:{port}>\r\n"
            f"Call-ID: sample@127.0.0.1\r\nCSeq: 1 INVITE\r\nContact: <sip:200@127.0.0.1:{near_port}>\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        near.sendto(invite.encode(), ("127.0.0.1", port))
        got = []
        while len(got) < 3:
            message, peer = far.recvfrom(65535)
            text = message.decode()
            method, number = text.split()[0], re.search(r"^CSeq: *(\d+)", text, re.M)[1]
            if (method, number) in got:
                continue
            got.append((method, number))
            if len(got) == 1:
                answer = ["SIP/2.0 407 Proxy Authentication Required", *lines(text, "Via", "From", "Call-ID", "CSeq"),
                          *(f"{line};tag=9" for line in lines(text, "To")),
                          'Proxy-Authenticate: Digest realm="far", nonce="f00d"', "Content-Length: 0", "", ""]
                far.sendto("\r\n".join(answer).encode(), peer)
            elif method == "INVITE":
                answer = ["SIP/2.0 486 Busy Here", *lines(text, "Via", "From", "Call-ID", "CSeq"),
                          *(f"{line};tag=8" for line in lines(text, "To")), "Content-Length: 0", "", ""]
                far.sendto("\r\n".join(answer).encode(), peer)
        first = int(got[0][1])
        print(*(f"{method} {int(number) - first + 1}" for method, number in got), sep=", ")
    finally:
        node.terminate()
PY
status=0
for try in 1 2 3; do
  told=$(timeout 60 python3 "$work/ends.py" "$work/venv/bin/python" "$work")
  echo "call $try, what the next hop gets: $told"
  [[ $told == "INVITE 1, INVITE 2, ACK 1" ]] || { echo "   changed; it was: INVITE 1, INVITE 2, ACK 1"; status=1; }
done
exit $status
