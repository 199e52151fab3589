//! Reading headers and places out of the tables.

use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable};

use crate::{
    chain::{At, StoreError, StoredHeader, Which},
    ids::{Hash32, Height},
};

use super::{
    chains::{at, key},
    fault::{self, Db},
    segment::Location,
    tables::{
        BEST_HEADERS, BLOCK_BRANCH, BODY_LOCATIONS, HEAD_OF_BLOCKS, HEADERS, HEADERS_BY_HASH,
        HEADS, HeaderRow, Number, decode_place, hash_key, number_in,
    },
};

/// Most headers for which room is made before they are found.
const MAX_RESERVED: usize = 4096;

/// The number of the header with this hash.
pub(super) fn number_of(
    by_hash: &impl ReadableTable<&'static [u8; 16], ()>,
    headers: &impl ReadableTable<Number, &'static [u8]>,
    hash: &Hash32,
) -> Result<Option<u64>, StoreError> {
    let (from, to) = (hash_key(hash, 0), hash_key(hash, u64::MAX));
    // Usually none or one: two headers sharing 64 bits of their hash take 2^32 proofs of work.
    for entry in by_hash.range::<&[u8; 16]>(&from..=&to).db()? {
        let (entry, ()) = entry.db().map(|(k, _)| (k, ()))?;
        let number = number_in(entry.value());
        let row = headers
            .get(&key(number))
            .db()?
            .ok_or_else(|| fault::row("headers", number))?;
        if row.value().starts_with(&hash.0) {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// One header; `recent` is its number if it is known by its hash already.
pub(super) fn header(
    txn: &ReadTransaction,
    place: At,
    recent: Option<u64>,
) -> Result<Option<StoredHeader>, StoreError> {
    let headers = txn.open_table(HEADERS).db()?;
    let number = match place {
        At::Hash(_) if recent.is_some() => recent,
        At::Hash(hash) => number_of(&txn.open_table(HEADERS_BY_HASH).db()?, &headers, &hash)?,
        At::BestHeader(Height(height)) => at(&txn.open_table(BEST_HEADERS).db()?, height)?,
        At::Block(Height(height)) if height > head_height(txn, &headers)? => None,
        At::Block(Height(height)) => match at(&txn.open_table(BLOCK_BRANCH).db()?, height)? {
            Some(number) => Some(number),
            None => at(&txn.open_table(BEST_HEADERS).db()?, height)?,
        },
    };
    let Some(number) = number else {
        return Ok(None);
    };
    let places = txn.open_table(BODY_LOCATIONS).db()?;
    stored(&headers, &places, number).map(Some)
}

/// At most `max` headers of a chain from height `from` upward.
pub(super) fn headers(
    txn: &ReadTransaction,
    chain: Which,
    from: Height,
    max: usize,
) -> Result<Vec<StoredHeader>, StoreError> {
    let headers = txn.open_table(HEADERS).db()?;
    let places = txn.open_table(BODY_LOCATIONS).db()?;
    let best = txn.open_table(BEST_HEADERS).db()?;
    let branch = txn.open_table(BLOCK_BRANCH).db()?;
    let head = head_height(txn, &headers)?;
    let mut out = Vec::with_capacity(max.min(MAX_RESERVED));
    let mut next = from.0;
    // The branch, where there is one, is the end of the imported chain, so it follows the rest.
    for entry in best.range::<&[u8; 8]>(&key(from.0)..).db()? {
        let (height, number) = entry.db()?;
        let height = u64::from_be_bytes(*height.value());
        let ends = chain == Which::Blocks && (height > head || at(&branch, height)?.is_some());
        if out.len() >= max || ends {
            break;
        }
        out.push(stored(
            &headers,
            &places,
            u64::from_be_bytes(*number.value()),
        )?);
        next = height.saturating_add(1);
    }
    if chain == Which::Blocks {
        for entry in branch.range::<&[u8; 8]>(&key(next)..).db()? {
            if out.len() >= max {
                break;
            }
            let (_, number) = entry.db()?;
            out.push(stored(
                &headers,
                &places,
                u64::from_be_bytes(*number.value()),
            )?);
        }
    }
    Ok(out)
}

/// Where the body of a block lies; `recent` is its header's number if it is known already.
pub(super) fn place(
    txn: &ReadTransaction,
    hash: &Hash32,
    recent: Option<u64>,
) -> Result<Option<Location>, StoreError> {
    let number = match recent {
        Some(number) => number,
        None => {
            let by_hash = txn.open_table(HEADERS_BY_HASH).db()?;
            match number_of(&by_hash, &txn.open_table(HEADERS).db()?, hash)? {
                Some(number) => number,
                None => return Ok(None),
            }
        }
    };
    let places = txn.open_table(BODY_LOCATIONS).db()?;
    let place = places.get(&key(number)).db()?;
    Ok(place.map(|place| decode_place(place.value())))
}

/// Height of the imported head.
fn head_height(
    txn: &ReadTransaction,
    headers: &impl ReadableTable<Number, &'static [u8]>,
) -> Result<u64, StoreError> {
    let heads = txn.open_table(HEADS).db()?;
    let head = heads.get(HEAD_OF_BLOCKS).db()?;
    let number = head.map_or(0, |number| u64::from_be_bytes(*number.value()));
    let row = headers
        .get(&key(number))
        .db()?
        .ok_or_else(|| fault::row("headers", number))?;
    Ok(HeaderRow::decode(number, row.value())?.height.0)
}

fn stored(
    headers: &impl ReadableTable<Number, &'static [u8]>,
    places: &impl ReadableTable<Number, &'static [u8; 16]>,
    number: u64,
) -> Result<StoredHeader, StoreError> {
    let row = headers
        .get(&key(number))
        .db()?
        .ok_or_else(|| fault::row("headers", number))?;
    let row = HeaderRow::decode(number, row.value())?;
    Ok(StoredHeader {
        hash: row.hash,
        height: row.height,
        work: row.work,
        has_body: places.get(&key(number)).db()?.is_some(),
        bytes: Bytes::copy_from_slice(row.header),
    })
}
