//! Compact blocks: what a block costs a node that has most of its transactions.

use std::time::Instant;

use animica_p2p::{
    cbor::Writer,
    chain::{
        Ancestry, Block, Genesis, Params,
        miner::{MineRequest, Miner},
        object_id,
    },
    gossip::compact::{Rebuilt, exchange},
    ids::{ChainId, Hash32},
};
use bytes::Bytes;

use super::GROUP;
use crate::{
    Effort,
    report::{Good, Report, median},
};

/// One transaction in so many is missing.
const MISSING: usize = 50;

pub(super) fn measure(effort: Effort, report: &mut Report) {
    let rounds = effort.rounds;
    let large = Case::new(700, 5000, rounds);
    report.add(
        GROUP,
        "compact block, 700 x 5 kB, 98 % in the pool",
        large.rebuilt.stats.byte_share() * 100.0,
        "% bytes",
        Good::AtMost,
        (4.0, 2.5),
        large.said(),
    );
    report.add(
        GROUP,
        "compact block, 700 x 5 kB, round trips",
        f64::from(large.rebuilt.stats.round_trips()),
        "",
        Good::AtMost,
        (1.0, 1.0),
        "no prefilled transactions",
    );
    let many = Case::new(20_000, 180, rounds);
    report.add(
        GROUP,
        "compact block, 20 000 x 180 B, round trips",
        f64::from(many.rebuilt.stats.round_trips()),
        "",
        Good::AtMost,
        (1.0, 1.0),
        many.said(),
    );
}

struct Case {
    rebuilt: Rebuilt,
    ms: f64,
}

impl Case {
    fn new(txs: usize, bytes: usize, rounds: usize) -> Self {
        let genesis = Genesis::of_chain(ChainId::DEVNET).expect("a preset");
        let params = Params::of_chain(ChainId::DEVNET);
        let body: Vec<Bytes> = (0..txs as u64).map(|n| tx(n, bytes)).collect();
        let request = MineRequest::blocks(1);
        let miner = Miner::new(&genesis, Ancestry::genesis(&genesis), request);
        let now_s = genesis.header().timestamp + 10;
        let mined = miner.expect("feasible").mine(&body, now_s);
        let block = Block::decode(mined.expect("the devnet is easy").block).expect("a block");
        // The pool: what the block has, less what is missing, and as much that it has not.
        let others = (0..txs as u64).map(|n| tx(1_000_000 + n, bytes));
        let known: Vec<(Hash32, Bytes)> = body
            .iter()
            .enumerate()
            .filter(|(at, _)| at % MISSING != 0)
            .map(|(_, tx)| tx.clone())
            .chain(others)
            .map(|tx| (object_id(&tx), tx))
            .collect();
        let mut times = Vec::new();
        let mut last = None;
        for salt in 0..rounds as u64 {
            let begin = Instant::now();
            let rebuilt = exchange(&block, &params, salt, std::iter::empty(), &known);
            times.push(begin.elapsed().as_secs_f64() * 1e3);
            let rebuilt = rebuilt.expect("it can be rebuilt");
            assert_eq!(rebuilt.bytes, block.encode(), "the same block");
            last = Some(rebuilt);
        }
        Self {
            rebuilt: last.expect("a round"),
            ms: median(times),
        }
    }

    fn said(&self) -> String {
        let stats = &self.rebuilt.stats;
        format!(
            "{} of {} B, {} asked for, {} collisions, {:.1} ms of work on both sides",
            stats.moved_bytes(),
            stats.block_bytes,
            stats.requested,
            stats.collisions,
            self.ms
        )
    }
}

/// A transaction of `bytes` bytes, nearly.
fn tx(number: u64, bytes: usize) -> Bytes {
    let mut out = Writer::new();
    out.map(2).uint(0).uint(number);
    out.uint(1).bytes(&vec![number as u8; bytes - 15]);
    out.finish().into()
}
