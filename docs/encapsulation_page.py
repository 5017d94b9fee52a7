"""Makes the page encapsulation.md from the tables of the core: formats and protocols that are decoded or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from analyzer.diagnose.blind_spots import ENCRYPTED, TLS_ADVICE, UNREAD
from analyzer.reading.native import core

CORE = Path(__file__).parent.parent / "analyzer" / "_rust" / "sip-core" / "src"

HEAD = """# Encapsulation: formats and protocols

This page lists the formats and protocols that are decoded, those that are not, and what you can do in that case. For
your capture, `sip-analyzer account` reports how each packet was handled, `summary` and `cap.blind_spots()` explain in a
sentence why SIP may be missing, and `problems` lists damaged data. This page is generated from the core and from
`analyzer/diagnose/blind_spots.py` by `make docs`.
"""

NESTING = """
Layers can be nested in any order, up to `max_layers` ([limits.md](limits.md)), and be fragmented inside and outside a
tunnel. A message has the innermost addresses. `messages.tunnel` names the encapsulation around it, and `outer_src_ip`,
`outer_dst_ip`, `vlan`, `teid`, `spi`, `interface` and `point` describe where it was captured. If a header is damaged,
has a false length or is nested too deeply, `problems` has a row, and everything read before the fault is kept. If the
capture lacks bytes (snap length, lost fragments and segments), the message has `complete = false`, and `problems` has
a row.
"""

TLS = """
## TLS

A TCP stream that begins with a TLS record is TLS, on any port. The table `tls_connections` has a row for each
connection, with or without keys: server name, version, cipher suite, the certificate (up to TLS 1.2, or with keys),
alerts, and whether its content was read. With keys, SIP in it has the `transport` `tls`, or, in a WebSocket, `wss`.

```sh
SSLKEYLOGFILE=keys.txt baresip                            # and others that use OpenSSL, NSS or GnuTLS; of one end only
sip-analyzer calls trace.pcap --keylog keys.txt           # or keylog="keys.txt" in analyzer.read
sip-analyzer calls trace.pcap --keylog server-key.pem     # for suites TLS_RSA_WITH_*, up to TLS 1.2
editcap --inject-secrets tls,keys.txt trace.pcap trace.pcapng     # then no option is needed
```

- Versions: TLS 1.0 to 1.3. Ciphers: AES-128 and AES-256 in GCM, CCM, CCM-8 and CBC (MAC first or last, RFC 7366),
  ChaCha20-Poly1305, NULL. Other suites (3DES, RC4, Camellia, ARIA) are named in `problems`.
- Resumed and renegotiated connections, HelloRetryRequest, KeyUpdate and early data are read with the lines that the
  key log has for them.
- Lines read: `CLIENT_RANDOM`, `CLIENT_HANDSHAKE_TRAFFIC_SECRET`, `SERVER_HANDSHAKE_TRAFFIC_SECRET`,
  `CLIENT_TRAFFIC_SECRET_0`, `SERVER_TRAFFIC_SECRET_0`, `CLIENT_EARLY_TRAFFIC_SECRET`, `PMS_CLIENT_RANDOM`, `RSA`. Other
  lines are ignored.
- Keys that stand in the capture behind the packets that they open are used too: the capture is read once more.
- A key log over 32 MiB is read for the connections of the capture alone. To know these, the capture is read once
  more; the memory depends on the capture, not on the log. Renegotiated connections are not among them.
- Where the capture lost segments, reading resumes at the next record that a key opens. A connection whose hellos were
  not captured cannot be read.
- `problems` names each connection that was not read, if keys were given. Keys are never shown, stored or exported;
  whoever reads what `export` writes needs the same keys.

DTLS is recognised and counted (`not_sip_dtls`), and not decrypted.
"""

KEYS = """
## Keys of IPsec

`--esp-keys FILE` and `analyzer.read(..., esp_keys=FILE)` read packets of ESP that are encrypted. A file has one
association per line, in one of three forms:

- the table `esp_sa` of Wireshark (Preferences, Protocols, ESP; the file `esp_sa` of your profile):
  `"IPv4","10.45.0.2", "10.46.0.1","0x1001","AES-CBC [RFC3602]","0x...","HMAC-SHA-1-96 [RFC2404]","0x..."`; `*` stands
  for any address or SPI;
- the output of `ip xfrm state` on a Linux host that is one of the ends;
- `[SRC DST] SPI EALG KEY ALG KEY`, with the names of TS 33.203 and `-` for no key: `0x1001 aes-cbc 00112233...
  hmac-sha-1-96 8899aabb...`.

Encryption is AES-CBC, AES-GCM, 3DES or none; integrity is HMAC with MD5, SHA-1 or SHA-2, or AES-GMAC. The integrity
check of the packets proves the keys. If keys do not fit, `problems` has a row for the association.

You need no file if the capture contains the registration: `Security-Client` and `Security-Server` on Gm (RFC 3329),
and the keys `ik` and `ck` in the 401 on Mw, or in the Multimedia-Auth-Answer on Cx. They become the keys of the four
associations (TS 33.203 §7.1, Annex I), also those of the next registration while the old ones are still in use. If
the keys follow the packets, or are in another file, the captures are read a second time. For AES-GCM and AES-GMAC,
the capture alone is not enough: give the keys.

Keys appear in no table. The capture itself still contains those that it had, but an export of one call does not: give
the keys to read it.

