//! What a request that opens a call carries that another leg of the call may carry too: identifiers that B2BUAs hand on,
//! Call-IDs of others that it quotes, what names its media. One pass over the header lines of opening INVITEs only, so
//! that no other message pays for it. Values leave as hashes; which of them mean what is decided where legs are joined.

use super::fields::Fields;
use super::folding::unfold;
use super::name::Name;
use super::text::{is_blank, list, name_addr, param, params, soon, split, split_once, trim, trim_end, unquote};
use super::via;
use crate::hash;

/// What an item of evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// icid-value of P-Charging-Vector (RFC 7315 §5.6).
    Icid,
    /// The icid-value with its icid-generated-at.
    IcidAt,
    /// related-icid: the icid-value of another leg.
    RelatedIcid,
    /// The sender's UUID of Session-ID in the opening request (RFC 7989).
    Session,
    /// Both UUIDs of a response, in no order.
    SessionPair,
    /// A Route entry with a token that its owner will see again (TS 24.229 §5.4.3.4: original dialog identifier).
    Route,
    /// The Call-ID that Replaces names (RFC 3891).
    Replaces,
    /// The Call-ID that Join names (RFC 3911).
    Join,
    /// The Call-ID that Target-Dialog names (RFC 4538).
    TargetDialog,
    /// A Call-ID of In-Reply-To (RFC 3261 §20.21).
    InReplyTo,
    /// Value of a header of some vendor that holds a Call-ID or a number of the call.
    Vendor,
    /// What is left of the Call-ID without its host, and without a short prefix or suffix.
    CallIdStem,
    /// Host of the bottom Via, as text: where the leg began.
    Origin,
    /// A URI of History-Info or Diversion, as text (RFC 7044, RFC 5806).
    History,
    /// P-Called-Party-ID, as text (RFC 7315 §4.2).
    CalledParty,
    /// The calling party of Remote-Party-ID, as text (draft-ietf-sip-privacy-04 §5).
    RemoteParty,
    /// `o=` of the session description without its version.
    SdpOrigin,
    /// First `c=` and `m=` of the session description.
    SdpMedia,
    /// ICE username fragment.
    IceUfrag,
    /// User-to-User (RFC 7433).
    UserToUser,
    /// Tag of From.
    FromTag,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Icid => "icid",
            Kind::IcidAt => "icid_at",
            Kind::RelatedIcid => "related_icid",
            Kind::Session => "session",
            Kind::SessionPair => "session_pair",
            Kind::Route => "route",
            Kind::Replaces => "replaces",
            Kind::Join => "join",
            Kind::TargetDialog => "target_dialog",
            Kind::InReplyTo => "in_reply_to",
            Kind::Vendor => "vendor",
            Kind::CallIdStem => "call_id_stem",
            Kind::Origin => "origin",
            Kind::History => "history",
            Kind::CalledParty => "called_party",
            Kind::RemoteParty => "remote_party",
            Kind::SdpOrigin => "sdp_origin",
            Kind::SdpMedia => "sdp_media",
            Kind::IceUfrag => "ice_ufrag",
            Kind::UserToUser => "user_to_user",
            Kind::FromTag => "from_tag",
        }
    }
}

/// One item of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    pub kind: Kind,
    pub value: u64,
    /// Only where what it says is compared as an address or URI.
    pub text: Option<&'a [u8]>,
}

/// Headers of vendors that carry a Call-ID or a number of the call from leg to leg.
const VENDOR: [&[u8]; 9] = [
    b"X-Call-ID",
    b"X-CID",
    b"X-Orig-Call-ID",
    b"X-Original-Call-ID",
    b"X-Leg-ID",
    b"X-UCID",
    b"X-Genesys-CallUUID",
    b"X-BroadWorks-Correlation-Info",
    b"Cisco-Guid",
];

/// Rows of History-Info and Diversion, and Route entries, that are looked at in one message.
const MAX_LISTED: usize = 8;
/// A shorter word in a Route entry (`orig`, `term`, `mmtel`) is the same for all calls.
const TOKEN: usize = 6;
/// A shorter Call-ID is no random one.
const STEM: usize = 12;
/// A B2BUA that derives a Call-ID from another adds no more than this.
const AFFIX: usize = 6;

