//! Lists on the web.

use std::{path::Path, sync::Arc, time::Duration};

use ureq::{
    Agent, Error,
    config::Config,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use super::{Files, SeedError, file};
use crate::peers::seeds::{ListError, MAX_LIST_BYTES, MAX_SIGNATURE_BYTES};

/// Most redirections that are followed.
const MAX_REDIRECTS: u32 = 3;

/// Longest head of an answer.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Longest file of certificate authorities: five times all of the web's.
const MAX_AUTHORITIES_BYTES: usize = 1024 * 1024;

/// A client without cookies and without a proxy of the environment.
#[derive(Clone)]
pub(super) struct Https {
    agent: Agent,
    limit: Duration,
}

impl Https {
    /// A client that believes the authorities in the file `authorities`, or the web's.
    pub(super) fn new(authorities: Option<&Path>, limit: Duration) -> Result<Self, SeedError> {
        let roots = match authorities {
            Some(path) => read_authorities(path)?,
            None => RootCerts::WebPki,
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Config::builder()
            .https_only(true)
            .tls_config(tls)
            .proxy(None)
            .max_redirects(MAX_REDIRECTS)
            .max_redirects_will_error(true)
            .http_status_as_error(true)
            .max_response_header_size(MAX_HEAD_BYTES)
            .timeout_global(Some(limit))
            .max_idle_connections(0)
            .user_agent(concat!("animica-p2p/", env!("CARGO_PKG_VERSION")))
            .accept("application/json, text/plain")
            .build();
        Ok(Self {
            agent: config.new_agent(),
            limit,
        })
    }

    /// Fetches a list and the file beside it. Blocks, at most twice the limit.
    pub(super) fn download(&self, url: &str) -> Result<Files, SeedError> {
        let document = self.get(url, MAX_LIST_BYTES, "list")?;
        let signature = match self.get(&beside(url), MAX_SIGNATURE_BYTES, "signature") {
            Ok(signature) => Some(signature),
            Err(SeedError::Status {
                status: 404 | 410, ..
            }) => None,
            Err(error) => return Err(error),
        };
        Ok(Files {
            document,
            signature,
        })
    }

    fn get(&self, url: &str, limit: usize, what: &'static str) -> Result<Vec<u8>, SeedError> {
        let fetch = || {
            let mut response = self.agent.get(url).call()?;
            let most = u64::try_from(limit).unwrap_or(u64::MAX);
            response.body_mut().with_config().limit(most).read_to_vec()
        };
        fetch().map_err(|error| self.named(error, url, limit, what))
    }

    fn named(&self, error: Error, url: &str, limit: usize, what: &'static str) -> SeedError {
        let url = url.to_owned();
        match error {
            Error::BodyExceedsLimit(_) => ListError::TooLarge { what, limit }.into(),
            Error::StatusCode(status) => SeedError::Status { url, status },
            Error::RequireHttpsOnly(_) => SeedError::PlainRedirect { url },
            Error::Timeout(_) => SeedError::HttpTimeout {
                url,
                secs: self.limit.as_secs(),
            },
            Error::HostNotFound => SeedError::Http {
                url,
                reason: "its host is not known: check the address and the network".to_owned(),
            },
            other => SeedError::Http {
                url,
                reason: other.to_string(),
            },
        }
    }
}

/// The address of the file beside `url`: `.sig` belongs to the path, before a query.
fn beside(url: &str) -> String {
    match url.split_once('?') {
        Some((path, query)) => format!("{path}.sig?{query}"),
        None => format!("{url}.sig"),
    }
}

fn read_authorities(path: &Path) -> Result<RootCerts, SeedError> {
    let wrong = |reason: &str| SeedError::Authorities {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let pem = match file::bounded(path, MAX_AUTHORITIES_BYTES, "file") {
        Ok(Some(pem)) => pem,
        Ok(None) => return Err(wrong("does not exist")),
        Err(SeedError::File { reason, .. }) => return Err(wrong(&reason)),
        Err(_) => return Err(wrong("is longer than 1 MiB")),
    };
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(wrong("is not PEM")),
        }
    }
    if certificates.is_empty() {
        return Err(wrong("holds no certificate"));
    }
    Ok(RootCerts::from(certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_beside_the_list() {
        assert_eq!(beside("https://a/b.json"), "https://a/b.json.sig");
        assert_eq!(
            beside("https://a/b.json?c=d?e"),
            "https://a/b.json.sig?c=d?e"
        );
    }
}
