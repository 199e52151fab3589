//! The session over an in-memory pipe.

mod script;

use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    identity::{Delegation, DelegationFields, KeyPair, NodeIdentity, Policy, Usage},
    registry::MAX_RECORD_CONTENT,
    secure::{
        record::{OVERHEAD, RecordError},
        testing::{CHAIN, GENESIS, NOW_MS, Pipe, connect, node, node_of, watch},
    },
};

fn source(error: &std::io::Error) -> SessionError {
    *error
        .get_ref()
        .unwrap()
        .downcast_ref::<SessionError>()
        .unwrap()
}

async fn pair() -> (Session<Pipe>, Session<Pipe>) {
    connect(&node(1), &node(2), 1 << 22).await
}

#[tokio::test]
async fn writes_between_two_flushes_become_one_record() {
    let (mut i, r) = pair().await;
    i.write_all(&[1; 12]).await.unwrap();
    i.write_all(&[2; 16_384]).await.unwrap();
    i.flush().await.unwrap();
    i.flush().await.unwrap();
    assert_eq!(r.io.steal().len(), 16_396 + OVERHEAD);
}

#[tokio::test]
async fn a_record_is_sealed_when_it_is_full() {
    let (mut i, r) = pair().await;
    i.write_all(&vec![1; MAX_RECORD_CONTENT + 1]).await.unwrap();
    i.flush().await.unwrap();
    assert_eq!(r.io.steal().len(), MAX_RECORD_CONTENT + 1 + 2 * OVERHEAD);
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_truncated_and_never_an_end() {
    let (mut i, r) = pair().await;
    i.write_all(b"content").await.unwrap();
    i.flush().await.unwrap();
    let record = r.io.steal();
    for cut in 0..=record.len() {
        let (mut a, mut b) = (node(1), node(2));
        let _ = watch(&mut a);
        let book = watch(&mut b);
        let (mut i, mut r) = connect(&a, &b, 1 << 16).await;
        // The same content under these keys has the same length.
        i.write_all(b"content").await.unwrap();
        i.flush().await.unwrap();
        let bytes = r.io.steal();
        i.io.inject(&bytes[..cut]);
        i.io.cut();
        let mut got = Vec::new();
        let error = r.read_to_end(&mut got).await.unwrap_err();
        assert_eq!(source(&error), SessionError::Truncated);
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
        assert_eq!(got.len(), if cut == record.len() { 7 } else { 0 });
        drop(r);
        assert_eq!(book.lines().last().unwrap(), "ended truncated");
    }
}

#[tokio::test]
async fn a_changed_record_ends_the_session_and_is_answered_with_a_close() {
    let (mut i, mut r) = pair().await;
    i.write_all(b"content").await.unwrap();
    i.flush().await.unwrap();
    let mut bytes = r.io.steal();
    bytes[10] ^= 1;
    i.io.inject(&bytes);
    let error = r.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(source(&error), SessionError::Record(RecordError::Seal));
    assert!(r.read(&mut [0; 8]).await.is_err(), "for ever");
    assert!(r.write(b"x").await.is_err());
    r.close().await.unwrap();
    let error = i.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(
        source(&error),
        SessionError::PeerClosed(CloseCode::Protocol)
    );
}

#[tokio::test]
async fn after_our_close_reads_go_on_and_writes_do_not() {
    let (mut i, mut r) = pair().await;
    i.write_all(b"last").await.unwrap();
    i.close().await.unwrap();
    i.close().await.unwrap();
    assert_eq!(
        source(&i.write(b"x").await.unwrap_err()),
        SessionError::Closed
    );
    let mut got = Vec::new();
    r.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"last");
    assert_eq!(
        r.read(&mut [0; 8]).await.unwrap(),
        0,
        "end-of-file for ever"
    );
    r.write_all(b"answer").await.unwrap();
    r.close().await.unwrap();
    got.clear();
    i.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"answer");
}

#[tokio::test]
async fn a_refusal_in_place_of_the_first_record_does_not_confirm_the_dial() {
    let (mut a, b) = (node(1), node(2));
    let book = watch(&mut a);
    let (mut i, mut r) = connect(&a, &b, 1 << 16).await;
    r.set_close_code(CloseCode::Authentication);
    r.close().await.unwrap();
    let error = i.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(
        source(&error),
        SessionError::PeerClosed(CloseCode::Authentication)
    );
    assert!(!i.info().is_confirmed());
    drop(i);
    assert_eq!(
        book.lines(),
        ["handshake Ok(())", "opened", "ended close_authentication"]
    );
}

