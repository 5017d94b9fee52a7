//! Start line and header lines, one after the other: found, and read by what is known of them.

use super::super::flaw::{Flaw, Flaws};
use super::super::folding::cr_ends_lines;
use super::super::name::Name;
use super::super::start::{self, Line};
use super::super::text::{is_blank, is_space, soon, split, trim, trim_end};
use super::known_lines::{LONGEST, Place, Said, Value, is_plain};
use super::repeated_lines::Before;
use super::{Fields, Folded, Found, Told, Work};

impl<'a> Fields<'a> {
    /// Reads start line and header lines up to the empty line; returns the length of all that. `as_sent`: not unfolded yet.
    pub(super) fn section(&mut self, text: &'a [u8], as_sent: bool, work: &mut Work) -> Result<usize, Folded> {
        let mut at = 0;
        let mut first = true;
        let mut line_feeds = 0u32;
        loop {
            // Some lines are found before any is read: what is known of each has come from memory by then.
            let (mut next, mut count) = (at, 0);
            while let Some(slot) = work.found.get_mut(count)
                && let Some((end, hash)) = work.known.hasher.next(text, next)
            {
                // A header line of the same bytes as a start line is another one.
                let hash = if first && count == 0 { !hash } else { hash };
                *slot = Found { end, hash, known: false };
                count += 1;
                // Perhaps the empty line, behind which is a body.
                if end <= next + 1 {
                    break;
                }
                next = end + 1;
            }
            // One look after the other, with nothing between them, so that none waits for memory alone.
            for Found { hash, known, .. } in work.found.iter_mut().take(count) {
                *known = work.known.line(*hash).is_some();
            }
            for number in 0..count {
                let Found { end, hash, known } = work.found.get(number).copied().unwrap_or_default();
                self.lines += 1;
                let start = at;
                let line = match text.get(at..end).unwrap_or_default() {
                    [head @ .., b'\r'] => head,
                    line => {
                        line_feeds += 1;
                        line
                    }
                };
                at = end + 1;
                if line.is_empty() && !first {
                    self.flaws.add_if(line_feeds > 0, Flaw::LineEnd);
                    self.header_ended = true;
                    return Ok(at);
                }
                if as_sent && text.get(at).copied().is_some_and(is_blank) {
                    return Err(self.folded(line_feeds));
                }
                if first {
                    if as_sent && memchr::memchr(b'\r', line).is_some() {
                        return Err(self.folded(1));
                    }
                    self.start_line(line, Some(hash), work);
                    work.marks = self.method == Some(b"INVITE");
                    first = false;
                    continue;
                }
                let name = self.line(line, Some((hash, known)), work);
                if work.marks {
                    work.marked.extend(name.filter(|name| is_marked(*name)).map(|name| (name, start..end)));
                }
            }
            if count == 0 {
                break;
            }
        }
        // No empty line: the message is cut, or its sender forgot.
        let (_, rest) = split(text, at);
        if as_sent && first && cr_ends_lines(text) {
            return Err(self.folded(1));
        }
        work.plain = false;
        if !rest.is_empty() {
            let line = trim_end(rest);
            if first {
                self.start_line(line, None, work);
            } else {
                let name = self.line(line, None, work);
                if work.marks {
                    work.marked.extend(name.filter(|name| is_marked(*name)).map(|name| (name, at..text.len())));
                }
            }
        }
        self.flaws.add_if(line_feeds > 0, Flaw::LineEnd);
        self.flaws.add(Flaw::Cut);
        Ok(text.len())
    }

    fn folded(&mut self, line_feeds: u32) -> Folded {
        self.flaws.add_if(line_feeds > 0, Flaw::LineEnd);
        Folded
    }

