//! What TLS connections hold goes the way of streams that are not sealed.

use std::net::IpAddr;

use super::collector::{Collector, PointSink, named};
use super::connections::Secured;
use super::stream::{Stream, Tls};
use crate::layer::Layer;
use crate::net::{Encapsulation, Failure, Flow, Protocol, Segment, StreamClass};
use crate::packet::Stamp;
use crate::problem::{Code, Problem, Problems};
use crate::tls::{Connection, Found, Trouble, Turn};

/// What TLS is that keys open, beside SIP: the handshake, and whatever else it carries.
const READ: StreamClass = StreamClass::Other("tls_read");

impl PointSink<'_, '_> {
    /// The first bytes of a stream that may be TLS, or bytes of one that is.
    #[cold]
    pub(super) fn perhaps_secure(&mut self, segment: &Segment<'_>) -> StreamClass {
        let &Segment { stream: id, flow, bytes, seq, at, .. } = segment;
        let framers = &mut *self.framers;
        let Some(stream) = framers.streams.get_mut(&id) else { return READ };
        let mut waiting = Vec::new();
        let begins = stream.begins_tls(bytes);
        let (number, side) = match (&mut stream.tls, begins) {
            (Tls::Of(number, side), _) => (*number, *side),
            (Tls::Perhaps(pieces), None) => {
                pieces.push((bytes.to_vec(), seq, at));
                return StreamClass::Other(named("tls", bytes, &flow, false, &mut self.out.ground));
            }
            (tls, None) => {
                *tls = Tls::Perhaps(vec![(bytes.to_vec(), seq, at)]);
                return StreamClass::Other(named("tls", bytes, &flow, false, &mut self.out.ground));
            }
            (tls, Some(_)) => {
                let (number, side) = framers.secured.attach(id, flow, at);
                if let Tls::Perhaps(pieces) = std::mem::replace(tls, Tls::Of(number, side)) {
                    waiting = pieces;
                }
                (number, side)
            }
        };
        let encapsulation = stream.encapsulation;
        for (bytes, seq, at) in waiting {
            self.secure_segment((number, side), (&bytes, seq, at), &encapsulation);
        }
        self.secure_segment((number, side), (bytes, seq, at), &encapsulation)
    }

    fn secure_segment(
        &mut self,
        (number, side): (u64, usize),
        (bytes, seq, at): (&[u8], u32, Stamp),
        encapsulation: &Encapsulation,
    ) -> StreamClass {
        let mut class = None;
        if let Some(secured) = self.framers.secured.get(number) {
            if self.out.also.trace.is_some() {
                secured.keep_packet(at);
            }
            secured.last = at;
            class = step(self.out, (self.point, self.interface), secured, encapsulation, |connection, turn| {
                connection.segment(side, bytes, seq, at, turn);
            });
            if class.is_none() && secured.connection.is_read(side) {
                // A part of a record: what it belongs to the others tell.
                let is_sip = secured.inner[side].as_ref().is_some_and(|inner| inner.framer.is_sip());
                class = Some(if is_sip && secured.connection.is_open(side) { StreamClass::Sip } else { READ });
            }
            // While its ClientHello is not whole, nobody knows.
            let unknown = self.out.keys.given && secured.connection.random().is_none();
            if class.is_none() && (unknown || secured.connection.has_keys(&self.out.keys)) {
                class = Some(READ);
            }
            if class.is_none() {
                class = Some(StreamClass::Other(named("tls", bytes, &secured.flow(side), false, &mut self.out.ground)));
            }
        }
        class.unwrap_or(READ)
    }

    pub(super) fn secure_gap(&mut self, number: u64, side: usize, missing: u64) {
        if let Some(secured) = self.framers.secured.get(number) {
            let place = (self.point, self.interface);
            step(self.out, place, secured, &Encapsulation::PLAIN, |connection, turn| {
                connection.gap(side, missing, turn);
            });
        }
    }

