//! The walk of a packet up its layers, and the state of one capture point.

use super::carriage::Carriage;
use super::esp::{self, Esp, Opened};
use super::fate::{Correction, Corrections, Fate, Reason};
use super::fragment::{Datagram, Fragments, GivenUp, Incoming, Outcome, Why};
use super::inner::Inner;
use super::ip::{self, Ip};
use super::link;
use super::part::{Origin, Part};
use super::sctp::Sctp;
use super::tcp::Tcp;
use super::{Failure, Flow, Protocol, Sink, Unit, exported_pdu, gre, gtpu, hep, icmp, overlay, ppp, udp, wlan};
use crate::limits::Limits;
use crate::packet::{NO_TIME, Packet, Stamp};
use crate::problem::{Code, Layer, Problem};

/// The next header of a packet, and the bytes it begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// Of a LINKTYPE_ number.
    Link(u16, Part<'a>),
    Llc(Part<'a>),
    Ethertype(u16, Part<'a>),
    Ipv4(Part<'a>),
    Ipv6(Part<'a>),
    /// Of an IP protocol number, which in IPv6 may be that of an extension header.
    Protocol(u8, Ip, Part<'a>),
    Ppp(Part<'a>),
    /// The frames of an 802.11 A-MSDU.
    Aggregate(Part<'a>),
    ExportedPdu(Part<'a>),
}

const FRAGMENT_HELD: Fate = Fate::new(Layer::Ip, Reason::FragmentHeld);

/// Decodes the packets of one capture point, in the order of the capture: fragments and flows are kept here.
///
/// It does no I/O. Packets go in; payloads, gaps, failures and problems come out of a [`Sink`], and for each packet its
/// [`Fate`], so that a ledger of fates adds up to the packets.
///
/// ```
/// use sip_core::{limits::Limits, net::{Decoder, Failure, Flow, Segment, Sink, StreamEnd, StreamId, Unit, Verdict}};
/// use sip_core::{packet::{Packet, Stamp}, problem::{Problem, Problems}};
///
/// struct Count(usize);
/// impl Problems for Count {
///     fn report(&mut self, _: Problem) {}
/// }
/// impl Sink for Count {
///     fn unit(&mut self, unit: Unit<'_>) -> Verdict {
///         self.0 += unit.bytes.len();
///         Verdict::Other("")
///     }
///     fn segment(&mut self, _: Segment<'_>) -> Verdict { Verdict::Other("") }
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
    esp: Esp,
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
            esp: Esp::new(limits),
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
    pub fn packet<S: Sink>(&mut self, file: u32, packet: &Packet<'_>, sink: &mut S) -> Fate {
        let Packet { frame, offset, data, .. } = *packet;
        self.now = packet.time.unwrap_or(self.now);
        self.last = Stamp { time: packet.time.unwrap_or(NO_TIME), file, frame, offset };
        self.fragments.expire(self.now);
        self.deliver_given_up(sink);
        self.sctp.expire(self.now, sink);
        let mut unwrapped = hep::Unwrapped { sink, streams: &mut self.hep, max_inflated: self.max_inflated };
        self.tcp.expire(self.last, self.now, &mut self.corrections, &mut unwrapped);

        let missing = packet.orig_len.saturating_sub(u32::try_from(data.len()).unwrap_or(u32::MAX));
        let part = Part { bytes: data, offset, missing, open: false };
        let given = self.link_types.iter().find(|(link, _)| *link == packet.link);
        let link = given.map_or(packet.link, |&(_, link)| link);
        let fate = self.walk(Step::Link(link, part), &mut Origin::packet(self.last), 0, sink);
        // Groups that this packet pushed over a limit.
        self.deliver_given_up(sink);
        fate
    }

    /// The capture point ended: delivers what is held as far as it goes, ends every stream, and returns how the fates
    /// said so far are to be corrected: `packets` of them move from one fate to another.
    pub fn finish<S: Sink>(&mut self, sink: &mut S) -> Vec<Correction> {
        // What is given up may hold fragments itself: a tunnel in fragments.
        while self.fragments.finish() {
            self.deliver_given_up(sink);
        }
        self.sctp.finish(sink);
        let mut unwrapped = hep::Unwrapped { sink, streams: &mut self.hep, max_inflated: self.max_inflated };
        self.tcp.finish(self.last, self.now, &mut self.corrections, &mut unwrapped);
        self.corrections.take()
    }

    /// Walks up the layers: each header says which one is next. A tunnel is a module that reads its header, notes in the
    /// carriage what it was, and answers with the next step: by ethertype in [`link::ethertype`], by IP protocol in
    /// [`Self::protocol`], by UDP port in [`over_udp`].
    fn walk<S: Sink>(&mut self, mut step: Step<'_>, origin: &mut Origin, mut depth: u8, sink: &mut S) -> Fate {
        loop {
            if depth >= self.max_layers {
                let detail = format!("more than {} headers in one packet", self.max_layers);
                report(sink, Code::LayerLimit, Layer::Ip, origin.last, detail);
                return Fate::new(Layer::Ip, Reason::TooDeep);
            }
            depth += 1;
            let next = match step {
                Step::Ipv4(part) => match self.ip(ip::ipv4(part), origin, sink) {
                    Ok(header) => match header.fragment {
                        None => Ok(Step::Protocol(header.protocol, header.ip, header.payload)),
                        Some(fragment) => {
                            let ip::Header { ip, protocol, payload: part, .. } = header;
                            return self.fragment(&Incoming { ip, protocol, fragment, part, depth }, origin, sink);
                        }
                    },
                    Err(fate) => Err(fate),
                },
                Step::Ipv6(part) => self
                    .ip(ip::ipv6(part), origin, sink)
                    .map(|header| Step::Protocol(header.protocol, header.ip, header.payload)),
                Step::Protocol(17, ip, part) => match datagram(part, origin, sink) {
                    Ok(datagram) => match self.over_udp(&ip, &datagram, origin, sink) {
                        None => return deliver(&ip, &datagram, origin, sink),
                        Some(next) => next,
                    },
                    Err(fate) => Err(fate),
                },
                Step::Protocol(6, ip, part) => {
                    let mut unwrapped =
                        hep::Unwrapped { sink, streams: &mut self.hep, max_inflated: self.max_inflated };
                    return self.tcp.packet(ip, part, origin, self.now, &mut self.corrections, &mut unwrapped);
                }
                Step::Protocol(132, ip, part) => return self.sctp.packet(ip, part, origin, self.now, sink),
                Step::Protocol(44, ip, part) if ip.src.is_ipv6() => match ip::fragment_header(part) {
                    Err(fate) => Err(fate),
                    Ok(header) => {
                        let ip = Ip { ident: header.ident, ..ip };
                        let ip::FragmentHeader { next: protocol, fragment, payload: part, .. } = header;
                        match fragment {
                            None => Ok(Step::Protocol(protocol, ip, part)),
                            Some(fragment) => {
                                let incoming = Incoming { ip, protocol, fragment, part, depth };
                                return self.fragment(&incoming, origin, sink);
                            }
                        }
                    }
                },
                Step::Protocol(1, ip, part) if ip.src.is_ipv4() => return icmp(icmp::v4(part), part, origin, sink),
                Step::Protocol(58, ip, part) if ip.src.is_ipv6() => return icmp(icmp::v6(part), part, origin, sink),
                Step::Protocol(protocol, ip, part) => self.protocol(protocol, ip, part, origin, sink),
                Step::Link(link, part) => self.link(link, part, &mut origin.carriage, sink),
                Step::Llc(part) => link::llc(part),
                Step::Ethertype(0x8864, part) => {
                    let opened = ppp::pppoe(part, &mut origin.carriage);
                    opened.map(|inner| self::inner(inner, Layer::Pppoe, part, origin, sink))
                }
                Step::Ethertype(ethertype, part) => link::ethertype(ethertype, part, &mut origin.carriage),
                Step::Ppp(part) => ppp::ppp(part),
                Step::Aggregate(part) => return self.aggregate(part, origin, depth, sink),
                Step::ExportedPdu(part) => match exported_pdu::exported_pdu(part) {
                    Ok((flow, payload)) => return unit(flow, payload, 0, Layer::ExportedPdu, origin, sink),
                    Err(fate) => Err(fate),
                },
            };
            step = match next {
                Ok(step) => step,
                Err(fate) => {
                    if fate.reason == Reason::Malformed && fate.layer.is_tunnel() {
                        let detail = format!("the {} header cannot be read", fate.layer.as_str());
                        report(sink, Code::TunnelHeaderMalformed, fate.layer, origin.last, detail);
                    }
                    return fate;
                }
            };
        }
    }

    /// What an IP protocol number announces, other than a transport: extension headers, tunnels, IPsec.
    fn protocol<'a>(
        &mut self,
        protocol: u8,
        ip: Ip,
        part: Part<'a>,
        origin: &mut Origin,
        sink: &mut impl Sink,
    ) -> Result<Step<'a>, Fate> {
        let v6 = ip.src.is_ipv6();
        match protocol {
            // Hop-by-hop, routing, destination, mobility (RFC 6275), HIP, shim6 headers.
            0 | 43 | 60 | 135 | 139 | 140 if v6 => {
                ip::extension(part).map(|(next, part)| Step::Protocol(next, ip, part))
            }
            59 if v6 => Err(Fate::new(Layer::Ip, Reason::NoNextHeader)),
            // A dummy packet, behind ESP.
            59 => Err(Fate::new(Layer::Esp, Reason::NoPayload)),
            4 => {
                origin.carriage.enter_over(&ip, if v6 { Layer::FourInSix } else { Layer::Ipip });
                Ok(Step::Ipv4(part))
            }
            41 => {
                origin.carriage.enter_over(&ip, if v6 { Layer::SixInSix } else { Layer::SixInFour });
                Ok(Step::Ipv6(part))
            }
            47 => gre::gre(part, &ip, &mut origin.carriage),
            50 => {
                let spi = esp::spi(part).ok_or(part.short(Layer::Esp))?;
                match self.esp(&ip, spi, part, origin, sink) {
                    Opened::Clear(next, part) => Ok(Step::Protocol(next, ip, part)),
                    Opened::Closed => Err(self.esp.encrypted(&ip, spi, origin.packets)),
                    Opened::Failed(fate) => Err(fate),
                }
            }
            51 => {
                let ip::Authentication { next, spi, payload } = ip::authentication(part)?;
                origin.carriage.enter(Layer::Ah);
                origin.carriage.spi = Some(spi);
                Ok(Step::Protocol(next, ip, payload))
            }
            97 => overlay::etherip(part, &ip, &mut origin.carriage),
            // MPLS in IP (RFC 4023).
            137 => {
                origin.carriage.leave(&ip);
                Ok(Step::Ethertype(0x8847, part))
            }
            other => Err(Fate::new(Layer::Ip, Reason::Protocol(other))),
        }
    }

    fn esp<'a>(&mut self, ip: &Ip, spi: u32, part: Part<'a>, origin: &mut Origin, sink: &mut impl Sink) -> Opened<'a> {
        let opened = self.esp.open(ip, spi, part, &mut self.corrections);
        if let Some(count) = self.esp.take_forgotten() {
            let detail = format!("{count} security associations: one was forgotten");
            report(sink, Code::FlowLimit, Layer::Esp, origin.last, detail);
        }
        if let Opened::Clear(..) = opened {
            origin.carriage.enter(Layer::Esp);
            origin.carriage.spi = Some(spi);
        }
        opened
    }

    /// HEP by its bytes, else what a UDP port announces, where the bytes agree; `None` for a datagram that is no tunnel.
    fn over_udp<'a>(
        &mut self,
        ip: &Ip,
        datagram: &udp::Datagram<'a>,
        origin: &mut Origin,
        sink: &mut impl Sink,
    ) -> Option<Result<Step<'a>, Fate>> {
        let &udp::Datagram { src_port, dst_port, payload, .. } = datagram;
        let on_port = src_port == hep::PORT || dst_port == hep::PORT;
        let around = hep::Around { origin, max_inflated: self.max_inflated, on_port };
        if let Some(fate) = hep::hep(payload, ip, &around, sink) {
            return Some(Err(fate));
        }
        let carriage = &mut origin.carriage;
        let (layer, opened) = match (src_port, dst_port) {
            (gtpu::PORT, _) | (_, gtpu::PORT) => (Layer::Gtpu, gtpu::gtpu(payload, ip, carriage)?),
            (ppp::L2TP_PORT, _) | (_, ppp::L2TP_PORT) => (Layer::L2tp, ppp::l2tp(payload, ip, carriage)?),
            (_, overlay::VXLAN_PORT | overlay::VXLAN_OLD_PORT | overlay::VXLAN_GPE_PORT) => {
                return overlay::vxlan(payload, ip, carriage);
            }
            (_, overlay::GENEVE_PORT) => return overlay::geneve(payload, ip, carriage),
            (_, overlay::TZSP_PORT) => return overlay::tzsp(payload, ip, carriage),
            (esp::NAT_PORT, _) | (_, esp::NAT_PORT) => return self.esp_over_udp(ip, datagram, origin, sink),
            _ => return None,
        };
        Some(opened.map(|opened| inner(opened, layer, payload, origin, sink)))
    }

    /// ESP, IKE or a keep-alive (RFC 3948 §2).
    fn esp_over_udp<'a>(
        &mut self,
        ip: &Ip,
        datagram: &udp::Datagram<'a>,
        origin: &mut Origin,
        sink: &mut impl Sink,
    ) -> Option<Result<Step<'a>, Fate>> {
        let part = datagram.payload;
        let spi = match (part.bytes, esp::spi(part)) {
            ([0xFF], _) if part.missing == 0 => return Some(Err(Fate::new(Layer::Esp, Reason::KeepAlive))),
            (_, Some(0)) => return Some(Err(Fate::new(Layer::Udp, Reason::NotSip("ike")))),
            (_, Some(spi)) => spi,
            _ => return None,
        };
        match self.esp(ip, spi, part, origin, sink) {
            Opened::Clear(next, part) => Some(Ok(Step::Protocol(next, *ip, part))),
            // Nothing but the port says that it is ESP: SIP is looked for.
            Opened::Closed => Some(Err(match deliver(ip, datagram, origin, sink) {
                Fate { reason: Reason::NotSip(_), .. } => self.esp.encrypted(ip, spi, origin.packets),
                other => other,
            })),
            Opened::Failed(_) => None,
        }
    }

    /// The frames of an A-MSDU. The ledger counts the packet for the first.
    fn aggregate<S: Sink>(&mut self, part: Part<'_>, origin: &Origin, depth: u8, sink: &mut S) -> Fate {
        let (mut fate, mut rest, mut packets) = (None, Some(part), origin.packets);
        while let Some(part) = rest {
            let found = match wlan::subframe(part) {
                Ok((frame, next)) => {
                    rest = next;
                    self.walk(Step::Llc(frame), &mut Origin { packets, ..*origin }, depth, sink)
                }
                Err(fate) => {
                    rest = None;
                    fate
                }
            };
            packets = 0;
            fate.get_or_insert(found);
        }
        fate.unwrap_or(part.short(Layer::Wlan))
    }

    fn link<'a>(
        &mut self,
        link: u16,
        part: Part<'a>,
        carriage: &mut Carriage,
        sink: &mut impl Sink,
    ) -> Result<Step<'a>, Fate> {
        let step = link::link(link, part, carriage);
        if let Err(Fate { reason: Reason::LinkType(_), .. }) = step
            && !self.unknown_links.contains(&link)
        {
            self.unknown_links.push(link);
            report(sink, Code::LinkTypeUnknown, Layer::Link, self.last, link::what_to_do(link));
        }
        step
    }

    fn ip<'a>(
        &self,
        header: Result<ip::Header<'a>, Fate>,
        origin: &Origin,
        sink: &mut impl Sink,
    ) -> Result<ip::Header<'a>, Fate> {
        if let Ok(ip::Header { exceeds: Some(length), payload, .. }) = header {
            let detail = format!("the header claims {length} bytes of payload, the packet has {}", payload.bytes.len());
            report(sink, Code::IpLengthExceedsPacket, Layer::Ip, origin.stamps(payload.offset).1, detail);
        }
        header
    }

    fn fragment<S: Sink>(&mut self, incoming: &Incoming<'_>, origin: &Origin, sink: &mut S) -> Fate {
        let (outcome, conflict) = self.fragments.insert(incoming, origin, self.now);
        let at = origin.stamps(incoming.part.offset).1;
        let place = || format!("identification {}, offset {}", incoming.ip.ident, incoming.fragment.offset);
        if conflict {
            report(sink, Code::IpFragmentOverlap, Layer::Ip, at, format!("{}: other bytes than before", place()));
        }
        let fate = |reason| Fate::new(Layer::Ip, reason);
        match outcome {
            Outcome::Held => FRAGMENT_HELD,
            Outcome::Repeated => fate(Reason::FragmentRepeated),
            Outcome::Void => fate(Reason::FragmentOverlap),
            Outcome::Invalid => {
                report(sink, Code::IpFragmentInvalid, Layer::Ip, at, place());
                fate(Reason::FragmentInvalid)
            }
            Outcome::Complete(datagram) => {
                let fate = self.datagram(&datagram, sink);
                self.corrections.add(FRAGMENT_HELD, fate, datagram.held);
                fate
            }
        }
    }

    /// Walks on where the fragments were joined.
    fn datagram<S: Sink>(&mut self, datagram: &Datagram, sink: &mut S) -> Fate {
        for &part in &datagram.parts {
            sink.joined(datagram.origin.last, part);
        }
        let step = Step::Protocol(datagram.protocol, datagram.ip, datagram.part());
        let mut origin = datagram.origin;
        self.walk(step, &mut origin, datagram.depth, sink)
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
            report(sink, code, Layer::Ip, first, detail);
            let fate = datagram.map(|datagram| self.datagram(&datagram, sink));
            // A fate that another correction will start from must stand; for the rest, that they are incomplete says more.
            let stands = |fate: &Fate| {
                let corrected =
                    matches!(fate.reason, Reason::FragmentHeld | Reason::HeldOutOfOrder | Reason::Encrypted(_));
                fate.layer == Layer::Sip || corrected
            };
            let fate = fate.filter(stands).unwrap_or(Fate::new(Layer::Ip, reason));
            self.corrections.add(FRAGMENT_HELD, fate, held);
        }
    }
}

