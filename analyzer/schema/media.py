"""Media: RTP and RTCP."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import MaskClass as M
from analyzer.schema.column import words
from analyzer.schema.table import ESTIMATE, Table

# A column is a row of a table, and is laid out as one.
# fmt: off

STREAMS = Table(
    "streams",
    "One stream of RTP: the packets of one source from one end to another, numbered without a break.",
    (
        C("stream", "key", "Key."),
        C("call", "key", "Call in which its receiver announced the address, or its sender; null if there is none."),
        C("sent_by", "text", "Side of the call that sends it; null outside calls.", values=words("caller callee"),
          mask=M.OPEN),
        C("announced_by", "key", "Message that announced the address."),
        C("joined_by", "text", "What joined it to the call.",
          values=(("receiver", "it goes to an address that its receiver announced"),
                  ("sender", "it comes from an address that its sender announced: symmetric RTP"),
                  ("reverse", "it comes from where the other side's stream goes to")), mask=M.OPEN),
        C("media", "text", "audio video ... of that m= line.", mask=M.FREE_TEXT),
        C("codec", "text", "Codec of most of its packets: by that session description, else by a static payload type.",
          "RFC 3551 §6", mask=M.FREE_TEXT),
        C("clock_hz", "int", "Clock of its timestamps: of a static payload type, else as the timestamps show.",
          "RFC 3551 §6", unit="Hz"),
        C("src_ip", "text", "Sender.", mask=M.ADDRESS),
        C("src_port", "int", "Port of the sender."),
        C("dst_ip", "text", "Receiver.", mask=M.ADDRESS),
        C("dst_port", "int", "Port of the receiver."),
        C("ssrc", "int", "Synchronisation source.", "RFC 3550 §8"),
        C("payload_type", "int", "Payload type of most packets.", "RFC 3550 §5.1"),
        C("payload_types", "text", "All payload types, that of most packets first.", mask=M.OPEN),
        C("first_at", "time", "First packet."),
        C("last_at", "time", "Last packet."),
        C("duration_s", "duration", "first_at to last_at."),
        C("packets", "int", "Packets that were captured."),
        C("expected", "int", "Packets that were sent, by their numbers.", "RFC 3550 A.3"),
        C("lost", "int", "Packets that were sent and not captured.", "RFC 3550 A.3"),
        C("loss", "share", "lost / expected."),
        C("doubled", "int", "Packets that were captured again."),
        C("reordered", "int", "Packets that came behind later ones."),
        C("stray", "int", "Packets whose numbers are far from all others."),
        C("sliced", "int", "Packets of which the capture lacks a part."),
        C("bytes", "int", "Payload, each packet once.", unit="B"),
        C("packet_s", "duration", "Media in a packet, as most have it, by the timestamps."),
        C("jitter_s", "duration", "Mean interarrival jitter.", "RFC 3550 §6.4.1"),
        C("jitter_p95_s", "duration", "95 of 100 packets had no more, to within 4 %."),
        C("jitter_max_s", "duration", "Maximum interarrival jitter.", "RFC 3550 §6.4.1"),
        C("pauses", "int", "Times without a packet of 0.25 s and more after which no number was missing: silence that "
          "the sender chose.", "RFC 3551 §4.1"),
        C("silence_s", "duration", "Longest time without a packet."),
        C("silence_at", "time", "When it began."),
        C("longest_loss", "int", "Most packets lost in a row."),
        C("burst_loss", "share", "Share of packets lost in bursts.", "RFC 3611 §4.7.2"),
        C("burst_s", "duration", "Mean length of bursts.", "RFC 3611 §4.7.2"),
        C("gap_loss", "share", "Share of packets lost between bursts.", "RFC 3611 §4.7.2"),
        C("r_factor", "number", "Rating of the E-model; null where the codec has no published values.", "G.107"),
        C("mos", "number", "Estimated mean opinion score of it (MOS-CQE), 1 to 4.5.", "G.107 Annex B"),
        C("rating", "text", "What the rating rests on, or why there is none.", mask=M.SENTENCE),
        C("rtcp_loss", "share", "Mean fraction lost that its receiver reported.", "RFC 3550 §6.4.1"),
        C("rtcp_lost", "int", "Packets lost, as last reported; negative if packets came twice.", "RFC 3550 §6.4.1"),
        C("rtcp_jitter_s", "duration", "Mean jitter that its receiver reported.", "RFC 3550 §6.4.1"),
        C("rtcp_round_trip_s", "duration",
          "Mean time from the place of the capture to the receiver and back, without what the receiver took.",
          "RFC 3550 §6.4.1"),
        C("rtcp_mos", "number", "MOS-CQ that its receiver reported, else MOS-LQ.", "RFC 3611 §4.7.5"),
        C("restarted", "bool", "Its sender began anew with other numbers: another stream of its source came before."),
        C("point", "text", "Capture point.", mask=M.FILE),
        C("file", "text", "File of its first packet.", mask=M.FILE),
        C("frame", "int", "First packet."),
    ),
    made_by="analyzer.media.streams:streams",
    belongs_to=("call",),
    shown=words(
        "first_at duration_s call sent_by media codec src dst packets lost loss jitter_s jitter_max_s silence_s mos"
    ),
    note=(
        "A stream is at least three packets in a row. A capture in the middle of the path tells of the way to its "
        "place; loss and jitter behind it are in the rtcp columns. Ordered by the first packet; docs/media.md."
    ),
    example="loss > 0.02 or mos < 3.6",
)

STREAM_INTERVALS = Table(
    "stream_intervals",
    "Five seconds of a stream.",
    (
        C("stream", "key", "Stream."),
        C("call", "key", "Call; null outside calls."),
        C("started_at", "time", "Beginning of the interval, the same for all streams."),
        C("packets", "int", "Packets that were captured."),
        C("received", "int", "Each packet once."),
        C("lost", "int", "Packets of this time that are missing."),
        C("loss", "share", "lost / (received + lost)."),
        C("doubled", "int", "Packets that were captured again."),
        C("reordered", "int", "Packets that came behind later ones."),
        C("bytes", "int", "Payload, each packet once.", unit="B"),
        C("jitter_s", "duration", "Mean interarrival jitter.", "RFC 3550 §6.4.1"),
        C("jitter_max_s", "duration", "Maximum interarrival jitter.", "RFC 3550 §6.4.1"),
    ),
    made_by="analyzer.media.streams:stream_intervals",
    belongs_to=("call",),
    shown=words("started_at stream packets lost loss jitter_s jitter_max_s call"),
    note="By stream and time. An interval in which a stream has no packet has no row.",
    example="loss > 0.05",
)

DTMF = Table(
    "dtmf",
    "One telephone event, such as a digit that was pressed, however many packets repeat it.",
    (
        C("stream", "key", "Stream."),
        C("call", "key", "Call; null outside calls."),
        C("sent_by", "text", "Side of the call that sent it.", values=words("caller callee"), mask=M.OPEN),
        C("started_at", "time", "First packet of the event."),
        C("event", "text", "digit or flash; which digit, where --digits asks for it: it may be of a PIN.",
          "RFC 4733 §3.2", mask=M.IDENTIFIER),
        C("duration_s", "duration", "Duration that its sender states.", "RFC 4733 §2.3.5"),
        C("volume_dbm0", "int", "Power.", "RFC 4733 §2.3.4", unit="dBm0"),
        C("ended", "bool", "A packet with the end bit was captured.", "RFC 4733 §2.3.3"),
        C("packets", "int", "Packets that repeat it."),
        C("payload_type", "int", "Payload type."),
        C("frame", "int", "First packet."),
    ),
    made_by="analyzer.media.streams:dtmf",
    belongs_to=("call",),
    shown=words("started_at call sent_by event duration_s volume_dbm0 ended packets"),
    note=(
        "Where the session description is known, only payload types that it calls telephone-event count."
    ),
    example="not ended",
)

RTCP_REPORTS = Table(
    "rtcp_reports",
    "What one receiver of a stream reported of it by RTCP.",
    (
        C("ssrc", "int", "Source that is reported of.", "RFC 3550 §6.4.1"),
        C("reporter", "int", "Source that reports.", "RFC 3550 §6.4.1"),
        C("stream", "key", "Stream that is reported of; null if it was not captured."),
        C("call", "key", "Call; null outside calls."),
        C("src_ip", "text", "Where the reports come from.", mask=M.ADDRESS),
        C("src_port", "int", "Its port."),
        C("dst_ip", "text", "Where they go.", mask=M.ADDRESS),
        C("dst_port", "int", "Its port."),
        C("first_at", "time", "First report."),
        C("last_at", "time", "Last report."),
        C("reports", "int", "Number of reports."),
        C("loss", "share", "Mean fraction lost.", "RFC 3550 §6.4.1"),
        C("loss_max", "share", "Maximum fraction lost.", "RFC 3550 §6.4.1"),
        C("lost", "int", "Packets lost, as last reported; negative if packets came twice.", "RFC 3550 §6.4.1"),
        C("jitter_s", "duration", "Mean jitter; null if the clock of the stream is not known.", "RFC 3550 §6.4.1"),
        C("jitter_max_s", "duration", "Maximum jitter.", "RFC 3550 §6.4.1"),
        C("round_trip_s", "duration",
          "Mean time from the place of the capture to the reporter and back, without what the reporter took.",
          "RFC 3550 §6.4.1"),
        C("r_factor", "int", "R factor that it states.", "RFC 3611 §4.7.5"),
        C("mos_lq", "number", "MOS-LQ that it states.", "RFC 3611 §4.7.5"),
        C("mos_cq", "number", "MOS-CQ that it states.", "RFC 3611 §4.7.5"),
        C("discarded", "share", "Share of packets that it discarded.", "RFC 3611 §4.7.1"),
        C("end_system_delay_s", "duration", "Delay of its own that it states.", "RFC 3611 §4.7.3"),
        C("point", "text", "Capture point.", mask=M.FILE),
    ),
    made_by="analyzer.media.streams:rtcp_reports",
    belongs_to=("call",),
    shown=words("first_at reports loss loss_max lost jitter_s round_trip_s mos_cq src dst ssrc call"),
    note="A report tells of the whole way to its sender, a stream here of the way to the place of the capture.",
    example="loss_max > 0.05",
)

CALL_MEDIA = Table(
    "call_media",
    "The audio of one answered call.",
    (
        C("call", "key", "Call."),
        C("media", "text", "Which ways audio was captured.",
          values=("both_ways",
                  ("from_caller", "the callee was not heard, though its packets pass the place of the capture"),
                  ("from_callee", "the caller was not heard, though its packets pass the place of the capture"),
                  ("none", "though other audio between these two ends passes here"),
                  ("unknown", "one way or none, and it is not known whether the rest passes here")), mask=M.OPEN),
        C("silent_side", "text", "Side that was not heard.", values=words("caller callee both"), mask=M.OPEN),
        C("caller_packets", "int", "Packets of audio that the caller sent, each once, on the leg that has most."),
        C("callee_packets", "int", "The same of the callee."),
        C("first_at", "time", "First packet of audio."),
        C("delay_s", "duration",
          "answered_at to the first packet of the side that began later; 0 if both had begun before."),
        C("after_end_s", "duration", "ended_at to the last packet, where packets came after the end; else null."),
        C("loss", "share", "Highest loss of its streams of audio."),
        C("jitter_s", "duration", "Highest mean jitter of its streams of audio."),
        C("silence_s", "duration", "Longest time without a packet of its streams of audio."),
        C("mos", "number", "Lowest MOS of its streams of audio.", "G.107"),
    ),
    made_by="analyzer.media.calls:call_media",
    scope=ESTIMATE,
    belongs_to=("call",),
    shown=words("call media silent_side caller_packets callee_packets delay_s after_end_s loss jitter_s silence_s mos"),
    note=(
        "Calls on hold or with a direction other than sendrecv are not called one-way. One way is told only where "
        "packets of the silent side pass the place of the capture; else it is unknown. docs/media.md."
    ),
    example="media in ('from_caller', 'from_callee', 'none')",
)
