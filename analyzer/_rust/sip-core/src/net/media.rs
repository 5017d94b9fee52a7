//! The short way: most packets of an operator's capture are UDP in IP in Ethernet, and their payloads begin as those of RTP
//! do, or as most messages of SIP. They go to the sink without the walk, which costs several times as much.

use super::address::Ip;
use super::cursor::{Cursor, be16};
use super::{ip, udp};

/// The headers that the walk reads of such a packet.
pub(super) const LAYERS: u8 = 4;

const UDP: u8 = 17;

/// A whole datagram whose payload begins with version 2 of RTP (RFC 3550 §5.1), or with a letter, and so with a byte that no
/// tunnel known by its bytes begins with: E to O may be the first byte of IP or the magic of HEP. `None` is for the walk.
#[inline]
pub(super) fn datagram(frame: Cursor<'_>) -> Option<(Ip, udp::Header<'_>)> {
    let (&[.., high, low], rest) = frame.header::<14>()?;
    let header = match be16(high, low) {
        0x0800 => ip::ipv4(rest).ok()?,
        0x86DD => ip::ipv6(rest).ok()?,
        _ => return None,
    };
    if header.protocol != UDP || header.fragment.is_some() || header.exceeds.is_some() {
        return None;
    }
    let udp = udp::header(header.payload).ok()?;
    let begins_so = matches!(udp.payload.bytes, [0x80..=0xBF | b'A'..=b'D' | b'P'..=b'Z', ..]);
    (udp.exceeds.is_none() && begins_so).then_some((header.ip, udp))
}

#[cfg(test)]
mod tests {
    use crate::limits::Limits;
    use crate::net::{Datagram, Decoder, Failure, Flow, Segment, Sink, StreamClass, StreamEnd, StreamId};
    use crate::packet::{Packet, Stamp};
    use crate::problem::{Problem, Problems};

    /// What came out of the decoder.
    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Problems for Seen {
        fn report(&mut self, problem: Problem) {
            self.0.push(format!("{:?} {}", problem.code, problem.detail));
        }
    }

    impl Sink for Seen {
        fn datagram(&mut self, it: Datagram<'_>) -> StreamClass {
            assert_eq!(it.first, it.last);
            self.0.push(format!(
                "{:?} {:?} {} {} {}",
                it.flow,
                it.bytes,
                it.ident,
                it.missing,
                it.encapsulation.is_plain()
            ));
            StreamClass::Other("rtp")
        }
        fn segment(&mut self, _: Segment<'_>) -> StreamClass {
            StreamClass::Other("")
        }
        fn gap(&mut self, _: StreamId, _: u64, _: Stamp) {}
        fn stream_end(&mut self, _: StreamId, _: StreamEnd, _: Stamp) {}
        fn failure(&mut self, _: Flow, _: Failure, _: Stamp) {}
    }

    const RTP: [u8; 12] = [0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7];

    fn udp(ports: (u16, u16), length: u16, payload: &[u8]) -> Vec<u8> {
        [&ports.0.to_be_bytes()[..], &ports.1.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
    }

    fn ipv4(length: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
        let [l1, l0] = length.to_be_bytes();
        [&[0x45, 0, l1, l0, 0, 9, flags, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2][..], payload].concat()
    }

    fn ipv6(payload: &[u8]) -> Vec<u8> {
        let header = [0x60, 0, 0, 0, 0, payload.len() as u8, 17, 64];
        [&header[..], &[0x20; 16], &[0x30; 16], payload].concat()
    }

    /// Disposition and calls of the sink, for a frame with these bytes between the addresses and the IP header.
    fn decoded(ethertype: &[u8], ip: &[u8], orig_len: usize) -> (String, Vec<String>, u64) {
        let data = [&[2; 12][..], ethertype, ip].concat();
        let orig_len = (orig_len + 12 + ethertype.len()) as u32;
        let packet =
            Packet { frame: 1, offset: 40, time: Some(0), interface: 0, host: 0, link: 1, orig_len, data: &data };
        let (mut decoder, mut sink) = (Decoder::new(&Limits::default()), Seen::default());
        let disposition = decoder.packet(0, &packet, &mut sink);
        (format!("{disposition:?}"), sink.0, decoder.finish(&mut Seen::default()).len() as u64)
    }

    /// A priority tag names no VLAN (IEEE 802.1Q §9.6): the frame says the same with it, on the long way.
    #[test]
    fn the_short_way_says_what_the_walk_says() {
        let media = udp((40_000, 40_002), 20, &RTP);
        let v4 = |flags, datagram: &[u8]| ipv4(20 + datagram.len() as u16, flags, datagram);
        let padded = [&v4(0, &media)[..], &[0; 6]].concat();
        let frames = [
            v4(0, &media),
            padded,
            v4(0, &udp((40_000, 40_002), 0, &RTP)),
            ipv4(0, 0, &media),
            // Lengths that lie.
            ipv4(99, 0, &media),
            ipv4(10, 0, &media),
            v4(0, &udp((40_000, 40_002), 99, &RTP)),
            v4(0, &udp((40_000, 40_002), 5, &RTP)),
            // A fragment; no payload; text.
            v4(0x20, &media),
            v4(0, &udp((40_000, 40_002), 8, &[])),
            v4(0, &udp((40_000, 40_002), 10, b"hi")),
            v4(0, &udp((5060, 5060), 15, b"SIP/2.0")),
            v4(0, &udp((5060, 5060), 15, b"INVITE ")),
            v4(0, &udp((9060, 9060), 12, b"HEP3")),
            // Ports of tunnels: ESP, GTP-U.
            v4(0, &udp((4500, 40_002), 20, &RTP)),
            v4(0, &udp((40_000, 2152), 20, &RTP)),
            v4(0, &udp((4500, 5060), 15, b"SIP/2.0")),
        ];
        for ip in frames {
            for missing in [0, 7] {
                let len = ip.len() + missing;
                assert_eq!(decoded(&[8, 0], &ip, len), decoded(&[0x81, 0, 0xE0, 0, 8, 0], &ip, len), "{ip:?}");
            }
        }
        let v6 = ipv6(&media);
        assert_eq!(decoded(&[0x86, 0xDD], &v6, 60), decoded(&[0x81, 0, 0xE0, 0, 0x86, 0xDD], &v6, 60));
    }

    #[test]
    fn media_are_delivered_with_flow_and_payload() {
        let ip = ipv4(40, 0, &udp((40_000, 40_002), 20, &RTP));
        let (disposition, calls, _) = decoded(&[8, 0], &ip, ip.len());
        assert!(disposition.contains("rtp"), "{disposition}");
        assert_eq!(calls.len(), 1);
    }

    /// A limit of headers counts for the short way, too.
    #[test]
    fn the_limit_of_headers_holds() {
        let data = [&[2; 12][..], &[8, 0], &ipv4(40, 0, &udp((40_000, 40_002), 20, &RTP))].concat();
        let orig_len = data.len() as u32;
        let packet =
            Packet { frame: 1, offset: 40, time: Some(0), interface: 0, host: 0, link: 1, orig_len, data: &data };
        let limits = Limits { max_layers: 3, ..Limits::default() };
        let disposition = Decoder::new(&limits).packet(0, &packet, &mut Seen::default());
        assert_eq!(disposition.names().1, "too_deep");
    }
}
