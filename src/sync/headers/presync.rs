//! Low work costs nothing to send, so it costs next to nothing to receive: a branch that has not
//! proven more work than ours is verified and forgotten but for 8 bytes in every 1024 headers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;

use crate::{
    chain::{Ancestry, NewHeader, Tip, verify::Verified},
    crypto::hash::sha3_256_parts,
    ids::{Hash32, Height, Work},
    sync::config::{MARK_SPACING, MAX_MARKS},
};

/// The second download of a branch may take this many times as long as the first.
const REPEAT_FACTOR: u32 = 4;

/// And this much longer.
const REPEAT_GRACE: Duration = Duration::from_secs(30);

/// A branch of one peer that is being weighed.
#[derive(Debug)]
pub(in crate::sync) struct Presync {
    /// The stored header it grows from.
    pub(super) origin: (Hash32, Height),
    /// The end of what was verified.
    pub(super) ancestry: Ancestry,
    marks: Marks,
    /// A run that waits for its turn to be verified.
    pub(super) waiting: Option<Vec<Bytes>>,
    /// Work that the peer claims for the last header of the run, if it is its best.
    pub(super) claim: Option<Work>,
    /// Whether a run is being verified.
    pub(super) checking: bool,
    started: Instant,
    /// When it was last given a turn.
    pub(super) turn: Instant,
}

/// Commitments to the headers at every multiple of [`MARK_SPACING`] above the origin. Every header
/// names its parent, so the one at a mark commits to all below it.
#[derive(Debug, Clone, Default)]
struct Marks(Vec<u64>);

impl Marks {
    /// Adds those of a run; false when there are too many.
    fn add(&mut self, headers: &[NewHeader], salt: &Hash32) -> bool {
        for header in headers.iter().filter(|h| h.height.0 % MARK_SPACING == 0) {
            if self.0.len() == MAX_MARKS {
                return false;
            }
            self.0.push(mark(salt, &header.hash));
        }
        true
    }
}

/// Eight bytes of a salted hash: to find another header with the same takes 2^64 tries by someone
/// who knows the salt, and nobody does.
fn mark(salt: &Hash32, hash: &Hash32) -> u64 {
    let digest = sha3_256_parts(&[b"animica/presync/v1", salt.as_bytes(), hash.as_bytes()]);
    let mut out = [0; 8];
    out.copy_from_slice(&digest.0[..8]);
    u64::from_be_bytes(out)
}

impl Presync {
    /// Starts with the first run of a branch.
    pub(super) fn new(
        origin: (Hash32, Height),
        run: &Verified,
        salt: &Hash32,
        now: Instant,
    ) -> Self {
        let mut marks = Marks::default();
        marks.add(&run.headers, salt);
        Self {
            origin,
            ancestry: run.ancestry.clone(),
            marks,
            waiting: None,
            claim: None,
            checking: false,
            started: now,
            turn: now,
        }
    }

    /// The end of what was verified.
    pub(super) fn tip(&self) -> Tip {
        self.ancestry.tip()
    }

    /// Takes note of a verified run; false when the branch is longer than any may be.
    pub(super) fn extend(&mut self, run: &Verified, salt: &Hash32) -> bool {
        self.ancestry = run.ancestry.clone();
        self.marks.add(&run.headers, salt)
    }

    /// What the branch must agree with when it is downloaded again.
    pub(super) fn proof(self, peer: PeerId, now: Instant) -> Proof {
        let took = now.saturating_duration_since(self.started);
        Proof {
            until: now + took * REPEAT_FACTOR + REPEAT_GRACE,
            peer,
            end: self.ancestry.tip(),
            origin: self.origin.1,
            marks: self.marks,
            held: self.origin.1,
            next: 0,
        }
    }
}

/// What a branch that is downloaded again must agree with.
#[derive(Debug)]
pub(super) struct Proof {
    /// Who showed the branch the first time.
    pub(super) peer: PeerId,
    /// When it must be complete: who could show it can show it again.
    pub(super) until: Instant,
    /// Its end then.
    pub(super) end: Tip,
    origin: Height,
    marks: Marks,
    /// Everything up to here agrees.
    held: Height,
    next: usize,
}

impl Proof {
    /// Holds a verified run to the commitments.
    ///
    /// # Errors
    /// The first height known to differ.
    pub(super) fn hold(&mut self, run: &[NewHeader], salt: &Hash32) -> Result<(), Height> {
        for header in run {
            if header.height > self.end.height {
                break;
            }
            let marked = header.height.0 % MARK_SPACING == 0;
            if marked {
                if self.marks.0.get(self.next) != Some(&mark(salt, &header.hash)) {
                    return Err(header.height);
                }
                self.next += 1;
            }
            let last = header.height == self.end.height;
            if last && header.hash != self.end.hash {
                return Err(header.height);
            }
            if marked || last {
                self.held = header.height;
            }
        }
        Ok(())
    }

    /// Height up to which the repeated branch is the one that proved its work.
    pub(super) fn held(&self) -> Height {
        self.held
    }

    /// Whether all of it was seen again.
    pub(super) fn done(&self) -> bool {
        self.held >= self.end.height
    }

    /// Height of the stored header that the branch grows from.
    pub(super) fn origin(&self) -> Height {
        self.origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(heights: std::ops::RangeInclusive<u64>, seed: u8) -> Vec<NewHeader> {
        heights
            .map(|height| NewHeader {
                hash: sha3_256_parts(&[&[seed], &height.to_be_bytes()]),
                height: Height(height),
                parent: Hash32::ZERO,
                work: Work(u128::from(height)),
                timestamp: height,
                bytes: Bytes::new(),
            })
            .collect()
    }

    fn proof(headers: &[NewHeader]) -> Proof {
        let mut marks = Marks::default();
        assert!(marks.add(headers, &Hash32::ZERO));
        Proof {
            peer: PeerId::random(),
            until: Instant::now(),
            end: headers.last().expect("not empty").tip(),
            origin: Height(0),
            marks,
            held: Height(0),
            next: 0,
        }
    }

    #[test]
    fn the_same_branch_holds_whatever_its_runs() {
        let headers = run(1..=5000, 1);
        for size in [1, 32, 1000, 1024, 2048, 5000] {
            let mut proof = proof(&headers);
            for part in headers.chunks(size) {
                assert_eq!(proof.hold(part, &Hash32::ZERO), Ok(()));
            }
            assert!(proof.done());
        }
    }

    #[test]
    fn another_branch_is_found_out_at_the_next_mark_and_nothing_above_the_last_one_counts() {
        let headers = run(1..=5000, 1);
        let mut proof = proof(&headers);
        assert_eq!(proof.hold(&headers[..1500], &Hash32::ZERO), Ok(()));
        assert_eq!(proof.held(), Height(1024));
        let other = run(1501..=3000, 2);
        assert_eq!(proof.hold(&other, &Hash32::ZERO), Err(Height(2048)));
        assert!(!proof.done());
    }

    #[test]
    fn commitments_depend_on_the_salt() {
        let (a, b) = (Hash32([1; 32]), Hash32([2; 32]));
        assert_ne!(mark(&a, &Hash32::ZERO), mark(&b, &Hash32::ZERO));
    }
}
