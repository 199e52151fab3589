//! The handshake over a byte stream.

use std::{sync::Arc, time::Duration};

use futures::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    bucket::Rate,
    clock::ManualClock,
    identity::{Delegation, DelegationFields, KeyPair, NodeIdentity, Policy, Usage},
    ids::ChainId,
    registry::CHANNEL_PROTOCOL,
    secure::{
        AeadChoice, Alert, BudgetLimits, Budgets, CloseCode, SessionError,
        testing::{CHAIN, GENESIS, NOW_MS, Pipe, connect, identity, node, node_of, watch},
    },
};

fn admission(config: &Config) -> Admission {
    let now = config.clock.now().mono;
    config.budgets.admit(&Source::Memory, now).unwrap()
}

/// Both results of a handshake between `i` and `r`.
async fn shake(
    i: &Config,
    r: &Config,
    expected: Option<PeerId>,
) -> (Result<(), &'static str>, Result<(), &'static str>) {
    let (a, b) = Pipe::pair(1 << 16);
    let (i, r) = futures::join!(
        async { initiate(i, a, expected, CHANNEL_PROTOCOL).await.map(drop) },
        async {
            respond(r, b, CHANNEL_PROTOCOL, admission(r))
                .await
                .map(drop)
        },
    );
    (i.map_err(|e| e.label()), r.map_err(|e| e.label()))
}

#[tokio::test]
async fn two_nodes_shake_hands_and_talk_both_ways() {
    let (mut a, mut b) = (node(1), node(2));
    let (book_a, book_b) = (watch(&mut a), watch(&mut b));
    let (mut i, mut r) = connect(&a, &b, 1 << 16).await;
    assert_eq!(i.info().peer(), b.identity.peer_id());
    assert_eq!(r.info().peer(), a.identity.peer_id());
    assert!(i.exporter().ct_eq(r.exporter()));
    i.write_all(b"ping").await.unwrap();
    i.flush().await.unwrap();
    let mut got = [0; 4];
    r.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"ping");
    assert!(!i.info().is_confirmed());
    r.write_all(b"pong").await.unwrap();
    r.close().await.unwrap();
    let mut rest = Vec::new();
    i.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"pong");
    assert!(i.info().is_confirmed());
    i.write_all(b"still legal").await.unwrap();
    i.close().await.unwrap();
    rest.clear();
    r.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"still legal");
    drop((i, r));
    assert_eq!(
        book_a.lines(),
        ["handshake Ok(())", "opened", "confirmed", "ended closed"]
    );
    assert_eq!(
        book_b.lines(),
        ["handshake Ok(())", "opened", "ended closed"]
    );
}

#[tokio::test]
async fn the_handshake_survives_a_stream_of_single_bytes() {
    let (mut i, mut r) = connect(&node(1), &node(2), 1).await;
    let (sent, got) = futures::join!(
        async {
            i.write_all(&[7; 500]).await?;
            i.close().await
        },
        async {
            let mut got = Vec::new();
            r.read_to_end(&mut got).await.map(|_| got)
        }
    );
    sent.unwrap();
    assert_eq!(got.unwrap(), [7; 500]);
}