fn report(sink: &mut impl Sink, code: Code, layer: Layer, at: Stamp, detail: String) {
    sink.report(Problem { code, layer, file: at.file, frame: at.frame, offset: at.offset, detail });
}

/// Reads a UDP header; a length in it that lies is reported.
fn datagram<'a>(part: Part<'a>, origin: &Origin, sink: &mut impl Sink) -> Result<udp::Datagram<'a>, Fate> {
    let datagram = udp::datagram(part);
    if let Ok(udp::Datagram { exceeds: Some(length), payload, .. }) = datagram {
        let detail = format!("the header claims {length} bytes of payload, the packet has {}", payload.bytes.len());
        report(sink, Code::UdpLengthExceedsPacket, Layer::Udp, origin.stamps(payload.offset).1, detail);
    }
    datagram
}

/// The payload of a UDP datagram goes to the sink.
fn deliver(ip: &Ip, datagram: &udp::Datagram<'_>, origin: &Origin, sink: &mut impl Sink) -> Fate {
    let &udp::Datagram { src_port, dst_port, payload, .. } = datagram;
    let flow = Flow { protocol: Protocol::Udp, src: ip.src, dst: ip.dst, src_port, dst_port };
    unit(flow, payload, ip.ident, Layer::Udp, origin, sink)
}

