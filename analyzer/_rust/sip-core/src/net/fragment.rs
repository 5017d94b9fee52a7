//! IP datagrams put together from fragments (RFC 791, RFC 8200 §4.5).
//!
//! | | IPv4 | IPv6 |
//! |---|---|---|
//! | belong together | addresses, protocol, identification | addresses, identification |
//! | overlap | the first copy of a byte wins; a problem where bytes differ | the datagram is void (RFC 5722) |
//! | exact duplicates | absorbed | absorbed |
//!
//! In a capture that holds every packet twice, the copies come as `f1 f2 f1 f2` (the second pair is a datagram of its
//! own, with the same identification) or as `f1 f1 f2 f2`: then the second `f1` is absorbed, and the datagram once
//! complete *owes* the duplicates of its other fragments, so that the second `f2` does not lie about, waiting to be
//! joined with a stranger.

use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::address::Ip;
use super::cursor::Cursor;
use super::encapsulation::Encapsulation;
use super::ip::Fragment;
use super::origin::Origin;
use crate::limits::Limits;
use crate::packet::Stamp;

/// Largest payload of an IP datagram: a fragment that ends past it cannot be (the "ping of death").
const MAX_DATAGRAM: u32 = 65_535;
/// What a piece costs beside its bytes; counted, so that many tiny fragments run into the limit too.
const PIECE_COST: usize = 64;

/// Which fragments belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    /// 0 in IPv6, where only the first fragment says it (RFC 8200 §4.5).
    protocol: u8,
    ident: u32,
}

/// The bytes of one fragment, or what was new in them.
struct Piece {
    start: u32,
    /// Where the fragment ended on the wire; beyond `bytes` if the capture sliced it.
    end: u32,
    bytes: Box<[u8]>,
    at: Stamp,
    /// Copies of it that were absorbed.
    copies: u32,
}

/// A datagram that is not whole yet.
pub(super) struct Group {
    serial: u64,
    ip: Ip,
    /// Next header of the fragment with offset 0.
    protocol: u8,
    depth: u8,
    /// Of the fragment that came first.
    encapsulation: Encapsulation,
    /// Sorted by start, without overlap.
    pieces: Vec<Piece>,
    /// Length of all pieces on the wire.
    covered: u32,
    /// Known once the last fragment is here.
    total: Option<u32>,
    first: Stamp,
    last: Stamp,
    /// Packets the ledger counts as held.
    packets: u64,
    cost: usize,
    /// IPv6 fragments overlapped: nothing of it is delivered.
    void: bool,
}

/// What is still expected of a datagram that is complete: duplicates of (start, end, hash of the bytes), so many times.
struct Owed {
    serial: u64,
    copies: Vec<(u32, u32, u64, u32)>,
}

enum Entry {
    Held(Box<Group>),
    Owed(Owed),
}

/// A datagram put together, or what there is of one.
pub(super) struct Reassembled {
    pub ip: Ip,
    pub protocol: u8,
    pub bytes: Vec<u8>,
    /// Position in the file of the first byte.
    pub offset: u64,
    /// Bytes known to be missing behind `bytes`.
    pub missing: u32,
    /// The last fragment never came: more may be missing.
    pub open: bool,
    pub origin: Origin,
    pub depth: u8,
    /// Packets the ledger counts as held that went into it.
    pub held: u64,
    /// The packets that its bytes came in.
    pub parts: Vec<Stamp>,
}

impl Reassembled {
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { bytes: &self.bytes, offset: self.offset, missing: self.missing, open: self.open }
    }
}

/// A group that was given up.
pub(super) struct GivenUp {
    pub why: Why,
    pub first: Stamp,
    pub held: u64,
    /// Bytes that came, and where the datagram ends as far as is known.
    pub have: u32,
    pub end: u32,
    /// What lies in front of the first hole, if the first fragment is there.
    pub datagram: Option<Reassembled>,
}

/// Why a group was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Incomplete,
    Limit,
    Void,
}

/// What became of a fragment.
pub(super) enum Outcome {
    Held,
    Repeated,
    /// Not a multiple of 8 bytes, past the largest datagram, or at odds with what is known of the end.
    Invalid,
    /// IPv6 overlap, now or before.
    Void,
    Complete(Box<Reassembled>),
}

