//! TLS as OpenSSL writes it (`sample_pcaps/tls`): what the records hold does not depend on how TCP cut them, nor on which
//! side's packets came first; and whatever the bytes, nothing panics and little is held.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use sip_core::container;
use sip_core::limits::Limits;
use sip_core::net::{Datagram, Decoder, Failure, Flow, Segment, Sink, StreamClass, StreamEnd, StreamId};
use sip_core::packet::Stamp;
use sip_core::problem::{Problem, Problems};
use sip_core::tls::{Connection, Found, Keys, Origin, Trouble, Turn, begins};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../sample_pcaps/tls").join(name)
}

/// Pieces of the connections of a capture, as its packets brought them.
#[derive(Default)]
struct Connections(Vec<(u16, Pieces)>);

impl Problems for Connections {
    fn report(&mut self, _: Problem) {}
}

impl Sink for Connections {
    fn datagram(&mut self, _: Datagram<'_>) -> StreamClass {
        StreamClass::Other("")
    }

    fn segment(&mut self, segment: Segment<'_>) -> StreamClass {
        let side = usize::from(segment.flow.src_port < segment.flow.dst_port);
        let client = segment.flow.src_port.max(segment.flow.dst_port);
        let found = match self.0.iter_mut().find(|(port, _)| *port == client) {
            Some((_, found)) => found,
            None => {
                self.0.push((client, Vec::new()));
                &mut self.0.last_mut().unwrap().1
            }
        };
        found.push((side, segment.bytes.to_vec()));
        StreamClass::Other("")
    }

    fn gap(&mut self, _: StreamId, _: u64, _: Stamp) {}

    fn stream_end(&mut self, _: StreamId, _: StreamEnd, _: Stamp) {}

    fn failure(&mut self, _: Flow, _: Failure, _: Stamp) {}
}

type Pieces = Vec<(usize, Vec<u8>)>;

fn connections(name: &str) -> Vec<Pieces> {
    let (mut found, mut problems) = (Connections::default(), Vec::new());
    let file = File::open(sample(&format!("{name}.pcapng.gz"))).unwrap();
    let mut capture = container::open(Box::new(file), name, 0, &Limits::default()).unwrap();
    let mut decoder = Decoder::new(&Limits::default());
    while let Some(packet) = capture.next(&mut problems) {
        decoder.packet(0, &packet, &mut found);
    }
    decoder.finish(&mut found);
    found.0.into_iter().map(|(_, pieces)| pieces).collect()
}

fn keys(name: &str) -> Keys {
    let mut keys = Keys::default();
    keys.read(&fs::read(sample(&format!("{name}.keys"))).unwrap()[..], Origin::KeyLog).unwrap();
    keys
}

static CALLS: LazyLock<Vec<Pieces>> = LazyLock::new(|| connections("call"));
static HANDSHAKES: LazyLock<Vec<Pieces>> = LazyLock::new(|| connections("handshakes"));

/// What each side said, and what was wrong.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    content: [Vec<u8>; 2],
    troubles: Vec<Trouble>,
    finished: bool,
}

fn read<'a>(pieces: impl IntoIterator<Item = (usize, &'a [u8])>, keys: &mut Keys) -> Told {
    let (mut connection, mut room, mut told) = (Connection::default(), Vec::new(), Told::default());
    let (mut seqs, mut held) = ([0u32; 2], 0);
    for (side, bytes) in pieces {
        let mut found = |found: Found<'_>| told.take(found);
        let at = Stamp { time: 0, file: 0, frame: 1, offset: u64::from(seqs[side]) };
        let mut turn = Turn { keys, held: &mut held, room: &mut room, found: &mut found };
        connection.segment(side, bytes, seqs[side], at, &mut turn);
        seqs[side] = seqs[side].wrapping_add(bytes.len() as u32);
    }
    let mut found = |found: Found<'_>| told.take(found);
    connection.end(&mut Turn { keys, held: &mut held, room: &mut room, found: &mut found });
    assert_eq!(held, 0);
    told.finished = connection.facts.handshake;
    told
}

impl Told {
    fn take(&mut self, found: Found<'_>) {
        match found {
            Found::Content { side, bytes, .. } => self.content[side].extend_from_slice(bytes),
            Found::Trouble { trouble, .. } => self.troubles.push(trouble),
            Found::Gap { .. } | Found::Alert { .. } => {}
        }
    }
}

fn in_order(pieces: &Pieces) -> impl Iterator<Item = (usize, &[u8])> {
    pieces.iter().map(|(side, bytes)| (*side, &bytes[..]))
}

#[test]
fn both_sides_of_a_call_are_read() {
    for pieces in CALLS.iter() {
        let told = read(in_order(pieces), &mut keys("call"));
        assert_eq!((told.troubles, told.finished), (vec![], true));
        assert!(told.content[0].starts_with(b"INVITE sip:"));
        assert!(told.content[1].starts_with(b"SIP/2.0 100 Trying"));
    }
}

