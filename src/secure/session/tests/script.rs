//! Any split of the stream and any interleaving of calls delivers the same content.

use std::{pin::Pin, task::Poll};

use futures::{AsyncRead, AsyncWrite, task::noop_waker};
use proptest::prelude::*;

use super::*;
use crate::{
    crypto::{aead::AeadAlg, kem::KemAlg, sign::SigAlg},
    secure::{Config, handshake::Peer, testing::node},
};

/// Two ends of a session that shook no hands, with keys that ratchet at `limits`.
pub(super) fn sessions(
    a: &Config,
    b: &Config,
    limits: KeyLimits,
) -> (Session<Pipe>, Session<Pipe>) {
    over(Pipe::pair(1 << 20), a, b, limits)
}

fn over(
    (x, y): (Pipe, Pipe),
    a: &Config,
    b: &Config,
    limits: KeyLimits,
) -> (Session<Pipe>, Session<Pipe>) {
    let start = |own: &Config, peer: &Config, direction| {
        let established = Established {
            peer: Peer {
                identity: peer.identity.public().clone(),
                signer: SigAlg::MlDsa65,
                delegated_until_ms: None,
            },
            kem: KemAlg::MlKem768,
            aead: AeadAlg::Aes256Gcm,
            traffic: Traffic {
                initiator: [1; 32].into(),
                responder: [2; 32].into(),
                exporter: [3; 32].into(),
            },
        };
        Start {
            info: SessionInfo::new(&established, direction, Duration::ZERO, (0, 0)),
            established,
            observer: own.observer.clone(),
            received: Vec::new(),
            expires_in: None,
            limits,
        }
    };
    (
        Session::new(x, start(a, b, Direction::Outbound)),
        Session::new(y, start(b, a, Direction::Inbound)),
    )
}

/// One call on one end.
#[derive(Clone, Debug)]
enum Call {
    Write(usize),
    Flush,
    Read(usize),
    Close,
}

/// One end, what it has written and what it has read.
struct End {
    session: Session<Pipe>,
    wrote: Vec<u8>,
    read: Vec<u8>,
    closed: bool,
    eof: bool,
}

impl End {
    fn new(session: Session<Pipe>) -> Self {
        Self {
            session,
            wrote: Vec::new(),
            read: Vec::new(),
            closed: false,
            eof: false,
        }
    }

    /// Makes one call; a call that would wait is dropped and changes nothing that counts.
    fn call(&mut self, call: &Call) -> bool {
        let waker = noop_waker();
        let cx = &mut Context::from_waker(&waker);
        let session = Pin::new(&mut self.session);
        match call {
            Call::Write(n) if !self.closed => {
                let from = self.wrote.len();
                let data: Vec<u8> = (from..from + n).map(|i| (i % 251) as u8).collect();
                match session.poll_write(cx, &data) {
                    Poll::Ready(n) => self.wrote.extend(&data[..n.unwrap()]),
                    Poll::Pending => return false,
                }
            }
            Call::Write(_) => assert!(session.poll_write(cx, b"x").is_ready()),
            Call::Flush => return session.poll_flush(cx).map(Result::unwrap).is_ready(),
            Call::Read(n) => {
                let mut out = vec![0; *n];
                match session.poll_read(cx, &mut out) {
                    Poll::Ready(got) => {
                        let got = got.unwrap();
                        assert!(!self.eof || got == 0, "nothing after the end");
                        self.eof |= got == 0 && *n > 0;
                        self.read.extend(&out[..got]);
                    }
                    Poll::Pending => return false,
                }
            }
            Call::Close => {
                self.closed = true;
                return session.poll_close(cx).map(Result::unwrap).is_ready();
            }
        }
        true
    }
}

fn call() -> impl Strategy<Value = (bool, Call)> {
    let call = prop_oneof![
        4 => (0usize..3000).prop_map(Call::Write),
        1 => (60_000usize..140_000).prop_map(Call::Write),
        3 => Just(Call::Flush),
        6 => (0usize..5000).prop_map(Call::Read),
        1 => (100_000usize..200_000).prop_map(Call::Read),
    ];
    (any::<bool>(), call)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn content_survives_any_split_and_any_interleaving(
        calls in prop::collection::vec(call(), 1..120),
        capacity in prop_oneof![1usize..64, 64usize..40_000, Just(1 << 20)],
        close_at in 0usize..120,
        records in 1u64..20,
    ) {
        let limits = KeyLimits { records, bytes: 200_000 };
        let (a, b) = (node(1), node(2));
        let (i, r) = over(Pipe::pair(capacity), &a, &b, limits);
        let mut ends = [End::new(i), End::new(r)];
        for (at, (who, call)) in calls.iter().enumerate() {
            ends[usize::from(*who)].call(call);
            if at == close_at {
                ends[0].call(&Call::Close);
            }
        }
        // Whatever was interrupted: flush, close and read until both have seen the end.
        let mut turns = 0;
        while !(ends[0].eof && ends[1].eof) {
            for end in &mut ends {
                end.call(&Call::Close);
                end.call(&Call::Read(1 << 16));
            }
            turns += 1;
            prop_assert!(turns < 2_000_000, "no progress");
        }
        prop_assert!(ends[0].wrote == ends[1].read);
        prop_assert!(ends[1].wrote == ends[0].read);
        prop_assert_eq!(ends[0].session.writer.ratchets(), ends[1].session.reader.ratchets());
    }
}
