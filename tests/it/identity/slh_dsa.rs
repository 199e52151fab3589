//! SLH-DSA identities: slow, so they sign delegations and nothing else.

use animica_p2p::{
    crypto::sign::{SigAlg, SignError, SignatureError},
    identity::{
        ClaimError, Delegation, DelegationFields, Delegations, KeyPair, NodeIdentity, Policy,
        SerialMemory, Usage,
    },
    ids::{ChainId, Hash32},
    registry::SignContext,
};

const ALG: SigAlg = SigAlg::SlhDsaShake128s;
const CHAIN: ChainId = ChainId(1);

/// The one test that signs with SLH-DSA: two seconds.
#[test]
fn an_slh_dsa_identity_runs_a_node_through_a_delegation() {
    let identity = KeyPair::generate(ALG).unwrap();
    let signer = KeyPair::deterministic([4; 32]).unwrap();
    let fields = DelegationFields {
        peer_digest: identity.public().digest(),
        chain_id: CHAIN,
        genesis: Hash32::ZERO,
        serial: 1,
        usages: Usage::CHANNEL,
        signing_alg: signer.alg().id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: 1_000,
        not_after_ms: 2_000,
    };
    let delegation = Delegation::issue(&identity, &fields).unwrap();
    assert!(delegation.as_bytes().len() <= Delegation::MAX_BYTES);
    let node = NodeIdentity::with_delegation(identity.public().clone(), signer, delegation);
    let node = node.unwrap();
    assert!(node.can_run_a_node());
    let signature = node.sign(SignContext::HandshakeInitiator, b"th").unwrap();
    let memory = Delegations::new(CHAIN, Hash32::ZERO, SerialMemory::default());
    let policy = Policy::default_fips();
    let claim = || {
        memory.claim(
            node.public(),
            node.delegation(),
            &policy,
            Usage::CHANNEL,
            1_500,
        )
    };
    assert!(claim().unwrap().is_costly());
    let proved = claim()
        .unwrap()
        .verify(SignContext::HandshakeInitiator, b"th", &signature);
    assert_eq!(proved, Ok(()));
    assert!(!claim().unwrap().is_costly(), "it is remembered now");
}

#[test]
fn an_slh_dsa_identity_alone_can_neither_sign_nor_be_believed() {
    let identity = KeyPair::generate(ALG).unwrap();
    let node = NodeIdentity::from_keypair(identity);
    assert!(!node.can_run_a_node());
    let context = SignContext::Record;
    assert_eq!(
        node.sign(context, b"x"),
        Err(SignError::DelegationsOnly(ALG))
    );
    assert_eq!(
        node.public().verify(context, b"x", &[0; 7920]),
        Err(SignatureError::DelegationsOnly(ALG))
    );
    let memory = Delegations::new(CHAIN, Hash32::ZERO, SerialMemory::default());
    let policy = Policy::default_fips();
    let refused = memory
        .claim(node.public(), None, &policy, Usage::CHANNEL, 0)
        .map(drop);
    assert_eq!(refused, Err(ClaimError::DelegationMissing(ALG)));
}
