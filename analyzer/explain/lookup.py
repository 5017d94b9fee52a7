"""The entries of a word, and close ones for a word that is unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from analyzer.explain.entries import Entry, data, every

LONGEST = 60
"""Characters of a word that are looked at; no word that is explained has more."""


def key(word: str) -> str:
    """What a word is found by: case, and what joins its parts, do not matter.

    >>> key("Timer  B") == key("timer-b") == key("timer_b")
    True
    """
    return re.sub(r"[\s_-]+", "-", word.replace("′", "'").strip().casefold())


def find(word: str) -> list[Entry]:
    """All entries of that word; none where it is unknown. See :func:`close`."""
    asked = key(word)
    found = [entry for entry in every() if asked in _keys(entry)]
    # A phrase that two codes share names both; the word itself goes before what is only called so.
    return sorted(found, key=lambda entry: key(entry.word) != asked)


def close(word: str, most: int = 5) -> list[str]:
    """Words that are spelt like this one, the closest first; of a status nobody registered, its class."""
    from difflib import get_close_matches

    words = {spelt: spelling for entry in every() for spelling in _spellings(entry) if (spelt := key(spelling))}
    asked = key(word[:LONGEST])
    near = [words[spelt] for spelt in get_close_matches(asked, words, n=most, cutoff=0.6)]
    if re.fullmatch(r"[1-6]\d\d", asked):
        near = [f"{asked[0]}xx", *near]
    elif not near:
        near = [spelling for spelt, spelling in words.items() if len(asked) > 2 and asked in spelt]
    return list(dict.fromkeys(near))[:most]


def _spellings(entry: Entry) -> Iterable[str]:
    """The word, what it is called, and its further spellings, without those of its tables."""
    return (entry.word, *entry.names.values(), *(spelling for spelling in entry.also if "." not in spelling))


def _keys(entry: Entry) -> set[str]:
    before = data("kinds")[entry.kind]["before"]
    spellings = (entry.word, *entry.names.values(), *entry.also)
    return {key(spelling) for spelling in spellings} | {key(f"{one} {entry.word}") for one in before}
