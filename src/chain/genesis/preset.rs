//! The genesis headers this build knows by name.

use crate::ids::{ChainId, Hash32, Height, Theta};

use super::{Genesis, Header, Params, VERSION};

pub(super) const NAMES: &[&str] = &[
    "mainnet",
    "testnet",
    "devnet",
    "upstream-core",
    "upstream-mainnet",
    "upstream-testnet",
    "upstream-devnet",
];

/// 2025-01-01T00:00:00Z, the start of every preset.
const TIME: u64 = 1_735_689_600;

/// Θ of the original's samples, below the minimum of every network: their children are clamped.
const SAMPLE_THETA: Theta = Theta(1_000_000);

/// SHA3-256 of nothing, which the original's loader puts where a root of nothing belongs.
const EMPTY: &str = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";

pub(super) fn by_name(name: &str) -> Option<Genesis> {
    let header = match name {
        "mainnet" => own(ChainId::MAINNET, Theta(16_000_000)),
        "testnet" => own(ChainId::TESTNET, Theta(12_000_000)),
        "devnet" => own(ChainId::DEVNET, Theta(2_000_000)),
        "upstream-core" => sample(
            ChainId::MAINNET,
            "bf8d6b45be850a5fbfacc187ae24eedc3c6b0643c8ab8474fc06eac2b1239762",
        ),
        "upstream-mainnet" => sample(
            ChainId::MAINNET,
            "bbec678edd3f9f2f1c443271de88a493d73a8cb345c918387e40663160606c9b",
        ),
        "upstream-testnet" => sample(ChainId::TESTNET, SMALL_STATE),
        "upstream-devnet" => sample(ChainId::DEVNET, SMALL_STATE),
        _ => return None,
    };
    let params = Params::of_chain(header.chain_id);
    Some(Genesis::new(header, params).expect("presets are in range, which a test shows"))
}

/// State root that the original's test and development samples share.
const SMALL_STATE: &str = "1d5c0673dc011d3250c702e1e6eed2c7e0bb31d49fe43b62dd847b64f68a5ae7";

fn own(chain_id: ChainId, theta: Theta) -> Header {
    Header {
        version: VERSION,
        chain_id,
        height: Height::GENESIS,
        parent_hash: Hash32::ZERO,
        timestamp: TIME,
        state_root: Hash32::ZERO,
        txs_root: Hash32::ZERO,
        receipts_root: Hash32::ZERO,
        proofs_root: Hash32::ZERO,
        da_root: Hash32::ZERO,
        mix_seed: Hash32::ZERO,
        poies_policy_root: Hash32::ZERO,
        pq_alg_policy_root: Hash32::ZERO,
        theta,
        nonce: 0,
        extra: Vec::new(),
    }
}

fn sample(chain_id: ChainId, state_root: &str) -> Header {
    let root = |hex: &str| hex.parse().expect("a constant of 64 hex digits");
    Header {
        state_root: root(state_root),
        txs_root: root(EMPTY),
        receipts_root: root(EMPTY),
        proofs_root: root(EMPTY),
        da_root: root(EMPTY),
        mix_seed: Hash32([0x11; 32]),
        ..own(chain_id, SAMPLE_THETA)
    }
}
