//! What a table row needs of a message, in one pass over its header lines. Nothing is allocated for a message: values
//! are borrowed from it, or from a scratch that is used again (unfolded headers, the normal form of the Via stack).

use std::fmt;
use std::ops::Range;

use super::encoding::Encoded;
use super::flaw::{Flaw, Flaws};
use super::folding::{cr_ends_lines, unfold};
use super::mime;
use super::name::Name;
use super::presence;
use super::text::{is_blank, list, split};
use known_lines::KnownLines;
pub use known_lines::Line;

mod header_lines;
mod known_lines;
mod lines;
mod repeated_lines;
mod section;

/// How the message came: decides what its length means (RFC 3261 §18.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A datagram, SCTP message or WebSocket frame of which the capture lacks `missing` bytes.
    Datagram { missing: u32 },
    /// Cut out of a stream by [`super::framing::StreamFramer`].
    Stream,
}

/// Buffers that [`read`] uses again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    unfolded: Vec<u8>,
    work: Work,
}

#[derive(Debug, Default)]
struct Work {
    /// The topmost Via in normal form.
    via: Vec<u8>,
    /// Where it has its sent-by.
    sent_by: (usize, usize),
    /// Hashes of the Via values in normal form, top first.
    vias: Vec<u64>,
    /// Lines that are about to be read.
    found: [Found; TOGETHER],
    known: KnownLines,
    /// All lines so far are ASCII without NUL, and have no CR but that of their end.
    plain: bool,
    /// The message may open a call: the lines that are looked at again, by their names and where they stand.
    marks: bool,
    marked: Vec<(Name, Range<usize>)>,
    content_type: Vec<u8>,
    require: Vec<u8>,
    supported: Vec<u8>,
}

/// So many lines are found before they are read.
const TOGETHER: usize = 32;

/// A line that was found.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// Where its LF is.
    end: usize,
    hash: u64,
    /// It seems to be among the known ones.
    known: bool,
}

impl Scratch {
    /// The rows of messages go to other columns from now on.
    pub fn begin_columns(&self) {
        self.work.known.forget_numbers();
    }
}

impl Work {
    fn clear(&mut self) {
        self.via.clear();
        self.sent_by = (0, 0);
        self.vias.clear();
        self.plain = true;
        self.marks = false;
        self.marked.clear();
        self.content_type.clear();
        self.require.clear();
        self.supported.clear();
    }
}

/// From or To: `( name-addr / addr-spec ) *( SEMI from-param )`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// The display name as sent, quotes included.
    pub display: Option<&'a [u8]>,
    /// The addr-spec as sent.
    pub uri: Option<&'a [u8]>,
    pub tag: Option<&'a [u8]>,
    /// XXH3 of the tag; 0 without one.
    pub tag_hash: u64,
}

/// The Via stack. Stacks are compared in normal form: hosts and parameter names in lower case, branches byte by byte,
/// without what receivers write (`received`, `rport`, `keep`, `oc`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ViaStack<'a> {
    /// Values, however many rows they stand in.
    pub count: u32,
    /// Of the top value, as sent.
    pub branch: Option<&'a [u8]>,
    /// Of the top value: host in lower case, port if given.
    pub sent_by: Option<&'a [u8]>,
    /// Of the top value, as sent.
    pub transport: Option<&'a [u8]>,
    pub received: Option<&'a [u8]>,
    pub rport: Option<&'a [u8]>,
    /// The branch is the magic cookie and something after it: it names the transaction by itself (RFC 3261 §17.2.3).
    pub unique_branch: bool,
    /// Hash of the top value: RFC 2543 matching compares the whole of it.
    pub top_hash: u64,
    /// Hash of the whole stack.
    pub hash: u64,
    /// Hash of the stack without its top: equals `hash` of the message one hop nearer to the client.
    pub rest_hash: u64,
    /// Hash of each value, top first.
    pub values: &'a [u64],
    /// Hash of branch and sent-by of the top value, as a pair.
    pub hop: u64,
}

/// Lines that say what columns have, each the first of its kind in a message: where the line is the same, so is what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Start,
    From,
    To,
    CallId,
    Cseq,
    Contact,
    Asserted,
    Icid,
    Via,
    ContentType,
}

/// The lines of [`Told`] by their hashes, 0 where there is none.
#[derive(Clone, Copy, Default)]
struct ToldLines<'a> {
    hashes: [u64; Told::ContentType as usize + 1],
    known: Option<&'a KnownLines>,
}

