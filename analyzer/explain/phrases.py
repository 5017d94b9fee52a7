"""Sentences and headings of the program in another language: what stands in the source is English."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str], str]
"""A text in the language of the reader; one in braces is filled in afterwards: ``say("{n} calls").format(n=3)``."""


def phrases(language: str) -> Say:
    """The lookup for a language of :data:`analyzer.language.LANGUAGES`; English needs no file.

    >>> phrases("en")("calls"), phrases("zh")("calls")
    ('calls', '呼叫')
    """
    if language == "en":
        return str
    from analyzer.explain.entries import data

    known: dict[str, str] = data(f"phrases_{language}")
    return lambda english: known.get(english, english)
