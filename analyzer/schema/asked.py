"""Tables of what is asked for by name."""

from __future__ import annotations

from analyzer.schema.table import Column as C
from analyzer.schema.table import Table

#: Tables of what is asked for by name: ``cap.headers("Warning")``.
ASKED: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "headers",
            "One header field of a message, of the names asked for; in message order, duplicates left out.",
            (
                C("message", "key", "Message that has it."),
                C("time", "time", "When the message was seen."),
                C("src_ip", "text", "Sender of the message.", private="address"),
                C("src_port", "int", "Its port."),
                C("dst_ip", "text", "Receiver.", private="address"),
                C("dst_port", "int", "Its port."),
                C("method", "text", "Method of a request; of a response that of its CSeq.", private="words"),
                C("status", "int", "Status code; null for a request."),
                C("call_id", "text", "Call-ID.", private="identifier"),
                C("call", "key", "The call that the message belongs to; null outside calls."),
                C(
                    "name",
                    "text",
                    "Long form as registered, whichever form was sent; a name that is not registered as asked for.",
                    "RFC 3261 §7.3.3",
                    private="open",
                ),
                C("ordinal", "int", "Number of the field among those of this name in the message, from 1."),
                C(
                    "value",
                    "text",
                    "Everything behind the colon, on one line, never split at commas; null where nothing is."
                    " Digest responses and keys are (hidden).",
                    "RFC 3261 §7.3.1",
                    private="named",
                ),
            ),
        ),
    )
}

FIELDS = ASKED["headers"]
