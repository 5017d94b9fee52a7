"""What packets show that messages do not: ports, fragments, one direction (RFC 3581 §4, RFC 791 §3.2, RFC 3261 §17)."""

from __future__ import annotations

import io

from captures import SAMPLES
from pcaps import RAW_IP, pcap, udp
from scapy.layers.inet import IP, fragment

import analyzer
from analyzer.language import spoken
from tests.diagnose.rules.diagnosed import told
from tests.sip import wire

PHONE, SERVER = "198.51.100.1", "203.0.113.2"


def message(start: str, more: str = "") -> bytes:
    head = f"{start}\r\nVia: SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bKo\r\nFrom: <sip:a@example.com>;tag=x\r\n"
    return f"{head}To: <sip:b@example.com>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n{more}Content-Length: 0\r\n\r\n".encode()


ASK, OK = "OPTIONS sip:b@example.com SIP/2.0", "SIP/2.0 200 OK"


def found(*packets: tuple[float, bytes]) -> list[str]:
    stamped = [(wire.START + round(at * 1e9), packet) for at, packet in packets]
    return analyzer.read(io.BytesIO(pcap(RAW_IP, stamped))).table("findings")["code"].to_list()


# -- ports (R13)


def answered_at(port: int, copies: tuple[float, ...]) -> list[tuple[float, bytes]]:
    turns = []
    for n, at in enumerate(copies):
        turns.append((at, udp(PHONE, SERVER, message(ASK), (40000, 5060), 2 * n + 1)))
        turns.append((at + 0.05, udp(SERVER, PHONE, message(OK), (5060, port), 2 * n + 2)))
    return turns


AGAIN = (0, 0.5, 1.5, 3.5)


def test_responses_to_the_port_of_via_do_not_come_through_a_nat() -> None:
    assert found(*answered_at(5060, AGAIN)) == ["response_to_wrong_port"]


def test_responses_to_another_port_that_arrive_are_no_fault() -> None:
    """RFC 3261 §18.2.2: without rport they go to the port of Via, and nobody asks again."""
    assert found(*answered_at(5060, (0,))) == []
    assert "response_to_wrong_port" not in found(*answered_at(40000, AGAIN))


# -- fragments (R05)


def fragments(copies: tuple[float, ...], parts: slice) -> list[tuple[float, bytes]]:
    large = message(ASK, f"X-Bulk: {'x' * 2000}\r\n")
    return [
        (at + k / 1000, bytes(part))
        for n, at in enumerate(copies)
        for k, part in enumerate(fragment(IP(udp(PHONE, SERVER, large, ident=n + 1)), fragsize=1400)[parts])
    ]


def test_a_large_request_of_which_only_first_fragments_come() -> None:
    assert found(*fragments(AGAIN, slice(0, 1))) == ["fragments_missing"]


def test_whole_fragments_and_one_lost_packet_are_no_finding() -> None:
    assert "fragments_missing" not in found(*fragments(AGAIN, slice(0, 2)))
    assert found(*fragments((0,), slice(0, 1))) == []


# -- one direction (R03)


def one_way(calls: int, *, acks: bool) -> str:
    lines = []
    for n in range(calls):
        own = f"call_id=c{n} from_tag=x{n}"
        lines.append(f"A -> B  INVITE {own} branch=a{n} @{100 * n}")
        if acks:
            lines.append(f"A -> B  ACK {own} to_tag=y{n} branch=k{n} @{100 * n + 5}")
        lines.append(f"A -> B  BYE {own} to_tag=y{n} branch=b{n} cseq=2 @{100 * n + 50}")
    return "\n".join(lines) + "\n"


def test_a_link_whose_sender_goes_on_as_if_answered() -> None:
    assert told(one_way(6, acks=True))["capture_one_way"]["nodes"] == "10.0.0.2:5060"


def test_a_few_requests_or_a_sender_who_acknowledges_nothing_show_no_direction() -> None:
    assert "capture_one_way" not in told(one_way(4, acks=True))
    assert "capture_one_way" not in told(one_way(6, acks=False))


# -- samples whose scripts planned it


def of_sample(name: str) -> dict[str, str]:
    return dict(analyzer.read(SAMPLES / f"{name}.pcap").table("findings").select("code", "severity").rows())


def test_a_mirror_that_copies_each_packet() -> None:
    assert of_sample("doubled") == {"capture_doubled": "info"}


def test_a_capture_with_a_snap_length() -> None:
    assert of_sample("format_snaplen") == {"packets_sliced": "warning"}


def test_a_capture_of_whole_packets_has_nothing_to_say() -> None:
    assert of_sample("basic_call") == {}


def test_a_short_message_that_the_relay_layer_refused() -> None:
    found = analyzer.read(SAMPLES / "sms.pcap").table("findings").filter(code="sms_failed")
    assert found["explanation"].str.contains("memory capacity exceeded").sum() == 1
    assert found["cases"].sum() == 4


# -- private addresses (R12)


