//! The torture tests of RFC 4465, each by the name of its bytecode: what comes out, what it costs, how it fails.

use sip_core::framing::{Cut, Framer};
use sip_core::packet::{NO_TIME, Stamp};
use sip_core::sigcomp::{self, Ended, Failure, Kind, Marking, Parameters, States};

const VECTORS: &str = include_str!("rfc4465.txt");
/// Every test runs with these (RFC 4465 §1), but for where the standard says otherwise.
const MEMORY: usize = 2_048;
const STATE: usize = 2_048;

fn bytes(hex: &str) -> Vec<u8> {
    let hex = if hex == "-" { "" } else { hex };
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits")).collect()
}

/// A receiver of messages.
struct Receiver {
    states: States<usize>,
    stream: bool,
}

impl Receiver {
    fn new() -> Self {
        Receiver { states: States::new(STATE, usize::MAX), stream: false }
    }

    fn run(&self, message: &[u8]) -> (Vec<u8>, Result<Ended, Failure>) {
        let header = match Kind::read(message) {
            Ok(Kind::Compressed(header)) => header,
            Ok(Kind::Nack(nack)) => panic!("{nack:?}"),
            Err(reason) => return (Vec::new(), Err(Failure::before(reason))),
        };
        let memory = if self.stream { MEMORY / 2 } else { MEMORY - message.len() };
        let parameters = Parameters { memory, cycles_per_bit: 16, version: 1, max_cycles: u64::MAX };
        let mut output = Vec::new();
        let ended = sigcomp::run(&header, &parameters, &self.states, &mut Vec::new(), &mut output);
        (output, ended)
    }

    /// Decompresses a message and keeps the state that it leaves; what became of it, as the vectors have it.
    fn take(&mut self, message: &[u8], compartment: usize) -> Vec<String> {
        let (output, ended) = self.run(message);
        match ended {
            Err(failure) => vec![format!("failure {}", failure.reason.name())],
            Ok(ended) => {
                self.states.apply(compartment, ended.requests);
                let text: String = output.iter().map(|byte| format!("{byte:02x}")).collect();
                let text = if ended.has_output { text } else { "-".to_owned() };
                vec![format!("output {text}"), format!("cycles {}", ended.cycles)]
            }
        }
    }
}

/// The lines of a section, which begins with its number.
fn section(number: &str) -> Vec<(&'static str, &'static str)> {
    let heading = |line: &&str| line.split(' ').next() == Some(number);
    let lines = VECTORS.lines().skip_while(|line| !heading(line)).skip(1).take_while(|line| !line.is_empty());
    let lines: Vec<_> = lines.map(|line| line.split_once(' ').expect("a word and a value")).collect();
    assert!(!lines.is_empty(), "{number} is in the vectors");
    lines
}

/// Plays a section: each input behind the latest message, in this compartment.
fn play(number: &str, receiver: &mut Receiver, compartment: impl Fn(usize) -> usize) {
    let (mut message, mut count) = ("", 0);
    let mut lines = section(number).into_iter().peekable();
    while let Some((word, value)) = lines.next() {
        if word == "message" {
            message = value;
            continue;
        }
        assert_eq!(word, "input");
        let mut expected = Vec::new();
        while let Some((word, value)) = lines.next_if(|(word, _)| !matches!(*word, "message" | "input")) {
            expected.push(format!("{word} {value}").replace("dms", "0800"));
        }
        let mut found = receiver.take(&[bytes(message), bytes(value)].concat(), compartment(count));
        // Some vectors say nothing of the cost.
        found.truncate(expected.len());
        assert_eq!(found, expected, "{number}, input {value}");
        count += 1;
    }
    assert!(count > 0);
}

