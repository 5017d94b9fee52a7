"""What UEs and the network say that they can do: methods, option tags, feature tags (RFC 3840), identifiers of services
and applications (ICSI, IARI: TS 24.229 §7.2A.8, §7.2A.9), feature capability indicators of the network (RFC 6809).

Each is read where its author wrote it: in the copy of a request with the fewest Vias, and of a response with the most,
save of a REGISTER's, which is the network's. Feature-Caps is the work of those between, so it is read on every hop.
"""

from __future__ import annotations

import polars as pl

from analyzer import schema
from analyzer.columns import identity
from analyzer.columns.typed import typed
from analyzer.ims.capability_names import BASE_TAGS, MEANING

_KIND = {
    "Allow": "method",
    "Supported": "option",
    "Require": "required",
    "Allow-Events": "event_package",
    "Recv-Info": "info_package",
    "Contact": "feature_tag",
    "Feature-Caps": "feature_cap",
}
_TAGS = ("Contact", "Feature-Caps")
_REFERENCES = {"+g.3gpp.icsi-ref": "icsi", "+g.3gpp.iari-ref": "iari"}

# What URNs are escaped by in these lists (RFC 3986 §2.1; TS 24.229 §7.9.2: colon and comma at least).
_ESCAPES = {f"%{ord(char):02x}": char for char in ":,;=/+-._*#%"}

# A parameter of Contact or of Feature-Caps (RFC 3840 §9, RFC 6809 §5.2).
_PARAMETER = r"""[;,]\s*\*?;?\s*([+\w.!%'*-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,]+))?"""
# What stands before the parameters: the URI, in brackets with a name before them, or bare; or the * of Feature-Caps.
_BEFORE = r"""^\s*(?:(?:"(?:[^"\\]|\\.)*"|[^"<;]*?)\s*<[^>]*>|[^;<"]*)"""


def capabilities(
    messages: pl.DataFrame, registrations: pl.DataFrame, requests: pl.DataFrame, fields: pl.DataFrame
) -> pl.DataFrame:
    """The table ``capabilities``, by the time when each was said first.

    ``requests`` as ``registrations.with_requests`` gives them; ``fields`` are header fields as the core
    gives them.
    """
    said = _said(messages, registrations, requests)
    values = _values(fields)
    network = (pl.col("header") == "Feature-Caps") | pl.col("registrar")
    of = ["registration", "contact", "said_by", "said_in"]
    rows = (
        fields.join(said, on="message")
        .filter((pl.col("name") == "Feature-Caps") | pl.col("own"))
        # A registrar repeats the contacts of every device.
        .filter((pl.col("name") != "Contact") | ~pl.col("registrar"))
        .sort("row", maintain_order=True)
        .select(
            "row",
            "message",
            "registration",
            "contact",
            "subscriber",
            "said_in",
            "registrar",
            "first_at",
            "name",
            "value",
        )
        .rename({"name": "header", "value": "field"})
        .with_columns(said_by=pl.when(network).then(pl.lit("network")).otherwise(pl.lit("agent")))
        # What is said in the same words again says nothing new.
        .unique([*of, "header", "field"], keep="first", maintain_order=True)
        .join(values, on=["header", "field"], maintain_order="left")
    )
    rows = rows.unique([*of, "kind", "name", "value"], keep="first", maintain_order=True)
    return typed(rows, schema.CAPABILITIES)


# ---- who said it -----------------------------------------------------------------------------------------------------


def _said(messages: pl.DataFrame, registrations: pl.DataFrame, requests: pl.DataFrame) -> pl.DataFrame:
    """The messages that say what somebody can do: REGISTER, OPTIONS, what opens a call, and what they are answered."""
    method, status, request = pl.col("method"), pl.col("status"), pl.col("status").is_null()
    opens = (method == "INVITE") & (pl.col("to_tag").is_null() | status.is_between(101, 299))
    others = method.is_in(["REGISTER", "OPTIONS"]) & (request | status.is_between(200, 299))
    seen = messages.with_row_index("row").filter((opens | others) & ~pl.col("duplicate") & ~pl.col("retransmission"))
    register = method == "REGISTER"
    one = ["_leg", "cseq", "method", "status"]
    # A response is its author's where it has the most Vias; that to a REGISTER as it reaches the UE.
    rank = (
        pl.when(request | register)
        .then(pl.col("via_count").cast(pl.Int64))
        .otherwise(-pl.col("via_count").cast(pl.Int64))
    )
    seen = seen.select(
        "row", "message", *one, "to_tag",
        rank=rank,
        first_at=pl.coalesce("first_byte_at", "time"),
        contact="contact_uri",
        party=pl.when(register)
        .then("to_uri")
        .otherwise(pl.coalesce("asserted_identity", pl.when(request).then("from_uri").otherwise("to_uri"))),
        registrar=register & ~request,
        said_in=pl.when(request)
        .then(method)
        .when(status < 200)
        .then(pl.format("1xx to {}", method))
        .otherwise(pl.format("{} to {}", status, method)),
    )  # fmt: skip
    nearest = seen.filter(pl.col("rank").eq_missing(pl.col("rank").min().over([*one, "to_tag"])))
    nearest = nearest.unique([*one, "to_tag"], keep="first", maintain_order=True)
    seen = seen.with_columns(own=pl.col("message").is_in(nearest["message"].implode()))
    seen = seen.with_columns(subscriber=identity.subscribers(seen["party"]))
    return _registered(seen, registrations, requests)


