use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    cbor::{CborError, Writer},
    ids::{Hash32, Height, Work},
    offence::Offence,
    registry::{MAX_BLOCKS_BYTES, MAX_HEADERS, MAX_LOCATOR, MessageId},
};

const CREDITS: Credits = Credits {
    requests: 4,
    bytes: 1 << 20,
};

fn arb_hash() -> impl Strategy<Value = Hash32> {
    any::<[u8; 32]>().prop_map(Hash32)
}

fn arb_bytes(max: usize) -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from)
}

fn arb_credits() -> impl Strategy<Value = Credits> {
    (1..=64u32, 0..=64u64 << 20).prop_map(|(requests, bytes)| Credits { requests, bytes })
}

fn arb_message() -> impl Strategy<Value = Message> {
    let hashes = |max| prop::collection::vec(arb_hash(), 1..max);
    prop_oneof![
        (hashes(MAX_LOCATOR), 0..=2048u32)
            .prop_map(|(locator, max)| Message::GetHeaders(GetHeaders { locator, max })),
        (
            arb_credits(),
            any::<[u64; 2]>(),
            arb_hash(),
            any::<u128>(),
            prop::collection::vec(arb_bytes(600), 0..20)
        )
            .prop_map(|(credits, height, hash, work, headers)| {
                let tip = TipClaim {
                    height: Height(height[0]),
                    hash,
                    work: Work(work),
                };
                Message::Headers(Headers {
                    credits,
                    tip,
                    blocks: Height(height[1]),
                    headers,
                })
            }),
        (hashes(40), 0..=MAX_BLOCKS_BYTES as u32)
            .prop_map(|(hashes, max_bytes)| Message::GetBlocks(GetBlocks { hashes, max_bytes })),
        (arb_credits(), prop::collection::vec(arb_bytes(3000), 0..10)).prop_map(
            |(credits, blocks)| Message::Blocks(Blocks {
                credits,
                blocks,
                missing: vec![]
            })
        ),
        (arb_credits(), hashes(40))
            .prop_map(|(credits, hashes)| Message::NotFound(NotFound { credits, hashes })),
        (0..=60_000u64, arb_credits()).prop_map(|(retry_after_ms, credits)| Message::Busy(Busy {
            retry_after_ms,
            credits
        })),
        any::<u32>().prop_map(|seq| Message::Ack { seq }),
        any::<u32>().prop_map(|code| Message::Error {
            code: ErrorCode::from_u32(code)
        }),
    ]
}

proptest! {
    #[test]
    fn every_message_round_trips_through_its_frame(m in arb_message(), seq: u32, ack: bool, priority: bool) {
        let frame = Frame::new(&m, seq, Flags { ack, priority }).expect("fits");
        let bytes = Bytes::from(frame.encode());
        let (back, used) = Frame::decode(&bytes).expect("decodes");
        prop_assert_eq!(used, bytes.len());
        prop_assert_eq!(&back, &frame);
        prop_assert_eq!(back.message(), Ok(m));
    }

    #[test]
    fn a_cut_frame_is_truncated_and_nobodys_offence(m in arb_message(), cut in any::<prop::sample::Index>()) {
        let bytes = Bytes::from(Frame::new(&m, 0, Flags::default()).expect("fits").encode());
        let cut = bytes.slice(..cut.index(bytes.len()));
        let error = Frame::decode(&cut).expect_err("cut");
        prop_assert_eq!(error, WireError::Truncated);
        prop_assert_eq!(error.offence(), None);
    }
}

fn header(id: u16, flags: u8, len: u32) -> [u8; HEADER_LEN] {
    let mut out = [0; HEADER_LEN];
    out[..2].copy_from_slice(&id.to_be_bytes());
    out[6] = flags;
    out[7..].copy_from_slice(&len.to_be_bytes());
    out
}

