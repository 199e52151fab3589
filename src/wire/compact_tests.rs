use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    offence::Offence,
    registry::{MAX_SHARE_BYTES, MessageId},
    wire::{Answer, Busy, Credits, Flags, Frame, Message, WireError},
};

const BLOCK: Hash32 = Hash32([7; 32]);

fn get(indexes: Vec<u32>, max_bytes: u32) -> Message {
    Message::GetTx(GetTx {
        block: BLOCK,
        indexes,
        max_bytes,
    })
}

fn txs(sizes: &[usize]) -> Message {
    let txs = sizes.iter().map(|n| Bytes::from(vec![1; *n])).collect();
    Message::Tx(Txs { txs })
}

fn answer(request: &Message, frames: &[Message]) -> Result<Message, WireError> {
    let mut answer = Answer::to(request)?;
    for m in frames {
        answer.push(&Frame::new(m, 0, Flags::default())?)?;
    }
    answer.finish()
}

proptest! {
    #[test]
    fn every_message_round_trips(
        block: [u8; 32],
        indexes in prop::collection::btree_set(0..MAX_BLOCK_ITEMS as u32, 1..200),
        max_bytes in 0..=MAX_BLOCK_BYTES as u32,
        items in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
    ) {
        let block = Hash32(block);
        let announce = Bytes::from_static(&[0xa1, 0, 1]);
        for m in [
            Message::GetCompact(GetCompact { block }),
            Message::BlockAnnounce(announce),
            Message::GetTx(GetTx { block, indexes: indexes.into_iter().collect(), max_bytes }),
            Message::Tx(Txs { txs: items.into_iter().map(Bytes::from).collect() }),
            Message::TxNotFound(TxNotFound { block }),
        ] {
            let frame = Frame::new(&m, 1, Flags::default()).expect("fits");
            prop_assert_eq!(frame.message(), Ok(m));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        for id in [MessageId::GetCompact, MessageId::BlockAnnounce, MessageId::GetTx, MessageId::Tx, MessageId::TxNotFound] {
            let _ = Message::decode(id, Bytes::from(bytes.clone()));
        }
    }
}

#[test]
fn indexes_travel_as_gaps() {
    let m = get(vec![0, 1, 5, 300], 9);
    let expected = format!("a3005820{}01840000031901260209", "07".repeat(32));
    assert_eq!(hex::encode(m.encode()), expected);
    assert_eq!(
        Message::decode(MessageId::GetTx, m.encode().into()),
        Ok(m),
        "and come back as numbers"
    );
}

#[test]
fn refuses_indexes_out_of_range_and_requests_for_nothing() {
    let top = MAX_BLOCK_ITEMS as u32;
    let decode = |m: Message| Message::decode(MessageId::GetTx, m.encode().into());
    assert!(decode(get(vec![top - 1], 0)).is_ok());
    for bad in [
        get(vec![], 0),
        get(vec![top], 0),
        get(vec![0], MAX_BLOCK_BYTES as u32 + 1),
    ] {
        let error = decode(bad).expect_err("refused");
        assert_eq!(error.offence(), Some(Offence::MalformedMessage));
    }
    // Gaps whose sum overflows 64 bits.
    let mut w = Writer::new();
    w.map(3).uint(0).bytes(BLOCK.as_bytes()).uint(1).array(2);
    w.uint(1).uint(u64::MAX).uint(2).uint(0);
    assert!(Message::decode(MessageId::GetTx, w.finish().into()).is_err());
}

#[test]
fn caps_hold_the_largest_legal_message() {
    let spread = (MAX_BLOCK_ITEMS / MAX_GET_TX) as u32;
    let wide = (0..MAX_GET_TX as u32).map(|i| i * spread).collect();
    let full = txs(&[MAX_SHARE_BYTES; MAX_BLOCK_BYTES / MAX_SHARE_BYTES]);
    for m in [get(wide, MAX_BLOCK_BYTES as u32), full] {
        assert!(Frame::new(&m, 0, Flags::default()).is_ok());
    }
}

#[test]
fn an_answer_in_several_frames_sums_to_one_message() {
    let sum = answer(&get(vec![1, 2, 3], 100), &[txs(&[50]), txs(&[20, 30])]);
    assert_eq!(sum, Ok(txs(&[50, 20, 30])));
    let missing = Message::TxNotFound(TxNotFound { block: BLOCK });
    assert_eq!(
        answer(&get(vec![1], 9), std::slice::from_ref(&missing)),
        Ok(missing.clone())
    );
    let announce = Message::BlockAnnounce(Bytes::from_static(&[0xa0]));
    let ask = Message::GetCompact(GetCompact { block: BLOCK });
    for good in [announce, missing] {
        assert_eq!(answer(&ask, std::slice::from_ref(&good)), Ok(good));
    }
    let busy = Message::Busy(Busy {
        retry_after_ms: 1,
        credits: Credits::INITIAL,
    });
    assert_eq!(answer(&ask, std::slice::from_ref(&busy)), Ok(busy));
}

#[test]
fn an_answer_never_holds_more_than_was_asked_for() {
    let ask = get(vec![1, 2], 100);
    for frames in [
        vec![txs(&[1, 1, 1])],
        vec![txs(&[60]), txs(&[60])],
        vec![txs(&[101])],
    ] {
        let error = answer(&ask, &frames).expect_err("too much");
        assert_eq!(error, WireError::TooMuch);
        assert_eq!(error.offence(), Some(Offence::CreditExceeded));
    }
}

#[test]
fn an_answer_to_another_question_is_refused() {
    let ask = get(vec![1], 100);
    let announce = Message::BlockAnnounce(Bytes::from_static(&[0xa0]));
    let other = Message::TxNotFound(TxNotFound {
        block: Hash32([8; 32]),
    });
    let compact = Message::GetCompact(GetCompact { block: BLOCK });
    for (ask, frames) in [
        (&ask, vec![announce]),
        (&ask, vec![other.clone()]),
        (&compact, vec![txs(&[1])]),
        (&compact, vec![other]),
        (
            &ask,
            vec![txs(&[1]), Message::TxNotFound(TxNotFound { block: BLOCK })],
        ),
    ] {
        assert!(matches!(
            answer(ask, &frames),
            Err(WireError::OutOfPlace(_))
        ));
    }
}
