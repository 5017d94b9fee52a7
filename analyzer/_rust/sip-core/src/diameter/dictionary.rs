//! The words of Diameter, as far as an IMS speaks it: applications, commands, results, attributes.
//!
//! | what | standard |
//! |---|---|
//! | base protocol | RFC 6733; AVPs of RADIUS: RFC 2865, RFC 3162, RFC 7155 |
//! | Cx, Dx | TS 29.229; its digest AVPs: RFC 4740 |
//! | Sh | TS 29.329 |
//! | Rx | TS 29.214 |
//! | Rf, Ro | TS 32.299, RFC 8506: application, command and result alone |
//!
//! Other applications and their commands are named, so that a message of theirs is known for one.

/// Vendor-Id of 3GPP.
pub const TGPP: u32 = 10_415;

/// What the data of an AVP are (RFC 6733 §4.2 to §4.4), as far as they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Not read.
    Any,
    Enumerated(&'static [(u32, &'static str)]),
    Grouped,
    /// Keys and authentication vectors: that they are there is told, never what they are.
    Secret,
}

pub struct Attribute {
    pub vendor: u32,
    pub code: u32,
    pub name: &'static str,
    pub kind: Kind,
}

fn found<T: Copy>(table: &[(u32, T)], code: u32) -> Option<T> {
    table.binary_search_by_key(&code, |&(known, _)| known).ok().and_then(|at| table.get(at)).map(|&(_, name)| name)
}

/// The name of an application.
pub fn application(id: u32) -> Option<&'static str> {
    found(APPLICATIONS, id)
}

/// The abbreviation of a command without its last letter, which says request or answer: `UA` of UAR and UAA.
fn command_stem(application: u32, code: u32) -> Option<&'static str> {
    match (application, code) {
        // Sh's Profile-Update; S6a's Purge-UE has a code of its own.
        (_, 306..=309) if application != SH => None,
        _ => found(COMMANDS, code),
    }
}

/// The abbreviation of a command: `UAR`, `UAA`.
pub fn command(application: u32, code: u32, request: bool) -> Option<String> {
    command_stem(application, code).map(|stem| format!("{stem}{}", if request { 'R' } else { 'A' }))
}

/// Some application has a command with this code.
pub fn is_command(code: u32) -> bool {
    found(COMMANDS, code).is_some()
}

/// The name of a Result-Code.
pub fn result(code: u32) -> Option<&'static str> {
    found(RESULTS, code)
}

/// The name of an Experimental-Result-Code of a vendor.
pub fn experimental_result(vendor: u32, code: u32) -> Option<&'static str> {
    if vendor == TGPP { found(TGPP_RESULTS, code) } else { None }
}

/// What an AVP is; `vendor` 0 = the IETF's.
pub fn attribute(vendor: u32, code: u32) -> Option<&'static Attribute> {
    let key = (vendor, code);
    ATTRIBUTES.binary_search_by_key(&key, |known| (known.vendor, known.code)).ok().and_then(|at| ATTRIBUTES.get(at))
}