#[tokio::test]
async fn the_initiator_may_send_with_its_last_flight() {
    let (a, b) = (node(1), node(2));
    let (x, y) = Pipe::pair(1 << 16);
    let (mut i, sent) = futures::join!(
        async {
            let mut i = initiate(&a, x, None, CHANNEL_PROTOCOL).await.unwrap().1;
            i.write_all(b"early").await.unwrap();
            i.flush().await.unwrap();
            i
        },
        async {
            let mut r = respond(&b, y, CHANNEL_PROTOCOL, admission(&b))
                .await
                .unwrap()
                .1;
            let mut got = [0; 5];
            r.read_exact(&mut got).await.unwrap();
            r.close().await.unwrap();
            got
        }
    );
    assert_eq!(&sent, b"early");
    assert_eq!(i.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn refusals_reach_the_dialler_as_alerts() {
    let honest = node(1);
    let mut chain = node(2);
    chain.chain_id = ChainId(7);
    assert_eq!(
        shake(&honest, &chain, None).await,
        (Err("alert_chain"), Err("chain"))
    );
    let mut genesis = node(2);
    genesis.genesis.0[0] ^= 1;
    assert_eq!(
        shake(&honest, &genesis, None).await,
        (Err("alert_chain"), Err("genesis"))
    );
    let mut document = Policy::default_fips().document().clone();
    document.version = 9;
    let policy = Policy::from_document(document).unwrap();
    assert_eq!(
        shake(&honest, &node_of(identity(2), policy), None).await,
        (Err("alert_policy"), Err("policy"))
    );
    let (mut aes, mut chacha) = (node(1), node(2));
    aes.aead = AeadChoice::Aes256Gcm;
    chacha.aead = AeadChoice::ChaCha20Poly1305;
    assert_eq!(
        shake(&aes, &chacha, None).await,
        (Err("alert_aead"), Err("no_common_aead"))
    );
    let mut busy = node(2);
    let none = Rate {
        per_second: 1,
        burst: 1,
    };
    busy.budgets = Arc::new(Budgets::new(BudgetLimits {
        work: none,
        ..BudgetLimits::default()
    }));
    assert_eq!(shake(&honest, &busy, None).await, (Ok(()), Ok(())));
    assert_eq!(
        shake(&honest, &busy, None).await,
        (Err("alert_rate_limited"), Err("limit_work"))
    );
}

#[tokio::test]
async fn the_wrong_peer_learns_nothing_of_the_dialler() {
    let other = Some(node(9).identity.peer_id());
    assert_eq!(
        shake(&node(1), &node(2), other).await,
        (Err("wrong_peer"), Err("eof"))
    );
}

#[tokio::test]
async fn a_refused_dialler_reads_why_in_a_sealed_record() {
    // The responder's clock makes the dialler's delegation look old.
    let signer = KeyPair::deterministic([8; 32]).unwrap();
    let owner = KeyPair::deterministic([7; 32]).unwrap();
    let fields = DelegationFields {
        peer_digest: owner.public().digest(),
        chain_id: CHAIN,
        genesis: GENESIS,
        serial: 1,
        usages: Usage::CHANNEL,
        signing_alg: signer.alg().id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: NOW_MS - 10,
        not_after_ms: NOW_MS + 10,
    };
    let delegation = Delegation::issue(&owner, &fields).unwrap();
    let public = owner.public().clone();
    let delegated = NodeIdentity::with_delegation(public, signer, delegation).unwrap();
    let a = node_of(delegated, Policy::default_fips());
    let mut b = node(2);
    b.clock = Arc::new(ManualClock::at_wall_ms(NOW_MS + 3_600_000));
    let (x, y) = Pipe::pair(1 << 16);
    let (i, r) = futures::join!(
        initiate(&a, x, None, CHANNEL_PROTOCOL),
        respond(&b, y, CHANNEL_PROTOCOL, admission(&b)),
    );
    assert_eq!(r.unwrap_err().label(), "delegation_expired");
    let error = i.unwrap().1.read(&mut [0; 8]).await.unwrap_err();
    let refused = error.get_ref().unwrap().downcast_ref::<SessionError>();
    let expired = SessionError::PeerClosed(CloseCode::DelegationExpired);
    assert_eq!(refused, Some(&expired));
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_a_trickle_does_not_move_it() {
    let mut config = node(2);
    config.deadline = Duration::from_millis(40);
    let book = watch(&mut config);
    let (mut x, y) = Pipe::pair(1 << 16);
    let trickle = async {
        x.write_all(&[1, 0, 0, 5, 0]).await.unwrap();
        loop {
            x.write_all(&[0]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let respond = respond(&config, y, CHANNEL_PROTOCOL, admission(&config));
    futures::pin_mut!(trickle, respond);
    let futures::future::Either::Right((result, _)) =
        futures::future::select(trickle, respond).await;
    assert_eq!(result.unwrap_err().label(), "deadline");
    assert_eq!(config.budgets.half_open(), 0);
    assert_eq!(book.lines(), [r#"handshake Err("deadline")"#]);
}

#[tokio::test]
async fn a_dropped_attempt_is_reported_and_frees_its_place() {
    let mut config = node(2);
    let book = watch(&mut config);
    let (_x, y) = Pipe::pair(1 << 16);
    let mut attempt = Box::pin(respond(&config, y, CHANNEL_PROTOCOL, admission(&config)));
    assert!(futures::poll!(&mut attempt).is_pending());
    assert_eq!(config.budgets.half_open(), 1);
    drop(attempt);
    assert_eq!(config.budgets.half_open(), 0);
    assert_eq!(book.lines(), [r#"handshake Err("cancelled")"#]);
}

#[tokio::test]
async fn a_responder_answers_junk_with_one_alert_and_ends() {
    for (junk, label) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "unexpected_frame"),
        (&[1, 0xff, 0xff, 0xff, 0xff], "frame_too_long"),
        (&[1, 0, 0, 0, 1, 0xa0], "malformed_client_hello"),
    ] {
        let config = node(2);
        let (mut x, y) = Pipe::pair(1 << 16);
        let talk = async {
            x.write_all(junk).await.unwrap();
            let mut answer = Vec::new();
            x.read_to_end(&mut answer).await.unwrap();
            x.close().await.unwrap();
            answer
        };
        let respond = respond(&config, y, CHANNEL_PROTOCOL, admission(&config));
        let (answer, result) = futures::join!(talk, respond);
        assert_eq!(answer, Alert::Generic.to_frame());
        assert_eq!(result.unwrap_err().label(), label);
    }
}

#[test]
fn admission_is_by_address_and_told_to_the_observer() {
    let mut config = node(2);
    let book = watch(&mut config);
    let address = "/ip4/203.0.113.9/tcp/4000".parse().unwrap();
    let admitted = (0..100)
        .filter(|_| admit(&config, &address).is_ok())
        .count();
    assert_eq!(admitted, 64);
    assert_eq!(book.lines()[0], r#"handshake Err("limit_address")"#);
}
