"""Addresses: which page a path is, and what is refused before that."""

from __future__ import annotations

import contextlib
import hmac
import re
import secrets
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from analyzer.errors import AnalyzerError, NotFound
from analyzer.serve.pages import Pages, Served
from analyzer.show.text import safe

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LONGEST_ADDRESS = 8000
_HOSTS = frozenset({"127.0.0.1", "localhost"})
_MOST_AT_ONCE = 32


class Guard:
    """Refuses what does not come from this machine's own page: with a sentence, before anything is looked at."""

    def __init__(self, inner: ASGIApp, token: str) -> None:
        self._inner = inner
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        refused = self._refusal(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self._inner(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].rpartition(":")[0] or hosts[0] if len(hosts) == 1 else ""
        if host.lower() not in _HOSTS:
            return _sentence(403, "this server is for this machine alone: open the address that sip-analyzer printed")
        if scope["method"] not in ("GET", "HEAD"):
            return _sentence(405, "this server only shows: GET and HEAD", {"Allow": "GET, HEAD"})
        given = "".join(scope["path"].split("/", 2)[1:2]).encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._token):
            return _sentence(403, "the token is missing or wrong: open the whole address that sip-analyzer printed")
        if len(scope["query_string"]) + len(scope["path"]) > _LONGEST_ADDRESS:
            return _sentence(414, f"the address is longer than {_LONGEST_ADDRESS:,} characters")
        return None


def _sentence(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"sip-analyzer: {text}\n", status, {**_HEADERS, **(headers or {})})


def app(pages: Pages, token: str) -> ASGIApp:
    """The application for the pages of a capture; ``token`` is the first part of every path."""
    base = f"/{token}/"

    def html(made: Callable[[Request], str]) -> Callable[[Request], Response]:
        def answered(request: Request) -> Response:
            try:
                return Response(made(request), media_type="text/html")
            except NotFound as error:
                return _sentence(404, safe(str(error)))
            except AnalyzerError as error:
                return _sentence(400, safe(str(error)))
            except MemoryError:
                return _sentence(507, "there is too little memory for this page")

        return answered

    def number(request: Request, name: str, form: str = "[0-9]{1,12}") -> int:
        text = request.path_params[name]
        if not re.fullmatch(form, text, re.ASCII):
            raise NotFound(f"{text[:60]!r} is no number")
        return int(text)

    def resource(text: Callable[[], str], kind: str) -> Callable[[Request], Response]:
        return lambda _request: Response(text(), media_type=kind)

    routes = [
        Route(base, lambda _request: RedirectResponse(f"{base}calls")),
        Route(f"{base}style.css", resource(pages.style, "text/css")),
        Route(f"{base}page.js", resource(pages.script, "text/javascript")),
        Route(f"{base}overview", html(lambda _request: pages.overview(base))),
        Route(f"{base}plots", html(lambda request: pages.plots(request.url.query, base))),
        Route(f"{base}figures", html(lambda request: pages.figures(request.url.query, base))),
        Route(f"{base}tables", html(lambda _request: pages.every_table(base))),
        Route(f"{base}call/{{no}}", html(lambda request: pages.call(number(request, "no"), base))),
        Route(f"{base}call/{{no}}/story", html(lambda request: pages.story(number(request, "no"), base))),
        Route(f"{base}registration/{{no}}", html(lambda request: pages.registration(number(request, "no"), base))),
        Route(
            f"{base}message/{{key}}", html(lambda request: pages.message(number(request, "key", "-?[0-9]{1,19}"), base))
        ),
        Route(
            f"{base}{{table}}",
            html(lambda request: pages.table(request.path_params["table"], request.url.query, base)),
        ),
    ]

    def unknown(_request: Request, _error: Exception) -> Response:
        return _sentence(404, "there is no such page")

    return Guard(Starlette(routes=routes, exception_handlers={404: unknown}), token)


class Server:
    """A server on loopback with a token of its own; ``address`` is what to open."""

    def __init__(self, served: Served, port: int = 0) -> None:
        token = secrets.token_urlsafe(16)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen()  # from now on, who opens the address waits and is not refused
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/{token}/"
        self._pages = Pages(served)
        config = uvicorn.Config(
            app(self._pages, token),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            http="h11",
            limit_concurrency=_MOST_AT_ONCE,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Serves until it is stopped: by Ctrl-C, or :meth:`stop` of another thread."""
        threading.Thread(target=self._pages.warm, daemon=True, name="warm").start()
        with contextlib.suppress(KeyboardInterrupt):  # who stops it has seen enough
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Ends :meth:`run`."""
        self._server.should_exit = True
