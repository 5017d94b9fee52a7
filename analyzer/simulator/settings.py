"""The settings of a laboratory."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """What a laboratory does. All shares are of one."""

    calls: int = 100  # scripts of any kind where the mix has no call
    seed: int = 1
    mix: dict[str, float] = field(default_factory=dict)  # weights by scenario, in place of `scripts.MIX`
    calls_per_second: float = 5.0

    # the network
    subscribers: int = 1000
    p_cscfs: int = 2
    application_servers: int = 2
    s_cscfs: int = 2
    combined: str = ""  # "P+S", "I+S": two roles in one node
    ipv6: bool = False
    slow: str = ""  # "tas1=300": what a node needs more for each message, in ms; several with commas
    host_names: bool = False  # names instead of addresses in Via and Route; they tell the role
    transport: str = "udp"  # udp, tcp, mixed (Gm over UDP, the rest over TCP)
    mtu: int = 9000  # 1500: large datagrams go in IP fragments
    loss: float = 0.0  # of messages on a UDP hop; they are sent again

    # what B2BUAs and borders take away
    proxying_as: float = 0.0  # AS visits that keep the Call-ID
    icid_dropped: float = 0.0  # B2BUA visits that begin a new icid and do not say so
    icid_related: float = 0.0  # of the others: new icid, old one as related-icid
    icid_fixed: float = 0.0  # calls that get one and the same icid from a broken node
    session_id_dropped: float = 0.0
    history_dropped: float = 0.0
    odi_dropped: float = 0.0  # AS visits where the S-CSCF's own Route has no original dialog identifier
    sdp_anchored: float = 0.0  # B2BUA visits that put their own address and session into SDP
    called_rewritten: float = 0.5  # first B2BUA visits that write the translated number into To
    max_forwards_reset: bool = True
    topology_hiding: bool = False  # IBCFs make tokens of Via, Route and Record-Route (interconnect calls)
    translated: float = 0.4  # calls dialled in short or national form, translated by the caller's AS
    anonymous: float = 0.03
    media: bool = False  # answered calls have RTP and RTCP; without it those alone whose scenario is about media
    beside: bool = False  # nodes ask HSS, PCRF and DNS, and that is captured, too

    # the capture
    points: tuple[str, ...] = ("all",)  # each: all, core, access, a node name, or several joined by +
    skew_s: float = 0.0  # the clock of each point but the first is off by up to this
    drift_ppm: float = 0.0  # and runs wrong by up to this
    capture_loss: float = 0.0  # of packets, at each point for itself
    mirrored: bool = False  # packets between two tapped nodes are captured twice
    format: str = "pcap"  # pcap or pcapng
    keep_messages: bool = True  # truth row by row; costs about 0.5 kB a message
