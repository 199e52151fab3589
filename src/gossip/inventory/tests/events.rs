use proptest::prelude::*;

use super::*;
use crate::registry::MessageId;

/// What may happen to an engine.
#[derive(Clone, Debug)]
enum Step {
    Up(u8),
    Down(u8),
    Announced(u8, u64, u64),
    Learned(u64),
    Refused(u64),
    Answer(prop::sample::Index, u8),
    Pass(u64),
}

fn arb_step() -> impl Strategy<Value = Step> {
    let (peer, n) = (1..6u8, 0..40u64);
    prop_oneof![
        peer.clone().prop_map(Step::Up),
        peer.clone().prop_map(Step::Down),
        (peer, n.clone(), 1..20u64).prop_map(|(p, n, len)| Step::Announced(p, n, len)),
        n.clone().prop_map(Step::Learned),
        n.prop_map(Step::Refused),
        (any::<prop::sample::Index>(), 0..6u8).prop_map(|(i, how)| Step::Answer(i, how)),
        (0..20_000u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn no_order_of_events_breaks_its_bounds_or_its_clock(
        steps in prop::collection::vec(arb_step(), 1..120)
    ) {
        let limits = Limits { announced: 16, ids: 4, in_flight_total: 5, ..Limits::default() };
        let mut b = Bench::with(3, limits);
        let mut open: Vec<(PeerId, RequestId, Message)> = vec![];
        for step in steps {
            match step {
                Step::Up(n) => b.engine.up(peer(n), n % 2 == 0),
                Step::Down(n) => {
                    open.retain(|(p, ..)| *p != peer(n));
                    b.engine.down(&peer(n), b.now);
                }
                Step::Announced(p, n, len) => b.announced(p, &items(n..n + len)),
                Step::Learned(n) => b.engine.learned(item(n), b.now),
                Step::Refused(n) => b.engine.refused(item(n), b.now),
                Step::Pass(ms) => b.millis(ms),
                Step::Answer(index, how) if !open.is_empty() => {
                    let (p, id, message) = open.swap_remove(index.index(open.len()));
                    let ids = match message {
                        Message::GetData(GetData { ids, .. }) => ids,
                        _ => vec![],
                    };
                    let found = (0..60).filter(|n| ids.contains(&item(*n).id));
                    let found: Vec<u64> = found.collect();
                    let half = found.len() / 2;
                    let answer = match how {
                        0 => None,
                        1 => busy(1000),
                        2 => data(&found, &[]),
                        3 => data(&found[..half], &found[half..]),
                        4 => data(&found[..half], &[]),
                        _ => ACK,
                    };
                    b.engine.answer(p, id, answer, b.now);
                }
                Step::Answer(..) => {}
            }
            for output in b.outputs() {
                if let Output::Request { peer, id, message }
                    | Output::Announce { peer, id, message } = output {
                    open.push((peer, id, message));
                }
            }
            prop_assert_eq!(b.engine.open_requests(), open.len());
            b.engine.tick(b.now);
            prop_assert!(b.engine.next_timeout().is_none_or(|next| next > b.now));
            for output in b.outputs() {
                if let Output::Request { peer, id, message }
                    | Output::Announce { peer, id, message } = output {
                    open.push((peer, id, message));
                }
            }
            for n in 1..6 {
                let of_peer = open.iter().filter(|(p, _, m)| *p == peer(n) && m.id() == MessageId::GetData);
                prop_assert!(of_peer.count() <= 2);
                prop_assert!(b.engine.announced_by(&peer(n)) <= 16);
            }
        }
        // When everybody is gone nothing is left.
        (1..6).for_each(|n| b.engine.down(&peer(n), b.now));
        b.millis(30_000);
        prop_assert_eq!((b.engine.wanted(), b.engine.open_requests()), (0, 0));
    }
}
