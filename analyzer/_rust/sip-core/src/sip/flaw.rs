//! What deviates from the grammar in one message, as a set of bits; each flaw has its [`Code`] in the table `problems`.

use crate::problem::Code;

macro_rules! flaws {
    ($($name:ident => $code:ident),+ $(,)?) => {
        /// One deviation of a message; its meaning is that of [`Flaw::code`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Flaw { $($name),+ }
        impl Flaw {
            pub const ALL: &'static [Flaw] = &[$(Flaw::$name),+];
            /// The row it makes in `problems`.
            pub const fn code(self) -> Code {
                match self { $(Flaw::$name => Code::$code),+ }
            }
        }
    };
}

flaws! {
    ContentLengthExceedsDatagram => SipContentLengthExceedsDatagram,
    Cut => SipMessageCut,
    TrailingBytes => SipTrailingBytes,
    ContentLengthInvalid => SipContentLengthInvalid,
    ContentLengthConflict => SipContentLengthConflict,
    ContentLengthMissing => SipContentLengthMissing,
    TooLong => SipMessageTooLong,
    Resynchronised => SipStreamResynchronised,
    JunkBeforeStartLine => SipJunkBeforeStartLine,
    StartLine => SipStartLineMalformed,
    Version => SipVersionUnknown,
    RequestUri => SipRequestUriMalformed,
    Status => SipStatusInvalid,
    HeaderMissing => SipHeaderMissing,
    HeaderRepeated => SipHeaderRepeated,
    HeaderLine => SipHeaderLineMalformed,
    Cseq => SipCseqInvalid,
    CseqMethodMismatch => SipCseqMethodMismatch,
    NumberOutOfRange => SipNumberOutOfRange,
    Via => SipViaMalformed,
    BranchCookieOnly => SipBranchCookieOnly,
    Address => SipAddressMalformed,
    QuoteUnbalanced => SipQuoteUnbalanced,
    Utf8 => SipUtf8Invalid,
    LineEnd => SipLineEndNotCrlf,
    BareCr => SipBareCr,
    Nul => SipNul,
    Date => SipDateInvalid,
    Multipart => SipMultipartMalformed,
    ContentEncodingUnknown => SipContentEncodingUnknown,
    BodyCorrupt => CompressedCorrupt,
    BodyLimit => InflatedLimit,
}

/// A set of [`Flaw`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flaws(u64);

impl Flaws {
    pub const NONE: Flaws = Flaws(0);

    pub const fn of(flaw: Flaw) -> Self {
        Self(1 << flaw as u8)
    }
    pub fn add(&mut self, flaw: Flaw) {
        self.0 |= 1 << flaw as u8;
    }
    /// Adds `flaw` where `found`.
    pub fn add_if(&mut self, found: bool, flaw: Flaw) {
        self.0 |= u64::from(found) << flaw as u8;
    }
    pub fn remove(&mut self, flaw: Flaw) {
        self.0 &= !(1 << flaw as u8);
    }
    pub fn merge(&mut self, other: Flaws) {
        self.0 |= other.0;
    }
    pub const fn has(self, flaw: Flaw) -> bool {
        self.0 & (1 << flaw as u8) != 0
    }
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// In the order of [`Flaw::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Flaw> {
        Flaw::ALL.iter().copied().filter(move |&f| self.has(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_what_was_added() {
        let mut set = Flaws::NONE;
        set.add(Flaw::Nul);
        set.add_if(false, Flaw::Date);
        set.add_if(true, Flaw::Cut);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Flaw::Cut, Flaw::Nul]);
    }

    #[test]
    fn every_flaw_fits_the_set() {
        assert!(Flaw::ALL.len() <= 64);
    }
}
