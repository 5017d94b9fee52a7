"""What the telephones do in each sample."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from relay import Impairment

ALICE, BOB = "192.0.2.1", "192.0.2.2"
CONTROL = 4444
#: Single losses and short bursts (Gilbert), doubled and overtaken packets, and delay that varies.
SPOILED = Impairment(seed=1, into_burst=0.02, out_of_burst=0.3, doubled=0.01, behind=0.02, delay=0.02, spread=0.01)
LOSSY = Impairment(seed=2, loss=0.05)


@dataclass
class Scenario:
    play: Callable[[Any], None]
    there: Impairment
    back: Impairment
    #: What else a reader must find.
    truth: dict[str, Any] = field(default_factory=dict)


# ---- baresip ---------------------------------------------------------------------------------------------------------

_BARESIP = """\
poll_method epoll
sip_listen @ADDRESS@:5060
audio_source ausine,400
audio_player aufile,/work/@NAME@/heard.wav
audio_alert aufile,/work/@NAME@/alert.wav
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
rtp_tos 184
module_path /usr/lib/baresip/modules
module ausine.so
module aufile.so
@MODULES@
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:4444
"""


def baresip(account: str, modules: str, then: Callable[[Callable[..., None]], None]) -> Callable[[Any], None]:
    """Alice calls Bob, and ``then`` says to her telephone what happens."""

    def play(stage: Any) -> None:
        with contextlib.ExitStack() as ends:
            for name, address, answer in (("alice", ALICE, "manual"), ("bob", BOB, "auto")):
                folder = stage.work / name
                folder.mkdir()
                loaded = "\n".join(f"module {module}.so" for module in modules.split())
                text = _BARESIP.replace("@ADDRESS@", address).replace("@NAME@", name).replace("@MODULES@", loaded)
                (folder / "config").write_text(text)
                (folder / "accounts").write_text(f"<sip:{name}@{address}>;regint=0;{account};answermode={answer}\n")
                (folder / "contacts").touch()
                ends.enter_context(stage.program(name, "baresip", "-f", f"/work/{name}"))
            for name in ("alice", "bob"):
                _ready(stage.log(name))

            def say(command: str, words: str = "", wait: float = 0.4) -> None:
                message = json.dumps({"command": command, "params": words})
                stage.tell("alice", f"{len(message)}:{message},".encode(), CONTROL)
                time.sleep(wait)

            say("dial", f"sip:bob@{BOB}")
            then(say)
            say("hangup", wait=0.6)

    return play


def _ready(log: Path) -> None:
    for _ in range(200):
        if "is ready" in log.read_text(errors="replace"):
            return
        time.sleep(0.05)
    raise SystemExit(log.read_text(errors="replace")[-4000:])


def _digits_and_hold(say: Callable[..., None]) -> None:
    time.sleep(5.5)
    for digit in "14#":
        say("sndcode", digit)
    say("hold", wait=2.0)
    say("resume", wait=5.0)


def _talks(say: Callable[..., None]) -> None:
    time.sleep(4)
    say("sndcode", "7")
    time.sleep(2)


# ---- SIPp ------------------------------------------------------------------------------------------------------------

_EVENTS = "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"


def _sdp(kind: int, version: int) -> str:
    return (
        f"v=0\r\no=- 1 {version} IN IP4 [local_ip]\r\ns=-\r\nc=IN IP4 [local_ip]\r\nt=0 0\r\n"
        f"m=audio [rtpstream_audio_port] RTP/AVP {kind} 101\r\n{_EVENTS}"
    )


def _request(method: str, cseq: int, to: str = "", body: str = "") -> str:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    again = "" if method == "ACK" else ' retrans="500"'
    return (
        f"<send{again}><![CDATA[\n{method} sip:bob@{BOB} SIP/2.0\r\n"
        "Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\r\nMax-Forwards: 70\r\n"
        f"From: <sip:alice@{ALICE}>;tag=a[call_number]\r\nTo: <sip:bob@{BOB}>{to}\r\nCall-ID: [call_id]\r\n"
        f"CSeq: {cseq} {method}\r\nContact: <sip:alice@[local_ip]:[local_port]>\r\n"
        f"{kind}Content-Length: [len]\r\n\r\n{body}]]></send>\n"
    )


def _invite(cseq: int, kind: int, to: str = "") -> str:
    answered = '<recv response="100" optional="true"/><recv response="200" rtd="true"/>\n'
    return _request("INVITE", cseq, to, _sdp(kind, cseq)) + answered + _request("ACK", cseq, _TAG)


_TAG = "[peer_tag_param]"


def _ok(tag: str = "", body: str = "") -> str:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        "<send><![CDATA[\nSIP/2.0 200 OK\r\n[last_Via:]\r\n[last_From:]\r\n"
        f"[last_To:]{tag}\r\n[last_Call-ID:]\r\n[last_CSeq:]\r\nContact: <sip:bob@[local_ip]:[local_port]>\r\n"
        f"{kind}Content-Length: [len]\r\n\r\n{body}]]></send>\n"
    )


def _does(what: str) -> str:
    return f"<nop><action><exec {what}/></action></nop>\n"


def _streams(kind: int) -> str:
    return _does(f'rtp_stream="/work/sound.{kind},-1,{kind}"')


def sipp(stage: Any) -> None:
    """The codec changes by a re-INVITE; then a digit, of which Debian's package brings a capture to be played."""
    for kind in (0, 8):
        (stage.work / f"sound.{kind}").write_bytes(bytes(range(256)) * 250)
    for digit in ("1", "pound"):
        name = f"dtmf_2833_{digit}.pcap"
        shutil.copy(stage.software / "usr/share/sip-tester" / name, stage.work / name)
    pause = '<pause milliseconds="4000"/>\n'
    digit = _does('play_pcap_audio="/work/dtmf_2833_1.pcap"') + '<pause milliseconds="1000"/>\n'
    calls = _invite(1, 8) + _streams(8) + pause + _invite(2, 0, _TAG) + _streams(0) + pause + digit
    called = '<recv request="INVITE"/>\n{}<recv request="ACK"/>\n{}'
    scenarios = {
        "alice": calls + _request("BYE", 3, _TAG) + '<recv response="200"/>\n',
        "bob": called.format(_ok(";tag=b", _sdp(8, 1)), _streams(8))
        + called.format(_ok("", _sdp(0, 2)), _streams(0))
        + '<recv request="BYE"/>\n' + _ok(),
    }  # fmt: skip
    for name, steps in scenarios.items():
        (stage.work / f"{name}.xml").write_text(
            f'<?xml version="1.0"?>\n<scenario name="{name}">\n{steps}</scenario>\n'
        )
    common = ["-p", "5060", "-m", "1", "-nostdin", "-timeout", "40s", "-mp", "6000"]
    with stage.program("bob", "sipp", "-sf", "/work/bob.xml", "-i", BOB, *common):
        time.sleep(0.7)
        with stage.program("alice", "sipp", "-sf", "/work/alice.xml", "-i", ALICE, *common, f"{BOB}:5060") as caller:
            if caller.wait(45):
                raise SystemExit(stage.log("alice").read_text(errors="replace")[-2000:])


ALL = {
    "baresip": Scenario(
        baresip("audio_codecs=pcma/8000/1", "g711", _digits_and_hold),
        SPOILED, LOSSY, {"digits": 3, "codecs": ["PCMA/8000"]},
    ),
    "baresip_srtp": Scenario(
        baresip(
            "audio_codecs=opus/48000/2;mediaenc=dtls_srtp;medianat=ice;rtcp_mux=yes",
            "opus srtp dtls_srtp ice stun", _talks,
        ),
        SPOILED, LOSSY, {"digits": 0, "codecs": ["opus/48000/2"]},
    ),
    "sipp": Scenario(sipp, SPOILED, Impairment(), {"digits": 1, "codecs": ["PCMA/8000", "PCMU/8000"]}),
}  # fmt: skip
