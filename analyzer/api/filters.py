"""Filters: correlate first, then select.

A filter picks whole calls, and outside calls whole registrations and transactions; it changes no value, so a call keeps
its number, its delays and its outcome however it was found. Three things speak of single rows instead: ``status`` and
``method`` in the tables ``messages`` and ``transactions``, ``outcome`` in the tables that have one of their own, and
``where`` in any table. There the rows themselves are picked, and of the other tables what belongs to their calls.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from analyzer import schema
from analyzer.errors import FilterError, alike
from analyzer.timezones import zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

# Tables whose own rows `status` and `method` pick.
_BY_ROW = ("messages", "transactions")
# Tables with an `outcome` of their own; elsewhere `outcome` is that of the call.
_OWN_OUTCOME = ("transactions", "registrations")
# Tables whose rows are units of their own, or belong to one.
_WITH_UNIT = ("messages", "transactions", "calls", "registrations")
# Tables about the capture: their rows belong to no call.
_ABOUT_CAPTURE = frozenset(
    name for name, table in schema.TABLES.items() if not table.belongs_to and name not in _WITH_UNIT
)
# A number of fewer digits is compared whole (112 is not the end of +4930112112).
_SUFFIX_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Filter:
    """What to pick; everything given must hold. Raises FilterError where something cannot be understood.

    ``call``      numbers of calls, as in ``calls.no``: 3 or 3,7-9.
    ``call_id``   Call-ID; ``*`` stands for any text.
    ``from_``     text in the caller or From of what opened the call (any case; with ``*``: the whole of it).
    ``to``        the same for callee, To and Request-URI.
    ``number``    telephone number of either side; separators and leading zeros do not count, seven digits or more match
                  its end.
    ``ip``        address, address:port or network (10.0.0.0/8) that sent or received one of its messages.
    ``point``     capture point that saw one of its messages.
    ``method``    methods, separated by commas: one of its messages has it.
    ``status``    404, 4xx, 500-599, or several with commas: final status.
    ``outcome``   outcomes, separated by commas.
    ``since``     RFC 3339 time; it started then or later. Without an offset the time is in ``tz``. Or relative to the
                  last message of the capture: 08:00 (of its day), -1h, -30m, -2d, today, yesterday.
    ``until``     the same; it started earlier.
    ``where``     SQL condition over the columns of ``table``.
    ``table``     the table that is looked at.
    """

    call: str | int | None = None
    call_id: str | None = None
    from_: str | None = None
    to: str | None = None
    number: str | None = None
    ip: str | None = None
    point: str | None = None
    method: str | None = None
    status: str | int | None = None
    outcome: str | None = None
    since: str | datetime | None = None
    until: str | datetime | None = None
    where: str | None = None
    table: str = "calls"
    tz: str = "UTC"

    def __post_init__(self) -> None:
        if self.table not in schema.TABLES:
            raise FilterError(f"no table {self.table!r}; there are {', '.join(schema.TABLES)}")
        if self.call is not None:
            call_numbers(self.call)
        if self.number is not None:
            _digits(self.number)
        if self.ip is not None:
            _addresses(self.ip)
        if self.method is not None:
            _methods(self.method)
        if self.status is not None:
            _statuses(self.status)
        if self.outcome is not None:
            _outcomes(self.outcome, self.table)
        for instant in (self.since, self.until):
            if instant is not None:
                _instant(instant, self.tz)
        if self.where is not None:
            _check_where(self.where, self.table)

    def __bool__(self) -> bool:
        """Whether it picks anything at all."""
        return any(getattr(self, name) is not None for name in CRITERIA)

    def resolved(self, end: int) -> Filter:
        """The same with times that do not count from the last message of the capture, which is at ``end`` (ns)."""
        times = {
            name: _written(_instant(time, self.tz, end))
            for name in ("since", "until")
            if isinstance(time := getattr(self, name), str) and _relative(time, self.tz, end) is not None
        }
        return replace(self, **times) if times else self

    @property
    def window(self) -> tuple[int | None, int | None]:
        """``since`` and ``until`` in ns since 1970, None where they are not given; see :meth:`resolved`."""
        since, until = (None if time is None else _instant(time, self.tz) for time in (self.since, self.until))
        return since, until

    @property
    def given(self) -> list[str]:
        """The names of the criteria that are set."""
        return [name for name in CRITERIA if getattr(self, name) is not None]


def of_criteria(criteria: Mapping[str, Any]) -> Filter:
    """The filter of these criteria; ``from`` may be written with or without the line behind it."""
    names = {field.name for field in fields(Filter)}
    given = {"from_" if name == "from" else name: value for name, value in criteria.items()}
    for name in given:
        if name not in names:
            raise FilterError(f"no criterion {name!r}.{alike(name, names)} There are {', '.join(sorted(names))}.")
    return Filter(**given)


CRITERIA: tuple[str, ...] = tuple(field.name for field in fields(Filter) if field.name not in ("table", "tz"))


# ---- reading what was typed ------------------------------------------------------------------------------------------


def call_numbers(asked: str | int) -> list[tuple[int, int]]:
    """Ranges of numbers of calls, both ends included.

    >>> call_numbers("3,7-9")
    [(3, 3), (7, 9)]
    """
    ranges = []
    for part in str(asked).split(","):
        found = re.fullmatch(r"\s*(\d{1,18})\s*(?:-\s*(\d{1,18})\s*)?", part, re.ASCII)
        if found is None or int(found[2] or found[1]) < int(found[1]):
            raise FilterError(
                f"call {str(asked)!r}: numbers of calls are wanted, those in front of `sip-analyzer calls`: 3 or 3,7-9;"
                " for a Call-ID there is call_id"
            )
        ranges.append((int(found[1]), int(found[2] or found[1])))
    return ranges


def _digits(text: str) -> str:
    digits = re.sub(r"[\s.\-()/+]", "", text)
    if not digits.isascii() or not digits.isdigit():
        raise FilterError(
            f"number {text!r}: a telephone number is digits, with + and separators as you like: +49 30 1234567"
        )
    return digits.lstrip("0") or digits


def _addresses(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, int | None]:
    """A network (one address is a network of one) and a port."""
    host, port = text.strip(), None
    if found := re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?|([\d.]+):(\d{1,5})", host):
        host = found[1] or found[3]
        digits = found[2] or found[4]
        port = int(digits) if digits else None
    try:
        return ipaddress.ip_network(host, strict=False), port
    except ValueError:
        raise FilterError(
            f"ip {text!r}: an address, address:port or network is wanted: 10.0.0.1, 10.0.0.1:5060, [2001:db8::1]:5060,"
            " 10.0.0.0/8"
        ) from None


def _methods(text: str) -> list[str]:
    methods = [part.strip().upper() for part in text.split(",") if part.strip()]
    # token, RFC 3261 §25.1: extension methods are legal.
    if not methods or not all(re.fullmatch(r"[A-Z0-9\-.!%*_+`'~]+", method) for method in methods):
        raise FilterError(f"method {text!r}: methods separated by commas are wanted: INVITE,BYE")
    return methods


def _statuses(text: str | int) -> list[tuple[int, int]]:
    """Ranges, both ends included."""
    ranges = []
    for part in str(text).split(","):
        if found := re.fullmatch(r"([1-9])xx", part.strip(), re.IGNORECASE):
            ranges.append((int(found[1]) * 100, int(found[1]) * 100 + 99))
        elif found := re.fullmatch(r"(\d{3})(?:-(\d{3}))?", part.strip(), re.ASCII):
            ranges.append((int(found[1]), int(found[2] or found[1])))
        else:
            raise FilterError(f"status {str(text)!r}: wanted are 486, 4xx, 500-599, or several of them: 4xx,503")
    return ranges


def _outcomes(text: str, table: str) -> list[str]:
    table = table if table in _OWN_OUTCOME else "calls"
    allowed = schema.TABLES[table].column("outcome").allowed
    outcomes = [part.strip().lower() for part in text.split(",") if part.strip()]
    if table == "calls" and "failed" in outcomes:
        from analyzer.diagnose.verdict import FAILED

        outcomes = [outcome for outcome in outcomes if outcome != "failed"] + list(FAILED)
    unknown = [outcome for outcome in outcomes if outcome not in allowed]
    if unknown or not outcomes:
        hint = "".join(alike(outcome, allowed) for outcome in unknown)
        raise FilterError(
            f"outcome {', '.join(unknown) or text!r}: the outcomes of {table} are {', '.join(allowed)}"
            f"{', or failed for those that are failures' if table == 'calls' else ''}.{hint}"
        )
    return outcomes


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _relative(value: str, tz: str, end: int) -> int | None:
    """Nanoseconds of a time that counts from the end of the capture; None for a text that is none."""
    word = value.strip().lower()
    if found := re.fullmatch(r"-\s*(\d{1,9})\s*([smhdw])", word, re.ASCII):
        return end - int(found[1]) * _UNITS[found[2]] * 1_000_000_000
    if word == "now":
        return end
    clock = re.fullmatch(r"(?:(today|yesterday)\s*)?(?:(\d{1,2}):(\d\d)(?::(\d\d))?)?", word, re.ASCII)
    if clock is None or not word:
        return None
    day = datetime.fromtimestamp(end // 1_000_000_000, zone(tz))
    day -= timedelta(days=1) if clock[1] == "yesterday" else timedelta()
    hours, minutes, seconds = (int(part or 0) for part in (clock[2], clock[3], clock[4]))
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    moment = day.replace(hour=hours, minute=minutes, second=seconds, microsecond=0)
    return int(moment.timestamp()) * 1_000_000_000


def _instant(value: str | datetime, tz: str, end: int = 0) -> int:
    """Nanoseconds since 1970-01-01T00:00:00Z; ``end`` is the last message of the capture."""
    fraction = ""
    if isinstance(value, datetime):
        moment = value
    elif (found_relative := _relative(value, tz, end)) is not None:
        return found_relative
    else:
        # datetime ends at microseconds, captures do not: the fraction is read apart.
        found = re.fullmatch(r"(.*?\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?", value.strip(), re.ASCII | re.IGNORECASE)
        try:
            moment = datetime.fromisoformat(f"{found[1]}{(found[3] or '').upper()}" if found else value)
        except ValueError:
            raise FilterError(
                f"time {value!r}: an RFC 3339 time is wanted: 2024-05-01T12:00:00Z, 2024-05-01T12:00:00.123+02:00,"
                " 2024-05-01; or one that counts from the end of the capture: 08:00, -1h, today, yesterday 18:30"
            ) from None
        fraction = (found[2] or "") if found else ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone(tz))
    since_epoch = moment - datetime.fromtimestamp(0, UTC)
    return since_epoch // timedelta(microseconds=1) * 1000 + int(fraction.ljust(9, "0") or 0)


def _written(at: int) -> str:
    """A time (ns since 1970) in RFC 3339."""
    return f"{datetime.fromtimestamp(at // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{at % 10**9:09}Z"


def _condition(where: str, table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows that meet a condition the user wrote."""
    import polars as pl

    try:
        return frame.filter(pl.sql_expr(where))
    except pl.exceptions.PolarsError as error:
        names = schema.TABLES[table].names
        columns = ", ".join(names)
        reason = str(error).strip().split("\n")[0].split("; valid columns")[0]
        unknown = re.search(r'unable to find column "([^"]+)"', reason)
        hint = alike(unknown[1], names) if unknown else ""
        raise FilterError(
            f"where {where!r}: {reason}. A SQL condition over {table} is wanted, with texts in single quotes (for times"
            f" there are since and until).{hint} Columns: {columns}"
        ) from None


