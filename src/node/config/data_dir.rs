//! Where a node keeps its data: the default place, and the forms of `--db`.

use std::path::{Path, PathBuf};

use crate::ids::ChainId;

/// The folder that holds one data directory per chain: `$XDG_DATA_HOME/animica-p2p`, else
/// `$HOME/.local/share/animica-p2p`. `None` when neither variable is set to an absolute path.
#[must_use]
pub fn data_root() -> Option<PathBuf> {
    root_from(std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME"))
}

/// The data directory of `chain` unless told otherwise.
#[must_use]
pub fn default_data_dir(chain: ChainId) -> Option<PathBuf> {
    data_root().map(|root| root.join(chain.to_string()))
}

fn root_from(xdg: Option<std::ffi::OsString>, home: Option<std::ffi::OsString>) -> Option<PathBuf> {
    let absolute = |v: std::ffi::OsString| Some(PathBuf::from(v)).filter(|p| p.is_absolute());
    let base = xdg
        .and_then(absolute)
        .or_else(|| home.and_then(absolute).map(|h| h.join(".local/share")))?;
    Some(base.join("animica-p2p"))
}

/// What `--db` named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbForm {
    /// The data directory.
    pub dir: PathBuf,
    /// The scheme it was written with, if any.
    pub scheme: Option<&'static str>,
}

impl DbForm {
    /// What to tell whoever wrote an SQLite URL: the storage is another one.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        (self.scheme == Some("sqlite")).then(|| {
            format!(
                "storage is redb: `{}` is created as a data directory, not as an SQLite file",
                self.dir.display()
            )
        })
    }
}

/// Why `--db` names nothing usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DbFormError {
    /// No path.
    #[error("`{0}` names no path")]
    Empty(String),
    /// Another database's URL.
    #[error("`{text}`: `{scheme}` is not a storage of this node (redb:///DIR or a plain path)")]
    Scheme {
        /// As written.
        text: String,
        /// Its scheme.
        scheme: String,
    },
    /// Two slashes, which would make the first folder a host.
    #[error(
        "`{text}`: write three slashes before a relative path ({scheme}:///DIR), four before an absolute one"
    )]
    Slashes {
        /// As written.
        text: String,
        /// Its scheme.
        scheme: &'static str,
    },
    /// SQLite's in-memory name.
    #[error("`{0}`: a node keeps its chain on disk, there is no in-memory storage")]
    Memory(String),
    /// The path is a file.
    #[error("`{}` is a file; --db names a directory (storage is redb, an SQLite file of the original is not read)", .0.display())]
    IsFile(PathBuf),
}

/// Reads `--db`: `DIR`, `redb:///DIR` or `sqlite:///DIR`; three slashes relative, four absolute.
///
/// # Errors
/// [`DbFormError`], also when the path exists and is a file.
pub fn parse_db(text: &str) -> Result<DbForm, DbFormError> {
    let (scheme, path) = match text.split_once(':') {
        Some((scheme, rest)) if rest.starts_with("//") || rest.contains(":memory:") => {
            let known = match scheme {
                "redb" => "redb",
                "sqlite" => "sqlite",
                other => {
                    return Err(DbFormError::Scheme {
                        text: text.to_owned(),
                        scheme: other.to_owned(),
                    });
                }
            };
            if rest.contains(":memory:") {
                return Err(DbFormError::Memory(text.to_owned()));
            }
            let path = rest.strip_prefix("///").ok_or(DbFormError::Slashes {
                text: text.to_owned(),
                scheme: known,
            })?;
            (Some(known), path)
        }
        _ => (None, text),
    };
    let path = path.split(['?', '#']).next().unwrap_or(path);
    if path.is_empty() {
        return Err(DbFormError::Empty(text.to_owned()));
    }
    let dir = Path::new(path);
    if dir.is_file() {
        return Err(DbFormError::IsFile(dir.to_owned()));
    }
    Ok(DbForm {
        dir: dir.to_owned(),
        scheme,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_slashes_are_relative_and_four_absolute() {
        for (text, dir, scheme) in [
            ("nodeA.db", "nodeA.db", None),
            ("/var/lib/n", "/var/lib/n", None),
            ("redb:///nodeA.db", "nodeA.db", Some("redb")),
            ("sqlite:///nodeA.db", "nodeA.db", Some("sqlite")),
            ("sqlite:///./a/b", "./a/b", Some("sqlite")),
            ("sqlite:////var/lib/n", "/var/lib/n", Some("sqlite")),
            ("sqlite:///nodeA.db?mode=rwc", "nodeA.db", Some("sqlite")),
        ] {
            let form = parse_db(text).expect("a valid form");
            assert_eq!((form.dir.as_path(), form.scheme), (Path::new(dir), scheme));
            assert_eq!(form.note().is_some(), scheme == Some("sqlite"), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused_with_what_to_write() {
        assert!(matches!(
            parse_db("sqlite://nodeA.db"),
            Err(DbFormError::Slashes { .. })
        ));
        assert!(matches!(
            parse_db("postgres://host/db"),
            Err(DbFormError::Scheme { .. })
        ));
        assert!(matches!(
            parse_db("sqlite:///:memory:"),
            Err(DbFormError::Memory(_))
        ));
        assert!(matches!(
            parse_db("sqlite::memory:"),
            Err(DbFormError::Memory(_))
        ));
        assert!(matches!(parse_db("redb:///"), Err(DbFormError::Empty(_))));
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_string_lossy().into_owned();
        assert!(matches!(parse_db(&path), Err(DbFormError::IsFile(_))));
    }

    #[test]
    fn the_default_place_follows_xdg_then_home() {
        let os = |s: &str| Some(std::ffi::OsString::from(s));
        assert_eq!(
            root_from(os("/x"), os("/h")),
            Some(PathBuf::from("/x/animica-p2p"))
        );
        assert_eq!(
            root_from(os("relative"), os("/h")),
            Some(PathBuf::from("/h/.local/share/animica-p2p"))
        );
        assert_eq!(root_from(None, None), None);
    }
}
