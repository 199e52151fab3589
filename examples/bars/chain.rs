//! Headers verified by one core, from memory: decoding, hash, draw, target, work, schedule.

use std::{num::NonZeroUsize, time::Instant};

use animica_p2p::{
    chain::{
        Ancestry, Genesis, HashOnly,
        miner::{MineRequest, Miner},
        verify::verify_headers,
    },
    ids::ChainId,
};
use bytes::Bytes;

use crate::{
    Effort,
    report::{Good, Report, median, spread},
};

/// The chain bars.
pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let genesis = Genesis::of_chain(ChainId::DEVNET).expect("a preset");
    let count = effort.of(20_000) as u64;
    let now_s = genesis.header().timestamp + 10 * count;
    let miner = Miner::new(
        &genesis,
        Ancestry::genesis(&genesis),
        MineRequest::blocks(count),
    );
    let mined = miner
        .expect("no transactions asked for")
        .mine_all(now_s)
        .expect("the devnet is easy");
    let headers: Vec<Bytes> = mined.into_iter().map(|m| m.header.bytes).collect();
    let rates: Vec<f64> = (0..effort.rounds.max(5))
        .map(|_| {
            let begin = Instant::now();
            let verified = verify_headers(
                &genesis,
                &HashOnly,
                Ancestry::genesis(&genesis),
                &headers,
                now_s,
                NonZeroUsize::MIN,
            );
            assert!(verified.refused.is_none() && verified.headers.len() == headers.len());
            headers.len() as f64 / begin.elapsed().as_secs_f64()
        })
        .collect();
    let detail = spread(&rates);
    report.add(
        "chain",
        "headers verified, one core",
        median(rates),
        "/s",
        Good::AtLeast,
        (100_000.0, 180_000.0),
        detail,
    );
}