def _check_where(where: str, table: str) -> None:
    import polars as pl

    _condition(where, table, pl.DataFrame(schema=schema.TABLES[table].polars()))


# ---- picking ---------------------------------------------------------------------------------------------------------
#
# A *unit* is what is picked as a whole: a call; outside calls a registration; else a transaction; else a message.
# Every key is that of the earliest message, so a unit is one integer, and its first message is the one whose key it is.


def apply(chosen: Filter, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The same tables with the rows that the filter picks, in the same order. Of the ``DEPENDENT`` ones only that which
    is looked at must be there.

    ``files`` and ``problems`` keep what concerns the packets of the messages picked (:func:`of_frames`): where units
    are picked, these are beside the tables as :data:`FRAMES`. ``account`` counts packets before there are calls and
    stays whole. Of ``messages`` the columns :func:`looked_at` must be there.
    """
    import polars as pl

    kept = dict(tables)
    if not chosen:
        return kept
    frames = _units(tables)
    looked_at = {**tables, **frames}[chosen.table]
    rows = looked_at
    picks: list[pl.Series] = []
    for name in chosen.given:
        if name == "where":
            rows = _condition(str(chosen.where), chosen.table, rows)
        elif (own := _own_rows(chosen, name)) is not None:
            rows = rows.filter(own)
        else:
            picks.append(_PICK[name](chosen, frames))
    if chosen.table not in _ABOUT_CAPTURE and rows.height < looked_at.height:
        known = known_by(chosen.table)
        if known is None or known == "endpoints":
            picks.append(_units_of(chosen.table, rows, frames["messages"]))
        else:
            ((column, _, key),) = schema.TABLES[chosen.table].owners
            joined = tables[known].join(rows, left_on=key, right_on=column, how="semi")
            picks.append(_units_of(known, joined, frames["messages"]))

    if picks:
        in_picks = pl.all_horizontal(pl.col("_unit").is_in(pick.implode()) for pick in picks)
        for name in _WITH_UNIT:
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


#: ``file frame`` of the messages picked.
FRAMES = "_frames"
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


def of_frames(name: str, rows: pl.DataFrame, frames: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``files`` or ``problems`` that concern these packets."""
    on = ["file"] if name == "files" else ["file", "frame"]
    return rows.join(frames.select(on).unique(), on=on, how="semi", maintain_order="left")


def _of(*owners: str) -> tuple[str, ...]:
    """The tables whose rows belong to rows of these."""
    return tuple(name for name, table in schema.TABLES.items() if {owner for _, owner, _ in table.owners} & {*owners})


#: ``related_transactions`` knows which call or registration their rows belong to, and most belong to none: a condition
#: on the rows picks rows.
EXCHANGES = _of("related_transactions")
#: Tables about nodes: ``endpoints`` knows which of these a filter keeps.
OF_NODES = _of("endpoints")
#: Tables whose rows belong to a message, a dialog, a call or an address: they need not be there when a filter is
#: applied. What is told of nodes, of what was asked beside SIP, and of cases comes after them.
DEPENDENT = (
    "clocks",
    *(
        name
        for name in _of("messages", "dialogs", "calls", "registrations")
        if name not in (*_WITH_UNIT, "dialogs", "endpoints")
    ),
    *("endpoints", *OF_NODES, *EXCHANGES, *_of("finding_cases")),
)


def known_by(name: str) -> str | None:
    """The table that tells which rows of this one a filter keeps, itself ``DEPENDENT``: that of what they belong to."""
    return next((table for _, table, _ in schema.TABLES[name].owners if table in DEPENDENT), None)


def of_kept(name: str, frame: pl.DataFrame, kept: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The rows of the ``DEPENDENT`` table ``name`` whose messages, dialogs, calls or addresses are among those kept."""
    import polars as pl

    if name == "clocks":
        return frame  # they belong to no call
    if name == "endpoints":
        return frame.join(_addresses_of(kept["messages"]), on=["ip", "port"], how="semi", maintain_order="left")
    if name == "reference_points":  # both ends of it
        return frame.filter(pl.col(side).is_in(kept["endpoints"]["node"].implode()) for side in ("node", "peer"))
    owners = schema.TABLES[name].owners
    found = (pl.col(column).is_in(kept[table][key].implode()) for column, table, key in owners)
    return frame.filter(pl.any_horizontal(*found).fill_null(value=False))


def _addresses_of(messages: pl.DataFrame) -> pl.DataFrame:
    """The addresses and ports that sent or received them."""
    import polars as pl

    sides = [messages.select(ip=f"{side}_ip", port=f"{side}_port") for side in ("src", "dst")]
    return pl.concat(sides).unique()


def _units(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables whose rows belong to one unit each, with its key as ``_unit``."""
    import polars as pl

    registrations = tables["registrations"].with_columns(_unit=pl.col("registration"))
    transactions = tables["transactions"]
    # Which REGISTERs make one attempt: the latest attempt of that Call-ID that had begun.
    attempts = registrations.select("call_id", "started_at", "_unit").drop_nulls().sort("started_at")
    registers = (
        transactions.filter((pl.col("method") == "REGISTER") & pl.col("call").is_null())
        .select("transaction", "call_id", started_at=pl.coalesce("started_at", "final_at"))
        .drop_nulls()
        .sort("started_at")
        .join_asof(attempts, on="started_at", by="call_id", check_sortedness=False)
        .select("transaction", _attempt="_unit")
    )
    transactions = (
        transactions.join(registers, on="transaction", how="left", maintain_order="left")
        .with_columns(_unit=pl.coalesce("call", "_attempt", "transaction"))
        .drop("_attempt")
    )
    of_transaction = transactions.select("transaction", _of_transaction="_unit")
    messages = (
        tables["messages"]
        .join(of_transaction, on="transaction", how="left", maintain_order="left")
        .with_columns(_unit=pl.coalesce("call", "_of_transaction", "message"))
        .drop("_of_transaction")
    )
    # A duplicate goes with its first observation.
    first_sightings = messages.select(original="message", _of_original="_unit")
    messages = (
        messages.join(first_sightings, on="original", how="left", maintain_order="left")
        .with_columns(_unit=pl.coalesce("_of_original", "_unit"))
        .drop("_of_original")
    )
    return {
        "messages": messages,
        "transactions": transactions,
        "calls": tables["calls"].with_columns(_unit=pl.col("call")),
        "registrations": registrations,
    }


def _units_of(table: str, rows: pl.DataFrame, messages: pl.DataFrame) -> pl.Series:
    import polars as pl

    def of_messages(key: str, column: str) -> pl.Series:
        return messages.filter(pl.col(key).is_in(rows[column].implode()))["_unit"]

    if table == "node_evidence":
        return of_messages("message", "message").unique()
    if table in ("nodes", "reference_points"):
        nodes = pl.concat([rows["node"], rows["peer"]]) if "peer" in rows.columns else rows["node"]
        parts = (
            nodes.unique()
            .to_frame("at")
            .select(
                ip=pl.col("at").str.replace(r":[0-9]+$", "").str.strip_chars("[]"),
                port=pl.col("at").str.extract(r":([0-9]+)$").cast(pl.Int64),
            )
        )
        return _units_of("endpoints", parts, messages)
    if table == "endpoints":
        sides = [
            messages.join(
                rows.select("ip", "port"), left_on=[f"{side}_ip", f"{side}_port"], right_on=["ip", "port"], how="semi"
            )
            for side in ("src", "dst")
        ]
        return pl.concat([side["_unit"] for side in sides]).unique()
    if table in _WITH_UNIT:
        return rows["_unit"].unique()
    owners = schema.TABLES[table].owners
    if table == "dialogs":
        owners = [("dialog", "dialogs", "dialog"), *owners]
    # Calls and registrations are units themselves.
    units = (of_messages(key, column) if key in ("message", "dialog") else rows[column] for column, _, key in owners)
    return pl.concat([found.drop_nulls().rename("unit") for found in units]).unique()


def _own_rows(chosen: Filter, name: str) -> pl.Expr | None:
    """The condition on rows of the table looked at, where the criterion speaks of rows and not of units."""
    import polars as pl

    if name == "status" and chosen.table in _BY_ROW:
        return _in_ranges(chosen)
    if name == "method" and chosen.table in _BY_ROW:
        return _has_method(chosen)
    if name == "outcome" and chosen.table in _OWN_OUTCOME:
        return pl.col("outcome").is_in(_outcomes(str(chosen.outcome), chosen.table))
    return None


def _in_ranges(chosen: Filter) -> pl.Expr:
    import polars as pl

    ranges = _statuses(chosen.status if chosen.status is not None else "")
    return pl.any_horizontal(pl.col("status").is_between(low, high) for low, high in ranges)


def _has_method(chosen: Filter) -> pl.Expr:
    import polars as pl

    return pl.col("method").str.to_uppercase().is_in(_methods(str(chosen.method)))


def _heads(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The first message of each unit, with what the tables of calls and registrations know of it."""
    import polars as pl

    calls = frames["calls"].select("_unit", "caller", "callee", "started_at")
    registrations = frames["registrations"].select("_unit", "aor", "contact")
    return (
        frames["messages"]
        .filter(pl.col("message") == pl.col("_unit"))
        .join(calls, on="_unit", how="left")
        .join(registrations, on="_unit", how="left")
    )


def _pick_call(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    return numbered(frames["calls"], chosen.call if chosen.call is not None else "")["_unit"]


def numbered(calls: pl.DataFrame, asked: str | int) -> pl.DataFrame:
    """The rows of ``calls`` with these numbers: 3, or 3,7-9. Raises :class:`~analyzer.errors.FilterError` for one that
    no call has."""
    import polars as pl

    ranges = call_numbers(asked)
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
    return _heads(frames).filter(
        _any_text(str(chosen.from_), ("caller", "from_uri", "from_name", "asserted_identity"))
    )["_unit"]


def _pick_to(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    return _heads(frames).filter(_any_text(str(chosen.to), ("callee", "to_uri", "to_name", "request_uri")))["_unit"]


# The user part of a sip or tel URI where it is a telephone number (RFC 3261 §19.1.6, RFC 3966 §3).
_NUMBER = r"(?i)^(?:sips?:|tel:)?((?:\+|%2B)?[0-9.\-()]+)(?:[@;?].*)?$"


def _pick_number(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    wanted = _digits(str(chosen.number))

    def matches(name: str) -> pl.Expr:
        digits = pl.col(name).str.extract(_NUMBER).str.replace("(?i)%2B", "").str.replace_all("[^0-9]", "")
        digits = digits.str.strip_chars_start("0")
        return digits.str.ends_with(wanted) if len(wanted) >= _SUFFIX_DIGITS else digits == wanted

    names = ("caller", "callee", "from_uri", "to_uri", "request_uri", "asserted_identity", "aor", "contact")
    return _heads(frames).filter(pl.any_horizontal(matches(name) for name in names))["_unit"]


def _pick_ip(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    network, port = _addresses(str(chosen.ip))
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

    return frames["calls"].filter(pl.col("outcome").is_in(_outcomes(str(chosen.outcome), chosen.table)))["_unit"]


def _started(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    return _heads(frames).select("_unit", at=pl.coalesce("started_at", "first_byte_at", "time").cast(pl.Int64))


def _pick_since(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    return _started(frames).filter(pl.col("at") >= _instant(chosen.since or "", chosen.tz, _end(frames)))["_unit"]


def _pick_until(chosen: Filter, frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    import polars as pl

    return _started(frames).filter(pl.col("at") < _instant(chosen.until or "", chosen.tz, _end(frames)))["_unit"]


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
