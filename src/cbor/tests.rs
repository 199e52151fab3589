use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Doc {
    name: String,
    v: u64,
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
    nested: Option<Box<Doc>>,
}

#[test]
fn refuses_every_non_canonical_form() {
    for (bytes, error) in [
        (&[0x18, 0x17][..], CborError::NotShortest),
        (&[0x19, 0x00, 0xff], CborError::NotShortest),
        (&[0x58, 0x01, 0xaa], CborError::NotShortest),
        (&[0x9f, 0xff], CborError::Indefinite),
        (&[0x5f, 0xff], CborError::Indefinite),
        (&[0xfb, 0, 0, 0, 0, 0, 0, 0, 0], CborError::Forbidden),
        (&[0xf7], CborError::Forbidden),
        (&[0xf8, 0x14], CborError::Forbidden),
        (&[0xc1, 0x00], CborError::Forbidden),
        (&[0xc2, 0x41, 0x05], CborError::NotShortest),
        (&[0xa2, 0x02, 0x00, 0x01, 0x00], CborError::KeyOrder),
        (&[0xa2, 0x01, 0x00, 0x01, 0x00], CborError::KeyOrder),
        (&[0x61, 0xff], CborError::NotUtf8),
        (&[0x00, 0x00], CborError::Trailing),
        (&[], CborError::Truncated),
        (
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            CborError::Truncated,
        ),
        (
            &[0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            CborError::Truncated,
        ),
    ] {
        assert_eq!(validate(bytes), Err(error), "{bytes:02x?}");
    }
    assert_eq!(validate(&[0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Ok(()));
}

#[test]
fn nesting_is_bounded() {
    let nested = |n: usize| [vec![0x81; n], vec![0x00]].concat();
    assert_eq!(validate(&nested(MAX_DEPTH)), Ok(()));
    assert_eq!(validate(&nested(MAX_DEPTH + 1)), Err(CborError::TooDeep));
    assert_eq!(validate(&nested(1_000_000)), Err(CborError::TooDeep));
}

#[test]
fn serde_documents_are_canonical_and_ignore_unknown_keys() {
    let doc = Doc {
        name: "a".into(),
        v: 7,
        data: vec![1, 2],
        nested: None,
    };
    let bytes = to_vec(&doc).expect("encodes");
    assert_eq!(bytes[1..3], [0x61, b'v'], "shortest key first");
    assert_eq!(from_slice::<Doc>(&bytes), Ok(doc));

    let mut later = Writer::new();
    later.map(5).text("v").uint(7).text("data").bytes(&[1, 2]);
    later
        .text("name")
        .text("a")
        .text("later")
        .bool(true)
        .text("nested")
        .null();
    assert_eq!(from_slice::<Doc>(later.as_slice()).map(|d| d.v), Ok(7));
}

#[test]
fn floats_are_refused_on_the_way_out() {
    assert_eq!(to_vec(&1.5f64), Err(CborError::Forbidden));
}

#[test]
fn reader_checks_keys_types_and_limits() {
    let mut w = Writer::new();
    w.map(2).uint(1).bytes(&[9; 32]).uint(2).null();
    let bytes = w.finish();
    let mut r = Reader::new(&bytes);
    r.map_of(2).expect("two entries");
    r.key(1).expect("first key");
    assert_eq!(r.fixed::<32>(), Ok([9; 32]));
    assert_eq!(r.clone().key(3), Err(CborError::WrongKey));
    r.key(2).expect("second key");
    assert_eq!(r.take_null(), Ok(true));
    r.finish().expect("all read");
    assert_eq!(Reader::new(&[0x41, 1]).uint(), Err(CborError::WrongType));
    assert_eq!(
        Reader::new(&[0x82, 0, 0]).array(1),
        Err(CborError::OutOfRange)
    );
}

proptest! {
    #[test]
    fn values_round_trip(v in any::<u64>(), name in ".{0,40}", data in prop::collection::vec(any::<u8>(), 0..300)) {
        let doc = Doc { name, v, data, nested: Some(Box::new(Doc { name: String::new(), v, data: vec![], nested: None })) };
        let bytes = to_vec(&doc).expect("encodes");
        prop_assert_eq!(validate(&bytes), Ok(()));
        prop_assert_eq!(from_slice::<Doc>(&bytes), Ok(doc));
    }
}
