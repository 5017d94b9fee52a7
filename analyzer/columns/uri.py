"""The parts of a SIP URI (RFC 3261 §19.1), in an addr-spec or a name-addr without a display name.

A user part may hold anything but ``@``. Whom a URI names is for :mod:`~analyzer.columns.identity` to say.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns import address
from analyzer.columns.distinct import each_once

_HOST = r"(?i)^<?sips?:(?:[^@>]*@)?(\[[^\]]*\]|[^:;?>]+)"
_PORT = r"(?i)^<?sips?:(?:[^@>]*@)?(?:\[[^\]]*\]|[^:;?>]+):([0-9]{1,5})"


def host(uri: pl.Expr) -> pl.Expr:
    """The host in lower case, IPv6 in brackets and in one spelling (RFC 5952); null for any other URI.

    >>> pl.select(host(pl.lit("sip:Alice@Example.com:5070;lr"))).item()
    'example.com'
    """
    return uri.map_batches(lambda uris: each_once(uris, _hosts), return_dtype=pl.String)


def host_port(uri: pl.Expr) -> pl.Expr:
    """``host:port`` in lower case; port 5060 where it has none (RFC 3261 §19.1.2)."""
    return uri.map_batches(lambda uris: each_once(uris, _hosts_and_ports), return_dtype=pl.String)


def _hosts(uris: pl.Series) -> pl.Series:
    return address.in_one_spelling(uris.str.extract(_HOST).str.to_lowercase())


def _hosts_and_ports(uris: pl.Series) -> pl.Series:
    return _hosts(uris) + ":" + uris.str.extract(_PORT).fill_null("5060")


def host_port_of_sent_by(sent_by: pl.Expr) -> pl.Expr:
    """The same of a sent-by of Via (RFC 3261 §18.1.1)."""
    has_port = sent_by.str.contains(r"(?:\]|^[^:]*):[0-9]+$")
    return pl.when(has_port).then(sent_by).otherwise(sent_by + ":5060")


def host_of_sent_by(sent_by: pl.Expr) -> pl.Expr:
    """The host of a sent-by of Via as sent, without its port."""
    return sent_by.str.replace(r":[0-9]+$", "")


def user(uri: pl.Expr) -> pl.Expr:
    """The user part as sent, without parameters and password."""
    return uri.str.extract(r"^[^:]*:([^@:;]*)@")
