"""Picking: from the tables of a capture those rows that a filter keeps."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.api import criteria
from analyzer.api.dependents import DEPENDENT, EXCHANGES, FRAMES, known_by, of_frames, of_kept
from analyzer.api.units import WITH_UNIT, heads, units_of, with_units
from analyzer.errors import FilterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from analyzer.api.filters import Filter

# Tables whose own rows `status` and `method` pick.
_BY_ROW = ("messages", "transactions")
# Tables about the capture: their rows belong to no call.
_ABOUT_CAPTURE = frozenset(
    name for name, table in schema.TABLES.items() if not table.belongs_to and name not in WITH_UNIT
)
# A number of fewer digits is compared whole (112 is not the end of +4930112112).
_SUFFIX_DIGITS = 7
#: What every filter looks at in messages, and what some criteria do besides.
_OF_MESSAGES = (
    *("message", "original", "transaction", "call", "dialog", "file", "frame", "time", "first_byte_at", "duplicate"),
    *("src_ip", "src_port", "dst_ip", "dst_port"),
)
_OF_CRITERIA = {
    "call_id": ("call_id",),
    "from_": ("from_uri", "from_name", "asserted_identity"),
    "to": ("to_uri", "to_name", "request_uri"),
    "number": ("from_uri", "to_uri", "request_uri", "asserted_identity"),
    "point": ("point",),
    "method": ("method",),
    "status": ("status",),
}


def looked_at(chosen: Filter) -> list[str]:
    """The columns of ``messages`` that a filter looks at."""
    if chosen.table == "messages":
        return schema.MESSAGES.names
    more = (column for name in chosen.given for column in _OF_CRITERIA.get(name, ()))
    return list(dict.fromkeys((*_OF_MESSAGES, *more)))


def apply(chosen: Filter, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The same tables with the rows that the filter picks, in the same order. Of the ``DEPENDENT`` ones only that which
    is looked at must be there.

    ``files`` and ``problems`` keep what concerns the packets of the messages picked (``of_frames``): where units
    are picked, these are beside the tables as :data:`FRAMES`. ``account`` counts packets before there are calls and
    stays whole. Of ``messages`` the columns :func:`looked_at` must be there.
    """
    import polars as pl

    kept = dict(tables)
    if not chosen:
        return kept
    frames = with_units(tables)
    looked_at = {**tables, **frames}[chosen.table]
    rows = looked_at
    picks: list[pl.Series] = []
    for name in chosen.given:
        if name == "where":
            rows = criteria.condition(str(chosen.where), chosen.table, rows)
        elif (own := _own_rows(chosen, name)) is not None:
            rows = rows.filter(own)
        else:
            picks.append(_PICK[name](chosen, frames))
    if chosen.table not in _ABOUT_CAPTURE and rows.height < looked_at.height:
        known = known_by(chosen.table)
        if known is None or known == "endpoints":
            picks.append(units_of(chosen.table, rows, frames["messages"]))
        else:
            ((column, _, key),) = schema.TABLES[chosen.table].owners
            joined = tables[known].join(rows, left_on=key, right_on=column, how="semi")
            picks.append(units_of(known, joined, frames["messages"]))

    if picks:
        in_picks = pl.all_horizontal(pl.col("_unit").is_in(pick.implode()) for pick in picks)
        for name in WITH_UNIT:
            source = rows if name == chosen.table else frames[name]
            kept[name] = source.filter(in_picks).drop("_unit")
        messages = frames["messages"].filter(in_picks)
        of_messages = messages["dialog"].drop_nulls().unique().implode()
        of_calls = kept["calls"]["call"].implode()
        dialogs = rows if chosen.table == "dialogs" else tables["dialogs"]
        kept["dialogs"] = dialogs.filter(pl.col("dialog").is_in(of_messages) | pl.col("call").is_in(of_calls))
        for name in (name for name in DEPENDENT if name in tables):
            kept[name] = of_kept(name, rows if name == chosen.table else tables[name], kept)
        kept[FRAMES] = messages.select("file", "frame").unique()
        for name in (name for name in ("files", "problems") if name in tables):
            kept[name] = of_frames(name, rows if name == chosen.table else tables[name], kept[FRAMES])
    alone = chosen.table == "account" or not picks
    if (chosen.table in _ABOUT_CAPTURE and alone) or (chosen.table in EXCHANGES and chosen.given == ["where"]):
        kept[chosen.table] = rows
    return kept


def _own_rows(chosen: Filter, name: str) -> pl.Expr | None:
    """The condition on rows of the table looked at, where the criterion speaks of rows and not of units."""
    import polars as pl

    if name == "status" and chosen.table in _BY_ROW:
        return _in_ranges(chosen)
    if name == "method" and chosen.table in _BY_ROW:
        return _has_method(chosen)
    if name == "outcome" and chosen.table in criteria.OWN_OUTCOME:
        return pl.col("outcome").is_in(criteria.outcomes(str(chosen.outcome), chosen.table))
    return None


def _in_ranges(chosen: Filter) -> pl.Expr:
    import polars as pl

    ranges = criteria.statuses(chosen.status if chosen.status is not None else "")
    return pl.any_horizontal(pl.col("status").is_between(low, high) for low, high in ranges)


def _has_method(chosen: Filter) -> pl.Expr:
    import polars as pl

    return pl.col("method").str.to_uppercase().is_in(criteria.methods(str(chosen.method)))


