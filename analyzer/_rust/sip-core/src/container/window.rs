//! One reused buffer over the byte source, through which the format readers look at the file.

use std::io::Read;
use std::sync::Arc;

use super::compression::Progress;

/// Enough that a refill costs next to nothing per packet, little enough that what was read is still in the processor's
/// cache when it is parsed (measured: 0.25 to 4 MiB all walk at the speed of `read`).
const BUFFER_BYTES: usize = 1 << 20;

/// Why no more bytes come.
#[derive(Debug)]
pub(super) enum End {
    OfFile,
    /// Compressed data end early.
    Cut(String),
    /// Compressed data are corrupt.
    Corrupt(String),
    /// Reading the source failed.
    Failed(String),
    /// More decompressed bytes than allowed.
    Limit,
}

/// A sliding window over the (decompressed) file.
pub(super) struct Window {
    source: Box<dyn Read + Send>,
    progress: Arc<Progress>,
    storage: Vec<u8>,
    /// First byte not yet consumed, in `storage`.
    start: usize,
    /// One past the last byte read, in `storage`.
    filled: usize,
    /// Position in the file of `storage[0]`.
    base: u64,
    /// Bytes that may still be read.
    allowance: u64,
    end: Option<End>,
}

impl Window {
    pub(super) fn new(source: Box<dyn Read + Send>, allowance: u64, progress: Arc<Progress>) -> Self {
        Self { source, progress, storage: vec![0; BUFFER_BYTES], start: 0, filled: 0, base: 0, allowance, end: None }
    }

    /// The next `n` bytes, without consuming them; `None` when the file does not hold them.
    #[inline]
    pub(super) fn peek(&mut self, n: usize) -> Option<&[u8]> {
        if self.available() < n {
            self.fill(n);
        }
        self.rest().get(..n)
    }

    /// As [`Window::peek`], as an array.
    #[inline]
    pub(super) fn peek_array<const N: usize>(&mut self) -> Option<&[u8; N]> {
        if self.available() < N {
            self.fill(N);
        }
        self.rest().first_chunk()
    }

    /// As many of the next `n` bytes as there are.
    pub(super) fn peek_up_to(&mut self, n: usize) -> &[u8] {
        if self.available() < n {
            self.fill(n);
        }
        let rest = self.rest();
        rest.get(..n).unwrap_or(rest)
    }

    /// Consumes `n` bytes that were looked at.
    #[inline]
    pub(super) fn advance(&mut self, n: usize) {
        self.start = self.filled.min(self.start.saturating_add(n));
    }

    /// Bytes that are here without reading.
    #[inline]
    pub(super) fn available(&self) -> usize {
        self.filled - self.start
    }

    /// Position in the file of the next byte.
    #[inline]
    pub(super) fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Bytes at a position that was looked at since the last `peek`; consuming them does not take them away.
    #[inline]
    pub(super) fn at(&self, position: u64, len: usize) -> &[u8] {
        usize::try_from(position.saturating_sub(self.base))
            .ok()
            .and_then(|from| self.storage.get(from..from.checked_add(len)?))
            .unwrap_or_default()
    }

    /// Why the source gave no more; `None` while it may still give some.
    pub(super) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    #[inline]
    fn rest(&self) -> &[u8] {
        self.storage.get(self.start..self.filled).unwrap_or_default()
    }

    /// Reads until `n` bytes are available or the source ends.
    #[cold]
    fn fill(&mut self, n: usize) {
        if self.end.is_some() {
            return;
        }
        if self.storage.len() - self.start < n {
            self.storage.copy_within(self.start..self.filled, 0);
            self.base += self.start as u64;
            self.filled -= self.start;
            self.start = 0;
            if self.storage.len() < n {
                // Twice, so that bytes are moved at most once however little the readers advance.
                self.storage.resize(n.saturating_mul(2), 0);
            }
        }
        while self.available() < n && self.end.is_none() {
            self.read_once();
        }
    }

    fn read_once(&mut self) {
        let allowance = usize::try_from(self.allowance).unwrap_or(usize::MAX);
        let mut probe = [0];
        let free = match self.storage.get_mut(self.filled..) {
            Some(free) if allowance > 0 => free,
            // Nothing more is allowed: is there more?
            _ => &mut probe[..],
        };
        let room = free.len().min(allowance.max(1));
        let Some(free) = free.get_mut(..room) else { return };
        match self.source.read(free) {
            Ok(0) => self.end = Some(End::OfFile),
            Ok(_) if allowance == 0 => self.end = Some(End::Limit),
            Ok(n) => {
                self.filled += n.min(room);
                self.allowance = self.allowance.saturating_sub(n as u64);
            }
            Err(error) => {
                let why = error.to_string();
                self.end = Some(if self.progress.source_failed() {
                    End::Failed(format!("reading failed: {why}"))
                } else if error.kind() == std::io::ErrorKind::UnexpectedEof {
                    End::Cut(format!("compressed data end early: {why}"))
                } else {
                    End::Corrupt(format!("compressed data are corrupt: {why}"))
                });
            }
        }
    }
}
