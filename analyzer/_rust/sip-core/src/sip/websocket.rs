//! SIP over WebSocket (RFC 7118), one direction of a connection: each WebSocket message (RFC 6455) holds one of SIP.
//!
//! A filter in front of the framer: payload goes on unmasked as the segments bring it, and where the WebSocket message
//! ends, the SIP message does, too; it needs no Content-Length (RFC 7118 §5). No frame is held, whatever its length.

use super::framing::{Framed, StreamFramer};
use super::start;
use super::text::{split, strip_line_end};
use crate::inflate::{self, Trouble};
use crate::limits::Limits;
use crate::net::StreamClass;
use crate::packet::Stamp;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// A control frame holds no more (RFC 6455 §5.5).
const LONGEST_CONTROL: u64 = 125;

/// More packets than the frames of a message come in, beside those with its payload.
const MOST_AROUND: usize = 256;

/// The header of a frame (RFC 6455 §5.2).
#[derive(Debug, Clone, Copy)]
struct Header {
    last: bool,
    /// RSV1 of the first frame of a message (RFC 7692 §6).
    compressed: bool,
    opcode: u8,
    length: u64,
    /// Zeros where nothing is masked.
    key: [u8; 4],
}

enum Read {
    More,
    /// And its own length.
    Header(Header, usize),
    Malformed,
}

impl Header {
    fn read(bytes: &[u8]) -> Read {
        let Some(&first) = bytes.first() else { return Read::More };
        let (opcode, control) = (first & 0x0F, first & 0x08 != 0);
        let known = matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG);
        // Only the first frame of a message may say that it is compressed.
        let compressed = first & 0x40 != 0;
        if !known || first & 0x30 != 0 || (compressed && !matches!(opcode, TEXT | BINARY)) {
            return Read::Malformed;
        }
        let last = first & 0x80 != 0;
        let Some(&second) = bytes.get(1) else { return Read::More };
        let mut at = 2;
        let mut take = |n: usize| {
            let taken = bytes.get(at..at + n);
            at += n;
            taken
        };
        let length = match second & 0x7F {
            size @ (126 | 127) => {
                let Some(stated) = take(if size == 126 { 2 } else { 8 }) else { return Read::More };
                let length = stated.iter().fold(0, |length, &byte| length << 8 | u64::from(byte));
                // As short as it can be stated, and without the highest bit.
                if length < if size == 126 { 126 } else { 1 << 16 } || length >> 63 != 0 {
                    return Read::Malformed;
                }
                length
            }
            size => u64::from(size),
        };
        let key = if second & 0x80 == 0 {
            [0; 4]
        } else {
            let Some(key) = take(4).and_then(|key| key.first_chunk()) else { return Read::More };
            *key
        };
        if control && (!last || length > LONGEST_CONTROL) {
            return Read::Malformed;
        }
        Read::Header(Header { last, compressed, opcode, length, key }, at)
    }
}

/// Does a frame begin here? After the handshake its header tells (`upgraded`), else SIP must follow.
pub fn begins(bytes: &[u8], upgraded: bool) -> bool {
    match Header::read(bytes) {
        Read::Header(Header { opcode: CONTINUATION, .. }, _) | Read::Malformed => false,
        Read::Header(..) if upgraded => true,
        Read::Header(header, at) => {
            let data = matches!(header.opcode, TEXT | BINARY) && !header.compressed;
            let payload = bytes.get(at..).filter(|_| data).unwrap_or_default();
            let room = usize::try_from(header.length).unwrap_or(usize::MAX).min(start::MAX_START_LINE);
            let text = unmasked(split(payload, room).0, header.key, 0);
            let line = memchr::memchr(b'\n', &text).and_then(|end| text.get(..=end)).unwrap_or_default();
            start::parse(strip_line_end(line)).is_some_and(|start| start.is_sure())
        }
        Read::More => upgraded && !bytes.is_empty(),
    }
}

/// The header of a frame that will hold a message, alone: some write it first.
fn is_header(bytes: &[u8]) -> bool {
    let Read::Header(Header { opcode: TEXT | BINARY, compressed: false, length, .. }, at) = Header::read(bytes) else {
        return false;
    };
    at == bytes.len() && length > LONGEST_CONTROL
}

