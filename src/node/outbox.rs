//! Effects of a task on their way to the event loop.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::effect::Effect;

/// The event loop is gone: there is nothing left to do.
pub(crate) struct LoopGone;

/// Effects of one turn. The task waits for the loop before it takes the next input, so this holds
/// what one input leads to.
pub(crate) struct Outbox {
    effects: mpsc::Sender<Effect>,
    waiting: VecDeque<Effect>,
}

impl Outbox {
    pub(crate) fn new(effects: mpsc::Sender<Effect>) -> Self {
        Self {
            effects,
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.waiting.push_back(effect);
    }

    /// A sender for tasks that answer by themselves.
    pub(crate) fn sender(&self) -> mpsc::Sender<Effect> {
        self.effects.clone()
    }

    pub(crate) async fn flush(&mut self) -> Result<(), LoopGone> {
        while let Some(effect) = self.waiting.pop_front() {
            self.effects.send(effect).await.map_err(|_| LoopGone)?;
        }
        Ok(())
    }
}
