use super::*;
use crate::{
    chain::{
        miner::{MineRequest, Mined, Miner},
        testing::devnet,
    },
    ids::{ChainId, Height, Theta},
    offence::Offence,
};

const NOW: u64 = 1_800_000_000;

fn mined(count: u64) -> Vec<Mined> {
    let genesis = devnet();
    Miner::new(
        &genesis,
        Ancestry::genesis(&genesis),
        MineRequest::blocks(count),
    )
    .expect("a request")
    .mine_all(NOW)
    .expect("mines")
}

fn encoded(blocks: &[Mined]) -> Vec<Bytes> {
    blocks.iter().map(|b| b.header.bytes.clone()).collect()
}

/// A header that keeps every rule but the work, on three blocks.
fn good() -> (Ancestry, Header) {
    let genesis = devnet();
    let mut ancestry = Ancestry::genesis(&genesis);
    for bytes in encoded(&mined(3)) {
        verify_header(&genesis, &HashOnly, &mut ancestry, &bytes, NOW).expect("mined");
    }
    let next = mined(4).pop().expect("four blocks");
    (ancestry, Header::decode(&next.header.bytes).expect("mined"))
}

fn refusal(edit: impl FnOnce(&mut Header), now_s: u64) -> HeaderError {
    let (ancestry, mut header) = good();
    edit(&mut header);
    let mut after = ancestry.clone();
    let bytes = header.encode().into();
    let error = verify_header(&devnet(), &HashOnly, &mut after, &bytes, now_s)
        .expect_err("one rule is broken");
    assert_eq!(after, ancestry, "a refusal leaves no trace");
    error
}

/// How to break a header, what is said then, and what it counts as.
type Case = (fn(&mut Header), HeaderError, Offence);

#[test]
fn each_broken_rule_has_its_error_and_its_offence() {
    let cases: [Case; 9] = [
        (
            |h| h.version = 2,
            HeaderError::Version(2),
            Offence::MalformedMessage,
        ),
        (
            |h| h.chain_id = ChainId(1),
            HeaderError::WrongChain {
                expected: ChainId::DEVNET,
                got: ChainId(1),
            },
            Offence::BrokenLink,
        ),
        (
            |h| h.parent_hash = Hash32([1; 32]),
            HeaderError::WrongParent {
                parent: good().0.tip().hash,
            },
            Offence::BrokenLink,
        ),
        (
            |h| h.height = Height(5),
            HeaderError::WrongHeight {
                parent: Height(3),
                got: Height(5),
            },
            Offence::BrokenLink,
        ),
        (
            |h| h.timestamp = 1_735_689_604,
            HeaderError::TooOld {
                timestamp: 1_735_689_604,
                median: 1_735_689_604,
            },
            Offence::BadTimestamp,
        ),
        (
            |h| h.poies_policy_root = Hash32([1; 32]),
            HeaderError::PolicyRoot,
            Offence::WrongPolicyRoot,
        ),
        (
            |h| h.pq_alg_policy_root = Hash32([1; 32]),
            HeaderError::PolicyRoot,
            Offence::WrongPolicyRoot,
        ),
        (
            |h| h.theta = Theta(1_999_999),
            HeaderError::WrongTheta {
                expected: Theta(2_000_000),
                got: Theta(1_999_999),
            },
            Offence::WrongTheta,
        ),
        (
            |h| h.nonce += u64::from(u32::MAX),
            HeaderError::InsufficientWork {
                theta: Theta(2_000_000),
            },
            Offence::InsufficientWork,
        ),
    ];
    for (edit, expected, offence) in cases {
        let error = refusal(edit, NOW);
        assert_eq!(error, expected);
        assert_eq!(error.offence(), Some(offence), "{error}");
    }
}

#[test]
fn a_timestamp_may_be_two_minutes_ahead_and_no_more() {
    let (ancestry, header) = good();
    let time = header.timestamp;
    let check = |now| check_context(&devnet(), &ancestry, &header, now);
    assert_eq!(check(time - 120), Ok(()));
    assert_eq!(
        check(time - 121),
        Err(HeaderError::TooNew {
            timestamp: time,
            now: time - 121
        })
    );
    assert_eq!(refusal(|_| (), time - 121).offence(), None);
}

#[test]
fn the_result_does_not_depend_on_threads_nor_on_cuts() {
    let genesis = devnet();
    let blocks = mined(300);
    let run = encoded(&blocks);
    let start = Ancestry::genesis(&genesis);
    for threads in [1, 2, 4] {
        let threads = NonZeroUsize::new(threads).expect("not zero");
        let all = verify_headers(&genesis, &HashOnly, start.clone(), &run, NOW, threads);
        assert_eq!(all.refused, None);
        assert!(all.headers.iter().eq(blocks.iter().map(|b| &b.header)));
        let half = verify_headers(
            &genesis,
            &HashOnly,
            start.clone(),
            &run[..150],
            NOW,
            threads,
        );
        let rest = verify_headers(
            &genesis,
            &HashOnly,
            half.ancestry,
            &run[150..],
            NOW,
            threads,
        );
        assert_eq!(rest.ancestry, all.ancestry);
    }
}

