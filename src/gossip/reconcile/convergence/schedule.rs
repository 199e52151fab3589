//! Whom the engine asks, and when.

use std::time::Instant;

use super::*;
use crate::wire::GetSketch;

struct Bench {
    clock: ManualClock,
    engine: Engine,
    items: Items,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::at_wall_ms(0);
        Self {
            engine: Engine::new(Config::default(), [3; 32], clock.now()),
            items: Items::default(),
            clock,
        }
    }

    fn up(&mut self) -> PeerId {
        let peer = PeerId::random();
        self.engine.peer_up(peer, self.clock.now());
        peer
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.engine.poll_action()).collect()
    }

    /// Goes to the next time the engine wants, and returns what it does then.
    fn step(&mut self) -> Vec<Action> {
        let wait = self.engine.next_timeout();
        let now = self.clock.now().mono;
        self.clock.advance(wait.saturating_duration_since(now));
        self.engine.tick(&self.items, self.clock.now());
        self.actions()
    }

    /// Steps until there is a request.
    fn request(&mut self) -> (PeerId, RequestId, GetSketch) {
        for _ in 0..100 {
            for action in self.step() {
                if let Action::Request {
                    peer,
                    id,
                    message: Message::GetSketch(request),
                } = action
                {
                    return (peer, id, request);
                }
            }
        }
        panic!("the engine asks nobody")
    }

    fn answer(&mut self, peer: PeerId, id: RequestId, message: Message) -> Vec<Action> {
        let now = self.clock.now();
        self.engine.answer(&peer, id, message, &self.items, now);
        self.actions()
    }

    fn at(&self) -> Instant {
        self.clock.now().mono
    }
}

fn busy(retry_after_ms: u64) -> Message {
    Message::Busy(Busy {
        retry_after_ms,
        credits: Credits::INITIAL,
    })
}

fn reasons(actions: &[Action]) -> Vec<GiveUp> {
    let why = |action: &Action| match action {
        Action::GaveUp { why, .. } => Some(*why),
        _ => None,
    };
    actions.iter().filter_map(why).collect()
}

#[test]
fn a_new_peer_is_asked_soon_and_not_at_once() {
    let mut bench = Bench::new();
    let (peer, start) = (bench.up(), bench.at());
    let (asked, _, request) = bench.request();
    assert_eq!((asked, request.set), (peer, SketchSet::Pool));
    let waited = bench.at() - start;
    assert!((500..=3_000).contains(&waited.as_millis()), "{waited:?}");
}

#[test]
fn one_request_is_open_at_a_time_and_every_peer_has_its_turn() {
    let mut bench = Bench::new();
    let peers: BTreeSet<PeerId> = (0..5).map(|_| bench.up()).collect();
    bench.clock.advance(Duration::from_secs(5));
    let mut asked = BTreeSet::new();
    for _ in 0..5 {
        let (peer, id, _) = bench.request();
        bench.engine.tick(&bench.items, bench.clock.now());
        assert!(bench.actions().is_empty(), "one at a time");
        asked.insert(peer);
        let now = bench.clock.now();
        bench.engine.failed(&peer, id, &bench.items, now);
        // The next is asked at once: put its request back by letting it fail, too.
        while let Some(Action::Request { peer, id, .. }) = bench
            .actions()
            .into_iter()
            .find(|action| matches!(action, Action::Request { .. }))
        {
            asked.insert(peer);
            bench.engine.failed(&peer, id, &bench.items, now);
        }
    }
    assert_eq!(asked, peers);
}

#[test]
fn a_peer_that_fails_rests_twice_as_long_each_time() {
    let mut bench = Bench::new();
    let peer = bench.up();
    let mut last = None;
    for rest in [0, 30, 60, 120, 240, 480, 600, 600] {
        let (asked, id, _) = bench.request();
        assert_eq!(asked, peer);
        if let Some(last) = last {
            let waited = bench.at() - last;
            let (least, most) = (Duration::from_secs(rest), Duration::from_secs(rest + 1));
            assert!((least..most).contains(&waited), "{waited:?} for {rest} s");
        }
        let now = bench.clock.now();
        bench.engine.failed(&peer, id, &bench.items, now);
        assert_eq!(reasons(&bench.actions()), [GiveUp::NoAnswer]);
        last = Some(bench.at());
    }
}

#[test]
fn busy_is_waited_out_and_blames_nobody() {
    let mut bench = Bench::new();
    let peer = bench.up();
    let (_, id, _) = bench.request();
    let actions = bench.answer(peer, id, busy(55_000));
    assert_eq!(reasons(&actions), [GiveUp::Busy]);
    assert_eq!(actions.len(), 1);
    let start = bench.at();
    bench.request();
    assert!(bench.at() - start >= Duration::from_secs(55));
}

#[test]
fn no_answer_is_waited_for_for_ever() {
    let mut bench = Bench::new();
    let peer = bench.up();
    let (_, id, _) = bench.request();
    let start = bench.at();
    assert_eq!(reasons(&bench.step()), [GiveUp::NoAnswer]);
    assert_eq!(bench.at() - start, Duration::from_secs(10));
    assert!(bench.answer(peer, id, busy(1)).is_empty(), "too late");
}

#[test]
fn a_peer_that_goes_takes_its_session_along() {
    let mut bench = Bench::new();
    let peer = bench.up();
    let (_, id, _) = bench.request();
    bench.engine.peer_down(&peer);
    assert_eq!(reasons(&bench.actions()), [GiveUp::Gone]);
    assert!(bench.answer(peer, id, busy(1)).is_empty());
    for _ in 0..10 {
        assert!(bench.step().is_empty(), "nobody is left to ask");
    }
}

#[test]
fn a_peer_that_was_silent_is_asked_when_it_is_heard_again() {
    let mut bench = Bench::new();
    bench.engine = Engine::new(
        Config {
            interval: Duration::from_secs(100_000),
            ..Config::default()
        },
        [3; 32],
        bench.clock.now(),
    );
    let peer = bench.up();
    let unsupported = Message::Error {
        code: ErrorCode::Unsupported,
    };
    let (_, id, _) = bench.request();
    // Without the first set the engine goes on to the second.
    let actions = bench.answer(peer, id, unsupported.clone());
    let [
        Action::GaveUp { why, .. },
        Action::Request { id, message, .. },
    ] = &actions[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!(*why, GiveUp::Unsupported);
    assert!(matches!(message, Message::GetSketch(r) if r.set == SketchSet::App));
    bench.answer(peer, *id, unsupported);
    bench.clock.advance(Duration::from_secs(59));
    bench.engine.heard(&peer, bench.clock.now());
    assert!(bench.engine.next_timeout() > bench.at() + Duration::from_secs(1_000));
    bench.clock.advance(Duration::from_secs(60));
    bench.engine.heard(&peer, bench.clock.now());
    assert!(bench.engine.next_timeout() <= bench.at() + Duration::from_secs(3));
    assert_eq!(bench.request().0, peer);
}
