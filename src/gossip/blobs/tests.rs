use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use super::*;
use crate::{
    cbor::Writer,
    chain::{
        Blob, BlobStore, MemoryBlobs,
        blob::{Put, testing::blob},
        nmt::Namespace,
    },
    registry::MAX_BLOB_ANNOUNCE_BYTES,
    wire::{Credits, Message},
};

const SALT: [u8; 16] = [3; 16];

fn at(seconds: u64) -> Now {
    static START: OnceLock<Instant> = OnceLock::new();
    Now {
        mono: *START.get_or_init(Instant::now) + Duration::from_secs(seconds),
        wall_ms: seconds * 1000,
    }
}

fn engine() -> Blobs {
    Blobs::new(Limits::default(), SALT)
}

fn announce(blobs: &mut Blobs, seconds: u64, from: PeerId, blob: &Blob) -> Verdict {
    blobs.announced(at(seconds), from, &blob.commitment().encode())
}

/// The one request of `outputs`.
fn request(outputs: &[Output]) -> (RequestId, PeerId, DaGet) {
    match outputs {
        [Output::Request { id, peer, request }] => (*id, *peer, request.clone()),
        other => panic!("{other:?}"),
    }
}

fn proof(blob: &Blob, request: &DaGet) -> SampleAnswer {
    SampleAnswer::Proof(DaProof {
        samples: blob.samples(&request.indexes),
    })
}

#[test]
fn a_blob_whose_samples_verify_is_available() {
    let (mut blobs, peer, big) = (engine(), PeerId::random(), blob(1_000_000, 1));
    assert_eq!(announce(&mut blobs, 0, peer, &big), Verdict::Accept);
    assert_eq!(
        announce(&mut blobs, 0, peer, &big),
        Verdict::Ignore(Ignored::Duplicate)
    );
    assert_eq!(
        blobs.availability(big.commitment()),
        Some(Availability::Open)
    );
    let (id, asked, get) = request(&blobs.poll(at(0)));
    assert_eq!((asked, get.indexes.len(), get.indexes[0]), (peer, 17, 0));
    assert!(get.indexes.is_sorted_by(|a, b| a < b));
    // Nothing is asked twice while it runs.
    assert_eq!(blobs.poll(at(1)), []);
    blobs.answered(at(1), id, &peer, proof(&big, &get));
    assert_eq!(blobs.poll(at(1)), [Output::Available(*big.commitment())]);
    assert_eq!(
        blobs.availability(big.commitment()),
        Some(Availability::Available)
    );
    assert_eq!(blobs.report().samples, 17);
}

#[test]
fn samples_differ_with_the_salt_and_cover_small_blobs() {
    let big = *blob(1_000_000, 1).commitment();
    let one = sampling::choose(&SALT, &big, 16);
    assert_eq!(one, sampling::choose(&SALT, &big, 16));
    assert_ne!(one, sampling::choose(&[4; 16], &big, 16));
    assert_eq!(
        sampling::choose(&SALT, blob(9_000, 1).commitment(), 16),
        [0, 1, 2, 3]
    );
    assert_eq!(sampling::choose(&SALT, &big, 1000).len(), 64);
}

#[test]
fn withholding_does_not_censor_because_the_next_announcer_is_asked() {
    let (mut blobs, big) = (engine(), blob(100_000, 1));
    let [silent, empty, partial, honest] = [(); 4].map(|()| PeerId::random());
    announce(&mut blobs, 0, silent, &big);
    for from in [empty, partial] {
        announce(&mut blobs, 0, from, &big);
    }
    let (late, asked, get) = request(&blobs.poll(at(0)));
    assert_eq!(asked, silent);
    assert_eq!(blobs.poll(at(4)), []);
    let (id, asked, _) = request(&blobs.poll(at(5)));
    assert_eq!(asked, empty);
    blobs.answered(at(5), id, &empty, SampleAnswer::Missing);
    let (id, asked, _) = request(&blobs.poll(at(5)));
    assert_eq!(asked, partial);
    let some = DaGet {
        indexes: get.indexes[..5].to_vec(),
        ..get.clone()
    };
    blobs.answered(at(5), id, &partial, proof(&big, &some));
    // No announcer is left: a peer that did not announce it is asked for the rest.
    assert_eq!(blobs.poll(at(5)), []);
    blobs.join(honest);
    let (id, asked, rest) = request(&blobs.poll(at(6)));
    assert_eq!((asked, &rest.indexes[..]), (honest, &get.indexes[5..]));
    // What the first one sends in the end is too late to matter.
    blobs.answered(at(6), late, &silent, proof(&big, &get));
    blobs.answered(at(6), id, &honest, proof(&big, &rest));
    assert_eq!(blobs.poll(at(6)), [Output::Available(*big.commitment())]);
}

