//! Two pools of 10 000 that differ by 100 become one.

use std::time::Instant;

use animica_p2p::{
    PeerId,
    clock::{Clock as _, SystemClock},
    crypto::hash::sha3_256,
    gossip::reconcile::{Limits, Next, Reply, Server, Session, Sets, Stats},
    ids::Hash32,
    wire::{Message, Salt, SketchSet},
};

use super::GROUP;
use crate::{
    Effort,
    report::{Good, Report, median},
};

const SET: u32 = 10_000;
const DIFFER: u32 = 100;

/// A pool.
struct Pool(Vec<Hash32>);

impl Sets for Pool {
    fn ids(&self, _: SketchSet) -> Option<Vec<Hash32>> {
        Some(self.0.clone())
    }
}

pub(super) fn measure(effort: Effort, report: &mut Report) {
    let runs = effort.of(200).max(20) as u32;
    let (mut all, mut times) = (Vec::new(), Vec::new());
    for run in 0..runs {
        let begin = Instant::now();
        all.push(reconcile(run));
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let bytes: Vec<f64> = all.iter().map(|s| s.bytes as f64).collect();
    let trips = all.iter().map(|s| s.round_trips).max().unwrap_or_default();
    let most = bytes.iter().copied().fold(0.0, f64::max);
    report.add(
        GROUP,
        "pools of 10 k that differ by 100, bytes",
        most,
        "B",
        Good::AtMost,
        (16_000.0, 8_000.0),
        format!(
            "most of {runs} runs, median {:.0}; {:.1} ms of work on both sides",
            median(bytes),
            median(times)
        ),
    );
    report.add(
        GROUP,
        "pools of 10 k that differ by 100, round trips",
        f64::from(trips),
        "",
        Good::AtMost,
        (3.0, 2.0),
        format!("most of {runs} runs"),
    );
}

/// Reconciles two pools, over the messages as they travel.
fn reconcile(run: u32) -> Stats {
    let base = run * 100_000;
    let id = |n: u32| sha3_256(&n.to_be_bytes());
    let common = base..base + SET - DIFFER / 2;
    let here = common
        .clone()
        .chain(base + 20_000..base + 20_000 + DIFFER / 2);
    let there = common.chain(base + 40_000..base + 40_000 + DIFFER / 2);
    let (here, there): (Vec<_>, Vec<_>) = (here.map(id).collect(), there.map(id).collect());
    let mut salt = [0; 16];
    salt.copy_from_slice(&id(base + 99_999).as_bytes()[..16]);
    let (mut server, pool, peer) = (
        Server::new(Limits::default()),
        Pool(there),
        PeerId::random(),
    );
    let opened = Session::open(SketchSet::Pool, Salt(salt), here);
    let (mut session, mut request) = opened;
    let (mut fetched, mut offered) = (0, 0);
    loop {
        let travelled = Message::GetSketch(request);
        let travelled = Message::decode(travelled.id(), travelled.encode().into());
        let Ok(Message::GetSketch(asked)) = travelled else {
            panic!("a request does not decode");
        };
        let reply = server.answer(peer, &asked, &pool, SystemClock.now());
        let Reply::Sketch(sketch) = reply else {
            panic!("not served: {reply:?}");
        };
        let answer = Message::Sketch(sketch);
        let Ok(Message::Sketch(sketch)) = Message::decode(answer.id(), answer.encode().into())
        else {
            panic!("an answer does not decode");
        };
        let step = session.answer(sketch);
        fetched += step.fetch.len();
        offered += step.offer.len();
        (session, request) = match step.next {
            Next::Ask(session, request) => (*session, request),
            Next::Done(stats) => {
                assert_eq!((fetched, offered), (50, 50), "the whole difference");
                return stats;
            }
            other => panic!("{other:?}"),
        };
    }
}
