"""The language that people read: asked for, or that of the locale (POSIX.1-2017, base definitions §8.2)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

LANGUAGES = ("en", "zh")
"""English and Chinese, by their codes of ISO 639-1; every text for people has both."""

SPOKEN: ContextVar[str] = ContextVar("the language in which tables tell their texts", default="en")


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """In here tables whose entry is ``spoken`` are told in this language.

    >>> with spoken("zh"):
    ...     SPOKEN.get()
    'zh'
    """
    before = SPOKEN.set(language)
    try:
        yield
    finally:
        SPOKEN.reset(before)


def chosen(asked: str | None = None, environment: Mapping[str, str] = os.environ) -> str:
    """One of :data:`LANGUAGES`: the one ``asked`` for, else that of LC_ALL, LC_MESSAGES or LANG, the first that is set.

    A locale of another language is read in English.

    >>> chosen("en", {"LANG": "zh_CN.UTF-8"}), chosen(None, {"LANG": "zh_CN.UTF-8"}), chosen(None, {"LANG": "de_DE"})
    ('en', 'zh', 'en')
    """
    if asked:
        return asked
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    code = re.split(r"[-_.@]", locale.lower())[0]
    return code if code in LANGUAGES else "en"
