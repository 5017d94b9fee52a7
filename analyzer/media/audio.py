"""What was said, as sound: G.711 of both sides (ITU-T G.711), by the times and timestamps of its packets."""

from __future__ import annotations

import io
import wave
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from analyzer.errors import AnalyzerError, NotFound

#: Samples a second.
RATE = 8_000
_LONGEST = 6 * 3600
"""Seconds: a wave file of two channels is 700 MB then."""
_JUMP = 2 * RATE
"""Timestamps that are further from the time of capture began anew (RFC 3550 §5.1: a sender may choose them so)."""
_OVERLAP = 500_000_000
_SIDES = ("caller", "callee")
#: Names of the codecs, and of what else may be among their packets: it is silence here.
_G711 = {"PCMU": 0, "PCMA": 8}

#: What plays others.
_OTHERS = "export the call with its media (sip-analyzer export --call-id ... --media -o call.pcapng), and play it in"
_OTHERS += " Wireshark (Telephony > RTP > RTP Player), or decode it with ffmpeg"

_WITH_KEYS = f"With other keys, {_OTHERS}"


def _ulaw(byte: int) -> int:
    """G.711 table 2: sign, three bits of segment, four of step; all bits are inverted."""
    byte ^= 0xFF
    magnitude = (((byte & 0x0F) << 3) + 0x84 << (byte >> 4 & 7)) - 0x84
    return -magnitude if byte & 0x80 else magnitude


def _alaw(byte: int) -> int:
    """G.711 table 1; every other bit is inverted."""
    byte ^= 0x55
    segment, step = byte >> 4 & 7, (byte & 0x0F) << 4
    magnitude = step + 8 if segment == 0 else step + 0x108 << (segment - 1)
    return magnitude if byte & 0x80 else -magnitude


#: By payload type: the sample, 16 bits, of each byte.
TABLES = {0: [_ulaw(byte) for byte in range(256)], 8: [_alaw(byte) for byte in range(256)]}

#: Time (ns), number, timestamp, payload type, payload.
Packet = tuple[int, int, int, int, bytes]


@dataclass(frozen=True, slots=True)
class Track:
    """One stream: the side that sent it, the static type of its codec, the type that it has on the wire."""

    side: str
    codec: int
    payload_type: int
    packets: list[Packet]


def playable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a call's rows of ``streams`` those that are its conversation, each side once, of several legs that of most
    packets; ``first_at`` and ``last_at`` in ns.

    Raises NotFound where there is no audio, AnalyzerError where it is in another codec than G.711.
    """
    sent = [row for row in rows if row["sent_by"] in _SIDES and row["media"] in ("audio", None)]
    if not sent:
        raise NotFound("no audio of this call is in the capture")
    known = [row for row in sent if _name(row) in _G711]
    if not known:
        codecs = " and ".join(sorted({_name(row) or "a codec that is not known" for row in sent}))
        raise AnalyzerError(f"its audio is {codecs}; only G.711 (PCMU, PCMA) is decoded. To hear it, {_OTHERS}")
    sealed = [row for row in known if "SAVP" in (row["proto"] or "") and not row["srtp"]]
    if any(row["unauthenticated"] for row in sealed):
        raise AnalyzerError(
            f"its audio is encrypted (SRTP), and no key in its session descriptions is right. {_WITH_KEYS}"
        )
    if sealed:
        raise AnalyzerError(
            "its audio is encrypted (SRTP). Where its session descriptions have the keys, --srtp-keys sdp decrypts it."
            f" {_WITH_KEYS}"
        )
    chosen: list[dict[str, Any]] = []
    for row in sorted(known, key=lambda row: (-row["packets"], row["first_at"], row["stream"])):
        others = [one for one in chosen if one["sent_by"] == row["sent_by"]]
        if all(_apart(row, one) for one in others):
            chosen.append(row)
    return chosen


def _name(row: dict[str, Any]) -> str:
    return str(row["codec"] or "").split("/", maxsplit=1)[0].upper()


def _apart(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """One came after the other, as behind a re-INVITE; at the same time it is another leg."""
    overlap = min(one["last_at"], other["last_at"]) - max(one["first_at"], other["first_at"])
    return bool(overlap < _OVERLAP)


def track(row: dict[str, Any], packets: list[Packet]) -> Track:
    """Of a row of ``streams`` and its packets."""
    return Track(row["sent_by"], _G711[_name(row)], row["payload_type"], packets)


def wave_of(tracks: Iterable[Track]) -> bytes:
    """A wave file, 8000 samples a second of 16 bits: the caller on the left, the callee on the right, lost packets and
    pauses as silence.

    >>> silence = Track("caller", 8, 8, [(0, 1, 160, 8, bytes([0xD5]) * 160)])
    >>> len(wave_of([silence]))
    684
    """
    tracks = list(tracks)
    start = min(packet[0] for one in tracks for packet in one.packets)
    channels = {side: array("h") for side in _SIDES}
    for one in tracks:
        _mix(channels[one.side], one, start)
    length = max(len(channel) for channel in channels.values())
    both = array("h", bytes(4 * length))
    for place, side in enumerate(_SIDES):
        channel = channels[side]
        both[place : 2 * len(channel) : 2] = channel
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(both.tobytes())
    return written.getvalue()


def _mix(channel: array[int], one: Track, start: int) -> None:
    """Puts the samples of each packet where its timestamp has them: that of the first is where it was captured."""
    table = TABLES[one.codec]
    seen: set[tuple[int, int]] = set()
    anchor: tuple[int, int] | None = None
    for at, number, timestamp, payload_type, payload in one.packets:
        if payload_type != one.payload_type or (number, timestamp) in seen:
            continue
        seen.add((number, timestamp))
        captured = (at - start) * RATE // 1_000_000_000
        place = captured
        if anchor is not None:
            ahead = (timestamp - anchor[1] + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
            place = anchor[0] + ahead
        if anchor is None or abs(place - captured) > _JUMP:
            anchor, place = (captured, timestamp), captured
        end = place + len(payload)
        if place < 0 or end > _LONGEST * RATE:
            continue
        if end > len(channel):
            channel.frombytes(bytes(2 * (end - len(channel))))
        channel[place:end] = array("h", map(table.__getitem__, payload))