macro_rules! plain {
    ($($name:ident = $number:literal;)+) => {
        $(#[test] fn $name() { play($number, &mut Receiver::new(), |_| 0); })+
    };
}

plain! {
    bit_manipulation = "A.1.1";
    arithmetic = "A.1.2";
    sorting = "A.1.3";
    sha_1 = "A.1.4";
    load_and_multiload = "A.1.5";
    copy = "A.1.6";
    copy_literal_and_copy_offset = "A.1.7";
    memset = "A.1.8";
    crc = "A.1.9";
    input_bits = "A.1.10";
    input_huffman = "A.1.11";
    input_bytes = "A.1.12";
    stack_manipulation = "A.1.13";
    program_flow = "A.1.14";
    state_access = "A.1.16";
    useful_values = "A.2.1";
    cycles_checking = "A.2.2";
    message_based_transport = "A.2.3";
    input_past_the_end_of_a_message = "A.2.5";
    sigcomp_feedback_mechanism = "A.3.1";
    state_memory_management = "A.3.2";
    accessing_rfc_3485_state = "A.3.4";
    bytecode_state_creation = "A.3.5";
}

/// RFC 4465 §4.3: the message with the number N belongs to compartment N modulo 3.
#[test]
fn multiple_compartments() {
    play("A.3.3", &mut Receiver::new(), |number| number % 3);
}

/// RFC 4465 §2.15: how many items there are after each message.
#[test]
fn state_creation() {
    play("A.1.15", &mut Receiver::new(), |_| 0);
    let mut receiver = Receiver::new();
    let lines = section("A.1.15");
    let message = bytes(lines[0].1);
    let inputs = lines.iter().filter(|(word, _)| *word == "input");
    let items: Vec<usize> = inputs
        .map(|(_, input)| {
            receiver.take(&[message.clone(), bytes(input)].concat(), 0);
            receiver.states.cost() / (10 + 64)
        })
        .collect();
    // What fails changes nothing.
    assert_eq!(items, [1, 0, 1, 1, 1, 0, 1, 2, 0, 0]);
}

/// RFC 4465 §3.2: the loop ends where an exact account of cycles has it.
#[test]
fn cycles_are_counted_exactly() {
    let message = bytes(section("A.2.2")[0].1);
    let (output, ended) = Receiver::new().run(&message);
    let failure = ended.unwrap_err();
    assert_eq!((failure.at.map(|(opcode, _)| opcode), &output[output.len() - 2..]), (Some(20), &[0, 0xB3][..]));
}

/// RFC 4465 §3.4.
#[test]
fn stream_based_transport() {
    let at = Stamp { time: NO_TIME, file: 0, frame: 1, offset: 0 };
    let mut streams = section("A.2.4").into_iter().filter(|(word, _)| *word == "message").map(|(_, hex)| bytes(hex));
    let records = |stream: &[u8], size: usize| {
        let (mut framer, mut found) = (Framer::new(true), Vec::new());
        let mut emit = |cut: Cut<'_>| {
            found.push(sigcomp::unmarked(cut.bytes).expect("marks that are not reserved").into_owned());
        };
        for (place, piece) in stream.chunks(size).enumerate() {
            framer.segment(&Marking, (piece, (place * size) as u32, at), &mut emit);
        }
        found.retain(|message| !message.is_empty());
        found
    };
    let two = streams.next().unwrap();
    for size in [1, 2, 3, 7, 1_000] {
        let messages = records(&two, size);
        assert_eq!(messages.len(), 2);
        for message in messages {
            let mut receiver = Receiver { stream: true, ..Receiver::new() };
            assert_eq!(receiver.take(&message, 0), ["output 0800ffffffffff", "cycles 11"]);
        }
    }
    for expected in ["MESSAGE_TOO_SHORT", "MESSAGE_TOO_SHORT", "MESSAGE_TOO_SHORT", "INVALID_CODE_LOCATION"] {
        let first = records(&streams.next().unwrap(), 1_000).remove(0);
        assert_eq!(Receiver::new().take(&first, 0), [format!("failure {expected}")]);
    }
    assert_eq!(streams.next(), None);
}

/// RFC 4465 §4.1: what is to be returned, and what is announced.
#[test]
fn feedback_is_read_as_it_is_written() {
    let lines = section("A.3.1");
    let message = bytes(lines[0].1);
    let announced: Vec<Vec<u8>> = [6, 12, 20].map(|length| (0..length).collect()).to_vec();
    let long: Vec<u8> = [255].into_iter().chain(1..=127).collect();
    for (input, feedback) in [(0, vec![127]), (1, long)] {
        let ended = Receiver::new().run(&[message.clone(), vec![input]].concat()).1.unwrap();
        assert_eq!(ended.requested_feedback, Some(feedback));
        let returned = ended.returned.unwrap();
        assert_eq!((returned.memory(), returned.cycles_per_bit(), returned.version), (Some(2_048), 16, 1));
        assert_eq!(returned.states, announced);
    }
}
