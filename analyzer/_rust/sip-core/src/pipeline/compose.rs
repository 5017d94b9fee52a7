//! A capture made of messages, of what failed under them and of the headers of media, where the packets they came in are
//! not to be shown.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::Write;
use std::net::IpAddr;

use super::media_heads::MediaPacket;
use super::options::ScanError;
use crate::container::Writer;
use crate::net::compose::{Composer, Made, Sent};
use crate::net::{Failure, Flow};
use crate::packet::Packet;

/// A message, as its row and its text have it.
#[derive(Debug)]
pub struct Message {
    /// The capture point, by its number among those of the messages.
    pub point: usize,
    pub times: (Option<i64>, Option<i64>),
    pub flow: Flow,
    pub ident: u16,
    pub bytes: Vec<u8>,
    /// The capture lacks its end.
    pub cut: bool,
}

/// A transport that failed.
#[derive(Debug)]
pub struct Failed {
    pub time: Option<i64>,
    pub flow: Flow,
    pub failure: Failure,
}

/// What a capture is made of; messages, failures and media each in order of time.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// The capture points, each with the name that is shown.
    pub points: Vec<String>,
    pub messages: Vec<Message>,
    /// They are told at the first point.
    pub failed: Vec<Failed>,
    /// Their points are numbered as `points` are.
    pub media: &'a [MediaPacket],
    /// What stands in media for an address; one that is not here is left out with its packets.
    pub addresses: HashMap<IpAddr, IpAddr>,
    /// When the capture ended that all is from (ns since 1970).
    pub ended: Option<i64>,
}

enum Part<'a> {
    Message(&'a Message),
    Failed(&'a Failed),
    Media(&'a MediaPacket),
}

impl Part<'_> {
    fn time(&self) -> Option<i64> {
        match self {
            Part::Message(message) => message.times.1,
            Part::Failed(failed) => failed.time,
            Part::Media(packet) => packet.time,
        }
    }
}

/// Writes a pcapng file of these parts, a section for each capture point. Returns how many packets.
///
/// # Errors
/// When the output cannot be written.
pub fn compose(parts: &Parts<'_>, output: impl Write) -> Result<u64, ScanError> {
    let mut writer = Writer::new(output, parts.ended);
    for (number, point) in parts.points.iter().enumerate() {
        writer.section(if parts.points.len() > 1 { point } else { "" })?;
        let mut composer = Composer::default();
        let messages = parts.messages.iter().filter(|message| message.point == number).map(Part::Message);
        let failed = parts.failed.iter().filter(|_| number == 0).map(Part::Failed);
        let media = parts.media.iter().filter(|packet| packet.point == number).map(Part::Media);
        for part in in_turn(in_turn(messages, failed), media) {
            for Made { time, link, data, missing } in made(&part, &mut composer, &parts.addresses) {
                let orig_len = data.len() as u32 + missing;
                let packet = Packet { frame: 0, offset: 0, time, interface: 0, host: 0, link, orig_len, data: &data };
                writer.packet(&packet, "")?;
            }
        }
    }
    Ok(writer.finish()?)
}

fn made(part: &Part<'_>, composer: &mut Composer, addresses: &HashMap<IpAddr, IpAddr>) -> Vec<Made> {
    match part {
        Part::Message(Message { times, flow, ident, bytes, cut, .. }) => {
            composer.message(&Sent { times: *times, flow: *flow, ident: *ident, bytes, cut: *cut })
        }
        Part::Failed(Failed { time, flow, failure }) => composer.failure(*time, *flow, *failure),
        Part::Media(packet) => {
            let ends = (addresses.get(&packet.flow.src), addresses.get(&packet.flow.dst));
            let (Some(&src), Some(&dst)) = ends else { return Vec::new() };
            let flow = Flow { src, dst, ..packet.flow };
            let times = (packet.time, packet.time);
            composer.message(&Sent { times, flow, ident: packet.ident, bytes: &packet.bytes(), cut: false })
        }
    }
}

/// Two rows, each in order of time, in one; a part without a time stays where it is.
fn in_turn<'a>(
    one: impl Iterator<Item = Part<'a>>,
    other: impl Iterator<Item = Part<'a>>,
) -> impl Iterator<Item = Part<'a>> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || {
        let later = |first: &Part<'_>, second: &Part<'_>| {
            first.time().zip(second.time()).is_some_and(|(first, second)| first.cmp(&second) == Ordering::Greater)
        };
        match (one.peek(), other.peek()) {
            (Some(first), Some(second)) if later(first, second) => other.next(),
            (Some(_), _) => one.next(),
            (None, _) => other.next(),
        }
    })
}
