//! Header lines met not long ago, and what each says: most lines of a message stood in one before it, of the same dialog
//! or on the hop before.

use std::cell::Cell;

use super::super::name::Name;
use super::lines::LineHasher;

/// A longer line is read each time.
pub const LONGEST: usize = 192;
/// The lines of the dialogs and transactions alive at one time; a power of two. All of them stay in the cache.
const LINES: usize = 4096;

/// Where a part of a line stands in it, if it has that part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    from: u8,
    to: u8,
}

impl Place {
    pub const NONE: Self = Self { from: u8::MAX, to: 0 };

    /// `None` for what is no part of the line, as of a line that was unfolded, or stands too far behind.
    pub fn of(part: Option<&[u8]>, line: &[u8]) -> Option<Self> {
        let Some(part) = part else { return Some(Self::NONE) };
        if part.is_empty() {
            return Some(Self { from: 0, to: 0 });
        }
        let from = part.as_ptr().addr().checked_sub(line.as_ptr().addr())?;
        let to = from.checked_add(part.len()).filter(|&to| to <= line.len())?;
        Some(Self { from: from.try_into().ok()?, to: to.try_into().ok()? })
    }

    pub fn part(self, line: &[u8]) -> Option<&[u8]> {
        line.get(usize::from(self.from)..usize::from(self.to))
    }
}

/// What a value says that takes more than a look.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// Nothing is kept of it: it is read again.
    Any,
    Party {
        display: Place,
        uri: Place,
        tag: Place,
        tag_hash: u64,
    },
    /// The only one of its row.
    Contact {
        uri: Place,
        expires: Option<u32>,
    },
    /// P-Asserted-Identity: the first two of its row.
    Asserted([Place; 2]),
    /// Route, Record-Route or Path: how many values there are.
    Count(u32),
    /// Max-Forwards, or seconds.
    Number(Option<u32>),
    ContentLength(Option<u64>),
    SessionExpires {
        seconds: Option<u32>,
        refresher: Place,
    },
    /// P-Preferred-Identity: its first value.
    Preferred(Place),
    Icid(Place),
    Cseq {
        number: Option<u32>,
        method: Place,
    },
    /// With its hash.
    CallId(u64),
    /// The only one of its row: hash of its normal form, and what else is kept of it where it was the topmost.
    Via {
        hash: u64,
        top: TopVia,
    },
    /// A start line, which has no name.
    Request {
        method: Place,
        uri: Place,
    },
    Status {
        status: u16,
        reason: Place,
    },
}

/// What is kept of a topmost Via.
#[derive(Debug, Clone, Copy)]
pub struct TopVia {
    pub branch: Place,
    /// None if the Via was not the topmost, or has not its normal form.
    pub sent_by: Place,
    pub transport: Place,
    pub received: Place,
    pub rport: Place,
    /// Hash of branch and sent-by.
    pub hop: u64,
}

impl TopVia {
    pub const UNKNOWN: Self = Self {
        branch: Place::NONE,
        sent_by: Place::NONE,
        transport: Place::NONE,
        received: Place::NONE,
        rport: Place::NONE,
        hop: 0,
    };
}

/// What a header line says in which nothing is odd.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    pub name: Name,
    pub value: Place,
    pub says: Value,
}

/// A line that was met: all that is known of it lies together in the processor's cache.
#[derive(Debug)]
#[repr(align(64))]
pub struct Line {
    hash: u64,
    said: Said,
    /// The numbers under which columns have what it says, one more than each; 0 = they do not have it.
    numbers: [Cell<u32>; 2],
}

impl Line {
    /// The number under which a column has what the line says. A line has room for two columns, and each its place.
    #[inline]
    pub fn number(&self, place: usize) -> Option<u32> {
        self.numbers.get(place)?.get().checked_sub(1)
    }

    #[inline]
    pub fn keep_number(&self, place: usize, number: u32) {
        if let Some(kept) = self.numbers.get(place) {
            kept.set(number + 1);
        }
    }
}

/// One line for each place in the table, by its hash: a later one takes the place of one before.
#[derive(Debug, Default)]
pub struct KnownLines {
    lines: Vec<Line>,
    pub hasher: LineHasher,
}

impl KnownLines {
    #[inline]
    pub fn line(&self, hash: u64) -> Option<&Line> {
        self.lines.get(hash as usize % LINES).filter(|line| line.hash == hash)
    }

    #[inline]
    pub fn get(&self, hash: u64) -> Option<Said> {
        self.line(hash).map(|line| line.said)
    }

    pub fn put(&mut self, hash: u64, said: Said) {
        let line = |hash, said| Line { hash, said, numbers: Default::default() };
        if self.lines.is_empty() {
            let nothing = Said { name: Name::Other, value: Place::NONE, says: Value::Any };
            // Of the hash that is nowhere else in its place.
            self.lines = (0..LINES as u64).map(|place| line(!place, nothing)).collect();
        }
        if let Some(slot) = self.lines.get_mut(hash as usize % LINES) {
            *slot = line(hash, said);
        }
    }

    /// Other columns are filled from now on.
    pub fn forget_numbers(&self) {
        self.lines.iter().flat_map(|line| &line.numbers).for_each(|number| number.set(0));
    }
}

/// ASCII without NUL and CR.
pub fn is_plain(line: &[u8]) -> bool {
    !line.iter().fold(false, |odd, &byte| odd | !byte.is_ascii() | (byte == 0) | (byte == b'\r'))
}
