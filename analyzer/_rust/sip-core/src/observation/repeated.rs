//! The same bytes again: a packet that was captured twice, or a message that was sent twice.

use hashbrown::HashMap;

use super::key::ObservationKey;
use super::order::Rows;
use crate::hash::Keyed;
use crate::packet::NO_TIME;

/// A packet that two interfaces or taps of one clock see twice comes within this time (ns).
const SAME_PACKET: i64 = 50_000_000;
/// The same for packets that carry no identification (IPv4 ID 0): below 0.4 T1 nobody resends (RFC 3261 §17.1.1.2, T1 = 0.5 s).
const SAME_PACKET_NO_IDENT: i64 = 200_000_000;
/// Two taps whose clocks differ: the identification must be equal then, or each agent's own count of the copies.
pub(super) const CLOCK_SKEW: i64 = 10_000_000_000;
/// 64 T1 on Gm (T1 = 2 s, TS 24.229 §7.7): later than this, the same bytes are no retransmission but a sender that reuses them.
pub(super) const RESEND_WINDOW: i64 = 128_000_000_000;
/// How many earlier observations of the same bytes are compared with a new one.
const MAX_COMPARED: usize = 32;

/// What a row is that has the same bytes as one before it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Again {
    /// The same packet as this row, seen again.
    Duplicate(u32),
    Resent,
}

/// The rows whose bytes came before, of those contents that belong to this part.
pub(super) fn repeated(rows: &Rows<'_>, part: u64, parts: u64) -> HashMap<u32, Again, Keyed> {
    let mut sightings = Sightings::default();
    sightings.latest.reserve(rows.len() / parts as usize);
    for (index, row) in rows.iter().filter(|(_, row)| part_of(row.content, parts) == part) {
        sightings.add(index, row, |row| rows.get(row));
    }
    sightings.found
}

/// Rows that came, by their bytes.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// Latest row with the same bytes, and for a row the one before it: a chain per content without a Vec per entry.
    latest: HashMap<u64, u32, Keyed>,
    earlier: HashMap<u32, u32, Keyed>,
    /// Those whose bytes came before.
    pub found: HashMap<u32, Again, Keyed>,
}

impl Sightings {
    /// Takes in the row that comes next; `get` gives one that came before, if it is known still.
    pub fn add<'a>(&mut self, index: u32, row: &ObservationKey, get: impl Fn(u32) -> Option<&'a ObservationKey>) {
        let Self { latest, earlier, found } = self;
        let Some(chain) = latest.insert(row.content, index) else { return };
        earlier.insert(index, chain);
        let mut at = Some(chain);
        // Sightings that this agent has reported too.
        let mut taken = [None; MAX_COMPARED];
        for compared in 0..MAX_COMPARED {
            let Some((previous, other)) = at.and_then(|at| Some((at, get(at)?))) else { break };
            at = earlier.get(&previous).copied();
            if let Some(&Again::Duplicate(original)) = found.get(&previous) {
                if row.reported && other.reported && other.point == row.point {
                    if gap(row, other) < SAME_PACKET_NO_IDENT {
                        found.insert(index, Again::Duplicate(original));
                        break;
                    }
                    taken[compared] = Some(original);
                }
                continue; // its original comes further down the chain
            }
            if same_packet(row, other, row.reported && taken.contains(&Some(previous))) {
                found.insert(index, Again::Duplicate(previous));
                break;
            }
            if row.route == other.route && gap(row, other) <= RESEND_WINDOW {
                found.insert(index, Again::Resent);
            }
        }
    }

    /// Forgets a row: the earliest that there is.
    pub fn forget(&mut self, index: u32, row: &ObservationKey) {
        self.earlier.remove(&index);
        self.found.remove(&index);
        if self.latest.get(&row.content) == Some(&index) {
            self.latest.remove(&row.content);
        }
    }
}

/// The part that a hash belongs to; by other bits than those that place it in a map.
pub(super) fn part_of(hash: u64, parts: u64) -> u64 {
    (hash >> 40) % parts
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
