//! Where the reader puts what it finds: messages into batches, the rest into lists.

use std::ops::Range;

use crossbeam_channel::{Receiver, Sender};
use hashbrown::{HashMap, HashSet};

use super::agreements::Agreements;
use super::compressed::Compressed;
use super::connections::Connections;
use super::ground::Ground;
use super::options::Secrets;
use super::stream::{Framer, Stream, Tls};
use super::trace::Trace;
use crate::hash::Keyed;
use crate::inflate::Trouble;
use crate::ipsec::Keyring;
use crate::layer::Layer;
use crate::limits::Limits;
use crate::media::{Received, Streams};
use crate::net::{
    self, Agent, Datagram, Encapsulation, Failure, Flow, HepReport, Protocol, Segment, Sink, StreamClass, StreamEnd,
    StreamId,
};
use crate::observation::{Agents, Batch, Clock, Seen};
use crate::packet::Stamp;
use crate::problem::{Code, Problem, Problems};
use crate::sigcomp;
use crate::sip::{Carrier, Detected, Flaws, Framed, StreamFramer, detect};
use crate::tables::small::ProblemLog;
use crate::tables::tls::Row;
use crate::tls::{Keys, Origin, Random};

/// What a reading looks at beside messages.
#[derive(Default)]
pub struct Also {
    /// Follows the packets of some messages, when they are to be exported.
    pub trace: Option<Trace>,
    pub media: Option<Streams>,
}

/// One for the whole scan, whatever the capture point.
pub struct Collector<'a> {
    pub problems: ProblemLog,
    pub failures: Vec<(Flow, Failure, Stamp)>,
    pub agents: Agents,
    /// What names rest on.
    pub ground: Ground,
    /// Keys of IPsec, and what they follow from.
    pub agreements: Agreements,
    /// What decompresses SigComp.
    pub compressed: Compressed,
    /// Keys of TLS, room for what is opened with them, and bytes that wait to be.
    pub keys: Keys,
    pub room: Vec<u8>,
    pub held: usize,
    /// TLS connections that ended.
    pub secured: Vec<Row>,
    /// Those that were seen before their keys, if any are to come.
    pub unopened: HashSet<Random>,
    pub limits: &'a Limits,
    batch: Batch,
    sent: usize,
    /// Messages found so far.
    pub messages: usize,
    /// What else is looked at.
    pub also: Also,
    clocks: &'a [Clock],
    send: Sender<(usize, Batch)>,
    recycled: Receiver<Batch>,
}

impl<'a> Collector<'a> {
    pub fn new(
        (limits, clocks): (&'a Limits, &'a [Clock]),
        Secrets { tls, ipsec }: Secrets,
        also: Also,
        send: Sender<(usize, Batch)>,
        recycled: Receiver<Batch>,
    ) -> Self {
        Self {
            agreements: Agreements::new(ipsec),
            keys: tls,
            room: Vec::new(),
            held: 0,
            secured: Vec::new(),
            unopened: HashSet::new(),
            problems: ProblemLog::new(limits.max_problems_per_code),
            failures: Vec::new(),
            agents: Agents::default(),
            ground: Ground::default(),
            compressed: Compressed::default(),
            limits,
            batch: Batch::default(),
            sent: 0,
            messages: 0,
            also,
            clocks,
            send,
            recycled,
        }
    }

    /// Batches go this way from now on.
    pub fn connect(&mut self, send: Sender<(usize, Batch)>, recycled: Receiver<Batch>) {
        (self.send, self.recycled) = (send, recycled);
    }

