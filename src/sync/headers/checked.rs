//! What becomes of headers that were verified.

use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{Check, HeaderSync, Role, outcome::Outcome, presync::Presync};
use crate::{
    chain::{HeaderError, verify::Verified},
    clock::Now,
    ids::{Hash32, Height},
    offence::Offence,
    sync::{
        config::{HONEST_REORG, PRESYNC_SHARE},
        core::Core,
        io::JobId,
        task::TaskError,
    },
};

/// A peer whose headers are ahead of our clock, or whose answer we could not use, is left alone for
/// this long.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// A header look-up that failed is tried again after this.
const AFTER_STORE_FAILURE: Duration = Duration::from_secs(1);

/// How long a peer waits when there is no room to weigh its branch.
const AFTER_NO_ROOM: Duration = Duration::from_secs(5);

impl HeaderSync {
    /// Takes the result of a verification.
    pub(in crate::sync) fn on_checked(
        &mut self,
        core: &mut Core,
        job: JobId,
        result: Result<Verified, TaskError>,
        now: Now,
    ) {
        let check = self.checks.remove(&job);
        if let (Some(check), Ok(run)) = (check, &result)
            && core.is_aside(&run.headers, now.mono)
        {
            return self.on_aside(core, job, check, now.mono);
        }
        match check {
            Some(Check::Main) => self.on_main(core, job, result, now),
            Some(Check::Trial(peer)) => self.on_trial(core, job, peer, result, now),
            Some(Check::Presync(peer)) => {
                self.pause_presync(core, job, now.mono);
                self.on_presync(core, peer, result, now);
            }
            None => {}
        }
    }

    /// The run belongs to a branch that was left aside.
    fn on_aside(&mut self, core: &mut Core, job: JobId, check: Check, now: Instant) {
        let peer = match check {
            Check::Trial(peer) => Some(peer),
            Check::Presync(peer) => {
                self.pause_presync(core, job, now);
                Some(peer)
            }
            Check::Main => {
                let peer = self.main.as_mut().and_then(|main| main.unchecked(job));
                self.restart_main(core);
                peer
            }
        };
        if let Some(peer) = peer.and_then(|peer| core.peers.get_mut(&peer)) {
            peer.role = Role::Level;
            peer.rest(AFTERWARDS, now);
        }
    }

    fn on_main(
        &mut self,
        core: &mut Core,
        job: JobId,
        result: Result<Verified, TaskError>,
        now: Now,
    ) {
        let Some(main) = &mut self.main else { return };
        let Ok(verified) = result else {
            let _ = main.unchecked(job);
            return self.drop_main(core);
        };
        let end = main.repeats_for().map(|(_, end)| end);
        match main.checked(job, verified, &self.salt, now.mono) {
            None => {}
            Some(Outcome::Extended) => {
                self.flowed = Some(now.mono);
                if end.is_some() && main.repeats_for().is_none() {
                    self.compare_again(core);
                }
            }
            Some(Outcome::FalseClaim {
                peer,
                claimed,
                real,
            }) => {
                let detail = format!("claims work {claimed}, its headers have {real}");
                core.penalise(peer, Offence::FalseWorkClaim, detail);
            }
            Some(Outcome::Refused { peer, error }) => {
                self.refuse(core, peer, &error, now.mono);
                self.restart_main(core);
            }
            Some(Outcome::Differs { peer, at }) => {
                let deep = end.is_some_and(|end| at.0.saturating_add(HONEST_REORG) < end.0);
                if deep {
                    let detail = format!("shows another branch at height {at} than before");
                    core.penalise(peer, Offence::Equivocation, detail);
                } else if let Some(peer) = core.peers.get_mut(&peer) {
                    peer.rest(AFTERWARDS, now.mono);
                }
                self.drop_main(core);
            }
        }
    }

    /// Punishes who sent a header that breaks a rule, if that is anybody's fault.
    fn refuse(&self, core: &mut Core, peer: PeerId, error: &HeaderError, now: Instant) {
        match error.offence() {
            Some(offence) => core.penalise(peer, offence, error.to_string()),
            None => {
                if let Some(peer) = core.peers.get_mut(&peer) {
                    peer.rest(AFTERWARDS, now);
                }
            }
        }
    }