/// A fragment as it came.
pub(super) struct Incoming<'a> {
    pub ip: Ip,
    pub protocol: u8,
    pub fragment: Fragment,
    pub cursor: Cursor<'a>,
    pub depth: u8,
}

/// The datagrams of a capture point that are not whole yet.
pub(super) struct Fragments {
    entries: HashMap<Key, Entry>,
    /// By age.
    order: BTreeMap<u64, (i64, Key)>,
    serial: u64,
    bytes: usize,
    /// Groups given up, for the decoder to report and deliver: not from within, where a packet is on its way.
    pub given_up: VecDeque<GivenUp>,
    hasher: foldhash::fast::FixedState,
    max_groups: usize,
    max_bytes: usize,
    timeout: i64,
}

impl Fragments {
    pub fn new(limits: &Limits) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            serial: 0,
            bytes: 0,
            given_up: VecDeque::new(),
            hasher: foldhash::fast::FixedState::default(),
            max_groups: limits.max_fragment_groups.max(1),
            max_bytes: limits.max_fragment_bytes,
            timeout: limits.fragment_timeout_ns,
        }
    }

    /// Gives up the groups that are too old at `now`. Time may run backwards, where one capture follows another.
    pub fn expire(&mut self, now: i64) {
        while let Some((&serial, &(since, key))) = self.order.first_key_value() {
            if now.abs_diff(since) <= self.timeout.unsigned_abs() {
                break;
            }
            self.give_up(serial, &key, Why::Incomplete);
        }
    }

    /// Gives up all; says whether there was anything.
    pub fn finish(&mut self) -> bool {
        let any = !self.order.is_empty();
        while let Some((&serial, &(_, key))) = self.order.first_key_value() {
            self.give_up(serial, &key, Why::Incomplete);
        }
        any
    }

    /// Takes a fragment in; `true` comes with bytes that differ from those of an earlier copy.
    pub fn insert(&mut self, incoming: &Incoming<'_>, origin: &Origin, now: i64) -> (Outcome, bool) {
        let &Incoming { ip, fragment: Fragment { offset: start, more }, cursor, .. } = incoming;
        let Some(end) = u32::try_from(cursor.wire_len()).ok().and_then(|n| start.checked_add(n)) else {
            return (Outcome::Invalid, false);
        };
        if end > MAX_DATAGRAM || end == start || (more && !(end - start).is_multiple_of(8)) {
            return (Outcome::Invalid, false);
        }
        let v6 = ip.src.is_ipv6();
        let key = Key { src: ip.src, dst: ip.dst, protocol: if v6 { 0 } else { incoming.protocol }, ident: ip.ident };
        self.clear_stale(&key, now);
        if self.take_owed(&key, start, end, cursor.bytes) {
            return (Outcome::Repeated, false);
        }
        let (_, at) = origin.stamps(cursor.offset);
        let serial = &mut self.serial;
        let order = &mut self.order;
        let entry = self.entries.entry(key).or_insert_with(|| {
            *serial += 1;
            order.insert(*serial, (now, key));
            Entry::Held(Box::new(Group::new(*serial, incoming, origin)))
        });
        let Entry::Held(group) = entry else { return (Outcome::Repeated, false) };
        let before = group.cost;
        let (outcome, conflict) = group.insert(incoming, v6, end, at, origin);
        self.bytes = self.bytes + group.cost - before;
        let outcome = match outcome {
            Added::New if group.is_complete() => {
                self.complete(&key, origin.packets).map_or(Outcome::Held, |whole| Outcome::Complete(Box::new(whole)))
            }
            Added::New => {
                group.packets += origin.packets;
                self.keep_limits();
                Outcome::Held
            }
            Added::Repeated => Outcome::Repeated,
            Added::Invalid => Outcome::Invalid,
            Added::Void => Outcome::Void,
        };
        (outcome, conflict)
    }

    /// A group found by its key may be older than the timeout while an older one keeps the queue from moving.
    fn clear_stale(&mut self, key: &Key, now: i64) {
        let serial = match self.entries.get(key) {
            Some(Entry::Held(group)) => group.serial,
            Some(Entry::Owed(owed)) => owed.serial,
            None => return,
        };
        let since = self.order.get(&serial).map_or(now, |&(since, _)| since);
        if now.abs_diff(since) > self.timeout.unsigned_abs() {
            self.give_up(serial, key, Why::Incomplete);
        }
    }

    /// Is it a duplicate that a complete datagram still expects? Anything else under its key begins a new datagram.
    fn take_owed(&mut self, key: &Key, start: u32, end: u32, bytes: &[u8]) -> bool {
        let Some(Entry::Owed(owed)) = self.entries.get_mut(key) else { return false };
        let hash = self.hasher.hash_one(bytes);
        let found = owed.copies.iter().position(|&(s, e, h, _)| (s, e, h) == (start, end, hash));
        if let Some(copy) = found.and_then(|index| owed.copies.get_mut(index)) {
            copy.3 -= 1;
        }
        owed.copies.retain(|&(.., count)| count > 0);
        if found.is_none() || owed.copies.is_empty() {
            let serial = owed.serial;
            self.order.remove(&serial);
            self.entries.remove(key);
        }
        found.is_some()
    }

    /// Takes the complete datagram out, and leaves what it owes.
    fn complete(&mut self, key: &Key, packets: u64) -> Option<Reassembled> {
        let Some(Entry::Held(group)) = self.entries.remove(key) else { return None };
        self.bytes -= group.cost;
        let most = group.pieces.iter().map(|piece| piece.copies).max().unwrap_or(0);
        let copies: Vec<_> = group
            .pieces
            .iter()
            .filter(|piece| piece.copies < most)
            .map(|piece| (piece.start, piece.end, self.hasher.hash_one(&*piece.bytes), most - piece.copies))
            .collect();
        if copies.is_empty() {
            self.order.remove(&group.serial);
        } else {
            self.entries.insert(*key, Entry::Owed(Owed { serial: group.serial, copies }));
        }
        Some(group.datagram(packets))
    }

    fn keep_limits(&mut self) {
        while self.order.len() > self.max_groups || self.bytes > self.max_bytes {
            let Some((&serial, &(_, key))) = self.order.first_key_value() else { break };
            self.give_up(serial, &key, Why::Limit);
        }
    }

    fn give_up(&mut self, serial: u64, key: &Key, why: Why) {
        self.order.remove(&serial);
        let Some(Entry::Held(group)) = self.entries.remove(key) else { return };
        self.bytes -= group.cost;
        let end = group.total.unwrap_or_else(|| group.end() + 8);
        let have = group.pieces.iter().map(|piece| piece.bytes.len() as u32).sum();
        let (first, held, void) = (group.first, group.packets, group.void);
        let headed = !void && group.pieces.first().is_some_and(|piece| piece.start == 0);
        let datagram = headed.then(|| group.datagram(0));
        self.given_up.push_back(GivenUp { why: if void { Why::Void } else { why }, first, held, have, end, datagram });
    }
}

