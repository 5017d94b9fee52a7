"""A column of a table: its name, type, meaning and standard, its values, and how it is masked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Type = Literal["key", "int", "time", "duration", "share", "number", "bool", "text", "texts"]


def words(text: str) -> tuple[str, ...]:
    """The words of a text: names and values that have no spaces in them."""
    return tuple(text.split())


class MaskClass(Enum):
    """How a mask replaces the values of a text column (``analyzer.masking``)."""

    OPEN = "open"
    """Words of ours or of a registry: shown as they are."""
    ADDRESS = "address"
    HOST = "host"
    URI = "uri"
    USER = "user"
    SUBSCRIBER = "subscriber"
    NAME = "name"
    """A display name."""
    IDENTIFIER = "identifier"
    PHRASE = "phrase"
    """A reason phrase: phrases that RFCs define stay."""
    FREE_TEXT = "free_text"
    """Words from the wire: those of public vocabularies stay."""
    TOKENS = "tokens"
    """The same, each between blanks by itself: several numbers in a row are no telephone number."""
    SENTENCE = "sentence"
    """A sentence of ours with values from the wire in it."""
    CELL = "cell"
    NETWORK = "network"
    """MCC, MNC, or both: digits that name an operator, shown unless domains of operators are masked."""
    FILE = "file"
    NAMED_HEADER = "named_header"
    """The value of the header field that the column ``name`` names."""


class Header(Enum):
    """A header field whose value a column holds as sent: masked as that header field is."""

    ACCESS_NETWORK = "P-Access-Network-Info"
    ASSERTED_IDENTITY = "P-Asserted-Identity"
    ASSERTED_SERVICE = "P-Asserted-Service"
    ASSOCIATED_URI = "P-Associated-URI"
    CHARGING_VECTOR = "P-Charging-Vector"
    CONTENT_TYPE = "Content-Type"
    EARLY_MEDIA = "P-Early-Media"
    EVENT = "Event"
    PATH = "Path"
    RACK = "RAck"
    REASON = "Reason"
    REFER_TO = "Refer-To"
    REPLACES = "Replaces"
    REQUIRE = "Require"
    SERVICE_ROUTE = "Service-Route"
    SUBSCRIPTION_STATE = "Subscription-State"
    SUPPORTED = "Supported"
    USER_AGENT = "User-Agent"
    VISITED_NETWORK = "P-Visited-Network-ID"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    ``values``: every value that the column can have, where these are words of ours; one that needs explaining is a pair
    of the value and its meaning. ``mask``: how texts are masked, null for other types. ``unit``: of an integer that has
    one; durations are seconds.

    >>> Column("state", "text", "State.", values=("early", ("confirmed", "a 2xx was seen"))).allowed
    ['early', 'confirmed']
    """

    name: str
    type: Type
    meaning: str
    standard: str = ""
    values: tuple[str | tuple[str, str], ...] = ()
    mask: MaskClass | Header | None = None
    unit: str = ""
    since: str = "0.1.0"

    @property
    def allowed(self) -> list[str]:
        """The values without their meanings."""
        return [value if isinstance(value, str) else value[0] for value in self.values]

    @property
    def described(self) -> str:
        """The meaning, and after it the values with their meanings."""
        listed = (value if isinstance(value, str) else f"{value[0]} ({value[1]})" for value in self.values)
        return f"{self.meaning} One of: {', '.join(listed)}." if self.values else self.meaning
