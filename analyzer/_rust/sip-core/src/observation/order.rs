//! All messages in time order, and the key of each.

use hashbrown::HashMap;

use super::key::{ObservationKey, key};
use crate::hash::Keyed;
use crate::packet::NO_TIME;

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
pub(super) struct Rows<'a> {
    chunks: &'a [&'a [ObservationKey]],
    /// The number of the first row of each chunk.
    starts: Vec<u32>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(chunks: &'a [&'a [ObservationKey]]) -> Self {
        let mut starts = Vec::with_capacity(chunks.len());
        let mut next = 0;
        for chunk in chunks {
            starts.push(next);
            next += chunk.len() as u32;
        }
        Self { chunks, starts }
    }

    pub(super) fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &'a ObservationKey)> {
        (0..).zip(self.chunks.iter().flat_map(|chunk| chunk.iter()))
    }

    pub(super) fn get(&self, row: u32) -> Option<&'a ObservationKey> {
        let chunk = self.starts.partition_point(|&start| start <= row).checked_sub(1)?;
        self.chunks.get(chunk)?.get((row - self.starts.get(chunk)?) as usize)
    }
}

/// One 63-bit key per row: hash of time, addresses and bytes, then the ordinal among equals.
pub(super) fn keys(rows: &Rows<'_>) -> Vec<i64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_time_stay_behind_the_row_they_follow() {
        assert_eq!(time_order(&[1, NO_TIME, 2, 2]), None);
        assert_eq!(time_order(&[5, NO_TIME, 3]), Some(vec![2, 0, 1]));
    }
}
