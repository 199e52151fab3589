//! A sender's side of a substream: which number comes next, who waits for a receipt.

use std::collections::VecDeque;

use super::{Ack, FrameError, Refusal};

/// Messages on the way, each with the ticket its sender gave for it.
#[derive(Debug)]
pub struct Outbox<T> {
    window: usize,
    acknowledged: u64,
    waiting: VecDeque<T>,
}

impl<T> Outbox<T> {
    /// At most `window` messages wait for a receipt; one at least.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self {
            window: window.max(1),
            acknowledged: 0,
            waiting: VecDeque::new(),
        }
    }

    /// How many more messages may be sent now.
    #[must_use]
    pub fn room(&self) -> usize {
        self.window.saturating_sub(self.waiting.len())
    }

    /// How many wait for a receipt.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Numbers a message. The caller has asked for [`Outbox::room`].
    pub fn push(&mut self, ticket: T) -> u64 {
        self.waiting.push_back(ticket);
        self.sent()
    }

    /// The last number given.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.acknowledged + self.waiting.len() as u64
    }

    /// Takes a receipt and gives each ticket it covers, in order, with the refusal if there is one.
    ///
    /// # Errors
    /// It covers what was not sent, or nothing new.
    pub fn acknowledge(
        &mut self,
        ack: &Ack,
        mut done: impl FnMut(T, Option<Refusal>),
    ) -> Result<(), FrameError> {
        let sent = self.sent();
        let old = ack
            .refused
            .first()
            .is_some_and(|r| r.0 <= self.acknowledged);
        if ack.up_to <= self.acknowledged || ack.up_to > sent || old {
            return Err(FrameError::AckUnsent {
                up_to: ack.up_to,
                acknowledged: self.acknowledged,
                sent,
            });
        }
        let mut refused = ack.refused.iter().peekable();
        while self.acknowledged < ack.up_to {
            let Some(ticket) = self.waiting.pop_front() else {
                break;
            };
            self.acknowledged += 1;
            let refusal = refused.next_if(|r| r.0 == self.acknowledged).map(|r| r.1);
            done(ticket, refusal);
        }
        Ok(())
    }

    /// Whoever still waits when the substream ends.
    pub fn into_unacknowledged(self) -> impl Iterator<Item = T> {
        self.waiting.into_iter()
    }
}
