//! Fetching first addresses: DNS names, lists on the web, lists on disk.
//!
//! [`Fetcher::fetch`] asks one source once and holds what comes back to the rules of
//! [`peers::seeds`]; when to ask, what to keep and whom to dial is the caller's. Nobody is asked who
//! is not configured: no public resolver, no built-in source. See `specs/discovery/seeds.md`.
//!
//! [`peers::seeds`]: crate::peers::seeds

mod dns;
mod error;
mod file;
#[cfg(feature = "http")]
mod https;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

pub use self::error::SeedError;
use crate::{
    clock::Clock,
    ids::ChainId,
    peers::seeds::{Kept, Keys, List, ListError, Rules, SeedEntry, Source, verify},
};

/// How long a DNS name may take, for each of the two questions asked about it.
const DNS_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a list and its signature may take over HTTPS, each: name, connection, answer.
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);

/// How sources are asked, and what their answers are held to.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our chain.
    pub chain: ChainId,
    /// Keys that lists are believed on.
    pub keys: Keys,
    /// Whether private addresses are left out: always on a public network.
    pub public_only: bool,
    /// DNS servers for `dns://` sources; none means the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// Port of bare addresses from DNS where the source names none.
    pub default_port: u16,
    /// File with the certificate authorities (PEM) for `https://` sources; `None` means the web's.
    pub tls_ca: Option<PathBuf>,
    /// For each question to DNS.
    pub dns_timeout: Duration,
    /// For each of the two files of a list.
    pub http_timeout: Duration,
}

impl Config {
    /// The defaults for `chain`: no keys, public addresses only, the system's resolver, the web's
    /// certificate authorities.
    #[must_use]
    pub fn new(chain: ChainId, default_port: u16) -> Self {
        Self {
            chain,
            keys: Keys::default(),
            public_only: true,
            dns_servers: Vec::new(),
            default_port,
            tls_ca: None,
            dns_timeout: DNS_TIMEOUT,
            http_timeout: HTTP_TIMEOUT,
        }
    }
}

/// What a source said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Whom it names, in its order: draw from it with [`order`](crate::peers::seeds::order).
    pub entries: Vec<SeedEntry>,
    /// Addresses that were left out: private, relayed, unreadable, repeated, beyond the limits.
    pub dropped: usize,
    /// The list, where it is one: what to [`keep`](crate::peers::seeds::keep).
    pub list: Option<FetchedList>,
}

/// A list as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedList {
    /// Its bytes and its signature.
    pub kept: Kept,
    /// When it was made: pass it to the next fetch of the same source.
    pub generated_ms: u64,
    /// When it ends.
    pub expires_ms: u64,
    /// Id of the key that signed it.
    pub key: String,
}

/// Asks sources.
pub struct Fetcher {
    config: Config,
    clock: Arc<dyn Clock>,
    dns: dns::Dns,
    #[cfg(feature = "http")]
    https: https::Https,
}

impl Fetcher {
    /// A fetcher. Reads the file of certificate authorities and the system's resolver
    /// configuration; a system without one fails `dns://` sources, not the others.
    ///
    /// # Errors
    /// The certificate authorities cannot be used.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, SeedError> {
        Ok(Self {
            dns: dns::Dns::new(&config.dns_servers, config.dns_timeout),
            #[cfg(feature = "http")]
            https: https::Https::new(config.tls_ca.as_deref(), config.http_timeout)?,
            config,
            clock,
        })
    }

    /// Asks `source`, whose newest list so far was made at `newest_ms` (0 if there is none).
    ///
    /// # Errors
    /// [`SeedError`] says what failed and what to do about it.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the question; its thread, if it has one, ends within the
    /// timeouts.
    pub async fn fetch(&self, source: &Source, newest_ms: u64) -> Result<Fetched, SeedError> {
        match source {
            Source::Dns { name, port } => {
                let port = port.unwrap_or(self.config.default_port);
                self.dns.ask(name, port, self.config.public_only).await
            }
            Source::File(path) => {
                let path = path.clone();
                let read = aside(move || file::read(&path)).await?;
                self.check(read, newest_ms)
            }
            Source::Https(url) => {
                let read = self.download(url).await?;
                self.check(read, newest_ms)
            }
        }
    }

    /// Reads a list that was kept, as if it had been fetched now.
    ///
    /// # Errors
    /// It has expired, or its key is no longer believed.
    pub fn recall(&self, kept: Kept) -> Result<Fetched, SeedError> {
        let files = Files {
            document: kept.document,
            signature: Some(kept.signature),
        };
        self.check(files, 0)
    }

    #[cfg(feature = "http")]
    async fn download(&self, url: &str) -> Result<Files, SeedError> {
        let (https, url) = (self.https.clone(), url.to_owned());
        aside(move || https.download(&url)).await
    }

    #[cfg(not(feature = "http"))]
    #[allow(clippy::unused_async)]
    async fn download(&self, _: &str) -> Result<Files, SeedError> {
        Err(SeedError::NoHttp)
    }

    fn check(&self, files: Files, newest_ms: u64) -> Result<Fetched, SeedError> {
        let rules = Rules {
            chain: self.config.chain,
            keys: &self.config.keys,
            public_only: self.config.public_only,
            now_ms: self.clock.now().wall_ms,
            newest_ms,
        };
        let List {
            generated_ms,
            expires_ms,
            entries,
            dropped,
            key,
        } = verify(&files.document, files.signature.as_deref(), &rules)?;
        let signature = files.signature.ok_or(ListError::Unsigned)?;
        let kept = Kept {
            document: files.document,
            signature,
        };
        Ok(Fetched {
            entries,
            dropped,
            list: Some(FetchedList {
                kept,
                generated_ms,
                expires_ms,
                key,
            }),
        })
    }
}

/// A list and the file beside it, unread.
#[derive(Debug)]
struct Files {
    document: Vec<u8>,
    signature: Option<Vec<u8>>,
}

/// The name of the file beside `path`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Runs `work`, which blocks, on a thread of its own: a runtime that shuts down waits for its
/// blocking pool, and a slow server must not hold a node's end back.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SeedError> + Send + 'static,
) -> Result<T, SeedError> {
    let (done, result) = oneshot::channel();
    thread::Builder::new()
        .name("seeds".to_owned())
        .spawn(move || {
            // Nobody waits any more: the fetch was given up.
            let _ = done.send(work());
        })
        .map_err(|e| SeedError::NoThread(e.to_string()))?;
    result.await.unwrap_or(Err(SeedError::NoThread(
        "it ended without a result".to_owned(),
    )))
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
