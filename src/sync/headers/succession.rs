//! Which branch is the main one, how it ends, and what takes its place.

use std::time::Instant;

use libp2p::PeerId;

use super::{HeaderSync, Role, branch::Main};
use crate::{
    chain::{Tip, verify::Verified},
    sync::core::Core,
};

impl HeaderSync {
    /// A branch beats ours with headers at hand: it is the main branch from now on.
    pub(super) fn extend_store(
        &mut self,
        core: &mut Core,
        peer: PeerId,
        verified: Verified,
        now: Instant,
    ) {
        self.drop_main(core);
        self.epoch += 1;
        self.flowed = Some(now);
        self.main = Some(Main::direct(self.epoch, peer, verified, now));
        if let Some(entry) = core.peers.get_mut(&peer) {
            entry.role = Role::OnMain;
        }
    }

    /// Whether another branch may take the place of the main one: only when that has had its time
    /// or does not move. Two branches would else take turns for ever, and so would two peers on
    /// the same one.
    pub(super) fn yields(&self, now: Instant) -> bool {
        self.main
            .as_ref()
            .is_none_or(|main| main.repeats_for().is_none() && !self.flowing(now))
    }

    /// The work of a branch was seen again and is the main branch's: those that were weighed
    /// against less are asked whether they are on it.
    pub(super) fn compare_again(&self, core: &mut Core) {
        for peer in core.peers.values_mut() {
            if matches!(peer.role, Role::Presync(_) | Role::Level) {
                peer.role = Role::New;
            }
        }
    }

    /// Takes the pre-synced branch with the most work for the main one, if it exceeds that.
    pub(super) fn promote(&mut self, core: &mut Core, now: Instant) {
        if !self.yields(now) {
            return;
        }
        let mut best: Option<(PeerId, Tip)> = None;
        for (id, peer) in &core.peers {
            if let Role::Presync(presync) = &peer.role
                && !presync.checking
                && best.is_none_or(|(_, tip)| presync.tip().beats(&tip))
            {
                best = Some((*id, presync.tip()));
            }
        }
        if let Some((peer, tip)) = best
            && self.exceeds(core, &tip)
        {
            self.repeat(core, peer, now);
        }
    }

    /// A pre-synced branch has proven its work: it is downloaded again, to be stored.
    pub(super) fn repeat(&mut self, core: &mut Core, peer: PeerId, now: Instant) {
        self.drop_main(core);
        let Some(entry) = core.peers.get_mut(&peer) else {
            return;
        };
        if let Role::Presync(presync) = std::mem::replace(&mut entry.role, Role::OnMain) {
            self.epoch += 1;
            self.flowed = Some(now);
            let origin = presync.origin;
            let proof = presync.proof(peer, now);
            self.main = Some(Main::repeated(self.epoch, peer, origin, proof, now));
        }
    }

    /// Goes on from the last verified header, with peers that are asked whether they have it.
    pub(super) fn restart_main(&mut self, core: &mut Core) {
        self.epoch += 1;
        if let Some(main) = &mut self.main {
            main.epoch = self.epoch;
        }
        for peer in core.peers.values_mut() {
            if matches!(peer.role, Role::OnMain | Role::Level) {
                peer.role = Role::New;
            }
        }
    }

    /// Ends the main branch when nobody has more of it and all of it is in the store: earlier, the
    /// view of the store would make us ask for it again.
    pub(super) fn finish_main(&mut self, core: &mut Core, writing: bool, now: Instant) {
        let Some(main) = &self.main else { return };
        let repeated = main.repeats_for().map(|(peer, _)| peer);
        let served = core.peers.iter().any(|(id, peer)| {
            matches!(peer.role, Role::OnMain)
                && peer.credible()
                && peer.tip.hash != main.cursor
                && repeated.is_none_or(|only| only == *id && peer.failures == 0)
        });
        let late = main.repeat_until().is_some_and(|until| until <= now);
        if let (true, Some(peer)) = (late, repeated.and_then(|id| core.peers.get_mut(&id))) {
            peer.failed(now);
        }
        // A repeated branch cannot be finished by anybody else.
        let over = !served && main.idle() && (repeated.is_some() || (main.stored() && !writing));
        if late || over {
            self.drop_main(core);
        }
    }

    /// Turns back from a branch whose next block nobody has: everybody is asked again.
    pub(in crate::sync) fn turn_back(&mut self, core: &mut Core) {
        self.main = None;
        for peer in core.peers.values_mut() {
            peer.role = Role::New;
        }
    }
}
