//! One direction of a TCP connection, and how messages are cut out of it.

use super::compressed::Records;
use crate::inflate::Trouble;
use crate::limits::Limits;
use crate::media::Framing;
use crate::net::{Encapsulation, Flow, Protocol, Segment, StreamClass};
use crate::packet::Stamp;
use crate::sip::{Framed, StreamFramer, Websocket, websocket};
use crate::tls;

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
    pub tls: Tls,
    /// Messages found in it.
    pub messages: u64,
}

/// Is it TLS?
#[derive(Default)]
pub enum Tls {
    /// No bytes yet.
    #[default]
    Unknown,
    /// So few that they may begin a record, and where they were.
    Perhaps(Vec<(Vec<u8>, u32, Stamp)>),
    No,
    /// A side of this connection.
    Of(u64, usize),
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
            tls: Tls::Unknown,
            messages: 0,
        }
    }

    /// What a side of a TLS connection carries.
    pub fn within(flow: Flow) -> Self {
        Self {
            flow,
            framer: Framer::Plain(StreamFramer::new()),
            encapsulation: Encapsulation::PLAIN,
            lost: 0,
            handshake: None,
            frames: Framing::default(),
            tls: Tls::No,
            messages: 0,
        }
    }

    /// Do these bytes begin TLS, the first of the stream or behind what a proxy answered (RFC 9110 §9.3.6)? `None` while too
    /// few of them are there.
    #[inline]
    pub fn begins_tls(&self, bytes: &[u8]) -> Option<bool> {
        match &self.tls {
            Tls::Unknown => tls::begins(bytes),
            Tls::Perhaps(pieces) => {
                let all = pieces.iter().flat_map(|(bytes, ..)| bytes).chain(bytes).copied();
                tls::begins(&all.take(8).collect::<Vec<u8>>())
            }
            Tls::No => Some(matches!(bytes, [0x16, 3, _, _, _, 1 | 2, 0, ..]) && self.is_other()),
            Tls::Of(..) => Some(true),
        }
    }

    /// Neither SIP nor WebSocket so far.
    fn is_other(&self) -> bool {
        !self.framer.is_sip() && !self.framer.is_websocket()
    }

    /// Before this segment is read: is it SigComp from here on?
    pub fn look_compressed(&mut self, segment: &Segment<'_>) {
        if let Framer::Plain(framer) = &self.framer
            && !framer.is_sip()
            && let Some(records) = Records::begin(segment)
        {
            self.framer = Framer::Sigcomp(Box::new(records));
        }
    }

    /// Before these bytes are read: is it WebSocket from here on?
    pub fn look(&mut self, bytes: &[u8]) {
        if let Framer::Plain(framer) = &self.framer
            && !framer.is_sip()
            && websocket::begins(bytes, self.handshake.is_some())
        {
            self.framer = Framer::Websocket(Box::default());
            self.flow.protocol =
                if self.flow.protocol == Protocol::Tls { Protocol::SecureWebSocket } else { Protocol::WebSocket };
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

    /// Why a message could not be decompressed, since this was asked last.
    pub fn take_trouble(&mut self) -> Option<Trouble> {
        match self {
            Framer::Plain(_) | Framer::Sigcomp(_) => None,
            Framer::Websocket(framer) => framer.take_trouble(),
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
