//! The first lines of a node: who it is, how to reach it, and that it is ready.

use std::path::Path;

use serde_json::json;

use crate::{
    api::code::Failure,
    chain::Genesis,
    cli::{
        Outcome,
        screen::{Screen, facts},
    },
    identity::{Policy, key_file::Origin},
    node::{Handle, config::Config},
};

/// What the first lines say.
pub(super) struct Banner<'a> {
    pub(super) handle: &'a Handle,
    pub(super) genesis: &'a Genesis,
    pub(super) policy: &'a Policy,
    pub(super) data_dir: &'a Path,
    pub(super) key_file: &'a Path,
    pub(super) key_origin: Origin,
    pub(super) config: &'a Config,
}

impl Banner<'_> {
    /// Prints them; `ready` is the last.
    pub(super) async fn show(&self, screen: &Screen) -> Outcome {
        let status = self.handle.status().await.map_err(Failure::from)?;
        let created = self.key_origin == Origin::Created;
        let value = json!({
            "ready": true,
            "version": status.version,
            "peer_id": status.peer_id,
            "addresses": status.addresses,
            "chain_id": status.chain_id,
            "genesis": status.genesis,
            "head": status.head,
            "data_dir": self.data_dir,
            "identity": self.key_file,
            "identity_created": created,
            "metrics": status.metrics,
            "policy": {
                "root": status.policy_root,
                "kem": status.kem,
                "signatures": self.signatures(),
            },
        });
        screen.show(&value, || {
            let mut rows = vec![
                ("animica-p2p", status.version.clone()),
                ("peer id", status.peer_id.clone()),
                (
                    "chain",
                    format!("{}, genesis {}", self.genesis.chain_id(), status.genesis),
                ),
                (
                    "head",
                    format!("{} at height {}", status.head.hash, status.head.height),
                ),
            ];
            if status.addresses.is_empty() {
                rows.push(("address", "none: this node only dials".to_owned()));
            }
            rows.extend(status.addresses.iter().map(|a| ("address", a.clone())));
            let key = self.key_file.display();
            let key = if created {
                format!("{key} (created)")
            } else {
                key.to_string()
            };
            rows.extend([
                ("data", self.data_dir.display().to_string()),
                ("identity", key),
                (
                    "metrics",
                    status.metrics.clone().unwrap_or_else(|| "off".to_owned()),
                ),
                (
                    "policy",
                    format!(
                        "{}; {}; aead {}; root {}",
                        status.kem,
                        self.signatures().join(", "),
                        self.config.aead.name(),
                        status.policy_root
                    ),
                ),
            ]);
            facts(&rows) + "ready\n"
        })
    }

    fn signatures(&self) -> Vec<String> {
        let names = self.policy.signatures().iter();
        names.map(|a| format!("{}+ed25519", a.name())).collect()
    }
}
