"""The loop one writes with dpkt: count the SIP messages of a capture."""

import sys

import dpkt
from framing import Streams, is_sip

streams = Streams()
messages = 0
with open(sys.argv[1], "rb") as file:
    for _, frame in dpkt.pcap.Reader(file):
        ip = dpkt.ethernet.Ethernet(frame).data
        transport = ip.data
        if isinstance(transport, dpkt.udp.UDP):
            messages += is_sip(transport.data)
        elif isinstance(transport, dpkt.tcp.TCP) and transport.data:
            messages += streams.count((ip.src, transport.sport, ip.dst, transport.dport), transport.data)
print(messages)
