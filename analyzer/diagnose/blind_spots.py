"""Why a capture shows no SIP, or half of it: a sentence for each reason, from the ledger of its packets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl


Say = Callable[[str], str]
"""A text of ours in the language of the reader; what is in braces is filled in afterwards."""


class BlindSpot(NamedTuple):
    """One reason. ``name`` is a word or two for the left margin."""

    name: str
    sentence: str


# What may carry SIP and is not looked into, by the words of the table ``account``: its name, and what one can do.
UNREAD: dict[str, tuple[str, str]] = {
    "not_sip_gtp_u": ("GTP-U", "GTP-U on a port other than 2152: move it there (tcprewrite --portmap=PORT:2152)"),
    "not_sip_sigcomp": (
        "SigComp",
        "RFC 3320, RFC 5049: messages refer to earlier ones; start the capture before the phone registers",
    ),
    "not_sip_websocket_deflate": (
        "WebSocket, compressed",
        "RFC 7692: a message refers to earlier ones of its connection: capture the connection from its beginning",
    ),
    "protocol_108_ipcomp": ("IPComp", "RFC 3173 with LZS or LZJH: capture in front of the compressor"),
    "protocol_115_l2tp": (
        "L2TP",
        "L2TPv3, RFC 3931, with neither Ethernet nor IP inside: try --engine pyshark",
    ),
    "ppp_protocol_multilink": ("PPP multilink", "RFC 1990: capture the bundle, not one of its links"),
    "ppp_protocol_vj_compressed": ("PPP with compressed headers", "RFC 1144: capture in front of the PPP link"),
    "ppp_protocol_compressed": ("PPP with compression", "RFC 1962: capture in front of the PPP link"),
    "ethertype_nsh": ("NSH", "RFC 8300: tshark may know it, --engine pyshark"),
}
# Names that are not just the word of the account in capitals.
_SPELLED = {
    "unknown": "unknown",
    "rtp": "RTP",
    "scat": "something on port 47290",
    "dhcpv6": "DHCPv6",
    "diameter": "Diameter",
    "bacnet": "BACnet",
    "cassandra": "Cassandra",
    "gsmtap": "GSMTAP",
    "gtp_c": "GTP-C",
    "to_engine": "what the engine does not take for SIP",
    "kerberos": "Kerberos",
    "mdns": "mDNS",
    "netflow": "NetFlow",
    "postgresql": "PostgreSQL",
    "sips": "TLS",
    "sips_client_hello": "TLS",
    "tls_read": "TLS",
    "tls_client_hello": "TLS",
    "port_5060": "something on port 5060",
    "syslog": "syslog",
    "websocket": "WebSocket",
    "websocket_handshake": "WebSocket",
}
_MEDIA = ("RTP", "RTCP")
# Signalling of calls that is not SIP: Skinny, MGCP, H.323 and H.248.
_OTHER_SIGNALLING = ("SCCP", "MGCP", "H323", "MEGACO")
_TOLD = ("TLS", "WebSocket")  # in sentences of their own
_MOST = 4  # protocols that a sentence names


def blind_spots(tables: Mapping[str, pl.DataFrame], say: Say = str) -> list[BlindSpot]:
    """The reasons, from ``files``, ``account`` and ``messages`` (``src_ip dst_ip status``); weightiest first.

    ``ims_registrations``, where it is given, tells whose the security associations of IPsec are. ``say`` gives each
    text in another language.

    With SIP in the capture only what may hide more of it; without, the first says why there is none.
    """
    files, messages = tables["files"], tables["messages"]
    account: dict[tuple[str, str], int] = {
        (layer, reason): packets
        for layer, reason, packets in tables["account"].select("layer", "reason", "packets").rows()
    }
    packets = int(files["packets"].sum() or 0)
    if not packets and files.height:
        told = say("the capture is empty: nothing passed its interface, or its filter let nothing pass")
        return [BlindSpot(say("empty"), told)]
    none = messages.is_empty() and ("sip", "message") not in account
    problems = tables.get("problems")
    spots = [
        *_by_engine(problems, none, say),
        *_unknown_links(account, say),
        *_not_read(account, say),
        *_undecoded_text(problems, say),
        *_encrypted(account, tables.get("ims_registrations"), say),
        *_tls(account, none, _has_keys(problems), say),
    ]
    if sliced := int(files["sliced"].sum() or 0):
        told = say("the snap length of the capture cut {n:,} of {packets}: tcpdump -s 0 keeps them whole")
        spots.append(BlindSpot(say("cut"), told.format(n=sliced, packets=_packets(packets, say))))
    if not none:
        return [*spots, *_one_way(messages, say)]
    if count := _named(account, "gsmtap"):
        told = say(
            "a phone's baseband log: {packets} of GSMTAP hold radio messages; its IP packets, with SIP, go to "
            "UDP port 47290, where scat and QCSuper send them: capture that port too"
        )
        spots.append(BlindSpot(say("no SIP"), told.format(packets=_packets(count, say))))
    if _named(account, "websocket_handshake") and not _named(account, "websocket_deflate"):
        told = say("a WebSocket was opened for SIP, but none of its messages was captured")
        spots.append(BlindSpot(say("no SIP"), told))
    hidden = problems is not None and not problems.filter(code="sip_text_undecoded").is_empty()
    elsewhere = [] if hidden else _elsewhere(account, say)
    if not spots and not elsewhere:
        told = say("the capture contains no payload, only handshakes, acknowledgements and fragments")
        return [BlindSpot(say("no SIP"), told)]
    return spots + elsewhere


def _by_engine(problems: pl.DataFrame | None, none: bool, say: Say) -> Iterator[BlindSpot]:
    """What the engine that was chosen did not find."""
    if problems is not None and none:
        for detail in problems.filter(code="engine_found_nothing")["detail"].unique(maintain_order=True):
            yield BlindSpot(say("no SIP"), detail)


def _undecoded_text(problems: pl.DataFrame | None, say: Say) -> Iterator[BlindSpot]:
    """SIP that is there, in packets of a protocol that nobody here knows."""
    if problems is not None:
        for detail in problems.filter(code="sip_text_undecoded")["detail"].drop_nulls().unique(maintain_order=True):
            told = say("{detail}; tshark may know it: --engine pyshark").format(detail=detail)
            yield BlindSpot(say("not read"), told)


def _has_keys(problems: pl.DataFrame | None) -> bool:
    """Keys were given or lie in the capture, and not those of every connection."""
    return problems is not None and bool(problems["code"].is_in(_OF_KEYS).any())


def _not_read(account: Mapping[tuple[str, str], int], say: Say) -> Iterator[BlindSpot]:
    """What is not looked into, most packets first; SigComp is, but may need what was not captured."""
    counts: dict[str, int] = {}
    if compressed := _named(account, "sigcomp"):
        told = say(
            "SIP may be inside SigComp ({packets}), whose messages refer to earlier ones: start the capture before the "
            "phone registers; `problems` says what was missing"
        )
        yield BlindSpot(say("not read"), told.format(packets=_packets(compressed, say)))
    for (_, reason), count in account.items():
        if reason in UNREAD and reason != "not_sip_sigcomp":
            name, _ = UNREAD[reason]
            counts[name] = counts.get(name, 0) + count
    parts = [f"{name} ({_packets(count, say)})" for name, count in _ranked(counts)]
    if parts:
        told = say("SIP may be inside {layers}, which this version does not decode")
        yield BlindSpot(say("not read"), told.format(layers=_joined(parts, say(" or "))))


def _unknown_links(account: Mapping[tuple[str, str], int], say: Say) -> Iterator[BlindSpot]:
    prefix = "unknown_link_type_"
    links = {reason.removeprefix(prefix): count for (_, reason), count in account.items() if reason.startswith(prefix)}
    if links:
        names = _joined([f"{link} ({_packets(count, say)})" for link, count in links.items()], say(" and "))
        told = say("link type {names} is not decoded: `problems` says how to have it read")
        yield BlindSpot(say("not read"), told.format(names=names))


# What nobody can read without keys, by layer: its name, and what one can do.
ENCRYPTED: dict[str, tuple[str, str]] = {
    "esp": ("IPsec (ESP)", "--esp-keys FILE with the keys of either end; or add a capture of Mw or Cx, where the "
            "keys of a registration are; or capture behind the P-CSCF"),
    "wlan": ("WLAN", "decrypt it first: airdecap-ng with the key, or capture on the wire"),
    "link": ("MACsec", "IEEE 802.1AE: capture behind the port that decrypts"),
}  # fmt: skip
TLS_ADVICE = (
    "--keylog FILE, with a key log of either end (SSLKEYLOGFILE) or the RSA key of the server; keys inside a pcapng "
    "file are used without it; or HEP from the proxy"
)
_OF_KEYS = ["tls_keys_missing", "tls_keys_wrong", "tls_handshake_missing", "tls_cipher_unsupported"]


def of_whom(reasons: Iterable[str], registrations: pl.DataFrame | None) -> list[str]:
    """Whose the security associations are that registrations agreed on: ``0x0000000a to the UE of sip:a@example.com``.

    ``reasons`` of ``account``, which name the SPIs seen; ``registrations``: the table ``ims_registrations``.
    """
    seen = [reason.partition("_spi_")[2] for reason in reasons if "_spi_" in reason]
    if registrations is None or not seen:
        return []
    owners: dict[str, str] = {}
    for user, agreed in registrations.select("aor", "spis").drop_nulls().unique(maintain_order=True).rows():
        for part in agreed.split(", "):
            spi, _, side = part.partition(" ")
            # The same SPI may be chosen again on another address: then it is not known whose this one is.
            owner = f"{spi} to the {side} of {user}"
            owners[spi] = owner if owners.get(spi, owner) == owner else ""
    return [owners[spi] for spi in seen if owners.get(spi)]


def _encrypted(
    account: Mapping[tuple[str, str], int], registrations: pl.DataFrame | None, say: Say
) -> Iterator[BlindSpot]:
    """What nobody can read without keys: IPsec, radio, Ethernet."""
    for layer, (words, _) in ENCRYPTED.items():
        closed = {
            reason: count
            for (its, reason), count in account.items()
            if its == layer and (reason.startswith("encrypted") or reason == "ethertype_macsec")
        }
        # The core names the first SPIs of each direction; those beyond have one row together.
        named = sum("_spi_" in reason for reason in closed)
        beyond = say("more than ") if named and named < len(closed) else ""
        told = say(" of {beyond}{n} security association" if named == 1 else " of {beyond}{n} security associations")
        across = told.format(beyond=beyond, n=named) if named else ""
        if count := sum(closed.values()):
            known = of_whom(closed, registrations)
            more = say(" and {n} others").format(n=len(known) - _MOST) if len(known) > _MOST else ""
            whose = f" ({', '.join(known[:_MOST])}{more})" if known else ""
            told = say("{packets} of {layer}{across}{whose}: SIP inside cannot be read without keys{how}")
            how = say(": bring them with --esp-keys FILE") if layer == "esp" else ""
            what = {"packets": _packets(count, say), "layer": words, "across": across, "whose": whose, "how": how}
            yield BlindSpot(say("encrypted"), told.format(**what))


def _tls(account: Mapping[tuple[str, str], int], none: bool, keys: bool, say: Say) -> Iterator[BlindSpot]:
    """SIP's own port; other TLS where nothing else is SIP."""
    for name, where in (("sips", say(" on port 5061, that of SIP")), ("tls", "")):
        hellos = _named(account, f"{name}_client_hello")
        count = _named(account, name) + hellos
        if count and (none or name == "sips"):
            told = say(", {n:,} handshake" if hellos == 1 else ", {n:,} handshakes")
            begun = told.format(n=hellos) if hellos else ""
            may = say("SIP inside" if name == "sips" else "SIP that may be inside")
            how = say(
                "cannot be read with the keys that are here: `problems` names the connections"
                if keys
                else "cannot be read without keys: bring a key log of either end (SSLKEYLOGFILE) with --keylog FILE"
            )
            told = say("{packets} of TLS{where}{begun}: {may} {how}")
            packets = _packets(count, say)
            yield BlindSpot(say("encrypted"), told.format(packets=packets, where=where, begun=begun, may=may, how=how))


