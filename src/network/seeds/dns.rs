//! Seeds in DNS.

use std::{net::SocketAddr, time::Duration};

use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{RData, RecordType},
};
use tokio::time::timeout;

use super::{Fetched, SeedError};
use crate::peers::seeds::{Answer, MAX_RECORDS, MAX_TXT_BYTES, of_addresses, read_txt};

/// How long an answer may be kept, whatever its own time to live (the original's figure).
const MAX_CACHED: Duration = Duration::from_secs(60 * 60);

/// How long the absence of a name may be kept: a publisher who just made it waits no longer.
const MAX_CACHED_ABSENCE: Duration = Duration::from_secs(5 * 60);

/// Most answers that are kept: a few sources with three questions each.
const MAX_CACHED_ANSWERS: u64 = 64;

/// Questions about one name are repeated so often before the time is up.
const ATTEMPTS: u32 = 3;

/// A resolver, or why there is none.
pub(super) struct Dns {
    resolver: Result<TokioResolver, String>,
    limit: Duration,
}

impl Dns {
    /// Asks `servers`, or those of the system if there are none.
    pub(super) fn new(servers: &[SocketAddr], limit: Duration) -> Self {
        let builder = match servers {
            [] => TokioResolver::builder_tokio(),
            servers => {
                let servers = servers.iter().copied().map(server).collect();
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                let provider = TokioRuntimeProvider::default();
                Ok(Resolver::builder_with_config(config, provider))
            }
        };
        let resolver = builder.and_then(|mut builder| {
            set(builder.options_mut(), limit);
            builder.build()
        });
        Self {
            resolver: resolver.map_err(|e| e.to_string()),
            limit,
        }
    }

    /// What `name` says: its TXT records, or failing those its addresses with `port`.
    pub(super) async fn ask(
        &self,
        name: &str,
        port: u16,
        public_only: bool,
    ) -> Result<Fetched, SeedError> {
        let resolver = match &self.resolver {
            Ok(resolver) => resolver,
            Err(reason) => return Err(SeedError::NoResolver(reason.clone())),
        };
        // The final dot keeps the system's search domains out of it.
        let whole = format!("{name}.");
        let records = self
            .within(name, resolver.lookup(whole.as_str(), RecordType::TXT))
            .await?;
        let texts = records.as_ref().map_or_else(Vec::new, |found| {
            let texts = found.answers().iter().filter_map(|r| text(&r.data));
            texts.take(MAX_RECORDS).collect()
        });
        let answer = read_txt(texts.iter().map(Vec::as_slice), public_only);
        if !answer.entries.is_empty() {
            return Ok(fetched(answer));
        }
        let found = self
            .within(name, resolver.lookup_ip(whole.as_str()))
            .await?;
        let addresses = found.iter().flat_map(|found| found.iter());
        let mut bare = of_addresses(addresses, port, public_only);
        bare.dropped += answer.dropped;
        if bare.entries.is_empty() {
            return Err(SeedError::DnsEmpty {
                name: name.to_owned(),
                dropped: bare.dropped,
            });
        }
        Ok(fetched(bare))
    }

    /// An answer in time; `None` if there is nothing of the kind.
    async fn within<T>(
        &self,
        name: &str,
        question: impl Future<Output = Result<T, NetError>>,
    ) -> Result<Option<T>, SeedError> {
        let late = || SeedError::DnsTimeout {
            name: name.to_owned(),
            secs: self.limit.as_secs(),
        };
        match timeout(self.limit, question).await {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(error)) if error.is_no_records_found() => Ok(None),
            Ok(Err(NetError::Timeout)) | Err(_) => Err(late()),
            Ok(Err(error)) => Err(SeedError::Dns {
                name: name.to_owned(),
                reason: error.to_string(),
            }),
        }
    }
}

fn fetched(answer: Answer) -> Fetched {
    Fetched {
        entries: answer.entries,
        dropped: answer.dropped,
        list: None,
    }
}

/// The strings of a TXT record, joined; `None` for other records and for what is too long.
fn text(data: &RData) -> Option<Vec<u8>> {
    let RData::TXT(txt) = data else {
        return None;
    };
    let strings = || txt.txt_data.iter();
    let len: usize = strings().map(|s| s.len()).sum();
    (len <= MAX_TXT_BYTES).then(|| strings().flat_map(|s| s.iter().copied()).collect())
}

fn server(address: SocketAddr) -> NameServerConfig {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    NameServerConfig::new(address.ip(), true, connections.map(on_port).into())
}

fn set(options: &mut ResolverOpts, limit: Duration) {
    options.timeout = limit / ATTEMPTS;
    options.attempts = 2;
    options.edns0 = true;
    options.try_tcp_on_error = true;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.cache_size = MAX_CACHED_ANSWERS;
    options.positive_max_ttl = Some(MAX_CACHED);
    options.negative_max_ttl = Some(MAX_CACHED_ABSENCE);
}