#[test]
fn the_layout_of_a_frame_is_the_specified_one() {
    let frame = Frame::new(
        &Message::Ack { seq: 7 },
        0x0102_0304,
        Flags {
            ack: false,
            priority: true,
        },
    )
    .expect("fits");
    assert_eq!(
        hex::encode(frame.encode()),
        "0007010203040200000003a10007",
        "id, seq, flags, length, {{0: 7}}"
    );
}

#[test]
fn headers_are_refused_before_their_payload_is_read() {
    let refuse = |bytes| FrameHeader::decode(&bytes).expect_err("refused");
    assert_eq!(
        refuse(header(0xffff, 0, 0)).offence(),
        Some(Offence::UnknownMessage)
    );
    assert_eq!(
        refuse(header(MessageId::Hello as u16, 0, 0)),
        WireError::OutOfPlace(MessageId::Hello)
    );
    for flags in [4, 8, 0x80, 0xff] {
        assert_eq!(
            refuse(header(MessageId::Busy as u16, flags, 0)),
            WireError::UnknownFlags(flags)
        );
    }
    for id in MessageId::ALL {
        let Some(cap) = max_payload(*id) else {
            continue;
        };
        let cap = u32::try_from(cap).expect("caps are small");
        assert!(FrameHeader::decode(&header(*id as u16, 3, cap)).is_ok());
        assert_eq!(
            refuse(header(*id as u16, 3, cap + 1)).offence(),
            Some(Offence::OversizedMessage)
        );
    }
}

#[test]
fn caps_hold_the_largest_legal_message() {
    let headers = Message::Headers(Headers {
        credits: Credits {
            requests: 64,
            bytes: 64 << 20,
        },
        tip: TipClaim {
            height: Height(u64::MAX),
            hash: Hash32([1; 32]),
            work: Work(u128::MAX),
        },
        blocks: Height(u64::MAX),
        headers: vec![Bytes::from(vec![0; 1024]); MAX_HEADERS],
    });
    let locator = Message::GetHeaders(GetHeaders {
        locator: vec![Hash32([7; 32]); MAX_LOCATOR],
        max: 2048,
    });
    let hashes = vec![Hash32([7; 32]); 1024];
    let get = Message::GetBlocks(GetBlocks {
        hashes: hashes.clone(),
        max_bytes: MAX_BLOCKS_BYTES as u32,
    });
    let missing = Message::NotFound(NotFound {
        credits: CREDITS,
        hashes,
    });
    let block = blocks(&[4_000_000]);
    for m in [headers, locator, get, missing, block] {
        let frame = Frame::new(&m, 0, Flags::default()).expect("fits its cap");
        assert_eq!(frame.message(), Ok(m));
    }
}

#[test]
fn unknown_keys_are_skipped_and_must_still_be_canonical() {
    let mut later = Writer::new();
    later.map(3).uint(0).uint(9).uint(1).array(2).uint(1);
    later.uint(5).text("later").array(1).null();
    let busy = Message::decode(MessageId::Busy, later.finish().into()).expect("decodes");
    assert_eq!(
        busy,
        Message::Busy(Busy {
            retry_after_ms: 9,
            credits: Credits {
                requests: 1,
                bytes: 5
            }
        })
    );
    // {0: 1, 0: 1} and {0: 1, 5: 1, 3: 1}
    for bytes in [&[0xa2, 0, 1, 0, 1][..], &[0xa3, 0, 1, 5, 1, 3, 1]] {
        assert_eq!(
            Message::decode(MessageId::Ack, Bytes::copy_from_slice(bytes)),
            Err(WireError::Payload {
                id: MessageId::Ack,
                error: CborError::KeyOrder
            })
        );
    }
}

