//! Peers that the operator keeps, beside the tables.

use libp2p::{Multiaddr, PeerId};

use crate::clock::Now;

use super::{
    check::AddressRefusal,
    engine::Book,
    entry::{Entry, Flags, Home},
    origin::{Origin, Source},
};

/// Most peers that the operator keeps besides. They are never evicted, so an endless list would
/// have no bound.
pub const MAX_PINNED: usize = 256;

impl Book {
    /// The operator wants `peer` to be known at `addresses`, with `flags`: it stays until it is
    /// removed. Addresses may be none.
    ///
    /// # Errors
    /// It is this node, no address can be used, or too many peers are kept already.
    pub fn add(
        &mut self,
        peer: PeerId,
        addresses: &[Multiaddr],
        flags: Flags,
        now: Now,
    ) -> Result<(), AddError> {
        if self.rules.is_me(&peer) {
            return Err(AddError::Own);
        }
        let origin = Origin::here(Source::Operator);
        let check = |a| self.rules.check(&peer, a, origin);
        let refusal = addresses.iter().filter_map(|a| check(a).err()).last();
        if let Some(refusal) = refusal
            && addresses.iter().all(|a| check(a).is_err())
        {
            return Err(AddError::Addresses(refusal));
        }
        let before = self.entries.get(&peer).map(|e| e.flags);
        let flags = before.unwrap_or_default().with(flags).with(Flags {
            operator: true,
            ..Flags::default()
        });
        self.pin(peer, flags, now)?;
        self.learn(peer, addresses, origin, now);
        Ok(())
    }

    /// Replaces what the operator said about a known peer. `false` if it is not known.
    ///
    /// # Errors
    /// Too many peers are kept already.
    pub fn set_flags(&mut self, peer: &PeerId, flags: Flags, now: Now) -> Result<bool, AddError> {
        if !self.entries.contains_key(peer) {
            return Ok(false);
        }
        if flags.any() {
            self.pin(*peer, flags, now)?;
            return Ok(true);
        }
        self.unpin(peer, now);
        Ok(true)
    }

    /// Forgets a peer, whatever is known about it. Says whether it was known.
    pub fn remove(&mut self, peer: &PeerId) -> bool {
        let known = self.forget(peer);
        let before = self.anchors.len();
        self.anchors.retain(|a| a != peer);
        self.state_is_dirty |= self.anchors.len() != before;
        known
    }

    fn pin(&mut self, peer: PeerId, flags: Flags, now: Now) -> Result<(), AddError> {
        if !self.pinned.contains(&peer) && self.pinned.len() >= MAX_PINNED {
            return Err(AddError::Full);
        }
        let at = self.at(now);
        let entry = self.entries.entry(peer);
        entry.or_insert_with(|| Entry::new(Home::Pinned, at)).flags = flags;
        self.move_to(&peer, Home::Pinned);
        self.collisions.retain(|c| c.old != peer && c.new != peer);
        Ok(())
    }

    fn unpin(&mut self, peer: &PeerId, now: Now) {
        let at = self.at(now);
        let Some(entry) = self.entries.get_mut(peer) else {
            return;
        };
        entry.flags = Flags::default();
        self.dirty.insert(*peer);
        if entry.home == Home::Pinned && !self.promote(peer, at) {
            self.demote(peer, at);
        }
    }
}

/// Why the operator's peer was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// It is this node.
    #[error("that is this node itself")]
    Own,
    /// None of its addresses can be used; why the last one cannot.
    #[error("no address can be used: {0}")]
    Addresses(AddressRefusal),
    /// [`MAX_PINNED`] peers are kept already.
    #[error("{MAX_PINNED} peers are kept already; remove one first")]
    Full,
}
