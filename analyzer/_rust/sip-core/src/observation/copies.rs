//! Copies: order in time, keys, duplicates, retransmissions, and the transaction of each message.
//!
//! One pass over all messages in time order, on the few numbers of [`ObservationKey`], with integer keys only. What it decides
//! is local: it depends on messages of the same bytes or the same transaction and on fixed windows, never on the file, the
//! number of threads or the length of the capture.

use std::net::IpAddr;
use std::panic::resume_unwind;
use std::thread;

use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashSet};

use crate::hash::{self, Keyed};
use crate::net::Flow;
use crate::packet::NO_TIME;

/// A packet that two interfaces or taps of one clock see twice comes within this time (ns).
const SAME_PACKET: i64 = 50_000_000;
/// The same for packets that carry no identification (IPv4 ID 0): below 0.4 T1 nobody resends (RFC 3261 §17.1.1.2, T1 = 0.5 s).
const SAME_PACKET_NO_IDENT: i64 = 200_000_000;
/// Two taps whose clocks differ: the identification must be equal then, or each agent's own count of the copies.
const CLOCK_SKEW: i64 = 10_000_000_000;
/// 64 T1 on Gm (T1 = 2 s, TS 24.229 §7.7): later than this, the same bytes are no retransmission but a sender that reuses them.
const RESEND_WINDOW: i64 = 128_000_000_000;
/// How many earlier observations of the same bytes are compared with a new one.
const MAX_COMPARED: usize = 32;

/// What the message is, as far as transactions are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    Ack,
    Response(u16),
}

/// The numbers of one message that [`classify_copies`] needs.
#[derive(Debug, Clone, Copy)]
pub struct ObservationKey {
    /// Capture time of the packet that completed it (ns), or [`NO_TIME`]; by the clock of the first capture point where the
    /// clocks of the others were corrected.
    pub time: i64,
    /// The same as stamped: a key does not depend on what is known of clocks.
    pub stamp: i64,
    /// Hash of the message's bytes.
    pub content: u64,
    /// Hash of transport, addresses and ports, in the direction of travel.
    pub route: u64,
    /// Hash of what makes a transaction on a hop (an ACK takes that of its INVITE).
    pub transaction: u64,
    /// IPv4 identification, SCTP TSN, TCP sequence number; 0 = the packet has none.
    pub ident: u32,
    pub point: u16,
    pub kind: Kind,
    /// A stream delivers each byte once per capture point: the same bytes again were sent again.
    pub stream: bool,
    pub ipv6: bool,
    /// An agent reported it (HEP): it has no identification, and the agent's own clock.
    pub reported: bool,
}

impl ObservationKey {
    /// The key of the first of the messages that are equal in all that a key is made of.
    pub fn first_key(&self) -> i64 {
        key(self.identity(), 0)
    }

    fn identity(&self) -> u64 {
        hash::pair(hash::pair(self.content, self.route), self.stamp as u64)
    }
}

impl ObservationKey {
    /// Bytes of one, and how many they are: [`ObservationKey::taken`] reads them.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::BYTES);
        self.put(&mut out, [false; 3]);
        out
    }

    /// Bytes of [`ObservationKey::to_bytes`].
    pub const BYTES: usize = 49;

    /// What [`ObservationKey::to_bytes`] gave, one after the other; `None` for anything else.
    pub fn all_of(bytes: &[u8]) -> Option<Vec<Self>> {
        let mut at = bytes;
        let mut found = Vec::with_capacity(bytes.len() / Self::BYTES);
        while !at.is_empty() {
            found.push(Self::take(&mut at)?.0);
        }
        Some(found)
    }

    /// Three more bits have room behind its own.
    fn put(&self, out: &mut Vec<u8>, more: [bool; 3]) {
        out.extend(self.time.to_le_bytes());
        out.extend(self.stamp.to_le_bytes());
        out.extend(self.content.to_le_bytes());
        out.extend(self.route.to_le_bytes());
        out.extend(self.transaction.to_le_bytes());
        out.extend(self.ident.to_le_bytes());
        out.extend(self.point.to_le_bytes());
        let kind = match self.kind {
            Kind::Request => 0,
            Kind::Ack => 1,
            Kind::Response(status) => status.max(2),
        };
        out.extend(kind.to_le_bytes());
        let flags = [self.stream, self.ipv6, self.reported];
        let bits = flags.iter().chain(&more).enumerate().map(|(bit, &set)| u8::from(set) << bit);
        out.push(bits.fold(0, |all, bit| all | bit));
    }

    /// The next of these, and the bits behind it, its own among them.
    fn take(at: &mut &[u8]) -> Option<(Self, u8)> {
        let [time, stamp] = [(); 2].map(|()| taken(at).map(i64::from_le_bytes));
        let [content, route, transaction] = [(); 3].map(|()| taken(at).map(u64::from_le_bytes));
        let ident = u32::from_le_bytes(taken(at)?);
        let point = u16::from_le_bytes(taken(at)?);
        let kind = match u16::from_le_bytes(taken(at)?) {
            0 => Kind::Request,
            1 => Kind::Ack,
            status => Kind::Response(status),
        };
        let [bits] = taken::<1>(at)?;
        let set = |bit: u8| bits >> bit & 1 == 1;
        let row = Self {
            time: time?,
            stamp: stamp?,
            content: content?,
            route: route?,
            transaction: transaction?,
            ident,
            point,
            kind,
            stream: set(0),
            ipv6: set(1),
            reported: set(2),
        };
        Some((row, bits))
    }
}