    fn on_trial(
        &mut self,
        core: &mut Core,
        job: JobId,
        peer: PeerId,
        result: Result<Verified, TaskError>,
        now: Now,
    ) {
        let Some(entry) = core.peers.get_mut(&peer) else {
            return;
        };
        if !matches!(entry.role, Role::Trial(current) if current == job) {
            return;
        }
        entry.role = Role::New;
        let claim = entry.trial_claim.take();
        let Ok(verified) = result else {
            return entry.rest(AFTER_STORE_FAILURE, now.mono);
        };
        if let Some((_, error)) = &verified.refused {
            self.refuse(core, peer, error, now.mono);
            if error.offence().is_some() {
                return;
            }
        }
        let Some(first) = verified.headers.first() else {
            return;
        };
        let origin = (first.parent, first.height.saturating_sub(1));
        let tip = verified.ancestry.tip();
        let ended = claim.filter(|_| verified.refused.is_none());
        if ended.is_some_and(|claimed| claimed != tip.work) {
            let detail = format!("claims {claim:?}, its headers have work {}", tip.work);
            return core.penalise(peer, Offence::FalseWorkClaim, detail);
        }
        if self.exceeds(core, &tip) && self.yields(now.mono) {
            return self.extend_store(core, peer, verified, now.mono);
        }
        self.weigh(core, peer, origin, &verified, ended.is_some(), now.mono);
    }

    /// A branch that does not beat ours yet: worth a pre-sync if its peer claims that it will.
    fn weigh(
        &mut self,
        core: &mut Core,
        peer: PeerId,
        origin: (Hash32, Height),
        verified: &Verified,
        ended: bool,
        now: Instant,
    ) {
        let best = self.best(core);
        let least = core.config.minimum_chain_work;
        let room = Self::room_for_presync(core);
        let exceeds = self.exceeds(core, &verified.ancestry.tip());
        let Some(entry) = core.peers.get_mut(&peer) else {
            return;
        };
        let promising = entry.claims_more(&best) && entry.claimed() >= least;
        if (ended && !exceeds) || !promising {
            entry.role = Role::Level;
        } else if room {
            let presync = Presync::new(origin, verified, &self.salt, now);
            entry.role = Role::Presync(Box::new(presync));
        } else {
            entry.rest(AFTER_NO_ROOM, now);
        }
    }

    fn on_presync(
        &mut self,
        core: &mut Core,
        peer: PeerId,
        result: Result<Verified, TaskError>,
        now: Now,
    ) {
        let salt = self.salt;
        let Some(entry) = core.peers.get_mut(&peer) else {
            return;
        };
        let Some(presync) = entry.role.presync() else {
            return;
        };
        presync.checking = false;
        let claim = presync.claim.take();
        let Ok(verified) = result else {
            return entry.rest(AFTER_STORE_FAILURE, now.mono);
        };
        let fits = presync.extend(&verified, &salt);
        let tip = presync.tip();
        if let Some((_, error)) = &verified.refused {
            entry.role = Role::New;
            return self.refuse(core, peer, error, now.mono);
        }
        if claim.is_some_and(|claimed| claimed != tip.work) {
            let detail = format!("claims {claim:?}, its headers have work {}", tip.work);
            return core.penalise(peer, Offence::FalseWorkClaim, detail);
        }
        // One that exceeds waits until the main branch yields to it.
        if (claim.is_some() || !fits)
            && !self.exceeds(core, &tip)
            && let Some(entry) = core.peers.get_mut(&peer)
        {
            entry.role = Role::Level;
        }
    }

    /// After pre-sync has used the processor, others get their share.
    fn pause_presync(&mut self, core: &Core, job: JobId, now: Instant) {
        let Some((_, since)) = self.presync_check.take_if(|(id, _)| *id == job) else {
            return;
        };
        let behind = core.view.tips.headers.hash != core.view.tips.blocks.hash;
        self.presync_after = (self.main.is_some() || behind).then(|| {
            let took = now.saturating_duration_since(since);
            now + took * (PRESYNC_SHARE - 1)
        });
    }
}
