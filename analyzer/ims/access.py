"""Access networks: what P-Access-Network-Info and Cellular-Network-Info say (RFC 7315 §5.4, TS 24.229 §7.2A.4).

A cell is MCC, MNC, area and cell identity in one row of digits (TS 23.003 §19.6, §4.3): its length tells whether the
MNC has two digits or three. What does not have the form that its access type wants is not taken apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from analyzer import schema
from analyzer.columns import identity
from analyzer.columns.typed import typed
from analyzer.ims import networks

#: The header fields that tell them.
CELLULAR = "Cellular-Network-Info"
FIELDS = ("P-Access-Network-Info", CELLULAR)

# One access-net-spec of the list; a comma within quotes does not end it.
_SPEC = r'(?:"(?:[^"\\]|\\.)*"|[^,"])+'

# Access types and classes by how they begin, and the radio (or line) technology they stand for.
_TECHNOLOGIES = {
    "3gpp-nr": "NR",
    "3gpp-e-utran": "E-UTRAN",
    "3gpp-utran": "UTRAN",
    "3gpp-hspa": "UTRAN",
    "3gpp-geran": "GERAN",
    "3gpp-gan": "GAN",
    "3gpp-wlan": "WLAN",
    "wlan-no-ps": "WLAN",
    "ieee-802.11": "WLAN",
    "untrusted-non-3gpp": "non-3GPP",
    "3gpp2": "CDMA2000",
    "ieee-802.3": "Ethernet",
    "docsis": "cable",
    "gpon": "fibre",
    "xgpon": "fibre",
    "gstn": "GSTN",
    "dvb-rcs2": "satellite",
}
_DSL = r"^(?:x|a|ra|s|h|g\.sh|v|i)dsl(?:2\+?)?$"


@dataclass(frozen=True, slots=True)
class _Cell:
    """How a cell is written: the parameter, and the hexadecimal digits of its area and of its cell identity."""

    parameter: str
    area: int
    cell: int

    @property
    def pattern(self) -> str:
        area, cell = (f"[0-9A-Fa-f]{{{digits}}}" for digits in (self.area, self.cell))
        return rf"^(?<mcc>\d{{3}})(?<mnc>\d{{2,3}})(?<area>{area})(?<cell>{cell})$"


# The first that fits is taken.
_CELLS = {
    "NR": [_Cell("utran-cell-id-3gpp", 6, 9)],
    "E-UTRAN": [_Cell("utran-cell-id-3gpp", 4, 7)],
    # The examples of TS 24.228 §6.2 and of handsets made after them have a cell identity of 16 bits.
    "UTRAN": [_Cell("utran-cell-id-3gpp", 4, 7), _Cell("utran-cell-id-3gpp", 4, 4), _Cell("utran-sai-3gpp", 4, 4)],
    "GERAN": [_Cell("cgi-3gpp", 4, 4)],
}
_PARTS = ("mcc", "mnc", "area", "cell")


def decoded(values: pl.DataFrame) -> pl.DataFrame:
    """What each access-net-spec in the column ``value`` says, as the columns of ``access_networks`` from
    ``access_type`` on; other columns stay.

    >>> import polars as pl
    >>> spec = "3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=2620110010123456"
    >>> decoded(pl.DataFrame({"value": [spec]})).select("rat", "mcc", "mnc", "tac", "enodeb", "enodeb_cell").row(0)
    ('E-UTRAN', '262', '01', '1001', '291', '69')
    """
    value = pl.col("value")
    rows = values.with_columns(access_type=value.str.extract(r"^\s*([^;\s]+)")).with_columns(rat=_technology())
    cell = pl.struct(pl.lit(None, pl.String).alias(part) for part in _PARTS)
    for rat, forms in _CELLS.items():
        for form in reversed(forms):
            found = networks.parameter(value, form.parameter).str.extract_groups(form.pattern)
            fits = (pl.col("rat") == rat) & found.struct.field("mcc").is_not_null()
            cell = pl.when(fits).then(found).otherwise(cell)
    rows = rows.with_columns(cell.struct.field(part) for part in _PARTS)
    tracked = pl.col("rat").is_in(["NR", "E-UTRAN"])
    # A macro eNodeB: 20 bits, then 8 of the cell (TS 36.413 §9.2.1.37). How many a gNodeB has, its operator chose.
    identity_28 = pl.when(pl.col("rat") == "E-UTRAN").then(pl.col("cell").str.to_integer(base=16, strict=False))
    access_point = networks.parameter(value, "i-wlan-node-id").str.replace_all(r"[:\-.]", "").str.to_lowercase()
    return rows.with_columns(
        tac=pl.when(tracked).then("area"),
        lac=pl.when(~tracked).then("area"),
        cell_id="cell",
        enodeb=(identity_28 // 256).cast(pl.String),
        enodeb_cell=(identity_28 % 256).cast(pl.String),
        bssid=pl.when(access_point.str.contains(r"^[0-9a-f]{12}$")).then(access_point),
        time_zone=networks.parameter(value, "local-time-zone"),
        age_s=networks.parameter(value, "cell-info-age").str.to_integer(strict=False),
        network_provided=value.str.contains(r"(?i);\s*network-provided\s*(?:;|$)").fill_null(value=False),
    ).drop("area", "cell")


def _technology() -> pl.Expr:
    access_type = pl.col("access_type").str.to_lowercase()
    begins = [
        pl.when(access_type.str.starts_with(start)).then(pl.lit(technology))
        for start, technology in _TECHNOLOGIES.items()
    ]
    return pl.coalesce(*begins, pl.when(access_type.str.contains(_DSL)).then(pl.lit("DSL")))


def access_networks(seen: pl.DataFrame, homes: pl.DataFrame, fields: pl.DataFrame, calls: pl.DataFrame) -> pl.DataFrame:
    """The table ``access_networks``.

    ``seen`` as `sent` gives it, ``homes`` as `home_networks` does, ``fields`` are header fields as the core gives them.
    """
    said = fields.filter(pl.col("name").is_in(FIELDS)).select("message", header="name", value="value")
    said = said.with_columns(pl.col("value").str.extract_all(_SPEC)).explode("value", empty_as_null=True)
    said = said.with_columns(pl.col("value").str.strip_chars()).filter(pl.col("value").str.len_bytes() > 0)
    rows = seen.join(said, on="message", maintain_order="left")
    # Outside calls and registrations a Call-ID is what belongs together.
    whose = pl.coalesce("call", "registration", "_call")
    one = [whose.alias("_whose"), *map(pl.col, ("call", "registration", "party", "header", "value"))]
    table = rows.group_by(one, maintain_order=True).agg(
        pl.col("message").first(),
        pl.col("subscriber").drop_nulls().first(),
        first_at=pl.col("time").min(),
        last_at=pl.col("time").max(),
        messages=pl.len(),
    )
    table = table.join(homes, on=["call", "registration", "party"], how="left", nulls_equal=True, maintain_order="left")
    subscribers = calls.select("call", "caller", "callee")
    table = table.join(subscribers, on="call", how="left", maintain_order="left").with_columns(
        subscriber=pl.when(pl.col("party") == "caller")
        .then("caller")
        .when(pl.col("party") == "callee")
        .then("callee")
        .otherwise("subscriber")
    )
    values = decoded(table.select("value").unique(maintain_order=True))
    table = table.join(values, on="value", how="left", maintain_order="left")
    table = table.with_columns(roaming=elsewhere(pl.col("mcc"), pl.col("mnc"), pl.col("home_network")))
    return typed(table, schema.ACCESS_NETWORKS)


def elsewhere(mcc: pl.Expr, mnc: pl.Expr, home: pl.Expr) -> pl.Expr:
    """What a cell says of being away from the home network, in words; null where it says nothing."""
    here, there = mcc + mnc.str.zfill(3), networks.codes(home)
    return (
        pl.when(mcc != there.str.head(3))
        .then(pl.lit("cell of another country"))
        .when(here != there)
        .then(pl.lit("cell of another network"))
    )


def sent(messages: pl.DataFrame, legs: pl.DataFrame, registers: pl.DataFrame, of_messages: pl.Series) -> pl.DataFrame:
    """Every message with who sent it: ``message time status _leg _call call registration party subscriber``.

    ``legs`` has the core's hashes ``_leg`` and ``_call`` of those whose INVITE was seen; ``registers`` as
    ``sip.registrations.with_requests`` gives them; ``of_messages`` is the call of each message. ``party`` is of a call
    ``caller`` or ``callee``, null where its beginning was not seen; of a registration ``user``; else ``client`` or
    ``server``. Nodes in between act for the party whose message they send on.
    """
    attempts = registers.select("registration", "_leg", "cseq").unique(["_leg", "cseq"], keep="first")
    seen = messages.select(
        *("message", "time", "status", "method", "_leg", "_call", "cseq", "from_uri", "to_uri", "duplicate"),
        of_messages.alias("call"),
    )
    seen = seen.filter(~pl.col("duplicate")).drop("duplicate")
    seen = seen.join(attempts, on=["_leg", "cseq"], how="left", maintain_order="left")
    registration = pl.when(pl.col("method") == "REGISTER").then("registration")
    # The From tag of the opening INVITE is the caller's; the other side's requests have its own.
    opened = pl.col("_leg").is_in(legs["_leg"].implode())
    known = pl.col("_call").is_in(legs["_call"].implode())
    asks = pl.col("status").is_null()
    party = (
        pl.when(registration.is_not_null())
        .then(pl.lit("user"))
        .when(pl.col("call").is_null())
        .then(pl.when(asks).then(pl.lit("client")).otherwise(pl.lit("server")))
        .when(known)
        .then(pl.when(opened == asks).then(pl.lit("caller")).otherwise(pl.lit("callee")))
    )
    uri = pl.when(party == "client").then("from_uri").when(party.is_in(["user", "server"])).then("to_uri")
    seen = seen.with_columns(registration=registration, party=party, uri=uri)
    return seen.with_columns(subscriber=identity.subscribers(seen["uri"]))


def home_networks(seen: pl.DataFrame, fields: pl.DataFrame) -> pl.DataFrame:
    """The home network of each party of a call or registration: ``call registration party home_network``.

    The domain of the identity that the network asserts of the party, else that of the caller's From or of the address
    of record. What the caller dials says nothing of the callee's.
    """
    asserted = fields.filter(pl.col("name") == "P-Asserted-Identity").select("message", "value")
    # An identity is said over and over: each is read once.
    values = (
        asserted.select("value").unique().with_columns(asserted=uris("value").list.eval(networks.of_uri(pl.element())))
    )
    values = values.select("value", pl.col("asserted").list.drop_nulls().list.first()).drop_nulls("asserted")
    asserted = asserted.join(values, on="value", maintain_order="left").select("message", "asserted")
    asserted = asserted.unique("message", keep="first", maintain_order=True)
    rows = seen.filter(pl.col("party").is_in(["caller", "callee", "user"])).join(
        asserted, on="message", how="left", maintain_order="left"
    )
    own = (
        pl.when(pl.col("party") == "user")
        .then("to_uri")
        .when((pl.col("party") == "caller") & pl.col("status").is_null())
        .then("from_uri")
    )
    rows = rows.with_columns(own=own)
    own_values = rows.select("own").unique().drop_nulls().with_columns(own_network=networks.of_uri(pl.col("own")))
    rows = rows.join(own_values, on="own", how="left", maintain_order="left")
    found = rows.group_by("call", "registration", "party", maintain_order=True).agg(
        home_network=pl.coalesce(pl.col("asserted").drop_nulls().first(), pl.col("own_network").drop_nulls().first())
    )
    return found.drop_nulls("home_network")


def uris(values: str) -> pl.Expr:
    """The URIs of a list of name-addr or addr-spec (RFC 3325 §9.1), as a list."""
    bare = pl.col(values).str.replace_all(r'"(?:[^"\\]|\\.)*"', "")
    bracketed = bare.str.extract_all(r"<[^>]*>").list.eval(pl.element().str.strip_chars("<> "))
    plain = bare.str.split(",").list.eval(pl.element().str.strip_chars().str.extract(r"^([^;\s]+)"))
    found = pl.when(bare.str.contains("<", literal=True)).then(bracketed).otherwise(plain)
    return found.list.eval(pl.element().filter(pl.element().str.len_bytes() > 0))
