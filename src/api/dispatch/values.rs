//! Values of the hash table.

use std::time::Duration;

use serde_json::Value;

use super::{Dispatcher, peer_id, value};
use crate::{
    api::{
        code::{ErrorCode, Failure},
        publish::unhex,
        values::{MAX_TTL_SECS, check_key, check_ttl, check_value},
    },
    ids::Hash32,
    node::DhtKey,
};

/// How long a deletion lives: as long as the value may that it deletes, so that no copy outlives it.
const DELETION: Duration = Duration::from_secs(MAX_TTL_SECS);

impl Dispatcher {
    pub(super) async fn put(
        &self,
        key: Option<String>,
        text: &str,
        ttl_s: u64,
    ) -> Result<Value, Failure> {
        if let Some(key) = &key {
            check_key(key)?;
        }
        check_ttl(ttl_s)?;
        check_value(text.len() / 2)?;
        let bytes = unhex("the value", text)?;
        let ttl = Duration::from_secs(ttl_s);
        match key {
            Some(key) => value(&self.handle.dht_put(key, bytes, ttl).await?),
            None => value(&self.handle.dht_put_content(bytes, ttl).await?),
        }
    }

    pub(super) async fn get(
        &self,
        key: &str,
        author: Option<&str>,
        content: bool,
    ) -> Result<Value, Failure> {
        let bad = |message: &str| Failure::new(ErrorCode::BadRequest, message);
        let key = if content {
            if author.is_some() {
                return Err(bad("what is found by its content belongs to nobody"));
            }
            let hash: Hash32 = key
                .parse()
                .map_err(|_| bad("the hash of a value has 64 hex digits"))?;
            DhtKey::Content(hash)
        } else {
            check_key(key)?;
            DhtKey::Authored {
                author: author.map(peer_id).transpose()?,
                key: key.as_bytes().to_vec(),
            }
        };
        value(&self.handle.dht_get(key).await?)
    }

    pub(super) async fn delete(&self, key: String) -> Result<Value, Failure> {
        check_key(&key)?;
        value(&self.handle.dht_delete(key, DELETION).await?)
    }
}
