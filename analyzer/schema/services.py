"""What dialogs are for, what user agents can do, what is charged."""

from __future__ import annotations

from analyzer.schema.table import Column as C
from analyzer.schema.table import Table

CAPABILITIES = Table(
    "capabilities",
    "One thing that a user agent, or the network towards it, says it can do; by when it was said first.",
    (
        C(
            "registration",
            "key",
            "Registration that says so; of another message the last of its contact before, if any.",
        ),
        C("user", "text", "Subscriber whose user agent it is.", private="subscriber"),
        C("contact", "text", "Contact that speaks, or is spoken to by the network.", "RFC 3261 §20.10", private="uri"),
        C(
            "said_by",
            "text",
            "agent (whose contact it is), network (a registrar's 200, and Feature-Caps).",
            private="open",
        ),
        C(
            "said_in",
            "text",
            "REGISTER, OPTIONS, INVITE, or what was answered: 200 to REGISTER, 1xx to INVITE ...",
            private="words",
        ),
        C("header", "text", "Header field.", private="open"),
        C(
            "kind",
            "text",
            "method (Allow), option (Supported), required (Require), event_package (Allow-Events), info_package"
            " (Recv-Info), feature_tag instance icsi iari (Contact), feature_cap (Feature-Caps).",
            "RFC 3261 §20, RFC 3840, TS 24.229 §7.9, RFC 6809",
            private="open",
        ),
        C("name", "text", "Method, option tag, feature tag, or identifier with its escapes undone.", private="words"),
        C(
            "value",
            "text",
            "Value of a feature tag, without quotes; null for a tag that is true by being there.",
            "RFC 3840 §9",
            private="words",
        ),
        C("meaning", "text", "What that is, in words, where it is known.", private="open"),
        C("first_at", "time", "When it was said first."),
        C("message", "key", "Message that said so first."),
    ),
)

SERVICES = Table(
    "services",
    "One service of a dialog, or of a request outside dialogs: each has a row, by its start.",
    (
        C("unit", "key", "The dialog, or of a request outside dialogs its earliest sighting."),
        C("dialog", "key", "Dialog, with the requests that opened it; null for a request outside one."),
        C(
            "transaction",
            "key",
            "Of a request outside dialogs its transaction at the hop with the fewest Vias; else null.",
        ),
        C("call", "key", "Call; null outside calls."),
        C("method", "text", "Method of that request, or that opened the dialog.", private="words"),
        C("started_at", "time", "First byte of its first message."),
        C(
            "service",
            "text",
            "voice video real_time_text fax mmtel emergency ecall sms instant_message presence registration reg_event"
            " options conference hold call_waiting call_forwarding communication_transfer refer call_completion"
            " message_waiting oip oir tip tir acr cat crs closed_user_group advice_of_charge mcid ussi srvcc dtmf"
            " user_to_user priority rcs_chat file_transfer location_push chatbot call_composer content_share"
            " delivery_notification mission_critical push_to_talk dialog_event configuration quality_report sip_i"
            " data_channel restoration subscription; unknown where nothing says.",
            private="open",
        ),
        C("detail", "text", "Which kind of it: why a call was forwarded, event package, who holds.", private="words"),
        C("evidence", "text", "What says so.", private="sentence"),
        C("standard", "text", "Where that is written.", private="open"),
        C("message", "key", "First message that says so; null where several do together."),
    ),
)

