"""The loop one writes with pyshark: count the SIP messages of a capture (tshark frames them)."""

import sys

import pyshark

messages = 0
with pyshark.FileCapture(sys.argv[1], display_filter="sip", keep_packets=False) as packets:
    for packet in packets:
        messages += sum(layer.layer_name == "sip" for layer in packet.layers)
print(messages)