## SigComp

A compressed message (RFC 3320) contains the bytecode that decompresses it, or refers to state that earlier messages
left with its receiver. The bytecode runs within the cycles and the memory that the standard allows; both directions,
the dictionaries of RFC 3485 and RFC 5112, and shared state (RFC 3321) are known. The size of a receiver's memory is
taken from what it announces, otherwise from the state that later messages refer to. Start the capture before the
phone registers: a message that refers to state from before the capture cannot be read (`sigcomp_state_missing`). A
receiver's own complaint is in `problems` as `sigcomp_nack`. An export of one call can lack the messages that it was
compressed against.
"""

UNKNOWN = """
Packets of any other link type are counted, and a message names the type:

"""


def source(name: str) -> str:
    return (CORE / name).read_text(encoding="utf-8")


def prose(comment: str) -> str:
    return " ".join(line.strip().removeprefix("///").strip() for line in comment.splitlines())


def block(text: str, begin: str, end: str = "\n}") -> str:
    """From a line that begins so to the end of its braces."""
    start = text.index(begin)
    return text[start : text.index(end, start)]


def table(*columns: str, rows: Iterator[tuple[str, ...]]) -> str:
    head = f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def encapsulation() -> str:
    return "".join(
        (
            HEAD,
            "\n## Files\n\npcap (every byte order, microseconds and nanoseconds, modified) and pcapng, plain or in ",
            ", ".join(re.findall(r'=> "(\w+)"', block(source("container/compression.rs"), "pub(super) const fn name"))),
            ".\n",
            table("not supported", "advice", rows=foreign()),
            "\n## Link types\n\n",
            ", ".join(f"{name} ({number})" for name, number in links()),
            ".\n",
            UNKNOWN,
            "".join(f"- {words}\n" for words in what_to_do()),
            "\n## Layers\n",
            NESTING,
            table("layer", "supported", "a tunnel is recognised by", rows=layers()),
            TLS,
            KEYS,
            "\n## Traffic that may contain SIP and is not decoded\n",
            table("protocol", "in `account`", "advice", rows=unread()),
            "\n## Reasons in `account`\n",
            table("reason", "meaning", rows=reasons()),
            "\nOther protocols are named by their content (",
            ", ".join(by_content()),
            "), otherwise by port: ",
            ", ".join(sorted(set(re.findall(r'=> "(\w+)"', source("net/ports.rs"))))),
            ". HEP reports other than SIP: ",
            ", ".join(re.findall(r'=> "(\w+)"', block(source("net/names.rs"), "pub(super) const fn hep_type"))),
            ".\n",
        )
    )


def foreign() -> Iterator[tuple[str, ...]]:
    text = source("container/foreign.rs")
    advice = dict(re.findall(r'const (\w+): &str = "([^"]+)";', text))
    for what, words in dict(re.findall(r'\(b"[^"]*", "([^"]+)", ([^)]+)\)', text)).items():
        yield what, advice.get(words, words.strip('"')).replace("|", r"\|")


def links() -> Iterator[tuple[str, str]]:
    named = block(source("net/link_types.rs"), "\nlink_types! {")
    decoded = block(source("net/link.rs"), "pub(super) fn link<'a>")
    for name, number in re.findall(r"(\w+) = (\d+)", named):
        if f"linktype::{name} " in decoded:
            yield name, number


def what_to_do() -> Iterator[str]:
    sentences = block(source("net/link_types.rs"), "pub(super) fn what_to_do")
    for words in re.findall(r'format!\(\s*"((?:[^"\\]|\\.)*)"', sentences, re.DOTALL):
        yield re.sub(r"\\\s+", "", words).format(name="USER0", link="N")


def layers() -> Iterator[tuple[str, ...]]:
    for name, about, recognised in core().protocols():
        yield name, about, recognised or ""


def unread() -> Iterator[tuple[str, ...]]:
    for reason, (name, advice) in UNREAD.items():
        yield name, f"`{reason}`", advice
    for layer, (name, advice) in ENCRYPTED.items():
        yield f"{name}, encrypted", "`ethertype_macsec`" if layer == "link" else f"`encrypted...` of {layer}", advice
    yield "TLS", "`not_sip_sips`, `not_sip_tls`, with `_client_hello` where a connection begins", TLS_ADVICE


def reasons() -> Iterator[tuple[str, ...]]:
    text = source("net/disposition.rs")
    names: dict[str, list[str]] = {}
    for arm in block(text, "pub fn name(self)", "\n    }").split("Reason::")[1:]:
        spelled = [re.sub(r"\{(\w+)[^}]*\}", r"<\1>", word) for word in re.findall(r'"(\w[^"]*)"', arm)]
        names.setdefault(re.match(r"\w+", arm)[0], []).extend(spelled)  # type: ignore[index]
    enum = block(text, "pub enum Reason {")
    for comment, variant in re.findall(r"((?:[ ]{4}/// .*\n)+)[ ]{4}(\w+)", enum):
        yield ", ".join(f"`{name}`" for name in names[variant]), prose(comment)


def by_content() -> list[str]:
    text = source("sip/detect.rs")
    bodies = block(text, "pub fn name_of", "\n}") + block(text, "fn text_protocol", "\n}")
    return sorted(set(re.findall(r'"([a-z_]{3,})"', bodies)) - {"unknown", "empty"})