/// 63 bits of an identity and the ordinal among equals.
fn key(identity: u64, ordinal: u64) -> i64 {
    (hash::pair(identity, ordinal) >> 1) as i64
}

/// Hash of transport, addresses and ports, in the direction of travel.
pub fn route(flow: &Flow) -> u64 {
    let address = |ip: IpAddr, port: u16| {
        let hashed = match ip {
            IpAddr::V4(ip) => hash::bytes(&ip.octets()),
            IpAddr::V6(ip) => hash::bytes(&ip.octets()),
        };
        hash::pair(hashed, u64::from(port))
    };
    let ends = hash::pair(address(flow.src, flow.src_port), address(flow.dst, flow.dst_port));
    hash::pair(ends, flow.protocol as u64)
}

/// What [`classify_copies`] found out about one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    pub key: i64,
    /// Key of the transaction's earliest message; `None` for an ACK to a 2xx and what has no transaction.
    pub transaction: Option<i64>,
    /// Key of the first observation, if this is the same packet seen again.
    pub original: Option<i64>,
    pub retransmission: bool,
}

/// The rows in time order. `None` if they are so already (the usual case). A row without time stays behind the row it
/// follows in the capture.
pub fn time_order(times: &[i64]) -> Option<Vec<u32>> {
    let mut latest = NO_TIME;
    let in_place: Vec<i64> = times
        .iter()
        .map(|&time| {
            if time != NO_TIME {
                latest = time;
            }
            latest
        })
        .collect();
    if in_place.is_sorted() {
        return None;
    }
    let mut order: Vec<u32> = (0..times.len() as u32).collect();
    order.sort_by_key(|&row| in_place[row as usize]);
    Some(order)
}

/// All messages in time order, as the chunks have them.
struct Rows<'a> {
    chunks: &'a [&'a [ObservationKey]],
    /// The number of the first row of each chunk.
    starts: Vec<u32>,
}

impl<'a> Rows<'a> {
    fn new(chunks: &'a [&'a [ObservationKey]]) -> Self {
        let mut starts = Vec::with_capacity(chunks.len());
        let mut next = 0;
        for chunk in chunks {
            starts.push(next);
            next += chunk.len() as u32;
        }
        Self { chunks, starts }
    }

    fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &'a ObservationKey)> {
        (0..).zip(self.chunks.iter().flat_map(|chunk| chunk.iter()))
    }

    fn get(&self, row: u32) -> Option<&'a ObservationKey> {
        let chunk = self.starts.partition_point(|&start| start <= row).checked_sub(1)?;
        self.chunks.get(chunk)?.get((row - self.starts.get(chunk)?) as usize)
    }
}

