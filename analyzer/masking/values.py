"""Values masked by their grammar: URIs, hosts, identifiers, header fields, free text.

Every function gives text of the same length in bytes (UTF-8), with the same signs between the words; words that
:mod:`~analyzer.masking.vocabulary` does not know as public are replaced by their pseudonyms. A header field
or parameter that :mod:`~analyzer.masking.header_parts` does not name is masked word by word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial

from analyzer.masking import vocabulary
from analyzer.masking.header_parts import HEADERS, KEPT, PARAMETERS, UNKNOWN_HEADER
from analyzer.masking.pseudonyms import Pseudonyms

#: What stands for a secret, or for bytes of which nothing is known.
FILLER = "x"

_REMEMBERED = 4096
_LONGEST_USER = 64
"""Characters of the longest user that is kept in memory, as words and numbers are."""

_IPV4 = r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)"
_IPV6 = r"(?<![\w:.])(?=[\w:]*:[\w:]*:)[0-9A-Fa-f:]+(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])"
_UUID = r"(?<!\w)[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?!\w)"
# A letter or digit, ASCII or not; not what stands for bytes that are no UTF-8 (U+FFFD in tables, surrogates in
# messages).
_CHAR = r"[0-9A-Za-z\x80-\ud7ff\ue000-\ufffc\U00010000-\U0010ffff]"
_WORD = rf"{_CHAR}+"
# A telephone number as people write it: seven digits or more, nothing but separators between them.
_SPACED_NUMBER = r"(?<![\w.])\d(?:[ .()/-]{0,2}\d){6,}(?![\w])"

_ATOM = re.compile(rf"(?P<address>{_IPV6}|{_IPV4})|(?P<uuid>{_UUID})|(?P<word>{_WORD})", re.ASCII)
_TEXT_ATOM = re.compile(
    rf"""(?P<address>{_IPV6}|{_IPV4})|(?P<uuid>{_UUID})|(?P<number>{_SPACED_NUMBER})
      |(?P<mail>(?<![\w.+-])[\w.+-]++@[\w.-]+)|(?P<domain>(?<![\w.-])(?:[0-9A-Za-z-]+\.)+[A-Za-z]{{2,}}(?![\w-]))
      |(?P<word>{_WORD})""".replace("\n      ", ""),
    re.ASCII,
)
_ADDRESS = re.compile(f"{_IPV6}|{_IPV4}", re.ASCII)
_WORD_ALONE = re.compile(_WORD)
_DIGIT = re.compile(r"[0-9]")
_HEX_DIGIT = re.compile(r"[0-9A-Fa-f]")
_NUMBER_USER = re.compile(r"[+0-9.\-()*#A-Da-d]*[0-9][+0-9.\-()*#A-Da-d]*")
_COOKIE = re.compile(r"z9hG4bK", re.IGNORECASE)
_UNIT = re.compile(r"%[0-9A-Fa-f]{2}|.", re.DOTALL)
_PORT = re.compile(r"(?:\s*:\s*[0-9]{0,5}\s*)?\Z", re.ASCII)
_CODE = re.compile(r"(m[nc]c(?:\s*[=:]\s*)?\"?)([0-9]{2,3})(?![0-9])", re.IGNORECASE | re.ASCII)
# Digits of MCC, MNC, area and cell where the MNC has three (TS 24.229 §7.2A.4): GERAN, UTRAN and E-UTRAN, NR.
_MNC_OF_THREE = (14, 17, 21)
_URI_HEADER = re.compile(r"([?&])([^?&=]*)(=?)([^?&]*)")
_SCHEME = re.compile(r"(\s*)([A-Za-z][A-Za-z0-9+.\-]*):", re.ASCII)

# The parts of a header field: NAME=VALUE, "quoted", <URI>, a URI without <> (its parameters are the header's, RFC 3261
# §20.10), ;flag, any other run.
_PART = re.compile(
    r"""(?P<name>[A-Za-z+][\w.+*!%'`~-]*+)(?P<equals>\s*=\s*)(?P<value>"(?:[^"\\]|\\.)*"?|<[^>]*>?|[^\s;,<>"&]*)
      | "(?P<quoted>(?:[^"\\]|\\.)*+)(?P<close>"?)
      | <(?P<uri>[^<>]*)
      | (?P<bare>(?:sips?|tel|urn|pres|im|mailto|https?|geo|cid):[^\s,;<>"]+)
      | (?P<flag>(?<=;)\s*[A-Za-z+][\w.+*!%'`~-]*+(?!\s*=))
      | (?P<run>[^\s,;<>"=]+)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE | re.ASCII,
)
# The name of a parameter nobody knows is shown where it looks like one, and not like data.
_NAME = re.compile(r"[a-z]{1,3}[0-9]{1,2}|\+?[a-z]+(?:[-_.][a-z0-9]{1,12})*|[A-Z]{1,12}|[A-Z]?[a-z]{1,24}", re.ASCII)
_LONG_NUMBER = re.compile(r"[0-9]{5,}")

# What is masked even in texts that are shown: URIs and addresses, mail addresses, MAC addresses and serial numbers,
# long numbers, and what somebody owns ("Alice's phone").
_IDENTITY = re.compile(
    rf"""(?P<uri>(?:sips?|tel|mailto|im|pres|https?|urn):[^\s,;<>"]+)
      | (?P<mail>(?<![^\s,;<>"@()=])[^\s,;<>"@()=]++@[^\s,;<>"@()=]+)
      | (?P<uuid>{_UUID})
      | (?P<mac>(?<!\w)[0-9A-Fa-f]{{2}}(?:[:-][0-9A-Fa-f]{{2}}){{5}}(?!\w)
          |(?<!\w)(?=[0-9A-F]*[A-F])(?=[A-F]*[0-9])[0-9A-F]{{12}}(?!\w)
          |(?<!\w)(?=[0-9a-f]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{{12}}(?!\w))
      | (?P<time>(?<![\w:])[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?(?![\w:]))
      | (?P<address>{_IPV6}|{_IPV4})
      | (?P<version>(?<![\w.])\d+(?:\.\d+)+(?![\w.]))
      | (?P<number>{_SPACED_NUMBER})
      | (?P<long>(?<!\w)(?=\w*[0-9]{{7}})\w++)
      | (?P<owner>(?<!{_CHAR}){_WORD}+(?=['\u2019]s\b))""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
# What of these is shown all the same.
_NO_KINDS: frozenset[str] = frozenset()
_VERSIONS = frozenset(("address", "version"))
_NUMBERS = frozenset(("version", "number", "long"))


class Values:
    """Masks values with one set of pseudonyms.

    ``known``: words and addresses found to be identities elsewhere in the capture; they are masked even in product
    names, where everything else is shown. ``domains``: the operator in front of a cell is masked too; that in domains
    is left to :meth:`operators`, which goes over whole texts.
    """

    def __init__(self, pseudonyms: Pseudonyms, known: frozenset[str] = frozenset(), *, domains: bool = False) -> None:
        self._pseudonyms = pseudonyms
        self._users: dict[str, str] = {}
        self._known = known
        self._domains = domains
        #: ``header(name, value)``: the value of a header field masked; ``name`` in its long form. The messages of a
        #: call say the same again and again.
        self.header = lru_cache(_REMEMBERED)(self._header)
        #: ``hostport(text)``: a host, or ``host:port``; the port stays. Public labels stay: roles, operators, top-level
        #: domains.
        self.hostport = lru_cache(_REMEMBERED)(self._hostport)
        self._by_words: dict[str, Callable[[str], str]] = {
            "free": self.free,
            "strict": self.strict,
            "gentle": self.gentle,
            "number": self.plain,
            "switch": self.switch,
            "session": self.session_id,
            "identifier": self.identifier,
            "host": self.hostport,
            "user": self.user_at_host,
            "uri": self.uri,
            "phrase": self.phrase,
            "product": self.product,
            "secret": filled,
            "cell": self.cell,
            "access": self.gentle,
            "warning": self._warning_word,
            "via": self._via_word,
            "scheme": self._scheme_word,
        }

    # ---- hosts, users, identifiers ----------------------------------------------------------------------------------

    def _hostport(self, text: str) -> str:
        whole = self._pseudonyms.address(text)
        if whole is not None:
            return whole
        host = text[: _PORT.search(text).start()]  # type: ignore[union-attr]  # it matches nothing at the end as well
        masked, behind = "", 0
        for found in _ADDRESS.finditer(host):
            masked += self._labels(host[behind : found.start()])
            masked += self._pseudonyms.address(found.group()) or self._labels(found.group())
            behind = found.end()
        return masked + self._labels(host[behind:]) + text[len(host) :]

    def _labels(self, text: str) -> str:
        last = text.rstrip(". ]>").rfind(".") + 1

        def label(found: re.Match[str]) -> str:
            public = vocabulary.is_public_label(found.group(), last=0 < last <= found.start())
            return found.group() if public else self._words(found.group())

        return re.sub(r"[^.\s\[\]<>]+", label, text)

    def user(self, text: str) -> str:
        """The user part of a URI: a telephone number as one number whatever its separators, a name word by word."""
        if len(text) > _LONGEST_USER:
            return _through_escapes(text, self._user)
        # A subscriber is in several URIs.
        if (known := self._users.get(text)) is None:
            known = self._users[text] = _through_escapes(text, self._user)
        return known

    def _user(self, text: str) -> str:
        name, colon, password = text.partition(":")
        name, semicolon, parameters = name.partition(";")
        if name.lower() not in vocabulary.USERS:
            name = self._number(name) if _NUMBER_USER.fullmatch(name) else self._words(name)
        if not (semicolon or colon):
            return name
        return name + semicolon + self.parts(parameters, "strict", "strict") + colon + filled(password)

    def user_at_host(self, text: str) -> str:
        """``user@host`` without a scheme, such as a private identity (TS 23.003 §13.3); without ``@`` a user."""
        user, at, host = text.partition("@")
        return self.user(user) + at + self.hostport(host)

    def subscriber(self, text: str) -> str:
        """A subscriber key (``calls.caller``): a number, ``user@host``, a host, or a URN."""
        if text.startswith("urn:") or "@" in text:
            return self.uri(text)
        number, semicolon, context = text.partition(";")
        if _NUMBER_USER.fullmatch(number) and "." not in number:
            return self._number(number) + semicolon + self.parts(context, "strict", "strict")
        return self.hostport(text)

    def identifier(self, text: str) -> str:
        """A Call-ID, tag, branch, icid or nonce: word by word; what follows ``@`` is a host, and the cookie stays."""
        local, at, host = text.partition("@")
        cookie = _COOKIE.match(local)
        start = cookie.end() if cookie else 0
        rest = local[start:]
        # Mostly it is one word.
        if rest.isascii() and rest.isalnum():
            masked = self._pseudonyms.word(rest, opaque=True)
        else:
            masked = self._atoms(rest, partial(self._pseudonyms.word, opaque=True))
        return local[:start] + masked + at + self.hostport(host)

    def _number(self, text: str) -> str:
        """Its digits as one number; everything between them stays."""
        digits = text.removeprefix("+")
        if digits.isascii() and digits.isdigit():
            return text[: len(text) - len(digits)] + self._pseudonyms.number(digits)
        others = iter(self._pseudonyms.number("".join(_DIGIT.findall(text))))
        return _DIGIT.sub(lambda _: next(others), text)

    # ---- URIs -------------------------------------------------------------------------------------------------------

    def uri(self, text: str) -> str:
        """A URI as sent (RFC 3261 §19.1, RFC 3966, 8141, 3986), ``user@host``, or a host."""
        found = _SCHEME.match(text)
        scheme = found[2].lower() if found else ""
        start = found.end() if found else 0
        rest = text[start:]
        if scheme in vocabulary.SIP_SCHEMES:
            return text[:start] + self._sip(rest)
        if scheme == "tel":
            number, semicolon, parameters = rest.partition(";")
            return text[:start] + self.user(number) + semicolon + self.parts(parameters, "strict", "strict")
        if scheme == "urn":
            return text[:start] + self._urn(rest)
        if scheme == "geo":  # RFC 5870
            return text[:start] + self.every_digit(rest)
        if scheme in ("cid", "mid"):
            return text[:start] + self.identifier(rest)
        if scheme in vocabulary.AUTHORITY_SCHEMES and rest.startswith("//"):
            return text[:start] + self._authority(rest)
        if "@" in text:
            return self._sip(text)
        return self.hostport(text)

    def _sip(self, rest: str) -> str:
        user, at, place = rest.partition("@") if "@" in rest else ("", "", rest)
        place, mark, headers = place.partition("?")
        host, semicolon, parameters = place.partition(";")
        return (
            self.user(user)
            + at
            + self.hostport(host)
            + (self.parts(semicolon + parameters, "strict", "strict") if semicolon else "")
            + (_URI_HEADER.sub(self._escaped_header, mark + headers) if mark else "")
        )

    def _escaped_header(self, found: re.Match[str]) -> str:
        """A header field in a URI (RFC 3261 §19.1.1), such as Replaces in Refer-To."""
        mark, name, equals, value = found.groups()
        shown = name if equals and self._is_name(name.lower()) else self.strict(name)
        return mark + shown + equals + _through_escapes(value, lambda text: self.header(name, text))

    def _urn(self, rest: str) -> str:
        if vocabulary.PUBLIC_URN.match(rest):
            return self.gentle(rest)

        def word(text: str) -> str:
            return text if text.lower() in vocabulary.URN_WORDS else self._pseudonyms.word(text)

        return self._atoms(rest, word)

    def _authority(self, rest: str) -> str:
        authority, path = _cut(rest[2:], "/?#;")
        user, at, host = authority.rpartition("@")
        return f"//{self.user(user)}{at}{self.hostport(host)}{_through_escapes(path, self.free)}"

    # ---- text -------------------------------------------------------------------------------------------------------

    def free(self, text: str) -> str:
        """Text of people: every word and number of it."""
        return self._atoms(text, self._pseudonyms.word, _TEXT_ATOM)

    def name(self, text: str) -> str:
        """A display name; ``Anonymous`` names nobody."""
        return text if text.lower() in vocabulary.USERS else self.free(text)

    def strict(self, text: str) -> str:
        """Text of programs nobody knows: words of the standards and numbers of one or two digits stay."""
        return _through_escapes(text, self._strict)

    def _strict(self, text: str) -> str:
        if text.lower() in vocabulary.VALUES or vocabulary.FEATURE.fullmatch(text):
            return text
        scheme = _SCHEME.match(text)
        if scheme and scheme[2].lower() in vocabulary.SCHEMES:
            return self.uri(text)

        def word(text: str) -> str:
            public = text.lower() in vocabulary.VALUES or (text.isdigit() and len(text) <= 2)
            return text if public else self._pseudonyms.word(text, opaque=True)

        return self._atoms(text, word, _TEXT_ATOM)

    def phrase(self, text: str) -> str:
        """Text of programs about what happened: common words of it and codes of up to three digits stay."""

        def word(text: str) -> str:
            public = text.lower() in vocabulary.PHRASE or (text.isdigit() and len(text) <= 3)
            return text if public else self._pseudonyms.word(text)

        return self._atoms(text, word, _TEXT_ATOM)

    def gentle(self, text: str) -> str:
        """Text of registries: what has the form of an identity or an address is masked, and what is known to be one."""
        return self._identities(text, _NO_KINDS)

    def tokens(self, text: str) -> str:
        """The same for words between blanks, each by itself."""
        return re.sub(r"\S+", lambda found: self.gentle(found.group()), text)

    def plain(self, text: str) -> str:
        """The same for fields that are numbers: long ones stay."""
        return text if re.fullmatch(r"[0-9.\s]*", text, re.ASCII) else self.gentle(text)

    def switch(self, text: str) -> str:
        """The value of a parameter that is a number or one of a few words; any other is nobody's standard."""
        public = all(word.lower() in vocabulary.VALUES for word in re.split(r"[\s,]+", text.strip()))
        return text if public or re.fullmatch(r"[0-9.]{0,10}", text, re.ASCII) else self.strict(text)

    def session_id(self, text: str) -> str:
        """Two random UUIDs (RFC 7989 §5), which stay; what else somebody writes there does not."""
        random = re.fullmatch(r"\s*[0-9a-f]{32}\s*(?:;\s*remote\s*=\s*[0-9a-f]{32}\s*)?", text, re.IGNORECASE)
        return text if random else self.parts(text)

    def product(self, text: str) -> str:
        """A product name and its version, which may look like an address or a number."""
        return self._identities(text, _VERSIONS)

    def sentence(self, text: str) -> str:
        """A sentence of our own, which may quote the wire; its numbers are counts and lengths."""
        return self._identities(text, _NUMBERS)

    def _identities(self, text: str, shown: frozenset[str]) -> str:
        def identity(found: re.Match[str]) -> str:
            text = found.group()
            kind = found.lastgroup
            if kind == "uri":
                return self.uri(text)
            if kind == "mail":
                return self.user_at_host(text)
            if kind == "time":
                return text
            if kind in shown and ":" not in text and text not in self._known:
                return text
            if kind == "address":
                return self._pseudonyms.address(text) or self._words(text)
            if kind in ("version", "number"):
                return self._number(text)
            return self._hexadecimal(text) if kind in ("uuid", "mac") else self._words(text)

        masked = _IDENTITY.sub(identity, text)
        if not self._known:
            return masked

        def known(found: re.Match[str]) -> str:
            return self._pseudonyms.word(found.group()) if found.group().lower() in self._known else found.group()

        return _WORD_ALONE.sub(known, masked)

    def cell(self, text: str) -> str:
        """A cell or access point: country and network code (five digits) stay, the place does not."""
        found = re.match(r"[0-9]{5}(?=[0-9A-Fa-f]{5})", text, re.ASCII)
        start = found.end() if found else 0
        if found and self._domains and len(text) in _MNC_OF_THREE:
            start += 1
        front = self.network(text[:start]) if self._domains else text[:start]
        if not re.fullmatch(r"[0-9A-Fa-f]+", text[start:], re.ASCII):
            return front + self.free(text[start:])
        return front + self._hexadecimal(text[start:])

    def network(self, digits: str) -> str:
        """MCC, MNC, or both one after the other."""
        codes = (digits[:3], digits[3:])
        return "".join(self._pseudonyms.network_code(code) if code.isdigit() else code for code in codes)

    def operators(self, text: str) -> str:
        """The codes in names of operators (``mnc001.mcc262``) as pseudonyms, wherever in a text."""
        return _CODE.sub(lambda found: found[1] + self._pseudonyms.network_code(found[2]), text)

    def every_digit(self, text: str) -> str:
        """A place on earth: every number of it, however short; words too, but for those of the standards."""

        def word(text: str) -> str:
            return text if text.lower() in vocabulary.VALUES else self._pseudonyms.word(text)

        return self._atoms(text, word)

    def file(self, path: str) -> str:
        """A file's path: directories word by word, and in its own name what looks like an identity and is no date."""
        directories, slash, name = path.rpartition("/")
        times = re.split(r"((?<!\d)20\d{6}(?:\d{4}|\d{6})?(?!\d))", name)
        masked = "".join(part if place % 2 else self.gentle(part) for place, part in enumerate(times))
        return self._words(directories) + slash + masked

    # ---- header fields ----------------------------------------------------------------------------------------------

    def _header(self, name: str, value: str) -> str:
        words, unknown = HEADERS.get(name.lower(), UNKNOWN_HEADER)
        if words in ("product", "session"):
            return self._by_words[words](value)
        return self.parts(value, words, unknown)

    def parts(self, text: str, words: str = "strict", unknown: str = "strict") -> str:
        """The parts of a header field, or the parameters of a URI."""

        def part(found: re.Match[str]) -> str:
            if found["name"] is not None:
                name = found["name"]
                shown = name if self._is_name(name) else self._words(name)
                return shown + found["equals"] + self._parameter(name.lower(), found["value"], unknown)
            if found["quoted"] is not None:
                return f'"{self._quoted(found["quoted"], words)}{found["close"]}'
            if found["uri"] is not None:
                return f"<{self.uri(found['uri'])}"
            if found["bare"] is not None:
                return self.uri(found["bare"])
            if found["flag"] is not None:
                name = found["flag"].strip().lower()
                public = PARAMETERS.get(name) == KEPT or name in vocabulary.VALUES or name.startswith("+")
                return self.gentle(found["flag"]) if public else self.strict(found["flag"])
            return self._by_words[words](found["run"])

        # The first parameter of a list that was cut off its start is a flag too.
        return _PART.sub(part, text)

    def _is_name(self, name: str) -> bool:
        return name.lower() in PARAMETERS or bool(_NAME.fullmatch(name) and not _LONG_NUMBER.search(name))

    def _parameter(self, name: str, value: str, unknown: str) -> str:
        rule = PARAMETERS.get(name) or ("gentle" if name.startswith("+") else unknown)
        if rule == KEPT:
            rule = "switch" if unknown in ("strict", "identifier") else "number"
        mask = self._by_words[rule]
        opening = value[:1] if value[:1] in ('"', "<") else ""
        closing = {'"': '"', "<": ">"}.get(opening, "")
        if not opening:
            return mask(value)
        inner = value[1:-1] if len(value) > 1 and value.endswith(closing) else value[1:]
        if opening == "<" or (inner.startswith("<") and rule != "secret"):
            inner = re.sub(r"[^<>]+", lambda found: self.uri(found.group()), inner)
            return opening + inner + value[1 + len(inner) :]
        return opening + mask(inner) + value[1 + len(inner) :]

    def _quoted(self, text: str, words: str) -> str:
        if words == "warning":
            return self.phrase(text)
        if words in ("host", "gentle", "secret"):
            return self._by_words[words](text)
        return self.name(text)

    def _via_word(self, text: str) -> str:
        if text.lower() in vocabulary.VALUES or re.fullmatch(r"SIP/2\.0(?:/[\w-]*)?|[0-9./]{1,5}", text, re.IGNORECASE):
            return text
        return self.hostport(text)

    def _warning_word(self, text: str) -> str:
        return text if re.fullmatch(r"[0-9]{3,4}", text) else self.hostport(text)

    def _scheme_word(self, text: str) -> str:
        return text if text.lower() in vocabulary.VALUES else filled(text)

    # ---- words ------------------------------------------------------------------------------------------------------

    def _words(self, text: str) -> str:
        return self._atoms(text, self._pseudonyms.word)

    def _atoms(self, text: str, word: Callable[[str], str], pattern: re.Pattern[str] = _ATOM) -> str:
        """The text with its addresses, UUIDs, spaced numbers and words replaced, and nothing else."""

        def atom(found: re.Match[str]) -> str:
            text = found.group()
            if found.lastgroup == "address":
                # Four numbers or groups that are no address are words.
                return self._pseudonyms.address(text) or _WORD_ALONE.sub(lambda part: word(part.group()), text)
            if found.lastgroup == "uuid":
                return self._hexadecimal(text)
            if found.lastgroup in ("mail", "domain"):
                return self.user_at_host(text) if "@" in text else self.hostport(text)
            return self._number(text) if found.lastgroup == "number" else word(text)

        return pattern.sub(atom, text)

    def _hexadecimal(self, text: str) -> str:
        """Its hexadecimal digits as one word; everything between them stays."""
        others = iter(self._pseudonyms.hexadecimal("".join(_HEX_DIGIT.findall(text))))
        return _HEX_DIGIT.sub(lambda _: next(others), text)


def filled(text: str) -> str:
    """Nothing of a text but its length and its ends of lines."""
    return "".join(char if char in "\r\n" else FILLER * len(char.encode("utf-8", "surrogateescape")) for char in text)


def _cut(text: str, signs: str) -> tuple[str, str]:
    """The text before the first of these signs, and the rest from it on."""
    place = min((text.find(sign) for sign in signs if sign in text), default=len(text))
    return text[:place], text[place:]


def _through_escapes(text: str, mask: Callable[[str], str]) -> str:
    """Masks what %-escapes stand for (RFC 3261 §25.1), and writes it escaped where it was."""
    if "%" not in text:
        return mask(text)
    units = _UNIT.findall(text)
    masked = mask("".join(_unescaped(unit) for unit in units))
    out, place = [], 0
    for unit in units:
        # As long in bytes: what fills a secret has more letters than it, where it is not ASCII.
        end, size = place, _bytes(_unescaped(unit))
        while size > 0 and end < len(masked):
            size -= _bytes(masked[end])
            end += 1
        new, place = masked[place:end], end
        out.append(new if len(unit) == 1 else _escaped(new, like=unit))
    return "".join(out)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def _unescaped(unit: str) -> str:
    return unit if len(unit) == 1 else bytes([int(unit[1:], 16)]).decode("ascii", "surrogateescape")


def _escaped(char: str, *, like: str) -> str:
    if _unescaped(like) == char:
        return like
    code = f"%{char.encode('utf-8', 'surrogateescape')[0]:02X}"
    return code if like == like.upper() else code.lower()
