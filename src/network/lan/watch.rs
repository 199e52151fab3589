//! libp2p's mDNS on a thread of its own.
//!
//! Its poll takes in what its sockets hear for as long as they hear something. With sockets and poll
//! on one thread that ends after some dozen answers, so that the list it keeps can be watched: on
//! the runtime of the node other threads would go on filling it, and the event loop would not
//! return. With its thread go its sockets and tasks, whatever they do.

use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::Instant,
};

use libp2p::{
    Multiaddr, PeerId,
    core::transport::ListenerId,
    mdns,
    swarm::{ExpiredListenAddr, FromSwarm, NetworkBehaviour, NewListenAddr, ToSwarm},
};
use tokio::{
    runtime,
    sync::{mpsc, oneshot, watch},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{dispatcher, subscriber::with_default};

use super::quiet::Quiet;
use crate::bucket::{Bucket, Rate};

/// Most addresses that libp2p's mDNS may list before it counts as flooded. It searches the list from
/// end to end for each answer; twice as many as we would ever take from it.
pub const MAX_LISTED: usize = 512;

/// New addresses that may be heard in the long run: [`MAX_LISTED`] at once, then so many a second.
/// Answers that are void as soon as they are given never fill the list, so they are counted.
const HEARD: Rate = Rate {
    per_second: 8,
    burst: MAX_LISTED as u32,
};

/// Reports that wait for the event loop; more are lost and heard again in their time.
const MAX_REPORTS: usize = 64;

/// What was heard.
#[derive(Debug)]
pub(super) enum Report {
    Found(Vec<(PeerId, Multiaddr)>),
    Gone(Vec<(PeerId, Multiaddr)>),
}

/// Why the thread has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Flooded,
    Failed(String),
}

/// What hears: libp2p's mDNS, or a test.
pub(super) trait Source {
    /// The next report.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Report>;
    /// How many addresses it lists.
    fn listed(&self) -> usize;
    /// We listen, or no longer listen, on `address`.
    fn listen(&mut self, address: &Multiaddr, listening: bool);
}

/// Makes a source, on its thread.
pub(super) type Make = Arc<dyn Fn(PeerId) -> io::Result<Box<dyn Source>> + Send + Sync>;

/// A running thread. It ends when this is dropped.
pub(super) struct Watch {
    reports: mpsc::Receiver<Report>,
    end: oneshot::Receiver<End>,
    listening: watch::Sender<Vec<Multiaddr>>,
    _stop: DropGuard,
}

impl Watch {
    /// Starts a thread.
    pub(super) fn start(own: PeerId, make: Make, listening: Vec<Multiaddr>) -> io::Result<Self> {
        let (send_report, reports) = mpsc::channel(MAX_REPORTS);
        let (send_end, end) = oneshot::channel();
        let (listening, addresses) = watch::channel(listening);
        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let log = dispatcher::get_default(Clone::clone);
        thread::Builder::new()
            .name("mdns".to_owned())
            .spawn(move || {
                let work = async {
                    tokio::select! {
                        () = stop.cancelled() => None,
                        end = hear(own, &make, addresses, send_report) => Some(end),
                    }
                };
                let runtime = runtime::Builder::new_current_thread().enable_all().build();
                let end = with_default(Quiet::before(log), || match runtime {
                    Ok(runtime) => runtime.block_on(work),
                    Err(error) => Some(End::Failed(error.to_string())),
                });
                if let Some(end) = end {
                    // Nobody waits any more if the node has stopped meanwhile.
                    let _ = send_end.send(end);
                }
            })?;
        Ok(Self {
            reports,
            end,
            listening,
            _stop: guard,
        })
    }

    /// Tells the thread where we listen now.
    pub(super) fn listen(&self, addresses: Vec<Multiaddr>) {
        self.listening.send_replace(addresses);
    }

    /// The next report.
    pub(super) fn poll_report(&mut self, cx: &mut Context<'_>) -> Poll<Option<Report>> {
        self.reports.poll_recv(cx)
    }

    /// Why it has ended. Not to be polled again afterwards.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let end = std::pin::Pin::new(&mut self.end).poll(cx);
        end.map(|end| end.unwrap_or_else(|_| End::Failed("its thread has ended".to_owned())))
    }
}

async fn hear(
    own: PeerId,
    make: &Make,
    mut addresses: watch::Receiver<Vec<Multiaddr>>,
    reports: mpsc::Sender<Report>,
) -> End {
    let mut source = match make(own) {
        Ok(source) => source,
        Err(error) => return End::Failed(error.to_string()),
    };
    let mut heard = Heard(Bucket::new(HEARD));
    let mut told: Vec<Multiaddr> = Vec::new();
    loop {
        let now = addresses.borrow_and_update().clone();
        told.iter()
            .filter(|old| !now.contains(old))
            .for_each(|old| source.listen(old, false));
        now.iter()
            .filter(|new| !told.contains(new))
            .for_each(|new| source.listen(new, true));
        told = now;
        loop {
            let report = tokio::select! {
                changed = addresses.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return End::Failed("the node has stopped".to_owned()),
                },
                report = poll_fn(|cx| source.poll(cx)) => report,
            };
            if source.listed() > MAX_LISTED || !heard.count(&report) {
                return End::Flooded;
            }
            let _ = reports.try_send(report);
        }
    }
}

/// How much was heard of late.
struct Heard(Bucket);

impl Heard {
    /// Counts what is new in `report`; `false` if it is too much.
    fn count(&mut self, report: &Report) -> bool {
        match report {
            Report::Found(found) => found.iter().all(|_| self.0.spend(Instant::now(), 0)),
            Report::Gone(_) => true,
        }
    }
}

/// libp2p's mDNS over IPv4.
pub(super) fn real(own: PeerId) -> io::Result<Box<dyn Source>> {
    let inner = mdns::tokio::Behaviour::new(mdns::Config::default(), own)?;
    Ok(Box::new(Real(inner)))
}

struct Real(mdns::tokio::Behaviour);

impl Source for Real {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Report> {
        loop {
            match self.0.poll(cx) {
                Poll::Ready(ToSwarm::GenerateEvent(mdns::Event::Discovered(found))) => {
                    return Poll::Ready(Report::Found(found));
                }
                Poll::Ready(ToSwarm::GenerateEvent(mdns::Event::Expired(gone))) => {
                    return Poll::Ready(Report::Gone(gone));
                }
                // What it would tell the swarm about addresses of peers.
                Poll::Ready(_) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn listed(&self) -> usize {
        self.0.discovered_nodes().len()
    }

    fn listen(&mut self, addr: &Multiaddr, listening: bool) {
        // It looks at the address alone.
        let listener_id = ListenerId::next();
        self.0.on_swarm_event(if listening {
            FromSwarm::NewListenAddr(NewListenAddr { listener_id, addr })
        } else {
            FromSwarm::ExpiredListenAddr(ExpiredListenAddr { listener_id, addr })
        });
    }
}
