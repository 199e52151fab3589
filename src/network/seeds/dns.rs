//! Seeds in DNS.

use std::{net::SocketAddr, time::Duration};

use hickory_resolver::{
    Resolver, ResolverBuilder, TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts},
    lookup::Lookup,
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

/// Resolvers in the order in which they are asked, or why there is none.
///
/// Each configured server has its own: one resolver of several servers gives up at the first that
/// answers with an error.
pub(super) struct Dns {
    resolvers: Result<Vec<TokioResolver>, String>,
    limit: Duration,
}

/// What is asked about a name.
#[derive(Clone, Copy)]
enum Question {
    Texts,
    Addresses,
}

impl Dns {
    /// Asks `servers`, or those of the system if there are none.
    pub(super) fn new(servers: &[SocketAddr], limit: Duration) -> Self {
        let build = |builder: ResolverBuilder<TokioRuntimeProvider>, limit| {
            let mut builder = builder;
            set(builder.options_mut(), limit);
            builder.build()
        };
        let resolvers = match servers {
            [] => TokioResolver::builder_tokio()
                .and_then(|builder| build(builder, limit))
                .map(|resolver| vec![resolver]),
            servers => {
                let each = limit / u32::try_from(servers.len()).unwrap_or(u32::MAX);
                let one = |address: &SocketAddr| {
                    let server = vec![server(*address)];
                    let config = ResolverConfig::from_parts(None, Vec::new(), server);
                    let provider = TokioRuntimeProvider::default();
                    build(Resolver::builder_with_config(config, provider), each)
                };
                servers.iter().map(one).collect()
            }
        };
        Self {
            resolvers: resolvers.map_err(|e| e.to_string()),
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
        let records = self.lookup(name, Question::Texts).await?;
        let texts: Vec<Vec<u8>> = records.iter().flat_map(texts).take(MAX_RECORDS).collect();
        let answer = read_txt(texts.iter().map(Vec::as_slice), public_only);
        if !answer.entries.is_empty() {
            return Ok(fetched(answer));
        }
        let records = self.lookup(name, Question::Addresses).await?;
        let records = records.iter().flat_map(|found| found.answers());
        let addresses = records.filter_map(|record| record.data.ip_addr());
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

    /// The answer of the first server that gives one; `None` if it says that there is nothing.
    async fn lookup(&self, name: &str, question: Question) -> Result<Option<Lookup>, SeedError> {
        let resolvers = match &self.resolvers {
            Ok(resolvers) => resolvers,
            Err(reason) => return Err(SeedError::NoResolver(reason.clone())),
        };
        let each = self.limit / u32::try_from(resolvers.len()).unwrap_or(u32::MAX);
        let mut failure = SeedError::NoResolver("none is configured".to_owned());
        for resolver in resolvers {
            failure = match timeout(each, put(resolver, name, question)).await {
                Ok(Ok(answer)) => return Ok(Some(answer)),
                Ok(Err(error)) if error.is_no_records_found() => return Ok(None),
                Ok(Err(NetError::Timeout)) | Err(_) => SeedError::DnsTimeout {
                    name: name.to_owned(),
                    secs: self.limit.as_secs(),
                },
                Ok(Err(error)) => SeedError::Dns {
                    name: name.to_owned(),
                    reason: error.to_string(),
                },
            };
        }
        Err(failure)
    }
}

async fn put(resolver: &TokioResolver, name: &str, question: Question) -> Result<Lookup, NetError> {
    // The final dot keeps the system's search domains out of it.
    let whole = format!("{name}.");
    match question {
        Question::Texts => resolver.lookup(whole, RecordType::TXT).await,
        Question::Addresses => resolver.lookup_ip(whole).await.map(Lookup::from),
    }
}

fn fetched(answer: Answer) -> Fetched {
    Fetched {
        entries: answer.entries,
        dropped: answer.dropped,
        list: None,
    }
}

/// The TXT records of an answer, the strings of each joined, but for those that are too long.
fn texts(found: &Lookup) -> impl Iterator<Item = Vec<u8>> {
    found.answers().iter().filter_map(|record| {
        let RData::TXT(txt) = &record.data else {
            return None;
        };
        let strings = || txt.txt_data.iter();
        let len: usize = strings().map(|s| s.len()).sum();
        (len <= MAX_TXT_BYTES).then(|| strings().flat_map(|s| s.iter().copied()).collect())
    })
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
