"""The bodies of the laboratory's messages: SDP with preconditions, reginfo, an RP layer."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.simulator.rtp_wire import crypto_line
from analyzer.simulator.sound import CODECS


class Media(NamedTuple):
    """Where media is wanted: what an SDP description says of its maker."""

    ip: str
    port: int
    session: int


# The precondition lines of each description of a set-up (RFC 3312; TS 24.229 §6.1): current local and remote, confirm.
_QUALITY = {
    "offer": ("none", "none", False),
    "answer": ("none", "none", True),
    "offer2": ("sendrecv", "none", False),
    "answer2": ("sendrecv", "sendrecv", False),
}


_WHOLE = ("offer", "offer-plain")  # what a caller can do; everything else speaks of what was chosen


#: Words of descriptions within a call: direction, and the version of the session.
_LATER = {
    "offer-hold": ("sendonly", 3), "answer-hold": ("recvonly", 3), "offer-inactive": ("inactive", 3),
    "answer-inactive": ("inactive", 3), "offer-resume": ("sendrecv", 4), "answer-resume": ("sendrecv", 4),
}  # fmt: skip


def sdp(media: Media, word: str, sound: tuple[str, str] = ("", "")) -> bytes:
    """The audio description (TS 26.114) that goes with a word of the scripts; ``sound``: a codec other than
    those, and a suite of SRTP."""
    quality = ""
    if word in _QUALITY:
        local, remote, confirm = _QUALITY[word]
        quality = (
            f"a=curr:qos local {local}\r\na=curr:qos remote {remote}\r\n"
            "a=des:qos mandatory local sendrecv\r\na=des:qos mandatory remote sendrecv\r\n"
        ) + ("a=conf:qos remote sendrecv\r\n" if confirm else "")
    family = "IP6" if ":" in media.ip else "IP4"
    formats = "107 104 105 101" if word in _WHOLE else "8" if word == "answer-alien" else "104 101"
    evs = "a=rtpmap:107 EVS/16000/1\r\na=fmtp:107 br=5.9-24.4;bw=nb-swb\r\na=rtpmap:105 telephone-event/8000\r\n"
    lines = (
        f"{evs if word in _WHOLE else ''}"
        "a=rtpmap:104 AMR-WB/16000/1\r\na=fmtp:104 mode-change-capability=2;max-red=220\r\n"
        "a=rtpmap:101 telephone-event/16000\r\na=fmtp:101 0-15\r\n"
    )
    codec, suite = sound
    if codec:
        formats, lines = CODECS[codec].formats, CODECS[codec].lines
    crypto = crypto_line(suite, f"{media.ip}:{media.port}") if suite else ""
    direction, version = _LATER.get(word, ("sendrecv", 2 if word.endswith("2") else 1))
    return (
        f"v=0\r\no=- {media.session} {version} IN {family} {media.ip}\r\ns=-\r\n"
        f"c=IN {family} {media.ip}\r\nb=AS:49\r\nt=0 0\r\n"
        f"m=audio {media.port} RTP/{'SAVP' if suite else 'AVP'} {formats}\r\n"
        f"{lines}{crypto}{quality}a=ptime:20\r\na={direction}\r\n"
    ).encode()


#: What a transfer has come to (RFC 3515 §2.4.5).
FRAGMENTS = {"so-far-trying": b"SIP/2.0 100 Trying\r\n", "so-far-failed": b"SIP/2.0 503 Service Unavailable\r\n"}
#: What a 380 says to a UE that dialled an emergency number as any other (TS 24.229 §7.6).
EMERGENCY = (
    b'<?xml version="1.0"?>\n<ims-3gpp version="1"><alternative-service><type>emergency</type>'
    b"<reason/></alternative-service></ims-3gpp>\n"
)


def reginfo(identity: str, contact: str) -> bytes:
    """The whole registration state of one identity with one contact (RFC 3680)."""
    return (
        '<?xml version="1.0"?>\n<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="0" state="full">\n'
        f' <registration aor="{identity}" id="r1" state="active">\n'
        '  <contact id="c1" state="active" event="registered">\n'
        f"   <uri>{contact}</uri>\n  </contact>\n </registration>\n</reginfo>\n"
    ).encode()


def _address(number: str) -> bytes:
    """An address of the RP layer without its length: international, then the digits in swapped pairs (TS 24.011)."""
    digits = number.lstrip("+")
    digits += "f" * (len(digits) % 2)
    return b"\x91" + bytes(int(digits[at + 1] + digits[at], 16) for at in range(0, len(digits), 2))


def rp_data(reference: int, centre: str, to: str) -> bytes:
    """RP-DATA of a mobile (TS 24.011 §7.3.1.2) with the SMS-SUBMIT "hellohello" in the 7 bit alphabet (TS 23.040)."""
    address, digits = _address(centre), len(to.lstrip("+"))
    submit = b"\x01\x00" + bytes([digits]) + _address(to) + b"\x00\x00\x0a" + bytes.fromhex("e8329bfd4697d9ec37")
    return bytes([0, reference, 0, len(address)]) + address + bytes([len(submit)]) + submit


def rp_ack(reference: int) -> bytes:
    """RP-ACK of the network (TS 24.011 §7.3.3)."""
    return bytes([3, reference])
