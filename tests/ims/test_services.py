"""Services are told by what the specifications of each say that its messages carry; none but INVITE makes a call."""

from __future__ import annotations

import captures
import merged
import polars as pl
import pytest
from ims_wire import read
from places import SAMPLES

CALL = """
    A -> B  INVITE sdp=40 {said}       @0.000
    B -> A  180 INVITE to_tag=y {back} @0.100
    B -> A  200 INVITE to_tag=y sdp=41 @2.000
    A -> B  ACK to_tag=y via=ack       @2.010
"""
BYE = "A -> B  BYE to_tag=y cseq=2  @9.000\nB -> A  200 BYE to_tag=y cseq=2  @9.010\n"


def of(dialogue: str) -> dict[str, str | None]:
    """Services of all that is in a dialogue, with the detail of each."""
    return dict(read(dialogue).table("services").select("service", "detail").iter_rows())


def said(header: str) -> dict[str, str | None]:
    return of(CALL.format(said=f"'header={header}'", back=""))


def test_streams_name_voice() -> None:
    assert of(CALL.format(said="", back="")) == {"voice": None}


@pytest.mark.parametrize(
    ("header", "service", "detail"),
    [
        # TS 24.604 §4.5.2.6.2.2, RFC 4458 §2
        ("History-Info:<sip:c@e;cause=302>;index=1.1", "call_forwarding", "CFU: forwarded unconditionally"),
        ("History-Info:<sip:b@e>;index=1,<sip:c@e;cause=408>;index=1.1", "call_forwarding", "CFNR: no reply"),
        ("History-Info:<sip:b@e?Reason=SIP%3Bcause%3D486>;index=1", "call_forwarding", "CFB: busy"),
        ("Diversion:<sip:b@e>;reason=no-answer;counter=1", "call_forwarding", "CFNR: no reply"),
        # TS 24.615 §4.5, RFC 7462 §8
        ("Alert-Info:<urn:alert:service:call-waiting>", "call_waiting", None),
        # TS 24.607, RFC 3325 §9.3
        ("Privacy:id;critical", "oir", "id"),
        # TS 24.390 §4.5
        ("Recv-Info:g.3gpp.ussd", "ussi", None),
        # TS 24.629, RFC 3891
        ("Replaces:x@y;to-tag=1;from-tag=2", "communication_transfer", None),
        # TS 24.173 §5
        ("P-Preferred-Service:urn:urn-7:3gpp-service.ims.icsi.mmtel", "mmtel", None),
        ("Accept-Contact:*;+g.3gpp.iari-ref=urn%3Aurn-7%3A3gpp-application.ims.iari.rcs.fthttp", "file_transfer", None),
        ("Resource-Priority:wps.0", "priority", "wps"),
    ],
)  # fmt: skip
def test_a_header_field_names_a_service(header: str, service: str, detail: str | None) -> None:
    found = said(header)
    assert service in found
    assert found[service] == detail


def test_a_history_without_a_cause_forwards_nothing() -> None:
    """RFC 7044: a proxy that routes to a registered contact adds an entry, too."""
    assert "call_forwarding" not in said("History-Info:<sip:b@e>;index=1,<sip:b@10.0.0.1>;index=1.1;rc=1")


def test_a_contact_that_is_a_focus_is_a_conference() -> None:
    """RFC 4579 §3.1."""
    found = of(CALL.format(said="", back="'header=Contact:<sip:c@e>;isfocus'"))
    assert "conference" in found


@pytest.mark.parametrize(
    ("uri", "services"),
    [
        ("urn:service:sos.police", {"emergency": "sos.police", "voice": None}),
        ("urn:service:sos.ecall.automatic", {"emergency": "sos.ecall.automatic", "ecall": "automatic", "voice": None}),
    ],
)
def test_the_request_uri_names_emergency(uri: str, services: dict[str, str | None]) -> None:
    """RFC 5031, RFC 8147."""
    assert of(CALL.format(said=f"uri={uri}", back="")) == services


def test_behind_the_e_cscf_to_names_emergency() -> None:
    """TS 24.229 §5.11.2: the Request-URI becomes that of the PSAP."""
    call = CALL.format(said="uri=tel:+49302222", back="").replace("to_tag", "to=urn:service:sos.fire to_tag")
    assert of(call.replace("sdp=40", "sdp=40 to=urn:service:sos.fire"))["emergency"] == "sos.fire"


@pytest.mark.parametrize("mode", ["BS", "NR", "NL"])
def test_the_parameter_m_completes_a_call(mode: str) -> None:
    """RFC 6910 §4: busy, no reply, not logged in."""
    assert "call_completion" in of(CALL.format(said=f"'uri=sip:b@e;m={mode}'", back=""))