/// Sweeps the messages; the chunks and their rows must be in time order.
///
/// What is alike has the same hash, so each of several threads takes those of some hashes, and none has to wait.
pub fn classify_copies(chunks: &[&[ObservationKey]], threads: usize) -> Vec<Observed> {
    let rows = Rows::new(chunks);
    let parts = match rows.len() {
        ..MANY => 1,
        _ => threads.clamp(1, MAX_PARTS) as u64,
    };
    let keys = keys(&rows);
    let mut copies = HashMap::with_hasher(Keyed);
    in_parts(parts, |part| repeated(&rows, part, parts)).into_iter().for_each(|found| copies.extend(found));

    let mut out: Vec<Observed> =
        keys.iter().map(|&key| Observed { key, transaction: None, original: None, retransmission: false }).collect();
    let key_of = |row: u32| keys.get(row as usize).copied();
    let expected = rows.len() / parts as usize;
    let joined = |part| {
        let mut open = HashMap::with_capacity_and_hasher(expected / 2, Keyed);
        joined(&rows, 0, &keys, &copies, &mut open, |transaction| part_of(transaction, parts) == part)
    };
    for joined in in_parts(parts, joined) {
        for Joined { row, opener, resent } in joined {
            if let Some(seen) = out.get_mut(row as usize) {
                seen.transaction = Some(opener);
                seen.retransmission = resent;
            }
        }
    }
    for (row, copy) in copies {
        let transaction = match copy {
            Again::Duplicate(original) => out.get(original as usize).and_then(|seen| seen.transaction),
            Again::Resent => None,
        };
        let Some(seen) = out.get_mut(row as usize) else { continue };
        match copy {
            Again::Duplicate(original) => {
                *seen = Observed { key: seen.key, transaction, original: key_of(original), retransmission: false };
            }
            Again::Resent => seen.retransmission = true,
        }
    }
    out
}

/// Fewer rows are classified sooner than threads are made.
const MANY: usize = 20_000;
/// Each part goes through all rows: more of them would get little to do.
const MAX_PARTS: usize = 4;

