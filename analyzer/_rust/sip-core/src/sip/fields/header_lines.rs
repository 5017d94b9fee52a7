//! What header fields say, and what can be said at their end.

use std::ops::Range;

use super::super::encoding::Encoded;
use super::super::flaw::Flaw;
use super::super::name::Name;
use super::super::text::{
    comma_params, count, is_blank, is_space, leading_number, list, name_addr, number, param, params, split, split_once,
    trim, trim_start, unquote,
};
use super::super::{mime, presence, via};
use super::repeated_lines::is_single;
use super::{Carrier, Fields, Party, Work, bit};
use crate::hash;

impl<'a> Fields<'a> {
    pub(super) fn header(&mut self, name: Name, value: &'a [u8], work: &mut Work) {
        let bit = 1u128 << (name as u8 & 127);
        if self.seen & bit != 0 && is_single(name) {
            if name == Name::ContentLength {
                self.repeated_length(value);
            } else {
                self.flaws.add(Flaw::HeaderRepeated);
            }
            self.repeated.get_or_insert(name);
            return;
        }
        self.seen |= bit;
        match name {
            Name::Via => self.via_row(value, work),
            Name::From => self.from = self.party(value),
            Name::To => self.to = self.party(value),
            Name::CallId => (self.call_id, self.call_id_hash) = (Some(value), hash::bytes(value)),
            Name::CSeq => self.cseq_header(value),
            Name::MaxForwards => self.max_forwards = self.small(value, 255),
            Name::Contact => self.contact_row(value),
            Name::ContentLength => {
                self.content_length = number(value);
                self.flaws.add_if(self.content_length.is_none(), Flaw::ContentLengthInvalid);
            }
            Name::ContentEncoding => self.codings = self.codings.or(Some(value)),
            Name::ContentType => {
                self.content_type = Some(value);
                let media = mime::media_type(value);
                if media.iter().any(|b| b.is_ascii_uppercase() || is_blank(*b)) {
                    work.content_type.extend(media.iter().filter(|b| !is_blank(**b)).map(u8::to_ascii_lowercase));
                }
            }
            Name::UserAgent => self.user_agent = Some(value),
            Name::Server => self.user_agent = self.user_agent.or(Some(value)),
            Name::Require => append_row(&mut self.require, &mut work.require, value),
            Name::Supported => append_row(&mut self.supported, &mut work.supported, value),
            Name::Expires => self.expires = self.seconds(value),
            Name::MinExpires => self.min_expires = self.seconds(value),
            Name::MinSe => self.min_se = self.seconds(value),
            Name::RetryAfter => self.retry_after = self.seconds(value),
            Name::RSeq => self.rseq = self.seconds(value),
            Name::SessionExpires => {
                self.session_expires = self.seconds(value);
                self.refresher = param(value, b"refresher");
            }
            Name::Authorization | Name::ProxyAuthorization => self.credentials(value),
            Name::WwwAuthenticate | Name::ProxyAuthenticate => self.challenge(value),
            Name::PAssertedIdentity => {
                for item in list(value) {
                    let Some(free) = self.asserted.iter_mut().find(|slot| slot.is_none()) else { break };
                    *free = Some(name_addr(item).uri);
                }
            }
            Name::PPreferredIdentity => self.preferred = self.preferred.or_else(|| first_uri(value)),
            Name::PCalledPartyId => self.called_party = first_uri(value),
            Name::PServedUser => self.served_user = first_uri(value),
            Name::PChargingVector => self.icid = param(value, b"icid-value"),
            Name::Reason => self.reason_row(value),
            Name::Warning => {
                self.warning = self.warning.or(Some(value));
                // `warn-code = 3DIGIT`
                let code = value.iter().take_while(|b| b.is_ascii_digit()).count();
                self.flaws.add_if(code != 3, Flaw::NumberOutOfRange);
            }
            Name::Event => self.event = Some(value),
            Name::SubscriptionState => self.subscription_state = Some(value),
            Name::RAck => self.rack = Some(value),
            Name::ReferTo => self.refer_to = Some(value),
            Name::ReferredBy => self.referred_by = Some(value),
            Name::Replaces => self.replaces = Some(value),
            Name::TargetDialog => self.target_dialog = Some(value),
            Name::InReplyTo => self.in_reply_to = self.in_reply_to.or(Some(value)),
            Name::PEarlyMedia => self.p_early_media = self.p_early_media.or(Some(value)),
            Name::SessionId => self.session_id = self.session_id.or(Some(value)),
            Name::Privacy => self.privacy = self.privacy.or(Some(value)),
            Name::PAccessNetworkInfo => self.access_network_info = self.access_network_info.or(Some(value)),
            Name::Diversion => self.diversion = true,
            Name::HistoryInfo => self.history_info = true,
            Name::RecordRoute => self.record_routes += count(value),
            Name::Route => self.routes += count(value),
            Name::Path => self.paths += count(value),
            _ => {}
        }
    }

