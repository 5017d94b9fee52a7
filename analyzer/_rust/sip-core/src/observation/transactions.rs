//! The transaction of each message (RFC 3261 §17.1.3, §17.2.3), and the requests of it that were sent before.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::key::{Kind, ObservationKey};
use super::order::Rows;
use super::repeated::{Again, CLOCK_SKEW, RESEND_WINDOW};
use crate::hash::Keyed;
use crate::packet::NO_TIME;

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

/// Rows of the past so old (ns) change nothing of what comes.
pub(super) const HORIZON: i64 = RESEND_WINDOW + 2 * CLOCK_SKEW;

impl Transaction {
    /// Whether it was answered so long before that all timers of it have run out (RFC 3261 §17, RFC 6026 §7: 64 T1 from the
    /// final response on, or less): what comes now with its branch is of another.
    fn is_over(&self, time: i64) -> bool {
        self.final_status != 0
            && self.last != NO_TIME
            && time != NO_TIME
            && time.saturating_sub(self.last) > RESEND_WINDOW
    }

    /// Whether nothing that comes can be of it, where all has come to `latest` and one that was silent for `idle` is forgotten.
    pub fn is_past(&self, latest: i64, idle: i64) -> bool {
        let wait = if self.final_status == 0 { idle } else { idle.min(HORIZON) };
        self.last != NO_TIME && self.last < latest.saturating_sub(wait)
    }
}

/// The transactions that may go on, by hash.
pub(super) type Open = HashMap<u64, Transaction, Keyed>;

/// A row in a transaction.
pub(super) struct Joined {
    pub row: u32,
    pub opener: i64,
    /// A request of it that was sent before.
    pub resent: bool,
}

/// The rows that are in a transaction, of those transactions that are `ours`.
pub(super) fn joined(
    rows: &Rows<'_>,
    keys: &[i64],
    copies: &HashMap<u32, Again, Keyed>,
    open: &mut Open,
    ours: impl Fn(u64) -> bool,
) -> Vec<Joined> {
    let mut found = Vec::new();
    for (index, row) in rows.iter().filter(|(_, row)| ours(row.transaction)) {
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

/// Finds or opens the transaction of a message, and gives the row that opened it; says also whether it is a request of it
/// that was sent before.
pub(super) fn join(open: &mut Open, row: &ObservationKey, key: i64) -> (Option<i64>, bool) {
    let alive = |known: Transaction| (!known.is_over(row.time)).then_some(known);
    match (open.entry(row.transaction).and_replace_entry_with(|_, known| alive(known)), row.kind) {
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
