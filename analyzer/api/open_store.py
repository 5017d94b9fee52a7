"""``analyzer.open_store``: from the folder of a store to a :class:`~analyzer.Capture`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from analyzer.api.capture import Capture
from analyzer.api.store_source import StoreSource
from analyzer.store.kept import Kept, KeptReading

if TYPE_CHECKING:
    from analyzer.ims.node_overrides import Given


def open_store(path: str | os.PathLike[str], *, nodes: Given | None = None, digits: bool = False) -> Capture:
    """The :class:`Capture` that a store holds (``sip-analyzer batch``); what is asked for is read, and nothing else.

    ``nodes`` and ``digits`` as for :func:`analyzer.read`. Raises :class:`~analyzer.errors.AnalyzerError` for a folder
    that is no store, or a store of a newer version.
    """
    from analyzer.ims.node_overrides import read

    overrides = () if nodes is None else read(nodes)
    return Capture(StoreSource(KeptReading(Kept.at(path)), overrides, digits=digits))
