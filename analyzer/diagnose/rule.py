"""A rule of diagnosis: what it looks at, what it concludes, and how that is said in each language.

A rule is one :class:`Rule` in a module of :mod:`analyzer.diagnose.rules`. Its ``find`` names tables by its parameters,
as a node of the graph does, and returns one row for each call (or registration, or node) that shows the fault. The
engine (:mod:`analyzer.diagnose.findings`) drops what another finding explains, makes one finding of the rows that have
one cause, and fills in the texts.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import polars as pl

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Text:
    """What a rule says in one language.

    ``title``        a line without a full stop.
    ``explanation``  what this means for people who do not know the standard by heart, in one or two sentences.
    ``causes``       likely causes, the likeliest first.
    ``confirm``      the very command or Wireshark display filter; names in braces are filled in (:data:`EXAMPLES`).
    ``remedy``       what to do.
    ``observed``     one sentence on the case at hand; names in braces are columns that ``find`` returns, or of
                     :data:`EXAMPLES`.
    """

    title: str
    explanation: str
    causes: tuple[str, ...]
    confirm: str
    remedy: str
    observed: str = ""

    @property
    def how_to_confirm(self) -> str:
        """``confirm`` as it is said without a case at hand: ``sip-analyzer call N``."""
        return self.confirm.format_map(_Words(EXAMPLES))


EXAMPLES: Mapping[str, str] = {
    "no": "N",
    "call_id": "CALL-ID",
    "file": "FILE",
    "frame": "FRAME",
    "node": "ADDRESS",
    "ip": "ADDRESS",
    "port": "PORT",
    "calls": "N",
    "cases": "N",
}
"""The names that every ``confirm`` and ``observed`` can use, with the word that stands for each where there is no case:
number of the first call, its Call-ID, file and frame of the first message, the node (ip:port, and its parts), and how
many calls and how many cases there are."""


class _Words(dict[str, str]):
    """A name that is missing is itself, in capitals."""

    def __missing__(self, name: str) -> str:
        return name.upper()


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule.

    ``id``        its number, like R39.
    ``code``      its name, in snake_case: what ``findings.rule`` shows.
    ``severity``  ``error`` (a call or registration was hurt), ``warning`` (it may be), ``info``.
    ``standard``  the clause.
    ``texts``     a :class:`Text` for each of :data:`LANGUAGES`.
    ``find``      tables -> rows; its parameters are nodes of the graph. See below.
    ``absence``   it concludes from something that is missing: silent where the capture has lost packets.
    ``explains``  codes of rules whose findings are consequences of this one, in the same call.
    ``confidence``  0 to 1, unless rows have a column of this name.
    ``seen``      methods and final statuses of which the capture must have one, else there is nothing to look at.
    ``of``        the node of the graph without whose rows there is nothing to look at.
    ``columns``   columns of the core that ``find`` looks at beyond those that are always read.
    ``of_all``    whether a case rests on more than its own unit (a call, a registration, all messages of a Call-ID):
                  where captures are read in pieces, ``find`` has all of them at once. The cases of all other rules are
                  put in the order of their messages.
    ``looks_at``  of a rule of all: the columns of ``core_messages`` and ``transactions`` that it looks at.
    ``only``      of a rule of all: the messages that it looks at, where not all.

    ``find`` returns a frame with the columns ``call`` (key, null outside calls), ``message`` (key: the evidence; a
    further one in ``message2``), ``node`` (ip:port of the node at fault, null if none) and those that ``observed``
    names; it may have ``case`` (the key of a registration or the like), ``severity`` and ``confidence``. Rows with the
    same ``cause`` are one finding, without such a column those with the same ``node``.
    """

    id: str
    code: str
    severity: Severity
    standard: str
    texts: Mapping[str, Text]
    find: Callable[..., pl.DataFrame]
    absence: bool = False
    explains: tuple[str, ...] = ()
    confidence: float = 0.9
    columns: tuple[str, ...] = ()
    seen: frozenset[str | int] | None = None
    of: str | None = None
    of_all: bool = False
    looks_at: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    only: Callable[[], pl.Expr] | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The nodes of the graph that ``find`` names by its parameters."""
        code = self.find.__code__
        return code.co_varnames[: code.co_argcount]

    def text(self, language: str) -> Text:
        """The text in this language; in English if there is none."""
        return self.texts.get(language, self.texts["en"])


def names_in(template: str) -> list[str]:
    """The names in braces.

    >>> names_in("sip-analyzer call {no}")
    ['no']
    """
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def filled(template: str, values: Mapping[str, Any]) -> str:
    """The template with these values; what is null or missing is a dash."""
    known = {name: "-" if values.get(name) is None else str(values[name]) for name in names_in(template)}
    return template.format_map(known)