/// A compressed frame that ends where the bytes do.
fn is_compressed(bytes: &[u8]) -> bool {
    let Read::Header(Header { opcode: TEXT | BINARY, compressed: true, length, .. }, at) = Header::read(bytes) else {
        return false;
    };
    bytes.len() as u64 == length.saturating_add(at as u64)
}

/// The frame at hand.
#[derive(Debug)]
struct Frame {
    header: Header,
    /// Bytes of its payload that are to come.
    left: u64,
}

impl Frame {
    fn is_data(&self) -> bool {
        matches!(self.header.opcode, CONTINUATION | TEXT | BINARY)
    }
}

/// One direction of a connection that is WebSocket.
#[derive(Debug, Default)]
pub struct Websocket {
    framer: StreamFramer,
    /// The beginning of a header.
    begun: Vec<u8>,
    /// Packets that brought of the message at hand what is not its payload.
    around: Vec<Stamp>,
    frame: Option<Frame>,
    /// The message at hand is compressed (RFC 7692 §6).
    compressed: bool,
    /// What compressed messages before it left, if there were some.
    inflater: Option<Box<inflate::Stream>>,
    /// So many bytes of it were decompressed.
    inflated: usize,
    /// The rest of it cannot be.
    spoilt: bool,
    trouble: Option<Trouble>,
    /// Behind a hole or damage: nobody knows where the next frame begins.
    lost: bool,
    damaged: bool,
}

impl Websocket {
    /// A message of SIP has been found in it.
    pub fn is_sip(&self) -> bool {
        self.framer.is_sip()
    }

    /// Since this was asked last, a header could not be.
    pub fn take_damage(&mut self) -> bool {
        std::mem::take(&mut self.damaged)
    }

