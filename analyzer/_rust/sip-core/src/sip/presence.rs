//! Which header fields a request or response must have beyond those of RFC 3261 §8.1.1: the lines of the tables of RFC
//! 3261 §20 (2 and 3) and of its extensions that have "m", and what their texts make conditional, as data.
//!
//! Left out: "m*" (should be sent), "t" (Content-Length, which depends on the transport) and Max-Forwards (RFC 2543 had
//! none). A rule asks for presence only; what is in the field is for whoever reads it.

use super::name::Name;

/// One rule: in such a message one of these header fields stands.
struct Rule {
    methods: u16,
    /// The first and the last status; 0 for requests.
    statuses: (u16, u16),
    when: When,
    /// The first is the one whose absence is reported.
    any_of: &'static [Name],
    standard: &'static str,
}

#[derive(Clone, Copy)]
enum When {
    Always,
    /// A provisional response that asks for PRACK (RFC 3262 §3).
    AsksForPrack,
    /// A provisional response with RSeq.
    HasRSeq,
    /// The body has more than blanks.
    HasBody,
}

const INVITE: u16 = 1;
const REFER: u16 = 1 << 1;
const SUBSCRIBE: u16 = 1 << 2;
const NOTIFY: u16 = 1 << 3;
const PUBLISH: u16 = 1 << 4;
const REGISTER: u16 = 1 << 5;
const UPDATE: u16 = 1 << 6;
const PRACK: u16 = 1 << 7;
const INFO: u16 = 1 << 8;
const OTHER: u16 = 1 << 15;
const ANY: u16 = u16::MAX;

const REQUEST: (u16, u16) = (0, 0);
const SUCCESS: (u16, u16) = (200, 299);

const fn rule(methods: u16, statuses: (u16, u16), when: When, any_of: &'static [Name], standard: &'static str) -> Rule {
    Rule { methods, statuses, when, any_of, standard }
}

const fn only(status: u16) -> (u16, u16) {
    (status, status)
}

use When::{Always, AsksForPrack, HasBody, HasRSeq};

const RULES: &[Rule] = &[
    rule(INVITE, REQUEST, Always, &[Name::Contact], "RFC 3261 §8.1.1.8"),
    rule(SUBSCRIBE, REQUEST, Always, &[Name::Contact], "RFC 3261 §8.1.1.8"),
    rule(REFER, REQUEST, Always, &[Name::Contact], "RFC 3515 §2.2"),
    rule(NOTIFY, REQUEST, Always, &[Name::Contact], "RFC 3265 §7.1"),
    rule(UPDATE, REQUEST, Always, &[Name::Contact], "RFC 3311 §7.1"),
    rule(PRACK, REQUEST, Always, &[Name::RAck], "RFC 3262 §4"),
    rule(REFER, REQUEST, Always, &[Name::ReferTo], "RFC 3515 §2.4.2"),
    rule(SUBSCRIBE, REQUEST, Always, &[Name::Event], "RFC 6665 §4.1.2.1"),
    rule(NOTIFY, REQUEST, Always, &[Name::Event], "RFC 6665 §4.2.2"),
    rule(NOTIFY, REQUEST, Always, &[Name::SubscriptionState], "RFC 6665 §4.2.2"),
    rule(PUBLISH, REQUEST, Always, &[Name::Event], "RFC 3903 §4"),
    rule(INVITE, (101, 199), AsksForPrack, &[Name::RSeq], "RFC 3262 §3"),
    rule(INVITE, (101, 199), HasRSeq, &[Name::Require], "RFC 3262 §3"),
    // PRACK goes to the remote target: a reliable response establishes the dialog.
    rule(INVITE, (101, 199), AsksForPrack, &[Name::Contact], "RFC 3261 §12.1.1"),
    rule(INVITE | SUBSCRIBE, SUCCESS, Always, &[Name::Contact], "RFC 3261 §12.1.1"),
    rule(REFER, SUCCESS, Always, &[Name::Contact], "RFC 3515 §2.2"),
    rule(UPDATE, SUCCESS, Always, &[Name::Contact], "RFC 3311 §7.1"),
    rule(SUBSCRIBE, SUCCESS, Always, &[Name::Expires], "RFC 6665 §4.2.1.1"),
    rule(PUBLISH, SUCCESS, Always, &[Name::SipETag], "RFC 3903 §6"),
    rule(PUBLISH, SUCCESS, Always, &[Name::Expires], "RFC 3903 §6"),
    rule(ANY, only(401), Always, &[Name::WwwAuthenticate], "RFC 3261 §20.44"),
    rule(ANY, only(405), Always, &[Name::Allow], "RFC 3261 §21.4.6"),
    rule(ANY, only(407), Always, &[Name::ProxyAuthenticate], "RFC 3261 §20.27"),
    rule(ANY, only(415), Always, &[Name::Accept, Name::AcceptEncoding, Name::AcceptLanguage], "RFC 3261 §21.4.13"),
    rule(ANY, only(420), Always, &[Name::Unsupported], "RFC 3261 §21.4.15"),
    rule(ANY, only(421), Always, &[Name::Require], "RFC 3261 §21.4.16"),
    rule(INVITE | UPDATE, only(422), Always, &[Name::MinSe], "RFC 4028 §6"),
    rule(REGISTER, only(423), Always, &[Name::MinExpires], "RFC 3261 §21.4.17"),
    rule(SUBSCRIBE, only(423), Always, &[Name::MinExpires], "RFC 6665 §4.2.1.1"),
    rule(PUBLISH, only(423), Always, &[Name::MinExpires], "RFC 3903 §6"),
    rule(INFO, only(469), Always, &[Name::RecvInfo], "RFC 6086 §4.2.2"),
    rule(SUBSCRIBE | NOTIFY | PUBLISH, only(489), Always, &[Name::AllowEvents], "RFC 6665 §8.3.2"),
    rule(ANY, only(494), Always, &[Name::SecurityServer], "RFC 3329 §2.3.1"),
    rule(ANY, (0, 699), HasBody, &[Name::ContentType], "RFC 3261 §20.15"),
];

