//! Kademlia's own dials: few at a time, and their connections on loan.
//!
//! A query wants to talk to peers that nobody chose: whoever happens to be close to a key, or is
//! said to be. Those dials pass no selection, so they are counted apart from the peers of the node
//! and end by themselves.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use libp2p::{
    PeerId,
    swarm::{ConnectionId, dial_opts::DialOpts},
};

/// Dials in flight: those of five queries with three ways each, and one more. Peers that are gone
/// hold a place until the dial fails.
const MAX_FLYING: usize = 16;

/// Dials that wait for one of those to end. More would outlive their query.
const MAX_WAITING: usize = 64;

/// How long a dial waits. The query goes on without the peer then, which it does not without a word.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// How long a connection must have been unused to be closed in favour of a new dial although a
/// request on it has no answer: as long as a peer has for one.
const GIVEN_UP: Duration = Duration::from_secs(5);

/// What to do next.
#[derive(Debug)]
pub(super) enum Next {
    Dial(DialOpts),
    /// Kademlia must hear that this was not dialled.
    GiveUp(DialOpts),
    Close(PeerId, ConnectionId),
}

/// A connection that only a query wanted.
struct Loan {
    peer: PeerId,
    used: Instant,
    /// Requests of ours without an answer, as far as they were seen.
    open: usize,
    closing: bool,
}

impl Loan {
    fn unused(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.used)
    }
}

/// Dials and what came of them.
pub(super) struct Dials {
    borrowed_max: usize,
    linger: Duration,
    waiting: VecDeque<(Instant, DialOpts)>,
    flying: HashMap<ConnectionId, PeerId>,
    loans: HashMap<ConnectionId, Loan>,
}

impl Dials {
    pub(super) fn new(borrowed_max: usize, linger: Duration) -> Self {
        Self {
            borrowed_max: borrowed_max.max(1),
            linger,
            waiting: VecDeque::new(),
            flying: HashMap::new(),
            loans: HashMap::new(),
        }
    }

    /// Queues a dial that Kademlia wants.
    pub(super) fn want(&mut self, opts: DialOpts, now: Instant) {
        self.waiting.push_back((now, opts));
    }

