use libp2p::Multiaddr;

use super::*;
use crate::{
    cbor::CborError,
    crypto::sign::SigAlg,
    identity::{ClaimError, DelegationError, DelegationFields, KeyPair, SerialMemory},
    ids::{ChainId, Hash32},
    registry::{MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_RECORD_TTL_MS},
};

const CHAIN: ChainId = ChainId(7);
const GENESIS: Hash32 = Hash32([3; 32]);
const NOW: u64 = 1_700_000_000_000;

fn node(seed: u8) -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).unwrap())
}

fn fields() -> RecordFields {
    RecordFields {
        chain_id: CHAIN,
        genesis: GENESIS,
        seq: 4,
        created_ms: NOW,
        ttl_ms: 60_000,
        addresses: vec![
            "/ip4/192.0.2.1/tcp/41000".parse().unwrap(),
            format!("/dns/a.example/tcp/1/p2p/{}", node(1).peer_id())
                .parse()
                .unwrap(),
            format!("/ip4/192.0.2.2/tcp/1/p2p/{}/p2p-circuit", node(2).peer_id())
                .parse()
                .unwrap(),
        ],
    }
}

fn memory() -> Delegations {
    Delegations::new(CHAIN, GENESIS, SerialMemory::default())
}

fn verify(record: &NodeRecord, now: u64) -> Result<(), RecordError> {
    record.verify(&memory(), &Policy::default_fips(), now)
}

fn delegated(usages: Usage) -> NodeIdentity {
    let identity = KeyPair::deterministic([1; 32]).unwrap();
    let signer = KeyPair::deterministic([2; 32]).unwrap();
    let fields = DelegationFields {
        peer_digest: identity.public().digest(),
        chain_id: CHAIN,
        genesis: GENESIS,
        serial: 1,
        usages,
        signing_alg: SigAlg::MlDsa65.id(),
        signing_pubkey: signer.public().as_bytes().to_vec(),
        not_before_ms: NOW,
        not_after_ms: NOW + 60_000,
    };
    let delegation = Delegation::issue(&identity, &fields).unwrap();
    NodeIdentity::with_delegation(identity.public().clone(), signer, delegation).unwrap()
}

#[test]
fn a_record_reads_back_and_verifies() {
    let record = NodeRecord::sign(&node(1), &fields()).unwrap();
    let again = NodeRecord::decode(record.as_bytes()).unwrap();
    assert_eq!(again, record);
    assert_eq!(again.fields(), &fields());
    assert_eq!(again.identity(), node(1).public());
    assert_eq!(verify(&again, NOW), Ok(()));
}

#[test]
fn a_delegated_key_signs_records_only_where_it_may() {
    let good = NodeRecord::sign(&delegated(Usage::RECORD), &fields()).unwrap();
    assert_eq!(verify(&good, NOW), Ok(()));
    let bad = NodeRecord::sign(&delegated(Usage::CHANNEL), &fields()).unwrap();
    assert_eq!(
        verify(&bad, NOW),
        Err(RecordError::Claim(ClaimError::Delegation(
            DelegationError::Usage
        )))
    );
}

#[test]
fn refuses_another_network_policy_and_time() {
    let record = NodeRecord::sign(&node(1), &fields()).unwrap();
    let policy = Policy::default_fips();
    let elsewhere = Delegations::new(ChainId(8), GENESIS, SerialMemory::default());
    assert_eq!(
        record.verify(&elsewhere, &policy, NOW),
        Err(RecordError::OtherChain)
    );
    #[cfg(feature = "round3")]
    assert_eq!(
        record.verify(&memory(), &Policy::round3().unwrap(), NOW),
        Err(RecordError::Claim(ClaimError::IdentityAlgorithm(
            SigAlg::MlDsa65
        )))
    );
    assert_eq!(
        verify(&record, NOW - MESSAGE_SKEW_MS - 1),
        Err(RecordError::Premature)
    );
    assert_eq!(verify(&record, NOW - MESSAGE_SKEW_MS), Ok(()));
    assert_eq!(verify(&record, NOW + 60_000 - 1), Ok(()));
    assert_eq!(verify(&record, NOW + 60_000), Err(RecordError::Expired));
    assert!(RecordError::Expired.is_about_time());
}

#[test]
fn refuses_to_sign_what_a_reader_would_refuse() {
    let refused = |edit: fn(&mut RecordFields)| {
        let mut fields = fields();
        edit(&mut fields);
        match NodeRecord::sign(&node(1), &fields) {
            Err(SignRecordError::Refused(e)) => e,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|f| f.ttl_ms = 0), RecordError::Life);
    assert_eq!(
        refused(|f| f.ttl_ms = MAX_RECORD_TTL_MS + 1),
        RecordError::Life
    );
    let foreign = refused(|f| {
        let other = format!("/ip4/192.0.2.1/tcp/1/p2p/{}", node(2).peer_id());
        f.addresses.push(other.parse().unwrap());
    });
    assert_eq!(foreign, RecordError::Address);
    assert_eq!(
        refused(|f| f.addresses.push(Multiaddr::empty())),
        RecordError::Address
    );
    let many = refused(|f| f.addresses = vec![f.addresses[0].clone(); MAX_ADDRESSES + 1]);
    assert_eq!(many, RecordError::Malformed(CborError::OutOfRange));
}

#[test]
fn the_largest_record_fits_its_limit() {
    let address: Multiaddr = format!("/dns/{}/tcp/65535", "a".repeat(MAX_ADDRESS_BYTES - 6))
        .parse()
        .unwrap();
    assert_eq!(address.len(), MAX_ADDRESS_BYTES);
    let mut fields = fields();
    fields.addresses = vec![address; MAX_ADDRESSES];
    let record = NodeRecord::sign(&delegated(Usage::ALL), &fields).unwrap();
    // The widest identity is ML-DSA's, the widest delegation SLH-DSA's, never both at once.
    let slh = record.as_bytes().len() - 1984 + 64 + 7920 - 3373;
    assert!(slh < MAX_RECORD_BYTES, "{slh}");
    assert!(record.as_bytes().len() < MAX_RECORD_BYTES);
}

#[test]
fn every_changed_bit_is_refused() {
    let record = NodeRecord::sign(&node(1), &fields()).unwrap();
    for bit in (0..record.as_bytes().len() * 8).step_by(101) {
        let mut bytes = record.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let verdict = NodeRecord::decode(&bytes).and_then(|r| verify(&r, NOW));
        assert!(verdict.is_err(), "bit {bit}");
    }
    for cut in (0..record.as_bytes().len()).step_by(211) {
        assert!(NodeRecord::decode(&record.as_bytes()[..cut]).is_err());
    }
}
