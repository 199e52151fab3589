//! `tests/vectors/reconcile.json`, made by a second implementation, against this one.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Decoder, Encoder, Progress,
    key::Keys,
    mapping::{END, Mapping},
};
use crate::{
    crypto::hash::sha3_256,
    ids::Hash32,
    registry::MessageId,
    wire::{Message, Salt, ShortKey, SketchPart, Symbol},
};

fn list(section: &str) -> Vec<Value> {
    let all: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/reconcile.json")).unwrap();
    all[section].as_array().expect("a list").clone()
}

fn get<T: DeserializeOwned>(value: &Value, key: &str) -> T {
    serde_json::from_value(value[key].clone()).expect(key)
}

fn salt(value: &Value) -> Salt {
    let bytes = hex::decode(get::<String>(value, "salt")).expect("hex");
    Salt(bytes.try_into().expect("16 bytes"))
}

fn key(text: &str) -> ShortKey {
    ShortKey(u64::from_str_radix(text, 16).expect("hex"))
}

fn items(from: u32, to: u32) -> impl Iterator<Item = Hash32> {
    (from..to).map(|i| sha3_256(format!("reconcile/{i}").as_bytes()))
}

#[test]
fn keys_and_checks_agree() {
    for vector in list("keys") {
        let keys = Keys::new(salt(&vector));
        let of = keys.of(&get(&vector, "id"));
        assert_eq!(of, key(&get::<String>(&vector, "key")));
        let check: String = get(&vector, "check");
        assert_eq!(format!("{:08x}", keys.check(of)), check);
    }
}

#[test]
fn mappings_agree_to_the_last_index() {
    for vector in list("mapping") {
        let mut mapping = Mapping::new(key(&get::<String>(&vector, "key")));
        let mut indexes = Vec::new();
        while mapping.index() < END {
            indexes.push(mapping.index());
            mapping.advance();
        }
        assert_eq!(indexes, get::<Vec<u32>>(&vector, "indexes"));
    }
}

#[test]
fn symbols_agree() {
    for vector in list("symbols") {
        let mut encoder = Encoder::new(
            salt(&vector),
            items(get(&vector, "from"), get(&vector, "to")),
        );
        let expected: String = get(&vector, "symbols");
        let count = expected.len() / 2 / Symbol::LEN;
        let symbols = encoder.symbols(0..count as u32);
        let bytes: Vec<u8> = symbols
            .iter()
            .flat_map(|s| {
                let (keys, checks) = (s.keys.to_be_bytes(), s.checks.to_be_bytes());
                [&keys[..], &checks, &s.count.to_be_bytes()].concat()
            })
            .collect();
        assert_eq!(hex::encode(bytes), expected);
    }
}

#[test]
fn differences_agree_and_need_the_same_number_of_symbols() {
    for vector in list("differences") {
        let salt = salt(&vector);
        let (here, there): ((u32, u32), (u32, u32)) = (get(&vector, "here"), get(&vector, "there"));
        let mut far = Encoder::new(salt, items(there.0, there.1));
        let mut decoder = Decoder::new(salt, items(here.0, here.1));
        let count: u32 = get(&vector, "symbols");
        for index in 0..count - 1 {
            let progress = decoder.push(far.symbols(index..index + 1));
            assert_eq!(progress, Progress::More, "symbol {index}");
        }
        let Progress::Done {
            only_here,
            only_there,
        } = decoder.push(far.symbols(count - 1..count))
        else {
            panic!("{count} symbols do not decode");
        };
        let keys = Keys::new(salt);
        let text = |key: ShortKey| format!("{:016x}", key.0);
        let only_here: Vec<String> = only_here.iter().map(|id| text(keys.of(id))).collect();
        let only_there: Vec<String> = only_there.into_iter().map(text).collect();
        assert_eq!(only_here, get::<Vec<String>>(&vector, "onlyHere"));
        assert_eq!(only_there, get::<Vec<String>>(&vector, "onlyThere"));
    }
}

#[test]
fn messages_agree() {
    for vector in list("messages") {
        let payload = hex::decode(get::<String>(&vector, "payload")).expect("hex");
        let id = match get::<String>(&vector, "name").as_str() {
            "GET_SKETCH" => MessageId::GetSketch,
            _ => MessageId::Sketch,
        };
        let message = Message::decode(id, payload.clone().into()).expect("decodes");
        assert_eq!(message.encode(), payload);
        if let Message::Sketch(sketch) = message {
            assert_eq!((sketch.size, sketch.tag), (2, 9));
            if let SketchPart::Ids(ids) = sketch.part {
                assert!(ids.into_iter().eq(items(0, 2)));
            }
        }
    }
}
