//! Header names: the ones we know, their compact forms, and which values are comma lists (RFC 3261 §7.3, IANA registry).

macro_rules! names {
    ($($name:ident $text:literal $compact:literal $list:literal),+ $(,)?) => {
        /// A header field name, whatever its case and form.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Name { $($name),+, Other }
        const NAMES: &[(Name, &str, u8, bool)] = &[$((Name::$name, $text, $compact, $list)),+];
    };
}

// name, long form as registered, compact form (0: none), may several rows be one row with commas?
names! {
    Accept "Accept" 0 true,
    AcceptContact "Accept-Contact" b'a' true,
    AcceptEncoding "Accept-Encoding" 0 true,
    AcceptLanguage "Accept-Language" 0 true,
    AcceptResourcePriority "Accept-Resource-Priority" 0 true,
    AlertInfo "Alert-Info" 0 true,
    Allow "Allow" 0 true,
    AllowEvents "Allow-Events" b'u' true,
    AnswerMode "Answer-Mode" 0 false,
    AuthenticationInfo "Authentication-Info" 0 false,
    Authorization "Authorization" 0 false,
    CallId "Call-ID" b'i' false,
    CallInfo "Call-Info" 0 true,
    CellularNetworkInfo "Cellular-Network-Info" 0 false,
    Contact "Contact" b'm' true,
    ContentDisposition "Content-Disposition" 0 false,
    ContentEncoding "Content-Encoding" b'e' true,
    ContentLanguage "Content-Language" 0 true,
    ContentLength "Content-Length" b'l' false,
    ContentType "Content-Type" b'c' false,
    CSeq "CSeq" 0 false,
    Date "Date" 0 false,
    Diversion "Diversion" 0 true,
    ErrorInfo "Error-Info" 0 true,
    Event "Event" b'o' false,
    Expires "Expires" 0 false,
    FeatureCaps "Feature-Caps" 0 true,
    FlowTimer "Flow-Timer" 0 false,
    From "From" b'f' false,
    Geolocation "Geolocation" 0 true,
    GeolocationError "Geolocation-Error" 0 false,
    GeolocationRouting "Geolocation-Routing" 0 false,
    HistoryInfo "History-Info" 0 true,
    Identity "Identity" b'y' false,
    // RFC 8224 took it and its compact form out of the registry; old traces have it.
    IdentityInfo "Identity-Info" b'n' false,
    InReplyTo "In-Reply-To" 0 true,
    InfoPackage "Info-Package" 0 false,
    Join "Join" 0 false,
    MaxBreadth "Max-Breadth" 0 false,
    MaxForwards "Max-Forwards" 0 false,
    MimeVersion "MIME-Version" 0 false,
    MinExpires "Min-Expires" 0 false,
    MinSe "Min-SE" 0 false,
    Organization "Organization" 0 false,
    PAccessNetworkInfo "P-Access-Network-Info" 0 true,
    PAnswerState "P-Answer-State" 0 false,
    PAssertedIdentity "P-Asserted-Identity" 0 true,
    PAssertedService "P-Asserted-Service" 0 true,
    PAssociatedUri "P-Associated-URI" 0 true,
    PCalledPartyId "P-Called-Party-ID" 0 false,
    PChargeInfo "P-Charge-Info" 0 false,
    PChargingFunctionAddresses "P-Charging-Function-Addresses" 0 true,
    PChargingVector "P-Charging-Vector" 0 false,
    PEarlyMedia "P-Early-Media" 0 true,
    PMediaAuthorization "P-Media-Authorization" 0 true,
    PPreferredIdentity "P-Preferred-Identity" 0 true,
    PPreferredService "P-Preferred-Service" 0 true,
    PProfileKey "P-Profile-Key" 0 false,
    PServedUser "P-Served-User" 0 false,
    PUserDatabase "P-User-Database" 0 false,
    PVisitedNetworkId "P-Visited-Network-ID" 0 true,
    Path "Path" 0 true,
    PermissionMissing "Permission-Missing" 0 true,
    Priority "Priority" 0 false,
    Privacy "Privacy" 0 false,
    ProxyAuthenticate "Proxy-Authenticate" 0 false,
    ProxyAuthenticationInfo "Proxy-Authentication-Info" 0 false,
    ProxyAuthorization "Proxy-Authorization" 0 false,
    ProxyRequire "Proxy-Require" 0 true,
    RAck "RAck" 0 false,
    Reason "Reason" 0 true,
    RecordRoute "Record-Route" 0 true,
    RecvInfo "Recv-Info" 0 true,
    ReferSub "Refer-Sub" 0 false,
    ReferTo "Refer-To" b'r' false,
    ReferredBy "Referred-By" b'b' false,
    RejectContact "Reject-Contact" b'j' true,
    Replaces "Replaces" 0 false,
    ReplyTo "Reply-To" 0 false,
    RequestDisposition "Request-Disposition" b'd' true,
    Require "Require" 0 true,
    ResourcePriority "Resource-Priority" 0 true,
    RetryAfter "Retry-After" 0 false,
    Route "Route" 0 true,
    RSeq "RSeq" 0 false,
    SecurityClient "Security-Client" 0 true,
    SecurityServer "Security-Server" 0 true,
    SecurityVerify "Security-Verify" 0 true,
    Server "Server" 0 false,
    ServiceRoute "Service-Route" 0 true,
    SessionExpires "Session-Expires" b'x' false,
    SessionId "Session-ID" 0 false,
    SipETag "SIP-ETag" 0 false,
    SipIfMatch "SIP-If-Match" 0 false,
    Subject "Subject" b's' false,
    SubscriptionState "Subscription-State" 0 false,
    Supported "Supported" b'k' true,
    SuppressIfMatch "Suppress-If-Match" 0 false,
    TargetDialog "Target-Dialog" 0 false,
    Timestamp "Timestamp" 0 false,
    To "To" b't' false,
    TriggerConsent "Trigger-Consent" 0 true,
    Unsupported "Unsupported" 0 true,
    UserAgent "User-Agent" 0 false,
    UserToUser "User-to-User" 0 true,
    Via "Via" b'v' true,
    Warning "Warning" 0 true,
    WwwAuthenticate "WWW-Authenticate" 0 false,
}

