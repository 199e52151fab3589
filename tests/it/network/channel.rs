//! What the transport refuses, and how it says so.

use std::time::{Duration, Instant};

use animica_p2p::{
    Multiaddr, PeerId,
    ids::{ChainId, Hash32},
    secure::{Class, HandshakeError, Source},
    transport::{self, Error},
};
use libp2p::{
    TransportError,
    swarm::{DialError, SwarmEvent, dial_opts::DialOpts},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::support::{MEMORY, Node, Setup, TCP, id, introduce, listen, node, until, within};

/// How the dial of `b` to `address` fails.
async fn refusal(a: &mut Node, b: &mut Node, address: Multiaddr) -> String {
    b.dial(address).unwrap();
    until(&mut [a, b], |at, event, _| match event {
        SwarmEvent::OutgoingConnectionError { error, .. } if at == 1 => {
            if let DialError::Transport(tried) = &error
                && matches!(tried[..], [(_, TransportError::MultiaddrNotSupported(_))])
            {
                return Some("no transport".to_owned());
            }
            Some(Error::of_dial(&error).map_or(format!("{error:?}"), |e| e.label().to_owned()))
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn an_address_that_answered_a_dial_is_trusted_when_it_calls() {
    let mut a = node();
    let mut setup = Setup::default();
    let mut b = setup.start();
    let address = listen(&mut a, TCP).await;
    let class = || {
        let source = Source::of(&address);
        let admitted = setup.budgets.admit(&source, Instant::now());
        admitted.expect("the burst is larger than this").class()
    };
    assert_eq!(class(), Class::Newcomer);
    introduce(&mut a, &mut b, address.clone()).await;
    assert_eq!(class(), Class::Trusted);
}

#[tokio::test]
async fn another_chain_is_refused_in_the_handshake() {
    for on in [MEMORY, TCP] {
        let mut a = node();
        let mut b = Setup {
            chain: ChainId::TESTNET,
            ..Setup::default()
        }
        .start();
        let address = listen(&mut a, on).await;
        assert_eq!(refusal(&mut a, &mut b, address).await, "alert_chain");
    }
}

#[tokio::test]
async fn another_genesis_is_refused_in_the_handshake() {
    let mut a = node();
    let mut b = Setup {
        genesis: Hash32([8; 32]),
        ..Setup::default()
    }
    .start();
    let address = listen(&mut a, TCP).await;
    assert_eq!(refusal(&mut a, &mut b, address).await, "alert_chain");
}

#[cfg(feature = "round3")]
#[tokio::test]
async fn another_policy_is_refused_in_the_handshake() {
    let (mut a, mut b) = (node(), Setup::round3().start());
    let address = listen(&mut a, TCP).await;
    assert_eq!(refusal(&mut a, &mut b, address).await, "alert_policy");
}

#[tokio::test]
async fn a_peer_that_was_not_dialled_does_not_learn_who_dialled() {
    let (mut a, mut b) = (node(), node());
    let mut address = listen(&mut a, TCP).await;
    address.pop();
    let address = address.with_p2p(stranger()).unwrap();
    b.dial(address).unwrap();
    let mut seen = (None, None);
    let (ours, theirs) = until(&mut [&mut a, &mut b], |_, event, _| {
        match event {
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                let error = Error::of_dial(&error).expect("an error of the transport");
                seen.0 = Some(error.label());
            }
            SwarmEvent::IncomingConnectionError { peer_id, .. } => seen.1 = Some(peer_id),
            SwarmEvent::ConnectionEstablished { .. } => panic!("connected"),
            _ => {}
        }
        seen.0.zip(seen.1)
    })
    .await;
    assert_eq!((ours, theirs), ("wrong_peer", None));
}

/// The id of a node that does not run.
fn stranger() -> PeerId {
    id(&node())
}

#[tokio::test]
async fn a_node_that_dials_itself_notices() {
    let mut a = node();
    let mut address = listen(&mut a, TCP).await;
    address.pop();
    // By name, because libp2p recognises its own addresses.
    let named = address.to_string();
    let named = named.replace("/ip4/127.0.0.1", "/dns4/localhost");
    // From another port, because TCP connects a port that dials itself to nobody else.
    let dial = DialOpts::unknown_peer_id().address(named.parse().unwrap());
    a.dial(dial.allocate_new_port().build()).unwrap();
    let label = until(&mut [&mut a], |_, event, _| match event {
        SwarmEvent::OutgoingConnectionError { error, .. } => {
            Some(Error::of_dial(&error).map_or("none", Error::label))
        }
        _ => None,
    })
    .await;
    // Whichever of its two halves is first to see it.
    assert!(
        ["self_dial", "alert_generic", "eof"].contains(&label),
        "{label}"
    );
}

#[tokio::test]
async fn an_address_of_no_transport_is_refused() {
    let mut b = Setup {
        options: transport::Options {
            memory: false,
            ..transport::Options::default()
        },
        ..Setup::default()
    }
    .start();
    let (mut a, nowhere) = (node(), "/memory/77".parse().unwrap());
    assert_eq!(refusal(&mut a, &mut b, nowhere).await, "no transport");
}

/// A listener with a short deadline, and a socket to it.
async fn silence() -> (Node, TcpStream, Duration) {
    let deadline = Duration::from_millis(150);
    let mut a = Setup {
        options: transport::Options {
            deadline,
            ..transport::Options::default()
        },
        ..Setup::default()
    }
    .start();
    let address = listen(&mut a, TCP).await;
    let port = address.iter().find_map(|p| match p {
        libp2p::multiaddr::Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    let socket = TcpStream::connect(("127.0.0.1", port.unwrap()))
        .await
        .unwrap();
    (a, socket, deadline)
}

/// Runs `a` until it has given up on an inbound connection, and says why and when.
async fn gave_up(a: &mut Node) -> (bool, Instant) {
    until(&mut [a], |_, event, _| match event {
        SwarmEvent::IncomingConnectionError { error, .. } => {
            let error = Error::of_listen(&error).expect("an error of the transport");
            let late = matches!(
                error,
                Error::Deadline | Error::Handshake(HandshakeError::Deadline)
            );
            Some((late, Instant::now()))
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_silent_dialler_is_closed_at_the_deadline() {
    let began = Instant::now();
    let (mut a, mut socket, deadline) = silence().await;
    let (late, when) = gave_up(&mut a).await;
    assert!(late && when - began >= deadline);
    let mut rest = vec![];
    // What was sent before the end is the negotiation's first line at most.
    let read = within(socket.read_to_end(&mut rest)).await;
    assert!(read.is_err() || rest.len() < 64, "{rest:?}");
}

#[tokio::test]
async fn a_dialler_of_a_byte_at_a_time_gains_no_time() {
    let began = Instant::now();
    let (mut a, mut socket, deadline) = silence().await;
    let drip = tokio::spawn(async move {
        // The header of the negotiation, slower than the deadline allows.
        let mut pace = tokio::time::interval(Duration::from_millis(15));
        let line = b"\x13/multistream/1.0.0\n\x0d/animica/pq/1\n"
            .iter()
            .cycle();
        for byte in line {
            pace.tick().await;
            if socket.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    });
    let (late, when) = gave_up(&mut a).await;
    assert!(late && when - began >= deadline && when - began < deadline * 20);
    // The socket is closed, so writing ends.
    within(drip).await.unwrap();
}
