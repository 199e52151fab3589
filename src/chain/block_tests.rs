use super::*;
use crate::{
    chain::{ObjectError, ProofType, testing::example},
    ids::ChainId,
    offence::Offence,
};

fn tx(n: u8, len: usize) -> Bytes {
    let mut w = Writer::new();
    w.map(1).uint(n.into()).bytes(&vec![n; len]);
    w.finish().into()
}

fn proof(n: u8) -> Bytes {
    ProofEnvelope {
        kind: ProofType::Hash,
        body: &[n],
        nullifier: Hash32([n; 32]),
    }
    .encode()
    .into()
}

fn block(txs: Vec<Bytes>, proofs: Vec<Bytes>) -> Block {
    let mut block = Block {
        header: example(),
        txs,
        proofs,
    };
    block.header.txs_root = merkle::root(&block.tx_ids());
    block.header.proofs_root = merkle::root(&block.proof_ids());
    block
}

fn params() -> Params {
    Params::of_chain(ChainId::DEVNET)
}

#[test]
fn a_block_round_trips_and_its_items_are_slices_of_it() {
    let block = block(
        vec![tx(1, 10), tx(2, 300), tx(3, 70_000)],
        vec![proof(1), proof(2)],
    );
    let bytes = block.encode();
    assert_eq!(bytes.len(), block.encoded_len());
    assert_eq!(bytes[..5], [0xa3, 0x63, b't', b'x', b's']);
    let again = Block::decode(bytes.clone()).expect("decodes");
    assert_eq!(again, block);
    assert!(bytes.as_ptr_range().contains(&again.txs[2].as_ptr()));
    assert_eq!(again.check_body(&params()), Ok(()));
}

#[test]
fn refuses_a_body_that_is_not_the_headers() {
    let good = block(vec![tx(1, 1), tx(2, 1)], vec![proof(1)]);
    let mut swapped = good.clone();
    swapped.txs.swap(0, 1);
    assert_eq!(swapped.check_body(&params()), Err(BodyError::TxsRoot));
    let mut without = good;
    without.proofs.clear();
    assert_eq!(without.check_body(&params()), Err(BodyError::ProofsRoot));
}

#[test]
fn refuses_the_longer_list_that_shares_the_root() {
    let six: Vec<Bytes> = (1..=6).map(|n| tx(n, 1)).collect();
    let mut mutated = block(six, vec![]);
    mutated.txs.extend([tx(5, 1), tx(6, 1)]);
    assert_eq!(merkle::root(&mutated.tx_ids()), mutated.header.txs_root);
    assert_eq!(mutated.check_body(&params()), Err(BodyError::DuplicateTx));

    let twice = block(vec![], vec![proof(1), proof(1)]);
    assert_eq!(twice.check_body(&params()), Err(BodyError::DuplicateProof));
}

#[test]
fn refuses_items_of_a_wrong_form() {
    let array = Bytes::from_static(&[0x80]);
    assert_eq!(
        block(vec![tx(1, 1), array.clone()], vec![]).check_body(&params()),
        Err(BodyError::Tx {
            index: 1,
            error: ObjectError::Cbor(CborError::WrongType)
        })
    );
    assert!(matches!(
        block(vec![tx(1, 131_072)], vec![]).check_body(&params()),
        Err(BodyError::Tx { index: 0, .. })
    ));
    let invalid = block(vec![], vec![array]);
    assert!(matches!(
        invalid.check_body(&params()),
        Err(BodyError::Proof { index: 0, .. })
    ));
    // It is what its header commits to, so no other body can make the header good.
    assert_eq!(invalid.check_roots(), Ok(()));
}

#[test]
fn limits_are_those_of_the_chain() {
    let mut params = params();
    let block = block(vec![tx(1, 1), tx(2, 1)], vec![proof(1)]);
    params.max_block_bytes = block.encoded_len();
    assert_eq!(block.check_body(&params), Ok(()));
    params.max_block_bytes -= 1;
    assert!(matches!(
        block.check_body(&params),
        Err(BodyError::TooLarge { .. })
    ));
    params.max_proofs = 0;
    assert!(matches!(
        block.check_body(&params),
        Err(BodyError::TooManyProofs { count: 1, max: 0 })
    ));
    params.max_txs = 1;
    assert!(matches!(
        block.check_body(&params),
        Err(BodyError::TooManyTxs { count: 2, max: 1 })
    ));
}

#[test]
fn refuses_what_is_not_exactly_one_block() {
    let bytes = block(vec![tx(1, 1)], vec![]).encode();
    let mut more = bytes.to_vec();
    more.push(0);
    let error = Block::decode(more.into()).expect_err("a byte too many");
    assert_eq!(error, BodyError::Cbor(CborError::Trailing));
    assert_eq!(error.offence(), Offence::NonCanonicalCbor);

    let huge = Bytes::from(vec![0; MAX_BLOCK_BYTES + 1]);
    let error = Block::decode(huge).expect_err("too long");
    assert_eq!(error.offence(), Offence::OversizedMessage);

    let bomb = [&[0xa3, 0x63][..], b"txs", &[0x9a, 0xff, 0xff, 0xff, 0xff]].concat();
    assert_eq!(
        Block::decode(bomb.into()),
        Err(BodyError::Cbor(CborError::Truncated))
    );
}