    /// Since this was asked last, a message could not be decompressed.
    pub fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// As [`StreamFramer::segment`].
    pub fn segment(
        &mut self,
        bytes: &[u8],
        seq: u32,
        at: Stamp,
        limits: &Limits,
        emit: &mut dyn FnMut(Framed<'_>),
    ) -> StreamClass {
        let compressed = self.inflater.is_some() && is_compressed(bytes);
        if self.lost && !compressed && !begins(bytes, false) && !is_header(bytes) {
            return OTHER;
        }
        self.lost = false;
        let mut found = None;
        let mut place = 0;
        while let Some(&byte) = bytes.get(place) {
            if self.frame.is_none() {
                self.note(at);
                place += 1;
                self.begun.push(byte);
                match Header::read(&self.begun) {
                    Read::More => continue,
                    Read::Header(header, _) => self.open(header, limits, emit),
                    Read::Malformed => {
                        self.lose(limits, emit);
                        self.damaged = true;
                        found = Some(better(found, OTHER));
                        break;
                    }
                }
            }
            let at = Stamp { offset: at.offset + place as u64, ..at };
            let (_, rest) = split(bytes, place);
            let (used, class) = self.payload(rest, seq.wrapping_add(place as u32), at, limits, emit);
            place += used;
            found = Some(better(found, class));
        }
        // The beginning of a header speaks for what follows it.
        found.unwrap_or(if self.is_sip() { StreamClass::Sip } else { OTHER })
    }

    /// So many bytes are lost here. In the payload of a frame that is no reason to lose the next one.
    pub fn gap(&mut self, missing: u64, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        match &mut self.frame {
            Some(frame) if missing <= frame.left => {
                frame.left -= missing;
                let is_data = frame.is_data();
                if is_data && self.compressed {
                    self.forget();
                }
                if is_data {
                    self.framer.gap(limits, emit);
                }
                self.close(limits, emit);
            }
            _ => self.lose(limits, emit),
        }
    }

    /// No more bytes.
    pub fn end(&mut self, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        self.finish(limits, emit);
    }

    /// The message at hand ends here.
    fn finish(&mut self, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        let around = std::mem::take(&mut self.around);
        self.framer.end(limits, &mut |message| emit(message.with(&around)));
    }

    fn note(&mut self, at: Stamp) {
        let is_known = self.around.last().is_some_and(|last| (last.file, last.frame) == (at.file, at.frame));
        if !is_known && self.around.len() < MOST_AROUND {
            self.around.push(at);
        }
    }

    fn open(&mut self, header: Header, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        self.begun.clear();
        if matches!(header.opcode, TEXT | BINARY) {
            // Of a message whose last frame did not come; the header at hand is of the next one.
            let of_header = self.around.pop();
            self.finish(limits, emit);
            self.around.extend(of_header);
            (self.compressed, self.inflated, self.spoilt) = (header.compressed, 0, false);
        }
        self.frame = Some(Frame { header, left: header.length });
    }

    /// Returns how many bytes belong to the frame at hand, and what they are.
    fn payload(
        &mut self,
        bytes: &[u8],
        seq: u32,
        at: Stamp,
        limits: &Limits,
        emit: &mut dyn FnMut(Framed<'_>),
    ) -> (usize, StreamClass) {
        let Some(Frame { header, left }) = &mut self.frame else { return (0, OTHER) };
        let (header, turned) = (*header, header.length - *left);
        let (bytes, _) = split(bytes, usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= bytes.len() as u64;
        let class = match header.opcode {
            PING | PONG => {
                self.note(at);
                StreamClass::KeepAlive
            }
            CLOSE => OTHER,
            _ if self.spoilt => COMPRESSED,
            _ if self.compressed => {
                let last = header.last && header.length == turned + bytes.len() as u64;
                self.inflate(&unmasked(bytes, header.key, turned), last, (seq, at), limits, emit)
            }
            _ if bytes.is_empty() => StreamClass::KeepAlive,
            _ => {
                let (bytes, around) = (unmasked(bytes, header.key, turned), &self.around);
                self.framer.segment(&bytes, seq, at, limits, &mut |message| emit(message.with(around)))
            }
        };
        self.close(limits, emit);
        (bytes.len(), class)
    }

    /// A part of a compressed message; `last`: it ends here (RFC 7692 §7.2.2).
    fn inflate(
        &mut self,
        bytes: &[u8],
        last: bool,
        (seq, at): (u32, Stamp),
        limits: &Limits,
        emit: &mut dyn FnMut(Framed<'_>),
    ) -> StreamClass {
        let (inflater, mut out) = (self.inflater.get_or_insert_default(), Vec::new());
        let room = limits.max_inflated_bytes.saturating_sub(self.inflated);
        let mut read = inflater.read(bytes, room, &mut out);
        if last && read.is_ok() {
            read = inflater.read(&[0, 0, 0xFF, 0xFF], room, &mut out);
        }
        self.inflated += out.len();
        let around = &self.around;
        let class = self.framer.segment(&out, seq, at, limits, &mut |message| emit(message.with(around)));
        if let Err(trouble) = read {
            self.trouble = Some(trouble);
            self.forget();
            self.framer.gap(limits, emit);
            return COMPRESSED;
        }
        if out.is_empty() { COMPRESSED } else { class }
    }

    /// What later messages may refer to is lost.
    fn forget(&mut self) {
        self.spoilt = true;
        self.inflater = Some(Box::default());
    }

    /// Ends the frame at hand if all of it was there, and with the last one the message.
    fn close(&mut self, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        let Some(frame) = self.frame.take_if(|frame| frame.left == 0) else { return };
        if frame.is_data() && frame.header.last {
            self.finish(limits, emit);
        }
    }

    fn lose(&mut self, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        self.framer.gap(limits, emit);
        self.begun.clear();
        if self.inflater.is_some() {
            self.forget();
        }
        (self.frame, self.lost) = (None, true);
    }
}

const OTHER: StreamClass = StreamClass::Other("websocket");
/// Compressed, and not read.
const COMPRESSED: StreamClass = StreamClass::Other("websocket_deflate");

/// What a segment is that is both.
fn better(found: Option<StreamClass>, next: StreamClass) -> StreamClass {
    match (found, next) {
        (Some(StreamClass::Sip), _) | (Some(StreamClass::KeepAlive), StreamClass::Other(_)) => found.unwrap_or(next),
        _ => next,
    }
}

/// RFC 6455 §5.3; `turned`: how many bytes of the payload came before.
fn unmasked(bytes: &[u8], key: [u8; 4], turned: u64) -> Vec<u8> {
    let keys = key.into_iter().cycle().skip((turned % 4) as usize);
    bytes.iter().zip(keys).map(|(byte, key)| byte ^ key).collect()
}
