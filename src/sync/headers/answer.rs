//! What becomes of an answer, by the place where it attaches.

use std::time::Duration;

use libp2p::PeerId;

use super::{Check, HeaderAsk, HeaderSync, Role, Run, presync::Presync};
use crate::{
    chain::Header,
    clock::Now,
    crypto::hash::sha3_256,
    ids::Hash32,
    offence::Offence,
    sync::{
        core::Core,
        io::{Action, JobId, RequestId, total_len},
        peers::better,
        requests::Open,
        task::{After, HeaderTask},
    },
    wire::{Headers, TipClaim},
};

/// While a branch is downloaded again from the peer that proved it, others on it are asked this
/// rarely whether it is theirs too.
const WHILE_REPEATING: Duration = Duration::from_secs(1);

impl HeaderSync {
    /// Takes the answer to a header request.
    pub(in crate::sync) fn on_answer(
        &mut self,
        core: &mut Core,
        id: RequestId,
        open: &Open,
        ask: &HeaderAsk,
        answer: Headers,
        now: Now,
    ) {
        let newest = core
            .peers
            .get(&open.peer)
            .is_some_and(|peer| peer.asked == Some(id));
        self.on_failed(core, id, open.peer);
        let Some(peer) = core.peers.get_mut(&open.peer) else {
            return;
        };
        peer.answered(now.mono);
        peer.header_pace
            .sample(total_len(&answer.headers), open.sent, now.mono);
        // # Correctness
        // A node's imported head never loses work, its best header is never worse than that, and
        // the answer is younger than every head announced before the question.
        if answer.tip.work < open.announced {
            let (said, shown) = (open.announced, answer.tip.work);
            return core.penalise(
                open.peer,
                Offence::FalseWorkClaim,
                format!("announced work {said} and has {shown}"),
            );
        }
        peer.blocks = answer.blocks;
        if newest || better(&answer.tip, &peer.tip) {
            peer.tip = answer.tip;
        }
        if answer.headers.is_empty() {
            return self.on_empty(core, open.peer, ask, answer.tip);
        }
        if u32::try_from(answer.headers.len()).is_ok_and(|n| n == ask.max) {
            let took = now.mono.saturating_duration_since(open.sent);
            peer.adapt_batch(ask.max, took);
        }
        self.attach(core, open.peer, ask, answer, now);
    }

    /// The peer has nothing behind what the locator names.
    fn on_empty(&mut self, core: &mut Core, peer: PeerId, ask: &HeaderAsk, tip: TipClaim) {
        let at_first = ask.locator.first() == Some(&tip.hash);
        if at_first && ask.pending == 1 {
            // It ends exactly where we asked, in headers that may not be stored.
            if ask.presync {
                return self.end_presync(core, peer, tip);
            }
            if let Some(main) = self.main.as_mut().filter(|main| main.cursor == tip.hash) {
                main.claim(peer, tip.work);
            }
        } else if tip.work > core.view.tips.headers.work {
            // Its best header would be one of ours, and none of ours has that work.
            return core.penalise(
                peer,
                Offence::FalseWorkClaim,
                format!("claims work {} and has no headers for it", tip.work),
            );
        }
        if let Some(peer) = core.peers.get_mut(&peer) {
            peer.role = Role::Level;
        }
    }

    /// The pre-synced branch of a peer has ended below what it takes.
    fn end_presync(&mut self, core: &mut Core, peer: PeerId, tip: TipClaim) {
        let Some(entry) = core.peers.get_mut(&peer) else {
            return;
        };
        if let Role::Presync(presync) = &entry.role {
            let real = presync.tip();
            if real.hash == tip.hash && real.work != tip.work {
                let detail = format!("claims work {}, its headers have {}", tip.work, real.work);
                return core.penalise(peer, Offence::FalseWorkClaim, detail);
            }
            entry.role = Role::Level;
        }
    }

