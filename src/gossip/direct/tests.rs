//! Frames, windows and receipts, and what a peer can get wrong about them.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::{
    bucket::Rate,
    cbor::CborError,
    offence::Offence,
    registry::{MAX_DIRECT_CHUNK, MAX_DIRECT_KIND, MAX_DIRECT_PAYLOAD, MAX_DIRECT_WINDOW},
};

fn message(seq: u64, kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_message_head(&mut out, seq, kind, payload.len());
    out.extend_from_slice(payload);
    out
}

fn ack(up_to: u64, refused: &[(u64, Refusal)]) -> Ack {
    Ack {
        up_to,
        refused: refused.to_vec(),
    }
}

fn error(bytes: &[u8]) -> FrameError {
    let mut decoder = Decoder::default();
    decoder.feed(bytes);
    decoder.next_frame().unwrap_err()
}

fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap();
    [&[kind][..], &len.to_be_bytes(), payload].concat()
}

#[test]
fn the_examples_of_the_specification() {
    let page = include_str!("../../../specs/gossip/messages.md");
    let mut receipt = Vec::new();
    encode_ack(&mut receipt, &ack(2, &[(2, Refusal::NoHandler)]));
    let mut stream = Vec::new();
    encode_stream(&mut stream, "file", 2_000_000);
    for bytes in [message(1, "chat", b"hi"), receipt, stream] {
        let bytes = hex::encode(bytes);
        assert!(page.contains(&format!("`{bytes}`")), "{bytes}");
    }
}

#[test]
fn the_largest_frames_fit_their_caps() {
    let kind = "k".repeat(MAX_DIRECT_KIND);
    let payload = vec![0; MAX_DIRECT_PAYLOAD];
    let mut decoder = Decoder::default();
    decoder.feed(&message(u64::MAX, &kind, &payload));
    assert!(matches!(
        decoder.next_frame(),
        Ok(Some(Frame::Message { .. }))
    ));
    let last = u64::MAX - MAX_DIRECT_WINDOW as u64;
    let all: Vec<_> = (1..=MAX_DIRECT_WINDOW as u64)
        .map(|n| (last + n, Refusal::NoHandler))
        .collect();
    let mut bytes = Vec::new();
    encode_ack(&mut bytes, &ack(u64::MAX, &all));
    decoder.feed(&bytes);
    assert_eq!(
        decoder.next_frame(),
        Ok(Some(Frame::Ack(ack(u64::MAX, &all))))
    );
    let mut bytes = Vec::new();
    encode_stream(&mut bytes, &kind, u64::MAX);
    decoder.feed(&bytes);
    assert!(matches!(
        decoder.next_frame(),
        Ok(Some(Frame::Stream { .. }))
    ));
    assert_eq!(decoder.pending(), 0);
}

