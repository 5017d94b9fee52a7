"""Services, capabilities and charging."""

from __future__ import annotations

from analyzer.schema.column import Column as C
from analyzer.schema.column import Header, words
from analyzer.schema.column import MaskClass as M
from analyzer.schema.table import ESTIMATE, Table
from analyzer.schema.values import ACCESS_TECHNOLOGIES

# A column is a row of a table, and is laid out as one.
# fmt: off

SERVICES = Table(
    "services",
    "One service of a dialog, or of a request outside dialogs.",
    (
        C("subject", "key", "The dialog; for a request outside dialogs, its earliest observation."),
        C("dialog", "key", "Dialog, with the requests that opened it; null for a request outside one."),
        C("transaction", "key",
          "For a request outside dialogs, its transaction at the hop with the fewest Vias; otherwise null."),
        C("call", "key", "Call; null outside calls."),
        C("method", "text", "Method of that request, or of the one that opened the dialog.", mask=M.FREE_TEXT),
        C("started_at", "time", "First byte of the first message."),
        C("service", "text", "Service; unknown without evidence.",
          values=words("voice video real_time_text fax mmtel emergency ecall sms instant_message presence "
          "registration reg_event options conference hold call_waiting call_forwarding "
          "communication_transfer call_pickup refer call_completion message_waiting oip oir tip tir acr cat crs "
          "closed_user_group advice_of_charge mcid ussi srvcc dtmf user_to_user priority rcs_chat "
          "file_transfer location_push chatbot call_composer content_share delivery_notification "
          "mission_critical push_to_talk dialog_event configuration quality_report sip_i data_channel "
          "restoration subscription unknown"), mask=M.OPEN),
        C("detail", "text", "Subtype: reason of a forwarding, event package, holding side.", mask=M.FREE_TEXT),
        C("evidence", "text", "Evidence in words.", mask=M.SENTENCE),
        C("standard", "text", "Clause that defines the evidence.", mask=M.OPEN),
        C("message", "key", "First message with the evidence; null if several messages together form it."),
    ),
    made_by="analyzer.ims.services:services",
    belongs_to=(("subject", "message"),),
    shown=words("started_at method service detail evidence standard call"),
    note=(
        "Voice, SMS, presence, conference, supplementary services, emergency, RCS; docs/services.md. By "
        "the start of the dialog or request."
    ),
    example="service = 'call_forwarding'",
)

CAPABILITIES = Table(
    "capabilities",
    "One capability that a user agent, or the network towards it, announces.",
    (
        C("registration", "key",
          "Registration that announces the capability; for another message, the preceding registration of its "
          "contact, if any."),
        C("subscriber", "text", "Subscriber of the user agent.", mask=M.SUBSCRIBER),
        C("contact", "text", "Contact that announces the capability, or to which the network announces it.",
          "RFC 3261 §20.10", mask=M.URI),
        C("said_by", "text", "Who announces it.",
          values=(("agent", "the one whose contact it is"), ("network", "a registrar's 200, and Feature-Caps")),
          mask=M.OPEN),
        C("said_in", "text", "REGISTER, OPTIONS, INVITE, or the response: 200 to REGISTER, 1xx to INVITE ...",
          mask=M.FREE_TEXT),
        C("header", "text", "Header field.", mask=M.OPEN),
        C("kind", "text", "Kind of capability, with the header field that carries it.",
          "RFC 3261 §20, RFC 3840, TS 24.229 §7.9, RFC 6809", values=(("method", "Allow"), ("option", "Supported"),
          ("required", "Require"), ("event_package", "Allow-Events"), ("info_package", "Recv-Info"),
          ("feature_tag", "Contact"), ("instance", "Contact"), ("icsi", "Contact"), ("iari", "Contact"),
          ("feature_cap", "Feature-Caps")), mask=M.OPEN),
        C("name", "text", "Method, option tag, feature tag, or identifier, unescaped.", mask=M.FREE_TEXT),
        C("value", "text", "Value of a feature tag, without quotes; null for a tag without a value.", "RFC 3840 §9",
          mask=M.FREE_TEXT),
        C("meaning", "text", "Meaning in words, if known.", mask=M.OPEN),
        C("first_at", "time", "Time of the first announcement."),
        C("message", "key", "First message with the announcement."),
    ),
    made_by="analyzer.ims.capabilities:capabilities",
    belongs_to=("message",),
    shown=words("subscriber contact said_by said_in kind name value meaning"),
    note=(
        "Methods, option tags, feature tags (RFC 3840), ICSI and IARI, feature capability indicators (RFC "
        "6809); by the time of the first announcement."
    ),
    example="kind = 'icsi'",
)

