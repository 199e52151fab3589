use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    offence::Offence,
    wire::{Answer, Flags, Frame, Message, max_payload},
};

fn arb_query() -> impl Strategy<Value = SketchQuery> {
    prop_oneof![
        (0..16_384u32, 1..=16_384u32)
            .prop_map(|(from, count)| SketchQuery::Symbols { from, count }),
        (0..=131_072u32, 1..=16_384u32).prop_map(|(from, count)| SketchQuery::Keys { from, count }),
        prop::collection::vec(any::<u64>().prop_map(ShortKey), 1..50).prop_map(SketchQuery::Ids),
    ]
}

fn arb_part() -> impl Strategy<Value = SketchPart> {
    let symbol = any::<(u64, u32, u16)>().prop_map(|(keys, checks, count)| Symbol {
        keys,
        checks,
        count,
    });
    prop_oneof![
        prop::collection::vec(symbol, 0..50).prop_map(SketchPart::Symbols),
        prop::collection::btree_set(any::<u64>().prop_map(ShortKey), 0..50)
            .prop_map(|keys| SketchPart::Keys(keys.into_iter().collect())),
        prop::collection::vec(any::<[u8; 32]>().prop_map(Hash32), 0..50).prop_map(SketchPart::Ids),
    ]
}

fn request(query: SketchQuery) -> Message {
    Message::GetSketch(GetSketch {
        set: SketchSet::App,
        salt: Salt([7; 16]),
        size: 131_072,
        query,
    })
}

fn sketch(part: SketchPart) -> Message {
    Message::Sketch(Sketch {
        size: 131_072,
        tag: u64::MAX,
        part,
    })
}

fn again(message: &Message) -> Result<Message, WireError> {
    Message::decode(message.id(), message.encode().into())
}

fn answered(request: &Message, answer: &Message) -> Result<Message, WireError> {
    let mut sum = Answer::to(request)?;
    sum.push(&Frame::new(answer, 0, Flags::default())?)?;
    sum.finish()
}

proptest! {
    #[test]
    fn both_messages_round_trip(query in arb_query(), part in arb_part()) {
        for message in [request(query), sketch(part)] {
            prop_assert_eq!(again(&message), Ok(message));
        }
    }

    #[test]
    fn a_changed_byte_is_another_message_or_an_offence(
        query in arb_query(), part in arb_part(), at in any::<prop::sample::Index>(), with: u8
    ) {
        for message in [request(query), sketch(part)] {
            let mut payload = message.encode();
            let at = at.index(payload.len());
            payload[at] = with;
            match Message::decode(message.id(), payload.clone().into()) {
                Ok(other) => prop_assert_eq!(other.encode(), payload),
                Err(e) => prop_assert!(e.offence().is_some()),
            }
        }
    }
}

#[test]
fn caps_hold_the_largest_legal_message() {
    let (key, id) = (ShortKey(u64::MAX), Hash32([0xff; 32]));
    let keys = (0..MAX_SKETCH_KEYS as u64).map(|key| ShortKey(u64::MAX - 20_000 + key));
    for message in [
        request(SketchQuery::Ids(vec![key; MAX_SKETCH_IDS])),
        sketch(SketchPart::Symbols(vec![
            Symbol::default();
            MAX_SKETCH_SYMBOLS
        ])),
        sketch(SketchPart::Keys(keys.collect())),
        sketch(SketchPart::Ids(vec![id; MAX_SKETCH_IDS])),
    ] {
        let frame = Frame::new(&message, 0, Flags::default()).expect("fits its cap");
        assert!(frame.payload.len() <= max_payload(frame.id).expect("spoken"));
        assert_eq!(frame.message(), Ok(message));
    }
}

#[test]
fn refuses_what_is_outside_its_limits() {
    let symbols = |from, count| SketchQuery::Symbols { from, count };
    let keys = |from, count| SketchQuery::Keys { from, count };
    let (one, two) = (ShortKey(1), ShortKey(2));
    for message in [
        request(symbols(0, 0)),
        request(symbols(0, 16_385)),
        request(symbols(32_768, 1)),
        request(symbols(32_767, 2)),
        request(symbols(u32::MAX, 16_384)),
        request(keys(0, 0)),
        request(keys(0, 16_385)),
        request(keys(131_073, 1)),
        request(SketchQuery::Ids(vec![])),
        request(SketchQuery::Ids(vec![one; MAX_SKETCH_IDS + 1])),
        sketch(SketchPart::Keys(vec![one, one])),
        sketch(SketchPart::Keys(vec![two, one])),
        sketch(SketchPart::Ids(vec![Hash32::ZERO; MAX_SKETCH_IDS + 1])),
    ] {
        let error = again(&message).expect_err("out of range");
        assert_eq!(error.offence(), Some(Offence::MalformedMessage));
    }
}

#[test]
fn refuses_half_an_entry_an_unknown_set_and_an_unknown_part() {
    let part = |number: u64, len: usize| {
        let mut out = Writer::new();
        out.map(3).uint(0).uint(1).uint(1).uint(1);
        out.uint(2).array(2).uint(number).bytes(&vec![1; len]);
        Message::decode(MessageId::Sketch, Bytes::from(out.finish()))
    };
    assert!(part(1, 14).is_ok() && part(2, 8).is_ok() && part(3, 32).is_ok());
    for (number, len) in [(0, 14), (1, 13), (1, 15), (2, 9), (3, 31), (4, 32)] {
        let error = part(number, len).expect_err("refused");
        assert_eq!(error.offence(), Some(Offence::MalformedMessage));
    }
    let mut payload = request(SketchQuery::Keys { from: 0, count: 1 }).encode();
    payload[2] = 3;
    assert!(Message::decode(MessageId::GetSketch, payload.into()).is_err());
}

#[test]
fn an_answer_is_of_the_kind_and_length_that_was_asked_for() {
    let symbols = request(SketchQuery::Symbols { from: 0, count: 2 });
    let answer = |n| sketch(SketchPart::Symbols(vec![Symbol::default(); n]));
    assert_eq!(answered(&symbols, &answer(2)), Ok(answer(2)));
    assert_eq!(answered(&symbols, &answer(3)), Err(WireError::TooMuch));
    let ids = sketch(SketchPart::Ids(vec![]));
    let out_of_place = Err(WireError::OutOfPlace(MessageId::Sketch));
    assert_eq!(answered(&symbols, &ids), out_of_place);
    let headers = Message::GetHeaders(crate::wire::GetHeaders {
        locator: vec![Hash32::ZERO],
        max: 1,
    });
    assert_eq!(answered(&headers, &answer(1)), out_of_place);
}