/// The vocabulary of `messages._headers`: bit n is set where the n-th of these is there. `analyzer/schema/core.py` has the same
/// list. New ones go to its end.
pub const VOCABULARY: [Name; 45] = [
    Name::Path,
    Name::ServiceRoute,
    Name::Route,
    Name::RecordRoute,
    Name::PAssociatedUri,
    Name::PVisitedNetworkId,
    Name::PChargingVector,
    Name::PChargingFunctionAddresses,
    Name::PAccessNetworkInfo,
    Name::PPreferredIdentity,
    Name::PAssertedIdentity,
    Name::PPreferredService,
    Name::PAssertedService,
    Name::PCalledPartyId,
    Name::PServedUser,
    Name::PProfileKey,
    Name::PUserDatabase,
    Name::PEarlyMedia,
    Name::PMediaAuthorization,
    Name::SecurityClient,
    Name::SecurityServer,
    Name::SecurityVerify,
    Name::Authorization,
    Name::WwwAuthenticate,
    Name::ProxyAuthorization,
    Name::ProxyAuthenticate,
    Name::FeatureCaps,
    Name::AcceptContact,
    Name::HistoryInfo,
    Name::Diversion,
    Name::AlertInfo,
    Name::CallInfo,
    Name::Reason,
    Name::Warning,
    Name::RetryAfter,
    Name::Contact,
    Name::Geolocation,
    Name::Replaces,
    Name::TargetDialog,
    Name::SessionId,
    Name::Privacy,
    Name::MaxForwards,
    Name::Server,
    Name::UserAgent,
    Name::Event,
];

/// The bit of each name in the vocabulary, and which names have one.
static BITS: ([u8; 128], u128) = {
    let (mut bits, mut known) = ([0; 128], 0);
    let mut i = 0;
    while i < VOCABULARY.len() {
        bits[VOCABULARY[i] as usize] = i as u8;
        known |= 1 << VOCABULARY[i] as u8;
        i += 1;
    }
    (bits, known)
};

