//! Who is connected, over which links, and who waits for a dial: bookkeeping for the event loop.
//!
//! Under lazy negotiation a dial is "established" before the other side has accepted it. So a
//! waiting caller is answered only once the peer has identified itself, or once the link is gone.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol, swarm::ConnectionId};
use tokio::sync::oneshot;

use crate::{
    ids::Height,
    peers::Goodbye,
    report::{Direction, PeerReport, PingReport},
    secure::Summary,
};

/// How long a caller of `connect` waits at most: the handshake deadline and a second for identify.
pub(crate) const CONNECT_DEADLINE: Duration = Duration::from_secs(21);

/// Why `connect` did not lead to an accepted connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The dial failed before a session existed.
    #[error("could not connect ({label}): {error}")]
    Dial {
        /// The stable label of the reason.
        label: &'static str,
        /// The reason in words.
        error: String,
    },
    /// The session was established on our side and the peer closed it: it does not accept us.
    #[error("{peer} closed the connection right after the handshake: {error}")]
    Refused {
        /// Who refused.
        peer: PeerId,
        /// What was seen.
        error: String,
    },
    /// Nothing happened within the deadline.
    #[error("no answer within {} s", CONNECT_DEADLINE.as_secs())]
    Timeout,
    /// There is no connection to this peer.
    #[error("not connected to {0}")]
    NotConnected(PeerId),
    /// The node is shutting down or gone.
    #[error("the node is not running any more")]
    Stopped,
}

impl ConnectError {
    /// The stable label of the reason.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Dial { label, .. } => label,
            Self::Refused { .. } => "refused_by_peer",
            Self::Timeout => "timeout",
            Self::NotConnected(_) => "not_connected",
            Self::Stopped => "stopped",
        }
    }
}

/// Who waits for the outcome of a dial.
pub(crate) type Reply = oneshot::Sender<Result<PeerReport, ConnectError>>;

/// Who waits for a round trip.
pub(crate) type PingReply = oneshot::Sender<Result<PingReport, ConnectError>>;

/// The table of connected peers.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    peers: HashMap<PeerId, Peer>,
    waiting: HashMap<ConnectionId, Waiting>,
    pings: Vec<(PeerId, PingReply, Instant)>,
}

#[derive(Debug)]
struct Peer {
    links: Vec<Link>,
    accepted: Option<Accepted>,
    rtt: Option<Duration>,
    parting: Option<Parting>,
}

/// Why the connections to a peer end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// It told us.
    Told(Goodbye),
    /// We told it.
    Said(Goodbye),
}

#[derive(Debug)]
struct Link {
    id: ConnectionId,
    direction: Direction,
    address: Multiaddr,
    since: Instant,
    session: Option<Summary>,
}

#[derive(Debug)]
struct Accepted {
    agent: String,
    head_height: Height,
}

#[derive(Debug)]
struct Waiting {
    replies: Vec<Reply>,
    until: Instant,
}

impl Connections {
    /// Number of connected peers.
    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether `peer` has a connection.
    #[cfg(test)]
    pub(crate) fn is_connected(&self, peer: &PeerId) -> bool {
        self.peers.contains_key(peer)
    }

    /// `reply` waits for the dial `id`.
    pub(crate) fn wait(&mut self, id: ConnectionId, reply: Reply, now: Instant) {
        self.waiting
            .entry(id)
            .or_insert_with(|| Waiting {
                replies: Vec::new(),
                until: now + CONNECT_DEADLINE,
            })
            .replies
            .push(reply);
    }

    /// A link to `peer` is up. True if it is the first one.
    pub(crate) fn established(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        direction: Direction,
        address: Multiaddr,
        session: Option<Summary>,
        now: Instant,
    ) -> bool {
        let entry = self.peers.entry(peer).or_insert_with(|| Peer {
            links: Vec::new(),
            accepted: None,
            rtt: None,
            parting: None,
        });
        entry.links.push(Link {
            id,
            direction,
            address,
            since: now,
            session,
        });
        let first = entry.links.len() == 1;
        if entry.accepted.is_some() {
            self.answer(id, peer, now);
        }
        first
    }

    /// Where `peer` is, if over IP, and whether we dialled it.
    pub(crate) fn place(&self, peer: &PeerId) -> (Option<IpAddr>, bool) {
        let links = self.peers.get(peer).map(|peer| peer.links.as_slice());
        let Some(link) = links.and_then(<[Link]>::first) else {
            return (None, false);
        };
        let ip = link.address.iter().find_map(|part| match part {
            Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
            Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
            _ => None,
        });
        (ip, link.direction == Direction::Outbound)
    }

    /// `peer` accepted us and said who it is. True the first time.
    pub(crate) fn identified(
        &mut self,
        peer: PeerId,
        agent: String,
        head_height: Height,
        now: Instant,
    ) -> bool {
        let Some(entry) = self.peers.get_mut(&peer) else {
            return false;
        };
        let first = entry.accepted.is_none();
        entry.accepted = Some(Accepted { agent, head_height });
        let links: Vec<_> = entry.links.iter().map(|l| l.id).collect();
        for id in links {
            self.answer(id, peer, now);
        }
        first
    }

