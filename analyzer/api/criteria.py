"""What a user may write for each criterion of a filter. Raises FilterError, with what is wanted, for anything else."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from analyzer import schema
from analyzer.errors import FilterError, alike
from analyzer.timezones import zone

if TYPE_CHECKING:
    import polars as pl

#: Tables with an `outcome` of their own; elsewhere `outcome` is that of the call.
OWN_OUTCOME = ("transactions", "registrations")


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


def digits(text: str) -> str:
    digits = re.sub(r"[\s.\-()/+]", "", text)
    if not digits.isascii() or not digits.isdigit():
        raise FilterError(
            f"number {text!r}: a telephone number is digits, with + and separators as you like: +49 30 1234567"
        )
    return digits.lstrip("0") or digits


def addresses(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, int | None]:
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


def methods(text: str) -> list[str]:
    methods = [part.strip().upper() for part in text.split(",") if part.strip()]
    # token, RFC 3261 §25.1: extension methods are legal.
    if not methods or not all(re.fullmatch(r"[A-Z0-9\-.!%*_+`'~]+", method) for method in methods):
        raise FilterError(f"method {text!r}: methods separated by commas are wanted: INVITE,BYE")
    return methods


def statuses(text: str | int) -> list[tuple[int, int]]:
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


def outcomes(text: str, table: str) -> list[str]:
    table = table if table in OWN_OUTCOME else "calls"
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


def relative(value: str, tz: str, end: int) -> int | None:
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


def instant(value: str | datetime, tz: str, end: int = 0) -> int:
    """Nanoseconds since 1970-01-01T00:00:00Z; ``end`` is the last message of the capture."""
    fraction = ""
    if isinstance(value, datetime):
        moment = value
    elif (found_relative := relative(value, tz, end)) is not None:
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


def written(at: int) -> str:
    """A time (ns since 1970) in RFC 3339."""
    return f"{datetime.fromtimestamp(at // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{at % 10**9:09}Z"


def condition(where: str, table: str, frame: pl.DataFrame) -> pl.DataFrame:
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


def check_where(where: str, table: str) -> None:
    import polars as pl

    condition(where, table, pl.DataFrame(schema=schema.TABLES[table].polars()))
