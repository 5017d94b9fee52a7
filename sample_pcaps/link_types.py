"""The same OPTIONS and its 200 on six kinds of link."""

import wire
from lab import Capture
from sip_messages import ALICE, BOB

LINKS = [  # (name, link type of the file, how a frame is built, its words)
    ("link_sll", 113, wire.linux_sll, "Linux cooked (SLL)"),
    ("link_sll2", 276, wire.linux_sll2, "Linux cooked version 2 (SLL2)"),
    ("link_raw", 101, wire.raw, "raw IP"),
    ("link_null", 0, wire.null, "BSD loopback (NULL)"),
    ("link_vlan", 1, wire.vlan, "Ethernet with a VLAN tag"),
    ("link_qinq", 1, wire.qinq, "Ethernet with two VLAN tags (QinQ)"),
]


def build() -> list[Capture]:
    captures = []
    for name, link_type, link, words in LINKS:
        what = f"An OPTIONS and its 200 on {words}."
        lab = Capture(name, what, container=wire.Pcap(link_type=link_type), link=link)
        options = lab.session("options", ALICE, BOB).request("OPTIONS", ALICE, BOB)
        lab.send(0, ALICE, BOB, options)
        lab.send(7, BOB, ALICE, options.reply(200))
        captures.append(lab)
    return captures
