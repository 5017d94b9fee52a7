//! What of the streams goes on in another reading, as bytes.

use hashbrown::HashMap;

use super::{Identity, Slot, Streams};
use crate::media::key::Key;
use crate::media::msrp::Session;
use crate::media::seen::Seen;
use crate::media::stream::Stream;
use crate::media::{rtcp, turn};
use crate::net::Flow;

/// The number of the first file that was read another time: a stream that goes on began in it.
pub const EARLIER: u32 = 1 << 31;

/// What another reading goes on with; of each stream the file that it began in.
type State = (
    (Vec<(Key, Stream, String)>, Vec<(Key, Seen, String)>),
    Vec<(Identity, u32)>,
    rtcp::State,
    turn::State,
    Vec<(u16, Flow, Session)>,
);

impl Streams {
    /// The name of a file that was read another time.
    pub fn earlier(&self, file: u32) -> Option<&str> {
        self.earlier.get(file.checked_sub(EARLIER)? as usize).map(String::as_str)
    }

    /// What goes on, as bytes for [`Streams::restore`]; `name` gives that of a file.
    pub fn to_bytes<'a>(&'a self, name: impl Fn(u32) -> Option<&'a str>) -> Vec<u8> {
        let name = |file| self.earlier(file).or_else(|| name(file)).unwrap_or_default();
        let (mut streams, mut seen) = (Vec::new(), Vec::new());
        for (key, slot) in &self.open {
            match slot {
                Slot::Known(stream) => streams.push((key, &**stream, name(stream.first.file))),
                Slot::Seen(it) => seen.push((key, &**it, name(it.file()))),
            }
        }
        let ordinals: Vec<_> = self.ordinals.iter().collect();
        let state = ((streams, seen), ordinals, self.reports.state(), self.relays.state(), self.sessions.open());
        postcard::to_allocvec(&state).unwrap_or_default()
    }

    /// Goes on from what [`Streams::to_bytes`] gave; from nothing for other bytes.
    pub fn restore(&mut self, bytes: &[u8]) {
        let Ok(((streams, seen), ordinals, reports, relays, sessions)) = postcard::from_bytes::<State>(bytes) else {
            return;
        };
        let mut numbers = HashMap::<String, u32>::new();
        let mut number = |file| {
            let next = EARLIER + numbers.len() as u32;
            *numbers.entry(file).or_insert(next)
        };
        for (key, mut stream, file) in streams {
            stream.first.file = number(file);
            self.open.insert(key, Slot::Known(Box::new(stream)));
        }
        self.seen = seen.len();
        for (key, mut it, file) in seen {
            it.is_of(number(file));
            self.open.insert(key, Slot::Seen(Box::new(it)));
        }
        self.earlier = vec![String::new(); numbers.len()];
        for (file, number) in numbers {
            if let Some(place) = self.earlier.get_mut((number - EARLIER) as usize) {
                *place = file;
            }
        }
        self.ordinals = ordinals.into_iter().collect();
        self.reports.restore(reports);
        self.relays.restore(relays);
        self.sessions.restore(sessions);
    }

    /// What several gave with [`Streams::to_bytes`], each of capture points of its own, as one that read all would give it:
    /// of each the points that count, and their numbers in the whole. Bytes that are none add nothing.
    pub fn merged(parts: &[(Vec<u8>, HashMap<u16, u16>)]) -> Vec<u8> {
        let (mut streams, mut seen, mut ordinals, mut sessions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut found, mut sent, mut peers, mut given) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (bytes, points) in parts {
            let Ok(((of_streams, of_seen), of_ordinals, reports, relays, of_sessions)) =
                postcard::from_bytes::<State>(bytes)
            else {
                continue;
            };
            let moved = |key: Key| points.get(&key.point).map(|&point| Key { point, ..key });
            let of_streams = of_streams.into_iter();
            streams.extend(of_streams.filter_map(|(key, it, file)| Some((moved(key)?, it, file))));
            seen.extend(of_seen.into_iter().filter_map(|(key, it, file)| Some((moved(key)?, it, file))));
            ordinals.extend(of_ordinals);
            found.extend(reports.0.into_iter().filter_map(|(key, reporter, mut it)| {
                let key = moved(key)?;
                it.point = key.point;
                Some((key, reporter, it))
            }));
            let of_sent = reports.1.into_iter();
            sent.extend(of_sent.filter_map(|((point, source), times)| Some(((*points.get(&point)?, source), times))));
            peers.extend(relays.0);
            given.extend(relays.1);
            let of_sessions = of_sessions.into_iter();
            sessions.extend(of_sessions.filter_map(|(point, flow, it)| Some((*points.get(&point)?, flow, it))));
        }
        let state: State = ((streams, seen), ordinals, (found, sent), (peers, given), sessions);
        postcard::to_allocvec(&state).unwrap_or_default()
    }
}
