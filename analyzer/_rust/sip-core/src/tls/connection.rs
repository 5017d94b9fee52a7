//! One connection: its handshake, and the content of its records where there are keys.

use std::collections::VecDeque;

use super::certificate::Certificate;
use super::cipher::{Opener, TLS_1_3};
use super::handshake::{self, ClientHello, Random, ServerHello};
use super::keys::{Keys, Origin};
use super::record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, HEADER, Header, Record, Records};
use super::sealed::Sealed;
use super::session::{self, Agreed, Trouble};
use crate::packet::Stamp;

/// Records that wait for the hello of the other side, whose packets come late: of one side, and of all connections (bytes).
const MOST_HELD: usize = 256 << 10;
const MOST_HELD_IN_ALL: usize = 64 << 20;
/// A longer message of the handshake is not read.
const LONGEST_MESSAGE: usize = 1 << 17;
/// What a client seals first in TLS 1.3 is its Finished, or a certificate; or an alert, which is shorter than this.
const SHORTEST_FINISHED: usize = 4 + 32 + 1 + 8;
/// Messages of the handshake that an extended master secret is made of.
const LONGEST_TRANSCRIPT: usize = 1 << 17;

/// What is found in the records.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// Content; `seq` and `at` are those of its first byte in the record.
    Content {
        side: usize,
        bytes: &'a [u8],
        seq: u32,
        at: Stamp,
    },
    /// Content is missing here.
    Gap {
        side: usize,
    },
    /// An alert, its level and number (RFC 8446 §6); `agreed`: the handshake was over.
    Alert {
        side: usize,
        fatal: bool,
        agreed: bool,
        number: u8,
        at: Stamp,
    },
    Trouble {
        trouble: Trouble,
        at: Stamp,
    },
}

/// What is to be told of a connection.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub version: Option<u16>,
    pub suite: Option<u16>,
    pub server_name: Option<String>,
    /// The one agreed on.
    pub protocol: Option<String>,
    /// Those offered.
    pub protocols: Option<String>,
    pub certificate: Option<Certificate>,
    /// Keys of an earlier connection are used again.
    pub resumed: bool,
    /// Both sides have finished it.
    pub handshake: bool,
    /// The last alert that is not close_notify: its number, and the side that sent it.
    pub alert: Option<(u8, usize)>,
    pub keys: Option<Origin>,
    /// Records of content, opened and not.
    pub opened: u64,
    pub closed: u64,
}

#[derive(Default)]
enum State {
    #[default]
    Clear,
    Sealed(Box<Sealed>),
    /// Sealed, and there are no keys.
    Opaque,
}

struct Held {
    header: Header,
    body: Box<[u8]>,
    seq: u32,
    at: Stamp,
}

#[derive(Default)]
struct Side {
    records: Records,
    state: State,
    /// The beginning of a message of the handshake.
    message: Vec<u8>,
    /// So many bytes of a message too long to be read are to come.
    passed: usize,
    held: VecDeque<Held>,
    held_bytes: usize,
    /// A record was seen.
    begun: bool,
    finished: bool,
}

/// One connection. Its sides are numbered as whoever feeds it does.
#[derive(Default)]
pub struct Connection {
    pub facts: Facts,
    sides: [Side; 2],
    client: Option<usize>,
    client_hello: Option<ClientHello>,
    server_hello: Option<ServerHello>,
    /// The server chose TLS 1.3, in its hello or when it asked for another one.
    tls_1_3: bool,
    /// The keys for which the hellos ask were looked for.
    looked: bool,
    /// Up to TLS 1.2: keys of client and server that ChangeCipherSpec will have used.
    ready: [Option<Opener>; 2],
    encrypted_premaster: Option<Vec<u8>>,
    transcript: Vec<u8>,
    /// A master secret that was worked out, for sessions that use it again.
    master: Option<(Vec<u8>, Origin)>,
    /// The hellos will not come.
    joined: bool,
    told: Vec<Trouble>,
    /// A record that no key of its side had opened, before any other.
    failed_at: Option<Stamp>,
}

/// What a step works with beside the connection.
pub struct Turn<'a> {
    pub keys: &'a mut Keys,
    /// Bytes that wait, in all connections.
    pub held: &'a mut usize,
    /// Room for what is opened.
    pub room: &'a mut Vec<u8>,
    pub found: &'a mut dyn FnMut(Found<'_>),
}

