//! The walk of a packet up its layers, and the state of one capture point.

use super::address::Ip;
use super::cursor::Cursor;
use super::disposition::{Correction, Corrections, Disposition, Reason};
use super::encapsulation::Encapsulation;
use super::esp::{self, ESP, Esp, Opened};
use super::exported_pdu::Exported;
use super::flow::{Flow, Protocol};
use super::fragment::{Fragments, GivenUp, Incoming, Outcome, Reassembled, Why};
use super::link_types::linktype;
use super::next_header::{Inner, NextHeader};
use super::origin::Origin;
use super::sctp::Sctp;
use super::sink::{Datagram, Failure, Sink};
use super::tcp::Tcp;
use super::tunnel::{self, Registry, ipcomp};
use super::{exported_pdu, hep, icmp, ip, link, link_types, media, udp, wlan};
use crate::layer::Layer;
use crate::limits::Limits;
use crate::packet::{NO_TIME, Packet, Stamp};
use crate::problem::{Code, Problem};

const FRAGMENT_HELD: Disposition = Disposition::new(Layer::IP, Reason::FragmentHeld);

/// Kinds of packets with SIP text in them that are told.
const MAX_UNDECODED: usize = 64;

/// Decodes the packets of one capture point, in the order of the capture: fragments and flows are kept here.
///
/// It does no I/O. Packets go in; payloads, gaps, failures and problems come out of a [`Sink`], and for each packet its
/// [`Disposition`], so that a ledger of dispositions adds up to the packets.
///
/// ```
/// use sip_core::{limits::Limits, net::{Decoder, Failure, Flow, Segment, Sink, StreamEnd, StreamId, Datagram, StreamClass}};
/// use sip_core::{packet::{Packet, Stamp}, problem::{Problem, Problems}};
///
/// struct Count(usize);
/// impl Problems for Count {
///     fn report(&mut self, _: Problem) {}
/// }
/// impl Sink for Count {
///     fn datagram(&mut self, datagram: Datagram<'_>) -> StreamClass {
///         self.0 += datagram.bytes.len();
///         StreamClass::Other("")
///     }
///     fn segment(&mut self, _: Segment<'_>) -> StreamClass { StreamClass::Other("") }
///     fn gap(&mut self, _: StreamId, _: u64, _: Stamp) {}
///     fn stream_end(&mut self, _: StreamId, _: StreamEnd, _: Stamp) {}
///     fn failure(&mut self, _: Flow, _: Failure, _: Stamp) {}
/// }
///
/// let mut data = vec![0x45, 0, 0, 30, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]; // IPv4, protocol UDP
/// data.extend([0x13, 0xC4, 0x13, 0xC4, 0, 10, 0, 0, b'h', b'i']); // UDP 5060 to 5060
/// let packet = Packet {
///     frame: 1, offset: 40, time: Some(0), interface: 0, host: 0, link: 101, orig_len: data.len() as u32, data: &data,
/// };
/// let (mut decoder, mut sink) = (Decoder::new(&Limits::default()), Count(0));
/// assert_eq!(decoder.packet(0, &packet, &mut sink).names().1, "not_sip");
/// assert_eq!(sink.0, 2);
/// ```
pub struct Decoder {
    max_layers: u8,
    /// Capture time: that of the last packet that had one.
    now: i64,
    last: Stamp,
    link_types: Vec<(u16, u16)>,
    unknown_links: Vec<u16>,
    /// Where SIP text was found that is not decoded.
    undecoded: Vec<Disposition>,
    tunnels: Registry,
    esp: Esp,
    /// The packet that was decrypted last.
    plain: Vec<u8>,
    fragments: Fragments,
    tcp: Tcp,
    sctp: Sctp,
    /// HEP over TCP.
    hep: hep::Streams,
    max_inflated: usize,
    corrections: Corrections,
}

