"""The header fields of two messages compared by what they mean.

Left out is what differs in any two calls: what identifies a transaction, a dialog or a call, the times, the lengths.
The identities of caller and callee and the addresses of nodes are replaced by the part they play, so that calls of
other people over other addresses are alike. Lists whose order means nothing are compared as sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analyzer.reading.parsing import Header, Parsed


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A header field of two messages that means something else in each.

    ``a`` and ``b`` are its values, None where the message has no such field; ``lacks`` are items of A that B has not,
    ``gains`` those that only B has. ``matters``: the field says what is supported, demanded, allowed or why.
    """

    name: str
    a: str | None
    b: str | None
    lacks: tuple[str, ...]
    gains: tuple[str, ...]
    matters: bool


ADDRESS = "<address>"
"""Takes the place of any address in a URI: where a device is, differs; through which nodes it goes, the ways say."""
_LITERAL = re.compile(r"\[.*\]$|\d{1,3}(?:\.\d{1,3}){3}$")

#: The Request-URI, among header fields.
REQUEST_URI = "Request-URI"

# They identify a transaction, a dialog or a call, or tell a time, a length, a number that is drawn.
_ALWAYS_DIFFER = frozenset(
    {
        *(
            "Via",
            "Call-ID",
            "CSeq",
            "Content-Length",
            "Date",
            "Timestamp",
            "Session-ID",
            "RSeq",
            "RAck",
            "Max-Forwards",
        ),
        *("In-Reply-To", "SIP-ETag", "SIP-If-Match", "Replaces", "Join", "Target-Dialog", "Identity", "Geolocation"),
        *("P-Charging-Function-Addresses", "P-Visited-Network-ID", "MIME-Version"),
    }
)
# The way of a message: its nodes, not the tokens they put into their URIs (RFC 3261 §16.6, RFC 3327, RFC 3608).
_WAYS = frozenset({"Route", "Record-Route", "Path", "Service-Route"})
# Challenges and credentials: how, not the numbers drawn for it (RFC 3261 §22, RFC 3310).
_CREDENTIALS = frozenset(
    {
        *("Authorization", "Proxy-Authorization", "WWW-Authenticate", "Proxy-Authenticate"),
        *("Authentication-Info", "Proxy-Authentication-Info"),
    }
)
_OF_CREDENTIALS = frozenset({"algorithm", "qop", "stale", "realm"})
# What is supported, demanded, allowed, offered, and why something failed. A difference elsewhere (the product, the
# cell, a vendor's own field) is shown, but is not what two calls part over.
_MATTERS = frozenset(
    {
        *("Accept", "Accept-Contact", "Accept-Encoding", "Alert-Info", "Allow", "Allow-Events", "Answer-Mode"),
        *("Contact", "Content-Disposition", "Content-Encoding", "Content-Type", "Diversion", "Event", "Expires"),
        *("Feature-Caps", "From", "History-Info", "Min-Expires", "Min-SE", "P-Asserted-Identity"),
        *("P-Asserted-Service", "P-Called-Party-ID", "P-Early-Media", "P-Preferred-Identity", "P-Preferred-Service"),
        *("P-Served-User", "Priority", "Privacy", "Proxy-Require", "Reason", "Record-Route", "Recv-Info", "Refer-Sub"),
        *("Refer-To", "Reject-Contact", "Request-Disposition", "Require", "Resource-Priority", "Retry-After", "Route"),
        *("Security-Client", "Security-Server", "Security-Verify", "Session-Expires", "Subscription-State"),
        *("Supported", "Unsupported", "Warning", REQUEST_URI, *_CREDENTIALS),
    }
)
# Parameters that are drawn anew, or name one device, registration or branch.
_DRAWN = frozenset(
    {
        *("tag", "branch", "received", "rport", "icid-value", "icid-generated-at", "related-icid", "+sip.instance"),
        *("reg-id", "lr", "ob", "keep", "alias", "gr", "pub-gruu", "temp-gruu", "utran-cell-id-3gpp", "cgi-3gpp"),
        *("utran-sai-3gpp", "i-wlan-node-id", "local-time-zone", "spi-c", "spi-s", "port-c", "port-s", "nonce"),
    }
)
# URI parameters whose value has a meaning; of any other only the name counts (RFC 3261 §19.1.1, RFC 3966, RFC 4458).
_URI_PARAMS = frozenset({"user", "transport", "phone-context", "cause", "method", "maddr", "cpc", "oli"})


