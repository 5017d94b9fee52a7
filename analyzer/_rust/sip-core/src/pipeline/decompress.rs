//! SIP in SigComp: messages on their way through the decompressor.
//!
//! A capture without SigComp never comes here, but for payloads that begin as one does; they fail at once, for the state that
//! they name is nowhere.

use super::collector::{Collector, PointSink, named};
use super::stream::{Framer, Stream};
use crate::framing::Cut;
use crate::layer::Layer;
use crate::net::{Datagram, Flow, Protocol, Segment, StreamClass};
use crate::observation::Seen;
use crate::packet::Stamp;
use crate::problem::{Code, Problem, Problems};
use crate::sigcomp::{self, Failure, Marking, Observer, Read, Reason, Transport};
use crate::sip::{Carrier, Detected, Flaws, detect};

/// Packets of one message that are remembered.
const MOST_PACKETS: usize = 4_096;
/// Bytes held of a stream before the first message in it makes sense.
const MAX_UNPROVEN: usize = 16 << 10;

/// What became of a message.
enum Done {
    /// It is in the batch.
    Sip,
    KeepAlive,
    /// Decompressed, but to nothing that is SIP.
    Other,
    Nack,
    Failed(Failure),
}

fn fits(bytes: &[u8]) -> bool {
    matches!(detect(bytes), Detected::Sip { .. } | Detected::KeepAlive)
}

/// A message, and where it was found.
struct Found<'a> {
    flow: Flow,
    bytes: &'a [u8],
    transport: Transport,
    at: Stamp,
    /// Bytes that were not captured.
    missing: u32,
}

impl Collector<'_> {
    /// Decompresses a message and hands on what it is.
    fn decompress(&mut self, found: &Found<'_>, mut push: impl FnMut(&mut Self, &[u8], Flaws)) -> Done {
        let max = self.limits.max_sigcomp_bytes;
        let mut observer = self.compressed.observer.take().unwrap_or_else(|| Box::new(Observer::new(max)));
        let Flow { src, dst, src_port, dst_port, .. } = found.flow;
        let ends = ((src, src_port), (dst, dst_port));
        let done = match observer.read(ends, found.bytes, found.transport, fits) {
            Read::Failed(failure) => Done::Failed(failure),
            Read::Nack(nack) => {
                let which = match self.compressed.packet(nack.message) {
                    Some(at) if at.file == found.at.file => format!("the message in packet {}", at.frame),
                    Some(_) => "a message in another file".to_owned(),
                    None => "a message that was not captured".to_owned(),
                };
                self.tell(Code::SigcompNack, found.at, format!("{}: {which}", nack.text()));
                Done::Nack
            }
            Read::Message(message) => match detect(message) {
                Detected::Sip { offset, flaws } => {
                    push(self, message.get(offset..).unwrap_or_default(), flaws);
                    Done::Sip
                }
                Detected::KeepAlive => Done::KeepAlive,
                Detected::Other(_) => Done::Other,
            },
        };
        if matches!(done, Done::Sip) || matches!(&done, Done::Failed(_) if observer.knows(ends)) {
            self.compressed.keep(found.bytes, found.at);
        }
        self.compressed.observer = Some(observer);
        done
    }

    fn tell(&mut self, code: Code, Stamp { file, frame, offset, .. }: Stamp, detail: String) {
        self.problems.report(Problem { code, layer: Layer::SIGCOMP, file, frame, offset, detail });
    }

    fn tell_failure(&mut self, failure: &Failure, found: &Found<'_>) {
        let code = match failure.reason {
            Reason::StateNotFound => Code::SigcompStateMissing,
            _ => Code::SigcompFailed,
        };
        let mut detail = failure.text();
        if found.missing > 0 {
            detail += &format!("; {} bytes of the message were not captured", found.missing);
        }
        self.tell(code, found.at, detail);
    }

    /// The messages in the next bytes of a stream; `None` if it is no stream of compressed messages after all.
    pub fn records(
        &mut self,
        (point, interface): (u16, u32),
        stream: &mut Stream,
        segment: &Segment<'_>,
    ) -> Option<StreamClass> {
        let Stream { flow, framer, encapsulation, .. } = stream;
        let Framer::Sigcomp(records) = framer else { return None };
        let around = encapsulation.within(Layer::SIGCOMP);
        let (mut class, mut proven) = (None, records.proven);
        if records.packets.len() < MOST_PACKETS {
            records.packets.push(segment.at);
        }
        let packets = &records.packets;
        let mut cuts = 0;
        records.framer.segment(&Marking, (segment.bytes, segment.seq, segment.at), &mut |cut: Cut<'_>| {
            cuts += 1;
            let Some(message) = sigcomp::unmarked(cut.bytes).filter(|message| !message.is_empty()) else { return };
            let found = Found { flow: *flow, bytes: &message, transport: Transport::Stream, at: cut.last, missing: 0 };
            let done = self.decompress(&found, |out, bytes, flaws| {
                let seen = Seen {
                    flow: *flow,
                    first: cut.first,
                    last: cut.last,
                    ident: cut.seq,
                    point,
                    carrier: Carrier::Datagram { missing: 0 },
                    complete: true,
                    flaws,
                    interface,
                };
                out.push(point, bytes, seen, (&around, None), packets.iter().copied());
            });
            match done {
                Done::Sip => (class, proven) = (Some(StreamClass::Sip), true),
                Done::KeepAlive => (class, proven) = (class.or(Some(StreamClass::KeepAlive)), true),
                Done::Failed(failure) if proven || self.is_expected(&found) => self.tell_failure(&failure, &found),
                Done::Nack | Done::Other | Done::Failed(_) => {}
            }
        });
        records.proven = proven;
        if records.framer.held() == 0 {
            records.packets.clear();
        } else if cuts > 0 {
            records.packets = vec![segment.at];
        }
        let waits = records.framer.held() > 0;
        if !proven && (!waits || records.framer.held() > MAX_UNPROVEN) {
            *framer = Framer::plain();
            return None;
        }
        let otherwise = |ground| named("sigcomp", segment.bytes, flow, segment.start && segment.missing == 0, ground);
        Some(class.unwrap_or_else(|| match proven {
            true => StreamClass::Sip,
            false => StreamClass::Other(otherwise(&mut self.ground)),
        }))
    }

    /// Is it known that these ends speak SigComp?
    fn is_expected(&mut self, found: &Found<'_>) -> bool {
        matches!(self.ground.sigcomp(&found.flow, false), "sigcomp" | "port_5060")
    }
}

