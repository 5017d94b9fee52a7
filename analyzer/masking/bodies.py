"""Bodies masked by their media type, length and lines kept; of a type that is not known here nothing but the length."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from analyzer.masking import vocabulary
from analyzer.masking.values import FILLER, Values, filled

_XML_PIECE = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<[^>]*>?|[^<]+", re.DOTALL)
_XML_ATTRIBUTE = re.compile(r"""([\w:.-]+)(\s*=\s*)("[^"]*"?|'[^']*'?)""", re.ASCII)
_XML_PUBLIC = re.compile(
    r"xmlns(?::.*)?|(?:\w+:)?schemalocation|encoding|standalone|xml:lang|type|srsname", re.IGNORECASE
)
_TIME = re.compile(r"\s*\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?\s*", re.ASCII)
_PLACE = re.compile(r"geopriv|opengis|civicaddr|<\w*:?location", re.IGNORECASE)

_FIELD = re.compile(r"^([^\s:]+)([ \t]*:)((?:[^\r\n]|\r?\n[ \t]|\r(?!\n))*)", re.MULTILINE)
# Messages and multipart bodies in one another; deeper than anybody sends them.
_DEEPEST = 8
_BLANK_LINE = re.compile(rb"\r?\n\r?\n|\A\r?\n")


class Bodies:
    """Masks bodies with :class:`~analyzer.masking.values.Values`; ``message(bytes, depth)`` masks messages in them."""

    def __init__(self, values: Values, message: Callable[[bytes, int], bytes]) -> None:
        self._values = values
        self._message = message

    def body(self, data: bytes, content_type: str | None, encoding: str | None = None, depth: int = 0) -> bytes:
        """The body; ``content_type`` and ``encoding`` are the values of its header fields, ``depth`` says how many
        messages and parts it lies in.
        """
        if depth > _DEEPEST:
            return filler(data)
        kind = (content_type or "").partition(";")[0].strip().lower()
        if encoding and encoding.strip().lower() != "identity":
            return filler(data)
        if kind.startswith("multipart/"):
            return self._multipart(data, content_type or "", depth + 1)
        if kind in ("message/sip", "message/sipfrag"):
            return self._message(data, depth + 1)
        if kind == "message/cpim":  # RFC 3862: its own fields, an empty line, a MIME part
            return self._cpim(data, depth + 1)
        if kind == "application/vnd.3gpp.sms":
            # Message type and reference of TS 24.011 §8.2: whether it was sent, acknowledged or refused.
            return data[:2] + filler(data[2:])
        by_text = {
            "application/sdp": self._sdp,
            "application/dtmf-relay": self._dtmf_relay,
            "application/dtmf": _dialled,
            "application/simple-message-summary": self._fields,
        }.get(kind)
        if by_text is None and (kind.endswith("+xml") or kind in ("application/xml", "text/xml")):
            by_text = self._xml
        if by_text is None and not kind and data.startswith(b"v=0"):
            by_text = self._sdp
        return _as_text(data, by_text) if by_text else filler(data)

    # ---- MIME --------------------------------------------------------------------------------------------------------

    def _multipart(self, data: bytes, content_type: str, depth: int) -> bytes:
        found = re.search(r';\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;]+))', content_type, re.IGNORECASE)
        if not found:
            return filler(data)
        boundary = (found[1] or found[2] or "").encode("utf-8", "surrogateescape")
        masked = _as_text(boundary, self._values.identifier)
        delimiter = re.compile(rb"(?:\A|(?<=\n))--" + re.escape(boundary) + rb"(?=(?:--)?[ \t]*(?:\r?\n|\Z))")
        pieces = delimiter.split(data)
        # What stands before the first delimiter and behind the last one is for nobody (RFC 2046 §5.1.1).
        out = [filler(pieces[0])]
        for piece in pieces[1:]:
            line = re.match(rb"(?:--)?[ \t]*(?:\r?\n)?", piece)
            end = line.end() if line else 0
            out.append(b"--" + masked + piece[:end])
            out.append(filler(piece[end:]) if piece.startswith(b"--") else self._part(piece[end:], depth))
        return b"".join(out)

    def _cpim(self, data: bytes, depth: int) -> bytes:
        blank = _BLANK_LINE.search(data)
        end = blank.end() if blank else len(data)
        return _as_text(data[:end], self._fields) + self._part(data[end:], depth)

    def _part(self, data: bytes, depth: int) -> bytes:
        """Header fields, an empty line, and a body as they say; plain text where they do not (RFC 2046 §5.1)."""
        blank = _BLANK_LINE.search(data)
        end = blank.end() if blank else len(data)
        fields = {
            found[1].lower(): found[3] for found in _FIELD.finditer(data[:end].decode("utf-8", "surrogateescape"))
        }
        kind = fields.get("content-type", fields.get("c", "text/plain"))
        encoding = fields.get("content-encoding", fields.get("e"))
        return _as_text(data[:end], self._fields) + self.body(data[end:], kind, encoding, depth)

    def _fields(self, text: str) -> str:
        """Lines ``Name: value``; other lines word by word."""

        def line(found: re.Match[str]) -> str:
            if found[1].lower() in ("from", "to", "cc", "message-account"):
                return found[1] + found[2] + self._values.header("From", found[3])
            return found[1] + found[2] + self._values.header(found[1], found[3])

        out, behind = [], 0
        for found in _FIELD.finditer(text):
            out += [self._values.strict(text[behind : found.start()]), line(found)]
            behind = found.end()
        return "".join([*out, self._values.strict(text[behind:])])

    # ---- SDP ---------------------------------------------------------------------------------------------------------

    def _sdp(self, text: str) -> str:
        return re.sub(
            r"^([A-Za-z])(\s*=)([^\r\n]*)|^[^\r\n]+",
            lambda found: (
                found[1] + found[2] + self._sdp_line(found[1], found[3]) if found[1] else self._free(found[0])
            ),
            text,
            flags=re.MULTILINE,
        )

    def _free(self, text: str) -> str:
        return self._values.free(text)

    def _sdp_line(self, letter: str, value: str) -> str:
        if letter in "vtzr":
            return self._each(value, self._values.plain)
        if letter in "mb":
            return self._each(value, self._values.gentle)
        if letter == "o":
            return self._origin(value)
        if letter == "c":
            return self._each(value, self._place)
        if letter == "s":
            return self._values.phrase(value)
        if letter == "u":
            return self._values.uri(value)
        if letter == "k":
            method, colon, key = value.partition(":")
            return self._values.strict(method) + colon + filled(key)
        return self._attribute(value) if letter == "a" else self._free(value)

    def _origin(self, value: str) -> str:
        user, blank, rest = value.partition(" ")

        def word(text: str) -> str:
            if text == user or not (text.isdigit() or text.lower() in vocabulary.SDP_WORDS):
                return self._place(text)
            return text

        return (user if user == "-" else self._values.user(user)) + blank + self._each(rest, word)

    def _place(self, text: str) -> str:
        """A word of a line that says where: numbers and words of the grammar stay, the rest is an address or a host."""
        if text.isdigit() or text.lower() in vocabulary.SDP_WORDS:
            return text
        # c=IN IP4 224.2.1.1/127/3 (RFC 8866 §5.7)
        host, slash, rest = text.partition("/")
        return self._values.hostport(host) + slash + (rest if re.fullmatch("[0-9/]*", rest) else self._free(rest))

    def _attribute(self, text: str) -> str:
        name, colon, value = text.partition(":")
        kind = name.strip().lower()
        shown = name if len(name) <= 32 and not re.search(r"\d{5}", name) else self._free(name)
        if kind in vocabulary.SDP_PUBLIC:
            masked = self._each(value, self._values.gentle)
        elif kind in vocabulary.SDP_PLACES:
            foundation, blank, rest = value.partition(" ")
            first = foundation if foundation.isdigit() and len(foundation) <= 5 else self._values.identifier(foundation)
            masked = first + blank + self._each(rest, self._place)
        elif kind == "crypto":
            masked = _crypto(value)
        elif kind in ("ice-pwd", "key-mgmt", "zrtp-hash"):
            masked = filled(value)
        elif kind == "fingerprint":
            algorithm, blank, digest = value.partition(" ")
            masked = self._values.gentle(algorithm) + blank + self._values.free(digest)
        elif kind == "ssrc":
            number, blank, rest = value.partition(" ")
            source, mark, what = rest.partition(":")
            masked = number + blank + self._values.strict(source) + mark + self._values.identifier(what)
        elif kind in ("ice-ufrag", "cname", "msid", "msid-semantic"):
            masked = self._each(value, self._values.identifier)
        elif kind == "path":
            masked = self._each(value, self._values.uri)
        else:
            masked = self._values.parts(value)
        return shown + colon + masked

    @staticmethod
    def _each(text: str, mask: Callable[[str], str]) -> str:
        return re.sub(r"\S+", lambda found: mask(found.group()), text)

    # ---- XML ---------------------------------------------------------------------------------------------------------

    def _xml(self, text: str) -> str:
        """Names of elements and attributes stay; their values are masked; places (RFC 4119) to the last digit."""
        place = bool(_PLACE.search(text))

        def piece(found: re.Match[str]) -> str:
            text = found.group()
            if text.startswith("<![CDATA["):
                return text[:9] + self._xml_text(text[9:], place=place)
            if text.startswith("<!"):
                return text[:2] + self._values.free(text[2:])
            if text.startswith("<"):
                return self._tag(text, place=place)
            return self._xml_text(text, place=place)

        return _XML_PIECE.sub(piece, text)

    def _tag(self, tag: str, *, place: bool) -> str:
        def attribute(found: re.Match[str]) -> str:
            name = found[1].lower()
            quote = found[3][0]
            value = found[3].strip(quote)
            closing = found[3][1 + len(value) :]
            if name in vocabulary.XML_NUMBERS:
                masked = self._values.plain(value)
            elif _XML_PUBLIC.fullmatch(name):
                masked = value if "@" not in value else self._values.gentle(value)
            elif name in vocabulary.XML_DIGITS:
                masked = _dialled(value)
            else:
                masked = self._xml_text(value, place=place)
            return f"{found[1]}{found[2]}{quote}{masked}{closing}"

        return _XML_ATTRIBUTE.sub(attribute, tag)

    def _xml_text(self, text: str, *, place: bool) -> str:
        if not text.strip() or _TIME.fullmatch(text):
            return text
        # &amp; and its like are one sign.
        signs = re.split(r"(&(?:[a-z]{2,4}|#x?[0-9A-Fa-f]+);)", text)
        return "".join(sign if number % 2 else self._xml_words(sign, place=place) for number, sign in enumerate(signs))

    def _xml_words(self, text: str, *, place: bool) -> str:
        scheme = re.match(r"\s*([a-z][a-z0-9+.-]*):", text, re.IGNORECASE)
        if scheme and scheme[1].lower() in vocabulary.SCHEMES:
            return re.sub(r"\S+", lambda found: self._values.uri(found.group()), text)
        return self._values.every_digit(text) if place else self._values.parts(text)

    # ---- DTMF --------------------------------------------------------------------------------------------------------

    def _dtmf_relay(self, text: str) -> str:
        def line(found: re.Match[str]) -> str:
            name = found[1].strip().lower()
            if name == "signal":
                return found[1] + found[2] + _dialled(found[3])
            return found[1] + found[2] + (found[3] if name == "duration" else self._values.free(found[3]))

        return re.sub(
            r"^([^=\r\n]*)(=)([^\r\n]*)|^[^\r\n]+",
            lambda found: line(found) if found[2] else filled(found[0]),
            text,
            flags=re.MULTILINE,
        )


