//! Lists: made, served, refused.

use serde_json::{Value, json};

use super::{json::Json, *};
use crate::{
    crypto::{ed25519::KeyPair, secret::Secret},
    ids::ChainId,
};

const NOW: u64 = 1_784_118_896_789;
const DAY: u64 = 24 * 60 * 60 * 1000;

fn pair(byte: u8) -> KeyPair {
    KeyPair::from_seed(&Secret::from([byte; 32]))
}

fn keys(pairs: &[u8]) -> Keys {
    let texts: Vec<String> = pairs.iter().map(|byte| public_text(&pair(*byte))).collect();
    Keys::read(texts.iter().map(String::as_str)).unwrap()
}

fn rules(keys: &Keys) -> Rules<'_> {
    Rules {
        chain: ChainId(7),
        keys,
        public_only: true,
        now_ms: NOW,
        newest_ms: 0,
    }
}

fn entry(i: usize) -> Value {
    json!({"addrs": [format!("/ip4/{}.8.8.8/tcp/41000", i + 11)]})
}

fn list() -> Value {
    json!({"entries": [entry(0), entry(1), entry(2)], "contact": "ops@example.org", "metadata": {"é": 1}})
}

fn ascii_list() -> Value {
    json!({"entries": [entry(0), entry(1), entry(2)], "contact": "ops@example.org"})
}

fn signed(list: &Value) -> Signed {
    sign(list.to_string().as_bytes(), &pair(1), ChainId(7), true, NOW).unwrap()
}

/// Signs whatever it is, as a publisher with another program could.
fn forced(list: &Value) -> (Vec<u8>, Vec<u8>) {
    let document = list.to_string().into_bytes();
    let canonical = Json::read(&document).unwrap().canonical();
    let signature = signature::line(&pair(1), &canonical).into_bytes();
    (document, signature)
}

fn full(change: impl FnOnce(&mut Value)) -> Value {
    let mut list = json!({
        "version": 1, "network": "animica:7",
        "generatedAt": date::text(NOW), "expiresAt": date::text(NOW + DAY),
        "entries": [entry(0), entry(1), entry(2)],
    });
    change(&mut list);
    list
}

fn refusal(list: &Value) -> ListError {
    let (document, signature) = forced(list);
    verify(&document, Some(&signature), &rules(&keys(&[1]))).unwrap_err()
}

#[test]
fn what_one_node_signs_another_reads() {
    let signed = signed(&ascii_list());
    let keys = keys(&[9, 1]);
    let list = verify(
        &signed.document,
        Some(signed.signature.as_bytes()),
        &rules(&keys),
    )
    .unwrap();
    assert_eq!(list.entries.len(), 3);
    assert_eq!(list.key, key_id(&pair(1).public()));
    assert_eq!(list.expires_ms - list.generated_ms, MAX_LIFE_MS);
    assert_eq!(list.entries[0].weight, DEFAULT_WEIGHT);
    assert_eq!((signed.entries, signed.dropped), (3, 0));
}

#[test]
fn the_spelling_of_a_list_may_change_and_its_meaning_may_not() {
    let signed = signed(&ascii_list());
    let keys = keys(&[1]);
    let signature = Some(signed.signature.as_bytes());
    let value: Value = serde_json::from_slice(&signed.document).unwrap();
    let pretty = serde_json::to_vec_pretty(&value).unwrap();
    assert!(verify(&pretty, signature, &rules(&keys)).is_ok());
    let changed = String::from_utf8(pretty)
        .unwrap()
        .replace("11.8.8.8", "11.8.8.9");
    let error = verify(changed.as_bytes(), signature, &rules(&keys));
    assert_eq!(error, Err(ListError::BadSignature));
}

#[test]
fn refuses_a_list_that_is_unsigned_or_signed_by_another() {
    let signed = signed(&ascii_list());
    let of = |signature: Option<&[u8]>, with: &Keys| {
        verify(&signed.document, signature, &rules(with)).unwrap_err()
    };
    let line = signed.signature.as_bytes();
    assert_eq!(of(None, &keys(&[1])), ListError::Unsigned);
    assert_eq!(of(Some(b"# nobody\n\n"), &keys(&[1])), ListError::Unsigned);
    assert_eq!(of(Some(line), &keys(&[2, 3])), ListError::BadSignature);
    assert_eq!(of(Some(line), &keys(&[])), ListError::NoKeys);
    let form = ListError::SignatureForm { line: 2 };
    assert_eq!(of(Some(b"\nnot base64"), &keys(&[1])), form);
    assert!(matches!(
        of(Some(&[b'#'; 5000]), &keys(&[1])),
        ListError::TooLarge {
            what: "signature",
            ..
        }
    ));
    let many = signed.signature.repeat(17);
    assert!(matches!(
        of(Some(many.as_bytes()), &keys(&[2])),
        ListError::SignatureForm { .. }
    ));
}

