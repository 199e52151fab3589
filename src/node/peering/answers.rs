//! What handles ask.

use std::{sync::Arc, time::Duration};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use tokio::sync::oneshot;

use super::{PeeringError, PeeringRequest, PeeringTask, table::TableCall};
use crate::{
    node::{
        effect::Effect,
        event_loop::{BanNews, ban_report},
    },
    peers::{
        Change, Goodbye, Table,
        ban::{MAX_BAN, Sentence, Subject},
        book::Flags,
        ip_of,
    },
    report::{BanReport, TrustReport, UnbanReport},
    trust::{AuditEvent, Event, Observation, Score, Select},
};

/// Most lines of the audit trail that are looked through for those of one peer.
const MAX_SCAN: usize = 1 << 20;

/// Lines read at a time.
const PAGE: usize = 4096;

impl PeeringTask {
    pub(super) fn answer(&mut self, request: PeeringRequest) {
        match request {
            PeeringRequest::Known { limit, reply } => {
                let _ = reply.send(self.known(limit));
            }
            PeeringRequest::Annotate { mut rows, reply } => {
                rows.iter_mut().for_each(|row| self.annotate(row));
                let _ = reply.send(rows);
            }
            PeeringRequest::Explain { peer, reply } => self.explain(peer, reply),
            PeeringRequest::Add { address, reply } => self.add(&address, reply),
            PeeringRequest::Remove { peer, reply } => {
                let _ = reply.send(self.remove(peer));
            }
            PeeringRequest::Ban {
                subject,
                lasts,
                reason,
                reply,
            } => self.ban(subject, lasts, reason, reply),
            PeeringRequest::Unban { subject, reply } => self.unban(subject, reply),
            PeeringRequest::Reserve {
                peer,
                address,
                on,
                reply,
            } => {
                let done = self.reserve(peer, address, on);
                self.acknowledge(done, reply);
            }
            PeeringRequest::SetTrust { peer, score, reply } => self.set_trust(peer, score, reply),
            PeeringRequest::Prefer { peer, on, reply } => {
                let done = self.prefer(peer, on);
                self.acknowledge(done, reply);
            }
            PeeringRequest::Trust { peer, reply } => {
                let _ = reply.send(self.trust_report(peer));
            }
            PeeringRequest::TrustTop { count, min, reply } => {
                let views = self.trust.list(Select::Best { min, count }, self.now());
                let rows = views.iter().map(|view| self.trust_row(view)).collect();
                let _ = reply.send(rows);
            }
            PeeringRequest::TrustEvents { peer, count, reply } => {
                self.trust_events(peer, count, reply);
            }
            PeeringRequest::ShareTrust { with, reply } => self.share(with, reply),
            PeeringRequest::SignedPing { peer, reply } => self.ping_signed_by_us(peer, reply),
            PeeringRequest::Discovery { reply } => {
                let _ = reply.send(self.discovery_report(self.now()));
            }
            PeeringRequest::DhtPut {
                key,
                value,
                ttl,
                reply,
            } => self.dht_put(key, value, ttl, reply),
            PeeringRequest::DhtGet { key, reply } => self.dht_get(&key, reply),
            PeeringRequest::DhtStats { reply } => {
                let _ = reply.send(self.dht_report());
            }
        }
    }