impl Decoder {
    pub fn new(limits: &Limits) -> Self {
        Self {
            max_layers: limits.max_layers,
            now: 0,
            last: Stamp { time: NO_TIME, file: 0, frame: 0, offset: 0 },
            link_types: Vec::new(),
            unknown_links: Vec::new(),
            undecoded: Vec::new(),
            tunnels: Registry::new(),
            esp: Esp::new(limits),
            plain: Vec::new(),
            fragments: Fragments::new(limits),
            tcp: Tcp::new(limits),
            sctp: Sctp::new(limits),
            hep: hep::Streams::default(),
            max_inflated: limits.max_inflated_bytes,
            corrections: Corrections::default(),
        }
    }

    /// Reads packets of a link type as if they were of another: what USER0 to USER15 hold, only the user knows.
    #[must_use]
    pub fn with_link_types(mut self, link_types: &[(u16, u16)]) -> Self {
        self.link_types = link_types.to_vec();
        self
    }

    /// Decodes one packet of the file with this index: calls `sink`, and returns where the packet went.
    pub fn packet<S: Sink>(&mut self, file: u32, packet: &Packet<'_>, sink: &mut S) -> Disposition {
        let Packet { frame, offset, data, .. } = *packet;
        self.now = packet.time.unwrap_or(self.now);
        self.last = Stamp { time: packet.time.unwrap_or(NO_TIME), file, frame, offset };
        self.fragments.expire(self.now);
        self.deliver_given_up(sink);
        self.sctp.expire(self.now, sink);
        let mut unwrapped = hep::Unwrapped { sink, streams: &mut self.hep, max_inflated: self.max_inflated };
        self.tcp.expire(self.last, self.now, &mut self.corrections, &mut unwrapped);

        let missing = packet.orig_len.saturating_sub(u32::try_from(data.len()).unwrap_or(u32::MAX));
        let cursor = Cursor { bytes: data, offset, missing, open: false };
        let given = self.link_types.iter().find(|(link, _)| *link == packet.link);
        let link = given.map_or(packet.link, |&(_, link)| link);
        let disposition = self
            .media(link, cursor, sink)
            .unwrap_or_else(|| self.walk(NextHeader::Link(link, cursor), &mut Origin::packet(self.last), 0, sink));
        // Groups that this packet pushed over a limit.
        self.deliver_given_up(sink);
        self.tell_undecoded(disposition, data, sink);
        disposition
    }

    /// Reports, once for each kind of packet that is not decoded, that SIP text lies in one.
    #[inline]
    fn tell_undecoded(&mut self, disposition: Disposition, data: &[u8], sink: &mut impl Sink) {
        if disposition.is_undecoded()
            && !self.undecoded.contains(&disposition)
            && self.undecoded.len() < MAX_UNDECODED
            && has_sip_text(data)
        {
            self.undecoded.push(disposition);
            let detail = format!("SIP text lies in packets of {}, which is not decoded", disposition.undecoded());
            report(sink, Code::SipTextUndecoded, disposition.layer, self.last, detail);
        }
    }

    /// How the dispositions said so far are to be corrected, as far as that is known.
    pub fn corrections(&mut self) -> Vec<Correction> {
        self.corrections.take()
    }

    /// The capture point ended: delivers what is held as far as it goes, ends every stream, and returns how the dispositions
    /// said so far are to be corrected: `packets` of them move from one disposition to another.
    pub fn finish<S: Sink>(&mut self, sink: &mut S) -> Vec<Correction> {
        // What is given up may hold fragments itself: a tunnel in fragments.
        while self.fragments.finish() {
            self.deliver_given_up(sink);
        }
        self.sctp.finish(sink);
        let mut unwrapped = hep::Unwrapped { sink, streams: &mut self.hep, max_inflated: self.max_inflated };
        self.tcp.finish(self.last, self.now, &mut self.corrections, &mut unwrapped);
        for (dst, spi, at) in self.esp.refused() {
            let detail = format!("SPI 0x{spi:08x} to {dst}: the keys that are there fit none of its packets");
            report(sink, Code::EspKeyWrong, ESP.layer, at, detail);
        }
        self.corrections.take()
    }

    /// SPIs of associations with packets that could not be read, and whether keys were tried on them in vain.
    pub fn closed(&self) -> impl Iterator<Item = (u32, bool)> {
        self.esp.closed()
    }

