//! Evidence of our own reachability: which address others see us at, whether anybody gets through,
//! and what we may therefore tell others.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use serde::{Deserialize, Serialize};

use super::{Group, group::ip_of, is_public};

/// Most addresses for which reports are kept. A node has a few; those with the fewest, then the
/// oldest reports go first.
const MAX_CANDIDATES: usize = 16;

/// Most reports kept of one address.
const MAX_REPORTS: usize = 32;

/// Most addresses for which one peer's reports count, its newest: each lie costs it a place.
const MAX_PER_PEER: usize = 4;

/// Most addresses told to others: what their book keeps of one peer anyway.
pub const MAX_ANNOUNCED: usize = 16;

/// How much evidence is enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Peers that must report the same address; for a public address each from another public
    /// group, so that one party in one place cannot make it up. 2 suits a network of three nodes.
    pub confirmations: usize,
    /// How long a report counts, in seconds. Longer keeps telling an address that was lost; shorter
    /// forgets one between two reports.
    pub report_secs: u64,
    /// How long after an inbound connection the node counts as reachable, in seconds.
    pub inbound_secs: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            confirmations: 3,
            report_secs: 3600,
            inbound_secs: 3600,
        }
    }
}

impl Config {
    /// Checks the figures.
    ///
    /// # Errors
    /// The figure that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !(1..=MAX_REPORTS / 2).contains(&self.confirmations) {
            return Err(ConfigError("confirmations must be 1 to 16"));
        }
        let day = 1..=24 * 60 * 60;
        if !day.contains(&self.report_secs) || !day.contains(&self.inbound_secs) {
            return Err(ConfigError(
                "report_secs and inbound_secs must be 1 to 86400",
            ));
        }
        Ok(())
    }
}

/// A figure that is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(&'static str);

/// What a node is in the hash table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It asks.
    Client,
    /// It answers too: others can reach it.
    Server,
}

/// What kind of network a peer is on, from the address we see it at: which of our addresses can
/// mean anything to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// This machine.
    Loopback,
    /// A private network: the peer shares it with us, or a NAT hides where it is.
    Private,
    /// The internet, or a name or relay that tells nothing.
    Public,
}

/// Reports and what follows from them.
#[derive(Debug)]
pub struct Reach {
    config: Config,
    candidates: HashMap<Multiaddr, HashMap<PeerId, Report>>,
    inbound: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    group: Group,
    at: Instant,
}

impl Scope {
    /// The scope of an address.
    #[must_use]
    pub fn of(address: &Multiaddr) -> Self {
        if matches!(address.iter().next(), Some(Protocol::Memory(_))) {
            return Self::Loopback;
        }
        match ip_of(address) {
            Some(ip) if ip.is_loopback() => Self::Loopback,
            Some(ip) if !is_public(ip) => Self::Private,
            _ => Self::Public,
        }
    }
}

