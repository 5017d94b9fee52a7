"""Bytes of media: RTP and RTCP (RFC 3550), payloads of codecs, SRTP (RFC 3711)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import struct
from collections.abc import Callable
from typing import NamedTuple

COMFORT_NOISE = 13

#: Bits of speech by bit rate, and of a frame of silence (TS 26.101, TS 26.201, TS 26.445 table A.4).
_AMR = ((95, 103, 118, 134, 148, 159, 204, 244), 39)
_AMR_WB = ((132, 177, 253, 285, 317, 365, 397, 461, 477), 40)
_EVS = ((56, 144, 160, 192, 264, 328, 488, 640), 48)
#: Rates of a healthy sender.
RATES = {"AMR": (7,), "AMR-WB": (2,), "EVS": (4,)}


def rtp(payload_type: int, number: int, timestamp: int, source: int, payload: bytes, marker: bool = False) -> bytes:
    """One packet (RFC 3550 §5.1)."""
    return (
        struct.pack(">BBHII", 0x80, payload_type | marker << 7, number & 0xFFFF, timestamp & 0xFFFFFFFF, source)
        + payload
    )


def frame(codec: str, rate: int | None, rng: random.Random, other_form: bool = False) -> bytes:
    """Payload of 20 ms at a bit rate of the codec; of silence where that is None.

    AMR is octet-aligned (RFC 4867 §4.4), AMR-WB bandwidth-efficient (§4.3), EVS compact (TS 26.445 A.2.1); the other
    form of each, where asked for, is Header-Full of EVS.
    """
    if codec.startswith("PCM"):
        return rng.randbytes(160) if rate is not None else bytes((70,))
    speech, silence = {"AMR": _AMR, "AMR-WB": _AMR_WB, "EVS": _EVS}[codec]
    kind = len(speech) if rate is None else rate
    bits = silence if rate is None else speech[rate]
    data = rng.getrandbits(bits)
    if codec == "EVS":
        body = (data << -bits % 8).to_bytes((bits + 7) // 8, "big")
        if not other_form:
            return body
        # Silence would be as long as 2.8 kbit/s of the compact form (A.2.2.1.4.2).
        return bytes((12 if rate is None else rate,)) + body + bytes(len(body) == 6)
    if (codec == "AMR") != other_form:
        return bytes((0xF0, kind << 3 | 4)) + (data << -bits % 8).to_bytes((bits + 7) // 8, "big")
    packed = ((0xF << 6 | kind << 1 | 1) << bits) | data  # no request; F, type, quality
    return (packed << -(10 + bits) % 8).to_bytes((10 + bits + 7) // 8, "big")


class Report(NamedTuple):
    """What a sender sent, and what it received of the other one, as a sender report has it (RFC 3550 §6.4.1)."""

    at: int  # ns
    source: int
    timestamp: int
    packets: int
    octets: int
    other: int
    fraction: int  # in 256ths
    lost: int
    highest: int
    jitter: int
    last: int  # the middle of the NTP time of the newest report of the other side
    since: int  # in 65536ths of a second

    def bytes(self) -> bytes:
        head = struct.pack(
            ">BBHIIIIII", 0x81, 200, 12, self.source, *ntp(self.at), self.timestamp & 0xFFFFFFFF, self.packets,
            self.octets,
        )  # fmt: skip
        lost = self.fraction << 24 | self.lost & 0xFFFFFF
        return head + struct.pack(">IIIIII", self.other, lost, self.highest, self.jitter, self.last, self.since)


def ntp(at: int) -> tuple[int, int]:
    """Seconds since 1900 and their fraction."""
    seconds, rest = divmod(at, 1_000_000_000)
    return seconds + 2_208_988_800 & 0xFFFFFFFF, (rest << 32) // 1_000_000_000


# -- SRTP --------------------------------------------------------------------------------------------------------------

#: Of each suite the length of its key, and of its tag (RFC 4568 §6.2, RFC 6188).
SUITES = {"AES_CM_128_HMAC_SHA1_80": (16, 10), "AES_CM_128_HMAC_SHA1_32": (16, 4), "AES_256_CM_HMAC_SHA1_80": (32, 10)}
_SALT = 14


def master_key(suite: str, who: str) -> bytes:
    """Key and salt of one end, the same for the same end."""
    return hashlib.sha512(f"key of {who}".encode()).digest()[: SUITES[suite][0] + _SALT]


def crypto_line(suite: str, who: str) -> str:
    """The attribute that announces it (RFC 4568 §9.1)."""
    return f"a=crypto:1 {suite} inline:{base64.b64encode(master_key(suite, who)).decode()}\r\n"


class Srtp:
    """One sender's packets, encrypted and authenticated (RFC 3711); needs the package ``cryptography``."""

    def __init__(self, suite: str, master: bytes) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
        except ImportError as error:
            raise ImportError("calls with SRTP need the package cryptography: pip install cryptography") from error
        length, self._tag = SUITES[suite]
        key, salt = master[:length], master[length:]

        def keystream(key: bytes, counter: bytes, size: int) -> bytes:
            return Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(bytes(size))

        self._keystream: Callable[[bytes, bytes, int], bytes] = keystream

        def derived(label: int, size: int) -> bytes:  # §4.3.1
            block = int.from_bytes(salt, "big") ^ label << 48
            return keystream(key, (block << 16).to_bytes(16, "big"), size)

        self._keys = [(derived(at, length), derived(at + 1, 20), derived(at + 2, _SALT)) for at in (0, 3)]
        self._index: int | None = None
        self._reports = 0

    def _encrypted(self, which: int, source: int, index: int, data: bytes) -> bytes:
        key, _, salt = self._keys[which]
        counter = int.from_bytes(salt, "big") << 16 ^ source << 64 ^ index << 16
        stream = self._keystream(key, counter.to_bytes(16, "big"), len(data))
        return bytes(one ^ other for one, other in zip(data, stream, strict=True))

    def rtp(self, packet: bytes) -> bytes:
        """A packet whose header has 12 bytes; they come in the order of their numbers, more or less."""
        number, source = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[8:12], "big")
        if self._index is None:
            self._index = number
        ahead = (number - self._index + 0x8000) % 0x10000 - 0x8000
        index = self._index + ahead
        self._index = max(self._index, index)
        whole = packet[:12] + self._encrypted(0, source, index, packet[12:])
        return whole + self._signed(0, whole + (index >> 16).to_bytes(4, "big"), self._tag)

    def rtcp(self, packet: bytes) -> bytes:
        """A compound packet (§3.4)."""
        self._reports += 1
        source = int.from_bytes(packet[4:8], "big")
        whole = packet[:8] + self._encrypted(1, source, self._reports, packet[8:])
        whole += (1 << 31 | self._reports).to_bytes(4, "big")
        return whole + self._signed(1, whole, 10)

    def _signed(self, which: int, data: bytes, size: int) -> bytes:
        return hmac.new(self._keys[which][1], data, hashlib.sha1).digest()[:size]
