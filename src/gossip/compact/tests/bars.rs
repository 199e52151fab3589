use super::*;

/// `of` of a hundred of the block's transactions.
fn most(block: &Block, of: usize) -> Vec<(Hash32, Bytes)> {
    let at = |(n, tx): (usize, &Bytes)| (n % 100 < of).then(|| tx.clone());
    let had: Vec<Bytes> = block.txs.iter().enumerate().filter_map(at).collect();
    let others = txs(1 << 32..(1 << 32) + 1000, 100);
    known(had.iter().chain(&others))
}

#[test]
fn a_block_of_700_long_transactions_with_98_percent_known_costs_under_4_percent() {
    let block = block(txs(0..700, 4980), Vec::new());
    let known = most(&block, 98);
    let rebuilt = exchange(&block, &params(), 7, [], &known).expect("rebuilt");
    assert_eq!(rebuilt.bytes, block.encode());
    let stats = rebuilt.stats;
    assert!(stats.block_bytes > 3_490_000, "{stats:?}");
    assert_eq!((stats.requested, stats.round_trips()), (14, 1));
    assert!(stats.byte_share() < 0.04, "{}", stats.byte_share());
    assert!(stats.bytes_saved() > stats.block_bytes * 96 / 100);
    assert!((stats.hit_rate() - 0.98).abs() < 1e-9);
}

#[test]
fn what_is_expected_to_be_missing_saves_the_round_trip() {
    let block = block(txs(0..700, 4980), Vec::new());
    let known = most(&block, 99);
    let missing = (0..7u32).map(|n| 100 * n + 99);
    let rebuilt = exchange(&block, &params(), 7, missing, &known).expect("rebuilt");
    assert_eq!(
        (rebuilt.stats.prefilled, rebuilt.stats.round_trips()),
        (7, 0)
    );
    assert!(rebuilt.stats.byte_share() < 0.04);
}

#[test]
fn a_block_of_20_000_short_transactions_works() {
    let block = block(txs(0..20_000, 168), Vec::new());
    assert!(block.encoded_len() < params().max_block_bytes);
    let known = most(&block, 98);
    let rebuilt = exchange(&block, &params(), 7, [], &known).expect("rebuilt");
    assert_eq!(rebuilt.bytes, block.encode());
    let stats = rebuilt.stats;
    assert_eq!((stats.requested, stats.round_trips()), (400, 1));
    // Six bytes of 180 are 3.3 %, and 2 % come in full.
    assert!(stats.byte_share() < 0.06, "{}", stats.byte_share());
}