def _named(account: Mapping[tuple[str, str], int], name: str) -> int:
    return sum(count for (_, reason), count in account.items() if reason == f"not_sip_{name}")


def _elsewhere(account: Mapping[tuple[str, str], int], say: Say) -> list[BlindSpot]:
    """There is traffic, and nothing of it is signalling."""
    counts: dict[str, int] = {}
    for (_, reason), count in account.items():
        if reason not in UNREAD and (name := _protocol(reason)) and name not in _TOLD:
            counts[name] = counts.get(name, 0) + count
    if not counts:
        return []
    # RTCP is known by fewer marks than RTP: where it is alone it may be anything.
    media = sum(counts.get(name, 0) for name in _MEDIA) if "RTP" in counts else 0
    undecoded = sum(count for (_, reason), count in account.items() if _is_undecoded(reason))
    ranked = _ranked(counts)
    shown = [f"{name} ({count:,})" for name, count in ranked[:_MOST]]
    if len(ranked) > _MOST:
        beyond = len(ranked) - _MOST
        told = say("{n} other ({packets:,})" if beyond == 1 else "{n} others ({packets:,})")
        shown.append(told.format(n=beyond, packets=sum(count for _, count in ranked[_MOST:])))
    if media and not counts.keys().isdisjoint(_OTHER_SIGNALLING):
        why = say("media, and signalling that is not SIP")
    elif 2 * media >= sum(counts.values()):
        why = say("media without signalling; the signalling uses another path or interface")
    elif 2 * undecoded >= sum(counts.values()):
        why = say(
            "most packets are of a layer that is not decoded and may hide SIP; tshark may know it: --engine pyshark"
        )
    else:
        why = say("no traffic like SIP on any port; check the interface and the capture filter")
    return [BlindSpot(say("no SIP"), f"{why}: {_joined(shown, say(' and '))}")]


