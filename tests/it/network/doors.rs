//! Who may connect: bans, and limits per address, per peer and in all.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use animica_p2p::{
    clock::ManualClock,
    network::{
        denied_label,
        gate::bans::{DEFAULT_BAN, Outcome, Subject},
    },
};
use libp2p::swarm::{DialError, ListenError, SwarmEvent, dial_opts::DialOpts};
use tokio::net::TcpSocket;

use super::support::{MEMORY, Node, Setup, TCP, id, introduce, listen, node, until};

#[tokio::test]
async fn a_ban_acts_at_once_and_ends_when_it_said() {
    let clock = ManualClock::at_wall_ms(1_800_000_000_000);
    let mut a = Setup {
        clock: Arc::new(clock.clone()),
        ..Setup::default()
    }
    .start();
    let mut b = node();
    let address = listen(&mut a, TCP).await;
    introduce(&mut a, &mut b, address.clone()).await;

    let (peer, subject) = (id(&b), Subject::Peer(id(&b)));
    a.behaviour_mut().gate.ban(subject, "lied", DEFAULT_BAN);
    let mut closed = [false; 2];
    until(&mut [&mut a, &mut b], |at, event, _| {
        closed[at] |= matches!(event, SwarmEvent::ConnectionClosed { .. });
        (closed == [true, true]).then_some(())
    })
    .await;
    assert!(!a.is_connected(&peer));
    let bans = a.behaviour().gate.bans();
    assert_eq!((bans.len(), bans[0].subject), (1, subject));
    assert_eq!(
        (bans[0].reason.as_str(), bans[0].until_ms),
        ("lied", 1_800_003_600_000)
    );

    // It may knock, and is not let in; nor do we go there.
    assert_eq!(knock(&mut a, &mut b, &address).await, "banned");
    let there = listen(&mut b, MEMORY).await;
    match a.dial(there) {
        Err(DialError::Denied { cause }) => assert_eq!(denied_label(&cause), "banned"),
        other => panic!("{other:?}"),
    }

    clock.advance(DEFAULT_BAN);
    assert!(a.behaviour().gate.bans().is_empty());
    introduce(&mut a, &mut b, address).await;
}

