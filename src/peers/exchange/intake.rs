//! What we take of the answers.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use bytes::Bytes;
use libp2p::PeerId;

use crate::{
    bucket::{Bucket, Rate},
    clock::Now,
    identity::{NodeRecord, RecordError},
    ids::{ChainId, Hash32},
    offence::Offence,
    peers::{
        fault::fault_of_record,
        rows::{Row, Rows},
    },
    registry::{MAX_PEERS_RECORDS, MESSAGE_SKEW_MS},
};

/// Records of one peer that are taken up at once and in an hour: eight full answers, twice what our
/// own questions could bring. Smaller, and a node that comes and goes would not see the network;
/// larger, and one peer could fill the book.
pub const TAKEN_PER_HOUR: u32 = 256;

/// A token is a second; a record takes as many as make [`TAKEN_PER_HOUR`] come back in an hour.
const COST: u32 = 14;

const RATE: Rate = Rate {
    per_second: 1,
    burst: TAKEN_PER_HOUR * COST,
};

/// Most questions that wait for an answer: one a peer, and never more than a few are asked.
const MAX_ASKED: usize = 64;

/// Peers whose records are counted at a time, 64 B each. Of one beyond nothing is taken.
const MAX_PEERS: usize = 4096;

/// Takes answers apart. Signatures are not verified here.
#[derive(Debug)]
pub struct Intake {
    own: PeerId,
    network: (ChainId, Hash32),
    asked: HashMap<PeerId, u32>,
    taken: Rows<Quota>,
}

#[derive(Debug)]
struct Quota(Bucket);

/// What an answer brought.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Records that are worth their verification: of nodes that were unknown or have said something
    /// new.
    pub candidates: Vec<NodeRecord>,
    /// Those that are not, and why.
    pub skipped: Vec<Skipped>,
}

/// A record that was not taken, and is nobody's offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Whose it is, if that could be read.
    pub peer: Option<PeerId>,
    /// Why.
    pub why: Ignored,
}

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ignored {
    /// It is ours.
    Own,
    /// Its node came twice in the answer.
    Duplicate,
    /// What is known of its node is as new, or newer.
    Known,
    /// It has expired, or is dated ahead: one of the clocks is wrong, or it was sent again.
    Time,
    /// It is of a version or an algorithm that this build does not know.
    Unreadable,
    /// The peer has given as many as are taken of one.
    Quota,
}

/// Why nothing of an answer was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Nobody had asked.
    #[error("an answer to no question")]
    Unsolicited,
    /// More than was asked for.
    #[error("{got} records where {asked} were asked for")]
    TooMany {
        /// How many were.
        asked: u32,
        /// How many came.
        got: usize,
    },
    /// A record that no honest peer passes on.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Intake {
    /// For the node `own` on `network`.
    #[must_use]
    pub fn new(own: PeerId, network: (ChainId, Hash32)) -> Self {
        Self {
            own,
            network,
            asked: HashMap::new(),
            taken: Rows::new(MAX_PEERS),
        }
    }

    /// Notes that `peer` is asked for `max` records. False where it is being asked already, or too
    /// many others are: then it is not to be asked.
    pub fn ask(&mut self, peer: PeerId, max: u32) -> bool {
        if self.asked.len() >= MAX_ASKED || self.asked.contains_key(&peer) {
            return false;
        }
        self.asked.insert(peer, max);
        true
    }

    /// No answer will come: it failed, or was `BUSY` or `ERROR`.
    pub fn unanswered(&mut self, peer: &PeerId) {
        self.asked.remove(peer);
    }

    /// Takes the answer of `from` apart. `known` says the number of the record of a node that we
    /// have.
    ///
    /// # Errors
    /// Something that no honest peer sends; nothing of the answer is taken then.
    pub fn answered(
        &mut self,
        from: PeerId,
        records: &[Bytes],
        known: impl Fn(&PeerId) -> Option<u64>,
        now: Now,
    ) -> Result<Taken, AnswerError> {
        let asked = self.asked.remove(&from).ok_or(AnswerError::Unsolicited)?;
        let asked = asked.min(MAX_PEERS_RECORDS as u32);
        let got = records.len();
        if got > asked as usize {
            return Err(AnswerError::TooMany { asked, got });
        }
        let mut taken = Taken::default();
        let mut seen = HashSet::new();
        for bytes in records {
            match self.judge(bytes, &mut seen, &known, now.wall_ms)? {
                Ok(record) => taken.candidates.push(record),
                Err(skipped) => taken.skipped.push(skipped),
            }
        }
        let room = self.room(from, taken.candidates.len(), now.mono);
        let over = taken.candidates.split_off(room);
        taken.skipped.extend(over.iter().map(|record| Skipped {
            peer: Some(record.identity().peer_id()),
            why: Ignored::Quota,
        }));
        Ok(taken)
    }

    /// The record, or why it is skipped.
    fn judge(
        &self,
        bytes: &Bytes,
        seen: &mut HashSet<PeerId>,
        known: &impl Fn(&PeerId) -> Option<u64>,
        now_ms: u64,
    ) -> Result<Result<NodeRecord, Skipped>, RecordError> {
        let record = match NodeRecord::decode(bytes) {
            Ok(record) => record,
            Err(e) if fault_of_record(&e).is_some() => return Err(e),
            Err(_) => {
                let (peer, why) = (None, Ignored::Unreadable);
                return Ok(Err(Skipped { peer, why }));
            }
        };
        let (fields, id) = (record.fields(), record.identity().peer_id());
        if (fields.chain_id, fields.genesis) != self.network {
            return Err(RecordError::OtherChain);
        }
        let ahead = fields.created_ms > now_ms.saturating_add(MESSAGE_SKEW_MS);
        let why = if id == self.own {
            Ignored::Own
        } else if !seen.insert(id) {
            Ignored::Duplicate
        } else if known(&id).is_some_and(|seq| fields.seq <= seq) {
            Ignored::Known
        } else if ahead || now_ms >= record.expires_ms() {
            Ignored::Time
        } else {
            return Ok(Ok(record));
        };
        let peer = Some(id);
        Ok(Err(Skipped { peer, why }))
    }

    /// Takes `wanted` records from the quota of `from`, or as many as are left.
    fn room(&mut self, from: PeerId, wanted: usize, now: Instant) -> usize {
        let Some(Quota(bucket)) = self.taken.of(from, now) else {
            return 0;
        };
        let spend = |_: &usize| {
            let left = bucket.has(now, COST);
            if left {
                bucket.take(COST);
            }
            left
        };
        (0..wanted).take_while(spend).count()
    }
}

impl Ignored {
    /// The metric label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Duplicate => "duplicate",
            Self::Known => "known",
            Self::Time => "time",
            Self::Unreadable => "unreadable",
            Self::Quota => "quota",
        }
    }
}

impl AnswerError {
    /// What the peer that answered did wrong.
    #[must_use]
    pub fn offence(&self) -> Option<Offence> {
        match self {
            Self::Unsolicited => Some(Offence::UnsolicitedResponse),
            Self::TooMany { .. } => Some(Offence::CreditExceeded),
            Self::Record(e) => fault_of_record(e),
        }
    }
}

impl Row for Quota {
    fn fresh() -> Self {
        Self(Bucket::new(RATE))
    }

    fn at_rest(&mut self, now: Instant) -> bool {
        self.0.is_full(now)
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
