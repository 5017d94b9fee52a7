"""Who a URI names: one subscriber key for the many ways in which a subscriber is written.

``tel:+49-30-1234``, ``sip:+49301234@ims.example;user=phone`` and ``sip:49301234@gw`` are one subscriber: ``49301234``;
``sip:Alice:secret@Example.COM:5060;transport=tcp`` is ``Alice@example.com``. Expressions over whole columns; no state.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

# RFC 3986 §6.2.2.2, RFC 3261 §19.1.4: an escaped unreserved character equals the character itself; others do not.
# The two signs of a number are read all the same: `#` can only be sent escaped (§25.1), `+` is escaped by some.
_ESCAPES = {f"%{ord(char):02x}": char for char in string.ascii_letters + string.digits + "-_.!~*'()" + "+#"}

# RFC 3966 §3 phonedigit and visual-separator; a local number may hold the letters and signs of a keypad.
_SUBSCRIBER_NUMBER = r"^\+?[0-9A-Da-d*#.\-()]*[0-9*#][0-9A-Da-d*#.\-()]*$"
# Without `tel:` or `user=phone` only what can hardly be a name is taken for a number.
_EVIDENT_NUMBER = r"^\+?[0-9.\-()]{3,}$"
# What nearly all are: nothing in it has to be taken apart to read the number.
_PLAIN_NUMBER = r"^sips?:\+?([0-9]{3,})@"


def subscriber(uri: str | pl.Expr) -> pl.Expr:
    """The subscriber key of a URI (a column name or an expression): text, null for a null or empty URI.

    - A telephone number (RFC 3966): ``tel:``, a SIP URI with ``user=phone`` (RFC 3261 §19.1.6), or a user part that
      consists of digits: its digits without ``+`` and visual separators. A local number keeps its ``phone-context``,
      without which it names nobody: ``7042;phone-context=example.com``.
    - Otherwise ``user@host``: the user exactly as sent, the host in lower case; password, port and parameters say how
      to reach a subscriber, not who it is. A URI without a user is its host.
    - A URN (RFC 5031: ``urn:service:sos``) is itself, in lower case.

    Example::

        >>> pl.DataFrame({"uri": ["tel:+1-201-555-0123"]}).select(subscriber("uri")).item()
        '12015550123'
    """
    parts = _split(_expr(uri))
    return _key(**_subscriber_parts(**parts))


def _split(uri: pl.Expr) -> dict[str, pl.Expr]:
    """The scheme in lower case (null: none that we know) and what follows it."""
    text = uri.str.strip_chars(" \t<>")
    scheme = text.str.extract(r"^([A-Za-z][A-Za-z0-9+.\-]*):").str.to_lowercase()
    known = scheme.is_in(["sip", "sips", "tel", "urn", "pres", "im", "mailto"])
    return {
        "scheme": pl.when(known).then(scheme),
        "rest": pl.when(known).then(text.str.replace(r"^[^:]*:", "")).otherwise(text),
    }


def _subscriber_parts(scheme: pl.Expr, rest: pl.Expr) -> dict[str, pl.Expr]:
    """What the key is made of: the user part as sent and without parameters, the number in it, and the host."""
    userinfo = pl.when(scheme == "tel").then(rest).otherwise(rest.str.extract(r"^([^@]*)@"))
    user = unescaped(userinfo.str.extract(r"^([^;:]*)"))
    return {
        "scheme": scheme,
        "rest": rest,
        "userinfo": userinfo,
        "user": user,
        "number": user.str.replace_all(r"[+.\-()]", "").str.to_uppercase(),
        "host": rest.str.replace(r"^[^@]*@", "").str.extract(r"^(\[[^\]]*\]|[^:;?>]*)").str.to_lowercase(),
    }


def _key(scheme: pl.Expr, rest: pl.Expr, userinfo: pl.Expr, user: pl.Expr, number: pl.Expr, host: pl.Expr) -> pl.Expr:
    is_tel = scheme.eq_missing("tel")
    says_phone = rest.str.contains(r"(?i)@.*;user=phone(?:[;?]|$)") & user.str.contains(_SUBSCRIBER_NUMBER)
    is_number = is_tel | says_phone | user.str.contains(_EVIDENT_NUMBER)
    context = userinfo.str.extract(r"(?i);phone-context=([^;@?>]+)").str.to_lowercase()
    local = pl.concat_str(number, pl.lit(";phone-context="), context)
    key = (
        pl.when(scheme.eq_missing("urn"))
        .then(pl.concat_str(pl.lit("urn:"), rest.str.extract(r"^([^;?]*)").str.to_lowercase()))
        .when(is_number & number.str.contains("[0-9*#]"))
        .then(pl.when(user.str.starts_with("+")).then(number).otherwise(pl.coalesce(local, number)))
        .when(is_tel)
        .then(user)
        .when(user.str.len_bytes() > 0)
        # The whole user part with its parameters, but not the password (RFC 3261 §19.1.1 advises against one).
        .then(pl.concat_str(unescaped(userinfo.str.extract(r"^([^:]*)")), pl.lit("@"), host))
        .otherwise(host)
    )
    return pl.when(key.str.len_bytes() > 0).then(key)


def is_anonymous(key: str | pl.Expr) -> pl.Expr:
    """Whether a subscriber key withholds who it is: never one subscriber, never to correlate on (RFC 3323 §4.1.1.3).

    ``anonymous@anonymous.invalid``, any host under ``.invalid`` (3GPP: ``unavailable@unknown.invalid``), and the user
    ``anonymous`` at whatever host. Boolean; false for null.
    """
    return _expr(key).str.contains(r"(?i)^anonymous@|[@.]invalid$|^invalid$").fill_null(value=False)


def subscribers(uris: pl.Series) -> pl.Series:
    """`subscriber` of a long column: each distinct URI is read once, for a capture holds few of them many times."""
    column = uris.rename("uri").to_frame()
    known = column.unique().with_columns(subscriber=pl.col("uri").str.extract(_PLAIN_NUMBER))
    # Step by step, for each part is needed several times and an expression would cut it out as often.
    others = known.filter(pl.col("subscriber").is_null()).select("uri")
    if others.height:
        parts = others.select(**_split(pl.col("uri")))
        parts = parts.select(**_subscriber_parts(*(pl.col(name) for name in parts.columns)))
        keys = parts.select(subscriber=_key(*(pl.col(name) for name in parts.columns))).to_series()
        known = pl.concat([known.drop_nulls("subscriber"), others.with_columns(keys)])
    return column.join(known, on="uri", how="left", nulls_equal=True, maintain_order="left")["subscriber"]


def first_named(columns: Iterable[str | pl.Expr]) -> pl.Expr:
    """The first of several identities that is there: P-Asserted-Identity, P-Preferred-Identity, From (RFC 3325 §9)."""
    return pl.coalesce(*(pl.when(_expr(column).str.len_bytes() > 0).then(_expr(column)) for column in columns))


def _expr(column: str | pl.Expr) -> pl.Expr:
    return pl.col(column) if isinstance(column, str) else column


def unescaped(text: pl.Expr) -> pl.Expr:
    """Text of a URI without escapes of characters that need none (RFC 3261 §19.1.4)."""
    # Nearly no URI holds an escape; the automaton of replace_many costs more than the test.
    return (
        pl.when(text.str.contains("%", literal=True))
        .then(text.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()), ascii_case_insensitive=True))
        .otherwise(text)
    )