    /// Hands over what is in the batch.
    pub fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let next = self.recycled.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, next);
        // The parsers outlive the reader; sending can only fail if all of them panicked, which ends the scan anyhow.
        self.send.send((self.sent, full)).ok();
        self.sent += 1;
    }

    /// Key logs that lie in the capture (pcapng decryption secrets blocks).
    pub fn take_key_logs(&mut self, logs: Vec<Vec<u8>>) {
        for log in logs {
            // Bytes in memory can always be read.
            self.keys.read(&log[..], Origin::Capture).ok();
        }
    }

    /// A transport failed.
    pub(super) fn failed(&mut self, point: u16, flow: Flow, failure: Failure, at: Stamp) {
        if let Some(trace) = &mut self.also.trace {
            trace.failure(point, flow, at);
        }
        self.failures.push((flow, failure, at));
    }

    /// `point`: that of the packets.
    pub fn push(
        &mut self,
        point: u16,
        bytes: &[u8],
        seen: Seen,
        (encapsulation, report): (&Encapsulation, Option<HepReport<'_>>),
        packets: impl Iterator<Item = Stamp>,
    ) {
        if let Some(trace) = &mut self.also.trace {
            trace.message(point, &seen, packets);
        }
        self.agreements.message(bytes);
        self.messages += 1;
        self.batch.push(bytes, seen, encapsulation, report);
        if self.batch.is_full(self.sent) {
            self.flush();
        }
    }
}

/// SIP over TLS (RFC 3261 §19.1.2).
const SIPS_PORT: u16 = 5061;
const HTTPS_PORT: u16 = 443;

