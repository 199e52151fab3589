use super::*;
use crate::{
    chain::{HashOnly, Tip, verify::MAX_FUTURE_S},
    gossip::{Ignored, Verdict},
    ids::Height,
    offence::Offence,
};

fn judged(announce: &Announce, tip: Option<Tip>, now_s: u64) -> Verdict {
    let genesis = devnet();
    let context = Context {
        genesis: &genesis,
        verifier: &HashOnly,
        tip: tip.unwrap_or(Ancestry::genesis(&genesis).tip()),
        now_s,
    };
    let parent = |hash: &Hash32| (*hash == genesis.hash()).then(|| Ancestry::genesis(&genesis));
    check(&announce.encode(), &context, parent).expect_err("not taken")
}

fn with_header(change: impl FnOnce(&mut Header)) -> Announce {
    let (mut block, _) = mined(&txs(0..3, 10), 1);
    change(&mut block.header);
    build(&block, 1, [])
}

fn offence(verdict: Verdict) -> Offence {
    match verdict {
        Verdict::Reject { offence, .. } => offence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_valid_announce_passes_with_its_header() {
    let (block, header) = mined(&txs(0..3, 10), 1);
    let checked = checked(&build(&block, 1, []));
    assert_eq!((checked.header(), checked.block()), (&header, block.hash()));
}

#[test]
fn refuses_an_announce_without_work() {
    let announce = with_header(|h| {
        // The first nonce from here on that does not meet the target.
        while crate::chain::poies::meets(&h.draw(), h.theta) {
            h.nonce += 1;
        }
    });
    assert_eq!(
        offence(judged(&announce, None, NOW_S)),
        Offence::InsufficientWork
    );
}

#[test]
fn refuses_another_chain_before_it_asks_for_the_parent() {
    let announce = with_header(|h| {
        h.chain_id = ChainId(7);
        h.parent_hash = Hash32([9; 32]);
    });
    assert_eq!(offence(judged(&announce, None, NOW_S)), Offence::BrokenLink);
}

#[test]
fn refuses_a_wrong_height_and_theta() {
    let high = with_header(|h| h.height = Height(9));
    assert_eq!(offence(judged(&high, None, NOW_S)), Offence::BrokenLink);
    let easy = with_header(|h| h.theta.0 -= 1);
    assert_eq!(offence(judged(&easy, None, NOW_S)), Offence::WrongTheta);
}

#[test]
fn ignores_unknown_parents_the_future_and_what_does_not_beat_our_tip() {
    let orphan = with_header(|h| h.parent_hash = Hash32([9; 32]));
    let unknown = Verdict::Ignore(Ignored::UnknownParent);
    assert_eq!(judged(&orphan, None, NOW_S), unknown);

    let (block, header) = mined(&txs(0..3, 10), 1);
    let announce = build(&block, 1, []);
    let early = header.timestamp - MAX_FUTURE_S - 1;
    let future = Verdict::Ignore(Ignored::Future);
    assert_eq!(judged(&announce, None, early), future);

    let stale = Verdict::Ignore(Ignored::Stale);
    assert_eq!(judged(&announce, Some(header.tip()), NOW_S), stale);
}

#[test]
fn refuses_what_is_no_announce_with_the_offence_of_its_form() {
    let mut lie = with_header(|_| {});
    lie.txs = 4;
    assert_eq!(
        offence(judged(&lie, None, NOW_S)),
        Offence::MalformedMessage
    );
}