impl Reach {
    /// Knows nothing. `config` was validated.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            candidates: HashMap::new(),
            inbound: None,
        }
    }

    /// The peer `by`, itself in `group`, sees us at `address`. True if that confirms the address,
    /// which was not confirmed before.
    pub fn observed(
        &mut self,
        address: &Multiaddr,
        by: PeerId,
        group: Group,
        now: Instant,
    ) -> bool {
        let Some(address) = dialable(address) else {
            return false;
        };
        // Nobody sees a name at the other end of a connection.
        if ip_of(&address).is_none() && Scope::of(&address) == Scope::Public {
            return false;
        }
        self.forget_old(now);
        let before = self.is_confirmed(&address);
        self.make_room_of(&by, &address);
        self.make_room(&address);
        let reports = self.candidates.entry(address.clone()).or_default();
        if reports.len() >= MAX_REPORTS && !reports.contains_key(&by) {
            let oldest = reports.iter().min_by_key(|(peer, r)| (r.at, **peer));
            let oldest = oldest.map(|(peer, _)| *peer);
            oldest.map(|peer| reports.remove(&peer));
        }
        reports.insert(by, Report { group, at: now });
        !before && self.is_confirmed(&address)
    }

    /// Somebody reached one of our listeners.
    pub fn inbound(&mut self, now: Instant) {
        self.inbound = Some(now);
    }

    /// What the node should be in the hash table: a server when an operator says where it is
    /// (`announces`), or when somebody reached it lately. An observed address is no evidence: every
    /// NAT has one.
    #[must_use]
    pub fn mode(&self, announces: bool, now: Instant) -> Mode {
        let window = Duration::from_secs(self.config.inbound_secs);
        let reached = |at: Instant| now.saturating_duration_since(at) < window;
        if announces || self.inbound.is_some_and(reached) {
            Mode::Server
        } else {
            Mode::Client
        }
    }

    /// Addresses that enough peers reported lately, in their order.
    pub fn confirmed(&mut self, now: Instant) -> Vec<Multiaddr> {
        self.forget_old(now);
        let addresses = self.candidates.keys();
        let confirmed = addresses.filter(|a| self.is_confirmed(a));
        let mut confirmed: Vec<_> = confirmed.cloned().collect();
        confirmed.sort();
        confirmed
    }

    /// Every address that somebody reported lately, by how many, and whether that is enough.
    #[must_use]
    pub fn observations(&self) -> Vec<(Multiaddr, usize, bool)> {
        let row = |(address, reports): (&Multiaddr, &HashMap<_, _>)| {
            (address.clone(), reports.len(), self.is_confirmed(address))
        };
        let mut rows: Vec<_> = self.candidates.iter().map(row).collect();
        rows.sort();
        rows
    }

    fn is_confirmed(&self, address: &Multiaddr) -> bool {
        let Some(reports) = self.candidates.get(address) else {
            return false;
        };
        let count = if Scope::of(address) == Scope::Public {
            let groups = reports.values().map(|r| r.group);
            let outside = groups.filter(|g| *g != Group::Local);
            outside.collect::<HashSet<_>>().len()
        } else {
            reports.len()
        };
        count >= self.config.confirmations
    }

    fn forget_old(&mut self, now: Instant) {
        let window = Duration::from_secs(self.config.report_secs);
        self.candidates.retain(|_, reports| {
            reports.retain(|_, r| now.saturating_duration_since(r.at) < window);
            !reports.is_empty()
        });
    }

    /// Takes back the oldest of `by`'s reports of other addresses if it made too many.
    fn make_room_of(&mut self, by: &PeerId, address: &Multiaddr) {
        let others = self.candidates.iter().filter(|(a, _)| *a != address);
        let own = others.filter_map(|(a, reports)| Some((reports.get(by)?.at, a.clone())));
        let mut own: Vec<_> = own.collect();
        own.sort();
        while own.len() >= MAX_PER_PEER {
            let (_, oldest) = own.remove(0);
            if let Some(reports) = self.candidates.get_mut(&oldest) {
                reports.remove(by);
                if reports.is_empty() {
                    self.candidates.remove(&oldest);
                }
            }
        }
    }

    fn make_room(&mut self, address: &Multiaddr) {
        if self.candidates.len() < MAX_CANDIDATES || self.candidates.contains_key(address) {
            return;
        }
        let least = self.candidates.iter().min_by_key(|(address, reports)| {
            let newest = reports.values().map(|r| r.at).max();
            (reports.len(), newest, (*address).clone())
        });
        let least = least.map(|(address, _)| address.clone());
        least.map(|address| self.candidates.remove(&address));
    }
}