/// Names as a set of bits by their number, as the set of [`VOCABULARY`].
pub fn in_vocabulary(names: u128) -> u64 {
    let mut left = names & BITS.1;
    let mut set = 0;
    while left != 0 {
        set |= 1 << BITS.0.get(left.trailing_zeros() as usize).copied().unwrap_or(0);
        left &= left - 1;
    }
    set
}

/// Longest name we know, plus one: names are filed under their length and first letter.
const LENGTHS: usize = 32;
const NONE: u8 = u8::MAX;

const fn slot(len: usize, first: u8) -> usize {
    (len % LENGTHS) * 32 + (first & 0x1f) as usize
}

/// A name of 2 to 31 bytes as words of eight, in lower case; the last words may overlap. Names of equal length are
/// equal, but for their case, if these are: four comparisons instead of thirty.
type Words = [u64; 4];

/// Sets the bit that tells small letters from capitals. No name we know has a character other than letters and `-`,
/// so nothing but CR, which no name may hold, is mistaken for one of them.
const fn lower(word: u64) -> u64 {
    word | 0x2020_2020_2020_2020
}

#[inline]
fn words(name: &[u8]) -> Words {
    let at = |from: usize| {
        let chunk = name.get(from..).and_then(<[u8]>::first_chunk::<8>);
        chunk.map_or(0, |bytes| lower(u64::from_le_bytes(*bytes)))
    };
    // Ends that overlap: what is short costs no loop either.
    let half = |from: usize| {
        let chunk = name.get(from..).and_then(<[u8]>::first_chunk::<4>);
        chunk.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)))
    };
    match name.len() {
        len @ 4..=7 => [lower(half(0) | half(len - 4) << 32), 0, 0, 0],
        len @ 8..=16 => [at(0), at(len - 8), 0, 0],
        len @ 17..=24 => [at(0), at(8), at(len - 8), 0],
        len @ 25..=32 => [at(0), at(8), at(16), at(len - 8)],
        _ => [lower(name.iter().take(3).fold(0, |word, &b| word << 8 | u64::from(b))), 0, 0, 0],
    }
}

/// As [`words`], for the names we know.
const fn known_words(name: &[u8]) -> Words {
    const fn read(name: &[u8], from: usize, bytes: usize) -> u64 {
        let mut word = 0;
        let mut i = bytes;
        while i > 0 {
            i -= 1;
            word = word << 8 | name[from + i] as u64;
        }
        word
    }
    const fn at(name: &[u8], from: usize) -> u64 {
        lower(read(name, from, 8))
    }
    let len = name.len();
    if len < 4 {
        let mut word = 0;
        let mut i = 0;
        while i < len {
            word = word << 8 | name[i] as u64;
            i += 1;
        }
        return [lower(word), 0, 0, 0];
    }
    match len {
        4..=7 => [lower(read(name, 0, 4) | read(name, len - 4, 4) << 32), 0, 0, 0],
        8..=16 => [at(name, 0), at(name, len - 8), 0, 0],
        17..=24 => [at(name, 0), at(name, 8), at(name, len - 8), 0],
        _ => [at(name, 0), at(name, 8), at(name, 16), at(name, len - 8)],
    }
}

#[derive(Clone, Copy)]
struct Filed {
    slot: u16,
    name: Name,
    words: Words,
}

/// `FIRST[slot]` is the place in `FILED` of the first name with this length and letter; those alike stand together.
const INDEX: ([u8; LENGTHS * 32], [Filed; NAMES.len()]) = {
    let mut first = [NONE; LENGTHS * 32];
    let mut order = [Filed { slot: 0, name: Name::Other, words: [0; 4] }; NAMES.len()];
    let mut filled = 0;
    let mut i = 0;
    while i < NAMES.len() {
        let text = NAMES[i].1.as_bytes();
        assert!(1 < text.len() && text.len() < LENGTHS);
        let key = slot(text.len(), text[0]);
        if first[key] == NONE {
            first[key] = filled as u8;
            let mut j = i;
            while j < NAMES.len() {
                let other = NAMES[j].1.as_bytes();
                if slot(other.len(), other[0]) == key {
                    order[filled] = Filed { slot: key as u16, name: NAMES[j].0, words: known_words(other) };
                    filled += 1;
                }
                j += 1;
            }
        }
        i += 1;
    }
    (first, order)
};
static FIRST: [u8; LENGTHS * 32] = INDEX.0;
static FILED: [Filed; NAMES.len()] = INDEX.1;