/// What is not SIP, by a name for the account: what its bytes tell, else its ports. Of TLS also whether a connection begins
/// (ClientHello, RFC 8446 §4.1.2), and whether the port is that of SIP; of HTTP whether it is the handshake of a WebSocket
/// for SIP.
///
/// `begins`: the bytes are a datagram, or the first of a stream.
pub fn named(name: &'static str, bytes: &[u8], flow: &Flow, begins: bool, ground: &mut Ground) -> &'static str {
    let sips = flow.src_port == SIPS_PORT || flow.dst_port == SIPS_PORT;
    match name {
        "unknown" | "" => {
            ground.unknown(flow);
            net::service(flow).unwrap_or(name)
        }
        "sigcomp" => ground.sigcomp(flow, begins),
        // Over TCP there is a frame around it (RFC 4571, RFC 2326 §10.12).
        "rtp" if flow.protocol == Protocol::Udp => ground.rtp(bytes, flow),
        "rtp" | "rtcp" if flow.protocol.carrier() == Protocol::Tcp => net::service(flow).unwrap_or("unknown"),
        "rtcp" => net::service(flow).unwrap_or(name),
        // It goes over TCP (RFC 1006, RFC 8446).
        "tpkt" | "tls" if flow.protocol == Protocol::Udp => net::service(flow).unwrap_or("unknown"),
        "tls" => match (matches!(bytes, [0x16, 3, _, _, _, 1, ..]), sips) {
            (true, true) => "sips_client_hello",
            (false, true) => "sips",
            (_, false) if flow.src_port == HTTPS_PORT || flow.dst_port == HTTPS_PORT => "https",
            (true, false) => "tls_client_hello",
            (false, false) => "tls",
        },
        // It goes over TCP and SCTP alone (RFC 6733 §2.1); a query of DNS whose id begins with 1 looks like it.
        "diameter" if flow.protocol == Protocol::Udp => net::service(flow).unwrap_or("unknown"),
        "http" if is_websocket_for_sip(bytes) => HANDSHAKE,
        _ => name,
    }
}

const HANDSHAKE: &str = "websocket_handshake";

/// The handshake of RFC 7118 §4, of which each side names the subprotocol.
fn is_websocket_for_sip(bytes: &[u8]) -> bool {
    const FIELD: &[u8] = b"sec-websocket-protocol:";
    let mut lines = bytes.split(|&byte| byte == b'\n').take(64);
    lines.any(|line| {
        let (name, value) = line.split_at(line.len().min(FIELD.len()));
        name.eq_ignore_ascii_case(FIELD)
            && value.split(|&byte| byte == b',').any(|protocol| protocol.trim_ascii() == b"sip")
    })
}

/// The streams of one capture point.
#[derive(Default)]
pub struct Framers {
    pub(super) streams: HashMap<StreamId, Stream, Keyed>,
    pub(super) secured: Connections,
}

/// The sink of one capture point's decoder.
pub struct PointSink<'a, 'scan> {
    pub point: u16,
    /// Of the packet at hand.
    pub interface: u32,
    pub framers: &'a mut Framers,
    pub out: &'a mut Collector<'scan>,
}

impl Problems for PointSink<'_, '_> {
    fn report(&mut self, problem: Problem) {
        self.out.problems.report(problem);
    }
}

impl PointSink<'_, '_> {
    pub(super) fn bytes_missing(out: &mut Collector<'_>, missing: u64, at: Stamp) {
        out.problems.report(Problem {
            code: Code::TcpBytesMissing,
            layer: Layer::TCP,
            file: at.file,
            frame: at.frame,
            offset: at.offset,
            detail: format!("{missing} bytes of a SIP stream were not captured before this packet"),
        });
    }

    /// Runs one step of a stream's framer and puts what it emits into the batch.
    pub(super) fn framed<R>(
        out: &mut Collector<'_>,
        (point, interface): (u16, u32),
        Stream { flow, framer, encapsulation, handshake, messages, .. }: &mut Stream,
        around: &[Stamp],
        step: impl FnOnce(&mut Framer, &Limits, &mut dyn FnMut(Framed<'_>)) -> R,
    ) -> R {
        let (limits, in_frames) = (out.limits, framer.is_websocket());
        step(framer, limits, &mut |message: Framed<'_>| {
            let seen = Seen {
                flow: *flow,
                first: message.first,
                last: message.last,
                ident: message.seq,
                point,
                carrier: match in_frames {
                    true => Carrier::Datagram { missing: u32::from(!message.complete) },
                    false => Carrier::Stream,
                },
                complete: message.complete,
                flaws: message.flaws,
                interface,
            };
            // Without its handshake Wireshark takes a WebSocket for anything.
            *messages += 1;
            let packets = message.packets().chain(*handshake).chain(around.iter().copied());
            out.push(point, message.bytes, seen, (encapsulation, None), packets);
        })
    }
}

impl PointSink<'_, '_> {
    /// The next bytes of a stream, or of what a TLS connection carries.
    pub(super) fn content(
        out: &mut Collector<'_>,
        place: (u16, u32),
        stream: &mut Stream,
        around: &[Stamp],
        (bytes, seq, at): (&[u8], u32, Stamp),
        begins: bool,
    ) -> StreamClass {
        stream.look(bytes);
        let class = Self::framed(out, place, stream, around, |framer, limits, emit| {
            framer.segment(bytes, seq, at, limits, emit)
        });
        if stream.framer.take_damage() {
            let Stamp { file, frame, offset, .. } = at;
            let detail = "what follows it in the segment was passed over".to_owned();
            let code = Code::WebsocketFrameMalformed;
            out.problems.report(Problem { code, layer: Layer::WEBSOCKET, file, frame, offset, detail });
        }
        if let Some(trouble) = stream.framer.take_trouble() {
            let (code, detail) = match trouble {
                Trouble::Corrupt => (
                    Code::CompressedCorrupt,
                    "a message of a WebSocket: damaged, or it refers to one before it that was not captured".to_owned(),
                ),
                Trouble::Limit => (Code::InflatedLimit, "a message of a WebSocket".to_owned()),
            };
            let Stamp { file, frame, offset, .. } = at;
            out.problems.report(Problem { code, layer: Layer::WEBSOCKET, file, frame, offset, detail });
        }
        if stream.lost > 0 && stream.framer.is_sip() {
            Self::bytes_missing(out, std::mem::take(&mut stream.lost), at);
        }
        match class {
            StreamClass::Other(name) => {
                let name = named(name, bytes, &stream.flow, begins, &mut out.ground);
                if name == HANDSHAKE {
                    stream.handshake = Some(at);
                }
                StreamClass::Other(name)
            }
            sip => sip,
        }
    }

    /// The capture point that a HEP agent is.
    pub fn agent(&mut self, agent: Agent<'_>, at: Stamp) -> u16 {
        let max = self.out.limits.max_agents;
        self.out.agents.number(agent, max).unwrap_or_else(|(number, first)| {
            if first {
                self.out.problems.report(Problem {
                    code: Code::HepAgentLimit,
                    layer: Layer::HEP,
                    file: at.file,
                    frame: at.frame,
                    offset: at.offset,
                    detail: format!("more than {max} agents"),
                });
            }
            number
        })
    }
}

impl PointSink<'_, '_> {
    /// The message at this place in the payload.
    fn one(&mut self, datagram: &Datagram<'_>, place: Range<usize>, seen: Seen) {
        let first = Stamp { offset: datagram.first.offset + place.start as u64, ..datagram.first };
        let bytes = datagram.bytes.get(place).unwrap_or_default();
        let packets = [datagram.first, datagram.last].into_iter();
        self.out.push(self.point, bytes, Seen { first, ..seen }, (datagram.encapsulation, datagram.report), packets);
    }

    /// What somebody else took out of a TCP connection. Wireshark exports a segment whole, once for each message in it, and
    /// also the beginning of one that it exports again when it is whole; an agent may report segments, too.
    fn several(&mut self, datagram: &Datagram<'_>, from: usize, seen: Seen) {
        let (mut framer, mut found) = (StreamFramer::new(), Vec::new());
        let end = datagram.bytes.len();
        let start = Stamp { offset: from as u64, ..datagram.first };
        let mut whole = |message: Framed<'_>| {
            let begin = message.first.offset as usize;
            if message.complete {
                found.push(begin..begin + message.bytes.len());
            }
        };
        framer.segment(datagram.bytes.get(from..).unwrap_or_default(), 0, start, self.out.limits, &mut whole);
        framer.end(self.out.limits, &mut whole);
        if found.first().is_none_or(|first| first.start > from) {
            found.clear();
            found.push(from..end);
        }
        // What is no whole message lies behind the one before it, and is told there; line ends are keep-alives.
        let mut next = end;
        for place in found.iter_mut().rev() {
            let behind = datagram.bytes.get(place.end..next).unwrap_or_default();
            if !behind.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                place.end = next;
            }
            next = place.start;
        }
        let last = found.len() - 1;
        for (number, place) in found.into_iter().enumerate() {
            let missing = if number == last { datagram.missing } else { 0 };
            let flaws = if number == 0 { seen.flaws } else { Flaws::NONE };
            let carrier = Carrier::Datagram { missing };
            self.one(datagram, place, Seen { carrier, complete: missing == 0, flaws, ..seen });
        }
    }
}