def _registered(seen: pl.DataFrame, registrations: pl.DataFrame, requests: pl.DataFrame) -> pl.DataFrame:
    """With the ``registration``: of a REGISTER its attempt, of anything else the last of its contact before."""
    by_request = requests.select("_leg", "cseq", of_request="registration").unique(["_leg", "cseq"], keep="first")
    asked = registrations.select(of_request="registration", asked_by="contact")
    register = pl.col("method") == "REGISTER"
    seen = seen.join(by_request, on=["_leg", "cseq"], how="left", maintain_order="left")
    seen = seen.join(asked, on="of_request", how="left", maintain_order="left")
    bound = registrations.filter((pl.col("outcome") == "registered") & (pl.col("kind") != "third_party"))
    bound = bound.select(place=_place("contact"), first_at=pl.col("started_at"), bound="registration")
    seen = seen.with_columns(place=_place("contact")).sort("first_at", maintain_order=True)
    seen = seen.join_asof(bound.sort("first_at", "bound"), on="first_at", by="place", check_sortedness=False)
    return seen.with_columns(
        registration=pl.when(register).then("of_request").otherwise("bound"),
        contact=pl.when(register).then(pl.coalesce("asked_by", "contact")).otherwise("contact"),
    ).filter(~register | pl.col("registration").is_not_null())


def _place(contact: str) -> pl.Expr:
    """User, host and port: parameters differ from REGISTER to INVITE."""
    return pl.col(contact).str.extract(r"^([^;?]*)").str.to_lowercase()


# ---- what it says ----------------------------------------------------------------------------------------------------


def _values(fields: pl.DataFrame) -> pl.DataFrame:
    """Each distinct field taken apart: ``header field kind name value meaning``."""
    distinct = (
        fields.filter(pl.col("name").is_in(list(_KIND))).select(header="name", field="value").drop_nulls().unique()
    )
    is_tag = pl.col("header").is_in(_TAGS)
    tokens = distinct.filter(~is_tag).with_columns(name=pl.col("field").str.split(",")).explode("name")
    tokens = tokens.select(
        "header", "field", name=pl.col("name").str.extract(r"^\s*([^\s;]+)"), value=pl.lit(None, pl.String)
    )
    tags = distinct.filter(is_tag).with_columns(
        item=pl.col("field").str.replace(_BEFORE, "").str.extract_all(_PARAMETER)
    ).explode("item", empty_as_null=True)  # fmt: skip
    tags = tags.select(
        "header",
        "field",
        name=pl.col("item").str.extract(_PARAMETER).str.to_lowercase(),
        value=pl.col("item").str.extract(_PARAMETER, 2).str.strip_chars('"'),
    )
    tags = tags.filter(pl.col("name").str.starts_with("+") | pl.col("name").is_in(BASE_TAGS))
    found = pl.concat([tokens, tags]).filter(pl.col("name").is_not_null())
    kind = pl.col("header").replace_strict(_KIND, return_dtype=pl.String)
    found = found.with_columns(kind=kind)
    plain, references = _split_references(found)
    instance = pl.col("name") == "+sip.instance"
    plain = plain.with_columns(
        kind=pl.when(instance).then(pl.lit("instance")).otherwise("kind"),
        value=pl.when(instance).then(pl.col("value").str.strip_chars("<> ")).otherwise("value"),
    )
    found = pl.concat([plain, references]).with_columns(
        value=pl.when(pl.col("value").str.len_bytes() > 0).then("value"),
        meaning=pl.col("name").str.to_lowercase().replace_strict(MEANING, default=None, return_dtype=pl.String),
    )
    return found.unique(maintain_order=True)


def _split_references(found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is no list of service or application identifiers; and each identifier of those lists."""
    kind = pl.col("name").replace_strict(_REFERENCES, default=None, return_dtype=pl.String)
    lists = found.filter(kind.is_not_null() & pl.col("value").is_not_null()).with_columns(kind=kind)
    identifiers = lists.with_columns(name=pl.col("value").str.split(",")).explode("name")
    name = pl.col("name").str.strip_chars()
    decoded = name.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()), ascii_case_insensitive=True)
    identifiers = identifiers.with_columns(name=decoded, value=pl.lit(None, pl.String))
    # A list may have been escaped as a whole, its commas with it.
    identifiers = identifiers.with_columns(pl.col("name").str.split(",")).explode("name")
    identifiers = identifiers.filter(pl.col("name").str.len_bytes() > 0)
    return found.filter(kind.is_null() | pl.col("value").is_null()), identifiers