/// What to tell a peer in `scope` about where we are, at most [`MAX_ANNOUNCED`] addresses, those
/// that reach farthest first.
///
/// What an operator says (`announce`) replaces everything else. Otherwise it is what we listen on
/// and what is `confirmed`, less what cannot be dialled (`0.0.0.0` and `::` are no places; the
/// addresses of each interface come as listen addresses of their own) and less what means nothing to
/// the peer: private addresses on the internet, loopback on another machine.
#[must_use]
pub fn announced(
    listen: &[Multiaddr],
    announce: &[Multiaddr],
    confirmed: &[Multiaddr],
    scope: Scope,
) -> Vec<Multiaddr> {
    let by_hand = !announce.is_empty();
    let told = if by_hand {
        announce.iter().chain(&[])
    } else {
        confirmed.iter().chain(listen)
    };
    let mut seen = HashSet::new();
    let told = told.filter_map(dialable);
    let mut told: Vec<_> = told
        .filter(|a| by_hand || Scope::of(a) >= scope)
        .filter(|a| seen.insert(a.clone()))
        .collect();
    if !by_hand {
        told.sort_by_key(|a| std::cmp::Reverse(Scope::of(a)));
    }
    told.truncate(MAX_ANNOUNCED);
    told
}

/// `address` without `/p2p` at its end, if somebody could dial it.
fn dialable(address: &Multiaddr) -> Option<Multiaddr> {
    let mut address = address.clone();
    if matches!(address.iter().last(), Some(Protocol::P2p(_))) {
        address.pop();
    }
    let mut parts = address.iter();
    let place = match parts.next()? {
        Protocol::Ip4(ip) => !(ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast()),
        Protocol::Ip6(ip) => !(ip.is_unspecified() || ip.is_multicast()),
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) | Protocol::Dnsaddr(_) => true,
        Protocol::Memory(port) => port != 0,
        _ => false,
    };
    let ports = parts.all(|part| !matches!(part, Protocol::Tcp(0) | Protocol::Udp(0)));
    (place && ports).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    fn all(texts: &[&str]) -> Vec<Multiaddr> {
        texts.iter().map(|text| at(text)).collect()
    }

    fn group(n: u8) -> Group {
        Group::V4([8, n])
    }

    const OURS: &str = "/ip4/9.9.9.9/tcp/4001";

    #[test]
    fn an_address_is_ours_when_three_places_say_so() {
        let (mut reach, now) = (Reach::new(Config::default()), Instant::now());
        let ours = at(OURS);
        assert!(!reach.observed(&ours, PeerId::random(), group(1), now));
        assert!(!reach.observed(&ours, PeerId::random(), group(2), now));
        for _ in 0..10 {
            assert!(!reach.observed(&ours, PeerId::random(), group(2), now));
            assert!(!reach.observed(&ours, PeerId::random(), Group::Local, now));
        }
        assert!(reach.observed(&ours, PeerId::random(), group(3), now));
        assert!(
            !reach.observed(&ours, PeerId::random(), group(4), now),
            "once"
        );
        assert_eq!(reach.confirmed(now), [ours]);
    }

    #[test]
    fn one_peer_counts_once_and_in_private_networks_peers_are_enough() {
        let (mut reach, now) = (Reach::new(Config::default()), Instant::now());
        let (ours, peer) = (at("/ip4/10.0.0.5/tcp/4001"), PeerId::random());
        for _ in 0..5 {
            assert!(!reach.observed(&ours, peer, Group::Local, now));
        }
        reach.observed(&ours, PeerId::random(), Group::Local, now);
        assert!(reach.observed(&ours, PeerId::random(), Group::Local, now));
    }

    #[test]
    fn reports_expire_and_clocks_that_step_back_do_no_harm() {
        let (mut reach, now) = (Reach::new(Config::default()), Instant::now());
        let hour = Duration::from_secs(3600);
        let later = now + hour;
        for n in 1..=3 {
            reach.observed(&at(OURS), PeerId::random(), group(n), later);
        }
        assert_eq!(reach.confirmed(now).len(), 1);
        assert_eq!(reach.confirmed(later + hour).len(), 0);
        assert!(reach.candidates.is_empty());
    }

    #[test]
    fn a_flood_of_inventions_stays_small_and_does_not_displace_the_truth() {
        let (mut reach, now) = (Reach::new(Config::default()), Instant::now());
        for n in 1..=3 {
            reach.observed(&at(OURS), PeerId::random(), group(n), now);
        }
        let liar = PeerId::random();
        for port in 1..2000 {
            let made_up = at(&format!("/ip4/9.9.9.8/tcp/{port}"));
            reach.observed(&made_up, liar, group(9), now);
            reach.observed(&made_up, PeerId::random(), group(9), now);
            reach.observed(&at(OURS), PeerId::random(), group(9), now);
        }
        assert!(reach.candidates.len() <= MAX_CANDIDATES);
        assert!(reach.candidates.values().all(|r| r.len() <= MAX_REPORTS));
        let lies = reach.candidates.values().filter(|r| r.contains_key(&liar));
        assert!(lies.count() <= MAX_PER_PEER);
    }

    #[test]
    fn what_nobody_can_dial_is_no_address() {
        let (mut reach, now) = (Reach::new(Config::default()), Instant::now());
        for nowhere in [
            "/ip4/0.0.0.0/tcp/1",
            "/ip6/::/tcp/1",
            "/ip4/255.255.255.255/tcp/1",
            "/ip4/224.0.0.1/tcp/1",
            "/ip4/9.9.9.9/tcp/0",
            "/tcp/5",
        ] {
            for n in 0..5 {
                assert!(!reach.observed(&at(nowhere), PeerId::random(), group(n), now));
            }
            let told = announced(
                &[at(nowhere)],
                &[at(nowhere)],
                &[at(nowhere)],
                Scope::Loopback,
            );
            assert_eq!(told, []);
        }
        assert!(reach.candidates.is_empty());
    }

    #[test]
    fn who_is_reached_serves_and_who_only_sees_itself_asks() {
        let (mut reach, now) = (Reach::new(Config::default()), Instant::now());
        for n in 1..=5 {
            reach.observed(&at(OURS), PeerId::random(), group(n), now);
        }
        assert_eq!(reach.mode(false, now), Mode::Client);
        assert_eq!(reach.mode(true, now), Mode::Server);
        reach.inbound(now);
        assert_eq!(reach.mode(false, now), Mode::Server);
        let hour = Duration::from_secs(3600);
        assert_eq!(reach.mode(false, now + hour), Mode::Client);
    }

    #[test]
    fn each_is_told_what_it_can_use() {
        let listen = all(&[
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/172.17.0.2/tcp/1",
            "/ip4/0.0.0.0/tcp/1",
        ]);
        let confirmed = all(&[OURS]);
        let told = |scope| announced(&listen, &[], &confirmed, scope);
        assert_eq!(told(Scope::Public), all(&[OURS]));
        let private = all(&[OURS, "/ip4/172.17.0.2/tcp/1"]);
        assert_eq!(told(Scope::Private), private);
        assert_eq!(told(Scope::Loopback).len(), 3);
        assert_eq!(Scope::of(&at("/ip4/172.17.0.9/tcp/9")), Scope::Private);
        assert_eq!(Scope::of(&at("/memory/4")), Scope::Loopback);
        assert_eq!(Scope::of(&at("/dns4/a.example/tcp/1")), Scope::Public);
    }

    #[test]
    fn what_an_operator_says_is_told_to_everybody_and_nothing_else() {
        let announce = all(&["/dns4/node.example/tcp/1", "/ip4/10.0.0.1/tcp/1"]);
        let listen = all(&["/ip4/8.8.8.8/tcp/1"]);
        for scope in [Scope::Public, Scope::Private, Scope::Loopback] {
            assert_eq!(announced(&listen, &announce, &listen, scope), announce);
        }
    }

    #[test]
    fn figures_out_of_range_are_named() {
        assert_eq!(Config::default().validate(), Ok(()));
        let confirmations = 0;
        let none = Config {
            confirmations,
            ..Config::default()
        };
        assert!(
            none.validate()
                .unwrap_err()
                .to_string()
                .contains("confirmations")
        );
        let report_secs = u64::MAX;
        let long = Config {
            report_secs,
            ..Config::default()
        };
        assert!(long.validate().is_err());
    }
}