impl Sink for PointSink<'_, '_> {
    fn datagram(&mut self, datagram: Datagram<'_>) -> StreamClass {
        if let Some(trace) = &mut self.out.also.trace {
            trace.media(self.point, &datagram.flow, datagram.last);
        }
        // What agents report has their times, not those of the wire.
        if let Some(media) = &mut self.out.also.media
            && datagram.flow.protocol == Protocol::Udp
            && datagram.report.is_none()
        {
            let mut at = datagram.last;
            at.time = Clock::corrected_at(self.out.clocks, self.point, at.time);
            let Datagram { flow, bytes, missing, dscp, .. } = datagram;
            media.datagram(&Received { point: self.point, flow, at, bytes, missing, dscp });
        }
        match detect(datagram.bytes) {
            Detected::Sip { offset, flaws } => {
                let seen = Seen {
                    flow: datagram.flow,
                    first: datagram.first,
                    last: datagram.last,
                    ident: datagram.ident,
                    point: datagram.report.map_or(self.point, |report| self.agent(report.agent, datagram.last)),
                    carrier: Carrier::Datagram { missing: datagram.missing },
                    complete: datagram.missing == 0,
                    flaws,
                    interface: self.interface,
                };
                if datagram.flow.protocol == Protocol::Tcp {
                    self.several(&datagram, offset, seen);
                } else {
                    self.one(&datagram, offset..datagram.bytes.len(), seen);
                }
                StreamClass::Sip
            }
            Detected::KeepAlive => StreamClass::KeepAlive,
            Detected::Other(name) if sigcomp::begins(datagram.bytes) => self.compressed(&datagram, name),
            Detected::Other(name) => {
                StreamClass::Other(named(name, datagram.bytes, &datagram.flow, true, &mut self.out.ground))
            }
        }
    }

