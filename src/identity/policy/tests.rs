use super::*;

/// The six leaves and the root of the original network's example policy. Its 32-byte forms are
/// computed here; the function is what the vector is for, the policy itself is not runnable.
const EXAMPLE: &str = r#"{
  "$schema": "x", "name": "example", "version": 1,
  "thresholds": {"sig": {"minAlgs": 1, "minWeight": 1}, "kem": {"minAlgs": 1, "minWeight": 1.0}},
  "entries": [
    {"id": "dilithium3", "kind": "sig", "enabled": true, "sunsetAfter": null, "notes": "x",
     "keySizes": {"pk": 1952, "sk": 4000}, "sigSizes": {"sig": 3293}, "weight": 1.0},
    {"id": "sphincs-shake-128s", "kind": "sig", "enabled": true,
     "keySizes": {"pk": 32, "sk": 64}, "sigSizes": {"sig": 7856}, "weight": 0.25},
    {"id": "kyber768", "name": "Kyber", "kind": "kem", "enabled": true, "minVersion": 1,
     "keySizes": {"pk": 1184, "sk": 2400}, "kemSizes": {"ct": 1088, "ss": 32}, "weight": 1}
  ]
}"#;

const FIPS_ROOT: &str = "57f64bb3f9957c3040146734a11ebfd825d34c9e57a0f66934fb3f4078503356";
const ROUND3_ROOT: &str = "0fceeaec1732ddacb36b911f4562243a05e3ccbf810f76f20e8cbb24e7e4cc4b";

fn fips_json(edit: impl FnOnce(&mut serde_json::Value)) -> Result<Policy, PolicyError> {
    let mut json = serde_json::to_value(Policy::default_fips().document()).unwrap();
    edit(&mut json);
    Policy::from_json(&json.to_string())
}

#[test]
fn root_function_reproduces_the_original_example() {
    let document = Document::parse(EXAMPLE).unwrap();
    let root = root64(&document);
    assert_eq!(
        leaves(&document),
        [
            r#"{"version":1}"#,
            r#"{"kind":"kem","minAlgs":1,"minWeight":1.0}"#,
            r#"{"kind":"sig","minAlgs":1,"minWeight":1.0}"#,
            r#"{"enabled":true,"id":"kyber768","kemSizes":{"ct":1088,"ss":32},"keySizes":{"pk":1184,"sk":2400},"kind":"kem","sigSizes":null,"sunsetAfter":null,"weight":1.0}"#,
            r#"{"enabled":true,"id":"dilithium3","kemSizes":null,"keySizes":{"pk":1952,"sk":4000},"kind":"sig","sigSizes":{"sig":3293},"sunsetAfter":null,"weight":1.0}"#,
            r#"{"enabled":true,"id":"sphincs-shake-128s","kemSizes":null,"keySizes":{"pk":32,"sk":64},"kind":"sig","sigSizes":{"sig":7856},"sunsetAfter":null,"weight":0.25}"#,
        ]
    );
    assert_eq!(
        hex::encode(root),
        "8e4497fb8f4d8523c0b3e235886e55b772effc8b1bf4d4acd61a76d9620cb5b7\
         94bbd5a7014c3172143e13c824c32e23150b93f4fc47429bc95f6f4e7ca7e453"
    );
    assert_eq!(
        sha3_256(&root).to_string(),
        "fd976d3554946d22863fb0b2144ad45f18823527870a12cd6da883bde88dd55b"
    );
}

#[test]
fn shipped_policies_have_their_published_roots() {
    let fips = Policy::default_fips();
    assert_eq!(fips.root().to_string(), FIPS_ROOT);
    assert_eq!(fips.kem(), KemId::ML_KEM_768);
    assert_eq!(fips.preferred_signature(), SigAlg::MlDsa65);
    assert!(fips.allows_identity(SigAlg::SlhDsaShake128s));
    assert!(!fips.allows_signing(SigAlg::SlhDsaShake128s));
    assert!(!fips.allows_identity(SigAlg::Dilithium3));
    assert_eq!(fips.describe(), "ml-kem-768; ml-dsa-65, slh-dsa-shake-128s");
}

#[cfg(feature = "round3")]
#[test]
fn round3_policy_has_its_published_root() {
    let round3 = Policy::round3().unwrap();
    assert_eq!(round3.root().to_string(), ROUND3_ROOT);
    assert_eq!(round3.kem(), KemId::KYBER768);
    assert_eq!(round3.signatures(), [SigAlg::Dilithium3]);
}

#[cfg(not(feature = "round3"))]
#[test]
fn round3_policy_is_refused_by_a_build_without_it() {
    assert_eq!(root64(&shipped::round3()).len(), 64);
    assert_eq!(
        sha3_256(&root64(&shipped::round3())).to_string(),
        ROUND3_ROOT
    );
    assert_eq!(Policy::round3(), Err(PolicyError::NotInBuild("kyber768")));
    assert_eq!(
        Policy::from_words(Some("kyber768"), None),
        Err(PolicyError::NotInBuild("kyber768"))
    );
}

#[test]
fn a_policy_file_of_the_default_has_the_default_root() {
    let policy = fips_json(|_| ()).unwrap();
    assert_eq!(policy, Policy::default_fips());
    // Notes and the order of entries are not part of it.
    let policy = fips_json(|j| {
        j["entries"].as_array_mut().unwrap().reverse();
        j["entries"][0]["notes"] = "for people".into();
    });
    assert_eq!(policy.unwrap().root().to_string(), FIPS_ROOT);
}