/// The word for a value of an enumerated AVP.
pub fn value(values: &[(u32, &'static str)], value: u32) -> Option<&'static str> {
    found(values, value)
}

const SH: u32 = 16_777_217;

const APPLICATIONS: &[(u32, &str)] = &[
    (0, "base"),
    (1, "NASREQ"),
    (3, "Rf"),
    (4, "Ro"),
    (5, "EAP"),
    (6, "SIP"),
    (16_777_216, "Cx"),
    (SH, "Sh"),
    (16_777_219, "Wx"),
    (16_777_220, "Zn"),
    (16_777_221, "Zh"),
    (16_777_222, "Gq"),
    (16_777_229, "Rx"),
    (16_777_236, "Rx"),
    (16_777_238, "Gx"),
    (16_777_250, "STa"),
    (16_777_251, "S6a"),
    (16_777_252, "S13"),
    (16_777_255, "SLg"),
    (16_777_264, "SWm"),
    (16_777_265, "SWx"),
    (16_777_266, "Gxx"),
    (16_777_267, "S9"),
    (16_777_268, "Zpn"),
    (16_777_272, "S6b"),
    (16_777_291, "SLh"),
    (16_777_302, "Sy"),
    (16_777_312, "S6c"),
    (16_777_313, "SGd"),
    (16_777_345, "S6t"),
    (16_777_346, "T6a"),
    (0xffff_ffff, "relay"),
];

const COMMANDS: &[(u32, &str)] = &[
    (257, "CE"),
    (258, "RA"),
    (265, "AA"),
    (268, "DE"),
    (271, "AC"),
    (272, "CC"),
    (274, "AS"),
    (275, "ST"),
    (280, "DW"),
    (282, "DP"),
    (300, "UA"),
    (301, "SA"),
    (302, "LI"),
    (303, "MA"),
    (304, "RT"),
    (305, "PP"),
    (306, "UD"),
    (307, "PU"),
    (308, "SN"),
    (309, "PN"),
    (310, "BI"),
    (311, "MP"),
    (316, "UL"),
    (317, "CL"),
    (318, "AI"),
    (319, "ID"),
    (320, "DS"),
    (321, "PU"),
    (322, "RS"),
    (323, "NO"),
    (324, "EC"),
    (8_388_620, "PL"),
    (8_388_621, "LR"),
    (8_388_622, "RI"),
    (8_388_635, "SL"),
    (8_388_636, "SN"),
    (8_388_645, "OF"),
    (8_388_646, "TF"),
    (8_388_647, "SR"),
    (8_388_648, "AL"),
    (8_388_649, "RD"),
];

const RESULTS: &[(u32, &str)] = &[
    (1001, "MULTI_ROUND_AUTH"),
    (2001, "SUCCESS"),
    (2002, "LIMITED_SUCCESS"),
    (3001, "COMMAND_UNSUPPORTED"),
    (3002, "UNABLE_TO_DELIVER"),
    (3003, "REALM_NOT_SERVED"),
    (3004, "TOO_BUSY"),
    (3005, "LOOP_DETECTED"),
    (3006, "REDIRECT_INDICATION"),
    (3007, "APPLICATION_UNSUPPORTED"),
    (3008, "INVALID_HDR_BITS"),
    (3009, "INVALID_AVP_BITS"),
    (3010, "UNKNOWN_PEER"),
    (4001, "AUTHENTICATION_REJECTED"),
    (4002, "OUT_OF_SPACE"),
    (4003, "ELECTION_LOST"),
    (4010, "END_USER_SERVICE_DENIED"),
    (4011, "CREDIT_CONTROL_NOT_APPLICABLE"),
    (4012, "CREDIT_LIMIT_REACHED"),
    (5001, "AVP_UNSUPPORTED"),
    (5002, "UNKNOWN_SESSION_ID"),
    (5003, "AUTHORIZATION_REJECTED"),
    (5004, "INVALID_AVP_VALUE"),
    (5005, "MISSING_AVP"),
    (5006, "RESOURCES_EXCEEDED"),
    (5007, "CONTRADICTING_AVPS"),
    (5008, "AVP_NOT_ALLOWED"),
    (5009, "AVP_OCCURS_TOO_MANY_TIMES"),
    (5010, "NO_COMMON_APPLICATION"),
    (5011, "UNSUPPORTED_VERSION"),
    (5012, "UNABLE_TO_COMPLY"),
    (5013, "INVALID_BIT_IN_HEADER"),
    (5014, "INVALID_AVP_LENGTH"),
    (5015, "INVALID_MESSAGE_LENGTH"),
    (5016, "INVALID_AVP_BIT_COMBO"),
    (5017, "NO_COMMON_SECURITY"),
    (5030, "USER_UNKNOWN"),
    (5031, "RATING_FAILED"),
];

/// TS 29.229 §6.2, TS 29.329 §6.2, TS 29.214 §5.5.
const TGPP_RESULTS: &[(u32, &str)] = &[
    (2001, "FIRST_REGISTRATION"),
    (2002, "SUBSEQUENT_REGISTRATION"),
    (2003, "UNREGISTERED_SERVICE"),
    (2004, "SUCCESS_SERVER_NAME_NOT_STORED"),
    (4100, "USER_DATA_NOT_AVAILABLE"),
    (4101, "PRIOR_UPDATE_IN_PROGRESS"),
    (4261, "REQUESTED_SERVICE_TEMPORARILY_NOT_AUTHORIZED"),
    (5001, "ERROR_USER_UNKNOWN"),
    (5002, "ERROR_IDENTITIES_DONT_MATCH"),
    (5003, "ERROR_IDENTITY_NOT_REGISTERED"),
    (5004, "ERROR_ROAMING_NOT_ALLOWED"),
    (5005, "ERROR_IDENTITY_ALREADY_REGISTERED"),
    (5006, "ERROR_AUTH_SCHEME_NOT_SUPPORTED"),
    (5007, "ERROR_IN_ASSIGNMENT_TYPE"),
    (5008, "ERROR_TOO_MUCH_DATA"),
    (5009, "ERROR_NOT_SUPPORTED_USER_DATA"),
    (5011, "ERROR_FEATURE_UNSUPPORTED"),
    (5012, "ERROR_SERVING_NODE_FEATURE_UNSUPPORTED"),
    (5061, "INVALID_SERVICE_INFORMATION"),
    (5062, "FILTER_RESTRICTIONS"),
    (5063, "REQUESTED_SERVICE_NOT_AUTHORIZED"),
    (5064, "DUPLICATED_AF_SESSION"),
    (5065, "IP-CAN_SESSION_NOT_AVAILABLE"),
    (5066, "UNAUTHORIZED_NON_EMERGENCY_SESSION"),
    (5067, "UNAUTHORIZED_SPONSORED_DATA_CONNECTIVITY"),
    (5068, "TEMPORARY_NETWORK_FAILURE"),
    (5100, "ERROR_USER_DATA_NOT_RECOGNIZED"),
    (5101, "ERROR_OPERATION_NOT_ALLOWED"),
    (5102, "ERROR_USER_DATA_CANNOT_BE_READ"),
    (5103, "ERROR_USER_DATA_CANNOT_BE_MODIFIED"),
    (5104, "ERROR_USER_DATA_CANNOT_BE_NOTIFIED"),
    (5105, "ERROR_TRANSPARENT_DATA_OUT_OF_SYNC"),
    (5106, "ERROR_SUBS_DATA_ABSENT"),
    (5107, "ERROR_NO_SUBSCRIPTION_TO_DATA"),
    (5108, "ERROR_DSAI_NOT_AVAILABLE"),
];

const SERVER_ASSIGNMENT_TYPE: &[(u32, &str)] = &[
    (0, "NO_ASSIGNMENT"),
    (1, "REGISTRATION"),
    (2, "RE_REGISTRATION"),
    (3, "UNREGISTERED_USER"),
    (4, "TIMEOUT_DEREGISTRATION"),
    (5, "USER_DEREGISTRATION"),
    (6, "TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME"),
    (7, "USER_DEREGISTRATION_STORE_SERVER_NAME"),
    (8, "ADMINISTRATIVE_DEREGISTRATION"),
    (9, "AUTHENTICATION_FAILURE"),
    (10, "AUTHENTICATION_TIMEOUT"),
    (11, "DEREGISTRATION_TOO_MUCH_DATA"),
    (12, "AAA_USER_DATA_REQUEST"),
    (13, "PGW_UPDATE"),
    (14, "RESTORATION"),
];

const DATA_REFERENCE: &[(u32, &str)] = &[
    (0, "RepositoryData"),
    (10, "IMSPublicIdentity"),
    (11, "IMSUserState"),
    (12, "S-CSCFName"),
    (13, "InitialFilterCriteria"),
    (14, "LocationInformation"),
    (15, "UserState"),
    (16, "ChargingInformation"),
    (17, "MSISDN"),
    (18, "PSIActivation"),
    (19, "DSAI"),
    (21, "ServiceLevelTraceInfo"),
    (22, "IPAddressSecureBindingInformation"),
    (23, "ServicePriorityLevel"),
    (24, "SMSRegistrationInfo"),
    (25, "UEReachabilityForIP"),
    (26, "TADSinformation"),
    (27, "STN-SR"),
    (28, "UE-SRVCC-Capability"),
    (29, "ExtendedPriority"),
    (30, "CSRN"),
    (31, "ReferenceLocationInformation"),
    (32, "IMSI"),
    (33, "IMSPrivateUserIdentity"),
];

const SPECIFIC_ACTION: &[(u32, &str)] = &[
    (1, "CHARGING_CORRELATION_EXCHANGE"),
    (2, "INDICATION_OF_LOSS_OF_BEARER"),
    (3, "INDICATION_OF_RECOVERY_OF_BEARER"),
    (4, "INDICATION_OF_RELEASE_OF_BEARER"),
    (6, "IP-CAN_CHANGE"),
    (7, "INDICATION_OF_OUT_OF_CREDIT"),
    (8, "INDICATION_OF_SUCCESSFUL_RESOURCES_ALLOCATION"),
    (9, "INDICATION_OF_FAILED_RESOURCES_ALLOCATION"),
    (10, "INDICATION_OF_LIMITED_PCC_DEPLOYMENT"),
    (11, "USAGE_REPORT"),
    (12, "ACCESS_NETWORK_INFO_REPORT"),
    (13, "INDICATION_OF_RECOVERY_FROM_LIMITED_PCC_DEPLOYMENT"),
    (14, "INDICATION_OF_ACCESS_NETWORK_INFO_REPORTING_FAILURE"),
    (15, "INDICATION_OF_TRANSFER_POLICY_EXPIRED"),
    (16, "PLMN_CHANGE"),
];

/// TS 29.214 §5.3.19; its values are those of SDP.
pub const MEDIA_TYPE: &[(u32, &str)] = &[
    (0, "audio"),
    (1, "video"),
    (2, "data"),
    (3, "application"),
    (4, "control"),
    (5, "text"),
    (6, "message"),
    (0xffff_ffff, "other"),
];

/// TS 29.214 §5.3.11.
pub const FLOW_STATUS: &[(u32, &str)] =
    &[(0, "ENABLED-UPLINK"), (1, "ENABLED-DOWNLINK"), (2, "ENABLED"), (3, "DISABLED"), (4, "REMOVED")];

const fn ietf(code: u32, name: &'static str, kind: Kind) -> Attribute {
    Attribute { vendor: 0, code, name, kind }
}

const fn tgpp(code: u32, name: &'static str, kind: Kind) -> Attribute {
    Attribute { vendor: TGPP, code, name, kind }
}

use Kind::{Any, Enumerated, Grouped, Secret};

#[rustfmt::skip]
const ATTRIBUTES: &[Attribute] = &[
    ietf(1, "User-Name", Any),
    ietf(2, "User-Password", Secret),
    ietf(4, "NAS-IP-Address", Any),
    ietf(8, "Framed-IP-Address", Any),
    ietf(25, "Class", Any),
    ietf(27, "Session-Timeout", Any),
    ietf(30, "Called-Station-Id", Any),
    ietf(33, "Proxy-State", Any),
    ietf(44, "Acct-Session-Id", Any),
    ietf(50, "Acct-Multi-Session-Id", Any),
    ietf(55, "Event-Timestamp", Any),
    ietf(61, "NAS-Port-Type", Any),
    ietf(85, "Acct-Interim-Interval", Any),
    ietf(95, "NAS-IPv6-Address", Any),
    ietf(97, "Framed-IPv6-Prefix", Any),
    ietf(104, "Digest-Realm", Any),
    ietf(110, "Digest-QoP", Any),
    ietf(111, "Digest-Algorithm", Any),
    ietf(121, "Digest-HA1", Secret),
    ietf(257, "Host-IP-Address", Any),
    ietf(258, "Auth-Application-Id", Any),
    ietf(259, "Acct-Application-Id", Any),
    ietf(260, "Vendor-Specific-Application-Id", Grouped),
    ietf(261, "Redirect-Host-Usage", Any),
    ietf(262, "Redirect-Max-Cache-Time", Any),
    ietf(263, "Session-Id", Any),
    ietf(264, "Origin-Host", Any),
    ietf(265, "Supported-Vendor-Id", Any),
    ietf(266, "Vendor-Id", Any),
    ietf(267, "Firmware-Revision", Any),
    ietf(268, "Result-Code", Any),
    ietf(269, "Product-Name", Any),
    ietf(270, "Session-Binding", Any),
    ietf(271, "Session-Server-Failover", Any),
    ietf(272, "Multi-Round-Time-Out", Any),
    ietf(273, "Disconnect-Cause",
         Enumerated(&[(0, "REBOOTING"), (1, "BUSY"), (2, "DO_NOT_WANT_TO_TALK_TO_YOU")])),
    ietf(274, "Auth-Request-Type", Any),
    ietf(276, "Auth-Grace-Period", Any),
    ietf(277, "Auth-Session-State", Any),
    ietf(278, "Origin-State-Id", Any),
    ietf(279, "Failed-AVP", Grouped),
    ietf(280, "Proxy-Host", Any),
    ietf(281, "Error-Message", Any),
    ietf(282, "Route-Record", Any),
    ietf(283, "Destination-Realm", Any),
    ietf(284, "Proxy-Info", Grouped),
    ietf(285, "Re-Auth-Request-Type", Any),
    ietf(287, "Accounting-Sub-Session-Id", Any),
    ietf(291, "Authorization-Lifetime", Any),
    ietf(292, "Redirect-Host", Any),
    ietf(293, "Destination-Host", Any),
    ietf(294, "Error-Reporting-Host", Any),
    ietf(295, "Termination-Cause",
         Enumerated(&[(1, "LOGOUT"), (2, "SERVICE_NOT_PROVIDED"), (3, "BAD_ANSWER"), (4, "ADMINISTRATIVE"),
                      (5, "LINK_BROKEN"), (6, "AUTH_EXPIRED"), (7, "USER_MOVED"), (8, "SESSION_TIMEOUT")])),
    ietf(296, "Origin-Realm", Any),
    ietf(297, "Experimental-Result", Grouped),
    ietf(298, "Experimental-Result-Code", Any),
    ietf(299, "Inband-Security-Id", Any),
    ietf(415, "CC-Request-Number", Any),
    ietf(416, "CC-Request-Type",
         Enumerated(&[(1, "INITIAL_REQUEST"), (2, "UPDATE_REQUEST"), (3, "TERMINATION_REQUEST"), (4, "EVENT_REQUEST")])),
    ietf(443, "Subscription-Id", Grouped),
    ietf(444, "Subscription-Id-Data", Any),
    ietf(450, "Subscription-Id-Type", Any),
    ietf(461, "Service-Context-Id", Any),
    ietf(480, "Accounting-Record-Type",
         Enumerated(&[(1, "EVENT_RECORD"), (2, "START_RECORD"), (3, "INTERIM_RECORD"), (4, "STOP_RECORD")])),
    ietf(485, "Accounting-Record-Number", Any),
    ietf(621, "OC-Supported-Features", Grouped),
    ietf(622, "OC-Feature-Vector", Any),
    ietf(623, "OC-OLR", Grouped),
    // ---- Rx: TS 29.214 §5.3
    tgpp(500, "Abort-Cause",
         Enumerated(&[(0, "BEARER_RELEASED"), (1, "INSUFFICIENT_SERVER_RESOURCES"),
                      (2, "INSUFFICIENT_BEARER_RESOURCES"), (3, "PS_TO_CS_HANDOVER"),
                      (4, "SPONSORED_DATA_CONNECTIVITY_DISALLOWED")])),
    tgpp(501, "Access-Network-Charging-Address", Any),
    tgpp(502, "Access-Network-Charging-Identifier", Grouped),
    tgpp(503, "Access-Network-Charging-Identifier-Value", Any),
    tgpp(504, "AF-Application-Identifier", Any),
    tgpp(505, "AF-Charging-Identifier", Any),
    tgpp(506, "Authorization-Token", Any),
    tgpp(507, "Flow-Description", Any),
    tgpp(509, "Flow-Number", Any),
    tgpp(510, "Flows", Grouped),
    tgpp(511, "Flow-Status", Any),
    tgpp(512, "Flow-Usage", Any),
    tgpp(513, "Specific-Action", Enumerated(SPECIFIC_ACTION)),
    tgpp(515, "Max-Requested-Bandwidth-DL", Any),
    tgpp(516, "Max-Requested-Bandwidth-UL", Any),
    tgpp(517, "Media-Component-Description", Grouped),
    tgpp(518, "Media-Component-Number", Any),
    tgpp(519, "Media-Sub-Component", Grouped),
    tgpp(520, "Media-Type", Any),
    tgpp(521, "RR-Bandwidth", Any),
    tgpp(522, "RS-Bandwidth", Any),
    tgpp(523, "SIP-Forking-Indication", Enumerated(&[(0, "SINGLE_DIALOGUE"), (1, "SEVERAL_DIALOGUES")])),
    tgpp(524, "Codec-Data", Any),
    tgpp(525, "Service-URN", Any),
    tgpp(526, "Acceptable-Service-Info", Grouped),
    tgpp(527, "Service-Info-Status",
         Enumerated(&[(0, "FINAL_SERVICE_INFORMATION"), (1, "PRELIMINARY_SERVICE_INFORMATION")])),
    tgpp(528, "MPS-Identifier", Any),
    tgpp(529, "AF-Signalling-Protocol", Any),
    tgpp(531, "Sponsor-Identity", Any),
    tgpp(532, "Application-Service-Provider-Identity", Any),
    tgpp(533, "Rx-Request-Type",
         Enumerated(&[(0, "INITIAL_REQUEST"), (1, "UPDATE_REQUEST"), (2, "PCSCF_RESTORATION")])),
    tgpp(534, "Min-Requested-Bandwidth-DL", Any),
    tgpp(535, "Min-Requested-Bandwidth-UL", Any),
    tgpp(536, "Required-Access-Info", Any),
    tgpp(537, "IP-Domain-Id", Any),
    // ---- Cx: TS 29.229 §6.3
    tgpp(600, "Visited-Network-Identifier", Any),
    tgpp(601, "Public-Identity", Any),
    tgpp(602, "Server-Name", Any),
    tgpp(603, "Server-Capabilities", Grouped),
    tgpp(604, "Mandatory-Capability", Any),
    tgpp(605, "Optional-Capability", Any),
    tgpp(606, "User-Data", Any),
    tgpp(607, "SIP-Number-Auth-Items", Any),
    tgpp(608, "SIP-Authentication-Scheme", Any),
    tgpp(609, "SIP-Authenticate", Secret),
    tgpp(610, "SIP-Authorization", Secret),
    tgpp(611, "SIP-Authentication-Context", Secret),
    tgpp(612, "SIP-Auth-Data-Item", Grouped),
    tgpp(613, "SIP-Item-Number", Any),
    tgpp(614, "Server-Assignment-Type", Enumerated(SERVER_ASSIGNMENT_TYPE)),
    tgpp(615, "Deregistration-Reason", Grouped),
    tgpp(616, "Reason-Code",
         Enumerated(&[(0, "PERMANENT_TERMINATION"), (1, "NEW_SERVER_ASSIGNED"), (2, "SERVER_CHANGE"),
                      (3, "REMOVE_S-CSCF")])),
    tgpp(617, "Reason-Info", Any),
    tgpp(618, "Charging-Information", Grouped),
    tgpp(619, "Primary-Event-Charging-Function-Name", Any),
    tgpp(620, "Secondary-Event-Charging-Function-Name", Any),
    tgpp(621, "Primary-Charging-Collection-Function-Name", Any),
    tgpp(622, "Secondary-Charging-Collection-Function-Name", Any),
    tgpp(623, "User-Authorization-Type",
         Enumerated(&[(0, "REGISTRATION"), (1, "DE_REGISTRATION"), (2, "REGISTRATION_AND_CAPABILITIES")])),
    tgpp(624, "User-Data-Already-Available", Any),
    tgpp(625, "Confidentiality-Key", Secret),
    tgpp(626, "Integrity-Key", Secret),
    tgpp(628, "Supported-Features", Grouped),
    tgpp(629, "Feature-List-ID", Any),
    tgpp(630, "Feature-List", Any),
    tgpp(631, "Supported-Applications", Grouped),
    tgpp(632, "Associated-Identities", Grouped),
    tgpp(633, "Originating-Request", Enumerated(&[(0, "ORIGINATING")])),
    tgpp(634, "Wildcarded-Public-Identity", Any),
    tgpp(635, "SIP-Digest-Authenticate", Grouped),
    tgpp(636, "Wildcarded-IMPU", Any),
    tgpp(637, "UAR-Flags", Any),
    tgpp(638, "Loose-Route-Indication", Any),
    tgpp(639, "SCSCF-Restoration-Info", Grouped),
    tgpp(640, "Path", Any),
    tgpp(641, "Contact", Any),
    tgpp(642, "Subscription-Info", Grouped),
    tgpp(643, "Call-ID-SIP-Header", Any),
    tgpp(644, "From-SIP-Header", Any),
    tgpp(645, "To-SIP-Header", Any),
    tgpp(646, "Record-Route", Any),
    tgpp(647, "Associated-Registered-Groups", Grouped),
    tgpp(648, "Multiple-Registration-Indication", Any),
    tgpp(649, "Restoration-Info", Grouped),
    tgpp(650, "Session-Priority", Any),
    tgpp(651, "Identity-with-Emergency-Registration", Grouped),
    tgpp(653, "LIA-Flags", Any),
    tgpp(654, "Initial-CSeq-Sequence-Number", Any),
    tgpp(655, "SAR-Flags", Any),
    // ---- Sh: TS 29.329 §6.3
    tgpp(700, "User-Identity", Grouped),
    tgpp(701, "MSISDN", Any),
    tgpp(702, "Sh-User-Data", Any),
    tgpp(703, "Data-Reference", Enumerated(DATA_REFERENCE)),
    tgpp(704, "Service-Indication", Any),
    tgpp(705, "Subs-Req-Type", Enumerated(&[(0, "Subscribe"), (1, "Unsubscribe")])),
    tgpp(706, "Requested-Domain", Enumerated(&[(0, "CS-Domain"), (1, "PS-Domain")])),
    tgpp(707, "Current-Location", Any),
    tgpp(708, "Identity-Set", Any),
    tgpp(709, "Expiry-Time", Any),
    tgpp(710, "Send-Data-Indication", Any),
    tgpp(711, "DSAI-Tag", Any),
    tgpp(715, "Repository-Data-ID", Grouped),
    tgpp(716, "Sequence-Number", Any),
    // ---- Rf, Ro and what Rx takes from them: TS 32.299 §7.2
    tgpp(841, "IMS-Charging-Identifier", Any),
    tgpp(873, "Service-Information", Grouped),
    tgpp(876, "IMS-Information", Grouped),
    tgpp(1027, "IP-CAN-Type", Any),
    tgpp(1032, "RAT-Type", Any),
    // ---- EPS authentication vectors (TS 29.272 §7.3): never read, and never to be shown
    tgpp(1400, "Subscription-Data", Any),
    tgpp(1413, "Authentication-Info", Secret),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_in_order_for_its_search() {
        let sorted = |table: &[(u32, &str)]| table.is_sorted_by(|(a, _), (b, _)| a < b);
        for table in [APPLICATIONS, COMMANDS, RESULTS, TGPP_RESULTS, MEDIA_TYPE, FLOW_STATUS] {
            assert!(sorted(table), "{table:?}");
        }
        assert!(ATTRIBUTES.is_sorted_by(|a, b| (a.vendor, a.code) < (b.vendor, b.code)));
        for attribute in ATTRIBUTES {
            if let Enumerated(values) = attribute.kind {
                assert!(sorted(values), "{}", attribute.name);
            }
        }
    }

    #[test]
    fn the_same_code_is_another_command_in_another_application() {
        assert_eq!(command(SH, 307, true).as_deref(), Some("PUR"));
        assert_eq!(command(16_777_216, 300, false).as_deref(), Some("UAA"));
        assert_eq!(command(16_777_216, 307, true), None);
    }
}