#[test]
fn a_plain_signature_and_one_of_several_suffice() {
    let signed = signed(&ascii_list());
    let plain = signed.signature.split(' ').nth(1).unwrap();
    let second = signature::line(&pair(2), &signed.document);
    let both = format!("# rollover\n{plain}{second}");
    for with in [keys(&[1]), keys(&[2]), keys(&[2, 1])] {
        assert!(verify(&signed.document, Some(both.as_bytes()), &rules(&with)).is_ok());
    }
    // The id is a promise: a line under another key's id is not tried with this key.
    let mislabelled = format!("{} {plain}", key_id(&pair(2).public()));
    let error = verify(
        &signed.document,
        Some(mislabelled.as_bytes()),
        &rules(&keys(&[1])),
    );
    assert_eq!(error, Err(ListError::BadSignature));
}

#[test]
fn a_key_is_believed_within_its_days_only() {
    let signed = signed(&ascii_list());
    let public = public_text(&pair(1));
    for (days, good) in [
        ("2026-07-01..", true),
        ("..2026-07-15", false),
        ("2026-07-16..", false),
    ] {
        let with = Keys::read([format!("{public}@{days}").as_str()]).unwrap();
        let read = verify(
            &signed.document,
            Some(signed.signature.as_bytes()),
            &rules(&with),
        );
        match good {
            true => assert!(read.is_ok()),
            false => assert!(matches!(read, Err(ListError::KeyOutOfTime { .. }))),
        }
    }
}

#[test]
fn refuses_a_list_for_another_network() {
    let error = refusal(&full(|list| list["network"] = json!("animica:8")));
    let (expected, found) = ("animica:7".to_owned(), "animica:8".to_owned());
    assert_eq!(error, ListError::WrongNetwork { expected, found });
}

#[test]
fn refuses_a_list_outside_its_time() {
    let times = |generated: u64, expires: u64| {
        full(|list| {
            list["generatedAt"] = json!(date::text(generated));
            list["expiresAt"] = json!(date::text(expires));
        })
    };
    let refused = |generated, expires| refusal(&times(generated, expires));
    assert!(matches!(
        refused(NOW - 2 * DAY, NOW),
        ListError::Expired { .. }
    ));
    let early = NOW + 11 * 60 * 1000;
    assert!(matches!(
        refused(early, early + DAY),
        ListError::NotYetValid { .. }
    ));
    assert_eq!(refused(NOW, NOW + MAX_LIFE_MS + 1000), ListError::Life);
    assert_eq!(refused(NOW, NOW), ListError::Life);
    assert_eq!(refused(NOW, NOW - DAY), ListError::Life);
    let (document, signature) = forced(&times(NOW - DAY, NOW + DAY));
    let keys = keys(&[1]);
    let mut rules = rules(&keys);
    assert!(verify(&document, Some(&signature), &rules).is_ok());
    rules.newest_ms = NOW;
    assert!(matches!(
        verify(&document, Some(&signature), &rules),
        Err(ListError::Older { .. })
    ));
}

#[test]
fn refuses_a_list_that_is_one_place() {
    let crowd = |i: usize| json!({"addrs": [format!("/ip4/8.8.{i}.1/tcp/1")]});
    let entries: Vec<_> = (0..7).map(crowd).chain((0..3).map(entry)).collect();
    let error = refusal(&full(|list| list["entries"] = json!(entries)));
    let (place, percent) = ("8.8.0.0/16".to_owned(), 70);
    assert_eq!(error, ListError::LowDiversity { place, percent });
    let unsigned = json!({"entries": entries}).to_string();
    let same = sign(unsigned.as_bytes(), &pair(1), ChainId(7), true, NOW);
    assert_eq!(same, Err(error));
}

#[test]
fn private_addresses_are_dropped_unless_the_network_is_private() {
    let private = json!([{"addrs": ["/ip4/10.0.0.1/tcp/1"]}, {"addrs": ["/ip4/127.0.0.1/tcp/2"]}]);
    let mut mixed = full(|list| list["entries"] = private.clone());
    assert_eq!(refusal(&mixed), ListError::Empty { dropped: 2 });
    mixed["entries"]
        .as_array_mut()
        .unwrap()
        .extend([entry(0), entry(1)]);
    let (document, signature) = forced(&mixed);
    let keys = keys(&[1]);
    let mut rules = rules(&keys);
    let list = verify(&document, Some(&signature), &rules).unwrap();
    assert_eq!((list.entries.len(), list.dropped), (2, 2));
    rules.public_only = false;
    let list = verify(&document, Some(&signature), &rules).unwrap();
    assert_eq!((list.entries.len(), list.dropped), (4, 0));
}

