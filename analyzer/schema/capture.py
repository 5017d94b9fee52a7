"""The capture itself."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import MaskClass as M
from analyzer.schema.column import words
from analyzer.schema.table import ESTIMATE, Section, Table

# A column is a row of a table, and is laid out as one.
# fmt: off

FILES = Table(
    "files",
    "One capture file that was read.",
    (
        C("file", "text", "Path as given (standard input: -).", mask=M.FILE),
        C("path", "text", "Absolute path; null for standard input.", mask=M.FILE),
        C("point", "text", "Capture point of the file.", mask=M.FILE),
        C("format", "text", "pcap or pcapng, with the compression: pcap in gzip, pcapng in zstd ...", mask=M.OPEN),
        C("link_types", "text", "Link types in the file, by LINKTYPE_ name and number, separated by spaces.",
          "tcpdump.org linktypes", mask=M.OPEN),
        C("packets", "int", "Number of packets."),
        C("first_at", "time", "Earliest time stamp."),
        C("last_at", "time", "Latest time stamp."),
        C("dropped", "int", "Number of packets that the capture reports as lost; null if it reports nothing.",
          "pcapng ISB, EPB"),
        C("sliced", "int", "Number of packets truncated by the snap length (tcpdump -s 0 keeps them whole)."),
        C("backward_steps", "int", "Number of packets whose time precedes that of the packet before them."),
        C("cut", "bool", "The file ends before its stated length, or is partly corrupt."),
    ),
    made_by="analyzer.reading.native:Reading.tables",
    shown=words("file point format link_types packets first_at last_at dropped sliced cut"),
    note="Its capture point, the time that it spans, and whether it was truncated.",
    example="packets > 0 and cut",
    section=Section(16, "Files", "No files."),
)

PROBLEMS = Table(
    "problems",
    "One defect of a capture file or a message.",
    (
        C("problem", "int", "1..n in order of file and frame."),
        C("code", "text", "Stable snake_case code.", mask=M.OPEN),
        C("layer", "text",
          "Layer that reported the problem: container link ip udp tcp sctp icmp sip sdp, or a tunnel.", mask=M.OPEN),
        C("file", "text", "File.", mask=M.FILE),
        C("frame", "int", "Packet number; null if no packet is concerned."),
        C("byte_offset", "int", "Byte position in the (decompressed) file.", unit="bytes"),
        C("detail", "text", "Field and claimed length; bytes needed and available.", mask=M.SENTENCE),
    ),
    made_by="analyzer.reading.native:Reading.tables",
    shown=words("problem code layer file frame byte_offset detail"),
    note=("Missing bytes of the capture, and messages that break the rules; codes never change: docs/problems.md."),
    example="layer = 'sip'",
    section=Section(15, "Problems", "Nothing is wrong with the files or the messages."),
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
    section=Section(17, "Packets", "No packets."),
)

TLS_CONNECTIONS = Table(
    "tls_connections",
    "One TLS connection: who they are, how it was agreed, and whether its content was read.",
    (
        C("connection", "int", "1..n in the order in which they began."),
        C("point", "text", "Capture point.", mask=M.FILE),
        C("file", "text", "File of the first packet with data.", mask=M.FILE),
        C("frame", "int", "That packet."),
        C("first_at", "time", "First packet with data."),
        C("last_at", "time", "Last packet with data."),
        C("src_ip", "text", "Client, which sent the ClientHello; without it, the end with the higher port.",
          mask=M.ADDRESS),
        C("src_port", "int", "Port of the client."),
        C("dst_ip", "text", "Server.", mask=M.ADDRESS),
        C("dst_port", "int", "Port of the server."),
        C("version", "text", "Version agreed on: TLS 1.3; without a ServerHello the highest that was offered.",
          "RFC 8446 §4.2.1", mask=M.OPEN),
        C("cipher_suite", "text", "Cipher suite, as IANA registers it; the number of one that is not known here.",
          "RFC 8446 §B.4", mask=M.OPEN),
        C("server_name", "text", "Server that the client asked for (SNI).", "RFC 6066 §3", mask=M.HOST),
        C("alpn", "text", "Application protocol agreed on, else those offered: sip/2.", "RFC 7301", mask=M.OPEN),
        C("certificate_subject", "text", "Common name in the certificate of the server, else its organisation; visible "
          "up to TLS 1.2, and with keys.", "RFC 5280 §4.1.2.6", mask=M.HOST),
        C("certificate_names", "text", "Its DNS names, URIs and addresses, separated by spaces.",
          "RFC 5280 §4.2.1.6, RFC 5922 §7.1", mask=M.SENTENCE),
        C("certificate_issuer", "text", "Common name of its issuer, else the organisation.", "RFC 5280 §4.1.2.4",
          mask=M.HOST),
        C("certificate_begins_at", "time", "Beginning of its validity.", "RFC 5280 §4.1.2.5"),
        C("certificate_expires_at", "time", "End of its validity.", "RFC 5280 §4.1.2.5"),
        C("handshake", "text", "full, resumed (with keys of an earlier connection), failed (an alert instead), "
          "incomplete, or not_captured.", values=words("full resumed failed incomplete not_captured"), mask=M.OPEN),
        C("alert", "text", "Last alert that is not close_notify, as IANA registers it: unknown_ca.", "RFC 8446 §6",
          mask=M.OPEN),
        C("alert_from", "text", "Who sent it.", values=words("client server"), mask=M.OPEN),
        C("decrypted", "text", "Whether the content was read: yes, in_part, no; nothing if there are keys and no "
          "content.", values=words("yes in_part no nothing"), mask=M.OPEN),
        C("keys", "text", "Where its keys come from: key_log, capture (a pcapng decryption secrets block) or "
          "private_key.", values=words("key_log capture private_key"), mask=M.OPEN),
        C("records", "int", "Records with content; without keys TLS 1.3 also counts those of the handshake."),
        C("records_decrypted", "int", "Those that were read."),
        C("messages", "int", "SIP messages in them, duplicates included."),
    ),
    made_by="analyzer.reading.native:Reading.tables",
    shown=words(
        "first_at src dst version cipher_suite server_name alpn certificate_subject certificate_expires_at handshake "
        "alert alert_from decrypted keys messages"
    ),
    note=(
        "Any port. Keys come with --keylog or in the capture (docs/encapsulation.md) and are never shown; `problems` "
        "says why a connection was not read."
    ),
    example="decrypted = 'no' and server_name is not null",
)

CLOCKS = Table(
    "clocks",
    "The offset of the clock of one capture point from that of the first, and its drift.",
    (
        C("point", "text", "Capture point.", mask=M.FILE),
        C("reference", "text", "The first capture point.", mask=M.FILE),
        C("at", "time", "Time of the offset by the point's own clock: the middle of the interval that both observed."),
        C("offset_s", "duration", "Offset of this clock ahead of the reference; null if no messages relate the two."),
        C("offset_min_s", "duration", "Smallest offset that agrees with every message."),
        C("offset_max_s", "duration", "Largest offset that agrees with every message."),
        C("drift_ppb", "int", "Drift ahead of the reference: nanoseconds per second.", unit="ns/s"),
        C("drift_min_ppb", "int", "Smallest drift that agrees with every message.", unit="ns/s"),
        C("drift_max_ppb", "int", "Largest drift that agrees with every message.", unit="ns/s"),
        C("bounds", "int",
          "Number of bounds used: packets captured twice, and messages forwarded between the points."),
        C("applied", "bool", "The offset was removed from all times."),
    ),
    made_by="analyzer.ims.clocks:clocks",
    scope=ESTIMATE,
    shown=words("point reference at offset_s offset_min_s offset_max_s drift_ppb bounds applied"),
    note=(
        "Derived from messages observed at both; a single capture point has no row. --align-clocks corrects all times."
    ),
    example="offset_s > 0.1",
)

LOSSES = Table(
    "losses",
    "One message that one capture point observed and another, on the same path, did not.",
    (
        C("message", "key", "Message."),
        C("call", "key", "Call; null outside calls."),
        C("time", "time", "Capture time."),
        C("method", "text", "Method; for a response, the method in its CSeq.", mask=M.FREE_TEXT),
        C("status", "int", "Status code; null for a request."),
        C("sender", "text", "ip:port of the sender.", mask=M.HOST),
        C("receiver", "text", "ip:port of the receiver.", mask=M.HOST),
        C("seen_at", "text", "Capture point that observed the message.", mask=M.FILE),
        C("missed_at", "text", "Capture point that did not observe it.", mask=M.FILE),
        C("sent_again", "bool", "A further copy followed."),
        C("cause", "text", "Cause of the missing observation.", values=(("not_captured", "the receiver acted on it"),
          ("lost", "the receiver did not, and a copy followed"), "unknown"), mask=M.OPEN),
    ),
    made_by="analyzer.ims.losses:losses",
    belongs_to=("message",),
    shown=words("time method status sender receiver seen_at missed_at sent_again cause"),
    note="The message left one node and was never observed at the next: lost on the way, or not captured there.",
    example="cause = 'lost'",
)