enum Added {
    New,
    Repeated,
    Invalid,
    Void,
}

impl Group {
    fn new(serial: u64, incoming: &Incoming<'_>, origin: &Origin) -> Self {
        let first = origin.stamps(incoming.cursor.offset).0;
        Group {
            serial,
            ip: incoming.ip,
            protocol: incoming.protocol,
            depth: incoming.depth,
            encapsulation: origin.encapsulation,
            pieces: Vec::new(),
            covered: 0,
            total: None,
            first,
            last: first,
            packets: 0,
            cost: 0,
            void: false,
        }
    }

    fn is_complete(&self) -> bool {
        self.total == Some(self.covered)
    }

    /// End of what is known of the datagram.
    fn end(&self) -> u32 {
        self.pieces.last().map_or(0, |piece| piece.end)
    }

    /// Adds what is new in a fragment; `true` says that bytes differ from an earlier copy.
    fn insert(&mut self, new: &Incoming<'_>, v6: bool, end: u32, at: Stamp, origin: &Origin) -> (Added, bool) {
        let Fragment { offset: start, more } = new.fragment;
        if self.void {
            return (Added::Void, false);
        }
        // The first piece that ends behind the start of the new one: all that overlap follow it.
        let index = self.pieces.partition_point(|piece| piece.end <= start);
        if let Some(piece) = self.pieces.get_mut(index).filter(|piece| (piece.start, piece.end) == (start, end))
            && same(&piece.bytes, new.cursor.bytes)
        {
            piece.copies += 1;
            return (Added::Repeated, false);
        }
        let overlaps = self.pieces.get(index).is_some_and(|piece| piece.start < end);
        let past_end = self.total.is_some_and(|total| end > total || (!more && end != total));
        let end_moves_back = !more && self.end() > end;
        if v6 && (overlaps || past_end || end_moves_back) {
            self.void = true;
            self.pieces.clear();
            self.cost = 0;
            return (Added::Void, false);
        }
        if past_end || end_moves_back {
            return (Added::Invalid, false);
        }
        let (added, conflict) = self.fill(index, start, end, new.cursor.bytes, at);
        if !more {
            self.total = Some(end);
        }
        if start == 0 && added {
            self.protocol = new.protocol;
        }
        self.depth = self.depth.max(new.depth);
        if added || !more && self.is_complete() {
            self.last = origin.stamps(new.cursor.offset).1;
            return (Added::New, conflict);
        }
        (Added::Repeated, conflict)
    }

