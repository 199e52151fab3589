//! Small documents that outlive the process: delegation serials today, peers and bans later.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use crate::{cbor, chain::StoreError};

use super::{
    database::Database,
    fault::{self, DATABASE, Db},
    tables::STATE,
};

/// Separates the space from the key. No space contains it.
const SEPARATOR: u8 = 0;

/// Longest space and key together: what fits a page of the database comfortably.
const MAX_KEY: usize = 512;

/// Durable documents by space and key. Cheap to clone.
///
/// Each room has a space of its own, a name without zero bytes. Values are canonical CBOR; fields
/// that a later version added are ignored by an earlier one.
#[derive(Clone, Debug)]
pub struct State(Arc<Database>);

impl State {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self(database)
    }

    /// The database that holds the documents and everything else.
    pub(super) fn database(&self) -> &Arc<Database> {
        &self.0
    }

    /// The document at `key`, `None` if there is none.
    ///
    /// # Errors
    /// The store cannot be read, or what is there is no `T`.
    pub fn get<T: DeserializeOwned>(
        &self,
        space: &str,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let at = address(space, key)?;
        self.0.read(|txn| {
            let table = txn.open_table(STATE).db()?;
            let row = table.get(at.as_slice()).db()?;
            row.map(|row| decode(space, row.value())).transpose()
        })
    }

    /// Stores a document durably, replacing the one that was there.
    ///
    /// # Errors
    /// The store cannot be written; the earlier document stands.
    pub fn put<T: Serialize>(&self, space: &str, key: &[u8], value: &T) -> Result<(), StoreError> {
        self.put_all(space, [(key, value)])
    }

    /// Stores several documents of a space in one durable commit: all or none.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    pub fn put_all<'a, T: Serialize + 'a>(
        &self,
        space: &str,
        documents: impl IntoIterator<Item = (&'a [u8], &'a T)>,
    ) -> Result<(), StoreError> {
        let rows = documents
            .into_iter()
            .map(|(key, value)| {
                let value = cbor::to_vec(value).map_err(|e| StoreError::BadBatch {
                    what: format!("a document of `{space}` is not storable: {e}"),
                })?;
                Ok((address(space, key)?, value))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.0.write(|txn| {
            let mut table = txn.open_table(STATE).db()?;
            for (at, value) in &rows {
                table.insert(at.as_slice(), value.as_slice()).db()?;
            }
            Ok(())
        })
    }

    /// Removes a document durably; says whether there was one.
    ///
    /// # Errors
    /// The store cannot be written; nothing has changed.
    pub fn remove(&self, space: &str, key: &[u8]) -> Result<bool, StoreError> {
        let at = address(space, key)?;
        self.0.write(|txn| {
            let mut table = txn.open_table(STATE).db()?;
            let removed = table.remove(at.as_slice()).db()?.is_some();
            Ok(removed)
        })
    }

    /// At most `max` documents of a space with their keys, in order of the keys.
    ///
    /// # Errors
    /// The store cannot be read, or a document is no `T`.
    pub fn entries<T: DeserializeOwned>(
        &self,
        space: &str,
        max: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        let from = address(space, &[])?;
        let mut to = from.clone();
        to.pop();
        to.push(SEPARATOR + 1);
        self.0.read(|txn| {
            let table = txn.open_table(STATE).db()?;
            let rows = table.range(from.as_slice()..to.as_slice()).db()?;
            rows.take(max)
                .map(|row| {
                    let (at, value) = row.db()?;
                    let key = at.value()[from.len()..].to_vec();
                    Ok((key, decode(space, value.value())?))
                })
                .collect()
        })
    }
}

fn address(space: &str, key: &[u8]) -> Result<Vec<u8>, StoreError> {
    if space.as_bytes().contains(&SEPARATOR) || space.len() + key.len() >= MAX_KEY {
        return Err(StoreError::BadBatch {
            what: format!("a key of {} bytes in space {space:?}", key.len()),
        });
    }
    let mut at = Vec::with_capacity(space.len() + 1 + key.len());
    at.extend_from_slice(space.as_bytes());
    at.push(SEPARATOR);
    at.extend_from_slice(key);
    Ok(at)
}

fn decode<T: DeserializeOwned>(space: &str, bytes: &[u8]) -> Result<T, StoreError> {
    cbor::from_slice(bytes)
        .map_err(|e| fault::file(DATABASE, format_args!("a document of `{space}`: {e}")))
}
