"""The same OPTIONS and its 200, and a call, in files that are written, or end, in unusual ways."""

import wire
from lab import Capture
from sip_messages import ALICE, BOB, Captured, sdp


def exchange(lab: Capture, label: str, start: int, answer: str) -> list[Captured]:
    """An OPTIONS at `start` ms and its 200 `answer` ms later in the file's finest unit."""
    options = lab.session(label, ALICE, BOB).request("OPTIONS", ALICE, BOB)
    return [
        lab.send(start, ALICE, BOB, options).first,
        lab.send(f"{start}.{answer}", BOB, ALICE, options.reply(200)).first,
    ]


def big_endian_nanoseconds() -> Capture:
    container = wire.Pcap(order=">", nano=True)
    lab = Capture(
        "format_big_endian_ns", "A big-endian pcap in nanoseconds: the 200 is 1 ns late.", container=container
    )
    exchange(lab, "options", 7, "000001")
    return lab


def sections() -> Capture:
    container = wire.PcapNg([wire.Section("<", [(1, 9), (101, 9)]), wire.Section(">", [(1, 6)])], split=(5,))
    lab = Capture(
        "format_sections",
        "A pcapng with two interfaces in nanoseconds (Ethernet, raw IP) and a second section, big-endian and in "
        "microseconds.",
        container=container,
    )
    exchange(lab, "interface 0", 0, "000123")
    on_raw = exchange(lab, "interface 1", 1000, "000456")
    exchange(lab, "second section", 2000, "789")
    for captured in on_raw:
        captured.interface, captured.link = 1, wire.raw
    return lab


def cut_in_a_packet() -> Capture:
    lab = Capture(
        "format_cut",
        "A pcap that ends 30 bytes before the end of its last packet: what came before it is whole.",
        container=wire.Pcap(cut=30),
    )
    exchange(lab, "whole", 0, "9")
    options = lab.session("cut", ALICE, BOB).request("OPTIONS", ALICE, BOB)
    lab.send(500, ALICE, BOB, options)
    options.outcome = "pending"
    answer = lab.send(510, BOB, ALICE, options.reply(200))
    lab.observations.remove(answer)
    lab.note("packets counts whole records: the fourth is cut, and its 200 is not a message.")
    return lab


def snap_length() -> Capture:
    lab = Capture(
        "format_snaplen",
        "A call captured with a snap length of 560 bytes: the INVITE and its 200 lose the end of their SDP, and "
        "nothing else.",
        container=wire.Pcap(snaplen=560),
    )
    call = lab.session("call", ALICE, BOB)
    invite = call.request("INVITE", ALICE, BOB, body=sdp(ALICE))
    invited = lab.send(0, ALICE, BOB, invite, complete=False)
    ringing = lab.send(130, BOB, ALICE, invite.reply(180))
    answered = lab.send(3130, BOB, ALICE, invite.reply(200, body=sdp(BOB)), complete=False)
    lab.send(3145, ALICE, BOB, call.request("ACK", ALICE, BOB, in_dialog=True, cseq=1))
    bye = call.request("BYE", ALICE, BOB, in_dialog=True)
    hangup = lab.send(8130, ALICE, BOB, bye)
    lab.send(8140, BOB, ALICE, bye.reply(200))
    lab.dialog(
        call, state="terminated", early=ringing, confirmed=answered, ended=hangup, ended_by="local", end_reason="bye"
    )
    lab.call(
        caller="alice@example.com",
        callee="bob@example.com",
        outcome="answered",
        status=200,
        call_ids=[call.call_id],
        invite=invited,
        ringing=ringing,
        answered=answered,
        ended=hangup,
        released_by="caller",
    )
    return lab


def build() -> list[Capture]:
    return [big_endian_nanoseconds(), sections(), cut_in_a_packet(), snap_length()]