#[test]
fn a_run_holds_up_to_its_first_fault_wherever_that_is_found() {
    let genesis = devnet();
    let start = Ancestry::genesis(&genesis);
    let good = encoded(&mined(200));
    let with = |at: usize, edit: fn(&mut Header)| {
        let mut run = good.clone();
        let mut header = Header::decode(&run[at]).expect("mined");
        edit(&mut header);
        run[at] = header.encode().into();
        run
    };
    let idle: fn(&mut Header) = |h| h.nonce += u64::from(u32::MAX);
    let mut garbage = good.clone();
    garbage[77] = Bytes::from_static(b"\xb0");
    // Work is checked last, but the fault that stands first is the one reported.
    let mut two = with(50, idle);
    two[120] = Bytes::new();
    for (run, at, offence) in [
        (with(100, idle), 100, Offence::InsufficientWork),
        (with(0, idle), 0, Offence::InsufficientWork),
        (with(10, |h| h.theta.0 += 1), 10, Offence::WrongTheta),
        (garbage, 77, Offence::NonCanonicalCbor),
        (two, 50, Offence::InsufficientWork),
    ] {
        let threads = NonZeroUsize::new(2).expect("not zero");
        let verified = verify_headers(&genesis, &HashOnly, start.clone(), &run, NOW, threads);
        let (index, error) = verified.refused.expect("a fault");
        assert_eq!((index, error.offence()), (at, Some(offence)));
        assert_eq!(verified.headers.len(), at);
        let sound = verify_headers(
            &genesis,
            &HashOnly,
            start.clone(),
            &good[..at],
            NOW,
            threads,
        );
        assert_eq!(verified.ancestry, sound.ancestry);
    }
}

#[test]
fn a_body_must_be_the_one_of_its_header() {
    let genesis = devnet();
    let blocks = mined(2);
    let check = |hash: &Hash32, bytes| verify_body(&genesis, &HashOnly, hash, bytes).map(drop);
    let (first, second) = (&blocks[0], &blocks[1]);
    assert_eq!(check(&first.header.hash, first.block.clone()), Ok(()));
    assert_eq!(
        check(&first.header.hash, second.block.clone()),
        Err(BodyError::OtherHeader {
            expected: first.header.hash
        })
    );
    let long = check(&first.header.hash, Bytes::from(vec![0; 4_000_001]));
    assert!(matches!(long, Err(BodyError::TooLarge { .. })));
}

/// Accepts any draw and no transaction.
struct Stubborn;

impl Verifier for Stubborn {
    fn header(&self, _: &Genesis, _: &Header) -> Result<(), HeaderError> {
        Ok(())
    }

    fn body(&self, _: &Genesis, _: &Block) -> Result<(), BodyError> {
        Err(BodyError::Verifier {
            reason: "not today".into(),
        })
    }
}

#[test]
fn an_application_may_bring_its_own_verifier() {
    let genesis = devnet();
    let (mut ancestry, mut header) = good();
    header.nonce += u64::from(u32::MAX);
    let bytes = header.encode().into();
    let new = verify_header(&genesis, &Stubborn, &mut ancestry, &bytes, NOW);
    assert_eq!(new.map(|new| new.height), Ok(Height(4)));
    let block = mined(1).remove(0);
    let refused = verify_body(&genesis, &Stubborn, &block.header.hash, block.block);
    assert!(matches!(refused, Err(BodyError::Verifier { .. })));
}

/// The measured figure of the specification: run with optimisation, `--ignored --nocapture`.
#[test]
#[ignore = "a measurement, meaningful with optimisation only"]
fn headers_per_second() {
    let genesis = devnet();
    let request = MineRequest {
        timestamps: crate::chain::miner::Timestamps::WallClock,
        ..MineRequest::blocks(0)
    };
    let start = Ancestry::genesis(&genesis);
    let mut miner = Miner::new(&genesis, start.clone(), request).expect("a request");
    // Uneven steps make Θ differ from header to header.
    let mut now = genesis.header().timestamp;
    let mut mine = |n: usize| {
        now += [1, 0, 5, 2, 3, 1][n % 6];
        miner.mine(&[], now).expect("mines").header.bytes
    };
    let run: Vec<Bytes> = (0..50_000).map(&mut mine).collect();
    let clock = std::time::Instant::now();
    for _ in 0..10 {
        let mut ancestry = start.clone();
        for chunk in run.chunks(2048) {
            let one = NonZeroUsize::MIN;
            let verified = verify_headers(&genesis, &HashOnly, ancestry, chunk, NOW, one);
            assert_eq!(verified.refused, None);
            ancestry = verified.ancestry;
        }
    }
    let rate = 10.0 * run.len() as f64 / clock.elapsed().as_secs_f64();
    println!("{rate:.0} headers/s on one core");
}
