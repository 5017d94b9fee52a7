"""What was followed, for monitoring: counters as OpenMetrics text, on a port of this machine."""

from __future__ import annotations

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Delays of calls: their columns, and names after RFC 6076 and this project's tables.
_DELAYS = {"pdd_s": "Post-dial delay", "srd_s": "Session request delay (RFC 6076 §4.3)", "setup_s": "INVITE to answer"}
_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Metrics:
    """Counts calls as they end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._delays = {name: [0, 0.0] for name in _DELAYS}
        self._messages = 0
        self._open = 0
        self._dropped: int | None = None

    def add(self, calls: list[dict[str, Any]], messages: int, open_calls: int, dropped: int | None) -> None:
        """Takes in a moment; ``dropped`` counts from the beginning."""
        with self._lock:
            self._messages += messages
            self._open = open_calls
            self._dropped = dropped if dropped is not None else self._dropped
            for row in calls:
                self._outcomes[row["outcome"]] += 1
                for name, total in self._delays.items():
                    if row[name] is not None:
                        total[0] += 1
                        total[1] += row[name]

    def text(self) -> str:
        """As OpenMetrics."""
        with self._lock:
            lines = ["# TYPE sip_calls counter", "# HELP sip_calls Calls that ended or failed, by outcome"]
            lines += [f'sip_calls_total{{outcome="{name}"}} {count}' for name, count in sorted(self._outcomes.items())]
            lines += ["# TYPE sip_open_calls gauge", "# HELP sip_open_calls Calls that go on"]
            lines.append(f"sip_open_calls {self._open}")
            lines += ["# TYPE sip_messages counter", "# HELP sip_messages SIP messages read"]
            lines.append(f"sip_messages_total {self._messages}")
            for name, (count, total) in self._delays.items():
                family = f"sip_{name.removesuffix('_s')}_seconds"
                lines += [f"# TYPE {family} summary", f"# UNIT {family} seconds", f"# HELP {family} {_DELAYS[name]}"]
                lines += [f"{family}_count {count}", f"{family}_sum {total!r}"]
            if self._dropped is not None:
                lines += [
                    "# TYPE sip_packets_dropped counter",
                    "# HELP sip_packets_dropped Packets lost to the capture",
                ]
                lines.append(f"sip_packets_dropped_total {self._dropped}")
        return "".join(f"{line}\n" for line in [*lines, "# EOF"])


class Server:
    """Serves ``/metrics`` on loopback until it is closed. Raises OSError where the port is taken."""

    def __init__(self, metrics: Metrics, port: int) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path not in ("/", "/metrics"):
                    self.send_error(404)
                    return
                body = metrics.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", _TYPE)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Who asks is of no interest."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True, name="metrics").start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