    /// What to do next; ask until there is nothing.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next> {
        let over = |(since, _): &(Instant, _)| now.saturating_duration_since(*since) >= MAX_WAIT;
        if self.waiting.len() > MAX_WAITING || self.waiting.front().is_some_and(over) {
            return self.waiting.pop_front().map(|(_, opts)| Next::GiveUp(opts));
        }
        let linger = self.linger;
        let mut open = self.loans.iter_mut().filter(|(_, loan)| !loan.closing);
        if let Some((id, loan)) = open.find(|(_, loan)| loan.unused(now) >= linger) {
            loan.closing = true;
            return Some(Next::Close(loan.peer, *id));
        }
        if self.waiting.is_empty() || self.flying.len() >= MAX_FLYING {
            return None;
        }
        let open = self.loans.iter_mut().filter(|(_, loan)| !loan.closing);
        let open: Vec<_> = open.collect();
        if open.len() + self.flying.len() >= self.borrowed_max {
            let idle = open.into_iter();
            let idle = idle.filter(|(_, loan)| loan.open == 0 || loan.unused(now) >= GIVEN_UP);
            let (id, loan) = idle.min_by_key(|(_, loan)| loan.used)?;
            loan.closing = true;
            return Some(Next::Close(loan.peer, *id));
        }
        let (_, opts) = self.waiting.pop_front()?;
        if let Some(peer) = opts.get_peer_id() {
            self.flying.insert(opts.connection_id(), peer);
        }
        Some(Next::Dial(opts))
    }

    /// Whether this is one of our dials in flight.
    pub(super) fn is_flying(&self, id: ConnectionId) -> bool {
        self.flying.contains_key(&id)
    }

    /// A connection was made. Returns whether it is on loan from now on. Dials of the same peer
    /// that wait are not needed any more.
    pub(super) fn connected(&mut self, id: ConnectionId, peer: PeerId, now: Instant) -> bool {
        self.waiting
            .retain(|(_, opts)| opts.get_peer_id() != Some(peer));
        let ours = self.flying.remove(&id).is_some();
        if ours {
            let loan = Loan {
                peer,
                used: now,
                // What the dial was for is sent unseen; being the newest it is closed last.
                open: 0,
                closing: false,
            };
            self.loans.insert(id, loan);
        }
        ours
    }

    pub(super) fn failed(&mut self, id: ConnectionId) {
        self.flying.remove(&id);
    }

    pub(super) fn closed(&mut self, id: ConnectionId) {
        self.loans.remove(&id);
    }

    /// `peer` was sent a request.
    pub(super) fn asked(&mut self, peer: PeerId, now: Instant) {
        for loan in self.loans.values_mut().filter(|loan| loan.peer == peer) {
            loan.used = now;
            loan.open += 1;
        }
    }

    /// `peer` answered a request, or will not.
    pub(super) fn answered(&mut self, peer: PeerId, now: Instant) {
        for loan in self.loans.values_mut().filter(|loan| loan.peer == peer) {
            loan.used = now;
            loan.open = loan.open.saturating_sub(1);
        }
    }

    /// The connections with `peer` are wanted for more than a query. Returns whether one was on loan
    /// and is not being closed.
    pub(super) fn adopt(&mut self, peer: PeerId) -> bool {
        let before = self.loans.len();
        self.loans
            .retain(|_, loan| loan.peer != peer || loan.closing);
        self.loans.len() < before
    }

    pub(super) fn is_borrowed(&self, id: ConnectionId) -> bool {
        self.loans.contains_key(&id)
    }

    pub(super) fn borrowed(&self) -> usize {
        self.loans.len()
    }

    /// Whether there is nothing that time changes.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.loans.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dials(borrowed: usize) -> (Dials, Instant) {
        (
            Dials::new(borrowed, Duration::from_secs(30)),
            Instant::now(),
        )
    }

    fn want(dials: &mut Dials, now: Instant) -> (PeerId, ConnectionId) {
        let peer = PeerId::random();
        let opts = DialOpts::peer_id(peer).build();
        let id = opts.connection_id();
        dials.want(opts, now);
        (peer, id)
    }

    #[test]
    fn few_dials_fly_and_the_others_wait_or_are_given_up() {
        let (mut dials, now) = dials(100);
        let wanted: Vec<_> = (0..MAX_WAITING).map(|_| want(&mut dials, now)).collect();
        for (_, id) in &wanted[..MAX_FLYING] {
            assert!(matches!(dials.next(now), Some(Next::Dial(o)) if o.connection_id() == *id));
        }
        assert!(dials.next(now).is_none());
        dials.failed(wanted[0].1);
        assert!(dials.connected(wanted[1].1, wanted[1].0, now));
        assert!(matches!(dials.next(now), Some(Next::Dial(_))));
        assert!(matches!(dials.next(now), Some(Next::Dial(_))));
        assert!(dials.next(now).is_none());
        // Connected otherwise: no dial needed.
        assert!(!dials.connected(ConnectionId::new_unchecked(usize::MAX), wanted[60].0, now));
        let late = now + MAX_WAIT;
        let given_up = std::iter::from_fn(|| dials.next(late)).count();
        assert_eq!(given_up, MAX_WAITING - MAX_FLYING - 2 - 1);
    }

    #[test]
    fn connections_on_loan_are_bounded_and_end_unless_adopted() {
        let (mut dials, now) = dials(2);
        let connect = |dials: &mut Dials, at| {
            let (peer, id) = want(dials, at);
            assert!(matches!(dials.next(at), Some(Next::Dial(_))));
            assert!(dials.connected(id, peer, at));
            (peer, id)
        };
        let (a, a_id) = connect(&mut dials, now);
        let (b, b_id) = connect(&mut dials, now);
        dials.asked(a, now);
        dials.asked(b, now);
        let third = want(&mut dials, now);
        assert!(dials.next(now).is_none(), "both are in use");
        let later = now + Duration::from_secs(1);
        dials.answered(b, now);
        dials.answered(a, later);
        assert!(
            matches!(dials.next(later), Some(Next::Close(peer, id)) if (peer, id) == (b, b_id))
        );
        dials.closed(b_id);
        assert!(matches!(dials.next(later), Some(Next::Dial(_))));
        assert!(dials.connected(third.1, third.0, later));
        assert!(dials.adopt(third.0) && !dials.is_borrowed(third.1));
        assert!(dials.is_borrowed(a_id) && !dials.is_idle());
        let end = later + Duration::from_secs(30);
        assert!(matches!(dials.next(end), Some(Next::Close(peer, _)) if peer == a));
        assert!(!dials.adopt(a), "too late");
        assert!(dials.next(end).is_none());
        dials.closed(a_id);
        assert!(dials.is_idle());
    }
}
