//! When a new record of our own is due, and which number it has.

use std::time::{Duration, Instant};

use libp2p::Multiaddr;

use super::reach::announceable;
use crate::{
    cbor::{CborError, Reader, Writer},
    clock::Now,
    identity::RecordFields,
    ids::{ChainId, Hash32},
    peers::{Change, Table},
    registry::{MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_RECORD_TTL_MS, MESSAGE_SKEW_MS},
};

/// How long our records hold: as long as records may. A node that is gone for a day is not worth
/// dialling, and one that runs has made a new record by then.
pub const RECORD_TTL_MS: u64 = MAX_RECORD_TTL_MS;

/// How old a record grows before the next is made: half its life, so that every copy of it has
/// half a day left at least.
const RENEWAL: Duration = Duration::from_millis(RECORD_TTL_MS / 2);

/// Shortest time between two records. Addresses come in bursts when a node starts or its network
/// changes; each record is signed, sent and verified by everybody.
const QUIET: Duration = Duration::from_secs(10);

/// The row in the table of single documents.
const KEY: &[u8] = b"record_seq";

const VERSION: u64 = 1;

/// Decides when a new record of our own is due.
#[derive(Debug)]
pub struct OwnRecord {
    network: (ChainId, Hash32),
    last_seq: u64,
    made: Option<Made>,
}

#[derive(Debug)]
struct Made {
    at: Instant,
    created_ms: u64,
    addresses: Vec<Multiaddr>,
}

/// A record to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What to sign.
    pub fields: RecordFields,
    /// What to commit before the record is shown to anybody: its number, which must not come twice.
    pub persist: Change,
}

impl OwnRecord {
    /// Key of the row that [`OwnRecord::new`] wants, in [`Table::State`].
    pub const KEY: &'static [u8] = KEY;

    /// From the row of the last run, if there is one.
    ///
    /// # Errors
    /// The row is not one of ours. Go on without: the wall clock keeps numbers rising, unless it has
    /// gone back since.
    pub fn new(network: (ChainId, Hash32), row: Option<&[u8]>) -> Result<Self, CborError> {
        Ok(Self {
            network,
            last_seq: row.map_or(Ok(0), read)?,
            made: None,
        })
    }

    /// The record to make now, where `addresses` are ours: the first at once, then when they have
    /// changed, when half its life is gone, and when the wall clock was set so that readers would
    /// refuse the last one. At most one in ten seconds.
    ///
    /// Its number is the wall clock in milliseconds, or one more than the last where that is not
    /// higher: it rises although the clock went back, and although the row was lost.
    pub fn due(&mut self, addresses: &[Multiaddr], now: Now) -> Option<Due> {
        let addresses = chosen(addresses);
        if !self.is_due(&addresses, now) {
            return None;
        }
        // At the end of all numbers, which only a damaged row can say, no record is the next.
        let next = self.last_seq.checked_add(1)?;
        let seq = next.max(now.wall_ms);
        self.last_seq = seq;
        self.made = Some(Made {
            at: now.mono,
            created_ms: now.wall_ms,
            addresses: addresses.clone(),
        });
        let fields = RecordFields {
            chain_id: self.network.0,
            genesis: self.network.1,
            seq,
            created_ms: now.wall_ms,
            ttl_ms: RECORD_TTL_MS,
            addresses,
        };
        let persist = Change::put(Table::State, KEY, write(seq));
        Some(Due { fields, persist })
    }

    fn is_due(&self, addresses: &[Multiaddr], now: Now) -> bool {
        let Some(made) = &self.made else {
            return true;
        };
        let age = now.mono.saturating_duration_since(made.at);
        if age < QUIET {
            return false;
        }
        let ahead = made.created_ms > now.wall_ms.saturating_add(MESSAGE_SKEW_MS);
        let over = now.wall_ms >= made.created_ms.saturating_add(RECORD_TTL_MS / 2);
        made.addresses != addresses || age >= RENEWAL || ahead || over
    }
}

/// The addresses that belong into the record, in an order that does not depend on that of finding
/// them, none twice, and no more than a record may have.
fn chosen(addresses: &[Multiaddr]) -> Vec<Multiaddr> {
    let mut chosen = announceable(addresses);
    chosen.retain(|address| address.as_ref().len() <= MAX_ADDRESS_BYTES);
    chosen.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    chosen.dedup();
    chosen.truncate(MAX_ADDRESSES);
    chosen
}

/// The row: `[1, seq]`.
fn write(seq: u64) -> Vec<u8> {
    let mut out = Writer::with_capacity(16);
    out.array(2).uint(VERSION).uint(seq);
    out.finish()
}

