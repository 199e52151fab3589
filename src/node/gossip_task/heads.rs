//! Heads just ahead of ours that peers claim: their block is probably on its way.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use crate::{ids::Height, network::identify::Head};

/// How long a compact block may take before sync fetches the block whole. A rebuild with a round
/// trip takes two of them; longer would delay followers whose mesh is broken.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// At most one head a peer.
#[derive(Debug, Default)]
pub(super) struct Heads(HashMap<PeerId, (Head, Instant)>);

impl Heads {
    /// `peer` claims `head`; a claim that waits keeps its time.
    pub(super) fn heard(&mut self, peer: PeerId, head: Head, due: Instant) {
        let entry = self.0.entry(peer).or_insert((head, due));
        entry.0 = head;
    }

    /// What `peer` sends does not lead to its head: it is due at once.
    pub(super) fn hurry(&mut self, peer: &PeerId, now: Instant) {
        if let Some((_, due)) = self.0.get_mut(peer) {
            *due = now;
        }
    }

    /// Our head is at `height` now: no block up to there is worth a wait. Sync is told of the heads
    /// all the same: one may be of another branch, and it has to know who has what.
    pub(super) fn reached(&mut self, height: Height, now: Instant) {
        for (head, due) in self.0.values_mut() {
            if head.height <= height {
                *due = now;
            }
        }
    }

    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.0.remove(peer);
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.0.values().map(|(_, due)| *due).min()
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(PeerId, Head)> {
        let due = self.0.extract_if(|_, (_, due)| *due <= now);
        due.map(|(peer, (head, _))| (peer, head)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Hash32, Work};

    fn head(height: u64) -> Head {
        Head {
            height: Height(height),
            hash: Hash32::ZERO,
            work: Work(1),
        }
    }

    #[test]
    fn a_head_waits_for_its_block_and_then_goes_to_sync_once() {
        let (mut heads, now, peer) = (Heads::default(), Instant::now(), PeerId::random());
        heads.heard(peer, head(5), now + PATIENCE);
        // A newer claim does not prolong the wait.
        heads.heard(peer, head(6), now + PATIENCE * 3);
        assert_eq!(heads.next_due(), Some(now + PATIENCE));
        assert!(heads.take_due(now).is_empty());
        assert_eq!(heads.take_due(now + PATIENCE), [(peer, head(6))]);
        assert!(heads.take_due(now + PATIENCE).is_empty());
    }

    #[test]
    fn a_head_that_was_reached_and_one_without_its_parent_are_due_at_once() {
        let (mut heads, now) = (Heads::default(), Instant::now());
        let [a, b, c] = [0; 3].map(|_| PeerId::random());
        heads.heard(a, head(5), now + PATIENCE);
        heads.heard(b, head(6), now + PATIENCE);
        heads.heard(c, head(7), now + PATIENCE);
        heads.reached(Height(5), now);
        assert_eq!(heads.take_due(now), [(a, head(5))]);
        heads.hurry(&b, now);
        assert_eq!(heads.take_due(now), [(b, head(6))]);
        assert_eq!(heads.next_due(), Some(now + PATIENCE));
    }
}
