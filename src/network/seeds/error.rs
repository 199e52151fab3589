//! Why a source gave nothing.

use std::path::PathBuf;

use crate::peers::seeds::ListError;

/// A source gave nothing that can be used. The node goes on with its other sources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// The system has no usable resolver.
    #[error(
        "no DNS server to ask ({0}): set discovery.dns_servers or the system's resolver configuration"
    )]
    NoResolver(String),
    /// DNS did not answer in time.
    #[error(
        "DNS did not answer about {name} within {secs} s: check the network and the DNS servers"
    )]
    DnsTimeout {
        /// The name.
        name: String,
        /// The limit.
        secs: u64,
    },
    /// DNS could not answer.
    #[error("DNS could not answer about {name}: {reason}")]
    Dns {
        /// The name.
        name: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nothing usable under a name.
    #[error(
        "{name} has neither TXT records with `ma=` nor addresses that this node may dial \
         ({dropped} were left out)"
    )]
    DnsEmpty {
        /// The name.
        name: String,
        /// Addresses that were private, relayed or unreadable.
        dropped: usize,
    },
    /// This build has no HTTPS.
    #[error("this build fetches nothing over https://: build it with the feature `http`")]
    NoHttp,
    /// No answer over HTTPS.
    #[error("{url} cannot be fetched: {reason}")]
    Http {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// An answer that is no file.
    #[error("{url} answers with status {status}: check the address")]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP's number.
        status: u16,
    },
    /// A redirection to somewhere without TLS.
    #[error("{url} redirects to an address without TLS")]
    PlainRedirect {
        /// What was asked for.
        url: String,
    },
    /// No answer in time.
    #[error("{url} did not answer within {secs} s")]
    HttpTimeout {
        /// What was asked for.
        url: String,
        /// The limit.
        secs: u64,
    },
    /// The certificate authorities cannot be used.
    #[error("discovery.tls_ca: {path:?} {reason}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{path:?} {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system gave no thread to ask from.
    #[error("no thread to fetch a list with: {0}")]
    NoThread(String),
    /// The list broke a rule.
    #[error(transparent)]
    List(#[from] ListError),
}
