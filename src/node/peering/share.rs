//! Statements of trust: whom this node trusts, told to others, and what others say.

use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;
use tokio::sync::oneshot;

use super::{
    Asked, PeeringError, PeeringTask, ShareWith,
    clerk::{Desk, Office},
    done::{Done, Heard, Said, StatementFor},
};
use crate::{
    bucket::{Bucket, Rate},
    envelope::{Envelope, Verdict},
    gossip::app::Delivery,
    identity::{digest_from_peer_id, peer_id_from_digest},
    ids::{ChainId, Hash32},
    network::exchange::{Failure, Lane, Token},
    node::gossip_task::Gossip,
    offence::Offence,
    peers::{Recommendation, Score, Statement},
    registry::MAX_TRUST_ENTRIES,
    trust::{self, Select},
    wire::{ErrorCode, Message, TrustedPeersRequest},
};

/// What lists told to the whole network are about.
pub(super) const TOPIC: &str = "animica/trust";

/// How long a list told to the network may travel: as long as a statement counts.
const TTL: Duration = Duration::from_millis(crate::peers::STATEMENT_TTL_MS);

/// How long a signed list is given to everybody who asks before a new one is signed.
const FRESH: Duration = Duration::from_secs(60);

/// Statements and questions of one peer: each costs a signature or its check.
const WORDS: Rate = Rate {
    per_second: 1,
    burst: 10,
};

/// The list signed last.
#[derive(Clone)]
pub(super) struct Signed {
    at: Instant,
    bytes: Bytes,
}

pub(super) fn words() -> Bucket {
    Bucket::new(WORDS)
}

impl PeeringTask {
    /// Whom we trust by our own experience.
    fn trusted(&self) -> Vec<Recommendation> {
        let min = self.config.trust.trusted_list_threshold;
        let enough = self.config.trust.recommender_min_interactions;
        let best = Select::Best {
            min,
            count: 4 * MAX_TRUST_ENTRIES,
        };
        let views = self.trust.list(best, self.now());
        let own = views
            .into_iter()
            .filter(|v| v.direct >= min && v.interactions >= enough);
        let word = |view: trust::View| {
            Some(Recommendation {
                subject: digest_from_peer_id(&view.peer)?,
                score: Score::from_unit(view.direct)?,
            })
        };
        own.filter_map(word).take(MAX_TRUST_ENTRIES).collect()
    }

    /// Shares on behalf of a handle.
    pub(super) fn share(
        &mut self,
        with: ShareWith,
        reply: oneshot::Sender<Result<usize, PeeringError>>,
    ) {
        if let ShareWith::Peer(peer) | ShareWith::Ask(peer) = with
            && !self.live.contains_key(&peer)
        {
            let _ = reply.send(Err(PeeringError::NotConnected(peer)));
            return;
        }
        match with {
            ShareWith::Ask(peer) => {
                let max = u32::try_from(MAX_TRUST_ENTRIES).unwrap_or(u32::MAX);
                let ask = Message::TrustedPeersRequest(TrustedPeersRequest { max });
                self.ask(Lane::Trust, peer, ask, Asked::Trusted(reply));
            }
            ShareWith::Peer(peer) => self.sign_statement(StatementFor::Peer(peer, reply)),
            ShareWith::Network => self.publish_trust(Some(reply)),
        }
    }

    /// Tells the network at the configured interval.
    pub(super) fn share_now_and_then(&mut self, now: Instant) {
        let Some(interval) = self.config.share_trust else {
            return;
        };
        let due = |last: Instant| now.saturating_duration_since(last) >= interval;
        if self.shared.is_none_or(due) {
            self.shared = Some(now);
            if !self.trusted().is_empty() {
                self.publish_trust(None);
            }
        }
    }

    fn publish_trust(&mut self, reply: Option<oneshot::Sender<Result<usize, PeeringError>>>) {
        let entries = self.trusted();
        let named = entries.len();
        let Ok(statement) = Statement::new(entries) else {
            return;
        };
        let gossip = self.gossip.clone();
        tokio::spawn(async move {
            let sent = publish(&gossip, &statement).await;
            if let Some(reply) = reply {
                let _ = reply.send(sent.map(|()| named));
            }
        });
    }

