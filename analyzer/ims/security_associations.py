"""What UE and P-CSCF agreed on for IPsec, held against what was sent then (TS 33.203 §7, RFC 3329).

Each side names two ports and the SPI of what comes to each: ``port-c`` for what it asks as a client, ``port-s`` for
what it is asked as a server. Requests go from port-c to port-s of the other; what comes to such a port in another way
is discarded (TS 33.203 §7.1).
"""

from __future__ import annotations

import polars as pl

from analyzer.columns.times import SECOND, ns
from analyzer.columns.uri import host_port

#: A request to or from a UE that is not in the security association that was agreed.
OUTSIDE = "sip_outside_security_association"

_NUMBERS = {"spi_c": "spi-c", "spi_s": "spi-s", "port_c": "port-c", "port_s": "port-s"}
# The P-CSCF keeps an association for 30 s more than the registration (TS 24.229 §5.2.2).
_KEPT_ON = 30 * SECOND
_NEVER = 1 << 62
_UNPROTECTED = 5060  # never one of the four (TS 33.203 §7.1)
_END = ["ip", "port", "peer"]
_PATH = ["src_ip", "src_port", "dst_ip", "dst_port"]


def agreements(messages: pl.DataFrame, ims_headers: pl.DataFrame) -> pl.DataFrame:
    """One row per challenge that offered IPsec and was answered well: ``_leg cseq aor ue pcscf since_ns until_ns`` and,
    of each side (``ue_``, ``pcscf_``), ``spi_c spi_s port_c port_s``.

    ``messages`` as the core gives them, ``ims_headers`` with ``_security_client`` and ``_security_server``.
    """
    said = ims_headers.filter(pl.any_horizontal(pl.col("_security_client", "_security_server").is_not_null()))
    if said.is_empty():
        return _none()
    said = said.select("message", "_security_client", "_security_server")
    registers = (
        messages.lazy()
        .filter(pl.col("method") == "REGISTER", ~pl.col("duplicate"), pl.col("src_ip") != pl.col("dst_ip"))
        .select("message", "transaction", "_leg", "cseq", "status", "src_ip", "dst_ip", "to_uri",
                ns=ns("time"), expires=pl.coalesce("contact_expires", "expires"))
        .collect()
        .join(said, on="message", how="left", maintain_order="left")
    )  # fmt: skip
    status = pl.col("status")
    asked = registers.filter(status.is_null(), pl.col("_security_client").is_not_null()).select(
        "transaction", "_leg", "cseq", aor="to_uri", ue="src_ip", pcscf="dst_ip", **_of("_security_client", "ue")
    )
    offered = registers.filter(status.is_in([401, 494])).select(
        "transaction", offered_ns="ns", **_of("_security_server", "pcscf")
    )
    pairs = asked.unique("transaction", keep="first", maintain_order=True).join(
        offered.drop_nulls("pcscf_port_s").unique("transaction", keep="last"), on="transaction"
    )
    pairs = pairs.drop_nulls("ue_port_s")
    if pairs.is_empty():
        return _none()
    granted = registers.filter(status.is_between(200, 299)).select(
        "_leg", since_ns="ns", ue="dst_ip", kept_ns=pl.col("ns") + pl.col("expires") * SECOND + _KEPT_ON
    )
    gone = registers.filter(status.is_null(), pl.col("expires") == 0).select("_leg", gone_ns="ns", ue="src_ip")
    # From the first grant on until the longest of those after it ends; one of unknown length says no end.
    longest = pl.col("kept_ns").fill_null(_NEVER).reverse().cum_max().reverse().over("_leg", "ue")
    granted = granted.drop_nulls("since_ns").sort("since_ns", maintain_order=True).with_columns(until_ns=longest)
    found = pairs.drop_nulls("offered_ns").sort("offered_ns", maintain_order=True)
    found = _next(found, granted, "offered_ns", "since_ns").drop_nulls("since_ns").sort("since_ns", maintain_order=True)
    found = _next(found, gone.drop_nulls("gone_ns").sort("gone_ns"), "since_ns", "gone_ns")
    found = found.with_columns(until_ns=pl.min_horizontal("until_ns", "gone_ns"))
    return found.select(_none().columns).sort("since_ns", maintain_order=True)


def _next(found: pl.DataFrame, events: pl.DataFrame, after: str, at: str) -> pl.DataFrame:
    """Each agreement with the next of ``events`` of its registration."""
    return found.join_asof(
        events, left_on=after, right_on=at, by=["_leg", "ue"], strategy="forward", allow_exact_matches=False,
        check_sortedness=False,
    )  # fmt: skip


