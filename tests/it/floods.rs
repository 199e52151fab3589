//! Floods against a real node on loopback while an honest peer connects and syncs.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use animica_p2p::{Multiaddr, chain::miner::MineRequest, node::Node};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};

use crate::support::{address, assert_nobody_blamed, mine, on_loopback, reaches, soon, start};

/// Addresses the attacker has; the honest peer dials from 127.0.0.1.
const SOURCES: u8 = 64;

fn socket_addr(address: &Multiaddr) -> SocketAddr {
    let text = address.to_string();
    let port = text
        .split('/')
        .nth(4)
        .expect("/ip4/…/tcp/PORT")
        .parse()
        .expect("a port");
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Connects to `target` from the `n`th address of the attacker.
async fn attack_from(n: u8, target: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 66, n, 1)), 0))?;
    // A reset on close, or the flood would fill the table of closing connections.
    socket.set_zero_linger()?;
    socket.connect(target).await
}

/// What an initiator sends before it has heard anything.
async fn record_first_flight(target: SocketAddr) -> Vec<u8> {
    let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = proxy.local_addr().expect("bound").port();
    let victim = start(Node::builder()).await;
    let through: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("valid");
    let dial = tokio::spawn(async move { victim.connect(through).await });
    let (mut from, _) = proxy.accept().await.expect("the victim dials");
    let mut to = TcpStream::connect(target).await.expect("the node listens");
    let mut recorded = vec![0; 64 * 1024];
    let mut len = 0;
    // The responder speaks after ClientHello; until it has said more than its negotiation, all
    // that came from the initiator belongs to its first flight.
    let mut answer = vec![0; 64 * 1024];
    let mut answered = 0;
    while answered < 1024 {
        tokio::select! {
            n = from.read(&mut recorded[len..]) => {
                let n = n.expect("reads");
                to.write_all(&recorded[len..len + n]).await.expect("writes");
                len += n;
            }
            n = to.read(&mut answer) => {
                let n = n.expect("reads");
                from.write_all(&answer[..n]).await.expect("writes");
                answered += n;
            }
        }
    }
    drop((from, to));
    let _ = dial.await;
    recorded.truncate(len);
    recorded
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_half_open_handshakes_keep_nobody_out() {
    let node = start(on_loopback()).await;
    let head = mine(&node, MineRequest::blocks(200)).await;
    let target = socket_addr(&address(&node));
    let mut held = Vec::new();
    for i in 0..1000u32 {
        if let Ok(mut stream) = attack_from((i % u32::from(SOURCES)) as u8, target).await {
            let _ = stream.write_all(b"\x13/multistream/1.0.0\n").await;
            held.push(stream);
        }
    }
    assert!(
        held.len() > 900,
        "the attacker got {} connections",
        held.len()
    );
    let honest = start(Node::builder()).await;
    soon("the honest peer connects", honest.connect(address(&node)))
        .await
        .expect("accepted");
    reaches(&honest, head).await;
    assert_nobody_blamed(&[&node, &honest]).await;
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_first_message_keeps_nobody_out() {
    let node = start(on_loopback()).await;
    let head = mine(&node, MineRequest::blocks(200)).await;
    let target = socket_addr(&address(&node));
    let flight = Arc::new(soon("a handshake is recorded", record_first_flight(target)).await);
    assert!(
        flight.len() > 1200,
        "a ClientHello with a KEM key, not {} bytes",
        flight.len()
    );

    let over = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut attackers = Vec::new();
    for lane in 0..8u8 {
        let (flight, over, sent) = (Arc::clone(&flight), Arc::clone(&over), Arc::clone(&sent));
        attackers.push(tokio::spawn(async move {
            // 250 a second in each of eight lanes.
            let mut pace = tokio::time::interval(Duration::from_millis(4));
            let mut n = lane;
            while !over.load(Ordering::Relaxed) {
                pace.tick().await;
                n = (n + 8) % SOURCES;
                if let Ok(mut stream) = attack_from(n, target).await
                    && stream.write_all(&flight).await.is_ok()
                {
                    sent.fetch_add(1, Ordering::Relaxed);
                    // Wait for what the node spends on it, then forget it.
                    let mut answer = [0; 16];
                    let _ =
                        tokio::time::timeout(Duration::from_millis(50), stream.read(&mut answer))
                            .await;
                }
            }
        }));
    }
    let honest = start(Node::builder()).await;
    soon("the honest peer connects", honest.connect(address(&node)))
        .await
        .expect("accepted");
    reaches(&honest, head).await;
    // The flood goes on while more is mined and synced.
    let head = mine(
        &node,
        MineRequest {
            seed: 1,
            ..MineRequest::blocks(200)
        },
    )
    .await;
    reaches(&honest, head).await;
    over.store(true, Ordering::Relaxed);
    for attacker in attackers {
        attacker.await.expect("no panic");
    }
    let rate = sent.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64();
    println!("{rate:.0} replays a second");
    assert!(sent.load(Ordering::Relaxed) > 50, "the flood was one");
    assert_nobody_blamed(&[&node, &honest]).await;
    let text = node.metrics_text().await.expect("runs");
    assert!(text.contains("p2p_rejects_total"), "refusals are counted");
}
