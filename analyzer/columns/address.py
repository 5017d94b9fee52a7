"""Addresses and ports as text, and the network of an address."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_LITERAL = r"^(?:\[.*\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3})$"


def host(ip: str | None) -> str:
    """An address as the host of a URI: IPv6 in brackets (RFC 3986 §3.2.2), ``?`` where there is none."""
    return "?" if ip is None else f"[{ip}]" if ":" in ip else ip


def socket(ip: str | None, port: int | None) -> str:
    """``ip:port`` of one address; the port is left out where the capture has none.

    >>> socket("2001:db8::1", 5060)
    '[2001:db8::1]:5060'
    """
    return host(ip) if ip is None or port is None else f"{host(ip)}:{port}"


def sockets(ip: str | pl.Expr, port: str | pl.Expr) -> pl.Expr:
    """:func:`socket` of columns: text, null without an address.

    >>> frame = pl.DataFrame({"src_ip": ["::1", "192.0.2.1"], "src_port": [5060, None]})
    >>> frame.select(sockets("src_ip", "src_port")).to_series().to_list()
    ['[::1]:5060', '192.0.2.1']
    """
    import polars as pl

    ip, port = (pl.col(column) if isinstance(column, str) else column for column in (ip, port))
    bracketed = pl.when(ip.str.contains(":", literal=True)).then(pl.format("[{}]", ip)).otherwise(ip)
    return pl.when(port.is_null()).then(bracketed).otherwise(pl.format("{}:{}", bracketed, port))


def socket_of(end: str) -> pl.Expr:
    """:func:`sockets` of the columns ``{end}_ip`` and ``{end}_port``."""
    return sockets(f"{end}_ip", f"{end}_port")


def in_one_spelling(hosts: pl.Series) -> pl.Series:
    """Hosts whose IPv6 addresses are in the spelling of RFC 5952 §4, in which the core writes addresses, too.

    >>> import polars as pl
    >>> in_one_spelling(pl.Series(["[2001:0DB8:0:0::1]"])).item()
    '[2001:db8::1]'
    """
    # Each distinct one is read once; most captures have none.
    if not hosts.str.starts_with("[").any():
        return hosts
    spellings = {}
    for text in hosts.filter(hosts.str.starts_with("[").fill_null(value=False)).unique():
        try:
            spellings[text] = f"[{ipaddress.IPv6Address(text[1:-1])}]"
        except ValueError:
            continue
    return hosts.replace(list(spellings), list(spellings.values())) if spellings else hosts


def is_literal(host: pl.Expr) -> pl.Expr:
    """Whether a host is an address, and no name."""
    return host.str.contains(_LITERAL)


def subscriber_networks(addresses: pl.Series) -> pl.Series:
    """The IPv4 address, or the IPv6 /64, that a user equipment is given (TS 23.401 §5.3.1.2.2); null for other text."""
    import polars as pl

    known: dict[str, str | None] = {}
    for text in addresses.drop_nulls().unique():
        try:
            interface = ipaddress.ip_interface(text)
        except ValueError:
            known[text] = None
            continue
        known[text] = str(interface.ip if interface.version == 4 else ipaddress.ip_network((interface.ip, 64), False))
    return addresses.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.String)
