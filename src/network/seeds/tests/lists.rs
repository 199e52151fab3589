//! Lists on disk, and lists that were kept.

use std::fs;

use tempfile::TempDir;

use super::*;

fn on_disk(document: &[u8], signature: Option<&[u8]>) -> (TempDir, Source) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seeds.json");
    fs::write(&path, document).unwrap();
    if let Some(signature) = signature {
        fs::write(dir.path().join("seeds.json.sig"), signature).unwrap();
    }
    (dir, Source::File(path))
}

#[tokio::test]
async fn a_signed_file_is_read_and_kept_and_recalled_without_it() {
    let signed = signed_list();
    let (dir, source) = on_disk(&signed.document, Some(signed.signature.as_bytes()));
    let fetcher = fetcher(config());
    let fetched = fetcher.fetch(&source, 0).await.unwrap();
    assert_eq!(fetched.entries.len(), 3);
    let list = fetched.list.clone().unwrap();
    assert_eq!(
        (list.generated_ms, list.expires_ms),
        (NOW, signed.expires_ms)
    );
    assert!(fetcher.fetch(&source, list.generated_ms).await.is_ok());
    let older = fetcher.fetch(&source, NOW + 1).await;
    assert!(matches!(
        older,
        Err(SeedError::List(ListError::Older { .. }))
    ));
    drop(dir);
    assert!(matches!(
        fetcher.fetch(&source, 0).await,
        Err(SeedError::File { .. })
    ));
    assert_eq!(fetcher.recall(list.kept), Ok(fetched));
}

#[test]
fn a_kept_list_ends_with_its_time_and_with_its_key() {
    let signed = signed_list();
    let kept = Kept {
        document: signed.document,
        signature: signed.signature.into_bytes(),
    };
    let keyless = fetcher(Config {
        keys: Keys::default(),
        ..config()
    });
    assert_eq!(keyless.recall(kept.clone()), Err(ListError::NoKeys.into()));
    let later = Arc::new(ManualClock::at_wall_ms(signed.expires_ms));
    let late = Fetcher::new(config(), later).unwrap();
    assert!(matches!(
        late.recall(kept),
        Err(SeedError::List(ListError::Expired { .. }))
    ));
}

#[tokio::test]
async fn refuses_files_that_are_unsigned_too_long_or_no_files() {
    let signed = signed_list();
    let fetcher = fetcher(config());
    let (_dir, source) = on_disk(&signed.document, None);
    assert_eq!(
        fetcher.fetch(&source, 0).await,
        Err(ListError::Unsigned.into())
    );
    let (_dir, source) = on_disk(&[b' '; 300_000], None);
    let error = fetcher.fetch(&source, 0).await.unwrap_err();
    assert!(matches!(error, SeedError::List(ListError::TooLarge { .. })));
    let dir = tempfile::tempdir().unwrap();
    let error = fetcher
        .fetch(&Source::File(dir.path().into()), 0)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn a_fetch_can_run_in_a_task_of_its_own() {
    fn is_send(_: &impl Send) {}
    let fetcher = fetcher(config());
    let source = source("file:///none");
    is_send(&fetcher.fetch(&source, 0));
}