    /// Answers when what was done is durable.
    fn acknowledge<T: Send + 'static>(
        &mut self,
        done: Result<T, PeeringError>,
        reply: oneshot::Sender<Result<T, PeeringError>>,
    ) {
        match done {
            Ok(value) => self.keep.then(move |kept| {
                let _ = reply.send(kept.map(|()| value).map_err(PeeringError::from));
            }),
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    fn add(&mut self, address: &Multiaddr, reply: oneshot::Sender<Result<PeerId, PeeringError>>) {
        let done = self.try_add(address);
        self.acknowledge(done, reply);
    }

    fn try_add(&mut self, address: &Multiaddr) -> Result<PeerId, PeeringError> {
        let peer = peer_of(address).ok_or_else(|| PeeringError::NoPeerId(address.clone()))?;
        if peer == self.me {
            return Err(PeeringError::Ourselves);
        }
        let now = self.now();
        let addresses = std::slice::from_ref(address);
        let added = self.book.add(peer, addresses, Flags::default(), now);
        added.map_err(|e| PeeringError::Book(e.to_string()))?;
        self.plan.forgive(&peer);
        Ok(peer)
    }

    fn remove(&mut self, peer: PeerId) -> bool {
        let reserved = self.plan.unreserve(&peer);
        if reserved {
            self.reserved(peer, &[], false);
        }
        let known = self.book.remove(&peer) | reserved | self.plan.unprefer(&peer);
        let live = self.live.contains_key(&peer);
        if live {
            self.goodbye(peer, Goodbye::Operator);
        }
        known | live
    }

    fn reserve(
        &mut self,
        peer: PeerId,
        address: Option<Multiaddr>,
        on: bool,
    ) -> Result<(), PeeringError> {
        if peer == self.me {
            return Err(PeeringError::Ourselves);
        }
        if let Some(address) = &address {
            self.try_add(address)?;
        }
        let addresses = self.addresses_of(&peer);
        if on && addresses.is_empty() {
            return Err(PeeringError::Unknown(peer));
        }
        if on {
            if !self.plan.reserve(peer, addresses.clone()) {
                return Err(PeeringError::Book("too many reserved peers".to_owned()));
            }
        } else if !self.plan.unreserve(&peer) {
            return Err(PeeringError::Unknown(peer));
        }
        self.reserved(peer, &addresses, on);
        self.flag(peer, |flags| flags.reserved = on);
        Ok(())
    }

    /// Tells the gate whom and which places it may not ban.
    pub(super) fn reserved(&mut self, peer: PeerId, addresses: &[Multiaddr], on: bool) {
        let ips = addresses.iter().filter_map(ip_of).collect();
        self.outbox.push(Effect::Reserved { peer, ips, on });
    }

    fn prefer(&mut self, peer: PeerId, on: bool) -> Result<(), PeeringError> {
        let addresses = self.addresses_of(&peer);
        if peer == self.me {
            return Err(PeeringError::Ourselves);
        }
        if addresses.is_empty() && !self.live.contains_key(&peer) {
            return Err(PeeringError::Unknown(peer));
        }
        if on {
            if !self.plan.prefer(peer, addresses) {
                return Err(PeeringError::Book("too many trusted peers".to_owned()));
            }
        } else {
            self.plan.unprefer(&peer);
        }
        self.flag(peer, |flags| flags.trusted = on);
        Ok(())
    }

    fn flag(&mut self, peer: PeerId, change: impl FnOnce(&mut Flags)) {
        let mut flags = self.book.flags(&peer);
        change(&mut flags);
        let now = self.now();
        if let Err(error) = self.book.set_flags(&peer, flags, now) {
            tracing::warn!(%peer, %error, "what the operator said about a peer is not remembered");
        }
    }

    /// Where a peer may be dialled, as far as anybody said.
    pub(super) fn addresses_of(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let known = self.book.addresses(peer);
        let live = self.live.get(peer).filter(|_| known.is_empty());
        let outbound = live.filter(|l| l.direction == crate::report::Direction::Outbound);
        let live = outbound.map(|l| l.address.clone());
        known.into_iter().chain(live).collect()
    }

    fn set_trust(
        &mut self,
        peer: PeerId,
        score: f64,
        reply: oneshot::Sender<Result<TrustReport, PeeringError>>,
    ) {
        let done = match Score::new(score) {
            Err(_) => Err(PeeringError::Score(score)),
            Ok(_) if peer == self.me => Err(PeeringError::Ourselves),
            Ok(score) => {
                let seen = Observation::of(Event::Operator(score)).because("by the operator");
                self.observe(peer, seen);
                self.trust_report(peer).ok_or(PeeringError::Unknown(peer))
            }
        };
        self.acknowledge(done, reply);
    }

    fn ban(
        &mut self,
        subject: Subject,
        lasts: Duration,
        reason: String,
        reply: oneshot::Sender<Result<BanReport, PeeringError>>,
    ) {
        let refused = match subject {
            _ if lasts < Duration::from_secs(1) || lasts > MAX_BAN => Some(PeeringError::Duration),
            Subject::Peer(peer) if peer == self.me => Some(PeeringError::Ourselves),
            Subject::Peer(peer) if self.plan.is_reserved(&peer) => {
                Some(PeeringError::Reserved(peer))
            }
            _ => None,
        };
        if let Some(error) = refused {
            let _ = reply.send(Err(error));
            return;
        }
        // The gate answers with the ban that stands; it is kept before anybody is told.
        let sentence = Sentence::of_operator(subject, reason, lasts);
        self.outbox.push(Effect::Ban { sentence, reply });
    }

    /// Rows of bans changed: whoever waits is answered when that is durable.
    pub(super) fn bans_changed(&mut self, rows: Vec<Change>, news: BanNews) {
        self.keep.put(rows);
        match news {
            BanNews::Rows => {}
            BanNews::Imposed { ban, reply } => {
                if let Subject::Peer(peer) = ban.subject {
                    self.outbox.push(Effect::Table(TableCall::Remove(peer)));
                }
                self.acknowledge(Ok(ban_report(&ban)), reply);
            }
            BanNews::Lifted { report, reply } => self.keep.then(move |_| {
                let _ = reply.send(*report);
            }),
        }
    }

    /// Lifts everything that keeps `subject` away.
    fn unban(&mut self, subject: Subject, reply: oneshot::Sender<UnbanReport>) {
        let mut report = UnbanReport::default();
        let mut ips = Vec::new();
        if let Subject::Peer(peer) = subject {
            let mut addresses = self.book.addresses(&peer);
            addresses.extend(self.live.get(&peer).map(|live| live.address.clone()));
            ips = addresses.iter().filter_map(ip_of).collect();
            let before = self.trust_report(peer);
            report.cool_down =
                self.plan.forgive(&peer) | before.as_ref().is_some_and(|t| t.below_threshold);
            let initial = self.config.trust.initial_trust_score;
            if before.as_ref().is_some_and(|t| t.score < initial)
                && let Ok(score) = Score::new(initial)
            {
                let seen = Observation::of(Event::Operator(score)).because("unbanned");
                self.observe(peer, seen);
            }
            report.trust_before = before.map(|t| t.score);
            report.trust_after = self.trust_report(peer).map(|t| t.score);
            self.outbox.push(Effect::Forgive {
                peer,
                ips: ips.clone(),
            });
        }
        self.outbox.push(Effect::Lift {
            subject,
            ips,
            report: Box::new(report),
            reply,
        });
    }

    /// Reads the trail from the disk, page by page.
    fn trust_events(
        &mut self,
        peer: Option<PeerId>,
        count: usize,
        reply: oneshot::Sender<Result<Vec<crate::report::TrustEventReport>, PeeringError>>,
    ) {
        let store = Arc::clone(&self.keep.store);
        // What is still in memory belongs to the answer.
        self.keep.then_all(move |_| {
            let read = move || {
                let mut out = Vec::new();
                let mut before: Option<Vec<u8>> = None;
                let mut scanned = 0;
                while out.len() < count && scanned < MAX_SCAN {
                    let page = store.page(Table::TrustEvents, before.as_deref(), PAGE)?;
                    let Some((last, _)) = page.last() else {
                        break;
                    };
                    before = Some(last.clone());
                    scanned += page.len();
                    for (key, row) in &page {
                        let Ok(event) = AuditEvent::decode(row) else {
                            continue;
                        };
                        if peer.is_none_or(|peer| event.peer == peer) && out.len() < count {
                            out.push(super::explain::event_row(Some(seq_of(key)), &event));
                        }
                    }
                }
                Ok(out)
            };
            tokio::task::spawn_blocking(move || {
                let _ = reply.send(read());
            });
        });
    }
}

fn seq_of(key: &[u8]) -> u64 {
    <[u8; 8]>::try_from(key).map_or(0, u64::from_be_bytes)
}

/// The peer that an address ends in.
pub(super) fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}
