"""What of a value is masked, by its grammar; each case from a standard or from a capture."""

from __future__ import annotations

import re

import polars as pl
import pytest

from analyzer.columns.identity import subscribers
from analyzer.masking.mask import Mask
from analyzer.schema import MaskClass

MASK = Mask("an example, not a secret")


def header(name: str, value: str) -> str:
    """A value masked as one of a mask class, or of the header field with this name."""
    known = MaskClass.__members__.get(name.upper())
    masked = MASK.value(known, value) if known else MASK._values.header(name, value)
    assert len(masked.encode()) == len(value.encode())
    return masked


NUMBER = MASK.value(MaskClass.URI, "tel:491701234567").removeprefix("tel:")


@pytest.mark.parametrize(
    "uri",
    [
        "tel:+491701234567",
        "tel:+49-170-1234567",
        "sip:+491701234567@example.com;user=phone",
        "sip:%2B491701234567@example.com;user=phone",
        "sip:491701234567@10.0.0.1",
        "sip:+49(170)1234567;phone-context=example.com@example.com;user=phone",
    ],
)
def test_a_number_has_one_pseudonym_however_it_is_written(uri: str) -> None:
    """RFC 3966 §3: separators do not count; RFC 3261 §19.1.6."""
    digits = re.sub(r"[^0-9]", "", re.split("[;@]", MASK.value(MaskClass.URI, uri).replace("%2B", "+"))[0])
    assert digits == NUMBER


@pytest.mark.parametrize(
    "uri",
    [
        "tel:+1-201-555-0123",
        "tel:7042;phone-context=example.com",
        "sip:Alice:secret@Atlanta.COM:5060;transport=tcp",
        "sip:+49301234@ims.example;user=phone",
        "sip:0170-123@gw.atlanta.com",
        "sip:alice.smith@[2001:db8::9:1]",
        "sip:%61lice@atlanta.com",
        "sip:anonymous@anonymous.invalid",
        "sip:pbx.atlanta.com",
        "sip:203.0.113.9:5060",
        "urn:service:sos.police",
        "sip:*43#@atlanta.com",
        "sip:001010123456789@ims.mnc001.mcc001.3gppnetwork.org",
    ],
)
def test_the_subscriber_of_a_masked_uri_is_the_masked_subscriber(uri: str) -> None:
    """So ``calls.caller`` and the messages of the call name the same pseudonym."""
    one, other = subscribers(pl.Series([MASK.value(MaskClass.URI, uri), uri]))
    assert one == MASK.value(MaskClass.SUBSCRIBER, other)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CSeq", "4711 INVITE"),
        ("Max-Forwards", "70"),
        ("Session-ID", "ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2"),
        ("Date", "Sun, 01 May 2016 19:58:21 GMT"),
        ("Contact", "*"),
        ("Privacy", "id; critical"),
        ("User-Agent", "Yealink SIP-T46S 66.86.0.15"),
        (
            "Security-Verify",
            "ipsec-3gpp;prot=esp;mod=trans;spi-c=102;spi-s=103;port-c=5101;port-s=6101;alg=hmac-sha-1-96",
        ),
        ("P-Asserted-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"),
        ("Accept-Contact", '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"'),
        ("Reason", 'Q.850;cause=16;text="Normal call clearing"'),
        ("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),
        ("Route", "<sip:orig@scscf.ims.mnc001.mcc001.3gppnetwork.org:6060;lr>"),
        ("From", '"Anonymous" <sip:anonymous@anonymous.invalid>'),
        ("P-Visited-Network-ID", "ims.mnc001.mcc001.3gppnetwork.org"),
        ("phrase", "Server Time-out"),
        ("Event", "dialog;id=12"),
        ("WWW-Authenticate", 'Digest realm="",algorithm=AKAv1-MD5,qop="auth,auth-int",stale=true'),
        ("Alert-Info", "<urn:alert:service:call-waiting>"),
        ("P-Served-User", "<sip:anonymous@anonymous.invalid>;sescase=orig;regstate=reg"),
        ("Session-Expires", "1800;refresher=uac"),
    ],
)
def test_what_names_nobody_stays(name: str, value: str) -> None:
    assert header(name, value) == value