def outside(messages: pl.DataFrame, agreed: pl.DataFrame) -> pl.DataFrame:
    """The requests that were sent outside what was ``agreed``, as first seen: ``row`` in ``messages``, ``_leg`` and
    ``cseq`` of the agreement, ``detail``."""
    nothing = pl.DataFrame(
        schema={"row": pl.UInt32, "_leg": messages.schema["_leg"], "cseq": messages.schema["cseq"], "detail": pl.String}
    )
    if agreed.is_empty():
        return nothing
    nodes = pl.concat([agreed["ue"], agreed["pcscf"]]).unique().implode()
    seen = (
        messages.lazy()
        .with_row_index("row")
        .filter(pl.col("src_ip").is_in(nodes), pl.col("dst_ip").is_in(nodes))
        .select("row", "method", "status", "retransmission", "duplicate", "call_id", "spi", "request_uri", "from_uri",
                *_PATH, number="cseq", ns=ns("time"))
        .collect()
        .cast({"src_port": pl.Int64, "dst_port": pl.Int64, "spi": pl.Int64})
        .sort("ns", maintain_order=True)
    )  # fmt: skip
    ends, paths = _ends(agreed), _paths(agreed)
    requests = seen.filter(pl.col("status").is_null(), ~pl.col("retransmission"), ~pl.col("duplicate"))
    # Of one that nobody was ever seen to use nothing is known: it may not have come about.
    on_way = seen.select(pl.col("src_ip").alias("peer"), ip="dst_ip", port="dst_port").unique()
    in_use = agreed.join(ends.join(on_way, on=_END, how="semi"), on=["_leg", "cseq"], how="semi", maintain_order="left")
    found = [
        _to_protected(requests, seen, ends, paths),
        _beside(requests.filter(pl.col("method") != "REGISTER"), in_use, paths),
    ]
    all_of_them = pl.concat(found).unique("row", keep="first", maintain_order=True).sort("row")
    return all_of_them.select(nothing.columns).cast(nothing.schema) if all_of_them.height else nothing


def spis(agreed: pl.DataFrame) -> pl.DataFrame:
    """``_leg cseq spis`` of each agreement: each SPI and to whom it goes, as ``0x0000000a UE``."""

    def each(side: str, name: str) -> list[pl.Expr]:
        return [_hex(pl.col(f"{side}_{which}")) + f" {name}" for which in ("spi_c", "spi_s")]

    text = pl.concat_str(*each("ue", "UE"), *each("pcscf", "P-CSCF"), separator=", ", ignore_nulls=True)
    return agreed.select("_leg", "cseq", spis=text)


def odd_messages(messages: pl.DataFrame, ims_headers: pl.DataFrame) -> pl.DataFrame:
    """The messages that are :func:`outside`: ``row code detail``."""
    return outside(messages, agreements(messages, ims_headers)).select("row", pl.lit(OUTSIDE).alias("code"), "detail")


def _of(column: str, side: str) -> dict[str, pl.Expr]:
    mechanism = pl.col(column).str.extract(r"(?i)(ipsec-3gpp[^,]*)")
    return {
        f"{side}_{name}": mechanism.str.extract(rf'(?i);\s*{word}\s*=\s*"?(\d+)').cast(pl.Int64, strict=False)
        for name, word in _NUMBERS.items()
    }


def _none() -> pl.DataFrame:
    numbers = [f"{side}_{name}" for side in ("ue", "pcscf") for name in _NUMBERS]
    times = ["since_ns", "until_ns"]
    texts = ["aor", "ue", "pcscf"]
    schema = {"_leg": pl.Int64, "cseq": pl.Int64} | dict.fromkeys(texts, pl.String)
    return pl.DataFrame(schema=schema | dict.fromkeys([*times, *numbers], pl.Int64))


def _ends(agreed: pl.DataFrame) -> pl.DataFrame:
    """Each protected port, the SPI of what comes to it, and for whom: sorted by ``since_ns``."""
    parts = [
        agreed.select("_leg", "cseq", "since_ns", "until_ns", ip=side, port=f"{side}_port_{which}", peer=other,
                      agreed_spi=f"{side}_spi_{which}")
        for side, other in (("ue", "pcscf"), ("pcscf", "ue"))
        for which in ("c", "s")
    ]  # fmt: skip
    return pl.concat(parts).filter(pl.col("port") != _UNPROTECTED).sort("since_ns", maintain_order=True)


def _paths(agreed: pl.DataFrame) -> pl.DataFrame:
    """The ways that messages may go (those of responses, too: a connection may be used again)."""
    parts = [
        agreed.select(src_ip=side, src_port=f"{side}_port_{mine}", dst_ip=other, dst_port=f"{other}_port_{theirs}")
        for side, other in (("ue", "pcscf"), ("pcscf", "ue"))
        for mine, theirs in (("c", "s"), ("s", "c"))
    ]
    return pl.concat(parts).unique()