impl ToldLines<'_> {
    /// Of the first of its kind, also where its hash is 1, which stands for one that is not known.
    #[inline]
    fn tell(&mut self, line: Told, hash: u64) {
        if let Some(told @ 0) = self.hashes.get_mut(line as usize) {
            *told = hash;
        }
    }
}

/// Hashes are others in each process.
impl fmt::Debug for ToldLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contact<'a> {
    /// The first addr-spec; `None` for `*`.
    pub uri: Option<&'a [u8]>,
    /// Its `expires` parameter (s).
    pub expires: Option<u32>,
    /// `Contact: *`
    pub star: bool,
    pub count: u32,
}

/// What a message says about authentication. Nonces are kept as hashes only; responses and keys not at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Authorization or Proxy-Authorization with a response that is not empty (the first REGISTER of IMS has an empty one).
    pub credentials: bool,
    pub username: Option<&'a [u8]>,
    pub realm: Option<&'a [u8]>,
    /// XXH3 of the nonce that the credentials answer.
    pub credentials_nonce: Option<u64>,
    /// WWW-Authenticate or Proxy-Authenticate.
    pub challenge: bool,
    /// XXH3 of the nonce of the first challenge that has one.
    pub challenge_nonce: Option<u64>,
    /// `stale=true`: the credentials were right, the nonce too old.
    pub stale: bool,
}

/// One message as a row needs it. Bytes are as sent (a folded value is on one line); a name that is `None` is absent.
#[derive(Debug, Clone, Default)]
pub struct Fields<'a> {
    /// Of a request its own, of a response that of CSeq.
    pub method: Option<&'a [u8]>,
    /// `None` for a request; 65535 where it does not fit.
    pub status: Option<u16>,
    pub reason_phrase: Option<&'a [u8]>,
    pub request_uri: Option<&'a [u8]>,
    pub call_id: Option<&'a [u8]>,
    /// XXH3 of the Call-ID.
    pub call_id_hash: u64,
    pub from: Party<'a>,
    pub to: Party<'a>,
    /// CSeq number.
    pub cseq: Option<u32>,
    pub cseq_method: Option<&'a [u8]>,
    pub via: ViaStack<'a>,
    pub contact: Contact<'a>,
    /// P-Asserted-Identity: the first two addr-specs (RFC 3325: at most one sip and one tel).
    pub asserted: [Option<&'a [u8]>; 2],
    pub preferred: Option<&'a [u8]>,
    pub called_party: Option<&'a [u8]>,
    pub served_user: Option<&'a [u8]>,
    pub icid: Option<&'a [u8]>,
    /// Value of the first Reason header, whole.
    pub reason: Option<&'a [u8]>,
    /// How many rows of Reason there are.
    pub reasons: u32,
    /// Cause of the first Reason value of protocol Q.850, of whichever row.
    pub reason_q850: Option<u16>,
    /// The same of protocol SIP.
    pub reason_sip: Option<u16>,
    /// The same of protocol RELEASE_CAUSE (3GPP TS 24.229 §7.2A.18.11).
    pub reason_release: Option<u16>,
    /// The same of protocol FAILURE_CAUSE (3GPP TS 24.229 §7.2A.18.12).
    pub reason_failure: Option<u16>,
    pub warning: Option<&'a [u8]>,
    /// User-Agent, else Server.
    pub user_agent: Option<&'a [u8]>,
    /// Media type in lower case, without parameters.
    pub content_type: Option<&'a [u8]>,
    /// The value of Content-Type, with its parameters.
    pub content_type_value: Option<&'a [u8]>,
    /// The number in Content-Length, whether true or not.
    pub content_length: Option<u64>,
    pub max_forwards: Option<u32>,
    pub expires: Option<u32>,
    pub min_expires: Option<u32>,
    pub min_se: Option<u32>,
    pub session_expires: Option<u32>,
    pub refresher: Option<&'a [u8]>,
    pub retry_after: Option<u32>,
    /// Option tags of all rows.
    pub require: Option<&'a [u8]>,
    pub supported: Option<&'a [u8]>,
    pub event: Option<&'a [u8]>,
    pub subscription_state: Option<&'a [u8]>,
    pub rseq: Option<u32>,
    pub rack: Option<&'a [u8]>,
    pub refer_to: Option<&'a [u8]>,
    pub referred_by: Option<&'a [u8]>,
    pub replaces: Option<&'a [u8]>,
    pub target_dialog: Option<&'a [u8]>,
    pub in_reply_to: Option<&'a [u8]>,
    pub p_early_media: Option<&'a [u8]>,
    pub session_id: Option<&'a [u8]>,
    pub privacy: Option<&'a [u8]>,
    pub access_network_info: Option<&'a [u8]>,
    pub auth: Auth<'a>,
    pub diversion: bool,
    pub history_info: bool,
    pub record_routes: u32,
    pub routes: u32,
    pub paths: u32,
    /// Value of Content-Encoding.
    pub codings: Option<&'a [u8]>,
    /// Where the body lies in the message; its end is the end of the message.
    pub body: Range<usize>,
    /// Bytes after the message that are no part of it.
    pub trailing: usize,
    /// Bytes at the end of the message that are a header line without its end: what it says is not known.
    pub cut_line: usize,
    /// The body is encoded: what it holds is known once it is decoded.
    pub encoded: Option<Encoded<'a>>,
    /// The session description within the message, also out of a multipart body.
    pub sdp: Option<Range<usize>>,
    /// The one of the disposition `early-session`, beside it or alone (RFC 3959).
    pub early_sdp: Option<Range<usize>>,
    pub flaws: Flaws,
    told: ToldLines<'a>,
    /// Of an INVITE without folded lines those that are looked at again, by their names and where they stand.
    pub marked: Option<&'a [(Name, Range<usize>)]>,
    /// The header that was the first to be repeated.
    repeated: Option<Name>,
    seen: u128,
    /// A header that its method or status makes mandatory is absent ([`presence`]).
    conditional: bool,
    /// The body has more than blanks.
    has_body: bool,
    /// Lines of the header section that ended, the empty one included.
    lines: usize,
    /// The empty line is there.
    header_ended: bool,
}

