"""The compiled core: bytes to tables."""

from collections.abc import Sequence
from typing import Any, final

@final
class Scan:
    def progress(self) -> tuple[int, int]: ...
    def wait(self, seconds: float) -> bool: ...
    def result(self) -> dict[str, Any]: ...
    def cancel(self) -> None: ...

def scan(
    sources: Sequence[tuple[str, str, str | None]],
    threads: int = 0,
    limits: dict[str, int] | None = None,
    columns: Sequence[str] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
    clocks: Sequence[tuple[int, int, int, int]] = ...,
    headers: Sequence[str] = ...,
) -> Scan: ...
def beside(
    sources: Sequence[tuple[str, str, str | None]],
    limits: dict[str, int] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
    clocks: Sequence[tuple[int, int, int, int]] = ...,
) -> dict[str, Any]: ...
def fetch(
    sources: Sequence[tuple[str, str, str | None]],
    wanted: Sequence[tuple[str, int, int, int]],
    limits: dict[str, int] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
) -> list[bytes | None]: ...
def export(
    sources: Sequence[tuple[str, str, str | None]],
    wanted: Sequence[tuple[str, int, int, int]],
    media_flows: Sequence[tuple[str, int, int, int]],
    path: str,
    limits: dict[str, int] | None = None,
    link_types: Sequence[tuple[str, str]] = ...,
) -> int: ...
def parse(text: bytes) -> dict[str, Any]: ...
def header_name(text: str) -> str | None: ...
def link_type(text: str) -> int | None: ...