    /// A round trip to `peer` was measured.
    pub(crate) fn measured(&mut self, peer: &PeerId, rtt: Duration, now: Instant) {
        if let Some(entry) = self.peers.get_mut(peer) {
            entry.rtt = Some(rtt);
            self.answer_pings(now);
        }
    }

    /// Answers with the channel and the round trip to `peer`, at once if one was measured.
    pub(crate) fn ping(&mut self, peer: PeerId, reply: PingReply, now: Instant) {
        self.pings.push((peer, reply, now + CONNECT_DEADLINE));
        self.answer_pings(now);
    }

    fn answer_pings(&mut self, now: Instant) {
        for (peer, reply, until) in std::mem::take(&mut self.pings) {
            let answer = match self.peers.get(&peer) {
                None => Some(Err(ConnectError::NotConnected(peer))),
                Some(entry) => match (entry.ping_report(peer), until <= now) {
                    (Some(report), _) => Some(Ok(report)),
                    (None, true) => Some(Err(ConnectError::Timeout)),
                    (None, false) => None,
                },
            };
            match answer {
                Some(answer) => drop(reply.send(answer)),
                None => self.pings.push((peer, reply, until)),
            }
        }
    }

    /// One side said goodbye. The first word counts.
    pub(crate) fn part(&mut self, peer: &PeerId, parting: Parting) {
        if let Some(entry) = self.peers.get_mut(peer) {
            entry.parting.get_or_insert(parting);
        }
    }

    /// Why the connections to `peer` end, in words, if either side has said.
    pub(crate) fn parting(&self, peer: &PeerId) -> Option<String> {
        let parting = self.peers.get(peer)?.parting?;
        Some(match parting {
            Parting::Told(reason) => format!("goodbye: {reason}"),
            Parting::Said(reason) => format!("we said goodbye: {reason}"),
        })
    }

    /// A link closed; `error` is what was seen. True if `peer` has none left.
    pub(crate) fn closed(&mut self, peer: PeerId, id: ConnectionId, error: &str) -> bool {
        self.fail(id, || ConnectError::Refused {
            peer,
            error: error.to_owned(),
        });
        let Some(entry) = self.peers.get_mut(&peer) else {
            return true;
        };
        entry.links.retain(|l| l.id != id);
        let gone = entry.links.is_empty();
        if gone {
            self.peers.remove(&peer);
        }
        gone
    }

    /// The dial `id` failed.
    pub(crate) fn dial_failed(&mut self, id: ConnectionId, label: &'static str, error: &str) {
        self.fail(id, || ConnectError::Dial {
            label,
            error: error.to_owned(),
        });
    }

    /// Answers callers whose deadline has passed.
    pub(crate) fn expire(&mut self, now: Instant) {
        let late: Vec<_> = self
            .waiting
            .iter()
            .filter(|(_, w)| w.until <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.fail(id, || ConnectError::Timeout);
        }
        self.answer_pings(now);
    }

    /// The row of `peer`, if connected.
    pub(crate) fn report(&self, peer: &PeerId, now: Instant) -> Option<PeerReport> {
        let entry = self.peers.get(peer)?;
        let link = entry.links.first()?;
        let name = |f: fn(&Summary) -> &'static str| link.session.as_ref().map_or("", f).to_owned();
        Some(PeerReport {
            peer_id: peer.to_string(),
            address: link.address.to_string(),
            direction: link.direction,
            transport: transport_of(&link.address).to_owned(),
            kem: name(|s| s.kem),
            signature: name(|s| s.signature),
            aead: name(|s| s.aead),
            delegated: link.session.as_ref().is_some_and(|s| s.delegated),
            rtt_ms: entry.rtt.map(|r| r.as_secs_f64() * 1000.0),
            head_height: entry.accepted.as_ref().map(|a| a.head_height),
            agent: entry.accepted.as_ref().map(|a| a.agent.clone()),
            connected_s: now.saturating_duration_since(link.since).as_secs(),
            trust: None,
            reserved: false,
            trusted: false,
            slot: None,
        })
    }

    /// Every row, longest connected first.
    pub(crate) fn reports(&self, now: Instant) -> Vec<PeerReport> {
        let mut rows: Vec<_> = self
            .peers
            .keys()
            .filter_map(|p| self.report(p, now))
            .collect();
        rows.sort_by(|a, b| {
            b.connected_s
                .cmp(&a.connected_s)
                .then(a.peer_id.cmp(&b.peer_id))
        });
        rows
    }

    /// Every peer that has accepted us.
    pub(crate) fn accepted(&self) -> Vec<PeerId> {
        let accepted = self.peers.iter().filter(|(_, p)| p.accepted.is_some());
        accepted.map(|(peer, _)| *peer).collect()
    }

    /// Every connected peer.
    pub(crate) fn peers(&self) -> HashSet<PeerId> {
        self.peers.keys().copied().collect()
    }