/// The header section has lines that begin with white space.
struct Folded;

/// Reads a message that begins at `message[0]` (as [`super::detect`] or the framer give it).
///
/// Every deviation that RFC 4475 shows is forgiven and flagged; what can be read is read.
pub fn read<'a>(message: &'a [u8], carrier: Carrier, scratch: &'a mut Scratch) -> Fields<'a> {
    let whole = whole_lines(message, carrier);
    if whole < message.len() {
        let (lines, cut_line) = split(message, whole);
        let end = message.len();
        let mut fields = Fields::default();
        read_lines(lines, carrier, scratch, &mut fields);
        (fields.cut_line, fields.body) = (cut_line.len(), end..end);
        // The header may stand in the line that is cut, or in one that was lost.
        fields.flaws.remove(Flaw::HeaderMissing);
        return fields;
    }
    let mut fields = Fields::default();
    read_lines(message, carrier, scratch, &mut fields);
    if !fields.header_ended && may_be_cut(carrier) {
        fields.flaws.remove(Flaw::HeaderMissing);
        if fields.lines == 0 {
            // The start line is all there is, and where it ends is not known.
            (fields.request_uri, fields.reason_phrase) = (None, None);
        }
    }
    fields
}

/// Can bytes have followed that the capture has not?
fn may_be_cut(carrier: Carrier) -> bool {
    carrier != Carrier::Datagram { missing: 0 }
}

/// Where the last line ends whose end is there, of a header section that was cut; of any other message its length. A line
/// goes on with a continuation line (RFC 3261 §7.3.1).
fn whole_lines(message: &[u8], carrier: Carrier) -> usize {
    let ends =
        || memchr::memmem::find(message, b"\n\r\n").is_some() || memchr::memmem::find(message, b"\n\n").is_some();
    if !may_be_cut(carrier) || cr_ends_lines(message) || ends() {
        return message.len();
    }
    let mut end = message.len();
    // A line that ends in CR is whole: LF is all that it lacks.
    if let [.., b'\r' | b'\n'] = message {
        return end;
    }
    while let Some(line_feed) = memchr::memrchr(b'\n', split(message, end).0) {
        if message.get(line_feed + 1).is_none_or(|&next| !is_blank(next)) {
            return line_feed + 1;
        }
        end = line_feed;
    }
    message.len()
}

/// What a message says is large: it is written where it is needed.
fn read_lines<'a>(message: &'a [u8], carrier: Carrier, scratch: &'a mut Scratch, fields: &mut Fields<'a>) {
    let Scratch { unfolded, work } = scratch;
    unfolded.clear();
    work.clear();
    let header_len = match fields.section(message, true, work) {
        Ok(header_len) => header_len,
        Err(Folded) => {
            let header_len = unfold(message, unfolded);
            let unfolded: &'a [u8] = unfolded;
            work.clear();
            let flaws = fields.flaws;
            *fields = Fields::default();
            // Line ends were judged as sent; the copy has none but CRLF.
            fields.flaws.add_if(flaws.has(Flaw::LineEnd), Flaw::LineEnd);
            // The copy has no fold left, so this cannot fail again.
            let _ = fields.section(unfolded, false, work);
            work.plain = false;
            fields.lines = memchr::memchr_iter(b'\n', split(message, header_len).0).count();
            header_len
        }
    };
    let work: &'a Work = work;
    fields.told.known = Some(&work.known);
    fields.marked = Some(work.marked.as_slice()).filter(|_| work.marks && unfolded.is_empty());
    fields.finish_header(split(message, header_len).0, work);
    fields.finish_body(message, header_len, carrier);
    fields.content_type_value = fields.content_type;
    fields.content_type = match work.content_type.is_empty() {
        true => fields.content_type.map(mime::media_type).filter(|media| !media.is_empty()),
        false => Some(&work.content_type),
    };
}

