//! Key files: not a peer's, but often copied from elsewhere.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use animica_p2p::identity::key_file;

/// A file that loads says what it loads, and writes a file that loads the same.
pub(super) fn key_file(data: &[u8]) -> bool {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("key");
    fs::write(&path, data).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its owner");
    let summary = key_file::inspect(&path);
    // Without a passphrase, which would take a second to try.
    let Ok(identity) = key_file::load(&path, None) else {
        return false;
    };
    let summary = summary.expect("what loads can be shown");
    assert!(!summary.sealed);
    assert_eq!(&summary.identity, identity.public());
    assert_eq!(&summary.signer, identity.signing_key());
    assert_eq!(summary.delegation.as_ref(), identity.delegation());
    let copy = dir.path().join("copy");
    key_file::create(&copy, &identity, None).expect("writes");
    assert_eq!(written(&copy).public(), identity.public());
    true
}

fn written(path: &Path) -> animica_p2p::identity::NodeIdentity {
    key_file::load(path, None).expect("what was written loads")
}
