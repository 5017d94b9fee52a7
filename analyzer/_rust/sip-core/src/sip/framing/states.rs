//! The framer of a stream: a function for each state.

use super::body::{Body, BodyEnd, body_end};
use super::head::{Head, HeadEnd, Length};
use super::run::{Framed, Piece, Run, advance, piece_index};
use crate::limits::Limits;
use crate::net::StreamClass;
use crate::packet::Stamp;
use crate::sip::detect::{self, Find};
use crate::sip::flaw::{Flaw, Flaws};
use crate::sip::start::{self, At};
use crate::sip::text::split;

#[derive(Debug, Clone, Copy)]
enum State {
    Boundary,
    Seek,
    Header(Head),
    Body(Body),
}

/// What a state came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The state that it set goes on with the bytes that are left.
    On,
    /// More bytes are needed, or none are left.
    Wait,
}

/// Cuts one direction of a TCP connection into messages.
#[derive(Debug)]
pub struct StreamFramer {
    state: State,
    /// The message that has begun, or a line that may begin one; empty most of the time.
    held: Vec<u8>,
    pieces: Vec<Piece>,
    /// A message has been found in this stream.
    is_sip: bool,
    skipped: u64,
    /// What the stream is while it is not SIP.
    name: &'static str,
}

impl Default for StreamFramer {
    fn default() -> Self {
        Self {
            state: State::Boundary,
            held: Vec::new(),
            pieces: Vec::new(),
            is_sip: false,
            skipped: 0,
            name: "unknown",
        }
    }
}

/// What one run over the bytes at hand saw.
#[derive(Debug, Clone, Copy)]
struct Seen {
    sip: bool,
    other: bool,
}

impl StreamFramer {
    pub fn new() -> Self {
        Self::default()
    }

    /// A message has been found in this stream.
    pub fn is_sip(&self) -> bool {
        self.is_sip
    }

