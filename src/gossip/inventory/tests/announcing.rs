use super::*;

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
fn only_large_transactions_and_shares_are_announced() {
    assert_eq!(way(ItemKind::Tx, MAX_PUSHED_BYTES), Way::Push);
    assert_eq!(way(ItemKind::Tx, MAX_PUSHED_BYTES + 1), Way::Announce);
    assert_eq!(way(ItemKind::Share, MAX_PUSHED_BYTES + 1), Way::Announce);
    assert_eq!(way(ItemKind::Block, 4_000_000), Way::Push);
    assert_eq!(way(ItemKind::Blob, 4_000_000), Way::Push);
}