/// For each status the rules that hold for it, a bit each.
static OF_STATUS: [u64; 700] = {
    let mut found = [0; 700];
    let mut rule = 0;
    while rule < RULES.len() {
        let (first, last) = RULES[rule].statuses;
        let mut status = first;
        while status <= last {
            found[status as usize] |= 1 << rule;
            status += 1;
        }
        rule += 1;
    }
    found
};

/// For each method, by the place of its bit, those that hold for it.
static OF_METHOD: [u64; 16] = {
    let mut found = [0; 16];
    let mut rule = 0;
    while rule < RULES.len() {
        let mut method = 0;
        while method < 16 {
            if RULES[rule].methods >> method & 1 == 1 {
                found[method] |= 1 << rule;
            }
            method += 1;
        }
        rule += 1;
    }
    found
};

fn method_bit(method: &[u8]) -> u16 {
    match method {
        b"INVITE" => INVITE,
        b"REFER" => REFER,
        b"SUBSCRIBE" => SUBSCRIBE,
        b"NOTIFY" => NOTIFY,
        b"PUBLISH" => PUBLISH,
        b"REGISTER" => REGISTER,
        b"UPDATE" => UPDATE,
        b"PRACK" => PRACK,
        b"INFO" => INFO,
        _ => OTHER,
    }
}

/// One header field that is absent and mandatory in this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    pub name: &'static str,
    pub standard: &'static str,
}

/// What the rules look at of a message.
pub struct Traits<'m> {
    pub method: &'m [u8],
    /// 0: a request.
    pub status: u16,
    /// The body has more than blanks.
    pub body: bool,
    /// Require has 100rel.
    pub asks_for_prack: bool,
}

/// The mandatory header fields that are absent, in the order of the rules; `has` tells which are there.
///
/// Ask only where the whole header section is there (what was cut may have had them), and of messages of RFC 3261.
pub fn missing<'m>(of: &'m Traits<'_>, has: impl Fn(Name) -> bool + 'm) -> impl Iterator<Item = Missing> + 'm {
    let method = method_bit(of.method).trailing_zeros() as usize;
    let of_status = OF_STATUS.get(usize::from(of.status)).copied().unwrap_or(0);
    let mut left = of_status & OF_METHOD.get(method).copied().unwrap_or(0);
    let rules = std::iter::from_fn(move || {
        let rule = RULES.get(left.trailing_zeros() as usize)?;
        left &= left - 1;
        Some(rule)
    });
    rules
        .filter(move |rule| {
            !rule.any_of.iter().any(|&name| has(name))
                && match rule.when {
                    Always => true,
                    AsksForPrack => of.asks_for_prack,
                    HasRSeq => has(Name::RSeq),
                    HasBody => of.body,
                }
        })
        .filter_map(|rule| {
            let name = rule.any_of.first().copied().and_then(Name::canonical)?;
            Some(Missing { name, standard: rule.standard })
        })
}