    /// RFC 4475 §3.3.9: equal values may be forgiven, different ones may not.
    fn repeated_length(&mut self, value: &[u8]) {
        let same = number(value).is_some() && number(value) == self.content_length;
        self.flaws.add(if same { Flaw::HeaderRepeated } else { Flaw::ContentLengthConflict });
    }

    /// `delta-seconds`, or another number up to 2^32-1; what follows the digits (comment, parameters) is left.
    fn seconds(&mut self, value: &[u8]) -> Option<u32> {
        let read = leading_number(value).and_then(|(n, _)| u32::try_from(n).ok());
        self.flaws.add_if(read.is_none(), Flaw::NumberOutOfRange);
        read
    }

    fn small(&mut self, value: &[u8], max: u32) -> Option<u32> {
        let read = number(value).and_then(|n| u32::try_from(n).ok());
        self.flaws.add_if(read.is_none_or(|n| n > max), Flaw::NumberOutOfRange);
        read
    }

    fn party(&mut self, value: &'a [u8]) -> Party<'a> {
        let addr = name_addr(value);
        self.flaws.merge(addr.flaws);
        let tag = params(addr.params).find(|(name, _)| name.eq_ignore_ascii_case(b"tag")).and_then(|(_, tag)| tag);
        let given = |text: &'a [u8]| (!text.is_empty()).then_some(text);
        let tag = tag.and_then(given);
        Party { display: given(addr.display), uri: given(addr.uri), tag, tag_hash: tag.map_or(0, hash::bytes) }
    }

    /// `CSeq = 1*DIGIT LWS Method`
    fn cseq_header(&mut self, value: &'a [u8]) {
        let (number_part, method) = split(value, value.iter().position(|&b| is_space(b)).unwrap_or(value.len()));
        self.cseq = number(number_part).and_then(|n| u32::try_from(n).ok());
        let method = trim(method);
        self.cseq_method = (!method.is_empty()).then_some(method);
        self.flaws.add_if(self.cseq.is_none() || method.is_empty(), Flaw::Cseq);
    }

    fn via_row(&mut self, value: &'a [u8], work: &mut Work) {
        if memchr::memchr(b',', value).is_none() {
            self.via_value(value, work);
        } else {
            list(value).for_each(|item| self.via_value(item, work));
        }
    }

    fn via_value(&mut self, value: &'a [u8], work: &mut Work) {
        let below = self.via.count > 0;
        let Some(via) = via::parse(value) else {
            self.flaws.add(Flaw::Via);
            return;
        };
        let from = work.via.len();
        let mut normal = via::normalise(&via, &mut work.via);
        normal.flaws.merge(via.flaws);
        self.flaws.merge(normal.flaws);
        let hash = hash::bytes(work.via.get(from..).unwrap_or_default());
        work.vias.push(hash);
        if below {
            work.via.truncate(from);
        } else {
            self.top_branch(normal.branch.filter(|b| !b.is_empty()));
            self.via.transport = Some(via.transport);
            self.via.received = normal.received;
            self.via.rport = normal.rport;
            work.sent_by = normal.sent_by;
            // The line outlives the buffer.
            let as_sent = work.via.get(work.sent_by.0..work.sent_by.1) == Some(via.sent_by);
            self.via.sent_by = as_sent.then_some(via.sent_by);
            let sent_by = work.via.get(work.sent_by.0..work.sent_by.1).unwrap_or_default();
            self.via.hop = hash::pair(hash::bytes(normal.branch.unwrap_or_default()), hash::bytes(sent_by));
        }
        self.via.count = self.via.count.saturating_add(1);
    }

    pub(super) fn top_branch(&mut self, branch: Option<&'a [u8]>) {
        self.via.branch = branch;
        self.via.unique_branch = branch.is_some_and(via::is_unique_branch);
        self.flaws.add_if(branch.is_some_and(via::is_cookie_only), Flaw::BranchCookieOnly);
    }

    fn contact_row(&mut self, value: &'a [u8]) {
        if value == b"*" {
            self.contact.star = true;
            return;
        }
        if memchr::memchr(b',', value).is_none() {
            self.contact_value(value);
        } else {
            list(value).for_each(|item| self.contact_value(item));
        }
    }

    fn contact_value(&mut self, value: &'a [u8]) {
        self.contact.count = self.contact.count.saturating_add(1);
        if self.contact.count > 1 || value.is_empty() {
            return;
        }
        let addr = name_addr(value);
        self.flaws.merge(addr.flaws);
        self.contact.uri = (!addr.uri.is_empty()).then_some(addr.uri);
        if let Some(expires) = param(addr.params, b"expires") {
            self.contact.expires = self.seconds(expires);
        }
    }

    /// `Reason = reason-value *(COMMA reason-value)`, `reason-value = protocol *(SEMI reason-params)` (RFC 3326 §2).
    fn reason_row(&mut self, value: &'a [u8]) {
        self.reason = self.reason.or(Some(value));
        self.reasons = self.reasons.saturating_add(1);
        for item in list(value) {
            let Some((protocol, params)) = split_once(item, b';') else { continue };
            let is = |name: &[u8]| trim(protocol).eq_ignore_ascii_case(name);
            let slot = if is(b"Q.850") {
                &mut self.reason_q850
            } else if is(b"SIP") {
                &mut self.reason_sip
            } else if is(b"RELEASE_CAUSE") {
                &mut self.reason_release
            } else if is(b"FAILURE_CAUSE") {
                &mut self.reason_failure
            } else {
                continue;
            };
            let cause = || param(params, b"cause").and_then(number).and_then(|n| u16::try_from(n).ok());
            *slot = slot.or_else(cause);
        }
    }

    /// `credentials = ("Digest" LWS digest-response) / other-response` (RFC 3261 §20.7)
    fn credentials(&mut self, value: &'a [u8]) {
        for (name, value) in auth_params(value) {
            if name.eq_ignore_ascii_case(b"username") {
                self.auth.username = self.auth.username.or(Some(value));
            } else if name.eq_ignore_ascii_case(b"realm") {
                self.auth.realm = self.auth.realm.or(Some(value));
            } else if name.eq_ignore_ascii_case(b"nonce") && !value.is_empty() {
                self.auth.credentials_nonce.get_or_insert_with(|| hash::bytes(value));
            } else if name.eq_ignore_ascii_case(b"response") {
                self.auth.credentials |= !value.is_empty();
            }
        }
    }

    /// `challenge = ("Digest" LWS digest-cln *(COMMA digest-cln)) / other-challenge` (RFC 3261 §20.44)
    fn challenge(&mut self, value: &'a [u8]) {
        self.auth.challenge = true;
        for (name, value) in auth_params(value) {
            if name.eq_ignore_ascii_case(b"nonce") && !value.is_empty() {
                self.auth.challenge_nonce.get_or_insert_with(|| hash::bytes(value));
            } else if name.eq_ignore_ascii_case(b"stale") {
                self.auth.stale |= value.eq_ignore_ascii_case(b"true");
            } else if name.eq_ignore_ascii_case(b"realm") {
                self.auth.realm = self.auth.realm.or(Some(value));
            }
        }
    }

    /// What can be said once all header lines are read.
    pub(super) fn finish_header(&mut self, header: &[u8], work: &'a Work) {
        if let Some((&top, below)) = work.vias.split_first() {
            self.via.sent_by = self.via.sent_by.or_else(|| work.via.get(work.sent_by.0..work.sent_by.1));
            self.via.top_hash = top;
            self.via.rest_hash = below.iter().rev().fold(0, |rest, &value| hash::pair(value, rest));
            self.via.hash = hash::pair(top, self.via.rest_hash);
            self.via.values = &work.vias;
        }
        if !work.require.is_empty() {
            self.require = Some(&work.require);
        }
        if !work.supported.is_empty() {
            self.supported = Some(&work.supported);
        }
        if self.status.is_some() {
            self.method = self.cseq_method;
        } else {
            self.flaws.add_if(self.cseq_method.is_some() && self.cseq_method != self.method, Flaw::CseqMethodMismatch);
        }
        let incomplete = self.missing().next().is_some();
        self.flaws.add_if(incomplete, Flaw::HeaderMissing);
        if work.plain {
            return;
        }
        self.flaws.add_if(!header.is_ascii() && std::str::from_utf8(header).is_err(), Flaw::Utf8);
        self.flaws.add_if(memchr::memchr(0, header).is_some(), Flaw::Nul);
        if !self.flaws.has(Flaw::LineEnd) {
            // Every LF has its CR before it; is there a CR without LF after it?
            let bare = memchr::memchr_iter(b'\r', header).count() != self.lines;
            self.flaws.add_if(bare, Flaw::BareCr);
        }
    }

    pub(super) fn finish_body(&mut self, message: &[u8], header_len: usize, carrier: Carrier) {
        let header_cut = self.flaws.has(Flaw::Cut);
        let available = message.len().saturating_sub(header_len);
        let stated = self.content_length.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let untrue = self.flaws.has(Flaw::ContentLengthConflict) && carrier == Carrier::Stream;
        let length = match stated {
            Some(n) if n > available => {
                // Not there: the capture lacks it, or the sender lied (RFC 4475 §3.1.2.2).
                self.flaws.add(match carrier {
                    Carrier::Datagram { missing: 0 } => Flaw::ContentLengthExceedsDatagram,
                    _ => Flaw::Cut,
                });
                available
            }
            Some(n) if !untrue => n,
            // RFC 3261 §18.3: without it the body ends with the datagram; on a stream the framer has found an end.
            _ => available,
        };
        self.flaws.add_if(
            carrier == Carrier::Stream && self.seen & bit(Name::ContentLength) == 0,
            Flaw::ContentLengthMissing,
        );
        if let Carrier::Datagram { missing } = carrier {
            self.flaws.add_if(missing > 0 && stated.is_none_or(|n| n > available), Flaw::Cut);
        }
        self.body = header_len..header_len + length;
        self.trailing = available - length;
        self.flaws.add_if(self.trailing > 0, Flaw::TrailingBytes);
        self.has_body = message.get(self.body.clone()).unwrap_or_default().iter().any(|&b| !is_space(b));
        // What a cut section lacks may have been in it; and whoever sends no cookie follows RFC 2543.
        self.conditional = !header_cut
            && self.via.unique_branch
            && presence::missing(&self.traits(), |name| self.has(name)).next().is_some();
        self.flaws.add_if(self.conditional, Flaw::HeaderMissing);
        if length > 0 {
            self.encoded = self.codings.and_then(|codings| Encoded::new(codings, self.content_type));
        }
        let Some(content_type) = self.content_type else { return };
        if length > 0 && self.encoded.is_none() {
            let body = message.get(self.body.clone()).unwrap_or_default();
            let within = |range: Range<usize>| header_len + range.start..header_len + range.end;
            let found = mime::find_sdp(content_type, body);
            (self.sdp, self.early_sdp) = (found.session.map(within), found.early.map(within));
        }
    }
}

fn first_uri(value: &[u8]) -> Option<&[u8]> {
    list(value).next().map(|item| name_addr(item).uri).filter(|uri| !uri.is_empty())
}

/// The first row is borrowed; a further one makes a copy of both.
fn append_row<'a>(first: &mut Option<&'a [u8]>, joined: &mut Vec<u8>, value: &'a [u8]) {
    match first {
        None => *first = Some(value),
        Some(first) => {
            if joined.is_empty() {
                joined.extend_from_slice(first);
            }
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(value);
        }
    }
}

/// The parameters after the scheme, unquoted.
fn auth_params(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let (_, params) = split(value, value.iter().position(|&b| is_space(b)).unwrap_or(value.len()));
    comma_params(trim_start(params)).map(|(name, value)| (name, unquote(value.unwrap_or_default())))
}
