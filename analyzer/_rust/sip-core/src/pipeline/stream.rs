//! One direction of a TCP connection, and how messages are cut out of it.

use super::compressed::Records;
use crate::limits::Limits;
use crate::media::Framing;
use crate::net::{Encapsulation, Flow, Protocol, Segment, StreamClass};
use crate::packet::Stamp;
use crate::sip::{Framed, StreamFramer, Websocket, websocket};

/// One direction of a TCP connection.
pub struct Stream {
    pub flow: Flow,
    pub framer: Framer,
    /// What carried its latest bytes.
    pub encapsulation: Encapsulation,
    /// Bytes lost before it was known to be SIP.
    pub lost: u64,
    /// The packet with its side of the handshake of SIP over WebSocket.
    pub handshake: Option<Stamp>,
    /// Media in it.
    pub frames: Framing,
}

impl Stream {
    /// That of its first segment.
    pub fn of(segment: &Segment<'_>) -> Self {
        Self {
            flow: segment.flow,
            framer: Framer::plain(),
            encapsulation: Encapsulation::PLAIN,
            lost: segment.missing,
            handshake: None,
            frames: Framing::default(),
        }
    }

    /// Before these bytes are read: is it WebSocket or SigComp from here on?
    pub fn look(&mut self, segment: &Segment<'_>) {
        let Framer::Plain(framer) = &self.framer else { return };
        if framer.is_sip() {
            return;
        }
        if websocket::begins(segment.bytes, self.handshake.is_some()) {
            self.framer = Framer::Websocket(Box::default());
            self.flow.protocol = Protocol::WebSocket;
        } else if let Some(records) = Records::begin(segment) {
            self.framer = Framer::Sigcomp(Box::new(records));
        }
    }
}

/// What cuts messages out of a stream.
pub enum Framer {
    Plain(StreamFramer),
    /// Few streams are, and many are neither.
    Websocket(Box<Websocket>),
    /// Read by [`super::compressed`].
    Sigcomp(Box<Records>),
}

impl Framer {
    pub fn plain() -> Self {
        Framer::Plain(StreamFramer::new())
    }

    /// A message has been found.
    pub fn is_sip(&self) -> bool {
        match self {
            Framer::Plain(framer) => framer.is_sip(),
            Framer::Websocket(framer) => framer.is_sip(),
            Framer::Sigcomp(records) => records.is_sip(),
        }
    }

    pub fn is_websocket(&self) -> bool {
        matches!(self, Framer::Websocket(_))
    }

    /// A frame of WebSocket could not be, since this was asked last.
    pub fn take_damage(&mut self) -> bool {
        match self {
            Framer::Plain(_) | Framer::Sigcomp(_) => false,
            Framer::Websocket(framer) => framer.take_damage(),
        }
    }

    pub fn segment(
        &mut self,
        bytes: &[u8],
        seq: u32,
        at: Stamp,
        limits: &Limits,
        emit: &mut dyn FnMut(Framed<'_>),
    ) -> StreamClass {
        match self {
            Framer::Plain(framer) => framer.segment(bytes, seq, at, limits, emit),
            Framer::Websocket(framer) => framer.segment(bytes, seq, at, limits, emit),
            Framer::Sigcomp(_) => StreamClass::Other("sigcomp"),
        }
    }

    pub fn gap(&mut self, missing: u64, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        match self {
            Framer::Plain(framer) => framer.gap(limits, emit),
            Framer::Websocket(framer) => framer.gap(missing, limits, emit),
            Framer::Sigcomp(records) => records.gap(),
        }
    }

    pub fn end(&mut self, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        match self {
            Framer::Plain(framer) => framer.end(limits, emit),
            Framer::Websocket(framer) => framer.end(limits, emit),
            Framer::Sigcomp(_) => {}
        }
    }
}
