//! What few messages say and only the roles of nodes and registrations rest on: routes, what a registrar answers,
//! AKA, security agreement. Read in a second pass over the header lines, of those messages alone.

use std::borrow::Cow;

use super::fields::Fields;
use super::folding::unfold;
use super::name::Name;
use super::text::{comma_params, is_space, list, name_addr, split, split_once, trim, trim_end, trim_start, unquote};

/// A value as sent; of a header in several rows they are joined by commas (RFC 3261 §7.3.1).
type Rows<'a> = Option<Cow<'a, [u8]>>;

/// Values of one message.
#[derive(Debug, Clone, Default)]
pub struct ImsHeaders<'a> {
    /// The addr-spec of the topmost Route, and of the one under it.
    pub routes: [Option<&'a [u8]>; 2],
    /// The addr-spec of the topmost Record-Route.
    pub record_route: Option<&'a [u8]>,
    pub path: Rows<'a>,
    pub service_route: Rows<'a>,
    pub contact: Rows<'a>,
    pub associated_uris: Rows<'a>,
    pub visited_network: Option<&'a [u8]>,
    pub served_user: Option<&'a [u8]>,
    pub access_network: Rows<'a>,
    pub feature_caps: Rows<'a>,
    pub security_client: Rows<'a>,
    pub security_server: Rows<'a>,
    pub security_verify: Rows<'a>,
    /// `algorithm` of a challenge or of credentials.
    pub algorithm: Option<&'a [u8]>,
    pub realm: Option<&'a [u8]>,
    /// The nonce of AKA, which is RAND and AUTN (RFC 3310 §3.2). Any other says nothing.
    pub aka_nonce: Option<&'a [u8]>,
    /// AUTS of a UE whose sequence number is ahead of its home network's (RFC 3310 §3.4).
    pub auts: Option<&'a [u8]>,
    /// `integrity-protected` as a P-CSCF writes it (TS 24.229 §7.2A.2).
    pub protected: Option<&'a [u8]>,
    /// The challenge holds `ik` or `ck`: keys, of which nothing but their presence is told (TS 24.229 §7.2A.1).
    pub keys: bool,
    /// Via, Route or Record-Route hides the topology behind a token (TS 24.229 §5.10.4).
    pub tokenized: bool,
    /// Contact has feature tags of 3GPP (TS 24.229 §7.9).
    pub features: bool,
    /// Registration information (RFC 3680).
    pub reginfo: Option<&'a [u8]>,
}

/// Does a message say such things? REGISTERs, requests that begin something, and NOTIFYs of the package `reg`.
pub fn concerns(fields: &Fields<'_>) -> bool {
    match (fields.method, fields.status) {
        (Some(b"REGISTER"), _) => true,
        (Some(b"ACK" | b"CANCEL"), _) | (_, Some(_)) => false,
        _ => fields.to.tag.is_none() || is_reginfo(fields),
    }
}

/// Is its body the state of registrations (RFC 3680)?
pub fn is_reginfo(fields: &Fields<'_>) -> bool {
    fields.content_type == Some(b"application/reginfo+xml")
}

/// Reads the values of a message; `unfolded` is for its header lines.
pub fn read<'a>(message: &'a [u8], fields: &Fields<'_>, unfolded: &'a mut Vec<u8>) -> ImsHeaders<'a> {
    unfolded.clear();
    unfold(message, unfolded);
    let text: &'a [u8] = unfolded;
    let register = fields.method == Some(b"REGISTER");
    let mut ims_headers = ImsHeaders::default();
    for line in text.split(|&b| b == b'\n').skip(1) {
        let Some((name, value)) = split_once(line, b':') else { continue };
        ims_headers.header(Name::of(trim_end(name)), trim(value), register);
    }
    if is_reginfo(fields) {
        ims_headers.reginfo = message.get(fields.body.clone());
    }
    ims_headers
}

impl<'a> ImsHeaders<'a> {
    fn header(&mut self, name: Name, value: &'a [u8], register: bool) {
        match name {
            Name::Route => {
                self.tokenized |= is_tokenized(value);
                for item in list(value) {
                    let Some(free) = self.routes.iter_mut().find(|slot| slot.is_none()) else { break };
                    *free = Some(name_addr(item).uri);
                }
            }
            Name::RecordRoute => {
                self.tokenized |= is_tokenized(value);
                self.record_route = self.record_route.or_else(|| list(value).next().map(|item| name_addr(item).uri));
            }
            Name::Via => self.tokenized |= is_tokenized(value),
            Name::Contact => {
                self.features |= contains(value, b"+g.3gpp.");
                if register {
                    append(&mut self.contact, value);
                }
            }
            Name::Path => append(&mut self.path, value),
            Name::ServiceRoute => append(&mut self.service_route, value),
            Name::PAssociatedUri => append(&mut self.associated_uris, value),
            Name::PVisitedNetworkId => self.visited_network = self.visited_network.or(Some(value)),
            // Of several the topmost was written last.
            Name::PServedUser => self.served_user = self.served_user.or(Some(value)),
            Name::PAccessNetworkInfo => append(&mut self.access_network, value),
            Name::FeatureCaps => append(&mut self.feature_caps, value),
            Name::SecurityClient => append(&mut self.security_client, value),
            Name::SecurityServer => append(&mut self.security_server, value),
            Name::SecurityVerify => append(&mut self.security_verify, value),
            Name::Authorization | Name::WwwAuthenticate if register => self.digest(value),
            _ => {}
        }
    }