    /// Reads a header line, by what is known of it where it was met before; gives its name where it has one. `hash` is that
    /// of the line, if its end is there, and whether it seems to be known.
    fn line(&mut self, line: &'a [u8], hash: Option<(u64, bool)>, work: &mut Work) -> Option<Name> {
        let (hash, known) = hash.filter(|_| line.len() <= LONGEST).unwrap_or((0, false));
        if known
            && let Some(said) = work.known.get(hash)
            && self.said_before(line, said, work)
        {
            self.tell(said.name, hash);
            return Some(said.name);
        }
        let before = Before::of(self);
        let flaws = std::mem::take(&mut self.flaws);
        let read = self.header_line(line, work);
        let plain = is_plain(line);
        work.plain &= plain;
        if let (1.., Some((name, value)), true, Flaws::NONE) = (hash, read, plain, self.flaws)
            && let Some(said) = self.said(line, name, value, &before, work)
        {
            work.known.put(hash, said);
        }
        self.flaws.merge(flaws);
        let (name, _) = read?;
        self.tell(name, hash);
        Some(name)
    }

    /// Keeps the hash of the line that said what a column has.
    #[inline]
    fn tell(&mut self, name: Name, hash: u64) {
        let line = match name {
            Name::From => Told::From,
            Name::To => Told::To,
            Name::CallId => Told::CallId,
            Name::CSeq => Told::Cseq,
            Name::PChargingVector => Told::Icid,
            Name::ContentType => Told::ContentType,
            // One without a value says nothing, and the next one does.
            Name::Contact if self.contact.count > 0 => Told::Contact,
            Name::PAssertedIdentity if self.asserted[0].is_some() => Told::Asserted,
            Name::Via if self.via.count > 0 => Told::Via,
            _ => return,
        };
        self.told.tell(line, hash.max(1));
    }

    /// Reads a header line; gives its name and value where it has both.
    fn header_line(&mut self, line: &'a [u8], work: &mut Work) -> Option<(Name, &'a [u8])> {
        let Some(colon) = soon(line, b':') else {
            self.flaws.add(Flaw::HeaderLine);
            return None;
        };
        let (name, value) = split(line, colon);
        let name = match name {
            [.., last] if is_space(*last) => trim_end(name),
            _ => name,
        };
        let value = trim(value.get(1..).unwrap_or_default());
        match Name::of(name) {
            Name::Other => {
                self.flaws.add_if(name.is_empty() || name.iter().any(|&b| is_blank(b)), Flaw::HeaderLine);
                Some((Name::Other, value))
            }
            known => {
                self.header(known, value, work);
                Some((known, value))
            }
        }
    }

    /// `hash` is that of the line turned round, if its end is there.
    fn start_line(&mut self, line: &'a [u8], hash: Option<u64>, work: &mut Work) {
        let known = hash.filter(|_| line.len() <= LONGEST);
        self.told.tell(Told::Start, known.unwrap_or(1));
        match known.and_then(|hash| work.known.get(hash)).map(|said| said.says) {
            Some(Value::Request { method, uri }) => {
                (self.method, self.request_uri) = (method.part(line), uri.part(line));
                return;
            }
            Some(Value::Status { status, reason }) => {
                (self.status, self.reason_phrase) = (Some(status), reason.part(line));
                return;
            }
            _ => {}
        }
        let plain = is_plain(line);
        work.plain &= plain;
        let Some(start) = start::parse(line) else {
            self.flaws.add(Flaw::StartLine);
            return;
        };
        self.flaws.merge(start.flaws);
        let place = |part| Place::of(Some(part), line);
        let says = match start.line {
            Line::Request { method, uri } => {
                self.method = Some(method);
                self.request_uri = Some(uri);
                place(method).zip(place(uri)).map(|(method, uri)| Value::Request { method, uri })
            }
            Line::Status { status, reason } => {
                self.status = Some(status);
                self.reason_phrase = Some(reason);
                place(reason).map(|reason| Value::Status { status, reason })
            }
        };
        if let (Some(hash), Some(says), true, Flaws::NONE) = (known, says, plain, start.flaws) {
            work.known.put(hash, Said { name: Name::Other, value: Place::NONE, says });
        }
    }
}

/// Header fields that are looked at again in a request that opens a call ([`super::super::evidence`]); what has no name that
/// we know may be one of a vendor.
fn is_marked(name: Name) -> bool {
    matches!(
        name,
        Name::Via
            | Name::Route
            | Name::PChargingVector
            | Name::Replaces
            | Name::Join
            | Name::TargetDialog
            | Name::InReplyTo
            | Name::UserToUser
            | Name::HistoryInfo
            | Name::Diversion
            | Name::Other
    )
}