#[test]
fn bombs_are_refused_without_allocation() {
    // An array that says 2^63 entries, a byte string that says 2^62, a map of 2^32 keys.
    for bytes in [
        &[0xa2, 0, 0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0][..],
        &[0xa2, 0, 0x81, 0x5b, 0x40, 0, 0, 0, 0, 0, 0, 0],
        &[0xba, 0xff, 0xff, 0xff, 0xff],
    ] {
        let error = Message::decode(MessageId::GetBlocks, Bytes::copy_from_slice(bytes))
            .expect_err("refused");
        assert_eq!(error.offence(), Some(Offence::NonCanonicalCbor));
    }
    let deep = [vec![0xa1, 1], vec![0x81; 100_000], vec![0]].concat();
    assert!(Message::decode(MessageId::Ack, deep.into()).is_err());
}

fn blocks(sizes: &[usize]) -> Message {
    Message::Blocks(Blocks {
        credits: CREDITS,
        blocks: sizes.iter().map(|n| Bytes::from(vec![1; *n])).collect(),
        missing: vec![],
    })
}

fn answer(request: &Message, frames: &[Message]) -> Result<Message, WireError> {
    let mut answer = Answer::to(request)?;
    for m in frames {
        answer.push(&Frame::new(m, 0, Flags::default())?)?;
    }
    answer.finish()
}

fn get_blocks(n: u8, max_bytes: u32) -> Message {
    let hashes = (0..n).map(|i| Hash32([i; 32])).collect();
    Message::GetBlocks(GetBlocks { hashes, max_bytes })
}

fn not_found(n: u8) -> Message {
    let hashes = (0..n).map(|i| Hash32([i; 32])).collect();
    Message::NotFound(NotFound {
        credits: CREDITS,
        hashes,
    })
}

#[test]
fn a_streamed_answer_sums_to_one_message() {
    let sum = answer(
        &get_blocks(4, 100),
        &[blocks(&[50]), blocks(&[20, 20]), not_found(1)],
    );
    let Ok(Message::Blocks(sum)) = sum else {
        panic!("{sum:?}")
    };
    assert_eq!((sum.blocks.len(), sum.missing.len()), (3, 1));
    let busy = Message::Busy(Busy {
        retry_after_ms: 1,
        credits: CREDITS,
    });
    assert_eq!(
        answer(&get_blocks(1, 1), std::slice::from_ref(&busy)),
        Ok(busy)
    );
}

#[test]
fn an_answer_never_holds_more_than_was_asked_for() {
    let too_much = Err(WireError::TooMuch);
    assert_eq!(answer(&get_blocks(1, 100), &[blocks(&[10, 10])]), too_much);
    assert_eq!(answer(&get_blocks(3, 100), &[blocks(&[60, 60])]), too_much);
    assert_eq!(
        answer(&get_blocks(3, 100), &[blocks(&[500]), blocks(&[0, 1])]),
        too_much
    );
    assert!(
        answer(&get_blocks(3, 100), &[blocks(&[500])]).is_ok(),
        "the first block is sent whatever its size"
    );
    assert_eq!(answer(&get_blocks(1, 100), &[not_found(2)]), too_much);
    assert_eq!(
        answer(&get_blocks(2, 100), &[not_found(1), blocks(&[1])]),
        too_much
    );
}

#[test]
fn an_answer_to_another_question_is_refused() {
    let headers = Message::GetHeaders(GetHeaders {
        locator: vec![Hash32::ZERO],
        max: 10,
    });
    assert!(matches!(
        answer(&headers, &[blocks(&[1])]),
        Err(WireError::OutOfPlace(MessageId::Blocks))
    ));
    assert!(matches!(
        answer(&headers, &[not_found(1)]),
        Err(WireError::OutOfPlace(MessageId::NotFound))
    ));
    assert!(matches!(
        answer(&headers, std::slice::from_ref(&headers)),
        Err(WireError::OutOfPlace(MessageId::GetHeaders))
    ));
    assert_eq!(answer(&headers, &[]), Err(WireError::Empty));
    assert_eq!(
        answer(&headers, &[Message::Ack { seq: 1 }]),
        Err(WireError::Empty)
    );
}
