"""Captures that were read: the last few are kept as long as their files are what they were."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING

from analyzer.api.capture import Capture
from analyzer.api.source import FilteredSource

if TYPE_CHECKING:
    from analyzer.api.filters import Filter
    from analyzer.mcp.folders import Capture as Named
    from analyzer.mcp.folders import Identity

_MOST = 4


class Readings:
    """Reads captures when they are asked for. ``key`` masks them, None leaves them as they are."""

    def __init__(self, key: bytes | None, *, domains: bool = False) -> None:
        self._key = key
        self._domains = domains
        self._kept: OrderedDict[tuple[Identity, ...], Capture] = OrderedDict()

    @property
    def masked(self) -> bool:
        """Whether pseudonyms are shown."""
        return self._key is not None

    def of(self, named: Named) -> Capture:
        """All of a capture as it may be shown."""
        found = self._kept.pop(named.identity, None)
        if found is None:
            from analyzer.api.read import read

            while len(self._kept) >= _MOST:
                self._kept.popitem(last=False)
            found = read(os.fspath(named.path))
            if self._key is not None:
                found = found.mask(self._key, domains=self._domains)
        self._kept[named.identity] = found
        return found

    @staticmethod
    def picked(capture: Capture, chosen: Filter) -> Capture:
        """What a filter picks of what is *shown*: whoever sees pseudonyms asks with pseudonyms, and cannot find out
        whom they stand for by asking."""
        return Capture(FilteredSource(capture.source, chosen)) if chosen else capture