def _to_protected(requests: pl.DataFrame, seen: pl.DataFrame, ends: pl.DataFrame, paths: pl.DataFrame) -> pl.DataFrame:
    """Requests to a protected port: in clear, from another port than agreed, or with another SPI."""
    to = {"ip": "dst_ip", "port": "dst_port", "peer": "src_ip"}
    keys = [to[name] for name in _END]
    ends = ends.rename(to)
    asked = requests.join_asof(ends, left_on="ns", right_on="since_ns", by=keys, check_sortedness=False).filter(
        pl.col("ns") <= pl.col("until_ns")
    )
    right = asked.select(*_PATH).join(paths.with_columns(right=True), on=_PATH, how="left", maintain_order="left")
    asked = asked.with_columns(right["right"].fill_null(value=False))
    # Captured where the tunnel ends, the same messages are there in clear: they are judged where ESP is always seen.
    way = ["src_ip", "dst_ip"]
    same = [*way, "call_id", "number", "method", "status"]
    kinds = seen.group_by(same).agg(both=pl.col("spi").is_null().any() & pl.col("spi").is_not_null().any())
    bare = kinds.group_by(way).agg(opened=pl.col("both").any())
    esp = seen.group_by(way).agg(in_esp=pl.col("spi").is_not_null().any())
    asked = asked.join(bare.join(esp, on=way), on=way, how="left", maintain_order="left")
    known = asked.join(ends.select(*keys, spi="agreed_spi").unique().with_columns(known=True), on=[*keys, "spi"],
                       how="left", maintain_order="left")["known"].fill_null(value=False)  # fmt: skip
    # An association of before the capture may go on for a while.
    used = seen.filter(pl.col("spi").is_not_null()).group_by("dst_ip", "spi").agg(used_ns=pl.col("ns").min())
    asked = asked.with_columns(known=known).join(used, on=["dst_ip", "spi"], how="left", maintain_order="left")
    clear, right_path = pl.col("spi").is_null(), pl.col("right")
    at, source = _at("dst_ip", "dst_port"), _at("src_ip", "src_port")
    detail = (
        pl.when(clear & ~right_path)
        .then(pl.format("{} in clear from {} to {}, a port that a security association protects (TS 33.203 §7.1)",
                        "method", source, at))
        .when(clear & pl.col("in_esp") & ~pl.col("opened"))
        .then(pl.format("{} in clear from {} to {}, where a security association was agreed (TS 33.203 §7.1)",
                        "method", source, at))
        .when(right_path & ~clear & ~pl.col("known") & (pl.col("used_ns") > pl.col("since_ns")))
        .then(pl.format("{} from {} to {} with SPI {}, not {} as agreed (RFC 3329, TS 33.203 §7.1)",
                        "method", source, at, _hex(pl.col("spi")), _hex(pl.col("agreed_spi"))))
    )  # fmt: skip
    return asked.select("row", "_leg", "cseq", detail=detail).drop_nulls("detail")


def _beside(requests: pl.DataFrame, agreed: pl.DataFrame, paths: pl.DataFrame) -> pl.DataFrame:
    """Requests in clear that the registered user, or somebody to its contact, sent on no protected port at all."""
    clear = requests.filter(pl.col("spi").is_null()).join(paths, on=_PATH, how="anti", maintain_order="left")
    ends = ["_leg", "cseq", "since_ns", "until_ns"]
    by_user = agreed.select(*ends, "aor", src_ip="ue", dst_ip="pcscf")
    emergency = pl.col("request_uri").str.to_lowercase().str.starts_with("urn:service:sos").fill_null(value=False)
    sent = clear.filter(~emergency).with_columns(aor="from_uri")
    sent = sent.join_asof(
        by_user, left_on="ns", right_on="since_ns", by=["src_ip", "dst_ip", "aor"], check_sortedness=False
    )
    contact = pl.concat_str("ue", pl.lit(":"), pl.col("ue_port_s").cast(pl.String))
    to_user = agreed.select(*ends, contact=contact, src_ip="pcscf", dst_ip="ue")
    came = clear.with_columns(contact=host_port(pl.col("request_uri")))
    came = came.join_asof(
        to_user, left_on="ns", right_on="since_ns", by=["src_ip", "dst_ip", "contact"], check_sortedness=False
    )
    detail = pl.format(
        "{} in clear from {} to {}, beside the security association that was agreed (TS 33.203 §7.1)",
        "method", _at("src_ip", "src_port"), _at("dst_ip", "dst_port"),
    )  # fmt: skip
    told = [
        rows.filter(pl.col("ns") <= pl.col("until_ns")).select("row", "_leg", "cseq", detail=detail)
        for rows in (sent, came)
    ]
    return pl.concat(told)


def _at(address: str, port: str) -> pl.Expr:
    return pl.concat_str(pl.col(address), pl.lit(":"), pl.col(port).cast(pl.String))


def _hex(number: pl.Expr) -> pl.Expr:
    """An SPI as the rows of ``account`` write it: eight hexadecimal digits."""
    digits = [pl.lit("0123456789abcdef").str.slice((number // 16**place) % 16, 1) for place in range(7, -1, -1)]
    return pl.concat_str(pl.lit("0x"), *digits)