def test_a_504_with_the_body_of_3gpp_asks_to_register_anew() -> None:
    """TS 23.380 §4: the S-CSCF lost the registration."""
    failed = "A -> B  INVITE  @0.0\nB -> A  504 INVITE to_tag=y type=application/3gpp-ims+xml body=<ims-3gpp/>  @0.1\n"
    assert "restoration" in of(failed)
    assert "restoration" not in of(failed.replace("type=application/3gpp-ims+xml body=<ims-3gpp/>", ""))


def test_a_stream_of_the_data_channel_names_it() -> None:
    """TS 24.186; RFC 8841: UDP/DTLS/SCTP webrtc-datachannel."""
    body = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    media = "m=audio 4000 RTP/AVP 0\r\nm=application 5000 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n"
    said = f"type=application/sdp hex={(body + media).encode().hex()}"
    assert of(f"A -> B  INVITE {said}  @0.0\n") == {"voice": None, "data_channel": None}


def test_a_hold_is_of_the_dialog() -> None:
    found = captures.read(SAMPLES / "hold_resume.pcap").table("services")
    assert found.filter(pl.col("service") == "hold")["detail"].to_list() == ["callee"]


def test_a_media_type_within_a_multipart_names_a_service() -> None:
    services = captures.read(SAMPLES / "services.pcap").table("services")
    assert services.filter(pl.col("service") == "ussi").height == 1


@pytest.mark.parametrize(
    "stray",
    [
        "A -> B  MESSAGE call={0} cseq=7 type=text/plain body=hello  @3.000\n"
        "B -> A  200 MESSAGE call={0} cseq=7  @3.010\n",
        "A -> B  PUBLISH call={0} cseq=7 header=Event:presence  @3.000\nB -> A  200 PUBLISH call={0} cseq=7  @3.010\n",
        "A -> B  SUBSCRIBE call={0} cseq=7 header=Event:presence  @3.000\n"
        "B -> A  200 SUBSCRIBE call={0} cseq=7 to_tag=n  @3.010\n"
        "B -> A  NOTIFY call={0} tag=n to_tag=x{0} cseq=1 header=Event:presence"
        " header=Subscription-State:active  @3.020\n",
        "A -> B  REFER call={0} cseq=7 header=Refer-To:<sip:c@e>  @3.000\n"
        "B -> A  202 REFER call={0} cseq=7 to_tag=n  @3.010\n"
        "B -> A  NOTIFY call={0} tag=n to_tag=x{0} cseq=1 header=Event:refer header=Subscription-State:active  @3.02\n",
        "A -> B  OPTIONS call={0} cseq=7  @3.000\nB -> A  200 OPTIONS call={0} cseq=7 to_tag=n  @3.010\n",
        "A -> B  REGISTER call={0} cseq=7  @3.000\nB -> A  200 REGISTER call={0} cseq=7 to_tag=n  @3.010\n",
    ],
    ids=["MESSAGE", "PUBLISH", "SUBSCRIBE", "REFER", "OPTIONS", "REGISTER"],
)
@pytest.mark.parametrize("call_id", ["1", "other"], ids=["in a call's Call-ID", "alone"])
def test_nothing_but_an_invite_makes_a_call(stray: str, call_id: str) -> None:
    """RFC 6076 §4: session metrics count INVITEs."""
    call = CALL.format(said="", back="")
    alone, with_it = read(call + BYE).table("calls"), read(call + stray.format(call_id) + BYE).table("calls")
    counted = ["outcome", "started_at", "answered_at", "ended_at", "setup_s", "talk_s", "legs", "hops", "released_by"]
    assert with_it.select(counted).equals(alone.select(counted))


@pytest.mark.parametrize("origin", merged.ORIGINS)
def test_every_dialog_and_every_request_outside_one_has_a_row(origin: str) -> None:
    capture = merged.capture(origin)
    services, messages = capture.table("services"), capture.table("messages")
    assert set(capture.table("dialogs")["dialog"]) == set(services["dialog"].drop_nulls())
    # What a Call-ID says after a day of silence is another matter.
    resumed = (pl.col("time").diff().over("call_id") >= pl.duration(days=1)).fill_null(value=False)
    parted = messages.filter(~pl.col("duplicate")).with_columns(resumed=resumed)
    parted = parted.with_columns(part=pl.col("resumed").cum_sum().over("call_id"))
    outside = parted.filter(
        pl.col("status").is_null() & pl.col("dialog").is_null()
        & pl.col("method").is_in(["MESSAGE", "PUBLISH", "OPTIONS", "REGISTER"])
    )  # fmt: skip
    one = ["call_id", "from_tag", "cseq", "method", "part"]
    units = services.filter(pl.col("dialog").is_null() & pl.col("method").is_in(outside["method"].unique().implode()))
    assert units["subject"].n_unique() == outside.select(one).n_unique()