#[test]
fn a_blob_nobody_shows_is_withheld_until_somebody_else_announces_it() {
    let (mut blobs, big) = (engine(), blob(100_000, 1));
    let (first, second) = (PeerId::random(), PeerId::random());
    announce(&mut blobs, 0, first, &big);
    let (id, _, _) = request(&blobs.poll(at(0)));
    blobs.answered(at(1), id, &first, SampleAnswer::Failed);
    assert_eq!(blobs.poll(at(59)), []);
    assert_eq!(blobs.poll(at(60)), [Output::Withheld(*big.commitment())]);
    assert_eq!(
        blobs.availability(big.commitment()),
        Some(Availability::Withheld)
    );
    // The same peer again changes nothing.
    announce(&mut blobs, 61, first, &big);
    assert_eq!(blobs.poll(at(61)), []);
    announce(&mut blobs, 62, second, &big);
    let (id, asked, get) = request(&blobs.poll(at(62)));
    assert_eq!(asked, second);
    blobs.answered(at(62), id, &second, proof(&big, &get));
    assert_eq!(blobs.poll(at(62)), [Output::Available(*big.commitment())]);
}

#[test]
fn a_proof_that_does_not_verify_is_a_lie_and_the_next_peer_is_asked() {
    type Change = fn(&mut DaProof);
    let changes: [(&str, Change); 6] = [
        ("leaf", |p| {
            let mut leaf = p.samples[1].leaf.to_vec();
            leaf[100] ^= 1;
            p.samples[1].leaf = leaf.into();
        }),
        ("wrong index", |p| p.samples[1].index += 1),
        ("too deep", |p| {
            let last = p.samples[1].path[0];
            p.samples[1].path.push(last);
        }),
        ("too short", |p| p.samples[1].path.truncate(1)),
        ("namespace out of order", |p| {
            p.samples[1].path[0].edge = Namespace(8)
        }),
        ("not a leaf", |p| p.samples[1].leaf = vec![0; 3].into()),
    ];
    for (what, change) in changes {
        let (mut blobs, big) = (engine(), blob(1_000_000, 1));
        let (liar, honest) = (PeerId::random(), PeerId::random());
        announce(&mut blobs, 0, liar, &big);
        announce(&mut blobs, 0, honest, &big);
        let (id, _, get) = request(&blobs.poll(at(0)));
        let SampleAnswer::Proof(mut bad) = proof(&big, &get) else {
            unreachable!()
        };
        change(&mut bad);
        blobs.answered(at(0), id, &liar, SampleAnswer::Proof(bad));
        let outputs = blobs.poll(at(0));
        let Output::Penalise { peer, offence, .. } = &outputs[0] else {
            panic!("{what}: {outputs:?}");
        };
        assert_eq!((peer, offence), (&liar, &Offence::BadProof), "{what}");
        assert_eq!(offence.severity(), crate::offence::Severity::Lying);
        let (_, asked, again) = request(&outputs[1..]);
        // Nothing of a lie counts.
        assert_eq!((asked, again.indexes), (honest, get.indexes), "{what}");
    }
}

#[test]
fn a_false_size_blames_nobody_who_passed_it_on() {
    let honest = blob(100_000, 1);
    let mut false_size = *honest.commitment();
    false_size.size += 1;
    let store = MemoryBlobs::new(1 << 20);
    assert_eq!(store.put(&honest), Ok(Put::Stored));
    let (mut blobs, peer) = (engine(), PeerId::random());
    assert_eq!(
        blobs.announced(at(0), peer, &false_size.encode()),
        Verdict::Accept
    );
    // An honest node that has the blob does not have this one.
    let (id, _, get) = request(&blobs.poll(at(0)));
    let Message::NotFound(missing) = serve(&store, &get, Credits::INITIAL) else {
        panic!("served");
    };
    assert_eq!(missing.hashes, [honest.commitment().root]);
    blobs.answered(at(0), id, &peer, SampleAnswer::Missing);
    assert_eq!(blobs.poll(at(60)), [Output::Withheld(false_size)]);
    // The true announcement is another one.
    assert_eq!(announce(&mut blobs, 61, peer, &honest), Verdict::Accept);
    let (id, _, get) = request(&blobs.poll(at(61)));
    let Message::DaProof(proof) = serve(&store, &get, Credits::INITIAL) else {
        panic!("not served");
    };
    blobs.answered(at(61), id, &peer, SampleAnswer::Proof(proof));
    assert_eq!(
        blobs.poll(at(61)),
        [Output::Available(*honest.commitment())]
    );
}

