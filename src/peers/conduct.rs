//! From an offence to its consequence: the one place that decides it.
//!
//! A provable lie is a ban at once. A breach, which a bug could cause, disconnects; the second one
//! within [`BREACH_MEMORY`] is a ban. Who comes back under new names from one address takes the
//! address along, and enough of such addresses their group. In the profile for small test networks
//! only what no bug does is a ban, and only of the peer.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::PeerId;
use serde::{Deserialize, Serialize};

use super::{
    Group,
    ban::{Subject, place_of},
};
use crate::offence::{Offence, Severity};

/// How long a breach is remembered. Longer punishes a peer that was upgraded meanwhile; shorter
/// lets a faulty one reconnect for ever.
pub const BREACH_MEMORY: Duration = Duration::from_secs(600);

/// How long banned identities count against their address, and banned addresses against their
/// group. Longer punishes whoever gets the address next; shorter lets a slow attacker through.
pub const PLACE_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// Banned identities that make an address banned: more than a household with a faulty build has.
pub const IDENTITIES_PER_ADDRESS: usize = 3;

/// Banned addresses that make a group banned: a /16 has 65 536 addresses of many people, so this
/// takes somebody who rents in bulk.
pub const ADDRESSES_PER_GROUP: usize = 8;

/// How long a peer cools down for what would be a ban elsewhere, in a small test network.
pub const COOL_DOWN: Duration = Duration::from_secs(60);

/// Most peers whose breaches are remembered; the oldest is forgotten first. 4096 × 80 B is small,
/// and a flood of identities each costs its owner a handshake.
const MAX_REMEMBERED: usize = 4096;

/// Most addresses, and most groups, whose bans are counted; the oldest is forgotten first.
const MAX_PLACES: usize = 1024;

/// How strict a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// For open networks.
    #[default]
    Standard,
    /// For a few nodes that are known and whose builds are new: what an honest but faulty peer does
    /// cools down instead of being banned, and no address or group is ever banned automatically.
    SmallTestnet,
}

/// What to do with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sanction {
    /// No connection until the duration is over.
    Ban(Duration),
    /// Close its connections, and neither dial nor admit it until the duration is over.
    CoolDown(Duration),
    /// Close its connections; it may come back.
    Disconnect,
    /// Tell whoever watches. It is reserved.
    Warn,
}

/// A judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of the peer.
    pub sanction: Sanction,
    /// Address and group to ban for as long as the peer: it was one identity too many.
    pub along: Vec<Subject>,
}

/// Memory of what peers did.
#[derive(Debug)]
pub struct Conduct {
    profile: Profile,
    ban: Duration,
    breaches: HashMap<PeerId, Instant>,
    identities: Tally<IpAddr, PeerId>,
    addresses: Tally<Group, IpAddr>,
}

impl Conduct {
    /// Bans last `ban`.
    #[must_use]
    pub fn new(profile: Profile, ban: Duration) -> Self {
        Self {
            profile,
            ban,
            breaches: HashMap::new(),
            identities: Tally::default(),
            addresses: Tally::default(),
        }
    }

    /// Whether `peer` committed a breach in the time `memory` before `now`.
    #[must_use]
    pub fn breached_within(&self, peer: &PeerId, memory: Duration, now: Instant) -> bool {
        let last = self.breaches.get(peer);
        last.is_some_and(|at| now.saturating_duration_since(*at) < memory)
    }

    /// The consequence of `offence` by `peer`, which came from `ip`, at `now`.
    pub fn judge(
        &mut self,
        peer: PeerId,
        ip: Option<IpAddr>,
        reserved: bool,
        offence: Offence,
        now: Instant,
    ) -> Judgement {
        let sanction = self.sanction(peer, reserved, offence, now);
        let along = match (sanction, ip) {
            (Sanction::Ban(_), Some(ip)) if self.profile == Profile::Standard => {
                self.escalate(peer, ip, now)
            }
            _ => Vec::new(),
        };
        Judgement { sanction, along }
    }

    /// Forgets what counts against `peer` and `addresses`: an unban starts afresh.
    pub fn forgive(&mut self, peer: &PeerId, addresses: &[IpAddr]) {
        self.breaches.remove(peer);
        for ip in addresses {
            self.identities.forget(&place_of(*ip));
            self.addresses.forget(&Group::of_ip(*ip));
        }
    }