impl PointSink<'_, '_> {
    /// A datagram that begins as a compressed message does.
    pub fn compressed(&mut self, datagram: &Datagram<'_>, name: &'static str) -> StreamClass {
        let Datagram { flow, bytes, last, missing, .. } = *datagram;
        // From a stream that somebody else cut.
        let stream = flow.protocol == Protocol::Tcp;
        let message = if stream { sigcomp::unmarked(bytes).unwrap_or(bytes.into()) } else { bytes.into() };
        let transport = if stream { Transport::Stream } else { Transport::Datagram };
        let found = Found { flow, bytes: &message, transport, at: last, missing };
        let around = datagram.encapsulation.within(Layer::SIGCOMP);
        let point = datagram.report.map_or(self.point, |report| self.agent(report.agent, last));
        let (here, interface) = (self.point, self.interface);
        let done = self.out.decompress(&found, |out, bytes, flaws| {
            let seen = Seen {
                flow,
                first: datagram.first,
                last,
                ident: datagram.ident,
                point,
                carrier: Carrier::Datagram { missing: 0 },
                complete: true,
                flaws,
                interface,
            };
            out.push(here, bytes, seen, (&around, datagram.report), [datagram.first, last].into_iter());
        });
        match done {
            Done::Sip => StreamClass::Sip,
            Done::KeepAlive => StreamClass::KeepAlive,
            Done::Nack => StreamClass::Other("sigcomp_nack"),
            Done::Other => StreamClass::Other("sigcomp_other"),
            Done::Failed(failure) => {
                let name = named(name, bytes, &flow, true, &mut self.out.ground);
                if name == "sigcomp" {
                    self.out.tell_failure(&failure, &found);
                }
                StreamClass::Other(name)
            }
        }
    }
}
