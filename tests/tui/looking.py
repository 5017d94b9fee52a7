"""The browser without a terminal: keys go in, the lines of the screen come out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from analyzer.api.capture import Capture
from analyzer.api.filters import Filter
from analyzer.tui.app import Browser
from analyzer.tui.views import Looked


class Screen:
    """A browser that runs: :meth:`press` waits until all is answered."""

    def __init__(self, app: Browser, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    async def press(self, *keys: str) -> None:
        """Keys by Textual's names, one after the other."""
        for key in keys:
            await self._pilot.press(key)
            await self.settled()

    async def type(self, text: str) -> None:
        """Characters, and Enter."""
        await self._pilot.press(*text, "enter")
        await self.settled()

    async def resize(self, columns: int, lines: int) -> None:
        """The terminal changes."""
        await self._pilot.resize_terminal(columns, lines)
        await self.settled()

    async def settled(self) -> None:
        """Until nothing is looked up any more."""
        await self._pilot.pause()
        while self.app.lookups.waiting:
            await self._pilot.pause(0.01)
        await self._pilot.pause()

    @property
    def lines(self) -> list[str]:
        """What stands on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        """The same in one text."""
        return "\n".join(self.lines)


def look(
    capture: Capture,
    acts: Callable[[Screen], Awaitable[None]],
    size: tuple[int, int] = (120, 30),
    *,
    ascii_only: bool = False,
    language: str = "en",
) -> None:
    """Looks around in a capture as ``acts`` says."""

    def shown(chosen: Filter | None) -> Capture:
        return capture.filter(chosen) if chosen else capture

    looked = Looked(shown, "a.pcap", ascii_only=ascii_only, language=language)

    async def run() -> None:
        app = Browser(looked)
        async with app.run_test(size=size) as pilot:
            screen = Screen(app, pilot)
            await screen.settled()
            await acts(screen)

    asyncio.run(run())