    /// Bytes held for a message that has not ended.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes the next bytes of the stream and emits the messages they complete, in order.
    ///
    /// The class speaks of these bytes: part of a message, line ends alone (a ping or its pong), or something else.
    pub fn segment(
        &mut self,
        bytes: &[u8],
        seq: u32,
        at: Stamp,
        limits: &Limits,
        emit: &mut dyn FnMut(Framed<'_>),
    ) -> StreamClass {
        let waiting = !self.held.is_empty();
        let piece = Piece { from: self.held.len(), seq, at };
        let seen = if waiting {
            let mut view = std::mem::take(&mut self.held);
            view.extend_from_slice(bytes);
            self.pieces.push(piece);
            let pieces = std::mem::take(&mut self.pieces);
            let (used, seen) = self.run(&view, &pieces, limits, emit);
            self.keep(view, pieces, used);
            seen
        } else {
            // The common case: whole messages, emitted where they lie.
            let (used, seen) = self.run(bytes, &[piece], limits, emit);
            let (_, rest) = split(bytes, used);
            if !rest.is_empty() {
                self.held.extend_from_slice(rest);
                self.pieces.push(Piece { from: 0, ..advance(piece, used) });
            }
            seen
        };
        match seen {
            Seen { sip: true, .. } => StreamClass::Sip,
            Seen { other: true, .. } => StreamClass::Other(self.name),
            _ if bytes.is_empty() => StreamClass::Other("empty"),
            _ => StreamClass::KeepAlive,
        }
    }

    /// Bytes of the stream are lost here. The message that spans the hole is emitted as it is; the next one is looked for
    /// at its start line.
    pub fn gap(&mut self, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        self.give_up(false, limits, emit);
        self.state = State::Seek;
    }

    /// No more bytes. What has not ended is emitted if its start line shows that it is SIP.
    pub fn end(&mut self, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        self.give_up(true, limits, emit);
        self.state = State::Boundary;
    }

    fn give_up(&mut self, ended: bool, limits: &Limits, emit: &mut dyn FnMut(Framed<'_>)) {
        let view = std::mem::take(&mut self.held);
        let pieces = std::mem::take(&mut self.pieces);
        let mut run = self.begin(&view, &pieces, true, limits, emit);
        self.go(&mut run);
        let rest = run.rest();
        if !rest.is_empty() {
            match self.state {
                State::Header(_) => run.message(rest.len(), false, Flaws::NONE),
                State::Body(Body { length, header_len, .. }) => {
                    let whole = ended && length == Length::UntilStart;
                    run.message(if whole { body_end(rest, header_len) } else { rest.len() }, whole, Flaws::NONE);
                }
                State::Boundary | State::Seek => run.skip(rest.len()),
            }
        }
        self.skipped = run.skipped;
    }

    /// Holds what was not used, in the buffer it is in.
    fn keep(&mut self, mut view: Vec<u8>, mut pieces: Vec<Piece>, used: usize) {
        view.drain(..used.min(view.len()));
        if view.is_empty() {
            // Thousands of idle connections must not each keep the room of their longest message.
            view.shrink_to(4096);
            pieces.clear();
            pieces.shrink_to(16);
        } else if used > 0 {
            if view.len() <= 64 {
                view.shrink_to_fit(); // nor the room of a segment for the word it ended in
            }
            let first = piece_index(&pieces, used);
            pieces.drain(..first);
            for piece in &mut pieces {
                *piece = match used.checked_sub(piece.from) {
                    Some(inside) => Piece { from: 0, ..advance(*piece, inside) },
                    None => Piece { from: piece.from - used, ..*piece },
                };
            }
        }
        self.held = view;
        self.pieces = pieces;
    }

    /// Goes through `view` as far as it can be decided; returns how many bytes are done with.
    fn run(
        &mut self,
        view: &[u8],
        pieces: &[Piece],
        limits: &Limits,
        emit: &mut dyn FnMut(Framed<'_>),
    ) -> (usize, Seen) {
        let mut run = self.begin(view, pieces, false, limits, emit);
        self.go(&mut run);
        self.skipped = run.skipped;
        (run.at, Seen { sip: run.sip, other: run.other })
    }

    fn begin<'r, 'e>(
        &self,
        view: &'r [u8],
        pieces: &'r [Piece],
        ended: bool,
        limits: &'r Limits,
        emit: &'r mut (dyn FnMut(Framed<'_>) + 'e),
    ) -> Run<'r, 'e> {
        Run { view, pieces, at: 0, ended, skipped: self.skipped, limits, emit, sip: false, other: false }
    }

    fn go(&mut self, run: &mut Run<'_, '_>) {
        while self.step(run) == Step::On {}
    }

    fn step(&mut self, run: &mut Run<'_, '_>) -> Step {
        match self.state {
            State::Boundary => self.boundary(run),
            State::Seek => self.seek(run),
            State::Header(head) => self.header(head, run),
            State::Body(body) => self.body(body, run),
        }
    }

    fn boundary(&mut self, run: &mut Run<'_, '_>) -> Step {
        run.at += run.rest().iter().take_while(|&&b| b == b'\r' || b == b'\n').count();
        let rest = run.rest();
        if rest.is_empty() {
            return Step::Wait;
        }
        match start::at(rest, run.ended) {
            At::Start => self.message_begins(run),
            At::More => {
                run.sip = true;
                Step::Wait
            }
            At::Other => {
                if !self.is_sip {
                    self.name = detect::name_of(rest);
                }
                self.state = State::Seek;
                Step::On
            }
        }
    }

    fn seek(&mut self, run: &mut Run<'_, '_>) -> Step {
        match detect::find_start(run.rest(), 0, run.ended, usize::MAX) {
            Find::At(found) => {
                run.skip(found);
                self.message_begins(run)
            }
            Find::From(begin) => {
                run.other = true;
                run.skip(if run.ended { run.rest().len() } else { begin });
                Step::Wait
            }
        }
    }

    fn message_begins(&mut self, run: &mut Run<'_, '_>) -> Step {
        run.sip = true;
        self.is_sip = true;
        self.state = State::Header(Head::default());
        Step::On
    }

    fn header(&mut self, mut head: Head, run: &mut Run<'_, '_>) -> Step {
        run.sip = true;
        let max = run.limits.max_message_bytes.max(1);
        match head.read(split(run.rest(), max).0) {
            HeadEnd::More if run.rest().len() > max => self.too_long(max, run),
            HeadEnd::More => {
                self.state = State::Header(head);
                Step::Wait
            }
            HeadEnd::Interrupted => self.message_ends(head.at, false, run),
            HeadEnd::Whole => {
                let header_len = head.at;
                let (length, may_quote) = (head.body(), head.may_quote);
                self.state = State::Body(Body { header_len, length, may_quote, searched: header_len });
                Step::On
            }
        }
    }

    fn body(&mut self, body: Body, run: &mut Run<'_, '_>) -> Step {
        run.sip = true;
        match body.end(run.rest(), run.limits.max_message_bytes) {
            BodyEnd::At { end, complete } => self.message_ends(end, complete, run),
            BodyEnd::TooLong => self.too_long(body.header_len, run),
            BodyEnd::More(searched) => {
                self.state = State::Body(Body { searched, ..body });
                Step::Wait
            }
        }
    }

    fn message_ends(&mut self, len: usize, complete: bool, run: &mut Run<'_, '_>) -> Step {
        run.message(len, complete, Flaws::NONE);
        self.state = State::Boundary;
        Step::On
    }

    /// Emits what is worth keeping of a message beyond the limit; the next start line is looked for.
    fn too_long(&mut self, len: usize, run: &mut Run<'_, '_>) -> Step {
        run.message(len, false, Flaws::of(Flaw::TooLong));
        self.state = State::Seek;
        Step::On
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYE: &str = "BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nCall-ID: 1\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n";
    const INVITE: &str = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK0\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: 10\r\n\r\nv=0\r\ns=-\r\n";

    /// Emitted: bytes, complete, skipped, frames of first and last byte.
    type Row = (String, bool, u64, u64, u64);

    fn stamp(frame: u64, offset: u64) -> Stamp {
        Stamp { time: 0, file: 0, frame, offset }
    }

    struct Run {
        framer: StreamFramer,
        rows: Vec<Row>,
        seq: u32,
        frame: u64,
        limits: Limits,
    }

    impl Run {
        fn new() -> Self {
            Self { framer: StreamFramer::new(), rows: Vec::new(), seq: 1000, frame: 0, limits: Limits::default() }
        }
        fn segment(&mut self, bytes: &[u8]) -> StreamClass {
            self.frame += 1;
            let (seq, at) = (self.seq, stamp(self.frame, 100));
            self.seq = self.seq.wrapping_add(bytes.len() as u32);
            let rows = &mut self.rows;
            self.framer.segment(bytes, seq, at, &self.limits, &mut |f| rows.push(row(f)))
        }
        fn gap(&mut self) {
            let rows = &mut self.rows;
            self.framer.gap(&self.limits, &mut |f| rows.push(row(f)));
        }
        fn end(mut self) -> Vec<Row> {
            let rows = &mut self.rows;
            self.framer.end(&self.limits, &mut |f| rows.push(row(f)));
            self.rows
        }
    }

    fn row(f: Framed<'_>) -> Row {
        (String::from_utf8_lossy(f.bytes).into_owned(), f.complete, f.skipped, f.first.frame, f.last.frame)
    }

    fn texts(rows: Vec<Row>) -> Vec<(String, bool)> {
        rows.into_iter().map(|r| (r.0, r.1)).collect()
    }

    /// Whole, a byte at a time, and two halves: the same messages.
    fn three_ways(stream: &[u8]) -> Vec<(String, bool)> {
        let mut whole = Run::new();
        whole.segment(stream);
        let whole = texts(whole.end());
        let mut bytes = Run::new();
        for b in stream {
            bytes.segment(&[*b]);
        }
        assert_eq!(texts(bytes.end()), whole, "a byte at a time");
        let mut halves = Run::new();
        let (a, b) = stream.split_at(stream.len() / 2);
        halves.segment(a);
        halves.segment(b);
        assert_eq!(texts(halves.end()), whole, "two halves");
        whole
    }

    fn whole(text: &str) -> (String, bool) {
        (text.to_owned(), true)
    }

    #[test]
    fn what_is_found_behind_junk_does_not_depend_on_the_segments() {
        let odd = BYE.replacen("sip:a@b", "a@b", 1);
        for junk in ["\t\u{1} x: ", "SIP/2.0 2\u{1}", "\u{2}abc sip:x\u{1}", "-----\n- ", "\u{2}foo bar baz SIP/2.0 "] {
            let rows = three_ways(format!("{junk}{INVITE}{junk}{BYE}{odd}").as_bytes());
            assert_eq!(rows, [whole(INVITE), whole(BYE), whole(&odd)], "{junk:?}");
        }
    }

    #[test]
    fn a_header_section_beyond_the_limit_is_cut_at_the_limit() {
        let long = BYE.replace("Call-ID: 1", &format!("Call-ID: {}", "1".repeat(900)));
        for size in [1, 7, 2000] {
            let mut run = Run::new();
            run.limits.max_message_bytes = 300;
            format!("{long}{BYE}").as_bytes().chunks(size).for_each(|segment| {
                run.segment(segment);
            });
            let lengths: Vec<_> = run.end().iter().map(|row| (row.0.len(), row.1)).collect();
            assert_eq!(lengths, [(300, false), (BYE.len(), true)], "segments of {size} bytes");
        }
    }

    #[test]
    fn several_messages_with_keep_alives_between() {
        let rows = three_ways(format!("\r\n\r\n{INVITE}\r\n\r\n{BYE}{BYE}\r\n").as_bytes());
        assert_eq!(rows, [whole(INVITE), whole(BYE), whole(BYE)]);
    }

    #[test]
    fn pings_and_pongs_are_keep_alives() {
        let mut run = Run::new();
        assert_eq!(run.segment(b"\r\n\r\n"), StreamClass::KeepAlive);
        assert_eq!(run.segment(BYE.as_bytes()), StreamClass::Sip);
        assert_eq!(run.segment(b"\r\n"), StreamClass::KeepAlive);
        assert_eq!(run.end().len(), 1);
    }

    #[test]
    fn stamps_are_those_of_the_packets_with_the_first_and_last_byte() {
        let mut run = Run::new();
        let (head, tail) = INVITE.split_at(40);
        run.segment(format!("{BYE}{head}").as_bytes());
        run.segment(format!("{tail}{BYE}").as_bytes());
        let frames: Vec<_> = run.end().iter().map(|r| (r.3, r.4)).collect();
        assert_eq!(frames, [(1, 1), (1, 2), (2, 2)]);
    }

    #[test]
    fn offset_and_sequence_number_are_those_of_the_first_byte() {
        let mut found = Vec::new();
        let mut framer = StreamFramer::new();
        let limits = Limits::default();
        let stream = format!("{BYE}{INVITE}");
        let (a, b) = stream.as_bytes().split_at(BYE.len() + 7);
        let mut emit = |f: Framed<'_>| found.push((f.first.offset, f.seq, f.contiguous));
        framer.segment(a, u32::MAX, stamp(1, 5000), &limits, &mut emit);
        framer.segment(b, 0, stamp(2, 9000), &limits, &mut emit);
        let len = BYE.len() as u64;
        assert_eq!(found, [(5000, u32::MAX, true), (5000 + len, len as u32 - 1, false)]);
    }

    #[test]
    fn a_message_held_from_the_middle_of_a_segment_keeps_its_place() {
        let mut found = Vec::new();
        let mut framer = StreamFramer::new();
        let limits = Limits::default();
        let stream = [BYE, BYE, BYE].concat();
        let (a, b) = stream.as_bytes().split_at(BYE.len() + 7);
        let mut emit = |f: Framed<'_>| found.push((f.seq, f.first.frame, f.last.frame));
        framer.segment(a, 0, stamp(1, 0), &limits, &mut emit);
        framer.segment(b, a.len() as u32, stamp(2, 0), &limits, &mut emit);
        let len = BYE.len() as u32;
        assert_eq!(found, [(0, 1, 1), (len, 1, 2), (2 * len, 2, 2)]);
    }

    #[test]
    fn without_content_length_and_type_there_is_no_body() {
        let bare = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\nCall-ID: 1\r\n\r\n";
        assert_eq!(three_ways(format!("{bare}{BYE}").as_bytes()), [whole(bare), whole(BYE)]);
    }

    #[test]
    fn without_content_length_a_body_ends_at_the_next_start_line() {
        let open = INVITE.replace("Content-Length: 10\r\n", "");
        assert_eq!(three_ways(format!("{open}\r\n\r\n{BYE}").as_bytes()), [whole(&open), whole(BYE)]);
        assert_eq!(three_ways(open.as_bytes()), [whole(&open)]);
    }

    #[test]
    fn negative_and_conflicting_lengths_end_at_the_next_start_line() {
        for bad in ["Content-Length: -999", "Content-Length: ten", "Content-Length: 3\r\nl: 10"] {
            let lying = INVITE.replace("Content-Length: 10", bad);
            assert_eq!(three_ways(format!("{lying}{BYE}").as_bytes()), [whole(&lying), whole(BYE)], "{bad}");
        }
    }

    #[test]
    fn a_length_that_reaches_into_the_next_message_is_not_believed() {
        let lying = INVITE.replace("Content-Length: 10", "Content-Length: 9999");
        assert_eq!(three_ways(format!("{lying}{BYE}{BYE}").as_bytes()), [(lying, false), whole(BYE), whole(BYE)]);
    }

    #[test]
    fn a_quoted_message_is_body() {
        let quoting = BYE
            .replace("Content-Length: 0", &format!("Content-Type: message/sip\r\nContent-Length: {}", BYE.len()))
            + BYE;
        assert_eq!(three_ways(format!("{quoting}{INVITE}").as_bytes()), [whole(&quoting), whole(INVITE)]);
    }

    #[test]
    fn a_length_too_short_leaves_garbage_that_is_skipped_and_counted() {
        let mut run = Run::new();
        let short = INVITE.replace("Content-Length: 10", "Content-Length: 5");
        run.segment(format!("{short}{BYE}").as_bytes());
        let rows = run.end();
        assert_eq!(rows[0].0, short.strip_suffix("s=-\r\n").unwrap());
        assert_eq!((rows[1].0.as_str(), rows[1].2), (BYE, 5));
    }

    #[test]
    fn a_length_on_a_continuation_line_counts() {
        let folded = INVITE.replace("Content-Length: 10", "Content-Length:\r\n 10");
        assert_eq!(three_ways(format!("{folded}{BYE}").as_bytes()), [whole(&folded), whole(BYE)]);
    }

    #[test]
    fn a_message_without_an_empty_line_ends_at_the_next_start_line() {
        let open = BYE.strip_suffix("\r\n").unwrap();
        assert_eq!(three_ways(format!("{open}{INVITE}").as_bytes()), [(open.to_owned(), false), whole(INVITE)]);
    }

    #[test]
    fn lines_may_end_in_lf_alone() {
        let lf = INVITE.replace("\r\n", "\n").replace("Content-Length: 10", "Content-Length: 8");
        assert_eq!(three_ways(format!("{lf}{BYE}").as_bytes()), [whole(&lf), whole(BYE)]);
    }

    #[test]
    fn the_tail_of_an_unseen_message_is_skipped() {
        let rows = three_ways(format!("=z9hG4bK77\r\nCSeq: 1 X\r\n\r\n{BYE}").as_bytes());
        assert_eq!(rows, [whole(BYE)]);
    }

    #[test]
    fn a_hole_ends_the_message_and_the_next_start_line_is_found() {
        let mut run = Run::new();
        run.segment(&INVITE.as_bytes()[..80]);
        run.gap();
        run.segment(format!("=0\r\ns=-\r\n{BYE}{INVITE}").as_bytes());
        let rows = run.end();
        let expected = [(INVITE[..80].to_owned(), false), whole(BYE), whole(INVITE)];
        assert_eq!(texts(rows), expected);
    }

    #[test]
    fn the_end_emits_what_is_unfinished() {
        for cut in [12, 30, INVITE.len() - 1] {
            assert_eq!(three_ways(&INVITE.as_bytes()[..cut]).first().map(|r| r.1), Some(false), "cut at {cut}");
        }
    }

    #[test]
    fn other_streams_are_named_and_hold_nothing() {
        let mut run = Run::new();
        assert_eq!(run.segment(b"\x16\x03\x01\x02\x00\x01"), StreamClass::Other("tls"));
        for _ in 0..100 {
            assert_eq!(run.segment(&[0xab; 1400]), StreamClass::Other("tls"));
            assert_eq!(run.framer.held(), 0);
        }
        assert_eq!(run.segment(BYE.as_bytes()), StreamClass::Sip);
        assert_eq!(run.end()[0].2, 6 + 100 * 1400);
    }

    #[test]
    fn http_is_no_sip() {
        let mut run = Run::new();
        assert_eq!(run.segment(b"GET /x HTTP/1.1\r\nHost: a\r\nVia: 1.1 p\r\n\r\n"), StreamClass::Other("http"));
        assert_eq!(run.segment(b"GET /y HTTP/1.1\r\nHost: a\r\n\r\n"), StreamClass::Other("http"));
        assert_eq!(run.end().len(), 0);
    }

    #[test]
    fn a_length_beyond_the_limit_is_given_up_at_once() {
        let huge = INVITE
            .replace("Content-Length: 10", "Content-Length: 99999999999999999999999")
            .replace("application/sdp", "text/plain");
        assert_eq!(three_ways(format!("{huge}{BYE}").as_bytes()).len(), 2);
        let big = huge.replace("99999999999999999999999", "9999999");
        let mut run = Run::new();
        run.segment(format!("{big}{BYE}").as_bytes());
        let rows = run.end();
        assert_eq!((rows[0].1, rows[1].0.as_str()), (false, BYE));
    }

    #[test]
    fn endless_header_lines_do_not_grow_the_buffer() {
        let mut run = Run::new();
        run.limits.max_message_bytes = 10_000;
        run.segment(b"BYE sip:a@b SIP/2.0\r\n");
        for _ in 0..1000 {
            run.segment(b"Subject: never ends\r\n");
            assert!(run.framer.held() <= 10_100);
        }
        run.segment(BYE.as_bytes());
        assert_eq!(run.end().last().map(|r| r.0.clone()), Some(BYE.to_owned()));
    }
}