#: Session parameters (RFC 4568 §6.3), which are no secret.
_OF_SRTP = re.compile(r"(?:KDR|WSH|FEC_ORDER)=\w{1,12}|UN(?:ENCRYPTED_SRTC?P|AUTHENTICATED_SRTP)")


def _crypto(value: str) -> str:
    """Tag, suite and parameters stay; the key, which stands behind ``inline:``, is masked (RFC 4568 §9.1), and so is
    all that is none of these."""

    def word(text: str, place: int) -> str:
        if (place == 0 and re.fullmatch(r"\d{1,9}", text)) or (place == 1 and re.fullmatch(r"[A-Z0-9_]{1,40}", text)):
            return text
        if place > 2 and _OF_SRTP.fullmatch(text):
            return text
        method, colon, key = text.partition(":")
        return method + colon + filled(key) if method.lower() == "inline" else filled(text)

    places = itertools.count()
    return re.sub(r"\S+", lambda found: word(found.group(), next(places)), value)


def filler(data: bytes) -> bytes:
    """As many bytes that say nothing."""
    return FILLER.encode() * len(data)


def _dialled(text: str) -> str:
    """Zeros for the keys that were pressed: with ten keys even a pseudonym would soon tell them."""
    return re.sub(r"[^\s,]", lambda found: "0" * len(found.group().encode("utf-8", "surrogateescape")), text)


def _as_text(data: bytes, mask: Callable[[str], str]) -> bytes:
    return mask(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
