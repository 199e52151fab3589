use std::{
    collections::BTreeSet,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use super::*;
use crate::{
    chain::{Genesis, HashShare, HashShares, Header, poies, share::ShareParent, testing},
    ids::{Height, Theta},
    registry::{MAX_HASH_SHARE_BYTES, MAX_SHARE_BYTES},
};

const HASH: Option<Topic> = Some(Topic::SharesHash);
const AI: Option<Topic> = Some(Topic::SharesAi);

fn at(seconds: u64) -> Now {
    let wall_ms = (testing::devnet().header().timestamp + 100 + seconds) * 1000;
    Now {
        mono: start() + Duration::from_secs(seconds),
        wall_ms,
    }
}

fn start() -> Instant {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// A chain of heads from genesis up, each with the ancestry of its children.
fn heads(genesis: &Genesis, len: usize) -> Vec<Ancestry> {
    let mut at = Ancestry::genesis(genesis);
    let mut all = vec![at.clone()];
    for _ in 0..len {
        let header = child(genesis, &at, 0);
        at.push(&header, header.hash());
        all.push(at.clone());
    }
    all
}

fn child(genesis: &Genesis, parent: &Ancestry, nonce: u64) -> Header {
    Header {
        height: parent.tip().height.next().unwrap(),
        parent_hash: parent.tip().hash,
        timestamp: parent.tip().timestamp + 2,
        theta: parent.next_theta(genesis),
        nonce,
        ..genesis.header().clone()
    }
}

/// One share a block, so that the target is real even on a devnet.
fn engine_with(limits: Limits) -> (Genesis, Shares) {
    let genesis = testing::devnet();
    let verifier = HashShares::with_rate(&genesis, NonZeroU32::MIN);
    let mut shares = Shares::new(limits, Arc::new(verifier));
    shares.follow(Ancestry::genesis(&genesis));
    (genesis, shares)
}

fn engine() -> (Genesis, Shares) {
    engine_with(Limits::default())
}

/// The `n`-th nonce whose draw meets, or does not meet, the micro-target.
fn share_on(genesis: &Genesis, parent: &Ancestry, n: usize, good: bool) -> HashShare {
    (0..)
        .map(|nonce| HashShare::new(child(genesis, parent, nonce)))
        .filter(|share| {
            let theta = poies::share_theta(share.header().theta, NonZeroU32::MIN);
            poies::meets(&share.draw(), theta) == good
        })
        .nth(n)
        .unwrap()
}

fn good(genesis: &Genesis, n: usize) -> Bytes {
    share_on(genesis, &Ancestry::genesis(genesis), n, true)
        .envelope()
        .into()
}

fn ai(len: usize, salt: u8, nullifier: u8) -> Bytes {
    ProofEnvelope {
        kind: ProofType::Ai,
        body: &vec![salt; len],
        nullifier: Hash32([nullifier; 32]),
    }
    .encode()
    .into()
}

fn rejected(verdict: Verdict) -> Offence {
    match verdict {
        Verdict::Reject { offence, .. } => offence,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_valid_share_is_passed_on_once_and_served() {
    let (genesis, mut shares) = engine();
    let bytes = good(&genesis, 0);
    let peer = PeerId::random();
    assert_eq!(shares.judge(at(0), peer, HASH, &bytes), Verdict::Accept);
    assert_eq!(shares.get(&object_id(&bytes)), Some(bytes.clone()));
    assert_eq!(shares.recent().collect::<Vec<_>>(), [object_id(&bytes)]);
    // Replayed, by whomever.
    for from in [peer, PeerId::random()] {
        assert_eq!(
            shares.judge(at(1), from, HASH, &bytes),
            Verdict::Ignore(Ignored::Duplicate)
        );
    }
    let counts = shares.report().of(ProofType::Hash);
    assert_eq!((counts.held, counts.accepted, counts.ignored), (1, 1, 2));
    assert_eq!(shares.report().nullifiers, 1);
}

#[test]
fn a_share_above_its_target_is_rejected_and_not_remembered() {
    let (genesis, mut shares) = engine();
    let bad = share_on(&genesis, &Ancestry::genesis(&genesis), 0, false);
    let bytes = Bytes::from(bad.envelope());
    let verdict = shares.judge(at(0), PeerId::random(), HASH, &bytes);
    assert_eq!(rejected(verdict), Offence::InsufficientWork);
    assert!(!shares.contains(&object_id(&bytes)));
    assert_eq!(shares.report().of(ProofType::Hash).rejected, 1);
}

#[test]
fn a_nullifier_claimed_by_an_invalid_share_first_does_not_block_its_owner() {
    let (genesis, mut shares) = engine();
    let parent = Ancestry::genesis(&genesis);
    let owner = share_on(&genesis, &parent, 0, true);
    // A squatter claims the owner's nullifier for work of its own.
    let other = share_on(&genesis, &parent, 1, true);
    let squat = ProofEnvelope {
        kind: ProofType::Hash,
        body: &other.encode(),
        nullifier: owner.nullifier(),
    };
    let verdict = shares.judge(at(0), PeerId::random(), HASH, &squat.encode().into());
    assert_eq!(rejected(verdict), Offence::ForgedNullifier);
    let peer = PeerId::random();
    for share in [owner, other] {
        let bytes = share.envelope().into();
        assert_eq!(shares.judge(at(0), peer, HASH, &bytes), Verdict::Accept);
    }
}

#[test]
fn shares_for_unknown_and_stale_parents_are_ignored() {
    let (genesis, mut shares) = engine();
    let heads = heads(&genesis, 10);
    let early = share_on(&genesis, &heads[3], 0, true).envelope().into();
    let peer = PeerId::random();
    assert_eq!(
        shares.judge(at(0), peer, HASH, &early),
        Verdict::Ignore(Ignored::UnknownParent)
    );
    for head in &heads[1..=10] {
        shares.follow(head.clone());
    }
    // What was too early is taken once its parent is here.
    assert_eq!(shares.judge(at(0), peer, HASH, &early), Verdict::Accept);
    let stale = share_on(&genesis, &heads[1], 0, true).envelope().into();
    assert_eq!(
        shares.judge(at(0), peer, HASH, &stale),
        Verdict::Ignore(Ignored::Stale)
    );
    let last = share_on(&genesis, &heads[2], 0, true).envelope().into();
    assert_eq!(shares.judge(at(0), peer, HASH, &last), Verdict::Accept);
}

#[test]
fn a_template_that_lies_about_its_difficulty_is_rejected() {
    let (genesis, mut shares) = engine();
    let mut header = child(&genesis, &Ancestry::genesis(&genesis), 0);
    header.theta = Theta(0);
    let bytes = HashShare::new(header).envelope().into();
    let verdict = shares.judge(at(0), PeerId::random(), HASH, &bytes);
    assert_eq!(rejected(verdict), Offence::WrongTheta);
    // And one that claims a height far away to look recent.
    let mut header = child(&genesis, &Ancestry::genesis(&genesis), 0);
    header.height = Height(1 << 40);
    let bytes = HashShare::new(header).envelope().into();
    let verdict = shares.judge(at(0), PeerId::random(), HASH, &bytes);
    assert_eq!(rejected(verdict), Offence::BrokenLink);
}

#[test]
fn a_share_from_ahead_of_our_clock_is_nobodys_fault() {
    let (genesis, mut shares) = engine();
    let parent = Ancestry::genesis(&genesis);
    let future = (0..)
        .map(|nonce| {
            let mut header = child(&genesis, &parent, nonce);
            header.timestamp += 10_000;
            HashShare::new(header)
        })
        .next()
        .unwrap();
    assert_eq!(
        shares.judge(at(0), PeerId::random(), HASH, &future.envelope().into()),
        Verdict::Ignore(Ignored::Future)
    );
}

#[test]
fn malformed_oversized_and_misplaced_shares_are_rejected() {
    let (genesis, mut shares) = engine();
    let bytes = good(&genesis, 0);
    let mut trailing = bytes.to_vec();
    trailing.push(0);
    let mut type_six = bytes.to_vec();
    type_six[2] = 6;
    let long_hash = ProofEnvelope {
        kind: ProofType::Hash,
        body: &[0; MAX_HASH_SHARE_BYTES],
        nullifier: Hash32::ZERO,
    };
    let short_body = ProofEnvelope {
        kind: ProofType::Hash,
        body: &[0xa0],
        nullifier: Hash32::ZERO,
    };
    let cases: [(Bytes, Option<Topic>, Offence); 7] = [
        (trailing.into(), HASH, Offence::NonCanonicalCbor),
        (type_six.into(), HASH, Offence::MalformedMessage),
        (long_hash.encode().into(), HASH, Offence::OversizedMessage),
        (
            vec![0; MAX_SHARE_BYTES + 1].into(),
            HASH,
            Offence::OversizedMessage,
        ),
        (short_body.encode().into(), HASH, Offence::MalformedMessage),
        (bytes, AI, Offence::MalformedMessage),
        (ai(10, 1, 1), HASH, Offence::MalformedMessage),
    ];
    for (i, (bytes, topic, offence)) in cases.into_iter().enumerate() {
        let verdict = shares.judge(at(0), PeerId::random(), topic, &bytes);
        assert_eq!(rejected(verdict), offence, "{i}");
        assert!(!shares.contains(&object_id(&bytes)));
    }
}

#[test]
fn a_flood_displaces_itself_and_never_a_peer_that_sent_fewer() {
    let limits = Limits {
        ai: Cap {
            entries: 8,
            per_peer: 6,
            bytes: 8 * 1024,
        },
        ..Limits::default()
    };
    let (_, mut shares) = engine_with(limits);
    let [flooder, second, honest] = [(); 3].map(|()| PeerId::random());
    let mut salt = 0..;
    let mut send = |shares: &mut Shares, from, times: usize| -> usize {
        let all = (0..times).map(|_| ai(100, salt.next().unwrap(), 0));
        all.filter(|bytes| shares.judge(at(0), from, AI, bytes) == Verdict::Accept)
            .count()
    };
    // Its cap, and no more.
    assert_eq!(send(&mut shares, flooder, 20), 6);
    assert_eq!(send(&mut shares, honest, 2), 2);
    // Full: others take from the flood, as long as it holds no less than they.
    assert_eq!(send(&mut shares, honest, 1), 1);
    assert_eq!(send(&mut shares, second, 20), 2);
    let counts = shares.report().of(ProofType::Ai);
    assert_eq!((counts.held, counts.evicted), (8, 3));
    // The flood gets nothing back, and a newcomer still finds a place.
    assert_eq!(send(&mut shares, flooder, 20), 0);
    assert_eq!(send(&mut shares, PeerId::random(), 1), 1);
}

#[test]
fn bytes_are_bounded_as_well_as_places() {
    let limits = Limits {
        ai: Cap {
            entries: 100,
            per_peer: 90,
            bytes: 10_000,
        },
        ..Limits::default()
    };
    let (_, mut shares) = engine_with(limits);
    for salt in 0..50 {
        let _ = shares.judge(at(0), PeerId::random(), AI, &ai(3_000, salt, 0));
        assert!(shares.report().of(ProofType::Ai).bytes <= 10_000);
    }
    assert_eq!(shares.report().of(ProofType::Ai).held, 3);
    assert_eq!(
        shares.judge(at(0), PeerId::random(), AI, &ai(20_000, 1, 0)),
        Verdict::Ignore(Ignored::Full)
    );
}

#[test]
fn shares_are_forgotten_in_time_and_a_new_window_has_room() {
    let limits = Limits {
        ai: Cap {
            entries: 4,
            per_peer: 2,
            bytes: 4_096,
        },
        ..Limits::default()
    };
    let (_, mut shares) = engine_with(limits);
    let peer = PeerId::random();
    for (salt, verdict) in [
        (1, Verdict::Accept),
        (2, Verdict::Accept),
        (3, Verdict::Ignore(Ignored::Full)),
    ] {
        assert_eq!(shares.judge(at(0), peer, AI, &ai(9, salt, 0)), verdict);
    }
    assert_eq!(
        shares.judge(at(599), peer, AI, &ai(9, 3, 0)),
        Verdict::Ignore(Ignored::Full)
    );
    assert_eq!(
        shares.judge(at(600), peer, AI, &ai(9, 3, 0)),
        Verdict::Accept
    );
    assert_eq!(shares.report().of(ProofType::Ai).held, 1);
}

/// Verifies exactly the shares whose body begins with a byte of the list; counts how often.
#[derive(Debug)]
struct Listed(BTreeSet<u8>, std::sync::atomic::AtomicUsize);

impl ShareVerifier for Listed {
    fn parent(&self, _: &ProofEnvelope<'_>) -> Result<Option<ShareParent>, ShareError> {
        Ok(None)
    }

    fn screen(
        &self,
        _: &ProofEnvelope<'_>,
        _: Option<&Ancestry>,
        _: u64,
    ) -> Result<(), ShareError> {
        Ok(())
    }

    fn verify(&self, share: &ProofEnvelope<'_>) -> Result<Standing, ShareError> {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if self.0.contains(&share.body[0]) {
            return Ok(Standing::Verified);
        }
        Err(ShareError::Verifier {
            reason: "not listed".into(),
        })
    }
}

#[test]
fn costly_verification_comes_last_and_decides_about_nullifiers() {
    let verifier = Arc::new(Listed([1, 2].into(), Default::default()));
    let runs = || verifier.1.load(std::sync::atomic::Ordering::Relaxed);
    let mut shares = Shares::new(Limits::default(), verifier.clone());
    let peer = PeerId::random();
    // A squatter under nullifier 9 is verified in vain; its owner is not kept out.
    let verdict = shares.judge(at(0), PeerId::random(), AI, &ai(50, 7, 9));
    assert_eq!(rejected(verdict), Offence::InsufficientWork);
    assert_eq!(
        shares.judge(at(0), peer, AI, &ai(50, 1, 9)),
        Verdict::Accept
    );
    assert_eq!(runs(), 2);
    // The same work once more, in another form or the same: no verification is spent on it.
    for bytes in [ai(50, 2, 9), ai(50, 1, 9)] {
        assert_eq!(
            shares.judge(at(0), peer, AI, &bytes),
            Verdict::Ignore(Ignored::Duplicate)
        );
    }
    assert_eq!(runs(), 2);
    // Two copies in verification at the same time: one is kept.
    let bytes = ai(50, 1, 4);
    let [first, second] = [(); 2].map(|()| match shares.screen(at(0), peer, AI, &bytes) {
        Screened::Costly(candidate) => candidate,
        Screened::Decided(verdict) => panic!("{verdict:?}"),
    });
    let outcome = first.verify(&*verifier);
    assert_eq!(shares.settle(at(0), first, outcome), Verdict::Accept);
    assert_eq!(
        shares.settle(at(0), second, Ok(Standing::Verified)),
        Verdict::Ignore(Ignored::Duplicate)
    );
}

#[test]
fn a_carried_share_does_not_spend_the_nullifier_it_claims() {
    let (_, mut shares) = engine();
    let peer = PeerId::random();
    assert_eq!(shares.judge(at(0), peer, AI, &ai(9, 1, 5)), Verdict::Accept);
    assert_eq!(shares.judge(at(0), peer, AI, &ai(9, 2, 5)), Verdict::Accept);
    assert_eq!(shares.report().nullifiers, 0);
}
