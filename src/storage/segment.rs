//! One body segment, byte for byte: a header that says whose it is, then records.
//!
//! ```text
//! header, 64 bytes:  "ANIMBODY" | version u32 | number u32 | genesis 32 | zeros 12 | crc32 u32
//! record:            len u32 | crc32 u32 | block hash 32 | body (len bytes)
//! ```
//! Integers are big-endian. The header's checksum covers the 60 bytes before it, a record's covers
//! its hash and its body. Nothing here touches a disk.

use crate::ids::Hash32;

/// Bytes of a segment's header.
pub(super) const HEADER_LEN: u64 = 64;
/// Bytes of a record before its body.
pub(super) const RECORD_HEAD: usize = 40;
/// Version this build writes and the highest it reads.
pub(super) const VERSION: u32 = 1;
/// Directory of the segments.
pub(super) const DIR: &str = "bodies";

const MAGIC: &[u8; 8] = b"ANIMBODY";

/// Where a body lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// Number of the segment.
    pub(super) segment: u32,
    /// Offset of the record in it.
    pub(super) offset: u64,
    /// Length of the body without its record head.
    pub(super) len: u32,
}

impl Location {
    /// Where the record ends.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(record_len(self.len as usize))
    }
}

/// Why the bytes of a segment are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SegmentFault {
    /// The header is not one, or its checksum is wrong.
    #[error("its header is damaged")]
    Header,
    /// Written by a later version.
    #[error("segment version {0}, this build reads up to {VERSION}")]
    Newer(u32),
    /// It is another segment than its name says.
    #[error("it says it is segment {0}")]
    Number(u32),
    /// It belongs to another chain.
    #[error("it belongs to genesis {0}")]
    Genesis(Hash32),
    /// A record's length or hash is not that of the body asked for.
    #[error("its record is of another body")]
    OtherRecord,
    /// The checksum of a record is wrong.
    #[error("its checksum is wrong")]
    Checksum,
}

/// File name of segment `number`.
pub(super) fn file_name(number: u32) -> String {
    format!("{DIR}/{number:05}.seg")
}

/// Number of the segment called `name` (without its directory).
pub(super) fn number_of(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".seg")?.parse().ok()?;
    (file_name(number) == format!("{DIR}/{name}")).then_some(number)
}

/// Bytes a body of `len` bytes takes.
pub(super) fn record_len(len: usize) -> u64 {
    (RECORD_HEAD + len) as u64
}

/// The header of segment `number`.
pub(super) fn encode_header(number: u32, genesis: &Hash32) -> [u8; HEADER_LEN as usize] {
    let mut out = [0; HEADER_LEN as usize];
    out[..8].copy_from_slice(MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_be_bytes());
    out[12..16].copy_from_slice(&number.to_be_bytes());
    out[16..48].copy_from_slice(&genesis.0);
    let crc = crc32fast::hash(&out[..60]);
    out[60..].copy_from_slice(&crc.to_be_bytes());
    out
}

/// Checks the header of segment `number`.
pub(super) fn check_header(
    bytes: &[u8; HEADER_LEN as usize],
    number: u32,
    genesis: &Hash32,
) -> Result<(), SegmentFault> {
    let (version, rest) = match bytes
        .strip_prefix(MAGIC)
        .and_then(|b| b.split_first_chunk())
    {
        Some((version, rest)) => (u32::from_be_bytes(*version), rest),
        None => return Err(SegmentFault::Header),
    };
    // A later version may lay out the rest otherwise, so it is named before the checksum.
    if version > VERSION {
        return Err(SegmentFault::Newer(version));
    }
    if crc32fast::hash(&bytes[..60]).to_be_bytes() != bytes[60..] {
        return Err(SegmentFault::Header);
    }
    let says = u32_at(rest, 0);
    if says != number {
        return Err(SegmentFault::Number(says));
    }
    if rest[4..36] != genesis.0 {
        let other = Hash32::from_slice(&rest[4..36]).unwrap_or_default();
        return Err(SegmentFault::Genesis(other));
    }
    Ok(())
}

/// The head of a record of `body`.
pub(super) fn record_head(hash: &Hash32, body: &[u8]) -> [u8; RECORD_HEAD] {
    let mut out = [0; RECORD_HEAD];
    out[..4].copy_from_slice(&(body.len() as u32).to_be_bytes());
    out[4..8].copy_from_slice(&checksum(hash, body).to_be_bytes());
    out[8..].copy_from_slice(&hash.0);
    out
}

/// Checks a whole record against the body it should hold.
pub(super) fn check_record(record: &[u8], hash: &Hash32) -> Result<(), SegmentFault> {
    let Some((head, body)) = record.split_first_chunk::<RECORD_HEAD>() else {
        return Err(SegmentFault::OtherRecord);
    };
    if u32_at(head, 0) as usize != body.len() || head[8..] != hash.0 {
        return Err(SegmentFault::OtherRecord);
    }
    if u32_at(head, 4) != checksum(hash, body) {
        return Err(SegmentFault::Checksum);
    }
    Ok(())
}

fn checksum(hash: &Hash32, body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&hash.0);
    crc.update(body);
    crc.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4]
        .iter()
        .fold(0, |n, b| (n << 8) | u32::from(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GENESIS: Hash32 = Hash32([7; 32]);

    #[test]
    fn header_has_the_documented_layout() {
        let bytes = encode_header(3, &GENESIS);
        assert_eq!(&bytes[..16], b"ANIMBODY\0\0\0\x01\0\0\0\x03");
        assert_eq!(bytes[16..48], GENESIS.0);
        assert_eq!(bytes[48..60], [0; 12]);
        assert_eq!(check_header(&bytes, 3, &GENESIS), Ok(()));
    }

    #[test]
    fn header_of_another_chain_number_or_version_is_named() {
        let bytes = encode_header(3, &GENESIS);
        assert_eq!(
            check_header(&bytes, 4, &GENESIS),
            Err(SegmentFault::Number(3))
        );
        assert_eq!(
            check_header(&bytes, 3, &Hash32([8; 32])),
            Err(SegmentFault::Genesis(GENESIS))
        );
        let mut newer = bytes;
        newer[11] = 2;
        assert_eq!(
            check_header(&newer, 3, &GENESIS),
            Err(SegmentFault::Newer(2))
        );
    }

    #[test]
    fn every_flipped_bit_of_a_header_or_record_is_noticed() {
        let header = encode_header(0, &GENESIS);
        for bit in 0..header.len() * 8 {
            let mut bad = header;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(check_header(&bad, 0, &GENESIS).is_err(), "bit {bit}");
        }
        let hash = Hash32([1; 32]);
        let body = b"the body of a block";
        let mut record = record_head(&hash, body).to_vec();
        record.extend_from_slice(body);
        assert_eq!(check_record(&record, &hash), Ok(()));
        for bit in 0..record.len() * 8 {
            let mut bad = record.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(check_record(&bad, &hash).is_err(), "bit {bit}");
        }
        for cut in 0..record.len() {
            assert!(check_record(&record[..cut], &hash).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn only_the_canonical_name_is_a_segment() {
        assert_eq!(number_of("00012.seg"), Some(12));
        assert_eq!(number_of("123456.seg"), Some(123_456));
        for other in [
            "12.seg",
            "0000012.seg",
            "00012.seg.tmp",
            "x.seg",
            "-0001.seg",
        ] {
            assert_eq!(number_of(other), None, "{other}");
        }
    }
}