impl<'a> Fields<'a> {
    /// A line that told something, where it is kept.
    #[inline]
    pub fn told(&self, line: Told) -> Option<&'a Line> {
        self.told.known?.line(*self.told.hashes.get(line as usize)?)
    }
}

impl Fields<'_> {
    /// The headers of RFC 3261 §8.1.1 that are absent. (Max-Forwards is not asked for: RFC 2543 had none.)
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        const MANDATORY: [(Name, &str); 5] = [
            (Name::Via, "Via"),
            (Name::From, "From"),
            (Name::To, "To"),
            (Name::CallId, "Call-ID"),
            (Name::CSeq, "CSeq"),
        ];
        let seen = self.seen;
        MANDATORY.into_iter().filter(move |(name, _)| seen & bit(*name) == 0).map(|(_, text)| text)
    }

    /// Does Require have the option tag 100rel (RFC 3262 §3)?
    pub fn asks_for_prack(&self) -> bool {
        self.require.is_some_and(|tags| list(tags).any(|tag| tag.eq_ignore_ascii_case(b"100rel")))
    }

    fn traits(&self) -> presence::Traits<'_> {
        presence::Traits {
            // Of a response that of CSeq.
            method: self.method.unwrap_or_default(),
            status: self.status.unwrap_or(0),
            body: self.has_body,
            asks_for_prack: self.asks_for_prack(),
        }
    }

    /// What is missing, for people: names, of those that method or status make mandatory with message and clause.
    fn missing_text(&self) -> String {
        let mut found: Vec<String> = self.missing().map(str::to_owned).collect();
        if self.conditional {
            let method = String::from_utf8_lossy(self.method.unwrap_or_default());
            let place = match self.status {
                Some(status) => format!("{status} to {method}"),
                None => method.into_owned(),
            };
            let traits = self.traits();
            let rules = presence::missing(&traits, |name| self.has(name));
            found.extend(rules.map(|missing| format!("{} ({place}, {})", missing.name, missing.standard)));
        }
        found.join(", ")
    }

    /// Is there a header of this name? Of names that we do not know nothing is told.
    pub fn has(&self, name: Name) -> bool {
        self.seen & bit(name) != 0
    }

    /// Which headers of [`super::name::VOCABULARY`] are there.
    pub fn headers(&self) -> u64 {
        super::name::in_vocabulary(self.seen)
    }

    /// Length of the message: bytes after it are [`Fields::trailing`].
    pub fn end(&self) -> usize {
        self.body.end
    }

    /// For `problems.detail`: which field claimed what.
    pub fn detail(&self, flaw: Flaw) -> String {
        let text = |v: Option<&[u8]>| String::from_utf8_lossy(v.unwrap_or_default()).into_owned();
        match flaw {
            Flaw::ContentLengthExceedsDatagram | Flaw::Cut => match self.content_length {
                Some(n) => format!("Content-Length {n}, {} bytes of body are here", self.body.len()),
                None => "no Content-Length, and the message ends early".to_owned(),
            },
            Flaw::TrailingBytes => format!("{} bytes after the message", self.trailing),
            Flaw::HeaderMissing => self.missing_text(),
            Flaw::HeaderRepeated => self.repeated.and_then(Name::canonical).unwrap_or_default().to_owned(),
            Flaw::CseqMethodMismatch => format!("{} with CSeq {}", text(self.method), text(self.cseq_method)),
            Flaw::ContentEncodingUnknown | Flaw::BodyCorrupt | Flaw::BodyLimit => {
                format!("Content-Encoding: {}", text(self.codings))
            }
            Flaw::Status => format!("status {}", self.status.unwrap_or_default()),
            Flaw::RequestUri | Flaw::StartLine => text(self.request_uri),
            _ => String::new(),
        }
    }
}

fn bit(name: Name) -> u128 {
    1u128 << (name as u8 & 127)
}