    /// `credentials` and `challenge` of RFC 3261 §20.7 and §20.44.
    fn digest(&mut self, value: &'a [u8]) {
        let (_, params) = split(value, value.iter().position(|&b| is_space(b)).unwrap_or(value.len()));
        let mut nonce = None;
        for (name, value) in comma_params(trim_start(params)) {
            let value = unquote(value.unwrap_or_default());
            match name.to_ascii_lowercase().as_slice() {
                b"algorithm" => self.algorithm = self.algorithm.or(Some(value)),
                b"realm" => self.realm = self.realm.or(Some(value)),
                b"nonce" => nonce = Some(value),
                b"auts" => self.auts = Some(value),
                b"integrity-protected" => self.protected = Some(value),
                b"ik" | b"ck" => self.keys = true,
                _ => {}
            }
        }
        if self.algorithm.is_some_and(|name| contains(&name.to_ascii_uppercase(), b"AKAV")) {
            self.aka_nonce = self.aka_nonce.or(nonce);
        }
    }
}

fn append<'a>(rows: &mut Rows<'a>, value: &'a [u8]) {
    match rows {
        None => *rows = Some(Cow::Borrowed(value)),
        Some(rows) => {
            let joined = rows.to_mut();
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(value);
        }
    }
}

fn is_tokenized(value: &[u8]) -> bool {
    contains(value, b"tokenized-by=")
}

fn contains(value: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(value, what).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::fields::{self, Carrier, Scratch};
    use super::*;

    fn with<R>(message: &str, look: impl FnOnce(&ImsHeaders<'_>) -> R) -> R {
        let mut scratch = Scratch::default();
        let fields = fields::read(message.as_bytes(), Carrier::Datagram { missing: 0 }, &mut scratch);
        look(&read(message.as_bytes(), &fields, &mut Vec::new()))
    }

    #[test]
    fn the_two_topmost_routes_stand_in_one_row_or_in_two() {
        for routes in
            ["Route: <sip:a;lr>, <sip:b;lr>\r\nRoute: <sip:c>\r\n", "Route: <sip:a;lr>\r\nRoute: <sip:b;lr>\r\n"]
        {
            let message = format!("INVITE sip:x@y SIP/2.0\r\n{routes}\r\n");
            with(&message, |ims_headers| {
                assert_eq!(ims_headers.routes, [Some(&b"sip:a;lr"[..]), Some(&b"sip:b;lr"[..])])
            });
        }
    }

    #[test]
    fn rows_of_one_header_are_joined() {
        with("REGISTER sip:h SIP/2.0\r\nPath: <sip:b;lr>\r\nPath: <sip:a;lr>\r\n\r\n", |ims_headers| {
            assert_eq!(ims_headers.path.as_deref(), Some(&b"<sip:b;lr>, <sip:a;lr>"[..]));
        });
    }

    #[test]
    fn a_nonce_is_kept_of_aka_alone_and_of_keys_only_that_they_are_there() {
        let challenge = |algorithm: &str| {
            format!(
                "SIP/2.0 401 U\r\nCSeq: 1 REGISTER\r\nWWW-Authenticate: Digest realm=\"h\", nonce=\"bm9uY2U=\", \
                 algorithm={algorithm}, ik=\"00\"\r\n\r\n"
            )
        };
        with(&challenge("AKAv1-MD5"), |ims_headers| {
            assert_eq!((ims_headers.aka_nonce, ims_headers.keys), (Some(&b"bm9uY2U="[..]), true));
        });
        with(&challenge("MD5"), |ims_headers| {
            assert_eq!((ims_headers.aka_nonce, ims_headers.realm), (None, Some(&b"h"[..])))
        });
    }

    #[test]
    fn folded_values_are_on_one_line() {
        with("REGISTER sip:h SIP/2.0\r\nService-Route: <sip:a;lr>,\r\n <sip:b;lr>\r\n\r\n", |ims_headers| {
            assert_eq!(ims_headers.service_route.as_deref(), Some(&b"<sip:a;lr>, <sip:b;lr>"[..]));
        });
    }

    #[test]
    fn what_is_within_a_dialog_concerns_nobody_here() {
        let concerned = |message: &str| {
            let mut scratch = Scratch::default();
            concerns(&fields::read(message.as_bytes(), Carrier::Datagram { missing: 0 }, &mut scratch))
        };
        assert!(concerned("INVITE sip:x SIP/2.0\r\nTo: <sip:x>\r\nCSeq: 1 INVITE\r\n\r\n"));
        assert!(concerned("SIP/2.0 200 OK\r\nTo: <sip:x>;tag=1\r\nCSeq: 1 REGISTER\r\n\r\n"));
        assert!(!concerned("BYE sip:x SIP/2.0\r\nTo: <sip:x>;tag=1\r\nCSeq: 1 BYE\r\n\r\n"));
        assert!(!concerned("SIP/2.0 200 OK\r\nTo: <sip:x>\r\nCSeq: 1 INVITE\r\n\r\n"));
    }
}