    fn segment(&mut self, segment: Segment<'_>) -> StreamClass {
        if let Some(trace) = &mut self.out.also.trace {
            trace.media(self.point, &segment.flow, segment.at);
        }
        let stream = self.framers.streams.entry(segment.stream).or_insert_with(|| Stream::of(&segment));
        if let Some(encapsulation) = segment.encapsulation {
            stream.encapsulation = *encapsulation;
        }
        if let Some(media) = &mut self.out.also.media {
            let Segment { flow, mut at, .. } = segment;
            at.time = Clock::corrected_at(self.out.clocks, self.point, at.time);
            media.segment(self.point, flow, segment.bytes, at);
            stream.frames.segment(segment.bytes, |bytes| {
                media.datagram(&Received { point: self.point, flow, at, bytes, missing: 0, dscp: None });
            });
        }
        stream.look_compressed(&segment);
        if let Framer::Sigcomp(_) = stream.framer
            && let Some(class) = self.out.records((self.point, self.interface), stream, &segment)
        {
            return class;
        }
        if stream.begins_tls(segment.bytes) != Some(false) {
            return self.perhaps_secure(&segment);
        }
        let (begins, place) = (segment.start && segment.missing == 0, (self.point, self.interface));
        if let Tls::Perhaps(pieces) = std::mem::replace(&mut stream.tls, Tls::No) {
            for (bytes, seq, at) in pieces {
                Self::content(self.out, place, stream, &[], (&bytes, seq, at), begins);
            }
        }
        Self::content(self.out, place, stream, &[], (segment.bytes, segment.seq, segment.at), begins)
    }

    fn gap(&mut self, stream: StreamId, missing: u64, at: Stamp) {
        let Some(stream) = self.framers.streams.get_mut(&stream) else { return };
        stream.frames.gap();
        if let Tls::Of(number, side) = stream.tls {
            return self.secure_gap(number, side, missing);
        }
        stream.tls = Tls::No;
        if stream.framer.is_sip() {
            Self::bytes_missing(self.out, missing, at);
        } else {
            stream.lost += missing;
        }
        Self::framed(self.out, (self.point, self.interface), stream, &[], |framer, limits, emit| {
            framer.gap(missing, limits, emit)
        });
    }

    fn stream_end(&mut self, stream: StreamId, _end: StreamEnd, _at: Stamp) {
        let Some(mut stream) = self.framers.streams.remove(&stream) else { return };
        if let Tls::Of(number, _) = stream.tls {
            return self.secure_end(number);
        }
        Self::framed(self.out, (self.point, self.interface), &mut stream, &[], |framer, limits, emit| {
            framer.end(limits, emit)
        });
    }

    fn failure(&mut self, flow: Flow, failure: Failure, at: Stamp) {
        self.out.failed(self.point, flow, failure, at);
    }

    fn joined(&mut self, whole: Stamp, part: Stamp) {
        if let Some(trace) = &mut self.out.also.trace {
            trace.joined(whole, part);
        }
    }

    fn connection(&mut self, flow: &Flow, at: Stamp) {
        if let Some(trace) = &mut self.out.also.trace {
            trace.connection(self.point, flow, at);
        }
    }

    fn keyring(&self) -> Option<&Keyring> {
        Some(&self.out.agreements.keyring)
    }
}
