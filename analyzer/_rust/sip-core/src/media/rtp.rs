//! The header of RTP (RFC 3550 §5.1).

/// What is read of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    pub marker: bool,
    pub payload_type: u8,
    pub number: u16,
    /// In units of the payload's clock.
    pub timestamp: u32,
    pub source: u32,
    /// As far as it was captured.
    pub payload: &'a [u8],
    /// Length of the payload on the wire, without padding.
    pub length: u32,
    /// The capture lacks a part of it.
    pub sliced: bool,
}

/// Version 2, and long enough for a report of RTCP (§5.1, §6.4.2).
pub fn begins(bytes: &[u8]) -> bool {
    bytes.len() >= 8 && matches!(bytes, [0x80..=0xBF, ..])
}

/// The second byte of RTCP that shares a port with RTP (RFC 5761 §4).
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80..=0xBF, 192..=223, _, _, ..])
}

impl<'a> Packet<'a> {
    /// Reads a datagram of which `missing` bytes at the end were not captured.
    #[inline]
    pub fn read(bytes: &'a [u8], missing: u32) -> Option<Self> {
        let (&[first, second, n1, n0, t3, t2, t1, t0, s3, s2, s1, s0], mut payload) =
            bytes.split_first_chunk::<12>()?;
        if first >> 6 != 2 {
            return None;
        }
        let contributors = usize::from(first & 0x0F) * 4;
        let mut cut = skip(&mut payload, contributors, missing)?;
        if first & 0x10 != 0 {
            // An extension: its profile, then its length in words (§5.3.1).
            match payload.first_chunk::<4>() {
                Some(&[_, _, l1, l0]) => {
                    let words = usize::from(u16::from_be_bytes([l1, l0]));
                    cut = skip(&mut payload, 4 + words * 4, cut)?;
                }
                None if cut > 0 => (payload, cut) = (&[], 0),
                None => return None,
            }
        }
        let mut length = payload.len() as u32 + cut;
        if first & 0x20 != 0 && missing == 0 {
            // The last byte counts the padding, itself included.
            length = length.checked_sub(u32::from(*payload.last()?)).filter(|_| payload.last() != Some(&0))?;
            payload = payload.get(..length as usize)?;
        }
        Some(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7F,
            number: u16::from_be_bytes([n1, n0]),
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
            source: u32::from_be_bytes([s3, s2, s1, s0]),
            payload,
            length,
            sliced: (payload.len() as u32) < length,
        })
    }
}

/// Goes past so many bytes, of which the last may lie in what was not captured; returns how many are missing behind them.
fn skip(payload: &mut &[u8], length: usize, missing: u32) -> Option<u32> {
    match payload.get(length..) {
        Some(rest) => {
            *payload = rest;
            Some(missing)
        }
        None => {
            let beyond = (length - payload.len()) as u32;
            *payload = &[];
            missing.checked_sub(beyond)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 12] = [0x80, 0x88, 0x12, 0x34, 0, 0, 0, 160, 0xDE, 0xAD, 0xBE, 0xEF];

    #[test]
    fn a_packet_is_read() {
        let bytes = [&HEADER[..], &[1, 2, 3]].concat();
        let packet = Packet::read(&bytes, 0).expect("a packet");
        let expected = Packet {
            marker: true,
            payload_type: 8,
            number: 0x1234,
            timestamp: 160,
            source: 0xDEAD_BEEF,
            payload: &[1, 2, 3],
            length: 3,
            sliced: false,
        };
        assert_eq!(packet, expected);
    }

    /// RFC 3550 §5.1: contributing sources, an extension and padding are no payload.
    #[test]
    fn what_is_around_the_payload_is_left_out() {
        let mut bytes = HEADER.to_vec();
        bytes[0] = 0x80 | 0x20 | 0x10 | 1;
        bytes.extend([9; 4]);
        bytes.extend([0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0]);
        bytes.extend([1, 2, 3, 0, 0, 3]);
        assert_eq!(Packet::read(&bytes, 0).map(|packet| packet.payload), Some(&[1, 2, 3][..]));
        // Padding of nothing, and of more than there is.
        for padding in [0, 7] {
            *bytes.last_mut().expect("a byte") = padding;
            assert_eq!(Packet::read(&bytes, 0), None);
        }
    }

    /// A snap length cuts the payload; how long it was is known.
    #[test]
    fn a_cut_packet_has_its_length() {
        let packet = Packet::read(&HEADER, 160).expect("a packet");
        assert_eq!((packet.payload, packet.length), (&[][..], 160));
        let mut contributors = HEADER;
        contributors[0] = 0x82;
        assert_eq!(Packet::read(&contributors, 160).map(|packet| packet.length), Some(152));
        assert_eq!(Packet::read(&contributors, 4), None);
    }

    /// RFC 5761 §4: payload types 64 to 95 with the marker bit are those of RTCP.
    #[test]
    fn rtcp_is_told_from_rtp() {
        assert!(is_rtcp(&[0x81, 200, 0, 6]));
        assert!(!is_rtcp(&HEADER));
        assert!(!is_rtcp(&[0x80, 0x80 | 96, 0, 1]));
    }
}