#[test]
fn refuses_heads_before_their_payload_is_there() {
    assert_eq!(error(&[9, 0, 0, 0, 0]), FrameError::UnknownType(9));
    for kind in [1, 2, 3, 4] {
        let oversized = error(&[kind, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(oversized.offence(), Offence::OversizedMessage);
    }
    let chunk = u32::try_from(MAX_DIRECT_CHUNK + 1).unwrap().to_be_bytes();
    let head = [&[4][..], &chunk].concat();
    assert!(matches!(error(&head), FrameError::Oversized { .. }));
}

#[test]
fn refuses_payloads_that_are_not_their_frame() {
    let indefinite = error(&framed(1, &[0xbf, 0xff]));
    assert_eq!(indefinite.offence(), Offence::NonCanonicalCbor);
    assert_eq!(
        error(&framed(1, &[0xa0])).offence(),
        Offence::MalformedMessage
    );
    assert_eq!(error(&message(1, "", b"x")), FrameError::Kind);
    assert_eq!(error(&message(1, "a\nb", b"x")), FrameError::Kind);
    let long = "k".repeat(MAX_DIRECT_KIND + 1);
    assert_eq!(error(&message(1, &long, b"")), FrameError::Kind);
    assert_eq!(error(&framed(4, &[])), FrameError::StreamLength);
    let mut empty = Vec::new();
    encode_stream(&mut empty, "k", 0);
    assert_eq!(error(&empty), CborError::OutOfRange.into());
    // Refused numbers ascend and are covered.
    for refused in [
        vec![(2, 1), (1, 1)],
        vec![(1, 1), (1, 1)],
        vec![(4, 1)],
        vec![(0, 1)],
    ] {
        let refused: Vec<_> = refused.iter().map(|(n, _)| (*n, Refusal::Busy)).collect();
        let mut bytes = Vec::new();
        encode_ack(&mut bytes, &ack(3, &refused));
        assert_eq!(error(&bytes), CborError::OutOfRange.into());
    }
}

#[test]
fn a_reason_of_a_later_version_is_still_a_refusal() {
    // {1: 1, 2: [[1, 23]]}
    let bytes = framed(2, &[0xa2, 0x01, 0x01, 0x02, 0x81, 0x82, 0x01, 0x17]);
    let mut decoder = Decoder::default();
    decoder.feed(&bytes);
    let expected = Frame::Ack(ack(1, &[(1, Refusal::Other)]));
    assert_eq!(decoder.next_frame(), Ok(Some(expected)));
}

#[test]
fn a_window_closes_and_opens_with_receipts() {
    let mut outbox = Outbox::new(3);
    assert_eq!(
        (outbox.push('a'), outbox.push('b'), outbox.push('c')),
        (1, 2, 3)
    );
    assert_eq!(outbox.room(), 0);
    let mut done = vec![];
    let receipt = ack(2, &[(2, Refusal::NoHandler)]);
    outbox
        .acknowledge(&receipt, |t, r| done.push((t, r)))
        .unwrap();
    assert_eq!(done, [('a', None), ('b', Some(Refusal::NoHandler))]);
    assert_eq!((outbox.room(), outbox.push('d')), (2, 4));
    assert_eq!(outbox.into_unacknowledged().collect::<String>(), "cd");
}

#[test]
fn refuses_receipts_for_what_was_not_sent_or_is_settled() {
    let mut outbox = Outbox::new(8);
    outbox.push(());
    outbox.push(());
    for receipt in [ack(3, &[]), ack(0, &[])] {
        let e = outbox.acknowledge(&receipt, |(), _| {}).unwrap_err();
        assert_eq!(e.offence(), Offence::UnsolicitedResponse);
    }
    outbox.acknowledge(&ack(1, &[]), |(), _| {}).unwrap();
    for receipt in [ack(1, &[]), ack(2, &[(1, Refusal::Busy)])] {
        let e = outbox.acknowledge(&receipt, |(), _| {}).unwrap_err();
        assert!(matches!(e, FrameError::AckUnsent { .. }));
    }
    assert_eq!(outbox.len(), 1);
}

#[test]
fn a_receiver_demands_every_number_once() {
    let mut inbox = Inbox::default();
    assert!(inbox.take_ack().is_none());
    assert!(inbox.expect(0).is_err() && inbox.expect(2).is_err());
    inbox.expect(1).unwrap();
    inbox.settle(None);
    assert_eq!(
        inbox.expect(1).unwrap_err().offence(),
        Offence::MalformedMessage
    );
    inbox.settle(Some(Refusal::NoHandler));
    assert_eq!(inbox.take_ack(), Some(ack(2, &[(2, Refusal::NoHandler)])));
    assert!(inbox.take_ack().is_none());
    while !inbox.is_due() {
        inbox.settle(Some(Refusal::NoHandler));
    }
    assert!(inbox.take_ack().unwrap().refused.len() < MAX_DIRECT_WINDOW);
}

#[test]
fn a_flood_is_slowed_down_to_its_rate() {
    let rates = Rates {
        messages: Rate {
            per_second: 10,
            burst: 5,
        },
        kib: Rate {
            per_second: 100,
            burst: 10,
        },
    };
    let (mut pace, start) = (Pace::new(rates), Instant::now());
    let mut now = start;
    for _ in 0..25 {
        while let Some(wait) = pace.pay(1, now) {
            now += wait;
        }
    }
    let took = now - start;
    assert!(
        took >= Duration::from_secs(2) && took < Duration::from_millis(2100),
        "{took:?}"
    );
    // What is larger than the burst passes, at the price of all of it.
    now += Duration::from_secs(10);
    assert_eq!(pace.pay(1 << 20, now), None);
    assert!(pace.pay(1024, now).is_some());
}

proptest! {
    #[test]
    fn frames_survive_any_cut(
        sizes in prop::collection::vec(0usize..3000, 1..20),
        cuts in prop::collection::vec(1usize..700, 1..400),
    ) {
        let mut bytes = Vec::new();
        for (i, size) in sizes.iter().enumerate() {
            bytes.extend(message(i as u64 + 1, "kind", &vec![i as u8; *size]));
        }
        let mut decoder = Decoder::default();
        let (mut rest, mut cuts, mut found) = (&bytes[..], cuts.iter().cycle(), 0);
        while !rest.is_empty() {
            let n = rest.len().min(*cuts.next().unwrap());
            decoder.feed(&rest[..n]);
            rest = &rest[n..];
            while let Some(frame) = decoder.next_frame().unwrap() {
                let expected = vec![found as u8; sizes[found]];
                let frame_is = Frame::Message { seq: found as u64 + 1, kind: "kind", payload: &expected };
                prop_assert_eq!(frame, frame_is);
                found += 1;
            }
        }
        prop_assert_eq!(found, sizes.len());
        prop_assert_eq!(decoder.pending(), 0);
    }

    #[test]
    fn junk_neither_panics_nor_piles_up(junk in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut decoder = Decoder::default();
        for part in junk.chunks(97) {
            decoder.feed(part);
            while let Ok(Some(_)) = decoder.next_frame() {}
            prop_assert!(decoder.pending() <= junk.len());
        }
    }
}
