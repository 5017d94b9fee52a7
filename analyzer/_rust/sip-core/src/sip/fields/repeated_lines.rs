//! Header lines that were met before: what is kept of a line once it is read, and how a message takes it from there.

use super::super::name::Name;
use super::super::text::count;
use super::known_lines::{Place, Said, TopVia, Value};
use super::{Fields, Party, Work, bit};

/// Headers that may stand once (RFC 3261 §20 and their own RFCs).
pub fn is_single(name: Name) -> bool {
    matches!(
        name,
        Name::CallId
            | Name::CSeq
            | Name::From
            | Name::To
            | Name::MaxForwards
            | Name::ContentLength
            | Name::ContentType
            | Name::Date
            | Name::Event
            | Name::Expires
            | Name::MinExpires
            | Name::MinSe
            | Name::Organization
            | Name::PCalledPartyId
            | Name::PChargingVector
            | Name::RAck
            | Name::ReferTo
            | Name::Replaces
            | Name::RetryAfter
            | Name::RSeq
            | Name::Server
            | Name::SessionExpires
            | Name::SubscriptionState
            | Name::Subject
            | Name::TargetDialog
            | Name::Timestamp
            | Name::UserAgent
    )
}

/// What a message said before a line of it was read.
pub struct Before {
    seen: u128,
    vias: u32,
    contacts: u32,
    asserted: bool,
    preferred: bool,
}

impl Before {
    pub fn of(fields: &Fields<'_>) -> Self {
        Self {
            seen: fields.seen,
            vias: fields.via.count,
            contacts: fields.contact.count,
            asserted: fields.asserted[0].is_some(),
            preferred: fields.preferred.is_some(),
        }
    }
}

impl<'a> Fields<'a> {
    /// Takes what a line says that was met before; false where too little of it is known.
    pub(super) fn said_before(&mut self, line: &'a [u8], Said { name, value, says }: Said, work: &mut Work) -> bool {
        if name == Name::Other {
            return true;
        }
        let bit = bit(name);
        if self.seen & bit != 0 && is_single(name) {
            return false;
        }
        match says {
            Value::Any => {
                self.header(name, value.part(line).unwrap_or_default(), work);
                return true;
            }
            Value::Party { display, uri, tag, tag_hash } => {
                let (display, uri, tag) = (display.part(line), uri.part(line), tag.part(line));
                let party = Party { display, uri, tag, tag_hash };
                if name == Name::From { self.from = party } else { self.to = party }
            }
            Value::Contact { uri, expires } => {
                self.contact.count = self.contact.count.saturating_add(1);
                if self.contact.count == 1 {
                    (self.contact.uri, self.contact.expires) = (uri.part(line), expires);
                }
            }
            Value::Asserted(uris) => {
                let free = self.asserted.iter_mut().filter(|slot| slot.is_none());
                free.zip(uris).for_each(|(slot, uri)| *slot = uri.part(line));
            }
            Value::Count(count) => match name {
                Name::RecordRoute => self.record_routes += count,
                Name::Route => self.routes += count,
                _ => self.paths += count,
            },
            Value::Number(number) => match name {
                Name::MaxForwards => self.max_forwards = number,
                Name::Expires => self.expires = number,
                _ => self.min_se = number,
            },
            Value::ContentLength(length) => self.content_length = length,
            Value::SessionExpires { seconds, refresher } => {
                (self.session_expires, self.refresher) = (seconds, refresher.part(line));
            }
            Value::Preferred(uri) => self.preferred = self.preferred.or_else(|| uri.part(line)),
            Value::Icid(icid) => self.icid = icid.part(line),
            Value::CallId(hash) => (self.call_id, self.call_id_hash) = (value.part(line), hash),
            Value::Cseq { number, method } => (self.cseq, self.cseq_method) = (number, method.part(line)),
            Value::Via { hash, top } => {
                if self.via.count == 0 {
                    let Some(sent_by) = top.sent_by.part(line) else { return false };
                    self.via.sent_by = Some(sent_by);
                    self.via.transport = top.transport.part(line);
                    (self.via.received, self.via.rport) = (top.received.part(line), top.rport.part(line));
                    self.via.hop = top.hop;
                    self.top_branch(top.branch.part(line));
                }
                work.vias.push(hash);
                self.via.count = self.via.count.saturating_add(1);
            }
            Value::Request { .. } | Value::Status { .. } => return false,
        }
        self.seen |= bit;
        true
    }

    /// What the line says that was just read, in any message; `None` if another may not be read so.
    pub(super) fn said(&self, line: &[u8], name: Name, value: &[u8], before: &Before, work: &Work) -> Option<Said> {
        if before.seen & bit(name) != 0 && is_single(name) {
            return None;
        }
        let place = |part| Place::of(part, line);
        let says = match name {
            Name::From | Name::To => {
                let Party { display, uri, tag, tag_hash } = if name == Name::From { self.from } else { self.to };
                Value::Party { display: place(display)?, uri: place(uri)?, tag: place(tag)?, tag_hash }
            }
            Name::Contact if before.contacts == 0 && self.contact.count == 1 => {
                Value::Contact { uri: place(self.contact.uri)?, expires: self.contact.expires }
            }
            Name::PAssertedIdentity if !before.asserted => {
                Value::Asserted([place(self.asserted[0])?, place(self.asserted[1])?])
            }
            Name::Route | Name::RecordRoute | Name::Path => Value::Count(count(value)),
            Name::MaxForwards => Value::Number(self.max_forwards),
            Name::Expires => Value::Number(self.expires),
            Name::MinSe => Value::Number(self.min_se),
            Name::ContentLength => Value::ContentLength(self.content_length),
            Name::SessionExpires => {
                Value::SessionExpires { seconds: self.session_expires, refresher: place(self.refresher)? }
            }
            Name::PPreferredIdentity if !before.preferred => Value::Preferred(place(self.preferred)?),
            Name::PChargingVector => Value::Icid(place(self.icid)?),
            Name::CallId => Value::CallId(self.call_id_hash),
            Name::CSeq => Value::Cseq { number: self.cseq, method: place(self.cseq_method)? },
            Name::Via if self.via.count == before.vias + 1 => {
                let top = || {
                    Some(TopVia {
                        branch: place(self.via.branch)?,
                        sent_by: place(self.via.sent_by)?,
                        transport: place(self.via.transport)?,
                        received: place(self.via.received)?,
                        rport: place(self.via.rport)?,
                        hop: self.via.hop,
                    })
                };
                let top = if before.vias == 0 { top() } else { None };
                Value::Via { hash: *work.vias.last()?, top: top.unwrap_or(TopVia::UNKNOWN) }
            }
            _ => Value::Any,
        };
        Some(Said { name, value: place(Some(value))?, says })
    }
}
