use proptest::prelude::*;

use super::*;
use crate::{
    offence::Offence,
    registry::{MAX_SIGNED_PING_BYTES, MAX_TRUST_BYTES, MessageId},
    wire::{Answer, Busy, Credits, Flags, Frame, Message, WireError},
};

fn round_trip(message: &Message) {
    let decoded = Message::decode(message.id(), message.encode().into());
    assert_eq!(decoded.as_ref(), Ok(message));
    let frame = Frame::new(message, 0, Flags::default()).expect("fits its cap");
    assert_eq!(frame.message().as_ref(), Ok(message));
}

fn refused(message: &Message) -> Offence {
    let error = Message::decode(message.id(), message.encode().into()).unwrap_err();
    error.offence().unwrap()
}

fn bytes(len: usize) -> Bytes {
    Bytes::from(vec![7; len])
}

fn peers(lens: &[usize]) -> Message {
    let records = lens.iter().map(|len| bytes(*len)).collect();
    Message::Peers(Peers { records })
}

fn goodbye(code: u32, retry_after_ms: u64) -> Message {
    Message::Disconnect(Disconnect {
        code,
        retry_after_ms,
    })
}

#[test]
fn messages_round_trip_and_the_largest_fit_their_caps() {
    round_trip(&Message::GetPeers(GetPeers { max: 1 }));
    round_trip(&Message::GetPeers(GetPeers { max: 32 }));
    round_trip(&peers(&[]));
    round_trip(&peers(&[MAX_PEERS_BYTES / 32; 32]));
    round_trip(&peers(&[MAX_RECORD_BYTES; 10]));
    round_trip(&goodbye(0, 0));
    round_trip(&goodbye(u32::MAX, MAX_GOODBYE_RETRY_MS));
    round_trip(&Message::Ping(bytes(MAX_SIGNED_PING_BYTES)));
    round_trip(&Message::Pong(bytes(MAX_SIGNED_PING_BYTES)));
    round_trip(&Message::TrustUpdate(bytes(MAX_TRUST_BYTES)));
    round_trip(&Message::TrustedPeersResponse(bytes(MAX_TRUST_BYTES)));
    round_trip(&Message::TrustedPeersRequest(TrustedPeersRequest {
        max: 20,
    }));
}

#[test]
fn what_is_beyond_its_limit_is_malformed() {
    for message in [
        Message::GetPeers(GetPeers { max: 0 }),
        Message::GetPeers(GetPeers { max: 33 }),
        Message::TrustedPeersRequest(TrustedPeersRequest { max: 0 }),
        Message::TrustedPeersRequest(TrustedPeersRequest { max: 21 }),
        peers(&[0; 33]),
        peers(&[MAX_RECORD_BYTES + 1]),
        // Each is short enough, their sum is not.
        peers(&[MAX_RECORD_BYTES; 11]),
        goodbye(1, MAX_GOODBYE_RETRY_MS + 1),
        Message::Ping(bytes(0)),
        Message::Ping(bytes(MAX_SIGNED_PING_BYTES + 1)),
        Message::Pong(bytes(MAX_SIGNED_PING_BYTES + 1)),
        Message::TrustUpdate(bytes(MAX_TRUST_BYTES + 1)),
        Message::TrustedPeersResponse(bytes(0)),
    ] {
        assert_eq!(refused(&message), Offence::MalformedMessage);
    }
    let forever = Disconnect::new(1, Duration::MAX);
    round_trip(&Message::Disconnect(forever));
    // {0: 2^32, 1: 0}: a reason is 32 bits.
    let wide = Bytes::from_static(&[0xa2, 0, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    assert_eq!(Disconnect::decode(&wide), Err(CborError::OutOfRange));
}

#[test]
fn a_later_version_may_add_keys() {
    // {0: 5, 1: h'00'}
    let later = Bytes::from_static(&[0xa2, 0, 5, 1, 0x41, 0]);
    assert_eq!(GetPeers::decode(&later), Ok(GetPeers { max: 5 }));
}

fn frame(message: &Message) -> Frame {
    Frame::new(message, 0, Flags::default()).unwrap()
}

fn answered(request: &Message, with: &Message) -> Result<Message, WireError> {
    assert!(request.is_request() && !with.is_request());
    let mut answer = Answer::to(request)?;
    answer.push(&frame(with))?;
    answer.finish()
}

#[test]
fn nobody_sends_more_records_than_were_asked_for() {
    let request = Message::GetPeers(GetPeers { max: 2 });
    assert_eq!(answered(&request, &peers(&[5, 5])), Ok(peers(&[5, 5])));
    assert_eq!(answered(&request, &peers(&[])), Ok(peers(&[])));
    assert_eq!(
        answered(&request, &peers(&[5, 5, 5])),
        Err(WireError::TooMuch)
    );
    let mut answer = Answer::to(&request).unwrap();
    assert_eq!(answer.push(&frame(&peers(&[5]))), Ok(true));
    assert_eq!(
        answer.push(&frame(&peers(&[5]))),
        Err(WireError::TooMuch),
        "one frame is the answer"
    );
}

#[test]
fn a_ping_is_answered_by_a_pong_and_a_question_of_trust_by_a_statement() {
    let ping = Message::Ping(bytes(9));
    let pong = Message::Pong(bytes(8));
    let question = Message::TrustedPeersRequest(TrustedPeersRequest { max: 3 });
    let statement = Message::TrustedPeersResponse(bytes(7));
    assert_eq!(answered(&ping, &pong), Ok(pong.clone()));
    assert_eq!(answered(&question, &statement), Ok(statement.clone()));
    for (request, wrong) in [
        (&ping, &statement),
        (&question, &pong),
        (&question, &peers(&[])),
    ] {
        assert_eq!(
            answered(request, wrong),
            Err(WireError::OutOfPlace(wrong.id()))
        );
    }
    let busy = Message::Busy(Busy {
        retry_after_ms: 60_000,
        credits: Credits::INITIAL,
    });
    for request in [&ping, &question, &Message::GetPeers(GetPeers { max: 1 })] {
        assert_eq!(answered(request, &busy), Ok(busy.clone()));
    }
}

#[test]
fn a_goodbye_and_an_update_are_answered_by_their_receipt() {
    for request in [goodbye(3, 60_000), Message::TrustUpdate(bytes(40))] {
        assert!(request.wants_receipt());
        let receipt = Message::Ack { seq: 4 };
        assert_eq!(answered(&request, &receipt), Ok(receipt.clone()));
        assert_eq!(
            answered(&request, &Message::Pong(bytes(1))),
            Err(WireError::OutOfPlace(MessageId::Pong))
        );
    }
    assert!(!Message::Ping(bytes(1)).wants_receipt());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..200)) {
        let raw = Bytes::from(raw);
        for id in [
            MessageId::GetPeers,
            MessageId::Peers,
            MessageId::Disconnect,
            MessageId::Ping,
            MessageId::Pong,
            MessageId::TrustUpdate,
            MessageId::TrustedPeersRequest,
            MessageId::TrustedPeersResponse,
        ] {
            if let Ok(message) = Message::decode(id, raw.clone()) {
                prop_assert_eq!(message.id(), id);
                prop_assert!(message.encode().len() <= raw.len());
            }
        }
    }

    #[test]
    fn records_round_trip(lens in prop::collection::vec(0..900usize, 0..=32)) {
        round_trip(&peers(&lens));
    }
}
