"""What a browser needs to draw the ladder of any call, for all calls at once and in columns.

The events are those of :func:`analyzer.show.timeline.timeline` (a test holds the two equal on every sample), made with
whole tables: a report has a million of them. They are packed in chunks of some calls each, which the page unpacks as
ladders are opened::

    zlib( length of the head, 4 bytes little-endian | head, JSON | planes )

``head`` has what differs from call to call or is rare, ``planes`` the numbers of each event: of each column first all
lowest bytes, then all second ones ..., which compresses better than whole numbers.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from analyzer.columns.address import sockets
from analyzer.show.text import SHORT_TAG, fit, safe, safe_column, safe_lines
from analyzer.show.timeline import Heard, Hold, Mark

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 1 << 16
"""Events in a chunk: unpacked in a few milliseconds."""
LONGEST = 4000
"""Events of one call that a report holds; of more the first three quarters and the last quarter."""

# An event with the text of its message takes as much room as so many without.
_WEIGHT_OF_TEXT = 16

LONGEST_TEXT = 20_000
"""Characters of a message that are shown."""

# A message and its retransmission share these, as in analyzer.show.timeline.
_SAME_MESSAGE = (
    *("call", "src_ip", "src_port", "dst_ip", "dst_port", "call_id", "from_tag", "to_tag"),
    *("method", "status", "cseq", "via_branch", "rseq", "rack"),
)
_COLUMNS = (
    *("message", "file", "frame", "transaction", "retransmission", "complete", "reason_phrase", "has_sdp"),
    *("qos_pending", "refer_to", "subscription_state", "reason_header", "via_count", "user_agent"),
    *_SAME_MESSAGE,
)

SDP, UNTIMED = 1, 2
"""Bits of an event: it carries SDP; it has no time stamp."""
PLANES = (
    *(("seconds", 4), ("nanoseconds", 4), ("frame", 4), ("source", 2), ("target", 2), ("label", 4), ("info", 4)),
    *(("file", 2), ("leg", 2), ("flags", 1)),
)

# How a transaction ended that no message tells of.
UNANSWERED = ("timeout", "provisional_only", "pending", "transport_error")


@dataclass(frozen=True, slots=True)
class Told:
    """What other tables than ``messages`` and ``transactions`` tell of a call."""

    marks: list[Mark]
    holds: tuple[Hold, ...]
    streams: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """The ladders of some calls: their numbers, and the packed bytes."""

    calls: list[int]
    data: bytes


def chunks(
    messages: pl.DataFrame,
    transactions: pl.DataFrame,
    calls: pl.DataFrame,
    texts: Mapping[int, bytes] | None = None,
    told: Mapping[int, Told] | None = None,
) -> Iterator[Chunk]:
    """The ladders of these calls (rows with ``call``, ``no``, ``call_ids``), in their order.

    ``messages`` and ``transactions`` are those tables, whole; ``texts`` are messages by their keys, shown beside their
    events; ``told`` says by ``call`` what other tables tell. Lazy: a chunk is packed when it is asked for.
    """
    ladders = _ladders(messages, transactions, calls)
    with_text = ladders.messages.is_in(pl.Series(list(texts or {}), dtype=pl.Int64).implode())
    weight = with_text.cast(pl.UInt32)[ladders.events["row"]] * (_WEIGHT_OF_TEXT - 1) + 1
    stories_of = ladders.events.with_columns(weight=weight).group_by("story", maintain_order=True)
    sizes = stories_of.agg(pl.len(), pl.col("total", "at").first(), pl.col("weight").sum())
    sizes = sizes.with_columns(
        begin=pl.col("len").cum_sum() - pl.col("len"), chunk=(pl.col("weight").cum_sum() - pl.col("weight")) // CHUNK
    )
    for stories in sizes.partition_by("chunk", maintain_order=True):
        own = calls.select("call", "no", "call_ids")[stories["story"]]
        part = ladders.events.slice(stories["begin"][0], int(stories["len"].sum()))
        yield Chunk(own["no"].to_list(), _packed(ladders, part, stories, own, texts or {}, told or {}))


# ---- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Ladders:
    """``events``: one row per event in numbers, by ``story`` (the place of its call in what was asked) and time.

    ``row`` is a place in ``messages``, the keys; ``label info file`` in the lists of that name; ``source target`` in
    the list of ``lanes`` of its story, ``leg`` in that of ``legs``. ``again`` and ``silent`` are rows for few events:
    copies and their last time, how the transaction ended that has no final response. Times: nanoseconds.
    """

    messages: pl.Series
    events: pl.DataFrame
    labels: pl.DataFrame
    infos: pl.Series
    files: pl.Series
    lanes: pl.DataFrame
    legs: pl.DataFrame
    again: pl.DataFrame
    silent: pl.DataFrame


def _ladders(messages: pl.DataFrame, transactions: pl.DataFrame, calls: pl.DataFrame) -> _Ladders:
    order = calls.select("call").with_row_index("story")
    story = messages.select("call").join(order, on="call", how="left", maintain_order="left")["story"]
    # The table stays as it is: a million rows of text are dear to copy. What has no story is in no ladder.
    rows = messages.select(_COLUMNS).with_columns(
        pl.when(~messages["duplicate"]).then(story).alias("story"),
        at=messages["time"].cast(pl.Int64),
        row=pl.int_range(pl.len(), dtype=pl.Int64),
    )
    # Text becomes numbers before anything is sorted.
    source, target, names = _lanes(rows)
    label, labels = _labels(rows)
    info, infos = _infos(rows)
    file, files = _coded(rows.select(pl.col("file").fill_null("")))
    numbers = (
        rows.select(
            *("row", "story", "at", "frame", "transaction"),
            *(source, target, label.alias("label"), info.alias("info"), file.alias("file")),
            sdp="has_sdp",
            request=pl.col("status").is_null(),
            asks=pl.col("status").is_null() & (pl.col("method") != "ACK"),
        )
        .drop_nulls("story")
        .sort("story", "at", nulls_last=True, maintain_order=True)
    )
    numbers = numbers.with_columns(number=pl.int_range(pl.len(), dtype=pl.Int64))
    numbers = numbers.with_columns(event=_event_of(rows, numbers))
    place, total = pl.int_range(pl.len()).over("story"), pl.len().over("story")
    tail = LONGEST // 4
    kept = (place < LONGEST - tail) | (place >= total - tail)
    events = numbers.filter(pl.col("number") == pl.col("event")).with_columns(total=total).filter(kept)
    events, lanes = _lanes_of_stories(events, names, _products(rows, source))
    events, legs = _legs(events, rows, calls)
    return _Ladders(
        messages=messages["message"],
        events=events,
        labels=labels,
        infos=infos,
        files=files.to_series(),
        lanes=lanes,
        legs=legs,
        again=_again(numbers),
        silent=_unanswered(numbers, transactions),
    )


def _coded(frame: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """Each row of it once, in order of appearance, and the place of each row in these."""
    known = frame.unique(keep="first", maintain_order=True)
    if known.height == 1:
        return pl.Series("code", [0], dtype=pl.UInt32).new_from_index(0, frame.height), known
    found = frame.join(
        known.with_row_index("code"), on=frame.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    return found["code"], known


def _event_of(rows: pl.DataFrame, numbers: pl.DataFrame) -> pl.Series:
    """The number of the message that each message was folded into; its own where it was not."""
    again = rows.filter("retransmission", pl.col("story").is_not_null()).select(_SAME_MESSAGE).unique()
    if again.is_empty():
        return numbers["number"]
    # By the branch first: one column sorts out nearly all.
    alike = rows.join(again.select("via_branch").unique(), on="via_branch", how="semi", nulls_equal=True)
    alike = alike.join(again, on=_SAME_MESSAGE, how="semi", nulls_equal=True)
    alike = alike.join(numbers.select("row", "number"), on="row").sort("number")
    # Of several that are alike, what is sent again belongs to the one before it.
    first = pl.int_range(pl.len()).over(_SAME_MESSAGE) == 0
    begins = pl.when(~pl.col("retransmission") | first).then("number")
    folded = alike.select("number", event=begins.forward_fill().over(_SAME_MESSAGE))
    own = numbers.select("number").join(folded, on="number", how="left", maintain_order="left")
    return own.select(pl.coalesce("event", "number")).to_series()


def _again(numbers: pl.DataFrame) -> pl.DataFrame:
    """Times that an event was sent, and how long after the first time the last was, where more than once."""
    folded = numbers.filter(pl.col("number") != pl.col("event")).select("event").unique()
    copies = numbers.select("event", "at").join(folded, on="event", how="semi")
    later = pl.col("at").max() - pl.col("at").first()
    return copies.group_by("event", maintain_order=True).agg(copies=pl.len(), later=later).sort("event")


def _unanswered(numbers: pl.DataFrame, transactions: pl.DataFrame) -> pl.DataFrame:
    """The first request of each transaction without a final response, how that ended, and when it was last heard of."""
    ended = transactions.filter(pl.col("outcome").is_in(UNANSWERED)).select("transaction", silence="outcome")
    heard = numbers.select("transaction", "event", "at", "asks").join(ended, on="transaction", maintain_order="left")
    first = (
        heard.filter("asks").group_by("transaction", maintain_order=True).agg(pl.col("event", "silence", "at").first())
    )
    last = heard.group_by("transaction").agg(silent_at=pl.col("at").max())
    found = first.join(last, on="transaction", maintain_order="left").unique("event", keep="first", maintain_order=True)
    return found.select("event", "silence", later=pl.col("silent_at") - pl.col("at"))


def _lanes(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series, pl.DataFrame]:
    """``source`` and ``target`` of each message as places among the names of hosts, and these names.

    A host that talks to itself in a call has a lane there for each of its ports.
    """
    to_itself = rows.filter(pl.col("src_ip") == pl.col("dst_ip")).select("story", "src_ip").drop_nulls().unique()
    ends = []
    for side in ("src", "dst"):
        ip, port = pl.col(f"{side}_ip"), pl.col(f"{side}_port")
        lane = ip.fill_null("?")
        if to_itself.height:
            by_port = pl.struct("story", src_ip=ip).is_in(to_itself.to_struct().implode())
            lane = pl.when(by_port).then(sockets(ip, port)).otherwise(lane)
        ends.append(rows.select(name=lane))
    codes, names = _coded(pl.concat(ends))
    return codes.head(rows.height).alias("source"), codes.tail(rows.height).alias("target"), names


def _products(rows: pl.DataFrame, source: pl.Series) -> pl.DataFrame:
    """The product at lanes of stories: User-Agent of a request that has one Via, and so was made there (RFC 3261
    §8.1.1.7)."""
    known = ("story", "at", "user_agent")
    made = (pl.col("via_count") == 1) & pl.col("status").is_null() & _sent("user_agent") & pl.col("story").is_not_null()
    products = rows.select(*known, source.alias("lane")).filter(rows.select(made).to_series())
    first = products.sort("story", "at", nulls_last=True, maintain_order=True)
    first = first.unique(["story", "lane"], keep="first", maintain_order=True)
    return first.select("story", "lane", product="user_agent")


def _lanes_of_stories(
    events: pl.DataFrame, names: pl.DataFrame, products: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lanes numbered per call from left to right as they come in, the client of a transaction before its server."""
    client = pl.when("request").then("source").otherwise("target")
    server = pl.when("request").then("target").otherwise("source")
    paths = events.select("story", client=client, server=server).unique(keep="first", maintain_order=True)
    ends = paths.select("story", lane=pl.concat_list("client", "server")).explode("lane")
    ends = ends.unique(keep="first", maintain_order=True)
    ends = ends.with_columns(place=pl.int_range(pl.len()).over("story"))
    for side in ("source", "target"):
        known = ends.rename({"lane": side, "place": "_place"})
        events = events.join(known, on=["story", side], how="left", maintain_order="left")
        events = events.with_columns(pl.col("_place").alias(side)).drop("_place")
    lists = ends.join(products, on=["story", "lane"], how="left", maintain_order="left")
    lists = lists.select("story", "product", lanes=names["name"].gather(ends["lane"]))
    return events, lists.group_by("story", maintain_order=True).agg("lanes", "product")


