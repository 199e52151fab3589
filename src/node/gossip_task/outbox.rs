//! Effects on their way to the event loop.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::LoopGone;
use crate::node::effect::Effect;

/// Effects of one turn. The task waits for the loop before it takes the next input, so this holds
/// what one input leads to.
pub(super) struct Outbox {
    effects: mpsc::Sender<Effect>,
    waiting: VecDeque<Effect>,
}

impl Outbox {
    pub(super) fn new(effects: mpsc::Sender<Effect>) -> Self {
        Self {
            effects,
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.waiting.push_back(effect);
    }

    /// A sender for tasks that answer by themselves.
    pub(super) fn sender(&self) -> mpsc::Sender<Effect> {
        self.effects.clone()
    }

    pub(super) async fn flush(&mut self) -> Result<(), LoopGone> {
        while let Some(effect) = self.waiting.pop_front() {
            self.effects.send(effect).await.map_err(|_| LoopGone)?;
        }
        Ok(())
    }
}