@dataclass(frozen=True, slots=True)
class Neutral:
    """Replaces identities and addresses of one call by the part they play in it."""

    parts: Mapping[str, str]
    pattern: re.Pattern[str] | None

    @classmethod
    def of(cls, parts: Mapping[str, str]) -> Neutral:
        """``parts``: words of the call, each with what takes its place."""
        words = sorted((re.escape(word) for word in parts), key=len, reverse=True)
        return cls(parts, re.compile(rf"(?<![\w.+-])(?:{'|'.join(words)})(?![\w-]|\.\w)") if words else None)

    def text(self, text: str) -> str:
        """The text with each of these words replaced."""
        return text if self.pattern is None else self.pattern.sub(lambda found: self.parts[found.group()], text)


def differences(a: Parsed, b: Parsed, neutral_a: Neutral, neutral_b: Neutral) -> Iterator[FieldDifference]:
    """The header fields, and the Request-URI, that mean something else in B than in A, in the order of A."""
    fields_a, fields_b = _fields(a), _fields(b)
    if a.uri is not None and b.uri is not None:
        uri_a, uri_b = _uri(a.uri, neutral_a), _uri(b.uri, neutral_b)
        if uri_a != uri_b:
            yield _difference(REQUEST_URI, a.uri["text"], b.uri["text"], [uri_a], [uri_b])
    for name in dict.fromkeys([*fields_a, *fields_b]):
        if name in _ALWAYS_DIFFER:
            continue
        items_a = _items(name, fields_a.get(name, []), neutral_a)
        items_b = _items(name, fields_b.get(name, []), neutral_b)
        # The order of a way matters; that of anything else does not, or only to the one who sorts by q.
        alike = items_a == items_b if name in _WAYS else sorted(items_a) == sorted(items_b)
        if not alike:
            yield _difference(name, _text(fields_a.get(name)), _text(fields_b.get(name)), items_a, items_b)


def _difference(name: str, a: str | None, b: str | None, items_a: list[str], items_b: list[str]) -> FieldDifference:
    lacks = tuple(item for item in dict.fromkeys(items_a) if item not in items_b)
    gains = tuple(item for item in dict.fromkeys(items_b) if item not in items_a)
    return FieldDifference(name, a, b, lacks, gains, name in _MATTERS)


def _fields(message: Parsed) -> dict[str, list[Header]]:
    fields: dict[str, list[Header]] = {}
    for header in message.headers:
        fields.setdefault(header.canonical or header.name.title(), []).append(header)
    return fields


def _text(fields: list[Header] | None) -> str | None:
    return None if fields is None else ", ".join(field.value for field in fields)


def _items(name: str, fields: Iterable[Header], neutral: Neutral) -> list[str]:
    """What each value of a field means."""
    return [_item(name, value, neutral) for field in fields for value in field.values]


def _item(name: str, value: Mapping[str, Any], neutral: Neutral) -> str:
    uri, params = value.get("uri"), value.get("params", ())
    if name in _WAYS and uri:
        return neutral.text(uri["host"] or uri["text"])
    if name in _CREDENTIALS:
        return _joined(value.get("scheme") or "", [pair for pair in params if pair[0].lower() in _OF_CREDENTIALS])
    kept = [(key, None if word is None else neutral.text(word)) for key, word in params if key.lower() not in _DRAWN]
    if uri:
        return _joined(_uri(uri, neutral), kept)
    head = value.get("word", value.get("type"))
    if head is None or not params:
        return neutral.text(value["text"]).strip()
    return _joined(neutral.text(head), kept)


def _uri(uri: Mapping[str, Any], neutral: Neutral) -> str:
    """Scheme, who, where; of its parameters those that say something."""
    user, host = uri["user"], uri["host"]
    who = neutral.text(user.split(";")[0]) if user else ""
    where = "" if not host else ADDRESS if _LITERAL.match(host) else neutral.text(host)
    if user and ("user", "phone") in uri["params"]:
        # A telephone number, however it is written (RFC 3261 §19.1.6).
        return f"tel:{who}"
    named = [(key, value if key.lower() in _URI_PARAMS else None) for key, value in uri["params"]]
    ends = "@".join(part for part in (who, where) if part) or neutral.text(uri["text"])
    return _joined(f"{uri['scheme']}:{ends}", [pair for pair in named if pair[0].lower() not in _DRAWN])


def _joined(head: str, params: Iterable[tuple[str, str | None]]) -> str:
    written = sorted({f"{key.lower()}={value}" if value is not None else key.lower() for key, value in params})
    return ";".join(part for part in (head, *written) if part)
