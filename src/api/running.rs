//! The nodes that run as this user, so that a command need not be told where its node is.
//!
//! A node leaves a small JSON file in `$XDG_RUNTIME_DIR/animica-p2p` and in `run` beside the
//! default data directories, whichever exist; commands read both, because a shell and a service
//! often differ in one of the variables. Whether an entry is alive is decided by its control
//! socket, never by a process id; dead entries are removed by whoever meets them.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use libp2p::Multiaddr;
use serde::{Deserialize, Serialize};

use super::control;
use crate::{ids::ChainId, node::config::data_root};

/// Most entries that are looked at.
const MAX_ENTRIES: usize = 1024;

/// Longest entry that is read.
const MAX_ENTRY_BYTES: u64 = 64 * 1024;

/// A node that runs, or did when it was written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its data directory, absolute.
    pub data_dir: PathBuf,
    /// Its PeerId.
    pub peer_id: String,
    /// The chain it speaks.
    pub chain_id: ChainId,
    /// Addresses it listens on.
    pub addresses: Vec<Multiaddr>,
    /// When it started, milliseconds since the UNIX epoch.
    pub started_ms: u64,
}

impl Entry {
    /// Whether `addr` leads to this node: same port, and the same host or one that any local
    /// listener answers for.
    #[must_use]
    pub fn listens_on(&self, addr: &Multiaddr) -> bool {
        use libp2p::multiaddr::Protocol;
        let port = |a: &Multiaddr| {
            a.iter().find_map(|p| match p {
                Protocol::Tcp(port) => Some(port),
                _ => None,
            })
        };
        let host = |a: &Multiaddr| a.iter().next().map(Protocol::acquire);
        let loopback = match addr.iter().next() {
            Some(Protocol::Ip4(ip)) => ip.is_loopback() || ip.is_unspecified(),
            Some(Protocol::Ip6(ip)) => ip.is_loopback() || ip.is_unspecified(),
            _ => false,
        };
        self.addresses.iter().any(|own| {
            let unspecified = match own.iter().next() {
                Some(Protocol::Ip4(ip)) => ip.is_unspecified(),
                Some(Protocol::Ip6(ip)) => ip.is_unspecified(),
                _ => false,
            };
            port(own).is_some()
                && port(own) == port(addr)
                && (host(own) == host(addr) || (unspecified && loopback))
        })
    }
}

/// An entry of a running node; removed when dropped.
#[derive(Debug)]
pub struct Registration(Vec<PathBuf>);

impl Drop for Registration {
    fn drop(&mut self) {
        for path in &self.0 {
            drop(fs::remove_file(path));
        }
    }
}

/// The registry folders of this user.
#[must_use]
pub fn folders() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute() && p.is_dir())
        .map(|p| p.join("animica-p2p"));
    let beside_data = data_root().map(|root| root.join("run"));
    runtime.into_iter().chain(beside_data).collect()
}

/// Writes the entry of a node that has just started. A folder that cannot be written is skipped:
/// the node runs all the same, only commands have to name its data directory.
#[must_use]
pub fn register(folders: &[PathBuf], entry: &Entry) -> Registration {
    let mut written = Vec::new();
    for folder in folders {
        let path = folder.join(file_name(&entry.data_dir));
        match write(folder, &path, entry) {
            Ok(()) => written.push(path),
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "node is not registered here");
            }
        }
    }
    Registration(written)
}

/// Nodes that answer, newest first.
#[must_use]
pub fn running(folders: &[PathBuf]) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    for folder in folders {
        let Ok(files) = fs::read_dir(folder) else {
            continue;
        };
        for file in files.flatten().take(MAX_ENTRIES) {
            let path = file.path();
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let Some(entry) = read(&path) else { continue };
            if out.iter().any(|e| e.data_dir == entry.data_dir) {
                continue;
            }
            match control::connect(&entry.data_dir) {
                Ok(_) => out.push(entry),
                Err(e)
                    if matches!(
                        e.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                    ) =>
                {
                    drop(fs::remove_file(&path));
                }
                Err(_) => {}
            }
        }
    }
    out.sort_by_key(|e| std::cmp::Reverse(e.started_ms));
    out
}

fn read(path: &Path) -> Option<Entry> {
    if fs::metadata(path).ok()?.len() > MAX_ENTRY_BYTES {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write(folder: &Path, path: &Path, entry: &Entry) -> io::Result<()> {
    use std::io::Write;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let draft = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(&serde_json::to_vec(entry)?)?;
    fs::rename(&draft, path)
}

/// One file per data directory: a later node on the same directory replaces the entry.
fn file_name(data_dir: &Path) -> String {
    let hash = crate::crypto::hash::sha3_256(data_dir.as_os_str().as_encoded_bytes());
    format!("{}.json", hex::encode(&hash.as_bytes()[..12]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(dir: &Path, started_ms: u64, addr: &str) -> Entry {
        Entry {
            data_dir: dir.to_owned(),
            peer_id: "14QGS".to_owned(),
            chain_id: ChainId(1),
            addresses: vec![addr.parse().expect("an address")],
            started_ms,
        }
    }

    #[test]
    fn only_nodes_whose_socket_answers_are_running_newest_first() {
        let root = tempfile::tempdir().expect("a directory");
        let folders = [root.path().join("a"), root.path().join("b")];
        let dirs: Vec<_> = (0..3)
            .map(|_| tempfile::tempdir().expect("a directory"))
            .collect();
        let _alive: Vec<_> = dirs[..2]
            .iter()
            .map(|d| control::bind(d.path()).expect("binds"))
            .collect();
        let kept: Vec<_> = dirs
            .iter()
            .enumerate()
            .map(|(i, d)| {
                let e = entry(d.path(), i as u64, "/ip4/127.0.0.1/tcp/1");
                register(&folders, &e)
            })
            .collect();
        let found = running(&folders);
        let times: Vec<u64> = found.iter().map(|e| e.started_ms).collect();
        assert_eq!(times, [1, 0], "the third has no socket");
        drop(kept);
        assert!(running(&folders).is_empty());
        fs::write(folders[0].join("x.json"), b"nonsense").expect("written");
        assert!(running(&folders).is_empty(), "nonsense is skipped");
    }

    #[test]
    fn a_node_knows_which_addresses_lead_to_itself() {
        let dir = Path::new("/d");
        let to = |s: &str| s.parse().expect("an address");
        let any = entry(dir, 0, "/ip4/0.0.0.0/tcp/5");
        assert!(any.listens_on(&to("/ip4/127.0.0.1/tcp/5")));
        assert!(!any.listens_on(&to("/ip4/127.0.0.1/tcp/6")));
        assert!(!any.listens_on(&to("/ip4/10.0.0.9/tcp/5")));
        let one = entry(
            dir,
            0,
            "/ip4/127.0.0.1/tcp/5/p2p/14QGSWnVRpgxsCq4p3sPSsntigfxxnAuXGGzhafENtfWqLQVQ",
        );
        assert!(one.listens_on(&to("/ip4/127.0.0.1/tcp/5")));
        assert!(!one.listens_on(&to("/ip4/127.0.0.2/tcp/5")));
    }
}
