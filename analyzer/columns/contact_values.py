"""The values of Contact (RFC 3261 §20.10): their parts, and which of them name one place (§19.1.4) or one flow.

A header's rows joined by commas are one text. Expressions over whole columns; no state.
"""

from __future__ import annotations

import polars as pl

from analyzer.columns import identity, uri

# A value ends at a comma that is in no quoted string and in no angle brackets (RFC 3261 §7.3.1).
_VALUE = r'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+'
_DISPLAY_NAME = r'^\s*(?:"(?:[^"\\]|\\.)*"\s*|[^"<;]*)'
# Of these a URI without one differs from one with it; all others count only where both have them (RFC 3261 §19.1.4).
_DECISIVE = r"^(?:user|ttl|method|maddr|transport|sos)(?:=|$)"


def values(text: pl.Expr) -> pl.Expr:
    """Each value of a Contact header: list of text, in order.

    >>> pl.select(values(pl.lit('"a, b" <sip:a@h>;expires=5,sip:c@h'))).item().to_list()
    ['"a, b" <sip:a@h>;expires=5', 'sip:c@h']
    """
    return text.str.extract_all(_VALUE)


def uri_of(value: pl.Expr) -> pl.Expr:
    """The addr-spec of one value; one without angle brackets ends at its first parameter (RFC 3261 §20.10).

    >>> pl.select(uri_of(pl.lit('"Al" <sip:a@h;ob>;q=1'))).item()
    'sip:a@h;ob'
    """
    named = value.str.extract(_DISPLAY_NAME + r"<\s*([^>]*?)\s*>")
    return pl.coalesce(named, value.str.extract(r"^\s*([^;<>\s]+)"))


def _parameters(value: pl.Expr) -> pl.Expr:
    """What follows the URI of a value, its first semicolon too."""
    named = value.str.extract(_DISPLAY_NAME + r"<[^>]*>(.*)$")
    return pl.coalesce(named, value.str.extract(r"^[^;<>]*(;.*)$"))


def expires(value: pl.Expr) -> pl.Expr:
    """The parameter ``expires`` of one value, seconds (RFC 3261 §10.2.1.1)."""
    found = _parameters(value).str.replace_all(_QUOTED, "").str.extract(r'(?i);\s*expires\s*=\s*"?([0-9]{1,10})')
    return found.cast(pl.Int64, strict=False)


_QUOTED = r'"[^"]*[^"0-9][^"]*"'


def instance(value: pl.Expr) -> pl.Expr:
    """The parameter ``+sip.instance`` without its brackets, in lower case (RFC 5626 §4.1: a URN).

    >>> pl.select(instance(pl.lit('<sip:a@h>;+sip.instance="<urn:uuid:AB-1>";reg-id=1'))).item()
    'urn:uuid:ab-1'
    """
    return value.str.extract(r'(?i)\+sip\.instance\s*=\s*"<([^>"]*)>"').str.to_lowercase()


def reg_id(value: pl.Expr) -> pl.Expr:
    """The parameter ``reg-id``: the flow of an instance (RFC 5626 §4.2)."""
    return value.str.extract(r"(?i);\s*reg-id\s*=\s*\"?([0-9]+)")


def key(text: pl.Expr) -> pl.Expr:
    """A URI in one spelling: equal URIs that have the same parameters have equal keys.

    Upper and lower case, the spelling of an IPv6 address, the order of parameters and escapes of what needs none count
    for nothing; those of the user part do (RFC 3261 §19.1.4).

    >>> pl.select(key(pl.lit("SIP:%61@Example.COM;Transport=TCP;ob"))).item()
    'sip:a@example.com;ob;transport=tcp'
    """
    return pl.coalesce(pl.concat_str(_place(text), _joined(_uri_parameters(text)), _headers(text)), text)


def equal(one: pl.Expr, other: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Whether two URIs are equal (RFC 3261 §19.1.4), and whether they are apart from parameters and port 5060."""
    ones, others = _uri_parameters(one), _uri_parameters(other)
    decisive = [parameters.list.filter(pl.element().str.contains(_DECISIVE)) for parameters in (ones, others)]
    names = [parameters.list.eval(pl.element().str.extract("^([^=]*)")) for parameters in (ones, others)]
    in_both = names[0].list.set_intersection(names[1]).list.len()
    alike = ones.list.set_intersection(others).list.len()
    same = (
        (_place(one) == _place(other))
        & (_joined(decisive[0]) == _joined(decisive[1]))
        & (in_both == alike)
        & (_headers(one) == _headers(other))
    )
    place = (uri.host_port(one) == uri.host_port(other)) & (
        identity.unescaped(uri.user(one)).eq_missing(identity.unescaped(uri.user(other)))
    )
    return same.fill_null(value=False), place.fill_null(value=False)


def _place(text: pl.Expr) -> pl.Expr:
    """Scheme, user, host and port; null for a URI of another scheme."""
    scheme = text.str.extract(r"(?i)^(sips?):").str.to_lowercase()
    userinfo = identity.unescaped(text.str.extract(r"^[^:]*:([^@]*@)")).fill_null("")
    port = text.str.extract(r"^[^:]*:(?:[^@]*@)?(?:\[[^\]]*\]|[^:;?>]+)(:[0-9]+)").fill_null("")
    return pl.concat_str(scheme, pl.lit(":"), userinfo, uri.host(text), port)


def _uri_parameters(text: pl.Expr) -> pl.Expr:
    """The parameters of a URI, not of its user part, in lower case and sorted."""
    after = text.str.extract(r"^[^:]*:(?:[^@]*@)?[^;?]*;([^?>]*)").str.to_lowercase().fill_null("")
    parameters = identity.unescaped(after).str.split(";")
    return parameters.list.filter(pl.element() != "").list.unique().list.sort()


def _joined(parameters: pl.Expr) -> pl.Expr:
    return parameters.list.eval(pl.lit(";") + pl.element()).list.join("")


def _headers(text: pl.Expr) -> pl.Expr:
    return text.str.extract(r"^[^:]*:(?:[^@]*@)?[^?]*(\?[^>]*)").fill_null("")
