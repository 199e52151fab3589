use proptest::prelude::*;

use super::*;
use crate::{
    offence::Offence,
    registry::MessageId,
    wire::{Answer, Busy, Credits, Flags, Frame, Message, NotFound, Txs, max_payload},
};

fn arb_kind() -> impl Strategy<Value = ItemKind> {
    prop::sample::select(ItemKind::ALL)
}

fn arb_ids(max: usize) -> impl Strategy<Value = Vec<Hash32>> {
    prop::collection::btree_set(any::<[u8; 32]>().prop_map(Hash32), 1..max)
        .prop_map(|ids| ids.into_iter().collect())
}

fn arb_objects() -> impl Strategy<Value = Vec<Bytes>> {
    let object = prop::collection::vec(any::<u8>(), 0..400).prop_map(Bytes::from);
    prop::collection::vec(object, 0..8)
}

fn arb_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        (arb_ids(60), arb_kind()).prop_map(|(ids, kind)| {
            let items = ids.into_iter().map(|id| Item { kind, id }).collect();
            Message::Inv(Inv { items })
        }),
        (arb_ids(60), any::<bool>(), 0..=MAX_DATA_BYTES as u32).prop_map(|(ids, tx, max_bytes)| {
            Message::GetData(GetData {
                kind: if tx { ItemKind::Tx } else { ItemKind::Share },
                ids,
                max_bytes,
            })
        }),
        arb_objects().prop_map(|txs| Message::Tx(Txs { txs })),
        arb_objects().prop_map(|shares| Message::Share(Shares { shares })),
    ]
}

proptest! {
    #[test]
    fn every_message_round_trips_through_its_frame(m in arb_message(), seq: u32) {
        let flags = Flags { ack: true, priority: false };
        let bytes = Bytes::from(Frame::new(&m, seq, flags).expect("fits").encode());
        let (frame, used) = Frame::decode(&bytes).expect("decodes");
        prop_assert_eq!(used, bytes.len());
        prop_assert_eq!(frame.message(), Ok(m));
    }

    #[test]
    fn a_mutated_payload_decodes_or_is_an_offence(
        m in arb_message(), at in any::<prop::sample::Index>(), with: u8
    ) {
        let mut payload = m.encode();
        let at = at.index(payload.len());
        payload[at] = with;
        let payload = Bytes::from(payload);
        match Message::decode(m.id(), payload.clone()) {
            Ok(again) if again.encode().len() == payload.len() => {
                prop_assert_eq!(again.encode(), payload);
            }
            Ok(_) => {}
            Err(e) => prop_assert!(e.offence().is_some()),
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), id in 0..4usize) {
        let ids = [MessageId::Inv, MessageId::GetData, MessageId::Tx, MessageId::Share];
        let _ = Message::decode(ids[id], bytes.into());
    }
}

fn bytes(n: u8) -> Bytes {
    Bytes::from(vec![n; 10])
}

fn id(n: u8) -> Hash32 {
    object_id(&bytes(n))
}

fn get(kind: ItemKind, ids: &[u8], max_bytes: u32) -> Message {
    let ids = ids.iter().map(|n| id(*n)).collect();
    Message::GetData(GetData {
        kind,
        ids,
        max_bytes,
    })
}

fn txs(ns: &[u8]) -> Message {
    let txs = ns.iter().map(|n| bytes(*n)).collect();
    Message::Tx(Txs { txs })
}

fn not_found(ns: &[u8]) -> Message {
    Message::NotFound(NotFound {
        credits: Credits::INITIAL,
        hashes: ns.iter().map(|n| id(*n)).collect(),
    })
}

fn busy() -> Message {
    Message::Busy(Busy {
        retry_after_ms: 9,
        credits: Credits::INITIAL,
    })
}

fn answer(request: &Message, frames: &[Message]) -> Result<Message, WireError> {
    let mut answer = Answer::to(request)?;
    for m in frames {
        answer.push(&Frame::new(m, 0, Flags::default())?)?;
    }
    answer.finish()
}

#[test]
fn the_layouts_are_the_specified_ones() {
    let inv = Message::Inv(Inv {
        items: vec![Item {
            kind: ItemKind::Share,
            id: Hash32([0xab; 32]),
        }],
    });
    let id = "ab".repeat(32);
    assert_eq!(hex::encode(inv.encode()), format!("a1008182035820{id}"));
    let get = Message::GetData(GetData {
        kind: ItemKind::Tx,
        ids: vec![Hash32([0xab; 32])],
        max_bytes: 300,
    });
    let expected = format!("a3000101815820{id}0219012c");
    assert_eq!(hex::encode(get.encode()), expected);
    assert_eq!(hex::encode(txs(&[]).encode()), "a10080");
}

#[test]
fn caps_hold_the_largest_legal_message() {
    let id = |n: usize| {
        let mut id = [0xff; 32];
        id[..8].copy_from_slice(&n.to_be_bytes());
        Hash32(id)
    };
    let kind = ItemKind::Blob;
    let items = (0..MAX_INV_ITEMS).map(|n| Item { kind, id: id(n) });
    let inv = Message::Inv(Inv {
        items: items.collect(),
    });
    let get = Message::GetData(GetData {
        kind: ItemKind::Tx,
        ids: (0..MAX_GETDATA_ITEMS).map(id).collect(),
        max_bytes: MAX_DATA_BYTES as u32,
    });
    let share = Message::Share(Shares {
        shares: vec![Bytes::from(vec![0; MAX_SHARE_BYTES]); 16],
    });
    for m in [inv, get, share] {
        let frame = Frame::new(&m, 0, Flags::default()).expect("fits its cap");
        assert_eq!(frame.message(), Ok(m));
    }
    assert!(max_payload(MessageId::Inv).is_some_and(|cap| cap < 80_000));
}

