"""The laboratory: plays scripts on its network and writes what its capture points see."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from analyzer.simulator.beside import Beside, Passed
from analyzer.simulator.legs import Visit
from analyzer.simulator.network import MS, P_CSCF, UE, Network, Node
from analyzer.simulator.participants import Participants
from analyzer.simulator.points import Point
from analyzer.simulator.scenario_run import ScenarioRun
from analyzer.simulator.scenarios import CALLS, MIX, SCENARIOS
from analyzer.simulator.script import SECOND, Step, steps
from analyzer.simulator.settings import Settings
from analyzer.simulator.truth import MessageRow, Truth
from analyzer.simulator.wire import Carriage, Route, TcpRoute, UdpRoute, connect, handshake

START = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z
_MEDIA = 1 << 60
_MANY = 50_000  # packets that wait for their time
_MEDIA_PORTS = range(10_000, 52_000, 2)
_STALE = 60 * SECOND  # a port rests for so long after its play: media come late


class Simulator:
    """A network, its capture points and the truth; `run` fills a directory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     truth = Laboratory(Settings(calls=3, mix={"busy": 1})).run(directory)
        ...     [call["outcome"] for call in truth.calls]
        ['busy', 'busy', 'busy']
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings = settings or Settings()
        unknown = set(settings.mix) - set(SCENARIOS)
        if unknown:
            raise ValueError(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
        if settings.subscribers < 4:
            raise ValueError("a forwarded or forked call needs 4 subscribers")
        self.rng = random.Random(f"laboratory {settings.seed}")
        self.network = Network(
            self.rng,
            subscribers=settings.subscribers,
            p_cscfs=settings.p_cscfs,
            s_cscfs=settings.s_cscfs,
            application_servers=settings.application_servers,
            combined=settings.combined,
            ipv6=settings.ipv6,
            host_names=settings.host_names,
        )
        self._slow_down(settings.slow)
        # A laboratory without them stays as it was, to the byte.
        told = asdict(settings)
        self.truth = Truth(
            {name: said for name, said in told.items() if said or name not in ("beside", "media", "slow")}
        )
        self._points: list[Point] = []
        self._scripts: dict[str, list[Step]] = {}
        self._routes: dict[tuple[Node, Node], Route] = {}
        self._pending: list[tuple[int, int, int | None, Node, Node, bytes, Carriage | None]] = []
        self._messages = self._media = 0
        self._next_port = 40_000
        self._counts: Counter[str] = Counter()
        self._used: set[Node] = set()
        self._beside = Beside(self) if settings.beside else None
        self._at = START
        self._media_ports: dict[tuple[str, int], int] = {}  # until when the play that took a port has it

    def _slow_down(self, slow: str) -> None:
        nodes = {node.name: node for node in self.network.nodes}
        for word in filter(None, slow.split(",")):
            name, _, ms = word.partition("=")
            if name not in nodes:
                known = ", ".join(one for one in nodes if not one.startswith("ue"))
                raise ValueError(f"no node {name}; there are {known} and ue1-1 ...")
            nodes[name].slower = round(float(ms) * MS)

    def run(self, directory: str | Path) -> Truth:
        """Write captures (``<point>.pcap``), ``truth.json``, ``messages.csv``, ``observations.csv``; returns the truth.

        Raises:
            ValueError: a scenario, point or format that there is not.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self._points = self._open_points(directory)
        observations = self.truth.observations if self.settings.keep_messages else None
        at = START
        for number, (gap, scenario) in enumerate(self._programme()):
            at += gap
            if number % 64 == 63 or len(self._pending) > _MANY:
                self._carry(at)
            self._at = at
            play = ScenarioRun(self, number, scenario, at, Participants(self, scenario))
            already = len(self._pending)
            play.run()
            if self._beside is not None:
                passed = (one for one in self._pending[already:] if one[1] > -_MEDIA)
                self._beside.ask(play, [Passed(*one[:6]) for one in passed])
            self._keep(play)
        self._carry(1 << 62)
        for point in self._points:
            point.close(observations)
        self._close_truth()
        self.truth.write(directory)
        return self.truth

    # -- what the plays ask for ---------------------------------------------------------------------------------------

    def steps(self, script: str) -> list[Step]:
        if script not in self._scripts:
            self._scripts[script] = steps(script)
        return self._scripts[script]

    def transport(self, one: Node, other: Node) -> str:
        kind = self.settings.transport
        if kind == "mixed":
            return "UDP" if UE in one.roles or UE in other.roles else "TCP"
        return kind.upper()

    def loss(self, one: Node, other: Node) -> float:
        """The share of messages that a hop loses; none where a node talks to itself or TCP carries them."""
        return 0.0 if one is other or self.transport(one, other) == "TCP" else self.settings.loss

    def media_port(self, ip: str, wanted: int) -> int:
        port = wanted
        while self._media_ports.get((ip, port), 0) > self._at:
            port += 2
            if port >= _MEDIA_PORTS.stop:
                port = _MEDIA_PORTS.start
            if port == wanted:
                raise ValueError(f"all ports for media of {ip} are taken: fewer calls_per_second")
        self._media_ports[ip, port] = 1 << 62
        return port

    def flight(self, sender: Visit, receiver: Visit) -> int:
        """How long a message flies: the radio is slower than the core."""
        if UE in sender.kinds or UE in receiver.kinds:
            return 12 * MS + int(self.rng.random() * 10 * MS)
        return MS // 5 + int(self.rng.random() * MS)

    def put(
        self, play: int, call_id: str, sent_at: int, received_at: int | None, sender: Node, receiver: Node, point: str,
        method: str, status: int, cseq: int, branch: str, payload: bytes, copy: int, previous: int | None,
        carriage: Carriage | None,
    ) -> int:  # fmt: skip
        """A message leaves; returns its number. What a node says to itself is on no wire and has no number."""
        if sender is receiver:
            return previous if previous is not None else -1
        number = self._messages
        self._messages += 1
        self._pending.append((sent_at, number, received_at, sender, receiver, payload, carriage))
        if copy:
            self._counts["retransmissions"] += 1
        if self.settings.keep_messages:
            previous = None if previous == -1 else previous
            self.truth.messages.append(
                MessageRow(
                    number, play, call_id, sender.name, receiver.name, point, method, status or None, cseq, branch,
                    sent_at, received_at, copy, previous,
                )
            )  # fmt: skip
        return number

    def put_beside(
        self, sent_at: int, number: int, received_at: int, sender: Node, receiver: Node, payload: bytes
    ) -> None:
        """What is no SIP leaves; its number is less than 0."""
        self._pending.append((sent_at, number, received_at, sender, receiver, payload, None))

    def put_media(
        self, sent_at: int, received_at: int, sender: Node, receiver: Node, payload: bytes, carriage: Carriage
    ) -> None:
        """A packet of media leaves; its number is less than that of anything else."""
        self._media += 1
        self._pending.append((sent_at, -_MEDIA - self._media, received_at, sender, receiver, payload, carriage))

    # -- the programme ------------------------------------------------------------------------------------------------

    def _programme(self) -> Any:
        """The scenarios and the time from one to the next, until there are enough calls."""
        mix = self.settings.mix or MIX
        scenarios, weights = [SCENARIOS[name] for name in mix], list(mix.values())
        calls_among = sum(weight for scenario, weight in zip(scenarios, weights, strict=True) if scenario in CALLS)
        rate = self.settings.calls_per_second * sum(weights) / (calls_among or sum(weights))
        calls = 0
        while calls < self.settings.calls:
            scenario = self.rng.choices(scenarios, weights)[0]
            calls += scenario in CALLS or not calls_among
            yield int(self.rng.expovariate(rate) * SECOND), scenario

    def _carry(self, until: int) -> None:
        """Put on the wire what is due before `until`, in order, and let the points write it."""
        pending = self._pending
        pending.sort()
        due = next((i for i, event in enumerate(pending) if event[0] >= until), len(pending))
        points = self._points
        for sent_at, number, received_at, sender, receiver, payload, carriage in pending[:due]:
            if carriage is None:
                route = self._routes.get((sender, receiver)) or self._connect(sent_at, sender, receiver)
                frames = tuple(route.frames(payload))
            else:
                frames = tuple(carriage.frames(sender, receiver, payload))
            for point in points:
                point.see(sender, receiver, sent_at, received_at, frames, number)
        del pending[:due]
        observations = self.truth.observations if self.settings.keep_messages else None
        for point in points:
            point.flush(until, observations)

    def _connect(self, at: int, sender: Node, receiver: Node) -> Route:
        if self._beside is not None and (pair := self._beside.route(sender, receiver)) is not None:
            self._routes[sender, receiver], self._routes[receiver, sender] = pair
            if isinstance(pair[0], TcpRoute):
                self._shake_hands(at, sender, receiver, pair[0])
            return pair[0]
        if self.transport(sender, receiver) == "UDP":
            self._routes[sender, receiver] = UdpRoute(sender, receiver, self.settings.mtu)
            return self._routes[sender, receiver]
        self._next_port = 40_000 + (self._next_port - 39_999) % 20_000
        here, there = connect(sender, receiver, min(self.settings.mtu, 1500), self._next_port, self.rng.getrandbits(31))
        self._routes[sender, receiver], self._routes[receiver, sender] = here, there
        self._shake_hands(at, sender, receiver, here)
        return here

    def _shake_hands(self, at: int, sender: Node, receiver: Node, here: TcpRoute) -> None:
        for step, (side, frame) in enumerate(handshake(here)):
            moment = at - (3 - step) * 60_000
            ends = (sender, receiver) if side is here else (receiver, sender)
            for point in self._points:
                point.see(*ends, moment, moment + 50_000, (frame,), None)

    # -- capture points -----------------------------------------------------------------------------------------------

    def _open_points(self, directory: Path) -> list[Point]:
        settings, points = self.settings, []
        if settings.format not in ("pcap", "pcapng"):
            raise ValueError(f"format {settings.format!r} is neither pcap nor pcapng")
        for number, name in enumerate(settings.points):
            tapped = {node for part in name.split("+") for node in self._tapped(part)}
            rng = random.Random(f"point {settings.seed} {number}")
            offset = round(rng.uniform(-1, 1) * settings.skew_s * SECOND) if number else 0
            drift = rng.uniform(-1, 1) * settings.drift_ppm if number else 0.0
            points.append(
                Point(
                    name,
                    tapped,
                    directory / f"{name}.{settings.format}",
                    rng,
                    start=START,
                    offset=offset,
                    drift_ppm=round(drift, 3),
                    loss=settings.capture_loss,
                    mirrored=settings.mirrored,
                )
            )
        return points

    def _tapped(self, name: str) -> list[Node]:
        nodes = self.network.nodes
        if name == "all":
            return nodes
        if name == "access":
            return [node for node in nodes if P_CSCF in node.roles]
        if name == "core":
            return [node for node in nodes if not {UE, P_CSCF} & set(node.roles)]
        named = [node for node in nodes if node.name == name]
        if not named:
            known = ", ".join(node.name for node in nodes if UE not in node.roles)
            raise ValueError(f"no capture point {name!r}; there are all, core, access and the nodes {known}")
        return named

    # -- truth --------------------------------------------------------------------------------------------------------

    def _keep(self, play: ScenarioRun) -> None:
        self._counts[play.scenario.kind] += 1
        self._used |= play.boxes
        self.truth.streams += play.streams
        for (ip, _), port in play.media_ports.items():
            self._media_ports[ip, port] = play.now + _STALE
        if play.scenario.kind == "call":
            self.truth.calls.append(play.truth())
        elif play.scenario.kind == "registration":
            self.truth.registrations += play.attempts
        else:
            self.truth.short_messages.append(play.truth())

    def _close_truth(self) -> None:
        truth = self.truth
        used = [node for node in self.network.nodes if node in self._used]
        truth.nodes = [
            {
                "name": node.name,
                "roles": list(node.roles),
                "address": node.socket,
                "network": node.network,
                "host": node.host,
            }
            for node in used
        ]
        truth.points = [
            {
                "name": point.name, "file": point.path.name, "offset_ns": point.offset, "drift_ppm": point.drift_ppm,
                "start_ns": point.start, "packets": point.frames, "lost_packets": point.lost,
                "nodes": [node.name for node in used if node in point.tapped],
            }
            for point in self._points
        ]  # fmt: skip
        media = {"media": self._media} if self._media else {}
        truth.counts = {"messages": self._messages, **media, **dict(sorted(self._counts.items()))}


def make(directory: str | Path, **settings: Any) -> Truth:
    """Captures with known truth in `directory`; the settings are the fields of `Settings`.

    The same settings give the same bytes.

    Raises:
        TypeError: a setting that there is not.
        ValueError: a value that there is not.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     truth = make(directory, calls=2, seed=7, mix={"cancelled": 1})
        ...     len(truth.calls), len(truth.calls[0]["legs"])
        (2, 3)
    """
    return Simulator(Settings(**settings)).run(directory)
