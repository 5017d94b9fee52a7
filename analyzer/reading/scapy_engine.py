"""Engine ``scapy``: its readers read the file, its dissectors find IP where the link layer is one that only it knows.

Each packet goes on to the one reader, in the same order and with the same time, so that frames keep their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from analyzer.errors import AnalyzerError, CaptureError
from analyzer.reading.pcapng import RAW, Writer

if TYPE_CHECKING:
    from scapy.packet import Packet
    from scapy.plist import PacketList

# LINKTYPE_ numbers that need no help: of other packets, the outermost IP packet is delivered.
_OURS = frozenset({0, 1, 12, 14, RAW, 108, 113, 228, 229, 276})


def deliver(name: str, path: str, output: IO[bytes]) -> None:
    """Writes the packets of a capture for the one reader.

    Raises :class:`~analyzer.errors.CaptureError` for what scapy cannot read: it knows pcap and pcapng, also in gzip.
    """
    from scapy.error import Scapy_Exception

    writer = Writer(output)
    try:
        for link, data, time, wire_length in _records(path):
            writer.packet(*_reachable(link, data), time, wire_length)
    except EOFError:
        writer.cut()
    except (OSError, Scapy_Exception) as error:
        raise CaptureError(name, 0, f"scapy cannot read it: {error}") from error


def _records(path: str) -> Iterator[tuple[int, bytes, int | None, int]]:
    """LINKTYPE_, bytes, time in ns and length on the wire of each packet; EOFError where the file ends within one."""
    from scapy.utils import RawPcapNgReader, RawPcapReader

    with RawPcapReader(path) as reader:
        sections = isinstance(reader, RawPcapNgReader)
        if sections:
            _number_interfaces_by_section(reader)
        records: Iterable[tuple[bytes, Any]] = reader
        for data, about in records:
            if not sections:
                if len(data) < about.caplen:
                    raise EOFError
                nanoseconds = about.sec * 10**9 + about.usec * (1 if reader.nano else 1000)
                yield reader.linktype, data, nanoseconds, about.wirelen
            elif about.tshigh is None:
                yield about.linktype, data, None, about.wirelen
            else:
                stamp = (about.tshigh << 32) + about.tslow
                yield about.linktype, data, stamp * 10**9 // about.tsresol, about.wirelen


def _number_interfaces_by_section(reader: Any) -> None:
    """scapy 2.8 goes on counting interfaces over the sections of a pcapng file; each has its own from 0."""
    read_header = reader._read_block_shb

    def begin_section() -> None:
        reader.interfaces.clear()
        read_header()

    reader._read_block_shb = begin_section


def packets(path: str) -> PacketList:
    """The packets of a capture, dissected; ``time`` exact to the nanosecond."""
    import scapy.layers.all  # noqa: F401
    from scapy.config import conf
    from scapy.plist import PacketList
    from scapy.utils import EDecimal

    found = []
    for link, data, time, wire_length in _records(path):
        packet = conf.l2types.num2layer.get(link, conf.raw_layer)(data)
        packet.time = None if time is None else EDecimal(time) / 10**9  # type: ignore[assignment]
        packet.wirelen = wire_length
        found.append(packet)
    return PacketList(found, name=path)


def _reachable(link: int, data: bytes) -> tuple[int, bytes]:
    """A packet whose link layer our reader knows, or its outermost IP packet, or as it is: then it is counted."""
    if link in _OURS:
        return link, data
    import scapy.layers.all  # noqa: F401
    from scapy.config import conf

    layer = conf.l2types.num2layer.get(link)
    ip = _ip_of(layer(data)) if layer else None
    return (RAW, ip) if ip else (link, data)


def _ip_of(packet: Packet) -> bytes | None:
    """The bytes of the outermost IP packet, as they were dissected."""
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    layer = next((layer for layer in _layers(packet) if isinstance(layer, (IP, IPv6))), None)
    return bytes(layer.original or bytes(layer)) if layer is not None else None


def _layers(packet: Any) -> Iterator[Any]:
    while packet:
        yield packet
        packet = packet.payload


def deliver_packets(packets: Iterable[Packet], output: IO[bytes]) -> None:
    """Writes packets in memory, dissected or crafted; times are theirs (``packet.time``)."""
    from scapy.config import conf
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    writer = Writer(output)
    for number, packet in enumerate(packets, start=1):
        # scapy writes LINKTYPE_RAW as the DLT_RAW of its platform.
        link = RAW if isinstance(packet, (IP, IPv6)) else conf.l2types.layer2num.get(type(packet))
        data = bytes(packet)
        if link is None and (ip := _ip_of(packet)):
            link, data = RAW, ip
        if link is None:
            raise AnalyzerError(f"packet {number}: no capture holds a {type(packet).__name__} without link layer or IP")
        time = None if packet.time is None else int(packet.time * 10**9)
        writer.packet(*_reachable(link, data), time, packet.wirelen)
