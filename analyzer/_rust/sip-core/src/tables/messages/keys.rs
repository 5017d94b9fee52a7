//! What messages are grouped and joined by: hashes of what makes a call, a dialog, a leg, a transaction.

use crate::hash;
use crate::net::Protocol;
use crate::observation::{Kind, ObservationKey, Seen, route};
use crate::sip::Fields;

/// Hashes that the stages group and join on.
pub struct Keys {
    pub call: Option<u64>,
    pub dialog: Option<u64>,
    pub leg: Option<u64>,
    pub transaction: Option<u64>,
    pub via: Option<(u64, u64)>,
    pub nonce: Option<u64>,
}

impl Keys {
    pub fn of(fields: &Fields<'_>) -> Self {
        let call = fields.call_id.map(|_| fields.call_id_hash);
        let tags = (fields.from.tag.map(|_| fields.from.tag_hash), fields.to.tag.map(|_| fields.to.tag_hash));
        let dialog = match (call, tags) {
            // RFC 3261 §12: Call-ID and both tags; whoever sends, it is the same dialog.
            (Some(call), (Some(from), Some(to))) => Some(hash::pair(call, hash::pair(from.min(to), from.max(to)))),
            _ => None,
        };
        Self {
            call,
            dialog,
            leg: call.map(|call| hash::pair(call, tags.0.unwrap_or(0))),
            transaction: transaction(fields, call, tags.0),
            via: (fields.via.count > 0).then_some((fields.via.hash, fields.via.rest_hash)),
            nonce: fields.auth.challenge_nonce.or(fields.auth.credentials_nonce),
        }
    }
}

/// What makes a transaction on a hop (RFC 3261 §17.1.3, §17.2.3): branch, sent-by and method, where an ACK takes the
/// INVITE's. Call-ID and CSeq guard against senders that use a branch again.
fn transaction(fields: &Fields<'_>, call: Option<u64>, from_tag: Option<u64>) -> Option<u64> {
    let method = match fields.method? {
        b"ACK" => b"INVITE",
        method => method,
    };
    let request = hash::pair(hash::pair(call?, u64::from(fields.cseq?)), hash::bytes(method));
    let via = &fields.via;
    Some(match (via.unique_branch, via.sent_by) {
        (true, Some(_)) => hash::pair(request, via.hop),
        // RFC 2543: the branch alone says nothing; From tag and the whole top Via do.
        _ => hash::pair(request, hash::pair(from_tag.unwrap_or(0), via.top_hash)),
    })
}

/// What tells this observation of a message from another.
pub fn observation(seen: &Seen, time: i64, fields: &Fields<'_>, message: &[u8], keys: &Keys) -> ObservationKey {
    let flow = &seen.flow;
    let content = hash::bytes(message);
    ObservationKey {
        time,
        stamp: seen.last.time,
        content,
        route: route(flow),
        // A message without Call-ID, CSeq or method has only itself.
        transaction: keys.transaction.unwrap_or(content),
        ident: seen.ident,
        point: seen.point,
        kind: match (fields.status, fields.method) {
            (Some(status), _) => Kind::Response(status),
            (None, Some(b"ACK")) => Kind::Ack,
            (None, _) => Kind::Request,
        },
        stream: flow.protocol.carrier() == Protocol::Tcp,
        ipv6: flow.src.is_ipv6(),
        reported: false,
    }
}
