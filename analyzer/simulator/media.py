"""The media of a call that was played: who sends RTP to whom, when, and what is lost of it.

It comes after the script, with a chance of its own, so that SIP stays as it is, to the byte. Media go the way that the
descriptions say: from one end to the other, or over each B2BUA that put its own address into them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from analyzer.simulator import rtp_wire as wire
from analyzer.simulator.bodies import Media
from analyzer.simulator.network import MS, Node
from analyzer.simulator.script import SECOND, Step
from analyzer.simulator.sound import CODECS, Sound
from analyzer.simulator.wire import Carriage

if TYPE_CHECKING:
    from analyzer.simulator.ways import Ways

_PACKET = 20 * MS
_SIDES = ("caller", "callee")
_ELSEWHERE = 52_000  # above all ports that are announced
_REPORT = 5 * SECOND
_WORDS, _SILENCE = (1.5, 2.0), (0.6, 0.8)  # least and spread of what is said and of what is not, in seconds


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet that its sender sent, and when; ``at`` is null where it was lost."""

    at: int | None
    due: int
    number: int
    timestamp: int
    marker: bool
    payload_type: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Talk:
    """When things happen in a call (ns): what its sides know of it, and who is on hold since when, until when."""

    early: int | None
    answered: dict[str, int]
    ended: dict[str, int]
    holds: tuple[tuple[str, str, int, int], ...]  # who holds, word, since, until

    @classmethod
    def of(cls, course: list[tuple[Step, int, int]], caller: str) -> Talk | None:
        """Of the steps of a script with their begin and end; None if nobody answered."""
        early = answered = ended = None
        holds: list[tuple[str, str, int, int]] = []
        held: tuple[str, str, int] | None = None
        for step, begin, end in course:
            by = "caller" if step.sender == caller else "callee"
            if step.method == "INVITE" and step.status in (180, 183) and early is None:
                early = begin
            elif step.method == "INVITE" and step.status == 200:
                answered = {"callee": begin, "caller": end}
            elif step.method == "BYE" and not step.status:
                ended = {by: begin, "callee" if by == "caller" else "caller": end}
            word = next((word for word in step.words if word.startswith("offer-")), "")
            if word in ("offer-hold", "offer-inactive"):
                held = (by, word.removeprefix("offer-"), end)
            elif word == "offer-resume" and held:
                holds.append((*held, begin))
                held = None
        if answered is None or ended is None:
            return None
        if held:
            holds.append((*held, min(ended.values())))
        return cls(early, answered, ended, tuple(holds))