def answered(contact: str, answers: int) -> list[tuple[float, bytes]]:
    """An INVITE, its 200 sent so often, and the BYE of the callee 64 T1 after the first."""

    def text(start: str, method: str, sides: str, more: str = "") -> bytes:
        head = f"{start}\r\nVia: SIP/2.0/UDP n;branch=z9hG4bK{method}\r\n{sides}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n"
        return f"{head}{more}Content-Length: 0\r\n\r\n".encode()

    caller, callee = "<sip:a@example.com>", "<sip:b@example.com>"
    ask = text("INVITE sip:b@example.com SIP/2.0", "INVITE", f"From: {caller};tag=x\r\nTo: {callee}")
    sides = f"From: {caller};tag=x\r\nTo: {callee};tag=y"
    ok = text("SIP/2.0 200 OK", "INVITE", sides, f"Contact: <sip:b@{contact}>\r\n")
    bye = text("BYE sip:a@198.51.100.1 SIP/2.0", "BYE", f"From: {callee};tag=y\r\nTo: {caller};tag=x")
    times = (1.0, 1.5, 2.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5, 32.5)[:answers]
    return [
        (0.0, udp(PHONE, SERVER, ask, ident=1)),
        *((at, udp(SERVER, PHONE, ok, ident=10 + n)) for n, at in enumerate(times)),
        (33.1, udp(SERVER, PHONE, bye, ident=99)),
    ]


def test_a_contact_behind_a_nat_explains_the_missing_ack() -> None:
    assert found(*answered("192.168.1.5", 11))[0] == "private_contact"


def test_a_public_contact_or_an_answer_that_is_not_repeated_blames_no_address() -> None:
    assert found(*answered("203.0.113.2", 11))[0] == "ack_missing"
    assert "private_contact" not in found(*answered("192.168.1.5", 1))


# -- Content-Length (R09)


def test_a_content_length_beyond_the_datagram() -> None:
    """RFC 3261 §18.3: of a datagram that is too short the request is refused with 400."""
    longer = message(ASK).replace(b"Content-Length: 0", b"Content-Length: 9")
    ok = udp(SERVER, PHONE, message(OK), ident=2)
    assert found((0, udp(PHONE, SERVER, longer, ident=1)), (0.1, ok)) == ["content_length_wrong"]
    assert found((0, udp(PHONE, SERVER, message(ASK), ident=1)), (0.1, ok)) == []


def test_a_finding_of_messages_says_in_words_what_is_wrong() -> None:
    longer = message(ASK).replace(b"Content-Length: 0", b"Content-Length: 9")
    told = analyzer.read(io.BytesIO(pcap(RAW_IP, [(wire.START, udp(PHONE, SERVER, longer))])))

    def said() -> str:
        return str(told.table("findings").filter(code="content_length_wrong")["explanation"].item())

    assert "sip_" not in said()
    with spoken("zh"):
        assert "sip_" not in said()


def test_a_first_fragment_alone_has_no_wrong_length() -> None:
    """What is missing lies in the fragments behind it."""
    bulk = message(ASK, f"X-Bulk: {'x' * 200}\r\n").replace(b"Content-Length: 0", b"Content-Length: 3000") + b"y" * 3000
    parts = [fragment(IP(udp(PHONE, SERVER, bulk, ident=n + 1)), fragsize=1400)[0] for n in range(4)]
    cut = found(*((float(n), bytes(part)) for n, part in enumerate(parts)))
    assert "content_length_wrong" not in cut


# -- emergency calls that the device did not know (R81)

SERVICE = "<ims-3gpp version='1'><alternative-service><type>emergency</type></alternative-service></ims-3gpp>"


def dialled(*, body: str, then: bool) -> list[tuple[float, bytes]]:
    def text(start: str, number: int, more: str = "", to: str = "") -> bytes:
        head = f"{start}\r\nVia: SIP/2.0/UDP n;branch=z9hG4bK{number}\r\nFrom: <sip:a@example.com>;tag=x\r\n"
        head += f"To: <sip:112@example.com>{to}\r\nCall-ID: c{number}\r\nCSeq: 1 INVITE\r\n"
        kind = "Content-Type: application/3gpp-ims+xml\r\n" if more else ""
        return f"{head}{kind}Content-Length: {len(more)}\r\n\r\n{more}".encode()

    first = text("INVITE sip:112@example.com SIP/2.0", 1)
    refused = text("SIP/2.0 380 Alternative Service", 1, body, ";tag=y")
    sos = [
        (5.0, udp(PHONE, SERVER, text("INVITE urn:service:sos SIP/2.0", 2), ident=3)),
        (5.1, udp(SERVER, PHONE, text("SIP/2.0 486 Busy Here", 2, to=";tag=z"), ident=4)),
    ]
    return [
        (0.0, udp(PHONE, SERVER, first, ident=1)),
        (0.1, udp(SERVER, PHONE, refused, ident=2)),
        *(sos if then else []),
    ]


def test_a_380_for_an_emergency_call_says_what_followed() -> None:
    def severity(**case: bool) -> dict[str, str]:
        stamped = [(wire.START + round(at * 1e9), packet) for at, packet in dialled(body=SERVICE, **case)]
        table = analyzer.read(io.BytesIO(pcap(RAW_IP, stamped))).table("findings")
        return dict(table.select("code", "severity").rows())

    assert severity(then=False)["emergency_redirected"] == "warning"
    assert severity(then=True)["emergency_redirected"] == "info"
    assert "emergency_redirected" not in found(*dialled(body="", then=False))