#[test]
fn refuses_what_no_honest_peer_sends() {
    let refuse = |m: &Message| {
        let error = Message::decode(m.id(), m.encode().into()).expect_err("refused");
        assert_eq!(error.offence(), Some(Offence::MalformedMessage), "{error}");
    };
    let item = |kind, n| Item { kind, id: id(n) };
    let inv = |items| Message::Inv(Inv { items });
    refuse(&inv(vec![]));
    refuse(&inv(vec![item(ItemKind::Tx, 1); 2]));
    let many = vec![item(ItemKind::Tx, 1); MAX_INV_ITEMS + 1];
    refuse(&inv(many));
    // The same id under two kinds is two items: bytes can be a transaction and a share at once.
    let both = inv(vec![item(ItemKind::Tx, 1), item(ItemKind::Share, 1)]);
    assert!(Message::decode(MessageId::Inv, both.encode().into()).is_ok());

    refuse(&get(ItemKind::Tx, &[], 10));
    refuse(&get(ItemKind::Tx, &[1, 1], 10));
    refuse(&get(ItemKind::Block, &[1], 10));
    refuse(&get(ItemKind::Blob, &[1], 10));
    refuse(&get(ItemKind::Tx, &[1], MAX_DATA_BYTES as u32 + 1));
    // Items of a block travel in `TX`, too, and the largest of those is a share.
    let long = Bytes::from(vec![0; MAX_SHARE_BYTES + 1]);
    refuse(&Message::Tx(Txs { txs: vec![long] }));
    let unknown = [0xa1, 0, 0x81, 0x82, 6, 0x58, 0x20];
    let unknown = [&unknown[..], &[0; 32]].concat();
    let error = Message::decode(MessageId::Inv, unknown.into()).expect_err("no kind 6");
    assert_eq!(error.offence(), Some(Offence::MalformedMessage));
}

#[test]
fn an_answer_in_several_frames_is_one_message() {
    let request = get(ItemKind::Tx, &[1, 2, 3, 4], 100);
    let sum = answer(&request, &[txs(&[2]), txs(&[1]), not_found(&[4])]);
    assert_eq!(
        sum,
        Ok(Message::Data(Data {
            kind: ItemKind::Tx,
            objects: vec![bytes(2), bytes(1)],
            missing: vec![id(4)],
        }))
    );
    let nothing = answer(&request, &[not_found(&[1, 2, 3, 4])]);
    assert!(matches!(nothing, Ok(Message::Data(d)) if d.objects.is_empty()));
    assert_eq!(answer(&request, &[busy()]), Ok(busy()));
    assert_eq!(answer(&request, &[]), Err(WireError::Empty));
    let shares = Message::Share(Shares {
        shares: vec![bytes(7)],
    });
    let sum = answer(&get(ItemKind::Share, &[7], 9), &[shares]);
    assert!(matches!(sum, Ok(Message::Data(d)) if d.objects == [bytes(7)]));
}

#[test]
fn unrequested_repeated_and_surplus_objects_are_an_offence() {
    let request = get(ItemKind::Tx, &[1, 2, 3], 25);
    let too_much: [&[Message]; 7] = [
        &[txs(&[9])],
        &[txs(&[1, 1])],
        &[txs(&[1]), txs(&[1])],
        &[txs(&[1, 2, 3])],
        &[txs(&[1]), not_found(&[1])],
        &[not_found(&[9])],
        &[not_found(&[1]), txs(&[2])],
    ];
    for frames in too_much {
        let error = answer(&request, frames).expect_err("refused");
        assert_eq!(error, WireError::TooMuch, "{frames:?}");
        assert_eq!(error.offence(), Some(Offence::CreditExceeded));
    }
    let small = get(ItemKind::Tx, &[1, 2], 3);
    assert!(
        answer(&small, &[txs(&[1])]).is_ok(),
        "the first object is sent whatever its size"
    );
    assert_eq!(answer(&small, &[txs(&[1, 2])]), Err(WireError::TooMuch));
    let shares = Message::Share(Shares {
        shares: vec![bytes(1)],
    });
    assert_eq!(
        answer(&request, &[shares]),
        Err(WireError::OutOfPlace(MessageId::Share))
    );
}

#[test]
fn an_announcement_is_answered_by_its_receipt() {
    let kind = ItemKind::Tx;
    let items = vec![Item { kind, id: id(1) }];
    let inv = Message::Inv(Inv { items });
    let ack = Message::Ack { seq: 0 };
    assert_eq!(answer(&inv, std::slice::from_ref(&ack)), Ok(ack.clone()));
    assert_eq!(answer(&inv, &[]), Err(WireError::Empty));
    // The receipt of the frame comes before the answer of the node, which may be busy.
    assert_eq!(answer(&inv, &[ack, busy()]), Ok(busy()));
    assert_eq!(
        answer(&inv, &[txs(&[1])]),
        Err(WireError::OutOfPlace(MessageId::Tx))
    );
}
