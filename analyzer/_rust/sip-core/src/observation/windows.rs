//! Copies in windows: what is known of the messages that came before.

use std::collections::VecDeque;

use hashbrown::{HashMap, HashSet};

use super::copies::Observed;
use super::key::{ObservationKey, key, taken};
use super::repeated::{Again, Sightings};
use super::transactions::{HORIZON, Open, Transaction, join};
use crate::hash::Keyed;
use crate::packet::NO_TIME;

/// [`super::classify_copies`] in windows: what it must know of the messages that came before.
#[derive(Debug, Default)]
pub struct Copies {
    tail: Tail,
    sightings: Sightings,
    open: Open,
    /// How many there were of each identity without a time.
    untimed: HashMap<u64, u64, Keyed>,
}

/// Messages of late, in time order, and what was found out about them.
#[derive(Debug, Default)]
struct Tail {
    rows: VecDeque<(ObservationKey, Observed)>,
    /// The number of the first of them: numbers go round.
    first: u32,
}

impl Tail {
    fn next(&self) -> u32 {
        self.first.wrapping_add(self.rows.len() as u32)
    }

    fn get(&self, number: u32) -> Option<&(ObservationKey, Observed)> {
        self.rows.get(number.wrapping_sub(self.first) as usize)
    }
}

impl Copies {
    /// Sweeps the messages that come next, in time order. A transaction that was silent for `idle` (ns) is forgotten.
    pub fn classify(&mut self, rows: &[ObservationKey], idle: i64) -> Vec<Observed> {
        let mut ordinals = self.ordinals(rows);
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let count = if row.time == NO_TIME { &mut self.untimed } else { &mut ordinals };
            let ordinal = count.entry(row.identity()).or_insert(0);
            let key = key(row.identity(), *ordinal);
            *ordinal += 1;
            let seen = self.seen(row, key);
            self.tail.rows.push_back((*row, seen));
            found.push(seen);
        }
        let latest = self.tail.rows.iter().map(|(row, _)| row.time).max().unwrap_or(NO_TIME);
        let old = |row: &ObservationKey| row.time == NO_TIME || row.time < latest.saturating_sub(HORIZON);
        while let Some((row, _)) = self.tail.rows.front().filter(|(row, _)| old(row)) {
            self.sightings.forget(self.tail.first, row);
            self.tail.rows.pop_front();
            self.tail.first = self.tail.first.wrapping_add(1);
        }
        self.open.retain(|_, known| !known.is_past(latest, idle));
        found
    }

    /// What is found out about the message that comes next.
    fn seen(&mut self, row: &ObservationKey, key: i64) -> Observed {
        let Self { tail, sightings, open, .. } = self;
        let number = tail.next();
        sightings.add(number, row, |number| tail.get(number).map(|(row, _)| row));
        let again = sightings.found.get(&number);
        if let Some(&Again::Duplicate(original)) = again {
            let original = tail.get(original).map(|(_, seen)| seen);
            let (original, transaction) = (original.map(|seen| seen.key), original.and_then(|seen| seen.transaction));
            return Observed { key, transaction, original, retransmission: original.is_none() };
        }
        let (transaction, resent) = join(open, row, key);
        Observed {
            key,
            transaction,
            original: None,
            retransmission: resent && transaction.is_some() || again.is_some(),
        }
    }

    /// How many of the messages that are known there are of each identity, as far as they may be those of `rows`.
    fn ordinals(&self, rows: &[ObservationKey]) -> HashMap<u64, u64, Keyed> {
        let first = rows.iter().map(|row| row.time).filter(|&time| time != NO_TIME).min().unwrap_or(NO_TIME);
        let mut ordinals: HashMap<u64, u64, Keyed> = HashMap::with_hasher(Keyed);
        for (row, _) in self.tail.rows.iter().filter(|(row, _)| row.time != NO_TIME && row.time >= first) {
            *ordinals.entry(row.identity()).or_insert(0) += 1;
        }
        ordinals
    }

    /// One that knows these messages of late, in time order.
    fn knowing(rows: Vec<(ObservationKey, Observed)>) -> Self {
        let mut found = Self::default();
        let Self { tail, sightings, .. } = &mut found;
        for (row, seen) in rows {
            sightings.add(tail.next(), &row, |number| tail.get(number).map(|(row, _)| row));
            tail.rows.push_back((row, seen));
        }
        found
    }

    /// As much of it as these messages have to do with.
    #[must_use]
    pub fn concerning(self, rows: &[ObservationKey]) -> Self {
        let contents: HashSet<u64, Keyed> = rows.iter().map(|row| row.content).collect();
        let transactions: HashSet<u64, Keyed> = rows.iter().map(|row| row.transaction).collect();
        let identities: HashSet<u64, Keyed> = rows.iter().map(ObservationKey::identity).collect();
        let Self { tail, mut open, mut untimed, .. } = self;
        open.retain(|hash, _| transactions.contains(hash));
        untimed.retain(|identity, _| identities.contains(identity));
        let known = tail.rows.into_iter().filter(|(row, _)| contents.contains(&row.content)).collect();
        Self { open, untimed, ..Self::knowing(known) }
    }

    /// What several know of messages that have nothing to do with each other, as one that has come to `latest` (ns) would;
    /// what a later one knows of the same counts.
    pub fn merged(all: impl IntoIterator<Item = Self>, latest: i64, idle: i64) -> Self {
        let (mut rows, mut open, mut untimed) = (Vec::new(), Open::default(), HashMap::with_hasher(Keyed));
        for one in all {
            rows.extend(one.tail.rows);
            open.extend(one.open);
            untimed.extend(one.untimed);
        }
        rows.retain(|(row, _)| row.time != NO_TIME && row.time >= latest.saturating_sub(HORIZON));
        let mut keys = HashSet::<i64>::new();
        rows.retain(|(_, seen)| keys.insert(seen.key));
        rows.sort_by_key(|(row, _)| row.time);
        open.retain(|_, known| !known.is_past(latest, idle));
        Self { open, untimed, ..Self::knowing(rows) }
    }

    /// As bytes, for whoever goes on another time.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(24 + self.tail.rows.len() * ROW + self.open.len() * 34 + self.untimed.len() * 16);
        out.extend((self.tail.rows.len() as u64).to_le_bytes());
        for (row, seen) in &self.tail.rows {
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
        let mut rows = Vec::new();
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
            rows.push((row, seen));
        }
        let mut found = Self::knowing(rows);
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