fn unit(flow: Flow, payload: Part<'_>, ident: u32, layer: Layer, origin: &Origin, sink: &mut impl Sink) -> Fate {
    let Part { bytes, missing, offset, .. } = payload;
    if bytes.is_empty() {
        return Fate::new(layer, if missing > 0 { Reason::Cut } else { Reason::NoPayload });
    }
    let (first, last) = origin.stamps(offset);
    Fate::of(
        sink.unit(Unit { flow, bytes, first, last, ident, missing, carriage: &origin.carriage, report: None }),
        layer,
    )
}

/// The step behind a tunnel's header; a length in it that lies is reported.
fn inner<'a>(inner: Inner<'a>, layer: Layer, header: Part<'_>, origin: &Origin, sink: &mut impl Sink) -> Step<'a> {
    if let Some(length) = inner.exceeds {
        let detail = format!("the header claims {length} bytes, the packet has {} from it on", header.wire_len());
        report(sink, Code::TunnelLengthExceedsPacket, layer, origin.stamps(header.offset).1, detail);
    }
    inner.step
}

fn icmp(message: Option<icmp::Message>, part: Part<'_>, origin: &Origin, sink: &mut impl Sink) -> Fate {
    match message {
        None => part.short(Layer::Icmp),
        Some(icmp::Message::Informational) => Fate::new(Layer::Icmp, Reason::Informational),
        Some(icmp::Message::Error(kind, code, quoted)) => {
            if let Some(flow) = quoted {
                sink.failure(flow, Failure::IcmpUnreachable(kind, code), origin.stamps(part.offset).1);
            }
            Fate::new(Layer::Icmp, Reason::Error)
        }
    }
}