@pytest.mark.parametrize(
    ("name", "value", "secrets"),
    [
        (
            "From",
            '"Alice Smith" <sip:alice@atlanta.com>;tag=a6c85cf',
            ["Alice", "Smith", "alice", "atlanta", "a6c85cf"],
        ),
        ("To", "Bob Smith <sip:bob@biloxi.com>", ["Bob", "Smith", "bob", "biloxi"]),
        (
            "Via",
            "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds;received=192.0.2.1",
            ["atlanta", "776", "192.0.2.1"],
        ),
        ("Via", "SIP / 2.0 / UDP first.atlanta.com: 4000;ttl=16", ["atlanta", "first"]),
        ("Contact", '<sip:x@h>;+sip.instance="<urn:gsma:imei:35622410-483840-0>"', ["35622410", "483840"]),
        (
            "Authorization",
            'Digest username="001010123456789@x.org", nonce="abc", response="6629fae4"',
            ["6629fae4", "0010101"],
        ),
        ("Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ["QWxhZGRpbjpvcGVuIHNlc2FtZQ"]),
        ("P-Access-Network-Info", "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620100010000001", ["00010000001"]),
        ("P-Access-Network-Info", "IEEE-802.11;i-wlan-node-id=00a0c91e6bf6", ["00a0c91e6bf6"]),
        (
            "P-Charging-Vector",
            'icid-value="1234bc-10.4.128.21";orig-ioi=home.carrier.net',
            ["10.4.128.21", "1234bc", "carrier"],
        ),
        ("Refer-To", "<sip:c@h?Replaces=12013223%40200.57.7.195%3Bto-tag%3Dxyz>", ["12013223", "200.57.7.195", "xyz"]),
        ("History-Info", "<sip:+491701234567@h?Reason=SIP%3Bcause%3D302>;index=1.1", ["491701234567"]),
        ("Geolocation", "<geo:52.5200,13.4050>", ["5200", "4050", "52.", "13."]),
        ("Subject", "Meet Bob at 7", ["Meet", "Bob"]),
        (
            "Identity",
            "eyJhbGciOiJFUzI1NiJ9.eyJkZXN0.c2ln;info=<https://cert.atlanta.com/x>",
            ["eyJ", "c2ln", "atlanta"],
        ),
        ("Warning", '399 gw7.atlanta.com "User 491701234567 not found"', ["atlanta", "491701234567"]),
        ("Reason", 'SIP;cause=404;text="no route to 491701234567 of Smith"', ["491701234567", "Smith"]),
        (
            "User-Agent",
            "LinphoneAndroid/4.3 (Alice's Galaxy) 001565abcdef 356224104838400",
            ["Alice", "001565abc", "3562241"],
        ),
        ("X-Unheard-Of", "alice@atlanta.com; ext=4711 via 10.4.128.21", ["alice", "atlanta", "4711", "10.4.128.21"]),
        ("X-Unheard-Of", "YWxpY2U=; MDAxMDEwMTIzNDU2Nzg5==", ["YWxpY2U", "MDAxMDEwMTIzNDU2Nzg5"]),
        ("X-Unheard-Of", "user=alice;host=atlanta", ["alice", "atlanta"]),
        ("Session-ID", "alice@atlanta.com", ["alice", "atlanta"]),
        ("Contact", "<sip:bob@h?alice>", ["alice"]),
        ("Contact", "<sip:bob@h?Subject=alice>", ["alice"]),
        ("identifier", "a84b4c76e66710@pc33.atlanta.com", ["a84b4c76e66710", "atlanta"]),
        ("phrase", "Number +49 170 1234567 of Smith barred", ["170", "1234567", "Smith"]),
        ("file", "/home/alice/4917012345678.pcap", ["alice", "4917012345678"]),
        ("sentence", "the header says sip:alice@10.4.128.21", ["alice", "10.4.128.21"]),
    ],
)
def test_who_where_and_what_goes(name: str, value: str, secrets: list[str]) -> None:
    masked = header(name, value)
    assert [secret for secret in secrets if secret in masked] == []


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("From", '"Alice" <sip:alice@atlanta.com:5070;user=phone>;tag=x', ["sip:", ".com:5070;user=phone>;tag="]),
        (
            "Via",
            "SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bK776;rport=5060",
            ["SIP/2.0/UDP ", ":5060;branch=z9hG4bK", ";rport=5060"],
        ),
        (
            "P-Access-Network-Info",
            "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=2620100010000001",
            ["3GPP-E-UTRAN-FDD", "-3gpp=26201"],
        ),
        ("History-Info", "<sip:+4917@h?Reason=SIP%3Bcause%3D302>;index=1.1", ["?Reason=SIP%3Bcause%3D302>;index=1.1"]),
        (
            "Contact",
            '<sip:x@h>;+sip.instance="<urn:gsma:imei:35622410-483840-0>";q=0.5',
            ['"<urn:gsma:imei:', ";q=0.5"],
        ),
        ("file", "/data/20240501-120000.pcap", ["20240501-120000.pcap"]),
    ],
)
def test_the_structure_stays(name: str, value: str, kept: list[str]) -> None:
    masked = header(name, value)
    assert [part for part in kept if part not in masked] == []


def test_one_host_is_one_pseudonym_in_every_place() -> None:
    host = MASK.value(MaskClass.HOST, "pc33.atlanta.com")
    for name, value in [
        ("identifier", "a84b@pc33.atlanta.com"),
        ("Via", "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKx"),
        ("Contact", "<sip:bob@pc33.atlanta.com>"),
        ("X-Unheard-Of", "pc33.atlanta.com"),
        ("From", '"me@pc33.atlanta.com" <sip:x@y>'),
    ]:
        assert host in header(name, value), name


def test_replaces_names_the_dialog_it_replaces() -> None:
    """RFC 3891 §3: Call-ID and tags, escaped in Refer-To."""
    replaces = header("Replaces", "12013223@200.57.7.195;to-tag=xyz;from-tag=a1")
    escaped = header("Refer-To", "<sip:c@h?Replaces=12013223%40200.57.7.195%3Bto-tag%3Dxyz%3Bfrom-tag%3Da1>")
    assert replaces.replace("@", "%40").replace(";", "%3B").replace("=", "%3D") in escaped
    assert replaces.startswith(MASK.value(MaskClass.IDENTIFIER, "12013223@200.57.7.195"))


@pytest.mark.parametrize("uri", ["sip:%61lice:pässwörd@h", "sip:b%6Fb;x=%C3%BC:密码@h", "sip:c@h?Replaces=a%40ü;y=%zz"])
def test_escapes_beside_what_is_not_ascii_are_masked_and_as_long_in_bytes(uri: str) -> None:
    masked = MASK.value(MaskClass.URI, uri)
    assert len(masked.encode()) == len(uri.encode())
    assert not {"pässwörd", "密码", "%61lice", "b%6Fb", "a%40ü"} & {*re.split("[:@;=]", masked)}
