//! The last good list of a source, so that an outage of the source does not matter while it lives.

use super::{MAX_SIGNATURE_BYTES, Source, list::MAX_LIST_BYTES};
use crate::{
    cbor::{CborError, Reader, Writer},
    peers::{Change, Row, Table},
};

/// Version of the row.
const VERSION: u64 = 1;

/// What the key of a row begins with; the text of the source follows.
const PREFIX: &str = "seeds/list/";

/// A list as it was fetched. It is verified again when it is read back: meanwhile it may have
/// expired, or its key may have been taken off the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The list, at most [`MAX_LIST_BYTES`].
    pub document: Vec<u8>,
    /// The file beside it, at most [`MAX_SIGNATURE_BYTES`].
    pub signature: Vec<u8>,
}

/// The row that keeps the list of `source`.
#[must_use]
pub fn keep(source: &Source, list: &Kept) -> Change {
    let mut w = Writer::new();
    w.array(3)
        .uint(VERSION)
        .bytes(&list.document)
        .bytes(&list.signature);
    Change::put(Table::State, key(source), w.finish())
}

/// The list of `source` among the rows of [`Table::State`]. A row of another form counts as none.
#[must_use]
pub fn kept(source: &Source, rows: &[Row]) -> Option<Kept> {
    let key = key(source);
    let (_, value) = rows.iter().find(|(k, _)| *k == key)?;
    read(value).ok().flatten()
}

fn key(source: &Source) -> Vec<u8> {
    format!("{PREFIX}{source}").into_bytes()
}

fn read(value: &[u8]) -> Result<Option<Kept>, CborError> {
    let mut r = Reader::new(value);
    r.array_of(3)?;
    if r.uint()? != VERSION {
        return Ok(None);
    }
    let document = r.bytes_max(MAX_LIST_BYTES)?.to_vec();
    let signature = r.bytes_max(MAX_SIGNATURE_BYTES)?.to_vec();
    r.finish()?;
    Ok(Some(Kept {
        document,
        signature,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{MemoryPeers, PeerStore};

    #[test]
    fn each_source_keeps_its_own_list() {
        let store = MemoryPeers::default();
        let source = |text: &str| text.parse::<Source>().unwrap();
        let (a, b) = (source("https://a.example/l"), source("file:///b"));
        let list = |byte: u8| Kept {
            document: vec![byte; 100],
            signature: vec![byte],
        };
        store
            .commit(&[keep(&a, &list(1)), keep(&b, &list(2))])
            .unwrap();
        store.commit(&[keep(&a, &list(3))]).unwrap();
        let rows = store.load(Table::State).unwrap();
        assert_eq!(kept(&a, &rows), Some(list(3)));
        assert_eq!(kept(&b, &rows), Some(list(2)));
        assert_eq!(kept(&source("file:///c"), &rows), None);
    }

    #[test]
    fn a_row_that_cannot_be_read_counts_as_none() {
        let source: Source = "file:///b".parse().unwrap();
        let Change { key, value, .. } = keep(
            &source,
            &Kept {
                document: vec![1],
                signature: vec![2],
            },
        );
        let good = value.unwrap();
        for at in 0..good.len() {
            assert_eq!(kept(&source, &[(key.clone(), good[..at].to_vec())]), None);
        }
        let mut other = good.clone();
        other[1] = 9;
        assert_eq!(kept(&source, &[(key, other)]), None);
    }
}
