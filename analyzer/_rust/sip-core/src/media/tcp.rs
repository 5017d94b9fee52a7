//! Media in TCP: packets with a length before each (RFC 4571 §2), and messages to and from a relay (RFC 8656 §2.1).

use super::turn;

/// Media are no longer than what packets carry elsewhere.
const MAX_LENGTH: usize = 4_096;
/// Segments that begin like none, after which nothing is looked for.
const TRIES: u8 = 3;

/// What cuts packets out of one direction of a connection.
#[derive(Debug, Default)]
pub struct Framing {
    kind: Option<Kind>,
    tried: u8,
    /// The beginning of a packet whose end is to come.
    held: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Framed,
    Relay,
}

impl Framing {
    /// Takes the next bytes, and gives each packet that is whole.
    #[inline]
    pub fn segment(&mut self, bytes: &[u8], emit: impl FnMut(&[u8])) {
        if self.tried < TRIES {
            self.look(bytes, emit);
        }
    }

    /// Bytes are missing here.
    pub fn gap(&mut self) {
        self.held = Vec::new();
        self.kind = None;
    }

    fn look(&mut self, bytes: &[u8], mut emit: impl FnMut(&[u8])) {
        let held = std::mem::take(&mut self.held);
        let joined;
        let mut rest = bytes;
        if !held.is_empty() {
            joined = [&held, bytes].concat();
            rest = &joined;
        }
        if self.kind.is_none() {
            self.kind = [Kind::Framed, Kind::Relay].into_iter().find(|kind| length(rest, *kind).is_some());
        }
        let Some(kind) = self.kind else {
            self.tried += 1;
            return;
        };
        while !rest.is_empty() {
            let header = if kind == Kind::Framed { 2 } else { 0 };
            let Some((length, padded)) = length(rest, kind) else {
                if rest.len() < 8 {
                    // Too little to tell.
                    self.held = rest.to_vec();
                } else {
                    self.kind = None;
                }
                return;
            };
            let Some(packet) = rest.get(header..header + length) else {
                self.held = rest.to_vec();
                return;
            };
            self.tried = 0;
            emit(packet);
            rest = rest.get(header + padded..).unwrap_or_default();
        }
    }
}

/// The length of the packet that begins here, alone and with its padding; `None` for what can be none.
fn length(bytes: &[u8], kind: Kind) -> Option<(usize, usize)> {
    let (length, padded) = match (kind, bytes) {
        (Kind::Framed, &[l1, l0, ref packet @ ..]) => {
            // Beside RTP and RTCP: DTLS and STUN of the same session (RFC 7983, RFC 6544).
            let known = matches!(packet, [0x80..=0xBF | 20..=63, ..]) || turn::is_stun(packet);
            let length = usize::from(u16::from_be_bytes([l1, l0]));
            (known && length >= 8).then_some((length, length))?
        }
        (Kind::Relay, &[0x40..=0x4F, _, l1, l0, ..]) => {
            let length = 4 + usize::from(u16::from_be_bytes([l1, l0]));
            // Padded over TCP (§12.5).
            (length, length.next_multiple_of(4))
        }
        (Kind::Relay, &[_, _, l1, l0, ..]) if turn::is_stun(bytes) => {
            let length = 20 + usize::from(u16::from_be_bytes([l1, l0]));
            (length, length)
        }
        _ => return None,
    };
    (padded <= MAX_LENGTH).then_some((length, padded))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u8) -> Vec<u8> {
        let mut bytes = vec![0x80, 8, 0, number, 0, 0, 0, 160, 0, 0, 0, 7];
        bytes.extend([number; 20]);
        bytes
    }

    fn framed(numbers: std::ops::Range<u8>) -> Vec<u8> {
        numbers.flat_map(|number| [vec![0, 32], packet(number)].concat()).collect()
    }

    fn found(segments: &[&[u8]]) -> Vec<u8> {
        let (mut framing, mut numbers) = (Framing::default(), Vec::new());
        segments.iter().for_each(|segment| framing.segment(segment, |packet| numbers.push(packet[3])));
        numbers
    }

    /// RFC 4571 §2, whatever the segments.
    #[test]
    fn packets_have_their_length_before_them() {
        let bytes = framed(0..5);
        assert_eq!(found(&[&bytes]), [0, 1, 2, 3, 4]);
        for size in [9, 34, 35, 50] {
            let segments: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(found(&segments), [0, 1, 2, 3, 4], "{size}");
        }
    }

    #[test]
    fn a_relay_pads_its_messages() {
        let one = [&[0x40, 1, 0, 13][..], &packet(3)[..12], &[9, 0, 0, 0]].concat();
        let bytes = [&one[..], &one].concat();
        let (mut framing, mut count) = (Framing::default(), 0);
        framing.segment(&bytes, |packet| {
            assert_eq!(packet.len(), 17);
            count += 1;
        });
        assert_eq!(count, 2);
    }

    #[test]
    fn behind_a_gap_a_segment_begins_anew() {
        let (bytes, mut framing, mut numbers) = (framed(0..6), Framing::default(), Vec::new());
        framing.segment(&bytes[..50], |packet| numbers.push(packet[3]));
        framing.gap();
        framing.segment(&bytes[34 * 3..], |packet| numbers.push(packet[3]));
        assert_eq!(numbers, [0, 3, 4, 5]);
    }

    #[test]
    fn other_protocols_are_let_alone() {
        for text in ["GET / HTTP/1.1\r\n", "INVITE sip:a@b SIP/2.0\r\n", "MSRP abc SEND\r\n", "\u{16}\u{3}\u{1}"] {
            let mut framing = Framing::default();
            for _ in 0..5 {
                framing.segment(text.as_bytes(), |_| panic!("{text}"));
            }
            assert!(framing.held.is_empty() && framing.tried == TRIES);
        }
    }
}
