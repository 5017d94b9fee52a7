//! One run over the bytes at hand, and the messages that it cuts out of them.

use crate::limits::Limits;
use crate::packet::Stamp;
use crate::sip::flaw::{Flaw, Flaws};
use crate::sip::text::split;

/// A message of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Framed<'a> {
    pub bytes: &'a [u8],
    /// The earliest packet that holds a part of it; `offset` is the position of the message's first byte in the file.
    pub first: Stamp,
    /// The latest packet that holds a part of it; `offset` is the position of that part's first byte.
    pub last: Stamp,
    /// TCP sequence number of the first byte.
    pub seq: u32,
    /// The whole message is here, as far as its headers tell.
    pub complete: bool,
    /// It lies in one packet.
    pub contiguous: bool,
    /// Bytes before it that are not SIP, since the message before.
    pub skipped: u64,
    /// What only the framer knows; [`crate::sip::fields::read`] finds the rest.
    pub flaws: Flaws,
    pub(super) pieces: &'a [Piece],
    /// Packets that carried nothing of it, without which it would not be read.
    pub(super) around: &'a [Stamp],
}

impl<'a> Framed<'a> {
    /// Every packet that it takes to read it.
    pub fn packets(&self) -> impl Iterator<Item = Stamp> {
        self.pieces.iter().map(|piece| piece.at).chain(self.around.iter().copied())
    }

    pub(in crate::sip) fn with(self, around: &'a [Stamp]) -> Self {
        Self { around, ..self }
    }
}

/// A run of bytes that one packet carried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Position in the view.
    pub from: usize,
    pub seq: u32,
    pub at: Stamp,
}

/// One run: what is at hand, how far it is done with, and what was seen in it.
pub(super) struct Run<'r, 'e> {
    pub view: &'r [u8],
    pub pieces: &'r [Piece],
    /// So many bytes of the view are done with.
    pub at: usize,
    /// No more bytes come.
    pub ended: bool,
    /// Bytes that are not SIP, since the message before.
    pub skipped: u64,
    pub limits: &'r Limits,
    pub emit: &'r mut (dyn FnMut(Framed<'_>) + 'e),
    /// Part of a message was seen.
    pub sip: bool,
    /// Something else was.
    pub other: bool,
}

impl<'r> Run<'r, '_> {
    /// What is not done with.
    pub fn rest(&self) -> &'r [u8] {
        split(self.view, self.at).1
    }

    /// Passes over bytes that are not SIP.
    pub fn skip(&mut self, bytes: usize) {
        self.skipped += bytes as u64;
        self.at += bytes;
    }

    /// Emits the next `len` bytes as a message.
    pub fn message(&mut self, len: usize, complete: bool, mut flaws: Flaws) {
        let (from, to) = (self.at, self.at + len);
        self.at = to;
        let (Some(bytes), Some(first), Some(last)) = (
            self.view.get(from..to),
            piece_at(self.pieces, from),
            piece_at(self.pieces, to.saturating_sub(1).max(from)),
        ) else {
            return;
        };
        let skipped = std::mem::take(&mut self.skipped);
        flaws.add_if(skipped > 0, Flaw::Resynchronised);
        let contiguous = first.from == last.from;
        let begun = advance(first, from.saturating_sub(first.from));
        let (mut first, mut last) = (begun.at, if contiguous { begun.at } else { last.at });
        let ends = self.pieces.partition_point(|piece| piece.from < to.max(from + 1));
        let pieces = self.pieces.get(piece_index(self.pieces, from)..ends).unwrap_or_default();
        if !contiguous {
            // Late segments: the packet that fills the last hole completes the message, and its tail may have come first.
            for piece in pieces {
                if place(&piece.at) < place(&first) {
                    first = Stamp { offset: begun.at.offset, ..piece.at };
                }
                if place(&piece.at) > place(&last) {
                    last = piece.at;
                }
            }
        }
        let seq = begun.seq;
        (self.emit)(Framed { bytes, first, last, seq, complete, contiguous, skipped, flaws, pieces, around: &[] });
    }
}

/// The same run of bytes without its first `n`.
pub(super) fn advance(piece: Piece, n: usize) -> Piece {
    let at = Stamp { offset: piece.at.offset.saturating_add(n as u64), ..piece.at };
    Piece { from: piece.from + n, seq: piece.seq.wrapping_add(n as u32), at }
}

/// A packet's place in the capture.
fn place(at: &Stamp) -> (u32, u64) {
    (at.file, at.frame)
}

pub(super) fn piece_index(pieces: &[Piece], position: usize) -> usize {
    pieces.partition_point(|p| p.from <= position).saturating_sub(1)
}

fn piece_at(pieces: &[Piece], position: usize) -> Option<Piece> {
    pieces.get(piece_index(pieces, position)).copied()
}