    /// Puts the bytes that no piece covers into pieces of their own, from the piece `index` on.
    fn fill(&mut self, mut index: usize, start: u32, end: u32, bytes: &[u8], at: Stamp) -> (bool, bool) {
        let slice = |from: u32, to: u32| {
            let from = bytes.len().min((from - start) as usize);
            bytes.get(from..bytes.len().min((to - start) as usize)).unwrap_or_default()
        };
        let (mut cursor, mut added, mut conflict) = (start, false, false);
        while cursor < end {
            let next = self.pieces.get(index).filter(|piece| piece.start < end);
            if let Some(piece) = next.filter(|piece| piece.start <= cursor) {
                let known = piece.bytes.get((cursor - piece.start) as usize..).unwrap_or_default();
                let until = piece.end.min(end);
                conflict |= !same(known, slice(cursor, until));
                cursor = until;
                index += 1;
                continue;
            }
            let until = next.map_or(end, |piece| piece.start);
            let bytes: Box<[u8]> = slice(cursor, until).into();
            let at = Stamp { offset: at.offset + u64::from(cursor - start), ..at };
            self.cost += bytes.len() + PIECE_COST;
            self.covered += until - cursor;
            self.pieces.insert(index, Piece { start: cursor, end: until, bytes, at, copies: 0 });
            (cursor, added) = (until, true);
            index += 1;
        }
        (added, conflict)
    }

    /// Joins the bytes in front of the first hole. `packets` is what the packet on its way counts for.
    fn datagram(self, packets: u64) -> Reassembled {
        let end = self.total.unwrap_or_else(|| self.end() + 8);
        let mut bytes = Vec::with_capacity(self.end() as usize);
        let mut whole = 0;
        let mut parts = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            if piece.start != whole {
                break;
            }
            bytes.extend_from_slice(&piece.bytes);
            parts.push(piece.at);
            whole = piece.end;
            if bytes.len() < whole as usize {
                break;
            }
        }
        let head = self.pieces.first().map_or(self.first, |piece| piece.at);
        let is_head = |stamp: Stamp| (stamp.file, stamp.frame) == (head.file, head.frame);
        Reassembled {
            ip: self.ip,
            protocol: self.protocol,
            offset: head.offset,
            missing: end.saturating_sub(bytes.len() as u32),
            bytes,
            open: self.total.is_none(),
            origin: Origin {
                first: self.first,
                last: self.last,
                head_in_first: is_head(self.first),
                head_in_last: is_head(self.last),
                packets: self.packets + packets,
                exported: false,
                encapsulation: self.encapsulation,
            },
            depth: self.depth,
            held: self.packets,
            parts,
        }
    }
}

/// Do two copies agree as far as both were captured?
fn same(one: &[u8], other: &[u8]) -> bool {
    let common = one.len().min(other.len());
    one.get(..common) == other.get(..common)
}
