"""ESP with keys (RFC 4303, TS 33.203): given, or of a registration that lies in the capture.

scapy protects the packets; tshark reads them with the same keys.
"""

from __future__ import annotations

import base64
import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from pcaps import RAW_IP, pcap
from places import SAMPLES
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

import analyzer
from analyzer.errors import AnalyzerError
from analyzer.reading import esp_keys

START = 1_740_988_800 * 10**9
UE, PCSCF, SCSCF = "10.45.0.2", "10.46.0.1", "10.46.0.3"
CK, IK = bytes(range(16)), bytes(range(16, 32))


def sip(number: int, method: str = "MESSAGE", extra: str = "") -> bytes:
    return (
        f"{method} sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP {UE};branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:a@ims.example>;tag=1\r\nTo: <sip:a@ims.example>\r\nCall-ID: {number}@ue\r\n"
        f"CSeq: {number} {method}\r\nContact: <sip:a@{UE}>\r\n{extra}Content-Length: 0\r\n\r\n"
    ).encode()


def reply(request: bytes, status: str, extra: str = "") -> bytes:
    lines = [line for line in request.decode().split("\r\n")[1:] if line.startswith(("Via", "From", "Call-ID", "CSeq"))]
    head = [f"SIP/2.0 {status}", *lines, "To: <sip:a@ims.example>;tag=2"]
    return ("\r\n".join(head) + f"\r\n{extra}Content-Length: 0\r\n\r\n").encode()


def packet(src: str, dst: str, ports: tuple[int, int], payload: bytes) -> IP:
    return IP(src=src, dst=dst, id=1) / UDP(sport=ports[0], dport=ports[1]) / Raw(payload)


def read(path: Path, packets: Iterable[IP | bytes], start: int = START, **options: object) -> analyzer.Capture:
    write(path, packets, start)
    return analyzer.read(path, **options)  # type: ignore[arg-type]


def write(path: Path, packets: Iterable[IP | bytes], start: int = START) -> Path:
    path.write_bytes(pcap(RAW_IP, [(start + at * 10**9, bytes(one)) for at, one in enumerate(packets)]))
    return path


def numbers(capture: analyzer.Capture) -> list[int]:
    return [int(call_id.partition("@")[0]) for call_id in capture.table("messages")["call_id"]]


def codes(capture: analyzer.Capture) -> list[str]:
    return capture.table("problems")["code"].to_list()


#: By names of TS 33.203 (RFC 4868 in the same manner): what scapy calls them, and Wireshark; lengths of the keys.
CIPHERS = {
    "null": ("NULL", "NULL", 0),
    "aes-cbc": ("AES-CBC", "AES-CBC [RFC3602]", 16),
    "des-ede3-cbc": ("3DES", "TripleDES-CBC [RFC2451]", 24),
    "aes-gcm": ("AES-GCM", "AES-GCM with 16 octet ICV [RFC4106]", 20),
}
CHECKS = {
    "null": (None, "NULL", 0),
    "hmac-md5-96": ("HMAC-MD5-96", "HMAC-MD5-96 [RFC2403]", 16),
    "hmac-sha-1-96": ("HMAC-SHA1-96", "HMAC-SHA-1-96 [RFC2404]", 20),
    "hmac-sha-256-128": ("SHA2-256-128", "HMAC-SHA-256-128 [RFC4868]", 32),
    "hmac-sha-384-192": ("SHA2-384-192", "HMAC-SHA-384-192 [RFC4868]", 48),
    "hmac-sha-512-256": ("SHA2-512-256", "HMAC-SHA-512-256 [RFC4868]", 64),
}
TOGETHER = [
    *(("aes-cbc", check) for check in CHECKS), ("des-ede3-cbc", "hmac-md5-96"), ("des-ede3-cbc", "hmac-sha-1-96"),
    ("null", "hmac-sha-512-256"), ("aes-gcm", "null"),
]  # fmt: skip


def keys_of(cipher: str, check: str) -> tuple[bytes, bytes]:
    return bytes(range(1, CIPHERS[cipher][2] + 1)), bytes(range(101, 101 + CHECKS[check][2]))


