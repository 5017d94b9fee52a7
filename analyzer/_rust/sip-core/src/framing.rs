//! Messages that state their length, cut out of a TCP stream: Diameter, DNS.
//!
//! In a stream whose beginning was not captured, behind a hole and behind damage, the next message is looked for by its
//! own marks. A stream that has none for long is of something else and is not looked at any more.

use crate::packet::Stamp;

/// After so many bytes without a message a stream has none.
const MAX_SEARCHED: usize = 256 << 10;

/// What bytes begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A message of so many bytes, never 0.
    Message(usize),
    /// More bytes are needed to tell, a few.
    Open,
    Other,
}

/// How the messages of a protocol are told from other bytes.
pub trait Grammar {
    /// Does a message begin here? `expected`: one ended right before, or the connection begins here.
    fn start(&self, bytes: &[u8], expected: bool) -> Start;
    /// The first place where one may begin, by its first byte.
    fn candidate(&self, bytes: &[u8]) -> Option<usize>;
}

/// A message cut out of a stream, or its beginning where the rest was not captured.
#[derive(Debug, Clone, Copy)]
pub struct Cut<'a> {
    pub bytes: &'a [u8],
    /// The packet of its first byte, and that byte's place in the file.
    pub first: Stamp,
    /// The packet that completed it.
    pub last: Stamp,
    /// TCP sequence number of its first byte.
    pub seq: u32,
}

/// Bytes as a segment brought them.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Position in what is held.
    from: usize,
    seq: u32,
    at: Stamp,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
    pieces: Vec<Piece>,
    /// A message is to begin where the held bytes do.
    expected: bool,
    /// One was found.
    found: bool,
    searched: usize,
}

impl Framer {
    /// `whole`: its first bytes are those of the connection.
    pub fn new(whole: bool) -> Self {
        Self { expected: whole, ..Self::default() }
    }

    /// Bytes held for a message that is not whole.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// There are no messages in it: no more bytes are wanted.
    pub fn is_other(&self) -> bool {
        !self.found && self.searched > MAX_SEARCHED
    }

    /// The next bytes, the first of them at this sequence number and place.
    pub fn segment(
        &mut self,
        grammar: &dyn Grammar,
        (bytes, seq, at): (&[u8], u32, Stamp),
        emit: &mut dyn FnMut(Cut<'_>),
    ) {
        if self.is_other() {
            return;
        }
        self.pieces.push(Piece { from: self.held.len(), seq, at });
        let pieces = std::mem::take(&mut self.pieces);
        let used = if self.held.is_empty() {
            // The common case: whole messages, read where they lie.
            let used = self.run(grammar, bytes, &pieces, emit);
            self.held.extend_from_slice(bytes.get(used..).unwrap_or_default());
            used
        } else {
            self.held.extend_from_slice(bytes);
            let held = std::mem::take(&mut self.held);
            let used = self.run(grammar, &held, &pieces, emit);
            self.held = held;
            self.held.drain(..used);
            used
        };
        if self.held.is_empty() {
            // Thousands of idle connections must not each keep the room of their longest message.
            self.held.shrink_to(4096);
            return;
        }
        let first = pieces.partition_point(|piece| piece.from <= used).saturating_sub(1);
        self.pieces.extend(pieces.get(first..).unwrap_or_default().iter().map(|piece| piece.without(used)));
    }

    /// Bytes are lost behind those that are here: what has begun is cut.
    pub fn gap(&mut self, grammar: &dyn Grammar, emit: &mut dyn FnMut(Cut<'_>)) {
        let (held, pieces) = (std::mem::take(&mut self.held), std::mem::take(&mut self.pieces));
        if let Start::Message(_) = grammar.start(&held, self.expected) {
            emit(cut(&held, 0, &pieces));
        }
        self.expected = false;
    }

    /// Emits what is whole; returns how many bytes are done with.
    fn run(&mut self, grammar: &dyn Grammar, view: &[u8], pieces: &[Piece], emit: &mut dyn FnMut(Cut<'_>)) -> usize {
        let mut at = 0;
        while let Some(rest) = view.get(at..).filter(|rest| !rest.is_empty()) {
            match grammar.start(rest, self.expected) {
                Start::Open => break,
                Start::Message(length) => {
                    let Some(message) = rest.get(..length) else { break };
                    (self.expected, self.found) = (true, true);
                    emit(cut(message, at, pieces));
                    at += length.max(1);
                }
                Start::Other => {
                    self.expected = false;
                    let behind = rest.get(1..).unwrap_or_default();
                    let skipped = 1 + grammar.candidate(behind).unwrap_or(behind.len());
                    self.searched = self.searched.saturating_add(skipped);
                    at += skipped;
                }
            }
        }
        at
    }
}

impl Piece {
    /// Its place once so many bytes in front were done with.
    fn without(self, used: usize) -> Self {
        match used.checked_sub(self.from) {
            Some(inside) => Piece { from: 0, ..self.advanced(inside) },
            None => Piece { from: self.from - used, ..self },
        }
    }

    fn advanced(self, n: usize) -> Self {
        let at = Stamp { offset: self.at.offset + n as u64, ..self.at };
        Piece { from: self.from + n, seq: self.seq.wrapping_add(n as u32), at }
    }
}

/// The message that lies at `from` in the view. A late segment may complete one whose tail came first.
fn cut<'a>(bytes: &'a [u8], from: usize, pieces: &[Piece]) -> Cut<'a> {
    let begin = pieces.partition_point(|piece| piece.from <= from).saturating_sub(1);
    let end = pieces.partition_point(|piece| piece.from < from + bytes.len());
    let nothing = Piece { from, seq: 0, at: Stamp { time: crate::packet::NO_TIME, file: 0, frame: 0, offset: 0 } };
    let head = pieces.get(begin).map_or(nothing, |piece| piece.advanced(from.saturating_sub(piece.from)));
    let of = pieces.get(begin..end).unwrap_or_default().iter().map(|piece| piece.at);
    let place = |at: &Stamp| (at.file, at.frame);
    let first = of.clone().min_by_key(place).unwrap_or(head.at);
    let last = of.max_by_key(place).unwrap_or(head.at);
    Cut { bytes, first: Stamp { offset: head.at.offset, ..first }, last, seq: head.seq }
}