    /// Finds out where the headers belong.
    fn attach(
        &mut self,
        core: &mut Core,
        peer: PeerId,
        ask: &HeaderAsk,
        answer: Headers,
        now: Now,
    ) {
        let (Some(first), Some(last)) = (answer.headers.first(), answer.headers.last()) else {
            return;
        };
        let parent = match Header::decode(first) {
            Ok(header) => header.parent_hash,
            Err(error) => {
                let offence = error.offence().unwrap_or(Offence::MalformedMessage);
                return core.penalise(peer, offence, error.to_string());
            }
        };
        let Some(place) = ask.locator.iter().position(|hash| *hash == parent) else {
            let detail = "headers that follow nothing of the locator".to_owned();
            return core.penalise(peer, Offence::BrokenLink, detail);
        };
        let last = sha3_256(last);
        let run = Run {
            peer,
            headers: answer.headers,
            claim: (last == answer.tip.hash).then_some(answer.tip.work),
        };
        let Some(entry) = core.peers.get_mut(&peer) else {
            return;
        };
        let stored = place >= ask.pending;
        match &mut entry.role {
            Role::Trial(_) => {} // a late answer; its branch is being looked at already
            Role::Presync(presync) if ask.presync && presync.tip().hash == parent => {
                presync.waiting = Some(run.headers);
                presync.claim = run.claim;
                self.check_presync(core, now.mono);
            }
            // It has reorganised since, or this is a late answer to an older question.
            Role::Presync(_) if !ask.presync => {}
            role => match &mut self.main {
                Some(main) if main.cursor == parent && !ask.presync => {
                    if main.repeats_for().is_none_or(|(only, _)| only == peer) {
                        *role = Role::OnMain;
                        main.accept(run, last);
                        for loser in std::mem::take(&mut main.open) {
                            core.cancel(loser, now);
                        }
                    } else {
                        entry.rest(WHILE_REPEATING, now.mono);
                    }
                }
                // Somebody else was faster.
                Some(main) if ask.epoch == main.epoch && !stored && !ask.presync => {
                    if main.repeats_for().is_none() {
                        *role = Role::OnMain;
                    } else {
                        entry.rest(WHILE_REPEATING, now.mono);
                    }
                }
                // The question was asked before there was this branch.
                Some(main) if ask.epoch != main.epoch => *role = Role::New,
                _ if !stored => *role = Role::New,
                _ => self.try_branch(core, parent, run),
            },
        }
    }

    /// Verifies the first run of a branch that grows from the stored header `parent`.
    fn try_branch(&mut self, core: &mut Core, parent: Hash32, run: Run) {
        let job = core.job();
        if let Some(entry) = core.peers.get_mut(&run.peer) {
            entry.role = Role::Trial(job);
            entry.trial_claim = run.claim;
        }
        self.checks.insert(job, Check::Trial(run.peer));
        core.push(Action::CheckHeaders(HeaderTask {
            job,
            after: After::Stored(parent),
            headers: run.headers,
        }));
    }

    /// Verifies the next run of the main branch.
    pub(super) fn check_main(&mut self, core: &mut Core) {
        let Some(main) = &mut self.main else { return };
        let job = core.job();
        if let Some((after, headers)) = main.next_check(job) {
            self.checks.insert(job, Check::Main);
            core.push(Action::CheckHeaders(HeaderTask {
                job,
                after,
                headers,
            }));
        }
    }

    /// Verifies a run that waits on a pre-synced branch, one at a time.
    pub(super) fn check_presync(&mut self, core: &mut Core, now: std::time::Instant) {
        if self.presync_check.is_some() {
            return;
        }
        let next = core.peers.iter_mut().find_map(|(id, peer)| {
            let Role::Presync(presync) = &mut peer.role else {
                return None;
            };
            let headers = presync.waiting.take()?;
            presync.checking = true;
            Some((*id, presync.ancestry.clone(), headers))
        });
        let Some((peer, ancestry, headers)) = next else {
            return;
        };
        let job: JobId = core.job();
        self.presync_check = Some((job, now));
        self.checks.insert(job, Check::Presync(peer));
        core.push(Action::CheckHeaders(HeaderTask {
            job,
            after: After::Checked(ancestry),
            headers,
        }));
    }
}

impl Role {
    /// The pre-sync of this role.
    pub(super) fn presync(&mut self) -> Option<&mut Presync> {
        match self {
            Self::Presync(presync) => Some(presync),
            _ => None,
        }
    }
}
