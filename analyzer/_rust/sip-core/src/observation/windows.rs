//! Copies in windows: what is known of the messages that came before.

use hashbrown::{HashMap, HashSet};

use super::copies::Observed;
use super::key::{ObservationKey, key, taken};
use super::order::Rows;
use super::repeated::{Again, CLOCK_SKEW, RESEND_WINDOW, repeated};
use super::transactions::{Joined, Open, Transaction, joined};
use crate::hash::Keyed;
use crate::packet::NO_TIME;

/// Rows of the past so old (ns) change nothing of what comes.
const HORIZON: i64 = RESEND_WINDOW + 2 * CLOCK_SKEW;

/// [`super::classify_copies`] in windows: what it must know of the messages that came before.
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
