//! The CBOR reader that everything else stands on.

use animica_p2p::cbor::{MAX_DEPTH, Reader, Writer, to_vec, validate};

/// What is accepted is canonical: the writer writes the same, and `ciborium` reads the same.
pub(super) fn cbor(data: &[u8]) -> bool {
    let mut reader = Reader::new(data);
    let item = match reader.item() {
        Ok(item) => item,
        Err(error) => {
            assert_eq!(validate(data), Err(error));
            return false;
        }
    };
    assert_eq!(item, &data[..reader.position()]);
    assert_eq!(validate(data).is_ok(), item.len() == data.len());

    let mut copied = Writer::new();
    let mut again = Reader::new(item);
    if copy(&mut again, &mut copied, 0) {
        again.finish().expect("an item ends where it ended before");
        assert_eq!(copied.finish(), item);
    }
    if let Ok(value) = ciborium::from_reader::<ciborium::Value, _>(item)
        && let Ok(written) = to_vec(&value)
    {
        assert_eq!(written, item);
    }
    true
}

/// Reads an item with the typed methods and writes what they say. `false` where the item holds what
/// no typed method reads: negative numbers and bignums.
fn copy(reader: &mut Reader<'_>, out: &mut Writer, depth: usize) -> bool {
    assert!(depth <= MAX_DEPTH, "deeper than what was accepted");
    if reader.take_null().expect("an item") {
        out.null();
    } else if let Ok(n) = reader.uint() {
        out.uint(n);
    } else if let Ok(bytes) = reader.bytes() {
        out.bytes(bytes);
    } else if let Ok(text) = reader.text() {
        out.text(text);
    } else if let Ok(value) = reader.clone().bool() {
        reader.bool().expect("read before");
        out.bool(value);
    } else if let Ok(len) = reader.array(usize::MAX) {
        out.array(len);
        return (0..len).all(|_| copy(reader, out, depth + 1));
    } else if let Ok(len) = reader.map(usize::MAX) {
        out.map(len);
        return (0..2 * len).all(|_| copy(reader, out, depth + 1));
    } else {
        return false;
    }
    true
}
