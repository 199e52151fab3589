//! The bodies of blocks: a numbered row of append-only segments.
//!
//! Appending does not commit: the caller records the new tail in the database, and whatever lies
//! behind the recorded tail is cut off when the store is opened or an append failed. Reading never
//! maps or loads a segment; it reads one record at its place.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tracing::{info, warn};

use crate::{chain::StoreError, ids::Hash32};

use super::{
    appender::{Appender, Tail},
    disk::{Disk, DiskFile},
    fault::{self, OpenError},
    segment::{self, HEADER_LEN, Location, SegmentFault},
};

/// Segments kept open for reading. A file descriptor each; a miss costs one `open`.
const OPEN_SEGMENTS: usize = 16;

/// What an append wrote and synced.
#[derive(Debug)]
pub(super) struct Appended {
    /// One place per body, in order.
    pub(super) places: Vec<Location>,
    /// The tail once this is committed.
    pub(super) tail: Option<Tail>,
}

/// The row of segments.
#[derive(Debug)]
pub(super) struct Bodies {
    disk: Arc<dyn Disk>,
    genesis: Hash32,
    roll_at: u64,
    /// Most recently used last.
    open: Mutex<Vec<(u32, Arc<dyn DiskFile>)>>,
}

impl Bodies {
    /// Opens the segments whose committed lengths are `committed`, in order of their numbers.
    /// A new segment is begun when the last one would grow over `roll_at` bytes.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        genesis: Hash32,
        roll_at: u64,
        committed: &[(u32, u64)],
    ) -> Result<Self, OpenError> {
        disk.sync_dir(segment::DIR)
            .map_err(|e| fault::io(segment::DIR, e))?;
        let bodies = Self {
            disk,
            genesis,
            roll_at,
            open: Mutex::new(Vec::new()),
        };
        for &(number, bytes) in committed {
            bodies.check(number, bytes)?;
        }
        bodies.cut(
            committed
                .last()
                .map(|&(segment, end)| Tail { segment, end }),
        )?;
        Ok(bodies)
    }

    /// Names a segment longer than `bytes`, or any beside the first. Asked when the database turns
    /// out to be new.
    pub(super) fn longer_than(disk: &dyn Disk, bytes: u64) -> Result<Option<String>, StoreError> {
        for number in list(disk)? {
            let name = segment::file_name(number);
            let file = disk.open(&name, false).map_err(|e| fault::io(&name, e))?;
            if number > 0 || file.len().map_err(|e| fault::io(&name, e))? > bytes {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Writes `bodies` behind `tail` and syncs them, beginning segments as needed.
    pub(super) fn append(
        &self,
        tail: Option<Tail>,
        bodies: &[(Hash32, Bytes)],
    ) -> Result<Appended, StoreError> {
        let mut places = Vec::with_capacity(bodies.len());
        if bodies.is_empty() {
            return Ok(Appended { places, tail });
        }
        let mut at = match tail {
            Some(tail) => Appender::at(tail, self.file(tail.segment)?),
            None => self.begin(0)?,
        };
        for (hash, body) in bodies {
            let len = u32::try_from(body.len())
                .map_err(|_| fault::bad_batch(hash, "has a body over 4 GiB"))?;
            let full = at.end().saturating_add(segment::record_len(body.len())) > self.roll_at;
            if full && at.end() > HEADER_LEN {
                let next = at
                    .segment()
                    .checked_add(1)
                    .ok_or_else(|| fault::file(segment::DIR, "no number is left"))?;
                at.finish()?;
                at = self.begin(next)?;
            }
            places.push(Location {
                segment: at.segment(),
                offset: at.end(),
                len,
            });
            at.push(hash, body)?;
        }
        let end = at.finish()?;
        if tail.is_none_or(|t| t.segment != end.segment) {
            self.disk
                .sync_dir(segment::DIR)
                .map_err(|e| fault::io(segment::DIR, e))?;
        }
        Ok(Appended {
            places,
            tail: Some(end),
        })
    }

    /// Cuts off everything behind `tail`: what an append wrote that was never committed.
    pub(super) fn cut(&self, tail: Option<Tail>) -> Result<(), StoreError> {
        for number in list(&*self.disk)? {
            let name = segment::file_name(number);
            if tail.is_some_and(|t| number < t.segment) {
                continue;
            }
            let Some(Tail { end, .. }) = tail.filter(|t| t.segment == number) else {
                warn!(file = name, "removing a segment that was never committed");
                self.forget(number);
                self.disk.remove(&name).map_err(|e| fault::io(&name, e))?;
                continue;
            };
            let file = self.file(number)?;
            let len = file.len().map_err(|e| fault::io(&name, e))?;
            if len > end {
                info!(
                    file = name,
                    bytes = len - end,
                    "cutting off an uncommitted tail"
                );
                file.set_len(end)
                    .and_then(|()| file.sync())
                    .map_err(|e| fault::io(&name, e))?;
            }
        }
        Ok(())
    }

    /// Reads the body of block `hash`, whose record lies at `place`.
    pub(super) fn read(&self, hash: &Hash32, place: Location) -> Result<Bytes, StoreError> {
        let name = segment::file_name(place.segment);
        let file = self.file(place.segment)?;
        let end = file.len().map_err(|e| fault::io(&name, e))?;
        if place.end() > end {
            return Err(fault::body(
                hash,
                &name,
                place.offset,
                "the file ends before it",
            ));
        }
        // The length is bounded by the file's, so a damaged one cannot ask for more than there is.
        let mut record = vec![0; segment::RECORD_HEAD + place.len as usize];
        file.read_at(place.offset, &mut record)
            .map_err(|e| fault::io(&name, e))?;
        segment::check_record(&record, hash)
            .map_err(|e| fault::body(hash, &name, place.offset, e))?;
        Ok(Bytes::from(record).slice(segment::RECORD_HEAD..))
    }

    fn check(&self, number: u32, bytes: u64) -> Result<(), OpenError> {
        let name = segment::file_name(number);
        let file = self.file(number)?;
        let len = file.len().map_err(|e| fault::io(&name, e))?;
        if len < bytes || bytes < HEADER_LEN {
            return Err(fault::file(
                &name,
                format_args!("it has {len} bytes, {bytes} were committed"),
            )
            .into());
        }
        let mut header = [0; HEADER_LEN as usize];
        file.read_at(0, &mut header)
            .map_err(|e| fault::io(&name, e))?;
        match segment::check_header(&header, number, &self.genesis) {
            Ok(()) => Ok(()),
            Err(SegmentFault::Newer(found)) => Err(OpenError::NewerVersion {
                file: name,
                found,
                supported: segment::VERSION,
            }),
            Err(SegmentFault::Genesis(found)) => Err(OpenError::OtherGenesis {
                file: name,
                expected: self.genesis,
                found,
            }),
            Err(other) => Err(fault::file(&name, other).into()),
        }
    }

    fn file(&self, number: u32) -> Result<Arc<dyn DiskFile>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match open.iter().position(|(n, _)| *n == number) {
            Some(at) => open.remove(at).1,
            None => {
                let name = segment::file_name(number);
                self.disk.open(&name, false).map_err(|e| match e.kind() {
                    std::io::ErrorKind::NotFound => fault::file(&name, "it is missing"),
                    _ => fault::io(&name, e),
                })?
            }
        };
        if open.len() >= OPEN_SEGMENTS {
            open.remove(0);
        }
        open.push((number, Arc::clone(&file)));
        Ok(file)
    }

    fn forget(&self, number: u32) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(n, _)| *n != number);
    }

    fn begin(&self, number: u32) -> Result<Appender, StoreError> {
        let name = segment::file_name(number);
        self.forget(number);
        let file = self
            .disk
            .open(&name, true)
            .and_then(|file| {
                file.set_len(0)?;
                file.write_at(0, &segment::encode_header(number, &self.genesis))?;
                Ok(file)
            })
            .map_err(|e| fault::io(&name, e))?;
        let tail = Tail {
            segment: number,
            end: HEADER_LEN,
        };
        Ok(Appender::at(tail, file))
    }
}

fn list(disk: &dyn Disk) -> Result<Vec<u32>, StoreError> {
    let mut numbers: Vec<u32> = disk
        .list(segment::DIR)
        .map_err(|e| fault::io(segment::DIR, e))?
        .iter()
        .filter_map(|name| segment::number_of(name))
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}