impl Connection {
    /// The side that began the handshake.
    pub fn client(&self) -> Option<usize> {
        self.client
    }

    /// The random by which its keys are found.
    pub fn random(&self) -> Option<Random> {
        self.client_hello.as_ref().map(|hello| hello.random)
    }

    /// Keys of it are there.
    pub fn has_keys(&self, keys: &Keys) -> bool {
        self.facts.keys.is_some() || self.random().is_some_and(|random| keys.of(&random).is_some())
    }

    /// A record has begun that is not whole.
    pub fn is_open(&self, side: usize) -> bool {
        self.sides[side & 1].records.is_open()
    }

    /// What this side sends is read.
    pub fn is_read(&self, side: usize) -> bool {
        matches!(&self.sides[side & 1].state, State::Sealed(sealed) if sealed.is_proved())
    }

    /// The next bytes of a side.
    pub fn segment(&mut self, side: usize, bytes: &[u8], seq: u32, at: Stamp, turn: &mut Turn<'_>) {
        let side = side & 1;
        let mut records = std::mem::take(&mut self.sides[side].records);
        let intact = records.segment(bytes, seq, at, |record| self.record(side, record, turn));
        self.sides[side].records = records;
        if !intact {
            self.lost(side, bytes.len() as u64, turn);
            self.tell(Trouble::Damaged, at, turn);
        }
        self.go_on(1 - side, turn);
    }

    /// So many bytes of a side are missing.
    pub fn gap(&mut self, side: usize, missing: u64, turn: &mut Turn<'_>) {
        self.sides[side & 1].records.gap();
        self.lost(side & 1, missing, turn);
        self.go_on(1 - (side & 1), turn);
    }

    /// No more bytes of either side.
    pub fn end(&mut self, turn: &mut Turn<'_>) {
        self.joined = true;
        self.go_on(0, turn);
        self.go_on(1, turn);
        let opened = |side: &Side| matches!(&side.state, State::Sealed(sealed) if sealed.is_proved());
        if let Some(at) = self.failed_at.filter(|_| !self.sides.iter().all(opened)) {
            self.tell(Trouble::WrongKeys, at, turn);
        }
    }

    fn lost(&mut self, side: usize, missing: u64, turn: &mut Turn<'_>) {
        let it = &mut self.sides[side];
        it.message.clear();
        it.passed = 0;
        if let State::Sealed(sealed) = &mut it.state {
            sealed.gap(missing);
            (turn.found)(Found::Gap { side });
        }
    }

    fn tell(&mut self, trouble: Trouble, at: Stamp, turn: &mut Turn<'_>) {
        if !self.told.contains(&trouble) {
            self.told.push(trouble);
            (turn.found)(Found::Trouble { trouble, at });
        }
    }

    /// Works on what a side has waiting, if it need not wait any more.
    fn go_on(&mut self, side: usize, turn: &mut Turn<'_>) {
        while let Some(first) = self.sides[side].held.front() {
            if self.must_wait(side, first.header[0], turn) {
                return;
            }
            let Some(Held { header, body, seq, at }) = self.sides[side].held.pop_front() else { return };
            self.sides[side].held_bytes -= body.len();
            *turn.held = turn.held.saturating_sub(body.len());
            self.read(side, Record { header, body: &body, seq, at }, turn);
        }
    }

    /// A sealed record of a connection whose hellos are not both here yet.
    fn must_wait(&self, side: usize, kind: u8, turn: &Turn<'_>) -> bool {
        turn.keys.given
            && matches!(self.sides[side].state, State::Clear)
            && (kind == APPLICATION_DATA || (kind == CHANGE_CIPHER_SPEC && !self.tls_1_3))
            && !(self.client_hello.is_some() && self.server_hello.is_some())
            && !self.joined
    }

