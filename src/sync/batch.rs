//! What goes into one commit: both tips move only to what beats them.

use bytes::Bytes;

use super::{bodies::Group, io::LocalId, task::LocalGroup};
use crate::{
    chain::{Batch, NewHeader, Tip, Tips},
    ids::Hash32,
};

/// What a batch brings.
#[derive(Debug, Clone, Default)]
pub(super) struct Load {
    pub(super) headers: usize,
    pub(super) blocks: usize,
    pub(super) bytes: u64,
    /// The best headers take another way than before.
    pub(super) turns: bool,
    pub(super) local: Vec<LocalId>,
}

/// Puts a batch together, moving both tips only to what beats them.
#[derive(Debug)]
pub(super) struct Builder {
    best: Tip,
    head: Tip,
    batch: Batch,
    load: Load,
}

impl Builder {
    /// Nothing yet, on top of these tips.
    pub(super) fn new(tips: Tips) -> Self {
        Self {
            best: tips.headers,
            head: tips.blocks,
            batch: Batch::default(),
            load: Load::default(),
        }
    }

    /// The batch, and what it brings.
    pub(super) fn finish(self) -> (Batch, Load) {
        (self.batch, self.load)
    }

    pub(super) fn add_headers(&mut self, headers: Vec<NewHeader>) {
        self.load.headers += headers.len();
        if let (Some(first), Some(last)) = (headers.first(), headers.last()) {
            let tip = last.tip();
            if tip.beats(&self.best) {
                self.load.turns |= first.parent != self.best.hash;
                self.batch.best_header = Some(tip.hash);
                self.best = tip;
            }
        }
        self.batch.headers.extend(headers);
    }

    pub(super) fn add_group(&mut self, group: Group) {
        self.load.blocks += group.bodies.len();
        self.load.bytes += size(&group.bodies);
        self.batch.bodies.extend(group.bodies);
        if let Some(last) = group.last {
            self.move_head(Tip {
                height: last.height,
                hash: last.hash,
                work: last.work,
                timestamp: 0, // not compared, not stored
            });
        }
    }

    pub(super) fn add_local(&mut self, id: LocalId, group: LocalGroup) {
        self.load.local.push(id);
        self.load.blocks += group.bodies.len();
        self.load.bytes += size(&group.bodies);
        self.batch.bodies.extend(group.bodies);
        self.add_headers(group.headers);
        if let Some(head) = group.head {
            self.move_head(head);
        }
    }

    fn move_head(&mut self, tip: Tip) {
        if tip.beats(&self.head) {
            self.batch.head = Some(tip.hash);
            self.head = tip;
        }
    }
}

fn size(bodies: &[(Hash32, Bytes)]) -> u64 {
    bodies.iter().map(|(_, body)| body.len() as u64).sum()
}
