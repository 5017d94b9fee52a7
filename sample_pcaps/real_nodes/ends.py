"""The ends of the calls: SIPp as whoever calls and whoever is called, and what their logs say of each call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
NODE = "192.0.2.2"
SECRET = "secret"

# What the two digits before the last three make an end do (`sipp/callee.xml`).
ENDS = {
    31: "answers", 32: "answers and hangs up", 33: "486 after ringing", 34: "503", 35: "404", 36: "480 after ringing",
    37: "603 after ringing", 38: "rings on", 39: "486", 40: "500", 41: "silent", 42: "183 with media, then answers",
    43: "302", 44: "407, then answers", 45: "600", 46: "answers at once", 47: "403", 48: "488", 49: "rings long",
}  # fmt: skip
TRUNK, SECOND, GATEWAY = "192.0.2.30", "192.0.2.29", "192.0.2.20"


@dataclass
class Call:
    """One call that is made: who calls which number, when, and how long he waits and talks.

    Phones have an address each; 1101 to 1109 are challenged. Times are seconds from the start of the capture.
    """

    at: float
    caller: str
    dialled: str
    how: str = ""  # "", "cancels", "holds", "transfers"
    patience: float = 25
    talk: float = 1.5
    refer_to: str = ""
    name: str = field(default="", init=False)

    @property
    def key(self) -> str:
        """What the number called on any leg ends with."""
        return self.dialled[-3:] if self.dialled[-1].isdigit() else self.dialled

    @property
    def challenged(self) -> bool:
        return self.caller.startswith("11")

    @property
    def address(self) -> str:
        if self.caller.startswith("+"):
            return GATEWAY
        if self.caller.isdigit():
            return f"192.0.2.{(130 if self.challenged else 64) + int(self.caller[-2:])}"
        return f"192.0.2.{112 + sum(self.caller.encode()) % 14}"


def filled(name: str, words: dict[str, object]) -> str:
    """A scenario of `sipp/` with its words filled in; a word for a whole line that is empty leaves no line."""

    def fill(text: str) -> str:
        text = re.sub(r"^@([A-Z]+)@\n", lambda match: fill(f"{words[match[1]]}\n").lstrip("\n"), text, flags=re.M)
        return re.sub(r"@([A-Z]+)@", lambda match: fill(str(words[match[1]])), text)

    return fill((HERE / f"sipp/{name}.xml").read_text())


def _part(name: str, number: int) -> str:
    return (HERE / f"sipp/{name}.xml").read_text().replace("@N@", str(number))


def caller(call: Call, work: Path, host: str, challenges: bool, node: str = NODE, port: int = 5060) -> list[str]:
    """Writes the scenario of a call and gives the command that makes it."""
    challenged = call.challenged and challenges
    first = _part("challenged", 1).replace("@INVITE@", _part("invite", 1)).replace("@REFUSED@", _part("refused", 1))
    cseq = 2 if challenged else 1
    then = {"holds": "hold", "transfers": "refer"}.get(call.how)
    credentials = f"[authentication username={call.caller} password={SECRET}]"
    words = {
        "NAME": call.name, "USER": call.caller, "URI": f"sip:{call.dialled}@{node}",
        "FROM": f"<sip:{call.caller}@{host or call.address}>", "PATIENCE": round(call.patience * 1000),
        "TALK": round(call.talk * 1000), "FIRST": first.replace("@SAYS@\n", "") if challenged else "",
        "INVITE": _part("invite", cseq), "REFUSED": _part("refused", cseq), "CSEQ": cseq,
        "SAYS": credentials if challenged else "",
        "THEN": (HERE / f"sipp/{then}.xml").read_text() if then else "",
        "REFER": f"sip:{call.refer_to}@{node}", "MEDIA": 20000 + 2 * int.from_bytes(call.name.encode()) % 9000,
    }  # fmt: skip
    (work / f"{call.name}.xml").write_text(filled("caller", words))
    one = ["-m", "1", "-timeout", "45s", "-cid_str", f"{call.name}-%u@%s"]
    return [*_sipp(call.name, call.address, port), *one, f"{node}:5060"]


def callee(address: str, work: Path, ring: int, answer: int) -> list[str]:
    number = address.rpartition(".")[2]
    words = {"ADDRESS": number, "RING": ring, "ANSWER": answer}
    (work / f"end{number}.xml").write_text(filled("callee", words))
    return [*_sipp(f"end{number}", address, 5060), "-mp", "40000"]


def _sipp(name: str, address: str, port: int) -> list[str]:
    return ["sipp", "-sf", f"/work/{name}.xml", "-i", address, "-p", str(port), "-nostdin", "-trace_msg",
            "-message_file", f"/work/{name}.log", "-trace_err", "-error_file", f"/work/{name}.err"]  # fmt: skip


# ---- what the logs say -----------------------------------------------------------------------------------------------


@dataclass
class Leg:
    """What an end saw under one Call-ID, as the end of it that calls or that is called."""

    call_id: str
    number: str
    began: float
    caller: str
    end: str
    final: int | None = None
    cancel: bool = False
    bye: str | None = None


# SIPp's clock stands still while it works: seconds by which an entry may be late.
SLACK = 0.2
# Seconds that calls to one number must be apart, so that they reach the called side in their order.
CLEAR = 0.25

_ENTRY = re.compile(
    r"^-{20,} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)\nUDP message (sent|received) .*?\n\n(.*?)(?=^-{20,} |\Z)",
    re.M | re.S,
)


def _header(message: str, *names: str) -> str:
    for name in names:
        found = re.search(rf"^{name}\s*:\s*(.*?)\s*$", message, re.M | re.I)
        if found:
            return found[1]
    return ""


def _user(uri: str) -> str:
    found = re.search(r"sips?:([^@;>]*)@", uri)
    return found[1] if found else ""


def entries(path: Path) -> Iterator[tuple[float, str, str]]:
    """Time, ``sent`` or ``received``, and text of every message in a log of SIPp."""
    if not path.exists():
        return
    for time, way, message in _ENTRY.findall(path.read_text(errors="replace").replace("\r", "")):
        yield datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp(), way, message.lstrip()


def legs(path: Path) -> dict[str, Leg]:
    """Every Call-ID of a log with an INVITE at its beginning."""
    found: dict[str, Leg] = {}
    for time, way, message in entries(path):
        call_id, start = _header(message, "Call-ID", "i"), message.partition("\n")[0]
        leg = found.get(call_id)
        if leg is None:
            if start.startswith("INVITE "):
                number, who = _user(start), _user(_header(message, "From", "f"))
                found[call_id] = Leg(call_id, number, time, who, path.stem)
            continue
        cseq = _header(message, "CSeq")
        if start.startswith("SIP/2.0 "):
            status = int(start.split()[1])
            if status >= 200 and cseq.endswith("INVITE") and (leg.final is None or leg.final in (401, 407)):
                leg.final = status
        elif start.startswith("CANCEL "):
            leg.cancel = True
        elif start.startswith("BYE ") and leg.bye is None:
            leg.bye = way
    return found


def _tagged(path: Path) -> dict[str, set[str]]:
    """Call-IDs of the capture by From tag: the callers' tags are the names of the calls, and some boxes keep them.

    It says which leg between two boxes, where no end has a log, belongs to which call.
    """
    found: dict[str, set[str]] = {}
    for message in re.findall(rb"INVITE sip:.*?\r\n\r\n", path.read_bytes(), re.S):
        text = message.decode(errors="replace").replace("\r", "")
        tag = re.search(r"^(?:From|f)\s*:.*;tag=(c\d\d)\s*$", text, re.M | re.I)
        if tag:
            found.setdefault(tag[1], set()).add(_header(text, "Call-ID", "i"))
    return found


def truth(calls: list[Call], work: Path) -> list[dict[str, object]]:
    """One entry a call, from the logs of its ends: the called side's legs belong to the call whose number they bear.

    Several calls to one number have a leg each. They are told apart by the caller's From tag, where the box keeps it,
    or else by their order in time, which the plan keeps clear.
    """
    far = sorted((leg for path in work.glob("end*.log") for leg in legs(path).values()), key=lambda leg: leg.began)
    near: dict[str, Leg] = {}
    for call in calls:
        made = list(legs(work / f"{call.name}.log").values())
        if len(made) != 1:
            raise SystemExit(f"{call.name}: {len(made)} calls in its log; see {work}")
        near[call.name] = made[0]
    tagged = _tagged(work / "node.pcap")
    order = sorted(calls, key=lambda call: near[call.name].began)
    callers = {call.caller for call in calls}
    shown = []
    for call in calls:
        leg = near[call.name]
        mine = [other for other in far if other.number.endswith(call.key)]
        rivals = [rival for rival in order if rival.key == call.key]
        if kept := [other for other in mine if other.call_id in tagged.get(call.name, ())]:
            mine = kept
        elif len(rivals) > 1:
            starts = [near[rival.name].began for rival in rivals]
            if len(mine) != len(rivals) or min(b - a for a, b in pairwise(starts)) < CLEAR:
                raise SystemExit(f"{call.name}: calls to one number came too close together; run it again")
            mine = [mine[rivals.index(call)]]
        if any(other.caller in callers - {call.caller} or other.began + SLACK < leg.began for other in mine):
            raise SystemExit(f"{call.name}: has the leg of another; see {work}")
        between = sorted(tagged.get(call.name, set()) - {leg.call_id, *(other.call_id for other in mine)})
        transferred = [other for other in far if call.refer_to and other.number.endswith(call.refer_to[-3:])]
        answered = leg.final is not None and leg.final < 300
        shown.append({
            "name": call.name, "caller": call.caller, "dialled": call.dialled, "how": call.how,
            "challenged": call.challenged, "final_status": leg.final, "answered": answered,
            "cancelled": leg.cancel and not answered,
            "released_by": {"sent": "caller", "received": "called side"}.get(leg.bye or "") if answered else None,
            "call_id": leg.call_id, "between": between,
            "called": [
                {"call_id": other.call_id, "end": other.end.removeprefix("end"), "number": other.number,
                 "from": other.caller, "final_status": other.final, "cancelled": other.cancel, "bye": other.bye,
                 "after_s": round(other.began - leg.began, 3)}
                for other in mine
            ],
            "transferred_to": [other.call_id for other in transferred],
        })  # fmt: skip
    return shown
