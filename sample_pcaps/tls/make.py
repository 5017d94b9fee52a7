"""SIP over TLS as OpenSSL writes it: captures, key logs and what is in them.

    python3 sample_pcaps/tls/make.py        # as root: network namespace, dumpcap, openssl 3

Both ends are OpenSSL (Python's ssl module, and the commands s_server and s_client where only they can do it) but in the
capture of ``kamailio.py``; every run has other keys and other bytes. ``truth.json`` has, by capture and connection,
what was sent: it comes from the plan below.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kamailio import behind_gnutls

HERE = Path(__file__).resolve().parent
INSIDE = "INSIDE_NAMESPACE"
PORT = 5061
NO_ENCRYPT_THEN_MAC = 0x80000
CIPHERS_1_2 = (
    *("AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES256-SHA256", "AES128-GCM-SHA256", "AES256-GCM-SHA384"),
    *("AES128-CCM", "AES256-CCM", "AES128-CCM8", "AES256-CCM8", "NULL-SHA", "NULL-SHA256"),
    *("ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384"),
    *("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"),
    *("ECDHE-RSA-NULL-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-SHA256"),
    *("ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    *("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-AES256-CCM"),
    *("ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES256-CCM8", "DHE-RSA-AES128-SHA", "DHE-RSA-AES256-SHA"),
    *("DHE-RSA-AES128-SHA256", "DHE-RSA-AES256-SHA256", "DHE-RSA-AES128-GCM-SHA256"),
    *("DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-CCM", "DHE-RSA-AES256-CCM8"),
    *("AECDH-AES128-SHA", "ADH-AES256-GCM-SHA384"),
)
SUITES_1_3 = (
    *("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256"),
    "TLS_AES_128_CCM_8_SHA256",
)


def options(call_id: str, number: int, transport: str = "TLS", filler: int = 0) -> bytes:
    """An OPTIONS request."""
    padding = "x" * filler
    return (
        f"OPTIONS sip:bob@example.com SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport} client.example.com;branch=z9hG4bK-{call_id}-{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=a{number}\r\nTo: <sip:bob@example.com>\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {number} OPTIONS\r\n"
        + (
            f"Content-Type: text/plain\r\nContent-Length: {filler}\r\n\r\n{padding}"
            if filler
            else "Content-Length: 0\r\n\r\n"
        )
    ).encode()


def ok(request: bytes) -> bytes:
    """The 200 to it."""
    lines = request.partition(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [line for line in lines[1:] if line.partition(b":")[0] in (b"Via", b"From", b"Call-ID", b"CSeq")]
    to = [line + b";tag=b" for line in lines if line.startswith(b"To:")]
    return b"\r\n".join([b"SIP/2.0 200 OK", *kept, *to, b"Content-Length: 0", b"", b""])


def call(call_id: str, transport: str = "TLS", ends: str = "alice bob") -> list[tuple[str, bytes]]:
    """A call of ten seconds, as (client or server, message)."""
    caller, callee = ends.split()
    sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"

    def message(start: str, cseq: str, tag: str = ";tag=b1", body: str = "", branch: str = "1") -> bytes:
        content = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{start}\r\nVia: SIP/2.0/{transport} client.example.com;branch=z9hG4bK-{call_id}-{branch}\r\n"
            "Max-Forwards: 70\r\n"
            f"From: <sip:{caller}@example.com>;tag=a1\r\nTo: <sip:{callee}@example.com>{tag}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {cseq}\r\n"
            f"Contact: <sip:ua@127.0.0.1:{PORT};transport={transport.lower()}>\r\n"
            f"{content}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    to = f"sip:{callee}@example.com SIP/2.0"
    return [
        ("client", message(f"INVITE {to}", "1 INVITE", "", sdp)),
        ("server", message("SIP/2.0 100 Trying", "1 INVITE", "")),
        ("server", message("SIP/2.0 180 Ringing", "1 INVITE")),
        ("server", message("SIP/2.0 200 OK", "1 INVITE", body=sdp)),
        ("client", message(f"ACK {to}", "1 ACK", branch="2")),
        ("client", message(f"BYE {to}", "2 BYE", branch="3")),
        ("server", message("SIP/2.0 200 OK", "2 BYE", branch="3")),
    ]


class Lab:
    """Certificates, and contexts of both ends that write the key log."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keylog = folder, folder / "keys.txt"
        for name, kind in (("rsa", ["rsa:2048"]), ("ecdsa", ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])):
            self.certificate(name, kind)
        self.expired()
        run(
            "openssl",
            "genpkey",
            "-genparam",
            "-algorithm",
            "DH",
            "-pkeyopt",
            "group:ffdhe2048",
            "-out",
            "dh.pem",
            cwd=folder,
        )

    def expired(self) -> None:
        """A certificate of January 2020."""
        (self.folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=it\n[it]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n"
            "[any]\ncommonName=supplied\n"
        )
        (self.folder / "index").write_text("")
        (self.folder / "serial").write_text("01")
        run(
            "openssl",
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            "expired.key",
            "-out",
            "expired.csr",
            "-subj",
            "/CN=sip-expired.example.com",
            cwd=self.folder,
        )
        run(
            "openssl",
            "ca",
            "-batch",
            "-selfsign",
            "-config",
            "ca.cnf",
            "-keyfile",
            "expired.key",
            "-in",
            "expired.csr",
            "-startdate",
            "20200101000000Z",
            "-enddate",
            "20200131000000Z",
            "-notext",
            "-out",
            "expired.pem",
            cwd=self.folder,
        )

    def certificate(self, name: str, kind: list[str], days: str = "3650") -> None:
        run(
            "openssl",
            "req",
            "-x509",
            "-newkey",
            *kind,
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.pem",
            "-days",
            days,
            "-subj",
            f"/O=Example/CN=sip-{name}.example.com",
            "-addext",
            f"subjectAltName=DNS:sip-{name}.example.com,URI:sip:example.com,IP:127.0.0.1",
            cwd=self.folder,
        )

    def contexts(
        self, version: ssl.TLSVersion, ciphers: str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0", more: int = 0
    ) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        for context in (client, server):
            context.set_ciphers(ciphers if "@" in ciphers else f"{ciphers}:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            context.options |= more
        for name in ("rsa", "ecdsa"):
            server.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        server.load_dh_params(self.folder / "dh.pem")
        client.set_alpn_protocols(["sip/2"])
        server.set_alpn_protocols(["sip/2"])
        client.keylog_filename = str(self.keylog)
        return client, server


def run(*words: str, **more: Any) -> None:
    subprocess.run(words, check=True, capture_output=True, **more)


@contextmanager
def captured(path: Path) -> Iterator[None]:
    """dumpcap on the loopback of the namespace, between the first packet and the last."""
    process = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-w", str(path)], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "File:" not in process.stderr.readline():
        pass
    time.sleep(0.3)
    try:
        yield
        time.sleep(0.6)
    finally:
        process.terminate()
        process.wait()


def connected(
    client: ssl.SSLContext,
    server: ssl.SSLContext,
    talk: Callable[[ssl.SSLSocket, ssl.SSLSocket], None],
    port: int = PORT,
    session: ssl.SSLSession | None = None,
) -> ssl.SSLSession | None:
    """One connection; both ends in this process, one after the other."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        plain = socket.create_connection(("127.0.0.1", port))
        accepted, _ = listening.accept()
        for end in (plain, accepted):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(20)
        found: list[ssl.SSLSocket] = []
        thread = threading.Thread(target=lambda: found.append(server.wrap_socket(accepted, server_side=True)))
        thread.start()
        here = client.wrap_socket(plain, server_hostname="sip.example.com", session=session)
        thread.join()
        there = found[0]
        talk(here, there)
        kept = here.session
        # Without close_notify from both, OpenSSL does not resume a session.
        closing = threading.Thread(target=there.unwrap)
        closing.start()
        here.unwrap()
        closing.join()
        here.close()
        there.close()
    return kept


def said(here: ssl.SSLSocket, there: ssl.SSLSocket, sender: str, message: bytes) -> None:
    """One end writes, the other has read it all."""
    writing, reading = (here, there) if sender == "client" else (there, here)
    writing.sendall(message)
    read = b""
    while len(read) < len(message):
        read += reading.recv(1 << 16)
    assert read == message


def dialogue(call_id: str, count: int = 1, filler: int = 0) -> Callable[[ssl.SSLSocket, ssl.SSLSocket], None]:
    def talk(here: ssl.SSLSocket, there: ssl.SSLSocket) -> None:
        for number in range(1, count + 1):
            request = options(call_id, number, filler=filler)
            said(here, there, "client", request)
            said(here, there, "server", ok(request))

    return talk


def suites(lab: Lab) -> list[dict[str, Any]]:
    """Every cipher suite of OpenSSL that is read, each with a request and its response."""
    rows = []
    tls_1_2 = ssl.TLSVersion.TLSv1_2
    plans = [(name, tls_1_2, 0) for name in CIPHERS_1_2]
    plans += [
        (name, tls_1_2, NO_ENCRYPT_THEN_MAC)
        for name in CIPHERS_1_2
        if name.endswith(("SHA", "SHA256", "SHA384")) and "GCM" not in name and "NULL" not in name
    ]
    plans += [
        (name, version, more)
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
        for more in (0, NO_ENCRYPT_THEN_MAC)
        for name in ("AES128-SHA", "ECDHE-RSA-AES256-SHA", "NULL-SHA")
    ]
    for number, (name, version, more) in enumerate(plans):
        call_id = f"{version.name}-{name}{'-mac-then-encrypt' if more else ''}"
        client, server = lab.contexts(version, name, more)
        connected(client, server, dialogue(call_id, 2 if version == ssl.TLSVersion.TLSv1 else 1), PORT + number)
        rows.append(
            {"call_id": call_id, "messages": 4 if version == ssl.TLSVersion.TLSv1 else 2, "version": version.name}
        )
    for name in SUITES_1_3:
        call_id = f"TLSv1_3-{name}"
        with by_commands(lab, ["-ciphersuites", name, "-tls1_3"], ["-ciphersuites", name]) as (client, server):
            asked(client, server, call_id)
        rows.append({"call_id": call_id, "messages": 2, "version": "TLSv1_3"})
    return rows


@contextmanager
def by_commands(lab: Lab, of_server: list[str], of_client: list[str], port: int = 5062) -> Iterator[tuple[Any, Any]]:
    """openssl s_server and s_client, whose input and output are what they carry."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "cwd": lab.folder}
    server = subprocess.Popen(
        [
            "openssl",
            "s_server",
            "-quiet",
            "-accept",
            str(port),
            "-cert",
            "ecdsa.pem",
            "-key",
            "ecdsa.key",
            "-naccept",
            "1",
            *of_server,
        ],
        **pipes,
    )
    listening(port)
    client = subprocess.Popen(
        [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{port}",
            "-servername",
            "sip.example.com",
            "-keylogfile",
            "keys.txt",
            *of_client,
        ],
        **pipes,
    )
    yield client, server
    time.sleep(0.2)
    client.stdin.close()
    client.terminate()
    client.wait()
    server.stdin.close()
    server.terminate()
    server.wait()


def listening(port: int) -> None:
    line = f":{port:04X} 00000000:0000 0A"
    while line not in Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text().replace("0" * 24, ""):
        time.sleep(0.01)


def written(pipe: Any, message: bytes, reader: Any) -> None:
    pipe.write(message)
    pipe.flush()
    read = b""
    while message not in read:
        read += os.read(reader.fileno(), 1 << 16)


def asked(client: Any, server: Any, call_id: str, numbers: tuple[int, ...] = (1,)) -> None:
    for number in numbers:
        request = options(call_id, number)
        written(client.stdin, request, server.stdout)
        written(server.stdin, ok(request), client.stdout)


def handshakes(lab: Lab) -> list[dict[str, Any]]:
    """What a handshake may be: retried, resumed, renegotiated, keys renewed, early data, refused."""
    rows = []

    def row(call_id: str, messages: int, version: str, **more: Any) -> None:
        rows.append({"call_id": call_id, "messages": messages, "version": version, **more})

    group = ["-groups", "P-521:X25519"]
    with by_commands(lab, ["-groups", "X25519"], group) as (client, server):
        asked(client, server, "hello-retry", (1, 2))
    row("hello-retry", 4, "TLSv1_3")

    with by_commands(lab, ["-tls1_3"], []) as (client, server):
        asked(client, server, "key-update", (1,))
        for word in (b"K\n", b"k\n"):
            client.stdin.write(word)
            client.stdin.flush()
            time.sleep(0.2)
            asked(client, server, "key-update", (2 if word == b"K\n" else 3,))
    row("key-update", 6, "TLSv1_3")

    for secure, call_id in ((["-tls1_2", "-client_renegotiation"], "renegotiated"),):
        with by_commands(lab, secure, []) as (client, server):
            asked(client, server, call_id, (1,))
            client.stdin.write(b"R\n")
            client.stdin.flush()
            time.sleep(0.3)
            asked(client, server, call_id, (2,))
        row(call_id, 4, "TLSv1_2")

    for version, more, call_id in (
        (ssl.TLSVersion.TLSv1_2, 0, "ticket-1.2"),
        (ssl.TLSVersion.TLSv1_2, ssl.OP_NO_TICKET, "session-id-1.2"),
        (ssl.TLSVersion.TLSv1_3, 0, "psk-1.3"),
    ):
        client, server = lab.contexts(version, more=more)
        session = connected(client, server, dialogue(f"{call_id}-first"))
        row(f"{call_id}-first", 2, version.name, resumed=False)
        connected(client, server, dialogue(call_id), session=session)
        row(call_id, 2, version.name, resumed=True)

    server_words = ["-early_data", "-tls1_3"]
    early = lab.folder / "early.txt"
    early.write_bytes(options("early-data", 2))
    context = ["-sess_out", "session.pem"]
    server = subprocess.Popen(
        ["openssl", "s_server", "-quiet", "-accept", "5063", "-cert", "ecdsa.pem", "-key", "ecdsa.key", *server_words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=lab.folder,
    )
    listening(5063)
    for words, numbers in ((context, (1,)), (["-sess_in", "session.pem", "-early_data", str(early)], (3,))):
        client_process = subprocess.Popen(
            [
                "openssl",
                "s_client",
                "-connect",
                "127.0.0.1:5063",
                "-servername",
                "sip.example.com",
                "-keylogfile",
                "keys.txt",
                *words,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=lab.folder,
        )
        asked(client_process, server, "early-data", numbers)
        time.sleep(0.3)
        client_process.terminate()
        client_process.wait()
    server.terminate()
    server.wait()
    row("early-data", 5, "TLSv1_3")
    return rows


def segments(lab: Lab) -> list[dict[str, Any]]:
    """Records and messages cut anywhere: TCP segments of 536 bytes and of 7, records of 64 bytes, messages of 40 kB."""
    rows = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client, server = lab.contexts(version)

        def cut(here: ssl.SSLSocket, there: ssl.SSLSocket, version: Any = version) -> None:
            request = options(f"small-records-{version.name}", 1)
            for place in range(0, len(request), 64):
                here.sendall(request[place : place + 64])
            read = b""
            while len(read) < len(request):
                read += there.recv(1 << 16)
            both = options(f"small-records-{version.name}", 2) + options(f"small-records-{version.name}", 3)
            said(here, there, "client", both)

        connected(client, server, cut)
        rows.append({"call_id": f"small-records-{version.name}", "messages": 3, "version": version.name})
        run("ip", "link", "set", "lo", "mtu", "576")
        connected(client, server, dialogue(f"large-{version.name}", filler=40_000))
        run("ip", "link", "set", "lo", "mtu", "65536")
        rows.append({"call_id": f"large-{version.name}", "messages": 2, "version": version.name})
        run("ip", "link", "set", "lo", "mtu", "128")
        connected(client, server, dialogue(f"tiny-segments-{version.name}"))
        run("ip", "link", "set", "lo", "mtu", "65536")
        rows.append({"call_id": f"tiny-segments-{version.name}", "messages": 2, "version": version.name})
    return rows


def one_call(lab: Lab) -> list[dict[str, Any]]:
    """A call over TLS 1.3, another over TLS 1.2."""
    rows = []
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        client, server = lab.contexts(version, "ALL")

        def talk(here: ssl.SSLSocket, there: ssl.SSLSocket, version: Any = version) -> None:
            ends = "alice bob" if version == ssl.TLSVersion.TLSv1_3 else "carol dave"
            for sender, message in call(f"call-{version.name}", ends=ends):
                said(here, there, sender, message)

        connected(client, server, talk)
        rows.append({"call_id": f"call-{version.name}", "messages": 7, "version": version.name})
    return rows


def refused(lab: Lab) -> list[dict[str, Any]]:
    """Handshakes that fail: unknown CA, expired certificate, no common cipher, no common version."""
    rows = []
    trusting = lab.contexts(ssl.TLSVersion.TLSv1_2)
    for name, alert in (
        ("rsa", "unknown_ca"),
        ("expired", "certificate_expired"),
        ("cipher", "handshake_failure"),
        ("version", "protocol_version"),
    ):
        client, server = lab.contexts(ssl.TLSVersion.TLSv1_2)
        if name in ("rsa", "expired"):
            server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.load_cert_chain(lab.folder / f"{name}.pem", lab.folder / f"{name}.key")
            server.maximum_version = ssl.TLSVersion.TLSv1_2
            client.verify_mode = ssl.CERT_REQUIRED
            if name == "expired":
                client.load_verify_locations(lab.folder / "expired.pem")
        elif name == "cipher":
            client.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
            server.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
        else:
            client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_3
        with socket.create_server(("127.0.0.1", PORT)) as listening_socket:
            plain = socket.create_connection(("127.0.0.1", PORT))
            accepted, _ = listening_socket.accept()

            def serve(accepted: Any = accepted, server: Any = server) -> None:
                try:
                    server.wrap_socket(accepted, server_side=True)
                except OSError:
                    accepted.close()

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                client.wrap_socket(plain, server_hostname="sip.example.com")
            except OSError:
                plain.close()
            thread.join()
        rows.append({"alert": alert, "alert_from": "client" if name in ("rsa", "expired") else "server"})
    del trusting
    return rows


def frame(payload: bytes, mask: bool, opcode: int = 1, last: bool = True, compressed: bool = False) -> bytes:
    """A WebSocket frame (RFC 6455 §5.2)."""
    head = bytes([(0x80 if last else 0) | (0x40 if compressed else 0) | opcode])
    length = len(payload)
    size = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
    if not mask:
        return head + size + payload
    key = b"\x12\x34\x56\x78"
    return (
        head
        + bytes([size[0] | 0x80])
        + size[1:]
        + key
        + bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))
    )


class Deflater:
    """permessage-deflate of one side (RFC 7692 §7.2.1), by zlib."""

    def __init__(self, takeover: bool) -> None:
        self.takeover, self.object = takeover, zlib.compressobj(6, zlib.DEFLATED, -15)

    def __call__(self, message: bytes) -> bytes:
        if not self.takeover:
            self.object = zlib.compressobj(6, zlib.DEFLATED, -15)
        out = self.object.compress(message) + self.object.flush(zlib.Z_SYNC_FLUSH)
        return out.removesuffix(b"\x00\x00\xff\xff")


def websocket(lab: Lab) -> list[dict[str, Any]]:
    """SIP over WebSocket, in TLS and without, compressed or not, with and without context takeover, in fragments."""
    rows = []
    for secure in (True, False):
        for extension, takeover in (
            ("", False),
            ("permessage-deflate; client_no_context_takeover; server_no_context_takeover", False),
            ("permessage-deflate", True),
        ):
            transport = "WSS" if secure else "WS"
            call_id = f"{transport.lower()}-{'plain' if not extension else 'takeover' if takeover else 'no-takeover'}"
            key = base64.b64encode(call_id.encode().ljust(16)[:16]).decode()
            accept = base64.b64encode(
                hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
            ).decode()
            words = f"Sec-WebSocket-Extensions: {extension}\r\n" if extension else ""
            request = (
                f"GET / HTTP/1.1\r\nHost: sip.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n{words}\r\n"
            ).encode()
            answer = (
                f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\n"
                f"Sec-WebSocket-Protocol: sip\r\n{words}\r\n"
            ).encode()

            def talk(
                here: Any,
                there: Any,
                call_id: str = call_id,
                extension: str = extension,
                takeover: bool = takeover,
                transport: str = transport,
                request: bytes = request,
                answer: bytes = answer,
            ) -> None:
                said(here, there, "client", request)
                said(here, there, "server", answer)
                squeeze = {side: Deflater(takeover) if extension else bytes for side in ("client", "server")}
                for number, (sender, message) in enumerate(call(call_id, transport)):
                    payload, mask, small = squeeze[sender](message), sender == "client", bool(extension)
                    if number == 2:
                        # In three fragments, with a ping between them.
                        third = len(payload) // 3
                        whole = [
                            frame(payload[:third], mask, 1, False, small),
                            frame(b"hello", mask, 9),
                            frame(payload[third : 2 * third], mask, 0, False),
                            frame(payload[2 * third :], mask, 0),
                        ]
                        said(here, there, sender, b"".join(whole))
                    else:
                        said(here, there, sender, frame(payload, mask, 1, True, small))

            if secure:
                client, server = lab.contexts(ssl.TLSVersion.TLSv1_3, "ALL")
                client.set_alpn_protocols(["http/1.1"])
                server.set_alpn_protocols(["http/1.1"])
                connected(client, server, talk, 443)
            else:
                with socket.create_server(("127.0.0.1", 80)) as listening_socket:
                    plain = socket.create_connection(("127.0.0.1", 80))
                    accepted, _ = listening_socket.accept()
                    talk(plain, accepted)
                    plain.close()
                    accepted.close()
            rows.append({"call_id": call_id, "messages": 7, "transport": transport.lower()})
    return rows


CAPTURES = {
    "call": one_call,
    "suites": suites,
    "handshakes": handshakes,
    "segments": segments,
    "refused": refused,
    "websocket": websocket,
    "kamailio": lambda lab: behind_gnutls(lab.folder),
}


def inside(names: list[str]) -> None:
    run("ip", "link", "set", "lo", "up")
    truth = json.loads((HERE / "truth.json").read_text()) if (HERE / "truth.json").exists() else {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            lab = Lab(Path(folder))
            with captured(Path(folder) / "capture.pcapng"):
                truth[name] = CAPTURES[name](lab)
            raw = (Path(folder) / "capture.pcapng").read_bytes()
            (HERE / f"{name}.pcapng.gz").write_bytes(gzip.compress(raw, 9, mtime=0))
            if lab.keylog.exists():
                shutil.copy(lab.keylog, HERE / f"{name}.keys")
            if name == "suites":
                shutil.copy(lab.folder / "rsa.key", HERE / f"{name}.rsa.pem")
        (HERE / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        inside(sys.argv[1:] or list(CAPTURES))
    else:
        subprocess.run(
            ["unshare", "--net", sys.executable, __file__, *sys.argv[1:]], env={**os.environ, INSIDE: "1"}, check=True
        )
