"""Bodies: SDP, XML, places, DTMF, SMS, messages in messages, and what nobody knows."""

from __future__ import annotations

import pytest

from analyzer.masking.mask import Mask
from analyzer.schema import MaskClass

MASK = Mask("an example, not a secret")


def message(content_type: str, body: str, encoding: str = "") -> bytes:
    more = f"Content-Encoding: {encoding}\r\n" if encoding else ""
    data = body.encode("utf-8", "surrogateescape")
    head = f"MESSAGE sip:a@h SIP/2.0\r\nContent-Type: {content_type}\r\n{more}Content-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def body(content_type: str, text: str, encoding: str = "") -> str:
    original = message(content_type, text, encoding)
    masked = MASK.message(original)
    assert len(masked) == len(original)
    return masked[-len(text.encode("utf-8", "surrogateescape")) :].decode("utf-8", "surrogateescape")


SDP = """v=0\r
o=alice 2890844526 2890844527 IN IP4 203.0.113.7\r
s=Alice's session\r
i=A seminar of Smith\r
e=alice@atlanta.com\r
c=IN IP4 203.0.113.7\r
t=0 0\r
m=audio 49170 RTP/AVP 0 8 97 101\r
b=AS:64\r
a=rtpmap:97 iLBC/8000\r
a=fmtp:101 0-15\r
a=candidate:1 1 UDP 2130706431 203.0.113.7 49170 typ srflx raddr 10.1.2.3 rport 8998\r
a=rtcp:49171 IN IP4 203.0.113.7\r
a=ice-pwd:asd88fgpdd777uzjYhagZg\r
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4\r
a=curr:qos local none\r
a=sendrecv\r
a=unheard:alice 203.0.113.7\r
"""


@pytest.mark.parametrize(
    "secret", ["203.0.113.7", "10.1.2.3", "alice", "Alice", "Smith", "atlanta", "asd88fgpdd777", "WVNfX19"]
)
def test_sdp_says_nothing_of_who_and_where(secret: str) -> None:
    assert secret not in body("application/sdp", SDP)


@pytest.mark.parametrize(
    "line",
    [
        "v=0",
        "t=0 0",
        "m=audio 49170 RTP/AVP 0 8 97 101",
        "b=AS:64",
        "a=rtpmap:97 iLBC/8000",
        "a=fmtp:101 0-15",
        "a=curr:qos local none",
        "a=sendrecv",
    ],
)
def test_sdp_says_all_about_the_media(line: str) -> None:
    assert line in body("application/sdp", SDP).splitlines()


def test_the_versions_of_an_sdp_stay_comparable() -> None:
    """RFC 3264 §8: a changed description has the next version."""
    assert " 2890844526 2890844527 IN IP4 " in body("application/sdp", SDP)


def test_hold_by_a_null_address_stays_visible() -> None:
    """RFC 3264 §8.4."""
    assert body("application/sdp", "v=0\r\nc=IN IP4 0.0.0.0\r\n") == "v=0\r\nc=IN IP4 0.0.0.0\r\n"


PIDF_LO = """<?xml version="1.0"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gml="http://www.opengis.net/gml"
 xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" entity="pres:geotarget@atlanta.com">
<tuple id="t1"><status><basic>open</basic></status><gp:geopriv><gp:location-info>
<gml:Point srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>42.5463 -73.2512</gml:pos></gml:Point>
<A1>Massachusetts</A1><HNO>7</HNO></gp:location-info></gp:geopriv>
<timestamp>2007-06-22T20:57:29Z</timestamp></tuple></presence>"""


@pytest.mark.parametrize("secret", ["42.", "5463", "-73", "2512", "Massachusetts", ">7<", "geotarget", "atlanta"])
def test_a_place_is_masked_to_the_last_digit(secret: str) -> None:
    """RFC 4119, RFC 5491."""
    assert secret not in body("application/pidf+xml", PIDF_LO)


@pytest.mark.parametrize(
    "kept", ["<gml:pos>", "<basic>open</basic>", "pres:", "2007-06-22T20:57:29Z", "pidf:geopriv10"]
)
def test_the_structure_of_a_document_stays(kept: str) -> None:
    assert kept in body("application/pidf+xml", PIDF_LO)