    /// Where `peer` was banned from lately: it may be in no address book, having come by itself.
    #[must_use]
    pub fn places(&self, peer: &PeerId) -> Vec<IpAddr> {
        self.identities.with(peer)
    }

    /// Forgets what counts against a place whose ban is lifted, or the next identity to be banned
    /// there would take it along at once.
    pub fn forgive_place(&mut self, place: &Subject) {
        match place {
            Subject::Peer(_) => {}
            Subject::Address(ip) => {
                self.identities.forget(&place_of(*ip));
                self.addresses.remove(&Group::of_ip(*ip), &place_of(*ip));
            }
            Subject::Group(group) => self.addresses.forget(group),
        }
    }

    fn sanction(
        &mut self,
        peer: PeerId,
        reserved: bool,
        offence: Offence,
        now: Instant,
    ) -> Sanction {
        if reserved {
            return Sanction::Warn;
        }
        let lies = match self.profile {
            Profile::Standard => offence.severity() == Severity::Lying,
            Profile::SmallTestnet => is_forgery(offence),
        };
        if lies {
            self.breaches.remove(&peer);
            return Sanction::Ban(self.ban);
        }
        let before = self.breaches.insert(peer, now);
        let again = before.is_some_and(|at| now.saturating_duration_since(at) < BREACH_MEMORY);
        forget_oldest(&mut self.breaches, MAX_REMEMBERED, |at| *at);
        match (again, self.profile) {
            (true, Profile::Standard) => {
                self.breaches.remove(&peer);
                Sanction::Ban(self.ban)
            }
            (true, Profile::SmallTestnet) => Sanction::CoolDown(COOL_DOWN),
            (false, Profile::SmallTestnet) if offence.severity() == Severity::Lying => {
                Sanction::CoolDown(COOL_DOWN)
            }
            (false, _) => Sanction::Disconnect,
        }
    }

    fn escalate(&mut self, peer: PeerId, ip: IpAddr, now: Instant) -> Vec<Subject> {
        let place = place_of(ip);
        let (address, group) = (Subject::Address(place), Group::of_ip(ip));
        let mut along = Vec::new();
        if address.is_shared() {
            return along;
        }
        if self.identities.count(place, peer, now) >= IDENTITIES_PER_ADDRESS {
            along.push(address);
            if self.addresses.count(group, place, now) >= ADDRESSES_PER_GROUP {
                along.push(Subject::Group(group));
            }
        }
        along
    }
}

/// What no honest build does, however faulty: somebody wrote code for it.
fn is_forgery(offence: Offence) -> bool {
    matches!(
        offence,
        Offence::InsufficientWork
            | Offence::BadProof
            | Offence::ForgedNullifier
            | Offence::Equivocation
    )
}

/// Which members each place was banned with lately.
#[derive(Debug)]
struct Tally<P, M>(HashMap<P, (Instant, HashSet<M>)>);

impl<P, M> Default for Tally<P, M> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<P: Copy + Eq + Hash, M: Eq + Hash> Tally<P, M> {
    /// Most members counted: more changes nothing.
    const MOST: usize = 16;

    fn count(&mut self, place: P, member: M, now: Instant) -> usize {
        let (since, members) = self.0.entry(place).or_insert((now, HashSet::new()));
        if now.saturating_duration_since(*since) >= PLACE_MEMORY {
            members.clear();
            *since = now;
        }
        if members.len() < Self::MOST {
            members.insert(member);
        }
        let count = members.len();
        forget_oldest(&mut self.0, MAX_PLACES, |(since, _)| *since);
        count
    }

    fn forget(&mut self, place: &P) {
        self.0.remove(place);
    }

    fn remove(&mut self, place: &P, member: &M) {
        if let Some((_, members)) = self.0.get_mut(place) {
            members.remove(member);
        }
    }

    /// The places that count `member`.
    fn with(&self, member: &M) -> Vec<P> {
        let places = self.0.iter();
        let places = places.filter(|(_, (_, members))| members.contains(member));
        places.map(|(place, _)| *place).collect()
    }
}