    /// Delivers a packet of media, or one with text, without the walk, which would say the same of it.
    #[inline]
    fn media(&self, link: u16, cursor: Cursor<'_>, sink: &mut impl Sink) -> Option<Disposition> {
        if link != linktype::ETHERNET || self.max_layers < media::LAYERS {
            return None;
        }
        let (ip, header) = media::datagram(cursor)?;
        let udp::Header { src_port, dst_port, payload, .. } = header;
        let is_tunnel =
            src_port == esp::NAT_PORT || dst_port == esp::NAT_PORT || self.tunnels.is_on(src_port, dst_port);
        let at = Stamp { offset: payload.offset, ..self.last };
        let flow = Flow { protocol: Protocol::Udp, src: ip.src, dst: ip.dst, src_port, dst_port };
        let place = Place { ident: ip.ident, dscp: ip.dscp, first: at, last: at, encapsulation: &Encapsulation::PLAIN };
        (!is_tunnel).then(|| deliver_at(flow, payload, Layer::UDP, &place, sink))
    }

    /// Walks up the layers: each header says which one is next.
    fn walk<S: Sink>(
        &mut self,
        mut next: NextHeader<'_>,
        origin: &mut Origin,
        mut depth: u8,
        sink: &mut S,
    ) -> Disposition {
        loop {
            if depth >= self.max_layers {
                let detail = format!("more than {} headers in one packet", self.max_layers);
                report(sink, Code::LayerLimit, Layer::IP, origin.last, detail);
                return Disposition::new(Layer::IP, Reason::TooDeep);
            }
            depth += 1;
            next = match self.step(next, depth, origin, sink) {
                Ok(next) => next,
                Err(disposition) => return disposition,
            };
        }
    }

