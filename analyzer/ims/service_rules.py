"""What names a service (TS 24.173 and the specifications of each service): header fields, bodies, events, media.

A rule is one line: the service, where it is looked for and what is looked for there, the standard. A pattern with a
group gives the ``detail`` of the row: what it matched, or the word that ``DETAIL`` has for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Which messages a rule looks at.
Of = Literal["any", "invite", "invite_request", "invite_response"]


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """A header field that names a service: ``pattern`` (any case) is looked for in its value."""

    service: str
    header: str
    pattern: str
    standard: str
    of: Of = "any"


# IMS communication service and application reference identifiers (TS 23.228 §4.13, TS 24.229 §7.2A.8, GSMA RCC.07), in
# the fields that say which service this very request is for.
_REFERENCES: tuple[tuple[str, str, str], ...] = (
    ("mmtel", r"icsi\.mmtel", "TS 24.173 §5"),
    ("rcs_chat", r"oma\.cpm\.(session(?:\.group)?|msg(?:\.group)?|largemsg|deferred|systemmsg)", "GSMA RCC.07 §3.2"),
    ("rcs_chat", r"rcse\.im|g\.oma\.sip-im", "GSMA RCC.07 §2.6"),
    (
        "file_transfer",
        r"oma\.cpm\.filetransfer|rcse\.ft\b|rcs\.fthttp|rcs\.ftthumb|rcs\.ftstandfw",
        "GSMA RCC.07 §3.2.5",
    ),
    ("location_push", r"rcs\.geopush", "GSMA RCC.07 §3.2.6"),
    ("chatbot", r"rcs\.chatbot(?:\.sa)?", "GSMA RCC.07 §3.6"),
    ("call_composer", r"gsma\.callcomposer", "GSMA RCC.20"),
    ("call_composer", r"gsma\.callunanswered", "GSMA RCC.20"),
    ("content_share", r"gsma\.shared(?:map|sketch)|cs-voice|gsma-is|gsma-vs", "GSMA RCC.20, RCC.07"),
    ("mission_critical", r"icsi\.mc(?:ptt|video|data)", "TS 24.379, TS 24.281, TS 24.282"),
    ("sms", r"g\.3gpp\.smsip", "TS 24.341 §5.3.2.2"),
    ("srvcc", r"g\.3gpp\.(?:[a-z0-9]+-)*srvcc(?:-[a-z]+)*", "TS 24.237"),
)
_ASKING = ("P-Asserted-Service", "P-Preferred-Service", "Accept-Contact")

HEADER_RULES: tuple[HeaderRule, ...] = (
    *(HeaderRule(service, header, pattern, clause) for service, pattern, clause in _REFERENCES for header in _ASKING),
    HeaderRule("call_waiting", "Alert-Info", r"urn:alert:service:call-waiting", "TS 24.615, RFC 7462"),
    HeaderRule("call_forwarding", "Alert-Info", r"urn:alert:service:forward", "RFC 7462"),
    HeaderRule("call_completion", "Alert-Info", r"urn:alert:service:recall:callback", "TS 24.642, RFC 7462"),
    HeaderRule("crs", "Alert-Info", r"<\s*(?:https?|cid):", "TS 24.183", "invite_request"),
    HeaderRule("cat", "Alert-Info", r"<\s*(?:https?|cid):", "TS 24.182", "invite_response"),
    HeaderRule("call_completion", "Call-Info", r"purpose\s*=\s*call-completion", "TS 24.642, RFC 6910"),
    # The cause is a parameter of the URI that the call went to (RFC 4458), or stands in the escaped Reason of the one
    # that it did not reach (RFC 7044 §5).
    HeaderRule("call_forwarding", "History-Info",
               r"[;?&](?:Reason=SIP%3B(?:%20)*)?cause(?:=|%3D)(302|404|408|480|486|487|503)\b",
               "TS 24.604 §4.5.2.6, RFC 7044, RFC 4458", "invite"),
    HeaderRule("call_forwarding", "Diversion", r'reason\s*=\s*"?([a-z-]+)', "RFC 5806", "invite"),
    HeaderRule("oir", "Privacy", r"\b(id|user|header)\b", "TS 24.607, RFC 3323, RFC 3325", "invite_request"),
    HeaderRule("tir", "Privacy", r"\b(id|user|header)\b", "TS 24.608, RFC 3323, RFC 3325", "invite_response"),
    HeaderRule("conference", "Contact", r";\s*isfocus\b", "TS 24.605, RFC 4579 §3.1", "invite"),
    HeaderRule("communication_transfer", "Referred-By", r"\S", "TS 24.629, RFC 3892", "invite_request"),
    HeaderRule("ussi", "Info-Package", r"\bg\.3gpp\.ussd\b", "TS 24.390"),
    HeaderRule("ussi", "Recv-Info", r"\bg\.3gpp\.ussd\b", "TS 24.390"),
    HeaderRule("dtmf", "Info-Package", r"\binfodtmf\b", "TS 24.229 §5.1.8"),
    HeaderRule("srvcc", "Info-Package", r"\bg\.3gpp\.(?:state-and-event|access-transfer-events)\b", "TS 24.237"),
    HeaderRule("srvcc", "Reason", r"handover cancelled|failure to transition to CS domain", "TS 24.237"),
    HeaderRule("user_to_user", "User-to-User", r"\S", "RFC 7433", "invite"),
    HeaderRule("priority", "Resource-Priority", r"\b([a-z0-9-]+)\.[a-z0-9-]+", "RFC 4412, TS 24.229 §4.11"),
)  # fmt: skip

#: Services by the media type of a body or of a part of one.
PART_RULES = {
    "application/vnd.3gpp.sms": ("sms", "TS 24.341"),
    "application/vnd.3gpp.ussd+xml": ("ussi", "TS 24.390"),
    "application/vnd.3gpp.ussd": ("ussi", "TS 24.390"),
    "application/vnd.3gpp.cw+xml": ("call_waiting", "TS 24.615"),
    "application/vnd.etsi.cug+xml": ("closed_user_group", "TS 24.654"),
    "application/vnd.etsi.aoc+xml": ("advice_of_charge", "TS 24.647"),
    "application/vnd.etsi.mcid+xml": ("mcid", "TS 24.616"),
    "application/vnd.3gpp.srvcc-info+xml": ("srvcc", "TS 24.237"),
    "application/vnd.3gpp.srvcc-ext+xml": ("srvcc", "TS 24.237"),
    "application/vnd.3gpp.state-and-event-info+xml": ("srvcc", "TS 24.237"),
    "application/vnd.3gpp.access-transfer-events+xml": ("srvcc", "TS 24.237"),
    "application/conference-info+xml": ("conference", "RFC 4575"),
    "application/vnd.gsma.rcs-ft-http+xml": ("file_transfer", "GSMA RCC.07 §3.2.5"),
    "application/vnd.gsma.rcspushlocation+xml": ("location_push", "GSMA RCC.07 §3.2.6"),
    "message/cpim": ("rcs_chat", "RFC 3862, GSMA RCC.07 §3.2"),
    "message/imdn+xml": ("delivery_notification", "RFC 5438"),
    "application/im-iscomposing+xml": ("instant_message", "RFC 3994"),
    "application/vnd.3gpp.mcptt-info+xml": ("mission_critical", "TS 24.379"),
    "application/vnd.3gpp.mcvideo-info+xml": ("mission_critical", "TS 24.281"),
    "application/vnd.3gpp.mcdata-info+xml": ("mission_critical", "TS 24.282"),
    "application/emergencycalldata.ecall.msd": ("ecall", "RFC 8147"),
    "application/dtmf-relay": ("dtmf", "RFC 6086 annex"),
    "application/dtmf": ("dtmf", "RFC 6086 annex"),
    "application/isup": ("sip_i", "RFC 3204, ITU-T Q.1912.5"),
    "application/qsig": ("sip_i", "RFC 3204"),
}

#: Services by event package (IANA registry of SIP event packages).
EVENT_RULES = {
    "presence": ("presence", "RFC 3856"),
    "presence.winfo": ("presence", "RFC 3857"),
    "reg": ("reg_event", "RFC 3680"),
    "conference": ("conference", "RFC 4575"),
    "message-summary": ("message_waiting", "TS 24.606, RFC 3842"),
    "call-completion": ("call_completion", "TS 24.642, RFC 6910"),
    "dialog": ("dialog_event", "RFC 4235"),
    "ua-profile": ("configuration", "RFC 6080"),
    "xcap-diff": ("configuration", "RFC 5875"),
    "kpml": ("dtmf", "RFC 4730"),
    "vq-rtcpxr": ("quality_report", "RFC 6035"),
    "poc-settings": ("push_to_talk", "RFC 4354"),
}

#: Services by the media type of an m= line, with its format where the type is that of many.
MEDIA_RULES = {
    "audio": ("voice", "RFC 8866 §5.14, TS 26.114"),
    "video": ("video", "RFC 8866 §5.14, TS 26.114"),
    "text": ("real_time_text", "RFC 4103"),
    "image": ("fax", "ITU-T T.38"),
    "message": ("rcs_chat", "RFC 4975"),
    "application webrtc-datachannel": ("data_channel", "TS 24.186, RFC 8864"),
}

#: What a detail that a pattern finds is called.
DETAIL = {
    # Cause of the URI that a call went to (TS 24.604 §4.5.2.6.2; RFC 4458 §2).
    "302": "CFU: forwarded unconditionally",
    "486": "CFB: busy",
    "408": "CFNR: no reply",
    "480": "CD: deflected at once",
    "487": "CD: deflected while it rang",
    "503": "CFNRc: not reachable",
    "404": "CFNL: not logged in",
    # Diversion (RFC 5806 §9.1).
    "unconditional": "CFU: forwarded unconditionally",
    "user-busy": "CFB: busy",
    "no-answer": "CFNR: no reply",
    "deflection": "CD: deflected at once",
    "unavailable": "CFNRc: not reachable",
    "away": "CFNL: not logged in",
}
