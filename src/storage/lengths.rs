//! How far each segment is committed: what lies behind is cut off when the store is opened.

use std::collections::{BTreeMap, btree_map::Entry};

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use crate::chain::StoreError;

use super::{
    fault::Db,
    segment::Location,
    tables::{SEGMENTS, decode_segment, encode_segment},
};

/// Number and committed length of every segment, in order.
pub(super) fn load(txn: &ReadTransaction) -> Result<Vec<(u32, u64)>, StoreError> {
    let mut lengths = Vec::new();
    for row in txn.open_table(SEGMENTS).db()?.iter().db()? {
        let (number, row) = row.db()?;
        let (bytes, _bodies) = decode_segment(row.value());
        lengths.push((u32::from_be_bytes(*number.value()), bytes));
    }
    Ok(lengths)
}

/// Commits the records at `places`, which ascend; says how many bytes that adds.
pub(super) fn extend(txn: &WriteTransaction, places: &[Location]) -> Result<u64, StoreError> {
    let mut rows = txn.open_table(SEGMENTS).db()?;
    let mut lengths: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    let mut added = 0_u64;
    for place in places {
        let (bytes, bodies) = match lengths.entry(place.segment) {
            Entry::Occupied(e) => e.into_mut(),
            Entry::Vacant(e) => {
                let row = rows.get(&place.segment.to_be_bytes()).db()?;
                e.insert(row.map_or((0, 0), |row| decode_segment(row.value())))
            }
        };
        added = added.saturating_add(place.end().saturating_sub(*bytes));
        *bytes = place.end();
        *bodies = bodies.saturating_add(1);
    }
    for (segment, (bytes, bodies)) in lengths {
        rows.insert(&segment.to_be_bytes(), &encode_segment(bytes, bodies))
            .db()?;
    }
    Ok(added)
}
