use super::*;
use crate::offence::Offence;

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
