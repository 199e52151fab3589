//! Lists on disk.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::{Files, SeedError, beside};
use crate::peers::seeds::{ListError, MAX_LIST_BYTES, MAX_SIGNATURE_BYTES};

/// Reads a list and the file beside it.
pub(super) fn read(path: &Path) -> Result<Files, SeedError> {
    let document = bounded(path, MAX_LIST_BYTES, "list")?.ok_or_else(|| SeedError::File {
        path: path.to_owned(),
        reason: "does not exist".to_owned(),
    })?;
    let signature = bounded(&beside(path), MAX_SIGNATURE_BYTES, "signature")?;
    Ok(Files {
        document,
        signature,
    })
}

/// The bytes of a regular file, `None` where there is none.
pub(super) fn bounded(
    path: &Path,
    limit: usize,
    what: &'static str,
) -> Result<Option<Vec<u8>>, SeedError> {
    let failed = |reason: String| SeedError::File {
        path: path.to_owned(),
        reason,
    };
    // Looked at before it is opened: opening a pipe would wait for its writer.
    match fs::metadata(path) {
        Ok(about) if about.is_file() => {}
        Ok(_) => return Err(failed("is not a regular file".to_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(format!("cannot be read: {e}"))),
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|e| failed(format!("cannot be read: {e}")))?;
    if bytes.len() > limit {
        return Err(ListError::TooLarge { what, limit }.into());
    }
    Ok(Some(bytes))
}
