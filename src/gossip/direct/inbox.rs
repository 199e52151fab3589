//! A receiver's side of a substream: which number is due, what to acknowledge.

use super::{Ack, FrameError, Refusal};

/// Messages after which a receipt is due although more wait to be read: a quarter of the window,
/// so that the sender never stands still for want of one.
const ACK_EVERY: u64 = crate::registry::MAX_DIRECT_WINDOW as u64 / 4;

/// What has arrived and is not yet acknowledged.
#[derive(Debug, Default)]
pub struct Inbox {
    received: u64,
    acknowledged: u64,
    refused: Vec<(u64, Refusal)>,
}

impl Inbox {
    /// Takes the number of a message, before anything is done with it.
    ///
    /// # Errors
    /// It does not follow the one before.
    pub fn expect(&self, seq: u64) -> Result<(), FrameError> {
        let expected = self.received + 1;
        if seq != expected {
            return Err(FrameError::Sequence {
                expected,
                found: seq,
            });
        }
        Ok(())
    }

    /// The message due was taken, or not.
    pub fn settle(&mut self, refusal: Option<Refusal>) {
        self.received += 1;
        if let Some(refusal) = refusal {
            self.refused.push((self.received, refusal));
        }
    }

    /// Whether a receipt should not wait for the end of what has been read.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.received - self.acknowledged >= ACK_EVERY
    }

    /// The receipt for everything since the last one, if there is anything.
    pub fn take_ack(&mut self) -> Option<Ack> {
        if self.received == self.acknowledged {
            return None;
        }
        self.acknowledged = self.received;
        Some(Ack {
            up_to: self.received,
            refused: std::mem::take(&mut self.refused),
        })
    }
}