    pub(super) fn secure_end(&mut self, number: u64) {
        let Some(mut secured) = self.framers.secured.detach(number) else { return };
        let place = (self.point, self.interface);
        step(self.out, place, &mut secured, &Encapsulation::PLAIN, |connection, turn| connection.end(turn));
        for inner in secured.inner.iter_mut().flatten() {
            Self::framed(self.out, place, inner, &secured.packets, |framer, limits, emit| framer.end(limits, emit));
        }
        if secured.connection.facts.opened == 0
            && secured.trouble.is_some()
            && let Some(random) = secured.connection.random()
        {
            self.out.unopened.insert(random);
        }
        self.out.secured.push(secured.row(self.point));
    }
}

/// Runs one step of a connection; what its records hold goes on to the framers of SIP. Gives what that was.
fn step(
    out: &mut Collector<'_>,
    place: (u16, u32),
    secured: &mut Secured,
    encapsulation: &Encapsulation,
    run: impl FnOnce(&mut Connection, &mut Turn<'_>),
) -> Option<StreamClass> {
    let (mut keys, mut held, mut room) = (std::mem::take(&mut out.keys), out.held, std::mem::take(&mut out.room));
    let flows = [secured.flow(0), secured.flow(1)];
    let Secured { connection, inner, packets, trouble: told, .. } = secured;
    let (mut class, given) = (None, keys.given);
    let mut found = |found: Found<'_>| match found {
        Found::Content { side, bytes, seq, at } => {
            let begins = inner[side].is_none();
            let stream = inner[side].get_or_insert_with(|| Box::new(Stream::within(flows[side])));
            stream.encapsulation = *encapsulation;
            let this = match PointSink::content(out, place, stream, packets, (bytes, seq, at), begins) {
                StreamClass::Other("websocket_handshake") => StreamClass::Other("websocket_handshake"),
                StreamClass::Other("websocket_deflate") => StreamClass::Other("websocket_deflate"),
                StreamClass::Other(_) => READ,
                sip => sip,
            };
            class = match (class, this) {
                (Some(StreamClass::Sip), _) | (Some(StreamClass::KeepAlive), StreamClass::Other(_)) => class,
                _ => Some(this),
            };
        }
        Found::Gap { side } => {
            if let Some(stream) = &mut inner[side] {
                PointSink::framed(out, place, stream, packets, |framer, limits, emit| framer.gap(0, limits, emit));
            }
        }
        Found::Alert { side, fatal, agreed, number, at } => {
            // Of one in use, the requests on it tell what became of them.
            if fatal && !agreed {
                let flow = Flow { protocol: Protocol::Tcp, ..flows[side] };
                out.failed(place.0, flow, Failure::TlsAlert(number), at);
            }
        }
        Found::Trouble { trouble, at } => {
            told.get_or_insert(trouble);
            // Without any keys that is no problem of the capture; its row says it.
            if given {
                out.problems.report(problem(trouble, &flows[0], at));
            }
        }
    };
    run(connection, &mut Turn { keys: &mut keys, held: &mut held, room: &mut room, found: &mut found });
    (out.keys, out.held, out.room) = (keys, held, room);
    class
}

fn problem(trouble: Trouble, flow: &Flow, at: Stamp) -> Problem {
    let (code, why) = match trouble {
        Trouble::NoKeys => (Code::TlsKeysMissing, "no key is of this connection"),
        Trouble::WrongKeys => (Code::TlsKeysWrong, "its keys do not open its records"),
        Trouble::Damaged => (Code::TlsRecordDamaged, "a record cannot be decrypted"),
        Trouble::NoHandshake => (Code::TlsHandshakeMissing, "its ClientHello or ServerHello was not captured"),
        Trouble::Unsupported => (Code::TlsCipherUnsupported, "its cipher suite is not read"),
    };
    let Flow { src, dst, src_port, dst_port, .. } = flow;
    let ends = [(src, src_port), (dst, dst_port)].map(|(address, port)| match address {
        IpAddr::V4(_) => format!("{address}:{port}"),
        IpAddr::V6(_) => format!("[{address}]:{port}"),
    });
    let detail = format!("TLS between {} and {}: {why}", ends[0], ends[1]);
    Problem { code, layer: Layer::TLS, file: at.file, frame: at.frame, offset: at.offset, detail }
}