#[test]
fn every_field_changes_the_root() {
    let edits: [fn(&mut serde_json::Value); 4] = [
        |j| j["version"] = 2.into(),
        |j| j["thresholds"]["sig"]["minWeight"] = 0.5.into(),
        |j| j["entries"][1]["weight"] = serde_json::Value::Null,
        |j| {
            let mut off = j["entries"][1].clone();
            off["id"] = "sphincs-shake-128s".into();
            off["enabled"] = false.into();
            j["entries"].as_array_mut().unwrap().push(off);
        },
    ];
    let mut roots = vec![Policy::default_fips().root()];
    roots.extend(edits.map(|edit| fips_json(edit).unwrap().root()));
    let unique: std::collections::HashSet<_> = roots.iter().collect();
    assert_eq!(unique.len(), roots.len());
}

#[test]
fn refuses_what_a_node_cannot_run() {
    type Edit = fn(&mut serde_json::Value);
    type Expected = fn(&PolicyError) -> bool;
    let cases: [(Edit, Expected); 10] = [
        (
            |j| j["entries"][0]["enabled"] = false.into(),
            |e| matches!(e, PolicyError::Threshold { kind: "kem", .. }),
        ),
        (
            |j| {
                j["thresholds"]["kem"]["minAlgs"] = 0.into();
                j["entries"][0]["enabled"] = false.into();
            },
            |e| matches!(e, PolicyError::KemCount(0)),
        ),
        (
            |j| j["entries"][1]["id"] = "falcon".into(),
            |e| matches!(e, PolicyError::UnknownAlgorithm(..)),
        ),
        (
            |j| j["entries"][1]["sunsetAfter"] = 9.into(),
            |e| matches!(e, PolicyError::Sunset(_)),
        ),
        (
            |j| j["entries"][1]["enabled"] = false.into(),
            |e| matches!(e, PolicyError::NoSigner),
        ),
        (
            |j| j["entries"][1]["sigSizes"]["sig"] = 3293.into(),
            |e| matches!(e, PolicyError::Sizes(_)),
        ),
        (
            |j| j["entries"][1]["wieght"] = 2.into(),
            |e| matches!(e, PolicyError::Malformed(_)),
        ),
        (
            |j| j["entries"][1]["id"] = "ML-DSA \"65\"".into(),
            |e| matches!(e, PolicyError::BadId(_)),
        ),
        (
            |j| j["entries"][1]["weight"] = 1e-9.into(),
            |e| matches!(e, PolicyError::BadWeight(_)),
        ),
        (
            |j| {
                let twice = j["entries"][1].clone();
                j["entries"].as_array_mut().unwrap().push(twice);
            },
            |e| matches!(e, PolicyError::Duplicate(_)),
        ),
    ];
    for (i, (edit, expected)) in cases.into_iter().enumerate() {
        let error = fips_json(edit).unwrap_err();
        assert!(expected(&error), "case {i}: {error}");
    }
    for junk in ["", "[]", "{}", "nul", "{\"version\": -1}"] {
        assert!(matches!(
            Policy::from_json(junk),
            Err(PolicyError::Malformed(_))
        ));
    }
}

#[cfg(feature = "round3")]
#[test]
fn refuses_two_kems() {
    let two = fips_json(|j| {
        let kyber = serde_json::to_value(Policy::round3().unwrap().document()).unwrap();
        j["entries"]
            .as_array_mut()
            .unwrap()
            .push(kyber["entries"][0].clone());
    });
    assert_eq!(two, Err(PolicyError::KemCount(2)));
}

#[test]
fn words_select_a_shipped_policy() {
    let fips = Policy::default_fips();
    for words in [
        (None, None),
        (Some("ml-kem-768"), None),
        (None, Some("slh-dsa-shake-128s")),
        (Some("ml-kem-768"), Some("ml-dsa-65")),
    ] {
        assert_eq!(Policy::from_words(words.0, words.1).as_ref(), Ok(&fips));
    }
    #[cfg(feature = "round3")]
    for words in [
        (Some("kyber768"), None),
        (None, Some("dilithium3")),
        (Some("kyber768"), Some("dilithium3")),
    ] {
        assert_eq!(Policy::from_words(words.0, words.1), Policy::round3());
    }
}

#[test]
fn mixtures_and_misspelt_words_are_refused_with_a_hint() {
    let mixed = Policy::from_words(Some("kyber768"), Some("ml-dsa-65")).unwrap_err();
    assert!(matches!(mixed, PolicyError::Mixture { .. }));
    assert!(mixed.to_string().contains("sign_alg = \"dilithium3\""));
    let typo = Policy::from_words(Some("kyber-768"), None).unwrap_err();
    assert!(typo.to_string().contains("ml-kem-768, kyber768"), "{typo}");
}

#[test]
fn an_extra_root_is_accepted_until_its_time() {
    let next = fips_json(|j| j["version"] = 2.into()).unwrap();
    let policy = Policy::default_fips();
    let both = policy.clone().with_extra(next.clone(), 1_000).unwrap();
    assert_eq!(both.root(), policy.root());
    assert_eq!(both.session(&policy.root(), 5_000), Some(&both));
    assert_eq!(both.session(&next.root(), 999), Some(&next));
    assert_eq!(both.session(&next.root(), 1_000), None);
    assert_eq!(policy.session(&next.root(), 0), None);
    assert_eq!(
        policy.clone().with_extra(policy.clone(), 1),
        Err(PolicyError::ExtraIsPrimary)
    );
    assert_eq!(next.with_extra(both, 1), Err(PolicyError::NestedExtra));
}
