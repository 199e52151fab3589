use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;
use proptest::prelude::*;

use super::*;
use crate::{
    chain::object_id,
    ids::Hash32,
    offence::Offence,
    wire::{Busy, Credits, Data, ErrorCode, GetData, Item, Message},
};

pub(super) fn peer(n: u8) -> PeerId {
    let multihash = [&[0, 32][..], &[n; 32]].concat();
    PeerId::from_bytes(&multihash).expect("an identity multihash")
}

fn object(n: u64) -> Bytes {
    Bytes::copy_from_slice(&n.to_be_bytes())
}

fn item(n: u64) -> Item {
    Item {
        kind: ItemKind::Tx,
        id: object_id(&object(n)),
    }
}

fn items(n: std::ops::Range<u64>) -> Vec<Item> {
    n.map(item).collect()
}

fn data(objects: &[u64], missing: &[u64]) -> Option<Message> {
    Some(Message::Data(Data {
        kind: ItemKind::Tx,
        objects: objects.iter().map(|n| object(*n)).collect(),
        missing: missing.iter().map(|n| item(*n).id).collect(),
    }))
}

fn busy(retry_after_ms: u64) -> Option<Message> {
    Some(Message::Busy(Busy {
        retry_after_ms,
        credits: Credits::INITIAL,
    }))
}

const ACK: Option<Message> = Some(Message::Ack { seq: 0 });

/// An engine with its clock and what came out of it since it was last looked at.
struct Bench {
    engine: Inventory,
    now: Instant,
}

impl Bench {
    /// With inbound peers 1 to `peers`.
    fn with(peers: u8, limits: Limits) -> Self {
        let mut engine = Inventory::new(limits, 7);
        (1..=peers).for_each(|n| engine.up(peer(n), false));
        let now = Instant::now();
        Self { engine, now }
    }

    fn new(peers: u8) -> Self {
        Self::with(peers, Limits::default())
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.engine.tick(self.now);
    }

    fn millis(&mut self, n: u64) {
        self.pass(Duration::from_millis(n));
    }

    /// Lets the next timeout pass.
    fn time_out(&mut self) {
        let next = self.engine.next_timeout().expect("something is due");
        self.pass(next.saturating_duration_since(self.now));
    }

    fn announced(&mut self, n: u8, items: &[Item]) {
        self.engine.announced(peer(n), items, |_| false, self.now);
    }

    fn answer(&mut self, n: u8, id: RequestId, answer: Option<Message>) {
        self.engine.answer(peer(n), id, answer, self.now);
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.engine.poll_output()).collect()
    }

    /// Requests for objects: whom, which, how many.
    fn requests(&mut self) -> Vec<(PeerId, RequestId, usize)> {
        let requests = self.outputs().into_iter().map(|output| match output {
            Output::Request {
                peer,
                id,
                message: Message::GetData(GetData { ids, .. }),
            } => (peer, id, ids.len()),
            other => panic!("{other:?}"),
        });
        requests.collect()
    }

    /// The one request there is.
    fn request(&mut self) -> (PeerId, RequestId) {
        let requests = self.requests();
        let [(peer, id, _)] = requests[..] else {
            panic!("{requests:?}")
        };
        (peer, id)
    }

    /// Announcements: to whom, which, of how many.
    fn announcements(&mut self) -> Vec<(PeerId, RequestId, usize)> {
        let outputs = self.outputs().into_iter().map(|output| match output {
            Output::Announce {
                peer,
                id,
                message: Message::Inv(inv),
            } => (peer, id, inv.items.len()),
            other => panic!("{other:?}"),
        });
        outputs.collect()
    }
}

