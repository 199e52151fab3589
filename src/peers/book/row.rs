//! An entry as a row of the store.
//!
//! ```text
//! row:     [version = 1, crc32(body), body]
//! body:    [home 0 kept | 1 new | 2 tried, slot, flags, since, connected | null, seq | null,
//!           record | null, [address …]]
//! record:  [bytes, created, expires, global]
//! address: [bytes, source, group, signed, heard, success | null, failure | null, failures, strikes]
//! ```
//! All canonical CBOR, times in milliseconds since the UNIX epoch. The checksum finds accidents: a
//! record is passed on as it was stored, so a flipped bit would be our offence.

use libp2p::{Multiaddr, PeerId};

use crate::{
    cbor::{CborError, Reader, Writer},
    registry::{MAX_ADDRESS_BYTES, MAX_RECORD_BYTES},
};

use super::{
    address::Known,
    check::{group_key, group_of_key},
    entry::{Entry, Flags, Held, Home, MAX_ADDRESSES_PER_PEER},
    origin::{Origin, Source},
    tables::{Slot, Table},
};

/// Version this build writes and the only one it reads.
const VERSION: u64 = 1;

/// The row of an entry.
pub(super) fn encode(entry: &Entry) -> Vec<u8> {
    let mut body = Writer::with_capacity(256);
    body.array(8);
    let (home, slot) = match entry.home {
        Home::Pinned => (0, 0),
        Home::In(Table::New, slot) => (1, slot),
        Home::In(Table::Tried, slot) => (2, slot),
    };
    body.uint(home).uint(slot.into()).uint(bits(entry.flags));
    body.uint(entry.since);
    optional(&mut body, entry.connected);
    optional(&mut body, entry.seq);
    match &entry.record {
        Some(record) => {
            body.array(4).bytes(&record.bytes);
            body.uint(record.created).uint(record.expires);
            body.bool(record.global)
        }
        None => body.null(),
    };
    body.array(entry.addresses.len());
    for known in &entry.addresses {
        body.array(9).bytes(known.address.as_ref());
        body.uint(known.origin.source.number());
        body.bytes(&group_key(known.origin.group));
        body.bool(known.signed).uint(known.heard);
        optional(&mut body, known.success);
        optional(&mut body, known.failure);
        body.uint(known.failures.into());
        body.uint(known.strikes.into());
    }
    let body = body.finish();
    let mut row = Writer::with_capacity(body.len() + 12);
    row.array(3).uint(VERSION);
    row.uint(crc32fast::hash(&body).into()).bytes(&body);
    row.finish()
}

/// Reads a row back.
pub(super) fn decode(key: &[u8], row: &[u8]) -> Result<(PeerId, Entry), CborError> {
    let peer = PeerId::from_bytes(key).map_err(|_| CborError::OutOfRange)?;
    let mut reader = Reader::new(row);
    reader.array_of(3)?;
    reader.key(VERSION)?;
    let (crc, body) = (reader.uint()?, reader.bytes()?);
    reader.finish()?;
    if crc != u64::from(crc32fast::hash(body)) {
        return Err(CborError::OutOfRange);
    }
    let mut reader = Reader::new(body);
    reader.array_of(8)?;
    let (home, slot) = (reader.uint()?, small::<Slot>(&mut reader)?);
    let home = match home {
        0 => Home::Pinned,
        1 => Home::In(Table::New, slot),
        2 => Home::In(Table::Tried, slot),
        _ => return Err(CborError::OutOfRange),
    };
    let flags = flags(reader.uint()?)?;
    let mut entry = Entry::new(home, reader.uint()?);
    entry.flags = flags;
    entry.connected = read_optional(&mut reader)?;
    entry.seq = read_optional(&mut reader)?;
    if !reader.take_null()? {
        reader.array_of(4)?;
        entry.record = Some(Held {
            bytes: reader.bytes_max(MAX_RECORD_BYTES)?.into(),
            created: reader.uint()?,
            expires: reader.uint()?,
            global: reader.bool()?,
        });
    }
    for _ in 0..reader.array(MAX_ADDRESSES_PER_PEER)? {
        let known = address(&mut reader)?;
        entry.addresses.push(known);
    }
    reader.finish()?;
    entry.stored = true;
    Ok((peer, entry))
}

fn address(reader: &mut Reader<'_>) -> Result<Known, CborError> {
    reader.array_of(9)?;
    let bytes = reader.bytes_max(MAX_ADDRESS_BYTES)?.to_vec();
    let address = Multiaddr::try_from(bytes).map_err(|_| CborError::OutOfRange)?;
    let source = Source::from_number(reader.uint()?).ok_or(CborError::OutOfRange)?;
    let group = group_of_key(reader.bytes_max(8)?).ok_or(CborError::OutOfRange)?;
    let (signed, heard) = (reader.bool()?, reader.uint()?);
    let mut known = Known::new(address, Origin { source, group }, signed, heard);
    known.success = read_optional(reader)?;
    known.failure = read_optional(reader)?;
    known.failures = small(reader)?;
    known.strikes = small(reader)?;
    Ok(known)
}

fn optional(out: &mut Writer, value: Option<u64>) {
    match value {
        Some(value) => out.uint(value),
        None => out.null(),
    };
}

fn read_optional(reader: &mut Reader<'_>) -> Result<Option<u64>, CborError> {
    Ok(match reader.take_null()? {
        true => None,
        false => Some(reader.uint()?),
    })
}

fn small<T: TryFrom<u64>>(reader: &mut Reader<'_>) -> Result<T, CborError> {
    T::try_from(reader.uint()?).map_err(|_| CborError::OutOfRange)
}

fn bits(flags: Flags) -> u64 {
    u64::from(flags.operator) | u64::from(flags.reserved) << 1 | u64::from(flags.trusted) << 2
}

fn flags(bits: u64) -> Result<Flags, CborError> {
    if bits > 7 {
        return Err(CborError::OutOfRange);
    }
    Ok(Flags {
        operator: bits & 1 != 0,
        reserved: bits & 2 != 0,
        trusted: bits & 4 != 0,
    })
}
