//! Whether a transaction from the network is taken, and what becomes of its sender.
//!
//! Two steps, because admission may take time: [`judge`] needs no pool and runs where blocking is
//! allowed; [`verdict`] reads what the pool said to the result. Layers, cheapest first: size, form
//! (one canonical CBOR map), duplicate, admission, room.

use super::{Ignored, Verdict};
use crate::{
    ids::Hash32,
    offence::Offence,
    pool::{Admission, Candidate, PoolError},
    registry::MAX_PUSHED_BYTES,
};

/// How a transaction came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// Pushed through the mesh, where only those of at most
    /// [`MAX_PUSHED_BYTES`] travel.
    Pushed,
    /// In the answer to our request.
    Fetched,
}

/// Judges the transaction `tx`. `known` says whether an id waits in the pool, or was seen so lately
/// that it would be of no use. What is `Ok` goes to [`crate::pool::Pool::add`], whose result is read
/// by [`verdict`].
///
/// # Errors
/// The verdict: rejected for its size or form, ignored as a duplicate or because `admission` does
/// not want it.
pub fn judge(
    tx: &[u8],
    came: Came,
    known: impl FnOnce(&Hash32) -> bool,
    admission: &dyn Admission,
) -> Result<Candidate, Verdict> {
    if came == Came::Pushed && tx.len() > MAX_PUSHED_BYTES {
        return Err(Verdict::Reject {
            offence: Offence::OversizedMessage,
            detail: format!("pushed a transaction of {} bytes", tx.len()),
        });
    }
    Candidate::check(tx, known, admission).map_err(|e| refusal(&e))
}

/// What the pool's decision means for the message.
#[must_use]
pub fn verdict(added: &Result<Hash32, PoolError>) -> Verdict {
    match added {
        Ok(_) => Verdict::Accept,
        Err(error) => refusal(error),
    }
}

/// Only the form is the sender's fault: what an application refuses here, another may take.
fn refusal(error: &PoolError) -> Verdict {
    match error {
        PoolError::Form(form) => Verdict::Reject {
            offence: form.offence(),
            detail: error.to_string(),
        },
        PoolError::Known => Verdict::Ignore(Ignored::Duplicate),
        PoolError::Refused { .. } => Verdict::Ignore(Ignored::NotAdmitted),
        PoolError::Full => Verdict::Ignore(Ignored::Full),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Instant};

    use super::*;
    use crate::{
        cbor::Writer,
        pool::{AnyTx, Limits, Pool, Priority},
        registry::MAX_TX_BYTES,
    };

    fn tx(len: usize) -> Vec<u8> {
        let mut w = Writer::new();
        w.map(1).uint(0).bytes(&vec![0; len]);
        w.finish()
    }

    fn offence(tx: &[u8], came: Came) -> Option<Offence> {
        match judge(tx, came, |_| panic!("looked up"), &Never) {
            Err(Verdict::Reject { offence, .. }) => Some(offence),
            _ => None,
        }
    }

    /// Takes nothing.
    #[derive(Debug)]
    struct Never;

    impl Admission for Never {
        fn admit(&self, _: &Hash32, _: &[u8]) -> Result<Priority, PoolError> {
            Err(PoolError::Refused {
                reason: "never".into(),
            })
        }
    }

    #[test]
    fn what_has_not_the_form_is_rejected_before_anything_is_looked_up() {
        let cases: [(&[u8], Offence); 6] = [
            (&[], Offence::NonCanonicalCbor),
            (&[0x80], Offence::MalformedMessage),
            (&[0xa1, 1], Offence::NonCanonicalCbor),
            (&[0xa1, 0x18, 1, 2], Offence::NonCanonicalCbor),
            (&[0xa2, 2, 0, 1, 0], Offence::NonCanonicalCbor),
            (&tx(MAX_TX_BYTES), Offence::OversizedMessage),
        ];
        for (bytes, expected) in cases {
            assert_eq!(offence(bytes, Came::Fetched), Some(expected), "{bytes:x?}");
        }
    }

    #[test]
    fn a_transaction_too_long_to_push_may_be_fetched() {
        let long = tx(MAX_PUSHED_BYTES);
        assert_eq!(
            offence(&long, Came::Pushed),
            Some(Offence::OversizedMessage)
        );
        assert!(judge(&long, Came::Fetched, |_| false, &AnyTx).is_ok());
        let just = tx(MAX_PUSHED_BYTES - 5);
        assert_eq!(just.len(), MAX_PUSHED_BYTES);
        assert!(judge(&just, Came::Pushed, |_| false, &AnyTx).is_ok());
    }

    #[test]
    fn duplicates_cost_no_admission_and_are_nobodys_fault() {
        let known = judge(&tx(1), Came::Pushed, |_| true, &Never);
        assert_eq!(known, Err(Verdict::Ignore(Ignored::Duplicate)));
        let refused = judge(&tx(1), Came::Pushed, |_| false, &Never);
        assert_eq!(refused, Err(Verdict::Ignore(Ignored::NotAdmitted)));
    }

    #[test]
    fn what_the_pool_says_is_the_verdict() {
        let limits = Limits {
            max_txs: 1,
            ..Limits::default()
        };
        let mut pool = Pool::new(limits, Arc::new(AnyTx));
        let mut take = |bytes: &[u8]| {
            let new = judge(bytes, Came::Pushed, |_| false, &AnyTx).expect("the form is right");
            verdict(&pool.add(new, Instant::now()))
        };
        assert_eq!(take(&tx(1)), Verdict::Accept);
        assert_eq!(take(&tx(1)), Verdict::Ignore(Ignored::Duplicate));
        assert_eq!(take(&tx(2)), Verdict::Ignore(Ignored::Full));
    }
}