#[test]
fn what_is_announced_is_asked_for_handed_on_and_announced_to_the_others() {
    let mut b = Bench::new(3);
    b.announced(1, &items(0..2));
    b.announced(2, &items(0..1));
    let (whom, id) = b.request();
    assert_eq!(whom, peer(1));
    b.answer(1, id, data(&[0, 1], &[]));
    let received = [0, 1].map(|n| Output::Received {
        peer: peer(1),
        item: item(n),
        bytes: object(n),
    });
    assert_eq!(b.outputs(), received);

    (0..2).for_each(|n| b.engine.learned(item(n), b.now));
    b.millis(100);
    let told: Vec<_> = b.announcements();
    let told: Vec<_> = told.iter().map(|(to, _, n)| (*to, *n)).collect();
    assert_eq!(told, [(peer(2), 1), (peer(3), 2)], "each what it lacks");
    assert_eq!(b.engine.wanted(), 0);
}

#[test]
fn what_is_here_is_not_asked_for() {
    let mut b = Bench::new(2);
    b.engine.announced(peer(1), &[item(1)], |_| true, b.now);
    assert_eq!((b.outputs(), b.engine.counts().stale), (vec![], 1));
    b.announced(1, &[item(2)]);
    assert_eq!(b.request().0, peer(1));
    b.engine.have(&item(2));
    assert_eq!(b.engine.wanted(), 0, "it came through the mesh meanwhile");
    b.time_out();
    assert_eq!(b.outputs(), []);
}

#[test]
fn who_announces_first_and_withholds_delays_by_one_timeout() {
    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    b.announced(2, &[item(1)]);
    let (hostile, late) = b.request();
    assert_eq!(hostile, peer(1));
    let start = b.now;
    b.time_out();
    assert_eq!(
        b.now - start,
        Duration::from_secs(6),
        "5 s, and 1 s for 128 KiB"
    );
    let (honest, id) = b.request();
    assert_eq!(honest, peer(2));
    b.answer(2, id, data(&[1], &[]));
    assert!(matches!(b.outputs()[..], [Output::Received { peer: p, .. }] if p == peer(2)));
    // The late answer of a slow link is nobody's offence.
    b.answer(1, late, data(&[1], &[]));
    assert_eq!((b.outputs(), b.engine.counts().duplicates), (vec![], 1));
}

#[test]
fn who_withholds_repeatedly_is_asked_last_and_never_punished() {
    let mut b = Bench::new(3);
    b.announced(1, &[item(0)]);
    for _ in 0..2 {
        let (_, id) = b.request();
        b.time_out();
        b.answer(1, id, None);
    }
    assert_eq!((b.engine.counts().withheld, b.engine.counts().lost), (2, 1));
    b.announced(3, &[item(1)]);
    let (_, id) = b.request();
    b.announced(1, &[item(1)]);
    b.announced(2, &[item(1)]);
    b.answer(3, id, data(&[], &[1]));
    assert_eq!(b.request().0, peer(2), "though it announced later");
    // Where nobody else has it, it gets another chance.
    b.announced(1, &[item(2)]);
    assert_eq!(b.request().0, peer(1));
}

#[test]
fn who_delivers_again_is_trusted_again() {
    let mut b = Bench::new(1);
    b.announced(1, &[item(0)]);
    let (_, id) = b.request();
    b.time_out();
    b.answer(1, id, None);
    let (_, id) = b.request();
    b.answer(1, id, data(&[0], &[]));
    b.outputs();
    b.announced(1, &[item(1)]);
    b.announced(1, &[item(2)]);
    assert_eq!(b.requests().len(), 2, "two requests at a time again");
}

#[test]
fn what_an_announcer_does_not_have_is_asked_of_the_next_at_once() {
    let mut b = Bench::new(3);
    (1..=3).for_each(|n| b.announced(n, &[item(1)]));
    let (_, id) = b.request();
    b.answer(1, id, data(&[], &[1]));
    let (whom, id) = b.request();
    assert_eq!((whom, b.engine.counts().not_found), (peer(2), 1));
    let code = ErrorCode::Closing;
    b.answer(2, id, Some(Message::Error { code }));
    let (whom, id) = b.request();
    assert_eq!(whom, peer(3));
    b.answer(3, id, data(&[], &[1]));
    assert_eq!((b.outputs(), b.engine.wanted()), (vec![], 0));
    assert_eq!(b.engine.counts().lost, 1);
}

