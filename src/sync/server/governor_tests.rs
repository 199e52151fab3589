use super::*;
use crate::{ids::Hash32, wire::GetHeaders};

fn get_headers() -> Message {
    Message::GetHeaders(GetHeaders {
        locator: vec![Hash32::ZERO],
        max: 1,
    })
}

fn get_blocks(max_bytes: u32) -> Message {
    Message::GetBlocks(GetBlocks {
        hashes: vec![Hash32::ZERO],
        max_bytes,
    })
}

fn serve(governor: &mut Governor, peer: PeerId, m: &Message, now: Instant) -> Ticket {
    match governor.admit(peer, m, now) {
        Admission::Serve(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_over_the_credits_or_over_the_budget_waits() {
    let limits = Limits {
        in_all: 10,
        ..Limits::default()
    };
    let (mut governor, now) = (Governor::new(limits), Instant::now());
    let (a, b) = (PeerId::random(), PeerId::random());
    let tickets: Vec<_> = (0..8)
        .map(|_| serve(&mut governor, a, &get_headers(), now))
        .collect();
    // A little over is not at fault, and is not served either.
    let over = governor.admit(a, &get_headers(), now);
    assert!(matches!(over, Admission::Busy(_)));
    let granted = tickets.iter().map(|t| t.credits.requests);
    assert_eq!(granted.clone().max(), Some(8));
    assert_eq!(
        granted.min(),
        Some(2),
        "less is granted when there is much to do"
    );
    let kept: Vec<_> = (0..2)
        .map(|_| serve(&mut governor, b, &get_headers(), now))
        .collect();
    assert!(matches!(
        governor.admit(b, &get_headers(), now),
        Admission::Busy(_)
    ));
    tickets.into_iter().for_each(|t| governor.done(t));
    kept.into_iter().for_each(|t| governor.done(t));
    assert_eq!(governor.serving(), 0);
    let _again = serve(&mut governor, a, &get_headers(), now);
}

#[test]
fn bytes_asked_for_are_bounded_together() {
    let limits = Limits {
        per_peer: Credits {
            requests: 4,
            bytes: 2 << 20,
        },
        ..Limits::default()
    };
    let (mut governor, now) = (Governor::new(limits), Instant::now());
    let peer = PeerId::random();
    let _half = serve(&mut governor, peer, &get_blocks(1 << 20), now);
    let over = governor.admit(peer, &get_blocks(2 << 20), now);
    assert!(matches!(over, Admission::Busy(_)));
    let far_over = governor.admit(peer, &get_blocks(4 << 20), now);
    assert!(matches!(
        far_over,
        Admission::Refuse {
            offence: Offence::CreditExceeded,
            ..
        }
    ));
}

#[test]
fn a_peer_that_asks_without_pause_is_told_to_wait() {
    let (mut governor, now) = (Governor::new(Limits::default()), Instant::now());
    let peer = PeerId::random();
    for _ in 0..1000 {
        let ticket = serve(&mut governor, peer, &get_headers(), now);
        governor.done(ticket);
    }
    let Admission::Busy(busy) = governor.admit(peer, &get_headers(), now) else {
        panic!("served without end")
    };
    assert!((1..=2).contains(&busy.retry_after_ms));
    let later = now + Duration::from_millis(10);
    let _ticket = serve(&mut governor, peer, &get_headers(), later);
}
