"""Reads SIP out of packet captures and tells what happened.

::

    capture bytes -> packets -> payloads -> messages         the compiled core, once per packet or message
      messages -> transactions -> dialogs -> calls           analyzer.sip: functions from tables to a table
      tables -> responses, links, failures, latency          analyzer.measure
      tables -> summary, ladder, figures, files                       analyzer.show, analyzer.cli

Start with :func:`read`; a message by hand goes through :func:`parse`.
"""

from __future__ import annotations

from analyzer.errors import AmbiguousCall, AnalyzerError, CaptureChanged, CaptureError, FilterError, NotFound

# Type checkers take it for true. To import ``typing`` takes 10 ms, in which a command cannot yet answer Ctrl-C.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from analyzer.api.call import Call as Call
    from analyzer.api.capture import Capture as Capture
    from analyzer.api.compare import CallComparison as CallComparison
    from analyzer.api.compare import CaptureComparison as CaptureComparison
    from analyzer.api.compare import compare as compare
    from analyzer.api.filters import Filter as Filter
    from analyzer.api.ladder import Ladder as Ladder
    from analyzer.api.message import Message as Message
    from analyzer.api.open_store import open_store as open_store
    from analyzer.api.read import read as read
    from analyzer.reading.parsing import parse as parse

    __version__: str

__all__ = [
    "AmbiguousCall",
    "AnalyzerError",
    "Call",
    "CallComparison",
    "Capture",
    "CaptureChanged",
    "CaptureComparison",
    "CaptureError",
    "Filter",
    "FilterError",
    "Ladder",
    "Message",
    "NotFound",
    "__version__",
    "compare",
    "open_store",
    "parse",
    "read",
]

# Imported when first asked for: `sip-analyzer --help` must not wait for tables it does not need.
_HOMES = {
    "Call": "analyzer.api.call",
    "CallComparison": "analyzer.api.compare",
    "Capture": "analyzer.api.capture",
    "CaptureComparison": "analyzer.api.compare",
    "Filter": "analyzer.api.filters",
    "Ladder": "analyzer.api.ladder",
    "Message": "analyzer.api.message",
    "compare": "analyzer.api.compare",
    "open_store": "analyzer.api.open_store",
    "parse": "analyzer.reading.parsing",
    "read": "analyzer.api.read",
}


def __dir__() -> list[str]:
    """The public names, whether they were asked for or not: what a prompt completes."""
    return [*__all__, "errors", "language"]


def __getattr__(name: str) -> Any:
    if name == "__version__":  # that of the Cargo workspace, by way of the wheel
        from importlib.metadata import version

        return version("sip-analyzer")
    if name not in _HOMES:
        raise AttributeError(f"module 'analyzer' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
