"""Calls as they happen: packets of a wire, a pipe or agents, read a moment at a time.

::

    wire.py       where packets come from: tcpdump or dumpcap, a pipe, agents of HEP; as one stream of pcap or pcapng
    segments.py   cuts the stream into captures of a moment each
    following.py  reads one after the other in windows, as a store does, and says which calls have ended or failed
    metrics.py    counts them for monitoring: OpenMetrics on a local port
"""
