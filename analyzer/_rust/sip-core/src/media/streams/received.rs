//! From payloads to packets of streams: what relays wrap is unwrapped, and what keys open is read in clear.

use super::Streams;
use crate::media::came::{Came, Carriage};
use crate::media::key::Key;
use crate::media::rtp::{self, Packet};
use crate::media::srtp::{Opened, Srtp};
use crate::media::turn::Relayed;
use crate::media::udptl;
use crate::net::{Flow, Protocol};
use crate::packet::Stamp;

/// A payload as it came.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    pub point: u16,
    pub flow: Flow,
    pub at: Stamp,
    pub bytes: &'a [u8],
    /// Bytes at its end that were not captured.
    pub missing: u32,
    /// Class of service (RFC 2474).
    pub dscp: Option<u8>,
}

impl Streams {
    /// Takes a datagram, whatever it is, or a packet that was cut out of a stream.
    #[inline]
    pub fn datagram(&mut self, it: &Received<'_>) {
        if self.skips {
            return;
        }
        let carriage = if it.flow.protocol == Protocol::Tcp { Carriage::Tcp } else { Carriage::Udp };
        match it.bytes {
            [0x80..=0xBF, ..] => self.media(it, carriage, None),
            [0x40..=0x4F, _, _, _, 0x80..=0xBF, ..] | [0..=0x3F, _, _, _, 0x21, 0x12, 0xA4, 0x42, ..] => {
                if let Some((bytes, missing, relayed)) = self.relays.open(&it.flow, it.bytes, it.missing) {
                    self.media(&Received { bytes, missing, ..*it }, Carriage::Relay, Some(relayed));
                }
            }
            _ if carriage == Carriage::Udp && it.missing == 0 => {
                if let Some(fax) = udptl::Packet::read(it.bytes) {
                    self.fax(it, &fax);
                }
            }
            _ => {}
        }
    }

    /// Bytes of a TCP connection.
    #[inline]
    pub fn segment(&mut self, point: u16, flow: Flow, bytes: &[u8], at: Stamp) {
        if !self.skips {
            self.sessions.segment(point, flow, bytes, at);
        }
    }

    #[inline]
    fn media(&mut self, it: &Received<'_>, carriage: Carriage, relayed: Option<Relayed>) {
        match self.srtp.take() {
            None => self.clear(it, carriage, relayed, true),
            Some(mut srtp) => {
                self.sealed(&mut srtp, it, carriage, relayed);
                self.srtp = Some(srtp);
            }
        }
    }

    /// A packet that is perhaps encrypted.
    #[cold]
    fn sealed(&mut self, srtp: &mut Srtp, it: &Received<'_>, carriage: Carriage, relayed: Option<Relayed>) {
        let (src, dst) = relayed.map_or((None, None), |it| (it.src, it.dst));
        let ends = (src.unwrap_or((it.flow.src, it.flow.src_port)), dst.unwrap_or((it.flow.dst, it.flow.dst_port)));
        let mut out = Vec::new();
        let opened = match (it.missing, it.bytes.get(8..12)) {
            (0, _) if rtp::is_rtcp(it.bytes) => srtp.report(ends, it.at.time, it.bytes, &mut out),
            (0, Some(&[s3, s2, s1, s0])) => {
                let source = u32::from_be_bytes([s3, s2, s1, s0]);
                let key = Key { point: it.point, flow: it.flow, source };
                let opened = srtp.packet(key, ends, it.at.time, it.bytes, &mut out);
                // What was never encrypted under these keys is what it seems.
                if opened == Opened::Sealed && srtp.told(&key).authentic == 0 { Opened::Not } else { opened }
            }
            _ => Opened::Not,
        };
        match opened {
            Opened::Clear => self.clear(&Received { bytes: &out, ..*it }, carriage, relayed, true),
            Opened::Not | Opened::Sealed => self.clear(it, carriage, relayed, opened == Opened::Not),
        }
    }

    /// `legible`: the payload is what it seems.
    #[inline]
    fn clear(&mut self, it: &Received<'_>, carriage: Carriage, relayed: Option<Relayed>, legible: bool) {
        if rtp::is_rtcp(it.bytes) {
            self.reports.take(it.point, it.flow, it.at.time, it.bytes, it.missing);
        } else if let Some(packet) = Packet::read(it.bytes, it.missing) {
            if let Some(kept) = self.kept.as_mut().filter(|_| legible) {
                kept.take(it.flow, it.at.time, &packet);
            }
            let key = Key { point: it.point, flow: it.flow, source: packet.source };
            self.packet(key, &packet, Came { at: it.at, dscp: it.dscp, carriage, relayed, again: 0 });
        }
    }

    /// Fax has numbers as RTP has, and neither source nor timestamps.
    #[cold]
    fn fax(&mut self, it: &Received<'_>, fax: &udptl::Packet) {
        let key = Key { point: it.point, flow: it.flow, source: 0 };
        let &udptl::Packet { number, length, again } = fax;
        let (marker, payload_type, timestamp, source, sliced) = (false, 0, 0, 0, false);
        let packet = Packet { marker, payload_type, number, timestamp, source, payload: it.bytes, length, sliced };
        self.packet(key, &packet, Came { at: it.at, dscp: it.dscp, carriage: Carriage::Fax, relayed: None, again });
    }
}