SUBSCRIPTIONS = Table(
    "subscriptions",
    "One subscription: an event package between a subscriber and a notifier. A REFER makes one, too.",
    (
        C(
            "subscription",
            "key",
            "Key: its earliest request, message of its earliest sighting; of another of a fork its first NOTIFY, else "
            "the 2xx that made it.",
        ),
        C("kind", "text", "subscribe refer.", "RFC 6665, RFC 3515", private="open"),
        C("package", "text", "Event package, in lower case.", "RFC 6665 §4", private="words"),
        C("event_id", "text", "id of Event.", "RFC 6665 §4.5.2", private="words"),
        C("subscriber", "text", "Subscriber that asks: asserted, else From.", private="subscriber"),
        C("resource", "text", "Whose state it is: To of the request.", private="subscriber"),
        C("refer_to", "text", "Refer-To of a REFER.", "RFC 3515 §2.1", private="Refer-To"),
        C("started_at", "time", "First byte of the first request; null where it is older than the capture."),
        C("status", "int", "Final status of it, of the last where it was asked again (401, 407, 423 ...)."),
        C("asked_s", "int", "Expires asked for, seconds.", "RFC 6665 §3.1.1"),
        C("granted_s", "int", "Expires granted; what was asked where the 2xx does not say.", "RFC 6665 §4.2.1.1"),
        C("refreshes", "int", "SUBSCRIBEs that prolonged it."),
        C("notifies", "int", "NOTIFYs of it, each once over all hops; none resent."),
        C("first_notify_at", "time", "When the first of them came."),
        C("notify_delay_s", "duration", "started_at to that."),
        C(
            "state",
            "text",
            "pending active terminated: as last told, or as its end says.",
            "RFC 6665 §4.1.3",
            private="words",
        ),
        C("states", "text", "The states told, in order, separated by spaces.", private="words"),
        C(
            "result",
            "int",
            "Of a REFER: last status that message/sipfrag told of what was referred to.",
            "RFC 3515 §2.4.5",
        ),
        C("ended_at", "time", "When it ended, where that is known."),
        C("ended_by", "text", "subscriber notifier unknown; null while it lives.", private="open"),
        C(
            "end_reason",
            "text",
            "What the last NOTIFY says: deactivated probation rejected timeout giveup noresource invariant, terminated"
            " where it gives no reason. Else unsubscribed, fetched (asked once, with Expires 0), refused (by a final"
            " response), unanswered, refresh_refused, notify_refused, expired, no_notify (accepted, and nothing for 64"
            " T1), open, joined (older than the capture).",
            "RFC 6665 §4.1.3, §4.4.1",
            private="words",
        ),
        C("dialog", "key", "Dialog; null where none was made."),
        C("call", "key", "Call, of one within a call's dialog; else null."),
    ),
)

PUBLICATIONS = Table(
    "publications",
    "One PUBLISH, once over all its hops; those of one event state form a chain by their entity-tags.",
    (
        C("publish", "key", "The PUBLISH: message of its earliest sighting."),
        C("publication", "key", "First PUBLISH of the chain that was captured, as publish."),
        C("published_at", "time", "First byte of it."),
        C("action", "text", "publish refresh modify remove.", "RFC 3903 §4", private="open"),
        C("package", "text", "Event package.", "RFC 3903 §5", private="words"),
        C("publisher", "text", "Subscriber that sends it: asserted, else From.", private="subscriber"),
        C("resource", "text", "Whose state it is: To.", private="subscriber"),
        C("status", "int", "Final status; 412: the compositor does not know the entity-tag.", "RFC 3903 §11.2.1"),
        C("delay_s", "duration", "published_at to it."),
        C("asked_s", "int", "Expires asked for, seconds."),
        C("granted_s", "int", "Expires granted.", "RFC 3903 §6"),
        C("if_match", "text", "SIP-If-Match: the state that it speaks of.", "RFC 3903 §11.3.2", private="identifier"),
        C("etag", "text", "SIP-ETag of the 2xx.", "RFC 3903 §11.3.1", private="identifier"),
        C(
            "end",
            "text",
            "What became of it: replaced (by a PUBLISH that names its SIP-ETag), expired, open; null where nothing was"
            " stored.",
            private="open",
        ),
    ),
)