SMS = Table(
    "sms",
    "One short message over IP, and whether it was delivered.",
    (
        C("sms", "key", "MESSAGE that carries the short message; for report_only, the MESSAGE with the report."),
        C("submitted_at", "time", "First byte of that MESSAGE; null if only the report was captured."),
        C("direction", "text", "Direction.", "TS 24.341 §5.3",
          values=(("originated", "from the UE to the service centre"), ("terminated", "to the UE")), mask=M.OPEN),
        C("outcome", "text", "Whether it was delivered.", "TS 24.011 §6, §10", values=(
          ("delivered", "RP-ACK: the service centre, or the UE, has it"), ("rejected", "RP-ERROR"),
          ("refused", "SIP did not carry it"), ("unanswered", "no report within 45 s"),
          ("pending", "the capture ends before"), ("report_only", "it is older than the capture")), mask=M.OPEN),
        C("sender", "text", "Subscriber that sent the MESSAGE.", "RFC 3325; else From", mask=M.SUBSCRIBER),
        C("receiver", "text", "Subscriber that the MESSAGE is addressed to.", mask=M.SUBSCRIBER),
        C("service_centre", "text", "Number of the service centre: RP-Destination or RP-Originator Address.",
          mask=M.SUBSCRIBER),
        C("rp_type", "text", "Message of the relay layer.", "TS 24.011 §7.3",
          values=("RP-DATA", ("RP-SMMA", "the UE has memory again")), mask=M.OPEN),
        C("rp_reference", "int", "RP message reference.", "TS 24.011 §8.2.3"),
        C("tp_type", "text", "Message of the transfer layer.", "TS 23.040 §9.2.2",
          values=words("SMS-SUBMIT SMS-COMMAND SMS-DELIVER SMS-STATUS-REPORT"), mask=M.OPEN),
        C("tp_reference", "int", "TP-MR; a status report repeats it.", "TS 23.040 §9.2.3.6"),
        C("tp_address", "text",
          "Other party: TP-DA of a submitted message, TP-OA of a delivered message, TP-RA of a status report.",
          "TS 23.040 §9.1.2.5", mask=M.SUBSCRIBER),
        C("tp_status", "int", "TP-ST of a status report.", "TS 23.040 §9.2.3.15"),
        C("tp_status_text", "text", "TP-ST in words.", mask=M.OPEN),
        C("status", "int", "Final SIP status of the MESSAGE: 200 and 202 mean only that SIP carried it.",
          "RFC 3428 §7"),
        C("status_delay_s", "duration", "submitted_at to that response."),
        C("report", "key", "MESSAGE with the report of the relay layer."),
        C("report_type", "text", "Report of the relay layer.", "TS 24.011 §7.3.3, §7.3.4",
          values=words("RP-ACK RP-ERROR"), mask=M.OPEN),
        C("report_at", "time", "Time when the report reached the place where submitted_at was measured."),
        C("report_delay_s", "duration", "submitted_at to report_at."),
        C("rp_cause", "int", "RP-Cause of an RP-ERROR.", "TS 24.011 table 8.4"),
        C("rp_cause_text", "text", "RP-Cause in words.", mask=M.OPEN),
        C("tp_failure", "int", "TP-FCS of an RP-ERROR.", "TS 23.040 §9.2.3.22"),
        C("tp_failure_text", "text", "TP-FCS in words.", mask=M.OPEN),
        C("matched_by", "text", "Criterion that matched message and report.", "TS 24.341 §5.3.1.3",
          values=("in_reply_to", ("rp_reference", "with the same UE, within 120 s")), mask=M.OPEN),
        C("reports_on", "key",
          "For an SMS-STATUS-REPORT, the sms that it reports on: the latest earlier one that its receiver submitted "
          "with this TP-MR to this number (its last seven digits).", "TS 23.040 §9.2.3.6"),
        C("legs", "int",
          "Number of legs on which it was captured: a B2BUA forwards the same octets, of the same UE, under another "
          "Call-ID, within 5 s, from the address where the previous leg ended."),
        C("call_id", "text", "Call-ID of the MESSAGE, on its first leg.", mask=M.IDENTIFIER),
        C("malformed", "bool",
          "One of the two layers is shorter than its lengths require, or lacks a mandatory element."),
    ),
    made_by="analyzer.ims.sms:sms",
    belongs_to=(("sms", "message"),),
    shown=words(
        "submitted_at direction outcome sender receiver tp_type tp_address status report_type report_delay_s "
        "rp_cause_text"
    ),
    note=(
        "Measured at the hop with the fewest Vias of the first leg. The report of the relay layer "
        "decides, RP-ACK or RP-ERROR: a 202 means only that SIP carried the message (TS 24.341)."
    ),
    example="outcome = 'rejected'",
)