    /// Reads one header; `Err` says where the packet ends.
    #[inline]
    fn step<'a, S: Sink>(
        &mut self,
        next: NextHeader<'a>,
        depth: u8,
        origin: &mut Origin,
        sink: &mut S,
    ) -> Result<NextHeader<'a>, Disposition> {
        match next {
            NextHeader::Ipv4(cursor) => {
                let ip::Header { ip, protocol, fragment, payload: cursor, .. } =
                    self.ip(ip::ipv4(cursor), origin, sink)?;
                let Some(fragment) = fragment else { return Ok(NextHeader::Protocol(protocol, ip, cursor)) };
                Err(self.fragment(&Incoming { ip, protocol, fragment, cursor, depth }, origin, sink))
            }
            NextHeader::Ipv6(cursor) => {
                let header = self.ip(ip::ipv6(cursor), origin, sink)?;
                Ok(NextHeader::Protocol(header.protocol, header.ip, header.payload))
            }
            NextHeader::Protocol(protocol, ip, cursor) => self.protocol(protocol, ip, cursor, depth, origin, sink),
            NextHeader::Link(link, cursor) => self.link(link, cursor, &mut origin.encapsulation, sink),
            NextHeader::Llc(cursor) => link::llc(cursor),
            NextHeader::Ethertype(ethertype, cursor) => self.ethertype(ethertype, cursor, origin, sink),
            NextHeader::Ppp(cursor) => tunnel::ppp(cursor).map_err(|ended| unreadable(ended, origin, sink)),
            NextHeader::Aggregate(cursor) => Err(self.aggregate(cursor, origin, depth, sink)),
            NextHeader::ExportedPdu(cursor) => self.exported(&exported_pdu::exported_pdu(cursor)?, depth, origin, sink),
        }
    }

    /// A PDU of any layer that Wireshark exported: HEP says what it is, bytes of TCP have their place in a connection, and UDP
    /// may hold a tunnel.
    fn exported<'a, S: Sink>(
        &mut self,
        pdu: &Exported<'a>,
        depth: u8,
        origin: &mut Origin,
        sink: &mut S,
    ) -> Result<NextHeader<'a>, Disposition> {
        let &Exported { flow, known_by, tcp, payload } = pdu;
        if let Some(place) = tcp {
            let mut unwrapped = hep::Unwrapped { sink, streams: &mut self.hep, max_inflated: self.max_inflated };
            return Err(self.tcp.exported(pdu, place, origin, self.now, &mut self.corrections, &mut unwrapped));
        }
        let ip = Ip { src: flow.src, dst: flow.dst, ident: 0, dscp: None };
        let (src_port, dst_port) = match known_by {
            // The ports of the packet inside.
            Some(port) if ![flow.src_port, flow.dst_port].contains(&port) => (port, port),
            _ => (flow.src_port, flow.dst_port),
        };
        let header = udp::Header { src_port, dst_port, payload, exceeds: None };
        if flow.protocol == Protocol::Udp {
            if let Some(opened) = self.over_udp(&ip, &header, depth, origin, sink) {
                origin.exported = true;
                return opened;
            }
        } else if let Some(disposition) = self.hep(&ip, &header, origin, sink) {
            return Err(disposition);
        }
        Err(deliver(flow, payload, (0, None), Layer::EXPORTED_PDU, origin, sink))
    }

    fn ethertype<'a>(
        &self,
        ethertype: u16,
        cursor: Cursor<'a>,
        origin: &mut Origin,
        sink: &mut impl Sink,
    ) -> Result<NextHeader<'a>, Disposition> {
        if let Some(next) = link::ethertype(ethertype, cursor, &mut origin.encapsulation) {
            return next;
        }
        let Some((layer, open)) = self.tunnels.ethertype(ethertype) else {
            return Err(Disposition::new(Layer::LINK, Reason::Ethertype(ethertype)));
        };
        let opened = open(cursor, &mut origin.encapsulation);
        inside(opened, layer, cursor, origin, sink)
    }

    /// A transport, a fragment, an extension header, IPsec, or a tunnel.
    fn protocol<'a, S: Sink>(
        &mut self,
        protocol: u8,
        ip: Ip,
        cursor: Cursor<'a>,
        depth: u8,
        origin: &mut Origin,
        sink: &mut S,
    ) -> Result<NextHeader<'a>, Disposition> {
        let v6 = ip.src.is_ipv6();
        match protocol {
            17 => {
                let header = udp_header(cursor, origin, sink)?;
                let tunnel = self.over_udp(&ip, &header, depth, origin, sink);
                tunnel.unwrap_or_else(|| Err(deliver_udp(&ip, &header, origin, sink)))
            }
            6 => {
                let mut unwrapped = hep::Unwrapped { sink, streams: &mut self.hep, max_inflated: self.max_inflated };
                Err(self.tcp.packet(ip, cursor, origin, self.now, &mut self.corrections, &mut unwrapped))
            }
            136 => Err(deliver_udp(&ip, &udp::lite(cursor)?, origin, sink)),
            132 => Err(self.sctp.packet(ip, cursor, origin, self.now, sink)),
            1 if !v6 => Err(icmp(icmp::v4(cursor), cursor, origin, sink)),
            58 if v6 => Err(icmp(icmp::v6(cursor), cursor, origin, sink)),
            44 if v6 => {
                let ip::FragmentHeader { next: protocol, ident, fragment, payload: cursor } =
                    ip::fragment_header(cursor)?;
                let ip = Ip { ident, ..ip };
                let Some(fragment) = fragment else { return Ok(NextHeader::Protocol(protocol, ip, cursor)) };
                Err(self.fragment(&Incoming { ip, protocol, fragment, cursor, depth }, origin, sink))
            }
            // Hop-by-hop, routing, destination, mobility (RFC 6275), HIP, shim6 headers.
            0 | 43 | 60 | 135 | 139 | 140 if v6 => {
                ip::extension(cursor).map(|(next, cursor)| NextHeader::Protocol(next, ip, cursor))
            }
            59 if v6 => Err(Disposition::new(Layer::IP, Reason::NoNextHeader)),
            // A dummy packet, behind ESP.
            59 => Err(Disposition::new(ESP.layer, Reason::NoPayload)),
            50 => self.esp_over_ip(ip, cursor, depth, origin, sink),
            108 => match ipcomp::decompressed(cursor, self.max_inflated) {
                // Where the bytes of what it holds lay in the file nobody can say: at its own beginning.
                Some((next, plain)) => {
                    origin.encapsulation.enter(ipcomp::IPCOMP.layer);
                    let cursor = Cursor { bytes: &plain, ..cursor };
                    Err(self.walk(NextHeader::Protocol(next, ip, cursor), origin, depth, sink))
                }
                None => Err(Disposition::new(Layer::IP, Reason::Protocol(108))),
            },
            other => {
                let Some((layer, open)) = self.tunnels.ip_protocol(other) else {
                    return Err(Disposition::new(Layer::IP, Reason::Protocol(other)));
                };
                let opened = open(cursor, &ip, &mut origin.encapsulation);
                inside(opened, layer, cursor, origin, sink)
            }
        }
    }

    fn esp_over_ip<'a>(
        &mut self,
        ip: Ip,
        cursor: Cursor<'a>,
        depth: u8,
        origin: &mut Origin,
        sink: &mut impl Sink,
    ) -> Result<NextHeader<'a>, Disposition> {
        let spi = esp::spi(cursor).ok_or_else(|| unreadable(cursor.short(ESP.layer), origin, sink))?;
        match self.esp(&ip, spi, cursor, origin, sink) {
            Opened::Clear(next, cursor) => Ok(NextHeader::Protocol(next, ip, cursor)),
            Opened::Decrypted(next, before, missing) => {
                Err(self.decrypted(next, ip, (cursor, before, missing), depth, origin, sink))
            }
            Opened::Closed => Err(self.esp.encrypted(&ip, spi, origin.packets)),
            Opened::Failed(ended) => Err(unreadable(ended, origin, sink)),
        }
    }

    fn esp<'a>(
        &mut self,
        ip: &Ip,
        spi: u32,
        cursor: Cursor<'a>,
        origin: &mut Origin,
        sink: &mut impl Sink,
    ) -> Opened<'a> {
        let packet = (cursor, origin.stamps(cursor.offset).1);
        let keys = (sink.keyring(), &mut self.plain);
        let opened = self.esp.open(ip, spi, packet, keys, &mut self.corrections);
        if let Some(count) = self.esp.take_forgotten() {
            let detail = format!("{count} security associations: one was forgotten");
            report(sink, Code::FlowLimit, ESP.layer, origin.last, detail);
        }
        if let Opened::Clear(..) | Opened::Decrypted(..) = opened {
            origin.encapsulation.enter(ESP.layer);
            origin.encapsulation.spi = Some(spi);
        }
        opened
    }

    /// Walks on in a packet that was decrypted: each of its bytes lies in the file where it is encrypted.
    fn decrypted(
        &mut self,
        next: u8,
        ip: Ip,
        (packet, before, missing): (Cursor<'_>, usize, u32),
        depth: u8,
        origin: &mut Origin,
        sink: &mut impl Sink,
    ) -> Disposition {
        let plain = std::mem::take(&mut self.plain);
        let cursor = Cursor { bytes: &plain, offset: packet.offset + before as u64, missing, open: false };
        let disposition = self.walk(NextHeader::Protocol(next, ip, cursor), origin, depth, sink);
        self.plain = plain;
        disposition
    }

    /// HEP by its bytes, else what a UDP port announces, where the bytes agree; `None` for a datagram that is no tunnel.
    fn over_udp<'a>(
        &mut self,
        ip: &Ip,
        header: &udp::Header<'a>,
        depth: u8,
        origin: &mut Origin,
        sink: &mut impl Sink,
    ) -> Option<Result<NextHeader<'a>, Disposition>> {
        let &udp::Header { src_port, dst_port, payload, .. } = header;
        if let Some(disposition) = self.hep(ip, header, origin, sink) {
            return Some(Err(disposition));
        }
        if let Some((layer, open)) = self.tunnels.udp(src_port, dst_port)
            && let Some(opened) = open(payload, ip, &mut origin.encapsulation)
        {
            return Some(inside(opened, layer, payload, origin, sink));
        }
        if src_port == esp::NAT_PORT || dst_port == esp::NAT_PORT {
            return self.esp_over_udp(ip, header, depth, origin, sink);
        }
        let opened = tunnel::bare_ip(payload, ip, &mut origin.encapsulation)?;
        Some(inside(opened, tunnel::IP_IN_UDP.layer, payload, origin, sink))
    }

    fn hep(&self, ip: &Ip, header: &udp::Header<'_>, origin: &Origin, sink: &mut impl Sink) -> Option<Disposition> {
        let on_port = header.src_port == hep::PORT || header.dst_port == hep::PORT;
        hep::hep(header.payload, ip, &hep::Around { origin, max_inflated: self.max_inflated, on_port }, sink)
    }

    /// ESP, IKE or a keep-alive (RFC 3948 §2).
    fn esp_over_udp<'a>(
        &mut self,
        ip: &Ip,
        header: &udp::Header<'a>,
        depth: u8,
        origin: &mut Origin,
        sink: &mut impl Sink,
    ) -> Option<Result<NextHeader<'a>, Disposition>> {
        let cursor = header.payload;
        let spi = match (cursor.bytes, esp::spi(cursor)) {
            ([0xFF], _) if cursor.missing == 0 => return Some(Err(Disposition::new(ESP.layer, Reason::KeepAlive))),
            (_, Some(0)) => return Some(Err(Disposition::new(Layer::UDP, Reason::NotSip("ike")))),
            (_, Some(spi)) => spi,
            _ => return None,
        };
        match self.esp(ip, spi, cursor, origin, sink) {
            Opened::Clear(next, cursor) => Some(Ok(NextHeader::Protocol(next, *ip, cursor))),
            Opened::Decrypted(next, before, missing) => {
                Some(Err(self.decrypted(next, *ip, (cursor, before, missing), depth, origin, sink)))
            }
            // Nothing but the port says that it is ESP: SIP is looked for.
            Opened::Closed => Some(Err(match deliver_udp(ip, header, origin, sink) {
                Disposition { reason: Reason::NotSip(_), .. } => self.esp.encrypted(ip, spi, origin.packets),
                other => other,
            })),
            Opened::Failed(_) => None,
        }
    }

    /// The frames of an A-MSDU. The ledger counts the packet for the first.
    fn aggregate<S: Sink>(&mut self, cursor: Cursor<'_>, origin: &Origin, depth: u8, sink: &mut S) -> Disposition {
        let (mut disposition, mut rest, mut packets) = (None, Some(cursor), origin.packets);
        while let Some(cursor) = rest {
            let found = match wlan::subframe(cursor) {
                Ok((frame, next)) => {
                    rest = next;
                    self.walk(NextHeader::Llc(frame), &mut Origin { packets, ..*origin }, depth, sink)
                }
                Err(disposition) => {
                    rest = None;
                    disposition
                }
            };
            packets = 0;
            disposition.get_or_insert(found);
        }
        disposition.unwrap_or(cursor.short(Layer::WLAN))
    }

    fn link<'a>(
        &mut self,
        link: u16,
        cursor: Cursor<'a>,
        encapsulation: &mut Encapsulation,
        sink: &mut impl Sink,
    ) -> Result<NextHeader<'a>, Disposition> {
        let step = link::link(link, cursor, encapsulation);
        if let Err(Disposition { reason: Reason::LinkType(_), .. }) = step
            && !self.unknown_links.contains(&link)
        {
            self.unknown_links.push(link);
            report(sink, Code::LinkTypeUnknown, Layer::LINK, self.last, link_types::what_to_do(link));
        }
        step
    }

    fn ip<'a>(
        &self,
        header: Result<ip::Header<'a>, Disposition>,
        origin: &Origin,
        sink: &mut impl Sink,
    ) -> Result<ip::Header<'a>, Disposition> {
        if let Ok(ip::Header { exceeds: Some(length), payload, .. }) = header {
            let detail = format!("the header claims {length} bytes of payload, the packet has {}", payload.bytes.len());
            report(sink, Code::IpLengthExceedsPacket, Layer::IP, origin.stamps(payload.offset).1, detail);
        }
        if let Ok(ip::Header { protocol: 6 | 17 | 44 | 136, .. }) = header
            && let Some(tunnel) = origin.exported_too()
        {
            return Err(Disposition::new(tunnel, Reason::Repeated));
        }
        header
    }

    fn fragment<S: Sink>(&mut self, incoming: &Incoming<'_>, origin: &Origin, sink: &mut S) -> Disposition {
        let (outcome, conflict) = self.fragments.insert(incoming, origin, self.now);
        let at = origin.stamps(incoming.cursor.offset).1;
        let place = || format!("identification {}, offset {}", incoming.ip.ident, incoming.fragment.offset);
        if conflict {
            report(sink, Code::IpFragmentOverlap, Layer::IP, at, format!("{}: other bytes than before", place()));
        }
        let disposition = |reason| Disposition::new(Layer::IP, reason);
        match outcome {
            Outcome::Held => FRAGMENT_HELD,
            Outcome::Repeated => disposition(Reason::FragmentRepeated),
            Outcome::Void => disposition(Reason::FragmentOverlap),
            Outcome::Invalid => {
                report(sink, Code::IpFragmentInvalid, Layer::IP, at, place());
                disposition(Reason::FragmentInvalid)
            }
            Outcome::Complete(datagram) => {
                let disposition = self.reassembled(&datagram, sink);
                self.corrections.add(FRAGMENT_HELD, disposition, datagram.held);
                disposition
            }
        }
    }

    /// Walks on where the fragments were joined.
    fn reassembled<S: Sink>(&mut self, datagram: &Reassembled, sink: &mut S) -> Disposition {
        for &cursor in &datagram.parts {
            sink.joined(datagram.origin.last, cursor);
        }
        let next = NextHeader::Protocol(datagram.protocol, datagram.ip, datagram.cursor());
        let mut origin = datagram.origin;
        self.walk(next, &mut origin, datagram.depth, sink)
    }

    /// Reports the datagrams that were given up, and delivers what lies in front of their first hole.
    fn deliver_given_up<S: Sink>(&mut self, sink: &mut S) {
        while let Some(GivenUp { why, first, held, have, end, datagram }) = self.fragments.given_up.pop_front() {
            let (code, reason) = match why {
                Why::Incomplete => (Code::IpFragmentIncomplete, Reason::FragmentIncomplete),
                Why::Limit => (Code::IpFragmentLimit, Reason::FragmentIncomplete),
                Why::Void => (Code::IpFragmentOverlap, Reason::FragmentOverlap),
            };
            let detail = match why {
                Why::Void => "IPv6 fragments overlap: the datagram is void".to_owned(),
                _ => format!("{have} of at least {end} bytes came"),
            };
            report(sink, code, Layer::IP, first, detail);
            let disposition = datagram.map(|datagram| self.reassembled(&datagram, sink));
            // A disposition that another correction will start from must stand; for the rest, that they are incomplete says more.
            let stands = |disposition: &Disposition| {
                let corrected =
                    matches!(disposition.reason, Reason::FragmentHeld | Reason::HeldOutOfOrder | Reason::Encrypted(_));
                disposition.layer == Layer::SIP || corrected
            };
            let disposition = disposition.filter(stands).unwrap_or(Disposition::new(Layer::IP, reason));
            self.corrections.add(FRAGMENT_HELD, disposition, held);
        }
    }
}

