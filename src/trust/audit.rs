//! An entry of the audit trail: who, what, when, how much, and what shows it.

use libp2p::PeerId;

use crate::cbor::{CborError, Reader, Writer};

use super::{
    Event, MAX_EVIDENCE,
    score::{delta_from_row, delta_to_row, from_nano, to_nano},
};

/// Form of a row.
const VERSION: u64 = 1;

/// Longest PeerId in bytes.
const MAX_PEER: usize = 74;

/// Longest row: what an event with the longest evidence takes.
pub const MAX_AUDIT_ROW: usize = 384;

/// Something that moved a score, or several like it in a row.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    /// Whose score.
    pub peer: PeerId,
    /// What happened.
    pub event: Event,
    /// When the first happened, in milliseconds since the UNIX epoch.
    pub first_ms: u64,
    /// When the last happened. A wall clock that was set back meanwhile may put it before the
    /// first.
    pub last_ms: u64,
    /// How many happened.
    pub count: u64,
    /// What they did to the score together.
    pub delta: f64,
    /// The score after the last of them.
    pub after: f64,
    /// What shows it.
    pub evidence: Option<Box<str>>,
}

impl AuditEvent {
    /// The row: a map of nine entries, see `specs/trust.md`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(128);
        w.map(9).uint(0).uint(VERSION);
        w.uint(1).bytes(&self.peer.to_bytes());
        w.uint(2).text(self.event.name());
        w.uint(3);
        match self.event.offence() {
            Some(offence) => w.text(offence.name()),
            None => w.null(),
        };
        w.uint(4).uint(self.first_ms).uint(5).uint(self.last_ms);
        w.uint(6).uint(self.count);
        w.uint(7).array(2);
        w.uint(delta_to_row(self.delta)).uint(to_nano(self.after));
        w.uint(8);
        match &self.evidence {
            Some(text) => w.text(text),
            None => w.null(),
        };
        w.finish()
    }

    /// Reads a row.
    ///
    /// # Errors
    /// Not a row of this form.
    pub fn decode(row: &[u8]) -> Result<Self, CborError> {
        if row.len() > MAX_AUDIT_ROW {
            return Err(CborError::OutOfRange);
        }
        let mut r = Reader::new(row);
        r.map_of(9)?;
        r.key(0)?;
        if r.uint()? != VERSION {
            return Err(CborError::OutOfRange);
        }
        r.key(1)?;
        let peer = PeerId::from_bytes(r.bytes_max(MAX_PEER)?).map_err(|_| CborError::OutOfRange)?;
        r.key(2)?;
        let name = r.text()?;
        r.key(3)?;
        let offence = optional_text(&mut r)?;
        r.key(4)?;
        let first_ms = r.uint()?;
        r.key(5)?;
        let last_ms = r.uint()?;
        r.key(6)?;
        let count = r.uint()?;
        r.key(7)?;
        r.array_of(2)?;
        let delta = delta_from_row(r.uint()?).ok_or(CborError::OutOfRange)?;
        let after = from_nano(r.uint()?).ok_or(CborError::OutOfRange)?;
        r.key(8)?;
        let evidence = optional_text(&mut r)?;
        r.finish()?;
        if count == 0 || evidence.is_some_and(|e| e.len() > MAX_EVIDENCE) {
            return Err(CborError::OutOfRange);
        }
        let event = Event::from_row(name, offence, after).ok_or(CborError::OutOfRange)?;
        Ok(Self {
            peer,
            event,
            first_ms,
            last_ms,
            count,
            delta,
            after,
            evidence: evidence.map(Into::into),
        })
    }
}

fn optional_text<'a>(r: &mut Reader<'a>) -> Result<Option<&'a str>, CborError> {
    if r.take_null()? {
        return Ok(None);
    }
    r.text().map(Some)
}