def test_registration_information_names_the_same_pseudonyms() -> None:
    """RFC 3680."""
    text = '<registration aor="sip:+491701234567@h" state="active"><uri>sip:203.0.113.7:5060</uri></registration>'
    masked = body("application/reginfo+xml", text)
    assert MASK.value(MaskClass.URI, "sip:+491701234567@h") in masked
    assert f"<uri>{MASK.value(MaskClass.URI, 'sip:203.0.113.7:5060')}</uri>" in masked
    assert 'state="active"' in masked


@pytest.mark.parametrize(
    ("content_type", "text", "masked"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "Signal=0\r\nDuration=160\r\n"),
        ("application/dtmf-relay", "Signal= #\r\nDuration= 90", "Signal= 0\r\nDuration= 90"),
        ("application/dtmf", "7", "0"),
        ("application/kpml-response+xml", '<kpml-response code="200" digits="4711"/>', None),
    ],
)
def test_a_pressed_key_is_always_zero(content_type: str, text: str, masked: str | None) -> None:
    """Ten pseudonyms for ten keys would not hide a PIN."""
    found = body(content_type, text)
    assert found == masked if masked else 'digits="0000"' in found


def test_of_a_short_message_only_its_kind_stays() -> None:
    """TS 24.011 §7.3: RP-DATA with its reference, then numbers and text."""
    rp_data = "\x00\x2a\x00\x07\x91\x94\x71\x01\x67\x05\x00Hello Bob"
    assert body("application/vnd.3gpp.sms", rp_data.encode("latin-1").decode("utf-8", "surrogateescape")) == (
        "\x00\x2a" + "x" * (len(rp_data) - 2)
    )


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/isup", "application/x-unheard-of", "application/json"]
)
def test_of_an_unknown_body_only_the_length_stays(content_type: str) -> None:
    assert body(content_type, "Watson, come here.") == "x" * 18


def test_a_packed_body_is_unknown() -> None:
    assert body("application/sdp", "v=0 packed", encoding="gzip") == "x" * 10


def test_a_body_of_several_parts_is_masked_part_by_part() -> None:
    text = (
        "for Alice alone\r\n--b7Alice\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 203.0.113.7\r\n"
        "--b7Alice\r\nContent-Type: text/plain\r\nContent-ID: <alice@atlanta.com>\r\n\r\nhello\r\n--b7Alice--\r\n"
        "bye Alice"
    )
    masked = body('multipart/mixed;boundary="b7Alice"', text)
    assert "\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 " in masked
    assert not [secret for secret in ("Alice", "alice", "203.0.113.7", "hello", "atlanta") if secret in masked]


def test_a_masked_boundary_still_divides() -> None:
    """RFC 2046 §5.1.1."""
    import analyzer

    text = "--b7Alice\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b7Alice--\r\n"
    parsed = analyzer.parse(MASK.message(message("multipart/mixed;boundary=b7Alice", text)))
    assert [part["headers"] for part in parsed.parts] == [[("Content-Type", "application/sdp")]]


def test_a_message_in_a_message_is_masked_like_one() -> None:
    """RFC 3420."""
    text = "SIP/2.0 404 Not Found\r\nTo: <sip:alice@atlanta.com>\r\n"
    masked = body("message/sipfrag", text)
    assert masked.startswith("SIP/2.0 404 Not Found\r\nTo: <sip:")
    assert "alice" not in masked


def test_messages_in_messages_without_end_are_borne() -> None:
    text = "x"
    for _ in range(200):
        text = f"OPTIONS sip:alice@h SIP/2.0\r\nContent-Type: message/sip\r\nContent-Length: {len(text)}\r\n\r\n{text}"
    assert "alice" not in body("message/sip", text)


def test_common_presence_text_hides_what_was_said() -> None:
    """RFC 3862."""
    text = "From: Alice <im:alice@atlanta.com>\r\n\r\nContent-Type: text/plain\r\n\r\nhello Bob"
    masked = body("message/cpim", text)
    assert masked.endswith("\r\n\r\nContent-Type: text/plain\r\n\r\n" + "x" * 9)
    assert not [secret for secret in ("Alice", "alice", "atlanta") if secret in masked]
