//! mDNS whose ears are a test's.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use libp2p::{
    Swarm,
    swarm::{SwarmEvent, dial_opts::DialOpts},
};
use tokio::{sync::mpsc, time::timeout};

use super::*;
use crate::{crypto::random, identity::peer_id_from_digest, ids::Hash32, network::testkit};

/// What a test lets a source hear.
enum Heard {
    Found(Vec<(PeerId, Multiaddr)>),
    /// So many addresses are listed.
    Listed(usize),
}

struct Ear {
    heard: mpsc::UnboundedReceiver<Heard>,
    listed: usize,
    told: mpsc::UnboundedSender<(Multiaddr, bool)>,
}

impl watch::Source for Ear {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Report> {
        match self.heard.poll_recv(cx) {
            Poll::Ready(Some(Heard::Found(found))) => Poll::Ready(Report::Found(found)),
            Poll::Ready(Some(Heard::Listed(listed))) => {
                self.listed = listed;
                Poll::Ready(Report::Gone(Vec::new()))
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn listed(&self) -> usize {
        self.listed
    }

    fn listen(&mut self, address: &Multiaddr, listening: bool) {
        let _ = self.told.send((address.clone(), listening));
    }
}

struct Room {
    swarm: Swarm<Behaviour>,
    /// Hands over what to say to the source that was made last.
    mouths: std::sync::mpsc::Receiver<mpsc::UnboundedSender<Heard>>,
    told: mpsc::UnboundedReceiver<(Multiaddr, bool)>,
    made: Arc<AtomicUsize>,
}

fn room() -> Room {
    let (mouth, mouths) = std::sync::mpsc::channel();
    let (told_tx, told) = mpsc::unbounded_channel();
    let made = Arc::new(AtomicUsize::new(0));
    let (count, mouth) = (made.clone(), Mutex::new(mouth));
    let make: Make = Arc::new(move |_| {
        let (say, heard) = mpsc::unbounded_channel();
        count.fetch_add(1, Ordering::SeqCst);
        mouth.lock().unwrap().send(say).unwrap();
        let told = told_tx.clone();
        Ok(Box::new(Ear {
            heard,
            listed: 0,
            told,
        }))
    });
    let pauses = Pauses::beginning_with(Duration::from_millis(50));
    let swarm = testkit::node(Behaviour::with(id(), make, pauses));
    Room {
        swarm,
        mouths,
        told,
        made,
    }
}

impl Room {
    /// What to say to the next source that is made.
    async fn mouth(&mut self) -> mpsc::UnboundedSender<Heard> {
        self.until(|room| room.mouths.try_recv().ok()).await
    }

    /// Drives the swarm until `done` says something.
    async fn until<T>(&mut self, mut done: impl FnMut(&mut Self) -> Option<T>) -> T {
        let work = async {
            loop {
                if let Some(result) = done(self) {
                    return result;
                }
                // The threads wake the swarm; a deadline instead of an event looks again.
                let _ = timeout(Duration::from_millis(5), self.event()).await;
            }
        };
        timeout(Duration::from_secs(20), work).await.unwrap()
    }

    async fn event(&mut self) -> Event {
        testkit::event(&mut self.swarm).await
    }
}

fn id() -> PeerId {
    let mut digest = [0; 32];
    random(&mut digest).unwrap();
    peer_id_from_digest(Hash32(digest))
}

fn near(i: usize) -> Multiaddr {
    format!("/ip4/10.0.0.{i}/tcp/41000").parse().unwrap()
}

#[tokio::test]
async fn a_neighbour_is_found_and_nothing_else_is_told_to_the_swarm() {
    let mut room = room();
    let mouth = room.mouth().await;
    let (peer, far) = (id(), "/ip4/8.8.8.8/tcp/1".parse().unwrap());
    mouth
        .send(Heard::Found(vec![(id(), far), (peer, near(1))]))
        .unwrap();
    let found = timeout(Duration::from_secs(20), room.event())
        .await
        .unwrap();
    let addresses = vec![near(1)];
    assert_eq!(found, Event::Found { peer, addresses });
    assert_eq!(room.swarm.behaviour().counts().refused, 1);
    assert_eq!(room.swarm.behaviour().state(), State::On);
    // No behaviour gives the dial an address, so there is nothing to dial.
    assert!(room.swarm.dial(DialOpts::peer_id(peer).build()).is_err());
}

#[tokio::test]
async fn the_source_learns_where_we_listen_also_when_it_is_made_anew() {
    let mut room = room();
    let mouth = room.mouth().await;
    let address = testkit::listen(&mut room.swarm).await;
    let told = room.until(|room| room.told.try_recv().ok()).await;
    assert_eq!(told, (address.clone(), true));
    mouth.send(Heard::Listed(MAX_LISTED + 1)).unwrap();
    let _anew = room.mouth().await;
    let told = room.until(|room| room.told.try_recv().ok()).await;
    assert_eq!(told, (address, true));
}

#[tokio::test]
async fn a_flood_takes_it_down_and_quiet_brings_it_back() {
    let mut room = room();
    let mouth = room.mouth().await;
    let peer = id();
    mouth.send(Heard::Found(vec![(peer, near(1))])).unwrap();
    timeout(Duration::from_secs(20), room.event())
        .await
        .unwrap();
    mouth.send(Heard::Listed(MAX_LISTED)).unwrap();
    mouth.send(Heard::Listed(MAX_LISTED + 1)).unwrap();
    room.until(|room| {
        let state = room.swarm.behaviour().state();
        matches!(state, State::Paused { .. }).then_some(())
    })
    .await;
    let counts = room.swarm.behaviour().counts();
    assert_eq!((counts.peers, counts.floods), (0, 1));
    assert!(mouth.is_closed(), "the source is gone with its thread");
    let mouth = room.mouth().await;
    assert_eq!(room.swarm.behaviour().state(), State::On);
    assert_eq!(room.made.load(Ordering::SeqCst), 2);
    mouth.send(Heard::Found(vec![(peer, near(1))])).unwrap();
    timeout(Duration::from_secs(20), room.event())
        .await
        .unwrap();
}

#[tokio::test]
async fn answers_that_are_void_at_once_are_a_flood_too() {
    let mut room = room();
    let mouth = room.mouth().await;
    for _ in 0..200 {
        let found = (1..9).map(|i| (id(), near(i)));
        let _ = mouth.send(Heard::Found(found.collect()));
    }
    let _anew = room.mouth().await;
    assert_eq!(room.swarm.behaviour().counts().floods, 1);
}

#[tokio::test]
async fn a_crowd_is_handed_up_slowly_and_without_loss() {
    let mut room = room();
    let mouth = room.mouth().await;
    let crowd: Vec<_> = (1..40).map(|i| (id(), near(i))).collect();
    mouth.send(Heard::Found(crowd.clone())).unwrap();
    for expected in &crowd {
        let event = timeout(Duration::from_secs(20), room.event())
            .await
            .unwrap();
        let Event::Found { peer, .. } = event;
        assert_eq!(peer, expected.0);
    }
}

#[tokio::test]
async fn where_it_cannot_run_it_is_off_and_says_why() {
    let make: Make = Arc::new(|_| Err(std::io::Error::other("no permission")));
    let behaviour = Behaviour::with(id(), make, Pauses::default());
    let mut swarm = testkit::node(behaviour);
    let off = async {
        loop {
            if let State::Off { reason } = swarm.behaviour().state() {
                return reason;
            }
            let next = timeout(
                Duration::from_millis(5),
                futures::StreamExt::next(&mut swarm),
            );
            assert!(!matches!(next.await, Ok(Some(SwarmEvent::Behaviour(_)))));
        }
    };
    let reason = timeout(Duration::from_secs(20), off).await.unwrap();
    assert_eq!(reason, "no permission");
    let off = Behaviour::off(id(), "configured");
    assert!(matches!(off.state(), State::Off { reason } if reason == "configured"));
}

#[tokio::test]
async fn the_real_one_starts_or_says_why_not() {
    let mut swarm = testkit::node(Behaviour::new(id()));
    let _ = timeout(Duration::from_millis(50), testkit::event(&mut swarm)).await;
    assert!(!matches!(swarm.behaviour().state(), State::Paused { .. }));
}