def _is_undecoded(reason: str) -> bool:
    """A number below IP that has no name here: what is behind it may be anything, SIP too."""
    return re.fullmatch(r"(ethertype|ppp_protocol)_0x[0-9a-f]+|protocol_\d+|not_ip", reason) is not None


def _protocol(reason: str) -> str | None:
    """The protocol that a reason of the account names; None for what is no protocol."""
    if reason == "not_sip":
        return "unknown"
    if reason == "informational":
        return "ICMP"
    for prefix in ("not_sip_", "hep_type_", "ethertype_", "ppp_protocol_"):
        if reason.startswith(prefix):
            name = reason.removeprefix(prefix)
            return _SPELLED.get(name, name.upper().replace("_", " "))
    if reason.startswith("protocol_"):
        number, _, word = reason.removeprefix("protocol_").partition("_")
        return word.upper() or f"IP protocol {number}"
    return {"llc": "LLC", "netlink": "netlink"}.get(reason)


def _answered_on_its_own_way(messages: pl.DataFrame) -> bool:
    """A response goes the way of the request that it answers (same branch, RFC 3261 §17.1.3), not back."""
    import polars as pl

    branch = ["src_ip", "dst_ip", "via_branch"]
    if "via_branch" not in messages.columns:
        return False
    known = messages.filter(pl.all_horizontal(pl.col(branch).is_not_null()), pl.col("src_ip") != pl.col("dst_ip"))
    requests, responses = known.filter(pl.col("status").is_null()), known.filter(pl.col("status").is_not_null())
    return responses.join(requests, on=branch, how="semi").height > 0


