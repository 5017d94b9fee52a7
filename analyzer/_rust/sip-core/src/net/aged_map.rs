//! A bounded table of flows: the one that was idle longest gives way.

use std::hash::Hash;

use hashbrown::HashMap;

/// Flows by key, in slots that stay where they are. Eviction is the CLOCK algorithm: a hand goes round the slots, lets
/// those live that were used since it last came by, and takes the first that was not.
pub(super) struct AgedMap<K, V> {
    index: HashMap<K, u32>,
    slots: Vec<Slot<K, V>>,
    hand: usize,
    max: usize,
}

struct Slot<K, V> {
    key: K,
    value: V,
    used: bool,
}

impl<K: Copy + Eq + Hash, V> AgedMap<K, V> {
    pub fn new(max: usize) -> Self {
        Self { index: HashMap::new(), slots: Vec::new(), hand: 0, max: max.clamp(1, u32::MAX as usize) }
    }

    /// The slot of a key that is in the table.
    pub fn find(&mut self, key: &K) -> Option<u32> {
        let slot = *self.index.get(key)?;
        if let Some(slot) = self.slots.get_mut(slot as usize) {
            slot.used = true;
        }
        Some(slot)
    }

    /// Puts a key that is not in the table into it; returns its slot, and the flow that gave way.
    pub fn insert(&mut self, key: K, value: V) -> (u32, Option<(K, V)>) {
        let new = Slot { key, value, used: false };
        if self.slots.len() < self.max {
            let slot = self.slots.len() as u32;
            self.slots.push(new);
            self.index.insert(key, slot);
            return (slot, None);
        }
        loop {
            let at = self.hand % self.slots.len();
            self.hand = at + 1;
            let Some(slot) = self.slots.get_mut(at) else { continue };
            if std::mem::take(&mut slot.used) {
                continue;
            }
            let old = std::mem::replace(slot, new);
            self.index.remove(&old.key);
            self.index.insert(key, at as u32);
            return (at as u32, Some((old.key, old.value)));
        }
    }

    pub fn get_mut(&mut self, slot: u32) -> Option<(&K, &mut V)> {
        self.slots.get_mut(slot as usize).map(|slot| (&slot.key, &mut slot.value))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().map(|slot| (&slot.key, &slot.value))
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_idle_longest_gives_way() {
        let mut table = AgedMap::new(2);
        table.insert('a', ());
        table.insert('b', ());
        table.find(&'a');
        let (_, evicted) = table.insert('c', ());
        assert_eq!(evicted, Some(('b', ())));
        assert!(table.find(&'a').is_some() && table.find(&'b').is_none() && table.find(&'c').is_some());
    }
}