    fn sign_statement(&mut self, then: StatementFor) {
        let entries = self.trusted();
        let named = entries.len();
        self.statements = self.statements.max(self.now().wall_ms) + 1;
        let (seq, network, office) = (self.statements, self.network, self.office.clone());
        let now_ms = self.now().wall_ms;
        self.clerk.take(Desk::Own, move || {
            let envelope =
                Statement::new(entries)
                    .map_err(|e| e.to_string())
                    .and_then(|statement| {
                        let sealed = statement.seal(&office.identity, network, seq, now_ms);
                        let sealed = sealed.map_err(|e| e.to_string())?;
                        Ok(sealed.as_bytes().clone())
                    });
            Done::Statement {
                envelope,
                named,
                then,
            }
        });
    }

    pub(super) fn statement_signed(
        &mut self,
        envelope: Result<Bytes, String>,
        named: usize,
        then: StatementFor,
    ) {
        let now = self.now().mono;
        match (envelope, then) {
            (Ok(bytes), StatementFor::Request(token)) => {
                self.signed = Some(Signed {
                    at: now,
                    bytes: bytes.clone(),
                });
                self.respond(Lane::Trust, token, Message::TrustedPeersResponse(bytes));
            }
            (Ok(bytes), StatementFor::Peer(peer, reply)) => {
                let asked = Asked::Trusting { named, reply };
                self.ask(Lane::Trust, peer, Message::TrustUpdate(bytes), asked);
            }
            (Err(error), StatementFor::Request(token)) => {
                tracing::warn!(error, "a list of trusted peers cannot be signed");
                self.refuse(Lane::Trust, token, ErrorCode::Internal);
            }
            (Err(error), StatementFor::Peer(_, reply)) => {
                let _ = reply.send(Err(PeeringError::Peer(error)));
            }
        }
    }

    /// A peer asks whom we trust.
    pub(super) fn asked_whom_we_trust(
        &mut self,
        peer: PeerId,
        _: TrustedPeersRequest,
        token: Token,
    ) {
        let now = self.now().mono;
        if !self.may_speak(&peer, now) {
            return self.turn_away(Lane::Trust, token, Duration::from_secs(1));
        }
        let fresh = |s: &&Signed| now.saturating_duration_since(s.at) < FRESH;
        if let Some(signed) = self.signed.as_ref().filter(fresh) {
            let answer = Message::TrustedPeersResponse(signed.bytes.clone());
            return self.respond(Lane::Trust, token, answer);
        }
        self.sign_statement(StatementFor::Request(token));
    }

    /// A peer tells whom it trusts.
    pub(super) fn told_whom_to_trust(&mut self, peer: PeerId, envelope: Bytes, token: Token) {
        let now = self.now().mono;
        if !self.may_speak(&peer, now) {
            return self.turn_away(Lane::Trust, token, Duration::from_secs(1));
        }
        self.receipt(Lane::Trust, token);
        self.check_statement(peer, envelope, None);
    }

    /// The answer to our question came, or did not.
    pub(super) fn trusted_answered(
        &mut self,
        peer: PeerId,
        result: Result<Message, Failure>,
        reply: oneshot::Sender<Result<usize, PeeringError>>,
    ) {
        let why = match result {
            Ok(Message::TrustedPeersResponse(envelope)) => {
                return self.check_statement(peer, envelope, Some(reply));
            }
            Ok(Message::Busy(_)) => "it is asked too often".to_owned(),
            Ok(_) => "it does not tell".to_owned(),
            Err(e) => e.to_string(),
        };
        let _ = reply.send(Err(PeeringError::Peer(why)));
    }

    fn may_speak(&mut self, peer: &PeerId, now: Instant) -> bool {
        let Some(live) = self.live.get_mut(peer) else {
            return false;
        };
        let may = live.words.has(now, 1);
        if may {
            live.words.take(1);
        }
        may
    }

