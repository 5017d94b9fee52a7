//! What is read with keys: which of them open the next record.
//!
//! The messages of the handshake say when keys change. Where these are not there, because the capture lost them or the key
//! log has not the keys that they are sealed with, the record itself tells: only the right key opens it (RFC 5116 §2.2).

use std::collections::VecDeque;

use super::cipher::{Opened, Opener};
use super::record::Header;

/// So many records are lost at most where the capture has a hole.
const MOST_LOST: u64 = 1_024;
/// All that is tried for one direction beside the key at hand (bytes): hostile holes must not cost more.
const MOST_TRIED: usize = 16 << 20;
/// So many records in a row that no key opens, and no more are tried; before the first that one opens (it may be early data
/// that the server did not take), and after it.
const MOST_BEFORE: u32 = 64;
const MOST_AFTER: u32 = 32;

/// The keys of one direction.
#[derive(Default)]
pub struct Sealed {
    current: Option<Opener>,
    /// Those that come next, in this order.
    later: VecDeque<Opener>,
    /// Records may be missing: so many.
    missing: u64,
    tried: usize,
    failed: u32,
    proved: bool,
}

impl Sealed {
    pub fn new(openers: impl IntoIterator<Item = Opener>) -> Self {
        let mut later: VecDeque<Opener> = openers.into_iter().collect();
        Self { current: later.pop_front(), later, ..Self::default() }
    }

    /// A record was opened.
    pub fn is_proved(&self) -> bool {
        self.proved
    }

    /// Nothing opens the records: the keys are wrong, or the stream is.
    pub fn is_hopeless(&self) -> bool {
        self.failed >= if self.proved { MOST_AFTER } else { MOST_BEFORE } || self.tried > MOST_TRIED
    }

    /// The next keys, since the handshake says so.
    pub fn next(&mut self) {
        if let Some(next) = self.later.pop_front() {
            self.current = Some(next);
        }
    }

    /// The keys after a KeyUpdate (RFC 8446 §7.2).
    pub fn update(&mut self) {
        if let Some(next) = self.current.as_ref().and_then(Opener::updated) {
            self.current = Some(next);
        }
    }

    /// So many bytes are missing here.
    pub fn gap(&mut self, bytes: u64) {
        // Shorter than a header and a byte sealed no record is.
        self.missing = (self.missing + bytes / 24 + 1).min(MOST_LOST);
    }

    pub fn open(&mut self, header: Header, body: &[u8], out: &mut Vec<u8>) -> Option<Opened> {
        let before = self.current.as_ref().map(|current| current.seq);
        let opened = self.current.as_mut().and_then(|current| current.open(header, body, out));
        let opened = opened.or_else(|| self.with_others(before, header, body, out));
        if opened.is_some() {
            (self.failed, self.missing, self.proved) = (0, 0, true);
        } else {
            self.failed += 1;
        }
        opened
    }

    /// Another key, or another number.
    fn with_others(&mut self, before: Option<u64>, header: Header, body: &[u8], out: &mut Vec<u8>) -> Option<Opened> {
        for ahead in 0..=self.missing {
            if self.tried > MOST_TRIED {
                return None;
            }
            if let (Some(current), Some(before)) = (&mut self.current, before)
                && ahead > 0
            {
                self.tried += body.len();
                if let Some(opened) = current.open_at(before + ahead, header, body, out) {
                    current.seq = before + ahead + 1;
                    return Some(opened);
                }
            }
            for place in 0..self.later.len() {
                self.tried += body.len();
                let opener = self.later.get(place)?;
                if let Some(opened) = opener.open_at(ahead, header, body, out) {
                    self.later.drain(..place);
                    self.next();
                    if let Some(current) = &mut self.current {
                        current.seq = ahead + 1;
                    }
                    return Some(opened);
                }
            }
            // A KeyUpdate may be among what is lost.
            if self.missing > 0
                && ahead < 16
                && self.later.is_empty()
                && let Some(mut next) = self.current.as_ref().and_then(Opener::updated)
                && let Some(opened) = next.open_at(ahead, header, body, out)
            {
                next.seq = ahead + 1;
                self.current = Some(next);
                return Some(opened);
            }
        }
        None
    }
}
