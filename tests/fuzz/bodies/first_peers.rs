//! What names first peers: signed lists and DNS records.

use animica_p2p::{
    crypto::{ed25519::KeyPair, secret::Secret},
    ids::ChainId,
    peers::seeds::{
        Keys, MAX_ADDRESSES, MAX_ENTRIES, MAX_ENTRY_ADDRESSES, MAX_RECORDS, MAX_WEIGHT, Rules,
        SeedEntry, public_text, read_txt, sign, verify,
    },
};

/// When the lists are read: 2026-07-16.
const NOW_MS: u64 = 1_784_160_000_000;

/// What can be signed is what a reader takes, and the canonical spelling is its own.
pub(super) fn seed_list(data: &[u8]) -> bool {
    let key = KeyPair::from_seed(&Secret::from([1; 32]));
    let chain = ChainId(1337);
    let keys = Keys::read([public_text(&key).as_str()]).expect("a key");
    let rules = Rules {
        chain,
        keys: &keys,
        public_only: true,
        now_ms: NOW_MS,
        newest_ms: 0,
    };
    assert!(verify(data, None, &rules).is_err(), "unsigned");
    // As a signature file it says nothing about another list.
    assert!(verify(b"{}", Some(data), &rules).is_err());
    let Ok(signed) = sign(data, &key, chain, true, NOW_MS) else {
        return false;
    };
    let signature = Some(signed.signature.as_bytes());
    match verify(&signed.document, signature, &rules) {
        Ok(list) => {
            assert_eq!(list.entries.len(), signed.entries);
            assert!(list.entries.len() <= MAX_ENTRIES);
            check(&list.entries);
        }
        // A publisher may make a list for later.
        Err(error) => assert!(error.to_string().contains("in the future"), "{error}"),
    }
    let again = sign(&signed.document, &key, chain, true, NOW_MS).expect("signed before");
    assert_eq!(again, signed);
    true
}

/// Records, one a line.
pub(super) fn seed_txt(data: &[u8]) -> bool {
    let records = data.split(|b| *b == b'\n');
    let answer = read_txt(records, true);
    assert!(answer.records <= MAX_RECORDS && answer.entries.len() <= answer.records);
    let addresses: usize = answer.entries.iter().map(|e| e.addresses.len()).sum();
    assert!(addresses <= MAX_ADDRESSES);
    check(&answer.entries);
    !answer.entries.is_empty()
}

fn check(entries: &[SeedEntry]) {
    for entry in entries {
        assert!((1..=MAX_ENTRY_ADDRESSES).contains(&entry.addresses.len()));
        assert!((1..=MAX_WEIGHT).contains(&entry.weight));
    }
}
