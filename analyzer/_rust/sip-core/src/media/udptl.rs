//! Fax over UDP: the packets of UDPTL (ITU-T T.38 §9), told by their structure, for nothing else marks them.

/// What is read of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    pub number: u16,
    /// Of what it says for the first time.
    pub length: u32,
    /// Earlier packets that it says again; those of forward error correction alike.
    pub again: u32,
}

impl Packet {
    /// A whole datagram; every length in it has to fit.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&[n1, n0], rest) = bytes.split_first_chunk::<2>()?;
        let (primary, rest) = open_type(rest)?;
        if primary.is_empty() {
            return None;
        }
        // The choice of error recovery is one bit, then its fields begin at the next byte (X.691 §11.5).
        let (again, mut rest, count) = match rest {
            [0, count, rest @ ..] => (u32::from(*count), rest, *count),
            [0x80, 1, packets, count, rest @ ..] => (u32::from(*packets), rest, *count),
            _ => return None,
        };
        for _ in 0..count {
            rest = open_type(rest)?.1;
        }
        let number = u16::from_be_bytes([n1, n0]);
        rest.is_empty().then_some(Self { number, length: primary.len() as u32, again })
    }
}

/// A length in one or two bytes (X.691 §11.9), and so many bytes.
fn open_type(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match *bytes {
        [length @ 0..=0x7F, ref rest @ ..] => rest.split_at_checked(usize::from(length)),
        [high @ 0x80..=0xBF, low, ref rest @ ..] => {
            rest.split_at_checked(usize::from(high & 0x3F) << 8 | usize::from(low))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_say_what_they_repeat() {
        let bytes = [0, 9, 2, 0xC0, 1, 0, 2, 1, 6, 3, 7, 7, 7];
        assert_eq!(Packet::read(&bytes), Some(Packet { number: 9, length: 2, again: 2 }));
        assert_eq!(Packet::read(&[0, 0, 1, 6, 0, 0]), Some(Packet { number: 0, length: 1, again: 0 }));
        // Forward error correction over three packets.
        assert_eq!(Packet::read(&[0, 5, 1, 6, 0x80, 1, 3, 1, 2, 9, 9]).map(|it| it.again), Some(3));
    }

    #[test]
    fn lengths_that_do_not_fit_are_no_fax() {
        let bytes = [0, 9, 2, 0xC0, 1, 0, 2, 1, 6, 3, 7, 7, 7];
        assert!((0..bytes.len()).all(|length| Packet::read(&bytes[..length]).is_none()));
        assert_eq!(Packet::read(&[0, 9, 0, 0, 0]), None);
        assert_eq!(Packet::read(b"OPTIONS sip:a@b SIP/2.0\r\n"), None);
    }
}