    fn record(&mut self, side: usize, record: Record<'_>, turn: &mut Turn<'_>) {
        let kind = record.header[0];
        if !std::mem::replace(&mut self.sides[side].begun, true) && !matches!(kind, HANDSHAKE | ALERT) {
            self.joined = true;
            self.go_on(1 - side, turn);
        }
        if self.sides[side].held.is_empty() && !self.must_wait(side, kind, turn) {
            return self.read(side, record, turn);
        }
        let Record { header, body, seq, at } = record;
        self.sides[side].held_bytes += body.len();
        *turn.held += body.len();
        self.sides[side].held.push_back(Held { header, body: body.into(), seq, at });
        if self.sides[side].held_bytes > MOST_HELD || *turn.held > MOST_HELD_IN_ALL {
            self.joined = true;
        }
        self.go_on(side, turn);
    }

    fn read(&mut self, side: usize, record: Record<'_>, turn: &mut Turn<'_>) {
        let Record { header, body, at, .. } = record;
        let kind = header[0];
        match &mut self.sides[side].state {
            State::Sealed(_) => self.opened(side, record, turn),
            State::Opaque => {
                self.facts.closed += u64::from(kind == APPLICATION_DATA);
                if self.tls_1_3 && self.client == Some(side) && body.len() >= SHORTEST_FINISHED {
                    self.facts.handshake = true;
                }
                if kind == ALERT && body.len() == 2 {
                    self.alert(side, body, at, turn);
                }
            }
            State::Clear => match kind {
                CHANGE_CIPHER_SPEC => self.change_keys(side, at, turn),
                ALERT => self.alert(side, body, at, turn),
                HANDSHAKE => self.handshake(side, body, at, turn),
                APPLICATION_DATA => {
                    let trouble = if self.server_hello.is_some() { Trouble::NoKeys } else { Trouble::NoHandshake };
                    self.tell(trouble, at, turn);
                    self.sides[side].state = State::Opaque;
                    self.facts.closed += 1;
                }
                _ => {}
            },
        }
    }

    fn opened(&mut self, side: usize, record: Record<'_>, turn: &mut Turn<'_>) {
        let Record { header, body, seq, at } = record;
        let tls_1_3 = self.tls_1_3;
        match (header[0], body.len()) {
            (CHANGE_CIPHER_SPEC, 1) if tls_1_3 => return,
            (ALERT, 2) if tls_1_3 => return self.alert(side, body, at, turn),
            _ => {}
        }
        let State::Sealed(sealed) = &mut self.sides[side].state else { return };
        let mut room = std::mem::take(turn.room);
        let opened = sealed.open(header, body, &mut room);
        let (hopeless, proved) = (sealed.is_hopeless(), sealed.is_proved());
        match opened.map(|opened| (opened.content, opened.before)) {
            None => {
                self.facts.closed += u64::from(header[0] == APPLICATION_DATA);
                if !proved {
                    self.failed_at.get_or_insert(at);
                }
                if proved {
                    (turn.found)(Found::Gap { side });
                    self.tell(Trouble::Damaged, at, turn);
                }
                if hopeless {
                    if !proved {
                        self.tell(Trouble::WrongKeys, at, turn);
                    }
                    self.sides[side].state = State::Opaque;
                }
            }
            Some((APPLICATION_DATA, before)) => {
                self.facts.opened += 1;
                let at = Stamp { offset: at.offset + before as u64, ..at };
                (turn.found)(Found::Content { side, bytes: &room, seq: seq.wrapping_add(before as u32), at });
            }
            Some((HANDSHAKE, _)) => self.handshake(side, &room, at, turn),
            Some((ALERT, _)) => self.alert(side, &room, at, turn),
            // The keys of a renegotiation (RFC 5246 §7.1).
            Some((CHANGE_CIPHER_SPEC, _)) => self.change_keys(side, at, turn),
            Some(_) => {}
        }
        *turn.room = room;
    }

    fn alert(&mut self, side: usize, body: &[u8], at: Stamp, turn: &mut Turn<'_>) {
        // Two bytes, else it is sealed.
        let &[level, number] = body else { return };
        if number != 0 {
            self.facts.alert = Some((number, side));
        }
        let agreed = self.facts.handshake;
        (turn.found)(Found::Alert { side, fatal: level == 2, agreed, number, at });
    }