static COMPACT: [Name; 32] = {
    let mut table = [Name::Other; 32];
    let mut i = 0;
    while i < NAMES.len() {
        if NAMES[i].2 != 0 {
            table[(NAMES[i].2 & 0x1f) as usize] = NAMES[i].0;
        }
        i += 1;
    }
    table
};

impl Name {
    /// The name these bytes are, in either form and any case (RFC 3261 §7.3.1, §7.3.3).
    pub fn of(name: &[u8]) -> Name {
        let Some(&first) = name.first() else { return Name::Other };
        if name.len() == 1 {
            let known = COMPACT.get(usize::from(first & 0x1f)).copied().unwrap_or(Name::Other);
            return if first.is_ascii_alphabetic() { known } else { Name::Other };
        }
        if name.len() >= LENGTHS {
            return Name::Other;
        }
        let slot = slot(name.len(), first);
        let from = FIRST.get(slot).copied().unwrap_or(NONE);
        if from == NONE {
            return Name::Other;
        }
        let words = words(name);
        for filed in FILED.get(usize::from(from)..).unwrap_or_default() {
            if filed.words == words && usize::from(filed.slot) == slot {
                return filed.name;
            }
            if usize::from(filed.slot) != slot {
                break;
            }
        }
        Name::Other
    }

    /// The long form as registered; `None` for a name we do not know.
    pub fn canonical(self) -> Option<&'static str> {
        NAMES.get(self as usize).map(|n| n.1)
    }

    /// May its value be split at commas (RFC 3261 §7.3.1)?
    pub fn is_list(self) -> bool {
        NAMES.get(self as usize).is_some_and(|n| n.3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case() {
        for (name, text, _, _) in NAMES {
            assert_eq!(Name::of(text.as_bytes()), *name);
            assert_eq!(Name::of(text.to_uppercase().as_bytes()), *name);
            assert_eq!(Name::of(text.to_lowercase().as_bytes()), *name);
            assert_eq!(name.canonical(), Some(*text));
        }
    }

    #[test]
    fn compact_forms_are_those_of_the_iana_registry() {
        let registry = "a Accept-Contact b Referred-By c Content-Type d Request-Disposition e Content-Encoding f From \
                        i Call-ID j Reject-Contact k Supported l Content-Length m Contact o Event r Refer-To s Subject \
                        t To u Allow-Events v Via x Session-Expires y Identity n Identity-Info";
        let words: Vec<_> = registry.split_whitespace().collect();
        for pair in words.chunks(2) {
            assert_eq!(Name::of(pair[0].as_bytes()).canonical(), Some(pair[1]));
            assert_eq!(Name::of(pair[0].to_uppercase().as_bytes()).canonical(), Some(pair[1]));
        }
        assert_eq!(Name::of(b"z"), Name::Other);
        assert_eq!(Name::of(b"6"), Name::Other);
    }

    #[test]
    fn what_is_no_known_name_is_other() {
        for name in
            ["", "C%6Fntact", "xCall-ID", "Viaa", "\u{16}ia", "P-", "X-Very-Long-Name-That-Nobody-Has-Registered"]
        {
            assert_eq!(Name::of(name.as_bytes()), Name::Other, "{name}");
        }
        assert_eq!(Name::Other.canonical(), None);
    }

    #[test]
    fn values_with_commas_of_their_own_are_no_lists() {
        for name in
            ["WWW-Authenticate", "Authorization", "Date", "Subject", "User-Agent", "Call-ID", "P-Charging-Vector"]
        {
            assert!(!Name::of(name.as_bytes()).is_list(), "{name}");
        }
    }
}
