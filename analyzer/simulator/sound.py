"""What the sides of a call send as media, and what befalls it on its way: the words of a scenario.

A talk without a word is healthy: both sides send from the answer to the BYE in AMR-WB, with pauses of comfort noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Codec(NamedTuple):
    """Payload type, clock, and the lines of a session description: formats, then attributes."""

    payload_type: int
    clock: int
    formats: str
    lines: str


_EVENTS = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
#: By name; AMR-WB is what the descriptions of the laboratory have without a word.
CODECS = {
    "AMR-WB": Codec(104, 16_000, "104 101", "a=rtpmap:104 AMR-WB/16000/1\r\n"),
    "AMR": Codec(98, 8_000, "98 101", f"a=rtpmap:98 AMR/8000\r\na=fmtp:98 octet-align=1;mode-set=0,2,4,7\r\n{_EVENTS}"),
    "EVS": Codec(107, 16_000, "107 101", f"a=rtpmap:107 EVS/16000/1\r\na=fmtp:107 br=9.6-24.4;bw=nb-swb\r\n{_EVENTS}"),
    "PCMA": Codec(8, 8_000, "8 101", f"a=rtpmap:8 PCMA/8000\r\n{_EVENTS}"),
    "PCMA+CN": Codec(8, 8_000, "8 13 101", f"a=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\n{_EVENTS}"),
}


@dataclass(frozen=True, slots=True)
class Sound:
    """What is said and heard in a call. Of two sides, what is odd befalls ``side``; the other one is healthy.

    ``codec``      of both sides, by its name in :data:`CODECS`.
    ``far_codec``  behind the first B2BUA, which anchors media and transcodes; "" for the same.
    ``anchored``   B2BUAs put their own addresses into descriptions and relay media.
    ``loss``       before the first tap: "" or ``random SHARE`` or ``gilbert SHARE MEAN-BURST`` (packets).
    ``jitter_ms``  packets come later by up to this.
    ``reordered``  share of packets that the next one overtakes.
    ``parts``      in which parts of the scenario media flow.
    ``silent``     the side sends nothing.
    ``late_s``     it begins so long after the answer; ``after_s`` it goes on so long after the BYE.
    ``early``      the callee sends from the first 18x on.
    ``gap_s``      it stops for so long in the middle.
    ``elsewhere``  it sends to an address that nobody announced.
    ``payload_type``  instead of that of the codec.
    ``framing``    AMR in the other form than was agreed; EVS Header-Full.
    ``rates``      bit rates that are sent, by their numbers in the tables of the codecs.
    ``on_hold``    what is sent while on hold: ``music`` (by who holds), ``silence``, ``held`` (by who is held, too),
                   ``anyway`` (by who holds, though the session is inactive).
    ``not_relayed``  B2BUAs do not forward what the side sends to the leg behind them.
    ``srtp``       suite of SDES (RFC 4568), "" for none.
    ``pauses``     comfort noise and silence between words.
    """

    side: str = "callee"
    codec: str = "AMR-WB"
    far_codec: str = ""
    anchored: bool = False
    loss: str = ""
    jitter_ms: float = 2.0
    reordered: float = 0.0
    parts: tuple[int, ...] = (0,)
    silent: bool = False
    late_s: float = 0.0
    after_s: float = 0.0
    early: bool = False
    gap_s: float = 0.0
    elsewhere: bool = False
    payload_type: int = 0
    framing: bool = False
    rates: tuple[int, ...] = ()
    on_hold: str = "music"
    not_relayed: bool = False
    srtp: str = ""
    pauses: bool = True