def _one_way(messages: pl.DataFrame, say: Say) -> Iterator[BlindSpot]:
    """Pairs of hosts of which one alone is heard."""
    import polars as pl

    directions = messages.group_by("src_ip", "dst_ip").agg(responses=pl.col("status").count(), all=pl.len())
    heard = {
        (source, target): (responses, count)
        for source, target, responses, count in directions.rows()
        if source is not None and target is not None and source != target
    }
    pairs = {frozenset(ends) for ends in heard}
    alone = {ends: counts for ends, counts in heard.items() if ends[::-1] not in heard}
    if not pairs or 2 * len(alone) < len(pairs):
        return
    responses, count = (sum(column) for column in zip(*alone.values(), strict=True))
    if responses == count:
        told = say("only responses, no request: only one direction was captured")
    elif not responses:
        told = say("only requests, no response: the peer does not answer, or only one direction was captured")
    elif _answered_on_its_own_way(messages):
        source, target = next(iter(alone))
        between = say("from {source} to {target}").format(source=source, target=target)
        way = between if len(alone) == 1 else say("one way between each pair of hosts")
        told = say("all messages go {way}, requests and their responses alike: text2pcap -D tells the direction")
        told = told.format(way=way)
    else:
        told = say("only requests or only responses: only one direction was captured")
    whole = say("between {n:,} of {pairs:,} pairs of hosts ").format(n=len(alone), pairs=len(pairs))
    yield BlindSpot(say("one way"), told if len(alone) == len(pairs) else whole + told)


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Most first; equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _packets(count: int, say: Say) -> str:
    return say("{n:,} packet" if count == 1 else "{n:,} packets").format(n=count)


def _joined(parts: list[str], word: str) -> str:
    return word.join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
