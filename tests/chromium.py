"""A page in headless Chromium, over the DevTools protocol: what it did, what it shows, what it asked the network for.

Only the standard library: Chromium speaks the protocol on two pipes (``--remote-debugging-pipe``), one JSON text after
another, each ended by NUL. https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_S = 120
_READY = """new Promise(done => {
    const ready = () => document.documentElement.dataset.ready === "yes" && done(true);
    new MutationObserver(ready).observe(document.documentElement, {attributes: true});
    ready();
})"""


class Chromium:
    """A browser without a window. Use as a context; :meth:`open` gives one :class:`Page` after another."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # The protocol wants the pipes to be file descriptors 3 and 4.
        words = (program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
        options = (f"--user-data-dir={self._profile.name}", "--remote-debugging-pipe", "about:blank")
        self._process = subprocess.Popen(
            [
                "bash",
                "-c",
                f'exec "$@" 3<&{to_read} 4>&{to_write}',
                "chromium",
                "timeout",
                str(_PATIENCE_S * 5),
                *words,
                *options,
            ],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._numbers = itertools.count(1)
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(_PATIENCE_S)
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command and its result; events that come meanwhile are kept."""
        number = next(self._numbers)
        words: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session is not None:
            words["sessionId"] = session
        os.write(self._to, json.dumps(words).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") != number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            else:
                return dict(answer["result"])

    def await_event(self, method: str, session: str) -> None:
        """Until that happens; it may have."""
        seen = 0
        while not any(event.get("sessionId") == session and event["method"] == method for event in self.events[seen:]):
            seen = len(self.events)
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._from], [], [], _PATIENCE_S)[0]:
                raise RuntimeError("Chromium does not answer")
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium has ended")
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(text))

    def open(
        self,
        path: Path | str,
        fragment: str = "",
        *,
        script: bool = True,
        dark: bool = False,
        size: tuple[int, int] = (1280, 900),
    ) -> Page:
        """The page of that file or address, when its script is done."""
        return Page(self, path, fragment, script=script, dark=dark, size=size)


class Page:
    """One page: its address bar, its elements by JavaScript, and what it tried to do."""

    def __init__(
        self, browser: Chromium, path: Path | str, fragment: str, *, script: bool, dark: bool, size: tuple[int, int]
    ) -> None:
        self._browser = browser
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        self._call(
            "Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        if not script:
            self._call("Emulation.setScriptExecutionDisabled", value=True)
        address = path.resolve().as_uri() if isinstance(path, Path) else path
        self._call("Page.navigate", url=f"{address}{fragment}")
        browser.await_event("Page.loadEventFired", self._session)
        if script:
            self.js(_READY)

    def close(self) -> None:
        """Its events are forgotten with it."""
        self._browser.call("Target.closeTarget", targetId=self._target)
        self._browser.events.clear()

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def js(self, expression: str) -> Any:
        """The value of a JavaScript expression; of a promise that what it comes to."""
        result = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, timeout=_PATIENCE_S * 1000
        )
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "JavaScript failed"))
        return result["result"].get("value")

    def texts(self, selector: str) -> list[str]:
        """The text of each element that the selector finds."""
        return list(self.js(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)"))

    def go(self, fragment: str, until: str) -> None:
        """Follow a link to a fragment of the page, and wait until there is what that selector finds."""
        self.js(f"location.hash = {json.dumps(fragment)}")
        self.wait(until)

    def wait(self, selector: str) -> None:
        """Until the selector finds something."""
        self.js(
            f"""new Promise((done, fail) => {{
                setTimeout(() => fail(new Error("there is no " + {json.dumps(selector)})), {_PATIENCE_S * 1000 // 4});
                const look = () => document.querySelector({json.dumps(selector)}) && done(true);
                new MutationObserver(look).observe(document, {{subtree: true, childList: true, attributes: true}});
                look();
            }})"""
        )

    def happened(self, *methods: str) -> list[dict[str, Any]]:
        """What events of these names told of this page."""
        self.js("new Promise(done => setTimeout(done))")
        own = (event for event in self._browser.events if event.get("sessionId") == self._session)
        return [event["params"] for event in own if event["method"] in methods]


def program() -> str:
    """Where Chromium is; the test is skipped where there is none."""
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is None:
        pytest.skip("Chromium is not installed")
    return found
