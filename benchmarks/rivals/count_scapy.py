"""The loop one writes with scapy: count the SIP messages of a capture."""

import sys

from framing import Streams, is_sip
from scapy.layers.inet import IP, TCP, UDP
from scapy.utils import PcapReader

streams = Streams()
messages = 0
with PcapReader(sys.argv[1]) as packets:
    for packet in packets:
        if UDP in packet:
            messages += is_sip(bytes(packet[UDP].payload))
        elif TCP in packet and (payload := bytes(packet[TCP].payload)):
            messages += streams.count((packet[IP].src, packet[TCP].sport, packet[IP].dst, packet[TCP].dport), payload)
print(messages)
