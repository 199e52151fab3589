//! Where what a node knows about others outlives it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// What a row is about. The owner of a table encodes its rows: canonical CBOR, whose first field is
/// the version of its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Address book: PeerId → entry.
    Book,
    /// Bans and cool-downs: subject → who, why, until when.
    Bans,
    /// Trust: PeerId → score and statistics.
    Trust,
    /// Audit trail of trust: u64 big-endian, rising → event.
    TrustEvents,
    /// DHT: key → record.
    Dht,
    /// Single documents by name: secrets of the book, sequence numbers, lists of seeds.
    State,
}

impl Table {
    /// Every table.
    pub const ALL: &'static [Self] = &[
        Self::Book,
        Self::Bans,
        Self::Trust,
        Self::TrustEvents,
        Self::Dht,
        Self::State,
    ];

    /// Its name on disk.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Bans => "bans",
            Self::Trust => "trust",
            Self::TrustEvents => "trust_events",
            Self::Dht => "dht",
            Self::State => "state",
        }
    }
}

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// One row to write, or to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub table: Table,
    /// Which row.
    pub key: Vec<u8>,
    /// Its new value; `None` removes it.
    pub value: Option<Vec<u8>>,
}

impl Change {
    /// Writes a row.
    #[must_use]
    pub fn put(table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            table,
            key: key.into(),
            value: Some(value.into()),
        }
    }

    /// Removes a row.
    #[must_use]
    pub fn remove(table: Table, key: impl Into<Vec<u8>>) -> Self {
        Self {
            table,
            key: key.into(),
            value: None,
        }
    }
}

/// The store cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is known about peers cannot be read or written: {0}")]
pub struct PeerStoreError(pub String);

/// Rows about peers, durable. Calls block for the time of a disk access.
pub trait PeerStore: Send + Sync + 'static {
    /// Every row of `table` in the order of the keys.
    ///
    /// # Errors
    /// The store cannot be read.
    fn load(&self, table: Table) -> Result<Vec<Row>, PeerStoreError>;

    /// The last `count` rows of `table`, the last one first, that lie before the key `before` if one
    /// is given: a page of it.
    ///
    /// # Errors
    /// The store cannot be read.
    fn page(
        &self,
        table: Table,
        before: Option<&[u8]>,
        count: usize,
    ) -> Result<Vec<Row>, PeerStoreError>;

    /// Makes every change or none. Durable when it returns.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    fn commit(&self, changes: &[Change]) -> Result<(), PeerStoreError>;

    /// Bytes it takes on disk.
    fn disk_bytes(&self) -> u64;
}

/// A store that lasts as long as the process.
#[derive(Debug, Default)]
pub struct MemoryPeers(Mutex<Rows>);

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

impl PeerStore for MemoryPeers {
    fn load(&self, table: Table) -> Result<Vec<Row>, PeerStoreError> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_table = rows.iter().filter(|((t, _), _)| *t == table);
        Ok(of_table.map(|((_, k), v)| (k.clone(), v.clone())).collect())
    }

    fn page(
        &self,
        table: Table,
        before: Option<&[u8]>,
        count: usize,
    ) -> Result<Vec<Row>, PeerStoreError> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_table = rows.iter().rev().filter(|((t, _), _)| *t == table);
        let earlier = of_table.filter(|((_, key), _)| before.is_none_or(|b| key.as_slice() < b));
        let page = earlier.take(count);
        Ok(page.map(|((_, k), v)| (k.clone(), v.clone())).collect())
    }

    fn commit(&self, changes: &[Change]) -> Result<(), PeerStoreError> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            let at = (change.table, change.key.clone());
            match &change.value {
                Some(value) => rows.insert(at, value.clone()),
                None => rows.remove(&at),
            };
        }
        Ok(())
    }

    fn disk_bytes(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order_and_pages_end_where_they_are_told() {
        let store = MemoryPeers::default();
        let put = |key: u8| Change::put(Table::Bans, [key], [key]);
        let other = Change::put(Table::Book, [9], [9]);
        store.commit(&[put(2), put(1), put(3), other]).unwrap();
        let row = |key: u8| (vec![key], vec![key]);
        let load = || store.load(Table::Bans).unwrap();
        assert_eq!(load(), [row(1), row(2), row(3)]);
        let page = |before: Option<&[u8]>| store.page(Table::Bans, before, 2).unwrap();
        assert_eq!(page(None), [row(3), row(2)]);
        assert_eq!(page(Some(&[2])), [row(1)]);
        store.commit(&[Change::remove(Table::Bans, [2])]).unwrap();
        assert_eq!(load(), [row(1), row(3)]);
    }
}
