use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::{
    identity::{Delegation, DelegationFields, KeyPair, Usage},
    ids::{ChainId, Hash32},
};

fn node() -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([1; 32]).unwrap())
}

fn place() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("identity.key");
    (dir, path)
}

fn written(edit: impl FnOnce(&mut serde_json::Value)) -> (TempDir, PathBuf) {
    let (dir, path) = place();
    create(&path, &node(), None).unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut json);
    fs::write(&path, json.to_string()).unwrap();
    (dir, path)
}

fn delegated() -> NodeIdentity {
    let identity = KeyPair::deterministic([1; 32]).unwrap();
    let signer = KeyPair::deterministic([2; 32]).unwrap();
    let fields = DelegationFields {
        peer_digest: identity.public().digest(),
        chain_id: ChainId(1),
        genesis: Hash32::ZERO,
        serial: 1,
        usages: Usage::ALL,
        signing_alg: signer.alg().id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: 1,
        not_after_ms: 2,
    };
    let delegation = Delegation::issue(&identity, &fields).unwrap();
    NodeIdentity::with_delegation(identity.public().clone(), signer, delegation).unwrap()
}

#[test]
fn a_key_of_every_algorithm_survives_the_disk() {
    for alg in SigAlg::ALL.iter().filter(|a| a.is_available()) {
        let (dir, path) = place();
        let (made, origin) = load_or_create(&path, *alg, None).unwrap();
        assert_eq!(origin, Origin::Created);
        let (again, origin) = load_or_create(&path, *alg, None).unwrap();
        assert_eq!((again.public(), origin), (made.public(), Origin::Loaded));
        assert_eq!(inspect(&path).unwrap().identity, *made.public());
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "no draft is left behind");
    }
}

#[test]
fn a_new_file_is_for_its_owner_only() {
    let (_dir, path) = place();
    create(&path, &node(), None).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_command_to_run() {
    for mode in [0o640, 0o604, 0o644, 0o660, 0o610] {
        let (_dir, path) = place();
        create(&path, &node(), None).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let text = load(&path, None).unwrap_err().to_string();
        let command = format!("chmod 600 {}", path.display());
        assert!(text.contains(&command), "{text}");
        assert!(inspect(&path).is_err());
    }
    let odd = KeyFileError::Open {
        path: PathBuf::from("/a dir/it's"),
        mode: 0o644,
    };
    assert!(odd.to_string().ends_with(r"chmod 600 '/a dir/it'\''s'"));
}

#[test]
fn a_file_is_never_overwritten() {
    let (_dir, path) = place();
    create(&path, &node(), None).unwrap();
    let before = fs::read(&path).unwrap();
    let other = NodeIdentity::generate(SigAlg::MlDsa65).unwrap();
    assert!(matches!(
        create(&path, &other, None),
        Err(KeyFileError::Exists { .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), before);
    // Nor is what a dangling link points to created behind somebody's back.
    let link = path.with_file_name("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert!(matches!(
        create(&link, &other, None),
        Err(KeyFileError::Exists { .. })
    ));
}

#[cfg(not(feature = "cli"))]
#[test]
fn a_build_without_age_says_so() {
    let (_dir, path) = place();
    let passphrase = Passphrase::new("correct horse".into());
    assert!(matches!(
        create(&path, &node(), Some(&passphrase)),
        Err(KeyFileError::NoPassphraseSupport { .. })
    ));
    assert!(!path.exists(), "nothing is written in clear instead");
}

#[cfg(feature = "cli")]
#[test]
fn a_passphrase_seals_the_secret_and_nothing_else() {
    let (_dir, path) = place();
    let good = Passphrase::new("correct horse".into());
    create(&path, &node(), Some(&good)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&hex::encode([1; 32])), "the seed is sealed");
    let summary = inspect(&path).unwrap();
    assert_eq!((summary.sealed, &summary.identity), (true, node().public()));
    assert_eq!(load(&path, Some(&good)).unwrap().public(), node().public());
    assert!(matches!(
        load(&path, None),
        Err(KeyFileError::PassphraseNeeded { .. })
    ));
    let wrong = Passphrase::new("wrong".into());
    assert!(matches!(
        load(&path, Some(&wrong)),
        Err(KeyFileError::WrongPassphrase { .. })
    ));
    assert_eq!(format!("{wrong:?}"), "<redacted>");
}

#[test]
fn a_delegated_key_travels_without_the_identitys_secret() {
    let (_dir, path) = place();
    create(&path, &delegated(), None).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&hex::encode([1; 32])), "{text}");
    let node = load(&path, None).unwrap();
    assert_eq!(node.public(), self::node().public());
    assert_eq!(
        node.delegation(),
        delegated().delegation().map(|_| node.delegation().unwrap())
    );
    assert_eq!(node.signing_key(), delegated().signing_key());
    let summary = inspect(&path).unwrap();
    assert_ne!(summary.identity, summary.signer);
    assert!(summary.delegation.is_some());
}