    /// Bytes of the handshake, whose messages records may cut anywhere.
    fn handshake(&mut self, side: usize, bytes: &[u8], at: Stamp, turn: &mut Turn<'_>) {
        let passed = bytes.len().min(self.sides[side].passed);
        self.sides[side].passed -= passed;
        let mut all = std::mem::take(&mut self.sides[side].message);
        all.extend_from_slice(bytes.get(passed..).unwrap_or_default());
        let mut rest = &all[..];
        while let Some(&[kind, a, b, c]) = rest.first_chunk() {
            let length = 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c));
            if length > LONGEST_MESSAGE {
                self.sides[side].passed = length.saturating_sub(rest.len());
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            let Some((message, behind)) = rest.split_at_checked(length) else { break };
            self.message(side, kind, message, at, turn);
            rest = behind;
        }
        let done = all.len() - rest.len();
        all.drain(..done);
        all.shrink_to(1024);
        self.sides[side].message = all;
    }

    /// One message, with its header.
    fn message(&mut self, side: usize, kind: u8, message: &[u8], at: Stamp, turn: &mut Turn<'_>) {
        let body = message.get(4..).unwrap_or_default();
        let tls_1_3 = self.tls_1_3;
        if turn.keys.has_premasters() && self.transcript.len() + message.len() <= LONGEST_TRANSCRIPT {
            if kind == handshake::CLIENT_HELLO {
                self.transcript.clear();
            }
            // Up to the key exchange (RFC 7627 §3).
            if self.encrypted_premaster.is_none() || kind == handshake::CLIENT_HELLO {
                self.transcript.extend_from_slice(message);
            }
        }
        match kind {
            handshake::CLIENT_HELLO => self.client_hello(side, body, at, turn),
            handshake::SERVER_HELLO => self.server_hello(side, body, at, turn),
            handshake::ENCRYPTED_EXTENSIONS => {
                self.facts.protocol = handshake::encrypted_alpn(body).or(self.facts.protocol.take());
            }
            handshake::CERTIFICATE if self.client != Some(side) && self.facts.certificate.is_none() => {
                self.facts.certificate = handshake::certificate(body, tls_1_3).and_then(Certificate::read);
            }
            handshake::CLIENT_KEY_EXCHANGE => {
                self.encrypted_premaster = Some(handshake::encrypted_premaster(body).to_vec());
            }
            handshake::NEW_SESSION_TICKET if !tls_1_3 => {
                if let (Some((master, origin)), Some(ticket)) = (&self.master, handshake::ticket(body)) {
                    turn.keys.remember(ticket.to_vec(), master, *origin);
                }
            }
            handshake::END_OF_EARLY_DATA | handshake::FINISHED | handshake::KEY_UPDATE if tls_1_3 => {
                if kind == handshake::FINISHED {
                    self.finished(side);
                }
                if let State::Sealed(sealed) = &mut self.sides[side].state {
                    if kind == handshake::KEY_UPDATE { sealed.update() } else { sealed.next() }
                }
            }
            _ => {}
        }
    }

    fn finished(&mut self, side: usize) {
        self.sides[side].finished = true;
        self.facts.handshake |= self.sides[1 - side].finished;
    }

    fn client_hello(&mut self, side: usize, body: &[u8], at: Stamp, turn: &mut Turn<'_>) {
        let Some(hello) = ClientHello::read(body) else { return };
        self.client = Some(side);
        // The second one after a HelloRetryRequest has the same random; another one begins a renegotiation.
        if self.client_hello.as_ref().is_some_and(|before| before.random != hello.random) {
            self.server_hello = None;
            self.encrypted_premaster = None;
        }
        self.looked = false;
        let facts = &mut self.facts;
        facts.server_name = hello.server_name.clone().or(facts.server_name.take());
        facts.protocols = hello.protocols.clone().or(facts.protocols.take());
        if facts.suite.is_none() {
            facts.version = Some(hello.version);
        }
        self.client_hello = Some(hello);
        self.establish(at, turn);
    }

    fn server_hello(&mut self, side: usize, body: &[u8], at: Stamp, turn: &mut Turn<'_>) {
        let Some(hello) = ServerHello::read(body) else { return };
        self.client = Some(1 - side);
        self.tls_1_3 = hello.version == TLS_1_3;
        self.facts.version = Some(hello.version);
        self.facts.suite = Some(hello.suite);
        self.facts.protocol = hello.protocol.clone().or(self.facts.protocol.take());
        if !hello.retry {
            self.looked = false;
            self.server_hello = Some(hello);
            self.establish(at, turn);
        }
    }

    /// Both hellos are here: TLS 1.3 goes on with the keys of the handshake.
    fn establish(&mut self, at: Stamp, turn: &mut Turn<'_>) {
        let (Some(client), Some(server)) = (&self.client_hello, &self.server_hello) else { return };
        let offered = &client.session_id;
        self.facts.resumed =
            server.pre_shared || (server.version < TLS_1_3 && !offered.is_empty() && *offered == server.session_id);
        if server.version != TLS_1_3 || std::mem::replace(&mut self.looked, true) {
            return;
        }
        let (openers, trouble) = session::of_secrets(client, server, turn.keys);
        self.facts.keys = turn.keys.of(&client.random).and_then(|secrets| secrets.origin);
        let client = self.client.unwrap_or_default();
        for (end, openers) in openers.into_iter().enumerate() {
            let side = if end == 0 { client } else { 1 - client };
            self.sides[side].state =
                if openers.is_empty() { State::Opaque } else { State::Sealed(Box::new(Sealed::new(openers))) };
        }
        if let Some(trouble) = trouble {
            self.tell(trouble, at, turn);
        }
    }

    /// ChangeCipherSpec of a side (RFC 5246 §7.1).
    fn change_keys(&mut self, side: usize, at: Stamp, turn: &mut Turn<'_>) {
        // For the eyes of old firewalls alone (RFC 8446 §D.4).
        if self.tls_1_3 {
            return;
        }
        self.finished(side);
        if !std::mem::replace(&mut self.looked, true) {
            self.look(at, turn);
        }
        let end = usize::from(self.client != Some(side));
        self.sides[side].state = match self.ready[end].take() {
            Some(opener) => State::Sealed(Box::new(Sealed::new([opener]))),
            None => State::Opaque,
        };
    }

    /// Looks for the keys of a version up to 1.2.
    fn look(&mut self, at: Stamp, turn: &mut Turn<'_>) {
        self.ready = [None, None];
        let (Some(client), Some(server)) = (&self.client_hello, &self.server_hello) else {
            return self.tell(Trouble::NoHandshake, at, turn);
        };
        let agreed = Agreed {
            client,
            server,
            resumed: self.facts.resumed,
            premaster: self.encrypted_premaster.as_deref(),
            transcript: &self.transcript,
        };
        match agreed.openers(turn.keys) {
            Err(trouble) => self.tell(trouble, at, turn),
            Ok((openers, master, origin)) => {
                self.ready = openers.map(Some);
                self.facts.keys = Some(origin);
                if turn.keys.has_premasters() {
                    turn.keys.remember(server.session_id.clone(), &master, origin);
                    self.master = Some((master, origin));
                }
            }
        }
    }
}

