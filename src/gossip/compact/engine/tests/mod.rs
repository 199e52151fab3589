//! The engine with a clock moved by hand.

mod hostile;
mod peaceful;

use std::time::Duration;

use bytes::Bytes;

use super::{
    super::{Announce, FullReason, Rebuilt, build, serve, tests::*},
    *,
};
use crate::{
    offence::Offence,
    wire::{GetTx, Message},
};

/// An engine, a pool and a time.
struct World {
    engine: Engine,
    pool: Vec<(Hash32, Bytes)>,
    now: Instant,
}

fn peer(n: u8) -> PeerId {
    // A SHA-256 multihash.
    let bytes: Vec<u8> = [0x12, 0x20].into_iter().chain([n; 32]).collect();
    PeerId::from_bytes(&bytes).expect("a peer id")
}

/// A block of 10 transactions that nobody else mined.
fn new_block(seed: u64) -> (Block, NewHeader) {
    mined(&txs(100 * seed..100 * seed + 10, 200), seed)
}

impl World {
    /// A node whose pool has the first `has` transactions of `block`.
    fn with(block: &Block, has: usize) -> Self {
        Self {
            engine: Engine::new(Config::default()),
            pool: known(&block.txs[..has]),
            now: Instant::now(),
        }
    }

    fn announce(&mut self, from: u8, announce: &Announce) -> Vec<Output> {
        let checked = checked(announce);
        self.engine
            .on_announce(peer(from), checked, &self.pool, self.now)
    }

    fn answer(&mut self, from: u8, block: &Block, txs: Vec<Bytes>) -> Vec<Output> {
        self.engine
            .on_txs(peer(from), block.hash(), txs, 500, &self.pool, self.now)
    }

    fn failure(&mut self, from: u8, block: &Block, failure: Failure) -> Vec<Output> {
        self.engine
            .on_failure(peer(from), block.hash(), failure, &self.pool, self.now)
    }

    fn wait(&mut self, by: Duration) -> Vec<Output> {
        self.now += by;
        self.engine.tick(&self.pool, self.now)
    }

    /// Moves the clock to the next deadline.
    fn wait_until_due(&mut self) -> Vec<Output> {
        self.now = self.engine.deadline().expect("something is due");
        self.engine.tick(&self.pool, self.now)
    }
}

fn ask(outputs: &[Output]) -> Option<(PeerId, GetTx)> {
    outputs.iter().find_map(|output| match output {
        Output::Request {
            peer,
            message: Message::GetTx(get),
            ..
        } => Some((*peer, get.clone())),
        _ => None,
    })
}

fn asks_announce_of(outputs: &[Output]) -> Option<PeerId> {
    outputs.iter().find_map(|output| match output {
        Output::Request {
            peer,
            message: Message::GetCompact(_),
            ..
        } => Some(*peer),
        _ => None,
    })
}

fn rebuilt(outputs: &[Output]) -> Option<(PeerId, &Rebuilt)> {
    outputs.iter().find_map(|output| match output {
        Output::Block { from, rebuilt } => Some((*from, rebuilt)),
        _ => None,
    })
}

fn fetches(outputs: &[Output]) -> Option<(&[PeerId], FullReason)> {
    outputs.iter().find_map(|output| match output {
        Output::FetchFull { peers, reason, .. } => Some((peers.as_slice(), *reason)),
        _ => None,
    })
}

fn verdicts(outputs: &[Output]) -> Vec<(PeerId, Verdict)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Verdict { peer, verdict, .. } => Some((*peer, verdict.clone())),
            _ => None,
        })
        .collect()
}

fn ignored(n: u8, why: Ignored) -> (PeerId, Verdict) {
    (peer(n), Verdict::Ignore(why))
}

fn offences(outputs: &[Output]) -> Vec<(PeerId, Offence)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Penalise { peer, offence, .. }
            | Output::Verdict {
                peer,
                verdict: Verdict::Reject { offence, .. },
                ..
            } => Some((*peer, *offence)),
            _ => None,
        })
        .collect()
}
