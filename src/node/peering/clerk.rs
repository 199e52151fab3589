//! Work that takes longer than the task may: signatures and the disk, on the blocking pool.
//!
//! Each [`Desk`] has one piece of work at a time and a bounded queue, so that a flood at one of them
//! neither holds up the others nor takes more than one core.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::mpsc;

/// Where work waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Desk {
    /// Commits. The task makes one at a time and collects what comes meanwhile.
    Disk,
    /// What this node signs for itself, and answers to what it asked.
    Own,
    /// What others want signed or verified.
    Peers,
}

impl Desk {
    const ALL: [Self; 3] = [Self::Disk, Self::Own, Self::Peers];

    /// Pieces of work that may wait. Own work is bounded by requests of handles; a piece of a peer
    /// costs about half a millisecond, so the last one waits a few dozen.
    const fn queue(self) -> usize {
        match self {
            Self::Disk => 4,
            Self::Own => 256,
            Self::Peers => 64,
        }
    }
}

/// A piece of work, which knows what it brings back.
type Work<D> = Box<dyn FnOnce() -> D + Send>;

/// The clerk; `D` is what work brings back.
pub(super) struct Clerk<D> {
    done: mpsc::Sender<(Desk, D)>,
    desks: [State<D>; 3],
    refused: u64,
}

struct State<D> {
    busy: bool,
    queue: VecDeque<Work<D>>,
}

impl<D: Send + 'static> Clerk<D> {
    /// A clerk, and the end at which finished work arrives: hand each back to [`Clerk::finished`].
    pub(super) fn new() -> (Self, mpsc::Receiver<(Desk, D)>) {
        // One place for each desk: none ever waits for the task.
        let (done, finished) = mpsc::channel(Desk::ALL.len());
        let state = || State {
            busy: false,
            queue: VecDeque::new(),
        };
        let this = Self {
            done,
            desks: [state(), state(), state()],
            refused: 0,
        };
        (this, finished)
    }

    /// Takes up work. False: the queue of the desk is full, and nothing will come of it.
    pub(super) fn take(&mut self, desk: Desk, work: impl FnOnce() -> D + Send + 'static) -> bool {
        let state = &mut self.desks[desk as usize];
        if state.queue.len() >= desk.queue() {
            self.refused += 1;
            return false;
        }
        state.queue.push_back(Box::new(work));
        self.begin(desk);
        true
    }

    /// A piece of work of `desk` has come back: the next one begins.
    pub(super) fn finished(&mut self, desk: Desk) {
        self.desks[desk as usize].busy = false;
        self.begin(desk);
    }

    /// Whether `desk` takes one more piece of work.
    pub(super) fn has_room(&self, desk: Desk) -> bool {
        self.desks[desk as usize].queue.len() < desk.queue()
    }

    /// Whether `desk` has anything to do.
    pub(super) fn is_busy(&self, desk: Desk) -> bool {
        self.desks[desk as usize].busy
    }

    /// Pieces of work refused since the start.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    fn begin(&mut self, desk: Desk) {
        let state = &mut self.desks[desk as usize];
        if state.busy {
            return;
        }
        let Some(work) = state.queue.pop_front() else {
            return;
        };
        state.busy = true;
        let done = self.done.clone();
        tokio::task::spawn_blocking(move || {
            let result = work();
            // The task is gone: so is whoever wanted it.
            let _ = done.blocking_send((desk, result));
        });
    }
}

/// What everything signed is signed and checked with.
#[derive(Clone)]
pub(super) struct Office {
    pub(super) identity: Arc<crate::identity::NodeIdentity>,
    pub(super) policy: Arc<crate::identity::Policy>,
    pub(super) delegations: Arc<crate::identity::Delegations>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_desk_does_its_work_in_order_and_no_more_than_fits() {
        let (mut clerk, mut finished) = Clerk::new();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        assert!(clerk.take(Desk::Disk, move || {
            let _ = wait.recv();
            0
        }));
        for i in 1..=4 {
            assert!(clerk.take(Desk::Disk, move || i));
        }
        assert!(!clerk.take(Desk::Disk, || 9), "the queue is full");
        assert_eq!(clerk.refused(), 1);
        assert!(clerk.take(Desk::Own, || 7));
        assert_eq!(finished.recv().await, Some((Desk::Own, 7)));
        clerk.finished(Desk::Own);
        assert!(!clerk.is_busy(Desk::Own));
        go.send(()).expect("the work waits");
        for i in 0..=4 {
            assert_eq!(finished.recv().await, Some((Desk::Disk, i)));
            clerk.finished(Desk::Disk);
        }
    }
}
