use bytes::Bytes;
use serde_json::Value;

use super::{testing::blob, *};
use crate::{
    cbor::{CborError, Writer},
    chain::nmt::Sibling,
    registry::MAX_BLOB_BYTES,
};

fn announcement(size: u64, leaves: u64) -> Vec<u8> {
    let mut w = Writer::new();
    w.map(4).uint(0).bytes(&[9; 32]).uint(1).uint(7);
    w.uint(2).uint(size).uint(3).uint(leaves);
    w.finish()
}

#[test]
fn blobs_have_the_roots_of_the_second_implementation() {
    let all: Value = serde_json::from_str(include_str!("../../../tests/vectors/nmt.json")).unwrap();
    let blobs = all["blobs"].as_array().unwrap();
    assert!(blobs.len() > 4);
    for expected in blobs {
        let data: Vec<u8> = (0..expected["size"].as_u64().unwrap())
            .map(|i| (i % 251) as u8)
            .collect();
        let namespace = Namespace(expected["ns"].as_u64().unwrap() as u32);
        let blob = Blob::new(namespace, Bytes::from(data)).unwrap();
        let commitment = blob.commitment();
        assert_eq!(
            commitment.root.to_string(),
            expected["root"].as_str().unwrap()
        );
        let announced = hex::decode(expected["announcement"].as_str().unwrap()).unwrap();
        assert_eq!(commitment.encode(), announced);
        assert_eq!(BlobCommitment::decode(&announced).as_ref(), Ok(commitment));
    }
}

#[test]
fn every_sample_verifies_in_its_place_and_no_other() {
    for size in [1, 4095, 4096, 4097, 8192, 20_000] {
        let blob = blob(size, 1);
        let leaves = blob.commitment().leaves();
        let all = blob.samples(&(0..leaves).collect::<Vec<_>>());
        assert_eq!(all.len(), leaves as usize, "{size}");
        for sample in &all {
            assert_eq!(blob.commitment().check(sample), Ok(()));
            for index in (0..leaves).filter(|i| *i != sample.index) {
                let moved = Sample {
                    index,
                    ..sample.clone()
                };
                assert!(blob.commitment().check(&moved).is_err());
            }
        }
    }
}

#[test]
fn the_head_gives_away_a_false_size() {
    // Head, piece, piece: the last leaf is doubled, so the tree has the root of one with a third
    // such piece, and that piece proves.
    let honest = Blob::new(Namespace(7), Bytes::from(vec![5; 2 * BLOB_LEAF_BYTES])).unwrap();
    let larger = BlobCommitment {
        size: 3 * BLOB_LEAF_BYTES as u64,
        ..*honest.commitment()
    };
    let tail = &honest.samples(&[2])[0];
    let doubled = Sample {
        index: 3,
        path: vec![
            Sibling {
                hash: honest.hashes()[2],
                edge: Namespace(7),
            },
            *tail.path.last().unwrap(),
        ],
        ..tail.clone()
    };
    assert_eq!(larger.check(&doubled), Ok(()));
    let head = &honest.samples(&[0])[0];
    assert_eq!(honest.commitment().check(head), Ok(()));
    assert_eq!(larger.check(head), Err(BlobError::Foreign { index: 0 }));
    let other_namespace = BlobCommitment {
        namespace: Namespace(8),
        ..*honest.commitment()
    };
    assert_eq!(
        other_namespace.check(head),
        Err(BlobError::Foreign { index: 0 })
    );
}

#[test]
fn data_of_another_commitment_is_refused() {
    let (one, two) = (blob(5000, 1), blob(5000, 2));
    assert!(Blob::check(one.commitment(), one.data().clone()).is_ok());
    assert_eq!(
        Blob::check(one.commitment(), two.data().clone()),
        Err(BlobError::Mismatch)
    );
    assert_eq!(
        Blob::check(one.commitment(), one.data().slice(1..)),
        Err(BlobError::Mismatch)
    );
}

#[test]
fn damaged_data_is_never_sampled() {
    let blob = blob(20_000, 1);
    let (commitment, hashes) = (blob.commitment(), blob.hashes());
    let mut bad = blob.data().to_vec();
    bad[5000] ^= 1;
    let bad = Bytes::from(bad);
    assert_eq!(
        sample(commitment, &bad, hashes, &[0, 1]).map(|s| s.len()),
        Ok(2)
    );
    assert_eq!(
        sample(commitment, &bad, hashes, &[2]),
        Err(BlobError::Mismatch)
    );
    let mut other = hashes.to_vec();
    other[3] = Hash32::ZERO;
    assert_eq!(
        sample(commitment, blob.data(), &other, &[0]),
        Err(BlobError::Mismatch)
    );
    assert_eq!(
        sample(commitment, blob.data(), &[], &[0]),
        Err(BlobError::Mismatch)
    );
}

#[test]
fn an_announcement_that_contradicts_itself_is_refused() {
    assert!(BlobCommitment::decode(&announcement(4096, 2)).is_ok());
    assert_eq!(
        BlobCommitment::decode(&announcement(4097, 2)),
        Err(BlobError::Leaves {
            got: 2,
            expected: 3
        })
    );
    assert_eq!(
        BlobCommitment::decode(&announcement(0, 1)),
        Err(BlobError::Size(0))
    );
    let over = MAX_BLOB_BYTES as u64 + 1;
    assert_eq!(
        BlobCommitment::decode(&announcement(over, 514)),
        Err(BlobError::Size(over))
    );
    let mut extra = announcement(4096, 2);
    extra.push(0);
    assert_eq!(
        BlobCommitment::decode(&extra),
        Err(BlobError::Cbor(CborError::Trailing))
    );
    extra[0] = 0xa5;
    assert_eq!(
        BlobCommitment::decode(&extra),
        Err(BlobError::Cbor(CborError::WrongKey))
    );
    let huge = vec![0; crate::registry::MAX_BLOB_ANNOUNCE_BYTES + 1];
    assert!(matches!(
        BlobCommitment::decode(&huge),
        Err(BlobError::Announcement(_))
    ));
}

#[test]
fn sizes_outside_the_limits_make_no_blob() {
    assert_eq!(
        Blob::new(Namespace(1), Bytes::new()),
        Err(BlobError::Size(0))
    );
    let long = Bytes::from(vec![0; MAX_BLOB_BYTES + 1]);
    assert!(matches!(
        Blob::new(Namespace(1), long),
        Err(BlobError::Size(_))
    ));
}

#[test]
fn the_memory_store_keeps_the_contract() {
    testing::keeps_the_contract(&MemoryBlobs::new(40_000));
}