#[tokio::test]
async fn a_session_ends_with_the_delegation_it_stands_on() {
    let (owner, signer) = (
        KeyPair::deterministic([41; 32]).unwrap(),
        KeyPair::deterministic([42; 32]).unwrap(),
    );
    // The clock stands 30 ms before the end that a verifier grants.
    let end = NOW_MS + 30 - crate::registry::DELEGATION_SKEW_MS;
    let fields = DelegationFields {
        peer_digest: owner.public().digest(),
        chain_id: CHAIN,
        genesis: GENESIS,
        serial: 1,
        usages: Usage::CHANNEL,
        signing_alg: signer.alg().id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: end - 1000,
        not_after_ms: end,
    };
    let delegation = Delegation::issue(&owner, &fields).unwrap();
    let identity =
        NodeIdentity::with_delegation(owner.public().clone(), signer, delegation).unwrap();
    let short = node_of(identity, Policy::default_fips());
    let (mut i, mut r) = connect(&node(1), &short, 1 << 16).await;
    assert!(i.info().summary().delegated);
    let error = i.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(source(&error), SessionError::DelegationExpired);
    assert!(i.write(b"x").await.is_err());
    i.close().await.unwrap();
    let error = r.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(
        source(&error),
        SessionError::PeerClosed(CloseCode::DelegationExpired)
    );
}

#[tokio::test]
async fn counters_and_facts_are_in_the_summary() {
    let (mut i, mut r) = pair().await;
    i.write_all(&[1; 1000]).await.unwrap();
    i.flush().await.unwrap();
    r.read_exact(&mut [0; 1000]).await.unwrap();
    let (i, r) = (i.info().summary(), r.info().summary());
    assert_eq!((i.bytes_out, r.bytes_in), (1000, 1000));
    assert_eq!(
        i.handshake_bytes,
        (r.handshake_bytes.1, r.handshake_bytes.0)
    );
    assert_eq!(i.kem, "x25519+ml-kem-768");
    assert_eq!(
        (i.signature, i.signer),
        ("ml-dsa-65+ed25519", "ml-dsa-65+ed25519")
    );
    assert_eq!((i.confirmed, r.confirmed), (false, true));
    assert_ne!(i.id, r.id);
}

/// Heap and inline bytes of an idle session, as section 7 of the specification bounds them.
#[tokio::test]
async fn an_idle_session_keeps_less_than_four_kibibytes() {
    let (mut i, mut r) = pair().await;
    let bulk = vec![7; 1 << 20];
    i.write_all(&bulk).await.unwrap();
    i.flush().await.unwrap();
    let mut got = vec![0; bulk.len()];
    r.read_exact(&mut got).await.unwrap();
    assert_eq!(got, bulk);
    assert!(r.reader.capacity() > 64 * 1024, "a busy buffer is large");
    for _ in 0..8 {
        for (from, to) in [(&mut i, &mut r)] {
            from.write_all(b"ping").await.unwrap();
            from.flush().await.unwrap();
            to.read_exact(&mut [0; 4]).await.unwrap();
            let waits = futures::poll!(to.read(&mut [0; 4]));
            assert!(waits.is_pending());
        }
    }
    // The key schedules of aws-lc live inside the session.
    let idle = |s: &Session<Pipe>| {
        size_of::<Session<Pipe>>()
            + size_of::<SessionInfo>()
            + s.reader.capacity()
            + s.writer.capacity()
    };
    println!(
        "idle session: {} B, of that inline {}",
        idle(&r),
        size_of::<Session<Pipe>>()
    );
    assert!(
        idle(&r) < 4096 && idle(&i) < 4096,
        "{} {}",
        idle(&r),
        idle(&i)
    );
}

/// A session whose keys ratchet every few records.
#[tokio::test]
async fn ratchets_are_counted_and_told_to_the_observer() {
    let limits = KeyLimits {
        records: 4,
        bytes: 1 << 20,
    };
    let (mut a, b) = (node(1), node(2));
    let book = watch(&mut a);
    let (i, r) = script::sessions(&a, &b, limits);
    let (mut i, mut r) = (i, r);
    for _ in 0..9 {
        i.write_all(b"x").await.unwrap();
        i.flush().await.unwrap();
        r.read_exact(&mut [0]).await.unwrap();
    }
    assert_eq!(i.info().summary().rekeys, 2);
    assert_eq!(r.info().summary().rekeys, 2);
    let rekeys = book
        .lines()
        .iter()
        .filter(|l| *l == "rekeyed sending=true")
        .count();
    assert_eq!(rekeys, 2);
}
