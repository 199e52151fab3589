//! The store as Kademlia sees it: it may look things up and change nothing.

use std::{borrow::Cow, iter, sync::Arc};

use libp2p::{
    PeerId,
    kad::{
        ProviderRecord, Record, RecordKey,
        store::{Error, RecordStore, Result},
    },
};

use crate::{
    clock::Clock,
    dht::{Key, Store},
};

/// The store and the clock it is asked by.
pub struct Shelf {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
}

impl RecordStore for Shelf {
    type RecordsIter<'a> = iter::Empty<Cow<'a, Record>>;
    type ProvidedIter<'a> = iter::Empty<Cow<'a, ProviderRecord>>;

    fn get(&self, key: &RecordKey) -> Option<Cow<'_, Record>> {
        let ours = Key::from_slice(key.as_ref())?;
        let record = self.store.get(&ours, self.clock.now().mono)?;
        Some(Cow::Owned(Record {
            key: key.clone(),
            value: record.as_bytes().to_vec(),
            publisher: None,
            expires: None,
        }))
    }

    /// What is to be sent is stored before Kademlia hears of it.
    fn put(&mut self, _: Record) -> Result<()> {
        Ok(())
    }

    fn remove(&mut self, _: &RecordKey) {}

    fn records(&self) -> Self::RecordsIter<'_> {
        iter::empty()
    }

    fn add_provider(&mut self, _: ProviderRecord) -> Result<()> {
        Err(Error::MaxProvidedKeys)
    }

    fn providers(&self, _: &RecordKey) -> Vec<ProviderRecord> {
        Vec::new()
    }

    fn provided(&self) -> Self::ProvidedIter<'_> {
        iter::empty()
    }

    fn remove_provider(&mut self, _: &RecordKey, _: &PeerId) {}
}
