//! Whom to dial first.

use std::collections::HashMap;

use rand::RngExt as _;

use super::{SeedEntry, diversity::groups};
use crate::{clock::Rng, peers::Group};

/// Among the first so many no autonomous system is there twice (the original's figure).
const APART_BY_SYSTEM: usize = 4;

/// Among the first so many no address group is there more than [`PER_GROUP`] times (the original's
/// figures).
const APART_BY_GROUP: usize = 8;

/// See [`APART_BY_GROUP`].
const PER_GROUP: usize = 2;

/// The entries in the order in which to dial them: drawn by weight, the first ones from different
/// places where there are any.
///
/// An entry of weight 20 comes before one of weight 10 two times in three (Efraimidis and Spirakis,
/// 2006). An entry that would crowd its place waits until the first few are chosen; where only such
/// are left, they follow all the same.
#[must_use]
pub fn order(entries: Vec<SeedEntry>, rng: &mut Rng) -> Vec<SeedEntry> {
    let mut drawn: Vec<(f64, SeedEntry)> = entries
        .into_iter()
        .map(|entry| {
            let chance: f64 = rng.random_range(f64::MIN_POSITIVE..1.0);
            (-chance.ln() / f64::from(entry.weight.max(1)), entry)
        })
        .collect();
    drawn.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut waiting: Vec<SeedEntry> = drawn.into_iter().map(|(_, entry)| entry).collect();
    let mut first = First::default();
    while first.chosen.len() < APART_BY_GROUP {
        let Some(next) = waiting.iter().position(|entry| first.has_room(entry)) else {
            break;
        };
        first.choose(waiting.remove(next));
    }
    first.chosen.extend(waiting);
    first.chosen
}

#[derive(Default)]
struct First {
    chosen: Vec<SeedEntry>,
    systems: HashMap<u32, usize>,
    groups: HashMap<Group, usize>,
}

impl First {
    fn has_room(&self, entry: &SeedEntry) -> bool {
        let known = entry.asn.is_some_and(|asn| self.systems.contains_key(&asn));
        let apart = self.chosen.len() >= APART_BY_SYSTEM || !known;
        let full = |group: &Group| self.groups.get(group).is_some_and(|n| *n >= PER_GROUP);
        apart && !groups(entry).iter().any(full)
    }

    fn choose(&mut self, entry: SeedEntry) {
        if let Some(asn) = entry.asn {
            *self.systems.entry(asn).or_default() += 1;
        }
        for group in groups(&entry) {
            *self.groups.entry(group).or_default() += 1;
        }
        self.chosen.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};
    use rand::SeedableRng as _;

    use super::*;

    fn entry(group: u8, host: u16, asn: Option<u32>, weight: u32) -> SeedEntry {
        let [a, b] = host.to_be_bytes();
        SeedEntry {
            peer: None,
            addresses: vec![format!("/ip4/8.{group}.{a}.{b}/tcp/1").parse().unwrap()],
            features: Vec::new(),
            asn,
            weight,
        }
    }

    proptest! {
        #[test]
        fn nobody_is_lost_and_the_first_are_apart(
            places in prop::collection::vec((0..40u8, prop::option::of(0..30u32), 1..=100u32), 0..60),
            seed in any::<u64>(),
        ) {
            let entries: Vec<_> = places
                .iter()
                .enumerate()
                .map(|(i, (group, asn, weight))| entry(*group, i as u16, *asn, *weight))
                .collect();
            let ordered = order(entries.clone(), &mut Rng::seed_from_u64(seed));
            prop_assert_eq!(ordered.len(), entries.len());
            prop_assert!(entries.iter().all(|e| ordered.contains(e)));
            let systems: HashSet<u32> = entries.iter().filter_map(|e| e.asn).collect();
            if systems.len() >= 12 {
                let early = ordered.iter().take(4).filter_map(|e| e.asn);
                prop_assert_eq!(early.clone().count(), early.collect::<HashSet<_>>().len());
            }
            let all: HashSet<Group> = entries.iter().flat_map(groups).collect();
            if all.len() >= 12 {
                let mut counts: HashMap<Group, usize> = HashMap::new();
                for group in ordered.iter().take(8).flat_map(groups) {
                    *counts.entry(group).or_default() += 1;
                }
                prop_assert!(counts.values().all(|n| *n <= 2));
            }
        }
    }

    #[test]
    fn a_place_that_owns_the_list_gets_two_of_the_first_eight() {
        let mut entries: Vec<_> = (0..200).map(|i| entry(1, i, None, 100)).collect();
        entries.extend((0..7).map(|i| entry(10 + i, 0, None, 1)));
        let ordered = order(entries, &mut Rng::seed_from_u64(1));
        let crowd: Group = Group::V4([8, 1]);
        let early = ordered.iter().take(8).flat_map(groups);
        assert_eq!(early.filter(|group| *group == crowd).count(), 2);
    }

    #[test]
    fn weight_decides_who_comes_early() {
        let mut heavy_first = 0;
        let mut rng = Rng::seed_from_u64(7);
        for _ in 0..3000 {
            let pair = vec![entry(1, 1, None, 10), entry(2, 1, None, 20)];
            heavy_first += usize::from(order(pair, &mut rng)[0].weight == 20);
        }
        assert!((1900..2100).contains(&heavy_first), "{heavy_first} of 3000");
    }
}
