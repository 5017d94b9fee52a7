"""GnuTLS in front of Kamailio: another library's key log, and a server that operators run.

`gnutls-cli` writes the key log and speaks; Kamailio, whose TLS is OpenSSL, answers.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "real_nodes"))
from processes import until

PORT = 5061
REQUESTS = ("OPTIONS", "INVITE", "MESSAGE")
CONNECTIONS = {
    "gnutls-1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3",
    "gnutls-1.2-gcm": "NORMAL:-VERS-ALL:+VERS-TLS1.2",
    "gnutls-1.2-cbc": "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-CBC",
    "gnutls-1.2-chacha20": "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305",
}
CONFIGURATION = """#!KAMAILIO
debug=0
log_stderror=yes
tcp_children=1
enable_tls=yes
listen=tls:127.0.0.1:{port}
loadmodule "tls.so"
loadmodule "sl.so"
loadmodule "pv.so"
modparam("tls", "certificate", "{folder}/rsa.pem")
modparam("tls", "private_key", "{folder}/rsa.key")
modparam("tls", "tls_method", "TLSv1.2+")
request_route {{
  if (method == "INVITE") {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}
  sl_send_reply("200", "OK");
}}
"""
DEADLINE = 10.0


def request(method: str, call_id: str) -> bytes:
    return (
        f"{method} sip:bob@example.com SIP/2.0\r\n"
        f"Via: SIP/2.0/TLS 127.0.0.1:5099;branch=z9hG4bK-{call_id}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:alice@example.com>;tag=a1\r\nTo: <sip:bob@example.com>\r\n"
        f"Call-ID: {call_id}\r\nCSeq: 1 {method}\r\n"
        "Contact: <sip:alice@127.0.0.1:5099;transport=tls>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@contextmanager
def kamailio(folder: Path) -> Iterator[None]:
    configuration = folder / "kamailio.cfg"
    configuration.write_text(CONFIGURATION.format(port=PORT, folder=folder))
    log = folder / "kamailio.log"
    with log.open("w") as output:
        words = ["kamailio", "-DD", "-E", "-f", str(configuration), "-m", "32", "-M", "8"]
        server = subprocess.Popen(words, stdout=output, stderr=output)
        try:
            until(lambda: f":{PORT} " in sockets(), "Kamailio listens", log)
            yield
        finally:
            server.terminate()
            server.wait(DEADLINE)


def sockets() -> str:
    return subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout


def talk(name: str, priority: str, folder: Path) -> list[dict[str, Any]]:
    """One connection; each request waits for the answer to the one before."""
    heard = folder / f"{name}.txt"
    environment = {**os.environ, "SSLKEYLOGFILE": str(folder / "keys.txt")}
    rows: list[dict[str, Any]] = []
    with heard.open("wb") as output:
        words = ["gnutls-cli", "--insecure", "--priority", priority, "--port", str(PORT), "127.0.0.1"]
        client = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment)
        assert client.stdin
        for method in REQUESTS:
            call_id = f"{name}-{method.lower()}"
            client.stdin.write(request(method, call_id))
            client.stdin.flush()
            until(lambda: heard.read_bytes().count(b"SIP/2.0 ") > len(rows), "an answer", heard)
            rows.append({"call_id": call_id, "messages": 2, "version": f"TLSv1_{name[9]}"})
        client.stdin.close()
        client.wait(DEADLINE)
    return rows


def behind_gnutls(folder: Path) -> list[dict[str, Any]]:
    """Three requests and their answers on each of four connections."""
    with kamailio(folder):
        return [row for name, priority in CONNECTIONS.items() for row in talk(name, priority, folder)]