def _pick_call(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    return numbered(frames["calls"], chosen.call if chosen.call is not None else "")["_unit"]


def numbered(calls: pl.DataFrame, asked: str | int) -> pl.DataFrame:
    """The rows of ``calls`` with these numbers: 3, or 3,7-9. Raises :class:`~analyzer.errors.FilterError` for one that
    no call has."""
    import polars as pl

    ranges = criteria.call_numbers(asked)
    for low, high in ranges:
        if low == high and calls.filter(pl.col("no") == low).is_empty():
            numbers = f"1 to {calls['no'].to_list()[-1]}" if calls.height else "none"
            raise FilterError(f"call {low}: there is no such call; the numbers of calls here: {numbers}")
    return calls.filter(pl.any_horizontal(pl.col("no").is_between(low, high) for low, high in ranges))


def _pick_call_id(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    pattern = str(chosen.call_id)
    column = pl.col("call_id")
    matches = column.str.contains(_wildcards(pattern)) if "*" in pattern else column == pattern
    return frames["messages"].filter(matches)["_unit"].unique()


def _wildcards(pattern: str) -> str:
    import polars as pl

    return "(?s)^" + ".*".join(pl.escape_regex(part) for part in pattern.split("*")) + "$"


def _any_text(pattern: str, columns: tuple[str, ...]) -> pl.Expr:
    import polars as pl

    if "*" in pattern:
        whole = f"(?i){_wildcards(pattern)}"
        return pl.any_horizontal(pl.col(name).str.contains(whole) for name in columns)
    lower = pattern.lower()
    return pl.any_horizontal(pl.col(name).str.to_lowercase().str.contains(lower, literal=True) for name in columns)


def _pick_from(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    return heads(frames).filter(_any_text(str(chosen.from_), ("caller", "from_uri", "from_name", "asserted_identity")))[
        "_unit"
    ]


def _pick_to(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    return heads(frames).filter(_any_text(str(chosen.to), ("callee", "to_uri", "to_name", "request_uri")))["_unit"]


# The user part of a sip or tel URI where it is a telephone number (RFC 3261 §19.1.6, RFC 3966 §3).
_NUMBER = r"(?i)^(?:sips?:|tel:)?((?:\+|%2B)?[0-9.\-()]+)(?:[@;?].*)?$"


def _pick_number(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    wanted = criteria.digits(str(chosen.number))

    def matches(name: str) -> pl.Expr:
        digits = pl.col(name).str.extract(_NUMBER).str.replace("(?i)%2B", "").str.replace_all("[^0-9]", "")
        digits = digits.str.strip_chars_start("0")
        return digits.str.ends_with(wanted) if len(wanted) >= _SUFFIX_DIGITS else digits == wanted

    names = ("caller", "callee", "from_uri", "to_uri", "request_uri", "asserted_identity", "aor", "contact")
    return heads(frames).filter(pl.any_horizontal(matches(name) for name in names))["_unit"]


def _pick_ip(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    network, port = criteria.addresses(str(chosen.ip))
    messages = frames["messages"]
    seen = pl.concat([messages["src_ip"], messages["dst_ip"]]).drop_nulls().unique()
    hosts = pl.Series([ip for ip in seen if _in_network(ip, network)], dtype=pl.String).implode()

    def matches(side: str) -> pl.Expr:
        host = pl.col(f"{side}_ip").is_in(hosts)
        return host if port is None else host & (pl.col(f"{side}_port") == port)

    return messages.filter(matches("src") | matches("dst"))["_unit"].unique()


def _in_network(ip: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(ip) in network
    except ValueError:
        return False


def _pick_point(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    return frames["messages"].filter(pl.col("point") == chosen.point)["_unit"].unique()


def _pick_method(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    return frames["messages"].filter(_has_method(chosen))["_unit"].unique()


def _pick_status(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    in_ranges = _in_ranges(chosen)
    alone = pl.col("_unit") == pl.col("transaction")
    no_transaction = (pl.col("_unit") == pl.col("message")) & pl.col("transaction").is_null()
    return pl.concat(
        [
            frames["calls"].filter(in_ranges)["_unit"],
            frames["registrations"].filter(in_ranges)["_unit"],
            _not_registration(frames).filter(alone & in_ranges)["_unit"],
            frames["messages"].filter(no_transaction & pl.col("call").is_null() & in_ranges)["_unit"],
        ]
    )


def _not_registration(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Transactions outside calls and registrations: the first one of an attempt has the attempt's key."""
    import polars as pl

    registrations = frames["registrations"]["_unit"].implode()
    return frames["transactions"].filter(pl.col("call").is_null() & ~pl.col("_unit").is_in(registrations))


def _pick_outcome(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    return frames["calls"].filter(pl.col("outcome").is_in(criteria.outcomes(str(chosen.outcome), chosen.table)))[
        "_unit"
    ]


def _started(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    return heads(frames).select("_unit", at=pl.coalesce("started_at", "first_byte_at", "time").cast(pl.Int64))


def _pick_since(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    return _started(frames).filter(pl.col("at") >= criteria.instant(chosen.since or "", chosen.tz, _end(frames)))[
        "_unit"
    ]


def _pick_until(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    return _started(frames).filter(pl.col("at") < criteria.instant(chosen.until or "", chosen.tz, _end(frames)))[
        "_unit"
    ]


def _end(frames: Mapping[str, pl.DataFrame]) -> int:
    """The time of the last message, from which relative times count."""
    last = frames["messages"]["time"].cast(int).max()
    return last if isinstance(last, int) else 0


_PICK = {
    "call": _pick_call,
    "call_id": _pick_call_id,
    "from_": _pick_from,
    "to": _pick_to,
    "number": _pick_number,
    "ip": _pick_ip,
    "point": _pick_point,
    "method": _pick_method,
    "status": _pick_status,
    "outcome": _pick_outcome,
    "since": _pick_since,
    "until": _pick_until,
}