SMS = Table(
    "sms",
    "One short message over IP and how it went, at the hop with the fewest Vias of its first leg.",
    (
        C("sms", "key", "MESSAGE that carries it; of report_only the MESSAGE with the report."),
        C("submitted_at", "time", "First byte of that MESSAGE; null where only the report was captured."),
        C(
            "direction",
            "text",
            "originated (from the UE to the service centre) terminated (to the UE).",
            "TS 24.341 §5.3",
            private="open",
        ),
        C(
            "outcome",
            "text",
            "delivered (RP-ACK: the service centre, or the UE, has it), rejected (RP-ERROR), refused (SIP did not carry"
            " it), unanswered (no report within 45 s), pending (the capture ends before), report_only (it is older than"
            " the capture).",
            "TS 24.011 §6, §10",
            private="open",
        ),
        C("sender", "text", "Subscriber whose MESSAGE it is.", "RFC 3325; else From", private="subscriber"),
        C("receiver", "text", "Subscriber that the MESSAGE goes to.", private="subscriber"),
        C("service_centre", "text", "Its number: RP-Destination or RP-Originator Address.", private="subscriber"),
        C("rp_type", "text", "RP-DATA, or RP-SMMA: the UE has memory again.", "TS 24.011 §7.3", private="open"),
        C("rp_reference", "int", "RP message reference.", "TS 24.011 §8.2.3"),
        C(
            "tp_type",
            "text",
            "SMS-SUBMIT SMS-COMMAND SMS-DELIVER SMS-STATUS-REPORT.",
            "TS 23.040 §9.2.2",
            private="open",
        ),
        C("tp_reference", "int", "TP-MR: a status report repeats it.", "TS 23.040 §9.2.3.6"),
        C(
            "tp_address",
            "text",
            "Other party: TP-DA of what is submitted, TP-OA of what is delivered, TP-RA of a status report.",
            "TS 23.040 §9.1.2.5",
            private="subscriber",
        ),
        C("tp_status", "int", "TP-ST of a status report.", "TS 23.040 §9.2.3.15"),
        C("tp_status_text", "text", "The same in words.", private="open"),
        C("status", "int", "Final SIP status of the MESSAGE: 200 and 202 say only that SIP carried it.", "RFC 3428 §7"),
        C("status_delay_s", "duration", "submitted_at to that response."),
        C("report", "key", "MESSAGE with the report of the relay layer."),
        C("report_type", "text", "RP-ACK RP-ERROR.", "TS 24.011 §7.3.3, §7.3.4", private="open"),
        C("report_at", "time", "When it came back to where submitted_at was taken."),
        C("report_delay_s", "duration", "submitted_at to report_at."),
        C("rp_cause", "int", "RP-Cause of an RP-ERROR.", "TS 24.011 table 8.4"),
        C("rp_cause_text", "text", "The same in words.", private="open"),
        C("tp_failure", "int", "TP-FCS of an RP-ERROR.", "TS 23.040 §9.2.3.22"),
        C("tp_failure_text", "text", "The same in words.", private="open"),
        C(
            "matched_by",
            "text",
            "in_reply_to, or rp_reference: with the same UE, within 120 s.",
            "TS 24.341 §5.3.1.3",
            private="open",
        ),
        C(
            "reports_on",
            "key",
            "Of an SMS-STATUS-REPORT the sms that it is of: the latest before that its receiver submitted with this"
            " TP-MR to this number (its last seven digits).",
            "TS 23.040 §9.2.3.6",
        ),
        C(
            "legs",
            "int",
            "Legs that it was seen on: a B2BUA sends on the same octets, of the same UE, under another Call-ID, within"
            " 5 s, from the address that the leg before ended at.",
        ),
        C("call_id", "text", "Call-ID of the MESSAGE, on its first leg.", private="identifier"),
        C("malformed", "bool", "One of the two ends before its own lengths say, or lacks what is mandatory."),
    ),
)

