"""Defaults of options from a file: ``sip-analyzer.toml`` here, over that of the user (XDG Base Directory).

A key is an option without its dashes: ``tz = "Asia/Shanghai"``, ``nodes = "nodes.toml"``, ``lang = "zh"``. An option
that is given several times is a list, or a table: ``[capture-point]`` with ``core = "core-*.pcap"``. What stands on the
command line wins. Paths are relative to the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from analyzer.errors import AnalyzerError, alike

NAME = "sip-analyzer.toml"
#: Beside those on how a capture is read and masked.
_MORE = ("tz", "language", "thresholds")


def files() -> list[Path]:
    """The files that are there, the one that wins last."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    places = (Path(home) / "sip-analyzer" / NAME, Path(NAME))
    return [place for place in places if place.is_file()]


class ForEach(Mapping[str, Any]):
    """The same defaults for each command: click asks for those of a command by its name."""

    def __init__(self, defaults: dict[str, Any]) -> None:
        self._defaults = defaults

    def __getitem__(self, _command: str) -> dict[str, Any]:
        return self._defaults

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def defaults(places: list[Path], options: dict[str, click.Option]) -> dict[str, Any]:
    """The values by the names of parameters; ``options`` are those that may stand there, by their long names."""
    import tomllib

    found: dict[str, Any] = {}
    for place in places:
        try:
            given = tomllib.loads(place.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise AnalyzerError(f"{place}: {error}") from error
        for key, value in given.items():
            option = options.get(key.replace("_", "-"))
            if option is None:
                hint = alike(key.replace("_", "-"), options)
                raise AnalyzerError(f"{place}: unknown key {key!r}.{hint} Known are {', '.join(sorted(options))}.")
            found[str(option.name)] = _value(place, key, value, option)
    return found


def known(command: click.Command, names: frozenset[str]) -> dict[str, click.Option]:
    """The options of a command that may stand in the file, by their long names."""
    return {
        max(option.opts, key=len).lstrip("-"): option
        for option in command.params
        if isinstance(option, click.Option) and option.name in {*names, *_MORE}
    }


def _value(place: Path, key: str, value: Any, option: click.Option) -> Any:
    wanted = "true or false" if option.is_flag else "a list or a table" if option.multiple else "a text or number"
    wrong = AnalyzerError(f"{place}: {key} = {value!r}: {wanted} is wanted")
    if option.is_flag:
        if not isinstance(value, bool):
            raise wrong
        return value
    if option.multiple:
        if isinstance(value, Mapping):
            value = [f"{name}={text}" for name, text in value.items()]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise wrong
        return value
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise wrong
    # A path is that of a file beside the file that names it.
    if isinstance(value, str) and isinstance(option.type, click.Path | click.File):
        return str(place.parent / os.path.expanduser(value))
    return value
