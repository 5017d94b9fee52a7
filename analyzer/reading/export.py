"""The packets of some messages: as a capture of their own, as one made of their texts, and as a display filter of
Wireshark."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import polars as pl

    from analyzer.reading.native import Output

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


#: A transport that fails this much later is no answer to a message any more (64 T1 on Gm, T1 = 2 s: TS 24.229 §7.7).
_ANSWER_WINDOW_NS = 128_000_000_000

#: IPv4 identifications; none is 0, which stands for a packet that has none.
_IDENTS = 0xFFFF


def failures_around(messages: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
    """The failed transports that speak of these messages: to or from one of their addresses, while they were sent and
    shortly after."""
    import polars as pl

    addresses = pl.concat([messages["src_ip"], messages["dst_ip"]]).drop_nulls().unique().implode()
    window = messages.select(
        since=pl.col("time").min(), until=pl.col("time").max() + pl.duration(nanoseconds=_ANSWER_WINDOW_NS)
    )
    return failures.join(window, how="cross").filter(
        (pl.col("src_ip").is_in(addresses) | pl.col("dst_ip").is_in(addresses))
        & pl.col("time").is_between("since", "until")
    )


def compose(
    messages: pl.DataFrame,
    texts: Sequence[bytes],
    failures: pl.DataFrame,
    ended: int | None,
    read: Iterable[str],
    output: Output,
    heads: Any = None,
    addresses: Mapping[str, str] | None = None,
) -> int:
    """Writes a capture made of rows of ``messages`` with these texts, of failed transports and of the headers of media,
    as pcapng; returns the number of packets.

    Each message comes in packets of IP and its transport that hold nothing else. ``ended``: ns at which the capture
    ended; ``read``: files that may not be written over; ``addresses``: what stands for an address in media.
    """
    import polars as pl

    from analyzer.reading.native import core, written_to

    points = messages["point"].unique(maintain_order=True).to_list()
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    # Sightings of one packet have one identification.
    idents = messages.select(original="message", ident=number % _IDENTS + 1)
    rows = (
        messages.with_columns(text=pl.Series(texts, dtype=pl.Binary))
        .with_columns(pl.coalesce("original", "message").alias("original"))
        .join(idents, on="original", how="left", maintain_order="left")
        .select(
            pl.col("point").replace_strict(points, range(len(points)), return_dtype=pl.Int64),
            pl.col("first_byte_at").cast(pl.Int64),
            pl.col("time").cast(pl.Int64),
            "transport",
            "src_ip",
            pl.col("src_port").fill_null(0),
            "dst_ip",
            pl.col("dst_port").fill_null(0),
            # The original may have been left out.
            pl.coalesce("ident", number % _IDENTS + 1),
            "text",
            "complete",
        )
        # A message without a time stays where it is.
        .sort(pl.col("time").forward_fill(), maintain_order=True)
        .rows()
    )
    ends = ("src_ip", "src_port", "dst_ip", "dst_port")
    failed = failures.sort("time").select(
        pl.col("time").cast(pl.Int64), "kind", "transport", *ends, pl.col("detail").fill_null("")
    )
    return written_to(
        output,
        read,
        lambda path: core().compose(points, rows, failed.rows(), ended, path, heads, dict(addresses or {})),
    )


def wireshark_filter(messages: pl.DataFrame) -> str:
    """The display filter that shows every message with one of the Call-IDs of ``messages``."""
    call_ids = messages["call_id"].drop_nulls().unique(maintain_order=True)
    return " || ".join(f'sip.Call-ID == "{_quoted(call_id)}"' for call_id in call_ids)


def _quoted(text: str) -> str:
    """Inside the double quotes of a filter, printable ASCII only: it may be shown on a terminal."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\')
    return "".join(chr(byte) if byte in plain else f"\\x{byte:02x}" for byte in text.encode())
