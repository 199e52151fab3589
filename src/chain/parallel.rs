//! Independent work over a slice, on threads that pay for their start.

use std::{num::NonZeroUsize, thread};

/// `f` over `items` in their order, on up to `threads` threads, none of which gets fewer than
/// `least` items. The result does not depend on the number of threads.
pub(super) fn map<T: Sync, R: Send>(
    items: &[T],
    threads: NonZeroUsize,
    least: usize,
    f: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.get().min(items.len() / least.max(1)).max(1);
    if threads == 1 {
        return items.iter().map(f).collect();
    }
    let per_thread = items.len().div_ceil(threads);
    thread::scope(|scope| {
        let (first, rest) = items.split_at(per_thread);
        let f = &f;
        let others: Vec<_> = rest
            .chunks(per_thread)
            .map(|chunk| {
                let work = move || chunk.iter().map(f).collect::<Vec<_>>();
                (chunk, thread::Builder::new().spawn_scoped(scope, work))
            })
            .collect();
        let mut out: Vec<R> = first.iter().map(f).collect();
        for (chunk, thread) in others {
            match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(part)) => out.extend(part),
                // `f` panicked: carry its panic on instead of inventing a result.
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // The system is out of threads.
                Err(_) => out.extend(chunk.iter().map(f)),
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_whatever_the_number_of_threads() {
        let items: Vec<u32> = (0..1000).collect();
        for threads in [1, 2, 3, 7, 1000] {
            let threads = NonZeroUsize::new(threads).expect("not zero");
            assert_eq!(map(&items, threads, 1, |n| *n), items);
        }
        let one = NonZeroUsize::MIN;
        assert!(map(&[0; 0], one, 0, |n| *n).is_empty());
    }
}