#[test]
fn other_keys_are_told_and_open_nothing() {
    let log = fs::read_to_string(sample("call.keys")).unwrap();
    let lines = log.lines().filter(|line| line.len() > 150);
    let wrong: String = lines.map(|line| format!("{}{}\n", &line[..line.len() - 64], "5a".repeat(32))).collect();
    for pieces in CALLS.iter() {
        let mut keys = Keys::default();
        keys.read(wrong.as_bytes(), Origin::KeyLog).unwrap();
        let told = read(in_order(pieces), &mut keys);
        assert_eq!(told.content, [vec![], vec![]]);
        assert!(told.troubles.contains(&Trouble::WrongKeys), "{:?}", told.troubles);
    }
}

/// Every byte of the connection's sides alone: any cut, any order of the sides.
#[test]
fn one_byte_at_a_time_and_one_side_after_the_other_it_is_the_same() {
    for (name, all) in [("call", &*CALLS), ("handshakes", &*HANDSHAKES)] {
        for pieces in all {
            let whole = read(in_order(pieces), &mut keys(name));
            let bytes = in_order(pieces).flat_map(|(side, bytes)| bytes.chunks(1).map(move |byte| (side, byte)));
            assert_eq!(read(bytes, &mut keys(name)), whole, "{name}");
        }
    }
    for pieces in CALLS.iter() {
        let whole = read(in_order(pieces), &mut keys("call"));
        for first in [0, 1] {
            let of = |side: usize| in_order(pieces).filter(move |piece| piece.0 == side);
            assert_eq!(read(of(first).chain(of(1 - first)), &mut keys("call")), whole);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn segments_do_not_matter(which in 0..13usize, cuts in proptest::collection::vec(1..900usize, 40)) {
        let all: Vec<(&str, &Pieces)> =
            CALLS.iter().map(|it| ("call", it)).chain(HANDSHAKES.iter().map(|it| ("handshakes", it))).collect();
        let (name, pieces) = all[which % all.len()];
        let whole = read(in_order(pieces), &mut keys(name));
        let mut cut = cuts.iter().cycle();
        let mut again = Vec::new();
        for (side, mut bytes) in in_order(pieces) {
            while !bytes.is_empty() {
                let (piece, rest) = bytes.split_at((*cut.next().unwrap()).min(bytes.len()));
                again.push((side, piece));
                bytes = rest;
            }
        }
        prop_assert_eq!(read(again, &mut keys(name)), whole);
    }

    /// A byte is changed, a piece is missing or comes twice: what is read is still what was said.
    #[test]
    fn damage_is_contained(which in 0..13usize, place in 0..6_000usize, kind in 0..3u8, flip in 1..=255u8) {
        let all: Vec<(&str, &Pieces)> =
            CALLS.iter().map(|it| ("call", it)).chain(HANDSHAKES.iter().map(|it| ("handshakes", it))).collect();
        let (name, pieces) = all[which % all.len()];
        let whole = read(in_order(pieces), &mut keys(name));
        let mut damaged = pieces.clone();
        let count = damaged.len();
        match kind {
            0 => {
                let bytes = &mut damaged[place % count].1;
                let at = place / count % bytes.len();
                bytes[at] ^= flip;
            }
            1 => drop(damaged.remove(place % count)),
            _ => damaged.insert(place % count, damaged[place / count % count].clone()),
        }
        let told = read(in_order(&damaged), &mut keys(name));
        for (side, content) in told.content.iter().enumerate() {
            prop_assert!(content.len() <= whole.content[side].len());
        }
    }

    #[test]
    fn any_bytes_are_read(pieces in proptest::collection::vec((0..2usize, nearly_records()), 0..30)) {
        let mut keys = keys("call");
        keys.given = true;
        read(pieces.iter().map(|(side, bytes)| (*side, &bytes[..])), &mut keys);
        for (_, bytes) in &pieces {
            begins(bytes);
        }
    }
}

/// Bytes that look like records and messages of a handshake.
fn nearly_records() -> impl Strategy<Value = Vec<u8>> {
    let body = proptest::collection::vec(any::<u8>(), 0..90);
    let message =
        (prop_oneof![Just(1u8), Just(2), Just(11), Just(16), Just(20), any::<u8>()], 0..200usize, body.clone())
            .prop_map(|(kind, length, body)| {
                let mut bytes = vec![kind, 0, (length >> 8) as u8, length as u8, 3, 3];
                bytes.extend(body);
                bytes
            });
    let content = prop_oneof![message, body.clone()];
    let record = (20..25u8, 0..5u8, content, 0..4usize).prop_map(|(kind, minor, body, lie)| {
        let length = body.len() + lie;
        [&[kind, 3, minor, (length >> 8) as u8, length as u8][..], &body].concat()
    });
    prop_oneof![9 => record, 1 => body]
}