def protected(spi: int, cipher: str, check: str, keys: tuple[bytes, bytes] | None = None) -> SecurityAssociation:
    cipher_key, check_key = keys or keys_of(cipher, check)
    return SecurityAssociation(
        ESP,
        spi=spi,
        crypt_algo=CIPHERS[cipher][0],
        crypt_key=cipher_key,
        auth_algo=CHECKS[check][0],
        auth_key=check_key,
    )


def wireshark(spi: int, cipher: str, check: str) -> str:
    cipher_key, check_key = keys_of(cipher, check)
    fields = [
        "IPv4",
        "*",
        "*",
        f"0x{spi:08x}",
        CIPHERS[cipher][1],
        hexed(cipher_key),
        CHECKS[check][1],
        hexed(check_key),
    ]
    return ",".join(f'"{field}"' for field in fields)


def hexed(key: bytes) -> str:
    return f"0x{key.hex()}" if key else ""


def every_transform(path: Path) -> tuple[Path, str]:
    """Two messages under each pair of algorithms, and their keys for Wireshark."""
    packets, lines = [], []
    for at, (cipher, check) in enumerate(TOGETHER):
        association = protected(0x1000 + at, cipher, check)
        packets += [association.encrypt(packet(UE, PCSCF, (5062, 5063), sip(2 * at + n))) for n in range(2)]
        lines.append(wireshark(0x1000 + at, cipher, check))
    return write(path, packets), "# keys\n" + "\n".join(lines) + "\n"


def test_each_transform_is_opened_with_its_keys(tmp_path: Path) -> None:
    path, lines = every_transform(tmp_path / "a.pcap")
    keys = tmp_path / "esp_sa"
    keys.write_text(lines)
    capture = analyzer.read(path, esp_keys=keys)
    assert numbers(capture) == list(range(2 * len(TOGETHER)))
    messages = capture.table("messages")
    assert set(messages["tunnel"]) == {"esp"}
    assert messages["spi"].to_list() == [0x1000 + at for at in range(len(TOGETHER)) for _ in range(2)]
    # Without keys what encrypts is closed; what does not is read as ever.
    clear = TOGETHER.index(("null", "hmac-sha-512-256"))
    assert numbers(analyzer.read(path)) == [2 * clear, 2 * clear + 1]


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_reads_the_same_with_the_same_keys(tmp_path: Path) -> None:
    path, lines = every_transform(tmp_path / "a.pcap")
    command = ["tshark", "-n", "-r", str(path), "-Y", "sip", "-T", "fields", "-e", "sip.Call-ID"]
    command += ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_null_encryption_decode_heuristic:TRUE"]
    command += [word for line in lines.splitlines()[1:] for word in ("-o", f"uat:esp_sa:{line}")]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True, text=True)
    assert done.stdout.split() == [f"{number}@ue" for number in range(2 * len(TOGETHER))]


LINUX = """\
src 10.45.0.2 dst 10.46.0.1
	proto esp spi 0x00001000 reqid 0 mode transport
	replay-window 0
	auth-trunc hmac(sha1) 0x65666768696a6b6c6d6e6f707172737475767778 96
	enc cbc(aes) 0x0102030405060708090a0b0c0d0e0f10
	anti-replay context: seq 0x0, oseq 0x0, bitmap 0x00000000
src 10.46.0.1 dst 10.45.0.2
	proto esp spi 0x00002000 reqid 0 mode tunnel
	aead rfc4106(gcm(aes)) 0x0102030405060708090a0b0c0d0e0f1011121314 128
"""
PLAIN = """\
10.45.0.2 * 0x1000 aes-cbc 0102030405060708090a0b0c0d0e0f10 hmac-sha-1-96 65666768696a6b6c6d6e6f707172737475767778
8192 aes-gcm 0x0102030405060708090a0b0c0d0e0f1011121314 null -
"""


