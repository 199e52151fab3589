use super::*;
use crate::{
    chain::{
        HashOnly,
        testing::devnet,
        verify::{verify_body, verify_header},
    },
    ids::{ChainId, Height, Theta},
};

const NOW: u64 = 1_800_000_000;

fn mine(genesis: &Genesis, request: MineRequest) -> Result<Vec<Mined>, MineError> {
    Miner::new(genesis, Ancestry::genesis(genesis), request)?.mine_all(NOW)
}

#[test]
fn every_rule_accepts_what_is_mined() {
    let genesis = devnet();
    let request = MineRequest {
        txs: 3,
        ..MineRequest::blocks(40)
    };
    let mut ancestry = Ancestry::genesis(&genesis);
    for mined in mine(&genesis, request).expect("mines") {
        let bytes = &mined.header.bytes;
        let new = verify_header(&genesis, &HashOnly, &mut ancestry, bytes, NOW);
        assert_eq!(new.as_ref(), Ok(&mined.header));
        let block = verify_body(&genesis, &HashOnly, &mined.header.hash, mined.block);
        assert_eq!(block.map(|b| b.txs.len()), Ok(3));
    }
    assert_eq!(ancestry.tip().height, Height(40));
}

#[test]
fn the_same_request_gives_the_same_blocks_and_another_seed_others() {
    let genesis = devnet();
    let of = |seed| {
        let request = MineRequest {
            seed,
            txs: 1,
            ..MineRequest::blocks(5)
        };
        mine(&genesis, request).expect("mines")
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1)[0].header.hash, of(2)[0].header.hash);
}

#[test]
fn timestamps_follow_the_schedule_or_the_clock() {
    let genesis = devnet();
    let start = genesis.header().timestamp;
    let times = |timestamps| -> Vec<u64> {
        let request = MineRequest {
            timestamps,
            ..MineRequest::blocks(8)
        };
        let blocks = mine(&genesis, request).expect("mines");
        blocks.iter().map(|b| b.header.timestamp).collect()
    };
    let spaced: Vec<u64> = (1..=8).map(|n| start + 2 * n).collect();
    assert_eq!(times(Timestamps::Schedule), spaced);
    let clock = times(Timestamps::WallClock);
    assert_eq!(clock[0], NOW);
    // Never later than the median demands.
    assert_eq!(clock[1..], [1, 1, 2, 2, 2, 2, 3].map(|ahead| NOW + ahead));
}

#[test]
fn says_that_a_difficulty_is_out_of_reach() {
    let mut header = devnet().header().clone();
    header.theta = Theta(32_000_000);
    header.chain_id = ChainId::MAINNET;
    let params = crate::chain::Params::of_chain(ChainId::MAINNET);
    let genesis = Genesis::new(header, params).expect("in range");
    let error = mine(&genesis, MineRequest::blocks(1)).expect_err("too hard");
    assert_eq!(
        error,
        MineError::Infeasible {
            theta: Theta(32_000_000),
            expected_trials: 78_962_960_182_680,
        }
    );
    assert!(error.to_string().contains("78962960182680 draws"));
}

#[test]
fn stays_within_reach_of_the_clock() {
    let genesis = devnet();
    let start = genesis.header().timestamp;
    let miner = Miner::new(
        &genesis,
        Ancestry::genesis(&genesis),
        MineRequest::blocks(100),
    );
    assert_eq!(
        miner.expect("a request").mine_all(start),
        Err(MineError::AheadOfClock {
            timestamp: start + 122,
            now: start
        })
    );
}

#[test]
fn refuses_what_no_block_can_hold_before_making_it() {
    let genesis = devnet();
    let with = |txs, tx_bytes| {
        let request = MineRequest {
            txs,
            tx_bytes,
            ..MineRequest::blocks(1)
        };
        mine(&genesis, request).map(|blocks| blocks[0].block.len())
    };
    assert!(matches!(with(1, 39), Err(MineError::TxBytes { got: 39 })));
    assert!(matches!(with(1, 131_073), Err(MineError::TxBytes { .. })));
    for (txs, tx_bytes) in [(usize::MAX, 131_072), (60_001, 40), (31, 131_072)] {
        let refused = with(txs, tx_bytes);
        assert!(matches!(refused, Err(MineError::BlockTooLarge { .. })));
    }
    assert!(with(30, 131_072).is_ok_and(|bytes| bytes > 3_900_000));
}

#[test]
fn stops_when_told() {
    let genesis = devnet();
    let request = MineRequest::blocks(1);
    let mut miner = Miner::new(&genesis, Ancestry::genesis(&genesis), request).expect("a request");
    miner.stop_flag().store(true, Ordering::Relaxed);
    assert_eq!(miner.mine(&[], NOW), Err(MineError::Stopped));
}
