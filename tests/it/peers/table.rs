//! The hash table between whole nodes.

use std::time::{Duration, Instant};

use animica_p2p::{
    clock::Rng,
    dht::{Body, Record},
    event::NodeEvent,
    node::{DhtError, DhtKey, Handle},
    offence::Offence,
};
use futures::{StreamExt as _, future::join_all, stream};
use rand::{SeedableRng as _, seq::SliceRandom as _};

use super::{becomes_connected, is_one, looking, meet, open, start_all, took, until};
use crate::support::{
    event,
    puppet::{self, Puppet, genesis, silent},
    soon, start,
};

const HOUR: Duration = Duration::from_secs(3600);

fn key(author: &Handle, key: impl Into<Vec<u8>>) -> DhtKey {
    DhtKey::Authored {
        author: Some(author.peer_id()),
        key: key.into(),
    }
}

/// The value of `key` of `author`, as `reader` sees it.
async fn get(reader: &Handle, key: DhtKey) -> Result<String, DhtError> {
    let got = soon("a value is read", reader.dht_get(key)).await;
    got.map(|report| report.text.expect("text"))
}

async fn put(author: &Handle, key: &str, value: &str) {
    let put = author.dht_put(key, value.to_owned(), HOUR);
    let report = soon("a value is written", put).await.expect("somebody");
    assert!(report.copies >= 1, "{report:?}");
}

/// Nodes that are connected, and know more of each other than nobody.
async fn network(count: usize) -> Vec<Handle> {
    let nodes = start_all(count, &[], open).await;
    until("they are one network", async || {
        let stats = join_all(nodes.iter().map(Handle::dht_stats)).await;
        let routed = stats
            .into_iter()
            .all(|s| s.expect("runs").routing_peers > 2);
        (routed && is_one(&super::graph(&nodes).await)).then_some(())
    })
    .await;
    nodes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_writes_all_others_read_until_it_is_deleted() {
    let nodes = network(8).await;
    let author = &nodes[3];
    for value in ["red", "green"] {
        put(author, "colour", value).await;
        let read = nodes.iter().map(|n| get(n, key(author, "colour")));
        for got in join_all(read).await {
            assert_eq!(got.as_deref(), Ok(value));
        }
    }
    let deleted = soon("it is deleted", author.dht_delete("colour", HOUR)).await;
    assert!(deleted.expect("somebody").copies >= 1);
    let read = nodes.iter().map(|n| get(n, key(author, "colour")));
    for got in join_all(read).await {
        assert_eq!(got, Err(DhtError::NotFound));
    }
    assert_eq!(
        get(&nodes[0], key(&nodes[1], "colour")).await,
        Err(DhtError::NotFound),
        "each author has keys of its own"
    );

    put(author, "will", "to be read").await;
    let content = author.dht_put_content("found by its hash", HOUR);
    let content = soon("a value is written", content).await.expect("somebody");
    let hash = DhtKey::Content(content.address.parse().expect("a hash"));
    author.shutdown().await;
    let others = nodes.iter().filter(|n| n.peer_id() != author.peer_id());
    for reader in others {
        let got = get(reader, key(author, "will")).await;
        assert_eq!(got.as_deref(), Ok("to be read"));
        let got = get(reader, hash.clone()).await;
        assert_eq!(got.as_deref(), Ok("found by its hash"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_outlive_half_of_the_nodes() {
    const VALUES: usize = 40;
    let mut nodes = network(30).await;
    let begun = Instant::now();
    nodes.shuffle(&mut Rng::seed_from_u64(7));
    let gone = nodes.split_off(nodes.len() / 2);
    let value = |n: usize| format!("value {n}");
    let authors = || gone.iter().cycle().take(VALUES).enumerate();
    let writes = authors().map(|(n, author)| async move {
        put(author, &value(n), &value(n)).await;
    });
    // A few at a time: all nodes share the processors, and a copy that comes too late is none.
    stream::iter(writes)
        .buffer_unordered(4)
        .collect::<Vec<()>>()
        .await;
    took("dht: forty writes", begun);
    // A write returns with the third copy; the others follow.
    let copies = until("copies are where they belong", async || {
        let stats = join_all(nodes.iter().map(Handle::dht_stats)).await;
        let copies = stats.into_iter().map(|s| s.expect("runs").records);
        let copies: usize = copies.sum();
        (copies >= VALUES * 6).then_some(copies)
    })
    .await;
    assert!(copies <= VALUES * 15, "{copies}");
    join_all(gone.iter().map(Handle::shutdown)).await;
    let begun = Instant::now();
    let mut lost = 0;
    for (n, author) in authors() {
        let reader = &nodes[n % nodes.len()];
        let got = get(reader, key(author, value(n))).await;
        lost += usize::from(got != Ok(value(n)));
    }
    took("dht: forty reads", begun);
    assert_eq!(lost, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_nobody_else_took_is_there_when_somebody_comes() {
    let alone = start(looking(&[])).await;
    let put = soon("it is written", alone.dht_put("k", "v", HOUR)).await;
    assert_eq!(put.map(drop), Err(DhtError::NoPeers));
    until("it is counted", async || {
        (alone.dht_stats().await.expect("runs").own == 1).then_some(())
    })
    .await;
    let other = start(looking(&[&alone])).await;
    meet(&alone, &other).await;
    until("it is read", async || {
        get(&other, key(&alone, "k")).await.ok().map(drop)
    })
    .await;
}

/// The record of a value that `identity` wrote, with another value in the place of it.
fn forged(identity: &animica_p2p::identity::NodeIdentity, seq: u64) -> Record {
    let body = Body {
        author: identity.public().digest(),
        chain_id: genesis().chain_id(),
        genesis: genesis().hash(),
        seq,
        created_ms: super::now_ms(),
        ttl_ms: 3_600_000,
        name: Some(b"colour".to_vec()),
        value: Some(b"honest".to_vec()),
    };
    let honest = Record::sign(identity, &body).expect("it can be signed");
    let mut bytes = honest.as_bytes().to_vec();
    let at = bytes.windows(6).position(|w| w == b"honest");
    bytes[at.expect("it holds its value")] ^= 1;
    Record::decode(bytes.into()).expect("its form is right")
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_under_the_name_of_another() {
    let identity = puppet::identity();
    let author = start(looking(&[]).identity(identity.clone())).await;
    let other = start(looking(&[&author])).await;
    meet(&author, &other).await;
    until("it is written", async || {
        let put = author.dht_put("colour", "honest", HOUR).await;
        put.ok().map(drop)
    })
    .await;
    let liar = Puppet::new(silent).await;
    liar.meets(&other).await;
    let mut events = other.subscribe();
    liar.stores(&other, forged(&identity, u64::MAX / 2)).await;
    let ban = event(&mut events, "the liar is banned", |e| match e {
        NodeEvent::Banned { peer, offence, .. } => Some((peer, offence)),
        _ => None,
    });
    assert_eq!(ban.await, (liar.id, Offence::BadSignature));
    becomes_connected(&other, liar.id, false).await;
    for reader in [&author, &other] {
        let got = get(reader, key(&author, "colour")).await;
        assert_eq!(got.as_deref(), Ok("honest"));
    }
}