def test_the_forms_of_a_key_file_say_the_same(tmp_path: Path) -> None:
    found = []
    for text in (LINUX, PLAIN):
        (tmp_path / "keys").write_text(text)
        found.append([(spi, *rest[:3]) for _, _, spi, *rest in esp_keys.read([tmp_path / "keys"])])
    aes, gcm = bytes(range(1, 17)), bytes(range(1, 21))
    assert found[1] == [(0x1000, "aes-cbc", aes, "hmac-sha-1-96"), (0x2000, "aes-gcm", gcm, "null")]
    assert found[0] == [found[1][0], (0x2000, "aes-gcm", gcm, "any-128")]


def test_what_linux_prints_opens_either_mode(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(LINUX)
    there, back = protected(0x1000, "aes-cbc", "hmac-sha-1-96"), protected(0x2000, "aes-gcm", "null")
    back.tunnel_header = IP(src=PCSCF, dst=UE)
    behind_nat = protected(0x1000, "aes-cbc", "hmac-sha-1-96")
    behind_nat.nat_t_header = UDP(sport=4500, dport=4500)
    packets = [there.encrypt(packet(UE, PCSCF, (1, 2), sip(1))), back.encrypt(packet("10.9.9.9", UE, (2, 1), sip(2)))]
    packets.append(behind_nat.encrypt(packet(UE, PCSCF, (1, 2), sip(3))))
    capture = read(tmp_path / "a.pcap", packets, esp_keys=[tmp_path / "keys"])
    assert numbers(capture) == [1, 2, 3]
    assert capture.table("messages")["tunnel"].to_list() == ["esp", "esp/ipip", "esp"]


@pytest.mark.parametrize("cipher", ["aes-cbc", "des-ede3-cbc"])
def test_what_the_snap_length_left_of_a_packet_is_read(tmp_path: Path, cipher: str) -> None:
    """A block needs none of those behind it (NIST SP 800-38A §6.2); a packet that is whole proves the keys."""
    (tmp_path / "keys").write_text(wireshark(0x1000, cipher, "hmac-sha-1-96"))
    closed = protected(0x1000, cipher, "hmac-sha-1-96")
    long = sip(2, extra="Subject: " + "x" * 600 + "\r\n")
    found = [bytes(closed.encrypt(packet(UE, PCSCF, (1, 2), one))) for one in (sip(1), long)]
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(RAW_IP, [(START + at, one) for at, one in enumerate(found)], snap=400))
    messages = analyzer.read(path, esp_keys=tmp_path / "keys").table("messages")
    assert messages.select("call_id", "complete").rows() == [("1@ue", True), ("2@ue", False)]