#[test]
fn names_the_field_that_is_wrong() {
    type Edit = fn(&mut Value);
    let edits: [(Edit, &str); 18] = [
        (|l| l["version"] = json!("1"), "version"),
        (|l| l["network"] = json!(7), "network"),
        (|l| l["generatedAt"] = json!(1), "generatedAt"),
        (|l| l["expiresAt"] = json!("tomorrow"), "expiresAt"),
        (|l| l["entries"] = json!({}), "entries"),
        (|l| l["entries"] = json!(vec![1; 1025]), "entries"),
        (|l| l["entries"][1] = json!(1), "entries[1]"),
        (|l| l["entries"][1] = json!({}), "entries[1].addrs"),
        (|l| l["entries"][1]["addrs"] = json!([]), "entries[1].addrs"),
        (
            |l| l["entries"][1]["addrs"] = json!([1]),
            "entries[1].addrs",
        ),
        (
            |l| l["entries"][1]["addrs"] = json!(vec!["x"; 9]),
            "entries[1].addrs",
        ),
        (
            |l| l["entries"][1]["peerId"] = json!("Qm"),
            "entries[1].peerId",
        ),
        (
            |l| l["entries"][1]["features"] = json!([" "]),
            "entries[1].features",
        ),
        (
            |l| l["entries"][1]["features"] = json!(vec!["f"; 17]),
            "entries[1].features",
        ),
        (|l| l["entries"][1]["asn"] = json!(-1), "entries[1].asn"),
        (
            |l| l["entries"][1]["asn"] = json!(1u64 << 32),
            "entries[1].asn",
        ),
        (
            |l| l["entries"][1]["weight"] = json!(0),
            "entries[1].weight",
        ),
        (
            |l| l["entries"][1]["weight"] = json!(101),
            "entries[1].weight",
        ),
    ];
    for (edit, expected) in edits {
        match refusal(&full(edit)) {
            ListError::Field { at, .. } => assert_eq!(at, expected),
            other => panic!("{expected}: {other}"),
        }
    }
    assert_eq!(
        refusal(&full(|l| l["version"] = json!(2))),
        ListError::Version(2)
    );
    assert!(matches!(
        sign(
            list().to_string().as_bytes(),
            &pair(1),
            ChainId(7),
            true,
            NOW
        ),
        Err(ListError::Json(_))
    ));
}

#[test]
fn refuses_what_is_too_long_before_reading_it() {
    let long = vec![b' '; MAX_LIST_BYTES + 1];
    let error = verify(&long, None, &rules(&keys(&[1]))).unwrap_err();
    assert!(matches!(error, ListError::TooLarge { what: "list", .. }));
    let nested = "[".repeat(MAX_LIST_BYTES);
    let error = verify(nested.as_bytes(), None, &rules(&keys(&[1]))).unwrap_err();
    assert!(matches!(error, ListError::Json(_)));
}

#[test]
fn a_signature_made_elsewhere_verifies() {
    // Python: cryptography's Ed25519, json.dumps(sort_keys=True, separators=(",", ":"),
    // ensure_ascii=False); the secret is 32 bytes of 1.
    let vector: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/seeds.json")).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap().to_owned();
    let keys = Keys::read([text("public").as_str()]).unwrap();
    assert_eq!(keys.iter().next().unwrap().id(), text("key_id"));
    let form = form::read(text("document").as_bytes(), true).unwrap();
    assert_eq!(
        String::from_utf8(form.canonical).unwrap(),
        text("canonical")
    );
    let rules = Rules {
        chain: ChainId(1337),
        now_ms: date::moment("2026-07-16T00:00:00Z").unwrap(),
        ..rules(&keys)
    };
    let file = text("signature");
    let list = verify(text("document").as_bytes(), Some(file.as_bytes()), &rules).unwrap();
    assert_eq!(list.entries.len(), 2);
    let signed = sign(
        text("document").as_bytes(),
        &pair(1),
        ChainId(1337),
        true,
        rules.now_ms,
    );
    assert_eq!(
        signed.unwrap().signature,
        format!("{} {}\n", text("key_id"), file)
    );
}
