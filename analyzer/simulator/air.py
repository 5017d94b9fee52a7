"""What those on the network ask of the laboratory: its settings, its chance, and to carry their messages."""

from __future__ import annotations

import random
from typing import Protocol

from analyzer.simulator.legs import Visit
from analyzer.simulator.network import Network, Node
from analyzer.simulator.script import Step
from analyzer.simulator.settings import Settings
from analyzer.simulator.truth import Truth
from analyzer.simulator.wire import Carriage


class Air(Protocol):
    """The laboratory as those on its network see it."""

    settings: Settings
    rng: random.Random
    network: Network
    truth: Truth

    def steps(self, script: str) -> list[Step]:
        """The lines of a script."""

    def transport(self, one: Node, other: Node) -> str:
        """What a hop is spoken over: UDP or TCP."""

    def loss(self, one: Node, other: Node) -> float:
        """The share of messages that a hop loses."""

    def media_port(self, ip: str, wanted: int) -> int:
        """A port for media at an address, that of the play at hand alone: ``wanted``, or the next one that is free."""

    def flight(self, sender: Visit, receiver: Visit) -> int:
        """How long a message flies (ns)."""

    def put(
        self, play: int, call_id: str, sent_at: int, received_at: int | None, sender: Node, receiver: Node, point: str,
        method: str, status: int, cseq: int, branch: str, payload: bytes, copy: int, previous: int | None,
        carriage: Carriage | None,
    ) -> int:  # fmt: skip
        """A message leaves; returns its number."""

    def put_beside(
        self, sent_at: int, number: int, received_at: int, sender: Node, receiver: Node, payload: bytes
    ) -> None:
        """What is no SIP leaves."""

    def put_media(
        self, sent_at: int, received_at: int, sender: Node, receiver: Node, payload: bytes, carriage: Carriage
    ) -> None:
        """A packet of media leaves."""
