//! The loop's end of the queue to a task. The loop never waits for it.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc::{self, error::TrySendError};

/// The sending end: what must not be lost waits in a backlog, what may is refused when the queue
/// is full.
#[derive(Debug)]
pub(crate) struct TaskLink<I> {
    inputs: mpsc::Sender<I>,
    backlog: VecDeque<I>,
    refused: Arc<AtomicU64>,
}

impl<I> TaskLink<I> {
    /// Sends to `inputs`; counts refusals in `refused`.
    pub(crate) fn new(inputs: mpsc::Sender<I>, refused: Arc<AtomicU64>) -> Self {
        Self {
            inputs,
            backlog: VecDeque::new(),
            refused,
        }
    }

    /// Sends `input` now or when there is room. Only for inputs whose number something else bounds:
    /// peers, our own requests.
    pub(crate) fn keep(&mut self, input: I) {
        self.backlog.push_back(input);
        self.flush();
    }

    /// Sends `input` if there is room, and gives it back if not.
    pub(crate) fn offer(&self, input: I) -> Result<(), I> {
        match self.inputs.try_send(input) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(input) | TrySendError::Closed(input)) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(input)
            }
        }
    }

    /// Hands over what waits, as far as there is room.
    pub(crate) fn flush(&mut self) {
        while let Some(input) = self.backlog.pop_front() {
            if let Err(TrySendError::Full(input)) = self.inputs.try_send(input) {
                self.backlog.push_front(input);
                return;
            }
        }
    }
}