#[test]
fn announcements_that_are_none_are_rejected() {
    let good = blob(5_000, 1).commitment().encode();
    let mut wrong_leaves = good.clone();
    *wrong_leaves.last_mut().unwrap() += 1;
    let mut trailing = good.clone();
    trailing.push(0);
    let mut no_size = Writer::new();
    no_size.map(4).uint(0).bytes(&[1; 32]).uint(1).uint(7);
    no_size.uint(2).uint(0).uint(3).uint(1);
    let cases = [
        (wrong_leaves, Offence::MalformedMessage),
        (trailing, Offence::NonCanonicalCbor),
        (no_size.finish(), Offence::MalformedMessage),
        (
            vec![0; MAX_BLOB_ANNOUNCE_BYTES + 1],
            Offence::OversizedMessage,
        ),
        (vec![], Offence::NonCanonicalCbor),
    ];
    let mut blobs = engine();
    for (i, (bytes, expected)) in cases.into_iter().enumerate() {
        match blobs.announced(at(0), PeerId::random(), &bytes) {
            Verdict::Reject { offence, .. } => assert_eq!(offence, expected, "{i}"),
            other => panic!("{i}: {other:?}"),
        }
    }
    assert_eq!(blobs.report().rejected, 5);
    assert_eq!(blobs.poll(at(100)), []);
}

#[test]
fn a_flood_of_announcements_is_bounded_by_peer_and_in_all() {
    let limits = Limits {
        tracked: 10,
        per_peer: 4,
        in_flight: 3,
        ..Limits::default()
    };
    let mut blobs = Blobs::new(limits, SALT);
    let flood = |blobs: &mut Blobs, from: PeerId, salt: u8| -> usize {
        let all = (0..20).map(|i| blob(1 + i, salt));
        all.filter(|b| announce(blobs, 0, from, b) == Verdict::Accept)
            .count()
    };
    let peers = [(); 4].map(|()| PeerId::random());
    let taken: Vec<usize> = peers
        .iter()
        .zip(10..)
        .map(|(p, s)| flood(&mut blobs, *p, s))
        .collect();
    assert_eq!(taken, [4, 4, 2, 0]);
    // Requests are bounded, too, and those of one peer among them.
    let outputs = blobs.poll(at(0));
    assert_eq!(outputs.len(), 3);
    let first = |o: &Output| matches!(o, Output::Request { peer, .. } if *peer == peers[0]);
    assert_eq!(outputs.iter().filter(|o| first(o)).count(), 2);
    // In time all of it is forgotten.
    for seconds in [60, 120, 300, 600] {
        blobs.poll(at(seconds));
    }
    assert_eq!((blobs.report().tracked, blobs.report().open), (0, 0));
    assert_eq!(flood(&mut blobs, peers[3], 30), 4);
}

#[test]
fn our_own_blobs_need_no_sampling() {
    let (mut blobs, own) = (engine(), blob(5_000, 1));
    blobs.hold(at(0), *own.commitment());
    assert_eq!(
        announce(&mut blobs, 0, PeerId::random(), &own),
        Verdict::Ignore(Ignored::Duplicate)
    );
    assert_eq!(blobs.poll(at(0)), []);
    assert_eq!(
        blobs.availability(own.commitment()),
        Some(Availability::Available)
    );
}

#[test]
fn what_a_leaving_peer_was_asked_others_are() {
    let (mut blobs, big) = (engine(), blob(100_000, 1));
    let (first, second) = (PeerId::random(), PeerId::random());
    announce(&mut blobs, 0, first, &big);
    announce(&mut blobs, 0, second, &big);
    let (id, asked, get) = request(&blobs.poll(at(0)));
    assert_eq!(asked, first);
    blobs.leave(&first);
    let (_, asked, _) = request(&blobs.poll(at(0)));
    assert_eq!(asked, second);
    blobs.answered(at(0), id, &first, proof(&big, &get));
    assert_eq!(blobs.poll(at(0)), []);
}

#[test]
fn a_blob_that_only_waits_for_busy_peers_is_not_withheld() {
    let limits = Limits {
        per_peer_in_flight: 1,
        timeout: Duration::from_secs(100),
        ..Limits::default()
    };
    let mut blobs = Blobs::new(limits, SALT);
    let (peer, one, two) = (PeerId::random(), blob(10, 1), blob(10, 2));
    announce(&mut blobs, 0, peer, &one);
    announce(&mut blobs, 0, peer, &two);
    let (id, _, get) = request(&blobs.poll(at(0)));
    assert_eq!(blobs.poll(at(80)), []);
    blobs.answered(at(80), id, &peer, proof(&one, &get));
    let outputs = blobs.poll(at(80));
    assert_eq!(outputs[0], Output::Available(*one.commitment()));
    assert_eq!(request(&outputs[1..]).2.blob, *two.commitment());
}
