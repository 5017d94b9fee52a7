"""``analyzer.read``: from the names of captures to a :class:`~analyzer.Capture`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from analyzer.api.capture import Capture
from analyzer.api.graph_source import opened
from analyzer.errors import AnalyzerError
from analyzer.reading import engines, native
from analyzer.reading.native import Origin, Progress

if TYPE_CHECKING:
    from analyzer.ims.node_overrides import Entry, Given


def read(
    origins: Origin | Iterable[Origin],
    *,
    capture_points: Iterable[str] = (),
    link_types: Iterable[str] = (),
    keylog: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    esp_keys: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    srtp_keys: str | None = None,
    threads: int = 0,
    limits: Mapping[str, int] | None = None,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
    headers: Iterable[str] = (),
    engine: str = "native",
    tshark_options: Iterable[str] = (),
    nodes: Given | None = None,
    align_clocks: bool = False,
    digits: bool = False,
) -> Capture:
    """Reads captures and returns them as one :class:`Capture` on one time line.

    ``origins`` is a path, a glob, a directory, ``-`` (standard input), a binary file object, or a list of these; pcap
    or pcapng, also compressed (gzip, zstd, lz4, xz, bzip2); or the folder of a store (:func:`analyzer.open_store`).
    ``capture_points`` are ``NAME=GLOB`` words that say which files were taken where; ``link_types`` are words that say
    what the user-defined link types of a file hold (``USER0=ETHERNET``). ``keylog`` is a file with keys of TLS, or
    several: a key log that ``SSLKEYLOGFILE`` named at one of the two ends, or the RSA key of a server (PEM);
    ``esp_keys`` is a file with keys of IPsec, or several. Keys inside a pcapng file, and those of a registration (TS
    33.203) that lie in the capture, are used without them (docs/encapsulation.md). ``srtp_keys`` = ``"sdp"`` opens SRTP
    with the keys of its session descriptions (RFC 4568), for events, framing and audio. ``threads`` = 0 uses every
    processor; the tables do not depend on it. ``limits`` overrides limits by name (docs/limits.md). ``progress`` is
    called with (bytes read, bytes in all, messages). ``tables`` names the tables you are going to look at, where you
    know: what only others need is read when it is asked for; ``headers`` are header fields that you will ask
    :meth:`Capture.headers` for. ``engine`` says who opens the captures (docs/engines.md): ``native``, ``scapy``, or
    ``pyshark``, for which ``tshark_options`` are preferences ``NAME:VALUE`` of Wireshark, such as
    ``tls.keylog_file:keys.txt``. ``nodes`` says what nodes are, where you know: the path of a TOML file, or a mapping
    such as ``{"10.0.0.1:5060": "P-CSCF"}`` (docs/nodes.md). ``align_clocks`` reads a second time with what the table
    ``clocks`` says taken off the times of each capture point but the first. ``digits`` shows the digits in ``dtmf``,
    which may be PINs; else they are ``digit``.

    Raises :class:`~analyzer.errors.CaptureError` when nothing of it can be read. What can be read in part is returned,
    with rows in ``problems``.

    >>> import analyzer
    >>> cap = analyzer.read("sample_pcaps/basic_call.pcap")
    >>> cap.calls[["caller", "callee", "outcome", "status"]].values.tolist()
    [['alice@example.com', 'bob@example.com', 'answered', 200]]
    """
    overrides = _overrides(nodes)
    # What can be gone through once alone is looked at twice.
    if not isinstance(origins, (str, os.PathLike)) and not hasattr(origins, "read"):
        origins = list(origins)
    if (store := _store(cast("Origin | list[Origin]", origins))) is not None:
        from analyzer.api.open_store import open_store

        if align_clocks or capture_points or link_types or keylog or esp_keys or srtp_keys or engine != "native":
            raise AnalyzerError(
                f"{store}: is a store: its captures were read already, so that engine, capture points, link types, keys"
                " and clocks cannot be chosen any more"
            )
        return open_store(store, nodes=nodes, digits=digits)
    sources = native.sources(origins, capture_points, link_types, keylog, esp_keys, srtp_keys)
    found = engines.through(engine, sources, tshark_options)
    if align_clocks:
        return Capture(opened(found, threads, limits, progress, overrides=overrides, digits=digits).aligned())
    return Capture(opened(found, threads, limits, progress, tables, headers, overrides, digits=digits))


def _store(origins: Origin | list[Origin]) -> str | None:
    """The folder of a store, where that is what is named."""
    named = origins if isinstance(origins, list) else [origins]
    folders = [name for name in named if isinstance(name, (str, os.PathLike)) and os.path.isdir(name)]
    if not folders:
        return None
    from analyzer.store.layout import is_store

    stores = [os.fspath(cast("str", name)) for name in folders if is_store(name)]
    if stores and len(named) > 1:
        raise AnalyzerError(f"{stores[0]}: is a store, and is read alone; put captures into it with sip-analyzer batch")
    return stores[0] if stores else None


def _overrides(nodes: Given | None) -> tuple[Entry, ...]:
    if nodes is None:
        return ()
    from analyzer.ims.node_overrides import read

    return read(nodes)
