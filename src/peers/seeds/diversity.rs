//! A list must not be one place's word about itself.

use std::collections::{HashMap, HashSet};

use super::{ListError, SeedEntry};
use crate::peers::Group;

/// Largest share of one autonomous system or address group, in percent (the original's figure).
/// Larger, and whoever runs that place is most of what a new node meets; smaller, and short lists
/// could hardly be made.
const MAX_SHARE: usize = 60;

/// The groups that an attacker would have to pay for, of all addresses of an entry.
pub(super) fn groups(entry: &SeedEntry) -> HashSet<Group> {
    let all = entry.addresses.iter().map(Group::of);
    all.filter(|group| group.is_costly()).collect()
}

/// Refuses entries of which more than [`MAX_SHARE`] percent are in one place. Each counts once per
/// place, however many addresses it has there.
pub(super) fn check(entries: &[SeedEntry]) -> Result<(), ListError> {
    let mut places: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        let systems = entry.asn.map(|asn| format!("AS{asn}"));
        let groups = groups(entry).into_iter().map(|group| group.to_string());
        for place in systems.into_iter().chain(groups) {
            *places.entry(place).or_default() += 1;
        }
    }
    // The largest, and of equals the first by name: the same list gets the same error.
    let largest = places
        .into_iter()
        .max_by(|(a, n), (b, m)| n.cmp(m).then(b.cmp(a)));
    match largest {
        Some((place, count)) if count * 100 > MAX_SHARE * entries.len() => {
            Err(ListError::LowDiversity {
                place,
                percent: count * 100 / entries.len(),
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(addresses: &[&str], asn: Option<u32>) -> SeedEntry {
        SeedEntry {
            peer: None,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            features: Vec::new(),
            asn,
            weight: 10,
        }
    }

    fn v4(i: usize) -> String {
        format!("/ip4/{}.1.1.1/tcp/1", 11 + i)
    }

    #[test]
    fn sixty_percent_in_one_place_is_the_most() {
        let mut entries: Vec<_> = (0..4).map(|i| entry(&[&v4(i)], None)).collect();
        let same = |i: u8| entry(&[&format!("/ip4/8.8.{i}.1/tcp/1")], None);
        entries.extend((0..6).map(same));
        assert_eq!(check(&entries), Ok(()));
        entries.push(same(7));
        let (place, percent) = ("8.8.0.0/16".to_owned(), 63);
        assert_eq!(
            check(&entries),
            Err(ListError::LowDiversity { place, percent })
        );
    }

    #[test]
    fn systems_count_like_groups_and_one_entry_once() {
        let of = |asn| move |i| entry(&[&v4(i), &v4(i).replace("1/tcp/1", "1/tcp/2")], asn);
        let mut entries: Vec<_> = (0..2).map(of(None)).collect();
        entries.extend((2..5).map(of(Some(64500))));
        assert_eq!(check(&entries), Ok(()));
        entries.extend((5..6).map(of(Some(64500))));
        assert!(
            matches!(check(&entries), Err(ListError::LowDiversity { place, .. }) if place == "AS64500")
        );
    }

    #[test]
    fn private_networks_and_names_are_no_place() {
        let local = ["/ip4/10.0.0.1/tcp/1", "/memory/3", "/dns/a.example/tcp/1"];
        let entries: Vec<_> = local.iter().map(|a| entry(&[a], None)).collect();
        assert_eq!(check(&entries), Ok(()));
        assert_eq!(check(&[]), Ok(()));
        assert!(check(&[entry(&["/ip4/8.8.8.8/tcp/1"], None)]).is_err());
    }
}