CDRS = Table(
    "cdrs",
    "One leg of a call as a charging data record: the record that its node would have written.",
    (
        C("leg", "key", "Leg: message of its first INVITE."),
        C("call", "key", "Call of the leg."),
        C("no", "int", "calls.no."),
        C("session_id", "text", "Call-ID of the leg.", "TS 32.298 Session-Id", mask=M.IDENTIFIER),
        C("position", "text", "Position in the call, within the capture and the B2BUAs that were found.",
          values=words("only first middle last"), mask=M.OPEN),
        C("parent", "key", "Leg that this one continues across a B2BUA, if the correlation is strong."),
        C("first_node", "text", "Address where the leg begins.", "TS 32.298 Node Address", mask=M.HOST),
        C("last_node", "text", "Address where the leg ends.", mask=M.HOST),
        C("node", "text",
          "Node on the leg that would write the record, as nodes.node: the S-CSCF, otherwise the AS, otherwise a "
          "gateway or border, otherwise a node that forwards the leg; null if none is known.", "TS 32.260 §5.1",
          mask=M.HOST),
        C("node_functionality", "text", "Role of that node.", "TS 32.299 Node-Functionality",
          values=words("S-CSCF AS MGCF IBCF E-CSCF ATCF BGCF MRFC P-CSCF I-CSCF"), mask=M.OPEN),
        C("role_of_node", "text",
          "Session case that the node serves on this leg, otherwise nodes.session_case; null if it serves both or is "
          "unknown.", "TS 32.298 Role of Node", values=(("originating", "the INVITE comes to it from the user's side"),
          ("terminating", "it goes from there to the user's side")), mask=M.OPEN),
        C("caller", "text", "calls.caller.", mask=M.SUBSCRIBER),
        C("callee", "text", "calls.callee.", mask=M.SUBSCRIBER),
        C("calling_party_address", "text", "Asserted identities of the caller, on all hops, separated by commas.",
          "TS 32.298 List of Calling Party Address; RFC 3325", mask=Header.ASSERTED_IDENTITY),
        C("called_party_address", "text",
          "P-Called-Party-ID, otherwise the last Request-URI that does not point to an address, otherwise the last.",
          "TS 32.298 Called Party Address; RFC 7315 §5.2", mask=M.URI),
        C("requested_party_address", "text", "First Request-URI of the leg.", "TS 32.298 Requested Party Address",
          mask=M.URI),
        C("called_asserted_identity", "text", "Asserted identities of the callee, separated by commas.",
          "TS 32.298 List of Called Asserted Identity", mask=Header.ASSERTED_IDENTITY),
        C("service_request_at", "time", "First byte of the INVITE.", "TS 32.298 Service Request Timestamp"),
        C("service_delivery_start_at", "time", "First 2xx.", "TS 32.298 Service Delivery Start Timestamp"),
        C("service_delivery_end_at", "time", "BYE, or another event that ended the leg; null if it was not answered.",
          "TS 32.298 Service Delivery End Timestamp"),
        C("duration_s", "duration", "Start to end of delivery."),
        C("cause_for_record_closing", "text", "Reason for closing the record; null while it is unknown.",
          "TS 32.298 Cause for Record Closing",
          values=(("service_delivery_end_successfully", "answered, then BYE"), "unsuccessful_service_delivery"),
          mask=M.OPEN),
        C("service_reason_return_code", "int", "Final status.", "TS 32.298 Service Reason Return Code"),
        C("reason_header", "text", "First Reason of the message that ended the leg.", "RFC 3326", mask=Header.REASON),
        C("icid", "text", "IMS charging identifier: icid-value.", "RFC 7315 §5.6", mask=M.IDENTIFIER),
        C("icid_node", "text", "Host that generated the icid: icid-generated-at.", "RFC 7315 §5.6", mask=M.HOST),
        C("related_icid", "text", "icid of the leg that this one continues.", "RFC 7315 §5.6", mask=M.IDENTIFIER),
        C("orig_ioi", "text", "Inter-operator identifiers of the senders' networks, on all hops, separated by commas.",
          "RFC 7315 §5.6", mask=Header.CHARGING_VECTOR),
        C("term_ioi", "text", "The same for the receivers' networks.", "RFC 7315 §5.6", mask=Header.CHARGING_VECTOR),
        C("transit_iois", "text", "Transit networks, as last given; void for a network that hides itself.",
          "RFC 7315 §5.6", mask=Header.CHARGING_VECTOR),
        C("charging_gap", "text",
          "Gaps in the charging data: 2xx without term-ioi (to an INVITE with orig-ioi), icid changes.",
          "RFC 7315 §4.6", mask=M.OPEN),
        C("service_id", "text",
          "Communication service (ICSI): P-Asserted-Service, else P-Preferred-Service, else Accept-Contact.",
          "TS 24.229 §7.2A.8", mask=Header.ASSERTED_SERVICE),
        C("sdp_media", "text",
          "Media as last negotiated, or last offered if unanswered: kind, codecs, direction; separated by semicolons.",
          "TS 32.298 List of SDP Media Components", mask=M.FREE_TEXT),
        C("calling_home_network", "text", "Domain of the asserted identity of the caller, otherwise of From.",
          "RFC 3325 §9.1", mask=M.HOST),
        C("calling_visited_network", "text",
          "P-Visited-Network-ID of the leg, otherwise of the latest registration of the caller.", "RFC 7315 §5.3",
          mask=Header.VISITED_NETWORK),
        C("calling_access_network_info", "text",
          "P-Access-Network-Info of the caller at the start of the call; values inserted by the network come before "
          "the UE's.", "TS 24.229 §7.2A.4", mask=Header.ACCESS_NETWORK),
        C("calling_rat", "text", "Access technology of the caller, as access_networks.rat.",
          values=ACCESS_TECHNOLOGIES, mask=M.OPEN),
        C("calling_plmn", "text", "MCC and MNC of the caller's cell.", "TS 23.003 §12.1", mask=M.NETWORK),
        C("calling_roaming", "text",
          "Hints that the caller is roaming, in words, separated by commas; null without a hint.", mask=M.OPEN),
        C("called_home_network", "text", "Domain of the asserted identity of the callee.", "RFC 3325 §9.1",
          mask=M.HOST),
        C("called_visited_network", "text", "P-Visited-Network-ID of the latest registration of the callee.",
          "RFC 7315 §5.3", mask=Header.VISITED_NETWORK),
        C("called_access_network_info", "text",
          "P-Access-Network-Info of the callee at the start of the call; values inserted by the network come before "
          "the UE's.", "TS 24.229 §7.2A.4", mask=Header.ACCESS_NETWORK),
        C("called_rat", "text", "Access technology of the callee, as access_networks.rat.", values=ACCESS_TECHNOLOGIES,
          mask=M.OPEN),
        C("called_plmn", "text", "MCC and MNC of the callee's cell.", "TS 23.003 §12.1", mask=M.NETWORK),
        C("called_roaming", "text",
          "Hints that the callee is roaming, in words, separated by commas; null without a hint.", mask=M.OPEN),
    ),
    made_by="analyzer.ims.charging:cdrs",
    scope=ESTIMATE,
    belongs_to=("call",),
    shown=words(
        "no service_request_at position calling_party_address called_party_address duration_s "
        "service_reason_return_code icid orig_ioi term_ioi calling_rat called_rat calling_roaming "
        "charging_gap"
    ),
    note=(
        "Names are those of TS 32.298; docs/charging.md describes how each value is made. Roaming and "
        "gaps are hints, with their reason."
    ),
    example="charging_gap is not null or calling_roaming is not null",
)