def _legs(events: pl.DataFrame, rows: pl.DataFrame, calls: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``leg``: the Call-IDs of each call numbered as they come in, and these; of most calls there is one."""
    several = calls.with_row_index("story").filter(pl.col("call_ids").list.len() > 1).select("story")
    own = events.select("story", "row").join(several, on="story", how="semi", maintain_order="left")
    own = own.with_columns(legs=rows["call_id"].fill_null("")[own["row"]])
    known = own.unique(["story", "legs"], keep="first", maintain_order=True)
    known = known.with_columns(leg=pl.int_range(pl.len(), dtype=pl.Int64).over("story"))
    numbered = own.join(known.drop("row"), on=["story", "legs"], maintain_order="left").select("row", "leg")
    events = events.join(numbered, on="row", how="left", maintain_order="left").with_columns(pl.col("leg").fill_null(0))
    return events, known.group_by("story", maintain_order=True).agg("legs")


# ---- words -----------------------------------------------------------------------------------------------------------


def _method() -> pl.Expr:
    return pl.when(pl.col("method").fill_null("") == "").then(pl.lit("?")).otherwise("method")


def _sent(name: str) -> pl.Expr:
    return pl.col(name).fill_null("") != ""


def _labels(rows: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """``label`` and ``tone`` (class of the status, 0: a request), as analyzer.show.timeline words them; safe."""
    # An INVITE with a To tag is one inside a dialog: re-INVITE (RFC 3261 §14).
    inside = pl.col("status").is_null() & (pl.col("method") == "INVITE") & _sent("to_tag")
    codes, known = _coded(rows.select("method", "status", "reason_phrase", inside=inside))
    method = _method()
    response = pl.format("{} {}", "status", pl.col("reason_phrase").fill_null("")).str.strip_chars_end()
    label = (
        pl.when("inside")
        .then(pl.lit("re-INVITE"))
        .when(pl.col("status").is_null())
        .then(method)
        .when(method == "INVITE")
        .then(response)
        .otherwise(pl.format("{} ({})", response, method))
    )
    tone = (pl.col("status") // 100).clip(1, 6).fill_null(0)
    words = known.select(label=label, tone=tone)
    return codes, words.with_columns(safe_column(words["label"]))


def _infos(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """What stands beside a label, as analyzer.show.timeline words it; safe."""
    request = pl.col("status").is_null()
    parts = [
        pl.when(~request).then(pl.format("tag={}", "tag")),
        pl.when("qos_pending").then(pl.lit("qos pending")),
        pl.when((pl.col("method") == "REFER") & _sent("refer_to")).then(pl.format("to {}", "refer_to")),
        pl.when((pl.col("method") == "NOTIFY") & request & _sent("subscription_state")).then("subscription_state"),
        pl.when(_sent("reason_header")).then("reason_header"),
        pl.when(~pl.col("complete")).then(pl.lit("cut")),
    ]
    names = ["status", "method", "qos_pending", "refer_to", "subscription_state", "reason_header", "complete"]
    said = rows.select("row", *names, _fork_tags(rows)).filter(
        pl.any_horizontal(part.is_not_null() for part in parts), rows["story"].is_not_null()
    )
    words = safe_column(said.select(pl.concat_str(parts, separator=", ", ignore_nulls=True)).to_series())
    codes, known = _coded(words.alias("info").to_frame())
    # Place 0 is for those, nearly all, where nothing does.
    told = said.select("row", code=codes + 1)
    all_codes = rows.select("row").join(told, on="row", how="left", maintain_order="left")["code"].fill_null(0)
    return all_codes, pl.concat([pl.Series("info", [""]), known.to_series()])


def _fork_tags(rows: pl.DataFrame) -> pl.Series:
    """``tag``: short To tags of the dialogs of INVITEs that were answered with several (RFC 3261 §12.1, §19.3)."""
    dialog = ["story", "call_id", "from_tag", "to_tag"]
    said = (pl.col("method") == "INVITE") & (pl.col("status") > 100) & _sent("to_tag") & pl.col("story").is_not_null()
    answers = rows.select(*dialog, "cseq").filter(rows.select(said.fill_null(value=False)).to_series()).unique()
    forked = answers.filter(pl.len().over("story", "call_id", "from_tag", "cseq") > 1).select(dialog).unique()
    if forked.is_empty():
        return pl.Series("tag", [None], dtype=pl.String).new_from_index(0, rows.height)
    short = forked["to_tag"].unique()
    tag = pl.col("to_tag").replace(short, [fit(safe(tag), SHORT_TAG) for tag in short])
    forked = forked.with_columns(tag=tag)
    return rows.select(dialog).join(forked, on=dialog, how="left", nulls_equal=True, maintain_order="left")["tag"]


# ---- packing ---------------------------------------------------------------------------------------------------------


def _packed(
    ladders: _Ladders,
    events: pl.DataFrame,
    stories: pl.DataFrame,
    calls: pl.DataFrame,
    texts: Mapping[int, bytes],
    told: Mapping[int, Told],
) -> bytes:
    """These events of some stories that follow each other; ``calls`` has the rows of these."""
    began = (pl.col("story") != pl.col("story").shift()).fill_null(value=True)
    # Nanoseconds since the event before in the call.
    step = pl.when(~began).then(pl.col("at") - pl.col("at").shift()).fill_null(0)
    numbers = events.select(
        *("source", "target", "leg"),
        seconds=step // 1_000_000_000,
        nanoseconds=step % 1_000_000_000,
        flags=pl.col("sdp").cast(pl.UInt32) * SDP + pl.col("at").is_null().cast(pl.UInt32) * UNTIMED,
    )
    # A clock of whole microseconds is not told in nanoseconds.
    unit = 1000 if (numbers["nanoseconds"] % 1000 == 0).all() else 1
    used = {name: _used(events[name]) for name in ("label", "info", "file")}
    numbers = numbers.with_columns(
        pl.col("nanoseconds") // unit, _frames(events), *(codes.alias(name) for name, (_, codes) in used.items())
    )
    labels = ladders.labels[used["label"][0]]
    places = events.select("event").with_row_index("place")
    lists = stories.select("story").join(ladders.lanes, on="story", how="left", maintain_order="left")
    lists = lists.join(ladders.legs, on="story", how="left", maintain_order="left")
    shown = _texts(ladders.messages[events["row"]], texts)
    head: dict[str, Any] = {
        "calls": calls["no"].to_list(),
        "events": stories["len"].to_list(),
        "total": stories["total"].to_list(),
        "began": [[at // 1_000_000_000, at % 1_000_000_000] if at is not None else None for at in stories["at"]],
        "unit": unit,
        "lanes": [[safe(lane) for lane in lanes] for lanes in lists["lanes"].to_list()],
        "products": [[safe(name or "") for name in names] for names in lists["product"].to_list()],
        # Call-IDs hardly compress: those in the order of the table are told there already.
        "legs": [
            None if legs is None or legs == call_ids else [safe(leg) for leg in legs]
            for legs, call_ids in zip(lists["legs"].to_list(), calls["call_ids"].to_list(), strict=True)
        ],
        "labels": labels["label"].to_list(),
        "tones": labels["tone"].to_list(),
        "infos": ladders.infos[used["info"][0]].to_list(),
        "files": [safe(file) for file in ladders.files[used["file"][0]]],
        "again": _placed(ladders.again, places),
        "silent": _placed(ladders.silent, places),
        "texts": shown,
        **_marks_and_holds(stories["at"].to_list(), [told.get(call) for call in calls["call"]]),
        "planes": PLANES,
    }
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    planes = b"".join(_planes(numbers[name].to_numpy(), width) for name, width in PLANES)
    return zlib.compress(struct.pack("<I", len(text)) + text + planes, 6)


def _marks_and_holds(begun: list[int | None], told: list[Told | None]) -> dict[str, list[tuple[Any, ...]]]:
    """Marks, holds and streams of stories by their places; times in nanoseconds after the first event."""
    marks: list[tuple[Any, ...]] = []
    holds: list[tuple[Any, ...]] = []
    streams: list[tuple[Any, ...]] = []
    for place, (began, one) in enumerate(zip(begun, told, strict=True)):
        if one is None or began is None:
            continue
        marks += [(place, mark.at and mark.at - began, mark.kind, safe(mark.text)) for mark in one.marks]
        holds += [
            (place, hold.started_at - began, hold.ended_at and hold.ended_at - began, safe(hold.media), hold.held_by)
            for hold in one.holds
        ]
        streams += [
            (place, heard.started_at - began, heard.ended_at - began, safe(heard.text), heard.sent_by)
            for heard in one.streams
        ]
    return {"marks": marks, "holds": holds, "streams": streams}


def _texts(messages: pl.Series, texts: Mapping[int, bytes]) -> list[str | None]:
    """The text of each message, null where there is none; nothing where none has any."""
    known = messages.is_in(pl.Series(list(texts), dtype=messages.dtype).implode())
    if not known.any():
        return []
    shown: list[str | None] = [None] * messages.len()
    for place in known.arg_true():
        shown[place] = _text(texts[messages[place]])
    return shown


def _text(message: bytes) -> str:
    text = safe_lines(message)
    more = len(text) - LONGEST_TEXT
    return text if more <= 0 else f"{text[:LONGEST_TEXT]}\n... {more:,} more characters"


def _frames(events: pl.DataFrame) -> pl.Series:
    """``frame``: steps from one event to the next one in time of its file, whatever its call: nearly all are small. The
    lowest bit is the sign."""
    place = pl.int_range(pl.len(), dtype=pl.Int64)
    timed = events.select("file", "at", frame=pl.col("frame").fill_null(0), place=place)
    timed = timed.sort("file", "at", nulls_last=True, maintain_order=True)
    step = pl.col("frame") - pl.col("frame").shift(fill_value=0)
    steps = timed.select("place", frame=pl.when(step < 0).then(-2 * step - 1).otherwise(2 * step))
    return steps.sort("place")["frame"]


def _placed(rows: pl.DataFrame, places: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Rows for few events by the place of these in the chunk."""
    own = rows.join(places, on="event").sort("place")
    return own.select("place", pl.exclude("place", "event")).rows()


def _used(codes: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Which codes there are, and each as its place among these."""
    known = codes.unique().sort()
    return known, known.search_sorted(codes)


def _planes(values: NDArray[np.int64], width: int) -> bytes:
    import numpy as np

    # What does not fit is a clock gone wild.
    whole = values.clip(0, (1 << 8 * width) - 1).astype("<u4").view(np.uint8).reshape(-1, 4)
    return whole[:, :width].T.tobytes()