    fn check_statement(
        &mut self,
        from: PeerId,
        envelope: Bytes,
        reply: Option<oneshot::Sender<Result<usize, PeeringError>>>,
    ) {
        let (office, network, now_ms) = (self.office.clone(), self.network, self.now().wall_ms);
        self.clerk.take(Desk::Peers, move || {
            let said = check(from, envelope, &office, network, now_ms);
            Done::Heard(Heard { from, said, reply })
        });
    }

    /// A statement was checked.
    pub(super) fn heard(&mut self, heard: Heard) {
        let Heard { from, said, reply } = heard;
        match said {
            Ok(said) => {
                let named = said.words.len();
                self.recommended(said);
                if let Some(reply) = reply {
                    let _ = reply.send(Ok(named));
                }
            }
            Err((offence, why)) => {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(PeeringError::Peer(why.clone())));
                }
                if let Some(offence) = offence {
                    self.penalise(from, offence, format!("a statement of trust: {why}"));
                }
            }
        }
    }

    /// Somebody told the whole network. The gossip task has checked who.
    pub(super) fn overheard(&mut self, delivery: &Delivery) {
        let Some((sender, _)) = delivery.sender.filter(|_| delivery.topic == TOPIC) else {
            return;
        };
        // What is no statement has been refused by the check of the topic.
        if let Ok(statement) = Statement::decode(&delivery.payload) {
            self.recommended(Said {
                by: peer_id_from_digest(sender),
                at_ms: delivery.created_ms,
                words: statement.entries().to_vec(),
            });
        }
    }

    /// Believes what may be believed of what a peer says about others.
    fn recommended(&mut self, said: Said) {
        let now = self.now();
        for word in said.words {
            let subject = peer_id_from_digest(word.subject);
            let recommendation = trust::Recommendation {
                recommender: said.by,
                subject,
                score: word.score.to_unit(),
                at_ms: said.at_ms,
            };
            match self.trust.recommend(&recommendation, now) {
                Ok(change) => {
                    self.told.recommendation("counted");
                    self.changed(subject, change, now);
                }
                Err(refused) => {
                    self.told.recommendation(refused.name());
                    if refused.is_fault() {
                        let why = format!("a recommendation: {refused}");
                        self.penalise(said.by, Offence::MalformedMessage, why);
                        return;
                    }
                }
            }
        }
    }
}

async fn publish(gossip: &Gossip, statement: &Statement) -> Result<(), PeeringError> {
    let payload = Bytes::from(statement.encode());
    let sent = gossip.broadcast(TOPIC.to_owned(), payload, TTL, true).await;
    sent.map(drop)
        .map_err(|e| PeeringError::Peer(e.to_string()))
}

/// Whether `from` says so, and what.
fn check(
    from: PeerId,
    envelope: Bytes,
    office: &Office,
    network: (ChainId, Hash32),
    now_ms: u64,
) -> Result<Said, (Option<Offence>, String)> {
    let envelope = Envelope::decode(envelope).map_err(|e| (e.offence(), e.to_string()))?;
    let statement = Statement::open(&envelope).map_err(|e| (e.offence(), e.to_string()))?;
    let body = envelope.body();
    if Some(body.sender) != digest_from_peer_id(&from) {
        let why = "it is of somebody else".to_owned();
        return Err((Some(Offence::MalformedMessage), why));
    }
    match envelope.judge_body(network, now_ms) {
        None => {}
        Some(Verdict::Refused(e)) => return Err((e.offence(), e.to_string())),
        Some(_) => return Err((None, "its time is not now".to_owned())),
    }
    let Some(key) = envelope.key() else {
        let why = "it does not carry its key".to_owned();
        return Err((Some(Offence::MalformedMessage), why));
    };
    let proof = envelope.prove(key, &office.delegations, &office.policy, now_ms);
    proof.map_err(|e| (e.offence(), e.to_string()))?;
    Ok(Said {
        by: from,
        at_ms: body.created_ms,
        words: statement.entries().to_vec(),
    })
}
