//! Directions of media and of resources, and what must be there before a call is set up (RFC 3312).

use super::text::words;

/// Directions as two bits, send 1 and receive 2: of media (RFC 3264 §5.1) and of resources (RFC 3312 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Direction(pub(super) u8);

impl Direction {
    pub const BOTH: Direction = Direction(3);

    pub(super) fn of_media(name: &[u8]) -> Option<Self> {
        match name {
            b"inactive" => Some(Self(0)),
            b"sendonly" => Some(Self(1)),
            b"recvonly" => Some(Self(2)),
            b"sendrecv" => Some(Self(3)),
            _ => None,
        }
    }

    fn of_resources(name: &[u8]) -> Option<Self> {
        match name {
            b"none" => Some(Self(0)),
            b"send" => Some(Self(1)),
            b"recv" => Some(Self(2)),
            b"sendrecv" => Some(Self(3)),
            _ => None,
        }
    }

    pub fn sends(self) -> bool {
        self.0 & 1 != 0
    }

    pub fn receives(self) -> bool {
        self.0 & 2 != 0
    }

    /// The attribute of RFC 3264.
    pub fn as_media(self) -> &'static str {
        ["inactive", "sendonly", "recvonly", "sendrecv"].get(usize::from(self.0)).copied().unwrap_or_default()
    }

    /// The direction-tag of RFC 3312.
    pub fn as_resources(self) -> &'static str {
        ["none", "send", "recv", "sendrecv"].get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

/// Mandatory and current status of quality-of-service preconditions by status type: e2e, local, remote (RFC 3312 §4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preconditions {
    mandatory: [Direction; 3],
    current: [Option<Direction>; 3],
}

impl Preconditions {
    /// A mandatory one is not met. (Optional ones hold nothing up, RFC 3312 §5.)
    pub(super) fn pending(&self) -> bool {
        self.mandatory.iter().zip(self.current).any(|(want, have)| want.0 & !have.unwrap_or_default().0 != 0)
    }

    /// Of the access of who wrote this; an end-to-end status holds for either.
    pub fn local(&self) -> Option<Direction> {
        self.current[1].or(self.current[0])
    }

    /// Of the access of the other side.
    pub fn remote(&self) -> Option<Direction> {
        self.current[2].or(self.current[0])
    }

    /// `a=curr:qos status-type direction`, after `qos`.
    pub(super) fn current(&mut self, value: &[u8]) -> Option<()> {
        let mut words = words(value);
        let slot = self.current.get_mut(status_type(words.next()?)?)?;
        let direction = Direction::of_resources(words.next()?)?;
        *slot = Some(Direction(slot.unwrap_or_default().0 | direction.0));
        Some(())
    }

    /// `a=des:qos strength status-type direction`, after `qos`.
    pub(super) fn desired(&mut self, value: &[u8]) -> Option<()> {
        let mut words = words(value);
        let strength = words.next()?;
        let slot = self.mandatory.get_mut(status_type(words.next()?)?)?;
        let direction = Direction::of_resources(words.next()?)?;
        if strength == b"mandatory" {
            slot.0 |= direction.0;
        }
        Some(())
    }
}

/// `e2e`, `local`, `remote` (RFC 3312 §4).
fn status_type(word: &[u8]) -> Option<usize> {
    [b"e2e".as_slice(), b"local", b"remote"].iter().position(|&name| name == word)
}