CDRS = Table(
    "cdrs",
    "One leg of a call as a charging data record: what its node would have written.",
    (
        C("leg", "key", "Leg: message of its first INVITE."),
        C("call", "key", "Call it is in."),
        C("no", "int", "calls.no."),
        C("session_id", "text", "Its Call-ID.", "TS 32.298 Session-Id", private="identifier"),
        C(
            "position",
            "text",
            "Where in the call, as far as it was captured and as B2BUAs are told: only first middle last.",
            private="open",
        ),
        C("parent", "key", "Leg that a B2BUA made it from, where that is a fact."),
        C("first_node", "text", "Address that it begins at.", "TS 32.298 Node Address", private="host"),
        C("last_node", "text", "Address that it ends at.", private="host"),
        C(
            "node",
            "text",
            "Node on it that would write the record, as nodes.node: the S-CSCF, else the AS, else a gateway or border,"
            " else who passes it on; null where none such is known.",
            "TS 32.260 §5.1",
            private="host",
        ),
        C(
            "node_functionality",
            "text",
            "What that node is: S-CSCF AS MGCF IBCF E-CSCF ATCF BGCF MRFC P-CSCF I-CSCF.",
            "TS 32.299 Node-Functionality",
            private="open",
        ),
        C(
            "role_of_node",
            "text",
            "originating (the INVITE comes to it from the user's side), terminating (it goes from there to the user's"
            " side), else as nodes.half; null where it does both, or that is not known.",
            "TS 32.298 Role of Node",
            private="open",
        ),
        C("caller", "text", "calls.caller.", private="subscriber"),
        C("callee", "text", "calls.callee.", private="subscriber"),
        C(
            "calling_party_address",
            "text",
            "Identities of the caller that the network asserts, on all hops, with commas between.",
            "TS 32.298 List of Calling Party Address; RFC 3325",
            private="P-Asserted-Identity",
        ),
        C(
            "called_party_address",
            "text",
            "P-Called-Party-ID, else the last Request-URI that is not at an address, else the last.",
            "TS 32.298 Called Party Address; RFC 7315 §5.2",
            private="uri",
        ),
        C(
            "requested_party_address",
            "text",
            "First Request-URI of the leg.",
            "TS 32.298 Requested Party Address",
            private="uri",
        ),
        C(
            "called_asserted_identity",
            "text",
            "Identities of the callee that the network asserts, with commas between.",
            "TS 32.298 List of Called Asserted Identity",
            private="P-Asserted-Identity",
        ),
        C("service_request_at", "time", "First byte of its INVITE.", "TS 32.298 Service Request Timestamp"),
        C("service_delivery_start_at", "time", "First 2xx.", "TS 32.298 Service Delivery Start Timestamp"),
        C(
            "service_delivery_end_at",
            "time",
            "BYE, or what else ended it; of a leg that was not answered null.",
            "TS 32.298 Service Delivery End Timestamp",
        ),
        C("duration_s", "duration", "From start to end of delivery."),
        C(
            "cause_for_record_closing",
            "text",
            "service_delivery_end_successfully (answered, then BYE) or unsuccessful_service_delivery; null while it is"
            " not known.",
            "TS 32.298 Cause for Record Closing",
            private="open",
        ),
        C("service_reason_return_code", "int", "Final status.", "TS 32.298 Service Reason Return Code"),
        C("reason_header", "text", "First Reason of what ended it.", "RFC 3326", private="Reason"),
        C("icid", "text", "IMS charging identifier: icid-value.", "RFC 7315 §5.6", private="identifier"),
        C("icid_node", "text", "Host that made it: icid-generated-at.", "RFC 7315 §5.6", private="host"),
        C("related_icid", "text", "Of the leg that it was made from.", "RFC 7315 §5.6", private="identifier"),
        C(
            "orig_ioi",
            "text",
            "Inter-operator identifiers of the senders' networks, on all hops, with commas between.",
            "RFC 7315 §5.6",
            private="P-Charging-Vector",
        ),
        C("term_ioi", "text", "The same of the receivers' networks.", "RFC 7315 §5.6", private="P-Charging-Vector"),
        C(
            "transit_iois",
            "text",
            "Networks between the two, as last told; void for one that hides itself.",
            "RFC 7315 §5.6",
            private="P-Charging-Vector",
        ),
        C(
            "charging_gap",
            "text",
            "What records of it would lack: 2xx without term-ioi (to an INVITE with orig-ioi), icid changes.",
            "RFC 7315 §4.6",
            private="open",
        ),
        C(
            "service_id",
            "text",
            "Communication service (ICSI): P-Asserted-Service, else P-Preferred-Service, else Accept-Contact.",
            "TS 24.229 §7.2A.8",
            private="P-Asserted-Service",
        ),
        C(
            "sdp_media",
            "text",
            "Media as last agreed, where not answered as last offered: kind, codecs, direction; with ; between.",
            "TS 32.298 List of SDP Media Components",
            private="words",
        ),
        C(
            "calling_home_network",
            "text",
            "Domain of the identity that the network asserts of the caller, else of its From.",
            "RFC 3325 §9.1",
            private="host",
        ),
        C(
            "calling_visited_network",
            "text",
            "P-Visited-Network-ID of the leg, else of the latest registration of the caller.",
            "RFC 7315 §5.3",
            private="P-Visited-Network-ID",
        ),
        C(
            "calling_access_network_info",
            "text",
            "P-Access-Network-Info of the caller as the call began, the network's own before the UE's.",
            "TS 24.229 §7.2A.4",
            private="P-Access-Network-Info",
        ),
        C("calling_rat", "text", "What it says: access_networks.rat.", private="open"),
        C("calling_plmn", "text", "MCC and MNC of its cell.", "TS 23.003 §12.1", private="open"),
        C(
            "calling_roaming",
            "text",
            "What speaks for the caller being away from home, in words, with commas between; null where nothing does.",
            private="open",
        ),
        C(
            "called_home_network",
            "text",
            "Domain of the identity that the network asserts of the callee.",
            "RFC 3325 §9.1",
            private="host",
        ),
        C(
            "called_visited_network",
            "text",
            "P-Visited-Network-ID of the latest registration of the callee.",
            "RFC 7315 §5.3",
            private="P-Visited-Network-ID",
        ),
        C(
            "called_access_network_info",
            "text",
            "P-Access-Network-Info of the callee as the call began, the network's own before the UE's.",
            "TS 24.229 §7.2A.4",
            private="P-Access-Network-Info",
        ),
        C("called_rat", "text", "What it says: access_networks.rat.", private="open"),
        C("called_plmn", "text", "MCC and MNC of its cell.", "TS 23.003 §12.1", private="open"),
        C(
            "called_roaming",
            "text",
            "What speaks for the callee being away from home, in words, with commas between; null where nothing does.",
            private="open",
        ),
    ),
)