/// Lets `b` dial `a` and returns which door stayed shut, as `a` sees it.
async fn knock(a: &mut Node, b: &mut Node, address: &libp2p::Multiaddr) -> &'static str {
    let again = DialOpts::unknown_peer_id().address(address.clone()).build();
    b.dial(again).unwrap();
    until(&mut [a, b], |at, event, _| match event {
        SwarmEvent::IncomingConnectionError {
            error: ListenError::Denied { cause },
            ..
        } if at == 0 => Some(denied_label(&cause)),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_banned_address_is_refused_before_the_handshake() {
    let (mut a, mut b, mut c) = (node(), node(), node());
    let (tcp, memory) = (listen(&mut a, TCP).await, listen(&mut a, MEMORY).await);
    introduce(&mut a, &mut b, tcp.clone()).await;
    introduce(&mut a, &mut c, memory).await;
    let subject = Subject::Address([127, 0, 0, 1].into());
    a.behaviour_mut()
        .gate
        .ban(subject, "flood", Duration::from_secs(60));
    let gone = until(&mut [&mut a, &mut b, &mut c], |at, event, _| match event {
        SwarmEvent::ConnectionClosed { peer_id, .. } if at == 0 => Some(peer_id),
        _ => None,
    })
    .await;
    assert_eq!(gone, id(&b));
    assert!(a.is_connected(&id(&c)), "who came another way stays");
    assert_eq!(knock(&mut a, &mut b, &tcp).await, "banned");
    assert!(a.behaviour_mut().gate.lift(&subject));
    introduce(&mut a, &mut b, tcp).await;
}

#[tokio::test]
async fn a_new_name_at_a_banned_address_is_caught_and_a_reserved_peer_there_is_not() {
    let (mut a, mut b, mut c) = (node(), node(), node());
    let tcp = listen(&mut a, TCP).await;
    let home = listen(&mut c, TCP).await;
    let local = Subject::Address([127, 0, 0, 1].into());
    let minute = Duration::from_secs(60);
    let gate = &mut a.behaviour_mut().gate;
    gate.spare([id(&c)], []);
    assert_eq!(gate.ban(local, "flood", minute), Outcome::Banned);
    let by_name = gate.ban(Subject::Peer(id(&c)), "by mistake", minute);
    assert_eq!(by_name, Outcome::Spared);
    assert_eq!(knock(&mut a, &mut b, &tcp).await, "banned");
    // Nobody knows who dials; but we know whom we dial.
    introduce(&mut c, &mut a, home).await;

    let gate = &mut a.behaviour_mut().gate;
    let covering = gate.covering(&id(&b), &[[127, 0, 0, 1].into()]);
    assert_eq!(covering.len(), 1);
    let lifted = gate.lift_all(id(&b), &[[127, 0, 0, 1].into()]);
    assert_eq!(
        lifted.iter().map(|b| b.subject).collect::<Vec<_>>(),
        [local]
    );
    introduce(&mut a, &mut b, tcp).await;
}

#[tokio::test]
async fn an_address_gets_so_many_places_and_a_place_becomes_free() {
    let mut a = Setup {
        network: |c| c.places.per_local_address = 2,
        ..Setup::default()
    }
    .start();
    let (mut b, mut c, mut d) = (node(), node(), node());
    let address = listen(&mut a, TCP).await;
    introduce(&mut a, &mut b, address.clone()).await;
    introduce(&mut a, &mut c, address.clone()).await;
    assert_eq!(knock(&mut a, &mut d, &address).await, "per_address");
    let peer = id(&a);
    b.disconnect_peer_id(peer).unwrap();
    until(&mut [&mut a, &mut b, &mut d], |at, event, _| match event {
        SwarmEvent::ConnectionClosed { .. } if at == 0 => Some(()),
        _ => None,
    })
    .await;
    introduce(&mut a, &mut d, address).await;
}

#[tokio::test]
async fn there_are_so_many_connections_in_all_and_per_peer() {
    let mut a = Setup {
        network: |c| {
            c.connections.inbound = 2;
            c.connections.per_peer = 1;
        },
        ..Setup::default()
    }
    .start();
    let (mut b, mut c, mut d) = (node(), node(), node());
    let address = listen(&mut a, MEMORY).await;
    introduce(&mut a, &mut b, address.clone()).await;
    assert_eq!(knock(&mut a, &mut b, &address).await, "connection_limit");
    introduce(&mut a, &mut c, address.clone()).await;
    assert_eq!(knock(&mut a, &mut d, &address).await, "connection_limit");
}

#[tokio::test]
async fn a_process_that_is_too_large_takes_nobody() {
    let mut a = Setup {
        network: |c| c.max_memory = 1,
        ..Setup::default()
    }
    .start();
    let mut b = node();
    let address = listen(&mut a, MEMORY).await;
    assert_eq!(knock(&mut a, &mut b, &address).await, "memory_limit");
}

#[tokio::test]
async fn silent_diallers_of_one_address_keep_nobody_else_out() {
    let (mut a, mut b) = (node(), node());
    let address = listen(&mut a, TCP).await;
    let port = address.iter().find_map(|p| match p {
        libp2p::multiaddr::Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    let to = SocketAddr::from(([127, 0, 0, 1], port.unwrap()));
    let mut flood = vec![];
    for _ in 0..300 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 1, 1], 0).into()).unwrap();
        flood.push(socket.connect(to).await.unwrap());
    }
    let mut refused = 0;
    until(&mut [&mut a], |_, event, _| {
        if let SwarmEvent::IncomingConnectionError { error, .. } = event {
            refused += 1;
            match error {
                ListenError::Denied { cause } => assert_eq!(denied_label(&cause), "per_address"),
                other => panic!("{other:?}"),
            }
        }
        (refused == 300 - 64).then_some(())
    })
    .await;
    introduce(&mut a, &mut b, address).await;
    drop(flood);
}
