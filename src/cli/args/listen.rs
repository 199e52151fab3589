//! `listen`: what a node is told on the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::node::config::{FlagValue, LogFormat};

/// `listen`.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct Listen {
    /// Addresses to listen on [env: ANIMICA_P2P_LISTEN] [default: /ip4/0.0.0.0/tcp/41000]
    #[arg(long, value_name = "ADDR", value_delimiter = ',', num_args = 1..)]
    pub(in crate::cli) listen: Vec<String>,
    /// Peers to connect to and stay connected to [env: ANIMICA_P2P_BOOTSTRAP]
    #[arg(long, value_name = "ADDR", value_delimiter = ',', num_args = 1..)]
    pub(in crate::cli) bootstrap: Vec<String>,
    /// Places that publish addresses: dns://NAME, https://HOST/LIST, file:///LIST, or addresses
    /// [env: ANIMICA_P2P_SEEDS]
    #[arg(long, value_name = "URL", value_delimiter = ',', num_args = 1..)]
    pub(in crate::cli) seed: Vec<String>,
    /// Peers to stay connected to whatever happens, by addresses with their ids [env:
    /// ANIMICA_P2P_RESERVED]
    #[arg(long, value_name = "ADDR", value_delimiter = ',', num_args = 1..)]
    pub(in crate::cli) reserve: Vec<String>,
    /// Addresses to tell peers, where they differ from those listened on [env:
    /// ANIMICA_P2P_NETWORK__ANNOUNCE]
    #[arg(long, value_name = "ADDR", value_delimiter = ',', num_args = 1..)]
    pub(in crate::cli) announce: Vec<String>,
    /// Find nodes on the local link by mDNS [env: ANIMICA_P2P_DISCOVERY__MDNS] [default: on]
    #[arg(long, overrides_with = "no_mdns")]
    pub(in crate::cli) mdns: bool,
    /// Neither look for nodes on the local link nor answer them
    #[arg(long, overrides_with = "mdns")]
    pub(in crate::cli) no_mdns: bool,
    /// Below this many peers everything is tried at once [env: ANIMICA_P2P_MIN_PEERS] [default: 5]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) min_peers: Option<u32>,
    /// Most peers [env: ANIMICA_P2P_MAX_PEERS] [default: 50]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max_peers: Option<u32>,
    /// Key file of the identity, created when absent [env: ANIMICA_P2P_IDENTITY] [default:
    /// identity.key in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) identity: Option<PathBuf>,
    /// Where /metrics, /healthz and /readyz are served, or `off` [env: ANIMICA_P2P_METRICS]
    /// [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDR")]
    pub(in crate::cli) metrics: Option<String>,
    /// How log lines look [env: ANIMICA_P2P_LOG__FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::cli) log_format: Option<Format>,
}

impl Listen {
    /// The flags that were given, as configuration values.
    pub(in crate::cli) fn flags(&self) -> Vec<FlagValue> {
        let mut out = Vec::new();
        let mut set = |key, flag, text: String| out.push(FlagValue { key, flag, text });
        for (key, flag, list) in [
            ("listen", "--listen", &self.listen),
            ("bootstrap", "--bootstrap", &self.bootstrap),
            ("seeds", "--seed", &self.seed),
            ("reserved", "--reserve", &self.reserve),
            ("network.announce", "--announce", &self.announce),
        ] {
            if !list.is_empty() {
                set(key, flag, list.join(","));
            }
        }
        match (self.mdns, self.no_mdns) {
            (_, true) => set("discovery.mdns", "--no-mdns", false.to_string()),
            (true, false) => set("discovery.mdns", "--mdns", true.to_string()),
            (false, false) => {}
        }
        for (key, flag, number) in [
            ("min_peers", "--min-peers", self.min_peers),
            ("max_peers", "--max-peers", self.max_peers),
        ] {
            if let Some(number) = number {
                set(key, flag, number.to_string());
            }
        }
        if let Some(file) = &self.identity {
            set("identity", "--identity", file.display().to_string());
        }
        if let Some(metrics) = &self.metrics {
            set("metrics", "--metrics", metrics.clone());
        }
        if let Some(format) = self.log_format {
            let name = match format {
                Format::Text => "text",
                Format::Json => "json",
            };
            set("log.format", "--log-format", name.to_owned());
        }
        out
    }
}

/// `--log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

impl From<Format> for LogFormat {
    fn from(f: Format) -> Self {
        match f {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}
