//! Which inbound peer gives up its place.
//!
//! # Security
//! Whoever floods the node with connections wants the places of honest peers. So some peers are
//! spared for each of several merits that one attacker can hardly have all of at once: being in
//! a group that a secret picked, a short round trip, having been useful last, trust, and having
//! been here long. Of the rest, the least of the largest group goes. The idea is that of Bitcoin
//! Core.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use super::place::Place;
use crate::crypto::hash::sha3_256_parts;

/// Most peers spared for one merit. Larger leaves nobody to go in a small node; smaller lets an
/// attacker with one merit win all places.
const SPARED: usize = 4;

/// Trust, in thousandths, below which no merit counts: the initial trust less two penalties. Two
/// lies should not be outweighed by a good connection.
const DISTRUSTED: u32 = 400;

/// What is known of a peer that might go.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) peer: PeerId,
    pub(super) place: Place,
    pub(super) since: Instant,
    /// 0 to 1.
    pub(super) trust: f64,
    pub(super) useful: u64,
    pub(super) useful_at: Option<Instant>,
    pub(super) rtt: Option<Duration>,
}

/// The one of `seats` that goes, if not all of them are spared. `secret` picks the groups that
/// are spared.
pub(super) fn choose(mut seats: Vec<Seat>, secret: &[u8; 16]) -> Option<PeerId> {
    let least = seats.iter().map(|s| (thousandths(s.trust), s.peer)).min()?;
    if least.0 < DISTRUSTED {
        return Some(least.1);
    }
    let per_merit = (seats.len() / 8).min(SPARED);

    let mut groups: Vec<_> = seats.iter().map(|s| s.place).collect();
    groups.sort();
    groups.dedup();
    groups.sort_by_cached_key(|place| draw(secret, *place));
    for place in groups.into_iter().take(per_merit) {
        let of_group = seats.iter().enumerate().filter(|(_, s)| s.place == place);
        let oldest = of_group.min_by_key(|(_, s)| (s.since, s.peer));
        if let Some((at, _)) = oldest {
            seats.remove(at);
        }
    }
    spare(&mut seats, per_merit, |s| (s.rtt.is_none(), s.rtt));
    spare(&mut seats, per_merit, |s| {
        (Reverse(s.useful_at), Reverse(s.useful))
    });
    spare(&mut seats, per_merit, |s| Reverse(thousandths(s.trust)));
    let half = seats.len() / 2;
    spare(&mut seats, half, |s| s.since);

    let mut members: BTreeMap<Place, usize> = BTreeMap::new();
    for seat in &seats {
        *members.entry(seat.place).or_default() += 1;
    }
    let size = |seat: &Seat| match seat.place {
        Place::Costly(_) | Place::Unplaced => members[&seat.place],
        // Everybody there is a group of one: nobody outside can place a peer in it.
        Place::Local => 1,
    };
    let largest = seats.iter().map(size).max()?;
    let of_largest = seats.iter().filter(|s| size(s) == largest);
    let least = of_largest.min_by_key(|s| {
        (
            thousandths(s.trust),
            s.useful_at,
            s.useful,
            Reverse(s.since),
            s.peer,
        )
    });
    least.map(|s| s.peer)
}

/// Takes the first `count` by `merit` out of those who might go.
fn spare<K: Ord>(seats: &mut Vec<Seat>, count: usize, merit: impl Fn(&Seat) -> K) {
    seats.sort_by_cached_key(|s| (merit(s), s.peer));
    seats.drain(..count.min(seats.len()));
}

/// Trust in whole thousandths, so that it has an order; what is no number is no trust.
pub(super) fn thousandths(trust: f64) -> u32 {
    if trust.is_nan() {
        return 0;
    }
    (trust.clamp(0.0, 1.0) * 1000.0) as u32
}

fn draw(secret: &[u8; 16], place: Place) -> [u8; 32] {
    let group = match place {
        Place::Costly(group) => group.to_string(),
        Place::Local => "local".to_owned(),
        Place::Unplaced => "unplaced".to_owned(),
    };
    sha3_256_parts(&[secret, group.as_bytes()]).0
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::ProptestConfig, prop_assert, proptest};
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;
    use crate::{clock::Rng, peers::Group};

    const SECRET: [u8; 16] = [7; 16];

    fn seat(group: u16, since: Instant) -> Seat {
        Seat {
            peer: PeerId::random(),
            place: Place::Costly(Group::V4(group.to_be_bytes())),
            since,
            trust: 0.5,
            useful: 0,
            useful_at: None,
            rtt: Some(Duration::from_millis(50)),
        }
    }

    #[test]
    fn the_least_trusted_of_equals_goes() {
        let now = Instant::now();
        let mut seats: Vec<_> = (0..8).map(|i| seat(i, now)).collect();
        seats[3].trust = 0.2;
        let least = seats[3].peer;
        assert_eq!(choose(seats, &SECRET), Some(least));
    }

    #[test]
    fn a_node_with_two_inbound_peers_still_rotates() {
        let now = Instant::now();
        let old = seat(1, now);
        let new = seat(2, now + Duration::from_secs(1));
        let newest = new.peer;
        assert_eq!(choose(vec![old, new], &SECRET), Some(newest));
        assert_eq!(choose(Vec::new(), &SECRET), None);
    }

    #[test]
    fn trust_that_is_no_number_is_none() {
        assert_eq!(thousandths(f64::NAN), 0);
        assert_eq!(thousandths(f64::INFINITY), 1000);
        assert_eq!(thousandths(-3.0), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// One after another, a thousand perfect connections from four groups want in. Whatever
        /// they promise, a third of the honest ones stay.
        #[test]
        fn a_flood_from_few_groups_cannot_take_all_places(seed: u64) {
            let mut rng = Rng::seed_from_u64(seed);
            let start = Instant::now();
            let mut seats: Vec<_> = (0..35)
                .map(|i| {
                    let mut seat = seat(100 + i, start + Duration::from_secs(u64::from(i)));
                    seat.rtt = Some(Duration::from_millis(rng.random_range(5..200)));
                    seat
                })
                .collect();
            let honest: Vec<_> = seats.iter().map(|s| s.peer).collect();
            let secret = rng.random();
            for i in 0..1000_u64 {
                let mut new = seat(rng.random_range(0..4), start + Duration::from_secs(100 + i));
                new.rtt = Some(Duration::ZERO);
                new.useful = u64::MAX;
                new.useful_at = Some(new.since);
                new.trust = 0.6;
                seats.push(new);
                let gone = choose(seats.clone(), &secret).expect("somebody goes");
                seats.retain(|s| s.peer != gone);
            }
            let left = seats.iter().filter(|s| honest.contains(&s.peer)).count();
            prop_assert!(left >= 12, "{left} honest peers left");
        }
    }
}