fn forget_oldest<K: Copy + Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    most: usize,
    at: impl Fn(&V) -> Instant,
) {
    if map.len() > most {
        let oldest = map.iter().min_by_key(|(_, v)| at(v)).map(|(k, _)| *k);
        oldest.map(|k| map.remove(&k));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The consequence of every offence by a stranger, first and repeated.
    fn table(profile: Profile) -> BTreeMap<&'static str, [Sanction; 2]> {
        let now = Instant::now();
        let row = |offence: &Offence| {
            let mut conduct = Conduct::new(profile, Duration::from_secs(3600));
            let peer = PeerId::random();
            let mut judge = || conduct.judge(peer, None, false, *offence, now).sanction;
            (offence.name(), [judge(), judge()])
        };
        Offence::ALL.iter().map(row).collect()
    }

    const BAN: Duration = Duration::from_secs(3600);

    fn standard() -> Conduct {
        Conduct::new(Profile::Standard, BAN)
    }

    fn judge(conduct: &mut Conduct, peer: PeerId, offence: Offence, now: Instant) -> Sanction {
        conduct.judge(peer, None, false, offence, now).sanction
    }

    #[test]
    fn a_lie_is_banned_at_once() {
        let mut conduct = standard();
        let sanction = judge(
            &mut conduct,
            PeerId::random(),
            Offence::WrongTheta,
            Instant::now(),
        );
        assert_eq!(sanction, Sanction::Ban(BAN));
    }

    #[test]
    fn a_breach_is_banned_only_when_it_repeats_soon() {
        let mut conduct = standard();
        let (peer, now) = (PeerId::random(), Instant::now());
        let breach = Offence::UnsolicitedResponse;
        let mut at = |now| judge(&mut conduct, peer, breach, now);
        assert_eq!(at(now), Sanction::Disconnect);
        assert_eq!(at(now + BREACH_MEMORY), Sanction::Disconnect);
        let soon = now + BREACH_MEMORY + Duration::from_secs(1);
        assert_eq!(at(soon), Sanction::Ban(BAN));
    }

    #[test]
    fn a_breach_is_known_for_as_long_as_is_asked() {
        let mut conduct = standard();
        let (peer, now) = (PeerId::random(), Instant::now());
        let minute = Duration::from_secs(60);
        assert!(!conduct.breached_within(&peer, minute, now));
        judge(&mut conduct, peer, Offence::MeshAbuse, now);
        assert!(conduct.breached_within(&peer, minute, now));
        assert!(!conduct.breached_within(&peer, minute, now + minute));
    }

    #[test]
    fn a_small_testnet_cools_down_what_a_bug_can_do_and_bans_what_none_does() {
        let ban = Sanction::Ban(BAN);
        let cool = Sanction::CoolDown(COOL_DOWN);
        let small = table(Profile::SmallTestnet);
        assert_eq!(small["wrong_theta"], [cool; 2]);
        assert_eq!(small["unsolicited_response"], [Sanction::Disconnect, cool]);
        assert_eq!(small["forged_nullifier"], [ban; 2]);
        let standard = table(Profile::Standard);
        assert!(standard.values().all(|[_, again]| *again == ban));
    }

    #[test]
    fn a_reserved_peer_is_warned_about_and_nothing_else() {
        let mut conduct = standard();
        let (peer, now) = (PeerId::random(), Instant::now());
        for _ in 0..5 {
            let judged = conduct.judge(peer, None, true, Offence::WrongTheta, now);
            assert_eq!(judged.sanction, Sanction::Warn);
            assert_eq!(judged.along, []);
        }
    }

    #[test]
    fn new_names_from_one_address_take_it_along_and_many_such_their_group() {
        let mut conduct = standard();
        let now = Instant::now();
        let mut banned = Vec::new();
        for host in 1..=8_u8 {
            for name in 1..=3 {
                let ip = Some(IpAddr::from([8, 9, 1, host]));
                let along = conduct
                    .judge(PeerId::random(), ip, false, Offence::BadProof, now)
                    .along;
                assert_eq!(along.is_empty(), name < 3, "host {host}, name {name}");
                banned.extend(along);
            }
        }
        assert_eq!(banned.len(), 9);
        assert_eq!(banned[8], Subject::Group(Group::V4([8, 9])));
    }

    #[test]
    fn one_peer_again_and_old_bans_take_nothing_along() {
        let mut conduct = standard();
        let (peer, mut now) = (PeerId::random(), Instant::now());
        let ip = Some(IpAddr::from([8, 9, 1, 1]));
        for _ in 0..5 {
            let judged = conduct.judge(peer, ip, false, Offence::BadProof, now);
            assert_eq!(judged.along, []);
        }
        for _ in 0..5 {
            now += PLACE_MEMORY;
            let judged = conduct.judge(PeerId::random(), ip, false, Offence::BadProof, now);
            assert_eq!(judged.along, []);
        }
    }

    #[test]
    fn private_addresses_and_small_testnets_are_never_banned_whole() {
        let small = Conduct::new(Profile::SmallTestnet, BAN);
        for (mut conduct, ip) in [(standard(), [127, 0, 0, 1]), (small, [8, 9, 1, 1])] {
            for _ in 0..50 {
                let (peer, ip) = (PeerId::random(), Some(IpAddr::from(ip)));
                let now = Instant::now();
                let judged = conduct.judge(peer, ip, false, Offence::BadProof, now);
                assert_eq!(judged.along, []);
            }
        }
    }

    #[test]
    fn forgiveness_starts_the_count_afresh() {
        let mut conduct = standard();
        let (now, ip) = (Instant::now(), IpAddr::from([8, 9, 1, 1]));
        let lie = |conduct: &mut Conduct| {
            let peer = PeerId::random();
            let judged = conduct.judge(peer, Some(ip), false, Offence::BadProof, now);
            (peer, judged.along.len())
        };
        lie(&mut conduct);
        let (peer, along) = lie(&mut conduct);
        assert_eq!(along, 0);
        conduct.forgive(&peer, &[ip]);
        assert_eq!(lie(&mut conduct).1, 0);
    }

    #[test]
    fn where_a_peer_was_banned_is_remembered_until_it_is_forgiven() {
        let mut conduct = standard();
        let (now, peer) = (Instant::now(), PeerId::random());
        let ip = IpAddr::from([8, 9, 1, 1]);
        conduct.judge(peer, Some(ip), false, Offence::BadProof, now);
        assert_eq!(conduct.places(&peer), [ip]);
        assert_eq!(conduct.places(&PeerId::random()), [] as [IpAddr; 0]);
        conduct.forgive(&peer, &conduct.places(&peer));
        assert_eq!(conduct.places(&peer), [] as [IpAddr; 0]);
    }

    #[test]
    fn a_place_whose_ban_was_lifted_counts_from_the_start() {
        let mut conduct = standard();
        let (now, ip) = (Instant::now(), IpAddr::from([8, 9, 1, 1]));
        let lie = |conduct: &mut Conduct, ip| {
            let peer = PeerId::random();
            let judged = conduct.judge(peer, Some(ip), false, Offence::BadProof, now);
            judged.along
        };
        for _ in 0..IDENTITIES_PER_ADDRESS - 1 {
            assert_eq!(lie(&mut conduct, ip), []);
        }
        assert_eq!(lie(&mut conduct, ip), [Subject::Address(ip)]);
        conduct.forgive_place(&Subject::Address(ip));
        assert_eq!(lie(&mut conduct, ip), []);
        let mut ban_addresses = |from: u8, to: u8| {
            let lies = (from..to).flat_map(|i| vec![IpAddr::from([8, 9, 2, i]); 3]);
            let along: Vec<_> = lies.flat_map(|ip| lie(&mut conduct, ip)).collect();
            let group = Subject::Group(Group::of_ip(ip));
            conduct.forgive_place(&group);
            along.contains(&group)
        };
        assert!(ban_addresses(0, 8));
        assert!(!ban_addresses(8, 15), "seven since it was lifted");
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut conduct = standard();
        let now = Instant::now();
        for i in 0..MAX_REMEMBERED + 50 {
            let n = u32::try_from(i).unwrap();
            let ip = Some(IpAddr::from((0x0808_0000 + n * 256).to_be_bytes()));
            let peer = PeerId::random();
            judge(&mut conduct, peer, Offence::MalformedMessage, now);
            conduct.judge(peer, ip, false, Offence::BadProof, now);
            let breacher = PeerId::random();
            judge(&mut conduct, breacher, Offence::MalformedMessage, now);
        }
        assert!(conduct.breaches.len() <= MAX_REMEMBERED);
        assert!(conduct.identities.0.len() <= MAX_PLACES);
        assert!(conduct.addresses.0.len() <= MAX_PLACES);
    }
}