#[test]
fn a_busy_peer_gets_its_pause_and_no_reproach() {
    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    let (_, id) = b.request();
    b.answer(1, id, busy(3000));
    assert_eq!(b.outputs(), []);
    b.announced(2, &[item(1)]);
    let (whom, id) = b.request();
    assert_eq!(whom, peer(2));
    b.answer(2, id, busy(9000));
    b.millis(2999);
    assert_eq!(b.outputs(), []);
    b.millis(1);
    assert_eq!(b.request().0, peer(1));
    assert_eq!(b.engine.counts().withheld, 0);
}

#[test]
fn an_unrequested_object_is_its_senders_offence_alone() {
    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    b.announced(2, &[item(1)]);
    let (_, id) = b.request();
    b.answer(1, id, data(&[5], &[]));
    let outputs = b.outputs();
    let [
        Output::Penalise {
            peer: who, offence, ..
        },
        Output::Request { peer: next, .. },
    ] = &outputs[..]
    else {
        panic!("{outputs:?}")
    };
    assert_eq!((*who, *offence), (peer(1), Offence::UnsolicitedResponse));
    assert_eq!(*next, peer(2));

    // The right bytes as another kind, and a message that answers something else.
    let mut b = Bench::new(1);
    b.announced(1, &[item(1), item(2)]);
    let (_, id) = b.request();
    let share = Data {
        kind: ItemKind::Share,
        objects: vec![object(1)],
        missing: vec![],
    };
    b.answer(1, id, Some(Message::Data(share)));
    assert!(matches!(b.outputs()[0], Output::Penalise { .. }));
    let mut b = Bench::new(1);
    b.announced(1, &[item(1)]);
    let (_, id) = b.request();
    b.answer(1, id, ACK);
    assert!(matches!(b.outputs()[0], Output::Penalise { .. }));
    assert_eq!(b.engine.wanted(), 0);
}

#[test]
fn an_answer_to_no_request_changes_nothing() {
    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    let (_, id) = b.request();
    b.answer(2, id, data(&[1], &[]));
    b.answer(1, RequestId(999), data(&[1], &[]));
    assert_eq!((b.outputs(), b.engine.open_requests()), (vec![], 1));
}

#[test]
fn what_did_not_fit_is_asked_for_again_what_did_is_withheld() {
    let large = |n: u8| Bytes::from(vec![n; 100_000]);
    let all: Vec<Bytes> = (0..20).map(large).collect();
    let item = |bytes: &Bytes| Item {
        kind: ItemKind::Tx,
        id: object_id(bytes),
    };
    let answer = |objects: &[Bytes]| {
        Some(Message::Data(Data {
            kind: ItemKind::Tx,
            objects: objects.to_vec(),
            missing: vec![],
        }))
    };
    let mut b = Bench::new(1);
    b.announced(1, &all.iter().map(item).collect::<Vec<_>>());
    let (_, id) = b.request();
    b.answer(1, id, answer(&all[..10]));
    let outputs = b.outputs();
    let Some(Output::Request { id, .. }) = outputs.last() else {
        panic!("the rest is asked for")
    };
    assert_eq!((outputs.len(), b.engine.counts().withheld), (11, 0));
    // 200 kB are far from the megabyte that was asked for.
    b.answer(1, *id, answer(&all[10..12]));
    assert_eq!(b.engine.counts().withheld, 1);
}

#[test]
fn outbound_peers_and_those_with_less_to_do_are_asked_first() {
    let mut b = Bench::new(2);
    b.engine.up(peer(3), true);
    b.announced(1, &[item(1)]);
    assert_eq!(b.request().0, peer(1), "it is the only one so far");
    b.announced(1, &[item(9)]);
    b.requests();
    (1..=3).for_each(|n| b.announced(n, &[item(2)]));
    // 1 has two requests in flight, so 2 was asked when it announced.
    assert_eq!(b.request().0, peer(2));
    b.engine.down(&peer(2), b.now);
    assert_eq!(b.request().0, peer(3), "the next at once");

    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    b.requests();
    b.engine.up(peer(3), true);
    b.announced(2, &[item(1)]);
    b.announced(3, &[item(1)]);
    b.time_out();
    assert_eq!(b.request().0, peer(3));
}