SECRET = "00112233445566778899aabbccddeeff"
WRONG = {
    "algorithm": (f"1 {SECRET} aes-cbc null -", "line 1: no encryption of that name is known"),
    "length": (f"\n1 aes-cbc {SECRET}00 null -", "line 2: the key of encryption has 17 bytes, and aes-cbc takes 16"),
    "digits": (f"1 aes-cbc x{SECRET} null -", "line 1: a key is written in hexadecimal digits"),
    "address": (f"{SECRET} * 1 aes-cbc {SECRET} null -", "line 1: an address is an IP address"),
    "spi": (f"{SECRET} aes-cbc {SECRET} null -", "line 1: an SPI is a number"),
    "words": (f"aes-cbc {SECRET}", "line 1: that is no association"),
    "fields": (f'"IPv4","*","{SECRET}"', "line 1: 8 fields make an association, and there are 3"),
    "empty": ("# nothing\n", "holds no keys of ESP"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_cannot_be_read_says_where_and_shows_no_key(tmp_path: Path, name: str) -> None:
    text, sentence = WRONG[name]
    keys = tmp_path / "keys"
    keys.write_text(text)
    with pytest.raises(AnalyzerError) as raised:
        analyzer.read("no.pcap", esp_keys=keys)
    told = str(raised.value)
    assert sentence in told
    assert SECRET[:8] not in told


def test_tshark_has_a_table_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(PLAIN)
    with pytest.raises(AnalyzerError, match="esp_sa"):
        analyzer.read(SAMPLES / "gm_keys.pcap", esp_keys=tmp_path / "keys", engine="pyshark")


def test_keys_that_do_not_fit_are_told(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"0x1000 aes-cbc {bytes(16).hex()} hmac-sha-1-96 {bytes(20).hex()}\n")
    closed = protected(0x1000, "aes-cbc", "hmac-sha-1-96")
    packets = [closed.encrypt(packet(UE, PCSCF, (1, 2), sip(n))) for n in range(3)]
    capture = read(tmp_path / "a.pcap", [*packets, packet(UE, PCSCF, (5060, 5060), sip(9))], esp_keys=keys)
    assert (numbers(capture), codes(capture)) == ([9], ["esp_key_wrong"])
    assert capture.table("problems")["frame"].to_list() == [1]


def test_a_damaged_packet_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(wireshark(0x1000, "aes-cbc", "hmac-sha-1-96"))
    closed = protected(0x1000, "aes-cbc", "hmac-sha-1-96")
    packets = [bytearray(bytes(closed.encrypt(packet(UE, PCSCF, (1, 2), sip(n))))) for n in range(3)]
    packets[0][60] ^= 1
    capture = read(tmp_path / "a.pcap", map(bytes, packets), esp_keys=tmp_path / "keys")
    assert (numbers(capture), codes(capture)) == ([1, 2], [])


# -- a registration ----------------------------------------------------------------------------------------------------

NONCE = base64.b64encode(bytes(range(32, 64))).decode()
OFFER = "ipsec-3gpp;alg={alg};ealg={ealg};spi-c={c};spi-s={s};port-c={pc};port-s={ps}"
#: TS 33.203 Annex I.
ESP_KEYS = {"aes-cbc": CK, "des-ede3-cbc": CK + CK[:8], "hmac-md5-96": IK, "hmac-sha-1-96": IK + bytes(4)}


class Registration:
    """UE and P-CSCF agree on four associations; the S-CSCF sends the keys on Mw."""

    def __init__(self, ealg: str, alg: str, first_spi: int = 100, nonce: str = NONCE, number: int = 1) -> None:
        offers = ["hmac-md5-96", "hmac-sha-1-96"], ["des-ede3-cbc", "aes-cbc"]
        ue = {"c": first_spi, "s": first_spi + 1, "pc": 5062, "ps": 5063}
        client = ", ".join(OFFER.format(alg=a, ealg=e, **ue) for a in offers[0] for e in offers[1])
        server = OFFER.format(alg=alg, ealg=ealg, c=first_spi + 50, s=first_spi + 51, pc=6062, ps=6063)
        self.register = sip(number, "REGISTER", f"Security-Client: {client}\r\n")
        secret = f', ck="{CK.hex()}", ik="{IK.hex()}"'
        challenge = f'WWW-Authenticate: Digest realm="ims.example", nonce="{nonce}", algorithm=AKAv1-MD5'
        on_mw = sip(number, "REGISTER").replace(b"branch=z9hG4bK", b"branch=z9hG4bKmw")
        self.mw = [
            packet(PCSCF, SCSCF, (5060, 5060), on_mw),
            packet(SCSCF, PCSCF, (5060, 5060), reply(on_mw, "401 Unauthorized", f"{challenge}{secret}\r\n")),
        ]
        refused = reply(self.register, "401 Unauthorized", f"{challenge}\r\nSecurity-Server: {server}\r\n")
        self.gm = [
            packet(UE, PCSCF, (5060, 5060), self.register),
            packet(PCSCF, UE, (5060, 5060), refused),
        ]
        keys = ESP_KEYS[ealg], ESP_KEYS[alg]
        # By the sender's port and the receiver's (TS 33.203 §7.1).
        to = {6063: first_spi + 51, 5062: first_spi, 5063: first_spi + 1, 6062: first_spi + 50}
        ways = ((5062, 6063), (6063, 5062), (6062, 5063), (5063, 6062))
        self.associations = {way: protected(to[way[1]], ealg, alg, keys) for way in ways}

    def send(self, ports: tuple[int, int], payload: bytes) -> IP:
        ends = (UE, PCSCF) if ports[0] < 6000 else (PCSCF, UE)
        return self.associations[ports].encrypt(packet(*ends, ports, payload))

    def protected(self, number: int) -> list[IP]:
        """A message over each of the four."""
        return [self.send(ports, sip(number + at)) for at, ports in enumerate(self.associations)]


@pytest.mark.parametrize(("ealg", "alg"), [("aes-cbc", "hmac-sha-1-96"), ("des-ede3-cbc", "hmac-md5-96")])
def test_the_keys_of_a_registration_open_its_four_associations(tmp_path: Path, ealg: str, alg: str) -> None:
    one = Registration(ealg, alg)
    gm_first, gm_second = one.gm
    packets = [gm_first, *one.mw, gm_second, *one.protected(10)]
    capture = read(tmp_path / "a.pcap", packets)
    assert numbers(capture)[-4:] == [10, 11, 12, 13]
    assert capture.table("messages")["spi"].to_list()[-4:] == [151, 100, 101, 150]
    assert "esp_key_wrong" not in codes(capture)


def test_a_second_registration_has_associations_beside_the_first(tmp_path: Path) -> None:
    """TS 33.203 §7.4: the old ones live until the new ones are used, and some time longer."""
    old = Registration("aes-cbc", "hmac-sha-1-96")
    other = base64.b64encode(bytes(range(64, 96))).decode()
    new = Registration("aes-cbc", "hmac-md5-96", 200, other, number=2)
    # The second REGISTER goes over the first association.
    again = [old.send((5062, 6063), new.register), *new.mw, old.send((6063, 5062), bytes(new.gm[1][UDP].payload))]
    packets = [old.gm[0], *old.mw, old.gm[1], *old.protected(10), *again, *new.protected(20), *old.protected(30)]
    capture = read(tmp_path / "a.pcap", packets)
    found = numbers(capture)
    assert [number for number in found if number >= 10] == [*range(10, 14), *range(20, 24), *range(30, 34)]


def test_keys_that_stand_behind_the_packets_have_them_read_again(tmp_path: Path) -> None:
    """Two captures of the same time: that of Gm is read before that of Mw, which has the keys."""
    one = Registration("aes-cbc", "hmac-sha-1-96")
    gm = write(tmp_path / "gm.pcap", [*one.gm, *one.protected(10)])
    mw = write(tmp_path / "mw.pcap", one.mw, START + 5 * 10**8)
    assert numbers(analyzer.read(gm)) == [1, 1]
    both = analyzer.read([gm, mw])
    assert [number for number in numbers(both) if number >= 10] == [10, 11, 12, 13]
    # Message by message, too, and in what is exported.
    rows = both.table("messages").filter(both.table("messages")["spi"].is_not_null())
    assert both.message(rows["message"][0]).text == sip(10)


def test_the_answer_of_the_hss_has_the_keys(tmp_path: Path) -> None:
    """TS 29.229 §6.3.13: SIP-Auth-Data-Item with SIP-Authenticate, Confidentiality-Key and Integrity-Key."""

    def avp(code: int, data: bytes) -> bytes:
        head = struct.pack("!IBBHI", code, 0xC0, 0, 12 + len(data), 10415)
        return head + data + bytes(-len(data) % 4)

    item = avp(609, bytes(range(32, 64))) + avp(625, CK) + avp(626, IK)
    session = struct.pack("!IBBH", 263, 0x40, 0, 8 + 8) + b"hss;1;2;"
    answer = session + avp(612, item)
    header = struct.pack("!BBHBBHIII", 1, 0, 20 + len(answer), 0x40, 0, 303, 16777216, 1, 2)
    segment = (
        IP(src="10.47.0.9", dst=SCSCF, id=9) / TCP(sport=3868, dport=40000, flags="PA", seq=1) / Raw(header + answer)
    )
    one = Registration("aes-cbc", "hmac-sha-1-96")
    capture = read(tmp_path / "a.pcap", [*one.gm, segment, *one.protected(10)])
    assert numbers(capture)[-4:] == [10, 11, 12, 13]
    # And no table has them.
    for name in ("diameter", "messages", "problems"):
        shown = str(capture.table(name).rows()).lower()
        assert CK.hex() not in shown
        assert IK.hex() not in shown