/// Is the message one of those that [`items`] is for?
pub fn concerns(fields: &Fields<'_>) -> bool {
    match (fields.method, fields.status) {
        (Some(b"INVITE" | b"REFER"), None) => fields.to.tag.is_none(),
        (Some(b"INVITE"), Some(status)) => status > 100 && (fields.icid.is_some() || fields.session_id.is_some()),
        _ => false,
    }
}

/// Gives the evidence of a message that [`concerns`] legs. Of a response what the sender of its request cannot have said;
/// of a REFER outside a dialog the dialog that it is sent for (RFC 4538 §3).
pub fn items(message: &[u8], fields: &Fields<'_>, unfolded: &mut Vec<u8>, mut give: impl FnMut(Item<'_>)) {
    if fields.method == Some(b"REFER") {
        for line in split(message, fields.body.start).0.split(|&b| b == b'\n').skip(1) {
            let Some((name, value)) = split_once(line, b':') else { continue };
            if Name::of(trim_end(name)) == Name::TargetDialog {
                quoted(Kind::TargetDialog, trim(value), &mut give);
            }
        }
        return;
    }
    let mut hashed = |kind, value: &[u8]| {
        if !value.is_empty() {
            give(Item { kind, value: hash::bytes(value), text: None });
        }
    };
    if let Some(icid) = fields.icid {
        hashed(Kind::Icid, icid);
    }
    let session = fields.session_id.and_then(uuids);
    if fields.status.is_some() {
        if let Some((local, Some(remote))) = session {
            give(Item { kind: Kind::SessionPair, value: hash::pair(local.min(remote), local.max(remote)), text: None });
        }
        return;
    }
    if let Some((local, _)) = session {
        give(Item { kind: Kind::Session, value: local, text: None });
    }
    if let Some(tag) = fields.from.tag {
        give(Item { kind: Kind::FromTag, value: hash::bytes(tag), text: None });
    }
    if let Some(call_id) = fields.call_id {
        stems(call_id, |stem| give(Item { kind: Kind::CallIdStem, value: hash::bytes(stem), text: None }));
    }
    if let Some(uri) = fields.called_party {
        give(Item { kind: Kind::CalledParty, value: hash::bytes(uri), text: Some(uri) });
    }
    if let Some(sdp) = fields.sdp.clone().and_then(|range| message.get(range)) {
        media(sdp, &mut give);
    }
    // The lines that were marked when they were read, else all of them.
    let mut lines = Lines::default();
    if let Some(marked) = fields.marked {
        for (name, place) in marked {
            lines.line(*name, message.get(place.clone()).unwrap_or_default(), &mut give);
        }
        return lines.end(&mut give);
    }
    let (header, _) = split(message, fields.body.start);
    let folded = memchr::memchr_iter(b'\n', header).any(|at| header.get(at + 1).copied().is_some_and(is_blank));
    unfolded.clear();
    if folded {
        unfold(message, unfolded);
    }
    let header = if folded { unfolded } else { header };
    for line in header.split(|&b| b == b'\n').skip(1) {
        let Some(colon) = soon(line, b':') else { continue };
        lines.line(Name::of(trim_end(split(line, colon).0)), line, &mut give);
    }
    lines.end(&mut give);
}

/// What header lines say one after the other.
#[derive(Default)]
struct Lines<'a> {
    /// The Via read last.
    bottom: Option<&'a [u8]>,
    listed: usize,
}

