//! What the thread of mDNS may write to the log.
//!
//! libp2p's mDNS writes a line for every peer it hears of, so anybody on the local network could
//! fill a disk. Its warnings and errors matter (an interface that cannot be listened on), a few of
//! them.

use std::sync::atomic::{AtomicU32, Ordering};

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

/// Lines a thread may write. Each failed answer to a query would be another.
const MAX_LINES: u32 = 16;

/// Passes the first few warnings and errors on.
pub(super) struct Quiet {
    inner: Dispatch,
    lines: AtomicU32,
}

impl Quiet {
    /// A filter before `inner`.
    pub(super) fn before(inner: Dispatch) -> Self {
        Self {
            inner,
            lines: AtomicU32::new(0),
        }
    }
}

impl Subscriber for Quiet {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::WARN && self.inner.enabled(metadata)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if self.lines.fetch_add(1, Ordering::Relaxed) < MAX_LINES {
            self.inner.event(event);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing::{error, info, subscriber::with_default, warn};

    use super::*;

    /// Counts events.
    struct Counter(Arc<AtomicU32>);

    impl Subscriber for Counter {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn passes_a_few_warnings_and_nothing_that_everybody_can_cause() {
        let seen = Arc::new(AtomicU32::new(0));
        let count = || seen.load(Ordering::Relaxed);
        let quiet = Quiet::before(Dispatch::new(Counter(seen.clone())));
        with_default(quiet, || {
            info!("discovered peer on address");
            assert_eq!(count(), 0);
            warn!("one");
            error!("two");
            assert_eq!(count(), 2);
            for _ in 0..1000 {
                error!("failed");
            }
            assert_eq!(count(), MAX_LINES);
        });
    }
}