fn report(sink: &mut impl Sink, code: Code, layer: Layer, at: Stamp, detail: String) {
    sink.report(Problem { code, layer, file: at.file, frame: at.frame, offset: at.offset, detail });
}

/// The version of a start line or of a Via (RFC 3261 §25.1).
fn has_sip_text(data: &[u8]) -> bool {
    const VERSION: &[u8] = b"SIP/2.0";
    memchr::memmem::find(data, VERSION)
        .and_then(|at| data.get(at + VERSION.len()))
        .is_some_and(|next| matches!(next, b' ' | b'\r' | b'/'))
}

/// Reads a UDP header; a length in it that lies is reported.
fn udp_header<'a>(cursor: Cursor<'a>, origin: &Origin, sink: &mut impl Sink) -> Result<udp::Header<'a>, Disposition> {
    let header = udp::header(cursor);
    if let Ok(udp::Header { exceeds: Some(length), payload, .. }) = header {
        let detail = format!("the header claims {length} bytes of payload, the packet has {}", payload.bytes.len());
        report(sink, Code::UdpLengthExceedsPacket, Layer::UDP, origin.stamps(payload.offset).1, detail);
    }
    header
}

/// The payload of a UDP datagram goes to the sink.
fn deliver_udp(ip: &Ip, header: &udp::Header<'_>, origin: &Origin, sink: &mut impl Sink) -> Disposition {
    let &udp::Header { src_port, dst_port, payload, .. } = header;
    let flow = Flow { protocol: Protocol::Udp, src: ip.src, dst: ip.dst, src_port, dst_port };
    deliver(flow, payload, (ip.ident, ip.dscp), Layer::UDP, origin, sink)
}

