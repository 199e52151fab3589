use super::*;
use crate::chain::testing::example;

const EXAMPLE: &str = "b061760165657874726140656e6f6e63651b0102030405060708666461526f6f7458200000000000000000000000000000000000000000000000000000000000000000666865696768740167636861696e4964190539676d6978536565645820333333333333333333333333333333333333333333333333333333333333333367747873526f6f7458200000000000000000000000000000000000000000000000000000000000000000697374617465526f6f74582022222222222222222222222222222222222222222222222222222222222222226974696d657374616d701a677485826a706172656e7448617368582011111111111111111111111111111111111111111111111111111111111111116a70726f6f6673526f6f74582000000000000000000000000000000000000000000000000000000000000000006a74686574614d6963726f1a001e84806c7265636569707473526f6f74582000000000000000000000000000000000000000000000000000000000000000006f706f696573506f6c696379526f6f74582044444444444444444444444444444444444444444444444444444444444444446f7071416c67506f6c696379526f6f7458205555555555555555555555555555555555555555555555555555555555555555";

#[test]
fn the_example_has_its_published_bytes_and_hash() {
    let header = example();
    let bytes = header.encode();
    assert_eq!(bytes.len(), 482);
    assert_eq!(hex::encode(&bytes), EXAMPLE);
    assert_eq!(Header::decode(&bytes), Ok(header.clone()));
    assert_eq!(
        header.hash().to_string(),
        "a47e3415ca4ea17e165280ac510a143d48aec872e0eb3a417322267201d16306"
    );
}

#[test]
fn the_preimage_has_its_published_hash() {
    let preimage = example().preimage();
    assert_eq!(preimage.len(), 501);
    assert_eq!(
        sha3_256(&preimage).to_string(),
        "9129b240534f611cd915ec71605c576993f458b2d0c239f0705b7d845bd1767c"
    );
}

#[test]
fn draws_are_the_published_ones_also_through_the_prefix() {
    let mut header = example();
    let prefix = header.draw_prefix();
    for (nonce, draw) in [
        "eaf34f9c0eafd487430a72ac483361e9e5eb4227b971173a080d3b40686e2659",
        "c8059c72ac5b0786402bee97e721e43c815a43d11dd143ff69c7619522a8923a",
        "e81604d77f46d1da5e38f43f3e6f0d15410be921532a72d4d6a9096b69a1c59a",
        "205536559f97e1606be1cabbbcb4359098b03ecc6f661e0d14a5583d25dcac48",
    ]
    .into_iter()
    .enumerate()
    {
        header.nonce = nonce as u64;
        assert_eq!(header.draw().to_string(), draw);
        assert_eq!(prefix.draw(nonce as u64), header.draw());
    }
    assert_eq!(header.encode().len(), 474);
    assert_eq!(
        header.hash().to_string(),
        "7672b8902532efe45a6be405c85e27f0619d6a7ad5698b057516f26884498847"
    );
}

#[test]
fn the_longest_header_is_within_the_limit() {
    let header = Header {
        version: u64::MAX,
        chain_id: ChainId(u64::MAX),
        height: Height(u64::MAX),
        timestamp: u64::MAX,
        theta: Theta(u64::MAX),
        nonce: u64::MAX,
        extra: vec![1; 32],
        ..example()
    };
    let bytes = header.encode();
    assert_eq!(bytes.len(), 545);
    assert_eq!(Header::decode(&bytes), Ok(header.clone()));
    assert!(header.draw_input().as_slice().len() + 8 <= DRAW_CAPACITY);
}

#[test]
fn refuses_what_is_not_exactly_one_header() {
    let bytes = example().encode();
    let edit = |at: usize, with: &[u8], instead: usize| {
        let mut out = bytes.clone();
        out.splice(at..at + instead, with.iter().copied());
        Header::decode(&out)
    };
    let cbor = |e| Err(HeaderError::Cbor(e));
    // `v` as two bytes, one key fewer, another key, a shorter root, a byte behind.
    assert_eq!(edit(3, &[0x18, 0x01], 1), cbor(CborError::NotShortest));
    assert_eq!(edit(0, &[0xaf], 1), cbor(CborError::WrongKey));
    assert_eq!(edit(2, b"w", 1), cbor(CborError::WrongKey));
    assert_eq!(edit(10, &[0x41, 0], 1).map(|h| h.extra), Ok(vec![0]));
    assert_eq!(
        edit(10, &[&[0x58, 33][..], &[0; 33]].concat(), 1),
        cbor(CborError::OutOfRange)
    );
    assert_eq!(edit(bytes.len(), &[0], 0), cbor(CborError::Trailing));
    assert_eq!(
        Header::decode(&bytes[..bytes.len() - 1]),
        cbor(CborError::Truncated)
    );
    assert_eq!(
        Header::decode(&[0xb0; 1025]),
        Err(HeaderError::TooLarge { bytes: 1025 })
    );
}
