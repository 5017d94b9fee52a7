"""One subscriber key for the many ways in which a subscriber is written (RFC 3261 §19.1, RFC 3966, RFC 5031)."""

from __future__ import annotations

import polars as pl
import pytest

from analyzer.columns import identity


def key(uri: str | None) -> str | None:
    frame = pl.DataFrame({"uri": [uri]}, schema={"uri": pl.String})
    return frame.select(identity.subscriber("uri")).item()


@pytest.mark.parametrize(
    "uri",
    [
        "tel:+49-30-1234567",
        "tel:+49(30)123.4567",
        "TEL:+49301234567;isub=1411",
        "sip:+49301234567@ims.example.com;user=phone",
        "sip:+49301234567;npdi;rn=+4930@ims.example.com;user=phone",
        "sip:+49301234567;verstat=TN-Validation-Passed@ims.example.com;user=phone",
        "sips:49301234567@gw.example.com:5061;transport=tcp",
        "sip:+49-30-1234567@gw.example.com",
        "sip:%2B49301234567@gw.example.com;user=phone",
    ],
)
def test_a_number_is_its_digits_however_it_is_written(uri: str) -> None:
    assert key(uri) == "49301234567"


def test_a_local_number_keeps_the_context_without_which_it_names_nobody() -> None:
    assert key("tel:7042;phone-context=Example.com") == "7042;phone-context=example.com"


def test_a_local_number_in_a_sip_uri_keeps_its_context() -> None:
    assert key("sip:7042;phone-context=example.com@gw;user=phone") == "7042;phone-context=example.com"


def test_a_global_number_ignores_a_context() -> None:
    assert key("tel:+497042;phone-context=example.com") == "497042"


def test_a_service_number_with_keypad_signs() -> None:
    assert key("sip:*21%23@ims.example.com;user=phone") == "*21#"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:alice@example.com", "alice@example.com"),
        ("sip:Alice@EXAMPLE.com", "Alice@example.com"),
        ("sips:alice@example.com:5061;transport=tls", "alice@example.com"),
        ("sip:alice:secret@example.com", "alice@example.com"),
        ("sip:%61lice@example.com", "alice@example.com"),
        ("sip:al%40ice@example.com", "al%40ice@example.com"),
        ("sip:alice@[2001:DB8::1]:5060", "alice@[2001:db8::1]"),
        ("sip:alice;day=tuesday@atlanta.com", "alice;day=tuesday@atlanta.com"),
        ("sip:alice@example.com;gr=urn:uuid:f81d4fae", "alice@example.com"),
        ("sip:alice@example.com?subject=project", "alice@example.com"),
        ("sip:gateway.example.com:5070", "gateway.example.com"),
        ("pres:alice@example.com", "alice@example.com"),
        ("alice@example.com", "alice@example.com"),
        ("sip:12@example.com", "12@example.com"),
        ("sip:a12345@example.com", "a12345@example.com"),
        ("sip:alice@example.com;user=phone", "alice@example.com"),
        ("urn:service:SOS.fire", "urn:service:sos.fire"),
        ("sip:...@example.com", "...@example.com"),
    ],
)
def test_a_name_is_its_user_exactly_at_its_host_in_lower_case(uri: str, expected: str) -> None:
    assert key(uri) == expected


@pytest.mark.parametrize("uri", [None, "", "sip:", "tel:"])
def test_nobody_is_null(uri: str | None) -> None:
    assert key(uri) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anonymous@anonymous.invalid", True),
        ("unavailable@unknown.invalid", True),
        ("Anonymous@sbc.example.com", True),
        ("alice@example.com", False),
        ("49301234567", False),
        (None, False),
    ],
)
def test_anonymous_is_no_subscriber(name: str | None, expected: bool) -> None:
    frame = pl.DataFrame({"key": [name]}, schema={"key": pl.String})
    assert frame.select(identity.is_anonymous("key")).item() is expected


def test_a_long_column_keeps_its_order_and_nulls() -> None:
    uris = pl.Series("from_uri", ["sip:b@x", None, "tel:+4930", "sip:b@x"])
    assert identity.subscribers(uris).to_list() == ["b@x", None, "4930", "b@x"]


def test_a_long_column_reads_numbers_as_one_uri_is_read() -> None:
    uris = ["sip:+4930123@h", "sips:030123@h;user=phone", "sip:030.123@h", "sip:12@h", "SIP:123@h",
            "sip:123;phone-context=x@h", "sip:123:password@h"]  # fmt: skip
    said = ["4930123", "030123", "030123", "12@h", "123", "123;phone-context=x", "123"]
    assert identity.subscribers(pl.Series(uris)).to_list() == said
    assert pl.DataFrame({"uri": uris}).select(identity.subscriber("uri")).to_series().to_list() == said


def test_the_first_identity_that_is_there() -> None:
    frame = pl.DataFrame({"asserted": [None, ""], "sent": ["sip:a@x", "sip:b@x"]})
    assert frame.select(identity.first_named(["asserted", "sent"])).to_series().to_list() == ["sip:a@x", "sip:b@x"]