    fn answer(&mut self, id: ConnectionId, peer: PeerId, now: Instant) {
        let Some(waiting) = self.waiting.remove(&id) else {
            return;
        };
        if let Some(report) = self.report(&peer, now) {
            for reply in waiting.replies {
                let _ = reply.send(Ok(report.clone()));
            }
        }
    }

    fn fail(&mut self, id: ConnectionId, error: impl Fn() -> ConnectError) {
        for reply in self.waiting.remove(&id).into_iter().flat_map(|w| w.replies) {
            let _ = reply.send(Err(error()));
        }
    }
}

impl Peer {
    fn ping_report(&self, peer: PeerId) -> Option<PingReport> {
        let link = self.links.first()?;
        let session = link.session.as_ref()?;
        let (bytes_in, bytes_out) = session.handshake_bytes;
        Some(PingReport {
            peer_id: peer.to_string(),
            address: link.address.to_string(),
            fresh_connection: false,
            handshake_ms: Some(session.handshake_time.as_secs_f64() * 1000.0),
            handshake_bytes: Some((bytes_out, bytes_in)),
            round_trips: 1,
            kem: session.kem.to_owned(),
            signature: session.signature.to_owned(),
            aead: session.aead.to_owned(),
            rtt_ms: self.rtt?.as_secs_f64() * 1000.0,
        })
    }
}

/// The name of the transport an address uses.
fn transport_of(address: &Multiaddr) -> &'static str {
    let mut name = "unknown";
    for part in address {
        match part {
            Protocol::P2pCircuit => return "relay",
            Protocol::Tcp(_) => name = "tcp",
            Protocol::Memory(_) => name = "memory",
            Protocol::QuicV1 => name = "quic",
            Protocol::Ws(_) => name = "ws",
            Protocol::Wss(_) => name = "wss",
            _ => {}
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> (Connections, PeerId, ConnectionId, Instant) {
        (
            Connections::default(),
            PeerId::random(),
            ConnectionId::new_unchecked(7),
            Instant::now(),
        )
    }

    fn address() -> Multiaddr {
        "/ip4/127.0.0.1/tcp/9".parse().expect("valid")
    }

    #[test]
    fn a_dial_is_answered_only_when_the_peer_has_accepted() {
        let (mut c, peer, id, now) = setup();
        let (tx, mut rx) = oneshot::channel();
        c.wait(id, tx, now);
        assert!(c.established(peer, id, Direction::Outbound, address(), None, now));
        assert!(rx.try_recv().is_err(), "established is not accepted");
        assert!(c.identified(peer, "agent".into(), Height(3), now));
        let report = rx.try_recv().expect("answered").expect("accepted");
        assert_eq!(
            (report.head_height, report.transport.as_str()),
            (Some(Height(3)), "tcp")
        );
    }

    #[test]
    fn a_peer_that_closes_after_the_handshake_is_a_refusal() {
        let (mut c, peer, id, now) = setup();
        let (tx, mut rx) = oneshot::channel();
        c.wait(id, tx, now);
        c.established(peer, id, Direction::Outbound, address(), None, now);
        assert!(c.closed(peer, id, "end of stream"));
        let error = rx.try_recv().expect("answered").expect_err("refused");
        assert_eq!(error.label(), "refused_by_peer");
        assert_eq!(c.len(), 0);
    }

    #[test]
    fn the_first_goodbye_says_why_a_connection_ends() {
        let (mut c, peer, id, now) = setup();
        c.part(&peer, Parting::Told(Goodbye::Idle));
        c.established(peer, id, Direction::Outbound, address(), None, now);
        assert_eq!(c.parting(&peer), None, "nobody was connected then");
        c.part(&peer, Parting::Told(Goodbye::Shutdown));
        c.part(&peer, Parting::Said(Goodbye::Operator));
        let why = c.parting(&peer);
        assert_eq!(why.as_deref(), Some("goodbye: shutdown"));
    }

    #[test]
    fn nobody_waits_for_ever() {
        let (mut c, _, id, now) = setup();
        let (tx, mut rx) = oneshot::channel();
        c.wait(id, tx, now);
        c.expire(now + CONNECT_DEADLINE - Duration::from_millis(1));
        assert!(rx.try_recv().is_err());
        c.expire(now + CONNECT_DEADLINE);
        assert_eq!(rx.try_recv().expect("answered"), Err(ConnectError::Timeout));
    }

    #[test]
    fn a_peer_with_two_links_stays_until_both_are_gone() {
        let (mut c, peer, id, now) = setup();
        let second = ConnectionId::new_unchecked(8);
        assert!(c.established(peer, id, Direction::Outbound, address(), None, now));
        assert!(!c.established(peer, second, Direction::Inbound, address(), None, now));
        assert!(!c.closed(peer, id, ""));
        assert!(c.is_connected(&peer));
        assert!(c.closed(peer, second, ""));
        assert!(!c.is_connected(&peer));
    }
}
