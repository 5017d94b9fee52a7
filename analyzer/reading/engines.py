"""Which engine opens the captures: all deliver to the one reader, so that there is one parser."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import IO, TYPE_CHECKING

from analyzer.errors import AnalyzerError, CaptureError
from analyzer.reading.native import Sources, may_be_capture

if TYPE_CHECKING:
    from scapy.packet import Packet

#: The first is the default.
ENGINES = ("native", "scapy", "pyshark")

_PERHAPS = (
    "its keys may be missing or wrong, or it takes SIP for another protocol (--tshark-option "
    "decode_as:tls.port==25061,sip)"
)


def through(engine: str, found: Sources, tshark_options: Iterable[str] = ()) -> Sources:
    """The captures as that engine delivers them: under the same names, in temporary files for the one reader.

    Raises AnalyzerError for an engine that is not there, and CaptureError where it can read none of them; a single one
    among others is left to the native reader, which tells what is wrong with it.
    """
    options = list(tshark_options)
    if engine == "pyshark" and found.keys:
        if len(found.keys) > 1:
            raise AnalyzerError("tshark takes one key log: give one file with the lines of all")
        options.append(f"tls.keylog_file:{found.keys[0]}")
    if engine not in ENGINES:
        raise AnalyzerError(f"no engine is called {engine!r}; there are {', '.join(ENGINES)}")
    if options and engine != "pyshark":
        raise AnalyzerError("tshark options are for engine pyshark")
    if found.esp_keys and engine == "pyshark":
        raise AnalyzerError(
            "engine pyshark takes the keys of ESP from Wireshark's own table esp_sa; leave esp_keys out, or the engine"
        )
    if engine == "native":
        return found
    if engine == "scapy":
        from analyzer.reading import scapy_engine

        def deliver(name: str, path: str, output: IO[bytes]) -> tuple[int, int]:
            scapy_engine.deliver(name, path, output)
            return 0, 0
    else:
        from analyzer.reading import pyshark_engine

        pyshark_engine.check(options)
        deliver = partial(pyshark_engine.deliver, options=options)
    delivered = Sources(
        [], found.link_types, found.keys, [*found.spooled], esp_keys=found.esp_keys, srtp_keys=found.srtp_keys
    )
    refused = []
    for name, path, point in found.files:
        copy = _spool(delivered)
        try:
            found_sip, packets = deliver(name, path, copy)
        except CaptureError as error:
            refused.append(error)
            delivered.files.append((name, path, point))
        else:
            copy.flush()
            if found_sip or engine != "pyshark":
                delivered.files.append((name, copy.name, point))
                continue
            # What hides it, the native reader may know, and when: tshark's frames without SIP are empty here.
            native_reads = may_be_capture(path)
            delivered.files.append((name, path if native_reads else copy.name, point))
            delivered.found_nothing.append((name, f"tshark found no SIP in {packets:,} packets; {_PERHAPS}"))
    if engine == "pyshark":
        delivered.filler = pyshark_engine.FILLER
    if len(refused) == len(found.files):
        raise refused[0]
    return delivered


def of_packets(packets: Iterable[Packet]) -> Sources:
    """Packets of scapy in memory."""
    from analyzer.reading import scapy_engine

    delivered = Sources([])
    copy = _spool(delivered)
    scapy_engine.deliver_packets(packets, copy)
    copy.flush()
    delivered.files.append(("packets", copy.name, None))
    return delivered


def _spool(delivered: Sources) -> IO[bytes]:
    # It lives as long as the capture: messages are read again when somebody asks for their text.
    import tempfile

    copy = tempfile.NamedTemporaryFile(prefix="sip-analyzer-", suffix=".pcapng")  # noqa: SIM115
    delivered.spooled.append(copy)
    return copy
