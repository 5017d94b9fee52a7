"""Whose network: what domains, identities and inter-operator identifiers say of the network they are of.

A network has a name: the domain that TS 23.003 §13.2 makes of its codes (``ims.mnc001.mcc262.3gppnetwork.org``), or one
of the operator's own choice, from which no codes can be told. Expressions over whole columns; null says nothing.
"""

from __future__ import annotations

import polars as pl

# A domain name of two labels or more; an address is none.
_DOMAIN = r"^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*$"
# TS 24.229 §5.2.6 and elsewhere: `Type 1` between visited and home network, `Type 3` between home network and AS.
_TYPE = r"(?i)^type\s*[123]\s*"


def parameter(field: pl.Expr, name: str) -> pl.Expr:
    """The value of a parameter, without its quotes; null where it is absent or empty.

    ``SEMI name EQUAL ( token / host / quoted-string )`` (RFC 3261 §25.1); of P-Charging-Vector the first has no SEMI.
    """
    found = rf"(?i)(?:^|;)\s*{name}\s*=\s*"
    quoted = field.str.extract(rf'{found}"((?:[^"\\]|\\.)*)"')
    value = pl.coalesce(quoted, field.str.extract(rf'{found}([^";\s]+)')).str.strip_chars()
    return pl.when(value.str.len_bytes() > 0).then(value)


def of_uri(uri: pl.Expr) -> pl.Expr:
    """The network of an identity: the domain of a SIP URI. A number, or a user at an address, tells none."""
    return domain(uri.str.extract(r"(?i)^sips?:[^@]*@([^:;?>]+)"))


def domain(name: pl.Expr) -> pl.Expr:
    """A network's name in lower case, where it is a domain; without quotes and the type of an IOI."""
    text = name.str.strip_chars('" ').str.replace(_TYPE, "").str.to_lowercase()
    return pl.when(text.str.contains(_DOMAIN)).then(text)


def codes(network: pl.Expr) -> pl.Expr:
    """MCC and MNC in a network's name, as ``262001``: the MNC has three digits there (TS 23.003 §13.2)."""
    mnc, mcc = (network.str.extract(r"(?:^|\.)mnc(\d{2,3})\.mcc(\d{3})\.3gppnetwork\.org$", group) for group in (1, 2))
    return mcc + mnc.str.zfill(3)


def differ(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Whether two names are of two networks: by their codes, or by their last two labels where neither has codes.

    Null where one has codes and the other none: a network may have names of both kinds.
    """
    by_codes = codes(one) != codes(other)
    last = r"([^.]+\.[^.]+)$"
    by_label = one.str.extract(last) != other.str.extract(last)
    return (
        pl.when(codes(one).is_not_null() & codes(other).is_not_null())
        .then(by_codes)
        .when(codes(one).is_null() & codes(other).is_null())
        .then(by_label)
    )