fn deliver(
    flow: Flow,
    payload: Cursor<'_>,
    (ident, dscp): (u32, Option<u8>),
    layer: Layer,
    origin: &Origin,
    sink: &mut impl Sink,
) -> Disposition {
    let (first, last) = origin.stamps(payload.offset);
    let place = Place { ident, dscp, first, last, encapsulation: &origin.encapsulation };
    deliver_at(flow, payload, layer, &place, sink)
}

/// Where a payload was found.
struct Place<'a> {
    ident: u32,
    dscp: Option<u8>,
    first: Stamp,
    last: Stamp,
    encapsulation: &'a Encapsulation,
}

#[inline]
fn deliver_at(
    flow: Flow,
    Cursor { bytes, missing, .. }: Cursor<'_>,
    layer: Layer,
    &Place { ident, dscp, first, last, encapsulation }: &Place<'_>,
    sink: &mut impl Sink,
) -> Disposition {
    if bytes.is_empty() {
        return Disposition::new(layer, if missing > 0 { Reason::Cut } else { Reason::NoPayload });
    }
    let class = sink.datagram(Datagram { flow, bytes, first, last, ident, dscp, missing, encapsulation, report: None });
    Disposition::of(class, layer)
}

/// The header behind that of a tunnel; one that cannot be, or a length in it that lies, is reported.
fn inside<'a>(
    opened: Result<Inner<'a>, Disposition>,
    layer: Layer,
    header: Cursor<'_>,
    origin: &Origin,
    sink: &mut impl Sink,
) -> Result<NextHeader<'a>, Disposition> {
    let Inner { next, exceeds } = opened.map_err(|ended| unreadable(ended, origin, sink))?;
    if let Some(length) = exceeds {
        let detail = format!("the header claims {length} bytes, the packet has {} from it on", header.wire_len());
        report(sink, Code::TunnelLengthExceedsPacket, layer, origin.stamps(header.offset).1, detail);
    }
    Ok(next)
}

/// Reports the header of a tunnel that cannot be.
fn unreadable(ended: Disposition, origin: &Origin, sink: &mut impl Sink) -> Disposition {
    if ended.reason == Reason::Malformed {
        let detail = format!("the {} header cannot be read", ended.layer.as_str());
        report(sink, Code::TunnelHeaderMalformed, ended.layer, origin.last, detail);
    }
    ended
}

fn icmp(message: Option<icmp::Message>, cursor: Cursor<'_>, origin: &Origin, sink: &mut impl Sink) -> Disposition {
    match message {
        None => cursor.short(Layer::ICMP),
        Some(icmp::Message::Informational) => Disposition::new(Layer::ICMP, Reason::Informational),
        Some(icmp::Message::Error(kind, code, quoted)) => {
            if let Some(flow) = quoted {
                sink.failure(flow, Failure::IcmpUnreachable(kind, code), origin.stamps(cursor.offset).1);
            }
            Disposition::new(Layer::ICMP, Reason::Error)
        }
    }
}
