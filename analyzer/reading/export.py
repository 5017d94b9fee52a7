"""The packets of some messages: as a capture of their own, and as a display filter of Wireshark."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

#: Address, port, and from when until when (ns since 1970, both included).
MediaFlow = tuple[str, int, int, int]


def media_flows(messages: pl.DataFrame, sdp: pl.DataFrame, streams: pl.DataFrame) -> list[MediaFlow]:
    """Where the media of the calls among ``messages`` go, as their session descriptions say, and RTCP one port above
    (RFC 3550 §11); each from the first message of its call to the last; and both ends of their ``streams``, as long as
    these last: behind a NAT they are others. An address that is a name is left out."""
    import polars as pl

    calls = (
        messages.drop_nulls("call")
        .group_by("call")
        .agg(since=pl.col("first_byte_at").min().cast(pl.Int64), until=pl.col("time").max().cast(pl.Int64))
    )
    places = (
        sdp.filter(pl.col("port") > 0)
        .select("message", "connection", "port")
        .join(messages.select("message", "call"), on="message")
        .join(calls, on="call")
        .select("connection", "port", "since", "until")
        .drop_nulls()
        .unique(maintain_order=True)
    )
    heard = streams.drop_nulls(["call", "first_at", "last_at"]).join(calls, on="call", how="semi")
    lasted = (pl.col("first_at").cast(pl.Int64).alias("since"), pl.col("last_at").cast(pl.Int64).alias("until"))
    flows: list[MediaFlow] = []
    for end in ("src", "dst"):
        flows += heard.select(f"{end}_ip", f"{end}_port", *lasted).unique(maintain_order=True).rows()
    for address, port, since, until in places.iter_rows():
        # On hold in the old way (RFC 3264 §8.4) it is 0.0.0.0, where nothing goes.
        if _is_address(address) and not ipaddress.ip_address(address).is_unspecified:
            flows += [(address, number, since, until) for number in (port, port + 1) if number <= 0xFFFF]
    return flows


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def wireshark_filter(messages: pl.DataFrame) -> str:
    """The display filter that shows every message with one of the Call-IDs of ``messages``."""
    call_ids = messages["call_id"].drop_nulls().unique(maintain_order=True)
    return " || ".join(f'sip.Call-ID == "{_quoted(call_id)}"' for call_id in call_ids)


def _quoted(text: str) -> str:
    """Inside the double quotes of a filter, printable ASCII only: it may be shown on a terminal."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\')
    return "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in text.encode())