#[test]
fn a_newer_version_is_named_as_such_whatever_follows() {
    let (_dir, path) = written(|j| {
        j["version"] = 2.into();
        j["surprise"] = true.into();
    });
    let error = load(&path, None).unwrap_err();
    assert!(
        matches!(
            error,
            KeyFileError::Newer {
                found: 2,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_damaged_file_is_named_never_a_panic() {
    let edits: [fn(&mut serde_json::Value); 10] = [
        |j| j["format"] = "ssh".into(),
        |j| j["version"] = 0.into(),
        |j| j["peer_id"] = "14QGS".into(),
        |j| j["extra"] = 1.into(),
        |j| j["identity"]["alg"] = "rsa".into(),
        |j| j["identity"]["public"] = "00".into(),
        |j| j["secret"]["pq"] = "zz".into(),
        |j| j["secret"]["pq"] = hex::encode([9; 32]).into(),
        |j| j["secret"]["ed25519"] = hex::encode([9; 32]).into(),
        |j| drop(j.as_object_mut().unwrap().remove("secret")),
    ];
    for (i, edit) in edits.into_iter().enumerate() {
        let (_dir, path) = written(edit);
        let error = load(&path, None).unwrap_err();
        assert!(
            matches!(error, KeyFileError::Corrupt { .. }),
            "{i}: {error}"
        );
        assert!(error.to_string().contains("identity.key"), "{error}");
    }
    let (_dir, path) = written(|_| ());
    let whole = fs::read(&path).unwrap();
    for cut in [0, 1, whole.len() / 2, whole.len() - 2] {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(matches!(
            load(&path, None),
            Err(KeyFileError::Corrupt { .. })
        ));
    }
    fs::write(&path, vec![b' '; MAX_FILE_BYTES as usize + 1]).unwrap();
    assert!(matches!(
        load(&path, None),
        Err(KeyFileError::Corrupt { .. })
    ));
}

#[test]
fn missing_and_unusable_paths_are_told_apart() {
    let (dir, path) = place();
    assert!(matches!(
        load(&path, None),
        Err(KeyFileError::Missing { .. })
    ));
    assert!(matches!(
        load(dir.path(), None),
        Err(KeyFileError::Corrupt { .. })
    ));
    fs::write(&path, "x").unwrap();
    assert!(matches!(
        create(&path.join("below-a-file"), &node(), None),
        Err(KeyFileError::Write { .. } | KeyFileError::Exists { .. })
    ));
    assert!(matches!(
        load(&path.join("below-a-file"), None),
        Err(KeyFileError::Read { .. })
    ));
    // Directories on the way are made.
    let deep = dir.path().join("a/b/identity.key");
    create(&deep, &node(), None).unwrap();
    assert!(load(&deep, None).is_ok());
}

#[cfg(not(feature = "round3"))]
#[test]
fn a_key_of_an_algorithm_left_out_of_the_build_is_named() {
    let (_dir, path) = written(|j| j["identity"]["alg"] = "dilithium3".into());
    assert!(matches!(
        load(&path, None),
        Err(KeyFileError::NotInBuild { .. })
    ));
}