#[test]
fn one_peer_that_floods_displaces_only_its_own_announcements() {
    let limits = Limits::default();
    let mut b = Bench::new(2);
    b.announced(2, &items(0..100));
    for from in (1000..20_000).step_by(2000) {
        b.announced(1, &items(from..from + 2000));
        assert!(b.engine.announced_by(&peer(1)) <= limits.announced);
    }
    assert!(b.engine.counts().flooded > 10_000);
    assert_eq!(b.engine.announced_by(&peer(2)), 100);
    assert!(b.engine.wanted() <= limits.announced + 100);
    assert!(b.engine.open_requests() <= 4);
    b.engine.down(&peer(1), b.now);
    assert_eq!(b.engine.wanted(), 100);
}

#[test]
fn withholding_peers_together_do_not_keep_others_from_being_asked() {
    let limits = Limits {
        in_flight_total: 4,
        ..Limits::default()
    };
    let mut b = Bench::with(9, limits);
    // Eight peers announce what nobody else has, and never answer.
    for n in 1..=8 {
        b.announced(n, &items(u64::from(n) * 100..u64::from(n) * 100 + 3));
    }
    b.announced(9, &[item(1)]);
    let first = b.requests();
    assert_eq!(first.len(), 4);
    b.time_out();
    let second = b.requests();
    assert_eq!(second.len(), 4, "late requests do not count");
    b.time_out();
    assert_eq!(b.request().0, peer(9), "after everybody's first lapse");
    for (whom, id, _) in first.into_iter().chain(second) {
        b.engine.answer(whom, id, None, b.now);
    }
    assert_eq!(b.requests().len(), 1, "no more than half for those");
    b.announced(9, &[item(2)]);
    assert_eq!(b.request().0, peer(9));
}

#[test]
fn announcements_go_out_in_batches_one_at_a_time() {
    let mut b = Bench::new(1);
    b.engine.learned(item(0), b.now);
    b.millis(60);
    b.engine.learned(item(1), b.now);
    assert_eq!(b.outputs(), []);
    assert_eq!(
        b.engine.next_timeout(),
        Some(b.now + Duration::from_millis(40))
    );
    b.millis(40);
    let first = b.announcements();
    assert_eq!(first[0].2, 2);

    items(2..600)
        .iter()
        .for_each(|i| b.engine.learned(*i, b.now));
    b.millis(500);
    assert_eq!(b.outputs(), [], "the first has no receipt yet");
    b.answer(1, first[0].1, ACK);
    let second = b.announcements();
    assert_eq!(second[0].2, 598);
    b.answer(1, second[0].1, ACK);
    assert_eq!(b.engine.counts().announced, 600);

    items(600..1112)
        .iter()
        .for_each(|i| b.engine.learned(*i, b.now));
    assert_eq!(
        b.announcements()[0].2,
        512,
        "a full batch waits for nothing"
    );
}

#[test]
fn a_peer_is_not_told_what_it_knows() {
    let mut b = Bench::new(2);
    b.engine.knows(&peer(1), &item(1));
    b.engine.learned(item(1), b.now);
    b.engine.learned(item(2), b.now);
    // It announces one itself while ours waits.
    b.engine.announced(peer(2), &[item(2)], |_| true, b.now);
    b.millis(100);
    let told = b.announcements();
    let told: Vec<_> = told.iter().map(|(to, _, n)| (*to, *n)).collect();
    assert_eq!(told, [(peer(1), 1), (peer(2), 1)]);
}

