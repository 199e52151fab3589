//! What the tests of the channel share: an in-memory pipe, nodes with fixed identities, an
//! observer that writes down what it sees.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use futures::{AsyncRead, AsyncWrite};

use super::{Config, End, HandshakeReport, Observer, Session, SessionInfo, initiate, respond};
use crate::{
    clock::ManualClock,
    identity::{KeyPair, NodeIdentity, Policy},
    ids::{ChainId, Hash32},
    registry::CHANNEL_PROTOCOL,
};

/// The wall clock of every test.
pub(super) const NOW_MS: u64 = 1_800_000_000_000;
pub(super) const CHAIN: ChainId = ChainId(1337);
pub(super) const GENESIS: Hash32 = Hash32([0x47; 32]);

/// One direction of a pipe.
#[derive(Debug, Default)]
pub(super) struct Half {
    bytes: VecDeque<u8>,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One end of an in-memory byte stream that holds at most `capacity` bytes each way.
#[derive(Debug)]
pub(super) struct Pipe {
    read: Arc<Mutex<Half>>,
    write: Arc<Mutex<Half>>,
    capacity: usize,
}

impl Pipe {
    pub(super) fn pair(capacity: usize) -> (Self, Self) {
        let (a, b) = <(Arc<Mutex<Half>>, Arc<Mutex<Half>>)>::default();
        let end = |read: &Arc<_>, write: &Arc<_>| Self {
            read: Arc::clone(read),
            write: Arc::clone(write),
            capacity,
        };
        (end(&a, &b), end(&b, &a))
    }

    /// Takes everything that the other end has written.
    pub(super) fn steal(&self) -> Vec<u8> {
        let mut half = lock(&self.read);
        wake(&mut half.writer);
        half.bytes.drain(..).collect()
    }

    /// Ends our direction as a reset would, without a word.
    pub(super) fn cut(&self) {
        let mut half = lock(&self.write);
        half.closed = true;
        wake(&mut half.reader);
    }

    /// Writes without asking for room.
    pub(super) fn inject(&self, bytes: &[u8]) {
        let mut half = lock(&self.write);
        half.bytes.extend(bytes);
        wake(&mut half.reader);
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.cut();
    }
}

fn lock(half: &Mutex<Half>) -> MutexGuard<'_, Half> {
    half.lock().unwrap()
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut half = lock(&self.read);
        let n = half.bytes.len().min(out.len());
        if n == 0 && !half.closed {
            half.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for (to, from) in out.iter_mut().zip(half.bytes.drain(..n)) {
            *to = from;
        }
        wake(&mut half.writer);
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut half = lock(&self.write);
        if half.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let n = data
            .len()
            .min(self.capacity - half.bytes.len().min(self.capacity));
        if n == 0 {
            half.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        half.bytes.extend(&data[..n]);
        wake(&mut half.reader);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut();
        Poll::Ready(Ok(()))
    }
}

/// An ML-DSA-65 identity that is always the same for the same `seed`.
pub(super) fn identity(seed: u8) -> NodeIdentity {
    NodeIdentity::from_keypair(KeyPair::deterministic([seed; 32]).unwrap())
}

/// A node of the default policy whose clock stands at [`NOW_MS`].
pub(super) fn node(seed: u8) -> Config {
    node_of(identity(seed), Policy::default_fips())
}

pub(super) fn node_of(identity: NodeIdentity, policy: Policy) -> Config {
    let mut config = Config::new(identity, Arc::new(policy), CHAIN, GENESIS).unwrap();
    config.clock = Arc::new(ManualClock::at_wall_ms(NOW_MS));
    config
}

/// Writes down what it sees.
#[derive(Debug, Default)]
pub(super) struct Notebook(Mutex<Vec<String>>);

impl Notebook {
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Observer for Notebook {
    fn handshake(&self, report: &HandshakeReport<'_>) {
        self.note(format!("handshake {:?}", report.label()));
    }

    fn opened(&self, _: &Arc<SessionInfo>) {
        self.note("opened".into());
    }

    fn confirmed(&self, _: &SessionInfo) {
        self.note("confirmed".into());
    }

    fn rekeyed(&self, _: &SessionInfo, sending: bool) {
        self.note(format!("rekeyed sending={sending}"));
    }

    fn ended(&self, _: &SessionInfo, end: End) {
        self.note(format!("ended {}", end.label()));
    }
}

/// Makes `config` write to a new notebook.
pub(super) fn watch(config: &mut Config) -> Arc<Notebook> {
    let book = Arc::new(Notebook::default());
    config.observer = book.clone();
    book
}

/// Both ends of a session between two nodes over a pipe.
pub(super) async fn connect(
    initiator: &Config,
    responder: &Config,
    capacity: usize,
) -> (Session<Pipe>, Session<Pipe>) {
    let (a, b) = Pipe::pair(capacity);
    let expected = Some(responder.identity.peer_id());
    let now = responder.clock.now().mono;
    let admission = responder
        .budgets
        .admit(&super::Source::Memory, now)
        .unwrap();
    let (i, r) = futures::join!(
        initiate(initiator, a, expected, CHANNEL_PROTOCOL),
        respond(responder, b, CHANNEL_PROTOCOL, admission),
    );
    (i.unwrap().1, r.unwrap().1)
}