ACCESS_NETWORKS = Table(
    "access_networks",
    "One access network that a party of a call or registration was in, as often as it says the same.",
    (
        C("message", "key", "First message that says so."),
        C("call", "key", "Call; null outside calls."),
        C("registration", "key", "Registration; null outside registrations."),
        C(
            "party",
            "text",
            "caller or callee of a call (null where its beginning was not seen), user of a registration, else client or"
            " server of a request.",
            private="open",
        ),
        C("user", "text", "Subscriber that the party is.", private="subscriber"),
        C("first_at", "time", "When it was said first."),
        C("last_at", "time", "When it was said last."),
        C("messages", "int", "Messages that say so, on all hops."),
        C(
            "header",
            "text",
            "P-Access-Network-Info, or Cellular-Network-Info: the last cell before the WLAN.",
            private="open",
        ),
        C("value", "text", "Value as sent, one of the list.", "RFC 7315 §5.4", private="P-Access-Network-Info"),
        C("network_provided", "bool", "Inserted by the network, not by the UE.", "RFC 7315 §5.4"),
        C("access_type", "text", "3GPP-E-UTRAN-FDD, IEEE-802.11 ...", "TS 24.229 §7.2A.4", private="words"),
        C(
            "rat",
            "text",
            "NR E-UTRAN UTRAN GERAN GAN CDMA2000 WLAN non-3GPP Ethernet DSL cable fibre GSTN satellite.",
            private="open",
        ),
        C("mcc", "text", "Mobile country code.", "TS 23.003 §2.2", private="open"),
        C("mnc", "text", "Mobile network code, two or three digits.", "TS 23.003 §2.2", private="open"),
        C("tac", "text", "Tracking area code, hexadecimal as sent.", "TS 23.003 §19.4.2.3", private="cell"),
        C("lac", "text", "Location area code, hexadecimal as sent.", "TS 23.003 §4.1", private="cell"),
        C(
            "cell_id",
            "text",
            "Cell identity (ECI, NCI, CI or SAC), hexadecimal as sent.",
            "TS 23.003 §4.3, §19.6",
            private="cell",
        ),
        C(
            "enodeb",
            "text",
            "eNodeB, if it is a macro one: the upper 20 bits of the ECI.",
            "TS 36.413 §9.2.1.37",
            private="cell",
        ),
        C("enodeb_cell", "text", "Cell of the eNodeB: the lower 8 bits.", "TS 36.413 §9.2.1.38", private="cell"),
        C("bssid", "text", "Access point of the WLAN: its MAC address.", "TS 24.229 §7.2A.4", private="cell"),
        C("time_zone", "text", "local-time-zone: that of the UE's place.", "TS 24.229 §7.2A.4", private="words"),
        C("age_s", "int", "Age of the information, seconds, of Cellular-Network-Info.", "TS 24.229 §7.2.15"),
        C(
            "home_network",
            "text",
            "Domain of the party's asserted identity, else of the caller's From or of the address of record.",
            private="host",
        ),
        C(
            "roaming",
            "text",
            "cell of another country, cell of another network: than home_network, where that tells MCC and MNC.",
            "TS 23.003 §13.2",
            private="open",
        ),
    ),
)