#[test]
fn an_announcement_without_receipt_is_repeated_later() {
    let mut b = Bench::new(1);
    b.engine.learned(item(1), b.now);
    b.millis(100);
    for (answer, pause) in [(None, 1000), (busy(5000), 5000)] {
        let id = b.announcements()[0].1;
        b.answer(1, id, answer);
        b.millis(pause - 1);
        assert_eq!(b.outputs(), []);
        b.millis(1);
    }
    let id = b.announcements()[0].1;
    let code = ErrorCode::Unsupported;
    b.answer(1, id, Some(Message::Error { code }));
    b.millis(60_000);
    assert_eq!((b.outputs(), b.engine.counts().unannounced), (vec![], 1));
}

#[test]
fn a_peer_that_takes_no_announcements_costs_a_bounded_queue() {
    let mut b = Bench::new(1);
    items(0..10_000)
        .iter()
        .for_each(|i| b.engine.learned(*i, b.now));
    let sent = b.announcements();
    assert_eq!(sent.len(), 1, "one at a time");
    b.answer(1, sent[0].1, None);
    let kept = Limits::default().outbox as u64;
    assert_eq!(b.engine.counts().unannounced, 10_000 - kept);
}

#[test]
fn what_was_refused_is_not_asked_for_again_for_ten_minutes() {
    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    let (_, id) = b.request();
    b.answer(1, id, data(&[1], &[]));
    b.outputs();
    b.engine.refused(item(1), b.now);
    b.announced(2, &[item(1)]);
    assert_eq!(b.outputs(), []);
    b.millis(600_000);
    b.announced(2, &[item(1)]);
    assert_eq!(b.request().0, peer(2));
    for n in 0..20_000 {
        b.engine.refused(item(n), b.now);
    }
    b.announced(2, &[item(10_000)]);
    assert_eq!(b.requests().len(), 1, "only the latest are remembered");
}

#[test]
fn a_verdict_that_never_comes_does_not_lose_the_object() {
    let mut b = Bench::new(2);
    b.announced(1, &[item(1)]);
    let (_, id) = b.request();
    b.answer(1, id, data(&[1], &[]));
    b.outputs();
    b.announced(2, &[item(1)]);
    assert_eq!(b.outputs(), [], "it is in validation");
    b.millis(30_000);
    b.announced(2, &[item(1)]);
    assert_eq!(b.request().0, peer(2));
}

#[test]
fn blocks_and_blobs_are_passed_on_to_those_who_fetch_them() {
    let mut b = Bench::new(1);
    let heard = [ItemKind::Block, ItemKind::Blob].map(|kind| Item {
        kind,
        id: Hash32([1; 32]),
    });
    b.announced(1, &heard);
    let expected = heard.map(|item| Output::Heard {
        peer: peer(1),
        item,
    });
    assert_eq!(b.outputs(), expected);
    assert_eq!(b.engine.wanted(), 0);
}

#[test]
fn peers_beyond_the_limit_and_strangers_are_not_remembered() {
    let limits = Limits {
        peers: 2,
        ..Limits::default()
    };
    let mut b = Bench::with(3, limits);
    b.announced(3, &[item(1)]);
    b.announced(77, &[item(1)]);
    assert_eq!((b.outputs(), b.engine.wanted()), (vec![], 0));
}

#[test]
fn only_large_transactions_and_shares_are_announced() {
    assert_eq!(way(ItemKind::Tx, MAX_PUSHED_BYTES), Way::Push);
    assert_eq!(way(ItemKind::Tx, MAX_PUSHED_BYTES + 1), Way::Announce);
    assert_eq!(way(ItemKind::Share, MAX_PUSHED_BYTES + 1), Way::Announce);
    assert_eq!(way(ItemKind::Block, 4_000_000), Way::Push);
    assert_eq!(way(ItemKind::Blob, 4_000_000), Way::Push);
}

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
                let of_peer = open.iter().filter(|(p, _, m)| *p == peer(n) && m.id() == crate::registry::MessageId::GetData);
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