impl<'a> Lines<'a> {
    fn line(&mut self, name: Name, line: &'a [u8], give: &mut impl FnMut(Item<'_>)) {
        let Some(colon) = soon(line, b':') else { return };
        let (named, value) = split(line, colon);
        let (named, value) = (trim_end(named), trim(value.get(1..).unwrap_or_default()));
        match name {
            // The last of several, which nearly none has in one row.
            Name::Via if memchr::memchr(b',', value).is_none() => {
                self.bottom = Some(value).filter(|v| !v.is_empty()).or(self.bottom)
            }
            Name::Via => self.bottom = list(value).last().or(self.bottom),
            Name::Route => {
                for entry in list(value).take(MAX_LISTED) {
                    route(name_addr(entry).uri, give);
                }
            }
            Name::PChargingVector => charging(value, give),
            Name::Replaces => quoted(Kind::Replaces, value, give),
            Name::Join => quoted(Kind::Join, value, give),
            Name::TargetDialog => quoted(Kind::TargetDialog, value, give),
            Name::InReplyTo => list(value).take(MAX_LISTED).for_each(|id| quoted(Kind::InReplyTo, id, give)),
            Name::UserToUser => give(Item { kind: Kind::UserToUser, value: hash::bytes(value), text: None }),
            Name::HistoryInfo | Name::Diversion => {
                for entry in list(value) {
                    // The headers that a hi-targeted-to-uri carries say why, not where to (RFC 7044 §5).
                    let (uri, _) = split(entry, memchr::memchr(b'?', entry).unwrap_or(entry.len()));
                    let uri = name_addr(uri).uri;
                    self.listed += 1;
                    if self.listed <= MAX_LISTED && !uri.is_empty() {
                        give(Item { kind: Kind::History, value: hash::bytes(uri), text: Some(uri) });
                    }
                }
            }
            Name::Other if named.eq_ignore_ascii_case(b"Remote-Party-ID") => {
                // Without `party` it is the calling one in a request.
                let calling = |entry: &&[u8]| {
                    let party = param(name_addr(entry).params, b"party");
                    party.is_none_or(|party| party.eq_ignore_ascii_case(b"calling"))
                };
                if let Some(uri) = list(value).find(calling).map(|entry| name_addr(entry).uri).filter(|u| !u.is_empty())
                {
                    give(Item { kind: Kind::RemoteParty, value: hash::bytes(uri), text: Some(uri) });
                }
            }
            Name::Other if VENDOR.iter().any(|known| known.eq_ignore_ascii_case(named)) && !value.is_empty() => {
                give(Item { kind: Kind::Vendor, value: hash::bytes(value), text: None });
            }
            _ => {}
        }
    }

    /// What can be said once all were read.
    fn end(self, give: &mut impl FnMut(Item<'_>)) {
        let Some(via) = self.bottom.and_then(via::parse) else { return };
        // What the receiver saw is the address; what the sender wrote may be a name (RFC 3261 §18.2.1).
        let host = param(via.params, b"received").unwrap_or_else(|| via::host_and_port(via.sent_by).0);
        let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
        if !host.is_empty() {
            give(Item { kind: Kind::Origin, value: hash::bytes(host), text: Some(host) });
        }
    }
}

/// `session-id = sess-uuid *( SEMI sess-id-param )` (RFC 7989 §5): both UUIDs as hashes; one of zeros is none.
fn uuids(value: &[u8]) -> Option<(u64, Option<u64>)> {
    let (local, rest) = split(value, memchr::memchr(b';', value).unwrap_or(value.len()));
    let uuid = |text: &[u8]| {
        let text = trim(text);
        let hex = text.len() == 32 && text.iter().all(u8::is_ascii_hexdigit) && text.iter().any(|&b| b != b'0');
        hex.then(|| hash::bytes(&text.to_ascii_lowercase()))
    };
    Some((uuid(local)?, param(rest, b"remote").and_then(uuid)))
}

