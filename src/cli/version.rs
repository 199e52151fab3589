//! `version`: what this binary is made of.

use serde_json::json;

use super::{Outcome, screen::Screen};

/// Which library stands behind each algorithm, with the version in `Cargo.lock` (a test compares).
const PROVIDERS: &[(&str, &str, &str)] = &[
    ("ml-kem-768", "aws-lc-rs", "1.19.0"),
    ("x25519", "aws-lc-rs", "1.19.0"),
    ("ml-dsa-65", "aws-lc-rs", "1.19.0"),
    ("ed25519", "ed25519-dalek", "3.0.0"),
    ("slh-dsa-shake-128s", "fips205", "0.5.0"),
    ("aes-256-gcm", "aws-lc-rs", "1.19.0"),
    ("chacha20-poly1305", "aws-lc-rs", "1.19.0"),
    ("hkdf-sha3-256", "hkdf", "0.13.0"),
    ("sha3-256", "aws-lc-rs", "1.19.0"),
    ("kyber768", "pqcrypto-kyber", "0.7.9"),
    ("dilithium3", "pqcrypto-dilithium", "0.4.6"),
];

/// Algorithms that only the feature `round3` brings.
const ROUND3: [&str; 2] = ["kyber768", "dilithium3"];

/// Version of libp2p in `Cargo.lock`.
const LIBP2P: &str = "0.57.1";

pub(super) fn run(screen: &Screen) -> Outcome {
    let providers: serde_json::Map<String, serde_json::Value> = providers()
        .map(|(alg, name, version)| {
            let mut entry = json!({"crate": name, "version": version});
            if ROUND3.contains(alg) {
                entry["note"] = json!("round 3, unmaintained upstream; for the original network");
            }
            ((*alg).to_owned(), entry)
        })
        .collect();
    let mut features = vec!["cli", "http"];
    if cfg!(feature = "round3") {
        features.push("round3");
    }
    let value = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("ANIMICA_P2P_COMMIT"),
        "rust_version": env!("CARGO_PKG_RUST_VERSION"),
        "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
        "features": features,
        "libp2p": LIBP2P,
        "protocol": crate::registry::CHANNEL_PROTOCOL,
        "providers": providers,
    });
    screen.show(&value, || {
        let mut out = format!("animica-p2p {}\n", env!("CARGO_PKG_VERSION"));
        out.push_str(&format!("libp2p {LIBP2P}\n"));
        for (alg, name, version) in self::providers() {
            out.push_str(&format!("{alg:<20} {name} {version}\n"));
        }
        out
    })
}

fn providers() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
    PROVIDERS
        .iter()
        .filter(|(alg, _, _)| cfg!(feature = "round3") || !ROUND3.contains(alg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_versions_are_those_of_the_lock_file() {
        let lock = include_str!("../../Cargo.lock").replace("\r\n", "\n");
        let crates = PROVIDERS
            .iter()
            .map(|(_, name, version)| (*name, *version))
            .chain([("libp2p", LIBP2P)]);
        for (name, version) in crates {
            let entry = format!("name = \"{name}\"\nversion = \"{version}\"");
            assert!(
                lock.contains(&entry),
                "Cargo.lock has another {name} than {version}"
            );
        }
    }
}