/// Do these bytes, the first of a direction, begin TLS? `None` while too few of them are there.
pub fn begins(bytes: &[u8]) -> Option<bool> {
    if let Some(header) = bytes.first_chunk::<HEADER>() {
        let [kind, _, minor, high, low] = *header;
        let length = u16::from_be_bytes([high, low]);
        let known = super::record::length(*header).is_some()
            && match kind {
                HANDSHAKE => length >= 4,
                CHANGE_CIPHER_SPEC => length == 1,
                ALERT => length >= 2,
                APPLICATION_DATA => length >= 16 && minor >= 1,
                _ => false,
            };
        return match (known, kind, bytes.get(HEADER)) {
            (false, ..) => Some(false),
            // A hello, or what stands in the middle of a handshake.
            (_, HANDSHAKE, Some(message)) => Some(*message <= 24),
            (_, HANDSHAKE, None) => None,
            _ => Some(true),
        };
    }
    match *bytes {
        [] => None,
        [kind] => {
            if matches!(kind, CHANGE_CIPHER_SPEC..=APPLICATION_DATA) {
                None
            } else {
                Some(false)
            }
        }
        [kind, major, ..] => {
            if matches!(kind, CHANGE_CIPHER_SPEC..=APPLICATION_DATA) && major == 3 {
                None
            } else {
                Some(false)
            }
        }
    }
}