fn read(row: &[u8]) -> Result<u64, CborError> {
    let mut reader = Reader::new(row);
    reader.array_of(2)?;
    if reader.uint()? != VERSION {
        return Err(CborError::OutOfRange);
    }
    let seq = reader.uint()?;
    reader.finish()?;
    Ok(seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{Clock, ManualClock},
        identity::{KeyPair, NodeIdentity, NodeRecord},
    };

    const NETWORK: (ChainId, Hash32) = (ChainId(7), Hash32([3; 32]));
    const START: u64 = 1_800_000_000_000;
    const HOUR: u64 = 3_600_000;

    fn addresses(hosts: &[u8]) -> Vec<Multiaddr> {
        let address = |n| format!("/ip4/8.8.8.{n}/tcp/1").parse().unwrap();
        hosts.iter().map(address).collect()
    }

    fn fresh() -> OwnRecord {
        OwnRecord::new(NETWORK, None).unwrap()
    }

    #[test]
    fn the_first_is_due_at_once_the_next_when_half_its_life_is_gone() {
        let (mut own, clock) = (fresh(), ManualClock::at_wall_ms(START));
        let ours = addresses(&[1]);
        let first = own.due(&ours, clock.now()).unwrap();
        assert_eq!(first.fields.addresses, ours);
        assert_eq!((first.fields.seq, first.fields.created_ms), (START, START));
        let identity = NodeIdentity::from_keypair(KeyPair::deterministic([1; 32]).unwrap());
        assert!(NodeRecord::sign(&identity, &first.fields).is_ok());
        clock.advance(RENEWAL - Duration::from_millis(1));
        assert_eq!(own.due(&ours, clock.now()), None);
        clock.advance(Duration::from_millis(1));
        assert!(own.due(&ours, clock.now()).is_some());
    }

    #[test]
    fn changed_addresses_make_a_new_one_but_not_another_order_or_a_burst() {
        let (mut own, clock) = (fresh(), ManualClock::at_wall_ms(START));
        own.due(&addresses(&[1, 2]), clock.now()).unwrap();
        assert_eq!(own.due(&addresses(&[3]), clock.now()), None, "a burst");
        clock.advance(QUIET);
        let shuffled = addresses(&[2, 1, 1]);
        assert_eq!(own.due(&shuffled, clock.now()), None);
        let due = own.due(&addresses(&[3]), clock.now()).unwrap();
        assert_eq!(due.fields.addresses, addresses(&[3]));
        clock.advance(QUIET);
        let many: Vec<u8> = (0..100).collect();
        let due = own.due(&addresses(&many), clock.now()).unwrap();
        assert_eq!(due.fields.addresses.len(), MAX_ADDRESSES);
    }

    #[test]
    fn numbers_rise_whatever_the_wall_clock_does() {
        let clock = ManualClock::at_wall_ms(START);
        let (mut own, ours) = (fresh(), addresses(&[1]));
        let mut last = own.due(&ours, clock.now()).unwrap();
        for wall in [
            START - 5 * HOUR,
            START + 48 * HOUR,
            0,
            START - 1,
            START + 9 * HOUR,
        ] {
            clock.advance(QUIET);
            clock.step_wall_to_ms(wall);
            let due = own.due(&ours, clock.now());
            if let Some(due) = due {
                assert!(due.fields.seq > last.fields.seq, "{wall}");
                assert_eq!(due.fields.created_ms, wall);
                last = due;
            }
            // A restart with the row that was committed.
            let row = last.persist.value.clone();
            own = OwnRecord::new(NETWORK, row.as_deref()).unwrap();
            let due = own.due(&ours, clock.now()).unwrap();
            assert!(due.fields.seq > last.fields.seq, "{wall}");
            last = due;
        }
    }

    #[test]
    fn a_clock_that_was_set_makes_a_record_that_readers_take() {
        let clock = ManualClock::at_wall_ms(START);
        let (mut own, ours) = (fresh(), addresses(&[1]));
        own.due(&ours, clock.now()).unwrap();
        clock.advance(QUIET);
        clock.step_wall_to_ms(START - MESSAGE_SKEW_MS);
        assert_eq!(own.due(&ours, clock.now()), None, "they still take it");
        clock.step_wall_to_ms(START - MESSAGE_SKEW_MS - 1);
        assert!(own.due(&ours, clock.now()).is_some());
        clock.advance(QUIET);
        clock.step_wall_to_ms(START + 30 * HOUR);
        assert!(own.due(&ours, clock.now()).is_some());
    }

    #[test]
    fn a_lost_row_is_made_up_for_by_the_clock_and_a_damaged_one_is_named() {
        let clock = ManualClock::at_wall_ms(START);
        let ours = addresses(&[1]);
        let before = fresh().due(&ours, clock.now()).unwrap();
        clock.advance(Duration::from_secs(1));
        let after = fresh().due(&ours, clock.now()).unwrap();
        assert!(after.fields.seq > before.fields.seq);
        assert!(OwnRecord::new(NETWORK, Some(&[0x80])).is_err());
        assert!(OwnRecord::new(NETWORK, Some(&[0x82, 2, 5])).is_err());
        let row = write(u64::MAX);
        let mut own = OwnRecord::new(NETWORK, Some(&row)).unwrap();
        assert_eq!(own.due(&ours, clock.now()), None);
    }
}