fn charging(value: &[u8], give: &mut impl FnMut(Item<'_>)) {
    let (mut icid, mut at) = (None, None);
    for (name, value) in params(value) {
        let value = unquote(value.unwrap_or_default());
        if value.is_empty() {
            continue;
        }
        if name.eq_ignore_ascii_case(b"related-icid") {
            give(Item { kind: Kind::RelatedIcid, value: hash::bytes(value), text: None });
        } else if name.eq_ignore_ascii_case(b"icid-value") {
            icid = Some(value);
        } else if name.eq_ignore_ascii_case(b"icid-generated-at") {
            at = Some(value);
        }
    }
    if let (Some(icid), Some(at)) = (icid, at) {
        let value = hash::pair(hash::bytes(icid), hash::bytes(&at.to_ascii_lowercase()));
        give(Item { kind: Kind::IcidAt, value, text: None });
    }
}

/// `Replaces = "Replaces" HCOLON callid *(SEMI replaces-param)`; Join, Target-Dialog and In-Reply-To begin so, too.
fn quoted(kind: Kind, value: &[u8], give: &mut impl FnMut(Item<'_>)) {
    let call_id = trim(split(value, memchr::memchr(b';', value).unwrap_or(value.len())).0);
    if !call_id.is_empty() {
        give(Item { kind, value: hash::bytes(call_id), text: None });
    }
}

/// A Route entry whose user part or a parameter is a token that its owner made for this call.
fn route(uri: &[u8], give: &mut impl FnMut(Item<'_>)) {
    let (_, rest) = split_once(uri, b':').unwrap_or_default();
    let (head, tail) = split(rest, memchr::memchr(b';', rest).unwrap_or(rest.len()));
    let user = split_once(head, b'@').map_or(&b""[..], |(user, _)| user);
    let is_token = |word: &[u8]| word.len() >= TOKEN && word.iter().any(u8::is_ascii_digit);
    let routing = |name: &[u8]| [&b"transport"[..], b"maddr", b"ttl"].iter().any(|n| n.eq_ignore_ascii_case(name));
    let in_params = || params(tail).any(|(name, value)| !routing(name) && value.is_some_and(is_token));
    if is_token(user) || in_params() {
        give(Item { kind: Kind::Route, value: hash::bytes(rest), text: None });
    }
}

/// The local part of a Call-ID, and the same without what a B2BUA puts before or behind it.
fn stems(call_id: &[u8], mut give: impl FnMut(&[u8])) {
    let (local, _) = split(call_id, memchr::memchr(b'@', call_id).unwrap_or(call_id.len()));
    if local.len() < STEM {
        return;
    }
    give(local);
    let is_mark = |b: &u8| matches!(b, b'-' | b'_' | b'.');
    if let Some(at) = local.iter().rposition(is_mark).filter(|&at| at >= STEM && local.len() - at - 1 <= AFFIX) {
        give(split(local, at).0);
    }
    if let Some(at) = local.iter().position(is_mark).filter(|&at| at <= AFFIX && local.len() - at > STEM) {
        give(split(local, at + 1).1);
    }
}

/// What names the media of a session description (RFC 8866 §5.2, RFC 8839 §5.4).
fn media(sdp: &[u8], give: &mut impl FnMut(Item<'_>)) {
    let (mut connection, mut stream) = (None, None);
    let mut at = 0;
    for end in memchr::memchr_iter(b'\n', sdp).chain([sdp.len()]) {
        let line = sdp.get(at..end).unwrap_or_default();
        at = end + 1;
        let [kind @ (b'o' | b'c' | b'm' | b'a'), b'=', value @ ..] = line else { continue };
        let value = trim_end(value);
        match kind {
            b'o' => {
                let words: Vec<&[u8]> = value.split(|&b| b == b' ').filter(|word| !word.is_empty()).collect();
                if let [user, session, _, _, _, address] = words[..] {
                    let value = hash::pair(hash::pair(hash::bytes(user), hash::bytes(session)), hash::bytes(address));
                    give(Item { kind: Kind::SdpOrigin, value, text: None });
                }
            }
            b'c' => connection = connection.or(Some(value)),
            b'm' => stream = stream.or_else(|| value.split(|&b| b == b' ').nth(1)),
            b'a' => {
                if let Some(ufrag) = value.strip_prefix(b"ice-ufrag:") {
                    give(Item { kind: Kind::IceUfrag, value: hash::bytes(ufrag), text: None });
                }
            }
            _ => {}
        }
    }
    // Port 0, or the address 0.0.0.0, names nothing.
    let named = connection.zip(stream).filter(|(connection, port)| *port != b"0" && !connection.ends_with(b" 0.0.0.0"));
    if let Some((connection, port)) = named {
        let value = hash::pair(hash::bytes(connection), hash::bytes(port));
        give(Item { kind: Kind::SdpMedia, value, text: None });
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::{Carrier, Scratch, read};
    use super::*;

    /// Kind and text (or hash) of the evidence of a request with these header lines.
    fn evidence(headers: &str, body: &str) -> Vec<(&'static str, String)> {
        let message = format!(
            "INVITE sip:b@e SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@e>;tag=1\r\nTo: <sip:b@e>\r\n\
             Call-ID: 1\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut scratch = Scratch::default();
        let fields = read(message.as_bytes(), Carrier::Datagram { missing: 0 }, &mut scratch);
        assert!(concerns(&fields));
        let mut found = Vec::new();
        items(message.as_bytes(), &fields, &mut Vec::new(), |item| {
            let text = item.text.map(|text| String::from_utf8_lossy(text).into_owned());
            found.push((item.kind.as_str(), text.unwrap_or_else(|| item.value.to_string())));
        });
        found.retain(|(kind, _)| *kind != "from_tag");
        found
    }

    fn hashed(kind: &'static str, text: &str) -> (&'static str, String) {
        (kind, hash::bytes(text.as_bytes()).to_string())
    }

    #[test]
    fn a_charging_vector_names_its_own_and_the_related_icid() {
        let found = evidence("P-Charging-Vector: icid-value=\"a;1\";orig-ioi=x;related-icid=b\r\n", "");
        assert_eq!(found, [hashed("icid", "a;1"), hashed("related_icid", "b"), ("origin", "h".to_owned())]);
    }

    #[test]
    fn a_folded_header_is_read_whole() {
        let found = evidence("P-Charging-Vector: icid-value=a;\r\n related-icid=b\r\n", "");
        assert!(found.contains(&hashed("related_icid", "b")));
    }

    #[test]
    fn route_entries_of_all_calls_are_no_evidence() {
        let found =
            evidence("Route: <sip:as.example;lr>, <sip:orig@s.example;lr>,<sip:odi-77af01@s.example;lr>\r\n", "");
        assert_eq!(found[0], hashed("route", "odi-77af01@s.example;lr"));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_uuid_of_zeros_is_none() {
        assert_eq!(uuids(b"00000000000000000000000000000000;remote=1"), None);
        let value = b"ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000";
        assert_eq!(uuids(value).map(|(_, remote)| remote), Some(None));
    }

    #[test]
    fn quoted_call_ids() {
        let found = evidence("Replaces: 425928@e;to-tag=7;from-tag=6\r\nIn-Reply-To: 70710@e, 17320@e\r\n", "");
        assert_eq!(
            found[..3],
            [hashed("replaces", "425928@e"), hashed("in_reply_to", "70710@e"), hashed("in_reply_to", "17320@e")]
        );
    }

    #[test]
    fn the_calling_party_of_remote_party_id() {
        let found =
            evidence("Remote-Party-ID: <sip:b@e>;party=called, \"A\" <sip:a@e>;privacy=off;party=calling\r\n", "");
        assert!(found.contains(&("remote_party", "sip:a@e".to_owned())));
        let found = evidence("Remote-Party-ID: <sip:b@e>;party=called\r\n", "");
        assert!(found.iter().all(|(kind, _)| *kind != "remote_party"));
    }

    #[test]
    fn the_reason_in_a_history_entry_is_not_its_uri() {
        let found = evidence("History-Info: <sip:b@e?Reason=SIP%3Bcause%3D486>;index=1, <sip:c@e>;index=1.1\r\n", "");
        assert_eq!(found[..2], [("history", "sip:b@e".to_owned()), ("history", "sip:c@e".to_owned())]);
    }

    #[test]
    fn a_new_version_of_a_description_has_the_same_origin() {
        let sdp = |version| {
            format!("v=0\r\no=- 7 {version} IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 X 0\r\n")
        };
        let header = "Content-Type: application/sdp\r\n";
        let (one, two) = (evidence(header, &sdp(1)), evidence(header, &sdp(2)));
        assert_eq!(one, two);
        assert_eq!(one.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), ["sdp_origin", "sdp_media", "origin"]);
    }

    #[test]
    fn a_derived_call_id_has_the_stem_of_the_first() {
        let stems_of = |call_id: &str| {
            let mut found = Vec::new();
            stems(call_id.as_bytes(), |stem| found.push(String::from_utf8_lossy(stem).into_owned()));
            found
        };
        assert_eq!(stems_of("0f1e2d3c4b5a6978-leg2@sbc"), ["0f1e2d3c4b5a6978-leg2", "0f1e2d3c4b5a6978"]);
        assert_eq!(stems_of("b2b_0f1e2d3c4b5a6978"), ["b2b_0f1e2d3c4b5a6978", "0f1e2d3c4b5a6978"]);
        assert_eq!(stems_of("short-1@h"), Vec::<String>::new());
    }
}
