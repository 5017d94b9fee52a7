"""The capture itself."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import MaskClass as M
from analyzer.schema.column import words
from analyzer.schema.table import ESTIMATE, Table

FILES = Table(
    "files",
    "One capture file that was read.",
    (
        C("file", "text", "Path as given (standard input: -).", mask=M.FILE),
        C("path", "text", "Absolute path; null for standard input.", mask=M.FILE),
        C("point", "text", "Capture point the file belongs to.", mask=M.FILE),
        C("format", "text", "pcap or pcapng, with the compression: pcap in gzip, pcapng in zstd ...", mask=M.OPEN),
        C(
            "link_types",
            "text",
            "Link types in it, by LINKTYPE_ name and number, separated by spaces.",
            "tcpdump.org linktypes",
            mask=M.OPEN,
        ),
        C("packets", "int", "Packets in it."),
        C("first_at", "time", "Earliest time stamp."),
        C("last_at", "time", "Latest time stamp."),
        C(
            "dropped",
            "int",
            "Packets the capture itself reports as lost; null where it says nothing.",
            "pcapng ISB, EPB",
        ),
        C("sliced", "int", "Packets of which it holds only the beginning (snap length: tcpdump -s 0 keeps all)."),
        C("backward_steps", "int", "How often a packet's time lies before that of the packet ahead of it."),
        C("cut", "bool", "Ended before its stated length, or was corrupt in part."),
    ),
    made_by="analyzer.reading.native:Reading.tables",
    shown=words("file point format link_types packets first_at last_at dropped sliced cut"),
    note="Its capture point, the time that it spans, and whether it was cut.",
    example="packets > 0 and cut",
)

PROBLEMS = Table(
    "problems",
    "One fault of a capture file or a message.",
    (
        C("problem", "int", "1..n in order of file and frame."),
        C("code", "text", "Stable snake_case code.", mask=M.OPEN),
        C(
            "layer",
            "text",
            "Layer that it was found at: container link ip udp tcp sctp icmp sip sdp, or a tunnel.",
            mask=M.OPEN,
        ),
        C("file", "text", "File.", mask=M.FILE),
        C("frame", "int", "Packet number; null where no packet is concerned."),
        C("offset", "int", "Byte position in the (decompressed) file.", unit="bytes"),
        C("detail", "text", "Which field claimed what; needed and available.", mask=M.SENTENCE),
    ),
    made_by="analyzer.reading.native:Reading.tables",
    shown=words("problem code layer file frame offset detail"),
    note=("Bytes that the capture lacks, and messages that break the rules; codes never change: docs/problems.md."),
    example="layer = 'sip'",
)

ACCOUNT = Table(
    "account",
    "Packets by the layer and the reason that decided; all rows add up to the packets read.",
    (
        C("layer", "text", "Layer that decided: link ip udp tcp sctp icmp sip, or a tunnel.", mask=M.OPEN),
        C("reason", "text", "message, keep_alive, not_sip_rtp, repeated, fragment_held ...", mask=M.OPEN),
        C("packets", "int", "Packets."),
    ),
    made_by="analyzer.reading.native:Reading.tables",
    shown=words("layer reason packets"),
    note=(
        "Every packet is in exactly one row: the layer that decided, and the reason. Packets that carried "
        "SIP have the reason message."
    ),
    example="packets > 100",
)

CLOCKS = Table(
    "clocks",
    "How far the clock of one capture point is off against that of the first, and how it drifts.",
    (
        C("point", "text", "Capture point.", mask=M.FILE),
        C("reference", "text", "The first capture point.", mask=M.FILE),
        C("at", "time", "When it is off by offset_s, by its own clock: the middle of what both saw."),
        C("offset_s", "duration", "How much its clock is ahead of the reference; null where nothing ties the two."),
        C("offset_min_s", "duration", "The least that agrees with every message."),
        C("offset_max_s", "duration", "The most."),
        C("drift_ppb", "int", "How much faster it runs: nanoseconds a second.", unit="ns/s"),
        C("drift_min_ppb", "int", "The least that agrees with every message.", unit="ns/s"),
        C("drift_max_ppb", "int", "The most.", unit="ns/s"),
        C("bounds", "int", "Bounds that this rests on: packets seen twice, and messages forwarded between the points."),
        C("applied", "bool", "Taken off the times of this reading."),
    ),
    made_by="analyzer.ims.clocks:clocks",
    scope=ESTIMATE,
    shown=words("point reference at offset_s offset_min_s offset_max_s drift_ppb bounds applied"),
    note=(
        "From messages seen at both; no row for a single capture point. --align-clocks takes the offset off all times."
    ),
    example="offset_s > 0.1",
)

LOSSES = Table(
    "losses",
    "One message that one capture point saw and another, on the same way, did not.",
    (
        C("message", "key", "Message."),
        C("call", "key", "Call; null outside calls."),
        C("time", "time", "When it was captured."),
        C("method", "text", "Method; a response has that of its CSeq.", mask=M.FREE_TEXT),
        C("status", "int", "Status code; null marks a request."),
        C("sender", "text", "ip:port it was sent from.", mask=M.HOST),
        C("receiver", "text", "ip:port it was sent to.", mask=M.HOST),
        C("seen_at", "text", "Capture point that saw it.", mask=M.FILE),
        C("missed_at", "text", "Capture point that did not.", mask=M.FILE),
        C("sent_again", "bool", "A further copy followed."),
        C(
            "verdict",
            "text",
            "What became of the message.",
            values=(
                ("not_captured", "the receiver acted on it"),
                ("lost", "the receiver did not, and a copy followed"),
                "unknown",
            ),
            mask=M.OPEN,
        ),
    ),
    made_by="analyzer.ims.losses:losses",
    belongs_to=("message",),
    shown=words("time method status sender receiver seen_at missed_at sent_again verdict"),
    note="It left one node and was never seen at the next: lost on the way, or not captured there.",
    example="verdict = 'lost'",
)
