//! Which packets some messages came in: what an export copies.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use crate::net::{Flow, Protocol};
use crate::observation::Seen;
use crate::packet::{NO_TIME, Stamp};

/// A transport that fails this much later (64 T1 on Gm, T1 = 2 s: TS 24.229 §7.7) is no answer to a message any more.
const ANSWER_WINDOW: i64 = 128_000_000_000;

/// A packet: index of its file, frame.
type Id = (u32, u64);

/// Where media go, from session descriptions, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Media {
    pub address: IpAddr,
    pub port: u16,
    /// Both ends included, ns since 1970.
    pub since: i64,
    pub until: i64,
}

/// Where media go, and when.
#[derive(Debug, Default)]
pub struct Places(HashMap<(IpAddr, u16), Vec<(i64, i64)>>);

impl Places {
    pub fn new(media: &[Media]) -> Self {
        let mut places: HashMap<(IpAddr, u16), Vec<(i64, i64)>> = HashMap::new();
        for &Media { address, port, since, until } in media {
            places.entry((address, port)).or_default().push((since, until));
        }
        Self(places)
    }

    /// Is the receiver or the sender one of the places that were agreed on at this time?
    pub fn have(&self, flow: &Flow, time: i64) -> bool {
        let within = |&(since, until): &(i64, i64)| (since..=until).contains(&time);
        let of = |place| self.0.get(&place).is_some_and(|times| times.iter().any(within));
        !self.0.is_empty() && (of((flow.dst, flow.dst_port)) || of((flow.src, flow.src_port)))
    }
}

/// Follows the packets of messages through fragments and segments, while the capture is read.
pub struct Trace {
    /// File and frame that completed a message, offset of its first byte.
    wanted: HashSet<(u32, u64, u64)>,
    media: Places,
    /// The TCP connections of these messages, both directions.
    connections: HashSet<Flow>,
    /// Packets that what this packet completed came in.
    joined: HashMap<Id, Vec<Id>>,
    /// When the flows of the messages were in use.
    flows: HashMap<Flow, (i64, i64)>,
    failures: Vec<(u16, Flow, Stamp)>,
    chosen: BTreeSet<(u16, Id)>,
}

fn id(at: Stamp) -> Id {
    (at.file, at.frame)
}

impl Trace {
    /// `flows`: those of the messages.
    pub fn new(wanted: HashSet<(u32, u64, u64)>, flows: &[Flow], media: &[Media]) -> Self {
        let carriers = flows.iter().map(|flow| Flow { protocol: flow.protocol.carrier(), ..*flow });
        Self {
            wanted,
            media: Places::new(media),
            connections: carriers.filter(|it| it.protocol == Protocol::Tcp).flat_map(|it| [it, it.back()]).collect(),
            joined: HashMap::new(),
            flows: HashMap::new(),
            failures: Vec::new(),
            chosen: BTreeSet::new(),
        }
    }

    /// The packet `part` holds a fragment of what the packet `whole` completed.
    pub fn joined(&mut self, whole: Stamp, part: Stamp) {
        let (whole, part) = (id(whole), id(part));
        if whole != part {
            self.joined.entry(whole).or_default().push(part);
        }
    }

    /// A message, and the packets that delivered it at a capture point.
    pub fn message(&mut self, point: u16, seen: &Seen, packets: impl Iterator<Item = Stamp>) {
        if !self.wanted.contains(&(seen.last.file, seen.last.frame, seen.first.offset)) {
            return;
        }
        for packet in packets {
            self.choose(point, id(packet));
        }
        if seen.last.time != NO_TIME {
            // What fails is what carries it.
            let flow = Flow { protocol: seen.flow.protocol.carrier(), ..seen.flow };
            let (since, until) = self.flows.entry(flow).or_insert((seen.last.time, seen.last.time));
            (*since, *until) = ((*since).min(seen.last.time), (*until).max(seen.last.time));
        }
    }

    /// A payload that may be media: its receiver or its sender is one of the places that were agreed on.
    pub fn media(&mut self, point: u16, flow: &Flow, at: Stamp) {
        if self.media.have(flow, at.time) {
            self.choose(point, id(at));
        }
    }

    /// What shows where a TCP connection begins and ends: without it, another on the same ports is taken for it.
    pub fn connection(&mut self, point: u16, flow: &Flow, at: Stamp) {
        if self.connections.contains(flow) {
            self.choose(point, id(at));
        }
    }

    /// A transport failed; whether it carried a message that is wanted, the whole capture tells.
    pub fn failure(&mut self, point: u16, flow: Flow, at: Stamp) {
        self.failures.push((point, flow, at));
    }

    /// The packets, by capture point, file and frame.
    pub fn finish(mut self) -> BTreeSet<(u16, Id)> {
        for (point, flow, at) in std::mem::take(&mut self.failures) {
            let in_use = |flow| {
                self.flows.get(flow).is_some_and(|&(since, until)| {
                    at.time == NO_TIME || (since..=until.saturating_add(ANSWER_WINDOW)).contains(&at.time)
                })
            };
            if in_use(&flow) || in_use(&flow.back()) {
                self.choose(point, id(at));
            }
        }
        self.chosen
    }

    /// Chooses a packet and those that what it completed came in; a tunnel may come in fragments of fragments.
    fn choose(&mut self, point: u16, packet: Id) {
        let mut open = vec![packet];
        while let Some(packet) = open.pop() {
            if self.chosen.insert((point, packet)) {
                open.extend(self.joined.get(&packet).into_iter().flatten());
            }
        }
    }
}