ACCESS_NETWORKS = Table(
    "access_networks",
    "One access network of a party of a call or registration, decoded.",
    (
        C("message", "key", "First message that names the access network."),
        C("call", "key", "Call; null outside calls."),
        C("registration", "key", "Registration; null outside registrations."),
        C("party", "text", "Party in the access network; null if the start of the call was not captured.", values=(
          ("caller", "of a call"), ("callee", "of a call"), ("user", "of a registration"),
          ("client", "of another request"), ("server", "of another request")), mask=M.OPEN),
        C("subscriber", "text", "Subscriber of that party.", mask=M.SUBSCRIBER),
        C("first_at", "time", "Time of the first mention."),
        C("last_at", "time", "Time of the last mention."),
        C("messages", "int", "Number of messages that name the access network, on all hops."),
        C("header", "text", "Header field that carries it.",
          values=("P-Access-Network-Info", ("Cellular-Network-Info", "the last cell before the WLAN")), mask=M.OPEN),
        C("value", "text", "Value as sent, one element of a list.", "RFC 7315 §5.4", mask=Header.ACCESS_NETWORK),
        C("network_provided", "bool", "Inserted by the network, not by the UE.", "RFC 7315 §5.4"),
        C("access_type", "text", "3GPP-E-UTRAN-FDD, IEEE-802.11 ...", "TS 24.229 §7.2A.4", mask=M.FREE_TEXT),
        C("rat", "text", "Radio or other access technology.", values=ACCESS_TECHNOLOGIES, mask=M.OPEN),
        C("mcc", "text", "Mobile country code.", "TS 23.003 §2.2", mask=M.NETWORK),
        C("mnc", "text", "Mobile network code, two or three digits.", "TS 23.003 §2.2", mask=M.NETWORK),
        C("tac", "text", "Tracking area code, hexadecimal as sent.", "TS 23.003 §19.4.2.3", mask=M.CELL),
        C("lac", "text", "Location area code, hexadecimal as sent.", "TS 23.003 §4.1", mask=M.CELL),
        C("cell_id", "text", "Cell identity (ECI, NCI, CI or SAC), hexadecimal as sent.", "TS 23.003 §4.3, §19.6",
          mask=M.CELL),
        C("enodeb", "text", "eNodeB, assuming a macro eNodeB: the upper 20 bits of the ECI.", "TS 36.413 §9.2.1.37",
          mask=M.CELL),
        C("enodeb_cell", "text", "Cell of the eNodeB: the lower 8 bits of the ECI.", "TS 36.413 §9.2.1.38",
          mask=M.CELL),
        C("bssid", "text", "MAC address of the WLAN access point.", "TS 24.229 §7.2A.4", mask=M.CELL),
        C("time_zone", "text", "local-time-zone: the time zone at the UE's location.", "TS 24.229 §7.2A.4",
          mask=M.FREE_TEXT),
        C("age_s", "int", "Age of the information in Cellular-Network-Info, seconds.", "TS 24.229 §7.2.15", unit="s"),
        C("home_network", "text",
          "Domain of the party's asserted identity, otherwise of the caller's From or of the address of record.",
          mask=M.HOST),
        C("roaming", "text", "Difference between the cell and home_network, if that name contains MCC and MNC.",
          "TS 23.003 §13.2", values=("cell of another country", "cell of another network"), mask=M.OPEN),
    ),
    made_by="analyzer.ims.access:access_networks",
    belongs_to=("message",),
    shown=words(
        "first_at last_at party subscriber rat mcc mnc tac lac cell_id enodeb enodeb_cell bssid "
        "network_provided roaming"
    ),
    note=(
        "From P-Access-Network-Info and Cellular-Network-Info: technology, network, area, cell, access "
        "point. Repeated values are one row."
    ),
    example="mcc <> '262' or rat = 'WLAN'",
)