class Played:
    """The media of one part of a play."""

    def __init__(self, run: Ways, sound: Sound, part: int, answerer: str, talk: Talk) -> None:
        self.run, self.sound, self.talk = run, sound, talk
        self.rng = random.Random(f"media {run.lab.settings.seed} {run.number} {part}")
        self.ends = self._ends(answerer)

    def _ends(self, answerer: str) -> list[tuple[str, Media, Media]]:
        """The stretches between ends and relays: Call-ID, where its caller's side wants media, and its callee's."""
        run = self.run
        down, _ = run._chain("A", answerer)
        found: list[tuple[str, Media, Media]] = []
        for leg in down:
            both = (run._media(leg, down, True), run._media(leg, down[::-1], False))
            if not found or found[-1][1:] != both:
                found.append((leg.call_id, *both))
        return found

    def put(self) -> list[dict[str, Any]]:
        """All of it on the wire; returns the truth of each stream."""
        rows: list[dict[str, Any]] = []
        reports: dict[tuple[int, str], list[Sent]] = {}
        sources = {(place, side): self.rng.getrandbits(32) for place in range(len(self.ends)) for side in _SIDES}
        for side in _SIDES:
            odd = side == self.sound.side
            sent = list(self._sent(side, odd))
            order = range(len(self.ends)) if side == "caller" else range(len(self.ends) - 1, -1, -1)
            for crossed, place in enumerate(order):
                if crossed and odd and self.sound.not_relayed:
                    break
                if crossed:
                    sent = self._relayed(sent, place)
                if sent:
                    rows.append(self._stream(side, place, sources[place, side], sent, odd and not crossed))
                    reports[place, side] = sent
        self._reports(reports, sources)
        return rows

    # -- what a side says ---------------------------------------------------------------------------------------------

    def _sent(self, side: str, odd: bool) -> Iterator[Sent]:
        sound, talk, rng = self.sound, self.talk, self.rng
        if odd and sound.silent:
            return
        codec = CODECS[self._codec(0 if side == "caller" else len(self.ends) - 1)]
        name = self._codec(0 if side == "caller" else len(self.ends) - 1).split("+")[0]
        since, until = talk.answered[side] + 30 * MS, talk.ended[side]
        if odd:
            since += round(sound.late_s * SECOND)
            until += round(sound.after_s * SECOND)
            if sound.early and talk.early is not None:
                since = talk.early + 100 * MS
        gap = (0, 0)
        if odd and sound.gap_s:
            begin = since + (until - since) // 4
            gap = (begin, begin + round(sound.gap_s * SECOND))
        rates = (odd and sound.rates) or wire.RATES.get(name, (0,))
        lossy = _losses(sound.loss if odd else "", rng)
        number, timestamp = rng.getrandbits(16), rng.getrandbits(32)
        units, may_pause = codec.clock // 50, sound.pauses and codec.clock and sound.codec != "PCMA"
        speaks, turn, silent_for, talkspurt = True, since + _spread(_WORDS, rng), 0, True
        for tick, due in enumerate(range(since, until, _PACKET)):
            if may_pause and due >= turn:
                speaks = not speaks
                turn, silent_for, talkspurt = due + _spread(_WORDS if speaks else _SILENCE, rng), 0, speaks
            if gap[0] <= due < gap[1] or self._is_held(side, due, odd):
                talkspurt = True
                continue
            if not speaks:
                silent_for += 1
                # The first frame of silence, then one of 160 ms (TS 26.093 §5.1.1).
                if silent_for % 8 != 1:
                    continue
            rate = rates[tick // 50 % len(rates)] if speaks else None
            payload = wire.frame(name, rate, rng, odd and sound.framing)
            kind = (odd and sound.payload_type) or codec.payload_type
            if not speaks and name == "PCMA":
                kind = wire.COMFORT_NOISE
            late = int(rng.random() * (sound.jitter_ms if odd else 2.0) * MS)
            if odd and rng.random() < sound.reordered:
                late += _PACKET + 5 * MS
            yield Sent(
                None if next(lossy) else due + late, due, number, timestamp + tick * units, talkspurt and speaks, kind,
                payload,
            )  # fmt: skip
            number, talkspurt = number + 1, False

    def _is_held(self, side: str, at: int, odd: bool) -> bool:
        """Whether this side is silent now since somebody is on hold."""
        for holder, word, since, until in self.talk.holds:
            if since <= at < until:
                if side == holder:
                    wanted = "anyway" if word == "inactive" else "music"
                    return self.sound.on_hold not in (wanted, "held" if word == "hold" else wanted)
                return self.sound.on_hold != "held"
        return False

    def _codec(self, place: int) -> str:
        return self.sound.far_codec if place and self.sound.far_codec else self.sound.codec

    def _relayed(self, sent: list[Sent], place: int) -> list[Sent]:
        """What a B2BUA sends on, 10 ms later; it transcodes where the leg has another codec."""
        arrived = [one for one in sent if one.at is not None]
        name = self._codec(place)
        codec = CODECS[name]
        if all(one.payload_type in (codec.payload_type, wire.COMFORT_NOISE) for one in arrived) or not arrived:
            # Numbers and gaps pass.
            return [replace(one, at=None if one.at is None else one.at + 10 * MS) for one in sent]
        first, number = arrived[0], self.rng.getrandbits(16)
        return [
            Sent(
                (one.at or 0) + 10 * MS, one.due, number + at, round((one.due - first.due) * codec.clock / SECOND),
                one.marker, codec.payload_type, wire.frame(name.split("+")[0], wire.RATES.get(name, (0,))[0], self.rng),
            )
            for at, one in enumerate(arrived)
        ]  # fmt: skip

    # -- on the wire --------------------------------------------------------------------------------------------------

    def _way(self, side: str, place: int, odd: bool = False) -> tuple[Node, Node, Media, Media]:
        _, near, far = self.ends[place]
        here, there = (near, far) if side == "caller" else (far, near)
        if odd and self.sound.elsewhere:
            there = there._replace(port=_ELSEWHERE + there.port % 10_000)
        return self._node(here.ip), self._node(there.ip), here, there

    def _node(self, ip: str) -> Node:
        return next(node for node in self.run.media_nodes() if node.ip == ip)

    def _stream(self, side: str, place: int, source: int, sent: list[Sent], odd: bool) -> dict[str, Any]:
        sender, receiver, here, there = self._way(side, place, odd)
        carriage = Carriage(from_port=here.port, to_port=there.port)
        srtp = self._srtp(here)
        flight = 12 * MS
        for one in sent:
            data = wire.rtp(one.payload_type, one.number, one.timestamp, source, one.payload, one.marker)
            data = srtp.rtp(data) if srtp else data
            if one.at is not None:
                self.run.lab.put_media(one.at, one.at + flight, sender, receiver, data, carriage)
        there_at = [one for one in sent if one.at is not None]
        return {
            "play": self.run.number, "call_id": self.ends[place][0], "sent_by": side, "codec": self._codec(place),
            "src": f"{here.ip}:{here.port}", "dst": f"{there.ip}:{there.port}", "ssrc": source,
            "expected": _expected(there_at), "received": len(there_at),
            "reordered": sum(1 for one, number in _running(there_at) if one.number < number),
            "comfort_noise": sum(1 for one in there_at if _is_silence(self._codec(place), one)),
            "first_at": min((one.at or 0 for one in there_at), default=None), "srtp": self.sound.srtp or None,
        }  # fmt: skip

    def _srtp(self, here: Media) -> wire.Srtp | None:
        suite = self.sound.srtp
        return wire.Srtp(suite, wire.master_key(suite, f"{here.ip}:{here.port}")) if suite else None

    def _reports(self, streams: dict[tuple[int, str], list[Sent]], sources: dict[tuple[int, str], int]) -> None:
        """Sender reports of both sides of a stretch, every five seconds, from the port above."""
        for place in range(len(self.ends)):
            both = {side: streams.get((place, side), []) for side in _SIDES}
            if not all(both.values()):
                continue
            protected = {side: self._srtp(self._way(side, place)[2]) for side in _SIDES}
            begin, end = min(one.due for one in both["caller"]), max(one.due for one in both["caller"])
            last: dict[str, tuple[int, int]] = {}
            for at in range(begin + _REPORT, end, _REPORT):
                for side, other in (_SIDES, _SIDES[::-1]):
                    own = [one for one in both[side] if one.due < at]
                    theirs = [one for one in both[other] if one.due < at - 100 * MS]
                    if not own or not theirs:
                        continue
                    moment = at + (0 if side == "caller" else 700 * MS)
                    lost = sum(one.at is None for one in theirs)
                    stated, passed = last.get(other, (0, moment))
                    report = wire.Report(
                        moment, sources[place, side], own[-1].timestamp, len(own), sum(len(one.payload) for one in own),
                        sources[place, other], 256 * lost // len(theirs), lost, theirs[-1].number & 0xFFFF, 0, stated,
                        (moment - passed) * 65_536 // SECOND,
                    )  # fmt: skip
                    seconds, fraction = wire.ntp(moment)
                    sender, receiver, here, there = self._way(side, place)
                    srtp = protected[side]
                    data = srtp.rtcp(report.bytes()) if srtp else report.bytes()
                    ports = Carriage(from_port=here.port + 1, to_port=there.port + 1)
                    self.run.lab.put_media(moment, moment + 12 * MS, sender, receiver, data, ports)
                    last[side] = ((seconds & 0xFFFF) << 16 | fraction >> 16, moment + 12 * MS)


def _spread(wait: tuple[float, float], rng: random.Random) -> int:
    return round((wait[0] + rng.random() * wait[1]) * SECOND)


def _losses(model: str, rng: random.Random) -> Iterator[bool]:
    """Whether each packet is lost: by chance, or in bursts of two states (Gilbert 1960)."""
    kind, *figures = model.split() or [""]
    share = float(figures[0]) if figures else 0.0
    back = 1 / float(figures[1]) if kind == "gilbert" else 1 - share
    begin = share * back / (1 - share) if share else 0.0
    lost = False
    while True:
        lost = rng.random() >= back if lost else bool(share) and rng.random() < begin
        if kind != "gilbert":
            lost = bool(share) and rng.random() < share
        yield lost


def _expected(sent: list[Sent]) -> int:
    """By the numbers that arrived (RFC 3550 A.3)."""
    numbers = [one.number for one in sent]
    return max(numbers) - min(numbers) + 1 if numbers else 0


def _running(sent: list[Sent]) -> Iterator[tuple[Sent, int]]:
    """Packets as they arrive, each with the highest number before it."""
    highest = -1
    for one in sorted(sent, key=lambda one: one.at or 0):
        yield one, highest
        highest = max(highest, one.number)


def _is_silence(codec: str, one: Sent) -> bool:
    sizes = {"AMR-WB": {7}, "AMR": {7}, "EVS": {6, 8}}.get(codec, set())
    return one.payload_type == wire.COMFORT_NOISE or len(one.payload) in sizes


def play(run: Ways, part: int, course: list[tuple[Step, int, int]]) -> list[dict[str, Any]]:
    """The media of one part of a play, where there are some; returns the truth of its streams."""
    sound = run.scenario.sound or (Sound() if run.lab.settings.media and run.scenario.kind == "call" else None)
    if sound is None or part not in sound.parts or not course:
        return []
    answers = [step for step, _, _ in course if step.method == "INVITE" and step.status == 200]
    talk = Talk.of(course, "A")
    if talk is None or not answers:
        return []
    return Played(run, sound, part, answers[0].sender, talk).put()
