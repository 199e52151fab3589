//! Whatever arrives, decoders answer with an error or a document, never a panic; and a document
//! they accept is encoded in exactly one way.

use std::sync::LazyLock;

use animica_p2p::{
    envelope::Envelope,
    identity::{Delegation, NodeRecord, Policy, PublicIdentity},
};
use proptest::prelude::*;
use serde_json::Value;

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let text = std::fs::read_to_string(super::vectors::PATH).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    ["delegations", "records", "envelopes"]
        .iter()
        .flat_map(|key| vectors[key].as_array().unwrap().clone())
        .map(|v| hex::decode(v["object"].as_str().unwrap()).unwrap())
        .collect()
});

fn decode(bytes: &[u8]) {
    if let Ok(d) = Delegation::decode(bytes) {
        assert_eq!(d.as_bytes(), bytes);
        assert!(
            bytes
                .windows(d.fields().to_bytes().len())
                .any(|w| w == d.fields().to_bytes())
        );
    }
    if let Ok(r) = NodeRecord::decode(bytes) {
        assert_eq!(r.as_bytes(), bytes);
    }
    if let Ok(e) = Envelope::decode(bytes.to_vec().into()) {
        assert_eq!(e.body().to_bytes(), e.signed_part());
        assert_eq!(e.without_key().id(), e.id());
    }
    let (id, rest) = bytes.split_at(bytes.len().min(2));
    let id = id.iter().fold(0, |n, b| n << 8 | u16::from(*b));
    let _ = PublicIdentity::decode(id, rest);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        decode(&bytes);
        let _ = Policy::from_json(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn spliced_documents_never_panic(
        which in 0..6usize,
        at in 0..8000usize,
        cut in 0..40usize,
        insert in proptest::collection::vec(any::<u8>(), 0..12),
    ) {
        let mut bytes = SAMPLES[which % SAMPLES.len()].clone();
        // Most structure is near the front; half of the splices go there.
        let at = if at % 2 == 0 { at / 20 } else { at }.min(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, insert);
        decode(&bytes);
    }
}