/// The results of all parts, each in a thread of its own.
fn in_parts<T: Send>(parts: u64, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    if parts == 1 {
        return vec![work(0)];
    }
    thread::scope(|scope| {
        let threads: Vec<_> = (0..parts)
            .map(|part| {
                scope.spawn({
                    let work = &work;
                    move || work(part)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// What a row is that has the same bytes as one before it.
#[derive(Debug, Clone, Copy)]
enum Again {
    /// The same packet as this row, seen again.
    Duplicate(u32),
    Resent,
}

/// The rows whose bytes came before, of those contents that belong to this part.
fn repeated(rows: &Rows<'_>, part: u64, parts: u64) -> HashMap<u32, Again, Keyed> {
    let mut found = HashMap::with_hasher(Keyed);
    // Latest row with the same bytes, and for a row the one before it: a chain per content without a Vec per entry.
    let mut latest: HashMap<u64, u32, Keyed> = HashMap::with_capacity_and_hasher(rows.len() / parts as usize, Keyed);
    let mut earlier: HashMap<u32, u32, Keyed> = HashMap::with_hasher(Keyed);
    for (index, row) in rows.iter().filter(|(_, row)| part_of(row.content, parts) == part) {
        let chain = latest.insert(row.content, index);
        if let Some(previous) = chain {
            earlier.insert(index, previous);
        }
        let mut at = chain;
        // Sightings that this agent has reported too.
        let mut taken = [u32::MAX; MAX_COMPARED];
        for compared in 0..MAX_COMPARED {
            let Some((previous, other)) = at.and_then(|at| Some((at, rows.get(at)?))) else { break };
            at = earlier.get(&previous).copied();
            if let Some(&Again::Duplicate(original)) = found.get(&previous) {
                if row.reported && other.reported && other.point == row.point {
                    if gap(row, other) < SAME_PACKET_NO_IDENT {
                        found.insert(index, Again::Duplicate(original));
                        break;
                    }
                    taken[compared] = original;
                }
                continue; // its original comes further down the chain
            }
            if same_packet(row, other, row.reported && taken.contains(&previous)) {
                found.insert(index, Again::Duplicate(previous));
                break;
            }
            if row.route == other.route && gap(row, other) <= RESEND_WINDOW {
                found.insert(index, Again::Resent);
            }
        }
    }
    found
}

/// The part that a hash belongs to; by other bits than those that place it in a map.
fn part_of(hash: u64, parts: u64) -> u64 {
    (hash >> 40) % parts
}

/// The state of one transaction as the pass goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transaction {
    /// The key of the message that opened it.
    pub opener: i64,
    pub last_request: i64,
    pub final_status: u16,
    /// Time of its last message.
    pub last: i64,
}

/// The transactions that may go on, by hash.
pub(super) type Open = HashMap<u64, Transaction, Keyed>;

/// A row in a transaction.
struct Joined {
    row: u32,
    opener: i64,
    /// A request of it that was sent before.
    resent: bool,
}

/// The rows from `start` on that are in a transaction, of those transactions that are `ours`.
fn joined(
    rows: &Rows<'_>,
    start: u32,
    keys: &[i64],
    copies: &HashMap<u32, Again, Keyed>,
    open: &mut Open,
    ours: impl Fn(u64) -> bool,
) -> Vec<Joined> {
    let mut found = Vec::new();
    for (index, row) in rows.iter().filter(|(index, row)| *index >= start && ours(row.transaction)) {
        if matches!(copies.get(&index), Some(Again::Duplicate(_))) {
            continue;
        }
        let Some(&key) = keys.get(index as usize) else { continue };
        if let (Some(opener), resent) = join(open, row, key) {
            found.push(Joined { row: index, opener, resent });
        }
    }
    found
}

fn gap(row: &ObservationKey, other: &ObservationKey) -> i64 {
    if row.time == NO_TIME || other.time == NO_TIME { 0 } else { row.time.saturating_sub(other.time).saturating_abs() }
}

/// The same packet seen twice, or sent on by an address translator that left the message alone (domain: captured twice is
/// not sent twice).
///
/// What an agent reports has nothing that identifies a packet. One agent reports each packet once: its next copy of the same
/// bytes was sent again, unless it comes sooner than anybody resends. Of another agent (or of a capture beside it) it is the
/// same packet, even if their clocks differ, as long as this one has not reported that copy yet (`taken`).
fn same_packet(row: &ObservationKey, other: &ObservationKey, taken: bool) -> bool {
    let gap = gap(row, other);
    if row.route != other.route {
        // Same bytes, so the same Via stack: a proxy would have added its own.
        return gap <= SAME_PACKET;
    }
    if row.reported || other.reported {
        let window = if row.point == other.point { SAME_PACKET_NO_IDENT } else { CLOCK_SKEW };
        return gap < window && !taken;
    }
    if row.stream && row.point == other.point {
        return row.ident == other.ident && gap == 0;
    }
    if row.ident != other.ident {
        return false;
    }
    match (row.ident, row.ipv6) {
        (0, false) => gap < SAME_PACKET_NO_IDENT,
        (0, true) => gap <= SAME_PACKET,
        _ => gap <= if row.point == other.point { SAME_PACKET } else { CLOCK_SKEW },
    }
}

/// Finds or opens the transaction of a message, and gives the row that opened it; says also whether it is a request of it
/// that was sent before.
fn join(open: &mut Open, row: &ObservationKey, key: i64) -> (Option<i64>, bool) {
    match (open.entry(row.transaction), row.kind) {
        // RFC 3261 §17.1.1.3: the ACK to a non-2xx belongs to the INVITE's transaction; §13.2.2.4: that to a 2xx does not.
        (Entry::Vacant(_), Kind::Ack) => (None, false),
        (Entry::Occupied(mut entry), Kind::Ack) => {
            let known = entry.get_mut();
            known.last = known.last.max(row.time);
            let joins = !(200..300).contains(&known.final_status);
            (joins.then_some(known.opener), false)
        }
        (Entry::Vacant(entry), kind) => {
            let final_status = if let Kind::Response(status @ 200..) = kind { status } else { 0 };
            let last_request = if kind == Kind::Request { row.time } else { NO_TIME };
            entry.insert(Transaction { opener: key, last_request, final_status, last: row.time });
            (Some(key), false)
        }
        (Entry::Occupied(mut entry), Kind::Request) => {
            let known = entry.get_mut();
            known.last = known.last.max(row.time);
            let since = if known.last_request == NO_TIME || row.time == NO_TIME {
                0
            } else {
                row.time.saturating_sub(known.last_request)
            };
            if known.final_status != 0 && since > RESEND_WINDOW {
                // A sender that uses one branch for ever (keep-alive OPTIONS of some stacks): another transaction.
                *known = Transaction { opener: key, last_request: row.time, final_status: 0, last: row.time };
                return (Some(key), false);
            }
            let resent = known.last_request != NO_TIME;
            known.last_request = row.time;
            (Some(known.opener), resent)
        }
        (Entry::Occupied(mut entry), Kind::Response(status)) => {
            let known = entry.get_mut();
            known.last = known.last.max(row.time);
            if status >= 200 && known.final_status == 0 {
                known.final_status = status;
            }
            (Some(known.opener), false)
        }
    }
}

/// One 63-bit key per row: hash of time, addresses and bytes, then the ordinal among equals.
fn keys(rows: &Rows<'_>) -> Vec<i64> {
    let mut out = Vec::with_capacity(rows.len());
    // Equal rows have equal times and so are neighbours in time, unless they have none: most rows need no look-up.
    let mut ordinals: HashMap<u64, u64, Keyed> = HashMap::with_hasher(Keyed);
    // Where clocks were set right, equal stamps need not be neighbours.
    let set_right = rows.iter().any(|(_, row)| row.time != row.stamp);
    let mut before = None;
    let mut after = rows.iter().map(|(_, row)| row.time).skip(1);
    for (_, row) in rows.iter() {
        let identity = row.identity();
        let neighbours = [before.replace(row.time), after.next()];
        let alone = !set_right && row.time != NO_TIME && !neighbours.contains(&Some(row.time));
        let ordinal = if alone {
            0
        } else {
            let count = ordinals.entry(identity).or_insert(0);
            *count += 1;
            *count - 1
        };
        out.push(key(identity, ordinal));
    }
    out
}

/// Rows of the past so old (ns) change nothing of what comes.
const HORIZON: i64 = RESEND_WINDOW + 2 * CLOCK_SKEW;

/// [`classify_copies`] in windows: what it must know of the messages that came before.
#[derive(Debug, Default)]
pub struct Copies {
    /// Messages of late, in time order, and what was found out about them.
    tail: Vec<(ObservationKey, Observed)>,
    open: Open,
    /// How many there were of each identity without a time.
    untimed: HashMap<u64, u64, Keyed>,
}

impl Copies {
    /// Sweeps the messages that come next, in time order. A transaction that was silent for `idle` (ns) is forgotten.
    pub fn classify(&mut self, rows: &[ObservationKey], idle: i64) -> Vec<Observed> {
        let (known, tail): (Vec<ObservationKey>, Vec<Observed>) = self.tail.drain(..).unzip();
        let start = known.len();
        let keys = self.keys(&known, &tail, rows);
        let chunks = [known.as_slice(), rows];
        let all = Rows::new(&chunks);
        let copies = repeated(&all, 0, 1);
        let mut out = tail;
        let new = keys.iter().skip(start);
        out.extend(new.map(|&key| Observed { key, transaction: None, original: None, retransmission: false }));
        for Joined { row, opener, resent } in joined(&all, start as u32, &keys, &copies, &mut self.open, |_| true) {
            if let Some(seen) = out.get_mut(row as usize) {
                (seen.transaction, seen.retransmission) = (Some(opener), resent);
            }
        }
        for (&row, copy) in copies.iter().filter(|(row, _)| **row as usize >= start) {
            let original = match copy {
                Again::Duplicate(original) => out.get(*original as usize).copied(),
                Again::Resent => None,
            };
            let Some(seen) = out.get_mut(row as usize) else { continue };
            match original {
                Some(Observed { key, transaction, .. }) => {
                    *seen = Observed { key: seen.key, transaction, original: Some(key), retransmission: false };
                }
                None => seen.retransmission = true,
            }
        }
        let found = out.split_off(start);
        let latest = known.iter().chain(rows).map(|row| row.time).max().unwrap_or(NO_TIME);
        let old = |row: &ObservationKey| row.time == NO_TIME || row.time < latest.saturating_sub(HORIZON);
        let both = known.into_iter().zip(out).chain(rows.iter().copied().zip(found.iter().copied()));
        self.tail = both.skip_while(|(row, _)| old(row)).collect();
        self.open.retain(|_, known| known.last == NO_TIME || known.last >= latest.saturating_sub(idle));
        found
    }

    /// The keys of all: of those known as they are, of the new ones behind them.
    fn keys(&mut self, known: &[ObservationKey], tail: &[Observed], rows: &[ObservationKey]) -> Vec<i64> {
        let first = rows.iter().map(|row| row.time).filter(|&time| time != NO_TIME).min().unwrap_or(NO_TIME);
        let mut ordinals: HashMap<u64, u64, Keyed> = HashMap::with_hasher(Keyed);
        for row in known.iter().filter(|row| row.time != NO_TIME && row.time >= first) {
            *ordinals.entry(row.identity()).or_insert(0) += 1;
        }
        let mut keys: Vec<i64> = tail.iter().map(|seen| seen.key).collect();
        keys.extend(rows.iter().map(|row| {
            let of = if row.time == NO_TIME { &mut self.untimed } else { &mut ordinals };
            let count = of.entry(row.identity()).or_insert(0);
            *count += 1;
            key(row.identity(), *count - 1)
        }));
        keys
    }

    /// As much of it as these messages have to do with.
    #[must_use]
    pub fn concerning(mut self, rows: &[ObservationKey]) -> Self {
        let contents: HashSet<u64, Keyed> = rows.iter().map(|row| row.content).collect();
        let transactions: HashSet<u64, Keyed> = rows.iter().map(|row| row.transaction).collect();
        let identities: HashSet<u64, Keyed> = rows.iter().map(ObservationKey::identity).collect();
        self.tail.retain(|(row, _)| contents.contains(&row.content));
        self.open.retain(|hash, _| transactions.contains(hash));
        self.untimed.retain(|identity, _| identities.contains(identity));
        self
    }

    /// What several know of messages that have nothing to do with each other, as one that has come to `latest` (ns) would;
    /// what a later one knows of the same counts.
    pub fn merged(all: impl IntoIterator<Item = Self>, latest: i64, idle: i64) -> Self {
        let mut found = Self::default();
        for one in all {
            found.tail.extend(one.tail);
            found.open.extend(one.open);
            found.untimed.extend(one.untimed);
        }
        found.tail.retain(|(row, _)| row.time != NO_TIME && row.time >= latest.saturating_sub(HORIZON));
        let mut keys = HashSet::<i64>::new();
        found.tail.retain(|(_, seen)| keys.insert(seen.key));
        found.tail.sort_by_key(|(row, _)| row.time);
        found.open.retain(|_, known| known.last == NO_TIME || known.last >= latest.saturating_sub(idle));
        found
    }

    /// As bytes, for whoever goes on another time.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + self.tail.len() * ROW + self.open.len() * 34 + self.untimed.len() * 16);
        out.extend((self.tail.len() as u64).to_le_bytes());
        for (row, seen) in &self.tail {
            let there = [seen.retransmission, seen.transaction.is_some(), seen.original.is_some()];
            row.put(&mut out, there);
            out.extend(seen.key.to_le_bytes());
            out.extend(seen.transaction.unwrap_or(0).to_le_bytes());
            out.extend(seen.original.unwrap_or(0).to_le_bytes());
        }
        out.extend((self.open.len() as u64).to_le_bytes());
        for (hash, known) in &self.open {
            out.extend(hash.to_le_bytes());
            out.extend(known.opener.to_le_bytes());
            out.extend(known.last_request.to_le_bytes());
            out.extend(known.last.to_le_bytes());
            out.extend(known.final_status.to_le_bytes());
        }
        out.extend((self.untimed.len() as u64).to_le_bytes());
        for (identity, count) in &self.untimed {
            out.extend(identity.to_le_bytes());
            out.extend(count.to_le_bytes());
        }
        out
    }

    /// What [`Copies::to_bytes`] gave; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut at = bytes;
        let mut found = Self::default();
        for _ in 0..u64::from_le_bytes(taken(&mut at)?) {
            let (row, bits) = ObservationKey::take(&mut at)?;
            let set = |bit: u8| bits >> bit & 1 == 1;
            let [key, opener, original] = [(); 3].map(|()| taken(&mut at).map(i64::from_le_bytes));
            let (opener, original) = (opener?, original?);
            let seen = Observed {
                key: key?,
                transaction: set(4).then_some(opener),
                original: set(5).then_some(original),
                retransmission: set(3),
            };
            found.tail.push((row, seen));
        }
        for _ in 0..u64::from_le_bytes(taken(&mut at)?) {
            let hash = u64::from_le_bytes(taken(&mut at)?);
            let [opener, last_request, last] = [(); 3].map(|()| taken(&mut at).map(i64::from_le_bytes));
            let final_status = u16::from_le_bytes(taken(&mut at)?);
            let known = Transaction { opener: opener?, last_request: last_request?, final_status, last: last? };
            found.open.insert(hash, known);
        }
        for _ in 0..u64::from_le_bytes(taken(&mut at)?) {
            let [identity, count] = [(); 2].map(|()| taken(&mut at).map(u64::from_le_bytes));
            found.untimed.insert(identity?, count?);
        }
        at.is_empty().then_some(found)
    }
}

/// Bytes of a row of [`Copies::to_bytes`].
const ROW: usize = 73;

/// The next bytes.
fn taken<const N: usize>(at: &mut &[u8]) -> Option<[u8; N]> {
    let (&found, rest) = at.split_first_chunk::<N>()?;
    *at = rest;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_find_what_the_whole_has() {
        let rows: Vec<_> = (0..400_u64)
            .map(|number| {
                let message = number / 4;
                let time = (number / 4 * 40 + [0, 1, 500, 501][number as usize % 4]) as i64;
                let kind = if message.is_multiple_of(3) { Kind::Response(200) } else { Kind::Request };
                let transaction = message / 2;
                ObservationKey { content: message, transaction, kind, ..seen(time, (number / 2) as u32) }
            })
            .collect();
        let mut rows = rows;
        rows.sort_by_key(|row| row.time);
        let whole = classified(&rows);
        for size in [1, 7, 100] {
            let mut copies = Copies::default();
            let mut found = Vec::new();
            for window in rows.chunks(size) {
                found.extend(copies.classify(window, 3_600_000 * MS));
                copies = Copies::from_bytes(&copies.to_bytes()).expect("what was written");
            }
            assert_eq!(found, whole, "windows of {size}");
        }
        assert!(Copies::from_bytes(&[1, 2, 3]).is_none());
    }

    const MS: i64 = 1_000_000;

    /// A request over UDP and IPv4, seen at point 0.
    fn seen(time_ms: i64, ident: u32) -> ObservationKey {
        ObservationKey {
            time: time_ms * MS,
            stamp: time_ms * MS,
            content: 1,
            route: 1,
            transaction: 1,
            ident,
            point: 0,
            kind: Kind::Request,
            stream: false,
            ipv6: false,
            reported: false,
        }
    }

    fn classified(rows: &[ObservationKey]) -> Vec<Observed> {
        classify_copies(&[rows], 1)
    }

    /// (is a duplicate, is a retransmission) of the last of these.
    fn last(rows: &[ObservationKey]) -> (bool, bool) {
        let found = classified(rows);
        found.last().map_or((false, false), |last| (last.original.is_some(), last.retransmission))
    }

    #[test]
    fn one_packet_at_two_interfaces_is_a_duplicate() {
        assert_eq!(last(&[seen(0, 7), seen(50, 7)]), (true, false));
    }

    #[test]
    fn another_ip_identification_is_another_packet() {
        assert_eq!(last(&[seen(0, 7), seen(1, 8)]), (false, true));
    }

    #[test]
    fn the_same_identification_much_later_is_another_packet() {
        assert_eq!(last(&[seen(0, 7), seen(51, 7)]), (false, true));
    }

    #[test]
    fn without_identification_nobody_resends_before_two_fifths_of_t1() {
        assert_eq!(last(&[seen(0, 0), seen(199, 0)]), (true, false));
        assert_eq!(last(&[seen(0, 0), seen(200, 0)]), (false, true));
    }

    #[test]
    fn clocks_of_two_taps_may_differ_by_seconds() {
        assert_eq!(last(&[seen(0, 7), ObservationKey { point: 1, ..seen(2_000, 7) }]), (true, false));
    }

    fn reported(time_ms: i64, agent: u16) -> ObservationKey {
        ObservationKey { reported: true, point: agent, ..seen(time_ms, 0) }
    }

    #[test]
    fn two_agents_report_one_packet_and_their_clocks_may_differ() {
        assert_eq!(last(&[reported(0, 1), reported(700, 2)]), (true, false));
        assert_eq!(last(&[seen(0, 7), reported(3, 2)]), (true, false), "a capture and an agent");
        assert_eq!(last(&[reported(0, 1), reported(10_000, 2)]), (false, true), "too far apart");
    }

    #[test]
    fn what_one_agent_reports_later_was_sent_again() {
        assert_eq!(last(&[reported(0, 1), reported(0, 1)]), (true, false));
        assert_eq!(last(&[reported(0, 1), reported(199, 1)]), (true, false), "two interfaces of its");
        assert_eq!(last(&[reported(0, 1), reported(500, 1)]), (false, true));
    }

    #[test]
    fn the_copies_of_two_agents_are_paired_in_order() {
        // Each reports the message and its second sending; the clock of the second is 300 ms ahead.
        let found =
            classified(&[reported(0, 1), reported(300, 2), reported(500, 1), reported(800, 2), reported(801, 2)]);
        let original: Vec<_> = found.iter().map(|it| it.original).collect();
        assert_eq!(original, [None, Some(found[0].key), None, Some(found[2].key), Some(found[2].key)]);
        assert!(found[2].retransmission && !found[0].retransmission);
    }

    #[test]
    fn behind_an_address_translator_the_bytes_are_the_same_and_the_route_is_not() {
        assert_eq!(last(&[seen(0, 7), ObservationKey { route: 2, ..seen(1, 7) }]), (true, false));
        assert_eq!(last(&[seen(0, 7), ObservationKey { route: 2, ..seen(500, 7) }]), (false, true), "same transaction");
    }

    #[test]
    fn each_copy_of_a_doubled_resending_is_a_duplicate_of_its_own_original() {
        let found = classified(&[seen(0, 7), seen(1, 7), seen(500, 8), seen(501, 8)]);
        let original: Vec<_> = found.iter().map(|it| it.original).collect();
        assert_eq!(original, [None, Some(found[0].key), None, Some(found[2].key)]);
        assert_eq!(found.iter().filter(|it| it.retransmission).count(), 1);
    }

    #[test]
    fn the_ack_to_a_failure_joins_and_the_ack_to_a_2xx_does_not() {
        let ack = |time| ObservationKey { content: 3, kind: Kind::Ack, ..seen(time, 9) };
        let answer = |status| ObservationKey { content: 2, route: 2, kind: Kind::Response(status), ..seen(10, 8) };
        let failed = classified(&[seen(0, 7), answer(486), ack(20)]);
        assert_eq!(failed[2].transaction, Some(failed[0].key));
        let answered = classified(&[seen(0, 7), answer(200), ack(20)]);
        assert_eq!(answered[2].transaction, None);
    }

    #[test]
    fn keys_of_equal_sightings_differ_and_do_not_depend_on_what_stands_between() {
        let other = ObservationKey { content: 5, ..seen(0, 1) };
        let near = classified(&[seen(0, 7), seen(0, 7), other]);
        let apart = classified(&[seen(0, 7), other, seen(0, 7)]);
        assert_ne!(near[0].key, near[1].key);
        assert_eq!((near[0].key, near[1].key), (apart[0].key, apart[2].key));
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let spread = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // Each message four times: as sent, seen at another interface, sent again, and that seen again.
        let mut rows: Vec<_> = (0..2 * MANY as i64)
            .map(|number| {
                let message = spread(number as u64 / 4);
                let time = number / 4 + [0, 1, 500, 501][number as usize % 4];
                ObservationKey { content: message, transaction: message, ..seen(time, (number / 2) as u32) }
            })
            .collect();
        rows.sort_by_key(|row| row.time);
        let told = |threads| {
            let told = |it: Observed| (it.key, it.transaction, it.original, it.retransmission);
            classify_copies(&[&rows], threads).into_iter().map(told).collect::<Vec<_>>()
        };
        let one = told(1);
        assert_eq!(one.iter().filter(|it| it.2.is_some()).count(), MANY);
        assert_eq!(one, told(2));
        assert_eq!(one, told(3));
    }

    #[test]
    fn rows_without_time_stay_behind_the_row_they_follow() {
        assert_eq!(time_order(&[1, NO_TIME, 2, 2]), None);
        assert_eq!(time_order(&[5, NO_TIME, 3]), Some(vec![2, 0, 1]));
    }
}
