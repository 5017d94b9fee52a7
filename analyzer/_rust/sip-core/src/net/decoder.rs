//! The walk of a packet up its layers, and the state of one capture point.

use super::fate::{Correction, Corrections, Fate, Reason};
use super::fragment::{Datagram, Fragments, GivenUp, Incoming, Outcome, Why};
use super::ip::{self, Ip};
use super::link;
use super::part::{Origin, Part};
use super::sctp::Sctp;
use super::tcp::Tcp;
use super::{Failure, Flow, Protocol, Sink, Unit, icmp, udp};
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
    unknown_links: Vec<u16>,
    fragments: Fragments,
    tcp: Tcp,
    sctp: Sctp,
    corrections: Corrections,
}

impl Decoder {
    pub fn new(limits: &Limits) -> Self {
        Self {
            max_layers: limits.max_layers,
            now: 0,
            last: Stamp { time: NO_TIME, file: 0, frame: 0, offset: 0 },
            unknown_links: Vec::new(),
            fragments: Fragments::new(limits),
            tcp: Tcp::new(limits),
            sctp: Sctp::new(limits),
            corrections: Corrections::default(),
        }
    }

    /// Decodes one packet of the file with this index: calls `sink`, and returns where the packet went.
    pub fn packet<S: Sink>(&mut self, file: u32, packet: &Packet<'_>, sink: &mut S) -> Fate {
        let Packet { frame, offset, data, .. } = *packet;
        self.now = packet.time.unwrap_or(self.now);
        self.last = Stamp { time: packet.time.unwrap_or(NO_TIME), file, frame, offset };
        self.fragments.expire(self.now);
        self.deliver_given_up(sink);
        self.sctp.expire(self.now, sink);
        self.tcp.expire(self.last, self.now, &mut self.corrections, sink);

        let missing = packet.orig_len.saturating_sub(u32::try_from(data.len()).unwrap_or(u32::MAX));
        let part = Part { bytes: data, offset, missing, open: false };
        let fate = self.walk(Step::Link(packet.link, part), &Origin::packet(self.last), 0, sink);
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
        self.tcp.finish(self.last, self.now, &mut self.corrections, sink);
        self.corrections.take()
    }

    /// Walks up the layers: each header says which one is next. A new tunnel is a module that reads its header and
    /// answers with the next step: by ethertype in [`link::ethertype`], by IP protocol here, by UDP port in `udp`.
    fn walk<S: Sink>(&mut self, mut step: Step<'_>, origin: &Origin, mut depth: u8, sink: &mut S) -> Fate {
        loop {
            if depth >= self.max_layers {
                let detail = format!("more than {} headers in one packet", self.max_layers);
                report(sink, Code::LayerLimit, Layer::Ip, origin.last, detail);
                return Fate::new(Layer::Ip, Reason::TooDeep);
            }
            depth += 1;
            let next = match step {
                Step::Link(link, part) => self.link(link, part, sink),
                Step::Llc(part) => link::llc(part),
                Step::Ethertype(ethertype, part) => link::ethertype(ethertype, part),
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
                Step::Protocol(protocol, ip, part) => match (protocol, ip.src.is_ipv6()) {
                    // Hop-by-hop, routing, destination, mobility (RFC 6275), HIP, shim6 headers.
                    (0 | 43 | 60 | 135 | 139 | 140, true) => {
                        ip::extension(part).map(|(next, part)| Step::Protocol(next, ip, part))
                    }
                    (44, true) => match ip::fragment_header(part) {
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
                    (59, true) => Err(Fate::new(Layer::Ip, Reason::NoNextHeader)),
                    (51, _) => ip::authentication(part).map(|(next, part)| Step::Protocol(next, ip, part)),
                    (6, _) => return self.tcp.packet(ip, part, origin, self.now, &mut self.corrections, sink),
                    (17, _) => return udp(ip, part, origin, sink),
                    (132, _) => return self.sctp.packet(ip, part, origin, self.now, sink),
                    (1, false) => return icmp(icmp::v4(part), part, origin, sink),
                    (58, true) => return icmp(icmp::v6(part), part, origin, sink),
                    (other, _) => Err(Fate::new(Layer::Ip, Reason::Protocol(other))),
                },
            };
            step = match next {
                Ok(step) => step,
                Err(fate) => return fate,
            };
        }
    }

    fn link<'a>(&mut self, link: u16, part: Part<'a>, sink: &mut impl Sink) -> Result<Step<'a>, Fate> {
        let step = link::link(link, part);
        if let Err(Fate { reason: Reason::LinkType(_), .. }) = step
            && !self.unknown_links.contains(&link)
        {
            self.unknown_links.push(link);
            let detail = format!("LINKTYPE_ {link} is not decoded; its packets are counted");
            report(sink, Code::LinkTypeUnknown, Layer::Link, self.last, detail);
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

    /// Goes on with a datagram that was put together.
    fn datagram<S: Sink>(&mut self, datagram: &Datagram, sink: &mut S) -> Fate {
        for &part in &datagram.parts {
            sink.joined(datagram.origin.last, part);
        }
        let step = Step::Protocol(datagram.protocol, datagram.ip, datagram.part());
        self.walk(step, &datagram.origin, datagram.depth, sink)
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
                fate.layer == Layer::Sip || matches!(fate.reason, Reason::FragmentHeld | Reason::HeldOutOfOrder)
            };
            let fate = fate.filter(stands).unwrap_or(Fate::new(Layer::Ip, reason));
            self.corrections.add(FRAGMENT_HELD, fate, held);
        }
    }
}

fn report(sink: &mut impl Sink, code: Code, layer: Layer, at: Stamp, detail: String) {
    sink.report(Problem { code, layer, file: at.file, frame: at.frame, offset: at.offset, detail });
}

/// The payload of a UDP datagram goes to the sink. Here a tunnel over UDP is told by its port, before that.
fn udp(ip: Ip, part: Part<'_>, origin: &Origin, sink: &mut impl Sink) -> Fate {
    let udp::Datagram { src_port, dst_port, payload, exceeds } = match udp::datagram(part) {
        Ok(datagram) => datagram,
        Err(fate) => return fate,
    };
    let (first, last) = origin.stamps(payload.offset);
    if let Some(length) = exceeds {
        let detail = format!("the header claims {length} bytes of payload, the packet has {}", payload.bytes.len());
        report(sink, Code::UdpLengthExceedsPacket, Layer::Udp, last, detail);
    }
    let Part { bytes, missing, .. } = payload;
    if bytes.is_empty() {
        return Fate::new(Layer::Udp, if missing > 0 { Reason::Cut } else { Reason::NoPayload });
    }
    let flow = Flow { protocol: Protocol::Udp, src: ip.src, dst: ip.dst, src_port, dst_port };
    Fate::of(sink.unit(Unit { flow, bytes, first, last, ident: ip.ident, missing }), Layer::Udp)
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
